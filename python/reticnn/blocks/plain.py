"""The blocks of a plain network: convolutions and pooling, then dense layers."""

from reticnn.coercion import (
    as_bool,
    as_choice,
    as_float,
    as_int,
    as_ints,
    as_pair,
    as_string,
    shown,
)
from reticnn.runtime.backend import keras

# Of running means and variances: the papers' networks were trained with it. Keras's own
# 0.99 takes some 500 steps to forget what they begin with.
NORMALISATION_MOMENTUM = 0.9


def conv_block(
    x,
    filters=32,
    n_conv=1,
    *,
    kernel_size=3,
    strides=1,
    padding="same",
    activation="relu",
    batch_norm=False,
    pool="max",
    pool_size=2,
    dropout=0.0,
    name=None,
):
    """Add a block of `n_conv` convolutions, followed by pooling.

    The layers are `Conv2D`, optional `BatchNormalization` and the activation, `n_conv`
    times; then the pooling layer and optional `Dropout`.

    Args:
        x: Keras tensor, (batch, height, width, channels), from `keras.Input()`, a layer
            or another block.
        filters: Whole number, output channels of each convolution. Default 32.
        n_conv: Whole number of convolutions before the pooling. Default 1.
        kernel_size: Whole number or (height, width), size of the kernel in pixels.
            Default 3.
        strides: Whole number or (height, width), strides of the first convolution in
            pixels; the others have stride 1. Default 1.
        padding: `"same"` (the output is as large as the input) or `"valid"` (no
            padding). Default `"same"`.
        activation: Name of a Keras activation, or None for no activation. Default
            `"relu"`.
        batch_norm: True to normalise between convolution and activation. Default False.
        pool: `"max"`, `"average"`, or None for no pooling. Default `"max"`.
        pool_size: Whole number or (height, width), size of the pooling window and its
            strides in pixels. Default 2.
        dropout: Float in [0, 1), fraction of values dropped after the pooling during
            training. Default 0, no such layer.
        name: String, prefix of the layers' names (`<name>_conv1`, ...), or None for
            Keras's own names. Default None.

    Returns:
        Keras tensor, (batch, height / 2, width / 2, filters) with the defaults.

    Raises:
        TypeError: If `x` is not a Keras tensor, or an argument has the wrong type.
        ValueError: If an argument is outside its range, or the image is smaller than
            the pooling window.

    Example:
        >>> inputs = keras.Input((32, 32, 3))
        >>> conv_block(inputs, 64, n_conv=2, batch_norm=True).shape
        (None, 16, 16, 64)

    Source:
        Keras's `Conv2D`, `BatchNormalization`, `MaxPooling2D` and `Dropout`; several
        convolutions per pooling: Simonyan and Zisserman (2015), arXiv:1409.1556;
        normalisation before the activation: Ioffe and Szegedy (2015), arXiv:1502.03167.
    """
    check_feature_maps(x)
    filters = as_int(filters, "filters")
    kernel_size = as_pair(kernel_size, "kernel_size")
    strides = as_pair(strides, "strides")
    padding = as_choice(padding, "padding", ("same", "valid"))
    activation = as_activation(activation)
    batch_norm = as_bool(batch_norm, "batch_norm")
    pool = as_choice(pool, "pool", ("max", "average", None))
    pool_size = as_pair(pool_size, "pool_size")
    dropout = as_dropout(dropout, "dropout")
    named = namer(name)

    for step in range(1, as_int(n_conv, "n_conv") + 1):
        _check_window(x, "kernel_size", kernel_size, fits=padding == "same")
        x = keras.layers.Conv2D(
            filters,
            kernel_size,
            strides=strides if step == 1 else 1,
            padding=padding,
            name=named(f"conv{step}"),
        )(x)
        if batch_norm:
            x = keras.layers.BatchNormalization(
                momentum=NORMALISATION_MOMENTUM, name=named(f"bn{step}")
            )(x)
        if activation is not None:
            x = activation_layer(activation, named(f"{activation}{step}"))(x)
    if pool is not None:
        _check_window(x, "pool_size", pool_size)
        pooling = {
            "max": keras.layers.MaxPooling2D,
            "average": keras.layers.AveragePooling2D,
        }[pool]
        x = pooling(pool_size, name=named("pool"))(x)
    if dropout > 0:
        x = keras.layers.Dropout(dropout, name=named("dropout"))(x)
    return x


def global_pool(x, kind="average"):
    """Reduce each feature map to one number.

    Args:
        x: Keras tensor, (batch, height, width, channels).
        kind: `"average"` or `"max"`, over height and width. Default `"average"`.

    Returns:
        Keras tensor, (batch, channels).

    Raises:
        TypeError: If `x` is not a Keras tensor.
        ValueError: If `x` has no height and width, or `kind` is not one of these.

    Example:
        >>> global_pool(keras.Input((8, 8, 64))).shape
        (None, 64)

    Source:
        Keras's `GlobalAveragePooling2D` and `GlobalMaxPooling2D`; Lin, Chen and Yan
        (2014), Network in Network, arXiv:1312.4400.
    """
    check_feature_maps(x)
    pooling = {
        "average": keras.layers.GlobalAveragePooling2D,
        "max": keras.layers.GlobalMaxPooling2D,
    }[as_choice(kind, "kind", ("average", "max"))]
    return pooling()(x)


def classifier_head(
    x, num_classes=2, units=256, *, activation="relu", dropout=0.0, output="auto"
):
    """Add dense layers that map features to class probabilities.

    Args:
        x: Keras tensor, (batch, features), such as from `global_pool`.
        num_classes: Whole number of classes, at least 2. Default 2.
        units: Whole number of units of the hidden layer; or several, one per hidden
            layer; or None for no hidden layer. Default 256.
        activation: Name of a Keras activation for the hidden layers, or None. Default
            `"relu"`.
        dropout: Float in [0, 1), fraction of units dropped after each hidden layer
            during training (without hidden layers, of the features). Default 0.
        output: `"auto"`, one sigmoid unit for two classes and softmax for more;
            `"softmax"`, one softmax unit per class; `"sigmoid"`, for two classes only;
            `"logits"`, one unit per class with no activation. Default `"auto"`.

    Returns:
        Keras tensor, (batch, 1) for sigmoid, the probability of the second class;
        else (batch, num_classes).

    Raises:
        TypeError: If `x` is not a Keras tensor, or an argument has the wrong type.
        ValueError: If `x` still has height and width, or an argument is outside its
            range.

    Example:
        >>> features = global_pool(keras.Input((8, 8, 64)))
        >>> classifier_head(features, num_classes=10).shape
        (None, 10)

    Source:
        Keras's `Dense` and `Dropout`.
    """
    _check_features(x)
    num_classes = as_int(num_classes, "num_classes", minimum=2)
    units = () if units is None else as_ints(units, "units")
    activation = as_activation(activation)
    dropout = as_dropout(dropout, "dropout")
    output = as_output(output, num_classes)

    for width in units:
        x = keras.layers.Dense(width, activation=activation)(x)
        if dropout > 0:
            x = keras.layers.Dropout(dropout)(x)
    if not units and dropout > 0:
        x = keras.layers.Dropout(dropout)(x)
    return keras.layers.Dense(
        1 if output == "sigmoid" else num_classes,
        activation=None if output == "logits" else output,
    )(x)


def domain_adapter(
    x, filters=(32, 32), out_channels=3, *, kernel_size=3, batch_norm=True
):
    """Add convolutions that adapt images of another kind to a pretrained network.

    The layers are a convolution, optional batch normalisation and ReLU for each element
    of `filters`; then a convolution with `out_channels` filters. Height and width do
    not change. `transfer_model(adapter=True)` puts it before its backbone.

    Args:
        x: Keras tensor, (batch, height, width, channels), of any number of channels.
        filters: Whole number of filters; or several, one per convolution. Default (32,
            32).
        out_channels: Whole number of channels of the result. Default 3.
        kernel_size: Whole number or (height, width), size of the kernels in pixels.
            Default 3.
        batch_norm: True to normalise between convolution and activation. Default True.

    Returns:
        Keras tensor, (batch, height, width, out_channels).

    Raises:
        TypeError: If `x` is not a Keras tensor, or an argument has the wrong type.
        ValueError: If an argument is outside its range.

    Example:
        >>> inputs = keras.Input((32, 32, 3))
        >>> keras.Model(inputs, domain_adapter(inputs)).count_params()
        11267

    Source:
        Deep Learning and Computer Vision in R: A Practical Introduction (BIBC2025,
        Patrick Li), exercise 2.2.2.
    """
    check_feature_maps(x)
    filters = as_ints(filters, "filters")
    out_channels = as_int(out_channels, "out_channels")
    kernel_size = as_pair(kernel_size, "kernel_size")
    batch_norm = as_bool(batch_norm, "batch_norm")
    for step, width in enumerate(filters, start=1):
        x = conv_block(
            x,
            width,
            kernel_size=kernel_size,
            batch_norm=batch_norm,
            pool=None,
            name=f"adapter{step}",
        )
    return keras.layers.Conv2D(
        out_channels, kernel_size, padding="same", name="adapter_output"
    )(x)


def as_output(output, num_classes):
    """Return which output layer `num_classes` get: sigmoid, softmax or logits."""
    output = as_choice(output, "output", ("auto", "softmax", "sigmoid", "logits"))
    if output == "sigmoid" and num_classes > 2:
        raise ValueError(
            f"`output` must not be 'sigmoid' for {num_classes} classes: one sigmoid "
            "unit distinguishes two classes. Use 'softmax' or 'auto'."
        )
    if output == "auto":
        return "sigmoid" if num_classes == 2 else "softmax"
    return output


def as_activation(activation):
    """Return the name of a Keras activation function, or None."""
    if activation is None:
        return None
    known = set(dir(keras.activations)) - {"get", "serialize", "deserialize"}
    names = sorted(name for name in known if not name.startswith("_"))
    return as_choice(activation, "activation", (*names, None))


def as_dropout(value, name):
    """Return a dropout rate in [0, 1)."""
    return as_float(value, name, minimum=0, below=1)


def activation_layer(activation, name):
    """Return the activation's own layer where Keras has one that shows in a summary."""
    if activation == "relu":
        return keras.layers.ReLU(name=name)
    if activation == "relu6":
        return keras.layers.ReLU(6.0, name=name)
    return keras.layers.Activation(activation, name=name)


def namer(name):
    """Return a function from a part's name to its layer's name, or to None."""
    if name is None:
        return lambda part: None
    prefix = as_string(name, "name")
    return lambda part: f"{prefix}_{part}"


def _check_keras_tensor(x):
    if not keras.utils.is_keras_tensor(x):
        raise TypeError(
            f"`x` must be a Keras tensor, not {shown(x)}. Start with "
            "`x = keras.Input((32, 32, 3))`."
        )


def check_feature_maps(x):
    """Raise if `x` is not a Keras tensor of images or feature maps."""
    _check_keras_tensor(x)
    if len(x.shape) != 4:
        raise ValueError(
            "`x` must have the shape (batch, height, width, channels), not "
            f"{shown(tuple(x.shape))}. Put a block of convolutions before any "
            "flattening or global pooling."
        )


def _check_features(x):
    _check_keras_tensor(x)
    if len(x.shape) != 2:
        raise ValueError(
            f"`x` must have the shape (batch, features), not "
            f"{shown(tuple(x.shape))}. Put "
            "`global_pool()` or a Flatten layer before it."
        )


def _check_window(x, name, window, fits=False):
    """Raise if a `window` is larger than the images in `x`, unless padding fits it."""
    sizes = x.shape[1:3]
    known = [(side, size) for side, size in zip(window, sizes, strict=True) if size]
    if not fits and any(side > size for side, size in known):
        raise ValueError(
            f"`{name}` is {shown(window)}, larger than the {sizes[0]} x {sizes[1]} "
            "pixels to which the image has shrunk here. Use larger images, fewer "
            "blocks or convolutions, or `pool=None`."
        )
