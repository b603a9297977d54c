"""Labelled images that a classifier was not trained on, for what is found from them."""

import numpy as np

from reticnn.classifier import as_classifier
from reticnn.data.accepting import image_data_of
from reticnn.data.splits.splitting import in_groups
from reticnn.data.weighting import shown_range
from reticnn.outputs import kind_of_classifier
from reticnn.runtime.conditions import SeenImagesWarning, warn_user


def classifier_and_labelled(classifier, data, groups=None):
    """Return a classifier and image data of its classes, every image of which counts.

    Raises:
        TypeError: If `classifier` is not a classifier, or `data` not image data.
        ValueError: If the data have no labels, weights, or a class of their own.
    """
    classifier = as_classifier(classifier)
    kind_of_classifier(classifier)
    data = image_data_of(data, resize=classifier.resize, reading=classifier.reading)
    if data.codes is None:
        raise ValueError(
            "`data` has no labels to compare with. Give them to `image_arrays()` or "
            "`image_table()`, or put the images into one subfolder per class."
        )
    if data.weights is not None and len(set(data.weights)) > 1:
        raise ValueError(
            f"`data` has images of different weights, {shown_range(data.weights)}, "
            "which would have no effect: each image counts once here. Make the image "
            "data without `weights`."
        )
    data = in_groups(data.with_classes(classifier.class_names), groups)
    if data.boxes is not None and data.groups is None:
        # Tiles of one image belong together.
        data = data.with_groups(list(map(str, data.places)))
    return classifier, data


def check_unseen(classifier, hashes, purpose):
    """Raise if the classifier was trained on images, and warn of validation images.

    Args:
        classifier: Classifier.
        hashes: uint64 array, the hashes of images of the model's size.
        purpose: What the images are for, such as "Calibration".

    Raises:
        ValueError: If it was trained on some of them.
    """
    seen = classifier.known_images
    trained = int(np.isin(hashes, seen.trained_on).sum())
    if trained:
        raise ValueError(
            f"`data` has {trained} of {len(hashes)} images that the classifier was "
            "trained on, where it is surer and more often right than elsewhere. "
            f"{purpose} needs images that it has not seen: set some aside before "
            "training, with `split_images()`."
        )
    held_out = int(np.isin(hashes, seen.held_out).sum())
    if held_out:
        warn_user(
            f"`data` has {held_out} of {len(hashes)} images that the classifier has "
            "been validated or calibrated on. If they chose its epoch or its settings, "
            "it does a little better on them than on new images. If there are enough, "
            "set images aside for this.",
            SeenImagesWarning,
        )
