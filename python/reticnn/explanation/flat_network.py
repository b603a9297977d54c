"""A network as a list of steps, nested models taken apart, cut at a feature map."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from reticnn.graph import graph_of, leaves_in, run_steps, walk
from reticnn.runtime.backend import keras
from reticnn.runtime.keras_internals import operation_name


@dataclass(eq=False)
class Value:
    """What flows between layers.

    Attributes:
        shape: Tuple of its shape, None for a side that is not fixed.
    """

    shape: tuple


@dataclass(eq=False)
class Step:
    """One use of a layer or operation.

    Attributes:
        name: The layer's name, after those of the nested models that it is in.
        layer: Keras layer, operation, or model with its own `call()`.
        inputs: List of the values that it is given.
        outputs: List of the values that it returns.
        use: Function from a list of tensors in place of the inputs to those in place of
            the outputs, as where a model predicts.
    """

    name: str
    layer: object
    inputs: list
    outputs: list
    use: Callable


class FlatNetwork:
    """The steps from images to the output of a model.

    Attributes:
        image: `Value` of the images.
        output: `Value` of what the model returns.
        steps: List of `Step`, each after those that it depends on.
    """

    def __init__(self, model):
        """Take a Keras model with one input and one output."""
        self.image = Value(tuple(model.input_shape))
        self.steps = []
        graph = graph_of(model)
        if graph is None:
            (self.output,) = self._note_whole(model)
        else:
            (self.output,) = walk(graph, [self.image], self._note)

    def _note_whole(self, model):
        """Note a model with its own `call()`, which cannot be taken apart."""
        outputs = [Value(tuple(model.output_shape))]

        def use(tensors):
            return keras.tree.flatten(model(tensors[0], training=False))

        self.steps.append(Step(model.name, model, [self.image], outputs, use))
        return outputs

    def _note(self, call, name, given):
        outputs = [Value(tuple(tensor.shape)) for tensor in call.outputs]
        use = partial(call.on, training=False)
        self.steps.append(Step(name, call.layer, given, outputs, use))
        return outputs

    def giving(self, value):
        """Return the step that returns a value, or None for the images."""
        return next((step for step in self.steps if value in step.outputs), None)

    def behind(self, value):
        """Return the set of the values that depend on a value, and itself."""
        reached = {value}
        for step in self.steps:
            if reached.intersection(step.inputs):
                reached.update(step.outputs)
        return reached

    def before(self, value):
        """Return the steps that a value depends on, in their order."""
        needed, before = {value}, []
        for step in reversed(self.steps):
            if needed.intersection(step.outputs):
                needed.update(step.inputs)
                before.append(step)
        return before[::-1]

    def passes_by(self, value, end):
        """Return whether a way from the images to the end leaves a value out."""
        reached = {self.image}
        for step in self.steps:
            if reached.intersection(step.inputs):
                reached.update(set(step.outputs) - {value})
        return end in reached

    def beside(self, value, ends):
        """Return the values that the way from a value to the ends needs besides it.

        They do not depend on it.
        """
        behind = self.behind(value)
        on_the_way = set().union(*map(self.before, ends))
        used = [
            one
            for step in self.steps
            if step in on_the_way and behind.intersection(step.outputs)
            for one in step.inputs
        ]
        used += ends
        return list(dict.fromkeys(one for one in used if one not in behind))

    def run(self, known, wanted):
        """Return the tensors of the values wanted, from a dict of those known."""
        values = run_steps(self.steps, known, wanted)
        return [values[value] for value in wanted]


def maps_of(step):
    """Return the value of a step that is feature maps with space in them, or None."""
    if len(step.outputs) != 1:
        return None
    shape = step.outputs[0].shape
    return step.outputs[0] if len(shape) == 4 and _has_space(shape) else None


def values_in_place(flat):
    """Return the set of the values whose rows and columns are those of the images.

    What is made of maps and has rows and columns need not be maps of the image still,
    as where dense layers come between, or axes change places.
    """
    placed = {flat.image}
    for step in flat.steps:
        if placed.intersection(step.inputs) and not _moves_pixels(step):
            placed.update(one for one in step.outputs if _has_space(one.shape))
    return placed


def _has_space(shape):
    return len(shape) >= 4 and shape[1] != 1 and shape[2] != 1


def _moves_pixels(step):
    """Return whether a step sets rows or columns out anew; channels may be."""
    layer, name = step.layer, operation_name(step.layer)
    if isinstance(layer, keras.layers.Permute):
        return tuple(layer.dims[:2]) != (1, 2)
    if isinstance(layer, keras.layers.Reshape) or name == "Reshape":
        before, after = step.inputs[0].shape[:3], step.outputs[0].shape[:3]
        return None in before[1:] or before[1:] != after[1:]
    if name == "Transpose":
        return tuple(layer.axes or ())[:3] != (0, 1, 2)
    return name in ("Moveaxis", "Swapaxes", "Flip", "Roll", "Rot90")


def has_kernels(step):
    """Return whether a step has kernels that go over pixels, in a layer within it."""
    return any(
        len(weight.shape) >= 3
        for leaf in leaves_in(step.layer)
        for weight in getattr(leaf, "weights", ())
    )
