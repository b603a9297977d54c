"""The pages of a TIFF file, as their headers say it, with nothing of their pixels."""

import struct
from dataclasses import dataclass, field

from reticnn.data.described import length_of
from reticnn.data.refusing import RefusedError

# How a file begins: the order of its bytes, and whether it is a BigTIFF.
_BEGINNINGS = {
    b"II*\0": ("<", False),
    b"MM\0*": (">", False),
    b"II+\0": ("<", True),
    b"MM\0+": (">", True),
}
BEGINNINGS = tuple(_BEGINNINGS)

# struct's letter of each type that a tag may have, and its bytes.
_TYPES = {
    1: ("B", 1),
    3: ("H", 2),
    4: ("I", 4),
    6: ("b", 1),
    8: ("h", 2),
    9: ("i", 4),
    13: ("I", 4),
    16: ("Q", 8),
    17: ("q", 8),
    18: ("Q", 8),
}

# The tags that count.
_TAGS = {
    254: "subfile",
    256: "width",
    257: "height",
    258: "bits",
    259: "compression",
    262: "photometric",
    266: "fill_order",
    273: "offsets",
    274: "orientation",
    277: "samples",
    278: "rows",
    279: "lengths",
    284: "planar",
    317: "predictor",
    322: "tile_width",
    323: "tile_height",
    324: "offsets",
    325: "lengths",
    338: "extra",
    339: "formats",
}
_LISTS = ("bits", "offsets", "lengths", "extra", "formats")

# Read at once; the header of most files lies within.
_BEGINNING = 4096
_MOST_PAGES = 100_000
_MOST_SEGMENTS = 10_000_000
_DAMAGED = "is damaged: "


@dataclass
class Page:
    """What the header of a page says, by the names of TIFF's tags.

    `subfile` is not 0 for a smaller copy or a mask of another page, and `is_last` says
    that none follows.
    """

    number: int
    order: str
    subfile: int = 0
    width: int = 0
    height: int = 0
    bits: tuple = (1,)
    compression: int = 1
    photometric: int = 1
    fill_order: int = 1
    offsets: tuple = field(default=(), repr=False)
    lengths: tuple = field(default=(), repr=False)
    orientation: int = 1
    samples: int = 1
    rows: int = 2**32 - 1
    planar: int = 1
    predictor: int = 1
    tile_width: int = 0
    tile_height: int = 0
    extra: tuple = ()
    formats: tuple = (1,)
    is_last: bool = True

    @property
    def is_tiled(self):
        """Whether its pixels are in tiles, not in strips."""
        return self.tile_width > 0

    @property
    def is_planar(self):
        """Whether each band is by itself."""
        return self.planar == 2 and self.samples > 1

    @property
    def segment_shape(self):
        """(rows, columns, samples) of each strip or tile; the last may have less."""
        samples = 1 if self.is_planar else self.samples
        if self.is_tiled:
            return (self.tile_height, self.tile_width, samples)
        return (min(self.rows, self.height), self.width, samples)

    @property
    def kind(self):
        """What pages have in common that are bands of one image."""
        return (
            self.width,
            self.height,
            self.bits,
            self.formats,
            self.samples,
            self.photometric,
            self.orientation,
        )


def pages_of(file, most=None):
    """Return the first pages of a TIFF file, without smaller copies and masks.

    Args:
        file: Binary file, open.
        most: How many pages at most, or None.

    Raises:
        RefusedError: If the file is damaged, or ends before its pages do.
    """
    reading = _Bytes(file)
    order, big = _BEGINNINGS[reading.at(0, 4)]
    offset = reading.numbers(8 if big else 4, order + "Q" if big else order + "I")[0]
    pages, seen = [], set()
    while offset and len(pages) != most:
        if len(seen) == _MOST_PAGES:
            raise RefusedError(f"has more than {_MOST_PAGES:,} pages")
        if offset in seen:
            raise RefusedError(f"{_DAMAGED}its pages go round in a circle")
        seen.add(offset)
        page, offset = _page_at(reading, offset, len(seen) - 1, order, big)
        if not page.subfile & 0b101:
            _check(page, reading.length)
            pages.append(page)
    if not pages:
        raise RefusedError(f"{_DAMAGED}it has no page")
    return pages


class _Bytes:
    """The bytes of a file, whose beginning is read once."""

    def __init__(self, file):
        self._file = file
        self.length = length_of(file)
        file.seek(0)
        self._beginning = file.read(_BEGINNING)

    def at(self, offset, count):
        if offset + count > self.length:
            raise RefusedError(
                f"{_DAMAGED}it has {self.length:,} bytes, and says that something is "
                f"at byte {offset + count:,}"
            )
        if offset + count <= len(self._beginning):
            return self._beginning[offset : offset + count]
        self._file.seek(offset)
        return self._file.read(count)

    def numbers(self, offset, code):
        return struct.unpack(code, self.at(offset, struct.calcsize(code)))


def _page_at(reading, start, number, order, big):
    """Return the page whose header is at an offset, and the offset of the next."""
    count_code, entry, inline = ("Q", 20, 8) if big else ("H", 12, 4)
    count = reading.numbers(start, order + count_code)[0]
    start += struct.calcsize(order + count_code)
    if count > 65_535:
        raise RefusedError(f"{_DAMAGED}a page has {count:,} tags")
    entries = reading.at(start, count * entry)
    found = {}
    for tag, kind, length, here in struct.iter_unpack(
        order + ("HHQ8s" if big else "HHI4s"), entries
    ):
        if tag not in _TAGS or kind not in _TYPES:
            continue
        letter, size = _TYPES[kind]
        if length > _MOST_SEGMENTS:
            raise RefusedError(f"{_DAMAGED}a tag has {length:,} values")
        code = f"{order}{length}{letter}"
        if length * size <= inline:
            values = struct.unpack_from(code, here)
        else:
            place = struct.unpack(order + ("Q" if big else "I"), here)[0]
            values = reading.numbers(place, code)
        name = _TAGS[tag]
        if values:
            found[name] = values if name in _LISTS else values[0]
    code = order + ("Q" if big else "I")
    following = reading.numbers(start + count * entry, code)[0]
    return Page(number, order, is_last=not following, **found), following


def _check(page, length):
    """Raise if what a header says cannot be, or is not in the file."""
    if page.width < 1 or page.height < 1 or page.samples < 1 or page.rows < 1:
        raise RefusedError(
            f"{_DAMAGED}it says to have {page.width} x {page.height} pixels of "
            f"{page.samples} values"
        )
    if page.is_tiled and not page.tile_height:
        raise RefusedError(f"{_DAMAGED}its tiles have no height")
    rows, columns, _ = page.segment_shape
    wanted = -(-page.height // rows) * -(-page.width // columns)
    wanted *= page.samples if page.is_planar else 1
    if len(page.offsets) != wanted or len(page.lengths) != wanted:
        raise RefusedError(
            f"{_DAMAGED}it says to have {len(page.offsets):,} parts, and its pixels "
            f"are {wanted:,}"
        )
    ends = max(map(sum, zip(page.offsets, page.lengths, strict=True)))
    if ends > length:
        raise RefusedError(f"{_DAMAGED}it ends after {length:,} of {ends:,} bytes")
