"""How good predictions are among images of which the same is known."""

import datetime
import itertools
from bisect import bisect_left
from collections import Counter
from typing import NamedTuple

import numpy as np

from reticnn.coercion import shown, tidy_name
from reticnn.data.facts import column_of
from reticnn.data.splits.splitting import facts_to_name
from reticnn.evaluation.intervals import (
    Units,
    number_of_replicates,
    quantiles,
    wilson,
)
from reticnn.evaluation.weighted import summed_by

# So many values of numbers have a row each; more are put into bins.
_MOST_VALUES = 10
BINS = 5

_MEASURES = ("accuracy", "mean_score")


class Column(NamedTuple):
    """A column of the data: its name, and the row of the table of each image.

    `rows` are the texts of the values, in order; `row_of_image` counts from 0.
    """

    name: str
    rows: list
    row_of_image: np.ndarray


def as_column(by, data, tiles=None):
    """Return the `Column` that results are wanted by, or None.

    Args:
        by: The name of a fact about the images, `"group"` or `"label"`, or one value
            per image, or None.
        data: Image data.
        tiles: `ImagesOfTiles` whose images are the rows, or None.

    Raises:
        ValueError: If there is no such fact, there is not one value per image, or the
            tiles of an image have several.
    """
    if by is None:
        return None
    named = by[0] if isinstance(by, (list, tuple)) and len(by) == 1 else by
    known = {"group": data.groups, "label": data.labels, **facts_to_name(by, data)}
    known = {name: values for name, values in known.items() if values is not None}
    values = column_of(by, len(data), known, "by", "value")
    name = named if isinstance(named, str) and named in known else "by"
    if tiles:
        values = tiles.common(values, "by", data.files)
    return _rows(values, name)


def _rows(values, name):
    """Return the `Column` of plain values of one kind, None where they are missing."""
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {str}:
        values = [value and tidy_name(value) for value in values]
    different = sorted({value for value in values if value is not None})
    if kinds <= {str, bool} or len(different) <= _MOST_VALUES:
        texts = _texts(different)
        row = {value: number for number, value in enumerate(different)}
        rows = [len(texts) if value is None else row[value] for value in values]
    else:
        texts, rows = _binned(values)
    if None in values:
        texts = [*texts, None]
    return Column(name, texts, np.array(rows, int))


def _texts(values):
    """Return values as people write them, those that look the same in full."""
    counts = Counter(map(_text, set(values)))
    return [
        _text(value) if counts[_text(value)] == 1 else str(value) for value in values
    ]


def _text(value):
    """Return a value as people write it."""
    if isinstance(value, bool):
        return shown(value)
    if isinstance(value, datetime.datetime):
        return value.isoformat(" ", "seconds" if value.second else "minutes")
    if isinstance(value, float):
        return f"{value:.15g}"
    return str(value)


def _binned(values):
    """Return the texts of quantile bins of numbers or times, and the bin of each."""
    known = sorted(value for value in values if value is not None)
    # Values themselves, so that none lies on an edge that rounding has moved.
    places = [-(-len(known) * part // BINS) - 1 for part in range(1, BINS + 1)]
    upper = sorted({known[place] for place in places})
    edges = _different_texts([known[0], *upper])
    first = edges[0] if known[0] == upper[0] else f"[{edges[0]}, {edges[1]}]"
    rest = itertools.pairwise(edges[1:])
    texts = [first, *(f"({low}, {high}]" for low, high in rest)]
    rows = [
        len(texts) if value is None else bisect_left(upper, value) for value in values
    ]
    return texts, rows


def _different_texts(edges):
    """Return edges with as few digits as tell them apart."""
    if not isinstance(edges[0], float):
        return _texts(edges)
    for digits in range(3, 18):
        texts = [f"{edge:.{digits}g}" for edge in edges]
        if len(set(texts)) == len(set(edges)):
            return texts
    return texts


def table_by(column, codes, chances, decisions, class_names, *, groups, level):
    """Return the measures of the images of each row of a column.

    Args:
        column: `Column`.
        codes: int array, the true class of each image.
        chances: float64 array, (n, classes).
        decisions: int array, the class that each image is predicted as.
        class_names: List of the classes.
        groups: List of the group of each image, or None.
        level: Level of confidence, or None for no intervals.

    Returns:
        Dict of lists.
    """
    scores = chances[np.arange(len(codes)), codes]
    missing = np.isnan(chances).any(axis=1)
    values = np.stack([decisions == codes, scores], axis=1).astype("float64")
    values[missing] = np.nan
    n = np.bincount(column.row_of_image, minlength=len(column.rows))
    sums = np.zeros((len(column.rows), 2))
    np.add.at(sums, column.row_of_image, values)
    table = {
        "column": [column.name] * 2 * len(column.rows),
        "value": [text for text in column.rows for _ in _MEASURES],
        "n": np.repeat(n, 2).tolist(),
        "measure": list(_MEASURES) * len(column.rows),
        "estimate": (sums / n[:, None]).ravel().tolist(),
    }
    if level is None:
        return table
    if groups is None:
        limits = _limits_of_images(column, values, level)
        limits[:, :, 0] = wilson(sums[:, 0], n, level)
    else:
        units = Units.of_groups(codes, class_names, groups)
        limits = _bootstrapped(column, values, units, level)
    limits[:, np.isnan(sums)] = np.nan
    lower, upper = (side.ravel().tolist() for side in limits)
    return {**table, "lower": lower, "upper": upper}


def _limits_of_images(column, values, level):
    """Return limits, (2, rows, measures), from drawing images within their rows."""
    names = ["" if text is None else f"value {text}" for text in column.rows]
    units = Units.of_images(column.row_of_image, names, values.T)
    return _bootstrapped(column, values, units, level)


def _bootstrapped(column, values, units, level):
    """Return limits, (2, rows, measures), of the means of the rows."""
    rows, count = column.row_of_image, len(column.rows)
    values = np.nan_to_num(values)
    means = []
    for weights in units.drawn(number_of_replicates(len(rows))):
        total = summed_by(rows, weights, count)
        with np.errstate(invalid="ignore"):
            sums = [summed_by(rows, weights * of, count) / total for of in values.T]
        means.append(np.stack(sums, axis=-1))
    return quantiles(np.concatenate(means), level)
