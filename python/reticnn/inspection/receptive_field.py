"""What one unit of a network sees, in each layer before it and in the image."""

import math

import numpy as np

from reticnn.coercion import as_ints, as_pair, shown
from reticnn.graph import image_graph, walk
from reticnn.inspection.filters import layer_name
from reticnn.inspection.windows import padding_of
from reticnn.runtime.backend import keras

# How far from its place a resized pixel takes what it is made of, in pixels.
_REACH = {"nearest": 0.5, "bilinear": 1, "bicubic": 2, "lanczos3": 3, "lanczos5": 5}

# Layers of which the settings say what they see.
_WINDOWED = (
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
    keras.layers.MaxPooling2D,
    keras.layers.AveragePooling2D,
)

# Layers that work at each place for itself, whatever their weights are.
_AT_ONE_PLACE = (
    keras.layers.Add,
    keras.layers.BatchNormalization,
    keras.layers.Dropout,
    keras.layers.ReLU,
)

# Places that are tried, as shares of the height and the width: not one of them stays
# where rows and columns are swapped, or turned round.
_TRIALS = ((0.2, 0.7), (0.6, 0.3), (0.9, 0.1))

# Sums in another order differ by less, as a share of the largest value.
_NOTHING = 1e-6


def receptive_field(model, layer=None, position=None, *, image_size=None):
    """Trace what one unit of a layer sees, layer by layer back to the image.

    A unit is a value of a feature map. What it sees is traced backwards through the
    layers, all branches included, from window sizes, strides and padding: the smallest
    rectangle that contains all values it depends on, cut off at the border. Layers that
    declare no window are tested: an input value is changed, and the output shows
    whether it affects only its own position or everything.

    Args:
        model: Keras model of images, or a classifier.
        layer: Name of a layer as listed by `describe_model`, with or without the names
            of the models it is in, or None for the last one that outputs feature maps.
            Default None.
        position: Row and column of the unit, counted from 1, or None for the middle
            one. Default None.
        image_size: Height and width of the images in pixels, one number if they are
            equal, for a network that takes images of any size; None for the network's
            own size. Default None.

    Returns:
        Dict of `table`, a table (dict of equal-length lists) with a row for the image
        and for each layer that the unit depends on, in the model's order: `name`,
        `type`; `map_height` and `map_width` of its output; `top`, `left`, `height` and
        `width` of the part of it that the unit sees, where `top` and `left` are the
        numbers of rows and columns before it; and `field_top`, `field_left`,
        `field_height` and `field_width`, the part of the image that the unit in the
        middle of that part sees. Also `layer`, its full name; `position`; and
        `image_size`, height and width.

    Raises:
        TypeError: If `model` is not a Keras model or a classifier.
        ValueError: If `model` does not take images, is not built from layers or has no
            such layer, the layer does not output feature maps, the position is outside
            them, `image_size` is missing or not the size that the model takes, or a
            layer moves values in an unknown way.

    Example:
        >>> field = receptive_field(build_cnn(), "block2_conv1")
        >>> field["table"]["name"][-1], field["table"]["field_height"][-1]
        ('block2_conv1', 8)

    Source:
        Araujo, Norris and Sim (2019), Computing Receptive Fields of Convolutional
        Neural Networks, doi:10.23915/distill.00021.
    """
    graph = image_graph(model)
    size = _image_size(graph, image_size)
    steps, at_image = _steps(graph, size)
    step = _step_of(steps, layer)
    place = _place(position, step)
    fields = _fields_behind(steps, step, place)
    seen = fields[at_image.key]
    pixel = tuple((at, at + 1) for at in _middle(seen))
    rows = [("image", "Image", *_numbers(at_image, seen, pixel))]
    for one in steps[: steps.index(step) + 1]:
        seen = fields.get(one.outputs[0].key)
        if seen is not None and one.outputs[0].is_map:
            field = _fields_behind(steps, one, _middle(seen))[at_image.key]
            rows.append((one.name, one.type, *_numbers(one.outputs[0], seen, field)))
    columns = (
        *("name", "type", "map_height", "map_width", "top", "left", "height", "width"),
        *("field_top", "field_left", "field_height", "field_width"),
    )
    return {
        "table": dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True)),
        "layer": step.name,
        "position": tuple(at + 1 for at in place),
        "image_size": size,
    }


def fields_along(graph, name, axis, size):
    """Return what each unit of a layer sees of one side of images of that size.

    Other than those of `receptive_field` these are not cut off at the border.

    Args:
        graph: Graph of layers, as `image_graph` returns it.
        name: Full name of a layer that gives feature maps.
        axis: 0 for the units of the middle column, 1 for those of the middle row.
        size: Height and width of the images.

    Returns:
        List of pairs, the first pixel and the one behind the last.
    """
    steps, at_image = _steps(graph, size)
    step = next(one for one in steps if one.name == name)
    place = list(_place(None, step))
    fields = []
    for unit in range(step.outputs[0].shape[axis]):
        place[axis] = unit
        found = _fields_behind(steps, step, place, cut_off=False)
        fields.append(found[at_image.key][axis])
    return fields


# The network as steps


class _Value:
    """A tensor between two layers, of an image of zeros."""

    def __init__(self, tensor):
        self.tensor = tensor
        self.shape = tuple(tensor.shape)[1:]
        self.key = id(self)

    @property
    def is_map(self):
        """Say whether it has a height, a width and channels."""
        return len(self.shape) == 3

    @property
    def whole(self):
        """Return all of it, as the ends of its rows and of its columns."""
        return tuple((0, side) for side in self.shape[:2]) if self.is_map else ((0, 1),)


class _Step:
    """One call of a layer, with what goes in and comes out."""

    def __init__(self, call, name, inputs, outputs):
        self.call = call
        self.name = name
        self.type = type(call.layer).__name__
        self.inputs = inputs
        self.outputs = outputs
        self._tried = None

    def seen(self, ends, cut_off):
        """Return what a part of the output sees of each input."""
        layer, after = self.call.layer, self.outputs[0]
        if len(self.inputs) == 1 and after.is_map and self.inputs[0].is_map:
            before = self.inputs[0]
            known = _through_window(layer, before.shape, after.shape, ends)
            if known is not None:
                return [_cut_off(known, before.shape) if cut_off else known]
        return [
            _at_own_place(ends, before, after) if is_own else before.whole
            for before, is_own in zip(self.inputs, self._keeps_places(), strict=True)
        ]

    def _keeps_places(self):
        """Return of each input whether a value goes to its own place alone."""
        if self._tried is None:
            self._tried = [
                self._keeps_place_of(number) for number in range(len(self.inputs))
            ]
        return self._tried

    def _keeps_place_of(self, number):
        before, after = self.inputs[number], self.outputs[0]
        if 2 in (len(before.shape), len(after.shape)):
            raise self._unknown()
        if not (before.is_map and after.is_map) or before.shape[:2] == (1, 1):
            return False
        same_size = before.shape[:2] == after.shape[:2]
        if same_size and _is_any(self.call.layer, _AT_ONE_PLACE):
            return True
        tried = self._tried_places(number)
        if same_size and all(extent == place for place, extent in tried):
            return True
        if all(extent == after.whole for _, extent in tried):
            return False
        raise self._unknown()

    def _tried_places(self, number):
        """Return places of an input, and the extents of what changes with them."""
        generator = np.random.default_rng(1)
        inputs = [
            generator.uniform(0.1, 1, (1, *one.shape)).astype("float32")
            for one in self.inputs
        ]
        start = self._run(inputs)
        tried = []
        for shares in _TRIALS:
            sides = zip(shares, inputs[number].shape[1:3], strict=True)
            row, column = (int(share * side) for share, side in sides)
            other = [one.copy() for one in inputs]
            # Another number for each channel, as some layers take their mean away.
            channels = inputs[number].shape[-1]
            other[number][0, row, column] += generator.uniform(0.5, 2, channels)
            changes = abs(self._run(other) - start)[0].max(axis=-1)
            differs = changes > _NOTHING * abs(start).max()
            tried.append((((row, row + 1), (column, column + 1)), _extent(differs)))
        return tried

    def _run(self, arrays):
        like = zip(arrays, self.inputs, strict=True)
        tensors = [keras.ops.cast(array, one.tensor.dtype) for array, one in like]
        return keras.ops.convert_to_numpy(self.call.on(tensors, training=False)[0])

    def _unknown(self):
        return ValueError(
            f"`model` has the layer {self.name!r}, a {self.type}, which moves values "
            "in an unknown way, so what lies before it cannot be traced. Choose a "
            "layer before it."
        )


def _steps(graph, size):
    """Return the steps of a network for images of that size, and the image."""
    channels = graph.inputs[0].shape[-1]
    image = _Value(keras.ops.zeros((1, *size, channels)))
    steps = []

    def note(call, name, given):
        tensors = call.on([one.tensor for one in given], training=False)
        outputs = list(map(_Value, tensors))
        steps.append(_Step(call, name, given, outputs))
        return outputs

    walk(graph, [image], note)
    return steps, image


def _fields_behind(steps, step, place, cut_off=True):
    """Return what a unit sees of each value before it, by their keys."""
    fields = {step.outputs[0].key: tuple((at, at + 1) for at in place)}
    for one in reversed(steps[: steps.index(step) + 1]):
        for after in one.outputs:
            ends = fields.get(after.key)
            if ends is None:
                continue
            for before, seen in zip(one.inputs, one.seen(ends, cut_off), strict=True):
                known = fields.get(before.key, seen)
                fields[before.key] = _united(known, seen)
    return fields


def _middle(ends):
    return tuple((low + high - 1) // 2 for low, high in ends)


def _numbers(value, seen, field):
    """Return a row of the table, from the ends of two rectangles."""
    row = list(value.shape[:2])
    for (top, bottom), (left, right) in (seen, field):
        row += [top, left, bottom - top, right - left]
    return row


# Ends of rows and columns


def _united(one, other):
    return tuple(
        (min(low, lower), max(high, higher))
        for (low, high), (lower, higher) in zip(one, other, strict=True)
    )


def _cut_off(ends, sides):
    return tuple(
        (max(0, low), min(side, high))
        for (low, high), side in zip(ends, sides[:2], strict=True)
    )


def _extent(mask):
    """Return the rectangle around what is true, or None."""
    if not mask.any():
        return None
    ends = []
    for axis in (1, 0):
        places = np.flatnonzero(mask.any(axis=axis))
        ends.append((int(places[0]), int(places[-1]) + 1))
    return tuple(ends)


def _at_own_place(ends, before, after):
    return tuple(
        (0, 1) if side == 1 != side_after else one
        for one, side, side_after in zip(
            ends, before.shape[:2], after.shape[:2], strict=True
        )
    )


def _through_window(layer, before, after, ends):
    """Return what a part of a layer's output sees of its input, by its settings.

    None stands for a layer whose settings do not say so.
    """
    if getattr(layer, "data_format", "channels_last") == "channels_first":
        return None
    along = _rule(layer)
    return along and tuple(
        along(axis, before[axis], after[axis], *ends[axis]) for axis in range(2)
    )


def _is_any(layer, kinds):
    """Return whether a layer is of one of these kinds, and does no more than it."""
    return any(
        isinstance(layer, kind) and type(layer).call is kind.call for kind in kinds
    )


def _rule(layer):
    """Return a function of an axis, its lengths and two ends, or None."""
    if _is_any(layer, _WINDOWED):
        return lambda axis, side, _, low, high: _of_window(layer, axis, side, low, high)
    if _is_any(layer, (keras.layers.Conv2DTranspose,)):
        return lambda axis, side, after, low, high: _of_transposed(
            layer, axis, side, after, low, high
        )
    if _is_any(layer, (keras.layers.UpSampling2D,)):
        return lambda axis, side, after, low, high: _of_resized(
            layer.interpolation, False, side / after, low, high
        )
    if _is_any(layer, (keras.layers.Resizing,)) and not (
        layer.crop_to_aspect_ratio or layer.pad_to_aspect_ratio
    ):
        return lambda axis, side, after, low, high: _of_resized(
            layer.interpolation, layer.antialias, side / after, low, high
        )
    for kind, name, sign in (
        (keras.layers.ZeroPadding2D, "padding", -1),
        (keras.layers.Cropping2D, "cropping", 1),
    ):
        if _is_any(layer, (kind,)):
            added = [sign * pair[0] for pair in getattr(layer, name)]
            return lambda axis, side, _, low, high: (
                low + added[axis],
                high + added[axis],
            )
    return None


def _of_window(layer, axis, side, low, high):
    """Return what rows of the output of a convolution or of pooling see."""
    size = getattr(layer, "kernel_size", None) or layer.pool_size
    rate = _at(getattr(layer, "dilation_rate", 1), axis)
    span = (_at(size, axis) - 1) * rate + 1
    stride = _at(layer.strides, axis)
    before, *_ = padding_of(side, span, stride, layer.padding)
    return low * stride - before, (high - 1) * stride - before + span


def _at(value, axis):
    """Return the number for an axis, of one for both or of two."""
    return value if isinstance(value, int) else value[axis]


def _of_transposed(layer, axis, side, after, low, high):
    """Return what rows of the output of a transposed convolution see."""
    stride = _at(layer.strides, axis)
    size = (_at(layer.kernel_size, axis) - 1) * _at(layer.dilation_rate, axis) + 1
    before = max((side - 1) * stride + size - after, 0) // 2
    first = math.ceil((low + before - size + 1) / stride)
    last = (high - 1 + before) // stride
    # Where the stride is longer than the window, some places see nothing.
    first = min(max(0, first), side - 1)
    return first, max(first, min(last, side - 1)) + 1


def _of_resized(interpolation, antialias, scale, low, high):
    """Return what rows of a resized image are made of."""
    reach = _REACH[interpolation] * (max(1, scale) if antialias else 1)
    first = (low + 0.5) * scale - 0.5 - reach
    last = (high - 0.5) * scale - 0.5 + reach
    if interpolation == "nearest":
        return math.floor((low + 0.5) * scale), math.floor((high - 0.5) * scale) + 1
    return math.floor(first) + 1, math.ceil(last)


# Arguments


def _image_size(graph, image_size):
    """Return the size of the images that a model is to be given."""
    taken = graph.inputs[0].shape[1:3]
    if image_size is None:
        if None in taken:
            raise ValueError(
                "`image_size` is missing, and the model takes images of any size. Give "
                "the height and width of yours."
            )
        return tuple(taken)
    size = as_pair(image_size, "image_size")
    if any(side not in (None, given) for side, given in zip(taken, size, strict=True)):
        raise ValueError(
            f"`image_size` must be the size that the model takes, {shown(taken)}, not "
            f"{shown(size)}."
        )
    return size


def _step_of(steps, name):
    """Return the step of the layer of that name, the last that gives maps for None."""
    if name is None:
        of_maps = [
            one
            for one in steps
            if one.outputs[0].is_map and max(one.outputs[0].shape[:2]) > 1
        ]
        if of_maps:
            return of_maps[-1]
        raise ValueError("`model` has no layer that gives feature maps.")
    found = {one.name: one for one in reversed(steps)}
    step = found[layer_name(found, name, "layer")]
    if not step.outputs[0].is_map:
        raise ValueError(
            f"`layer` is {step.name!r}, whose output of shape "
            f"{shown(step.outputs[0].shape)} is not feature maps (height, width, "
            "filters). Choose a layer before flattening or global pooling."
        )
    return step


def _place(position, step):
    """Return the row and the column of a unit, from 0."""
    sides = step.outputs[0].shape[:2]
    if position is None:
        return tuple((side - 1) // 2 for side in sides)
    numbers = as_ints(position, "position")
    if len(numbers) != 2 or any(
        at > side for at, side in zip(numbers, sides, strict=True)
    ):
        raise ValueError(
            f"`position` must be a row and a column of the {sides[0]} x {sides[1]} "
            f"units of {step.name!r}, not {shown(position)}."
        )
    return tuple(at - 1 for at in numbers)
