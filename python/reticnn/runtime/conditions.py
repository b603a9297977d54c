"""Warnings that a program can tell apart, and where they seem to come from."""

import re
import warnings

from reticnn.coercion import level_of_user
from reticnn.notation import visible_lines


class TrainedModelWarning(UserWarning):
    """The model has been trained before."""


class StaleClassifierWarning(UserWarning):
    """The model has been changed since the classifier was made of it."""


class SeenImagesWarning(UserWarning):
    """Images that the model was trained on are used to judge it."""


class InterruptedWarning(UserWarning):
    """Work was cut off by the user, and what there is by then is returned."""

    r_class = "reticnn_interrupted"


class SplitNotice(UserWarning):
    """What a split has done, in case something else was wanted."""

    r_class = "reticnn_message"


class CheckpointError(ValueError):
    """A checkpoint cannot be used, or is that of another run."""


class MissingPackageError(ImportError):
    """A package is missing that this one call needs, and others do not."""


class NoKerasModelError(ValueError):
    """Something needs the Keras model of a classifier that has an ONNX graph alone."""


def warn_user(text, kind=UserWarning):
    """Warn, with the line outside of this package that led here as its location."""
    warnings.warn(visible_lines(text), kind, stacklevel=level_of_user())


def r_class(kind):
    """Return the class that R gives a kind of warning, or None for any other's.

    `SeenImagesWarning` is `"reticnn_warning_seen_images"`.
    """
    if kind.__module__ != __name__:
        return None
    if hasattr(kind, "r_class"):
        return kind.r_class
    words = re.findall("[A-Z][a-z]+", kind.__name__.removesuffix("Warning"))
    return "_".join(["reticnn_warning", *map(str.lower, words)])
