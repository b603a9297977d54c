"""How much memory Pillow takes to decode an image."""

from reticnn.data.pixels.bounding import read_at_once
from reticnn.data.pixels.claims import area_of, len_of

# Formats that Pillow decodes row by row, into its image and nothing else.
_BY_ROWS = ("BMP", "DIB", "GIF", "JPEG", "MPO", "PCX", "PNG", "PPM", "TGA", "TIFF")

# Bytes that Pillow takes for a pixel, 4 for all others.
STORED = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}

# Bytes that a reader of another format may take for a pixel besides.
_BESIDES = 12

# Of a file that Pillow reads as a whole, so many copies are in memory.
COPIES_AT_ONCE = 3


def bytes_besides(image, part):
    """Return how much memory Pillow takes to decode an image, besides its pixels.

    It decodes one of `part` pixels, if it is a JPEG 2000.
    """
    if image.format == "JPEG2000":
        per_pixel = 4 * len(image.getbands()) + 2
        return 2 * len_of(image.fp) + per_pixel * area_of(image) // part
    if image.format == "TIFF":
        return _strip_bytes(image)
    if image.format in ("JPEG", "MPO"):
        return coefficient_bytes(image)
    if image.format in _BY_ROWS:
        return 0
    return _BESIDES * area_of(image) + COPIES_AT_ONCE * read_at_once(image.fp)


def _strip_bytes(image):
    """Return the size of a strip of a TIFF file, which is decoded as a whole."""
    if not image.tile or image.tile[0][0] != "libtiff":
        return 0
    rows = min(image.tag_v2.get(278, image.height), image.height)
    return rows * image.width * sum(image.tag_v2.get(258, (8,))) // 8


def coefficient_bytes(image):
    """Return what a progressive JPEG takes besides: all of its coefficients at once."""
    if not image.info.get("progressive"):
        return 0
    shares = [across * down for _, across, down, _ in image.layer]
    return 2 * area_of(image) * sum(shares) // max(*shares, 1)
