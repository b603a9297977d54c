"""Batches of image data in the order of an epoch."""

import contextlib

import numpy as np

from reticnn.augmenting.from_data import augmented
from reticnn.runtime.backend import keras
from reticnn.runtime.randomness import generator
from reticnn.runtime.stopping import wanted_here


class TrainingImages:
    """The images of data, augmented anew in each epoch if there is a policy."""

    def __init__(self, data, augmentation=None, seed=None):
        """Take image data, a policy or None, and the seed of the changes."""
        self._data = data
        self._augmentation = augmentation
        self._seed = seed

    def __len__(self):
        """Count the images."""
        return len(self._data)

    @property
    def image_shape(self):
        """(height, width, channels) of the images as they are read."""
        shape = tuple(self._data.image_shape)
        return self._augmentation.output_shape(shape) if self._augmentation else shape

    def read(self, positions, epoch):
        """Return the pixels of some of the images as they are in an epoch."""
        if self._augmentation is None:
            return self._data.read(positions)
        return augmented(self._augmentation, self._data, positions, self._seed, epoch)


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
        targets=None,
        weights=None,
        images=None,
        mixing=None,
    ):
        """Take image data, the batch size, and how an epoch is made up.

        Args:
            data: Image data.
            batch_size: Images per batch.
            seed: Seed of the order, or None for the data's own.
            targets: Array, what Keras is given for each class, or None for its code.
            weights: Array, the weight of each image of the data, or None.
            images: What is read in place of the data's own images, with a method
                `read(positions, epoch)`, or None.
            mixing: `Mixing`, or None.
        """
        super().__init__()
        self._data = data
        self._batch_size = batch_size
        self._seed = seed
        self._targets_of_classes = targets
        self._weights = weights
        self._images = images or TrainingImages(data)
        self._mixing = mixing
        self._wanted = wanted_here()
        self.error = None
        self.start_epoch(0)

    def __len__(self):
        """Count the batches of an epoch."""
        return -(-len(self._data) // self._batch_size)

    def __getitem__(self, number):
        """Return (images,), (images, targets) or (images, targets, weights)."""
        try:
            with self._wanted():
                return self._batch(number)
        except Exception as error:
            self.error = error
            raise

    def _batch(self, number):
        start = number * self._batch_size
        in_order = np.arange(start, min(start + self._batch_size, len(self._data)))
        positions = self._order[in_order]
        images = self._images.read(positions, self._epoch)
        if self._data.codes is None:
            return (images,)
        targets = self._targets(positions)
        if self._mixing:
            partners = self._order[self._mixing.partners[in_order]]
            images, shares = self._mixing.mixed(
                images, self._images.read(partners, self._epoch), in_order
            )
            targets = shares * targets + (1 - shares) * self._targets(partners)
        if self._weights is None:
            return images, targets
        weights = self._weights[positions]
        if self._mixing:
            shares = shares[:, 0]
            weights = shares * weights + (1 - shares) * self._weights[partners]
        return images, targets, weights

    def start_epoch(self, epoch):
        """Begin an epoch by its number, counted from 0."""
        self._epoch = epoch
        count = len(self._data)
        if self._seed is None:
            self._order = np.arange(count)
        else:
            self._order = generator(self._seed, self._epoch).permutation(count)
        if self._mixing:
            self._mixing.start_epoch(count, self._seed, self._epoch)

    def _targets(self, positions):
        codes = self._data.codes[positions]
        if self._targets_of_classes is None:
            return codes
        return self._targets_of_classes[codes]


@contextlib.contextmanager
def errors_as_raised(*batches):
    """Raise an error of `ImageBatches` as it was, which TensorFlow puts into its own.

    Args:
        batches: `ImageBatches`, or None, that are read in the block.
    """
    try:
        yield
    except Exception:
        for read in batches:
            if read is not None and read.error is not None:
                raise read.error from None
        raise


class EpochStarts(keras.callbacks.Callback):
    """Tell batches which epoch begins.

    They do not count for themselves: Keras looks at an epoch's first batches before it
    begins, and ends that look like an epoch.
    """

    def __init__(self, batches):
        """Take `ImageBatches`."""
        super().__init__()
        self._batches = batches

    def on_epoch_begin(self, epoch, logs=None):
        """Begin an epoch."""
        self._batches.start_epoch(epoch)
