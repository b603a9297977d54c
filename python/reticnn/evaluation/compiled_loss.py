"""The loss that a model is compiled with, of labelled images."""

import threading

import numpy as np

from reticnn.graph import own_methods
from reticnn.outputs import (
    is_for_several_labels,
    loss_of,
    probabilities,
    takes_logits,
    takes_one_hot,
    targets_of_classes,
)
from reticnn.prediction.forward import read_batches
from reticnn.runtime.backend import keras
from reticnn.runtime.keras_internals import measured
from reticnn.runtime.onnx_network import OnnxNetwork

# Below it, Keras's losses and the log loss are cut off, at different probabilities.
_LEAST = 1e-6

# A model has one set of metrics, whichever thread measures.
_METRICS = threading.Lock()

# With one of these, Keras may make something else of outputs and targets.
_OWN = {"compute_loss", "evaluate", "make_test_function", "test_on_batch", "test_step"}


def compiled_loss(classifier, data, outputs, batch_size):
    """Return the loss as Keras's `evaluate()` gives it, or None if there is none.

    An ONNX file has none; of a classifier with an ONNX graph, the Keras model is loaded
    for it, unless it is known to be the log loss, and none of the images is so unlikely
    to be of its class that the two differ.

    Args:
        classifier: Classifier.
        data: Image data with labels, as the model takes them.
        outputs: Array, what the model gives for them.
        batch_size: Whole number of images per batch, on which some losses depend.
    """
    model = classifier.network
    if isinstance(model, OnnxNetwork):
        if model.keras_file is None or _is_log_loss(classifier, data, outputs):
            return None
        model = classifier.model
    if not model.compiled:
        return None
    if loss_of(model) is None and not _computes_own(model):
        return None
    codes = data.codes
    targets = targets_of_classes(model.output_shape[1], takes_one_hot(model))[codes]
    starts = range(0, len(codes), batch_size)
    batches = [slice(start, start + batch_size) for start in starts]
    if _needs_images(classifier, data):
        targets = [targets[batch] for batch in batches]
        with read_batches([data], batch_size) as batches:
            return _by_keras(model, batches, targets)
    losses = [_loss(model, targets[batch], outputs[batch]) for batch in batches]
    sizes = [len(targets[batch]) for batch in batches]
    return float(np.average(losses, weights=sizes))


def _is_log_loss(classifier, data, outputs):
    """Return whether the loss of an ONNX network's Keras model is the log loss here."""
    model = classifier.network
    if not model.record.get("log_loss"):
        return False
    chances = probabilities(model, classifier.output, outputs)
    return bool((chances[np.arange(len(chances)), data.codes] >= _LEAST).all())


def _loss(model, targets, outputs):
    loss = model.compute_loss(
        y=keras.ops.convert_to_tensor(targets),
        y_pred=keras.ops.convert_to_tensor(outputs),
        training=False,
    )
    # One for each image, if the user wants no mean.
    return float(keras.ops.convert_to_numpy(loss).mean())


def _needs_images(classifier, data):
    """Return whether the loss is of more than the outputs and the weights."""
    model = classifier.model
    if _computes_own(model) or _is_of_scores(classifier):
        return True
    model(keras.ops.convert_to_tensor(data.read(np.arange(1))), training=False)
    of_weights = sum(v.regularizer is not None for v in model.trainable_variables)
    return len(model.losses) > of_weights


def _is_of_scores(classifier):
    """Return whether Keras may look for the scores behind probabilities.

    With TensorFlow it does, and for these losses that makes a difference.
    """
    model = classifier.model
    binary = is_for_several_labels(model) and model.output_shape[1] > 1
    return binary or (takes_logits(model) and classifier.output != "logits")


def _computes_own(model):
    """Return whether a model that is not one of ours computes its loss itself."""
    is_ours = type(model).__module__ == "reticnn"
    return not is_ours and not _OWN.isdisjoint(own_methods(model))


def _by_keras(model, images, targets):
    """Return the loss that Keras computes, from the images."""
    losses = []
    for batch in zip(images, targets, strict=True):
        with _METRICS:
            model.reset_metrics()
            losses.append(measured(model, *batch).get("loss"))
            model.reset_metrics()
    if None in losses:
        return None
    return float(np.average(losses, weights=[len(batch) for batch in targets]))
