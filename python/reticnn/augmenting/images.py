"""Augment images that are in memory."""

import numpy as np

from reticnn.augmenting import host
from reticnn.augmenting.policy import OPERATIONS, as_policy, augmentation
from reticnn.coercion import as_images, as_int, as_seed, nearest, shown
from reticnn.data.images import ArrayImages, ImageData

_OPTIONS = (*OPERATIONS, "fill_mode", "fill_value", "interpolation")


def augment(images, policy=None, *, copies=1, seed=None, **operations):
    """Return changed copies of images."""
    policy = _policy(policy, operations)
    copies = as_int(copies, "copies")
    seed = as_seed(seed)
    if isinstance(images, ImageData):
        return _augmented_data(policy, images, copies, seed)
    pixels = as_images(images)
    results = _augmented(policy, pixels, copies, seed)
    one = np.ndim(images) < 4 and len(pixels) == 1
    return results[0] if one and copies == 1 and np.ndim(images) == 3 else results


def _policy(policy, operations):
    """Return the policy given, or made of the operations given."""
    unknown = [name for name in operations if name not in _OPTIONS]
    if unknown:
        raise TypeError(
            f"`augment` has no operation {shown(unknown)}."
            f"{nearest(unknown[0], _OPTIONS)}"
        )
    if policy is None:
        return augmentation(**operations)
    if operations:
        raise ValueError(
            f"`policy` was given together with {shown(list(operations))}. Give either "
            "a policy or operations."
        )
    return as_policy(policy)


def _augmented(policy, pixels, copies, seed):
    """Return all copies, (n * copies, ...), those of each image together."""
    indices = np.arange(len(pixels))
    epochs = [
        host.apply(policy, pixels, seed, epoch, indices) for epoch in range(copies)
    ]
    if copies == 1:
        return epochs[0]
    return np.stack(epochs, axis=1).reshape(-1, *epochs[0].shape[1:])


def _augmented_data(policy, data, copies, seed):
    pixels = _augmented(policy, data.read(np.arange(len(data))), copies, seed)
    codes = None if data.codes is None else np.repeat(data.codes, copies)
    return ImageData(ArrayImages(pixels), codes, data.class_names)
