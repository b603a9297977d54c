"""Every kind of classifier that the package makes or takes, and what it refuses."""

import keras
import numpy as np
import pytest

import reticnn
from reticnn import explain_prediction, explanation_scores

CAMS = ("grad_cam", "grad_cam++", "layer_cam")
METHODS = (*CAMS, "gradient", "smooth_grad", "integrated_gradients")


def _pixels(shape, count=2):
    drawn = np.random.default_rng(0).integers(0, 256, (count, *shape))
    return drawn.astype("float32")


def _check(model, methods=("grad_cam", "gradient")):
    """Explain both classes and all, and compare the probabilities to Keras's."""
    pixels = _pixels(model.input_shape[1:])
    samples = (
        2 if {"smooth_grad", "integrated_gradients"}.intersection(methods) else None
    )
    found = explain_prediction(model, pixels, method=list(methods), samples=samples)
    assert found.maps.shape == (2 * len(methods), *model.input_shape[1:3])
    assert np.isfinite(found.maps).all()
    table = reticnn.predict_images(model, pixels)
    for image, name, chance in zip(
        *(found.table[key] for key in ("image", "class", "probability")), strict=True
    ):
        assert table[".pred_class"][image] == name
        np.testing.assert_allclose(chance, table[f".pred_{name}"][image], atol=1e-5)
    return found


@pytest.mark.parametrize("name", ["lenet5", "resnet20"])
def test_small_landmarks_are_explained(name):
    found = _check(reticnn.landmark_model(name, seed=1))
    assert found.table["layer"][0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("alexnet", "pool5"),
        ("vgg11", None),
        ("googlenet", None),
        ("mobilenet", None),
        ("densenet121", None),
        ("convnext_tiny", None),
    ],
)
def test_large_landmarks_are_explained(name, layer):
    sides = {"alexnet": 227, "googlenet": 72}
    size = (sides.get(name, 64), sides.get(name, 64), 3)
    model = reticnn.landmark_model(name, size, 3, seed=1)
    found = explain_prediction(model, _pixels(size, 1), "all", "grad_cam")
    assert found.maps.shape == (3, *size[:2])
    assert layer in (None, found.table["layer"][0])
    assert "auxiliary" not in found.table["layer"][0]
    assert found.maps.any()


def test_lenet_as_published_has_negative_distances():
    model = reticnn.landmark_model("lenet5", variant="original", seed=1)
    pixels = _pixels(model.input_shape[1:])
    found = explain_prediction(model, pixels, "all", "gradient")
    distances = model.predict(pixels, verbose=0)
    np.testing.assert_allclose(
        np.reshape(found.table["score"], distances.shape), -distances, rtol=1e-5
    )
    nearest = explain_prediction(model, pixels).table["class"]
    assert nearest == [f"class_{code + 1}" for code in distances.argmin(axis=1)]
    assert "negative squared distance" in repr(found)
    scores = explanation_scores(found, model, "sanity", seed=1)
    assert np.isfinite(scores.table["sanity"]).all()


def test_an_ensemble_with_distances_has_the_logarithm_of_its_probabilities():
    lenet = reticnn.landmark_model("lenet5", variant="original", seed=1)
    cnn = reticnn.build_cnn((32, 32, 1), 10, filters=2, n_blocks=1, seed=1)
    pixels = _pixels((32, 32, 1))
    data = reticnn.image_arrays(_pixels((32, 32, 1), 10), list("abcdefghij"))
    members = [
        reticnn.fit_classifier(model, data, epochs=1, seed=1) for model in (lenet, cnn)
    ]
    ensemble = reticnn.ensemble_classifiers(members)
    found = explain_prediction(ensemble, pixels, "all", ["gradient", "occlusion"])
    table = reticnn.predict_images(ensemble, pixels)
    chances = [
        table[f".pred_{name}"][image]
        for image, name in zip(found.table["image"], found.table["class"], strict=True)
    ]
    np.testing.assert_allclose(found.table["score"], np.log(chances), atol=1e-4)
    assert "logarithm of the probability" in repr(found)
    assert np.isfinite(found.maps).all()
    assert found.maps.any(axis=(1, 2)).all()


@pytest.mark.parametrize("adapter", [None, True])
def test_transfer_models_are_explained(adapter):
    model = reticnn.transfer_model(
        "mobilenet_0.25",
        (20, 24, 3),
        weights=None,
        adapter=adapter,
        resize_to=64,
        seed=1,
    )
    found = _check(model, ["grad_cam", "integrated_gradients"])
    assert found.table["layer"][0].startswith("mobilenet")


def test_saved_and_loaded_is_as_before(classifier, shapes, tmp_path):
    methods = ["grad_cam", "integrated_gradients"]
    before = explain_prediction(classifier, shapes[:3], method=methods)
    reticnn.save_classifier(classifier, tmp_path / "shapes")
    loaded = reticnn.load_classifier(tmp_path / "shapes")
    after = explain_prediction(loaded, shapes[:3], method=methods)
    np.testing.assert_allclose(after.maps, before.maps, atol=1e-6)
    assert before.class_names == ["circle", "square"]


def test_perceptrons_have_gradients_but_no_feature_maps(refused):
    model = reticnn.build_mlp((8, 8, 3), seed=1)
    _check(model, ["gradient", "smooth_grad", "integrated_gradients"])
    with refused(ValueError, "method", "'grad_cam'", "'integrated_gradients'"):
        explain_prediction(model, _pixels((8, 8, 3)))


@keras.saving.register_keras_serializable("test_explanation")
class _Own(keras.Model):
    """A network with its own `call()`, whose layers do not say what it computes."""

    def __init__(self, **options):
        super().__init__(**options)
        self.convolution = keras.layers.Conv2D(3, 3, activation="relu")
        self.pooling = keras.layers.GlobalAveragePooling2D()
        self.dense = keras.layers.Dense(3, activation="softmax")

    def call(self, x, training=None):
        return self.dense(self.pooling(self.convolution(x)))


def test_a_network_with_its_own_call_is_explained_from_outside(refused):
    keras.utils.set_random_seed(1)
    image = keras.Input((10, 10, 3))
    model = keras.Model(image, _Own()(image))
    pixels = _pixels((10, 10, 3))
    found = explain_prediction(
        model, pixels, "all", ["gradient", "integrated_gradients"], output="softmax"
    )
    assert found.scores_are == "logarithm of the probability"
    predicted = model.predict(pixels, verbose=0)
    scores = np.reshape(found.table["score"], (2, 2, 3))[:, 0]
    # Small ones are cut off before their logarithm is taken.
    likely = predicted > 1e-9
    assert likely.any()
    wanted = np.log(predicted[likely])
    np.testing.assert_allclose(scores[likely], wanted, atol=1e-5)
    with refused(ValueError, "method", "'grad_cam'", "'occlusion'"):
        explain_prediction(model, pixels, output="softmax")


def test_a_mean_of_predictions_has_the_logarithm_of_the_mean():
    keras.utils.set_random_seed(1)
    image = keras.Input((10, 10, 3))
    members = []
    for _ in range(2):
        x = keras.layers.Conv2D(3, 3, activation="relu")(image)
        x = keras.layers.GlobalAveragePooling2D()(x)
        members.append(keras.layers.Dense(2, activation="softmax")(x))
    model = keras.Model(image, keras.layers.Average()(members))
    pixels = _pixels((10, 10, 3))
    found = explain_prediction(model, pixels, "all", "gradient")
    scores = np.reshape(found.table["score"], (2, 2))
    # Small ones are cut off before their logarithm is taken.
    wanted = np.log(np.maximum(model.predict(pixels, verbose=0), 1e-12))
    np.testing.assert_allclose(scores, wanted, atol=1e-5)
    with pytest.warns(UserWarning, match="`layer` is not given"):
        explain_prediction(model, pixels)


def test_half_precision_is_explained():
    image = keras.Input((12, 12, 3))
    with _policy("mixed_float16"):
        x = keras.layers.Rescaling(1 / 255)(image)
        x = keras.layers.Conv2D(4, 3, activation="relu")(x)
        x = keras.layers.GlobalAveragePooling2D()(x)
        x = keras.layers.Dense(2, activation="softmax")(x)
    _check(keras.Model(image, x), METHODS)


class _policy:  # noqa: N801
    def __init__(self, name):
        self.name = name

    def __enter__(self):
        self.before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(self.name)

    def __exit__(self, *_):
        keras.config.set_dtype_policy(self.before)


def test_models_of_any_size_are_explained():
    image = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu")(image)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, keras.layers.Dense(2, activation="softmax")(x))
    found = explain_prediction(model, _pixels((14, 10, 3)), method=list(METHODS))
    assert found.maps.shape == (12, 14, 10)


# Where in the image a map lies


def _centre_network(before):
    """Build a network whose score is the brightness of one place after `before`."""
    image = keras.Input((24, 24, 1))
    x = before(image)
    x = keras.layers.Conv2D(1, 1, use_bias=False, name="maps")(x)
    x = keras.layers.Flatten()(x)
    model = keras.Model(image, keras.layers.Dense(2, name="scores")(x))
    model.get_layer("maps").set_weights([np.ones((1, 1, 1, 1), "float32")])
    return model


@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.CenterCrop(12, 8),
        keras.layers.Cropping2D(((2, 6), (1, 9))),
        keras.layers.Resizing(12, 24, crop_to_aspect_ratio=True),
        keras.layers.Resizing(12, 24, pad_to_aspect_ratio=True),
        keras.layers.ZeroPadding2D(((8, 4), (5, 7))),
    ],
)
def test_maps_lie_where_a_network_looks(layer):
    model = _centre_network(layer)
    weights = model.get_layer("scores")
    shape = model.get_layer("maps").output.shape[1:3]
    picture = np.full((1, 24, 24, 1), 1.0, "float32")
    picture[0, 9:13, 10:12] = 200
    kernel = np.ones((shape[0] * shape[1], 2), "float32")
    weights.set_weights([kernel, np.zeros(2, "float32")])
    found = explain_prediction(
        model, picture, "class_1", "layer_cam", output="logits"
    ).maps[0]
    bright = found[9:13, 10:12]
    assert bright.min() > 0.5 * found.max()
    rest = found.copy()
    rest[8:14, 9:13] = 0
    assert rest.max() < 0.6 * found.max()


@pytest.mark.parametrize("behind", ["dense", "permuted"])
def test_what_only_looks_like_maps_is_not_taken_for_them(behind):
    image = keras.Input((12, 12, 3))
    x = keras.layers.Conv2D(4, 3, name="convolution")(image)
    if behind == "dense":
        x = keras.layers.Dense(32)(keras.layers.Flatten()(x))
        x = keras.layers.ReLU()(keras.layers.Reshape((4, 4, 2))(x))
    else:
        x = keras.layers.ReLU()(keras.layers.Permute((3, 1, 2))(x))
    x = keras.layers.Flatten()(x)
    model = keras.Model(image, keras.layers.Dense(2, activation="softmax")(x))
    found = explain_prediction(model, _pixels((12, 12, 3)))
    assert found.table["layer"] == ["convolution"] * 2


@pytest.mark.parametrize(
    "move",
    [
        keras.layers.Permute((2, 1, 3), name="moved"),
        keras.layers.Reshape((6, 24, 4), name="moved"),
        lambda x: keras.ops.transpose(x, (0, 3, 1, 2)),
        lambda x: keras.ops.flip(x, axis=1),
    ],
)
def test_maps_whose_pixels_have_moved_are_refused(move, refused):
    image = keras.Input((12, 12, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", name="convolution")(image)
    x = keras.layers.Conv2D(4, 1, name="behind")(move(x))
    x = keras.layers.Flatten()(x)
    model = keras.Model(image, keras.layers.Dense(2, activation="softmax")(x))
    moved = model.layers[2].name
    for name in (moved, "behind"):
        with refused(ValueError, "layer", f"'{name}'", "rearranges", "'convolution'"):
            explain_prediction(model, _pixels((12, 12, 3)), layer=name)
    found = explain_prediction(model, _pixels((12, 12, 3)))
    assert found.table["layer"] == ["convolution"] * 2


def test_channels_may_change_places():
    image = keras.Input((12, 12, 3))
    x = keras.layers.Conv2D(4, 3, padding="same")(image)
    x = keras.layers.Permute((1, 2, 4, 3))(keras.layers.Reshape((12, 12, 2, 2))(x))
    x = keras.layers.Reshape((12, 12, 4), name="shuffled")(x)
    x = keras.layers.Conv2D(4, 3, activation="relu", name="behind")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, keras.layers.Dense(2, activation="softmax")(x))
    found = explain_prediction(model, _pixels((12, 12, 3)))
    assert found.table["layer"] == ["behind"] * 2
    explain_prediction(model, _pixels((12, 12, 3)), layer="shuffled")


def test_an_unknown_change_of_size_is_said():
    model = _centre_network(lambda image: image[:, 4:, 6:])
    with pytest.warns(UserWarning, match="in a way that is not known"):
        explain_prediction(model, _pixels((24, 24, 1)), output="logits")


# What is refused, by name


def test_bad_arguments_are_named(classifier, shapes, refused):
    few = shapes[:2]

    def explain(**arguments):
        return explain_prediction(classifier, few, **arguments)

    with refused(ValueError, "classes", "'cricle'", "'circle'"):
        explain(classes="cricle")
    with refused(ValueError, "classes", "'circle'", "twice"):
        explain(classes=["circle", "circle"])
    with refused(ValueError, "against", "'dog'"):
        explain(against="dog")
    with refused(ValueError, "against", "'circle'"):
        explain(classes="circle", against="circle")
    with refused(ValueError, "against", "predicted"):
        explain_prediction(classifier, shapes, against="circle")
    with refused(ValueError, "method", "'gradcam'", "'grad_cam'"):
        explain(method="gradcam")
    with refused(ValueError, "layer", "'block9'", "describe_model"):
        explain(layer="block9")
    with refused(ValueError, "layer", "not feature maps", "'block"):
        explain(layer=classifier.model.layers[-1].name)
    for name, value in {"samples": 0, "noise": 0, "batch_size": 0}.items():
        with refused(ValueError, name, value):
            explain(**{name: value})
    unused = {"layer": "block1_pool", "samples": 9, "patch_size": 4, "stride": 2}
    for name, value in unused.items():
        with refused(ValueError, name, value, "'gradient'", "Leave"):
            explain(method="gradient", **{name: value})
    for name in ("classes", "method"):
        with refused(ValueError, name, "empty"):
            explain(**{name: []})
    with refused(ValueError, "baseline", "'blue'", "'mean'"):
        explain(baseline="blue")
    with refused(ValueError, "baseline", "2", "3 channels"):
        explain(baseline=(1, 2))
    with refused(TypeError, "classifier", "3"):
        explain_prediction(3, few)


@keras.saving.register_keras_serializable("test_explanation")
class _Steps(keras.layers.Layer):
    def call(self, x):
        return keras.ops.cast(keras.ops.cast(x, "int32"), "float32")


def test_what_cannot_be_differentiated_is_named(refused):
    image = keras.Input((12, 12, 3))
    x = keras.layers.Conv2D(3, 3, name="convolution")(image)
    x = keras.layers.GlobalAveragePooling2D()(_Steps()(x))
    model = keras.Model(image, keras.layers.Dense(2, activation="softmax")(x))
    if keras.backend.backend() == "jax":
        # To which a whole number is one that does not change.
        with pytest.warns(UserWarning, match="0 everywhere"):
            explain_prediction(model, _pixels((12, 12, 3)), layer="convolution")
        return
    with refused(ValueError, "layer", "'convolution'", "'occlusion'"):
        explain_prediction(model, _pixels((12, 12, 3)), layer="convolution")
    with refused(ValueError, "method", "'occlusion'"):
        explain_prediction(model, _pixels((12, 12, 3)), method="gradient")


def test_a_layer_used_twice_and_one_without_effect_are_named(refused):
    image = keras.Input((12, 12, 3))
    shared = keras.layers.Conv2D(3, 3, padding="same", name="shared")
    x = keras.layers.GlobalAveragePooling2D()(shared(shared(image)))
    model = keras.Model(image, keras.layers.Dense(2, activation="softmax")(x))
    with refused(ValueError, "layer", "'shared'", "used 2 times"):
        explain_prediction(model, _pixels((12, 12, 3)), layer="shared")


def test_images_that_give_nan_have_no_class(classifier, shapes):
    model = keras.models.clone_model(classifier.model)
    model.set_weights([np.nan * weight for weight in classifier.model.get_weights()])
    with pytest.warns(UserWarning, match="returns NaN for 2 of 2"):
        found = explain_prediction(model, shapes[:2], method=["grad_cam", "lime"])
    assert found.table["class"] == [None] * 4
    assert np.isnan(found.maps).all() and np.isnan(found.table["score"]).all()


def test_maps_of_nothing_are_said(classifier, shapes):
    model = keras.models.clone_model(classifier.model)
    model.set_weights([0 * weight for weight in classifier.model.get_weights()])
    with pytest.warns(UserWarning, match="2 of 2 maps are 0 everywhere"):
        explain_prediction(model, shapes[:2])
