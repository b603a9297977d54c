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
        given, told = _named(value, "crop", names)
        missing = [name for name in names if name not in given]
        if missing:
            raise ValueError(f"`crop` has no {shown(missing)}. Give height and width.")
        sides = [given[name] for name in names]
    else:
        told = dict.fromkeys(names, "crop")
        sides = _numbers(value, "crop")
        sides = sides * 2 if len(sides) == 1 else sides
    sides = [
        as_float(side, told[name], above=0)
        for name, side in zip(names, sides, strict=True)
    ]
    if all(side <= 1 for side in sides):
        return dict(zip(names, sides, strict=True))
    if any(side < 1 for side in sides):
        raise ValueError(
            f"`crop` must be two fractions of the image up to 1, or two whole numbers "
            f"of pixels, not {shown(sides)}."
        )
    return {
        name: as_int(side, told[name]) for name, side in zip(names, sides, strict=True)
    }


def flip_settings(value):
    """Return the directions in which images are flipped."""
    given, told = _named(value, "flip", ("mode",), alone="mode")
    return {"mode": as_choice(given["mode"], told["mode"], FLIPS)}


def translation_settings(value):
    """Return the ranges of the moves, as fractions of height and width."""
    return _two_ranges(value, "translation", ("height_factor", "width_factor"))


def shear_settings(value):
    """Return the ranges of the two shears, whose sign is drawn besides."""
    names = ("x_factor", "y_factor")
    return _two_ranges(value, "shear", names, symmetric=False, minimum=0)


def rotation_settings(value):
    """Return the range of the angle, as fractions of a full turn."""
    given, told = _named(value, "rotation", ("factor",), alone="factor")
    return {"factor": _range(given["factor"], told["factor"], minimum=-1, maximum=1)}


def zoom_settings(value):
    """Return the ranges of the zooms; None for a width that follows the height."""
    names = ("height_factor", "width_factor")
    given, told = _named(value, "zoom", names, alone="height_factor")
    limits = {"above": -1, "maximum": 1}
    width = given.get("width_factor")
    return {
        "height_factor": _range(
            given.get("height_factor", 0), told["height_factor"], **limits
        ),
        "width_factor": None
        if width is None
        else _range(width, told["width_factor"], **limits),
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
    given, told = _named(value, name, names)
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
        else _range(given[part], told[part], **limits[part])
        for part in names
    }


def grayscale_settings(value):
    """Return the probability of showing the image in grey."""
    given, told = _named(value, "grayscale", ("factor",), alone="factor")
    chance = as_float(given["factor"], told["factor"], minimum=0, maximum=1)
    return {"factor": chance}


def pca_color_settings(value):
    """Return the standard deviation, and the axes along which colours vary."""
    names = ("std", "eigenvalues", "eigenvectors")
    given, told = _named(value, "pca_color", names, alone="std")
    values = given.get("eigenvalues", IMAGENET_EIGENVALUES)
    vectors = given.get("eigenvectors", IMAGENET_EIGENVECTORS)
    return {
        "std": as_float(given.get("std", 0.1), told["std"], minimum=0),
        "eigenvalues": _array(values, told["eigenvalues"], (3,)),
        "eigenvectors": _array(vectors, told["eigenvectors"], (3, 3)),
    }


def gaussian_blur_settings(value):
    """Return the probability, the range of the sigma in pixels, and the window."""
    name = "gaussian_blur"
    names = ("factor", "kernel_size", "sigma")
    given, told = _named(value, name, names, alone="sigma")
    sigma = _range(given.get("sigma", 1.0), told["sigma"], "from_zero", minimum=0)
    # Three standard deviations to each side hold all but 0.3 % of the weight.
    enough = 2 * int(np.ceil(3 * sigma[1])) + 1
    size = given.get("kernel_size")
    size = enough if size is None else as_int(size, told["kernel_size"])
    if size % 2 == 0:
        raise ValueError(
            f"`{name}` must have an odd `kernel_size`, not {size}. Use {size + 1}."
        )
    return {
        "factor": _chance(given.get("factor", 1.0), told["factor"]),
        "kernel_size": size,
        "sigma": sigma,
    }


def gaussian_noise_settings(value):
    """Return the range of the standard deviation, as a fraction of 255."""
    given, told = _named(value, "gaussian_noise", ("stddev",), alone="stddev")
    return {"stddev": _chance(given["stddev"], told["stddev"])}


def erasing_settings(value):
    """Return the probability, the range of the areas, and the filling."""
    name = "erasing"
    names = ("factor", "scale", "fill_value")
    given, told = _named(value, name, names, alone="factor")
    fill = given.get("fill_value")
    if fill is not None:
        limits = {"minimum": 0, "maximum": 255}
        fill = [as_float(one, told["fill_value"], **limits) for one in _numbers(fill)]
        if len(fill) not in (1, 3):
            raise ValueError(
                f"`{name}` must have a `fill_value` of one number or three (RGB), not "
                f"{shown(fill)}."
            )
    scale = given.get("scale", (0.02, 0.33))
    return {
        "factor": _chance(given.get("factor", 1.0), told["factor"]),
        "scale": _range(scale, told["scale"], "from_zero", minimum=0, maximum=1),
        "fill_value": fill,
    }


def _two_ranges(value, name, names, symmetric=True, minimum=-1):
    kind = "symmetric" if symmetric else "from_zero"
    limits = {"kind": kind, "minimum": minimum, "maximum": 1}
    if not isinstance(value, Mapping):
        ends = _range(value, name, **limits)
        return {part: list(ends) for part in names}
    given, told = _named(value, name, names)
    return {part: _range(given.get(part, 0), told[part], **limits) for part in names}


def _named(value, name, names, alone=None):
    """Return a dict with some of `names`, and what messages call each of these.

    One value, not a dict, is that of `alone`.
    """
    if not isinstance(value, Mapping):
        return {alone: value}, dict.fromkeys(names, name)
    for given in value:
        if given not in names:
            raise ValueError(
                f"`{name}` has no setting {shown(given)}, only {shown(list(names))}."
                f"{nearest(given, names)}"
            )
    if not value:
        raise ValueError(f"`{name}` must have a setting: {shown(list(names))}.")
    # Between the backquotes that checks put around an argument's name.
    return value, {part: f"{part}` of `{name}" for part in names}


def _range(value, name, kind="symmetric", **limits):
    """Return (lower, upper) as a list.

    One number f stands for (-f, f) if the range is "symmetric", for (0, f) if
    "from_zero", and for (f, f) if "both" or "apart". Two are sorted unless "apart",
    where they are distances to two sides.
    """
    ends = [as_float(end, name, **limits) for end in _numbers(value, name)]
    if len(ends) == 2:
        return ends if kind == "apart" else sorted(ends)
    end = abs(ends[0])
    lower = {"symmetric": -end, "from_zero": 0.0}.get(kind, end)
    return [lower, end]


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
    try:
        array = np.asarray(value, dtype="float64")
    except (TypeError, ValueError):
        array = None
    if array is None or array.shape != shape or not np.isfinite(array).all():
        wanted = " x ".join(map(str, shape))
        raise ValueError(f"`{name}` must have {wanted} numbers, not {shown(value)}.")
    return array.tolist()
