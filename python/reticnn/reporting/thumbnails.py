"""Images to look at: those that a classifier gets most and least right."""

import base64
import io
import os

import numpy as np
from PIL import Image

from reticnn.coercion import printable

# Per choice; with the sizes below, these keep a page small.
_MOST = 12
_MOST_CELLS = 24
_LARGEST_SIDE = 160

# Images up to this size keep every pixel: JPEG would blur what little detail they have.
_SMALL_SIDE = 64


def choices(codes, probabilities):
    """Return the positions of images to show, by kind.

    Args:
        codes: int array, the true class of each image counted from 0.
        probabilities: Array, (n, classes).

    Returns:
        Dict of int arrays: `"right"` and `"wrong"`, the most confident predictions
        first, `"uncertain"`, the least confident first, and `"typical"`, for each cell
        of the confusion matrix, the largest cells first, the image with the median
        probability.
    """
    surest_first = np.argsort(-probabilities.max(axis=1), kind="stable")
    # Where the model gives NaN, nothing is predicted.
    known = ~np.isnan(probabilities).any(axis=1)
    surest_first = surest_first[known[surest_first]]
    predicted = probabilities.argmax(axis=1)
    is_right = (predicted == codes)[surest_first]
    return {
        "right": surest_first[is_right][:_MOST],
        "wrong": surest_first[~is_right][:_MOST],
        "uncertain": surest_first[::-1][:_MOST],
        "typical": _typical(codes, predicted, surest_first),
    }


def _typical(codes, predicted, surest_first):
    """Return the position of the middle image of each cell."""
    cells = (codes * (predicted.max() + 1) + predicted)[surest_first]
    names, counts = np.unique(cells, return_counts=True)
    largest = names[np.argsort(-counts, kind="stable")][:_MOST_CELLS]
    members = [surest_first[cells == cell] for cell in largest]
    return np.array([positions[len(positions) // 2] for positions in members], int)


def thumbnails(data, positions):
    """Return the images at some positions as `data:` addresses, by position."""
    positions = np.unique(positions)
    pixels = data.read(positions)
    return {
        int(position): as_address(image)
        for position, image in zip(positions, pixels, strict=True)
    }


def short_paths(files):
    """Return paths without the folder that all share, as texts."""
    paths = [os.path.abspath(file) for file in files]
    try:
        common = os.path.commonpath([os.path.dirname(path) for path in paths])
    except ValueError:  # On Windows they can be on several drives.
        return list(map(printable, paths))
    return [printable(os.path.relpath(path, common)) for path in paths]


def as_address(pixels, side=_LARGEST_SIDE):
    """Return an image, (height, width, channels), as a `data:` address.

    It is made smaller where a side is longer than `side`.
    """
    pixels = np.clip(pixels, 0, 255).astype(np.uint8)
    # Other numbers of channels have no colours for a screen to show.
    image = Image.fromarray(pixels[..., :3] if pixels.shape[2] >= 3 else pixels[..., 0])
    is_small = max(image.size) <= _SMALL_SIDE
    image.thumbnail((side, side))
    file = io.BytesIO()
    if is_small:
        image.save(file, "PNG")
    else:
        image.save(file, "JPEG", quality=80)
    kind = "png" if is_small else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"
