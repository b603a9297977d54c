"""Images for which classes and filters respond: higher than for any image there is."""

import keras
import numpy as np
import pytest

import reticnn
from reticnn import class_image, explain_prediction
from reticnn.explanation.fourier_images import FourierImages, Moved


def _scores(model, pixels, names):
    """Return the highest score of each class among images, as maps explain it."""
    found = explain_prediction(model, pixels, names, "gradient").table
    rows = list(zip(found["class"], found["score"], strict=True))
    return [max(score for name, score in rows if name == of) for of in names]


@pytest.fixture(scope="module")
def imagined(classifier):
    return class_image(classifier, steps=128, seed=1)


def test_scores_rise_far_above_those_of_all_images(classifier, shapes, imagined):
    assert imagined.table["class"] == ["circle", "square"]
    assert imagined.images.shape == (2, 16, 16, 3)
    assert imagined.images.dtype == np.uint8
    highest = _scores(classifier, shapes, ["circle", "square"])
    assert min(imagined.table["probability"]) > 0.99
    for row in range(2):
        assert imagined.table["score"][row] > highest[row] + 1
        assert imagined.table["score"][row] > imagined.table["start"][row] + 1


def test_scores_are_those_of_the_images_returned(classifier, imagined):
    predicted = reticnn.predict_images(classifier, imagined.images)
    assert predicted[".pred_class"] == ["circle", "square"]
    np.testing.assert_allclose(
        predicted[".pred_square"][1], imagined.table["probability"][1], atol=1e-5
    )
    again = explain_prediction(classifier, imagined.images, "all", "gradient").table
    np.testing.assert_allclose(
        [again["score"][0], again["score"][3]], imagined.table["score"], rtol=1e-4
    )


def test_the_seed_decides_and_company_does_not(classifier):
    both = class_image(classifier, steps=4, seed=5)
    alone = class_image(classifier, "square", steps=4, seed=5)
    difference = both.images[1].astype(int) - alone.images[0]
    assert abs(difference).max() <= 2
    same = class_image(classifier, "square", steps=4, seed=5)
    np.testing.assert_array_equal(same.images, alone.images)
    other = class_image(classifier, "square", steps=4, seed=6)
    assert (other.images != alone.images).any()


@pytest.mark.slow
@pytest.mark.parametrize("layer", ["block1_conv1", "dense"])
def test_filters_and_units_respond_more_than_to_any_image(classifier, shapes, layer):
    names = [one.name for one in classifier.model.layers]
    name = next(one for one in names if one.startswith(layer))
    found = class_image(classifier, layer=name, filters=(2, 4), steps=96, seed=1)
    assert found.table["filter"] == [2, 4]
    assert found.table["layer"] == [name] * 2
    part = keras.Model(classifier.model.inputs, classifier.model.get_layer(name).output)
    pixels = reticnn.load_images(shapes)["images"]
    responses = part.predict(pixels, verbose=0)[..., [1, 3]]
    if responses.ndim == 4:
        responses = np.maximum(responses, 0).mean(axis=(1, 2))
    for score, highest in zip(found.table["score"], responses.max(axis=0), strict=True):
        assert score > highest or highest == 0


@pytest.mark.parametrize("channels", [1, 13])
def test_networks_of_any_channels_and_outputs(channels):
    image = keras.Input((None, None, channels))
    keras.utils.set_random_seed(3)
    x = keras.layers.Rescaling(1 / 127.5, -1)(image)
    x = keras.layers.Conv2D(4, 3, activation="tanh")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    logits = keras.Model(image, keras.layers.Dense(3)(x))
    found = class_image(
        logits, "class_2", steps=8, image_size=(10, 12), seed=1, output="logits"
    )
    assert found.images.shape == (1, 10, 12, channels)
    assert found.table["score"][0] > found.table["start"][0]
    assert found.scores_are == "logits"


@pytest.mark.slow
def test_lenet_ensembles_and_nested_models_climb(classifier, tiny_cnn, fit, shapes):
    lenet = reticnn.landmark_model("lenet5")
    found = class_image(lenet, "class_3", steps=6, seed=1)
    assert found.table["score"][0] > found.table["start"][0]
    assert found.images.shape == (1, 32, 32, 1)
    ensemble = reticnn.ensemble_classifiers([classifier, fit(tiny_cnn(), shapes)])
    found = class_image(ensemble, "circle", steps=6, seed=1)
    assert found.table["score"][0] > found.table["start"][0]
    image = keras.Input((16, 16, 3))
    nested = keras.Model(image, classifier.model(keras.layers.Identity()(image)))
    found = class_image(nested, layer="block1_conv1", filters=1, steps=6, seed=1)
    assert found.table["score"][0] > found.table["start"][0]


def test_bad_arguments_are_named(classifier, refused):
    with refused(ValueError, "classes", "circle"):
        class_image(classifier, "cricle")
    with refused(ValueError, "classes", "is empty"):
        class_image(classifier, [])
    with refused(ValueError, "classes", "'0'", "circle"):
        class_image(classifier, 0)
    with refused(ValueError, "filters", "layer"):
        class_image(classifier, filters=1)
    with refused(ValueError, "filters", "1 to 32", 33):
        class_image(classifier, layer="block1_conv1", filters=33)
    with refused(ValueError, "layer", "classes"):
        class_image(classifier, "circle", layer="block1_conv1")
    with refused(ValueError, "layer", "no layer of that name"):
        class_image(classifier, layer="block1")
    with refused(ValueError, "image_size", "16 x 16"):
        class_image(classifier, image_size=20)
    with refused(ValueError, "steps"):
        class_image(classifier, steps=0)


def test_a_network_of_nan_is_refused(tiny_cnn, refused):
    broken = tiny_cnn()
    broken.set_weights([np.full_like(one, np.nan) for one in broken.get_weights()])
    with refused(ValueError, "classifier", "NaN"):
        class_image(broken, steps=2)


def test_progress_is_told_to_the_end(classifier):
    told = []
    class_image(classifier, "circle", steps=3, progress=told.append)
    assert told[-1] == {"step": 3, "steps": 3, "done": True}


# What climbs


@pytest.mark.parametrize("sides", [(6, 7), (5, 8)])
def test_slopes_by_waves_are_those_of_numbers(sides):
    """All that is between waves and pixels, against differences."""
    images = FourierImages((*sides, 3), 2, seed=1)
    rng = np.random.default_rng(0)
    images.limit = 0.3
    moved = Moved(sides, 2, 0.1, rng)
    weights = rng.normal(size=(2, *sides, 3))
    slopes = images.slopes(moved.back(weights))
    way, step = rng.normal(size=slopes.shape), 1e-4

    def value(size):
        images._waves += size * way
        found = (moved.of(images.pixels()) * weights).sum()
        images._waves -= size * way
        return found

    change = (value(step) - value(-step)) / (2 * step)
    assert change == pytest.approx((slopes * way).sum(), rel=1e-5)


def test_images_move_as_they_should():
    pixels = np.random.default_rng(0).normal(size=(1, 9, 9, 1))

    class Still:
        def uniform(self, low, high):
            return 0.0

    moved = Moved((9, 9), 1, 0.1, Still())
    np.testing.assert_allclose(moved.of(pixels), pixels)


def test_they_print_and_are_drawn(classifier, imagined):
    pytest.importorskip("matplotlib")
    assert "2 images of 16 x 16" in repr(imagined)
    assert "circle: score" in repr(imagined)
    figure = reticnn.plot_class_images(imagined)
    shown = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title().split()[0] for axes in shown] == ["circle", "square"]
    np.testing.assert_array_equal(shown[1].images[0].get_array(), imagined.images[1])
    filters = class_image(classifier, layer="block1_conv1", filters=(1, 2), steps=1)
    figure = reticnn.plot_class_images(filters)
    assert figure.get_suptitle() == "block1_conv1"
    with pytest.raises(TypeError, match="`class_images`"):
        reticnn.plot_class_images(classifier)
