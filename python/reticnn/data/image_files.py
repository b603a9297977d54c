"""What folders and tables of image files have in common."""

import os
from functools import cache

import numpy as np
from PIL import Image

from reticnn.coercion import as_choice, as_pair
from reticnn.data.decoding import bad_files_message
from reticnn.data.file_reading import as_reading
from reticnn.data.image_data import FileImages, ImageData
from reticnn.data.plugins import add_plugins
from reticnn.data.readers import dicom
from reticnn.data.resizing import RESIZES
from reticnn.runtime.conditions import warn_user

# Pillow knows these by their endings and reads none of them without other programs.
_NO_READER = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "PALM", "PDF", "WMF"}


def reading_options(
    image_size,
    channels,
    resize,
    cache,
    *,
    bands=None,
    value_range=None,
    page="first",
):
    """Return how files are to be read, checked, as arguments of `FileImages`."""
    return {
        "image_size": as_pair(image_size, "image_size"),
        "reading": as_reading(channels, bands, page, value_range),
        "resize": as_choice(resize, "resize", RESIZES),
        "cache": as_choice(cache, "cache", ("auto", "memory", "disk", "none")),
    }


def as_bad_image_rule(value):
    """Return what to do with bad files, "error" or "skip"."""
    return as_choice(value, "on_bad_image", ("error", "skip"))


def file_data(
    files,
    codes,
    class_names,
    reading,
    on_bad_image,
    left_out=(),
    after_skipping="the data list them in `skipped`",
    **known,
):
    """Return image data of files, without the bad ones where they are to be skipped.

    `left_out` are files of other kinds, which lie beside them; `known` are the `groups`
    and the `facts`, if there are any. The warning about bad ones ends with
    `after_skipping`: where the user will see which.
    """
    source = FileImages(files, **reading, left_out=left_out)
    data = ImageData(source, codes, class_names, **known)
    if on_bad_image == "error":
        return data
    bad = source.find_bad()
    if not bad:
        return data
    message = bad_files_message(source.files, bad, len(source))
    if len(bad) == len(source):
        raise ValueError(f"{message}\nNo image is left. Check the files.")
    source.skipped = list(bad)
    warn_user(f"{message}\nThey are skipped; {after_skipping}.")
    return data[np.setdiff1d(np.arange(len(source)), source.skipped)]


def is_image_name(name):
    """Return whether a file is named like an image that can be read."""
    ending = os.path.splitext(name)[1].lower()
    if ending in dicom.ENDINGS:
        return dicom.is_readable()
    return ending in _readable_endings()


def is_photo_name(name):
    """Return whether a file is named like an image and is not hidden."""
    return is_image_name(name) and not name.startswith(".")


@cache
def _readable_endings():
    """Return the endings of the formats that Pillow reads, as it is installed."""
    add_plugins()
    return {
        ending
        for ending, kind in Image.registered_extensions().items()
        if kind not in _NO_READER
    }
