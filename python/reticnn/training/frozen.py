"""Split a model at its first layers that training changes."""

from dataclasses import dataclass, field

from reticnn.backend import keras


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
    graph = _graph_of(model)
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
    given = list(inputs.values())
    rest = keras.Model(
        given[0] if len(given) == 1 else given,
        _run(steps, inputs, outputs)[outputs[0]],
    )
    if not _same(rest.trainable_variables, model.trainable_variables):
        return None
    return beginning, rest


@dataclass(eq=False)
class _Value:
    """What flows between layers; steady if it is the same in every epoch."""

    steady: bool


@dataclass(eq=False)
class _Step:
    """One use of a layer."""

    operation: object
    node: object
    given: dict
    outputs: list = field(default_factory=list)

    @property
    def inputs(self):
        return [self.given[id(tensor)] for tensor in self.node.input_tensors]

    @property
    def steady(self):
        return all(output.steady for output in self.outputs)


def _graph_of(model):
    """Return the graph of layers that a model is, or None."""
    if isinstance(model, keras.Sequential):
        return model._functional
    return model if hasattr(model, "_nodes_by_depth") else None


def _walk(graph, inputs, steps):
    """Append each use of a layer to `steps` in order, and return the outputs."""
    values = dict(zip(map(id, graph.inputs), inputs, strict=True))
    for depth in sorted(graph._nodes_by_depth, reverse=True):
        for node in graph._nodes_by_depth[depth]:
            if node.is_input:
                continue
            within = _graph_of(node.operation)
            step = _Step(node.operation, node, values)
            if within is not None:
                outputs = _walk(within, step.inputs, steps)
            else:
                steady = all(value.steady for value in step.inputs)
                steady = steady and _is_steady(node.operation)
                outputs = [_Value(steady) for _ in node.outputs]
                step.outputs = outputs
                steps.append(step)
            values.update(zip(map(id, node.outputs), outputs, strict=True))
    return [values[id(tensor)] for tensor in graph.outputs]


def _is_steady(operation):
    """Return whether a layer gives the same for the same input in every epoch.

    That it was called with `training=False` says nothing: Keras's `fit` overrules it
    for all layers in a graph.
    """
    if not isinstance(operation, keras.layers.Layer):
        return True
    if operation.trainable_weights:
        return False
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
        tensors = {
            tensor: values[value]
            for tensor, value in step.given.items()
            if value in values
        }
        args, kwargs = step.node.arguments.fill_in(tensors)
        results = keras.tree.flatten(step.operation(*args, **kwargs))
        values.update(zip(step.outputs, results, strict=True))
    return values


def _same(variables, others):
    """Return whether the optimizer sees the same variables in the same order."""
    return list(map(id, variables)) == list(map(id, others))
