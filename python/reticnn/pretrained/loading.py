"""Put weights that were learned elsewhere into a network."""

import json
import os
import re
import warnings
from itertools import zip_longest

import h5py
import numpy as np

from reticnn.classifier import Classifier, unwrapped
from reticnn.coercion import as_path, shown
from reticnn.graph import FEATURE_ENDS
from reticnn.pretrained.backbone import cache, with_top
from reticnn.pretrained.catalog import as_backbone
from reticnn.runtime.backend import keras
from reticnn.runtime.downloads import network
from reticnn.saving import load_classifier

# VGG has three layers after its convolutions, the others one or two.
_MOST_LAYERS_OF_A_TOP = 3

# The deviations by which Keras divides twice in the EfficientNets of its ImageNet
# files, the second time in a layer that it leaves out for other weights.
_DEVIATIONS = np.array([0.229, 0.224, 0.225], "float32")


def put_weights(backbone, weights, entry=None, input_shape=None):
    """Put weights into a network without a top.

    Args:
        backbone: Keras model.
        weights: `"imagenet"`; the path of a file; a Keras model or classifier that has
            them; or None to leave the network as it is.
        entry: The network's `Backbone`, or None for one that is not of the registry.
        input_shape: (height, width, channels) of the images, which some of the files
            are for.

    Raises:
        TypeError: If `weights` is none of these.
        ValueError: If the weights do not fit, or the file is damaged.
        FileNotFoundError: If there is no such file.
        ConnectionError: If the weights are not on this machine, for images of any size,
            and cannot be downloaded; within 15 seconds where there is no network.
    """
    if weights is None:
        return
    if is_imagenet(weights):
        _put_file(backbone, _imagenet_file(entry, input_shape), entry)
    elif isinstance(weights, (Classifier, keras.Model)):
        _put_model(backbone, unwrapped(weights), entry)
    elif isinstance(weights, (str, os.PathLike)):
        _put_file(backbone, _existing(weights), entry)
    else:
        raise _wrong_kind(weights)


def is_imagenet(weights):
    """Return whether weights are asked for as `"imagenet"`, in any case."""
    return isinstance(weights, str) and weights.lower() == "imagenet"


def _wrong_kind(weights):
    return TypeError(
        "`weights` must be 'imagenet', the path of a file, a Keras model, a "
        f"classifier, or None (NULL in R), not {shown(weights)}."
    )


def put_landmark_weights(model, weights, landmark, options):
    """Put weights into a landmark model with its top.

    Args:
        model: Keras model, as `landmark_model` makes it.
        weights: `"imagenet"`, the path of a file, or a Keras model or classifier.
        landmark: The model's `Landmark`.
        options: Dict of the options that it was made with.

    Raises:
        TypeError: If `weights` is none of these.
        ValueError: If the weights do not fit, there are none, or the file is damaged.
        FileNotFoundError: If there is no such file.
        ConnectionError: If the weights are not on this machine, for images of any size,
            and cannot be downloaded; within 15 seconds where there is no network.
    """
    if is_imagenet(weights):
        weights = _twins_file(model, landmark, options)
    elif isinstance(weights, (str, os.PathLike)):
        weights = _existing(weights)
    elif not isinstance(weights, (Classifier, keras.Model)):
        raise _wrong_kind(weights)
    if isinstance(weights, str) and weights.endswith(".weights.h5"):
        _put_weights_file(model, weights)
        return
    wanted = _single(_layers(model))
    source = _single(_source_layers(weights))
    origin = getattr(weights, "name", weights)
    count, problem = _fitting(model, wanted, source)
    if problem is not None:
        raise ValueError(
            f"`weights` does not fit {model.name}: {problem} ({origin!r})."
            f"{_twins_hint(landmark, options)}"
        )
    for (_, variable), (_, value) in zip(wanted[:count], source, strict=False):
        variable.assign(np.reshape(keras.ops.convert_to_numpy(value), variable.shape))


def _single(layers):
    """Return each weight by itself, with the name of its layer."""
    return [(name, weight) for name, weights in layers for weight in weights]


def _source_layers(weights):
    """Return the layers with weights of a file, a model or a classifier."""
    if not isinstance(weights, str):
        return _layers(unwrapped(weights))
    if weights.endswith(".reticnn"):
        return _layers(load_classifier(weights).model)
    if weights.endswith(".keras"):
        return _layers(_loaded(weights))
    if weights.endswith((".h5", ".hdf5")):
        return _legacy_layers(weights)
    raise _wrong_ending(weights)


def _fitting(model, wanted, source):
    """Return how many weights are to be put, and what is wrong, or None.

    They may be of another shape with the same sides but for ones: a kernel for each
    channel is (7, 7, 1, 96) in one layer of Keras and (7, 7, 96, 1) in another.
    """
    top = _names_of_top(model)
    for number, (name, variable) in enumerate(wanted):
        there = source[number] if number < len(source) else (None, None)
        if there[1] is not None and _sides(there[1]) == _sides(variable):
            continue
        if name in top and number > 0:
            # Not a part of a layer, such as the bias without the matrix.
            whole = [place for place, (other, _) in enumerate(wanted) if other == name]
            return whole[0], None
        has = f"has the shape {tuple(variable.shape)}"
        if there[1] is None:
            return number, f"the weights end before layer {name!r}, which {has}"
        return number, (
            f"layer {name!r} {has}, the weights have {tuple(there[1].shape)} there, of "
            f"a layer {there[0]!r}"
        )
    if len(source) > len(wanted):
        return len(wanted), (
            f"the network has {len(wanted)} arrays of weights, these are "
            f"{len(source)}; the first too many is of a layer "
            f"{source[len(wanted)][0]!r}"
        )
    return len(wanted), None


def _sides(weight):
    return [side for side in weight.shape if side != 1]


def _names_of_top(model):
    """Return the names of the layers behind the feature maps."""
    ends = [n for n, one in enumerate(model.layers) if isinstance(one, FEATURE_ENDS)]
    return {layer.name for layer in model.layers[ends[-1] :]} if ends else set()


def _twins_file(model, landmark, options):
    """Return the file of ImageNet weights of the same network of Keras."""
    chosen = {**options, **landmark.settings}
    wrong = {
        name: value
        for name, value in landmark.twin_options.items()
        if chosen.get(name) != value
    }
    if not landmark.twin:
        raise ValueError(
            f"`weights` is 'imagenet', and there are no such weights for "
            f"{landmark.name!r}, which `keras.applications` does not have. Give a file "
            "or a model of your own, or None (NULL in R) for random weights."
        )
    if wrong:
        raise ValueError(
            "`weights` is 'imagenet', and these weights are for another network."
            f"{_twins_hint(landmark, options)}"
        )
    width = options.get("width", 1)
    entry = as_backbone(landmark.twin if width == 1 else f"{landmark.twin}_{width:g}")
    shape = model.input_shape[1:]
    whole = model.layers[-1].units == landmark.num_classes
    return _imagenet_file(entry, shape, whole)


def _twins_hint(landmark, options):
    """Return the options with which a network is that of Keras, if they differ."""
    missing = [
        f"{name}={value!r}"
        for name, value in landmark.twin_options.items()
        if options.get(name) != value
    ]
    return f" For Keras's own give {', '.join(missing)}." if missing else ""


def _existing(weights):
    path = as_path(weights, "weights")
    if os.path.isdir(path):
        raise ValueError(
            f"`weights` must be 'imagenet' or a file, and {path!r} is a folder. Give "
            "the path of a file in it."
        )
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f"`weights` must be 'imagenet' or a file, and there is no file {path!r} "
            f"(working directory: {os.getcwd()!r}). Check the spelling."
        )
    return path


def _imagenet_file(entry, input_shape, whole=False):
    """Return the path of Keras's file of ImageNet weights, downloaded if need be.

    With `whole` it is the one with the top. The shapes of the weights do not depend on
    the size of the images: without a network, a file for another size will do.
    """
    if not entry.file:
        raise ValueError(
            f"`weights` is 'imagenet', and there are no such weights for {entry.name}. "
            "Give a file, a model or a classifier that has some, or None (NULL in R)."
        )
    name = entry.weight_file(input_shape)
    if whole:
        name = with_top(name)
    for file in (name, with_top(name)):
        path = os.path.join(cache(), file)
        if os.path.isfile(path):
            return path
    url = entry.weight_url(input_shape)
    if whole:
        url = with_top(url)
    try:
        with network(url, _without_network(entry, name)):
            return keras.utils.get_file(
                name, url, cache_dir=os.path.dirname(cache()), cache_subdir="models"
            )
    except ConnectionError:
        others = entry.cached_files(whole)
        if not others:
            raise
        warnings.warn(
            f"{name!r} cannot be downloaded, so the weights of {entry.name} are those "
            f"of {others[0]!r}, learned from images of another size.",
            stacklevel=4,
        )
        return others[0]


def _without_network(entry, file):
    """Return what to do where the weights cannot be downloaded."""
    return (
        f"The weights of {entry.name} are not on this machine: {file!r} is missing in "
        f"{cache()!r}. Download it where there is a network and put it there, or give "
        "its path as `weights`. Or choose a backbone that `backbones()` lists as "
        "cached, or weights=None (NULL in R) for random weights."
    )


def _put_file(backbone, path, entry):
    if path.endswith(".reticnn"):
        _put_model(backbone, load_classifier(path).model, entry)
    elif path.endswith(".keras"):
        _put_model(backbone, _loaded(path), entry)
    elif path.endswith(".weights.h5"):
        _put_weights_file(backbone, path)
        if _is_efficientnet(entry) and _rescalings_of_weights_file(path) > 1:
            _divide_twice(backbone)
    elif path.endswith((".h5", ".hdf5")):
        source = _legacy_layers(path, backbone)
        _matching(backbone, [source], path)
        _put_layers(backbone, source)
        if _is_efficientnet(entry) and _legacy_divides_twice(path, backbone):
            _divide_twice(backbone)
    else:
        raise _wrong_ending(path)


def _wrong_ending(path):
    return ValueError(
        "`weights` must be a file that ends in .keras, .weights.h5, .h5 or .reticnn, "
        f"not {path!r}."
    )


def _loaded(path):
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        raise _damaged(path, error) from error


def _damaged(path, error):
    return ValueError(
        f"`weights` is a file that cannot be read: {path!r} ({error}). It is damaged, "
        "or of another kind than its ending says. Get it again."
    )


def _put_weights_file(backbone, path):
    """Load a `.weights.h5` file, whose layers only Keras can tell apart."""
    try:
        with h5py.File(path):
            pass
    except OSError as error:
        raise _damaged(path, error) from error
    try:
        # Besides the error, Keras warns for every layer.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            backbone.load_weights(path)
    except ValueError as error:
        raise ValueError(
            f"`weights` does not fit {backbone.name}: {path!r}. It must hold the "
            f"weights of this network without its top. Keras says: {_shortened(error)}"
        ) from error


def _shortened(error):
    """Return Keras's message up to the shapes, without values and other layers."""
    message = str(error).split("Target variable:")[0]
    return " ".join(message.split("List of objects")[0].split())


def _legacy_layers(path, network=None):
    """Return the layers with weights of a legacy HDF5 file, as Keras distributes.

    With a network of the same layers, the weights of each are in the order of its own.
    """
    try:
        with h5py.File(path) as file:
            group = file
            if "layer_names" not in _attributes(file) and "model_weights" in file:
                group = file["model_weights"]
            layers = [
                (name, {key: np.asarray(group[name][key]) for key in weights})
                for name in _texts(group, "layer_names")
                if (weights := _texts(group[name], "weight_names"))
            ]
    except (OSError, KeyError) as error:
        raise _damaged(path, error) from error
    if not layers:
        raise _damaged(path, "it holds no layers")
    own = [layer for layer in network.layers if layer.weights] if network else []
    return [
        (name, _in_order(values, name, layer, path))
        for (name, values), layer in zip_longest(layers, own[: len(layers)])
    ]


def _in_order(values, name, layer, path):
    """Return the arrays of a stored layer in the order of a layer of the network.

    Keras stores what was trained before what was not. That is a layer's own order, but
    not that of a model within: its layers can be told apart by their names alone.
    """
    arrays = list(values.values())
    stored = dict(zip(_names_within(values, name), arrays, strict=True))
    if layer is None or not _has_layers_within(stored):
        return arrays
    own = _names_within([weight.path for weight in layer.weights], layer.name)
    if sorted(own) == sorted(stored):
        return [stored[name] for name in own]
    if len(own) == len(arrays) and not _has_layers_within(own):
        return arrays
    raise ValueError(
        f"`weights` is a file whose layer {name!r} holds layers of other names than "
        f"the network's: {path!r}. A file of this kind does not tell their order. Save "
        "the model as .keras, or give the model itself."
    )


def _names_within(paths, name):
    """Return the names of a layer's weights, without its own and Keras 2's number."""
    return [path.removeprefix(f"{name}/").split(":")[0] for path in paths]


def _has_layers_within(names):
    return len({os.path.dirname(name) for name in names}) > 1


def _attributes(group):
    """Return the names of attributes; Keras cuts long ones into numbered parts."""
    return {name.rstrip("0123456789") for name in group.attrs}


def _texts(group, name):
    """Return the strings in an attribute, put together from its parts."""
    parts = [name, *(f"{name}{number}" for number in range(len(group.attrs)))]
    return [
        text.decode() if isinstance(text, bytes) else str(text)
        for part in parts
        if part in group.attrs
        for text in group.attrs[part]
    ]


def _put_model(backbone, model, entry):
    """Copy weights from a model, or from the model within it that fits."""
    parts = _models_in(model)
    part = parts[_matching(backbone, [_layers(part) for part in parts], model.name)]
    _put_layers(backbone, _layers(part))
    rescalings = [
        layer for layer in part.layers if isinstance(layer, keras.layers.Rescaling)
    ]
    if _is_efficientnet(entry) and len(rescalings) > 1:
        _divide_twice(backbone)


def _models_in(model):
    """Return a model and the models within it."""
    inner = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    return [model, *(part for layer in inner for part in _models_in(layer))]


def _layers(model):
    """Return the layers of a model that have weights, each with its weights."""
    return [(layer.name, layer.weights) for layer in model.layers if layer.weights]


def _matching(backbone, sources, origin):
    """Return the place of the source whose layers have the shapes that are wanted.

    It may have the layers of a top behind them. Layers are told apart by their order,
    as Keras does: their names differ from one session to the next.

    Raises:
        ValueError: If none has, naming the first layer that differs.
    """
    wanted = _layers(backbone)
    problems = []
    for place, source in enumerate(sources):
        fitting, problem = _first_difference(wanted, source)
        if problem is None:
            return place
        problems.append((fitting, problem))
    # Of equals the innermost: around a backbone are few layers, which say little.
    problem = max(reversed(problems), key=lambda found: found[0])[1]
    raise ValueError(
        f"`weights` does not fit {backbone.name}: {problem} ({origin!r}). Give weights "
        "of this network, with or without its top."
    )


def _first_difference(wanted, source):
    """Return how many layers fit, and what is wrong with the next, or None."""
    for number, (name, variables) in enumerate(wanted):
        shapes = _shapes(variables)
        if number == len(source):
            return number, (
                f"the weights end before layer {name!r}, number {number + 1} of "
                f"{len(wanted)} with weights, which has the shapes {_listed(shapes)}"
            )
        other, values = source[number]
        if _shapes(values) != shapes:
            return number, (
                f"layer {name!r} has the shapes {_listed(shapes)}, the weights have "
                f"{_listed(_shapes(values))} there, of a layer {other!r}"
            )
    if len(source) - len(wanted) > _MOST_LAYERS_OF_A_TOP:
        return len(wanted), (
            f"the weights are of {len(source)} layers, the network has {len(wanted)}; "
            f"the first too many is {source[len(wanted)][0]!r}"
        )
    return len(wanted), None


def _shapes(values):
    return [tuple(value.shape) for value in values]


def _listed(shapes):
    """Return shapes as text, of many the first three."""
    more = f" and {len(shapes) - 3} more" if len(shapes) > 3 else ""
    return f"{shapes[:3]}{more}"


def _put_layers(backbone, source):
    """Assign weights layer by layer; `source` may go on after the last one."""
    layers = [layer for layer in backbone.layers if layer.weights]
    for layer, (_, values) in zip(layers, source, strict=False):
        for variable, value in zip(layer.weights, values, strict=True):
            variable.assign(keras.ops.convert_to_numpy(value))
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()


def _is_efficientnet(entry):
    return entry is not None and entry.family == "efficientnet"


def _divide_twice(backbone):
    """Divide the pixels of an EfficientNet once more, by a larger variance."""
    layer = _normalization(backbone)
    variance = keras.ops.convert_to_numpy(layer.adapt_variance)
    layer.adapt_variance.assign(variance * _DEVIATIONS)
    layer.finalize_state()


def _normalization(backbone):
    return next(
        layer
        for layer in backbone.layers
        if isinstance(layer, keras.layers.Normalization)
    )


def _legacy_divides_twice(path, backbone):
    """Return whether the network of a legacy file, put in already, divides twice."""
    with h5py.File(path) as file:
        config = file.attrs.get("model_config")
    if config is None:
        # Keras's own files have no more than weights. Those of a network that began
        # with random ones do not normalise.
        mean, variance = map(
            keras.ops.convert_to_numpy, _normalization(backbone).weights[:2]
        )
        return bool(np.any(mean != 0) or np.any(variance != 1))
    layers = json.loads(config)["config"]["layers"]
    return sum(layer["class_name"] == "Rescaling" for layer in layers) > 1


def _rescalings_of_weights_file(path):
    """Return how many rescaling layers the network of a `.weights.h5` file has."""
    with h5py.File(path) as file:
        names = list(file.get("layers", ()))
    return len([name for name in names if re.fullmatch(r"rescaling(_\d+)?", name)])
