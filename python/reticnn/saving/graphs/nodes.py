"""The parts of an ONNX graph, collected while a model is walked through."""

import hashlib

import numpy as np

from reticnn.runtime.backend import keras
from reticnn.runtime.keras_internals import setting_of

# What every ONNX Runtime since early 2023 knows.
OPSET = 17
IR_VERSION = 8

_OTHER_FLOATS = ("float16", "bfloat16", "float64")


def dtype_of(tensor):
    """Return the type that a Keras tensor has in the graph, of single precision."""
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    return "float32" if dtype in _OTHER_FLOATS else dtype


def as_array(value, dtype=None):
    """Return a number, list, weight or tensor as an array of a type the graph knows."""
    if not isinstance(value, (bool, int, float, list, tuple, np.ndarray)):
        value = keras.ops.convert_to_numpy(keras.ops.convert_to_tensor(value))
    array = np.asarray(value)
    if dtype is None:
        is_whole = array.dtype.kind in "iub"
        dtype = array.dtype if is_whole else "float32"
    return np.ascontiguousarray(array, dtype).reshape(array.shape)


class NoTermsError(ValueError):
    """An operation is set to do what is not written in ONNX's terms."""


class Nodes:
    """Nodes and constants of a graph, in order.

    Attributes:
        nodes: List of ONNX nodes.
        constants: List of ONNX tensors.
    """

    def __init__(self, onnx):
        """Begin with none.

        Args:
            onnx: The module.
        """
        self._onnx = onnx
        self.nodes, self.constants = [], []
        self._known = {}

    def add(self, kind, inputs, outputs=1, **attributes):
        """Add a node; return the name of its output, or names if there are several."""
        number = len(self.nodes)
        names = [f"{kind}_{number}_{at}" for at in range(outputs)]
        self.nodes.append(
            self._onnx.helper.make_node(
                kind, list(inputs), names, name=f"{kind}_{number}", **attributes
            )
        )
        return names[0] if outputs == 1 else names

    def constant(self, value, dtype=None):
        """Return the name of a constant, one for all that are equal."""
        array = as_array(value, dtype)
        key = (array.shape, array.dtype.str, hashlib.blake2b(array).digest())
        if key not in self._known:
            name = f"constant_{len(self.constants)}"
            tensor = self._onnx.numpy_helper.from_array(array, name)
            self.constants.append(tensor)
            self._known[key] = name
        return self._known[key]

    def moved(self, name, order):
        """Return a value with its axes in another order."""
        return self.add("Transpose", [name], perm=list(order))

    def cast(self, name, have, want):
        """Return a value as another type."""
        if have == want:
            return name
        kind = self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(want))
        return self.add("Cast", [name], to=kind)


class Step:
    """One operation to be written: what it is given, and how.

    Attributes:
        operation: The Keras operation.
        nodes: `Nodes` to add to.
        inputs: List of the Keras tensors that it is given.
        outputs: List of those that it returns.
        positional, named: Its arguments; tensors are Keras tensors.
    """

    def __init__(self, call, names, nodes):
        """Take a `Call`, and the names of tensors by their identity."""
        self.operation = call.layer
        self.nodes = nodes
        self.inputs, self.outputs = call.inputs, call.outputs
        self.positional, self.named = call.arguments_with(call.inputs)
        self._names = names

    def setting(self, name):
        """Return what the operation was made with."""
        return setting_of(self.operation, name)

    def argument(self, position, name, default=None):
        """Return an argument, wherever it was given."""
        if position < len(self.positional):
            return self.positional[position]
        return self.named.get(name, default)

    def name(self, value, dtype=None):
        """Return the name of a value: of a tensor of the graph, or of a constant."""
        if not isinstance(value, keras.KerasTensor):
            return self.nodes.constant(value, dtype)
        have = dtype_of(value)
        return self.nodes.cast(self._names[id(value)], have, dtype or have)

    @property
    def first(self):
        """The name of the first argument."""
        return self.name(self.positional[0])

    @property
    def shape(self):
        """The shape of the first argument."""
        return tuple(self.positional[0].shape)

    @property
    def dtype(self):
        """The type of the result."""
        return dtype_of(self.outputs[0])

    def add(self, kind, inputs, **attributes):
        """Add a node."""
        return self.nodes.add(kind, inputs, **attributes)
