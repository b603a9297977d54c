"""Apply a policy to images in memory, with OpenCV on the processor."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import cv2
import numpy as np

from reticnn.augmenting.drawing import (
    LUT_AUTOCONTRAST,
    LUT_NONE,
    LUT_TABLE,
    SMOOTHING,
    erasing_texture,
    normal_texture,
)

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
    if "lut" in parts:
        _look_up(results, parts["lut"], parts.get("lut_table"))
    if "sharpness" in parts:
        _sharpen(results, parts["sharpness"])
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


def _look_up(images, kinds, tables):
    for place in np.flatnonzero(kinds != LUT_NONE):
        image = images[place]
        whole = image
        if image.dtype != np.uint8:
            whole = np.rint(np.clip(image, 0, 255)).astype(np.uint8)
        if kinds[place] == LUT_TABLE:
            table = tables[place].astype(np.uint8)
        else:
            table = _own_table(whole, kinds[place])
        image[...] = cv2.LUT(whole, table).reshape(image.shape)


def _own_table(image, kind):
    """Return a table that a uint8 image decides, (256, 1, channels)."""
    table = autocontrast_table if kind == LUT_AUTOCONTRAST else equalize_table
    channels = [
        table(cv2.calcHist([image], [channel], None, [256], [0, 256]).ravel())
        for channel in range(image.shape[2])
    ]
    return np.stack(channels, axis=1)[:, None].astype(np.uint8)


def autocontrast_table(counts):
    """Return the table, (256,), int64, that spreads values over all of 0 to 255.

    Args:
        counts: How often each value from 0 to 255 occurs, (256,).
    """
    values = np.arange(256)
    present = np.flatnonzero(counts)
    low, high = present[0], present[-1]
    if low == high:
        return values
    return np.clip((values - low) * 255 // (high - low), 0, 255)


def equalize_table(counts):
    """Return the table, (256,), int64, that makes all values about as frequent.

    Args:
        counts: How often each value from 0 to 255 occurs, (256,).
    """
    counts = counts.astype("int64")
    step = (counts.sum() - counts[np.flatnonzero(counts)[-1]]) // 255
    if step == 0:
        return np.arange(256)
    below = np.cumsum(counts) - counts
    return np.minimum((below + step // 2) // step, 255)


def _sharpen(images, factors):
    if min(images.shape[1:3]) < 3:
        return
    same = np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]], "float32")
    for image, factor in zip(_planes(images), factors, strict=True):
        if factor != 1:
            kernel = factor * same + (1 - factor) * SMOOTHING
            image[1:-1, 1:-1] = cv2.filter2D(image, -1, kernel)[1:-1, 1:-1]


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
