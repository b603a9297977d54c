"""Telling how training goes on."""

import sys
import time

from reticnn.backend import device_name, keras
from reticnn.coercion import as_choice

_KERAS_VERBOSE = {"bar": 1, "epoch": 2}
_SECONDS_BETWEEN_CALLS = 0.1


def progress_reporters(progress, devices=()):
    """Return Keras's `verbose` value and the callbacks that `progress` asks for."""
    if callable(progress):
        return 0, [ProgressCallback(progress, device_name(devices))]
    choice = as_choice(progress, "progress", ("auto", *_KERAS_VERBOSE, "none"))
    if choice == "auto":
        choice = "bar" if _someone_is_watching() else "epoch"
    if choice == "none":
        return 0, []
    return _KERAS_VERBOSE[choice], [
        keras.callbacks.LambdaCallback(
            on_train_begin=lambda logs: print(f"Training on {device_name(devices)}")
        )
    ]


def _someone_is_watching():
    """Return whether a bar that redraws itself would be seen as one."""
    return sys.stdout.isatty() or "ipykernel" in sys.modules


def in_reading_order(metrics):
    """Return the metrics' names: the loss first, validation after training."""
    return sorted(
        metrics, key=lambda name: ("val_" in name, not name.endswith("loss"), name)
    )


class ProgressCallback(keras.callbacks.Callback):
    """Call a function with a dict of numbers at most ten times a second.

    The dict has `epoch` and `epochs`, `step` and `steps` counted from 1, the metrics
    so far, `device`, what is computed on, and `done`, true in the last call of an
    epoch, which is never left out.
    """

    def __init__(self, report, device):
        """Take the function to call, and what is computed on."""
        super().__init__()
        self._report = report
        self._device = device
        self._last_call = 0.0

    def on_epoch_begin(self, epoch, logs=None):
        """Note which epoch it is."""
        self._epoch = epoch + 1

    def on_train_batch_end(self, batch, logs=None):
        """Report a step, unless the last report is very fresh."""
        now = time.monotonic()
        if now - self._last_call >= _SECONDS_BETWEEN_CALLS:
            self._last_call = now
            self._call(batch + 1, logs, done=False)

    def on_epoch_end(self, epoch, logs=None):
        """Report the end of an epoch."""
        self._call(self.params["steps"], logs, done=True)

    def _call(self, step, logs, done):
        metrics = {name: float(logs[name]) for name in in_reading_order(logs)}
        place = {
            "epoch": self._epoch,
            "epochs": self.params["epochs"],
            "step": step,
            "steps": self.params["steps"],
            "done": done,
            "device": self._device,
        }
        self._report({**place, **metrics})
