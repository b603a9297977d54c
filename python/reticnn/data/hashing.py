"""Recognise images by their pixels, wherever they come from."""

import numpy as np

from reticnn.data.identity import image_hashes
from reticnn.runtime.stopping import check_wanted

_AT_ONCE = 64


def hashed(data):
    """Return the same image data, whose images are hashed when they are first read."""
    if isinstance(data.source, HashedImages):
        return data
    return data.with_source(HashedImages(data.source))


def hashes_of(data, only_read=False):
    """Return the hashes of images, in their order.

    Args:
        data: Image data that `hashed` made.
        only_read: True leaves out the images that nobody has read yet, which are read
            otherwise. Default False.
    """
    source = data.source
    read = source.known[data.indices]
    if only_read:
        return source.hashes[data.indices[read]]
    missing = np.unique(data.indices[~read])
    for start in range(0, len(missing), _AT_ONCE):
        check_wanted()
        source.read(missing[start : start + _AT_ONCE])
    return source.hashes[data.indices]


class HashedImages:
    """Images that are hashed when they are first read, which costs next to nothing.

    Attributes:
        known: Bool array, which images have been read.
        hashes: uint64 array, their hashes.
    """

    def __init__(self, source):
        """Take the images."""
        self._source = source
        self.known = np.zeros(len(source), bool)
        self.hashes = np.zeros(len(source), np.uint64)

    def __getattr__(self, name):
        """Return what the images know of themselves."""
        return getattr(self._source, name)

    def __len__(self):
        """Count the images."""
        return len(self._source)

    def read(self, indices):
        """Return the pixels of the images at `indices`."""
        pixels = self._source.read(indices)
        new = ~self.known[indices]
        if new.any():
            self.hashes[indices[new]] = image_hashes(pixels[new])
            self.known[indices[new]] = True
        return pixels
