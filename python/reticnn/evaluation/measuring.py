"""Measure a classifier on labelled images, once both are known to go together."""

from typing import NamedTuple

import numpy as np

from reticnn.classifier import Classifier
from reticnn.coercion import as_float, as_int, as_ints
from reticnn.data.accepting import image_data_of
from reticnn.data.conversion import images_for_model
from reticnn.data.hashing import hashed, hashes_of
from reticnn.data.image_data import ImageData
from reticnn.data.splits.splitting import in_groups
from reticnn.evaluation.by_column import as_column, table_by
from reticnn.evaluation.compiled_loss import compiled_loss
from reticnn.evaluation.coverage import coverage_and_size
from reticnn.evaluation.decisions import as_costs, as_threshold, decided
from reticnn.evaluation.intervals import warn_of_few_groups
from reticnn.evaluation.metrics import classification_metrics
from reticnn.memory import warn_of_seen
from reticnn.outputs import (
    as_classifier_or_model,
    as_prior,
    probabilities,
    with_prior,
)
from reticnn.prediction.conformal import (
    ALIKE,
    draws_of,
    inside_of,
    sets_of_single_views,
)
from reticnn.prediction.forward import outputs_of
from reticnn.prediction.missing import warn_of_missing
from reticnn.prediction.other_values import warn_of_other_values
from reticnn.prediction.summarising import ImagesOfTiles, as_summary, check_tiles
from reticnn.runtime.backend import is_model
from reticnn.runtime.conditions import SeenImagesWarning, warn_user
from reticnn.runtime.progress import as_step_progress

# Of less, no logarithm is taken.
_LEAST = 1e-300


class Subject:
    """A classifier and the labelled images to measure it on.

    Attributes:
        classifier: Classifier.
        data: Image data, labelled by the classifier's classes in their order.
        codes: int array, the class of each image; with a summary, not of each tile.
        tiles: `ImagesOfTiles`, or None where tiles are not put together.
        held: Once predicted, which images have a prediction set that holds their class,
            and the sizes of the sets; None if the classifier has none for such images.
    """

    def __init__(
        self,
        classifier,
        data,
        class_names=None,
        output="auto",
        *,
        summarise=None,
        prior=None,
        name="classifier",
        model="model",
    ):
        """Check that the classifier can be measured on the images.

        `name` is the argument that it came as, and `model` what its model is called,
        for messages; the rest is as in `evaluate_classifier`.
        """
        self._model = model
        self._summarise = as_summary(summarise)
        data = image_data_of(
            data,
            resize=getattr(classifier, "resize", None),
            reading=getattr(classifier, "reading", None),
        )
        if is_model(classifier) and class_names is None:
            class_names = data.class_names
        self.classifier = as_classifier_or_model(classifier, class_names, output, name)
        if data.codes is None:
            raise ValueError(
                "`data` has no labels to compare with. Give them to `image_arrays()` "
                "or `image_table()`, or put the images into one subfolder per class."
            )
        self.prior = as_prior(prior, self.classifier)
        self.data = data.with_classes(self.class_names)
        self.codes, self.tiles, self.held = self.data.codes, None, None
        if self._summarise:
            check_tiles(self.data, "data")
            self.tiles = ImagesOfTiles(self.data)
            self.codes = self.tiles.labels(
                self.codes, self.class_names, self.data.files
            )

    @property
    def class_names(self):
        """List of the classifier's classes."""
        return self.classifier.class_names

    def groups(self, groups):
        """Return the group of each image, or None without groups."""
        return self.of_images(in_groups(self.data, groups).groups)

    def of_images(self, values):
        """Return a value per image of a list with one per tile, or as it is."""
        if values is None or self.tiles is None:
            return values
        return [values[first] for first in self.tiles.first]

    def predicted(self, batch_size, start_progress):
        """Return the images as predicted, their probabilities, and the loss or None."""
        classifier = self.classifier
        model, batch_size = classifier.network, as_int(batch_size, "batch_size")
        data = images_for_model(
            self.data,
            classifier.image_shape,
            "data",
            classifier.resize,
            reading=classifier.reading,
        )
        warn_of_other_values(data, classifier, "data")
        seen = classifier.known_images
        sets = None if self.tiles else sets_of_single_views(classifier)
        data = hashed(data) if seen or sets else data
        outputs = outputs_of(model, data, batch_size, start_progress)
        chances = probabilities(model, classifier.output, outputs)
        warn_of_missing(chances, data.files, self._model)
        warn_of_seen(data, seen, "data", model=self._model)
        if sets:
            hashes = hashes_of(data)
            self._warn_of_set_images(hashes)
            inside = inside_of(
                *(classifier, chances, draws_of(hashes), data, batch_size),
                start_progress=as_step_progress("none"),
            )
            self.held = coverage_and_size(inside, self.codes)
        if (classifier.calibration or {}).get("method") == "isotonic":
            chances = _with_ties(chances)
        chances = with_prior(chances, classifier, self.prior)
        if self.tiles:
            return data, self.tiles.summarised(chances, self._summarise), None
        if self.prior is not None:
            return data, chances, None
        return data, chances, compiled_loss(classifier, data, outputs, batch_size)

    def _warn_of_set_images(self, hashes):
        """Warn if some images are those that the prediction sets were made from."""
        known = self.classifier.set_images
        count = 0 if known is None else np.isin(hashes, known.hashes).sum()
        if count:
            warn_user(
                "`data` has images that the prediction sets of the classifier were "
                f"made from, {count} of {len(hashes)}. There, the sets contain the "
                "true class as often as asked by construction, which says nothing "
                "about new images.",
                SeenImagesWarning,
            )


class Measured(NamedTuple):
    """A classifier's predictions of labelled images, and how good they are.

    `data` are the images as the model takes them, `probabilities` (n, classes), and
    `scores` what `evaluate_classifier` returns.
    """

    classifier: Classifier
    data: ImageData
    probabilities: np.ndarray
    scores: dict


def measured(
    classifier,
    data,
    class_names,
    batch_size,
    progress,
    output="auto",
    summarise=None,
    *,
    intervals=0.95,
    groups=None,
    top_k=None,
    threshold=None,
    costs=None,
    prior=None,
    by=None,
):
    """Return what `evaluate_classifier` finds, with what it finds it from."""
    start_progress = as_step_progress(progress)
    intervals = as_level(intervals)
    subject = Subject(
        classifier, data, class_names, output, summarise=summarise, prior=prior
    )
    codes, class_names = subject.codes, subject.class_names
    costs = as_costs(costs, class_names)
    threshold = as_threshold(threshold, class_names, costs)
    top_k = as_top_k(top_k, class_names)
    groups = None if intervals is None else subject.groups(groups)
    warn_of_few_groups(codes, class_names, groups, intervals)
    column = as_column(by, subject.data, subject.tiles)
    data, chances, loss = subject.predicted(batch_size, start_progress)
    decisions, threshold = decided(codes, chances, threshold, costs)
    metrics = classification_metrics(
        codes,
        chances,
        class_names,
        predicted=decisions,
        top_k=top_k,
        costs=costs,
        intervals=intervals,
        groups=groups,
        held=subject.held,
    )
    scores = {
        "n": len(codes),
        "loss": metrics["log_loss"] if loss is None else loss,
        **metrics,
        "predictions": predictions_of(codes, decisions, chances, class_names),
    }
    if intervals is not None:
        scores["level"] = intervals
    if threshold is not None:
        scores["threshold"] = threshold
    if subject.prior is not None:
        shares = subject.prior.tolist()
        scores["prior"] = dict(zip(class_names, shares, strict=True))
    if column is not None:
        scores["by"] = table_by(
            column,
            codes,
            chances,
            decisions,
            class_names,
            groups=groups,
            level=intervals,
        )
    return Measured(subject.classifier, data, chances, scores)


def as_level(intervals):
    """Return the level of confidence of intervals, or None for no intervals."""
    if intervals is None:
        return None
    return as_float(intervals, "intervals", above=0, below=1)


def as_top_k(top_k, class_names):
    """Return the numbers k of top-k accuracies."""
    if top_k is None:
        return ()
    top_k = as_ints(top_k, "top_k")
    if max(top_k) >= len(class_names):
        raise ValueError(
            f"`top_k` must be below the number of classes, {len(class_names)}, not "
            f"{max(top_k)}, with which every prediction is right."
        )
    return tuple(sorted(set(top_k)))


def predictions_of(codes, decisions, probabilities, class_names):
    """Return the truth and the prediction of each image, None where there is none."""
    missing = np.isnan(probabilities).any(axis=1)
    return {
        "truth": [class_names[code] for code in codes],
        "predicted": [
            None if gone else class_names[code]
            for code, gone in zip(decisions, missing, strict=True)
        ],
        "probabilities": probabilities,
    }


def _with_ties(chances):
    """Return probabilities that are equal where they differ by rounding alone.

    Isotonic calibration gives many images the same ones, and the ranks of images by
    them are not to depend on the size of batches.

    Args:
        chances: Array, (n, classes), of which no one is changed by more than a
            millionth of itself.
    """
    order = np.argsort(chances, axis=0)
    ranked = np.log(np.maximum(np.take_along_axis(chances, order, axis=0), _LEAST))
    begins = np.diff(ranked, axis=0, prepend=-np.inf) > ALIKE
    first = np.maximum.accumulate(np.where(begins, ranked, -np.inf), axis=0)
    found = np.empty_like(chances)
    # Where there are very many, they may all be close to their neighbours.
    steps = np.floor((ranked - first) / ALIKE)
    np.put_along_axis(found, order, np.exp(first + steps * ALIKE), axis=0)
    return found
