"""Zip archives of which no more is read than they say and have."""

import os
import struct
import zipfile

from reticnn.runtime.foreign.limits import MOST_TIMES, ROOM, in_mib

# Python makes an object of each entry of the index before one can look at it.
_LARGEST_INDEX = 4 * 2**20
_END = 22
_LOCATOR, _LONG_END = 20, 56
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
    index = _size_of_index(file)
    if index > _LARGEST_INDEX:
        raise ValueError(f"the list of what is in it takes {in_mib(index)}")
    file.seek(0)
    return zipfile.ZipFile(file)


def _size_of_index(file):
    """Return how long the index is, as the last bytes of a file say; 0 if it has none.

    Where Python finds a length of 64 bits it takes that, whatever the other is.
    """
    start = max(0, file.seek(0, os.SEEK_END) - _END - _LONGEST_COMMENT)
    file.seek(start)
    tail = file.read()
    at = len(tail) - _END
    if not (tail[at:].startswith(b"PK\5\6") and tail.endswith(b"\0\0")):
        at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) < at + _END:
        return 0
    (size,) = struct.unpack_from("<L", tail, at + 12)
    long = _long_sizes(file, start + at)
    return max(size % 0xFFFFFFFF, *long) if long else size


def _long_sizes(file, end):
    """Return the lengths of 64 bits that Pythons may find for what ends at a place.

    They look right before it, or where they are told there.
    """
    places = [end - _LOCATOR - _LONG_END]
    locator = _bytes_at(file, end - _LOCATOR, _LOCATOR)
    if locator.startswith(b"PK\6\7"):
        places.append(struct.unpack_from("<Q", locator, 8)[0])
    found = [_bytes_at(file, place, _LONG_END) for place in places]
    return [
        struct.unpack_from("<Q", record, 40)[0]
        for record in found
        if record.startswith(b"PK\6\6") and len(record) == _LONG_END
    ]


def _bytes_at(file, place, count):
    if not 0 <= place < file.seek(0, os.SEEK_END):
        return b""
    file.seek(place)
    return file.read(count)


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
        if not stored and not (compressed and is_bounded(entry)):
            raise ValueError(f"{entry.filename!r} in it is compressed")
        if stored and entry.compress_size != entry.file_size:
            raise ValueError(f"{entry.filename!r} in it has the wrong size")
        total += entry.file_size
    if total > (MOST_TIMES * size + ROOM if compressed else size):
        raise ValueError(
            f"what is in it is to take {in_mib(total)}, where the file has "
            f"{in_mib(size)}"
        )


def is_bounded(entry):
    """Return whether Python unpacks no more of an entry at once than is asked for."""
    return entry.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


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
