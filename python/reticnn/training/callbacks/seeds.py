"""Seeds for the random layers of a model while it is trained."""

import contextlib

import numpy as np

from reticnn.runtime.backend import keras
from reticnn.runtime.keras_internals import random_states
from reticnn.runtime.randomness import generator


def seed_layers(model, seed):
    """Let the dropout and other random layers of the model follow `seed`."""
    for number, state in enumerate(random_states(model)):
        draws = generator(seed, number).integers(2**31, size=2)
        state.assign(np.array([draws[0], 0], dtype="uint32"))


class EpochSeeds(keras.callbacks.Callback):
    """Under torch, let what dropout draws follow a seed and the epoch's number.

    Its dropout draws from torch's global state, where other backends have a state in
    each layer.
    """

    def __init__(self, seed):
        """Take the seed of the run."""
        super().__init__()
        self._seed = seed

    def on_epoch_begin(self, epoch, logs=None):
        """Seed torch for an epoch."""
        if keras.backend.backend() == "torch":
            import torch

            torch.manual_seed(int(generator(self._seed, epoch, 2).integers(2**31)))


def torch_state_kept():
    """Return a context that puts torch's global random state back, if it is used."""
    if keras.backend.backend() != "torch":
        return contextlib.nullcontext()
    import torch

    return torch.random.fork_rng()
