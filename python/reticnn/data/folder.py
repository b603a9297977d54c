"""Image data from folders of files."""

import os
from itertools import chain

import numpy as np
from PIL import Image

from reticnn.coercion import as_channels, as_pair, as_path, shown
from reticnn.data.images import FileImages, ImageData

# Formats that Pillow recognises and needs other programs to decode.
_WITHOUT_PIXELS = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}

KINDS_OF_IMAGES = "Images are files that end in .jpg, .png, .tif, .webp and the like."

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


def image_folder(path, image_size=224, *, channels=3):
    """Make image data from a folder with one subfolder a class.

    The files are decoded when they are used, not before. Every format that Pillow
    reads is taken, whatever the case of its ending; hidden files and files of other
    kinds are left out. Photos are turned upright by their EXIF tag, transparent parts
    become white.

    Args:
        path: Folder. Its subfolders are the classes, named so, in sorted order;
            subfolders of those are searched too. Or a folder with `train` and `test`
            (and `validation`) folders of that kind; or a folder of images without
            subfolders, for images without labels. `~` is expanded.
        image_size: Whole number or (height, width) in pixels that every image is
            stretched to. Default 224.
        channels: 3 for colour, 1 for grey. Default 3.

    Returns:
        Image data; for a folder with `train` and `test`, a dict with image data as
        `"train"`, `"validation"` and `"test"`, as far as they are there.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If there are no images in it, a class has none, there is only one
            class, class names differ only in case, or images lie beside the classes.

    Example:
        >>> image_folder("~/photos", 64)
        <ImageData> 2,000 images, 64 x 64 x 3, in files
        cat  1,000
        dog  1,000
    """
    path = as_path(path, "path")
    image_size = as_pair(image_size, "image_size")
    channels = as_channels(channels)
    if not os.path.isdir(path):
        raise FileNotFoundError(
            f"`path` must be a folder, and there is none at {path!r} "
            f"(working directory: {os.getcwd()!r}). Check the spelling."
        )
    parts = _parts(path)
    if not parts:
        return _folder_data(path, image_size, channels)
    data = {
        part: _folder_data(folder, image_size, channels)
        for part, folder in parts.items()
    }
    _check_same_classes(data)
    return data


def _parts(path):
    """Return the folders of a split data set by part, or nothing if it is not one."""
    names = _visible_folders(path)
    parts = {_PARTS.get(name.lower()): os.path.join(path, name) for name in names}
    if None in parts or "train" not in parts or len(parts) < len(names):
        return {}
    return {
        part: parts[part] for part in ("train", "validation", "test") if part in parts
    }


def _folder_data(path, image_size, channels):
    """Return the image data of one folder of classes, or of unlabelled images."""
    class_names = _visible_folders(path)
    beside = image_files(path, search_subfolders=False)
    if not class_names:
        if not beside:
            raise ValueError(f"`path` has no images: {path!r}. {KINDS_OF_IMAGES}")
        return ImageData(FileImages(beside, image_size, channels))
    if beside:
        raise ValueError(
            f"`path` has {len(beside)} images beside its class folders, such as "
            f"{beside[0]!r}. Move them into the folder of their class."
        )
    _check_class_names(class_names, path)
    files = [image_files(os.path.join(path, name)) for name in class_names]
    empty = [name for name, found in zip(class_names, files, strict=True) if not found]
    if empty:
        raise ValueError(
            f"`path` has classes without images: {shown(empty)} in {path!r}. Add "
            f"images to these folders or remove them. {KINDS_OF_IMAGES}"
        )
    codes = np.repeat(np.arange(len(files)), [len(found) for found in files])
    source = FileImages(list(chain.from_iterable(files)), image_size, channels)
    return ImageData(source, codes, class_names)


def _visible_folders(path):
    """Return the names of the folders in `path` that are not hidden, sorted."""
    with os.scandir(path) as entries:
        return sorted(
            entry.name
            for entry in entries
            if entry.is_dir() and _is_visible(entry.name)
        )


def image_files(path, search_subfolders=True):
    """Return the paths of the image files in a folder, sorted."""
    files = []
    for folder, subfolders, names in os.walk(path):
        visible = filter(_is_visible, sorted(subfolders))
        subfolders[:] = visible if search_subfolders else []
        files += [
            os.path.join(folder, name) for name in sorted(names) if is_image_name(name)
        ]
    return files


def is_image_name(name):
    """Return whether a file is called as the images are that Pillow can decode."""
    Image.init()
    kind = Image.EXTENSION.get(os.path.splitext(name)[1].lower())
    return _is_visible(name) and kind in Image.OPEN and kind not in _WITHOUT_PIXELS


def _is_visible(name):
    return not name.startswith((".", "__"))


def _check_class_names(class_names, path):
    if len(class_names) == 1:
        raise ValueError(
            f"`path` has only one class, {class_names[0]!r}, in {path!r}. Point it at "
            "the folder that holds a subfolder for each of two or more classes."
        )
    seen = {}
    for name in class_names:
        twin = seen.setdefault(name.casefold(), name)
        if twin != name:
            raise ValueError(
                f"`path` has classes that differ only in case: {twin!r} and {name!r}. "
                "Rename or merge the folders."
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
