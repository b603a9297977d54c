"""Classifiers that are asked about the same images, their classes in one order."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from reticnn.classifier import Classifier
from reticnn.coercion import as_int, as_seen, shown, tidy_name
from reticnn.evaluation.decisions import decided
from reticnn.evaluation.measuring import Subject
from reticnn.notation import in_words, is_visible
from reticnn.prediction.forward import number_of_batches
from reticnn.runtime.backend import is_model


class Competitor(NamedTuple):
    """What one classifier says of the images.

    Attributes:
        name: Its name.
        chances: float64 array, (n, classes).
        predicted: int array, the class that each image is predicted as.
    """

    name: str
    chances: np.ndarray
    predicted: np.ndarray

    @property
    def knows_all(self):
        """Whether there is a prediction of every image."""
        return not np.isnan(self.chances).any()

    def right(self, codes):
        """Return whether each image is predicted correctly, int."""
        return (self.predicted == codes).astype("int64")


class Contest:
    """Labelled images and the classifiers to be asked about them, checked.

    Attributes:
        names: List of the classifiers' names.
        class_names: List of the classes, in the order of the first classifier's.
        codes: int array, the class of each image.
    """

    def __init__(self, classifiers, data, class_names=None, output="auto", prior=None):
        """Check that all of them know the same classes, and those of the data."""
        check_same_classes(
            {
                name: one.class_names
                for name, one in classifiers.items()
                if isinstance(one, Classifier)
            }
        )
        self.names = list(classifiers)
        self._subjects = [
            Subject(
                one,
                data,
                class_names if is_model(one) else None,
                output if is_model(one) else "auto",
                prior=prior,
                name=f"classifiers[{name!r}]",
                model=f"model {name!r}",
            )
            for name, one in classifiers.items()
        ]
        named = zip(self.names, self._subjects, strict=True)
        check_same_classes({name: subject.class_names for name, subject in named})
        self.class_names = self._subjects[0].class_names
        self.codes = self._subjects[0].codes

    def groups(self, groups):
        """Return the group of each image, or None without groups."""
        return self._subjects[0].groups(groups)

    def competitors(self, batch_size, start_progress, threshold, costs):
        """Return the `Competitor`s, and the threshold of each or None."""
        batch_size = as_int(batch_size, "batch_size")
        steps = number_of_batches(self.codes, batch_size)
        report = start_progress(steps * len(self._subjects))
        found, thresholds = [], []
        for turn, (name, subject) in enumerate(
            zip(self.names, self._subjects, strict=True)
        ):
            _, chances, _ = subject.predicted(
                batch_size,
                lambda _, done=turn * steps: lambda step: report(done + step),
            )
            chances = chances[:, order_of(self.class_names, subject.class_names)]
            predicted, used = decided(self.codes, chances, threshold, costs)
            found.append(Competitor(name, chances, predicted))
            thresholds.append(used)
        return found, thresholds


def check_named(values, kinds):
    """Raise unless `classifiers` are two or more of some kind, by name."""
    named = in_words("a dict", "a named list")
    if not isinstance(values, Mapping):
        raise TypeError(
            f"`classifiers` must be {named} of two or more classifiers, not "
            f"{shown(values)}. Give each of them a name."
        )
    if len(values) < 2:
        raise ValueError(
            f"`classifiers` has {len(values)} classifier{'s' * (len(values) != 1)}, "
            "and comparing takes two. `evaluate_classifier()` measures one."
        )
    seen = {}
    for name, value in values.items():
        if not isinstance(name, str) or not as_seen(name) or not is_visible(name):
            raise ValueError(
                f"`classifiers` must have a name for each of them, not {shown(name)}."
            )
        twin = seen.setdefault(as_seen(name), name)
        if twin != name:
            raise ValueError(
                f"`classifiers` has names that look the same: {twin!a} and {name!a}. "
                "Give each of them its own name."
            )
        if not isinstance(value, kinds):
            raise TypeError(
                f"`classifiers` must be {named} of classifiers, or Keras models, and "
                f"{name!r} is {shown(value)}."
            )


def check_same_classes(class_names):
    """Raise unless all classifiers, a dict of lists by name, know the same classes."""
    if not class_names:
        return
    first, *others = class_names.items()
    wanted = set(map(tidy_name, first[1]))
    for name, own in others:
        if set(map(tidy_name, own)) != wanted:
            raise ValueError(
                f"`classifiers` know different classes: {first[0]!r} has "
                f"{shown(list(first[1]))}, and {name!r} has {shown(list(own))}. "
                "Compare those that answer the same question."
            )


def order_of(wanted, own):
    """Return where each of the wanted class names is among others."""
    place = {tidy_name(name): at for at, name in enumerate(own)}
    return [place[tidy_name(name)] for name in wanted]
