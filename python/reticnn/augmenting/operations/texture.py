"""Operations that are the only one in their part: blur and noise."""

import numpy as np

from reticnn.augmenting.operations.operation import UNIT, Operation, up_to
from reticnn.augmenting.operations.reading import (
    as_chance,
    as_range,
    named,
    percent,
    span,
)
from reticnn.augmenting.parts.blur import BLUR
from reticnn.augmenting.parts.noise import NOISE, texture_offset
from reticnn.augmenting.random_numbers import happens
from reticnn.coercion import as_int


def _read_gaussian_blur(value):
    """Return the probability, the range of the sigma in pixels, and the window."""
    name = "gaussian_blur"
    names = ("factor", "kernel_size", "sigma")
    given, labels = named(value, name, names, alone="sigma")
    sigma = as_range(given.get("sigma", 1.0), labels["sigma"], "from_zero", minimum=0)
    # Three standard deviations to each side hold all but 0.3 % of the weight.
    enough = 2 * int(np.ceil(3 * sigma[1])) + 1
    size = given.get("kernel_size")
    size = enough if size is None else as_int(size, labels["kernel_size"])
    if size % 2 == 0:
        raise ValueError(
            f"`{name}` must have an odd `kernel_size`, not {size}. Use {size + 1}."
        )
    return {
        "factor": as_chance(given.get("factor", 1.0), labels["factor"]),
        "kernel_size": size,
        "sigma": sigma,
    }


def _describe_gaussian_blur(settings):
    sigma, factor = span(settings["sigma"]), percent(settings["factor"])
    return f"sigma {sigma} pixels, {factor} of the images"


def _gaussian_blur(blur, drawn, settings):
    on = happens(blur.xp, drawn["blur_chance"], drawn["blur_threshold"])
    blur.set(blur=on * drawn["blur"])


GAUSSIAN_BLUR = Operation(
    name="gaussian_blur",
    read=_read_gaussian_blur,
    describe=_describe_gaussian_blur,
    slots={"blur_chance": 22, "blur_threshold": 23, "blur": 24},
    ranges=lambda settings: {
        "blur_chance": settings["factor"],
        "blur_threshold": UNIT,
        "blur": settings["sigma"],
    },
    part=BLUR,
    change=_gaussian_blur,
    constants=lambda settings: {"radius": settings["kernel_size"] // 2},
    search=up_to(1.5),
)


def _read_gaussian_noise(value):
    """Return the range of the standard deviation, as a fraction of 255."""
    given, labels = named(value, "gaussian_noise", ("stddev",), alone="stddev")
    return {"stddev": as_chance(given["stddev"], labels["stddev"])}


def _gaussian_noise_ranges(settings):
    lower, upper = settings["stddev"]
    return {
        "noise": (255 * lower, 255 * upper),
        "noise_down": UNIT,
        "noise_right": UNIT,
    }


def _gaussian_noise(noise, drawn, settings):
    offset = texture_offset(noise.xp, drawn["noise_down"], drawn["noise_right"])
    noise.set(noise=drawn["noise"], noise_offset=offset)


GAUSSIAN_NOISE = Operation(
    name="gaussian_noise",
    read=_read_gaussian_noise,
    describe=lambda settings: f"standard deviation {span(settings['stddev'], 255)}",
    slots={"noise": 25, "noise_down": 26, "noise_right": 27},
    ranges=_gaussian_noise_ranges,
    part=NOISE,
    change=_gaussian_noise,
    search=up_to(0.1),
)
