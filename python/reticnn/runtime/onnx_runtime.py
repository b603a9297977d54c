"""ONNX Runtime: sessions, and the packages that it and other formats need."""

import importlib.util
import os

from reticnn.notation import in_words
from reticnn.runtime.writing import temporary_folder


def has_onnx_runtime():
    """Return whether ONNX graphs can be run here."""
    return importlib.util.find_spec("onnxruntime") is not None


def imported(name):
    """Return a package that exporting needs.

    Raises:
        ModuleNotFoundError: If it is not installed, with what to install.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        how = in_words(
            'pip install "reticnn[export]"', f'reticulate::py_install("{name}")'
        )
        raise ModuleNotFoundError(
            f"The Python package {name} is needed for that, and cannot be imported "
            f"({error}). Install it: `{how}`."
        ) from error


def session_of(model, threads=None, optimise=True):
    """Return a session of ONNX Runtime on the processor.

    Args:
        model: Path of an ONNX file, or its bytes.
        threads: Number of threads, or None for ONNX Runtime's choice. Default None.
        optimise: Bool, whether the graph is changed for this machine. Default True.
    """
    runtime = imported("onnxruntime")
    options = _quiet(runtime)
    if threads is not None:
        options.intra_op_num_threads = threads
    if not optimise:
        options.graph_optimization_level = (
            runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
        )
    return runtime.InferenceSession(model, options, ["CPUExecutionProvider"])


def optimised(model):
    """Return the bytes of an ONNX model in which what can be put together is.

    What is done is the same on every machine, and gives a graph of ONNX's own terms.

    Args:
        model: Bytes of an ONNX model.
    """
    runtime = imported("onnxruntime")
    options = _quiet(runtime)
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    with temporary_folder() as scratch:
        options.optimized_model_filepath = os.path.join(scratch, "optimised.onnx")
        runtime.InferenceSession(model, options, ["CPUExecutionProvider"])
        with open(options.optimized_model_filepath, "rb") as file:
            return file.read()


def _quiet(runtime):
    """Return options of a session that writes nothing but errors."""
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    return options
