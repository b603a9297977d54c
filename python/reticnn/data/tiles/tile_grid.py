"""Where the tiles of an image lie."""

import numpy as np

from reticnn.coercion import as_int
from reticnn.data.refusing import RefusedError


def as_overlap(overlap, tile_size):
    """Return how many pixels neighbouring tiles have in common."""
    overlap = as_int(overlap, "overlap", minimum=0)
    if overlap >= min(tile_size):
        raise ValueError(
            f"`overlap` must be less than the size of a tile, {min(tile_size)}, not "
            f"{overlap}."
        )
    return overlap


def boxes_in(size, tile_size, overlap):
    """Return the boxes of the tiles of an image of (width, height), row by row.

    Raises:
        RefusedError: If it is smaller than a tile.
    """
    height, width = tile_size
    if size[0] < width or size[1] < height:
        raise RefusedError(
            f"has {size[0]:,} x {size[1]:,} pixels, fewer than a tile of {width:,} x "
            f"{height:,}"
        )
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


def size_of(boxes):
    """Return the (width, height) of the image that boxes cover."""
    if not len(boxes):
        return 0, 0
    return tuple((boxes[:, :2] + boxes[:, 2:]).max(axis=0).tolist())
