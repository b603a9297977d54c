"""Image data as bytes with no code in them, for where no object of Python can be kept.

R keeps them beside its pointer to the data, so that `saveRDS()`, workspaces, knitr's
cache and workers have the data too.
"""

import datetime
import io
import itertools
import json
import os
import weakref

import numpy as np

from reticnn.coercion import shown
from reticnn.data.array_images import ArrayImages
from reticnn.data.file_images import FileImages
from reticnn.data.joining import JoinedImages
from reticnn.data.own_reader import ReadByFunction
from reticnn.data.tiles.tile_images import TileImages

# Images in memory that take more are not kept.
MOST_BYTES = 100_000_000

_SOURCES = {
    "arrays": ArrayImages,
    "files": FileImages,
    "tiles": TileImages,
    "joined": JoinedImages,
}
_NAMES = {kind: name for name, kind in _SOURCES.items()}

# What stands in JSON for what it has not, and for a dict with a key like these.
_ARRAY, _SOURCE, _TIME, _DAY, _DICT = ".array", ".source", ".time", ".day", ".dict"
_MARKS = {_ARRAY, _SOURCE, _TIME, _DAY, _DICT}

_numbers = weakref.WeakKeyDictionary()
_count = itertools.count(1)


class NotKeptError(ValueError):
    """Image data that cannot be kept, with the reason."""


def number_of(source):
    """Return a number for a source of images, which no other has in this process."""
    return _numbers.setdefault(source, next(_count))


def source_to_keep(source, indices):
    """Return the source of which images are kept, and where in it they are.

    Of images in memory, a small part is kept by itself, so that it takes no more room
    than it has images.

    Raises:
        NotKeptError: If the source cannot be kept, with the reason.
    """
    if isinstance(source, ArrayImages) and 2 * len(indices) < len(source):
        source, indices = source.part(indices), np.arange(len(indices))
    _check_can_be_kept(source)
    return source, indices


def _check_can_be_kept(source):
    parts = source.sources if isinstance(source, JoinedImages) else [source]
    if any(isinstance(part, ReadByFunction) for part in parts):
        raise NotKeptError(
            "their files are read by the function given as `reader`, which is not kept"
        )
    if any(type(part) not in _NAMES for part in parts):
        raise NotKeptError("R does not keep images of their kind")
    size = sum(part.nbytes for part in parts if isinstance(part, ArrayImages))
    if size > MOST_BYTES:
        raise NotKeptError(
            f"they take {size / 1e6:,.0f} MB in memory, and R keeps images of up to "
            f"{MOST_BYTES / 1e6:,.0f} MB"
        )


def check_files_are_there(places):
    """Raise if files of images that were kept have gone since.

    Args:
        places: Absolute paths, or None for images in memory.

    Raises:
        FileNotFoundError: If there are none at some of them.
    """
    files = list(dict.fromkeys(places or ()))
    gone = [file for file in files if not os.path.lexists(file)]
    if gone:
        raise FileNotFoundError(
            f"The image data were kept by R without their pixels, and {len(gone):,} of "
            f"their {len(files):,} files {'is' if len(gone) == 1 else 'are'} gone: "
            f"{shown(gone)}. Put the files back, or create the data again."
        )


def as_bytes(value):
    """Return a value as bytes, which `from_bytes` makes it of again.

    Args:
        value: Dicts, lists, texts, numbers, dates, times, None, arrays and sources of
            images, one in the other.
    """
    arrays = []
    text = json.dumps(_as_json(value, arrays))
    file = io.BytesIO()
    named = {str(number): array for number, array in enumerate(arrays)}
    np.savez(file, text=np.frombuffer(text.encode(), np.uint8), **named)
    # What R has as raw values.
    return bytearray(file.getbuffer())


def from_bytes(data):
    """Return the value that `as_bytes` was given."""
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return _from_json(json.loads(arrays["text"].tobytes()), arrays)


def _as_json(value, arrays):
    """Return a value as JSON has it, with its arrays put at the end of a list."""
    if type(value) in _NAMES:
        return {_SOURCE: _NAMES[type(value)], "of": _as_json(value.plain(), arrays)}
    if isinstance(value, dict):
        known = {name: _as_json(item, arrays) for name, item in value.items()}
        return {_DICT: list(known.items())} if _MARKS & set(known) else known
    if isinstance(value, (list, tuple)):
        return [_as_json(item, arrays) for item in value]
    if isinstance(value, np.ndarray) and value.dtype != object:
        arrays.append(value)
        return {_ARRAY: str(len(arrays) - 1)}
    if isinstance(value, np.ndarray):
        return _as_json(value.tolist(), arrays)
    if isinstance(value, datetime.datetime):
        return {_TIME: value.isoformat()}
    if isinstance(value, datetime.date):
        return {_DAY: value.isoformat()}
    return value.item() if isinstance(value, np.generic) else value


def _from_json(value, arrays):
    """Return the value that `_as_json` was given."""
    if isinstance(value, list):
        return [_from_json(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    if _DICT in value:
        return {name: _from_json(item, arrays) for name, item in value[_DICT]}
    if _ARRAY in value:
        return arrays[value[_ARRAY]]
    if _SOURCE in value:
        return _SOURCES[value[_SOURCE]].from_plain(_from_json(value["of"], arrays))
    if _TIME in value:
        return datetime.datetime.fromisoformat(value[_TIME])
    if _DAY in value:
        return datetime.date.fromisoformat(value[_DAY])
    return {name: _from_json(item, arrays) for name, item in value.items()}
