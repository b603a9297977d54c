"""From uniform random numbers to the parameters of a policy's stages.

Written once for both engines: `xp` is `numpy` on the host and `keras.ops` on a device;
arrays are float32 and have one row an image. An engine asks a policy for

- `policy.check(image_shape)`: raises if it cannot be applied to such images;
- `policy.output_shape(image_shape)`: (height, width, channels) of the results;
- `policy.parts(channels)`: for each stage, the set of names of the parts that can do
  anything there, known without drawing, and so constant in a compiled function;
- `policy.draw(xp, seed, epoch, indices, image_shape)`: for each stage a dict with the
  parameters of those parts;
- `policy.of_stages(channels)`: for each stage the policy that it belongs to, one of
  those in a sequence, else the policy itself; and that for its `output_shape`,
  `fill_mode`, `fill_value`, `interpolation`, `blur_radius` and
  `erasing_fill(channels)`;

and does, stage by stage, in this order,

1. `"warp"`: (n, 6), the matrix [[a, b, c], [d, e, f]] row by row. The output pixel
   (x, y) shows the input at (a x + b y + c, d x + e y + f); pixel centres are at whole
   numbers, as for `keras.ops.image.affine_transform`. Sampled by `interpolation`,
   outside by `fill_mode` and `fill_value`, to the height and width of `output_shape`.
2. `"color"`: (n, channels, channels + 1), matrix and offset for a pixel's channels;
   with `"color_of_mean"`, (n, channels, channels), to be multiplied by the mean of each
   channel over the warped image, and added.
3. `"lut"`: (n,), int32, what is looked up for each value of each channel, rounded to a
   whole number of 0 to 255 (a half to the even one): `LUT_NONE`, nothing, the image
   stays as it is, unrounded; `LUT_TABLE`, its row of `"lut_table"`, (n, 256), whole
   numbers, which is there if a table can occur; `LUT_AUTOCONTRAST` or `LUT_EQUALIZE`,
   a table that each channel's own histogram decides, as `autocontrast_tables` and
   `equalize_tables` say in whole numbers.
4. `"sharpness"`: (n,), the factor f of a blend f times the image plus (1 - f) times the
   image smoothed with `SMOOTHING`, 3 x 3; 1 leaves it as it is. The outermost pixels
   are not smoothed, and so stay as they are.
5. `"blur"`: (n,), the standard deviation of a Gaussian in pixels, 0 for none. The
   window has `blur_radius` pixels on each side of the centre, its weights sum to 1;
   outside the image are its reflected pixels, without the edge's own (`"reflect"` of
   `keras.ops.pad`).
6. `"noise"`: (n,), the factor of `normal_texture` that is added, whose window begins at
   `"noise_at"`: (n, 2), int32, row and column.
7. `"erase"`: (n, 4), int32, top, left, bottom and right of a box, the last two
   excluded; empty where nothing is erased. It is filled by `erasing_fill`, a value for
   each channel; or, where that is None, by `erasing_texture`, whose window begins at
   `"erase_at"`: (n, 2), int32: the pixel (y, x) becomes texture[row + y, column + x].

After each stage values are clipped to 0 to 255.
"""

import math
from functools import cache

import numpy as np

from reticnn.augmenting.random_numbers import as_float, as_whole, uniforms

# Number of places, both ways, at which an image's window of a texture can begin.
TEXTURE_PLACES = 256

# What an image's values are looked up in: the codes of the part `"lut"`.
LUT_NONE, LUT_TABLE, LUT_AUTOCONTRAST, LUT_EQUALIZE = range(4)

# Weights of a pixel and its eight neighbours in a smoothed image, as Pillow has them.
SMOOTHING = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]], "float32") / 13

_LUMA = np.array([0.299, 0.587, 0.114])
_GREY = np.tile(_LUMA, (3, 1))
_COLOUR = np.eye(3) - _GREY

# A quarter turn of hue in the plane of YIQ's two colour axes, seen from RGB.
_YIQ = np.array([_LUMA, [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])
_YIQ[1:] -= _YIQ[1:].mean(axis=1, keepdims=True)
_TURNED = np.linalg.inv(_YIQ) @ [[0, 0, 0], [0, 0, 1], [0, -1, 0]] @ _YIQ


class Draws:
    """The numbers that are drawn for each image: a name, a slot and a range of each."""

    def __init__(self, ranges):
        """Take a dict of (slot, lower, upper) by name."""
        self.names = tuple(ranges)
        slots, *ends = zip(*ranges.values(), strict=True) if ranges else ((), (), ())
        lower, upper = np.array(ends, "float32")[:, None]
        self._slots, self._lower, self._span = slots, lower, upper - lower

    def numbers(self, xp, seed, epoch, indices):
        """Return a dict of numbers, (n,), one for each image.

        Args:
            xp: `numpy` or `keras.ops`.
            seed: Whole number, or an int32 scalar tensor.
            epoch: Whole number, or an int32 scalar tensor.
            indices: Positions of the images in the data, (n,).
        """
        unit = uniforms(xp, seed, epoch, indices, self._slots)
        values = unit * float32(xp, self._span) + float32(xp, self._lower)
        return {name: values[:, column] for column, name in enumerate(self.names)}


_IDENTITY = np.array([[[1], [0]], [[0], [1]], [[0], [0]]], "float32")


class Warp:
    """A matrix for each image, composed of operations in the order of the calls.

    Each operation acts on the image that the ones before it give.
    """

    def __init__(self, xp, image_shape):
        """Begin with the identity for images of (height, width, ...)."""
        self._xp = xp
        self._size = image_shape[0], image_shape[1]
        # Of the rows for x and for y: the factor of x, of y, and the offset.
        start = float32(xp, _IDENTITY)
        self._x, self._y, self._offset = start[0], start[1], start[2]

    def crop(self, top, left, size):
        """Show a window of `size`, (height, width) in pixels, as it is."""
        self._shift(left, top)
        self._size = size

    def crop_and_resize(self, top, left, fraction):
        """Show a window, fractions of (height, width), at the image's size."""
        tall, wide = fraction
        self._shift(left + (wide - 1) / 2, top + (tall - 1) / 2)
        self._scale(wide, tall)

    def flip(self, across=None, down=None):
        """Flip where a number, (n,), is 1 and not 0, across (left to right) or down."""
        across = None if across is None else 1 - 2 * across
        down = None if down is None else 1 - 2 * down
        self._about_centre(self._scale, across, down)

    def translate(self, down, right):
        """Move by fractions of height and width."""
        height, width = self._size
        self._shift(right * -width, down * -height)

    def shear(self, x, y):
        """Shear by `x` and `y`, from the pixel at the top left, as Keras does."""
        self._x, self._y = self._x + self._y * y, self._x * x + self._y

    def rotate(self, turns):
        """Rotate counterclockwise by fractions of a full turn, about the centre."""
        self._about_centre(self._turn, turns * (2 * math.pi))

    def zoom(self, tall, wide):
        """Show `1 + tall` of the height, `1 + wide` of the width, about the centre."""
        self._about_centre(self._scale, 1 + wide, 1 + tall)

    def matrix(self, like):
        """Return the matrices, (n, 6), for as many images as `like` has rows."""
        # By adding, as the number of images may be unknown.
        none = like * 0
        columns = [column + none for column in (self._x, self._y, self._offset)]
        rows = self._xp.reshape(self._xp.concatenate(columns), (3, 2, -1))
        return self._xp.reshape(self._xp.transpose(rows, (2, 1, 0)), (-1, 6))

    def _shift(self, x, y):
        self._offset = self._offset + self._x * x + self._y * y

    def _scale(self, x, y):
        self._x = self._x if x is None else self._x * x
        self._y = self._y if y is None else self._y * y

    def _turn(self, angle):
        cosine, sine = self._xp.cos(angle), self._xp.sin(angle)
        self._x, self._y = (
            self._x * cosine + self._y * sine,
            self._y * cosine - self._x * sine,
        )

    def _about_centre(self, change, *amounts):
        height, width = self._size
        x, y = (width - 1) / 2, (height - 1) / 2
        self._shift(x, y)
        change(*amounts)
        self._shift(-x, -y)


def color_parts(
    xp,
    channels,
    like,
    *,
    brightness=None,
    contrast=None,
    saturation=None,
    hue=None,
    shift=None,
    grayscale=None,
):
    """Return the parts `"color"` and `"color_of_mean"` of a stage.

    What is drawn acts in the order of the arguments. For images of one channel only
    brightness and contrast do.

    Args:
        xp: `numpy` or `keras.ops`.
        channels: 1 or 3.
        like: Any array (n,).
        brightness: (n,), what is added as a fraction of 255.
        contrast: (n,), factor of the distance to the image's mean of each channel.
        saturation: (n,), factor of the distance to the pixel's luma.
        hue: (n,), fraction of a full turn, linear in RGB and with luma unchanged.
        shift: (n, 3), what is added to each channel, 0 to 255.
        grayscale: (n,), 1 to show luma in all channels, 0 not.

    Returns:
        Dict of `"color"`, (n, channels, channels + 1), and, with a contrast,
        `"color_of_mean"`, (n, channels, channels).
    """
    zero = like * 0
    if channels == 1:
        linear = (zero + 1)[:, None, None]
    else:
        linear = _hue_and_saturation(xp, zero, saturation, hue, grayscale)
    offset = zero[:, None] if brightness is None else 255 * brightness[:, None]
    if shift is not None and channels == 3:
        offset = offset + _maybe_grey(xp, shift, grayscale)
    # By adding, as the number of images may be unknown.
    offset = (offset + float32(xp, np.zeros((1, channels))))[:, :, None]
    if contrast is None:
        return {"color": xp.concatenate([linear, offset], axis=2)}
    contrast = contrast[:, None, None]
    return {
        "color": xp.concatenate([linear * contrast, offset], axis=2),
        "color_of_mean": linear * (1 - contrast),
    }


def _hue_and_saturation(xp, zero, saturation, hue, grayscale):
    """Return the matrices, (n, 3, 3), of saturation, hue and greyscale together."""
    colour = zero + 1 if saturation is None else saturation
    if grayscale is not None:
        colour = colour * (1 - grayscale)
    if hue is None:
        return colour[:, None, None] * float32(xp, _COLOUR) + float32(xp, _GREY)
    angle = hue * (2 * math.pi)
    straight = (colour * xp.cos(angle))[:, None, None] * float32(xp, _COLOUR)
    turned = (colour * xp.sin(angle))[:, None, None] * float32(xp, _TURNED)
    return straight + turned + float32(xp, _GREY)


def _maybe_grey(xp, shift, grayscale):
    if grayscale is None:
        return shift
    luma = xp.sum(shift * float32(xp, _LUMA), axis=1)[:, None]
    return xp.where(grayscale[:, None] > 0, luma, shift)


def enhanced_color(xp, channels, *, brightness, contrast, saturation):
    """Return the parts `"color"` and `"color_of_mean"` for three factors, 1 for none.

    Each blends the image with a worse one, as Pillow's `ImageEnhance` does: a black
    one, one of the mean luma, and a grey one.

    Args:
        xp: `numpy` or `keras.ops`.
        channels: 1 or 3; with 1, saturation does nothing.
        brightness: (n,).
        contrast: (n,).
        saturation: (n,).

    Returns:
        Dict of `"color"`, (n, channels, channels + 1), and `"color_of_mean"`,
        (n, channels, channels).
    """
    grey, colour = (_GREY, _COLOUR) if channels == 3 else (np.eye(1), np.zeros((1, 1)))
    grey, colour = float32(xp, grey), float32(xp, colour)
    linear = saturation[:, None, None] * colour + grey
    linear = linear * (brightness * contrast)[:, None, None]
    return {
        "color": xp.concatenate([linear, xp.zeros_like(linear[:, :, :1])], axis=2),
        "color_of_mean": (1 - contrast)[:, None, None] * grey,
    }


def lut_tables(xp, *, step, add, threshold):
    """Return tables for `"lut_table"`, (n, 256), float32.

    Args:
        xp: `numpy` or `keras.ops`.
        step: (n,), values are rounded down to its multiples (posterize); 1 for none.
        add: (n,), what is added to values below 128 (solarize_add); 0 for none.
        threshold: (n,), values from it on are inverted (solarize); 256 for none, 0 for
            an inverted image.
    """
    values = xp.arange(256, dtype="float32")[None]
    step = step[:, None]
    values = xp.floor(values / step) * step
    values = xp.where(values < 128, xp.minimum(values + add[:, None], 255.0), values)
    return xp.where(values < threshold[:, None], values, 255 - values)


def autocontrast_tables(xp, counts):
    """Return tables that spread values over all of 0 to 255.

    Args:
        xp: `numpy` or `keras.ops`.
        counts: How often each value from 0 to 255 occurs, (..., 256), whole numbers.

    Returns:
        Array of the same shape, whole numbers.
    """
    values = xp.arange(256, dtype="int32")
    low = xp.min(xp.where(counts > 0, values, 255), axis=-1, keepdims=True)
    span = _highest(xp, counts, values) - low
    spread = xp.clip((values - low) * 255 // xp.maximum(span, 1), 0, 255)
    return xp.where(span > 0, spread, values)


def equalize_tables(xp, counts):
    """Return tables that make all values about as frequent.

    Args:
        xp: `numpy` or `keras.ops`.
        counts: How often each value from 0 to 255 occurs, (..., 256), whole numbers.

    Returns:
        Array of the same shape, whole numbers.
    """
    values = xp.arange(256, dtype="int32")
    up_to = xp.cumsum(counts, axis=-1)
    below_highest = xp.where(values < _highest(xp, counts, values), counts, 0)
    step = xp.sum(below_highest, axis=-1, keepdims=True) // 255
    spread = (up_to - counts + step // 2) // xp.maximum(step, 1)
    return xp.where(step > 0, xp.minimum(spread, 255), values)


def _highest(xp, counts, values):
    """Return the highest value that occurs, (..., 1)."""
    return xp.max(xp.where(counts > 0, values, 0), axis=-1, keepdims=True)


def normals(xp, first, second):
    """Return two independent standard normal numbers of each two uniform ones."""
    # 1 - u, as u may be 0 but is never 1.
    length = xp.sqrt(-2 * xp.log(1 - first))
    angle = second * (2 * math.pi)
    return length * xp.cos(angle), length * xp.sin(angle)


def happens(xp, chance, threshold):
    """Return 1 where a threshold in [0, 1) is below the chance of it, else 0."""
    return as_float(xp, threshold < chance)


def erased_box(xp, image_shape, on, areas, places):
    """Return the part `"erase"`.

    Args:
        xp: `numpy` or `keras.ops`.
        image_shape: (height, width, ...).
        on: (n,), 1 to erase, 0 not.
        areas: Two (n,), whose roots are the box's height and width as fractions.
        places: Two (n,) in [0, 1), where the box is from top to bottom, left to right.

    Returns:
        Array (n, 4), int32: top, left, bottom, right.
    """
    sides = float32(xp, [image_shape[:2]])
    lengths = xp.sqrt(xp.stack(areas, axis=1)) * sides
    starts = xp.stack(places, axis=1) * (sides - lengths)
    corners = xp.ceil(xp.concatenate([starts, starts + lengths], axis=1))
    return as_whole(xp, corners * on[:, None])


def texture_place(xp, down, right):
    """Return where windows begin, (n, 2), int32, from numbers in [0, 1)."""
    return as_whole(xp, xp.stack([down, right], axis=1) * TEXTURE_PLACES)


@cache
def normal_texture(image_shape):
    """Return fixed standard normal numbers to take windows of `image_shape` from.

    Returns:
        NumPy array, float32, (height + 256, width + 256, channels).
    """
    shape = (*(side + TEXTURE_PLACES for side in image_shape[:2]), image_shape[2])
    unit = uniforms(np, 0, 0, np.arange(math.prod(shape)), (0, 1))
    texture = normals(np, *unit.T)[0].reshape(shape)
    texture.flags.writeable = False
    return texture


@cache
def erasing_texture(image_shape):
    """Return what erased boxes show: normal numbers times 255, cut off at 0 and 255.

    Returns:
        NumPy array, uint8, (height + 256, width + 256, channels).
    """
    texture = np.clip(normal_texture(image_shape) * 255, 0, 255).astype("uint8")
    texture.flags.writeable = False
    return texture


def float32(xp, constants):
    """Return numbers as a float32 array where the others are: on a GPU, it may be."""
    return xp.array(constants, dtype="float32")
