"""Keep a classifier in one file."""

import io
import json
import os
import warnings
import zipfile

from reticnn import __version__
from reticnn.augmenting.policy import Policy
from reticnn.classifier import Classifier, as_classifier
from reticnn.coercion import as_path, shown
from reticnn.data.resizing import RESIZES
from reticnn.graph import layers_with_parents
from reticnn.memory import SeenImages, fingerprint, note_images
from reticnn.outputs import count_classes, kind_of_classifier
from reticnn.runtime.backend import check_process, keras
from reticnn.runtime.conditions import warn_user
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
    replacing,
    temporary_folder,
    unwritten,
)

_FORMAT = 1
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
        "format": _FORMAT,
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
    _check_record(record, path)
    model = _read_model(model, path, record.get("trainable"))
    if count_classes(model) != len(record["class_names"]):
        raise _not_ours(path, "its model has another number of classes")
    # A model with auxiliary classifiers is saved without its optimizer.
    if record.get("compiled_here") and model.compiled:
        note_compiled_here(model)
    _spare_from_decay(model, record, path)
    seen = _seen_of(record, path)
    note_images(model, seen)
    classifier = Classifier(
        model,
        record["class_names"],
        _history_of(record),
        record.get("stopped"),
        kept_epoch=record.get("kept_epoch"),
        resize=record.get("resize"),
        augmentation=_policy_of(record, path),
        trained_with=record.get("trained_with"),
        output=record.get("output"),
        seen=seen,
        weights=fingerprint(model),
    )
    classifier.output = kind_of_classifier(classifier, name="path")
    return classifier


def _seen_of(record, path):
    """Return what the model was trained on; older files do not say it."""
    try:
        return SeenImages.from_config(record.get("seen"))
    except (AttributeError, TypeError, ValueError) as error:
        raise _not_ours(path, error) from error


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
    if not isinstance(positions, list) or not set(positions) <= set(
        range(len(weights))
    ):
        raise _not_ours(path, "it spares weights from decay that there are not")
    if model.compiled and model.optimizer is not None:
        spare_from_decay(model.optimizer, [weights[position] for position in positions])


def _read_archive(path):
    """Return the record and the bytes of the model in a saved file."""
    with open(path, "rb") as file:
        # A damaged archive raises errors of a dozen kinds, from all of zipfile's depth.
        try:
            with zipfile.ZipFile(file) as archive:
                record, model = (_stored(archive, name) for name in (_RECORD, _MODEL))
                return json.loads(record), model
        except Exception as error:
            raise _not_ours(path, error) from error


def _stored(archive, name):
    """Return the bytes of an entry that is as large as it says, so no zip bomb."""
    entry = archive.getinfo(name)
    if entry.compress_size != entry.file_size:
        raise ValueError(f"{name} has the wrong size")
    return archive.read(entry)


def _check_record(record, path):
    """Raise if the record is of a newer format, or not one of ours."""
    if not isinstance(record, dict) or not isinstance(record.get("format"), int):
        raise _not_ours(path, "it does not say its format")
    if record["format"] > _FORMAT:
        raise ValueError(
            f"`path` was saved by reticnn {record.get('reticnn')} in format "
            f"{record['format']}; this is reticnn {__version__}, which reads format "
            f"{_FORMAT}. Update reticnn: {path!r}"
        )
    names, history = record.get("class_names"), record.get("history")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _not_ours(path, "it has no class names")
    if not isinstance(history, dict) or not isinstance(history.get("epoch"), list):
        raise _not_ours(path, "it has no training history")
    if record.get("resize") not in (*RESIZES, None):
        raise _not_ours(path, "it has no way to resize images that is known here")


def _history_of(record):
    """Return the history in a record, with None where an epoch has no stage."""
    history = record["history"]
    if "stage" not in history:
        return history
    # Older versions wrote NaN.
    stages = [None if stage != stage else stage for stage in history["stage"]]
    return {**history, "stage": stages}


def _policy_of(record, path):
    """Return the policy of augmentation in a record, or None."""
    config = record.get("augmentation")
    try:
        return config and Policy.from_config(config)
    except (TypeError, ValueError, KeyError) as error:
        raise _not_ours(path, error) from error


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
    try:
        with zipfile.ZipFile(io.BytesIO(contents)) as archive:
            config = json.loads(archive.read("config.json"))
    except Exception as error:
        raise _not_ours(path, error) from error
    with_code = _layers_with_code(config)
    if with_code:
        raise ValueError(
            f"`path` has a model with code in its Lambda layers, {shown(with_code)}, "
            f"which loading would run: {path!r}. Use Keras's layers or your own layer "
            "class instead."
        )
    with temporary_folder() as scratch:
        file = os.path.join(scratch, _MODEL)
        with open(file, "wb") as copy:
            copy.write(contents)
        try:
            with warnings.catch_warnings():
                # Of the optimizer of a model that is frozen again below.
                if flags and not all(flags):
                    warnings.filterwarnings(
                        "ignore", "Skipping variable loading for op"
                    )
                model = keras.saving.load_model(file, safe_mode=True)
            _freeze_again(model, flags, file)
            return model
        except Exception as error:
            raise ValueError(
                f"`path` has a model that Keras cannot load: {path!r}. Your own layers "
                "must be registered first, with "
                "`keras.saving.register_keras_serializable()`; otherwise the file is "
                f"damaged or was not made by `save_classifier()`. Keras says: {error}"
            ) from error


def _check_no_code(model):
    """Raise if the model in a file could not be loaded again, for its code."""
    with zipfile.ZipFile(model) as archive:
        with_code = _layers_with_code(json.loads(archive.read("config.json")))
    if with_code:
        raise ValueError(
            f"`classifier` has code in its Lambda layers, {shown(with_code)}, which "
            "`load_classifier()` would refuse to run. Use Keras's layers or your own "
            "layer class instead."
        )


def _layers_with_code(config):
    """Return the names of the layers in a model's configuration that hold code."""
    if isinstance(config, list):
        return [name for part in config for name in _layers_with_code(part)]
    if not isinstance(config, dict):
        return []
    if config.get("class_name") == "Lambda" and "__lambda__" in json.dumps(config):
        return [str(config.get("config", {}).get("name"))]
    return _layers_with_code(list(config.values()))


def _not_ours(path, reason):
    return ValueError(
        f"`path` is not a classifier saved by `save_classifier()`, or is damaged "
        f"({reason}): {path!r}"
    )
