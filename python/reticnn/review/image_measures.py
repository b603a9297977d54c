"""What one reading of each image tells: a thumbnail, a hash of its pixels, measures."""

from typing import NamedTuple

import numpy as np

from reticnn.data.caching import new_cache
from reticnn.data.identity import image_hashes
from reticnn.prediction.forward import read_batches
from reticnn.runtime.opencv import cv2
from reticnn.runtime.progress import reporting

# Pixels: enough to tell a copy from a similar image, and the same for all images.
SIDE = 32

_AT_ONCE = 64

# The weights of red, green and blue in the brightness of a colour.
GREY_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)

# From this brightness on, light is lost.
_WHITE = 250

# A row or column of pixels that differ by no more than this is all one colour.
_ONE_COLOUR = 4


class ImageMeasures(NamedTuple):
    """What is known of each image, in the order of the data.

    `hashes` are the same for the same pixels, `thumbnails` a cache of uint8 images of
    32 x 32 pixels and one or three channels, and `measures` a dict of float arrays.
    """

    hashes: np.ndarray
    thumbnails: object
    measures: dict

    def thumbs(self, positions):
        """Return the thumbnails of some images as float32."""
        return self.thumbnails.read(np.asarray(positions)).astype(np.float32)


def image_measures(parts, report):
    """Return the `ImageMeasures` of several image data, one after the other.

    Args:
        parts: List of image data.
        report: Function to call with the number of batches that are done.
    """
    sizes = list(map(len, parts))
    count = sum(sizes)
    channels = 1 if all(part.image_shape[2] == 1 for part in parts) else 3
    thumbnails = new_cache("auto", (count, SIDE, SIDE, channels))
    hashes = np.empty(count, np.uint64)
    rows, start = [], 0
    # Borders that reading itself has added are none of the image's.
    padded = np.repeat([part.resize == "pad" for part in parts], sizes)
    with read_batches(parts, _AT_ONCE) as batches:
        for pixels in reporting(batches, report):
            indices = np.arange(start, start + len(pixels))
            start += len(pixels)
            hashes[indices] = image_hashes(pixels)
            pixels = _as_bytes(pixels)
            thumbs = np.stack([_thumbnail(image, channels) for image in pixels])
            thumbnails.write(indices, thumbs)
            rows += map(_measures, pixels)
    measures = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    measures["border"][padded] = 0
    return ImageMeasures(hashes, thumbnails, measures)


def number_of_measured_batches(parts):
    """Return how many batches `image_measures` reads."""
    return sum(-(-len(part) // _AT_ONCE) for part in parts)


def _as_bytes(pixels):
    """Return images as uint8 with one or three channels."""
    if pixels.dtype != np.uint8:
        pixels = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
    channels = pixels.shape[3]
    if channels in (1, 3):
        return pixels
    if channels < 3:
        return pixels[..., :1]
    # Of more bands, each colour is the mean of neighbouring ones.
    groups = np.array_split(np.arange(channels), 3)
    means = [pixels[..., group].mean(axis=3) for group in groups]
    return np.stack(means, axis=3).astype(np.uint8)


def _thumbnail(image, channels):
    shrinks = min(image.shape[:2]) > SIDE
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    small = cv2.resize(image, (SIDE, SIDE), interpolation=how)
    small = small.reshape(SIDE, SIDE, image.shape[2])
    return small if small.shape[2] == channels else small.repeat(channels, axis=2)


def _measures(image):
    """Return the measures of an image, uint8 (height, width, 1 or 3)."""
    is_colour = image.shape[2] == 3
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if is_colour else image[..., 0]
    grey = np.ascontiguousarray(grey)
    shares = np.bincount(grey.ravel(), minlength=256) / grey.size
    below = np.cumsum(shares)
    values = np.arange(256)
    mean = float(shares @ values)
    low, high = np.searchsorted(below, (0.05, 0.95))
    return {
        "brightness": mean,
        "spread": float(np.sqrt(max(0, shares @ (values - mean) ** 2))),
        "contrast": float(high - low),
        "white": float(shares[_WHITE:].sum()),
        "blur": _blur(grey),
        "border": _border(grey),
        "colour": _colour(image) if is_colour else 0.0,
    }


def _blur(grey):
    """Return how little an image changes where it is blurred once more, 0 to 1.

    An image whose neighbouring pixels differ much less after blurring was sharp.
    """
    grey = grey.astype(np.float32)
    lost, differences = 0.0, 0.0
    for axis, window in ((0, (1, 9)), (1, (9, 1))):
        before = np.abs(np.diff(grey, axis=axis))
        after = np.abs(np.diff(cv2.blur(grey, window), axis=axis))
        lost += float(np.maximum(0, before - after).sum())
        differences += float(before.sum())
    return 1 - lost / differences if differences else 1.0


def _border(grey):
    """Return the share of an image in rows and columns of one colour at its edges."""
    height, width = grey.shape
    rows = _edges(np.ptp(grey, axis=1) <= _ONE_COLOUR)
    columns = _edges(np.ptp(grey, axis=0) <= _ONE_COLOUR)
    return 1 - (height - rows) * (width - columns) / (height * width)


def _edges(is_plain):
    """Return how many are true at the start and at the end."""
    if is_plain.all():
        return 0
    return int(np.argmin(is_plain)) + int(np.argmin(is_plain[::-1]))


def _colour(image):
    """Return the mean distance of the highest and the lowest channel of a pixel."""
    red, green, blue = cv2.split(image)
    highest = cv2.max(cv2.max(red, green), blue)
    lowest = cv2.min(cv2.min(red, green), blue)
    return float(cv2.subtract(highest, lowest).mean())
