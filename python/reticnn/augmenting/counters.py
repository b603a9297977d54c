"""Random numbers by counting: a hash of what they are for, with no state.

A number depends on a seed, an epoch, the position of an image in the data and the
slot of the draw, and on nothing else: not on batches, order, workers, or on what else
is drawn. NumPy counts in uint32, Keras's backends in int32 that wraps around, as JAX
has no wider integers by default; the bits are the same.
"""

import numpy as np

_WORD = 2**32

# What is hashed at each step is moved by its own constant: 0 is nothing special.
_SEED, _EPOCH, _INDEX, _SLOT = 0x9E3779B9, 0x85EBCA6B, 0xC2B2AE35, 0x27D4EB2F


def uniforms(xp, seed, epoch, indices, slots):
    """Return float32 numbers in [0, 1), (n, slots), multiples of 2**-24.

    Args:
        xp: `numpy` or `keras.ops`.
        seed: Whole number of at least 0, of any size; or an int32 scalar tensor.
        epoch: Whole number of at least 0, or an int32 scalar tensor.
        indices: Positions of the images in the data, whole numbers, (n,).
        slots: The draws wanted, a sequence of whole numbers.

    Returns:
        Array or tensor, (n, slots).
    """
    run = _mixed(xp, _word(xp, folded(seed), _SEED))
    run = _mixed(xp, xp.bitwise_xor(run, _word(xp, epoch, _EPOCH)))
    image = _mixed(xp, xp.bitwise_xor(run, _mixed(xp, _word(xp, indices, _INDEX))))
    slot = _mixed(np, _word(np, np.asarray(slots), _SLOT))
    slot = slot if xp is np else xp.convert_to_tensor(slot.view("int32"))
    bits = _mixed(xp, xp.bitwise_xor(image[:, None], slot[None, :]))
    return as_float(xp, _shifted(xp, bits, 8)) * 2.0**-24


def folded(seed):
    """Return a whole number of any size as one below 2**32; others as they are."""
    if not isinstance(seed, int):
        return seed
    low, seed = seed % _WORD, seed // _WORD
    while seed:
        low = int(_mixed(np, np.array([low], "uint32"))[0]) ^ (seed % _WORD)
        seed //= _WORD
    return low


def as_float(xp, values):
    """Return values as float32."""
    return values.astype("float32") if xp is np else xp.cast(values, "float32")


def as_whole(xp, values):
    """Return floats without their fractions, as int32."""
    return values.astype("int32") if xp is np else xp.cast(values, "int32")


def _word(xp, value, constant):
    """Return `value + constant` in 32 bits, one number as an array of one."""
    if isinstance(value, (int, np.integer)):
        word = np.array([(int(value) + constant) % _WORD], "uint32")
        return word if xp is np else xp.convert_to_tensor(word.view("int32"))
    if xp is np:
        return np.asarray(value).astype("uint32") + np.uint32(constant)
    value = xp.cast(xp.reshape(value, (-1,)), "int32")
    return value + np.uint32(constant).astype("int32")


def _mixed(xp, word):
    """Return the hash of each 32-bit word.

    Source: C. Wellons, Prospecting for Hash Functions (2018), nullprogram.com; the
    function lowbias32.
    """
    word = xp.bitwise_xor(word, _shifted(xp, word, 16)) * _factor(xp, 0x7FEB352D)
    word = xp.bitwise_xor(word, _shifted(xp, word, 15)) * _factor(xp, 0x846CA68B)
    return xp.bitwise_xor(word, _shifted(xp, word, 16))


def _factor(xp, value):
    factor = np.uint32(value)
    return factor if xp is np else factor.astype("int32")


def _shifted(xp, word, by):
    """Return words shifted to the right, with zeros from the left."""
    shifted = xp.right_shift(word, by)
    return shifted if xp is np else xp.bitwise_and(shifted, (1 << (32 - by)) - 1)
