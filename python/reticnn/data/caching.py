"""Keep decoded images for later epochs: in memory, on disk, or not at all."""

import os
import shutil
import tempfile
import threading

import numpy as np

# Images of one data set are kept in memory while all of them fit into this.
MEMORY_BYTES = 2**30

# A cache on disk may take this share of the free space there.
_SHARE_OF_DISK = 0.5


def new_cache(kind, shape, dtype=np.uint8):
    """Return an empty cache for images of `shape`, (n, height, width, channels).

    Args:
        kind: "memory", "disk" or "none"; or "auto" for the first of them that has the
            room.
        shape: Shape of all the images together.
        dtype: Type of their values. Default uint8.
    """
    if kind == "auto":
        kind = kind_with_room(np.prod(shape) * np.dtype(dtype).itemsize)
    caches = {"memory": _MemoryCache, "disk": _DiskCache, "none": _NoCache}
    try:
        return caches[kind](shape, dtype)
    except OSError:
        # As with a full disk below.
        return _NoCache(shape, dtype)


def kind_with_room(size):
    """Return the first of "memory", "disk" and "none" that has room for some bytes."""
    if size <= MEMORY_BYTES:
        return "memory"
    return "disk" if size <= _free_disk() * _SHARE_OF_DISK else "none"


class _NoCache:
    """Hold nothing; `has` says which images a cache holds."""

    keeps = False

    def __init__(self, shape, dtype):
        self.has = np.zeros(shape[0], bool)
        self._image_shape = shape[1:]
        self._dtype = np.dtype(dtype)

    def read(self, indices):
        """Return the images at `indices`, of which this cache has none."""
        return np.empty((len(indices), *self._image_shape), self._dtype)

    def write(self, indices, pixels):
        """Keep images."""

    def grow(self, count):
        """Have room for so many images more, behind the others."""
        self.has = np.concatenate([self.has, np.zeros(count, bool)])


class _MemoryCache(_NoCache):
    """Hold images in an array, which takes memory as it fills."""

    keeps = True

    def __init__(self, shape, dtype):
        super().__init__(shape, dtype)
        self._pixels = np.empty(shape, dtype)

    def read(self, indices):
        """Return the images at `indices`, all of which it must have."""
        return self._pixels[indices]

    def write(self, indices, pixels):
        """Keep images."""
        self._pixels[indices] = pixels
        self.has[indices] = True

    def grow(self, count):
        """Have room for so many images more, behind the others."""
        super().grow(count)
        if len(self.has) > len(self._pixels):
            # What is not used takes no memory.
            length = max(len(self.has), 2 * len(self._pixels))
            pixels = np.empty((length, *self._image_shape), self._dtype)
            pixels[: len(self._pixels)] = self._pixels
            self._pixels = pixels


class _DiskCache(_NoCache):
    """Hold images in a temporary file, deleted with the process or the cache.

    Its reads and writes name their offset in the file and leave no image in memory: the
    system's own file cache decides what stays there.
    """

    keeps = True

    def __init__(self, shape, dtype):
        super().__init__(shape, dtype)
        # Open as long as the cache is used; closing it deletes it.
        self._file = tempfile.TemporaryFile(prefix="reticnn-", buffering=0)  # noqa: SIM115
        self._image_bytes = int(np.prod(shape[1:])) * self._dtype.itemsize
        self._lock = threading.Lock()

    def read(self, indices):
        """Return the images at `indices`, all of which it must have."""
        pixels = np.empty((len(indices), *self._image_shape), self._dtype)
        for row, index in enumerate(indices):
            image = self._read_at(int(index) * self._image_bytes)
            pixels[row] = np.frombuffer(image, self._dtype).reshape(self._image_shape)
        return pixels

    def write(self, indices, pixels):
        """Keep images, as long as the disk has room."""
        try:
            for index, image in zip(indices, pixels, strict=True):
                self._write_at(int(index) * self._image_bytes, image.tobytes())
                self.has[index] = True
        except OSError:
            # A full disk is no reason to stop: the files can still be decoded.
            pass

    # Processes forked from this one share the file's position, so that seeking would
    # give them each other's images. Windows has neither forks nor `pread`.
    if hasattr(os, "pread"):

        def _read_at(self, start):
            return os.pread(self._file.fileno(), self._image_bytes, start)

        def _write_at(self, start, image):
            if os.pwrite(self._file.fileno(), image, start) < len(image):
                raise OSError("The disk is full.")

    else:

        def _read_at(self, start):
            with self._lock:
                self._file.seek(start)
                return self._file.read(self._image_bytes)

        def _write_at(self, start, image):
            with self._lock:
                self._file.seek(start)
                if self._file.write(image) < len(image):
                    raise OSError("The disk is full.")


def _free_disk():
    try:
        return shutil.disk_usage(tempfile.gettempdir()).free
    except OSError:  # Nowhere can temporary files be written.
        return 0
