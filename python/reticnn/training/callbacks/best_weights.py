"""Keep what training has reached: the history, the best weights, and when to stop."""

import math
from functools import partial

from reticnn.notation import shown
from reticnn.runtime.backend import keras
from reticnn.training.callbacks.averaging import weights_to_keep
from reticnn.training.callbacks.epoch_progress import in_reading_order


class History(keras.callbacks.Callback):
    """Keep the metrics of each epoch."""

    def __init__(self, records=()):
        """Start from the epochs of an interrupted run."""
        super().__init__()
        self.records = list(records)

    def on_epoch_end(self, epoch, logs=None):
        """Keep the metrics of an epoch, unless it was cut off by a loss of NaN."""
        if not math.isfinite(logs["loss"]):
            return
        self.records.append(
            {name: float(logs[name]) for name in in_reading_order(logs)}
        )


class BestWeights(keras.callbacks.Callback):
    """Keep the weights that are best by a metric, and stop when it gets no better.

    Attributes:
        cost: The metric of the best weights, negated where higher is better.
        epoch: Its epoch, counted from 0; before the first one, the epoch before.
        weights: The weights then; before the first epoch, the initial ones.
        stopped: Why training stops early, or None.
    """

    def __init__(self, patience, monitor, min_delta=0.0, first_epoch=0, cost=math.inf):
        """Take what is waited for.

        Args:
            patience: Whole number of epochs to wait, or None.
            monitor: `Monitor`.
            min_delta: Float, by how much the metric has to be better. Default 0.
            first_epoch: Number of the first epoch. Default 0.
            cost: That of the first weights. Default infinite.
        """
        super().__init__()
        self.cost, self.epoch, self.weights = cost, first_epoch - 1, None
        self.stopped = None
        self._patience = patience
        self._monitor = monitor
        self._min_delta = min_delta
        self._current = 0

    def on_train_begin(self, logs=None):
        """Keep the initial weights, for training that goes wrong from the start."""
        if self.weights is None:
            self.weights = self.model.get_weights()

    def on_epoch_begin(self, epoch, logs=None):
        """Note which epoch it is."""
        self._current = epoch

    def on_train_batch_end(self, batch, logs=None):
        """Stop when the loss is NaN."""
        if not math.isfinite(_loss_in(logs, "train_step")):
            self.stopped = "nan"
            self.model.stop_training = True

    def on_test_end(self, logs=None):
        """Compare after validation, while averages of the weights are in the model."""
        loss = _loss_in(logs, "test_step")
        if self._monitor.of_validation:
            metrics = {**logs, "loss": loss}
            cost = self._monitor.cost(metrics, self._monitor.bare_name)
            self._compare(cost, self.model.get_weights)

    def on_epoch_end(self, epoch, logs=None):
        """Compare by what training gives, and count how long it is no better."""
        if not self._monitor.of_validation:
            cost = self._monitor.cost(logs)
            self._compare(cost, partial(weights_to_keep, self.model))
        if self._patience is not None and epoch - self.epoch >= self._patience:
            self.stopped = self.stopped or "early"
            self.model.stop_training = True

    def restore(self, model):
        """Put the best weights into the model."""
        model.set_weights(self.weights)

    def _compare(self, cost, weights):
        if self.stopped != "nan" and cost < self.cost - self._min_delta:
            # Ctrl-C while they are copied leaves all as it was.
            weights = weights()
            self.cost, self.epoch = cost, self._current
            self.weights = weights


def _loss_in(logs, method):
    """Return the loss among the metrics that a step gives."""
    if "loss" in logs:
        return logs["loss"]
    raise ValueError(
        f"`model` has its own `{method}()`, which returns {shown(list(logs))} and no "
        "'loss'. Return the loss with that name, as Keras does."
    )
