"""Where in an image the feature maps of a network lie."""

import numpy as np

from reticnn.explanation.flat_network import has_kernels
from reticnn.runtime.backend import keras
from reticnn.runtime.conditions import warn_user
from reticnn.runtime.opencv import cv2

# Pixels on a side that a convolution without padding of its own takes away again.
_OF_A_KERNEL = 3

_WHOLE = (0.0, 0.0, 1.0, 1.0)

_LAYERS = keras.layers

# They take all of an image, whatever size they give it.
_OF_ALL = (
    _LAYERS.AveragePooling2D,
    _LAYERS.MaxPooling2D,
    _LAYERS.UpSampling2D,
)


def region_seen(flat, value):
    """Return the part of an image that is left when feature maps are made of it.

    Layers that crop or pad images before the first convolution count, and convolutions
    do not, whose maps are taken to cover all that they are given.

    Args:
        flat: `FlatNetwork`.
        value: `Value` of the feature maps.

    Returns:
        Tuple of the top, the left, the bottom and the right edge, 0 to 1 of the image.

    Warns:
        UserWarning: If an operation changes the size in a way that is not known.
    """
    regions = {flat.image: _WHOLE}
    for step in flat.before(value):
        if has_kernels(step):
            return regions.get(step.inputs[0], _WHOLE)
        if step.inputs:
            before = regions.get(step.inputs[0], _WHOLE)
            after = _WHOLE if step.inputs[0] not in regions else _within(step, before)
            regions.update(dict.fromkeys(step.outputs, after))
    return regions.get(value, _WHOLE)


def on_images(maps, size, region):
    """Return maps, (n, height, width), resized to that of images, by interpolation.

    Args:
        maps: Array (n, rows, columns).
        size: (height, width) of the images.
        region: Where in the images the maps lie, as `region_seen` returns it.
    """
    height, width = size
    top, left, bottom, right = region
    # Of whole pixels, as in layers that crop.
    rows, columns = round((bottom - top) * height), round((right - left) * width)
    top, left = round(top * height), round(left * width)
    resized = np.stack(
        [
            cv2.resize(one, (columns, rows), interpolation=cv2.INTER_LINEAR)
            for one in maps
        ]
    )
    if (top, left, rows, columns) == (0, 0, height, width):
        return resized
    placed = np.zeros((len(maps), height, width), maps.dtype)
    within = [
        slice(max(0, start), max(0, start) + count)
        for start, count in (
            (top, min(height, top + rows) - max(0, top)),
            (left, min(width, left + columns) - max(0, left)),
        )
    ]
    cut = [
        slice(within[0].start - top, within[0].stop - top),
        slice(within[1].start - left, within[1].stop - left),
    ]
    placed[:, within[0], within[1]] = resized[:, cut[0], cut[1]]
    return placed


def _within(step, before):
    """Return the region of what a step gives, from that of what it is given."""
    layer, given = step.layer, step.inputs[0].shape
    made = step.outputs[0].shape
    if len(given) != 4 or len(made) != 4 or isinstance(layer, _OF_ALL):
        return before
    share = _share(layer, given[1:3], made[1:3])
    if share is None:
        warn_user(
            f"The layer or operation {step.name!r} makes images of another size in a "
            "way that is not known, before the first convolution. Feature maps are "
            "shown as if it took all of an image. Use a method that works on pixels, "
            "such as 'gradient' or 'occlusion'."
        )
        return before
    top, left, bottom, right = before
    height, width = bottom - top, right - left
    return (
        top + share[0] * height,
        left + share[1] * width,
        top + share[2] * height,
        left + share[3] * width,
    )


def _share(layer, given, made):
    """Return what part of an image a layer takes, 0 to 1, or None if not known."""
    if isinstance(layer, _LAYERS.Cropping2D):
        return _cut(given, layer.cropping, 1)
    if isinstance(layer, _LAYERS.ZeroPadding2D):
        most = max(max(pair) for pair in layer.padding)
        return _WHOLE if most <= _OF_A_KERNEL else _cut(given, layer.padding, -1)
    if isinstance(layer, _LAYERS.CenterCrop):
        return _central(given, made)
    if isinstance(layer, _LAYERS.Resizing):
        if layer.crop_to_aspect_ratio:
            return _of_aspect(given, made, min)
        if layer.pad_to_aspect_ratio:
            return _of_aspect(given, made, max)
        return _WHOLE
    return _WHOLE if given == made else None


def _cut(given, sides, sign):
    """Return the share that is left where pixels are cut off, or added for -1."""
    if None in given:
        return None
    (top, bottom), (left, right) = sides
    height, width = given
    return (
        sign * top / height,
        sign * left / width,
        1 - sign * bottom / height,
        1 - sign * right / width,
    )


def _central(given, made):
    """Return the share of a central crop; a smaller image is enlarged first."""
    if None in given or None in made:
        return None
    if any(one < other for one, other in zip(given, made, strict=True)):
        return _of_aspect(given, made, min)
    edges = [int((one - other) / 2) for one, other in zip(given, made, strict=True)]
    return (
        edges[0] / given[0],
        edges[1] / given[1],
        (edges[0] + made[0]) / given[0],
        (edges[1] + made[1]) / given[1],
    )


def _of_aspect(given, made, choose):
    """Return the central share of another aspect: a part, or more than the image."""
    if None in given or None in made:
        return None
    scale = choose(one / other for one, other in zip(given, made, strict=True))
    shares = [scale * other / one for one, other in zip(given, made, strict=True)]
    return (
        0.5 - shares[0] / 2,
        0.5 - shares[1] / 2,
        0.5 + shares[0] / 2,
        0.5 + shares[1] / 2,
    )
