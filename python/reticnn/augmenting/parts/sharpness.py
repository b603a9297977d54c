"""The part `"sharpness"`: images are blended with smoothed ones.

Its parameter is `"sharpness"`, (n,), the factor f of a blend f times the image plus
(1 - f) times the image smoothed with `_SMOOTHING`, 3 x 3; 1 leaves it as it is. The
outermost pixels are not smoothed, and so stay as they are.
"""

import numpy as np

from reticnn.augmenting.parts.part import (
    Parameters,
    Part,
    arguments,
    one_by_one,
    rows_and_columns,
)
from reticnn.runtime.opencv import cv2

# Weights of a pixel and its eight neighbours in a smoothed image, as Pillow has them.
_SMOOTHING = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]], "float32") / 13

_SAME = np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]], "float32")


def _prepare(image_shape, parameters, constants):
    """Return the kernels, 3 x 3, of the images that are changed."""
    factors = parameters["sharpness"]
    changed = (factors != 1) & (min(image_shape[:2]) >= 3)
    factors = factors[:, None, None]
    kernels = factors * _SAME + (1 - factors) * _SMOOTHING
    return {"sharpness_kernel": arguments([kernels], changed)}


@one_by_one("sharpness_kernel")
def _on_host(image, result, kernel):
    cv2.filter2D(image, -1, kernel, result)
    height, width = image.shape[:2]
    for edges in (np.s_[:: height - 1], np.s_[:, :: width - 1]):
        result[edges] = image[edges]


def _on_device(ops, images, parameters, constants):
    height, width = images.shape[1:3]
    if min(height, width) < 3:
        return images
    padded = ops.pad(images, [(0, 0), (1, 1), (1, 1), (0, 0)])
    smooth = sum(
        padded[:, down : down + height, right : right + width] * weight
        for (down, right), weight in np.ndenumerate(_SMOOTHING)
    )
    row, column = rows_and_columns(ops, height, width)
    inner = (row > 0) & (row < height - 1) & (column > 0) & (column < width - 1)
    factors = parameters["sharpness"][:, None, None, None]
    blend = smooth + (images - smooth) * factors
    return ops.where(inner[..., None], blend, images)


SHARPNESS = Part("sharpness", Parameters, _on_host, _on_device, _prepare)
