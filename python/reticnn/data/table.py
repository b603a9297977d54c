"""Image data from a table of paths and labels."""

import os
from collections.abc import Iterable

from reticnn.coercion import as_labels, as_path, check_order, shown
from reticnn.data.facts import as_facts, as_groups
from reticnn.data.image_data import NAME_ALL_CLASSES, check_class_names
from reticnn.data.listing import as_bad_image_rule, file_data, reading_options
from reticnn.data.weighting import as_weights


def image_table(
    paths,
    labels=None,
    image_size=224,
    *,
    class_names=None,
    channels=None,
    resize="stretch",
    on_bad_image="error",
    cache="auto",
    groups=None,
    facts=None,
    weights=None,
    bands=None,
    value_range=None,
    page="first",
    reader=None,
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
        channels: Number of channels: 3 for colour, 1 for grey, or any other number of
            bands. Default None, the number of `bands` if they are given, else 3.
        resize: `"stretch"`, `"crop"` or `"pad"`, as for `image_folder`. Default
            `"stretch"`.
        on_bad_image: `"error"` or `"skip"`, as for `image_folder`; `"skip"` also leaves
            out files that do not exist. Default `"error"`.
        cache: `"auto"`, `"memory"`, `"disk"` or `"none"`, as for `image_folder`.
            Default `"auto"`.
        groups: Which images belong together, such as those of one site, patient or
            burst: one text or whole number per path, or the name of a column of
            `facts`. `split_images`, and every other function that divides the data,
            then keeps each group whole. None for images that are independent of each
            other. Default None.
        facts: What else is known about each image, such as its site, its time or the
            sex of the animal: a dict of equally long lists, or a data frame, with one
            row per path, in their order. Texts, numbers, dates and times, or None for a
            missing value; times with a time zone are kept as UTC. None for no facts.
            Default None.
        weights: How much each image counts in training: one finite number of at least 0
            per path, in their order, or the name of a column of `facts`. They stay with
            the images, as `groups` do; see `fit_classifier` for what it does with them.
            `evaluate_classifier` counts every image once. A weight of 2 counts as much
            as two copies of an image; weights with a mean of 1 leave the meaning of the
            learning rate unchanged. For images of a folder, make a table of its `files`
            and `labels`. None for 1 each. Default None.
        bands: Whole numbers, the bands of the files that become channels, in this
            order, counted from 0 in Python and from 1 in R. A transparency band counts
            too. None for all of them, or for grey or colour. Default None.
        value_range: Which values become 0 and 255 if values have more than 8 bits:
            `"type"` takes 0 and the largest value of a file's type; `"data"` takes the
            range of nearly all values (percentiles 0.1 to 99.9) of a sample of the
            files, including those that are later split off for testing; two numbers are
            black and white, and a list with two numbers per channel sets them for each.
            `"data"` is one range for all bands: a warning names those that use less
            than a quarter of it, with the list that would give each its own. None for
            `"type"` with whole numbers, and `"data"` with others. Default None.
        page: `"first"`; `"bands"`, if the pages of a file are bands of one image; or
            the number of a page, counted as `bands` are. A frame of a DICOM file is a
            page. If `page` is not given, a warning counts the TIFF and DICOM files with
            several pages; in other formats the first page is read without a warning.
            Default `"first"`.
        reader: Function that takes the path of a file and returns its image, an array
            (height, width) or (height, width, bands) of values from 0 to 255, or of
            others if `value_range` sets what is black and white: for files that cannot
            be read otherwise. It is called once for each file, when the data are made,
            and what it returns is kept in the cache; if a model takes images of another
            size, it is called again. None reads files as usual. Default None.

    Returns:
        Image data, as from `image_folder`. `groups`, `facts` and `weights` stay with
        the images, also in parts of the data and in joined and augmented data.

    Raises:
        TypeError: If a path is not a string, a label is neither a string nor a whole
            number, a weight is not a number, or the values of a fact are of several
            types.
        FileNotFoundError: If a file does not exist.
        ValueError: If a path occurs twice, `paths` and `labels`, `groups`, a fact or
            `weights` differ in length, a label, a group or a weight is missing, a
            weight is negative or infinite, a label is not in `class_names`, or there is
            only one class.

    Warns:
        UserWarning: If files are left out.

    Example:
        >>> image_table(["tom.jpg", "rex.jpg"], ["cat", "dog"], 64)
        <ImageData> 2 images, 64 x 64 x 3, in files
        cat  1
        dog  1
    """
    reading = reading_options(
        image_size,
        channels,
        resize,
        cache,
        bands=bands,
        value_range=value_range,
        page=page,
        reader=reader,
    )
    on_bad_image = as_bad_image_rule(on_bad_image)
    files = files_at(paths, on_bad_image)
    facts = as_facts(facts, len(files))
    known = {
        "groups": as_groups(groups, len(files), facts),
        "facts": facts,
        "weights": as_weights(weights, len(files), facts),
    }
    if labels is None:
        return file_data(files, None, None, reading, on_bad_image, **known)
    codes, class_names = as_labels(labels, class_names)
    if len(codes) != len(files):
        raise ValueError(
            f"`paths` and `labels` have different lengths, {len(files)} and "
            f"{len(codes)}. Give one label per file."
        )
    check_class_names(class_names, "labels", NAME_ALL_CLASSES)
    return file_data(files, codes, class_names, reading, on_bad_image, **known)


def files_at(paths, on_bad_image):
    """Return `paths` as a list of strings, each of which is there once.

    Raises:
        FileNotFoundError: If one does not exist, unless bad files are skipped.
    """
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
    if on_bad_image == "error":
        _check_exist(files)
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
