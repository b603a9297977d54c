"""Split a model at its first layers that training changes."""

from collections.abc import Callable
from dataclasses import dataclass

from reticnn.graph import calls, graph_of
from reticnn.layers.inference import InferenceModel
from reticnn.runtime.backend import keras


def split_at_training(model):
    """Return the model's frozen beginning and the rest, as models of the same layers.

    The beginning is all that gives the same in training whatever the epoch: layers
    with nothing to train, and nothing random. Models within the model are looked into.

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
    outputs = _walk(graph, [image], steps)
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


def _walk(graph, inputs, steps, in_inference=False):
    """Append each use of a layer to `steps` in order, and return the outputs."""
    values = dict(zip(map(id, graph.inputs), inputs, strict=True))
    for node in calls(graph):
        given = [values[id(tensor)] for tensor in node.input_tensors]
        within = graph_of(node.operation)
        if isinstance(within, InferenceModel) and not in_inference:
            outputs = _walk_in_inference(node, given, steps)
        elif within is not None:
            outputs = _walk(within, given, steps, in_inference)
        else:
            outputs = _one_step(node, given, steps, in_inference)
        values.update(zip(map(id, node.outputs), outputs, strict=True))
    return [values[id(tensor)] for tensor in graph.outputs]


def _one_step(node, given, steps, in_inference):
    """Append the use of a layer to `steps`, and return its outputs."""
    steady = all(value.steady for value in given)
    steady = steady and _is_steady(node.operation, in_inference)
    outputs = [_Value(steady) for _ in node.outputs]
    places = list(map(id, node.input_tensors))

    def use(tensors):
        args, kwargs = node.arguments.fill_in(dict(zip(places, tensors, strict=True)))
        return node.operation(*args, **kwargs)

    steps.append(_Step(node.operation, given, outputs, use))
    return outputs


def _walk_in_inference(node, given, steps):
    """Append what a model that runs in inference does, its trained rest as one step.

    The rest has to be such a model too.
    """
    if not all(value.steady for value in given):
        return _one_step(node, given, steps, in_inference=False)
    within = []
    outputs = _walk(node.operation, given, within, in_inference=True)
    steps += [step for step in within if step.steady]
    if all(output.steady for output in outputs):
        return outputs
    cut = _cut(within, outputs)
    shapes = _shapes(node.operation, given, within, cut)
    inputs = {value: keras.Input(shape) for value, shape in shapes.items()}
    values = _run(within, inputs, outputs)
    rest = InferenceModel(_alone(inputs.values()), values[outputs[0]])
    steps.append(_Step(rest, cut, outputs, lambda tensors: rest(_alone(tensors))))
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
    """Return whether a layer gives the same for the same input in every epoch.

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
    if any(layer._seed_generators for layer in operation._flatten_layers()):
        return False
    # Another's layer that behaves otherwise while it is trained may well be random.
    keras_own = type(operation).__module__.startswith("keras.")
    return keras_own or not operation._call_has_training_arg


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
        values.update(zip(step.outputs, keras.tree.flatten(results), strict=True))
    return values


def _same(variables, others):
    """Return whether the optimizer sees the same variables in the same order."""
    return list(map(id, variables)) == list(map(id, others))
