"""Maps of trained networks, of which it is known where they should point."""

import keras
import numpy as np
import pytest

import reticnn
from reticnn import explain_prediction, explanation_scores

pytestmark = pytest.mark.slow

OF_SHAPES = {
    "grad_cam": {},
    "layer_cam": {},
    "occlusion": {"patch_size": 5},
}


@pytest.fixture(scope="module")
def trained():
    """A network for shapes that has seen parts of images erased, and test images."""
    keras.utils.set_random_seed(1)
    image = keras.Input((32, 32, 3))
    x = keras.layers.Rescaling(1 / 255)(image)
    for block, filters in enumerate((16, 32, 32)):
        x = keras.layers.MaxPooling2D()(x) if block else x
        x = keras.layers.Conv2D(filters, 5, padding="same", use_bias=False)(x)
        x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, keras.layers.Dense(3, activation="softmax")(x))
    classifier = reticnn.fit_classifier(
        model,
        reticnn.shape_images(900, 3, seed=1),
        epochs=9,
        augmentation=reticnn.augmentation(erasing=1.0),
        optimizer="adam",
        learning_rate=3e-3,
        seed=1,
        progress="none",
    )
    return classifier, reticnn.shape_images(120, 3, seed=2, masks=True)


def test_the_network_knows_shapes(trained):
    classifier, test = trained
    found = reticnn.evaluate_classifier(classifier, test, intervals=None)
    assert found["accuracy"] >= 0.98


@pytest.mark.parametrize("method", OF_SHAPES)
def test_the_highest_point_lies_on_the_shape_and_insertion_beats_chance(
    trained, method
):
    classifier, test = trained
    # Each image is hidden in part many times.
    test = test[:60] if method == "occlusion" else test
    found = explain_prediction(classifier, test, method=method, **OF_SHAPES[method])
    scores = explanation_scores(
        found,
        classifier,
        ["pointing", "energy", "insertion"],
        masks=test.masks,
        steps=8,
        samples=3,
        seed=1,
    )
    measured = dict(zip(scores.summary["measure"], range(3), strict=True))
    pointing, better = (scores.summary[name] for name in ("estimate", "better"))
    assert pointing[measured["pointing"]] >= 0.95
    assert better[measured["energy"]] >= 0.95
    # Between 0.92 and 0.97, depending on the machine that trained the network.
    assert better[measured["insertion"]] >= 0.9


def test_maps_stay_under_noise_and_change_with_the_weights(trained):
    classifier, test = trained
    found = explain_prediction(classifier, test[:12], method=["grad_cam", "layer_cam"])
    scores = explanation_scores(
        found, classifier, ["sensitivity", "sanity"], samples=2, seed=1
    )
    sensitivity, sanity = np.reshape(scores.summary["estimate"], (2, 2)).T
    assert (sensitivity < 0.2).all()
    assert (abs(sanity) < 0.6).all()


def _with_mark(data, classes):
    """Return images with an orange corner where their class is one of these."""
    loaded = reticnn.load_images(data)
    images = loaded["images"].copy()
    has_mark = np.isin(loaded["labels"], classes)
    images[has_mark, :5, :5] = (240, 140, 20)
    return reticnn.image_arrays(images, loaded["labels"])


def test_a_planted_shortcut_is_pointed_to():
    both = ["circle", "square"]
    classifier = reticnn.fit_classifier(
        reticnn.build_cnn(
            (24, 24, 3), filters=16, n_blocks=2, units=None, batch_norm=True, seed=1
        ),
        _with_mark(reticnn.shape_images(300, image_size=24, seed=1), "square"),
        epochs=5,
        optimizer="adam",
        learning_rate=5e-3,
        seed=1,
        progress="none",
    )
    test = reticnn.shape_images(40, image_size=24, seed=2)
    accuracy = {
        name: reticnn.evaluate_classifier(
            classifier, _with_mark(test, classes), intervals=None
        )["accuracy"]
        for name, classes in (("planted", ["square"]), ("everywhere", both))
    }
    assert accuracy["planted"] > 0.95
    assert accuracy["everywhere"] < 0.65
    squares = _with_mark(test, both)
    corner = np.zeros((24, 24), bool)
    corner[:6, :6] = True
    found = explain_prediction(
        classifier, squares, "square", ["grad_cam", "layer_cam", "occlusion"]
    )
    scores = explanation_scores(found, classifier, ["pointing", "energy"], masks=corner)
    by_measure = np.reshape(scores.summary["estimate"], (3, 2))
    random = np.reshape(scores.summary["random"], (3, 2))
    assert (by_measure[:, 0] >= 0.9).all()
    assert (by_measure[:, 1] > 4 * random[:, 1]).all()
