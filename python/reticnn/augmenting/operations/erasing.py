"""The operation `erasing`: boxes of an image are filled."""

import math

from reticnn.augmenting.operations.operation import UNIT, Operation, up_to
from reticnn.augmenting.operations.reading import (
    as_chance,
    as_numbers,
    as_range,
    as_whole_range,
    named,
    percent,
    span,
)
from reticnn.augmenting.parts.erase import ERASE, random_box
from reticnn.augmenting.parts.noise import texture_offset
from reticnn.augmenting.random_numbers import ends_of_whole, happens, whole
from reticnn.coercion import as_float, shown

_MOST_BOXES = 32


def _read_erasing(value):
    """Return the probability, the size, shape and number of boxes, and the filling."""
    names = ("factor", "scale", "fill_value", "ratio", "count")
    given, labels = named(value, "erasing", names, alone="factor")
    scale, ratio = given.get("scale", (0.02, 0.33)), given.get("ratio")
    if ratio is not None:
        limits = {"minimum": 0.01, "maximum": 100}
        ratio = as_range(ratio, labels["ratio"], "both", **limits)
    limits = {"minimum": 1, "maximum": _MOST_BOXES}
    return {
        "factor": as_chance(given.get("factor", 1.0), labels["factor"]),
        "scale": as_range(scale, labels["scale"], "from_zero", minimum=0, maximum=1),
        "fill_value": _fill(given.get("fill_value"), labels["fill_value"]),
        "ratio": ratio,
        "count": as_whole_range(given.get("count", 1), labels["count"], **limits),
    }


def _fill(value, label):
    """Return the values of a filling, or None for noise."""
    if value is None:
        return None
    limits = {"minimum": 0, "maximum": 255}
    fill = [as_float(one, label, **limits) for one in as_numbers(value)]
    if len(fill) not in (1, 3):
        raise ValueError(
            "`erasing` must have a `fill_value` of one number or three (RGB), not "
            f"{shown(fill)}."
        )
    return fill


def _describe_erasing(settings):
    fill, ratio = settings["fill_value"], settings["ratio"]
    filling = "noise" if fill is None else ", ".join(f"{value:g}" for value in fill)
    one = settings["count"] == [1, 1]
    boxes = "a box" if one else f"{span(settings['count'])} boxes"
    shape = "" if ratio is None else f", {span(ratio)} times as high as wide"
    return (
        f"{boxes} of {percent(settings['scale'])} of the area{shape}, for "
        f"{percent(settings['factor'])} of the images, filled with {filling}"
    )


# The numbers of a box; those of the first have the slots they always had.
_OF_A_BOX = {
    "erase_area_tall": 30,
    "erase_area_wide": 31,
    "erase_down": 32,
    "erase_right": 33,
    "erase_ratio": 604,
}

_SLOTS = {
    "erase_chance": 28,
    "erase_threshold": 29,
    "erase_from_top": 34,
    "erase_from_left": 35,
    "erase_count": 600,
    **_OF_A_BOX,
    **{
        f"{name}_{box}": 600 + 8 * box + place
        for box in range(1, _MOST_BOXES)
        for place, name in enumerate(_OF_A_BOX)
    },
}


def _of_box(name, box):
    return f"{name}_{box}" if box else name


def _erasing_ranges(settings):
    ranges = {
        "erase_chance": settings["factor"],
        "erase_threshold": UNIT,
        "erase_from_top": UNIT,
        "erase_from_left": UNIT,
        "erase_count": ends_of_whole(settings["count"]),
    }
    of_a_box = {
        "erase_area_tall": settings["scale"],
        "erase_down": UNIT,
        "erase_right": UNIT,
    }
    if settings["ratio"] is None:
        of_a_box["erase_area_wide"] = settings["scale"]
    else:
        of_a_box["erase_ratio"] = [math.log(end) for end in settings["ratio"]]
    for box in range(settings["count"][1]):
        ranges |= {_of_box(name, box): ends for name, ends in of_a_box.items()}
    return ranges


def _check_erasing(settings, image_shape):
    fill, channels = settings["fill_value"], image_shape[2]
    if fill is not None and len(fill) == 3 != channels:
        raise ValueError(
            f"`erasing` has a `fill_value` for 3 channels, and the images have "
            f"{channels}. Give one number."
        )


def _erasing(erase, drawn, settings):
    xp = erase.xp
    on = happens(xp, drawn["erase_chance"], drawn["erase_threshold"])
    most = settings["count"][1]
    if most > 1:
        count = whole(xp, drawn["erase_count"])
        drawn, on = _of_all_boxes(xp, drawn, on, count, most)
    found = random_box(
        xp,
        erase.image_shape,
        on,
        _sides(xp, drawn, erase.image_shape),
        (drawn["erase_down"], drawn["erase_right"]),
    )
    if most > 1:
        found = xp.transpose(xp.reshape(found, (most, -1, 4)), (1, 0, 2))
    else:
        found = found[:, None]
    erase.set(erase=found)
    if settings["fill_value"] is None:
        start = drawn["erase_from_top"], drawn["erase_from_left"]
        erase.set(erase_offset=texture_offset(xp, *start))


def _of_all_boxes(xp, drawn, on, count, most):
    """Return the numbers of all boxes, one box of all images after another.

    With them, 1 where there is a box.
    """
    boxes = range(most)
    drawn = drawn | {
        name: xp.concatenate([drawn[_of_box(name, box)] for box in boxes])
        for name in _OF_A_BOX
        if name in drawn
    }
    return drawn, xp.concatenate([on * happens(xp, count, box) for box in boxes])


def _sides(xp, drawn, image_shape):
    """Return a box's height and width as fractions of the image's, (n,) each."""
    if "erase_ratio" not in drawn:
        return [xp.sqrt(drawn[f"erase_area_{side}"]) for side in ("tall", "wide")]
    height, width = image_shape[:2]
    side = xp.sqrt(drawn["erase_area_tall"])
    # In pixels, height and width are in this ratio.
    stretch = xp.exp(drawn["erase_ratio"] / 2)
    shape = math.sqrt(width / height)
    return [
        xp.minimum(side * stretch * shape, 1.0),
        xp.minimum(side / stretch / shape, 1.0),
    ]


ERASING = Operation(
    name="erasing",
    read=_read_erasing,
    describe=_describe_erasing,
    slots=_SLOTS,
    ranges=_erasing_ranges,
    part=ERASE,
    change=_erasing,
    constants=lambda settings: {"fill": settings["fill_value"]},
    check=_check_erasing,
    search=up_to(0.6),
)
