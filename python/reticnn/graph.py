"""The graph of layers that a Keras model is."""

from reticnn.classifier import as_model, unwrapped
from reticnn.coercion import shown
from reticnn.runtime.backend import check_process, keras


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
    network = unwrapped(model)
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
    as_model(unwrapped(model))
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


def as_keras_model(model):
    check_process()
    network = unwrapped(model)
    if isinstance(network, keras.Model):
        return network
    raise TypeError(f"`model` must be a Keras model or classifier, not {shown(model)}.")


def layers_with_parents(model, parents=()):
    """Yield each layer, models within and their layers included, with its parents."""
    parents = (*parents, model)
    for layer in model.layers:
        yield layer, parents
        if isinstance(layer, keras.Model):
            yield from layers_with_parents(layer, parents)


def leaves_of(model):
    """Return the layers of a model that are no models, in its order."""
    return [
        layer
        for layer, _ in layers_with_parents(model)
        if not isinstance(layer, keras.Model)
    ]


def leaves_in(layer):
    return leaves_of(layer) if isinstance(layer, keras.Model) else [layer]


# The layers that end the feature maps, and begin the head.
FEATURE_ENDS = (
    keras.layers.GlobalAveragePooling2D,
    keras.layers.GlobalMaxPooling2D,
    keras.layers.Flatten,
)


def without_top(model):
    """Return a model up to its feature maps, sharing its layers."""
    # A model with a `call()` of its own has none.
    taken = getattr(model, "input_shape", None)
    if not isinstance(taken, tuple) or len(taken) != 4:
        raise ValueError(
            "`backbone` must take images (batch, height, width, channels), not "
            f"{taken}."
        )
    ends = [layer for layer in model.layers if isinstance(layer, FEATURE_ENDS)]
    if len(model.output_shape) == 4:
        features = model.outputs[0]
    elif ends:
        features = ends[-1].input
    else:
        raise ValueError(
            f"`backbone` gives {model.output_shape}, not feature maps (batch, height, "
            "width, channels), and has no pooling or flattening to cut it at. Give "
            "`keras.Model(inputs, feature_maps)`."
        )
    return keras.Model(model.inputs[0], features, name=model.name)
