"""Counter-based random numbers: a hash of what they are for, without any state.

A number depends on a seed, an epoch, the index of an image in the data and the slot of
the draw, and on nothing else: not on batches, order, workers, or on what else is drawn.
NumPy counts in uint32, Keras's backends in int32 that wraps around, as JAX has no wider
integers by default; the bits are the same. Functions are written once for both engines:
`xp` is `numpy` on the host and `keras.ops` on a device.
"""

import math
from functools import cache

import numpy as np

_WORD = 2**32

# Each input of the hash is shifted by its own constant, so that 0 is nothing special.
_SEED, _EPOCH, _INDEX, _SLOT = 0x9E3779B9, 0x85EBCA6B, 0xC2B2AE35, 0x27D4EB2F
_SEQUENCE = 0x165667B1


def uniforms(xp, seed, epoch, indices, slots):
    """Return float32 numbers in [0, 1), (n, slots), multiples of 2**-24.

    Args:
        xp: `numpy` or `keras.ops`.
        seed: Whole number of at least 0, of any size; or an int32 scalar tensor.
        epoch: Whole number of at least 0, or an int32 scalar tensor.
        indices: Indices of the images in the data, whole numbers, (n,).
        slots: The draws wanted, a tuple of whole numbers.

    Returns:
        Array or tensor, (n, slots).
    """
    run = _hashed_run(xp, folded(seed), epoch)
    images = _mixed(xp, _sum(xp, indices, _INDEX))
    images = _mixed(xp, xp.bitwise_xor(run, images))
    slots = _hashed_slots(slots)
    slots = slots if xp is np else slots.view("int32")
    bits = _mixed(xp, xp.bitwise_xor(slots, images[None, :]))
    return xp.transpose(to_float32(xp, _shifted(xp, bits, 8)) * 2.0**-24)


def folded(seed):
    """Return a whole number of any size as one below 2**32; others as they are."""
    if not isinstance(seed, int):
        return seed
    low, high = seed % _WORD, seed // _WORD
    return low if not high else _hashed(low) ^ folded(high)


def seed_in_sequence(xp, seed, index):
    """Return the seed at an index in a sequence: at 0, `seed` itself."""
    if not index:
        return seed
    other = _hashed(index + _SEQUENCE)
    if isinstance(seed, int):
        return folded(seed) ^ other
    return xp.bitwise_xor(seed, xp.array(np.uint32(other).astype("int32")))


class Draws:
    """The numbers that are drawn for each image: a name, a slot and a range of each."""

    def __init__(self, ranges):
        """Take a dict of (slot, lower, upper) by name."""
        self.names = tuple(ranges)
        slots, *ends = zip(*ranges.values(), strict=True) if ranges else ((), (), ())
        lower, upper = np.array(ends, "float32")[:, None]
        self._slots, self._lower, self._span = slots, lower, upper - lower

    def numbers(self, xp, seed, epoch, indices):
        """Return a dict of numbers, (n,), one for each image.

        Args:
            xp: `numpy` or `keras.ops`.
            seed: Whole number, or an int32 scalar tensor.
            epoch: Whole number, or an int32 scalar tensor.
            indices: Indices of the images in the data, (n,).
        """
        unit = uniforms(xp, seed, epoch, indices, self._slots)
        values = unit * constant(xp, self._span) + constant(xp, self._lower)
        return {name: values[:, column] for column, name in enumerate(self.names)}


def normals(xp, first, second):
    """Return two independent standard normal numbers of each two uniform ones."""
    # 1 - u, as u may be 0 but is never 1.
    length = xp.sqrt(-2 * xp.log(1 - first))
    angle = second * (2 * math.pi)
    return length * xp.cos(angle), length * xp.sin(angle)


def happens(xp, chance, threshold):
    """Return 1 where a threshold in [0, 1) is below the chance of it, else 0."""
    return to_float32(xp, threshold < chance)


def ends_of_whole(ends):
    """Return between which numbers `whole` makes whole ones of, equally often."""
    # A little less, so that no rounding reaches the next whole number.
    return ends[0], ends[1] + 0.9999


def whole(xp, values):
    """Return numbers of at least 0 without their fractions."""
    return xp.floor(values)


def random_sign(xp, unit):
    """Return -1 for numbers in the upper half of [0, 1), else 1."""
    return 1 - 2 * happens(xp, unit, 0.5)


def constant(xp, values):
    """Return numbers as a float32 array where the others are: on a GPU, it may be."""
    return xp.array(values, dtype="float32")


def in_rows(xp, arrays):
    """Return arrays stacked, as `xp.stack` does, which takes three times as long."""
    stacked = xp.concatenate(arrays)
    return xp.reshape(stacked, (len(arrays), *arrays[0].shape[:-1], -1))


def to_float32(xp, values):
    """Return an array as float32."""
    return values.astype("float32") if xp is np else xp.cast(values, "float32")


def to_int32(xp, values):
    """Return an array of floats without their fractions, as int32."""
    return values.astype("int32") if xp is np else xp.cast(values, "int32")


def _hashed_run(xp, seed, epoch):
    """Return the hash of seed and epoch, (1,)."""
    if isinstance(seed, int) and isinstance(epoch, int):
        run = np.array([_hashed(_hashed(seed + _SEED) ^ (epoch + _EPOCH))], "uint32")
        return run if xp is np else run.view("int32")
    run = _mixed(xp, _sum(xp, seed, _SEED))
    return _mixed(xp, xp.bitwise_xor(run, _sum(xp, epoch, _EPOCH)))


@cache
def _hashed_slots(slots):
    """Return the hashes of the slots, (slots, 1), uint32."""
    return np.array([[_hashed(slot + _SLOT)] for slot in slots], "uint32")


def _hashed(number):
    """Return the hash of a whole number as `_mixed` gives it, without an array."""
    word = number % _WORD
    for shift, factor in zip((16, 15), _FACTORS.tolist(), strict=True):
        word = (word ^ (word >> shift)) * factor % _WORD
    return word ^ (word >> 16)


def _sum(xp, value, constant):
    """Return `value + constant` in 32 bits; of one number, an array of one."""
    if xp is np:
        constant = np.uint32(constant)
        return np.atleast_1d(value).astype("uint32") + constant
    constant = np.uint32(constant).astype("int32")
    if isinstance(value, int):
        value = np.uint32(value % _WORD).astype("int32")
    return xp.reshape(xp.cast(value, "int32"), (-1,)) + constant


def _mixed(xp, word):
    """Return the hash of each 32-bit word.

    Source: C. Wellons, Prospecting for Hash Functions (2018), nullprogram.com; the
    function lowbias32.
    """
    first, second = _FACTORS if xp is np else _SIGNED_FACTORS
    if xp is np:
        # The same with fewer arrays, as there may be little else to do.
        word = (word ^ (word >> 16)) * first
        word ^= word >> 15
        word *= second
        word ^= word >> 16
        return word
    word = xp.bitwise_xor(word, _shifted(xp, word, 16)) * first
    word = xp.bitwise_xor(word, _shifted(xp, word, 15)) * second
    return xp.bitwise_xor(word, _shifted(xp, word, 16))


_FACTORS = np.array([0x7FEB352D, 0x846CA68B], "uint32")
_SIGNED_FACTORS = _FACTORS.view("int32")


def _shifted(xp, word, by):
    """Return words shifted to the right, with zeros from the left."""
    shifted = xp.right_shift(word, by)
    return shifted if xp is np else xp.bitwise_and(shifted, (1 << (32 - by)) - 1)
