"""What is sent to another process: values as bytes, and back."""

import io
import json
import pickle

from reticnn.coercion import shown
from reticnn.graph import trainable_flags
from reticnn.runtime.backend import keras
from reticnn.runtime.keras_internals import parts_of
from reticnn.saving.fingerprint import (
    initial_digests,
    model_digest,
    optimizer_texts,
)

# Stands for the source of the images of all folds, which is sent once.
_SOURCE = "source"


def dumped(value, name, source=None):
    """Return a value as bytes.

    Args:
        value: Anything.
        name: The argument that it is of, for messages.
        source: The source of images that is known there already, or None.

    Raises:
        ValueError: If it cannot be sent.
    """
    file = io.BytesIO()
    try:
        _Pickler(file, source).dump(value)
    except Exception as error:  # Of whatever kind, by whatever is in the value.
        raise _not_sent(name, " ".join(str(error).split())[:200]) from error
    data = file.getvalue()
    if b"__main__" in data:
        raise _not_sent(name, "it is of a class or a function of your script's own")
    return data


def drawn_seeds(model):
    """Return the seeds of the initializers of a model, which no file has.

    By them it is known again which weights were drawn.
    """
    return [one.seed for one in _initializers(model)]


def put_seeds(model, seeds):
    """Give the initializers of a loaded model the seeds that they had."""
    # Of other initializers the model is found to be another one.
    for one, seed in zip(_initializers(model), seeds, strict=False):
        one.seed = seed


def _initializers(model):
    return [
        value
        for part in parts_of(model)
        for value in vars(part).values()
        if isinstance(value, keras.initializers.Initializer)
        and isinstance(getattr(value, "seed", None), int)
    ]


def described(model):
    """Return texts that differ where models train differently, as far as is known.

    Keras leaves out some of what a model is when it saves it.
    """
    texts = [json.dumps(trainable_flags(model)), json.dumps(initial_digests(model))]
    if model.compiled:
        texts.append(model_digest(model))
    if model.compiled and model.optimizer is not None:
        texts.append(json.dumps(optimizer_texts(model.optimizer), sort_keys=True))
    return texts


def _not_sent(name, reason):
    return ValueError(
        f"`workers` are other processes, to which `{name}` cannot be sent: {reason}. "
        "Use `workers=1`."
    )


def loaded(file, source):
    """Return what is in a file that `dumped` was written to.

    Args:
        file: Open file.
        source: What `source` was there.
    """
    return _Unpickler(file, source).load()


class _Pickler(pickle.Pickler):
    def __init__(self, file, source):
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._source = source

    def persistent_id(self, value):
        """Return what stands for the source in place of it."""
        return _SOURCE if self._source is not None and value is self._source else None


class _Unpickler(pickle.Unpickler):
    def __init__(self, file, source):
        super().__init__(file)
        self._source = source

    def persistent_load(self, name):
        """Return the source where its name is."""
        if name != _SOURCE:
            raise pickle.UnpicklingError(f"nothing is known as {shown(name)}")
        return self._source
