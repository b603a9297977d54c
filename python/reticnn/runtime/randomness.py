"""Random numbers that depend on a seed and a purpose, never on hidden global state."""

import contextlib
import random

import numpy as np

from reticnn.coercion import as_seed


def generator(seed, *stream):
    """Return a separate NumPy generator for `seed` and the numbers in `stream`."""
    key = np.random.SeedSequence([seed, *stream])
    return np.random.Generator(np.random.Philox(key))


class DrawnSeed:
    """A seed that R drew from its own random state, as the user gave none."""

    def __init__(self, number):
        """Take the number."""
        self.number = number


@contextlib.contextmanager
def seeded_keras(seed):
    """Seed what Keras draws inside the block, and put the global state back after it.

    Keras draws the seeds of its initializers and dropout layers from Python's `random`.
    `None` leaves that to the caller's own `keras.utils.set_random_seed()`.
    """
    if seed is None:
        yield
        return
    state = random.getstate()
    random.seed(as_seed(seed))
    try:
        yield
    finally:
        random.setstate(state)
