"""Occlusion of one image after the other, for a server."""

import numpy as np

from reticnn.explanation.blank import as_baseline
from reticnn.explanation.perturbing import Occlusion
from reticnn.explanation.score_network import ScoreNetwork
from reticnn.outputs import probabilities
from reticnn.runtime.onnx_network import OnnxNetwork

# Of probabilities of which nothing but a logarithm can be taken.
_LEAST = 1e-12


def occluding(classifier, batch_size):
    """Return a function that explains images, as `explain_prediction` by occlusion.

    What it needs of the classifier is made once.

    Args:
        classifier: `Classifier`.
        batch_size: How many copies of an image to send through the network at once.

    Returns:
        Function of pixels, (height, width, channels), as the network takes them, and of
        the position of a class, that returns its map, (height, width).
    """
    network, classes = classifier.network, len(classifier.class_names)
    if isinstance(network, OnnxNetwork):
        scores = _OnnxScores(network, classifier.output)
    else:
        scores = ScoreNetwork(classifier)
    blank = as_baseline("mean", classifier.image_shape[2])
    occlusion = Occlusion(scores, batch_size, blank)

    def explained(pixels, code):
        return occlusion.map_of(pixels, np.eye(classes)[code])

    return explained


class _OnnxScores:
    """The scores of an ONNX network, which needs no Keras for that."""

    def __init__(self, network, kind):
        """Take an `OnnxNetwork` and what its outputs are."""
        self._network, self._kind = network, kind
        self._scores = network.giving_scores()

    def score_model(self):
        """Return what gives the scores."""
        return self

    def predict_on_batch(self, images):
        """Return the score of each class, (n, classes)."""
        if self._kind == "distances":
            return -self._network.predict_on_batch(images)
        if self._scores is None:
            return self._logarithms(images)
        scores = self._scores.predict_on_batch(images)
        # A single unit has the log odds of the second class.
        return np.hstack([-scores, scores]) if scores.shape[1] == 1 else scores

    def _logarithms(self, images):
        """Return the logarithms of probabilities, or log odds of a single unit."""
        outputs = self._network.predict_on_batch(images)
        chances = probabilities(self._network, self._kind, outputs)
        found = np.log(np.maximum(chances, _LEAST))
        return found - found[:, ::-1] if outputs.shape[1] == 1 else found
