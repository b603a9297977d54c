"""The layers of a model, as a table."""

import math

from reticnn.coercion import as_float
from reticnn.graph import as_keras_model, layers_with_parents
from reticnn.pretrained.layer_groups import rate_factors
from reticnn.runtime.backend import keras


def layer_table(model, *, layer_decay=None):
    """List the layers of a model, including those of nested models.

    Args:
        model: Keras model, or classifier.
        layer_decay: Float in (0, 1], as in `fit_classifier`, whose learning rates are
            then listed, or None. Default None.

    Returns:
        Table (dict of equal-length lists) with one row per layer in the model's order,
        a nested model before its layers: `name`; `type`; `output_shape`, as text
        without the batch axis, such as `"7 x 7 x 512"`; `parameters`; `trainable`,
        whether any of its weights are trained; and `parent`, the name of the nested
        model that contains it, or `""`. With `layer_decay`, also `rate`, the learning
        rate of the layer over that of the last one, NaN for a layer that is not
        trained and for nested models.

    Raises:
        TypeError: If `model` is not a Keras model or classifier.
        ValueError: If one of its layers has not been built, so that it has no weights
            yet, or if `layer_decay` is outside its range.

    Example:
        >>> layer_table(build_cnn())["name"][:3]
        ['image', 'rescaling', 'block1_conv1']
        >>> layer_table(build_cnn(), layer_decay=0.5)["rate"][-1]
        1.0
    """
    model = _as_built(as_keras_model(model))
    rows = list(layers_with_parents(model))
    trained = {id(weight) for weight in model.trainable_weights}
    table = {
        "name": [layer.name for layer, _ in rows],
        "type": [type(layer).__name__ for layer, _ in rows],
        "output_shape": [_output_shape(layer) for layer, _ in rows],
        "parameters": [layer.count_params() for layer, _ in rows],
        "trainable": [
            any(id(weight) in trained for weight in layer.weights) for layer, _ in rows
        ],
        "parent": [parents[-1].name if len(parents) > 1 else "" for _, parents in rows],
    }
    if layer_decay is not None:
        decay = as_float(layer_decay, "layer_decay", above=0, maximum=1)
        factors = rate_factors(model, decay)
        table["rate"] = [_rate(layer, factors) for layer, _ in rows]
    return table


def _rate(layer, factors):
    """Return the factor of a layer's learning rate, NaN where nothing is trained."""
    if isinstance(layer, keras.Model) or not layer.trainable_variables:
        return math.nan
    return factors[id(layer.trainable_variables[0])]


def _as_built(network):
    """Return the model if all its layers have their weights."""
    for layer, _ in layers_with_parents(network):
        if not layer.built:
            raise ValueError(
                f"`model` is {network.name!r}, whose layer {layer.name!r} has no "
                "weights and no shape yet. Give the model a `keras.Input` as its first "
                "layer, or call it once on images."
            )
    return network


def _output_shape(layer):
    """Return the shape of a layer's output as text, or nothing where it has several."""
    try:
        shape = layer.output.shape
    except (AttributeError, ValueError):
        return ""
    return " x ".join(str(side or "any") for side in shape[1:])
