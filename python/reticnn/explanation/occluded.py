"""Occlusion of one image after the other, for a server."""

import numpy as np

from reticnn.explanation.blank import as_baseline
from reticnn.explanation.onnx_scores import OnnxScores
from reticnn.explanation.perturbing import Occlusion
from reticnn.explanation.score_network import ScoreNetwork


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
    classes = len(classifier.class_names)
    scores = (ScoreNetwork if classifier.has_keras else OnnxScores)(classifier)
    blank = as_baseline("mean", classifier.image_shape[2])
    occlusion = Occlusion(scores, batch_size, blank)

    def explained(pixels, code):
        return occlusion.map_of(pixels, np.eye(classes)[code])

    return explained
