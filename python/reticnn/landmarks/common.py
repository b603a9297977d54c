"""What the families have in common: input, output, stem, and the check of the size."""

from reticnn.blocks import as_output
from reticnn.coercion import as_choice
from reticnn.layers.preprocessing import ImagePreprocessing
from reticnn.runtime.backend import keras

STEMS = ("standard", "small")


def image_input(input_shape, scale=None):
    """Return a model's input and the tensor its layers start from.

    Args:
        input_shape: (height, width, channels).
        scale: That of `ImagePreprocessing`, or None for pixels as they come.
    """
    inputs = keras.Input(input_shape, name="image")
    if scale is None:
        return inputs, inputs
    return inputs, ImagePreprocessing(scale, name="preprocessing")(inputs)


def classifier_output(x, num_classes, output, **settings):
    """Map features to classes, as `classifier_head` does without hidden layers.

    Args:
        x: Keras tensor, (batch, features).
        num_classes: Whole number of classes.
        output: That of `classifier_head`.
        **settings: Further arguments of the dense layer, such as its name.
    """
    output = as_output(output, num_classes)
    return keras.layers.Dense(
        1 if output == "sigmoid" else num_classes,
        activation=None if output == "logits" else output,
        **{"name": "predictions", **settings},
    )(x)


def check_size(input_shape, smallest, name, advice="Use larger images."):
    """Raise if an image is smaller than the architecture can take."""
    if min(input_shape[:2]) < smallest:
        raise ValueError(
            f"`input_shape` must be at least {smallest} x {smallest} pixels for "
            f"{name!r}, not {input_shape[0]} x {input_shape[1]}. {advice}"
        )


def as_stem(stem):
    """Return `stem` if it is one."""
    return as_choice(stem, "stem", STEMS)


def check_size_for_stem(input_shape, stem, name):
    """Raise if an image is smaller than an architecture with that stem can take."""
    if stem == "small":
        check_size(input_shape, 8, name)
        return
    advice = "Use larger images, or `stem='small'`, which takes 8 x 8 and more."
    check_size(input_shape, 32, name, advice)


def strided_stem(x, filters, named, *, use_bias=False):
    """Convolve 7 x 7 pixels with stride 2, padded equally on both sides."""
    x = keras.layers.ZeroPadding2D(3, name=named("pad"))(x)
    return keras.layers.Conv2D(
        filters,
        7,
        strides=2,
        use_bias=use_bias,
        kernel_initializer="he_normal",
        name=named("conv"),
    )(x)


def small_stem(x, filters, named, *, use_bias=False):
    """Convolve 3 x 3 pixels, as the papers do with images of 32 x 32."""
    return keras.layers.Conv2D(
        filters,
        3,
        padding="same",
        use_bias=use_bias,
        kernel_initializer="he_normal",
        name=named("conv"),
    )(x)


def padded_max_pool(x, named):
    """Apply 3 x 3 max pooling with stride 2, padded on both sides."""
    x = keras.layers.ZeroPadding2D(1, name=named("pool_pad"))(x)
    return keras.layers.MaxPooling2D(3, strides=2, name=named("pool"))(x)
