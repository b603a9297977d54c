"""PNG files of 16 bits, by their values."""

import struct

import numpy as np
from PIL import Image

from reticnn.data.described import Described, check_room, length_of
from reticnn.data.pixels.bounding import allow, bounded
from reticnn.data.pixels.orientation import orientation_of, turned

_BEGINNING = b"\x89PNG\r\n\x1a\n"

# Bands of PNG's kinds of colour.
_BANDS = {0: 1, 2: 3, 4: 2, 6: 4}
_LIMITS = (0, 65_535)


def is_mine(beginning):
    """Return whether a file that begins so is one of 16 bits."""
    return beginning[:8] == _BEGINNING and beginning[24:25] == b"\x10"


def described(file, reading):
    """Return what the header of a file says."""
    file.seek(16)
    width, height, _, colour = struct.unpack(">IIBB", file.read(10))
    bands = _BANDS.get(colour, 1)
    about = Described(
        "PNG",
        width,
        height,
        bands,
        np.dtype("u2"),
        _LIMITS,
        "straight" if bands in (2, 4) else None,
        bands > 2,
    )
    check_room(about, length_of(file), 5 * about.count)
    return about._replace(orientation=_orientation(file))


def values(file, about, reading, take):
    """Return the values of a file, (height, width, bands), upright."""
    take(5 * about.count)
    return turned(_values_as_stored(file, about), about.orientation)


def _orientation(file):
    with _opened(file) as image:
        return orientation_of(image)


def _opened(file):
    """Open a file as Pillow does, as far as its header."""
    file.seek(0)
    image = Image.open(bounded(file), formats=("PNG",))
    allow(image)
    return image


def _values_as_stored(file, about):
    """Return the values of a file, (height, width, bands), as they lie there."""
    if about.bands == 1:
        return _clear_is_white(*_as_stored(file, "I;16B"))[..., None]
    if about.bands == 2:
        pairs, _ = _as_stored(file, "RGBA")
        return np.ascontiguousarray(pairs).view(">u2")
    # Pillow keeps 8 bits of colours: once the upper ones, and once the lower.
    mode = "RGB" if about.bands == 3 else "RGBA"
    upper, clear = _as_stored(file, f"{mode};16B")
    found = upper.astype(np.uint16) << 8
    found |= _as_stored(file, f"{mode};16L")[0]
    return _clear_is_white(found, clear)


def _as_stored(file, raw_mode):
    """Return what Pillow decodes of a file in a raw mode, and what is transparent."""
    image = _opened(file)
    image.tile = [part._replace(args=raw_mode) for part in image.tile]
    image.load()
    return np.asarray(image), image.info.get("transparency")


def _clear_is_white(found, clear):
    """Return values with those that a file calls transparent made white."""
    if clear is None:
        return found
    found = found.copy()
    same = found == np.array(clear)
    found[same.all(axis=2) if found.ndim == 3 else same] = _LIMITS[1]
    return found
