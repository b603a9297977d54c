"""Methods that hide parts of images, on networks of which the truth is known."""

import itertools
import math

import keras
import numpy as np
import pytest

from reticnn import explain_prediction

SIDE = 12
METHODS = ("occlusion", "rise", "lime", "shap")


def _pixels(count=2, seed=0):
    drawn = np.random.default_rng(seed).integers(0, 256, (count, SIDE, SIDE, 3))
    return drawn.astype("float32")


@pytest.fixture(scope="module")
def linear():
    image = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.Flatten()(image)
    model = keras.Model(image, keras.layers.Dense(3, activation="softmax")(x))
    kernel = np.random.default_rng(3).normal(0, 1e-3, (SIDE * SIDE * 3, 3))
    model.layers[-1].set_weights([kernel.astype("float32"), np.ones(3, "float32")])
    return model


@pytest.fixture(scope="module")
def squares():
    """A network whose score is not a sum over pixels: pieces help each other."""
    keras.utils.set_random_seed(5)
    image = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.Rescaling(1 / 255)(image)
    x = keras.layers.Conv2D(3, 3, activation="relu")(x)
    x = keras.layers.Dense(4, activation="tanh")(keras.layers.Flatten()(x))
    return keras.Model(image, keras.layers.Dense(2)(x))


def _lost(model, code, pixels, baseline):
    """Return what a linear network's score has of each pixel beside a blank image."""
    kernel = model.layers[-1].kernel.numpy()[:, code].reshape(SIDE, SIDE, 3)
    blank = pixels.mean(axis=(1, 2), keepdims=True) if baseline == "mean" else baseline
    return ((pixels - blank) * kernel).sum(axis=-1)


def _in_pieces(values, side):
    """Return the sum of each square of pixels, in all pixels of it."""
    shape = (len(values), SIDE // side, side, SIDE // side, side)
    sums = values.reshape(shape).sum(axis=(2, 4))
    return sums.repeat(side, axis=1).repeat(side, axis=2)


@pytest.mark.parametrize("baseline", ["mean", (0, 100, 255)])
def test_occlusion_of_a_linear_network_is_what_lies_below(linear, baseline):
    pixels = _pixels()
    lost = _lost(linear, 1, pixels, baseline)
    given = {"method": "occlusion", "baseline": baseline}
    single = explain_prediction(
        linear, pixels, "class_2", patch_size=1, stride=1, **given
    )
    np.testing.assert_allclose(single.maps, lost, atol=1e-5)
    apart = explain_prediction(
        linear, pixels, "class_2", patch_size=4, stride=4, **given
    )
    np.testing.assert_allclose(apart.maps, _in_pieces(lost, 4), atol=1e-5)


def test_patches_that_overlap_or_do_not_fit_are_averaged(linear):
    pixels = _pixels(1)
    lost = _lost(linear, 0, pixels, "mean")[0]
    found = explain_prediction(
        linear, pixels, "class_1", "occlusion", patch_size=5, stride=3
    )
    sums, counts = np.zeros((SIDE, SIDE)), np.zeros((SIDE, SIDE))
    for top, left in itertools.product([0, 3, 6, 7], repeat=2):
        here = (slice(top, top + 5), slice(left, left + 5))
        sums[here] += lost[here].sum()
        counts[here] += 1
    np.testing.assert_allclose(found.maps[0], sums / counts, atol=1e-5)


@pytest.mark.parametrize("method", ["lime", "shap"])
def test_superpixels_of_a_linear_network_have_their_sums(linear, method, monkeypatch):
    monkeypatch.setattr(
        "reticnn.explanation.superpixels._slic_of_skimage", lambda: None
    )
    pixels = _pixels()
    found = explain_prediction(
        linear, pixels, "class_3", method, patch_size=3, samples=100, seed=1
    )
    expected = _in_pieces(_lost(linear, 2, pixels, "mean"), 3)
    np.testing.assert_allclose(found.maps, expected, atol=1e-5)


def _scores(model, image, blank, kept, side):
    """Return the first score of copies of an image that keep some of its squares."""
    masks = np.reshape(kept, (len(kept), SIDE // side, SIDE // side))
    masks = masks.repeat(side, axis=1).repeat(side, axis=2)[..., None]
    copies = blank + masks * (image - blank)
    return model.predict(copies.astype("float32"), verbose=0)[:, 0].astype("float64")


@pytest.mark.parametrize("method", ["lime", "shap"])
@pytest.mark.parametrize("channels", [1, 3])
def test_superpixels_of_slic_follow_what_is_seen(method, channels):
    pytest.importorskip("skimage")
    rows, columns = np.mgrid[:32, :32]
    disc = np.hypot(rows - 13, columns - 18) < 8
    image = np.where(disc[None, ..., None], 220, 40).astype("float32")
    image = image.repeat(channels, axis=3)
    inputs = keras.Input((32, 32, channels))
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(inputs)))
    kernel = np.where(disc[..., None], 1e-3, 0).repeat(channels, axis=2).ravel()
    model.layers[-1].set_weights([np.c_[kernel, -kernel], np.zeros(2)])
    found = explain_prediction(
        model,
        image,
        "class_1",
        method,
        baseline=40,
        samples=300,
        output="logits",
        seed=1,
    ).maps[0]
    # What lies beside the disc adds nothing, and squares would cross its edge.
    assert abs(found[~disc]).max() < 0.02 * found.max()
    assert (found[disc] > 0.02 * found.max()).all()
    pieces = {value: (found == value).sum() for value in np.unique(found[disc])}
    total = sum(value for value in pieces)
    np.testing.assert_allclose(total, 0.18 * disc.sum() * channels, rtol=0.02)


def test_few_superpixels_have_exact_shapley_values(squares, monkeypatch):
    monkeypatch.setattr(
        "reticnn.explanation.superpixels._slic_of_skimage", lambda: None
    )
    image = _pixels(1)
    found = explain_prediction(
        squares, image, "class_1", "shap", baseline=0, patch_size=6, output="logits"
    )
    # By the definition: the mean over all orders of what a square adds.
    every = list(itertools.product([0, 1], repeat=4))
    score = dict(zip(every, _scores(squares, image[0], 0, every, 6), strict=True))
    values = np.zeros(4)
    for order in itertools.permutations(range(4)):
        kept = [0, 0, 0, 0]
        for one in order:
            before = score[tuple(kept)]
            kept[one] = 1
            values[one] += (score[tuple(kept)] - before) / math.factorial(4)
    np.testing.assert_allclose(
        found.maps[0, ::6, ::6].ravel(), values, rtol=1e-4, atol=1e-6
    )
    np.testing.assert_allclose(
        values.sum(), found.table["score"][0] - score[(0, 0, 0, 0)], rtol=1e-4
    )


def test_drawn_shapley_values_come_close_and_sum_exactly(squares, monkeypatch):
    monkeypatch.setattr(
        "reticnn.explanation.superpixels._slic_of_skimage", lambda: None
    )
    image = _pixels(1)
    given = {"method": "shap", "patch_size": 4, "output": "logits", "seed": 1}
    exact = explain_prediction(squares, image, "class_1", samples=510, **given)
    drawn = explain_prediction(squares, image, "class_1", samples=200, **given)
    one, other = exact.maps[0, ::4, ::4], drawn.maps[0, ::4, ::4]
    np.testing.assert_allclose(one.sum(), other.sum(), rtol=1e-4)
    assert abs(one - other).max() < 0.25 * abs(one).max()


def test_rise_points_to_the_only_part_that_counts():
    image = keras.Input((SIDE, SIDE, 1))
    x = keras.layers.Flatten()(image[:, 2:5, 7:10])
    model = keras.Model(image, keras.layers.Dense(2)(x))
    model.layers[-1].set_weights([np.c_[np.ones(9), -np.ones(9)], np.full(2, 1e4)])
    pixels = np.zeros((1, SIDE, SIDE, 1), "float32")
    pixels[:, 2:5, 7:10] = 200
    found = explain_prediction(
        model, pixels, "all", "rise", baseline=0, samples=400, seed=1, output="logits"
    ).maps
    place = np.unravel_index(found[0].argmax(), (SIDE, SIDE))
    assert 2 <= place[0] < 5 and 7 <= place[1] < 10
    # Scores as large as theirs do not show.
    np.testing.assert_allclose(found[1], -found[0], atol=1e-3 * found[0].max())


@pytest.mark.parametrize("method", METHODS)
def test_batches_order_and_seeds(squares, method):
    pixels = _pixels(3)
    given = {"method": method, "patch_size": 4, "output": "logits"}
    if method != "occlusion":
        given["samples"] = 40
    whole = explain_prediction(squares, pixels, seed=3, **given)
    small = explain_prediction(squares, pixels, seed=3, batch_size=7, **given)
    np.testing.assert_allclose(small.maps, whole.maps, atol=1e-5)
    beside = explain_prediction(
        squares, pixels, seed=3, **{**given, "method": ["grad_cam", method]}
    )
    np.testing.assert_allclose(beside.maps[1::2], whole.maps, atol=1e-6)


def test_too_few_samples_are_said(squares, monkeypatch):
    monkeypatch.setattr(
        "reticnn.explanation.superpixels._slic_of_skimage", lambda: None
    )
    with pytest.warns(UserWarning, match="`samples` is 10, .* 36 superpixels"):
        explain_prediction(
            squares, _pixels(1), None, "shap", samples=10, patch_size=2, output="logits"
        )


def test_bad_sizes_are_named(linear, refused):
    for name in ("patch_size", "stride"):
        with refused(ValueError, name, 0):
            explain_prediction(linear, _pixels(), method="occlusion", **{name: 0})
    with refused(ValueError, "stride", 5, "4 pixels"):
        explain_prediction(
            linear, _pixels(), method="occlusion", patch_size=4, stride=5
        )
    # As large as the image is the most that can be hidden.
    found = explain_prediction(linear, _pixels(1), method="occlusion", patch_size=99)
    assert np.unique(found.maps).size == 1
