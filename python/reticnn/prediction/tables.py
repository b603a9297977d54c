"""Tables of predictions, as a call asks for them."""

from dataclasses import dataclass, field
from typing import Any

from reticnn.coercion import as_choice, as_int
from reticnn.outputs import as_classifier_or_model, as_prior, with_prior
from reticnn.prediction.conformal import check_sets, draws_of, inside_of, sets_of
from reticnn.prediction.missing import predicted_classes, warn_of_missing
from reticnn.prediction.novel_images import images_as_taken, novelty_of, says_novel
from reticnn.prediction.over_views import mean_probabilities
from reticnn.prediction.summarising import PLACE_COLUMNS, ImagesOfTiles
from reticnn.prediction.views import views_of
from reticnn.runtime.conditions import warn_user
from reticnn.runtime.progress import as_step_progress


def tables_of(
    classifier,
    class_names,
    output,
    type,
    prior,
    batch_size,
    *,
    summarise=None,
    **views,
):
    """Return what makes tables of predictions, with the arguments checked.

    They are those of `predict_images`; `views` are `tta`, `crops` and `scales`.

    Returns:
        `Tables`.
    """
    classifier = as_classifier_or_model(classifier, class_names, output)
    with_sets = as_choice(type, "type", ("class", "set")) == "set"
    _check_columns(classifier.class_names, with_sets)
    views = views_of(classifier, **views)
    prior = as_prior(prior, classifier)
    if with_sets:
        check_sets(classifier, views.settings, summarise, prior)
    elif classifier.calibration is not None and not views.are_single:
        _warn_of_averages()
    batch_size = as_int(batch_size, "batch_size")
    return Tables(views, with_sets, prior, batch_size, summarise)


@dataclass(frozen=True)
class Tables:
    """What makes tables of predictions, with the arguments of `predict_images`."""

    views: Any
    with_sets: bool
    prior: dict | None
    batch_size: int
    summarise: str | None
    # What is made of the model for the first images serves for all others.
    networks: dict = field(default_factory=dict)

    @property
    def classifier(self):
        """The classifier that predicts."""
        return self.views.classifier

    def of(self, data, sources, start_progress):
        """Return the table of images, as `predict_images` does.

        Args:
            data: Image data.
            sources: What `views.sources()` returns for them.
            start_progress: Function of the number of batches that returns one of those
                done.
        """
        classifier = self.classifier
        predicted, hashes = mean_probabilities(
            self.views, sources, self.batch_size, start_progress, hashes=self.with_sets
        )
        warn_of_missing(predicted, data.files)
        predicted = with_prior(predicted, classifier, self.prior)
        known = known_of(data)
        if classifier.novelty is not None and not self.summarise:
            known = {".novel": self._are_novel(data, sources), **known}
        if self.summarise:
            images = ImagesOfTiles(data)
            predicted = images.summarised(predicted, self.summarise)
            files = [data.files[first] for first in images.first]
            known = {".file": files, ".tiles": images.counts.tolist()}
        table = {}
        if self.with_sets:
            inside = inside_of(
                *(classifier, predicted, draws_of(hashes), sources[0], self.batch_size),
                start_progress=as_step_progress("none"),
            )
            table[".pred_set"] = sets_of(classifier, predicted, inside)
        table[".pred_class"] = predicted_classes(predicted, classifier.class_names)
        for name, column in zip(classifier.class_names, predicted.T, strict=True):
            table[f".pred_{name}"] = column.tolist()
        return {**table, **known}

    def _are_novel(self, data, sources):
        """Return whether each image is like nothing that the classifier knows."""
        classifier = self.classifier
        if self.views.are_single:
            (taken,) = sources
        else:
            taken = images_as_taken(classifier, data)
        rule = classifier.novelty
        scores = novelty_of(
            *(classifier, taken, rule["method"], rule["reference"]),
            batch_size=self.batch_size,
            start_progress=as_step_progress("none"),
            networks=self.networks,
        )
        return says_novel(scores, rule["threshold"])


def _warn_of_averages():
    warn_user(
        "The classifier was calibrated for images as they are. Probabilities averaged "
        "over several views of an image, as with `tta`, `crops` and `scales`, are "
        "usually less confident than calibrated ones."
    )


def known_of(data):
    """Return the columns of a table that say which image, or tile, a row is about."""
    known = {} if data.files is None else {".file": data.files}
    if data.boxes is not None:
        columns = data.boxes.T.tolist()
        known |= dict(zip(PLACE_COLUMNS, columns, strict=True))
    return known


def _check_columns(class_names, with_sets):
    """Raise if a class would have the column of the predicted class, or of the set."""
    for name, what in (("class", "predicted classes"), ("set", "sets")):
        if name in class_names and (name == "class" or with_sets):
            raise ValueError(
                f"`class_names` has {name!r}, whose probabilities would have the name "
                f"'.pred_{name}', like the {what}. Predict with `classifier.model` and "
                "other `class_names`."
            )
