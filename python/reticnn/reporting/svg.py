"""Charts as SVG within a page, drawn in the colours of the page."""

import math

import numpy as np

from reticnn.reporting.markup import counted, number, percent, tag

# Units of the drawing, which is scaled to the available width.
_WIDTH, _HEIGHT = 420, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 54, 410, 12, 212

# More would be a thick line.
_MOST_POINTS = 60


class _Scale:
    """A map from values to positions along an axis."""

    def __init__(self, low, high, start, end):
        self.low, self.high = low, high
        self._start, self._end = start, end

    def __call__(self, value):
        share = (value - self.low) / (self.high - self.low)
        return round(self._start + share * (self._end - self._start), 2)


def line_chart(title, epochs, lines, stages=()):
    """Return a chart of metrics over the epochs.

    Args:
        title: What is drawn, for those who cannot see it.
        epochs: The epochs' numbers.
        lines: Dict of lists of values by `"training"` and `"validation"`.
        stages: Epochs at which a new stage of training began.
    """
    values = [value for line in lines.values() for value in line]
    ticks = _ticks([value for value in values if math.isfinite(value)])
    x = _Scale(epochs[0] - 0.5, epochs[-1] + 0.5, _LEFT, _RIGHT)
    y = _Scale(ticks[0], ticks[-1], _BOTTOM, _TOP)
    starts = [x(stage - 0.5) for stage in stages]
    return _drawing(
        title,
        *_horizontal_grid(y, ticks, _decimals(ticks)),
        *_bottom_labels(x, _epoch_ticks(epochs), 0, "Epoch"),
        *(_line(start, start, _TOP, _BOTTOM, "stage") for start in starts),
        *(_curve(x, y, epochs, line, name) for name, line in lines.items()),
        *_readings(x, "Epoch", epochs, lines),
    )


def search_chart(title, trials, values, best):
    """Return a chart of the trials of a search, and of the best until each.

    Args:
        title: What is drawn, for those who cannot see it.
        trials: Numbers of the trials.
        values: What each of them reached.
        best: The best until then.
    """
    ticks = _ticks(values)
    x = _Scale(trials[0] - 0.5, trials[-1] + 0.5, _LEFT, _RIGHT)
    y = _Scale(ticks[0], ticks[-1], _BOTTOM, _TOP)
    steps = f"M{x(trials[0])} {y(best[0])}"
    for trial, value in zip(trials[1:], best[1:], strict=True):
        steps += f"H{x(trial)}V{y(value)}"
    numbers = list(range(trials[0], trials[-1] + 1))
    lines = {"trial": values, "best": best}
    return _drawing(
        title,
        *_horizontal_grid(y, ticks, _decimals(ticks)),
        *_bottom_labels(x, _epoch_ticks(numbers), 0, "Trial"),
        tag("path", d=steps, class_="curve validation"),
        *(_dot(x(t), y(v), "training") for t, v in zip(trials, values, strict=True)),
        *_readings(x, "Trial", trials, lines),
    )


def reliability_chart(title, bins):
    """Return a chart of accuracy by the highest probability.

    Args:
        title: What is drawn, for those who cannot see it.
        bins: What `reticnn.evaluation.calibration.calibration` returns.
    """
    edges = np.linspace(0, 1, len(bins["n"]) + 1)
    filled = np.flatnonzero(bins["n"])
    low = min(0.5, edges[filled[0]])
    x = _Scale(low, 1, _LEFT, _RIGHT)
    y = _Scale(0, 1, _BOTTOM, _TOP)
    bars, dots, readings = [], [], []
    for index in filled:
        n, probability, accuracy = (bins[key][index] for key in bins)
        left, right = (x(max(low, edges[index + side])) for side in (0, 1))
        bars.append(_bar(left + 1, right - 1, y(accuracy), _BOTTOM))
        if math.isfinite(probability):
            dots.append(_dot(x(probability), y(accuracy), "mean"))
        text = (
            f"{counted(n, 'image')} with mean probability {percent(probability)}: "
            f"{percent(accuracy)} correct"
        )
        readings.append(_reading(left, right, text))
    tenths = np.linspace(0, 1, 11)
    return _drawing(
        title,
        *_horizontal_grid(y, tenths[::2], 1),
        *_bottom_labels(x, tenths[tenths >= low], 1, "Highest probability"),
        *bars,
        _line(x(low), x(1), y(low), y(1), "ideal"),
        *dots,
        *readings,
    )


def _drawing(title, *shapes):
    return tag(
        "svg",
        *shapes,
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        role="img",
        aria_label=title,
        class_="chart",
    )


def _ticks(values):
    """Return round numbers, evenly spaced, from below the lowest to above the highest.

    A metric that does not change gets room on both sides.
    """
    low, high = min(values), max(values)
    if high - low < 1e-6 * max(1, abs(high)):
        low, high = low - 0.05 * max(1, abs(low)), high + 0.05 * max(1, abs(high))
    rough = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * size for size in (1, 2, 2.5, 5, 10) if power * size >= rough)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [step * multiple for multiple in range(first, last + 1)]


def _decimals(ticks):
    """Return how many decimals distinguish the ticks."""
    step = ticks[1] - ticks[0]
    return next(
        count for count in range(20) if abs(step - round(step, count)) < step / 1000
    )


def _epoch_ticks(epochs):
    """Return up to eight whole numbers of epochs, evenly spaced."""
    rough = len(epochs) / 8
    power = 10 ** max(0, math.floor(math.log10(rough)))
    step = next(power * size for size in (1, 2, 5, 10) if power * size >= rough)
    return [epoch for epoch in epochs if epoch % step == 0] or [epochs[0]]


def _horizontal_grid(y, ticks, decimals):
    for tick in ticks:
        yield _line(_LEFT, _RIGHT, y(tick), y(tick), "grid")
        yield _text(_LEFT - 6, y(tick) + 4, number(tick, decimals), anchor="end")


def _bottom_labels(x, ticks, decimals, name):
    for tick in ticks:
        yield _text(x(tick), _BOTTOM + 16, number(tick, decimals), anchor="middle")
    yield _text((_LEFT + _RIGHT) / 2, _HEIGHT - 4, name, anchor="middle")


def _curve(x, y, epochs, values, name):
    """Return the line through the values, interrupted where one is missing."""
    points = [
        (x(epoch), y(value)) if math.isfinite(value) else None
        for epoch, value in zip(epochs, values, strict=True)
    ]
    steps, pen = [], "M"
    for point in points:
        if point:
            steps.append(f"{pen}{point[0]} {point[1]}")
        pen = "L" if point else "M"
    dots = [_dot(*point, name) for point in points if point]
    return tag(
        "g",
        tag("path", d=" ".join(steps), class_=f"curve {name}"),
        *(dots if len(points) <= _MOST_POINTS else []),
    )


def _readings(x, what, places, lines):
    """Yield an area over each epoch, or trial, with its values as text."""
    for index, place in enumerate(places):
        values = ", ".join(
            f"{name} {number(line[index], 4)}" for name, line in lines.items()
        )
        yield _reading(x(place - 0.5), x(place + 0.5), f"{what} {place}: {values}")


def _reading(left, right, text):
    """Return an invisible area that describes what is drawn there."""
    return tag(
        "rect",
        tag("title", text),
        x=left,
        y=_TOP,
        width=round(right - left, 2),
        height=_BOTTOM - _TOP,
        class_="reading",
    )


def _bar(left, right, top, bottom):
    return tag(
        "rect",
        x=round(left, 2),
        y=top,
        width=round(right - left, 2),
        height=round(bottom - top, 2),
        class_="bar",
    )


def _line(x1, x2, y1, y2, kind):
    return tag("line", x1=x1, x2=x2, y1=y1, y2=y2, class_=kind)


def _dot(x, y, kind):
    return tag("circle", cx=x, cy=y, r=3, class_=f"dot {kind}")


def _text(x, y, text, anchor):
    return tag("text", text, x=x, y=y, text_anchor=anchor)
