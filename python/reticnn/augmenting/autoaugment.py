"""Policies that draw operations for each image: RandAugment and its relatives.

An operation has a severity from 0, which leaves the image as it is, to 1; how far that
goes is said by a `Space`. Each stage does one operation to each image.
"""

import math
from typing import NamedTuple

import numpy as np

from reticnn.augmenting.autoaugment_tables import AUTO_AUGMENT
from reticnn.augmenting.describing import in_lines
from reticnn.augmenting.policy import Policy, as_sign
from reticnn.augmenting.random_numbers import as_float, as_whole, uniforms
from reticnn.augmenting.sampling import (
    LUT_AUTOCONTRAST,
    LUT_EQUALIZE,
    LUT_TABLE,
    Warp,
    enhanced_color,
    happens,
    lut_tables,
    normals,
)
from reticnn.coercion import as_choice, as_int, as_strings
from reticnn.coercion import as_float as as_number

_PART_OF = {
    "identity": None,
    "autocontrast": "lut",
    "equalize": "lut",
    "rotate": "warp",
    "solarize": "lut",
    "color": "color",
    "posterize": "lut",
    "contrast": "color",
    "brightness": "color",
    "sharpness": "sharpness",
    "shear_x": "warp",
    "shear_y": "warp",
    "translate_x": "warp",
    "translate_y": "warp",
    "invert": "lut",
    "solarize_add": "lut",
}
OPERATIONS = tuple(_PART_OF)

_CODES = {name: code for code, name in enumerate(OPERATIONS)}
_LUT_KINDS = {
    "autocontrast": LUT_AUTOCONTRAST,
    "equalize": LUT_EQUALIZE,
    "solarize": LUT_TABLE,
    "posterize": LUT_TABLE,
    "invert": LUT_TABLE,
    "solarize_add": LUT_TABLE,
}

# Those of the papers on RandAugment and TrivialAugment.
_FOURTEEN = OPERATIONS[:14]

# Far from the slots of `augmentation()`: those of a stage follow each other.
_FIRST_SLOT = 1024
_SLOTS_OF_A_STAGE = ("choice", "chance", "sign", "severity_1", "severity_2")


class Space(NamedTuple):
    """What the greatest severity of each kind of operation is."""

    shear: float
    translation: float  # a fraction of the side up to 1, pixels above
    turn: float  # of a full one
    enhancement: float  # distance of the factor to 1
    bits: int  # that posterizing takes away


# Of Cubuk et al. (2018), and the wide space of Mueller and Hutter (2021).
STANDARD = Space(0.3, 150 / 331, 30 / 360, 0.9, 4)
WIDE = Space(0.99, 32, 135 / 360, 0.99, 6)

# What solarize_add adds to dark values at most, as in the RandAugment authors' code.
_MOST_ADDED = 110


class Choice(NamedTuple):
    """An operation that may be drawn."""

    operation: str
    probability: float
    severity: float


class _Choosing:
    """What policies of drawn operations have in common."""

    # Grey, as in the code of the papers' authors.
    fill_mode = "constant"
    fill_value = 128.0

    space = STANDARD

    def _plan(self, *stages):
        """Keep the choices of each stage."""
        self.__dict__["_stages"] = stages

    def check(self, image_shape):
        """Raise if the policy cannot be applied to (height, width, channels)."""
        if image_shape[2] not in (1, 3):
            raise ValueError(
                f"`{self.kind}()` needs images with 1 channel (grey) or 3 (RGB), not "
                f"{image_shape[2]}. For these, make a policy of geometric operations "
                "with `augmentation()`."
            )

    def parts(self, channels):
        """Return for each stage the set of the parts that can do anything."""
        return [
            {_PART_OF[name] for name in self._possible(choices, channels)}
            for choices in self._stages
        ]

    def draw(self, xp, seed, epoch, indices, image_shape):
        """Return for each stage a dict of the parameters of its parts."""
        stages, width = [], len(_SLOTS_OF_A_STAGE)
        slots = tuple(range(_FIRST_SLOT, _FIRST_SLOT + width * len(self._stages)))
        numbers = uniforms(xp, seed, epoch, indices, slots)
        for stage, choices in enumerate(self._stages):
            drawn = {
                name: numbers[:, stage * width + place]
                for place, name in enumerate(_SLOTS_OF_A_STAGE)
            }
            drawn["choice"] = numbers[:, self._slot_of_choice(stage) * width]
            amounts = self._amounts(xp, choices, drawn, image_shape[2])
            stages.append(self._stage(xp, amounts, image_shape))
        return stages

    def _in_lines(self, title, operations, **lines):
        """Return the policy's text."""
        lines |= {"operations": ", ".join(operations)}
        if any("warp" in parts for parts in self.parts(3)):
            lines["outside"] = f"{self.fill_mode} {self.fill_value:g}"
        return in_lines(f"{self.kind}, {title}", lines)

    def _possible(self, choices, channels):
        """Return the operations among choices that can do anything."""
        return {
            choice.operation
            for choice in choices
            if choice.probability > 0
            and choice.operation != "identity"
            and (choice.operation, channels) != ("color", 1)
        }

    def _slot_of_choice(self, stage):
        """Return the stage in whose slot the choice of this one is drawn."""
        return stage

    def _severity(self, xp, planned, drawn):
        """Return severities, (n,), from those planned for what was chosen."""
        return planned

    def _amounts(self, xp, choices, drawn, channels):
        """Return (on, severity, sign) by operation, each (n,), `on` 0 or 1."""
        names, chances, severities = zip(*choices, strict=True)
        codes = np.array([_CODES[name] for name in names], "int32")
        # A uniform number below 1 times a whole one stays below it in float32.
        choice = as_whole(xp, drawn["choice"] * len(choices))
        code, chance, planned = (
            xp.take(values, choice, axis=0)
            for values in (codes, np.float32(chances), np.float32(severities))
        )
        done = happens(xp, chance, drawn["chance"])
        severity = self._severity(xp, planned, drawn)
        sign = as_sign(xp, drawn["sign"])
        return {
            name: (done * as_float(xp, code == _CODES[name]), severity, sign)
            for name in self._possible(choices, channels)
        }

    def _stage(self, xp, amounts, image_shape):
        """Return the parameters of a stage from the amounts of its operations."""
        on = {_PART_OF[name] for name in amounts}
        signed = {name: on * much * sign for name, (on, much, sign) in amounts.items()}
        graded = {name: on * much for name, (on, much, _) in amounts.items()}
        happening = {name: on for name, (on, _, _) in amounts.items()}
        stage = {}
        if "warp" in on:
            stage["warp"] = self._warp(xp, signed, image_shape)
        if "color" in on:
            stage |= self._color(xp, signed, image_shape[2])
        if "lut" in on:
            stage |= self._lut(xp, happening, graded)
        if "sharpness" in on:
            stage["sharpness"] = 1 + signed["sharpness"] * self.space.enhancement
        return stage

    def _warp(self, xp, signed, image_shape):
        warp = Warp(xp, image_shape)
        down, right = (
            signed[name] * self._translation(side) if name in signed else 0.0
            for name, side in zip(
                ("translate_y", "translate_x"), image_shape[:2], strict=True
            )
        )
        warp.translate(down, right)
        x, y = (
            signed[name] * self.space.shear if name in signed else 0.0
            for name in ("shear_x", "shear_y")
        )
        warp.shear(x, y)
        if "rotate" in signed:
            warp.rotate(signed["rotate"] * self.space.turn)
        return warp.matrix(next(iter(signed.values())))

    def _translation(self, side):
        reach = self.space.translation
        return reach if reach <= 1 else reach / side

    def _color(self, xp, signed, channels):
        none = next(iter(signed.values())) * 0
        brightness, contrast, saturation = (
            1 + signed.get(name, none) * self.space.enhancement
            for name in ("brightness", "contrast", "color")
        )
        return enhanced_color(
            xp,
            channels,
            brightness=brightness,
            contrast=contrast,
            saturation=saturation,
        )

    def _lut(self, xp, happening, graded):
        names = [name for name in happening if name in _LUT_KINDS]
        kinds = sum(happening[name] * _LUT_KINDS[name] for name in names)
        parts = {"lut": as_whole(xp, kinds)}
        if any(_LUT_KINDS[name] == LUT_TABLE for name in names):
            none = kinds * 0
            bits = xp.round(graded.get("posterize", none) * self.space.bits)
            inverted = graded.get("solarize", none) + happening.get("invert", none)
            parts["lut_table"] = lut_tables(
                xp,
                step=xp.round(xp.exp(bits * math.log(2))),
                add=xp.floor(graded.get("solarize_add", none) * _MOST_ADDED),
                threshold=256 * (1 - inverted),
            )
        return parts


class RandAugment(_Choosing, Policy, kind="rand_augment"):
    """The policy of `rand_augment()`."""

    __module__ = "reticnn"

    def __init__(self, *, n, magnitude, magnitude_std, probability, operations):
        """Take checked settings."""
        super().__init__(
            n=n,
            magnitude=magnitude,
            magnitude_std=magnitude_std,
            probability=probability,
            operations=operations,
        )
        choices = [Choice(name, probability, magnitude / 10) for name in operations]
        self.__dict__["_spread"] = magnitude_std / 10
        self._plan(*[choices] * n)

    @classmethod
    def maker(cls):
        """Return the function that checks the settings."""
        return rand_augment

    def __repr__(self):
        """Return what is done to an image."""
        config = self._config
        spread = config["magnitude_std"]
        severity = f"{config['magnitude']:g} of 10" + (
            f", with a standard deviation of {spread:g}" if spread else ""
        )
        chance = config["probability"]
        return self._in_lines(
            f"{_times(config['n'])} to each image one of "
            f"{len(config['operations'])} operations",
            config["operations"],
            magnitude=severity,
            **({"probability": f"{chance:g} each time"} if chance < 1 else {}),
        )

    def _severity(self, xp, planned, drawn):
        if not self._spread:
            return planned
        normal, _ = normals(xp, drawn["severity_1"], drawn["severity_2"])
        return xp.clip(planned + self._spread * normal, 0.0, 1.0)


class TrivialAugment(_Choosing, Policy, kind="trivial_augment"):
    """The policy of `trivial_augment()`."""

    __module__ = "reticnn"

    space = WIDE

    def __init__(self):
        """Take nothing."""
        super().__init__()
        self._plan([Choice(name, 1.0, 1.0) for name in _FOURTEEN])

    @classmethod
    def maker(cls):
        """Return the function that checks the settings."""
        return trivial_augment

    def __repr__(self):
        """Return what is done to an image."""
        return self._in_lines(
            f"once to each image one of {len(_FOURTEEN)} operations",
            _FOURTEEN,
            magnitude="0 to 30 of 30 (the wide space)",
        )

    def _severity(self, xp, planned, drawn):
        return xp.floor(drawn["severity_1"] * 31) / 30


class AutoAugment(_Choosing, Policy, kind="auto_augment"):
    """The policy of `auto_augment()`."""

    __module__ = "reticnn"

    def __init__(self, *, name):
        """Take the name of a table."""
        super().__init__(name=name)
        first, second = zip(*AUTO_AUGMENT[name], strict=True)
        self._plan(*([Choice(*_severe(part)) for part in s] for s in (first, second)))

    @classmethod
    def maker(cls):
        """Return the function that checks the settings."""
        return auto_augment

    def __repr__(self):
        """Return what is done to an image."""
        return self._in_lines(
            f"to each image one of {len(self._stages[0])} pairs of operations",
            dict.fromkeys(
                choice.operation for stage in self._stages for choice in stage
            ),
            table=self._config["name"],
        )

    def _slot_of_choice(self, stage):
        """Return the first stage: both operations come from one pair."""
        return 0


def _severe(part):
    """Return the table's entry with its magnitude, 0 to 9, as a severity."""
    operation, probability, magnitude = part
    return operation, probability, (magnitude or 0) / 9


def _times(n):
    return {1: "once", 2: "twice"}.get(n, f"{n} times")


def rand_augment(
    n=2, magnitude=9, *, magnitude_std=0.0, probability=1.0, operations=None
):
    """Apply operations drawn at random, all at the same magnitude.

    Applies `n` of the operations to each image, one after the other. A greater
    magnitude is a greater change for all of them. Pixels that come in from outside are
    grey (128).

    Args:
        n: Whole number of operations for each image. Default 2.
        magnitude: Float from 0, hardly any change, to 10: rotation by 30 degrees,
            shear by 0.3, translation by 45 % of the side, brightness, contrast, colour
            and sharpness times 0.1 or 1.9, 4 bits less, all of the values solarized.
            Direction and sign are drawn. Default 9.
        magnitude_std: Float of at least 0, standard deviation of the magnitude from
            image to image; cut off at 0 and 10. Default 0.
        probability: Float in [0, 1], how often an operation drawn is done. Default 1.
        operations: Names of operations to draw from, or None for those of the paper:
            `"identity"`, `"autocontrast"`, `"equalize"`, `"rotate"`, `"solarize"`,
            `"color"`, `"posterize"`, `"contrast"`, `"brightness"`, `"sharpness"`,
            `"shear_x"`, `"shear_y"`, `"translate_x"`, `"translate_y"`. There are also
            `"invert"` and `"solarize_add"`. Default None.

    Returns:
        Policy, which prints what it does, for `augment`, `plot_augmentation` and
        `fit_classifier`.

    Raises:
        ValueError: If an argument is outside its range, or an operation is unknown.

    Example:
        >>> rand_augment(magnitude=5, operations=["rotate", "shear_x", "contrast"])
        <Policy> rand_augment, twice to each image one of 3 operations
        magnitude   5 of 10
        operations  rotate, shear_x, contrast
        outside     constant 128

    Source:
        Cubuk et al. (2019), arXiv:1909.13719. Where the authors' code lets some
        operations change less with a greater magnitude, these change more, as in
        torchvision and timm. timm's "rand-m9-mstd0.5-inc1", as used for ConvNeXt, has
        a probability of 0.5, `magnitude_std=0.5`, and all operations but the
        identity. torchvision counts magnitudes up to 30.
    """
    names = as_strings(_FOURTEEN if operations is None else operations, "operations")
    if not names:
        raise ValueError("`operations` must hold at least one name, not none.")
    return RandAugment(
        n=as_int(n, "n"),
        magnitude=as_number(magnitude, "magnitude", minimum=0, maximum=10),
        magnitude_std=as_number(magnitude_std, "magnitude_std", minimum=0),
        probability=as_number(probability, "probability", minimum=0, maximum=1),
        operations=[as_choice(name, "operations", OPERATIONS) for name in names],
    )


def trivial_augment():
    """Apply one operation drawn at random, at a random magnitude.

    Each image gets one of the 14 operations of `rand_augment()`, at one of 31 evenly
    spaced magnitudes up to the paper's wide space: rotation by 135 degrees, shear by
    0.99, translation by 32 pixels, brightness, contrast, colour and sharpness times
    0.01 or 1.99, 6 bits less, all of the values solarized. Pixels that come in from
    outside are grey (128): images of 32 pixels can be moved out of sight, as in the
    paper. There is nothing to tune.

    Returns:
        Policy, which prints what it does, for `augment`, `plot_augmentation` and
        `fit_classifier`.

    Example:
        >>> images = augment(images, trivial_augment(), seed=1)

    Source:
        Mueller and Hutter (2021), arXiv:2103.10158.
    """
    return TrivialAugment()


def auto_augment(name="imagenet"):
    """Apply a policy that was learned for a well-known set of images.

    Each image gets one of 25 pairs of operations, each of which is done with its own
    probability and magnitude. Pixels that come in from outside are grey (128).

    Args:
        name: What the policy was learned for: `"cifar10"` (small photos),
            `"imagenet"` (large ones) or `"svhn"` (house numbers). Default
            `"imagenet"`.

    Returns:
        Policy, which prints what it does, for `augment`, `plot_augmentation` and
        `fit_classifier`.

    Raises:
        ValueError: If there is no such policy.

    Example:
        >>> images = augment(images, auto_augment("cifar10"), seed=1)

    Source:
        Cubuk et al. (2018), arXiv:1805.09501, the tables of the appendix. The
        magnitudes 0 to 9 are read as in torchvision, from no change to the greatest,
        with a drawn sign, where the paper counts from one end of a range to the other.
    """
    return AutoAugment(name=as_choice(name, "name", tuple(AUTO_AUGMENT)))
