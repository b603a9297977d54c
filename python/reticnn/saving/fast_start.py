"""Classifiers that predict by an ONNX graph, and what a file must say for that."""

from functools import partial

import numpy as np

from reticnn.graph import own_methods
from reticnn.notation import shown
from reticnn.outputs import probabilities, takes_one_hot, targets_of_classes
from reticnn.runtime.backend import NeedingKeras, keras, without_gradients
from reticnn.runtime.conditions import MissingPackageError, NoKerasModelError
from reticnn.runtime.files import opened
from reticnn.runtime.foreign.limits import in_short
from reticnn.runtime.keras_internals import kinds_of_others, parts_of, predicted
from reticnn.runtime.onnx_network import Ends, OnnxNetwork
from reticnn.runtime.onnx_runtime import session_of
from reticnn.saving.fingerprint import digests_of
from reticnn.saving.foreign_graphs import foreign_network
from reticnn.saving.graphs.ends import DISTANCES, IMAGES, KEY, PROBABILITIES, SCORES
from reticnn.saving.record import NewerFormatError, read_record

NotWritableError = NeedingKeras(
    "reticnn.saving.graphs.writing_graph", "NotWritableError"
)
onnx_graph = NeedingKeras("reticnn.saving.graphs.writing_graph", "onnx_graph")

# By how much probabilities may differ from the Keras model's where a graph is wanted,
# and where nobody has said so.
_MOST_DIFFERENT = {True: 1e-3, None: 1e-5}

_SIDE_IF_FREE = 64
# The lowest and the highest value of images that are made up.
_LEVELS = ((0, 255), (0, 60), (100, 160), (190, 255))

# What a record says of the Keras model.
OF_MODEL = ("keras", "backend", "name", "parameters", "shares", "prototype_distance")
OF_MODEL += ("trainable", "compiled_here", "spared_from_decay", "log_loss", "digests")

# What an ONNX network gives in place of the outputs of a model of each kind.
_OUTPUTS = {
    "softmax": (PROBABILITIES, 0),
    "probabilities": (PROBABILITIES, 0),
    "sigmoid": (PROBABILITIES, 1),
    "logits": (SCORES, 0),
    "distances": (DISTANCES, 0),
}


class NotComputableError(ValueError):
    """A graph that ONNX Runtime cannot compute, perhaps as it is older than that."""


def read_onnx(path, class_names, output):
    """Return the record and the network of an ONNX file.

    Args:
        path: The file.
        class_names: Names of the classes for a file that `export_classifier` has not
            written, or None.
        output: What such a file gives, one of `KINDS`, or `"auto"`.

    Raises:
        MissingPackageError: If onnxruntime is not installed.
        ValueError: If the file is no network of images, or what is given does not go
            with it.
    """
    with opened(path) as file:
        contents = file.read()
    session = _session(contents, path)
    try:
        text = session.get_modelmeta().custom_metadata_map.get(KEY)
    except ValueError as error:  # Bytes that are no text.
        raise _not_our_metadata(path, error) from error
    if text is None:
        return foreign_network(
            contents, session, path, class_names, output, partial(_no_keras_model, path)
        )
    check_knows_classes(path, class_names, output)
    try:
        record = read_record(text.encode())
    except NewerFormatError as error:
        raise ValueError(f"{error}: {path!r}") from None
    except ValueError as error:
        raise _not_our_metadata(path, error) from error
    return record, network_of(contents, record, path, session=session)


def check_knows_classes(path, class_names, output):
    """Raise if a file that knows its classes is given what it has."""
    for name, value in {"class_names": class_names, "output": output}.items():
        if value not in (None, "auto"):
            raise ValueError(
                f"`{name}` is {shown(value)}, but the classifier in {path!r} knows "
                "that itself. Leave it out: it is for other people's ONNX files."
            )


def network_of(contents, record, path, keras_file=None, load=None, session=None):
    """Return the `OnnxNetwork` of a graph by `onnx_graph`.

    Args:
        contents: Bytes of the graph.
        record: What is known of the classifier.
        path: The file, for messages.
        keras_file: Bytes of the Keras model's own file, or None if there is none.
        load: As `OnnxNetwork` takes it, None where there is no Keras model.
        session: Session of the graph, if there is one already.

    Raises:
        MissingPackageError: If onnxruntime is not installed.
        NotComputableError: If it cannot compute the graph.
        ValueError: If the graph is not that of such a classifier.
    """
    session = session or _session(contents, path)
    given = {end.name: end.shape for end in session.get_outputs()}
    taken = {end.name: end.shape for end in session.get_inputs()}
    name, first_unit = _OUTPUTS.get(record.get("output"), (None, 0))
    if set(taken) != {IMAGES} or len(taken[IMAGES]) != 4 or name not in given:
        raise _not_our_graph(path)
    units = given[name][1] - first_unit
    if max(2, units) != len(record["class_names"]):
        raise _not_our_graph(path)
    scores = SCORES if SCORES in given else None
    sides = [side if isinstance(side, int) else None for side in taken[IMAGES]]
    return OnnxNetwork(
        contents,
        Ends(IMAGES, name, scores, first_unit),
        load or partial(_no_keras_model, path),
        session,
        keras_file=keras_file,
        name=record.get("name") or "classifier",
        input_shape=(None, *sides[1:]),
        output_shape=(None, units),
        parameters=record.get("parameters"),
        shares=record.get("shares"),
        prototype_distance=record.get("prototype_distance"),
        record={name: record.get(name) for name in OF_MODEL},
    )


def _not_our_metadata(path, error):
    return ValueError(
        f"`path` is an ONNX file whose metadata are not those that "
        f"`export_classifier()` writes ({in_short(error)}): {path!r}"
    )


def _not_our_graph(path):
    return ValueError(
        f"`path` has an ONNX graph that is not what `export_classifier()` makes of the "
        f"classifier that it says it is: {path!r}"
    )


def graph_to_keep(classifier, fast_start, most_bytes):
    """Return the ONNX graph to be kept of a classifier's model, or None for none.

    Args:
        classifier: Classifier with a Keras model.
        fast_start: Whether there is to be one; None if that may do no harm.
        most_bytes: How many bytes it may have in that case.

    Returns:
        Tuple of its bytes or None, and a dict of what the file is to say for it.

    Raises:
        MissingPackageError: If there is to be one, and a package is missing.
        ValueError: If there is to be one, and it cannot be written, or would predict
            otherwise.
    """
    if fast_start is False:
        return None, {}
    try:
        if fast_start is None:
            _check_plain(classifier.model)
        graph, log_loss = _graph_of(classifier, _MOST_DIFFERENT[fast_start])
    except Exception:
        # Whatever is in the way of it, the Keras model is kept.
        if fast_start is None:
            return None, {}
        raise
    if fast_start is None and len(graph) > most_bytes:
        return None, {}
    return graph, {"log_loss": log_loss, "digests": digests_of(classifier.model)}


def _check_plain(model):
    """Raise if a graph may do something else than a model.

    It computes in single precision, and of what somebody has written themselves, it is
    not known on what it depends. Such is to be found when the file is loaded, too, and
    not at some time later.
    """
    if kinds_of_others(model):
        raise ValueError("it has parts that are neither Keras's nor ours")
    for part in parts_of(model):
        if getattr(part, "compute_dtype", None) in ("float16", "bfloat16"):
            raise ValueError(f"{part.name} computes in {part.compute_dtype}")


def _graph_of(classifier, most_different):
    """Return a graph, and whether the loss of the model is the log loss, and no more.

    Raises:
        ValueError: If it cannot be written, or would predict otherwise.
    """
    try:
        graph = onnx_graph(classifier, {}, "fast_start")
    except MissingPackageError:
        raise
    except ValueError as error:
        if not isinstance(error, NotWritableError):
            raise
        raise ValueError(
            "`fast_start` must be left out for this classifier, for which no ONNX "
            f"graph can be written because of {error}."
        ) from error
    images = _made_up(classifier)
    outputs = outputs_at_once(classifier.model, images)
    _check_same(classifier, graph, images, outputs, most_different)
    return graph, loses_log_loss(classifier)


def outputs_at_once(model, images):
    """Return what a model gives for images, without preparing it for many of them."""
    if own_methods(model):
        return predicted(model, images)
    with without_gradients():
        outputs = model(keras.ops.convert_to_tensor(images), training=False)
    return keras.ops.convert_to_numpy(outputs)


def loses_log_loss(classifier):
    """Return whether the loss of a classifier's model is the log loss, and no more.

    It is if it has none, and found by trying else: losses can be smoothed or weighted,
    and have regularisation or the user's own terms in them.
    """
    model = classifier.model
    if not model.compiled:
        return True
    if own_methods(model) and type(model).__module__ != "reticnn":
        return False
    images, classes = _made_up(classifier), len(classifier.class_names)
    # Some losses are of what layers give.
    model(keras.ops.convert_to_tensor(images), training=False)
    # Each class is true once at least: one alone may be weighed.
    codes = np.arange(max(classes, len(images))) % classes
    outputs = _made_up_outputs(classifier, len(codes))
    try:
        targets = targets_of_classes(model.output_shape[1], takes_one_hot(model))
        loss = model.compute_loss(
            y=keras.ops.convert_to_tensor(targets[codes]),
            y_pred=keras.ops.convert_to_tensor(outputs),
            training=False,
        )
        loss = keras.ops.convert_to_numpy(loss).mean()
    except Exception:
        # Of a loss that cannot be tried, nothing is known.
        return False
    chances = probabilities(model, classifier.output, outputs)
    log_loss = -np.log(chances[np.arange(len(codes)), codes]).mean()
    return bool(np.isclose(loss, log_loss, rtol=1e-5, atol=1e-6))


def _made_up(classifier):
    """Return four images of noise, from dark to bright, as a classifier takes them.

    Of strong noise alone, the answers of many a network are as sure as they can be, and
    are so of a graph that computes something else.
    """
    sides = [side or _SIDE_IF_FREE for side in classifier.image_shape]
    noise = np.random.default_rng(0).random((len(_LEVELS), *sides), "float32")
    low, high = np.array(_LEVELS, "float32").T.reshape(2, -1, 1, 1, 1)
    images = low + (high - low) * noise
    if classifier.value_ends is None:
        return images.astype("uint8")
    lowest, highest = classifier.value_ends
    return np.float32(lowest) + images * np.float32((highest - lowest) / 255)


def _made_up_outputs(classifier, count):
    """Return outputs for so many images that rule out no class."""
    units, kind = classifier.model.output_shape[1], classifier.output
    scores = np.random.default_rng(0).normal(size=(count, units))
    if kind == "distances":
        scores = scores**2
    elif kind == "sigmoid":
        scores = 1 / (1 + np.exp(-scores))
    elif kind != "logits":
        scores = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return scores.astype("float32")


def _check_same(classifier, graph, images, outputs, most_different):
    """Raise if a graph gives other probabilities than a model, of its outputs."""
    model, kind = classifier.model, classifier.output
    record = {"output": kind, "class_names": classifier.class_names}
    by_graph = network_of(graph, record, "").predict_on_batch(images)
    have, want = (probabilities(model, kind, given) for given in (by_graph, outputs))
    difference = np.abs(have - want).max()
    if kind == "distances":
        # Far from all prototypes, all probabilities are 0.
        apart = np.abs(by_graph - outputs) / np.maximum(np.abs(outputs), 1)
        difference = np.maximum(difference, apart.max())
    # Not where one has NaN, either.
    if not difference <= most_different:
        raise ValueError(
            "`fast_start` must be left out for this classifier: as an ONNX graph, it "
            f"gives probabilities that differ by {difference:.2g}. A model that "
            "computes in half precision is rounded differently."
        )


def _session(contents, path):
    """Return a session of a graph, which shows that it can be computed."""
    try:
        return session_of(contents, "path", threads=1)
    except MissingPackageError:
        raise
    except Exception as error:
        raise NotComputableError(
            "`path` is not an ONNX file, or one that this version of ONNX Runtime "
            f"cannot run: {path!r}. It says: {in_short(error)}"
        ) from error


def _no_keras_model(path):
    raise NoKerasModelError(
        f"`classifier` is from the ONNX file {path!r}, which predicts and has no Keras "
        "model, as training, gradients and changes of the network need. Use the file "
        "that `save_classifier()` wrote of it."
    )
