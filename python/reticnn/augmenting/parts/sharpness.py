"""The part `"sharpness"`: images are blended with smoothed ones.

Its parameter is `"sharpness"`, (n,), the factor f of a blend f times the image plus
(1 - f) times the image smoothed with `_SMOOTHING`, 3 x 3; 1 leaves it as it is. The
outermost pixels are not smoothed, and so stay as they are.
"""

import cv2
import numpy as np

from reticnn.augmenting.parts.part import (
    Parameters,
    Part,
    few_channels_at_once,
    in_place,
    planes,
    rows_and_columns,
)

# Weights of a pixel and its eight neighbours in a smoothed image, as Pillow has them.
_SMOOTHING = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]], "float32") / 13


@in_place
@few_channels_at_once()
def _on_host(images, parameters, constants):
    if min(images.shape[1:3]) < 3:
        return
    same = np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]], "float32")
    for image, factor in zip(planes(images), parameters["sharpness"], strict=True):
        if factor != 1:
            kernel = factor * same + (1 - factor) * _SMOOTHING
            image[1:-1, 1:-1] = cv2.filter2D(image, -1, kernel)[1:-1, 1:-1]


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


SHARPNESS = Part("sharpness", Parameters, _on_host, _on_device)
