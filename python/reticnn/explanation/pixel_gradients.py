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
            return self._network.slopes(pull, signs)
        except NoGradientError as error:
            raise ValueError(
                "`method` needs gradients, but the classes' scores have none by the "
                "pixels: a layer of the model cannot be differentiated. Use "
                "`method='occlusion'`, which needs none, or a class activation map "
                "of a `layer` behind it."
            ) from error

    def _mean_slopes(self, signs, versions, weights):
        """Return for each target the weighted mean of slopes at versions of images.

        Args:
            signs: As in `Explained`.
            versions: Iterable of arrays of images.
            weights: Sequence of their weights.
        """
        sums = [0.0] * len(signs)
        pairs = zip(versions, weights, strict=True)
        at_once = max(1, self._batch_size // len(signs[0]))
        while chunk := list(itertools.islice(pairs, at_once)):
            pixels = np.concatenate([one for one, _ in chunk]).astype("float32")
            _, pull = self._pulled(pixels)
            for target, own in enumerate(signs):
                slopes = self._slopes(pull, np.tile(own, (len(chunk), 1)))
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
        slopes = self._mean_slopes(
            explained.signs, self._noisy(pixels, positions), weights
        )
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
        """Take numbers of steps, more for images that need it, and a blank image.

        That is a function from images to blank ones.
        """
        super().__init__(network, batch_size)
        self._samples, self._blank = samples, blank
        self._incomplete = 0

    def of_batch(self, pixels, targets, positions):
        """Return the maps and scores of images, `Explained`."""
        explained = self._explained(pixels, targets)
        blank = self._blank(pixels)
        wanted = explained.values - self._values(explained.signs, blank)
        signs = explained.signs
        maps = np.zeros((len(signs), *pixels.shape[:3]))
        rest, incomplete = np.arange(len(pixels)), np.ones(wanted.shape, bool)
        for samples in self._samples:
            some = [one[rest] for one in signs]
            found = self._maps(pixels[rest], blank[rest], some, samples)
            # A class is explained as it would be alone.
            is_new = incomplete[rest].T[..., None, None]
            maps[:, rest] = np.where(is_new, found, maps[:, rest])
            missed = abs(maps.sum(axis=(2, 3)).T - wanted)
            rounding = _ROUNDING * abs(explained.values)
            incomplete = missed > _COMPLETE * abs(wanted) + rounding
            rest = np.flatnonzero(incomplete.any(axis=1))
            if len(rest) == 0:
                break
        self._incomplete += int(incomplete.sum())
        explained.maps += list(maps)
        return explained

    def _maps(self, pixels, blank, signs, samples):
        """Return the maps of images, (targets, n, height, width)."""
        places, weights = np.polynomial.legendre.leggauss(samples)
        change = pixels.astype("float64") - blank
        ways = (blank + place * change for place in (places + 1) / 2)
        slopes = self._mean_slopes(signs, ways, weights / 2)
        return np.stack([(change * one).sum(axis=-1) for one in slopes])

    def _values(self, signs, pixels):
        """Return the signed scores of images, (n, targets)."""
        with without_gradients():
            images = keras.ops.convert_to_tensor(pixels.astype("float32"))
            joined = self._network.of_images(images)
        scores, _ = self._network.parts(joined)
        return np.stack([(scores * one).sum(axis=1) for one in signs], axis=1)

    def warn(self):
        """Warn if maps did not sum to what they should."""
        if self._incomplete:
            warn_user(
                f"{self._incomplete} of the maps do not sum to the difference of the "
                "scores of the image and of the blank one to within 1 %: the score "
                "changes along the way in a manner that the steps miss. Give more of "
                f"them, such as `samples={4 * self._samples[-1]}`."
            )


def _steepest(slopes):
    """Return the largest absolute slope of each pixel among its channels."""
    return abs(slopes).max(axis=-1)
