"""Models with auxiliary classifiers on intermediate layers, used in training only."""

from reticnn.runtime.backend import keras
from reticnn.runtime.keras_internals import add_layer


@keras.saving.register_keras_serializable("reticnn")
class AuxiliaryModel(keras.Model):
    """A functional model whose training has auxiliary classifiers.

    Their losses are added to the model's own, each with a weight. They are no part of
    the model that predicts: not of its layers, its summary, or its saved file.
    """

    def set_auxiliary(self, taps, heads, weight):
        """Add auxiliary classifiers.

        Args:
            taps: Keras tensors of this model that the classifiers start from.
            heads: Keras model from those tensors to the classifiers' outputs.
            weight: Float, the weight of each one's loss.
        """
        # A function, not a model: its layers already belong to this model.
        self._tapped = keras.Function(self.inputs, [self.outputs[0], *taps])
        self._heads = heads
        add_layer(self, heads)
        self._auxiliary_weight = weight

    def call(self, inputs, training=None, mask=None):
        """Return the model's output; while training, that of each head too."""
        if not training or not hasattr(self, "_heads"):
            return super().call(inputs, training=training, mask=mask)
        pixels = keras.ops.cast(inputs, self.compute_dtype)
        outputs, *taps = self._tapped([pixels])
        # A model with one output may give it without a list around it.
        heads = keras.tree.flatten(self._heads(taps, training=training))
        return [outputs, *heads]

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        """Return the loss, with that of the heads while training."""
        if not isinstance(y_pred, (list, tuple)):
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        outputs, *auxiliary = y_pred
        loss = super().compute_loss(x, y, outputs, sample_weight, training)
        of_head = _as_loss(keras.losses.get(self.loss))
        for head in auxiliary:
            loss = loss + self._auxiliary_weight * of_head(y, head, sample_weight)
        return loss

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """Return the metrics of the model's own output."""
        if isinstance(y_pred, (list, tuple)):
            y_pred = y_pred[0]
        return super().compute_metrics(x, y, y_pred, sample_weight)

    def get_compile_config(self):
        """Return None: the optimizer's state is that of the heads too."""
        return None if hasattr(self, "_heads") else super().get_compile_config()


def _as_loss(loss):
    """Return a Keras loss for one, or for the function that a loss's name gives."""
    if isinstance(loss, keras.losses.Loss):
        return loss
    wrapper = keras.losses.Loss()
    wrapper.call = loss
    return wrapper
