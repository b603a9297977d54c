"""Gradients of a class's score by the pixels, alone or averaged."""

import itertools

import numpy as np

from reticnn.runtime.backend import keras, without_gradients
from reticnn.runtime.conditions import warn_user
from reticnn.runtime.gradients import NoGradientError, pullback
from reticnn.runtime.randomness import generator

# By what part of the difference of scores the sum of a map may miss it.
_COMPLETE = 0.01

# What rounding alone may do to a sum of single-precision numbers, as a part of them.
_ROUNDING = 1e-5


class PixelGradient:
    """Slopes by the pixels: of each, the steepest among its channels."""

    layer = None

    def __init__(self, network, batch_size):
        """Take a `ScoreNetwork`, and how many images to send through it at once."""
        self._network = network
        self._batch_size = batch_size

    def of_batch(self, pixels, targets, positions):
        """Return the maps and scores of images, `Explained`."""
        value, pull = self._pulled(pixels)
        explained = targets.explained(self._network, value)
        for signs in explained.signs:
            explained.maps.append(_steepest(self._slopes(pull, signs)))
        return explained

    def _explained(self, pixels, targets):
        """Return an `Explained` without maps."""
        with without_gradients():
            images = keras.ops.convert_to_tensor(pixels)
            joined = self._network.of_images(images)
        return targets.explained(self._network, joined)

    def _pulled(self, pixels):
        return pullback(self._network.of_images, keras.ops.convert_to_tensor(pixels))

    def _slopes(self, pull, signs):
        """Return the slopes of signed scores, float64 of the shape of the images."""
        try:
            slopes = pull(self._network.weights(len(signs), signs))
        except NoGradientError as error:
            raise ValueError(
                "`method` needs gradients, but the classes' scores have none by the "
                "pixels: a layer of the model cannot be differentiated. Use "
                "`method='occlusion'`, which needs none, or a class activation map "
                "of a `layer` behind it."
            ) from error
        return slopes.astype("float64")

    def _mean_slopes(self, explained, versions, weights):
        """Return for each target the weighted mean of slopes at versions of images.

        Args:
            explained: `Explained`.
            versions: Iterable of arrays of images.
            weights: Sequence of their weights.
        """
        sums = [0.0] * len(explained.signs)
        pairs = zip(versions, weights, strict=True)
        at_once = max(1, self._batch_size // len(explained.codes))
        while chunk := list(itertools.islice(pairs, at_once)):
            pixels = np.concatenate([one for one, _ in chunk]).astype("float32")
            _, pull = self._pulled(pixels)
            for target, signs in enumerate(explained.signs):
                slopes = self._slopes(pull, np.tile(signs, (len(chunk), 1)))
                parts = np.split(slopes, len(chunk))
                for (_, weight), part in zip(chunk, parts, strict=True):
                    sums[target] = sums[target] + weight * part
        return sums


class SmoothGrad(PixelGradient):
    """The mean of slopes at noisy copies of an image."""

    def __init__(self, network, batch_size, samples, noise, seed):
        """Take how many copies of how much noise there are.

        `noise` is a standard deviation, as a part of the range of an image's values.
        """
        super().__init__(network, batch_size)
        self._samples, self._noise, self._seed = samples, noise, seed

    def of_batch(self, pixels, targets, positions):
        """Return the maps and scores of images, `Explained`."""
        explained = self._explained(pixels, targets)
        weights = [1 / self._samples] * self._samples
        slopes = self._mean_slopes(explained, self._noisy(pixels, positions), weights)
        explained.maps += map(_steepest, slopes)
        return explained

    def _noisy(self, pixels, positions):
        """Yield noisy copies; the noise is that of an image, in whatever batch."""
        axes = (1, 2, 3)
        ranges = pixels.max(axis=axes, keepdims=True) - pixels.min(
            axis=axes, keepdims=True
        )
        for sample in range(self._samples):
            drawn = [
                generator(self._seed, int(at), sample).standard_normal(
                    pixels.shape[1:], "float32"
                )
                for at in positions
            ]
            yield pixels + self._noise * ranges * np.stack(drawn)


class IntegratedGradients(PixelGradient):
    """Slopes on the straight way from a blank image, times the change on the way.

    Over all pixels they sum to the difference of the scores at both ends.
    """

    def __init__(self, network, batch_size, samples, blank):
        """Take the number of steps, and what gives blank images."""
        super().__init__(network, batch_size)
        places, weights = np.polynomial.legendre.leggauss(samples)
        self._places, self._weights = (places + 1) / 2, weights / 2
        self._blank = blank
        self._incomplete = 0

    def of_batch(self, pixels, targets, positions):
        """Return the maps and scores of images, `Explained`."""
        explained = self._explained(pixels, targets)
        blank = self._blank(pixels)
        change = pixels.astype("float64") - blank
        ways = (blank + place * change for place in self._places)
        slopes = self._mean_slopes(explained, ways, self._weights)
        explained.maps += [(change * one).sum(axis=-1) for one in slopes]
        self._check_complete(explained, blank)
        return explained

    def warn(self):
        """Warn if maps did not sum to what they should."""
        if self._incomplete:
            warn_user(
                f"{self._incomplete} of the maps do not sum to the difference of the "
                "scores of the image and of the blank one to within 1 %: the score "
                "changes on the way in a manner that the steps do not see. Give more "
                f"of them, such as `samples={4 * len(self._places)}`."
            )

    def _check_complete(self, explained, blank):
        with without_gradients():
            images = keras.ops.convert_to_tensor(blank.astype("float32"))
            joined = self._network.of_images(images)
        scores, _ = self._network.parts(joined)
        for target, found in enumerate(explained.maps):
            before = (scores * explained.signs[target]).sum(axis=1)
            wanted = explained.values[:, target] - before
            missed = abs(found.sum(axis=(1, 2)) - wanted)
            rounding = _ROUNDING * (abs(explained.values[:, target]) + abs(before))
            self._incomplete += int((missed > _COMPLETE * abs(wanted) + rounding).sum())


def _steepest(slopes):
    """Return the largest absolute slope of each pixel among its channels."""
    return abs(slopes).max(axis=-1)
