"""Groups of the images in a folder: by a level of its folders, or by a function."""

import os

from reticnn.coercion import as_int, check_takes_one, printable, shown
from reticnn.data.facts import as_groups
from reticnn.notation import in_words


def as_grouping(groups):
    """Return how groups are found: a level of folders, a function, or None."""
    if callable(groups):
        check_takes_one(groups, "groups", "the path of a file")
    if groups is None or callable(groups):
        return groups
    try:
        return as_int(groups, "groups")
    except (TypeError, ValueError) as error:
        raise type(error)(
            "`groups` must be a level of folders, 1 for those in `path`, or a function "
            f"of the path of a file, not {shown(groups)}. For one group per image, use "
            "`image_table()`."
        ) from error


def groups_of_files(files, path, groups):
    """Return the group of each file in a folder, or None without groups.

    Args:
        files: Paths, which begin with `path`.
        path: Folder.
        groups: As `as_grouping` returns it.
    """
    if groups is None:
        return None
    if callable(groups):
        found = [_given(groups, file) for file in files]
        _check_all_have(found, files)
        return as_groups(found, len(files))
    found = [_of_level(os.path.relpath(file, path), groups) for file in files]
    without = [file for file, group in zip(files, found, strict=True) if not group]
    if without:
        raise ValueError(
            f"`groups` is {groups}, but {len(without)} of {len(files)} images lie in "
            f"fewer levels of folders below {printable(path)!r}, such as "
            f"{printable(without[0])!r}. Give another level, or a function of the path."
        )
    return found


def _given(groups, file):
    """Return what a function says is the group of a file."""
    try:
        return groups(file)
    except Exception as error:
        raise ValueError(
            f"`groups` fails for {printable(file)!r}: {error}. Give a function that "
            "takes the path of a file and returns the name of its group."
        ) from error


def _check_all_have(found, files):
    """Raise if a function returns no single value, or none at all."""
    for group, file in zip(found, files, strict=True):
        if group is None or group != group or group == "":
            nothing = in_words("None", "NA")
            raise ValueError(
                f"`groups` returns {nothing} for {printable(file)!r}. Return the name "
                "of a group for every file, such as the file itself for one that "
                "belongs to no other."
            )
        if not isinstance(group, (str, int, float)):
            raise TypeError(
                f"`groups` returns {shown(group)} for {printable(file)!r}. Return one "
                "text or whole number."
            )


def _of_level(below, level):
    """Return the group of a file by its path below the folder, empty without one.

    A folder of a deeper level is one with those around it, as far as the class:
    cameras in different places may be called the same.
    """
    *folders, _ = below.split(os.sep)
    if len(folders) < level:
        return ""
    start = 0 if level == 1 else 1
    return printable("/".join(folders[start:level]))
