"""Labels that are probably wrong, by confident learning."""

import numpy as np

from reticnn.notation import shown
from reticnn.review.findings import Finding

# Of a class with fewer images it cannot be said what is like it.
_FEWEST = 5

# Means of equal probabilities are not quite equal to them.
_ROUNDING = 1e-6

# An image that gives its own label less than this is one of the worst.
_HARDLY = 0.05


def wrong_labels(codes, probabilities, class_names):
    """Return the findings on labels that are probably wrong, the surest first.

    Args:
        codes: int array, the class of each image counted from 0.
        probabilities: Array, (n, classes), predicted without the image's own label.
        class_names: List of the classes.
    """
    return [
        _finding(int(image), codes[image], other, probabilities[image], class_names)
        for image, other in zip(*suspects(codes, probabilities), strict=True)
    ]


def suspects(codes, probabilities):
    """Return positions of images with labels that are probably wrong, and the others.

    An image counts for a class if it gives that class at least the mean probability
    that the images labelled so give it. This estimates how many images are of each
    class whatever their labels are, and of each label so many are suspects of another
    class as are expected: those that favour that class most.

    Args:
        codes: int array, the class of each image counted from 0.
        probabilities: Array, (n, classes).

    Returns:
        Two int arrays: the positions, those first whose labels are the least probable,
        and the codes that are probably right.
    """
    n, count = probabilities.shape
    sizes = np.bincount(codes, minlength=count)
    large = sizes >= _FEWEST
    own = probabilities[np.arange(n), codes]
    means = np.bincount(codes, own, count) / np.maximum(sizes, 1)
    counts_for = (probabilities >= means - _ROUNDING) & large
    confident = np.where(counts_for, probabilities, -1)
    is_known = counts_for.any(axis=1)
    joint = np.zeros((count, count))
    np.add.at(joint, (codes[is_known], confident.argmax(axis=1)[is_known]), 1)
    # Each label has as many images as it has, the uncertain ones included.
    joint *= (sizes / np.maximum(joint.sum(axis=1), 1))[:, None]
    wanted = np.rint(joint).astype(int)
    is_wrong = np.zeros(n, bool)
    for label in np.flatnonzero(large):
        members = np.flatnonzero(codes == label)
        for other in np.flatnonzero(large & (np.arange(count) != label)):
            lead = probabilities[members, other] - own[members]
            first = np.argsort(-lead, kind="stable")[: wanted[label, other]]
            is_wrong[members[first][lead[first] > 0]] = True
    is_wrong &= probabilities.argmax(axis=1) != codes
    images = np.flatnonzero(is_wrong)
    images = images[np.argsort(own[images], kind="stable")]
    return images, probabilities[images].argmax(axis=1)


def _finding(image, code, other, probabilities, class_names):
    value, highest = float(probabilities[code]), float(probabilities[other])
    why = (
        f"labelled {shown(class_names[code])} with probability {value:.2g}, probably "
        f"{shown(class_names[other])} with {highest:.2g}"
    )
    severity = "high" if value < _HARDLY else "medium"
    return Finding("wrong_label", severity, [image], why, value, highest)
