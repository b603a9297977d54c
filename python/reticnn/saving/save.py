"""Keep a classifier in one file."""

import io
import json
import os
import warnings
import zipfile
from contextlib import suppress
from functools import partial

from reticnn import __version__
from reticnn.classifier import Classifier, as_classifier
from reticnn.coercion import as_bool, as_path, shown
from reticnn.graph import (
    has_flags,
    layers_with_parents,
    set_trainable_flags,
    trainable_flags,
)
from reticnn.layers import has_calibration
from reticnn.memory import fingerprint, note_images
from reticnn.outputs import count_classes, kind_of_classifier
from reticnn.runtime.backend import NeedingKeras, check_process, keras
from reticnn.runtime.conditions import MissingPackageError, warn_user
from reticnn.runtime.files import opened
from reticnn.runtime.foreign.archives import check_sizes, open_archive, read_entry
from reticnn.runtime.foreign.configs import (
    HOW_TO_HAVE_ONES_OWN,
    ConfigError,
    check_config,
)
from reticnn.runtime.foreign.limits import in_short
from reticnn.runtime.keras_internals import (
    adapted_layers,
    begin_adapters,
    compiled_here,
    layers_with_lambdas,
    load_new_optimizer,
    note_compiled_here,
    save_with_optimizer,
    spare_from_decay,
    spares_from_decay,
    taken_for_kerass_own,
    unknown_in_compiling,
    unknown_in_layers,
)
from reticnn.runtime.onnx_network import OnnxNetwork
from reticnn.runtime.writing import (
    as_file_to_write,
    is_lack_of_room,
    replacing,
    temporary_folder,
    unwritten,
)
from reticnn.saving.fast_start import (
    NotComputableError,
    check_knows_classes,
    graph_to_keep,
    network_of,
    read_onnx,
)
from reticnn.saving.record import (
    FORMAT,
    NewerFormatError,
    config_of_novelty,
    read_record,
)

prototype_distance = NeedingKeras(
    "reticnn.saving.graphs.writing_graph", "prototype_distance"
)
ModelFile = NeedingKeras("reticnn.runtime.foreign.models", "ModelFile")

_MODEL = "model.keras"
_GRAPH = "model.onnx"
_RECORD = "classifier.json"


def save_classifier(classifier, path, *, fast_start=None):
    """Save a classifier to one file.

    The file is a zip archive with the model in Keras's own format, and the class names,
    the image shape, the history and the versions in use as JSON. Nothing in it is
    pickled. An existing file is replaced only once the new one is complete, and its
    permissions are kept.

    Args:
        classifier: Classifier from `fit_classifier`.
        path: File to write, by convention with the extension `.reticnn`. `~` is
            expanded.
        fast_start: Whether to save the network as an ONNX graph as well. The loaded
            classifier then predicts and is evaluated with ONNX Runtime, and starts
            Keras and TensorFlow, which takes seconds, only when something needs the
            Keras model, such as training. None saves the graph if nothing is lost by
            it: onnx and onnxruntime are installed, the model has no layers or functions
            of your own and computes in single precision, and the graph returns the same
            probabilities to 1e-5 and adds no more bytes than the Keras model has. True
            insists on it, False leaves it out. The file grows by the size of the
            weights, and writing it takes two to three times as long: 2 seconds longer
            for ResNet-18. Default None.

    Returns:
        The path of the file written.

    Raises:
        TypeError: If `classifier` is not a classifier.
        ValueError: If `path` is a folder, or has the extension `.keras`, `.h5` or
            `.onnx`, which stands for another format, if the model has lambda functions,
            whose code would be unsafe to load, or an unregistered function of your own
            with the name of one of Keras's; if `fast_start` is True, and a layer cannot
            be written as an ONNX graph, or the graph returns other probabilities; or if
            it is False, and `classifier` is from an ONNX file.
        MissingPackageError: If `fast_start` is True, and onnx or onnxruntime is not
            installed.
        FileNotFoundError: If the folder to write in does not exist.
        OSError: If the file cannot be written. An existing one stays as it is.
        RuntimeError: In a process forked from the one that started Keras.

    Warns:
        UserWarning: If the model has layers or functions of your own, or is compiled
            with some, that Keras will not find when loading it, because they are not
            registered; or if it has low-rank adapters (LoRA), which are saved as part
            of the weights that they adapt, and start afresh once loaded.

    Example:
        >>> save_classifier(classifier, "cats-and-dogs.reticnn")
        'cats-and-dogs.reticnn'
    """
    classifier = as_classifier(classifier)
    path = as_file_to_write(path)
    if path.lower().endswith((".keras", ".h5")):
        raise ValueError(
            f"`path` must not end in .keras or .h5, as {path!r} does: the file also "
            "has the class names. Use the extension .reticnn, or for only the model "
            "`classifier.model.save()`."
        )
    if path.lower().endswith(".onnx"):
        raise ValueError(
            f"`path` must not end in .onnx, as {path!r} does: files with that "
            "extension are loaded as ONNX. Use the extension .reticnn, or for an ONNX "
            "file `export_classifier()`."
        )
    if fast_start is not None:
        fast_start = as_bool(fast_start, "fast_start")
    network = classifier.network
    with replacing(path, unwritten(path)) as whole:
        said = {}
        if isinstance(network, OnnxNetwork):
            _check_is_ours(network, fast_start)
            model, graph = network.keras_file, network.contents
        else:
            classifier = classifier.changed(output=kind_of_classifier(classifier))
            model = _keras_file(network, whole)
            graph, said = graph_to_keep(classifier, fast_start, len(model))
        if fast_start is False:
            graph = None
        networks = {_MODEL: model, _GRAPH: graph}
        parts = {name: part for name, part in networks.items() if part is not None}
        record = {**record_of(classifier), **said, "parts": list(parts)}
        with zipfile.ZipFile(whole, "w") as archive:
            for name, part in parts.items():
                archive.writestr(name, part)
            archive.writestr(_RECORD, json.dumps(record, indent=1))
    return path


def _check_is_ours(network, fast_start):
    """Raise if of an ONNX network, there is nothing that a file may keep."""
    if not network.record:
        raise ValueError(
            "`classifier` is from an ONNX file that `export_classifier()` has not "
            "written. Keep that file, and load it with the same `class_names`."
        )
    if fast_start is False and network.keras_file is None:
        raise ValueError(
            f"`fast_start` must not be {shown(False)} for a classifier from an ONNX "
            "file, which has no Keras model that could be kept alone. Leave it out."
        )


def _keras_file(model, whole):
    """Return the bytes of a model in Keras's own format."""
    _warn_of_what_is_lost(model)
    file = os.path.join(os.path.dirname(whole), _MODEL)
    save_with_optimizer(model, file)
    _check_no_code(file)
    with open(file, "rb") as written:
        return written.read()


def record_of(classifier):
    """Return what a file says of a classifier besides its model, as plain values."""
    policy = classifier.augmentation
    return {
        "format": FORMAT,
        "reticnn": __version__,
        "class_names": classifier.class_names,
        "image_shape": classifier.image_shape,
        "resize": classifier.resize,
        "reading": classifier.reading and classifier.reading.to_config(),
        "augmentation": policy and policy.to_config(),
        "history": classifier.history,
        "stopped": classifier.stopped,
        "kept_epoch": classifier.kept_epoch,
        "trained_with": classifier.trained_with,
        "output": classifier.output,
        "class_shares": classifier.class_shares and classifier.class_shares.to_config(),
        "seen": classifier.seen.to_config(),
        "calibration": classifier.calibration,
        "sets": classifier.sets,
        "set_images": classifier.set_images and classifier.set_images.to_config(),
        "novelty": config_of_novelty(classifier.novelty),
        "search": classifier.search,
        **_record_of_model(classifier),
    }


def _record_of_model(classifier):
    """Return what a file says of a classifier's model besides the model itself."""
    model = classifier.network
    if isinstance(model, OnnxNetwork):
        return model.record
    return {
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
        "name": model.name,
        "parameters": int(model.count_params()),
        "shares": classifier.shares,
        "prototype_distance": prototype_distance(classifier),
        "trainable": trainable_flags(model),
        "compiled_here": compiled_here(model),
        "spared_from_decay": _spared_from_decay(model),
    }


def _warn_of_what_is_lost(model):
    """Warn of what a saved model will not have, or cannot be loaded without.

    Raises:
        ValueError: If Keras would take something else in its place, or refuse it.
    """
    with_code = layers_with_lambdas(model)
    if with_code:
        raise ValueError(
            f"`classifier` has code in its layers, {shown(with_code)}, which "
            "`load_classifier()` would refuse to run. Use Keras's layers and "
            "functions, or your own layer class, instead of functions without a name."
        )
    in_layers, in_compiling = unknown_in_layers(model), unknown_in_compiling(model)
    taken = taken_for_kerass_own(in_layers + in_compiling)
    if taken:
        raise ValueError(
            f"`classifier` has {_named(taken)} of your own, for which Keras would take "
            "its own of the same name when the file is loaded. "
            f"{_registering(taken[0])}"
        )
    if in_layers:
        warn_user(
            f"`classifier` has layers or functions of your own, {_named(in_layers)}, "
            "that Keras will not find when the file is loaded. "
            f"{_registering(in_layers[0])}"
        )
    if in_compiling:
        warn_user(
            f"`classifier` is compiled with {_named(in_compiling)} of your own, which "
            "Keras will not find when the file is loaded. "
            f"{_registering(in_compiling[0])}"
        )
    names = adapted_layers(model)
    if names:
        warn_user(
            f"`classifier` has low-rank adapters in {shown(names)}. Keras saves them "
            "as part of the weights that they adapt: the loaded classifier predicts as "
            "it does now, but its adapters start afresh."
        )


def _named(kinds):
    return shown([kind.__name__ for kind in kinds])


def _registering(kind):
    return (
        "Register such before the model is built, as with "
        f"`keras.saving.register_keras_serializable()({kind.__name__})`, here and "
        "where the file is loaded."
    )


def load_classifier(path, *, class_names=None, output="auto"):
    """Load a classifier from its file.

    Loading runs no code from the file: a model with Lambda layers, which contain code,
    is refused. The file may have been saved on another backend.

    An ONNX file predicts with ONNX Runtime, to within about 1e-6 of the classifier that
    it was exported from, and starts neither Keras nor TensorFlow, which takes seconds:
    good for scripts and apps that predict, evaluate, plot or write reports. It has no
    Keras model, so training, gradients, `scales` without crops, and changes to the
    network are refused.

    Args:
        path: File written by `save_classifier`, or by `export_classifier` as `"onnx"`,
            ending in `.onnx`; or somebody else's ONNX file, if it takes images, passed
            as 0 to 255, and returns one number per class. `~` is expanded.
        class_names: For somebody else's ONNX file, the names of its classes in the
            order of its outputs. None for other files. Default None.
        output: For such a file, what it outputs, as in `predict_images`, or `"auto"`,
            to go by its last operation. Default `"auto"`.

    Returns:
        Classifier, with the same predictions as the one saved.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, is not a saved classifier, was saved by a
            newer version in another format, or contains code; if it is in a version of
            ONNX that ONNX Runtime does not know; or if it is somebody else's ONNX file,
            and `class_names` are missing or do not match it, or it does not take images
            and return classes.
        MissingPackageError: If it is an ONNX file, and onnxruntime is not installed.
        OSError: If there is no space for temporary files.
        RuntimeError: In a process forked from the one that started Keras.

    Warns:
        UserWarning: If somebody else's ONNX file takes floating-point numbers.

    Example:
        >>> load_classifier("cats-and-dogs.reticnn").class_names
        ['cat', 'dog']
    """
    check_process()
    path = as_path(path, "path")
    if os.path.isdir(path):
        raise ValueError(
            f"`path` must be a file, and {path!r} is a folder. Add the name of the "
            "file: `export_classifier()` calls that of a folder for R classifier.onnx."
        )
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f"`path` must be an existing file, not {path!r} (working directory: "
            f"{os.getcwd()!r}). Check the spelling."
        )
    if path.lower().endswith(".onnx"):
        return _with_record(*read_onnx(path, class_names, output))
    check_knows_classes(path, class_names, output)
    record, contents, graph = _read_archive(path)
    load = partial(_model_of, contents, record, path)
    if graph is not None:
        # Where ONNX Runtime is missing, or too old, there is still the Keras model.
        missing = (MissingPackageError, NotComputableError) if contents else ()
        with suppress(*missing):
            network = network_of(graph, record, path, contents, contents and load)
            return _with_record(record, network)
    model, weights = load()
    classifier = _with_record(record, model, weights)
    classifier.output = kind_of_classifier(classifier, name="path")
    return classifier


def _model_of(contents, record, path):
    """Return the Keras model in a saved file, and the fingerprint of its weights."""
    model = _read_model(contents, path, record.get("trainable"))
    if count_classes(model) != len(record["class_names"]):
        raise _not_ours(path, "its model has another number of classes")
    if record.get("calibration") and not has_calibration(model):
        raise _not_ours(path, "its model has no calibration")
    # A model with auxiliary classifiers is saved without its optimizer.
    if record.get("compiled_here") and model.compiled:
        note_compiled_here(model)
    _spare_from_decay(model, record, path)
    note_images(model, record["seen"])
    return model, fingerprint(model)


def _with_record(record, network, weights=None):
    """Return the classifier of a record that predicts by a network."""
    return Classifier(
        network,
        record["class_names"],
        _history_of(record),
        record.get("stopped"),
        kept_epoch=record.get("kept_epoch"),
        resize=record.get("resize"),
        reading=record["reading"],
        augmentation=record["augmentation"],
        trained_with=record.get("trained_with"),
        output=record.get("output"),
        seen=record["seen"],
        weights=weights,
        class_shares=record["class_shares"],
        calibration=record.get("calibration"),
        sets=record.get("sets"),
        set_images=record["set_images"],
        novelty=record["novelty"],
        search=record.get("search"),
    )


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
    """Return the record and the bytes of the model and the graph in a saved file."""
    with opened(path) as file:
        # A damaged archive raises errors of a dozen kinds, from all of zipfile's depth.
        try:
            with open_archive(file) as archive:
                check_sizes(archive, os.path.getsize(path))
                record = read_record(read_entry(archive, _RECORD))
                names = archive.namelist()
                model, graph = (
                    read_entry(archive, name) if name in names else None
                    for name in (_MODEL, _GRAPH)
                )
                if graph is None and model is None:
                    raise ValueError("it has no model")
                if not set(record.get("parts", ())) <= set(names):
                    raise ValueError("a part of it is missing")
                return record, model, graph
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


def _freeze_again(model, trained, file):
    """Have trained what was, with the optimizer's state in the file.

    A model with its own `call()` says nothing of its layers when it is saved, nor does
    a layer of the user's own of those it is made of: Keras makes all of them trainable,
    and an optimizer for all of them.
    """
    # The statistics of normalisations are never trained, so that most have some frozen.
    if not _some_frozen(trained) or trained == trainable_flags(model):
        return
    if has_flags(model, trained):
        set_trainable_flags(model, trained)
    elif isinstance(trained, list):
        # Older files say it of the layers alone.
        layers = [layer for layer, _ in layers_with_parents(model)]
        if len(trained) == len(layers):
            for layer, flag in zip(layers, trained, strict=True):
                layer.trainable = bool(flag)
    if model.compiled and model.optimizer is not None:
        load_new_optimizer(model, file)


def _some_frozen(trained):
    """Return whether a file says that anything in its model is frozen."""
    if isinstance(trained, dict):
        return not all(flag for flags in trained.values() for flag in flags)
    return not all(trained or ())


def _read_model(contents, path, trained):
    """Return the Keras model whose file has these contents.

    Args:
        contents: Bytes.
        path: The file, for messages.
        trained: Which of its parts and weights were trained, or None if that is not
            known.
    """
    with temporary_folder() as scratch:
        file = _checked(contents, scratch, path)
        try:
            with warnings.catch_warnings():
                # Of the optimizer, whose state is read again below.
                if _some_frozen(trained):
                    warnings.filterwarnings(
                        "ignore", "Skipping variable loading for op"
                    )
                model = file.load()
            _freeze_again(model, trained, file.path)
            begin_adapters(model)
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
