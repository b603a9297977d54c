"""Reporting the progress of long work, step by step."""

import sys
import time
from functools import partial

from reticnn.coercion import as_choice, check_takes_one
from reticnn.runtime.backend import keras

SECONDS_BETWEEN_CALLS = 0.1
_SECONDS_BEFORE_A_BAR = 2.0


def someone_is_watching():
    """Return whether a bar that redraws itself would be seen as one."""
    return sys.stdout.isatty() or "ipykernel" in sys.modules


def as_step_progress(progress):
    """Return a function to call with the number of steps when the work begins.

    It returns one to call with the number of steps that are done.

    Args:
        progress: `"bar"`, `"none"`, `"auto"`, or a function to call with a dict.
    """
    if callable(progress):
        check_takes_one(progress, "progress", "how far the work is")
        return partial(_Calls, progress)
    choice = as_choice(progress, "progress", ("auto", "bar", "none"))
    if choice == "none" or (choice == "auto" and not someone_is_watching()):
        return lambda steps: lambda step: None
    return partial(_Bar, _SECONDS_BEFORE_A_BAR if choice == "auto" else 0)


def reporting(items, report):
    """Yield items, and report after each how many are done."""
    for step, item in enumerate(items, 1):
        yield item
        report(step)


class _Calls:
    """Call a function with a dict of `step`, `steps` and `done`, not too often."""

    def __init__(self, report, steps):
        self._report = report
        self._steps = steps
        self._last_call = 0.0

    def __call__(self, step):
        now, done = time.monotonic(), step == self._steps
        if done or now - self._last_call >= SECONDS_BETWEEN_CALLS:
            self._last_call = now
            self._report({"step": step, "steps": self._steps, "done": done})


class _Bar:
    """Draw Keras's bar once the work has taken `wait` seconds."""

    def __init__(self, wait, steps):
        self._shown_from = time.monotonic() + wait
        self._bar = keras.utils.Progbar(steps, unit_name="batch")

    def __call__(self, step):
        if time.monotonic() >= self._shown_from:
            self._bar.update(step)
