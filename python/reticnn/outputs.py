"""What a model's output means: its kind, its loss, and the class probabilities."""

import numpy as np

from reticnn.backend import keras


def count_classes(model):
    """Return how many classes the output of `model` tells apart."""
    shape = model.output_shape
    if not isinstance(shape, tuple) or len(shape) != 2:
        raise ValueError(
            "`model` must have one output of the shape (batch, classes), not "
            f"{shape}. End it with `classifier_head()` or a Dense layer."
        )
    return max(2, shape[1])


def loss_and_metric(model, label_smoothing=0.0, soft_targets=False):
    """Return the cross-entropy and the accuracy that suit the output of `model`.

    Args:
        model: Keras model.
        label_smoothing: Float in [0, 1).
        soft_targets: Whether an image can be of two classes in part, as in MixUp.

    Returns:
        Tuple of a Keras loss and a Keras metric. With soft targets or smoothing, a
        model with one unit a class takes its targets one-hot.
    """
    logits = _output_activation(model) == "linear"
    if model.output_shape[1] == 1:
        threshold = 0.0 if logits else 0.5
        accuracy = (
            keras.metrics.MeanMetricWrapper(
                soft_binary_accuracy, "accuracy", threshold=threshold
            )
            if soft_targets
            else keras.metrics.BinaryAccuracy("accuracy", threshold=threshold)
        )
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
    """Return whether the output names the class that an image is mostly of."""
    ops = keras.ops
    mostly_second = ops.cast(y_true, y_pred.dtype) > 0.5
    return ops.cast(ops.equal(mostly_second, y_pred > threshold), "float32")


def probabilities(model, outputs):
    """Return the probability of each class, (n, classes), from outputs of `model`."""
    outputs = np.asarray(outputs, "float64")
    logits = _output_activation(model) == "linear"
    if outputs.shape[1] == 1:
        second = 1 / (1 + np.exp(-outputs)) if logits else outputs
        return np.concatenate([1 - second, second], axis=1)
    if not logits:
        return outputs
    powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _output_activation(model):
    """Return `"sigmoid"`, `"softmax"` or `"linear"`."""
    layer = model.layers[-1]
    if isinstance(layer, keras.Model):
        return _output_activation(layer)
    if isinstance(layer, keras.layers.Softmax):
        return "softmax"
    activation = getattr(getattr(layer, "activation", None), "__name__", "linear")
    wanted = "sigmoid" if model.output_shape[1] == 1 else "softmax"
    if activation not in (wanted, "linear"):
        raise ValueError(
            f"`model` must end in {wanted} or in no activation (logits), to give "
            f"probabilities of {count_classes(model)} classes, not in {activation!r}."
        )
    return activation
