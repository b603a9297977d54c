"""Numbers as charts: training, confusion, a model's layers, learning rates."""

import numpy as np

from reticnn.classifier import as_classifier
from reticnn.plots.checked_table import check_table
from reticnn.plots.figures import bare, new_figure, text_width
from reticnn.plots.preparation import (
    BLUE,
    GREY,
    ORANGE,
    bars_of_description,
    bars_of_ladder,
    cells_of_confusion,
    levels,
    pairs_of_confusion,
    points_of_history,
    short_number,
)


def plot_history(classifier):
    """Plot the training history of a classifier.

    Args:
        classifier: Classifier from `fit_classifier` or `load_classifier`.

    Returns:
        `matplotlib.figure.Figure`: loss and accuracy by epoch on the training images
        and, if there are any, the validation images, with a vertical line where a new
        stage of training begins, and rings around the epoch whose weights the model
        has, if that is not the last.

    Raises:
        TypeError: If `classifier` is not a classifier.
        ImportError: If matplotlib is not installed.

    Example:
        >>> plot_history(classifier).savefig("history.png")
    """
    classifier = as_classifier(classifier, uses_model=False)
    drawn = points_of_history(classifier.history, classifier.kept_epoch)
    points = drawn["points"]
    metrics = sorted(set(points["metric"]))
    figure = new_figure(7, 5)
    panels = figure.subplots(max(1, len(metrics)), 1, sharex=True, squeeze=False)[:, 0]
    for axes, metric in zip(panels, metrics, strict=False):
        for begin in drawn["stages"]:
            axes.axvline(begin, color=GREY, linestyle="dashed")
        _draw_metric(bare(axes), points, metric, drawn["kept"])
    for begin, name in zip(drawn["stages"], drawn["stage_names"], strict=True):
        _name_stage(panels[0], begin, name)
    panels[-1].set_xlabel("\n".join(filter(None, ["Epoch", drawn["caption"]])))
    # With one epoch, a second tick would be at a fraction of it.
    panels[-1].xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    if "validation" in points["data"]:
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(
            handles, labels, loc="outside upper center", ncols=2, frameon=False
        )
    return figure


def _name_stage(axes, begin, name):
    """Write the name of a stage above its beginning."""
    place = axes.get_xaxis_transform()
    axes.text(begin, 1.02, f" {name}", transform=place, fontsize=8, color="#666666")


def _draw_metric(axes, points, metric, kept):
    """Draw a metric of the training and, where there is any, the validation."""
    for data, colour in ("training", BLUE), ("validation", ORANGE):
        line = [
            (epoch, value)
            for epoch, name, of, value in zip(*points.values(), strict=True)
            if name == metric and of == data
        ]
        if line:
            axes.plot(
                *zip(*line, strict=True),
                "o-",
                color=colour,
                label=data,
                markersize=4,
            )
        ringed = [point for point in line if point[0] == kept]
        for point in ringed:
            axes.plot(*point, "o", color=colour, markersize=10, fillstyle="none")
    axes.set_ylabel(metric)


def plot_confusion(evaluation):
    """Plot a confusion matrix.

    Args:
        evaluation: Evaluation from `evaluate_classifier`.

    Returns:
        `matplotlib.figure.Figure`: the true classes in rows, the predicted ones in
        columns, and in each cell the number of images and their share of the row.
        Correct predictions are blue, wrong ones orange, darker for larger shares. From
        30 classes on, bars of the 20 pairs of classes that are confused most often.

    Raises:
        TypeError: If `evaluation` is not an evaluation from `evaluate_classifier`.
        ImportError: If matplotlib is not installed.

    Example:
        >>> scores = evaluate_classifier(classifier, data)
        >>> plot_confusion(scores).savefig("confusion.png")
    """
    check_table(evaluation, "evaluation", "evaluate_classifier", ("confusion", "n"))
    confusion = evaluation["confusion"]
    confused = pairs_of_confusion(confusion)
    if confused:
        return _bars_of_pairs(confused)
    drawn = cells_of_confusion(confusion)
    classes = list(dict.fromkeys(confusion["truth"]))
    # Inches of a name, and of the figure, with room for the cells beside long names.
    widest = max(text_width(name, 10) for name in classes)
    side = max(6, widest + 5.2)
    figure = new_figure(side, side)
    axes = figure.subplots()
    _draw_cells(axes, confusion, drawn["cells"], classes)
    ticks = range(len(classes))
    upright = widest + 0.1 > (side - 0.6 - widest) / len(classes)
    axes.set_xticks(ticks, classes, rotation=90 if upright else 0)
    axes.set_yticks(ticks, classes)
    axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    axes.spines[:].set_visible(False)
    edges = np.arange(len(classes) + 1) - 0.5
    axes.hlines(edges, -0.5, len(classes) - 0.5, color="white", linewidth=2)
    axes.vlines(edges, -0.5, len(classes) - 0.5, color="white", linewidth=2)
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("Predicted")
    axes.set_ylabel("Truth")
    figure.supxlabel(drawn["caption"], fontsize=10, color="#666666")
    return figure


def _bars_of_pairs(drawn):
    """Return a figure with a bar for each pair of classes."""
    pairs = drawn["pairs"]
    rows = range(len(pairs["pair"]))
    widest = max([text_width(name, 10) for name in pairs["pair"]], default=0)
    figure = new_figure(widest + 5, 1.2 + 0.25 * len(rows))
    axes = bare(figure.subplots())
    bars = axes.barh(rows, pairs["n"], color=ORANGE)
    axes.bar_label(bars, pairs["text"], padding=3, fontsize=9, color="#4D4D4D")
    axes.grid(visible=False, axis="y")
    axes.set_yticks(rows, pairs["pair"])
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    axes.set_xlabel("Images")
    figure.supxlabel(drawn["caption"], fontsize=10, color="#666666")
    return figure


def _draw_cells(axes, confusion, cells, classes):
    """Draw the ground of each cell, and write its text."""
    count = len(classes)
    colours = np.array([levels(colour) for colour in cells["fill"]]) / 255
    axes.imshow(colours.reshape(count, count, 3), aspect="equal")
    written = zip(
        confusion["truth"],
        confusion["predicted"],
        cells["text"],
        cells["ink"],
        strict=True,
    )
    for truth, predicted, text, ink in written:
        if text:
            axes.text(
                classes.index(predicted),
                classes.index(truth),
                text,
                ha="center",
                va="center",
                color=ink,
                fontsize=min(13, 90 / count),
            )


def plot_description(description):
    """Plot the costs and receptive fields of the layers of a model.

    Args:
        description: Table from `describe_model`.

    Returns:
        `matplotlib.figure.Figure`: bars of the parameters, the mult-adds and the
        receptive field of each layer that has weights.

    Raises:
        TypeError: If `description` is not a table from `describe_model`.
        ImportError: If matplotlib is not installed.

    Example:
        >>> plot_description(describe_model(build_cnn())).savefig("layers.png")
    """
    check_table(description, "description", "describe_model", ("name", "mult_adds"))
    drawn = bars_of_description(description)
    rows = range(len(drawn["names"]))
    figure = new_figure(7.5, max(2.5, 0.6 + 0.22 * len(rows)))
    panels = figure.subplots(1, 3, sharey=True)
    for axes, measure in zip(panels, drawn["measures"], strict=True):
        # By number, as a layer that is used twice has two rows of one name.
        axes = bare(axes)
        axes.barh(rows, measure["values"], color=BLUE)
        axes.grid(visible=False, axis="y")
        axes.xaxis.get_major_locator().set_params(nbins=3)
        axes.xaxis.set_major_formatter(lambda value, _: short_number(value))
        axes.set_title(measure["title"], fontsize=10)
    panels[0].set_yticks(rows, drawn["names"])
    panels[0].invert_yaxis()
    return figure


def plot_ladder(ladder):
    """Plot the steps from ResNet-50 to ConvNeXt-T.

    Args:
        ladder: Table from `convnext_ladder`.

    Returns:
        `matplotlib.figure.Figure`: bars of the paper's accuracy at each step, starting
        at the value that the caption states, and of its multiply-adds, as in the
        paper's figure.

    Raises:
        TypeError: If `ladder` is not a table from `convnext_ladder`.
        ImportError: If matplotlib is not installed.

    Example:
        >>> plot_ladder(convnext_ladder()).savefig("ladder.png")

    Source:
        Liu, Mao, Wu, Feichtenhofer, Darrell and Xie (2022), A ConvNet for the 2020s,
        arXiv:2201.03545, figure 2.
    """
    check_table(ladder, "ladder", "convnext_ladder", ("step", "accuracy"))
    drawn = bars_of_ladder(ladder)
    rows = range(len(drawn["steps"]))
    figure = new_figure(8, 0.9 + 0.26 * len(rows))
    panels = figure.subplots(1, 2, sharey=True)
    for axes, measure, colour in zip(
        panels, drawn["measures"], (BLUE, GREY), strict=True
    ):
        axes, values = bare(axes), np.array(measure["values"])
        bars = axes.barh(
            rows,
            values - measure["start"],
            left=measure["start"],
            height=0.6,
            color=colour,
        )
        axes.bar_label(bars, measure["labels"], padding=3, fontsize=9)
        axes.grid(visible=False, axis="y")
        axes.margins(x=0.15)
        axes.set_title(measure["title"], fontsize=10, loc="left")
    panels[0].set_yticks(rows, drawn["steps"])
    panels[0].invert_yaxis()
    figure.supxlabel(drawn["caption"], fontsize=10, color="#666666")
    return figure


def plot_rates(rates):
    """Plot the loss against the learning rate.

    Args:
        rates: Rates and losses from `find_learning_rate`.

    Returns:
        `matplotlib.figure.Figure`: the smoothed loss against the learning rate, with a
        vertical line at the suggested rate, if there is one.

    Raises:
        TypeError: If `rates` was not returned by `find_learning_rate`.
        ImportError: If matplotlib is not installed.

    Example:
        >>> plot_rates(find_learning_rate(build_cnn(), data)).savefig("rates.png")
    """
    check_table(rates, "rates", "find_learning_rate", ("learning_rate", "suggestion"))
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
