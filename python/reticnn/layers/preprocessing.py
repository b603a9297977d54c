"""What pretrained networks want done to pixels, as layers of the model itself."""

from reticnn.coercion import as_choice
from reticnn.runtime.backend import keras

# Means and standard deviations of the pixels of ImageNet, by channel, RGB: those that
# the published networks were trained with, of 0 to 255 and of 0 to 1.
_MEANS = (123.68, 116.779, 103.939)
_UNIT_MEANS = (0.485, 0.456, 0.406)
_UNIT_DEVIATIONS = (0.229, 0.224, 0.225)

_SCALES = ("means", "unit", "standard")


def preprocess(x, mode):
    """Turn RGB images, 0 to 255, into what a pretrained network was trained on.

    Args:
        x: Keras tensor, (batch, height, width, 3).
        mode: `"caffe"`, BGR minus ImageNet's means; `"tf"`, -1 to 1; `"torch"`, minus
            ImageNet's means and divided by its deviations; `"inside"`, as they are.

    Returns:
        Keras tensor of the same shape.

    Source:
        `keras.applications.imagenet_utils.preprocess_input`.
    """
    if mode == "caffe":
        x = keras.ops.flip(x, axis=-1)
        offset = [-mean for mean in reversed(_MEANS)]  # Of blue, green, red.
        return keras.layers.Rescaling(1.0, offset, name="preprocessing")(x)
    if mode == "tf":
        return to_unit_range(x, name="preprocessing")
    if mode == "torch":
        return keras.layers.Rescaling(
            [1 / (255 * deviation) for deviation in _UNIT_DEVIATIONS],
            [
                -mean / deviation
                for mean, deviation in zip(_UNIT_MEANS, _UNIT_DEVIATIONS, strict=True)
            ],
            name="preprocessing",
        )(x)
    return x


def to_unit_range(x, name):
    """Turn 0 to 255 into -1 to 1."""
    return keras.layers.Rescaling(1 / 127.5, -1.0, name=name)(x)


def to_pixel_range(x, name):
    """Turn -1 to 1 into 0 to 255."""
    return keras.layers.Rescaling(127.5, 127.5, name=name)(x)


@keras.saving.register_keras_serializable("reticnn")
class ImagePreprocessing(keras.layers.Layer):
    """Bring pixels, RGB 0 to 255, to the scale that a landmark was trained on.

    Args:
        scale: `"means"`, the means of ImageNet's channels subtracted, in the order
            blue, green, red; `"unit"`, from -1 to 1; `"standard"`, means subtracted and
            divided by the standard deviations. Keras calls them caffe, tf and torch.
        **kwargs: Keras's arguments of every layer.

    With other than three channels, all of them have the average mean and deviation.
    """

    def __init__(self, scale, **kwargs):
        """Keep the scale's name."""
        super().__init__(**kwargs)
        self.scale = as_choice(scale, "scale", _SCALES)

    def call(self, inputs):
        """Return the pixels on the new scale."""
        pixels = keras.ops.cast(inputs, self.compute_dtype)
        if self.scale == "unit":
            return pixels / 127.5 - 1.0
        colour = pixels.shape[-1] == 3
        if self.scale == "means":
            pixels = pixels - self._constant(_MEANS, colour)
            return keras.ops.flip(pixels, axis=-1) if colour else pixels
        centred = pixels / 255.0 - self._constant(_UNIT_MEANS, colour)
        return centred / self._constant(_UNIT_DEVIATIONS, colour)

    def compute_output_shape(self, input_shape):
        """Return the shape that the images have already."""
        return input_shape

    def get_config(self):
        """Return what makes the layer again."""
        return {**super().get_config(), "scale": self.scale}

    def _constant(self, values, colour):
        """Return a number for each channel, or their average for all."""
        values = list(values) if colour else sum(values) / len(values)
        return keras.ops.convert_to_tensor(values, dtype=self.compute_dtype)
