"""The block diagram of a model."""

from reticnn.inspection.diagram import architecture
from reticnn.plots.figures import new_figure, text_width
from reticnn.plots.preparation import labels_of_boxes

# Largest length of the longer side and largest height of a box, in inches.
_LONGEST, _BOX = 10, 0.75

_LAST_LINE = "Last line: shape of the output \u00b7 number of parameters"


def plot_architecture(model, most=16, *, show=None, columns=None):
    """Draw the layers of a model as boxes.

    Args:
        model: Keras model built from layers, or a classifier.
        most: Whole number of at least 2, the largest number of boxes; see
            `architecture` for which layers share a box. Default 16.
        show: String or sequence of strings, kinds of layers that are not hidden in a
            box with others, as in `architecture`. Default None.
        columns: Whole number, roughly how many columns of boxes to draw. Default None,
            as many as suit a slide.

    Returns:
        `matplotlib.figure.Figure`: one box per layer or group of layers with its name,
        what it does, and, separated by a dot, the shape of its output and its number of
        parameters, if any; coloured by kind.

    Raises:
        TypeError: If `model` is not a Keras model or a classifier.
        ValueError: If `model` is not built from layers, `most` is below 2, `show` names
            anything else, or `columns` is below 1.
        ImportError: If matplotlib is not installed.

    Example:
        >>> plot_architecture(build_cnn()).savefig("cnn.png")
    """
    diagram = architecture(model, most, show=show, columns=columns)
    inch = min(_LONGEST / max(diagram["width"], diagram["height"]), _BOX)
    figure = new_figure(diagram["width"] * inch + 0.2, diagram["height"] * inch + 0.7)
    axes = figure.subplots()
    axes.set_aspect("equal")
    axes.axis("off")
    axes.set_xlim(-0.1, diagram["width"] + 0.1)
    axes.set_ylim(0, diagram["height"])
    _draw_arrows(axes, diagram["arrows"])
    boxes = {**diagram["boxes"], **labels_of_boxes(diagram["boxes"])}
    _draw_boxes(axes, diagram, boxes, inch)
    colours = zip(boxes["ground"], boxes["colour"], strict=True)
    _draw_legend(figure, dict(zip(boxes["kind"], colours, strict=True)))
    return figure


def _draw_arrows(axes, arrows):
    points = {}
    for number, x, y in zip(arrows["arrow"], arrows["x"], arrows["y"], strict=True):
        points.setdefault(number, []).append((x, y))
    for way in points.values():
        # Arrows between columns run along the edge of the axes.
        axes.plot(*zip(*way, strict=True), color="#737373", linewidth=1, clip_on=False)
        axes.annotate(
            "",
            xy=way[-1],
            xytext=way[-2],
            arrowprops={
                "arrowstyle": "-|>",
                "color": "#737373",
                "shrinkA": 0,
                "shrinkB": 0,
            },
        )


def _draw_boxes(axes, diagram, boxes, inch):
    from matplotlib.patches import Rectangle

    width, height = diagram["box_width"], diagram["box_height"]
    lines = [label.split("\n") for label in boxes["label"]]
    size = _font_size(lines, width * inch, height * inch)
    step = 1.25 * size / 72 / inch
    for at, (x, y) in enumerate(zip(boxes["x"], boxes["y"], strict=True)):
        corner = (x - width / 2, y - height / 2)
        axes.add_patch(
            Rectangle(
                corner,
                width,
                height,
                facecolor=boxes["ground"][at],
                edgecolor=boxes["colour"][at],
                zorder=3,
            )
        )
        for number, line in enumerate(lines[at]):
            axes.text(
                x,
                y + (1 - number) * step,
                line,
                ha="center",
                va="center",
                fontsize=size,
                fontweight="bold" if number == 0 else "normal",
                color="#404040" if number == 2 else "black",
                zorder=4,
            )


def _font_size(lines, width, height):
    """Return the font size at which all lines fit into boxes of that many inches."""
    widest = max(
        text_width(line, 72, "bold" if number == 0 else "normal")
        for box in lines
        for number, line in enumerate(box)
    )
    return min(0.92 * 72 * width / widest, 72 * height / 3.9)


def _draw_legend(figure, kinds):
    from matplotlib.patches import Patch

    handles = [
        Patch(facecolor=ground, edgecolor=colour, label=kind)
        for kind, (ground, colour) in kinds.items()
    ]
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=max(2, min(len(kinds), int(figure.get_figwidth() / 1.5))),
        frameon=False,
        title=_LAST_LINE,
        title_fontsize="small",
    )
