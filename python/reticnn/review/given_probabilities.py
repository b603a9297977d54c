"""Probabilities of classes that the user gives, checked."""

from collections.abc import Mapping

import numpy as np

from reticnn.coercion import printable, shown
from reticnn.notation import shown_positions

# What sums in half precision, or in a file of few digits, are off by.
_ROUNDING = 0.02


def as_probabilities(value, parts, class_names):
    """Return the probability of each class for each image of all parts, (n, classes).

    Args:
        value: Array, (n, classes), or a table of `predict_images`; with parts, a dict
            of these by the names of the parts.
        parts: Dict of image data by name.
        class_names: List of the classes, in the order of an array's columns.

    Raises:
        TypeError: If it is none of these.
        ValueError: If it is not of these images and classes.
    """
    name = "probabilities"
    if list(parts) == [None]:
        return _of_part(value, parts[None], class_names, name)
    if not isinstance(value, Mapping) or set(value) != set(parts):
        raise ValueError(
            f"`{name}` must have the names of the parts, {shown(list(parts))}, as "
            f"`data` has, not {shown(list(value) if _is_table(value) else value)}."
        )
    return np.concatenate(
        [
            _of_part(value[part], data, class_names, f"{name}[{part!r}]")
            for part, data in parts.items()
        ]
    )


def _is_table(value):
    return isinstance(value, Mapping) or hasattr(value, "columns")


def _of_part(value, data, class_names, name):
    if _is_table(value):
        value = _columns(value, data, class_names, name)
    try:
        chances = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        chances = None
    if chances is None or chances.ndim != 2:
        raise TypeError(
            f"`{name}` must be a table from `predict_images()`, or numbers with a row "
            f"per image and a column per class, not {shown(value)}."
        )
    if chances.shape != (len(data), len(class_names)):
        raise ValueError(
            f"`{name}` has {chances.shape[0]} rows and {chances.shape[1]} columns for "
            f"{len(data)} images and the {len(class_names)} classes "
            f"{shown(class_names)}. Give a row per image and a column per class."
        )
    # With distances to prototypes, an image may be of none of the classes.
    wrong = ~(chances >= 0).all(axis=1) | ~(chances.sum(axis=1) <= 1 + _ROUNDING)
    if wrong.any():
        raise ValueError(
            f"`{name}` has rows that are not probabilities, which are at least 0 and "
            f"sum to 1, at {shown_positions(np.flatnonzero(wrong))}."
        )
    return chances


def _columns(table, data, class_names, name):
    """Return the probabilities in a table of `predict_images`."""
    missing = [label for label in class_names if f".pred_{label}" not in table]
    if missing:
        raise ValueError(
            f"`{name}` has no column {shown(f'.pred_{missing[0]}')} for the class "
            f"{shown(missing[0])}. Give what `predict_images()` returns for `data`."
        )
    if ".file" in table and data.files is not None:
        pairs = zip(table[".file"], data.files, strict=False)
        other = next((pair for pair in pairs if pair[0] != pair[1]), None)
        if other:
            raise ValueError(
                f"`{name}` is of other files than `data`, or in another order: it has "
                f"{printable(other[0])!r} for {printable(other[1])!r}. Give what "
                "`predict_images()` returns for `data`."
            )
    return np.stack([list(table[f".pred_{label}"]) for label in class_names], axis=1)
