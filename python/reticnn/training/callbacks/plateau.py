"""A learning rate that falls when training gets no further."""

import math

from reticnn.runtime.backend import keras
from reticnn.runtime.keras_internals import rate_or_schedule


class Plateau(keras.callbacks.Callback):
    """Lower the learning rate as Keras's `ReduceLROnPlateau` does.

    All it knows it takes from the metrics of the epochs so far, so that a run that
    resumes has the rate of one that was never cut off.
    """

    def __init__(self, settings, monitor, records, warmup_epochs=0):
        """Take the settings, and what they are applied to.

        Args:
            settings: Dict of `factor`, `patience`, `min_delta`, `cooldown`, `min_lr`.
            monitor: `Monitor`.
            records: List of dicts, the metrics of each epoch, to which training adds.
            warmup_epochs: Whole number of epochs at the start that do not count.
        """
        super().__init__()
        self._settings = settings
        self._monitor = monitor
        self._records = records
        self._seen = warmup_epochs
        self._best = math.inf
        self._wait = 0
        self._cooldown = 0
        self._scale = 1.0

    def on_train_begin(self, logs=None):
        """Take what an interrupted run has reached."""
        self._follow()

    def on_epoch_end(self, epoch, logs=None):
        """Take the metrics of an epoch."""
        self._follow()

    def _follow(self):
        """Take all epochs that are new, and set the rate if it is another by now."""
        before = self._scale
        for record in self._records[self._seen :]:
            self._take(self._monitor.cost(record))
            self._seen += 1
        if self._scale != before:
            schedule = rate_or_schedule(self.model.optimizer)
            self.model.optimizer.learning_rate = schedule.rescaled(self._scale)
            # Keras has compiled the rate into the step.
            self.model.make_train_function(force=True)

    def _take(self, cost):
        settings = self._settings
        if self._cooldown:
            self._cooldown -= 1
            self._wait = 0
        if cost < self._best - settings["min_delta"]:
            self._best, self._wait = cost, 0
        elif not self._cooldown:
            self._wait += 1
            if self._wait >= settings["patience"]:
                self._lower()

    def _lower(self):
        settings = self._settings
        rate = rate_or_schedule(self.model.optimizer).rate
        lowest = settings["min_lr"] / rate
        self._scale = max(self._scale * settings["factor"], lowest)
        self._cooldown, self._wait = settings["cooldown"], 0
