"""Memory for intermediate results, which a thread uses again for the next block."""

import math
import threading

import numpy as np

# Values in a block of images, to which the host does a whole pass before the next
# block: few enough for a core's cache, enough that NumPy's calls cost little.
VALUES_AT_ONCE = 500_000

# Bytes of each kind of intermediate array that a thread keeps.
_BYTES_KEPT = 8 * VALUES_AT_ONCE


def scratch(name, shape, dtype):
    """Return an array with no values yet, in memory that a thread uses again.

    The system may provide new memory of this size page by page each time, which takes
    longer than the work done in it. Larger arrays are not kept.

    Args:
        name: Of the kind of array; each kind has its own memory.
        shape: Of the array.
        dtype: Of its values.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size > _BYTES_KEPT:
        return np.empty(shape, dtype)
    memory = _memory.__dict__.get(name)
    if memory is None:
        memory = _memory.__dict__[name] = np.empty(_BYTES_KEPT, np.uint8)
    return memory[:size].view(dtype).reshape(shape)


_memory = threading.local()
