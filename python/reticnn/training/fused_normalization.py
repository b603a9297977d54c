"""Batch normalisation in one operation of TensorFlow, where Keras has a dozen.

Keras 3 writes it with means, squares and products, each of which reads and writes all
maps; TensorFlow's own operation goes through them twice, and takes bfloat16 as it is.
With batches of 64 on two cores, a step of MobileNet takes two thirds of the time, in
bfloat16 one of a small residual network half. `benchmarks/training.py` measures it.
"""

import contextlib
import weakref

import numpy as np

from reticnn.runtime.backend import keras
from reticnn.runtime.keras_internals import parts_of
from reticnn.training.calls import calls_by
from reticnn.training.compiling import forget_functions

_DTYPES = ("float32", "bfloat16")
# Keras's training functions that have the operation in them.
_FUSED = weakref.WeakSet()


@contextlib.contextmanager
def fused_normalization(model):
    """Have batch normalisation done by the fused operation in training steps.

    The statistics of inference are updated as Keras does it, and the numbers are the
    same but for rounding.

    Args:
        model: Keras model, compiled.
    """
    layers = [layer for layer in parts_of(model) if _can_be_fused(layer)]
    if not layers or keras.backend.backend() != "tensorflow":
        yield
        return
    if model.train_function and model.train_function not in _FUSED:
        forget_functions(model)
    with calls_by(layers, _normalized):
        try:
            yield
        finally:
            # So that the next run need not trace it again.
            if model.train_function:
                _FUSED.add(model.train_function)


def _can_be_fused(layer):
    """Return whether the operation computes what the layer does, were its maps 2-D."""
    # A subclass may do something else.
    return (
        type(layer) is keras.layers.BatchNormalization
        and layer.built
        and layer.compute_dtype in _DTYPES
        # The operation has its statistics in single precision, whatever the maps are.
        and layer.variable_dtype == "float32"
        and not layer.synchronized
        and not getattr(layer, "renorm", False)
    )


def _normalized(layer, call, arguments):
    """Return what a layer makes of maps, by the fused operation in training."""
    given = arguments.arguments
    maps = given["inputs"]
    in_training = given.get("training") and layer.trainable
    if in_training and given.get("mask") is None and _fits(layer, maps):
        return _in_training(layer, maps)
    return call(*arguments.args, **arguments.kwargs)


def _fits(layer, maps):
    """Return whether maps are what the fused operation takes."""
    channels_last = layer.axis in (-1, 3)
    return len(maps.shape) == 4 and channels_last and maps.dtype.name in _DTYPES


def _in_training(layer, maps):
    """Normalise maps by their own statistics, and update those of the layer."""
    import tensorflow as tf

    count = maps.shape[-1]
    scale = layer.gamma if layer.scale else np.ones(count, "float32")
    shift = layer.beta if layer.center else np.zeros(count, "float32")
    found = tf.raw_ops.FusedBatchNormV3(
        x=maps,
        scale=tf.convert_to_tensor(scale),
        offset=tf.convert_to_tensor(shift),
        mean=np.zeros(0, "float32"),
        variance=np.zeros(0, "float32"),
        epsilon=layer.epsilon,
        is_training=True,
    )
    # The operation divides by one pixel less, Keras by all.
    pixels = tf.cast(tf.size(maps) // count, "float32")
    variance = found.batch_variance * ((pixels - 1) / pixels)
    for kept, new in (
        (layer.moving_mean, found.batch_mean),
        (layer.moving_variance, variance),
    ):
        kept.assign(kept * layer.momentum + new * (1 - layer.momentum))
    return tf.cast(found.y, layer.compute_dtype)
