"""What measures say of maps: a table of all maps, and what it comes to."""

from collections.abc import Mapping

import numpy as np

from reticnn.coercion import shown

# What each measure is, in words, and which of its values are good.
MEANINGS = {
    "insertion": (
        "mean probability of the class while pixels are put into a blank image, those "
        "highest on the map first. High is good: more than with random maps."
    ),
    "deletion": (
        "mean probability of the class while pixels are taken away, those highest on "
        "the map first. Low is good: less than with random maps."
    ),
    "pointing": (
        "how often the highest point lies in the region. For a random point, this is "
        "the region's share of the image."
    ),
    "energy": (
        "the part of what speaks for the class that lies in the region. If spread "
        "evenly, it equals the region's share of the image."
    ),
    "sensitivity": (
        "how much a map changes, as a fraction of itself, when a little noise is added "
        "to the image. Near 0 is good."
    ),
    "sanity": (
        "rank correlation with the map of the same network with its weights shuffled. "
        "Near 0 is good; near 1, the map shows the image and not what the network has "
        "learned."
    ),
}

# Measures that tell what random maps have, in which column, and by which sign a map is
# the better.
_RANDOM = {
    "insertion": ("insertion_random", 1),
    "deletion": ("deletion_random", -1),
    "pointing": ("region", None),
    "energy": ("region", 1),
}


class ExplanationScores:
    """How far maps can be trusted, made by `explanation_scores`.

    Attributes:
        table: Dict of equal-length lists, with a row for each map.
        summary: Dict of equal-length lists, with a row for each method and measure.
        curves: The same of probabilities by the share of pixels, for each method.
        stages: The same of similarity by how many layers are random.
        meanings: Dict of what each measure says, in words.
    """

    __module__ = "reticnn"

    def __init__(self, table, summary, curves, stages, meanings):
        """Put the tables together."""
        self.table = table
        self.summary = summary
        self.curves = curves
        self.stages = stages
        self.meanings = meanings

    def __len__(self):
        """Count the maps."""
        return len(self.table["image"])

    def __repr__(self):
        """Say what the measures are of each method, and what they mean."""
        images = len(set(self.table["image"]))
        lines = [
            f"<ExplanationScores> {len(self):,} map{'' if len(self) == 1 else 's'} of "
            f"{images:,} image{'' if images == 1 else 's'}",
            *_printed(self.summary),
            *(f"{name}: {text}" for name, text in self.meanings.items()),
        ]
        return "\n".join(lines)


_FIELDS = ("table", "summary", "curves", "stages", "meanings")


def as_scores(value, name="explanation_scores"):
    """Return `ExplanationScores`, or make them again of the dict that R has of them."""
    if isinstance(value, Mapping) and set(_FIELDS) <= set(value):
        return ExplanationScores(**{field: value[field] for field in _FIELDS})
    if isinstance(value, ExplanationScores):
        return value
    raise TypeError(
        f"`{name}` must be what `explanation_scores()` returned, not {shown(value)}."
    )


def _printed(summary):
    """Return the rows of a summary as lines."""
    cells = [["method", "measure", "mean", "random", "better"]]
    for row in range(len(summary["method"])):
        value = {name: column[row] for name, column in summary.items()}
        better = value["better"]
        cells.append(
            [
                value["method"],
                value["measure"],
                f"{value['estimate']:.3f}",
                "" if np.isnan(value["random"]) else f"{value['random']:.3f}",
                "" if np.isnan(better) else f"{100 * better:.0f} %",
            ]
        )
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(
            text.ljust(width) if at < 2 else text.rjust(width)
            for at, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]


def summary_of(columns, methods):
    """Return the means by method and measure, and what random maps have.

    Args:
        columns: Dict of arrays (rows,), by measure and what it is compared with.
        methods: List of the method of each row.
    """
    rows = []
    for method in dict.fromkeys(methods):
        own = np.array([one == method for one in methods])
        of = {name: values[own] for name, values in columns.items()}
        rows += [
            {"method": method, "measure": measure, **_summed_up(measure, of)}
            for measure in MEANINGS
            if measure in of
        ]
    return {name: [row[name] for row in rows] for name in rows[0]}


def _summed_up(measure, of):
    """Return the row of a measure, from the columns of a method's maps."""
    beside, sign = _RANDOM.get(measure, (None, None))
    known = ~np.isnan(of[measure])
    values = of[measure][known]
    random = np.full(len(values), np.nan) if beside is None else of[beside][known]
    is_better = [] if sign is None else sign * (values - random) > 0
    return {
        "n": len(values),
        "estimate": mean_of(values),
        "random": mean_of(random),
        "better": mean_of(is_better),
    }


def mean_of(values):
    """Return the mean, NaN of nothing."""
    return float(np.mean(values)) if len(values) else np.nan
