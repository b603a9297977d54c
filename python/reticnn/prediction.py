"""Use a classifier: predict classes and measure how often they are right."""

import os
from collections.abc import Mapping

import numpy as np

from reticnn.classifier import as_classifier
from reticnn.coercion import as_images, as_int, as_path, shown
from reticnn.data.folder import KINDS_OF_IMAGES, image_files
from reticnn.data.images import (
    ArrayImages,
    FileImages,
    ImageData,
    as_image_data,
    check_not_empty,
)
from reticnn.outputs import probabilities
from reticnn.training.batches import ImageBatches


def predict_images(classifier, images, *, batch_size=32):
    """Predict the class of each image.

    Args:
        classifier: Classifier.
        images: Image data; an array (n, height, width, channels) or one image (height,
            width, channels), 0 to 255; the path of an image file or of a folder of
            images; or a list of paths. Files are read at the model's size.
        batch_size: Whole number of images at a time. Default 32.

    Returns:
        Dict of lists, one value an image, in the order given: `".pred_class"`, the
        name of the most probable class; `".pred_<class>"`, the probability of each
        class; and for files `".file"`, the path.

    Raises:
        TypeError: If `classifier` is not a classifier, or `images` none of these.
        FileNotFoundError: If a path does not exist.
        ValueError: If a file cannot be read, or an array has another image size than
            the model takes.

    Example:
        >>> predict_images(classifier, "~/photos/tom.jpg")
        {'.pred_class': ['cat'], '.pred_cat': [0.93], '.pred_dog': [0.07],
         '.file': ['~/photos/tom.jpg']}
    """
    classifier = as_classifier(classifier)
    data = _images_to_predict(images, classifier.image_shape)
    check_not_empty(data, "images")
    predicted = _probabilities(classifier, data, batch_size)
    names = np.array(classifier.class_names)[predicted.argmax(axis=1)]
    table = {".pred_class": names.tolist()}
    for name, column in zip(classifier.class_names, predicted.T, strict=True):
        table[f".pred_{name}"] = column.tolist()
    if data.files is not None:
        table[".file"] = data.files
    return table


def evaluate_classifier(classifier, data, *, batch_size=32):
    """Measure a classifier on labelled images.

    Args:
        classifier: Classifier.
        data: Image data with labels, of the classifier's classes.
        batch_size: Whole number of images at a time. Default 32.

    Returns:
        Dict: `"n"`, the number of images; `"accuracy"`, the fraction predicted right;
        `"log_loss"`, the mean of -log(probability of the right class).

    Raises:
        TypeError: If `classifier` is not a classifier, or `data` not image data.
        ValueError: If the data have no labels or a class the classifier has not.

    Example:
        >>> evaluate_classifier(classifier, shape_images(200, seed=2))
        {'n': 200, 'accuracy': 0.965, 'log_loss': 0.121}
    """
    classifier = as_classifier(classifier)
    data = as_image_data(data)
    check_not_empty(data, "data")
    if data.codes is None:
        raise ValueError("`data` has no labels to compare with. Give them as `y`.")
    data = data.with_classes(classifier.class_names).fitted_to(classifier.image_shape)
    codes = data.codes
    predicted = _probabilities(classifier, data, batch_size)
    right = predicted[np.arange(len(codes)), codes]
    return {
        "n": len(codes),
        "accuracy": float((predicted.argmax(axis=1) == codes).mean()),
        "log_loss": float(-np.log(np.maximum(right, 1e-15)).mean()),
    }


def _probabilities(classifier, data, batch_size):
    """Return the class probabilities, (n, classes), in the order of the data."""
    batch_size = as_int(batch_size, "batch_size")
    unlabelled = ImageData(data.source, indices=data.indices)
    outputs = classifier.model.predict(ImageBatches(unlabelled, batch_size), verbose=0)
    return probabilities(classifier.model, outputs)


def _images_to_predict(images, image_shape):
    """Return whatever images a user has as image data that fits the model."""
    if isinstance(images, ImageData):
        return images.fitted_to(image_shape, "images")
    if isinstance(images, (str, os.PathLike)):
        path = as_path(images, "images")
        images = _files_in(path) if os.path.isdir(path) else [path]
    if isinstance(images, Mapping):
        return as_image_data(images, "images")
    if isinstance(images, (list, tuple)) and all(
        isinstance(image, (str, os.PathLike)) for image in images
    ):
        if not images:
            raise ValueError("`images` has no images: it is empty. Name some files.")
        return _files(images, image_shape)
    pixels = as_images(images)
    return ImageData(ArrayImages(pixels)).fitted_to(image_shape, "images")


def _files_in(folder):
    """Return the paths of the images in a folder."""
    files = image_files(folder)
    if not files:
        raise ValueError(f"`images` has no images: {folder!r}. {KINDS_OF_IMAGES}")
    return files


def _files(paths, image_shape):
    """Return image data of the files at `paths`."""
    paths = [as_path(path, "images") for path in paths]
    missing = [path for path in paths if not os.path.isfile(path)]
    if missing:
        raise FileNotFoundError(
            f"`images` must name image files; {len(missing)} of {len(paths)} do not "
            f"exist: {shown(missing)} (working directory: {os.getcwd()!r})."
        )
    return ImageData(FileImages(paths, *_reading_size(image_shape)))


def _reading_size(image_shape):
    """Return the (height, width) and the channels to read files at."""
    height, width, channels = image_shape
    if height is None or width is None:
        raise ValueError(
            "`images` are files, and the classifier's model takes images of any size. "
            "Make image data of the size you want with `image_folder()`."
        )
    return (height, width), channels
