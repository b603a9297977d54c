"""Tiles of images in files, as images."""

import numpy as np

from reticnn.data.budget import memory
from reticnn.data.decoding import (
    bad_files_message,
    headers_of,
    open_file,
    problems_of_each,
)
from reticnn.data.file_images import FileImages
from reticnn.data.readers import upright_size_of
from reticnn.data.refusing import RefusedError
from reticnn.data.resizing import fitted
from reticnn.data.tiles.cutting import cutter_in
from reticnn.data.tiles.tile_grid import size_of
from reticnn.runtime.lazy import cached_property


class TileImages(FileImages):
    """Tiles of images in files, cut out when they are read.

    Attributes:
        boxes: int64 array, (n, 4), the left and upper edge, the width and the height of
            each tile in pixels of its image.
        counts: How many tiles each image has.
        skipped_images: Files of which there are no tiles.
    """

    def __init__(self, files, boxes, image_size, *how, places=None, **named):
        """Take the files of the images and the boxes of the tiles of each.

        The other arguments are those of `FileImages`.
        """
        self._images = list(files)
        self._boxes_of_images = boxes
        self.counts = [len(some) for some in boxes]
        self.boxes = np.concatenate([np.empty((0, 4), np.int64), *boxes])
        self.skipped_images = []
        self._image_of = np.repeat(np.arange(len(boxes)), self.counts)
        self._starts = np.cumsum([0, *self.counts])
        self._sizes = [size_of(some) for some in boxes]
        # Of an image that was decoded as a whole and is kept nowhere else.
        self._last = None, None
        own = [self._images[image] for image in self._image_of]
        super().__init__(own, image_size, *how, places=places, **named)

    def __getstate__(self):
        """Return what is sent to another process: no image that is open."""
        return {**super().__getstate__(), "_last": (None, None)}

    def plain(self):
        """Return what `from_plain` makes the tiles of again: nothing of pixels."""
        return {
            **super().plain(),
            "images": self._images,
            "boxes": self._boxes_of_images,
            "skipped_images": self.skipped_images,
        }

    @classmethod
    def from_plain(cls, plain):
        """Return the tiles that `plain` tells of."""
        tiles = super().from_plain(plain)
        tiles.skipped_images = plain["skipped_images"]
        return tiles

    @staticmethod
    def _first_of_plain(plain):
        return plain["images"], plain["boxes"]

    def read_as(self, reading, image_size=None):
        """Return the same tiles read in another way, or at another size."""
        other = type(self)(
            self._images,
            self._boxes_of_images,
            image_size or self.image_shape[:2],
            reading,
            self.resize,
            self._cache_kind,
            self.skipped,
            places=self.places,
            like=self,
            range_of=self if reading.bands == self._asked.bands else None,
            **self._besides,
        )
        other.skipped_images = self.skipped_images
        return other

    @cached_property
    def _headers(self):
        """The `Header` of the file of each tile."""
        if self._like is not None and self._asked.page == self._like._asked.page:
            return self._like._headers
        images = np.unique(self._image_of)
        files = [self.places[self._starts[image]] for image in images]
        found = headers_of(files, self._asked)
        headers = dict(zip(images.tolist(), found, strict=True))
        return [headers[image] for image in self._image_of.tolist()]

    def own_sizes(self, indices):
        """Return the (height, width) of tiles, that at which they are read."""
        return [self.image_shape[:2]] * len(indices)

    def read_as_they_are(self, indices, jobs):
        """Return what is made of tiles, as they are read."""
        images = self.read(np.asarray(indices))
        return [use(image) for image, (_, use) in zip(images, jobs, strict=True)]

    def read_scaled(self, indices, side):
        """Return tiles of their own aspect, the shorter side `side` pixels, listed."""
        height, width = self.boxes[0, 3], self.boxes[0, 2]
        scale = side / min(height, width)
        size = (round(height * scale), round(width * scale), self.image_shape[2])
        return list(self.resized(size).read(np.asarray(indices)))

    @property
    def skipped_files(self):
        """The paths of the images known to be bad."""
        return [*self.skipped_images, *dict.fromkeys(super().skipped_files)]

    def bad_message(self, bad):
        """Return the text that names the images of bad tiles with their problems."""
        problems = {int(self._image_of[index]): text for index, text in bad.items()}
        return bad_files_message(self._images, problems, len(self._images))

    def _try_to_decode(self, indices):
        """Return (pixels, problems) of the tiles at `indices`, and keep the good.

        Of an image that is decoded as a whole for some of its tiles, all are kept.
        """
        images = np.unique(self._image_of[indices])
        self._note_images(images)
        pixels = np.empty((len(indices), *self.image_shape), self.dtype)
        rows = {}
        for row, index in enumerate(indices.tolist()):
            rows.setdefault(index, []).append(row)
        # Found out here, once, and not by each of the threads.
        how = self.reading, self.dtype != np.uint8
        extremes = {}

        def cut_from(position):
            image = int(images[position])
            for index, tile, some in self._tiles_of(image, sorted(rows), how):
                pixels[rows.get(index, [])] = tile
                self._cache.write(np.array([index]), tile[None])
                if some is not None:
                    extremes[index] = some

        files = [self.places[self._starts[image]] for image in images]
        of_images = problems_of_each(cut_from, files)
        problems = {
            row: of_images[position]
            for position, image in enumerate(images)
            if position in of_images
            for row in np.flatnonzero(self._image_of[indices] == image).tolist()
        }
        good = np.setdiff1d(np.arange(len(indices)), list(problems))
        self._warn_of_values(extremes, pixels[good])
        return pixels, problems

    def _note_images(self, images):
        """Note how the files of images are, and forget the tiles of changed ones."""
        own = np.flatnonzero(np.isin(self._image_of, images))
        self._cache.has[own[~self._unchanged(own)]] = False
        self._note_states(own)

    def _states_now(self, indices):
        """Return how the files of tiles are, each of which is looked at once."""
        images, which = np.unique(self._image_of[indices], return_inverse=True)
        return super()._states_now(self._starts[images])[which]

    def _tiles_of(self, image, wanted, how):
        """Yield (index, pixels, extremes) of tiles of an image.

        They are those wanted, and those that come with them at little cost.
        """
        first, end = self._starts[image], self._starts[image + 1]
        own = [index for index in wanted if first <= index < end]
        place = self.places[first]
        state = tuple(self._states[first].tolist())
        last, cutter = self._last
        if last == (image, state):
            yield from self._cut(cutter, own)
            return
        height, width, _ = self.image_shape
        box = self.boxes[first]
        share = min(1, max(width / box[2], height / box[3]))
        with memory.share() as take, open_file(place) as file:
            self._check_size(image, upright_size_of(file, how[0]))
            with cutter_in(file, *how, share, take) as cutter:
                tiles = [*own, *self._beside(cutter, own, image)]
                yield from self._cut(cutter, tiles)
        if cutter.is_whole and not self._cache.keeps:
            self._last = (image, state), cutter

    def _cut(self, cutter, indices):
        """Yield (index, pixels, extremes) of tiles."""
        height, width, channels = self.image_shape
        for index in indices:
            pixels, extremes = cutter.tile(self.boxes[index])
            tile = fitted(pixels, (height, width), "stretch")
            yield index, tile.reshape(height, width, channels), extremes

    def _beside(self, cutter, own, image):
        """Return the tiles of an image that come at little cost with those wanted."""
        if not self._cache.keeps:
            return []
        others = np.arange(self._starts[image], self._starts[image + 1])
        others = np.setdiff1d(others[~self._cache.has[others]], own)
        cheap = np.zeros(len(others), bool)
        for box in self.boxes[own]:
            cheap |= cutter.beside(box, self.boxes[others])
        return others[cheap].tolist()

    def _check_size(self, image, size):
        """Raise if an image has not the size that it had when tiles were made of it."""
        known = self._sizes[image]
        if known != tuple(size):
            raise RefusedError(
                f"has {size[0]:,} x {size[1]:,} pixels now, and had {known[0]:,} x "
                f"{known[1]:,} when tiles were made of it: make them again"
            )
