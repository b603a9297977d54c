"""How far maps can be trusted, as lines over what is shown or forgotten."""

from reticnn.explanation.scored import as_scores
from reticnn.plots.figures import bare, new_figure
from reticnn.plots.preparation import BLUE, GREY, ORANGE

# Of methods; in this order, neighbours are told apart by people who see few colours.
_COLOURS = (BLUE, ORANGE, "#009E73", "#CC79A7", "#56B4E9", "#E69F00")

_RANDOM = "random"

_PANELS = {
    "insertion": "Insertion:\nprobability by\nshare put in",
    "deletion": "Deletion:\nprobability by\nshare taken away",
    "sanity": "Sanity:\nrank correlation by\nshare of random layers",
}


def plot_explanation_scores(explanation_scores):
    """Plot how far maps can be trusted, as measured by `explanation_scores()`.

    Args:
        explanation_scores: What `explanation_scores()` returned.

    Returns:
        `matplotlib.figure.Figure` with a panel for each of these, if measured: the mean
        probability while pixels are put into a blank image, which should rise above
        that of random maps (dashed); while they are taken away, which should fall below
        it; and the rank correlation of maps with the original ones while layers lose
        what they have learned, from the output backwards, which should fall to 0.

    Raises:
        TypeError: If `explanation_scores` does not come from that function.
        ValueError: If none of these was measured.
        ImportError: If matplotlib is not installed.

    Example:
        >>> scores = explanation_scores(explanation, classifier)
        >>> plot_explanation_scores(scores).savefig("scores.png")
    """
    drawn = lines_of_scores(explanation_scores)
    points, panels = drawn["points"], drawn["panels"]
    figure = new_figure(0.6 + 3 * len(panels), 3.2)
    grid = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, panel in zip(grid, panels, strict=True):
        bare(axes).set_title(panel, fontsize=10)
        own = [at for at, name in enumerate(points["panel"]) if name == panel]
        for line, colour in drawn["colours"].items():
            some = [at for at in own if points["line"][at] == line]
            if some:
                x, y = ([points[name][at] for at in some] for name in ("x", "y"))
                style = "dashed" if line == _RANDOM else "solid"
                axes.plot(x, y, color=colour, linestyle=style, label=line)
        axes.set_xlim(0, 1)
    handles, labels = grid[0].get_legend_handles_labels()
    count = len(labels)
    figure.legend(
        handles, labels, loc="outside upper center", ncols=count, frameon=False
    )
    return figure


def lines_of_scores(explanation_scores):
    """Return what `plot_explanation_scores` shows.

    Returns:
        Dict: `"points"`, a table of `"panel"`, `"line"`, `"x"` and `"y"`; the
        `"panels"`; and the `"colours"` by line.
    """
    scores = as_scores(explanation_scores, "explanation_scores")
    rows = [
        (_PANELS[measure], method, share, value)
        for method, measure, share, value in zip(*scores.curves.values(), strict=True)
    ]
    stages = scores.stages
    for method in dict.fromkeys(stages["method"]):
        rows.append((_PANELS["sanity"], method, 0.0, 1.0))
        rows += [
            (_PANELS["sanity"], *row)
            for row in zip(
                *(stages[name] for name in ("method", "share", "similarity")),
                strict=True,
            )
            if row[0] == method
        ]
    if not rows:
        raise ValueError(
            "`explanation_scores` has no measure with lines to draw. Measure "
            "'insertion', 'deletion' or 'sanity'."
        )
    names = ("panel", "line", "x", "y")
    points = {name: [row[at] for row in rows] for at, name in enumerate(names)}
    lines = [line for line in dict.fromkeys(points["line"]) if line != _RANDOM]
    colours = {
        line: _COLOURS[at % len(_COLOURS)] for at, line in enumerate(sorted(lines))
    }
    if _RANDOM in points["line"]:
        colours[_RANDOM] = GREY
    return {
        "points": points,
        "panels": list(dict.fromkeys(points["panel"])),
        "colours": colours,
    }
