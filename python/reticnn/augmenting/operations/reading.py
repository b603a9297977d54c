"""How settings are read from what users write, and how ranges are printed."""

from collections.abc import Mapping

import numpy as np

from reticnn.coercion import as_float, as_int, nearest, shown


def two_ranges(value, name, names, symmetric=True, minimum=-1):
    """Return two ranges by name; a value that is not a dict is used for both."""
    kind = "symmetric" if symmetric else "from_zero"
    limits = {"kind": kind, "minimum": minimum, "maximum": 1}
    if not isinstance(value, Mapping):
        ends = as_range(value, name, **limits)
        return {part: list(ends) for part in names}
    given, labels = named(value, name, names)
    return {
        part: as_range(given.get(part, 0), labels[part], **limits) for part in names
    }


def named(value, name, names, alone=None):
    """Return a dict with some of `names`, and what messages call each of these.

    A single value, not a dict, is the setting `alone`.
    """
    if not isinstance(value, Mapping):
        return {alone: value}, dict.fromkeys(names, name)
    for given in value:
        if given not in names:
            raise ValueError(
                f"`{name}` has no setting {shown(given)}, only {shown(list(names))}."
                f"{nearest(given, names)}"
            )
    if not value:
        raise ValueError(f"`{name}` must have a setting: {shown(list(names))}.")
    # Between the backquotes that checks put around an argument's name.
    return value, {part: f"{part}` of `{name}" for part in names}


def as_range(value, name, kind="symmetric", **limits):
    """Return [lower, upper].

    One number f stands for (-f, f) if the range is "symmetric", for (0, f) if
    "from_zero", and for (f, f) if "both" or "apart". Two are sorted unless "apart",
    where they are distances to two sides.
    """
    ends = [as_float(end, name, **limits) for end in as_numbers(value, name)]
    if len(ends) == 2:
        return ends if kind == "apart" else sorted(ends)
    end = abs(ends[0])
    lower = {"symmetric": -end, "from_zero": 0.0}.get(kind, end)
    return [lower, end]


def as_whole_range(value, name, minimum, maximum):
    """Return [lower, upper], whole numbers; one number stands for itself."""
    ends = as_range(value, name, "both", minimum=minimum, maximum=maximum)
    return [as_int(end, name, minimum=minimum) for end in ends]


def as_chance(value, name):
    """Return the range of a probability."""
    return as_range(value, name, "both", minimum=0, maximum=1)


def as_numbers(value, name=None):
    """Return one number, or a few, as a list."""
    if isinstance(value, np.ndarray):
        value = value.ravel().tolist()
    numbers = list(value) if isinstance(value, (list, tuple)) else [value]
    if name and len(numbers) not in (1, 2):
        raise ValueError(f"`{name}` must be one number or two, not {shown(value)}.")
    return numbers


def span(ends, times=1, unit=""):
    """Return a range as text, one number where both ends are the same."""
    lower, upper = (f"{end * times:.4g}" for end in ends)
    return (lower if lower == upper else f"{lower} to {upper}") + unit


def percent(ends):
    """Return a range of fractions as text."""
    return span(ends, 100, " %")
