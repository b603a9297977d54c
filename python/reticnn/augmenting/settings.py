"""What users write for an operation, as plain dicts of ranges with Keras's names."""

from collections.abc import Mapping

import numpy as np

from reticnn.coercion import as_choice, as_float, as_int, nearest, shown

# Of the covariance of ImageNet's RGB values, 0 to 1, as published with AlexNet's
# augmentation for Torch (Facebook AI Research, fb.resnet.torch, 2016).
IMAGENET_EIGENVALUES = [0.2175, 0.0188, 0.0045]
IMAGENET_EIGENVECTORS = [
    [-0.5675, 0.7192, 0.4009],
    [-0.5808, -0.0045, -0.8140],
    [-0.5836, -0.6948, 0.4203],
]

FLIPS = ("horizontal", "vertical", "horizontal_and_vertical")


def crop_settings(value):
    """Return the window's height and width, as fractions or both in whole pixels."""
    names = ("height", "width")
    if isinstance(value, Mapping):
        given = _named(value, "crop", names)
        missing = [name for name in names if name not in given]
        if missing:
            raise ValueError(f"`crop` has no {shown(missing)}. Give height and width.")
        sides = [given[name] for name in names]
    else:
        sides = _numbers(value, "crop")
        sides = sides * 2 if len(sides) == 1 else sides
    sides = [as_float(side, "crop", above=0) for side in sides]
    if all(side <= 1 for side in sides):
        return dict(zip(names, sides, strict=True))
    if any(side < 1 for side in sides):
        raise ValueError(
            f"`crop` must be two fractions of the image up to 1, or two whole numbers "
            f"of pixels, not {shown(sides)}."
        )
    return {name: as_int(side, "crop") for name, side in zip(names, sides, strict=True)}


def flip_settings(value):
    """Return the directions in which images are flipped."""
    if isinstance(value, Mapping):
        value = _named(value, "flip", ("mode",)).get("mode")
    return {"mode": as_choice(value, "flip", FLIPS)}


def translation_settings(value):
    """Return the ranges of the moves, as fractions of height and width."""
    return _two_ranges(value, "translation", ("height_factor", "width_factor"))


def shear_settings(value):
    """Return the ranges of the two shears, whose sign is drawn besides."""
    names = ("x_factor", "y_factor")
    return _two_ranges(value, "shear", names, symmetric=False, minimum=0)


def rotation_settings(value):
    """Return the range of the angle, as fractions of a full turn."""
    given = _named(value, "rotation", ("factor",), alone="factor")
    return {"factor": _range(given["factor"], "rotation", minimum=-1, maximum=1)}


def zoom_settings(value):
    """Return the ranges of the zooms; None for a width that follows the height."""
    names = ("height_factor", "width_factor")
    given = _named(value, "zoom", names, alone="height_factor")
    limits = {"above": -1, "maximum": 1}
    width = given.get("width_factor")
    return {
        "height_factor": _range(given.get("height_factor", 0), "zoom", **limits),
        "width_factor": None if width is None else _range(width, "zoom", **limits),
    }


def color_jitter_settings(value):
    """Return the range of each factor of Keras's colour jitter, None for none."""
    name = "color_jitter"
    parts = ("brightness", "contrast", "saturation", "hue")
    names = tuple(f"{part}_factor" for part in parts)
    if not isinstance(value, Mapping):
        amount = as_float(value, name, minimum=0, below=1)
        value = {
            "brightness_factor": amount,
            "contrast_factor": amount,
            "saturation_factor": (0.5 - amount / 2, 0.5 + amount / 2),
        }
    given = _named(value, name, names)
    brightness, contrast, saturation, hue = (given.get(part) for part in names)
    unit = {"minimum": 0, "maximum": 1}
    settings = {
        "brightness_factor": brightness
        if brightness is None
        else _range(brightness, name, minimum=-1, maximum=1),
        "contrast_factor": contrast
        if contrast is None
        else _range(contrast, name, "both", **unit),
        "saturation_factor": saturation
        if saturation is None
        else _range(saturation, name, "from_zero", **unit),
        "hue_factor": hue if hue is None else _range(hue, name, "from_zero", **unit),
    }
    return settings


def grayscale_settings(value):
    """Return the probability of showing the image in grey."""
    given = _named(value, "grayscale", ("factor",), alone="factor")
    chance = as_float(given["factor"], "grayscale", minimum=0, maximum=1)
    return {"factor": chance}


def pca_color_settings(value):
    """Return the standard deviation, and the axes along which colours vary."""
    name = "pca_color"
    names = ("std", "eigenvalues", "eigenvectors")
    given = _named(value, name, names, alone="std")
    return {
        "std": as_float(given.get("std", 0.1), name, minimum=0),
        "eigenvalues": _array(
            given.get("eigenvalues", IMAGENET_EIGENVALUES), name, (3,)
        ),
        "eigenvectors": _array(
            given.get("eigenvectors", IMAGENET_EIGENVECTORS), name, (3, 3)
        ),
    }


def gaussian_blur_settings(value):
    """Return the probability, the range of the sigma in pixels, and the window."""
    name = "gaussian_blur"
    names = ("factor", "kernel_size", "sigma")
    given = _named(value, name, names, alone="sigma")
    sigma = _range(given.get("sigma", 1.0), name, "from_zero", minimum=0)
    size = given.get("kernel_size")
    # Three standard deviations to each side hold all but 0.3 % of the weight.
    size = 2 * int(np.ceil(3 * sigma[1])) + 1 if size is None else as_int(size, name)
    if size % 2 == 0:
        raise ValueError(
            f"`{name}` must have an odd `kernel_size`, not {size}. Use {size + 1}."
        )
    return {
        "factor": _chance(given.get("factor", 1.0), name),
        "kernel_size": size,
        "sigma": sigma,
    }


def gaussian_noise_settings(value):
    """Return the range of the standard deviation, as a fraction of 255."""
    name = "gaussian_noise"
    given = _named(value, name, ("stddev",), alone="stddev")
    return {"stddev": _range(given["stddev"], name, "both", minimum=0, maximum=1)}


def erasing_settings(value):
    """Return the probability, the range of the areas, and the filling."""
    name = "erasing"
    names = ("factor", "scale", "fill_value")
    given = _named(value, name, names, alone="factor")
    fill = given.get("fill_value")
    if fill is not None:
        fill = [as_float(part, name, minimum=0, maximum=255) for part in _numbers(fill)]
        if len(fill) not in (1, 3):
            raise ValueError(
                f"`{name}` must have a `fill_value` of one number or three (RGB), not "
                f"{shown(fill)}."
            )
    unit = {"minimum": 0, "maximum": 1}
    return {
        "factor": _chance(given.get("factor", 1.0), name),
        "scale": _range(given.get("scale", (0.02, 0.33)), name, "from_zero", **unit),
        "fill_value": fill,
    }


def _two_ranges(value, name, names, symmetric=True, minimum=-1):
    kind = "symmetric" if symmetric else "from_zero"
    if not isinstance(value, Mapping):
        value = dict.fromkeys(names, value)
    given = _named(value, name, names)
    return {
        part: _range(given.get(part, 0), name, kind, minimum=minimum, maximum=1)
        for part in names
    }


def _named(value, name, names, alone=None):
    """Return a dict with some of `names`; one value is that of `alone`."""
    if not isinstance(value, Mapping):
        return {alone: value}
    for given in value:
        if given not in names:
            raise ValueError(
                f"`{name}` has no setting {shown(given)}, only {shown(list(names))}."
                f"{nearest(given, names)}"
            )
    if not value:
        raise ValueError(f"`{name}` must have a setting: {shown(list(names))}.")
    return value


def _range(value, name, kind="symmetric", **limits):
    """Return (lower, upper) as a list.

    One number f stands for (-f, f) if the range is "symmetric", for (0, f) if
    "from_zero", and for (f, f) if "both".
    """
    ends = [as_float(end, name, **limits) for end in _numbers(value, name)]
    if len(ends) == 2:
        return ends if kind == "both" and name == "color_jitter" else sorted(ends)
    end = abs(ends[0])
    return {"symmetric": [-end, end], "from_zero": [0.0, end], "both": [end, end]}[kind]


def _chance(value, name):
    return _range(value, name, "both", minimum=0, maximum=1)


def _numbers(value, name=None):
    """Return one number, or a few, as a list."""
    if isinstance(value, np.ndarray):
        value = value.ravel().tolist()
    numbers = list(value) if isinstance(value, (list, tuple)) else [value]
    if name and len(numbers) not in (1, 2):
        raise ValueError(f"`{name}` must be one number or two, not {shown(value)}.")
    return numbers


def _array(value, name, shape):
    """Return numbers as nested lists of that shape."""
    array = np.asarray(value, dtype="float64")
    if array.shape != shape or not np.isfinite(array).all():
        wanted = " x ".join(map(str, shape))
        raise ValueError(f"`{name}` must have {wanted} numbers, not {shown(value)}.")
    return array.tolist()
