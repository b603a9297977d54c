"""A window that slides over an image, as a drawing."""

import numpy as np

from reticnn.coercion import as_int
from reticnn.plots.checked_table import check_table
from reticnn.plots.figures import figure_of_scene
from reticnn.plots.scenes import (
    BLUE,
    LINE,
    ORANGE,
    PALE,
    box,
    cells,
    colours_of_values,
    picture,
    scene,
    short,
    tables_of,
    text,
)

# Pixels: of the whole, of the image, of the kernel and of the result, and above them.
_WIDTH, _IMAGE, _KERNEL, _RESULT, _TOP = 480, 216, 62, 140, 34

# With more cells on a side, numbers in them cannot be read.
_MOST_CELLS = 12

_MOST_TERMS = 9

_WORDS = {"max": "max pooling", "average": "average pooling"}


def plot_window(window, step=None):
    """Draw a step of a window that slides over an image.

    Args:
        window: What `sliding_window` or `layer_window` returned.
        step: Whole number of the step, counted from 1, or None for the middle one.
            Default None.

    Returns:
        `matplotlib.figure.Figure`: the image with the rows and columns that are added
        around it and the window, the weights of the kernel, the result up to this
        step, and how it is computed. Numbers are written where there is room.
        `save_animation` makes a film of all steps.

    Raises:
        TypeError: If `window` does not come from one of these functions.
        ValueError: If there is no such step.
        ImportError: If matplotlib is not installed.

    Example:
        >>> plot_window(sliding_window(5, 3, padding="same")).savefig("step.png")
    """
    return figure_of_scene(scene_of_window(window, step))


def drawing_of_window(window, step=None):
    """Return the shapes of `plot_window`, as R draws them."""
    drawn = scene_of_window(window, step)
    return {**drawn, "frames": [tables_of(frame) for frame in drawn["frames"]]}


def scene_of_window(window, step=None):
    """Return the scene of one step."""
    check_table(window, "window", "sliding_window", ("steps", "windows", "padding"))
    count = len(window["steps"]["step"])
    at = _middle(window["result"]) if step is None else as_int(step, "step") - 1
    if at >= count:
        raise ValueError(
            f"`step` must be at most {count}, the last step, not {at + 1}."
        )
    return _scene(window, [at])


def _middle(result):
    height, width = np.shape(result)
    return (height - 1) // 2 * width + (width - 1) // 2


def scene_of_steps(window, most):
    """Return the scene of all steps, or of so many that are spread over them."""
    count = len(window["steps"]["step"])
    return _scene(window, np.unique(np.linspace(0, count - 1, most).astype(int)))


def _scene(window, steps):
    drawing = _Drawing(window)
    frames = [drawing.frame(int(at)) for at in steps]
    return scene(_WIDTH, drawing.height, frames, min(1.0, max(0.25, 12 / len(frames))))


class _Drawing:
    """Where everything is."""

    def __init__(self, window):
        self.window = window
        self.pixels = np.asarray(window["image"], "float64")
        self.kernel = window["kernel"]
        self.result = np.asarray(window["result"], "float64")
        around = window["padding"]
        self.before = int(around["top"]), int(around["left"])
        behind = int(around["bottom"]), int(around["right"])
        inside = self.pixels.shape[:2]
        self.sides = [sum(of) for of in zip(self.before, inside, behind, strict=True)]
        self.cell = min(_IMAGE / max(self.sides), 34)
        self.result_cell = min(_RESULT / max(self.result.shape), self.cell * 1.2, 34)
        self.has_numbers = max(self.sides) <= _MOST_CELLS and self.pixels.shape[2] == 1
        tallest = max(
            self.sides[0] * self.cell, self.result.shape[0] * self.result_cell
        )
        self.middle = _TOP + tallest / 2
        self.height = _TOP + tallest + 62
        self.x = (_IMAGE - self.sides[1] * self.cell) / 2 + 6
        self.y = self.middle - self.sides[0] * self.cell / 2
        width = self.result.shape[1] * self.result_cell
        self.result_x = _WIDTH - 6 - (_RESULT + width) / 2
        self.result_y = self.middle - self.result.shape[0] * self.result_cell / 2
        self._fixed = [
            box(0, 0, _WIDTH, self.height, fill="#FFFFFF"),
            *self._titles(),
            *self._image(),
            *self._shown_kernel(),
        ]

    def frame(self, at):
        """Return the shapes of a step."""
        return [*self._fixed, *self._result(at), *self._window(at), *self._sum(at)]

    def _titles(self):
        height, width, channels = self.pixels.shape
        size = _size(height, width) + (f" \u00d7 {channels}" if channels > 1 else "")
        name = "feature map" if self.window["layer"] and channels != 3 else "image"
        result = _size(*self.result.shape)
        places = (
            (6 + _IMAGE / 2, f"{name} {size}"),
            (_WIDTH - 6 - _RESULT / 2, f"result {result}"),
        )
        return [text(x, 14, words, size=14, bold=True) for x, words in places]

    def _image(self):
        height, width, _ = self.pixels.shape
        rows, columns = self.sides
        shapes = []
        if (rows, columns) != (height, width):
            shapes.append(self._cells_box(0, 0, rows, columns, fill="#EBEBEB"))
        top, left = self.before
        x, y = self.x + left * self.cell, self.y + top * self.cell
        if not self.has_numbers:
            size = width * self.cell, height * self.cell
            return [*shapes, picture(x, y, *size, _shown(self.pixels))]
        if shapes and self.window["kind"] == "convolution":
            zeros = np.zeros((rows, columns))
            zeros[top : top + height, left : left + width] = np.nan
            grey = np.full((rows, columns, 3), 235)
            shapes = cells(self.x, self.y, self.cell, zeros, grey)
        values = self.pixels[..., 0]
        return [*shapes, *cells(x, y, self.cell, values, colours_of_values(values))]

    def _shown_kernel(self):
        middle = 6 + _IMAGE + (_WIDTH - 12 - _IMAGE - _RESULT) / 2
        arrow = text(middle, self.middle + 52, "\u2192", size=24, colour=PALE)
        if self.kernel is None:
            words = _WORDS[self.window["kind"]].split()
            return [
                text(middle, self.middle - 9 + 18 * at, word, colour=PALE)
                for at, word in enumerate(words)
            ] + [arrow]
        weights = np.asarray(self.kernel, "float64")
        shown = weights.mean(axis=2)
        side = min(_KERNEL / max(shown.shape), 22)
        x = middle - shown.shape[1] * side / 2
        y = self.middle - shown.shape[0] * side / 2
        few = weights.shape[2] == 1 and max(shown.shape) <= 4
        shapes = cells(x, y, side, shown, colours_of_values(shown), numbers=few)
        around = box(
            *(x, y, shown.shape[1] * side, shown.shape[0] * side),
            line=ORANGE,
            thick=2,
        )
        return [*shapes, around, text(middle, y - 14, "kernel", colour=PALE), arrow]

    def _result(self, at):
        height, width = self.result.shape
        colours = colours_of_values(self.result)
        x, y, side = self.result_x, self.result_y, self.result_cell
        row, column = divmod(at, width)
        around = box(x, y, width * side, height * side, line=LINE)
        if max(height, width) > _MOST_CELLS:
            size = width * side, height * side
            below = y + (row + 1) * side
            behind = x + (column + 1) * side
            shapes = [
                picture(x, y, *size, colours),
                box(x, below, size[0], y + size[1] - below, fill="#FFFFFF"),
                box(behind, below - side, x + size[0] - behind, side, fill="#FFFFFF"),
                around,
            ]
        else:
            shapes = [around]
            for step in range(at + 1):
                place = divmod(step, width)
                left, top = x + place[1] * side, y + place[0] * side
                one = self.result[place].reshape(1, 1)
                colour = colours[place].reshape(1, 1, 3)
                numbers = self.has_numbers
                shapes += cells(left, top, side, one, colour, numbers=numbers)
        thick = 3 if side > 8 else 2
        shown = max(side, 4)
        shapes.append(
            box(
                *(x + column * side, y + row * side, shown, shown),
                line=ORANGE,
                thick=thick,
            )
        )
        return shapes

    def _window(self, at):
        steps = self.window["steps"]
        top, left = (
            int(steps[name][at]) + before
            for name, before in zip(("top", "left"), self.before, strict=True)
        )
        height, width = np.asarray(self.window["windows"]).shape[1:3]
        down, right = (int(rate) for rate in self.window["dilation_rate"])
        if (down, right) == (1, 1):
            return [self._cells_box(top, left, height, width, line=ORANGE, thick=3)]
        return [
            self._cells_box(
                *(top + row * down, left + column * right, 1, 1), line=ORANGE, thick=3
            )
            for row in range(height)
            for column in range(width)
        ]

    def _cells_box(self, row, column, height, width, **look):
        x, y = self.x + column * self.cell, self.y + row * self.cell
        return box(x, y, width * self.cell, height * self.cell, **look)

    def _sum(self, at):
        """Return how the result of a step is computed, in one or two lines."""
        values = np.asarray(self.window["windows"], "float64")[at].ravel()
        lines = _lines(self.window, values)
        result = short(float(np.asarray(self.window["steps"]["result"])[at]))
        lines[-1] += f" = {result}"
        y = self.height - (42 if len(lines) > 1 else 32)
        size = 14 if max(map(len, lines)) < 52 else 12
        return [
            text(_WIDTH / 2, y + 20 * number, line, size=size, colour=BLUE)
            for number, line in enumerate(lines)
        ]


def _lines(window, values):
    """Return the computation of a step in words, without its result."""
    name = {"max": "largest", "average": "mean"}.get(window["kind"])
    known = values[np.isfinite(values)]
    if name:
        few = len(known) <= _MOST_TERMS
        return [f"{name} of {', '.join(map(short, known)) if few else len(known)}"]
    weights = np.asarray(window["kernel"], "float64").ravel()
    if len(values) > _MOST_TERMS:
        behind = " + bias" if window["bias"] else ""
        activation = window["activation"]
        words = f"sum of {len(values)} products{behind}"
        return [f"{activation}({words})" if activation else words]
    if (weights == 1).all():
        terms = [short(value) for value in values]
    else:
        terms = [
            f"{_factor(weight)}\u00b7{_factor(value)}"
            for weight, value in zip(weights, values, strict=True)
            if weight != 0
        ] or ["0"]
    if window["bias"]:
        terms.append(_factor(window["bias"]))
    half = len(terms) if len(" + ".join(terms)) < 56 else (len(terms) + 1) // 2
    lines = [" + ".join(terms[:half]), " + ".join(terms[half:])]
    lines = [line for line in lines if line]
    if window["activation"]:
        lines = [f"{window['activation']}({lines[0]}", *lines[1:]]
        lines[-1] += ")"
    return [lines[0] + (" +" if len(lines) > 1 else ""), *lines[1:]]


def _factor(value):
    return f"({short(value)})" if value < 0 else short(value)


def _size(*sides):
    return " \u00d7 ".join(map(str, sides))


def _shown(pixels):
    """Return what goes into a window as a picture."""
    if pixels.shape[2] != 3:
        return colours_of_values(pixels.mean(axis=2), 1.0)
    low, high = pixels.min(), pixels.max()
    return np.rint(255 * (pixels - low) / max(high - low, 1e-12)).astype("uint8")
