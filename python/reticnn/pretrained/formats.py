"""Weights from a file, a model or a classifier, read into one form."""

import contextlib
import os
import re
import warnings
from dataclasses import dataclass

import h5py
import numpy as np

from reticnn.classifier import Classifier, unwrapped
from reticnn.coercion import as_path, shown
from reticnn.graph import leaves_in
from reticnn.runtime.backend import keras
from reticnn.runtime.files import opened, state_of
from reticnn.runtime.foreign.configs import HOW_TO_HAVE_ONES_OWN, ConfigError
from reticnn.runtime.foreign.hdf5 import open_checked
from reticnn.runtime.foreign.limits import in_short
from reticnn.runtime.foreign.models import ModelFile
from reticnn.runtime.foreign.texts import read_json
from reticnn.runtime.writing import is_lack_of_room, temporary_folder
from reticnn.saving import load_classifier


@dataclass(frozen=True)
class StoredLayer:
    """The weights of a layer, or of a nested model.

    Attributes:
        name: The layer's name.
        parts: Lists of arrays or Keras variables: one list, or for a nested model one
            per layer in it.
        names: The arrays' names within the layer if the file has its own order of them,
            all in one part; else None.
    """

    name: str
    parts: list
    names: list | None = None

    @property
    def arrays(self):
        """The arrays of all parts."""
        return [array for part in self.parts for array in part]


@dataclass(frozen=True)
class StoredModel:
    """The weights of a model.

    Attributes:
        layers: List of `StoredLayer`, in the model's order; none is without weights.
        rescalings: Number of the model's rescaling layers, or None if it is not known.
        size: (height, width) of the images it takes, or None if it is not known.
        model: The Keras model, or None if only its weights are known.
    """

    layers: list
    rescalings: int | None
    size: tuple | None = None
    model: keras.Model | None = None


@dataclass(frozen=True)
class Source:
    """Weights to choose from.

    Attributes:
        origin: The file or the model that they are from, for messages.
        models: List of `StoredModel`, nested ones before the one that they are in.
    """

    origin: str
    models: list


def read_source(weights, network):
    """Read weights.

    Args:
        weights: Path of a file, or a Keras model or classifier.
        network: Keras model that the weights are for. It is not changed.

    Returns:
        `Source`.

    Raises:
        TypeError: If `weights` is none of these.
        ValueError: If the file is damaged, or of a kind that is not known.
        FileNotFoundError: If there is no such file.
    """
    if isinstance(weights, (Classifier, keras.Model)):
        model = unwrapped(weights)
        return Source(model.name, _models_in(model))
    if not isinstance(weights, (str, os.PathLike)):
        raise TypeError(
            "`weights` must be 'imagenet', the path of a file, a Keras model, a "
            f"classifier, or `None`, not {shown(weights)}."
        )
    path = _existing(weights)
    for ending, read in _READERS.items():
        if path.endswith(ending):
            return Source(path, read(path, network))
    raise ValueError(
        "`weights` must be a file with the extension .keras, .weights.h5, .h5 or "
        f".reticnn, not {path!r}."
    )


def _existing(weights):
    path = as_path(weights, "weights")
    if os.path.isdir(path):
        raise ValueError(
            f"`weights` must be 'imagenet' or a file, and {path!r} is a folder. Give "
            "the path of a file in it."
        )
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f"`weights` must be 'imagenet' or a file, and there is no file {path!r} "
            f"(working directory: {os.getcwd()!r}). Check the spelling."
        )
    return path


def _damaged(path, error):
    return ValueError(
        f"`weights` is a file that cannot be read: {path!r} ({in_short(error)}). It is "
        "damaged, or not of the kind its extension says. Download or copy it again."
    )


@contextlib.contextmanager
def _opened(path):
    """Give an HDF5 file, `Checked`, and its state; what fails then is due to it."""
    try:
        with opened(path) as contents:
            checked = open_checked(contents)
            with checked.file:
                yield checked, state_of(contents)
    except Exception as error:
        if is_lack_of_room(error):
            raise
        raise _damaged(path, error) from error


def _check_same(contents, state):
    """Raise if a file is not that, or not as it was, that has been checked."""
    if state_of(contents) != state:
        raise ValueError("it has been written to while it was read")


# Models


def _models_in(model):
    """Return the nested models of a model, and the model itself as the last."""
    inner = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    rescalings = [
        layer for layer in model.layers if isinstance(layer, keras.layers.Rescaling)
    ]
    within = [found for part in inner for found in _models_in(part)]
    shape = getattr(model, "input_shape", None)
    size = shape[1:3] if isinstance(shape, tuple) and len(shape) == 4 else None
    return [*within, StoredModel(layers_of(model), len(rescalings), size, model)]


def layers_of(model):
    """Return the layers of a Keras model that have weights, as `StoredLayer`s."""
    return [
        StoredLayer(layer.name, _parts(layer))
        for layer in model.layers
        if layer.weights
    ]


def _parts(layer):
    """Return the weights of a layer, or of each layer of a nested model."""
    parts = [leaf.weights for leaf in leaves_in(layer) if leaf.weights]
    of_layers = [id(weight) for part in parts for weight in part]
    # A custom class may have further weights, or share a layer.
    whole = of_layers == [id(weight) for weight in layer.weights]
    return parts if whole else [layer.weights]


def _read_classifier(path, network):
    return _models_in(load_classifier(path).model)


def _read_keras(path, network):
    # A file that cannot be read is not the fault of the temporary one.
    with opened(path) as file, temporary_folder() as scratch:
        try:
            model = ModelFile(file, scratch, compressed=True).load(compile=False)
        except ConfigError as error:
            raise ValueError(
                f"`weights` is a file with a model that is not loaded: {path!r}. "
                f"{in_short(error)}. {HOW_TO_HAVE_ONES_OWN}"
            ) from error
        except Exception as error:
            if is_lack_of_room(error):
                raise
            raise _damaged(path, error) from error
    return _models_in(model)


# Files of weights in the order of a network's layers, which it alone knows


def _read_weights_file(path, network):
    """Read a `.weights.h5` file, whose layers only Keras can tell apart.

    Keras puts the weights into the network, but what is assigned in the scope is kept
    by the scope.
    """
    with _opened(path) as (checked, state):
        rescalings = _rescalings_of_weights_file(checked.file)
        has_pieces = checked.has_pieces
    try:
        # Besides the error, Keras warns for every layer.
        with (
            _in_one_piece(path) if has_pieces else _unchanged(path, state) as file,
            warnings.catch_warnings(),
            _without_optimizer(network),
            keras.StatelessScope(),
        ):
            warnings.simplefilter("ignore")
            network.load_weights(file)
            layers = [
                StoredLayer(
                    layer.name, [[v.value for v in part] for part in layer.parts]
                )
                for layer in layers_of(network)
            ]
    except ValueError as error:
        top = " without its top" if len(network.output_shape) == 4 else ""
        raise ValueError(
            f"`weights` does not fit {network.name}: {path!r}. It must hold the "
            f"weights of this network{top}. Keras says: {_shortened(error)}"
        ) from error
    return [StoredModel(layers, rescalings)]


@contextlib.contextmanager
def _without_optimizer(network):
    """Take away a compiled network's optimizer, of which Keras would make another."""
    optimizer = getattr(network, "optimizer", None)
    if optimizer is None:
        yield
        return
    network.optimizer = None
    try:
        yield
    finally:
        network.optimizer = optimizer


@contextlib.contextmanager
def _in_one_piece(path):
    """Give a copy of a file of weights that Keras can read for itself."""
    with temporary_folder() as scratch:
        copy = os.path.join(scratch, "whole.weights.h5")
        with _opened(path) as (checked, _):
            checked.write_whole(copy)
        yield copy


@contextlib.contextmanager
def _unchanged(path, state):
    """Give the path of a file that Keras opens anew, if it is as it was checked."""
    try:
        with opened(path) as contents:
            _check_same(contents, state)
    except Exception as error:
        raise _damaged(path, error) from error
    yield path


def _rescalings_of_weights_file(file):
    layers = file.get("layers")
    names = list(layers) if isinstance(layers, h5py.Group) else []
    return len([name for name in names if re.fullmatch(r"rescaling(_\d+)?", name)])


def _shortened(error):
    """Return Keras's message up to the shapes, without values and other layers."""
    message = str(error).split("Target variable:")[0]
    return in_short(message.split("List of objects")[0])


# Legacy HDF5 files, as Keras distributes them


class _ArrayInFile:
    """An array in an HDF5 file, already checked, which is read when it is used."""

    def __init__(self, path, state, checked, array):
        """Note where the array is, and of what shape."""
        self.shape = array.shape
        self._path, self._state, self._name = path, state, array.name
        self._pieces = checked.pieces_of(array)

    def __array__(self, dtype=None, copy=None):
        """Return the array."""
        try:
            with opened(self._path) as contents:
                _check_same(contents, self._state)
                if self._pieces is not None:
                    return np.array(self._pieces.array(contents), dtype)
                with h5py.File(contents, "r") as file:
                    return np.array(file[self._name], dtype)
        except Exception as error:
            raise _damaged(self._path, error) from error


def _read_legacy(path, network):
    with _opened(path) as (checked, state):
        group = file = checked.file
        if "layer_names" not in _attributes(file) and "model_weights" in file:
            group = file["model_weights"]
        layers, named = [], _Named(group)
        for name in _texts(group, "layer_names"):
            layer = named.item(name)
            weights = _texts(layer, "weight_names")
            arrays = [named.item(f"{name}/{weight}") for weight in weights]
            if arrays:
                parts = [
                    [_ArrayInFile(path, state, checked, array) for array in arrays]
                ]
                layers.append(StoredLayer(name, parts, names_within(weights, name)))
        config = file.attrs.get("model_config")
    if not layers:
        raise _damaged(path, "it holds no layers")
    return [StoredModel(layers, _rescalings_of_config(config))]


class _Named:
    """Layers and arrays of a file that lists their names, where none stands twice."""

    def __init__(self, group):
        """Take the group with the layers."""
        self._group, self._met = group, set()

    def item(self, name):
        """Return what has a name."""
        item = self._group[name]
        # Two names can be of one thing; h5py compares what they are of.
        if item in self._met:
            raise ValueError(f"{name!r} in it is listed twice")
        self._met.add(item)
        return item


def names_within(paths, name):
    """Return the names of a layer's weights, without its own and Keras 2's number."""
    return [path.removeprefix(f"{name}/").split(":")[0] for path in paths]


def _attributes(group):
    """Return the names of attributes; Keras cuts long ones into numbered parts."""
    return {name.rstrip("0123456789") for name in group.attrs}


def _texts(group, name):
    """Return the strings in an attribute, put together from its parts."""
    parts = [name, *(f"{name}{number}" for number in range(len(group.attrs)))]
    return [
        text.decode() if isinstance(text, bytes) else str(text)
        for part in parts
        if part in group.attrs
        for text in group.attrs[part]
    ]


def _rescalings_of_config(config):
    """Return how many rescaling layers a model has, by its configuration as JSON.

    None if that is missing or cannot be understood: the weights are there all the same.
    """
    if not isinstance(config, (str, bytes)):
        return None
    try:
        config = read_json(config)["config"]
        # A Sequential model of the first versions of Keras is a list of layers.
        layers = config["layers"] if isinstance(config, dict) else config
        return sum(layer["class_name"] == "Rescaling" for layer in layers)
    except (TypeError, ValueError, KeyError):
        return None


# The first ending that fits counts.
_READERS = {
    ".reticnn": _read_classifier,
    ".keras": _read_keras,
    ".weights.h5": _read_weights_file,
    ".h5": _read_legacy,
    ".hdf5": _read_legacy,
}
