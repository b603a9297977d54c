"""Images in memory."""

from reticnn.data.identity import image_hashes


class ArrayImages:
    """Images held in memory as an array (n, height, width, channels)."""

    def __init__(self, pixels, origins=None, masks=None):
        """Hold images.

        Args:
            pixels: Array, uint8 or float32.
            origins: uint64 array, for each image the hash of the one that it is a
                changed copy of, or None if they are originals.
            masks: bool array (n, height, width), which pixels show what an image is of,
                or None if that is not known.
        """
        self._pixels = pixels
        self._origins = origins
        self.masks = masks
        self.image_shape = pixels.shape[1:]
        self.files = self.places = self.boxes = None
        self.resize = self.reading = None
        self.dtype = pixels.dtype
        self.skipped_files = self.left_out = []

    def __len__(self):
        """Count the images."""
        return len(self._pixels)

    def read(self, indices):
        """Return the pixels of the images at `indices`."""
        return self._pixels[indices]

    @property
    def nbytes(self):
        """Bytes of the images in memory."""
        return self._pixels.nbytes

    def part(self, indices):
        """Return some of the images by themselves."""
        origins, masks = self._origins, self.masks
        return ArrayImages(
            self._pixels[indices],
            None if origins is None else origins[indices],
            None if masks is None else masks[indices],
        )

    def plain(self):
        """Return what `from_plain` makes the images of again."""
        return {"pixels": self._pixels, "origins": self._origins, "masks": self.masks}

    @classmethod
    def from_plain(cls, plain):
        """Return the images that `plain` tells of."""
        return cls(**plain)

    def has_more_pages(self, indices):
        """Return False for each, which is no page of a file."""
        return [False] * len(indices)

    def pixel_identities(self, indices):
        """Return a number for each image, the same for the same and for its copies."""
        if self._origins is not None:
            return self._origins[indices]
        return image_hashes(self._pixels[indices])
