"""Find the files and folders in a folder."""

import errno
import os

from reticnn.coercion import as_path, printable, shown, tidy_name
from reticnn.data.listing import is_image_name, is_nameless_image, is_photo_name
from reticnn.data.other_files import is_of_the_user
from reticnn.runtime.conditions import warn_user

# Folders that systems and programs make for themselves.
_NOT_OF_THE_USER = ("__MACOSX", "__pycache__", "@eaDir", "$RECYCLE.BIN")

# Of a link, in place of the reason why a folder cannot be read.
NOWHERE = "leads nowhere"


def existing_folder(path):
    """Return `path` with `~` expanded, if it is a folder."""
    if isinstance(path, (list, tuple)) and len(path) > 1:
        raise TypeError(
            f"`path` must be one folder, not {shown(path)}. Use `image_table()` for "
            "files."
        )
    path = as_path(path, "path")
    if os.path.isdir(path):
        return path
    raise FileNotFoundError(
        f"`path` must be an existing folder, not {printable(path)!r} "
        f"(working directory: {os.getcwd()!r}). Check the spelling."
    )


def class_folders(path):
    """Return the folders in `path` that may be classes, listed by the class's name.

    The classes are sorted. Several folders of one class are called the same, but for
    spaces around the name or for how Unicode spells it.
    """
    folders = {}
    for name in subfolders_of(path):
        folders.setdefault(class_called(name), []).append(os.path.join(path, name))
    return dict(sorted(folders.items()))


def class_called(name):
    """Return the name of the class that a folder of that name has."""
    return tidy_name(printable(name))


def subfolders_of(path):
    """Return the names of the folders in `path` that may be classes, sorted.

    Raises:
        ValueError: If the folder may not be read.
    """
    try:
        with os.scandir(path) as entries:
            return sorted(
                entry.name
                for entry in entries
                if _is_folder(entry) and _may_be_class(entry.name)
            )
    except OSError as error:
        raise ValueError(
            f"`path` is a folder that cannot be read ({_reason(error)}): {path!r}. "
            "Allow yourself to read it."
        ) from error


def _is_folder(entry):
    """Return whether an entry of a folder, or what it links to, is a folder."""
    try:
        return entry.is_dir()
    except OSError as error:
        if error.errno == errno.ELOOP:  # Links in a circle lead nowhere.
            return False
        raise


def _reason(error):
    return str(error.strerror).lower()


def image_files(
    path,
    search_subfolders=True,
    closed=None,
    others=None,
    searched=None,
    every=False,
):
    """Return what is called like an image in a folder, sorted.

    A folder called so is among them: it is an accident, to be named as a bad file.
    Links to folders are followed, but not back to where the search has been.

    Args:
        path: Folder.
        search_subfolders: Whether to look into its subfolders.
        closed: Dict to which folders that cannot be read are added, each with the
            reason, and links that lead nowhere, with `NOWHERE`; or None.
        others: List to which files of other kinds are added, or None.
        searched: Dict of the places of folders that have been searched before, to which
            those are added that are searched now, each with its path; or None.
        every: Whether files of other kinds are returned too.
    """
    files = []
    closed = {} if closed is None else closed
    others = [] if others is None else others
    searched = {} if searched is None else searched

    def note(error):
        closed[error.filename] = _reason(error)

    try:
        above = set(map(_place, _with_parents(os.path.realpath(path))[1:]))
        place = _place(path)
    except OSError as error:
        note(error)
        return []
    if place in searched:
        return []
    searched[place] = path
    for folder, subfolders, names in os.walk(path, onerror=note, followlinks=True):
        files += [
            os.path.join(folder, name)
            for name in sorted(names + subfolders)
            if is_photo_name(name)
            or (every and is_of_the_user(name) and name not in subfolders)
        ]
        rest = [
            os.path.join(folder, name)
            for name in sorted(names)
            if is_of_the_user(name) and not (every or is_image_name(name))
        ]
        nameless = [path for path in rest if is_nameless_image(path)]
        files += nameless
        rest = sorted(set(rest) - set(nameless))
        lost = [path for path in rest if _leads_nowhere(path)]
        closed |= dict.fromkeys(lost, NOWHERE)
        others += [path for path in rest if path not in closed]
        wanted = [
            name for name in subfolders if search_subfolders and _may_be_class(name)
        ]
        subfolders.clear()
        for name in sorted(wanted):
            try:
                place = _place(os.path.join(folder, name))
            except OSError as error:
                note(error)
                continue
            if place not in above and place not in searched:
                searched[place] = os.path.join(folder, name)
                subfolders.append(name)
    return files


def _leads_nowhere(path):
    """Return whether a path is a link to nothing, or in a circle."""
    return os.path.islink(path) and not os.path.exists(path)


def check_all_readable(closed, on_bad_image, name="path"):
    """Raise or warn if folders cannot be read, as `image_files` notes them."""
    lost = [printable(path) for path in closed if closed[path] == NOWHERE]
    if lost:
        # Nobody knows whether it was a folder, or has to do with the images.
        warn_user(
            f"`{name}` has links that lead nowhere, which are left out: {shown(lost)}. "
            "Delete them, or put back what they led to if it was a folder of images."
        )
    closed = {path: closed[path] for path in closed if closed[path] != NOWHERE}
    if not closed:
        return
    some = [f"{printable(folder)!r} ({closed[folder]})" for folder in closed][:10]
    more = f", and {len(closed) - 10} more" if len(closed) > 10 else ""
    message = (
        f"`{name}` has {len(closed)} folder{'s' if len(closed) > 1 else ''} that "
        "cannot be read: "
        f"{', '.join(some)}{more}."
    )
    if on_bad_image == "error":
        raise ValueError(
            f"{message} Allow yourself to read them, move them elsewhere, or skip them "
            'with `on_bad_image="skip"`.'
        )
    warn_user(f"{message} They are skipped, with everything in them.")


def _with_parents(path):
    """Return a folder and all folders that it lies in."""
    paths = [path]
    while os.path.dirname(paths[-1]) != paths[-1]:
        paths.append(os.path.dirname(paths[-1]))
    return paths


def _place(folder):
    """Return what all paths of one folder have in common."""
    status = os.stat(folder)
    if status.st_ino:
        return status.st_dev, status.st_ino
    return os.path.realpath(folder)


def _may_be_class(name):
    """Say whether a folder is neither hidden nor called like an image."""
    return not (name.startswith(".") or name in _NOT_OF_THE_USER or is_image_name(name))
