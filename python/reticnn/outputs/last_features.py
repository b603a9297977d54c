"""What a model sees in images before it says what they are."""

import numpy as np

from reticnn.graph import calls_before, graph_of, has_weights, last_with_weights
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
    if graph_of(last.layer) and _learns_first(graph, last):
        # Of a whole classifier within, what lies before it are pixels.
        within = features_model(last.layer)
        return keras.Model(graph.inputs[0], within(last.inputs[0]))
    if last.inputs[0] is graph.inputs[0]:
        return model
    return keras.Model(graph.inputs[0], last.inputs[0])


def _learns_first(graph, call):
    """Return whether no layer with weights comes before a call of the graph."""
    return not any(has_weights(other.layer) for other in calls_before(graph, call))


def as_rows(features):
    """Return features as rows: of feature maps, their means."""
    features = np.asarray(features)
    if features.ndim == 4:
        features = features.mean(axis=(1, 2))
    return features.reshape(len(features), -1)
