"""Generated images of shapes: data that are quick to make, for trying things out."""

import numpy as np

from reticnn.coercion import as_bool, as_channels, as_int, as_seed
from reticnn.data.array_images import ArrayImages
from reticnn.data.image_data import ImageData
from reticnn.runtime.randomness import generator

_IMAGES_AT_ONCE = 256


def shape_images(
    n=1000, num_classes=2, *, image_size=32, channels=3, seed=None, masks=False
):
    """Generate images of shapes: circles, squares, triangles, stars, crosses, rings.

    They are quick to make and useful for trying things out: a light shape on a darker
    background. Size, position, tilt (up to 17 degrees) and colours vary between images,
    and there is noise, so that no single pixel reveals the class and there is something
    for a network to learn.

    Args:
        n: Whole number of images, with the classes in turn. Default 1000.
        num_classes: Whole number from 2 to 6: the first `num_classes` of circle,
            square, triangle, star, cross, ring. Default 2.
        image_size: Whole number of at least 8, height and width in pixels. Default 32.
        channels: 3 for colour, 1 for grey. Default 3.
        seed: Whole number of at least 0 that fixes the images, or None for new ones
            each time. With the same seed, a larger `n` adds further images to the same
            first ones. Default None.
        masks: True also records which pixels belong to the shape, as the attribute
            `masks` of the image data, with which `explanation_scores` compares maps.
            Default False.

    Returns:
        Image data in memory, as from `image_folder`. Their `masks`, an array (n,
        height, width) of booleans, stay with parts of the data and joined data, and are
        None unless requested.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If an argument is outside its range.

    Example:
        >>> shape_images(300, 3, seed=1)
        <ImageData> 300 images, 32 x 32 x 3, in memory
        circle    100
        square    100
        triangle  100
    """
    n = as_int(n, "n")
    class_names = _first_classes(num_classes)
    image_size = as_int(image_size, "image_size", minimum=8)
    channels = as_channels(channels)
    as_masks = as_bool(masks, "masks")
    codes = np.arange(n) % len(class_names)
    seed = as_seed(seed)
    inside = np.empty((n, image_size, image_size), bool) if as_masks else None
    pixels = np.empty((n, image_size, image_size, channels), np.uint8)
    for start in range(0, n, _IMAGES_AT_ONCE):
        block = slice(start, start + _IMAGES_AT_ONCE)
        rng = generator(seed, start)
        # Drawn for a whole round, so that n does not change the images before it.
        draws = _draw_scenes(rng, image_size, channels)
        count = len(codes[block])
        *places, colours, noise = (draw[:count] for draw in draws)
        cover = _cover(codes[block], image_size, *places)
        pixels[block] = _paint(cover, colours, noise)
        if as_masks:
            inside[block] = cover >= 0.5
    return ImageData(ArrayImages(pixels, masks=inside), codes, class_names)


def _first_classes(num_classes):
    """Return the names of the first `num_classes` shapes."""
    names = list(_DISTANCES)
    count = as_int(num_classes, "num_classes", minimum=2)
    if count > len(names):
        raise ValueError(
            f"`num_classes` must be at most {len(names)}, the number of shapes, not "
            f"{count}."
        )
    return names[:count]


def _draw_scenes(rng, image_size, channels):
    """Draw (centres, radii, angles, colours, noise) for one round of images."""
    count = _IMAGES_AT_ONCE
    radii = rng.uniform(0.25, 0.42, count)
    centres = rng.uniform(-1, 1, (count, 2)) * (0.5 - radii[:, None])
    angles = rng.uniform(-0.3, 0.3, count)
    ground = rng.uniform(10, 110, (count, 1, channels))
    shape = ground + rng.uniform(70, 140, (count, 1, channels))
    colours = np.concatenate([ground, shape], axis=1)
    noise = rng.normal(0, 6, (count, image_size, image_size, channels))
    return centres, radii, angles, colours, noise


def _cover(codes, image_size, centres, radii, angles):
    """Return how much of each pixel the shapes cover, 0 to 1, (n, height, width)."""
    axis = (np.arange(image_size) + 0.5) / image_size - 0.5
    x = axis[None, None, :] - centres[:, 0, None, None]
    y = axis[None, :, None] - centres[:, 1, None, None]
    cos, sin = (part(angles)[:, None, None] for part in (np.cos, np.sin))
    scale = radii[:, None, None]
    x, y = (cos * x + sin * y) / scale, (cos * y - sin * x) / scale
    distances = np.empty(x.shape)
    for code, distance in enumerate(_DISTANCES.values()):
        chosen = codes == code
        distances[chosen] = distance(x[chosen], y[chosen])
    # One pixel of transition makes smooth edges.
    return np.clip(0.5 - distances * scale * image_size, 0, 1)


def _paint(cover, colours, noise):
    """Return images of what covers the ground."""
    cover = cover[..., None]
    ground, shape = colours[:, 0, None, None], colours[:, 1, None, None]
    return np.clip(ground + cover * (shape - ground) + noise, 0, 255).round()


def _polygon(x, y, corners, depth):
    """Return the distance to a star's edge, in units of its radius, negative inside.

    `depth` is the radius of its inner corners; at cos(pi / corners) it is a polygon.
    """
    half = np.pi / corners
    angle = np.abs((np.arctan2(y, x) + half) % (2 * half) - half)
    radius = np.hypot(x, y)
    px, py = radius * np.cos(angle), radius * np.sin(angle)
    # The edge runs from an outer corner (1, 0) to an inner one, `half` further round.
    ex, ey = depth * np.cos(half) - 1, depth * np.sin(half)
    return ((px - 1) * ey - py * ex) / np.hypot(ex, ey)


def _cross(x, y):
    """Return the distance to a cross's edge: two bars, the nearer one counts."""
    bars = [np.maximum(np.abs(a) - 1, np.abs(b) - 0.3) for a, b in ((x, y), (y, x))]
    return np.minimum(*bars)


_DISTANCES = {
    "circle": lambda x, y: np.hypot(x, y) - 0.85,
    "square": lambda x, y: np.maximum(np.abs(x), np.abs(y)) - 0.75,
    "triangle": lambda x, y: _polygon(-y, x, 3, np.cos(np.pi / 3)),
    "star": lambda x, y: _polygon(-y, x, 5, 0.4),
    "cross": _cross,
    "ring": lambda x, y: np.abs(np.hypot(x, y) - 0.7) - 0.2,
}
