"""The part `"lut"`: each value of each channel is looked up in a table.

Values are rounded to whole numbers of 0 to 255 (a half to the even one) before. The
parameters are `"lut"`, (n,), int32, where an image's tables come from: `NONE`, nowhere,
the image stays as it is, unrounded; `GIVEN`, its row of `"lut_table"`, (n, 256), whole
numbers, which is there if that can occur; `AUTOCONTRAST` or `EQUALIZE`, each channel's
own histogram, as `_autocontrast` and `_equalize` say in whole numbers.
"""

import math

import cv2
import numpy as np

from reticnn.augmenting.parts.part import Part, in_place
from reticnn.augmenting.random_numbers import to_int32

NONE, GIVEN, AUTOCONTRAST, EQUALIZE = range(4)


class LookupTables:
    """Where the tables of each image come from, one operation for each image.

    Operations take `on`, (n,), 1 for images they are done to and 0 for the others, for
    which their other arguments are 0 too.
    """

    def __init__(self, xp, image_shape, like):
        """Begin with no tables."""
        self.xp = xp
        self._source = self._bits = self._added = self._inverted = like * 0
        self._any_given = False

    def by_histogram(self, source, on):
        """Take tables of each channel's histogram, `AUTOCONTRAST` or `EQUALIZE`."""
        self._source = self._source + on * source

    def posterize(self, on, bits):
        """Remove this many bits, rounded to a whole number."""
        self._give(on)
        self._bits = bits

    def solarize(self, on, share):
        """Invert the highest values, by their share of all from 0 to 255."""
        self._give(on)
        self._inverted = self._inverted + share

    def add_to_dark(self, on, amount):
        """Add a number, without its fraction, to values below 128."""
        self._give(on)
        self._added = amount

    def parameters(self):
        """Return the sources, and the tables that are given if any can be."""
        parameters = {"lut": to_int32(self.xp, self._source)}
        if self._any_given:
            parameters["lut_table"] = self._tables()
        return parameters

    def _give(self, on):
        self._source = self._source + on * GIVEN
        self._any_given = True

    def _tables(self):
        """Return the tables, (n, 256), float32."""
        xp = self.xp
        bits = xp.round(self._bits)
        step = xp.round(xp.exp(bits * math.log(2)))[:, None]
        added = xp.floor(self._added)[:, None]
        threshold = (256 * (1 - self._inverted))[:, None]
        values = xp.arange(256, dtype="float32")[None]
        values = xp.floor(values / step) * step
        values = xp.where(values < 128, xp.minimum(values + added, 255.0), values)
        return xp.where(values < threshold, values, 255 - values)


def _autocontrast(xp, counts):
    """Return tables that spread values over all of 0 to 255.

    Args:
        xp: `numpy` or `keras.ops`.
        counts: How often each value from 0 to 255 occurs, (..., 256), whole numbers.

    Returns:
        Array of the same shape, whole numbers.
    """
    values = xp.arange(256, dtype="int32")
    low = xp.min(xp.where(counts > 0, values, 255), axis=-1, keepdims=True)
    span = _highest(xp, counts, values) - low
    spread = xp.clip((values - low) * 255 // xp.maximum(span, 1), 0, 255)
    return xp.where(span > 0, spread, values)


def _equalize(xp, counts):
    """Return tables that make all values about as frequent.

    Args:
        xp: `numpy` or `keras.ops`.
        counts: How often each value from 0 to 255 occurs, (..., 256), whole numbers.

    Returns:
        Array of the same shape, whole numbers.
    """
    values = xp.arange(256, dtype="int32")
    up_to = xp.cumsum(counts, axis=-1)
    below_highest = xp.where(values < _highest(xp, counts, values), counts, 0)
    step = xp.sum(below_highest, axis=-1, keepdims=True) // 255
    spread = (up_to - counts + step // 2) // xp.maximum(step, 1)
    return xp.where(step > 0, xp.minimum(spread, 255), values)


def _highest(xp, counts, values):
    """Return the highest value that occurs, (..., 1)."""
    return xp.max(xp.where(counts > 0, values, 0), axis=-1, keepdims=True)


_BY_HISTOGRAM = {AUTOCONTRAST: _autocontrast, EQUALIZE: _equalize}


@in_place
def _on_host(images, parameters, constants):
    chosen = np.flatnonzero(parameters["lut"] != NONE)
    channels = images.shape[3]
    whole = images[chosen]
    if images.dtype != np.uint8:
        whole = np.rint(np.clip(whole, 0, 255)).astype(np.uint8)
    sources = parameters["lut"][chosen]
    tables = np.empty((len(chosen), channels, 256), np.uint8)
    if "lut_table" in parameters:
        tables[...] = parameters["lut_table"][chosen, None]
    for source, tables_of in _BY_HISTOGRAM.items():
        own = sources == source
        if own.any():
            tables[own] = tables_of(np, _counts_on_host(whole[own]))
    for index, image, table in zip(chosen, whole, tables, strict=True):
        result = cv2.LUT(image, np.ascontiguousarray(table.T)[:, None])
        images[index] = result.reshape(image.shape)


def _counts_on_host(images):
    """Return how often each value occurs, (n, channels, 256), int64."""
    counts = np.empty((len(images), images.shape[3], 256), "int64")
    for image, of_image in zip(images, counts, strict=True):
        for channel, of_channel in enumerate(of_image):
            found = cv2.calcHist([image], [channel], None, [256], [0, 256])
            of_channel[...] = found.reshape(-1)
    return counts


def _on_device(ops, images, parameters, constants):
    values = ops.cast(ops.round(ops.clip(images, 0, 255)), "int32")
    row = _rows(ops, images)
    source = parameters["lut"][:, None, None]
    counts = _counts_on_device(ops, values, row)
    tables = ops.where(
        source == AUTOCONTRAST,
        _autocontrast(ops, counts),
        ops.where(source == EQUALIZE, _equalize(ops, counts), 0),
    )
    tables = ops.cast(tables, "float32")
    if "lut_table" in parameters:
        given = parameters["lut_table"][:, None]
        tables = ops.where(source == GIVEN, given, tables)
    results = ops.take(ops.reshape(tables, (-1,)), 256 * row + values, axis=0)
    return ops.where(source[..., None] == NONE, images, results)


def _rows(ops, images):
    """Return a number for each image and channel, (n, 1, 1, channels), int32."""
    count, channels = ops.shape(images)[0], images.shape[3]
    first = ops.arange(count, dtype="int32")[:, None, None, None] * channels
    return first + ops.arange(channels, dtype="int32")


def _counts_on_device(ops, values, rows):
    """Return how often each value occurs, (n, channels, 256), int32."""
    channels = values.shape[3]
    at = ops.reshape(256 * rows + values, (-1,))
    total = ops.shape(values)[0] * channels * 256
    counts = ops.segment_sum(ops.ones_like(at), at, num_segments=total)
    return ops.reshape(counts, (-1, channels, 256))


LOOKUP = Part("lut", LookupTables, _on_host, _on_device)
