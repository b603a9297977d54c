"""Split a model at its first layers that training changes."""

from collections.abc import Callable
from dataclasses import dataclass

from reticnn.graph import graph_of, walk
from reticnn.layers.inference import InferenceModel
from reticnn.runtime.backend import keras
from reticnn.runtime.keras_internals import has_random_state, takes_training


def split_at_training(model):
    """Return the model's frozen beginning and the rest, as models of the same layers.

    The beginning is all that gives the same in training whatever the epoch: layers with
    nothing to train, and nothing random. Nested models are entered.

    Args:
        model: Keras model.

    Returns:
        Tuple of two Keras models, the second from the outputs of the first to those
        of `model`; or None if the model is not made of layers in a graph, nothing with
        weights is frozen at its beginning, or all of it is.
    """
    graph = graph_of(model)
    if graph is None or len(graph.inputs) != 1:
        return None
    steps = []
    image = _Value(steady=True)
    outputs = _use_all(graph, [image], steps)
    cut = _cut(steps, outputs)
    if not any(step.steady and _has_weights(step.operation) for step in steps):
        return None
    if not cut or all(output.steady for output in outputs):
        return None
    start = keras.Input(graph.inputs[0].shape[1:], dtype=graph.inputs[0].dtype)
    values = _run(steps, {image: start}, cut)
    beginning = keras.Model(start, [values[value] for value in cut])
    inputs = {value: keras.Input(values[value].shape[1:]) for value in cut}
    values = _run(steps, inputs, outputs)
    rest = keras.Model(_alone(inputs.values()), values[outputs[0]])
    if not _same(rest.trainable_variables, model.trainable_variables):
        return None
    return beginning, rest


@dataclass(eq=False)
class _Value:
    """What flows between layers; steady if it is the same in every epoch."""

    steady: bool


@dataclass(eq=False)
class _Step:
    """One use of a layer: its inputs and outputs are `_Value`s."""

    operation: object
    inputs: list
    outputs: list
    use: Callable

    @property
    def steady(self):
        return all(output.steady for output in self.outputs)


def _use_all(graph, inputs, steps):
    """Append each use of a layer to `steps` in order, and return the outputs."""

    def use(call, name, given):
        use_it = _use_in_inference if _is_in_inference(call) else _use
        return use_it(call, given, steps)

    return walk(graph, inputs, use, lambda call, given: not _is_in_inference(call))


def _is_in_inference(call):
    return isinstance(graph_of(call.layer), InferenceModel)


def _use(call, given, steps, in_inference=False):
    """Append the use of a layer to `steps`, and return its outputs."""
    steady = all(value.steady for value in given)
    steady = steady and _is_steady(call.layer, in_inference)
    outputs = [_Value(steady) for _ in call.outputs]
    steps.append(_Step(call.layer, given, outputs, call.on))
    return outputs


def _use_in_inference(call, given, steps):
    """Append what a model that runs in inference does, its trained rest as one step.

    The rest has to be such a model too.
    """
    model, inner = call.layer, []
    if not all(value.steady for value in given):
        return _use(call, given, steps)
    outputs = walk(
        model, given, lambda call, name, given: _use(call, given, inner, True)
    )
    steps += [step for step in inner if step.steady]
    if all(output.steady for output in outputs):
        return outputs
    cut = _cut(inner, outputs)
    shapes = _shapes(model, given, inner, cut)
    inputs = {value: keras.Input(shape) for value, shape in shapes.items()}
    values = _run(inner, inputs, outputs)
    rest = InferenceModel(_alone(inputs.values()), values[outputs[0]])

    def rest_on(tensors):
        return keras.tree.flatten(rest(_alone(tensors)))

    steps.append(_Step(rest, cut, outputs, rest_on))
    return outputs


def _shapes(model, given, steps, wanted):
    """Return the shape of an image's part of each value `wanted`."""
    starts = {
        value: keras.Input(tensor.shape[1:], dtype=tensor.dtype)
        for value, tensor in zip(given, model.inputs, strict=True)
    }
    values = _run([step for step in steps if step.steady], starts, wanted)
    return {value: values[value].shape[1:] for value in wanted}


def _alone(tensors):
    """Return the only one of some tensors, or a list of them."""
    tensors = list(tensors)
    return tensors[0] if len(tensors) == 1 else tensors


def _is_steady(operation, in_inference):
    """Return whether a layer gives the same output for the same input in every epoch.

    That it was called with `training=False` says nothing: Keras's `fit` overrules it
    for all layers in a graph, except in an `InferenceModel`.
    """
    if not isinstance(operation, keras.layers.Layer):
        return True
    if operation.trainable_weights:
        return False
    if in_inference:
        return True
    if isinstance(operation, keras.layers.BatchNormalization):
        return not operation.trainable
    if isinstance(operation, keras.layers.SpectralNormalization):
        return False
    if has_random_state(operation):
        return False
    # A custom layer that behaves differently in training may well be random.
    keras_own = type(operation).__module__.startswith("keras.")
    return keras_own or not takes_training(operation)


def _has_weights(operation):
    return isinstance(operation, keras.layers.Layer) and bool(operation.weights)


def _cut(steps, outputs):
    """Return the steady values that are used by what is not steady."""
    used = [value for step in steps if not step.steady for value in step.inputs]
    return list(dict.fromkeys(value for value in used + outputs if value.steady))


def _run(steps, values, wanted):
    """Return `values` with all that is needed from there to the `wanted` ones."""
    values = dict(values)
    needed = set(wanted) - set(values)
    needing = []
    for step in reversed(steps):
        if needed.intersection(step.outputs):
            needed.difference_update(step.outputs)
            needed.update(value for value in step.inputs if value not in values)
            needing.append(step)
    for step in reversed(needing):
        results = step.use([values[value] for value in step.inputs])
        values.update(zip(step.outputs, results, strict=True))
    return values


def _same(variables, others):
    """Return whether the optimizer sees the same variables in the same order."""
    return list(map(id, variables)) == list(map(id, others))
