"""NumPy's files of one array, .npy and .npz, which are never unpickled."""

import contextlib
import io
import math
import zipfile

import numpy as np
from numpy.lib import format as numpy_format

from reticnn.data.described import Described, check_room, limits_of
from reticnn.data.refusing import RefusedError
from reticnn.notation import shown_kind
from reticnn.runtime.foreign.archives import is_bounded, open_archive
from reticnn.runtime.opencv import cv2

ENDINGS = (".npy", ".npz")

_ARRAY = b"\x93NUMPY"
_ENTRY = b"PK\3\4"

_HEADERS = {
    (1, 0): numpy_format.read_array_header_1_0,
    (2, 0): numpy_format.read_array_header_2_0,
}

# What OpenCV knows of types, and of the bands of an image.
_OPENCV = ("u1", "i1", "u2", "i2", "i4", "f4", "f8")
_MOST_BANDS = 512

# So many arrays are named.
_NAMED = 5


def is_mine(beginning):
    """Return whether a file that begins so is one: an array, or a zip with arrays."""
    if beginning.startswith(_ARRAY):
        return True
    length = int.from_bytes(beginning[26:28], "little")
    name = beginning[30 : 30 + length]
    return beginning.startswith(_ENTRY) and name.endswith(b".npy")


def described(file, reading):
    """Return what the header of a file says.

    Raises:
        RefusedError: If it holds no image, or not in the memory there is.
    """
    file.seek(0)
    with _array_in(file) as (array, length):
        shape, columns_first, dtype = _header_of(array)
        start = array.tell()
    height, width, bands = _checked_shape(shape, dtype)
    kind = np.dtype("u1") if dtype.kind == "b" else dtype.newbyteorder("=")
    about = Described(
        "NumPy",
        width,
        height,
        bands,
        kind,
        (0, 1) if dtype.kind == "b" else limits_of(kind),
        is_colour=bands == 3,
        details=(start, columns_first, dtype),
    )
    size = about.count * dtype.itemsize
    if length - start < size:
        raise RefusedError(
            f"is damaged: it has {max(0, length - start):,} bytes of values, and its "
            f"header says {size:,}"
        )
    check_room(about, file.seek(0, io.SEEK_END), 2 * size)
    return about


def values(file, about, reading, take):
    """Return the values of a file, (height, width, bands)."""
    start, columns_first, dtype = about.details
    size = about.count * dtype.itemsize
    take(2 * size)
    file.seek(0)
    with _array_in(file) as (array, _):
        array.read(start)
        found = array.read(size)
    if len(found) < size:
        raise RefusedError(
            f"is damaged: it has {len(found):,} bytes of values, and its header says "
            f"{size:,}"
        )
    found = np.frombuffer(found, dtype).astype(about.dtype, copy=False)
    shape = (about.height, about.width, about.bands)
    return _by_rows(found, shape) if columns_first else found.reshape(shape)


def _by_rows(found, shape):
    """Return values that lie by columns, band after band, as (height, width, bands).

    OpenCV does it in a small part of NumPy's time, with types that it has.
    """
    height, width, bands = shape
    if found.dtype.str[1:] not in _OPENCV or bands > _MOST_BANDS:
        return np.ascontiguousarray(found.reshape(shape, order="F"))
    columns = found.reshape(bands, width, height)
    return cv2.merge([cv2.transpose(band) for band in columns]).reshape(shape)


@contextlib.contextmanager
def _array_in(file):
    """Open what holds the one array of a file; and its length in bytes."""
    if file.read(len(_ARRAY)) == _ARRAY:
        length = file.seek(0, io.SEEK_END)
        file.seek(0)
        yield file, length
        return
    try:
        archive = open_archive(file)
    except (ValueError, zipfile.BadZipFile) as error:
        raise RefusedError(f"is damaged: {error}") from error
    with archive:
        entry = _only_entry(archive.infolist())
        with archive.open(entry) as array:
            yield array, entry.file_size


def _only_entry(entries):
    arrays = [entry for entry in entries if entry.filename.endswith(".npy")]
    if len(arrays) == 1:
        if not is_bounded(arrays[0]):
            raise RefusedError(
                "is compressed in a way that is not NumPy's: save it again with "
                "`numpy.savez_compressed()`"
            )
        return arrays[0]
    names = [entry.filename.removesuffix(".npy") for entry in arrays[:_NAMED]]
    more = ", ..." if len(arrays) > _NAMED else ""
    raise RefusedError(
        f"has {len(arrays)} arrays ({', '.join(map(repr, names))}{more}), and nothing "
        "says which of them is the image: save one for each file"
    )


def _header_of(array):
    """Return the shape, whether the first dimension is the fastest, and the type."""
    try:
        version = numpy_format.read_magic(array)
        read = _HEADERS.get(version)
        if read is None:
            raise RefusedError("is in a version of NumPy's format that is not read")
        return read(array)
    except RefusedError:
        raise
    except Exception as error:  # Of Python's parser, which reads it.
        raise RefusedError("is damaged: its header cannot be understood") from error


def _checked_shape(shape, dtype):
    """Return the height, the width and the bands that an array has as an image."""
    if dtype.hasobject:
        raise RefusedError(
            "contains Python objects, which are never unpickled: a file could run any "
            "program that way"
        )
    if dtype.names:
        raise RefusedError("holds values of several fields, which are not pixels")
    if dtype.kind not in "buif" or dtype.itemsize > 8:
        raise RefusedError(
            f"holds values of type {shown_kind(dtype)}, which are not pixels"
        )
    if not all(type(side) is int and side >= 0 for side in shape):
        raise RefusedError("is damaged: its header cannot be understood")
    if len(shape) not in (2, 3) or math.prod(shape) == 0:
        raise RefusedError(
            f"holds an array of {' x '.join(map(str, shape)) or 'one value'}, and an "
            "image is height x width or height x width x bands"
        )
    return (*shape, 1)[:3]
