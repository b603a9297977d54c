"""Images in pieces, and what each of them adds to a score."""

import contextlib
import itertools
import math

import numpy as np

from reticnn.explanation.perturbing import Perturbing
from reticnn.runtime.conditions import warn_user
from reticnn.runtime.randomness import generator

# By how much copies count less that lack more of the image, as LIME has it.
_WIDTH = 0.25

# How much more even colour counts than a compact shape, as scikit-image has it.
_COMPACTNESS = 10.0

# What CIELAB has for white.
_LIGHTEST = 100


class OfSuperpixels(Perturbing):
    """Keeps or hides pieces of an image, and finds what each of them adds.

    Attributes:
        pieces: `"SLIC"` or `"a grid"`, how images are divided.
    """

    def __init__(self, network, batch_size, blank, patch_size, samples, seed):
        """Take the number of copies and the seed with which pieces are drawn."""
        super().__init__(network, batch_size, blank, patch_size)
        self._samples, self._seed = samples, seed
        self._slic = _slic_of_skimage()
        self.pieces = "a grid" if self._slic is None else "SLIC"
        self._few = 0

    def warn(self):
        """Warn if there were fewer copies than pieces."""
        if self._few:
            warn_user(
                f"`samples` is {self._samples}, fewer than what is to be found of an "
                f"image with {self._few} superpixels, so maps are a guess among "
                f"many. Give {4 * self._few} or more, or a larger `patch_size`."
            )

    def _maps_of(self, image, blank, signs, values, position):
        labels = self._superpixels(image)
        count = int(labels.max()) + 1
        kept = self._coalitions(count, generator(self._seed, position))
        if len(kept) < min(count + 1, 2**count - 2):
            self._few = max(self._few, count)
        masks = (one[labels] for one in kept)
        scores = [some for _, some in self._scores(image, blank, masks, signs)]
        scores = np.concatenate(scores) if scores else np.zeros((0, len(signs)))
        nothing = [some for _, some in self._scores(image, blank, [0 * labels], signs)]
        if not np.isfinite([*scores.ravel(), *nothing[0][0]]).all():
            return np.full((len(signs), *image.shape[:2]), np.nan)
        added = self._added(kept.astype("float64"), scores, values, nothing[0][0])
        return np.moveaxis(added[labels], -1, 0)

    def _superpixels(self, image):
        """Return the number of each pixel's piece, (height, width), from 0."""
        sides = image.shape[:2]
        patch = self._patch(sides)
        cells = [-(-side // length) for side, length in zip(sides, patch, strict=True)]
        if self._slic is None:
            rows, columns = (
                np.arange(side) * number // side
                for side, number in zip(sides, cells, strict=True)
            )
            return rows[:, None] * cells[1] + columns
        is_colour = image.shape[2] == 3
        labels = self._slic(
            image / 255,
            n_segments=math.prod(cells),
            # Grey stays 0 to 1, where CIELAB has lightness of up to 100.
            compactness=_COMPACTNESS / (1 if is_colour else _LIGHTEST),
            channel_axis=-1,
            convert2lab=is_colour,
            start_label=0,
        )
        return np.unique(labels, return_inverse=True)[1].reshape(sides)

    def _coalitions(self, count, rng):
        """Return which pieces copies keep, bool (copies, count)."""
        raise NotImplementedError

    def _added(self, kept, scores, whole, nothing):
        """Return what each piece adds, (count, targets).

        Args:
            kept: Array (copies, count), 1 where a copy keeps a piece.
            scores: Array (copies, targets).
            whole: Array (targets,), the scores of the image.
            nothing: The same of the blank image.
        """
        raise NotImplementedError


class Lime(OfSuperpixels):
    """A linear model of the score, where copies count by how much they keep."""

    def _coalitions(self, count, rng):
        return rng.random((self._samples, count)) < 0.5

    def _added(self, kept, scores, whole, nothing):
        kept = np.concatenate([kept, np.ones((1, kept.shape[1]))])
        scores = np.concatenate([scores, whole[None]])
        distances = 1 - np.sqrt(kept.mean(axis=1))
        weights = np.exp(-(distances**2) / (2 * _WIDTH**2))[:, None]
        design = np.concatenate([kept, np.ones((len(kept), 1))], axis=1)
        found, *_ = np.linalg.lstsq(weights * design, weights * scores, rcond=None)
        return found[:-1]


class Shap(OfSuperpixels):
    """Shapley values: they sum to the change of the score from the blank image on."""

    def _coalitions(self, count, rng):
        """Draw by the weights of the values, each set with what it leaves out.

        Where there are few pieces, these are all sets.
        """
        if 2**count - 2 <= self._samples:
            every = itertools.product([False, True], repeat=count)
            return np.array(list(every)[1:-1]).reshape(-1, count)
        sizes = np.arange(1, count)
        chances = 1 / (sizes * (count - sizes))
        sizes = rng.choice(sizes, -(-self._samples // 2), p=chances / chances.sum())
        ranks = rng.random((len(sizes), count)).argsort(axis=1).argsort(axis=1)
        drawn = ranks < sizes[:, None]
        return np.stack([drawn, ~drawn], axis=1).reshape(-1, count)[: self._samples]

    def _added(self, kept, scores, whole, nothing):
        count = kept.shape[1]
        change = whole - nothing
        if count == 1:
            return change[None]
        sizes = kept.sum(axis=1)
        weights = np.ones(len(kept))
        if len(kept) == 2**count - 2:
            chances = [math.comb(count, int(size)) for size in sizes]
            weights = 1 / (np.array(chances) * sizes * (count - sizes))
        roots = np.sqrt(weights)[:, None]
        # The last piece has what the others leave, so that all sum to the change.
        last = kept[:, -1:]
        design, wanted = kept[:, :-1] - last, scores - nothing - last * change
        found, *_ = np.linalg.lstsq(roots * design, roots * wanted, rcond=None)
        return np.concatenate([found, [change - found.sum(axis=0)]])


def _slic_of_skimage():
    """Return scikit-image's SLIC, or None if it is not installed."""
    with contextlib.suppress(ImportError):
        from skimage.segmentation import slic

        return slic
    return None
