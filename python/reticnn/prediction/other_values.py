"""A word on images whose values are not as those that a classifier was trained on."""

import numpy as np

from reticnn.runtime.conditions import warn_user


def warn_of_other_values(data, classifier, name):
    """Warn if pixels are 0 to 255, and a classifier was trained on, say, -2 to 2.

    Args:
        data: Image data.
        classifier: Classifier.
        name: The argument's name.
    """
    ends = classifier.value_ends
    if ends is None or not len(data):
        return
    kept = data.files is None and getattr(data.source, "dtype", None) != np.uint8
    highest = data.read(np.arange(min(len(data), 32))).max() if kept else 255
    if are_of_other_values(highest, ends):
        warn_user(
            f"`{name}` has values up to {highest:g}, and the classifier was trained on "
            f"{classifier.values}. Rescale these images to such values in the same way."
        )


def are_of_other_values(highest, ends):
    """Return whether a highest value is out of all proportion to the ends of others.

    Of other photos than those in training, the ends are much the same.
    """
    return highest > 4 * max(map(abs, ends))
