"""Operations that move pixels: together one matrix, by which an image is sampled."""

from reticnn.augmenting.operations.operation import UNIT, Operation, one_of, up_to
from reticnn.augmenting.operations.reading import (
    as_range,
    named,
    percent,
    span,
    two_ranges,
)
from reticnn.augmenting.parts.warp import WARP
from reticnn.augmenting.random_numbers import happens, random_sign
from reticnn.coercion import as_choice

# The numbers that each way of flipping draws.
_FLIPS = {
    "horizontal": ["flip_across"],
    "vertical": ["flip_down"],
    "horizontal_and_vertical": ["flip_across", "flip_down"],
}


def _read_flip(value):
    """Return the directions in which images are flipped."""
    given, labels = named(value, "flip", ("mode",), alone="mode")
    return {"mode": as_choice(given["mode"], labels["mode"], tuple(_FLIPS))}


def _describe_flip(settings):
    mode = settings["mode"]
    words = {"horizontal_and_vertical": "horizontal and vertical, each"}
    return f"{words.get(mode, mode + ',')} for half of the images"


def _flip(warp, drawn, settings):
    across, down = (
        happens(warp.xp, 0.5, drawn[name]) if name in drawn else None
        for name in ("flip_across", "flip_down")
    )
    warp.flip(across, down)


FLIP = Operation(
    name="flip",
    read=_read_flip,
    describe=_describe_flip,
    slots={"flip_across": 2, "flip_down": 3},
    ranges=lambda settings: dict.fromkeys(_FLIPS[settings["mode"]], UNIT),
    part=WARP,
    change=_flip,
    # Upright images are the rule.
    search=one_of("horizontal", "horizontal", "horizontal_and_vertical"),
)


def _read_translation(value):
    """Return the ranges of the moves, as fractions of height and width."""
    return two_ranges(value, "translation", ("height_factor", "width_factor"))


def _describe_translation(settings):
    tall, wide = map(percent, settings.values())
    return f"{tall} of the height, {wide} of the width"


TRANSLATION = Operation(
    name="translation",
    read=_read_translation,
    describe=_describe_translation,
    slots={"translate_down": 4, "translate_right": 5},
    ranges=lambda settings: {
        "translate_down": settings["height_factor"],
        "translate_right": settings["width_factor"],
    },
    part=WARP,
    change=lambda warp, drawn, settings: warp.translate(
        drawn["translate_down"], drawn["translate_right"]
    ),
    search=up_to(0.2),
)


def _read_shear(value):
    """Return the ranges of the two shears, whose sign is drawn besides."""
    names = ("x_factor", "y_factor")
    return two_ranges(value, "shear", names, symmetric=False, minimum=0)


def _describe_shear(settings):
    along_x, along_y = map(percent, settings.values())
    return f"{along_x} along x, {along_y} along y, to both sides"


def _shear(warp, drawn, settings):
    sign = random_sign(warp.xp, drawn["shear_sign"])
    warp.shear(drawn["shear_x"] * sign, drawn["shear_y"] * sign)


SHEAR = Operation(
    name="shear",
    read=_read_shear,
    describe=_describe_shear,
    slots={"shear_sign": 6, "shear_x": 7, "shear_y": 8},
    ranges=lambda settings: {
        "shear_sign": UNIT,
        "shear_x": settings["x_factor"],
        "shear_y": settings["y_factor"],
    },
    part=WARP,
    change=_shear,
    search=up_to(0.2),
)


def _read_rotation(value):
    """Return the range of the angle, as fractions of a full turn."""
    given, labels = named(value, "rotation", ("factor",), alone="factor")
    return {
        "factor": as_range(given["factor"], labels["factor"], minimum=-1, maximum=1)
    }


ROTATION = Operation(
    name="rotation",
    read=_read_rotation,
    describe=lambda settings: span(settings["factor"], 360, " degrees"),
    slots={"rotation": 9},
    ranges=lambda settings: {"rotation": settings["factor"]},
    part=WARP,
    change=lambda warp, drawn, settings: warp.rotate(drawn["rotation"]),
    search=up_to(0.15),
)


def _read_zoom(value):
    """Return the ranges of the zooms; None for a width that follows the height."""
    names = ("height_factor", "width_factor")
    given, labels = named(value, "zoom", names, alone="height_factor")
    limits = {"above": -1, "maximum": 1}
    width = given.get("width_factor")
    return {
        "height_factor": as_range(
            given.get("height_factor", 0), labels["height_factor"], **limits
        ),
        "width_factor": None
        if width is None
        else as_range(width, labels["width_factor"], **limits),
    }


def _describe_zoom(settings):
    tall = f"{percent(settings['height_factor'])} more of the height"
    if settings["width_factor"] is None:
        return f"{tall} and, by the same, of the width"
    return f"{tall}, {percent(settings['width_factor'])} more of the width"


def _zoom_ranges(settings):
    ranges = {
        "zoom_tall": settings["height_factor"],
        "zoom_wide": settings["width_factor"],
    }
    return {name: ends for name, ends in ranges.items() if ends is not None}


def _zoom(warp, drawn, settings):
    tall = drawn["zoom_tall"]
    warp.zoom(tall, drawn.get("zoom_wide", tall))


ZOOM = Operation(
    name="zoom",
    read=_read_zoom,
    describe=_describe_zoom,
    slots={"zoom_tall": 10, "zoom_wide": 11},
    ranges=_zoom_ranges,
    part=WARP,
    change=_zoom,
    search=up_to(0.3),
)
