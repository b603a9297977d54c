"""Operations that change colours: together one matrix for a pixel's channels."""

from collections.abc import Mapping

import numpy as np

from reticnn.augmenting.operations.operation import UNIT, Operation, up_to
from reticnn.augmenting.operations.reading import as_range, named, span
from reticnn.augmenting.parts.color_matrix import COLOR
from reticnn.augmenting.random_numbers import constant, happens, normals, random_sign
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
    return {
        "std": as_float(given.get("std", 0.1), labels["std"], minimum=0),
        "eigenvalues": _as_array(values, labels["eigenvalues"], (3,)),
        "eigenvectors": _as_array(vectors, labels["eigenvectors"], (3, 3)),
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


def _pca_color(color, drawn, settings):
    first, second = normals(color.xp, drawn["pca_1"], drawn["pca_2"])
    third, _ = normals(color.xp, drawn["pca_3"], drawn["pca_4"])
    alphas = color.xp.stack([first, second, third], axis=1)
    vectors = np.array(settings["eigenvectors"])
    axes = vectors * settings["eigenvalues"] * settings["std"] * 255
    color.shift(color.xp.sum(alphas[:, None, :] * constant(color.xp, axes), axis=2))


_PCA_SLOTS = {"pca_1": 17, "pca_2": 18, "pca_3": 19, "pca_4": 20}

PCA_COLOR = Operation(
    name="pca_color",
    read=_read_pca_color,
    describe=lambda settings: f"standard deviation {settings['std']:.4g}",
    slots=_PCA_SLOTS,
    ranges=lambda settings: dict.fromkeys(_PCA_SLOTS, UNIT),
    part=COLOR,
    change=_pca_color,
    any_channels=False,
    rgb_numbers=frozenset(_PCA_SLOTS),
)
