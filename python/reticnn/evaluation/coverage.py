"""How often prediction sets hold the true class, and how many images that takes."""

import math

import numpy as np

_HALVINGS = 60
# So that 0.9 of 10 is 9, whatever the rounding.
_ROUNDING = 1e-9


def rank_of_threshold(n, coverage):
    """Return which of n sorted scores is the threshold, counted from 1.

    It may be n + 1, for which there are too few.
    """
    return max(1, math.ceil((n + 1) * coverage - _ROUNDING))


def number_needed(coverage):
    """Return the smallest number of images from which there is a threshold."""
    n = max(1, math.floor(coverage / (1 - coverage)) - 1)
    while rank_of_threshold(n, coverage) > n:
        n += 1
    return n


def limits_of_coverage(n, rank, level=0.95):
    """Return between what the coverage of new images is, by the threshold's rank.

    It has a beta distribution with the parameters `rank` and `n + 1 - rank`, if the
    scores have no ties; with ties it can only be higher.
    """
    tail = (1 - level) / 2
    return _quantile(n, rank, tail), _quantile(n, rank, 1 - tail)


def _quantile(n, rank, share):
    """Return the quantile of a beta distribution with whole parameters.

    The probability of at most x is that of `rank` or more of `n` trials that succeed
    with the probability x.
    """
    k = np.arange(rank, n + 1)
    log_ways = np.array([math.lgamma(n + 1) - math.lgamma(i + 1) for i in k])
    log_ways -= [math.lgamma(n - i + 1) for i in k]
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        below = np.exp(log_ways + k * math.log(middle) + (n - k) * math.log1p(-middle))
        low, high = (middle, high) if below.sum() < share else (low, middle)
    return (low + high) / 2


def coverage_and_size(inside, codes):
    """Return which sets hold the true class, and how many classes each has.

    Args:
        inside: Bool array, (n, classes).
        codes: int array, the true class of each image.
    """
    return inside[np.arange(len(codes)), codes], inside.sum(axis=1)
