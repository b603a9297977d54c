"""The measures of the folds of a cross-validation."""

from reticnn.coercion import as_strings, nearest, shown
from reticnn.evaluation.cross_validated import CrossValidation
from reticnn.plots.figures import bare, new_figure
from reticnn.plots.preparation import BLUE, ORANGE

_DEFAULT = ("accuracy", "roc_auc", "log_loss")
_ALL = "all"


def plot_cross_validation(cross_validation, measures=None):
    """Plot the measures of the folds of a cross-validation, and those of all.

    Args:
        cross_validation: What `cross_validate` returned.
        measures: Names of measures, as in its `measures`, or None for accuracy, ROC AUC
            and log loss. Default None.

    Returns:
        `matplotlib.figure.Figure`: a panel for each measure, with a point for each
        fold, named by its number (with several repeats by `repeat.fold`), its limits as
        a line, and below them, in another colour, the measure of all predictions
        together.

    Raises:
        TypeError: If `cross_validation` is not one.
        ValueError: If there is no such measure.
        ImportError: If matplotlib is not installed.

    Example:
        >>> validated = cross_validate(build_cnn, shape_images(500), 5, epochs=5)
        >>> plot_cross_validation(validated).savefig("folds.png")
    """
    drawn = points_of_folds(cross_validation, measures)
    points, names = drawn["points"], drawn["names"]
    figure = new_figure(1 + 3 * len(names), 1.2 + 0.28 * len(drawn["folds"]))
    panels = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
    rows = list(zip(*points.values(), strict=True))
    place = {fold: at for at, fold in enumerate(drawn["folds"])}
    for axes, (measure, label) in zip(panels, names.items(), strict=True):
        bare(axes)
        for of, fold, estimate, lower, upper in rows:
            if of == measure:
                colour = ORANGE if fold == _ALL else BLUE
                axes.hlines(place[fold], lower, upper, color=colour, linewidth=2)
                axes.plot(estimate, place[fold], "o", color=colour)
        axes.set_xlabel(label)
        axes.set_yticks(list(place.values()), place)
    panels[0].set_ylim(len(place) - 0.5, -0.5)
    panels[0].set_ylabel("Fold")
    return figure


def points_of_folds(cross_validation, measures=None):
    """Return what a plot of a cross-validation shows.

    Returns:
        Dict: `"points"`, a table of `"measure"`, `"fold"`, a text, `"estimate"`,
        `"lower"` and `"upper"`; `"folds"`, their texts in order; and `"names"`, those
        of the measures for people, by the measure.
    """
    if not isinstance(cross_validation, CrossValidation):
        raise TypeError(
            "`cross_validation` must come from `cross_validate()`, not be "
            f"{shown(cross_validation)}."
        )
    known = cross_validation.measures["measure"]
    measures = as_strings(_DEFAULT if measures is None else measures, "measures")
    for name in measures:
        if name not in known:
            raise ValueError(
                f"`measures` has {shown(name)}, which is not one of "
                f"{shown(known)}.{nearest(name, known)}"
            )
    folds = cross_validation.folds
    numbers = list(zip(folds["repeat"], folds["fold"], strict=True))
    several = len(set(folds["repeat"])) > 1
    label = {
        number: f"{number[0]}.{number[1]}" if several else str(number[1])
        for number in numbers
    }
    limits = _limits(cross_validation)
    points = {name: [] for name in ("measure", "fold", "estimate", "lower", "upper")}
    for name in dict.fromkeys(measures):
        of_folds = dict(zip(numbers, folds[name], strict=True))
        of_all = cross_validation.evaluation[name]
        for number, estimate in [*of_folds.items(), (None, of_all)]:
            lower, upper = limits.get((number, name), (estimate, estimate))
            row = (name, label.get(number, _ALL), estimate, lower, upper)
            for column, value in zip(points.values(), row, strict=True):
                column.append(value)
    return {
        "points": points,
        "folds": [*label.values(), _ALL],
        "names": {name: _in_words(name) for name in dict.fromkeys(measures)},
    }


def _limits(found):
    """Return (lower, upper) by the numbers of the fold, None for all, and measure."""
    limits = {}
    if found.intervals:
        columns = ("repeat", "fold", "measure", "class", "lower", "upper")
        rows = zip(*(found.intervals[name] for name in columns), strict=True)
        for repeat, fold, measure, of_class, *ends in rows:
            if of_class is None:
                limits[(repeat, fold), measure] = ends
    columns = ("measure", "lower", "upper")
    for measure, *ends in zip(*(found.measures[name] for name in columns), strict=True):
        limits[None, measure] = ends
    return limits


def _in_words(name):
    words = name.replace("_", " ").replace("roc auc", "ROC AUC")
    words = words.replace("pr auc", "PR AUC").replace("brier", "Brier")
    return words[0].upper() + words[1:]
