"""What must hold of maps whatever the classifier is: slopes, sums, batches, files."""

import keras
import numpy as np
import pytest

import reticnn
from reticnn import explain_prediction

METHODS = ("grad_cam", "layer_cam", "gradient", "integrated_gradients")


@pytest.fixture(scope="module")
def trained():
    """Classifiers of several kinds, by name."""
    data = reticnn.shape_images(40, image_size=16, seed=1)

    def fitted(seed):
        model = reticnn.build_cnn(
            (16, 16, 3), filters=4, n_blocks=2, units=6, seed=seed
        )
        return reticnn.fit_classifier(model, data, epochs=1, seed=1, progress="none")

    one = fitted(1)
    both = reticnn.ensemble_classifiers([one, fitted(2)])
    return {
        "one unit": one,
        "calibrated": reticnn.calibrate_classifier(one, _mostly_right(one)),
        "ensemble": both,
        "calibrated ensemble": reticnn.calibrate_classifier(both, _mostly_right(both)),
    }


def _mostly_right(classifier):
    """Return images for which a classifier is right four times of five."""
    images = reticnn.load_images(reticnn.shape_images(40, image_size=16, seed=8))
    images = images["images"]
    labels = reticnn.predict_images(classifier, images)[".pred_class"]
    other = {"circle": "square", "square": "circle"}
    labels[::5] = [other[label] for label in labels[::5]]
    return reticnn.image_arrays(images, labels)


def _distances():
    return reticnn.landmark_model("lenet5", variant="original", seed=1)


def _adapter():
    return reticnn.transfer_model(
        "mobilenet_0.25", (20, 24, 3), weights=None, adapter=True, resize_to=40, seed=1
    )


MODELS = {"distances": _distances, "adapter": _adapter}
KINDS = ("one unit", "calibrated", "ensemble", "calibrated ensemble")
ALL_KINDS = (*KINDS, *MODELS)


@pytest.fixture
def subject(request, trained):
    if request.param in MODELS:
        return MODELS[request.param]()
    return trained[request.param]


def _shape(subject):
    is_model = isinstance(subject, keras.Model)
    return tuple(subject.input_shape[1:] if is_model else subject.image_shape)


def _pixels(subject, count=2):
    drawn = np.random.default_rng(0).integers(0, 256, (count, *_shape(subject)))
    return drawn.astype("float32")


def _scores(subject, pixels):
    """Return the scores of all classes, (n, classes)."""
    found = explain_prediction(subject, pixels, "all", "gradient")
    return np.reshape(found.table["score"], (len(pixels), -1))


def _largest(found):
    return abs(found).max(axis=(1, 2), keepdims=True)


# Of an ensemble, no feature maps are on every way.
_quiet = pytest.mark.filterwarnings(
    "ignore:`layer` is not given", "ignore:.* 0 everywhere"
)


@pytest.mark.slow
@pytest.mark.parametrize("subject", ALL_KINDS, indirect=True)
def test_slopes_are_those_of_differences(subject):
    pixels = _pixels(subject, 1)
    maps = explain_prediction(subject, pixels, "all", "gradient").maps
    row, column = np.unravel_index(maps[0].argmax(), maps.shape[1:])
    moved = []
    for channel in range(pixels.shape[3]):
        for step in (0.5, -0.5):
            moved.append(pixels[0].copy())
            moved[-1][row, column, channel] += step
    scores = _scores(subject, np.stack(moved)).reshape(pixels.shape[3], 2, -1)
    slopes = abs(scores[:, 0] - scores[:, 1]).max(axis=0)
    assert slopes.max() > 0
    np.testing.assert_allclose(
        maps[:, row, column], slopes, atol=0.05 * slopes.max(), rtol=0.05
    )


@pytest.mark.slow
@pytest.mark.parametrize("subject", ALL_KINDS, indirect=True)
def test_integrated_gradients_sum_to_the_difference(subject):
    pixels = _pixels(subject)
    maps = explain_prediction(
        subject, pixels, "all", "integrated_gradients", baseline=0, samples=100
    ).maps
    change = _scores(subject, pixels) - _scores(subject, 0 * pixels)
    sums = maps.sum(axis=(1, 2)).reshape(change.shape)
    # What the steps miss is a part of all that a map has, for and against.
    moved = abs(maps).sum(axis=(1, 2)).max()
    np.testing.assert_allclose(sums, change, atol=0.005 * moved)


@_quiet
@pytest.mark.slow
@pytest.mark.parametrize("subject", ALL_KINDS, indirect=True)
def test_maps_of_an_image_are_its_own(subject):
    pixels = _pixels(subject, 3)
    kept = pixels.copy()
    whole = explain_prediction(subject, pixels, method=METHODS, samples=16, seed=1).maps
    order = [2, 0, 1]
    again = explain_prediction(
        subject, pixels[order], method=METHODS, samples=16, seed=1, batch_size=1
    ).maps
    np.testing.assert_array_equal(pixels, kept)
    shape = (3, len(METHODS), *whole.shape[1:])
    expected = whole.reshape(shape)[order].reshape(whole.shape)
    scale = np.maximum(_largest(expected), 1e-6)
    np.testing.assert_allclose(again / scale, expected / scale, atol=5e-3)


@_quiet
@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_loaded_classifiers_have_the_maps_of_the_saved_ones(kind, trained, tmp_path):
    pixels = _pixels(trained[kind])
    before = explain_prediction(trained[kind], pixels, method=METHODS, samples=16)
    reticnn.save_classifier(trained[kind], tmp_path / "a")
    after = explain_prediction(
        reticnn.load_classifier(tmp_path / "a"), pixels, method=METHODS, samples=16
    )
    assert after.table["class"] == before.table["class"]
    scale = np.maximum(_largest(before.maps), 1e-6)
    np.testing.assert_allclose(after.maps / scale, before.maps / scale, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(
    "kinds", [("one unit", "calibrated"), ("ensemble", "calibrated ensemble")]
)
def test_calibration_does_not_change_what_is_looked_at(trained, kinds):
    pixels = _pixels(trained["one unit"])
    for method in ("grad_cam", "integrated_gradients", "occlusion"):
        plain, calibrated = (
            explain_prediction(trained[kind], pixels, "square", method)
            for kind in kinds
        )
        assert calibrated.scores_are == plain.scores_are
        np.testing.assert_allclose(calibrated.maps, plain.maps, atol=1e-5)
        np.testing.assert_allclose(
            calibrated.table["score"], plain.table["score"], atol=1e-5
        )
