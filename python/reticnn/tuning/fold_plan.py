"""The folds of a cross-validation, checked before anything is trained."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from reticnn.coercion import shown
from reticnn.data.accepting import image_data_of
from reticnn.data.image_data import ImageData, check_not_empty
from reticnn.data.splits.folding import (
    check_apart,
    folded,
    warn_of_missing_classes,
)
from reticnn.data.splits.units import Units

_DEFAULT_V = 5


@dataclass(frozen=True)
class Fold:
    """A fold.

    Attributes:
        repeat: Number of the repeat, from 1.
        fold: Number of the fold in it, from 1.
        train: Image data.
        test: Image data.
        positions: int array, where those to test on are in the data.
        images: Text, the same for folds of the same images.
    """

    repeat: int
    fold: int
    train: ImageData
    test: ImageData
    positions: np.ndarray
    images: str

    @property
    def folder(self):
        """The name of the folder for its checkpoint."""
        return f"repeat-{self.repeat}-fold-{self.fold}"


def labelled(data):
    """Return image data that have labels."""
    data = image_data_of(data)
    check_not_empty(data, "data")
    if data.codes is None:
        raise ValueError(
            "`data` has no labels to learn from. Give the labels, or put the images "
            "into one subfolder per class."
        )
    return data


def planned_folds(data, v, folds, seed):
    """Return the list of `Fold`s of labelled image data.

    Args:
        data: Image data.
        v: As in `cross_validate`.
        folds: As in `cross_validate`.
        seed: Whole number.

    Raises:
        TypeError: If `folds` are no folds.
        ValueError: If they are not of the data, have an image in both parts, or leave a
            class out of the images to train on.
    """
    if folds is None:
        given = folded(data, v, seed=seed)
    else:
        _check_no_other(v, folds)
        given = _as_folds(folds)
    name = "v" if folds is None else "folds"
    if folds is None and isinstance(v, Iterable):
        warn_of_missing_classes(data, given)
    units, identities = Units(data), np.array([*map(repr, data.identities())])
    places = _Places(data, name)
    planned = []
    for fold in given:
        train, test = (places.of(fold[part], part) for part in ("train", "test"))
        check_apart(units, train, test, fold["fold"], name)
        _check_classes(data, fold, name)
        images = _digest(identities[train], identities[test])
        made = Fold(
            int(fold["repeat"]),
            int(fold["fold"]),
            fold["train"],
            fold["test"],
            test,
            images,
        )
        planned.append(made)
    _check_numbers(planned)
    return planned


def _check_no_other(v, folds):
    """Raise if a number of folds is given besides the folds."""
    if v is not None and (not isinstance(v, (int, float)) or v != _DEFAULT_V):
        raise ValueError(
            f"`v` is {shown(v)}, but `folds` are given as well. Leave one of them out."
        )


def _as_folds(folds):
    """Return what `fold_images` returned, checked."""
    wrong = TypeError(
        f"`folds` must be what `fold_images()` returned, not {shown(folds)}. For folds "
        "given by positions, use `v`."
    )
    if isinstance(folds, (str, Mapping)) or not isinstance(folds, Iterable):
        raise wrong
    folds = list(folds)
    for fold in folds:
        if not isinstance(fold, Mapping) or not all(
            isinstance(fold.get(part), ImageData) for part in ("train", "test")
        ):
            raise wrong
    if not folds:
        raise ValueError("`folds` are none. Give at least one.")
    return folds


class _Places:
    """Where images are in the data that folds are made of."""

    def __init__(self, data, name):
        self._data, self._name = data, name
        self._at = {}
        for position, index in enumerate(data.indices.tolist()):
            self._at.setdefault(index, []).append(position)

    def of(self, part, which):
        """Return the positions of the images of a part of a fold.

        Raises:
            ValueError: If it has others.
        """
        if len(part) == 0:
            raise ValueError(
                f"`{self._name}` has a fold without images in {which!r}. Leave it out."
            )
        indices = part.indices.tolist()
        if part.source is not self._data.source or not self._at.keys() >= set(indices):
            raise ValueError(
                f"`{self._name}` has folds of other images than `data`, in {which!r}. "
                "Give `data` from which `fold_images()` made them, and the folds as "
                "they were made."
            )
        times = dict.fromkeys(indices, 0)
        positions = []
        for index in indices:
            known = self._at[index]
            positions.append(known[times[index] % len(known)])
            times[index] += 1
        positions = np.array(positions)
        same = self._data.class_names == part.class_names
        if not same or not np.array_equal(self._data.codes[positions], part.codes):
            raise ValueError(
                f"`{self._name}` has folds with other labels than `data`. Make the "
                "folds of `data` again."
            )
        return positions


def _check_classes(data, fold, name):
    """Raise if a class that the data have is not learned in a fold."""
    missing = np.setdiff1d(data.codes, fold["train"].codes)
    if len(missing):
        names = [data.class_names[code] for code in missing]
        raise ValueError(
            f"`{name}` has a fold, number {fold['fold']} of repeat {fold['repeat']}, "
            f"whose training images lack the class{'es' * (len(names) != 1)} "
            f"{shown(names)}, which its model would never predict. Use fewer folds, "
            "more images or groups of the class, or leave the class out of `data`."
        )


def _check_numbers(folds):
    """Raise if two folds have the same numbers, by which they are kept."""
    numbers = [(fold.repeat, fold.fold) for fold in folds]
    for at, number in enumerate(numbers):
        if number in numbers[:at]:
            raise ValueError(
                f"`folds` has fold {number[1]} of repeat {number[0]} twice. Give each "
                "its own numbers `repeat` and `fold`."
            )


def _digest(*parts):
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update("\n".join(sorted(part)).encode(errors="surrogatepass") + b"\f")
    return digest.hexdigest()
