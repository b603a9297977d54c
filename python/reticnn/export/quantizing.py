"""Networks that compute in 8 bits, and what that costs."""

import contextlib
import logging
import os
import time

import numpy as np

from reticnn.runtime.onnx_runtime import imported, session_of
from reticnn.runtime.writing import temporary_folder
from reticnn.saving.graphs.ends import DISTANCES, IMAGES, PROBABILITIES

_AT_ONCE = 32
_SECONDS = 1.0


def quantized(graph, pixels, codes):
    """Return a network in 8 bits, calibrated on images, and how good each of both is.

    Args:
        graph: Bytes of an ONNX model.
        pixels: uint8 array of images.
        codes: The code of the class of each, or None.

    Returns:
        Tuple of the bytes of an ONNX model and a table (dict of lists).
    """
    small = _in_8_bits(graph, pixels)
    found = [_codes_by(one, pixels) for one in (graph, small)]
    accuracy = [
        np.nan if codes is None else float((one == codes).mean()) for one in found
    ]
    return small, {
        "network": ["float32", "int8"],
        "bytes": [len(graph), len(small)],
        "images_per_second": [_speed(one, pixels) for one in (graph, small)],
        "accuracy": accuracy,
        "agreement": [1.0, float((found[0] == found[1]).mean())],
    }


def _in_8_bits(graph, pixels):
    onnx, quantization = imported("onnx"), imported("onnxruntime.quantization")
    with temporary_folder() as scratch:
        before, after = (os.path.join(scratch, name) for name in ("before", "after"))
        with open(before, "wb") as file:
            file.write(graph)
        with _without_advice():
            quantization.quantize_static(
                before,
                after,
                _Batches(pixels),
                per_channel=True,
                weight_type=quantization.QuantType.QInt8,
                activation_type=quantization.QuantType.QUInt8,
            )
        made = onnx.load(after)
    known = onnx.load_from_string(graph).metadata_props
    onnx.helper.set_model_props(made, {one.key: one.value for one in known})
    return made.SerializeToString()


@contextlib.contextmanager
def _without_advice():
    """Hold back advice to optimise the graph first, which has been done."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(level)


class _Batches:
    """Images as ONNX Runtime's calibration asks for them."""

    def __init__(self, pixels):
        starts = range(0, len(pixels), _AT_ONCE)
        self._parts = iter([pixels[start : start + _AT_ONCE] for start in starts])

    def get_next(self):
        """Return the next batch, or None."""
        part = next(self._parts, None)
        return None if part is None else {IMAGES: part}


def probabilities_of(graph, pixels):
    """Return the probabilities that a network gives for images.

    Args:
        graph: Bytes of an ONNX model.
        pixels: uint8 array of images.
    """
    return _run(session_of(graph), pixels)


def _codes_by(graph, pixels):
    """Return the code of the class that a network predicts for each image."""
    session = session_of(graph)
    # Far from all prototypes, all probabilities are too small to be told apart.
    if DISTANCES in [end.name for end in session.get_outputs()]:
        return _run(session, pixels, DISTANCES).argmin(axis=1)
    return _run(session, pixels).argmax(axis=1)


def _run(session, pixels, output=PROBABILITIES):
    starts = range(0, len(pixels), _AT_ONCE)
    return np.concatenate(
        [
            session.run([output], {IMAGES: pixels[start : start + _AT_ONCE]})[0]
            for start in starts
        ]
    )


def _speed(graph, pixels):
    """Return the images per second, of the fastest of some passes."""
    session, some = session_of(graph), pixels[:_AT_ONCE]
    _run(session, some)
    times, end = [], time.perf_counter() + _SECONDS
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        _run(session, some)
        times.append(time.perf_counter() - start)
    return round(len(some) / min(times), 1)
