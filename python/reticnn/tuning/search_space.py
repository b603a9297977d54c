"""The space that settings are searched in: ranges, choices, conditions."""

import hashlib
import json
import math
import numbers
from collections.abc import Mapping

import numpy as np

from reticnn.augmenting.policy import Policy
from reticnn.coercion import as_float, as_int, as_string, nearest, shown
from reticnn.notation import in_words

# Grids are written out; nobody waits for the end of a longer one.
_MOST_OF_A_GRID = 100_000


def log_range(low, high, *, when=None):
    """Numbers between two limits, on a logarithmic scale: learning rates, penalties.

    Args:
        low: Float above 0, the lowest value.
        high: Float above `low`, the highest value.
        when: Dict of the value, or list of values, that another setting must have for
            this one to matter, such as `{"optimizer": "sgd"}`. Otherwise the setting is
            left out. None for always. Default None.

    Returns:
        `SettingRange`, for `space` of `tune_classifier`.

    Raises:
        ValueError: If the limits are not in this order, or `low` is not above 0.

    Example:
        >>> log_range(1e-4, 1e-2)
        log_range(0.0001, 0.01)
    """
    return SettingRange("log_range", *_limits(low, high, above=0), when)


def real_range(low, high, *, when=None):
    """Numbers between two limits, all equally likely: dropout rates, angles.

    Args:
        low: Float, the lowest value.
        high: Float above `low`, the highest value.
        when: As in `log_range`. Default None.

    Returns:
        `SettingRange`, for `space` of `tune_classifier`.

    Raises:
        ValueError: If the limits are not in this order.

    Example:
        >>> real_range(0, 0.6)
        real_range(0, 0.6)
    """
    return SettingRange("real_range", *_limits(low, high), when)


def whole_range(low, high, *, when=None):
    """Whole numbers in a range, both ends included: blocks, layers.

    Args:
        low: Whole number, the lowest value.
        high: Whole number above `low`, the highest value.
        when: As in `log_range`. Default None.

    Returns:
        `SettingRange`, for `space` of `tune_classifier`. Functions are given whole
        numbers, in R integers.

    Raises:
        ValueError: If the limits are not in this order, or not whole.

    Example:
        >>> whole_range(1, 4)
        whole_range(1, 4)
    """
    low = as_int(low, "low", minimum=None)
    high = as_int(high, "high", minimum=None)
    _check_limits(low, high)
    return SettingRange("whole_range", low, high, when)


def choice_of(values, *, when=None):
    """Choices that are tried as they are, and may depend on other settings.

    Without `when`, a plain list does the same, in R a vector.

    Args:
        values: List of texts, numbers, truth values, None, lists of these, or
            augmentation policies. Or a dict, whose names stand for its values in tables
            and conditions: this allows values of any kind.
        when: As in `log_range`. Default None.

    Returns:
        `SettingChoices`, for `space` of `tune_classifier`.

    Raises:
        ValueError: If there are no values, or two are the same.

    Example:
        >>> choice_of([0.5, 0.9, 0.99], when={"optimizer": "sgd"})
        choice_of([0.5, 0.9, 0.99], when={'optimizer': 'sgd'})
    """
    return SettingChoices(values, when)


class Setting:
    """What a setting may be, and when it matters."""

    __module__ = "reticnn"

    def __init__(self, when):
        """Take a dict of values of other settings, or None."""
        if when is not None and not (isinstance(when, Mapping) and when):
            raise TypeError(
                f"`when` must be {_dict()} of other settings and what they have to be, "
                f"such as `{{'optimizer': 'sgd'}}`, not {shown(when)}."
            )
        self.when = {
            as_string(name, "when"): [label_of(value) for value in _listed(wanted)]
            for name, wanted in (when or {}).items()
        }

    def __repr__(self):
        """Return the call that made it."""
        return self._with_condition(self._call())

    def _with_condition(self, call):
        when = ""
        if self.when:
            plain = {
                name: wanted[0] if len(wanted) == 1 else wanted
                for name, wanted in self.when.items()
            }
            when = f", when={plain!r}"
        return f"{call}{when})"

    def config(self, text_of):
        """Return a text that differs where it may be something else.

        Args:
            text_of: Function of a value that returns a text.
        """
        return repr(self)

    def matters(self, labels):
        """Return whether it does with other settings, a dict of labels."""
        return all(
            name in labels and labels[name] in wanted
            for name, wanted in self.when.items()
        )


class SettingRange(Setting):
    """A range of numbers."""

    __module__ = "reticnn"

    def __init__(self, kind, low, high, when):
        """Take the name of the function that made it, and checked limits."""
        super().__init__(when)
        self.kind, self.low, self.high = kind, low, high

    def _call(self):
        return f"{self.kind}({label_of(self.low)!r}, {label_of(self.high)!r}"

    def labels(self, name):
        """Return all values, for a grid."""
        if self.kind != "whole_range":
            raise ValueError(
                f"`space` has `{self!r}` for '{name}', and a grid needs values one by "
                "one. Give a list of them, or use another `sampler`."
            )
        return range(self.low, self.high + 1)

    def distribution(self, optuna):
        """Return Optuna's word for it."""
        if self.kind == "whole_range":
            return optuna.distributions.IntDistribution(self.low, self.high)
        log = self.kind == "log_range"
        return optuna.distributions.FloatDistribution(self.low, self.high, log=log)

    def suggested(self, trial, name):
        """Return what Optuna chooses for a trial."""
        if self.kind == "whole_range":
            return trial.suggest_int(name, self.low, self.high)
        log = self.kind == "log_range"
        return trial.suggest_float(name, self.low, self.high, log=log)

    def place(self, label):
        """Return where a value is between the limits, from 0 to 1."""
        scale = math.log if self.kind == "log_range" else float
        low, high = scale(self.low), scale(self.high)
        return (scale(label) - low) / (high - low)

    def marks(self):
        """Return values to mark on an axis."""
        if self.kind == "log_range":
            return [self.low, math.sqrt(self.low * self.high), self.high]
        middle = (self.low + self.high) / 2
        if self.kind == "whole_range":
            middle = math.floor(middle)
        return sorted({self.low, middle, self.high})

    def value(self, label):
        """Return what functions are given."""
        return label


class SettingChoices(Setting):
    """Values to choose from, by the labels that stand for them."""

    __module__ = "reticnn"

    def __init__(self, values, when=None):
        """Take a list of values or a dict of them by label."""
        super().__init__(when)
        self._are_named = isinstance(values, Mapping)
        if self._are_named:
            self._values = {as_string(name, "values"): v for name, v in values.items()}
        else:
            self._values = {}
            for value in _listed(values):
                label = label_of(value)
                # Also 1 and True, which nothing tells apart afterwards.
                if label in self._values:
                    raise ValueError(
                        f"`values` has {shown(label)} twice. Give each value once."
                    )
                self._values[label] = _with_whole_numbers(value)
        if not self._values:
            raise ValueError("`values` is empty. Give at least one value.")

    def _call(self):
        return f"choice_of({self.labels()!r}"

    def config(self, text_of):
        """Return a text that differs where the choices do, whatever they are called."""
        if not self._are_named:
            return repr(self)
        told = {name: _told(value, text_of) for name, value in self._values.items()}
        return self._with_condition(f"choice_of({told!r}")

    def labels(self, name=None):
        """Return all labels, for a grid."""
        return list(self._values)

    def distribution(self, optuna):
        """Return Optuna's word for it."""
        return optuna.distributions.CategoricalDistribution(self.labels())

    def suggested(self, trial, name):
        """Return what Optuna chooses for a trial."""
        return trial.suggest_categorical(name, self.labels())

    def place(self, label):
        """Return where a label is among all, from 0 to 1."""
        labels = self.labels()
        return labels.index(label) / (len(labels) - 1) if len(labels) > 1 else 0.5

    def marks(self):
        """Return values to mark on an axis."""
        return self.labels()

    def value(self, label):
        """Return what functions are given."""
        return self._values[label]


class SearchSpace:
    """Settings by name, in an order in which conditions come after what they ask for.

    Attributes:
        settings: Dict of `Setting` by name.
    """

    def __init__(self, space):
        """Check a dict of ranges and choices."""
        if not isinstance(space, Mapping) or not space:
            raise TypeError(
                f"`space` must be {_dict()} of settings and what they may be, such as "
                f"`{{'filters': [16, 32]}}`, not {shown(space)}."
            )
        given = {
            as_string(name, "space"): _setting(v, name) for name, v in space.items()
        }
        self.settings = _ordered(given)
        for name, setting in given.items():
            for other, wanted in setting.when.items():
                _check_condition(name, other, wanted, given)

    def config(self, text_of):
        """Return what is written down of each setting: texts by name.

        Args:
            text_of: Function of a value that returns a text.
        """
        return {name: one.config(text_of) for name, one in self.settings.items()}

    def suggested(self, suggest):
        """Return the labels of those settings that matter, by name.

        Args:
            suggest: Function of a name and a setting that returns a label.
        """
        labels = {}
        for name, setting in self.settings.items():
            if setting.matters(labels):
                labels[name] = suggest(name, setting)
        return labels

    def values(self, labels):
        """Return what functions are given for labels, both by name."""
        return {name: self.settings[name].value(v) for name, v in labels.items()}

    def grid(self):
        """Return all combinations of labels, those that do not matter left out."""
        combinations = [{}]
        for name, setting in self.settings.items():
            values = setting.labels(name)
            combinations = [
                extended
                for labels in combinations
                for extended in (
                    [{**labels, name: value} for value in values]
                    if setting.matters(labels)
                    else [labels]
                )
            ]
            if len(combinations) > _MOST_OF_A_GRID:
                raise ValueError(
                    f"`space` has more than {_MOST_OF_A_GRID:,} combinations, too many "
                    "for a grid. Use another `sampler`."
                )
        return combinations


def label_of(value):
    """Return what stands for a value in tables and files: a plain one for itself."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, numbers.Real):
        if not math.isfinite(value):
            raise ValueError(
                f"`values` has {shown(value)}, which is not a valid choice."
            )
        # R's 16 and Python's are one choice.
        return int(value) if float(value).is_integer() else float(value)
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (list, tuple)) and all(map(_is_plain, value)):
        return json.dumps([label_of(item) for item in value])
    if isinstance(value, Policy):
        return " ".join(repr(value).split())
    raise TypeError(
        f"`values` has {shown(value)}, which nothing in a table stands for. Give "
        f"{_dict()} of the values by names of your own."
    )


def _told(value, text_of):
    """Return a plain value for itself, and a short text for any other."""
    if value is None or isinstance(value, (bool, str, numbers.Real)):
        return label_of(value)
    digest = hashlib.blake2b(text_of(value).encode(), digest_size=4).hexdigest()
    return f"{type(value).__name__} {digest}"


def _with_whole_numbers(value):
    """Return a number without a fraction as a whole one, as Keras wants them."""
    if isinstance(value, (list, tuple)):
        return [_with_whole_numbers(item) for item in value]
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        return label_of(value)
    return value


def _dict():
    return in_words("a dict", "a named list")


def _is_plain(value):
    return value is None or isinstance(value, (bool, str, numbers.Real, list, tuple))


def _listed(values):
    if isinstance(values, np.ndarray):
        values = values.tolist()
    return list(values) if isinstance(values, (list, tuple, range)) else [values]


def _setting(value, name):
    if isinstance(value, Setting):
        return value
    try:
        return SettingChoices(value)
    except (TypeError, ValueError) as error:
        raise type(error)(f"`space` has for '{name}': {error}") from error


def _ordered(given):
    """Return the settings with those after others that depend on them."""
    ordered = {}
    while len(ordered) < len(given):
        ready = [
            name
            for name, setting in given.items()
            if name not in ordered and set(setting.when) & set(given) <= set(ordered)
        ]
        if not ready:
            waiting = [name for name in given if name not in ordered]
            raise ValueError(
                f"`space` has settings that depend on each other: {shown(waiting)}. "
                "Leave out one of the conditions in `when`."
            )
        ordered |= {name: given[name] for name in ready[:1]}
    return ordered


def _check_condition(name, other, wanted, given):
    """Raise if a condition of a setting can never be asked, or never be true."""
    if other not in given:
        raise ValueError(
            f"`when` of '{name}' asks for {shown(other)}, which is not in `space`."
            f"{nearest(other, list(given))}"
        )
    known = given[other]
    if isinstance(known, SettingRange) and known.kind != "whole_range":
        raise ValueError(
            f"`when` of '{name}' asks for a value of '{other}', which is `{known!r}`: "
            "none of its numbers is ever drawn twice. Ask for one of a list of choices."
        )
    for one in wanted:
        if one not in known.labels(other):
            raise ValueError(
                f"`when` of '{name}' asks for '{other}' to be {shown(one)}, which it "
                f"never is: it is `{known!r}`."
            )


def _limits(low, high, **bounds):
    low, high = as_float(low, "low", **bounds), as_float(high, "high")
    _check_limits(low, high)
    return low, high


def _check_limits(low, high):
    if not low < high:
        raise ValueError(
            f"`high` must be above `low`, which is {shown(low)}, not {shown(high)}. "
            "For a single value, give that value itself."
        )
