"""What outputs mean, and what a loss wants: as Keras and its users have it."""

import functools
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest

from reticnn import (
    evaluate_classifier,
    fit_classifier,
    image_arrays,
    load_classifier,
    load_images,
    predict_images,
    report_classifier,
    save_classifier,
    shape_images,
)
from reticnn.layers.rbf import EuclideanRBF
from reticnn.outputs import output_kind, probabilities, takes_one_hot
from reticnn.plots.preparation import pictures_of_images

L = keras.layers


@pytest.fixture(scope="module")
def three():
    """Return 20 small images of three classes: one left over in batches of three."""
    return shape_images(20, 3, image_size=8, seed=1)


def model_of(end, units=3, kind=keras.Model, **dense):
    """Return a model of a dense layer and an end, a function of its outputs."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input((8, 8, 3))
    x = L.Flatten()(L.Rescaling(1 / 255)(inputs))
    return kind(inputs, end(L.Dense(units, name="scores", **dense)(x)))


def nested(model):
    """Return a function that applies a model, as a layer is applied."""
    return lambda x: model(x)


def _functional(end, units=3):
    inputs = keras.Input((units,))
    return keras.Model(inputs, end(inputs))


def _shared_softmax(x):
    softmax = L.Softmax()
    return L.Average()([softmax(x), softmax(L.Dense(3)(x))])


def _per_position(x):
    maps = L.Reshape((2, 2, 3))(L.Dense(12)(x))
    return L.GlobalAveragePooling2D()(L.Conv2D(3, 1, activation="softmax")(maps))


SOFTMAX = {
    "layer": L.Softmax(),
    "activation": L.Activation("softmax"),
    "function": keras.activations.softmax,
    "operation": keras.ops.softmax,
    "dense": L.Dense(3, activation="softmax"),
    "operation in a layer": L.Dense(3, activation=keras.ops.softmax),
    "layer in a layer": L.Dense(3, activation=L.Softmax()),
    "identity": lambda x: L.Identity()(L.Softmax()(x)),
    "linear": lambda x: L.Activation("linear")(keras.ops.softmax(x)),
    "reshape": lambda x: L.Reshape((3,))(L.Softmax()(L.Reshape((1, 1, 3))(x))),
    "flatten": lambda x: L.Flatten()(L.Softmax(axis=1)(L.Reshape((3, 1))(x))),
    "squeeze": lambda x: keras.ops.squeeze(keras.ops.softmax(x[:, None]), 1),
    "dropout": lambda x: L.Dropout(0.5)(L.Softmax()(x)),
    "cast": lambda x: keras.ops.cast(L.Softmax()(x), "float32"),
    "functional": nested(_functional(L.Softmax())),
    "sequential": nested(keras.Sequential([L.Dense(3), L.Softmax(), L.Identity()])),
    "nested twice": nested(_functional(nested(keras.Sequential([L.Softmax()])))),
    "average of shared": _shared_softmax,
    "average over positions": _per_position,
}
LOGITS = {
    "dense": lambda x: x,
    "batch norm": L.BatchNormalization(),
    "log softmax": keras.activations.log_softmax,
    "scaled": lambda x: 2 * x + 1,
    "sum": lambda x: L.Add()([x, L.Dense(3)(x)]),
    "normalised weights": L.SpectralNormalization(L.Dense(3)),
    "identity": lambda x: L.Identity()(L.Activation("linear")(x)),
}


class OwnLayer(L.Layer):
    def call(self, x):
        return keras.ops.softmax(x)


class OwnDense(L.Dense):
    def call(self, x):
        return keras.ops.softmax(super().call(x))


class OwnModel(keras.Model):
    def call(self, x):
        return keras.ops.softmax(x)


class OwnCall(keras.Model):
    def call(self, x, training=None, mask=None):
        return keras.ops.softmax(super().call(x, training=training))


UNKNOWN = {
    "lambda": (L.Lambda(lambda x: keras.ops.softmax(x), name="end"), "'end' (Lambda)"),
    "layer": (OwnLayer(name="end"), "'end' (OwnLayer)"),
    "dense": (OwnDense(3, name="end"), "'end' (OwnDense)"),
    "model": (OwnModel(name="end"), "'end' (OwnModel)"),
    "relu": (keras.ops.relu, "the operation 'relu'"),
    "tanh": (L.Activation("tanh", name="end"), "'tanh' of layer 'end'"),
    "over the batch": (lambda x: keras.ops.softmax(x, axis=0), "'softmax'"),
    "product": (lambda x: L.Softmax()(x) * L.Softmax()(x), "'multiply'"),
    "many to one": (
        lambda x: L.Reshape((3,))(L.Softmax(axis=1)(L.Reshape((3, 1))(x)) * 2),
        "'multiply'",
    ),
}


def _columns(table):
    return np.transpose([table[name] for name in table if name != ".pred_class"])


def _raw(model, data):
    return model.predict_on_batch(load_images(data)["images"])


@pytest.mark.parametrize("end", SOFTMAX.values(), ids=SOFTMAX)
def test_probabilities_stay_as_they_are(end, three):
    model = model_of(end)
    assert output_kind(model) == "softmax"
    raw = _raw(model, three)
    np.testing.assert_allclose(_columns(predict_images(model, three)), raw, atol=1e-6)


@pytest.mark.parametrize("end", LOGITS.values(), ids=LOGITS)
def test_scores_become_probabilities(end, three):
    model = model_of(end)
    assert output_kind(model) == "logits"
    wanted = keras.ops.convert_to_numpy(keras.ops.softmax(_raw(model, three)))
    found = _columns(predict_images(model, three))
    np.testing.assert_allclose(found, wanted, atol=1e-6)


@pytest.mark.parametrize(
    ("end", "kind"),
    [
        (keras.activations.sigmoid, "sigmoid"),
        (keras.ops.sigmoid, "sigmoid"),
        (lambda x: L.Reshape((1,))(L.Activation("sigmoid")(x)), "sigmoid"),
        (lambda x: x, "logits"),
    ],
)
def test_one_unit(end, kind):
    data = shape_images(6, image_size=8, seed=1)
    model = model_of(end, units=1)
    assert output_kind(model) == kind
    second = raw = _raw(model, data).astype("float64")
    if kind == "logits":
        second = 1 / (1 + np.exp(-raw))
    wanted = np.concatenate([1 - second, second], axis=1)
    found = _columns(predict_images(model, data))
    np.testing.assert_allclose(found, wanted, atol=1e-6)


@pytest.mark.parametrize(("end", "named"), UNKNOWN.values(), ids=UNKNOWN)
def test_ends_that_say_nothing_are_refused_by_name(refused, end, named, three):
    model = model_of(end)
    for use, argument in (
        (lambda: fit_classifier(model, three), "model"),
        (lambda: predict_images(model, three), "classifier"),
        (lambda: evaluate_classifier(model, three), "classifier"),
    ):
        with refused(ValueError, argument, named, "`output`", "'softmax'"):
            use()


def test_own_call_says_nothing_but_the_loss_does(refused, three):
    model = model_of(lambda x: x, kind=OwnCall)
    with refused(ValueError, "classifier", "OwnCall"):
        predict_images(model, three)
    model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=False))
    raw = _raw(model, three)
    np.testing.assert_allclose(_columns(predict_images(model, three)), raw, atol=1e-6)


def test_what_the_user_says_is_kept(fit, three, tmp_path):
    model = model_of(OwnLayer())
    classifier = fit(model, three, output="softmax")
    assert classifier.output == "softmax"
    images = load_images(three)["images"]
    loss = keras.losses.sparse_categorical_crossentropy(three.codes, model(images))
    scores = evaluate_classifier(classifier, three)
    loss = keras.ops.convert_to_numpy(loss).mean()
    assert scores["loss"] == pytest.approx(float(loss), abs=1e-5)
    path = save_classifier(classifier, tmp_path / "a.reticnn")
    with keras.saving.custom_object_scope({"OwnLayer": OwnLayer}):
        loaded = load_classifier(path)
    assert loaded.output == "softmax"
    assert fit(loaded, three).output == "softmax"
    table = predict_images(loaded, three)
    np.testing.assert_allclose(_columns(table), _raw(loaded.model, three), atol=1e-6)


@pytest.mark.parametrize(
    ("end", "units", "said", "parts"),
    [
        (L.Softmax(), 3, "logits", ["'logits'", "softmax"]),
        (lambda x: x, 3, "softmax", ["'softmax'", "logits"]),
        (OwnLayer(), 3, "sigmoid", ["'sigmoid'", "3 output units"]),
        (OwnLayer(), 1, "softmax", ["'softmax'", "1 output unit"]),
        (OwnLayer(), 3, "soft", ["'soft'", "Did you mean 'softmax'?"]),
    ],
)
def test_wrong_words_are_refused(refused, end, units, said, parts, three):
    with refused(ValueError, "output", *parts):
        predict_images(model_of(end, units), three, output=said)


def test_classifiers_know_their_output(refused, fit, three):
    classifier = fit(model_of(L.Softmax()), three)
    assert predict_images(classifier, three, output="softmax")
    for use in (predict_images, evaluate_classifier, fit_classifier):
        with refused(ValueError, "output", "'logits'", "softmax"):
            use(classifier, three, output="logits")


def test_wrong_word_is_noticed_at_the_outputs(refused, three):
    model = model_of(L.Lambda(lambda x: 5 * x))
    with refused(ValueError, "output", "'softmax'", "sum to", "'logits'"):
        predict_images(model, three, output="softmax")


@pytest.mark.parametrize("units", [2, 3])
def test_several_labels_are_refused_before_training(refused, units):
    data = shape_images(12, units, image_size=8, seed=1)
    model = model_of(L.Activation("sigmoid"), units)
    before = model.get_weights()
    with refused(ValueError, "model", f"{units} sigmoid units", "softmax"):
        fit_classifier(model, data)
    logits = model_of(lambda x: x, units)
    logits.compile(loss=keras.losses.BinaryCrossentropy(from_logits=True))
    with refused(ValueError, "model", "binary_crossentropy"):
        fit_classifier(logits, data)
    np.testing.assert_array_equal(before[0], model.get_weights()[0])
    with refused(ValueError, "model", "always 1"):
        fit_classifier(model_of(L.Softmax(), 1), shape_images(12, image_size=8))


def test_loss_that_contradicts_the_end_is_said(refused, fit, three):
    model = model_of(L.Softmax())
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    with pytest.warns(UserWarning, match="`model` ends in .*from_logits=True"):
        classifier = fit(model, three)
    images = load_images(three)["images"]
    wanted = model.evaluate(images, three.codes, verbose=0)
    scores = evaluate_classifier(classifier, three)
    assert classifier.output == "softmax"
    assert scores["loss"] == pytest.approx(wanted, rel=1e-4)
    for loss in ("sparse_categorical_crossentropy", "mse", "KLDivergence"):
        model = model_of(lambda x: x)
        model.compile("sgd", loss)
        with refused(ValueError, "model", "logits", "layer 'scores'", "from_logits"):
            fit(model, three)
        assert predict_images(model, three, output="logits")


def test_distances_are_known(fit):
    data = shape_images(12, 3, image_size=8, seed=1)
    model = model_of(lambda x: L.Identity()(EuclideanRBF(np.eye(3))(x)))
    assert output_kind(model) == "distances"
    classifier = fit(model, data)
    distances = _raw(model, data).astype("float64")
    powers = np.exp(-distances)
    wanted = powers / (np.exp(-10) + powers.sum(axis=1, keepdims=True))
    found = _columns(predict_images(classifier, data))
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_the_nearest_of_far_prototypes_is_predicted():
    data = shape_images(12, 3, image_size=8, seed=1)
    places = np.random.default_rng(1).uniform(-60, 60, (3, 3))
    model = model_of(lambda x: L.Identity()(EuclideanRBF(places)(x)))
    distances = _raw(model, data)
    assert distances.min() > 1000
    table = predict_images(model, data, class_names=["a", "b", "c"])
    nearest = [["a", "b", "c"][code] for code in distances.argmin(axis=1)]
    assert table[".pred_class"] == nearest
    assert np.max(_columns(table)) < 1e-200


# Losses


def own_of_codes(y_true, y_pred):
    codes = keras.ops.cast(keras.ops.reshape(y_true, (-1,)), "int32")
    picked = keras.ops.one_hot(codes, y_pred.shape[-1], dtype=y_pred.dtype) * y_pred
    return -keras.ops.log(keras.ops.sum(picked, axis=-1))


def own_of_rows(y_true, y_pred):
    return keras.ops.mean(keras.ops.square(y_true - y_pred), axis=-1)


class OwnOfRows(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return own_of_rows(y_true, y_pred)


losses = keras.losses
ONE_HOT = [
    losses.categorical_crossentropy,
    losses.CategoricalCrossentropy,
    losses.CategoricalCrossentropy(label_smoothing=0.1),
    "CategoricalCrossentropy",
    "categorical_focal_crossentropy",
    "mse",
    losses.MeanAbsoluteError(),
    "kl_divergence",
    losses.KLDivergence,
    "binary_crossentropy",
    "cosine_similarity",
    "categorical_hinge",
    "poisson",
    "Dice",
    losses.Huber(),
    losses.MeanSquaredError(reduction="sum"),
    "binary_focal_crossentropy",
    functools.partial(losses.categorical_crossentropy, label_smoothing=0.1),
    ["mse"],
    own_of_rows,
    OwnOfRows(),
]
CODES = [
    "sparse_categorical_crossentropy",
    losses.SparseCategoricalCrossentropy,
    losses.sparse_categorical_crossentropy,
    "crossentropy",
    own_of_codes,
]


def _name_of(loss):
    """Return a name that is the same in every process."""
    return getattr(loss, "__name__", None) or (
        loss if isinstance(loss, str) else type(loss).__name__
    )


@pytest.mark.parametrize("loss", ONE_HOT + CODES, ids=_name_of)
def test_loss_has_the_targets_that_it_takes(loss, fit, three):
    model, by_keras = (model_of(keras.activations.softmax) for _ in range(2))
    images = load_images(three)["images"]
    one_hot = any(loss is one for one in ONE_HOT)
    targets = np.eye(3, dtype="float32")[three.codes] if one_hot else three.codes
    for each in (model, by_keras):
        each.compile("sgd", loss)
    assert takes_one_hot(model) == one_hot
    # One image, as many images as classes, and one image left over.
    for size in (1, 3, 20):
        wanted = by_keras.evaluate(images, targets, batch_size=size, verbose=0)
        found = evaluate_classifier(model, three, batch_size=size)["loss"]
        assert found == pytest.approx(wanted, rel=1e-4)
    order = np.random.default_rng(0).permutation(20)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        classifier = fit(model, three[order], batch_size=20)
    by_keras.train_on_batch(images[order], targets[order])
    for ours, theirs in zip(model.get_weights(), by_keras.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    assert classifier.output == "softmax"


@pytest.mark.parametrize("loss", ["mse", "BinaryCrossentropy", own_of_rows, "hinge"])
def test_one_unit_is_compared_with_a_column(loss, fit):
    data = shape_images(9, image_size=8, seed=1)
    images, targets = load_images(data)["images"], data.codes[:, None]
    model, by_keras = (model_of(L.Activation("sigmoid"), 1) for _ in range(2))
    for each in (model, by_keras):
        each.compile("sgd", OwnOfRows() if loss is own_of_rows else loss)
    fit(model, data, batch_size=9)
    by_keras.train_on_batch(images, targets)
    for ours, theirs in zip(model.get_weights(), by_keras.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    wanted = by_keras.evaluate(images, targets, batch_size=4, verbose=0)
    found = evaluate_classifier(model, data, batch_size=4)["loss"]
    assert found == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize(
    ("loss", "units"),
    [
        ("categorical_crossentropy", 1),
        ("sparse_categorical_crossentropy", 1),
        (lambda y_true, y_pred: keras.ops.mean(y_pred, axis=-1), 3),
        (lambda y_true, y_pred: -own_of_rows(y_true, y_pred), 3),
    ],
    ids=["rows of one", "codes of one", "of nothing", "upside down"],
)
def test_loss_that_cannot_learn_the_classes_is_refused(refused, loss, units):
    data = shape_images(12, max(2, units), image_size=8, seed=1)
    end = "sigmoid" if units == 1 else "softmax"
    model = model_of(L.Activation(end), units)
    model.compile("sgd", loss)
    with refused(ValueError, "model", "the loss", f"{units} output unit"):
        fit_classifier(model, data, epochs=1, progress="none")


@pytest.mark.parametrize("units", [2, 3, 12, 18, 100])
@pytest.mark.parametrize("loss", [keras.losses.Circle(), "mse", "mae", "poisson"])
def test_rounding_does_not_make_a_loss_one_for_codes(loss, units):
    model = model_of(L.Softmax(), units)
    model.compile("sgd", loss)
    try:
        assert takes_one_hot(model)
    except ValueError as error:
        assert "is not lower" in str(error)


def test_several_outputs_are_refused_with_what_to_give(refused, fit, three):
    several = model_of(lambda x: [L.Softmax()(x), x])
    with refused(ValueError, "model", "one output", "2: ", "model.outputs[0]"):
        fit(several, three)


def test_loss_of_each_image_is_evaluated_as_its_mean(fit, three):
    each = keras.losses.SparseCategoricalCrossentropy(reduction="none")
    model = model_of(L.Softmax())
    model.compile("sgd", each)
    scores = evaluate_classifier(model, three, progress="none")
    assert scores["loss"] == pytest.approx(scores["log_loss"], rel=1e-4)


def test_compiled_without_a_loss_is_refused(refused, three):
    model = model_of(L.Softmax())
    model.compile("sgd")
    with refused(ValueError, "model", "without a loss"):
        fit_classifier(model, three)
    scores = evaluate_classifier(model, three)
    assert scores["loss"] == scores["log_loss"]


class OwnLoss(keras.Model):
    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        loss = keras.losses.sparse_categorical_crossentropy(y, y_pred)
        return keras.ops.mean(loss) + keras.ops.mean(keras.ops.cast(x, "float32"))


def _own_loss():
    return model_of(L.Softmax(), kind=OwnLoss), None


def _regularised():
    model = model_of(
        lambda x: L.Dense(3, activation="softmax")(L.ActivityRegularization(l2=0.1)(x)),
        kernel_regularizer="l2",
        activity_regularizer=keras.regularizers.L1(0.1),
    )
    return model, "sparse_categorical_crossentropy"


def _regularised_in_part():
    model = model_of(L.Softmax(), kernel_regularizer="l2", bias_regularizer="l1")
    return model, losses.SparseCategoricalCrossentropy(reduction="sum")


@pytest.mark.parametrize("made", [_own_loss, _regularised, _regularised_in_part])
def test_loss_is_all_of_what_keras_measures(made, fit, three):
    model, loss = made()
    model.compile("sgd", loss)
    classifier = fit(model, three)
    images = load_images(three)["images"]
    for size in (1, 3, 20):
        wanted = model.evaluate(
            images, three.codes, batch_size=size, verbose=0, return_dict=True
        )["loss"]
        found = evaluate_classifier(classifier, three, batch_size=size)
        assert found["loss"] == pytest.approx(wanted, rel=1e-4)
        assert found["log_loss"] < wanted


# NaN


def _without_some(three, at):
    """Return images of which some are black, and a model that gives NaN for those."""
    images = load_images(three)["images"].copy()
    images[at] = 0
    model = model_of(lambda x: L.Softmax()(x / keras.ops.abs(x)))
    return image_arrays(images, three.labels), model


def test_nan_predicts_no_class(three, tmp_path):
    data, model = _without_some(three, [1, 4])
    with pytest.warns(UserWarning, match=r"NaN for 2 of 20 images.*: \(2, 5\)"):
        table = predict_images(model, data, class_names=three.class_names)
    missing = [at for at, name in enumerate(table[".pred_class"]) if name is None]
    assert missing == [1, 4]
    np.testing.assert_array_equal(
        np.isnan(_columns(table)).all(axis=1), [at in missing for at in range(20)]
    )
    known = np.delete(np.arange(20), missing)
    clean = predict_images(model, three[known], class_names=three.class_names)
    assert [table[".pred_class"][at] for at in known] == clean[".pred_class"]
    with pytest.warns(UserWarning, match="NaN for 2 of 20"):
        scores = evaluate_classifier(model, data)
    for name in ("loss", "accuracy", "roc_auc", "calibration_error", "log_loss"):
        assert np.isnan(scores[name])
    assert scores["n"] == 20
    assert sum(scores["confusion"]["n"]) == 18
    captions = pictures_of_images(data, table, 3)
    assert captions["text"][1].startswith("no prediction\n(true: ")
    assert captions["frame"][1] is None
    with pytest.warns(UserWarning, match="NaN for 2 of 20"):
        path = report_classifier(model, data, tmp_path / "r.html", progress="none")
    page = Path(path).read_text(encoding="utf-8")
    assert "the model returns NaN for 2 of them" in page
    assert ">nan<" not in page.lower()


def test_nothing_but_nan(three, tmp_path):
    data, model = _without_some(three, slice(None))
    with pytest.warns(UserWarning, match="NaN for 20 of 20"):
        table = predict_images(model, data)
    assert table[".pred_class"] == [None] * 20
    with pytest.warns(UserWarning, match="NaN for 20 of 20"):
        path = report_classifier(model, data, tmp_path / "r.html", progress="none")
    assert "the model returns NaN for 20 of them" in Path(path).read_text("utf-8")


def test_infinite_scores_are_no_prediction():
    scores = np.array([[np.inf, 0.0], [-np.inf, 0.0], [800.0, 0.0]])
    found = probabilities(model_of(lambda x: x, 2), "logits", scores)
    np.testing.assert_array_equal(found, [[np.nan, np.nan], [0, 1], [1, 0]])
