"""Pictures of a search: its history, and what its settings did."""

import math

from reticnn.coercion import as_choice, shown
from reticnn.notation import visible
from reticnn.plots.figures import bare, new_figure
from reticnn.plots.preparation import BLUE, GREY, ORANGE
from reticnn.tuning.tuned import Tuning

_KINDS = ("history", "importance", "slices", "parallel")

# Where a line is at a setting that did not matter in its trial, below all values.
_UNUSED = -0.12


def plot_tuning(tuning, kind="history", objective=None):
    """Plot the trials of a search.

    Args:
        tuning: What `tune_classifier` returned.
        kind: `"history"`, the objective of each trial and the best so far;
            `"importance"`, how much of the variation each setting explains; `"slices"`,
            the objective against each setting; or `"parallel"`, a line through the
            settings of each trial. Default `"history"`.
        objective: Which one, if there are several. None for the first. Default None.

    Returns:
        `matplotlib.figure.Figure`. Only complete trials are shown.

    Raises:
        TypeError: If `tuning` is not from `tune_classifier`.
        ValueError: If `kind` is not one of these, there is no such objective, or no
            trial is complete, or too few for importance.
        ImportError: If matplotlib is not installed.

    Example:
        >>> plot_tuning(tuned, "slices").savefig("slices.png")
    """
    drawn = drawing_of_search(tuning, kind, objective)
    draw = {
        "history": _draw_history,
        "importance": _draw_importance,
        "slices": _draw_slices,
        "parallel": _draw_parallel,
    }
    return draw[drawn["kind"]](drawn)


def drawing_of_search(tuning, kind, objective):
    """Return what a plot of a search shows.

    Returns:
        Dict: the `"kind"`, the `"objective"`, whether it `"falls"` as trials get
        better, and `"points"`, a table. For a history
        `"trial"`, `"value"` and `"best"`; for importance `"setting"` and
        `"importance"`; else `"trial"`, `"panel"`, `"position"` from 0 to 1 and
        `"value"`, with `"panels"` in their order and their `"ticks"`, a table of
        `"panel"`, `"position"` and `"label"`.
    """
    if not isinstance(tuning, Tuning):
        raise TypeError(
            f"`tuning` must come from `tune_classifier()`, not be {shown(tuning)}."
        )
    kind = as_choice(kind, "kind", _KINDS)
    if objective is None:
        objective = tuning.objectives[0]
    objective = as_choice(objective, "objective", tuning.objectives)
    rows = _complete_rows(tuning, objective)
    if not rows:
        raise ValueError("`tuning` has no complete trial, so there is nothing to show.")
    sign = tuning.directions[tuning.objectives.index(objective)]
    falls = sign == "minimize"
    drawn = {"kind": kind, "objective": objective, "falls": falls}
    if kind == "history":
        return {**drawn, "points": _history(rows, min if falls else max)}
    if kind == "importance":
        return {**drawn, "points": _importance(tuning, objective)}
    panels = _panels(tuning, rows, objective if kind == "parallel" else None)
    ticks = [
        (name, position, label)
        for name, (_, ticks) in panels.items()
        for position, label in ticks
    ]
    points = [
        (row["trial"], name, position(row), row["value"])
        for row in rows
        for name, (position, _) in panels.items()
    ]
    if kind == "slices":
        points = [point for point in points if point[2] >= 0]
        ticks = [tick for tick in ticks if tick[1] >= 0]
    return {
        **drawn,
        "points": _table(points, ("trial", "panel", "position", "value")),
        "panels": list(panels),
        "ticks": _table(ticks, ("panel", "position", "label")),
    }


def _complete_rows(tuning, objective):
    """Return complete trials as dicts of `trial`, `value` and `settings`."""
    table = tuning.trials
    return [
        {
            "trial": table["trial"][row],
            "value": table[objective][row],
            "settings": {name: table[name][row] for name in tuning.settings},
        }
        for row in range(len(table["trial"]))
        if table["state"][row] == "complete"
    ]


def _history(rows, better):
    values = [row["value"] for row in rows]
    return {
        "trial": [row["trial"] for row in rows],
        "value": values,
        "best": [better(values[: end + 1]) for end in range(len(values))],
    }


def _importance(tuning, objective):
    rows = [
        (setting, importance)
        for one, setting, importance in zip(*tuning.importance.values(), strict=True)
        if one == objective and not math.isnan(importance)
    ]
    if not rows:
        raise ValueError(
            "`tuning` has too few complete trials to tell which settings matter, or "
            "all of them gave the same result. Run more of them."
        )
    return _table(rows, ("setting", "importance"))


def _panels(tuning, rows, objective):
    """Return for each setting what gives the position of a trial, and the ticks."""
    panels = {}
    for name, setting in tuning.settings.items():
        used = [row["settings"][name] is not None for row in rows]
        # None is a choice too, where there is no condition.
        unused = setting.when and not all(used)

        def position(row, name=name, setting=setting):
            value = row["settings"][name]
            return _UNUSED if setting.when and value is None else setting.place(value)

        ticks = [(setting.place(label), _text(label)) for label in setting.marks()]
        panels[name] = (position, [(_UNUSED, "unused")] * bool(unused) + ticks)
    if objective is not None:
        values = [row["value"] for row in rows]
        low, width = min(values), max(values) - min(values) or 1
        ticks = [(0, _text(low)), (1, _text(low + width))]
        panels[objective] = (lambda row: (row["value"] - low) / width, ticks)
    return panels


def _text(label):
    return f"{label:.3g}" if isinstance(label, float) else visible(str(label))


def _table(rows, names):
    columns = zip(*rows, strict=True) if rows else [[]] * len(names)
    return dict(zip(names, map(list, columns), strict=True))


def _name(measure):
    return visible(measure.replace("_", " ").capitalize())


def _draw_history(drawn):
    points = drawn["points"]
    figure = new_figure(7, 4)
    axes = bare(figure.subplots())
    axes.step(points["trial"], points["best"], where="post", color=ORANGE, label="best")
    axes.plot(points["trial"], points["value"], "o", color=BLUE, label="trial")
    axes.legend(frameon=False)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("Trial")
    axes.set_ylabel(_name(drawn["objective"]))
    return figure


def _draw_importance(drawn):
    points = drawn["points"]
    figure = new_figure(7, 1 + 0.4 * len(points["setting"]))
    axes = bare(figure.subplots())
    names = list(map(visible, points["setting"]))
    axes.barh(names[::-1], points["importance"][::-1], color=BLUE, height=0.7)
    axes.set_xlim(0, 1)
    axes.set_xlabel(f"Share of the variation in {drawn['objective']}")
    return figure


def _draw_slices(drawn):
    panels = drawn["panels"]
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure = new_figure(3 * columns + 0.5, 2.8 * rows)
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
    for axes, name in zip(grid, panels, strict=False):
        own = _of_panel(drawn["points"], name)
        bare(axes).plot(own["position"], own["value"], "o", color=BLUE, alpha=0.7)
        ticks = _of_panel(drawn["ticks"], name)
        axes.set_xticks(ticks["position"], ticks["label"], fontsize=8)
        axes.set_xlim(-0.08, 1.08)
        axes.set_title(visible(name), fontsize=10, loc="left")
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    figure.supylabel(_name(drawn["objective"]), fontsize=10)
    return figure


def _draw_parallel(drawn):
    panels, points = drawn["panels"], drawn["points"]
    figure = new_figure(1.6 * len(panels) + 1.5, 4)
    axes = bare(figure.subplots())
    axes.grid(False)
    low, high = min(points["value"]), max(points["value"])
    values = dict(zip(points["trial"], points["value"], strict=True))
    for trial in sorted(values, key=values.get, reverse=drawn["falls"]):
        at = [row for row, one in enumerate(points["trial"]) if one == trial]
        part = (values[trial] - low) / (high - low or 1)
        part = 1 - part if drawn["falls"] else part
        positions = [points["position"][row] for row in at]
        axes.plot(range(len(panels)), positions, color=_shade(part), linewidth=1.2)
    for number, name in enumerate(panels):
        axes.axvline(number, color=GREY, linewidth=0.8)
        ticks = _of_panel(drawn["ticks"], name)
        for position, label in zip(ticks["position"], ticks["label"], strict=True):
            axes.annotate(
                label,
                (number, position),
                xytext=(3, 2),
                fontsize=8,
                textcoords="offset points",
                color="#4D4D4D",
            )
    axes.set_xticks(range(len(panels)), list(map(visible, panels)), fontsize=9)
    axes.set_yticks([])
    return figure


def _shade(part):
    """Return a colour from light grey to blue."""
    light, blue = (0.85, 0.87, 0.9), (0.0, 0.447, 0.698)
    return tuple(a + part * (b - a) for a, b in zip(light, blue, strict=True))


def _of_panel(table, name):
    rows = [row for row, panel in enumerate(table["panel"]) if panel == name]
    return {column: [values[row] for row in rows] for column, values in table.items()}
