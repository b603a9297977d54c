"""Digests of image data: equal only if the images and their labels are the same."""

import hashlib
import json
import os

import numpy as np

from reticnn.data.file_reading import Reading

# Pixels are read in parts, as images in memory may be converted when they are read.
_IMAGES_AT_ONCE = 256


def images_digest(data):
    """Return a text that differs where image data have other images, or another order.

    Images in memory are told apart by their pixels. Files are so by their names below
    the folder of all, their sizes and times, and how they are read: they are not read
    for it.
    """
    digest = hashlib.blake2b(digest_size=16)
    digest.update(json.dumps([len(data), list(map(int, data.image_shape))]).encode())
    if data.files is not None:
        digest.update(json.dumps([data.resize, _names_below(data.places)]).encode())
        if data.reading != Reading(data.image_shape[2]):
            digest.update(json.dumps(data.reading.to_config()).encode())
        for file in data.places:
            digest.update(_state_of(file).encode())
        if data.boxes is not None:
            digest.update(np.ascontiguousarray(data.boxes, "<i8").tobytes())
        return digest.hexdigest()
    for start in range(0, len(data), _IMAGES_AT_ONCE):
        stop = min(start + _IMAGES_AT_ONCE, len(data))
        pixels = np.ascontiguousarray(data.read(np.arange(start, stop)))
        digest.update(pixels.dtype.str.encode() + pixels.tobytes())
    return digest.hexdigest()


def labels_digest(data):
    """Return a text that differs where image data have other labels or classes."""
    digest = hashlib.blake2b(json.dumps(data.class_names).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(data.codes, "<i8").tobytes())
    return digest.hexdigest()


def image_weights_digest(data):
    """Return a text that differs where images count differently in training."""
    if data.weights is None:
        return "none"
    weights = np.ascontiguousarray(data.weights, "<f8")
    return hashlib.blake2b(weights.tobytes(), digest_size=16).hexdigest()


def _names_below(files):
    """Return the paths of files from the folder that holds all of them."""
    paths = [os.path.abspath(file) for file in files]
    folders = [os.path.dirname(path) for path in paths]
    try:
        top = os.path.commonpath(folders)
    except ValueError:  # On several drives.
        return paths
    return [os.path.relpath(path, top).replace(os.sep, "/") for path in paths]


def _state_of(file):
    """Return the size of a file and when it was changed, or that it is not there."""
    try:
        state = os.stat(file)
    except OSError:
        return "missing;"
    return f"{state.st_size} {int(state.st_mtime)};"
