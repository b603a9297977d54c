"""The size of an image by the first bytes of what is encoded, before it is decoded."""

import struct

# Where an image in JPEG, JPEG-LS and their kin begins, behind its markers.
_FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_WITHOUT_LENGTH = {0x01, 0xFF, *range(0xD0, 0xD9)}


def size_in(encoded):
    """Return the (width, height) of a JPEG, JPEG-LS or JPEG 2000, or None."""
    if encoded[:2] == b"\xff\xd8":
        return _size_in_jpeg(encoded)
    at = encoded[: 1 << 16].find(b"\xff\x4f\xff\x51")
    if at < 0 or len(encoded) < at + 24:
        return None
    right, bottom, left, top = struct.unpack_from(">4I", encoded, at + 8)
    return right - left, bottom - top


def _size_in_jpeg(encoded):
    at = 2
    while at + 9 <= len(encoded) and encoded[at] == 0xFF:
        kind = encoded[at + 1]
        if kind in _FRAMES:
            height, width = struct.unpack_from(">HH", encoded, at + 5)
            return width, height
        if kind in _WITHOUT_LENGTH:
            at += 1 if kind == 0xFF else 2
        else:
            at += 2 + struct.unpack_from(">H", encoded, at + 2)[0]
    return None
