"""The graph of layers that a Keras model is."""

from reticnn.backend import keras


def graph_of(layer):
    """Return the graph of layers that a model is, or None for what is none."""
    graph = getattr(layer, "_functional", None) or layer
    is_graph = isinstance(graph, keras.Model) and isinstance(graph, keras.Function)
    return graph if is_graph else None


def calls(graph):
    """Return the calls of layers in a graph, each after those it depends on."""
    by_depth = sorted(graph._nodes_by_depth.items(), reverse=True)
    return [node for _, nodes in by_depth for node in nodes if not node.is_input]
