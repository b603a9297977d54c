"""What a model has been trained on, how it began, and whether it has changed since."""

import base64
import hashlib
import weakref
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from reticnn.data.hashing import hashes_of
from reticnn.runtime.backend import keras
from reticnn.runtime.conditions import SeenImagesWarning, warn_user
from reticnn.runtime.keras_internals import (
    compiled_here,
    keep_optimizer_maker,
    kept_optimizer_maker,
    new_like,
    parts_of,
    rate_or_schedule,
    set_optimizer,
)
from reticnn.runtime.registration import is_by_keras, is_ours
from reticnn.runtime.stopping import assign_in_full

_VALUES = 64


def _none():
    return np.array([], np.uint64)


@dataclass(frozen=True)
class SeenImages:
    """Images that a model was trained on, and that it was validated on, as hashes.

    Attributes:
        trained_on: Sorted uint64 array.
        held_out: Sorted uint64 array.
    """

    trained_on: np.ndarray = field(default_factory=_none)
    held_out: np.ndarray = field(default_factory=_none)

    def __bool__(self):
        """Tell whether there are any."""
        return len(self.trained_on) + len(self.held_out) > 0

    def __or__(self, other):
        """Join two of them; what was trained on is no longer held out."""
        trained_on = np.union1d(self.trained_on, other.trained_on)
        held_out = np.union1d(self.held_out, other.held_out)
        return SeenImages(trained_on, np.setdiff1d(held_out, trained_on))

    def to_config(self):
        """Return a dict of texts."""
        return {
            name: base64.b64encode(hashes.astype("<u8").tobytes()).decode()
            for name, hashes in vars(self).items()
        }

    @classmethod
    def from_config(cls, config):
        """Return what `to_config` was called on; None gives none.

        Raises:
            ValueError: If it is no such thing.
        """
        return cls(
            **{
                name: np.frombuffer(base64.b64decode(text, validate=True), "<u8")
                for name, text in (config or {}).items()
            }
        )


def warn_of_seen(data, seen, name, only_read=False, model="model"):
    """Warn if the model has been trained on some of the images.

    Args:
        data: Image data that `hashed` made.
        seen: `SeenImages`.
        name: The argument's name, for messages.
        only_read: True looks at no image that has not been read yet. Default False.
        model: What it is called, for messages. Default `"model"`.
    """
    if not len(seen.trained_on):
        return False
    count = np.isin(hashes_of(data, only_read), seen.trained_on).sum()
    if count:
        warn_user(
            f"`{name}` has images that the {model} was trained on, {count} of "
            f"{len(data)}. How well it does on them does not tell how well it does on "
            "new ones.",
            SeenImagesWarning,
        )
    return bool(count)


class _Noted:
    """Images, as a model and its layers have them: what one forgets, all forget."""

    def __init__(self):
        """Begin with none."""
        self.images = SeenImages()


class _Training:
    """What is known of a model's training in this process."""

    def __init__(self, model, began_here=True):
        """Note how the model is before its first training, if that is to come."""
        self.noted = _Noted()
        self.first_weights = fingerprint(model) if began_here else None
        self.values = {}


# A value must not refer to its model, which would then never be freed.
_trainings = weakref.WeakKeyDictionary()
# Layers that were trained may be put to use in other models.
_noted_in_layers = weakref.WeakKeyDictionary()


def seen_by(model):
    """Return the `SeenImages` of a model, with those of the models and layers in it."""
    noted = set()
    for part in parts_of(model):
        noted |= _noted_in_layers.get(part, set())
        if part in _trainings:
            noted.add(_trainings[part].noted)
    seen = SeenImages()
    for part in noted:
        seen |= part.images
    return seen


def note_images(model, images):
    """Remember that a model was trained on images.

    Of a model from elsewhere it is not known how it began.
    """
    training = _trainings.setdefault(model, _Training(model, began_here=False))
    training.noted.images |= images
    for layer in parts_of(model):
        if any(
            weight.trainable or id(weight) in training.values
            for weight in layer.weights
        ):
            _noted_in_layers.setdefault(layer, set()).add(training.noted)


def trained_before(model):
    """Return whether a model has been trained here.

    One that has been given the weights again that it had before counts as new.
    """
    training = _trainings.get(model)
    if training is None or not training.noted.images:
        return False
    if fingerprint(model) == training.first_weights:
        training.noted.images = SeenImages()
    return bool(training.noted.images)


def keep_beginning(model):
    """Keep how what training may change is before it, unless that is kept already."""
    if model not in _trainings:
        _trainings[model] = _Training(model)
    training = _trainings[model]
    if model.compiled and not compiled_here(model):
        keep_optimizer_maker(model, _maker(model.optimizer))
    if training.first_weights is None:
        return
    for variable in changed_by_training(model):
        if id(variable) not in training.values:
            value = keras.ops.convert_to_numpy(variable).copy()
            training.values[id(variable)] = variable, value


def begin_again(model):
    """Give a model the weights that it had before its training, and forget that.

    Returns:
        Whether they are known.

    Raises:
        ValueError: If its optimizer cannot be made again.

    Warns:
        UserWarning: If some weights were changed otherwise than by its training.
    """
    training = _trainings.get(model)
    if training is None or training.first_weights is None:
        return False
    if compiled_here(model):
        model.compiled = False
    elif model.compiled:
        make = kept_optimizer_maker(model) or _maker(model.optimizer)
        set_optimizer(model, make())
    assign_in_full(training.values.values())
    if fingerprint(model) != training.first_weights:
        warn_user(
            "`fresh=True` gives `model` the weights from before `fit_classifier()` "
            "first trained it. Some were changed by other means since, such as "
            "Keras's own `fit()` or `load_weights()`, and stay as they are now. Build "
            "a new model to be sure."
        )
    training.noted.images = SeenImages()
    return True


def changed_by_training(model):
    """Return the variables that training may change, with the layers it trains."""
    still = {
        id(weight)
        for layer in parts_of(model)
        if _stays_as_it_is(layer)
        for weight in layer.weights
    }
    return [variable for variable in model.variables if id(variable) not in still]


def _stays_as_it_is(layer):
    """Return whether a layer with all that it is made of is known not to change.

    A frozen layer may change weights that are not trained, in its `call()`.
    """
    if layer.trainable:
        return False
    parts = parts_of(layer)
    return all(
        (is_by_keras(type(part)) or is_ours(type(part)))
        and not isinstance(part, keras.layers.SpectralNormalization)
        and not getattr(part, "stateful", False)
        for part in parts
    )


def fingerprint(model):
    """Return a text that differs if the weights do, from some values of each."""
    digest = hashlib.blake2b(digest_size=8)
    for weight in model.weights:
        digest.update(_sample(weight))
    return digest.hexdigest()


def _sample(weight):
    """Return the bytes of at most 64 values of a weight, spread over all of it."""
    values = keras.ops.reshape(keras.ops.convert_to_tensor(weight), (-1,))
    stride = -(-values.shape[0] // _VALUES)
    return np.ascontiguousarray(
        keras.ops.convert_to_numpy(values[::stride] if stride > 1 else values)
    )


def _maker(optimizer):
    """Return a function that makes a new optimizer with the settings that one has."""
    rate = rate_or_schedule(optimizer)
    rate = rate if callable(rate) else float(rate.numpy())
    return partial(new_like, optimizer, rate)
