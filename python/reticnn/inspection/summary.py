"""What each layer of a model costs, and how much of the image it sees."""

import math
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from reticnn.graph import count_new_parameters, image_graph, walk
from reticnn.runtime.backend import keras

_UNKNOWN = float("nan")

# Pixels on a side that one of a resized image is made of, when it is made no smaller.
_PIXELS_MIXED = {
    "nearest": 1,
    "bilinear": 2,
    "bicubic": 4,
    "lanczos3": 6,
    "lanczos5": 10,
}

# Layers and operations that move values about, and change none.
_REARRANGING = ("Reshape", "Permute", "Transpose", "ExtractPatches", "GetItem")

# Those of maps that change their size at the border alone.
_AT_THE_BORDER = (
    *("ZeroPadding2D", "Cropping2D", "Pad", "CenterCrop", "RandomCrop"),
    "AugmentationLayer",
)

_TRANSPOSED = (
    keras.layers.Conv1DTranspose,
    keras.layers.Conv2DTranspose,
    keras.layers.Conv3DTranspose,
)


def describe_model(model):
    """List the cost and the receptive field of each layer of a model.

    Args:
        model: Keras model of images, or a classifier.

    Returns:
        Table (dict of equal-length lists) with one row per layer, including each layer
        of nested models:

        - `name`, preceded by those of the models it is in: `"backbone/conv1"`.
        - `type`, the layer's class.
        - `output_shape`, such as `"112 x 112 x 64"`; `"any"` for a side of variable
          size.
        - `parameters`, trainable or not; a layer that is used again counts only once.
        - `mult_adds`, multiply-adds per image of convolutions and dense layers; NaN if
          the size of the image is variable, and for other layers whose weights do more
          than scale and shift, such as attention.
        - `"receptive_field"`, the side, in pixels of the model's input, of the square
          that one value of the output depends on; the longer side if it is not a
          square; not cut off at the border of the image. After upsampling, neighbouring
          values depend on different numbers of pixels, and this is their mean, which
          may be a fraction. If pixels are moved into channels, it is that of all
          channels together. NaN if it is the whole of an image of variable size, after
          layers whose weights leave `mult_adds` unknown, and after others that change
          the size of the maps in an unknown way.

    Raises:
        TypeError: If `model` is not a Keras model or a classifier.
        ValueError: If `model` does not take images, or is not built from layers.

    Example:
        >>> table = describe_model(build_cnn())
        >>> sum(table["parameters"]), table["receptive_field"][-1]
        (28097, 46)

    Source:
        Receptive fields: Araujo, Norris and Sim (2019), Computing Receptive Fields of
        Convolutional Neural Networks, doi:10.23915/distill.00021.
    """
    graph = image_graph(model)
    rows, seen = [], set()

    def describe(call, name, fields):
        field = _field_behind(call, fields)
        rows.append(_row(call, name, field, seen))
        return [field] * len(call.outputs)

    walk(graph, [_Field((1, 1), (1, 1))], describe)
    columns = (
        "name",
        "type",
        "output_shape",
        "parameters",
        "mult_adds",
        "receptive_field",
    )
    return dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True))


@dataclass(frozen=True)
class _Field:
    """What one value of a tensor sees of the image: pixels, and pixels per step.

    Where values have been moved about and are no maps any more, `places` has the rows
    and the columns of the maps that they come from, two arrays of the tensor's shape.
    """

    sides: tuple
    steps: tuple
    places: tuple | None = None

    def through(self, windows, strides):
        """Return the field behind a layer with these windows and strides."""
        sides = (
            side + (window - 1) * step
            for side, window, step in zip(self.sides, windows, self.steps, strict=True)
        )
        steps = (
            step * stride for step, stride in zip(self.steps, strides, strict=True)
        )
        return _Field(tuple(sides), tuple(steps))

    def merged(self, other):
        """Return the larger of two fields."""
        return _Field(
            tuple(map(_larger, self.sides, other.sides)),
            tuple(map(_larger, self.steps, other.steps)),
            self.places,
        )


_UNKNOWN_FIELD = _Field((_UNKNOWN, _UNKNOWN), (_UNKNOWN, _UNKNOWN))


def _larger(*numbers):
    """Return the largest number, which NaN is if it is among them."""
    return max(numbers, key=lambda number: (math.isnan(number), number))


def _row(call, name, field, seen):
    """Return the values of a layer's row."""
    layer = call.layer
    before, shape = call.inputs[0].shape, call.outputs[0].shape
    return (
        name,
        type(layer).__name__,
        " x ".join("any" if side is None else str(side) for side in shape[1:]),
        count_new_parameters(layer, seen),
        _mult_adds(layer, before, shape),
        _plain(_larger(*field.sides)),
    )


def _plain(number):
    """Return a number as an int if it is whole, else as a float."""
    return int(number) if number == number // 1 else float(number)


def _mult_adds(layer, before, shape):
    """Return the multiply-adds of a layer per image."""
    if hasattr(layer, "count_mult_adds"):
        return float(layer.count_mult_adds(shape))
    if not _is_understood(layer, shape):
        return _UNKNOWN
    kernels = _kernels(layer)
    if not kernels:
        return 0.0
    # Each weight of a filter is used once at each position of the output, or where the
    # convolution is transposed, of the input.
    sides = before[1:-1] if isinstance(layer, _TRANSPOSED) else shape[1:-1]
    if None in sides:
        return _UNKNOWN
    # As a float, because R has no whole numbers of that size.
    return float(math.prod(sides) * sum(math.prod(kernel.shape) for kernel in kernels))


def _kernels(layer):
    """Return the kernels of a convolution or of a dense layer."""
    # The kernel of an EinsumDense is used as often as its equation says.
    if isinstance(layer, keras.layers.EinsumDense):
        return []
    names = ("kernel", "depthwise_kernel", "pointwise_kernel")
    return [getattr(layer, name) for name in names if hasattr(layer, name)]


def _is_understood(layer, shape):
    """Return whether a layer has kernels, or weights that scale and shift at most."""
    if hasattr(layer, "count_mult_adds") or _kernels(layer):
        return True
    return all(
        len(weight.shape) < 2 or _is_of_each_value(weight, shape)
        for weight in getattr(layer, "weights", ())
    )


def _is_of_each_value(weight, shape):
    """Return whether a weight has a number for each value of a layer's output."""
    return len(weight.shape) == len(shape) - 1 and all(
        length in (1, side)
        for length, side in zip(weight.shape, shape[1:], strict=True)
    )


def _field_behind(call, before):
    """Return the receptive field of a layer's output."""
    layer, shape, shape_behind = call.layer, call.inputs[0].shape, call.outputs[0].shape
    field = before[0]
    for other in before[1:]:
        field = field.merged(other)
    if len(shape) > 2 and not _is_understood(layer, shape_behind):
        return _UNKNOWN_FIELD
    if len(shape_behind) > 2 and type(layer).__name__ in _REARRANGING:
        return _rearranged(call, field)
    if len(shape) != 4:
        # Rows of positions, as of a reshaped map, become one row.
        if len(shape) > len(shape_behind) == 2:
            return _UNKNOWN_FIELD
        return _with_other_channels(field, shape_behind)
    if len(shape_behind) == 2 or type(layer).__name__.startswith("Global"):
        sides = [_UNKNOWN if side is None else side for side in shape[1:3]]
        return field.through(sides, (1, 1))
    return field.through(*_windows_and_strides(layer, shape, shape_behind))


def _rearranged(call, field):
    """Return the field behind a layer that moves the values of maps about."""
    shape = call.inputs[0].shape
    if len(shape) == 2 or None in shape[1:]:
        return field if len(shape) == 2 else _UNKNOWN_FIELD
    places = field.places
    if places is None:
        if len(shape) != 4:
            return _UNKNOWN_FIELD
        sides = np.indices(shape[1:3], "float32")
        places = [
            np.broadcast_to(one[None, ..., None], (1, *shape[1:])) for one in sides
        ]
    moved = [np.asarray(call.on([one])[0]) for one in map(keras.ops.array, places)]
    field = replace(field, places=tuple(moved))
    return field if moved[0].ndim != 4 else _field_of_maps(field)


def _field_of_maps(field):
    """Return the field of values that are maps again, of their channels together."""
    windows, strides = [], []
    for axis, places in enumerate(field.places):
        lowest, highest = places.min(axis=3)[0], places.max(axis=3)[0]
        starts = np.take(lowest, 0, axis=1 - axis)
        distances = set(np.diff(starts).tolist()) or {1.0}
        spans = set((highest - lowest + 1).ravel().tolist())
        same = (lowest == np.expand_dims(starts, 1 - axis)).all()
        if not same or len(spans) > 1 or len(distances) > 1 or min(distances) <= 0:
            return _UNKNOWN_FIELD
        windows += map(int, spans)
        strides += map(int, distances)
    return replace(field, places=None).through(windows, strides)


def _with_other_channels(field, shape):
    """Return the field behind a layer that works at each position for itself."""
    if field.places is None or field.places[0].shape[1:] == tuple(shape[1:]):
        return field
    if any((one != one[..., :1]).any() for one in field.places):
        return _UNKNOWN_FIELD
    if field.places[0].shape[1:-1] != tuple(shape[1:-1]):
        return _UNKNOWN_FIELD
    places = (np.repeat(one[..., :1], shape[-1], axis=-1) for one in field.places)
    return replace(field, places=tuple(places))


def _windows_and_strides(layer, shape, shape_behind):
    """Return what a layer of maps sees of them, and how far it moves, on each side."""
    if isinstance(layer, keras.layers.UpSampling2D):
        strides = [Fraction(1, times) for times in _pair(layer.size)]
        return _resized(layer, strides)
    if type(layer).__name__ in ("Resizing", "Resize"):
        return _resized(layer, _scales(layer, shape[1:3], shape_behind[1:3]))
    windows = getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None)
    if windows is None:
        known = shape[1:3] == shape_behind[1:3]
        known = known or type(layer).__name__ in _AT_THE_BORDER
        return ((1, 1), (1, 1)) if known else ((_UNKNOWN, _UNKNOWN), (1, 1))
    dilation = _pair(getattr(layer, "dilation_rate", 1))
    windows = [
        (side - 1) * rate + 1
        for side, rate in zip(_pair(windows), dilation, strict=True)
    ]
    strides = _pair(layer.strides)
    if not isinstance(layer, _TRANSPOSED):
        return windows, strides
    # It puts `strides` positions where the input has one, so that only every
    # `strides`-th of the window meets a value of the input.
    parts = zip(windows, strides, strict=True)
    windows = [max(1, Fraction(window, stride)) for window, stride in parts]
    return windows, [Fraction(1, stride) for stride in strides]


def _resized(layer, strides):
    """Return the windows and strides of a layer that resizes maps, given the latter."""
    mixed = _PIXELS_MIXED.get(layer.interpolation, _UNKNOWN)
    widens = getattr(layer, "antialias", False)
    windows = [
        1 if stride == 1 else mixed * (max(1, stride) if widens else 1)
        for stride in strides
    ]
    return windows, strides


def _scales(layer, sides, sides_behind):
    """Return how many pixels on each side become one of a resized image."""
    if None in (*sides, *sides_behind):
        return [_UNKNOWN, _UNKNOWN]
    scales = list(map(Fraction, sides, sides_behind))
    if getattr(layer, "crop_to_aspect_ratio", False):
        return [min(scales)] * 2
    if getattr(layer, "pad_to_aspect_ratio", False):
        return [max(scales)] * 2
    return scales


def _pair(value):
    """Return one number for height and width as two."""
    return (value, value) if isinstance(value, int) else tuple(value)
