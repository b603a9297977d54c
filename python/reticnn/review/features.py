"""What a model sees in images, before it says what they are."""

import numpy as np

from reticnn.classifier import Classifier, as_classifier, as_model
from reticnn.data.conversion import images_for_model
from reticnn.data.hashing import hashed, hashes_of
from reticnn.graph import check_images_known
from reticnn.memory import seen_by
from reticnn.outputs import as_rows, features_model
from reticnn.prediction.forward import number_of_batches, read_batches
from reticnn.runtime.backend import keras
from reticnn.runtime.conditions import SeenImagesWarning, warn_user
from reticnn.runtime.keras_internals import predicted
from reticnn.runtime.progress import reporting


class Seer:
    """A model as one from images to features, and how it takes images."""

    def __init__(self, classifier):
        """Take a classifier or a Keras model."""
        is_model = isinstance(classifier, keras.Model)
        if not is_model:
            classifier = as_classifier(classifier)
        model = as_model(classifier) if is_model else classifier.model
        check_images_known(model, "classifier")
        self._features = features_model(model)
        self._image_shape = model.input_shape[1:]
        self._resize = getattr(classifier, "resize", None)
        self._seen = seen_by(model)
        if isinstance(classifier, Classifier):
            self._seen |= classifier.seen

    def images(self, parts):
        """Return image data as the model takes them."""
        parts = [
            images_for_model(data, self._image_shape, "data", self._resize)
            for data in parts
        ]
        return list(map(hashed, parts)) if self._seen else parts

    def features(self, parts, batch_size, report):
        """Return the features of all images, (n, features), of parts from `images`.

        Warns:
            SeenImagesWarning: If the model was trained on some of them.
        """
        with read_batches(parts, batch_size) as batches:
            found = [
                as_rows(predicted(self._features, pixels))
                for pixels in reporting(batches, report)
            ]
        self._warn_of_seen(parts)
        return np.concatenate(found)

    def _warn_of_seen(self, parts):
        if not len(self._seen.trained_on):
            return
        hashes = np.concatenate([hashes_of(data) for data in parts])
        count = int(np.isin(hashes, self._seen.trained_on).sum())
        if count:
            warn_user(
                f"`classifier` was trained on {count} of the {len(hashes)} images of "
                "`data`. It has learned their labels, wrong ones too, and fewer wrong "
                "labels are found among them. Give a classifier trained on other "
                "images, or `probabilities` that were predicted without them.",
                SeenImagesWarning,
            )


def number_of_feature_batches(parts, batch_size):
    """Return how often `Seer.features` reports."""
    return sum(number_of_batches(data, batch_size) for data in parts)
