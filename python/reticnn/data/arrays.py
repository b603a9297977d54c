"""Image data from arrays."""

import warnings

import numpy as np

from reticnn.coercion import as_images, as_labels, shown
from reticnn.data.array_images import ArrayImages
from reticnn.data.facts import as_facts, as_groups
from reticnn.data.image_data import NAME_ALL_CLASSES, ImageData, check_class_names
from reticnn.data.value_range import ValueRange
from reticnn.data.weighting import as_weights
from reticnn.runtime.conditions import warn_user


def image_arrays(
    x,
    y=None,
    *,
    class_names=None,
    groups=None,
    facts=None,
    weights=None,
    value_range=None,
):
    """Make image data from an array of images and their labels.

    Args:
        x: Array, or tensor of TensorFlow, JAX or PyTorch, (n, height, width, channels),
            or (n, height, width) for grey images; values 0 to 255. Whole numbers are
            kept as uint8. A uint8 array is used as it is, not copied: do not change it
            afterwards.
        y: One label per image: class names, or whole numbers, which then serve as
            names, in an array, a list or a tensor. None for images without labels.
            Default None.
        class_names: The classes in order, or None for the sorted labels, or for the
            categories of a pandas Categorical. With whole numbers in `y`, the names
            that 0, 1, ... or 1, 2, ... stand for. Default None.
        groups: Which images belong together, as for `image_table`. Default None.
        facts: What else is known about each image, as for `image_table`. Default None.
        weights: How much each image counts in training, as for `image_table`. Default
            None.
        value_range: The two values that are black and white, or a pair for each
            channel, if they are not 0 and 255: the images are rescaled to 0 to 255,
            which is what models here take. For images divided by 255, `(0, 1)`; for
            standardised ones, `(x - mean) / sd`, `(-mean / sd, (255 - mean) / sd)`, to
            go with `build_cnn(rescale="standardize")`. None for 0 to 255. Default None.

    Returns:
        Image data in memory, as from `image_folder`.

    Raises:
        TypeError: If `x` does not hold numbers, or a label is neither a string nor a
            whole number.
        ValueError: If `x` has the wrong number of dimensions or missing pixels, if `x`
            and `y`, `groups`, a fact or `weights` differ in length, a label, a group or
            a weight is missing, a weight is negative or infinite, a label is not in
            `class_names`, there is only one class, class names differ only in case, or
            `value_range` is not two numbers that go up.

    Warns:
        UserWarning: If pixels are outside 0 to 255 or the range given, or within 0 to
            1, or channels seem to come before height and width.

    Example:
        >>> x = numpy.random.default_rng(1).integers(0, 256, (6, 32, 32, 3))
        >>> image_arrays(x, ["cat", "dog"] * 3)
        <ImageData> 6 images, 32 x 32 x 3, in memory
        cat  3
        dog  3
    """
    pixels = as_images(x, "x") if value_range is None else _in_range(x, value_range)
    facts = as_facts(facts, len(pixels))
    known = {
        "groups": as_groups(groups, len(pixels), facts),
        "facts": facts,
        "weights": as_weights(weights, len(pixels), facts),
    }
    if y is None:
        return ImageData(ArrayImages(pixels), **known)
    codes, class_names = as_labels(y, class_names, name="y")
    if len(codes) != len(pixels):
        raise ValueError(
            f"`x` has {len(pixels)} images and `y` {len(codes)} labels. Give one label "
            "per image."
        )
    if len(codes):
        check_class_names(class_names, "y", NAME_ALL_CLASSES)
    return ImageData(ArrayImages(pixels), codes, class_names, **known)


# How far values may lie beyond the range by rounding, as a part of it.
_ROUNDING = 1e-3

_AT_ONCE = 256


def _in_range(x, value_range):
    """Return images as uint8 or float32, 0 to 255, from those of another range."""
    if isinstance(value_range, str):
        raise ValueError(
            f"`value_range` must be two numbers, the values of black and of white, not "
            f"{shown(value_range)}: in an array, nothing else says what they are."
        )
    with warnings.catch_warnings():
        # It is about 0 to 255, which these are not yet.
        warnings.filterwarnings("ignore", ".* values? (outside 0 to 255|above 1)")
        images = as_images(x, "x")
    pairs = ValueRange.of(value_range, images.shape[-1]).pairs
    lows, highs = (np.array(ends, "float64") for ends in zip(*pairs, strict=True))
    pixels, outside, off = np.empty(images.shape, np.float32), 0, 0.0
    for start in range(0, len(images), _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        values = (images[rows] - lows) * (255 / (highs - lows))
        beyond = (values < -255 * _ROUNDING) | (values > 255 * (1 + _ROUNDING))
        outside += int(beyond.sum())
        pixels[rows] = np.clip(values, 0, 255, out=values)
        off = max(off, np.abs(values - np.round(values)).max(initial=0))
    if outside:
        warn_user(
            f"`x` has {outside} of {pixels.size} values outside `value_range`, from "
            f"{images.min():g} to {images.max():g}, which become black or white. Give "
            "the values that are black and white."
        )
    # Standardising and back leaves what were whole numbers next to them.
    if off < 255 * _ROUNDING / 10:
        return np.round(pixels).astype(np.uint8)
    return pixels
