"""Put images in an order of time, for a split whose newest images are the test."""

import datetime

import numpy as np

from reticnn.coercion import shown
from reticnn.data.facts import column_of
from reticnn.notation import shown_positions

# As people and cameras write them.
_FORMATS = ("%Y:%m:%d %H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d")

_FIX = "Give numbers, dates, or times such as '2024-05-01 12:30:00'."


def ranks_of(order_by, count, facts):
    """Return int array, the rank of each image by time, 0 for the oldest.

    Images of the same time have the same rank.

    Args:
        order_by: One number, date, time or text of a time per image, or the name of a
            fact.
        count: How many images there are.
        facts: Dict of the facts that can be named.

    Raises:
        TypeError: If values are neither numbers nor times.
        ValueError: If a time is missing, or a text is not one.
    """
    values = column_of(order_by, count, facts, "order_by", "time")
    missing = [index for index, value in enumerate(values) if value is None]
    if missing:
        raise ValueError(
            f"`order_by` has {len(missing)} missing value{'s' * (len(missing) > 1)}, "
            f"at {shown_positions(missing)}. Leave these images out, or find out when "
            "they were made."
        )
    times = [_time_of(value, index) for index, value in enumerate(values)]
    rank = {time: number for number, time in enumerate(sorted(set(times)))}
    return np.array([rank[time] for time in times], int)


def _time_of(value, index):
    """Return a number or a time, which others of its kind can be compared with."""
    if isinstance(value, str):
        return _time_in(value, index)
    if isinstance(value, bool):
        raise TypeError(
            f"`order_by` must be times, and {shown(value)} at "
            f"{shown_positions([index])} is not one. {_FIX}"
        )
    return value


def _time_in(text, index):
    for form in _FORMATS:
        try:
            return datetime.datetime.strptime(text.strip(), form)
        except ValueError:
            continue
    raise ValueError(
        f"`order_by` has {shown(text)} at {shown_positions([index])}, which is not a "
        f"time. {_FIX}"
    )


def parts_by_rank(ranks, sizes, shares):
    """Return the part of each unit, the newest in the last.

    Args:
        ranks: int array, the rank of each unit by time.
        sizes: int array, how many images each unit has.
        shares: Array, the proportions of the parts, the oldest first.

    Returns:
        int array. Units of one rank are in one part.
    """
    at_rank = np.bincount(ranks, weights=sizes)
    older = np.concatenate([[0], np.cumsum(at_rank)])
    wanted = np.cumsum(shares)[:-1] * sizes.sum()
    cuts = np.array([np.argmin(np.abs(older - cut)) for cut in wanted])
    return np.searchsorted(cuts, ranks, side="right")
