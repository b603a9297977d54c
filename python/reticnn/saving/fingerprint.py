"""Digests of models: equal only if training them, or what they compute, is the same."""

import json
from collections.abc import Iterable

import numpy as np

from reticnn.graph import leaves_of
from reticnn.optimizers import Schedule
from reticnn.runtime.backend import keras
from reticnn.runtime.digests import digest_of
from reticnn.runtime.keras_internals import (
    compiled_as_given,
    innermost,
    parts_of,
    rate_or_schedule,
    settings_of,
)

# Settings of layers that say nothing of what they compute once they are trained.
_OF_TRAINING = ("trainable", "build_config", "compile_config", "seed")


def model_digest(model):
    """Return a text that differs where models compute or are compiled differently.

    Names do not count: Keras numbers the layers of a process, so that a model that is
    built again has others. Nor do weights.
    """
    loss, given = (
        (model.loss, compiled_as_given(model)) if model.compiled else (None, {})
    )
    described = [_described(model, model), _described(loss)]
    for name in ("loss_weights", "metrics", "weighted_metrics"):
        described.append(_described(given.get(name)))
    described.append([layer.trainable for layer in leaves_of(model)])
    described.append([list(weight.shape) for weight in model.weights])
    return digest_of(json.dumps(described, sort_keys=True, default=_type_of).encode())


def computed_digest(model):
    """Return a text that differs where models compute something else of their weights.

    It is that of a model which is built again or loaded, and says nothing of how a
    model is trained.
    """
    described = _at_inference(_described(model, model))
    return digest_of(json.dumps(described, sort_keys=True, default=_type_of).encode())


def _at_inference(part):
    """Return a description without what counts in training alone."""
    if isinstance(part, dict):
        return {
            key: _at_inference(value)
            for key, value in part.items()
            if key not in _OF_TRAINING
        }
    if isinstance(part, (list, tuple)):
        return [_at_inference(value) for value in part]
    return part


def digests_of(model):
    """Return texts that differ where models predict differently, as a list."""
    return [computed_digest(model), weights_digest(model.weights)]


def weights_digest(variables):
    """Return a text that differs where variables have other values."""
    return digest_of(*(_bytes_of(variable) for variable in variables))


def initial_digests(model):
    """Return digests of a model's weights: of those that mean something, and the rest.

    The rest are as their layers drew them at random, which without a seed nobody can
    repeat. All that is learned, or was loaded, means something.

    Returns:
        Dict of `"weights"`, in which weights that were drawn count only as such, and
        `"drawn"`.
    """
    drawn = _drawn_weights(model)
    parts = [
        b"drawn" if id(weight) in drawn else _bytes_of(weight)
        for weight in model.weights
    ]
    return {
        "weights": digest_of(*parts),
        "drawn": weights_digest([w for w in model.weights if id(w) in drawn]),
    }


def optimizer_texts(optimizer):
    """Return the settings of an optimizer by name, as texts."""
    inner = innermost(optimizer)
    settings = {**settings_of(inner), "learning_rate": _rate_text(optimizer)}
    texts = {f"optimizer {name}": str(value) for name, value in settings.items()}
    return {"optimizer": type(inner).__name__, **texts}


def rate_of(optimizer):
    """Return the learning rate, the highest one where it follows a schedule of ours.

    It is None where it follows another.
    """
    rate = rate_or_schedule(optimizer)
    if isinstance(rate, Schedule):
        rate = rate.rate
    elif callable(rate):
        return None
    return float(keras.ops.convert_to_numpy(rate))


def _rate_text(optimizer):
    rate = rate_of(optimizer)
    if rate is not None:
        # Keras keeps it as a float of 32 bits.
        return f"{float(np.float32(rate)):.6g}"
    return json.dumps(_described(rate_or_schedule(optimizer)), sort_keys=True)


def _described(value, model=None):
    """Return what Keras saves of an object, without names, or its type and parts."""
    try:
        saved = keras.saving.serialize_keras_object(value)
    except Exception:
        # A class of the user's that cannot be saved, from whatever depth.
        if model is None:
            return _type_of(value)
        layers = leaves_of(model)
        return (
            [_type_of(model), *map(_described, layers)] if layers else _type_of(model)
        )
    if isinstance(saved, dict):
        saved = {**saved, "compile_config": None, "build_config": None}
    return _without_names(saved, _names_in(saved))


def _names_in(config):
    """Return the position of each layer's name in a configuration, by name."""
    names = {}

    def collect(part):
        if isinstance(part, dict):
            if _is_of_layer(part):
                for name in (part.get("name"), part["config"].get("name")):
                    names.setdefault(name, len(names))
            part = part.values()
        if not isinstance(part, str) and isinstance(part, Iterable):
            for value in part:
                collect(value)

    collect(config)
    return names


def _is_of_layer(part):
    """Return whether a part of a configuration is that of a layer or an operation."""
    own = part.get("config")
    if not isinstance(own, dict) or "class_name" not in part:
        return False
    named_alone = part["class_name"] == "InputLayer" or "inbound_nodes" in part
    return named_alone or "trainable" in own


def _without_names(part, names):
    """Return a configuration with the layers' positions in place of their names."""
    if isinstance(part, dict):
        return {
            key: names.get(value, value)
            if key == "name" and isinstance(value, str)
            else _without_names(value, names)
            for key, value in part.items()
        }
    if isinstance(part, (list, tuple)):
        # Where a tensor comes from: layer, call, output.
        if len(part) == 3 and isinstance(part[0], str) and isinstance(part[1], int):
            return [names.get(part[0], part[0]), *part[1:]]
        return [_without_names(value, names) for value in part]
    return part


def _drawn_weights(model):
    """Return the ids of the weights that are as an initializer of their layer drew."""
    drawn = set()
    for layer in parts_of(model):
        initializers = [
            value
            for value in vars(layer).values()
            if isinstance(value, keras.initializers.Initializer)
            # Another kind of seed would draw on, and change what comes after it.
            and isinstance(getattr(value, "seed", None), int)
        ]
        for weight in layer.weights if initializers else ():
            if any(_is_drawn(weight, initializer) for initializer in initializers):
                drawn.add(id(weight))
    return drawn


def _is_drawn(weight, initializer):
    try:
        value = initializer(weight.shape, dtype=weight.dtype)
    except (TypeError, ValueError):  # It is for weights of another shape.
        return False
    value = keras.ops.convert_to_numpy(value)
    return np.array_equal(value, keras.ops.convert_to_numpy(weight))


def _type_of(value):
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _bytes_of(variable):
    value = np.ascontiguousarray(keras.ops.convert_to_numpy(variable))
    return f"{value.dtype} {value.shape}".encode() + value.tobytes()
