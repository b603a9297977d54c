"""Large images as image data of tiles."""

from functools import cached_property

import numpy as np

from reticnn.coercion import as_int, as_labels, as_pair, printable, shown
from reticnn.data.budget import memory
from reticnn.data.cutting import cutter_in
from reticnn.data.decoding import (
    bad_files_message,
    open_file,
    problems_of_each,
    types_of,
    upright_sizes,
)
from reticnn.data.facts import as_facts, as_groups
from reticnn.data.file_images import FileImages
from reticnn.data.image_data import NAME_ALL_CLASSES, ImageData, check_class_names
from reticnn.data.listing import as_bad_image_rule, reading_options, without_bad
from reticnn.data.readers import upright_size_of
from reticnn.data.refusing import RefusedError
from reticnn.data.resizing import fitted
from reticnn.data.table import files_at
from reticnn.runtime.conditions import warn_user

# The facts that say where in its image a tile is, in pixels.
_PLACE = ("left", "top", "width", "height")


def image_tiles(
    paths,
    tile_size,
    overlap=0,
    labels=None,
    image_size=None,
    *,
    class_names=None,
    channels=None,
    on_bad_image="error",
    cache="auto",
    groups=None,
    facts=None,
    bands=None,
    value_range=None,
    page="first",
):
    """Make image data of tiles that large images are cut into.

    The tiles cover each image in rows, from the upper left. The last ones of a row or a
    column end at the edge of the image, and overlap those before them more if its size
    demands it: each tile has its full size, and all of the image is covered.

    The tiles remember which image they are of: `split_images` keeps all tiles of an
    image, which are a group, in one part, and `predict_images` and
    `evaluate_classifier` put the predictions of an image's tiles together, with
    `summarise`. `plot_tiles` shows them as a map.

    Of a TIFF file in strips or tiles of its own, only what is needed is decoded. Other
    files are decoded once for all their tiles, which are then in the cache. Without a
    cache, they are decoded again when tiles of another image have been read meanwhile.

    Args:
        paths: Paths of image files, without duplicates. `~` is expanded.
        tile_size: Whole number or (height, width), size of a tile in pixels of the
            image.
        overlap: Whole number of pixels that neighbouring tiles have in common, less
            than their size. Default 0.
        labels: One label per path, which all tiles of the image have; or one label per
            tile, in the order in which the data have them. Class names, or whole
            numbers, which then serve as names. None for tiles without labels. Default
            None.
        image_size: Whole number or (height, width), size in pixels that each tile is
            resized to, or None for `tile_size`. Default None.
        class_names: The classes in order, or None for the sorted labels, as for
            `image_table`. Default None.
        channels: Number of channels: 3 for colour, 1 for grey, or any other number of
            bands. Default None, the number of `bands` if they are given, else 3.
        on_bad_image: `"error"` or `"skip"`, as for `image_folder`: what to do about
            images that cannot be read or are smaller than a tile. Default `"error"`.
        cache: `"auto"`, `"memory"`, `"disk"` or `"none"`, as for `image_folder`.
            Default `"auto"`.
        groups: What images belong together, such as those of one patient or one flight,
            with one value per path, as for `image_table`. None makes each image a group
            of its own. Default None.
        facts: What else is known of each image, with one row per path, as for
            `image_table`. Default None.
        bands: The bands of the files that become channels, as for `image_table`.
            Default None.
        value_range: What becomes 0 and 255 where values have more than 8 bits, as for
            `image_table`. Default None.
        page: `"first"`, `"bands"` or the number of a page, as for `image_table`.
            Default `"first"`.

    Returns:
        Image data, as from `image_folder`, whose images are tiles. `files` has the path
        of the image of each tile, and `facts` have its place there: `left` and `top`,
        the distances from the image's edges, and `width` and `height`, all in pixels of
        the image, which is upright as its EXIF tag says.

    Raises:
        TypeError: If an argument has the wrong type.
        FileNotFoundError: If a file does not exist.
        ValueError: If a file cannot be read or is smaller than a tile, a path occurs
            twice, there are neither as many labels as paths nor as many as tiles, there
            are not as many groups or facts as paths, a fact is called as the place of a
            tile is, or an argument is outside its range.

    Warns:
        UserWarning: If files are left out.

    Example:
        >>> data = image_tiles(["north.tif", "south.tif"], 256, overlap=32)
        >>> data
        <ImageData> 512 tiles of 2 images, 256 x 256 x 3, in files
        no labels
        in 2 groups
        facts: left, top, width, height
        >>> table = predict_images(classifier, data, summarise="mean")
    """
    tile_size = as_pair(tile_size, "tile_size")
    overlap = _as_overlap(overlap, tile_size)
    size = tile_size if image_size is None else as_pair(image_size, "image_size")
    reading = reading_options(
        size,
        channels,
        "stretch",
        cache,
        bands=bands,
        value_range=value_range,
        page=page,
    )
    rule = as_bad_image_rule(on_bad_image)
    files = files_at(paths, rule)
    facts = _as_facts_of_images(facts, len(files))
    groups = files if groups is None else as_groups(groups, len(files), facts)
    boxes, problems = _boxes_of(files, reading["reading"], tile_size, overlap)
    source = TileImages(files, boxes, **reading)
    source.skipped_images = _checked(files, problems, rule)
    codes, class_names = _codes_of_tiles(labels, class_names, source)
    known = {name: _of_tiles(values, source) for name, values in facts.items()}
    known |= dict(zip(_PLACE, source.boxes.T.tolist(), strict=True))
    groups = _of_tiles(map(printable, groups), source)
    data = ImageData(source, codes, class_names, groups=groups, facts=known)
    return without_bad(data, rule)


def _as_facts_of_images(facts, count):
    """Return facts about images, none of which is called as the place of a tile."""
    facts = as_facts(facts, count)
    taken = [name for name in facts if name in _PLACE]
    if taken:
        raise ValueError(
            f"`facts` has columns called {shown(taken)}, as the place of each tile is. "
            "Give them other names."
        )
    return facts


def _of_tiles(values, source):
    """Return one value per tile of one value per image."""
    pairs = zip(values, source.counts, strict=True)
    return [value for value, count in pairs for _ in range(count)]


def _as_overlap(overlap, tile_size):
    """Return how many pixels neighbouring tiles have in common."""
    overlap = as_int(overlap, "overlap", minimum=0)
    if overlap >= min(tile_size):
        raise ValueError(
            f"`overlap` must be less than the size of a tile, {min(tile_size)}, not "
            f"{overlap}."
        )
    return overlap


def _boxes_of(files, reading, tile_size, overlap):
    """Return the boxes of the tiles of each image, and the problems of files."""
    sizes, problems = upright_sizes(files, reading)
    boxes = []
    for index, size in enumerate(sizes):
        if index not in problems and (size[0] < tile_size[1] or size[1] < tile_size[0]):
            problems[index] = (
                f"has {size[0]:,} x {size[1]:,} pixels, fewer than a tile of "
                f"{tile_size[1]:,} x {tile_size[0]:,}"
            )
        found = [] if index in problems else _grid(size, tile_size, overlap)
        boxes.append(np.array(found, np.int64).reshape(-1, 4))
    return boxes, dict(sorted(problems.items()))


def _grid(size, tile_size, overlap):
    """Return the boxes of the tiles of an image of (width, height), row by row."""
    height, width = tile_size
    tops, lefts = np.meshgrid(
        _starts(size[1], height, overlap),
        _starts(size[0], width, overlap),
        indexing="ij",
    )
    sides = np.broadcast_to((width, height), (lefts.size, 2))
    return np.column_stack([lefts.ravel(), tops.ravel(), sides])


def _starts(length, tile, overlap):
    """Return where the tiles along a side start."""
    starts = list(range(0, length - tile + 1, tile - overlap))
    if starts[-1] + tile < length:
        starts.append(length - tile)
    return starts


def _checked(files, problems, rule):
    """Return the files of which there are no tiles; raise if they are not skipped."""
    if not problems:
        return []
    message = bad_files_message(files, problems, len(files))
    if rule == "error":
        raise ValueError(
            f"{message}\nRepair them, choose a smaller `tile_size`, or skip them with "
            '`on_bad_image="skip"`.'
        )
    if len(problems) == len(files):
        raise ValueError(f"{message}\nNo image is left. Check the files.")
    warn_user(f"{message}\nThey are skipped; the data list them in `skipped`.")
    return [files[index] for index in problems]


def _codes_of_tiles(labels, class_names, source):
    """Return the codes of the tiles' classes, and the classes; or None and None."""
    if labels is None:
        return None, None
    codes, class_names = as_labels(labels, class_names)
    counts = source.counts
    if len(codes) == len(counts):
        codes = np.repeat(codes, counts)
    elif len(codes) != len(source):
        raise ValueError(
            f"`labels` must be one per path, {len(counts)}, or one per tile, "
            f"{len(source)}, not {len(codes)}."
        )
    check_class_names(class_names, "labels", NAME_ALL_CLASSES)
    return codes, class_names


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
        self._sizes = [_size_of(some) for some in boxes]
        # Of an image that was decoded as a whole and is kept nowhere else.
        self._last = None, None
        own = [self._images[image] for image in self._image_of]
        super().__init__(own, image_size, *how, places=places, **named)

    def read_as(self, reading, image_size=None):
        """Return the same tiles read in another way, or at another size."""
        other = TileImages(
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
        )
        other.skipped_images = self.skipped_images
        return other

    @cached_property
    def _types(self):
        """The type of the values of each tile, None where it is not known."""
        if self._like is not None and self._asked.page == self._like._asked.page:
            return self._like._types
        images = np.unique(self._image_of)
        files = [self.places[self._starts[image]] for image in images]
        types = dict(zip(images.tolist(), types_of(files, self._asked), strict=True))
        return [types[image] for image in self._image_of.tolist()]

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
                f"{known[1]:,} when tiles were made of it: make them anew"
            )


def _size_of(boxes):
    """Return the (width, height) of the image that boxes cover."""
    if not len(boxes):
        return 0, 0
    return tuple((boxes[:, :2] + boxes[:, 2:]).max(axis=0).tolist())
