"""Image data from folders of files."""

import os
from functools import partial
from itertools import chain

import numpy as np

from reticnn.coercion import as_choice, as_path, shown
from reticnn.data.image_data import ImageData, check_class_names
from reticnn.data.image_files import (
    as_bad_image_rule,
    file_data,
    is_image_name,
    is_photo_name,
    reading_options,
)
from reticnn.runtime.conditions import warn_user

# Folders of a split data set, by the names people give them.
_PARTS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}

_KINDS = "Images are files with extensions such as .jpg, .png, .tif or .webp."


def image_folder(
    path,
    image_size=224,
    *,
    channels=3,
    resize="stretch",
    on_bad_image="error",
    on_empty_class="error",
    cache="auto",
):
    """Make image data from a folder with one subfolder per class.

    Files are decoded only when they are used. Every format that Pillow reads is
    accepted, whether the file extension is in upper or lower case; hidden files and
    files of other kinds are ignored. Photos are rotated according to their EXIF tag,
    transparent parts become white, and only the first frame of an animation is used.

    Args:
        path: Folder. The names of its subfolders are the classes, in sorted order;
            subfolders of those are searched too. Or a folder with `train` and `test`
            (and `validation`) folders of that kind; or a folder of images without
            subfolders, for images without labels. `~` is expanded.
        image_size: Whole number or (height, width), size in pixels that every image is
            resized to. Default 224.
        channels: 3 for colour, 1 for grey. Default 3.
        resize: How images are resized. `"stretch"` changes their aspect ratio, as Keras
            does; `"crop"` cuts the longer side equally at both ends; `"pad"` adds black
            along the shorter side. Default `"stretch"`.
        on_bad_image: What to do about files that cannot be read. `"error"` raises one
            error that names all of them, when the first is used; `"skip"` looks for
            them immediately, which decodes every file, and leaves them out with a
            warning. Default `"error"`.
        on_empty_class: `"error"`, or `"skip"` to leave out classes without images, with
            a warning. Default `"error"`.
        cache: Where decoded images are kept for later epochs: `"memory"`; `"disk"`, a
            temporary file (in the folder set by the environment variable TMPDIR);
            `"none"`; or `"auto"`, memory if the images of the folder take at most 1
            GiB, else disk if they take at most half of the free space there, else none.
            Default `"auto"`.

    Returns:
        Image data, which print their classes and the number of images in each, and have
        `class_names`, `class_counts`, `labels`, `files` and `skipped`, the files left
        out. For a folder with `train` and `test`, a dict of image data: `train`, `test`
        and, if there is such a folder, `validation`.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If the folder has no images, a class has none, there is only one
            class, class names differ only in case, there are images next to the class
            folders, or an argument is not one of the allowed values.

    Warns:
        UserWarning: If files or classes are left out.

    Example:
        >>> image_folder("~/photos", 64)
        <ImageData> 2,000 images, 64 x 64 x 3, in files
        cat  1,000
        dog  1,000
    """
    folder_data = partial(
        _folder_data,
        reading=reading_options(image_size, channels, resize, cache),
        on_bad_image=as_bad_image_rule(on_bad_image),
        on_empty_class=as_choice(on_empty_class, "on_empty_class", ("error", "skip")),
    )
    path = existing_folder(path)
    parts = parts_of(path)
    if not parts:
        return folder_data(path)
    data = {part: folder_data(folder) for part, folder in parts.items()}
    _check_same_classes(data)
    return data


def existing_folder(path):
    """Return `path` with `~` expanded, if it is a folder."""
    path = as_path(path, "path")
    if os.path.isdir(path):
        return path
    raise FileNotFoundError(
        f"`path` must be an existing folder, not {path!r} "
        f"(working directory: {os.getcwd()!r}). Check the spelling."
    )


def parts_of(path):
    """Return the folders of a split data set by part, or nothing if it is not one."""
    names = class_folders(path)
    parts = {_PARTS.get(name.lower()): os.path.join(path, name) for name in names}
    if None in parts and {"train", "test"} <= set(parts):
        others = [name for name in names if name.lower() not in _PARTS]
        raise ValueError(
            f"`path` has the folders {shown(others)} next to `train` and `test`, so "
            f"its folders are neither parts nor classes: {path!r}. Move them elsewhere."
        )
    if None in parts or "train" not in parts or len(parts) < len(names):
        return {}
    return {
        part: parts[part] for part in ("train", "validation", "test") if part in parts
    }


def class_folders(path):
    """Return the names of the folders in `path` that may be classes, sorted."""
    with os.scandir(path) as entries:
        return sorted(
            entry.name
            for entry in entries
            if entry.is_dir() and _may_be_class(entry.name)
        )


def image_files(path, search_subfolders=True):
    """Return what is called like an image in a folder, sorted.

    A folder called so is among them: it is an accident, to be named as a bad file.
    """
    files = []
    for folder, subfolders, names in os.walk(path):
        files += [
            os.path.join(folder, name)
            for name in sorted(names + subfolders)
            if is_photo_name(name)
        ]
        subfolders[:] = sorted(
            name for name in subfolders if search_subfolders and _may_be_class(name)
        )
    return files


def _folder_data(path, reading, on_bad_image, on_empty_class):
    """Return the image data of one folder of classes, or of unlabelled images."""
    class_names = class_folders(path)
    beside = image_files(path, search_subfolders=False)
    if not class_names:
        if not beside:
            raise ValueError(f"`path` has no images: {path!r}. {_KINDS}")
        return file_data(beside, None, None, reading, on_bad_image)
    if beside:
        raise ValueError(
            f"`path` has {len(beside)} images next to its class folders, such as "
            f"{beside[0]!r}. Move them into the folder of their class."
        )
    check_class_names(class_names, "path", _one_class_fix(path))
    files = [image_files(os.path.join(path, name)) for name in class_names]
    codes = np.repeat(np.arange(len(files)), [len(found) for found in files])
    if not len(codes):
        raise ValueError(f"`path` has no images: {path!r}. {_KINDS}")
    files = list(chain.from_iterable(files))
    data = file_data(files, codes, class_names, reading, on_bad_image)
    return _without_empty_classes(data, path, on_empty_class)


def _without_empty_classes(data, path, on_empty_class):
    """Return the data with those classes only that have images."""
    empty = [name for name, count in data.class_counts.items() if not count]
    if not empty:
        return data
    if on_empty_class == "error":
        raise ValueError(
            f"`path` has classes without images: {shown(empty)} in {path!r}. Add "
            "images to these folders, remove them, or skip them with "
            f'`on_empty_class="skip"`. {_KINDS}'
        )
    warn_user(f"`path` has classes without images, which are skipped: {shown(empty)}.")
    kept, codes = np.unique(data.codes, return_inverse=True)
    class_names = [data.class_names[code] for code in kept]
    check_class_names(class_names, "path", _one_class_fix(path))
    return ImageData(data.source, codes, class_names, data.indices)


def _may_be_class(name):
    """Say whether a folder is neither hidden nor called like an image."""
    return not name.startswith((".", "__")) and not is_image_name(name)


def _one_class_fix(path):
    return (
        f"Instead of {path!r}, give the folder that has one subfolder for each of two "
        "or more classes."
    )


def _check_same_classes(data):
    """Raise if the parts of a split data set do not have the same classes."""
    classes = data["train"].class_names
    for part, images in data.items():
        if images.class_names is not None and images.class_names != classes:
            raise ValueError(
                f"`path` has the classes {shown(images.class_names)} in {part!r} and "
                f"{shown(classes)} in 'train'. Give both the same subfolders."
            )
