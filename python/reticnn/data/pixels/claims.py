"""What the first bytes of an image claim, and whether it can be."""

import io
import struct

from reticnn.data.refusing import RefusedError

# Images of more pixels are made smaller while they are converted, part by part.
LARGE = 50_000_000

# Of a blank page, a byte may hold some ten thousand pixels.
_MOST_PIXELS_PER_BYTE = 100_000

# Pictures in an icon can have another size than the icon says.
_ICONS = ("ICNS", "ICO")

_MOST_PIXELS_OF_AN_ICON = 2048 * 2048

# Formats whose 16 bits Pillow hands over in an image of 32.
_SIXTEEN_IN_32 = ("PNG", "PPM")


def check_kind(image):
    """Raise for images that cannot be what they say, or could mean anything."""
    if area_of(image) > LARGE:
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
    length = len_of(image.fp)
    if area_of(image) > _MOST_PIXELS_PER_BYTE * length:
        raise RefusedError(
            f"claims in its first bytes to have {image.width:,} x {image.height:,} "
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


def area_of(image):
    return image.width * image.height


def len_of(file):
    """Return the length of a file that is open, whose position stays."""
    position = file.tell()
    length = file.seek(0, io.SEEK_END)
    file.seek(position)
    return length
