"""What each layer of a model costs, and how much of the image it sees."""

import math
from dataclasses import dataclass

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
