"""HDF5 files that hold arrays of numbers of the size that they say, and no more."""

import math
import os
from collections import Counter

import h5py
from h5py import h5a, h5d, h5g, h5l, h5o, h5t

from reticnn.runtime.foreign.hdf5_headers import check_header
from reticnn.runtime.foreign.hdf5_pieces import MOST_PIECES, Pieces, check_apart
from reticnn.runtime.foreign.hdf5_texts import Texts
from reticnn.runtime.foreign.limits import MOST_TIMES, ROOM, in_mib

_MOST_ATTRIBUTES = 1000
_KINDS = "biufcSV"
_KINDS_OF_ATTRIBUTES = {h5t.INTEGER, h5t.FLOAT, h5t.STRING, h5t.ENUM, h5t.OPAQUE}


class _Walk:
    """What has been met in a file so far."""

    def __init__(self, size, outer, read):
        self.size, self.outer = size, outer
        self.shapes = Counter()
        self.pieces = {}
        self._read, self._texts = read, Texts(read)
        self._bytes = self._unpacked = 0
        self._pieces_left = MOST_PIECES
        self._met = set()

    def take(self, place, group):
        """Look at a group, and at all that is in it."""
        self._check_once(place, group)
        groups = [(place, group)]
        while groups:
            place, group = groups.pop()
            self._check_attributes(place, group)
            for name in group:
                within = f"{place}/{name.decode('utf-8', 'backslashreplace')}"
                if group.links.get_info(name).type != h5l.TYPE_HARD:
                    raise ValueError(f"it has a link, {within!r}, to another place")
                item = h5o.open(group, name)
                self._check_once(within, item)
                if isinstance(item, h5g.GroupID):
                    groups.append((within, item))
                elif isinstance(item, h5d.DatasetID):
                    self._check_attributes(within, item)
                    self._check_array(within, item)
                else:
                    raise ValueError(f"{within!r} in it is no array")
        stored = [place for one in self.pieces.values() for place in one.stored]
        check_apart(stored, self.size)

    def _check_once(self, place, item):
        address = _address(item)
        if address in self._met:
            raise ValueError(f"{place!r} in it is there under two names")
        self._met.add(address)
        check_header(self._read, address, place)

    def _check_array(self, place, array):
        made = array.get_create_plist()
        layout = made.get_layout()
        if made.get_external_count() or layout == h5d.VIRTUAL:
            raise ValueError(f"{place!r} in it has its numbers in another file")
        kind = array.dtype
        if kind.kind not in _KINDS or kind.fields or array.shape is None:
            raise ValueError(f"{place!r} in it is no array of numbers")
        self.shapes[array.shape] += 1
        if layout == h5d.CHUNKED:
            pieces = Pieces(place, array, self._pieces_left)
            self._count_unpacked(pieces.unpacked)
            self._pieces_left -= len(pieces.stored)
            self.pieces[_address(array)] = pieces
        else:
            self._count(math.prod(array.shape) * kind.itemsize)

    def _check_attributes(self, place, item):
        """Raise if attributes take more than the file has."""
        count = h5a.get_num_attrs(item)
        # HDF5 sorts them all for each that is asked for.
        if count > _MOST_ATTRIBUTES:
            raise ValueError(f"{place!r} in it has {count:,} attributes")
        for index in range(count):
            attribute = h5a.open(item, index=index)
            kind = attribute.get_type()
            if kind.get_class() not in _KINDS_OF_ATTRIBUTES:
                raise ValueError(f"{place!r} in it has an attribute of an unusual kind")
            number = attribute.get_space().get_simple_extent_npoints()
            self._count(number * kind.get_size())
            if number and kind.get_class() == h5t.STRING and kind.is_variable_str():
                lengths = self._texts.lengths(_address(item), attribute.name, number)
                self._count(sum(lengths))

    def _count_unpacked(self, size):
        self._unpacked += size
        if self._unpacked > MOST_TIMES * self.outer + ROOM:
            raise ValueError(
                f"its arrays are to take more than {in_mib(self._unpacked)} when they "
                f"are unpacked, where the file has {in_mib(self.outer)}"
            )

    def _count(self, size):
        self._bytes += size
        if self._bytes > self.size + ROOM:
            raise ValueError(
                f"its arrays and texts are to take more than {in_mib(self._bytes)}, "
                f"where the file has {in_mib(self.size)}"
            )


class Checked:
    """An HDF5 file that is open, and good.

    Attributes:
        file: `h5py.File`.
        shapes: `collections.Counter` of the shapes of its arrays.
        has_pieces: Whether arrays of it are in pieces, which HDF5 is not to read.
    """

    def __init__(self, file, walk, contents):
        """Take the file, what was met in it, and the file object that it is read of."""
        self.file, self.shapes = file, walk.shapes
        self.has_pieces = bool(walk.pieces)
        self._pieces, self._contents = walk.pieces, contents

    def pieces_of(self, array):
        """Return the `Pieces` of an array, or None for one that HDF5 reads."""
        return self._pieces.get(_address(array.id))

    def write_whole(self, path):
        """Write the same file with no array in pieces."""
        with h5py.File(path, "w") as whole:
            groups = [(self.file, whole)]
            while groups:
                group, copy = groups.pop()
                copy.attrs.update(group.attrs)
                for name, item in group.items():
                    if isinstance(item, h5py.Group):
                        groups.append((item, copy.create_group(name)))
                        continue
                    pieces = self.pieces_of(item)
                    copy[name] = pieces.array(self._contents) if pieces else item[()]
                    copy[name].attrs.update(item.attrs)


def _address(item):
    """Return where in its file a group or an array is.

    `h5o.get_info()` would also look how long the list of its pieces is, and HDF5 ends
    the process over some lists that are damaged.
    """
    low, high = h5g.get_objinfo(item).objno
    return low | high << 32


def open_checked(file, outer=None):
    """Return an HDF5 file, open, once it is good.

    It is good if all that it holds is in it, once, and as large as it says.

    Args:
        file: File object, opened to read bytes.
        outer: Size of the file that this one was packed in, or None.

    Returns:
        `Checked`.

    Raises:
        OSError: If it is no HDF5 file.
        ValueError: If it points elsewhere, has an array that is larger than the file,
            or one that is of no numbers.
    """
    opened = h5py.File(file, "r")
    try:
        size, start = file.seek(0, os.SEEK_END), opened.userblock_size

        def read(offset, length):
            file.seek(start + offset)
            return file.read(min(length, size))

        walk = _Walk(size, size if outer is None else outer, read)
        walk.take("", opened.id)
        if walk.pieces and start:
            raise ValueError("arrays in it are in pieces, and something is before them")
        return Checked(opened, walk, file)
    except BaseException:
        opened.close()
        raise
