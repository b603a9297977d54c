"""The part `"lut"`: each value of each channel is looked up in a table.

Values are rounded to whole numbers of 0 to 255 (a half to the even one) before. The
parameters are `"lut"`, (n,), int32, where an image's tables come from: `NONE`, nowhere,
the image stays as it is, unrounded; `GIVEN`, its row of `"lut_table"`, (n, 256), whole
numbers, which is there if that can occur; `AUTOCONTRAST` or `EQUALIZE`, each channel's
own histogram, as `_autocontrast` and `_equalize` say in whole numbers, and then its row
of `"lut_table"` if there is one. Its constant `"histogram"` says whether there can be
an `AUTOCONTRAST` or `EQUALIZE`.
"""

import math

import cv2
import numpy as np

from reticnn.augmenting.parts.part import Part, in_place
from reticnn.augmenting.random_numbers import to_int32

NONE, GIVEN, AUTOCONTRAST, EQUALIZE = range(4)

# OpenCV takes so many channels at once for all that is done here; and up to so many
# values it looks up in a table for each channel faster than one channel after another.
_CHANNELS_AT_ONCE = 4
_FEW_VALUES = 20_000


class LookupTables:
    """Where the tables of each image come from.

    Operations take `on`, (n,), 1 for images they are done to and 0 for the others, for
    which their other arguments are 0 too, or what leaves values as they are. They act
    in the order of the methods. After an autocontrast, which keeps the order of values
    and their number, an equalization gives what it gives alone.
    """

    def __init__(self, xp, image_shape, like):
        """Begin with no tables."""
        self.xp = xp
        self._source = self._none = like * 0
        # Functions of values that give others.
        self._steps = []

    def by_histogram(self, source, on):
        """Take tables of each channel's histogram, `AUTOCONTRAST` or `EQUALIZE`."""
        self._source = self.xp.maximum(self._source, on * source)

    def gamma(self, on, exponent):
        """Raise values, as fractions of 255, to a power."""
        power = self.xp.where(on > 0, exponent, 1.0)[:, None]
        self._give(on, lambda values: self._whole(255 * (values / 255) ** power))

    def posterize(self, on, bits):
        """Remove this many bits, rounded to a whole number."""
        xp = self.xp
        step = xp.round(xp.exp(xp.round(bits) * math.log(2)))[:, None]
        self._give(on, lambda values: xp.floor(values / step) * step)

    def add_to_dark(self, on, amount):
        """Add a number, without its fraction, to values below 128."""
        xp, added = self.xp, self.xp.floor(amount)[:, None]

        def step(values):
            brighter = xp.minimum(values + added, 255.0)
            return xp.where(values < 128, brighter, values)

        self._give(on, step)

    def solarize(self, on, share):
        """Invert the highest values, by their share of all from 0 to 255."""
        self.solarize_from(on, None, 256 * (1 - share))

    def solarize_from(self, on, addition, threshold):
        """Add a number, and invert what is then at least the threshold."""
        xp, threshold = self.xp, threshold[:, None]

        def step(values):
            if addition is not None:
                values = xp.minimum(values + addition[:, None], 255.0)
            return self._whole(xp.where(values < threshold, values, 255 - values))

        self._give(on, step)

    def invert(self, on):
        """Invert all values."""
        self.solarize(on, on)

    def parameters(self):
        """Return the sources, and the tables that are given if any can be."""
        parameters = {"lut": to_int32(self.xp, self._source)}
        if self._steps:
            parameters["lut_table"] = self._tables()
        return parameters

    def _give(self, on, step):
        self._source = self.xp.maximum(self._source, on * GIVEN)
        self._steps.append(step)

    def _whole(self, values):
        return self.xp.clip(self.xp.round(values), 0, 255)

    def _tables(self):
        """Return the tables, (n, 256), float32."""
        values = self.xp.arange(256, dtype="float32")[None] + self._none[:, None]
        for step in self._steps:
            values = step(values)
        return values


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
    whole = images
    if images.dtype != np.uint8:
        whole = np.rint(np.clip(images, 0, 255)).astype(np.uint8)
    tables = dict(zip(chosen.tolist(), _tables(whole, chosen, parameters), strict=True))
    for index, table in tables.items():
        _look_up(whole[index], table, images[index])


def _tables(images, chosen, parameters):
    """Return the tables of the images chosen, each (256,) or (channels, 256), uint8."""
    sources = parameters["lut"][chosen]
    given = parameters.get("lut_table")
    tables = [None] * len(chosen)
    if given is not None:
        tables = list(given[chosen].astype(np.uint8))
    for source, tables_of in _BY_HISTOGRAM.items():
        own = np.flatnonzero(sources == source)
        if not own.size:
            continue
        counts = np.stack([_counts_on_host(images[index]) for index in chosen[own]])
        for place, table in zip(own.tolist(), tables_of(np, counts), strict=True):
            then = tables[place]
            tables[place] = table.astype(np.uint8) if then is None else then[table]
    return tables


def _look_up(image, tables, result):
    """Put into `result` what stands in tables."""
    channels = image.shape[2]
    if tables.ndim == 1 or channels == 1:
        flat = cv2.LUT(image.reshape(len(image), -1), tables.reshape(-1))
        result[...] = flat.reshape(image.shape)
    elif channels <= _CHANNELS_AT_ONCE and image.size <= _FEW_VALUES:
        result[...] = cv2.LUT(image, np.ascontiguousarray(tables.T)[:, None])
    else:
        for first in range(0, channels, _CHANNELS_AT_ONCE):
            some = slice(first, first + _CHANNELS_AT_ONCE)
            planes = cv2.split(np.ascontiguousarray(image[..., some]))
            planes = [*map(cv2.LUT, planes, tables[some])]
            result[..., some] = cv2.merge(planes).reshape(*image.shape[:2], -1)


def _counts_on_host(image):
    """Return how often each value occurs, (channels, 256), int32."""
    counts = []
    for first in range(0, image.shape[2], _CHANNELS_AT_ONCE):
        some = image[..., first : first + _CHANNELS_AT_ONCE]
        some = np.ascontiguousarray(some)
        counts += [
            cv2.calcHist([some], [channel], None, [256], [0, 256])
            for channel in range(some.shape[2])
        ]
    return np.stack(counts).reshape(-1, 256).astype("int32")


def _on_device(ops, images, parameters, constants):
    values = ops.cast(ops.round(ops.clip(images, 0, 255)), "int32")
    source = parameters["lut"][:, None, None]
    tables = parameters.get("lut_table")
    tables = None if tables is None else ops.cast(tables, "int32")
    row = ops.arange(ops.shape(images)[0], dtype="int32")[:, None, None, None]
    if constants.get("histogram"):
        tables = _tables_on_device(ops, values, source, tables)
        channels = images.shape[3]
        row = row * channels + ops.arange(channels, dtype="int32")
    results = ops.take(ops.reshape(tables, (-1,)), 256 * row + values, axis=0)
    results = ops.cast(results, "float32")
    return ops.where(source[..., None] == NONE, images, results)


def _tables_on_device(ops, values, source, given):
    """Return a table for each image and channel, (n, channels, 256), int32."""
    counts = _counts_on_device(ops, values)
    tables = ops.where(
        source == AUTOCONTRAST,
        _autocontrast(ops, counts),
        ops.where(
            source == EQUALIZE, _equalize(ops, counts), ops.arange(256, dtype="int32")
        ),
    )
    if given is None:
        return tables
    row = ops.arange(ops.shape(values)[0], dtype="int32")[:, None, None]
    return ops.take(ops.reshape(given, (-1,)), 256 * row + tables, axis=0)


def _counts_on_device(ops, values):
    """Return how often each value occurs, (n, channels, 256), int32."""
    count, channels = ops.shape(values)[0], values.shape[3]
    row = ops.arange(count, dtype="int32")[:, None, None, None] * channels
    row = row + ops.arange(channels, dtype="int32")
    at = ops.reshape(256 * row + values, (-1,))
    total = count * channels * 256
    counts = ops.segment_sum(ops.ones_like(at), at, num_segments=total)
    return ops.reshape(counts, (-1, channels, 256))


LOOKUP = Part("lut", LookupTables, _on_host, _on_device)
