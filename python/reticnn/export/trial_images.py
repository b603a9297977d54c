"""Images on which an exported network is compared with the classifier."""

import numpy as np

from reticnn.data.resizing import fitted
from reticnn.prediction.accepting_images import images_to_predict
from reticnn.prediction.novel_images import images_as_taken
from reticnn.runtime.randomness import generator

# So many are read, and so many of them compared.
MOST_READ, MOST_COMPARED = 256, 32

_MADE_UP, _FREE_SIDE = 8, 96


def trial_images(classifier, images):
    """Return 8-bit images as the classifier's network takes them.

    Args:
        classifier: Classifier.
        images: What the user gives, as for `predict_images`; None makes some up.

    Returns:
        Tuple of a uint8 array, (n, height, width, channels), and the code of the class
        of each, or None where that is not known.
    """
    sides = [side or _FREE_SIDE for side in classifier.image_shape[:2]]
    shape = (*sides, classifier.image_shape[2])
    if images is None:
        return _made_up(shape), None
    data = images_as_taken(
        classifier, images_to_predict(images, shape, classifier, "error")
    )
    at = evenly(np.arange(len(data)), MOST_READ)
    pixels = data.read(at)
    if pixels.dtype != np.uint8:
        pixels = np.clip(np.rint(pixels), 0, 255).astype("uint8")
    if data.codes is None:
        return pixels, None
    return pixels, data.with_classes(classifier.class_names, "images").codes[at]


def evenly(items, most):
    """Return so many items of an array, which may be sorted, from all parts of it."""
    return items[np.unique(np.linspace(0, len(items) - 1, most).round().astype(int))]


def _made_up(shape):
    """Return images of soft patches of colour with some noise."""
    draws, pictures = generator(20, *shape), []
    for _ in range(_MADE_UP):
        patches = draws.random((5, 5, shape[2]), dtype="float32") * 255
        picture = fitted(patches, shape[:2], "stretch")
        pictures.append(picture + draws.normal(0, 12, shape))
    return np.clip(pictures, 0, 255).astype("uint8")
