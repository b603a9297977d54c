"""Cut tiles out of images, decoding no more of an image than has to be."""

import contextlib

import numpy as np

from reticnn.data.channels import as_image, photo_as_image
from reticnn.data.pixels.eight_bits import converted_part, converter_of
from reticnn.data.pixels.orientation import is_upright
from reticnn.data.pixels.tiff_parts import parts_of
from reticnn.data.pixels.upright import load, upright_pixels
from reticnn.data.readers import photo, reader_of


@contextlib.contextmanager
def cutter_in(file, reading, has_floats, share, take):
    """Return what cuts tiles out of the image in an open file, as a context.

    It has two methods: `tile(box)` gives the pixels in a box, (left, top, width,
    height), of the upright image, and their `Extremes` or None; `beside(box, others)`
    says which of other tiles cost little once there is that one, as a bool array. If it
    `is_whole`, tiles can be cut when the file is closed.

    Args:
        file: Binary file, open.
        reading: `Reading`.
        has_floats: Whether float32 is wanted, not uint8, of files of more than 8 bits.
        share: The part of its size at which a tile is wanted, at most 1.
        take: Function that is told how many bytes of memory will be taken.
    """
    reader, about = reader_of(file, reading)
    if about is not None:
        values = reader.values(file, about, reading, take)
        yield cutter_of_values(values, about, reading, has_floats)
        return
    with photo.image_in(file) as image:
        cutter = _cutter_of_photo(image, reading.channels, share, take)
        yield _Photo(cutter)


def cutter_of_values(values, about, reading, has_floats):
    """Return what cuts tiles out of the values of an image, as `cutter_in` has it.

    Args:
        values: Array, (height, width, bands).
        about: `Described`.
        reading: `Reading`.
        has_floats: Whether float32 is wanted, not uint8, of files of more than 8 bits.
    """
    return _Values(values, about, reading, has_floats)


def _cutter_of_photo(image, channels, share, take):
    """Return what cuts tiles out of a photo: pixels, and the highest of 16 bits."""
    if not is_upright(image):
        return _Pixels(*upright_pixels(image, max(image.size), channels, take))
    parts = parts_of(image)
    if parts:
        return _Parts(parts, channels)
    return _Loaded(image, channels, share, take)


class _Whole:
    """An image that has been decoded as a whole.

    Attributes:
        is_whole: Whether all tiles can be cut without the file.
    """

    is_whole = True

    def beside(self, box, others):
        """Return that all other tiles cost little."""
        return np.ones(len(others), bool)


class _Values(_Whole):
    """The values of a whole image, of which those of a tile become an image."""

    def __init__(self, values, *how):
        self._values = values
        self._how = how

    def tile(self, box):
        """Return the pixels in a box, and their `Extremes` or None."""
        left, top, width, height = box
        values = self._values[top : top + height, left : left + width]
        return as_image(values, *self._how, max(width, height))


class _Photo:
    """A photo, whose tiles become images as whole photos do."""

    def __init__(self, cutter):
        self._cutter = cutter
        self.is_whole = cutter.is_whole
        self.beside = cutter.beside

    def tile(self, box):
        """Return the pixels in a box, and their `Extremes` or None."""
        pixels, highest = self._cutter.tile(box)
        return photo_as_image(pixels, highest)


class _Pixels(_Whole):
    """The pixels of a whole image."""

    def __init__(self, pixels, highest):
        self._pixels = pixels
        self._highest = highest

    def tile(self, box):
        """Return the pixels in a box, and the highest of the image or None."""
        left, top, width, height = box
        return self._pixels[top : top + height, left : left + width], self._highest


class _Loaded(_Whole):
    """An image of Pillow, whose parts are converted one by one, to save memory."""

    def __init__(self, image, channels, share, take):
        width = image.width
        self._convert = converter_of(image, channels)
        load(image, share * min(image.size), take)
        # A JPEG may have been read at a part of its size.
        self._share = round(width / image.width)
        # Its pixels stay when its file is closed.
        self._image = image

    def tile(self, box):
        """Return the pixels in a box, and the highest of them or None."""
        left, top, width, height = (round(length / self._share) for length in box)
        part = self._image.crop((left, top, left + width, top + height))
        return self._convert(part)


class _Parts:
    """An image whose parts are decoded one by one, while its file is open."""

    is_whole = False

    def __init__(self, parts, channels):
        self._parts = parts
        self._channels = channels

    def beside(self, box, others):
        """Return which other tiles need parts that are as wide as the image, too."""
        return np.array(others)[:, 1] == (box[1] if self._parts.full_width else -1)

    def tile(self, box):
        """Return the pixels in a box, and the highest of them or None."""
        return self._parts.region(box, self._converted)

    def _converted(self, part):
        return converted_part(part, self._channels)
