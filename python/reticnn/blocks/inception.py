"""The module of Inception networks."""

from reticnn.blocks.plain import check_feature_maps, namer
from reticnn.coercion import as_int, as_ints, shown
from reticnn.runtime.backend import keras


def inception_module(
    x, conv1=64, conv3=(96, 128), conv5=(16, 32), pool=32, *, name=None
):
    """Add an Inception module: parallel convolutions of several sizes, concatenated.

    It has four branches: a 1 x 1 convolution; a 1 x 1 convolution that reduces the
    channels, then a 3 x 3 one; the same with 5 x 5; and 3 x 3 max pooling, then a 1 x 1
    convolution. Every convolution is followed by ReLU. The defaults are those of
    GoogLeNet's first module.

    Args:
        x: Keras tensor, (batch, height, width, channels).
        conv1: Whole number of filters of the 1 x 1 branch. Default 64.
        conv3: Two whole numbers of filters, of the 1 x 1 reduction and of the 3 x 3
            convolution. Default (96, 128).
        conv5: The same for the 5 x 5 branch. Default (16, 32).
        pool: Whole number of filters of the convolution after max pooling. Default 32.
        name: String, prefix of the layers' names, or None for Keras's own names.
            Default None.

    Returns:
        Keras tensor, (batch, height, width, channels of the four branches together),
        256 channels with the defaults.

    Raises:
        TypeError: If `x` is not a Keras tensor, or an argument has the wrong type.
        ValueError: If an argument is outside its range.

    Example:
        >>> inception_module(keras.Input((28, 28, 192))).shape
        (None, 28, 28, 256)

    Source:
        Szegedy et al. (2014), Going Deeper with Convolutions, arXiv:1409.4842.
    """
    check_feature_maps(x)
    conv1 = as_int(conv1, "conv1")
    narrow3, wide3 = _two_filters(conv3, "conv3")
    narrow5, wide5 = _two_filters(conv5, "conv5")
    pool = as_int(pool, "pool")
    named = namer(name)

    def convolved(x, filters, size, part):
        return keras.layers.Conv2D(
            filters, size, padding="same", activation="relu", name=named(part)
        )(x)

    highest = keras.layers.MaxPooling2D(3, 1, padding="same", name=named("pool"))(x)
    branches = [
        convolved(x, conv1, 1, "conv1"),
        convolved(convolved(x, narrow3, 1, "narrow3"), wide3, 3, "conv3"),
        convolved(convolved(x, narrow5, 1, "narrow5"), wide5, 5, "conv5"),
        convolved(highest, pool, 1, "project"),
    ]
    return keras.layers.Concatenate(name=named("concat"))(branches)


def _two_filters(value, name):
    filters = as_ints(value, name)
    if len(filters) != 2:
        raise ValueError(
            f"`{name}` must be two whole numbers, the filters of the 1 x 1 "
            f"convolution and of the larger one after it, not {shown(value)}."
        )
    return filters
