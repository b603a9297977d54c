"""Round the shares of classes to whole images, so that all sums come out even."""

import numpy as np

from reticnn.runtime.randomness import generator

# Products of whole numbers and proportions are exact up to this.
_ROUNDING = 1e-9


def rounded(sizes, shares, seed):
    """Return how many images of each class (rows) go to each part (columns).

    Every number is its share rounded up or down, and so is every sum over the classes.
    Rounding each class by itself would favour the same part again and again.
    """
    exact = sizes[:, None] * shares
    counts = np.floor(exact + _ROUNDING).astype(int)
    fractions = np.clip(exact - counts, 0, 1)
    fractions[fractions < _ROUNDING] = 0
    extra = _rounded_up(
        fractions,
        sizes - counts.sum(axis=1),
        _largest_remainders(sizes.sum() * shares, sizes.sum()) - counts.sum(axis=0),
        generator(seed).permutation(len(sizes)),
    )
    return counts + extra


def _largest_remainders(exact, total):
    """Return whole numbers near `exact` that sum to `total`."""
    whole = np.floor(exact + _ROUNDING).astype(int)
    order = np.argsort(whole - exact, kind="stable")
    whole[order[: total - whole.sum()]] += 1
    return whole


def _rounded_up(fractions, of_class, of_part, order):
    """Return which fractions are rounded up, as an array of 0 and 1.

    Args:
        fractions: Array, (classes, parts).
        of_class: How many are to be rounded up in each row.
        of_part: How many are to be rounded up in each column.
        order: The order in which the classes take their turn.
    """
    up = np.zeros(fractions.shape, int)
    owed = np.zeros(fractions.shape[1])
    for code in order:
        owed += fractions[code]
        wanted = np.where(fractions[code] > 0, owed, -np.inf)
        chosen = np.argsort(-wanted, kind="stable")[: of_class[code]]
        up[code, chosen] = 1
        owed[chosen] -= 1
    while (up.sum(axis=0) > of_part).any():
        _move_one(up, fractions > 0, of_part)
    return up


def _move_one(up, allowed, of_part):
    """Take one from a column that has too many, for one that has too few.

    Where no row can do that directly, it goes over other columns.
    """
    sums = up.sum(axis=0)
    start = int(np.argmax(sums - of_part))
    came_from, queue = {start: None}, [start]
    while sums[queue[0]] >= of_part[queue[0]]:
        here = queue.pop(0)
        for there in set(range(up.shape[1])) - set(came_from):
            rows = np.flatnonzero((up[:, here] > up[:, there]) & allowed[:, there])
            if len(rows):
                came_from[there] = here, rows[0]
                queue.append(there)
    there = queue[0]
    while came_from[there]:
        here, row = came_from[there]
        up[row, here], up[row, there] = 0, 1
        there = here
