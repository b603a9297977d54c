"""Gradients of a function of a tensor, on each backend of Keras."""

import numpy as np

from reticnn.runtime.backend import keras


class NoGradientError(ValueError):
    """Nothing that has a gradient leads from the tensor to the value."""


def pullback(function, tensor):
    """Compute a value, and from it gradients by the tensor that it is a function of.

    Args:
        function: Function from the tensor to another one, of `keras.ops`.
        tensor: Tensor of floats.

    Returns:
        Tuple of the value, and a function from an array of its shape, the weight of
        each of its numbers, to a float32 array of the shape of the tensor: the gradient
        of the weighted sum. It may be called several times, and raises
        `NoGradientError` if the value depends on the tensor in no way that has one.
    """
    backends = {"tensorflow": _in_tensorflow, "jax": _in_jax, "torch": _in_torch}
    value, pull = backends[keras.backend.backend()](function, tensor)

    def gradient(weights):
        weights = keras.ops.convert_to_tensor(np.asarray(weights), dtype=value.dtype)
        found = pull(weights)
        if found is None:
            raise NoGradientError
        return keras.ops.convert_to_numpy(keras.ops.cast(found, "float32"))

    return value, gradient


def _in_tensorflow(function, tensor):
    import tensorflow as tf

    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        tape.watch(tensor)
        value = function(tensor)

    def pull(weights):
        try:
            found = tape.gradient(value, tensor, output_gradients=weights)
        except LookupError:  # An operation for which TensorFlow has none.
            return None
        return None if found is None else tf.convert_to_tensor(found)

    return value, pull


def _in_jax(function, tensor):
    import jax

    value, pull = jax.vjp(function, tensor)
    return value, lambda weights: pull(weights)[0]


def _in_torch(function, tensor):
    import torch

    with torch.enable_grad():
        tensor = tensor.detach().requires_grad_()
        value = function(tensor)

    def pull(weights):
        if not value.requires_grad:
            return None
        return torch.autograd.grad(
            value, tensor, weights, retain_graph=True, allow_unused=True
        )[0]

    return value.detach(), pull
