"""What is known of each image besides its class: its group, and further facts."""

import datetime
import math
import numbers
from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np

from reticnn.coercion import as_string, check_order, nearest, shown, tidy_name
from reticnn.notation import R_MISSING_INTEGER, in_words, is_visible, shown_positions

# Columns that the table of image data has of its own.
_TAKEN = ("file", "label", "group", "image_weight")

_KINDS = {
    str: "texts",
    bool: "logical values",
    int: "whole numbers",
    float: "numbers",
    datetime.date: "dates",
    datetime.datetime: "times",
}

_TABLE = "a dict of equally long lists, or a data frame"


def as_facts(facts, count):
    """Return facts as a dict of lists, with one plain value or None per image.

    Args:
        facts: Dict of sequences, or a data frame, or None.
        count: How many images there are.

    Raises:
        TypeError: If it is neither, or a value is not one number, text or time.
        ValueError: If a column has another length, or a name that is not free.
    """
    if facts is None:
        return {}
    if not isinstance(facts, Mapping) and not hasattr(facts, "columns"):
        raise TypeError(f"`facts` must be {_columns()}, not {shown(facts)}.")
    names = list(getattr(facts, "columns", facts))
    columns = {as_string(name, "facts"): facts[name] for name in names}
    taken = [name for name in columns if name in _TAKEN]
    if taken:
        raise ValueError(
            f"`facts` has columns called {shown(taken)}, which the table of image data "
            "already has. Leave them out, or give them other names."
        )
    unseen = [name for name in columns if not is_visible(name)]
    if unseen:
        raise ValueError(
            f"`facts` has a column called {shown(unseen[0])}, with a character that "
            "cannot be shown. Give it another name."
        )
    return {
        name: _one_per_image(values, count, f"facts[{name!r}]", "value")
        for name, values in columns.items()
    }


def as_groups(groups, count, facts=None, name="groups"):
    """Return the name of the group of each image, or None without groups.

    Args:
        groups: One text or whole number per image, or the name of a fact, or None.
        count: How many images there are.
        facts: Dict of the facts that can be named, or None.
        name: The argument's name, for messages.

    Raises:
        ValueError: If there is not one group per image, or one is missing.
    """
    if groups is None:
        return None
    values = column_of(groups, count, facts or {}, name, "group")
    names = [tidy_name(_group_called(value)) for value in values]
    missing = [index for index, group in enumerate(names) if not group]
    if missing:
        raise ValueError(
            f"`{name}` has {len(missing)} missing value{'s' * (len(missing) > 1)}, at "
            f"{shown_positions(missing)}. Leave these images out, or give each of them "
            "a group of its own."
        )
    return names


def column_of(value, count, facts, name, what):
    """Return one plain value per image: those given, or the fact that is named.

    Args:
        value: Sequence of one value per image, or the name of a fact.
        count: How many images there are.
        facts: Dict of lists.
        name: The argument's name, for messages.
        what: What a value is, for messages.
    """
    if isinstance(value, (list, tuple)) and len(value) == 1 and count != 1:
        value = value[0]
    if not isinstance(value, str):
        return _one_per_image(value, count, name, what)
    if value in facts:
        return list(facts[value])
    known = f" The facts are {shown(list(facts))}." if facts else ""
    raise ValueError(
        f"`{name}` must be one {what} per image, or the name of one of the facts about "
        f"the images, which {shown(value)} is not.{nearest(value, facts)}{known}"
    )


# What is not known of images without, and what they may be given instead.
_UNKNOWN = {
    "groups": ("which images belong together", ""),
    "weights": ("how much the others count", ", such as 1 for each image"),
}


def joined(parts, name):
    """Return the `"groups"` or `"weights"` of several image data together, or None.

    Raises:
        ValueError: If only some of them have any.
    """
    values = [getattr(part, name) for part in parts]
    if all(of_part is None for of_part in values):
        return None
    if any(of_part is None for of_part in values):
        unknown, instead = _UNKNOWN[name]
        raise ValueError(
            f"Image data with {name} and without cannot be joined, because it is not "
            f"known {unknown}. Give all of them `{name}` when you make them{instead}, "
            "or none."
        )
    return [value for of_part in values for value in of_part]


def joined_facts(parts):
    """Return the facts about all images of several image data, None where unknown.

    Raises:
        TypeError: If a fact has values of several kinds.
    """
    names = dict.fromkeys(name for part in parts for name in part.facts)
    columns = {
        name: [
            value
            for part in parts
            for value in part.facts.get(name, [None] * len(part))
        ]
        for name in names
    }
    return {
        name: _of_one_kind(values, f"facts[{name!r}]")
        for name, values in columns.items()
    }


def _columns():
    return in_words(_TABLE, "a data frame, or a named list of columns")


def _one_per_image(values, count, name, what):
    """Return a sequence as a list of plain values of one kind."""
    check_order(values, name)
    if isinstance(values, (str, Mapping)) or not isinstance(values, Iterable):
        values = [values]
    if isinstance(values, np.ndarray) and values.size == len(values):
        values = values.ravel()
    values = [_plain(value, name) for value in values]
    if len(values) != count:
        raise ValueError(
            f"`{name}` has {len(values)} value{'s' * (len(values) != 1)} for {count} "
            f"image{'s' * (count != 1)}. Give one {what} per image."
        )
    return _of_one_kind(values, name)


def _plain(value, name):
    """Return a value as Python has it, a time without a zone, None if it is missing."""
    if hasattr(value, "to_pydatetime"):
        # A time of pandas. Its missing one is no time.
        value = None if value != value else value.to_pydatetime(warn=False)
    elif isinstance(value, np.datetime64):
        value = value.astype("datetime64[us]").item()
    elif isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, datetime.datetime) and value.tzinfo:
        return value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
    if value is None or isinstance(value, (str, bool, datetime.date)):
        return value
    if not isinstance(value, numbers.Real):
        if _is_missing(value):
            return None
        raise TypeError(
            f"`{name}` must have a number, a text or a time per image, not "
            f"{shown(value)}."
        )
    if value == R_MISSING_INTEGER or math.isnan(value):
        return None
    return value


def _is_missing(value):
    """Return whether a value is one that pandas has for a missing one."""
    return type(value).__name__ in ("NAType", "NaTType")


def _of_one_kind(values, name):
    """Return plain values as one kind: numbers all whole or not, times all or none."""
    kinds = Counter(type(value) for value in values if value is not None)
    if len(kinds) < 2:
        return values
    if set(kinds) == {int, float}:
        return [None if value is None else float(value) for value in values]
    if set(kinds) == {datetime.date, datetime.datetime}:
        return [_as_time(value) for value in values]
    counted = [f"{count} {_KINDS[kind]}" for kind, count in kinds.items()]
    raise TypeError(
        f"`{name}` has values of several types: {', '.join(counted)}. Give it one type."
    )


def _as_time(value):
    if type(value) is datetime.date:
        return datetime.datetime(value.year, value.month, value.day)
    return value


def _group_called(value):
    """Return the text that stands for a group, empty if it is missing."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
