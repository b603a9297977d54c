"""Images beside those that are most like them."""

import os
from collections.abc import Mapping

import numpy as np

from reticnn.coercion import as_int, printable, shown
from reticnn.plots.attribution import of_one_shape
from reticnn.plots.images import figure_of_grid
from reticnn.plots.preparation import BLUE, ORANGE, image_data_of, pictures_of_data

_NEEDED = ("query", "rank", "image", "distance")


def plot_similar_images(similar, images, among, n=4):
    """Show images beside those that are most like them.

    Args:
        similar: What `similar_images` returned, or some rows of it.
        images: The images that others were found for.
        among: The images that were searched.
        n: Whole number of images for which to show the others, the first ones. Default
            4.

    Returns:
        `matplotlib.figure.Figure` with a row for each image: itself in a blue frame,
        and those found, with their class and distance. If it has a label, those of
        another class have an orange frame.

    Raises:
        TypeError: If `similar` is not such a table.
        ValueError: If `images` or `among` are not the images that it is about.
        ImportError: If matplotlib is not installed.

    Example:
        >>> data, others = shape_images(200, seed=1), shape_images(4, seed=2)
        >>> similar = similar_images(classifier, others, among=data)
        >>> plot_similar_images(similar, others, data).savefig("similar.png")
    """
    return figure_of_grid(pictures_of_similar_images(similar, images, among, n))


def pictures_of_similar_images(similar, images, among, n=4):
    """Return images and those that are like them, as `preparation` has pictures."""
    _check_table(similar)
    count = as_int(n, "n")
    queries, data = image_data_of(images, "images"), image_data_of(among, "among")
    _check_positions(similar["query"], queries, "images")
    _check_positions(similar["image"], data, "among")
    shown_queries = list(dict.fromkeys(similar["query"]))[:count]
    most = max(similar["query"].count(query) for query in shown_queries)
    pictures, text, frame = [], [], []
    for query in shown_queries:
        rows = [row for row, of in enumerate(similar["query"]) if of == query]
        own = queries[[query]]
        label = own.labels[0] if own.labels else None
        others = [similar["image"][row] for row in rows]
        pictures += pictures_of_data(own) + pictures_of_data(data[others])
        text += [_name(own, query, label), *(_caption(similar, row) for row in rows)]
        frame += [BLUE, *(_frame(similar, row, label) for row in rows)]
        blanks = most - len(rows)
        pictures += [np.full_like(pictures[0], 255)] * blanks
        text += [""] * blanks
        frame += [None] * blanks
    return {
        "pictures": of_one_shape(pictures),
        "text": text,
        "frame": frame,
        "columns": 1 + most,
        "title": None,
    }


def _check_table(similar):
    is_table = isinstance(similar, Mapping) and set(_NEEDED) <= set(similar)
    if not is_table:
        raise TypeError(
            f"`similar` must be what `similar_images()` returned, not {shown(similar)}."
        )
    if len(similar["query"]) == 0:
        raise ValueError("`similar` has no rows, so there is nothing to show.")


def _check_positions(positions, data, name):
    """Raise if there are fewer images than the table is about."""
    most = max(positions) + 1
    if most > len(data):
        raise ValueError(
            f"`{name}` has {len(data):,} images, and `similar` is about one at "
            f"position {most:,} of them. Give the same images as to `similar_images()`."
        )


def _name(own, query, label):
    name = f"image {query + 1:,}"
    if own.files is not None:
        name = printable(os.path.basename(own.files[0]))
    return name if label is None else f"{name}\n{label}"


def _caption(similar, row):
    label = similar.get("class", {row: None})[row]
    distance = f"{similar['distance'][row]:.3g}"
    return distance if label is None else f"{label}\n{distance}"


def _frame(similar, row, label):
    found = similar.get("class", {row: None})[row]
    return ORANGE if None not in (label, found) and label != found else None
