"""How the image libraries are set in the whole process while images are decoded.

Pillow's limit lies below the largest photos. What is wrong with a file is told by its
name; what Pillow, libtiff, tifffile, libjpeg and pydicom say of it themselves has none,
and is kept away.
"""

import contextlib
import ctypes
import logging
import os
import re
import threading
import warnings
from dataclasses import dataclass
from functools import cache
from typing import Any

from PIL import Image

# All that libjpeg says of a file that it reads on with.
_LIBJPEG = re.compile(
    rb"(Application transferred too many scanlines|Caution: quantization tables"
    rb"|Corrupt JPEG data|Inconsistent progression sequence|Invalid SOS parameters"
    rb"|Premature end of JPEG file|Unknown Adobe color transform"
    rb"|Unrecognized component IDs|Warning: unknown JFIF revision)"
)

# What `warnings` calls a filter. No other is equal to it: the comment is in none.
_NO_WARNINGS = ("ignore", None, Warning, re.compile(r"(?#reticnn)(PIL|pydicom)\."), 0)

# Of fallocate(): a part of a file takes no memory any more, and its size stays.
_EMPTY = 0x01 | 0x02

# Without a handler, Python prints what is logged.
for _library in ("PIL", "tifffile"):
    logging.getLogger(_library).addHandler(logging.NullHandler())


class _Settings:
    """Holds for the whole process, from the first who enters to the last who leaves."""

    def __init__(self):
        self._lock = threading.Lock()
        self._users = 0
        # A forked child has the settings, but none of the threads that put them back.
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self._lock.acquire,
                after_in_parent=self._lock.release,
                after_in_child=self._begin_anew,
            )

    def _begin_anew(self):
        try:
            if self._users:
                self._until.close()
        finally:
            self._users = 0
            # The memory is the parent's too.
            _other_stderr.cache_clear()
            self._lock.release()

    def __enter__(self):
        with self._lock:
            if not self._users:
                self._until = contextlib.ExitStack()
                for part in (_no_limit, _no_warnings, _libtiff_silent, _libjpeg_silent):
                    self._until.enter_context(part())
            self._users += 1

    def __exit__(self, *_):
        with self._lock:
            self._users -= 1
            if not self._users:
                self._until.close()


@contextlib.contextmanager
def _no_limit():
    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


@contextlib.contextmanager
def _no_warnings():
    # Not `catch_warnings`: it would put the filters back that another thread has set.
    # Not `filterwarnings`: what was shown once would be shown again.
    filters = warnings.filters
    filters.insert(0, _NO_WARNINGS)
    try:
        yield
    finally:
        for kept in (filters, warnings.filters):
            while _NO_WARNINGS in kept:
                kept.remove(_NO_WARNINGS)


@contextlib.contextmanager
def _libtiff_silent():
    before = [(set_handler, set_handler(None)) for set_handler in _libtiff_handlers()]
    try:
        yield
    finally:
        for set_handler, handler in before:
            set_handler(handler)


@cache
def _libtiff_handlers():
    """Return the functions that set the handlers of libtiff, if it can be reached."""
    try:
        pillow = ctypes.CDLL(Image.core.__file__)
        handlers = [pillow.TIFFSetErrorHandler, pillow.TIFFSetWarningHandler]
    except (AttributeError, OSError):
        return []
    for set_handler in handlers:
        set_handler.argtypes, set_handler.restype = [ctypes.c_void_p], ctypes.c_void_p
    return handlers


@contextlib.contextmanager
def _libjpeg_silent():
    """Have C's `stderr` lead to memory, and print what is not libjpeg's afterwards.

    The one in OpenCV cannot be told to be silent. Python's `sys.stderr` and other
    processes have the descriptor, which stays as it is.
    """
    other = _other_stderr()
    if other and not other.is_there():
        # Who becomes a daemon closes all descriptors.
        _other_stderr.cache_clear()
        other = _other_stderr()
    if not other:
        yield
        return
    before, other.stderr.value = other.stderr.value, other.file
    try:
        yield
    finally:
        other.stderr.value = before
        for line in other.taken() if other.is_there() else ():
            if not _LIBJPEG.match(line):
                other.libc.fwrite(line, 1, len(line), before)


@dataclass
class _OtherStderr:
    """C's `stderr`, a file in memory to put in place of it, and how to reach both."""

    stderr: Any
    file: Any
    libc: Any
    descriptor: int
    status: Any
    read: int = 0

    def is_there(self):
        """Return whether the descriptor still is the file's, and not another's."""
        try:
            return os.path.samestat(os.fstat(self.descriptor), self.status)
        except OSError:
            return False

    def taken(self):
        """Return the lines in the file that are new, and give their memory back.

        The file is not emptied: another thread may write to it in that moment.
        """
        self.libc.fflush(self.file)
        size = os.fstat(self.descriptor).st_size
        printed = os.pread(self.descriptor, size - self.read, self.read)
        self.libc.fallocate(self.descriptor, _EMPTY, self.read, size - self.read)
        self.read = size
        return printed.splitlines(keepends=True)


@cache
def _other_stderr():
    """Return `_OtherStderr`, or None.

    None where the library of C is not GNU's, whose `stderr` is a variable.
    """
    try:
        libc = ctypes.CDLL(None)
        libc.gnu_get_libc_version  # noqa: B018
        stderr = ctypes.c_void_p.in_dll(libc, "stderr")
        descriptor = os.memfd_create("reticnn")
    except (AttributeError, OSError, TypeError, ValueError):
        return None
    libc.fdopen.restype = ctypes.c_void_p
    libc.fflush.argtypes = [ctypes.c_void_p]
    libc.fwrite.argtypes = [
        ctypes.c_char_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_void_p,
    ]  # fmt: skip
    libc.fallocate.argtypes = [
        ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long,
    ]  # fmt: skip
    file = libc.fdopen(descriptor, b"a")
    return _OtherStderr(stderr, file, libc, descriptor, os.fstat(descriptor))


while_decoding = _Settings()
