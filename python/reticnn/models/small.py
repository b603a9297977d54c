"""The network of our own recipe for small photos."""

from reticnn.blocks import classifier_head, conv_block, global_pool, residual_block
from reticnn.coercion import as_image_shape
from reticnn.runtime.backend import keras
from reticnn.runtime.randomness import seeded_keras

_STEM, _WIDTHS = 32, (48, 96, 192)

# Of photos: the mean of the pixels in units of their standard deviation, about 64.
_MEAN = 1.9


def small_network(input_shape=(32, 32, 3), num_classes=2, *, seed=None):
    """Build the network of `training_recipe("small")`.

    A convolution and pooling, three residual blocks, each with half the height and
    width of the one before from the second on, and global average pooling. On two cores
    it is a convolution at full size that takes time, and 3 x 3 convolutions with many
    filters on small maps that make good use of it.

    Args:
        input_shape: (height, width, channels) of the images. Default (32, 32, 3).
        num_classes: Whole number of classes, at least 2. Default 2.
        seed: Whole number of at least 0 that fixes the initial weights, or None for
            Keras's global random state. Default None.

    Returns:
        `keras.Model`, not compiled, from images (n, height, width, channels), 0 to 255,
        to probabilities as returned by `classifier_head`.

    Source:
        Residual blocks: He et al. (2015), arXiv:1512.03385.
    """
    with seeded_keras(seed):
        inputs = keras.Input(as_image_shape(input_shape, "input_shape"), name="image")
        x = keras.layers.Rescaling(1 / 64, offset=-_MEAN)(inputs)
        x = conv_block(x, _STEM, batch_norm=True, name="stem")
        for number, width in enumerate(_WIDTHS, start=1):
            strides = 1 if number == 1 else 2
            x = residual_block(x, width, strides=strides, name=f"block{number}")
        outputs = classifier_head(global_pool(x), num_classes, None)
        return keras.Model(inputs, outputs, name="small")
