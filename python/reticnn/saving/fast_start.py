"""Classifiers that predict by an ONNX graph, and what a file must say for that."""

from functools import partial

from reticnn.runtime.conditions import MissingPackageError, NoKerasModelError
from reticnn.runtime.files import opened
from reticnn.runtime.foreign.limits import in_short
from reticnn.runtime.onnx_network import Ends, OnnxNetwork
from reticnn.runtime.onnx_runtime import session_of
from reticnn.saving.graphs.ends import DISTANCES, IMAGES, KEY, PROBABILITIES, SCORES
from reticnn.saving.record import NewerFormatError, read_record

# What a record says of the Keras model.
OF_MODEL = ("keras", "backend", "name", "parameters", "shares", "prototype_distance")
OF_MODEL += ("trainable", "compiled_here", "spared_from_decay")

# What an ONNX network gives in place of the outputs of a model of each kind.
_OUTPUTS = {
    "softmax": (PROBABILITIES, 0),
    "probabilities": (PROBABILITIES, 0),
    "sigmoid": (PROBABILITIES, 1),
    "logits": (SCORES, 0),
    "distances": (DISTANCES, 0),
}


def read_onnx(path):
    """Return the record and the network of a file by `export_classifier`.

    Raises:
        MissingPackageError: If onnxruntime is not installed.
        ValueError: If it is no such file.
    """
    with opened(path) as file:
        contents = file.read()
    session = _session(contents, path)
    text = session.get_modelmeta().custom_metadata_map.get(KEY)
    if text is None:
        raise ValueError(
            f"`path` is an ONNX file that `export_classifier()` has not written, and "
            f"says nothing of classes: {path!r}."
        )
    try:
        record = read_record(text.encode())
    except NewerFormatError as error:
        raise ValueError(f"{error}: {path!r}") from None
    except ValueError as error:
        raise ValueError(
            f"`path` is an ONNX file whose metadata are not those that "
            f"`export_classifier()` writes ({in_short(error)}): {path!r}"
        ) from error
    return record, network_of(contents, record, partial(_no_keras_model, path), path)


def network_of(contents, record, load, path):
    """Return the `OnnxNetwork` of a graph by `export_classifier`.

    Args:
        contents: Bytes of the graph.
        record: What is known of the classifier.
        load: As `OnnxNetwork` takes it.
        path: The file, for messages.
    """
    session = _session(contents, path)
    given = {end.name: end.shape for end in session.get_outputs()}
    (images,) = session.get_inputs()
    name, first_unit = _OUTPUTS[record["output"]]
    if images.name != IMAGES or name not in given:
        raise ValueError(
            f"`path` has an ONNX graph that is not one by `export_classifier()`: "
            f"{path!r}"
        )
    scores = SCORES if SCORES in given else None
    sides = [side if isinstance(side, int) else None for side in images.shape]
    return OnnxNetwork(
        contents,
        Ends(IMAGES, name, scores, first_unit),
        load,
        name=record.get("name") or "classifier",
        input_shape=(None, *sides[1:]),
        output_shape=(None, given[name][1] - first_unit),
        parameters=record.get("parameters"),
        shares=record.get("shares"),
        prototype_distance=record.get("prototype_distance"),
        record={name: record.get(name) for name in OF_MODEL},
    )


def _session(contents, path):
    """Return a session of a graph, which shows that it can be computed."""
    try:
        return session_of(contents, "path")
    except MissingPackageError:
        raise
    except Exception as error:
        raise ValueError(
            f"`path` is no ONNX file, or one that this version of ONNX Runtime cannot "
            f"compute: {path!r}. It says: {in_short(error)}"
        ) from error


def _no_keras_model(path):
    raise NoKerasModelError(
        f"`classifier` is from the ONNX file {path!r}, which predicts and has no Keras "
        "model, as training, gradients and changes of the network need. Use the file "
        "that `save_classifier()` wrote of it."
    )
