"""Which weights go where in a network: what it means that weights fit."""

import os
from dataclasses import dataclass

from reticnn.graph import FEATURE_ENDS
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


def match(network, source, hint=""):
    """Find the weights for a network's variables.

    Weights are told apart by their order, as Keras does: names of layers differ from
    one session to the next. They fit if each array has the sides of its variable but
    for those of one: a kernel per channel is (7, 7, 1, 96) in one layer of Keras and
    (7, 7, 96, 1) in another. Tops may differ: a network without one takes weights that
    have one, and a network with one keeps its own from the first layer that differs.
    Of several models in a source it is the one that fits furthest.

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
    # Of equals the innermost: around a backbone are few layers, which say little.
    best = max(fits, key=lambda fit: (fit.problem is None, len(fit.pairs)))
    if best.problem is None:
        return best.model, best.pairs
    raise ValueError(
        f"`weights` does not fit {network.name}: {best.problem} ({source.origin!r}). "
        f"Give weights of this network, with or without its top.{hint}"
    )


def _fit(network, model, origin):
    layers = layers_of(network)
    top = _names_of_top(network)
    arrays = _in_order(model, layers, origin)
    pairs = []
    for number, layer in enumerate(layers):
        fitting = []
        for variable in layer.arrays:
            array = next(arrays, None)
            if array is None or _sides(array) != _sides(variable):
                break
            fitting.append((variable, array))
        else:
            pairs += fitting
            continue
        # Not a part of a layer, such as the bias without the matrix.
        if layer.name in top and pairs:
            return _Fit(model, pairs)
        return _Fit(model, pairs + fitting, _difference(layers, number, model.layers))
    return _Fit(model, pairs, _excess(network, layers, model.layers))


def _names_of_top(network):
    """Return the names of the layers behind the feature maps, if it has such."""
    ends = [n for n, one in enumerate(network.layers) if isinstance(one, FEATURE_ENDS)]
    if _gives_feature_maps(network) or not ends:
        return set()
    return {layer.name for layer in network.layers[ends[-1] :]}


def _gives_feature_maps(network):
    return len(network.output_shape) == 4


def _sides(array):
    return [side for side in array.shape if side != 1]


def _starts(layers):
    """Return the layers by the number of arrays before them, and that of all arrays."""
    starts, number = {}, 0
    for layer in layers:
        starts[number] = layer
        number += len(layer.arrays)
    return starts, number


# What is wrong


def _difference(layers, number, stored):
    """Return where weights differ, in words.

    Args:
        layers: List of `StoredLayer`, those of the network.
        number: The place in it of the first that does not fit.
        stored: List of `StoredLayer`, those of the weights.
    """
    own, _ = _starts(layers[: number + 1])
    there, end = _starts(stored)
    if end in own:
        return (
            f"the weights end before layer {own[end].name!r}, number {number + 1} of "
            f"{len(layers)} with weights, which has the shapes {_listed(own[end])}"
        )
    # A bias too few or too many is noticed later, in layers that are out of step.
    place = max(own.keys() & there.keys())
    return (
        f"layer {own[place].name!r} has the shapes {_listed(own[place])}, the weights "
        f"have {_listed(there[place])} there, of a layer {there[place].name!r}"
    )


def _listed(layer):
    """Return a layer's shapes as text, of many the first three."""
    shapes = [tuple(array.shape) for array in layer.arrays]
    more = f" and {len(shapes) - 3} more" if len(shapes) > 3 else ""
    return f"{shapes[:3]}{more}"


def _excess(network, layers, stored):
    """Return what is too much in weights that fit otherwise, in words, or None."""
    _, needed = _starts(layers)
    there, end = _starts(stored)
    behind = sum(place >= needed for place in there)
    is_top = needed in there and behind <= _MOST_LAYERS_OF_A_TOP
    if needed == end or (is_top and _gives_feature_maps(network)):
        return None
    first = there[max(place for place in there if place <= needed)]
    return (
        f"the weights are of {len(stored)} layers, the network has {len(layers)}; "
        f"the first too many is {first.name!r}"
    )


# The order within a layer of a file


def _in_order(model, layers, origin):
    """Yield the arrays of a model in the order of a network.

    Args:
        model: `StoredModel`.
        layers: List of `StoredLayer`, those of the network.
        origin: Where the weights are from, for the message.
    """
    own, needed = _starts(layers)
    there, _ = _starts(model.layers)
    for place, layer in there.items():
        if place < needed and _has_layers_within(layer.names or ()):
            yield from _as_in_network(layer, own.get(place), origin)
        else:
            yield from layer.arrays


def _as_in_network(stored, layer, origin):
    """Return the arrays of a stored model within in the order of the network's.

    A file has what was trained before what was not. That is a layer's own order, but
    not that of a model within: its layers can be told apart by their names, or else by
    their shapes where no two have the same.

    Args:
        stored: `StoredLayer`.
        layer: `StoredLayer`, that of the network which begins there, or None.
        origin: Where the weights are from, for the message.
    """
    paths = [variable.path for variable in layer.arrays] if layer else []
    own = names_within(paths, layer.name) if layer else []
    if sorted(own) == sorted(stored.names):
        named = dict(zip(stored.names, stored.arrays, strict=True))
        return [named[name] for name in own]
    if len(own) == len(stored.names) and not _has_layers_within(own):
        return stored.arrays
    within = {}
    for name, array in zip(stored.names, stored.arrays, strict=True):
        within.setdefault(os.path.dirname(name), []).append(array)
    shapes = [[_sides(array) for array in arrays] for arrays in within.values()]
    if all(shapes.count(one) == 1 for one in shapes):
        return [array for arrays in within.values() for array in arrays]
    raise ValueError(
        f"`weights` is a file whose layer {stored.name!r} holds layers of other names "
        f"than the network's: {origin!r}. A file of this kind does not tell their "
        "order. Save the model as .keras, or give the model itself."
    )


def _has_layers_within(names):
    return len({os.path.dirname(name) for name in names}) > 1
