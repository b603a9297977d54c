"""Give a classifier sets of classes with a guarantee: split conformal prediction."""

import numpy as np

from reticnn.coercion import as_bool, as_choice, as_float, as_int, shown
from reticnn.data.conversion import read_at_size
from reticnn.data.hashing import hashed, hashes_of
from reticnn.evaluation.coverage import (
    limits_of_coverage,
    number_needed,
    rank_of_threshold,
)
from reticnn.evaluation.cross_conformal import sets_of_folds
from reticnn.evaluation.cross_validated import CrossValidation
from reticnn.evaluation.unseen import check_unseen, classifier_and_labelled
from reticnn.outputs.set_images import SetImages
from reticnn.prediction.conformal import METHODS, draws_of, nonconformity
from reticnn.prediction.missing import warn_of_missing
from reticnn.prediction.over_views import mean_probabilities
from reticnn.prediction.views import views_of
from reticnn.runtime.conditions import warn_user
from reticnn.runtime.progress import as_step_progress

# Of the regularisation, what is tried, on what part of the images.
_PENALTIES = (0.001, 0.01, 0.1, 0.2, 0.5)
_TUNED_ON = 0.2


def prediction_sets(
    classifier,
    data,
    *,
    coverage=0.9,
    method="threshold",
    by_class=False,
    batch_size=32,
    tta=0,
    crops=1,
    scales=None,
    progress="auto",
):
    """Give a classifier sets of classes that contain the true one as often as asked.

    Instead of one class, each image gets the set of classes it may belong to: one if
    the classifier has reason to be sure, several if it does not, none if it knows
    nothing like it. For new images drawn like those in `data`, at least the share
    `coverage` of the sets contain the true class, however good or bad the classifier
    is. `predict_images(type="set")` returns them.

    If there are too few images to set some aside, pass what `cross_validate` returned
    as `data`, and the ensemble of its folds as `classifier` (cross-conformal
    prediction, CV+). Each image is then judged by the classifier of the fold in which
    it was tested, and each class of a new image is compared in the same way. The
    guarantee is weaker: a coverage of at least about 2 * `coverage` - 1, that is, 0.8
    for 0.9. In practice, the sets contain the true class about as often as asked,
    usually more. Nothing is proven for a classifier trained on all images, which is
    refused.

    Args:
        classifier: Classifier from `fit_classifier`, `load_classifier` or
            `calibrate_classifier`. It is not changed.
        data: Image data with labels, or the path of a folder with a subfolder of images
            per class, none of which may be among those trained on. Or, for the ensemble
            of its folds, a cross-validation.
        coverage: Share of the sets that should contain the true class, in (0, 1).
            Default 0.9.
        method: `"threshold"` takes all classes that are probable enough, which makes
            the sets smallest on average; `"adaptive"` takes the most probable classes
            until together they are enough, so that harder images have larger sets;
            `"regularized"` does the same with a penalty for classes of low rank, found
            from a fifth of the images, so that very large sets are rare; it is not
            available for cross-validations. Default `"threshold"`.
        by_class: Whether the coverage should hold for each class separately, and not
            only on average over classes as frequent as in `data`. This takes more
            images, and is not available for cross-validations. Default False.
        batch_size: Whole number of images per batch. Default 32.
        tta: As in `predict_images`, where sets are available only for the same value.
            Default 0.
        crops: Likewise. Default 1.
        scales: Likewise. Default None.
        progress: As in `predict_images`. Default `"auto"`.

    Returns:
        Classifier with the same model, whose `sets` is a dict:

        - `method`, `coverage`, `by_class`; `images`, the number of images that the
          thresholds were found from; `views`, a dict of `tta`, `crops` and `scales`;
          `folds`, the number of folds, or None.
        - `thresholds`: table (dict of equal-length lists) with one row, or one per
          class: `class` (None for all of them); `n` images; `threshold`, how unlike a
          class an image may be at most; `coverage_lower` and `coverage_upper`, between
          which the coverage of such sets lies with a probability of 0.95, over all
          calibration sets of that size. With folds, each class is compared with each
          image, so `threshold` is only a rough guide, and the limits are those proven
          for the mean coverage.
        - `penalty` and `free`: what each rank above `free` costs, if regularized.

        Adaptive sets depend on a random number, which follows from the pixels of the
        image: the same image has the same set in any batch and in any order.
        `evaluate_classifier` measures coverage and size of the sets.

    Raises:
        TypeError: If `classifier` is not a classifier, or `data` not image data.
        ValueError: If the classifier was trained on some of the images, if the data
            have no labels, have weights, classes unknown to the classifier, or fewer
            images than the coverage requires, which the message states; if a
            cross-validation is not of the classifier's members, is not finished, or
            does not test each image once; or if an argument is outside its range, as in
            `predict_images`.
        RuntimeError: In a process forked from the one that started Keras.

    Warns:
        SeenImagesWarning: If the classifier was validated or calibrated on some of the
            images.
        StaleClassifierWarning: If the model has been changed since the classifier was
            made.
        UserWarning: If the images belong to groups, for which the guarantee may not
            hold; if images are resized; or if the model returns NaN for some, which are
            then left out.

    Example:
        >>> parts = split_images(shape_images(600), (0.6, 0.2, 0.2), seed=1)
        >>> classifier = fit_classifier(build_cnn(), parts["train"])
        >>> with_sets = prediction_sets(classifier, parts["validation"], coverage=0.95)
        >>> predict_images(with_sets, parts["test"], type="set")[".pred_set"][:3]
        [['circle'], ['square', 'circle'], ['square']]
        >>> evaluate_classifier(with_sets, parts["test"])["coverage"]
        0.958
        >>> validated = cross_validate(build_cnn, shape_images(600), 5, epochs=5)
        >>> ensemble = ensemble_classifiers(validated)
        >>> with_sets = prediction_sets(ensemble, validated)

    Source:
        Threshold: Sadinle, Lei and Wasserman (2019), JASA 114. Adaptive: Romano, Sesia
        and Candes (2020), arXiv:2006.02544. Regularized, and how it is tuned:
        Angelopoulos, Bates, Malik and Jordan (2021), arXiv:2009.14193. By class: Vovk
        (2012), arXiv:1209.2673, who also gives the distribution of the coverage. Of
        folds: Vovk (2015), Annals of Mathematics and Artificial Intelligence 74; CV+
        and its guarantee: Barber, Candes, Ramdas and Tibshirani (2021), Annals of
        Statistics 49, and Romano, Sesia and Candes (2020).
    """
    start_progress = as_step_progress(progress)
    coverage = as_float(coverage, "coverage", above=0, below=1)
    method = as_choice(method, "method", METHODS)
    by_class = as_bool(by_class, "by_class")
    if isinstance(classifier, CrossValidation):
        raise TypeError(
            "`classifier` must be one classifier, not a cross-validation. Give the "
            "one that `ensemble_classifiers()` makes of it, and the cross-validation "
            "as `data`."
        )
    if isinstance(data, CrossValidation):
        views = {"tta": tta, "crops": crops, "scales": scales}
        return _with_sets_of_folds(classifier, data, coverage, method, by_class, views)
    classifier, data = classifier_and_labelled(classifier, data)
    views = views_of(classifier, tta=tta, crops=crops, scales=scales)
    _check_enough(data.codes, classifier.class_names, coverage, by_class, method)
    _warn_of_groups(data)
    sources = views.sources(data, "data")
    chances, hashes = mean_probabilities(
        views, sources, as_int(batch_size, "batch_size"), start_progress, hashes=True
    )
    seen_as = hashes
    if not views.are_single:
        # Seen are images of the model's own size.
        own = read_at_size(data, classifier.image_shape, "data", classifier.resize)
        seen_as = hashes_of(hashed(own))
    check_unseen(classifier, seen_as, "Making prediction sets")
    warn_of_missing(chances, data.files)
    known = ~np.isnan(chances).any(axis=1)
    chances, codes, hashes = chances[known], data.codes[known], hashes[known]
    draws = draws_of(hashes)
    rule, left = {"method": method, "penalty": 0.0, "free": 0}, ""
    if method == "regularized":
        left = " beside those that the penalty is chosen by, a fifth"
        # Other bits than those the sets are drawn by.
        tuned_on = draws_of(~hashes) < _TUNED_ON
        rule |= _tuned(chances[tuned_on], draws[tuned_on], codes[tuned_on], coverage)
        chances, draws, codes = (
            values[~tuned_on] for values in (chances, draws, codes)
        )
    _check_enough(codes, classifier.class_names, coverage, by_class, left=left)
    scores = nonconformity(chances, draws, **rule)
    scores = scores[np.arange(len(codes)), codes]
    parts = {None: scores}
    if by_class:
        parts = {
            name: scores[codes == code]
            for code, name in enumerate(classifier.class_names)
        }
    return classifier.changed(
        sets={
            **rule,
            "coverage": coverage,
            "by_class": by_class,
            "images": len(codes),
            "views": views.settings,
            "folds": None,
            "thresholds": _thresholds(parts, coverage),
        },
        set_images=SetImages(np.unique(seen_as)),
    )


def _with_sets_of_folds(classifier, validated, coverage, method, by_class, views):
    """Return the ensemble of the folds of a cross-validation, with sets."""
    names = validated.class_names
    codes = np.array([names.index(name) for name in validated.predictions["truth"]])
    _check_enough(codes, names, coverage, by_class=False)
    sets, images = sets_of_folds(
        classifier, validated, coverage, method, by_class, views
    )
    return classifier.changed(sets=sets, set_images=images)


def _check_enough(codes, class_names, coverage, by_class, method=None, left=""):
    """Raise if there are too few images for the coverage, and say how many it takes.

    `left` says of which images they are left.
    """
    least = number_needed(coverage)
    if method == "regularized":
        least = int(np.ceil(least / (1 - _TUNED_ON)))
    counts = {"": len(codes)}
    if by_class:
        n = np.bincount(codes, minlength=len(class_names))
        counts = dict(zip(class_names, n.tolist(), strict=True))
    few = {name: count for name, count in counts.items() if count < least}
    if few:
        of_each = " of each class" if by_class else ""
        have = f"has {shown(few)}" if by_class else f"has {len(codes)}"
        have += left
        raise ValueError(
            f"`coverage` of {coverage:g} needs at least {least} images{of_each} that "
            f"the classifier was not trained on, and `data` {have}. Give more, or ask "
            "for a lower coverage."
        )


def _warn_of_groups(data):
    if data.groups is not None:
        number = len(set(data.groups))
        warn_user(
            f"`data` has images of {number} group{'s' * (number != 1)}. The coverage "
            "is that of new images drawn like these one by one, also from the same "
            "groups; for new groups, it may be lower. Give one image of each group to "
            "be sure, where there are enough of them."
        )


def _tuned(chances, draws, codes, coverage):
    """Return the penalty and the number of free ranks that give the smallest sets."""
    if len(codes) == 0:
        return {"penalty": _PENALTIES[0], "free": 1}
    right = chances[np.arange(len(codes)), codes]
    ranks = np.sort(1 + (chances > right[:, None]).sum(axis=1))
    at = min(rank_of_threshold(len(ranks), coverage), len(ranks))
    free = int(ranks[at - 1])
    sizes = []
    for penalty in _PENALTIES:
        scores = nonconformity(chances, draws, "regularized", penalty, free)
        own = np.sort(scores[np.arange(len(codes)), codes])
        sizes.append((scores <= own[at - 1]).sum())
    return {"penalty": _PENALTIES[int(np.argmin(sizes))], "free": free}


def _thresholds(parts, coverage):
    """Return the table of thresholds from the scores of the true classes."""
    columns = ("class", "n", "threshold", "coverage_lower", "coverage_upper")
    table = {name: [] for name in columns}
    for name, scores in parts.items():
        rank = rank_of_threshold(len(scores), coverage)
        lower, upper = limits_of_coverage(len(scores), rank)
        row = (name, len(scores), float(np.sort(scores)[rank - 1]), lower, upper)
        for column, value in zip(table.values(), row, strict=True):
            column.append(value)
    return table
