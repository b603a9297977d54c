"""The memory that all threads together may take to decode images."""

import ctypes
import os
import threading
from functools import cache

from reticnn.coercion import as_float
from reticnn.runtime.stopping import check_wanted

# Below 1 GiB with what else is needed.
_DEFAULT_BYTES = 1_040_000_000

# With less, ordinary photos could not be read.
_LEAST_GIGABYTES = 0.1

# Who waits looks that often whether what it waits for is still wanted.
_SECONDS = 0.05

# Not worth counting.
_LITTLE = 4_000_000

# After so many bytes, what is free is given back to the system.
_MUCH = 100_000_000


def image_memory(gigabytes=None):
    """Return the memory limit for decoding images, or change it.

    Large images are read in parts or at reduced size if their format allows it, and
    take little memory. Others have to be decoded as a whole: if one of these needs more
    than the limit, it cannot be read, and the error says how much it needs. Progressive
    JPEGs take a lot, whatever size is wanted: libjpeg, which decodes them, keeps all of
    their coefficients until the end of the file, 600 MB for 200 megapixels in colour.
    All images that are decoded at the same time share the limit. The resulting pixels,
    such as a cache in memory, come on top of it.

    Args:
        gigabytes: Number of at least 0.1, the new limit in units of 1000 million bytes,
            until the end of the session; None leaves it as it is. Default None.

    Returns:
        The previous limit, in gigabytes. Initially it is 1.04.

    Raises:
        TypeError: If `gigabytes` is not a number.
        ValueError: If `gigabytes` is below 0.1.

    Example:
        >>> before = image_memory(4)
        >>> before
        1.04
    """
    before = memory.most / 1e9
    if gigabytes is not None:
        gigabytes = as_float(gigabytes, "gigabytes", minimum=_LEAST_GIGABYTES)
        memory.allow(int(gigabytes * 1e9))
    return before


class Budget:
    """Bytes that threads share: who needs more than is left waits until it is free.

    Attributes:
        most: The bytes that there are in all.
    """

    def __init__(self, most):
        """Take the number of bytes."""
        self.most = most
        self.refill()

    def refill(self):
        """Have all bytes free, whoever had taken some."""
        self._free = self.most
        self._change = threading.Condition()
        # Held by whoever waits, so that many small needs do not overtake a large one.
        self._turn = threading.Lock()

    def allow(self, most):
        """Have another number of bytes in all, of which those taken stay taken."""
        with self._change:
            self._free += most - self.most
            self.most = most
            self._change.notify()

    def share(self):
        """Return a context with a function that takes bytes, given back at its end.

        It can be called once, and again by whoever has taken all that there is.
        """
        return _Share(self)

    def take(self, count):
        """Take a number of bytes, as soon as they are there."""
        with self._turn, self._change:
            while not self._change.wait_for(lambda: self._has(count), _SECONDS):
                check_wanted()
            self._free -= count

    def _has(self, count):
        """Return whether bytes are free, or all are where the limit has become less."""
        return self._free >= min(count, self.most)

    def give_back(self, count):
        """Give back what was taken."""
        if count > _MUCH:
            _give_back_freed()
        with self._change:
            self._free += count
            self._change.notify()


class _Share:
    def __init__(self, budget):
        self._budget = budget
        self._taken = 0

    def __enter__(self):
        return self._take

    def _take(self, count):
        if count > max(_LITTLE, self._taken):
            self._budget.take(count)
            self._taken = count

    def __exit__(self, *_):
        if self._taken:
            self._budget.give_back(self._taken)


def _give_back_freed():
    """Give freed memory back, which C's library keeps for the thread that had it."""
    trim = _trimming()
    if trim:
        trim(0)


@cache
def _trimming():
    """Return the function of GNU's library that does it, or None elsewhere."""
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None


memory = Budget(_DEFAULT_BYTES)

# A forked child has none of the threads that would give something back.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=memory.refill)
