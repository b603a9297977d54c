"""The part `"motion"`: images are averaged along a line of pixels.

Its parameters are `"motion_steps"`, (n, taps, 2), int32, how far down and to the right
of a pixel those lie that it becomes the mean of, and `"motion_weights"`, (n, taps),
their weights. Outside the image are its reflected pixels, without the edge's own. The
constant `"radius"` is the greatest distance.
"""

import numpy as np

from reticnn.augmenting.parts.part import (
    Parameters,
    Part,
    arguments,
    one_by_one,
    rows_and_columns,
)
from reticnn.augmenting.random_numbers import constant, to_float32, to_int32
from reticnn.runtime.opencv import cv2


def line(xp, angles, radii, radius):
    """Return the steps and weights of lines through a pixel.

    Args:
        xp: `numpy` or `keras.ops`.
        angles: In radians, (n,).
        radii: Pixels of the line to each side, whole numbers, (n,); 0 for none.
        radius: The greatest that there can be.

    Returns:
        Arrays (n, 2 * radius + 1, 2), int32, and (n, 2 * radius + 1), float32.
    """
    along = constant(xp, np.arange(-radius, radius + 1))[None]
    on_line = to_float32(xp, xp.abs(along) <= radii[:, None])
    directions = xp.stack([xp.sin(angles), xp.cos(angles)], axis=1)
    # Outside the line, the pixel itself with no weight.
    steps = xp.round(directions[:, None, :] * (along * on_line)[:, :, None])
    # Two neighbours on the line may be rounded to the same pixel, which counts once.
    moved = xp.max(xp.abs(steps[:, 1:] - steps[:, :-1]), axis=2)
    new = xp.concatenate([moved[:, :1] * 0 + 1, to_float32(xp, moved > 0)], axis=1)
    first = to_float32(xp, along == -radii[:, None])
    weights = on_line * xp.maximum(new, first)
    weights = weights / xp.sum(weights, axis=1, keepdims=True)
    return to_int32(xp, steps), weights


def _prepare(image_shape, parameters, constants):
    """Return the kernels, (side, side), of the images that are blurred."""
    radius, weights = constants["radius"], parameters["motion_weights"]
    down, right = np.moveaxis(parameters["motion_steps"] + radius, 2, 0)
    kernels = np.zeros((len(weights), 2 * radius + 1, 2 * radius + 1), "float32")
    np.add.at(kernels, (np.arange(len(weights))[:, None], down, right), weights)
    return {"motion_kernel": arguments([kernels], weights[:, radius] != 1)}


@one_by_one("motion_kernel")
def _on_host(image, result, kernel):
    cv2.filter2D(image, -1, kernel, result)


def _on_device(ops, images, parameters, constants):
    radius = constants["radius"]
    height, width, channels = images.shape[1:]
    # One pixel after another, as a mirror may be narrower than the radius.
    down, right = (
        ops.convert_to_tensor(_reflected(side, radius)) for side in (height, width)
    )
    row, column = rows_and_columns(ops, height, width)
    count = ops.shape(images)[0]
    first = ops.arange(count, dtype="int32")[:, None, None] * (height * width)
    flat = ops.reshape(images, (-1, channels))
    result = 0.0
    for tap in range(2 * radius + 1):
        step = parameters["motion_steps"][:, tap][:, :, None, None] + radius
        at = ops.take(down, row + step[:, 0], axis=0) * width
        at = first + at + ops.take(right, column + step[:, 1], axis=0)
        weight = parameters["motion_weights"][:, tap][:, None, None, None]
        result = result + ops.take(flat, at, axis=0) * weight
    return result


def _reflected(side, radius):
    """Return which pixel of a line is seen at each place, int32, (side + 2 radius,)."""
    return np.pad(np.arange(side, dtype="int32"), radius, mode="reflect")


MOTION = Part("motion", Parameters, _on_host, _on_device, _prepare)
