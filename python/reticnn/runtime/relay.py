"""What R calls of the core in addition to its public functions."""

import warnings

from reticnn.runtime.conditions import r_class
from reticnn.runtime.randomness import DrawnSeed
from reticnn.runtime.registration import register_classes


def call_with_warnings(function, *args, **kwargs):
    """Return what `function` returns, and the texts and kinds of the warnings it gave.

    A kind is the class that R gives the warning, `"reticnn_warning"` if it has none of
    its own.
    """
    with warnings.catch_warnings(record=True) as caught:
        value = function(*args, **kwargs)
    kinds = [r_class(warning.category) or "reticnn_warning" for warning in caught]
    return value, [str(warning.message) for warning in caught], kinds


def drawn_seed(number):
    """Return a seed that R drew, so that it is known from one that the user gave."""
    return DrawnSeed(int(number))


def load_keras():
    """Return Keras, started quietly, which knows our classes in the models it loads."""
    # Not at the top: R imports this with the core, and starts Keras when it is used.
    from reticnn.runtime.backend import keras

    register_classes()
    return keras
