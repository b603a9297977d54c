"""What the host does in the part `"warp"`, with OpenCV."""

import math
from functools import cache, partial

import numpy as np

from reticnn.augmenting.parts import reducing
from reticnn.augmenting.parts.scratch import scratch
from reticnn.augmenting.parts.waves import waves_on_host
from reticnn.runtime.opencv import cv2

# Added to coordinates before the nearest pixel is taken. It exceeds their rounding
# errors, so that both engines break ties the same way, such as in an exact quarter
# turn.
NEAREST_SHIFT = 2**-10

# How OpenCV calls them.
_FILLS = {
    "reflect": "BORDER_REFLECT",
    "constant": "BORDER_CONSTANT",
    "nearest": "BORDER_REPLICATE",
    "wrap": "BORDER_WRAP",
}
_INTERPOLATIONS = {"bilinear": "INTER_LINEAR", "nearest": "INTER_NEAREST"}

# Rows of images that are warped as one tall image, edges included, at most. Coordinates
# are rounded to multiples of 2**-10 by adding this, as float32 has 24 bits: then they
# are exact in all of it.
ROWS_AT_ONCE = 2**13
_ROUNDING = np.float32(ROWS_AT_ONCE)

# Longest side of images, with edges, whose coordinates are that exact.
_LARGEST_SIDE = ROWS_AT_ONCE - 2

_LARGEST_SIDE_OF_OPENCV_4 = _LONGEST_OF_REMAP = 2**15 - 2

# From this many pixels on, the overhead of calling OpenCV is negligible.
_LARGE = 2**13

# The matrices that leave an image where it is, by their numbers.
_STILL = {
    6: np.array([1, 0, 0, 0, 1, 0], "float32"),
    9: np.array([1, 0, 0, 0, 1, 0, 0, 0, 1], "float32"),
}

_HALF_A_PIXEL = np.float32(0.5)

# What a perspective shows is no nearer to the eye: at 0 it would be endlessly large.
NEAREST_DISTANCE = 2.0**-6


def warp(images, results, parameters, constants):
    """Put images sampled through matrices, where these do anything, into `results`."""
    given = {name: parameters[name] for name in _PARAMETERS if name in parameters}
    if images.shape[1:] != results.shape[1:]:
        _warp_reduced(images, results, given, constants)
        return
    moving = (given["warp"] != _STILL[given["warp"].shape[1]]).any(axis=1)
    if "waves" in given:
        moving |= given["waves"] != 0
    if moving.all():
        _warp_reduced(images, results, given, constants)
        return
    moved = np.empty((moving.sum(), *results.shape[1:]), results.dtype)
    if len(moved):
        _warp(images[moving], moved, _some(given, moving), constants)
    results[...] = images
    results[moving] = moved


_PARAMETERS = ("warp", "waves", "waves_offset")


def _some(given, own):
    """Return the parameters of some images."""
    return {name: values[own] for name, values in given.items()}


def most_halvings(size, result_size, constants):
    """Return how many times images may be halved, down and across, before a warp."""
    if not constants.get("antialias") or constants["interpolation"] == "nearest":
        return 0, 0
    return reducing.most_halvings(size, result_size)


def _warp_reduced(images, results, given, constants):
    """Do what `_warp` does, with images reduced before if they shrink."""
    most = most_halvings(images.shape[1:3], results.shape[1:3], constants)
    if not any(most):
        _warp(images, results, given, constants)
        return
    if reducing.shrinks_little(given["warp"]):
        _warp(images, results, given, constants)
        return
    all_times = np.stack(reducing.halvings(np, given["warp"], most), axis=1)
    if not all_times.any():
        _warp(images, results, given, constants)
        return
    if (all_times == all_times[0]).all():
        _warp_halved(images, results, given, constants, all_times[0].tolist())
        return
    for times in np.unique(all_times, axis=0).tolist():
        own = (all_times == times).all(axis=1)
        warped = np.empty((own.sum(), *results.shape[1:]), results.dtype)
        _warp_halved(images[own], warped, _some(given, own), constants, times)
        results[own] = warped


def _warp_halved(images, results, given, constants, times):
    """Do what `_warp` does, with images halved so many times down and across."""
    if any(times):
        halved = [reducing.reduced_on_host(image, *times) for image in images]
        factors = (np.array([2**each], "float32") for each in times)
        matrices = reducing.of_reduced(np, given["warp"], *factors)
        images, given = np.stack(halved), {**given, "warp": matrices}
    _warp(images, results, given, constants)


def _warp(images, results, given, constants):
    """Put images sampled through matrices, (n, 6) or (n, 9), into `results`."""
    height, width = results.shape[1:3]
    if constants["interpolation"] == "nearest":
        given = {**given, "warp": _shifted(given["warp"], np.float32(NEAREST_SHIFT))}
    if "waves" in given:
        _check_size(max(*images.shape[1:3], height, width))
    is_large = height * width >= _LARGE or max(images.shape[1:3]) > _LARGEST_SIDE
    if is_large and "waves" not in given:
        _warp_each(images, results, given["warp"], constants)
    else:
        _warp_together(images, results, given, constants)


def _check_size(longest):
    """Raise if OpenCV cannot sample an image with waves."""
    # With an edge of one pixel.
    if longest > _LONGEST_OF_REMAP - 2:
        raise ValueError(
            f"`elastic` is done to images of sides up to {_LONGEST_OF_REMAP - 2} "
            f"pixels, not {longest}. Resize them, or leave it out."
        )


def _shifted(matrices, by):
    """Return matrices that sample `by` pixels further along x and y."""
    shifted = matrices.copy()
    if matrices.shape[1] == 6:
        shifted[:, 2::3] += by
    else:
        shifted[:, :3] += by * matrices[:, 6:]
        shifted[:, 3:6] += by * matrices[:, 6:]
    return shifted


def _warp_together(images, results, given, constants):
    """Do what `_warp` does with a single call of OpenCV.

    To it all images are one tall image; what lies outside of an image is settled before
    by where its pixels are taken from.
    """
    if constants["fill_mode"] in ("constant", "wrap"):
        images = _with_edges(images, constants)
    height, width = images.shape[1:3]
    x, y = _coordinates(
        given, (width, height), results.shape[1:3], constants["fill_mode"]
    )

    def sample(tall, result):
        interpolation = _interpolation(constants)
        cv2.remap(tall, x, y, interpolation, result, cv2.BORDER_REPLICATE)

    # OpenCV is faster with long rows, up to a limit; what is a row does not matter.
    pixels = x.shape[1] if x.shape[1] <= _LONGEST_OF_REMAP else results.shape[2]
    rows = results.reshape(-1, pixels, results.shape[3])
    x, y = x.reshape(-1, pixels), y.reshape(-1, pixels)
    _sample(sample, images.reshape(-1, *images.shape[2:]), rows)


def _interpolation(constants):
    return getattr(cv2, _INTERPOLATIONS[constants["interpolation"]])


def _warp_each(images, results, matrices, constants):
    """Do what `_warp` does with a call of OpenCV for each image."""
    flags = _interpolation(constants) | cv2.WARP_INVERSE_MAP
    fill = getattr(cv2, _FILLS[constants["fill_mode"]])
    border = fill, (constants["fill_value"],) * 4
    size = results.shape[2], results.shape[1]
    matrices = matrices.reshape(len(matrices), -1, 3).astype("float64")
    warp_one = cv2.warpAffine if matrices.shape[1] == 2 else cv2.warpPerspective
    sizes = images.shape[1:3], results.shape[1:3]

    def sample(matrix, image, result):
        warp_one(image, matrix, size, result, flags, *border)

    try:
        for image, matrix, result in zip(images, matrices, results, strict=True):
            window = _window(matrix.tolist(), *sizes)
            _sample(partial(sample, matrix), image, result, window)
    except cv2.error as error:
        if max(images.shape[1:3]) <= _LARGEST_SIDE_OF_OPENCV_4:
            raise
        height, width = images.shape[1:3]
        raise ValueError(
            f"`images` have {height} x {width} pixels (height x width), and OpenCV "
            f"{cv2.__version__} moves images of sides up to "
            f"{_LARGEST_SIDE_OF_OPENCV_4}. Resize them, or install OpenCV 5."
        ) from error


def _window(matrix, size, result_size):
    """Return which pixels of an image are looked at, as (rows, columns).

    Args:
        matrix: Rows for x and for y; a third one is that of a perspective.
        size: (height, width) of the image.
        result_size: (height, width) of what is shown of it.
    """
    spans = []
    tall, wide = (side - 1 for side in result_size)
    for (by_x, by_y, start), side in zip(matrix[1::-1], size, strict=True):
        along_x, along_y = sorted((0, by_x * wide)), sorted((0, by_y * tall))
        first, last = (start + along_x[end] + along_y[end] for end in (0, 1))
        # With the neighbours that are mixed, and one more for what is rounded.
        span = slice(math.floor(first) - 1, math.ceil(last) + 2)
        if len(matrix) == 3 or span.start < 0 or span.stop > side:
            return ...
        spans.append(span)
    return tuple(spans)


def _sample(sample, image, result, window=...):
    """Let `sample(image, result)` have 1 or 4 channels, with which OpenCV is fast.

    Only the pixels of `window` may be there.
    """
    channels = image.shape[2]
    if channels in (1, 4):
        sample(image, result)
    elif channels == 3:
        given = scratch("given", (*image.shape[:2], 4), image.dtype)
        taken = scratch("taken", (*result.shape[:2], 4), result.dtype)
        cv2.cvtColor(image[window], cv2.COLOR_RGB2RGBA, given[window])
        sample(given, taken)
        cv2.cvtColor(taken, cv2.COLOR_RGBA2RGB, result)
    else:
        plane = scratch("taken", result.shape[:2], result.dtype)
        for channel in range(channels):
            sample(np.ascontiguousarray(image[..., channel]), plane)
            result[..., channel] = plane


def _coordinates(given, sides, size, fill_mode):
    """Return from where in all images, one above the other, each pixel is taken.

    Args:
        given: Parameters of the warp.
        sides: (width, height) of the images, with the edges for "constant" and "wrap".
        size: (height, width) of the result.
        fill_mode: What is outside.

    Returns:
        Two float32 arrays, (n, pixels): x in [0, width - 1], y in the same way and
        from the top of the first image, rounded by `_ROUNDING`; overwritten by the
        thread's next call.
    """
    matrices = given["warp"]
    if fill_mode == "reflect":
        matrices = _shifted(matrices, _HALF_A_PIXEL)
    is_upright = matrices.shape[1] == 6 and not matrices[:, 1:4:2].any()
    by_side = is_upright and "waves" not in given
    find = _coordinates_of_sides if by_side else _coordinates_of_pixels
    x, y = find(matrices, given, size)
    settle = _reflect if fill_mode == "reflect" else partial(_bound, fill_mode)
    settle(x, sides[0])
    settle(y, sides[1])
    y += np.arange(len(y), dtype="float32")[:, None] * sides[1]
    return _of_each_pixel(x, y, size) if by_side else (x, y)


def _coordinates_of_sides(matrices, given, size):
    """Return x of each column, (n, width), and y of each row, (n, height).

    Where nothing is turned or sheared, that is all there is to compute.
    """
    x, y = (
        matrices[:, at, None] * np.arange(length, dtype="float32")
        for at, length in ((0, size[1]), (4, size[0]))
    )
    return x + matrices[:, 2, None], y + matrices[:, 5, None]


def _of_each_pixel(x, y, size):
    """Return x and y of each pixel, (2, n, pixels), from those of columns and rows."""
    coordinates = scratch("coordinates", (2, len(x), math.prod(size)), "float32")
    cv2.repeat(x, 1, size[0], coordinates[0])
    coordinates[1].reshape(len(y), *size)[...] = y[:, :, None]
    return coordinates


def _coordinates_of_pixels(matrices, given, size):
    """Return x and y of each pixel, (2, n, pixels)."""
    matrices = matrices.reshape(len(matrices), -1, 3)
    places = _grid(size)
    pixels = math.prod(size)
    coordinates = scratch(
        "coordinates", (matrices.shape[1], len(matrices), pixels), "float32"
    )
    if "waves" in given:
        moves = waves_on_host(size, given["waves"], given["waves_offset"])
        moved = scratch("places", (len(matrices), *places.shape), "float32")
        np.add(places[:2], moves.swapaxes(0, 1), out=moved[:, :2])
        moved[:, 2] = 1
        places = moved
    # A product for each image, so that its rounding does not depend on the others.
    np.matmul(matrices, places, out=coordinates.swapaxes(0, 1))
    if len(coordinates) == 3:
        coordinates[:2] /= np.maximum(coordinates[2], NEAREST_DISTANCE)
    return coordinates[:2]


def _bound(fill_mode, along, side):
    """Move coordinates into [0, side - 1], where the edges are there already."""
    if fill_mode == "wrap":
        inner = side - 2
        along -= inner * np.floor(along / inner)
    if fill_mode != "nearest":
        along += 1
    np.clip(along, 0, side - 1, out=along)
    along += _ROUNDING
    along -= _ROUNDING


def _reflect(along, side):
    """Move coordinates into [0, side - 1] as mirrors at both ends of the side do.

    They come counted from the outer edge of the first pixel: there and back is twice
    the side.
    """
    np.abs(along, out=along)
    if along.max() > 2 * side:
        along -= 2 * side * np.floor(along / (2 * side))
    along -= side
    np.abs(along, out=along)
    np.clip(along, 0.5, side - 0.5, out=along)
    along += _ROUNDING
    np.subtract(np.float32(side - 0.5 + _ROUNDING), along, out=along)


@cache
def _grid(size):
    """Return x, y and 1 of each pixel of (height, width), (3, pixels), float32."""
    y, x = np.indices(size, "float32").reshape(2, -1)
    return np.stack([x, y, np.ones_like(x)])


def _with_edges(images, constants):
    """Return images with one more pixel on each side."""
    one = [(0, 0), (1, 1), (1, 1), (0, 0)]
    if constants["fill_mode"] == "wrap":
        return np.pad(images, one, "wrap")
    return np.pad(
        images, one, constant_values=images.dtype.type(constants["fill_value"])
    )
