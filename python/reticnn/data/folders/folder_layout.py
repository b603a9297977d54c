"""What the folders in a folder are: parts, classes or groups."""

import os
import re
from itertools import chain

from reticnn.coercion import printable, shown
from reticnn.data.folders.folder_search import class_called, image_files, subfolders_of
from reticnn.runtime.conditions import warn_user

# Folders of a split data set, by the names people give them, without "set" at the end.
_PARTS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}

# A class can be called so: trains are photographed too.
_ALSO_A_CLASS = "train"

_NUMBERED_PART = re.compile(r"(fold|split)[ _-]?[0-9]+")


def parts_of(path):
    """Return the folders of a split data set by part, or nothing if it is not one."""
    names = subfolders_of(path)
    parts = {_part_called(name): os.path.join(path, name) for name in names}
    others = [name for name in names if not _part_called(name)]
    if others and {"train", "test"} <= set(parts):
        raise ValueError(
            f"`path` has the folders {shown(others)} next to `train` and `test`, so "
            f"its folders are neither parts nor classes: {path!r}. Move them elsewhere."
        )
    if others or "train" not in parts or len(parts) < len(names):
        return {}
    return {
        part: parts[part] for part in ("train", "validation", "test") if part in parts
    }


def _part_called(name):
    """Return the part of a data set that a folder's name means, or None."""
    return _PARTS.get(re.sub("[ _-]?set$", "", name.lower()))


def warn_of_layout(folders):
    """Warn if folders are not the classes that they will be taken for."""
    names = [os.path.basename(folder) for some in folders.values() for folder in some]
    changed = [name for name in names if _is_changed(name)]
    if changed:
        classes = [class_called(name) for name in changed]
        warn_user(
            "`path` has folders whose names are not UTF-8 or have spaces around them. "
            f"Their classes are called {shown(classes)}."
        )
    parts = [
        name
        for name in names
        if _part_called(name) or _NUMBERED_PART.fullmatch(name.lower())
    ]
    if len(parts) > 1 or (parts and parts[0].lower() != _ALSO_A_CLASS):
        warn_user(
            f"`path` has folders that look like parts of a data set, {shown(parts)}, "
            f"but all its folders are read as classes: {shown(list(folders))}. For "
            "parts, give one of them as `path`, or have no folders but `train`, `test` "
            "and `validation`."
        )


def ask_which_are_classes(folders):
    """Warn if it is not clear which of two levels of folders are the classes."""
    repeated = _names_in_several(folders)
    if not repeated:
        return
    names = list(folders)
    warn_user(
        f"`path` has folders without images that have the same subfolders, "
        f"{shown(repeated)}. Which are the classes? {shown(names)} are taken for the "
        "classes now. If they are sites, patients or the like, with the classes "
        f"{shown(repeated)} in each, read them by `image_folder(path, groups=1)`; if "
        f"{shown(repeated)} are that, in each class, by `image_folder(path, "
        "groups=2)`; if they are several data sets, give the folder of one as `path`."
    )


def _is_changed(name):
    """Say whether a class is called differently from its folder, to the eye."""
    try:
        text = printable(name)
        return text != text.strip() or os.fsencode(name).decode("utf-8") != text
    except UnicodeDecodeError:
        return True


def _names_in_several(folders):
    """Return names of subfolders that classes without images of their own share."""
    seen, repeated = set(), set()
    for folder in chain.from_iterable(folders.values()):
        closed = {}
        if image_files(folder, search_subfolders=False, closed=closed) or closed:
            return []
        names = {class_called(name) for name in subfolders_of(folder)}
        repeated |= seen & names
        seen |= names
    return sorted(repeated) if len(repeated) > 1 else []
