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
from collections import deque
from itertools import chain

import numpy as np

from reticnn.augmenting.parts.part import CHANNELS_AT_ONCE, Part
from reticnn.augmenting.parts.scratch import VALUES_AT_ONCE, scratch
from reticnn.augmenting.random_numbers import to_int32
from reticnn.runtime.opencv import cv2

NONE, GIVEN, AUTOCONTRAST, EQUALIZE = range(4)

# Up to so many values NumPy counts faster than OpenCV.
_FEW_VALUES = 5_000

_VALUES = np.arange(256, dtype=np.uint8)


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
    of_highest = xp.take_along_axis(counts, _highest(xp, counts, values), axis=-1)
    step = (up_to[..., -1:] - of_highest) // 255
    spread = (up_to - counts + step // 2) // xp.maximum(step, 1)
    return xp.where(step > 0, xp.minimum(spread, 255), values)


def _highest(xp, counts, values):
    """Return the highest value that occurs, (..., 1)."""
    return xp.max(xp.where(counts > 0, values, 0), axis=-1, keepdims=True)


def _prepare(image_shape, parameters, constants):
    """Return the given tables as bytes, and what changes bytes without them."""
    if "lut_table" not in parameters:
        return {}
    tables = parameters["lut_table"].astype(np.uint8)
    if constants.get("histogram") and (parameters["lut"] > GIVEN).any():
        return {"lut_bytes": tables}
    return {"lut_bytes": tables, **bits_of_tables(tables)}


def bits_of_tables(tables):
    """Return what replaces tables that posterize, solarize or invert, or do nothing.

    Args:
        tables: uint8 array, (n, 256).

    Returns:
        Dict of uint8 arrays, (n, 1): `lut_kept`, the bits that are kept; `lut_highest`,
        the value above which all bits are inverted; `lut_inverted`, the bits that are
        inverted then. Empty if that does not replace all of the tables.
    """
    inverted = tables[:, :1]
    tables = tables ^ inverted
    last = tables[:, 255:]
    kept = np.where(last == 0, np.uint8(255), last)
    upright = _VALUES & kept
    # Of an image that is the same for all values, below 0 and so at 255.
    highest = (tables != upright).argmax(axis=1)[:, None].astype(np.uint8) - np.uint8(1)
    if (tables != np.where(highest < _VALUES, ~_VALUES, upright)).any():
        return {}
    return {"lut_kept": kept, "lut_highest": highest, "lut_inverted": inverted}


def _on_host(images, results, parameters, constants):
    is_bytes = images.dtype == np.uint8
    if is_bytes and "lut_kept" in parameters:
        _change_bits(images, results, parameters)
        return
    sources = parameters["lut"]
    if images is not results and (sources == NONE).any():
        results[...] = images
    for source, change in _CHANGES.items():
        own = np.flatnonzero(sources == source).tolist()
        if own:
            whole = [images[index] for index in own]
            tables = None
            if "lut_bytes" in parameters:
                tables = [parameters["lut_bytes"][index] for index in own]
            into = [results[index] for index in own]
            if not is_bytes:
                whole = [_in_bytes(image) for image in whole]
                into = [np.empty_like(image) for image in whole]
            change(whole, tables, into)
            if not is_bytes:
                results[own] = into


def _in_bytes(image):
    return np.rint(np.clip(image, 0, 255)).astype(np.uint8)


def _change_bits(images, results, parameters):
    """Change all images at once, without tables."""
    values, given = (each.reshape(len(each), -1) for each in (results, images))
    kept, highest = parameters["lut_kept"], parameters["lut_highest"]
    inverted = parameters["lut_inverted"]
    if (kept != 255).any():
        given = np.bitwise_and(given, kept, out=values)
    if (highest != 255).any():
        above = scratch("above", given.shape, np.uint8)
        np.greater(given, highest, out=above.view(bool))
        given = np.bitwise_xor(given, np.negative(above, out=above), out=values)
    if inverted.any():
        given = np.bitwise_xor(given, inverted, out=values)
    if given is not values and images is not results:
        values[...] = given


def _look_up(images, tables, results):
    """Put into each result what stands in the table of an image."""
    rows = len(images[0]), -1
    images, results = (
        [one.reshape(rows) for one in several] for several in (images, results)
    )
    # As a loop in Python, this takes longer than what is done for small images.
    deque(map(cv2.LUT, images, tables, results), maxlen=0)


def _spread_on_host(images, tables, results):
    """Put into results images with more contrast, and what tables have for that."""
    for number, (image, result) in enumerate(zip(images, results, strict=True)):
        planes = [_spread_plane(plane) for plane in _planes_of(image)]
        if tables is not None:
            planes = [cv2.LUT(plane, tables[number], plane) for plane in planes]
        _put_planes(planes, result)


def _spread_plane(plane):
    """Return a channel as the tables of `_autocontrast` have it, in the same memory."""
    low, high, _, _ = cv2.minMaxLoc(plane)
    span = high - low
    if not span:
        return plane
    # OpenCV rounds: half a step below the whole number is the one that is not above.
    return cv2.convertScaleAbs(plane, plane, 255 / span, (0.5 - low * 255) / span - 0.5)


def _equalize_on_host(images, tables, results):
    """Put into results equalized images, and what tables have for that."""
    at_once = max(1, VALUES_AT_ONCE // images[0].size)
    for start in range(0, len(images), at_once):
        some = slice(start, start + at_once)
        planes = [_planes_of(image) for image in images[some]]
        counts = np.concatenate([*map(_counts_on_host, chain(*planes))])
        counts = counts.reshape(len(planes), -1, 256).astype("int32")
        looked_up = _equalize(np, counts).astype(np.uint8)
        if tables is not None:
            for own, then in zip(looked_up, tables[some], strict=True):
                own[...] = then[own]
        for own, of_image, result in zip(looked_up, planes, results[some], strict=True):
            _put_planes([*map(cv2.LUT, of_image, own, of_image)], result)


_CHANGES = {
    GIVEN: _look_up,
    AUTOCONTRAST: _spread_on_host,
    EQUALIZE: _equalize_on_host,
}


def _counts_on_host(plane):
    """Return how often each value occurs in a channel, (256,)."""
    if plane.size <= _FEW_VALUES:
        return np.bincount(plane.ravel(), minlength=256)
    return cv2.calcHist([plane], [0], None, [256], [0, 256]).ravel()


def _planes_of(image):
    """Return copies of an image's channels."""
    channels = image.shape[2]
    if channels <= CHANNELS_AT_ONCE:
        return cv2.split(image)
    return [np.ascontiguousarray(image[..., channel]) for channel in range(channels)]


def _put_planes(planes, result):
    """Put channels into an image."""
    if len(planes) <= CHANNELS_AT_ONCE:
        cv2.merge(planes, result)
    else:
        np.stack(planes, axis=2, out=result)


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


LOOKUP = Part("lut", LookupTables, _on_host, _on_device, _prepare)
