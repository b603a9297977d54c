"""Read no more of a large file than the image in it can need."""

import os
import struct

# Smaller files are read as they are.
_SMALL = 16 << 20

# No format has that much before its pixels.
_BEGINNING = 64 << 20

# What none exceeds: plain PPM has 18, three numbers of 5 digits and what divides them.
_BYTES_PER_PIXEL = 20

# An AVIF file has some four, one in another.
_MOST_BOXES = 1000


def bounded(file):
    """Return a file of which no more is read than comes before an image's pixels.

    Of formats that are read as a whole it is the image, without what comes behind it.
    """
    length = _length(file)
    if length <= _SMALL:
        return file
    at_once = _at_once(file, length)
    return _Beginning(file, at_once) if at_once else _Metered(file)


def read_at_once(file):
    """Return how many bytes of a `bounded` file are read when it is opened, if many."""
    return file.length if isinstance(file, _Beginning) else 0


def _length(file):
    """Return the length of a file, or 0 for one that is in memory already."""
    try:
        return os.fstat(file.fileno()).st_size
    except OSError:
        return 0


def _at_once(file, length):
    """Return the length of an image that Pillow reads as a whole, or 0 for others."""
    file.seek(0)
    start = file.read(12)
    at_once = 0
    if start[:4] == b"RIFF" and start[8:] == b"WEBP":
        at_once = 8 + struct.unpack_from("<L", start, 4)[0]
    elif start[4:8] == b"ftyp" and start[8:] in (b"avif", b"avis", b"mif1", b"msf1"):
        at_once = _end_of_boxes(file, length)
    file.seek(0)
    return min(at_once, length)


def _end_of_boxes(file, length):
    """Return where the last of the boxes ends that an AVIF file consists of."""
    end = 0
    for _ in range(_MOST_BOXES):
        file.seek(end)
        head = file.read(16)
        if len(head) < 8 or not head[4:8].isalnum():
            return end
        (size,) = struct.unpack_from(">L", head)
        if size == 1 and len(head) == 16:
            (size,) = struct.unpack_from(">Q", head, 8)
        if size == 0:  # It goes on to the end of the file.
            return length
        if size < 8 or size > length - end:
            return end
        end += size
    return end


def allow(image):
    """Let what an image needs be read of the file that it was opened from."""
    if isinstance(image.fp, _Metered):
        image.fp.left = _BYTES_PER_PIXEL * image.width * image.height + _BEGINNING


class _Beginning:
    """A file that ends before it does."""

    def __init__(self, file, length):
        self._file, self.length = file, length

    def __getattr__(self, name):
        return getattr(self._file, name)

    def read(self, size=-1):
        """Return the next bytes, if any are left."""
        left = max(0, self.length - self._file.tell())
        return self._file.read(left if size is None or size < 0 else min(size, left))


class _Metered:
    """A file that ends where enough has been read of it."""

    def __init__(self, file):
        self._file = file
        self.left = _BEGINNING

    def __getattr__(self, name):
        return getattr(self._file, name)

    def read(self, size=-1):
        """Return the next bytes, if any are left."""
        size = self.left if size is None or size < 0 else min(size, self.left)
        found = self._file.read(size)
        self.left -= len(found)
        return found
