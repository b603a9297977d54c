"""JPEG XL files, whose plugin for Pillow decodes all of a file when it opens it."""

import io
import struct

from PIL import ExifTags, Image

from reticnn.data.plugins import add_plugins
from reticnn.data.readers.peers import missing
from reticnn.data.refusing import RefusedError, check_memory

_CODES = b"\xff\x0a"
_BOXES = b"\0\0\0\x0cJXL \r\n\x87\n"

# Bits of a length, as the choice before it says.
_BITS = (9, 13, 18, 30)

# Width to height, as a file may say it by a number from 1 on in place of the width.
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))

# What the plugin takes for a pixel: as decoded, in its copies and in Pillow's.
BYTES_PER_PIXEL = 24

# Boxes before the one with the image.
_MOST_BOXES = 1000

# Of a blank image, a byte may hold some ten thousand pixels; a few, any number.
_MOST_PIXELS_PER_BYTE = 100_000
_FEW = 50_000_000


def is_mine(file):
    """Return whether an open file is one."""
    file.seek(0)
    beginning = file.read(len(_BOXES))
    file.seek(0)
    return beginning.startswith((_CODES, _BOXES))


def bytes_to_open(file):
    """Return how much memory it takes to open a file.

    Raises:
        RefusedError: If that is more than there is, or its size cannot be.
    """
    length = file.seek(0, io.SEEK_END)
    size = _size(file)
    file.seek(0)
    if size is None:
        raise RefusedError("is damaged: nothing in it says how large it is")
    width, height = size
    if width * height > max(_FEW, _MOST_PIXELS_PER_BYTE * length):
        raise RefusedError(
            f"claims in its first bytes to have {width:,} x {height:,} pixels, and has "
            f"{length:,} bytes, far too few for them"
        )
    needed = BYTES_PER_PIXEL * width * height
    check_memory(needed)
    return needed


def opened(file):
    """Return Pillow's image of an open file, upright as the format has it."""
    add_plugins()
    if "JXL" not in Image.OPEN:
        raise missing("pillow-jxl-plugin", "a JPEG XL file")
    try:
        image = Image.open(file)
    except Exception as error:
        # The plugin says that of itself.
        raise RefusedError("is damaged: its pixels cannot be decoded") from error
    # What the EXIF says of that does not count.
    image.getexif().pop(ExifTags.Base.Orientation, None)
    return image


def _size(file):
    """Return the (width, height) that a file says, or None."""
    file.seek(0)
    head = file.read(len(_BOXES))
    if head == _BOXES:
        start = _start_of_codes(file)
        if start is None:
            return None
        file.seek(start)
    else:
        file.seek(0)
    codes = file.read(16)
    if not codes.startswith(_CODES) or len(codes) < 16:
        return None
    return _size_of(_Bits(codes[len(_CODES) :]))


def _start_of_codes(file):
    """Return where the image begins in a file of boxes, or None."""
    at = len(_BOXES)
    for _ in range(_MOST_BOXES):
        file.seek(at)
        head = file.read(16)
        if len(head) < 16:
            return None
        size, kind = struct.unpack(">I4s", head[:8])
        inside = 8
        if size == 1:
            size, inside = struct.unpack(">Q", head[8:])[0], 16
        if kind in (b"jxlc", b"jxlp"):
            # Parts of an image are counted before they begin.
            return at + inside + (4 if kind == b"jxlp" else 0)
        if size < inside:
            return None
        at += size
    return None


def _size_of(bits):
    is_small = bits.next(1)
    height = _length(bits, is_small)
    ratio = bits.next(3)
    if not ratio:
        return _length(bits, is_small), height
    across, down = _RATIOS[ratio - 1]
    return height * across // down, height


def _length(bits, is_small):
    if is_small:
        return 8 * (bits.next(5) + 1)
    return bits.next(_BITS[bits.next(2)]) + 1


class _Bits:
    """Numbers of some bits each, the lowest first."""

    def __init__(self, encoded):
        self._left = int.from_bytes(encoded, "little")

    def next(self, count):
        """Return the number that the next so many bits are."""
        number = self._left & ((1 << count) - 1)
        self._left >>= count
        return number
