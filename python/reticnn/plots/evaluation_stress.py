"""What changes of the images do to a classifier, as lines over their strength."""

from collections.abc import Mapping

from reticnn.coercion import shown
from reticnn.plots.evaluation_dots import as_numbers
from reticnn.plots.figures import bare, new_figure
from reticnn.plots.preparation import BLUE, GREY, ORANGE

_COLOURS = {"accuracy": BLUE, "consistency": ORANGE}

# Side by side, as one often is the other.
_BESIDE = {"accuracy": -0.08, "consistency": 0.08}


def plot_stress(stress):
    """Plot how well a classifier withstands changes to the images.

    Args:
        stress: Table from `stress_test`.

    Returns:
        `matplotlib.figure.Figure`: a panel for each change, with accuracy and
        consistency by its strength, the mildest on the left, their intervals as
        vertical lines, and a dashed line at the accuracy on unchanged images.

    Raises:
        TypeError: If `stress` is not a table from `stress_test`.
        ImportError: If matplotlib is not installed.

    Example:
        >>> plot_stress(stress_test(classifier, data)).savefig("stress.png")
    """
    drawn = lines_of_stress(stress)
    points, panels = drawn["points"], drawn["panels"]
    columns = min(3, len(panels))
    lines = -(-len(panels) // columns)
    figure = new_figure(0.6 + 2.7 * columns, 0.7 + 2.2 * lines)
    grid = figure.subplots(lines, columns, sharey=True, squeeze=False).ravel()
    for axes, panel in zip(grid, panels, strict=False):
        own = [at for at, name in enumerate(points["panel"]) if name == panel]
        if drawn["unchanged"] is not None:
            axes.axhline(drawn["unchanged"], color=GREY, linestyle="dashed")
        _draw_panel(
            bare(axes), {name: [of[at] for at in own] for name, of in points.items()}
        )
        axes.set_title(panel, fontsize=9)
        axes.set_ylim(-0.02, 1.02)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2, frameon=False)
    figure.supxlabel(drawn["caption"], fontsize=9, color="#666666")
    return figure


def _draw_panel(axes, points):
    """Draw the measures of one change."""
    for measure in dict.fromkeys(points["measure"]):
        own = [at for at, name in enumerate(points["measure"]) if name == measure]
        x, y, lower, upper = (
            [points[name][at] for at in own]
            for name in ("level", "estimate", "lower", "upper")
        )
        colour, x = _COLOURS[measure], [level + _BESIDE[measure] for level in x]
        axes.vlines(x, lower, upper, color=colour)
        axes.plot(x, y, "o-", color=colour, markersize=4, label=measure)
    labels = dict(zip(points["level"], points["label"], strict=True))
    axes.set_xticks(list(labels), list(labels.values()))


def lines_of_stress(stress):
    """Return what `plot_stress` shows.

    Returns:
        Dict: `"points"`, a table of `"panel"`, `"level"`, the `"label"` of that level,
        `"measure"`, `"estimate"`, `"lower"` and `"upper"`; the `"panels"`; the accuracy
        on `"unchanged"` images, or None; the `"colours"` by measure; and a `"caption"`.
    """
    needed = ("change", "level", "strength", "unit", "measure", "estimate", "lower")
    if not isinstance(stress, Mapping) or not set(needed) <= set(stress):
        raise TypeError(
            f"`stress` must come from `stress_test()`, not be {shown(stress)}."
        )
    unchanged = [
        estimate
        for name, estimate in zip(stress["change"], stress["estimate"], strict=True)
        if name == "none"
    ]
    own = [at for at, name in enumerate(stress["change"]) if name != "none"]
    of = {name: [column[at] for at in own] for name, column in stress.items()}
    titles = [
        f"{change.capitalize() if change != 'jpeg' else 'JPEG'}\n({unit})"
        for change, unit in zip(of["change"], of["unit"], strict=True)
    ]
    return {
        "points": {
            "panel": titles,
            "level": of["level"],
            "label": [f"{strength:g}" for strength in of["strength"]],
            "measure": of["measure"],
            **{name: as_numbers(of[name]) for name in ("estimate", "lower", "upper")},
        },
        "panels": list(dict.fromkeys(titles)),
        "unchanged": unchanged[0] if unchanged else None,
        "colours": _COLOURS,
        "caption": "Dashed: accuracy on unchanged images" if unchanged else None,
    }
