"""The part `"erase"`: boxes of each image are filled.

Its parameter is `"erase"`, (n, boxes, 4), int32, top, left, bottom and right of boxes,
the last two excluded; they are empty where nothing is erased. They are filled by the
constant `"fill"`, one value or one per channel; or, where that is None, by a fixed
texture of noise, whose window begins at `"erase_offset"`, (n, 2), int32: the pixel
(y, x) becomes texture[row + y, column + x].
"""

from functools import cache

import numpy as np

from reticnn.augmenting.parts.noise import normal_texture, windows_on_device
from reticnn.augmenting.parts.part import Parameters, Part, in_place, rows_and_columns
from reticnn.augmenting.random_numbers import constant, in_rows, to_int32


def random_box(xp, image_shape, on, fractions, positions):
    """Return boxes, (n, 4), int32: top, left, bottom, right.

    Args:
        xp: `numpy` or `keras.ops`.
        image_shape: (height, width, ...).
        on: (n,), 1 for a box, 0 for an empty one.
        fractions: Two (n,), the box's height and width as fractions of the image's.
        positions: Two (n,) in [0, 1), where the box is, from top to bottom and from
            left to right.
    """
    sides = constant(xp, image_shape[:2])[:, None]
    lengths = in_rows(xp, fractions) * sides
    starts = in_rows(xp, positions) * (sides - lengths)
    corners = xp.ceil(xp.concatenate([starts, starts + lengths])) * on
    return to_int32(xp, xp.transpose(corners))


@cache
def _noise(image_shape):
    """Return what erased boxes show: normal numbers times 255, cut off at 0 and 255.

    Returns:
        NumPy array, uint8, (height + 256, width + 256, channels).
    """
    texture = np.clip(normal_texture(image_shape) * 255, 0, 255).astype("uint8")
    texture.flags.writeable = False
    return texture


@in_place
def _on_host(images, parameters, constants):
    boxes = parameters["erase"].tolist()
    if constants["fill"] is not None:
        for image, of_image in zip(images, boxes, strict=True):
            for top, left, bottom, right in of_image:
                image[top:bottom, left:right] = constants["fill"]
        return
    texture = _noise(images.shape[1:])
    for image, of_image, (row, column) in zip(
        images, boxes, parameters["erase_offset"].tolist(), strict=True
    ):
        for top, left, bottom, right in of_image:
            image[top:bottom, left:right] = texture[
                row + top : row + bottom, column + left : column + right
            ]


def _on_device(ops, images, parameters, constants):
    image_shape = tuple(images.shape[1:])
    row, column = rows_and_columns(ops, *image_shape[:2])
    erased = False
    for box in range(parameters["erase"].shape[1]):
        top, left, bottom, right = (
            parameters["erase"][:, box, i][:, None, None] for i in range(4)
        )
        inside = (row >= top) & (row < bottom) & (column >= left) & (column < right)
        erased = inside | erased
    if constants["fill"] is None:
        offset = parameters["erase_offset"]
        filling = windows_on_device(ops, _noise(image_shape), offset)
    else:
        filling = ops.convert_to_tensor(np.array(constants["fill"], "float32"))
    return ops.where(erased[..., None], filling, images)


ERASE = Part("erase", Parameters, _on_host, _on_device)
