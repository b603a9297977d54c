"""Read no more of a large file than the image in it can need."""

import os

# Smaller files are read as they are. No format has that much before its pixels.
_SMALL = 64 << 20


class Bounded:
    """A file of which a number of bytes is read at most.

    Attributes:
        file: What is read in place of the file.
    """

    def __init__(self, file):
        """Take a file object."""
        self.file = _Metered(file) if _length(file) > _SMALL else file

    def allow(self, count):
        """Let so many bytes be read from now on."""
        if isinstance(self.file, _Metered):
            self.file.left = count


def _length(file):
    try:
        return os.fstat(file.fileno()).st_size
    except OSError:
        return 0  # It is in memory already.


class _Metered:
    """A file that ends where enough has been read of it."""

    def __init__(self, file):
        self._file = file
        self.left = _SMALL

    def __getattr__(self, name):
        return getattr(self._file, name)

    def read(self, size=-1):
        """Return the next bytes, if any are left."""
        size = self.left if size is None or size < 0 else min(size, self.left)
        found = self._file.read(size)
        self.left -= len(found)
        return found
