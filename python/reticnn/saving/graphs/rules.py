"""How each operation of Keras is written in ONNX's terms."""

import math
from functools import partial
from operator import lt

import numpy as np

from reticnn.runtime.backend import keras
from reticnn.saving.graphs.nodes import NoTermsError, as_array, dtype_of

_TO_FIRST, _TO_LAST = (0, 3, 1, 2), (0, 2, 3, 1)
_ALL = 2**62


def _same(step):
    return step.name(step.positional[0], step.dtype)


def _plain(kind, **attributes):
    """Return a rule for an operation of one value that ONNX has, too."""
    return lambda step: step.add(kind, [_same(step)], **attributes)


def _between(kind):
    """Return a rule for an operation of two values whose result is of their type."""

    def write(step):
        pair = step.argument(0, "x1"), step.argument(1, "x2")
        return step.add(kind, [step.name(value, step.dtype) for value in pair])

    return write


def _comparison(kind):
    def write(step):
        pair = step.argument(0, "x1"), step.argument(1, "x2")
        tensors = [value for value in pair if isinstance(value, keras.KerasTensor)]
        wide = "float32" in map(dtype_of, tensors)
        dtype = "float32" if wide else dtype_of(tensors[0])
        return step.add(kind, [step.name(value, dtype) for value in pair])

    return write


# Convolution and pooling


def _pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)


def _edges(step, window, strides, dilation=(1, 1)):
    """Return ONNX's attributes of the padding that Keras calls same or valid."""
    if step.setting("padding") == "valid":
        return {}
    before, after = [], []
    for side, size, stride, apart in zip(
        _sides(step), window, strides, dilation, strict=True
    ):
        reach = (size - 1) * apart + 1
        if stride == 1:
            missing = reach - 1
        elif side is None:
            return {"auto_pad": "SAME_UPPER"}
        else:
            missing = max((math.ceil(side / stride) - 1) * stride + reach - side, 0)
        before.append(missing // 2)
        after.append(missing - missing // 2)
    return {"pads": before + after}


def _edges_of_pool(step, window, strides):
    """Return the same of pooling, of which ONNX Runtime takes no negative padding."""
    edges = _edges(step, window, strides)
    if "auto_pad" not in edges or not any(map(lt, window, strides)):
        return edges
    if max(window) > 1:
        raise NoTermsError("its window, which is smaller than its strides")
    return {}


def _is_last(step):
    return step.setting("data_format") != "channels_first"


def _sides(step):
    return step.shape[1:3] if _is_last(step) else step.shape[2:]


def _on_maps(step, write, name=None):
    """Return what a function gives for maps with channels first, in Keras's order."""
    name = step.first if name is None else name
    if not _is_last(step):
        return write(name)
    return step.nodes.moved(write(step.nodes.moved(name, _TO_FIRST)), _TO_LAST)


def _strides_and_dilation(step):
    return _pair(step.setting("strides")), _pair(step.setting("dilation_rate"))


def _check_maps(step):
    if len(step.shape) != 4:
        raise NoTermsError(f"{len(step.shape) - 2} dimensions")


def _conv(step):
    _check_maps(step)
    kernel = as_array(step.argument(1, "kernel"), "float32")
    strides, dilation = _strides_and_dilation(step)
    channels = step.shape[-1 if _is_last(step) else 1]
    weights = step.nodes.constant(kernel.transpose(3, 2, 0, 1))
    attributes = {
        "kernel_shape": kernel.shape[:2],
        "strides": strides,
        "dilations": dilation,
        "group": channels // kernel.shape[2],
        **_edges(step, kernel.shape[:2], strides, dilation),
    }
    return _on_maps(step, lambda maps: step.add("Conv", [maps, weights], **attributes))


def _depthwise(step, maps):
    kernel = as_array(step.argument(1, "kernel"), "float32")
    strides, dilation = _strides_and_dilation(step)
    size, (channels, times) = kernel.shape[:2], kernel.shape[2:]
    weights = kernel.reshape(*size, 1, channels * times).transpose(3, 2, 0, 1)
    return step.add(
        "Conv",
        [maps, step.nodes.constant(weights)],
        kernel_shape=size,
        strides=strides,
        dilations=dilation,
        group=channels,
        **_edges(step, size, strides, dilation),
    )


def _depthwise_conv(step):
    _check_maps(step)
    return _on_maps(step, lambda maps: _depthwise(step, maps))


def _separable_conv(step):
    _check_maps(step)
    pointwise = as_array(step.argument(2, "pointwise_kernel"), "float32")
    weights = step.nodes.constant(pointwise.transpose(3, 2, 0, 1))

    def write(maps):
        return step.add("Conv", [_depthwise(step, maps), weights], kernel_shape=(1, 1))

    return _on_maps(step, write)


def _pool(kind):
    def write(step):
        _check_maps(step)
        window = _pair(step.setting("pool_size"))
        strides = _pair(step.setting("strides") or window)
        attributes = {"kernel_shape": window, "strides": strides}
        attributes |= _edges_of_pool(step, window, strides)
        return _on_maps(step, lambda maps: step.add(kind, [maps], **attributes))

    return write


def _resize(step):
    """Write a change of size: of two pixels each way, or of the nearest."""
    if step.setting("antialias"):
        raise NoTermsError("antialiasing")
    write = {"bilinear": _interpolated, "nearest": _nearest}
    size = tuple(step.setting("size"))
    return _on_maps(step, partial(write[step.setting("interpolation")], step, size))


def _interpolated(step, size, maps):
    shape = step.add("Shape", [maps])
    ends = [step.nodes.constant([number], "int64") for number in (0, 2)]
    kept = step.add("Slice", [shape, *ends])
    sides = step.nodes.constant(size, "int64")
    wanted = step.add("Concat", [kept, sides], axis=0)
    return step.add(
        "Resize",
        [maps, "", "", wanted],
        mode="linear",
        coordinate_transformation_mode="half_pixel",
    )


def _nearest(step, size, maps):
    """Write what is taken of maps, rounded as by TensorFlow where two are as near.

    ONNX's own operation rounds some places to the pixel beside it.
    """
    shape = step.add("Shape", [maps])
    for axis, side in zip((2, 3), size, strict=True):
        at = step.nodes.constant([axis], "int64")
        length = step.add("Gather", [shape, at], axis=0)
        have = step.nodes.cast(length, "int64", "float32")
        ratio = step.add("Div", [have, step.nodes.constant(float(side))])
        centres = step.nodes.constant(np.arange(side) + 0.5)
        places = step.add("Floor", [step.add("Mul", [ratio, centres])])
        places = step.nodes.cast(places, "float32", "int64")
        last = step.add("Sub", [length, step.nodes.constant([1], "int64")])
        maps = step.add("Gather", [maps, step.add("Min", [places, last])], axis=axis)
    return maps


# Normalization


def _layer_norm(step):
    axes = [axis % len(step.shape) for axis in _axes(step)]
    if step.setting("rms_scaling") or axes != list(range(axes[0], len(step.shape))):
        raise NoTermsError("its axes")
    sizes = [step.shape[axis] for axis in axes]
    scale, shift = step.argument(1, "gamma"), step.argument(2, "beta")
    scale = np.ones(sizes, "float32") if scale is None else as_array(scale)
    inputs = [step.name(step.positional[0], "float32")]
    inputs.append(step.nodes.constant(scale.reshape(sizes), "float32"))
    if shift is not None:
        shift = as_array(shift).reshape(sizes)
        inputs.append(step.nodes.constant(shift, "float32"))
    epsilon = step.setting("epsilon")
    epsilon = keras.backend.epsilon() if epsilon is None else epsilon
    return step.add("LayerNormalization", inputs, axis=axes[0], epsilon=float(epsilon))


# Activations


def _gelu(step):
    x = _same(step)
    if step.setting("approximate"):
        cube = step.add("Mul", [x, step.add("Mul", [x, x])])
        part = step.add("Mul", [cube, step.nodes.constant(0.044715)])
        inner = step.add("Add", [x, part])
        inner = step.add("Mul", [inner, step.nodes.constant(math.sqrt(2 / math.pi))])
        gate = step.add("Tanh", [inner])
    else:
        inner = step.add("Div", [x, step.nodes.constant(math.sqrt(2))])
        gate = step.add("Erf", [inner])
    gate = step.add("Add", [gate, step.nodes.constant(1.0)])
    return step.add("Mul", [step.add("Mul", [x, gate]), step.nodes.constant(0.5)])


def _silu(step):
    return step.add("Mul", [_same(step), step.add("Sigmoid", [_same(step)])])


def _mish(step):
    x = _same(step)
    return step.add("Mul", [x, step.add("Tanh", [step.add("Softplus", [x])])])


def _relu6(step):
    return _clipped(step, 0.0, 6.0)


def _relu(step):
    """Write the function `relu()`, with all that it can be given."""
    slope, most = step.setting("negative_slope"), step.setting("max_value")
    if step.setting("threshold"):
        raise NoTermsError("its threshold")
    if slope:
        x = step.add("LeakyRelu", [_same(step)], alpha=float(slope))
        if most is None:
            return x
        return step.add("Min", [x, step.nodes.constant(float(most))])
    if most is None:
        return step.add("Relu", [_same(step)])
    return _clipped(step, 0.0, float(most))


def _leaky_relu(step):
    return step.add(
        "LeakyRelu", [_same(step)], alpha=float(step.setting("negative_slope"))
    )


def _elu(step):
    return step.add("Elu", [_same(step)], alpha=float(step.setting("alpha")))


def _softmax(kind):
    def write(step):
        axes = _axes(step)
        if len(axes) != 1:
            raise NoTermsError("several axes")
        return step.add(kind, [_same(step)], axis=axes[0])

    return write


def _clipped(step, least, most):
    limits = [step.nodes.constant(value, step.dtype) for value in (least, most)]
    return step.add("Clip", [_same(step), *limits])


def _clip(step):
    return _clipped(step, step.setting("x_min"), step.setting("x_max"))


# Sums and shapes


def _axes(step):
    """Return the axes that an operation goes along, all of them where it names none."""
    axis = step.setting("axis")
    if axis is None:
        return list(range(len(step.shape)))
    return [axis] if isinstance(axis, int) else list(axis)


def _reduced(kind):
    def write(step):
        if kind in ("ReduceMax", "ReduceMin") and step.setting("initial") is not None:
            raise NoTermsError("its initial value")
        kept = {"keepdims": int(step.setting("keepdims"))}
        # Of these, only sums have their axes as an input.
        if kind != "ReduceSum":
            return step.add(kind, [_same(step)], axes=_axes(step), **kept)
        return step.add(
            kind, [_same(step), step.nodes.constant(_axes(step), "int64")], **kept
        )

    return write


def _square(step):
    return step.add("Mul", [_same(step)] * 2)


def _rsqrt(step):
    return step.add("Reciprocal", [step.add("Sqrt", [_same(step)])])


def _to_shape(step):
    """Write a change of shape, which leaves the images apart."""
    have, want = step.shape, tuple(step.outputs[0].shape)
    free = [at for at, side in enumerate(want) if side is None]
    sides = [-1 if side is None else side for side in want]
    if len(free) == 2 and want[0] is None and have[0] is None:
        sides[0], free = 0, free[1:]
    if len(free) > 1:
        raise NoTermsError("several sides are not known")
    return step.add("Reshape", [step.first, step.nodes.constant(sides, "int64")])


def _transposed(step):
    order = step.setting("axes") or range(len(step.shape))[::-1]
    return step.nodes.moved(step.first, [axis % len(step.shape) for axis in order])


def _joined(step):
    values = [step.name(value, step.dtype) for value in step.argument(0, "xs")]
    return step.add("Concat", values, axis=step.setting("axis"))


def _padded(step):
    widths = np.array(step.setting("pad_width"))
    widths = np.broadcast_to(widths, (len(step.shape), 2))
    mode = {"constant": "constant", "reflect": "reflect"}[step.setting("mode")]
    inputs = [_same(step), step.nodes.constant(widths.T.ravel(), "int64")]
    if mode == "constant":
        value = step.argument(1, "constant_values") or 0
        inputs.append(step.nodes.constant(value, step.dtype))
    return step.add("Pad", inputs, mode=mode)


def _sliced(step, starts, ends, axes, strides=None):
    parts = [starts, ends, axes, strides or [1] * len(axes)]
    return step.add(
        "Slice", [step.first, *(step.nodes.constant(one, "int64") for one in parts)]
    )


def _flipped(step):
    axes = _axes(step)
    return _sliced(step, [-1] * len(axes), [-_ALL] * len(axes), axes, [-1] * len(axes))


def _item(step):
    key = step.argument(1, "key")
    key = key if isinstance(key, tuple) else (key,)
    if Ellipsis in key:
        at = key.index(Ellipsis)
        missing = len(step.shape) - (len(key) - 1)
        key = (*key[:at], *[slice(None)] * missing, *key[at + 1 :])
    starts, ends, axes, strides, gone = [], [], [], [], []
    for axis, part in enumerate(key):
        if isinstance(part, int):
            part, _ = slice(part, part + 1 if part != -1 else None), gone.append(axis)
        if not isinstance(part, slice):
            raise NoTermsError("its index")
        if part == slice(None):
            continue
        stride = part.step or 1
        first, last = (0, _ALL) if stride > 0 else (-1, -_ALL)
        starts.append(first if part.start is None else part.start)
        ends.append(last if part.stop is None else part.stop)
        axes.append(axis)
        strides.append(stride)
    name = _sliced(step, starts, ends, axes, strides) if axes else step.first
    if not gone:
        return name
    return step.add("Squeeze", [name, step.nodes.constant(gone, "int64")])


def _taken(step):
    indices = as_array(step.argument(1, "indices"), "int64")
    axis = step.setting("axis")
    if axis is None:
        raise NoTermsError("no axis")
    return step.add("Gather", [step.first, step.nodes.constant(indices)], axis=axis)


def _with_axes(kind):
    def write(step):
        axes = step.nodes.constant(_axes(step), "int64")
        return step.add(kind, [step.first, axes])

    return write


def _filled(value):
    def write(step):
        number = step.argument(1, "fill_value") if value is None else value
        shape = step.add("Shape", [step.first])
        return step.add("Expand", [step.nodes.constant(number, step.dtype), shape])

    return write


def _where(step):
    condition = step.name(step.argument(0, "condition"), "bool")
    pair = (step.argument(1, "x1"), step.argument(2, "x2"))
    return step.add(
        "Where", [condition, *(step.name(value, step.dtype) for value in pair)]
    )


def _einsum(step):
    operands = [step.name(value, step.dtype) for value in step.positional]
    return step.add("Einsum", operands, equation=step.setting("subscripts"))


RULES = {
    **dict.fromkeys(("Cast", "ConvertToTensor", "Copy", "StopGradient"), _same),
    "Identity": _same,
    **dict.fromkeys(("Conv", "_GroupedConv"), _conv),
    "DepthwiseConv": _depthwise_conv,
    "SeparableConv": _separable_conv,
    "MaxPool": _pool("MaxPool"),
    "AveragePool": _pool("AveragePool"),
    "Resize": _resize,
    "LayerNorm": _layer_norm,
    "Relu": _plain("Relu"),
    "ReLU": _relu,
    "Relu6": _relu6,
    "LeakyRelu": _leaky_relu,
    "Elu": _elu,
    "Selu": _plain("Selu"),
    "Gelu": _gelu,
    "Silu": _silu,
    "Mish": _mish,
    "Sigmoid": _plain("Sigmoid"),
    "HardSigmoid": _plain("HardSigmoid", alpha=1 / 6, beta=0.5),
    "HardSilu": _plain("HardSwish"),
    "Softplus": _plain("Softplus"),
    "Softsign": _plain("Softsign"),
    "Softmax": _softmax("Softmax"),
    "LogSoftmax": _softmax("LogSoftmax"),
    "Tanh": _plain("Tanh"),
    "Exp": _plain("Exp"),
    "Log": _plain("Log"),
    "Sqrt": _plain("Sqrt"),
    "Erf": _plain("Erf"),
    "Absolute": _plain("Abs"),
    "Abs": _plain("Abs"),
    "Negative": _plain("Neg"),
    "Square": _square,
    "Rsqrt": _rsqrt,
    "Add": _between("Add"),
    "Subtract": _between("Sub"),
    "Multiply": _between("Mul"),
    "Divide": _between("Div"),
    "TrueDivide": _between("Div"),
    "Power": _between("Pow"),
    "Maximum": _between("Max"),
    "Minimum": _between("Min"),
    "Matmul": _between("MatMul"),
    "Greater": _comparison("Greater"),
    "GreaterEqual": _comparison("GreaterOrEqual"),
    "Less": _comparison("Less"),
    "LessEqual": _comparison("LessOrEqual"),
    "Equal": _comparison("Equal"),
    "Clip": _clip,
    "Mean": _reduced("ReduceMean"),
    "Sum": _reduced("ReduceSum"),
    "Max": _reduced("ReduceMax"),
    "Min": _reduced("ReduceMin"),
    "Reshape": _to_shape,
    "Transpose": _transposed,
    "Concatenate": _joined,
    "Pad": _padded,
    "Flip": _flipped,
    "GetItem": _item,
    "Take": _taken,
    "ExpandDims": _with_axes("Unsqueeze"),
    "Squeeze": _with_axes("Squeeze"),
    "FullLike": _filled(None),
    "ZerosLike": _filled(0),
    "OnesLike": _filled(1),
    "Where": _where,
    "Einsum": _einsum,
}
