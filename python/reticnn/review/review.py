"""Review image data: what is wrong with the images and their labels."""

from collections.abc import Mapping

from reticnn.coercion import (
    as_choice,
    as_float,
    as_int,
    as_strings,
    nearest,
    none_as_default,
    shown,
)
from reticnn.data.accepting import image_data_of
from reticnn.data.image_data import ImageData, check_not_empty
from reticnn.notation import in_words
from reticnn.review.classes import uneven_classes
from reticnn.review.copies import near_copies, steps_of_search
from reticnn.review.findings import table_of
from reticnn.review.groups_of_copies import copies_found, groups_of
from reticnn.review.image_measures import image_measures, number_of_measured_batches
from reticnn.review.label_check import LabelCheck, NoLabelCheck
from reticnn.review.odd_images import CHECKS, odd_images
from reticnn.review.origins import bursts, divided_groups, facts_of, sizes_of
from reticnn.runtime.progress import as_step_progress

# The default threshold of each kind that has one.
_THRESHOLDS = {
    "near_duplicates": 0.06,
    "burst": 5,
    **{kind: check.threshold for kind, check in CHECKS.items()},
    "small_class": 20,
    "imbalance": 10,
}

KINDS = (
    "leak",
    "group_in_parts",
    "conflicting_labels",
    "wrong_label",
    "exact_duplicates",
    "near_duplicates",
    "burst",
    *CHECKS,
    "small_class",
    "imbalance",
)


def review_images(
    data,
    *,
    classifier=None,
    probabilities=None,
    kinds=None,
    thresholds=None,
    outlying=3,
    batch_size=32,
    progress="auto",
):
    """Look for what is wrong with images before a classifier learns from them.

    Each image is read once. Copies are found by a perceptual hash and then compared
    pixel by pixel, so the time grows with the number of images and not with the number
    of pairs.

    The kinds of findings are:

    - `leak`: copies of one image, exact or near, in several parts, such as in the
      training and the test images.
    - `group_in_parts`: a group of the data with images in several parts.
    - `conflicting_labels`: copies of one image with different labels.
    - `wrong_label`: images with a label that is probably wrong, by confident learning,
      if `classifier` or `probabilities` are given. The value is the probability of the
      label, the threshold that of the class that is probably right.
    - `exact_duplicates`: images with the same pixels as they are read.
    - `near_duplicates`: images that are the same but for resizing, compressing again,
      slight cropping, brightening or mirroring. The value is the share of the
      pixels' variance that differs; if the images are alike only after cropping and
      brightening, it is weighted by how many of the finest details differ.
    - `burst`: photos from one camera, each taken seconds after the one before, by the
      EXIF tags of files or by facts about the images called `exif_time` and
      `exif_camera`. Bursts in several parts are of high severity.
    - `blank`: pictures of hardly more than one colour. The value is the standard
      deviation of the brightness, of 255.
    - `dark`: the mean brightness, of 255.
    - `overexposed`: the proportion of pixels that are nearly white.
    - `low_contrast`: the range of brightness, of 255, without the darkest and the
      brightest 5 % of the pixels.
    - `blurred`: the blur, from 0 to 1, by how little is lost where an image is blurred
      once more.
    - `tiny`: the shorter side of the file, in pixels.
    - `odd_aspect`: the longer side of the file divided by the shorter.
    - `constant_border`: the proportion of the image in rows and columns of one colour
      at its edges.
    - `grey`: among colour images, the mean distance, of 255, of a pixel's channels.
    - `small_class`: a class with few images in a part.
    - `imbalance`: a class with many times the images of the smallest.

    Args:
        data: Image data, or a folder, as in `image_folder`; or a dict of several by
            the names of the parts, as from `split_images`.
        classifier: Classifier or Keras model whose features tell the classes apart: a
            logistic regression on the inputs of its last layer predicts each fifth of
            the images from the labels of the others, with all copies of an image in the
            same fifth. It need not know these classes, and is best trained on other
            images, as `backbones` are on ImageNet's. None does not look for wrong
            labels, or uses `probabilities`. Default None.
        probabilities: Instead of a classifier, the table that `predict_images` returns
            for `data` with a classifier that was not trained on them, or an array (n,
            classes) with the classes in the order of the data, such as from
            cross-validation. With parts, a dict of these by their names. Default None.
        kinds: Kinds to look for, or None for all. Default None.
        thresholds: Dict of numbers that replace the thresholds of some kinds, or None.
            The defaults are: `near_duplicates` 0.06, `burst` 5, `blank` 3, `dark` 25,
            `overexposed` 0.5, `low_contrast` 40, `blurred` 0.6, `tiny` 32,
            `odd_aspect` 3, `constant_border` 0.08, `grey` 2, `small_class` 20,
            `imbalance` 10. Default None.
        outlying: Number of at least 0. A picture beyond a threshold is a finding only
            if it is also unlike the others, by this many robust standard deviations
            from the median of the data, so that night photos are not dark among night
            photos. With 0, it only has to be on that side of the median. Not used for
            `blank`. Default 3.
        batch_size: Whole number of images per batch for `classifier`. Default 32.
        progress: As in `predict_images`. Default `"auto"`.

    Returns:
        Table (dict of equal-length lists) with one row for each image of each finding,
        the worst first:

        - `finding`: number of the finding, the same for all images that it is about.
        - `kind` and `severity`: `"high"`, `"medium"` or `"low"`.
        - `part`: name of the image's part, None without parts.
        - `image`: its position in the part, None for a finding about a class.
        - `file` and `label`: its path and its class, None if it has none.
        - `value` and `threshold`: the number that was measured, and the threshold that
          it is beyond.
        - `extra`: whether the image can be left out because a copy of it stays, in the
          last part that has one: `data[...]` without these contains each image once.
        - `why`: text.

        It prints the number of findings of each kind.

    Raises:
        TypeError: If `data` is not image data, or not a dict of them.
        ValueError: If there are no images, a file cannot be read, a kind or a
            threshold is not one of these, `probabilities` are not those of the images,
            or wrong labels are to be found and there are no labels.

    Warns:
        SeenImagesWarning: If `classifier` was trained on some of the images, so that
            fewer wrong labels are found.
        UserWarning: If the classes are hardly told apart, so that most labels that seem
            wrong are wrong predictions.

    Example:
        >>> data = shape_images(100, seed=1)
        >>> review_images(data + data[:3])
        <Review> 103 images: 3 findings
        exact_duplicates       3 (6 images), such as: the same pixels

    Source:
        Confident learning: Northcutt, Jiang and Chuang (2021), arXiv:1911.00068.
        Perceptual blur: Crete et al. (2007), SPIE 6492, 64920I.
    """
    start_progress = as_step_progress(progress)
    parts = _parts(data)
    kinds = _kinds(kinds)
    limits = {**_THRESHOLDS, **_thresholds(thresholds)}
    outlying = as_float(outlying, "outlying", minimum=0)
    batch_size = as_int(batch_size, "batch_size")
    labels = _label_check(classifier, probabilities, parts, batch_size)
    measuring = number_of_measured_batches(list(parts.values()))
    searching = measuring + steps_of_search()
    report = start_progress(searching + labels.steps)
    measured = image_measures(list(parts.values()), report)
    pairs = near_copies(
        measured, limits["near_duplicates"], lambda step: report(measuring + step)
    )
    facts = facts_of(parts.values())
    measures = {**measured.measures, **sizes_of(facts)}
    findings = [
        *copies_found(measured, pairs, parts, limits["near_duplicates"]),
        *odd_images(measures, kinds, limits, outlying),
        *uneven_classes(parts, limits),
        *divided_groups(parts),
        *bursts(facts, parts, limits["burst"]),
        *labels.findings(
            groups_of(measured.hashes, pairs), lambda step: report(searching + step)
        ),
    ]
    findings = [finding for finding in findings if finding.kind in kinds]
    return table_of(findings, parts, kinds)


def _label_check(classifier, probabilities, parts, batch_size):
    """Return what looks for wrong labels."""
    if classifier is None and probabilities is None:
        return NoLabelCheck()
    if classifier is not None and probabilities is not None:
        raise ValueError(
            "`classifier` and `probabilities` are two ways to find wrong labels. Give "
            "one of them."
        )
    unlabelled = [name for name, data in parts.items() if data.codes is None]
    if unlabelled:
        where = "" if unlabelled == [None] else f" in {shown(unlabelled)}"
        raise ValueError(
            f"`data` has no labels{where} that could be wrong. Leave out "
            f"`{'probabilities' if classifier is None else 'classifier'}`, or give "
            "labelled images."
        )
    return LabelCheck(classifier, probabilities, parts, batch_size)


def review_as_lists(**arguments):
    """Return what `review_images` finds as R is given it."""
    review = none_as_default(review_images, {"progress": "none"})(**arguments)
    sizes = {"" if name is None else name: n for name, n in review.sizes.items()}
    return {"columns": dict(review), "sizes": sizes, "kinds": review.kinds}


def _parts(data):
    """Return image data by the names of their parts, None for data without parts."""
    if not isinstance(data, Mapping):
        data = {None: _read(data, "data")}
    if not data:
        raise ValueError("`data` has no parts. Give at least one.")
    parts = {name: _read(part, "data") for name, part in data.items()}
    for part in parts.values():
        check_not_empty(part, "data")
    return parts


def _read(part, name):
    return part if isinstance(part, ImageData) else image_data_of(part, name)


def _kinds(kinds):
    """Return the kinds to look for in their order."""
    if kinds is None:
        return list(KINDS)
    wanted = [as_choice(kind, "kinds", KINDS) for kind in as_strings(kinds, "kinds")]
    return [kind for kind in KINDS if kind in wanted]


def _thresholds(thresholds):
    """Return the user's thresholds by kind."""
    if thresholds is None:
        return {}
    if not isinstance(thresholds, Mapping):
        raise TypeError(
            f"`thresholds` must be {in_words('a dict', 'a named list')} of numbers by "
            f"kind, not {shown(thresholds)}."
        )
    unknown = [kind for kind in thresholds if kind not in _THRESHOLDS]
    if unknown:
        raise ValueError(
            f"`thresholds` has {shown(unknown)}, and there are thresholds for "
            f"{', '.join(map(shown, _THRESHOLDS))}.{nearest(unknown[0], _THRESHOLDS)}"
        )
    return {
        kind: as_float(value, f"thresholds[{kind!r}]", minimum=0)
        for kind, value in thresholds.items()
    }
