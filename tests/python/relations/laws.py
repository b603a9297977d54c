"""The relations: what must be true whatever is switched on."""

import contextlib
import random
import tempfile
import unicodedata
import warnings
from functools import cached_property
from pathlib import Path

import keras
import numpy as np
import sklearn.metrics

import reticnn
from reticnn.graph import copy_of
from reticnn.training.callbacks import epoch_progress

from . import calls
from .images import other_images, training_images
from .keras_loop import Loop, positions_of_parts, targets_of
from .models import build, compile_by_user

ALWAYS, FURTHER = [], {}


def _always(function):
    ALWAYS.append(function)
    return function


def _further(function):
    FURTHER[function.__name__] = function
    return function


class Run:
    """A case as far as it has been looked at."""

    def __init__(self, case):
        """Take the case; everything is made when it is first asked for."""
        self.case = case
        self._folder = tempfile.TemporaryDirectory(prefix="relations-")
        self.folder = Path(self._folder.name)

    def close(self):
        """Delete the files."""
        self._folder.cleanup()

    @cached_property
    def images(self):
        return training_images(self.case, self.folder)

    @cached_property
    def validation(self):
        if self.case.validation in ("none", "share"):
            return None
        folder = self.folder / "validation"
        return other_images(self.case, folder, self.case.validation, seed=3)

    @cached_property
    def test(self):
        return other_images(self.case, self.folder / "test", self.case.test, seed=4)

    def model(self, **changed):
        """Return the model of the case before training, compiled if it is that."""
        model = build(self.case)
        if self.case.compiled != "no":
            compile_by_user(self.case, model)
        return model

    def train(self, model=None, data=None, **changed):
        """Train a model, or a new one, as the case says, or other data."""
        traced = self.case.traced or changed.get("distribute")
        with contextlib.nullcontext() if traced else untraced():
            return self._train(model, data, changed)

    def _train(self, model, data, changed):
        return calls.train(
            self.case,
            self.model() if model is None else model,
            self.images.data if data is None else data,
            self.images.classes,
            self.validation and self.validation.data,
            **changed,
        )

    @cached_property
    def before(self):
        """What training must leave as it is, taken before it."""
        return _State(self.fresh)

    @cached_property
    def fresh(self):
        return self.model()

    @cached_property
    def classifier(self):
        """The classifier that training gives."""
        self.before  # noqa: B018
        return self.train(self.fresh)

    @cached_property
    def loop(self):
        """The same by plain Keras."""
        loop = Loop(self.case, build(self.case), self.images, self.validation)
        with untraced():
            return loop.train()

    @cached_property
    def outputs(self):
        """What Keras predicts of the test images."""
        with untraced():
            return self.classifier.model.predict(self.test.pixels, verbose=0)

    @property
    def tolerance(self):
        """How far rounding may take weights."""
        return 0.03 if self.case.mixed_precision else 2e-4


@contextlib.contextmanager
def untraced():
    """Have TensorFlow compute at once what it would trace for each size of a batch."""
    if keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


class _State:
    """What is to be known of a model before it is trained."""

    def __init__(self, model):
        self.weights = model.get_weights()
        self.flags = _flags(model)
        self.policies = _policies(model)
        self.drawn = _random_states()
        self.policy = keras.config.dtype_policy().name


def _layers(model):
    return [layer for layer in model._flatten_layers()]


def _flags(model):
    return {layer.name: layer.trainable for layer in _layers(model)}


def _policies(model):
    return {layer.name: layer.dtype_policy.name for layer in _layers(model)}


def _random_states():
    return random.getstate(), str(np.random.get_state())


def close(one, other, tolerance=1e-5):
    """Raise unless two arrays, or lists of them, are equal to a tolerance."""
    if isinstance(one, (list, tuple)) and len(one) and np.ndim(one[0]):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            close(a, b, tolerance)
        return
    np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


def _same_history(one, other, tolerance):
    names = set(one) - {"epoch", "stage"}
    assert names == set(other) - {"epoch", "stage"}
    for name in names:
        close(np.array(one[name]), np.array(other[name]), tolerance)


def _columns(table, classes):
    return np.stack([table[f".pred_{name}"] for name in classes], axis=1)


def _predicted(run, images, classifier=None, **options):
    classifier = classifier or run.classifier
    data = images.data if hasattr(images, "data") else images
    with untraced():
        table = reticnn.predict_images(classifier, data, progress="none", **options)
    assert len(table[".pred_class"]) == len(data)
    columns = _columns(table, classifier.class_names)
    best = [classifier.class_names[k] for k in columns.argmax(axis=1)]
    assert table[".pred_class"] == best
    return columns


def _evaluated(classifier, data, **options):
    with untraced():
        return reticnn.evaluate_classifier(classifier, data, progress="none", **options)


def _meaning(case, outputs):
    """Return the probabilities that outputs stand for."""
    outputs = np.asarray(outputs, "float64")
    if case.meaning in ("sigmoid", "logit"):
        second = outputs if case.meaning == "sigmoid" else 1 / (1 + np.exp(-outputs))
        return np.concatenate([1 - second, second], axis=1)
    if case.meaning == "softmax":
        return outputs
    powers = np.exp(-outputs if case.meaning == "distances" else outputs)
    rest = np.exp(-10) if case.meaning == "distances" else 0
    return powers / (powers.sum(axis=1, keepdims=True) + rest)


# Relations of every case


@_always
def trained_as_keras_trains(run):
    """Weights and history are those of a loop over Keras's own `train_on_batch`."""
    if run.case.optimizer == "levenberg_marquardt":
        assert np.isfinite(run.classifier.history["loss"]).all()
        return
    if run.case.mixed_precision and run.case.early_stopping:
        # Rounding can decide which epoch is the best.
        assert np.isfinite(run.classifier.history["loss"]).all()
        return
    _same_history(run.classifier.history, run.loop.history, 10 * run.tolerance)
    own, theirs = (
        model.get_weights() for model in (run.classifier.model, run.loop.model)
    )
    if run.case.mixed_precision:
        # Steps of adaptive optimizers are as large where the gradient is all rounding.
        own, theirs = (
            np.concatenate([w.ravel() for w in every]) for every in (own, theirs)
        )
        apart = ~np.isclose(own, theirs, rtol=run.tolerance, atol=run.tolerance)
        assert apart.mean() < 0.01
        return
    close(own, theirs, run.tolerance)


@_always
def no_image_is_on_both_sides(run):
    """What is set apart is not trained on, nor another file or one of its group."""
    if run.case.validation != "share":
        return
    parts = positions_of_parts(run.case, run.images)
    kept, apart = (
        {image.tobytes() for image in run.images.pixels[positions]}
        for positions in parts
    )
    assert kept and apart and not kept & apart
    if run.images.data.groups is not None:
        kept, apart = (set(run.images.data[positions].groups) for positions in parts)
        assert not kept & apart


@_always
def only_what_is_trained_changes(run):
    """Frozen weights, flags, policies, the user's arrays and random states stay."""
    before, model = run.before, run.classifier.model
    assert model is run.fresh
    assert _policies(model) == before.policies
    assert keras.config.dtype_policy().name == before.policy
    if run.case.stages is None:
        assert _flags(model) == before.flags
    if run.images.given:
        given, copy = run.images.given
        np.testing.assert_array_equal(given, copy)
    names = [v.path for v in model.weights]
    frozen = [
        weight.path
        for layer in _layers(model)
        if not isinstance(layer, keras.Model) and not layer.trainable
        for weight in layer.weights
    ]
    for name, old, new in zip(names, before.weights, model.get_weights(), strict=True):
        if name in frozen and run.case.stages is None:
            np.testing.assert_array_equal(new, old)


@_always
def predicts_what_keras_predicts(run):
    """Probabilities are what the outputs of `model.predict` mean; for any batches."""
    wanted = _meaning(run.case, run.outputs)
    for batch_size in (1, 3, 64):
        found = _predicted(run, run.test, batch_size=batch_size)
        close(found, wanted, 1e-4)
    backwards = np.arange(len(wanted))[::-1]
    close(_predicted(run, run.test.data[backwards])[backwards], wanted, 1e-4)


@_always
def evaluates_as_scikit_learn(run):
    """The measures are scikit-learn's, and the loss is Keras's."""
    found = _evaluated(run.classifier, run.test.data, batch_size=3)
    classes = run.classifier.class_names
    names = [unicodedata.normalize("NFC", name) for name in classes]
    codes = np.array([names.index(run.test.classes[c]) for c in run.test.codes])
    chances = _meaning(run.case, run.outputs)
    guesses = chances.argmax(axis=1)
    assert found["n"] == len(codes)
    close(found["accuracy"], sklearn.metrics.accuracy_score(codes, guesses))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        balanced = sklearn.metrics.balanced_accuracy_score(codes, guesses)
    close(found["balanced_accuracy"], balanced)
    of_truth = chances[np.arange(len(codes)), codes]
    close(found["log_loss"], -np.log(of_truth).mean(), 1e-4)
    _same_confusion(found["confusion"], classes, codes, guesses)
    _same_auc(found["roc_auc"], codes, chances)
    # Keras's own measure of the same images, batch by batch.
    case, model = run.case, run.classifier.model
    if model.compiled and case.optimizer != "levenberg_marquardt":
        with untraced():
            keras_loss = model.evaluate(
                run.test.pixels, targets_of(case, codes), len(codes), verbose=0
            )
        close(found["loss"], np.ravel(keras_loss)[0], 1e-3)


def _same_confusion(table, classes, codes, guesses):
    wanted = sklearn.metrics.confusion_matrix(
        codes, guesses, labels=range(len(classes))
    )
    for truth, predicted, n in zip(
        table["truth"], table["predicted"], table["n"], strict=True
    ):
        assert n == wanted[classes.index(truth), classes.index(predicted)]


def _same_auc(found, codes, chances):
    there = np.unique(codes)
    if len(there) < 2:
        assert np.isnan(found)
        return
    if chances.shape[1] == 2:
        wanted = sklearn.metrics.roc_auc_score(codes, chances[:, 1])
    else:
        wanted = np.mean(
            [sklearn.metrics.roc_auc_score(codes == k, chances[:, k]) for k in there]
        )
    # A tie can be broken by rounding.
    close(found, wanted, 0.02)


@_always
def history_ends_with_what_is_kept(run):
    """The loss on the validation images is that of an evaluation afterwards."""
    if run.validation is None or run.validation.weights is not None:
        # An evaluation counts every image once.
        return
    found = _evaluated(run.classifier, run.validation.data)
    kept = run.classifier.kept_epoch
    stages = run.classifier.history.get("stage")
    if stages and stages[kept - 1] != stages[-1]:
        # Regularisation counts for the weights that are trained, which are others now.
        return
    wanted = run.classifier.history["val_loss"][kept - 1]
    if run.case.extra not in ("activity_l2", "added_loss") and (
        run.case.own != "compute_loss"
    ):
        # What is added is a mean over batches.
        close(found["loss"], wanted, 0.02 if run.case.mixed_precision else 1e-3)


# Relations of some cases, as they take another training


@_further
def again(run):
    """A new model, with numbers as R sends them, gives the same."""
    other = run.train(as_in_r=True)
    _same_history(other.history, run.classifier.history, 1e-6)
    close(other.model.get_weights(), run.classifier.model.get_weights(), 1e-6)


class LostProcessError(Exception):
    """Stands for a lost process."""


@contextlib.contextmanager
def _every_step_is_reported():
    seconds = epoch_progress.SECONDS_BETWEEN_CALLS
    epoch_progress.SECONDS_BETWEEN_CALLS = 0
    try:
        yield
    finally:
        epoch_progress.SECONDS_BETWEEN_CALLS = seconds


def _cut_off(run, model, how):
    """Train a model with checkpoints, and cut that off somewhere; return the folder."""
    steps = run.classifier.epochs * (
        1 + -(-len(run.images.codes) // run.case.batch_size)
    )
    at = random.Random(repr(run.case)).randrange(steps)
    calls_so_far = iter(range(steps + 1))

    def cut(state):
        if next(calls_so_far) == at:
            raise how("cut off")

    folder = str(run.folder / "checkpoint")
    with (
        _every_step_is_reported(),
        contextlib.suppress(LostProcessError, KeyboardInterrupt),
    ):
        run.train(model, checkpoint_dir=folder, progress=cut)
    return folder


def _resumed(run, how, same_model):
    model = run.model()
    folder = _cut_off(run, model, how)
    other = run.train(model if same_model else None, checkpoint_dir=folder)
    _same_history(other.history, run.classifier.history, 1e-5)
    assert other.kept_epoch == run.classifier.kept_epoch
    assert other.stopped == run.classifier.stopped
    close(other.model.get_weights(), run.classifier.model.get_weights(), 1e-5)
    close(_predicted(run, run.test, other), _predicted(run, run.test), 1e-4)


@_further
def interrupted(run):
    """Interrupted with Ctrl-C and started again with a new model: never cut off."""
    _resumed(run, KeyboardInterrupt, same_model=False)


@_further
def interrupted_same_model(run):
    """The same call with the same model goes on, too."""
    _resumed(run, KeyboardInterrupt, same_model=True)


@_further
def killed(run):
    """A lost process, then the same call."""
    _resumed(run, LostProcessError, same_model=False)


@_further
def failed(run):
    """An error of a callback's, then the same call with the same model."""
    _resumed(run, LostProcessError, same_model=True)


@_further
def saved(run):
    """What is loaded predicts the same, and goes on training the same.

    Its Keras model predicts the same to the bit, an ONNX graph to rounding.
    """
    file = str(run.folder / "classifier.reticnn")
    weights = run.classifier.model.get_weights()
    reticnn.save_classifier(run.classifier, file)
    close(run.classifier.model.get_weights(), weights, 0)
    loaded = reticnn.load_classifier(file)
    assert loaded.class_names == run.classifier.class_names
    assert repr(loaded) == repr(run.classifier)
    before = _predicted(run, run.test)
    close(_predicted(run, run.test, loaded), before)
    _same_evaluation(run, loaded)
    np.testing.assert_array_equal(
        _predicted(run, run.test, loaded.changed(model=loaded.model)), before
    )
    _trains_on_as(run, loaded, run.classifier)


def _same_evaluation(run, other):
    """Raise unless another classifier has the same loss and the same log loss."""
    found, wanted = (_evaluated(one, run.test.data) for one in (other, run.classifier))
    for name in ("loss", "log_loss"):
        close(found[name], wanted[name], 1e-4)


def _trains_on_as(run, one, other, tolerance=1e-5):
    # Of several batches, as an optimizer may gather them for a step.
    settings = {"epochs": 1, "batch_size": min(run.case.batch_size, 5), "seed": 9}
    with untraced():
        histories = [
            reticnn.fit_classifier(
                classifier,
                run.images.data,
                progress="none",
                distribute="none",
                **settings,
            ).history
            for classifier in (one, other)
        ]
    _same_history(*histories, 10 * tolerance)
    close(one.model.get_weights(), other.model.get_weights(), tolerance)


@_further
def described(run):
    """Looking at a classifier, freezing and thawing it, changes nothing."""
    model = run.classifier.model
    weights, flags = model.get_weights(), _flags(model)
    before = _predicted(run, run.test)
    repr(run.classifier)
    reticnn.layer_table(model)
    for look in (reticnn.describe_model, reticnn.architecture):
        _unless_refused(run, look, model)
    pixels = run.test.pixels[:1]
    _unless_refused(run, reticnn.feature_maps, model, pixels)
    _unless_refused(run, reticnn.layer_filters, model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _unless_refused(
            run,
            reticnn.report_classifier,
            run.classifier,
            run.test.data,
            str(run.folder / "report.html"),
        )
    trained = [layer.name for layer in _layers(model) if layer.trainable]
    assert _flags(model) == flags
    reticnn.freeze(model)
    assert not model.trainable_weights
    close(model.get_weights(), weights, 0)
    close(_predicted(run, run.test), before, 0)
    for layer in _layers(model):
        layer.trainable = layer.name in trained


def _unless_refused(run, function, *arguments):
    """Call a function; a model that is no graph may be refused, by name."""
    try:
        function(*arguments)
    except (TypeError, ValueError) as error:
        assert str(error).startswith("`"), error
        assert not run.case.is_graph or run.case.body in ("lambda",), error


@_further
def names(run):
    """Classes are found by name, in whatever order and Unicode form."""
    data = run.test.data
    classes = list(data.class_names)
    codes = [len(classes) - 1 - code for code in data.codes]
    turned = type(data)(
        data.source,
        np.array(codes),
        [unicodedata.normalize("NFD", name) for name in reversed(classes)],
        data.indices,
    )
    found, wanted = (_evaluated(run.classifier, some) for some in (turned, data))
    for name in ("loss", "accuracy", "balanced_accuracy", "roc_auc", "log_loss"):
        np.testing.assert_allclose(found[name], wanted[name], rtol=1e-6)
    assert found["confusion"] == wanted["confusion"]


@_further
def files(run):
    """PNG files in a table train as the arrays do that are in them."""
    from PIL import Image

    paths = []
    for number, pixels in enumerate(run.images.pixels):
        path = run.folder / f"copy-{number}.png"
        Image.fromarray(pixels.astype("uint8").squeeze()).save(path)
        paths.append(str(path))
    data = run.images.data
    side = data.image_shape[0]
    if data.files is None:
        other = reticnn.image_table(
            paths,
            data.labels,
            side,
            class_names=data.class_names,
            channels=run.case.channels,
            groups=data.groups,
            weights=data.weights,
        )
    else:
        loaded = reticnn.load_images(data)
        other = reticnn.image_arrays(
            loaded["images"],
            loaded["labels"],
            class_names=data.class_names,
            weights=data.weights,
        )
    trained = run.train(data=other)
    _same_history(trained.history, run.classifier.history, 1e-6)
    close(trained.model.get_weights(), run.classifier.model.get_weights(), 1e-6)


@_further
def trained_further(run):
    """Training a classifier further is training the model further."""
    if run.case.optimizer == "levenberg_marquardt":
        return
    changed = {"epochs": 1}
    arguments = calls.arguments_of(
        run.case, run.images.classes, run.validation and run.validation.data
    )
    for name in ("optimizer", "weight_decay", "ema", "label_smoothing"):
        arguments.pop(name, None)
    if run.case.mixing != "none":
        return
    arguments["validation"] = run.validation and run.validation.data
    data = run.images.data
    if run.case.validation == "share":
        data = data[run.loop.positions]
    with untraced():
        trained = reticnn.fit_classifier(
            run.classifier, data, distribute="none", **{**arguments, **changed}
        )
    with untraced():
        run.loop.train_further(1)
    assert trained.epochs == run.loop.epochs
    close(trained.model.get_weights(), run.loop.model.get_weights(), 2 * run.tolerance)


@_further
def copied(run):
    """A copy, as for finding a rate, computes and trains what the model does."""
    model = run.classifier.model
    try:
        copy = copy_of(model)
    except ValueError:
        if run.case.is_graph:
            raise
        return
    with untraced():
        close(copy.predict(run.test.pixels, verbose=0), run.outputs, 1e-5)
    for one, other in zip(copy.weights, model.weights, strict=True):
        assert one.trainable == other.trainable
    trained = [len(each.trainable_weights) for each in (copy, model)]
    assert trained[0] == trained[1]


@_further
def distributed(run):
    """Two devices compute what one does."""
    if run.case.stages == "fine_tune":
        return  # `fine_tune()` takes none.
    devices = ["cpu:0", "cpu:1"]
    other = run.train(distribute=devices)
    histories = [other.history, run.classifier.history]
    if run.case.mixed_precision:
        # In half precision the halves of a batch sum up otherwise, and an image between
        # two classes falls to either.
        histories = [
            {name: values for name, values in one.items() if "accuracy" not in name}
            for one in histories
        ]
    _same_history(*histories, max(1e-3, run.tolerance))
    close(
        other.model.get_weights(),
        run.classifier.model.get_weights(),
        max(1e-3, run.tolerance),
    )


@_further
def nothing(run):
    """Nothing besides."""
