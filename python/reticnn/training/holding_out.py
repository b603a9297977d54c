"""Images held out for validation: those that the model has not been trained on."""

import numpy as np

from reticnn.coercion import as_float
from reticnn.data.conversion import read_at_size
from reticnn.data.hashing import hashed, hashes_of
from reticnn.data.splits.splitting import parts_of_data
from reticnn.data.splits.units import Units
from reticnn.runtime.conditions import SeenImagesWarning, warn_user


def set_apart(data, validation, seed, image_shape, seen):
    """Return the data without, and with only, the fraction for validation.

    Images that were on one side in earlier training stay there, and with them those of
    their group: on the side of training if some were on both.

    Args:
        data: Image data.
        validation: Float in (0, 1), the fraction.
        seed: Whole number.
        image_shape: (height, width, channels) that the model takes.
        seen: `SeenImages` of the model.
    """
    share = as_float(validation, "validation", above=0, below=1)
    wanted = round(share * len(data))
    if wanted in (0, len(data)):
        raise ValueError(
            f"`validation` sets aside {share:g} of {len(data)} images, which leaves "
            "one of the parts empty. Use more images, or another fraction."
        )
    if not seen:
        shares = {"train": 1 - share, "validation": share}
        parts = parts_of_data(data, shares, seed, "validation")
        return parts["train"], parts["validation"]
    hashes = model_hashes(data, image_shape)
    units = Units(data).of_position
    known = _whole(units, np.isin(hashes, seen.trained_on))
    held_out = _whole(units, np.isin(hashes, seen.held_out)) & ~known
    held_out |= _new_ones(data, ~known & ~held_out, wanted - held_out.sum(), seed)
    _check_parts(held_out, known, wanted)
    return data[np.flatnonzero(~held_out)], data[np.flatnonzero(held_out)]


def _whole(units, chosen):
    """Return which images are of a unit of which one has been chosen."""
    return np.isin(units, units[chosen])


def _new_ones(data, new, wanted, seed):
    """Return which of the new images to hold out, about as many as wanted."""
    positions = np.flatnonzero(new)
    if wanted <= 0 or wanted >= len(positions):
        return new & (wanted > 0)
    if len(Units(data[positions])) == 1:
        return new & (2 * wanted > len(positions))
    share = wanted / len(positions)
    shares = {"train": 1 - share, "validation": share}
    part = parts_of_data(data[positions], shares, seed, "validation")["validation"]
    return new & np.isin(data.indices, part.indices)


def _check_parts(held_out, known, wanted):
    """Raise if a part is empty, and warn if all new images are fewer than wanted."""
    count = held_out.sum()
    if count in (0, len(held_out)):
        what = "trained on" if count == 0 else "validated on"
        raise ValueError(
            f"`validation` sets aside {wanted} of {len(held_out)} images, but the "
            f"model has been {what} all of them. Give other images as "
            "`validation`, or start again with `fresh=True` of `fit_classifier()`."
        )
    if count < wanted and (held_out | known).all():
        warn_user(
            f"`validation` sets aside {count} of {len(held_out)} images and not "
            f"{wanted}, because the model has been trained on the others.",
            SeenImagesWarning,
        )


def model_hashes(data, image_shape):
    """Return the hashes of images as a model takes them."""
    return hashes_of(hashed(read_at_size(data, image_shape, "data")))
