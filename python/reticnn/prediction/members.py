"""What each member of an ensemble says of images."""

import numpy as np

from reticnn.layers import mean_in
from reticnn.outputs import probabilities
from reticnn.prediction.forward import number_of_batches, read_batches
from reticnn.runtime.backend import keras
from reticnn.runtime.keras_internals import predicted
from reticnn.runtime.progress import reporting


def parts_of_ensemble(model):
    """Return the models that an ensemble is the mean of, in their order."""
    return [model.get_layer(name) for name in _names(model)]


def probabilities_by_members(model, data, batch_size, start_progress):
    """Return the probabilities of the ensemble's classes by each of its members.

    Args:
        model: Model of an ensemble.
        data: Image data as the model takes them.
        batch_size: Whole number of images per batch.
        start_progress: Function of the number of batches that returns one of those
            done.

    Returns:
        float64 array, (members, n, classes).
    """
    parts, known = parts_of_ensemble(model), mean_in(model).members
    apart = keras.Model(model.inputs[0], mean_in(model).input)
    report = start_progress(number_of_batches(data, batch_size))
    found = []
    with read_batches([data], batch_size) as batches:
        for pixels in reporting(batches, report):
            outputs = predicted(apart, pixels)
            found.append(
                [
                    probabilities(part, own["kind"], output)[:, own["order"]]
                    for part, own, output in zip(parts, known, outputs, strict=True)
                ]
            )
    return np.concatenate(found, axis=1)


def _names(model):
    return [f"member_{number + 1}" for number in range(len(mean_in(model).members))]
