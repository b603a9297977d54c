"""Images of several sources as one."""

from itertools import chain

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
        self.dtype = np.result_type(*(source.dtype for source, _ in parts))
        self.files = _of_all(parts, "files")
        self.places = _of_all(parts, "places")
        boxes = _of_all(parts, "boxes")
        self.boxes = None if boxes is None else np.reshape(boxes, (-1, 4))
        masks = _of_all(parts, "masks")
        self.masks = None if masks is None else np.stack(masks)
        self.skipped_files = _each_once(source.skipped_files for source, _ in parts)
        self.left_out = _each_once(source.left_out for source, _ in parts)

    def __len__(self):
        """Count the images."""
        return int(self._ends[-1])

    @property
    def sources(self):
        """The sources of the images, and those that these are joined of, listed."""
        own = [source for source, _ in self._parts]
        return list(chain.from_iterable(getattr(one, "sources", [one]) for one in own))

    def plain(self):
        """Return what `from_plain` makes the images of again."""
        return {"parts": self._parts}

    @classmethod
    def from_plain(cls, plain):
        """Return the images that `plain` tells of."""
        return cls([tuple(part) for part in plain["parts"]])

    def read(self, indices):
        """Return the pixels of the images at `indices`."""
        images = self._of_each(indices, lambda source, of: list(source.read(of)))
        return np.stack(images).astype(self.dtype, copy=False)

    def read_scaled(self, indices, side):
        """Return images of their own aspect, the shorter side `side` pixels, listed."""
        return self._of_each(indices, lambda source, of: source.read_scaled(of, side))

    def own_sizes(self, indices):
        """Return the (height, width) of images of files, upright, listed."""
        return self._of_each(indices, lambda source, of: source.own_sizes(of))

    def has_more_pages(self, indices):
        """Return whether each is an image of a file's first page, of several."""
        return self._of_each(indices, lambda source, of: source.has_more_pages(of))

    def read_as_they_are(self, indices, jobs):
        """Return what is made of images of files as they are, listed."""
        return self._of_each(
            indices, lambda source, of, own: source.read_as_they_are(of, own), jobs
        )

    @property
    def reading(self):
        """How files become images, `Reading`, or None if there are none."""
        readings = [source.reading for source, _ in self._parts if source.reading]
        with_numbers = [one for one in readings if one.value_range.pairs]
        return next(iter(with_numbers + readings), None)

    def resized(self, image_shape, name="data"):
        """Return the same files read at another (height, width, channels)."""
        return self._with_each(lambda source: source.resized(image_shape, name))

    def with_range_of(self, indices):
        """Return the same files with the range of values of some of them.

        Raises:
            ValueError: If they are of several sources, whose ranges were found apart.
        """
        first = self._parts[0][0]
        if any(source is not first for source, _ in self._parts):
            raise ValueError(
                "`data` are joined of several image data whose range of values was "
                "found from their files, and has to be found for a part of all of "
                "them. Give the values that are black and white where the data are "
                "made, as in `value_range=(0, 4095)`."
            )
        own = np.concatenate([own for _, own in self._parts])[indices]
        ranged = first.with_range_of(own)
        return self._with_each(lambda source: ranged)

    def read_like(self, reading, name):
        """Return the same files with the range of values that others were read by."""
        return self._with_each(lambda source: source.read_like(reading, name))

    def _with_each(self, change):
        """Return the same images of sources that are changed."""
        return JoinedImages([(change(source), own) for source, own in self._parts])

    def pixel_identities(self, indices):
        """Return a number for each image, the same for the same pixels."""
        numbers = self._of_each(indices, lambda source, of: source.pixel_identities(of))
        return np.array(numbers, np.uint64)

    def _of_each(self, indices, ask, *besides):
        """Return what the sources say of their images, listed in the order asked.

        Args:
            indices: Of the images.
            ask: Function of a source, the indices of its images, and their `besides`.
            *besides: Lists of values for each image.
        """
        indices = np.asarray(indices)
        answers = [None] * len(indices)
        owners = np.searchsorted(self._ends, indices, side="right")
        for owner in np.unique(owners):
            source, own = self._parts[owner]
            asked = np.flatnonzero(owners == owner)
            start = self._ends[owner] - len(own)
            found = ask(
                source,
                np.asarray(own)[indices[asked] - start],
                *([values[index] for index in asked] for values in besides),
            )
            for position, answer in zip(asked, found, strict=True):
                answers[position] = answer
        return answers


def _each_once(lists):
    return list(dict.fromkeys(chain.from_iterable(lists)))


def _of_all(parts, name):
    """Return what all sources list of their images by that name, or None."""
    # Of files, no source says which pixels show what an image is of.
    lists = [(getattr(source, name, None), indices) for source, indices in parts]
    if any(listed is None for listed, _ in lists):
        return None
    return [listed[index] for listed, indices in lists for index in indices]
