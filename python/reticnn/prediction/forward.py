"""Images sent through a model in batches, the next one read meanwhile."""

import contextlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from reticnn.runtime.keras_internals import predicted, scopes_kept
from reticnn.runtime.progress import reporting
from reticnn.runtime.stopping import check_heard, listening, result_of, work_in


def outputs_of(model, data, batch_size, start_progress):
    """Return the outputs of the model in the order of the data."""
    report = start_progress(number_of_batches(data, batch_size))
    with read_batches([data], batch_size) as batches:
        return np.concatenate(
            [predicted(model, pixels) for pixels in reporting(batches, report)]
        )


def number_of_batches(data, batch_size):
    return -(-len(data) // batch_size)


@contextlib.contextmanager
def read_batches(sources, batch_size):
    """Yield an iterator over the pixels of each batch, the next one read meanwhile.

    Args:
        sources: List of image data, read one after the other.
        batch_size: Images per batch.
    """
    batches = [
        (data, np.arange(start, min(start + batch_size, len(data))))
        for data in sources
        for start in range(0, len(data), batch_size)
    ]
    if len(batches) == 1:
        data, indices = batches[0]
        yield iter([data.read(indices)])
        return
    pool = ThreadPoolExecutor(1, "reticnn-read")
    try:
        with listening(), scopes_kept(), work_in(pool) as start:
            yield _one_ahead(start, batches)
    finally:
        pool.shutdown(wait=False)


def _one_ahead(start, batches):
    """Yield what reading each of the batches gives, which is started before."""
    coming = None
    for data, indices in batches:
        ready, coming = coming, start(data.read, indices)
        if ready:
            yield result_of(ready)
            check_heard()
    if coming:
        yield result_of(coming)
