"""A network that ONNX Runtime computes, which predicts as its Keras model does."""

import copy
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from reticnn.runtime.foreign.onnx_bytes import with_decimals
from reticnn.runtime.onnx_runtime import session_of
from reticnn.runtime.stopping import results_in

_CORES = os.cpu_count() or 1
# What is computed at once is to stay in the cache of a core: two photos of 224 x 224.
_PIXELS_AT_ONCE = 1 << 17
# For fewer images, no core is woken.
_LEAST = 4

# Or threads would each have a model of their own, all but one of which go unheard.
_loading = threading.RLock()


@dataclass(frozen=True)
class Ends:
    """How a graph is given images, and what it gives for them.

    Attributes:
        images: Name of its input.
        outputs: Name of what stands for the outputs of the Keras model.
        scores: Name of the scores before softmax or sigmoid, or None if it has none.
        first_unit: Position of the first of the units that the Keras model has.
        channels_first: Whether it takes (n, channels, height, width).
        of_8_bits: Whether it takes 8-bit pixels, and not decimals.
        rounded: Whether decimals become 8-bit pixels, as nobody knows what a graph that
            somebody else has written does with others.
    """

    images: str
    outputs: str
    scores: str | None = None
    first_unit: int = 0
    channels_first: bool = False
    of_8_bits: bool = True
    rounded: bool = False


class OnnxNetwork:
    """An ONNX graph in place of a Keras model, which is loaded when it is needed.

    What predicting asks of a Keras model, it has under the same names.

    Attributes:
        contents: Bytes of the ONNX model.
        ends: `Ends`.
        name: Name of the network.
        input_shape: (None, height, width, channels), None for a side that is free.
        output_shape: (None, units), of what the Keras model gives.
        parameters: Number of weights, or None if that is not known.
        shares: How much each member of an ensemble counts, or None if it is none.
        prototype_distance: For a network that gives distances to prototypes, that of
            the class of everything else, or None.
        record: Dict of what its file says of the Keras model.
        keras_file: Bytes of the Keras model's own file, or None if there is none.
        loaded: The Keras model, once it has been needed, or None.
        loaded_weights: The fingerprint of its weights as they were then.
    """

    loaded = loaded_weights = None

    def __init__(self, contents, ends, load, session, **facts):
        """Take a graph.

        Args:
            contents: Bytes of an ONNX model.
            ends: `Ends`.
            load: Function without arguments that returns the Keras model and the
                fingerprint of its weights, or raises if there is none.
            session: Session of ONNX Runtime in this process.
            **facts: The attributes from `name` to `keras_file`.
        """
        self.contents, self.ends = contents, ends
        vars(self).update(facts)
        self._load = load
        self._kept = {(os.getpid(), ends.of_8_bits): session}

    def __getstate__(self):
        """Leave out what is of this process alone."""
        return {**vars(self), "_kept": {}}

    def keras_model(self):
        """Return the Keras model, loaded at the first call."""
        with _loading:
            if self.loaded is None:
                self.loaded, self.loaded_weights = self._load()
        return self.loaded

    def predict_on_batch(self, pixels):
        """Return what the Keras model gives for images, (n, units).

        Args:
            pixels: Array, (n, height, width, channels), 0 to 255.
        """
        pixels, ends = np.asarray(pixels), self.ends
        if ends.rounded and pixels.dtype != np.uint8:
            pixels = np.clip(np.rint(pixels), 0, 255).astype("uint8")
        as_bytes = ends.of_8_bits and pixels.dtype == np.uint8
        if ends.channels_first:
            pixels = np.moveaxis(pixels, -1, 1)
        pixels = np.ascontiguousarray(pixels, "uint8" if as_bytes else "float32")
        session = self._session(as_bytes)
        outputs = self._of_parts(
            lambda part: session.run([ends.outputs], {ends.images: part})[0], pixels
        )
        return outputs[:, ends.first_unit :]

    def _of_parts(self, run, pixels):
        """Return the outputs for images, which the cores take some at a time.

        ONNX Runtime's own threads wait for each other at every layer: where other
        processes keep a core busy, they halve the speed.
        """
        at_once = _at_once(self.ends, pixels.shape)
        if at_once >= len(pixels):
            return run(pixels)
        pool = self._of_process("threads", lambda: ThreadPoolExecutor(_CORES))
        starts = range(0, len(pixels), at_once)
        parts = [pixels[at : at + at_once] for at in starts]
        return np.concatenate(results_in(pool, run, parts))

    def count_params(self):
        """Return the number of weights."""
        return self.parameters

    def giving_scores(self):
        """Return a network that gives the scores before softmax or sigmoid, or None."""
        if self.ends.scores is None:
            return None
        other = copy.copy(self)
        other.ends = replace(self.ends, outputs=self.ends.scores, first_unit=0)
        other._kept = self._kept
        return other

    def _session(self, as_bytes):
        """Return a session that takes 8-bit pixels or decimals."""

        def make():
            contents = self.contents
            if self.ends.of_8_bits and not as_bytes:
                contents = with_decimals(contents, self.ends.images)
            return session_of(contents, threads=1)

        return self._of_process(as_bytes, make)

    def _of_process(self, name, make):
        """Return what is kept for this process: no fork takes threads along."""
        key = os.getpid(), name
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]


def _at_once(ends, shape):
    """Return how many of the images of a shape a core is given at once."""
    count, *sides = shape
    height, width = sides[1:] if ends.channels_first else sides[:2]
    in_cache = max(1, _PIXELS_AT_ONCE // (height * width))
    return min(in_cache, max(_LEAST, -(-count // _CORES)))
