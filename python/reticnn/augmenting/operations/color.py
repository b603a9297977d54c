"""Operations that change colours: together one matrix for a pixel's channels."""

from collections.abc import Mapping
from itertools import permutations

import numpy as np

from reticnn.augmenting.operations.black_body import (
    BLACK_BODY,
    COLDEST as _COLDEST,
    STEP as _STEP,
)
from reticnn.augmenting.operations.chances import as_probability, done, of_the_images
from reticnn.augmenting.operations.operation import UNIT, Operation, up_to
from reticnn.augmenting.operations.reading import (
    as_chance,
    as_range,
    named,
    percent,
    span,
)
from reticnn.augmenting.parts.color_matrix import COLOR
from reticnn.augmenting.random_numbers import (
    constant,
    ends_of_whole,
    happens,
    normals,
    random_sign,
    to_int32,
    whole,
)
from reticnn.coercion import as_float, shown

_JITTERS = ("brightness", "contrast", "saturation", "hue")


def _read_color_jitter(value):
    """Return the range of each factor of Keras's colour jitter, None for none."""
    name = "color_jitter"
    names = tuple(f"{jitter}_factor" for jitter in _JITTERS)
    if not isinstance(value, Mapping):
        amount = as_float(value, name, minimum=0, below=1)
        value = {
            "brightness_factor": amount,
            "contrast_factor": amount,
            "saturation_factor": (0.5 - amount / 2, 0.5 + amount / 2),
        }
    given, labels = named(value, name, names)
    unit = {"minimum": 0, "maximum": 1}
    limits = {
        "brightness_factor": {"minimum": -1, "maximum": 1},
        "contrast_factor": {"kind": "apart", **unit},
        "saturation_factor": {"kind": "from_zero", **unit},
        "hue_factor": {"kind": "from_zero", **unit},
    }
    return {
        part: None
        if given.get(part) is None
        else as_range(given[part], labels[part], **limits[part])
        for part in names
    }


def _describe_color_jitter(settings):
    brightness, contrast, saturation, hue = settings.values()
    texts = []
    if brightness is not None:
        texts.append(f"brightness {span(brightness, 255)}")
    if contrast is not None:
        lower, upper = contrast
        texts.append(f"contrast times {span((1 - lower, 1 + upper))}")
    if saturation is not None:
        ends = [end / max(1 - end, 1 / 256) for end in saturation]
        texts.append(f"saturation times {span(ends)}")
    if hue is not None:
        texts.append(f"hue {span(hue, 180, ' degrees')} to both sides")
    return ", ".join(texts)


def _color_jitter_ranges(settings):
    ranges = {name: settings[f"{name}_factor"] for name in _JITTERS}
    ranges = {name: ends for name, ends in ranges.items() if ends is not None}
    if "contrast" in ranges:
        lower, upper = ranges["contrast"]
        ranges["contrast"] = (1 - lower, 1 + upper)
    if "hue" in ranges:
        ranges["hue_sign"] = UNIT
    return ranges


def _color_jitter(color, drawn, settings):
    if "brightness" in drawn:
        color.brightness(drawn["brightness"])
    if "contrast" in drawn:
        color.contrast(drawn["contrast"])
    if "saturation" in drawn:
        factor = drawn["saturation"]
        color.saturation(factor / color.xp.maximum(1 - factor, 1 / 256))
    if "hue" in drawn:
        color.hue(random_sign(color.xp, drawn["hue_sign"]) * drawn["hue"] / 2)


COLOR_JITTER = Operation(
    name="color_jitter",
    read=_read_color_jitter,
    describe=_describe_color_jitter,
    slots={
        "brightness": 12,
        "contrast": 13,
        "saturation": 14,
        "hue_sign": 15,
        "hue": 16,
    },
    ranges=_color_jitter_ranges,
    part=COLOR,
    change=_color_jitter,
    any_channels=False,
    rgb_numbers=frozenset({"saturation", "hue_sign", "hue"}),
    search=up_to(0.5),
)


def _read_grayscale(value):
    """Return the probability of showing the image in grey."""
    given, labels = named(value, "grayscale", ("factor",), alone="factor")
    chance = as_float(given["factor"], labels["factor"], minimum=0, maximum=1)
    return {"factor": chance}


GRAYSCALE = Operation(
    name="grayscale",
    read=_read_grayscale,
    describe=lambda settings: f"{100 * settings['factor']:.4g} % of the images",
    slots={"grayscale": 21},
    ranges=lambda settings: {"grayscale": UNIT},
    part=COLOR,
    change=lambda color, drawn, settings: color.grayscale(
        happens(color.xp, settings["factor"], drawn["grayscale"])
    ),
    any_channels=False,
    rgb_numbers=frozenset({"grayscale"}),
    search=up_to(0.5),
)


# Of the covariance of ImageNet's RGB values, 0 to 1, as published with AlexNet's
# augmentation for Torch (Facebook AI Research, fb.resnet.torch, 2016).
_IMAGENET_EIGENVALUES = [0.2175, 0.0188, 0.0045]
_IMAGENET_EIGENVECTORS = [
    [-0.5675, 0.7192, 0.4009],
    [-0.5808, -0.0045, -0.8140],
    [-0.5836, -0.6948, 0.4203],
]


def _read_pca_color(value):
    """Return the standard deviation, and the axes along which colours vary."""
    names = ("std", "eigenvalues", "eigenvectors")
    given, labels = named(value, "pca_color", names, alone="std")
    values = given.get("eigenvalues", _IMAGENET_EIGENVALUES)
    vectors = given.get("eigenvectors", _IMAGENET_EIGENVECTORS)
    # One of them alone goes with ImageNet's other.
    both = "eigenvalues" in given and "eigenvectors" in given
    channels = min(max(2, np.size(values)), _MOST_CHANNELS) if both else 3
    return {
        "std": as_float(given.get("std", 0.1), labels["std"], minimum=0),
        "eigenvalues": _as_array(values, labels["eigenvalues"], (channels,)),
        "eigenvectors": _as_array(vectors, labels["eigenvectors"], (channels,) * 2),
    }


def _as_array(value, name, shape):
    """Return numbers as nested lists of that shape."""
    try:
        array = np.asarray(value, dtype="float64")
    except (TypeError, ValueError):
        array = None
    if array is None or array.shape != shape or not np.isfinite(array).all():
        wanted = " x ".join(map(str, shape))
        raise ValueError(f"`{name}` must have {wanted} numbers, not {shown(value)}.")
    return array.tolist()


# Those of RGB, and of any other number of channels.
_RGB_SLOTS = {"pca_1": 17, "pca_2": 18, "pca_3": 19, "pca_4": 20}
_MOST_CHANNELS = 128
_OTHER_SLOTS = {f"pca_of_any_{n}": 860 + n for n in range(1, _MOST_CHANNELS + 1)}


def _pca_numbers(settings):
    """Return the names of the numbers that are drawn, two for every two channels."""
    channels = len(settings["eigenvalues"])
    names = [*(_RGB_SLOTS if channels == 3 else _OTHER_SLOTS)]
    return names[: channels + channels % 2]


def _check_pca_color(settings, image_shape):
    axes, channels = len(settings["eigenvalues"]), image_shape[2]
    if axes != channels and (axes, channels) != (3, 1):
        raise ValueError(
            f"`pca_color` has the axes of colours of {axes} channels, not {channels}, "
            "which the images have. `pca_color(data)` finds those of your own images."
        )


def _pca_color(color, drawn, settings):
    names = _pca_numbers(settings)
    alphas = []
    for first, second in zip(names[::2], names[1::2], strict=True):
        alphas += normals(color.xp, drawn[first], drawn[second])
    alphas = color.xp.stack(alphas[: len(settings["eigenvalues"])], axis=1)
    vectors = np.array(settings["eigenvectors"])
    axes = vectors * settings["eigenvalues"] * settings["std"] * 255
    color.shift(color.xp.sum(alphas[:, None, :] * constant(color.xp, axes), axis=2))


PCA_COLOR = Operation(
    name="pca_color",
    read=_read_pca_color,
    describe=lambda settings: f"standard deviation {settings['std']:.4g}",
    slots={**_RGB_SLOTS, **_OTHER_SLOTS},
    ranges=lambda settings: dict.fromkeys(_pca_numbers(settings), UNIT),
    part=COLOR,
    change=_pca_color,
    check=_check_pca_color,
    rgb_numbers=frozenset(_RGB_SLOTS),
)


# All orders of three channels, the first as they are.
_ORDERS = np.array([np.eye(3)[[*order]] for order in permutations(range(3))])


def _read_channel_shuffle(value):
    """Return the probability of another order of the channels."""
    given, labels = named(value, "channel_shuffle", ("factor",), alone="factor")
    return {"factor": as_chance(given["factor"], labels["factor"])}


def _channel_shuffle(color, drawn, settings):
    xp = color.xp
    on = happens(xp, drawn["shuffle_chance"], drawn["shuffle_threshold"])
    order = to_int32(xp, on * whole(xp, drawn["channel_order"]))
    color.exchange(xp.take(constant(xp, _ORDERS), order, axis=0))


CHANNEL_SHUFFLE = Operation(
    name="channel_shuffle",
    read=_read_channel_shuffle,
    describe=lambda settings: f"{percent(settings['factor'])} of the images",
    slots={"shuffle_chance": 230, "shuffle_threshold": 231, "channel_order": 232},
    ranges=lambda settings: {
        "shuffle_chance": settings["factor"],
        "shuffle_threshold": UNIT,
        "channel_order": ends_of_whole((0, len(_ORDERS) - 1)),
    },
    part=COLOR,
    change=_channel_shuffle,
    any_channels=False,
    rgb_numbers=frozenset({"shuffle_chance", "shuffle_threshold", "channel_order"}),
    search=lambda rng, strength: float(f"{0.5 * strength:.2g}"),
)


def _read_color_temperature(value):
    """Return the range of the temperatures in kelvin, and the probability."""
    names = ("temperature", "probability")
    given, labels = named(value, "color_temperature", names, alone="temperature")
    limits = {"minimum": _COLDEST, "maximum": _COLDEST + _STEP * (len(BLACK_BODY) - 1)}
    ends = given.get("temperature", (_COLDEST, limits["maximum"]))
    return {
        "temperature": as_range(ends, labels["temperature"], "both", **limits),
        "probability": as_probability(given, labels),
    }


def _color_temperature(color, drawn, settings):
    xp = color.xp
    on = done(color, drawn, "color_temperature", settings)
    place = (drawn["color_temperature"] - _COLDEST) / _STEP
    lower = xp.clip(xp.floor(place), 0, len(BLACK_BODY) - 2)
    table, at = constant(xp, BLACK_BODY), to_int32(xp, lower)
    first, second = xp.take(table, at, axis=0), xp.take(table, at + 1, axis=0)
    light = first + (second - first) * (place - lower)[:, None]
    color.balance(1 + on[:, None] * (light / light[:, 1:2] - 1))


COLOR_TEMPERATURE = Operation(
    name="color_temperature",
    read=_read_color_temperature,
    describe=lambda settings: (
        f"{settings['temperature'][0]:.0f} to {settings['temperature'][1]:.0f} kelvin"
        f"{of_the_images(settings)}"
    ),
    slots={"color_temperature_on": 233, "color_temperature": 234},
    ranges=lambda settings: {
        "color_temperature_on": UNIT,
        "color_temperature": settings["temperature"],
    },
    part=COLOR,
    change=_color_temperature,
    any_channels=False,
    rgb_numbers=frozenset({"color_temperature_on", "color_temperature"}),
    search=lambda rng, strength: [6500 - 3000 * strength, 6500 + 6000 * strength],
)
