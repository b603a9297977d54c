"""Divide image data into folds, each of which is the test of the others once."""

from collections.abc import Iterable
from itertools import chain

import numpy as np

from reticnn.coercion import as_int, as_ints, as_seed, shown
from reticnn.data.accepting import image_data_of
from reticnn.data.splits.evening import shape_of
from reticnn.data.splits.splitting import (
    check_none_is_empty,
    division,
    in_groups,
    strata_of,
    tell_of_found_range,
)
from reticnn.data.splits.together import as_together
from reticnn.data.splits.units import Units
from reticnn.notation import shown_positions
from reticnn.runtime.conditions import SplitNotice, warn_user
from reticnn.runtime.randomness import generator


def fold_images(
    data, v=5, *, repeats=1, groups=None, strata=None, keep_together=None, seed=None
):
    """Divide image data into folds for cross-validation, stratified by class.

    Each image is a test image in one fold, and a training image in all others. Folds
    have the same size, and the same number of images of each class, to within one
    image; if images form groups, no group is divided, and folds are as even as whole
    groups allow: a message says how even.

    Args:
        data: Image data, or the path of a folder, as in `image_folder`.
        v: Whole number of at least 2, the number of folds; as many as there are groups
            leaves one group out at a time. Or the folds themselves: a list of (train,
            test) pairs of positions, counted from 0 in Python, as scikit-learn's
            splitters return them, and from 1 in R. Default 5.
        repeats: Whole number, how many times the images are divided, each time
            differently. Default 1.
        groups: Which images belong together, as in `split_images`. None for the groups
            of `data`, if there are any. Default None.
        strata: What else to spread as evenly as the classes, as in `split_images`.
            Default None.
        keep_together: What `review_images` returned for `data`, as in `split_images`.
            It does not change folds that you pass as `v`. Default None.
        seed: Whole number of at least 0 that fixes the folds, or None for new ones each
            time. Default None.

    Returns:
        List of dicts, one per fold: `repeat` and `fold`, counted from 1, and `train`
        and `test`, image data in the order of `data`. As in `split_images`, identical
        images are kept together, and all folds have one range of values.

    Raises:
        TypeError: If `data` is not image data.
        ValueError: If there are fewer images or groups than folds, `groups` or `strata`
            do not have one value per image, folds passed as `v` have positions that
            `data` do not have or the same image in both parts, or an argument is
            outside its range.

    Warns:
        UserWarning: If a fold lacks a class that is in the data, there are too few
            groups for the repeats to differ, or folds passed as `v` divide a group.

    Example:
        >>> for fold in fold_images(shape_images(100), 5, seed=1):
        ...     classifier = fit_classifier(build_cnn(), fold["train"])
        ...     evaluate_classifier(classifier, fold["test"])

    Source:
        Stone (1974), Cross-Validatory Choice and Assessment of Statistical Predictions.
        Journal of the Royal Statistical Society B, 36, 111-147.
    """
    data = image_data_of(data)
    folds = folded(
        data,
        v,
        repeats=repeats,
        groups=groups,
        strata=strata,
        keep_together=keep_together,
        seed=seed,
    )
    tell_of_found_range(data)
    return folds


def folded(
    data, v, *, repeats=1, groups=None, strata=None, keep_together=None, seed=None
):
    """Return what `fold_images` returns, of image data."""
    data = in_groups(data, groups)
    if isinstance(v, Iterable) and not isinstance(v, (str, np.ndarray)):
        return _given_folds(data, v)
    v = as_int(v, "v", minimum=2)
    repeats = as_int(repeats, "repeats")
    strata = strata_of(strata, data)
    together = as_together(keep_together, data)
    return _drawn_folds(data, v, repeats, strata, together, as_seed(seed))


def _drawn_folds(data, v, repeats, strata, together, seed):
    units = Units(data, together)
    shares = dict.fromkeys(map(str, range(1, v + 1)), 1 / v)
    _check_enough(units, v)
    divisions, shapes = [], set()
    for repeat in range(repeats):
        own = generator(seed, repeat).integers(2**32) if repeat else seed
        drawn = division(data, units, shares, int(own), strata, shapes)
        check_none_is_empty(drawn, shares, units, "v")
        if shape_of(drawn) in shapes:
            warn_user(
                f"Repeat {repeat + 1} has the same folds as one before it: "
                f"{units.described()} can be divided into {v} even folds in few ways."
            )
        divisions.append(drawn)
        shapes.add(shape_of(drawn))
    folds = [
        _fold(data, parts[units.of_position] == number, repeat + 1, number + 1)
        for repeat, parts in enumerate(divisions)
        for number in range(v)
    ]
    if units.names is not None:
        _tell_how_even(data, units, divisions, shares)
    warn_of_missing_classes(data, folds)
    return folds


def _fold(data, tested, repeat, number):
    return {
        "repeat": repeat,
        "fold": number,
        "train": data[np.flatnonzero(~tested)],
        "test": data[np.flatnonzero(tested)],
    }


def warn_of_missing_classes(data, folds):
    """Warn if folds lack classes that the data have."""
    if data.codes is None:
        return
    present = np.unique(data.codes)
    for part in ("train", "test"):
        missing = [np.setdiff1d(present, fold[part].codes) for fold in folds]
        lacking = sum(len(codes) > 0 for codes in missing)
        if lacking:
            codes = np.unique(np.concatenate(missing))
            names = [data.class_names[code] for code in codes]
            warn_user(
                f"{lacking} of {len(folds)} folds have no image of some classes in "
                f"{part!r}: {shown(names)}. They are in too few images or groups."
            )


def _check_enough(units, v):
    if len(units) < v:
        what = "images" if units.names is None else "groups"
        raise ValueError(
            f"`v` is {v}, but `data` has {units.described()}, and each fold needs one. "
            f"Use at most {len(units)} folds, or more {what}."
        )


def _tell_how_even(data, units, divisions, shares):
    """Say how many groups and images the folds have, and how even the classes are."""
    v, ones = len(shares), np.zeros(len(data), int)
    sizes = _shares(units.counts(ones), divisions, v)
    groups = [
        np.bincount(parts, [len(names) for names in units.names]) for parts in divisions
    ]
    count = _range(np.ravel(groups), ".0f")
    text = (
        f"Groups stay whole: {count} group{'s' * (count != '1')} per fold, with "
        f"{_range(sizes)} of the images.{units.told_of_large(shares)}"
    )
    if data.codes is not None:
        of_class = _shares(units.counts(data.codes), divisions, v)
        off = np.abs(of_class - 1 / v).max(axis=(0, 1))
        code = int(np.argmax(off))
        text += (
            f" Of the classes, {data.class_names[code]!r} is the least even: each fold "
            f"has {_range(of_class[..., code])} of its images."
        )
    warn_user(text, SplitNotice)


def _shares(counts, divisions, v):
    """Return the share that each fold has of each class, (repeats, folds, classes)."""
    totals = np.maximum(counts.sum(axis=0), 1)
    shares = np.zeros((len(divisions), v, counts.shape[1]))
    for repeat, parts in enumerate(divisions):
        np.add.at(shares[repeat], parts, counts / totals)
    shares[..., counts.sum(axis=0) == 0] = 1 / v
    return shares


def _range(values, form=".1%"):
    """Return the lowest and the highest of numbers in words."""
    low, high = (format(bound, form) for bound in (np.min(values), np.max(values)))
    return low if low == high else f"{low} to {high}"


def _given_folds(data, pairs):
    """Return the folds that are given as positions."""
    units = Units(data)
    folds = []
    for number, pair in enumerate(pairs, 1):
        train, test = (_positions(part, len(data)) for part in _as_pair(pair))
        check_apart(units, train, test, number)
        folds.append(
            {"repeat": 1, "fold": number, "train": data[train], "test": data[test]}
        )
    if not folds:
        raise ValueError("`v` has no folds. Give at least one, or a number of folds.")
    _warn_of_divided_groups(folds)
    return folds


def _as_pair(pair):
    if isinstance(pair, (list, tuple)) and len(pair) == 2:
        return pair
    raise ValueError(
        "`v` must be a number of folds, or a list of (train, test) pairs of positions, "
        f"not {shown(pair)} among them."
    )


def _positions(part, count):
    """Return the positions of a part of a fold, checked."""
    positions = np.array(as_ints(part, "v", minimum=None), int)
    beyond = positions[(positions < 0) | (positions >= count)]
    if len(beyond):
        raise ValueError(
            f"`v` has folds with images at {shown_positions(beyond[:10])}, but `data` "
            f"has {count} images. Make the folds from the same images."
        )
    return positions


def check_apart(units, train, test, number, name="v"):
    """Raise if a fold has the same image in both parts.

    Args:
        units: `Units` of the data.
        train: int array of positions.
        test: int array of positions.
        number: Number of the fold, for the message.
        name: The argument's name. Default "v".
    """
    both = np.intersect1d(units.image[train], units.image[test])
    if len(both):
        count = f"{len(both)} image{'s' * (len(both) != 1)}"
        first = [part[np.isin(units.image[part], both)][:1] for part in (train, test)]
        where = shown_positions(np.unique(np.concatenate(first)))
        raise ValueError(
            f"`{name}` has {count} in both parts of fold {number}, as they are, or as "
            f"copies, such as at {where}. How well a classifier does on them does not "
            "tell how well it does on new ones. Leave the copies out, or let the folds "
            "be drawn."
        )


def _warn_of_divided_groups(folds):
    """Warn if folds that are given have images of a group in both parts."""
    divided = chain.from_iterable(
        set(fold["train"].groups) & set(fold["test"].groups)
        for fold in folds
        if fold["train"].groups is not None
    )
    names = sorted(set(divided))
    if names:
        warn_user(
            f"`v` has folds with images of one group in both parts, for {len(names)} "
            f"group{'s' * (len(names) != 1)}: {shown(names)}. How well a classifier "
            "does there does not tell how well it does on new groups."
        )
