"""Keep a classifier in one file."""

import io
import json
import os
import warnings
import zipfile

from reticnn import __version__
from reticnn.classifier import Classifier, as_classifier
from reticnn.coercion import as_path, shown
from reticnn.graph import layers_with_parents
from reticnn.memory import fingerprint, note_images
from reticnn.outputs import count_classes, kind_of_classifier
from reticnn.runtime.backend import check_process, keras
from reticnn.runtime.conditions import warn_user
from reticnn.runtime.files import opened
from reticnn.runtime.foreign.archives import check_sizes, open_archive, read_entry
from reticnn.runtime.foreign.configs import (
    HOW_TO_HAVE_ONES_OWN,
    ConfigError,
    check_config,
)
from reticnn.runtime.foreign.limits import in_short
from reticnn.runtime.foreign.models import ModelFile
from reticnn.runtime.keras_internals import (
    compiled_here,
    load_new_optimizer,
    note_compiled_here,
    spare_from_decay,
    spares_from_decay,
    unknown_classes,
)
from reticnn.runtime.writing import (
    as_file_to_write,
    is_lack_of_room,
    replacing,
    temporary_folder,
    unwritten,
)
from reticnn.saving.record import FORMAT, NewerFormatError, read_record

_MODEL = "model.keras"
_RECORD = "classifier.json"


def save_classifier(classifier, path):
    """Save a classifier to one file.

    The file is a zip archive with the model in Keras's own format, and the class names,
    the image shape, the history and the versions in use as JSON. Nothing in it is
    pickled. An older file is replaced only once the new one is complete, and its
    permissions are kept.

    Args:
        classifier: Classifier from `fit_classifier`.
        path: File to write, by convention with the extension `.reticnn`. `~` is
            expanded.

    Returns:
        The path of the file written.

    Raises:
        TypeError: If `classifier` is not a classifier.
        ValueError: If `path` is a folder, or has the extension `.keras` or `.h5`, which
            stands for another format, or if the model has Lambda layers, whose code
            would be unsafe to load.
        FileNotFoundError: If the folder to write in does not exist.
        OSError: If the file cannot be written. An older one stays as it is.
        RuntimeError: In a process forked from the one that started Keras.

    Warns:
        UserWarning: If the model has layers of classes of your own that Keras will not
            find on loading it, as they are neither registered nor part of a module.

    Example:
        >>> save_classifier(classifier, "cats-and-dogs.reticnn")
        'cats-and-dogs.reticnn'
    """
    classifier = as_classifier(classifier)
    path = as_file_to_write(path)
    if path.endswith((".keras", ".h5")):
        raise ValueError(
            f"`path` must not end in .keras or .h5, as {path!r} does: the file also "
            "has the class names. Use the extension .reticnn, or for the model alone "
            "`classifier.model.save()`."
        )
    unknown = unknown_classes(classifier.model)
    if unknown:
        warn_user(
            f"`classifier` has layers of your own, {shown(unknown)}, that Keras will "
            "not find when the file is loaded. Register their class before the model "
            "is built, as with "
            f"`keras.saving.register_keras_serializable()({unknown[0]})`, here and "
            "where the file is loaded."
        )
    policy = classifier.augmentation
    record = {
        "format": FORMAT,
        "reticnn": __version__,
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
        "class_names": classifier.class_names,
        "image_shape": classifier.image_shape,
        "resize": classifier.resize,
        "augmentation": policy and policy.to_config(),
        "history": classifier.history,
        "stopped": classifier.stopped,
        "kept_epoch": classifier.kept_epoch,
        "trained_with": classifier.trained_with,
        "output": classifier.output,
        "seen": classifier.seen.to_config(),
        "trainable": _flags_of(classifier.model),
        "compiled_here": compiled_here(classifier.model),
        "spared_from_decay": _spared_from_decay(classifier.model),
    }
    with replacing(path, unwritten(path)) as whole:
        model = os.path.join(os.path.dirname(whole), _MODEL)
        classifier.model.save(model)
        _check_no_code(model)
        with zipfile.ZipFile(whole, "w") as archive:
            archive.write(model, _MODEL)
            archive.writestr(_RECORD, json.dumps(record, indent=1))
    return path


def load_classifier(path):
    """Load a classifier saved by `save_classifier`.

    Loading runs no code from the file: a model with Lambda layers, which contain code,
    is refused. The file may have been saved on another backend.

    Args:
        path: File. `~` is expanded.

    Returns:
        Classifier, with the same predictions as the one saved.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, is not a saved classifier, was saved by a
            newer version in another format, or contains code.
        OSError: If there is no room for temporary files.
        RuntimeError: In a process forked from the one that started Keras.

    Example:
        >>> load_classifier("cats-and-dogs.reticnn").class_names
        ['cat', 'dog']
    """
    check_process()
    path = as_path(path, "path")
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f"`path` must be an existing file, not {path!r} (working directory: "
            f"{os.getcwd()!r}). Check the spelling."
        )
    record, model = _read_archive(path)
    model = _read_model(model, path, record.get("trainable"))
    if count_classes(model) != len(record["class_names"]):
        raise _not_ours(path, "its model has another number of classes")
    # A model with auxiliary classifiers is saved without its optimizer.
    if record.get("compiled_here") and model.compiled:
        note_compiled_here(model)
    _spare_from_decay(model, record, path)
    note_images(model, record["seen"])
    classifier = Classifier(
        model,
        record["class_names"],
        _history_of(record),
        record.get("stopped"),
        kept_epoch=record.get("kept_epoch"),
        resize=record.get("resize"),
        augmentation=record["augmentation"],
        trained_with=record.get("trained_with"),
        output=record.get("output"),
        seen=record["seen"],
        weights=fingerprint(model),
    )
    classifier.output = kind_of_classifier(classifier, name="path")
    return classifier


def _spared_from_decay(model):
    """Return the positions of the weights that the optimizer spares from decay."""
    if not model.compiled or model.optimizer is None:
        return []
    return [
        position
        for position, weight in enumerate(model.weights)
        if spares_from_decay(model.optimizer, weight)
    ]


def _spare_from_decay(model, record, path):
    """Spare what was spared before; older files do not say what."""
    weights = model.weights
    positions = record.get("spared_from_decay")
    if positions is None:
        positions = [n for n, weight in enumerate(weights) if len(weight.shape) < 2]
    if not set(positions) <= set(range(len(weights))):
        raise _not_ours(path, "its `spared_from_decay` has weights that there are not")
    if model.compiled and model.optimizer is not None:
        spare_from_decay(model.optimizer, [weights[position] for position in positions])


def _read_archive(path):
    """Return the record and the bytes of the model in a saved file."""
    with opened(path) as file:
        # A damaged archive raises errors of a dozen kinds, from all of zipfile's depth.
        try:
            with open_archive(file) as archive:
                check_sizes(archive, os.path.getsize(path))
                record = read_record(read_entry(archive, _RECORD))
                return record, read_entry(archive, _MODEL)
        except NewerFormatError as error:
            raise ValueError(f"{error}: {path!r}") from None
        except Exception as error:
            raise _not_ours(path, error) from error


def _history_of(record):
    """Return the history in a record, with None where an epoch has no stage."""
    history = record["history"]
    if "stage" not in history:
        return history
    # Older versions wrote NaN.
    stages = [None if stage != stage else stage for stage in history["stage"]]
    return {**history, "stage": stages}


def _flags_of(model):
    return [layer.trainable for layer, _ in layers_with_parents(model)]


def _freeze_again(model, flags, file):
    """Let the layers be trained that were, with the optimizer's state in the file.

    A model with its own `call()` says nothing of its layers when it is saved: Keras
    makes them trainable, and an optimizer for all of them.
    """
    flags = flags or []
    layers = [layer for layer, _ in layers_with_parents(model)]
    if len(flags) != len(layers) or flags == _flags_of(model):
        return
    for layer, flag in zip(layers, flags, strict=True):
        layer.trainable = bool(flag)
    if model.compiled and model.optimizer is not None:
        load_new_optimizer(model, file)


def _read_model(contents, path, flags):
    """Return the Keras model whose file has these contents.

    Args:
        contents: Bytes.
        path: The file, for messages.
        flags: Whether each layer was trainable, or None if that is not known.
    """
    with temporary_folder() as scratch:
        file = _checked(contents, scratch, path)
        try:
            with warnings.catch_warnings():
                # Of the optimizer of a model that is frozen again below.
                if flags and not all(flags):
                    warnings.filterwarnings(
                        "ignore", "Skipping variable loading for op"
                    )
                model = file.load()
            _freeze_again(model, flags, file.path)
            return model
        except Exception as error:
            raise ValueError(
                f"`path` has a model that Keras cannot load: {path!r}. Your own layers "
                "must be registered first, with "
                "`keras.saving.register_keras_serializable()`; otherwise the file is "
                "damaged or was not made by `save_classifier()`. Keras says: "
                f"{in_short(error)}"
            ) from error


def _checked(contents, scratch, path):
    """Return the `ModelFile` of a model in a saved file."""
    try:
        return ModelFile(io.BytesIO(contents), scratch)
    except ConfigError as error:
        raise ValueError(
            f"`path` has a model that is not loaded: {path!r}. {in_short(error)}. "
            f"{HOW_TO_HAVE_ONES_OWN}"
        ) from error
    except Exception as error:
        if is_lack_of_room(error):
            raise
        raise _not_ours(path, error) from error


def _check_no_code(file):
    """Raise if the model in a file could not be loaded again, for its code.

    That of a class which nobody has registered yet is only warned of.
    """
    with zipfile.ZipFile(file) as archive:
        text = archive.read("config.json")
    try:
        check_config(json.loads(text), len(text))
    except ConfigError as error:
        if not error.unknown:
            raise ValueError(
                f"`classifier` has a model that `load_classifier()` would not load. "
                f"{in_short(error)}. {HOW_TO_HAVE_ONES_OWN}"
            ) from error


def _not_ours(path, reason):
    return ValueError(
        f"`path` is not a classifier saved by `save_classifier()`, or is damaged "
        f"({in_short(reason)}): {path!r}"
    )
