"""Copy the material for a class into a folder."""

import os
from pathlib import Path

from reticnn.coercion import as_bool, as_path
from reticnn.runtime.conditions import warn_user
from reticnn.runtime.writing import reason_of, replacing, unwritten, way_out_of

_KIT = Path(__file__).parent / "kit"


def teaching_kit(path, *, overwrite=False):
    """Copy the material for a class on convolutional networks.

    It consists of slides for a 90-minute session with the timing in their notes,
    exercises with hints and solutions, both as R Markdown and as Jupyter notebooks,
    questions with answers, and a guide for the instructor. Everything runs offline, on
    generated images. The notebooks' code is in Python, with the R code beside it.

    Args:
        path: Folder to copy to, created if necessary.
        overwrite: True replaces files that have the same name but differ. With False
            they are kept, and named in a warning. Default False.

    Returns:
        Table (dict of equal-length lists) with one row per file: `file`, its path, and
        `status`: `"copied"`, `"unchanged"` for one that was there already, `"kept"` or
        `"replaced"`.

    Raises:
        ValueError: If `path` is a file, or a file of the material is a folder there.
        OSError: If the folder cannot be written.

    Warns:
        UserWarning: If there are files that have the same name but differ.

    Example:
        >>> table = teaching_kit("class")
        >>> os.listdir("class")
        ['exercises.Rmd', 'exercises.ipynb', ...]
    """
    folder = Path(as_path(path, "path"))
    overwrite = as_bool(overwrite, "overwrite")
    _check_folder(folder)
    names = sorted(file.name for file in _KIT.iterdir())
    _check_files(folder, names)
    _make(folder)
    status = [_copied(folder, name, overwrite) for name in names]
    kept = [name for name, how in zip(names, status, strict=True) if how == "kept"]
    if kept:
        warn_user(
            f"In `path`, {', '.join(kept)} differ from the material and were kept. Use "
            "`overwrite=True` to replace them, or another folder to have both."
        )
    return {"file": [str(folder / name) for name in names], "status": status}


def _check_folder(folder):
    if os.path.lexists(folder) and not folder.is_dir():
        raise ValueError(
            f"`path` must be a folder, and {str(folder)!r} is a file. Use another name."
        )


def _check_files(folder, names):
    for name in names:
        file = folder / name
        if os.path.lexists(file) and not file.is_file():
            raise ValueError(
                f"`path` has something that is not a file where the material has one: "
                f"{str(file)!r}. Use another folder."
            )


def _make(folder):
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            f"`path` could not be created ({reason_of(error)}): {str(folder)!r}. "
            f"{way_out_of(error)}, or use another path."
        ) from error


def _copied(folder, name, overwrite):
    """Copy one file, and return what became of it."""
    new, file = (_KIT / name).read_bytes(), folder / name
    there = file.exists()
    if there and _same(file.read_bytes(), new):
        return "unchanged"
    if there and not overwrite:
        return "kept"
    with replacing(str(file), unwritten(str(file))) as scratch:
        Path(scratch).write_bytes(new)
    return "replaced" if there else "copied"


def _same(one, other):
    """Return whether two texts are the same but for how their lines end."""
    return one.replace(b"\r\n", b"\n") == other.replace(b"\r\n", b"\n")
