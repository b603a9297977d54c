"""Maps of what a classifier says about the tiles of an image."""

import os
from collections import Counter
from collections.abc import Mapping

import numpy as np

from reticnn.coercion import as_path, as_string, nearest, printable, shown
from reticnn.data.decoding import upright_sizes
from reticnn.data.file_reading import Reading
from reticnn.data.table import image_table
from reticnn.plots.figures import new_figure
from reticnn.plots.preparation import GREY, ORANGE, levels
from reticnn.prediction.summarising import PLACE_COLUMNS
from reticnn.runtime.conditions import warn_user

# The colours of classes, after Okabe and Ito: those that differ most come first. Where
# there are more classes, those predicted least often share the last one.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442")
OTHERS = "#555555"

# How much of a colour there is over the image: of one of several classes, and of a
# single one where its probability is 1.
_COVER = 0.55
_MOST_COVER = 0.75

# Pixels of the longer side of a map.
_SIDE = 900

# What is drawn where there is no image, from 0 to 255.
_GROUND = 225

# The probabilities that the legend of one class has, in percent.
_STEPS = (0, 25, 50, 75, 100)


def plot_tiles(predictions, file=None, class_name=None):
    """Show the predictions for the tiles of an image as a map of the image.

    The image is shown in grey, with the predictions for the tiles in colour over it.
    Where tiles overlap, the mean of their probabilities is used.

    Args:
        predictions: Table from `predict_images` of tiles, from `image_tiles`, with one
            row per tile. The file of the image is read again for the map.
        file: Path of the image to show, as in the column `.file` of the table, or None
            for the first one. Default None.
        class_name: Class whose probability is shown, in a stronger colour the higher it
            is; or None for the predicted classes, with a colour for each. Default None.

    Returns:
        `matplotlib.figure.Figure`, with axes in pixels of the image.

    Raises:
        TypeError: If `predictions` are not for tiles.
        ValueError: If `file` or `class_name` is not in the table.
        ImportError: If matplotlib is not installed.

    Warns:
        UserWarning: If the image cannot be read, and the map is drawn without it.

    Example:
        >>> tiles = image_tiles("forest.tif", 256)
        >>> table = predict_images(classifier, tiles)
        >>> plot_tiles(table, class_name="beech").savefig("beech.png")
    """
    drawn = map_of_tiles(predictions, file, class_name)
    width, height = drawn["width"], drawn["height"]
    scale = 6 / max(width, height)
    figure = new_figure(max(4, scale * width + 2), max(2.5, scale * height + 0.8))
    axes = figure.subplots()
    axes.imshow(drawn["picture"], extent=(0, width, height, 0), interpolation="nearest")
    axes.set_title(drawn["title"], fontsize=11)
    axes.spines[:].set_visible(False)
    axes.tick_params(color="#4D4D4D", labelcolor="#4D4D4D", labelsize=8)
    legend = drawn["legend"]
    keys = [
        axes.scatter([], [], marker="s", s=80, color=colour, edgecolor=GREY, label=name)
        for name, colour in zip(legend["name"], legend["colour"], strict=True)
    ]
    title = drawn["legend_title"]
    figure.legend(handles=keys, title=title, loc="outside right upper", frameon=False)
    return figure


def map_of_tiles(predictions, file=None, class_name=None):
    """Return the map that `plot_tiles` draws.

    Returns:
        Dict of `picture`, array (height, width, 3) of 0 to 255; `width` and `height` of
        the image in pixels; `title`; `legend`, a dict of equal-length lists `name` and
        `colour`; and `legend_title`.
    """
    _check_table(predictions)
    files = [as_path(name, "predictions") for name in predictions[".file"]]
    file = _file_shown(files, file)
    rows = [row for row, name in enumerate(files) if name == file]
    boxes = np.array([[predictions[of][row] for row in rows] for of in PLACE_COLUMNS])
    names = [
        name.removeprefix(".pred_")
        for name in predictions
        if name.startswith(".pred_") and name != ".pred_class"
    ]
    if class_name is not None and class_name not in names:
        class_name = as_string(class_name, "class_name")
        raise ValueError(
            f"`class_name` must be one of {shown(names)}, not {shown(class_name)}."
            f"{nearest(class_name, names)}"
        )
    columns = [predictions[f".pred_{name}"] for name in names]
    chances = np.array([[column[row] for row in rows] for column in columns], float)
    grey, size = _image_in_grey(file, boxes)
    means = _means_at(_pixel_centres(grey, size), boxes.astype(int), chances)
    if class_name is None:
        cover, colours, legend = _of_classes(means, names)
        title = "Predicted class"
    else:
        cover, colours, legend = _of_one_class(means[names.index(class_name)])
        title = f"Probability of\n{class_name}"
    picture = grey[..., None] + cover[..., None] * (colours - grey[..., None])
    return {
        "picture": np.rint(picture).astype(np.uint8),
        "width": size[0],
        "height": size[1],
        "title": printable(os.path.basename(file)),
        "legend": legend,
        "legend_title": title,
    }


def _check_table(predictions):
    """Raise unless there is a table with the places of tiles."""
    wanted = (".pred_class", ".file", *PLACE_COLUMNS)
    if not isinstance(predictions, Mapping) or any(
        name not in predictions for name in wanted
    ):
        raise TypeError(
            "`predictions` must be what `predict_images()` returns for tiles, from "
            "`image_tiles()`, with one row per tile: without `summarise`."
        )
    if not len(predictions[".file"]):
        raise ValueError(
            "`predictions` has no rows. Give those for at least one image."
        )


def _file_shown(files, file):
    """Return the path, as the table has it, of the image that is shown."""
    if file is None:
        return files[0]
    wanted = as_path(file, "file")
    for name in dict.fromkeys(files):
        if wanted == name or os.path.abspath(wanted) == os.path.abspath(name):
            return name
    raise ValueError(
        f"`file` must be one of the images in the column `.file` of `predictions`, not "
        f"{printable(wanted)!r}.{nearest(wanted, list(dict.fromkeys(files)))}"
    )


def _image_in_grey(file, boxes):
    """Return the pixels of an image, made small, and its (width, height)."""
    sizes, problems = upright_sizes([os.path.expanduser(file)], Reading(1))
    covered = (boxes[:2] + boxes[2:]).max(axis=1)
    size = tuple(map(int, covered if problems else sizes[0]))
    share = min(1, _SIDE / max(size))
    small = [max(1, round(length * share)) for length in reversed(size)]
    try:
        data = image_table(file, image_size=small, channels=1, cache="none")
        return data.read(np.arange(1))[0, ..., 0].astype(float), size
    except (OSError, ValueError) as error:
        warn_user(f"The map is drawn without the image: {error}")
        return np.full(small, float(_GROUND)), size


def _pixel_centres(grey, size):
    """Return where the columns and the rows of a small image lie in the large one."""
    height, width = grey.shape
    across = (np.arange(width) + 0.5) * size[0] / width
    return across, (np.arange(height) + 0.5) * size[1] / height


def _means_at(centres, boxes, chances):
    """Return the mean probabilities of the tiles over each pixel of a map.

    Args:
        centres: Where the columns and the rows of the map are in the image.
        boxes: int array, (4, tiles).
        chances: float array, (classes, tiles).

    Returns:
        Array, (classes, height, width), NaN where there is no tile.
    """
    across, down = centres
    sums = np.zeros((len(chances), len(down), len(across)))
    counts = np.zeros((len(down), len(across)))
    left, top, width, height = boxes
    edges = [
        np.searchsorted(places, ends)
        for places, ends in (
            *((across, left), (across, left + width)),
            *((down, top), (down, top + height)),
        )
    ]
    for at, (first, last, upper, lower) in enumerate(zip(*edges, strict=True)):
        sums[:, upper:lower, first:last] += chances[:, at, None, None]
        counts[upper:lower, first:last] += 1
    return sums / np.where(counts, counts, np.nan)


def _of_classes(means, names):
    """Return how much colour there is where, which, and the legend: of all classes."""
    known = ~np.isnan(means).any(axis=0)
    codes = np.where(known, np.nan_to_num(means).argmax(axis=0), -1)
    most = [code for code, _ in Counter(codes[known].tolist()).most_common()]
    most += [code for code in range(len(names)) if code not in most]
    few = len(names) <= len(COLOURS)
    own = range(len(names)) if few else sorted(most[: len(COLOURS) - 1])
    colour_of = dict(zip(own, COLOURS, strict=False))
    colours = [colour_of.get(code, OTHERS) for code in range(len(names))]
    legend = {
        "name": [names[code] for code in own],
        "colour": [colour_of[code] for code in own],
    }
    if not few:
        legend["name"].append(f"{len(names) - len(own)} others")
        legend["colour"].append(OTHERS)
    table = np.array([levels(colour) for colour in colours])
    return _COVER * known, table[codes], legend


def _of_one_class(chances):
    """Return how much colour there is where, which, and the legend: of one class."""
    shares = _MOST_COVER * np.array(_STEPS) / 100
    mixed = 255 + np.outer(shares, levels(ORANGE) - 255)
    legend = {
        "name": [f"{step}%" for step in _STEPS],
        "colour": ["#" + "".join(f"{round(one):02X}" for one in mix) for mix in mixed],
    }
    cover = _MOST_COVER * np.nan_to_num(chances)
    return cover, np.broadcast_to(levels(ORANGE), (*chances.shape, 3)), legend
