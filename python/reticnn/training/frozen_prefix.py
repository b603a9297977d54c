"""Split a model at its first layers that training changes."""

from collections.abc import Callable
from dataclasses import dataclass

from reticnn.augmenting.layer import AugmentationLayer
from reticnn.graph import (
    graph_of,
    has_weights,
    leaves_of,
    own_methods,
    run_steps,
    walk,
)
from reticnn.layers.inference import InferenceModel
from reticnn.layers.standardization import Standardization
from reticnn.runtime.backend import keras
from reticnn.runtime.keras_internals import draws_at_random, parts_of
from reticnn.runtime.registration import is_by_keras, is_ours

# Keras's own layers that run whatever code they are given, which may draw at random.
_OF_OTHERS_CODE = (
    "FlaxLayer",
    "JaxLayer",
    "Lambda",
    "TFSMLayer",
    "TorchModuleWrapper",
)
# What float32, in which features are kept, holds without a loss.
_KEPT_EXACTLY = ("bfloat16", "bool", "float16", "float32", "int8", "int16", "uint8")


class NotSplitError(Exception):
    """Says why a model has no frozen beginning that could be computed once.

    Attributes:
        is_frozen: Whether it begins with frozen layers all the same.
    """

    def __init__(self, reason, is_frozen=False):
        """Take the reason, in words."""
        super().__init__(reason)
        self.is_frozen = is_frozen


def split_at_training(model):
    """Return the model's frozen beginning and the rest, as models of the same layers.

    The beginning is all that gives the same in training whatever the epoch: layers with
    nothing to train, nothing random, and nothing that counts in the loss. Nested models
    are entered.

    Args:
        model: Keras model.

    Returns:
        Tuple of two Keras models, the second from the outputs of the first to those
        of `model`.

    Raises:
        NotSplitError: If nothing with weights is frozen at its beginning, or all of it
            is; or if the two together would not train as the model does.
    """
    own = own_methods(model)
    if own:
        begins_frozen = _begins_frozen(model)
        names = ", ".join(f"`{name}`" for name in own)
        raise NotSplitError(f"the model has its own {names}", begins_frozen)
    graph = graph_of(model)
    if graph is None or len(graph.inputs) != 1:
        raise NotSplitError("the model is not made of layers in a graph")
    steps = []
    image = _Value(steady=True)
    outputs = _use_all(graph, [image], steps)
    cut = _cut(steps, outputs)
    if not any(step.steady and _has_learned(step.operation) for step in steps):
        raise _nothing_steady(steps)
    if not cut or all(output.steady for output in outputs):
        raise NotSplitError("nothing in the model is trained")
    start = _input_like(graph.inputs[0])
    values = run_steps(steps, {image: start}, cut)
    if not all(values[value].dtype in _KEPT_EXACTLY for value in cut):
        raise NotSplitError("its results do not fit into float32", True)
    beginning = keras.Model(start, [values[value] for value in cut])
    inputs = {value: _input_like(values[value]) for value in cut}
    values = run_steps(steps, inputs, outputs)
    rest = keras.Model(_alone(inputs.values()), values[outputs[0]])
    if not _same(rest.trainable_variables, model.trainable_variables):
        raise NotSplitError("the model trains more than its graph of layers", True)
    return beginning, rest


def _begins_frozen(model):
    """Return whether the first layer with weights is frozen, as far as is known."""
    with_weights = [layer for layer in leaves_of(model) if _has_learned(layer)]
    return bool(with_weights) and not with_weights[0].trainable_weights


def _nothing_steady(steps):
    """Return why no layer with weights gives the same in every epoch."""
    for step in steps:
        if step.obstacle and any(map(_is_frozen, steps)):
            name = step.operation.name
            return NotSplitError(f"layer {name!r} {step.obstacle}", True)
    return NotSplitError("the model does not begin with frozen layers")


def _is_frozen(step):
    return _has_learned(step.operation) and not step.operation.trainable_weights


def _has_learned(operation):
    """Return whether an operation has weights from training, and is worth keeping.

    Of images that are standardised only, to keep the results costs more than it saves.
    """
    of_pixels = (Standardization, keras.layers.Normalization)
    return has_weights(operation) and not isinstance(operation, of_pixels)


@dataclass(eq=False)
class _Value:
    """What flows between layers; steady if it is the same in every epoch."""

    steady: bool


@dataclass(eq=False)
class _Step:
    """One use of a layer: its inputs and outputs are `_Value`s.

    If the outputs are not steady where the inputs are, `obstacle` says why, except for
    a layer that is trained.
    """

    operation: object
    inputs: list
    outputs: list
    use: Callable
    obstacle: str | None = None

    @property
    def steady(self):
        return all(output.steady for output in self.outputs)


def _use_all(graph, inputs, steps):
    """Append each use of a layer to `steps` in order, and return the outputs."""

    def use(call, name, given):
        use_it = _use_in_inference if _is_in_inference(call) else _use
        return use_it(call, given, steps)

    return walk(graph, inputs, use, _is_entered)


def _is_entered(call, given):
    """Return whether all that a nested model does is what its layers do."""
    adds_loss = call.layer.activity_regularizer is not None
    return not _is_in_inference(call) and not adds_loss


def _is_in_inference(call):
    return isinstance(graph_of(call.layer), InferenceModel)


def _use(call, given, steps, in_inference=False):
    """Append the use of a layer to `steps`, and return its outputs."""
    steady, obstacle = all(value.steady for value in given), None
    if steady and has_weights(call.layer) and call.layer.trainable_weights:
        steady = False
    elif steady:
        obstacle = _obstacle(call.layer, in_inference)
        steady = obstacle is None
    outputs = [_Value(steady) for _ in call.outputs]
    steps.append(_Step(call.layer, given, outputs, call.on, obstacle))
    return outputs


def _use_in_inference(call, given, steps):
    """Append what a model that runs in inference does, its trained rest as one step.

    The rest has to be such a model too.
    """
    model, inner = call.layer, []
    if not all(value.steady for value in given) or model.activity_regularizer:
        return _use(call, given, steps)
    outputs = walk(
        model, given, lambda call, name, given: _use(call, given, inner, True)
    )
    steps += [step for step in inner if step.steady]
    if all(output.steady for output in outputs):
        return outputs
    cut = _cut(inner, outputs)
    made = _made(model, given, inner, cut)
    inputs = {value: _input_like(tensor) for value, tensor in made.items()}
    values = run_steps(inner, inputs, outputs)
    rest = InferenceModel(_alone(inputs.values()), values[outputs[0]])

    def rest_on(tensors):
        return keras.tree.flatten(rest(_alone(tensors)))

    steps.append(_Step(rest, cut, outputs, rest_on))
    return outputs


def _made(model, given, steps, wanted):
    """Return a tensor like each value `wanted`."""
    starts = {
        value: _input_like(tensor)
        for value, tensor in zip(given, model.inputs, strict=True)
    }
    values = run_steps([step for step in steps if step.steady], starts, wanted)
    return {value: values[value] for value in wanted}


def _input_like(tensor):
    return keras.Input(tensor.shape[1:], dtype=tensor.dtype)


def _alone(tensors):
    """Return the only one of some tensors, or a list of them."""
    tensors = list(tensors)
    return tensors[0] if len(tensors) == 1 else tensors


def _obstacle(operation, in_inference):
    """Return why what is not trained may differ from epoch to epoch, or None.

    That it was called with `training=False` says nothing: Keras's `fit` overrules it
    for all layers in a graph, except in an `InferenceModel`.
    """
    if not isinstance(operation, keras.layers.Layer):
        return None if is_by_keras(type(operation)) else "may draw at random"
    reasons = (_reason(part, in_inference) for part in parts_of(operation))
    return next(filter(None, reasons), None)


def _reason(layer, in_inference):
    """Return why a layer, not looking into it, may differ from epoch to epoch."""
    if layer.activity_regularizer is not None:
        return "counts in the loss"
    if not _is_of_known_code(type(layer)):
        return "runs code that may draw at random"
    if getattr(layer, "stateful", False):
        return "continues from what it was given before"
    if in_inference:
        return None
    if isinstance(layer, keras.layers.BatchNormalization):
        return "learns its means and variances" if layer.trainable else None
    if isinstance(layer, keras.layers.SpectralNormalization):
        return "estimates a norm in each step"
    # Ours makes its random numbers from the count of images, not from Keras's seeds.
    is_random = draws_at_random(layer) or isinstance(layer, AugmentationLayer)
    return "draws at random" if is_random else None


def _is_of_known_code(kind):
    if kind.__name__ in _OF_OTHERS_CODE:
        return False
    return is_by_keras(kind) or is_ours(kind)


def _cut(steps, outputs):
    """Return the steady values that are used by what is not steady."""
    used = [value for step in steps if not step.steady for value in step.inputs]
    return list(dict.fromkeys(value for value in used + outputs if value.steady))


def _same(variables, others):
    """Return whether the optimizer sees the same variables in the same order."""
    return list(map(id, variables)) == list(map(id, others))
