"""HDF5 files that hold arrays of numbers of the size that they say, and no more."""

import math
from collections import Counter

import h5py
from h5py import h5a, h5d, h5g, h5l, h5o

from reticnn.runtime.foreign.limits import ROOM, in_mib

# Those that only compress: deflate, shuffle, checksums and LZF.
_FILTERS = {1, 2, 3, 32000}
_KINDS = "biufcSV"


def check_hdf5(file, size):
    """Raise unless all that an HDF5 file holds is in it, once, and as large as it says.

    Args:
        file: `h5py.File`.
        size: Size of the file in bytes.

    Returns:
        `collections.Counter` of the shapes of the arrays.

    Raises:
        ValueError: If it points elsewhere, has an array that is larger than the file,
            or one that is of no numbers.
    """
    walk = _Walk(size)
    walk.take("", file.id)
    return walk.shapes


class _Walk:
    """What has been met in a file so far."""

    def __init__(self, size):
        self.size = size
        self.shapes = Counter()
        self._bytes = 0
        self._met = set()

    def take(self, place, group):
        """Look at a group, and at all that is in it."""
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

    def _check_once(self, place, item):
        address = h5o.get_info(item).addr
        if address in self._met:
            raise ValueError(f"{place!r} in it is there under two names")
        self._met.add(address)

    def _check_array(self, place, array):
        made = array.get_create_plist()
        layout = made.get_layout()
        if made.get_external_count() or layout == h5d.VIRTUAL:
            raise ValueError(f"{place!r} in it has its numbers in another file")
        kind = array.dtype
        if kind.kind not in _KINDS or kind.fields:
            raise ValueError(f"{place!r} in it is no array of numbers")
        if layout == h5d.CHUNKED:
            self._check_chunks(place, made, kind)
        self.shapes[array.shape] += 1
        self._count(math.prod(array.shape) * kind.itemsize)

    def _check_chunks(self, place, made, kind):
        filters = {made.get_filter(n)[0] for n in range(made.get_nfilters())}
        if not filters <= _FILTERS:
            raise ValueError(f"{place!r} in it is compressed in an unusual way")
        if math.prod(made.get_chunk()) * kind.itemsize > ROOM:
            raise ValueError(
                f"{place!r} in it is in pieces of more than {in_mib(ROOM)}"
            )

    def _check_attributes(self, place, item):
        """Raise if attributes take more than the file has."""
        for index in range(h5a.get_num_attrs(item)):
            attribute = h5a.open(item, index=index)
            kind = attribute.get_type()
            number = attribute.get_space().get_simple_extent_npoints()
            self._count(number * kind.get_size())

    def _count(self, size):
        self._bytes += size
        if self._bytes > self.size + ROOM:
            raise ValueError(
                f"its arrays are to take more than {in_mib(self._bytes)}, where the "
                f"file has {in_mib(self.size)}"
            )


def open_checked(file, size):
    """Return an HDF5 file, opened and checked, with the shapes of its arrays.

    Args:
        file: Path or file object.
        size: Size of the file in bytes.

    Raises:
        OSError: If it is no HDF5 file.
        ValueError: As for `check_hdf5`.
    """
    opened = h5py.File(file, "r")
    try:
        return opened, check_hdf5(opened, size)
    except BaseException:
        opened.close()
        raise
