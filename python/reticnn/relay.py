"""What R calls of the core beside its public functions."""

import importlib
import warnings


def call_with_warnings(function, *args, **kwargs):
    """Return what `function` returns, and the texts of the warnings it gave."""
    with warnings.catch_warnings(record=True) as caught:
        value = function(*args, **kwargs)
    return value, [str(warning.message) for warning in caught]


def load_keras():
    """Return Keras, started quietly, which knows our classes in the models it loads."""
    # Not at the top: R imports this with the core, and starts Keras when it is used.
    keras = importlib.import_module("reticnn.backend").keras
    importlib.import_module("reticnn.registering").register_classes()
    return keras
