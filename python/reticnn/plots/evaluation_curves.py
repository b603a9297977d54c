"""Curves of an evaluation: ROC, precision and recall, calibration."""

from reticnn.coercion import shown
from reticnn.evaluation.curves import evaluation_curve
from reticnn.plots.figures import bare, new_figure
from reticnn.plots.preparation import BLUE, GREY

_AXES = {
    "roc": ("1 - specificity", "Sensitivity"),
    "precision_recall": ("Recall", "Precision"),
    "calibration": ("Highest probability", "Accuracy"),
}
_AREAS = {"roc": "roc_auc", "precision_recall": "pr_auc"}

# Okabe and Ito chose them so that all can tell them apart. More lines nobody can.
_COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#000000",
    "#999999",
)


def plot_curve(evaluation, kind="roc"):
    """Plot the ROC, precision-recall or calibration curve of an evaluation.

    Args:
        evaluation: What `evaluate_classifier` returned.
        kind: `"roc"`, `"precision_recall"` or `"calibration"`, as in
            `evaluation_curve`. Default `"roc"`.

    Returns:
        `matplotlib.figure.Figure`: a curve for the second of two classes, or for each
        of more, with the area under it; of more than eight, the eight with the
        smallest areas. Or accuracy against probability, with the limits of each bin as
        vertical lines, and a dashed line where the two agree.

    Raises:
        TypeError: If `evaluation` is not an evaluation.
        ValueError: If `kind` is not one of these, or there is nothing to draw, such as
            when all images are of one class.
        ImportError: If matplotlib is not installed.

    Example:
        >>> scores = evaluate_classifier(classifier, shape_images(200, seed=2))
        >>> plot_curve(scores, "calibration").savefig("calibration.png")
    """
    drawn = lines_of_curve(evaluation, kind)
    points, low = drawn["points"], drawn["low"]
    figure = new_figure(5.5, 5)
    axes = bare(figure.subplots())
    if kind != "precision_recall":
        axes.plot([low, 1], [low, 1], color=GREY, linestyle="dashed")
    if kind == "calibration":
        axes.vlines(points["x"], points["lower"], points["upper"], color=BLUE)
        axes.plot(points["x"], points["y"], "o", color=BLUE)
    for label, colour in drawn["colours"].items():
        own = [number for number, line in enumerate(points["line"]) if line == label]
        line = [[points[name][number] for number in own] for name in ("x", "y")]
        axes.plot(*line, color=colour, label=label)
    if drawn["colours"]:
        axes.legend(frameon=False, loc="lower right" if kind == "roc" else "lower left")
    axes.set_xlim(low - 0.01, 1.01)
    axes.set_ylim(-0.01, 1.02)
    axes.set_xlabel(drawn["axes"][0])
    axes.set_ylabel(drawn["axes"][1])
    axes.set_title(drawn["caption"] or "", fontsize=9, loc="left", color="#666666")
    return figure


def lines_of_curve(evaluation, kind):
    """Return what a plot of a curve of an evaluation shows.

    Returns:
        Dict: `"points"`, a table of `"x"` and `"y"`, with the `"line"` that a point is
        on, or with limits, `"lower"` and `"upper"`; `"colours"`, by line; the titles of
        the two `"axes"`; `"low"`, where the first begins; and a `"caption"` or None.

    Raises:
        ValueError: If there is nothing to draw.
    """
    curve = evaluation_curve(evaluation, kind)
    if kind == "calibration":
        points = {"x": curve["probability"], "y": curve["accuracy"]}
        points |= {name: curve[name] for name in ("lower", "upper")}
        low = max(0, min([*points["x"], 0.5]) - 0.02)
        level = 100 * (evaluation.get("level") or 0.95)
        caption = f"With {level:g} % intervals; dashed: calibrated"
        return _drawn(kind, points, caption=caption, low=low)
    if not curve["class"]:
        raise ValueError(
            f"`evaluation` has no {shown(kind)} curve, because all of its images are "
            "of one class. Evaluate on images of several classes."
        )
    label, caption = _labels(curve, evaluation["per_class"], _AREAS[kind])
    if kind == "roc":
        x, y = [1 - rate for rate in curve["specificity"]], curve["sensitivity"]
    else:
        x, y = curve["recall"], curve["precision"]
    rows = zip(x, y, curve["class"], strict=True)
    rows = [(x, y, label[name]) for x, y, name in rows if name in label]
    points = dict(
        zip(("x", "y", "line"), map(list, zip(*rows, strict=True)), strict=True)
    )
    colours = dict(zip(label.values(), _COLOURS, strict=False))
    return _drawn(kind, points, colours, caption)


def _drawn(kind, points, colours=None, caption=None, low=0):
    return {
        "points": points,
        "colours": colours or {},
        "axes": list(_AXES[kind]),
        "low": low,
        "caption": caption,
    }


def _labels(curve, per_class, area):
    """Return the names of the classes to draw, with their areas, and a caption."""
    areas = dict(zip(per_class["class"], per_class[area], strict=True))
    names = list(dict.fromkeys(curve["class"]))
    caption = None
    if len(names) > len(_COLOURS):
        caption = f"The {len(_COLOURS)} of {len(names)} classes with the smallest areas"
        names = sorted(names, key=areas.get)[: len(_COLOURS)]
    return {name: f"{name} ({areas[name]:.3f})" for name in names}, caption
