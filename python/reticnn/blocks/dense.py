"""The blocks of densely connected networks."""

from reticnn.blocks.plain import (
    NORMALISATION_MOMENTUM,
    as_dropout,
    check_feature_maps,
    namer,
)
from reticnn.blocks.residual import NORMALISATION_EPSILON
from reticnn.coercion import as_bool, as_float, as_int
from reticnn.runtime.backend import keras


def dense_block(
    x, n_layers=6, growth_rate=32, *, bottleneck=True, dropout=0.0, name=None
):
    """Add a dense block, in which each layer sees the outputs of all layers before it.

    Each of the `n_layers` layers is batch normalisation, ReLU and a 3 x 3 convolution
    with `growth_rate` filters, whose output is concatenated to its input. With
    `bottleneck`, batch normalisation, ReLU and a 1 x 1 convolution with `4 *
    growth_rate` filters come first. Convolutions have no bias.

    Args:
        x: Keras tensor, (batch, height, width, channels).
        n_layers: Whole number of layers. Default 6.
        growth_rate: Whole number of channels that each layer adds. Default 32.
        bottleneck: True for a 1 x 1 convolution before each 3 x 3 one. Default True.
        dropout: Float in [0, 1), fraction of values dropped after each convolution
            during training. Default 0, no such layer.
        name: String, prefix of the layers' names, or None for Keras's own names.
            Default None.

    Returns:
        Keras tensor, (batch, height, width, channels + n_layers * growth_rate).

    Raises:
        TypeError: If `x` is not a Keras tensor, or an argument has the wrong type.
        ValueError: If an argument is outside its range.

    Example:
        >>> dense_block(keras.Input((56, 56, 64))).shape
        (None, 56, 56, 256)

    Source:
        Huang, Liu, van der Maaten and Weinberger (2017), Densely Connected
        Convolutional Networks, arXiv:1608.06993. Epsilon of the normalisations as in
        `keras.applications`.
    """
    check_feature_maps(x)
    growth_rate = as_int(growth_rate, "growth_rate")
    bottleneck = as_bool(bottleneck, "bottleneck")
    dropout = as_dropout(dropout, "dropout")

    for number in range(1, as_int(n_layers, "n_layers") + 1):
        named = namer(None if name is None else f"{name}_layer{number}")
        new = x
        if bottleneck:
            new = _convolved(new, 4 * growth_rate, 1, dropout, "1", named)
        new = _convolved(new, growth_rate, 3, dropout, "2", named)
        x = keras.layers.Concatenate(name=named("concat"))([x, new])
    return x


def transition_block(x, reduction=0.5, *, dropout=0.0, name=None):
    """Add a transition between dense blocks: fewer channels, half the height and width.

    The layers are batch normalisation, ReLU, a 1 x 1 convolution without bias, dropout,
    and 2 x 2 average pooling.

    Args:
        x: Keras tensor, (batch, height, width, channels).
        reduction: Float in (0, 1], fraction of the channels that is kept, rounded down.
            Default 0.5.
        dropout: Float in [0, 1), fraction of values dropped after the convolution
            during training. Default 0, no such layer.
        name: String, prefix of the layers' names, or None for Keras's own names.
            Default None.

    Returns:
        Keras tensor, (batch, height / 2, width / 2, reduction * channels).

    Raises:
        TypeError: If `x` is not a Keras tensor, or an argument has the wrong type.
        ValueError: If an argument is outside its range.

    Example:
        >>> transition_block(keras.Input((56, 56, 256))).shape
        (None, 28, 28, 128)

    Source:
        Huang, Liu, van der Maaten and Weinberger (2017), arXiv:1608.06993.
    """
    check_feature_maps(x)
    reduction = as_float(reduction, "reduction", above=0, maximum=1)
    named = namer(name)
    dropout = as_dropout(dropout, "dropout")
    filters = max(1, int(x.shape[-1] * reduction))
    x = _convolved(x, filters, 1, dropout, "", named)
    return keras.layers.AveragePooling2D(2, name=named("pool"))(x)


def normalised_relu(x, part, named):
    """Normalise and activate, before the convolution."""
    x = keras.layers.BatchNormalization(
        momentum=NORMALISATION_MOMENTUM,
        epsilon=NORMALISATION_EPSILON,
        name=named(f"bn{part}"),
    )(x)
    return keras.layers.ReLU(name=named(f"relu{part}"))(x)


def _convolved(x, filters, size, dropout, part, named):
    """Normalise, activate and convolve, and drop some of the values."""
    x = keras.layers.Conv2D(
        filters,
        size,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=named(f"conv{part}"),
    )(normalised_relu(x, part, named))
    if dropout > 0:
        x = keras.layers.Dropout(dropout, name=named(f"dropout{part}"))(x)
    return x
