"""How a classifier stands changes that leave an image what it shows."""

import numpy as np

from reticnn.coercion import as_choice, as_int, as_strings, shown
from reticnn.data.accepting import image_data_of
from reticnn.data.conversion import images_for_model
from reticnn.data.hashing import hashed
from reticnn.data.identity import image_hashes
from reticnn.data.image_data import check_not_empty
from reticnn.data.splits.splitting import in_groups
from reticnn.evaluation.changes import CHANGES
from reticnn.evaluation.intervals import (
    limits_of_means,
    warn_of_few_groups,
    wilson,
)
from reticnn.evaluation.measuring import as_level
from reticnn.memory import warn_of_seen
from reticnn.outputs import as_classifier_or_model, probabilities
from reticnn.prediction.forward import number_of_batches, read_batches
from reticnn.runtime.backend import is_model
from reticnn.runtime.conditions import warn_user
from reticnn.runtime.keras_internals import predicted
from reticnn.runtime.progress import as_step_progress

_MEASURES = ("accuracy", "consistency")


def stress_test(
    classifier,
    data,
    *,
    changes=None,
    class_names=None,
    batch_size=32,
    progress="auto",
    output="auto",
    intervals=0.95,
    groups=None,
):
    """Test how well a classifier withstands changes that do not alter the class.

    Each change is made at fixed strengths, to the images as the model takes them, and
    the predicted classes are compared with the true ones and with those predicted for
    the unchanged images. A classifier that is invariant to shifts, say, is consistent
    under all of them. An image's pixels determine direction, place and noise, so these
    are the same at all strengths, in every call and for every classifier of images of
    that size. Images are read once, batch by batch.

    Args:
        classifier: Classifier from `fit_classifier` or `load_classifier`, or a Keras
            model from images to classes.
        data: Image data, or a folder, as in `evaluate_classifier`. Without labels, only
            the consistency is measured.
        changes: Which changes to make, one name or several, or None for all: `"shift"`
            (by 1 to 8 pixels, to one of four sides, the gap filled by reflection),
            `"rotation"` (5 to 45 degrees either way), `"scale"` (5 to 40 % more or less
            of height and width shown), `"noise"` (Gaussian, standard deviation 5 to 60
            of 255), `"blur"` (Gaussian, standard deviation 0.5 to 3 pixels),
            `"brightness"` (5 to 40 % of 255 added or subtracted), `"contrast"` (reduced
            to 0.8 to 0.2 of it), `"jpeg"` (quality 80 to 7) and `"occlusion"` (a grey
            square of 5 to 40 % of the area, anywhere). Default None.
        class_names: For a Keras model, as in `evaluate_classifier`. Default None.
        batch_size: Whole number of images per batch. Default 32.
        progress: As in `predict_images`. Default `"auto"`.
        output: For a Keras model, what it outputs, as in `predict_images`. Default
            `"auto"`.
        intervals: Confidence level of the intervals, in (0, 1). Default 0.95.
        groups: Which images belong together, as in `evaluate_classifier`. Default None.

    Returns:
        Table (dict of equal-length lists): `change`, in the first row `"none"`;
        `level`, counted from 1, and 0 in the first row; `strength` and its `unit`;
        `measure`, `"accuracy"`, or `"consistency"`, how often the class is that of the
        unchanged image; `n`, the number of images; `estimate`, and its limits `lower`
        and `upper`, Wilson's or, with groups, from drawing whole groups 1,000 times
        (fewer, but at least 200, with very many images), NaN if nothing varies. If the
        model returns NaN for an image, the measure is NaN.

    Raises:
        TypeError: If `classifier` is not a classifier, or `data` not image data.
        ValueError: If there is no such change, the data have no images, a class unknown
            to the classifier, or images that the model does not take; or if all shifts
            are larger than the images.
        RuntimeError: In a process forked from the one that started Keras.

    Warns:
        SeenImagesWarning: If the model was trained on some of the images.
        StaleClassifierWarning: If the model has been changed since the classifier was
            made.
        UserWarning: If shifts as large as the images are left out, or values are
            outside 0 to 255, to which changes clip them; else as in
            `evaluate_classifier`.

    Example:
        >>> table = stress_test(classifier, shape_images(200, seed=2), changes="shift")
        >>> table["strength"][-2:], table["measure"][-2:]
        ([8, 8], ['accuracy', 'consistency'])
        >>> table["estimate"][-2:]
        [0.91, 0.925]

    Source:
        Strengths in steps and noise, blur, brightness, contrast and JPEG as kinds:
        Hendrycks and Dietterich (2019), arXiv:1903.12261, with other numbers.
        Consistency under shifts: Zhang (2019), arXiv:1904.11486.
    """
    start_progress = as_step_progress(progress)
    names, level = _as_changes(changes), as_level(intervals)
    batch_size = as_int(batch_size, "batch_size")
    classifier, data = _checked(classifier, data, class_names, output)
    groups = in_groups(data, groups).groups
    data = images_for_model(
        data,
        classifier.image_shape,
        "data",
        classifier.resize,
        reading=classifier.reading,
    )
    steps = _steps(names, data.image_shape)
    seen = classifier.known_images
    data = hashed(data) if seen else data
    codes = _predicted(classifier, data, steps, batch_size, start_progress)
    warn_of_seen(data, seen, "data")
    return _table(steps, codes, data, groups, level)


def _as_changes(changes):
    """Return the names of the changes in the order asked for."""
    if changes is None:
        return list(CHANGES)
    names = as_strings(changes, "changes")
    if not names:
        raise ValueError("`changes` has no name in it. Leave it out for all changes.")
    known = tuple(CHANGES)
    return list(dict.fromkeys(as_choice(name, "changes", known) for name in names))


def _checked(classifier, data, class_names, output):
    """Return a classifier and image data with its classes in its order."""
    data = image_data_of(
        data,
        resize=getattr(classifier, "resize", None),
        reading=getattr(classifier, "reading", None),
    )
    check_not_empty(data, "data")
    if is_model(classifier) and class_names is None:
        class_names = data.class_names
    classifier = as_classifier_or_model(classifier, class_names, output)
    if data.codes is not None:
        data = data.with_classes(classifier.class_names)
    return classifier, data


def _steps(names, image_shape):
    """Return the (name, level, strength) of each change that can be made."""
    side = min(image_shape[:2])
    steps = [
        (name, level, strength)
        for name in names
        for level, strength in enumerate(CHANGES[name].strengths, 1)
        if name != "shift" or strength < side
    ]
    left_out = [size for size in CHANGES["shift"].strengths if size >= side]
    if "shift" not in names or not left_out:
        return steps
    text = f"images of {image_shape[0]} x {image_shape[1]} pixels (height x width)"
    if not steps:
        raise ValueError(f"`changes` has only shifts that are as large as {text}.")
    warn_user(
        f"Shifts by {shown(left_out)} pixels are left out, because they are as large "
        f"as {text}."
    )
    return steps


def _predicted(classifier, data, steps, batch_size, start_progress):
    """Return the codes of the predicted classes, (1 + steps, n), -1 for NaN.

    The first row is of the unchanged images.
    """
    count = number_of_batches(data, batch_size)
    report = start_progress(count * (1 + len(steps)))
    codes = np.empty((1 + len(steps), len(data)), "int32")
    start = done = outside = 0
    with read_batches([data], batch_size) as batches:
        for pixels in batches:
            indices = np.arange(start, start + len(pixels))
            start += len(pixels)
            outside += int(((pixels < 0) | (pixels > 255)).any(axis=(1, 2, 3)).sum())
            numbers = image_hashes(pixels).astype("uint32")
            codes[0, indices] = _classes(classifier, pixels)
            done += 1
            report(done)
            for row, (name, _, strength) in enumerate(steps, 1):
                changed = CHANGES[name].applied(pixels, strength, numbers)
                codes[row, indices] = _classes(classifier, changed)
                done += 1
                report(done)
    _warn_of_missing(codes)
    if outside:
        warn_user(
            f"`data` has {outside} of {len(data)} images with values outside 0 to 255, "
            "to which the changes clip them: part of the effect is due to that. Give "
            "images of 0 to 255."
        )
    return codes


def _warn_of_missing(codes):
    """Warn if the model gives NaN for images, changed or not."""
    missing = (codes < 0).any(axis=0).sum()
    if missing:
        warn_user(
            f"The model returns NaN for {missing} of {codes.shape[1]} images, changed "
            "or not, so the measures of these changes are unknown. Look at these "
            "images with `predict_images()`."
        )


def _classes(classifier, pixels):
    """Return the codes of the most probable classes of images, -1 for NaN."""
    model = classifier.network
    outputs = predicted(model, pixels)
    chances = probabilities(model, classifier.output, outputs)
    missing = np.isnan(chances).any(axis=1)
    return np.where(missing, -1, chances.argmax(axis=1))


def _table(steps, codes, data, groups, level):
    """Return the table of the measures of each step."""
    truth, unchanged = data.codes, codes[0]
    rows, values = [], []
    for (name, number, strength), found in zip(
        [("none", 0, 0), *steps], codes, strict=True
    ):
        unit = CHANGES[name].unit if number else ""
        for measure, wanted in zip(_MEASURES, (truth, unchanged), strict=True):
            if wanted is None or (measure == "consistency" and not number):
                continue
            known = (found >= 0) & (wanted >= 0)
            rows.append((name, number, strength, unit, measure, len(unchanged)))
            values.append(np.where(known, found == wanted, np.nan))
    values = np.array(values)
    estimates = values.mean(axis=1)
    if groups is None:
        limits = wilson(values.sum(axis=1), values.shape[1], level)
    else:
        names = data.class_names or ["images"]
        of_classes = np.zeros(len(data), int) if truth is None else truth
        warn_of_few_groups(of_classes, names, groups, level)
        limits = limits_of_means(values, of_classes, names, groups, level)
    columns = ("change", "level", "strength", "unit", "measure", "n")
    return {
        **dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True)),
        "estimate": estimates.tolist(),
        "lower": limits[0].tolist(),
        "upper": limits[1].tolist(),
    }
