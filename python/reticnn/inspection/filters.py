"""What a model looks for in images: the kernels of its filters, and feature maps."""

from collections.abc import Mapping

import numpy as np

from reticnn.coercion import as_images, as_string, as_strings, nearest, shown
from reticnn.data.accepting import files_for, is_of_files
from reticnn.data.image_data import ImageData, as_image_data
from reticnn.graph import check_images_known, image_graph, named_layers, walk
from reticnn.runtime.backend import keras

# Size used for models that take any, to find the order of their channels.
_SIDE = 32

# A response to another colour below this share of the highest one counts as none.
_NO_RESPONSE = 1e-3


def layer_filters(model, layer=None):
    """Return the kernels of a convolutional layer, that is, the weights of its filters.

    Args:
        model: Keras model of images, or a classifier.
        layer: Name of a convolutional layer as listed by `describe_model`, with or
            without the names of the models it is in, or None for the first. Default
            None.

    Returns:
        Dict of `layer`, its full name; `weights`, float32 array (filters, height,
        width, channels), with one channel for a depthwise convolution; and `rgb`,
        whether the channels are the red, green and blue of the image. They are then in
        that order, even if the model itself orders them blue, green, red.

    Raises:
        TypeError: If `model` is not a Keras model or a classifier.
        ValueError: If `model` does not take images, is not built from layers, or has no
            such layer, or if the layer is not convolutional.

    Example:
        >>> layer_filters(build_cnn())["weights"].shape
        (32, 3, 3, 3)
    """
    graph = image_graph(model)
    layers = named_layers(graph)
    name = _convolution_name(layers, layer)
    weights = _weights(layers[name])
    order = _colour_order(graph, name) if weights.shape[-1] == 3 else None
    if order is not None:
        weights = weights[..., order]
    return {
        "layer": name,
        "weights": np.ascontiguousarray(weights),
        "rgb": order is not None,
    }


def feature_maps(model, images, layers=None):
    """Return the feature maps of images in one or more layers.

    Args:
        model: Keras model of images, or a classifier.
        images: Array, (n, height, width, channels) or (height, width, channels), 0 to
            255, or image data, of the size that the model takes; or the path of a
            folder or of files, which are read at that size.
        layers: Name of a layer as listed by `describe_model`, with or without the names
            of the models it is in, or several names, or None for the first convolution.
            Default None.

    Returns:
        Dict of the feature maps, float32 arrays (n, height, width, filters), by the
        full names of the layers, in the order given.

    Raises:
        TypeError: If `model` is not a Keras model or a classifier.
        ValueError: If the images do not fit the model, it is not built from layers or
            has no such layer, or the output of a layer is not feature maps.

    Example:
        >>> maps = feature_maps(build_cnn(), shape_images(2), "block2_conv1")
        >>> maps["block2_conv1"].shape
        (2, 16, 16, 32)
    """
    graph = image_graph(model)
    known = named_layers(graph)
    if layers is None:
        names = [_convolution_name(known, None)]
    else:
        names = [
            layer_name(known, name, "layers") for name in as_strings(layers, "layers")
        ]
    found = _passing(graph, _pixels(graph, images), names)
    return {name: _maps(name, found[name][1]) for name in names}


def input_of_layer(graph, image, name):
    """Return what goes into a layer for an image, and what comes out, as arrays."""
    before, after = _passing(graph, first_image(graph, image), [name])[name]
    if len(before.shape) != 4:
        raise ValueError(
            f"`layer` has {name!r}, into which no feature maps (height, width, "
            "channels) go."
        )
    return tuple(keras.ops.convert_to_numpy(one) for one in (before, after[0]))


def output_of_layer(graph, pixels, name):
    """Return what comes out of a layer for a tensor of images, as an array."""
    return keras.ops.convert_to_numpy(_passing(graph, pixels, [name])[name][1][0])


def first_image(graph, image):
    """Return the first image as a tensor that the model takes."""
    if isinstance(image, (ImageData, Mapping)):
        image = as_image_data(image, "image")[:1]
    return _pixels(graph, image, "image")[:1]


# Layers by name


def _convolution_name(layers, name):
    """Return the whole name of a convolution, of the first one for None."""
    convolutions = [key for key, layer in layers.items() if _kernel(layer) is not None]
    if name is None and convolutions:
        return convolutions[0]
    if name is None:
        raise ValueError(
            "`model` must have a convolution with a kernel, but has none. Build one "
            "with `build_cnn()`."
        )
    name = layer_name(layers, name, "layer")
    if name in convolutions:
        return name
    listed = ", ".join(map(repr, convolutions[:5])) or "none"
    more = ", ..." if len(convolutions) > 5 else ""
    raise ValueError(
        f"`layer` must be the name of a convolution with a kernel, but {name!r} is a "
        f"{type(layers[name]).__name__}. The model has {listed}{more}."
    )


def layer_name(layers, name, argument):
    """Return the whole name of the layer that is called so."""
    name = as_string(name, argument)
    if name in layers:
        return name
    found = [whole for whole in layers if whole.endswith(f"/{name}")]
    if len(found) == 1:
        return found[0]
    if found:
        raise ValueError(
            f"`{argument}` is {name!r}, which matches {len(found)} layers. Give the "
            f"full name: {shown(found)}."
        )
    short = {whole.rsplit("/", 1)[-1]: whole for whole in layers}
    raise ValueError(
        f"`{argument}` is {name!r}, but the model has no layer of that name."
        f"{nearest(name, [*layers, *short])} See `describe_model()` for the names."
    )


# Kernels


def _kernel(layer):
    """Return a convolution's kernel, (height, width, channels, filters), or None."""
    for name in ("depthwise_kernel", "kernel"):
        kernel = getattr(layer, name, None)
        if kernel is not None and len(kernel.shape) == 4:
            return kernel
    return None


def _weights(layer):
    """Return a convolution's kernels, (filters, height, width, channels)."""
    kernel = keras.ops.convert_to_numpy(_kernel(layer))
    depthwise = (keras.layers.DepthwiseConv2D, keras.layers.SeparableConv2D)
    if isinstance(layer, depthwise):
        kernel = kernel.reshape(*kernel.shape[:2], 1, -1)
    elif isinstance(layer, keras.layers.Conv2DTranspose):
        kernel = kernel.swapaxes(2, 3)
    return np.moveaxis(kernel, -1, 0)


def _colour_order(graph, name):
    """Return which channels before a layer are red, green and blue, or None.

    Seen by trying: networks for which the published weights were trained with blue
    first turn the channels themselves, in ways of their own.
    """
    shape = graph.inputs[0].shape[1:]
    if shape[-1] != 3:
        return None
    sides = [side or _SIDE for side in shape[:2]]
    colours = 255 * np.concatenate([np.zeros((1, 3)), np.eye(3)])
    images = np.broadcast_to(colours[:, None, None], (4, *sides, 3)).astype("float32")
    tensor = keras.ops.convert_to_tensor(images)
    values = keras.ops.convert_to_numpy(_passing(graph, tensor, [name])[name][0])
    # Colours in rows, channels in columns; an edge added by padding is in all alike.
    responses = np.abs(values[1:] - values[:1]).mean(axis=(1, 2))
    order = responses.argmax(axis=1)
    others = responses.copy()
    others[range(3), order] = 0
    alone = others.max() <= _NO_RESPONSE * responses.max()
    return order if alone and sorted(order) == [0, 1, 2] else None


# Images


def _passing(graph, pixels, names):
    """Return what goes into layers first, and a list of what comes out, by name."""
    found, wanted = {}, set(names)

    def look(call, name, given):
        if len(found) == len(wanted):
            # The rest of the model is not computed.
            return [None] * len(call.outputs)
        after = call.on(given)
        if name in wanted:
            found.setdefault(name, (given[0], after))
        return after

    walk(graph, [pixels], look)
    return found


def _pixels(graph, images, name="images"):
    """Return images as the tensor that a model takes."""
    check_images_known(graph)
    if is_of_files(images):
        images = files_for(images, name, graph.inputs[0].shape[1:])
    if isinstance(images, (ImageData, Mapping)):
        data = as_image_data(images, name)
        images = data.read(np.arange(len(data)))
    wanted = graph.inputs[0].shape[1:]
    pixels = as_images(images, name, channels=wanted[-1])
    fits = all(
        side in (None, given)
        for side, given in zip(wanted, pixels.shape[1:], strict=True)
    )
    if not fits or not len(pixels):
        size = " x ".join(str(side or "any") for side in wanted)
        raise ValueError(
            f"`{name}` must have the size that the model takes, {size}, not "
            f"{shown(pixels)}. Read files with `image_folder()` and that "
            "`image_size`."
        )
    return keras.ops.convert_to_tensor(pixels.astype("float32"))


def _maps(name, outputs):
    if len(outputs) > 1:
        raise ValueError(
            f"`layers` has {name!r}, which has {len(outputs)} outputs. Choose a layer "
            "with a single output."
        )
    maps = keras.ops.convert_to_numpy(outputs[0])
    if maps.ndim != 4:
        raise ValueError(
            f"`layers` has {name!r}, whose output of shape {shown(maps.shape[1:])} is "
            "not feature maps (height, width, filters). Choose a layer before "
            "flattening or global pooling."
        )
    return maps.astype("float32")
