"""Large images as image data of tiles."""

from functools import partial

import numpy as np

from reticnn.coercion import as_labels, as_pair, printable, shown
from reticnn.data.decoding import bad_files_message, upright_sizes
from reticnn.data.facts import as_facts, as_groups
from reticnn.data.image_data import NAME_ALL_CLASSES, ImageData, check_class_names
from reticnn.data.listing import as_bad_image_rule, reading_options, without_bad
from reticnn.data.refusing import RefusedError
from reticnn.data.table import files_at
from reticnn.data.tiles.own_tiles import OwnTiles
from reticnn.data.tiles.tile_grid import as_overlap, boxes_in
from reticnn.data.tiles.tile_images import TileImages
from reticnn.data.weighting import as_weights
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
    weights=None,
    bands=None,
    value_range=None,
    page="first",
    reader=None,
):
    """Make image data from tiles that large images are cut into.

    The tiles cover each image in rows, from the upper left. The last tiles of a row or
    a column end at the edge of the image, and overlap those before them more if
    necessary: each tile has its full size, and the whole image is covered.

    The tiles remember which image they come from: `split_images` keeps all tiles of an
    image, which form a group, in one part, and `predict_images` and
    `evaluate_classifier` combine the predictions for an image's tiles, with
    `summarise`. `plot_tiles` shows them as a map.

    For a TIFF file that is stored in strips or tiles, only what is needed is decoded.
    Other files are decoded once for all their tiles, which are then in the cache.
    Without a cache, they are decoded again if tiles of another image have been read in
    between.

    Args:
        paths: Paths of image files, without duplicates. `~` is expanded.
        tile_size: Whole number or (height, width), size of a tile in pixels of the
            image.
        overlap: Whole number of pixels that neighbouring tiles have in common, less
            than their size. Default 0.
        labels: One label per path, which all tiles of the image have; or one label per
            tile, in the order of the data. Class names, or whole numbers, which then
            serve as names. None for tiles without labels. Default None.
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
        groups: Which images belong together, such as those of one patient or flight,
            with one value per path, as for `image_table`. None makes each image a group
            of its own. Default None.
        facts: What else is known of each image, with one row per path, as for
            `image_table`. Default None.
        weights: How much each image counts in training, with one number per path, as
            for `image_table`; each of its tiles has the weight of the image. Default
            None.
        bands: The bands of the files that become channels, as for `image_table`.
            Default None.
        value_range: Which values become 0 and 255 if values have more than 8 bits, as
            for `image_table`. Default None.
        page: `"first"`, `"bands"` or the number of a page, as for `image_table`.
            Default `"first"`.
        reader: Function that takes the path of a file and returns its image as an
            array, as for `image_table`: for files that cannot be read otherwise. It is
            called once for each file, when the data are made, and the tiles of what it
            returns are kept in the cache; if a model takes tiles of another size, it is
            called again. None reads files as usual. Default None.

    Returns:
        Image data, as from `image_folder`, whose images are tiles. `files` has the path
        of the image of each tile, and `facts` have its position there: `left` and
        `top`, the distances from the image's edges, and `width` and `height`, all in
        pixels of the image after rotation by its EXIF tag.

    Raises:
        TypeError: If an argument has the wrong type.
        FileNotFoundError: If a file does not exist.
        ValueError: If a file cannot be read or is smaller than a tile, a path occurs
            twice, there are neither as many labels as paths nor as many as tiles, there
            are not as many groups, facts or weights as paths, a weight is negative or
            missing, a fact has the same name as a tile's position, or an argument is
            outside its range.

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
    overlap = as_overlap(overlap, tile_size)
    size = tile_size if image_size is None else as_pair(image_size, "image_size")
    reading = reading_options(
        size,
        channels,
        "stretch",
        cache,
        bands=bands,
        value_range=value_range,
        page=page,
        reader=reader,
    )
    rule = as_bad_image_rule(on_bad_image)
    files = files_at(paths, rule)
    facts = _as_facts_of_images(facts, len(files))
    weights = as_weights(weights, len(files), facts)
    groups = files if groups is None else as_groups(groups, len(files), facts)
    tiles_of = partial(boxes_in, tile_size=tile_size, overlap=overlap)
    make = _tiles if reader is None else OwnTiles.of
    source, problems = make(files, tiles_of, **reading)
    source.skipped_images = _checked(files, problems, rule)
    codes, class_names = _codes_of_tiles(labels, class_names, source)
    known = {name: _of_tiles(values, source) for name, values in facts.items()}
    known |= dict(zip(_PLACE, source.boxes.T.tolist(), strict=True))
    groups = _of_tiles(map(printable, groups), source)
    if weights is not None:
        weights = _of_tiles(weights, source)
    data = ImageData(
        source, codes, class_names, groups=groups, facts=known, weights=weights
    )
    return without_bad(data, rule)


def _as_facts_of_images(facts, count):
    """Return facts about images, none of which is called as the place of a tile."""
    facts = as_facts(facts, count)
    taken = [name for name in facts if name in _PLACE]
    if taken:
        raise ValueError(
            f"`facts` has columns called {shown(taken)}, which are those of a tile's "
            "position. Give them other names."
        )
    return facts


def _of_tiles(values, source):
    """Return one value per tile of one value per image."""
    pairs = zip(values, source.counts, strict=True)
    return [value for value, count in pairs for _ in range(count)]


def _tiles(files, tiles_of, reading, **options):
    """Return the tiles of the images in files, and the problems of files.

    Args:
        files: Paths.
        tiles_of: Function from the (width, height) of an image to the boxes of its
            tiles, which raises `RefusedError` if it has none.
        reading: `Reading`.
        **options: What else `TileImages` takes.
    """
    sizes, problems = upright_sizes(files, reading)
    boxes = [np.empty((0, 4), np.int64)] * len(files)
    for index, size in enumerate(sizes):
        if index in problems:
            continue
        try:
            boxes[index] = tiles_of(size)
        except RefusedError as error:
            problems[index] = str(error)
    source = TileImages(files, boxes, reading=reading, **options)
    return source, dict(sorted(problems.items()))


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
