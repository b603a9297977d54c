"""What a unit sees of the image, growing from layer to layer."""

import numpy as np

from reticnn.plots.checked_table import check_table
from reticnn.plots.figures import figure_of_scene
from reticnn.plots.preparation import image_data_of, pictures_of_data
from reticnn.plots.scenes import (
    BLUE,
    LINE,
    ORANGE,
    PALE,
    box,
    picture,
    scene,
    tables_of,
    text,
)

# Pixels: of the whole, of the image, and of a line of the list beside it.
_WIDTH, _IMAGE, _LINE = 480, 240, 26

_MOST_LAYERS = 8

_SECONDS = 1.2


def plot_receptive_field(field, image=None):
    """Draw what a unit sees of the image, growing from layer to layer.

    Args:
        field: What `receptive_field` returned.
        image: The image to draw it on, an array (height, width, channels), 0 to 255, of
            the size that the model takes; of several images, or image data, the first
            is used. Or None for an empty one. Default None.

    Returns:
        `matplotlib.figure.Figure`: a frame on the image for each layer in which the
        field grows, with the sizes beside it, the last one orange; with many layers,
        eight of them spread evenly. `save_animation` makes a film of them.

    Raises:
        TypeError: If `field` does not come from that function.
        ValueError: If the image has another size.
        ImportError: If matplotlib is not installed.

    Example:
        >>> field = receptive_field(build_cnn())
        >>> plot_receptive_field(field, shape_images(1)).savefig("field.png")
    """
    return figure_of_scene(scene_of_field(field, image))


def drawing_of_field(field, image=None):
    """Return the shapes of `plot_receptive_field`, as R draws them."""
    drawn = scene_of_field(field, image)
    last = drawn["frames"][-1]
    return {**drawn, "frames": [tables_of(last)]}


def scene_of_field(field, image=None):
    """Return a scene with a frame for each layer that is shown."""
    keys = ("table", "layer", "image_size")
    check_table(field, "field", "receptive_field", keys)
    sides = [int(side) for side in field["image_size"]]
    table, rows = field["table"], _growing(field["table"])
    scale = _IMAGE / max(sides)
    height, width = (side * scale for side in sides)
    total = max(height, _LINE * len(rows) + 10) + 44
    ground = [
        box(0, 0, _WIDTH, total, fill="#FFFFFF"),
        text(6, 15, _title(field), size=14, bold=True, anchor="start"),
        *_ground(image, sides, width, height),
    ]
    frames = []
    for at in range(len(rows)):
        shapes = list(ground)
        for number, row in enumerate(rows):
            y = 48 + _LINE * number
            shapes += _listed(table, row, y, number, at)
            if number <= at:
                shapes += _frame(table, row, scale, number == at)
        frames.append(shapes)
    return scene(_WIDTH, total, frames, _SECONDS)


def _title(field):
    row, column = (int(at) for at in field["position"])
    name = str(field["layer"]).rsplit("/", 1)[-1]
    return f"What unit ({row}, {column}) of {name} sees"


def _growing(table):
    """Return the rows in which more of the image is seen, the last one among them."""
    sizes = [
        max(of) for of in zip(table["field_height"], table["field_width"], strict=True)
    ]
    most, rows = 1, []
    for row, size in enumerate(sizes):
        if size > most:
            most = size
            rows.append(row)
    rows = rows or [len(sizes) - 1]
    # Behind the last one in which it grows stands the layer itself.
    chosen = np.linspace(0, len(rows) - 1, min(_MOST_LAYERS, len(rows)))
    return [rows[round(at)] for at in chosen]


def _ground(image, sides, width, height):
    place = (6, 34, width, height)
    if image is None:
        return [box(*place, fill="#EBEBEB", line=LINE)]
    data = image_data_of(image, "image")[:1]
    if list(data.image_shape[:2]) != sides:
        given = " x ".join(map(str, data.image_shape[:2]))
        raise ValueError(
            f"`image` must have the size that the model takes, {sides[0]} x "
            f"{sides[1]}, not {given}."
        )
    return [picture(*place, pictures_of_data(data)[0])]


def _frame(table, row, scale, is_last):
    top, left, height, width = (
        scale * int(table[f"field_{name}"][row])
        for name in ("top", "left", "height", "width")
    )
    place = (6 + left, 34 + top, width, height)
    colour, thick = (ORANGE, 3.5) if is_last else (BLUE, 1.8)
    # White below, so that it is seen on dark photos and on bright ones.
    return [
        box(*place, line="#FFFFFF", thick=thick + 1.6),
        box(*place, line=colour, thick=thick),
    ]


def _listed(table, row, y, number, at):
    name = str(table["name"][row]).rsplit("/", 1)[-1]
    name = name if len(name) <= 20 else f"\u2026{name[-19:]}"
    size = f"{int(table['field_height'][row])} \u00d7 {int(table['field_width'][row])}"
    colour = ORANGE if number == at else BLUE if number < at else PALE
    bold = number == at
    x = 6 + _IMAGE + 14
    return [
        text(x, y, name, size=13, colour=colour, anchor="start", bold=bold),
        text(_WIDTH - 8, y, size, size=13, colour=colour, anchor="end", bold=bold),
    ]
