"""How a file is read: as a photo of 8 bits, or by its values.

What has 8 bits and is a photo is read as ever. All else has a module of its own, with

- `is_mine(beginning)`: whether a file is one of its kind, by its first bytes;
- `described(file, reading)`: what its header says, `Described`, or None for a photo;
- `values(file, about, reading, take)`: its values as they are, (height, width, bands).
"""

import contextlib
import os
from typing import NamedTuple

import numpy as np

from reticnn.data.channels import (
    as_image,
    bytes_of_image,
    chosen_bands,
    extremes_of,
    photo_as_image,
    type_of_values,
)
from reticnn.data.file_reading import Reading
from reticnn.data.pixels.upright import upright_pixels, upright_size
from reticnn.data.readers import (
    dicom,
    heic,
    jpeg2000,
    numpy_files,
    photo,
    png,
    pnm,
    tiff,
)
from reticnn.data.refusing import RefusedError, check_memory

_READERS = (tiff, png, pnm, jpeg2000, dicom, numpy_files, heic)
_WITH_PAGES = (tiff, dicom)

# Pages that a file of any format has.
_FIRST = ("first", "bands", 0)

# So much of a file tells what it is.
_BEGINNING = 4096
_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG"

# Pixels, to see whether a file can be read.
_LITTLE = 8

# Rows and columns of an image that are sampled at most.
_ROWS = 512

# Files that are called so never have more than 8 bits, as far as Pillow reads them.
_EIGHT_BITS = frozenset(
    f".{ending}"
    for ending in (
        *("jpg", "jpeg", "jpe", "jfif", "gif", "bmp", "dib", "webp", "ico", "icns"),
        *("tga", "pcx", "mpo", "avif"),
    )
)

# And those never floating-point values.
_WHOLE_NUMBERS = frozenset([".png", ".apng", ".pgm", ".ppm", ".pnm", ".jp2", ".j2k"])


class Header(NamedTuple):
    """What there is to know of a file before it is read.

    Attributes:
        dtype: NumPy's type of its values, which is one of whole numbers if the file
            itself says what is black and white; None if it is not known.
        has_more_pages: Whether the first of several pages is read, unasked.
    """

    dtype: np.dtype | None
    has_more_pages: bool = False


def pixels_of(file, side, reading, has_floats, take, keep=None):
    """Return a file's pixels, upright, and the extremes of its values.

    Args:
        file: Binary file, open.
        side: The pixels are so high and wide, or more if the file is.
        reading: `Reading`.
        has_floats: Whether float32 is wanted, not uint8, of files of more than 8 bits.
        take: Function that is told how many bytes of memory will be taken.
        keep: Function to call with the values and their range, as for `as_image`.

    Returns:
        Array, (height, width) or (height, width, channels), 0 to 255, and `Extremes` of
        values that have more than 8 bits, else None.
    """
    reader, about = reader_of(file, reading)
    if about is not None:
        besides = bytes_of_image(about, reading, side)

        def take_for_both(count):
            check_memory(count + besides)
            take(count + besides)

        values = reader.values(file, about, reading, take_for_both)
        return as_image(values, about, reading, has_floats, side, keep)
    with photo.image_in(file, take) as image:
        pixels, highest = upright_pixels(image, side, reading.channels, take)
    return photo_as_image(pixels, highest)


def description_of(file):
    """Return the format, width, height and `has_more_pages` of a file, as a dict.

    Args:
        file: Binary file, open.

    Raises:
        RefusedError: If its values cannot be read.
        Exception: Whatever Pillow raises for a file that it cannot open.
    """
    _, about = reader_of(file, Reading())
    has_more_pages = _has_more_pages(file, about)
    with contextlib.nullcontext(about) if about else photo.image_in(file) as image:
        return {
            "format": image.format,
            "width": image.width,
            "height": image.height,
            "has_more_pages": has_more_pages,
        }


def upright_size_of(file, reading):
    """Return the (width, height) of the image in an open file as it is upright."""
    _, about = reader_of(file, reading)
    if about is not None:
        return about.upright_size
    with photo.image_in(file) as image:
        return upright_size(image)


def read_through(file, take):
    """Decode an open file whatever its bands are, and raise if that fails."""
    reader, about = reader_of(file, Reading())
    if about is not None:
        values = reader.values(file, about, Reading(), take)
        extremes_of(values, about, Reading().value_range)
        return
    with photo.image_in(file, take) as image:
        upright_pixels(image, _LITTLE, 3, take)


def sample_of(file, reading, most, take):
    """Return up to `most` of the values of an open file that are wanted, as floats.

    Returns:
        Array, (n, bands): some of the file's pixels, with all of their bands.
    """
    reader, about = reader_of(file, reading)
    if about is None:
        reader, about = photo, photo.described(file, reading)
    values, _ = chosen_bands(reader.values(file, about, reading, take), about, reading)
    down, across = (-(-length // _ROWS) for length in values.shape[:2])
    values = values[::down, ::across].reshape(-1, values.shape[2])
    return values[:: max(1, values.size // most)].astype(np.float64)


def may_be_deep(path):
    """Return whether a file may have more than 8 bits, by its name alone."""
    return os.path.splitext(path)[1].lower() not in _EIGHT_BITS


def may_have_floats(path):
    """Return whether a file may have floating-point values, by its name alone."""
    ending = os.path.splitext(path)[1].lower()
    return ending not in _EIGHT_BITS and ending not in _WHOLE_NUMBERS


def may_have_pages(path):
    """Return whether a file may have several pages, by its name alone."""
    return may_have_floats(path)


def header_of(file, reading):
    """Return the `Header` of an open file."""
    _, about = reader_of(file, reading)
    has_more_pages = reading.page == "first" and _has_more_pages(file, about)
    if about is None:
        return Header(np.dtype(np.uint8), has_more_pages)
    return Header(type_of_values(about), has_more_pages)


def _has_more_pages(file, about):
    """Return whether an open file has pages besides the first, which is read.

    Args:
        file: Binary file.
        about: `Described`, or None for a photo of 8 bits.
    """
    if about is not None:
        return about.has_more_pages
    return tiff.is_mine(_beginning_of(file)) and tiff.has_more_pages(file)


def reader_of(file, reading):
    """Return the module that reads an open file and what its header says.

    Nothing and None for a photo of 8 bits whose bands are as the user wants them.

    Raises:
        RefusedError: If the file has not the page that is wanted.
    """
    beginning = _beginning_of(file)
    if reading.page not in _FIRST:
        _check_has_pages(beginning)
    if reading.is_of_photos and _is_plain(beginning):
        return None, None
    for reader in _READERS:
        if reader.is_mine(beginning):
            about = reader.described(file, reading)
            if about is not None:
                return reader, about
    if reading.is_of_photos and not photo.may_be_deep(beginning):
        return None, None
    about = photo.described(file, reading)
    if reading.is_of_photos and about.is_eight_bit:
        return None, None
    return photo, about


def _check_has_pages(beginning):
    """Raise if a file that begins so is of a format whose first page alone is read."""
    if not any(reader.is_mine(beginning) for reader in _WITH_PAGES):
        raise RefusedError(
            "has a format of which only the first page is read, and `page` is the "
            "number of another: leave it out"
        )


def _beginning_of(file):
    """Return the first bytes of an open file, at whose beginning it then is."""
    file.seek(0)
    if hasattr(file, "peek"):
        return file.peek(_BEGINNING)
    beginning = file.read(_BEGINNING)
    file.seek(0)
    return beginning


def _is_plain(beginning):
    """Return whether a file that begins so is a photo of 8 bits: most files are."""
    return beginning.startswith(_JPEG) or (
        beginning.startswith(_PNG) and not png.is_mine(beginning)
    )
