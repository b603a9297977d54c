"""Curves of an evaluation: what changes with the threshold, and calibration."""

from collections.abc import Mapping

import numpy as np

from reticnn.coercion import as_choice, shown
from reticnn.evaluation.calibration import calibration
from reticnn.evaluation.intervals import wilson

CURVES = ("roc", "precision_recall", "calibration")


def evaluation_curve(evaluation, kind="roc"):
    """Return the points of a curve of an evaluation.

    The first two show how each class fares against the rest as the probability at which
    an image counts as that class falls from 1 to 0. Points on a straight line between
    others are left out.

    Args:
        evaluation: What `evaluate_classifier` returned.
        kind: `"roc"`, `"precision_recall"` or `"calibration"`. Default `"roc"`.

    Returns:
        Table (dict of equal-length lists). A class for which the curve is undefined,
        because all or none of the images are of it, has no rows, and images for which
        the model returns NaN are left out.

        - `"roc"`: `class`, `threshold` (the images counted have a probability of at
          least that; infinite for none of them), `sensitivity` (recall) and
          `specificity`. With two classes, only for the second.
        - `"precision_recall"`: `class`, `threshold`, `recall` and `precision`, starting
          with the first image counted; likewise.
        - `"calibration"`: one row for each of 15 bins of the highest probability, if it
          has images: their number `n`, the mean `probability`, the `accuracy`, and its
          limits `lower` and `upper` (Wilson's, at the level of the evaluation, or 0.95
          without).

    Raises:
        TypeError: If `evaluation` is not an evaluation.
        ValueError: If `kind` is not one of these.

    Example:
        >>> scores = evaluate_classifier(classifier, shape_images(200, seed=2))
        >>> curve = evaluation_curve(scores, "calibration")
        >>> curve["probability"][-1], curve["accuracy"][-1]
        (0.986, 0.99)

    Source:
        Fawcett (2006), Pattern Recognition Letters 27; Davis and Goadrich (2006), ICML.
    """
    codes, chances, names = _predictions_of(evaluation)
    as_choice(kind, "kind", CURVES)
    if kind == "calibration":
        return _calibration_curve(codes, chances, evaluation.get("level") or 0.95)
    classes = [1] if len(names) == 2 else range(len(names))
    columns = _COLUMNS[kind]
    table = {name: [] for name in ("class", "threshold", *columns)}
    for code in classes:
        positive = codes == code
        if positive.all() or not positive.any():
            continue
        points = _points(positive, chances[:, code], kind)
        table["class"] += [names[code]] * len(points)
        for name, column in zip(("threshold", *columns), points.T, strict=True):
            table[name] += column.tolist()
    return table


_COLUMNS = {
    "roc": ("sensitivity", "specificity"),
    "precision_recall": ("recall", "precision"),
}


def _predictions_of(evaluation):
    """Return codes, probabilities and class names of the images with predictions."""
    if not isinstance(evaluation, Mapping) or "predictions" not in evaluation:
        raise TypeError(
            f"`evaluation` must come from `evaluate_classifier()`, not be "
            f"{shown(evaluation)}."
        )
    names = list(evaluation["per_class"]["class"])
    code_of = {name: code for code, name in enumerate(names)}
    predictions = evaluation["predictions"]
    codes = np.array([code_of[name] for name in predictions["truth"]], dtype=int)
    chances = np.asarray(predictions["probabilities"], dtype="float64")
    known = ~np.isnan(chances).any(axis=1)
    return codes[known], chances[known], names


def _points(positive, scores, kind):
    """Return the threshold and the two rates at each point, (points, 3)."""
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    found = np.cumsum(positive[order])[last]
    alarms = last + 1 - found
    thresholds = ordered[last]
    if kind == "roc":
        found, alarms = np.append(0, found), np.append(0, alarms)
        thresholds = np.append(np.inf, thresholds)
        kept = _corners(found, alarms)
        rates = found / found[-1], 1 - alarms / alarms[-1]
    else:
        # Between points of the same recall, lines are straight down.
        kept = np.ones(len(found), bool)
        rates = found / found[-1], found / (found + alarms)
    return np.stack([thresholds, *rates], axis=1)[kept]


def _corners(found, alarms):
    """Return which points are the ends of the curve or bends in it."""
    bends = np.diff(found)[1:] * np.diff(alarms)[:-1] != (
        np.diff(found)[:-1] * np.diff(alarms)[1:]
    )
    return np.concatenate([[True], bends, [True]])


def _calibration_curve(codes, chances, level):
    """Return the table of the bins that have images."""
    bins = calibration(codes, chances)
    filled = bins["n"] > 0
    n, probability, accuracy = (bins[name][filled] for name in bins)
    lower, upper = wilson(np.round(n * accuracy), n, level)
    return {
        "n": n.tolist(),
        "probability": probability.tolist(),
        "accuracy": accuracy.tolist(),
        "lower": lower.tolist(),
        "upper": upper.tolist(),
    }
