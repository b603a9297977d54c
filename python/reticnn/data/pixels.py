"""Turn an image that Pillow has opened into pixels, in little memory."""

import contextlib
import io
import math
import struct

import cv2
import numpy as np
from PIL import Image, TiffImagePlugin

from reticnn.data.bounding import read_at_once
from reticnn.data.budget import memory
from reticnn.data.png_rows import rows_of
from reticnn.data.tiff_parts import parts_of, stored_size

# Images of more pixels are made smaller while they are converted, part by part.
_LARGE = 50_000_000

# A PNG that takes more memory is read some rows at a time, which takes longer.
_MUCH = 400_000_000

# Of a blank page, a byte may hold some ten thousand pixels.
_MOST_PIXELS_PER_BYTE = 100_000

# So many pixels are left for each that is asked for, an odd number: `fitted` softens
# over so many, no more and no fewer. Those of a JPEG 2000 lie half a pixel off.
_KEPT = 5

# The pixels of a part, which is converted at once, if it is more than a row.
_PART = 4_000_000

# Bytes that each pixel of a part takes to convert, and of a row to read.
_BYTES_OF_A_PART = 16

# No JPEG has more bytes: 4 for a pixel, and what comes before them.
_BYTES_OF_A_JPEG = (4, 1 << 26)


# Pictures in an icon can have another size than the icon says.
_ICONS = ("ICNS", "ICO")
_MOST_PIXELS_OF_AN_ICON = 2048 * 2048

# Formats whose 16 bits Pillow hands over in an image of 32.
_SIXTEEN_IN_32 = ("PNG", "PPM")

# Formats that Pillow decodes row by row, into its image and nothing else.
_BY_ROWS = ("BMP", "DIB", "GIF", "JPEG", "MPO", "PCX", "PNG", "PPM", "TGA", "TIFF")

# Bytes that Pillow takes for a pixel, 4 for all others.
_STORED = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}

# Bytes that a reader of another format may take for a pixel besides.
_BESIDES = 12

# Of a file that Pillow reads as a whole, so many copies are in memory.
COPIES_AT_ONCE = 3

# Bytes that OpenCV takes for a pixel of a plain WebP.
_PLAIN_WEBP = 6.1

# How OpenCV is asked for colours, and for a JPEG at a part of its size, which saves
# most of the work.
_COLOURS = {1: cv2.IMREAD_GRAYSCALE, 3: cv2.IMREAD_COLOR_RGB}
_REDUCTIONS = {
    8: cv2.IMREAD_REDUCED_GRAYSCALE_8,
    4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
    2: cv2.IMREAD_REDUCED_GRAYSCALE_2,
    1: 0,
}

# What EXIF's orientations ask for.
_UPRIGHT = {
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: pixels[::-1, ::-1].swapaxes(0, 1),
    8: np.rot90,
}
_ORIENTATION = 0x0112


class RefusedError(Exception):
    """An image that can be read, but not be understood, or not in bounded memory."""


def upright_pixels(image, side, channels, take):
    """Return an image's pixels, upright, `side` high and wide or more if it is.

    And the highest of its values if they have 16 bits, else None.

    Args:
        image: Pillow's image, opened and not loaded.
        side: Pixels.
        channels: 1 for grey, 3 for RGB.
        take: Function that is told how many bytes of memory will be taken.
    """
    _check_kind(image)
    if image.format == "WEBP" and _area(image) > _LARGE and _is_plain_webp(image):
        return _webp_pixels(image, side, channels, take), None
    if image.format in ("JPEG", "MPO") and image.mode in ("L", "RGB"):
        pixels = _jpeg_pixels(image, side, channels, take)
        if pixels is not None:
            return pixels, None
        return _any_pixels(image, side, channels, lambda count: None)
    return _any_pixels(image, side, channels, take)


def _len_of(file):
    """Return the length of a file that is open, whose position stays."""
    position = file.tell()
    length = file.seek(0, io.SEEK_END)
    file.seek(position)
    return length


def _area(image):
    return image.width * image.height


def _check_kind(image):
    """Raise for images that cannot be what they say, or could mean anything."""
    if _area(image) > _LARGE:
        _check_claim(image)
    if image.format in _ICONS:
        _check_icon(image)
    kind = {"F": "floating-point", "I": "32-bit or signed"}.get(image.mode)
    if kind and not (image.mode == "I" and image.format in _SIXTEEN_IN_32):
        raise RefusedError(
            f"has {kind} values, and nothing says which of them are black and white: "
            "convert it to 8 or 16 bits, or give arrays with values 0 to 255"
        )


def _check_claim(image):
    """Raise if a large image has far fewer bytes than any real one has."""
    length = _len_of(image.fp)
    if _area(image) > _MOST_PIXELS_PER_BYTE * length:
        raise RefusedError(
            f"is said by its first bytes to have {image.width:,} x {image.height:,} "
            f"pixels, and has {length:,} bytes, far too few for them"
        )


def _check_icon(image):
    """Raise if a picture in an icon is larger than icons are."""
    position = image.fp.tell()
    image.fp.seek(0)
    encoded = image.fp.read()
    image.fp.seek(position)
    for header in (b"IHDR", b"ihdr"):
        at = encoded.find(header)
        while 0 <= at <= len(encoded) - 12:
            height, width = struct.unpack_from(">II", encoded, at + 4)
            if width * height > _MOST_PIXELS_OF_AN_ICON:
                raise RefusedError(
                    f"is an icon with a picture of {width:,} x {height:,} pixels"
                )
            at = encoded.find(header, at + 4)


def check_memory(count):
    """Raise if an image cannot be decoded in the memory there is for that."""
    if count > memory.most:
        enough = math.ceil(count / 1e8) / 10
        raise RefusedError(
            f"takes {count / 1e9:.1f} GB of memory to decode, more than the "
            f"{memory.most / 1e9:.2f} GB that are used for it: allow more with "
            f"`image_memory({enough})`, or save it smaller, or as a JPEG that is not "
            "progressive"
        )


def _jpeg_pixels(image, side, channels, take):
    """Return the pixels of an ordinary JPEG, upright; None for what Pillow has to read.

    OpenCV decodes and converts in half of Pillow's time. It gives nothing for a damaged
    file, whose error then is Pillow's.
    """
    whole = _area(image)
    part = _reduction(image.size, side)
    per_pixel, before = _BYTES_OF_A_JPEG
    length = min(_len_of(image.fp), per_pixel * whole + before)
    besides = length + _coefficient_bytes(image)
    check_memory(channels * whole // part**2 + besides)
    # As Pillow would take it, or with a copy for the resizing.
    take(min(6 * whole // part**2 + besides, memory.most))
    image.fp.seek(0)
    encoded = np.frombuffer(image.fp.read(length), np.uint8)
    with contextlib.suppress(cv2.error):
        return cv2.imdecode(encoded, _COLOURS[channels] | _REDUCTIONS[part])
    return None


def _coefficient_bytes(image):
    """Return what a progressive JPEG takes besides: all of its coefficients at once."""
    if not image.info.get("progressive"):
        return 0
    shares = [across * down for _, across, down, _ in image.layer]
    return 2 * _area(image) * sum(shares) // max(*shares, 1)


def _reduction(size, side):
    """Return the part of the size at which a JPEG still has `side` pixels both ways."""
    return next(part for part in _REDUCTIONS if part == 1 or min(size) // part >= side)


def _is_plain_webp(image):
    """Return whether a WebP is one image without transparency, encoded with losses."""
    image.fp.seek(0)
    return image.fp.read(16).endswith(b"VP8 ")


def _webp_pixels(image, side, channels, take):
    """Return the pixels of a large plain WebP, of which Pillow takes four copies."""
    needed = _PLAIN_WEBP * _area(image) + COPIES_AT_ONCE * read_at_once(image.fp)
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
    return np.asarray(_in_mode(small, "RGB" if channels == 3 else "L"))


def _any_pixels(image, side, channels, take):
    """Return the pixels of an image of any format, and the highest of 16-bit ones."""
    is_large = _area(image) > _LARGE
    parts = parts_of(image) if is_large else None
    if parts:
        return _pixels_of_parts(parts, orientation_of(image), side, channels, take)
    if image.format == "PNG" and 4 * _area(image) > _MUCH:
        orientation = orientation_of(image)
        png = rows_of(image)
        if png:
            return _pixels_of_rows(png, orientation, side, channels, take)
    halvings = 0
    if is_large and image.format == "JPEG2000":
        image.reduce = halvings = _halvings(image, side)
    besides = _bytes_besides(image, 4**halvings)
    image.draft(None, (side, side))
    has_16_bits, inverted = ";16" in _raw_mode(image), _is_white_at_zero(image)
    size = [length >> halvings for length in image.size]
    factor = _factor(size, side) if is_large else 1
    needed = size[0] * size[1] * (_STORED.get(image.mode, 4) + channels / factor**2)
    at_once = min(max(_PART, size[0]), size[0] * size[1])
    needed += besides + _BYTES_OF_A_PART * (at_once + size[0])
    check_memory(needed)
    take(needed)
    image.load()
    orientation = orientation_of(image)

    def rows(top, bottom):
        part = image.crop((0, top, image.width, bottom))
        return _converted(part, channels, has_16_bits)

    if _area(image) <= _PART:
        pixels, highest = _converted(image, channels, has_16_bits)
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


def converted_part(part, channels):
    """Return the pixels of a part of an image, and the highest of 16-bit ones.

    Args:
        part: Pillow's image of a part, opened and not loaded.
        channels: 1 for grey, 3 for RGB.
    """
    return converter_of(part, channels)(part)


def converter_of(image, channels):
    """Return what makes pixels, and the highest of 16-bit ones, of parts of an image.

    Args:
        image: Pillow's image, opened and not loaded, as it is not known afterwards what
            its values are.
        channels: 1 for grey, 3 for RGB.
    """
    has_16_bits, inverted = ";16" in _raw_mode(image), _is_white_at_zero(image)

    def convert(part):
        pixels, highest = _converted(part, channels, has_16_bits)
        return (255 - pixels, None) if inverted else (pixels, highest)

    return convert


def load(image, side, take):
    """Load a whole image, of a JPEG a part of its size with at least so many pixels.

    Args:
        image: Pillow's image, opened and not loaded.
        side: Length in pixels that the shorter side of the image must keep.
        take: Function that is told how many bytes of memory will be taken.
    """
    _check_kind(image)
    part = _reduction(image.size, side)
    besides = _bytes_besides(image, 1)
    if image.format in ("JPEG", "MPO") and part > 1:
        image.draft(None, tuple(-(-length // part) for length in image.size))
    needed = _area(image) * _STORED.get(image.mode, 4) + besides
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
    _check_kind(image)
    across, down = stored_size(image)
    return (down, across) if orientation_of(image) > 4 else (across, down)


def is_upright(image):
    """Return whether an image is upright as it is stored."""
    return orientation_of(image) not in _UPRIGHT


def orientation_of(image):
    """Return EXIF's orientation of an image, loaded or not, which it stays."""
    if image.format == "PNG" and image.tile and "exif" not in image.info:
        # To find what may come behind the pixels, Pillow would decode them.
        behind = _png_exif(image.fp)
        if behind:
            image.info["exif"] = behind
        return Image.Image.getexif(image).get(_ORIENTATION, 1)
    return image.getexif().get(_ORIENTATION, 1)


def _png_exif(file):
    """Return the EXIF data of a PNG file as Pillow has them, or nothing."""
    position = file.tell()
    file.seek(8)
    found = b""
    while not found and len(head := file.read(8)) == 8:
        length, name = struct.unpack(">I4s", head)
        if name == b"eXIf":
            found = b"Exif\0\0" + file.read(length)
        file.seek(length + 4, io.SEEK_CUR)
    file.seek(position)
    return found


def turned(pixels, orientation):
    """Return pixels as EXIF's orientation asks for."""
    if orientation not in _UPRIGHT:
        return pixels
    return np.ascontiguousarray(_UPRIGHT[orientation](pixels))


def _factor(size, side):
    """Return by what a large image is made smaller first, which `fitted` does on.

    So many rows are converted at once.
    """
    return max(1, min(min(size) // (_KEPT * side), _PART // size[0]))


def _bytes_besides(image, part):
    """Return how much memory Pillow takes to decode an image, besides its pixels.

    It decodes one of `part` pixels, if it is a JPEG 2000.
    """
    if image.format == "JPEG2000":
        per_pixel = 4 * len(image.getbands()) + 2
        return 2 * _len_of(image.fp) + per_pixel * _area(image) // part
    if image.format == "TIFF":
        return _strip_bytes(image)
    if image.format in ("JPEG", "MPO"):
        return _coefficient_bytes(image)
    if image.format in _BY_ROWS:
        return 0
    return _BESIDES * _area(image) + COPIES_AT_ONCE * read_at_once(image.fp)


def _strip_bytes(image):
    """Return the size of a strip of a TIFF file, which is decoded as a whole."""
    if not image.tile or image.tile[0][0] != "libtiff":
        return 0
    rows = min(image.tag_v2.get(278, image.height), image.height)
    return rows * image.width * sum(image.tag_v2.get(258, (8,))) // 8


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


def _raw_mode(image):
    """Return how the values lie in a file, such as `"RGB;16B"`, or nothing."""
    arguments = image.tile[0][3] if image.tile else ""
    return str(arguments[0] if isinstance(arguments, tuple) else arguments)


def _is_white_at_zero(image):
    """Return whether 0 is white in a TIFF with 16 bits, which Pillow does not heed."""
    if image.format != "TIFF" or image.mode != "I;16":
        return False
    return image.tag_v2.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == 0


def _resized(pixels, width, height):
    """Return pixels at a smaller size, each the mean of those that it stands for."""
    if pixels.shape[:2] == (height, width):
        return pixels
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)


def _converted(image, channels, has_16_bits):
    """Return the pixels of an image in 8 bits, and the highest value of 16."""
    image, highest = _eight_bit(image)
    if has_16_bits and highest is None:
        # Pillow has kept the upper half of the bits.
        highest = int(np.asarray(_in_mode(image, "RGB")).max()) * 256 + 255
    image = _in_mode(_without_alpha(image), "RGB" if channels == 3 else "L")
    return np.asarray(image), highest


def _in_mode(image, mode):
    return image if image.mode == mode else image.convert(mode)


def _eight_bit(image):
    """Return a 16-bit greyscale image scaled to 8 bits and its highest value.

    Others are returned as they are, with None.
    """
    if not image.mode.startswith("I"):
        return image, None
    values = np.asarray(image)
    greys = (values >> 8).astype(np.uint8)
    # White, as below, which Pillow does not do for 16 bits.
    greys[values == image.info.get("transparency", -1)] = 255
    return Image.fromarray(greys), int(values.max())


def _without_alpha(image):
    """Return an image with transparent parts laid on white, as viewers show them."""
    if "A" not in image.getbands() and "transparency" not in image.info:
        return image
    image = image.convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")
