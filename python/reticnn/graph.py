"""The graph of layers that a Keras model is."""

from reticnn.backend import check_process, keras
from reticnn.classifier import Classifier, as_model
from reticnn.coercion import shown


def graph_of(layer):
    """Return the graph of layers that a model is, or None for what is none."""
    graph = getattr(layer, "_functional", None) or layer
    is_graph = isinstance(graph, keras.Model) and isinstance(graph, keras.Function)
    return graph if is_graph else None


def as_graph(model, name="model"):
    """Return the graph of layers of a Keras model or classifier.

    Raises:
        TypeError: If `model` is neither.
        ValueError: If it is not built from layers.
    """
    check_process()
    network = model.model if isinstance(model, Classifier) else model
    if not isinstance(network, keras.Model):
        raise TypeError(
            f"`{name}` must be a Keras model or classifier, not {shown(model)}."
        )
    graph = graph_of(network)
    if graph is None:
        raise ValueError(
            f"`{name}` must be built from layers that Keras can list, as "
            f"`keras.Model(inputs, outputs)` is, not a {type(network).__name__} "
            f"{'with a `call()` of its own' if network.built else 'without inputs'}."
        )
    return graph


def image_graph(model):
    """Return the graph of layers of a Keras model of images, or a classifier."""
    as_model(model.model if isinstance(model, Classifier) else model)
    return as_graph(model)


def calls(graph):
    """Return the calls of layers in a graph, each after those it depends on."""
    by_depth = sorted(graph._nodes_by_depth.items(), reverse=True)
    return [node for _, nodes in by_depth for node in nodes if not node.is_input]


def named_layers(graph, prefix=""):
    """Return the layers of a graph that are no models, by name, in its order.

    Those of nested models have the names of these before theirs: `"backbone/conv1"`.
    """
    layers = {}
    for node in calls(graph):
        layer = node.operation
        within = graph_of(layer)
        if within is None:
            layers.setdefault(prefix + layer.name, layer)
        else:
            layers |= named_layers(within, f"{prefix}{layer.name}/")
    return layers


def steps(graph, tensors, prefix=""):
    """Send tensors through a graph, layer by layer.

    Yields:
        Name of the layer, as in `named_layers`, what goes in and what comes out. The
        next layer is only computed when it is asked for.

    Returns:
        List of the graph's outputs.
    """
    values = dict(zip(map(id, graph.inputs), tensors, strict=True))
    for node in calls(graph):
        layer = node.operation
        within = graph_of(layer)
        arguments, options = node.arguments.fill_in(values)
        if within is None:
            after = layer(*arguments, **options)
            yield prefix + layer.name, arguments[0], after
        else:
            inner = keras.tree.flatten(arguments)
            after = yield from steps(within, inner, f"{prefix}{layer.name}/")
        after = keras.tree.flatten(after)
        values.update(zip(map(id, node.output_tensors), after, strict=True))
    return [values[id(tensor)] for tensor in graph.outputs]
