"""How long the texts in attributes of an HDF5 file are, before HDF5 reads them.

It reads all texts of an attribute at once, each as often as the attribute refers to it,
and does not say before how long they are. So this reads the attribute's own bytes: for
each text they have its length, and where it is. Texts stand in collections, through
which HDF5 goes item by item, for ever where an item takes nothing.
"""

import struct

from reticnn.runtime.foreign.hdf5_headers import ATTRIBUTE, UnusualError, messages

_REFERENCE = struct.Struct("<LQL")
_ITEM = 16


class Texts:
    """The texts in the attributes of a file."""

    def __init__(self, read):
        """Take a function of an offset and a length to the file's bytes there."""
        self._read = read
        self._object, self._attributes = None, {}
        self._collections = set()

    def lengths(self, address, name, number):
        """Return the lengths of the texts in an attribute.

        Args:
            address: Where the object is that has the attribute.
            name: The attribute's name, as bytes.
            number: How many texts it has.

        Raises:
            UnusualError: If they are not where HDF5 puts them unless it is told
                otherwise.
        """
        if address != self._object:
            self._object, self._attributes = address, _attributes(self._read, address)
        contents = self._attributes.get(name, b"")
        if len(contents) < number * _REFERENCE.size:
            raise UnusualError("an attribute is stored in an unusual way")
        texts = [
            _REFERENCE.unpack_from(contents, n * _REFERENCE.size) for n in range(number)
        ]
        for place in {place for length, place, _ in texts if length}:
            if place not in self._collections:
                _check_collection(self._read, place)
                self._collections.add(place)
        return [length for length, _, _ in texts]


def _attributes(read, address):
    """Return the bytes of the attributes of an object by their names."""
    found = {}
    for kind, message in messages(read, address):
        if kind != ATTRIBUTE:
            continue
        name, contents = _attribute(message)
        if name in found:
            raise UnusualError("an object has two attributes of one name")
        found[name] = contents
    return found


def _check_collection(read, address):
    """Raise unless the items of a collection of texts fill it, one after the other."""
    head = read(address, _ITEM)
    if head[:4] != b"GCOL" or len(head) < _ITEM:
        raise UnusualError("texts of an attribute are not where they are said to be")
    (size,) = struct.unpack_from("<Q", head, 8)
    items, at = read(address, size), _ITEM
    while at + _ITEM <= len(items):
        number, length = struct.unpack_from("<H6xQ", items, at)
        # What is left over is an item too, and counts its own head.
        taken = _ITEM + -(-length // 8) * 8 if number else length
        if not 0 < taken <= len(items) - at:
            raise UnusualError("texts of an attribute are damaged")
        at += taken


def _attribute(message):
    """Return the name of an attribute, and its bytes."""
    if len(message) < 9:
        return None, b""
    version = message[0]
    sizes = struct.unpack_from("<HHH", message, 2)
    at = 9 if version == 3 else 8
    name = message[at : at + sizes[0]].partition(b"\0")[0]
    for size in sizes:
        at += -(-size // 8) * 8 if version == 1 else size
    return name, message[at:]
