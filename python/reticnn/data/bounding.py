"""Read no more of a large file than the image in it can need."""

import os

# Smaller files are read as they are.
_SMALL = 16 << 20

# No format has that much before its pixels.
_BEGINNING = 64 << 20

# What none exceeds: plain PPM has 18, three numbers of 5 digits and what divides them.
_BYTES_PER_PIXEL = 20


def bounded(file):
    """Return a file of which no more is read than comes before an image's pixels."""
    try:
        length = os.fstat(file.fileno()).st_size
    except OSError:
        return file  # It is in memory already.
    return file if length <= _SMALL else _Metered(file)


def allow(image):
    """Let what an image needs be read of the file that it was opened from."""
    if isinstance(image.fp, _Metered):
        image.fp.left = _BYTES_PER_PIXEL * image.width * image.height + _BEGINNING


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
