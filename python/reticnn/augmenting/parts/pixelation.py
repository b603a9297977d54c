"""The part `"pixelation"`: images are made smaller, and large again.

Its parameter is `"pixelation"`, (n, 2), int32, the height and width in between, each
pixel of which is the mean of what it covers; enlarged, it is shown as it is.
"""

import cv2
import numpy as np

from reticnn.augmenting.parts.part import (
    Parameters,
    Part,
    few_channels_at_once,
    in_place,
)
from reticnn.augmenting.random_numbers import to_float32


@in_place
@few_channels_at_once(4)
def _on_host(images, parameters, constants):
    height, width, channels = images.shape[1:]
    for image, (tall, wide) in zip(
        images, parameters["pixelation"].tolist(), strict=True
    ):
        if (tall, wide) == (height, width):
            continue
        small = cv2.resize(image, (wide, tall), interpolation=cv2.INTER_AREA)
        rows, columns = (
            np.arange(side) * less // side
            for side, less in ((height, tall), (width, wide))
        )
        # A pixel at a time, not a value.
        pixel = np.dtype((np.void, small.itemsize * channels))
        pixels = small.reshape(tall, -1).view(pixel)
        large = pixels.take(columns, axis=1).take(rows, axis=0)
        image[...] = large.view(image.dtype).reshape(image.shape)


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


PIXELATION = Part("pixelation", Parameters, _on_host, _on_device)
