"""Features: the outputs of a model's frozen first layers, computed only once."""

import math

import numpy as np

from reticnn.data.caching import kind_with_room, new_cache
from reticnn.optimizers.levenberg_marquardt import LevenbergMarquardt
from reticnn.runtime.backend import keras
from reticnn.runtime.keras_internals import compiled_as_given, predicted
from reticnn.training.frozen_prefix import NotSplitError, split_at_training

# This many pixels go through the frozen beginning at once if a batch has fewer: small
# images leave a processor idle between one layer and the next.
_PIXELS_AT_ONCE = 256 * 32 * 32


class Features:
    """Images as features, each computed when it is first asked for, and kept.

    With augmentation there are some copies of each image, and the epochs take turns.
    """

    def __init__(self, images, beginning, cache, copies=1):
        """Take images, and the model that makes features of them.

        Args:
            images: `TrainingImages`.
            beginning: Keras model from images to a list of features.
            cache: "memory" or "disk".
            copies: Whole number of copies of each image. Default 1.
        """
        self._images = images
        self._beginning = beginning
        self._copies = copies
        self._count = len(images)
        height, width, _ = image_shape = _image_shape(images, beginning)
        # A disk can be full, and would lose what is computed ahead.
        in_memory = cache == "memory"
        self._at_once = _PIXELS_AT_ONCE // (height * width) if in_memory else 0
        self._caches = [
            new_cache(cache, (self._count * copies, *shape), np.float32)
            for shape in _shapes(beginning, image_shape)
        ]

    def __len__(self):
        """Count the images."""
        return self._count

    def read(self, positions, epoch):
        """Return the features of the images at `positions` as they are in an epoch."""
        copy = epoch % self._copies
        indices = positions + copy * self._count
        if len(positions) < self._at_once:
            self._keep_more(positions, copy)
        kept = self._kept(indices)
        if kept.all():
            features = [cache.read(indices) for cache in self._caches]
        else:
            computed = self._computed(positions[~kept], copy)
            features = [
                _completed(cache, indices, kept, new)
                for cache, new in zip(self._caches, computed, strict=True)
            ]
        return features[0] if len(features) == 1 else tuple(features)

    def _kept(self, indices):
        return np.all([cache.has[indices] for cache in self._caches], axis=0)

    def _keep_more(self, positions, copy):
        """Compute what is missing of some images, and of the next others with them."""
        start = copy * self._count
        missing = ~self._kept(np.arange(start, start + self._count))
        wanted = positions[missing[positions]]
        if not wanted.size:
            return
        missing[wanted] = False
        others = np.flatnonzero(missing)[: self._at_once - len(wanted)]
        together = np.concatenate([wanted, others])
        computed = self._computed(together, copy)
        for cache, features in zip(self._caches, computed, strict=True):
            cache.write(together + start, features)

    def _computed(self, positions, epoch):
        """Return a list of arrays, the features of some images."""
        outputs = predicted(self._beginning, self._images.read(positions, epoch))
        return [
            np.asarray(output, np.float32) for output in keras.tree.flatten(outputs)
        ]


def _completed(cache, indices, kept, new):
    """Keep new features, and return them together with those kept before."""
    features = np.empty((len(indices), *new.shape[1:]), np.float32)
    features[kept] = cache.read(indices[kept])
    features[~kept] = new
    cache.write(indices[~kept], new)
    return features


class FeatureCache:
    """The frozen beginning of a model, whose features training keeps.

    Attributes:
        rest: Keras model from the features to the classes, with the layers of the
            model itself.
        note: What is done, in words.
    """

    def __init__(self, beginning, rest, kind, copies, size):
        """Take the parts of a model, and how the features are kept."""
        self._beginning = beginning
        self._kind = kind
        self._copies = copies
        self.rest = rest
        where = {"memory": "in memory", "disk": "on disk"}[kind]
        self.note = (
            "The frozen beginning of the model is computed once for each "
            f"{'image' if copies == 1 else f'of {copies} changed copies of each image'}"
            f": {_megabytes(size)} {where}"
        )

    def compile_like(self, model):
        """Compile the rest as the model is now, with the same optimizer."""
        rest = self.rest
        # By these names losses and metrics may have been given.
        rest.output_names = getattr(model, "output_names", None)
        given = compiled_as_given(model)
        now = (
            "optimizer",
            "loss",
            "run_eagerly",
            "steps_per_execution",
            "jit_compile",
        )
        given.update({name: getattr(model, name) for name in now})
        # The optimizer scales losses already if it is to.
        rest.compile(**given, auto_scale_loss=False)

    def training(self, images):
        """Return the features of the training images."""
        return Features(images, self._beginning, self._kind, self._copies)

    def validation(self, images):
        """Return the features of the validation images."""
        return Features(images, self._beginning, self._kind)


def feature_cache(model, settings, images, validation_images, devices=()):
    """Return a `FeatureCache` and a note about it, or None and why there is none.

    There is no note for a model without a frozen beginning.

    Args:
        model: Keras model, compiled or not.
        settings: `TrainingSettings`.
        images: `TrainingImages`.
        validation_images: `TrainingImages` that are not trained on, or None.
        devices: Names of the devices that share the work, or none.

    Raises:
        ValueError: If a number of copies was asked for, and cannot be kept.
    """
    wanted = settings.cache_features
    if wanted == "none":
        return None, None
    copies = 1 if wanted == "auto" else wanted
    try:
        if devices:
            raise _NothingToKeepError("several devices share the work")
        if _measures_curvatures(model, settings):
            raise _NothingToKeepError("the optimizer measures curvatures on images")
        _check_images_stay(settings)
        parts = _parts(model)
        size = _bytes_of(parts[0], images) * copies
        size += _bytes_of(parts[0], validation_images) if validation_images else 0
        features = FeatureCache(*parts, _kind(size), copies, size)
        return features, features.note
    except _NothingToKeepError as reason:
        if wanted == "auto":
            return None, _note_without(model, reason)
        raise ValueError(
            f"`cache_features` is {wanted}, but no features can be cached: {reason}. "
            'Use "auto".'
        ) from None


def _measures_curvatures(model, settings):
    optimizer = settings.optimizer or getattr(model, "optimizer", None)
    return optimizer == "levenberg_marquardt" or isinstance(
        optimizer, LevenbergMarquardt
    )


class _NothingToKeepError(Exception):
    """Says why features are not cached."""


def _note_without(model, reason):
    """Return the note for a model with a frozen beginning, or None."""
    try:
        split_at_training(model)
    except NotSplitError as error:
        if not error.is_frozen:
            return None
    return f"The frozen beginning of the model is computed in each epoch: {reason}"


def _check_images_stay(settings):
    """Raise if no image is ever seen again as it was."""
    if settings.mixes:
        raise _NothingToKeepError("`mixup` and `cutmix` mix the images in each epoch")
    changes = settings.augmentation is not None
    if changes and settings.cache_features == "auto":
        raise _NothingToKeepError(
            "`augmentation` changes the images (`cache_features = 4` keeps 4 changed "
            "copies of each instead)"
        )
    if not changes and settings.cache_features != "auto":
        raise _NothingToKeepError("copies differ only with `augmentation`")


def _parts(model):
    try:
        return split_at_training(model)
    except NotSplitError as error:
        raise _NothingToKeepError(error) from None


def _bytes_of(beginning, images):
    """Return how many bytes the features of the images take."""
    shapes = _shapes(beginning, _image_shape(images, beginning))
    values = sum(math.prod(shape) for shape in shapes)
    return len(images) * values * np.dtype(np.float32).itemsize


def _image_shape(images, beginning):
    """Return the (height, width, channels) of images for a model."""
    shape = beginning.input_shape[1:]
    # A model may take any size; the images have one.
    return images.image_shape if None in shape else shape


def _shapes(beginning, image_shape):
    """Return the shapes of the features of an image."""
    features = beginning(keras.Input(image_shape, dtype=beginning.inputs[0].dtype))
    return [feature.shape[1:] for feature in keras.tree.flatten(features)]


def _megabytes(size):
    return f"{size / 2**20:,.0f} MiB" if size >= 2**20 else "less than 1 MiB"


def _kind(size):
    kind = kind_with_room(size)
    if kind == "none":
        raise _NothingToKeepError(f"{size / 2**30:,.0f} GiB do not fit on the disk")
    return kind
