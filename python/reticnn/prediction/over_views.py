"""Probabilities averaged over the views of each image."""

import numpy as np

from reticnn.data.identity import image_hashes
from reticnn.outputs import probabilities
from reticnn.prediction.forward import number_of_batches, read_batches
from reticnn.runtime.keras_internals import predicted
from reticnn.runtime.progress import reporting


def mean_probabilities(views, sources, batch_size, start_progress, hashes=False):
    """Return the probabilities of the classes, averaged over views of each image.

    Args:
        views: `Views`.
        sources: What `views.sources()` returned.
        batch_size: Whole number of images per batch.
        start_progress: Function of the number of batches that returns one of those
            done.
        hashes: Whether the images are to be told by their pixels. Default False.

    Returns:
        Tuple of the probabilities, (n, classes), and the hash of each image as it is
        read for the first of the scales, or None.
    """
    n, seen, found = len(sources[0]), [], []
    report = start_progress(
        sum(number_of_batches(source, batch_size) for source in sources)
    )
    with read_batches(sources, batch_size) as batches:
        for images in reporting(batches, report):
            seen.append(_of_batch(views, images, batch_size))
            if hashes and sum(map(len, found)) < n:
                found.append(image_hashes(images))
    chances = np.concatenate(seen).reshape(len(sources), n, -1).mean(axis=0)
    return chances, np.concatenate(found) if hashes else None


def _of_batch(views, images, batch_size):
    """Return the mean probabilities of images at one scale."""
    classifier, network = views.classifier, views.network
    model, kind = classifier.network, classifier.output
    means = np.empty((len(images), len(classifier.class_names)))
    for indices, pixels in _by_size(images):
        at_once = views.images_at_once(pixels.shape[1:], batch_size)
        for start in range(0, len(pixels), at_once):
            some = slice(start, start + at_once)
            seen = [
                probabilities(model, kind, predicted(network, view(pixels[some])))
                for view in views.of_images(pixels.shape[1:])
            ]
            means[indices[some]] = np.mean(seen, axis=0)
    return means


def _by_size(images):
    """Yield the indices and the pixels of the images, size by size."""
    if isinstance(images, np.ndarray):
        yield np.arange(len(images)), images
        return
    shapes = [image.shape for image in images]
    for shape in sorted(set(shapes)):
        indices = [index for index, given in enumerate(shapes) if given == shape]
        yield np.array(indices), np.stack([images[index] for index in indices])
