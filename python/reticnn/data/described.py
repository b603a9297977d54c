"""What the header of a file says of its values, and what cannot be read."""

import io
import os
from typing import Any, NamedTuple

import numpy as np

from reticnn.data.refusing import RefusedError, check_memory

# Of a blank page, a byte may hold some ten thousand pixels.
_MOST_VALUES_PER_BYTE = 100_000

# A file of so few values may have any number of bytes.
_FEW = 50_000_000


class Described(NamedTuple):
    """What the header of a file says of its values.

    Attributes:
        format: Such as `"TIFF"`.
        width: Pixels, as stored.
        height: Pixels, as stored.
        bands: Number of bands, with one for transparency.
        dtype: NumPy's type of the values.
        limits: (black, white) of the type, as the file says it: 12 bits end at 4,095.
        alpha: What the last band is of, if it is transparency: `"straight"`, or
            `"premultiplied"` where the others are multiplied by it; else None.
        is_colour: Whether the first three bands are red, green and blue.
        has_own_limits: Whether the file itself says what is black and white.
        has_more_pages: Whether the file has pages besides the one that is read.
        is_negative: Whether the lowest value is white, and the highest black.
        orientation: How the image lies, as EXIF says it.
        details: What the reader needs to read the values.
    """

    format: str
    width: int
    height: int
    bands: int
    dtype: np.dtype
    limits: tuple
    alpha: str | None = None
    is_colour: bool = False
    has_own_limits: bool = False
    has_more_pages: bool = False
    is_negative: bool = False
    orientation: int = 1
    details: Any = None

    @property
    def upright_size(self):
        """(width, height) of the upright image."""
        size = self.width, self.height
        return size[::-1] if self.orientation > 4 else size

    @property
    def colours(self):
        """Number of bands but for the one for transparency."""
        return self.bands - (self.alpha is not None)

    @property
    def count(self):
        """Number of values."""
        return self.width * self.height * self.bands

    @property
    def is_eight_bit(self):
        """Whether the values are pixels already."""
        return self.dtype == np.uint8 and self.limits == (0, 255)


def length_of(file):
    """Return the bytes of an open file, whose position may be another one then."""
    try:
        return os.fstat(file.fileno()).st_size
    except OSError:  # It is in memory.
        return file.seek(0, io.SEEK_END)


def limits_of(dtype, bits=None):
    """Return the black and the white of a type of so many bits."""
    if dtype.kind == "f":
        return (0, 1)
    bits = bits or 8 * dtype.itemsize
    return (0, 2 ** (bits - (dtype.kind == "i")) - 1)


def check_room(about, length, needed):
    """Raise if values are too many for the file's bytes, or for the memory.

    Args:
        about: `Described`.
        length: The file's bytes.
        needed: Bytes that it takes to decode them.
    """
    if about.count > max(_FEW, _MOST_VALUES_PER_BYTE * length):
        raise RefusedError(
            f"claims in its first bytes to have {about.width:,} x {about.height:,} "
            f"pixels of {about.bands:,} bands, and has {length:,} bytes, far too few "
            "for them"
        )
    check_memory(needed)
