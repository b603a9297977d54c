"""The part `"blur"`: images are blurred by Gaussians.

Its parameter is `"blur"`, (n,), the standard deviation in pixels, 0 for none. Its
constant is `"radius"`, how many pixels the window has on each side of the centre. The
window's weights sum to 1; outside the image are its reflected pixels, without the
edge's own (`"reflect"` of `keras.ops.pad`).
"""

from functools import cache

import numpy as np

from reticnn.augmenting.parts.part import (
    Parameters,
    Part,
    arguments,
    one_by_one,
)
from reticnn.runtime.opencv import cv2


def _prepare(image_shape, parameters, constants):
    """Return the window's size and the standard deviation of the images blurred."""
    side = 2 * constants["radius"] + 1
    sigmas = parameters["blur"]
    sizes = [(side, side)] * len(sigmas)
    return {"blur_window": arguments([sizes, sigmas.tolist()], sigmas > 0)}


@one_by_one("blur_window")
def _on_host(image, result, size, sigma):
    cv2.GaussianBlur(image, size, sigma, result)


def _on_device(ops, images, parameters, constants):
    # With a matrix for each direction.
    height, width, channels = images.shape[1:]
    radius = constants["radius"]
    weights = _gaussians(ops, parameters["blur"], radius)
    down = _band_matrices(ops, weights, height, radius)
    right = _band_matrices(ops, weights, width, radius)
    lines = ops.reshape(images, (-1, height, width * channels))
    lines = ops.reshape(ops.matmul(down, lines), (-1, height, width, channels))
    return ops.einsum("nxw,nhwc->nhxc", right, lines)


def _gaussians(ops, sigmas, radius):
    """Return the weights of each pixel of the windows, (n, 2 * radius + 1)."""
    distances = np.arange(-radius, radius + 1, dtype="float32")[None]
    sigmas = sigmas[:, None]
    # Where there is no blur, all the weight is in the centre.
    width = ops.where(sigmas > 0, sigmas, 1e-3)
    weights = ops.exp(-0.5 * ops.square(ops.convert_to_tensor(distances) / width))
    return weights / ops.sum(weights, axis=1, keepdims=True)


def _band_matrices(ops, weights, side, radius):
    """Return what multiplies a line of pixels to blur it, (n, side, side)."""
    bands = ops.convert_to_tensor(_bands(side, radius))
    return ops.reshape(ops.matmul(weights, bands), (-1, side, side))


@cache
def _bands(side, radius):
    """Return for each pixel of a window which pixels it meets, reflected at the ends.

    Returns:
        NumPy array, float32, (2 * radius + 1, side * side).
    """
    size = 2 * radius + 1
    met = np.pad(np.arange(side), radius, mode="reflect")
    bands = np.zeros((size, side, side), "float32")
    for offset in range(size):
        bands[offset, np.arange(side), met[offset : offset + side]] = 1
    return bands.reshape(size, -1)


BLUR = Part("blur", Parameters, _on_host, _on_device, _prepare)
