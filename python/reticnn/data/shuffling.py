"""Images whose pixels have other places."""

from collections.abc import Mapping

import numpy as np

from reticnn.coercion import as_float, as_images, as_seed
from reticnn.data.array_images import ArrayImages
from reticnn.data.image_data import ImageData, as_image_data


def shuffle_pixels(images, share=1.0, *, seed=None):
    """Move the pixels of images to other places, the same in all images.

    Only the information about which pixels are neighbours is lost: a network that
    learns equally well from these images makes no use of it.

    Args:
        images: Image data, or an array (n, height, width, channels) or (height, width,
            channels).
        share: Float from 0 to 1, the share of the places that exchange their pixels;
            with the same seed, a larger share includes those of a smaller one. Default
            1.
        seed: Whole number of at least 0 that fixes the places, or None for new ones
            each time. Images that belong together, such as training and test images,
            need the same seed. Default None.

    Returns:
        Image data in memory with the same labels and groups, or an array (n, height,
        width, channels), as `images` are.

    Raises:
        TypeError: If `images` does not hold images.
        ValueError: If `share` is not between 0 and 1.

    Example:
        >>> data = shape_images(100, seed=1)
        >>> shuffled = shuffle_pixels(data, seed=1)
        >>> shuffled.labels == data.labels
        True
    """
    share, seed = as_float(share, "share", minimum=0, maximum=1), as_seed(seed)
    if not isinstance(images, (ImageData, Mapping)):
        return _shuffled(as_images(images), share, seed)
    data = as_image_data(images, "images")
    return ImageData(
        ArrayImages(_shuffled(data.read(np.arange(len(data))), share, seed)),
        data.codes,
        data.class_names,
        groups=data.groups,
        facts=data.facts,
        weights=data.weights,
    )


def _shuffled(pixels, share, seed):
    """Return images with a share of their places in another order."""
    count = pixels.shape[1] * pixels.shape[2]
    generator = np.random.default_rng(seed)
    chosen = generator.permutation(count)[: round(share * count)]
    places = np.arange(count)
    # Each goes to the next in a random order, so that none stays.
    places[chosen] = np.roll(chosen, 1)
    rows = pixels.reshape(len(pixels), count, -1)
    return rows[:, places].reshape(pixels.shape)
