"""What folders and tables of image files have in common."""

import os
from functools import cache
from itertools import chain

import numpy as np
from PIL import Image

from reticnn.coercion import as_choice, as_pair
from reticnn.data.file_images import FileImages
from reticnn.data.file_reading import as_reading
from reticnn.data.image_data import ImageData
from reticnn.data.own_reader import OwnFiles, ReadByFunction, as_reader
from reticnn.data.plugins import add_plugins
from reticnn.data.readers import dicom, numpy_files
from reticnn.data.resizing import RESIZES
from reticnn.runtime.conditions import warn_user
from reticnn.runtime.files import opened

# So much of a file tells whether it is DICOM.
_BEGINNING = 132

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
    reader=None,
):
    """Return how files are to be read, checked, as arguments of `file_data`."""
    reader = as_reader(reader)
    options = {
        "image_size": as_pair(image_size, "image_size"),
        "reading": as_reading(channels, bands, page, value_range, reader is not None),
        "resize": as_choice(resize, "resize", RESIZES),
        "cache": as_choice(cache, "cache", ("auto", "memory", "disk", "none")),
    }
    if reader is None:
        _check_needs_no_reader(options["reading"])
        return options
    if options["cache"] == "none":
        raise ValueError(
            "`cache` must not be 'none' with a `reader`: what it reads is kept, "
            'because each file is read once. Use "auto".'
        )
    if options["reading"].value_range.asked == "data":
        raise ValueError(
            "`value_range` must not be 'data' with a `reader`, which reads each file "
            "once. Give the values that are black and white, as in "
            "`value_range=(0, 4095)`."
        )
    return {**options, "reader": reader}


def _check_needs_no_reader(reading):
    """Raise if files are to be read as those were that a function of the user's read.

    Here, before anyone looks for images: such files may be none to others.
    """
    if reading.has_reader:
        raise ValueError(
            "The images that the classifier was trained on were read by your `reader`, "
            "which is not kept with it. Read these files with it too, as in "
            "`image_table(paths, reader=read)`, and pass what that returns."
        )


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

    `left_out` are files of other kinds, which lie beside them; `known` are the
    `groups`, the `facts` and the `weights`, if there are any. The warning about bad
    ones ends with `after_skipping`: where the user will see which.
    """
    source = _source_of(files, reading, left_out)
    data = ImageData(source, codes, class_names, **known)
    return without_bad(data, on_bad_image, after_skipping)


def without_bad(data, on_bad_image, after_skipping="the data list them in `skipped`"):
    """Return new image data of files without bad ones where they are to be skipped.

    The warning about them ends with `after_skipping`: where the user will see which.
    """
    source = data.source
    if on_bad_image == "error":
        if isinstance(source, ReadByFunction):
            source.check()
        return data
    bad = source.find_bad()
    if not bad:
        return data
    message = source.bad_message(bad)
    if len(bad) == len(source):
        raise ValueError(f"{message}\nNo image is left. Check the files.")
    source.skipped = list(bad)
    warn_user(f"{message}\nThey are skipped; {after_skipping}.")
    return data[np.setdiff1d(np.arange(len(source)), source.skipped)]


def _source_of(files, reading, left_out):
    """Return the images in files, which the user's function reads if there is one."""
    if "reader" in reading:
        return OwnFiles(files, **reading, left_out=left_out)
    return FileImages(files, **reading, left_out=left_out)


def is_image_name(name):
    """Return whether a file is named like an image that can be read."""
    ending = os.path.splitext(name)[1].lower()
    if ending in dicom.ENDINGS:
        return dicom.is_readable()
    return ending in _readable_endings() or is_array_name(name)


def without_arrays(lists, others):
    """Return lists of files without arrays, if there are images besides.

    What lies beside photos as an array hardly is one of them. It is added to `others`.
    """
    kept = [[file for file in files if not is_array_name(file)] for files in lists]
    if not any(kept):
        return lists
    others += [file for file in chain.from_iterable(lists) if is_array_name(file)]
    return kept


def is_array_name(name):
    """Return whether a file is named like one of NumPy's arrays."""
    return name.lower().endswith(numpy_files.ENDINGS)


def is_photo_name(name):
    """Return whether a file is named like an image and is not hidden."""
    return is_image_name(name) and not name.startswith(".")


def is_nameless_image(path):
    """Return whether a file is DICOM whose name has no ending, or ends in a number.

    That is how apparatus call them.
    """
    ending = os.path.splitext(path)[1][1:]
    if (ending and not ending.isdigit()) or os.path.basename(path) == "DICOMDIR":
        return False
    try:
        with opened(path) as file:
            return dicom.is_mine(file.read(_BEGINNING)) and dicom.is_readable()
    except OSError:
        return False


@cache
def _readable_endings():
    """Return the endings of the formats that Pillow reads, as it is installed."""
    add_plugins()
    return {
        ending
        for ending, kind in Image.registered_extensions().items()
        if kind not in _NO_READER
    }
