import json

import keras
import numpy as np
import pytest

from reticnn import (
    describe_model,
    evaluate_classifier,
    freeze,
    image_arrays,
    landmark_model,
    layer_table,
    load_classifier,
    load_images,
    predict_images,
    save_classifier,
    shape_images,
    training_recipe,
    unfreeze,
)
from reticnn.landmarks.lenet import digit_prototypes
from reticnn.layers.lenet import PartialConv2D, Subsampling2D, scaled_tanh
from reticnn.layers.rbf import EuclideanRBF, MAPLoss

# Table I of the paper: one column per map of C3, one row per map of S2.
TABLE_I = """
X...XXX..XXXX.XX
XX...XXX..XXXX.X
XXX...XXX..X.XXX
.XXX..XXXX..X.XX
..XXX..XXXX.XX.X
...XXX..XXXX.XXX
"""

predict_elsewhere = """
import json, sys, numpy, reticnn
classifier = reticnn.load_classifier(sys.argv[1])
predicted = reticnn.predict_images(classifier, numpy.load(sys.argv[2]))
optimizer = classifier.model.optimizer
curvatures = [float(numpy.asarray(part).sum()) for part in optimizer.curvatures]
print(json.dumps([predicted, curvatures, classifier.model.loss.j]))
"""


@pytest.fixture(scope="module")
def digits():
    """Return scanned digits as the paper has them: 20 x 20 pixels in 32 x 32."""
    datasets = pytest.importorskip("sklearn.datasets")
    scans = datasets.load_digits()
    pixels = (scans.images * 255 / 16).astype("uint8")
    tall = np.asarray(keras.ops.image.resize(pixels[..., None], (20, 20)))
    images = np.pad(tall, ((0, 0), (6, 6), (6, 6), (0, 0))).clip(0, 255)
    return image_arrays(images.round().astype("uint8"), scans.target)


@pytest.fixture(scope="module")
def digit_reader(digits, fit):
    """Return the original LeNet-5 after a short training on 1,000 digits."""
    return fit(
        landmark_model("lenet5", seed=1),
        digits[:1000],
        epochs=6,
        batch_size=16,
        optimizer="levenberg_marquardt",
        learning_rate=0.003,
        schedule="cosine",
    )


@pytest.fixture
def two_prototypes():
    return np.random.default_rng(1).choice([-1.0, 1.0], (2, 84))


def _called(layer, inputs):
    return keras.ops.convert_to_numpy(layer(keras.ops.convert_to_tensor(inputs)))


def _features(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


# The network


def test_original_has_the_layers_and_the_60000_parameters_of_the_paper():
    model = landmark_model("lenet5")
    of_layer = {layer.name: layer.count_params() for layer in model.layers}
    assert {name: count for name, count in of_layer.items() if count} == {
        "c1": 156,
        "s2": 12,
        "c3": 1516,
        "s4": 32,
        "c5": 48120,
        "f6": 10164,
        "output": 840,
    }
    assert sum(np.prod(part.shape) for part in model.trainable_variables) == 60_000
    assert model.get_layer("c3").output.shape == (None, 10, 10, 16)
    assert model.get_layer("c5").output.shape == (None, 1, 1, 120)


@pytest.mark.parametrize("variant", ["original", "modern"])
def test_smaller_digits_are_extended_by_their_ground(digits, variant):
    whole = landmark_model("lenet5", variant=variant, seed=1)
    smaller = landmark_model("lenet5", (28, 28, 1), variant=variant, weights=whole)
    images = load_images(digits[:5])["images"]
    assert (images[:, [0, 1, -2, -1]] == 0).all()
    np.testing.assert_allclose(
        smaller.predict(images[:, 2:-2, 2:-2], verbose=0),
        whole.predict(images, verbose=0),
        rtol=1e-5,
    )


@pytest.mark.parametrize("side", [32, 28.0])
def test_modern_has_61706_parameters_and_gives_probabilities(side):
    model = landmark_model("lenet5", (side, side, 1), variant="modern", seed=1)
    assert model.count_params() == 61_706
    images = np.random.default_rng(1).integers(0, 256, (3, int(side), int(side), 1))
    outputs = model.predict(images.astype("float32"), verbose=0)
    np.testing.assert_allclose(outputs.sum(axis=1), 1, rtol=1e-5)


def test_partial_convolution_is_a_convolution_without_the_missing_connections():
    model = landmark_model("lenet5", seed=1)
    kernels, bias = (np.asarray(part) for part in model.get_layer("c3").weights)
    table = np.array([list(row) for row in TABLE_I.split()]) == "X"
    assert kernels.shape == (5, 5, table.sum()) == (5, 5, 60)
    full = np.zeros((5, 5, 6, 16), "float32")
    # The kernels are in the order of C3's maps.
    for kernel, (number, source) in enumerate(np.argwhere(table.T)):
        full[:, :, source, number] = kernels[:, :, kernel]
    maps = _features(2, 14, 14, 6)
    convolution = keras.layers.Conv2D(16, 5)
    convolution.build(maps.shape)
    convolution.set_weights([full, bias + 1])
    model.get_layer("c3").set_weights([kernels, bias + 1])
    np.testing.assert_allclose(
        _called(model.get_layer("c3"), maps), _called(convolution, maps), atol=1e-5
    )


def test_subsampling_sums_scales_and_shifts():
    maps = _features(2, 4, 6, 3)
    layer = Subsampling2D()
    layer.build(maps.shape)
    layer.set_weights([np.array([1, -2, 0.5]), np.array([0, 1, 2])])
    sums = maps.reshape(2, 2, 2, 3, 2, 3).sum(axis=(2, 4))
    expected = sums * [1, -2, 0.5] + [0, 1, 2]
    np.testing.assert_allclose(_called(layer, maps), expected, atol=1e-5)


def test_tanh_is_one_at_one():
    values = _called(scaled_tanh, np.array([-1.0, 0.0, 1.0, 100.0], "float32"))
    np.testing.assert_allclose(values, [-0.9999973, 0, 0.9999973, 1.7159], rtol=1e-6)


def test_digits_are_ten_different_drawings():
    digits = digit_prototypes()
    assert digits.shape == (10, 84)
    assert set(digits.ravel()) == {-1, 1}
    apart = ((digits[:, None] - digits) ** 2).sum(axis=2)
    assert apart[~np.eye(10, dtype=bool)].min() >= 40


def test_output_is_the_squared_distance_to_each_prototype():
    features, prototypes = _features(3, 84), digit_prototypes()
    expected = ((features[:, None] - prototypes) ** 2).sum(axis=2)
    np.testing.assert_allclose(
        _called(EuclideanRBF(prototypes), features), expected, rtol=1e-5
    )


def test_convolutions_can_do_without_tanh():
    names = [
        {layer.name for layer in landmark_model("lenet5", **options).layers}
        for options in ({}, {"squash_convolutions": False})
    ]
    assert names[0] - names[1] == {"c1_tanh", "c3_tanh"}


def test_costs_are_those_of_the_layers():
    table = describe_model(landmark_model("lenet5"))
    costs = dict(zip(table["name"], table["mult_adds"], strict=True))
    # Connections of the paper, without the biases.
    assert costs["c1"] == 122_304 - 28 * 28 * 6
    assert costs["c3"] == 151_600 - 10 * 10 * 16
    assert costs["output"] == 840


def test_recipe_trains(digits, fit):
    recipe = training_recipe("lenet5")
    model = landmark_model("lenet5", seed=1)
    history = fit(model, digits[:30], **{**recipe, "epochs": 2}).history
    assert history["loss"][-1] < history["loss"][0]


def test_prototypes_of_other_classes(two_prototypes, fit):
    data = shape_images(30, channels=1, seed=1)
    model = landmark_model(
        "lenet5", num_classes=2.0, prototypes=two_prototypes.tolist(), seed=1
    )
    classifier = fit(model, data, epochs=2, learning_rate=0.002)
    assert set(predict_images(classifier, data)[".pred_class"]) <= {"circle", "square"}
    np.testing.assert_array_equal(
        model.get_layer("output").get_weights()[0], two_prototypes
    )


def test_prototypes_can_be_trained(two_prototypes, fit):
    model = landmark_model("lenet5", num_classes=2, prototypes=two_prototypes, seed=1)
    model.get_layer("output").trainable = True
    data = shape_images(20, channels=1, seed=1)
    fit(model, data, optimizer="levenberg_marquardt", learning_rate=0.002)
    moved = np.abs(model.get_layer("output").get_weights()[0] - two_prototypes)
    assert 0 < moved.max() < 1


@pytest.mark.parametrize(
    ("argument", "options", "parts"),
    [
        (
            "input_shape",
            {"input_shape": (64, 64, 1)},
            ["64 x 64", "32 x 32", "28 x 28"],
        ),
        ("input_shape", {"input_shape": (32, 28, 1)}, ["32 x 28", "(32, 32, 1)"]),
        ("num_classes", {"num_classes": 6}, ["not 6", "variant='modern'", "6 x 84"]),
        ("variant", {"variant": "moderne"}, ["'moderne'", "Did you mean 'modern'?"]),
        ("output", {"output": "softmax"}, ["'softmax'", "variant='modern'"]),
        ("output", {"output": "soft"}, ["'soft'", "'softmax'"]),
        ("prototypes", {"prototypes": np.ones((3, 84))}, ["10 x 84", "(3, 84)"]),
        ("prototypes", {"prototypes": np.full((10, 84), np.nan)}, ["10 x 84 finite"]),
        ("prototypes", {"prototypes": "a"}, ["10 x 84 finite", "'a'"]),
        ("prototypes", {"prototypes": {"V1": [1, -1]}}, ["10 x 84 finite", "'V1'"]),
        ("prototypes", {"prototypes": np.ones((10, 84))}, ["some rows are equal"]),
        (
            "prototypes",
            {"variant": "modern", "prototypes": digit_prototypes()},
            ["variant='original'"],
        ),
        (
            "squash_convolutions",
            {"variant": "modern", "squash_convolutions": False},
            ["variant='original'"],
        ),
    ],
)
def test_network_refuses(refused, argument, options, parts):
    with refused(ValueError, argument, *parts):
        landmark_model("lenet5", **options)


def test_squashing_is_a_bool(refused):
    with refused(TypeError, "squash_convolutions", "1"):
        landmark_model("lenet5", squash_convolutions=1.0)


# The loss of distances


def test_loss_is_the_papers():
    distances = np.array([[1.0, 3, 20], [30, 2, 5]])
    codes = np.array([0, 2])
    j = 4.0
    rest = np.log(np.exp(-j) + np.exp(-distances).sum(axis=1))
    expected = (distances[[0, 1], codes] + rest).mean()
    for targets in (codes, codes[:, None]):
        assert float(MAPLoss(j)(targets, distances)) == pytest.approx(
            expected, rel=1e-5
        )


def test_loss_is_never_negative_and_stands_far_distances():
    distances = np.array([[0.0, 600, 600], [600, 600, 0], [600, 500, 600]])
    losses = MAPLoss(reduction=None)(np.array([0, 0, 1]), distances)
    np.testing.assert_allclose(np.asarray(losses), [0, 600, 490], atol=1e-4)


def test_loss_knows_images_of_no_class():
    near, far = (np.full((1, 3), distance) for distance in (1.0, 100.0))
    none_of_three = np.array([3])
    assert float(MAPLoss(10)(none_of_three, near)) > 9
    assert float(MAPLoss(10)(none_of_three, far)) == pytest.approx(0, abs=1e-4)


def test_loss_is_kept_with_its_constant():
    copy = keras.losses.deserialize(keras.losses.serialize(MAPLoss(3.5)))
    assert copy.j == 3.5


# In the loop


@pytest.mark.slow
def test_loss_and_accuracy_follow_from_the_output(digit_reader, digits):
    assert isinstance(digit_reader.model.loss, MAPLoss)
    scores = evaluate_classifier(digit_reader, digits[:1000])
    distances = digit_reader.model.predict(
        load_images(digits[:1000])["images"], verbose=0
    )
    codes = digits[:1000].codes
    assert scores["accuracy"] == np.mean(distances.argmin(axis=1) == codes) > 0.9
    assert scores["loss"] == pytest.approx(float(MAPLoss()(codes, distances)), rel=1e-4)
    predicted = predict_images(digit_reader, digits[:1000])
    chances = np.stack([predicted[f".pred_{digit}"] for digit in range(10)], axis=1)
    powers = np.exp(-distances.astype("float64"))
    expected = powers / (np.exp(-10) + powers.sum(axis=1, keepdims=True))
    np.testing.assert_allclose(chances, expected, rtol=1e-3)


@pytest.mark.slow
def test_images_unlike_any_digit_get_low_activations(digit_reader, digits):
    unseen = load_images(digits[1000:])["images"]
    shapes = load_images(shape_images(100, 6, channels=1, seed=1))["images"]
    noise = np.random.default_rng(1).integers(0, 256, (100, 32, 32, 1), "uint8")
    nearest = {
        name: digit_reader.model.predict(images, verbose=0).min(axis=1)
        for name, images in {"in": unseen, "shapes": shapes, "noise": noise}.items()
    }
    for name in ("shapes", "noise"):
        assert np.median(nearest[name]) > 4 * np.median(nearest["in"])
        assert np.quantile(nearest[name], 0.05) > np.quantile(nearest["in"], 0.8)
    predicted = predict_images(digit_reader, noise)
    columns = [predicted[f".pred_{digit}"] for digit in range(10)]
    assert np.sum(columns, axis=0).max() < 0.01


@pytest.mark.slow
def test_saved_network_is_the_same_elsewhere(
    run_python, digit_reader, digits, tmp_path
):
    images = load_images(digits[:5])["images"]
    np.save(tmp_path / "images.npy", images)
    path = save_classifier(digit_reader, tmp_path / "digits.reticnn")
    result = run_python(predict_elsewhere, path, tmp_path / "images.npy")
    assert result.returncode == 0, result.stderr
    predicted, curvatures, j = json.loads(result.stdout)
    wanted = predict_images(digit_reader, images)
    assert predicted.pop(".pred_class") == wanted.pop(".pred_class")
    for name, column in wanted.items():
        assert predicted[name] == pytest.approx(column, abs=1e-5)
    assert curvatures == [
        float(np.asarray(part).sum())
        for part in digit_reader.model.optimizer.curvatures
    ]
    assert j == digit_reader.model.loss.j
    assert load_classifier(path).class_names == digits.class_names


@pytest.mark.parametrize("argument", ["label_smoothing", "mixup", "cutmix"])
def test_soft_targets_are_refused(refused, fit, digits, argument):
    with refused(ValueError, argument, "distances to prototypes", "'modern'"):
        fit(landmark_model("lenet5"), digits[:20], **{argument: 0.1})


def test_layers_and_model_can_be_copied():
    model = landmark_model("lenet5", seed=1)
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    images = np.random.default_rng(1).integers(0, 256, (2, 32, 32, 1), "uint8")
    np.testing.assert_array_equal(
        model.predict(images, verbose=0), copy.predict(images, verbose=0)
    )
    assert isinstance(copy.get_layer("c3"), PartialConv2D)


@pytest.mark.slow
def test_modern_learns_shapes(fit):
    model = landmark_model("lenet5", num_classes=6, variant="modern", seed=1)
    data = shape_images(6000, 6, image_size=32, channels=1, seed=1)
    classifier = fit(
        model, data, epochs=6, optimizer="adam", learning_rate=0.003, schedule="cosine"
    )
    unseen = shape_images(1000, 6, image_size=32, channels=1, seed=2)
    assert evaluate_classifier(classifier, unseen)["accuracy"] >= 0.95


# Prototypes that stay


def _digits():
    pixels = np.random.default_rng(1).integers(0, 256, (10, 32, 32, 1)).astype("uint8")
    return image_arrays(pixels, list("0123456789"))


def _prototypes(model):
    return model.get_layer("output").get_weights()[0]


def test_unfreezing_leaves_the_prototypes_alone(fit, tmp_path):
    model = landmark_model("lenet5", seed=1)
    names = {weight.path for weight in model.trainable_weights}
    for change in (unfreeze, freeze, unfreeze):
        change(model)
    assert {weight.path for weight in model.trainable_weights} == names
    unfreeze(model, "output")
    assert {weight.path for weight in model.trainable_weights} == names
    before = _prototypes(model)
    stages = [{"train": "head"}, {"train": "all"}]
    classifier = fit(model, _digits(), stages=stages, learning_rate=0.1)
    np.testing.assert_array_equal(_prototypes(model), before)
    assert not layer_table(model)["trainable"][-1]
    loaded = load_classifier(save_classifier(classifier, tmp_path / "c.reticnn"))
    unfreeze(loaded)
    assert {weight.path for weight in loaded.model.trainable_weights} == names
    assert (_prototypes(loaded.model) == before).all()


def test_prototypes_that_are_trained_stay_so_until_they_are_frozen():
    model = landmark_model("lenet5", seed=1)
    output = model.get_layer("output")
    output.trainable = True
    unfreeze(model, "c5")
    assert output.trainable
    freeze(model, "output")
    assert not output.trainable
    unfreeze(model)
    assert not output.trainable
