"""Images of several sources as one."""

import numpy as np


class JoinedImages:
    """The images of several sources, one after the other."""

    def __init__(self, parts):
        """Take (source, indices) pairs whose images have one shape."""
        self._parts = parts
        self._ends = np.cumsum([len(indices) for _, indices in parts])
        self.image_shape = parts[0][0].image_shape
        resizes = {source.resize for source, _ in parts} - {None}
        self.resize = next(iter(resizes), None)
        self.files = self.places = None
        self.skipped = []
        if all(source.files is not None for source, _ in parts):
            files = [(source, index) for source, of in parts for index in of]
            self.files = [source.files[index] for source, index in files]
            self.places = [source.places[index] for source, index in files]

    def __len__(self):
        """Count the images."""
        return int(self._ends[-1])

    def read(self, indices):
        """Return the pixels of the images at `indices`."""
        images = self._of_each(indices, lambda source, of: list(source.read(of)))
        return np.stack(images)

    def read_scaled(self, indices, side):
        """Return images of their own aspect, the shorter side `side` pixels, listed."""
        return self._of_each(indices, lambda source, of: source.read_scaled(of, side))

    def resized(self, image_shape):
        """Return the same files read at another (height, width, channels)."""
        return JoinedImages(
            [(source.resized(image_shape), indices) for source, indices in self._parts]
        )

    def identities(self, indices):
        """Return a value for each image at `indices`, the same for the same image."""
        return self._of_each(indices, lambda source, of: source.identities(of))

    def _of_each(self, indices, ask):
        """Return what the sources say of their images, listed in the order asked."""
        indices = np.asarray(indices)
        answers = [None] * len(indices)
        owners = np.searchsorted(self._ends, indices, side="right")
        for owner in np.unique(owners):
            source, own = self._parts[owner]
            asked = np.flatnonzero(owners == owner)
            start = self._ends[owner] - len(own)
            found = ask(source, np.asarray(own)[indices[asked] - start])
            for position, answer in zip(asked, found, strict=True):
                answers[position] = answer
        return answers
