"""Images standardised by the mean and deviation of those that a model learns from."""

import numpy as np

from reticnn.runtime.backend import keras


@keras.saving.register_keras_serializable("reticnn")
class Standardization(keras.layers.Layer):
    """Subtract the mean of the training images, and divide by their deviation.

    Both are one number for all pixels and channels, and weights, so that they are saved
    with the model. They are NaN until they are known, and so is what comes out: no
    network can be trained or used by mistake with numbers that are not its images'.
    """

    def build(self, input_shape):
        """Make room for the two numbers."""
        self.statistics = self.add_weight(
            shape=(2,),
            initializer=keras.initializers.Constant(float("nan")),
            trainable=False,
            autocast=False,
            name="mean_and_deviation",
        )

    def call(self, inputs):
        """Return the standardised images."""
        statistics = keras.ops.convert_to_tensor(self.statistics)
        pixels = keras.ops.cast(inputs, statistics.dtype)
        standard = (pixels - statistics[0]) / statistics[1]
        return keras.ops.cast(standard, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        """Return the shape that the images have already."""
        return input_shape

    @property
    def is_known(self):
        """Whether the mean and the deviation are known."""
        return bool(np.isfinite(keras.ops.convert_to_numpy(self.statistics)).all())

    def set_statistics(self, mean, deviation):
        """Take the mean and the standard deviation of the training images."""
        self.statistics.assign([mean, deviation])
