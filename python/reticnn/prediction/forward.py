"""Images sent through a model in batches, the next one read meanwhile."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from reticnn.runtime.progress import reporting


def outputs_of(model, data, batch_size, start_progress):
    """Return the outputs of the model in the order of the data."""
    report = start_progress(number_of_batches(data, batch_size))
    batches = reporting(read_batches(data, batch_size), report)
    return np.concatenate([model.predict_on_batch(pixels) for pixels in batches])


def number_of_batches(data, batch_size):
    return -(-len(data) // batch_size)


def read_batches(data, batch_size):
    """Yield the pixels of each batch, while the next one is being read."""
    starts = range(0, len(data), batch_size)
    batches = [np.arange(n, min(n + batch_size, len(data))) for n in starts]
    if len(batches) == 1:
        yield data.read(batches[0])
        return
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(data.read, batches[0])
        for batch in batches[1:]:
            ready, coming = coming, reader.submit(data.read, batch)
            yield ready.result()
        yield coming.result()
