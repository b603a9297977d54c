"""A Keras model from a file of a stranger: checked, copied, and loaded."""

import io
import math
import os
import zipfile
from collections import Counter

import numpy as np

from reticnn.runtime.backend import keras
from reticnn.runtime.foreign.archives import check_sizes, open_archive, read_entry
from reticnn.runtime.foreign.configs import are_small_texts, check_config
from reticnn.runtime.foreign.hdf5 import open_checked
from reticnn.runtime.foreign.limits import in_mib
from reticnn.runtime.foreign.texts import read_json
from reticnn.runtime.keras_internals import before_each_constant, before_each_variable

_CONFIG = "config.json"
_METADATA = "metadata.json"
_WEIGHTS = "model.weights.h5"
_ASSETS = "assets/"
_VOCABULARY = "vocabulary.txt"

_LARGEST_CONFIG = 16 * 2**20

# What a model may have that its file does not, as Keras does not save it.
_ROOM_FOR_VARIABLES = 16 * 2**20
# An optimizer keeps up to five values for each weight, and gradients besides.
_MOST_OF_A_SHAPE = 8


class ModelFile:
    """A copy of a `.keras` file that has only what was checked.

    Attributes:
        path: The copy.
        config: The model's configuration, as its JSON says it.
    """

    def __init__(self, file, folder, *, compressed=False):
        """Check a file and copy what is good of it into a folder.

        Args:
            file: File object, opened to read bytes.
            folder: Folder for the copy, which must not be used for anything else.
            compressed: Whether what is in the file may be compressed.

        Raises:
            ConfigError: If the model has a part that is not made.
            ValueError: If the file is anything but a model of the size that it says.
        """
        self.path = os.path.join(folder, "model.keras")
        size = file.seek(0, os.SEEK_END)
        with open_archive(file) as archive, zipfile.ZipFile(self.path, "w") as copy:
            check_sizes(archive, size, compressed)
            text = _text_of(archive)
            self.config = read_json(text)
            check_config(self.config, len(text))
            copy.writestr(_METADATA, "{}")
            copy.writestr(_CONFIG, text)
            self._copy_weights(read_entry(archive, _WEIGHTS), size, copy)
            for name in filter(_is_asset, archive.namelist()):
                asset = read_entry(archive, name)
                if name.endswith(_VOCABULARY):
                    _check_vocabulary(asset)
                copy.writestr(name, asset)

    def _copy_weights(self, weights, size, copy):
        """Copy weights that are good; size is that of the file that they come in."""
        checked = open_checked(io.BytesIO(weights), size)
        self._shapes, self._stored = checked.shapes, len(weights)
        with checked.file:
            if not checked.has_pieces:
                copy.writestr(_WEIGHTS, weights)
                return
            whole = os.path.join(os.path.dirname(self.path), "whole.h5")
            checked.write_whole(whole)
        self._stored = os.path.getsize(whole)
        copy.write(whole, _WEIGHTS)
        os.remove(whole)

    def load(self, compile=True):
        """Return the model; the arguments are those of `keras.saving.load_model`.

        Raises:
            ValueError: If the model needs more variables than the file has.
        """
        budget = _Budget(self._shapes, self._stored)
        with before_each_variable(budget.take), before_each_constant(_check_constant):
            return keras.saving.load_model(self.path, compile=compile, safe_mode=True)


def _text_of(archive):
    size = archive.getinfo(_CONFIG).file_size
    if size > _LARGEST_CONFIG:
        raise ValueError(f"{_CONFIG!r} in it takes {in_mib(size)}")
    return read_entry(archive, _CONFIG)


def _is_asset(name):
    """Return whether an entry is a file that belongs to a layer, within its folder."""
    parts = name.split("/")
    return (
        name.startswith(_ASSETS)
        and not name.endswith("/")
        and not {"", ".", ".."} & set(parts)
        and not any(mark in name for mark in "\\:\0")
    )


def _check_vocabulary(text):
    words = text.splitlines()
    if not are_small_texts(len(words), max(map(len, words), default=0)):
        raise ValueError(f"{_VOCABULARY!r} in it is too large")


def _check_constant(value, shape):
    """Raise if a constant is larger than what it is to be the beginning of."""
    sides = _sides(shape)
    if np.broadcast_shapes(np.shape(value), sides) != sides:
        raise ValueError(f"a constant in it does not fit the shape {sides}")


class _Budget:
    """Which variables a model may have: those of its file, and a few more."""

    def __init__(self, shapes, size):
        self._left = Counter(
            {shape: _MOST_OF_A_SHAPE * count for shape, count in shapes.items()}
        )
        # What a file says it has need not be in it.
        self._stored = _MOST_OF_A_SHAPE * size
        self._room = _ROOM_FOR_VARIABLES

    def take(self, shape, dtype):
        """Raise if a variable is one too many."""
        shape = _sides(shape)
        size = math.prod(side or 1 for side in shape) * _bytes_of(dtype)
        if self._left[shape] > 0 and size <= self._stored:
            self._left[shape] -= 1
            self._stored -= size
            return
        self._room -= size
        if self._room < 0:
            raise ValueError(
                f"the model has weights of the shape {shape}, which the file does not "
                "have"
            )


def _sides(shape):
    """Return a shape as a tuple, whatever Keras is given as one."""
    try:
        return tuple(shape)
    except TypeError:
        return (shape,)


def _bytes_of(dtype):
    """Return the size of a value; of types that NumPy does not know, the usual one."""
    try:
        return np.dtype(keras.backend.standardize_dtype(dtype)).itemsize
    except (TypeError, ValueError):
        return 4
