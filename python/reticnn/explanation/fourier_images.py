"""Images made of waves and of uncorrelated colours, so that climbing gives pictures.

Pixels by themselves would become noise that only the network sees something in.
"""

import numpy as np

from reticnn.runtime.randomness import generator

# How fast the waves of an image change in a step, what they are at the start, and by
# what share of the change before the next one is smoothed, and of its size.
_RATE, _START = 0.05, 0.01
_MEMORY = (0.9, 0.999)

# Raw values are the logits of pixels; so much less contrast.
_CONTRAST = 0.25

# Axes along which the colours of photos do not correlate, light to dark, blue to yellow
# and green to red, with how far they spread along each.
_COLOURS = np.array([[0.58, 0.58, 0.58], [0.2, 0.0, -0.2], [-0.05, 0.1, -0.05]])


class FourierImages:
    """Images as waves, which climb along gradients.

    Attributes:
        limit: Waves of so many cycles per pixel at most are in the images.
    """

    def __init__(self, shape, count, seed):
        """Begin with `count` images of (height, width, channels), all of one noise."""
        height, width, channels = self._shape = shape
        down, across = abs(np.fft.fftfreq(height)), np.fft.rfftfreq(width)
        self._cycles = np.maximum(down[:, None], across)
        lengths = np.maximum(np.hypot(down[:, None], across), 1 / max(height, width))
        # As in photos, where waves are the stronger the longer they are.
        self._scale = _CONTRAST * np.sqrt(height * width) / lengths
        # Of the other waves there is one more that is not kept.
        self._times = np.where((across == 0) | (across == 0.5), 1, 2)
        drawn = generator(seed, 0).standard_normal((*lengths.shape, channels, 2))
        self._waves = np.repeat(_START * drawn[None], count, axis=0)
        self._means = [np.zeros(self._waves.shape), np.zeros(self._waves.shape)]
        self._step = 0
        self._mix = _COLOURS if channels == 3 else np.eye(channels)
        self.limit = 0.5

    def pixels(self):
        """Return the images, float64 (n, height, width, channels), 0 to 255."""
        whole = (self._waves[..., 0] + 1j * self._waves[..., 1]) * self._taken()
        raw = np.fft.irfft2(whole, s=self._shape[:2], axes=(1, 2)) @ self._mix
        return 255 / (1 + np.exp(-raw))

    def slopes(self, by_pixels):
        """Return slopes by the waves, from those by the pixels that there are."""
        shares = self.pixels() / 255
        raw = (255 * shares * (1 - shares) * by_pixels) @ self._mix.T
        whole = np.fft.rfft2(raw, axes=(1, 2)) * self._taken()
        whole *= self._times[:, None] / np.prod(self._shape[:2])
        return np.stack([whole.real, whole.imag], axis=-1)

    def climb(self, by_pixels):
        """Change the images along slopes by their pixels, with Adam."""
        slopes = self.slopes(by_pixels)
        self._step += 1
        sizes = []
        for order, memory in enumerate(_MEMORY):
            mean = self._means[order]
            mean += (1 - memory) * (slopes ** (order + 1) - mean)
            sizes.append(mean / (1 - memory**self._step))
        self._waves += _RATE * sizes[0] / (np.sqrt(sizes[1]) + 1e-12)

    def _taken(self):
        """Return how strong each wave is, (rows, columns, 1)."""
        return (self._scale * (self._cycles <= self.limit))[..., None]


class Moved:
    """Images shifted and scaled a little, which only what is no chance survives."""

    def __init__(self, sides, shift, scale, rng):
        """Draw one movement, up to `shift` pixels and by up to a share of `scale`."""
        size = 1 + rng.uniform(-scale, scale)
        self._matrices = [
            _resampling(side, size, rng.uniform(-shift, shift)) for side in sides
        ]

    def of(self, pixels):
        """Return moved images."""
        return np.einsum("ih,jw,nhwc->nijc", *self._matrices, pixels, optimize=True)

    def back(self, slopes):
        """Return slopes by the images, from those by the moved ones."""
        return np.einsum("ih,jw,nijc->nhwc", *self._matrices, slopes, optimize=True)


def _resampling(side, size, shift):
    """Return a matrix that moves a row of pixels, with what is outside as the edge."""
    middle = (side - 1) / 2
    places = np.clip((np.arange(side) - middle) / size + middle + shift, 0, side - 1)
    return np.maximum(0, 1 - abs(places[:, None] - np.arange(side)))
