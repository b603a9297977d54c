"""What is cut from an image to be predicted: itself, crops, squares, mirror images."""

from functools import partial

import numpy as np

from reticnn.data.resizing import fitted

# How many views of an image there are, by what they are.
ALONE, MIRRORED, FIVE, TEN, OF_SQUARES = 1, 2, 5, 10, 144

# Where the crops lie, and the squares of a longer image: 0 at the top or left, 1 at the
# bottom or right.
_CROPS = ((0, 0), (0, 1), (1, 0), (1, 1), (0.5, 0.5))
_SQUARES = ((0, 0), (0.5, 0.5), (1, 1))

# Shorter sides of the images that squares are cut from: 256, 288, 320 and 352 for 224.
_SCALES_OF_SQUARES = (8 / 7, 9 / 7, 10 / 7, 11 / 7)


def is_whole(crops):
    """Return whether so many views are of the whole image."""
    return crops in (ALONE, MIRRORED)


def scales_of_squares(side):
    """Return the shorter sides of the images that 144 crops of `side` are cut from."""
    return tuple(enlarged(side, scale) for scale in _SCALES_OF_SQUARES)


def enlarged(side, scale=8 / 7):
    """Return the side of an image for crops: 256 pixels for 224, as in the papers."""
    return max(side + 1, round(side * scale))


def cuts(crops, size, image_shape):
    """Return functions from images to the views of them.

    Args:
        crops: How many views of an image there are.
        size: (height, width) that the network takes.
        image_shape: (height, width, channels) of the images.

    Returns:
        List of functions; fewer than `crops` where several would give the same, and
        all of them equally often.
    """
    if is_whole(crops):
        views = [_unchanged]
    elif crops == OF_SQUARES:
        views = _of_squares(size, image_shape)
    else:
        views = [partial(_part, size=size, place=place) for place in _CROPS]
    if crops in (ALONE, FIVE):
        return views
    return views + [partial(_mirrored, view=view) for view in views]


def _of_squares(size, image_shape):
    """Return functions to the crops of each square, and to the squares made smaller."""
    height, width = image_shape[:2]
    square = (min(height, width),) * 2
    # All squares of a square image are the same.
    places = _SQUARES[:1] if height == width else _SQUARES
    whole = partial(_resized, size=size)
    parts = [*(partial(_part, size=size, place=place) for place in _CROPS), whole]
    return [
        partial(_of_square, square=square, place=place, part=part)
        for place in places
        for part in parts
    ]


def _unchanged(pixels):
    return pixels


def _part(pixels, size, place):
    """Return the part of `size` that lies at `place`."""
    top, left = (
        int((have - wanted) * share)
        for have, wanted, share in zip(pixels.shape[1:3], size, place, strict=True)
    )
    return pixels[:, top : top + size[0], left : left + size[1]]


def _of_square(pixels, square, place, part):
    return part(_part(pixels, square, place))


def _resized(pixels, size):
    return np.stack([fitted(image, size, "stretch") for image in pixels])


def _mirrored(pixels, view):
    return view(pixels)[:, :, ::-1]
