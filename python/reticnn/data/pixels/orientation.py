"""Which side of an image is up, as EXIF says it."""

import io
import struct

import numpy as np
from PIL import Image

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

# What turns an image back, where it is not the same once more.
_BACK = {6: 8, 8: 6}

_ORIENTATION = 0x0112


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


def laid_back(pixels, orientation):
    """Return pixels that EXIF's orientation has turned as they lay before."""
    return turned(pixels, _BACK.get(orientation, orientation))
