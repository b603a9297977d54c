"""Put weights that were learned elsewhere into a network: read, match, assign."""

import numpy as np

from reticnn.graph import settle_parts
from reticnn.pretrained.behaviour import warn_of_other_behaviour
from reticnn.pretrained.efficientnet import match_rescalings
from reticnn.pretrained.formats import read_source
from reticnn.pretrained.matching import match
from reticnn.runtime.backend import keras


def put_weights(network, weights, entry=None, hint=""):
    """Put weights into a network, or leave it as it is where they do not fit.

    Args:
        network: Keras model, with or without a top.
        weights: Path of a file; a Keras model or classifier that has them, in itself
            or in a nested model; or None for none.
        entry: The network's `Backbone`, or None for one that is not in the catalogue.
        hint: Sentence, after a space, for the message where the weights do not fit.

    Raises:
        TypeError: If `weights` is none of these.
        ValueError: If the weights do not fit, or the file is damaged.
        FileNotFoundError: If there is no such file.

    Warns:
        UserWarning: If the model that the weights are from, where it is known, computes
            something else with them.
    """
    if weights is None:
        return
    try:
        source = read_source(weights, network)
        model, pairs = match(network, source, hint)
        for variable, array in pairs:
            array = keras.ops.convert_to_numpy(array)
            variable.assign(np.reshape(array, variable.shape))
    finally:
        settle_parts(network)
    if model.model is not None:
        warn_of_other_behaviour(network, model.model, source.origin)
    if entry is not None and entry.family == "efficientnet":
        match_rescalings(network, model.rescalings)
