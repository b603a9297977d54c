"""Find a learning rate by trying a range of them."""

import itertools
import math

import numpy as np

from reticnn.classifier import Classifier, as_model, unwrapped
from reticnn.coercion import as_float, as_int
from reticnn.data.accepting import image_data_of
from reticnn.graph import copy_of
from reticnn.optimizers.schedules import DECADES, Schedule
from reticnn.outputs import count_classes, kind_of_classifier, output_kind
from reticnn.runtime.backend import keras
from reticnn.runtime.conditions import warn_user
from reticnn.runtime.keras_internals import scopes_kept
from reticnn.runtime.stopping import check_heard, listening
from reticnn.training.building import built
from reticnn.training.callbacks.seeds import torch_state_kept
from reticnn.training.compiling import build_optimizer, compile_like
from reticnn.training.origin import check_not_calibrated
from reticnn.training.run import TrainingRun
from reticnn.training.settings import TrainingSettings

# How often the range is gone through: until the suggestion no longer hangs on any one
# of the times, which is when leaving it out changes it by less than this factor.
_FEWEST, _MOST, _AGREEMENT = 3, 6, 2

# Where the loss is this many times what it was at the start, or what guessing costs,
# the rate is out of bounds.
_OUT_OF_HAND = 4

# Part of the steps that are at the start, where the rate is too low to matter.
_START = 0.2
# Width of the smoothing, as a part of the steps.
_WIDTH = 0.03

# A change of the loss by less than this part of it, and of what guessing costs, or by
# less than this many times the noise of one step, is not clear. A rise is only looked
# for in a loss that has not fallen.
_CLEAR_FALL, _CLEAR_RISE = (0.05, 2.0), (0.02, 3.0)
# A loss that has fallen has risen again at this part of the fall.
_END_OF_FALL = 0.1

# A fall that is not clear in single steps is sure in the smoothed losses, if it is as
# many times their noise.
_SURE_FALL = 4

# How far below the rate at which the loss rises training is fast and safe, with a loss
# that has fallen before and with one that has not: from `benchmarks/learning_rate.py`.
_BELOW_FALLEN, _BELOW_LEVEL = 12, 20


def find_learning_rate(
    model, data, *, batch_size=32, steps=100, max_rate=1.0, optimizer=None, seed=None
):
    """Find a good learning rate with the learning rate range test.

    A copy of the model is trained briefly with a learning rate that rises by the same
    factor at each step, from very low to very high, and the loss is recorded. This is
    done three to six times from the same weights, on other images each time, until the
    runs agree. The model itself is not changed.

    The suggestion lies in the middle of the fall of the smoothed mean loss, and at
    least a factor of 12 below the rate at which the loss rises again. If the loss does
    not fall, as in a network that takes long to get going or has been trained already,
    it is a 20th of the rate at which the loss clearly rises, or the rate at which the
    loss is lowest if that is lower and the loss has fallen a little.

    Args:
        model: Keras model, a function without arguments that builds one, or a
            classifier.
        data: Image data with labels, or a folder, as in `fit_classifier`.
        batch_size: Whole number of images per step. Default 32.
        steps: Whole number of steps per run, at least 20; the data are used repeatedly
            if there are not enough. Default 100.
        max_rate: Float above 0, the highest learning rate; the lowest is ten million
            times lower. Default 1.
        optimizer: Name of a Keras optimizer, or None for `"adam"`, or for the model's
            own if it is compiled, as it is in a classifier. Default None.
        seed: Whole number of at least 0 that fixes the order of the images, or None for
            a new one each time. Default None.

    Returns:
        Dict: `learning_rate` and `loss`, lists of the rates and the smoothed mean
        losses with one value per step, up to where the loss diverges; and `suggestion`,
        or None if the loss neither falls nor rises.

    Raises:
        TypeError: If `model` is not a Keras model, or `data` not image data.
        ValueError: As in `fit_classifier`.

    Warns:
        UserWarning: If there is no suggestion.

    Example:
        >>> data = shape_images(600, image_size=16, channels=1, seed=1)
        >>> small = {"n_blocks": 2, "filters": 8, "batch_norm": True, "seed": 1}
        >>> model = build_cnn((16, 16, 1), **small)
        >>> rates = find_learning_rate(model, data, steps=60, seed=1)
        >>> # About 0.006. In three epochs it gets further than Adam's 0.001.
        >>> classifier = fit_classifier(
        ...     model, data, epochs=3, learning_rate=rates["suggestion"], seed=1
        ... )

    Source:
        Smith (2017), Cyclical Learning Rates for Training Neural Networks,
        arXiv:1506.01186. The rule is our own.
    """
    known = {}
    if isinstance(model, Classifier):
        known = {
            "class_names": model.class_names,
            "resize": model.resize,
            "reading": model.reading,
        }
    check_not_calibrated(model)
    kind = kind_of_classifier(model) if known else None
    model = as_model(unwrapped(built(model, seed)))
    kind = kind or output_kind(model)
    data = image_data_of(data)
    steps = as_int(steps, "steps", minimum=20)
    max_rate = as_float(max_rate, "max_rate", above=0)
    settings = TrainingSettings(epochs=1, batch_size=batch_size, optimizer=optimizer)
    copy = copy_of(model)
    if model.compiled:
        compile_like(copy, model, settings.optimizer)
        settings.optimizer = None
    run = TrainingRun(copy, data, None, settings, kind=kind, seed=seed, **known)
    copy.optimizer.learning_rate = Schedule("rise", max_rate, steps)
    guessing = math.log(count_classes(model))
    rates = max_rate * 10.0 ** (DECADES * (np.arange(steps) / steps - 1))
    with torch_state_kept(), listening(), scopes_kept():
        curves = _agreeing_curves(_curves(run, copy, steps, guessing), rates, guessing)
    losses, suggestion = _smoothed_and_suggestion(curves, rates, guessing)
    if suggestion is None:
        warn_user(
            f"The loss neither fell nor rose clearly in {steps} steps with rates up to "
            f"{max_rate:g}, so there is no suggestion. Try more `steps`, larger "
            "batches or a higher `max_rate`, and check that some layer is trainable."
        )
    return {
        "learning_rate": rates[: len(losses)].tolist(),
        "loss": losses.tolist(),
        "suggestion": suggestion,
    }


def _curves(run, model, steps, guessing):
    """Yield the losses of going through all rates, from the same start each time."""
    build_optimizer(model)
    variables = [*model.weights, *model.optimizer.variables]
    start = [np.array(keras.ops.convert_to_numpy(one)) for one in variables]
    losses_of_steps = run.losses_of_steps()
    while True:
        for variable, value in zip(variables, start, strict=True):
            variable.assign(value)
        losses = []
        for loss in itertools.islice(losses_of_steps, steps):
            losses.append(loss)
            check_heard()
            usual = max(guessing, np.mean(losses[: int(_START * steps)]))
            if not np.mean(losses[-3:]) <= _OUT_OF_HAND * usual:
                break
        if not math.isfinite(losses[-1]):
            del losses[-1]
        if not losses:
            raise ValueError(
                "`model` has a loss that is not a finite number at the first step, "
                "before any training. Look for NaN in its weights and in the images."
            )
        yield losses


def _agreeing_curves(curves, rates, guessing):
    """Return as many of the curves as it takes for a suggestion to be sure."""
    taken = list(itertools.islice(curves, _FEWEST))
    while len(taken) < _MOST and not _agree(taken, rates, guessing):
        taken.append(next(curves))
    return taken


def _agree(curves, rates, guessing):
    """Return whether the suggestion is much the same whichever curve is left out."""
    found = [
        _smoothed_and_suggestion(curves[:n] + curves[n + 1 :], rates, guessing)[1]
        for n in range(len(curves))
    ]
    if None in found:
        return set(found) == {None}
    return max(found) < _AGREEMENT * min(found)


def _smoothed_and_suggestion(curves, rates, guessing):
    """Return the smoothed mean of curves, as far as all go, and what it suggests.

    Args:
        curves: List of lists of losses.
        rates: Array, the rate of each step.
        guessing: What guessing costs.
    """
    shortest = min(map(len, curves))
    losses = np.mean([curve[:shortest] for curve in curves], axis=0)
    width = _WIDTH * len(rates)
    early = losses[: int(_START * len(rates))]
    start, noise = early.mean(), np.std(early - _smoothed(early, width))
    # What lies far above says nothing but that, and would reach into what is before.
    within = np.minimum(losses, start + max(start, guessing, 10 * noise))
    found = _suggestion(rates, _smoothed(within, width), start, noise, guessing)
    return _smoothed(losses, width), found


def _suggestion(rates, losses, start, noise, guessing):
    """Return a rate well before the loss rises, or None if it never changes."""
    lowest = np.argmin(losses)
    fall = start - losses[lowest]
    level = max(start, guessing)
    if fall > _clear(_CLEAR_FALL, level, noise):
        middle = rates[np.argmax(losses < start - fall / 2)]
        risen = losses[lowest:] > losses[lowest] + _END_OF_FALL * fall
        edge = (
            rates[lowest + np.argmax(risen)] if risen.any() else _after(rates, losses)
        )
        return float(min(middle, edge / _BELOW_FALLEN))
    risen = losses > start + _clear(_CLEAR_RISE, level, noise)
    if not risen.any() and len(losses) == len(rates):
        return None
    edge = rates[np.argmax(risen)] if risen.any() else _after(rates, losses)
    found = edge / _BELOW_LEVEL
    if fall > _SURE_FALL * noise / _averaged(_WIDTH * len(rates)):
        # The loss was lower before, if not by much, and is no better at higher rates.
        found = min(found, rates[lowest])
    return float(found)


def _after(rates, losses):
    """Return the rate after the last one that losses are known of."""
    return rates[len(losses) - 1] * rates[1] / rates[0]


def _clear(limits, level, noise):
    """Return what change of the loss is clear."""
    part, times = limits
    return max(part * level, times * noise)


def _averaged(width):
    """Return by what factor smoothing lowers the noise."""
    return math.sqrt(2 * math.sqrt(math.pi) * width)


def _smoothed(losses, width):
    """Return the losses averaged with weights of a Gaussian curve, in steps."""
    steps = np.arange(len(losses))
    weights = np.exp(-0.5 * ((steps[:, None] - steps) / width) ** 2)
    return weights @ losses / weights.sum(axis=1)
