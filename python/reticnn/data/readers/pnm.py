"""Plain files of 16 bits of the Netpbm programs, by their values."""

import re

import numpy as np

from reticnn.data.described import Described, check_room, length_of
from reticnn.data.refusing import RefusedError

_HEADER = re.compile(rb"P([56])" + 3 * rb"(?:\s|#[^\n]*\n)+(\d{1,10})" + rb"\s")
_LONGEST_HEADER = 4096


def is_mine(beginning):
    """Return whether a file that begins so is one of 16 bits."""
    header = _HEADER.match(beginning)
    return header is not None and 255 < int(header[4]) < 65_536


def described(file, reading):
    """Return what the header of a file says."""
    file.seek(0)
    header = _HEADER.match(file.read(_LONGEST_HEADER))
    width, height, white = map(int, header.groups()[1:])
    bands = 3 if header[1] == b"6" else 1
    about = Described(
        "PPM",
        width,
        height,
        bands,
        np.dtype("u2"),
        (0, white),
        None,
        bands == 3,
        details=header.end(),
    )
    length = length_of(file)
    wanted = header.end() + 2 * about.count
    if length < wanted:
        raise RefusedError(f"is damaged: it ends after {length:,} of {wanted:,} bytes")
    check_room(about, length, 4 * about.count)
    return about


def values(file, about, reading, take):
    """Return the values of a file, (height, width, bands)."""
    take(4 * about.count)
    file.seek(about.details)
    found = np.frombuffer(file.read(2 * about.count), ">u2")
    return found.reshape(about.height, about.width, about.bands)
