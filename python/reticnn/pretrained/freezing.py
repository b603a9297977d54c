"""Which layers of a model are trained: choosing, freezing and listing them."""

import fnmatch
import re
import weakref
from collections.abc import Sequence
from functools import partial

import numpy as np

from reticnn.coercion import as_int, check_takes_one, nearest, shown
from reticnn.graph import (
    as_keras_model,
    calls_before,
    gives_probabilities,
    graph_of,
    has_convolutions,
    has_flags,
    has_weights,
    has_weights_behind,
    layers_with_parents,
    leaves_in,
    leaves_of,
    set_trainable_flags,
    start_of_head,
    trainable_flags,
)
from reticnn.layers.auxiliary import AuxiliaryModel
from reticnn.layers.inference import InferenceModel
from reticnn.notation import in_words
from reticnn.pretrained.catalog import last_blocks
from reticnn.runtime.backend import keras
from reticnn.runtime.keras_internals import freeze_under_adapters

# What of a layer was trained when it last was.
_when_trained = weakref.WeakKeyDictionary()


def freeze(model, layers=None):
    """Freeze layers, so that they are not trained.

    Nested models, such as the backbone of `transfer_model`, are not layers themselves
    here: the layers inside them are counted and chosen.

    A compiled model has to be compiled again before Keras's own `model.fit()`.
    `fit_classifier` takes care of that: if the trainable weights have changed, it gives
    the model a new optimizer with the same settings; otherwise it keeps the existing
    one.

    Args:
        model: Keras model, or classifier.
        layers: Which layers: None for all; the name of a layer, of a nested model, or
            of a block (`"block5"` for `block5_conv1` and so on); a pattern with `*` and
            `?`; `"last_block"` of a known backbone; several names; a whole number of
            layers from the end; `(start, stop)` as in a Python slice, counted from 0
            or, if negative, from the end, and excluding `stop`, with `(-4, None)` for
            the last four; a layer or a list of layers; or a function from a layer to
            True or False. Default None.

    Returns:
        The same model or classifier, modified in place.

    Raises:
        TypeError: If `model` is not a Keras model or classifier.
        ValueError: If no layer matches.

    Example:
        >>> model = transfer_model("vgg16", weights=None, train="all")
        >>> model = freeze(model, "vgg16")
        >>> model = unfreeze(model, "block5")

    Source:
        Keras's `Layer.trainable`.
    """
    return _set_trainable(model, layers, False)


def unfreeze(model, layers=None):
    """Unfreeze layers, so that they are trained.

    The batch normalisation in a backbone of `transfer_model` still keeps its means and
    variances; see there. The prototypes of LeNet-5 stay fixed, unless their layer's own
    `trainable` is set. Nested models and compiled models are treated as by `freeze`.

    Args:
        model: Keras model, or classifier.
        layers: Which layers, as for `freeze`. Default None, all.

    Returns:
        The same model or classifier, modified in place.

    Raises:
        TypeError: If `model` is not a Keras model or classifier.
        ValueError: If no layer matches.

    Example:
        >>> model = transfer_model("vgg16", weights=None)
        >>> model = unfreeze(model, "last_block")

    Source:
        Keras's `Layer.trainable`.
    """
    return _set_trainable(model, layers, True)


# What is trained


def trained_layers(model, train):
    """Return the ids of the layers of a whole model that are trained with its head.

    What is not of the backbone, such as a head or an adapter, is always among them.

    Args:
        model: Keras model.
        train: What of its backbone is trained, as in `transfer_model`.

    Raises:
        TypeError: If `train` has the wrong type.
        ValueError: If it cannot be known what the model's backbone is, or the backbone
            has no such layer.
    """
    if train == "all":
        return {id(layer) for layer in leaves_of(model)}
    network, leaves = _network_to_choose_from(model, train)
    frozen = leaves[: _first_trained(network, leaves, train)]
    return {id(layer) for layer in leaves_of(model)} - {id(layer) for layer in frozen}


def _network_to_choose_from(model, train):
    """Return the backbone, or for a layer by name the whole model if there is none."""
    try:
        return _backbone_of(model)
    except ValueError:
        if not isinstance(train, str) or train in ("head", "last_block"):
            raise
        return model, leaves_of(model)


def is_known_network(network):
    """Return whether a network has the name and the layers of one that is listed."""
    return _known_last_block(network, leaves_of(network)) is not None


def last_part(model):
    """Return the `train` for the end of a model's backbone.

    That is its last block, or of a network that is not known the last quarter of the
    layers that have weights.
    """
    network, leaves = _backbone_of(model)
    if _known_last_block(network, leaves) is not None:
        return "last_block"
    indices = [index for index, layer in enumerate(leaves) if layer.weights]
    return len(leaves) - indices[-max(1, len(indices) // 4)]


def _backbone_of(model, gives_classes=True):
    """Return the network that is a model's backbone, and its layers before its head.

    It is the only nested model that is known; or the model itself, up to its head, if
    that is known, or else if it has no nested one with convolutions before its head; or
    the only such nested one.

    Args:
        model: Keras model.
        gives_classes: Whether it gives classes, and not features. Default True.

    Raises:
        ValueError: If that leaves more than one, or none.
    """
    known = [network for network in _nested(model) if _is_known(network)]
    if len(known) == 1:
        return known[0], _leaves_before_head(known[0], False)
    graph = graph_of(model)
    if graph is None:
        raise _unknown_head(model, "has its own `call()`")
    leaves = _leaves_before_head(model, gives_classes)
    if _known_last_block(model, leaves) is not None:
        return model, leaves
    start = start_of_head(graph, gives_classes)
    if start is None:
        raise _unknown_head(model, "has no pooling or flattening of feature maps")
    before = [call.layer for call in calls_before(graph, start)]
    nested = [
        layer
        for layer in dict.fromkeys(before)
        if isinstance(layer, keras.Model) and has_convolutions(layer)
    ]
    if len(nested) > 1:
        names = shown([network.name for network in nested])
        raise _unknown_head(model, f"has several nested networks, {names}")
    if isinstance(start.layer, keras.Model) and has_convolutions(start.layer):
        if any(map(has_convolutions, filter(has_weights, before))):
            raise _unknown_head(
                model, f"has convolutions before and in {start.layer.name!r}"
            )
        behind = has_weights_behind(graph, start)
        return _backbone_of(start.layer, gives_classes and not behind)
    if nested:
        return nested[0], _leaves_before_head(nested[0], False)
    leaves = _leaves_before_head(model, gives_classes)
    if not any(layer.weights for layer in leaves):
        raise _unknown_head(model, "has no layers with weights before its head")
    return model, leaves


def _nested(model):
    return [
        layer
        for layer, _ in layers_with_parents(model)
        if isinstance(layer, keras.Model)
    ]


def _is_known(network):
    """Return whether a nested model is the backbone, whatever is around it."""
    if isinstance(network, InferenceModel):
        return True
    return _known_last_block(network, leaves_of(network)) is not None


def _leaves_before_head(network, gives_classes):
    """Return the layers of a network before its head, all if it has none."""
    graph = graph_of(network)
    start = graph and start_of_head(graph, gives_classes)
    if not start:
        return leaves_of(network)
    before = {
        id(leaf)
        for call in calls_before(graph, start)
        if isinstance(call.layer, keras.Layer)
        for leaf in leaves_in(call.layer)
    }
    return [leaf for leaf in leaves_of(network) if id(leaf) in before]


def _unknown_head(model, reason):
    names = [layer.name for layer in leaves_of(model) if layer.weights]
    listed = shown(names if len(names) < 9 else [*names[:4], "...", *names[-4:]])
    return ValueError(
        f"`model` is {model.name!r}, in which the start of the head cannot be "
        f"determined: it {reason}. Build it with `transfer_model()`, choose layers "
        "with `freeze()` and `unfreeze()`, or give the name of the first layer to "
        f"train. Its layers with weights are {listed}."
    )


def train_from(network, train):
    """Let exactly those layers of a backbone be trained that `train` means."""
    leaves = leaves_of(network)
    trained = leaves[_first_trained(network, leaves, train) :]
    set_flags(network, {id(layer) for layer in trained})


def _first_trained(network, leaves, train):
    """Return the position of the first layer that is trained."""
    if isinstance(train, str):
        if train == "head":
            return len(leaves)
        if train == "all":
            return 0
        if train == "last_block":
            return _last_block_start(network, leaves, "train")
        chosen = {id(layer) for layer in _named(network, train, "train")}
        indices = [n for n, layer in enumerate(leaves) if id(layer) in chosen]
        return indices[0] if indices else len(leaves)
    try:
        number = as_int(train, "train")
    except TypeError:
        raise TypeError(
            "`train` must be 'head', 'last_block', 'all', the name of a layer or block "
            f"to start from, or a whole number of layers, not {shown(train)}."
        ) from None
    if number > len(leaves):
        raise ValueError(
            f"`train` is {number}, but {network.name} has {len(leaves)} layers. Use "
            "'all' for all of them."
        )
    return len(leaves) - number


def _last_block_start(network, leaves, argument):
    """Return the position of the first layer of a known network's last block."""
    start = _known_last_block(network, leaves)
    if start is None:
        raise ValueError(
            f"`{argument}` is 'last_block', which is known only for networks listed by "
            f"`backbones()` or `landmark_architectures()`, not for {network.name!r}. "
            "Give the name of a layer (see `layer_table()`) or a number of layers from "
            "the end."
        )
    return start


def _known_last_block(network, leaves):
    """Return the position at which a network's last block starts, or None.

    It is known where the network has both the name and the layers of one that is
    listed: anybody may call a model so.
    """
    for pattern in last_blocks(network.name):
        indices = [
            index
            for index, layer in enumerate(leaves)
            if re.fullmatch(pattern.removeprefix(">"), layer.name)
        ]
        if indices:
            return indices[-1] + pattern.startswith(">")
    return None


def _set_trainable(model, layers, value):
    network = as_keras_model(model)
    trained = {
        id(layer)
        for layer, parents in layers_with_parents(network)
        if not isinstance(layer, keras.Model) and _is_trainable(layer, parents)
    }
    chosen = {id(layer) for layer in _chosen(network, layers)}
    set_flags(network, trained | chosen if value else trained - chosen)
    return model


def set_flags(network, trained):
    """Let exactly the layers whose ids are in `trained` be trained.

    A nested model is never frozen itself, only its layers: Keras would then keep all of
    them from training, whatever they say themselves. A layer whose class has
    `stays_frozen` is trained only if its own `trainable` says so already. What is
    frozen within a layer, such as a weight under a low-rank adapter or a part of a
    layer of the user's own, is so too when the layer is trained again.
    """
    rows = list(layers_with_parents(network))
    for layer, parents in rows:
        if getattr(layer, "stays_frozen", False) and not layer.trainable:
            trained = trained - {id(layer)}
        if not isinstance(layer, keras.Model) and _is_trainable(layer, parents):
            _when_trained[layer] = trainable_flags(layer)
    network.trainable = True
    for layer, _ in rows:
        layer.trainable = isinstance(layer, keras.Model) or id(layer) in trained
    for layer, _ in rows:
        if id(layer) in trained:
            freeze_under_adapters(layer)
            if has_flags(layer, _when_trained.get(layer)):
                set_trainable_flags(layer, _when_trained[layer])
    if isinstance(network, AuxiliaryModel):
        network.let_auxiliary_follow_output()


def _chosen(network, layers):
    """Return the layers that a user's choice means, at least one."""
    leaves = leaves_of(network)
    if layers is None:
        return leaves
    if isinstance(layers, np.ndarray):
        layers = layers.tolist()
    if isinstance(layers, str):
        return _named(network, layers, "layers")
    if isinstance(layers, keras.Layer):
        return _same(network, layers)
    if isinstance(layers, slice):
        chosen = leaves[layers]
    elif callable(layers):
        check_takes_one(layers, "layers", "a layer")
        chosen = [layer for layer in leaves if _answer(layers, layer)]
    elif _is_range(layers):
        chosen = leaves[slice(*map(_end, layers))]
    elif isinstance(layers, Sequence):
        chosen = [layer for part in layers for layer in _part(network, part)]
    else:
        number = as_int(layers, "layers")
        chosen = leaves[-number:] if number <= len(leaves) else []
    if not chosen:
        raise ValueError(
            f"`layers` is {shown(layers)}, which matches none of the {len(leaves)} "
            f"layers of {network.name!r}. See `layer_table()` for them."
        )
    return chosen


def _answer(function, layer):
    """Return whether a function chooses a layer, if it says so."""
    answer = function(layer)
    if not isinstance(answer, (bool, np.bool_)):
        raise TypeError(
            f"`layers` must be a function that returns {shown(True)} or "
            f"{shown(False)}, not {shown(answer)} as for the layer {layer.name!r}."
        )
    return bool(answer)


def _part(network, part):
    """Return the layers that an element of a list means."""
    if isinstance(part, (str, keras.Layer)):
        return _chosen(network, part)
    raise TypeError(
        "`layers` must be a name, a number, the start and the stop of a slice such as "
        f"`(-5, -2)`{in_words('', ' (not -5:-2)')}, a function, a layer, or a list of "
        f"names or layers, not a list with {shown(part)}."
    )


def _is_range(layers):
    return (
        isinstance(layers, Sequence)
        and len(layers) == 2
        and not any(isinstance(end, (str, keras.Layer)) for end in layers)
    )


def _end(value):
    return None if value is None else as_int(value, "layers", minimum=None)


def _named(network, name, argument):
    """Return the layers of a name, a pattern, a block, or a nested model."""
    if name == "last_block":
        inner, leaves = _known_backbone(network)
        return leaves[_last_block_start(inner, leaves, argument) :]
    rows = [layer for layer, _ in layers_with_parents(network)]
    tests = (
        lambda layer: layer.name == name,
        partial(_matches, name),
        lambda layer: layer.name.startswith(f"{name}_"),
    )
    for test in tests:
        found = [layer for layer in rows if test(layer)]
        if found:
            return [leaf for layer in found for leaf in leaves_in(layer)]
    words = ("head", "all") if argument == "train" else ()
    names = [*words, "last_block", *(part for layer in rows for part in _names(layer))]
    raise ValueError(
        f"`{argument}` is {name!r}, and {network.name!r} has no layer or block with "
        f"that name.{nearest(name, names)} See `layer_table()` for the names."
    )


def _names(layer):
    """Return the name of a layer and of the blocks that it is in."""
    parts = layer.name.split("_")
    return ["_".join(parts[:end]) for end in range(1, len(parts) + 1)]


def _matches(pattern, layer):
    return fnmatch.fnmatchcase(layer.name, pattern)


def _same(network, layer):
    if any(layer is other for other, _ in layers_with_parents(network)):
        return leaves_in(layer)
    raise ValueError(
        f"`layers` has the layer {layer.name!r}, which is not one of {network.name!r}."
    )


def _known_backbone(network):
    """Return the first network, this or a nested one, whose last block is known.

    Returns:
        Tuple of it, or `network` if there is none, and of its layers before its head.
    """
    graph = graph_of(network)
    # Keras's networks without a top may still pool.
    gives_classes = graph is not None and gives_probabilities(graph)
    for model in (network, *_nested(network)):
        leaves = _leaves_before_head(model, gives_classes and model is network)
        if _known_last_block(model, leaves) is not None:
            return model, leaves
    return network, leaves_of(network)


# Trainable layers


def _is_trainable(layer, parents):
    """Return whether a layer may be trained, whether or not it has any weights."""
    return all(part.trainable for part in (*parents, layer))
