"""The loss and the accuracy that suit a model's output."""

from reticnn.layers.rbf import MAPLoss, nearest_is_right
from reticnn.outputs.meaning import meaning_of
from reticnn.runtime.backend import keras


def loss_and_metric(model, kind, label_smoothing=0.0, soft_targets=False):
    """Return the loss and the accuracy that suit the output of `model`.

    The loss is the cross-entropy; for distances to prototypes, that of the classes and
    of everything else.

    Args:
        model: Keras model.
        kind: What its outputs are, as `output_kind` says it.
        label_smoothing: Float in [0, 1).
        soft_targets: Whether an image can be of two classes in part, as in MixUp.

    Returns:
        Tuple of a Keras loss and a Keras metric. With soft targets or smoothing, a
        model with one unit a class takes its targets one-hot.

    Raises:
        ValueError: If the model gives distances, and targets are soft or smoothed.
    """
    if kind == "distances":
        _check_hard_targets(label_smoothing, soft_targets)
        accuracy = keras.metrics.MeanMetricWrapper(nearest_is_right, "accuracy")
        return MAPLoss(meaning_of(model).operation.j), accuracy
    logits = kind == "logits"
    if model.output_shape[1] == 1:
        threshold = 0.0 if logits else 0.5
        accuracy = keras.metrics.BinaryAccuracy("accuracy", threshold=threshold)
        loss = keras.losses.BinaryCrossentropy(
            from_logits=logits, label_smoothing=label_smoothing
        )
        return loss, accuracy
    if soft_targets or label_smoothing > 0:
        return (
            keras.losses.CategoricalCrossentropy(
                from_logits=logits, label_smoothing=label_smoothing
            ),
            keras.metrics.CategoricalAccuracy("accuracy"),
        )
    return (
        keras.losses.SparseCategoricalCrossentropy(from_logits=logits),
        keras.metrics.SparseCategoricalAccuracy("accuracy"),
    )


@keras.saving.register_keras_serializable("reticnn")
def soft_binary_accuracy(y_true, y_pred, threshold):
    """Return whether the output names the class that an image is mostly of.

    Models that an older version trained on mixed images are saved with it.
    """
    ops = keras.ops
    mostly_second = ops.cast(y_true, y_pred.dtype) > 0.5
    return ops.cast(ops.equal(mostly_second, y_pred > threshold), "float32")


def _check_hard_targets(label_smoothing, soft_targets):
    if label_smoothing > 0 or soft_targets:
        name = "label_smoothing" if label_smoothing > 0 else "mixup` and `cutmix"
        raise ValueError(
            f"`{name}` must be 0 for a model that outputs distances to prototypes: its "
            "loss takes one class per image. Leave it out, or use the model's "
            "`variant='modern'`."
        )
