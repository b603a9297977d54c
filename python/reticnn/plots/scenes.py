"""Drawings as plain shapes, which matplotlib, ggplot2, SVG and GIF draw alike.

A scene has a width and a height in pixels, with y downwards, and frames. A frame is a
list of shapes: boxes, texts and pictures, each over the one before.
"""

import numpy as np

from reticnn.plots.preparation import BLUE, GREY, ORANGE, levels

INK, PALE, LINE = "#222222", "#666666", "#C8C8C8"


def scene(width, height, frames, seconds):
    """Return a scene, each of whose frames is shown so many seconds."""
    return {
        "width": float(width),
        "height": float(height),
        "frames": frames,
        "seconds": seconds,
    }


def box(x, y, width, height, *, fill=None, line=None, thick=1.0):
    """Return a box by its upper left corner; None for `fill` is empty."""
    return {
        "kind": "box",
        "x": float(x),
        "y": float(y),
        "width": float(width),
        "height": float(height),
        "fill": fill,
        "line": line,
        "thick": float(thick),
    }


def text(x, y, words, *, size=13, colour=INK, anchor="middle", bold=False):
    """Return a text with its vertical middle at `y`."""
    return {
        "kind": "text",
        "x": float(x),
        "y": float(y),
        "text": words,
        "size": float(size),
        "colour": colour,
        "anchor": anchor,
        "bold": bold,
    }


def picture(x, y, width, height, pixels):
    """Return a picture of bytes (height, width, 3)."""
    return {
        "kind": "picture",
        "x": float(x),
        "y": float(y),
        "width": float(width),
        "height": float(height),
        "pixels": pixels,
    }


def tables_of(shapes):
    """Return the shapes of a frame as R takes them: tables, and a list of pictures."""
    tables = {}
    for kind in ("box", "text", "picture"):
        some = [
            {**one, "order": at} for at, one in enumerate(shapes) if one["kind"] == kind
        ]
        names = [name for name in (some[0] if some else {}) if name != "kind"]
        tables[kind] = {name: [one[name] for one in some] for name in names}
    return tables


# Numbers as colours


def colours_of_values(values, most=0.8):
    """Return numbers as colours (..., 3): white at 0, orange above and blue below.

    Numbers of which none is below 0 go from white to blue.

    Args:
        values: Array of numbers; NaN is grey.
        most: Share of the colour that the largest has. Default 0.8.
    """
    values = np.asarray(values, "float64")
    known = np.isfinite(values)
    sizes = np.where(known, abs(values), 0)
    share = most * sizes / max(sizes.max(), 1e-12)
    signed = (values[known] < 0).any()
    above = levels(ORANGE if signed else BLUE)
    end = np.where((values < 0)[..., None], levels(BLUE), above)
    mixed = np.rint(255 + share[..., None] * (end - 255))
    return np.where(known[..., None], mixed, 235).astype("uint8")


def hex_of(colour):
    """Return a colour of three bytes as text."""
    return "#" + "".join(f"{int(level):02X}" for level in colour)


def ink_on(colour):
    """Return the colour in which text can be read on that one."""
    return "#FFFFFF" if np.dot(colour, (0.299, 0.587, 0.114)) < 140 else INK


def short(value):
    """Return a number in few letters."""
    if not np.isfinite(value):
        return ""
    if value == round(value) and abs(value) < 1e4:
        return str(int(value))
    return f"{value:.2g}" if abs(value) < 100 else f"{value:.0f}"


def cells(x, y, side, values, colours, *, numbers=True, line=LINE):
    """Return a box for each known value of a matrix, with its number in it."""
    shapes = []
    for row, column in np.argwhere(np.isfinite(values)):
        value = values[row, column]
        left, top = x + column * side, y + row * side
        colour = colours[row, column]
        shapes.append(box(left, top, side, side, fill=hex_of(colour), line=line))
        if numbers and (words := short(value)):
            size = min(15, 0.48 * side, 1.5 * side / max(2, len(words)))
            middle = left + side / 2, top + side / 2
            shapes.append(text(*middle, words, size=size, colour=ink_on(colour)))
    return shapes


__all__ = [
    "BLUE",
    "GREY",
    "INK",
    "LINE",
    "ORANGE",
    "PALE",
    "box",
    "cells",
    "colours_of_values",
    "hex_of",
    "picture",
    "scene",
    "short",
    "tables_of",
    "text",
]
