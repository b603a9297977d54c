"""Keep a classifier in one file."""

import contextlib
import json
import os
import tempfile
import zipfile

from reticnn import __version__
from reticnn.backend import keras
from reticnn.classifier import Classifier, as_classifier
from reticnn.coercion import as_path

_FORMAT = 1
_MODEL = "model.keras"
_RECORD = "classifier.json"


def save_classifier(classifier, path):
    """Save a classifier to one file.

    The file is a zip archive of the model in Keras's own format and of the class
    names and the history as JSON. It replaces an older file only when it is complete.

    Args:
        classifier: Classifier.
        path: File to write, by custom with the ending `.reticnn`. `~` is expanded.

    Returns:
        The path written.

    Raises:
        TypeError: If `classifier` is not a classifier.
        ValueError: If `path` ends in `.keras` or `.h5`, which promise another format.
        FileNotFoundError: If the folder does not exist.

    Example:
        >>> save_classifier(classifier, "cats-and-dogs.reticnn")
        'cats-and-dogs.reticnn'
    """
    classifier = as_classifier(classifier)
    path = as_path(path, "path")
    folder = os.path.dirname(os.path.abspath(path))
    if path.endswith((".keras", ".h5")):
        raise ValueError(
            f"`path` must not end in .keras or .h5, as {path!r} does: the file holds "
            "the class names too. Use the ending .reticnn, or for the model alone "
            "`classifier.model.save()`."
        )
    if os.path.isdir(path):
        raise ValueError(f"`path` must be a file to write, not a folder: {path!r}.")
    if not os.path.isdir(folder):
        raise FileNotFoundError(
            f"`path` is in a folder that does not exist: {folder!r}. Create it first."
        )
    record = {
        "format": _FORMAT,
        "reticnn": __version__,
        "keras": keras.__version__,
        "class_names": classifier.class_names,
        "history": classifier.history,
    }
    with tempfile.TemporaryDirectory(dir=folder, prefix=".reticnn-") as scratch:
        model = os.path.join(scratch, _MODEL)
        whole = os.path.join(scratch, "whole")
        classifier.model.save(model)
        with zipfile.ZipFile(whole, "w") as archive:
            archive.write(model, _MODEL)
            archive.writestr(_RECORD, json.dumps(record, indent=1))
        os.replace(whole, path)
    return path


def load_classifier(path):
    """Load a classifier saved by `save_classifier`.

    Args:
        path: File. `~` is expanded.

    Returns:
        Classifier, with the same predictions as the one saved.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, is not a saved classifier, or was saved by
            a newer version with another format.

    Example:
        >>> load_classifier("cats-and-dogs.reticnn").class_names
        ['cat', 'dog']
    """
    path = as_path(path, "path")
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f"`path` must be a file, and there is none at {path!r} (working directory: "
            f"{os.getcwd()!r}). Check the spelling."
        )
    with _foreign_or_damaged(path):
        with zipfile.ZipFile(path) as archive:
            record, model = json.loads(archive.read(_RECORD)), archive.read(_MODEL)
        file_format = int(record["format"])
    if file_format > _FORMAT:
        raise ValueError(
            f"`path` was saved by reticnn {record.get('reticnn')} in format "
            f"{file_format}; this is reticnn {__version__}, which reads format "
            f"{_FORMAT}. Update reticnn: {path!r}"
        )
    with _foreign_or_damaged(path):
        return Classifier(_load_model(model), record["class_names"], record["history"])


def _load_model(model):
    """Return the Keras model in the bytes of a `.keras` file; no code in it runs."""
    with tempfile.TemporaryDirectory(prefix="reticnn-") as scratch:
        file = os.path.join(scratch, _MODEL)
        with open(file, "wb") as copy:
            copy.write(model)
        return keras.saving.load_model(file, safe_mode=True)


@contextlib.contextmanager
def _foreign_or_damaged(path):
    """Explain an error inside the block by the file at `path`.

    Wrong bytes can make the readers of zip, JSON and Keras raise nearly anything.
    """
    try:
        yield
    except Exception as error:
        raise ValueError(
            f"`path` is not a classifier saved by `save_classifier()`, or is damaged "
            f"({error}): {path!r}"
        ) from error
