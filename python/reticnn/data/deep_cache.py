"""Keep images of more than 8 bits as the values of their files, where these suffice."""

import threading

import numpy as np

from reticnn.data.caching import kind_with_room, new_cache
from reticnn.data.value_range import are_inside, scale_to


class DeepCache:
    """Hold images of float32, and in half of the bytes those that are values of files.

    Those are images of the size of their file whose values have 16 bits. Bringing them
    to 0 to 255 anew takes little more than reading them, and half as much memory to
    fill, in the threads that decode, saves much of the first epoch.
    """

    def __init__(self, kind, shape):
        """Take where images are kept, as `new_cache` does, and the shape of all."""
        floats = np.dtype(np.float32)
        if kind == "auto":
            kind = kind_with_room(np.prod(shape) * floats.itemsize)
        self._kind = kind
        self._shape = shape
        self._floats = new_cache(kind, shape, floats)
        # Made when their type is known.
        self._stored = self._pairs = self._dtype = None
        self._is_stored = np.zeros(shape[0], bool)
        self._needs_ends = np.zeros(shape[0], bool)
        self._lock = threading.Lock()
        self.keeps = self._floats.keeps
        self.has = self._floats.has

    def read(self, indices):
        """Return the images at `indices`, all of which it must have."""
        stored = self._is_stored[indices]
        if not stored.any():
            return self._floats.read(indices)
        images = np.empty((len(indices), *self._shape[1:]), np.float32)
        for row in np.flatnonzero(stored):
            index = indices[row]
            values = self._stored.read(np.array([index]))[0]
            scale_to(images[row], values, self._pairs, self._needs_ends[index])
        if not stored.all():
            images[~stored] = self._floats.read(indices[~stored])
        return images

    def write(self, indices, pixels):
        """Keep images."""
        self._is_stored[indices] = False
        self._floats.write(indices, pixels)

    def keep(self, index, values, pairs):
        """Keep an image as the values of its file, and say whether that is possible.

        Args:
            index: Its position.
            values: Array, (height, width, channels).
            pairs: (black, white) for each channel, or for all.
        """
        kind = values.dtype.newbyteorder("=")
        if values.shape != self._shape[1:] or kind not in (np.uint16, np.int16):
            return False
        with self._lock:
            if self._stored is None:
                self._stored = new_cache(self._kind, self._shape, kind)
                self._pairs, self._dtype = pairs, kind
        if (pairs, kind) != (self._pairs, self._dtype):
            return False
        self._stored.has[index] = False
        self._stored.write(np.array([index]), values[None].astype(kind, copy=False))
        if not self._stored.has[index]:
            return False
        self._needs_ends[index] = not are_inside(values, pairs)
        self._is_stored[index] = self.has[index] = True
        return True
