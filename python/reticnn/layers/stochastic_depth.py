"""Stochastic depth: branches that are dropped at random during training."""

from reticnn.coercion import as_float
from reticnn.runtime.backend import keras


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
