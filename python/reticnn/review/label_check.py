"""The search for wrong labels, from probabilities that are given or learned."""

import numpy as np

from reticnn.review.features import Seer, number_of_feature_batches
from reticnn.review.given_probabilities import as_probabilities
from reticnn.review.held_out_probabilities import (
    held_out_probabilities,
    steps_of_regression,
)
from reticnn.review.labels import wrong_labels
from reticnn.runtime.conditions import warn_user

# Less than this part of the way from guessing to always right is hardly better.
_BETTER = 1 / 3


class NoLabelCheck:
    """ImageMeasures for no wrong labels.

    Attributes:
        steps: How often `findings` reports.
    """

    steps = 0

    def findings(self, groups, report):
        """Return no findings."""
        return []


class LabelCheck:
    """ImageMeasures for wrong labels, in parts whose images all have one.

    Attributes:
        steps: How often `findings` reports.
    """

    def __init__(self, classifier, probabilities, parts, batch_size):
        """Take a classifier or probabilities, and a dict of image data by name."""
        names = [name for data in parts.values() for name in data.class_names]
        self._class_names = list(dict.fromkeys(names))
        self._codes = np.concatenate(
            [data.with_classes(self._class_names).codes for data in parts.values()]
        )
        self._batch_size = batch_size
        self._probabilities = self._seer = None
        self.steps = 0
        if classifier is None:
            self._probabilities = as_probabilities(
                probabilities, parts, self._class_names
            )
            return
        self._seer = Seer(classifier)
        self._images = self._seer.images(list(parts.values()))
        self._batches = number_of_feature_batches(self._images, batch_size)
        self.steps = self._batches + steps_of_regression()

    def findings(self, groups, report):
        """Return the findings on wrong labels.

        Args:
            groups: int array, the same for copies of one image.
            report: Function to call with the number of steps that are done.
        """
        chances = self._probabilities
        if self._seer:
            features = self._seer.features(self._images, self._batch_size, report)
            chances = held_out_probabilities(
                features,
                self._codes,
                len(self._class_names),
                groups,
                lambda step: report(self._batches + step),
            )
        self._warn_of_guesses(chances)
        return wrong_labels(self._codes, chances, self._class_names)

    def _warn_of_guesses(self, chances):
        """Warn if the classes are predicted little better than by guessing."""
        there = np.unique(self._codes)
        guess = chances.argmax(axis=1)
        recall = float(np.mean([(guess[self._codes == c] == c).mean() for c in there]))
        by_chance = 1 / len(self._class_names)
        if len(there) < 2 or recall >= by_chance + _BETTER * (1 - by_chance):
            return
        name, fix = (
            ("classifier", "Give one whose features tell such images apart")
            if self._seer
            else ("probabilities", "Give those of a better classifier")
        )
        warn_user(
            f"`{name}` hardly tells the classes apart: on average {recall:.1%} of the "
            f"images of a class are predicted as it, and {by_chance:.1%} would be by "
            "guessing. Most labels that seem wrong are then wrong predictions. "
            f"{fix}, such as one trained on many more images."
        )
