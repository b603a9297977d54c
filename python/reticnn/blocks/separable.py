"""The block of mobile networks."""

from reticnn.blocks.plain import (
    NORMALISATION_MOMENTUM,
    activation_layer,
    as_activation,
    check_feature_maps,
    namer,
)
from reticnn.coercion import as_int
from reticnn.runtime.backend import keras


def separable_block(x, filters=64, *, strides=1, activation="relu", name=None):
    """Add a depthwise separable convolution: filter each channel, then mix them.

    The layers are a 3 x 3 depthwise convolution and a 1 x 1 convolution, both without
    bias, each followed by batch normalisation and the activation. With K x K kernels
    and a result of `n` pixels this takes `n * (K * K * channels + channels * filters)`
    multiplications; an ordinary convolution takes `n * K * K * channels * filters`.

    Args:
        x: Keras tensor, (batch, height, width, channels).
        filters: Whole number, output channels. Default 64.
        strides: Whole number, stride of the depthwise convolution in pixels. Default 1.
        activation: Name of a Keras activation, or None for no activation;
            `keras.applications` uses `"relu6"`. Default `"relu"`, as in the paper.
        name: String, prefix of the layers' names, or None for Keras's own names.
            Default None.

    Returns:
        Keras tensor, (batch, height / strides, width / strides, filters).

    Raises:
        TypeError: If `x` is not a Keras tensor, or an argument has the wrong type.
        ValueError: If an argument is outside its range.

    Example:
        >>> separable_block(keras.Input((56, 56, 128)), 256, strides=2).shape
        (None, 28, 28, 256)

    Source:
        Howard et al. (2017), MobileNets, arXiv:1704.04861.
    """
    check_feature_maps(x)
    filters = as_int(filters, "filters")
    strides = as_int(strides, "strides")
    activation = as_activation(activation)
    named = namer(name)

    def normalised(x, part):
        x = keras.layers.BatchNormalization(
            momentum=NORMALISATION_MOMENTUM, name=named(f"{part}_bn")
        )(x)
        if activation is None:
            return x
        return activation_layer(activation, named(f"{part}_{activation}"))(x)

    if strides > 1:
        # The published weights were trained with the padding at the end alone.
        x = keras.layers.ZeroPadding2D(((0, 1), (0, 1)), name=named("pad"))(x)
    x = keras.layers.DepthwiseConv2D(
        3,
        strides=strides,
        padding="same" if strides == 1 else "valid",
        use_bias=False,
        name=named("depthwise"),
    )(x)
    x = normalised(x, "depthwise")
    x = keras.layers.Conv2D(filters, 1, use_bias=False, name=named("pointwise"))(x)
    return normalised(x, "pointwise")
