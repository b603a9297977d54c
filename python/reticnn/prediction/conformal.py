"""Sets of classes that hold the true one as often as was asked for."""

import numpy as np

from reticnn.coercion import shown
from reticnn.prediction.members import probabilities_by_members
from reticnn.runtime.onnx_network import OnnxNetwork

METHODS = ("threshold", "adaptive", "regularized")

# So that 0.9 of 10 is 9, whatever the rounding.
_ROUNDING = 1e-9

# By how much scores may differ that are the same: networks round otherwise in batches
# of another size and under ONNX Runtime, and isotonic calibration gives many images the
# very probability that is the threshold.
ALIKE = 1e-6


def nonconformity(chances, draws, method, penalty=0.0, free=0):
    """Return how unlike the images of each class an image is, (n, classes).

    Args:
        chances: Array, (n, classes), probabilities.
        draws: Array, (n,), a number in [0, 1) of each image.
        method: One of `METHODS`.
        penalty: What each rank above `free` adds, for `"regularized"`.
        free: Number of ranks without a penalty.
    """
    if method == "threshold":
        return 1 - chances
    order = np.argsort(-chances, axis=1, kind="stable")
    ranked = np.take_along_axis(chances, order, axis=1)
    before = np.cumsum(ranked, axis=1) - ranked
    rank = np.broadcast_to(np.arange(1, chances.shape[1] + 1), ranked.shape).copy()
    # Classes that are equally probable are treated alike, whatever their order.
    for column in range(1, chances.shape[1]):
        tied = ranked[:, column] == ranked[:, column - 1]
        for values in (before, rank):
            values[tied, column] = values[tied, column - 1]
    scores = before + draws[:, None] * ranked
    if method == "regularized":
        scores = scores + penalty * np.maximum(rank - free, 0)
    found = np.empty_like(scores)
    np.put_along_axis(found, order, scores, axis=1)
    return found


def draws_of(hashes):
    """Return a number in [0, 1) for each image, from its pixels alone."""
    with np.errstate(over="ignore"):
        # The finaliser of SplitMix64, so that no bits of the hash are used twice.
        mixed = np.asarray(hashes, np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
        mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(11)) / 2.0**53


def members(sets, chances, draws):
    """Return which classes are in the set of each image, a bool array (n, classes).

    None are where probabilities are NaN.
    """
    scores = nonconformity(
        chances, draws, sets["method"], sets["penalty"], sets["free"]
    )
    with np.errstate(invalid="ignore"):
        return scores <= np.array(sets["thresholds"]["threshold"]) + ALIKE


def sets_of_single_views(classifier):
    """Return the sets of a classifier if they are for images as they are, or None.

    Those of a cross-validation need the Keras model, which an ONNX file does not have.
    """
    single = {"tta": 0, "crops": 1, "scales": None}
    sets, network = classifier.sets, classifier.network
    if not sets or sets["views"] != single:
        return None
    is_mean_alone = isinstance(network, OnnxNetwork) and network.keras_file is None
    return None if is_mean_alone and sets.get("folds") is not None else sets


def members_by_folds(classifier, chances, draws):
    """Return the same of the sets of a cross-validation (CV+).

    A class is in the set unless too many of the images, each by the classifier of the
    fold that it was tested in, are more like their classes than the new image by the
    same classifier is like this one.

    Args:
        classifier: Classifier, the ensemble of the folds.
        chances: Array, (folds, n, classes), probabilities by each of its members.
        draws: Array, (n,), a number in [0, 1) of each image.
    """
    sets, kept = classifier.sets, classifier.set_images.of_folds
    method = sets["method"]
    scores = np.stack([nonconformity(own, draws, method) for own in chances])
    most = (len(kept.scores) + 1) * sets["coverage"]
    return kept.lower(scores - ALIKE) < most - _ROUNDING


def inside_of(classifier, chances, draws, data, batch_size, start_progress):
    """Return which classes are in the set of each image, whatever the sets are from.

    Args:
        classifier: Classifier that has sets.
        chances: Array, (n, classes), probabilities.
        draws: Array, (n,), a number in [0, 1) of each image.
        data: Image data as the model takes them, for sets from a cross-validation.
        batch_size: Whole number of images per batch.
        start_progress: Function of the number of batches that returns one of those
            done.
    """
    if classifier.sets.get("folds") is None:
        return members(classifier.sets, chances, draws)
    model = classifier.model
    of_members = probabilities_by_members(model, data, batch_size, start_progress)
    return members_by_folds(classifier, of_members, draws)


def sets_of(classifier, chances, inside):
    """Return the list of the classes in the set of each image, the most probable first.

    None where the model gives NaN. `inside` is a bool array, (n, classes).
    """
    names = np.array(classifier.class_names, dtype=object)
    order = np.argsort(-chances, axis=1, kind="stable")
    missing = np.isnan(chances).any(axis=1)
    return [
        None if gone else names[ranked[chosen[ranked]]].tolist()
        for ranked, chosen, gone in zip(order, inside, missing, strict=True)
    ]


def check_sets(classifier, settings, summarise, prior):
    """Raise unless the classifier has sets for images that are predicted so.

    Args:
        classifier: Classifier.
        settings: Dict of `tta`, `crops` and `scales`.
        summarise: How tiles are put together, or None.
        prior: Shares of the classes, or None.
    """
    if classifier.sets is None:
        raise ValueError(
            "`type` is 'set', but the classifier has no prediction sets. Make a "
            "classifier that has with `prediction_sets()`."
        )
    if summarise:
        raise ValueError(
            "`type` must be 'class' with `summarise`: the sets are those of single "
            "tiles, and say nothing of whole images. Leave one of them out."
        )
    if prior is not None:
        raise ValueError(
            "`type` must be 'class' with `prior`: the sets contain the true class as "
            "often as asked among images with the class shares that "
            "`prediction_sets()` was given. Leave one of them out."
        )
    if "set" in classifier.class_names:
        raise ValueError(
            "`type` is 'set', but a class is called 'set', whose probabilities have "
            "the column '.pred_set'. Leave `type` out, or train with another name."
        )
    for name, value in settings.items():
        kept = classifier.sets["views"][name]
        if value != kept:
            raise ValueError(
                f"`{name}` is {shown(value)}, but the prediction sets were made with "
                f"`{name}={kept!r}`, and are valid for nothing else. Predict in the "
                "same way, or call `prediction_sets()` with the settings that you want "
                "to predict with."
            )
