"""Batches of image data in the order of an epoch."""

import numpy as np

from reticnn.augmenting.host import apply
from reticnn.backend import keras
from reticnn.randomness import generator


class ImageBatches(keras.utils.PyDataset):
    """Feed image data to Keras batch by batch, as uint8 as long as that is exact.

    With a seed, each epoch has its own order, which depends on the seed and the
    epoch's number alone; so have the changes made to an image, and its position in
    the data. Without one, the data keep their order.
    """

    def __init__(
        self,
        data,
        batch_size,
        seed=None,
        *,
        epoch=0,
        targets=None,
        class_weights=None,
        augmentation=None,
        mixing=None,
    ):
        """Take image data, the images a batch, and how an epoch is to be.

        Args:
            data: Image data.
            batch_size: Images a batch.
            seed: Seed of the order, or None for the data's own.
            epoch: Number of the first epoch, counted from 0.
            targets: Array, what Keras is given for each class, or None for its code.
            class_weights: Array, the weight of each class, or None.
            augmentation: Policy by which the images are changed, or None.
            mixing: `Mixing`, or None.
        """
        super().__init__()
        self._data = data
        self._batch_size = batch_size
        self._seed = seed
        self._epoch = epoch
        self._targets_of_classes = targets
        self._class_weights = class_weights
        self._augmentation = augmentation
        self._mixing = mixing
        self._start_epoch()

    def __len__(self):
        """Count the batches of an epoch."""
        return -(-len(self._data) // self._batch_size)

    def __getitem__(self, number):
        """Return (images,), (images, targets) or (images, targets, weights)."""
        start = number * self._batch_size
        places = np.arange(start, min(start + self._batch_size, len(self._data)))
        positions = self._order[places]
        images = self._images(positions)
        if self._data.codes is None:
            return (images,)
        targets = self._targets(positions)
        if self._mixing:
            partners = self._order[self._mixing.partners[places]]
            images, targets = self._mixing.mixed(
                images,
                self._images(partners),
                targets,
                self._targets(partners),
                places,
            )
        if self._class_weights is None:
            return images, targets
        return images, targets, self._class_weights[self._data.codes[positions]]

    def on_epoch_end(self):
        """Go on to the next epoch."""
        self._epoch += 1
        self._start_epoch()

    def _start_epoch(self):
        count = len(self._data)
        if self._seed is None:
            self._order = np.arange(count)
        else:
            self._order = generator(self._seed, self._epoch).permutation(count)
        if self._mixing:
            self._mixing.start_epoch(count, self._seed, self._epoch)

    def _images(self, positions):
        images = self._data.read(positions)
        if self._augmentation is None:
            return images
        return apply(self._augmentation, images, self._seed, self._epoch, positions)

    def _targets(self, positions):
        codes = self._data.codes[positions]
        if self._targets_of_classes is None:
            return codes
        return self._targets_of_classes[codes]
