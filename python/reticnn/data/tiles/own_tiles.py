"""Tiles of images that a function of the user's reads."""

import numpy as np

from reticnn.data.caching import kind_with_room, new_cache
from reticnn.data.channels import extremes_of
from reticnn.data.file_images import absolute
from reticnn.data.own_reader import ReadByFunction, check_kept, values_by
from reticnn.data.refusing import RefusedError
from reticnn.data.resizing import fitted
from reticnn.data.tiles.cutting import cutter_of_values
from reticnn.data.tiles.tile_images import TileImages
from reticnn.runtime.stopping import check_wanted


class OwnTiles(ReadByFunction, TileImages):
    """Tiles of images in files that the user's function reads, each of them once."""

    @classmethod
    def of(cls, files, tiles_of, image_size, reading, cache, reader, **options):
        """Read all images, keep their tiles, and return these and the files' problems.

        How many tiles there are is known when all images have been read.

        Args:
            files: Paths.
            tiles_of: Function from the (width, height) of an image to the boxes of its
                tiles, which raises `RefusedError` if it has none.
            image_size: (height, width) of the tiles in pixels.
            reading: `Reading`.
            cache: "auto", "memory" or "disk".
            reader: The user's function.
            **options: What else `TileImages` takes.
        """
        boxes = [np.empty((0, 4), np.int64)] * len(files)
        problems, kept, extremes = {}, None, []
        for index, place in enumerate(absolute(files)):
            check_wanted()
            try:
                values, about = values_by(reader, place, reading.value_range)
                own = tiles_of(about.upright_size)
                tiles = _cut(values, about, reading, own, image_size)
            except RefusedError as error:
                problems[index] = str(error)
                continue
            boxes[index] = own
            if kept is None:
                # As if all images had as many.
                kept = _empty_cache(cache, tiles, len(files))
            kept.grow(len(tiles))
            new = np.arange(len(kept.has) - len(tiles), len(kept.has))
            kept.write(new, tiles)
            check_kept(kept, new)
            extremes.append(extremes_of(values, about, reading.value_range))
        source = cls(
            files, boxes, image_size, reading, cache=cache, reader=reader, **options
        )
        if kept is not None:
            source.take_over(kept, extremes=extremes)
        return source, problems

    def _parts(self):
        return range(len(self.counts))

    def _positions_of(self, image):
        return np.arange(self._starts[image], self._starts[image + 1])

    def _read_part(self, image):
        indices = self._positions_of(image)
        if not len(indices):
            return None
        values, about = self._values(indices[0])
        self._check_size(image, about.upright_size)
        size = self.image_shape[:2]
        tiles = _cut(values, about, self.reading, self.boxes[indices], size)
        self._keep(indices, tiles)
        return extremes_of(values, about, self.reading.value_range)


def _cut(values, about, reading, boxes, image_size):
    """Return the tiles in boxes of an image, (n, height, width, channels)."""
    cutter = cutter_of_values(values, about, reading, True)
    tiles = [fitted(cutter.tile(box)[0], image_size, "stretch") for box in boxes]
    return np.stack(tiles).reshape(len(boxes), *image_size, reading.channels)


def _empty_cache(kind, tiles, images):
    """Return a cache without tiles, with room for those of so many images."""
    if kind == "auto":
        kind = kind_with_room(tiles.nbytes * images)
    return new_cache(kind, (0, *tiles.shape[1:]), tiles.dtype)
