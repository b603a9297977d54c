"""Apply a policy to images in memory, with OpenCV on the processor."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import cv2
import numpy as np

from reticnn.augmenting.drawing import erasing_texture, normal_texture

_FILLS = {
    "reflect": cv2.BORDER_REFLECT,
    "constant": cv2.BORDER_CONSTANT,
    "nearest": cv2.BORDER_REPLICATE,
    "wrap": cv2.BORDER_WRAP,
}
_INTERPOLATIONS = {"bilinear": cv2.INTER_LINEAR, "nearest": cv2.INTER_NEAREST}

# Values in a block of images that stays in a core's second-level cache while every part
# of a stage is done to it.
_VALUES_AT_ONCE = 250_000

# Handing a block to another thread takes about as long as these many values.
_VALUES_WORTH_A_THREAD = 1_000_000

_THREADS = min(8, os.cpu_count() or 1)


def apply(policy, images, seed, epoch, indices, *, threads=_THREADS):
    """Return augmented images.

    Args:
        policy: Policy.
        images: uint8 or float32 array, (n, height, width, channels), C-ordered.
        seed: Whole number of at least 0.
        epoch: Whole number of at least 0.
        indices: Positions of the images in the data, (n,), which with seed and epoch
            decide what happens to each.
        threads: Most threads to use; the result does not depend on it.

    Returns:
        New array of the same type, (n, *policy.output_shape(image_shape)).

    Raises:
        ValueError: If the policy cannot be applied to images of that shape.
    """
    image_shape = images.shape[1:]
    policy.check(image_shape)
    results = np.empty((len(images), *policy.output_shape(image_shape)), images.dtype)
    if not len(images):
        return results
    stages = policy.draw(np, seed, epoch, np.asarray(indices), image_shape)
    if not any(stages):
        results[...] = images
        return results

    def do(block):
        given = images[block]
        for stage in stages:
            rows = {part: values[block] for part, values in stage.items()}
            given = _stage(policy, given, rows, results[block])

    size = max(1, _VALUES_AT_ONCE // max(images[0].size, 1))
    blocks = [slice(start, start + size) for start in range(0, len(images), size)]
    if threads == 1 or len(blocks) == 1 or images.size < _VALUES_WORTH_A_THREAD:
        for block in blocks:
            do(block)
    else:
        list(_pool(threads).map(do, blocks))
    return results


@cache
def _pool(threads):
    return ThreadPoolExecutor(threads, "reticnn-augment")


# A forked child has the pool but none of its threads, and would wait for them forever.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)


def _stage(policy, images, parts, results):
    """Do one stage to a block of images; `results` gets them and may be `images`."""
    if "warp" in parts:
        images = _warped(policy, images, parts["warp"], results.shape[1:])
    if "color" in parts:
        _color(images, parts, results)
    elif images is not results:
        results[...] = images
    if parts.get("blur") is not None:
        _blur(results, parts["blur"], policy.blur_radius)
    if "noise" in parts:
        _add_noise(results, parts["noise"], parts["noise_at"])
    if "erase" in parts:
        _erase(results, parts, policy.erasing_fill(results.shape[3]))
    if results.dtype != np.uint8:
        np.clip(results, 0, 255, out=results)
    return results


def _planes(images):
    """Return images as OpenCV takes them: without the channels' axis if it is one."""
    return images[..., 0] if images.shape[3] == 1 else images


def _warped(policy, images, matrices, shape):
    """Return images sampled through matrices, (n, 6)."""
    warped = np.empty((len(images), *shape), images.dtype)
    size = shape[1], shape[0]
    flags = _INTERPOLATIONS[policy.interpolation] | cv2.WARP_INVERSE_MAP
    fill = _FILLS[policy.fill_mode]
    value = (policy.fill_value,) * 4
    matrices = matrices.reshape(-1, 2, 3).astype("float64")
    for image, matrix, result in zip(
        _planes(images), matrices, _planes(warped), strict=True
    ):
        cv2.warpAffine(image, matrix, size, result, flags, fill, value)
    return warped


def _color(images, parts, results):
    """Put images with their colours changed into `results`."""
    matrices = parts["color"]
    if "color_of_mean" in parts:
        means = [cv2.mean(image)[: images.shape[3]] for image in images]
        moved = parts["color_of_mean"] @ np.array(means, "float32")[:, :, None]
        matrices = np.concatenate(
            [matrices[:, :, :-1], matrices[:, :, -1:] + moved], axis=2
        )
    for image, matrix, result in zip(
        _planes(images), matrices, _planes(results), strict=True
    ):
        cv2.transform(image, matrix, result)


def _blur(images, sigmas, radius):
    side = 2 * radius + 1
    for image, sigma in zip(_planes(images), sigmas.tolist(), strict=True):
        if sigma > 0:
            cv2.GaussianBlur(image, (side, side), sigma, image)


def _add_noise(images, deviations, places):
    texture = normal_texture(images.shape[1:])
    height, width = images.shape[1:3]
    for image, deviation, (row, column) in zip(
        images, deviations, places.tolist(), strict=True
    ):
        window = texture[row : row + height, column : column + width]
        noisy = image + deviation * window
        if image.dtype == np.uint8:
            np.clip(np.rint(noisy, out=noisy), 0, 255, out=noisy)
        image[...] = noisy


def _erase(images, parts, fill):
    boxes = parts["erase"].tolist()
    if fill is not None:
        for image, (top, left, bottom, right) in zip(images, boxes, strict=True):
            image[top:bottom, left:right] = fill
        return
    texture = erasing_texture(images.shape[1:])
    for image, (top, left, bottom, right), (row, column) in zip(
        images, boxes, parts["erase_at"].tolist(), strict=True
    ):
        image[top:bottom, left:right] = texture[
            row + top : row + bottom, column + left : column + right
        ]
