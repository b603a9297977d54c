"""Bring the values of files to 0 to 255, by a range that is known."""

from dataclasses import dataclass, field

import numpy as np

from reticnn.coercion import as_choice, as_float, shown
from reticnn.data.refusing import RefusedError

# Values up to this share of a range leave at most 64 shades of 256.
LITTLE = 0.25

_GIVE_NUMBERS = (
    "Give the values that are black and white, as in `value_range=(0, 4095)`"
)


@dataclass(frozen=True)
class ValueRange:
    """Which values of files are black and white.

    Attributes:
        asked: `"type"`, `"data"` or `"numbers"`; or None for `"type"` where values are
            whole numbers, and `"data"` where they are not.
        pairs: (black, white) for each channel, or for all of them together; None where
            they are not needed, or not known yet.
        found_in: From how many files, and of how many, the numbers were found, or None.
            It says nothing of how images are, and is not kept with a classifier.
    """

    asked: str | None = None
    pairs: tuple | None = None
    found_in: tuple | None = field(default=None, compare=False)

    @classmethod
    def of(cls, value, channels):
        """Return the range that a user's `value_range` means.

        Args:
            value: None, `"type"`, `"data"`, two numbers, or a pair of them for each of
                the channels.
            channels: Number of channels.
        """
        if value is None:
            return cls()
        if isinstance(value, str):
            return cls(as_choice(value, "value_range", ("type", "data")))
        return cls("numbers", _as_pairs(value, channels))

    @property
    def is_chosen(self):
        """Whether the user has said what is black and white."""
        return self.asked in ("type", "numbers")

    @property
    def is_by_type(self):
        """Whether whole numbers end at the largest of their type."""
        return self.asked in (None, "type")

    @property
    def is_found(self):
        """Whether the numbers were found from the values of files."""
        return not self.is_chosen and self.pairs is not None

    def lacks_numbers(self, dtypes):
        """Return whether files of these types cannot be read before numbers are known.

        Args:
            dtypes: Types of files, None where they are not known.
        """
        return self.pairs is None and any(map(self.is_found_from, dtypes))

    def is_found_from(self, dtype):
        """Return whether the numbers are those of values of a type, if none are given.

        Args:
            dtype: Type of a file's values, None where it is not known.
        """
        if dtype is None or self.asked not in (None, "data"):
            return False
        return dtype.kind == "f" or (self.asked == "data" and dtype != np.uint8)

    def pairs_for(self, about):
        """Return the (black, white) pairs for a file that has been described.

        Values of 8 bits are pixels, whatever is black and white for others.

        Raises:
            RefusedError: If the file has no such range.
        """
        if about.dtype == np.uint8 and not about.has_own_limits:
            return (about.limits,)
        by_type = about.dtype.kind != "f" or about.has_own_limits
        if self.asked == "type" or (self.asked is None and by_type):
            if not by_type:
                raise RefusedError(
                    "has floating-point values, whose type has no largest that is "
                    f"white. {_GIVE_NUMBERS}"
                )
            return (about.limits,)
        if self.pairs is None:
            raise RefusedError(
                "has floating-point values, and nothing says which of them are black "
                f"and white. {_GIVE_NUMBERS}"
            )
        return self.pairs

    def __str__(self):
        """Return the numbers as they are shown."""
        return " and ".join(f"{low:g} to {high:g}" for low, high in self.pairs)

    @property
    def origin(self):
        """Where the numbers were found, in words, or None."""
        if self.found_in is None:
            return None
        some, there = self.found_in
        return f"found in {some:,} of {there:,} file{'' if there == 1 else 's'}"

    @property
    def code(self):
        """The range as the user's argument, in Python's notation."""
        if self.pairs is None:
            return repr(self.asked)
        return range_code(self.pairs)

    def to_config(self):
        """Return the range as JSON has it."""
        pairs = self.pairs and [list(pair) for pair in self.pairs]
        return {"asked": self.asked, "pairs": pairs}

    @classmethod
    def from_config(cls, config):
        """Return the range that `to_config` tells of."""
        asked = as_choice(
            config["asked"], "value_range", (None, "type", "data", "numbers")
        )
        pairs = config["pairs"]
        if (asked == "type" and pairs) or (asked == "numbers" and not pairs):
            raise ValueError("`value_range` has no numbers, or numbers without a use")
        return cls(asked, None if pairs is None else _as_pairs(pairs, len(pairs)))


def range_code(pairs):
    """Return (black, white) pairs as the user's argument, in Python's notation."""
    # Numbers that differ late, such as large ones, must still differ.
    texts = [f"({low:g}, {high:g})" for low, high in pairs]
    for index, (low, high) in enumerate(pairs):
        if float(f"{low:g}") >= float(f"{high:g}"):
            texts[index] = f"({low!r}, {high!r})"
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"


def _as_pairs(value, channels):
    """Return the (black, white) pairs that a user gives."""
    items = value.tolist() if isinstance(value, np.ndarray) else value
    try:
        items = list(items)
        nested = [list(item) for item in items if not np.isscalar(item)]
    except TypeError:
        items, nested = [], []
    if len(nested) == len(items) and nested:
        pairs = nested
    else:
        pairs = [] if nested else [items]
    if len(pairs) not in (1, channels) or any(len(pair) != 2 for pair in pairs):
        raise ValueError(
            "`value_range` must be 'type', 'data', two numbers for black and white, or "
            f"a list of two for each of the {channels} channels, not {shown(value)}."
        )
    pairs = [tuple(as_float(end, "value_range") for end in pair) for pair in pairs]
    for low, high in pairs:
        if low >= high:
            raise ValueError(
                f"`value_range` must go up from black to white, not from {low:g} to "
                f"{high:g}."
            )
    return tuple(pairs)


def scaled_values(values, pairs):
    """Return values, (height, width, bands), as float32, brought to 0 to 255.

    Args:
        values: Array of whole or floating-point numbers.
        pairs: (black, white) for each band, or for all.
    """
    # Whole numbers of 16 bits are exact in either type.
    exact = np.float32 if values.dtype.itemsize <= 2 else np.float64
    floats = values.astype(exact, order="C")
    if len(pairs) > 1 and floats.shape[2] == 1:
        floats = floats.repeat(len(pairs), axis=2)
    _scale(floats, pairs)
    return floats.astype(np.float32, copy=False)


def scale_to(image, values, pairs, needs_ends):
    """Have an image of float32 be values of 16 bits, as `scaled_values` returns them.

    Args:
        image: Array of the shape of the values.
        values: Array, (height, width, bands).
        pairs: (black, white) for each band, or for all.
        needs_ends: Whether some of them may not be within 0 to 255 (`are_inside`).
    """
    np.copyto(image, values)
    _scale(image, pairs, needs_ends)


def _scale(floats, pairs, needs_ends=True):
    """Bring values to 0 to 255, in place."""
    exact = floats.dtype.type
    lows = [low for low, _ in pairs]
    factors = [255 / (high - low) for low, high in pairs]
    if any(lows):
        floats -= _for_bands(lows, exact)
    floats *= _for_bands(factors, exact)
    if needs_ends:
        np.maximum(floats, exact(0), out=floats)
        np.minimum(floats, exact(255), out=floats)


def are_inside(values, pairs):
    """Return whether values of 16 bits are within 0 to 255 once they are scaled."""
    lows, highs = zip(*pairs, strict=True)
    if values.min() < max(lows) or values.max() > min(highs):
        return False
    # White may be above 255 by the rounding.
    whites = np.array(highs, np.float32)[None]
    _scale(whites, pairs, needs_ends=False)
    return bool((whites <= 255).all())


def _for_bands(numbers, kind):
    """Return a number for all bands, or an array with one for each."""
    return kind(numbers[0]) if len(numbers) == 1 else np.array(numbers, kind)
