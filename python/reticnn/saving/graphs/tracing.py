"""Layers taken apart into the operations that they are made of."""

import numpy as np

from reticnn.graph import graph_of
from reticnn.runtime.backend import keras
from reticnn.runtime.keras_internals import calls_in, takes_training


def is_layer(operation):
    """Return whether a step of a graph is a layer or model, not a single operation."""
    return isinstance(operation, keras.layers.Layer)


def inside_of(call):
    """Return the graph that a layer computes at inference.

    Args:
        call: `Call` of a layer or model.

    Returns:
        Tuple of the list of the graph's inputs, the list of its `Call`s and the list of
        its outputs, which may be inputs, or values that depend on none of them.
    """
    graph = graph_of(call.layer)
    if graph is not None:
        return graph.inputs, calls_in(graph), graph.outputs
    given = [keras.KerasTensor(one.shape, one.dtype) for one in call.inputs]
    positional, named = call.arguments_with(given)
    named = {name: value for name, value in named.items() if name != "mask"}
    if takes_training(call.layer):
        named["training"] = False
    # Not `__call__`, which would keep the layer whole.
    compute = _instead(call.layer)
    made = compute(*positional) if compute else call.layer.call(*positional, **named)
    outputs = keras.tree.flatten(made)
    made = [one for one in outputs if _comes_of(one, given)]
    calls = calls_in(keras.Function(given, made)) if made else []
    return given, calls, outputs


def _comes_of(value, given):
    """Return whether a value is computed from others, and is none of them itself."""
    return isinstance(value, keras.KerasTensor) and all(
        value is not one for one in given
    )


def _instead(layer):
    """Return what to call in place of a layer's `call()` that takes no Keras tensors.

    None for other layers, and for classes of somebody's own, which may do otherwise.
    """
    for kind, compute in _INSTEAD.items():
        if isinstance(layer, kind) and type(layer).call is kind.call:
            return compute(layer)
    return None


def _activation(layer):
    """Return the operation of a function that asks the backend itself."""
    function = layer.activation
    return keras.ops.hard_silu if function is keras.activations.hard_silu else None


def _rescaling(layer):
    def compute(x):
        x = keras.ops.cast(x, "float32")
        return x * np.float32(layer.scale) + np.float32(layer.offset)

    return compute


def _normalization(layer):
    if layer.invert:
        return None
    mean, variance = map(keras.ops.convert_to_numpy, (layer.mean, layer.variance))
    deviation = np.maximum(np.sqrt(variance), keras.backend.epsilon())
    return lambda x: (keras.ops.cast(x, "float32") - mean) / deviation


def _batch_normalization(layer):
    """Return the scaling and shifting that a normalisation with fixed statistics is."""
    mean, variance, scale, shift = (
        None if weight is None else keras.ops.convert_to_numpy(weight).astype("float64")
        for weight in (
            layer.moving_mean,
            layer.moving_variance,
            layer.gamma if layer.scale else None,
            layer.beta if layer.center else None,
        )
    )
    factor = (1 if scale is None else scale) / np.sqrt(variance + layer.epsilon)
    shift = (0 if shift is None else shift) - mean * factor

    def compute(x):
        shape = [1] * len(x.shape)
        shape[layer.axis] = -1
        own = (part.reshape(shape).astype("float32") for part in (factor, shift))
        factors, shifts = own
        return keras.ops.cast(x, "float32") * factors + shifts

    return compute


def _convolution(layer):
    """Return a convolution that may have several groups, unlike that of `keras.ops`."""
    if layer.groups == 1:
        return None

    def compute(x):
        x = _GroupedConv(layer)(x, layer.kernel)
        if layer.use_bias:
            shape = [1] * 4
            shape[-1 if layer.data_format == "channels_last" else 1] = -1
            x = x + keras.ops.reshape(layer.bias, shape)
        return x if layer.activation is None else layer.activation(x)

    return compute


class _GroupedConv(keras.Operation):
    """The operation of a convolution with several groups, in graphs alone."""

    def __init__(self, layer):
        super().__init__()
        self._layer = layer
        for name in ("strides", "padding", "data_format", "dilation_rate"):
            setattr(self, name, getattr(layer, name))

    def compute_output_spec(self, x, kernel):
        return keras.KerasTensor(self._layer.compute_output_shape(x.shape), x.dtype)


def _prelu(layer):
    """Return the rectifier, whose own slope is a tensor of JAX's or torch's."""
    slope = keras.ops.convert_to_numpy(layer.alpha)
    return lambda x: keras.ops.relu(x) - keras.ops.relu(-x) * slope


def _resizing(layer):
    if layer.crop_to_aspect_ratio or layer.pad_to_aspect_ratio or layer.antialias:
        return None
    return lambda x: keras.ops.image.resize(
        keras.ops.cast(x, "float32"),
        (layer.height, layer.width),
        interpolation=layer.interpolation,
        data_format=layer.data_format,
    )


_INSTEAD = {
    keras.layers.Activation: _activation,
    keras.layers.BatchNormalization: _batch_normalization,
    keras.layers.Conv2D: _convolution,
    keras.layers.Normalization: _normalization,
    keras.layers.PReLU: _prelu,
    keras.layers.Rescaling: _rescaling,
    keras.layers.Resizing: _resizing,
}
