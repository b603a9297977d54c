"""Images made smaller before they are sampled, where a warp shrinks them.

A warp that shrinks leaves out pixels between those that bilinear interpolation looks
at, and fine detail turns into patterns that are not there. So each image is first
reduced by a power of two in each direction, every pixel being the mean of so many,
until what remains to be shrunk is below 2 ** 0.75, or 1.68.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from reticnn.augmenting.random_numbers import to_int32
from reticnn.runtime.opencv import cv2

# An image is halved where it shrinks to 2 ** (_EARLY - 1) or less: by trial, that is
# closest to a resize that weighs all pixels.
_EARLY = 0.25


def most_halvings(size, result_size):
    """Return how many times images may be halved, down and across.

    Args:
        size: (height, width) of the images.
        result_size: (height, width) of the results, which show no more than them.
    """
    return tuple(
        max(0, math.floor(math.log2(side / wanted) + _EARLY))
        for side, wanted in zip(size, result_size, strict=True)
    )


def halvings(xp, matrices, most):
    """Return how many times each image is halved before it is sampled.

    Args:
        xp: `numpy` or `keras.ops`.
        matrices: Of the warp, (n, 6) or (n, 9).
        most: The most of them, down and across.

    Returns:
        Arrays, (n,), int32, down and across.
    """
    return tuple(
        to_int32(
            xp,
            xp.clip(xp.floor(xp.log2(shrinking(xp, matrices, row)) + _EARLY), 0, limit),
        )
        for row, limit in zip((1, 0), most, strict=True)
    )


def shrinking(xp, matrices, row):
    """Return how far apart along y (row 1) or x (row 0) neighbours are taken."""
    first, second = matrices[:, 3 * row], matrices[:, 3 * row + 1]
    # What is not there at all is not halved.
    return xp.maximum(xp.sqrt(first * first + second * second), 2.0**-10)


def shrinks_little(matrices):
    """Return whether no image can be one that is halved, which takes little to know."""
    across, down = matrices[:, 0:2], matrices[:, 3:5]
    longest = max((across * across).sum(axis=1).max(), (down * down).sum(axis=1).max())
    # With room for how these are rounded.
    return bool(longest < 0.99 * 4 ** (1 - _EARLY))


def of_reduced(xp, matrices, down, across):
    """Return the matrices that sample images reduced by factors, (n,) or (1,)."""
    last = matrices[:, 6:] if matrices.shape[1] == 9 else [[0.0, 0.0, 1.0]]
    last = xp.array(last, dtype="float32") if matrices.shape[1] == 6 else last
    rows = [
        matrices[:, start : start + 3] * each + last * ((each - 1) / 2)
        for start, each in (
            (0, xp.reshape(1 / across, (-1, 1))),
            (3, xp.reshape(1 / down, (-1, 1))),
        )
    ]
    rows += [last] if matrices.shape[1] == 9 else []
    return xp.concatenate(rows, axis=1)


def reduced_on_host(image, down, across):
    """Return an image of (height, width, channels) halved so many times each way."""
    channels = image.shape[2]
    if -image.shape[0] % 2**down:
        image = np.concatenate([image, image[::-1][: -image.shape[0] % 2**down]])
    if -image.shape[1] % 2**across:
        edge = image[:, ::-1][:, : -image.shape[1] % 2**across]
        image = np.concatenate([image, edge], axis=1)
    for time in range(max(down, across)):
        height, width = image.shape[:2]
        size = width // (1 + (time < across)), height // (1 + (time < down))
        # At half of the size, that is the mean, and OpenCV is fast.
        image = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    return image.reshape(*image.shape[:2], channels)


class Reductions(NamedTuple):
    """Images, and the same reduced, to take pixels from.

    Attributes:
        pixels: Tensor, (n * total, channels).
        total: Number of pixels for each image.
        start: Number of the first pixel of what is sampled, or tensor (n, 1, 1).
        height: Of what is sampled, number or tensor (n, 1, 1), float32.
        width: The same.
        count: Number of images.
        channels: Number of channels.
    """

    pixels: Any
    total: int
    start: Any
    height: Any
    width: Any
    count: Any
    channels: int


def as_they_are(ops, images):
    """Return `Reductions` of images that are sampled without."""
    height, width, channels = images.shape[1:]
    pixels = ops.reshape(images, (-1, channels))
    count = ops.shape(images)[0]
    return Reductions(pixels, height * width, 0, height, width, count, channels)


def reductions(ops, images, down, across, most):
    """Return `Reductions` of images, each to be sampled at its own.

    Args:
        ops: `keras.ops`.
        images: Tensor, (n, height, width, channels).
        down: How many times each is halved down, int32, (n,).
        across: The same across.
        most: The most of them, down and across.
    """
    channels = images.shape[3]
    each = [
        _reduced_on_device(ops, images, 2**tall, 2**wide)
        for tall in range(most[0] + 1)
        for wide in range(most[1] + 1)
    ]
    sizes = np.array([image.shape[1:3] for image in each])
    starts = np.cumsum([0, *sizes.prod(axis=1)])
    flat = [ops.reshape(one, (-1, *_area(one), channels)) for one in each]
    which = down * (most[1] + 1) + across

    def of_own(values, dtype):
        found = ops.take(ops.convert_to_tensor(values.astype(dtype)), which, axis=0)
        return found[:, None, None]

    return Reductions(
        ops.reshape(ops.concatenate(flat, axis=1), (-1, channels)),
        int(starts[-1]),
        of_own(starts[:-1], "int32"),
        of_own(sizes[:, 0], "float32"),
        of_own(sizes[:, 1], "float32"),
        ops.shape(images)[0],
        channels,
    )


def _area(image):
    return (image.shape[1] * image.shape[2],)


def _reduced_on_device(ops, images, down, across):
    if (down, across) == (1, 1):
        return images
    height, width, channels = images.shape[1:]
    missing = [(0, 0), (0, -height % down), (0, -width % across), (0, 0)]
    if any(after for _, after in missing):
        images = ops.pad(images, missing, mode="symmetric")
    tall, wide = -(-height // down), -(-width // across)
    parts = ops.reshape(images, (-1, tall, down, wide, across, channels))
    return ops.mean(parts, axis=(2, 4))
