"""Write a file as a whole, or not at all."""

import contextlib
import errno
import os
import re
import secrets
import shutil
import stat
import sys
import tempfile

from reticnn.coercion import as_path
from reticnn.runtime.locks import FileLock, HeldError

# Folders with files that are not complete, beside those that these are to replace.
_SCRATCH = re.compile(r"\.reticnn-[0-9a-f]{16}")
_LOCK = "lock"

_NO_ROOM = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
_NO_ROOM_SAID = [os.strerror(number) for number in _NO_ROOM]
_NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS}


def as_file_to_write(value, name="path"):
    """Return `value` as the path of a file that can be written, with `~` expanded.

    Raises:
        ValueError: If it is a folder, or something else that is no file.
        FileNotFoundError: If the folder to write in does not exist.
        PermissionError: If the file or the folder may not be written.
    """
    path = as_path(value, name)
    folder = os.path.dirname(os.path.realpath(path))
    if os.path.isdir(path):
        raise ValueError(
            f"`{name}` must be a file to write, and {path!r} is a folder. Add a name."
        )
    _check_is_there(folder, name)
    there = os.path.exists(path)
    if there and not os.path.isfile(path):
        raise ValueError(
            f"`{name}` must be a file to write, and {path!r} is a device, a pipe or a "
            "socket. Use another name."
        )
    if there:
        _check_may_be_written(path, "a file", name)
    _check_may_be_written(folder, "in a folder", name)
    return path


def check_folder_for(path, name="path"):
    """Raise unless something new can be put where a path leads.

    Raises:
        FileNotFoundError: If the folder to write in does not exist.
        PermissionError: If it may not be written.
    """
    folder = os.path.dirname(os.path.abspath(path))
    _check_is_there(folder, name)
    _check_may_be_written(folder, "in a folder", name)


def _check_is_there(folder, name):
    if not os.path.isdir(folder):
        raise FileNotFoundError(
            f"`{name}` is in a folder that does not exist: {folder!r}. Create it first."
        )


def _check_may_be_written(place, kind, name):
    if not os.access(place, os.W_OK):
        raise PermissionError(
            f"`{name}` is {kind} that may not be written: {place!r}. Change its "
            "permissions, or use another path."
        )


@contextlib.contextmanager
def deleted_unless_whole(folder, unwritten):
    """Delete a new folder that is written in the block if that fails.

    Args:
        folder: Its path.
        unwritten: As for `replacing`.

    Raises:
        OSError: If it could not be written.
    """
    known = sys.exc_info()[1]
    try:
        yield
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        cause = _problem_writing(error, known)
        if cause is None:
            raise
        raise OSError(unwritten(cause)) from error


@contextlib.contextmanager
def replacing(path, unwritten):
    """Give a path to write to in place of `path`, which it replaces when complete.

    Where the block fails, an older file stays as it is. Its permissions stay in any
    case, and where it is a link, the file that this leads to is replaced. Other files
    may be put next to the one to write; they are deleted, or, if the process is killed,
    with the next file that is written in the folder.

    Args:
        path: The file.
        unwritten: Function of the error because of which the file could not be written;
            it returns what to say.

    Raises:
        OSError: If it could not be written.
    """
    target, known = os.path.realpath(path), sys.exc_info()[1]
    try:
        with _scratch_in(os.path.dirname(target)) as scratch:
            whole = os.path.join(scratch, "whole")
            yield whole
            _to_disk(whole)
            _let_be_like(whole, target)
            os.replace(whole, target)
    except Exception as error:
        cause = _problem_writing(error, known)
        if cause is None:
            raise
        raise OSError(unwritten(cause)) from error


def unwritten(path, name="path"):
    """Return what to say of a file that could not be written, as `replacing` wants."""

    def say(error):
        older = "The older file is unchanged. " if os.path.exists(path) else ""
        return (
            f"`{name}` could not be written ({reason_of(error)}): {path!r}. "
            f"{older}{way_out_of(error)}, or use another path."
        )

    return say


def reason_of(error):
    """Return what an error says, without the numbers that the system has for it."""
    said = getattr(error, "strerror", None) or _room_said(error)
    return said or str(error) or type(error).__name__


def is_lack_of_room(error):
    """Return whether something could not be written because a disk is full.

    TensorFlow has the system's words for it alone.
    """
    return getattr(error, "errno", None) in _NO_ROOM or _room_said(error) is not None


def _room_said(error):
    """Return the system's words for a full disk that an error has, or None."""
    return next((words for words in _NO_ROOM_SAID if words in str(error)), None)


def is_lack_of_permission(error):
    """Return whether something could not be written because that is not allowed."""
    return getattr(error, "errno", None) in _NOT_ALLOWED


def way_out_of(error):
    """Return what to do where something could not be written, to begin a sentence."""
    if is_lack_of_room(error):
        return "Free some space"
    if is_lack_of_permission(error):
        return "Allow yourself to write there"
    return "Put that right"


def sweep(folder):
    """Delete what processes that were killed have left of the files they wrote here.

    What is being written is locked, and stays.
    """
    left = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        left = [
            entry.path
            for entry in entries
            if _SCRATCH.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
        ]
    for scratch in left:
        with contextlib.suppress(OSError, HeldError):
            _delete_scratch(scratch)


@contextlib.contextmanager
def temporary_folder():
    """Give a folder for temporary files, deleted after the block.

    Raises:
        OSError: If nothing can be written there.
    """
    check_temporary_files()
    try:
        with tempfile.TemporaryDirectory(prefix="reticnn-") as folder:
            yield folder
    except OSError as error:
        place = f"{tempfile.gettempdir()!r} ({reason_of(error)})"
        raise _no_temporary_files(place, way_out_of(error)) from error


def check_temporary_files():
    """Raise if there is no folder at all for temporary files."""
    try:
        tempfile.gettempdir()
    except OSError as error:
        wanted = os.environ.get("TMPDIR")
        place = f"{wanted!r} or any other folder" if wanted else "any folder"
        # Python has tried them all and does not say what was wrong with each.
        way_out = "Free some space, allow yourself to write there"
        raise _no_temporary_files(place, way_out) from error


def _no_temporary_files(place, way_out):
    return OSError(
        f"Temporary files cannot be written in {place}. {way_out}, or set the "
        "environment variable TMPDIR to a folder that has room for them and that you "
        "may write to."
    )


@contextlib.contextmanager
def _scratch_in(folder):
    """Give a new folder in another, locked, and delete it after the block."""
    sweep(folder)
    scratch, lock = _new_scratch(folder)
    try:
        yield scratch
    finally:
        lock.release()
        shutil.rmtree(scratch, ignore_errors=True)


def _new_scratch(folder):
    """Return a new folder and the lock in it."""
    while True:
        scratch = os.path.join(folder, f".reticnn-{secrets.token_hex(8)}")
        os.mkdir(scratch, 0o700)
        try:
            return scratch, FileLock(os.path.join(scratch, _LOCK))
        except (FileNotFoundError, HeldError):
            # Another process that sweeps here has found it before it was locked.
            continue
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise


def _delete_scratch(scratch):
    """Delete a folder unless a process writes in it."""
    try:
        lock = FileLock(os.path.join(scratch, _LOCK), create=False)
    except FileNotFoundError:
        os.rmdir(scratch)
        return
    shutil.rmtree(scratch, ignore_errors=True)
    lock.release()
    # Windows keeps what is open.
    shutil.rmtree(scratch, ignore_errors=True)


def _to_disk(path):
    """Wait until a file is on the disk, or raise: some refuse a file only then."""
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def _let_be_like(path, older):
    """Give a file the owner and permissions of another, as far as that is allowed."""
    try:
        known = os.stat(older)
    except FileNotFoundError:
        return
    if hasattr(os, "chown"):
        for owner in ((-1, known.st_gid), (known.st_uid, -1)):
            with contextlib.suppress(OSError):
                os.chown(path, *owner)
    with contextlib.suppress(OSError):  # Of file systems without permissions.
        os.chmod(path, stat.S_IMODE(known.st_mode))


def _problem_writing(error, known):
    """Return the error of the system because of which writing failed, or None.

    On a full disk other errors follow from that. What was `known` before is not why.
    """
    if isinstance(error, OSError):
        return error
    while error not in (None, known):
        if is_lack_of_room(error):
            return error
        error = error.__cause__ or error.__context__
    return None
