"""The score of each class as an ONNX graph gives it, without a Keras model."""

import numpy as np

from reticnn.explanation.score_network import BEFORE, LEAST, score_without_squash
from reticnn.outputs import probabilities


class OnnxScores:
    """What a `ScoreNetwork` is to methods that hide parts of images.

    Attributes:
        scores_are: In words, what the score of a class is.
        classes: How many there are.
    """

    def __init__(self, classifier):
        """Take a `Classifier` whose network is an `OnnxNetwork`."""
        self._network, self._kind = classifier.network, classifier.output
        self._scores = self._network.giving_scores()
        self.classes = len(classifier.class_names)
        units = self._network.output_shape[1]
        is_before = self._scores is not None or self._kind not in ("softmax", "sigmoid")
        self.scores_are = (
            BEFORE[self._kind]
            if is_before and self._kind in BEFORE
            else score_without_squash(units)
        )
        if self._scores is None and classifier.calibration is not None:
            # What probabilities were before, the graph does not give.
            self.scores_are += ", calibrated"

    def score_model(self):
        """Return what gives the scores."""
        return self

    def predict_on_batch(self, images):
        """Return the score of each class, (n, classes)."""
        if self._kind == "distances":
            return -self._network.predict_on_batch(images)
        if self._scores is None and self._kind != "logits":
            return self._logarithms(images)
        scores = (self._scores or self._network).predict_on_batch(images)
        # A single unit has the log odds of the second class.
        return np.hstack([-scores, scores]) if scores.shape[1] == 1 else scores

    def joined_of(self, pixels):
        """Return the scores and the outputs for images, (n, classes + units)."""
        outputs = self._network.predict_on_batch(pixels)
        return np.hstack([self.predict_on_batch(pixels), outputs])

    def parts(self, joined):
        """Return scores and outputs, float64 arrays, of what `joined_of` returned."""
        joined = joined.astype("float64")
        return joined[:, : self.classes], joined[:, self.classes :]

    def chances(self, outputs):
        """Return the probability of each class, as `predict_images` does."""
        return probabilities(self._network, self._kind, outputs)

    def _logarithms(self, images):
        """Return the logarithms of probabilities, or log odds of a single unit."""
        outputs = self._network.predict_on_batch(images)
        found = np.log(np.maximum(self.chances(outputs), LEAST))
        return found - found[:, ::-1] if outputs.shape[1] == 1 else found
