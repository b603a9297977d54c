"""How the learning rate changes during training."""

import math

from reticnn.runtime.backend import keras

SCHEDULES = ("constant", "cosine", "one_cycle")

# One-cycle's first part, and how much lower it starts and ends: the values of Smith
# and Topin (2019), arXiv:1708.07120, as they are commonly used.
_RISE, _START, _END = 0.3, 25, 1e4

# How many tenfold steps the exponential rise has.
DECADES = 7


@keras.saving.register_keras_serializable("reticnn")
class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """Learning rate by step, counted from `first_step`.

    Args:
        kind: One of `SCHEDULES`, or `"exponential"`, a rise from `rate` / 1e7 to `rate`
            for finding a rate.
        rate: Highest learning rate.
        steps: Steps of the whole training.
        warmup_steps: Steps in which the rate rises from 0, before the schedule begins.
        first_step: The optimizer's step at which training starts.
    """

    def __init__(self, kind, rate, steps, warmup_steps=0, first_step=0):
        """Keep the numbers."""
        super().__init__()
        self.kind = kind
        self.rate = rate
        self.steps = steps
        self.warmup_steps = warmup_steps
        self.first_step = first_step

    def __call__(self, step):
        """Return the learning rate of a step, a tensor."""
        ops = keras.ops
        step = ops.cast(step, "float32") - self.first_step
        left = max(1, self.steps - self.warmup_steps)
        progress = ops.clip((step - self.warmup_steps) / left, 0.0, 1.0)
        factor = {
            "constant": lambda: ops.ones_like(progress),
            "cosine": lambda: _cosine(progress, 1.0, 0.0),
            "one_cycle": lambda: ops.where(
                progress < _RISE,
                _cosine(progress / _RISE, 1 / _START, 1.0),
                _cosine((progress - _RISE) / (1 - _RISE), 1.0, 1 / _START / _END),
            ),
            "exponential": lambda: 10.0 ** (DECADES * (progress - 1)),
        }[self.kind]()
        warmup = ops.minimum(1.0, (step + 1) / (self.warmup_steps + 1))
        return self.rate * factor * warmup

    def get_config(self):
        """Return what makes the schedule again."""
        return {
            "kind": self.kind,
            "rate": self.rate,
            "steps": self.steps,
            "warmup_steps": self.warmup_steps,
            "first_step": self.first_step,
        }


def _cosine(progress, start, end):
    """Return the way from `start` to `end` along half a cosine."""
    return end + (start - end) * (1 + keras.ops.cos(math.pi * progress)) / 2
