"""JPEG 2000 files of more than 8 bits, or of many bands, by their values."""

import struct

import numpy as np
from PIL import Image

from reticnn.data.described import Described, check_room, length_of, limits_of
from reticnn.data.pixels.bounding import allow, bounded
from reticnn.data.readers.peers import missing
from reticnn.data.refusing import RefusedError

_BEGINNINGS = (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")
_STREAM = b"\xff\x4f\xff\x51"
_SEARCHED = 1 << 20
_MOST_BITS = 32


def is_mine(beginning):
    """Return whether a file that begins so is one."""
    return beginning.startswith(_BEGINNINGS)


def described(file, reading):
    """Return what the header of a file says; None for a photo that Pillow reads."""
    file.seek(0)
    beginning = file.read(_SEARCHED)
    start = beginning.find(_STREAM)
    if start < 0 or len(beginning) < start + 43:
        return None  # Pillow says what is wrong with it.
    right, low, left, top = struct.unpack_from(">4I", beginning, start + 8)
    (bands,) = struct.unpack_from(">H", beginning, start + 40)
    depth = beginning[start + 42]
    bits, is_signed = (depth & 0x7F) + 1, depth >> 7
    if bits <= 8 and bands <= 4 and not is_signed:
        return None
    if bits > _MOST_BITS or right <= left or low <= top:
        raise RefusedError("is damaged: its header says what cannot be")
    size = next(size for size in (1, 2, 4) if bits <= 8 * size)
    dtype = np.dtype(f"{'i' if is_signed else 'u'}{size}")
    about = Described(
        "JPEG2000",
        right - left,
        low - top,
        bands,
        dtype,
        limits_of(dtype, bits),
        "straight" if bands in (2, 4) and not is_signed else None,
        bands in (3, 4),
        details=bits,
    )
    check_room(about, length_of(file), 8 * about.count)
    return about


def values(file, about, reading, take):
    """Return the values of a file, (height, width, bands)."""
    take(8 * about.count)
    file.seek(0)
    if about.bands == 1 and about.dtype == np.uint16:
        with Image.open(bounded(file), formats=("JPEG2000",)) as image:
            allow(image)
            # Pillow has moved the bits to the upper end of 16.
            return (np.asarray(image) >> (16 - about.details))[..., None]
    try:
        import imagecodecs
    except ImportError as error:
        what = f"a JPEG 2000 of {about.bands} bands and {about.details} bits"
        raise missing("imagecodecs", what) from error
    found = imagecodecs.jpeg2k_decode(file.read())
    return found.reshape(about.height, about.width, about.bands)
