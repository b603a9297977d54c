"""Policies: what is done to images at random, as plain settings."""

import copy
import inspect
from collections.abc import Mapping

import numpy as np

from reticnn.augmenting import operations as settings
from reticnn.augmenting.describing import described, in_lines
from reticnn.augmenting.sampling import (
    Draws,
    Warp,
    color_parts,
    erased_box,
    float32,
    happens,
    normals,
    texture_place,
)
from reticnn.coercion import as_choice, as_float, shown

FILL_MODES = ("reflect", "constant", "nearest", "wrap")
INTERPOLATIONS = ("bilinear", "nearest")

# Added to places before the nearest pixel is taken, more than they are off by rounding:
# both engines decide alike between two equally near, as an exact quarter turn has them.
NEAREST_SHIFT = 2**-10

_SETTINGS = {
    "crop": settings.crop_settings,
    "flip": settings.flip_settings,
    "translation": settings.translation_settings,
    "shear": settings.shear_settings,
    "rotation": settings.rotation_settings,
    "zoom": settings.zoom_settings,
    "color_jitter": settings.color_jitter_settings,
    "grayscale": settings.grayscale_settings,
    "pca_color": settings.pca_color_settings,
    "gaussian_blur": settings.gaussian_blur_settings,
    "gaussian_noise": settings.gaussian_noise_settings,
    "erasing": settings.erasing_settings,
}
OPERATIONS = tuple(_SETTINGS)

# Every number drawn has its own slot, so that no operation changes another's draws.
_SLOTS = {
    name: slot
    for slot, name in enumerate(
        [
            "crop_top",
            "crop_left",
            "flip_across",
            "flip_down",
            "translate_down",
            "translate_right",
            "shear_sign",
            "shear_x",
            "shear_y",
            "rotation",
            "zoom_tall",
            "zoom_wide",
            "brightness",
            "contrast",
            "saturation",
            "hue_sign",
            "hue",
            "pca_1",
            "pca_2",
            "pca_3",
            "pca_4",
            "grayscale",
            "blur_chance",
            "blur_threshold",
            "blur",
            "noise",
            "noise_down",
            "noise_right",
            "erase_chance",
            "erase_threshold",
            "erase_area_tall",
            "erase_area_wide",
            "erase_down",
            "erase_right",
            "erase_from_top",
            "erase_from_left",
        ]
    )
}


class Policy:
    """What is done to images at random; never changes once it is made.

    A kind of policy is a subclass with a name, `class Mine(Policy, kind="mine")`, whose
    `__init__` takes what `to_config()` gives, unless it has another `maker`, and which
    says what it needs in `parts` and `draw`; see `reticnn.augmenting.sampling`.
    """

    __module__ = "reticnn"

    _kinds: dict = {}  # noqa: RUF012

    fill_mode = "reflect"
    fill_value = 0.0
    interpolation = "bilinear"
    blur_radius = 0

    def __init_subclass__(cls, kind):
        """Make a kind of policy known by its name."""
        cls.kind = kind
        Policy._kinds[kind] = cls

    def __init__(self, **config):
        """Keep settings, plain values only, that `to_config()` gives."""
        self.__dict__["_config"] = config

    def __setattr__(self, name, value):
        """Refuse: policies are shared between threads and saved with classifiers."""
        raise AttributeError("A policy cannot be changed. Make a new one.")

    def __eq__(self, other):
        """Return whether the other does the same."""
        return isinstance(other, Policy) and self.to_config() == other.to_config()

    def __hash__(self):
        """Return a hash of the settings."""
        return hash(repr(self.to_config()))

    def __reduce__(self):
        """Pickle the settings."""
        return Policy.from_config, (self.to_config(),)

    def __bool__(self):
        """Return whether the policy does anything."""
        return any(self.parts(3)) or self.output_shape((0, 0, 3)) != (0, 0, 3)

    def to_config(self):
        """Return the policy as a dict that JSON can hold."""
        return {"policy": self.kind, **copy.deepcopy(self._config)}

    @staticmethod
    def from_config(config):
        """Return the policy that gave `config` by `to_config()`."""
        if not isinstance(config, Mapping):
            raise TypeError(
                "`config` must be a dict (a named list in R), as `to_config()` gives "
                f"it, not {shown(config)}."
            )
        settings = dict(config)
        kind = as_choice(settings.pop("policy", None), "policy", tuple(Policy._kinds))
        make = Policy._kinds[kind].maker()
        try:
            inspect.signature(make).bind(**settings)
        except TypeError as error:
            raise ValueError(
                f"`config` must have the settings of {kind!r} that `to_config()` "
                f"gives, not {shown(list(settings))}: {error}."
            ) from None
        return make(**settings)

    @classmethod
    def maker(cls):
        """Return what makes a policy of what `to_config()` gives, and checks it."""
        return cls

    def check(self, image_shape):
        """Raise if the policy cannot be applied to (height, width, channels)."""

    def output_shape(self, image_shape):
        """Return the (height, width, channels) of the results."""
        return tuple(image_shape)

    def erasing_fill(self, channels):
        """Return a value for each channel, or None for noise."""
        return None

    def parts(self, channels):
        """Return for each stage the set of the parts that can do anything."""
        raise NotImplementedError

    def of_stages(self, channels):
        """Return for each stage the policy that it belongs to."""
        return [self] * len(self.parts(channels))

    def draw(self, xp, seed, epoch, indices, image_shape):
        """Return for each stage a dict of the parameters of its parts."""
        raise NotImplementedError


class Augmentation(Policy, kind="augmentation"):
    """The policy of `augmentation()`: one stage."""

    __module__ = "reticnn"

    def __init__(self, *, fill_mode, fill_value, interpolation, **operations):
        """Take checked settings of the operations that are on."""
        super().__init__(
            **operations,
            fill_mode=fill_mode,
            fill_value=fill_value,
            interpolation=interpolation,
        )
        ranges = _ranges(operations)
        self.__dict__.update(
            fill_mode=fill_mode,
            fill_value=fill_value,
            interpolation=interpolation,
            operations=operations,
            _draws=Draws(ranges),
            _parts_of_grey=_parts(_PARTS_OF_GREY, set(ranges)),
            _parts_of_colour=_parts(_PARTS_OF_COLOUR, set(ranges)),
        )

    @classmethod
    def maker(cls):
        """Return `augmentation`, to check settings that R or a file has changed."""
        return augmentation

    @property
    def blur_radius(self):
        """Pixels of the blur's window on each side of its centre."""
        blur = self.operations.get("gaussian_blur")
        return blur["kernel_size"] // 2 if blur else 0

    def erasing_fill(self, channels):
        """Return a value for each channel, or None for noise."""
        fill = self.operations.get("erasing", {}).get("fill_value")
        return None if fill is None else _per_channel(fill, channels)

    def check(self, image_shape):
        """Raise if the policy cannot be applied to (height, width, channels)."""
        height, width, channels = image_shape
        window = self._window()
        if window and (window[0] > height or window[1] > width):
            raise ValueError(
                f"`crop` takes {window[0]} x {window[1]} pixels (height x width) out "
                f"of images of {height} x {width}. Use at most that, or fractions."
            )
        colour = [name for name in _COLOURS if name in self.operations]
        if colour and channels not in (1, 3):
            raise ValueError(
                f"`{colour[0]}` needs images with 1 channel (grey) or 3 (RGB), not "
                f"{channels}. Leave it out: the geometric operations take any number."
            )
        fill = self.operations.get("erasing", {}).get("fill_value") or [0]
        if len(fill) == 3 != channels:
            raise ValueError(
                f"`erasing` has a `fill_value` for 3 channels, and the images have "
                f"{channels}. Give one number."
            )

    def output_shape(self, image_shape):
        """Return the (height, width, channels) of the results."""
        window = self._window()
        return (*window, image_shape[2]) if window else tuple(image_shape)

    def parts(self, channels):
        """Return for each stage the set of the parts that can do anything."""
        return [self._parts_of_colour if channels == 3 else self._parts_of_grey]

    def draw(self, xp, seed, epoch, indices, image_shape):
        """Return for each stage a dict of the parameters of its parts."""
        (on,) = self.parts(image_shape[2])
        if not on:
            return [{}]
        drawn = self._draws.numbers(xp, seed, epoch, indices)
        output_shape = self.output_shape(image_shape)
        stage = {}
        if "warp" in on:
            stage["warp"] = self._warp(xp, drawn, image_shape)
        if "color" in on:
            stage |= self._color(xp, drawn, image_shape[2])
        if "blur" in on:
            blurred = happens(xp, drawn["blur_chance"], drawn["blur_threshold"])
            stage["blur"] = blurred * drawn["blur"]
        if "noise" in on:
            stage["noise"] = drawn["noise"]
            stage["noise_at"] = texture_place(
                xp, drawn["noise_down"], drawn["noise_right"]
            )
        if "erase" in on:
            stage["erase"] = erased_box(
                xp,
                output_shape,
                happens(xp, drawn["erase_chance"], drawn["erase_threshold"]),
                (drawn["erase_area_tall"], drawn["erase_area_wide"]),
                (drawn["erase_down"], drawn["erase_right"]),
            )
            if self.erasing_fill(image_shape[2]) is None:
                stage["erase_at"] = texture_place(
                    xp, drawn["erase_from_top"], drawn["erase_from_left"]
                )
        return [stage]

    def __repr__(self):
        """Describe the policy, a line an operation."""
        lines = described(self.operations)
        if "warp" in self.parts(3)[0]:
            outside = self.fill_mode
            if outside == "constant":
                outside += f" {self.fill_value:g}"
            lines["outside"] = outside
        return in_lines(f"{self.kind}{'' if lines else ', does nothing'}", lines)

    def _window(self):
        """Return the (height, width) of a crop in pixels, or None."""
        crop = self.operations.get("crop")
        if not crop or isinstance(crop["height"], float):
            return None
        return crop["height"], crop["width"]

    def _warp(self, xp, drawn, image_shape):
        warp = Warp(xp, image_shape)
        like = drawn[self._draws.names[0]]
        window = self._window()
        if window:
            # A uniform float32 below 1 may still round up to the number of places.
            top, left = (
                xp.minimum(xp.floor(drawn[name] * (side - size + 1)), side - size)
                for name, side, size in zip(
                    ("crop_top", "crop_left"), image_shape[:2], window, strict=True
                )
            )
            warp.crop(top, left, window)
        elif "crop" in self.operations:
            tall, wide = self.operations["crop"].values()
            top = drawn["crop_top"] * (image_shape[0] * (1 - tall))
            left = drawn["crop_left"] * (image_shape[1] * (1 - wide))
            warp.crop_and_resize(top, left, (tall, wide))
        if "flip_across" in drawn or "flip_down" in drawn:
            across, down = (
                None if name not in drawn else as_flip(xp, drawn[name])
                for name in ("flip_across", "flip_down")
            )
            warp.flip(across, down)
        if "translate_down" in drawn:
            warp.translate(drawn["translate_down"], drawn["translate_right"])
        if "shear_x" in drawn:
            sign = as_sign(xp, drawn["shear_sign"])
            warp.shear(drawn["shear_x"] * sign, drawn["shear_y"] * sign)
        if "rotation" in drawn:
            warp.rotate(drawn["rotation"])
        if "zoom_tall" in drawn:
            tall = drawn["zoom_tall"]
            warp.zoom(tall, drawn.get("zoom_wide", tall))
        return warp.matrix(like)

    def _color(self, xp, drawn, channels):
        amounts = {
            name: drawn[name] for name in ("brightness", "contrast") if name in drawn
        }
        if channels == 3:
            amounts |= self._color_of_three(xp, drawn)
        like = drawn[self._draws.names[0]]
        return color_parts(xp, channels, like, **amounts)

    def _color_of_three(self, xp, drawn):
        amounts = {}
        if "saturation" in drawn:
            factor = drawn["saturation"]
            amounts["saturation"] = factor / xp.maximum(1 - factor, 1 / 256)
        if "hue" in drawn:
            amounts["hue"] = as_sign(xp, drawn["hue_sign"]) * drawn["hue"] / 2
        if "pca_1" in drawn:
            amounts["shift"] = self._pca_shift(xp, drawn)
        if "grayscale" in drawn:
            chance = self.operations["grayscale"]["factor"]
            amounts["grayscale"] = happens(xp, chance, drawn["grayscale"])
        return amounts

    def _pca_shift(self, xp, drawn):
        pca = self.operations["pca_color"]
        first, second = normals(xp, drawn["pca_1"], drawn["pca_2"])
        third, _ = normals(xp, drawn["pca_3"], drawn["pca_4"])
        alphas = xp.stack([first, second, third], axis=1)
        axes = np.array(pca["eigenvectors"]) * pca["eigenvalues"] * pca["std"] * 255
        return xp.sum(alphas[:, None, :] * float32(xp, axes), axis=2)


def as_sign(xp, unit):
    """Return -1 for numbers in the upper half of [0, 1), else 1."""
    return 1 - 2 * happens(xp, unit, 0.5)


def as_flip(xp, unit):
    """Return 1 for numbers in the lower half of [0, 1), else 0."""
    return happens(xp, 0.5, unit)


_PARTS = {
    "warp": (
        "crop_top",
        "flip_across",
        "flip_down",
        "translate_down",
        "shear_x",
        "rotation",
        "zoom_tall",
    ),
    "blur": ("blur",),
    "noise": ("noise",),
    "erase": ("erase_threshold",),
}
_COLOURS = ("color_jitter", "pca_color", "grayscale")
_PARTS_OF_GREY = _PARTS | {"color": ("brightness", "contrast")}
_PARTS_OF_COLOUR = _PARTS | {
    "color": (*_PARTS_OF_GREY["color"], "saturation", "hue", "pca_1", "grayscale")
}


def _parts(tables, drawn):
    """Return the parts of a table for which any number is drawn."""
    return {part for part, names in tables.items() if not drawn.isdisjoint(names)}


_UNIT = (0.0, 1.0)


def _per_channel(fill, channels):
    return tuple(fill * channels if len(fill) == 1 else fill)


def _ranges(operations):
    """Return the (slot, lower, upper) of each number that operations draw, by name."""
    draws = {}
    for name, options in operations.items():
        draws |= _DRAWS[name](options)
    return {name: (_SLOTS[name], *ends) for name, ends in draws.items()}


def _crop_draws(options):
    return {"crop_top": _UNIT, "crop_left": _UNIT}


def _flip_draws(options):
    names = {"horizontal": ["flip_across"], "vertical": ["flip_down"]}
    both = ["flip_across", "flip_down"]
    return dict.fromkeys(names.get(options["mode"], both), _UNIT)


def _translation_draws(options):
    return {
        "translate_down": options["height_factor"],
        "translate_right": options["width_factor"],
    }


def _shear_draws(options):
    return {
        "shear_sign": _UNIT,
        "shear_x": options["x_factor"],
        "shear_y": options["y_factor"],
    }


def _rotation_draws(options):
    return {"rotation": options["factor"]}


def _zoom_draws(options):
    draws = {"zoom_tall": options["height_factor"]}
    if options["width_factor"] is not None:
        draws["zoom_wide"] = options["width_factor"]
    return draws


def _color_jitter_draws(options):
    draws = {
        name: options[f"{name}_factor"]
        for name in ("brightness", "contrast", "saturation", "hue")
        if options[f"{name}_factor"] is not None
    }
    if "contrast" in draws:
        lower, upper = draws["contrast"]
        draws["contrast"] = (1 - lower, 1 + upper)
    if "hue" in draws:
        draws["hue_sign"] = _UNIT
    return draws


def _grayscale_draws(options):
    return {"grayscale": _UNIT}


def _pca_color_draws(options):
    return {f"pca_{number}": _UNIT for number in (1, 2, 3, 4)}


def _gaussian_blur_draws(options):
    return {
        "blur_chance": options["factor"],
        "blur_threshold": _UNIT,
        "blur": options["sigma"],
    }


def _gaussian_noise_draws(options):
    lower, upper = options["stddev"]
    return {
        "noise": (255 * lower, 255 * upper),
        "noise_down": _UNIT,
        "noise_right": _UNIT,
    }


def _erasing_draws(options):
    names = ("threshold", "down", "right", "from_top", "from_left")
    return {
        "erase_chance": options["factor"],
        "erase_area_tall": options["scale"],
        "erase_area_wide": options["scale"],
        **{f"erase_{name}": _UNIT for name in names},
    }


_DRAWS = {
    "crop": _crop_draws,
    "flip": _flip_draws,
    "translation": _translation_draws,
    "shear": _shear_draws,
    "rotation": _rotation_draws,
    "zoom": _zoom_draws,
    "color_jitter": _color_jitter_draws,
    "grayscale": _grayscale_draws,
    "pca_color": _pca_color_draws,
    "gaussian_blur": _gaussian_blur_draws,
    "gaussian_noise": _gaussian_noise_draws,
    "erasing": _erasing_draws,
}


def augmentation(
    *,
    crop=None,
    flip=None,
    translation=None,
    shear=None,
    rotation=None,
    zoom=None,
    color_jitter=None,
    grayscale=None,
    pca_color=None,
    gaussian_blur=None,
    gaussian_noise=None,
    erasing=None,
    fill_mode="reflect",
    fill_value=0.0,
    interpolation="bilinear",
):
    """Describe random changes to images: an augmentation policy.

    The operations act in this order: crop, flip, translation, shear, rotation and zoom,
    which together are one matrix, so that an image is resampled once; brightness,
    contrast, saturation, hue, PCA colour and greyscale, which together are one matrix
    too; blur; noise; erasing. Names, units and signs are those of Keras's layers. What
    differs from a chain of them: values are cut off at 0 and 255 at the end, not after
    each step; what lies outside comes from the whole image, also after a crop, and is
    filled in once; saturation and hue are linear in RGB, with the luma unchanged, and
    not by way of HSV; a blur mirrors the image at its edges, where Keras sees black.

    Each operation is None, which is off and the default; or one value; or a dict of its
    settings, which have Keras's names. Where a number is drawn from a range, two are
    its lowest and highest; `color_jitter`, `grayscale` and `pca_color` take one number.

    Args:
        crop: Part of the image to show, at a random place. Up to 1, the fraction of
            height and width, or (height, width) of them, enlarged to the image's size;
            whole numbers above 1, pixels, or (height, width), and the images come out
            of that size. Settings: `height`, `width`.
        flip: `"horizontal"` (left to right), `"vertical"` or
            `"horizontal_and_vertical"`, each way for half of the images. Settings:
            `mode`.
        translation: Largest move as a fraction of height and width, -1 to 1; downwards
            and to the right if positive. One number f is (-f, f). Settings:
            `height_factor`, `width_factor`.
        shear: Largest shear, 0 to 1, the pixels' shift as a fraction of their distance
            from the top and from the left; to both sides. One number f is (0, f).
            Settings: `x_factor`, `y_factor`.
        rotation: Largest angle as a fraction of a full turn, -1 to 1: 0.1 is 36
            degrees; counterclockwise if positive. One number f is (-f, f). Settings:
            `factor`.
        zoom: How much more (positive) or less of height and width is shown, above -1
            and up to 1; both by the same, unless a dict has both: `height_factor`,
            `width_factor`. One number f is (-f, f).
        color_jitter: One number f in [0, 1) for brightness, contrast and saturation:
            adds up to f * 255, and multiplies the distance to the image's mean colour
            by 1 - f to 1 + f, and that to the pixel's grey by (1 - f) / (1 + f) to
            (1 + f) / (1 - f). Or a dict of Keras's `brightness_factor` (-1 to 1),
            `contrast_factor` (0 to 1; (a, b) is from 1 - a to 1 + b, f is (f, f)),
            `saturation_factor` (0 to 1; 0 is grey, 0.5 the image itself; f is (0, f))
            and `hue_factor` (0 to 1, of half a turn to both sides; f is (0, f)).
        grayscale: Probability of showing the image in grey. Settings: `factor`.
        pca_color: Standard deviation of AlexNet's colour shift along the principal
            axes of RGB values, AlexNet: 0.1. Settings: `std`, and own `eigenvalues` (3,
            of values 0 to 1) and `eigenvectors` (3 x 3, in columns), by default
            ImageNet's.
        gaussian_blur: Highest standard deviation in pixels. One number f is (0, f).
            Settings: `sigma`, `factor` (the probability, default 1) and `kernel_size`
            (odd, pixels; by default 3 sigma to each side).
        gaussian_noise: Standard deviation of noise as a fraction of 255, 0 to 1; of
            two, drawn for each image. Settings: `stddev`.
        erasing: Probability of erasing a box. Settings: `factor`, that probability,
            default 1, or the range it is drawn from; `scale`, range of the box's area
            as a fraction of the image's, default (0.02, 0.33); `fill_value`, a number
            or three, 0 to 255, or None for noise, the default.
        fill_mode: How to fill pixels that come from outside the image: `"reflect"` (d c
            b a | a b c d | d c b a), `"nearest"`, `"wrap"` or `"constant"`. Default
            `"reflect"`.
        fill_value: Number, 0 to 255, the value of `"constant"`. Default 0.
        interpolation: `"bilinear"` or `"nearest"`. Default `"bilinear"`.

    Returns:
        A policy, which prints what it does, never changes, and is false if it does
        nothing. `policy.to_config()` gives it as a plain dict, to be kept as JSON;
        wherever a policy is taken, that dict will do. A list of policies is applied in
        sequence.

    Raises:
        TypeError: If a setting is no number.
        ValueError: If a setting is outside its range, or has another name.

    Example:
        >>> augmentation(crop=7 / 8, rotation=0.1, flip="horizontal")
        <Policy> augmentation
        crop         0.875 x 0.875 of the image, enlarged to its size
        flip         horizontal, for half of the images
        rotation     -36 to 36 degrees
        outside      reflect

    Source:
        Keras's RandomCrop, RandomFlip, RandomTranslation, RandomShear, RandomRotation,
        RandomZoom, RandomColorJitter, RandomGrayscale, RandomGaussianBlur,
        GaussianNoise and RandomErasing. PCA colour: Krizhevsky, Sutskever and Hinton
        (2012), ImageNet Classification with Deep Convolutional Neural Networks. Here
        each number of `erasing` and `contrast_factor` means what Keras documents, not
        the halves that its code draws from; and the two flips are drawn independently.
    """
    given = locals()
    operations = {
        name: read(given[name])
        for name, read in _SETTINGS.items()
        if given[name] is not None
    }
    return Augmentation(
        fill_mode=as_choice(fill_mode, "fill_mode", FILL_MODES),
        fill_value=as_float(fill_value, "fill_value", minimum=0, maximum=255),
        interpolation=as_choice(interpolation, "interpolation", INTERPOLATIONS),
        **operations,
    )
