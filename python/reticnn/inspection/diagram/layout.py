"""Where boxes and arrows of a diagram stand.

Lengths are in heights of a box; y goes up, and (0, 0) is the lower left corner.
"""

import math
from dataclasses import dataclass, field
from itertools import pairwise

WIDTH, HEIGHT = 3.6, 1.0
_BELOW = 0.45  # Between a box and the next one below.
_BESIDE = 0.35  # Between branches.
_LANE = 0.5  # An arrow that passes boxes.
_GUTTER = 0.9  # Between columns.
_SLIDE = 16 / 9


@dataclass
class Layout:
    """Centres of boxes, (x, y); arrows as lists of points; the size."""

    centres: list
    arrows: list
    width: float
    height: float


@dataclass
class _Item:
    """A box, or where an arrow passes by one row's boxes (box None)."""

    box: int | None
    before: list = field(default_factory=list)
    x: float = 0.0

    @property
    def width(self):
        """Room that it takes."""
        return _LANE if self.box is None else WIDTH


def laid_out(sources, columns=None):
    """Return a layout in which arrows go down, in as many columns as suit a slide.

    Args:
        sources: One set per box, the indices of the boxes before it.
        columns: In about how many columns instead. Default None.
    """
    rows, tails = _rows(sources)
    for row in rows:
        _spread(row)
    bounds = [_bounds(row) for row in rows]
    breakable = [_is_breakable(rows, number) for number in range(len(rows))]
    counts = range(1, 7) if columns is None else [columns]
    options = {tuple(_columns(breakable, count)) for count in counts}
    starts = min(options, key=lambda starts: _misfit(starts, bounds))
    return _placed(rows, bounds, starts, tails, len(sources))


def _rows(sources):
    """Return rows of items, and for each box the items where its arrows end."""
    ranks = []
    for before in sources:
        ranks.append(1 + max((ranks[source] for source in before), default=-1))
    rows = [[] for _ in range(max(ranks) + 1)]
    lanes = {}  # The latest item of each box's output: itself, or a lane beside others.
    last_use = {}
    for box, before in enumerate(sources):
        for source in before:
            last_use[source] = max(last_use.get(source, 0), ranks[box])
    tails = {}
    for rank, row in enumerate(rows):
        used = {}
        for box in (box for box, at in enumerate(ranks) if at == rank):
            item = _Item(box, [lanes[source] for source in sorted(sources[box])])
            row.append(item)
            used[box] = item
            tails[box] = item
        for source, item in list(lanes.items()):
            if last_use.get(source, 0) > rank:
                lanes[source] = _Item(None, [item])
                row.append(lanes[source])
        lanes |= used
    return rows, tails


def _spread(row):
    """Set x of a row's items near what they come from, side by side."""
    wanted = [
        sum(item.x for item in entry.before) / max(1, len(entry.before))
        for entry in row
    ]
    order = sorted(range(len(row)), key=lambda at: wanted[at])
    edge = -math.inf
    for at in order:
        item = row[at]
        item.x = max(wanted[at], edge + item.width / 2)
        edge = item.x + item.width / 2 + _BESIDE
    shift = sum(wanted) / len(row) - sum(item.x for item in row) / len(row)
    for item in row:
        item.x += shift


def _bounds(row):
    left = min(item.x - item.width / 2 for item in row)
    return left, max(item.x + item.width / 2 for item in row)


def _is_breakable(rows, number):
    """Return whether a column may begin with a row: with one arrow to one box."""
    if number == 0:
        return False
    return len(rows[number]) == 1 and len(rows[number - 1]) == 1


def _columns(breakable, count):
    """Return the first row of each of about `count` columns of about one height."""
    starts, goal = [0], math.ceil(len(breakable) / count)
    while len(breakable) - starts[-1] > goal:
        possible = [
            row for row in range(starts[-1] + 1, len(breakable)) if breakable[row]
        ]
        if not possible:
            break
        near = [row for row in possible if row <= starts[-1] + goal]
        starts.append(near[-1] if near else possible[0])
    return starts


def _misfit(starts, bounds):
    """Return how far columns are from filling a slide."""
    width = sum(right - left for left, right in _column_bounds(starts, bounds))
    width += _GUTTER * (len(starts) - 1)
    ends = [*starts[1:], len(bounds)]
    tallest = max(end - start for start, end in zip(starts, ends, strict=True))
    shape = abs(math.log(width / (tallest * (HEIGHT + _BELOW)) / _SLIDE))
    # A column of one box beside a long one looks forgotten.
    return shape + 1.5 * math.log(tallest * len(starts) / len(bounds))


def _column_bounds(starts, bounds):
    parts = zip(starts, [*starts[1:], len(bounds)], strict=True)
    return [
        (min(left for left, _ in bounds[a:b]), max(right for _, right in bounds[a:b]))
        for a, b in parts
    ]


def _placed(rows, bounds, starts, tails, count):
    """Return the layout in columns that begin with the rows `starts`."""
    ends = [*starts[1:], len(rows)]
    height = max(b - a for a, b in zip(starts, ends, strict=True)) * (HEIGHT + _BELOW)
    centre_of, column_of, lefts, origin = {}, {}, [], 0.0
    columns = zip(starts, ends, _column_bounds(starts, bounds), strict=True)
    for column, (start, end, (left, right)) in enumerate(columns):
        for number in range(start, end):
            y = height - (number - start + 0.5) * (HEIGHT + _BELOW)
            for item in rows[number]:
                centre_of[id(item)] = (origin + item.x - left, y)
                column_of[id(item)] = column
        lefts.append(origin)
        origin += right - left + _GUTTER
    arrows = []
    for box in range(count):
        end = tails[box]
        for start in end.before:
            crosses = column_of[id(start)] != column_of[id(end)]
            gutter = lefts[column_of[id(end)]] - _GUTTER / 2 if crosses else None
            arrows.append(_arrow(start, end, centre_of, gutter))
    centres = [centre_of[id(tails[box])] for box in range(count)]
    return Layout(centres, arrows, origin - _GUTTER, height)


def _arrow(start, end, centre_of, gutter):
    """Return the points of an arrow, past other boxes and between columns."""
    lanes = []
    while start.box is None:
        lanes.insert(0, start)
        (start,) = start.before
    x, y = centre_of[id(start)]
    to_x, to_y = centre_of[id(end)]
    if gutter is not None:
        low, high = y - (HEIGHT + _BELOW) / 2, to_y + (HEIGHT + _BELOW) / 2
        around = [(x, low), (gutter, low), (gutter, high), (to_x, high)]
        return [(x, y - HEIGHT / 2), *around, (to_x, to_y + HEIGHT / 2)]
    points = [(x, y - HEIGHT / 2)]
    for lane in lanes:
        at, level = centre_of[id(lane)]
        points += [(at, level + HEIGHT / 2), (at, level - HEIGHT / 2)]
    return _in_right_angles([*points, (to_x, to_y + HEIGHT / 2)])


def _in_right_angles(points):
    """Return points with two more where a line would be slanted."""
    result = points[:1]
    for (x, y), (to_x, to_y) in pairwise(points):
        if abs(x - to_x) > 1e-6:
            middle = (y + to_y) / 2
            result += [(x, middle), (to_x, middle)]
        result.append((to_x, to_y))
    return result
