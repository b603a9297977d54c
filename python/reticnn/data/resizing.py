"""Resize the pixels of an image."""

import numpy as np

from reticnn.runtime.opencv import cv2

RESIZES = ("stretch", "crop", "pad")

# OpenCV 5 takes images of at most 128 channels.
_CHANNELS_AT_ONCE = 100


def fitted(pixels, image_size, resize):
    """Return pixels, (h, w) or (h, w, channels), at another size.

    Args:
        pixels: uint8 or float32 array.
        image_size: (height, width) wanted.
        resize: "stretch" changes the aspect, "crop" cuts the longer sides off equally,
            "pad" adds black to the shorter sides.

    Returns:
        Array of that height and width, and of the same type.
    """
    if resize == "crop":
        pixels = _centre(pixels, image_size)
    if resize == "pad":
        return _on_black(pixels, image_size)
    return _stretched(pixels, image_size)


def scaled(pixels, side):
    """Return pixels, (h, w, channels), resized as they are to a shorter side of `side`.

    They are interpolated as by `fitted`.
    """
    sides = pixels.shape[:2]
    size = tuple(round(length * side / min(sides)) for length in sides)
    return _stretched(pixels, size)


def _stretched(pixels, image_size):
    """Return pixels resized by bilinear interpolation, as Keras does it by default.

    That looks at two pixels each way. Where an image shrinks to a third or less, it is
    softened first, so that the pixels between count too.
    """
    if pixels.shape[:2] == tuple(image_size):
        return pixels
    height, width = image_size
    shape = (height, width, *pixels.shape[2:])
    if pixels.ndim == 3 and pixels.shape[2] > _CHANNELS_AT_ONCE:
        starts = range(_CHANNELS_AT_ONCE, pixels.shape[2], _CHANNELS_AT_ONCE)
        parts = map(np.ascontiguousarray, np.split(pixels, starts, axis=2))
        return np.concatenate([_stretched(part, image_size) for part in parts], axis=2)
    soft = (_odd(pixels.shape[1] / width), _odd(pixels.shape[0] / height))
    if soft != (1, 1):
        pixels = cv2.blur(pixels, soft)
    resized = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR)
    # OpenCV leaves a single channel out.
    return resized.reshape(shape)


def _odd(ratio):
    """Return the odd number of pixels to average over for a shrinking by `ratio`."""
    return 2 * int(ratio / 2) + 1 if ratio >= 3 else 1


def back_on_image(values, sides, resize):
    """Return what lies on a fitted image where it lies on the image as it was.

    Args:
        values: float array (h, w) of the size that the image was fitted to.
        sides: (height, width) of the image before.
        resize: How it was fitted, as in `fitted`, or None for "stretch".

    Returns:
        Array of that height and width, 0 where the image was cut off.
    """
    if resize == "pad":
        values = values[_inner(sides, values.shape)]
    if resize != "crop":
        return cv2.resize(values, sides[::-1], interpolation=cv2.INTER_LINEAR)
    within = _central(sides, values.shape)
    height, width = (part.stop - part.start for part in within)
    canvas = np.zeros(sides, values.dtype)
    canvas[within] = cv2.resize(values, (width, height), interpolation=cv2.INTER_LINEAR)
    return canvas


def _centre(pixels, image_size):
    """Return the largest central part that has the aspect ratio of `image_size`."""
    return pixels[_central(pixels.shape[:2], image_size)]


def _central(sides, image_size):
    """Return the slices of that part of an image of (height, width) `sides`."""
    sides = np.array(sides)
    scale = (sides / image_size).min()
    size = np.maximum(1, np.round(np.multiply(image_size, scale))).astype(int)
    return _slices((sides - size) // 2, size)


def _on_black(pixels, image_size):
    """Return the whole image, as large as it fits, centred on black."""
    inner = _inner(pixels.shape[:2], image_size)
    height, width = (part.stop - part.start for part in inner)
    canvas = np.zeros((*image_size, *pixels.shape[2:]), pixels.dtype)
    canvas[inner] = _stretched(pixels, (height, width))
    return canvas


def _inner(sides, image_size):
    """Return the slices in which an image of (height, width) `sides` lies there."""
    sides, image_size = np.array(sides), np.array(image_size)
    size = np.maximum(1, np.round(sides * (image_size / sides).min())).astype(int)
    return _slices((image_size - size) // 2, size)


def _slices(starts, sizes):
    return tuple(
        slice(int(start), int(start + size))
        for start, size in zip(starts, sizes, strict=True)
    )
