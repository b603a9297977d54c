"""Operations that look values up in a table, one for each channel, and sharpness."""

import math

from reticnn.augmenting.operations.chances import (
    as_probability,
    done,
    done_by_chance,
    of_the_images,
)
from reticnn.augmenting.operations.operation import UNIT, Operation
from reticnn.augmenting.operations.reading import (
    as_numbers,
    as_range,
    as_whole_range,
    named,
    span,
)
from reticnn.augmenting.parts.lookup_table import AUTOCONTRAST, EQUALIZE, LOOKUP
from reticnn.augmenting.parts.sharpness import SHARPNESS
from reticnn.augmenting.random_numbers import ends_of_whole, whole
from reticnn.coercion import as_float

AUTO_CONTRAST = done_by_chance(
    "auto_contrast",
    200,
    LOOKUP,
    lambda tables, on: tables.by_histogram(AUTOCONTRAST, on),
    histogram=True,
)

EQUALIZATION = done_by_chance(
    "equalization",
    202,
    LOOKUP,
    lambda tables, on: tables.by_histogram(EQUALIZE, on),
    histogram=True,
)

INVERT = done_by_chance("invert", 204, LOOKUP, lambda tables, on: tables.invert(on))


def _read_gamma(value):
    """Return the range of the exponents, and the probability."""
    names = ("gamma", "probability")
    given, labels = named(value, "gamma", names, alone="gamma")
    label, limits = labels["gamma"], {"minimum": 0.01, "maximum": 100}
    ends = [
        as_float(end, label, **limits)
        for end in as_numbers(given.get("gamma", 1.5), label)
    ]
    if len(ends) == 1:
        ends = [1 / ends[0], ends[0]]
    return {"gamma": sorted(ends), "probability": as_probability(given, labels)}


def _gamma(tables, drawn, settings):
    on = done(tables, drawn, "gamma", settings)
    tables.gamma(on, tables.xp.exp(on * drawn["gamma"]))


GAMMA = Operation(
    name="gamma",
    read=_read_gamma,
    describe=lambda settings: f"{span(settings['gamma'])}{of_the_images(settings)}",
    slots={"gamma_on": 206, "gamma": 207},
    ranges=lambda settings: {
        "gamma_on": UNIT,
        "gamma": [math.log(end) for end in settings["gamma"]],
    },
    part=LOOKUP,
    change=_gamma,
    search=lambda rng, strength: float(f"{1 + strength * rng.uniform(0.5, 1):.2g}"),
)


def _read_posterization(value):
    """Return the range of the number of bits that are kept, and the probability."""
    names = ("factor", "probability")
    given, labels = named(value, "posterization", names, alone="factor")
    limits = {"minimum": 1, "maximum": 8}
    return {
        "factor": as_whole_range(given.get("factor", 4), labels["factor"], **limits),
        "probability": as_probability(given, labels),
    }


def _posterization(tables, drawn, settings):
    on = done(tables, drawn, "posterization", settings)
    tables.posterize(on, on * (8 - whole(tables.xp, drawn["posterization"])))


POSTERIZATION = Operation(
    name="posterization",
    read=_read_posterization,
    describe=lambda settings: (
        f"{span(settings['factor'])} of 8 bits kept{of_the_images(settings)}"
    ),
    slots={"posterization_on": 208, "posterization": 209},
    ranges=lambda settings: {
        "posterization_on": UNIT,
        "posterization": ends_of_whole(settings["factor"]),
    },
    part=LOOKUP,
    change=_posterization,
    search=lambda rng, strength: {
        "factor": [8 - max(1, round(5 * strength)), 7],
        "probability": 0.5,
    },
)


def _read_solarization(value):
    """Return the ranges of the threshold and of the addition, and the probability."""
    names = ("addition_factor", "threshold_factor", "probability")
    given, labels = named(value, "solarization", names, alone="threshold_factor")
    limits = {"kind": "from_zero", "minimum": 0, "maximum": 1}
    factors = {
        name: as_range(given.get(name, 0), labels[name], **limits) for name in names[:2]
    }
    return {**factors, "probability": as_probability(given, labels)}


def _describe_solarization(settings):
    text = f"values from {span(settings['threshold_factor'], 255)} on inverted"
    if any(settings["addition_factor"]):
        text = f"{span(settings['addition_factor'], 255)} added, then {text}"
    return text + of_the_images(settings)


def _solarization(tables, drawn, settings):
    on = done(tables, drawn, "solarization", settings)
    addition, threshold = drawn["solarization_addition"], drawn["solarization"]
    # Above all values where the image stays as it is.
    tables.solarize_from(on, on * addition * 255, on * threshold * 255 + (1 - on) * 256)


SOLARIZATION = Operation(
    name="solarization",
    read=_read_solarization,
    describe=_describe_solarization,
    slots={"solarization_on": 210, "solarization_addition": 211, "solarization": 212},
    ranges=lambda settings: {
        "solarization_on": UNIT,
        "solarization_addition": settings["addition_factor"],
        "solarization": settings["threshold_factor"],
    },
    part=LOOKUP,
    change=_solarization,
    search=lambda rng, strength: {
        "threshold_factor": [float(f"{1 - 0.5 * strength:.2g}"), 1.0],
        "probability": 0.5,
    },
)


def _read_sharpness(value):
    """Return the range of the factors, and the probability."""
    names = ("factor", "probability")
    given, labels = named(value, "sharpness", names, alone="factor")
    limits = {"kind": "from_zero", "minimum": 0, "maximum": 1}
    return {
        "factor": as_range(given.get("factor", 1), labels["factor"], **limits),
        "probability": as_probability(given, labels),
    }


def _sharpness(sharpness, drawn, settings):
    on = done(sharpness, drawn, "sharpness", settings)
    sharpness.set(sharpness=1 + on * (2 * drawn["sharpness"] - 1))


SHARPENING = Operation(
    name="sharpness",
    read=_read_sharpness,
    describe=lambda settings: (
        f"details times {span(settings['factor'], 2)}{of_the_images(settings)}"
    ),
    slots={"sharpness_on": 213, "sharpness": 214},
    ranges=lambda settings: {"sharpness_on": UNIT, "sharpness": settings["factor"]},
    part=SHARPNESS,
    change=_sharpness,
    search=lambda rng, strength: [
        float(f"{0.5 - 0.5 * strength:.2g}"),
        float(f"{0.5 + 0.5 * strength:.2g}"),
    ],
)
