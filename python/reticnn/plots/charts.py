"""Numbers as charts: training, confusion, a model's layers, learning rates."""

import numpy as np

from reticnn.classifier import as_classifier
from reticnn.coercion import shown
from reticnn.plots.figures import (
    BLUE,
    ORANGE,
    bare,
    mixed,
    new_figure,
    short_number,
    text_width,
)

# In a larger table, zeros only hide the rest.
_SMALL_TABLE = 6

_MEASURES = {
    "parameters": "Parameters",
    "mult_adds": "Mult-adds",
    "receptive_field": "Receptive field (pixels)",
}


def plot_history(classifier):
    """Plot the training history of a classifier.

    Args:
        classifier: Classifier from `fit_classifier` or `load_classifier`.

    Returns:
        `matplotlib.figure.Figure`: loss and accuracy by epoch, of the training and,
        where there are any, the validation images, with a line where a new stage of
        training begins.

    Raises:
        TypeError: If `classifier` is not a classifier.
        ImportError: If matplotlib is not installed.

    Example:
        >>> plot_history(classifier).savefig("history.png")
    """
    history = as_classifier(classifier).history
    metrics = [
        name
        for name in history
        if name not in ("epoch", "stage") and not name.startswith("val_")
    ]
    figure = new_figure(7, 5)
    panels = figure.subplots(max(1, len(metrics)), 1, sharex=True, squeeze=False)[:, 0]
    for axes, metric in zip(panels, sorted(metrics), strict=False):
        _draw_metric(bare(axes), history, metric)
    panels[-1].set_xlabel("Epoch")
    # With one epoch, a second tick would be at a part of it.
    panels[-1].xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    if any(name.startswith("val_") for name in history):
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(
            handles, labels, loc="outside upper center", ncols=2, frameon=False
        )
    return figure


def _draw_metric(axes, history, metric):
    """Draw a metric of the training and, where there is any, the validation."""
    epochs, stages = history["epoch"], history.get("stage", [])
    for at in np.flatnonzero(np.diff(stages)):
        axes.axvline(epochs[at + 1] - 0.5, color="#999999", linestyle="dashed")
    lines = (metric, "training", BLUE), (f"val_{metric}", "validation", ORANGE)
    for name, label, colour in lines:
        if name in history:
            axes.plot(
                epochs, history[name], "o-", color=colour, label=label, markersize=4
            )
    axes.set_ylabel(metric)


def plot_confusion(evaluation):
    """Plot which classes are taken for which.

    Args:
        evaluation: Evaluation from `evaluate_classifier`.

    Returns:
        `matplotlib.figure.Figure`: the true classes in rows, the predicted ones in
        columns, in each cell the number of images and their share of the row. Right
        ones are blue, wrong ones orange, the darker the larger the share.

    Raises:
        TypeError: If `evaluation` is not an evaluation.
        ImportError: If matplotlib is not installed.

    Example:
        >>> scores = evaluate_classifier(classifier, data)
        >>> plot_confusion(scores).savefig("confusion.png")
    """
    _check_table(evaluation, "evaluation", "evaluate_classifier", ("confusion", "n"))
    confusion = evaluation["confusion"]
    classes = list(dict.fromkeys(confusion["truth"]))
    counts = np.reshape(confusion["n"], (len(classes), len(classes)))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    colours = [
        [
            mixed(share, BLUE if row == column else ORANGE)
            for column, share in enumerate(line)
        ]
        for row, line in enumerate(shares)
    ]
    # Inches of a name, and of the figure, with room for the fields beside long names.
    widest = max(text_width(name, 10) for name in classes)
    side = max(6, widest + 5.2)
    figure = new_figure(side, side)
    axes = figure.subplots()
    axes.imshow(colours, aspect="equal")
    _write_counts(axes, counts, shares)
    places = range(len(classes))
    upright = widest + 0.1 > (side - 0.6 - widest) / len(classes)
    axes.set_xticks(places, classes, rotation=90 if upright else 0)
    axes.set_yticks(places, classes)
    axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    axes.spines[:].set_visible(False)
    edges = np.arange(len(classes) + 1) - 0.5
    axes.hlines(edges, -0.5, len(classes) - 0.5, color="white", linewidth=2)
    axes.vlines(edges, -0.5, len(classes) - 0.5, color="white", linewidth=2)
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("Predicted")
    axes.set_ylabel("Truth")
    right = 100 * np.trace(counts) / max(1, counts.sum())
    figure.supxlabel(
        f"{evaluation['n']:,} images, {right:.1f}% right", fontsize=10, color="#666666"
    )
    return figure


def _write_counts(axes, counts, shares):
    """Write the number of images and their share into each field."""
    for (row, column), count in np.ndenumerate(counts):
        if count or len(counts) <= _SMALL_TABLE:
            share = shares[row, column]
            axes.text(
                column,
                row,
                f"{count}\n{100 * share:.0f}%",
                ha="center",
                va="center",
                color="white" if share > 0.5 else "#333333",
                fontsize=min(13, 90 / len(counts)),
            )


def plot_description(description):
    """Plot what the layers of a model cost, and how much of the image they see.

    Args:
        description: Table from `describe_model`.

    Returns:
        `matplotlib.figure.Figure`: bars of the parameters, the mult-adds and the
        receptive field of each layer that has weights.

    Raises:
        TypeError: If `description` is not a description.
        ImportError: If matplotlib is not installed.

    Example:
        >>> plot_description(describe_model(build_cnn())).savefig("layers.png")
    """
    _check_table(description, "description", "describe_model", ("name", *_MEASURES))
    parameters, costs = description["parameters"], description["mult_adds"]
    rows = [at for at in range(len(costs)) if parameters[at] > 0 or costs[at] > 0]
    names = [description["name"][at] for at in rows]
    figure = new_figure(7.5, max(2.5, 0.6 + 0.22 * len(rows)))
    panels = figure.subplots(1, 3, sharey=True)
    for axes, (measure, title) in zip(panels, _MEASURES.items(), strict=True):
        # By number, as a layer that is used twice has two rows of one name.
        axes = bare(axes)
        axes.barh(
            range(len(rows)), [description[measure][at] for at in rows], color=BLUE
        )
        axes.grid(visible=False, axis="y")
        axes.xaxis.get_major_locator().set_params(nbins=3)
        axes.xaxis.set_major_formatter(lambda value, _: short_number(value))
        axes.set_title(title, fontsize=10)
    panels[0].set_yticks(range(len(rows)), names)
    panels[0].invert_yaxis()
    return figure


def plot_rates(rates):
    """Plot the loss by learning rate.

    Args:
        rates: Rates and losses from `find_learning_rate`.

    Returns:
        `matplotlib.figure.Figure`: the smoothed loss by learning rate, with a line at
        the rate that is suggested, if one is.

    Raises:
        TypeError: If `rates` is not what `find_learning_rate` gives.
        ImportError: If matplotlib is not installed.

    Example:
        >>> plot_rates(find_learning_rate(build_cnn(), data)).savefig("rates.png")
    """
    _check_table(rates, "rates", "find_learning_rate", ("learning_rate", "suggestion"))
    figure = new_figure(7, 4)
    axes = bare(figure.subplots())
    axes.plot(rates["learning_rate"], rates["loss"], color=BLUE)
    axes.set_xscale("log")
    if rates["suggestion"] is not None:
        axes.axvline(rates["suggestion"], color=ORANGE, linestyle="dashed")
        axes.set_title(f"Suggested: {rates['suggestion']:.2g}", fontsize=11, loc="left")
    axes.set_xlabel("Learning rate")
    axes.set_ylabel("Loss (smoothed)")
    return figure


def _check_table(value, name, maker, keys):
    if not isinstance(value, dict) or not all(key in value for key in keys):
        raise TypeError(f"`{name}` must be what `{maker}()` gives, not {shown(value)}.")
