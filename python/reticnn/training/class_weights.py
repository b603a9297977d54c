"""How much images and classes count in the loss."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from reticnn.coercion import as_choice, as_float, shown
from reticnn.outputs import ClassShares, learns_probabilities, smoothing_of

# Shares are the same if they differ as those of two parts of the same images may.
_RATIO = 0.1


def weights_of_images(data, class_weight=None):
    """Return how much each image counts in the loss, float32, or None.

    That is its own weight times that of its class.
    """
    own = data.weights
    if class_weight is None:
        return None if own is None else np.array(own, "float32")
    of_classes = _weights_of_classes(class_weight, data)[data.codes]
    return of_classes if own is None else of_classes * np.array(own, "float32")


def totals_of_classes(data):
    """Return the number of images of each class, each as much as its weight."""
    return np.bincount(data.codes, data.weights, minlength=len(data.class_names))


def _weights_of_classes(class_weight, data):
    """Return the weight of each class; balanced ones have mean 1 over the images."""
    if isinstance(class_weight, Mapping):
        if set(class_weight) != set(data.class_names):
            raise ValueError(
                f"`class_weight` must give one weight for each of "
                f"{shown(data.class_names)}, not for {shown(list(class_weight))}."
            )
        weights = [
            as_float(class_weight[name], "class_weight", above=0)
            for name in data.class_names
        ]
        return np.array(weights, dtype="float32")
    if not isinstance(class_weight, str):
        raise TypeError(
            f"`class_weight` must name the class of each weight, not be "
            f"{shown(class_weight)}. Give something like "
            f"`{ {name: 1 for name in data.class_names[:2]} }`, or `'balanced'`."
        )
    as_choice(class_weight, "class_weight", ("balanced", None))
    totals = totals_of_classes(data).astype("float64")
    weights = np.divide(
        totals.sum() / np.count_nonzero(totals),
        totals,
        out=np.zeros_like(totals),
        where=totals > 0,
    )
    return weights.astype("float32")


def shares_in_loss(model, data, weights, settings):
    """Return the `ClassShares` of a run.

    Args:
        model: Keras model, compiled.
        data: Image data that it is trained on.
        weights: Array, the weight of each image in the loss, or None.
        settings: `TrainingSettings`.
    """
    totals = np.bincount(data.codes, weights, minlength=len(data.class_names))
    shares = tuple((totals / totals.sum()).tolist())
    smoothing = smoothing_of(model)
    found = {
        "loss": not learns_probabilities(model),
        "smoothed": smoothing > 0,
        "mixed": settings.mixes,
    }
    return ClassShares(shares, smoothing, tuple(name for name in found if found[name]))


def shares_after(origin, run):
    """Return the `ClassShares` of a model after a run.

    Args:
        origin: `Origin`, what is known of the model before it.
        run: `TrainingRun`.
    """
    found, before = run.class_shares, origin.class_shares
    if not run.kept_epoch:
        # The weights are those from before it.
        return before
    if not (origin.epochs or origin.unsaid) or _same(found, before):
        return found
    return replace(found, doubts=(*found.doubts, "earlier"))


def _same(found, before):
    return (
        before is not None
        and (found.smoothing, found.doubts) == (before.smoothing, before.doubts)
        and np.allclose(found.shares, before.shares, rtol=_RATIO, atol=0)
    )
