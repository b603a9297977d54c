"""Policies that draw operations for each image: RandAugment and its relatives.

Each pass applies one operation to each image.
"""

from typing import NamedTuple

import numpy as np

from reticnn.augmenting.autoaugment_operations import (
    DRAWN_OPERATIONS,
    FOURTEEN,
    PARTS,
    STANDARD,
    WIDE,
    Amount,
)
from reticnn.augmenting.autoaugment_tables import AUTO_AUGMENT
from reticnn.augmenting.parts.lookup_table import LOOKUP
from reticnn.augmenting.parts.warp import WARP
from reticnn.augmenting.policy import Policy, in_lines
from reticnn.augmenting.random_numbers import (
    happens,
    normals,
    random_sign,
    to_float32,
    to_int32,
    uniforms,
)
from reticnn.coercion import as_choice, as_float, as_int, as_strings

OPERATIONS = tuple(DRAWN_OPERATIONS)

_CODES = {name: code for code, name in enumerate(OPERATIONS)}

# Far from the slots of `augmentation()`; those of a pass are consecutive.
_FIRST_SLOT = 1024
_SLOTS_OF_A_PASS = ("choice", "chance", "sign", "severity_1", "severity_2")


class Choice(NamedTuple):
    """An operation that may be drawn."""

    operation: str
    probability: float
    severity: float


class Choosing:
    """What policies of drawn operations have in common."""

    __module__ = "reticnn"
    space = STANDARD
    # Grey outside, as in the code of the papers' authors.
    fill_value = 128.0

    def _plan(self, *passes):
        """Keep the choices of each pass, and which affect grey and RGB images."""
        possible = {
            channels: [_possible(choices, channels) for choices in passes]
            for channels in (1, 3)
        }
        self.__dict__.update(
            _passes=passes,
            _possible=possible,
            _parts={
                channels: [self._parts_of(operations) for operations in of_passes]
                for channels, of_passes in possible.items()
            },
        )

    def check(self, image_shape):
        """Raise if the policy cannot be applied to (height, width, channels)."""
        if image_shape[2] not in (1, 3):
            raise ValueError(
                f"`{self.kind}()` needs images with 1 channel (grey) or 3 (RGB), not "
                f"{image_shape[2]}. For these, make a policy of geometric operations "
                "with `augmentation()`."
            )

    def parts(self, channels):
        """Return for each pass a dict of the parts that can do anything, in order."""
        return self._parts[1 if channels == 1 else 3]

    def draw(self, xp, seed, epoch, indices, image_shape):
        """Return for each pass a dict of the parameters of its parts."""
        numbers = self._numbers(xp, seed, epoch, indices)
        return self._draw_passes(xp, numbers, image_shape)

    def _in_lines(self, title, operations, **lines):
        """Return the policy's text."""
        lines |= {"operations": ", ".join(operations)}
        if any(WARP in parts for parts in self.parts(3)):
            lines["outside"] = f"constant {self.fill_value:g}"
        return in_lines(f"{self.kind}, {title}", lines)

    def _parts_of(self, operations):
        """Return the constants of the parts of operations, in order."""
        sampling = {"fill_mode": "constant", "fill_value": self.fill_value}
        constants = {
            WARP: {**sampling, "interpolation": "bilinear"},
            LOOKUP: {"histogram": True},
        }
        done = {operation.part for operation in operations}
        return {part: constants.get(part, {}) for part in PARTS if part in done}

    def _numbers(self, xp, seed, epoch, indices, more=0):
        """Return the uniform numbers of all passes, and so many more, (n, slots)."""
        count = len(_SLOTS_OF_A_PASS) * len(self._passes) + more
        slots = tuple(range(_FIRST_SLOT, _FIRST_SLOT + count))
        return uniforms(xp, seed, epoch, indices, slots)

    def _drawn(self, xp, numbers, index):
        """Return the numbers of a pass by name."""
        first = index * len(_SLOTS_OF_A_PASS)
        return {
            name: numbers[:, first + column]
            for column, name in enumerate(_SLOTS_OF_A_PASS)
        }

    def _draw_passes(self, xp, numbers, image_shape):
        """Return for each pass a dict of the parameters of its parts."""
        channels = 1 if image_shape[2] == 1 else 3
        parameters = []
        for index, parts in enumerate(self._parts[channels]):
            drawn = self._drawn(xp, numbers, index)
            amounts = self._amounts(xp, index, drawn, channels)
            parameters.append(self._parameters(xp, parts, amounts, image_shape))
        return parameters

    def _severity(self, xp, planned, drawn):
        """Return severities, (n,), from those planned for the operations chosen."""
        return planned

    def _amounts(self, xp, index, drawn, channels):
        """Return pairs of an operation of a pass and its `Amount`."""
        choices = self._passes[index]
        names, chances, severities = zip(*choices, strict=True)
        codes = np.array([_CODES[name] for name in names], "int32")
        # A uniform number below 1 times a whole number stays below that number in
        # float32.
        choice = to_int32(xp, drawn["choice"] * len(choices))
        code, chance, planned = (
            xp.take(values, choice, axis=0)
            for values in (codes, np.float32(chances), np.float32(severities))
        )
        done = happens(xp, chance, drawn["chance"])
        severity = self._severity(xp, planned, drawn)
        sign = random_sign(xp, drawn["sign"])
        amounts = []
        for operation in self._possible[channels][index]:
            on = done * to_float32(xp, code == _CODES[operation.name])
            amounts.append((operation, Amount(on, severity, sign)))
        return amounts

    def _parameters(self, xp, parts, amounts, image_shape):
        """Return the parameters of a pass from the amounts of its operations."""
        parameters = {}
        for part in parts:
            own = [pair for pair in amounts if pair[0].part is part]
            composition = part.compose(xp, image_shape, own[0][1].on)
            for operation, amount in own:
                operation.change(composition, amount, self.space)
            parameters |= composition.parameters()
        return parameters


def _possible(choices, channels):
    """Return the operations among choices that can do anything.

    They come in reverse order of the table, so that a translation precedes a rotation
    and the rounding stays the same as in earlier versions.
    """
    names = {choice.operation for choice in choices if choice.probability > 0}
    return [
        operation
        for operation in reversed(DRAWN_OPERATIONS.values())
        if operation.name in names and operation.acts(channels)
    ]


class RandAugment(Choosing, Policy, kind="rand_augment"):
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


class TrivialAugment(Choosing, Policy, kind="trivial_augment"):
    """The policy of `trivial_augment()`."""

    __module__ = "reticnn"

    space = WIDE

    def __init__(self):
        """Take nothing."""
        super().__init__()
        self._plan([Choice(name, 1.0, 1.0) for name in FOURTEEN])

    @classmethod
    def maker(cls):
        """Return the function that checks the settings."""
        return trivial_augment

    def __repr__(self):
        """Return what is done to an image."""
        return self._in_lines(
            f"once to each image one of {len(FOURTEEN)} operations",
            FOURTEEN,
            magnitude="0 to 30 of 30 (the wide space)",
        )

    def _severity(self, xp, planned, drawn):
        return xp.floor(drawn["severity_1"] * 31) / 30


class AutoAugment(Choosing, Policy, kind="auto_augment"):
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
            f"to each image one of {len(self._passes[0])} pairs of operations",
            dict.fromkeys(
                choice.operation for choices in self._passes for choice in choices
            ),
            table=self._config["name"],
        )

    def _drawn(self, xp, numbers, index):
        """Return the numbers of a pass; both operations come from one pair."""
        drawn = super()._drawn(xp, numbers, index)
        return drawn | {"choice": super()._drawn(xp, numbers, 0)["choice"]}


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

    Applies `n` operations to each image in sequence. A greater magnitude means a
    greater change for every operation. Pixels from outside the image are grey (128).

    Args:
        n: Whole number of operations per image. Default 2.
        magnitude: Float from 0 (hardly any change) to 10: rotation by 30 degrees, shear
            by 0.3, translation by 45 % of the side, brightness, contrast, colour and
            sharpness multiplied by 0.1 or 1.9, 4 bits removed by posterizing, all
            values solarized. Directions and signs are random. Default 9.
        magnitude_std: Float of at least 0, standard deviation of the magnitude across
            images; magnitudes are clipped to 0 to 10. Default 0.
        probability: Float in [0, 1], probability that an operation drawn is applied.
            Default 1.
        operations: Names of operations to draw from, or None for those of the paper:
            `"identity"`, `"autocontrast"`, `"equalize"`, `"rotate"`, `"solarize"`,
            `"color"`, `"posterize"`, `"contrast"`, `"brightness"`, `"sharpness"`,
            `"shear_x"`, `"shear_y"`, `"translate_x"`, `"translate_y"`. Also available
            are `"invert"` and `"solarize_add"`. Default None.

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
        Cubuk et al. (2019), arXiv:1909.13719. In the authors' code, a greater magnitude
        weakens some operations; here it strengthens all of them, as in torchvision and
        timm. timm's "rand-m9-mstd0.5-inc1", as used for ConvNeXt, has a probability of
        0.5, `magnitude_std=0.5`, and all operations except the identity. torchvision's
        magnitudes go up to 30.
    """
    names = as_strings(FOURTEEN if operations is None else operations, "operations")
    if not names:
        raise ValueError("`operations` must hold at least one name, not none.")
    return RandAugment(
        n=as_int(n, "n"),
        magnitude=as_float(magnitude, "magnitude", minimum=0, maximum=10),
        magnitude_std=as_float(magnitude_std, "magnitude_std", minimum=0),
        probability=as_float(probability, "probability", minimum=0, maximum=1),
        operations=[as_choice(name, "operations", OPERATIONS) for name in names],
    )


def trivial_augment():
    """Apply one operation drawn at random, at a random magnitude.

    Each image gets one of the 14 operations of `rand_augment()`, at one of 31 evenly
    spaced magnitudes up to the paper's wide space: rotation by 135 degrees, shear by
    0.99, translation by 32 pixels, brightness, contrast, colour and sharpness
    multiplied by 0.01 or 1.99, 6 bits removed by posterizing, all values solarized.
    Pixels from outside the image are grey (128); an image of 32 pixels can be moved out
    of view entirely, as in the paper. There is nothing to tune.

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
    """Apply a policy that was learned on a well-known data set.

    Each image gets one of 25 pairs of operations; each operation is applied with its
    own probability and magnitude. Pixels from outside the image are grey (128).

    Args:
        name: Data set that the policy was learned on: `"cifar10"` (small photos),
            `"imagenet"` (large photos) or `"svhn"` (house numbers). Default
            `"imagenet"`.

    Returns:
        Policy, which prints what it does, for `augment`, `plot_augmentation` and
        `fit_classifier`.

    Raises:
        ValueError: If there is no such policy.

    Example:
        >>> images = augment(images, auto_augment("cifar10"), seed=1)

    Source:
        Cubuk et al. (2018), arXiv:1805.09501, the tables of the appendix. Magnitudes 0
        to 9 run, as in torchvision, from no change to the greatest change, with a
        random sign; in the paper they run from one end of a range to the other.
    """
    return AutoAugment(name=as_choice(name, "name", tuple(AUTO_AUGMENT)))
