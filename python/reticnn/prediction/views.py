"""The views of an image that a prediction is averaged over: copies, crops, scales."""

from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import product
from operator import ge
from typing import Any

import numpy as np

from reticnn.augmenting import augmentation
from reticnn.augmenting.host import apply
from reticnn.classifier import Classifier
from reticnn.coercion import as_int, as_ints, shown
from reticnn.data.conversion import images_for_model
from reticnn.prediction.cuts import (
    ALONE,
    FIVE,
    MIRRORED,
    OF_SQUARES,
    TEN,
    cuts,
    enlarged,
    is_whole,
    scales_of_squares,
)
from reticnn.runtime.backend import NeedingKeras

fully_convolutional = NeedingKeras(
    "reticnn.prediction.fully_convolutional", "fully_convolutional"
)

_TTA_SEED = 0

# Pixels of the shorter side: images of more would hardly fit into any memory.
_LARGEST_SCALE = 10_000


def views_of(classifier, *, tta, crops, scales):
    """Return the views that `predict_images` averages over, if they can be had.

    Args:
        classifier: Classifier.
        tta: Whole number of changed copies.
        crops: 1, 2, 5, 10 or 144.
        scales: Whole number of pixels, or several, or None.

    Returns:
        `Views`.

    Raises:
        ValueError: If the classifier's model cannot be used so, with the reason.
    """
    tta, crops = as_int(tta, "tta", minimum=0), as_int(crops, "crops")
    _check_crops(crops, classifier.image_shape)
    if crops == OF_SQUARES:
        own = scales_of_squares(classifier.image_shape[0])
        _check_no_scales(scales, own)
        scales = own
    elif scales is not None:
        scales = as_ints(scales, "scales")
    views = Views(classifier, tta, crops, scales)
    if scales:
        _check_scales(views)
    return views


@dataclass(frozen=True)
class Views:
    """Which views of the images are predicted, and by which network."""

    classifier: Classifier
    tta: int
    crops: int
    scales: tuple | None

    @property
    def settings(self):
        """Dict of `tta`, `crops` and `scales`, a list or None."""
        own = self.scales and self.crops != OF_SQUARES
        scales = list(self.scales) if own else None
        return {"tta": self.tta, "crops": self.crops, "scales": scales}

    @property
    def are_single(self):
        """Whether each image is predicted from itself alone."""
        return self.tta == 0 and self.crops == ALONE and self.scales is None

    @property
    def network(self):
        """The model that gives the outputs for a view."""
        if self.is_dense:
            return fully_convolutional(self.classifier.model)
        return self.classifier.network

    @property
    def is_dense(self):
        """Whether the network sees whole images of other sizes than its own."""
        return self.scales is not None and is_whole(self.crops)

    @property
    def reading_shape(self):
        """(height, width, channels) to read files at; with scales it does not count."""
        height, width, channels = self.classifier.image_shape
        if self.scales:
            return (self.scales[0], self.scales[0], channels)
        if is_whole(self.crops):
            return (height, width, channels)
        return (enlarged(height), enlarged(width), channels)

    def sources(self, data, name="images"):
        """Return the sources of the images to predict, one per scale.

        Args:
            data: Image data of any size.
            name: The argument's name, for messages. Default "images".

        Returns:
            List of objects with a length and `read(positions)`, which gives an array
            of images, or a list of images of several sizes. Slices give parts of them.
        """
        *_, channels = shape = self.classifier.image_shape
        resize, reading = self.classifier.resize, self.classifier.reading
        if self.scales:
            data = images_for_model(data, (None, None, channels), name, reading=reading)
            takes = cache(self.takes)
            return [_Scaled(data, side, takes) for side in self.scales]
        if is_whole(self.crops):
            return [images_for_model(data, shape, name, resize, reading=reading)]
        wanted = self.reading_shape
        if data.files is None and _has_room(data.image_shape, shape):
            wanted = (None, None, channels)
        use = f"crops of {shape[0]} x {shape[1]} are cut from"
        return [images_for_model(data, wanted, name, resize, use, reading)]

    def takes(self, size):
        """Return whether scaled images of (height, width) are large enough."""
        own = self.classifier.image_shape[:2]
        if None not in own and all(map(ge, size, own)):
            return True
        return self.is_dense and _fits(self.network, size)

    def of_images(self, image_shape):
        """Return functions from images to the views that the network sees."""
        size = self.classifier.image_shape[:2]
        pairs = product(cuts(self.crops, size, image_shape), self._changes())
        return [partial(_view, steps) for steps in pairs]

    def images_at_once(self, image_shape, batch_size):
        """Return how many images to predict at once: fewer if they are larger."""
        size = self.classifier.image_shape[:2]
        if not self.is_dense or None in size:
            return batch_size
        return max(1, int(batch_size * np.prod(size) / np.prod(image_shape[:2])))

    def _changes(self):
        """Return functions that give images as they are, and changed in `tta` ways."""
        policy = self.classifier.augmentation
        copies = range(self.tta)
        return [_unchanged, *(partial(_changed, policy, copy) for copy in copies)]


@dataclass(frozen=True)
class _Scaled:
    """Image data with all images at one length of their shorter side.

    Attributes:
        data: Image data.
        side: That length, in pixels.
        takes: Function that says whether images of (height, width) are large enough.
    """

    data: Any
    side: int
    takes: Any

    def __len__(self):
        return len(self.data)

    def __getitem__(self, positions):
        return replace(self, data=self.data[positions])

    def read(self, positions):
        """Return the pixels of some of the images, if they are large enough."""
        images = self.data.read_scaled(positions, self.side)
        for size in {image.shape[:2] for image in images}:
            if not self.takes(size):
                raise ValueError(
                    f"`scales` has {self.side}, at which an image has {size[0]} x "
                    f"{size[1]} pixels (height x width), too few for the network. Use "
                    "a larger one."
                )
        return images


def _view(steps, pixels):
    cut, change = steps
    return change(cut(pixels))


def _unchanged(pixels):
    return pixels


def _changed(policy, copy, pixels):
    """Return images changed by a policy, or by a mild one where it does not suit.

    A crop may miss what is to be classified: then the copies would lower the average.
    """
    shape = pixels.shape[1:]
    crops = policy and policy.takes_any_size
    if not policy or crops or policy.output_shape(shape) != shape:
        policy = augmentation(flip="horizontal", translation=0.05)
    # One position for all images, so that neighbours do not change a prediction.
    return apply(policy, pixels, _TTA_SEED, copy, np.zeros(len(pixels), int))


def _has_room(image_shape, crop_shape):
    """Return whether different crops can be cut from an image."""
    room = np.subtract(image_shape[:2], crop_shape[:2])
    return room.min() >= 0 and room.max() > 0


def _check_crops(crops, image_shape):
    """Raise if there are no such crops."""
    if crops not in (ALONE, MIRRORED, FIVE, TEN, OF_SQUARES):
        raise ValueError(
            f"`crops` must be 1, 2, 5, 10 or 144, not {crops}. Use 2 for the image and "
            "its mirror image, 5 for the corners and the centre, 10 for these and "
            "their mirror images, or 144 for those of squares at four scales."
        )
    height, width = image_shape[:2]
    if not is_whole(crops) and None in (height, width):
        raise ValueError(
            f"`crops` must be 1 or 2, not {crops}, for a model that takes images of "
            "any size. Use `scales` instead, which predicts whole images."
        )
    if crops == OF_SQUARES and height != width:
        raise ValueError(
            f"`crops` must be 1, 2, 5 or 10, not {crops}, for a model that takes "
            f"images of {height} x {width} pixels (height x width): the 144 are cut "
            "from squares. Use `crops=10` with several `scales`."
        )


def _check_no_scales(scales, own):
    """Raise if there are scales where those of the crops count."""
    if scales is not None:
        raise ValueError(
            f"`scales` must be left out with `crops=144`, not {shown(scales)}: these "
            f"crops are cut at their own scales, here {', '.join(map(str, own))}. For "
            "other scales, use `crops=10`."
        )


def _check_scales(views):
    """Raise if a scale is too large, or so small that no image has enough pixels."""
    size = views.classifier.image_shape[:2]
    smallest, largest = min(views.scales), max(views.scales)
    if largest > _LARGEST_SCALE:
        raise ValueError(
            f"`scales` must be at most {_LARGEST_SCALE}, not {largest}: it is the "
            "length of an image's shorter side in pixels."
        )
    # Of elongated images, the network may take only wide or only tall ones.
    shapes = (smallest, _LARGEST_SCALE), (_LARGEST_SCALE, smallest)
    if any(map(views.takes, shapes)):
        return
    if not views.is_dense:
        raise ValueError(
            f"`scales` must be at least {min(size)} for crops of {size[0]} x "
            f"{size[1]}, not {smallest}."
        )
    enough = "larger ones" if None in size else f"{max(size)} or more"
    raise ValueError(
        f"`scales` has {smallest}, but images of {smallest} x {smallest} pixels "
        f"are too small for the network. Use {enough}."
    )


def _fits(network, size):
    """Return whether a network takes images of (height, width)."""
    try:
        network.compute_output_shape((1, *size, network.input_shape[3]))
    except ValueError:
        return False
    return True
