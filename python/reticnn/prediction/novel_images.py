"""What a classifier gives for images, from which it is seen how novel they are."""

import numpy as np

from reticnn.data.conversion import images_for_model
from reticnn.layers import Calibration
from reticnn.outputs import (
    as_rows,
    copy_with_scores,
    features_model,
    probabilities,
)
from reticnn.outputs.reference import OF_FEATURES, energy
from reticnn.prediction.conformal import ALIKE
from reticnn.prediction.forward import outputs_of
from reticnn.runtime.backend import keras
from reticnn.runtime.onnx_network import OnnxNetwork


def images_as_taken(classifier, data, name="images"):
    """Return image data as the classifier's model takes them."""
    return images_for_model(
        data,
        classifier.image_shape,
        name,
        classifier.resize,
        reading=classifier.reading,
    )


def novelty_of(
    classifier, data, method, reference, batch_size, start_progress, networks=None
):
    """Return how novel each image is, (n,): the higher, the more so.

    Args:
        classifier: Classifier.
        data: Image data as the model takes them.
        method: As in `novelty_scores`.
        reference: `Reference`, or None where the method needs none.
        batch_size: Whole number of images per batch.
        start_progress: Function of the number of batches that returns one of those
            done.
        networks: Dict to keep what is made of the classifier's model, for other images,
            or None.
    """
    networks = {} if networks is None else networks
    if method in OF_FEATURES:
        features = features_of(classifier, data, batch_size, start_progress, networks)
        return _known(features, reference.novelty)
    if method == "energy":
        model = _kept(networks, "scores", _network_of_scores, classifier, data)
        return energy(outputs_of(model, data, batch_size, start_progress))
    network = classifier.network
    outputs = outputs_of(network, data, batch_size, start_progress)
    if method == "distance":
        return outputs.astype("float64").min(axis=1)
    chances = probabilities(network, classifier.output, outputs)
    return 1 - chances.max(axis=1)


def features_of(classifier, data, batch_size, start_progress, networks=None):
    """Return the features of images, (n, features)."""
    networks = {} if networks is None else networks
    model = _kept(networks, "features", features_model, classifier.model)
    return as_rows(outputs_of(model, data, batch_size, start_progress))


def _kept(networks, name, make, *of):
    """Return a network that a dict has, or that is made for it."""
    if name not in networks:
        networks[name] = make(*of)
    return networks[name]


def says_novel(scores, threshold):
    """Return whether scores are above a threshold, as a list, None for NaN."""
    least = threshold + ALIKE * max(1, abs(threshold))
    return [None if np.isnan(score) else bool(score > least) for score in scores]


def check_method(classifier, method):
    """Raise if a classifier gives nothing that a method could be about."""
    if method == "distance" and classifier.output != "distances":
        raise ValueError(
            "`method` is 'distance', but the classifier gives no distances to "
            "prototypes, as the original LeNet-5 does. Use another method."
        )
    if method == "energy" and classifier.output == "distances":
        raise ValueError(
            "`method` is 'energy', but the classifier outputs distances to prototypes "
            "and not scores. Use `method='distance'`."
        )


def _known(features, function):
    """Return what a function gives for rows of features, NaN for those with NaN."""
    found = np.full(len(features), np.nan)
    known = np.isfinite(features).all(axis=1)
    if known.any():
        found[known] = function(features[known])
    return found


def _network_of_scores(classifier, data):
    """Return a network that gives the scores before softmax or sigmoid.

    Raises:
        ValueError: If they cannot be had.
    """
    network, kind = classifier.network, classifier.output
    if isinstance(network, OnnxNetwork):
        scores = network.giving_scores()
        if scores is not None:
            return scores
        if network.keras_file is None:
            raise _no_scores()
    model = classifier.model
    for layer in model.layers:
        # Energy is that of the scores which calibration is given.
        if isinstance(layer, Calibration) and not layer.of_probabilities:
            return keras.Model(model.inputs[0], layer.input)
    some = data.read(np.arange(min(len(data), 8)))
    bare, kind = copy_with_scores(model, kind, some, "classifier")
    if kind != "logits" or any(isinstance(layer, Calibration) for layer in bare.layers):
        raise _no_scores()
    return bare


def _no_scores():
    return ValueError(
        "`method` is 'energy', but the classifier's model has no layer whose scores "
        "softmax or sigmoid turns into probabilities. Use another method."
    )
