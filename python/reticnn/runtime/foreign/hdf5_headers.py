"""How the objects of an HDF5 file are stored, before HDF5 looks for what is in them.

HDF5 writes groups, attributes and pieces of arrays in lists of one kind unless it is
told otherwise. It has newer kinds too, and ends the process over some of those that are
damaged. So this reads the header of each object itself, and refuses the newer ones.
"""

import struct

ATTRIBUTE = 0x0C
_LAYOUT, _CONTINUATION = 0x08, 0x10

# Messages that tell of newer lists, of links and of attributes.
_NEWER = {0x02, 0x15}
_NEWEST_LAYOUT = 3
_MOST_BLOCKS = 1000


class UnusualError(ValueError):
    """An object of the file is stored in a way that is not known here."""


def check_header(read, address, place):
    """Raise unless all that an object has is in lists of the old kind.

    Args:
        read: Function of an offset and a length to the file's bytes there.
        address: Where the object is.
        place: Its name, for messages.
    """
    for kind, message in messages(read, address, place):
        if kind in _NEWER or (
            kind == _LAYOUT and message[:1] > bytes([_NEWEST_LAYOUT])
        ):
            raise _newer(place)


def messages(read, address, place=""):
    """Yield the kind and the bytes of each message in an object's header."""
    start = read(address, 16)
    if start.startswith(b"OHDR"):
        raise _newer(place)
    if start[:1] != b"\1" or len(start) < 16:
        raise UnusualError("an object has a header of an unknown kind")
    blocks = [(address + 16, struct.unpack_from("<L", start, 8)[0])]
    for count in range(_MOST_BLOCKS):
        if count == len(blocks):
            return
        for kind, message in _messages_in(read(*blocks[count])):
            if kind == _CONTINUATION and len(message) >= 16:
                blocks.append(struct.unpack_from("<QQ", message))
            yield kind, message
    raise UnusualError("an object has a header in too many parts")


def _messages_in(block):
    at = 0
    while at + 8 <= len(block):
        kind, size = struct.unpack_from("<HH", block, at)
        yield kind, block[at + 8 : at + 8 + size]
        at += 8 + size


def _newer(place):
    return UnusualError(
        f"{place or '/'!r} in it is stored in a newer way of HDF5, which is not read; "
        'write the file again with `h5py.File(path, "w", libver="earliest")`'
    )
