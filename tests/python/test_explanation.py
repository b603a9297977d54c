"""Maps against what is known by hand: plain Keras on flat models, linear models."""

import keras
import numpy as np
import pytest

import reticnn
from reticnn import explain_prediction
from reticnn.layers.scaling import TemperatureScaling

SIDE = 12
CAMS = ("grad_cam", "grad_cam++", "layer_cam")


def _pixels(count=3, seed=0):
    drawn = np.random.default_rng(seed).integers(0, 256, (count, SIDE, SIDE, 3))
    return drawn.astype("float32")


def _flat(units=3, activation="softmax", head="pool", inner="relu"):
    """Build a plain network; its last feature maps are those of `second`."""
    image = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.Rescaling(1 / 255)(image)
    x = keras.layers.Conv2D(4, 3, activation=inner, name="first")(x)
    x = keras.layers.Conv2D(5, 3, strides=2, activation=inner, name="second")(x)
    if head == "pool":
        x = keras.layers.GlobalAveragePooling2D()(x)
    else:
        x = keras.layers.Flatten()(x)
        x = keras.layers.Dense(6, activation="tanh")(x)
    x = keras.layers.Dense(units, activation=activation)(x)
    return keras.Model(image, x)


@pytest.fixture(scope="module")
def flat():
    keras.utils.set_random_seed(7)
    model = _flat(head="flatten")
    # So that all feature maps count, and not only few that are far above 0.
    for layer in model.layers:
        if layer.weights:
            layer.bias.assign(np.full(layer.bias.shape, 0.1))
    return model


def _by_hand(model, pixels, layer, code):
    """Return feature maps and gradients of a class's score, by numerical slopes.

    They are exact but for rounding where the score is smooth in the maps.
    """
    maps = keras.Model(model.inputs, model.get_layer(layer).output).predict(
        pixels, verbose=0
    )
    at = [one.name for one in model.layers].index(layer)
    rest = model.layers[at + 1 :]

    def score(values):
        for one in rest[:-1]:
            values = one(values)
        last = rest[-1]
        return keras.ops.convert_to_numpy(
            keras.ops.matmul(values, last.kernel) + last.bias
        )[:, code]

    slopes = np.zeros(maps.shape)
    step = 1e-2
    for place in np.ndindex(maps.shape[1:]):
        up, down = maps.copy(), maps.copy()
        up[(slice(None), *place)] += step
        down[(slice(None), *place)] -= step
        slopes[(slice(None), *place)] = (score(up) - score(down)) / (2 * step)
    return maps.astype("float64"), slopes


def _enlarged(coarse):
    """Interpolate between the centres of cells, and repeat the edges: no OpenCV."""
    count, rows, columns = coarse.shape
    down = (np.arange(SIDE) + 0.5) * rows / SIDE - 0.5
    across = (np.arange(SIDE) + 0.5) * columns / SIDE - 0.5
    tall = np.stack(
        [
            [np.interp(down, np.arange(rows), column) for column in one.T]
            for one in coarse
        ]
    )
    return np.stack(
        [[np.interp(across, np.arange(columns), row) for row in one.T] for one in tall]
    ).reshape(count, SIDE, SIDE)


def _expected(method, maps, slopes):
    """Follow the formulas of the papers, with loops where the methods have none."""
    coarse = np.zeros(maps.shape[:3])
    for image, place in np.ndindex(len(maps), maps.shape[3]):
        one, slope = maps[image, ..., place], slopes[image, ..., place]
        if method == "grad_cam":
            coarse[image] += slope.mean() * one
        elif method == "layer_cam":
            coarse[image] += np.maximum(slope, 0) * one
        else:
            below = 2 * slope**2 + one.sum() * slope**3
            shares = np.where(slope == 0, 0, slope**2 / below)
            coarse[image] += (shares * np.maximum(slope, 0)).sum() * one
    return _enlarged(np.maximum(coarse, 0))


@pytest.mark.parametrize("method", CAMS)
def test_cams_are_those_computed_by_hand(flat, method):
    pixels = _pixels()
    found = explain_prediction(flat, pixels, "all", method, layer="second")
    maps = found.maps.reshape(len(pixels), 3, SIDE, SIDE)
    assert maps.max() > 0
    for code in range(3):
        expected = _expected(method, *_by_hand(flat, pixels, "second", code))
        np.testing.assert_allclose(
            maps[:, code], expected, atol=2e-3 * expected.max(), rtol=2e-2
        )


def test_scores_are_those_before_softmax(flat):
    pixels = _pixels()
    found = explain_prediction(flat, pixels, "all")
    scores = np.reshape(found.table["score"], (3, 3))
    chances = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    predicted = flat.predict(pixels, verbose=0)
    np.testing.assert_allclose(chances, predicted, atol=1e-6)
    np.testing.assert_allclose(
        np.reshape(found.table["probability"], (3, 3)), predicted, atol=1e-6
    )
    logits = keras.Model(flat.inputs, flat.layers[-2].output).predict(pixels, verbose=0)
    last = flat.layers[-1]
    np.testing.assert_allclose(
        scores, logits @ last.kernel.numpy() + last.bias.numpy(), atol=1e-5
    )
    assert flat.layers[-1].activation is keras.activations.softmax


def test_the_predicted_class_is_explained_unless_told(flat):
    pixels = _pixels(4)
    table = explain_prediction(flat, pixels).table
    predicted = reticnn.predict_images(flat, pixels)
    assert table["class"] == predicted[".pred_class"]
    assert table["image"] == [0, 1, 2, 3]


# The same network in every way to build it


def _with(model, end):
    """Return a network like `flat` with other layers behind its last one's scores."""
    x = model.layers[-2].output
    scores = keras.layers.Dense(3, name="scores")
    made = keras.Model(model.inputs, end(scores(x)))
    scores.set_weights(model.layers[-1].get_weights())
    return made


def _nested(model):
    inner = keras.Model(model.inputs[0], model.get_layer("second").output, name="inner")
    middle = keras.Sequential([keras.Input((SIDE, SIDE, 3)), inner], name="middle")
    image = keras.Input((SIDE, SIDE, 3))
    start = keras.Input((SIDE, SIDE, 3))
    x = keras.Model(start, middle(start), name="outer")(image)
    for layer in model.layers[4:]:
        x = layer(x)
    return keras.Model(image, x)


def _calibrated(x, of_probabilities):
    scaled = TemperatureScaling(of_probabilities)(x)
    return keras.layers.Softmax()(scaled)


WAYS = {
    "softmax layer": lambda m: _with(m, keras.layers.Softmax()),
    "activation layer": lambda m: _with(m, keras.layers.Activation("softmax")),
    "operation": lambda m: _with(m, lambda x: keras.ops.softmax(x, axis=-1)),
    "reshaped behind": lambda m: _with(
        m,
        lambda x: keras.layers.Reshape((3,))(
            keras.layers.Dropout(0.5)(keras.layers.Softmax()(x))
        ),
    ),
    "logarithm": lambda m: _with(m, keras.layers.Activation("log_softmax")),
    "logits": lambda m: _with(m, lambda x: x),
    "calibrated": lambda m: _with(m, lambda x: _calibrated(x, False)),
    "calibrated probabilities": lambda m: _with(
        m, lambda x: _calibrated(keras.layers.Softmax()(x), True)
    ),
    "nested": _nested,
    "sequential": lambda m: keras.Sequential(
        [keras.Input((SIDE, SIDE, 3)), *m.layers[1:]]
    ),
    "loaded": lambda m: keras.models.clone_model(m),
}


@pytest.mark.parametrize("way", WAYS)
def test_maps_do_not_depend_on_how_a_network_is_built(flat, way):
    pixels = _pixels(2)
    methods = [*CAMS, "gradient", "integrated_gradients"]
    model = WAYS[way](flat)
    for layer in model.layers:
        if isinstance(layer, TemperatureScaling):
            layer.temperature.assign(2.5)
    if way == "loaded":
        model.set_weights(flat.get_weights())
    expected = explain_prediction(flat, pixels, "all", methods)
    found = explain_prediction(model, pixels, "all", methods)
    assert found.table["class"] == expected.table["class"]
    np.testing.assert_allclose(found.maps, expected.maps, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(found.table["score"], expected.table["score"], atol=1e-5)


def test_a_nested_layer_is_found_by_its_name(flat):
    pixels = _pixels(2)
    nested = _nested(flat)
    expected = explain_prediction(flat, pixels, layer="first")
    for name in ("first", "outer/middle/inner/first"):
        found = explain_prediction(nested, pixels, layer=name)
        np.testing.assert_allclose(found.maps, expected.maps, rtol=1e-5)
    assert found.table["layer"] == ["outer/middle/inner/first"] * 2


def test_one_unit_explains_both_classes(flat):
    keras.utils.set_random_seed(2)
    one = _flat(1, "sigmoid")
    pixels = _pixels()
    both = explain_prediction(one, pixels, "all", "integrated_gradients")
    np.testing.assert_array_equal(both.maps[::2], -both.maps[1::2])
    # As two units of which the first always has 0.
    head = one.layers[-1]
    x = keras.layers.Dense(2, activation="softmax", name="two")
    two = keras.Model(one.inputs, x(one.layers[-2].output))
    kernel, bias = head.get_weights()
    x.set_weights([np.c_[0 * kernel, kernel], np.r_[0 * bias, bias]])
    expected = explain_prediction(
        two, pixels, "class_2", "integrated_gradients", against="class_1"
    )
    np.testing.assert_allclose(both.maps[1::2], expected.maps, atol=1e-7)
    np.testing.assert_allclose(
        both.table["probability"][1::2], expected.table["probability"], atol=1e-6
    )


def test_a_difference_is_the_difference_of_maps(flat):
    pixels = _pixels()
    # So many steps, and not more for what needs them.
    given = {"method": "integrated_gradients", "samples": 64}
    every = explain_prediction(flat, pixels, "all", **given).maps
    found = explain_prediction(flat, pixels, "class_3", against="class_1", **given)
    np.testing.assert_allclose(found.maps, every[2::3] - every[0::3], atol=1e-6)
    assert found.table["against"] == ["class_1"] * 3


# Linear networks, of which everything is known


@pytest.fixture(scope="module")
def linear():
    image = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.Flatten()(image)
    model = keras.Model(image, keras.layers.Dense(3, activation="softmax")(x))
    kernel = np.random.default_rng(3).normal(0, 1e-3, (SIDE * SIDE * 3, 3))
    model.layers[-1].set_weights([kernel.astype("float32"), np.zeros(3, "float32")])
    return model


def _kernel(model, code):
    return model.layers[-1].kernel.numpy()[:, code].reshape(SIDE, SIDE, 3)


@pytest.mark.parametrize("method", ["gradient", "smooth_grad"])
def test_slopes_of_a_linear_network_are_its_weights(linear, method):
    samples = 3 if method == "smooth_grad" else None
    found = explain_prediction(linear, _pixels(), "class_3", method, samples=samples)
    expected = abs(_kernel(linear, 2)).max(axis=-1)
    np.testing.assert_allclose(found.maps, [expected] * 3, rtol=1e-4)


@pytest.mark.parametrize("baseline", ["mean", 0, (10, 20, 30)])
def test_integrated_gradients_of_a_linear_network(linear, baseline):
    pixels = _pixels()
    found = explain_prediction(
        linear, pixels, "class_2", "integrated_gradients", baseline=baseline, samples=4
    )
    blank = pixels.mean(axis=(1, 2), keepdims=True) if baseline == "mean" else baseline
    expected = ((pixels - blank) * _kernel(linear, 1)).sum(axis=-1)
    np.testing.assert_allclose(found.maps, expected, atol=1e-5)


def test_integrated_gradients_are_complete_or_say_so():
    keras.utils.set_random_seed(3)
    smooth = _flat(inner="softplus", head="flatten")
    pixels, black = _pixels(), np.zeros((1, SIDE, SIDE, 3))
    settings = {"method": "integrated_gradients", "baseline": 0}
    found = explain_prediction(smooth, pixels, "class_1", samples=20, **settings)
    before = explain_prediction(smooth, black, "class_1", "gradient").table["score"][0]
    differences = np.array(found.table["score"]) - before
    np.testing.assert_allclose(found.maps.sum(axis=(1, 2)), differences, rtol=1e-4)
    with pytest.warns(UserWarning, match="do not sum .* `samples=4`"):
        explain_prediction(smooth, pixels, "class_1", samples=1, **settings)


# What must not change a map


def test_batches_and_order_do_not_matter(flat):
    pixels = _pixels(5)
    methods = ["grad_cam", "smooth_grad", "integrated_gradients"]
    settings = {"method": methods, "seed": 4, "samples": 5}
    expected = explain_prediction(flat, pixels, **settings)
    found = explain_prediction(flat, pixels, batch_size=2, **settings)
    np.testing.assert_allclose(found.maps, expected.maps, atol=1e-6)
    assert found.table["class"] == expected.table["class"]
    again = explain_prediction(flat, pixels, **settings)
    np.testing.assert_array_equal(again.maps, expected.maps)


def test_the_callers_pixels_and_weights_stay(flat):
    pixels, weights = _pixels(), flat.get_weights()
    before = pixels.copy()
    explain_prediction(flat, pixels, method=["grad_cam", "smooth_grad"], samples=2)
    np.testing.assert_array_equal(pixels, before)
    for one, other in zip(flat.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_dropout_is_off_whatever_the_graph_says():
    keras.utils.set_random_seed(1)
    image = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu")(image)
    x = keras.layers.Dropout(0.5)(x, training=True)
    x = keras.layers.BatchNormalization()(x, training=True)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, keras.layers.Dense(2, activation="softmax")(x))
    pixels = _pixels()
    found = explain_prediction(model, pixels, "all")
    # As Keras predicts.
    np.testing.assert_allclose(
        np.reshape(found.table["probability"], (3, 2)),
        model.predict(pixels, verbose=0),
        atol=1e-5,
    )


def test_images_come_as_they_do_for_predictions(flat, tmp_path, write_image):
    paths = [write_image(tmp_path / f"{n}.png", (9 * n, 60, 200)) for n in range(3)]
    found = explain_prediction(flat, tmp_path)
    assert found.table[".file"] == [str(path) for path in paths]
    assert found.maps.shape == (3, SIDE, SIDE)
    data = reticnn.image_table([str(path) for path in paths], image_size=SIDE)
    np.testing.assert_array_equal(explain_prediction(flat, data).maps, found.maps)
    one = explain_prediction(flat, _pixels()[0])
    assert one.maps.shape == (1, SIDE, SIDE)
    with pytest.warns(UserWarning, match="`images` has images of 20 x 30"):
        larger = explain_prediction(flat, np.full((1, 20, 30, 3), 9.0))
    assert larger.maps.shape == (1, SIDE, SIDE)
