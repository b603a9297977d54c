"""What each layer of a model costs, and how much of the image it sees."""

import math
from dataclasses import dataclass

from reticnn.coercion import as_floats, as_ints
from reticnn.graph import calls, graph_of, image_graph

_UNKNOWN = float("nan")


def describe_model(model):
    """List the layers of a model: shapes, parameters, cost and receptive field.

    Args:
        model: Keras model of images, or a classifier.

    Returns:
        Dict of equal-length lists, one element a layer, those of nested models one by
        one:

        - `"name"`, with those of the models it is in: `"backbone/conv1"`.
        - `"type"`, the layer's class.
        - `"output_shape"`, such as `"112 x 112 x 64"`; `"any"` for an open side.
        - `"parameters"`, trainable or not; a layer used again has none there.
        - `"mult_adds"`, multiplications with addition for one image, of convolutions
          and dense layers; NaN where the image's size is open.
        - `"receptive_field"`, the side, in pixels of the model's input, of the square
          that a value of the output depends on, the longer side where it is none, not
          cut at the image's border; NaN where it is the whole image of open size.

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
    rows = []
    _walk(graph, [_Field((1, 1), (1, 1))], "", set(), rows)
    columns = (
        "name",
        "type",
        "output_shape",
        "parameters",
        "mult_adds",
        "receptive_field",
    )
    return dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True))


def separable_costs(
    in_channels=512,
    out_channels=512,
    *,
    kernel_size=3,
    size=14,
    width=1.0,
    resolution=1.0,
):
    """Compare a convolution with the depthwise separable one in its place.

    A convolution has K^2 C_in C_out weights. A separable one has K^2 C_in that look
    around, one channel each, and C_in C_out that mix the channels. Each weight is
    multiplied once at each place of the output. Biases are not counted.

    Args:
        in_channels: Whole number of channels, C_in. Default 512.
        out_channels: Whole number of filters, C_out. Default 512.
        kernel_size: Whole number, the side of the kernel, K. Default 3.
        size: Whole number, the side of the output's maps; 1 gives the costs a place.
            Default 14.
        width: Float above 0, the width multiplier: factor of both numbers of channels,
            rounded down. Default 1.
        resolution: Float above 0, the resolution multiplier: factor of `size`, rounded.
            Default 1.

    Each argument may be a sequence, for one row an element; those of length one are
    used for all rows. The defaults are the layer of the paper's table 3.

    Returns:
        Dict of equal-length lists: `"kernel_size"`, `"in_channels"`, `"out_channels"`
        and `"size"`, after both multipliers; `"standard_parameters"` and
        `"separable_parameters"`; `"standard_mult_adds"` and `"separable_mult_adds"`,
        multiplications with addition for one image; and `"ratio"`, what the separable
        one costs as a part of the other: 1 / C_out + 1 / K^2.

    Raises:
        ValueError: If a number is outside its range, or sequences differ in length.

    Example:
        >>> table = separable_costs([32, 64, 128], [64, 128, 128])
        >>> table["standard_parameters"], table["separable_parameters"]
        ([18432, 73728, 147456], [2336, 8768, 17536])

    Source:
        Howard et al. (2017), MobileNets, arXiv:1704.04861, sections 3.1 to 3.4.
    """
    rows = _recycled(
        in_channels=as_ints(in_channels, "in_channels"),
        out_channels=as_ints(out_channels, "out_channels"),
        kernel_size=as_ints(kernel_size, "kernel_size"),
        size=as_ints(size, "size"),
        width=as_floats(width, "width", above=0),
        resolution=as_floats(resolution, "resolution", above=0),
    )
    costs = [_separable_cost(**row) for row in rows]
    return {column: [row[column] for row in costs] for column in costs[0]}


def _separable_cost(in_channels, out_channels, kernel_size, size, width, resolution):
    """Return one row of `separable_costs`."""
    taken, given = (max(1, int(n * width)) for n in (in_channels, out_channels))
    side = max(1, round(size * resolution))
    standard = kernel_size**2 * taken * given
    separable = kernel_size**2 * taken + taken * given
    return {
        "kernel_size": kernel_size,
        "in_channels": taken,
        "out_channels": given,
        "size": side,
        "standard_parameters": standard,
        "separable_parameters": separable,
        # As floats, because R has no whole numbers of that size.
        "standard_mult_adds": float(standard * side**2),
        "separable_mult_adds": float(separable * side**2),
        "ratio": separable / standard,
    }


def _recycled(**columns):
    """Return a dict for each row; columns of one value have it in every row."""
    count = max(map(len, columns.values()))
    for name, values in columns.items():
        if len(values) not in (1, count):
            raise ValueError(
                f"`{name}` has {len(values)} numbers, another argument {count}. Give "
                f"one, or {count}."
            )
    full = {
        name: values * (count if len(values) == 1 else 1)
        for name, values in columns.items()
    }
    return [
        dict(zip(full, row, strict=True)) for row in zip(*full.values(), strict=True)
    ]


@dataclass(frozen=True)
class _Field:
    """What one value of a tensor sees of the image: pixels, and pixels a step."""

    sides: tuple
    steps: tuple

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
            tuple(map(max, self.sides, other.sides)),
            tuple(map(max, self.steps, other.steps)),
        )


def _walk(model, fields, prefix, seen, rows):
    """Add a row for each layer of `model`, and return the fields of its outputs."""
    graph = graph_of(model)
    field_of = dict(zip(map(id, graph.inputs), fields, strict=True))
    for node in calls(graph):
        layer, inputs, outputs = node.operation, node.input_tensors, node.output_tensors
        before = [field_of[id(tensor)] for tensor in inputs]
        name = prefix + layer.name
        if graph_of(layer) is not None:
            after = _walk(layer, before, f"{name}/", seen, rows)
        else:
            field = _field_behind(layer, before, inputs[0].shape, outputs[0].shape)
            after = [field] * len(outputs)
            rows.append(_row(layer, name, outputs[0].shape, field, seen))
        field_of.update(zip(map(id, outputs), after, strict=True))
    return [field_of[id(tensor)] for tensor in graph.outputs]


def _row(layer, name, shape, field, seen):
    """Return the values of a layer's row."""
    new = [weight for weight in getattr(layer, "weights", ()) if id(weight) not in seen]
    seen.update(map(id, new))
    return (
        name,
        type(layer).__name__,
        " x ".join("any" if side is None else str(side) for side in shape[1:]),
        sum(math.prod(weight.shape) for weight in new),
        _mult_adds(layer, shape),
        max(field.sides),
    )


def _mult_adds(layer, shape):
    """Return the multiplications with addition of a layer for one image."""
    if hasattr(layer, "count_mult_adds"):
        return float(layer.count_mult_adds(shape))
    names = ("kernel", "depthwise_kernel", "pointwise_kernel")
    kernels = [getattr(layer, name) for name in names if hasattr(layer, name)]
    if not kernels:
        return 0.0
    if None in shape[1:]:
        return _UNKNOWN
    # Each weight of a filter is used once at each place of the output.
    places = math.prod(shape[1:-1])
    # As a float, because R has no whole numbers of that size.
    return float(places * sum(math.prod(kernel.shape) for kernel in kernels))


def _field_behind(layer, before, shape, shape_behind):
    """Return the receptive field of a layer's output."""
    field = before[0]
    for other in before[1:]:
        field = field.merged(other)
    if len(shape) != 4:
        return field
    if len(shape_behind) == 2 or type(layer).__name__.startswith("Global"):
        sides = [_UNKNOWN if side is None else side for side in shape[1:3]]
        return field.through(sides, (1, 1))
    windows = getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None)
    if windows is None:
        return field
    dilation = _pair(getattr(layer, "dilation_rate", 1))
    windows = [
        (side - 1) * rate + 1
        for side, rate in zip(_pair(windows), dilation, strict=True)
    ]
    return field.through(windows, _pair(layer.strides))


def _pair(value):
    """Return one number for height and width as two."""
    return (value, value) if isinstance(value, int) else tuple(value)
