"""Divide whole units so that each part has its share of every class, or nearly so."""

import numpy as np

from reticnn.runtime.randomness import generator

# So often the search starts anew, for few units and for many.
_STARTS = {300: 12, 2_000: 4}

# Two units change places only where all pairs of them can be looked at.
_FEW = 300

# Many units are even after few steps.
_MOST_STEPS = 600

# A change that improves less than this does not count.
_LEAST = 1e-12


def even_parts(counts, shares, seed, unlike=()):
    """Return the part of each unit, such that every part has its share of all classes.

    What is made small is the sum of squares of how far the share that a part has of a
    class, or of all images, is from what it should be. Units are given to the part that
    lacks most of their kind, in an order drawn by the seed, then moved and exchanged as
    long as that helps; of several such starts the best is taken.

    Args:
        counts: Array, (units, classes), images of each class in each unit.
        shares: Array, the proportion of each part; they sum to 1.
        seed: Whole number.
        unlike: Divisions, as `shape_of` has them, that are not to be returned if there
            are others.

    Returns:
        int array, the number of the part of each unit. No part is empty if there are
        as many units as parts.
    """
    weights = _weights(counts)
    found, on_the_way = [], []
    for start in range(_starts(len(counts))):
        rng = generator(seed, start)
        first = _first_parts(weights, shares, rng)
        for parts in _improvements(weights, shares, first):
            # Of few units, there may be no other division at the end of the way.
            if unlike and len(weights) <= _FEW:
                on_the_way.append(parts)
        found.append(parts)
    for divisions in (found, on_the_way) if unlike else ():
        fresh = [parts for parts in divisions if shape_of(parts) not in unlike]
        if fresh:
            return _evenest(weights, shares, fresh)
    return _evenest(weights, shares, found)


def shape_of(parts):
    """Return a division as a tuple, the same whatever its parts are called."""
    number = {}
    return tuple(number.setdefault(part, len(number)) for part in parts.tolist())


def _evenest(weights, shares, divisions):
    return min(divisions, key=lambda parts: _unevenness(weights, shares, parts))


def _starts(count):
    return next((starts for most, starts in _STARTS.items() if count <= most), 1)


def _weights(counts):
    """Return the share that each unit has of every class, and of all images."""
    counts = np.column_stack([counts, counts.sum(axis=1)]).astype(float)
    counts = counts[:, counts.sum(axis=0) > 0]
    return counts / counts.sum(axis=0)


def _unevenness(weights, shares, parts):
    return np.square(_excess(weights, shares, parts)).sum()


def _excess(weights, shares, parts):
    """Return by how much each part has more than its share of each class."""
    excess = np.repeat(-shares[:, None], weights.shape[1], axis=1)
    np.add.at(excess, parts, weights)
    return excess


def _first_parts(weights, shares, rng):
    """Return parts to begin with: large units first, each where most is lacking."""
    size = np.square(weights).sum(axis=1) * rng.lognormal(sigma=0.5, size=len(weights))
    excess = np.repeat(-shares[:, None], weights.shape[1], axis=1)
    parts = np.empty(len(weights), int)
    for unit in np.argsort(-size, kind="stable"):
        part = np.argmin(excess @ weights[unit])
        parts[unit] = part
        excess[part] += weights[unit]
    _fill_empty(weights, shares, parts)
    return parts


def _fill_empty(weights, shares, parts):
    """Give each part without a unit the one whose going there does least harm."""
    for part in range(len(shares)):
        if (parts == part).any():
            continue
        change = _change_by_move(weights, shares, parts)[:, part]
        alone = np.bincount(parts, minlength=len(shares))[parts] == 1
        change[alone] = np.inf
        if np.isfinite(change).any():
            parts[np.argmin(change)] = part


def _change_by_move(weights, shares, parts):
    """Return how much more uneven it is with a unit in another part, (units, parts)."""
    towards = weights @ _excess(weights, shares, parts).T
    here = np.take_along_axis(towards, parts[:, None], axis=1)
    change = 2 * (towards - here + np.square(weights).sum(axis=1)[:, None])
    np.put_along_axis(change, parts[:, None], 0, axis=1)
    return change


def _change_by_swap(weights, shares, parts, products):
    """Return how much more uneven it is with two units exchanged, (units, units)."""
    towards = (weights @ _excess(weights, shares, parts).T)[:, parts]
    own = np.diag(towards)
    sizes = np.diag(products)
    change = towards + towards.T - own[:, None] - own
    change = 2 * (change + sizes[:, None] + sizes - 2 * products)
    return np.where(parts[:, None] == parts, 0, change)


def _improvements(weights, shares, parts):
    """Yield parts, then better ones, each one move of a unit or exchange of two away.

    The last cannot be made more even in this way.
    """
    swaps = len(weights) <= _FEW
    products = weights @ weights.T if swaps else None
    yield parts.copy()
    for _ in range(_MOST_STEPS):
        move = _change_by_move(weights, shares, parts)
        move[np.bincount(parts, minlength=len(shares))[parts] == 1] = 0
        unit, part = np.unravel_index(np.argmin(move), move.shape)
        least = move[unit, part]
        swap = _change_by_swap(weights, shares, parts, products) if swaps else move
        one, other = np.unravel_index(np.argmin(swap), swap.shape)
        if min(least, swap[one, other]) >= -_LEAST:
            return
        if swap[one, other] < least:
            parts[[one, other]] = parts[[other, one]]
        else:
            parts[unit] = part
        yield parts.copy()
