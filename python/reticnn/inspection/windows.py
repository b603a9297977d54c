"""A window that goes over a map: convolution and pooling, step by step."""

import math

import numpy as np

from reticnn.coercion import as_choice, as_int, as_pair, shown
from reticnn.graph import image_graph, named_layers
from reticnn.inspection.filters import input_of_layer, layer_name
from reticnn.runtime.backend import keras

_POOLING = {"max": np.nanmax, "average": np.nanmean}

# What our arithmetic and Keras's may differ by, as a share of the largest value; half
# precision has three digits.
_ALIKE, _ALIKE_IN_HALF = 1e-4, 2e-2


def sliding_window(
    image=6,
    kernel=3,
    *,
    kind="convolution",
    strides=None,
    padding="valid",
    dilation_rate=1,
):
    """Slide a window over an image, as a convolution or a pooling layer does.

    Args:
        image: Matrix (height, width) of numbers; or the size of an image to be filled
            with small whole numbers, one number if height and width are equal. Default
            6.
        kernel: Matrix of the weights under the window; or its size, one number if
            height and width are equal, with all weights 1. Pooling has a size but no
            weights. Default 3.
        kind: `"convolution"`, or `"max"` or `"average"` for pooling. Default
            `"convolution"`.
        strides: How far the window moves, one number or two (down, to the right); None
            for 1 in a convolution and for the size of the window in pooling. Default
            None.
        padding: `"valid"`, where the window stays inside, or `"same"`, where it starts
            and ends outside, as in Keras. Default `"valid"`.
        dilation_rate: Distance between the values under the window, one number or two,
            for convolutions. Default 1.

    Returns:
        Dict of `steps`, a table (dict of equal-length lists) with a row for each
        position of the window: `step`; `row` and `column` of the result, counted from
        1; `top` and `left`, the numbers of rows and columns of the image before the
        window, below 0 if it starts outside; and `result`. Also `windows`, array
        (steps, height, width, channels) of the values under the window, 0 outside the
        image in a convolution, and NaN in pooling, which leaves them out; `kernel`,
        array (height, width, channels), or None for pooling; `bias`, which is added;
        `image`, array (height, width, channels); `result`, array (height, width);
        `padding`, the numbers of rows and columns added at the `top`, `bottom`, `left`
        and `right`; `strides` and `dilation_rate`, two numbers each; `kind`; and
        `layer` and `activation`, which are None here.

    Raises:
        TypeError: If a number is not one.
        ValueError: If the window does not fit into the image, `kind` or `padding` is
            not one of these, or pooling is given weights or a dilation.

    Example:
        >>> window = sliding_window(5, 3, strides=2, padding="same")
        >>> window["padding"]
        {'top': 1, 'bottom': 1, 'left': 1, 'right': 1}
        >>> window["result"].shape
        (3, 3)
    """
    kind = as_choice(kind, "kind", ("convolution", *_POOLING))
    padding = as_choice(padding, "padding", ("valid", "same"))
    weights, size = _kernel(kernel, kind)
    pixels = _image(image)
    default = (1, 1) if kind == "convolution" else size
    strides = default if strides is None else as_pair(strides, "strides")
    dilation = as_pair(dilation_rate, "dilation_rate")
    _check_dilation(dilation, strides, kind)
    return _slide(pixels, weights, 0.0, size, strides, padding, dilation, kind)


def layer_window(model, image, layer=None, *, filter=1):
    """Slide the window of a layer of a model over an image, or over a feature map.

    Args:
        model: Keras model of images, or a classifier.
        image: Image, an array (height, width, channels), 0 to 255, of the size that the
            model takes. Of several images, or image data, the first is used.
        layer: Name of a convolution, a depthwise convolution or a pooling layer as
            listed by `describe_model`, with or without the names of the models it is
            in, or None for the first convolution. Default None.
        filter: Whole number, which filter of the layer, counted from 1. Default 1.

    Returns:
        Dict as from `sliding_window`, for what the layer computes: `image` is the
        layer's input, with the channels that the filter sees, `layer` its full name,
        `activation` its activation, or None, and `result` is after the activation.

    Raises:
        TypeError: If `model` is not a Keras model or a classifier.
        ValueError: If the image does not fit the model, it is not built from layers or
            has no such layer or filter, or the layer has no window, or computes
            anything else with it.

    Example:
        >>> window = layer_window(build_cnn(), shape_images(1), "block1_pool")
        >>> window["kind"], window["strides"], window["result"].shape
        ('max', (2, 2), (16, 16))
    """
    graph = image_graph(model)
    known = named_layers(graph)
    name = _window_name(known, layer)
    layer = known[name]
    before, after = input_of_layer(graph, image, name)
    number = as_int(filter, "filter")
    if number > after.shape[-1]:
        raise ValueError(
            f"`filter` must be at most {after.shape[-1]}, the number of filters of "
            f"{name!r}, not {number}."
        )
    found = _of_layer(layer, before[0].astype("float64"), number - 1)
    found["layer"] = name
    _check_result(found, layer, after[0, ..., number - 1].astype("float64"))
    return found


# Arguments


def _image(value):
    """Return an image (height, width, 1), made up where only its size is given."""
    array = np.asarray(value)
    if array.ndim < 2:
        height, width = as_pair(value, "image")
        rows, columns = np.indices((height, width))
        # Whole numbers from 0 to 9 without an order that would be seen.
        array = (rows * 3 + columns * 7 + rows * columns) % 10
    return _numbers(array, "image")[..., None]


def _kernel(value, kind):
    """Return the weights (height, width, 1), or None, and the size of a window."""
    array = np.asarray(value)
    if array.ndim < 2:
        size = as_pair(value, "kernel")
        weights = np.ones((*size, 1)) if kind == "convolution" else None
        return weights, size
    if kind != "convolution":
        raise ValueError(
            f"`kernel` must be the size of the window for `kind={kind!r}`, which has "
            f"no weights, not {shown(array)}. Use one number or two."
        )
    weights = _numbers(array, "kernel")[..., None]
    return weights, weights.shape[:2]


def _numbers(array, name):
    """Return a matrix of finite numbers."""
    if array.dtype.kind not in "uifb":
        raise TypeError(f"`{name}` must hold numbers, not {shown(array)}.")
    array = array.astype("float64")
    if array.ndim == 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim != 2 or not array.size or not np.isfinite(array).all():
        raise ValueError(
            f"`{name}` must be a matrix (height, width) of finite numbers, not "
            f"{shown(array)}. For colour images use `layer_window()`."
        )
    return array


def _check_dilation(dilation, strides, kind):
    if dilation == (1, 1):
        return
    if kind != "convolution":
        raise ValueError(
            f"`dilation_rate` must be 1 for pooling, not {shown(dilation)}."
        )
    if max(strides) > 1:
        raise ValueError(
            f"`dilation_rate` must be 1 where `strides` are above 1, as in Keras, not "
            f"{shown(dilation)}."
        )


# Layers


def _window_name(layers, name):
    """Return the whole name of a layer with a window, of the first convolution."""
    having = [key for key, layer in layers.items() if _has_window(layer)]
    if name is None:
        first = [key for key in having if hasattr(layers[key], "kernel_size")]
        if first:
            return first[0]
        raise ValueError(
            "`model` must have a convolution with a window, but has none. Build one "
            "with `build_cnn()`."
        )
    name = layer_name(layers, name, "layer")
    if name in having:
        return name
    listed = ", ".join(map(repr, having[:5])) or "none"
    more = ", ..." if len(having) > 5 else ""
    raise ValueError(
        f"`layer` must be the name of a convolution or a pooling layer, but {name!r} "
        f"is a {type(layers[name]).__name__}. The model has {listed}{more}."
    )


def _has_window(layer):
    kinds = (
        keras.layers.Conv2D,
        keras.layers.DepthwiseConv2D,
        keras.layers.MaxPooling2D,
        keras.layers.AveragePooling2D,
    )
    channels_last = getattr(layer, "data_format", "channels_last") == "channels_last"
    return isinstance(layer, kinds) and channels_last


def _of_layer(layer, pixels, at):
    """Return the steps of the filter of a layer over what goes into it."""
    strides = as_pair(layer.strides, "strides")
    if not hasattr(layer, "kernel_size"):
        is_max = isinstance(layer, keras.layers.MaxPooling2D)
        kind = "max" if is_max else "average"
        size = as_pair(layer.pool_size, "pool_size")
        pixels = pixels[..., at : at + 1]
        return _slide(pixels, None, 0.0, size, strides, layer.padding, (1, 1), kind)
    weights = keras.ops.convert_to_numpy(layer.kernel).astype("float64")
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        channel, multiple = divmod(at, weights.shape[-1])
        weights = weights[:, :, channel : channel + 1, multiple]
        pixels = pixels[..., channel : channel + 1]
    else:
        # Of a convolution in groups, a filter sees the channels of its own.
        per_group = weights.shape[2]
        group = at // (weights.shape[-1] // layer.groups)
        weights = weights[..., at]
        pixels = pixels[..., group * per_group : (group + 1) * per_group]
    bias = 0.0
    if layer.bias is not None:
        bias = float(keras.ops.convert_to_numpy(layer.bias)[at])
    size, dilation = weights.shape[:2], as_pair(layer.dilation_rate, "dilation_rate")
    found = _slide(
        pixels, weights, bias, size, strides, layer.padding, dilation, "convolution"
    )
    return _activated(found, layer)


def _activated(found, layer):
    """Return steps with their results behind the activation of the layer."""
    name = getattr(layer.activation, "__name__", type(layer.activation).__name__)
    if name == "linear":
        return found
    values = layer.activation(keras.ops.array(found["result"], "float32"))
    found["result"] = keras.ops.convert_to_numpy(values).astype("float64")
    found["steps"]["result"] = found["result"].ravel().tolist()
    found["activation"] = name
    return found


def _check_result(found, layer, result):
    """Raise if a layer gives something else than its window says."""
    half = "16" in str(getattr(layer, "compute_dtype", ""))
    most = (_ALIKE_IN_HALF if half else _ALIKE) * max(1e-6, abs(result).max())
    same = found["result"].shape == result.shape
    if not same or abs(found["result"] - result).max() > most:
        raise ValueError(
            f"`layer` has {found['layer']!r}, a {type(layer).__name__} that does "
            "more than its window and its activation say, so its steps cannot be shown."
        )


# The window


def padding_of(side, window, stride, padding):
    """Return how much is added before and behind a side, and how long the result is.

    Args:
        side: Length of the side.
        window: Length of the window, with what its dilation leaves out.
        stride: How far the window moves.
        padding: `"valid"` or `"same"`. With the latter, what is left over when it is
            halved is added behind, as in Keras.
    """
    if padding == "valid":
        return 0, 0, (side - window) // stride + 1
    count = math.ceil(side / stride)
    added = max((count - 1) * stride + window - side, 0)
    return added // 2, added - added // 2, count


def _slide(pixels, weights, bias, size, strides, padding, dilation, kind):
    """Return all steps of a window over an image (height, width, channels)."""
    spans = [(n - 1) * rate + 1 for n, rate in zip(size, dilation, strict=True)]
    sides = pixels.shape[:2]
    added = [
        padding_of(side, span, stride, padding)
        for side, span, stride in zip(sides, spans, strides, strict=True)
    ]
    if min(count for *_, count in added) < 1:
        raise ValueError(
            f"`kernel` has a window of {spans[0]} x {spans[1]}, which does not fit "
            f"into an image of {sides[0]} x {sides[1]}. Choose a smaller one, or "
            '`padding="same"`.'
        )
    windows, places = _windows(pixels, size, strides, dilation, added, kind)
    if kind == "convolution":
        results = (windows * weights).sum(axis=(1, 2, 3)) + bias
    else:
        results = _POOLING[kind](windows, axis=(1, 2, 3))
    (top, bottom, height), (left, right, width) = added
    rows, columns = (one.ravel() for one in np.indices((height, width)))
    return {
        "steps": {
            "step": list(range(1, len(results) + 1)),
            "row": (rows + 1).tolist(),
            "column": (columns + 1).tolist(),
            "top": places[0].tolist(),
            "left": places[1].tolist(),
            "result": results.tolist(),
        },
        "windows": windows,
        "kernel": weights,
        "bias": bias,
        "image": pixels,
        "result": results.reshape(height, width),
        "padding": {"top": top, "bottom": bottom, "left": left, "right": right},
        "strides": strides,
        "dilation_rate": dilation,
        "kind": kind,
        "layer": None,
        "activation": None,
    }


def _windows(pixels, size, strides, dilation, added, kind):
    """Return the values under the window in each step, and where it begins."""
    around = [(before, max(behind, 0)) for before, behind, _ in added]
    outside = 0.0 if kind == "convolution" else np.nan
    padded = np.pad(pixels, (*around, (0, 0)), constant_values=outside)
    starts = [
        np.arange(count) * stride
        for (*_, count), stride in zip(added, strides, strict=True)
    ]
    rows, columns = (
        start[:, None] + rate * np.arange(n)
        for start, n, rate in zip(starts, size, dilation, strict=True)
    )
    windows = padded[rows[:, None, :, None], columns[None, :, None, :]]
    windows = windows.reshape(-1, *size, pixels.shape[-1])
    grid = np.meshgrid(
        *(start - before for start, (before, *_) in zip(starts, added, strict=True)),
        indexing="ij",
    )
    return windows, [one.ravel() for one in grid]
