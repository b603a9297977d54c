"""Measures as dots with their intervals: by a column of the data, and compared."""

from collections.abc import Mapping

from reticnn.coercion import shown
from reticnn.notation import visible
from reticnn.plots.figures import bare, new_figure, text_width
from reticnn.plots.preparation import BLUE

# More rows nobody reads.
_MOST_ROWS = 40

_LIMITS = ("estimate", "lower", "upper")


def plot_by(evaluation):
    """Plot how good a classifier is, broken down by a column of the data.

    Args:
        evaluation: What `evaluate_classifier` returned, with `by`.

    Returns:
        `matplotlib.figure.Figure`: accuracy and mean score of the images of each value
        or bin, with their intervals as horizontal lines if there are any; of more than
        40 values, those with the most images.

    Raises:
        TypeError: If `evaluation` is not an evaluation.
        ValueError: If it was made without `by`.
        ImportError: If matplotlib is not installed.

    Example:
        >>> data = image_arrays(images, labels, facts={"site": sites})
        >>> scores = evaluate_classifier(classifier, data, by="site")
        >>> plot_by(scores).savefig("sites.png")
    """
    return drawn_dots(dots_by(evaluation))


def dots_by(evaluation):
    """Return what `plot_by` shows.

    Returns:
        Dict: `"points"`, a table of `"row"`, `"panel"`, `"estimate"`, and `"lower"` and
        `"upper"`, NaN where there are none; the `"rows"` from the top; the `"panels"`;
        where to draw a `"line"`, or None; and a `"caption"` or None.
    """
    if not isinstance(evaluation, Mapping) or "per_class" not in evaluation:
        raise TypeError(
            "`evaluation` must come from `evaluate_classifier()`, not be "
            f"{shown(evaluation)}."
        )
    table = evaluation.get("by")
    if not table:
        raise ValueError(
            "`evaluation` has no results by a column of the data. Evaluate with `by`, "
            "the name of a fact."
        )
    name = table["column"][0]
    texts = [
        f"{'missing' if value is None else visible(value)} ({n:,})"
        for value, n in zip(table["value"], table["n"], strict=True)
    ]
    count = dict(zip(texts, table["n"], strict=True))
    # Values that were given as they are have no name.
    of_what = "" if name == "by" else f"By {visible(name)}, "
    rows, caption = list(count), f"{of_what}number of images in brackets"
    if evaluation.get("level") is not None:
        caption += f", {100 * evaluation['level']:g} % intervals"
    caption = caption[0].upper() + caption[1:]
    if len(rows) > _MOST_ROWS:
        largest = sorted(rows, key=lambda row: -count[row])[:_MOST_ROWS]
        caption += f", the {_MOST_ROWS} of {len(rows)} values with the most images"
        rows = [row for row in rows if row in set(largest)]
    unknown = [None] * len(texts)
    points = {
        "row": texts,
        "panel": [_TITLES[measure] for measure in table["measure"]],
        **{name: as_numbers(table.get(name, unknown)) for name in _LIMITS},
    }
    kept = [at for at, text in enumerate(texts) if text in set(rows)]
    return {
        "points": {key: [of[at] for at in kept] for key, of in points.items()},
        "rows": rows,
        "panels": list(_TITLES.values()),
        "line": None,
        "caption": caption,
    }


_TITLES = {"accuracy": "Accuracy", "mean_score": "Mean score of the true class"}


def plot_comparison(comparison):
    """Plot the differences of classifiers, with their intervals.

    Args:
        comparison: What `compare_classifiers` returned.

    Returns:
        `matplotlib.figure.Figure`: a panel for each measure, with the difference of
        each pair of classifiers, its interval as a horizontal line, and a dashed line
        at 0, where both are the same; of more than 40 pairs, the first 40.

    Raises:
        TypeError: If `comparison` is not a comparison.
        ImportError: If matplotlib is not installed.

    Example:
        >>> found = compare_classifiers({"small": small, "large": large}, data)
        >>> plot_comparison(found).savefig("comparison.png")
    """
    return drawn_dots(dots_of_comparison(comparison), columns=3)


def dots_of_comparison(comparison):
    """Return what `plot_comparison` shows, as `dots_by` does."""
    if not isinstance(comparison, Mapping) or "differences" not in comparison:
        raise TypeError(
            "`comparison` must come from `compare_classifiers()`, not be "
            f"{shown(comparison)}."
        )
    table = comparison["differences"]
    pairs = zip(table["first"], table["second"], strict=True)
    texts = [f"{visible(first)} - {visible(second)}" for first, second in pairs]
    rows = list(dict.fromkeys(texts))
    level = f"{100 * comparison['level']:g} % intervals"
    caption = f"Differences with {level}"
    if len(rows) > _MOST_ROWS:
        caption += f", the first {_MOST_ROWS} of {len(rows)} pairs"
        rows = rows[:_MOST_ROWS]
    # What is not known of any pair needs no panel.
    known = [at for at, value in enumerate(table["estimate"]) if is_known(value)]
    measures = dict.fromkeys(table["measure"][at] for at in known) or table["measure"]
    titles = {name: measure_title(name) for name in measures}
    kept = [
        at
        for at, text in enumerate(texts)
        if text in set(rows) and table["measure"][at] in titles
    ]
    return {
        "points": {
            "row": [texts[at] for at in kept],
            "panel": [titles[table["measure"][at]] for at in kept],
            **{name: as_numbers([table[name][at] for at in kept]) for name in _LIMITS},
        },
        "rows": rows,
        "panels": list(titles.values()),
        "line": 0,
        "caption": caption,
    }


def is_known(value):
    """Return whether a value is a number, and neither None nor NaN."""
    return value is not None and value == value


def as_numbers(values):
    """Return numbers with NaN for None, as which R's NA comes."""
    return [float("nan") if value is None else value for value in values]


_NAMES = {
    "kappa": "Cohen's kappa",
    "mcc": "Matthews correlation",
    "roc_auc": "ROC AUC",
    "pr_auc": "PR AUC",
}


def measure_title(name):
    """Return a measure under the name that people use."""
    return _NAMES.get(name) or name.replace("_", " ").capitalize()


def drawn_dots(drawn, columns=2):
    """Return a figure of what `dots_by` and the like prepare."""
    rows, panels = drawn["rows"], drawn["panels"]
    columns = min(columns, len(panels))
    lines = -(-len(panels) // columns)
    widest = max(text_width(row, 10) for row in rows)
    height = lines * (0.9 + 0.3 * len(rows)) + 0.5
    figure = new_figure(widest + 2.9 * columns + 0.4, max(2.2, height))
    grid = figure.subplots(lines, columns, sharey=True, squeeze=False).ravel()
    place = {row: at for at, row in enumerate(rows)}
    points = drawn["points"]
    for axes, panel in zip(grid, panels, strict=False):
        own = [at for at, name in enumerate(points["panel"]) if name == panel]
        y = [place[points["row"][at]] for at in own]
        bare(axes).grid(visible=False, axis="y")
        if drawn["line"] is not None:
            axes.axvline(drawn["line"], color="#999999", linestyle="dashed")
        limits = [[points[name][at] for at in own] for name in ("lower", "upper")]
        axes.hlines(y, *limits, color=BLUE, linewidth=1.6)
        axes.plot([points["estimate"][at] for at in own], y, "o", color=BLUE)
        axes.set_title(panel, fontsize=10)
        axes.locator_params(axis="x", nbins=4)
        axes.set_yticks(range(len(rows)), rows)
        axes.set_ylim(len(rows) - 0.5, -0.5)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    figure.supxlabel(drawn["caption"], fontsize=9, color="#666666")
    return figure
