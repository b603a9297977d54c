"""Apply a policy to images in memory, with OpenCV on the processor."""

import math
import os
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial

import cv2
import numpy as np

from reticnn.augmenting.policy import NEAREST_SHIFT
from reticnn.augmenting.sampling import (
    LUT_AUTOCONTRAST,
    LUT_EQUALIZE,
    LUT_NONE,
    SMOOTHING,
    autocontrast_tables,
    equalize_tables,
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

# Values in a block of images, which every part of a stage is done to before the next
# block: few enough for a core's cache, enough that NumPy's calls cost little.
_VALUES_AT_ONCE = 500_000

# Handing a block to another thread takes about as long as these many values.
_VALUES_WORTH_A_THREAD = 1_000_000

# Places in images are rounded to multiples of 2**-10 by adding this, as float32 has 24
# bits: then they are exact in a tall image too, of at most so many rows.
_ROUNDING = np.float32(2**13)

# Longest side of images, with edges, whose places are that exact.
_LARGEST_SIDE = int(_ROUNDING) - 2

_LARGEST_SIDE_OF_OPENCV_4 = 2**15 - 2

# OpenCV 5 takes no more channels at once, and OpenCV 4 four times as many.
_CHANNELS_AT_ONCE = 128

# From so many pixels of the result on, a call of OpenCV costs nothing beside its work.
_LARGE = 2**13

# Of each kind of array in between, a thread keeps so much for the next block.
_BYTES_KEPT = 8 * _VALUES_AT_ONCE

# The matrix that leaves an image where it is.
_STILL = np.array([1, 0, 0, 0, 1, 0], "float32")

_HALF_A_PIXEL = np.array([0, 0, 0.5], "float32")

_SHIFT = np.array([0, 0, NEAREST_SHIFT] * 2, "float32")

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

    owners = policy.of_stages(image_shape[2])

    def do(block):
        given = images[block]
        for owner, stage in zip(owners, stages, strict=True):
            rows = {part: values[block] for part, values in stage.items()}
            shape = owner.output_shape(given.shape[1:])
            room = results[block]
            if shape != room.shape[1:]:
                room = np.empty((len(given), *shape), images.dtype)
            given = _stage(owner, given, rows, room)

    in_tall = int(_ROUNDING) // (image_shape[0] + 2)
    size = max(1, min(_VALUES_AT_ONCE // images[0].size, in_tall))
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
        _move(policy, images, parts["warp"], results)
        images = results
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


def _move(policy, images, matrices, results):
    """Put images sampled through matrices, (n, 6), where these do anything."""
    moving = (matrices != _STILL).any(axis=1)
    if images.shape[1:] != results.shape[1:] or moving.all():
        _warp(policy, images, matrices, results)
        return
    moved = np.empty((moving.sum(), *results.shape[1:]), results.dtype)
    if len(moved):
        _warp(policy, images[moving], matrices[moving], moved)
    results[...] = images
    results[moving] = moved


def _warp(policy, images, matrices, results):
    """Put images sampled through matrices, (n, 6), into `results`."""
    height, width = results.shape[1:3]
    if policy.interpolation == "nearest":
        matrices = matrices + _SHIFT
    if height * width >= _LARGE or max(images.shape[1:3]) > _LARGEST_SIDE:
        _warp_each(policy, images, matrices, results)
    else:
        _warp_together(policy, images, matrices, results)


def _warp_together(policy, images, matrices, results):
    """Do what `_warp` does with a single call of OpenCV.

    To it all images are one tall image; what lies outside of an image is settled before
    by where its pixels are taken from.
    """
    if policy.fill_mode in ("constant", "wrap"):
        images = _with_edges(images, policy)
    height, width = images.shape[1:3]
    x, y = _places(matrices, (width, height), results.shape[1:3], policy.fill_mode)
    y += np.arange(len(images), dtype="float32")[:, None] * height

    def sample(tall, result):
        interpolation = _INTERPOLATIONS[policy.interpolation]
        cv2.remap(tall, x, y, interpolation, result, cv2.BORDER_REPLICATE)

    # OpenCV is faster with long rows; what is a row does not matter to it.
    rows = results.reshape(len(images), -1, results.shape[3])
    _sample(sample, images.reshape(-1, *images.shape[2:]), rows)


def _warp_each(policy, images, matrices, results):
    """Do what `_warp` does with a call of OpenCV for each image."""
    flags = _INTERPOLATIONS[policy.interpolation] | cv2.WARP_INVERSE_MAP
    border = _FILLS[policy.fill_mode], (policy.fill_value,) * 4
    size = results.shape[2], results.shape[1]
    matrices = matrices.reshape(-1, 2, 3).astype("float64")

    def sample(matrix, image, result):
        cv2.warpAffine(image, matrix, size, result, flags, *border)

    try:
        for image, matrix, result in zip(images, matrices, results, strict=True):
            _sample(partial(sample, matrix), image, result)
    except cv2.error as error:
        if max(images.shape[1:3]) <= _LARGEST_SIDE_OF_OPENCV_4:
            raise
        height, width = images.shape[1:3]
        raise ValueError(
            f"`images` have {height} x {width} pixels (height x width), and OpenCV "
            f"{cv2.__version__} moves images of sides up to "
            f"{_LARGEST_SIDE_OF_OPENCV_4}. Resize them, or install OpenCV 5."
        ) from error


def _sample(sample, image, result):
    """Let `sample(image, result)` have 1 or 4 channels, with which OpenCV is fast."""
    channels = image.shape[2]
    if channels in (1, 4):
        sample(image, result)
    elif channels == 3:
        given = _scratch("given", (*image.shape[:2], 4), image.dtype)
        taken = _scratch("taken", (*result.shape[:2], 4), result.dtype)
        sample(cv2.cvtColor(image, cv2.COLOR_RGB2RGBA, given), taken)
        cv2.cvtColor(taken, cv2.COLOR_RGBA2RGB, result)
    else:
        plane = _scratch("taken", result.shape[:2], result.dtype)
        for channel in range(channels):
            sample(np.ascontiguousarray(image[..., channel]), plane)
            result[..., channel] = plane


def _scratch(name, shape, dtype):
    """Return an array with no values yet, in memory that a thread uses again.

    New memory of such a size may come from the system each time, page by page, which
    takes longer than what is done with it. What is larger is not kept.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size > _BYTES_KEPT:
        return np.empty(shape, dtype)
    memory = _memory.__dict__.get(name)
    if memory is None:
        memory = _memory.__dict__[name] = np.empty(_BYTES_KEPT, np.uint8)
    return memory[:size].view(dtype).reshape(shape)


_memory = threading.local()


def _places(matrices, sides, size, fill_mode):
    """Return from where in its image each pixel is taken.

    Args:
        matrices: (n, 6).
        sides: (width, height) of the images, with the edges for "constant" and "wrap".
        size: (height, width) of the result.
        fill_mode: What is outside.

    Returns:
        float32 array, (2, n, pixels): x and y, in [0, side - 1], rounded by
        `_ROUNDING`; overwritten by the thread's next call.
    """
    matrices = matrices.reshape(-1, 2, 3)
    if fill_mode == "reflect":
        matrices = matrices + _HALF_A_PIXEL
    places = _scratch("places", (2, len(matrices), math.prod(size)), "float32")
    # A product for each image, so that its rounding does not depend on the others.
    np.matmul(matrices, _grid(size), out=places.swapaxes(0, 1))
    settle = _reflect if fill_mode == "reflect" else partial(_bound, fill_mode)
    for along, side in zip(places, sides, strict=True):
        settle(along, side)
    return places


def _bound(fill_mode, places, side):
    """Move places along a side into [0, side - 1], with the edges already there."""
    if fill_mode == "wrap":
        inner = side - 2
        places -= inner * np.floor(places / inner)
    if fill_mode != "nearest":
        places += 1
    np.clip(places, 0, side - 1, out=places)
    places += _ROUNDING
    places -= _ROUNDING


def _reflect(places, side):
    """Move places into [0, side - 1] as mirrors at both ends of the side do.

    They come counted from the outer edge of the first pixel: there and back is twice
    the side.
    """
    np.abs(places, out=places)
    if places.max() > 2 * side:
        places -= 2 * side * np.floor(places / (2 * side))
    places -= side
    np.abs(places, out=places)
    np.clip(places, 0.5, side - 0.5, out=places)
    places += _ROUNDING
    np.subtract(np.float32(side - 0.5 + _ROUNDING), places, out=places)


@cache
def _grid(size):
    """Return x, y and 1 of each pixel of (height, width), (3, pixels), float32."""
    y, x = np.indices(size, "float32").reshape(2, -1)
    return np.stack([x, y, np.ones_like(x)])


def _with_edges(images, policy):
    """Return images with one more pixel on each side."""
    one = [(0, 0), (1, 1), (1, 1), (0, 0)]
    if policy.fill_mode == "wrap":
        return np.pad(images, one, "wrap")
    return np.pad(images, one, constant_values=images.dtype.type(policy.fill_value))


def _color(images, parts, results):
    """Put images with their colours changed into `results`, which may be `images`."""
    matrices = parts["color"]
    if "color_of_mean" in parts:
        means = np.array([*map(cv2.mean, images)]).astype("float32")
        means = means[:, : images.shape[3], None]
        matrices = matrices.copy()
        matrices[:, :, -1:] += parts["color_of_mean"] @ means
    # As a loop in Python this takes 5 % longer for all that is done to small images.
    deque(map(cv2.transform, _planes(images), matrices, _planes(results)), maxlen=0)


def _look_up(images, kinds, tables):
    chosen = np.flatnonzero(kinds != LUT_NONE)
    channels = images.shape[3]
    whole = images[chosen]
    if images.dtype != np.uint8:
        whole = np.rint(np.clip(whole, 0, 255)).astype(np.uint8)
    kinds = kinds[chosen]
    looked_up = np.empty((len(chosen), channels, 256), np.uint8)
    if tables is not None:
        looked_up[...] = tables[chosen, None]
    for kind, own_tables in _OWN_TABLES.items():
        own = kinds == kind
        if own.any():
            looked_up[own] = own_tables(np, _counts(whole[own]))
    for place, image, table in zip(chosen, whole, looked_up, strict=True):
        result = cv2.LUT(image, np.ascontiguousarray(table.T)[:, None])
        images[place] = result.reshape(image.shape)


def _counts(images):
    """Return how often each value occurs, (n, channels, 256), int64."""
    counts = np.empty((len(images), images.shape[3], 256), "int64")
    for image, of_image in zip(images, counts, strict=True):
        for channel, of_channel in enumerate(of_image):
            found = cv2.calcHist([image], [channel], None, [256], [0, 256])
            of_channel[...] = found.reshape(-1)
    return counts


_OWN_TABLES = {LUT_AUTOCONTRAST: autocontrast_tables, LUT_EQUALIZE: equalize_tables}


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
    if images.shape[3] > _CHANNELS_AT_ONCE:
        for start in range(0, images.shape[3], _CHANNELS_AT_ONCE):
            some = images[..., start : start + _CHANNELS_AT_ONCE]
            blurred = some.copy()
            _blur(blurred, sigmas, radius)
            some[...] = blurred
        return
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
