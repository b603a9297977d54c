"""ONNX Runtime: sessions, and the packages that it and other formats need."""

import importlib
import os

from reticnn.notation import installing
from reticnn.runtime.conditions import MissingPackageError
from reticnn.runtime.writing import temporary_folder

# Where it is set before ONNX Runtime is imported, that sends nothing to its makers, and
# leaves no number of this computer in the user's home.
_SENDS_NOTHING = "ORT_DISABLE_TELEMETRY"


def imported(name, argument="format"):
    """Return a package that an argument needs, by its value.

    Raises:
        MissingPackageError: If it cannot be imported, with what to install.
    """
    os.environ.setdefault(_SENDS_NOTHING, "1")
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise MissingPackageError(
            f"`{argument}` needs the Python package {package}, which cannot be "
            f"imported ({error}). Install it: {installing(package)}."
        ) from error


def session_of(model, argument="format", threads=0):
    """Return a session of ONNX Runtime on the processor.

    Args:
        model: Bytes of an ONNX model.
        argument: The argument that needs it. Default `"format"`.
        threads: Number of its own threads, 0 for one per core. Default 0.
    """
    runtime = imported("onnxruntime", argument)
    options = _quiet(runtime)
    options.intra_op_num_threads = threads
    return runtime.InferenceSession(model, options, ["CPUExecutionProvider"])


def optimised(model, argument="format"):
    """Return the bytes of an ONNX model in which what can be put together is.

    What is done is the same on every machine, and gives a graph of ONNX's own terms.

    Args:
        model: Bytes of an ONNX model.
        argument: The argument that needs it. Default `"format"`.
    """
    runtime = imported("onnxruntime", argument)
    options = _quiet(runtime)
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    with temporary_folder() as scratch:
        options.optimized_model_filepath = os.path.join(scratch, "optimised.onnx")
        runtime.InferenceSession(model, options, ["CPUExecutionProvider"])
        with open(options.optimized_model_filepath, "rb") as file:
            return file.read()


def _quiet(runtime):
    """Return options of a session that writes nothing: errors are raised."""
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    return options
