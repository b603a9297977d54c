"""Apply a policy to batches of tensors, with Keras's backend.

No step loops over images, and all shapes but the batch's are constants, so that a
compiler can make a few passes over memory out of the whole.
"""

import platform
from functools import cache, lru_cache

import numpy as np

from reticnn.augmenting.policy import NEAREST_SHIFT
from reticnn.augmenting.random_numbers import folded
from reticnn.augmenting.sampling import (
    LUT_AUTOCONTRAST,
    LUT_EQUALIZE,
    LUT_NONE,
    LUT_TABLE,
    SMOOTHING,
    TEXTURE_PLACES,
    autocontrast_tables,
    equalize_tables,
    erasing_texture,
    normal_texture,
)
from reticnn.runtime.backend import keras

ops = keras.ops


def apply(policy, images, seed, epoch, indices):
    """Return augmented images, by a function compiled once for each shape.

    Args:
        policy: Policy.
        images: Tensor, (n, height, width, channels), values 0 to 255; all but n known.
        seed: Whole number of at least 0.
        epoch: Whole number of at least 0, or an int32 scalar tensor.
        indices: Positions of the images in the data, int32, (n,), which with seed and
            epoch decide what happens to each.

    Returns:
        Tensor, float32, (n, *policy.output_shape(image_shape)).

    Raises:
        ValueError: If the policy cannot be applied to images of that shape.
    """
    image_shape = tuple(images.shape[1:])
    policy.check(image_shape)
    images = ops.cast(images, "float32")
    if not any(policy.parts(image_shape[2])):
        return images
    seed = np.uint32(folded(seed)).astype("int32")
    arguments = seed, ops.cast(epoch, "int32"), ops.cast(indices, "int32")
    draw, change = _compiled(policy, image_shape)
    results = change(images, draw(*map(ops.convert_to_tensor, arguments)))
    # What a compiled function gives has lost its shape in a TensorFlow graph.
    return ops.reshape(results, (-1, *policy.output_shape(image_shape)))


@lru_cache(maxsize=32)
def _compiled(policy, image_shape):
    """Return two functions for images of a shape, compiled where that can be.

    The first is of (seed, epoch, indices) and gives the stages' parameters, the second
    of images and these. In one, a compiler would compute the few parameters again for
    each of the many pixels. TensorFlow's and JAX's compilers make them several times as
    fast; torch has none that does without one for C++ on the user's machine.
    """

    def draw(seed, epoch, indices):
        return policy.draw(ops, seed, epoch, indices, image_shape)

    def change(images, stages):
        for owner, parts in zip(policy.of_stages(image_shape[2]), stages, strict=True):
            output_shape = owner.output_shape(tuple(images.shape[1:]))
            images = _stage(owner, images, parts, output_shape)
        return images

    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        return jax.jit(draw), jax.jit(change)
    if backend == "tensorflow":
        import tensorflow

        compiled = tensorflow.function(
            autograph=False, jit_compile=_has_compiler(tensorflow)
        )
        return compiled(draw), compiled(change)
    return draw, change


def _has_compiler(tensorflow):
    """Return whether TensorFlow can compile; on Apple's GPUs it cannot."""
    gpus = tensorflow.config.list_physical_devices("GPU")
    return not (gpus and platform.system() == "Darwin")


def _stage(policy, images, parts, output_shape):
    """Return images after one stage."""
    if not parts:
        return images
    if "warp" in parts:
        images = _warped(policy, images, parts["warp"], output_shape)
    if "color" in parts:
        images = _colored(images, parts)
    if "lut" in parts:
        images = _looked_up(images, parts["lut"], parts.get("lut_table"))
    if "sharpness" in parts:
        images = _sharpened(images, parts["sharpness"])
    if "blur" in parts:
        images = _blurred(images, parts["blur"], policy.blur_radius)
    if "noise" in parts:
        windows = _windows(normal_texture(output_shape), parts["noise_at"])
        images = images + parts["noise"][:, None, None, None] * windows
    if "erase" in parts:
        images = _erased(images, parts, policy.erasing_fill(output_shape[2]))
    return ops.clip(images, 0, 255)


def _warped(policy, images, matrices, output_shape):
    """Return images sampled through matrices, (n, 6)."""
    x, y = _coordinates(matrices, *output_shape[:2])
    if policy.interpolation == "nearest":
        half = 0.5 + NEAREST_SHIFT
        return _pixels(policy, images, ops.floor(x + half), ops.floor(y + half))
    left, top = ops.floor(x), ops.floor(y)
    right_weight, bottom_weight = (x - left)[..., None], (y - top)[..., None]
    upper, lower = (
        _mixed(
            _pixels(policy, images, left, row),
            _pixels(policy, images, left + 1, row),
            right_weight,
        )
        for row in (top, top + 1)
    )
    return _mixed(upper, lower, bottom_weight)


def _mixed(first, second, weight):
    return first + (second - first) * weight


def _coordinates(matrices, height, width):
    """Return where in the input each output pixel is, x and y, (n, height, width)."""
    row, column = _rows_and_columns(height, width, "float32")
    a, b, c, d, e, f = (matrices[:, i][:, None, None] for i in range(6))
    return a * column + (b * row + c), d * column + (e * row + f)


def _rows_and_columns(height, width, dtype):
    """Return the numbers of rows, (1, height, 1), and columns, (1, 1, width)."""
    row, column = ops.arange(height, dtype=dtype), ops.arange(width, dtype=dtype)
    return row[None, :, None], column[None, None, :]


def _pixels(policy, images, x, y):
    """Return the pixels at whole float coordinates, (n, height, width, channels)."""
    height, width, channels = images.shape[1:]
    column, row = (
        ops.cast(_inside(at, side, policy.fill_mode), "int32")
        for at, side in ((x, width), (y, height))
    )
    count = ops.shape(images)[0]
    first = ops.arange(count, dtype="int32")[:, None, None] * (height * width)
    flat = ops.reshape(images, (-1, channels))
    pixels = ops.take(flat, first + row * width + column, axis=0)
    if policy.fill_mode != "constant":
        return pixels
    within = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return ops.where(within[..., None], pixels, policy.fill_value)


def _inside(at, side, fill_mode):
    """Return whole float coordinates, those outside moved to what is shown there."""
    if fill_mode == "wrap":
        at = _remainder(at, side)
    elif fill_mode == "reflect":
        at = _remainder(at, 2 * side)
        at = ops.minimum(at, 2 * side - 1 - at)
    return ops.clip(at, 0, side - 1)


def _remainder(whole, divisor):
    """Return the remainder, at least 0; half a unit keeps rounding from mattering."""
    return whole - divisor * ops.floor((whole + 0.5) * (1 / divisor))


def _colored(images, parts):
    """Return images with their colours changed."""
    matrices = parts["color"]
    channels = images.shape[3]
    offset = matrices[:, :, channels]
    if "color_of_mean" in parts:
        means = ops.mean(images, axis=(1, 2))[:, None, :]
        offset = offset + ops.sum(parts["color_of_mean"] * means, axis=2)
    # Sums of products, as compilers make one pass of them, and none of small matrices.
    results = offset[:, None, None, :]
    for channel in range(channels):
        factors = matrices[:, :, channel][:, None, None, :]
        results = results + images[..., channel : channel + 1] * factors
    return results


def _looked_up(images, kinds, tables):
    """Return images with the values that tables of each image and channel have."""
    values = ops.cast(ops.round(ops.clip(images, 0, 255)), "int32")
    row = _rows(images)
    kinds = kinds[:, None, None]
    counts = _counts(values, row)
    looked_up = ops.where(
        kinds == LUT_AUTOCONTRAST,
        autocontrast_tables(ops, counts),
        ops.where(kinds == LUT_EQUALIZE, equalize_tables(ops, counts), 0),
    )
    looked_up = ops.cast(looked_up, "float32")
    if tables is not None:
        looked_up = ops.where(kinds == LUT_TABLE, tables[:, None], looked_up)
    results = ops.take(ops.reshape(looked_up, (-1,)), 256 * row + values, axis=0)
    return ops.where(kinds[..., None] == LUT_NONE, images, results)


def _rows(images):
    """Return a number for each image and channel, (n, 1, 1, channels), int32."""
    count, channels = ops.shape(images)[0], images.shape[3]
    first = ops.arange(count, dtype="int32")[:, None, None, None] * channels
    return first + ops.arange(channels, dtype="int32")


def _counts(values, rows):
    """Return how often each value occurs, (n, channels, 256), int32."""
    channels = values.shape[3]
    at = ops.reshape(256 * rows + values, (-1,))
    total = ops.shape(values)[0] * channels * 256
    counts = ops.segment_sum(ops.ones_like(at), at, num_segments=total)
    return ops.reshape(counts, (-1, channels, 256))


def _sharpened(images, factors):
    """Return blends of images with smoothed ones, but for the outermost pixels."""
    height, width = images.shape[1:3]
    if min(height, width) < 3:
        return images
    padded = ops.pad(images, [(0, 0), (1, 1), (1, 1), (0, 0)])
    smooth = sum(
        padded[:, down : down + height, right : right + width] * weight
        for (down, right), weight in np.ndenumerate(SMOOTHING)
    )
    row, column = _rows_and_columns(height, width, "int32")
    inner = (row > 0) & (row < height - 1) & (column > 0) & (column < width - 1)
    blend = smooth + (images - smooth) * factors[:, None, None, None]
    return ops.where(inner[..., None], blend, images)


def _blurred(images, sigmas, radius):
    """Return images blurred by Gaussians, (n,), with a matrix for each direction."""
    height, width, channels = images.shape[1:]
    weights = _gaussians(sigmas, radius)
    down = _band_matrices(weights, height, radius)
    right = _band_matrices(weights, width, radius)
    lines = ops.reshape(images, (-1, height, width * channels))
    lines = ops.reshape(ops.matmul(down, lines), (-1, height, width, channels))
    return ops.einsum("nxw,nhwc->nhxc", right, lines)


def _gaussians(sigmas, radius):
    """Return the weights of each pixel of the windows, (n, 2 * radius + 1)."""
    distances = np.arange(-radius, radius + 1, dtype="float32")[None]
    sigmas = sigmas[:, None]
    # Where there is no blur, all the weight is in the centre.
    width = ops.where(sigmas > 0, sigmas, 1e-3)
    weights = ops.exp(-0.5 * ops.square(ops.convert_to_tensor(distances) / width))
    return weights / ops.sum(weights, axis=1, keepdims=True)


def _band_matrices(weights, side, radius):
    """Return what multiplies a line of pixels to blur it, (n, side, side)."""
    bands = ops.convert_to_tensor(_bands(side, radius))
    return ops.reshape(ops.matmul(weights, bands), (-1, side, side))


@cache
def _bands(side, radius):
    """Return for each pixel of a window which pixels it meets, reflected at the ends.

    Returns:
        NumPy array, float32, (2 * radius + 1, side * side).
    """
    size = 2 * radius + 1
    met = np.pad(np.arange(side), radius, mode="reflect")
    bands = np.zeros((size, side, side), "float32")
    for offset in range(size):
        bands[offset, np.arange(side), met[offset : offset + side]] = 1
    return bands.reshape(size, -1)


def _windows(texture, places):
    """Return windows of a texture, (n, height, width, channels), float32."""
    rows, columns, channels = texture.shape
    height, width = rows - TEXTURE_PLACES, columns - TEXTURE_PLACES
    places = places[:, :, None, None]
    row, column = _rows_and_columns(height, width, "int32")
    at = (places[:, 0] + row) * columns + places[:, 1] + column
    flat = ops.convert_to_tensor(texture.reshape(-1, channels).astype("float32"))
    return ops.take(flat, at, axis=0)


def _erased(images, parts, fill):
    """Return images with a box of each filled."""
    image_shape = tuple(images.shape[1:])
    row, column = _rows_and_columns(*image_shape[:2], "int32")
    top, left, bottom, right = (parts["erase"][:, i][:, None, None] for i in range(4))
    box = (row >= top) & (row < bottom) & (column >= left) & (column < right)
    if fill is None:
        filling = _windows(erasing_texture(image_shape), parts["erase_at"])
    else:
        filling = ops.convert_to_tensor(np.array(fill, "float32"))
    return ops.where(box[..., None], filling, images)
