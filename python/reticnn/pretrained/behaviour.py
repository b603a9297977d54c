"""What weights do not tell: the strides and activations that they were learned with."""

from collections import Counter

from reticnn.graph import calls_before, graph_of, leaves_in, start_of_head
from reticnn.notation import shown
from reticnn.runtime.backend import keras
from reticnn.runtime.conditions import warn_user
from reticnn.runtime.keras_internals import calls_in, operation_name


def warn_of_other_behaviour(network, model, origin):
    """Warn if a network computes something else with weights than their model does.

    Args:
        network: Keras model that has the weights now.
        model: Keras model that they are from.
        origin: The file or the model that they are from, for the message.
    """
    differences = [*_of_convolutions(network, model), *_of_activations(network, model)]
    if differences:
        warn_user(
            f"`weights` fit {network.name}, but were learned by a network that "
            f"computes something else with them: {'; '.join(differences)} "
            f"({origin!r}). Build it with the same options, such as `stride_in` of a "
            "ResNet, `activation` of a MobileNet or `step` of the ladder to ConvNeXt, "
            "or train it further."
        )


def _of_convolutions(network, model):
    """Return the first layer with other strides or another dilation, in words."""
    for own, other in zip(_with_weights(network), _with_weights(model), strict=False):
        for name in ("strides", "dilation_rate"):
            here, there = (getattr(layer, name, None) for layer in (own, other))
            if None not in (here, there) and here != there:
                return [
                    f"layer {other.name!r} has `{name}` {shown(there)}, and here "
                    f"{own.name!r} has {shown(here)}"
                ]
    return []


def _with_weights(model):
    leaves = [leaf for layer in model.layers for leaf in leaves_in(layer)]
    return [leaf for leaf in leaves if leaf.weights]


def _of_activations(network, model):
    """Return which activations come before the top, in words, if others do here."""
    here, there = map(_activations, (network, model))
    if here is None or there is None or here == there:
        return []
    return [f"before its top it has {_listed(there)}, and here are {_listed(here)}"]


def _activations(model):
    """Return how often each activation comes before the top; None if it is unknown."""
    graph = graph_of(model)
    if not graph:
        return None
    start = None if len(model.output_shape) == 4 else start_of_head(graph)
    calls = calls_before(graph, start) if start else calls_in(graph)
    names = [_activation(leaf) for call in calls for leaf in leaves_in(call.layer)]
    return Counter(name for name in names if name)


def _activation(layer):
    """Return the name of what a layer applies to each value, or None."""
    if isinstance(layer, keras.layers.ReLU):
        return "relu6" if layer.max_value == 6 else "relu"
    if hasattr(layer, "activation"):
        name = getattr(layer.activation, "__name__", None)
        return None if name == "linear" else name
    name = (operation_name(layer) or "").lower()
    return name if hasattr(keras.activations, name) else None


def _listed(counts):
    texts = [f"{count} {name!r}" for name, count in sorted(counts.items())]
    return " and ".join(texts) or "none"
