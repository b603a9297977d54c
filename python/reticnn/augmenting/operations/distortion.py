"""Operations that bend lines or let them converge, in the warp of all others."""

from reticnn.augmenting.operations.operation import UNIT, Operation, up_to
from reticnn.augmenting.operations.reading import (
    as_chance,
    as_range,
    named,
    percent,
    span,
)
from reticnn.augmenting.parts.noise import texture_offset
from reticnn.augmenting.parts.warp import WARP
from reticnn.augmenting.random_numbers import happens
from reticnn.coercion import as_float

_CORNERS = [
    f"perspective_{side}_{corner}" for corner in range(4) for side in ("down", "right")
]

# From here on, corners could lie on a line or cross.
_MOST_PERSPECTIVE = 0.5


def _read_perspective(value):
    """Return the probability, and how far corners are moved, as Keras counts it."""
    given, labels = named(value, "perspective", ("factor", "scale"), alone="scale")
    return {
        "factor": as_chance(given.get("factor", 1.0), labels["factor"]),
        "scale": as_float(
            given.get("scale", 0.3), labels["scale"], minimum=0, below=_MOST_PERSPECTIVE
        ),
    }


def _describe_perspective(settings):
    most = f"{50 * settings['scale']:.4g} %"
    chance = settings["factor"]
    some = "" if chance == [1, 1] else f", {percent(chance)} of the images"
    return f"corners moved by up to {most} of the sides{some}"


def _perspective_ranges(settings):
    most = settings["scale"] / 2
    return {
        "perspective_chance": settings["factor"],
        "perspective_threshold": UNIT,
        **dict.fromkeys(_CORNERS, (-most, most)),
    }


def _perspective(warp, drawn, settings):
    on = happens(warp.xp, drawn["perspective_chance"], drawn["perspective_threshold"])
    moves = [on * drawn[name] for name in _CORNERS]
    warp.show_corners(moves[::2], moves[1::2])


PERSPECTIVE = Operation(
    name="perspective",
    read=_read_perspective,
    describe=_describe_perspective,
    slots={
        "perspective_chance": 130,
        "perspective_threshold": 131,
        **{name: 132 + number for number, name in enumerate(_CORNERS)},
    },
    ranges=_perspective_ranges,
    part=WARP,
    change=_perspective,
    search=up_to(0.4),
)


def _read_elastic(value):
    """Return the probability, and the range of the displacement, as Keras counts it."""
    given, labels = named(value, "elastic", ("factor", "scale"), alone="scale")
    return {
        "factor": as_chance(given.get("factor", 1.0), labels["factor"]),
        "scale": as_range(
            given.get("scale", 0.5),
            labels["scale"],
            "from_zero",
            minimum=0,
            maximum=1,
        ),
    }


def _describe_elastic(settings):
    chance = settings["factor"]
    some = "" if chance == [1, 1] else f", {percent(chance)} of the images"
    # The standard deviation of Keras's displacements.
    return f"waves of {span(settings['scale'], 2.821, ' %')} of the longer side{some}"


def _elastic(warp, drawn, settings):
    on = happens(warp.xp, drawn["elastic_chance"], drawn["elastic_threshold"])
    offset = texture_offset(warp.xp, drawn["elastic_down"], drawn["elastic_right"])
    warp.wave(on * drawn["elastic"], offset)


ELASTIC = Operation(
    name="elastic",
    read=_read_elastic,
    describe=_describe_elastic,
    slots={
        "elastic_chance": 140,
        "elastic_threshold": 141,
        "elastic": 142,
        "elastic_down": 143,
        "elastic_right": 144,
    },
    ranges=lambda settings: {
        "elastic_chance": settings["factor"],
        "elastic_threshold": UNIT,
        "elastic": settings["scale"],
        "elastic_down": UNIT,
        "elastic_right": UNIT,
    },
    part=WARP,
    change=_elastic,
    search=up_to(0.5),
)
