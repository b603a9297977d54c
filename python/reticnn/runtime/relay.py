"""Call a function for another language: its warnings come back with its value."""

import warnings


def call_with_warnings(function, *args, **kwargs):
    """Return what `function` returns, and the texts of the warnings it gave."""
    with warnings.catch_warnings(record=True) as caught:
        value = function(*args, **kwargs)
    return value, [str(warning.message) for warning in caught]
