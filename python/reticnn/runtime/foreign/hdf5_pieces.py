"""Arrays of HDF5 files that are in pieces, unpacked without HDF5.

HDF5 unpacks whatever a file says, and ends the process over some that are damaged. So
it is only asked where the pieces are. They are read and unpacked here, each to the size
that it must have, and none takes more.
"""

import math
import zlib

import numpy as np
from h5py import h5t, h5z

from reticnn.runtime.foreign.limits import in_mib

_UNPACKED = (h5z.FILTER_DEFLATE, h5z.FILTER_SHUFFLE)
_NAMES = {h5z.FILTER_FLETCHER32: "Fletcher32", 32000: "LZF", h5z.FILTER_SZIP: "SZIP"}

# Those of arrays that may grow can be larger than what there is.
_LARGEST_PIECE_ANYWAY = 2**20

# HDF5 takes microseconds to tell of each, also of those that arrays share.
MOST_PIECES = 100_000


class Pieces:
    """An array that is in pieces, as it is stored.

    Attributes:
        stored: List of (offset, size), where the pieces are in the file, as packed.
        unpacked: How many bytes they all take when they are unpacked.
    """

    def __init__(self, place, array, most):
        """Look where the pieces of an array are, without reading them.

        Args:
            place: Its name, for messages.
            array: `h5py.h5d.DatasetID`.
            most: How many pieces it may have.

        Raises:
            ValueError: If it is not all there, or is stored in a way that is not known.
        """
        made = array.get_create_plist()
        self._place = place
        self._dtype, self._shape = array.dtype, array.shape
        self._side = made.get_chunk()
        self._filters = [made.get_filter(n)[0] for n in range(made.get_nfilters())]
        self._size = math.prod(self._shape) * self._dtype.itemsize
        self._size_of_piece = math.prod(self._side) * self._dtype.itemsize
        sides = zip(self._shape, self._side, strict=True)
        self._number = math.prod(-(-length // side) for length, side in sides)
        self.unpacked = self._number * self._size_of_piece
        self._check_kind(array)
        if self._number > most:
            raise ValueError(f"{place!r} in it has {self._number:,} pieces")
        self._at, self._found = {}, 0
        array.chunk_iter(self._note)
        if len(self._at) != self._number or not self._fill():
            raise ValueError(f"{place!r} in it is not all there")
        self.stored = [(offset, size) for offset, size, _ in self._at.values()]

    def _check_kind(self, array):
        for one in self._filters:
            if one not in _UNPACKED:
                raise ValueError(
                    f"{self._place!r} in it is packed by {_NAMES.get(one, one)}, which "
                    "is not unpacked here; load it where it was made, and save it "
                    "again without compression"
                )
        if len(set(self._filters)) < len(self._filters):
            raise ValueError(f"{self._place!r} in it is packed more than once")
        if array.get_type() != h5t.py_create(self._dtype):
            raise ValueError(f"{self._place!r} in it has numbers of an unusual kind")
        if self._size_of_piece > max(self._size, _LARGEST_PIECE_ANYWAY):
            raise ValueError(
                f"{self._place!r} in it is in pieces of {in_mib(self._size_of_piece)}, "
                f"where all of it takes {in_mib(self._size)}"
            )

    def _note(self, piece):
        """Note where a piece is; HDF5 goes on to the next unless one is too many."""
        where = piece.byte_offset, piece.size, piece.filter_mask
        self._at[piece.chunk_offset] = where
        self._found += 1
        return True if self._found > self._number else None

    def _fill(self):
        """Return whether each piece begins where one must."""
        sides = list(zip(self._shape, self._side, strict=True))
        return all(
            0 <= at < length and at % side == 0
            for place in self._at
            for at, (length, side) in zip(place, sides, strict=True)
        )

    def array(self, file):
        """Return the array.

        Args:
            file: File object with the HDF5 file, opened to read bytes.

        Raises:
            ValueError: If a piece is damaged.
        """
        array = np.empty(self._shape, self._dtype)
        for place, (offset, size, left_out) in self._at.items():
            file.seek(offset)
            piece = self._unpacked(file.read(size), left_out)
            within = tuple(
                slice(at, at + side) for at, side in zip(place, self._side, strict=True)
            )
            part = array[within]
            part[...] = piece[tuple(slice(length) for length in part.shape)]
        return array

    def _unpacked(self, packed, left_out):
        """Return a piece as an array, but for filters that were left out for it."""
        for number, one in reversed(list(enumerate(self._filters))):
            if left_out & 1 << number:
                continue
            if one == h5z.FILTER_DEFLATE:
                packed = self._inflated(packed)
            elif len(packed) == self._size_of_piece:
                by_place = np.frombuffer(packed, np.uint8)
                by_place = by_place.reshape(self._dtype.itemsize, -1)
                packed = by_place.T.tobytes()
        if len(packed) != self._size_of_piece:
            raise ValueError(f"{self._place!r} in it has a piece of the wrong size")
        return np.frombuffer(packed, self._dtype).reshape(self._side)

    def _inflated(self, packed):
        try:
            # One byte more shows that there are too many.
            return zlib.decompressobj().decompress(packed, self._size_of_piece + 1)
        except zlib.error as error:
            raise ValueError(f"{self._place!r} in it is damaged ({error})") from None


def check_apart(places, size):
    """Raise if two pieces of a file share bytes, or one is beyond its end.

    Args:
        places: List of (offset, size).
        size: That of the file.
    """
    end = 0
    for offset, length in sorted(places):
        if offset < end or length > size - offset:
            raise ValueError("arrays in it are stored in the same place, or nowhere")
        end = offset + length
