"""One trial: build a model, train it, measure it."""

import itertools
import math
import statistics
import warnings
import weakref
from typing import NamedTuple

from reticnn import evaluate_classifier, fit_classifier
from reticnn.memory import changed_by_training
from reticnn.runtime.conditions import InterruptedWarning, warn_user
from reticnn.saving.fingerprint import model_digest
from reticnn.training.building import built
from reticnn.tuning.fold_training import options_of_fold
from reticnn.tuning.judging import LeakError, typical_epochs
from reticnn.tuning.places import FACTS

# What is kept with the first trial of a process: which model it was.
_DIGEST = "model"

# Of `fit_classifier`, these wait for images to validate on.
_OF_VALIDATION = ("early_stopping", "monitor", "mode", "min_delta")


class PrunedError(Exception):
    """A trial does worse than others did, and ends here."""


class Tried(NamedTuple):
    """What came of a trial.

    `values` are those of the objectives, or None if the loss became NaN; `facts` is a
    dict of what else is kept.
    """

    values: list | None
    facts: dict


class Work:
    """What each trial does with its settings."""

    def __init__(self, build, routes, judging, objectives, costs):
        """Take a builder, `Routes`, `HeldOut` or `Folds`, `Objectives`, and costs."""
        self._build, self._routes, self._judging = build, routes, judging
        self._objectives, self._costs = objectives, costs
        self._trained = {}
        self._is_known = False
        self._warned = set()

    def check_builder(self, kept, space):
        """Raise if the builder makes other models than it did for a study.

        Args:
            kept: `KeptStudy`.
            space: `SearchSpace`.

        Raises:
            CheckpointError: If so.
        """
        for trial in kept.study.get_trials(deepcopy=False):
            facts = trial.user_attrs.get(FACTS, {})
            digest = facts.get(_DIGEST)
            if digest is not None:
                of_build, _ = self._routes.routed(space.values(trial.params))
                model = self._built(of_build, self._judging.seed(facts["seed"], 1))
                if model_digest(model) != digest:
                    raise kept.refuse_builder()
                return

    def refitted(self, values, seed, kept_epochs, progress):
        """Return a classifier of some settings, trained on all images.

        Args:
            values: Dict of the values of settings.
            seed: Whole number.
            kept_epochs: List of the epochs up to the kept one, of each stage or of the
                only one.
            progress: As in `fit_classifier`.
        """
        of_build, of_training = self._routes.routed(values)
        data = self._judging.all_images()
        training = _without_validation(of_training, kept_epochs)
        return fit_classifier(
            built(lambda: self._build(**of_build), seed, "build"),
            data,
            progress=progress,
            seed=seed,
            **options_of_fold(training, data),
        )

    def try_out(self, values, seed, report):
        """Train and measure a model.

        Args:
            values: Dict of the values of settings.
            seed: Whole number.
            report: Function to call after each epoch, or each fold but the last, with
                its number, from 1, how good all was until then, and the number of
                epochs trained; it raises `PrunedError` where that is not good enough.
                Or None.

        Returns:
            `Tried`.

        Raises:
            KeyboardInterrupt: If the user cuts it off.
        """
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            tried = self._tried_in_rounds(values, seed, report)
        self._pass_on(caught)
        self._is_known = True
        return tried

    def _tried_in_rounds(self, values, seed, report):
        """Return what the rounds of a trial come to, each with a model of its own."""
        rounds = self._judging.rounds
        found, digest = [], {}
        for number, one in enumerate(rounds, 1):
            of_build, of_training = self._routes.routed(values)
            own = self._judging.seed(seed, number)
            model = self._built(of_build, own)
            one.check_new(model)
            if number == 1 and not self._is_known:
                digest = {_DIGEST: model_digest(model)}
            of_epoch = report if one.fold is None else None
            try:
                found.append(self._tried(model, one, of_training, own, of_epoch))
            finally:
                self._note_trained(model)
            epochs = sum(tried.facts["epochs"] for tried in found)
            if found[-1].values is None:
                break
            if report is not None and number < len(rounds):
                report(number, _means(found)[0], epochs)
        kept = [tried.facts["kept_epochs"] for tried in found]
        facts = {"epochs": epochs, "kept_epochs": typical_epochs(kept)}
        return Tried(_means(found), {**digest, **facts})

    def _tried(self, model, one, of_training, seed, report):
        """Return what one round of a trial comes to."""
        of_training = one.options(of_training)
        if report is not None:
            of_training = _with_reports(of_training, report, self._objectives)
        classifier = fit_classifier(
            model,
            one.train,
            validation=one.validation,
            progress="none",
            seed=seed,
            **of_training,
        )
        if classifier.stopped == "interrupted":
            raise KeyboardInterrupt
        facts = {"epochs": classifier.epochs, "kept_epochs": _kept_epochs(classifier)}
        if classifier.stopped == "nan":
            # The weights from before that are no reason to choose such settings.
            return Tried(None, facts)
        scores = evaluate_classifier(
            classifier,
            one.test,
            intervals=None,
            progress="none",
            top_k=self._objectives.top_k,
            costs=self._costs,
        )
        values = self._objectives.of(scores, model)
        for name, value in zip(self._objectives.names, values, strict=True):
            if math.isnan(value):
                raise ValueError(f"`{name}` is NaN for {self._judging.name}.")
        return Tried(values, facts)

    def _built(self, arguments, seed):
        """Return the model that the builder makes.

        Raises:
            LeakError: If a trial has trained it, or a part of it, before.
            TypeError: If it is none.
        """
        model = built(lambda: self._build(**arguments), seed, "build")
        if any(self._has_been_trained(variable) for variable in model.variables):
            raise LeakError(
                "`build` returned a model that an earlier trial or fold has trained, "
                "or one with layers of such a model: what was learned there would "
                "count for others. Have it make new layers each time it is called, or "
                "freeze those that are shared."
            )
        return model

    def _note_trained(self, model):
        """Remember what a trial has changed, as long as somebody holds it."""
        kept = {key: ref for key, ref in self._trained.items() if ref() is not None}
        changed = changed_by_training(model)
        self._trained = {**kept, **{id(one): weakref.ref(one) for one in changed}}

    def _has_been_trained(self, variable):
        # Another may have got the address of one that is gone.
        return self._trained.get(id(variable), lambda: None)() is variable

    def _pass_on(self, caught):
        """Warn of what no trial has warned of before, but for being cut off."""
        for warning in caught:
            text = str(warning.message)
            if text in self._warned or issubclass(warning.category, InterruptedWarning):
                continue
            self._warned.add(text)
            warn_user(text, warning.category)


def _means(found):
    """Return the mean of each objective over rounds, or None if one has none."""
    if any(tried.values is None for tried in found):
        return None
    of_objectives = zip(*(tried.values for tried in found), strict=True)
    return [statistics.fmean(values) for values in of_objectives]


def _with_reports(of_training, report, objectives):
    """Return arguments of `fit_classifier` with a callback that reports each epoch."""
    given = of_training.get("callbacks")
    given = [] if given is None else given
    given = list(given) if isinstance(given, (list, tuple)) else [given]
    epochs = itertools.count(1)

    def tell(of_stage, logs):
        # Stages count their epochs anew.
        epoch = next(epochs)
        report(epoch, objectives.of_epoch(logs), epoch)

    return {**of_training, "callbacks": [*given, {"on_epoch_end": tell}]}


def _kept_epochs(classifier):
    """Return how many epochs each stage, or the only one, had up to the kept one."""
    stages = classifier.history.get("stage", [1] * classifier.epochs)
    kept = stages[: classifier.kept_epoch]
    return [kept.count(stage) for stage in dict.fromkeys(stages)]


def _without_validation(of_training, kept_epochs):
    """Return arguments of `fit_classifier` for as many epochs as were kept.

    Where the best epoch was kept, those after it are left out: nothing says any more
    which is the best.
    """
    training = dict(of_training)
    stages = training.get("stages")
    early = training.get("early_stopping") is not None
    if stages is not None:
        early = early or any(one.get("early_stopping") is not None for one in stages)
    if not early:
        return training
    for name in _OF_VALIDATION:
        training.pop(name, None)
    if stages is None:
        return {**training, "epochs": kept_epochs[0] if kept_epochs else 1}
    # Stages after the kept epoch have changed nothing that is left.
    training["stages"] = [
        {**{n: v for n, v in stage.items() if n != "early_stopping"}, "epochs": epochs}
        for stage, epochs in zip(stages, kept_epochs, strict=False)
    ]
    return training
