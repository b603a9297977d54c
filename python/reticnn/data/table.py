"""Image data from a table of paths and labels."""

import os
from collections.abc import Iterable

from reticnn.coercion import as_labels, as_path, check_order, shown
from reticnn.data.image_data import NAME_ALL_CLASSES, check_class_names
from reticnn.data.image_files import as_bad_image_rule, file_data, reading_options


def image_table(
    paths,
    labels=None,
    image_size=224,
    *,
    class_names=None,
    channels=3,
    resize="stretch",
    on_bad_image="error",
    cache="auto",
):
    """Make image data from the paths of image files and their labels.

    The two could be columns of a data frame. Files are read as by `image_folder`.

    Args:
        paths: Paths of image files, without duplicates. `~` is expanded.
        labels: One label per path: class names, or whole numbers, which then serve as
            names. None for images without labels. Default None.
        image_size: Whole number or (height, width), size in pixels that every image is
            resized to. Default 224.
        class_names: The classes in order, or None for the sorted labels, or for the
            categories of a pandas Categorical. With whole numbers as labels, the names
            that 0, 1, ... or 1, 2, ... stand for. Default None.
        channels: 3 for colour, 1 for grey. Default 3.
        resize: `"stretch"`, `"crop"` or `"pad"`, as for `image_folder`. Default
            `"stretch"`.
        on_bad_image: `"error"` or `"skip"`, as for `image_folder`; `"skip"` also leaves
            out files that do not exist. Default `"error"`.
        cache: `"auto"`, `"memory"`, `"disk"` or `"none"`, as for `image_folder`.
            Default `"auto"`.

    Returns:
        Image data, as from `image_folder`.

    Raises:
        TypeError: If a path is not a string, or a label is neither a string nor a whole
            number.
        FileNotFoundError: If a file does not exist.
        ValueError: If a path occurs twice, `paths` and `labels` differ in length, a
            label is missing or not in `class_names`, or there is only one class.

    Warns:
        UserWarning: If files are left out.

    Example:
        >>> image_table(["tom.jpg", "rex.jpg"], ["cat", "dog"], 64)
        <ImageData> 2 images, 64 x 64 x 3, in files
        cat  1
        dog  1
    """
    reading = reading_options(image_size, channels, resize, cache)
    on_bad_image = as_bad_image_rule(on_bad_image)
    files = _files(paths)
    if on_bad_image == "error":
        _check_exist(files)
    if labels is None:
        return file_data(files, None, None, reading, on_bad_image)
    codes, class_names = as_labels(labels, class_names)
    if len(codes) != len(files):
        raise ValueError(
            f"`paths` and `labels` have different lengths, {len(files)} and "
            f"{len(codes)}. Give one label per file."
        )
    check_class_names(class_names, "labels", NAME_ALL_CLASSES)
    return file_data(files, codes, class_names, reading, on_bad_image)


def _files(paths):
    """Return `paths` as a list of strings, each of which is there once."""
    check_order(paths, "paths")
    if isinstance(paths, (str, os.PathLike)) or not isinstance(paths, Iterable):
        paths = [paths]
    files = [as_path(path, "paths") for path in paths]
    if not files:
        raise ValueError("`paths` is empty. Give at least one file.")
    again = _repeated(files)
    if again:
        raise ValueError(
            f"`paths` has files more than once: {shown(again)}. Keep one row per file, "
            "so that no file counts twice."
        )
    return files


def _repeated(files):
    """Return the paths that lead to the same place as one before them."""
    places, again = set(), []
    for file in files:
        place = os.path.abspath(file)
        if place in places:
            again.append(file)
        places.add(place)
    return again


def _check_exist(files):
    missing = [file for file in files if not os.path.lexists(file)]
    if missing:
        raise FileNotFoundError(
            f"`paths` has {len(missing)} of {len(files)} files that do not exist: "
            f"{shown(missing)} (working directory: {os.getcwd()!r}). Check the paths, "
            'or skip these files with `on_bad_image="skip"`.'
        )
