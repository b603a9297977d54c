"""What the answers of two classifiers to the same questions say of their difference."""

import math
from statistics import NormalDist

import numpy as np

# Each halves an interval of length 2.
_HALVINGS = 60


def tango(first, second, n, level):
    """Return the limits of Tango's score interval of differences of paired proportions.

    It is the interval that goes with McNemar's test, and knows that a difference of 0
    in the sample may be another in truth. NaN where `n` is 0.

    Args:
        first: How many of the pairs only the first has right; an array or a number.
        second: How many only the second has right.
        n: How many pairs there are.
        level: Level of confidence.

    Source:
        Tango (1998), Statistics in Medicine 17.
    """
    first, second, n = np.broadcast_arrays(
        *(np.asarray(value, "float64") for value in (first, second, n))
    )
    z = NormalDist().inv_cdf((1 + level) / 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (first - second) / n
    limits = []
    for sign in (1, -1):
        # The score falls from one end to the other.
        ends = [np.where(n > 0, found, np.nan), np.full(n.shape, -sign * 1.0)]
        for _ in range(_HALVINGS):
            middle = (ends[0] + ends[1]) / 2
            inside = sign * _score(first, second, n, middle) < z
            ends = [
                np.where(inside, middle, ends[0]),
                np.where(inside, ends[1], middle),
            ]
        limits.append((ends[0] + ends[1]) / 2)
    return limits[0], limits[1]


def _score(first, second, n, difference):
    """Return how many standard errors the sample is from a true difference."""
    b = (2 * n - first + second) * difference - first - second
    c = -second * difference * (1 - difference)
    with np.errstate(invalid="ignore", divide="ignore"):
        only_second = (np.sqrt(np.maximum(b**2 - 8 * n * c, 0)) - b) / (4 * n)
        spread = n * (2 * only_second + difference * (1 - difference))
        gap = first - second - n * difference
        return np.where(gap == 0, 0.0, gap / np.sqrt(np.maximum(spread, 0)))


def of_mean_of_differences(first, second, n, level):
    """Return the limits of a mean of independent differences, from Tango's of each."""
    known = n > 0
    first, second, n = first[known], second[known], n[known]
    found = (first - second) / n
    lower, upper = tango(first, second, n, level)
    mean, count = found.mean(), known.sum()
    return (
        float(mean - np.sqrt(((found - lower) ** 2).sum()) / count),
        float(mean + np.sqrt(((upper - found) ** 2).sum()) / count),
    )


def mcnemar(first, second):
    """Return the exact two-sided p-value of McNemar's test.

    Args:
        first: How many of the pairs only the first has right.
        second: How many only the second has right.
    """
    chances = _binomial(first + second)
    return float(min(1.0, 2 * chances[: min(first, second) + 1].sum()))


def mcnemar_by_groups(differences):
    """Return the exact two-sided p-value where each group counts as a whole.

    If the classifiers were the same in truth, the difference of each group could as
    well have the other sign. The value is the share of all combinations of signs that
    give a sum as far from 0 as the sample's: McNemar's where groups are single images.

    Args:
        differences: int array, for each group how many more of its images the first
            has right.
    """
    sizes = np.abs(differences[differences != 0])
    alone = int((sizes == 1).sum())
    # The chance of each sum, the first of them being the lowest there can be.
    chances = np.zeros(2 * alone + 1)
    chances[::2] = _binomial(alone)
    for size in sizes[sizes > 1].tolist():
        wider = np.zeros(len(chances) + 2 * size)
        wider[: len(chances)] = chances / 2
        wider[2 * size :] += chances / 2
        chances = wider
    sums = np.arange(len(chances)) - len(chances) // 2
    far = np.abs(sums) >= abs(int(differences.sum()))
    return float(min(1.0, chances[far].sum()))


def _binomial(n):
    """Return the chances of 0 to n heads of n coins."""
    # By logarithms, as powers of 2 may be too small.
    factorials = np.array([math.lgamma(k + 1) for k in range(n + 1)])
    return np.exp(factorials[-1] - factorials - factorials[::-1] - n * math.log(2))


def holm(values):
    """Return p-values adjusted for their number by Holm's method, NaN as they are."""
    values = np.asarray(values, "float64")
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")]
    raised = values[order] * np.arange(len(order), 0, -1)
    adjusted = values.copy()
    adjusted[order] = np.minimum(np.maximum.accumulate(raised), 1)
    return adjusted


def corrected_t(differences, ratio, level):
    """Return what differences on several folds say, which share training images.

    Args:
        differences: float array, one per fold.
        ratio: Images tested on by images trained on.
        level: Level of confidence.

    Returns:
        Dict: `estimate`, `lower`, `upper` and `p_value`; the last three are NaN where
        the folds do not differ.

    Source:
        Nadeau and Bengio (2003), Machine Learning 52.
    """
    folds, mean = len(differences), float(differences.mean())
    spread = differences.std(ddof=1)
    found = {
        "estimate": mean,
        "lower": math.nan,
        "upper": math.nan,
        "p_value": math.nan,
    }
    # Also where it is NaN.
    if not spread > 1e-12:
        return found
    error = spread * math.sqrt(1 / folds + ratio)
    half = error * student_quantile(level, folds - 1)
    return {
        "estimate": mean,
        "lower": mean - half,
        "upper": mean + half,
        "p_value": 1 - student_inside(abs(mean) / error, folds - 1),
    }


def student_inside(t, df):
    """Return the chance that a Student's t is between -t and t.

    Source:
        Abramowitz and Stegun (1964), 26.7.3 and 26.7.4.
    """
    angle = math.atan(t / math.sqrt(df))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = df % 2
    term, total = (cosine, 0.0) if odd else (1.0, 0.0)
    for k in range(odd, df - 1, 2):
        total += term
        term *= cosine**2 * (k + 1) / (k + 2)
    return 2 / math.pi * (angle + sine * total) if odd else sine * total


def student_quantile(level, df):
    """Return the size that a Student's t does not exceed, by that chance."""
    low, high = 0.0, math.pi / 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        inside = student_inside(math.sqrt(df) * math.tan(middle), df)
        low, high = (middle, high) if inside < level else (low, middle)
    return math.sqrt(df) * math.tan((low + high) / 2)
