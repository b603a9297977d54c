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
    stride_in="1x1",
    zero_gamma=False,
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
        strides: Whole number, stride of one of the convolutions in pixels: of the
            first, unless `stride_in` says otherwise. Default 1.
        bottleneck: True for three convolutions instead of two. Default False.
        shortcut: How the input is brought to the shape of the result if they differ:
            `"projection"`, a 1 x 1 convolution, or `"padding"`, every `strides`-th
            pixel with channels of zeros added, which needs no weights. Default
            `"projection"`.
        conv_bias: True for a bias in the convolutions, as `keras.applications` has it.
            Default False, as in the paper.
        stride_in: Which convolution of a bottleneck has the strides: `"1x1"`, the
            first, as in the paper and in `keras.applications`; or `"3x3"`, the second,
            as in torchvision (ResNet v1.5), which looks at every pixel and costs more.
            Without `bottleneck` it is always the first, a 3 x 3 one. Default `"1x1"`.
        zero_gamma: True to let the scale of the last normalisation start at 0 instead
            of 1, so that the block starts as its shortcut. Default False.
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
        Strides in the 3 x 3 convolution: torchvision's `resnet50`. `zero_gamma`: Goyal
        et al. (2017), arXiv:1706.02677, section 5.1.
    """
    check_feature_maps(x)
    filters = as_int(filters, "filters")
    strides = as_int(strides, "strides")
    shortcut = as_choice(shortcut, "shortcut", ("projection", "padding"))
    conv_bias = as_bool(conv_bias, "conv_bias")
    stride_in = as_stride_in(stride_in)
    last_gamma = "zeros" if as_bool(zero_gamma, "zero_gamma") else "ones"
    named = namer(name)
    bottleneck = as_bool(bottleneck, "bottleneck")
    width = 4 * filters if bottleneck else filters

    def normalised_conv(x, part, filters, size, strides=1, gamma="ones"):
        x = _convolved(x, part, filters, size, strides, conv_bias, named)
        return normalised(x, named(f"bn{part}"), gamma)

    def activated(x, part):
        return keras.layers.ReLU(name=named(part))(x)

    same_shape = strides == 1 and x.shape[-1] == width
    around = x
    if not same_shape and shortcut == "projection":
        around = normalised_conv(x, "shortcut", width, 1, strides)
    elif not same_shape:
        around = _padded_shortcut(x, width, strides, named)
    if bottleneck:
        first, second = (strides, 1) if stride_in == "1x1" else (1, strides)
        x = activated(normalised_conv(x, "1", filters, 1, first), "relu1")
        x = activated(normalised_conv(x, "2", filters, 3, second), "relu2")
        x = normalised_conv(x, "3", width, 1, gamma=last_gamma)
    else:
        x = activated(normalised_conv(x, "1", filters, 3, strides), "relu1")
        x = normalised_conv(x, "2", width, 3, gamma=last_gamma)
    x = keras.layers.Add(name=named("add"))([around, x])
    return activated(x, "relu")


def as_stride_in(stride_in):
    """Return `stride_in` if it is a convolution of a bottleneck."""
    return as_choice(stride_in, "stride_in", ("1x1", "3x3"))


def normalised(x, name, gamma="ones"):
    """Normalise as the published residual networks do."""
    return keras.layers.BatchNormalization(
        momentum=NORMALISATION_MOMENTUM,
        epsilon=NORMALISATION_EPSILON,
        gamma_initializer=gamma,
        name=name,
    )(x)


def _convolved(x, part, filters, size, strides, use_bias, named):
    """Convolve; strides above 1 pad both sides equally."""
    padding = "same"
    if strides > 1:
        padding = "valid"
        if size > 1:
            x = keras.layers.ZeroPadding2D(size // 2, name=named(f"pad{part}"))(x)
    return keras.layers.Conv2D(
        filters,
        size,
        strides=strides,
        padding=padding,
        use_bias=use_bias,
        kernel_initializer="he_normal",
        name=named(f"conv{part}"),
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
