"""Write a file as a whole, or not at all."""

import contextlib
import os
import tempfile

from reticnn.coercion import as_path


def as_file_to_write(value, name="path"):
    """Return `value` as the path of a file that can be written, with `~` expanded.

    Raises:
        ValueError: If it is a folder.
        FileNotFoundError: If the folder to write in does not exist.
    """
    path = as_path(value, name)
    folder = os.path.dirname(os.path.abspath(path))
    if os.path.isdir(path):
        raise ValueError(
            f"`{name}` must be a file to write, and {path!r} is a folder. Add a name."
        )
    if not os.path.isdir(folder):
        raise FileNotFoundError(
            f"`{name}` is in a folder that does not exist: {folder!r}. Create it first."
        )
    return path


@contextlib.contextmanager
def replacing(path):
    """Give a path to write to in place of `path`, which it replaces when complete.

    Where the block fails, an older file stays as it is. Other files may be put next to
    the one to write; they are deleted.
    """
    folder = os.path.dirname(os.path.abspath(path))
    with tempfile.TemporaryDirectory(dir=folder, prefix=".reticnn-") as scratch:
        whole = os.path.join(scratch, "whole")
        yield whole
        os.replace(whole, path)
