"""The bands of a file become the channels of an image."""

from typing import NamedTuple

import numpy as np

from reticnn.data.refusing import RefusedError
from reticnn.data.value_range import scaled_values

# How bright red, green and blue are (ITU-R 601-2), in Pillow's own numbers.
_BRIGHTNESS = np.array([19595, 38470, 7471], np.float32) / 65536

_SIXTEEN_BITS = (0, 65_535)

# So many values are converted at once, if that is a row or more, and take so much.
_VALUES_AT_ONCE = 4_000_000
_BYTES_OF_A_VALUE = 24

# Images of more pixels are made smaller before they are resized, but so many times
# larger than is asked for.
_LARGE = 20_000_000
_KEPT = 5


class Extremes(NamedTuple):
    """The lowest and the highest value of a file, and the limits of its type."""

    lowest: float
    highest: float
    limits: tuple


def joined_extremes(some):
    """Return the `Extremes` of several files, by the one that uses most of its type."""
    if not some:
        return None
    most = max(some, key=lambda one: (one.highest - one.limits[0]) / one.limits[1])
    return most._replace(lowest=min(one.lowest for one in some))


def photo_as_image(pixels, highest):
    """Return a photo of 8 bits as an image, and the extremes of what had 16.

    It stays one of 8 bits beside files of more, and so is resized as without them.

    Args:
        pixels: uint8 array, (height, width) or (height, width, channels).
        highest: The highest value of a file with 16 bits, or None.
    """
    extremes = None if highest is None else Extremes(0, highest, _SIXTEEN_BITS)
    return pixels, extremes


def type_of_values(about):
    """Return the type of a file's values, uint8 if they are an image as they are."""
    return np.dtype(np.int64) if about.has_own_limits else about.dtype


def as_image(values, about, reading, has_floats, side, keep=None):
    """Return the values of a file as an image, 0 to 255, and their extremes.

    Args:
        values: Array, (height, width, bands).
        about: `Described`.
        reading: `Reading`.
        has_floats: Whether float32 is wanted, not uint8, of files of more than 8 bits.
        side: Pixels; a large image may be made smaller, but not so small.
        keep: Function to call with values, and the (black, white) pairs that make an
            image of them, where they are all that the image is made of; or None.

    Raises:
        RefusedError: If the file has other bands than are wanted, or values that are no
            numbers.
    """
    if not has_floats and about.dtype != np.uint8:
        raise RefusedError(
            f"is a {about.format} file of more than 8 bits, and its name ends as those "
            "of photos of 8 bits do: call it by what it is"
        )
    # Whatever files are beside it.
    has_floats = has_floats and type_of_values(about) != np.uint8
    values, alpha = chosen_bands(values, about, reading)
    extremes = extremes_of(values, about, reading.value_range)
    height, width = values.shape[:2]
    factor = _factor(values.shape[:2], side)
    at_once = max(1, _VALUES_AT_ONCE // values[0].size // factor) * factor
    if factor == 1 and at_once >= height:
        if keep and alpha is None and values.shape[2] == reading.channels:
            keep(values, reading.value_range.pairs_for(about))
        return _converted(values, alpha, about, reading, has_floats), extremes
    shape = (height // factor, width // factor, reading.channels)
    image = np.empty(shape, np.float32 if has_floats else np.uint8)
    for top in range(0, shape[0] * factor, at_once):
        rows = slice(top, min(top + at_once, shape[0] * factor))
        part = _converted(
            values[rows], None if alpha is None else alpha[rows], about, reading, True
        )
        part = _means(part[:, : shape[1] * factor], factor)
        part = part if has_floats else np.rint(part)
        image[rows.start // factor : rows.stop // factor] = part
    return image, extremes


def bytes_of_image(about, reading, side):
    """Return the memory that `as_image` takes besides the values of a file."""
    factor = _factor((about.height, about.width), side)
    row = about.width * about.bands * factor
    at_once = min(about.count, max(_VALUES_AT_ONCE, row))
    pixels = (about.height // factor) * (about.width // factor)
    return 4 * reading.channels * pixels + _BYTES_OF_A_VALUE * at_once


def _factor(size, side):
    """Return by what a large image is made smaller before it is resized."""
    if size[0] * size[1] <= _LARGE:
        return 1
    return max(1, min(size) // (_KEPT * side))


def _means(image, factor):
    """Return an image with the mean of so many rows and columns for each pixel."""
    if factor == 1:
        return image
    height, width, channels = image.shape
    parts = image.reshape(height // factor, factor, width // factor, factor, channels)
    return parts.mean(axis=(1, 3))


def _converted(values, alpha, about, reading, has_floats):
    """Return values of the wanted bands as an image, on white if there is `alpha`."""
    is_grey = values.shape[2] == 3 and reading.channels == 1
    if about.is_eight_bit and not (has_floats or is_grey or alpha is not None):
        image = 255 - values if about.is_negative else values
    else:
        image = scaled_values(values, reading.value_range.pairs_for(about))
        if about.is_negative:
            image = 255 - image
        if alpha is not None:
            image = _on_white(image, alpha, about)
        # A grey image, too, can have a range for each of three colours.
        if image.shape[2] == 3 and reading.channels == 1:
            image = (image @ _BRIGHTNESS)[..., None]
    if image.shape[2] == 1 < reading.channels:
        image = image.repeat(reading.channels, axis=2)
    if not has_floats and image.dtype != np.uint8:
        image = np.rint(image).astype(np.uint8)
    return np.ascontiguousarray(image)


def chosen_bands(values, about, reading):
    """Return the bands of a file that are wanted, and that of transparency or None."""
    bands, channels = reading.bands, reading.channels
    if bands is not None:
        if max(bands) >= about.bands:
            raise RefusedError(
                f"has {_bands(about.bands)}, and not as many as `bands` says"
            )
        return values[..., list(bands)], None
    if about.bands == channels:
        return values, None
    fits = about.colours == channels or (
        about.colours == 1
        if channels == 3
        else channels == 1 and about.colours == 3 and about.is_colour
    )
    if not fits:
        raise RefusedError(_misfit(about, channels))
    if about.alpha is None:
        return values, None
    return values[..., :-1], values[..., -1:]


def _bands(number):
    return f"{number} band{'' if number == 1 else 's'}"


def _misfit(about, channels):
    wanted = {1: "grey", 3: "colour"}.get(channels)
    wanted = f"for {_bands(channels)}" if wanted is None else f"as {wanted}"
    unknown = (
        ", and nothing says that the last is transparency"
        if about.bands == channels + 1 and channels in (1, 3)
        else ""
    )
    if about.has_more_pages:
        return (
            f"has {_bands(about.bands)} on its first page, which cannot be read "
            f'{wanted}, and more pages: read those as bands with `page="bands"`'
        )
    return (
        f"has {_bands(about.bands)}{unknown}, which cannot be read {wanted}: choose "
        f"some with `bands`, or read all with `channels={about.bands}`"
    )


def extremes_of(values, about, value_range):
    """Return the `Extremes` of whole numbers with more than 8 bits, or None.

    They are looked for where the type says what is white, which can be far above.

    Raises:
        RefusedError: If values are missing or infinite.
    """
    if about.is_eight_bit:
        return None
    if about.dtype.kind == "f":
        _check_all_there(values)
        return None
    if about.has_own_limits or not value_range.is_by_type:
        return None
    return Extremes(values.min().item(), values.max().item(), about.limits)


def _check_all_there(values):
    """Raise if floating-point values are missing or infinite."""
    if np.isfinite(values.min()) and np.isfinite(values.max()):
        return
    number = int((~np.isfinite(values)).sum())
    raise RefusedError(
        f"has {number:,} of {values.size:,} values that are missing or infinite: give "
        "them a value, or leave the file out"
    )


def _on_white(image, alpha, about):
    """Return colours laid on white, as far as they are transparent."""
    low, high = about.limits
    share = np.clip((alpha.astype(np.float32) - low) / np.float32(high - low), 0, 1)
    if about.alpha == "straight":
        return image * share + 255 * (1 - share)
    # In a file that says so wrongly, colours are more than what is seen of them.
    return np.minimum(image + 255 * (1 - share), 255)
