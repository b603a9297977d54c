"""Crops: a window of fixed size, of random area and aspect, or at a random scale."""

import math
from collections.abc import Mapping

from reticnn.augmenting.operations.operation import UNIT, Operation
from reticnn.augmenting.operations.reading import (
    as_numbers,
    as_range,
    named,
    percent,
    span,
)
from reticnn.augmenting.parts.warp import WARP
from reticnn.augmenting.random_numbers import constant, in_rows, to_float32
from reticnn.coercion import as_float, as_int, as_pair, shown

# What a crop is given by.
_SIDES = ("height", "width")
_AREA = ("scale", "ratio", "size")
_JITTER = ("shorter_side", "size")

# As in torchvision: a box that does not fit into the image is drawn again.
_TRIES = 10


def _read_crop(value):
    """Return all settings of a crop: its sides, or its area, or the image's scale."""
    if not isinstance(value, Mapping):
        return _sides(as_numbers(value, "crop"), dict.fromkeys(_SIDES, "crop"))
    every = tuple(dict.fromkeys((*_SIDES, *_AREA, *_JITTER)))
    given, labels = named(value, "crop", every)
    kinds = [kind for kind in (_SIDES, _AREA, _JITTER) if set(given) <= set(kind)]
    if len(kinds) != 1:
        raise ValueError(
            f"`crop` cannot have {shown(list(given))} together: give `height` and "
            "`width`; or `scale` and `ratio`, the window's area and aspect; or "
            "`shorter_side`, that of the image. The last two may have a `size`."
            if not kinds
            else "`crop` has a `size` and nothing to crop by. Give a `scale`, the "
            "window's area, or a `shorter_side`, that of the image."
        )
    if kinds[0] is _SIDES:
        missing = [name for name in _SIDES if name not in given]
        if missing:
            raise ValueError(f"`crop` has no {shown(missing)}. Give height and width.")
        return _sides([given[name] for name in _SIDES], labels)
    size = given.get("size")
    size = {"size": None if size is None else list(as_pair(size, labels["size"]))}
    if kinds[0] is _JITTER:
        return _scale_of_image(given, labels) | size
    limits = {"kind": "both", "above": 0}
    area, aspect = given.get("scale", (0.08, 1)), given.get("ratio", (3 / 4, 4 / 3))
    return {
        "scale": as_range(area, labels["scale"], maximum=1, **limits),
        "ratio": as_range(aspect, labels["ratio"], **limits),
        **size,
    }


def _sides(sides, labels):
    """Return the window's height and width, as fractions or both in whole pixels."""
    sides = sides * 2 if len(sides) == 1 else sides
    if len(sides) != 2:
        raise ValueError(f"`crop` must be one number or two, not {shown(sides)}.")
    sides = [
        as_float(side, labels[name], above=0)
        for name, side in zip(_SIDES, sides, strict=True)
    ]
    if all(side <= 1 for side in sides):
        return dict(zip(_SIDES, sides, strict=True))
    if any(side < 1 for side in sides):
        raise ValueError(
            f"`crop` must be two fractions of the image up to 1, or two whole numbers "
            f"of pixels, not {shown(sides)}."
        )
    return {
        name: as_int(side, labels[name])
        for name, side in zip(_SIDES, sides, strict=True)
    }


def _scale_of_image(given, labels):
    """Return the range of the shorter side of the image from which a crop is cut."""
    sides = as_range(given["shorter_side"], labels["shorter_side"], "both", minimum=1)
    return {"shorter_side": sides}


def _is_in_pixels(crop):
    return isinstance(crop.get("height"), int)


def _describe_crop(settings):
    if "height" in settings:
        height, width = settings.values()
        if _is_in_pixels(settings):
            return f"{height} x {width} pixels"
        return f"{height:.4g} x {width:.4g} of the image, enlarged to its size"
    size = settings["size"]
    if "scale" in settings:
        text = (
            f"{percent(settings['scale'])} of the area, width / height "
            f"{span(settings['ratio'])}, resized"
        )
        return text + (f" to {size[0]} x {size[1]} pixels" if size else "")
    window = f"{size[0]} x {size[1]} pixels" if size else "a window of its size"
    return (
        f"{window} of the image at a shorter side of {span(settings['shorter_side'])}"
    )


def _check_crop(settings, image_shape):
    height, width, _ = image_shape
    if _is_in_pixels(settings):
        tall, wide = settings.values()
        if tall > height or wide > width:
            raise ValueError(
                f"`crop` takes {tall} x {wide} pixels (height x width) out of images "
                f"of {height} x {width}. Use at most that, or fractions."
            )
    if "shorter_side" in settings:
        tall, wide = settings["size"] or (height, width)
        smallest = settings["shorter_side"][0]
        times = smallest / min(height, width)
        # A side may come out a little smaller by rounding.
        if tall > height * times + 1e-6 or wide > width * times + 1e-6:
            raise ValueError(
                f"`crop` takes {tall} x {wide} pixels (height x width) out of images "
                f"of {height} x {width}, resized to a shorter side of {smallest:g}. "
                "Use a smaller `size`, or a longer `shorter_side`."
            )


def _remark(settings, size):
    """Return what to say of windows that show less than a quarter of an image."""
    if "shorter_side" not in settings:
        return None
    size = settings["size"] or size
    share = size[0] * size[1] / settings["shorter_side"][0] ** 2
    if share >= 0.25:
        return None
    sides = [round(end * min(size) / 224) for end in settings["shorter_side"]]
    return (
        f"`crop` brings images to a shorter side of {span(settings['shorter_side'])} "
        f"pixels, of which windows of {size[0]} x {size[1]} show at most "
        f"{100 * share:.2g} %: perhaps too little to tell what they show. In the "
        f"papers' proportion to 224, `shorter_side` is {shown(sides)}."
    )


def _ranges(settings):
    numbers = {"crop_top": UNIT, "crop_left": UNIT}
    if "scale" in settings:
        # Evenly by its logarithm, so that wide and tall boxes are drawn as often.
        aspect = tuple(map(math.log, settings["ratio"]))
        for number in range(_TRIES):
            numbers[f"crop_area_{number}"] = tuple(settings["scale"])
            numbers[f"crop_aspect_{number}"] = aspect
    if "shorter_side" in settings:
        numbers["crop_shorter_side"] = tuple(settings["shorter_side"])
    return numbers


def _crop(warp, drawn, settings):
    (height, width), xp = warp.size, warp.xp
    if "scale" in settings:
        _show(warp, drawn, _box(xp, drawn, settings["ratio"], warp.size), settings)
    elif "shorter_side" in settings:
        size = settings["size"] or warp.size
        scale = min(height, width) / drawn["crop_shorter_side"]
        box = [
            xp.minimum(scale * wanted, side)
            for wanted, side in zip(size, warp.size, strict=True)
        ]
        _show(warp, drawn, box, settings)
    elif not _is_in_pixels(settings):
        tall, wide = settings.values()
        top = drawn["crop_top"] * (height * (1 - tall))
        left = drawn["crop_left"] * (width * (1 - wide))
        warp.crop_and_resize(top, left, (tall, wide))
    else:
        tall, wide = settings.values()
        # A uniform float32 below 1 may still round up to the number of positions.
        top, left = (
            xp.minimum(xp.floor(drawn[name] * (most + 1)), most)
            for name, most in (("crop_top", height - tall), ("crop_left", width - wide))
        )
        warp.crop(top, left, (tall, wide))


def _show(warp, drawn, box, settings):
    """Show a box of (height, width) in pixels, (n,), anywhere in the image."""
    size = tuple(settings["size"] or warp.size)
    top, left = (
        drawn[name] * (side - length)
        for name, side, length in zip(
            ("crop_top", "crop_left"), warp.size, box, strict=True
        )
    )
    tall, wide = (length / wanted for length, wanted in zip(box, size, strict=True))
    warp.crop_and_resize(top, left, (tall, wide), size)


def _box(xp, drawn, ratio, size):
    """Return height and width of a box of random area and aspect: the first that fits.

    If none does, it is the largest whose aspect is allowed, as in torchvision, and so
    the whole image if that is.
    """
    height, width = size
    area, aspect = (
        in_rows(xp, [drawn[f"crop_{name}_{number}"] for number in range(_TRIES)])
        for name in ("area", "aspect")
    )
    area, aspect = area * (height * width), xp.exp(aspect)
    boxes = xp.sqrt(in_rows(xp, [area / aspect, area * aspect]))
    sides = constant(xp, [[height], [width]])
    # It fits if it does in whole pixels.
    fits = xp.all(boxes < sides[:, None] + 0.5, axis=0)
    first = xp.argmax(to_float32(xp, fits), axis=0)
    box = xp.take_along_axis(boxes, first[None, None], axis=1)[:, 0]
    widest = min(max(width / height, ratio[0]), ratio[1])
    largest = [[min(height, width / widest)], [min(width, height * widest)]]
    box = xp.where(xp.any(fits, axis=0), xp.minimum(box, sides), constant(xp, largest))
    return box[0], box[1]


def _search(rng, strength):
    """Return a crop by area, of a tenth or more where the strength is full."""
    return {"scale": [float(f"{1 - 0.9 * strength * rng.uniform(0.5, 1):.2g}"), 1.0]}


CROP = Operation(
    name="crop",
    read=_read_crop,
    describe=_describe_crop,
    slots={
        "crop_top": 0,
        "crop_left": 1,
        **{f"crop_area_{number}": 100 + number for number in range(_TRIES)},
        **{f"crop_aspect_{number}": 110 + number for number in range(_TRIES)},
        "crop_shorter_side": 120,
    },
    ranges=_ranges,
    part=WARP,
    change=_crop,
    constants=lambda settings: {
        **({"size": tuple(settings.values())} if _is_in_pixels(settings) else {}),
        **({"size": tuple(settings["size"])} if settings.get("size") else {}),
        **({} if "height" in settings else {"antialias": True}),
    },
    check=_check_crop,
    remark=_remark,
    sized=lambda settings, size: (
        {**settings, "size": list(size)}
        if "size" in settings and not settings["size"]
        else settings
    ),
    of_any_size=lambda settings: "size" in settings,
    search=_search,
)
