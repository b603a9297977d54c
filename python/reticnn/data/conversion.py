"""Bring images to the size and the channels that a model takes."""

import numpy as np

from reticnn.data.resizing import fitted
from reticnn.runtime.conditions import warn_user

# Pairs of channels between which images can be converted without a loss, if at all.
_CONVERTIBLE = {(1, 3), (3, 1), (4, 3), (4, 1)}


def images_for_model(
    data, image_shape, name, resize=None, use="the model takes", reading=None
):
    """Return image data with images as a model takes them.

    Files are read at the model's size. Images in memory are resized as files are,
    batch by batch.

    Args:
        data: Image data.
        image_shape: (height, width, channels); None accepts any size.
        name: The argument's name, for messages.
        resize: How the model's training images were resized: "stretch", "crop" or
            "pad", or None if that is not known. Default None.
        use: What images of that size are for, for the warning.
        reading: How the files of the model's training images were read, `Reading`, or
            None if that is not known. Default None.

    Returns:
        Image data.

    Raises:
        ValueError: If there are no images, or they have channels that the model does
            not take.

    Warns:
        UserWarning: If images in memory have a different size than the model takes, or
            files are resized differently than its training images, or were read as grey
            for a model that takes colours.
    """
    if len(data) == 0:
        raise ValueError(f"`{name}` has no images. Give at least one.")
    have, wanted = tuple(data.image_shape), _shape_for(data, image_shape)
    if data.files is not None:
        _warn_of_resize(data.resize, resize, name)
        _warn_of_grey(have, wanted, name)
        return read_at_size(data.read_like(reading, name), wanted, name)
    if wanted == have:
        return data
    resize = resize or "stretch"
    if have[2] != wanted[2] and (have[2], wanted[2]) not in _CONVERTIBLE:
        raise ValueError(
            f"`{name}` has images of {_size(have)} (height x width x channels), but "
            f"the model takes {_size(wanted)}. Only greyscale, RGB and opaque RGBA "
            f"images are converted: give images with {wanted[2]} channels."
        )
    if have[:2] != wanted[:2]:
        warn_user(
            f"`{name}` has images of {have[0]} x {have[1]} pixels (height x width), "
            f"resized ({resize!r}) to the {wanted[0]} x {wanted[1]} that {use}. To "
            "choose how, resize the images yourself."
        )
    return read_at_size(data, wanted, name, resize)


def read_at_size(data, image_shape, name, resize="stretch"):
    """Return image data read at a size, with channels that it can be converted to.

    Args:
        data: Image data.
        image_shape: (height, width, channels); None accepts any size.
        name: The argument's name, for messages.
        resize: How images in memory are resized. Default "stretch".
    """
    wanted = _shape_for(data, image_shape)
    if wanted == tuple(data.image_shape):
        return data
    if data.files is not None:
        return data.read_at(wanted, name)
    return data.with_source(_ConvertedImages(data.source, wanted, name, resize))


def _shape_for(data, image_shape):
    """Return an image shape with the sizes that the data have where any will do."""
    return tuple(
        have if asked is None else asked
        for have, asked in zip(data.image_shape, image_shape, strict=True)
    )


def _size(shape):
    return " x ".join(map(str, shape))


def _warn_of_resize(resize, trained, name):
    """Warn if files are resized differently than the training images were."""
    if trained not in (None, resize):
        warn_user(
            f"`{name}` has files read with `resize={resize!r}`, but the classifier was "
            f"trained on images read with `resize={trained!r}`. Read them the same way."
        )


def _warn_of_grey(have, wanted, name):
    """Warn if files that were to be grey are read in colour."""
    if (have[2], wanted[2]) == (1, 3):
        warn_user(
            f"`{name}` has files read with `channels=1`, but the model takes 3 "
            "channels: they are read in colour. If colour should not matter, build the "
            "model for 1 channel, or give the grey images as arrays, from "
            "`load_images()`."
        )


class _ConvertedImages:
    """Images in memory that are converted when they are read."""

    def __init__(self, source, image_shape, name, resize):
        self._source = source
        self._name = name
        self.image_shape = image_shape
        self.files = self.places = self.boxes = None
        self.resize = resize
        self.reading = None
        self.dtype = source.dtype
        self.skipped_files = self.left_out = []

    def __len__(self):
        return len(self._source)

    def pixel_identities(self, indices):
        """Return a number for each image, the same for the same pixels."""
        return self._source.pixel_identities(indices)

    def read(self, indices):
        """Return the converted pixels of the images at `indices`."""
        pixels = self._source.read(indices)
        pixels = _with_channels(pixels, self.image_shape[2], self._name)
        if pixels.shape[1:] == self.image_shape:
            return pixels
        size = self.image_shape[:2]
        return np.stack([fitted(image, size, self.resize) for image in pixels]).reshape(
            len(pixels), *self.image_shape
        )


def _with_channels(pixels, channels, name):
    """Return images with that many channels, if that loses nothing."""
    if pixels.shape[3] == channels:
        return pixels
    if pixels.shape[3] == 4:
        if (pixels[..., 3] != 255).any():
            raise ValueError(
                f"`{name}` has partly transparent images, but the model takes "
                f"{channels} channels. Put them on a background first."
            )
        pixels = pixels[..., :3]
    if channels == 3:
        return pixels.repeat(3, axis=3) if pixels.shape[3] == 1 else pixels
    if (pixels != pixels[..., :1]).any():
        raise ValueError(
            f"`{name}` has colour images, but the model takes greyscale images, of 1 "
            "channel. Convert them as the model's training images were, or build "
            "the model for 3 channels."
        )
    return pixels[..., :1]
