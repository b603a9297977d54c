"""The axes along which the colours of the user's own images vary."""

import numpy as np

from reticnn.augmenting.parts.scratch import VALUES_AT_ONCE
from reticnn.coercion import as_float, as_images
from reticnn.data.accepting import image_data_of, is_of_files
from reticnn.data.image_data import ImageData, check_not_empty
from reticnn.runtime.stopping import check_wanted


def pca_color(data, *, std=0.1):
    """Find the axes of AlexNet's PCA colour in images.

    These are the principal axes of the colours of all pixels, for
    `augmentation(pca_color=...)`, which by default uses those of ImageNet. The images
    are read a few at a time, each once.

    Args:
        data: Image data, the path of a folder or of files, or an array as for
            `augment`, with 2 channels or more.
        std: Float of at least 0, the standard deviation of the shift along the axes, in
            units of their eigenvalues. Default 0.1, AlexNet's.

    Returns:
        Dict of the settings of `pca_color`: `std`; `eigenvalues`, the variance of the
        pixels, with values of 0 to 1, along each axis, largest first, (channels,);
        `eigenvectors`, in the columns of an array, (channels, channels), each with its
        largest component positive.

    Raises:
        TypeError: If `data` is not image data.
        ValueError: If there are no images, if they are grey, or if all pixels have one
            colour.

    Example:
        >>> colors = pca_color(shape_images(100))
        >>> policy = augmentation(pca_color=colors, flip="horizontal")

    Source:
        Krizhevsky, Sutskever and Hinton (2012), ImageNet Classification with Deep
        Convolutional Neural Networks, section 4.1.
    """
    std = as_float(std, "std", minimum=0)
    images = _images(data)
    count, total, products = _moments(images)
    mean = total / count
    # The mean is near 0, as values are counted from the middle of their range.
    covariance = products / count - np.outer(mean, mean)
    values, vectors = np.linalg.eigh(covariance / 255**2)
    values, vectors = np.maximum(values[::-1], 0), vectors[:, ::-1]
    if values[0] < 1e-12:
        raise ValueError(
            "`data` has images of one colour, the same for all, which vary along no "
            "axis. Leave `pca_color` out."
        )
    greatest = np.argmax(np.abs(vectors), axis=0)
    signs = np.sign(vectors[greatest, np.arange(len(values))])
    return {"std": std, "eigenvalues": values, "eigenvectors": vectors * signs}


def _images(data):
    """Return a function of positions that reads images, and their number."""
    if is_of_files(data):
        data = image_data_of(data)
    if isinstance(data, ImageData):
        shape, read, count = data.image_shape, data.read, len(data)
    else:
        pixels = as_images(data, "data")
        shape, count = pixels.shape[1:], len(pixels)
        read = pixels.__getitem__
    check_not_empty(range(count), "data")
    if shape[2] == 1:
        raise ValueError(
            "`data` has grey images, of 1 channel, whose colours do not vary. Leave "
            "`pca_color` out, or read them in colour (`channels=3`)."
        )
    return read, count, shape


def _moments(images):
    """Return the number of pixels, and sums of values and of products of two."""
    read, count, (height, width, channels) = images
    total, products = np.zeros(channels), np.zeros((channels, channels))
    at_once = max(1, VALUES_AT_ONCE // (height * width * channels))
    for start in range(0, count, at_once):
        check_wanted()
        some = read(np.arange(start, min(start + at_once, count)))
        pixels = some.reshape(-1, channels).astype("float64") - 127.5
        total += pixels.sum(axis=0)
        products += pixels.T @ pixels
    return count * height * width, total, products
