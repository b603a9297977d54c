"""Learning rates that fall from a model's end to its beginning."""

import contextlib
from functools import partial

from reticnn.notation import shown
from reticnn.pretrained.layer_groups import rate_factors
from reticnn.runtime.backend import keras
from reticnn.runtime.keras_internals import innermost, steps_within
from reticnn.training.compiling import forget_functions


@contextlib.contextmanager
def layered_rates(model, trained, decay):
    """Let each layer learn more slowly than the one after it, inside the block.

    What the optimizer does to the weights is scaled, weight decay included, and not the
    gradients, whose scale means nothing to Adam. The optimizer itself is as it was
    afterwards.

    Args:
        model: Keras model.
        trained: What is trained of it, compiled: itself, or all that is not frozen.
        decay: Float in (0, 1], the rate of a layer over that of the next, or None.
    """
    if decay is None:
        yield
        return
    factors = rate_factors(model, decay)
    try:
        with steps_within(innermost(trained.optimizer), partial(_scaled, factors)):
            forget_functions(trained)
            yield
    finally:
        forget_functions(trained)


def check_rates(decay, devices):
    """Raise if the backend cannot scale updates on several devices.

    Raises:
        ValueError: Under TensorFlow, which updates each device's copy by itself.
    """
    if decay is None or len(devices) < 2 or keras.backend.backend() != "tensorflow":
        return
    raise ValueError(
        f"`layer_decay` is {shown(decay)}, which does not work on several devices "
        'under TensorFlow. Use `distribute="none"`, or the JAX backend.'
    )


@contextlib.contextmanager
def _scaled(factors, variables):
    """Scale by its factor what is done to each variable inside the block."""
    slowed = [variable for variable in variables if factors[id(variable)] != 1]
    # Copies, as torch changes a variable in place.
    before = [keras.ops.copy(variable) for variable in slowed]
    yield
    for variable, old in zip(slowed, before, strict=True):
        change = keras.ops.subtract(variable, old)
        variable.assign(old + factors[id(variable)] * change)
