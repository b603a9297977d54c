"""Apply a policy to image data: files are decoded as far as their crops need it."""

import math
from functools import partial

import numpy as np

from reticnn.augmenting.host import apply, apply_passes, draw
from reticnn.augmenting.parts.reducing import of_reduced, shrinking
from reticnn.augmenting.parts.warp import WARP


def augmented(policy, data, positions, seed, epoch):
    """Return augmented images of data, (n, height, width, channels).

    A policy that begins with a crop to one size, whatever that of the images, crops
    files as they are, not as they are read at the data's size.

    Args:
        policy: Policy.
        data: Image data.
        positions: Of the images in the data, (n,), which with seed and epoch decide
            what happens to each.
        seed: Whole number of at least 0.
        epoch: Whole number of at least 0.
    """
    positions = np.asarray(positions)
    if data.files is None or not policy.takes_any_size:
        return apply(policy, data.read(positions), seed, epoch, positions)
    height, width, channels = data.image_shape
    policy = policy.at_size((height, width))
    passes = policy.parts(channels)
    sizes = data.own_sizes(positions)
    drawn = _drawn(policy, seed, epoch, positions, sizes, channels)
    shape = policy.output_shape((height, width, channels))
    size = passes[0][WARP]["size"]
    crop = partial(_crop, passes[0][WARP])
    images = np.empty((len(sizes), *size, channels), data.source.dtype)
    jobs = []
    for row, own_size in enumerate(sizes):
        one = slice(row, row + 1)
        parameters = {name: values[one] for name, values in drawn[0].items()}
        side = _side_needed(parameters["warp"], own_size)
        jobs.append((side, partial(crop, images[one], own_size, parameters)))
    data.read_as_they_are(positions, jobs)
    besides = {part: given for part, given in passes[0].items() if part is not WARP}
    passes = [besides, *passes[1:]]
    return apply_passes(passes, drawn, images, shape) if any(passes) else images


def _drawn(policy, seed, epoch, positions, sizes, channels):
    """Return the parameters of each pass, for images of several sizes."""
    drawn = None
    for size in dict.fromkeys(sizes):
        policy.check((*size, channels))
        own = np.array([each == size for each in sizes])
        found = draw(policy, seed, epoch, positions[own], (*size, channels))
        if drawn is None:
            drawn = [
                {
                    name: np.empty((len(sizes), *values.shape[1:]), values.dtype)
                    for name, values in parameters.items()
                }
                for parameters in found
            ]
        for all_of_pass, parameters in zip(drawn, found, strict=True):
            for name, values in parameters.items():
                all_of_pass[name][own] = values
    return drawn


def _side_needed(matrix, size):
    """Return the shorter side at which no pixel of the result is made of less."""
    times = min(float(shrinking(np, matrix, row)[0]) for row in (0, 1))
    return min(size) if times <= 1 else math.ceil(min(size) / times)


def _crop(constants, results, size, parameters, pixels):
    """Put into `results` the crop of the only image there, and return it.

    The image may have been read smaller than its `size`.
    """
    pixels = pixels.reshape(1, *pixels.shape[:2], results.shape[3])
    if pixels.shape[1:3] != size:
        factors = np.divide(size, pixels.shape[1:3]).astype("float32")
        matrices = of_reduced(np, parameters["warp"], *factors[:, None])
        parameters = {**parameters, "warp": matrices}
    if pixels.dtype == results.dtype:
        WARP.on_host(pixels, results, parameters, constants)
    else:
        cropped = np.empty(results.shape, pixels.dtype)
        WARP.on_host(pixels, cropped, parameters, constants)
        results[...] = cropped
    return results[0]
