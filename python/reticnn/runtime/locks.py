"""Files that one process at a time holds."""

import contextlib
import errno
import os
import platform
import re

try:
    import fcntl
except ImportError:  # Windows.
    fcntl = None
    import msvcrt

# Windows locks bytes, which nobody else can read then: one behind any text.
_LOCKED_BYTE = 2**30

# What the system says where a file may be read and not written.
_READ_ONLY = {errno.EACCES, errno.EPERM, errno.EROFS}


class HeldError(Exception):
    """Says, in words, who holds a file."""


class FileLock:
    """A file that is held until it is released, or the process ends, however it does.

    One that may be read only, as another user's, is held all the same, and its holder
    is not noted. Where the file system knows no locks, everybody holds it.
    """

    def __init__(self, path, create=True):
        """Take the file.

        Args:
            path: The file, in which the holder is noted.
            create: Whether to make it if it is not there, and to note the holder.
                Default True.

        Raises:
            HeldError: If it is held already.
            OSError: If it cannot be opened or made, or is a link: another may have put
                it there, to a file that must not be written to.
        """
        self._path = path
        while True:
            self._file = _opened(path, create)
            try:
                _lock(self._file)
                if self._is_in_place():
                    break
            except BaseException:
                os.close(self._file)
                raise
            # Whoever held it has deleted it meanwhile.
            os.close(self._file)
        # On a full disk nobody is noted, nor in another's file.
        with contextlib.suppress(OSError):
            if create:
                os.truncate(self._file, 0)
                os.write(self._file, f"{os.getpid()} {platform.node()}".encode())

    def release(self, delete=False):
        """Let go of the file, and delete it if it is not wanted any more."""
        if delete:
            # Windows deletes no open file, and leaves it.
            with contextlib.suppress(OSError):
                os.remove(self._path)
        with contextlib.suppress(OSError):
            _unlock(self._file)
        os.close(self._file)

    def _is_in_place(self):
        try:
            return os.path.samestat(os.fstat(self._file), os.stat(self._path))
        except FileNotFoundError:
            return False


def _opened(path, create):
    """Return a file, open to be written to where that is allowed."""
    names = ("O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK")
    flags = sum(getattr(os, name, 0) for name in names)
    try:
        return os.open(path, flags | os.O_RDWR | (os.O_CREAT if create else 0), 0o666)
    except OSError as error:
        if not fcntl or error.errno not in _READ_ONLY:
            raise
        try:
            return os.open(path, flags | os.O_RDONLY)
        except OSError:
            raise error from None


def _lock(file):
    try:
        if fcntl:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            os.lseek(file, _LOCKED_BYTE, os.SEEK_SET)
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
            os.lseek(file, 0, os.SEEK_SET)
    except (BlockingIOError, PermissionError) as error:
        raise HeldError(_holder(file)) from error
    except OSError:
        # Some network file systems have no locks.
        pass


def _unlock(file):
    if fcntl:
        # Processes forked from this one have the file open too.
        fcntl.flock(file, fcntl.LOCK_UN)
    else:
        os.lseek(file, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_UNLCK, 1)


def _holder(file):
    """Return who has noted themselves in a file, in words."""
    os.lseek(file, 0, os.SEEK_SET)
    noted = re.fullmatch(rb"(\d+) ([\w.-]*)", os.read(file, 300))
    if not noted:
        return "another process"
    process, machine = int(noted[1]), noted[2].decode()
    if machine != platform.node():
        return f"process {process} of the machine {machine}"
    if process == os.getpid():
        return "this process"
    # One that may not write to the file has left in it who held it before.
    return f"process {process}" if lives(process) else "another process"


def lives(process):
    """Return whether there is a process of a number, or that cannot be known."""
    if os.name == "nt":  # Where `os.kill()` ends it.
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        pass
    return True
