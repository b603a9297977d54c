"""One trial: build a model, train it, measure it."""

import itertools
import math
import warnings
import weakref
from typing import NamedTuple

from reticnn import evaluate_classifier, fit_classifier
from reticnn.data.image_data import joined_images
from reticnn.memory import changed_by_training
from reticnn.runtime.conditions import InterruptedWarning, warn_user
from reticnn.training.building import built
from reticnn.training.fingerprint import model_digest
from reticnn.tuning.places import FACTS

# What is kept with the first trial of a process: which model it was.
_DIGEST = "model"

# Of `fit_classifier`, these wait for images to validate on.
_OF_VALIDATION = ("early_stopping", "monitor", "mode", "min_delta")


class PrunedError(Exception):
    """A trial does worse than others did, and ends here."""


class SameModelError(ValueError):
    """A builder gives what an earlier trial has trained."""


class Tried(NamedTuple):
    """What came of a trial.

    `values` are those of the objectives, or None if the loss became NaN; `facts` is a
    dict of what else is kept.
    """

    values: list | None
    facts: dict


class Work:
    """What each trial does with its settings."""

    def __init__(self, build, routes, train, validation, objectives, costs):
        """Take the builder, `Routes`, image data, `Objectives`, and costs or None."""
        self._build, self._routes = build, routes
        self._train, self._validation = train, validation
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
                model = self._built(of_build, facts["seed"])
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
        return fit_classifier(
            built(lambda: self._build(**of_build), seed, "build"),
            joined_images([self._train, self._validation]),
            progress=progress,
            seed=seed,
            **_without_validation(of_training, kept_epochs),
        )

    def try_out(self, values, seed, report):
        """Train and measure a model.

        Args:
            values: Dict of the values of settings.
            seed: Whole number.
            report: Function to call after each epoch with its number, from 1, and how
                good it was; it raises `PrunedError` where that is not good enough. Or
                None.

        Returns:
            `Tried`.

        Raises:
            KeyboardInterrupt: If the user cuts it off.
        """
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            of_build, of_training = self._routes.routed(values)
            model = self._built(of_build, seed)
            digest = {} if self._is_known else {_DIGEST: model_digest(model)}
            try:
                tried = self._tried(model, of_training, seed, report)
            finally:
                self._note_trained(model)
        self._pass_on(caught)
        self._is_known = True
        return Tried(tried.values, {**digest, **tried.facts})

    def _tried(self, model, of_training, seed, report):
        if report is not None:
            of_training = _with_reports(of_training, report, self._objectives)
        classifier = fit_classifier(
            model,
            self._train,
            validation=self._validation,
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
            self._validation,
            intervals=None,
            progress="none",
            top_k=self._objectives.top_k,
            costs=self._costs,
        )
        values = self._objectives.of(scores, model)
        for name, value in zip(self._objectives.names, values, strict=True):
            if math.isnan(value):
                raise ValueError(f"`{name}` is NaN for the images of `validation`.")
        return Tried(values, facts)

    def _built(self, arguments, seed):
        """Return the model that the builder makes.

        Raises:
            SameModelError: If a trial has trained it, or a part of it, before.
            TypeError: If it is none.
        """
        model = built(lambda: self._build(**arguments), seed, "build")
        if any(self._has_been_trained(variable) for variable in model.variables):
            raise SameModelError(
                "`build` returned a model that an earlier trial has trained, or one "
                "with layers of such a model: what was learned there would count for "
                "other settings. Have it make all layers anew each time it is called, "
                "or freeze those that are shared."
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


def _with_reports(of_training, report, objectives):
    """Return arguments of `fit_classifier` with a callback that reports each epoch."""
    given = of_training.get("callbacks")
    given = [] if given is None else given
    given = list(given) if isinstance(given, (list, tuple)) else [given]
    epochs = itertools.count(1)

    def tell(epoch, logs):
        # Stages count their epochs anew.
        report(next(epochs), objectives.of_epoch(logs))

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
