"""Mix pairs of training images and their classes: MixUp and CutMix."""

import numpy as np

from reticnn.runtime.randomness import generator


class Mixing:
    """Draws, for every position in the order of an epoch, a partner and how to mix.

    What an image is mixed with depends on the seed, the epoch and its position in the
    order, not on the batch size. Where both methods are on, each image gets one of
    them at random.
    """

    def __init__(self, mixup, cutmix):
        """Take the parameters of the Beta distributions; 0 switches a method off."""
        self._mixup = mixup
        self._cutmix = cutmix

    def __bool__(self):
        """Return whether there is anything to do."""
        return self._mixup > 0 or self._cutmix > 0

    def start_epoch(self, count, seed, epoch):
        """Draw for all positions of an epoch."""
        rng = generator(seed, epoch, 1)
        self.partners = rng.permutation(count)
        share = 0.5 if self._mixup > 0 and self._cutmix > 0 else float(self._cutmix > 0)
        self._cut = rng.random(count) < share
        self._shares = np.where(
            self._cut,
            rng.beta(*[self._cutmix or 1] * 2, size=count),
            rng.beta(*[self._mixup or 1] * 2, size=count),
        )
        self._corners = rng.random((count, 2))

    def mixed(self, images, partner_images, targets, partner_targets, positions):
        """Return mixed images (float32) and targets for some positions of the epoch."""
        images = images.astype("float32")
        shares = self._shares[positions].copy()
        for row, position in enumerate(positions):
            share = shares[row]
            if self._cut[position]:
                box = self._box(position, images.shape[1:3], share)
                images[row][box] = partner_images[row][box]
                # The box is cut off at whole pixels and at the image's edge.
                area = np.prod([side.stop - side.start for side in box])
                shares[row] = 1 - area / np.prod(images.shape[1:3])
            else:
                images[row] *= share
                images[row] += (1 - share) * partner_images[row]
        shares = shares[:, None].astype("float32")
        return images, shares * targets + (1 - shares) * partner_targets

    def _box(self, position, size, share):
        """Return the rows and columns that come from the partner."""
        slices = []
        for length, where in zip(size, self._corners[position], strict=True):
            half = length * np.sqrt(1 - share) / 2
            centre = where * length
            start, stop = round(centre - half), round(centre + half)
            slices.append(slice(max(start, 0), min(stop, length)))
        return tuple(slices)
