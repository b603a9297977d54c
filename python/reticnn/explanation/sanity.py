"""Whether maps change when they should, and do not when they should not."""

import numpy as np

from reticnn.classifier import Classifier
from reticnn.explanation.flat_network import FlatNetwork
from reticnn.explanation.maps_again import MapsAgain
from reticnn.graph import copy_of, leaves_in
from reticnn.runtime.backend import keras
from reticnn.runtime.randomness import generator

# In how many stages layers lose what they have learned, at most.
STAGES = 5

# Apart from the numbers of images.
_OF_NOISE, _OF_WEIGHTS = 2, 3


def changes_by_noise(explanation, again, noise, samples, seed, report):
    """Return how much maps change when images do a little, as a part of the map.

    Args:
        explanation: `Explanation`.
        again: `MapsAgain`.
        noise: Standard deviation, as a part of the range of an image's values.
        samples: Number of noisy copies of each image.
        seed: Whole number.
        report: Function to call after each round of copies.

    Returns:
        Array (rows,): the mean length of the difference, by that of the map.
    """
    images = explanation.images.astype("float32")
    axes = (1, 2, 3)
    ranges = images.max(axis=axes, keepdims=True) - images.min(axis=axes, keepdims=True)
    before = explanation.maps.astype("float64")
    sums = np.zeros(len(before))
    for sample in range(samples):
        drawn = [
            generator(seed, at, _OF_NOISE, sample).standard_normal(one.shape, "float32")
            for at, one in enumerate(images)
        ]
        maps = again.maps(images + noise * ranges * np.stack(drawn))
        sums += np.linalg.norm((maps - before).reshape(len(maps), -1), axis=1)
        report()
    lengths = np.linalg.norm(before.reshape(len(before), -1), axis=1)
    return np.divide(
        sums, samples * lengths, out=np.full(len(sums), np.nan), where=lengths > 0
    )


def similarity_by_stage(explanation, classifier, batch_size, seed, report):
    """Return how like maps are while layers lose what they have learned, top down.

    The weights of each layer are put in a random order, in a copy of the network, and
    stay so while the layers below follow.

    Returns:
        Tuple of a list with the number and the name of the last layer of each stage and
        how many there are, and an array (stages, rows) of rank correlations.
    """
    copy = copy_of(classifier.model, "classifier")
    names, kind = classifier.class_names, classifier.output
    twin = Classifier(copy, names, {"epoch": []}, output=kind)
    again = MapsAgain(explanation, twin, batch_size)
    layers = _learned_layers(copy)
    ends = np.unique(np.linspace(1, len(layers), min(STAGES, len(layers))).round())
    rng, stages, found = generator(seed, _OF_WEIGHTS), [], []
    for number, (name, parts) in enumerate(layers, 1):
        for part in parts:
            part.set_weights([_shuffled(one, rng) for one in part.get_weights()])
        if number in ends:
            maps = again.maps(explanation.images.astype("float32"))
            pairs = zip(explanation.maps, maps, strict=True)
            found.append([rank_correlation(*pair) for pair in pairs])
            stages.append((number, name, len(layers)))
            report()
    return stages, np.array(found)


def _learned_layers(model):
    """Return (name, parts with weights) of each layer with kernels, the last first.

    What comes between a layer with kernels and the next, such as normalisation, goes
    with it; what comes before the first, such as the mean of images, has not learned to
    tell classes.
    """
    layers, seen = [], set()
    for step in FlatNetwork(model).steps:
        parts = [part for part in leaves_in(step.layer) if _has_weights(part)]
        parts = [part for part in parts if id(part) not in seen]
        seen.update(map(id, parts))
        if any(len(one.shape) > 1 for part in parts for one in part.weights):
            layers.append((step.name, parts))
        elif layers:
            layers[-1][1].extend(parts)
    return layers[::-1]


def _has_weights(part):
    return isinstance(part, keras.layers.Layer) and part.weights


def _shuffled(weights, rng):
    return rng.permutation(np.ravel(weights)).reshape(np.shape(weights))


def rank_correlation(one, other):
    """Return Spearman's correlation of two arrays; 0 if the second is all the same."""
    ranks = [_mean_ranks(values) for values in (one, other)]
    if any(values is None for values in ranks):
        return np.nan
    first, second = (values - values.mean() for values in ranks)
    if not first.any():
        return np.nan
    if not second.any():
        return 0.0
    return float(first @ second / np.sqrt((first @ first) * (second @ second)))


def _mean_ranks(values):
    """Return ranks, those of equal values the same; None if some are NaN."""
    if np.isnan(values).any():
        return None
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2)[which.ravel()]
