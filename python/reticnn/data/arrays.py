"""Image data from arrays."""

from reticnn.coercion import as_images, as_labels
from reticnn.data.array_images import ArrayImages
from reticnn.data.facts import as_facts, as_groups
from reticnn.data.image_data import NAME_ALL_CLASSES, ImageData, check_class_names
from reticnn.data.weighting import as_weights


def image_arrays(x, y=None, *, class_names=None, groups=None, facts=None, weights=None):
    """Make image data from an array of images and their labels.

    Args:
        x: Array, (n, height, width, channels), or (n, height, width) for grey images;
            values 0 to 255. Whole numbers are kept as uint8. A uint8 array is used as
            it is, not copied: do not change it afterwards.
        y: One label per image: class names, or whole numbers, which then serve as
            names. None for images without labels. Default None.
        class_names: The classes in order, or None for the sorted labels, or for the
            categories of a pandas Categorical. With whole numbers in `y`, the names
            that 0, 1, ... or 1, 2, ... stand for. Default None.
        groups: What images belong together, as for `image_table`. Default None.
        facts: What else is known of each image, as for `image_table`. Default None.
        weights: How much each image counts in training, as for `image_table`. Default
            None.

    Returns:
        Image data in memory, as from `image_folder`.

    Raises:
        TypeError: If `x` does not hold numbers, or a label is neither a string nor a
            whole number.
        ValueError: If `x` has the wrong number of dimensions or missing pixels, if `x`
            and `y`, `groups`, a fact or `weights` differ in length, a label, a group or
            a weight is missing, a weight is negative or infinite, a label is not in
            `class_names`, there is only one class, or class names differ only in case.

    Warns:
        UserWarning: If pixels are outside 0 to 255, or within 0 to 1, or channels seem
            to come before height and width.

    Example:
        >>> x = numpy.random.default_rng(1).integers(0, 256, (6, 32, 32, 3))
        >>> image_arrays(x, ["cat", "dog"] * 3)
        <ImageData> 6 images, 32 x 32 x 3, in memory
        cat  3
        dog  3
    """
    pixels = as_images(x, "x")
    facts = as_facts(facts, len(pixels))
    known = {
        "groups": as_groups(groups, len(pixels), facts),
        "facts": facts,
        "weights": as_weights(weights, len(pixels), facts),
    }
    if y is None:
        return ImageData(ArrayImages(pixels), **known)
    codes, class_names = as_labels(y, class_names, name="y")
    if len(codes) != len(pixels):
        raise ValueError(
            f"`x` has {len(pixels)} images and `y` {len(codes)} labels. Give one label "
            "per image."
        )
    if len(codes):
        check_class_names(class_names, "y", NAME_ALL_CLASSES)
    return ImageData(ArrayImages(pixels), codes, class_names, **known)
