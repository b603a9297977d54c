"""What trials are judged by: images held out once, or folds."""

import statistics
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from reticnn.coercion import as_float, shown
from reticnn.data.accepting import image_data_of
from reticnn.data.digest import image_weights_digest, images_digest, labels_digest
from reticnn.data.image_data import ImageData, joined_images
from reticnn.data.splits.splitting import parts_of_data
from reticnn.runtime.conditions import warn_user
from reticnn.runtime.randomness import generator
from reticnn.tuning.building_anew import adapted_layers, check_untrained
from reticnn.tuning.fold_plan import Fold, labelled, planned_folds
from reticnn.tuning.fold_training import (
    check_validation,
    options_of_fold,
    warn_of_colours,
)

# Held out if neither images nor folds are given.
_SHARE = 0.2


class LeakError(ValueError):
    """A builder gives what has learned from images that are to judge it."""


@dataclass(frozen=True)
class Round:
    """A training of a trial, and the images that judge it.

    Attributes:
        train: Image data.
        test: Image data.
        validation: As in `fit_classifier`.
        fold: `Fold`, or None.
    """

    train: ImageData
    test: ImageData
    validation: object
    fold: Fold | None = None

    def options(self, of_training):
        """Return the arguments of `fit_classifier` of a trial in this round."""
        if self.fold is None:
            return of_training
        warn_of_colours(of_training.get("augmentation"))
        return options_of_fold(of_training, self.train)

    def check_new(self, model):
        """Raise if a model has learned from the images that are to judge it.

        Raises:
            LeakError: If so.
        """
        if self.fold is None:
            return
        try:
            check_untrained(model, self.fold)
        except ValueError as error:
            raise LeakError(str(error)) from error
        names = adapted_layers(model)
        if names:
            warn_user(
                "`build` returns models with normalisation adapted to images, in "
                f"{shown(names)}. If images of `data` were among them, the images that "
                "judge a trial in a fold are no longer new. Adapt it to other images."
            )


class HeldOut:
    """One training of each trial, judged by images held out.

    Attributes:
        name: Which images judge, in words.
        rounds: List of the only `Round`.
    """

    name = "the images of `validation`"

    def __init__(self, data, validation, seed):
        """Take image data, and others or the fraction of them to hold out."""
        train, test = _parts(data, _SHARE if validation is None else validation, seed)
        self.rounds = [Round(train, test, test)]

    def identity(self):
        """Return what tells these images from others, a dict of texts by argument."""
        (only,) = self.rounds
        return {"data": _digest(only.train), "validation": _digest(only.test)}

    def all_images(self):
        """Return the image data of all, to train on once settings are chosen."""
        (only,) = self.rounds
        return joined_images([only.train, only.test])

    def seed(self, seed, number):
        """Return the seed of a round of a trial, counted from 1."""
        return seed


class Folds:
    """A training of each trial per fold.

    Attributes:
        name: Which images judge, in words.
        rounds: List of one `Round` per fold.
    """

    name = "a fold"

    def __init__(self, data, v, folds, validation, seed):
        """Take image data and their folds, as in `cross_validate`.

        Args:
            data: Image data.
            v: Number of folds, or their positions, or None.
            folds: What `fold_images` returned, or None.
            validation: Fraction of the images to train on in a fold, or None.
            seed: Whole number.
        """
        check_validation(validation)
        self._data, self._validation = labelled(data), validation
        self.rounds = [
            Round(fold.train.with_own_range(), fold.test, validation, fold)
            for fold in planned_folds(self._data, v, folds, seed)
        ]

    def identity(self):
        """Return what tells these folds from others, a dict of texts by argument."""
        own = "" if self._validation is None else f"{float(self._validation):g}"
        return {
            "data": _digest(self._data),
            "validation": own,
            "folds": " ".join(one.fold.images for one in self.rounds),
        }

    def all_images(self):
        """Return the image data of all, to train on once settings are chosen."""
        return self._data

    def seed(self, seed, number):
        """Return the seed of a round of a trial, counted from 1."""
        return int(generator(seed, number).integers(2**31))


def judging_of(data, validation, v, folds, seed):
    """Return what trials are judged by, as the user wants it."""
    if v is None and folds is None:
        return HeldOut(data, validation, seed)
    if v is not None and folds is not None:
        raise ValueError(
            f"`v` is {shown(v)}, but `folds` are given as well. Leave one of them out."
        )
    return Folds(data, v, folds, validation, seed)


def typical_epochs(kept_epochs):
    """Return how many epochs of each stage to train where nothing says when to end.

    Args:
        kept_epochs: List of one list per fold, of the epochs of each stage that were
            kept.
    """
    of_stages = zip_longest(*kept_epochs, fillvalue=0)
    return [statistics.median_high(epochs) for epochs in of_stages]


def _parts(data, validation, seed):
    """Return the images to train on, and those to judge trials by."""
    if isinstance(validation, (int, float, np.number)):
        share = as_float(validation, "validation", above=0, below=1)
        shares = {"train": 1 - share, "validation": share}
        parts = parts_of_data(data, shares, seed, "validation")
        return parts["train"], parts["validation"]
    validation = image_data_of(validation, "validation")
    try:
        # What `refit()` does in the end is to be known to work before the search.
        joined_images([data, validation])
    except ValueError as error:
        raise ValueError(
            "`validation` and `data` are put together in the end, to train the best on "
            f"all images. {error}"
        ) from error
    return data, validation


def _digest(data):
    """Return a text that differs where images, labels or weights do."""
    parts = (images_digest(data), labels_digest(data), image_weights_digest(data))
    return " ".join(parts)
