"""What a part of a pass is.

A policy makes one or more passes over images; each has parts that are applied in
sequence, and after each pass values are clipped to 0 to 255. What a part does to an
image depends on the part's parameters, arrays with one row per image, which follow from
random numbers; and on constants, the same for all images.
"""

from collections.abc import Callable
from dataclasses import dataclass

# Values in a block of images, to which the host does a whole pass before the next
# block: few enough for a core's cache, enough that NumPy's calls cost little.
VALUES_AT_ONCE = 500_000

# OpenCV 5 takes no more channels at once, and OpenCV 4 four times as many.
_CHANNELS_AT_ONCE = 128


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
    """

    name: str
    compose: Callable
    on_host: Callable
    on_device: Callable | None


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


def few_channels_at_once(most=_CHANNELS_AT_ONCE):
    """Return what makes a function for `in_place` of one that takes few channels."""

    def decorate(change):
        def on_images(images, parameters, constants):
            channels = images.shape[3]
            if channels <= most:
                change(images, parameters, constants)
                return
            for start in range(0, channels, most):
                some = images[..., start : start + most]
                changed = some.copy()
                change(changed, parameters, constants)
                some[...] = changed

        return on_images

    return decorate


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
    return images[..., 0] if images.shape[3] == 1 else images
