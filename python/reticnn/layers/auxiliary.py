"""Models with auxiliary classifiers on intermediate layers, used in training only."""

from reticnn.runtime.backend import keras
from reticnn.runtime.keras_internals import add_layer, calls_in, compiled_loss


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
        self._taps = taps
        # A function, not a model: its layers already belong to this model.
        self._tapped = keras.Function(self.inputs, [self.outputs[0], *taps])
        self._heads = heads
        add_layer(self, heads)
        self._auxiliary_weight = weight

    @property
    def has_auxiliary(self):
        """Whether it has auxiliary classifiers. One read from a file has none."""
        return hasattr(self, "_heads")

    def auxiliary_heads(self):
        """Return, for each auxiliary classifier, the tensor it starts from and a model.

        The models share their layers with what is trained, and are named after the
        last ones.
        """
        if not self.has_auxiliary:
            return []
        heads = self._heads
        ends = zip(heads.inputs, heads.outputs, heads.output_names, strict=True)
        models = [keras.Model(start, end, name=name) for start, end, name in ends]
        return list(zip(self._taps, models, strict=True))

    def let_auxiliary_follow_output(self):
        """Let the auxiliary classifiers be trained if the model's own output is."""
        if self.has_auxiliary:
            own = [layer for layer in self.layers if layer.weights]
            self._heads.trainable = own[-1].trainable

    def give_auxiliary(self, copy):
        """Give a copy of this model a copy of its auxiliary classifiers.

        Args:
            copy: `AuxiliaryModel` with layers of the same names.
        """
        if not self.has_auxiliary:
            return
        giving = {
            id(output): (call.layer.name, number)
            for call in calls_in(self)
            for number, output in enumerate(call.outputs)
        }
        taps = []
        for name, number in (giving[id(tap)] for tap in self._taps):
            taps.append(keras.tree.flatten(copy.get_layer(name).output)[number])
        heads = keras.models.clone_model(self._heads)
        copy.set_auxiliary(taps, heads, self._auxiliary_weight)

    def call(self, inputs, training=None, mask=None):
        """Return the model's output; while training, that of each head too."""
        if not training or not self.has_auxiliary:
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
        of_head = compiled_loss(self)
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
        return None if self.has_auxiliary else super().get_compile_config()

    def compile_from_config(self, config):
        """Compile the model, unless there is nothing to compile it from."""
        if config is not None:
            super().compile_from_config(config)
