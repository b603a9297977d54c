"""What a model's output means: its kind, its loss, and the class probabilities."""

import numpy as np

from reticnn.layers.rbf import (
    EuclideanRBF,
    MAPLoss,
    nearest_is_right,
    probabilities_from_distances,
)
from reticnn.runtime.backend import keras


def count_classes(model):
    """Return how many classes the output of `model` distinguishes."""
    shape = model.output_shape
    if not isinstance(shape, tuple) or len(shape) != 2:
        raise ValueError(
            "`model` must have one output of the shape (batch, classes), not "
            f"{shape}. End it with `classifier_head()` or a Dense layer."
        )
    return max(2, shape[1])


def loss_and_metric(model, label_smoothing=0.0, soft_targets=False):
    """Return the loss and the accuracy that suit the output of `model`.

    The loss is the cross-entropy; for distances to prototypes, that of the classes and
    of everything else.

    Args:
        model: Keras model.
        label_smoothing: Float in [0, 1).
        soft_targets: Whether an image can be of two classes in part, as in MixUp.

    Returns:
        Tuple of a Keras loss and a Keras metric. With soft targets or smoothing, a
        model with one unit a class takes its targets one-hot.

    Raises:
        ValueError: If the model gives distances, and targets are soft or smoothed.
    """
    layer = output_layer(model)
    if isinstance(layer, EuclideanRBF):
        _check_hard_targets(label_smoothing, soft_targets)
        accuracy = keras.metrics.MeanMetricWrapper(nearest_is_right, "accuracy")
        return MAPLoss(layer.j), accuracy
    logits = _output_activation(model) == "linear"
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


def probabilities(model, outputs):
    """Return the probability of each class, (n, classes), from outputs of `model`.

    They sum to 1, but for a model that gives distances to prototypes: there the rest is
    the probability that an image is of none of the classes.
    """
    outputs = np.asarray(outputs, "float64")
    layer = output_layer(model)
    if isinstance(layer, EuclideanRBF):
        return probabilities_from_distances(outputs, layer.j)
    logits = _output_activation(model) == "linear"
    if outputs.shape[1] == 1:
        second = 1 / (1 + np.exp(-outputs)) if logits else outputs
        return np.concatenate([1 - second, second], axis=1)
    if not logits:
        return outputs
    powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def slopes_of_drawn_classes(model, outputs, rng):
    """Return the derivative of the loss by each output, for classes drawn at random.

    The classes are drawn by the probabilities that the model itself gives. The slopes
    are then 0 on average, and their products the second derivatives of the loss.

    Args:
        model: Keras model.
        outputs: Array, its outputs for some images.
        rng: NumPy generator.

    Returns:
        float64 array of the shape of `outputs`.
    """
    chances = probabilities(model, outputs)
    draws = rng.random((len(chances), 1))
    # With distances it can be the class after the last one, none of them.
    codes = (chances.cumsum(axis=1) <= draws).sum(axis=1)
    count = chances.shape[1]
    drawn = np.eye(count + 1)[codes][:, :count]
    if isinstance(output_layer(model), EuclideanRBF):
        return drawn - chances
    if _output_activation(model) == "linear":
        slopes = chances - drawn
        return slopes[:, 1:] if model.output_shape[1] == 1 else slopes
    slopes = -np.divide(drawn, chances, out=np.zeros_like(drawn), where=drawn > 0)
    return slopes[:, 1:] - slopes[:, :1] if model.output_shape[1] == 1 else slopes


def output_layer(model):
    """Return the layer that gives the output of `model`, also in a nested model."""
    layer = model.layers[-1]
    return output_layer(layer) if isinstance(layer, keras.Model) else layer


def _check_hard_targets(label_smoothing, soft_targets):
    if label_smoothing > 0 or soft_targets:
        name = "label_smoothing" if label_smoothing > 0 else "mixup` and `cutmix"
        raise ValueError(
            f"`{name}` must be 0 for a model that gives distances to prototypes: its "
            "loss takes one class per image. Leave it out, or use the model's "
            "`variant='modern'`."
        )


def _output_activation(model):
    """Return `"sigmoid"`, `"softmax"` or `"linear"`."""
    layer = output_layer(model)
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


def takes_one_hot(model):
    """Return whether the compiled model's loss wants rows of 0 and 1, not codes."""
    loss = model.loss
    name = loss if isinstance(loss, str) else getattr(loss, "name", "")
    return name.startswith("categorical_")
