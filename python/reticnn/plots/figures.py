"""Figures, and what fits into them."""

import re

from reticnn.notation import installing

# Points; smaller text cannot be read.
_SMALLEST = 5


def new_figure(width, height):
    """Return an empty figure of that size in inches, outside pyplot's global state.

    Raises:
        ImportError: If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            f"Plots need matplotlib. Install it: {installing('matplotlib')}."
        ) from error
    return Figure((width, height), layout="constrained", dpi=100)


def bare(axes):
    """Return axes reduced to what is drawn in them and a light grid."""
    axes.spines[:].set_visible(False)
    axes.grid(color="#E5E5E5", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelcolor="#4D4D4D")
    return axes


def figure_of_scene(drawn, inches=7):
    """Return a figure of the last frame of a scene."""
    from matplotlib.patches import Rectangle

    width, height = drawn["width"], drawn["height"]
    figure = new_figure(inches, inches * height / width)
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.axis("off")
    points = 72 * inches / width
    for order, one in enumerate(drawn["frames"][-1]):
        x, y = one["x"], one["y"]
        if one["kind"] == "text":
            side = {"middle": "center", "start": "left", "end": "right"}[one["anchor"]]
            axes.text(
                *(x, y, one["text"]),
                ha=side,
                va="center_baseline",
                color=one["colour"],
                fontsize=points * one["size"],
                fontweight="bold" if one["bold"] else "normal",
                zorder=order,
            )
            continue
        right, bottom = x + one["width"], y + one["height"]
        if one["kind"] == "picture":
            extent = (x, right, bottom, y)
            look = {"interpolation": "nearest", "aspect": "auto"}
            axes.imshow(one["pixels"], extent=extent, zorder=order, **look)
            continue
        axes.add_patch(
            Rectangle(
                *((x, y), one["width"], one["height"]),
                facecolor=one["fill"] or "none",
                edgecolor=one["line"] or "none",
                linewidth=points * one["thick"],
                zorder=order,
            )
        )
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    return figure


def text_width(text, size, weight="normal"):
    """Return the width in inches of a line of text of that size in points."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=size, weight=weight)
    return text_to_path.get_text_width_height_descent(text, font, False)[0] / 72


def size_for_words(texts, width, size):
    """Return the size, at most that in points, at which all words fit a width."""
    words = {word for text in texts for word in _words(text)}
    widest = max((text_width(word, size) for word in words), default=0)
    # A little less, as widths do not grow quite as sizes do.
    return max(_SMALLEST, min(size, 0.98 * size * width / max(widest, 1e-9)))


def wrapped(text, width, size):
    """Return a text with more line breaks, at most that many inches wide."""
    return "\n".join(
        part for line in text.splitlines() for part in _parts(line, width, size)
    )


def _words(text):
    """Return the parts of a text that no line break divides."""
    return [
        word for part in text.split() for word in re.findall(r".+?(?:[_-]+|$)", part)
    ]


def _parts(line, width, size):
    """Return a line as the longest lines that are not too wide."""
    lines = [""]
    for blank, word in _with_blanks(line):
        if lines[-1] and text_width(lines[-1] + blank + word, size) > width:
            lines.append("")
        lines[-1] += (blank if lines[-1] else "") + word
    return [part for line in lines for part in _cut(line, width, size)]


def _with_blanks(line):
    """Yield the words of a line, each with the blank before it or nothing."""
    for part in line.split():
        for at, word in enumerate(_words(part)):
            yield "" if at else " ", word


def _cut(word, width, size):
    """Return a line in pieces that are not too wide: only a word that no size fits."""
    for most in range(len(word), 0, -1):
        if text_width(word[:most], size) <= width:
            rest = word[most:]
            return [word[:most], *(_cut(rest, width, size) if rest else [])]
    return [word]
