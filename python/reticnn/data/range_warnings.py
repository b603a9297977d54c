"""Warnings of values that do not suit the range that they are read by."""

import numpy as np

from reticnn.data.value_range import LITTLE

# Few of the functions that read images have an argument for how.
WHERE_MADE = ", where the data are made, as by `image_folder()`"

# Images of a range that is not theirs have fewer values inside it than this share, or
# none above this brightness: that of a file of 8 bits in a range of 12.
_HARDLY_ANY = 0.01
_ALMOST_BLACK = 17

# Several images outside of a range are of another kind than the rest: negatives, or of
# another depth.
_SEVERAL = 0.1


def of_other_range(images, code):
    """Return the warning that images are hardly in the range that they are read by.

    Args:
        images: Arrays of values from 0 to 255, (height, width, channels).
        code: The range, as the user's argument.
    """
    inside = np.array([np.mean((image > 0) & (image < 255)) for image in images])
    highest = max(float(np.max(image)) for image in images)
    outside = int((inside < _HARDLY_ANY).sum())
    if inside.mean() < _HARDLY_ANY:
        what = "nearly all values of the files read first are outside it, and become"
        what += " black or white"
    elif highest < _ALMOST_BLACK:
        what = "the files read first have no value above a sixteenth of it, and become "
        what += "almost black"
    elif outside >= _SEVERAL * len(images):
        what = f"{outside} of the {len(images)} images read first have hardly a value "
        what += "in it, and become black or white"
    else:
        return None
    return (
        f"Values are mapped to 0 to 255 by `value_range={code}`, but {what}. Give the "
        f"values that are black and white in these files{WHERE_MADE}."
    )


def of_small_range(extremes):
    """Return the warning that values lie below their range or use little of it."""
    lowest, highest, (black, white) = extremes
    if lowest < black:
        return (
            f"Files have values down to {lowest:,}, and all below {black:,} become "
            f"black, as {white:,} becomes white. Give the values that are black and "
            f"white, as in `value_range=({lowest}, {highest})`{WHERE_MADE}."
        )
    if not black < highest <= black + LITTLE * (white - black):
        return None
    bits = 2 ** int(highest).bit_length() - 1
    return (
        "Files use a small part of the range of their type: those read so far have no "
        f"value above {highest:,} of {white:,}, and become almost black. Give the "
        f"values that are black and white, as in `value_range=(0, {bits})`, or "
        f'`value_range="data"`{WHERE_MADE}.'
    )
