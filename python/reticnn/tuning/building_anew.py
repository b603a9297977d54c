"""A new model for each fold, which has not learned from what it is tested on."""

import inspect
import weakref

import numpy as np

from reticnn.classifier import as_model
from reticnn.coercion import shown
from reticnn.memory import changed_by_training, seen_by
from reticnn.notation import in_words
from reticnn.runtime.backend import keras
from reticnn.runtime.conditions import warn_user
from reticnn.runtime.keras_internals import (
    compiled_here,
    innermost,
    parts_of,
    steps_done,
)
from reticnn.runtime.randomness import seeded_keras
from reticnn.training.holding_out import model_hashes

# Keras's EfficientNets come with the means of ImageNet, in such a layer too.
_IMAGENET_MEANS = (0.485, 0.456, 0.406)

# What a function that builds a model can be told, by the names of its arguments.
TOLD = ("input_shape", "num_classes", "class_names", "data", "seed")


def arguments_of(build):
    """Return which of `TOLD` a function that builds a model takes.

    Raises:
        TypeError: If it is no function, or needs something else.
    """
    if isinstance(build, keras.layers.Layer) or not callable(build):
        raise TypeError(
            f"`build` must be a function that builds a new model, not {shown(build)}: "
            "each fold needs its own. For example `lambda: build_cnn()`."
        )
    try:
        parameters = inspect.signature(build).parameters
    except (TypeError, ValueError):  # Of some functions in C nothing is known.
        return []
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    settled = getattr(build, "keywords", {})
    wanted = [name for name, parameter in parameters.items() if parameter.kind in named]
    check_told(
        [name for name in wanted if parameters[name].default is inspect.Parameter.empty]
    )
    return [name for name in wanted if name in TOLD and name not in settled]


def check_told(needed):
    """Raise if a function needs arguments that nobody tells it."""
    unknown = [name for name in needed if name not in TOLD]
    if unknown:
        raise TypeError(
            f"`build` needs {shown(unknown)}, and is only passed {shown(list(TOLD))}, "
            "as far as it has arguments of these names. Give a function that settles "
            "the rest, as in `lambda: build_cnn(filters=8)`."
        )


class NewModels:
    """The models of the folds, each made by one call of the user's function."""

    def __init__(self, build, arguments, all_change):
        """Take the function and the names of what it is told.

        Args:
            build: Function.
            arguments: List of names.
            all_change: Whether training may change frozen layers too, as in stages.
        """
        self._build = build
        self._arguments = arguments
        self._all_change = all_change
        self._folds = {}
        self._variables = {}
        self._optimizers = {}
        self._has_warned = False

    def of_fold(self, fold, train, seed):
        """Return a new model for a fold.

        Args:
            fold: `Fold`.
            train: Its image data to train on.
            seed: Whole number.

        Raises:
            TypeError: If the function returns no Keras model.
            ValueError: If the model has learned already, or is one of another fold.
        """
        told = {
            "input_shape": tuple(train.image_shape),
            "num_classes": len(train.class_names),
            "class_names": list(train.class_names),
            "data": train,
            "seed": seed,
        }
        with seeded_keras(seed):
            model = self._build(**{name: told[name] for name in self._arguments})
        if not isinstance(model, keras.Model):
            raise TypeError(
                f"`build` must return a new Keras model, not {shown(model)}. For "
                "example `lambda: build_cnn()`."
            )
        as_model(model, "build")
        self._check_new(model, fold)
        check_untrained(model, fold)
        self._warn_of_adapted(model)
        return model

    def _check_new(self, model, fold):
        """Raise if a model, or what it learns, is that of another fold."""
        if model in self._folds:
            raise ValueError(
                f"`build` has returned the model of fold {self._folds[model]} again "
                f"for fold {fold.fold} of repeat {fold.repeat}, which would know the "
                "images to test it on. Build the model inside the function."
            )
        changed = model.weights if self._all_change else changed_by_training(model)
        kept = {id(variable) for variable in changed}
        # Metrics, and what draws at random, begin anew with each training.
        for variable in model.weights:
            before, changes = self._variables.get(id(variable), (None, False))
            is_shared = before is not None and before() is variable
            if is_shared and (changes or id(variable) in kept):
                raise ValueError(
                    "`build` returns models that share weights, such as "
                    f"{shown(variable.path)}, which would be trained on their test "
                    "images. Make all layers inside the function, or, unless there are "
                    "`stages`, freeze those that are to be shared."
                )
        optimizer = innermost(model.optimizer) if model.compiled else None
        known = self._optimizers.get(id(optimizer))
        if optimizer is not None and known is not None and known() is optimizer:
            raise ValueError(
                "`build` compiles the models of several folds with the same optimizer, "
                "which belongs to one model. Make the optimizer inside the function, "
                "or give its name."
            )
        self._folds[model] = f"{fold.fold} of repeat {fold.repeat}"
        self._variables |= {
            id(variable): (weakref.ref(variable), id(variable) in kept)
            for variable in model.weights
        }
        if optimizer is not None:
            self._optimizers[id(optimizer)] = weakref.ref(optimizer)

    def _warn_of_adapted(self, model):
        """Warn once if a layer was adapted to images, perhaps to those of all folds."""
        if self._has_warned or "data" in self._arguments:
            return
        names = adapted_layers(model)
        if names:
            self._has_warned = True
            take = in_words("`def build(data): ...`", "`function(data) ...`")
            warn_user(
                "`build` returns models with normalisation adapted to images, in "
                f"{shown(names)}. If images of `data` were among them, the fold's test "
                "images are no longer new. Let the function take the training images, "
                f"{take}, and adapt the layer to these."
            )


def check_untrained(model, fold):
    """Raise if a model has been trained on the images, or nobody knows on which."""
    seen = seen_by(model)
    if seen:
        hashes = model_hashes(fold.test, model.input_shape[1:])
        count = np.isin(hashes, np.union1d(seen.trained_on, seen.held_out)).sum()
        if count:
            raise ValueError(
                "`build` has returned a model that has been trained already, on "
                f"{count} of the {len(fold.test)} images to test it on in fold "
                f"{fold.fold}. Build a new one inside the function."
            )
    elif model.compiled and not compiled_here(model) and _steps(model):
        steps = f"{_steps(model):,} step{'s' * (_steps(model) != 1)}"
        raise ValueError(
            f"`build` has returned a model whose optimizer has done {steps}, on "
            "images that are not known: those of the folds may be among them. Build a "
            "new one inside the function; if it was trained on other images, compile "
            "it again."
        )


def _steps(model):
    return 0 if model.optimizer is None else steps_done(model.optimizer)


def adapted_layers(model):
    """Return the names of normalisations that were adapted to images."""
    layers = [
        part
        for part in parts_of(model)
        if isinstance(part, keras.layers.Normalization) and part.weights
    ]
    names = []
    for layer in layers:
        mean = keras.ops.convert_to_numpy(layer.weights[0]).ravel()
        imagenet = len(mean) == 3 and np.allclose(mean, _IMAGENET_MEANS, atol=1e-3)
        if mean.any() and not imagenet:
            names.append(layer.name)
    return names
