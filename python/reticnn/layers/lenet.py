"""Layers of LeNet-5 as published: trainable subsampling, and partial connection."""

import math

import numpy as np

from reticnn.runtime.backend import keras


def uniform_within(inputs):
    """Return the paper's initializer for units with that many inputs."""
    bound = _weight_bound(inputs)
    return keras.initializers.RandomUniform(-bound, bound)


def _weight_bound(inputs):
    """Return the largest initial weight of a unit with that many inputs."""
    return 2.4 / np.sqrt(inputs)


@keras.saving.register_keras_serializable("reticnn")
def scaled_tanh(x):
    """Return 1.7159 tanh(2/3 x), which is 1 at 1 and -1 at -1."""
    return 1.7159 * keras.ops.tanh(2 / 3 * x)


@keras.saving.register_keras_serializable("reticnn")
class Subsampling2D(keras.layers.Layer):
    """Sum of each 2 x 2 pixels, times a coefficient, plus a bias, one of each per map.

    Input (batch, height, width, channels), output half as high and wide. Twice as many
    parameters as channels. The activation is a separate layer.

    Source:
        LeCun et al. (1998), layers S2 and S4.
    """

    pool_size = strides = (2, 2)

    def build(self, input_shape):
        """Make the coefficients and biases."""
        shape = (input_shape[-1],)
        self.coefficient = self.add_weight(
            shape=shape, initializer=uniform_within(4), name="coefficient"
        )
        self.bias = self.add_weight(shape=shape, initializer="zeros", name="bias")

    def call(self, inputs):
        """Return the smaller maps."""
        sums = 4 * keras.ops.average_pool(
            inputs, self.pool_size, self.strides, data_format="channels_last"
        )
        return sums * self.coefficient + self.bias

    def compute_output_shape(self, input_shape):
        """Return half the height and width."""
        sides = (side and side // 2 for side in input_shape[1:3])
        return (input_shape[0], *sides, input_shape[3])

    def count_mult_adds(self, shape):
        """Return one for each value: the coefficient is multiplied once."""
        return math.prod(shape[1:])


@keras.saving.register_keras_serializable("reticnn")
class PartialConv2D(keras.layers.Layer):
    """Convolution in which each output map sees some of the input maps only.

    Input (batch, height, width, channels), output (batch, height - kernel_size + 1,
    width - kernel_size + 1, maps). One kernel per connection and one bias per map.

    Args:
        sources: For each output map, the numbers of the input maps that it sees,
            counted from 0.
        kernel_size: Whole number, the kernels' side in pixels.
        **options: Keras's `name`, `trainable` and `dtype`.

    Source:
        LeCun et al. (1998), layer C3.
    """

    strides = (1, 1)

    def __init__(self, sources, kernel_size, **options):
        """Keep the connections."""
        super().__init__(**options)
        self.sources = [list(maps) for maps in sources]
        self.kernel_size = kernel_size

    def build(self, input_shape):
        """Make the kernels of the connections that there are, and no others."""
        fan_in = [
            len(maps) * self.kernel_size**2 for maps in self.sources for _ in maps
        ]
        bounds = _weight_bound(np.array(fan_in, "float32"))

        def initial(shape, dtype=None):
            draws = keras.initializers.RandomUniform(-1, 1)(shape, dtype)
            return keras.ops.multiply(draws, bounds)

        self.kernels = self.add_weight(
            shape=(self.kernel_size, self.kernel_size, len(fan_in)),
            initializer=initial,
            name="kernels",
        )
        self.bias = self.add_weight(
            shape=(len(self.sources),), initializer="zeros", name="bias"
        )
        channels, maps = input_shape[-1], len(self.sources)
        links = [
            source * maps + number
            for number, seen in enumerate(self.sources)
            for source in seen
        ]
        self._one_hot_links = np.eye(channels * maps, dtype="float32")[links]

    def call(self, inputs):
        """Convolve with the full kernel, which is zero where nothing is connected."""
        ops = keras.ops
        links = ops.cast(self._one_hot_links, self.compute_dtype)
        size, maps = self.kernel_size, len(self.sources)
        kernel = ops.matmul(self.kernels, links)
        kernel = ops.reshape(kernel, (size, size, inputs.shape[-1], maps))
        return ops.conv(inputs, kernel, data_format="channels_last") + self.bias

    def compute_output_shape(self, input_shape):
        """Return the shape of the maps."""
        lost = self.kernel_size - 1
        sides = (side and side - lost for side in input_shape[1:3])
        return (input_shape[0], *sides, len(self.sources))

    def count_mult_adds(self, shape):
        """Return one for each weight of a kernel at each position of its map."""
        return math.prod(shape[1:3]) * math.prod(self.kernels.shape)

    def get_config(self):
        """Return what makes the layer again."""
        return {
            **super().get_config(),
            "sources": self.sources,
            "kernel_size": self.kernel_size,
        }
