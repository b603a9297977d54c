"""Reporting the progress of training."""

import time

from reticnn.coercion import as_choice, check_takes_one
from reticnn.runtime.backend import device_name, keras
from reticnn.runtime.progress import SECONDS_BETWEEN_CALLS, someone_is_watching
from reticnn.runtime.stopping import check_heard

_KERAS_VERBOSE = {"bar": 1, "epoch": 2}


def as_progress(progress):
    """Return how to report progress: `"bar"`, `"epoch"`, `"none"` or a function."""
    if callable(progress):
        check_takes_one(progress, "progress", "how far the work is")
        return progress
    choice = as_choice(progress, "progress", ("auto", *_KERAS_VERBOSE, "none"))
    if choice == "auto":
        return "bar" if someone_is_watching() else "epoch"
    return choice


def progress_reporters(progress, devices=(), note=None):
    """Return Keras's `verbose` value and the callbacks that report progress.

    Args:
        progress: What `as_progress` returns.
        devices: Names of the devices that share the work, or none.
        note: What else to report before the first epoch, or None.
    """
    device = device_name(devices)
    if callable(progress):
        return 0, [ProgressCallback(progress, device, note)]
    if progress == "none":
        return 0, []
    opening = "\n".join(filter(None, [f"Training on {device}", note]))
    return _KERAS_VERBOSE[progress], [
        keras.callbacks.LambdaCallback(on_train_begin=lambda logs: print(opening))
    ]


def in_reading_order(metrics):
    """Return the metrics' names: the loss first, validation after training."""
    return sorted(
        metrics, key=lambda name: ("val_" in name, not name.endswith("loss"), name)
    )


class Position(keras.callbacks.Callback):
    """Know how far training has come."""

    def __init__(self):
        """Begin before the first epoch."""
        super().__init__()
        self._epoch = self._step = 0

    def __str__(self):
        """Say how far, in words."""
        if not self._epoch:
            return "before the first step"
        steps = f"{self._step} of {self.params['steps']} steps"
        return f"in epoch {self._epoch} of {self.params['epochs']}, after {steps}"

    def on_epoch_begin(self, epoch, logs=None):
        """Note which epoch it is."""
        self._epoch, self._step = epoch + 1, 0

    def on_train_batch_end(self, batch, logs=None):
        """Note how many steps of it are done."""
        self._step = batch + 1
        check_heard()

    def on_test_batch_end(self, batch, logs=None):
        """Go on with a validation only if nobody wants to stop."""
        check_heard()


class ProgressCallback(keras.callbacks.Callback):
    """Call a function with a dict of numbers, at most ten times per second.

    The dict has `epoch` and `epochs`, `step` and `steps` counted from 1, the metrics
    so far, `device`, what is computed on, `done`, true in the last call of an epoch,
    which is never left out, and `note` if there is one.
    """

    def __init__(self, report, device, note=None):
        """Take the function to call, what is computed on, and a note or None."""
        super().__init__()
        self._report = report
        self._device = device
        self._note = {} if note is None else {"note": note}
        self._last_call = 0.0

    def on_epoch_begin(self, epoch, logs=None):
        """Note which epoch it is."""
        self._epoch = epoch + 1

    def on_train_batch_end(self, batch, logs=None):
        """Report a step, unless the last report is very fresh."""
        now = time.monotonic()
        if now - self._last_call >= SECONDS_BETWEEN_CALLS:
            self._last_call = now
            self._call(batch + 1, logs, done=False)

    def on_epoch_end(self, epoch, logs=None):
        """Report the end of an epoch."""
        self._call(self.params["steps"], logs, done=True)

    def _call(self, step, logs, done):
        metrics = {name: float(logs[name]) for name in in_reading_order(logs)}
        state = {
            "epoch": self._epoch,
            "epochs": self.params["epochs"],
            "step": step,
            "steps": self.params["steps"],
            "done": done,
            "device": self._device,
            **self._note,
        }
        self._report({**state, **metrics})
