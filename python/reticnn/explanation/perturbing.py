"""What a score loses when parts of an image are hidden."""

import numpy as np

from reticnn.runtime.keras_internals import predicted
from reticnn.runtime.opencv import cv2
from reticnn.runtime.randomness import generator

# An image has about as many patches side by side, if nobody says how large they are.
_PATCHES = 8

# The chance of a cell of a random mask to be kept.
_KEPT = 0.5


class Perturbing:
    """Hides parts of images, and compares the scores.

    Attributes:
        at_once: How many images are explained in one go: of each there are many copies.
    """

    layer = None
    at_once = 1

    def __init__(self, network, batch_size, blank, patch_size=None):
        """Take what gives scores, and what is shown in place of what is hidden.

        Args:
            network: `ScoreNetwork` or `OnnxScores`.
            batch_size: How many copies to send through it at once.
            blank: Function from images to blank ones.
            patch_size: Pixels of the side of what is hidden at once, or None.
        """
        self._network = network
        self._batch_size = batch_size
        self._blank = blank
        self._patch_size = patch_size
        self._model = network.score_model()

    def of_batch(self, pixels, targets, positions):
        """Return the maps and scores of images, `Explained`."""
        joined = self._network.joined_of(pixels)
        explained = targets.explained(self._network, joined)
        blank = self._blank(pixels)
        signs = np.stack(explained.signs, axis=1)
        found = [
            self._maps_of_known(*of_image)
            for of_image in zip(
                pixels, blank, signs, explained.values, positions.tolist(), strict=True
            )
        ]
        explained.maps += list(np.stack(found, axis=1))
        return explained

    def map_of(self, image, sign):
        """Return the map of one image, (height, width).

        Args:
            image: Array (height, width, channels).
            sign: Array (classes,), how often the score of a class counts.
        """
        image = image.astype("float32")
        (blank,) = self._blank(image[None])
        scores = np.asarray(predicted(self._model, image[None])) @ sign
        return self._maps_of_known(image, blank, sign[None], scores, 0)[0]

    def _maps_of_known(self, image, blank, signs, values, position):
        """Return the maps of one image, of NaN where the model gives that for it."""
        if np.isnan(values).any():
            return np.full((len(signs), *image.shape[:2]), np.nan)
        return self._maps_of(image, blank, signs, values, position)

    def _maps_of(self, image, blank, signs, values, position):
        """Return the maps of one image, (targets, height, width).

        Args:
            image: Array (height, width, channels).
            blank: The same of a blank one.
            signs: Array (targets, classes), how often the score of each class counts.
            values: Array (targets,), the scores of the image.
            position: Of the image in the data.
        """
        raise NotImplementedError

    def _scores(self, image, blank, masks, signs):
        """Yield masks and the scores of what they keep, batch by batch.

        Args:
            image: Array (height, width, channels).
            blank: The same of a blank one.
            masks: Iterable of arrays (height, width), 1 where the image is kept.
            signs: As in `_maps_of`.

        Yields:
            Tuple of arrays, (n, height, width) and (n, targets).
        """
        image, blank = image.astype("float32"), blank.astype("float32")
        change = image - blank
        for chunk in in_chunks(masks, self._batch_size):
            kept = np.stack(chunk).astype("float32")
            copies = blank + kept[..., None] * change
            scores = predicted(self._model, copies).astype("float64")
            yield kept, scores @ signs.T

    def _patch(self, sides):
        """Return the (height, width) of what is hidden at once."""
        side = self._patch_size or max(1, round(min(sides) / _PATCHES))
        return tuple(min(side, limit) for limit in sides)


class Occlusion(Perturbing):
    """A patch that is moved over the image, and what the score loses by it."""

    def __init__(self, network, batch_size, blank, patch_size=None, stride=None):
        """Take by how many pixels the patch is moved, or None for half of it."""
        super().__init__(network, batch_size, blank, patch_size)
        self._stride = stride

    def _maps_of(self, image, blank, signs, values, position):
        sides = image.shape[:2]
        patch = self._patch(sides)
        starts = [
            self._starts(side, length)
            for side, length in zip(sides, patch, strict=True)
        ]
        corners = [(top, left) for top in starts[0] for left in starts[1]]
        sums, counts = np.zeros((len(signs), *sides)), np.zeros(sides)
        masks = (_with_hole(sides, corner, patch) for corner in corners)
        places = iter(corners)
        for _, scores in self._scores(image, blank, masks, signs):
            for lost in values - scores:
                top, left = next(places)
                covered = (
                    ...,
                    slice(top, top + patch[0]),
                    slice(left, left + patch[1]),
                )
                sums[covered] += lost[:, None, None]
                counts[covered[1:]] += 1
        return sums / counts

    def _starts(self, side, length):
        """Return where patches begin, such that all pixels of a side are covered."""
        stride = self._stride or max(1, length // 2)
        if stride > length and side > length:
            raise ValueError(
                f"`stride` is {stride}, more than the {length} pixels of a patch, so "
                f"that pixels between would be left out. Use {length} or less, or a "
                "larger `patch_size`."
            )
        starts = list(range(0, side - length + 1, stride))
        return starts if starts[-1] == side - length else [*starts, side - length]


class Rise(Perturbing):
    """Random masks; a pixel has the mean score where it is kept, less that of all."""

    def __init__(self, network, batch_size, blank, patch_size, samples, seed):
        """Take the number of masks and the seed they are drawn with."""
        super().__init__(network, batch_size, blank, patch_size)
        self._samples, self._seed = samples, seed

    def _maps_of(self, image, blank, signs, values, position):
        sides = image.shape[:2]
        sums, kept = np.zeros((len(signs), *sides)), np.zeros(sides)
        totals = np.zeros(len(signs))
        masks = self._masks(sides, generator(self._seed, position))
        for some, scores in self._scores(image, blank, masks, signs):
            # Less what the image has, or rounding would show in large scores.
            changes = scores - values
            sums += np.tensordot(changes.T, some, axes=1)
            totals += changes.sum(axis=0)
            kept += some.sum(axis=0)
        means = np.divide(sums, kept, out=np.zeros_like(sums), where=kept > 0)
        return means - (totals / self._samples)[:, None, None]

    def _masks(self, sides, rng):
        """Yield soft masks: cells kept or not, enlarged, moved by part of a cell."""
        cell = self._patch(sides)
        cells = [
            -(-side // length) + 1 for side, length in zip(sides, cell, strict=True)
        ]
        size = (cells[1] * cell[1], cells[0] * cell[0])
        for _ in range(self._samples):
            grid = (rng.random(cells) < _KEPT).astype("float32")
            top, left = rng.integers(cell[0]), rng.integers(cell[1])
            large = cv2.resize(grid, size, interpolation=cv2.INTER_LINEAR)
            yield large[top : top + sides[0], left : left + sides[1]]


def in_chunks(items, size):
    """Yield lists of that many of the items, the last one of what is left."""
    chunk = []
    for item in items:
        chunk.append(item)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _with_hole(sides, corner, patch):
    mask = np.ones(sides, "float32")
    mask[corner[0] : corner[0] + patch[0], corner[1] : corner[1] + patch[1]] = 0
    return mask
