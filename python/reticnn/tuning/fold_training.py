"""Train and test the model of one fold, in whatever process."""

import inspect
import numbers
from dataclasses import dataclass
from typing import Any

from reticnn.augmenting.sequence import as_policy
from reticnn.coercion import nearest, shown
from reticnn.data.hashing import hashed, hashes_of
from reticnn.data.image_data import ImageData
from reticnn.evaluation.cross_validated import FoldFound
from reticnn.evaluation.measuring import measured
from reticnn.runtime.backend import keras
from reticnn.runtime.conditions import warn_user
from reticnn.runtime.keras_internals import new_like
from reticnn.training.fit import fit_classifier
from reticnn.tuning.fold_plan import Fold
from reticnn.tuning.said_once import each_once

_OFF = {"cache_features": "none", "distribute": "none"}

# What `cross_validate` says itself, or what makes no sense for new models.
_OWN = {
    "model": "`build`",
    "data": "`data`",
    "checkpoint_dir": "`checkpoint_dir`",
    "progress": "`progress`",
    "seed": "`seed`",
    "fresh": "nothing, because each fold has a new model",
}


def as_fit_options(options):
    """Return arguments of `fit_classifier`, None in them being its default.

    Raises:
        TypeError: If it has no such argument.
        ValueError: If images for validation are given, and not a fraction.
    """
    parameters = inspect.signature(fit_classifier).parameters
    known = [name for name in parameters if name not in _OWN]
    given = {}
    for name, value in options.items():
        if name not in known:
            instead = f" Give {_OWN[name]}." if name in _OWN else nearest(name, known)
            raise TypeError(
                f"`{name}` is not an argument of `cross_validate()`, nor one of "
                f"`fit_classifier()` that it passes on.{instead}"
            )
        # None is the default, but where it switches something off.
        if value is None and parameters[name].default is not None:
            value = _OFF.get(name)
        if value is not None:
            given[name] = value
    check_validation(given.get("validation"))
    warn_of_colours(given.get("augmentation"))
    return given


def check_validation(validation):
    """Raise if images for validation are given, which may be those of a test."""
    if validation is not None and not isinstance(validation, numbers.Real):
        raise ValueError(
            f"`validation` must be the fraction of the training images of each fold, "
            f"such as 0.2, not {shown(validation)}: images that decide when training "
            "stops must not be among those that a fold is tested on."
        )


def warn_of_colours(policy):
    """Warn if a policy has colours found in images, perhaps in those to test on."""
    if policy is None or callable(policy):
        return
    if "eigenvectors" in str(as_policy(policy, "augmentation").to_config()):
        warn_user(
            "`augmentation` has colour axes from `pca_color()`. If they were found in "
            "images of `data`, the fold's test images are no longer new. Give a "
            "function of the training images, as in `lambda data: "
            "augmentation(pca_color=pca_color(data))`."
        )


def options_of_fold(options, train):
    """Return the arguments of `fit_classifier` for the images to train on in a fold."""
    own = dict(options)
    policy = own.get("augmentation")
    if callable(policy):
        own["augmentation"] = as_policy(policy(train), "augmentation")
    if isinstance(own.get("optimizer"), keras.optimizers.Optimizer):
        # Training changes an optimizer: its state, and with a plateau its rate.
        own["optimizer"] = new_like(own["optimizer"])
    return own


@dataclass(frozen=True)
class Job:
    """A fold with what its training needs.

    Attributes:
        number: Which of all folds it is, from 1.
        fold: `Fold`.
        train: Image data to train on.
        model: New Keras model.
        options: Dict of arguments of `fit_classifier`.
        seed: Whole number.
        folder: Folder for its checkpoints, or None.
    """

    number: int
    fold: Fold
    train: ImageData
    model: Any
    options: dict
    seed: int
    folder: str | None


def trained_here(jobs, source, workers, report):
    """Yield the `FoldFound` of each fold, trained one after the other.

    Args:
        jobs: Iterator of `Job`s.
        source: Where the images of all folds are read, which matters to workers alone.
        workers: 1.
        report: `FoldProgress`.
    """
    said = set()
    while True:
        with each_once(said):
            job = next(jobs, None)
            if job is None:
                return
            classifier = trained(job, report.of_fold(job.number))
            found = tested(job, classifier, *predictions_of_test(job, classifier))
        yield found


def trained(job, progress):
    """Return the classifier of a fold.

    Args:
        job: `Job`.
        progress: As in `fit_classifier`.

    Raises:
        KeyboardInterrupt: If the user cut the training off.
    """
    classifier = fit_classifier(
        job.model,
        job.train,
        checkpoint_dir=job.folder,
        progress=progress,
        seed=job.seed,
        **job.options,
    )
    if classifier.stopped == "interrupted":
        raise KeyboardInterrupt
    return classifier


def predictions_of_test(job, classifier):
    """Return what a fold says of the images tested on.

    Returns:
        Tuple of arrays: their codes, the probabilities of the classes, and the hashes
        of the images.
    """
    batch_size = job.options.get("batch_size", 32)
    test = job.fold.test
    found = measured(classifier, test, None, batch_size, "none", intervals=None)
    return found.data.codes, found.probabilities, hashes_of(hashed(found.data))


def tested(job, classifier, codes, probabilities, hashes):
    """Return the `FoldFound` of a fold."""
    fold = job.fold
    return FoldFound(
        fold.repeat,
        fold.fold,
        fold.positions,
        len(fold.train),
        codes,
        probabilities,
        classifier,
        fold.images,
        fold.test.groups,
        hashes,
    )
