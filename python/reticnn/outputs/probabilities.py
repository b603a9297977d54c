"""The probabilities of the classes, from a model's outputs."""

import numpy as np

from reticnn.runtime.backend import NeedingKeras
from reticnn.runtime.onnx_network import OnnxNetwork

meaning_of = NeedingKeras("reticnn.outputs.meaning", "meaning_of")

# Probabilities in half precision do not sum to exactly 1.
_ROUNDING = 0.02

# Distances from which powers of e are soon not told from 0 any more.
_FURTHEST = 600


def probabilities(model, kind, outputs):
    """Return the probability of each class, (n, classes), from outputs of `model`.

    They sum to 1, but for a model that gives distances to prototypes, or an ensemble of
    such: there the rest is the probability that an image is of none of the classes.
    Where an output is NaN, all probabilities of the image are.

    Args:
        model: Keras model or `OnnxNetwork`.
        kind: What its outputs are, as `output_kind` says it.
        outputs: Array, (n, units).

    Raises:
        ValueError: If the outputs are not of that kind.
    """
    outputs = _checked(model, outputs)
    with np.errstate(invalid="ignore", over="ignore"):
        chances = _CHANCES[kind](model, outputs)
    chances[np.isnan(chances).any(axis=1)] = np.nan
    return chances


def _checked(model, outputs):
    """Return the outputs as an array, if it has the shape that the model is said to."""
    units = model.output_shape[1]
    shape = getattr(outputs, "shape", None)
    if shape is None or len(shape) != 2 or shape[1] != units:
        given = f"a {type(outputs).__name__}" if shape is None else tuple(shape)
        raise ValueError(
            f"`model` must give one output of the shape (batch, {units}), as its "
            f"layers say, but its `call()` gives {given}."
        )
    return np.asarray(outputs, "float64")


def _of_softmax(model, outputs):
    _check_probabilities(outputs, outputs.sum(axis=1), "softmax")
    return outputs.copy()


def _of_probabilities(model, outputs):
    # One of none of the classes makes no sum of 1.
    _check_probabilities(outputs, None, "probabilities")
    return outputs.copy()


def _of_sigmoid(model, outputs):
    _check_probabilities(outputs, None, "sigmoid")
    return np.concatenate([1 - outputs, outputs], axis=1)


def _of_logits(model, outputs):
    if outputs.shape[1] == 1:
        # As two scores, so that a large one does not overflow.
        outputs = np.concatenate([np.zeros_like(outputs), outputs], axis=1)
    powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _of_distances(model, outputs):
    # What is missing to 1 is the probability of none of the classes, at the distance j.
    is_graph = isinstance(model, OnnxNetwork)
    j = model.prototype_distance if is_graph else meaning_of(model).operation.j
    # The nearest one as the origin keeps the powers within range.
    nearest = outputs.min(axis=1, keepdims=True)
    origin = np.minimum(nearest, j)
    # Far from all, all would be 0, and the nearest not the most probable any more.
    far = np.maximum(nearest - origin - _FURTHEST, 0)
    powers = np.exp(origin - (outputs - far))
    return powers / (np.exp(origin - j) + powers.sum(axis=1, keepdims=True))


_CHANCES = {
    "softmax": _of_softmax,
    "sigmoid": _of_sigmoid,
    "logits": _of_logits,
    "distances": _of_distances,
    "probabilities": _of_probabilities,
}


def _check_probabilities(outputs, sums, kind):
    """Raise if outputs are not probabilities, as nothing but a word may have said."""
    outside = (outputs < -_ROUNDING) | (outputs > 1 + _ROUNDING)
    wrong = outside.any(axis=1)
    if sums is not None:
        wrong |= np.abs(sums - 1) > _ROUNDING
    if wrong.any():
        row = outputs[wrong.argmax()]
        found = f"has {row[np.abs(row - 0.5).argmax()]:.3g} among them"
        if sums is not None:
            found += f", and they sum to {row.sum():.3g}"
        raise ValueError(
            f"`output` of the model is said to be {kind!r}, probabilities of the "
            f"classes, but an image {found}. Use 'logits' if they are scores."
        )


def slopes_of_drawn_classes(model, kind, outputs, rng):
    """Return the derivative of the loss by each output, for classes drawn at random.

    The classes are drawn by the probabilities that the model itself gives. The slopes
    are then 0 on average, and their products the second derivatives of the loss.

    Args:
        model: Keras model.
        kind: What its outputs are.
        outputs: Array, its outputs for some images.
        rng: NumPy generator.

    Returns:
        float64 array of the shape of `outputs`.
    """
    chances = probabilities(model, kind, outputs)
    draws = rng.random((len(chances), 1))
    # With distances it can be the class after the last one, none of them.
    codes = (chances.cumsum(axis=1) <= draws).sum(axis=1)
    count = chances.shape[1]
    drawn = np.eye(count + 1)[codes][:, :count]
    if kind == "distances":
        return drawn - chances
    if kind == "logits":
        slopes = chances - drawn
        return slopes[:, 1:] if model.output_shape[1] == 1 else slopes
    slopes = -np.divide(drawn, chances, out=np.zeros_like(drawn), where=drawn > 0)
    return slopes[:, 1:] - slopes[:, :1] if model.output_shape[1] == 1 else slopes
