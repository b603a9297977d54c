"""Find a learning rate by trying a range of them."""

import math
import warnings

import numpy as np

from reticnn.classifier import Classifier, as_model, unwrapped
from reticnn.coercion import as_float, as_int
from reticnn.data.image_data import as_image_data
from reticnn.graph import copy_of
from reticnn.optimizers.schedules import DECADES, Schedule
from reticnn.outputs import kind_of_classifier, output_kind
from reticnn.runtime.backend import keras
from reticnn.training.run import TrainingRun
from reticnn.training.settings import TrainingSettings

# Where the loss is this many times its lowest value, the rate is out of bounds.
_OUT_OF_HAND = 4
# A fall by less than this part of the loss is noise.
_CLEAR_FALL = 0.02
_SMOOTHING = 0.9


def find_learning_rate(
    model, data, *, batch_size=32, steps=100, max_rate=1.0, optimizer=None, seed=None
):
    """Find a good learning rate with the learning rate range test.

    A copy of the model is trained briefly with a learning rate that rises by the same
    factor at each step, from very low to very high, and the loss is recorded. A good
    rate is one at which the loss falls fast. The model itself is not changed.

    Args:
        model: Keras model, or a classifier.
        data: Image data with labels.
        batch_size: Whole number of images per step. Default 32.
        steps: Whole number of steps, at least 20; the data are used repeatedly if there
            are not enough. Default 100.
        max_rate: Float above 0, the highest learning rate; the lowest is ten million
            times lower. Default 1.
        optimizer: Name of a Keras optimizer, or None for `"adam"`. Default None.
        seed: Whole number of at least 0 that fixes the order of the images, or None for
            a new one each time. Default None.

    Returns:
        Dict: `learning_rate` and `loss`, lists of the rates and the smoothed losses
        with one value per step, up to where the loss diverges; and `suggestion`, the
        rate at which the loss falls fastest, or None if it does not fall.

    Raises:
        TypeError: If `model` is not a Keras model, or `data` not image data.
        ValueError: As in `fit_classifier`.

    Warns:
        UserWarning: If the loss does not fall, so that there is no suggestion.

    Example:
        >>> model = build_cnn(batch_norm=True)
        >>> rates = find_learning_rate(model, shape_images(300))
        >>> sorted(rates)
        ['learning_rate', 'loss', 'suggestion']

    Source:
        Smith (2017), Cyclical Learning Rates for Training Neural Networks,
        arXiv:1506.01186.
    """
    is_classifier = isinstance(model, Classifier)
    kind = kind_of_classifier(model) if is_classifier else None
    model = as_model(unwrapped(model))
    kind = kind or output_kind(model)
    data = as_image_data(data)
    steps = as_int(steps, "steps", minimum=20)
    max_rate = as_float(max_rate, "max_rate", above=0)
    copy = copy_of(model)
    settings = TrainingSettings(
        epochs=math.ceil(steps * as_int(batch_size, "batch_size") / max(1, len(data))),
        batch_size=batch_size,
        optimizer=optimizer,
    )
    run = TrainingRun(copy, data, None, settings, kind=kind, seed=seed)
    copy.optimizer.learning_rate = Schedule("exponential", max_rate, steps)
    recorder = StepLosses(steps)
    run.train(0, [recorder])
    losses = _smoothed(recorder.losses)
    rates = max_rate * 10.0 ** (DECADES * (np.arange(len(losses)) / steps - 1))
    return {
        "learning_rate": rates.tolist(),
        "loss": losses.tolist(),
        "suggestion": _suggestion(rates, losses),
    }


class StepLosses(keras.callbacks.Callback):
    """Keep the loss of each step, and stop after enough of them or too high a loss."""

    def __init__(self, steps):
        """Take the number of steps."""
        super().__init__()
        self.losses = []
        self._steps = steps

    def on_train_batch_end(self, batch, logs=None):
        """Take the loss of this step out of the mean over the epoch so far."""
        loss = float(logs["loss"])
        if batch == 0:
            self._mean = 0.0
        step_loss = loss * (batch + 1) - self._mean * batch
        self._mean = loss
        if math.isfinite(step_loss):
            self.losses.append(step_loss)
        enough = len(self.losses) >= self._steps
        if enough or not step_loss <= _OUT_OF_HAND * min(self.losses):
            self.model.stop_training = True
            # The loop over steps asks only at an epoch's end.
            raise _EnoughSteps


class _EnoughSteps(KeyboardInterrupt):
    """The range test has all it needs; training ends as by hand."""


def _smoothed(losses):
    """Return an exponential moving average, corrected for its start."""
    smoothed, average = [], 0.0
    for step, loss in enumerate(losses, start=1):
        average = _SMOOTHING * average + (1 - _SMOOTHING) * loss
        smoothed.append(average / (1 - _SMOOTHING**step))
    return np.array(smoothed)


def _suggestion(rates, losses):
    """Return the rate at which the loss falls fastest, or None if it does not fall."""
    # The first losses are noise that is not smoothed yet.
    start = len(losses) // 10
    falling = losses[start : start + np.argmin(losses[start:]) + 1]
    if falling[0] - falling[-1] < _CLEAR_FALL * falling[0]:
        warnings.warn(
            f"The loss did not fall in {len(losses)} steps, so there is no suggestion. "
            "Try more `steps`, or larger batches.",
            stacklevel=3,
        )
        return None
    return float(rates[start + np.argmin(np.gradient(falling))])
