"""What a search has found."""

import math
from collections import Counter

import numpy as np

from reticnn.coercion import as_int, shown
from reticnn.notation import visible
from reticnn.tuning.places import FACTS, counting, kept_place
from reticnn.tuning.storing import optuna_here, quiet_optuna

_STATES = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}

# With fewer trials than that, nothing explains anything.
_FEWEST_TO_EXPLAIN = 4


class Tuning:
    """The trials of `tune_classifier`.

    Attributes:
        trials: Table (dict of equal-length lists) with one row per trial.
        best: Table of the best trial, or of the Pareto front of several objectives.
        objectives: List of the measures that trials were judged by.
        directions: `"minimize"` or `"maximize"` for each of them.
        settings: Dict of what was searched, by name.
        stopped: Why the search came to an early end, or None.
    """

    __module__ = "reticnn"

    def __init__(self, study, space, objectives, work, stopped):
        """Take an Optuna study with what it is of."""
        self._study, self._space, self._work = study, space, work
        self._objectives = objectives
        self.objectives, self.directions = objectives.names, objectives.directions
        self.settings = dict(space.settings)
        self.stopped = stopped
        records = study.get_trials(deepcopy=False)
        done = [trial for trial in counting(records) if trial.state.is_finished()]
        done.sort(key=kept_place)
        self._by_number = {kept_place(trial) + 1: trial for trial in done}
        self._complete = complete_trials(records)
        self.trials = self._table(done)
        self.best = self._table(best_of(self._complete, study))

    def _table(self, trials):
        """Return a table of trials."""
        rows = [
            {**row_of(trial, self._objectives), **self._labels(trial)}
            for trial in trials
        ]
        columns = [*row_of(None, self._objectives), *self._space.settings]
        return {name: [row[name] for row in rows] for name in columns}

    def _labels(self, trial):
        return {name: trial.params.get(name) for name in self._space.settings}

    @property
    def importance(self):
        """Table of how much of the variation each setting explains, by fANOVA."""
        table = {"objective": [], "setting": [], "importance": []}
        for number, objective in enumerate(self.objectives):
            found = importance_of(self._complete, self._space, number)
            for name in sorted(found, key=lambda one: _rank(found[one])):
                table["objective"].append(objective)
                table["setting"].append(name)
                table["importance"].append(found[name])
        return table

    def refit(self, trial=None, *, progress="auto"):
        """Train a new model with the settings of a trial on all images.

        These are the images of all trials, including those for validation, so that none
        are left to stop at the right epoch: if `early_stopping` kept the best epoch of
        the trial, training ends after that many epochs. Weights and training have the
        trial's seed.

        Args:
            trial: Number of the trial, from 1, or None for the best. With several
                objectives, there are several best trials: choose one. Default None.
            progress: As in `fit_classifier`. Default `"auto"`.

        Returns:
            Classifier, with what `report_classifier` shows of the search as its
            `search`.

        Raises:
            ValueError: If there is no such trial, it was not complete, or there are
                several best ones.
        """
        record = self._record(trial)
        values = self._space.values(record.params)
        facts = record.user_attrs[FACTS]
        classifier = self._work.refitted(
            values, facts["seed"], facts["kept_epochs"], progress
        )
        return classifier.changed(search=self._search(record))

    def _search(self, record):
        """Return what a classifier keeps of the search, for a report: plain values."""
        complete = [
            row for row, state in enumerate(self.trials["state"]) if state == "complete"
        ]
        return {
            "trial": kept_place(record) + 1,
            "states": dict(Counter(self.trials["state"])),
            "objectives": list(self.objectives),
            "directions": list(self.directions),
            "settings": {
                name: value
                for name, value in self._labels(record).items()
                if value is not None
            },
            "history": {
                name: [self.trials[name][row] for row in complete]
                for name in ("trial", *self.objectives)
            },
            "importance": self.importance,
        }

    def _record(self, number):
        best = self.best["trial"]
        if number is None and len(best) == 1:
            number = best[0]
        elif number is None:
            raise ValueError(
                "`trial` must be the number of one of the best trials, because there "
                f"are several: {', '.join(map(str, best))}."
                if best
                else "`trial` cannot be chosen: none has finished."
            )
        number = as_int(number, "trial")
        known = {kept_place(trial) + 1: trial for trial in self._complete}
        if number not in known:
            there = (
                "failed or was pruned" if number in self._by_number else "is missing"
            )
            raise ValueError(
                f"`trial` must be the number of a complete trial, and {number} "
                f"{there}. The column `state` of `trials` tells which are."
            )
        return known[number]

    def __repr__(self):
        """Count the trials, and give the best of them."""
        states = Counter(self.trials["state"])
        counts = ", ".join(f"{count} {state}" for state, count in states.items())
        stopped = f" (stopped: {self.stopped})" if self.stopped else ""
        number = len(self.trials["trial"])
        lines = [
            f"<Tuning> {number} trial{'s' * (number != 1)}: {counts or 'none'}{stopped}"
        ]
        best = self.best["trial"]
        if len(best) > 1:
            lines.append(
                f"best  {len(best)} trials that no other beats in all objectives"
            )
        for row in range(len(best[:5])):
            measures = [
                f"{name} {self.best[name][row]:.4g}" for name in self.objectives
            ]
            chosen = [
                f"{name}={visible(_text(self.best[name][row]))}"
                for name in self._space.settings
                if self.best[name][row] is not None
            ]
            lines.append(
                f"trial {best[row]}: {', '.join(measures)}; {', '.join(chosen)}"
            )
        return "\n".join(lines)


def _text(value):
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def row_of(trial, objectives):
    """Return what a table says of a trial, or of None, besides its settings."""
    names = ("trial", "state", *objectives.names)
    names += ("epochs_trained", "seconds", "seed", "error")
    if trial is None:
        return dict.fromkeys(names)
    facts = trial.user_attrs.get(FACTS, {})
    state = _STATES[trial.state.name]
    values = trial.values if state == "complete" else [None] * len(objectives.names)
    return {
        "trial": kept_place(trial) + 1,
        "state": state,
        **dict(zip(objectives.names, values, strict=True)),
        "epochs_trained": facts.get("epochs"),
        "seconds": facts.get("seconds"),
        "seed": facts.get("seed"),
        "error": facts.get("error"),
    }


def check_columns(space, objectives):
    """Raise if a setting has the name of another column of the table.

    Raises:
        ValueError: If so.
    """
    taken = list(row_of(None, objectives))
    for name in space.settings:
        if name in taken:
            raise ValueError(
                f"`space` has '{name}', which is the name of another column of the "
                f"table of trials, as are {shown(tuple(taken))}. Give the argument of "
                "`build` another name."
            )


def complete_trials(records):
    """Return those records that count and have values."""
    return [trial for trial in counting(records) if trial.state.name == "COMPLETE"]


def best_of(trials, study):
    """Return the first of the best trials, or those that none is better than in all."""
    if not trials:
        return []
    trials = sorted(trials, key=kept_place)
    signs = [1 if one.name == "MINIMIZE" else -1 for one in study.directions]
    costs = (
        np.array([trial.values for trial in trials]).reshape(len(trials), -1) * signs
    )
    if len(signs) == 1:
        return [trials[int(np.argmin(costs))]]
    return [
        trial
        for trial, own in zip(trials, costs, strict=True)
        if not ((costs <= own).all(axis=1) & (costs < own).any(axis=1)).any()
    ]


def importance_of(trials, space, objective):
    """Return how much of the variance of an objective each setting explains.

    Args:
        trials: Complete trials.
        space: `SearchSpace`.
        objective: Number of the objective, from 0.

    Returns:
        Dict by name, NaN where it is not known.
    """
    optuna = optuna_here()
    always = [name for name, setting in space.settings.items() if not setting.when]
    found = dict.fromkeys(space.settings, math.nan)
    values = [trial.values[objective] for trial in trials]
    if len(trials) < _FEWEST_TO_EXPLAIN or len(set(values)) == 1 or not always:
        return found
    scaled = {name: _scaled(space.settings[name], optuna) for name in always}
    with quiet_optuna():
        study = optuna.create_study()
        for trial, value in zip(trials, values, strict=True):
            params = {name: scaled[name][1](trial.params[name]) for name in always}
            study.add_trial(
                optuna.trial.create_trial(
                    params=params,
                    distributions={name: scaled[name][0] for name in always},
                    value=value,
                )
            )
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
        explained = optuna.importance.get_param_importances(
            study, evaluator=evaluator, normalize=False
        )
    return {**found, **{name: float(value) for name, value in explained.items()}}


def _scaled(setting, optuna):
    """Return a distribution without logarithms, and what to do to its values.

    fANOVA takes the limits of a range as they are: of a rate of learning, nearly all
    would lie in the upmost decade.
    """
    distribution = setting.distribution(optuna)
    if not getattr(distribution, "log", False):
        return distribution, lambda value: value
    low, high = math.log(setting.low), math.log(setting.high)
    plain = optuna.distributions.FloatDistribution(low, high)
    return plain, lambda value: min(max(math.log(value), low), high)


def _rank(importance):
    return math.inf if math.isnan(importance) else -importance
