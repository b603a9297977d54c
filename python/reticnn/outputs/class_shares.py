"""How often a model met each class in training, and probabilities for other shares."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from reticnn.coercion import as_float, shown, tidy_name
from reticnn.notation import in_words
from reticnn.runtime.conditions import warn_user

# Shares that people type are rounded less than that.
_ROUNDING = 1e-6

# Why a model's probabilities may go with other shares than those that were counted.
DOUBTS = {
    "loss": "its loss is not one whose probabilities are those of the classes, such as "
    "a cross-entropy",
    "smoothed": "it was trained on smoothed labels, and is less sure than it should be",
    "mixed": "it was trained on mixed images, and is less sure than it should be",
    "members": "its members were trained on different shares of the classes",
    "earlier": "it had been trained before, with other shares or unknown ones",
}


@dataclass(frozen=True)
class ClassShares:
    """The shares of the classes in the loss of a training.

    Attributes:
        shares: Tuple of floats that sum to 1, in the order of the classes: of the
            images, each as much as its weight.
        smoothing: Part of each label that is spread evenly over all classes.
        doubts: Tuple of names in `DOUBTS`.
    """

    shares: tuple
    smoothing: float = 0.0
    doubts: tuple = ()

    @property
    def in_targets(self):
        """Array of the shares that a model would give that knew nothing of an image."""
        even = self.smoothing / len(self.shares)
        return (1 - self.smoothing) * np.array(self.shares) + even

    def to_config(self):
        """Return a dict of plain values."""
        return {
            "shares": list(self.shares),
            "smoothing": self.smoothing,
            "doubts": list(self.doubts),
        }

    @classmethod
    def from_config(cls, config, count):
        """Return what `to_config` was called on, None for None.

        Args:
            config: What a file says.
            count: Number of the classes.

        Raises:
            TypeError, ValueError: If it is no such thing.
        """
        if config is None:
            return None
        shares = [as_float(share, "shares", minimum=0) for share in config["shares"]]
        smoothing = as_float(config["smoothing"], "smoothing", minimum=0, below=1)
        doubts = tuple(config["doubts"])
        if len(shares) != count or abs(sum(shares) - 1) > _ROUNDING:
            raise ValueError(f"{shown(shares)} are not shares of {count} classes")
        if not set(doubts) <= set(DOUBTS):
            raise ValueError(f"{shown(list(doubts))} are not known")
        return cls(tuple(shares), smoothing, doubts)


def of_members(shares, orders, weights):
    """Return the `ClassShares` of the mean of several models, or None if not known.

    Args:
        shares: List of the `ClassShares` of each, or None.
        orders: For each, the position of each class among its own.
        weights: How much each counts; they sum to 1.
    """
    if None in shares:
        return None
    own = [
        [one.shares[at] for at in order]
        for one, order in zip(shares, orders, strict=True)
    ]
    smoothings = [one.smoothing for one in shares]
    doubts = [doubt for one in shares for doubt in one.doubts]
    if np.ptp(own, axis=0).max() > _ROUNDING or np.ptp(smoothings) > 0:
        doubts.append("members")
    mean = np.average(own, axis=0, weights=weights).tolist()
    smoothing = float(np.average(smoothings, weights=weights))
    return ClassShares(tuple(mean), smoothing, tuple(dict.fromkeys(doubts)))


def as_prior(prior, classifier):
    """Return shares of the classes in the order of a classifier's, or None.

    Args:
        prior: Dict of the share of each class, or None.
        classifier: Classifier.

    Raises:
        TypeError: If it does not name the classes.
        ValueError: If it is for other classes, the shares do not sum to 1, or nothing
            can be corrected by them.

    Warns:
        UserWarning: If the classifier's probabilities may not go with the shares of the
            classes in its training.
    """
    if prior is None:
        return None
    names = classifier.class_names
    if not isinstance(prior, Mapping):
        what = in_words("a dict", "a named vector")
        raise TypeError(
            f"`prior` must be {what} with the share of each of the classes "
            f"{shown(names)}, not {shown(prior)}."
        )
    shares = {tidy_name(str(name)): share for name, share in prior.items()}
    if len(shares) < len(prior) or set(shares) != set(map(tidy_name, names)):
        raise ValueError(
            f"`prior` must have one share for each of the classes {shown(names)}, not "
            f"for {shown(list(prior))}."
        )
    wanted = [as_float(shares[tidy_name(name)], "prior", minimum=0) for name in names]
    total = sum(wanted)
    if abs(total - 1) > _ROUNDING:
        raise ValueError(
            f"`prior` must sum to 1, and its shares sum to {total:.7g}. Divide them by "
            "that if only their proportions matter."
        )
    _check_known(classifier, wanted)
    return np.array(wanted) / total


def _check_known(classifier, wanted):
    """Raise unless probabilities can be corrected by the shares in training."""
    if classifier.output in ("distances", "probabilities"):
        raise ValueError(
            "`prior` corrects probabilities that sum to 1 over the classes, but the "
            "classifier, or a member of it, outputs distances to prototypes, so an "
            "image may belong to none of them. Leave `prior` out."
        )
    known = classifier.class_shares
    if known is None:
        raise ValueError(
            "`prior` replaces the class shares in training, which are not known: the "
            "classifier comes from a file of an older version, or is a model that was "
            "not trained by `fit_classifier()`. Give one that this version has trained."
        )
    rows = zip(classifier.class_names, known.shares, wanted, strict=True)
    unseen = [name for name, share, wish in rows if share == 0 and wish > 0]
    if unseen:
        raise ValueError(
            f"`prior` has shares above 0 for {shown(unseen)}, but training had no "
            "image of these, so nothing is known about them. Set them to 0."
        )
    for doubt in known.doubts:
        warn_user(
            "`prior` corrects for the class shares in training, but the classifier's "
            f"probabilities may not match these: {DOUBTS[doubt]}. Check the "
            "calibration of the result."
        )


def with_prior(chances, classifier, prior):
    """Return the probabilities of classes for other shares than those in training.

    By Bayes's rule: each is multiplied by the ratio of the shares, and all of an image
    are divided by their sum.

    Args:
        chances: float64 array, (n, classes), which may have NaN.
        classifier: Classifier that gives them.
        prior: What `as_prior` returned.
    """
    if prior is None:
        return chances
    trained = classifier.class_shares.in_targets
    ratio = np.divide(prior, trained, out=np.zeros_like(prior), where=trained > 0)
    weighed = chances * ratio
    total = weighed.sum(axis=1, keepdims=True)
    # Where the model rules out all classes that there are, it says nothing of these.
    return np.where(total == 0, prior, weighed / np.where(total == 0, 1, total))
