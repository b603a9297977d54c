"""Data to train and to validate on, checked against the model."""

import numbers

from reticnn.coercion import shown
from reticnn.data.accepting import image_data_of
from reticnn.data.conversion import images_for_model
from reticnn.data.hashing import hashed
from reticnn.data.image_data import check_not_empty
from reticnn.memory import warn_of_seen
from reticnn.outputs import count_classes
from reticnn.runtime.conditions import SeenImagesWarning, warn_user
from reticnn.training.class_weights import totals_of_classes
from reticnn.training.holding_out import set_apart


def training_data(
    model, data, validation, seed, augmentation, class_names, resize, reading, seen
):
    """Return training and validation data at the model's size, checked against it."""
    shape = model.input_shape[1:]
    data = _labelled(model, data, "data", class_names, reading=reading)
    if len(data) < len(data.class_names):
        raise ValueError(
            f"`data` has {len(data)} images of {len(data.class_names)} classes, fewer "
            "than one per class. Give more images, or fewer classes."
        )
    _warn_of_missing_classes(data)
    size = _shape_to_augment(data, shape, augmentation)
    data = hashed(images_for_model(data, size, "data", resize, reading=reading))
    if isinstance(validation, numbers.Real) and not isinstance(validation, bool):
        data, validation = set_apart(data, validation, seed, shape, seen)
    _check_some_count(data, "data")
    if validation is None:
        return data, None
    validation = _labelled(
        model, validation, "validation", data.class_names, "`data`", data.reading
    )
    validation = images_for_model(
        validation, shape, "validation", data.resize, reading=data.reading
    )
    validation = hashed(validation)
    _check_some_count(validation, "validation")
    _warn_of_common_groups(data, validation)
    warn_of_seen(validation, seen, "validation")
    return data, validation


def _warn_of_common_groups(data, validation):
    """Warn if images for validation are of groups that are trained on."""
    common = sorted(set(data.groups or ()) & set(validation.groups or ()))
    if common:
        warn_user(
            f"`validation` has images of {len(common)} group"
            f"{'s' * (len(common) > 1)} that `data` has images of as well: "
            f"{shown(common)}. How well the model does on them does not tell how well "
            "it does on new groups. Divide the images with `split_images()`.",
            SeenImagesWarning,
        )


def _check_some_count(data, name):
    """Raise if no image of the data has a weight."""
    if data.weights is not None and not any(data.weights):
        raise ValueError(
            f"`{name}` has {len(data)} images, all of weight 0, so nothing counts "
            "in the loss. Give some of them other `weights`."
        )


def _warn_of_missing_classes(data):
    """Warn if there are classes that the model cannot learn from the images."""
    totals = zip(data.class_names, totals_of_classes(data), strict=True)
    missing = [name for name, total in totals if total == 0]
    if missing:
        weighted = "" if data.weights is None else " with a weight"
        warn_user(
            f"`data` has no image{weighted} of {len(missing)} of "
            f"{len(data.class_names)} classes: {shown(missing)}. The model learns not "
            "to predict them. Images of a folder come class by class: take a part with "
            "`split_images()`."
        )


def _shape_to_augment(data, shape, augmentation):
    """Return the (height, width, channels) of training images before augmentation."""
    if augmentation is None:
        return shape
    size = tuple(data.image_shape[:2])
    cropped = augmentation.output_shape((*size, 3))[:2]
    if cropped == size:
        given = shape
    elif cropped == tuple(shape[:2]):
        given = (*size, shape[2])
    else:
        raise ValueError(
            f"`augmentation` gives images of {cropped[0]} x {cropped[1]} pixels "
            f"(height x width), but the model takes {shape[0]} x {shape[1]}. Crop to "
            "the model's size, or to fractions, which keep the size."
        )
    augmentation.check(
        [
            have if side is None else side
            for side, have in zip(given, data.image_shape, strict=True)
        ]
    )
    return given


def _labelled(
    model, data, name, class_names=None, known_to="the classifier", reading=None
):
    """Return image data that has the labels the model needs."""
    data = image_data_of(data, name, reading=reading)
    check_not_empty(data, name)
    if data.codes is None:
        raise ValueError(
            f"`{name}` has no labels to learn from. Give the labels, or put the images "
            "into one subfolder per class."
        )
    if class_names is not None:
        data = data.with_classes(class_names, name, known_to)
    if count_classes(model) != len(data.class_names):
        raise ValueError(
            f"`model` has {count_classes(model)} classes, but `{name}` has "
            f"{len(data.class_names)}: {shown(data.class_names)}. Build the model with "
            f"`num_classes={len(data.class_names)}`, or, if `{name}` lacks images of "
            "some classes, name all of them as `class_names` when you make it."
        )
    return data
