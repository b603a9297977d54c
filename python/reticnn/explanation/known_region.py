"""Whether maps point to where the truth is known to lie."""

import numpy as np

from reticnn.coercion import shown


def as_regions(value, shape):
    """Return masks, bool (n, height, width), of regions in which maps should point.

    Args:
        value: Array (n, height, width), or (height, width) for all images, not 0 inside
            of the region.
        shape: (n, height, width) of the images that were explained.
    """
    masks = np.asarray(value)
    if masks.dtype.kind not in "buif":
        raise TypeError(
            "`masks` must be an array that says which pixels are inside, not "
            f"{shown(value)}."
        )
    if masks.ndim == 4 and masks.shape[3] == 1:
        masks = masks[..., 0]
    if masks.shape == shape[1:]:
        masks = np.broadcast_to(masks, shape)
    if masks.shape != shape:
        raise ValueError(
            f"`masks` has the shape {shown(masks.shape)}, but {shown(shape)} was "
            f"explained: images, height, width. Give a mask for each image, or "
            f"{shown(shape[1:])} for all, of the size of the classifier's input."
        )
    if np.isnan(masks).any():
        raise ValueError("`masks` has NaN. Give True inside the region, or 1.")
    return masks != 0


def agreement(found, mask):
    """Return how well a map agrees with a region.

    Returns:
        Dict: `"pointing"`, whether the highest point is inside, or the part that is
        where several are the highest; `"energy"`, the part of all that speaks for the
        class that is inside; `"region"`, the part of the image that is inside.
    """
    if np.isnan(found).any():
        return {"pointing": np.nan, "energy": np.nan, "region": mask.mean()}
    positive = np.maximum(found.astype("float64"), 0)
    total = positive.sum()
    if total == 0:
        return {"pointing": np.nan, "energy": np.nan, "region": mask.mean()}
    return {
        "pointing": mask[found == found.max()].mean(),
        "energy": positive[mask].sum() / total,
        "region": mask.mean(),
    }
