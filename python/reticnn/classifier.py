"""A trained model together with the names of its classes."""

import math

from reticnn.coercion import shown
from reticnn.runtime.backend import check_process, keras
from reticnn.runtime.keras_internals import name_modules


class Classifier:
    """A model with what is needed to use it: class names, image shape, history.

    Made by `fit_classifier` and `load_classifier`.

    Attributes:
        model: The `keras.Model`.
        class_names: List of the classes, in the order of the model's outputs.
        history: Dict of lists, one value per epoch: `"epoch"`, `"loss"`, `"accuracy"`,
            and with validation data `"val_loss"` and `"val_accuracy"`; after training
            in stages also `"stage"`.
        stopped: `"interrupted"`, `"early"` or `"nan"` if training ended before its
            last epoch, else None.
        kept_epoch: The epoch whose weights the model has, counted from 1: the last, or
            the one with the lowest loss if training keeps that. 0 before the first.
        resize: `"stretch"`, `"crop"` or `"pad"`, how the training images were resized
            to the model's size, or None if they had it.
        augmentation: The policy used in training, or None.
        trained_with: Dict of the numbers of `"images"` and `"validation_images"`, the
            `"batch_size"`, the (highest) `"learning_rate"` and the `"seed"` of the last
            training, or of its last stage; None if that is not known.
        output: What the model's outputs are: `"softmax"`, the probability of each
            class; `"sigmoid"`, that of the second of two; `"logits"`, scores before
            softmax or sigmoid; or `"distances"` to prototypes.
    """

    __module__ = "reticnn"

    def __init__(
        self,
        model,
        class_names,
        history,
        stopped=None,
        *,
        kept_epoch=None,
        resize=None,
        augmentation=None,
        trained_with=None,
        output=None,
    ):
        """Put a model together with its class names and training history."""
        self.model = model
        self.class_names = class_names
        self.history = history
        self.stopped = stopped
        self.kept_epoch = self.epochs if kept_epoch is None else kept_epoch
        self.resize = resize
        self.augmentation = augmentation
        self.trained_with = trained_with
        self.output = output

    @property
    def image_shape(self):
        """(height, width, channels) that the model takes."""
        return self.model.input_shape[1:]

    @property
    def epochs(self):
        """Number of epochs trained."""
        return len(self.history["epoch"])

    def _kept_metrics(self):
        """Return the metrics of the kept epoch, but for those it does not have."""
        if not self.kept_epoch:
            return {}
        metrics = {
            name: values[self.kept_epoch - 1]
            for name, values in self.history.items()
            if name not in ("epoch", "stage")
        }
        return {name: value for name, value in metrics.items() if not math.isnan(value)}

    def __repr__(self):
        """Describe the classifier in a few lines."""
        size = " x ".join(str(side or "any") for side in self.image_shape)
        names = f"{len(self.class_names)} classes: {', '.join(self.class_names)}"
        metrics = "".join(
            f", {name} {value:.3f}" for name, value in self._kept_metrics().items()
        )
        kept = self.kept_epoch != self.epochs
        weights = f", weights of epoch {self.kept_epoch}" if kept else ""
        stopped = f" (stopped: {self.stopped})" if self.stopped else ""
        trained = f"{self.epochs} epoch{'' if self.epochs == 1 else 's'}"
        resized = f", resized by {self.resize}" if self.resize else ""
        return (
            f"<Classifier> {self.model.name}, {names}\n"
            f"input    {size}, values 0 to 255{resized}\n"
            f"trained  {trained}{stopped}{weights}{metrics}"
        )


def unwrapped(value):
    """Return the Keras model of a classifier, and anything else as it is."""
    return value.model if isinstance(value, Classifier) else value


def as_classifier(value, name="classifier"):
    """Return `value` if it is a classifier."""
    check_process()
    if isinstance(value, Classifier):
        return value
    raise TypeError(
        f"`{name}` must be a classifier, not {shown(value)}. Make it with "
        "`fit_classifier()` or `load_classifier()`."
    )


def as_model(value, name="model"):
    """Return `value` if it is a built Keras model with one image input."""
    check_process()
    if not isinstance(value, keras.Model):
        raise TypeError(
            f"`{name}` must be a Keras model, not {shown(value)}. Make it with "
            "`build_cnn()` or `keras.Model(inputs, outputs)`."
        )
    name_modules(value)
    shape = getattr(value, "input_shape", None) if value.built else None
    if not isinstance(shape, tuple) or len(shape) != 4:
        raise ValueError(
            f"`{name}` must take images (batch, height, width, channels), not "
            f"{shown(shape)}. Start it with `keras.Input((height, width, channels))`."
        )
    return value
