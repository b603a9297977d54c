"""Formats that Keras and TensorFlow write."""

import contextlib
import io
import json
import os
import re
import warnings
import zipfile

import numpy as np

from reticnn.coercion import shown
from reticnn.layers.mean_probabilities import chances_of
from reticnn.runtime.backend import keras
from reticnn.runtime.conditions import warn_user
from reticnn.runtime.keras_internals import uncompiled
from reticnn.runtime.onnx_runtime import imported
from reticnn.runtime.writing import (
    deleted_unless_whole,
    replacing,
    temporary_folder,
    unwritten,
)
from reticnn.saving.graphs.writing_graph import (
    IMAGES,
    PROBABILITIES,
    prototype_distance,
)
from reticnn.saving.metadata import metadata_of

_FACTS = "reticnn.json"


def write_keras(classifier, path, check):
    """Write a Keras model from 8-bit pixels to probabilities."""
    model = _of_pixels(classifier)
    with replacing(path, unwritten(path)) as whole:
        made = f"{whole}.keras"
        with uncompiled(classifier.model):
            model.save(made)
        check(keras.models.load_model(made, compile=False).predict_on_batch)
        with zipfile.ZipFile(made, "a") as archive:
            archive.writestr(_FACTS, json.dumps(metadata_of(classifier)))
            others = _not_of_keras(archive)
        os.replace(made, whole)
    if others:
        warn_user(
            f"`path` has parts that Keras alone does not know: {shown(others)}. "
            "Whoever loads it must first import the Python package that each begins "
            "with. Use `format='onnx'` for those who have it not."
        )


def _not_of_keras(archive):
    """Return what a Keras file is made of that other packages registered with Keras."""
    config = archive.read("config.json").decode()
    return sorted(set(re.findall(r'"registered_name": "([^">]+>[^"]+)"', config)))


def write_saved_model(classifier, path, check):
    """Write a folder for TensorFlow, with `serve` from pixels to probabilities."""
    _check_backend("saved_model", ("tensorflow", "jax"))
    tensorflow = imported("tensorflow")
    with deleted_unless_whole(path, unwritten(path)):
        with _quietly():
            _called(_of_pixels(classifier)).export(path, verbose=False)
        # Its variables go when it does.
        loaded = tensorflow.saved_model.load(path)
        check(lambda pixels: loaded.serve(tensorflow.constant(pixels)).numpy())
        extra = os.path.join(path, "assets.extra")
        os.mkdir(extra)
        with open(os.path.join(extra, _FACTS), "w", encoding="utf-8") as file:
            json.dump(metadata_of(classifier), file)


def write_litert(classifier, path, check):
    """Write a file for LiteRT, with the metadata in a zip archive at its end."""
    _check_backend("litert", ("tensorflow",))
    with temporary_folder() as scratch:
        made = os.path.join(scratch, "classifier.tflite")
        with _quietly():
            _called(_of_pixels(classifier)).export(made, format="litert", verbose=False)
        check(lambda pixels: _interpreted(made, pixels))
        with zipfile.ZipFile(made, "a") as archive:
            archive.writestr(_FACTS, json.dumps(metadata_of(classifier)))
            archive.writestr("labels.txt", "\n".join(classifier.class_names))
        with open(made, "rb") as file:
            contents = file.read()
    with replacing(path, unwritten(path)) as whole, open(whole, "wb") as file:
        file.write(contents)


def _of_pixels(classifier):
    """Return a Keras model from 8-bit pixels to the probabilities of the classes."""
    model = classifier.model
    pixels = keras.Input(model.input_shape[1:], dtype="uint8", name=IMAGES)
    outputs = model(keras.ops.cast(pixels, "float32"))
    chances = chances_of(classifier.output, outputs, prototype_distance(classifier))
    same = keras.layers.Identity(dtype="float32", name=PROBABILITIES)
    return keras.Model(pixels, same(chances), name=model.name)


def _called(model):
    """Return a model that has been called, as Keras wants of what it exports."""
    sides = [side or 96 for side in model.input_shape[1:]]
    model(keras.ops.zeros((1, *sides), "uint8"))
    return model


def _interpreted(file, pixels):
    """Return what TensorFlow's interpreter makes of images, one after the other."""
    with _quietly(), warnings.catch_warnings():
        # It is to move to a package of its own.
        warnings.simplefilter("ignore")
        interpreter = imported("tensorflow").lite.Interpreter(model_path=file)
    (given,), (made,) = (
        interpreter.get_input_details(),
        interpreter.get_output_details(),
    )
    found = []
    for image in pixels:
        interpreter.resize_tensor_input(given["index"], (1, *image.shape))
        interpreter.allocate_tensors()
        interpreter.set_tensor(given["index"], image[None])
        interpreter.invoke()
        found.append(interpreter.get_tensor(made["index"])[0])
    return np.stack(found)


def _check_backend(format, backends):
    """Raise unless Keras can write a format on its backend."""
    backend = keras.backend.backend()
    if backend not in backends:
        raise ValueError(
            f"`format` is {format!r}, which Keras writes under "
            f"{' and '.join(backends)} only, and its backend is {backend!r}. Use "
            "`format='onnx'`, or start with the environment variable "
            f"KERAS_BACKEND={backends[0]}."
        )


@contextlib.contextmanager
def _quietly():
    """Keep what Keras and TensorFlow print of their work from the console."""
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        yield
