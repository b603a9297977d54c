"""Warnings that several trainings give alike, given once."""

import contextlib
import warnings

from reticnn.runtime.conditions import InterruptedWarning, warn_user


@contextlib.contextmanager
def each_once(said):
    """Give warnings of the block at its end, each text once for all blocks.

    Args:
        said: Set of the texts that have been given.
    """
    caught = []
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
    finally:
        for warning in caught:
            if issubclass(warning.category, UserWarning):
                tell_once(str(warning.message), warning.category, said)
            else:
                # Of other packages, about their own code.
                place = warning.filename, warning.lineno
                warnings.warn_explicit(warning.message, warning.category, *place)


def tell_once(text, kind, said):
    """Warn unless a text has been given, or is of one training that was cut off."""
    if text not in said and not issubclass(kind, InterruptedWarning):
        said.add(text)
        warn_user(text, kind)
