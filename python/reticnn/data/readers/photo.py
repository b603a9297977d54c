"""Files that Pillow reads, by their values: 8 bits, or what else its modes hold."""

import contextlib

import numpy as np
from PIL import Image

from reticnn.data.budget import memory
from reticnn.data.described import Described, check_room, limits_of
from reticnn.data.pixels.bounding import allow, bounded, read_at_once
from reticnn.data.pixels.needs import COPIES_AT_ONCE
from reticnn.data.pixels.orientation import laid_back, orientation_of, turned
from reticnn.data.plugins import add_plugins
from reticnn.data.readers import heic, jpeg_xl
from reticnn.data.readers.peers import missing
from reticnn.data.readers.tiff_pages import BEGINNINGS
from reticnn.data.refusing import RefusedError, check_memory

# For PostScript, Pillow starts another program: whoever sends a file would have it run
# theirs, for as long as they like. An IPTC record may have it inside.
_REFUSED = {
    "EPS": "is PostScript, a program that draws, which is not run",
    "IPTC": "is an IPTC record with a file of any kind in it, which is not opened",
}

# What takes more memory to be opened is opened alone.
_MUCH = 100_000_000

# Pillow's modes whose values are what a file holds, and their bands.
_AS_THEY_ARE = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}
_DEEP = {"I": "i4", "F": "f4", "I;16": "u2", "I;16L": "u2", "I;16B": "u2"}

# How files of formats begin that never have more than 8 bits.
# Of PNG, TIFF and JPEG 2000 those come here that have no more.
_EIGHT_BITS = (
    *(b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"RIFF"),
    *(b"\0\0\0\x0cjP", b"\xff\x4f\xff\x51"),
    *BEGINNINGS,
)


def may_be_deep(beginning):
    """Return whether Pillow may find more than 8 bits in a file that begins so."""
    return not beginning.startswith(_EIGHT_BITS)


@contextlib.contextmanager
def image_in(file, take=None):
    """Open an image that is read as far as needed, whatever comes behind it.

    Where much is read to open it, that is done alone: how much memory the image takes
    is not known before.

    Args:
        file: Binary file, open.
        take: Function that is told how many bytes of memory will be taken, and has not
            been yet; or None to take what opening it needs until it is closed.
    """
    file.seek(0)
    part = bounded(file)
    with memory.share() as take_until_closed:
        if read_at_once(part):
            check_memory(COPIES_AT_ONCE * read_at_once(part))
            (take or take_until_closed)(memory.most)
        if jpeg_xl.is_mine(file):
            if jpeg_xl.bytes_to_open(file) > _MUCH:
                (take or take_until_closed)(memory.most)
            opened = jpeg_xl.opened(part)
        else:
            _check_plugin(file)
            opened = Image.open(part)
        with opened as image:
            if image.format in _REFUSED:
                raise RefusedError(_REFUSED[image.format])
            allow(image)
            yield image


def _check_plugin(file):
    """Have Pillow read HEIC if a file is of that kind, or raise."""
    file.seek(4)
    kind = file.read(8)
    file.seek(0)
    if not kind.startswith(b"ftyp"):
        return
    add_plugins()
    if kind[4:] in heic.KINDS and "HEIF" not in Image.OPEN:
        raise missing("pillow-heif", "a HEIC photo")


def has_type(dtype):
    """Return whether Pillow has a mode for values of a type, of one band."""
    return dtype.str[1:] in _DEEP.values()


def as_stored(file):
    """Return the values of an image with one band, neither turned nor converted."""
    with image_in(file) as image:
        orientation = orientation_of(image)
        found = np.asarray(image)[..., None]
        return laid_back(found, orientation) if _is_turned(image) else found


def described(file, reading):
    """Return what the header of a file says."""
    with image_in(file) as image:
        mode = _mode(image)
        dtype = np.dtype(_DEEP.get(mode, "u1"))
        bands = _AS_THEY_ARE.get(mode, 1)
        about = Described(
            image.format,
            image.width,
            image.height,
            bands,
            dtype,
            limits_of(dtype),
            "straight" if bands in (2, 4) else None,
            bands > 2,
            orientation=1 if _is_turned(image) else orientation_of(image),
        )
        check_room(about, _length(image), 12 * image.width * image.height)
        return about


def values(file, about, reading, take):
    """Return the values of a file, (height, width, bands), upright."""
    with image_in(file, take) as image:
        take(12 * about.width * about.height)
        mode = _mode(image)
        image = image if image.mode == mode else image.convert(mode)
        found = np.asarray(image)
    found = found.reshape(*found.shape[:2], about.bands)
    return turned(found, about.orientation)


def _is_turned(image):
    """Return whether Pillow itself turns an image upright, whose size is then that."""
    return image.format == "TIFF"


def _mode(image):
    """Return the mode that an image's values are read in."""
    if image.mode in _DEEP or image.mode in _AS_THEY_ARE:
        return image.mode
    if image.mode in ("1", "P", "PA", "CMYK", "YCbCr", "LAB", "HSV", "RGBX", "RGBa"):
        clear = "transparency" in image.info or image.mode in ("PA", "RGBa")
        return "L" if image.mode == "1" else "RGBA" if clear else "RGB"
    raise RefusedError(f"has values of a kind that is not read ({image.mode})")


def _length(image):
    position = image.fp.tell()
    length = image.fp.seek(0, 2)
    image.fp.seek(position)
    return length
