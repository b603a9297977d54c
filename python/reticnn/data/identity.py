"""Tell which images are the same: one file, copies of it, or the same pixels."""

import hashlib
import os
from collections import Counter

import numpy as np

from reticnn.runtime.files import opened

# Files of one size that are no copies mostly differ here already.
_SAMPLE_BYTES = 4096
_BYTES_AT_ONCE = 2**20


def file_identities(paths):
    """Return a value for each file, the same for the same file and for its copies.

    Only files of the same size are read, and only those read whole that are alike at
    the start and in the middle.
    """
    files = [_file_at(path) for path in paths]
    path_of = dict(zip(files, paths, strict=True))
    identities = {file: (file[0],) for file in path_of}
    for look in (_sample, _content):
        count = Counter(identities.values())
        for file, identity in identities.items():
            if count[identity] > 1:
                identities[file] = (*identity, look(path_of[file], file))
    return [identities[file] for file in files]


def image_hashes(pixels):
    """Return one 64-bit number per image, the same for the same pixels."""
    return np.array(list(map(_hash, pixels)), np.uint64)


def _file_at(path):
    """Return the size of a file and what all paths to it have in common."""
    try:
        status = os.stat(path)
    except OSError:
        return None, path
    # Some network drives do not number their files.
    number = (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(path)
    return status.st_size, number


def _sample(path, file):
    """Return the bytes at the start and in the middle of a file."""
    try:
        with opened(path) as reading:
            start = reading.read(_SAMPLE_BYTES)
            reading.seek(max(_SAMPLE_BYTES, file[0] // 2))
            return start + reading.read(_SAMPLE_BYTES)
    except OSError:
        return file


def _content(path, file):
    """Return a digest of a file."""
    digest = hashlib.blake2b(digest_size=16)
    try:
        with opened(path) as reading:
            while part := reading.read(_BYTES_AT_ONCE):
                digest.update(part)
    except OSError:
        return file
    return digest.digest()


def _hash(image):
    if image.dtype != np.uint8:
        # Whole numbers are the same image in any type.
        whole = np.clip(image, 0, 255).astype(np.uint8)
        image = whole if np.array_equal(whole, image) else image
    digest = hashlib.blake2b(np.ascontiguousarray(image), digest_size=8)
    digest.update(np.array(image.shape, "<i8").tobytes())
    return int.from_bytes(digest.digest(), "little")
