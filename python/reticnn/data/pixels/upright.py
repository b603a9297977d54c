"""Turn an image that Pillow has opened into upright pixels, in little memory."""

import contextlib
import operator

import numpy as np
from PIL import Image

from reticnn.data.budget import memory
from reticnn.data.pixels.bounding import read_at_once
from reticnn.data.pixels.claims import LARGE, area_of, check_kind, len_of
from reticnn.data.pixels.eight_bits import (
    converted,
    converted_part,
    has_sixteen_bits,
    in_mode,
    is_white_at_zero,
)
from reticnn.data.pixels.needs import (
    COPIES_AT_ONCE,
    STORED,
    bytes_besides,
    coefficient_bytes,
)
from reticnn.data.pixels.orientation import orientation_of, turned
from reticnn.data.pixels.png_rows import rows_of
from reticnn.data.pixels.tiff_parts import parts_of, stored_size
from reticnn.data.refusing import check_memory
from reticnn.runtime.opencv import cv2, has_opencv

# A PNG that takes more memory is read some rows at a time, which takes longer.
_MUCH = 400_000_000

# So many pixels are left for each that is asked for, an odd number: `fitted` softens
# over so many, no more and no fewer. Those of a JPEG 2000 lie half a pixel off.
_KEPT = 5

# The pixels of a part, which is converted at once, if it is more than a row.
_PART = 4_000_000

# Bytes that each pixel of a part takes to convert, and of a row to read.
_BYTES_OF_A_PART = 16

# No JPEG has more bytes: 4 for a pixel, and what comes before them.
_BYTES_OF_A_JPEG = (4, 1 << 26)

# Bytes that OpenCV takes for a pixel of a plain WebP.
_PLAIN_WEBP = 6.1

# How OpenCV is asked for colours, and for a JPEG at a part of its size, which saves
# most of the work.
_COLOURS = {1: "IMREAD_GRAYSCALE", 3: "IMREAD_COLOR_RGB"}

_REDUCTIONS = {
    8: "IMREAD_REDUCED_GRAYSCALE_8",
    4: "IMREAD_REDUCED_GRAYSCALE_4",
    2: "IMREAD_REDUCED_GRAYSCALE_2",
    1: "IMREAD_GRAYSCALE",
}


def upright_pixels(image, side, channels, take):
    """Return an image's pixels, upright, `side` high and wide or more if it is.

    And the highest of its values if they have 16 bits, else None.

    Args:
        image: Pillow's image, opened and not loaded.
        side: Pixels.
        channels: 1 for grey, 3 for RGB.
        take: Function that is told how many bytes of memory will be taken.
    """
    check_kind(image)
    if image.format == "WEBP" and area_of(image) > LARGE and _is_plain_webp(image):
        return _webp_pixels(image, side, channels, take), None
    if _is_ordinary_jpeg(image) and has_opencv():
        pixels = _jpeg_pixels(image, side, channels, take)
        if pixels is not None:
            return pixels, None
        return _any_pixels(image, side, channels, lambda count: None)
    return _any_pixels(image, side, channels, take)


def _is_ordinary_jpeg(image):
    return image.format in ("JPEG", "MPO") and image.mode in ("L", "RGB")


def _jpeg_pixels(image, side, channels, take):
    """Return the pixels of an ordinary JPEG, upright; None for what Pillow has to read.

    OpenCV decodes and converts in half of Pillow's time. It gives nothing for a damaged
    file, whose error then is Pillow's.
    """
    whole = area_of(image)
    part = _reduction(image.size, side)
    per_pixel, before = _BYTES_OF_A_JPEG
    length = min(len_of(image.fp), per_pixel * whole + before)
    besides = length + coefficient_bytes(image)
    check_memory(channels * whole // part**2 + besides)
    # As Pillow would take it, or with a copy for the resizing.
    take(min(6 * whole // part**2 + besides, memory.most))
    image.fp.seek(0)
    encoded = np.frombuffer(image.fp.read(length), np.uint8)
    with contextlib.suppress(cv2.error):
        flags = (getattr(cv2, name) for name in (_COLOURS[channels], _REDUCTIONS[part]))
        return cv2.imdecode(encoded, operator.or_(*flags))
    return None


def _reduction(size, side):
    """Return the part of the size at which a JPEG still has `side` pixels both ways."""
    return next(part for part in _REDUCTIONS if part == 1 or min(size) // part >= side)


def _is_plain_webp(image):
    """Return whether a WebP is one image without transparency, encoded with losses."""
    image.fp.seek(0)
    return image.fp.read(16).endswith(b"VP8 ")


def _webp_pixels(image, side, channels, take):
    """Return the pixels of a large plain WebP, of which Pillow takes four copies."""
    needed = _PLAIN_WEBP * area_of(image) + COPIES_AT_ONCE * read_at_once(image.fp)
    check_memory(needed)
    take(needed)
    image.fp.seek(0)
    encoded = np.frombuffer(image.fp.read(), np.uint8)
    # Neither converted nor turned, which takes a copy.
    pixels = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    if pixels is None:
        raise OSError("its pixels cannot be decoded")
    factor = _factor(image.size, side)
    pixels = _resized(pixels, *(length // factor for length in image.size))
    small = Image.fromarray(np.ascontiguousarray(pixels[..., ::-1]))
    return np.asarray(in_mode(small, "RGB" if channels == 3 else "L"))


def _any_pixels(image, side, channels, take):
    """Return the pixels of an image of any format, and the highest of 16-bit ones."""
    is_large = area_of(image) > LARGE
    parts = parts_of(image) if is_large else None
    if parts:
        return _pixels_of_parts(parts, orientation_of(image), side, channels, take)
    if image.format == "PNG" and 4 * area_of(image) > _MUCH:
        orientation = orientation_of(image)
        png = rows_of(image)
        if png:
            return _pixels_of_rows(png, orientation, side, channels, take)
    halvings = 0
    if is_large and image.format == "JPEG2000":
        image.reduce = halvings = _halvings(image, side)
    besides = bytes_besides(image, 4**halvings)
    image.draft(None, (side, side))
    has_16_bits, inverted = has_sixteen_bits(image), is_white_at_zero(image)
    size = [length >> halvings for length in image.size]
    factor = _factor(size, side) if is_large else 1
    needed = size[0] * size[1] * (STORED.get(image.mode, 4) + channels / factor**2)
    at_once = min(max(_PART, size[0]), size[0] * size[1])
    needed += besides + _BYTES_OF_A_PART * (at_once + size[0])
    check_memory(needed)
    take(needed)
    image.load()
    orientation = orientation_of(image)

    def rows(top, bottom):
        part = image.crop((0, top, image.width, bottom))
        return converted(part, channels, has_16_bits)

    if area_of(image) <= _PART:
        pixels, highest = converted(image, channels, has_16_bits)
        pixels = _resized(pixels, *(length // factor for length in image.size))
    else:
        pixels, highest = _smaller(rows, image.size, factor, channels)
    pixels = turned(pixels, orientation)
    return (255 - pixels, None) if inverted else (pixels, highest)


def _pixels_of_parts(parts, orientation, side, channels, take):
    """Return the pixels of a large image in parts, and the highest of 16-bit ones."""
    width, height = parts.size
    factor = _factor(parts.size, side)
    rows_at_once = max(factor, _PART // width)
    # Those asked for, and the rows of parts in which they lie.
    held = channels * width * (2 * rows_at_once + 2 * parts.row_height)
    needed = held + channels * width * height // factor**2
    needed += _BYTES_OF_A_PART * parts.pixels_at_once
    check_memory(needed)
    take(needed)

    def rows(top, bottom):
        box = (0, top, width, bottom - top)
        return parts.region(box, lambda part: converted_part(part, channels))

    pixels, highest = _smaller(rows, parts.size, factor, channels)
    return turned(pixels, orientation), highest


def _pixels_of_rows(png, orientation, side, channels, take):
    """Return the pixels of a large PNG, and the highest of 16-bit ones."""
    width, height = png.size
    factor = _factor(png.size, side)
    rows_at_once = max(factor, _PART // width)
    needed = png.bytes_for(rows_at_once) + channels * width * height // factor**2
    needed += (_BYTES_OF_A_PART + channels) * width * rows_at_once
    check_memory(needed)
    take(needed)

    def rows(top, bottom):
        count = bottom - top
        return png.next_rows(count, lambda part: converted_part(part, channels))

    pixels, highest = _smaller(rows, png.size, factor, channels)
    return turned(pixels, orientation), highest


def load(image, side, take):
    """Load a whole image, of a JPEG a part of its size with at least so many pixels.

    Args:
        image: Pillow's image, opened and not loaded.
        side: Length in pixels that the shorter side of the image must keep.
        take: Function that is told how many bytes of memory will be taken.
    """
    check_kind(image)
    part = _reduction(image.size, side)
    besides = bytes_besides(image, 1)
    if image.format in ("JPEG", "MPO") and part > 1:
        image.draft(None, tuple(-(-length // part) for length in image.size))
    needed = area_of(image) * STORED.get(image.mode, 4) + besides
    check_memory(needed)
    take(needed)
    image.load()


def _smaller(rows, size, factor, channels):
    """Return pixels made smaller by a factor, and the highest of 16-bit ones.

    Args:
        rows: Function from the first row and the one after the last to their pixels,
            and the highest of them.
        size: (width, height) of all of them.
        factor: Whole number.
        channels: 1 for grey, 3 for RGB.
    """
    width, height = (length // factor for length in size)
    all_pixels = np.empty((height, width, 3)[: 2 + (channels == 3)], np.uint8)
    all_highest = []
    at_once = max(1, _PART // (size[0] * factor))
    for first in range(0, height, at_once):
        last = min(first + at_once, height)
        edges = [row * size[1] // height for row in (first, last)]
        pixels, highest = rows(*edges)
        all_pixels[first:last] = _resized(pixels, width, last - first)
        all_highest.append(highest)
    return all_pixels, None if None in all_highest else max(all_highest)


def upright_size(image):
    """Return the (width, height) that an image has when it is upright.

    Raises:
        RefusedError: If it is not an image that can be read.
    """
    check_kind(image)
    across, down = stored_size(image)
    return (down, across) if orientation_of(image) > 4 else (across, down)


def _factor(size, side):
    """Return by what a large image is made smaller first, which `fitted` does on.

    So many rows are converted at once.
    """
    return max(1, min(min(size) // (_KEPT * side), _PART // size[0]))


def _halvings(image, side):
    """Return how many times a JPEG 2000 file can be read at half its size."""
    position = image.fp.tell()
    image.fp.seek(0)
    start = image.fp.read(1 << 16)
    image.fp.seek(position)
    # The marker segment with the coding style has the number of sizes within.
    at = start.find(b"\xff\x52\x00")
    levels = start[at + 9] if 0 <= at < len(start) - 9 else 0
    wanted = max(1, min(image.size) // (_KEPT * side)).bit_length() - 1
    return next(
        halvings
        for halvings in range(min(levels, wanted), -1, -1)
        if all(_rounds_up(length, 2**halvings) for length in image.size)
    )


def _rounds_up(length, part):
    """Return whether Pillow's rounding gives the size that OpenJPEG does."""
    return (length + part // 2) // part == -(-length // part)


def _resized(pixels, width, height):
    """Return pixels at a smaller size, each the mean of those that it stands for."""
    if pixels.shape[:2] == (height, width):
        return pixels
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
