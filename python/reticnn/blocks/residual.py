"""The block of residual networks."""

from reticnn.blocks.plain import NORMALISATION_MOMENTUM, check_feature_maps, namer
from reticnn.coercion import as_bool, as_choice, as_int
from reticnn.runtime.backend import keras

# What the published weights were trained with.
NORMALISATION_EPSILON = 1.001e-5


def residual_block(
    x,
    filters=64,
    *,
    strides=1,
    bottleneck=False,
    shortcut="projection",
    conv_bias=False,
    name=None,
):
    """Add a residual block: two or three convolutions and a shortcut around them.

    There are two 3 x 3 convolutions or, with `bottleneck`, a 1 x 1 convolution that
    reduces the channels, a 3 x 3 one, and a 1 x 1 one that expands them to
    `4 * filters`. Each is followed by batch normalisation. ReLU follows each except the
    last, and the sum.

    Args:
        x: Keras tensor, (batch, height, width, channels).
        filters: Whole number of filters of the 3 x 3 convolutions. Default 64.
        strides: Whole number, stride of the first convolution in pixels. Default 1.
        bottleneck: True for three convolutions instead of two. Default False.
        shortcut: How the input is brought to the shape of the result where they differ:
            `"projection"`, a 1 x 1 convolution, or `"padding"`, every `strides`-th
            pixel with channels of zeros added, which needs no weights. Default
            `"projection"`.
        conv_bias: True for a bias in the convolutions, as `keras.applications` has it.
            Default False, as in the paper.
        name: String, prefix of the layers' names, or None for Keras's own names.
            Default None.

    Returns:
        Keras tensor, (batch, height / strides, width / strides, filters), with
        `bottleneck` 4 * filters channels.

    Raises:
        TypeError: If `x` is not a Keras tensor, or an argument has the wrong type.
        ValueError: If an argument is outside its range, or `shortcut="padding"` would
            have to remove channels.

    Example:
        >>> inputs = keras.Input((56, 56, 64))
        >>> residual_block(inputs, 128, strides=2).shape
        (None, 28, 28, 128)

    Source:
        He, Zhang, Ren and Sun (2015), Deep Residual Learning for Image Recognition,
        arXiv:1512.03385. Epsilon of the normalisations as in `keras.applications`.
    """
    check_feature_maps(x)
    filters = as_int(filters, "filters")
    strides = as_int(strides, "strides")
    shortcut = as_choice(shortcut, "shortcut", ("projection", "padding"))
    conv_bias = as_bool(conv_bias, "conv_bias")
    named = namer(name)
    bottleneck = as_bool(bottleneck, "bottleneck")
    width = 4 * filters if bottleneck else filters

    def normalised_conv(x, part, filters, size, strides=1):
        return _normalised_conv(x, part, filters, size, strides, conv_bias, named)

    def activated(x, part):
        return keras.layers.ReLU(name=named(part))(x)

    same_shape = strides == 1 and x.shape[-1] == width
    around = x
    if not same_shape and shortcut == "projection":
        around = normalised_conv(x, "shortcut", width, 1, strides)
    elif not same_shape:
        around = _padded_shortcut(x, width, strides, named)
    if bottleneck:
        x = activated(normalised_conv(x, "1", filters, 1, strides), "relu1")
        x = activated(normalised_conv(x, "2", filters, 3), "relu2")
        x = normalised_conv(x, "3", width, 1)
    else:
        x = activated(normalised_conv(x, "1", filters, 3, strides), "relu1")
        x = normalised_conv(x, "2", width, 3)
    x = keras.layers.Add(name=named("add"))([around, x])
    return activated(x, "relu")


def _normalised_conv(x, part, filters, size, strides, use_bias, named):
    """Convolve and normalise; strides above 1 pad both sides equally."""
    padding = "same"
    if strides > 1:
        padding = "valid"
        if size > 1:
            x = keras.layers.ZeroPadding2D(size // 2, name=named(f"pad{part}"))(x)
    x = keras.layers.Conv2D(
        filters,
        size,
        strides=strides,
        padding=padding,
        use_bias=use_bias,
        kernel_initializer="he_normal",
        name=named(f"conv{part}"),
    )(x)
    return keras.layers.BatchNormalization(
        momentum=NORMALISATION_MOMENTUM,
        epsilon=NORMALISATION_EPSILON,
        name=named(f"bn{part}"),
    )(x)


def _padded_shortcut(x, width, strides, named):
    """Return every `strides`-th pixel of `x`, with channels of zeros up to `width`."""
    missing = width - x.shape[-1]
    if missing < 0:
        raise ValueError(
            f"`shortcut` must not be 'padding' from {x.shape[-1]} to {width} channels: "
            "padding only adds channels. Use 'projection'."
        )
    if strides > 1:
        # The average over one pixel: every so many pixels, and nothing else.
        x = keras.layers.AveragePooling2D(1, strides=strides, name=named("skip"))(x)
    return keras.ops.pad(x, [[0, 0], [0, 0], [0, 0], [0, missing]])
