"""What an operation of `augmentation()` is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from reticnn.augmenting.parts.part import Part

# The range of a number that decides where or whether something happens.
UNIT = (0.0, 1.0)


@dataclass(frozen=True, eq=False)
class Operation:
    """All there is to know about an operation.

    Its settings are a dict of plain values that JSON can hold, with Keras's names.

    Args:
        name: The argument of `augmentation()`.
        read: Function of what users write, one value or a dict of some settings, that
            checks it and returns all settings.
        describe: Function of settings that returns what is done, in words.
        slots: Slot of each number that may be drawn for an image, by the number's name.
            Names and slots are no other operation's, so that none changes another's
            draws; slots are below 1024, and stay, so that old seeds give old images.
        ranges: Function of settings that returns the (lower, upper) of each number that
            is drawn, by its name. Without any, the operation does nothing.
        part: Part in which it is done.
        change: Function (composition, drawn, settings) that changes what the part's
            `compose` made, by the numbers drawn, a dict of arrays (n,).
        constants: Function of settings that returns constants of the part. Default
            none.
        check: Function (settings, image_shape) that raises if the operation cannot be
            done to images of (height, width, channels). Default: it always can.
        any_channels: Whether images may have any number of channels, not only 1 (grey)
            or 3 (RGB). Default True.
        rgb_numbers: Names of numbers that do something to images of 3 channels only.
            Default none.
        search: Function (rng, strength) that returns what a user might write, drawn by
            a NumPy generator up to that share of the most that is worth a try, or None
            if `learn_augmentation()` is not to try the operation. Default None.
        sized: Function (settings, size) that returns settings whose results have that
            (height, width), where they leave it open. Default: they do not.
        remark: Function (settings, size) that returns a sentence to tell a user whose
            images or model have that (height, width), where what is done may not be
            what was meant, or None. Default: it is.
        of_any_size: Function of settings that returns whether what comes first to the
            operation may have any size, and results then still have one. Default: it
            may not.
    """

    name: str
    read: Callable
    describe: Callable
    slots: Mapping
    ranges: Callable
    part: Part
    change: Callable
    constants: Callable = lambda settings: {}
    check: Callable = lambda settings, image_shape: None
    any_channels: bool = True
    rgb_numbers: frozenset = frozenset()
    search: Callable | None = None
    sized: Callable = lambda settings, size: settings
    remark: Callable = lambda settings, size: None
    of_any_size: Callable = lambda settings: False

    def acts(self, settings, channels):
        """Return whether it does anything to images of so many channels."""
        return self._matter(self.ranges(settings), channels)

    def suits(self, channels):
        """Return whether any settings affect images of that many channels."""
        takes = self.any_channels or channels in (1, 3)
        return takes and self._matter(self.slots, channels)

    def _matter(self, numbers, channels):
        idle = frozenset() if channels == 3 else self.rgb_numbers
        return not idle.issuperset(numbers)


def up_to(most):
    """Return a `search` for a number, from half of the greatest to the greatest."""

    def search(rng, strength):
        return float(f"{most * strength * rng.uniform(0.5, 1):.2g}")

    return search


def one_of(*choices):
    """Return a `search` for one of some texts."""
    return lambda rng, strength: str(rng.choice(choices))
