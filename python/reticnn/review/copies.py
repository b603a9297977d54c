"""Find images that are copies of others, exactly or nearly, without comparing all.

A perceptual hash of each image, of its views that a slight crop would leave, and of
their mirror images gives candidates: pairs with equal parts of their hashes. Candidates
are compared pixel by pixel, after the crop between them has been found.
"""

from typing import NamedTuple

import numpy as np

from reticnn.review.image_measures import GREY_WEIGHTS, SIDE
from reticnn.runtime.randomness import generator

# Frequencies each way that a hash is made of.
_FREQUENCIES = 8
_BITS = 64

# Parts of the hash, at random, of which a pair must have an equal one.
_TABLES = 16

# Where very many images have an equal part, each is compared with so many of them.
_NEIGHBOURS = 8

# Each is compared by its pixels with so many of them.
_BEST = 6

# In a direction in which the structure of the images varies less, copies vary as much.
_LEAST_SPREAD = 0.02

# Bits of 64 in which the hashes of a pair may differ, and the share of their coarse
# structure.
_MOST_BITS = 13
_MOST_COARSE = 0.15

# An image that has found enough others of the same coarse structure needs no more.
_SAME_COARSE = 0.01

# The share of the variance that near copies may not have in common when one is cropped
# and brightened as the other is. It counts the more, the less of their finest details
# are the same: similar images may share the shapes, copies share the grain.
_MOST_ALIGNED = 0.15
_DETAILS_COUNT = 6

_AT_ONCE = 256

# Thumbnails that vary less than this show nothing to recognise.
_PLAIN = 3

# The smallest part of an image's width or height that a crop may leave.
_SMALLEST_CROP = 0.85


class Pairs(NamedTuple):
    """Pairs of images, `first` < `second`, that are near copies.

    `difference` is the share of the variance of the pixels that differs between the
    images as they are; or, if less, the share that differs after cropping and
    brightening, times 6 times the share of the finest details that does.
    `is_mirrored` says whether one is the mirror image of the other.
    """

    first: np.ndarray
    second: np.ndarray
    difference: np.ndarray
    is_mirrored: np.ndarray


def near_copies(measured, most, report):
    """Return the `Pairs` of near copies.

    Args:
        measured: `ImageMeasures`.
        most: Float, the largest difference of a near copy.
        report: Function to call as each step of the search is done.
    """
    thumbs = measured.thumbs(np.arange(len(measured.hashes)))
    clear = np.flatnonzero(thumbs.std(axis=(1, 2, 3)) >= _PLAIN)
    # Of the same pixels one is enough.
    _, first = np.unique(measured.hashes[clear], return_index=True)
    own = clear[np.sort(first)]
    if len(own) < 2:
        return _pairs(np.empty((4, 0)))
    thumbs = thumbs[own]
    one, other, view = _candidates(thumbs, report)
    found = []
    for start in range(0, len(one), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        difference = _differences(thumbs, one[some], other[some], view[some])
        is_near = difference <= most
        found.append(
            np.stack(
                [
                    np.minimum(own[one[some]], own[other[some]]),
                    np.maximum(own[one[some]], own[other[some]]),
                    difference,
                    view[some] % 2,
                ]
            )[:, is_near]
        )
    return _pairs(np.concatenate([np.empty((4, 0)), *found], axis=1))


def steps_of_search():
    """Return how often `near_copies` reports."""
    return _TABLES


def _pairs(rows):
    """Return `Pairs`, of each pair the way in which it differs least."""
    rows = rows[:, np.lexsort((rows[2], rows[1], rows[0]))]
    is_first = np.ones(rows.shape[1], bool)
    is_first[1:] = (np.diff(rows[:2], axis=1) != 0).any(axis=0)
    first, second, difference, mirrored = rows[:, is_first]
    return Pairs(first.astype(int), second.astype(int), difference, mirrored > 0)


# Candidates


def _windows():
    """Return the views of an image that a slight crop may leave: x, y, width, height.

    All are shares of the image's sides.
    """
    views = [(0, 0, 1, 1)]
    for side in (0.95, 0.9):
        rest = 1 - side
        views.append((rest / 2, rest / 2, side, side))
        views += [(x, y, side, side) for x in (0, rest) for y in (0, rest)]
    return np.array(views, np.float32)


def _candidates(thumbs, report):
    """Return (one, other, view): pairs of which a view of one may be the other."""
    base = _structure(thumbs, _windows()[0])
    project, middle = _hash_of(base)
    own_bits = _packed(base @ project > middle)
    views = [_structure(thumbs, window) for window in _windows()]
    # Mirroring turns the sign of every other frequency.
    views = [view * sign for view in views for sign in (1, _mirrored(thumbs.shape[3]))]
    views = [(view, _packed(view @ project > middle)) for view in views]
    rng = generator(0)
    found = [np.empty((4, 0))]
    asking = np.arange(len(thumbs))
    for table in range(_TABLES):
        mask = _telling_part(own_bits, rng.permutation(_BITS))
        for number, (view, bits) in enumerate(views):
            one, other = _with_equal_part(asking, bits, own_bits, mask)
            is_near = _set_bits(bits[one] ^ own_bits[other]) <= _MOST_BITS
            one, other = one[is_near], other[is_near]
            coarse = 1 - np.einsum("nd,nd->n", view[one], base[other]) ** 2
            numbers = np.full(len(one), number)
            rows = np.stack([one, other, numbers, coarse])
            found.append(rows[:, coarse <= _MOST_COARSE])
            if number == 0:
                close = np.bincount(one[coarse <= _SAME_COARSE], minlength=len(thumbs))
                asking = asking[close[asking] < _BEST]
        found = [_best_of(np.concatenate(found, axis=1))]
        report(table + 1)
    one, other, view, _ = found[0]
    return one.astype(int), other.astype(int), view.astype(int)


def _best_of(rows):
    """Return of each pair its best view, and of each image its best pairs."""
    rows = rows[:, np.lexsort((rows[3], rows[1], rows[0]))]
    is_best = np.ones(rows.shape[1], bool)
    is_best[1:] = (np.diff(rows[:2], axis=1) != 0).any(axis=0)
    rows = rows[:, is_best]
    rows = rows[:, np.lexsort((rows[3], rows[0]))]
    _, start, counts = np.unique(rows[0], return_index=True, return_counts=True)
    rank = np.arange(rows.shape[1]) - np.repeat(start, counts)
    return rows[:, rank < _BEST]


def _structure(thumbs, window):
    """Return the low frequencies of the views of images, as vectors of length 1.

    They do not change where all of an image gets brighter, or its contrast higher.
    """
    x, y, width, height = window
    waves = _waves()
    down = waves @ _sampling(y[None], height[None])[0]
    across = waves @ _sampling(x[None], width[None])[0]
    found = np.einsum("ky,nyxc,lx->nklc", down, thumbs, across, optimize=True)
    # What all channels have in common is the brightness of the whole.
    found[:, 0, 0] -= found[:, 0, 0].mean(axis=1, keepdims=True)
    return _unit(found)


def _mirrored(channels):
    sign = np.where(np.arange(_FREQUENCIES) % 2, -1, 1).astype(np.float32)
    return np.tile(np.repeat(sign, channels), _FREQUENCIES)


def _waves():
    places = (np.arange(SIDE) + 0.5) / SIDE
    waves = np.cos(np.pi * np.arange(_FREQUENCIES)[:, None] * places)
    waves /= np.linalg.norm(waves, axis=1, keepdims=True)
    return waves.astype(np.float32)


def _hash_of(structure):
    """Return how structures become bits: a matrix to project with, and thresholds.

    The directions are those in which the data vary most, of equal importance each, and
    each bit is set in half of the images: so bits tell images apart in any data. In
    other directions copies vary as well.
    """
    sample = structure[:: max(1, len(structure) // 20_000)]
    _, scales, directions = np.linalg.svd(sample - sample.mean(axis=0), False)
    scales = scales[:_BITS] / np.sqrt(len(sample))
    kept = scales > _LEAST_SPREAD
    weights = directions[:_BITS][kept].T / scales[kept]
    # Mixed, as sure directions and unsure ones would make sure and unsure bits.
    mix = generator(1).standard_normal((_BITS, _BITS))[: kept.sum()]
    project = (weights @ mix).astype(np.float32)
    return project, np.median(sample @ project, axis=0)


def _packed(bits):
    """Return rows of up to 64 bits as numbers."""
    places = np.uint64(1) << np.arange(bits.shape[1], dtype=np.uint64)
    return (bits * places).sum(axis=1, dtype=np.uint64)


def _telling_part(hashes, order):
    """Return a mask of as many bits as leave few images with equal ones."""
    for size in range(8, _BITS + 1, 4):
        mask = _packed(np.isin(np.arange(_BITS), order[:size])[None])[0]
        _, counts = np.unique(hashes & mask, return_counts=True)
        if (counts * (counts - 1)).sum() <= len(hashes):
            break
    return mask


def _set_bits(numbers):
    """Return how many bits are set in each number."""
    octets = numbers.view(np.uint8).reshape(len(numbers), 8)
    return _SET_IN_OCTET[octets].sum(axis=1)


_SET_IN_OCTET = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(
    axis=1, dtype=np.uint8
)


def _with_equal_part(asking, bits, base, mask):
    """Return (one, other): images in `bits` and `base` whose masked bits are equal.

    Only some images, `asking`, are looked up.

    Of many that are, each is given those that come next in the order of the images.
    """
    count = len(base)
    room = np.uint64(max(1, int(count - 1).bit_length()))
    numbers = np.arange(count, dtype=np.uint64)
    # Multiplying spreads the masked bits over those that leave room for the number.
    factor = np.uint64(0x9E3779B97F4A7C15)

    def keys(hashes):
        return ((hashes & mask) * factor) >> room << room

    ordered = np.sort(keys(base) | numbers)
    every = (np.uint64(1) << room) - np.uint64(1)
    asked = keys(bits[asking])
    here = np.searchsorted(ordered, asked | numbers[asking])
    first = np.searchsorted(ordered, asked)
    last = np.searchsorted(ordered, asked | every, side="right")
    first = np.maximum(first, here - _NEIGHBOURS)
    counts = np.minimum(last, here + _NEIGHBOURS + 1) - first
    one = np.repeat(asking, counts)
    place = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    other = ordered[np.repeat(first, counts) + place]
    other = (other & every).astype(int)
    differ = one != other
    return one[differ], other[differ]


# Comparison


def _differences(thumbs, one, other, view):
    """Return the differences of pairs of images, see `Pairs`."""
    images, others, window = _facing(thumbs, one, other, view)
    difference = _plain_difference(images, others)
    # Most are found to be no copies before the crop between them is known well.
    for steps, most in ((1, 2 * _MOST_ALIGNED), (2, _MOST_ALIGNED)):
        aligned, window = _aligned(_grey(images), _grey(others), window, steps)
        kept = np.flatnonzero(aligned <= most)
        if not len(kept):
            return difference
        images, others, window = images[kept], others[kept], window[kept]
        one = kept if steps == 1 else one[kept]
    seen = np.stack([_seen(colour, window) for colour in np.moveaxis(images, 3, 0)], 3)
    apart = 1 - np.maximum(0, _likeness(seen, others)) ** 2
    details = 1 - _likeness(_details(seen), _details(others))
    apart = np.where(apart <= _MOST_ALIGNED, _DETAILS_COUNT * apart * details, 1)
    difference[one] = np.minimum(difference[one], apart)
    return difference


def _facing(thumbs, one, other, view):
    """Return images, mirrored where their view is, the others, and their windows."""
    mirrored = view % 2 == 1
    window = _windows()[view // 2]
    window[mirrored, 0] = 1 - window[mirrored, 0] - window[mirrored, 2]
    images = thumbs[one]
    images[mirrored] = images[mirrored][:, :, ::-1]
    return images, thumbs[other], window


def _plain_difference(images, others):
    """Return the share of the variance by which images differ just as they are."""
    off = ((images - others) ** 2).reshape(len(images), -1).sum(axis=1)
    return off / np.maximum((_centred(others) ** 2).sum(axis=1), 1e-6)


def _details(images):
    """Return what is finer than the shapes in images, edges no stronger than grain."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    near = sum(
        padded[:, y : y + SIDE, x : x + SIDE] for y in range(3) for x in range(3)
    )
    fine = (images - near / 9).reshape(len(images), -1)
    scale = np.median(np.abs(fine), axis=1, keepdims=True)
    return np.tanh(fine / np.maximum(scale, 1e-3))


def _likeness(images, others):
    """Return the correlations of images with others."""
    return (_unit(_centred(images)) * _unit(_centred(others))).sum(axis=1)


def _grey(images):
    return images @ GREY_WEIGHTS if images.shape[3] == 3 else images[..., 0]


def _aligned(grey, others, window, steps):
    """Return how unlike images and others are, and the windows that make them alike.

    The windows are improved by Gauss and Newton's method, whose derivatives are
    differences here.

    Args:
        grey: Array, (n, 32, 32).
        others: Array, (n, 32, 32).
        window: Array, (n, 4), where to begin.
        steps: How often the windows are improved.
    """
    step = np.float32(0.25 / SIDE)
    units = np.eye(4, dtype=np.float32)
    wanted = _unit(_centred(others))
    best, seen = window, _unit(_centred(_seen(grey, window)))
    highest = (seen * wanted).sum(axis=1)
    for _ in range(steps):
        slopes = [
            (_unit(_centred(_seen(grey, window + step * unit))) - seen) / step
            for unit in units
        ]
        slopes = np.stack(slopes, axis=1)
        squares = slopes @ slopes.transpose(0, 2, 1)
        size = np.trace(squares, axis1=1, axis2=2)[:, None, None] + 1e-6
        ascent = slopes @ (wanted - seen)[..., None]
        change = np.linalg.solve(squares + 1e-3 * size * units, ascent)[..., 0]
        window = _inside(window + np.clip(change, -0.05, 0.05))
        seen = _unit(_centred(_seen(grey, window)))
        likeness = (seen * wanted).sum(axis=1)
        best = np.where((likeness > highest)[:, None], window, best)
        highest = np.maximum(likeness, highest)
    return 1 - np.maximum(0, highest) ** 2, best


def _inside(window):
    """Return windows that are within the image, and no smaller than a slight crop."""
    size = np.clip(window[:, 2:], _SMALLEST_CROP, 1)
    return np.concatenate([np.clip(window[:, :2], 0, 1 - size), size], axis=1)


def _seen(grey, window):
    """Return what is seen of images, (n, 32, 32), through windows, at their size."""
    across = _sampling(window[:, 0], window[:, 2])
    down = _sampling(window[:, 1], window[:, 3])
    return down @ grey @ across.transpose(0, 2, 1)


def _sampling(start, length):
    """Return matrices, (n, 32, 32), that interpolate at 32 places of a range.

    Args:
        start: Array, where each range begins, as a share of the side.
        length: Array, the length of each, likewise.
    """
    pixels = np.arange(SIDE, dtype=np.float32)
    places = start[:, None] * SIDE + length[:, None] * (pixels + 0.5) - 0.5
    places = np.clip(places, 0, SIDE - 1)[:, :, None]
    return np.maximum(0, 1 - np.abs(places - pixels))


def _centred(images):
    """Return images as rows with mean 0."""
    rows = images.reshape(len(images), -1)
    return rows - rows.mean(axis=1, keepdims=True)


def _unit(values):
    """Return arrays as rows of length 1, or of 0 if they are 0."""
    rows = values.reshape(len(values), -1)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
