"""What a network answers when the image is shifted, as a drawing."""

import math

import numpy as np

from reticnn.plots.checked_table import check_table
from reticnn.plots.figures import figure_of_scene
from reticnn.plots.preparation import colours_of
from reticnn.plots.scenes import (
    BLUE,
    INK,
    LINE,
    ORANGE,
    PALE,
    box,
    colours_of_values,
    picture,
    scene,
    tables_of,
    text,
)

# Pixels: of the whole, of a picture, and of the bars below.
_WIDTH, _SIDE, _BARS = 480, 200, 90

_MOST_UNITS = 12

_SECONDS = 0.9


def plot_shift_response(shifts):
    """Draw how a layer's output follows a shift of the image.

    Args:
        shifts: What `shift_response` returned.

    Returns:
        `matplotlib.figure.Figure`: the image at the largest shift, the feature map that
        varies most, or the first outputs as bars, and below them the difference for
        each shift, where 0 means that the output follows exactly. `save_animation`
        makes a film of all shifts.

    Raises:
        TypeError: If `shifts` does not come from that function.
        ImportError: If matplotlib is not installed.

    Example:
        >>> found = shift_response(build_cnn(), shape_images(1), "block1_pool")
        >>> plot_shift_response(found).savefig("shifts.png")
    """
    return figure_of_scene(scene_of_shifts(shifts))


def drawing_of_shifts(shifts):
    """Return the shapes of `plot_shift_response`, as R draws them."""
    drawn = scene_of_shifts(shifts)
    return {**drawn, "frames": [tables_of(drawn["frames"][-1])]}


def scene_of_shifts(shifts):
    """Return a scene with a frame for each shift."""
    keys = ("table", "images", "outputs", "stride")
    check_table(shifts, "shifts", "shift_response", keys)
    outputs = np.asarray(shifts["outputs"], "float64")
    images = np.asarray(shifts["images"])
    drawn = _of_maps(outputs) if outputs.ndim == 4 else _of_numbers(outputs)
    frames = [_frame(shifts, at, images[at], drawn[at]) for at in range(len(images))]
    return scene(_WIDTH, _height(), frames, _SECONDS)


def _height():
    return 34 + _SIDE + 40 + _BARS + 42


def _frame(found, at, image, output):
    pixels = colours_of(np.clip(np.rint(image), 0, 255).astype("uint8"))
    side = _SIDE / max(pixels.shape[:2])
    size = pixels.shape[1] * side, pixels.shape[0] * side
    pixel_count = int(found["table"]["shift"][at])
    name = str(found["layer"]).rsplit("/", 1)[-1]
    return [
        box(0, 0, _WIDTH, _height(), fill="#FFFFFF"),
        text(120, 15, f"shifted by {pixel_count}", size=14, bold=True),
        text(360, 15, name, size=14, bold=True),
        picture(120 - size[0] / 2, 34, *size, pixels),
        text(240, 34 + _SIDE / 2, "\u2192", size=24, colour=PALE),
        *output,
        *_bars(found, at),
    ]


def _of_maps(outputs):
    """Return for each shift the picture of the map that varies most at the start."""
    channel = outputs[0].std(axis=(0, 1)).argmax()
    maps = outputs[..., channel]
    colours = colours_of_values(maps, 1.0)
    side = _SIDE / max(maps.shape[1:])
    size = maps.shape[2] * side, maps.shape[1] * side
    x = 360 - size[0] / 2
    around = box(x, 34, *size, line=LINE)
    return [[picture(x, 34, *size, one), around] for one in colours]


def _of_numbers(outputs):
    """Return for each shift the bars of the first outputs."""
    values = outputs.reshape(len(outputs), -1)[:, :_MOST_UNITS]
    top, bottom = max(0.0, values.max()), min(0.0, values.min())
    if bottom == 0 and top <= 1:
        top = 1.0  # Probabilities.
    scale = _SIDE / max(top - bottom, 1e-12)
    wide = min(48, _SIDE / values.shape[1])
    left = 360 - wide * values.shape[1] / 2
    zero = 34 + top * scale
    drawn = []
    for row in values:
        shapes = [box(260, zero, _SIDE, 0.5, line=LINE)]
        for number, value in enumerate(row):
            y, height = zero - max(value, 0) * scale, abs(value) * scale
            x = left + number * wide
            shapes.append(box(x + 2, y, wide - 4, height, fill=BLUE))
        if len(row) <= 2:
            words = "   ".join(f"{value:.4f}" for value in row)
            shapes.append(text(360, 34 + _SIDE + 14, words, size=14))
        drawn.append(shapes)
    return drawn


def _bars(found, at):
    """Return the difference for each shift, that of this one orange."""
    table = found["table"]
    shifts = [int(shift) for shift in table["shift"]]
    known = [_known(value) for value in table["difference"]]
    top = 34 + _SIDE + 46
    base = top + _BARS - 14
    tallest = max([value for value in known if value is not None], default=0.0)
    wide = min(44, (_WIDTH - 24) / len(shifts))
    left = (_WIDTH - wide * len(shifts)) / 2
    note = "difference from the output that was shifted as well"
    if found["stride"] is None:
        note = "difference from the output without a shift"
    shapes = [
        text(_WIDTH / 2, top - 12, note, size=13, colour=INK),
        box(left, base, wide * len(shifts), 0.5, line=LINE),
    ]
    for number, (shift, value) in enumerate(zip(shifts, known, strict=True)):
        middle = left + (number + 0.5) * wide
        colour = ORANGE if number == at else BLUE
        height = 0 if not value else (_BARS - 34) * value / tallest
        words = "?" if value is None else "0" if value == 0 else _rounded(value)
        shapes += [
            box(middle - wide / 2 + 3, base - height, wide - 6, height, fill=colour),
            text(middle, base - height - 9, words, size=11, colour=colour),
            text(middle, base + 12, str(shift), colour=INK, bold=number == at),
        ]
    stride = found["stride"]
    words = "shift in pixels" if stride is None else f"shift in pixels; stride {stride}"
    return [*shapes, text(_WIDTH / 2, base + 34, words, size=13, colour=PALE)]


def _known(value):
    return None if value is None or math.isnan(value) else float(value)


def _rounded(value):
    return f"{value:.2f}" if value >= 0.005 else f"{value:.1g}"
