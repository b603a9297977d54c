"""How the learning rate changes from step to step."""

import math

from reticnn.runtime.backend import keras

# One-cycle's first part, and how much lower it starts and ends: the values of Smith
# and Topin (2019), arXiv:1708.07120, as they are commonly used.
_RISE, _START, _END = 0.3, 25, 1e4

# How many tenfold steps the rise has with which a rate is looked for.
DECADES = 7


@keras.saving.register_keras_serializable("reticnn")
class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """Learning rate by step, counted from `first_step`.

    Args:
        kind: `"constant"`, `"cosine"`, `"one_cycle"`, `"step"`, `"exponential"`,
            `"polynomial"`, `"plateau"`, `"by_epoch"`, `"keras"`, or `"rise"`, from
            `rate` / 1e7 to `rate` for finding a rate.
        rate: The learning rate without warm-up and schedule.
        steps: Steps of the whole training.
        warmup_steps: Steps in which the rate rises from 0. What falls smoothly begins
            after them; what changes at an epoch counts from the first step.
        first_step: The optimizer's step at which training starts.
        settings: Dict of what the kind needs: `"at"`, the steps at which the rate is
            multiplied by `"factor"`; `"every"`, the steps in which it is; `"power"` and
            `"end_learning_rate"`; `"scale"`, what a plateau has made of the rate so
            far; `"rates"`, one per `"every"` steps; or `"schedule"`, Keras's.
    """

    def __init__(self, kind, rate, steps, warmup_steps=0, first_step=0, settings=None):
        """Keep the numbers."""
        super().__init__()
        self.kind = kind
        self.rate = rate
        self.steps = steps
        self.warmup_steps = warmup_steps
        self.first_step = first_step
        self.settings = dict(settings or {})

    def __call__(self, step):
        """Return the learning rate of a step, a tensor."""
        ops = keras.ops
        step = ops.cast(step, "float32") - self.first_step
        after = ops.maximum(step - self.warmup_steps, 0.0)
        warmup = ops.minimum(1.0, (step + 1) / (self.warmup_steps + 1))
        return warmup * _RATES[self.kind](self, step, after)

    @property
    def within(self):
        """The schedule of Keras's that this one follows, or None."""
        return self.settings.get("schedule")

    def progress(self, after):
        """Return how much is done of what comes after the warm-up, from 0 to 1."""
        return keras.ops.minimum(1.0, after / max(1, self.steps - self.warmup_steps))

    def rescaled(self, scale):
        """Return the schedule with another `"scale"`."""
        config = self.get_config()
        return Schedule(**{**config, "settings": {**self.settings, "scale": scale}})

    def get_config(self):
        """Return what makes the schedule again."""
        settings = dict(self.settings)
        if self.within is not None:
            settings["schedule"] = keras.saving.serialize_keras_object(self.within)
        return {
            "kind": self.kind,
            "rate": self.rate,
            "steps": self.steps,
            "warmup_steps": self.warmup_steps,
            "first_step": self.first_step,
            "settings": settings,
        }

    @classmethod
    def from_config(cls, config):
        """Return the schedule that `get_config()` describes."""
        settings = dict(config.get("settings") or {})
        if "schedule" in settings:
            settings["schedule"] = keras.saving.deserialize_keras_object(
                settings["schedule"]
            )
        return cls(**{**config, "settings": settings})


def _constant(schedule, step, after):
    return schedule.rate


def _half_cosine(schedule, step, after):
    return schedule.rate * _cosine(schedule.progress(after), 1.0, 0.0)


def _one_cycle(schedule, step, after):
    progress = schedule.progress(after)
    return schedule.rate * keras.ops.where(
        progress < _RISE,
        _cosine(progress / _RISE, 1 / _START, 1.0),
        _cosine((progress - _RISE) / (1 - _RISE), 1.0, 1 / _START / _END),
    )


def _step(schedule, step, after):
    every, at = schedule.settings.get("every"), schedule.settings.get("at")
    ops = keras.ops
    falls = (
        ops.floor(step / every)
        if every
        else sum(ops.cast(step >= edge, "float32") for edge in at)
    )
    return schedule.rate * schedule.settings["factor"] ** falls


def _exponential(schedule, step, after):
    settings = schedule.settings
    return schedule.rate * settings["factor"] ** (after / settings["every"])


def _polynomial(schedule, step, after):
    end = schedule.settings["end_learning_rate"]
    left = (1 - schedule.progress(after)) ** schedule.settings["power"]
    return (schedule.rate - end) * left + end


def _plateau(schedule, step, after):
    return schedule.rate * schedule.settings["scale"]


def _by_epoch(schedule, step, after):
    ops = keras.ops
    rates = schedule.settings["rates"]
    epoch = ops.cast(ops.floor(step / schedule.settings["every"]), "int32")
    return ops.take(
        ops.convert_to_tensor(rates, "float32"), ops.clip(epoch, 0, len(rates) - 1)
    )


def _of_keras(schedule, step, after):
    return schedule.within(after)


def _rise(schedule, step, after):
    return schedule.rate * 10.0 ** (DECADES * (schedule.progress(after) - 1))


_RATES = {
    "constant": _constant,
    "cosine": _half_cosine,
    "one_cycle": _one_cycle,
    "step": _step,
    "exponential": _exponential,
    "polynomial": _polynomial,
    "plateau": _plateau,
    "by_epoch": _by_epoch,
    "keras": _of_keras,
    "rise": _rise,
}


def _cosine(progress, start, end):
    """Return the way from `start` to `end` along half a cosine."""
    return end + (start - end) * (1 + keras.ops.cos(math.pi * progress)) / 2
