"""Transfer learning: a pretrained network below a new head, and what of it trains."""

import fnmatch
import re
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from reticnn.backend import check_process, keras
from reticnn.blocks import classifier_head, domain_adapter, global_pool
from reticnn.classifier import Classifier
from reticnn.coercion import (
    as_choice,
    as_image_shape,
    as_int,
    as_pair,
    nearest,
    shown,
)
from reticnn.inference import InferenceModel
from reticnn.preprocessing import preprocess, to_pixel_range, to_unit_range
from reticnn.pretrained import as_backbone, find_backbone
from reticnn.randomness import seeded_keras
from reticnn.weights import put_weights


def transfer_model(
    backbone="vgg16",
    input_shape=(224, 224, 3),
    num_classes=2,
    *,
    weights="imagenet",
    train="head",
    pooling="avg",
    adapter=None,
    units=None,
    dropout=0.0,
    output="auto",
    resize_to=None,
    seed=None,
):
    """Build a classifier on a pretrained network.

    Images, 0 to 255, go through the backbone's own preprocessing, the backbone, pooling
    and a new head. The backbone is one layer of the model, under its name:
    `model.get_layer("vgg16")`. It runs as in inference, also while it is fine-tuned:
    its batch normalisation keeps the means and variances that it has, and it drops
    nothing. Only a backbone without weights, which has none worth keeping, learns them
    where it is trained.

    Args:
        backbone: Name that `backbones()` lists (in any case, and in Keras's spelling),
            or a Keras model from images to feature maps, which takes pixels as they
            are. A top that such a model has is left off; its layers are shared, not
            copied. Default `"vgg16"`.
        input_shape: (height, width, channels) of the images. Grey images for a backbone
            of three channels are repeated; other numbers of channels need `adapter`.
            Default (224, 224, 3).
        num_classes: Whole number of classes, at least 2. Default 2.
        weights: `"imagenet"`, downloaded once through Keras and kept; the path of a
            file with the backbone's weights, with or without its top (`.keras`,
            `.weights.h5` without the top, `.h5` as Keras distributes them, or a saved
            classifier); a Keras model or classifier that has them, in itself or as its
            backbone; or None for random ones. A Keras model as `backbone` keeps its own
            with `"imagenet"` or None. Default `"imagenet"`.
        train: What of the backbone is trained with the head: `"head"`, nothing of it;
            `"last_block"`; the name of the layer, or block, to start from; a whole
            number of layers from its end; or `"all"`. Default `"head"`.
        pooling: `"avg"` or `"max"` of each feature map, or `"flatten"`. Default
            `"avg"`.
        adapter: True for a `domain_adapter` before the backbone, a dict of its
            arguments, or None for none. It is always trained. Default None.
        units: Whole number of units of a hidden dense layer, or one for each of
            several, or None for none. Default None.
        dropout: Float in [0, 1), as in `classifier_head`. Default 0.
        output: `"auto"`, `"softmax"`, `"sigmoid"` or `"logits"`, as in
            `classifier_head`. Default `"auto"`.
        resize_to: Height and width in pixels, or one number for both, to which the
            model itself resizes the images first, or None. Default None.
        seed: Whole number of at least 0 that fixes the initial weights of what is new,
            or None for Keras's global random state. Default None.

    Returns:
        `keras.Model`, not compiled, from images (n, height, width, channels), 0 to 255,
        to probabilities as `classifier_head` gives them.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If an argument is outside its range, the images are smaller than the
            backbone takes, the number of channels does not fit, or the weights do not,
            with the layer and the shapes.
        FileNotFoundError: If `weights` is a file that does not exist.
        ConnectionError: If ImageNet weights are not on this machine and cannot be
            downloaded; within 15 seconds where there is no network.

    Example:
        >>> model = transfer_model("convnext_tiny", (32, 32, 3), adapter=True)
        >>> model = transfer_model("vgg16", train="last_block", units=256)

    Source:
        Yosinski et al. (2014), arXiv:1411.1792; the networks are those of
        `keras.applications`.
    """
    check_process()
    input_shape = as_image_shape(input_shape, "input_shape")
    pooling = as_choice(pooling, "pooling", ("avg", "max", "flatten"))
    adapter = _as_adapter(adapter)
    size = input_shape[:2] if resize_to is None else as_pair(resize_to, "resize_to")

    with seeded_keras(seed):
        entry, network = _network(backbone, input_shape, size, resize_to is not None)
        if entry or not (isinstance(weights, str) and weights == "imagenet"):
            put_weights(network, weights, entry, (*size, 3))
        if not entry or weights is not None:
            network = InferenceModel(
                network.inputs[0], network.outputs[0], name=network.name
            )
        _train_from(network, train)

        inputs = keras.Input(input_shape, name="image")
        x = inputs
        if resize_to is not None:
            x = keras.layers.Resizing(*size, name="resizing")(x)
        x = _with_channels(x, network.input_shape[3], adapter)
        if entry:
            x = preprocess(x, entry.preprocessing)
        x = _pooled(network(x), pooling)
        outputs = classifier_head(x, num_classes, units, dropout=dropout, output=output)
        return keras.Model(inputs, outputs, name=f"{network.name}_transfer")


def freeze(model, layers=None):
    """Keep layers from being trained.

    Models within the model, such as the backbone of `transfer_model`, are looked into:
    what is counted and chosen are the layers in them.

    A model compiled before needs `model.compile()` again for Keras's own
    `model.fit()`; `fit_classifier` sees to that by itself.

    Args:
        model: Keras model, or classifier.
        layers: Which of them: None for all; a name of a layer, of a model within, or of
            a block (`"block5"` for `block5_conv1` and so on); a pattern with `*` and
            `?`; `"last_block"` of a known backbone; a list of names; a whole number of
            layers from the end; `(start, stop)` as in a Python slice, or a slice; a
            layer or a list of them; or a function from a layer to True or False.
            Default None.

    Returns:
        The same model or classifier, changed in place.

    Raises:
        TypeError: If `model` is not a Keras model or classifier.
        ValueError: If no layer is chosen.

    Example:
        >>> model = transfer_model("vgg16", weights=None, train="all")
        >>> model = freeze(model, "vgg16")
        >>> model = unfreeze(model, "block5")

    Source:
        Keras's `Layer.trainable`.
    """
    return _set_trainable(model, layers, False)


def unfreeze(model, layers=None):
    """Let layers be trained.

    The batch normalisation of a backbone of `transfer_model` keeps its means and
    variances all the same; see there. Models within the model are looked into, and a
    compiled model is taken care of by `fit_classifier`, as for `freeze`.

    Args:
        model: Keras model, or classifier.
        layers: Which of them, as for `freeze`. Default None, all.

    Returns:
        The same model or classifier, changed in place.

    Raises:
        TypeError: If `model` is not a Keras model or classifier.
        ValueError: If no layer is chosen.

    Example:
        >>> model = transfer_model("vgg16", weights=None)
        >>> model = unfreeze(model, "last_block")

    Source:
        Keras's `Layer.trainable`.
    """
    return _set_trainable(model, layers, True)


def layer_table(model):
    """List the layers of a model, those of models within it included.

    Args:
        model: Keras model, or classifier.

    Returns:
        Dict of lists of equal length, one row a layer in the model's order, a model
        within before its layers: `"name"`; `"type"`; `"output_shape"`, as text without
        the batch, `"7 x 7 x 512"`; `"parameters"`; `"trainable"`, whether anything of
        it is trained; `"parent"`, the name of the model within that it is in, or `""`.

    Raises:
        TypeError: If `model` is not a Keras model or classifier.

    Example:
        >>> layer_table(build_cnn())["name"][:3]
        ['image', 'rescaling', 'block1_conv1']
    """
    rows = list(_rows(_as_keras_model(model)))
    return {
        "name": [layer.name for layer, _ in rows],
        "type": [type(layer).__name__ for layer, _ in rows],
        "output_shape": [_output_shape(layer) for layer, _ in rows],
        "parameters": [layer.count_params() for layer, _ in rows],
        "trainable": [_is_trainable(layer, parents) for layer, parents in rows],
        "parent": [parents[-1].name if len(parents) > 1 else "" for _, parents in rows],
    }


# Building


def _network(backbone, input_shape, size, resized):
    """Return the registry's entry or None, and the network without a top."""
    model = getattr(backbone, "model", backbone)
    if isinstance(model, keras.Model):
        network = _without_top(model)
        _check_size_taken(network, size)
        return None, network
    entry = as_backbone(backbone)
    if min(size) < entry.min_size:
        raise ValueError(
            f"`{'resize_to' if resized else 'input_shape'}` is {size[0]} x {size[1]} "
            f"pixels, smaller than the {entry.min_size} x {entry.min_size} that "
            f"{entry.name} takes. Give resize_to={entry.min_size} or more, for which "
            f"the model resizes the images itself; it was made for {entry.input_size}."
        )
    return entry, entry.build((*size, 3))


def _without_top(model):
    """Return a model up to its feature maps, sharing its layers."""
    if not isinstance(model.input_shape, tuple) or len(model.input_shape) != 4:
        raise ValueError(
            "`backbone` must take images (batch, height, width, channels), not "
            f"{model.input_shape}."
        )
    tops = (
        keras.layers.GlobalAveragePooling2D,
        keras.layers.GlobalMaxPooling2D,
        keras.layers.Flatten,
    )
    ends = [layer for layer in model.layers if isinstance(layer, tops)]
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


def _check_size_taken(network, size):
    taken = network.input_shape[1:3]
    if any(side not in (None, given) for side, given in zip(taken, size, strict=True)):
        raise ValueError(
            f"`backbone` takes images of {taken[0]} x {taken[1]} pixels, not "
            f"{size[0]} x {size[1]}. Give resize_to={taken}, for which the model "
            "resizes the images itself."
        )


def _as_adapter(adapter):
    """Return the adapter's arguments as a dict, or None."""
    if adapter is None or adapter is False:
        return None
    if adapter is True:
        return {}
    known = ("filters", "out_channels", "kernel_size", "batch_norm")
    if not isinstance(adapter, Mapping):
        raise TypeError(
            "`adapter` must be True, None (TRUE, NULL in R) or the arguments of "
            f"`domain_adapter()` by name, not {shown(adapter)}."
        )
    for name in adapter:
        if name not in known:
            raise ValueError(
                f"`adapter` must have arguments of `domain_adapter()`, {shown(known)}, "
                f"not {name!r}.{nearest(name, known)}"
            )
    return dict(adapter)


def _with_channels(x, wanted, adapter):
    """Return images with as many channels as the backbone takes."""
    given = x.shape[3]
    if adapter is not None:
        x = to_unit_range(x, name="to_unit_range")
        x = domain_adapter(x, **{"out_channels": wanted, **adapter})
        x = to_pixel_range(x, name="to_pixel_range")
    elif given == 1 and wanted == 3:
        x = keras.layers.Concatenate(name="grey_to_rgb")([x, x, x])
    if x.shape[3] != wanted:
        problem = (
            f"`input_shape` has {given} channels"
            if adapter is None
            else f"`adapter` gives {x.shape[3]} channels"
        )
        raise ValueError(
            f"{problem}, the backbone takes {wanted}. Use adapter=True (TRUE in R), "
            f"which learns to make {wanted} of them."
        )
    return x


def _pooled(x, pooling):
    if pooling == "flatten":
        return keras.layers.Flatten()(x)
    return global_pool(x, {"avg": "average", "max": "max"}[pooling])


# What is trained


def _train_from(network, train):
    """Let the layers of a backbone be trained that `train` says, and no others."""
    leaves = _leaves(network)
    trained = leaves[_first_trained(network, leaves, train) :]
    _set_flags(network, {id(layer) for layer in trained})


def _first_trained(network, leaves, train):
    """Return the position of the first layer that is trained."""
    if isinstance(train, str):
        if train == "head":
            return len(leaves)
        if train == "all":
            return 0
        if train == "last_block":
            return _last_block_start(network, "train")
        chosen = {id(layer) for layer in _named(network, train, "train")}
        return next(n for n, layer in enumerate(leaves) if id(layer) in chosen)
    number = as_int(train, "train")
    if number > len(leaves):
        raise ValueError(
            f"`train` is {number}, but {network.name} has {len(leaves)} layers. Use "
            "'all' for all of them."
        )
    return len(leaves) - number


def _last_block_start(network, argument):
    """Return the position of the first layer of a known backbone's last block."""
    entry = find_backbone(network.name)
    if entry is None:
        raise ValueError(
            f"`{argument}` is 'last_block', which is known of the networks that "
            f"`backbones()` lists, not of {network.name!r}. Give the name of a layer, "
            "see `layer_table()`, or a number of layers from the end."
        )
    pattern = entry.last_block.removeprefix(">")
    places = [
        place
        for place, layer in enumerate(_leaves(network))
        if re.fullmatch(pattern, layer.name)
    ]
    return places[-1] + entry.last_block.startswith(">")


def _set_trainable(model, layers, value):
    network = _as_keras_model(model)
    trained = {
        id(layer)
        for layer, parents in _rows(network)
        if not isinstance(layer, keras.Model) and _is_trainable(layer, parents)
    }
    chosen = {id(layer) for layer in _chosen(network, layers)}
    _set_flags(network, trained | chosen if value else trained - chosen)
    return model


def _set_flags(network, trained):
    """Let exactly the layers whose ids are in `trained` be trained.

    A model within is never frozen itself, only its layers: Keras would then keep all of
    them from training, whatever they say themselves.
    """
    network.trainable = True
    for layer, _ in _rows(network):
        layer.trainable = isinstance(layer, keras.Model) or id(layer) in trained


def _chosen(network, layers):
    """Return the layers that a user's choice means, at least one."""
    leaves = _leaves(network)
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
        chosen = [layer for layer in leaves if layers(layer)]
    elif _is_range(layers):
        chosen = leaves[slice(*map(_end, layers))]
    elif isinstance(layers, Sequence):
        chosen = [layer for part in layers for layer in _part(network, part)]
    else:
        number = as_int(layers, "layers")
        chosen = leaves[-number:] if number <= len(leaves) else []
    if not chosen:
        raise ValueError(
            f"`layers` is {shown(layers)}, which is none of the {len(leaves)} layers "
            f"of {network.name!r}. See `layer_table()` for them."
        )
    return chosen


def _part(network, part):
    """Return the layers that an element of a list means."""
    if isinstance(part, (str, keras.Layer)):
        return _chosen(network, part)
    raise TypeError(
        "`layers` must be a name, a number, (start, stop), a function, a layer, or a "
        f"list of names or layers, not a list with {shown(part)}."
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
    """Return the layers of a name, a pattern, a block, or a model within."""
    if name == "last_block":
        inner = _known_backbone(network)
        return _leaves(inner)[_last_block_start(inner, argument) :]
    rows = [layer for layer, _ in _rows(network)]
    tests = (
        lambda layer: layer.name == name,
        partial(_matches, name),
        lambda layer: layer.name.startswith(f"{name}_"),
    )
    for test in tests:
        found = [layer for layer in rows if test(layer)]
        if found:
            return [leaf for layer in found for leaf in _leaves_of(layer)]
    words = ("head", "all") if argument == "train" else ()
    names = [*words, "last_block", *(layer.name for layer in rows)]
    raise ValueError(
        f"`{argument}` is {name!r}, and {network.name!r} has no layer or block of that "
        f"name.{nearest(name, names)} See `layer_table()` for the names."
    )


def _matches(pattern, layer):
    return fnmatch.fnmatchcase(layer.name, pattern)


def _same(network, layer):
    if any(layer is other for other, _ in _rows(network)):
        return _leaves_of(layer)
    raise ValueError(
        f"`layers` has the layer {layer.name!r}, which is not one of {network.name!r}."
    )


def _known_backbone(network):
    """Return the first model, this one or one within, that the registry knows."""
    inner = [layer for layer, _ in _rows(network) if isinstance(layer, keras.Model)]
    known = [model for model in (network, *inner) if find_backbone(model.name)]
    return known[0] if known else network


# Looking into models


def _as_keras_model(model):
    check_process()
    network = model.model if isinstance(model, Classifier) else model
    if isinstance(network, keras.Model):
        return network
    raise TypeError(f"`model` must be a Keras model or classifier, not {shown(model)}.")


def _rows(model, parents=()):
    """Yield each layer, models within and their layers included, with its parents."""
    parents = (*parents, model)
    for layer in model.layers:
        yield layer, parents
        if isinstance(layer, keras.Model):
            yield from _rows(layer, parents)


def _leaves(model):
    """Return the layers of a model that are no models, in its order."""
    return [layer for layer, _ in _rows(model) if not isinstance(layer, keras.Model)]


def _leaves_of(layer):
    return _leaves(layer) if isinstance(layer, keras.Model) else [layer]


def _is_trainable(layer, parents):
    """Return whether Keras trains the layer, or anything in it."""
    if not all(part.trainable for part in (*parents, layer)):
        return False
    if isinstance(layer, keras.Model):
        return any(leaf.trainable and leaf.weights for leaf in _leaves(layer))
    return True


def _output_shape(layer):
    """Return the shape of a layer's output as text, or nothing where it has several."""
    try:
        shape = layer.output.shape
    except (AttributeError, ValueError):
        return ""
    return " x ".join(str(side or "any") for side in shape[1:])
