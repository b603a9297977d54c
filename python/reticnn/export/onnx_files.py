"""ONNX files, and the folder for R that has one."""

import os
from pathlib import Path

from reticnn.export.quantizing import probabilities_of
from reticnn.runtime.writing import deleted_unless_whole, replacing, unwritten
from reticnn.saving.graphs.writing_graph import NotWritableError, onnx_graph
from reticnn.saving.metadata import metadata_of

_SCRIPT = Path(__file__).parent / "predict.R"


def write_onnx(classifier, path, check, prepare):
    """Write an ONNX file.

    Args:
        classifier: Classifier.
        path: The file.
        check: Function that is given one from pixels to probabilities.
        prepare: Function from the bytes of the graph to those to write.

    Raises:
        ValueError: If a layer stands in the way.
    """
    graph = checked_graph(classifier, check)
    with replacing(path, unwritten(path)) as whole:
        Path(whole).write_bytes(prepare(graph))


def checked_graph(classifier, check):
    """Return the bytes of a classifier's graph, which agrees with it."""
    try:
        graph = onnx_graph(classifier, metadata_of(classifier), "format")
    except NotWritableError as error:
        raise ValueError(
            f"`classifier` cannot be written as ONNX because of {error}. Use layers "
            "that are made of functions of `keras.ops`, or `format='keras'`."
        ) from error
    check(lambda pixels: probabilities_of(graph, pixels))
    return graph


def write_r_folder(classifier, path, check, prepare):
    """Write a folder with an ONNX file and a script in R that predicts with it."""
    graph = prepare(checked_graph(classifier, check))
    with deleted_unless_whole(path, unwritten(path)):
        os.mkdir(path)
        (Path(path) / "classifier.onnx").write_bytes(graph)
        (Path(path) / "predict.R").write_bytes(_SCRIPT.read_bytes())
