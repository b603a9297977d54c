"""Image data from folders of files."""

import os
from functools import partial
from itertools import chain

import numpy as np

from reticnn.coercion import (
    as_choice,
    as_class_names,
    nearest,
    printable,
    shown,
)
from reticnn.data.folders.folder_groups import as_grouping, groups_of_files
from reticnn.data.folders.folder_layout import (
    ask_which_are_classes,
    parts_of,
    warn_of_layout,
)
from reticnn.data.folders.folder_search import (
    check_all_readable,
    class_folders,
    existing_folder,
    image_files,
)
from reticnn.data.image_data import check_class_names
from reticnn.data.listing import (
    as_bad_image_rule,
    file_data,
    is_array_name,
    reading_options,
    without_arrays,
)
from reticnn.data.other_files import (
    no_images_text,
    warn_of_pictures,
)
from reticnn.runtime.conditions import warn_user

_KINDS = "Images are files with extensions such as .jpg, .png, .tif or .webp."


def image_folder(
    path,
    image_size=224,
    *,
    channels=None,
    resize="stretch",
    on_bad_image="error",
    on_empty_class="error",
    cache="auto",
    class_names=None,
    bands=None,
    value_range=None,
    page="first",
    groups=None,
    reader=None,
):
    """Make image data from a folder with one subfolder per class.

    Files are decoded only when they are used. Every format that Pillow reads is
    accepted, whether the file extension is in upper or lower case; HEIC needs the
    Python package pillow-heif, JPEG XL pillow-jxl-plugin, and DICOM pydicom. NumPy
    files of one array, (height, width) or (height, width, bands), are read if there are
    no other images. Hidden files are ignored. Files of other kinds are left out, and
    counted by extension when the data are printed. Photos are rotated according to
    their EXIF tag, transparent parts become white, and only the first frame of an
    animation is used. No more of a large image is decoded at once than its format
    demands; an image that takes more memory than `image_memory` allows counts as
    unreadable.

    Images of more than 8 bits, or of floating-point values, become floating-point
    values from 0 to 255, with all their depth. TIFF files may have any number of bands;
    compressed ones of more than 8 bits or 4 bands need the Python packages tifffile and
    imagecodecs.

    Values of DICOM files are rescaled as the files specify (to Hounsfield units, for
    example), and mapped to 0 to 255 by their own window, unless `value_range` sets what
    is black and white: a window with centre 40 and width 400 is -160 to 240. Nothing
    but the image is taken from these files; text that is burned into it stays.

    Args:
        path: Folder. The names of its subfolders are the classes, in sorted order;
            their own subfolders are searched too, linked ones included. Or a folder
            with `train` and `test` (and `validation`) folders of that kind, which may
            also be called `training`, `dev`, `val`, `test_set` and the like; or a
            folder of images without subfolders, for images without labels. `~` is
            expanded.
        image_size: Whole number or (height, width), size in pixels that every image is
            resized to. Default 224.
        channels: Number of channels: 3 for colour, 1 for grey, or any other number of
            bands. Default None, the number of `bands` if they are given, else 3.
        resize: How images are resized. `"stretch"` changes their aspect ratio, as Keras
            does; `"crop"` cuts the longer side equally at both ends; `"pad"` adds black
            along the shorter side. Default `"stretch"`.
        on_bad_image: What to do about files and subfolders that cannot be read.
            `"error"` raises one error for all bad files when the first file is used,
            and for subfolders immediately; `"skip"` looks for bad files immediately,
            which decodes every file, and leaves them out with a warning. Default
            `"error"`.
        on_empty_class: `"error"`, or `"skip"` to leave out classes without images, with
            a warning. Default `"error"`.
        cache: Where decoded images are kept for later epochs: `"memory"`; `"disk"`, a
            temporary file (in the folder set by the environment variable TMPDIR);
            `"none"`; or `"auto"`: memory if the images of the folder take at most 1
            GiB, else disk if they take at most half of the free space there, else none.
            Default `"auto"`.
        class_names: Names of the classes to read, in this order: some of the
            subfolders, with the others left out; or all of them and more, for classes
            without images here. None for all subfolders in sorted order. Default None.
        bands: Whole numbers, the bands of the files that become channels, in this
            order, counted from 0 in Python and from 1 in R. A transparency band counts
            too. None for all of them, or for grey or colour. Default None.
        value_range: Which values become 0 and 255 if values have more than 8 bits:
            `"type"` takes 0 and the largest value of a file's type; `"data"` takes the
            range of nearly all values (percentiles 0.1 to 99.9) of a sample of the
            files, those of `train` if there are parts, and otherwise all, including
            those that are later split off for testing; two numbers are black and white,
            and a list with two numbers per channel sets them for each. `"data"` is one
            range for all bands: a warning names those that use less than a quarter of
            it, with the list that would give each its own. None for `"type"` with whole
            numbers, and `"data"` with others. Default None.
        page: `"first"`; `"bands"`, if the pages of a file are bands of one image; or
            the number of a page, counted as `bands` are. A frame of a DICOM file is a
            page. If `page` is not given, a warning counts the TIFF and DICOM files with
            several pages; in other formats the first page is read without a warning.
            Default `"first"`.
        groups: Which images belong together, such as those of one site, patient or
            burst. A level of folders: 1 if the folders in `path` are the groups, with
            the folders of the classes in each (`site/species`), 2 if the folders inside
            the class folders are the groups (`species/site`), and so on; in a folder
            with `train` and `test`, levels are counted from these. Or a function that
            takes the path of a file and returns the name of its group. `split_images`,
            and every other function that divides the data, then keeps each group whole.
            None for images that are independent of each other. Default None.
        reader: Function that takes the path of a file and returns its image, an array
            (height, width) or (height, width, bands) of values from 0 to 255, or of
            others if `value_range` sets what is black and white: for files that cannot
            be read otherwise. It is called once for every file except hidden ones, when
            the data are made, and what it returns is kept in the cache; if a model
            takes images of another size, it is called again. None reads files as usual.
            Default None.

    Returns:
        Image data, which print their classes and the number of images in each, and have
        `class_names`, `class_counts`, `labels`, `files`, `skipped` (the bad files that
        were left out) and `left_out` (the files of other kinds). For a folder with
        `train` and `test`, a dict of image data: `train`, `test` and, if there is such
        a folder, `validation`.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If the folder has no images, a class has none, there is only one
            class, class names differ only in case, there are images next to the class
            folders, a link leads from one class to another, `class_names` has names
            without a folder and lacks others, a part has a class that `train` does not
            have, a folder cannot be read, an image is not in as many folders as
            `groups` says, the function given as `groups` fails for it, or an argument
            is not one of the allowed values.

    Warns:
        UserWarning: If something is left out: bad files, folders or classes, images
            next to `train` and `test`, or files of other kinds that contain pictures,
            such as raw files from cameras; if a link leads nowhere; if the folder looks
            like parts, several data sets or `site/species` rather than classes; or if a
            class has another name than its folder: spaces around the name are cut off,
            and bytes that are not UTF-8 become hexadecimal numbers.

    Example:
        >>> image_folder("~/photos", 64)
        <ImageData> 2,000 images, 64 x 64 x 3, in files
        cat  1,000
        dog  1,000
    """
    folder_data = partial(
        _folder_data,
        reading=reading_options(
            image_size,
            channels,
            resize,
            cache,
            bands=bands,
            value_range=value_range,
            page=page,
            reader=reader,
        ),
        on_bad_image=as_bad_image_rule(on_bad_image),
        on_empty_class=as_choice(on_empty_class, "on_empty_class", ("error", "skip")),
        groups=as_grouping(groups),
    )
    path = existing_folder(path)
    if class_names is not None:
        class_names = as_class_names(class_names)
    parts = parts_of(path)
    if not parts:
        return folder_data(path, class_names)
    beside = _beside_parts(path, parts)
    data = {part: folder_data(folder, class_names) for part, folder in parts.items()}
    data["train"].source.left_out += beside
    for part in data:
        if part != "train":
            data[part].source.range_of = data["train"].source
    return {part: _with_classes_of_train(data, part) for part in data}


def _beside_parts(path, parts):
    """Return files of other kinds that lie next to the folders of parts.

    They are counted with `train`. Images there are of no part, and warned of.
    """
    others = []
    images = image_files(path, search_subfolders=False, others=others)
    images, arrays = _apart(images, is_array_name)
    if images:
        names = [os.path.basename(folder) for folder in parts.values()]
        warn_user(
            f"`path` has {len(images)} image{'s' * (len(images) != 1)} next to the "
            f"folders {shown(names)}, such as {printable(images[0])!r}, which are left "
            "out. Move those that you want to use into the folder of their class."
        )
    others += arrays
    warn_of_pictures(others, "path")
    return others


def _apart(files, is_one):
    """Return those of some files that are not of a kind, and those that are."""
    return [file for file in files if not is_one(file)], list(filter(is_one, files))


def _folder_data(path, class_names, reading, on_bad_image, on_empty_class, groups):
    """Return the image data of one folder of classes, or of unlabelled images."""
    folders, closed, others = class_folders(path), {}, []
    every = "reader" in reading
    beside = image_files(
        path,
        search_subfolders=False,
        closed=closed,
        others=others,
        every=every and not folders,
    )
    if not folders:
        check_all_readable(closed, on_bad_image)
        if not every:
            (beside,) = without_arrays([beside], others)
        _check_any_images(beside, others, path)
        warn_of_pictures(others, "path")
        known = {"groups": groups_of_files(beside, path, groups)}
        return file_data(beside, None, None, reading, on_bad_image, others, **known)
    # Such as labels.
    beside, arrays = _apart(beside, is_array_name)
    others += arrays
    if beside:
        raise ValueError(
            f"`path` has {len(beside)} image{'s' * (len(beside) != 1)} next to its "
            f"class folders, such as {printable(beside[0])!r}. Move them into the "
            "folder of their class."
        )
    if groups is None:
        ask_which_are_classes(folders)
    if groups == 1:
        folders = _classes_in_groups(folders, closed, others)
    warn_of_layout(folders)
    folders = _chosen(folders, class_names, path)
    class_names = list(folders)
    check_class_names(class_names, "path", _one_class_fix(path))
    files = _files_of_classes(folders, closed, others, every)
    if not every:
        files = without_arrays(files, others)
    check_all_readable(closed, on_bad_image)
    codes = np.repeat(np.arange(len(files)), [len(found) for found in files])
    files = list(chain.from_iterable(files))
    _check_any_images(files, others, path)
    known = {"groups": groups_of_files(files, path, groups)}
    if callable(groups) and _one_group_each(codes, known["groups"]):
        ask_which_are_classes(folders)
    data = file_data(files, codes, class_names, reading, on_bad_image, others, **known)
    data = _without_empty_classes(data, folders, path, on_empty_class)
    warn_of_pictures(others, "path")
    return data


def _check_any_images(files, others, path):
    if not files:
        raise ValueError(
            f"`path` has no images: {path!r}. {_KINDS}{no_images_text(others)}"
        )


def _files_of_classes(folders, closed, others, every):
    """Return a list of files for each class.

    Raises:
        ValueError: If a folder is in two classes, through a link.
    """
    files, owned = [], {}
    for some in folders.values():
        searched = {}
        files.append(
            [
                file
                for folder in some
                for file in image_files(
                    folder,
                    closed=closed,
                    others=others,
                    searched=searched,
                    every=every,
                )
            ]
        )
        for place in searched.keys() & owned.keys():
            raise ValueError(
                f"`path` has a folder in two classes: {printable(owned[place])!r} is "
                f"also {printable(searched[place])!r}. Delete the link that leads to "
                "it, or leave a class out with `class_names`."
            )
        owned |= searched
    return files


def _classes_in_groups(folders, closed, others):
    """Return the folders of the classes that lie in the folders of groups.

    Raises:
        ValueError: If there are images next to them.
    """
    classes = {}
    for folder in chain.from_iterable(folders.values()):
        beside = image_files(
            folder, search_subfolders=False, closed=closed, others=others
        )
        if beside:
            raise ValueError(
                f"`groups` is 1, but {printable(folder)!r} has {len(beside)} "
                f"image{'s' * (len(beside) != 1)} itself, such as "
                f"{printable(beside[0])!r}, next to or instead of the folders of "
                "classes. If it is a class, give `groups=2` for the folders "
                "in it, or a function of the path."
            )
        for name, found in class_folders(folder).items():
            classes.setdefault(name, []).extend(found)
    return dict(sorted(classes.items()))


def _chosen(folders, class_names, path):
    """Return the folders of the classes asked for, in their order."""
    if class_names is None:
        return folders
    without = [name for name in class_names if name not in folders]
    left_out = [name for name in folders if name not in class_names]
    if without and left_out:
        raise ValueError(
            f"`class_names` has {shown(without)}, but {path!r} has no such folders, "
            f"and has the folders {shown(left_out)}, which are not in `class_names`."
            f"{nearest(without[0], left_out)} Give names of folders; or those of all "
            "folders, and of classes without images."
        )
    return {name: folders.get(name, []) for name in class_names}


def _one_group_each(codes, groups):
    """Say whether all images of a class are of one group, which no other class has."""
    pairs = set(zip(codes.tolist(), groups, strict=True))
    return len(pairs) == len(set(groups)) == len(set(codes.tolist()))


def _without_empty_classes(data, folders, path, on_empty_class):
    """Return the data without those classes whose folders have no images."""
    empty = [
        name for name, count in data.class_counts.items() if not count and folders[name]
    ]
    if not empty:
        return data
    if on_empty_class == "error":
        others = _files_in([folders[name] for name in empty], data.left_out)
        raise ValueError(
            f"`path` has classes without images: {shown(empty)} in {path!r}. Add "
            "images to these folders, remove them, or skip them with "
            f'`on_empty_class="skip"`. {_KINDS}{no_images_text(others)}'
        )
    warn_user(f"`path` has classes without images, which are skipped: {shown(empty)}.")
    class_names = [name for name in data.class_names if name not in empty]
    check_class_names(class_names, "path", _one_class_fix(path))
    return data.with_classes(class_names)


def _files_in(folders, files):
    """Return those of some files that lie in folders, which are listed by class."""
    starts = tuple(os.path.join(folder, "") for folder in chain.from_iterable(folders))
    return [file for file in files if file.startswith(starts)]


def _one_class_fix(path):
    return (
        f"Instead of {path!r}, give the folder that has one subfolder for each of two "
        "or more classes, or name all classes as `class_names`."
    )


def _with_classes_of_train(data, part):
    """Return a part of a split data set with its classes counted as in `train`."""
    images, classes = data[part], data["train"].class_names
    if images.class_names is None or classes is None:
        return images
    unknown = [name for name in images.class_names if name not in classes]
    if unknown:
        raise ValueError(
            f"`path` has the classes {shown(unknown)} in {part!r}, but not in 'train', "
            f"which has {shown(classes)}. Give both the same subfolders."
        )
    return images.with_classes(classes)
