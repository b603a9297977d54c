"""A classifier's model as an ONNX graph: 8-bit pixels in, probabilities out."""

from reticnn.layers.mean_probabilities import chances_of
from reticnn.layers.scaling import Calibration, has_calibration
from reticnn.outputs.meaning import meaning_of
from reticnn.runtime.backend import keras
from reticnn.runtime.conditions import MissingPackageError
from reticnn.runtime.keras_internals import calls_in
from reticnn.runtime.onnx_runtime import imported, optimised
from reticnn.saving.graphs.ends import DISTANCES, IMAGES, PROBABILITIES, SCORES
from reticnn.saving.graphs.nodes import IR_VERSION, OPSET, Nodes, Step, dtype_of
from reticnn.saving.graphs.rules import RULES
from reticnn.saving.graphs.tracing import inside_of, is_layer


class NotWritableError(ValueError):
    """A model has a layer that no graph is written of."""


def onnx_graph(classifier, metadata, argument):
    """Return the bytes of an ONNX model that does what a classifier's model does.

    Args:
        classifier: Classifier.
        metadata: Dict of texts to put into it.
        argument: Of the user's, which needs the graph.

    Returns:
        Bytes of a graph from `images`, 8-bit pixels, to `probabilities` of the classes,
        and to `scores` before softmax or sigmoid and `distances` to prototypes where
        the network has such. It computes in single precision.

    Raises:
        MissingPackageError: If onnx or onnxruntime is not installed.
        NotWritableError: If a layer stands in the way, with its name.
    """
    onnx = imported("onnx", argument)
    model, writer = classifier.model, _Writer(onnx)
    whole = _Call(model, model.input_shape, model.output_shape)
    writer.note(whole.inputs[0], writer.nodes.cast(IMAGES, "uint8", "float32"))
    writer.write(whole)
    ends = _ends(classifier, writer, whole)
    made = _as_model(onnx, writer.nodes, ends, model, len(classifier.class_names))
    onnx.helper.set_model_props(made, metadata)
    try:
        return optimised(made.SerializeToString(), argument)
    except MissingPackageError:
        raise
    except Exception as error:
        raise NotWritableError(f"what ONNX Runtime says: {error}") from error


class _Call:
    """A call of a layer that is in no graph yet."""

    def __init__(self, layer, input_shape, output_shape):
        self.layer = layer
        self.inputs = [keras.KerasTensor(input_shape, "float32")]
        self.outputs = [keras.KerasTensor(output_shape, "float32")]

    def arguments_with(self, tensors):
        """Return the positional and the named arguments."""
        return tuple(tensors), {}


class _Writer:
    """Writes calls of layers, which it takes apart, and of operations."""

    def __init__(self, onnx):
        self.nodes = Nodes(onnx)
        self.calibrated = None
        self._names, self._kept, self._way = {}, [], []

    def note(self, tensor, name):
        """Note the name of a tensor, which is kept, so that its identity stays."""
        self._names[id(tensor)] = name
        self._kept.append(tensor)

    def name(self, tensor):
        """Return the name of what a layer gives, mostly a tensor of the graph."""
        known = self._names.get(id(tensor))
        return known or self.nodes.constant(tensor)

    def write(self, call):
        """Write a call, and note the names of what it gives."""
        if not is_layer(call.layer):
            for output in call.outputs:
                self.note(output, self._written(call))
            return
        self._way.append(call.layer)
        if isinstance(call.layer, Calibration) and not call.layer.of_probabilities:
            self.calibrated = self.name(call.inputs[0])
        given, calls, outputs = self._taken_apart(call)
        for inner, outer in zip(given, call.inputs, strict=True):
            types = dtype_of(outer), dtype_of(inner)
            self.note(inner, self.nodes.cast(self.name(outer), *types))
        for inside in calls:
            self.write(inside)
        for inner, outer in zip(outputs, call.outputs, strict=True):
            self.note(outer, self.name(inner))
        self._way.pop()

    def _written(self, call):
        """Return the name of what an operation gives, once it is written."""
        kind = type(call.layer).__name__
        if kind not in RULES or len(call.outputs) > 1:
            raise self._in_the_way(f"the operation {kind!r} in it")
        try:
            return RULES[kind](Step(call, self._names, self.nodes))
        except (ValueError, TypeError, KeyError) as error:
            raise self._in_the_way(f"the operation {kind!r} in it ({error})") from error

    def _taken_apart(self, call):
        try:
            return inside_of(call)
        except Exception as error:
            raise self._in_the_way("its `call()`") from error

    def _in_the_way(self, part):
        """Return the error that names the innermost layer, and what of it it is."""
        layer = self._way[-1] if len(self._way) > 1 else None
        if layer is None:
            return NotWritableError(f"the model itself, for {part}")
        return NotWritableError(
            f"layer {layer.name!r} ({type(layer).__name__}), for {part}"
        )


def _ends(classifier, writer, whole):
    """Return the names of the values that are given, by what they are given as."""
    model, kind = classifier.model, classifier.output
    end = writer.name(whole.outputs[0])
    last = next((one for one in writer.nodes.nodes if end in one.output), None)
    scores = None
    if has_calibration(model):
        scores = writer.calibrated
    elif kind == "logits":
        scores = end
    elif last is not None and last.op_type in ("Softmax", "Sigmoid"):
        scores = last.input[0]
    ends = {PROBABILITIES: _chances(classifier, writer, whole)}
    if scores is not None:
        ends[SCORES] = scores
    if kind == "distances":
        ends[DISTANCES] = end
    return ends


def _chances(classifier, writer, whole):
    """Return the name of the probabilities of the classes."""
    kind, output = classifier.output, whole.outputs[0]
    if kind in ("softmax", "probabilities"):
        return writer.name(output)
    j = prototype_distance(classifier)
    given = keras.KerasTensor(output.shape, "float32")
    chances = chances_of(kind, given, j)
    writer.note(given, writer.name(output))
    for call in calls_in(keras.Function(given, chances)):
        writer.write(call)
    return writer.name(chances)


def prototype_distance(classifier):
    """Return the distance of the class of everything else, or None if there is none."""
    if classifier.output != "distances":
        return None
    return meaning_of(classifier.model).operation.j


def _as_model(onnx, nodes, ends, model, classes):
    """Return the ONNX model of the nodes that were written."""
    helper, kinds = onnx.helper, onnx.TensorProto
    for name, value in ends.items():
        nodes.nodes.append(helper.make_node("Identity", [value], [name]))
    sides = zip(model.input_shape[1:], ("height", "width", "channels"), strict=True)
    shape = ["batch", *(name if side is None else side for side, name in sides)]
    units = {PROBABILITIES: classes}
    graph = helper.make_graph(
        nodes.nodes,
        "classifier",
        [helper.make_tensor_value_info(IMAGES, kinds.UINT8, shape)],
        [
            helper.make_tensor_value_info(
                name, kinds.FLOAT, ["batch", units.get(name, model.output_shape[1])]
            )
            for name in ends
        ],
        nodes.constants,
    )
    return helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="reticnn",
    )
