"""Whatever a user has to predict as image data: files, folders, arrays."""

import os
from collections.abc import Mapping

from reticnn.coercion import as_images, as_path, printable, shown
from reticnn.data.array_images import ArrayImages
from reticnn.data.folders.folder_layout import parts_of
from reticnn.data.folders.folder_search import check_all_readable, image_files
from reticnn.data.image_data import ImageData, as_image_data
from reticnn.data.listing import file_data, reading_options, without_arrays
from reticnn.data.other_files import no_images_text, warn_of_pictures


def images_to_predict(images, shape, classifier, on_bad_image):
    """Return whatever images a user has as image data; paths are read at `shape`.

    `on_bad_image` is "error", "skip" or "note": then nothing is said of bad files here.
    """
    if isinstance(images, (ImageData, Mapping)):
        return as_image_data(images, "images")
    if isinstance(images, (str, os.PathLike)):
        path = as_path(images, "images")
        reading = _reading_for(shape, classifier)
        paths = _files_in(path, on_bad_image) if os.path.isdir(path) else [path]
        return _files(paths, reading, on_bad_image)
    if isinstance(images, (list, tuple)) and all(
        isinstance(image, (str, os.PathLike)) for image in images
    ):
        return _files(images, _reading_for(shape, classifier), on_bad_image)
    return ImageData(ArrayImages(as_images(images, channels=shape[-1])))


def _files_in(folder, on_bad_image):
    """Return the paths of the images in a folder and its subfolders."""
    parts = parts_of(folder)
    if parts:
        raise TypeError(
            f"`images` must not be a folder with the parts {shown(list(parts))} of a "
            f"data set, as {printable(folder)!r} is. Give the folder of one part."
        )
    closed, others = {}, []
    files = image_files(folder, closed=closed, others=others)
    # Of a subfolder nobody knows which images it has: that cannot be noted.
    in_folders = "error" if on_bad_image == "note" else on_bad_image
    check_all_readable(closed, in_folders, "images")
    (files,) = without_arrays([files], others)
    if not files:
        raise ValueError(
            f"`images` has no images: there are none in {printable(folder)!r}, nor in "
            f"its subfolders.{no_images_text(others)}"
        )
    warn_of_pictures(others, "images")
    return files


def _files(paths, reading, on_bad_image):
    """Return image data of the files at `paths`, read as `_reading_for` says."""
    if len(paths) == 0:
        raise ValueError("`images` has no images. Give at least one.")
    paths = [as_path(path, "images") for path in paths]
    missing = [path for path in paths if not os.path.exists(path)]
    # Where all are gone, the paths are wrong, which nobody would want noted.
    if missing and (on_bad_image == "error" or missing == paths):
        raise FileNotFoundError(
            f"`images` must name image files; {len(missing)} of {len(paths)} do not "
            f"exist: {shown(missing)} (working directory: {os.getcwd()!r})."
        )
    return file_data(
        paths,
        None,
        None,
        reading,
        "skip" if on_bad_image == "skip" else "error",
        after_skipping="the table has no rows for them",
    )


def _reading_for(image_shape, classifier):
    """Return how files are read for a classifier, as an argument of `file_data`."""
    size, channels = _reading_size(image_shape)
    reading = reading_options(
        *(size, channels, classifier.resize or "stretch", "none"),
        value_range=classifier.reading,
    )
    # Here files are skipped by an argument of this function's own.
    return {**reading, "where_skipped": ""}


def _reading_size(image_shape):
    """Return the (height, width) and the channels to read files at."""
    height, width, channels = image_shape
    if height is None or width is None:
        raise ValueError(
            "`images` are files, but the classifier's model takes images of any size. "
            "Read them at the size you want with `image_folder()`."
        )
    return (height, width), channels
