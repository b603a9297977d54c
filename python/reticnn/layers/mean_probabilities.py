"""The mean of what several models say of the classes: the last layer of an ensemble."""

from reticnn.layers.scaling import Calibration
from reticnn.runtime.backend import keras


@keras.saving.register_keras_serializable("reticnn")
class MeanProbabilities(keras.layers.Layer):
    """Weighted mean of the class probabilities that follow from models' outputs.

    Input a list of tensors (batch, units), output (batch, classes).

    Args:
        members: List of dicts, one per tensor: `"kind"`, what it has, `"softmax"`,
            `"sigmoid"`, `"logits"`, `"distances"` or `"probabilities"`; `"order"`, for
            each class of the result its position among the model's own; `"j"`, for
            distances, the distance of the class of everything else, or else None.
        weights: Numbers above 0 that sum to 1, one per tensor.
        **options: Keras's `name` and `dtype`.
    """

    def __init__(self, members, weights, **options):
        """Keep what the tensors are."""
        super().__init__(**options)
        self.members = [dict(member) for member in members]
        self.member_weights = [float(weight) for weight in weights]

    @property
    def kind(self):
        """What the result is, as `output_kind` says it.

        It is not "softmax" where a model may take an image to be of none of the
        classes, so that the sum is less than 1.
        """
        kinds = {member["kind"] for member in self.members}
        is_open = not kinds.isdisjoint({"distances", "probabilities"})
        return "probabilities" if is_open else "softmax"

    def call(self, inputs):
        """Return the mean."""
        ops = keras.ops
        mean = 0.0
        for outputs, member, weight in zip(
            inputs, self.members, self.member_weights, strict=True
        ):
            chances = chances_of(member["kind"], outputs, member["j"])
            if member["order"] != list(range(len(member["order"]))):
                chances = ops.take(chances, member["order"], axis=1)
            mean = mean + weight * chances
        return mean

    def compute_output_shape(self, input_shape):
        """Return (batch, classes)."""
        return (input_shape[0][0], len(self.members[0]["order"]))

    def get_config(self):
        """Return what makes the layer again."""
        return {
            **super().get_config(),
            "members": self.members,
            "weights": self.member_weights,
        }


def mean_in(model):
    """Return the `MeanProbabilities` that an ensemble ends in, or None.

    Calibration may come after it, with what makes probabilities of its scores.
    """
    layers = [None, *getattr(model, "layers", ())]
    if isinstance(layers[-1], keras.layers.Activation) and (
        isinstance(layers[-2], Calibration)
    ):
        layers = layers[:-2]
    return layers[-1] if isinstance(layers[-1], MeanProbabilities) else None


def chances_of(kind, outputs, j=None):
    """Return the probabilities of the classes that follow from a model's outputs.

    Args:
        kind: What they are, as `MeanProbabilities` takes it.
        outputs: Keras tensor, (batch, units).
        j: For distances, that of the class of everything else. Default None.
    """
    return _CHANCES[kind](keras.ops.cast(outputs, "float32"), j)


def _of_probabilities(outputs, j):
    return outputs


def _of_sigmoid(outputs, j):
    return keras.ops.concatenate([1 - outputs, outputs], axis=1)


def _of_logits(outputs, j):
    if outputs.shape[1] == 1:
        outputs = keras.ops.concatenate([keras.ops.zeros_like(outputs), outputs], 1)
    return keras.ops.softmax(outputs, axis=1)


def _of_distances(outputs, j):
    ops = keras.ops
    # The class of everything else is as far from all images.
    others = ops.full_like(outputs[:, :1], j)
    return ops.softmax(-ops.concatenate([outputs, others], axis=1), axis=1)[:, :-1]


_CHANCES = {
    "softmax": _of_probabilities,
    "probabilities": _of_probabilities,
    "sigmoid": _of_sigmoid,
    "logits": _of_logits,
    "distances": _of_distances,
}
