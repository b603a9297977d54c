"""HEIC files of more than 8 bits, by their values; Pillow reads others as photos."""

import io

import numpy as np

from reticnn.data.described import Described, check_room
from reticnn.data.pixels.bounding import bounded
from reticnn.data.plugins import heif

# What files call themselves.
KINDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs")

# Fewer bits are brought to 16 when they are decoded.
_LIMITS = (0, 65_535)

# Modes of such images and their bands.
_BANDS = {"I;16": 1, "RGB;16": 3, "RGBA;16": 4, "RGBa;16": 4}

# Bytes that a value takes, as decoded and in copies.
_BYTES = 8


def is_mine(beginning):
    """Return whether a file that begins so is one."""
    return beginning[4:8] == b"ftyp" and beginning[8:12] in KINDS


def described(file, reading):
    """Return what the header of a file says; None for a photo that Pillow reads."""
    if heif() is None:
        return None
    image = _opened(file)
    if image.info.get("bit_depth", 8) <= 8 or image.mode not in _BANDS:
        return None
    bands = _BANDS[image.mode]
    alpha = {"RGBA;16": "straight", "RGBa;16": "premultiplied"}.get(image.mode)
    dtype = np.dtype("u2")
    about = Described(
        "HEIF", *image.size, bands, dtype, _LIMITS, alpha, is_colour=bands > 2
    )
    check_room(about, file.seek(0, io.SEEK_END), _BYTES * about.count)
    return about


def values(file, about, reading, take):
    """Return the values of a file, (height, width, bands), upright."""
    take(_BYTES * about.count)
    found = np.asarray(_opened(file))
    return found.reshape(about.height, about.width, about.bands)


def _opened(file):
    file.seek(0)
    return heif().open_heif(bounded(file), convert_hdr_to_8bit=False)
