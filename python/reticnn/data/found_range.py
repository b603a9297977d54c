"""Find what is black and white from the values of a sample of files."""

from typing import NamedTuple

import numpy as np

from reticnn.data.decoding import sampled_values
from reticnn.data.file_reading import counted
from reticnn.data.value_range import LITTLE, range_code

# What is black and white, in percent of the sampled values.
_PERCENTILES = (0.1, 99.9)

# So many files, and so many values of each.
_SAMPLED_FILES = 100
_SAMPLED_VALUES = 20_000

# So many bands are named in a message.
_NAMED = 10


class FoundRange(NamedTuple):
    """What is black and white in a sample of files.

    Attributes:
        pair: (black, white), but for the rarest values.
        of_bands: The same for each band, where the bands become the channels of images;
            black is white in a band whose values are all the same.
        count: How many files are in the sample.
    """

    pair: tuple
    of_bands: list
    count: int


def found_range(files, reading):
    """Return the `FoundRange` of a sample of files, read as `reading` says."""
    spread = np.linspace(0, len(files) - 1, min(len(files), _SAMPLED_FILES))
    files = [files[int(position)] for position in spread]
    samples = sampled_values(files, reading, _SAMPLED_VALUES)
    pair = _robust([sample.ravel() for sample in samples])
    bands = [sample for sample in samples if sample.shape[1:] == (reading.channels,)]
    of_bands = []
    if bands and reading.channels > 1:
        of_bands = [_robust([column]) for column in np.concatenate(bands).T]
    return FoundRange(_apart(pair), of_bands, len(files))


def of_narrow_bands(found, reading):
    """Return the warning that some bands use little of the range of all, or None.

    Args:
        found: `FoundRange`.
        reading: `Reading` of the files.
    """
    black, white = found.pair
    names = counted(reading.bands or tuple(range(reading.channels)))
    narrow = [
        f"{name} ({low:g} to {high:g})"
        for name, (low, high) in zip(names, found.of_bands, strict=False)
        if 0 < high - low < LITTLE * (white - black)
    ]
    if not narrow:
        return None
    more = len(narrow) - _NAMED
    which = ", ".join(narrow[:_NAMED]) + (f" and {more} more" if more > 0 else "")
    bands, use, they = (
        ("bands", "use", "their") if len(narrow) > 1 else ("band", "uses", "its")
    )
    return (
        f"One range for all bands, {black:g} to {white:g}, becomes 0 to 255, and "
        f"{bands} {which} {use} less than a quarter of it, so that little of {they} "
        "contrast is left. Give each band a range of its own, as found in "
        f"{found.count} of the files: "
        f"`value_range={range_code(tuple(map(_apart, found.of_bands)))}`"
    )


def _robust(samples):
    """Return the (black, white) pair of sampled values, but for the rarest."""
    values = np.concatenate([np.array([]), *samples])
    values = values[np.isfinite(values)]
    if not len(values):
        return (0.0, 0.0)
    low, high = map(float, np.percentile(values, _PERCENTILES))
    return (low, high) if low < high else (float(values.min()), float(values.max()))


def _apart(pair):
    """Return a (black, white) pair that differs."""
    low, high = pair
    return pair if low < high else (low, low + 1)
