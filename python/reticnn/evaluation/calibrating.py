"""Make the probabilities of a classifier mean what they say."""

import numpy as np

from reticnn.classifier import described_calibration
from reticnn.coercion import as_choice, as_float, as_int, shown
from reticnn.data.hashing import hashed, hashes_of
from reticnn.evaluation.calibrators import CALIBRATORS, CalibrationError
from reticnn.evaluation.intervals import warn_of_few_groups
from reticnn.evaluation.metrics import classification_metrics
from reticnn.evaluation.unseen import check_unseen, classifier_and_labelled
from reticnn.graph import own_methods
from reticnn.layers import Calibration
from reticnn.layers.smallest import ROUNDING, SMALLEST
from reticnn.memory import SeenImages, fingerprint, note_images
from reticnn.outputs import (
    ClassShares,
    copy_with_scores,
    features_model,
    followed_by,
    probabilities,
)
from reticnn.outputs.reference import OF_FEATURES
from reticnn.prediction.forward import outputs_of
from reticnn.prediction.missing import warn_of_missing
from reticnn.prediction.novel_images import images_as_taken
from reticnn.runtime.backend import keras
from reticnn.runtime.conditions import warn_user
from reticnn.runtime.progress import as_step_progress

MEASURES = ("accuracy", "log_loss", "brier_score", "calibration_error")

_FOLDS = 5
_FEWEST_OF_CLASS = 5

_OWN_PREDICTION = {"make_predict_function", "predict", "predict_on_batch"}
_OWN_PREDICTION |= {"predict_step", "__call__"}


def calibrate_classifier(
    classifier,
    data,
    *,
    method="temperature",
    batch_size=32,
    progress="auto",
    intervals=0.95,
    groups=None,
):
    """Make a classifier's probabilities mean what they say.

    Most networks are more confident than accurate: of the images predicted with a
    probability of 0.9, fewer than 90 % are predicted correctly. Calibration uses images
    that the classifier was not trained on to find how its probabilities have to change
    to be right. It becomes part of the model, and so of its file and of everything done
    with it.

    Args:
        classifier: Classifier from `fit_classifier` or `load_classifier`. It is not
            changed.
        data: Image data with labels, or the path of a folder with a subfolder of images
            per class. None of the images may be among those trained on. A few hundred
            are enough for a temperature; a thousand or more are for the others.
        method: `"temperature"` divides the scores of all classes by one number, which
            keeps their order and all predicted classes; `"vector"` uses a factor and a
            shift for the log probability of each class, which also corrects classes
            that are predicted too often or too rarely; `"isotonic"` uses an increasing
            function of any shape for the probability of each class. Default
            `"temperature"`.
        batch_size: Whole number of images per batch. Default 32.
        progress: As in `predict_images`. Default `"auto"`.
        intervals: Confidence level of the intervals of the measures, in (0, 1), or None
            for no intervals. Default 0.95.
        groups: Which images belong together, as in `evaluate_classifier`. None for the
            groups of `data`, if it has any. Default None.

    Returns:
        Classifier with a copy of the model that ends in the calibration and then
        softmax or sigmoid, even if the original model ends in scores (logits). Except
        with a temperature, its probabilities are those for the class shares in `data`,
        which `prior` then replaces. Its `calibration` is a dict:

        - `method`, and `images`, the number of images it was found from.
        - `temperature`: above 1 if the classifier was too sure; None for other methods.
        - `level` of the intervals, or None.
        - `measures`: table (dict of equal-length lists) with the rows accuracy, log
          loss, Brier score and calibration error, as in `evaluate_classifier`, and the
          columns `measure`, `before`, `before_lower`, `before_upper`, `after`,
          `after_lower` and `after_upper`. After calibration, each fifth of the images
          (of the groups, if there are any) is measured with a calibration found from
          the other four, so that no image is measured with one that it helped to find.

    Raises:
        TypeError: If `classifier` is not a classifier, or `data` not image data.
        ValueError: If the classifier is already calibrated, was trained on some of the
            images, outputs distances to prototypes, or has a model that cannot be
            copied or predicts in its own way; if the data have no labels, have weights,
            have classes unknown to the classifier, or for `"vector"` and `"isotonic"`
            have fewer than 5 images of a class; or if the images settle nothing, such
            as when all are predicted correctly.
        RuntimeError: In a process forked from the one that started Keras.

    Warns:
        SeenImagesWarning: If the classifier was validated on some of the images, which
            may have decided its epoch.
        StaleClassifierWarning: If the model has been changed since the classifier was
            made.
        UserWarning: If images are resized, the model returns NaN for some, which are
            then left out, there are too few images to measure the effect, or prediction
            sets or a novelty threshold are dropped, because they belong to the
            probabilities from before.

    Example:
        >>> parts = split_images(shape_images(600), (0.6, 0.2, 0.2), seed=1)
        >>> classifier = fit_classifier(build_cnn(), parts["train"])
        >>> calibrated = calibrate_classifier(classifier, parts["validation"])
        >>> calibrated.calibration["temperature"]
        1.31
        >>> evaluate_classifier(calibrated, parts["test"])["calibration_error"]
        0.02

    Source:
        Temperature and vector scaling: Guo, Pleiss, Sun and Weinberger (2017),
        arXiv:1706.04599; the vector is applied to log probabilities, which for two
        classes is beta calibration (Kull, Silva Filho and Flach 2017, AISTATS).
        Isotonic regression: Zadrozny and Elkan (2002), KDD; heights are kept within
        1 / (n + 2) of 0 and 1 (that divided by the number of further classes, if there
        are more than two).
    """
    start_progress = as_step_progress(progress)
    method = as_choice(method, "method", tuple(CALIBRATORS))
    if intervals is not None:
        intervals = as_float(intervals, "intervals", above=0, below=1)
    classifier, data = classifier_and_labelled(classifier, data, groups)
    _check_can_be_calibrated(classifier)
    batch_size = as_int(batch_size, "batch_size")
    _check_enough_of_each_class(data, method)
    codes, groups = data.codes, data.groups
    data = hashed(images_as_taken(classifier, data, "data"))
    bare, kind = copy_with_scores(
        classifier.model,
        classifier.output,
        data.read(np.arange(min(len(data), batch_size))),
        "classifier",
    )
    outputs = outputs_of(bare, data, batch_size, start_progress)
    before = probabilities(bare, kind, outputs)
    hashes = hashes_of(data)
    check_unseen(classifier, hashes, "Calibration")
    warn_of_missing(before, data.files)
    known = ~np.isnan(before).any(axis=1)
    groups = groups and np.array(groups, object)[known].tolist()
    log_chances = _log_chances(before[known], outputs[known], kind)
    codes = codes[known]
    warn_of_few_groups(codes, classifier.class_names, groups, intervals)
    try:
        found = CALIBRATORS[method].found(log_chances, codes)
    except CalibrationError as error:
        raise ValueError(f"`data` does not show how to calibrate: {error}") from error
    after = _each_by_others(CALIBRATORS[method], log_chances, codes, groups)
    chances = np.exp(log_chances), after
    measures = _measures(chances, codes, classifier.class_names, intervals, groups)
    model = _calibrated(bare, kind, found)
    seen = classifier.seen | SeenImages(held_out=np.unique(hashes))
    note_images(model, seen)
    shares = classifier.class_shares
    if method != "temperature":
        # These make the probabilities those of images like `data`.
        n = np.bincount(codes, minlength=len(classifier.class_names))
        shares = ClassShares(tuple((n / len(codes)).tolist()))
    return classifier.changed(
        model=model,
        class_shares=shares,
        output="sigmoid" if model.output_shape[1] == 1 else "softmax",
        seen=seen,
        weights=fingerprint(model),
        calibration={
            "method": method,
            "images": len(codes),
            "temperature": found.value if method == "temperature" else None,
            "level": intervals,
            "measures": measures,
        },
        **_dropped(classifier),
    )


def _dropped(classifier):
    """Return what of a classifier does not hold for other probabilities, as None.

    Warns:
        UserWarning: If there is something.
    """
    dropped = {}
    if classifier.sets is not None:
        dropped |= {"sets": None, "set_images": None}
        warn_user(
            "`classifier` has prediction sets, which belong to the probabilities "
            "before calibration, and are dropped. Call `prediction_sets()` with the "
            "calibrated classifier, and other images."
        )
    if classifier.novelty is not None and _is_of_probabilities(classifier):
        dropped["novelty"] = None
        warn_user(
            "`classifier` has a threshold of novelty for the probabilities before "
            "calibration, which is dropped. Call `novelty_threshold()` with the "
            "calibrated classifier, and other images."
        )
    return dropped


def _is_of_probabilities(classifier):
    """Return whether a classifier knows novel images by what it gives in the end."""
    method, model = classifier.novelty["method"], classifier.model
    # Of an ensemble, say, its probabilities are the features.
    is_feature = method in OF_FEATURES and features_model(model) is model
    return method == "softmax" or is_feature


def _check_can_be_calibrated(classifier):
    """Raise if nothing can be put behind a classifier's model."""
    ends = (isinstance(layer, Calibration) for layer in classifier.model.layers)
    if classifier.calibration is not None or any(ends):
        how = classifier.calibration
        how = f", {described_calibration(how)}" if how else ""
        raise ValueError(
            f"`classifier` is calibrated already{how}. Calibrate the one that this was "
            "made from."
        )
    if classifier.output in ("distances", "probabilities"):
        raise ValueError(
            "`classifier`, or a member of it, outputs distances to prototypes, with a "
            "probability that an image is of none of the classes, about which labelled "
            "images say nothing. Use a model that ends in softmax, such as LeNet-5's "
            "`variant='modern'`."
        )
    own = sorted(_OWN_PREDICTION.intersection(own_methods(classifier.model)))
    if own:
        raise ValueError(
            f"`classifier` has a {type(classifier.model).__name__} that predicts in "
            f"its own way, by {shown(own)}, about which calibration would know "
            "nothing. Put what these do into the layers or `call()` of the model."
        )


def _check_enough_of_each_class(data, method):
    """Raise if the functions of some classes would be found from next to nothing."""
    if method == "temperature":
        return
    few = {
        name: count
        for name, count in data.class_counts.items()
        if count < _FEWEST_OF_CLASS
    }
    if few:
        raise ValueError(
            f"`data` has too few images for `method={method!r}`, which needs at least "
            f"{_FEWEST_OF_CLASS} of each class: {shown(few)}. Give more, or use "
            "`method='temperature'`, for which classes need no images of their own."
        )


def _log_chances(chances, outputs, kind):
    """Return log probabilities, (n, classes), as the layers see them."""
    if kind != "logits":
        least = np.full(chances.shape[1], SMALLEST)
        if kind == "sigmoid":
            least[0] = ROUNDING
        logs = np.log(np.maximum(chances, least))
    else:
        scores = np.asarray(outputs, "float64")
        if scores.shape[1] == 1:
            scores = np.concatenate([np.zeros_like(scores), scores], axis=1)
        logs = scores - scores.max(axis=1, keepdims=True)
    return logs - np.log(np.exp(logs).sum(axis=1, keepdims=True))


def _each_by_others(calibrator, log_chances, codes, groups):
    """Return the probabilities of each fifth of the images, by the other four.

    None if these do not tell the calibration.
    """
    found = np.empty_like(log_chances)
    fold = _folds(log_chances, codes, groups)
    for number in range(_FOLDS):
        inside = fold == number
        if not inside.any():
            continue
        others = log_chances[~inside], codes[~inside]
        try:
            if len(np.unique(others[1])) < len(np.unique(codes)):
                raise CalibrationError("a class is missing")
            found[inside] = calibrator.found(*others).chances(log_chances[inside])
        except CalibrationError:
            warn_user(
                "`data` has too few images to measure the effect of calibration, in "
                "which each fifth is measured with a calibration found from the "
                "others. Evaluate the calibrated classifier on other images."
            )
            return None
    return found


def _folds(log_chances, codes, groups):
    """Return the fifth of each image, which depends on nothing but the images."""
    if groups is not None:
        _, number = np.unique(np.asarray(groups, str), return_inverse=True)
        return number % _FOLDS
    order = np.lexsort([*log_chances.T, codes])
    fold = np.empty(len(order), int)
    fold[order] = np.arange(len(order)) % _FOLDS
    return fold


def _measures(chances, codes, class_names, intervals, groups):
    """Return the table of the measures before and after."""
    table = {"measure": list(MEASURES)}
    for when, of_when in zip(("before", "after"), chances, strict=True):
        rows = dict.fromkeys(MEASURES, (np.nan, np.nan, np.nan))
        if of_when is not None:
            rows = _rows(of_when, codes, class_names, intervals, groups)
        columns = zip(*(rows[name] for name in MEASURES), strict=True)
        names = (when, f"{when}_lower", f"{when}_upper")
        table |= dict(zip(names, map(list, columns), strict=True))
    return table


def _rows(chances, codes, class_names, intervals, groups):
    """Return estimate, lower and upper limit of each measure."""
    found = classification_metrics(
        codes, chances, class_names, intervals=intervals, groups=groups
    )
    if intervals is None:
        return {name: (found[name], np.nan, np.nan) for name in MEASURES}
    table = found["intervals"]
    rows = zip(
        *(table[name] for name in ("measure", "class", "estimate", "lower", "upper")),
        strict=True,
    )
    return {name: limits for name, of_class, *limits in rows if of_class is None}


def _calibrated(bare, kind, found):
    """Return a model that ends in the calibration, then in softmax or sigmoid."""
    taken = {layer.name for layer in bare.layers}
    layer, values = found.layer(
        of_probabilities=kind != "logits", name=_free("calibration", taken)
    )
    squash = "sigmoid" if bare.output_shape[1] == 1 else "softmax"
    last = keras.layers.Activation(
        squash, name=_free("probabilities", taken), dtype="float32"
    )
    model = followed_by(bare, [layer, last])
    layer.set_weights([np.asarray(value, "float32") for value in values])
    return model


def _free(name, taken):
    """Return a name that no layer has."""
    while name in taken:
        name += "_"
    return name
