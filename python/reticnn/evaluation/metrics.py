"""How good predicted probabilities are, given the true classes."""

import numpy as np

from reticnn.evaluation.intervals import Bootstrap, of_mean_of_proportions, wilson
from reticnn.evaluation.weighted import WeightedMeasures, mean_areas

# In the order in which people read them.
_FIRST = ("accuracy", "balanced_accuracy", "kappa", "mcc", "roc_auc", "pr_auc")
_LAST = ("log_loss", "brier_score", "calibration_error", "mean_cost")
_LAST += ("coverage", "set_size")


def classification_metrics(
    codes,
    probabilities,
    class_names,
    *,
    predicted=None,
    top_k=(),
    costs=None,
    intervals=None,
    groups=None,
    held=None,
):
    """Return every measure of predictions of known classes.

    Args:
        codes: int array, the true class of each image counted from 0.
        probabilities: float64 array, (n, classes).
        class_names: List of the classes.
        predicted: int array, the class that each image is predicted as, or None for the
            most probable.
        top_k: Whole numbers, for each of which there is a top-k accuracy.
        costs: float64 array, (classes, classes), of predicting a class (column) where
            another (row) is true; or None.
        intervals: Level of confidence, in (0, 1), or None for no intervals.
        groups: List of the group of each image, or None.
        held: What `coverage_and_size` returned, or None.

    Returns:
        Dict of floats, of the dict of lists `"per_class"` and of the dict of lists
        `"confusion"`. What the data leave undefined is NaN, and so is what depends on
        images whose probabilities are NaN, which the confusion leaves out. With
        `intervals` also that dict of lists.
    """
    known = ~np.isnan(probabilities).any(axis=1)
    if predicted is None:
        # Where there are NaN, the first of them.
        predicted = probabilities.argmax(axis=1)
    counts = confusion_counts(codes[known], predicted[known], len(class_names))
    measures = WeightedMeasures(
        codes[known],
        probabilities[known],
        predicted[known],
        top_k,
        costs,
        held and [values[known] for values in held],
    )
    over_all, table = _estimates(measures)
    if not known.all():
        over_all = dict.fromkeys(over_all, float("nan"))
        table = _with_missing(table, codes, known)
    n = np.bincount(codes, minlength=len(class_names))
    found = {
        **over_all,
        "per_class": {
            "class": list(class_names),
            "n": n.tolist(),
            **{name: column.tolist() for name, column in table.items()},
        },
        "confusion": {
            "truth": np.repeat(class_names, len(class_names)).tolist(),
            "predicted": list(class_names) * len(class_names),
            "n": counts.ravel().tolist(),
        },
    }
    if intervals is not None:
        limits = {}
        if known.all():
            limits = _limits(measures, counts, class_names, groups, intervals)
        found["intervals"] = _table_of_intervals(over_all, table, class_names, limits)
    return found


def _estimates(measures):
    """Return the measures over all images, as floats, and those of each class."""
    once = np.ones((1, len(measures.codes)))
    with np.errstate(invalid="ignore"):
        by_class = measures.by_class(once)
        over_all = {**measures.over_all(once), **mean_areas(by_class)}
    names = [name for name in _FIRST if name in over_all]
    names[1:1] = [name for name in over_all if name.startswith("top_")]
    names += [name for name in _LAST if name in over_all]
    return (
        {name: float(over_all[name][0]) for name in names},
        {name: values[0] for name, values in by_class.items()},
    )


def _with_missing(table, codes, known):
    """Return the measures of each class where some images have no prediction."""
    # Any class may be what such an image should be predicted as.
    unknown = np.full(len(table["recall"]), np.nan)
    n = np.bincount(codes, minlength=len(unknown))
    complete = np.bincount(codes[known], minlength=len(n)) == n
    recall = np.where(complete, table["recall"], np.nan)
    return {**dict.fromkeys(table, unknown), "recall": recall}


def _limits(measures, counts, class_names, groups, level):
    """Return (lower, upper) of each measure: over all, and arrays by class."""
    drawn = Bootstrap(measures, class_names, groups, level)
    if groups is not None:
        return {"over_all": drawn.over_all, "by_class": drawn.by_class}
    # Images for themselves: what is known of proportions is better.
    hits, n, predicted = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    shares = [name for name in measures.images if _is_share(name)]
    over_all = {
        name: wilson(measures.images[name].sum(), len(measures.codes), level)
        for name in shares
    }
    over_all["balanced_accuracy"] = of_mean_of_proportions(hits, n, level)
    by_class = {
        "recall": wilson(hits, n, level),
        "precision": wilson(hits, predicted, level),
    }
    if "coverage" in measures.images:
        held = np.bincount(measures.codes, measures.images["coverage"], len(n))
        by_class["coverage"] = wilson(held, n, level)
    return {
        "over_all": {**drawn.over_all, **over_all},
        "by_class": {**drawn.by_class, **by_class},
    }


def _is_share(name):
    return name == "coverage" or name.endswith("accuracy")


def _table_of_intervals(over_all, table, class_names, limits):
    """Return one row per measure, then one per measure and class."""
    unknown = np.full((2, len(class_names)), np.nan)
    rows = [
        (name, None, estimate, *limits.get("over_all", {}).get(name, unknown[:, 0]))
        for name, estimate in over_all.items()
    ]
    for name, estimates in table.items():
        lower, upper = limits.get("by_class", {}).get(name, unknown)
        rows += [
            (name, *row)
            for row in zip(class_names, estimates, lower, upper, strict=True)
        ]
    names, classes, estimates, lower, upper = zip(*rows, strict=True)
    missing = np.isnan(estimates)
    return {
        "measure": list(names),
        "class": list(classes),
        "estimate": [float(value) for value in estimates],
        "lower": np.where(missing, np.nan, lower).tolist(),
        "upper": np.where(missing, np.nan, upper).tolist(),
    }


def confusion_counts(codes, predicted, num_classes):
    """Return how many images of each class (row) are predicted as each (column)."""
    pairs = codes * num_classes + predicted
    counts = np.bincount(pairs, minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes)
