"""What the numbers that a model gives mean, by the layers and operations at its end."""

from dataclasses import dataclass
from typing import Any

from reticnn.coercion import as_choice
from reticnn.graph import graph_of, walk
from reticnn.layers.mean_probabilities import MeanProbabilities
from reticnn.layers.rbf import EuclideanRBF
from reticnn.layers.scaling import Calibration
from reticnn.notation import in_words, shown
from reticnn.outputs.compiled import (
    is_for_several_labels,
    loss_name,
    takes_logits,
)
from reticnn.runtime.backend import keras
from reticnn.runtime.conditions import warn_user
from reticnn.runtime.keras_internals import axis_of, operation_name

KINDS = ("softmax", "sigmoid", "logits")

_LAYERS = keras.layers

# By the function itself: one of somebody's own may have any name.
_ACTIVATIONS = {
    None: "linear",
    keras.activations.linear: "linear",
    keras.activations.softmax: "softmax",
    keras.ops.softmax: "softmax",
    keras.activations.sigmoid: "sigmoid",
    keras.ops.sigmoid: "sigmoid",
    # Their softmax is the probabilities.
    keras.activations.log_softmax: "linear",
    keras.ops.log_softmax: "linear",
}

# Where nothing is trained, each value stays as it is.
_SAME_VALUES = (
    _LAYERS.ActivityRegularization,
    _LAYERS.AlphaDropout,
    _LAYERS.Dropout,
    _LAYERS.GaussianDropout,
    _LAYERS.GaussianNoise,
    _LAYERS.Identity,
    _LAYERS.SpatialDropout1D,
    _LAYERS.SpatialDropout2D,
    _LAYERS.SpatialDropout3D,
)
_SAME_VALUES_OPERATIONS = {"Cast", "ConvertToTensor", "Copy", "StopGradient"}

_OTHER_SHAPE = (_LAYERS.Flatten, _LAYERS.Reshape)
_OTHER_SHAPE_OPERATIONS = {"ExpandDims", "Ravel", "Reshape", "Squeeze"}

# Means of probabilities are probabilities, means of scores are scores.
_MEANS = (
    _LAYERS.Average,
    _LAYERS.AveragePooling1D,
    _LAYERS.AveragePooling2D,
    _LAYERS.GlobalAveragePooling1D,
    _LAYERS.GlobalAveragePooling2D,
)

# What they make of scores are scores.
_OF_SCORES = (_LAYERS.Add, _LAYERS.Rescaling, _LAYERS.Subtract)
_OF_SCORES_OPERATIONS = {"Add", "Divide", "Multiply", "Subtract", "TrueDivide"}

_WITH_ACTIVATION = (
    _LAYERS.Conv1D,
    _LAYERS.Conv1DTranspose,
    _LAYERS.Conv2D,
    _LAYERS.Conv2DTranspose,
    _LAYERS.Dense,
    _LAYERS.DepthwiseConv1D,
    _LAYERS.DepthwiseConv2D,
    _LAYERS.EinsumDense,
    _LAYERS.SeparableConv1D,
    _LAYERS.SeparableConv2D,
)
_LINEAR = (
    _LAYERS.BatchNormalization,
    _LAYERS.GroupNormalization,
    _LAYERS.LayerNormalization,
)
_LINEAR_OPERATIONS = {"Einsum", "Matmul"}


@dataclass(frozen=True)
class Meaning:
    """What numbers mean.

    Attributes:
        kind: `"softmax"` or `"sigmoid"`, probabilities; `"logits"`, scores that softmax
            or sigmoid makes probabilities of; `"distances"` to prototypes;
            `"probabilities"`, which may sum to less than 1, as those of an ensemble
            with models of the latter kind; or None if it is not known.
        operation: The layer or operation that gives them their meaning.
        end: What this is, in words.
    """

    kind: str | None
    operation: Any
    end: str


def count_classes(model):
    """Return how many classes the output of `model` distinguishes."""
    shape = model.output_shape
    if len(getattr(model, "outputs", None) or ()) > 1:
        one = in_words(
            "`keras.Model(model.inputs, model.outputs[0])`",
            "`keras$Model(model$inputs, model$outputs[[1]])`",
        )
        raise ValueError(
            f"`model` must have one output, of the shape (batch, classes), not "
            f"{len(model.outputs)}: {shown(shape)}. Give the model of one of them, "
            f"such as {one}."
        )
    if not isinstance(shape, tuple) or len(shape) != 2:
        raise ValueError(
            "`model` must have one output of the shape (batch, classes), not "
            f"{shown(shape)}. End it with `classifier_head()` or a Dense layer."
        )
    return max(2, shape[1])


def output_kind(model, said=None, name="model"):
    """Return what the outputs of a model are, or raise if nothing says that.

    Its last layers and operations say it; where they do not, its loss if it is
    compiled, or the user.

    Args:
        model: Keras model.
        said: What the user says, one of `KINDS`, or None or `"auto"`.
        name: The argument that the model was given as, for messages.

    Returns:
        `"softmax"`, `"sigmoid"` (one unit), `"logits"`, `"distances"` or
        `"probabilities"`.

    Raises:
        ValueError: If it is not known, if the user or the loss contradicts the layers,
            or if the outputs are no probabilities of classes.

    Warns:
        UserWarning: If the loss takes the probabilities for logits.
    """
    said = None if said is None else as_choice(said, "output", ("auto", *KINDS))
    said = None if said == "auto" else said
    count_classes(model)
    found = meaning_of(model)
    _check_units(model, found.kind, found.end, name)
    if said:
        _check_said(model, said, found, name)
    kind = said or found.kind
    _check_one_label(model, kind, name)
    if said:
        return said
    of_loss = takes_logits(model)
    if found.kind is None:
        return _kind_by_loss(model, of_loss, found.end, name)
    if found.kind == "logits":
        _check_loss_of_logits(model, of_loss, found.end, name)
    elif of_loss and found.kind != "distances":
        warn_user(
            f"`{name}` ends in {found.end}, so it gives probabilities, but it is "
            "compiled with a loss for logits (`from_logits=True`). What Keras does "
            "with that depends on the backend. Compile it with `from_logits=False`, or "
            f"leave {found.kind} out of the model."
        )
    return found.kind


def meaning_of(model):
    """Return the `Meaning` of a model's outputs as its layers and operations say it."""
    graph = graph_of(model)
    if graph is None:
        return Meaning(None, None, f"the `call()` of its class {type(model).__name__}")
    images = Meaning(None, None, "its input")
    return walk(graph, [images] * len(graph.inputs), _after)[0]


def _after(call, name, given):
    """Return the meanings of what a layer or operation gives."""
    layer = call.layer
    operation = operation_name(layer)
    if isinstance(layer, EuclideanRBF):
        return [Meaning("distances", layer, f"layer {name!r}")]
    if isinstance(layer, MeanProbabilities):
        return [Meaning(layer.kind, layer, f"layer {name!r}")]
    if _is_one(layer, _SAME_VALUES) or operation in _SAME_VALUES_OPERATIONS:
        return given
    if _is_one(layer, _OTHER_SHAPE) or operation in _OTHER_SHAPE_OPERATIONS:
        return given if _keeps_classes(call) else [_unknown(layer, name)]
    if isinstance(layer, _LAYERS.SpectralNormalization):
        layer = layer.layer
    kind = _kind_after(layer, operation, call, [meaning.kind for meaning in given])
    if kind == "same":
        return given[:1]
    made = Meaning(kind, call.layer, _words(call.layer, name, kind))
    return [made] * len(call.outputs)


def _kind_after(layer, operation, call, given):
    """Return the kind of what a layer gives for kinds, `"same"` or None included."""
    alike = given[0] if len(set(given)) == 1 else None
    if isinstance(layer, Calibration):
        return "logits"
    if _is_one(layer, _MEANS) and alike:
        return "same" if len(given) == 1 else alike
    of_scores = _is_one(layer, _OF_SCORES) or operation in _OF_SCORES_OPERATIONS
    if of_scores and alike == "logits":
        product = operation == "Multiply" and len(given) > 1
        return None if product else "logits"
    if _is_one(layer, _LINEAR) or operation in _LINEAR_OPERATIONS:
        return "logits"
    squash, axis = _squash_of(layer, operation)
    if squash == "softmax":
        return "softmax" if _is_over_classes(axis, call.outputs[0].shape) else None
    if squash == "sigmoid":
        return "sigmoid"
    if squash == "linear":
        return "same" if _is_one(layer, (_LAYERS.Activation,)) else "logits"
    return None


def _squash_of(layer, operation):
    """Return "softmax", "sigmoid", "linear" or None, and the axis of a softmax."""
    if operation in ("Softmax", "LogSoftmax"):
        return ("softmax" if operation == "Softmax" else "linear"), axis_of(layer)
    if operation == "Sigmoid":
        return "sigmoid", None
    if _is_one(layer, (_LAYERS.Softmax,)):
        return "softmax", layer.axis
    if not _is_one(layer, (*_WITH_ACTIVATION, _LAYERS.Activation)):
        return None, None
    activation = layer.activation
    if isinstance(activation, _LAYERS.Layer):
        return _squash_of(activation, None)
    return _ACTIVATIONS.get(activation), -1


def squash_of(layer):
    """Return `"softmax"` or `"sigmoid"` if a layer or operation ends in it, or None.

    The logarithm of softmax counts as softmax.
    """
    if isinstance(layer, _LAYERS.SpectralNormalization):
        layer = layer.layer
    operation = operation_name(layer)
    if operation == "LogSoftmax":
        return "softmax"
    if _is_one(layer, (*_WITH_ACTIVATION, _LAYERS.Activation)):
        logarithms = (keras.activations.log_softmax, keras.ops.log_softmax)
        if layer.activation in logarithms:
            return "softmax"
    squash, _ = _squash_of(layer, operation)
    return None if squash == "linear" else squash


def keeps_values(layer):
    """Return whether a layer or operation changes no values, but the shape at most.

    In training, it may do more.
    """
    operations = _SAME_VALUES_OPERATIONS | _OTHER_SHAPE_OPERATIONS
    if _is_one(layer, (_LAYERS.Activation,)):
        return layer.activation is keras.activations.linear
    return _is_one(layer, (*_SAME_VALUES, *_OTHER_SHAPE)) or (
        operation_name(layer) in operations
    )


def _is_one(layer, classes):
    """Return whether a layer is of one of Keras's classes, and computes as that does.

    A class of somebody's own may compute anything.
    """
    return any(
        isinstance(layer, kind) and type(layer).call is kind.call for kind in classes
    )


def _is_over_classes(axis, shape):
    """Return whether an axis is the last, or the only one with several values."""
    axes = (axis,) if isinstance(axis, int) else tuple(axis or ())
    axes = {each % len(shape) for each in axes}
    if 0 in axes or not axes:
        return False
    rest = set(range(1, len(shape))) - axes
    return axes == {len(shape) - 1} or all(shape[each] == 1 for each in rest)


def _keeps_classes(call):
    """Return whether a change of shape leaves the classes along one axis."""
    before, after = call.inputs[0].shape, call.outputs[0].shape
    if before[-1] == after[-1]:
        return True
    return all(_is_vector(shape[1:]) for shape in (before, after))


def _is_vector(sizes):
    return sum(size != 1 for size in sizes) <= 1


def _unknown(layer, name):
    return Meaning(None, layer, _words(layer, name, None))


def _words(layer, name, kind):
    """Return what a layer or operation is, for messages."""
    if operation_name(layer):
        return f"the operation {operation_name(layer).lower()!r}"
    activation = getattr(layer, "activation", None)
    if activation not in (None, keras.activations.linear):
        of = getattr(activation, "__name__", type(activation).__name__)
        return f"the activation {of!r} of layer {name!r}"
    without = " without an activation" if _is_one(layer, _WITH_ACTIVATION) else ""
    return f"layer {name!r} ({type(layer).__name__}){without}"


def _check_units(model, kind, end, name):
    """Raise if there are not as many units as the activation needs."""
    units = model.output_shape[1]
    if kind == "sigmoid" and units > 1:
        raise ValueError(
            f"`{name}` ends in {units} sigmoid units ({end}), which are independent of "
            "each other: several classes per image are not supported. End it in "
            f"{units} units with softmax, or for two classes in one sigmoid unit."
        )
    if kind == "softmax" and units == 1:
        raise ValueError(
            f"`{name}` ends in softmax over one unit ({end}), which is always 1. Use "
            "sigmoid, or one unit for each class."
        )


def _check_said(model, said, found, name):
    """Raise if what the user says is not so."""
    units = model.output_shape[1]
    if (said == "sigmoid") != (units == 1) and said != "logits":
        raise ValueError(
            f"`output` is {said!r}, but `{name}` has {units} output "
            f"unit{'' if units == 1 else 's'}. 'sigmoid' stands for one unit, "
            "'softmax' for one unit per class."
        )
    if found.kind not in (None, said):
        raise ValueError(
            f"`output` is {said!r}, but `{name}` ends in {found.end}, which gives "
            f"{found.kind}. Leave `output` out."
        )


def _check_one_label(model, kind, name):
    """Raise if the loss takes the classes for independent of each other."""
    if model.output_shape[1] == 1 or kind == "softmax" or not model.compiled:
        return
    if is_for_several_labels(model):
        raise ValueError(
            f"`{name}` has {model.output_shape[1]} output units and is compiled with "
            f"{loss_name(model)}, as for several classes per image, which are not "
            "supported. Compile it with a categorical cross-entropy, or if it ends in "
            "softmax, say `output='softmax'`."
        )


def _kind_by_loss(model, of_loss, end, name):
    """Return what the outputs are by the model's loss."""
    if of_loss is None:
        one = model.output_shape[1] == 1
        squash = "sigmoid" if one else "softmax"
        loss = "BinaryCrossentropy" if one else "SparseCategoricalCrossentropy"
        raise ValueError(
            f"`{name}` ends in {end}, which does not say what the outputs are. Give "
            f"`output` where the function has it, {squash!r} for probabilities or "
            f"'logits' for scores before {squash}; or compile the model with a loss "
            f"that says it, such as `keras.losses.{loss}(from_logits=True)` for logits."
        )
    if of_loss:
        return "logits"
    return "sigmoid" if model.output_shape[1] == 1 else "softmax"


def _check_loss_of_logits(model, of_loss, end, name):
    """Raise if a model gives logits, and its loss takes something else."""
    if of_loss is False:
        squash = "sigmoid" if model.output_shape[1] == 1 else "softmax"
        raise ValueError(
            f"`{name}` ends in {end}, so it gives logits, but it is compiled with a "
            f"loss for probabilities, {loss_name(model)}. End it in {squash}, or "
            "compile it with a cross-entropy that has `from_logits=True`."
        )
