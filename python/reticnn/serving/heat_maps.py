"""Heat maps as pictures to lay over an image."""

import base64
import io

import numpy as np
from PIL import Image

from reticnn.data.resizing import back_on_image

# Pixels of the longer side.
_SIDE = 480

# What speaks for a class, and against it: the colours of the page.
_FOR, _AGAINST = (213, 94, 0), (0, 114, 178)
_MOST_OPAQUE = 190


def heat_map(values, sides, resize):
    """Return a map as a picture to lay over the image that it is of.

    Args:
        values: Array (height, width), as the classifier takes images.
        sides: (height, width) of the image, upright.
        resize: How it was resized, "stretch", "crop" or "pad", or None.

    Returns:
        Dict of `picture`, a PNG as a `data:` address, transparent where nothing speaks
        for or against the class, and its `width` and `height` in pixels.
    """
    scale = min(1, _SIDE / max(sides))
    sides = tuple(max(1, round(side * scale)) for side in sides)
    values = back_on_image(np.asarray(values, np.float32), sides, resize)
    largest = np.abs(values).max()
    strength = np.abs(values) / largest if largest > 0 else values
    pixels = np.empty((*sides, 4), np.uint8)
    pixels[..., :3] = np.where((values > 0)[..., None], _FOR, _AGAINST)
    pixels[..., 3] = np.round(strength * _MOST_OPAQUE)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    picture = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
    return {"picture": picture, "width": sides[1], "height": sides[0]}
