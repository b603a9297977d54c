"""Augment images that are in memory."""

import numpy as np

from reticnn.augmenting import host
from reticnn.augmenting.compose import augmentation, refuse_unknown
from reticnn.augmenting.from_data import augmented
from reticnn.augmenting.sequence import as_policy
from reticnn.coercion import as_images, as_int, as_seed, shown
from reticnn.data.accepting import image_data_of, is_of_files
from reticnn.data.array_images import ArrayImages
from reticnn.data.image_data import ImageData
from reticnn.runtime.conditions import warn_user


def augment(images, policy=None, *, copies=1, seed=None, **operations):
    """Make randomly altered copies of images.

    The changes to an image depend on the seed and on its position, not on the other
    images: the first ten images by themselves give the same ten results.

    Args:
        images: Array, (n, height, width, channels), (height, width, channels), (n,
            height, width) or (height, width); values 0 to 255. Or image data, or the
            path of a folder or of files. The originals are not modified.
        policy: Policy from `augmentation` or another function that makes one, or a list
            of them, applied in sequence, or None for the operations given. Default
            None.
        copies: Whole number of at least 1, altered copies per image. Default 1.
        seed: Whole number of at least 0 that fixes the result, or None for a new one
            each time. Default None.
        **operations: Arguments of `augmentation`, instead of a policy.

    Returns:
        Array of altered images, (n * copies, height, width, channels), uint8 for whole
        numbers, else float32, 0 to 255: all copies of the first image, then those of
        the second, and so on. For one image and one copy, one image, (height, width,
        channels). For image data, image data in memory with labels, groups and facts;
        `split_images` keeps copies of the same image together.

    Raises:
        TypeError: If there is no such operation, or `images` does not hold numbers.
        ValueError: If both a policy and operations are given, the images are smaller
            than the crop or have a number of channels that the operations do not take,
            or a pixel is missing.

    Warns:
        UserWarning: If pixels are outside 0 to 255, and so are clipped, if all are
            within 0 to 1, or if a crop by `shorter_side` shows less than a quarter of
            any image.

    Example:
        >>> images = load_images(shape_images(10))["images"]
        >>> augment(images, rotation=0.1, copies=3, seed=1).shape
        (30, 32, 32, 3)
    """
    policy = _policy(policy, operations)
    copies = as_int(copies, "copies")
    seed = as_seed(seed)
    if is_of_files(images):
        images = image_data_of(images, "images")
    if isinstance(images, ImageData):
        _say_of(policy, images.image_shape)
        return _augmented_data(policy, images, copies, seed)
    pixels = as_images(images)
    _say_of(policy, pixels.shape[1:])
    results = _copies(
        lambda indices, epoch: host.apply(policy, pixels, seed, epoch, indices),
        len(pixels),
        copies,
    )
    # One image was given without the first dimension.
    one = np.ndim(images) < 4 and np.shape(images)[:2] == pixels.shape[1:3]
    return results[0] if one and len(results) == 1 else results


def _policy(policy, operations):
    """Return the policy given, or made of the operations given."""
    refuse_unknown(operations, "augment")
    if policy is None:
        return augmentation(**operations)
    if operations:
        raise ValueError(
            f"`policy` was given together with {shown(list(operations))}. Give either "
            "a policy or operations."
        )
    return as_policy(policy)


def _say_of(policy, image_shape):
    """Warn of what a policy does to such images that may not be meant."""
    for remark in policy.remarks(image_shape[:2]):
        warn_user(remark)


def _copies(change, count, copies):
    """Return all copies, (count * copies, ...), those of each image together.

    Args:
        change: Function (indices, epoch) that returns changed images.
        count: Number of images.
        copies: Number of copies.
    """
    indices = np.arange(count)
    epochs = [change(indices, epoch) for epoch in range(copies)]
    if copies == 1:
        return epochs[0]
    return np.stack(epochs, axis=1).reshape(-1, *epochs[0].shape[1:])


def _augmented_data(policy, data, copies, seed):
    pixels = _copies(
        lambda indices, epoch: augmented(policy, data, indices, seed, epoch),
        len(data),
        copies,
    )
    source = ArrayImages(pixels, np.repeat(data.pixel_identities(), copies))
    each = data[np.repeat(np.arange(len(data)), copies)]
    return each.with_source(source, np.arange(len(pixels)))
