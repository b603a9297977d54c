"""Evaluate a classifier on labelled images."""

from typing import NamedTuple

import numpy as np

from reticnn.classifier import Classifier
from reticnn.coercion import as_int
from reticnn.data.accepting import image_data_of
from reticnn.data.conversion import images_for_model
from reticnn.data.hashing import hashed
from reticnn.data.image_data import ImageData
from reticnn.evaluation.compiled_loss import compiled_loss
from reticnn.evaluation.metrics import classification_metrics
from reticnn.memory import seen_by, warn_of_seen
from reticnn.outputs import as_classifier_or_model, probabilities
from reticnn.prediction.forward import outputs_of
from reticnn.prediction.missing import warn_of_missing
from reticnn.prediction.summarising import ImagesOfTiles, as_summary, check_tiles
from reticnn.runtime.backend import keras
from reticnn.runtime.progress import as_step_progress


def evaluate_classifier(
    classifier,
    data,
    *,
    class_names=None,
    batch_size=32,
    progress="auto",
    output="auto",
    summarise=None,
):
    """Evaluate a classifier on labelled images.

    Args:
        classifier: Classifier from `fit_classifier` or `load_classifier`, or a Keras
            model from images to classes.
        data: Image data with labels, of the classifier's classes or some of them, in
            any order; or the path of a folder with a subfolder of images per class.
        class_names: For a Keras model, the names of its classes in the order of its
            outputs, or None for those of the data in their order. Default None.
        batch_size: Whole number of images per batch. Default 32.
        progress: As in `predict_images`. Default `"auto"`.
        output: For a Keras model, what it outputs, as in `predict_images`. Default
            `"auto"`.
        summarise: For tiles, from `image_tiles`: how the predictions of the tiles of an
            image become one, as in `predict_images`; each image then counts once, and
            its loss is the log loss. None evaluates the tiles. Default None.

    Returns:
        Dict. Measures that are undefined for the data, such as the AUC where all images
        are of one class, are NaN. If the model gives NaN for some of the images, so are
        all measures but the recall of classes without such images; `n` counts these
        images too, `confusion` does not.

        - `n`: number of images.
        - `loss`: the loss the model is compiled with, regularisation included, as
          Keras's `evaluate()` gives it; if it is not compiled, the log loss.
        - `accuracy`: fraction of images predicted correctly.
        - `balanced_accuracy`: mean of the recalls of the classes in the data.
        - `roc_auc`: area under the ROC curve for the second of two classes; with more
          classes, the mean over the classes in the data, each against the rest.
        - `log_loss`: mean of -log(probability of the true class).
        - `brier_score`: mean over the images of the squared difference between the
          probability of each class and 1 for the true class or 0 for others, summed
          over the classes; with two classes half of that, which is the squared error of
          the second class's probability.
        - `calibration_error`: expected calibration error, the mean gap between the
          highest probability and the accuracy in 15 bins of that probability.
        - `per_class`: table (dict of equal-length lists) with one row per class:
          `class`, `n` (images of it), `precision`, `recall` and `f1`, which are NaN
          for a class that is not in the data.
        - `confusion`: table (dict of equal-length lists) of the number of images, `n`,
          of each pair of classes `truth` and `predicted`.

    Raises:
        TypeError: If `classifier` is not a classifier, or `data` not image data.
        ValueError: If the data have no images, no labels, a class unknown to the
            classifier, or images of a size or number of channels that the model does
            not take; or if it is not known what the model outputs; or if `summarise` is
            given for images that are not tiles, or whose tiles are of several
            classes.
        RuntimeError: In a process forked from the one that started Keras.

    Warns:
        SeenImagesWarning: If the model was trained on some of the images.
        StaleClassifierWarning: If the model has been changed since the classifier was
            made, by further training or otherwise.
        UserWarning: If images in memory are resized to what the model takes, or files
            are resized differently than in training, or the model gives NaN.

    Example:
        >>> scores = evaluate_classifier(classifier, shape_images(200, seed=2))
        >>> scores["accuracy"]
        0.965
        >>> scores["per_class"]["recall"]
        [0.98, 0.95]

    Source:
        The definitions are those of scikit-learn. Calibration error: Guo et al.
        (2017), arXiv:1706.04599.
    """
    found = measured(
        classifier, data, class_names, batch_size, progress, output, summarise
    )
    return found.scores


class Measured(NamedTuple):
    """A classifier's predictions of labelled images, and how good they are.

    `data` are the images as the model takes them, `probabilities` (n, classes), and
    `scores` what `evaluate_classifier` returns.
    """

    classifier: Classifier
    data: ImageData
    probabilities: np.ndarray
    scores: dict


def measured(
    classifier,
    data,
    class_names,
    batch_size,
    progress,
    output="auto",
    summarise=None,
):
    """Return what `evaluate_classifier` finds, with what it finds it from."""
    start_progress = as_step_progress(progress)
    summarise = as_summary(summarise)
    data = image_data_of(
        data,
        resize=getattr(classifier, "resize", None),
        reading=getattr(classifier, "reading", None),
    )
    if isinstance(classifier, keras.Model) and class_names is None:
        class_names = data.class_names
    classifier = as_classifier_or_model(classifier, class_names, output)
    if data.codes is None:
        raise ValueError(
            "`data` has no labels to compare with. Give them to `image_arrays()` or "
            "`image_table()`, or put the images into one subfolder per class."
        )
    data = data.with_classes(classifier.class_names)
    codes = data.codes
    images = None
    if summarise:
        check_tiles(data, "data")
        images = ImagesOfTiles(data)
        codes = images.labels(codes, data.class_names, data.files)
    data = images_for_model(
        data,
        classifier.image_shape,
        "data",
        classifier.resize,
        reading=classifier.reading,
    )
    seen = classifier.seen | seen_by(classifier.model)
    data = hashed(data) if seen else data
    model, batch_size = classifier.model, as_int(batch_size, "batch_size")
    outputs = outputs_of(model, data, batch_size, start_progress)
    predicted = probabilities(model, classifier.output, outputs)
    warn_of_missing(predicted, data.files)
    warn_of_seen(data, seen, "data")
    loss = None
    if images:
        predicted = images.summarised(predicted, summarise)
    else:
        loss = compiled_loss(classifier, data, outputs, batch_size)
    metrics = classification_metrics(codes, predicted, classifier.class_names)
    scores = {
        "n": len(codes),
        "loss": metrics["log_loss"] if loss is None else loss,
        **metrics,
    }
    return Measured(classifier, data, predicted, scores)
