"""Whole networks built from blocks."""

import numpy as np

from reticnn.blocks import as_dropout, classifier_head, conv_block, global_pool
from reticnn.coercion import as_float, as_image_shape, as_int, as_ints, shown
from reticnn.layers.standardization import Standardization
from reticnn.runtime.backend import keras
from reticnn.runtime.randomness import seeded_keras

# The number of blocks of the workshop's CNN.
_N_BLOCKS = 3


def build_mlp(
    input_shape=(32, 32, 3),
    num_classes=2,
    units=256,
    *,
    dropout=0.0,
    output="auto",
    rescale=True,
    seed=None,
):
    """Build a fully connected network: dense layers on the flattened pixels.

    Args:
        input_shape: (height, width, channels) of the images. Default (32, 32, 3).
        num_classes: Whole number of classes, at least 2. Default 2.
        units: Whole number of units of the hidden layer; or several, one per hidden
            layer. Default 256.
        dropout: Float in [0, 1), fraction of units dropped after each hidden layer
            during training. Default 0.
        output: `"auto"`, `"softmax"`, `"sigmoid"` or `"logits"`, as in
            `classifier_head`. Default `"auto"`.
        rescale: True divides the pixels, 0 to 255, by 255 inside the model; False
            leaves them as they are. `"standardize"` subtracts the mean and divides by
            the standard deviation of the pixels of the training images:
            `fit_classifier` computes both when it begins, in each fold from its own
            training images, and the model keeps them in further training, in its file
            and in prediction. Until then, the model returns NaN. Two numbers are the
            mean and the deviation themselves. Default True.
        seed: Whole number of at least 0 that fixes the initial weights, or None for
            Keras's global random state. Default None.

    Returns:
        `keras.Model`, not compiled, from images (n, height, width, channels), 0 to 255,
        to probabilities as returned by `classifier_head`.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If an argument is outside its range.

    Example:
        >>> build_mlp((64, 64, 3), 2, 256, output="softmax").count_params()
        3146498

    Source:
        Keras's `Flatten` and `Dense`.
    """
    with seeded_keras(seed):
        inputs, x = _image_input(input_shape, rescale)
        x = keras.layers.Flatten()(x)
        outputs = classifier_head(x, num_classes, units, dropout=dropout, output=output)
        return keras.Model(inputs, outputs, name="mlp")


def build_cnn(
    input_shape=(32, 32, 3),
    num_classes=2,
    *,
    filters=32,
    n_blocks=_N_BLOCKS,
    n_conv=1,
    units=256,
    batch_norm=False,
    block_dropout=0.0,
    dropout=0.0,
    output="auto",
    rescale=True,
    seed=None,
):
    """Build a convolutional network: blocks, global average pooling, dense layers.

    The defaults build the simple CNN of the workshop that this package grew out of,
    with 28,097 parameters.

    Args:
        input_shape: (height, width, channels) of the images. Default (32, 32, 3).
        num_classes: Whole number of classes, at least 2. Default 2.
        filters: Whole number of filters in every block, or one number per block, which
            then also sets the number of blocks. Default 32.
        n_blocks: Whole number of blocks, if `filters` is a single number. Default 3.
        n_conv: Whole number of convolutions per block. Default 1.
        units: Whole number of units of the hidden dense layer; or several, one per
            hidden layer; or None for no hidden layer. Default 256.
        batch_norm: True for batch normalisation after every convolution. Default False.
        block_dropout: Float in [0, 1), dropout rate after the pooling of each block.
            Default 0.
        dropout: Float in [0, 1), dropout rate after each hidden dense layer. Default 0.
        output: `"auto"`, `"softmax"`, `"sigmoid"` or `"logits"`, as in
            `classifier_head`. Default `"auto"`.
        rescale: True divides the pixels, 0 to 255, by 255 inside the model; False
            leaves them as they are. `"standardize"` subtracts the mean and divides by
            the standard deviation of the pixels of the training images:
            `fit_classifier` computes both when it begins, in each fold from its own
            training images, and the model keeps them in further training, in its file
            and in prediction. Until then, the model returns NaN. Two numbers are the
            mean and the deviation themselves. Default True.
        seed: Whole number of at least 0 that fixes the initial weights, or None for
            Keras's global random state. Default None.

    Returns:
        `keras.Model`, not compiled, from images (n, height, width, channels), 0 to 255,
        to probabilities as returned by `classifier_head`. Layers are named by block,
        `block1_conv1` and so on.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If an argument is outside its range, or the images are too small for
            that many blocks.

    Example:
        >>> build_cnn().count_params()
        28097
        >>> build_cnn((64, 64, 1), 10, filters=(16, 32, 64, 128)).output_shape
        (None, 10)

    Source:
        Deep Learning and Computer Vision in R: A Practical Introduction (BIBC2025,
        Patrick Li), session 2.2.
    """
    with seeded_keras(seed):
        inputs, x = _image_input(input_shape, rescale)
        block_dropout = as_dropout(block_dropout, "block_dropout")
        for number, width in enumerate(_block_filters(filters, n_blocks), start=1):
            x = conv_block(
                x,
                width,
                n_conv,
                batch_norm=batch_norm,
                dropout=block_dropout,
                name=f"block{number}",
            )
        outputs = classifier_head(
            global_pool(x), num_classes, units, dropout=dropout, output=output
        )
        return keras.Model(inputs, outputs, name="cnn")


def _image_input(input_shape, rescale):
    """Return a model's input and the tensor its layers start from."""
    inputs = keras.Input(as_image_shape(input_shape, "input_shape"), name="image")
    return inputs, _rescaled(inputs, rescale)


def _rescaled(images, rescale):
    """Return images on the scale that `rescale` says."""
    if isinstance(rescale, str) and rescale == "standardize":
        return Standardization(name="standardization")(images)
    if isinstance(rescale, (list, tuple, np.ndarray)) and len(rescale) == 2:
        mean = as_float(rescale[0], "rescale")
        deviation = as_float(rescale[1], "rescale", above=0)
        return keras.layers.Rescaling(1 / deviation, -mean / deviation)(images)
    if isinstance(rescale, (bool, np.bool_)):
        return keras.layers.Rescaling(1 / 255)(images) if rescale else images
    raise TypeError(
        f"`rescale` must be {shown(True)}, {shown(False)}, 'standardize', or the mean "
        f"and the standard deviation of the pixels, 0 to 255, not {shown(rescale)}."
    )


def _block_filters(filters, n_blocks):
    """Return the number of filters of each block."""
    filters, n_blocks = as_ints(filters, "filters"), as_int(n_blocks, "n_blocks")
    if len(filters) == 1:
        return filters * n_blocks
    if n_blocks not in (_N_BLOCKS, len(filters)):
        raise ValueError(
            f"`n_blocks` is {n_blocks}, but `filters` has numbers for "
            f"{len(filters)} blocks: {shown(filters)}. Leave `n_blocks` out, or give "
            "one number of filters."
        )
    return filters
