"""What a user wants of the learning rate over a training, checked."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from reticnn.coercion import (
    as_choice,
    as_float,
    as_floats,
    as_int,
    as_ints,
    check_takes_one,
    nearest,
)
from reticnn.notation import in_words, shown
from reticnn.optimizers import Schedule
from reticnn.runtime.backend import keras
from reticnn.runtime.conditions import warn_user

# Settings of each kind with their defaults. The falls by a half and three quarters are
# those of ResNet and DenseNet on CIFAR, the exponential ones Inception v3's, those on a
# plateau Keras's `ReduceLROnPlateau`.
KINDS = {
    "constant": {},
    "cosine": {},
    "one_cycle": {},
    "step": {"at": None, "every": None, "factor": 0.1},
    "exponential": {"factor": 0.94, "every": 2},
    "polynomial": {"power": 1.0, "end_learning_rate": 0.0},
    "plateau": {
        "factor": 0.1,
        "patience": 10,
        "min_delta": 1e-4,
        "cooldown": 0,
        "min_lr": 0.0,
    },
}
_HALF_AND_THREE_QUARTERS = (0.5, 0.75)
_FUNCTION, _OF_KERAS = "function", "keras"

# In how many parts a run is divided to find the highest rate of a schedule of Keras's.
_ASKED = 100

# Steps at which two schedules that look the same are asked whether they are.
_STEPS_ASKED = (0, *(2**power for power in range(18)))

# Epochs of these are numbered, whatever the number of all, so that more can follow.
_GO_ON = ("constant", "exponential", "plateau")


@dataclass(frozen=True)
class ScheduleSettings:
    """A kind of schedule with its settings.

    Attributes:
        kind: One of `KINDS`, `"function"` or `"keras"`.
        settings: Dict of plain values by name; of a function, the rate of each epoch.
        source: The function, or Keras's schedule, or None.
    """

    kind: str
    settings: dict = field(default_factory=dict)
    source: Any = None

    def __str__(self):
        """Return a text that differs where schedules do."""
        if not self.settings and self.kind != _OF_KERAS:
            return self.kind
        config = self.to_config()
        if self.kind == _OF_KERAS:
            config.update(_beside(self.source, config))
        return json.dumps(config, sort_keys=True, default=str)

    def to_config(self):
        """Return the schedule as data: the kind and its settings in a dict."""
        return {"kind": self.kind, **self.settings}

    @property
    def gives_rates(self):
        """Whether it has the learning rates themselves, and not a change of one."""
        return self.source is not None

    @property
    def can_go_on(self):
        """Whether more epochs only add to those before, which are as they were."""
        at = self.settings.get("at", ())
        return self.kind in _GO_ON or (self.kind == "step" and not _are_parts(at))

    @property
    def changes_nothing(self):
        """Whether the rate stays as it is, but for a warm-up."""
        return self.kind == "constant"

    def for_epochs(self, epochs):
        """Return the schedule of a run of so many epochs."""
        if self.kind != _FUNCTION:
            return self
        rates = [_rate_of(self.source, epoch) for epoch in range(1, epochs + 1)]
        return replace(self, settings={"rates": rates})

    def check_fits(self, rate, epochs, warmup_epochs):
        """Raise if it cannot change the learning rate, and warn if it will not."""
        if not rate > 0:
            raise ValueError(
                f"`schedule` has the learning rate {shown(rate)} at its highest, with "
                "which nothing is learned. Use higher ones."
            )
        for name in ("end_learning_rate", "min_lr"):
            end = self.settings.get(name, 0.0)
            if self.kind in KINDS and end >= rate:
                raise ValueError(
                    f"`schedule` has the `{name}` {shown(end)}, and the learning rate "
                    f"is {shown(rate)}. Use a lower `{name}`, or a higher "
                    "`learning_rate`."
                )
        if 0 < warmup_epochs >= epochs:
            warn_user(
                f"`warmup_epochs` is {warmup_epochs}, and `epochs` {epochs}: the "
                f"learning rate rises to the end, and does not reach {shown(rate)}. "
                "Use fewer `warmup_epochs`, or more `epochs`."
            )
        if self.kind == "step":
            first = self.settings.get("every") or self.settings["at"][0]
            if first >= epochs:
                warn_user(
                    "`schedule` first changes the learning rate after epoch "
                    f"{first:g}, and there are {epochs}: it stays as it is. Parts such "
                    "as `at=[0.5]` go with any number of epochs."
                )
        if self.kind == "plateau":
            # The first epoch that counts is better than none.
            first = warmup_epochs + 1 + self.settings["patience"]
            if first >= epochs:
                warn_user(
                    "`schedule` lowers the learning rate after epoch "
                    f"{first} at the earliest, and there are {epochs}: it stays as it "
                    "is. Use a lower `patience`, or more `epochs`."
                )

    def highest_rate(self, steps):
        """Return the highest rate of its own in a run of so many steps.

        Keras's schedules, which may rise from 0, are asked at some of them.
        """
        if self.kind == _FUNCTION:
            return max(self.settings["rates"])
        asked = {round(n * (steps - 1) / _ASKED) for n in range(_ASKED + 1)}
        rates = [keras.ops.convert_to_numpy(self.source(step)) for step in asked]
        return max(map(float, rates))

    def by_step(self, rate, steps_per_epoch, epochs, warmup_epochs, first_step):
        """Return the Keras schedule for a run.

        Args:
            rate: Learning rate.
            steps_per_epoch: Whole number.
            epochs: Whole number, those of the run.
            warmup_epochs: Whole number, those of the warm-up.
            first_step: The optimizer's step at which the run begins.
        """
        kind, settings = self.kind, dict(self.settings)
        steps = steps_per_epoch * epochs
        if "at" in settings:
            settings["at"] = [
                _first_step_after(part, steps_per_epoch, steps)
                for part in settings["at"]
            ]
        elif "every" in settings:
            settings["every"] = settings["every"] * steps_per_epoch
        if kind == "plateau":
            settings = {"scale": 1.0}
        elif kind == _FUNCTION:
            kind, settings["every"] = "by_epoch", steps_per_epoch
        elif kind == _OF_KERAS:
            settings = {"schedule": self.source}
        warmup_steps = steps_per_epoch * warmup_epochs
        return Schedule(kind, rate, steps, warmup_steps, first_step, settings)


def as_schedule(value, name="schedule"):
    """Return `ScheduleSettings` for what a user gives.

    Args:
        value: Name of a kind, dict of a kind and its settings, function of the epoch,
            Keras's schedule, or `ScheduleSettings`.
        name: The argument that it came as, for messages.
    """
    if isinstance(value, ScheduleSettings):
        return value
    if isinstance(value, str):
        as_choice(value, name, tuple(KINDS))
        return _checked(value, {}, name)
    if isinstance(value, Mapping):
        return _from_dict(dict(value), name)
    if isinstance(value, keras.optimizers.schedules.LearningRateSchedule):
        return ScheduleSettings(_OF_KERAS, _described(value, name), value)
    if callable(value) and not isinstance(value, type):
        check_takes_one(value, name, "the number of an epoch")
        return ScheduleSettings(_FUNCTION, source=value)
    raise TypeError(
        f"`{name}` must be one of {shown(list(KINDS))}, a "
        f"{in_words('dict', 'named list')} such as `{_EXAMPLE}`, a function of the "
        f"epoch or a schedule of Keras's, not {shown(value)}."
    )


_EXAMPLE = "{'kind': 'step', 'at': [30, 60]}"


def described(config):
    """Return in words a schedule that is given as data, as `to_config()` makes it.

    It is None where the rate stays as it is.
    """
    settings = {name: value for name, value in config.items() if name != "kind"}
    if config["kind"] == "constant":
        return None
    if config["kind"] == _FUNCTION:
        return "a function of the epoch"
    kind = settings.pop("class", config["kind"])
    return ", ".join(
        [_text(kind), *(f"{name} {_text(v)}" for name, v in settings.items())]
    )


def are_settings(config):
    """Return whether a value could be a schedule as data, read from a file."""
    return (
        isinstance(config, dict)
        and isinstance(config.get("kind"), str)
        and config["kind"] in (*KINDS, _FUNCTION, _OF_KERAS)
        and all(map(_is_plain_name, config))
        and all(map(_is_plain, config.values()))
    )


def _from_dict(given, name):
    if "kind" not in given:
        raise ValueError(
            f"`{name}` is {shown(given)}, without a `kind`. Give one of "
            f"{shown(list(KINDS))}, as in `{_EXAMPLE}`."
        )
    with _saying(name):
        kind = as_choice(given.pop("kind"), "kind", tuple(KINDS))
    known = KINDS[kind]
    for setting in given:
        if setting not in known:
            has = f"which has {shown(list(known))}" if known else "which has none"
            raise ValueError(
                f"`{name}` has the setting {shown(setting)}, but its kind is "
                f"{shown(kind)}, {has}.{nearest(setting, known)}"
            )
    return _checked(kind, given, name)


def _checked(kind, given, name):
    """Return a kind with its settings, checked, the defaults in place of None."""
    given = {setting: value for setting, value in given.items() if value is not None}
    settings = {**KINDS[kind], **given}
    with _saying(name):
        if kind == "step":
            settings = _falls(settings)
        for setting, check in _CHECKS.items():
            if setting in settings:
                settings[setting] = check(settings[setting], setting)
    return ScheduleSettings(kind, settings)


@contextmanager
def _saying(name):
    """Say in errors from inside the block which argument they are about."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise type(error)(f"`{name}`: {error}") from error


def _falls(settings):
    """Return when the rate falls: at some epochs, or every few."""
    at, every = settings.pop("at"), settings.pop("every")
    if at is not None and every is not None:
        raise ValueError(
            f"there are both `at`, {shown(at)}, and `every`, {shown(every)}. Use `at` "
            "for some epochs, or `every` for a fall after each so many."
        )
    if every is not None:
        return {"every": as_int(every, "every"), **settings}
    at = _HALF_AND_THREE_QUARTERS if at is None else at
    return {"at": _places(at), **settings}


def _places(value):
    """Return numbers of epochs, or parts of all, as a rising list."""
    numbers = as_floats(value, "at", above=0)
    if not _are_parts(numbers):
        if any(number < 1 for number in numbers):
            raise ValueError(
                f"`at` is {shown(list(numbers))}, with epochs and, below 1, parts of "
                "all epochs. Use one kind of numbers."
            )
        numbers = as_ints(value, "at")
    if list(numbers) != sorted(set(numbers)):
        raise ValueError(
            f"`at` is {shown(list(numbers))}. Give each number once, the lowest first."
        )
    return list(numbers)


def _are_parts(numbers):
    return all(number < 1 for number in numbers)


def _first_step_after(at, steps_per_epoch, steps):
    """Return the first step after some epochs, or after a part of all steps."""
    # Products such as 0.1 x 30 lie a little beside the whole number.
    return math.ceil(at * steps - 1e-6) if at < 1 else at * steps_per_epoch


def _rate_of(function, epoch):
    """Return the learning rate that a user's function has for an epoch."""
    rate = function(epoch)
    try:
        return as_float(rate, "schedule", minimum=0)
    except (TypeError, ValueError):
        raise ValueError(
            f"`schedule` is a function that returns {shown(rate)} for epoch {epoch}. "
            "It must return the learning rate, a number of at least 0."
        ) from None


def _described(schedule, name):
    """Return a schedule of Keras's as data, as far as it is plain.

    Raises:
        ValueError: If its class does not say how it is made.
    """
    try:
        config = schedule.get_config()
    except Exception as error:  # A class of the user's own, whatever it raises.
        raise ValueError(
            f"`{name}` is a {type(schedule).__name__} that does not say how it is made "
            f"({error}), which saved files and checkpoints need. Give its class a "
            "`get_config()` with all its settings."
        ) from error
    return {
        "class": type(schedule).__name__,
        **{
            key: list(value) if isinstance(value, tuple) else value
            for key, value in config.items()
            if key not in ("name", "kind", "class") and _is_plain(value)
        },
    }


def _beside(schedule, known):
    """Return a short text for what is not plain in a schedule of Keras's, if any is.

    What it is made of may be within other schedules or functions, so that it stands for
    some of its rates as well.
    """
    config = {
        key: value
        for key, value in schedule.get_config().items()
        if key != "name" and (key not in known or key in ("kind", "class"))
    }
    if not config:
        return {}
    rates = [schedule(step) for step in _STEPS_ASKED]
    rates = [f"{float(keras.ops.convert_to_numpy(rate)):.6g}" for rate in rates]
    text = json.dumps([_saved(config), rates], sort_keys=True)
    return {"beside": hashlib.sha256(text.encode()).hexdigest()[:12]}


def _saved(value):
    """Return what Keras saves of a value, or its class if Keras cannot save it."""
    if isinstance(value, dict):
        return {key: _saved(part) for key, part in value.items()}
    try:
        return json.dumps(keras.saving.serialize_keras_object(value), sort_keys=True)
    except Exception:  # A class of the user's own, whatever it raises.
        return type(value).__name__


def _is_plain_name(name):
    return isinstance(name, str) and name.isidentifier() and len(name) < 100


def _is_plain(value):
    """Return whether a value is a number, a flag, a word, or a few of them."""
    if isinstance(value, (list, tuple)):
        return all(not isinstance(v, (list, tuple)) and _is_plain(v) for v in value)
    if isinstance(value, str):
        return _is_plain_name(value)
    return isinstance(value, bool) or (
        isinstance(value, (int, float)) and abs(value) < 1e300  # Not NaN either.
    )


def _text(value):
    if isinstance(value, Sequence) and not isinstance(value, str):
        return " and ".join(map(_text, value))
    return str(value) if isinstance(value, (str, bool)) else f"{value:g}"


def _factor(value, name):
    return as_float(value, name, above=0, below=1)


def _from_zero(value, name):
    return as_float(value, name, minimum=0)


def _count_from_zero(value, name):
    return as_int(value, name, minimum=0)


def _above_zero(value, name):
    return as_float(value, name, above=0)


_CHECKS = {
    "factor": _factor,
    "every": _above_zero,
    "power": _above_zero,
    "end_learning_rate": _from_zero,
    "patience": as_int,
    "min_delta": _from_zero,
    "cooldown": _count_from_zero,
    "min_lr": _from_zero,
}
