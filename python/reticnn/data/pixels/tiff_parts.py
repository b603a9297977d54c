"""Read parts of a TIFF file, its strips or tiles, without decoding the rest.

A part is put into a small TIFF file of its own, with the tags of the whole one, so that
Pillow decodes and converts it as it would the whole.
"""

import io
import struct
from typing import NamedTuple

import numpy as np
from PIL import Image, TiffImagePlugin

# Tags that say how a part is encoded, and what its values mean.
_OF_ALL_PARTS = (258, 262, 266, 277, 284, 317, 320, 338, 339, 347, 529, 530, 531, 532)

_WIDTH, _HEIGHT, _COMPRESSION, _PLANES, _BITS, _SAMPLES = 256, 257, 259, 284, 258, 277
_STRIPS = _, _, _ROWS_PER_STRIP = 273, 279, 278
_TILES = _, _, _TILE_WIDTH, _TILE_HEIGHT = 324, 325, 322, 323

# Not compressed; and ways to compress each part by itself that Pillow's library knows:
# LZW, JPEG, Deflate, PackBits, LZMA, ZSTD and WebP.
_PLAIN = 1
_COMPRESSIONS = (_PLAIN, 5, 7, 8, 32946, 32773, 34925, 50000, 50001)

# Pixels of a part of a file that is not compressed, which can be cut anywhere.
_PART = 1_000_000


class _Layout(NamedTuple):
    """Where the parts of an image lie: in rows of so many, each of one size."""

    width: int
    height: int
    across: int
    offsets: tuple
    lengths: tuple


def stored_size(image):
    """Return the (width, height) of an image as it is stored in its file.

    That of a TIFF file may already be that of the upright image in Pillow.
    """
    if image.format != "TIFF":
        return image.size
    return image.tag_v2[_WIDTH], image.tag_v2[_HEIGHT]


def parts_of(image):
    """Return the `TiffParts` of an image, or None if it is not in several parts.

    Args:
        image: Pillow's image, opened and not loaded.
    """
    if image.format != "TIFF":
        return None
    tags = image.tag_v2
    if tags.get(_COMPRESSION, _PLAIN) not in _COMPRESSIONS or tags.get(_PLANES, 1) != 1:
        return None
    layout = _tiles(image) if _TILES[0] in tags else _strips(image)
    if layout is None or len(layout.offsets) < 2:
        return None
    return TiffParts(image, layout)


def _tiles(image):
    """Return the layout of an image in tiles, or None if it is not a whole one."""
    offsets, lengths, width, height = (_numbers(image, tag) for tag in _TILES)
    if len(width) != 1 or len(height) != 1 or not width[0] or not height[0]:
        return None
    size = stored_size(image)
    across, down = -(-size[0] // width[0]), -(-size[1] // height[0])
    if len(offsets) != across * down or len(lengths) != across * down:
        return None
    return _Layout(width[0], height[0], across, offsets, lengths)


def _strips(image):
    """Return the layout of an image in strips, or None if it is not a whole one."""
    offsets, lengths, rows = (_numbers(image, tag) for tag in _STRIPS)
    width, height = stored_size(image)
    rows = min(rows[0] if rows else height, height)
    if not rows or len(offsets) != -(-height // rows):
        return None
    if image.tag_v2.get(_COMPRESSION, _PLAIN) == _PLAIN:
        return _cut_strips(image, offsets, rows)
    if len(lengths) != len(offsets):
        return None
    return _Layout(width, rows, 1, offsets, lengths)


def _cut_strips(image, offsets, rows):
    """Return the layout of strips without compression, cut into smaller ones."""
    width, height = stored_size(image)
    bits = sum(image.tag_v2.get(_BITS, (1,))[:1]) * image.tag_v2.get(_SAMPLES, 1)
    row_bytes = -(-width * bits // 8)
    fewer = max(1, _PART // width)
    if fewer < rows:
        # Strips of the size of the first are told from the last, which may be smaller.
        fewer = next(count for count in range(fewer, 0, -1) if rows % count == 0)
    else:
        fewer = rows
    tops = range(0, height, fewer)
    starts = [offsets[top // rows] + top % rows * row_bytes for top in tops]
    lengths = [min(fewer, height - top) * row_bytes for top in tops]
    return _Layout(width, fewer, 1, tuple(starts), tuple(lengths))


def _numbers(image, tag):
    """Return the numbers of a tag as a tuple, empty without the tag."""
    value = image.tag_v2.get(tag, ())
    return value if isinstance(value, tuple) else (value,)


class TiffParts:
    """The parts of an image, decoded when they are asked for.

    Those that the last answer needed are kept for the next one.

    Attributes:
        size: (width, height) of the image as it is stored.
        full_width: Whether each part is as wide as the image.
    """

    def __init__(self, image, layout):
        """Take Pillow's image and the layout of its parts."""
        self.size = stored_size(image)
        self.full_width = layout.across == 1
        self._file = image.fp
        self._tiling = layout
        self._tags = image.tag_v2
        self._kept = {}

    @property
    def pixels_at_once(self):
        """How many pixels of the image the largest part has."""
        return self._tiling.width * self._tiling.height

    @property
    def row_height(self):
        """How many rows of the image a row of parts has."""
        return self._tiling.height

    def region(self, box, convert):
        """Return the pixels in a box, and the highest of 16-bit ones or None.

        Args:
            box: (left, top, width, height) in pixels, within the image.
            convert: Function from Pillow's image of a part to its pixels and the
                highest of their 16-bit values or None.
        """
        left, top, width, height = box
        layout = self._tiling
        columns = range(left // layout.width, (left + width - 1) // layout.width + 1)
        rows = range(top // layout.height, (top + height - 1) // layout.height + 1)
        wanted = [row * layout.across + column for row in rows for column in columns]
        self._kept = {number: self._kept.get(number) for number in wanted}
        found = None
        for number in wanted:
            pixels, _ = self._decoded(number, convert)
            if found is None:
                found = np.empty((height, width, *pixels.shape[2:]), pixels.dtype)
            _put(found, box, pixels, self._corner(number))
        highest = [self._kept[number][1] for number in wanted]
        return found, None if None in highest else max(highest)

    def _decoded(self, number, convert):
        if self._kept[number] is None:
            with Image.open(self._file_of(number)) as part:
                self._kept[number] = convert(part)
        return self._kept[number]

    def _corner(self, number):
        """Return the (left, top) of a part."""
        row, column = divmod(number, self._tiling.across)
        return column * self._tiling.width, row * self._tiling.height

    def _file_of(self, number):
        """Return a TIFF file with one of the parts as its only strip."""
        layout = self._tiling
        height = layout.height
        if _TILES[0] not in self._tags:
            # The last strip has no more rows than the image.
            height = min(height, self.size[1] - self._corner(number)[1])
        self._file.seek(layout.offsets[number])
        encoded = self._file.read(layout.lengths[number])
        if len(encoded) < layout.lengths[number]:
            raise OSError("image file is truncated")
        order = self._tags.prefix
        mark = "<" if order == b"II" else ">"
        header = order + struct.pack(f"{mark}HL", 42, 8)
        tags = TiffImagePlugin.ImageFileDirectory_v2(header)
        for tag in _OF_ALL_PARTS:
            if tag in self._tags:
                tags.tagtype[tag] = self._tags.tagtype[tag]
                tags[tag] = self._tags[tag]
        tags[_WIDTH], tags[_HEIGHT] = layout.width, height
        tags[_COMPRESSION] = self._tags.get(_COMPRESSION, _PLAIN)
        offsets, lengths, rows_per_strip = _STRIPS
        # Counted from the end of the directory, as Pillow writes it.
        tags[offsets], tags[lengths], tags[rows_per_strip] = 0, len(encoded), height
        return io.BytesIO(header + tags.tobytes(8) + encoded)


def _put(found, box, pixels, corner):
    """Put what lies in a box of a part's pixels there, from the part's corner."""
    left, top, width, height = box
    part_left, part_top = corner
    from_left, from_top = max(left, part_left), max(top, part_top)
    to_right = min(left + width, part_left + pixels.shape[1])
    to_bottom = min(top + height, part_top + pixels.shape[0])
    found[from_top - top : to_bottom - top, from_left - left : to_right - left] = (
        pixels[
            from_top - part_top : to_bottom - part_top,
            from_left - part_left : to_right - part_left,
        ]
    )
