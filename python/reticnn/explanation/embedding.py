"""Images as rows of numbers that a network has learned to see in them."""

import numpy as np

from reticnn.classifier import Classifier, as_classifier, as_model
from reticnn.coercion import as_int, shown
from reticnn.data.conversion import images_for_model
from reticnn.data.listing import as_bad_image_rule
from reticnn.explanation.seen_features import feature_model
from reticnn.graph import check_images_known
from reticnn.notation import in_words
from reticnn.prediction.accepting_images import images_to_predict
from reticnn.prediction.forward import outputs_of
from reticnn.runtime.backend import keras
from reticnn.runtime.progress import as_step_progress


def embed_images(
    classifier,
    images,
    *,
    layer=None,
    batch_size=32,
    on_bad_image="error",
    progress="auto",
):
    """Turn images into rows of numbers: what a network sees in them.

    Images that look alike to a network have similar rows, so they can be compared,
    clustered, drawn, or classified by any other method. Files are read batch by batch,
    so memory use does not depend on their number.

    Args:
        classifier: Classifier from `fit_classifier` or `load_classifier`, or a Keras
            model of images, such as a backbone, which takes values of 0 to 255 and
            scales them itself.
        images: Images, as in `predict_images`.
        layer: Name of a layer as listed by `describe_model`, with or without the names
            of the models it is in. Its output is used as it is, except that feature
            maps are averaged over height and width. None for the features that go into
            the last layer with weights; for an ensemble, those of each member side by
            side; and for a Keras model that outputs feature maps or ends in pooling
            them, its output. Default None.
        batch_size: Whole number of images per batch. Default 32.
        on_bad_image: As in `predict_images`. Default `"error"`.
        progress: As in `predict_images`. Default `"auto"`.

    Returns:
        float32 array (n, features), in the order of the images. Rows are NaN if the
        model returns NaN.

    Raises:
        TypeError: If `classifier` is neither a classifier nor a Keras model, or
            `images` is not one of these.
        FileNotFoundError: If a path does not exist.
        ValueError: If there is no such layer, it is used several times, or its output
            is not one row or one set of feature maps per image; or for anything that
            `predict_images` refuses.

    Warns:
        StaleClassifierWarning: If the model has been changed since the classifier was
            made.
        UserWarning: If images are resized.

    Example:
        >>> classifier = fit_classifier(build_cnn(), shape_images(200))
        >>> embed_images(classifier, shape_images(50)).shape
        (50, 256)
        >>> embed_images(classifier, shape_images(50), layer="block1_conv1").shape
        (50, 32)
    """
    start_progress = as_step_progress(progress)
    embedder = Embedder(classifier, layer)
    rule = as_bad_image_rule(on_bad_image)
    batch_size = as_int(batch_size, "batch_size")
    data = embedder.data(images, "images", rule)
    return embedder.rows(data, batch_size, start_progress)


class Embedder:
    """A network as one from images to rows, and how it takes images."""

    def __init__(self, classifier, layer=None):
        """Take a classifier or a Keras model, and the name of a layer or None."""
        is_model = isinstance(classifier, keras.Model)
        if is_model:
            model = as_model(classifier, "classifier")
            check_images_known(model, "classifier")
            _check_one_output(model)
            classifier = Classifier(model, [], {"epoch": []})
        self._classifier = as_classifier(classifier)
        self._model = feature_model(
            self._classifier.model, layer, gives_classes=not is_model
        )

    def data(self, images, name, rule="error"):
        """Return images that a user gives as image data that the network takes."""
        classifier = self._classifier
        given = images_to_predict(images, classifier.image_shape, classifier, rule)
        return images_for_model(
            *(given, classifier.image_shape, name, classifier.resize),
            reading=classifier.reading,
        )

    def rows(self, data, batch_size, start_progress):
        """Return the features of image data, (n, features)."""
        return outputs_of(self._model, data, batch_size, start_progress)


def _check_one_output(model):
    count = len(getattr(model, "outputs", None) or [None])
    if count > 1:
        one = in_words(
            "`keras.Model(model.inputs, model.outputs[0])`",
            "`keras$Model(model$inputs, model$outputs[[1]])`",
        )
        raise ValueError(
            f"`classifier` has {count} outputs, and features of one are wanted. "
            f"Give a model of one of them: {one}."
        )


def as_embedding(value, name, rows=None, of=None):
    """Return rows of numbers, float32 (n, features).

    Args:
        value: What `embed_images` returned, or the like.
        name: The argument's name, for messages.
        rows: How many there have to be, or None.
        of: The argument whose images they are of.
    """
    array = np.asarray(value)
    if array.ndim != 2 or array.dtype.kind not in "fiu" or 0 in array.shape:
        raise TypeError(
            f"`{name}` must be numbers in rows, one for each image, as "
            f"`embed_images()` returns them, not {shown(value)}."
        )
    if rows is not None and len(array) != rows:
        raise ValueError(
            f"`{name}` has {len(array):,} rows, and `{of}` has {rows:,} images. Give "
            f"what `embed_images()` returns for `{of}`."
        )
    return array.astype("float32")
