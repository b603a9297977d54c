"""Which weights go where in a network: what it means that weights fit."""

import os
from dataclasses import dataclass

from reticnn.graph import calls_before, graph_of, start_of_head
from reticnn.notation import shown
from reticnn.pretrained.formats import StoredModel, layers_of, names_within

# VGG has three layers after its convolutions, the others one or two.
_MOST_LAYERS_OF_A_TOP = 3


@dataclass(frozen=True)
class _Fit:
    """How far the weights of a model go in a network.

    Attributes:
        model: `StoredModel`.
        pairs: List of (variable, array), as far as they fit.
        problem: What is wrong with the next, in words, or None.
    """

    model: StoredModel
    pairs: list
    problem: str | None = None

    @property
    def arrays(self):
        """Which arrays fit, by their ids."""
        return [id(array) for _, array in self.pairs]


def match(network, source, hint=""):
    """Find the weights for a network's variables.

    Layers are identified by their order, as in Keras: their names differ from one
    session to the next. Those of a nested model count as the network's own, at its
    position. A layer fits if it has as many arrays, each with the sides of its variable
    but for those of one: a kernel per channel is (7, 7, 1, 96) in one layer of Keras
    and (7, 7, 96, 1) in another. Tops may differ: a network without one takes weights
    that have one, and a network with one, for other classes, keeps its own from the
    first layer that differs. Of several models in a source it is the one that fits
    furthest, and of equals the outermost.

    Args:
        network: Keras model.
        source: `Source`.
        hint: Sentence, after a space, for the message where the weights do not fit.

    Returns:
        The `StoredModel` that fits, and a list of pairs (variable, array).

    Raises:
        ValueError: If none fits, naming the first layer that differs and the shapes; or
            if the order of the weights within a layer of a file is not known.
    """
    fits = [_fit(network, model, source.origin) for model in source.models]
    furthest = max((fit.problem is None, len(fit.pairs)) for fit in fits)
    equals = [fit for fit in fits if (fit.problem is None, len(fit.pairs)) == furthest]
    if furthest[0]:
        # The arrays are those of the outermost, but they may belong to a model in it: a
        # backbone, of which only it knows how many layers rescale.
        arrays = equals[-1].arrays
        return next((fit.model, fit.pairs) for fit in equals if fit.arrays == arrays)
    # There are only few layers around a backbone, which say little.
    best = equals[0]
    raise ValueError(
        f"`weights` does not fit {network.name}: {best.problem} ({source.origin!r}). "
        f"Give weights of this network, with or without its top.{hint}"
    )


def _fit(network, model, origin):
    layers = layers_of(network)
    top = _names_of_top(network)
    stored = _in_order(model, layers, origin)
    pairs, last = [], None
    for number, layer in enumerate(layers):
        fitting = []
        for part in layer.parts:
            there, arrays = next(stored, (None, []))
            if _sides(arrays) != _sides(part):
                break
            fitting += zip(part, arrays, strict=True)
        else:
            pairs += fitting
            last = there
            continue
        # Not a part of a layer, such as the bias without the matrix.
        if layer.name in top and pairs:
            is_missing = there is None
            if is_missing or _classes(layers[-1]) != _classes(model.layers[-1]):
                return _Fit(model, pairs)
            problem = _difference(layers, number, there)
            return _Fit(model, pairs, problem + _other_size(network, model))
        return _Fit(model, pairs + fitting, _difference(layers, number, there))
    left = [there for there, _ in stored]
    if left and not (_gives_feature_maps(network) and _is_top(left, last)):
        return _Fit(model, pairs, _excess(layers, model, left[0]))
    return _Fit(model, pairs)


def _names_of_top(network):
    """Return the names of the layers behind the feature maps, if it has such."""
    graph = graph_of(network)
    start = graph and start_of_head(graph)
    if not start or _gives_feature_maps(network):
        return set()
    features = {id(call.layer) for call in calls_before(graph, start)}
    return {layer.name for layer in network.layers if id(layer) not in features}


def _classes(layer):
    """Return how many classes a last layer gives, by its bias or its prototypes."""
    return max(2, layer.arrays[-1].shape[0])


def _gives_feature_maps(network):
    return len(network.output_shape) == 4


def _is_top(left, last):
    """Return whether what is left of weights can be a top.

    Args:
        left: The `StoredLayer` of each part that is left.
        last: That of the last part before.
    """
    return left[0] is not last and len(set(map(id, left))) <= _MOST_LAYERS_OF_A_TOP


def _sides(arrays):
    return [[side for side in array.shape if side != 1] for array in arrays]


# What is wrong


def _difference(layers, number, there):
    """Return where weights differ, in words.

    Args:
        layers: List of `StoredLayer`, those of the network.
        number: The index in it of the first that does not fit.
        there: `StoredLayer` at that position in the weights, or None at their end.
    """
    own = layers[number]
    if there is None:
        return (
            f"the weights end before layer {own.name!r}, number {number + 1} of "
            f"{len(layers)} with weights, which has the shapes {_listed(own)}"
        )
    return (
        f"layer {own.name!r} has the shapes {_listed(own)}, the weights have "
        f"{_listed(there)} there, of a layer {there.name!r}"
    )


def _other_size(network, model):
    """Return what to do about a top for the same classes that differs, in words."""
    size = network.input_shape[1:3]
    sizes = "images of another size"
    if model.size and model.size != size:
        sizes = f"images of {_by(model.size)} pixels, not of {_by(size)}"
    return (
        f", so they are of a network with the same number of classes for {sizes}. Use "
        "the `input_shape` that they are for, or another `num_classes`, which gives "
        "the network a new top"
    )


def _by(size):
    return " x ".join(str(side or "any") for side in size)


def _listed(layer):
    """Return a layer's shapes as text, of many the first three."""
    shapes = [shown(tuple(array.shape)) for array in layer.arrays]
    more = f" and {len(shapes) - 3} more" if len(shapes) > 3 else ""
    return f"{', '.join(shapes[:3])}{more}"


def _excess(layers, model, first):
    return (
        f"the weights have {len(model.layers)} layers, the network has {len(layers)}; "
        f"the first extra one is {first.name!r}"
    )


# The order within a layer of a file


def _in_order(model, layers, origin):
    """Yield the parts of a model, each with its layer, in the order of a network.

    Args:
        model: `StoredModel`.
        layers: List of `StoredLayer`, those of the network.
        origin: Where the weights are from, for the message.
    """
    own, offset = {}, 0
    for layer in layers:
        own[offset] = layer
        offset += len(layer.parts)
    needed, offset = offset, 0
    for stored in model.layers:
        parts = stored.parts
        if offset < needed and _has_layers_within(stored.names or ()):
            parts = _parts_in_order(stored, own.get(offset), origin)
        yield from ((stored, part) for part in parts)
        offset += len(parts)


def _parts_in_order(stored, layer, origin):
    """Return the parts of a nested model of a file in the order of the network's.

    The file has what was trained before what was not. That is a layer's own order, but
    not that of a nested model: its layers can be told apart by their names, or else by
    their shapes where no two have the same.

    Args:
        stored: `StoredLayer`.
        layer: `StoredLayer`, that of the network which begins there, or None.
        origin: Where the weights are from, for the message.
    """
    arrays = stored.arrays
    own = _own_names(layer) if layer else []
    if sorted(own) == sorted(stored.names):
        named = iter([arrays[stored.names.index(name)] for name in own])
        return [[next(named) for _ in part] for part in layer.parts]
    if len(own) == len(arrays) and not _has_layers_within(own):
        return stored.parts
    within = {}
    for name, array in zip(stored.names, arrays, strict=True):
        within.setdefault(os.path.dirname(name), []).append(array)
    parts = list(within.values())
    shapes = list(map(_sides, parts))
    if all(shapes.count(one) == 1 for one in shapes):
        return parts
    raise ValueError(
        f"`weights` is a file whose layer {stored.name!r} holds layers of other names "
        f"than the network's: {origin!r}. A file of this kind does not record their "
        "order. Save the model as .keras, or give the model itself."
    )


def _own_names(layer):
    return names_within([variable.path for variable in layer.arrays], layer.name)


def _has_layers_within(names):
    return len({os.path.dirname(name) for name in names}) > 1
