"""The memory that all threads together may take to decode images."""

import contextlib
import threading

from reticnn.runtime.stopping import check_wanted

# Below 1 GB with what else is needed. Images of 240 million pixels in colour fit.
MOST_BYTES = 960_000_000

# Who waits looks that often whether what it waits for is still wanted.
_SECONDS = 0.05


class Budget:
    """Bytes that threads share: who needs more than is left waits until it is free."""

    def __init__(self, most):
        """Take the number of bytes."""
        self._free = most
        self._change = threading.Condition()
        # Held by whoever waits, so that many small needs do not overtake a large one.
        self._turn = threading.Lock()

    @contextlib.contextmanager
    def share(self):
        """Yield a function that takes a number of bytes, given back after the block.

        It can be called once.
        """
        taken = []

        def take(count):
            with self._turn, self._change:
                while not self._change.wait_for(lambda: self._free >= count, _SECONDS):
                    check_wanted()
                self._free -= count
                taken.append(count)

        try:
            yield take
        finally:
            with self._change:
                self._free += sum(taken)
                self._change.notify()


memory = Budget(MOST_BYTES)
