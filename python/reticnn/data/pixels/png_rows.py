"""Read a large PNG file some rows at a time.

The rows are put into small PNG files of their own, so that Pillow decodes and converts
them as it would the whole.
"""

import io
import struct
import zlib

import numpy as np
from PIL import Image

_SIGNATURE = b"\x89PNG\r\n\x1a\n"

# Values of a pixel by the number of the colour type.
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}

# The colour types of 8 bits with so many bytes for a pixel.
_TYPE_OF_BYTES = {1: 0, 2: 4, 3: 2, 4: 6}

# Bytes of a pixel, which filters take apart, in as many as a type of 8 bits has.
_LANES = {1: (1,), 2: (2,), 3: (3,), 4: (4,), 6: (3, 3), 8: (4, 4)}

# Chunks before the pixels without which these cannot be understood.
_KEPT = (b"PLTE", b"tRNS")

# Bytes of the file that are unpacked at once.
_AT_ONCE = 1 << 16

# Copies of the rows that are in memory at the same time.
_COPIES = 6


def rows_of(image):
    """Return the `PngRows` of an image, or None if it has no rows in their order.

    Args:
        image: Pillow's image, opened and not loaded.
    """
    if image.format != "PNG":
        return None
    rows = PngRows(image.fp)
    return None if rows.is_interlaced else rows


class PngRows:
    """The rows of an image, from the first on.

    Attributes:
        size: (width, height) of the image.
        is_interlaced: Whether rows that are neighbours lie far from each other.
    """

    def __init__(self, file):
        """Take a file, open."""
        file.seek(len(_SIGNATURE))
        self._file = file
        self._kept = b""
        for name, length in self._chunks():
            data = file.read(length) if name in (b"IHDR", *_KEPT) else b""
            if name == b"IHDR":
                self._header = data
            elif name in _KEPT:
                self._kept += _chunk(name, data)
            elif name == b"IDAT":
                self._left = length
                break
        width, height, bits, colours, _, _, interlaced = struct.unpack(
            ">IIBBBBB", self._header
        )
        self.size = width, height
        self.is_interlaced = bool(interlaced)
        bits *= _SAMPLES[colours]
        self._row_bytes = -(-width * bits // 8)
        self._pixel_bytes = max(1, bits // 8)
        self._before = np.zeros(self._row_bytes, np.uint8)
        self._unpacking = zlib.decompressobj()

    def bytes_for(self, count):
        """Return how much memory it takes to read so many rows at once."""
        return _COPIES * count * (self._row_bytes + 1)

    def next_rows(self, count, convert):
        """Return the pixels of the next rows, as `convert` makes them.

        Args:
            count: How many rows.
            convert: Function of Pillow's image of them.
        """
        packed = self._unpacked(count * (self._row_bytes + 1))
        rows = np.frombuffer(packed, np.uint8).reshape(count, -1)
        plain = self._unfiltered(rows)
        self._before = plain[-1].copy()
        header = struct.pack(">II", self.size[0], count) + self._header[8:]
        with Image.open(_file_of(header, self._kept, np.pad(plain, _FIRST))) as part:
            return convert(part)

    def _unfiltered(self, rows):
        """Return rows without their filters, which Pillow undoes for 8 bits alone.

        Each byte of a pixel is filtered by itself.
        """
        filters, rows = rows[:, :1], rows[:, 1:]
        rows = np.vstack([self._before, rows])
        rows = rows.reshape(len(rows), -1, self._pixel_bytes)
        filters = np.vstack([np.zeros((1, 1), np.uint8), filters])
        plain, at = np.empty_like(rows), 0
        for lanes in _LANES[self._pixel_bytes]:
            own = rows[..., at : at + lanes]
            header = struct.pack(">II", own.shape[1], len(own))
            header += bytes((8, _TYPE_OF_BYTES[lanes], 0, 0, 0))
            filtered = np.hstack([filters, own.reshape(len(own), -1)])
            with Image.open(_file_of(header, b"", filtered)) as part:
                plain[..., at : at + lanes] = np.asarray(part).reshape(own.shape)
            at += lanes
        return plain[1:].reshape(len(plain) - 1, -1)

    def _unpacked(self, count):
        """Return so many of the next bytes of the pixels."""
        found = []
        while count:
            data = self._unpacking.unconsumed_tail or self._packed()
            some = self._unpacking.decompress(data, count)
            count -= len(some)
            found.append(some)
        return b"".join(found)

    def _packed(self):
        """Return some of the next bytes of the file's pixels."""
        while not self._left:
            self._file.seek(4, io.SEEK_CUR)
            name, self._left = next(self._chunks())
            if name != b"IDAT":
                raise OSError("image file is truncated")
        data = self._file.read(min(self._left, _AT_ONCE))
        if not data:
            raise OSError("image file is truncated")
        self._left -= len(data)
        return data

    def _chunks(self):
        """Yield the name and the length of each chunk, from one's start on."""
        while len(head := self._file.read(8)) == 8:
            length, name = struct.unpack(">I4s", head)
            start = self._file.tell()
            yield name, length
            self._file.seek(start + length + 4)
        raise OSError("image file is truncated")


# No filter, in the first byte of each row.
_FIRST = ((0, 0), (1, 0))


def _file_of(header, kept, rows):
    """Return a PNG file of rows that begin with the number of their filter."""
    packed = zlib.compress(np.ascontiguousarray(rows), 0)
    chunks = _chunk(b"IHDR", header) + kept + _chunk(b"IDAT", packed)
    return io.BytesIO(_SIGNATURE + chunks + _chunk(b"IEND", b""))


def _chunk(name, data):
    checksum = struct.pack(">I", zlib.crc32(name + data))
    return struct.pack(">I", len(data)) + name + data + checksum
