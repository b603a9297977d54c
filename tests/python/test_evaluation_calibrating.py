"""Calibration of a classifier, against optima and regressions that are not ours."""

import keras
import numpy as np
import pytest

import reticnn
from reticnn import (
    calibrate_classifier,
    evaluate_classifier,
    image_arrays,
    load_classifier,
    predict_images,
    save_classifier,
)
from reticnn.classifier import Classifier
from reticnn.evaluation.calibrators import CalibrationError, Vector
from reticnn.layers.auxiliary import AuxiliaryModel
from reticnn.outputs import features_model

optimize = pytest.importorskip("scipy.optimize")

NAMES = ["cat", "dog", "owl"]


def images_of_scores(n, classes, seed=1, too_sure=2.5):
    """Return image data whose pixels are the scores of a classifier that is too sure.

    A model that gives them is `classifier_of`'s.
    """
    random = np.random.default_rng(seed)
    columns = 1 if classes == 2 else classes
    scores = random.normal(0, 1.5, (n, columns))
    both = np.concatenate([np.zeros((n, 1)), scores], 1) if columns == 1 else scores
    chances = np.exp(both) / np.exp(both).sum(1, keepdims=True)
    codes = (chances.cumsum(1) < random.random((n, 1))).sum(1)
    pixels = np.clip(np.round(scores * too_sure * 12 + 128), 0, 255).astype("uint8")
    labels = [NAMES[code] for code in codes]
    # Three rows of the same, so that images have a height.
    pixels = np.repeat(pixels[:, None, :, None], 3, axis=1)
    return image_arrays(pixels, labels, class_names=NAMES[:classes])


def classifier_of(classes, end, policy="float32"):
    """Return a classifier that takes pixels for scores, and ends as asked."""
    columns = 1 if classes == 2 else classes
    squash = "sigmoid" if columns == 1 else "softmax"
    images = keras.Input((3, columns, 1))
    tensor = keras.layers.Rescaling(1 / 12, -128 / 12)(images)
    tensor = keras.layers.Flatten()(keras.layers.Cropping2D(((0, 2), (0, 0)))(tensor))
    dense = keras.layers.Dense(
        columns,
        kernel_initializer="identity",
        activation=squash if end == "activation" else None,
        dtype=policy,
        name="calibration",
    )
    tensor = dense(tensor)
    if end == "operation":
        tensor = getattr(keras.ops, squash)(tensor)
    elif end == "layer":
        tensor = keras.layers.Activation(squash, name="probabilities")(tensor)
    kind = "logits" if end == "scores" else squash
    return Classifier(
        keras.Model(images, tensor), NAMES[:classes], {"epoch": []}, output=kind
    )


def log_chances_of(data):
    scores = (data.read(np.arange(len(data)))[:, 0, :, 0] - 128.0) / 12
    if scores.shape[1] == 1:
        scores = np.concatenate([np.zeros_like(scores), scores], axis=1)
    return scores - np.log(np.exp(scores).sum(1, keepdims=True))


def log_loss(scores, codes):
    sums = np.log(np.exp(scores).sum(1))
    return (sums - scores[np.arange(len(codes)), codes]).mean()


def chances_of(classifier, data):
    table = predict_images(classifier, data)
    return np.array([table[f".pred_{name}"] for name in classifier.class_names]).T


ENDS = ["activation", "operation", "layer", "scores"]


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("classes", [2, 3])
def test_temperature_is_scipys_optimum_whatever_the_model_ends_in(classes, end):
    data = images_of_scores(300, classes)
    classifier = classifier_of(classes, end)
    calibrated = calibrate_classifier(classifier, data)
    scores = log_chances_of(data)
    best = optimize.minimize_scalar(
        lambda t: log_loss(scores / t, data.codes), (1, 2), bounds=(0.1, 10)
    ).x
    assert 2 < best < 3
    assert calibrated.calibration["temperature"] == pytest.approx(best, rel=1e-4)
    wanted = np.exp(scores / best)
    wanted /= wanted.sum(1, keepdims=True)
    new = images_of_scores(50, classes, seed=2)
    wanted = np.exp(log_chances_of(new) / best)
    wanted /= wanted.sum(1, keepdims=True)
    np.testing.assert_allclose(chances_of(calibrated, new), wanted, atol=1e-4)
    assert calibrated.output == ("sigmoid" if classes == 2 else "softmax")
    before = predict_images(classifier, new)[".pred_class"]
    assert predict_images(calibrated, new)[".pred_class"] == before


@pytest.mark.parametrize("classes", [2, 3])
def test_vector_is_scipys_optimum(classes):
    data = images_of_scores(300, classes)
    scores = log_chances_of(data)
    calibrated = calibrate_classifier(
        classifier_of(classes, "activation"), data, method="vector"
    )
    best = optimize.minimize(
        lambda v: log_loss(scores * v[:classes] + v[classes:], data.codes),
        np.concatenate([np.ones(classes), np.zeros(classes)]),
        options={"gtol": 1e-8},
    ).x
    wanted = np.exp(scores * best[:classes] + best[classes:])
    wanted /= wanted.sum(1, keepdims=True)
    np.testing.assert_allclose(chances_of(calibrated, data), wanted, atol=2e-4)
    # Its probabilities are those for the classes as frequent as here.
    shares = np.bincount(data.codes) / 300
    np.testing.assert_allclose(calibrated.class_shares.shares, shares)
    prior = dict(zip(NAMES, shares.tolist(), strict=False))
    told = predict_images(calibrated, data[:9], prior=prior)[".pred_dog"]
    np.testing.assert_allclose(told, wanted[:9, 1], atol=2e-4)


@pytest.mark.parametrize("classes", [2, 3])
def test_isotonic_is_scikit_learns(classes):
    isotonic = pytest.importorskip("sklearn.isotonic")
    data = images_of_scores(300, classes)
    calibrated = calibrate_classifier(
        classifier_of(classes, "scores"), data, method="isotonic"
    )
    new = images_of_scores(100, classes, seed=2)
    margin = 1 / 302 / (classes - 1)
    columns = [
        isotonic.IsotonicRegression(
            y_min=margin, y_max=1 - margin, out_of_bounds="clip"
        )
        .fit(np.exp(log_chances_of(data))[:, code], data.codes == code)
        .predict(np.exp(log_chances_of(new))[:, code])
        for code in range(classes)
    ]
    wanted = np.stack(columns, axis=1)
    wanted /= wanted.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(chances_of(calibrated, new), wanted, atol=1e-4)


@pytest.mark.parametrize("method", ["temperature", "vector", "isotonic"])
def test_calibrated_classifier_is_saved_and_the_given_one_left_alone(
    method, tmp_path, run_python
):
    data, classifier = images_of_scores(200, 3), classifier_of(3, "activation")
    before = chances_of(classifier, data)
    calibrated = calibrate_classifier(classifier, data, method=method)
    np.testing.assert_array_equal(chances_of(classifier, data), before)
    assert classifier.calibration is None and not classifier.stale
    assert not calibrated.stale
    path = save_classifier(calibrated, tmp_path / "calibrated.reticnn")
    loaded = load_classifier(path)
    assert loaded.calibration == calibrated.calibration
    assert repr(loaded) == repr(calibrated)
    assert f"calibrated by {method}" in repr(loaded)
    np.testing.assert_allclose(
        chances_of(loaded, data), chances_of(calibrated, data), atol=1e-5
    )
    with pytest.raises(ValueError, match="`classifier` is calibrated already, by"):
        calibrate_classifier(loaded, data)
    if method == "isotonic":
        code = (
            "import numpy, reticnn, sys\n"
            "classifier = reticnn.load_classifier(sys.argv[1])\n"
            "table = reticnn.predict_images(classifier, numpy.load(sys.argv[2]))\n"
            "print(table['.pred_owl'][7])\n"
        )
        np.save(tmp_path / "images.npy", data.read(np.arange(20)))
        done = run_python(code, path, tmp_path / "images.npy", limit=300)
        assert float(done.stdout) == pytest.approx(chances_of(loaded, data)[7, 2])


def test_measures_are_those_of_an_evaluation_with_intervals():
    data, classifier = images_of_scores(400, 3), classifier_of(3, "scores")
    calibrated = calibrate_classifier(classifier, data, intervals=0.9)
    table = calibrated.calibration["measures"]
    scores = evaluate_classifier(classifier, data, intervals=0.9)
    intervals = scores["intervals"]
    for row, name in enumerate(table["measure"]):
        at = intervals["measure"].index(name)
        assert table["before"][row] == pytest.approx(scores[name], abs=1e-6)
        assert table["before_lower"][row] == pytest.approx(
            intervals["lower"][at], abs=1e-6
        )
        assert table["after_lower"][row] <= table["after"][row]
        assert table["after"][row] <= table["after_upper"][row]
    after = dict(zip(table["measure"], table["after"], strict=True))
    on_others = evaluate_classifier(calibrated, images_of_scores(4000, 3, seed=5))
    assert after["accuracy"] == scores["accuracy"]
    assert after["calibration_error"] < scores["calibration_error"] / 2
    assert after["log_loss"] == pytest.approx(on_others["log_loss"], rel=0.1)
    assert calibrated.calibration["level"] == 0.9
    without = calibrate_classifier(classifier, data, intervals=None).calibration
    assert without["measures"]["after"] == table["after"]
    assert np.isnan(without["measures"]["after_lower"]).all()


def test_each_image_is_measured_with_what_others_say():
    """Isotonic regression on noise looks perfect on its own images, and is not."""
    random = np.random.default_rng(1)
    data = images_of_scores(60, 2)
    labels = [NAMES[code] for code in random.integers(2, size=60)]
    noise = image_arrays(data.read(np.arange(60)), labels)
    calibrated = calibrate_classifier(
        classifier_of(2, "scores"), noise, method="isotonic"
    )
    table = calibrated.calibration["measures"]
    own = evaluate_classifier(calibrated, noise)
    assert own["log_loss"] < np.log(2)
    assert table["after"][table["measure"].index("log_loss")] > np.log(2)


def test_neither_batches_nor_order_nor_groups_of_one_matter():
    data, classifier = images_of_scores(150, 3), classifier_of(3, "activation")
    wanted = calibrate_classifier(classifier, data, method="vector").calibration
    order = np.random.default_rng(1).permutation(150)
    turned = calibrate_classifier(
        classifier, data[order.tolist()], method="vector", batch_size=7
    ).calibration
    for name in ("before", "after", "after_lower"):
        np.testing.assert_allclose(
            turned["measures"][name], wanted["measures"][name], atol=1e-6
        )
    grouped = calibrate_classifier(
        classifier, data, groups=[f"p{n // 10}" for n in range(150)]
    ).calibration
    assert grouped["measures"]["before_upper"] != wanted["measures"]["before_upper"]
    assert grouped["measures"]["before"] == wanted["measures"]["before"]


def test_half_precision_loses_nothing_in_the_calibration():
    data = images_of_scores(300, 3)
    half = calibrate_classifier(classifier_of(3, "activation", "mixed_float16"), data)
    whole = calibrate_classifier(classifier_of(3, "activation"), data)
    assert half.calibration["temperature"] == pytest.approx(
        whole.calibration["temperature"], rel=0.01
    )
    chances = chances_of(half, data)
    np.testing.assert_allclose(chances.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(chances, chances_of(whole, data), atol=0.01)


def test_mean_of_two_softmaxes_keeps_its_meaning():
    images = keras.Input((3, 3, 1))
    scores = classifier_of(3, "scores").model(images)
    ends = [
        keras.layers.Dense(3, activation="softmax", kernel_initializer=start)
        for start in ("identity", keras.initializers.Identity(0.2))
    ]
    model = keras.Model(images, keras.layers.Average()([end(scores) for end in ends]))
    classifier = Classifier(model, NAMES, {"epoch": []}, output="softmax")
    data = images_of_scores(200, 3)
    before = chances_of(classifier, data)
    calibrated = calibrate_classifier(classifier, data, method="temperature")
    wanted = before ** (1 / calibrated.calibration["temperature"])
    wanted /= wanted.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(chances_of(calibrated, data), wanted, atol=1e-5)


def test_ensemble_of_calibrated_classifiers_is_calibrated_itself():
    data = images_of_scores(200, 3)
    members = [
        calibrate_classifier(classifier_of(3, "scores"), data, method=method)
        for method in ("vector", "isotonic")
    ]
    ensemble = reticnn.ensemble_classifiers(members)
    assert ensemble.calibration is None
    before = chances_of(ensemble, data)
    wanted = np.mean([chances_of(member, data) for member in members], axis=0)
    np.testing.assert_allclose(before, wanted, atol=1e-5)
    calibrated = calibrate_classifier(ensemble, images_of_scores(200, 3, seed=4))
    assert calibrated.shares == ensemble.shares
    assert "members  2, with weights 0.5, 0.5\ncalibrated by" in repr(calibrated)
    wanted = before ** (1 / calibrated.calibration["temperature"])
    wanted /= wanted.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(chances_of(calibrated, data), wanted, atol=1e-4)


class OwnCall(keras.Model):
    """A model with its own `call()`."""

    def __init__(self, **options):
        """Make its layers."""
        super().__init__(**options)
        self.flat = keras.layers.Flatten()
        self.dense = keras.layers.Dense(2, activation="softmax")

    def call(self, inputs):
        """Return probabilities."""
        return self.dense(self.flat(inputs / 255))


def test_model_with_its_own_call_is_calibrated_whole(fit, shapes):
    model = OwnCall()
    model(shapes.read(np.arange(2)))
    inputs = keras.Input((16, 16, 3))
    classifier = fit(keras.Model(inputs, model(inputs)), shapes[:30], output="softmax")
    data = reticnn.shape_images(100, image_size=16, seed=9)
    before = chances_of(classifier, data)
    calibrated = calibrate_classifier(classifier, data, method="vector")
    layer = calibrated.model.get_layer("calibration")
    factors, shifts = map(keras.ops.convert_to_numpy, layer.weights)
    wanted = np.exp(np.log(before) * factors + shifts)
    wanted /= wanted.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(chances_of(calibrated, data), wanted, atol=1e-5)


@keras.saving.register_keras_serializable("test_calibrating")
class Forgetful(keras.layers.Layer):
    """A layer that does not tell what it computes with."""

    def call(self, inputs):
        """Return the inputs, multiplied."""
        return inputs * getattr(self, "factor", 1)


def test_copy_that_predicts_otherwise_is_refused(refused):
    layer = Forgetful()
    layer.factor = 3
    model = classifier_of(3, "scores").model
    model = keras.Model(model.inputs, layer(model.outputs[0]))
    classifier = Classifier(model, NAMES, {"epoch": []}, output="logits")
    with refused(ValueError, "classifier", "something else", "get_config()"):
        calibrate_classifier(classifier, images_of_scores(60, 3))


def test_auxiliary_heads_stay_behind():
    bare = classifier_of(3, "activation").model
    model = AuxiliaryModel(bare.inputs, bare.outputs)
    tap = model.layers[-2].output
    heads = keras.Model(tap, keras.layers.Dense(3, activation="softmax")(tap))
    model.set_auxiliary([tap], heads, 0.3)
    data = images_of_scores(200, 3)
    classifier = Classifier(model, NAMES, {"epoch": []}, output="softmax")
    calibrated = calibrate_classifier(classifier, data)
    assert calibrated.model.count_params() == bare.count_params() + 1
    wanted = calibrate_classifier(classifier_of(3, "activation"), data)
    np.testing.assert_allclose(chances_of(calibrated, data), chances_of(wanted, data))


def distances():
    """Return a classifier that gives distances to prototypes."""
    model = reticnn.landmark_model("lenet5", num_classes=2, prototypes=np.eye(2, 84))
    return Classifier(model, NAMES[:2], {"epoch": []}, output="distances")


class OwnPrediction(keras.Model):
    """A model that predicts in its own way."""

    def predict_step(self, data):
        """Return something else."""
        return 1 - super().predict_step(data)


def own_prediction():
    model = classifier_of(2, "activation").model
    model = OwnPrediction(model.inputs, model.outputs)
    return Classifier(model, NAMES[:2], {"epoch": []}, output="sigmoid")


def only(data, chosen):
    return data[np.flatnonzero(chosen).tolist()]


@pytest.mark.parametrize("seed", range(40))
def test_factors_that_have_no_end_are_never_taken_for_found(seed):
    draws = np.random.default_rng(seed)
    n, classes = draws.integers(30, 300), draws.integers(2, 5)
    scores = draws.normal(0, draws.choice([0.5, 2, 5]), (n, classes))
    log_chances = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    with pytest.raises(CalibrationError, match="do not tell how much"):
        Vector.found(log_chances, scores.argmax(axis=1))


def test_what_does_not_tell_the_calibration_is_refused(refused):
    data, classifier = images_of_scores(200, 3), classifier_of(3, "scores")
    right = log_chances_of(data).argmax(axis=1) == data.codes
    with refused(ValueError, "data", f"all of its {right.sum()} images", "harder"):
        calibrate_classifier(classifier, only(data, right))
    with refused(ValueError, "data", "no better than chance", "labels"):
        calibrate_classifier(classifier, only(data, ~right))
    without = only(data, data.codes != 2)
    with refused(ValueError, "data", "{'owl': 0}", "method='temperature'"):
        calibrate_classifier(classifier, without, method="isotonic")
    assert calibrate_classifier(classifier, without).calibration["images"] == len(
        without
    )
    with refused(ValueError, "data", "do not tell how much to change each class"):
        calibrate_classifier(classifier, only(data, right), method="vector")
    few = data[np.flatnonzero(right)[:8].tolist() + np.flatnonzero(~right)[:1].tolist()]
    with pytest.warns(UserWarning, match="`data` has too few images to measure"):
        table = calibrate_classifier(classifier, few).calibration["measures"]
    assert np.isnan(table["after"]).all() and not np.isnan(table["before"]).any()


def test_what_cannot_be_calibrated_is_refused(refused, classifier):
    data = images_of_scores(60, 2)
    pixels, labels = data.read(np.arange(60)), data.labels
    with refused(ValueError, "classifier", "distances to prototypes", "modern"):
        calibrate_classifier(distances(), data)
    with refused(ValueError, "classifier", "'predict_step'"):
        calibrate_classifier(own_prediction(), data)
    mine = classifier_of(2, "scores")
    with refused(ValueError, "data", "no labels"):
        calibrate_classifier(mine, image_arrays(pixels))
    weighted = image_arrays(pixels, labels, weights=np.arange(60.0))
    with refused(ValueError, "data", "0 to 59", "`weights`"):
        calibrate_classifier(mine, weighted)
    with refused(ValueError, "method", "'platt'", "'vector'"):
        calibrate_classifier(mine, data, method="platt")
    with refused(TypeError, "classifier", "fit_classifier"):
        calibrate_classifier(mine.model, data)
    seen = reticnn.shape_images(1000, image_size=16, seed=1)[:40]
    with refused(ValueError, "data", "40 of 40", "split_images"):
        calibrate_classifier(classifier, seen)


def test_validation_images_are_taken_with_a_warning(fit, tiny_cnn, refused):
    data = reticnn.shape_images(60, image_size=16, seed=1)
    held_out = reticnn.shape_images(40, image_size=16, seed=2)
    trained = fit(tiny_cnn(), data, validation=held_out, learning_rate=0.05, epochs=2)
    with pytest.warns(reticnn.runtime.conditions.SeenImagesWarning, match="40 of 40"):
        calibrated = calibrate_classifier(trained, held_out, method="isotonic")
    weights = calibrated.model.get_weights()
    for train in (
        lambda: fit(calibrated, data),
        lambda: fit(calibrated.model, data),
        lambda: reticnn.fine_tune(calibrated, data, epochs=1, progress="none"),
        lambda: reticnn.find_learning_rate(calibrated, data, steps=20),
    ):
        with refused(ValueError, "model", "is calibrated", "calibrate_classifier"):
            train()
    for before, after in zip(weights, calibrated.model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    again = fit(trained, data)
    assert again.calibration is None


def test_images_for_which_the_model_gives_nan_are_left_out():
    data = images_of_scores(120, 3)
    pixels = data.read(np.arange(120))
    pixels[:3] = 0
    model = classifier_of(3, "scores").model
    nan_of_black = 0 * keras.ops.log(keras.ops.max(model.inputs[0], axis=(1, 2)))
    model = keras.Model(model.inputs[0], model.outputs[0] + nan_of_black)
    classifier = Classifier(model, NAMES, {"epoch": []}, output="logits")
    spoiled = image_arrays(pixels, data.labels, class_names=NAMES)
    with pytest.warns(UserWarning, match="NaN for 3 of 120"):
        calibrated = calibrate_classifier(classifier, spoiled, groups=data.labels)
    assert calibrated.calibration["images"] == 117


def test_rest_of_the_package_takes_a_calibrated_classifier(tmp_path, classifier):
    data = reticnn.shape_images(100, image_size=16, seed=9)
    labels = data.labels
    labels[::9] = labels[1::9][:12] + labels[:1]
    data = image_arrays(data.read(np.arange(100)), labels)
    calibrated = calibrate_classifier(classifier, data)
    temperature = calibrated.calibration["temperature"]
    assert reticnn.layer_table(calibrated)["name"][-2:] == [
        "calibration",
        "probabilities",
    ]
    assert "TemperatureScaling" in reticnn.describe_model(calibrated)["type"]
    larger = reticnn.shape_images(6, image_size=24, seed=5)
    # Scores are averaged over positions, and then calibrated.
    have, want = (
        np.array(predict_images(one, larger, scales=24)[".pred_square"])
        for one in (calibrated, classifier)
    )
    odds = np.log(want / (1 - want)) / temperature
    # The odds of a probability near 1 are rounded.
    np.testing.assert_allclose(have, 1 / (1 + np.exp(-odds)), atol=5e-3)
    # Its features are those before the last layer that learned, as they were.
    seen, wanted = (features_model(one.model) for one in (calibrated, classifier))
    pixels = data.read(np.arange(4))
    np.testing.assert_allclose(
        seen.predict_on_batch(pixels), wanted.predict_on_batch(pixels), atol=1e-5
    )
