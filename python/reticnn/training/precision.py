"""Mixed precision: computing in bfloat16."""

import contextlib

from reticnn.graph import leaves_of
from reticnn.runtime.backend import keras
from reticnn.training.compiling import forget_functions


@contextlib.contextmanager
def mixed_bfloat16(model, wanted):
    """Let the model compute in bfloat16 inside the block, its output layer excepted.

    The weights stay float32 throughout, so that the model afterwards is an ordinary
    one. Quantised layers, whose weights mean something else, compute as they do.
    """
    if not wanted:
        yield
        return
    layers = [
        layer
        for layer in leaves_of(model)[:-1]
        if layer.dtype_policy.quantization_mode is None
    ]
    policies = [layer.dtype_policy for layer in layers]
    policy = keras.dtype_policies.DTypePolicy("mixed_bfloat16")
    _set_policies(model, layers, [policy] * len(layers))
    try:
        yield
    finally:
        _set_policies(model, layers, policies)


def _set_policies(model, layers, policies):
    for layer, policy in zip(layers, policies, strict=True):
        layer.dtype_policy = policy
    forget_functions(model)
