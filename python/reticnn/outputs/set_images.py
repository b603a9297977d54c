"""The images that prediction sets were made from, as hashes, and their scores."""

import base64
from dataclasses import dataclass, field

import numpy as np


def _none():
    return np.array([], np.uint64)


@dataclass(frozen=True)
class FoldScores:
    """How unlike its true class each image of a cross-validation is.

    Attributes:
        scores: float64 array.
        folds: int64 array, which fold each was tested in, from 0.
    """

    scores: np.ndarray
    folds: np.ndarray

    def lower(self, scores):
        """Return how many of the kept scores are below others, class by class.

        Args:
            scores: float64 array, (folds, n, classes), of new images by the classifier
                of each fold.
        """
        below = np.zeros(scores.shape[1:], int)
        for fold, own in enumerate(scores):
            kept = np.sort(self.scores[self.folds == fold])
            below += np.searchsorted(kept, own, side="left")
        return below


@dataclass(frozen=True)
class SetImages:
    """What a classifier keeps of the images that its prediction sets were made from.

    Attributes:
        hashes: Sorted uint64 array, of images as the model takes them.
        of_folds: `FoldScores`, or None where no cross-validation has made the sets.
    """

    hashes: np.ndarray = field(default_factory=_none)
    of_folds: FoldScores | None = None

    def to_config(self):
        """Return a dict of texts."""
        config = {"hashes": _as_text(self.hashes, "<u8")}
        if self.of_folds is not None:
            config["scores"] = _as_text(self.of_folds.scores, "<f8")
            config["folds"] = _as_text(self.of_folds.folds, "<i8")
        return config

    @classmethod
    def from_config(cls, config, folds):
        """Return what `to_config` was called on.

        Args:
            config: Dict of texts, or None, of a file that knows nothing of this.
            folds: How many folds the sets are of, or None.

        Raises:
            ValueError: If it is no such thing.
        """
        config = {"hashes": ""} if config is None else config
        wanted = {"hashes"} if folds is None else {"hashes", "scores", "folds"}
        if set(config) != wanted:
            raise ValueError("it has other parts than its `sets` take")
        hashes = _from_text(config["hashes"], "<u8")
        if folds is None:
            return cls(hashes)
        kept = FoldScores(
            _from_text(config["scores"], "<f8"), _from_text(config["folds"], "<i8")
        )
        if (
            len(kept.scores) != len(kept.folds)
            or not np.isfinite(kept.scores).all()
            or not np.array_equal(np.unique(kept.folds), np.arange(folds))
        ):
            raise ValueError("its scores are not those of folds")
        return cls(hashes, kept)


def _as_text(array, kind):
    return base64.b64encode(array.astype(kind).tobytes()).decode()


def _from_text(text, kind):
    return np.frombuffer(base64.b64decode(text, validate=True), kind)
