"""Zip archives of which no more is read than they say and have."""

import os
import struct
import zipfile

from reticnn.runtime.foreign.limits import MOST_TIMES, ROOM, in_mib

# Python makes an object of each entry of the index before one can look at it.
_LARGEST_INDEX = 4 * 2**20
_END = 22
_LONGEST_COMMENT = 2**16
_AT_ONCE = 2**20


def open_archive(file):
    """Return the zip archive in an open file, once its index is known to be small.

    Args:
        file: File object, opened to read bytes.

    Raises:
        ValueError: If the index is too large.
        zipfile.BadZipFile: If it is no zip archive.
    """
    size = file.seek(0, os.SEEK_END)
    start = max(0, size - _END - _LONGEST_COMMENT)
    file.seek(start)
    index = _size_of_index(file.read())
    if index > _LARGEST_INDEX:
        raise ValueError(f"the list of what is in it takes {in_mib(index)}")
    file.seek(0)
    return zipfile.ZipFile(file)


def _size_of_index(tail):
    """Return how long the index is, by the last bytes of a file; 0 if it has none."""
    at = len(tail) - _END
    if not (tail[at:].startswith(b"PK\5\6") and tail.endswith(b"\0\0")):
        at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) < at + _END:
        return 0
    (size,) = struct.unpack_from("<L", tail, at + 12)
    long = tail.rfind(b"PK\6\6", 0, at)
    if long >= 0 and at >= long + 56:
        size = max(size % 0xFFFFFFFF, *struct.unpack_from("<Q", tail, long + 40))
    return size


def check_sizes(archive, size, compressed=False):
    """Raise unless the entries of an archive can be as large as they say.

    Args:
        archive: `zipfile.ZipFile`.
        size: Size of the archive in bytes.
        compressed: Whether entries may be compressed at all.
    """
    total = 0
    for entry in archive.infolist():
        stored = entry.compress_type == zipfile.ZIP_STORED
        if not stored and not (compressed and _is_deflated(entry)):
            raise ValueError(f"{entry.filename!r} in it is compressed")
        if stored and entry.compress_size != entry.file_size:
            raise ValueError(f"{entry.filename!r} in it has the wrong size")
        total += entry.file_size
    if total > (MOST_TIMES * size + ROOM if compressed else size):
        raise ValueError(
            f"what is in it is to take {in_mib(total)}, where the file has "
            f"{in_mib(size)}"
        )


def _is_deflated(entry):
    return entry.compress_type == zipfile.ZIP_DEFLATED


def read_entry(archive, name):
    """Return the bytes of an entry, as many as it says.

    They are read in pieces: asked for all at once, Python unpacks what is there, not
    what the entry says.
    """
    pieces = []
    with archive.open(name) as entry:
        while piece := entry.read(_AT_ONCE):
            pieces.append(piece)
    return b"".join(pieces)
