"""The operations that RandAugment and its relatives draw, one row per operation.

They differ from the operations of `augmentation()`: each has a severity from 0, which
leaves the image unchanged, to 1; a `Space` says how strong that is.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from reticnn.augmenting.parts.color_matrix import ENHANCEMENT
from reticnn.augmenting.parts.lookup_table import AUTOCONTRAST, EQUALIZE, LOOKUP
from reticnn.augmenting.parts.part import Part
from reticnn.augmenting.parts.sharpness import SHARPNESS
from reticnn.augmenting.parts.warp import WARP


class Space(NamedTuple):
    """The greatest severity of each kind of operation."""

    shear: float
    translation: float  # a fraction of the side up to 1, pixels above
    turn: float  # of a full one
    enhancement: float  # distance of the factor to 1
    bits: int  # removed by posterizing
    bits_always: int = 0  # removed besides, whatever the severity

    def reach(self, side):
        """Return the greatest translation along a side in pixels, as a fraction."""
        return self.translation if self.translation <= 1 else self.translation / side

    def bits_removed(self, xp, amount):
        """Return the number of bits removed by posterizing."""
        bits = amount.graded * self.bits
        if not self.bits_always:
            return bits
        return xp.floor(bits) + amount.on * self.bits_always


# Of Cubuk et al. (2018), the wide space of Mueller and Hutter (2021), and that of the
# code of Hendrycks et al. (2020).
STANDARD = Space(0.3, 150 / 331, 30 / 360, 0.9, 4)
WIDE = Space(0.99, 32, 135 / 360, 0.99, 6)
AUG_MIX = Space(0.3, 1 / 3, 30 / 360, 0.9, 4, bits_always=4)

# What solarize_add adds to dark values at most, as in the RandAugment authors' code.
_MOST_ADDED = 110


class Amount(NamedTuple):
    """How much of an operation is done to each image, arrays (n,)."""

    on: Any  # 1 for the images it is applied to, 0 for the others
    severity: Any
    sign: Any

    @property
    def graded(self):
        """The severity where it is done, else 0."""
        return self.on * self.severity

    @property
    def signed(self):
        """The same with a random sign."""
        return self.on * self.severity * self.sign


class DrawnOperation(NamedTuple):
    """A row of the table: the part in which an operation is done, and how."""

    name: str
    part: Part | None
    # Function (composition, amount, space) that changes what the part's `compose` made.
    change: Callable
    any_channels: bool = True

    def acts(self, channels):
        """Return whether it affects images of that many channels."""
        return self.part is not None and (self.any_channels or channels != 1)


def _factor(amount, space):
    """Return the factor of a blend, 1 for the image itself."""
    return 1 + amount.signed * space.enhancement


# In the order of the papers on RandAugment and TrivialAugment; at the end, two more.
_TABLE = [
    DrawnOperation("identity", None, lambda *_: None),
    DrawnOperation(
        "autocontrast",
        LOOKUP,
        lambda tables, amount, space: tables.by_histogram(AUTOCONTRAST, amount.on),
    ),
    DrawnOperation(
        "equalize",
        LOOKUP,
        lambda tables, amount, space: tables.by_histogram(EQUALIZE, amount.on),
    ),
    DrawnOperation(
        "rotate",
        WARP,
        lambda warp, amount, space: warp.rotate(amount.signed * space.turn),
    ),
    DrawnOperation(
        "solarize",
        LOOKUP,
        lambda tables, amount, space: tables.solarize(amount.on, amount.graded),
    ),
    DrawnOperation(
        "color",
        ENHANCEMENT,
        lambda color, amount, space: color.saturation(_factor(amount, space)),
        any_channels=False,
    ),
    DrawnOperation(
        "posterize",
        LOOKUP,
        lambda tables, amount, space: tables.posterize(
            amount.on, space.bits_removed(tables.xp, amount)
        ),
    ),
    DrawnOperation(
        "contrast",
        ENHANCEMENT,
        lambda color, amount, space: color.contrast(_factor(amount, space)),
    ),
    DrawnOperation(
        "brightness",
        ENHANCEMENT,
        lambda color, amount, space: color.brightness(_factor(amount, space)),
    ),
    DrawnOperation(
        "sharpness",
        SHARPNESS,
        lambda sharpness, amount, space: sharpness.set(
            sharpness=_factor(amount, space)
        ),
    ),
    DrawnOperation(
        "shear_x",
        WARP,
        lambda warp, amount, space: warp.shear(amount.signed * space.shear, 0.0),
    ),
    DrawnOperation(
        "shear_y",
        WARP,
        lambda warp, amount, space: warp.shear(0.0, amount.signed * space.shear),
    ),
    DrawnOperation(
        "translate_x",
        WARP,
        lambda warp, amount, space: warp.translate(
            0.0, amount.signed * space.reach(warp.size[1])
        ),
    ),
    DrawnOperation(
        "translate_y",
        WARP,
        lambda warp, amount, space: warp.translate(
            amount.signed * space.reach(warp.size[0]), 0.0
        ),
    ),
    DrawnOperation(
        "invert",
        LOOKUP,
        lambda tables, amount, space: tables.solarize(amount.on, amount.on),
    ),
    DrawnOperation(
        "solarize_add",
        LOOKUP,
        lambda tables, amount, space: tables.add_to_dark(
            amount.on, amount.graded * _MOST_ADDED
        ),
    ),
]
DRAWN_OPERATIONS = {operation.name: operation for operation in _TABLE}
FOURTEEN = tuple(DRAWN_OPERATIONS)[:14]

# In which an engine does them.
PARTS = (WARP, ENHANCEMENT, LOOKUP, SHARPNESS)
