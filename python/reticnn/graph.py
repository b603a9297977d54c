"""The graph of layers that a Keras model is."""

import math
from collections import Counter
from itertools import takewhile

from reticnn.classifier import as_model, unwrapped
from reticnn.coercion import shown
from reticnn.layers import AuxiliaryModel, Calibration, InferenceModel, Standardization
from reticnn.runtime.backend import check_process, is_model, keras
from reticnn.runtime.keras_internals import (
    calls_in,
    compiled_as_given,
    graph_in_sequential,
    new_like,
    parts_of,
)
from reticnn.runtime.registration import is_by_keras, is_ours

# What a model says of itself, and how it is built and saved, has no part in what it
# computes.
_WITHOUT_EFFECT = {
    "build",
    "build_from_config",
    "compile_from_config",
    "export",
    "from_config",
    "get_build_config",
    "get_compile_config",
    "get_config",
    "load_own_variables",
    "load_weights",
    "quantize",
    "save",
    "save_own_variables",
    "save_weights",
    "summary",
}
# What Keras calls on the model that is trained or predicts, but not on one within it.
_OF_THE_OUTERMOST = {
    "compile",
    "compute_loss",
    "compute_metrics",
    "evaluate",
    "fit",
    "get_metrics_result",
    "make_predict_function",
    "make_test_function",
    "make_train_function",
    "metrics",
    "predict",
    "predict_on_batch",
    "predict_step",
    "reset_metrics",
    "test_on_batch",
    "test_step",
    "train_on_batch",
    "train_step",
}


def own_methods(model):
    """Return the names of what a model does in its own way, not in Keras's, sorted.

    A model is a bare graph where there are none: all that Keras does with it follows
    from its layers, and other models of the same layers train and predict as it does.
    They are looked for in its class and, as methods can be set there too, in itself.
    """
    kind = type(model)
    is_auxiliary = is_ours(kind) and isinstance(model, AuxiliaryModel)
    if is_auxiliary and not model.has_auxiliary:
        return []
    own = list(takewhile(lambda one: not is_by_keras(one), kind.__mro__))
    by_keras = kind.__mro__[len(own)] if len(own) < len(kind.__mro__) else object
    names = {name for one in own for name in vars(one) if hasattr(by_keras, name)}
    names |= {
        name
        for name in vars(model)
        if callable(getattr(kind, name, None)) and name != "loss"
    }
    return sorted(
        name
        for name in names - _WITHOUT_EFFECT
        if name == "__call__" or not name.startswith("__")
    )


def graph_of(layer):
    """Return the graph of layers that a model computes, or None for anything else.

    That is none for a model with its own `call()`, which may use its layers otherwise.
    """
    graph = graph_in_sequential(layer) or layer
    is_graph = isinstance(graph, keras.Model) and isinstance(graph, keras.Function)
    return graph if is_graph and _computes_its_graph(layer) else None


def _computes_its_graph(model):
    # These add to it only while they are trained, or run it as if they were not.
    ours = is_ours(type(model))
    if ours and isinstance(model, (AuxiliaryModel, InferenceModel)):
        return True
    return _OF_THE_OUTERMOST.issuperset(own_methods(model))


def as_graph(model, name="model"):
    """Return the graph of layers of a Keras model or classifier.

    Raises:
        TypeError: If `model` is neither.
        ValueError: If it is not built from layers.
    """
    check_process()
    network = unwrapped(model)
    if not is_model(network):
        raise TypeError(
            f"`{name}` must be a Keras model or classifier, not {shown(model)}."
        )
    graph = graph_of(network)
    if graph is None:
        raise ValueError(
            f"`{name}` must be built from layers that Keras can list, such as "
            f"`keras.Model(inputs, outputs)`, not a {type(network).__name__} "
            f"{'with its own `call()`' if network.built else 'without inputs'}."
        )
    return graph


def image_graph(model):
    """Return the graph of layers of a Keras model of images, or a classifier."""
    as_model(unwrapped(model))
    return as_graph(model)


def walk(graph, values, visit, enters=None, prefix=""):
    """Send values of any kind through a graph, from each call of a layer to the next.

    Nested models are entered, and a layer that is used several times is visited each
    time.

    Args:
        graph: Graph of layers, as `graph_of` returns it.
        values: Sequence of what goes in, one value for each input of the graph.
        visit: Function of a `Call`, the layer's name, and the list of values that go
            in. It returns a sequence of those that come out, one for each output. The
            name of a layer in a nested model has that of the model before it:
            `"backbone/conv1"`.
        enters: Function of the call of a nested model and the values that go in. Where
            it returns False, the model is visited as a layer is. Default None, all are
            entered.
        prefix: What the names begin with. Default "".

    Returns:
        List of the values that come out, one for each output of the graph.
    """
    value_of = dict(zip(map(id, graph.inputs), values, strict=True))
    for call in calls_in(graph):
        given = [value_of[id(tensor)] for tensor in call.inputs]
        name = prefix + call.layer.name
        nested = graph_of(call.layer)
        if nested is None or (enters and not enters(call, given)):
            after = visit(call, name, given)
        else:
            after = walk(nested, given, visit, enters, f"{name}/")
        value_of.update(zip(map(id, call.outputs), after, strict=True))
    return [value_of[id(tensor)] for tensor in graph.outputs]


def run_steps(steps, values, wanted):
    """Return a dict of the `wanted` values, with what is needed to have them.

    What no step needs any more is let go of on the way, so that it takes no memory.

    Args:
        steps: List of objects with lists `inputs` and `outputs`, each after those it
            depends on, and `use`, a function from a list of what the inputs stand for
            to that of the outputs.
        values: Dict of what is known by now, by inputs or outputs of the steps.
        wanted: Those inputs or outputs that are asked for.
    """
    values = dict(values)
    needed = set(wanted) - set(values)
    needing = []
    for step in reversed(steps):
        if needed.intersection(step.outputs):
            needed.difference_update(step.outputs)
            needed.update(value for value in step.inputs if value not in values)
            needing.append(step)
    uses = Counter(wanted)
    for step in needing:
        uses.update(step.inputs)
    for step in reversed(needing):
        results = step.use([values[value] for value in step.inputs])
        values.update(zip(step.outputs, results, strict=True))
        del results
        uses.subtract(step.inputs)
        for value in (*step.inputs, *step.outputs):
            if uses[value] <= 0:
                values.pop(value, None)
    return {value: values[value] for value in wanted}


def named_layers(graph):
    """Return the layers of a graph, by name, those of nested models one by one."""
    layers = {}

    def note(call, name, given):
        layers.setdefault(name, call.layer)
        return call.outputs

    walk(graph, graph.inputs, note)
    return layers


def count_new_parameters(layer, seen):
    """Count the parameters of a layer that no layer before it has.

    Args:
        layer: Keras layer or operation.
        seen: Set of the ids of the weights before, to which its own are added.
    """
    new = [weight for weight in getattr(layer, "weights", ()) if id(weight) not in seen]
    seen.update(map(id, new))
    return sum(math.prod(weight.shape) for weight in new)


def as_keras_model(model):
    check_process()
    network = unwrapped(model)
    if isinstance(network, keras.Model):
        return network
    raise TypeError(f"`model` must be a Keras model or classifier, not {shown(model)}.")


def layers_with_parents(model, parents=()):
    """Yield each layer, nested models and their layers included, with its parents.

    They are those that Keras lists, also for models with their own `call()`: only Keras
    knows what such a model does with its layers, and no walk can follow it.
    """
    parents = (*parents, model)
    for layer in model.layers:
        yield layer, parents
        if isinstance(layer, keras.Model):
            yield from layers_with_parents(layer, parents)


def unknown_standardizations(model):
    """Return the layers that standardise images by numbers that are not known yet."""
    return [
        layer
        for layer, _ in layers_with_parents(model)
        if isinstance(layer, Standardization) and not layer.is_known
    ]


def check_images_known(model, name="model"):
    """Raise if a model standardises images by a mean that it does not know yet.

    Its answers would be NaN, or on some processors, whose maximum of NaN and 0 is 0,
    numbers that mean nothing.
    """
    if is_model(model) and unknown_standardizations(model):
        raise ValueError(
            f"`{name}` standardises images by their mean and deviation, and does not "
            "know these before it is trained. Train it with `fit_classifier()`, or "
            "build it with the two numbers, as in `rescale=(120.5, 64.2)`."
        )


def leaves_of(model):
    """Return the layers of a model and of its nested models, in Keras's order."""
    return [
        layer
        for layer, _ in layers_with_parents(model)
        if not isinstance(layer, keras.Model)
    ]


def settle_parts(model):
    """Let parts work out from their weights what they learned before any training."""
    for part in parts_of(model):
        if hasattr(part, "finalize_state"):
            part.finalize_state()


def scales_and_biases(model):
    """Return the trained weights that shift and scale and do not mix: no kernels.

    They are vectors, and have more axes where a bias is of several heads, or where a
    normalisation goes over several axes.
    """
    normalisations = (
        keras.layers.BatchNormalization,
        keras.layers.GroupNormalization,
        keras.layers.LayerNormalization,
    )
    of_normalisations = {
        id(weight)
        for layer in parts_of(model)
        if isinstance(layer, normalisations)
        for weight in layer.weights
    }
    return [
        variable
        for variable in model.trainable_variables
        if len(variable.shape) < 2
        or variable.name == "bias"
        or id(variable) in of_normalisations
    ]


def has_weights(operation):
    """Return whether an operation has weights that training finds, or found."""
    found = getattr(operation, "weights", ())
    return bool(found) and not isinstance(operation, Calibration)


def leaves_in(layer):
    return leaves_of(layer) if isinstance(layer, keras.Model) else [layer]


def copy_of(model, name="model"):
    """Return a copy of a model, of the same class and with the same weights.

    Args:
        model: Keras model.
        name: The argument that it was given as, for messages.

    Raises:
        ValueError: If it cannot be copied.
    """
    try:
        copy = keras.models.clone_model(model)
        if type(copy) is not type(model):
            copy = type(model).from_config(model.get_config())
        if isinstance(model, AuxiliaryModel):
            _complete_copy(model, copy)
        copy.set_weights(model.get_weights())
        settle_parts(copy)
        set_trainable_flags(copy, trainable_flags(model))
    except Exception as error:
        raise _no_copy(model, name, error) from error
    if own_methods(copy) != own_methods(model):
        reason = "methods were set on the model itself, not in its class"
        raise _no_copy(model, name, reason)
    return copy


def trainable_flags(model):
    """Return whether each part of a model, and each weight, is to be trained.

    A part may be frozen within a layer, and a weight by itself, which Keras says
    neither in the configuration of a model nor in its file.

    Returns:
        Dict of lists of booleans: `"parts"`, `"weights"`.
    """
    return {
        "parts": [part.trainable for part in parts_of(model)],
        "weights": [weight.trainable for weight in model.weights],
    }


def has_flags(model, flags):
    """Return whether flags are those of a model of as many parts and weights."""
    now = trainable_flags(model)
    return isinstance(flags, dict) and all(
        len(now[name]) == len(flags.get(name, ())) for name in now
    )


def set_trainable_flags(model, flags):
    """Give a model made of the same parts what `trainable_flags` returned.

    Raises:
        ValueError: If it is made of other parts.
    """
    # A part that is set sets those within it and its weights, which come after it.
    for part, flag in zip(parts_of(model), flags["parts"], strict=True):
        part.trainable = flag
    for weight, flag in zip(model.weights, flags["weights"], strict=True):
        weight.trainable = flag


def _complete_copy(model, copy):
    """Give a copy what Keras leaves out of a model with auxiliary classifiers."""
    model.give_auxiliary(copy)
    if model.compiled and not copy.compiled:
        settings = compiled_as_given(model)
        copy.compile(**{**settings, "optimizer": new_like(model.optimizer)})


def _no_copy(model, name, reason):
    return ValueError(
        f"`{name}` is a {type(model).__name__} that cannot be copied ({reason}). Give "
        "it `get_config()`, and its layers too, so that Keras can make it again."
    )


# Where the feature maps end and the head begins


def start_of_head(graph, gives_classes=True):
    """Return the `Call` with which the head of a network begins, or None.

    It is the first on every way from the images to the classes that pools or flattens
    the feature maps, in a layer, an operation, or a nested model. Pooling in a side
    branch, as before the gates of squeeze and excitation, is none. If no weights
    follow in a network that gives classes, it is the last layer with weights.

    Args:
        graph: Graph of layers, as `graph_of` returns it.
        gives_classes: Whether the network gives classes, and not features for a head
            of other layers. Default True.
    """
    end = _end_of_maps(graph)
    if not end or not gives_classes or has_weights(end.layer):
        return end
    if has_weights_behind(graph, end):
        return end
    return last_with_weights(graph)


def _end_of_maps(graph):
    """Return the first call that all goes through and that gives no maps, or None.

    Maps pooled in several ways side by side end where the results are joined.
    """
    pooled = set()
    for call in calls_in(graph):
        ends = _ends_maps(call)
        joins = pooled.issuperset(map(id, call.inputs))
        if (ends or joins) and _is_on_every_way(graph, call):
            return call
        if ends:
            pooled.update(map(id, call.outputs))
    return None


def has_convolutions(layer):
    """Return whether a layer, or one within it, has a kernel that goes over maps."""
    return any(
        len(weight.shape) == 4 for leaf in leaves_in(layer) for weight in leaf.weights
    )


def calls_before(graph, call):
    """Return the calls that a call of the graph depends on, each after its own."""
    needed = set(map(id, call.inputs))
    before = []
    for other in reversed(calls_in(graph)):
        if needed.intersection(map(id, other.outputs)):
            needed.update(map(id, other.inputs))
            before.append(other)
    return before[::-1]


def _ends_maps(call):
    ends = (
        keras.layers.GlobalAveragePooling2D,
        keras.layers.GlobalMaxPooling2D,
        keras.layers.Flatten,
    )
    if isinstance(call.layer, ends):
        return True
    ranks = [len(tensor.shape) for tensor in (*call.inputs, *call.outputs)]
    is_model = isinstance(call.layer, keras.Model)
    return ranks == [4, 2] and (is_model or not has_weights(call.layer))


def _is_on_every_way(graph, call):
    """Return whether nothing of the graph's inputs gets past a call to its outputs."""
    reached = set(map(id, graph.inputs))
    blocked = set(map(id, call.outputs))
    for other in calls_in(graph):
        if reached.intersection(map(id, other.inputs)):
            reached.update(set(map(id, other.outputs)) - blocked)
    return not reached.intersection(map(id, graph.outputs))


def _calls_behind(graph, call):
    """Return the calls that depend on a call of the graph."""
    reached = set(map(id, call.outputs))
    behind = []
    for other in calls_in(graph):
        if reached.intersection(map(id, other.inputs)):
            reached.update(map(id, other.outputs))
            behind.append(other)
    return behind


def has_weights_behind(graph, call):
    """Return whether a layer that depends on a call of the graph has weights."""
    return any(has_weights(other.layer) for other in _calls_behind(graph, call))


def last_with_weights(graph):
    """Return the last call of a layer with weights, if all goes through it."""
    for call in reversed(calls_in(graph)):
        if has_weights(call.layer):
            return call if _is_on_every_way(graph, call) else None
    return None


def without_top(model):
    """Return a model up to its feature maps, sharing its layers."""
    # A model with its own `call()` has none.
    taken = getattr(model, "input_shape", None)
    if not isinstance(taken, tuple) or len(taken) != 4:
        raise ValueError(
            "`backbone` must take images (batch, height, width, channels), not "
            f"{shown(taken)}."
        )
    if graph_of(model) is None:
        raise ValueError(
            f"`backbone` is a {type(model).__name__} with its own `call()`, whose "
            "layers do not say what it computes. Give `keras.Model(inputs, "
            "backbone(inputs))`, with `inputs` from `keras.Input()`."
        )
    if len(model.output_shape) == 4:
        return keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    top = _start_of_top(model)
    if top is None or len(top.inputs[0].shape) != 4:
        raise ValueError(
            f"`backbone` gives {shown(model.output_shape)}, not feature maps (batch, "
            "height, width, channels), and has no pooling or flattening to cut it at. "
            "Give `keras.Model(inputs, feature_maps)`."
        )
    return keras.Model(model.inputs[0], top.inputs[0], name=model.name)


def _start_of_top(model):
    """Return the call with which the top of a network begins, or None.

    A network that ends in pooling has no top, and so no layer to leave out.
    """
    graph = graph_of(model)
    end = _end_of_maps(graph)
    if not end:
        return None
    top = start_of_head(graph, gives_probabilities(graph)) or end
    # A nested network has its features within it.
    is_whole = isinstance(top.layer, keras.Model) and has_convolutions(top.layer)
    return None if is_whole else top


def gives_probabilities(graph):
    """Return whether a softmax or a sigmoid follows the feature maps of a network."""
    end = _end_of_maps(graph)
    return bool(end) and any(map(_squashes, _calls_behind(graph, end)))


def _squashes(call):
    """Return whether a call is of a softmax or a sigmoid, as behind classes."""
    layer = call.layer
    activation = getattr(getattr(layer, "activation", None), "__name__", "")
    return (activation or type(layer).__name__).lower() in ("softmax", "sigmoid")
