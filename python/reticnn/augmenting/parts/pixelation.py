"""The part `"pixelation"`: images are made smaller, and large again.

Its parameter is `"pixelation"`, (n, 2), int32, the height and width in between, each
pixel of which is the mean of what it covers; enlarged, it is shown as it is.
"""

from functools import cache

import numpy as np

from reticnn.augmenting.parts.part import Parameters, Part, arguments, one_by_one
from reticnn.augmenting.random_numbers import to_float32
from reticnn.runtime.opencv import cv2


def _prepare(image_shape, parameters, constants):
    """Return the size in between of the images that it is not the own of."""
    sizes = parameters["pixelation"]
    changed = (sizes != image_shape[:2]).any(axis=1)
    return {"pixelation_size": arguments([sizes.tolist()], changed)}


@one_by_one("pixelation_size", channels_at_once=4)
def _on_host(image, result, size):
    height, width = image.shape[:2]
    tall, wide = size
    small = cv2.resize(image, (wide, tall), interpolation=cv2.INTER_AREA)
    if _opencv_shows(width, wide):
        wider = cv2.resize(small, (width, tall), interpolation=cv2.INTER_NEAREST)
    else:
        # A pixel at a time, not a value.
        pixel = np.dtype((np.void, image[0, 0].nbytes))
        pixels = small.reshape(tall, -1).view(pixel)
        wider = pixels.take(_shown(width, wide), axis=1).view(image.dtype)
    wider.reshape(tall, -1).take(
        _shown(height, tall), axis=0, out=result.reshape(height, -1), mode="clip"
    )


@cache
def _shown(side, fewer):
    """Return which of fewer pixels is shown at each of a side."""
    return np.arange(side) * fewer // side


@cache
def _opencv_shows(side, fewer):
    """Return whether OpenCV shows the same ones: it may round another way."""
    line = np.arange(fewer, dtype="float32")[None]
    line = cv2.resize(line, (side, 1), interpolation=cv2.INTER_NEAREST)
    return np.array_equal(line[0], _shown(side, fewer))


def _on_device(ops, images, parameters, constants):
    # With a matrix for each direction.
    height, width, channels = images.shape[1:]
    down = _matrices(ops, parameters["pixelation"][:, 0], height)
    right = _matrices(ops, parameters["pixelation"][:, 1], width)
    lines = ops.reshape(images, (-1, height, width * channels))
    lines = ops.reshape(ops.matmul(down, lines), (-1, height, width, channels))
    return ops.einsum("nxw,nhwc->nhxc", right, lines)


def _matrices(ops, fewer, side):
    """Return what multiplies a line of pixels to make it coarser, (n, side, side)."""
    fewer = fewer[:, None, None]
    pixel = ops.arange(side, dtype="int32")
    coarse = to_float32(ops, pixel[None, :, None] * fewer // side)
    covered = side / to_float32(ops, fewer)
    start = coarse * covered
    pixel = to_float32(ops, pixel)[None, None, :]
    inside = ops.minimum(start + covered, pixel + 1) - ops.maximum(start, pixel)
    weights = ops.maximum(inside, 0.0)
    return weights / ops.sum(weights, axis=2, keepdims=True)


PIXELATION = Part("pixelation", Parameters, _on_host, _on_device, _prepare)
