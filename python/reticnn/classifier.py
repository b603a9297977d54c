"""A trained model together with the names of its classes."""

import copy
import math

from reticnn.coercion import shown
from reticnn.layers import mean_in
from reticnn.memory import SeenImages, fingerprint, seen_by
from reticnn.notation import visible
from reticnn.optimizers.schedule_settings import described
from reticnn.runtime.backend import check_process, is_model
from reticnn.runtime.conditions import StaleClassifierWarning, warn_user
from reticnn.runtime.keras_internals import name_modules
from reticnn.runtime.onnx_network import OnnxNetwork


class Classifier:
    """A model with what is needed to use it: class names, image shape, history.

    Made by `fit_classifier` and `load_classifier`.

    Attributes:
        model: The `keras.Model`. For a classifier loaded with an ONNX graph, it is
            loaded, and Keras started, at first use.
        network: What it predicts with: the Keras model or, until that is loaded, an
            `OnnxNetwork`.
        class_names: List of the classes, in the order of the model's outputs.
        history: Dict of lists, one value per epoch: `"epoch"`, `"loss"`, `"accuracy"`,
            and with validation data `"val_loss"` and `"val_accuracy"`; after training
            in stages also `"stage"`.
        stopped: `"interrupted"`, `"early"` or `"nan"` if training ended before its
            last epoch, else None.
        kept_epoch: The epoch whose weights the model has, counted from 1: the last, or
            the best one if training kept that. 0 before the first.
        resize: `"stretch"`, `"crop"` or `"pad"`, how the training images were resized
            to the model's size, or None if they had it.
        reading: How the files of the training images were read in other respects:
            bands, page and range of values; or None if they were not files.
        augmentation: The policy used in training, or None.
        seen: `SeenImages`, what it was trained and validated on.
        trained_with: Dict of the numbers of `"images"` and `"validation_images"`, the
            `"batch_size"`, the (highest) `"learning_rate"`, the `"schedule"`, a dict of
            its kind and settings, the `"monitor"`, the name of the metric by which
            epochs were compared and `"min"` or `"max"`, if that decided anything, and
            the `"seed"` of the last training, or of its last stage, and, if pixels were
            not 0 to 255, their `"lowest_value"` and `"highest_value"`; None if that is
            not known.
        output: What the model's outputs are: `"softmax"`, the probability of each
            class; `"sigmoid"`, that of the second of two; `"logits"`, scores before
            softmax or sigmoid; `"distances"` to prototypes; or `"probabilities"`, those
            of an ensemble with such models, which may sum to less than 1.
        class_shares: `ClassShares`, how often the last training met each class, or None
            if that is not known.
        calibration: Dict of how `calibrate_classifier` calibrated its probabilities,
            and how well, or None.
        sets: Dict of what `prediction_sets` found, or None.
        set_images: `SetImages`, what is kept of the images that it was found from, or
            None.
        novelty: Dict of what `novelty_threshold` found, or None.
        search: Dict of the search that its settings come from, by `refit()`, or None.
    """

    __module__ = "reticnn"

    def __init__(
        self,
        model,
        class_names,
        history,
        stopped=None,
        *,
        kept_epoch=None,
        resize=None,
        reading=None,
        augmentation=None,
        trained_with=None,
        output=None,
        seen=None,
        weights=None,
        class_shares=None,
        calibration=None,
        sets=None,
        set_images=None,
        novelty=None,
        search=None,
    ):
        """Put a model together with its class names and training history.

        `model` is a Keras model or an `OnnxNetwork`.
        `weights` is the fingerprint of the model's weights, by which it is found out if
        they are changed later, or None if that is all the same.
        """
        self._network = model
        self.class_names = class_names
        self.history = history
        self.stopped = stopped
        self.kept_epoch = self.epochs if kept_epoch is None else kept_epoch
        self.resize = resize
        self.reading = reading
        self.augmentation = augmentation
        self.trained_with = trained_with
        self.output = output
        self.seen = SeenImages() if seen is None else seen
        self.class_shares = class_shares
        self.calibration = calibration
        self.sets = sets
        self.set_images = set_images
        self.novelty = novelty
        self.search = search
        self._weights = weights

    def changed(self, *, weights=None, **changes):
        """Return another classifier, which differs in some attributes.

        Args:
            weights: The fingerprint of its model's weights, if it is another model.
            **changes: Attributes by name.
        """
        other = copy.copy(self)
        for name, value in changes.items():
            setattr(other, name, value)
        if weights is not None:
            other._weights = weights
        return other

    @property
    def model(self):
        """The Keras model, loaded now if it has not been."""
        own = self._network
        return own.keras_model() if isinstance(own, OnnxNetwork) else own

    @model.setter
    def model(self, model):
        self._network = model

    @property
    def network(self):
        """What predicts. Once the Keras model is loaded, it may be changed."""
        own = self._network
        return own.loaded or own if isinstance(own, OnnxNetwork) else own

    @property
    def has_keras(self):
        """Whether its Keras model is there, and need not be loaded."""
        return not isinstance(self.network, OnnxNetwork)

    @property
    def image_shape(self):
        """(height, width, channels) that the model takes."""
        return self._network.input_shape[1:]

    @property
    def epochs(self):
        """Number of epochs trained."""
        return len(self.history["epoch"])

    @property
    def shares(self):
        """How much each member of an ensemble counts, or None if it is none."""
        if isinstance(self._network, OnnxNetwork):
            return self._network.shares
        mean = mean_in(self._network)
        return mean and list(mean.member_weights)

    @property
    def schedule(self):
        """How the learning rate changed in the last training, in words, or None."""
        config = (self.trained_with or {}).get("schedule")
        return config and described(config)

    @property
    def values(self):
        """What values the pixels of its images have, in words."""
        low, high = self.value_ends or (0, 255)
        return f"values {low:.3g} to {high:.3g}"

    @property
    def value_ends(self):
        """Lowest and highest value of its training images, or None for 0 to 255."""
        facts = self.trained_with or {}
        if "lowest_value" not in facts:
            return None
        return facts["lowest_value"], facts["highest_value"]

    @property
    def stale(self):
        """Whether the model's weights have been changed since."""
        if not self.has_keras:
            return False
        is_loaded = isinstance(self._network, OnnxNetwork)
        known = self._network.loaded_weights if is_loaded else self._weights
        return known not in (None, fingerprint(self.network))

    @property
    def known_images(self):
        """`SeenImages` of it and its model, which others may have trained since."""
        if not self.has_keras:
            return self.seen
        return self.seen | seen_by(self.network)

    def _kept_metrics(self):
        """Return the metrics of the kept epoch, but for those it does not have."""
        if not self.kept_epoch:
            return {}
        metrics = {
            name: values[self.kept_epoch - 1]
            for name, values in self.history.items()
            if name not in ("epoch", "stage")
        }
        return {name: value for name, value in metrics.items() if not math.isnan(value)}

    def __repr__(self):
        """Describe the classifier in a few lines."""
        size = " x ".join(str(side or "any") for side in self.image_shape)
        names = ", ".join(map(visible, self.class_names))
        metrics = "".join(
            f", {visible(name)} {value:.3f}"
            for name, value in self._kept_metrics().items()
        )
        kept = self.kept_epoch != self.epochs
        weights = f", weights of epoch {self.kept_epoch}" if kept else ""
        stopped = f" (stopped: {self.stopped})" if self.stopped else ""
        trained = f"{self.epochs} epoch{'' if self.epochs == 1 else 's'}"
        resized = f", resized by {self.resize}" if self.resize else ""
        read = self.reading.described() if self.reading else ""
        resized += f", read by {read}" if read else ""
        schedule = self.schedule
        schedule = f"\nschedule {schedule}" if schedule else ""
        said = ""
        if self.calibration is not None:
            said = f"\ncalibrated {described_calibration(self.calibration)}"
        if self.sets is not None:
            said += f"\nsets     {described_sets(self.sets)}"
        if self.novelty is not None:
            said += f"\nnovelty  {described_novelty(self.novelty)}"
        changed = "\nchanged  the model now has other weights" if self.stale else ""
        made = f"trained  {trained}{stopped}{weights}{metrics}{schedule}"
        if self.shares:
            shares = ", ".join(f"{share:.3g}" for share in self.shares)
            made = f"members  {len(self.shares)}, with weights {shares}"
        return (
            f"<Classifier> {visible(self.network.name)}, {len(self.class_names)} "
            f"classes: {names}\n"
            f"input    {size}, {self.values}{resized}\n"
            f"{made}{said}{changed}"
        )


def described_calibration(calibration):
    """Return in words how a classifier is calibrated, and to what effect."""
    method = calibration["method"]
    if calibration["temperature"] is not None:
        method = f"{method} {calibration['temperature']:.3g}"
    images = calibration["images"]
    text = f"by {method} from {images} image{'' if images == 1 else 's'}"
    measures = calibration["measures"]
    rows = zip(
        *(measures[name] for name in ("measure", "before", "after")), strict=True
    )
    changes = [
        f"{name} {before:.3f} to {after:.3f}"
        for name, before, after in rows
        if name in ("log_loss", "calibration_error") and after == after
    ]
    return ", ".join([text, *changes])


def described_sets(sets):
    """Return in words what prediction sets a classifier has."""
    by_class = " of each class" if sets["by_class"] else ""
    folds = f" in {sets['folds']} folds" if sets.get("folds") else ""
    return (
        f"{sets['method']}, coverage {sets['coverage']:g}{by_class}, from "
        f"{sets['images']} images{folds}"
    )


def described_novelty(novelty):
    """Return in words how a classifier knows novel images."""
    return (
        f"{novelty['method']}, {100 * novelty['share']:g} % of known images are called "
        f"novel, from {novelty['images']} images"
    )


def unwrapped(value):
    """Return the Keras model of a classifier, and anything else as it is."""
    return value.model if isinstance(value, Classifier) else value


def as_classifier(value, name="classifier", uses_model=True):
    """Return `value` if it is a classifier, and warn if its model has changed."""
    check_process()
    if isinstance(value, Classifier):
        if uses_model:
            warn_if_stale(value, name)
        return value
    if is_model(value):
        raise TypeError(
            f"`{name}` is a Keras model, {shown(value.name)}, not a classifier: it "
            "does not know the names of its classes. `fit_classifier()` makes a "
            "classifier of it. To keep only the model, use its own "
            '`model.save("file.keras")`.'
        )
    raise TypeError(
        f"`{name}` must be a classifier, not {shown(value)}. Make it with "
        "`fit_classifier()` or `load_classifier()`."
    )


def warn_if_stale(classifier, name="classifier"):
    """Warn if the model's weights are not those that the classifier was made with."""
    if classifier.stale:
        warn_user(
            f"`{name}` describes its model as it was when training ended. The weights "
            "have been changed since, by further training or otherwise, and results "
            "come from the current ones. Use the classifier that later training "
            "returned, or build a new model for each training.",
            StaleClassifierWarning,
        )


def as_model(value, name="model"):
    """Return `value` if it is a built Keras model with one image input."""
    check_process()
    if not is_model(value):
        raise TypeError(
            f"`{name}` must be a Keras model, not {shown(value)}. Make it with "
            "`build_cnn()` or `keras.Model(inputs, outputs)`."
        )
    name_modules(value)
    shape = getattr(value, "input_shape", None) if value.built else None
    if isinstance(shape, tuple) and len(shape) == 4:
        return value
    if shape is None:
        raise ValueError(
            f"`{name}` is a {type(value).__name__} that does not say what images it "
            "takes. Begin its layers with `keras.Input((height, width, channels))`, "
            "or, if it has its own `call()`, give `keras.Model(inputs, model(inputs))` "
            "with such `inputs`."
        )
    if isinstance(shape, tuple) and len(shape) == 2:
        raise ValueError(
            f"`{name}` must take images (batch, height, width, channels), and takes "
            f"{shown(shape)}, rows of numbers such as principal components. For those "
            "there are Keras's own `model.fit(x, y)`, `model.predict(x)` and "
            "`model.evaluate(x, y)`; for images, start it with one "
            "`keras.Input((height, width, channels))`."
        )
    raise ValueError(
        f"`{name}` must take images (batch, height, width, channels) and nothing else, "
        f"not {shown(shape)}. Start it with one `keras.Input((height, width, "
        "channels))`."
    )
