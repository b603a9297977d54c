"""How often the EfficientNets of Keras divide the pixels of an image."""

import numpy as np

from reticnn.runtime.backend import keras

# The deviations by which Keras divides twice in the EfficientNets of its ImageNet
# files, the second time in a layer that it leaves out for other weights.
_DEVIATIONS = np.array([0.229, 0.224, 0.225], "float32")


def match_rescalings(network, rescalings):
    """Let an EfficientNet divide the pixels as often as the network of its weights.

    Args:
        network: EfficientNet that divides once, with the weights in it.
        rescalings: Number of rescaling layers of the network that they were learned
            in, or None if that is not known: Keras's own files have no more than
            weights, and those of a network that began with random ones do not
            normalise.
    """
    layer = next(
        layer
        for layer in network.layers
        if isinstance(layer, keras.layers.Normalization)
    )
    mean, variance = map(keras.ops.convert_to_numpy, layer.weights[:2])
    normalises = bool(np.any(mean != 0) or np.any(variance != 1))
    if normalises if rescalings is None else rescalings > 1:
        layer.adapt_variance.assign(variance * _DEVIATIONS)
        layer.finalize_state()
