"""What a part of a pass is.

A policy makes one or more passes over images; each has parts that are applied in
sequence, and after each pass values are clipped to 0 to 255. What a part does to an
image depends on the part's parameters, arrays with one row per image, which follow from
random numbers; and on constants, the same for all images.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from reticnn.augmenting.parts.scratch import scratch

# OpenCV 5 takes no more channels at once, and OpenCV 4 four times as many.
CHANNELS_AT_ONCE = 128


@dataclass(frozen=True, eq=False)
class Part:
    """One thing done to images in a pass, with what each engine does.

    Args:
        name: What it is called.
        compose: Makes an object that operations change in sequence, and whose
            `parameters()` are then a dict of arrays with one row per image. It takes
            `xp`, `numpy` or `keras.ops`; the (height, width, channels) of the images
            that come to the part; and `like`, any float32 array (n,).
        on_host: Function (images, results, parameters, constants) that puts changed
            images into `results`, which may be `images`: NumPy arrays, uint8 or
            float32, (n, height, width, channels). See also `in_place`.
        on_device: Function (ops, images, parameters, constants) that returns changed
            images: tensors, float32; `ops` is `keras.ops`. For a compiler's sake it
            has no loop over images, and every shape but n is known. None if only the
            host can do it; the layer then refuses policies that have it, by the part's
            name.
        prepare: Function (image_shape, parameters, constants) that returns a dict of
            what `on_host` takes besides as parameters, sequences with one item per
            image: it is computed once for all images, which come to `on_host` a few at
            a time. None, the default, for nothing.
    """

    name: str
    compose: Callable
    on_host: Callable
    on_device: Callable | None
    prepare: Callable | None = None


class Parameters:
    """What the only operation of a part changes: it sets the parameters themselves."""

    def __init__(self, xp, image_shape, like):
        """Begin with no parameters."""
        self.xp = xp
        self.image_shape = image_shape
        self._parameters = {}

    def set(self, **parameters):
        """Set arrays with one row per image."""
        self._parameters |= parameters

    def parameters(self):
        """Return what was set."""
        return self._parameters


def in_place(change):
    """Return a Part's `on_host`, of a function that changes images where they are.

    Args:
        change: Function (images, parameters, constants).
    """

    def on_host(images, results, parameters, constants):
        if images is not results:
            results[...] = images
        change(results, parameters, constants)

    return on_host


def one_by_one(name, channels_at_once=CHANNELS_AT_ONCE):
    """Return what makes a Part's `on_host` of a function of one image.

    The function takes an image, where to put the changed one, which is other memory,
    and what is in the parameter `name`, which `prepare` has made, for the image: a
    tuple of arguments, or None if it stays as it is, which costs no more than a copy.
    An image of one channel is (height, width).

    Args:
        name: Of the parameter.
        channels_at_once: The most channels that the function takes.
    """

    def decorate(change):
        def on_host(images, results, parameters, constants):
            few = images.shape[3] <= channels_at_once
            change_one = change if few else _in_calls(change, channels_at_once)
            for image, result, own in zip(
                planes(images), planes(results), parameters[name], strict=True
            ):
                if own is None:
                    if images is not results:
                        result[...] = image
                    continue
                given = image
                if images is results:
                    given = scratch("image", image.shape, image.dtype)
                    given[...] = image
                change_one(given, result, *own)

        return on_host

    return decorate


def arguments(arrays, changed):
    """Return for `one_by_one` a list of tuples, or None where an image stays.

    Args:
        arrays: One for each argument of the function, with one row per image.
        changed: Bool array, (n,), which images are changed.
    """
    rows = zip(*arrays, strict=True)
    return [
        row if one else None for row, one in zip(rows, changed.tolist(), strict=True)
    ]


def _in_calls(change, most):
    """Return a function of an image that has more channels than `change` takes."""

    def change_in_calls(image, result, *own):
        for start in range(0, image.shape[2], most):
            some = np.ascontiguousarray(image[..., start : start + most])
            changed = np.empty_like(some)
            change(planes(some), planes(changed), *own)
            result[..., start : start + most] = changed

    return change_in_calls


def output_shape(image_shape, constants):
    """Return the (height, width, channels) of what a part gives.

    A part that gives images of another size has a constant `"size"`: (height, width).
    """
    height, width, channels = image_shape
    return (*constants.get("size", (height, width)), channels)


def rows_and_columns(ops, height, width, dtype="int32"):
    """Return the numbers of rows, (1, height, 1), and columns, (1, 1, width)."""
    row, column = ops.arange(height, dtype=dtype), ops.arange(width, dtype=dtype)
    return row[None, :, None], column[None, None, :]


def planes(images):
    """Return images as OpenCV takes them: without the channels' axis if it is one."""
    return images[..., 0] if images.shape[-1] == 1 else images
