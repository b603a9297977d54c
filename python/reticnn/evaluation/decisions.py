"""Which class an image is predicted as, given its probabilities."""

from collections.abc import Mapping

import numpy as np

from reticnn.coercion import as_choice, as_float, shown
from reticnn.evaluation.weighted import agreement

# What a threshold can be chosen by; a low cost is good.
THRESHOLD_MEASURES = (
    "accuracy",
    "balanced_accuracy",
    "f1",
    "kappa",
    "mcc",
    "mean_cost",
)


def as_threshold(threshold, class_names, costs):
    """Return a threshold as a float, the name of a measure, or None.

    Raises:
        ValueError: If there are not two classes, it is none of these, or costs are
            needed and not given.
    """
    if threshold is None:
        return None
    if len(class_names) != 2:
        raise ValueError(
            f"`threshold` divides two classes, and there are {len(class_names)}: "
            f"{shown(list(class_names))}. Give `costs` instead, which can weigh any "
            "number of classes."
        )
    if not isinstance(threshold, str):
        return as_float(threshold, "threshold", minimum=0, maximum=1)
    as_choice(threshold, "threshold", THRESHOLD_MEASURES)
    if threshold == "mean_cost" and costs is None:
        raise ValueError(
            "`threshold` of 'mean_cost' needs the cost of each mistake. Give `costs`."
        )
    return threshold


def as_costs(costs, class_names):
    """Return costs as an array, (truth, predicted), or None.

    Args:
        costs: Array in the order of the classes, or a dict of dicts: by true class, the
            cost of each predicted class.
        class_names: List of the classes.

    Raises:
        ValueError: If it is for other classes, or has a cost that is no number.
    """
    if costs is None:
        return None
    if isinstance(costs, Mapping):
        rows = [costs, *costs.values()]
        if any(
            not isinstance(row, Mapping) or set(row) != set(class_names) for row in rows
        ):
            raise ValueError(
                "`costs` must have, for each true class, the cost of each predicted "
                f"class, of the classes {shown(list(class_names))}; it is "
                f"{shown(costs)}."
            )
        costs = [
            [costs[truth][guess] for guess in class_names] for truth in class_names
        ]
    count = len(class_names)
    array = np.asarray(costs, dtype="object")
    if array.shape != (count, count):
        raise ValueError(
            f"`costs` must have {count} rows, the true classes, and {count} columns, "
            f"the predicted ones, not be {shown(costs)}."
        )
    numbers = [as_float(value, "costs") for value in array.ravel().tolist()]
    return np.array(numbers).reshape(count, count)


def decided(codes, probabilities, threshold, costs):
    """Return the class each image is predicted as, and the threshold that was used.

    Args:
        codes: int array, the true classes.
        probabilities: float64 array, (n, classes).
        threshold: What `as_threshold` returns.
        costs: What `as_costs` returns.
    """
    if threshold is not None:
        if isinstance(threshold, str):
            threshold = best_threshold(codes, probabilities[:, 1], threshold, costs)
        # At 0.5 as without a threshold, also where both are equally probable.
        return (probabilities[:, 1] > threshold).astype("int64"), threshold
    if costs is not None:
        return (probabilities @ costs).argmin(axis=1), None
    return probabilities.argmax(axis=1), None


def best_threshold(codes, scores, measure, costs=None):
    """Return the threshold at which a measure is best, the nearest to 0.5 of several.

    Args:
        codes: int array of 0 and 1.
        scores: Probability of 1.
        measure: One of `THRESHOLD_MEASURES`.
        costs: Array, (2, 2), for "mean_cost".
    """
    known = ~np.isnan(scores)
    values, place = np.unique(scores[known], return_inverse=True)
    if not len(values):
        return float("nan")
    positive = np.bincount(place, codes[known], minlength=len(values))
    negative = np.bincount(place, 1 - codes[known], minlength=len(values))
    between = (values[1:] + values[:-1]) / 2
    # Rounding may lead to the upper of two neighbours, which is to be above.
    between = np.where(between < values[1:], between, values[:-1])
    # Above nothing, above the lowest value, and so on.
    thresholds = np.concatenate([[0], between, [1]])
    missed, spared = (
        np.append(0, np.cumsum(counts)) for counts in (positive, negative)
    )
    found, alarms = positive.sum() - missed, negative.sum() - spared
    quality = _quality(measure, found, missed, spared, alarms, costs)
    if values[0] == 0:
        # No threshold lies below a probability of 0, so that not all can be above.
        quality[0] = np.nan
    if np.isnan(quality).all():
        return 0.5
    best = np.flatnonzero(quality >= np.nanmax(quality) - 1e-12)
    return float(thresholds[best[np.abs(thresholds[best] - 0.5).argmin()]])


def _quality(measure, found, missed, spared, alarms, costs):
    """Return how good each of several tables of two classes is; more is better."""
    n = np.stack([spared + alarms, found + missed], axis=1)
    predicted = np.stack([spared + missed, found + alarms], axis=1)
    hits = np.stack([spared, found], axis=1)
    total = n.sum(axis=1)
    with np.errstate(invalid="ignore"):
        if measure == "accuracy":
            return hits.sum(axis=1) / total
        if measure == "balanced_accuracy":
            return np.nanmean(hits / n, axis=1)
        if measure == "f1":
            return 2 * found / (n[:, 1] + predicted[:, 1])
    if measure == "mean_cost":
        counts = np.stack([spared, alarms, missed, found], axis=1)
        return -(counts @ costs.ravel()) / total
    return agreement(hits, n, predicted)[measure]
