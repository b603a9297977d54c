"""The block of ConvNeXt."""

from reticnn.blocks.plain import check_feature_maps, namer
from reticnn.coercion import as_float, as_int
from reticnn.layers.normalization import LayerScale
from reticnn.layers.stochastic_depth import StochasticDepth
from reticnn.runtime.backend import keras

# Of the layer normalisations, and the initial weights, in the authors' code.
NORMALISATION_EPSILON = 1e-6


def initial_weights():
    """Return the initializer of ConvNeXt's convolutions and dense layers."""
    return keras.initializers.TruncatedNormal(stddev=0.02)


def convnext_block(
    x, expansion=4, *, drop_rate=0.0, layer_scale=1e-6, kernel_size=7, name=None
):
    """Add a ConvNeXt block: depthwise filters, channel mixing and a shortcut.

    The layers are a depthwise convolution, layer normalisation, a dense layer at each
    pixel that widens the channels by the factor `expansion`, GELU, a dense layer that
    narrows them again, layer scale, stochastic depth, and the sum with the input.

    Args:
        x: Keras tensor, (batch, height, width, channels).
        expansion: Whole number, factor by which the block is wider inside. Default 4.
        drop_rate: Float in [0, 1), fraction of the images for which the block is
            skipped during training. Default 0, no such layer.
        layer_scale: Float above 0, initial value of the learned factor of each channel,
            or None to leave these out. Default 1e-6.
        kernel_size: Whole number, side of the depthwise filters in pixels. Default 7.
        name: String, prefix of the layers' names, or None for Keras's own names.
            Default None.

    Returns:
        Keras tensor of the shape of `x`.

    Raises:
        TypeError: If `x` is not a Keras tensor, or an argument has the wrong type.
        ValueError: If an argument is outside its range.

    Example:
        >>> convnext_block(keras.Input((56, 56, 96))).shape
        (None, 56, 56, 96)

    Source:
        Liu, Mao, Wu, Feichtenhofer, Darrell and Xie (2022), A ConvNet for the 2020s,
        arXiv:2201.03545; epsilon and initial weights as in the authors' code.
    """
    check_feature_maps(x)
    expansion = as_int(expansion, "expansion")
    drop_rate = as_float(drop_rate, "drop_rate", minimum=0, below=1)
    kernel_size = as_int(kernel_size, "kernel_size")
    if layer_scale is not None:
        layer_scale = as_float(layer_scale, "layer_scale", above=0)
    named = namer(name)
    channels = x.shape[-1]

    def dense(units, part):
        return keras.layers.Dense(
            units, kernel_initializer=initial_weights(), name=named(part)
        )

    inside = keras.layers.DepthwiseConv2D(
        kernel_size,
        padding="same",
        depthwise_initializer=initial_weights(),
        name=named("depthwise"),
    )(x)
    inside = layer_normalised(inside, named("norm"))
    inside = dense(expansion * channels, "widen")(inside)
    inside = keras.layers.Activation("gelu", name=named("gelu"))(inside)
    inside = dense(channels, "narrow")(inside)
    if layer_scale is not None:
        inside = LayerScale(layer_scale, name=named("scale"))(inside)
    if drop_rate > 0:
        inside = StochasticDepth(drop_rate, name=named("drop"))(inside)
    return keras.layers.Add(name=named("add"))([x, inside])


def layer_normalised(x, name):
    """Normalise the channels of each pixel."""
    return keras.layers.LayerNormalization(epsilon=NORMALISATION_EPSILON, name=name)(x)
