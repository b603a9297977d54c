"""Operations that do what cameras and files do: motion, few pixels, JPEG."""

import math

from reticnn.augmenting.operations.chances import as_probability, done, of_the_images
from reticnn.augmenting.operations.operation import UNIT, Operation
from reticnn.augmenting.operations.reading import (
    as_numbers,
    as_range,
    as_whole_range,
    named,
    percent,
    span,
)
from reticnn.augmenting.parts.jpeg import JPEG
from reticnn.augmenting.parts.motion import MOTION, line
from reticnn.augmenting.parts.pixelation import PIXELATION
from reticnn.augmenting.random_numbers import ends_of_whole, to_int32, whole
from reticnn.coercion import shown

_LONGEST = 63


def _read_motion_blur(value):
    """Return the range of the lengths of the line, and the probability."""
    names = ("kernel_size", "probability")
    given, labels = named(value, "motion_blur", names, alone="kernel_size")
    label = labels["kernel_size"]
    sizes = as_numbers(given.get("kernel_size", 7), label)
    # One number is the greatest.
    sizes = sizes if len(sizes) == 2 else [3, *sizes]
    sizes = as_whole_range(sizes, label, minimum=3, maximum=_LONGEST)
    for size in sizes:
        if size % 2 == 0:
            raise ValueError(
                f"`{label}` must be odd, not {size}, because the line has a pixel in "
                f"its middle. Use {size + 1}."
            )
    return {"kernel_size": sizes, "probability": as_probability(given, labels)}


def _motion_blur(motion, drawn, settings):
    xp = motion.xp
    radius = settings["kernel_size"][1] // 2
    radii = done(motion, drawn, "motion_blur", settings) * whole(xp, drawn["motion"])
    steps, weights = line(xp, drawn["motion_angle"], radii, radius)
    motion.set(motion_steps=steps, motion_weights=weights)


MOTION_BLUR = Operation(
    name="motion_blur",
    read=_read_motion_blur,
    describe=lambda settings: (
        f"along {span(settings['kernel_size'])} pixels{of_the_images(settings)}"
    ),
    slots={"motion_blur_on": 220, "motion": 221, "motion_angle": 222},
    ranges=lambda settings: {
        "motion_blur_on": UNIT,
        "motion": ends_of_whole([size // 2 for size in settings["kernel_size"]]),
        "motion_angle": (0.0, math.pi),
    },
    part=MOTION,
    change=_motion_blur,
    constants=lambda settings: {"radius": settings["kernel_size"][1] // 2},
    search=lambda rng, strength: {
        "kernel_size": 3 + 2 * round(2 * strength),
        "probability": 0.5,
    },
)


def _read_downscaling(value):
    """Return the range of the scales, and the probability."""
    names = ("scale", "probability")
    given, labels = named(value, "downscaling", names, alone="scale")
    limits = {"minimum": 0.01, "maximum": 1}
    return {
        "scale": as_range(given.get("scale", 0.5), labels["scale"], "both", **limits),
        "probability": as_probability(given, labels),
    }


def _downscaling(pixelation, drawn, settings):
    xp = pixelation.xp
    on = done(pixelation, drawn, "downscaling", settings)
    scale = 1 + on * (drawn["downscaling"] - 1)
    sides = [
        xp.maximum(xp.round(scale * side), 1.0) for side in pixelation.image_shape[:2]
    ]
    pixelation.set(pixelation=to_int32(xp, xp.stack(sides, axis=1)))


DOWNSCALING = Operation(
    name="downscaling",
    read=_read_downscaling,
    describe=lambda settings: (
        f"to {percent(settings['scale'])} of height and width and back"
        f"{of_the_images(settings)}"
    ),
    slots={"downscaling_on": 223, "downscaling": 224},
    ranges=lambda settings: {"downscaling_on": UNIT, "downscaling": settings["scale"]},
    part=PIXELATION,
    change=_downscaling,
    search=lambda rng, strength: {
        "scale": [float(f"{1 - 0.5 * strength:.2g}"), 1.0],
        "probability": 0.5,
    },
)


def _read_jpeg_compression(value):
    """Return the range of the quality, and the probability."""
    names = ("quality", "probability")
    given, labels = named(value, "jpeg_compression", names, alone="quality")
    quality, label = given.get("quality", (30, 95)), labels["quality"]
    return {
        "quality": as_whole_range(quality, label, minimum=1, maximum=100),
        "probability": as_probability(given, labels),
    }


def _jpeg_compression(jpeg, drawn, settings):
    on = done(jpeg, drawn, "jpeg_compression", settings)
    jpeg.set(jpeg=to_int32(jpeg.xp, on * whole(jpeg.xp, drawn["jpeg"])))


def _check_jpeg_compression(settings, image_shape):
    height, width, _ = image_shape
    if max(height, width) > 65_500:
        raise ValueError(
            "`jpeg_compression` takes images of at most 65500 pixels in height and "
            f"width, not {shown([height, width])}."
        )


JPEG_COMPRESSION = Operation(
    name="jpeg_compression",
    read=_read_jpeg_compression,
    describe=lambda settings: (
        f"quality {span(settings['quality'])}{of_the_images(settings)}"
    ),
    slots={"jpeg_compression_on": 225, "jpeg": 226},
    ranges=lambda settings: {
        "jpeg_compression_on": UNIT,
        "jpeg": ends_of_whole(settings["quality"]),
    },
    part=JPEG,
    change=_jpeg_compression,
    check=_check_jpeg_compression,
    any_channels=False,
    search=lambda rng, strength: {
        "quality": [100 - round(70 * strength), 100],
        "probability": 0.5,
    },
)
