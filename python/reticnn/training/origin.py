"""What is given to be trained, and what is known of it before it is."""

from dataclasses import dataclass, field, replace

from reticnn.classifier import Classifier, as_model, unwrapped, warn_if_stale
from reticnn.layers.mean_probabilities import mean_in
from reticnn.layers.scaling import has_calibration
from reticnn.memory import SeenImages, begin_again, seen_by, trained_before
from reticnn.outputs import kind_of_classifier, output_kind
from reticnn.runtime.backend import keras
from reticnn.runtime.conditions import TrainedModelWarning, warn_user

_TRAINED_BEFORE = (
    "`model` has been trained before, and continues from its current weights. Give the "
    "classifier to train that further, `fresh=True` to start again from the weights "
    "that the model began with, or a function that builds a new model."
)


def _no_epochs():
    return {"epoch": []}


@dataclass(frozen=True)
class Origin:
    """A model with what is known of it before the training.

    Attributes:
        model: Keras model.
        kind: What the model's outputs are, as `output_kind` says it.
        class_names: What the outputs mean already, or None.
        history: Metrics of earlier training, as a classifier has them.
        kept_epoch: The epoch of that whose weights the model has.
        seen: `SeenImages`, what the model was trained and validated on.
        resize: How earlier training images were resized, or None.
        reading: How their files were read, or None.
        augmentation: The policy of earlier training, or None.
        class_shares: `ClassShares` of earlier training, or None.
        unsaid: Whether the model was trained here before, and is not given as the
            classifier that this made.
    """

    model: object
    kind: str
    class_names: list | None = None
    history: dict = field(default_factory=_no_epochs)
    kept_epoch: int = 0
    seen: SeenImages = field(default_factory=SeenImages)
    resize: str | None = None
    reading: object = None
    augmentation: object = None
    class_shares: object = None
    unsaid: bool = False

    @property
    def epochs(self):
        """The number of epochs trained before."""
        return len(self.history["epoch"])

    def as_before(self, run):
        """Return what was known before a run, which may resume.

        The model of a run that resumes may have been trained by that run.
        """
        return replace(
            self,
            history=run.before["history"],
            kept_epoch=run.before["kept_epoch"],
            seen=run.seen_before,
            unsaid=self.unsaid and not run.resumes,
        )

    def warn_if_trained(self):
        """Warn if the model was trained before, and nothing says that this is meant."""
        if self.unsaid:
            warn_user(_TRAINED_BEFORE, TrainedModelWarning)


def origin_of(given, output, fresh):
    """Return the `Origin` of a model or classifier.

    Args:
        given: Keras model or classifier.
        output: As in `fit_classifier`.
        fresh: Whether the model is to begin again.

    Raises:
        TypeError: If it is neither.
        ValueError: If the model does not take images, it is not known how it began, or
            it is calibrated or an ensemble.
    """
    check_not_calibrated(given)
    _check_no_ensemble(unwrapped(given))
    if fresh:
        _begin_again(given)
    if isinstance(given, Classifier):
        return _origin_of_classifier(given, output, fresh)
    model = as_model(given)
    again = trained_before(model)
    kind = output_kind(model, output)
    return Origin(model, kind, seen=seen_by(model), unsaid=again)


def _check_no_ensemble(model):
    """Raise if a model is the mean of several, each of which learned by itself."""
    if mean_in(model):
        raise ValueError(
            "`model` is an ensemble, which is not trained as one. Train its members, "
            "and combine them again with `ensemble_classifiers()`."
        )


def _origin_of_classifier(classifier, output, fresh):
    before = {"seen": SeenImages()}
    if not fresh:
        warn_if_stale(classifier, "model")
        before = {
            "class_shares": classifier.class_shares,
            "history": classifier.history,
            "kept_epoch": classifier.kept_epoch,
            "seen": classifier.seen,
        }
    kind = kind_of_classifier(classifier, output, "model")
    model = as_model(classifier.model)
    before["seen"] |= seen_by(model)
    return Origin(
        model,
        kind,
        class_names=classifier.class_names,
        resize=classifier.resize,
        reading=classifier.reading,
        augmentation=classifier.augmentation,
        **before,
    )


def check_not_calibrated(given):
    """Raise if a model, or a classifier's, has a calibration, which training spoils.

    What it says of the probabilities is of the weights that it was found with.
    """
    model = unwrapped(given)
    if isinstance(model, keras.Model) and has_calibration(model):
        raise ValueError(
            "`model` is calibrated for the weights that it has, and cannot be trained "
            "further. Train the classifier that was given to `calibrate_classifier()`, "
            "and calibrate the result."
        )


def _begin_again(given):
    """Give the model of a classifier, or a model, the weights it began with."""
    known = begin_again(as_model(unwrapped(given)))
    if isinstance(given, Classifier) and not known:
        raise ValueError(
            "`fresh=True` takes the weights that `model` began with, which are not "
            "known, because it was loaded and not trained in this session. Build a new "
            "one."
        )
