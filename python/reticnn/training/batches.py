"""Batches of image data in the order of an epoch."""

import numpy as np

from reticnn.backend import keras
from reticnn.randomness import generator


class ImageBatches(keras.utils.PyDataset):
    """Feed image data to Keras batch by batch, as uint8 as long as that is exact.

    With a seed, each epoch has its own order, which depends on the seed and the
    epoch's number alone. Without one, the data keep their order.
    """

    def __init__(self, data, batch_size, seed=None):
        """Take image data, the images a batch, and the seed of the order."""
        super().__init__()
        self._data = data
        self._batch_size = batch_size
        self._seed = seed
        self._epoch = 0
        self._order = self._order_of_epoch()

    def __len__(self):
        """Count the batches of an epoch."""
        return -(-len(self._data) // self._batch_size)

    def __getitem__(self, number):
        """Return (images,) or (images, codes) of one batch."""
        start = number * self._batch_size
        positions = self._order[start : start + self._batch_size]
        images = self._data.read(positions)
        if self._data.codes is None:
            return (images,)
        return images, self._data.codes[positions]

    def on_epoch_end(self):
        """Draw the order of the next epoch."""
        self._epoch += 1
        self._order = self._order_of_epoch()

    def _order_of_epoch(self):
        if self._seed is None:
            return np.arange(len(self._data))
        return generator(self._seed, self._epoch).permutation(len(self._data))
