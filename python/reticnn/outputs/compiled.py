"""What the loss that a model is compiled with takes: outputs and targets."""

import functools
import warnings

import numpy as np

from reticnn.graph import own_methods
from reticnn.layers.rbf import MAPLoss
from reticnn.runtime.backend import keras

# Of these it is known what targets they take; any other loss is tried.
_OF_CODES = (keras.losses.SparseCategoricalCrossentropy, MAPLoss)
_OF_ONE_HOT = (keras.losses.CategoricalCrossentropy,)

# They compare scores with each other or with a margin, and take them as they are.
_OF_SCORES = {"hinge", "squared_hinge", "categorical_hinge", "circle", "ctc"}

_BINARY = {"binary_crossentropy", "binary_focal_crossentropy"}

# They are lowest, on average, for the probabilities that the classes have.
_PROPER = {
    "binary_crossentropy",
    "categorical_crossentropy",
    "kl_divergence",
    "mean_squared_error",
    "sparse_categorical_crossentropy",
}

# Keras chooses the cross-entropy for codes or for one-hot targets itself.
_CHOSEN_BY_TARGETS = {"ce", "crossentropy"}

# Probability of one class in the outputs that a loss is tried on.
_SURE = 0.9
# By what part of itself rounding may change a loss.
_ROUNDING = 1e-3


def loss_of(model):
    """Return the loss that a model is compiled with: an object, a function or None."""
    losses = [loss for loss in keras.tree.flatten(_given(model)) if loss is not None]
    if not losses:
        return None
    loss = losses[0]
    if str(loss).lower() in _CHOSEN_BY_TARGETS:
        return keras.losses.sparse_categorical_crossentropy
    return keras.losses.get(loss)


def loss_name(model):
    """Return the name of the loss that a model is compiled with, for messages."""
    loss = _bare(loss_of(model))
    return repr(getattr(loss, "name", None) or getattr(loss, "__name__", str(loss)))


def takes_logits(model):
    """Return whether the loss takes logits, or False if probabilities.

    None if that is not known: the model is not compiled, or has a loss of somebody's
    own, which has no attribute `from_logits`.
    """
    loss = loss_of(model)
    if isinstance(loss, functools.partial):
        said = loss.keywords.get("from_logits")
        return takes_logits_of(loss.func) if said is None else bool(said)
    return takes_logits_of(loss)


def is_for_several_labels(model):
    """Return whether the loss is that of classes that are independent of each other."""
    return _keras_name(_bare(loss_of(model))) in _BINARY


def learns_probabilities(model):
    """Return whether the compiled model's loss has it learn those of the classes."""
    its_own = {"compute_loss", "train_step"}.intersection(own_methods(model))
    is_ours = type(model).__module__ == "reticnn"
    if its_own and not is_ours:
        return False
    return _keras_name(_bare(loss_of(model))) in _PROPER


def smoothing_of(model):
    """Return the label smoothing of the compiled model's loss, 0 for none."""
    loss = loss_of(model)
    if isinstance(loss, functools.partial):
        return float(loss.keywords.get("label_smoothing") or 0)
    said = getattr(loss, "label_smoothing", None)
    return float(said or 0) if isinstance(loss, keras.losses.Loss) else 0.0


def takes_one_hot(model):
    """Return whether the compiled model's loss wants rows of 0 and 1, not codes.

    Of Keras's cross-entropies that is known. Any other loss is tried on a few outputs:
    with the right kind of targets, the right classes have the lower loss. A loss that
    can be given both gets codes; so does a model that has no loss but a way of its own
    to compute it.

    Raises:
        ValueError: If the loss takes neither.
    """
    loss, units = loss_of(model), model.output_shape[1]
    if loss is None:
        _check_own_loss(model)
        return False
    if type(loss) in _OF_CODES and units > 1:
        return False
    if type(loss) in _OF_ONE_HOT and units > 1:
        return True
    if _learns(loss, units, targets_of_classes(units, one_hot=False)):
        return False
    if units > 1 and _learns(loss, units, targets_of_classes(units, one_hot=True)):
        return True
    kinds = "0 and 1" if units == 1 else "class numbers nor one-hot targets"
    raise ValueError(
        f"`model` is compiled with the loss {loss_name(model)}, which does not take "
        f"{kinds} for {units} output unit{'' if units == 1 else 's'}, or is not lower "
        "where the predictions are right. Compile it with a cross-entropy, or leave "
        "compiling to `fit_classifier()`."
    )


def targets_of_classes(units, one_hot):
    """Return an array of the target of each class, in the order of the outputs."""
    if units == 1:
        # Not (2,): the difference to outputs (n, 1) would be (n, n).
        return np.array([[0], [1]], dtype="float32")
    return np.eye(units, dtype="float32") if one_hot else np.arange(units)


def takes_logits_of(loss):
    """Return whether a loss takes logits, or None if that is not known."""
    said = getattr(loss, "from_logits", None)
    if said is None and isinstance(loss, keras.losses.Loss) and _keras_name(loss):
        said = loss.get_config().get("from_logits")
    if isinstance(said, bool):
        return said
    name = _keras_name(loss)
    return None if name is None or name in _OF_SCORES else False


def _given(model):
    return model.loss if model.compiled else None


def _bare(loss):
    """Return a loss without the arguments that are settled already."""
    return loss.func if isinstance(loss, functools.partial) else loss


def _keras_name(loss):
    """Return the name of the function that one of Keras's losses computes, or None."""
    function = getattr(loss, "fn", loss)
    is_own = str(getattr(function, "__module__", "")).split(".")[0] != "keras"
    return None if is_own else getattr(function, "__name__", None)


def _check_own_loss(model):
    """Raise if a compiled model has no loss at all."""
    if {"compute_loss", "train_step"}.isdisjoint(own_methods(model)):
        raise ValueError(
            "`model` is compiled without a loss. Give one to `compile()`, or leave "
            "compiling to `fit_classifier()`."
        )


def _learns(loss, units, targets):
    """Return whether a loss with such targets is lower for the right classes."""
    classes = max(2, units)
    # Neither one nor as many as the classes, which would let NumPy's rules of
    # broadcasting make sense of codes beside rows.
    codes = np.arange(classes + 2) % classes
    right, wrong = (
        _value(loss, targets[codes], _outputs(code, units))
        for code in (codes, (codes + 1) % classes)
    )
    if right is None or wrong is None:
        return False
    # Where targets of the wrong kind are broadcast, rounding alone makes a difference.
    return wrong - right > _ROUNDING * max(abs(right), abs(wrong))


def _outputs(codes, units):
    """Return the outputs of a model that is sure of these classes."""
    if units == 1:
        return np.where(codes == 1, _SURE, 1 - _SURE)[:, None].astype("float32")
    rest = (1 - _SURE) / (units - 1)
    return np.where(np.eye(units)[codes], _SURE, rest).astype("float32")


def _value(loss, targets, outputs):
    """Return the mean loss, or None if the loss does not take such targets."""
    ops = keras.ops
    targets, outputs = map(ops.convert_to_tensor, (targets, outputs))
    try:
        # What is only tried is not to warn, nor to fail where warnings are errors.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return float(ops.convert_to_numpy(ops.mean(loss(targets, outputs))))
    except Exception:  # Somebody's own function, on each backend, raises what it likes.
        return None
