"""TIFF files of every kind, by their values."""

import struct

import numpy as np

from reticnn.data.described import Described, check_room, length_of, limits_of
from reticnn.data.pixels.orientation import turned
from reticnn.data.readers import photo
from reticnn.data.readers.peers import missing
from reticnn.data.readers.tiff_pages import BEGINNINGS, pages_of
from reticnn.data.refusing import RefusedError

# By the numbers that TIFF has for them.
_PLAIN = 1
_COMPRESSIONS = {
    1: "none",
    5: "LZW",
    7: "JPEG",
    8: "Deflate",
    32773: "PackBits",
    32946: "Deflate",
    50000: "ZSTD",
}
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _MASK, _CMYK, _YCBCR = range(7)
_KINDS = {1: "u", 2: "i", 3: "f", 4: "u"}
_ALPHA = {1: "premultiplied", 2: "straight"}

# Colours of the files with 8 bits that Pillow reads as photos.
_COLOURS = {_WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _RGB: 3, _PALETTE: 1, _CMYK: 4}

# Markers of JPEG behind which its size stands.
_SIZES_OF_JPEG = (0xC0, 0xC1, 0xC2, 0xC3)


def is_mine(beginning):
    """Return whether a file that begins so is one."""
    return beginning[:4] in BEGINNINGS


def described(file, reading):
    """Return what the header of a file says; None for a photo that Pillow reads.

    Raises:
        RefusedError: If its values cannot be read, or not in the memory there is.
    """
    pages = pages_of(file, _most_pages(reading.page))
    if reading.page == "first" and _is_photo(pages[0]):
        return None
    pages = _chosen(pages, reading.page)
    page = pages[0]
    about = _described(page, pages)
    if reading.page == "first":
        about = about._replace(has_more_pages=has_more_pages(file, page))
    decoded = about.count * about.dtype.itemsize
    check_room(about, length_of(file), decoded + max(page.lengths))
    return about


def has_more_pages(file, first=None):
    """Return whether a file has pages besides the first, but for a small preview.

    Args:
        file: Binary file, open.
        first: `Page`, the first one, if it is known. Default None.
    """
    if first is not None and first.is_last:
        return False
    try:
        first, *others = pages_of(file, 2)
    except RefusedError:
        # The page that is read may be whole.
        return False
    sides = [2 * max(page.width, page.height) for page in others]
    return any(side > max(first.width, first.height) for side in sides)


def values(file, about, reading, take):
    """Return the values of a file, (height, width, bands), upright."""
    pages = about.details
    is_plain = all(map(_is_plain, pages))
    copies = 1 if is_plain and not any(page.is_tiled for page in pages) else 2
    take(copies * about.count * about.dtype.itemsize)
    if is_plain:
        found = [_plain_values(file, page, about.dtype) for page in pages]
    else:
        found = _decoded(file, about)
    found = found[0] if len(found) == 1 else np.concatenate(found, axis=2)
    if found.shape != (about.height, about.width, about.bands):
        raise RefusedError("is damaged: it has more or fewer pixels than it says")
    return turned(found, pages[0].orientation)


def _most_pages(page):
    """Return how many pages must be known."""
    if page == "bands":
        return None
    return 1 if page == "first" else page + 1


def _is_photo(page):
    """Return whether Pillow reads a page of 8 bits as it is meant."""
    if page.number or max(page.bits) > 8 or set(page.formats) - {1, 4}:
        return False
    colours = 3 if page.photometric == _YCBCR else _COLOURS.get(page.photometric)
    if colours is None:
        # Pillow knows it, or says why not.
        return page.samples <= 4
    beyond = page.samples - colours
    return beyond == 0 or (beyond == 1 and page.extra[:1] in ((1,), (2,)))


def _chosen(pages, page):
    """Return the pages that are read."""
    if page == "first":
        return pages[:1]
    if page == "bands":
        if len({one.kind for one in pages}) > 1:
            raise RefusedError(
                "has pages of different sizes or types, which cannot be bands of one "
                "image: read one of them"
            )
        return pages
    if page >= len(pages):
        raise RefusedError(f"has {len(pages)} pages, and not as many as `page` says")
    return pages[page : page + 1]


def _described(page, pages):
    dtype = _dtype(page)
    if page.photometric == _PALETTE:
        raise RefusedError("has a palette on a page that is not the first")
    if page.photometric == _WHITE_IS_ZERO and dtype.kind != "u":
        raise RefusedError("has white at zero among values that are not whole numbers")
    if page.compression not in _COMPRESSIONS:
        raise RefusedError(
            f"is compressed in a way that is not read (number {page.compression})"
        )
    alpha = None
    if len(pages) == 1 and len(page.extra) == 1 and page.samples in (2, 4):
        alpha = _ALPHA.get(page.extra[0])
    return Described(
        "TIFF",
        page.width,
        page.height,
        page.samples * len(pages),
        dtype,
        limits_of(dtype, page.bits[0]),
        alpha,
        page.photometric in (_RGB, _YCBCR) and len(pages) == 1,
        is_negative=page.photometric == _WHITE_IS_ZERO,
        orientation=page.orientation,
        details=pages,
    )


def _dtype(page):
    """Return NumPy's type of the values of a page, or raise."""
    if len(set(page.bits)) > 1 or len(set(page.formats)) > 1:
        raise RefusedError("has bands of different types")
    bits, kind = page.bits[0], _KINDS.get(page.formats[0])
    if kind is None:
        raise RefusedError("has complex values")
    if kind == "u" and 1 <= bits <= 64:
        return np.dtype(f"u{next(size for size in (1, 2, 4, 8) if bits <= 8 * size)}")
    if (kind == "i" and bits in (8, 16, 32, 64)) or (
        kind == "f" and bits in (16, 32, 64)
    ):
        return np.dtype(f"{kind}{bits // 8}")
    raise RefusedError(f"has values of {bits} bits of a kind that is not read")


def _is_plain(page):
    """Return whether the values lie in the file as they are."""
    return page.compression == _PLAIN and page.bits[0] in (8, 16, 32, 64)


def _plain_values(file, page, dtype):
    """Return the values of a page without compression."""
    stored = dtype.newbyteorder(page.order)
    rows, columns, samples = page.segment_shape
    row_bytes = columns * samples * dtype.itemsize
    planes = page.samples if page.is_planar else 1
    if page.is_tiled:
        return _from_tiles(file, page, stored)
    strips = len(page.offsets) // planes
    heights = [min(rows, page.height - start * rows) for start in range(strips)]
    wanted = [height * row_bytes for height in heights] * planes
    _check_lengths(page, wanted)
    found = np.frombuffer(_joined(file, page.offsets, wanted), stored)
    found = found.reshape(planes, page.height, page.width, samples)
    return found[0] if planes == 1 else found[..., 0].transpose(1, 2, 0)


def _from_tiles(file, page, stored):
    """Return the values of a page without compression, which are in tiles."""
    height, width, samples = page.segment_shape
    size = height * width * samples * stored.itemsize
    _check_lengths(page, [size] * len(page.offsets))
    found = np.empty((page.height, page.width, page.samples), stored)
    across, down = -(-page.width // width), -(-page.height // height)
    for number, offset in enumerate(page.offsets):
        band, place = divmod(number, across * down)
        top, left = (place // across) * height, (place % across) * width
        file.seek(offset)
        tile = np.frombuffer(file.read(size), stored).reshape(height, width, samples)
        part = found[top : top + height, left : left + width]
        tile = tile[: part.shape[0], : part.shape[1]]
        if page.is_planar:
            part[..., band] = tile[..., 0]
        else:
            part[:] = tile
    return found


def _check_lengths(page, wanted):
    """Raise if parts of a page have fewer bytes than their pixels are."""
    for given, needed in zip(page.lengths, wanted, strict=True):
        if given < needed:
            raise RefusedError(
                f"is damaged: a part has {given:,} bytes for pixels of {needed:,}"
            )


def _joined(file, offsets, lengths):
    """Return the bytes of parts of a file, at once where they lie in their order."""
    start = offsets[0]
    place = start
    for offset, length in zip(offsets, lengths, strict=True):
        if offset != place:
            break
        place += length
    else:
        file.seek(start)
        return file.read(place - start)
    parts = []
    for offset, length in zip(offsets, lengths, strict=True):
        file.seek(offset)
        parts.append(file.read(length))
    return b"".join(parts)


def _decoded(file, about):
    """Return the values of pages that are compressed, by tifffile.

    Without it, of the first page by Pillow, if it has one band of a type that this has.
    """
    pages = about.details
    try:
        import imagecodecs  # noqa: F401
        import tifffile
    except ImportError as error:
        if about.bands == 1 and not pages[0].number and photo.has_type(about.dtype):
            return [photo.as_stored(file)]
        name = error.name or "tifffile"
        raise missing(name, f"a TIFF with {_named(pages[0])}") from error
    for page in pages:
        if page.compression == 7:
            _check_jpegs(file, page)
        if not all(page.lengths):
            raise RefusedError("has parts without pixels")
    file.seek(0)
    try:
        with tifffile.TiffFile(file) as tiff:
            found = [tiff.pages[page.number] for page in pages]
            arrays = [page.asarray(maxworkers=1) for page in found]
    except Exception as error:
        # Its codecs raise many kinds of errors, in words of their own.
        raise RefusedError("is damaged: its pixels cannot be decompressed") from error
    return [_bands_last(array, page) for array, page in zip(arrays, pages, strict=True)]


def _named(page):
    name = _COMPRESSIONS[page.compression]
    return "packed bits" if name == "none" else f"{name} compression"


def _bands_last(array, page):
    if page.is_planar:
        return array.reshape(page.samples, page.height, page.width).transpose(1, 2, 0)
    return array.reshape(page.height, page.width, page.samples)


def _check_jpegs(file, page):
    """Raise if a JPEG in a page claims another size than the part that it is."""
    rows, columns, _ = page.segment_shape
    for offset, length in zip(page.offsets, page.lengths, strict=True):
        file.seek(offset)
        high, wide = _size_of_jpeg(file.read(length))
        if high > rows or wide > columns:
            raise RefusedError(
                f"is damaged: a part of {columns} x {rows} pixels is a JPEG of "
                f"{wide:,} x {high:,}"
            )


def _size_of_jpeg(encoded):
    """Return the (height, width) in the header of a JPEG."""
    at = 2
    while at + 9 <= len(encoded) and encoded[at] == 0xFF:
        if encoded[at + 1] in _SIZES_OF_JPEG:
            return struct.unpack_from(">HH", encoded, at + 5)
        at += 2 + struct.unpack_from(">H", encoded, at + 2)[0]
    raise RefusedError("is damaged: a part of it is not a JPEG")
