"""The memory that all threads together may take to decode images."""

import ctypes
import os
import threading
from functools import cache

from reticnn.runtime.stopping import check_wanted

# Below 1 GiB with what else is needed. 240 million pixels in colour fit.
MOST_BYTES = 1_040_000_000

# Who waits looks that often whether what it waits for is still wanted.
_SECONDS = 0.05

# Not worth counting.
_LITTLE = 4_000_000

# After so many bytes, what is free is given back to the system.
_MUCH = 100_000_000


class Budget:
    """Bytes that threads share: who needs more than is left waits until it is free."""

    def __init__(self, most):
        """Take the number of bytes."""
        self._most = most
        self.refill()

    def refill(self):
        """Have all bytes free, whoever had taken some."""
        self._free = self._most
        self._change = threading.Condition()
        # Held by whoever waits, so that many small needs do not overtake a large one.
        self._turn = threading.Lock()

    def share(self):
        """Return a context with a function that takes bytes, given back at its end.

        It can be called once.
        """
        return _Share(self)

    def take(self, count):
        """Take a number of bytes, as soon as they are there."""
        with self._turn, self._change:
            while not self._change.wait_for(lambda: self._free >= count, _SECONDS):
                check_wanted()
            self._free -= count

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
        if count > _LITTLE:
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


memory = Budget(MOST_BYTES)

# A forked child has none of the threads that would give something back.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=memory.refill)
