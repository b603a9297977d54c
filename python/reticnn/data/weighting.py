"""How much each image counts in training."""

import math
import numbers

import numpy as np

from reticnn.coercion import shown
from reticnn.data.facts import column_of
from reticnn.notation import shown_positions


def as_weights(weights, count, facts=None):
    """Return the weight of each image as a list of floats, or None without weights.

    Args:
        weights: One number of at least 0 per image, or the name of a fact, or None.
        count: How many images there are.
        facts: Dict of the facts that can be named, or None.

    Raises:
        TypeError: If a weight is not a number.
        ValueError: If there is not one weight per image, or one is missing, negative or
            infinite.
    """
    if weights is None:
        return None
    values = column_of(weights, count, facts or {}, "weights", "weight")
    missing = [at for at, value in enumerate(values) if value is None]
    if missing:
        raise ValueError(
            f"`weights` has {len(missing)} missing value{'s' * (len(missing) > 1)}, at "
            f"{shown_positions(missing)}. Leave these images out, or give each of them "
            "a weight: 1 is that of an image without one, 0 makes it count for nothing."
        )
    for at, value in enumerate(values):
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            raise TypeError(
                "`weights` must be numbers of at least 0, not "
                f"{shown(value)} as at {shown_positions([at])}."
            )
        # As Keras has them: float32.
        if value < 0 or not math.isfinite(value) or abs(value) > _LARGEST:
            raise ValueError(
                "`weights` must be finite numbers of at least 0, not "
                f"{shown(value)} as at {shown_positions([at])}."
            )
    return [float(value) for value in values]


_LARGEST = float(np.finfo(np.float32).max)


def shown_range(weights):
    """Return the smallest and the largest of some weights, as text."""
    return " to ".join(f"{weight:.4g}" for weight in (min(weights), max(weights)))
