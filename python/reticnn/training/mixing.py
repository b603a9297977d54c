"""Mix pairs of training images and their classes: MixUp and CutMix."""

import contextlib

import numpy as np

from reticnn.runtime.backend import keras
from reticnn.runtime.randomness import generator
from reticnn.training.compiling import forget_functions


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

    def mixed(self, images, partner_images, positions):
        """Return mixed images for some positions of the epoch, and their own shares.

        Returns:
            Tuple of float32 images, and how much of each is left of the image itself,
            (n, 1); the rest is of its partner.
        """
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
        return images, shares[:, None].astype("float32")

    def _box(self, position, size, share):
        """Return the rows and columns that come from the partner."""
        slices = []
        for length, where in zip(size, self._corners[position], strict=True):
            half = length * np.sqrt(1 - share) / 2
            centre = where * length
            start, stop = round(centre - half), round(centre + half)
            slices.append(slice(max(start, 0), min(stop, length)))
        return tuple(slices)


@contextlib.contextmanager
def metrics_of_main_classes(model, mixes):
    """Have the metrics of mixed images computed for their main classes, in the block.

    A metric such as Keras's BinaryAccuracy or AUC does not understand targets between 0
    and 1: it would count every mixed image as wrong. The loss has the mixed targets.

    Args:
        model: Keras model, compiled.
        mixes: Whether images are mixed; if not, nothing is done.
    """
    if not mixes:
        yield
        return
    compute_metrics = model.compute_metrics

    def of_main_classes(x, y, y_pred, sample_weight=None):
        return compute_metrics(x, _main_classes(y), y_pred, sample_weight)

    try:
        model.compute_metrics = of_main_classes
        forget_functions(model)
        yield
    finally:
        del model.compute_metrics
        forget_functions(model)


def _main_classes(targets):
    """Return targets as if each image were all of the class that it is mostly of."""
    ops = keras.ops
    if targets.shape[-1] == 1:
        return ops.cast(targets > 0.5, targets.dtype)
    return ops.one_hot(
        ops.argmax(targets, axis=-1), targets.shape[-1], dtype=targets.dtype
    )
