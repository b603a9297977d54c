"""The layers of a model, as a table."""

from reticnn.graph import as_keras_model, layers_with_parents


def layer_table(model):
    """List the layers of a model, including those of nested models.

    Args:
        model: Keras model, or classifier.

    Returns:
        Table (dict of equal-length lists) with one row per layer in the model's order,
        a nested model before its layers: `name`; `type`; `output_shape`, as text
        without the batch axis, such as `"7 x 7 x 512"`; `parameters`; `trainable`,
        whether any of its weights are trained; and `parent`, the name of the nested
        model that contains it, or `""`.

    Raises:
        TypeError: If `model` is not a Keras model or classifier.
        ValueError: If one of its layers has not been built, so that it has no weights
            yet.

    Example:
        >>> layer_table(build_cnn())["name"][:3]
        ['image', 'rescaling', 'block1_conv1']
    """
    model = _as_built(as_keras_model(model))
    rows = list(layers_with_parents(model))
    trained = {id(weight) for weight in model.trainable_weights}
    return {
        "name": [layer.name for layer, _ in rows],
        "type": [type(layer).__name__ for layer, _ in rows],
        "output_shape": [_output_shape(layer) for layer, _ in rows],
        "parameters": [layer.count_params() for layer, _ in rows],
        "trainable": [
            any(id(weight) in trained for weight in layer.weights) for layer, _ in rows
        ],
        "parent": [parents[-1].name if len(parents) > 1 else "" for _, parents in rows],
    }


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
