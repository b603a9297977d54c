"""How good predicted probabilities are, given the true classes."""

import numpy as np

_CALIBRATION_BINS = 15

_MEASURES = (
    "accuracy",
    "balanced_accuracy",
    "roc_auc",
    "log_loss",
    "brier_score",
    "calibration_error",
)


def classification_metrics(codes, probabilities, class_names):
    """Return every measure of predictions of known classes.

    Args:
        codes: int array, the true class of each image counted from 0.
        probabilities: float64 array, (n, classes).
        class_names: List of the classes.

    Returns:
        Dict of floats, of the dict of lists `"per_class"` and of the dict of lists
        `"confusion"`. What the data leave undefined is NaN, and so is what depends on
        images whose probabilities are NaN, which the confusion leaves out.
    """
    known = ~np.isnan(probabilities).any(axis=1)
    predicted = probabilities[known].argmax(axis=1)
    counts = confusion_counts(codes[known], predicted, len(class_names))
    table = per_class(counts)
    if known.all():
        measures = _measures(codes, probabilities, counts, table)
    else:
        measures = dict.fromkeys(_MEASURES, float("nan"))
        table = _with_missing(table, codes, known)
    return {
        **measures,
        "per_class": {
            "class": list(class_names),
            **{name: column.tolist() for name, column in table.items()},
        },
        "confusion": {
            "truth": np.repeat(class_names, len(class_names)).tolist(),
            "predicted": list(class_names) * len(class_names),
            "n": counts.ravel().tolist(),
        },
    }


def _measures(codes, probabilities, counts, table):
    values = (
        np.trace(counts) / counts.sum(),
        np.nanmean(table["recall"]),
        roc_auc(codes, probabilities),
        log_loss(codes, probabilities),
        brier_score(codes, probabilities),
        calibration_error(codes, probabilities),
    )
    return dict(zip(_MEASURES, map(float, values), strict=True))


def _with_missing(table, codes, known):
    """Return the measures of each class where some images have no prediction."""
    n = np.bincount(codes, minlength=len(table["n"]))
    # Any class may be what such an image should be predicted as.
    unknown = np.full(len(n), np.nan)
    complete = np.bincount(codes[known], minlength=len(n)) == n
    recall = np.where(complete, table["recall"], np.nan)
    return {"n": n, "precision": unknown, "recall": recall, "f1": unknown}


def confusion_counts(codes, predicted, num_classes):
    """Return how many images of each class (row) are predicted as each (column)."""
    pairs = codes * num_classes + predicted
    counts = np.bincount(pairs, minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes)


def per_class(counts):
    """Return n, precision, recall and F1 of each class, as a dict of arrays.

    All are undefined (NaN) for a class that is not in the data, and precision for one
    that is never predicted.
    """
    hits, n, predicted = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    with np.errstate(invalid="ignore"):
        rates = {
            "precision": hits / predicted,
            "recall": hits / n,
            "f1": 2 * hits / (n + predicted),
        }
    return {
        "n": n,
        **{name: np.where(n > 0, rate, np.nan) for name, rate in rates.items()},
    }


def roc_auc(codes, probabilities):
    """Return the area under the ROC curve.

    Of the second class where there are two; of more, the mean over the classes, each
    against the rest. Classes that are not in the data are left out; NaN if all images
    are of one class.
    """
    classes = np.unique(codes)
    if len(classes) < 2:
        return float("nan")
    if probabilities.shape[1] == 2:
        classes = [1]
    areas = [_area(codes == code, probabilities[:, code]) for code in classes]
    return float(np.mean(areas))


def _area(positive, scores):
    """Return the share of pairs in which the positive has the higher score.

    A tie counts half: its members share the mean of their ranks.
    """
    _, inverse, ties = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(ties) - (ties - 1) / 2
    n = int(positive.sum())
    pairs_won = ranks[inverse][positive].sum() - n * (n + 1) / 2
    return pairs_won / (n * (len(scores) - n))


def log_loss(codes, probabilities):
    """Return the mean of -log(probability of the true class).

    A probability of 0 counts as the smallest step of float64, as in scikit-learn.
    """
    right = probabilities[np.arange(len(codes)), codes]
    return float(-np.log(np.maximum(right, np.finfo("float64").eps)).mean())


def brier_score(codes, probabilities):
    """Return the mean squared distance between probabilities and the truth.

    That is the sum over the classes of (probability - 1 or 0) squared, from 0 to 2.
    With two classes half of it, from 0 to 1, which is the squared error of the second
    class's probability: both as in scikit-learn's `brier_score_loss`.
    """
    truth = np.eye(probabilities.shape[1])[codes]
    score = ((probabilities - truth) ** 2).sum(axis=1).mean()
    return float(score / 2 if probabilities.shape[1] == 2 else score)


def calibration_error(codes, probabilities):
    """Return the expected calibration error.

    That is the mean over the images of the distance, in their bin of `calibration`,
    between the mean of the highest probability and the share predicted correctly.
    """
    bins = calibration(codes, probabilities)
    gaps = np.abs(bins["probability"] - bins["accuracy"])
    return float(np.nansum(bins["n"] * gaps) / len(codes))


def calibration(codes, probabilities):
    """Return how often predictions are correct, by how confident they are.

    The images are put into 15 bins of equal width, from 0 to 1, by their highest
    probability. Those whose probabilities are NaN are left out.

    Returns:
        Dict of arrays, one value per bin: `"n"` images, the mean of their highest
        `"probability"`, and their `"accuracy"`, NaN where there are none.
    """
    known = ~np.isnan(probabilities).any(axis=1)
    codes, probabilities = codes[known], probabilities[known]
    highest = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == codes
    edges = np.linspace(0, 1, _CALIBRATION_BINS + 1)[1:-1]
    bin_of_image = np.searchsorted(edges, highest)
    n = np.bincount(bin_of_image, minlength=_CALIBRATION_BINS)

    def mean(values):
        return np.bincount(bin_of_image, values, minlength=_CALIBRATION_BINS) / n

    with np.errstate(invalid="ignore"):
        return {"n": n, "probability": mean(highest), "accuracy": mean(right)}
