"""The graph of layers that a Keras model is."""

import math

from reticnn.classifier import as_model, unwrapped
from reticnn.coercion import shown
from reticnn.runtime.backend import check_process, keras
from reticnn.runtime.keras_internals import calls_in, graph_in_sequential


def graph_of(layer):
    """Return the graph of layers that a model is, or None for anything else."""
    graph = graph_in_sequential(layer) or layer
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
            f"`{name}` must be built from layers that Keras can list, such as "
            f"`keras.Model(inputs, outputs)`, not a {type(network).__name__} "
            f"{'with its own `call()`' if network.built else 'without inputs'}."
        )
    return graph


def image_graph(model):
    """Return the graph of layers of a Keras model of images, or a classifier."""
    as_model(unwrapped(model))
    return as_graph(model)


def walk(graph, values, visit, enters=None, prefix=""):
    """Send values of any kind through a graph, from each call of a layer to the next.

    Nested models are entered, and a layer that is used several times is visited each
    time.

    Args:
        graph: Graph of layers, as `graph_of` returns it.
        values: Sequence of what goes in, one value for each input of the graph.
        visit: Function of a `Call`, the layer's name, and the list of values that go
            in. It returns a sequence of those that come out, one for each output. The
            name of a layer in a nested model has that of the model before it:
            `"backbone/conv1"`.
        enters: Function of the call of a nested model and the values that go in. Where
            it returns False, the model is visited as a layer is. Default None, all are
            entered.
        prefix: What the names begin with. Default "".

    Returns:
        List of the values that come out, one for each output of the graph.
    """
    value_of = dict(zip(map(id, graph.inputs), values, strict=True))
    for call in calls_in(graph):
        given = [value_of[id(tensor)] for tensor in call.inputs]
        name = prefix + call.layer.name
        nested = graph_of(call.layer)
        if nested is None or (enters and not enters(call, given)):
            after = visit(call, name, given)
        else:
            after = walk(nested, given, visit, enters, f"{name}/")
        value_of.update(zip(map(id, call.outputs), after, strict=True))
    return [value_of[id(tensor)] for tensor in graph.outputs]


def named_layers(graph):
    """Return the layers of a graph, by name, those of nested models one by one."""
    layers = {}

    def note(call, name, given):
        layers.setdefault(name, call.layer)
        return call.outputs

    walk(graph, graph.inputs, note)
    return layers


def count_new_parameters(layer, seen):
    """Count the parameters of a layer that no layer before it has.

    Args:
        layer: Keras layer or operation.
        seen: Set of the ids of the weights before, to which its own are added.
    """
    new = [weight for weight in getattr(layer, "weights", ()) if id(weight) not in seen]
    seen.update(map(id, new))
    return sum(math.prod(weight.shape) for weight in new)


def as_keras_model(model):
    check_process()
    network = unwrapped(model)
    if isinstance(network, keras.Model):
        return network
    raise TypeError(f"`model` must be a Keras model or classifier, not {shown(model)}.")


def layers_with_parents(model, parents=()):
    """Yield each layer, nested models and their layers included, with its parents.

    They are those that Keras lists, also for models with their own `call()`: only Keras
    knows what such a model does with its layers, and no walk can follow it.
    """
    parents = (*parents, model)
    for layer in model.layers:
        yield layer, parents
        if isinstance(layer, keras.Model):
            yield from layers_with_parents(layer, parents)


def leaves_of(model):
    """Return the layers of a model and of its nested models, in Keras's order."""
    return [
        layer
        for layer, _ in layers_with_parents(model)
        if not isinstance(layer, keras.Model)
    ]


def leaves_in(layer):
    return leaves_of(layer) if isinstance(layer, keras.Model) else [layer]


# The layers at which the feature maps end and the head begins.
FEATURE_ENDS = (
    keras.layers.GlobalAveragePooling2D,
    keras.layers.GlobalMaxPooling2D,
    keras.layers.Flatten,
)


def without_top(model):
    """Return a model up to its feature maps, sharing its layers."""
    # A model with its own `call()` has none.
    taken = getattr(model, "input_shape", None)
    if not isinstance(taken, tuple) or len(taken) != 4:
        raise ValueError(
            "`backbone` must take images (batch, height, width, channels), not "
            f"{shown(taken)}."
        )
    ends = [layer for layer in model.layers if isinstance(layer, FEATURE_ENDS)]
    if len(model.output_shape) == 4:
        features = model.outputs[0]
    elif ends:
        features = ends[-1].input
    else:
        raise ValueError(
            f"`backbone` gives {shown(model.output_shape)}, not feature maps (batch, "
            "height, width, channels), and has no pooling or flattening to cut it at. "
            "Give `keras.Model(inputs, feature_maps)`."
        )
    return keras.Model(model.inputs[0], features, name=model.name)
