"""The part `"noise"`: a window of a fixed texture of noise is added to each image.

Its parameters are `"noise"`, (n,), the factor of the texture, `normal_texture`; and
`"noise_offset"`, (n, 2), int32, row and column at which the window begins.
"""

import math
from functools import cache

import numpy as np

from reticnn.augmenting.parts.part import Parameters, Part, in_place, rows_and_columns
from reticnn.augmenting.random_numbers import normals, to_int32, uniforms

# Number of offsets, both ways, at which an image's window of a texture can begin.
_OFFSETS = 256


def texture_offset(xp, down, right):
    """Return the offsets of windows, (n, 2), int32, from numbers in [0, 1)."""
    return to_int32(xp, xp.stack([down, right], axis=1) * _OFFSETS)


@cache
def normal_texture(image_shape):
    """Return fixed standard normal numbers to take windows of `image_shape` from.

    Returns:
        NumPy array, float32, (height + 256, width + 256, channels).
    """
    shape = (*(side + _OFFSETS for side in image_shape[:2]), image_shape[2])
    unit = uniforms(np, 0, 0, np.arange(math.prod(shape)), (0, 1))
    texture = normals(np, *unit.T)[0].reshape(shape)
    texture.flags.writeable = False
    return texture


def windows_on_device(ops, texture, offsets):
    """Return windows of a texture, (n, height, width, channels), float32."""
    rows, columns, channels = texture.shape
    height, width = rows - _OFFSETS, columns - _OFFSETS
    offsets = offsets[:, :, None, None]
    row, column = rows_and_columns(ops, height, width)
    at = (offsets[:, 0] + row) * columns + offsets[:, 1] + column
    flat = ops.convert_to_tensor(texture.reshape(-1, channels).astype("float32"))
    return ops.take(flat, at, axis=0)


@in_place
def _on_host(images, parameters, constants):
    texture = normal_texture(images.shape[1:])
    height, width = images.shape[1:3]
    for image, factor, (row, column) in zip(
        images, parameters["noise"], parameters["noise_offset"].tolist(), strict=True
    ):
        window = texture[row : row + height, column : column + width]
        noisy = image + factor * window
        if image.dtype == np.uint8:
            np.clip(np.rint(noisy, out=noisy), 0, 255, out=noisy)
        image[...] = noisy


def _on_device(ops, images, parameters, constants):
    texture = normal_texture(tuple(images.shape[1:]))
    windows = windows_on_device(ops, texture, parameters["noise_offset"])
    return images + parameters["noise"][:, None, None, None] * windows


NOISE = Part("noise", Parameters, _on_host, _on_device)
