"""Models that a function builds."""

from reticnn.coercion import shown
from reticnn.runtime.backend import keras
from reticnn.runtime.randomness import DrawnSeed, seeded_keras


def built(model, seed, name="model"):
    """Return what a function builds in place of a model, and anything else as it is.

    Args:
        model: Function of no arguments that builds a Keras model, or anything else.
        seed: Whole number or `DrawnSeed` that fixes the initial weights, or None.
        name: The argument's name, for messages.

    Raises:
        TypeError: If the function returns something else than a Keras model.
    """
    if not callable(model) or isinstance(model, keras.layers.Layer):
        return model
    with seeded_keras(seed.number if isinstance(seed, DrawnSeed) else seed):
        made = model()
    if not isinstance(made, keras.Model):
        raise TypeError(
            f"`{name}` must return a new Keras model, not {shown(made)}. For example "
            "`lambda: build_cnn()`."
        )
    return made


def not_a_function(value, name):
    """Return the error for what is no function that builds a model."""
    return TypeError(
        f"`{name}` must be a function without arguments that builds a new Keras "
        f"model, not {shown(value)}. For example `lambda: build_cnn()`."
    )
