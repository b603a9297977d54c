"""Waves in which an image is sampled: smooth random displacements of its pixels.

They are cubic B-splines on a coarse grid, whose weights are a window of a fixed texture
of normal numbers, so that both engines have the same. As smooth, and with a `scale` of
1 as high, as white noise that has gone through the Gaussian blur of Keras's
RandomElasticTransform.
"""

import math
from functools import cache

import numpy as np

from reticnn.augmenting.parts.noise import normal_texture, windows_on_device

# Keras's standard deviation of the blur as a fraction of the shorter side, and its
# factor of the displacement as a fraction of the longer one.
_SMOOTH, _HIGH = 0.05, 0.1

# So many knots a side has at most: waves of an image that is extremely long are longer.
_MOST_KNOTS = 256

# A cubic B-spline is as wide as a Gaussian of this standard deviation, in its knots.
_OF_A_SPLINE = math.sqrt(1 / 3)

# Standard deviations of blurred noise, for any blur as Keras scales it, and of splines
# with normal weights.
_OF_BLURRED, _OF_SPLINES = 1 / (2 * math.sqrt(math.pi)), 151 / 315


def height_of_waves(scale, size):
    """Return the factor of `waves`, in pixels, for images of (height, width)."""
    return scale * (_HIGH * max(size) * _OF_BLURRED / _OF_SPLINES)


@cache
def _splines(size):
    """Return the values of all splines down, (height, n), and across, (width, m)."""
    knots = max(_SMOOTH * min(size) / _OF_A_SPLINE, max(size) / _MOST_KNOTS)
    return tuple(_values(side, knots) for side in size)


def _values(side, knots):
    at = np.arange(side)[:, None] / knots
    count = math.floor((side - 1) / knots) + 4
    distance = np.abs(at - (np.arange(count) - 1))
    near = 2 / 3 - distance**2 + distance**3 / 2
    far = (2 - distance).clip(0) ** 3 / 6
    return np.where(distance < 1, near, far).astype("float32")


def _texture(size):
    down, across = _splines(size)
    return normal_texture((down.shape[1], across.shape[1], 2))


def waves_on_host(size, height, offsets):
    """Return the displacements along x and y, (2, n, pixels), float32.

    Args:
        size: (height, width) in pixels.
        height: Factor of each image, (n,), in pixels.
        offsets: Where the window of the texture begins, (n, 2), int32.
    """
    down, across = _splines(size)
    texture = _texture(size)
    windows = np.empty((2, len(height), down.shape[1], across.shape[1]), "float32")
    for image, (row, column) in enumerate(offsets.tolist()):
        window = texture[
            row : row + windows.shape[2], column : column + windows.shape[3]
        ]
        windows[:, image] = height[image] * np.moveaxis(window, 2, 0)
    return (down @ windows @ across.T).reshape(2, len(height), -1)


def waves_on_device(ops, size, height, offsets):
    """Return the displacements along x and y, two tensors (n, height, width)."""
    down, across = _splines(size)
    windows = windows_on_device(ops, _texture(size), offsets)
    down = ops.convert_to_tensor(down)
    across = ops.convert_to_tensor(across.T)
    return tuple(
        ops.matmul(ops.matmul(down, windows[..., axis]), across) * height[:, None, None]
        for axis in (0, 1)
    )
