"""The values of the pixels of training images: mean and deviation, and their range."""

import numpy as np

from reticnn.graph import unknown_standardizations
from reticnn.prediction.forward import read_batches

_AT_ONCE = 64


def know_images(model, data):
    """Have a model that standardises images know those that it is trained on.

    Numbers that it knows already stay: its weights were learned with them.

    Args:
        model: Keras model.
        data: Image data, as the model takes them.

    Raises:
        ValueError: If all pixels have one value, or it is a part of the model that
            standardises, which may be given something else than the images.
    """
    lacking = unknown_standardizations(model)
    if not lacking:
        return
    if not all(_takes_the_images(layer, model) for layer in lacking):
        raise ValueError(
            "`model` has a part that standardises images and was not trained by "
            "itself, so that nothing says by what mean and deviation. Train that part "
            "first, or build it with the two numbers, as in `rescale=(120.5, 64.2)`."
        )
    mean, deviation = _mean_and_deviation(data)
    if not deviation:
        raise ValueError(
            f"`data` has images whose pixels are all {mean:g}, which cannot be "
            "standardised. Give others, or a model with `rescale=True`."
        )
    for layer in lacking:
        layer.set_statistics(mean, deviation)


def _takes_the_images(layer, model):
    """Return whether a layer is given what the model is given, unchanged."""
    return layer in model.layers and layer.input is model.inputs[0]


def unusual_values(data):
    """Return the ends of the pixels' values, as facts by name, if not of 0 to 255.

    Args:
        data: Image data.
    """
    if data.files is not None or getattr(data.source, "dtype", None) == np.uint8:
        return {}
    low, high = np.inf, -np.inf
    with read_batches([data], _AT_ONCE) as batches:
        for pixels in batches:
            low, high = min(low, pixels.min()), max(high, pixels.max())
    if low >= 0 and 1 < high <= 255:
        return {}
    return {"lowest_value": float(low), "highest_value": float(high)}


def _mean_and_deviation(data):
    """Return the mean and the standard deviation of all pixels in all channels."""
    count = total = squares = 0.0
    with read_batches([data], _AT_ONCE) as batches:
        for pixels in batches:
            values = pixels.astype("float64")
            count += values.size
            total += values.sum()
            squares += np.square(values).sum()
    mean = total / count
    return mean, np.sqrt(max(squares / count - mean**2, 0.0))
