"""Images that a network has been asked to imagine, in a grid."""

import numpy as np

from reticnn.coercion import as_int
from reticnn.explanation.imagined import as_class_images
from reticnn.plots.images import figure_of_grid
from reticnn.plots.preparation import colours_of, grid_of


def plot_class_images(class_images, n=16):
    """Show images for which classes, or filters, respond strongly.

    Args:
        class_images: What `class_image` returned.
        n: Whole number of images to show, the first ones. Default 16.

    Returns:
        `matplotlib.figure.Figure`, with the class of each image and its probability, or
        the number of the filter.

    Raises:
        TypeError: If `class_images` does not come from `class_image`.
        ImportError: If matplotlib is not installed.

    Example:
        >>> plot_class_images(class_image(classifier, seed=1)).savefig("classes.png")
    """
    return figure_of_grid(pictures_of_class_images(class_images, n))


def pictures_of_class_images(class_images, n=16):
    """Return pictures of such images, as `preparation` has them."""
    class_images = as_class_images(class_images)
    table = class_images.table
    count = min(as_int(n, "n"), len(class_images))
    pixels = np.ascontiguousarray(class_images.images[:count]).astype(np.uint8)
    if "class" in table:
        rows = zip(table["class"], table["probability"], strict=True)
        text, title = [f"{name} {100 * chance:.0f}%" for name, chance in rows], None
    else:
        text = [f"{number:.0f}" for number in table["filter"]]
        title = table["layer"][0]
    return grid_of(list(colours_of(pixels)), text[:count], [None] * count, title)
