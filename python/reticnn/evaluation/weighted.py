"""Measures of predictions under any weights of the images.

An estimate is the measure where every image counts once; a replicate of the bootstrap
is the measure where an image counts as often as it was drawn. Both come from here.
"""

import numpy as np

from reticnn.evaluation.calibration import BINS, bins_of
from reticnn.runtime.lazy import cached_property


class WeightedMeasures:
    """All measures of predictions of known classes.

    Args:
        codes: int array, the true class of each image counted from 0.
        probabilities: float64 array, (n, classes), without NaN.
        predicted: int array, the class that each image is predicted as.
        top_k: Whole numbers, for each of which there is a top-k accuracy.
        costs: float64 array, (classes, classes), of predicting a class (column) where
            another (row) is true; or None.
        held: Tuple of which images have a prediction set that holds the true class, and
            of the sizes of the sets; or None.
    """

    def __init__(
        self, codes, probabilities, predicted, top_k=(), costs=None, held=None
    ):
        """Find what does not depend on the weights."""
        self.codes = codes
        self.predicted = predicted
        self.num_classes = probabilities.shape[1]
        self._probabilities = probabilities
        self.images = _values_of_images(codes, probabilities, predicted, top_k, costs)
        self._held = None
        if held is not None:
            self._held, sizes = (values.astype("float64") for values in held)
            self.images |= {"coverage": self._held, "set_size": sizes}
        self._bins = bins_of(probabilities.max(axis=1))

    @cached_property
    def _rankings(self):
        return [
            _Ranking(self.codes == code, self._probabilities[:, code])
            for code in range(self.num_classes)
        ]

    def over_all(self, weights):
        """Return each measure over all images: a dict of arrays, one value per row.

        Args:
            weights: float64 array, (m, n), at least 0.
        """
        total = weights.sum(axis=1)
        means = {name: weights @ values / total for name, values in self.images.items()}
        hits, n, predicted = self._counts(weights)
        chance = agreement(hits, n, predicted)
        with np.errstate(invalid="ignore"):
            recall = hits / n
        return {
            **means,
            "balanced_accuracy": _mean_of_known(recall),
            **chance,
            "calibration_error": self._calibration_error(weights) / total,
        }

    def by_class(self, weights):
        """Return each measure by class: a dict of arrays, (m, classes)."""
        hits, n, predicted = self._counts(weights)
        areas = [ranking.areas(weights) for ranking in self._rankings]
        with np.errstate(invalid="ignore"):
            values = {
                "precision": hits / predicted,
                "recall": hits / n,
                "f1": 2 * hits / (n + predicted),
                "roc_auc": np.stack([roc for roc, _ in areas], axis=1),
                "pr_auc": np.stack([precision for _, precision in areas], axis=1),
            }
            if self._held is not None:
                held = summed_by(self.codes, weights * self._held, self.num_classes)
                values["coverage"] = held / n
        return {name: np.where(n > 0, value, np.nan) for name, value in values.items()}

    def _counts(self, weights):
        """Return the weights of the hits, of the truth and of the predictions."""
        hits = weights * (self.codes == self.predicted)
        return (
            summed_by(self.codes, hits, self.num_classes),
            summed_by(self.codes, weights, self.num_classes),
            summed_by(self.predicted, weights, self.num_classes),
        )

    def _calibration_error(self, weights):
        """Return the sum of the gaps between confidence and accuracy in the bins."""
        gaps = self._probabilities.max(axis=1) - self._most_probable_is_right
        return np.abs(summed_by(self._bins, weights * gaps, BINS)).sum(axis=1)

    @cached_property
    def _most_probable_is_right(self):
        return self._probabilities.argmax(axis=1) == self.codes


def mean_areas(by_class):
    """Return the areas under curves over all classes, from those of each class.

    Of the second class where there are two; of more, the mean over the classes in the
    data, each against the rest.
    """
    areas = {name: by_class[name] for name in ("roc_auc", "pr_auc")}
    if by_class["roc_auc"].shape[1] == 2:
        # Defined where both classes are in the data, as the other is the rest.
        known = ~np.isnan(areas["roc_auc"]).any(axis=1)
        return {
            name: np.where(known, area[:, 1], np.nan) for name, area in areas.items()
        }
    return {name: _mean_of_known(area) for name, area in areas.items()}


def _values_of_images(codes, probabilities, predicted, top_k, costs):
    """Return the values of each image of which measures are the means."""
    right = probabilities[np.arange(len(codes)), codes]
    # A probability of 0 counts as the smallest step of float64, as in scikit-learn.
    losses = -np.log(np.maximum(right, np.finfo("float64").eps))
    truth = np.eye(probabilities.shape[1])[codes]
    distances = ((probabilities - truth) ** 2).sum(axis=1)
    values = {"accuracy": (predicted == codes).astype("float64")}
    if top_k:
        place = _place_of_truth(codes, probabilities)
        for k in top_k:
            values[f"top_{k}_accuracy"] = (place < k).astype("float64")
    values["log_loss"] = losses
    # With two classes half of it: the squared error of the second's probability.
    two = probabilities.shape[1] == 2
    values["brier_score"] = distances / 2 if two else distances
    if costs is not None:
        values["mean_cost"] = costs[codes, predicted]
    return values


def _place_of_truth(codes, probabilities):
    """Return how many classes come before the true one, the most probable first.

    Among classes of the same probability the first does, as in the predicted class.
    """
    own = probabilities[np.arange(len(codes)), codes][:, None]
    before = np.arange(probabilities.shape[1]) < codes[:, None]
    return ((probabilities > own) | ((probabilities == own) & before)).sum(axis=1)


def summed_by(codes, weights, count):
    """Return the sums of the weights, (m, n), by code: (m, count)."""
    rows = np.arange(len(weights))[:, None] * count
    sums = np.bincount(
        (rows + codes).ravel(), weights.ravel(), minlength=len(weights) * count
    )
    return sums.reshape(len(weights), count)


def _mean_of_known(values):
    """Return the mean of each row without its NaN, and NaN where there is nothing."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.where(known, values, 0).sum(axis=1) / known.sum(axis=1)


def agreement(hits, n, predicted):
    """Return Cohen's kappa and Matthews's correlation coefficient.

    Both are NaN where they are 0 / 0, as where all images are and are predicted to be
    of one class.
    """
    total = n.sum(axis=1)
    right = hits.sum(axis=1) / total
    n, predicted = n / total[:, None], predicted / total[:, None]
    chance = (n * predicted).sum(axis=1)
    spread = (1 - (n**2).sum(axis=1)) * (1 - (predicted**2).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        kappa = np.where(chance < 1, (right - chance) / (1 - chance), np.nan)
        mcc = np.where(spread > 1e-15, (right - chance) / np.sqrt(spread), np.nan)
    return {"kappa": kappa, "mcc": mcc}


class _Ranking:
    """Images in the order of a score, and which of them are positive."""

    def __init__(self, positive, scores):
        order = np.argsort(scores, kind="stable").astype(np.int32)
        ordered = scores[order]
        self._order = order
        self._positive = positive[order]
        first = np.append(True, ordered[1:] != ordered[:-1])
        self._starts = np.flatnonzero(first)
        self._one_class = positive.all() or not positive.any()

    def areas(self, weights):
        """Return the areas under the ROC and the precision-recall curves.

        A tie counts half for the first. The second is the average precision: its steps
        are not joined by lines, which would promise too much.
        """
        if self._one_class:
            return np.full((2, len(weights)), np.nan)
        ordered = weights[:, self._order]
        positive = self._by_score(ordered * self._positive)
        every = self._by_score(ordered)
        # Up to each score, itself included.
        below, positive_below = every.cumsum(axis=1), positive.cumsum(axis=1)
        total, found = below[:, -1:], positive_below[:, -1:]
        beaten = below - positive_below - (every - positive) / 2
        precision = (found - positive_below + positive) / np.maximum(
            total - below + every, np.finfo("float64").tiny
        )
        with np.errstate(invalid="ignore"):
            return (
                (positive * beaten).sum(axis=1) / (found * (total - found))[:, 0],
                (positive * precision).sum(axis=1) / found[:, 0],
            )

    def _by_score(self, weights):
        """Return the sums of the weights of images of the same score."""
        if len(self._starts) == weights.shape[1]:
            return weights
        return np.add.reduceat(weights, self._starts, axis=1)
