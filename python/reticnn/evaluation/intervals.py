"""Intervals in which the measures lie."""

import unicodedata
import zlib
from statistics import NormalDist

import numpy as np

from reticnn.coercion import shown
from reticnn.evaluation.weighted import mean_areas
from reticnn.runtime.conditions import warn_user

_REPLICATES = 1000
_FEWEST_REPLICATES = 200
# So many weights are used at a time, which fit into a cache of the processor.
_WEIGHTS = 50_000
# The areas under curves take so many steps before there are fewer replicates.
_STEPS = 50_000_000


def wilson(hits, n, level):
    """Return the limits of Wilson's score interval of proportions: lower, upper.

    NaN where `n` is 0.
    """
    hits, n = np.asarray(hits, "float64"), np.asarray(n, "float64")
    z = NormalDist().inv_cdf((1 + level) / 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = hits / n
        middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
        spread = np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
        half = z * spread / (1 + z**2 / n)
    # Exact at the ends, where rounding leaves 1e-17.
    lower = np.where(hits == 0, 0.0, middle - half)
    upper = np.where(hits == n, 1.0, middle + half)
    unknown = n == 0
    return np.where(unknown, np.nan, lower), np.where(unknown, np.nan, upper)


def of_mean_of_proportions(hits, n, level):
    """Return the limits of a mean of independent proportions, from Wilson's of each.

    By the method of variance estimates recovery (Zou and Donner 2008), which, other
    than the bootstrap, knows that a proportion of 1 in the sample may be less.
    """
    known = n > 0
    share = hits[known] / n[known]
    lower, upper = wilson(hits[known], n[known], level)
    mean, count = share.mean(), known.sum()
    return (
        float(mean - np.sqrt(((share - lower) ** 2).sum()) / count),
        float(mean + np.sqrt(((upper - share) ** 2).sum()) / count),
    )


def warn_of_few_groups(codes, class_names, groups, level):
    """Warn if groups do not show how all images, or those of a class, vary.

    Args:
        codes: int array, the true class of each image.
        class_names: List of the classes.
        groups: List of the group of each image, or None.
        level: Share in (0, 1) of intervals that are to hold the truth, or None.
    """
    if groups is None or level is None:
        return
    names = np.asarray(groups, str)
    if len(np.unique(names)) == 1:
        warn_user(
            f"All images are of one group, {str(names[0])!r}, from which no interval "
            "can be found. Evaluate on images of several groups, or give "
            "`intervals=None`."
        )
        return
    counts = {
        class_names[code]: len(np.unique(names[codes == code]))
        for code in np.unique(codes)
    }
    alone = [name for name, count in counts.items() if count == 1]
    if alone:
        warn_user(
            f"All images of {shown(alone)} are of one group each, which does not show "
            "how other groups of the class would differ: the intervals are narrower "
            "than they should be. Evaluate on several groups of each class."
        )
        return
    fewest, enough = min(counts.values()), _enough_groups(level)
    if fewest < enough:
        few = [name for name, count in counts.items() if count == fewest]
        warn_user(
            f"Images of {shown(few)} are of {fewest} groups only. An interval from "
            f"drawing {fewest} groups again contains the truth in at most "
            f"{100 * _most_held(fewest):.3g}% of cases, not in {100 * level:.3g}%: "
            f"take it as too narrow. Evaluate on at least {enough} groups of each "
            "class."
        )


def _most_held(groups):
    """Return how often the truth is within the range of what so many groups show.

    No mean of groups drawn again is outside of the range of these, and all of them are
    on one side of their median in 2 of 2 ** groups cases.
    """
    return 1 - 2.0 ** (1 - groups)


def _enough_groups(level):
    return int(np.ceil(1 - np.log2(1 - level)))


class Bootstrap:
    """Limits from drawing the images again, within classes; or whole groups.

    What is drawn depends neither on the order of the images nor on that of the classes.

    Attributes:
        over_all: Dict of (lower, upper) by measure.
        by_class: Dict of the arrays (lower, upper) by measure.
    """

    def __init__(self, measures, class_names, groups, level):
        """Draw, measure, and take the quantiles."""
        codes = measures.codes
        keys = [measures.images[name] for name in ("brier_score", "log_loss")]
        units = (
            Units.of_images(codes, class_names, keys)
            if groups is None
            else Units.of_groups(codes, class_names, groups)
        )
        times = number_of_replicates(len(codes) * measures.num_classes)
        over_all, by_class = [], []
        for weights in units.drawn(times):
            by_class.append(measures.by_class(weights))
            over_all.append({**measures.over_all(weights), **mean_areas(by_class[-1])})
        self.over_all = limits_of_replicates(over_all, level)
        self.by_class = limits_of_replicates(by_class, level)


def number_of_replicates(steps):
    """Return how many samples are drawn, of each of which a measure takes `steps`."""
    return int(np.clip(_STEPS // steps, _FEWEST_REPLICATES, _REPLICATES))


class Units:
    """What is drawn again: images, or groups of them.

    Attributes:
        of_image: int array, the number of the unit of each image.
        strata: Dict of int arrays, the units that are drawn in place of one another.
    """

    def __init__(self, of_image, strata):
        self.of_image = of_image
        self.strata = strata

    @classmethod
    def of_images(cls, strata_of_images, names, keys):
        """Return each image for itself, drawn within its stratum.

        Args:
            strata_of_images: int array, the stratum of each image.
            names: The names of the strata, which seed what is drawn.
            keys: Arrays of values of the images, by which they have an order of their
                own.
        """
        order = np.lexsort(keys)
        of_ordered = strata_of_images[order]
        strata = {name: order[of_ordered == code] for code, name in enumerate(names)}
        return cls(np.arange(len(order)), strata)

    @classmethod
    def of_groups(cls, codes, class_names, groups):
        """Return whole groups.

        Groups of one class are drawn within that class, those of several among
        themselves.
        """
        names, of_image = np.unique(np.asarray(groups, str), return_inverse=True)
        strata = {}
        for number in range(len(names)):
            classes = np.unique(codes[of_image == number])
            name = class_names[classes[0]] if len(classes) == 1 else ""
            strata.setdefault(name, []).append(number)
        return cls(of_image, {name: np.array(own) for name, own in strata.items()})

    def drawn(self, times):
        """Yield how often each image is drawn, in arrays (replicates, n)."""
        for often in self.units_drawn(times, len(self.of_image)):
            yield often[:, self.of_image]

    def units_drawn(self, times, n):
        """Yield how often each unit is drawn, in arrays (replicates, units).

        There are as many replicates in each as suit `n` values in every one of them.
        """
        random = {name: np.random.default_rng(_key(name)) for name in self.strata}
        at_once = max(1, _WEIGHTS // n)
        for start in range(0, times, at_once):
            count = min(at_once, times - start)
            often = np.zeros((count, self.of_image.max() + 1))
            for name, members in self.strata.items():
                if len(members):
                    often[:, members] = _counts(random[name], count, len(members))
            yield often


def _key(name):
    """Return the seed of a class by its name, whatever its Unicode form."""
    return zlib.crc32(unicodedata.normalize("NFC", name).encode())


def _counts(random, times, n):
    """Return how often each of `n` is among `n` drawn of them, `times` over."""
    drawn = random.integers(n, size=(times, n)) + np.arange(times)[:, None] * n
    return np.bincount(drawn.ravel(), minlength=times * n).reshape(times, n)


def limits_of_means(values, codes, class_names, groups, level):
    """Return the limits, (2, k), of means over the images, from drawing whole groups.

    Args:
        values: float64 array, (k, n); where one is NaN, so are the limits.
        codes: int array, the true class of each image.
        class_names: List of the classes.
        groups: List of the group of each image.
        level: Level of confidence.
    """
    units = Units.of_groups(codes, class_names, groups)
    size = np.bincount(units.of_image)
    sums = np.stack([np.bincount(units.of_image, of) for of in values], axis=1)
    times = number_of_replicates(values.size)
    means = [
        often @ sums / (often @ size)[:, None]
        for often in units.units_drawn(times, len(size))
    ]
    return quantiles(np.concatenate(means), level)


def limits_of_replicates(parts, level):
    """Return the quantiles of the replicates, NaN where all of them are the same.

    There the sample has nothing by which the measure could be seen to vary.

    Args:
        parts: List of dicts of arrays with one replicate per row.
        level: Level of confidence.
    """
    return {
        name: quantiles(np.concatenate([part[name] for part in parts]), level)
        for name in parts[0]
    }


def quantiles(values, level):
    """Return the two quantiles of the values along the first axis."""
    tail = (1 - level) / 2
    columns = values.reshape(len(values), -1)
    found = np.full((2, columns.shape[1]), np.nan)
    for number, column in enumerate(columns.T):
        column = column[~np.isnan(column)]
        if len(column) and np.ptp(column) > 1e-12:
            found[:, number] = np.quantile(column, [tail, 1 - tail])
    return found.reshape(2, *values.shape[1:])
