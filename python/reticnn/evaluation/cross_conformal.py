"""Prediction sets from a cross-validation, of images that each fold has not seen."""

import numpy as np

from reticnn.classifier import as_classifier
from reticnn.coercion import shown
from reticnn.evaluation.coverage import rank_of_threshold
from reticnn.layers import mean_in
from reticnn.memory import fingerprint
from reticnn.outputs.set_images import FoldScores, SetImages
from reticnn.prediction.conformal import draws_of, nonconformity
from reticnn.prediction.members import parts_of_ensemble
from reticnn.runtime.conditions import warn_user

METHODS = ("threshold", "adaptive")

_AS_THEY_ARE = {"tta": 0, "crops": 1, "scales": None}


def guaranteed_coverage(coverage, n, folds, smallest):
    """Return what is proven of the mean coverage of cross-conformal sets.

    Args:
        coverage: Share that was asked for.
        n: Number of images.
        folds: Number of folds.
        smallest: Number of images in the smallest fold.
    """
    loss = min(
        2 * (1 - 1 / folds) / (smallest + 1),
        (1 - folds / n) / (folds + 1),
    )
    return max(0.0, 2 * coverage - 1 - loss)


def sets_of_folds(classifier, validated, coverage, method, by_class, views):
    """Return the sets of an ensemble of folds, and what it keeps of their images.

    Args:
        classifier: Classifier, the ensemble.
        validated: `CrossValidation`.
        coverage: Share of the sets that are to hold the true class.
        method: One of `METHODS`, or the user's other choice.
        by_class: As in `prediction_sets`.
        views: Dict of `tta`, `crops` and `scales`.

    Returns:
        Tuple of a dict and `SetImages`.

    Raises:
        ValueError: If the classifier is not the ensemble of all folds, they have not
            tested each image once, or a setting has no guarantee here.
    """
    _check_settings(method, by_class, views)
    _check_each_once(validated)
    _check_ensemble(as_classifier(classifier), validated)
    chances, codes, folds, hashes = _out_of_fold(validated, classifier.class_names)
    if validated.groups is not None:
        number = len(set(validated.groups))
        warn_user(
            f"`data` has images of {number} group{'s' * (number != 1)}. The guarantee "
            "is for images drawn one by one; for new groups it holds only "
            "approximately, and less so the fewer there are."
        )
    scores = nonconformity(chances, draws_of(hashes), method)
    scores = scores[np.arange(len(codes)), codes]
    n, count = len(codes), len(validated.classifiers)
    proven = guaranteed_coverage(coverage, n, count, int(np.bincount(folds).min()))
    rank = rank_of_threshold(n, coverage)
    sets = {
        "method": method,
        "penalty": 0.0,
        "free": 0,
        "coverage": coverage,
        "by_class": False,
        "images": n,
        "views": dict(_AS_THEY_ARE),
        "folds": count,
        "thresholds": {
            "class": [None],
            "n": [n],
            "threshold": [float(np.sort(scores)[rank - 1])],
            "coverage_lower": [proven],
            "coverage_upper": [1.0],
        },
    }
    return sets, SetImages(np.unique(hashes), FoldScores(scores, folds))


def _check_settings(method, by_class, views):
    """Raise if there is no guarantee for what is asked of a cross-validation."""
    if method not in METHODS:
        raise ValueError(
            f"`method` must be one of {shown(METHODS)} where `data` is a "
            f"cross-validation, not {shown(method)}: the penalty would be chosen with "
            "images that the guarantee is about. Give images that no fold has seen, or "
            "another method."
        )
    if by_class:
        raise ValueError(
            "`by_class` is not possible where `data` is a cross-validation, because "
            "nothing is proven for single classes there. Give images that no fold has "
            "seen, or leave it out."
        )
    for name, value in views.items():
        if value != _AS_THEY_ARE[name]:
            raise ValueError(
                f"`{name}` is {shown(value)}, but `data` is a cross-validation, whose "
                "predictions are for images as they are. Leave it out, or give images "
                "that no fold has seen."
            )


def _check_each_once(validated):
    """Raise unless the folds have tested each image once."""
    if validated.stopped:
        raise ValueError(
            f"`data` has {len(validated.classifiers)} of {validated.wanted} folds, "
            "because it was interrupted. Finish it first: the same call with its "
            "`checkpoint_dir` resumes it."
        )
    images = np.array(validated.predictions["image"])
    if not np.array_equal(np.sort(images), np.arange(validated.images)):
        raise ValueError(
            "`data` must be a cross-validation that tests each image once, not several "
            "times, as repeats do, or never. Give one of `v` folds."
        )


def _check_ensemble(classifier, validated):
    """Raise unless a classifier is made of those of the folds, in their order."""
    mean = mean_in(classifier.model)
    known = [fingerprint(fold.model) for fold in validated.classifiers]
    own = [] if mean is None else parts_of_ensemble(classifier.model)
    if [fingerprint(part) for part in own] != known:
        raise ValueError(
            "`classifier` must be the ensemble of the folds of `data`, as "
            "`ensemble_classifiers()` makes it of the cross-validation: the scores of "
            "its images are those of these classifiers, and say nothing about another "
            "one, such as one trained on all images."
        )


def _out_of_fold(validated, class_names):
    """Return probabilities, true classes, folds and hashes of images, without NaN."""
    table = validated.predictions
    chances = np.array([table[f".pred_{name}"] for name in class_names]).T
    codes = np.array([class_names.index(name) for name in table["truth"]])
    folds = np.unique(table["fold"], return_inverse=True)[1].astype(np.int64)
    known = ~np.isnan(chances).any(axis=1)
    if not known.all():
        warn_user(
            f"The models return NaN for {(~known).sum()} of {len(known)} images of "
            "`data`, which are left out."
        )
    return (part[known] for part in (chances, codes, folds, validated.hashes))
