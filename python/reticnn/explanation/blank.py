"""What stands in an image for nothing at all."""

from functools import partial

import numpy as np

from reticnn.coercion import as_floats, shown

MEAN = "mean"


def as_baseline(value, channels):
    """Return a function from images to blank ones, float64 of the same shape.

    Args:
        value: A number, 0 to 255, or one for each channel; or `"mean"`.
        channels: How many channels images have.
    """
    if isinstance(value, str):
        if value == MEAN:
            return _of_mean_colour
        raise ValueError(
            f"`baseline` must be {MEAN!r} or numbers of 0 to 255, not {shown(value)}."
        )
    levels = as_floats(value, "baseline", minimum=0, maximum=255)
    if len(levels) not in (1, channels):
        raise ValueError(
            f"`baseline` must be one number, or one for each of the {channels} "
            f"channels of an image, not {len(levels)}: {shown(levels)}."
        )
    return partial(_of_levels, levels)


def _of_mean_colour(pixels):
    means = pixels.mean(axis=(1, 2), keepdims=True, dtype="float64")
    return np.broadcast_to(means, pixels.shape)


def _of_levels(levels, pixels):
    return np.broadcast_to(np.array(levels, "float64"), pixels.shape)
