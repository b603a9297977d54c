"""A model up to the scores before its softmax or sigmoid."""

import numpy as np

from reticnn.graph import copy_of, graph_of
from reticnn.outputs.probabilities import probabilities
from reticnn.runtime.backend import NeedingKeras, keras
from reticnn.runtime.keras_internals import predicted

meaning_of = NeedingKeras("reticnn.outputs.meaning", "meaning_of")

# By how much probabilities may differ in half precision.
_ROUNDING = 0.02


def copy_with_scores(model, kind, pixels, name="model"):
    """Return a copy of a model that gives scores if it can, and what it gives.

    Args:
        model: Keras model.
        kind: What its outputs are: `"softmax"`, `"sigmoid"` or `"logits"`.
        pixels: Some images, (n, height, width, channels), on which it is seen whether
            softmax or sigmoid of the scores are the model's probabilities.
        name: The argument that the model was given as, for messages.

    Returns:
        Tuple of a Keras model and its kind: `"logits"`, or that of the model where its
        scores cannot be had, such as of a mean of several softmaxes.

    Raises:
        ValueError: If the model cannot be copied, or a copy predicts otherwise.
    """
    want = probabilities(model, kind, predicted(model, pixels))

    def is_same(copy, kind):
        have = probabilities(copy, kind, predicted(copy, pixels))
        return np.allclose(have, want, atol=_ROUNDING, equal_nan=True)

    copy = copy_of(model, name)
    last = meaning_of(copy).operation
    if kind != "logits" and callable(getattr(last, "activation", None)):
        last.activation = keras.activations.linear
        if is_same(copy, "logits"):
            return copy, "logits"
        copy = copy_of(model, name)
    if not is_same(copy, kind):
        raise ValueError(
            f"`{name}` has a {type(model).__name__} that cannot be copied: a copy by "
            "Keras predicts something else. Give its layers a `get_config()` with "
            "everything they compute with."
        )
    return copy, kind


def followed_by(model, layers):
    """Return a model with layers after its output, which it shares.

    Args:
        model: Keras model with one output.
        layers: Functions of a tensor that return one.

    Returns:
        `keras.Model` of the same name.
    """
    if graph_of(model) is None:
        inputs = keras.Input(model.input_shape[1:])
        tensor = model(inputs)
    else:
        inputs, tensor = model.inputs[0], model.outputs[0]
    for layer in layers:
        tensor = layer(tensor)
    return keras.Model(inputs, tensor, name=model.name)
