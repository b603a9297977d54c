"""Pictures of what a review found, as `preparation` has them."""

from collections.abc import Mapping

import numpy as np

from reticnn.coercion import as_choice, as_int, shown
from reticnn.data.image_data import as_image_data
from reticnn.data.resizing import fitted
from reticnn.plots.preparation import colours_of

_COLUMNS = ("finding", "kind", "part", "image", "label", "value")

# In rows of pictures, those at their ends belong to different findings.
_WHITE = 255


def pictures_of_review(review, data, kind=None, n=6):
    """Return pictures of a review: a row for each kind, or many of one kind.

    Args:
        review: Table of `review_images`.
        data: The image data that were reviewed, or a dict of them by part.
        kind: A kind that was found, or None for all.
        n: Whole number of pictures in a row.
    """
    count = as_int(n, "n")
    rows = _rows(review)
    kinds = list(dict.fromkeys(row["kind"] for row in rows))
    if not kinds:
        raise ValueError(
            "`review` has no findings on images, so there is nothing to show."
        )
    if kind is not None:
        kinds = [as_choice(kind, "kind", kinds)]
    most = count if kind is None else count**2
    pictures, text = [], []
    for one in kinds:
        own = [row for row in rows if row["kind"] == one][:most]
        missing = -len(own) % count
        pictures += [_picture(row, data) for row in own] + [None] * missing
        text += [_caption(row) for row in own] + [""] * missing
    shape = next(picture.shape for picture in pictures if picture is not None)
    blank = np.full((*shape[:2], 3), _WHITE, np.uint8)
    return {
        "pictures": [
            blank if picture is None else _of_shape(picture, shape)
            for picture in pictures
        ],
        "text": text,
        "frame": [None] * len(pictures),
        "columns": count,
        "title": kind,
    }


def _rows(review):
    """Return the rows of a review that have an image, as dicts."""
    if not isinstance(review, Mapping) or not set(_COLUMNS) <= set(review):
        raise TypeError(
            f"`review` must be what `review_images()` returned, not {shown(review)}."
        )
    columns = zip(*map(review.get, _COLUMNS), strict=True)
    rows = [dict(zip(_COLUMNS, values, strict=True)) for values in columns]
    return [row for row in rows if row["image"] is not None]


def _picture(row, data):
    """Return the picture of a row, uint8 (height, width, 3)."""
    part = row["part"]
    if (part is None) == isinstance(data, Mapping) or (
        part is not None and part not in data
    ):
        raise ValueError(
            "`data` must be what was reviewed: "
            + ("image data" if part is None else f"parts with {shown(part)} among them")
            + f", not {shown(list(data) if isinstance(data, Mapping) else data)}."
        )
    images = as_image_data(data if part is None else data[part], "data")
    if row["image"] >= len(images):
        raise ValueError(
            f"`data` has {len(images)} images, and `review` is of more. Give the data "
            "that were reviewed."
        )
    pixels = images.read(np.array([int(row["image"])]))[0]
    pixels = np.clip(pixels, 0, 255).astype(np.uint8)
    return colours_of(pixels)


def _caption(row):
    """Return the kind and number of the finding, and its value and label."""
    lines = [f"{row['kind'].replace('_', ' ')} {row['finding']}"]
    said = [f"{row['value']:.3g}", row["part"], row["label"]]
    lines.append(", ".join(word for word in said if word is not None))
    return "\n".join(lines)


def _of_shape(picture, shape):
    return fitted(picture, shape[:2], "pad")
