"""Layers that the landmark architectures need and Keras does not have."""

from reticnn.coercion import as_float, as_int
from reticnn.runtime.backend import keras


@keras.saving.register_keras_serializable("reticnn")
class LocalResponseNormalization(keras.layers.Layer):
    """Divide each value by a power of the squares in the channels around it.

    `x / (k + alpha * sum) ** beta`, where the sum goes over the squares of `size`
    adjacent channels at the same position, fewer at the first and the last ones. Alpha
    is not divided by the size.

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
    """Multiply each channel by a learned factor, initially small.

    Args:
        start: Float, the initial value of all factors. Default 1e-6.
        **kwargs: Keras's arguments of every layer.

    Source:
        Touvron et al. (2021), Going deeper with Image Transformers, arXiv:2103.17239.
    """

    def __init__(self, start=1e-6, **kwargs):
        """Keep the first factor."""
        super().__init__(**kwargs)
        self.start = as_float(start, "start")

    def build(self, input_shape):
        """Make one factor per channel."""
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
