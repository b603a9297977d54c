"""Read only what is a file, and only as long as that is wanted."""

import io
import os
import stat

from reticnn.runtime.stopping import check_wanted

# What has a name in a folder and is no file: to open it can take for ever, or do harm.
_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}

# Bytes of a file that is read at once.
_SMALL = 1 << 16


class NotAFileError(OSError):
    """A path leads to a pipe, a socket or a device."""


def check_regular(path):
    """Raise if a path leads to a pipe, a socket or a device, without opening it.

    Raises:
        NotAFileError: If it does. The text goes on after the name of the path.
        OSError: If there is nothing there.
    """
    _check_kind(os.stat(path))


def _check_kind(status):
    kind = _KINDS.get(stat.S_IFMT(status.st_mode))
    if kind:
        raise NotAFileError(f"is {kind}, not a file")


def opened(path):
    """Return a file opened to be read, whose reading ends where the work is unwanted.

    Raises:
        NotAFileError: If it is no file.
        OSError: If it cannot be read.
    """
    check_regular(path)
    # It may have been replaced since: then opening it returns at once.
    file = _Wanted(io.FileIO(path, opener=_without_waiting))
    try:
        _check_kind(os.fstat(file.fileno()))
    except OSError:
        file.close()
        raise
    return file


def held_or_opened(path):
    """Return a file opened as by `opened`, or one in memory if it is small.

    What is read in many little pieces is read from memory in a fraction of the time.

    Raises:
        NotAFileError: If it is no file.
        OSError: If it cannot be read.
    """
    status = os.stat(path)
    _check_kind(status)
    if not 0 < status.st_size <= _SMALL:
        return opened(path)
    check_wanted()
    descriptor = _without_waiting(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        status = os.fstat(descriptor)
        _check_kind(status)
        contents = os.read(descriptor, min(status.st_size, _SMALL))
    finally:
        os.close(descriptor)
    is_whole = len(contents) == status.st_size
    return io.BytesIO(contents) if is_whole else opened(path)


def state_of(file):
    """Return which file an open one is, and how: other when it has been written to."""
    status = os.fstat(file.fileno())
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _without_waiting(path, flags):
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


class _Wanted(io.BufferedReader):
    """A file that is read as long as somebody wants what is made of it."""

    def read(self, size=-1):
        """Return the next bytes."""
        check_wanted()
        return super().read(size)
