"""The loss that a model is compiled with, of labelled images."""

import numpy as np

from reticnn.outputs import loss_of, takes_one_hot, targets_of_classes
from reticnn.prediction.forward import read_batches
from reticnn.runtime.backend import keras


def compiled_loss(model, data, outputs, batch_size):
    """Return the loss as Keras's `evaluate()` gives it, or None if there is none.

    Args:
        model: Keras model.
        data: Image data with labels, as the model takes them.
        outputs: Array, what the model gives for them.
        batch_size: Whole number of images per batch, on which some losses depend.
    """
    if not model.compiled or (loss_of(model) is None and not _computes_own(model)):
        return None
    codes = data.codes
    targets = targets_of_classes(model.output_shape[1], takes_one_hot(model))[codes]
    starts = range(0, len(codes), batch_size)
    batches = [slice(start, start + batch_size) for start in starts]
    if _needs_images(model, data):
        targets = [targets[batch] for batch in batches]
        return _by_keras(model, read_batches(data, batch_size), targets)
    losses = [_loss(model, targets[batch], outputs[batch]) for batch in batches]
    sizes = [len(targets[batch]) for batch in batches]
    return float(np.average(losses, weights=sizes))


def _loss(model, targets, outputs):
    loss = model.compute_loss(
        y=keras.ops.convert_to_tensor(targets),
        y_pred=keras.ops.convert_to_tensor(outputs),
        training=False,
    )
    return float(keras.ops.convert_to_numpy(loss))


def _needs_images(model, data):
    """Return whether the loss is of more than the outputs and the weights."""
    if _computes_own(model):
        return True
    model(keras.ops.convert_to_tensor(data.read(np.arange(1))), training=False)
    of_weights = sum(v.regularizer is not None for v in model.trainable_variables)
    return len(model.losses) > of_weights


def _computes_own(model):
    """Return whether a model's class, if it is not one of ours, has its own loss."""
    if type(model).__module__ == "reticnn":
        return False
    own = ("compute_loss", "test_step")
    return any(
        getattr(type(model), name) is not getattr(keras.Model, name) for name in own
    )


def _by_keras(model, images, targets):
    """Return the loss that Keras computes, from the images."""
    model.reset_metrics()
    scores = {}
    for batch in zip(images, targets, strict=True):
        scores = model.test_on_batch(*batch, return_dict=True)
    model.reset_metrics()
    loss = scores.get("loss")
    return None if loss is None else float(loss)
