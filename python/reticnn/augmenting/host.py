"""Apply a policy to images in memory, with OpenCV on the processor."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np

from reticnn.augmenting.parts.opencv_warp import ROWS_AT_ONCE
from reticnn.augmenting.parts.part import output_shape
from reticnn.augmenting.parts.scratch import VALUES_AT_ONCE
from reticnn.augmenting.parts.warp import WARP
from reticnn.runtime.stopping import check_wanted, results_in

# Handing a block to another thread takes about as long as processing this many values.
_VALUES_WORTH_A_THREAD = 1_000_000

_THREADS = min(8, os.cpu_count() or 1)


def apply(policy, images, seed, epoch, indices, *, given=None, threads=_THREADS):
    """Return augmented images.

    Args:
        policy: Policy.
        images: uint8 or float32 array, (n, height, width, channels), C-ordered.
        seed: Whole number of at least 0.
        epoch: Whole number of at least 0.
        indices: Indices of the images in the data, (n,), which with seed and epoch
            decide what happens to each.
        given: Numbers that a policy of `augmentation()` does not draw, float32 arrays
            (n,) by name, or None.
        threads: Largest number of threads; the result does not depend on it.

    Returns:
        New array of the same type, (n, *policy.output_shape(image_shape)).

    Raises:
        ValueError: If the policy cannot be applied to images of that shape.
    """
    image_shape = images.shape[1:]
    policy.check(image_shape)
    passes = policy.parts(image_shape[2])
    drawn = [{}] * len(passes)
    if len(images) and any(passes):
        drawn = draw(policy, seed, epoch, np.asarray(indices), image_shape, given)
    shape = policy.output_shape(image_shape)
    return apply_passes(passes, drawn, images, shape, threads)


def draw(policy, seed, epoch, indices, image_shape, given=None):
    """Return for each pass a dict of the parameters of its parts, arrays of NumPy.

    Where a single number is among them, NumPy 1 computes in 64 bits; OpenCV puts its
    results into arrays of 32 alone, and says nothing where they are of others.

    Args:
        policy: Policy.
        seed: Whole number of at least 0.
        epoch: Whole number of at least 0.
        indices: Indices of the images in the data, array (n,).
        image_shape: (height, width, channels).
        given: As for `apply`.
    """
    what = (np, seed, epoch, indices, image_shape)
    drawn = policy.draw(*what) if given is None else policy.draw(*what, given)
    return [
        {name: _in_32_bits(values) for name, values in parameters.items()}
        for parameters in drawn
    ]


def _in_32_bits(values):
    return values.astype("float32") if values.dtype == np.float64 else values


def apply_passes(passes, drawn, images, shape, threads=_THREADS):
    """Return images changed by passes, a new array, (n, *shape).

    Args:
        passes: Dicts of the constants of each part.
        drawn: Dicts of the parameters of these parts.
        images: uint8 or float32 array, (n, height, width, channels), C-ordered.
        shape: (height, width, channels) of the results.
        threads: Largest number of threads.
    """
    results = np.empty((len(images), *shape), images.dtype)
    if not len(images):
        return results
    if not any(passes):
        results[...] = images
        return results

    prepared = _prepared(passes, drawn, images.shape[1:])

    def do(block):
        given = images[block]
        for parts, parameters in zip(passes, prepared, strict=True):
            rows = {name: values[block] for name, values in parameters.items()}
            given = _one_pass(parts, given, rows, results[block])

    blocks = _blocks(images, passes, threads)
    if threads == 1 or len(blocks) == 1 or images.size < _VALUES_WORTH_A_THREAD:
        for block in blocks:
            check_wanted()
            do(block)
    else:
        results_in(_pool(threads), do, blocks)
    return results


def _prepared(passes, drawn, shape):
    """Return the parameters with what parts compute of those of all images."""
    prepared = []
    for parts, parameters in zip(passes, drawn, strict=True):
        for part, constants in parts.items():
            if part.prepare:
                own = part.prepare(shape, parameters, constants)
                parameters = {**parameters, **own}
            shape = output_shape(shape, constants)
        prepared.append(parameters)
    return prepared


def _blocks(images, passes, threads):
    """Return slices of images; all passes are applied to one slice at a time."""
    parts = [part for parts in passes for part in parts]
    # With the edges that a warp may add.
    rows = images.shape[1] + 2
    size = max(1, min(VALUES_AT_ONCE // images[0].size, ROWS_AT_ONCE // rows))
    if len(parts) == 1 and WARP not in parts:
        # What a slice becomes is not needed again, so that it may exceed the cache.
        size = max(
            size, min(8 * VALUES_AT_ONCE, images.size // threads) // images[0].size
        )
    return [slice(start, start + size) for start in range(0, len(images), size)]


@cache
def _pool(threads):
    return ThreadPoolExecutor(threads, "reticnn-augment")


# A forked child has the pool but none of its threads, and would wait for them forever.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)


def _one_pass(parts, images, parameters, results):
    """Return a block of images after one pass.

    They are in `results`, which may be the memory of `images`, if that has the shape.
    """
    shape = images.shape[1:]
    for constants in parts.values():
        shape = output_shape(shape, constants)
    if shape != results.shape[1:]:
        results = np.empty((len(images), *shape), images.dtype)
    for part, constants in parts.items():
        part.on_host(images, results, parameters, constants)
        images = results
    if images is not results:
        results[...] = images
    if results.dtype != np.uint8:
        np.clip(results, 0, 255, out=results)
    return results
