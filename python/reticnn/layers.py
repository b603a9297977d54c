"""Layers that the landmark architectures need and Keras does not have."""

from reticnn.backend import keras
from reticnn.coercion import as_choice, as_float, as_int

# Means and standard deviations of the pixels of ImageNet, by channel, RGB: those that
# the published networks were trained with.
_MEANS = (123.68, 116.779, 103.939)
_UNIT_MEANS = (0.485, 0.456, 0.406)
_UNIT_DEVIATIONS = (0.229, 0.224, 0.225)

_SCALES = ("means", "unit", "standard")


@keras.saving.register_keras_serializable("reticnn")
class ImagePreprocessing(keras.layers.Layer):
    """Bring pixels, RGB 0 to 255, to the scale that a landmark was trained on.

    Args:
        scale: `"means"`, the means of ImageNet's channels taken off, in the order blue,
            green, red; `"unit"`, from -1 to 1; `"standard"`, means taken off and
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


@keras.saving.register_keras_serializable("reticnn")
class LocalResponseNormalization(keras.layers.Layer):
    """Divide each value by a power of the squares in the channels around it.

    `x / (k + alpha * sum) ** beta`, where the sum goes over the squares of `size`
    adjacent channels at the same place, fewer at the first and the last ones. Alpha is
    not divided by the size.

    Args:
        size: Odd number of channels in the sum. Default 5.
        k: Float above 0. Default 2.
        alpha: Float of at least 0. Default 0.0001.
        beta: Float of at least 0. Default 0.75.
        **kwargs: Keras's arguments of every layer.

    Source:
        Krizhevsky, Sutskever and Hinton (2012), section 3.3.
    """

    def __init__(self, size=5, k=2.0, alpha=1e-4, beta=0.75, **kwargs):
        """Keep the numbers."""
        super().__init__(**kwargs)
        self.size = as_int(size, "size")
        self.k = as_float(k, "k", above=0)
        self.alpha = as_float(alpha, "alpha", minimum=0)
        self.beta = as_float(beta, "beta", minimum=0)

    def call(self, inputs):
        """Return the normalised values."""
        ops = keras.ops
        channels = inputs.shape[-1]
        reach = self.size // 2
        no_padding = [[0, 0]] * (len(inputs.shape) - 1)
        squares = ops.pad(ops.square(inputs), [*no_padding, [reach, reach]])
        total = sum(
            squares[..., first : first + channels] for first in range(2 * reach + 1)
        )
        return inputs * ops.power(self.k + self.alpha * total, -self.beta)

    def compute_output_shape(self, input_shape):
        """Return the input's shape."""
        return input_shape

    def get_config(self):
        """Return what makes the layer again."""
        numbers = {name: getattr(self, name) for name in ("size", "k", "alpha", "beta")}
        return {**super().get_config(), **numbers}


@keras.saving.register_keras_serializable("reticnn")
class LayerScale(keras.layers.Layer):
    """Multiply each channel by a factor that is learned, small at first.

    Args:
        start: Float, what all factors are at first. Default 1e-6.
        **kwargs: Keras's arguments of every layer.

    Source:
        Touvron et al. (2021), Going deeper with Image Transformers, arXiv:2103.17239.
    """

    def __init__(self, start=1e-6, **kwargs):
        """Keep the first factor."""
        super().__init__(**kwargs)
        self.start = as_float(start, "start")

    def build(self, input_shape):
        """Make one factor a channel."""
        self.factors = self.add_weight(
            shape=(input_shape[-1],),
            initializer=keras.initializers.Constant(self.start),
            name="factors",
        )

    def call(self, inputs):
        """Return the scaled values."""
        return inputs * self.factors

    def compute_output_shape(self, input_shape):
        """Return the input's shape."""
        return input_shape

    def get_config(self):
        """Return what makes the layer again."""
        return {**super().get_config(), "start": self.start}


@keras.saving.register_keras_serializable("reticnn")
class StochasticDepth(keras.layers.Layer):
    """Drop a whole residual branch for some images while training.

    What is kept is divided by the share that is kept, so that nothing needs to change
    at inference.

    Args:
        rate: Float in [0, 1), share of the images for which the branch is dropped.
        seed: Whole number, or None for Keras's global random state. Default None.
        **kwargs: Keras's arguments of every layer.

    Source:
        Huang et al. (2016), Deep Networks with Stochastic Depth, arXiv:1603.09382.
    """

    def __init__(self, rate, seed=None, **kwargs):
        """Keep the rate, and make a state for the draws."""
        super().__init__(**kwargs)
        self.rate = as_float(rate, "rate", minimum=0, below=1)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=False):
        """Return the values, those of dropped images as 0."""
        if not training or self.rate == 0:
            return inputs
        ops = keras.ops
        shape = (ops.shape(inputs)[0],) + (1,) * (len(inputs.shape) - 1)
        draws = keras.random.uniform(shape, seed=self.seed_generator)
        kept = ops.cast(draws >= self.rate, inputs.dtype)
        return inputs * kept / (1 - self.rate)

    def compute_output_shape(self, input_shape):
        """Return the input's shape."""
        return input_shape

    def get_config(self):
        """Return what makes the layer again."""
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}
