"""What a model sees in images before it says what they are."""

import numpy as np

from reticnn.graph import graph_of, last_with_weights
from reticnn.runtime.backend import keras


def features_model(model):
    """Return the model up to what its last layer with weights takes.

    It is the model itself where that cannot be told, as where its last layer is a model
    with its own `call()`, and where a network ends in a convolution, which gives
    features.
    """
    graph = graph_of(model)
    last = None if graph is None else last_with_weights(graph)
    if last is None or len(last.outputs[0].shape) != 2:
        return model
    if last.inputs[0] is graph.inputs[0]:
        return model
    return keras.Model(graph.inputs, last.inputs[0])


def as_rows(features):
    """Return features as rows: of feature maps, their means."""
    features = np.asarray(features)
    if features.ndim == 4:
        features = features.mean(axis=(1, 2))
    return features.reshape(len(features), -1)
