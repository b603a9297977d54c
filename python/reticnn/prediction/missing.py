"""Images for which a model gives NaN."""

import numpy as np

from reticnn.coercion import shown
from reticnn.runtime.conditions import warn_user


def predicted_classes(chances, class_names):
    """Return the most probable class of each image, None where that is not known."""
    names = np.array([*class_names, None], dtype=object)
    codes = chances.argmax(axis=1)
    codes[np.isnan(chances).any(axis=1)] = len(class_names)
    return names[codes].tolist()


def warn_of_missing(chances, files, model="model"):
    """Warn if the probabilities of images are NaN, and name these images.

    Args:
        chances: Array, (n, classes).
        files: List of the paths of the images, or None.
        model: What the model is called, for messages. Default `"model"`.
    """
    missing = np.flatnonzero(np.isnan(chances).any(axis=1))
    if len(missing) == 0:
        return
    which = (missing + 1).tolist() if files is None else [files[at] for at in missing]
    images = "image" if len(chances) == 1 else "images"
    warn_user(
        f"The {model} returns NaN for {len(missing)} of {len(chances)} {images}, which "
        f"have no predicted class: {shown(which)}. Look at these images or, if all are "
        "affected, at the weights of the model."
    )
