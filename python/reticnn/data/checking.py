"""Check the files of a folder without using them."""

from reticnn.data.decoding import describe_images, unknown
from reticnn.data.folders.folder_layout import ask_which_are_classes, parts_of
from reticnn.data.folders.folder_search import (
    NOWHERE,
    class_folders,
    existing_folder,
    image_files,
)
from reticnn.data.listing import is_array_name, without_arrays
from reticnn.data.other_files import left_out_text
from reticnn.runtime.conditions import warn_user


def check_images(path):
    """Check a folder of images for files that cannot be read.

    Every file is decoded, in parallel threads; nothing is kept in memory. Files of
    other kinds are left out, and counted in a warning.

    Args:
        path: Folder, laid out as for `image_folder`. `~` is expanded.

    Returns:
        Table (dict of equal-length lists) with one row per file, and one per folder
        that cannot be read or link that leads nowhere: `file`, its path; `class`, the
        name of its class, or None; `ok`, whether it can be read; `format`, such as
        `"JPEG"`, `width` and `height` in pixels as stored, None where they cannot be
        determined; and `problem`, what is wrong with the file, or None.

    Raises:
        FileNotFoundError: If there is no such folder.

    Warns:
        UserWarning: If there are files of other kinds or with several pages, or it is
            not clear which of two levels of folders are the classes.

    Example:
        >>> table = check_images("~/photos")
        >>> [file for file, ok in zip(table["file"], table["ok"]) if not ok]
        ['/home/ada/photos/cat/tom.jpg']
    """
    path = existing_folder(path)
    folders = parts_of(path) or {"": path}
    closed, others = {}, []
    classes = [
        pair
        for folder in folders.values()
        for pair in _classes_of(folder, closed, others)
    ]
    if folders != {"": path}:
        beside = image_files(path, search_subfolders=False, others=others)
        classes += [(file, None) for file in beside if not is_array_name(file)]
        others += filter(is_array_name, beside)
    if others:
        warn_user(f"In `path`, {left_out_text(others)}.")
    files = [file for file, _ in classes]
    described = describe_images(files)
    several = sum(one["has_more_pages"] for one in described)
    if several:
        warn_user(
            f"In `path`, {several:,} of {len(files):,} files have several pages, or "
            "frames, of which the first is read unless `page` says otherwise, as in "
            "`image_folder()`."
        )
    for folder, (class_name, reason) in closed.items():
        classes.append((folder, class_name))
        described.append(unknown(_problem_of_folder(reason)))
    return {
        "file": [file for file, _ in classes],
        "class": [class_name for _, class_name in classes],
        "ok": [one["problem"] is None for one in described],
        **{
            name: [one[name] for one in described]
            for name in ("format", "width", "height", "problem")
        },
    }


def _problem_of_folder(reason):
    if reason == NOWHERE:
        return f"is a link that {NOWHERE}"
    return f"is a folder that cannot be read ({reason})"


def _classes_of(folder, closed, others):
    """Return (file, class or None) of the images in a folder.

    Folders that cannot be read are added to `closed`, with their class and the reason;
    files of other kinds to `others`.
    """
    found = {}
    beside = image_files(folder, search_subfolders=False, closed=found, others=others)
    lists, names = [beside], [None]
    closed |= {path: (None, reason) for path, reason in found.items()}
    folders = class_folders(folder)
    if not beside:
        ask_which_are_classes(folders)
    for name, some in folders.items():
        for one in some:
            found = {}
            lists.append(image_files(one, closed=found, others=others))
            names.append(name)
            closed |= {path: (name, reason) for path, reason in found.items()}
    lists = without_arrays(lists, others)
    return [
        (file, name) for name, files in zip(names, lists, strict=True) for file in files
    ]
