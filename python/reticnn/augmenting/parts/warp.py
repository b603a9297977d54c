"""The part `"warp"`: images are sampled once, through a matrix for each.

Its parameter is `"warp"`, (n, 6), the matrix [[a, b, c], [d, e, f]] row by row. The
output pixel (x, y) shows the input at (a x + b y + c, d x + e y + f); pixel centres are
at whole numbers, as for `keras.ops.image.affine_transform`. With a third row [g, h, i],
(n, 9), both are divided by g x + h y + i. With `"waves"`, (n,), in pixels, and
`"waves_offset"`, (n, 2), output pixels are moved first, as `waves` says. Its constants
are
`"interpolation"`; `"fill_mode"` and `"fill_value"`, for what lies outside; if the
results have another size, `"size"`, (height, width); and `"antialias"`, if images that
shrink are to be reduced first.
"""

import math

import numpy as np

from reticnn.augmenting.parts import opencv_warp, reducing, waves
from reticnn.augmenting.parts.part import Part, output_shape, rows_and_columns
from reticnn.augmenting.random_numbers import constant

FILL_MODES = ("reflect", "constant", "nearest", "wrap")
INTERPOLATIONS = ("bilinear", "nearest")

_IDENTITY = np.array([[[1], [0]], [[0], [1]], [[0], [0]]], "float32")


class Warp:
    """A matrix for each image, composed of operations in the order of the calls.

    Each operation acts on the image that the ones before it give.
    """

    def __init__(self, xp, image_shape, like):
        """Begin with the identity for images of (height, width, ...)."""
        self.xp = xp
        self.size = image_shape[0], image_shape[1]
        self._like = like
        # Of the rows for x and for y: the factor of x, of y, and the offset.
        start = constant(xp, _IDENTITY)
        self._x, self._y, self._offset = start[0], start[1], start[2]
        self._waves = {}

    def crop(self, top, left, size):
        """Show a window of `size`, (height, width) in pixels, as it is."""
        self._shift(left, top)
        self.size = size

    def crop_and_resize(self, top, left, scale, size=None):
        """Show a window at `size`, (height, width), or at the image's size.

        Its `scale` is the part of it, in pixels, (down, across), that each pixel shows.
        """
        tall, wide = scale
        self._shift(left + (wide - 1) / 2, top + (tall - 1) / 2)
        self._scale(wide, tall)
        self.size = size or self.size

    def flip(self, across=None, down=None):
        """Flip where a number, (n,), is 1 and not 0, across (left to right) or down."""
        across = None if across is None else 1 - 2 * across
        down = None if down is None else 1 - 2 * down
        self._about_centre(self._scale, across, down)

    def translate(self, down, right):
        """Move by fractions of height and width."""
        height, width = self.size
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

    def show_corners(self, down, right):
        """Show at the corners what lies beside them, in perspective.

        Args:
            down: Fractions of the height, (n,), for the corners at the top left, top
                right, bottom right and bottom left.
            right: The same of the width.
        """
        height, width = (max(side - 1, 1) for side in self.size)
        (a, b, c), (d, e, f), (g, h) = _square_to_corners(down, right)
        columns = self._in_three_rows()
        self._x, self._y, self._offset = (
            columns[0] * x + columns[1] * y + columns[2] * last
            for x, y, last in (
                (a, d * (height / width), g / width),
                (b * (width / height), e, h / height),
                (c * width, f * height, 1.0),
            )
        )

    def wave(self, scale, offset):
        """Move pixels in waves, as nothing does after it.

        Args:
            scale: Of the waves, (n,).
            offset: (n, 2), int32, which of all waves they are.
        """
        height = waves.height_of_waves(scale, self.size)
        self._waves = {"waves": height, "waves_offset": offset}

    def parameters(self):
        """Return the matrices, (n, 6), or (n, 9) in perspective, and the waves."""
        columns = self._for_each_image()
        height = columns[0].shape[0]
        rows = self.xp.reshape(self.xp.concatenate(columns), (3, height, -1))
        matrices = self.xp.reshape(self.xp.transpose(rows, (2, 1, 0)), (-1, 3 * height))
        return {"warp": matrices, **self._waves}

    def _for_each_image(self):
        """Return the matrices' columns, (rows, n)."""
        # By adding, as the number of images may be unknown.
        none = self._like * 0
        return [column + none for column in (self._x, self._y, self._offset)]

    def _in_three_rows(self):
        """Return the matrices' columns with their last row, (3, n)."""
        last = [self.xp.reshape(self._like * 0 + value, (1, -1)) for value in (0, 0, 1)]
        return [
            self.xp.concatenate([column, row])
            for column, row in zip(self._for_each_image(), last, strict=True)
        ]

    def _shift(self, x, y):
        self._offset = self._offset + self._x * x + self._y * y

    def _scale(self, x, y):
        self._x = self._x if x is None else self._x * x
        self._y = self._y if y is None else self._y * y

    def _turn(self, angle):
        cosine, sine = self.xp.cos(angle), self.xp.sin(angle)
        self._x, self._y = (
            self._x * cosine + self._y * sine,
            self._y * cosine - self._x * sine,
        )

    def _about_centre(self, change, *amounts):
        height, width = self.size
        x, y = (width - 1) / 2, (height - 1) / 2
        self._shift(x, y)
        change(*amounts)
        self._shift(-x, -y)


def _square_to_corners(down, right):
    """Return the matrix of the perspective from a square to its moved corners.

    Source: Heckbert (1989), Fundamentals of Texture Mapping and Image Warping, 2.2.3.

    Args:
        down: The moves of its corners at (0, 0), (1, 0), (1, 1) and (0, 1) along y.
        right: The same along x.
    """
    x = right[0], 1 + right[1], 1 + right[2], right[3]
    y = down[0], down[1], 1 + down[2], 1 + down[3]
    sum_x, sum_y = x[0] - x[1] + x[2] - x[3], y[0] - y[1] + y[2] - y[3]
    x_1, x_2, y_1, y_2 = x[1] - x[2], x[3] - x[2], y[1] - y[2], y[3] - y[2]
    area = x_1 * y_2 - x_2 * y_1
    g = (sum_x * y_2 - x_2 * sum_y) / area
    h = (x_1 * sum_y - sum_x * y_1) / area
    first = x[1] - x[0] + g * x[1], x[3] - x[0] + h * x[3], x[0]
    second = y[1] - y[0] + g * y[1], y[3] - y[0] + h * y[3], y[0]
    return first, second, (g, h)


def _on_device(ops, images, parameters, constants):
    size = output_shape(images.shape[1:], constants)[:2]
    matrices, source = _source(ops, images, parameters["warp"], size, constants)
    moves = None
    if "waves" in parameters:
        moves = waves.waves_on_device(
            ops, size, parameters["waves"], parameters["waves_offset"]
        )
    x, y = _coordinates(ops, matrices, size, moves)
    if constants["interpolation"] == "nearest":
        half = 0.5 + opencv_warp.NEAREST_SHIFT
        x, y = ops.floor(x + half), ops.floor(y + half)
        return _pixels(ops, source, x, y, constants)
    left, top = ops.floor(x), ops.floor(y)
    right_weight, bottom_weight = (x - left)[..., None], (y - top)[..., None]
    upper, lower = (
        _mixed(
            _pixels(ops, source, left, row, constants),
            _pixels(ops, source, left + 1, row, constants),
            right_weight,
        )
        for row in (top, top + 1)
    )
    return _mixed(upper, lower, bottom_weight)


def _source(ops, images, matrices, size, constants):
    """Return what is sampled, and by which matrices: images, reduced if need be."""
    most = opencv_warp.most_halvings(images.shape[1:3], size, constants)
    if not any(most):
        return matrices, reducing.as_they_are(ops, images)
    down, across = reducing.halvings(ops, matrices, most)
    factors = (ops.cast(2**times, "float32") for times in (down, across))
    matrices = reducing.of_reduced(ops, matrices, *factors)
    return matrices, reducing.reductions(ops, images, down, across, most)


def _mixed(first, second, weight):
    return first + (second - first) * weight


def _coordinates(ops, matrices, size, moves):
    """Return where in the input each output pixel is, x and y, (n, height, width)."""
    row, column = rows_and_columns(ops, *size, "float32")
    if moves is not None:
        column, row = column + moves[0], row + moves[1]
    x, y, *last = (
        a * column + (b * row + c)
        for a, b, c in (
            [matrices[:, start + i][:, None, None] for i in range(3)]
            for start in range(0, matrices.shape[1], 3)
        )
    )
    if not last:
        return x, y
    distance = ops.maximum(last[0], opencv_warp.NEAREST_DISTANCE)
    return x / distance, y / distance


def _pixels(ops, source, x, y, constants):
    """Return the pixels at whole float coordinates, (n, height, width, channels)."""
    height, width = source.height, source.width
    column, row = (
        ops.cast(_inside(ops, at, side, constants["fill_mode"]), "int32")
        for at, side in ((x, width), (y, height))
    )
    first = ops.arange(source.count, dtype="int32")[:, None, None] * source.total
    at = first + source.start + row * ops.cast(width, "int32") + column
    pixels = ops.take(source.pixels, at, axis=0)
    if constants["fill_mode"] != "constant":
        return pixels
    within = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return ops.where(within[..., None], pixels, constants["fill_value"])


def _inside(ops, at, side, fill_mode):
    """Return whole float coordinates, those outside moved to what is shown there."""
    if fill_mode == "wrap":
        at = _remainder(ops, at, side)
    elif fill_mode == "reflect":
        at = _remainder(ops, at, 2 * side)
        at = ops.minimum(at, 2 * side - 1 - at)
    return ops.minimum(ops.maximum(at, 0), side - 1)


def _remainder(ops, whole, divisor):
    """Return the remainder, at least 0; half a unit keeps rounding from mattering."""
    return whole - divisor * ops.floor((whole + 0.5) * (1 / divisor))


WARP = Part("warp", Warp, opencv_warp.warp, _on_device)
