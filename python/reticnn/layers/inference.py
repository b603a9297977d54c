"""A nested model that runs in inference mode, even while it is trained."""

from reticnn.runtime.backend import keras


@keras.saving.register_keras_serializable("reticnn")
class InferenceModel(keras.Model):
    """A functional model whose layers never run as in training.

    Its weights can be trained, but batch normalisation uses the means and variances
    that it has, and nothing is dropped. Calling a model with `training=False` does not
    do that: Keras puts the outer model's `training` in its place.
    """

    def call(self, inputs, training=None, mask=None, **arguments):
        """Compute the outputs, whatever `training` is."""
        return super().call(inputs, training=False, mask=mask, **arguments)
