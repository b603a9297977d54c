"""Search for better settings of a model and its training."""

import time
from functools import partial

from reticnn.coercion import as_choice, as_float, as_int, check_takes_one
from reticnn.data.accepting import image_data_of
from reticnn.notation import visible_lines
from reticnn.runtime.conditions import InterruptedWarning, warn_user
from reticnn.runtime.stopping import listening
from reticnn.tuning.judging import judging_of
from reticnn.tuning.objectives import Objectives
from reticnn.tuning.routing import Routes
from reticnn.tuning.samplers import Grid, pruner_for, sampler_for
from reticnn.tuning.search_space import SearchSpace
from reticnn.tuning.searching import FAILURES_IN_A_ROW, Search
from reticnn.tuning.storing import KeptStudy, optuna_here, quiet_optuna, text_of
from reticnn.tuning.trying import Work
from reticnn.tuning.tuned import (
    Tuning,
    best_of,
    check_columns,
    complete_trials,
    row_of,
)

_TRIALS = 20


def tune_classifier(
    build,
    data,
    space,
    study=None,
    *,
    trials=None,
    minutes=None,
    validation=None,
    v=None,
    folds=None,
    objective="accuracy",
    sampler="tpe",
    pruning=None,
    costs=None,
    progress="auto",
    seed=None,
    **options,
):
    """Search for better settings of a model and its training.

    Each trial builds a model with other settings, trains it, and is judged on images
    that it was not trained on, the same for all trials. Because these images choose the
    best trial, it looks a little better on them than it is: measure it on images that
    had no part in the search. The more trials there are, and the fewer images, the more
    of the difference is luck. With few images, folds judge better than a single part: a
    trial then trains a new model for each fold on the images of all others, as
    `cross_validate` does, and its objective is the mean over the folds, which are the
    same for all trials.

    Interrupting it (Ctrl-C) returns the results so far. With a `study`, only the
    current trial is lost even if the process is killed, and the next call repeats it.
    The same call continues until there are `trials` in total, on one machine or on
    several that work on one study at the same time: each takes the next trial, and the
    last ones wait for each other.

    A trial's seed depends only on `seed` and its number, and fixes its weights, its
    training and, with the samplers `"random"` and `"grid"`, its settings, whichever
    worker runs it. The other samplers learn from the trials finished so far, whose
    number depends on the workers. With several threads, rounding may differ.

    Args:
        build: Function that builds a new model from the settings in `space` that are
            its arguments, such as `lambda filters, dropout: build_cnn(filters=filters,
            dropout=dropout)`. A name that is an argument of `fit_classifier` goes there
            even if the function takes any.
        data: Image data with labels, or a folder, as in `fit_classifier`. Do not
            include test images.
        space: Dict of possible values, by name of the setting: a range, from
            `log_range`, `real_range` or `whole_range`; a list of choices (a dict gives
            them names, for values other than texts or numbers; `choice_of` adds
            conditions); or a single value. The names are arguments of `build` or of
            `fit_classifier`, such as `learning_rate`, or of `augmentation` after a dot,
            such as `"augmentation.rotation"`.
        study: Where trials are kept: the path of a file, which ends in `.db` for SQLite
            or in `.journal` for a journal, which is better for several machines with a
            shared drive; or the URL of a database, such as
            `"postgresql://user:password@host/name"`. A study of other images, settings
            or space is refused. None keeps nothing. Default None.
        trials: Whole number of trials in total, including those in `study`. None for as
            many as `minutes` allow, or the whole grid, or else 20. Default None.
        minutes: Float above 0, after which no new trial is started, or None for no
            limit. Default None.
        validation: Image data on which trials are judged, or the fraction of `data`, in
            (0, 1), to hold out for this; None is 0.2. With folds, on which trials are
            then judged, the fraction of each fold's training images to hold out for
            `early_stopping`, or None. Default None.
        v: Whole number of at least 2, the number of folds on which to judge trials, or
            their positions, as in `cross_validate`; None for no folds. Default None.
        folds: What `fold_images` returned for `data`, instead of `v`. Default None.
        objective: Measure of `evaluate_classifier`, such as `"accuracy"`, `"log_loss"`,
            `"roc_auc"` or `"top_5_accuracy"`, or `"parameters"`, the size of the model;
            or a list of several, for the trials that no other beats in all of them.
            Default `"accuracy"`.
        sampler: How settings are chosen: `"tpe"`, which tries more of what did well;
            `"random"`; `"grid"`, all combinations, in random order; or `"cmaes"`, for
            ranges of numbers and many trials. Default `"tpe"`.
        pruning: `"median"` ends a trial at an epoch, from the third onwards, at which
            it is worse than half of the others were; `"hyperband"` ends more, and
            sooner the more trials there are. Epochs are judged by accuracy if that is
            the objective, else by loss. With folds, trials end after a fold instead,
            from the first onwards, by the mean of the objective so far. None lets all
            trials finish. Default None.
        costs: As in `evaluate_classifier`, for the objective `"mean_cost"`. Default
            None.
        progress: `"trial"` (one line per trial), `"none"`, or `"auto"`, which is
            `"trial"`; or a function that is called after each trial with a dict of its
            number, the total number, its state and its measures. Default `"auto"`.
        seed: Whole number of at least 0 that fixes the images to judge on, the settings
            that are drawn and the trials, or None for a new one, or that of the study.
            Default None.
        **options: Arguments of `fit_classifier` that are the same in all trials, such
            as `epochs`. With folds, `augmentation` can also be a function that is
            passed the training images, as in `cross_validate`.

    Returns:
        `Tuning`. Its `trials` are a table (dict of equal-length lists) with one row per
        trial: `trial`, its number from 1; `state`, `"complete"`, `"failed"` or
        `"pruned"`, which includes trials whose loss became NaN; each objective (None
        unless complete); `epochs_trained`, in all folds; `seconds`; `seed`; `error`,
        what went wrong, or None; and a column for each setting, None if it does not
        matter. `best` has the same columns, and one row, or with several objectives the
        rows of the Pareto front. `importance` is a table of how much of the variation
        in each `objective` each `setting` explains, by fANOVA, from 0 to 1, the most
        important first; NaN for settings with a condition and if there are too few
        trials. `stopped` is `"interrupted"`, `"minutes"`, `"failures"` or None.
        `refit()` trains the best on all images.

    Raises:
        TypeError: If `build` is not a function, or `space` not a dict of settings.
        ValueError: If a name in `space` is an argument of no function or of two, a
            condition cannot be true, `build` returns a model that an earlier trial or
            fold has trained, folds are not of `data` or lack a class, an argument is
            outside its range, or the first ten trials fail.
        CheckpointError: A ValueError, if `study` has other images, settings, space,
            objective, sampler or seed, or a `build` that makes other models, or is not
            a study.
        ImportError: If Optuna or the database driver is not installed.
        FileNotFoundError: If the folder of `study` does not exist.

    Warns:
        InterruptedWarning: If the search is interrupted.
        UserWarning: If ten trials in a row fail, which ends the search, or no trial has
            finished; and once for anything that `fit_classifier` warns of.

    Example:
        >>> def build(filters, dropout):
        ...     return build_cnn(filters=filters, dropout=dropout)
        >>> tuned = tune_classifier(
        ...     build,
        ...     shape_images(500, seed=1),
        ...     {
        ...         "filters": [8, 16, 32],
        ...         "dropout": real_range(0, 0.6),
        ...         "learning_rate": log_range(1e-4, 1e-2),
        ...     },
        ...     trials=10,
        ...     epochs=3,
        ... )
        >>> classifier = tuned.refit()

    Source:
        Optuna: Akiba et al. (2019), arXiv:1907.10902. TPE: Bergstra et al. (2011),
        NeurIPS 24. CMA-ES: Hansen and Ostermeier (2001), Evolutionary Computation 9.
        Hyperband: Li et al. (2018), arXiv:1603.06560. Importance: Hutter et al. (2014),
        ICML 31.
    """
    optuna = optuna_here()
    space = SearchSpace(space)
    objectives = Objectives(objective)
    objectives.check_costs(costs)
    routes = Routes(build, list(space.settings), options)
    check_columns(space, objectives)
    tell = _as_teller(progress)
    end = _end_after(minutes)
    trials = None if trials is None else as_int(trials, "trials")
    by_fold = v is not None or folds is not None
    epochs = _epochs(routes, space)
    pruner = pruner_for(optuna, pruning, objectives, epochs, by_fold)
    data = image_data_of(data)
    with quiet_optuna(), listening():
        kept = KeptStudy(study, objectives.directions)
        seed = kept.seed(seed)
        judging = judging_of(data, validation, v, folds, seed)
        work = Work(build, routes, judging, objectives, costs)
        if study is not None:
            kept.check(
                {
                    "seed": seed,
                    "space": space.config(text_of),
                    "objective": objectives.names,
                    # A grid counts on all trials being its own.
                    "sampler": sampler,
                    "costs": text_of(costs),
                    **judging.identity(),
                    **{name: text_of(value) for name, value in options.items()},
                }
            )
            work.check_builder(kept, space)
        kept.study.pruner = pruner
        kept.study.sampler = sampler_for(optuna, sampler, space, seed, kept.study)
        total = _total(trials, minutes, kept.study.sampler)
        report = partial(_report, tell, kept.study, objectives, total)
        search = Search(kept.study, space, work.try_out, seed, total, end, report)
        search.run()
        tuning = Tuning(kept.study, space, objectives, work, search.stopped)
    _warn_of_end(tuning)
    return tuning


def _epochs(routes, space):
    """Return the number of epochs of each trial, or None if they differ."""
    if "stages" in routes.settled or {"epochs", "stages"} & set(space.settings):
        return None
    return as_int(routes.settled.get("epochs") or 10, "epochs")


def _end_after(minutes):
    """Return when to begin no more trials, by the clock of `time.monotonic`."""
    if minutes is None:
        return float("inf")
    return time.monotonic() + 60 * as_float(minutes, "minutes", above=0)


def _total(trials, minutes, sampler):
    """Return how many trials there are to be in all."""
    if isinstance(sampler, Grid):
        return min(trials or len(sampler), len(sampler))
    return trials or (_TRIALS if minutes is None else float("inf"))


def _as_teller(progress):
    """Return a function to call with a dict after each trial."""
    if callable(progress):
        check_takes_one(progress, "progress", "how far the work is")
        return progress
    choice = as_choice(progress, "progress", ("auto", "trial", "none"))
    return (lambda state: None) if choice == "none" else _print


def _print(state):
    of = f"/{state['trials']}" if state["trials"] else ""
    own = ("trial", "trials", "state", "error")
    measures = [f"{n} {value:.4g}" for n, value in state.items() if n not in own]
    said = ", ".join(
        ([] if state["state"] == "complete" else [state["state"]]) + measures
    )
    if state["error"]:
        said += f"; {state['error'].partition(chr(10))[0]}"
    print(visible_lines(f"Trial {state['trial']}{of}: {said}"), flush=True)


def _report(tell, study, objectives, total, trial):
    """Tell of a trial that is done, and of the best until then."""
    row = row_of(trial, objectives)
    state = {
        "trial": row["trial"],
        "trials": None if total == float("inf") else total,
        "state": row["state"],
        "error": row["error"],
    }
    if row["state"] == "complete":
        state |= {name: row[name] for name in objectives.names}
    if len(objectives.names) == 1:
        done = complete_trials(study.get_trials(deepcopy=False))
        if done:
            state["best"] = best_of(done, study)[0].value
    tell(state)


def _warn_of_end(tuning):
    """Say why the search has come to its end before there were enough trials."""
    failed = [error for error in tuning.trials["error"] if error]
    last = f" The last one that failed said: {failed[-1]}" if failed else ""
    done = len(tuning.trials["trial"])
    if tuning.stopped == "interrupted":
        warn_user(
            f"The search was interrupted after {done} trial{'s' * (done != 1)}.",
            InterruptedWarning,
        )
    elif tuning.stopped == "failures":
        text = (
            f"{FAILURES_IN_A_ROW} trials in a row have failed, which ended the search."
        )
        if done == len(failed):
            raise ValueError(text + last)
        warn_user(text + last)
    elif not tuning.best["trial"]:
        warn_user(f"No trial of {done} has finished.{last}")
