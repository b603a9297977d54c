"""Figures, and what fits into them."""

import textwrap


def new_figure(width, height):
    """Return an empty figure of that size in inches, outside pyplot's global state.

    Raises:
        ImportError: If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            'Plots need matplotlib. Install it with `pip install "reticnn[plot]"`.'
        ) from error
    return Figure((width, height), layout="constrained", dpi=100)


def bare(axes):
    """Return axes reduced to what is drawn in them and a light grid."""
    axes.spines[:].set_visible(False)
    axes.grid(color="#E5E5E5", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelcolor="#4D4D4D")
    return axes


def text_width(text, size, weight="normal"):
    """Return the width in inches of a line of text of that size in points."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=size, weight=weight)
    return text_to_path.get_text_width_height_descent(text, font, False)[0] / 72


def wrapped(text, width, size):
    """Return a text with more line breaks, at most that many inches wide."""
    return "\n".join(
        part for line in text.splitlines() for part in _parts(line, width, size)
    )


def _parts(line, width, size):
    """Return a line as the longest lines that are not too wide."""
    for most in range(len(line), 0, -1):
        parts = textwrap.wrap(line, most)
        if all(text_width(part, size) <= width for part in parts):
            return parts
    return [line]
