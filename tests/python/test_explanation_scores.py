"""Measures of maps, on networks and maps of which the truth is known."""

import keras
import numpy as np
import pytest
from scipy.integrate import trapezoid

import reticnn
from reticnn import explain_prediction, explanation_scores
from reticnn.explanation.sanity import rank_correlation

SIDE = 12


def _pixels(count=3, seed=0):
    drawn = np.random.default_rng(seed).integers(0, 256, (count, SIDE, SIDE, 3))
    return drawn.astype("float32")


@pytest.fixture(scope="module")
def linear():
    """A network whose score is a sum over pixels."""
    image = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.Flatten()(image)
    model = keras.Model(image, keras.layers.Dense(3, activation="softmax")(x))
    kernel = np.random.default_rng(3).normal(0, 1e-3, (SIDE * SIDE * 3, 3))
    model.layers[-1].set_weights([kernel.astype("float32"), np.zeros(3, "float32")])
    return model


@pytest.fixture(scope="module")
def curved():
    keras.utils.set_random_seed(5)
    image = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.Rescaling(1 / 255)(image)
    x = keras.layers.Conv2D(4, 3, activation="relu", name="convolution")(x)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.Dense(6, activation="tanh", name="hidden")(
        keras.layers.Flatten()(x)
    )
    return keras.Model(image, keras.layers.Dense(2, activation="softmax")(x))


def _area_by_hand(model, image, found, code, takes_away, steps):
    """Follow the definition, a pixel at a time, with no ties among them."""
    blank = np.broadcast_to(image.mean(axis=(0, 1)), image.shape)
    order = np.argsort(-found.ravel())
    chances = []
    for step in range(steps + 1):
        copy = (image if takes_away else blank).astype("float64").reshape(-1, 3)
        for pixel in order[: round(step / steps * len(order))]:
            copy[pixel] = (blank if takes_away else image).reshape(-1, 3)[pixel]
        copy = copy.reshape(1, *image.shape).astype("float32")
        chances.append(model.predict(copy, verbose=0)[0, code])
    return trapezoid(chances, dx=1 / steps), chances


def test_areas_are_those_of_the_definition(linear):
    pixels = _pixels()
    found = explain_prediction(linear, pixels, "all", "integrated_gradients")
    scores = explanation_scores(found, linear, ["insertion", "deletion"], steps=6)
    for row in range(9):
        image, code = pixels[row // 3], row % 3
        for measure, takes_away in (("insertion", False), ("deletion", True)):
            area, _ = _area_by_hand(linear, image, found.maps[row], code, takes_away, 6)
            np.testing.assert_allclose(scores.table[measure][row], area, atol=1e-5)
    # Of a sum, the map has the best order that there is.
    for measure, sign in (("insertion", 1), ("deletion", -1)):
        own, random = (scores.table[measure + end] for end in ("", "_random"))
        assert (sign * (np.array(own) - random) > 0).all()
    assert scores.summary["better"] == [1.0, 1.0]
    assert list(scores.meanings) == ["insertion", "deletion"]
    assert "masks" not in scores.table and not scores.stages["layer"]


def test_curves_are_means_from_the_blank_image_to_the_whole_one(linear):
    pixels = _pixels()
    found = explain_prediction(linear, pixels, "class_2", "gradient")
    scores = explanation_scores(found, linear, ["insertion", "deletion"], steps=4)
    curves = {name: np.array(values) for name, values in scores.curves.items()}
    whole = linear.predict(pixels, verbose=0)[:, 1].mean()
    blank = np.broadcast_to(pixels.mean(axis=(1, 2), keepdims=True), pixels.shape)
    blank = linear.predict(blank, verbose=0)[:, 1].mean()
    for method in ("gradient", "random"):
        for measure, ends in (
            ("insertion", (blank, whole)),
            ("deletion", (whole, blank)),
        ):
            own = (curves["method"] == method) & (curves["measure"] == measure)
            np.testing.assert_array_equal(curves["share"][own], np.arange(5) / 4)
            line = curves["probability"][own]
            np.testing.assert_allclose(line[[0, -1]], ends, atol=1e-5)
            if method == "gradient":
                area = trapezoid(line, dx=0.25)
                np.testing.assert_allclose(np.mean(scores.table[measure]), area)


def test_regions_are_compared_by_hand(curved):
    pixels = _pixels()
    found = explain_prediction(curved, pixels, "class_1", "integrated_gradients")
    masks = np.zeros((3, SIDE, SIDE), bool)
    masks[0, 3:7, 2:9] = True
    masks[1] = found.maps[1] > np.median(found.maps[1])
    masks[2] = found.maps[2] < found.maps[2].max()
    scores = explanation_scores(found, curved, ["energy", "pointing"], masks=masks)
    assert scores.summary["measure"] == ["pointing", "energy"]
    places = [one.argmax() for one in found.maps]
    expected = [float(mask.ravel()[at]) for mask, at in zip(masks, places, strict=True)]
    assert scores.table["pointing"] == expected
    assert expected[1:] == [1, 0]
    positive = np.maximum(found.maps, 0)
    shares = (positive * masks).sum(axis=(1, 2)) / positive.sum(axis=(1, 2))
    np.testing.assert_allclose(scores.table["energy"], shares, rtol=1e-5)
    np.testing.assert_allclose(scores.table["region"], masks.mean(axis=(1, 2)))
    # One mask for all, of numbers.
    one = explanation_scores(found, curved, "energy", masks=255 * masks[0])
    np.testing.assert_allclose(one.table["energy"][0], shares[0], rtol=1e-5)


def test_several_highest_points_count_in_part(linear):
    found = explain_prediction(
        linear, _pixels(1), "class_1", "occlusion", patch_size=12
    )
    masks = np.zeros((SIDE, SIDE))
    masks[:6] = 1
    scores = explanation_scores(found, linear, "pointing", masks=masks)
    assert scores.table["pointing"] == [0.5]


def test_noise_changes_what_depends_on_the_image_alone(linear):
    methods = ["gradient", "integrated_gradients"]
    found = explain_prediction(linear, _pixels(), "class_1", methods)
    noisy = [
        explanation_scores(found, linear, "sensitivity", noise=noise, seed=2, samples=2)
        for noise in (0.01, 0.1)
    ]
    small, large = (np.reshape(one.table["sensitivity"], (3, 2)) for one in noisy)
    # Slopes of a sum are its weights.
    assert small[:, 0].max() < 1e-5
    np.testing.assert_allclose(large[:, 1], 10 * small[:, 1], rtol=1e-3)
    # The change is that of the noise, 1 % of the range, against the pixels' own spread.
    np.testing.assert_allclose(small[:, 1], 0.01 * 255 / _pixels().std(), rtol=0.2)


def test_layers_forget_from_the_output_on(curved):
    before = curved.get_weights()
    found = explain_prediction(curved, _pixels(), method=["layer_cam", "gradient"])
    scores = explanation_scores(found, curved, "sanity", seed=1)
    stages = scores.stages
    assert stages["method"] == ["layer_cam"] * 3 + ["gradient"] * 3
    assert stages["layer"][1:3] == ["hidden", "convolution"]
    np.testing.assert_allclose(stages["share"][:3], [1 / 3, 2 / 3, 1])
    # The first to forget is the output, which is used without its softmax.
    assert max(stages["similarity"][0], stages["similarity"][3]) < 0.99
    last = np.reshape(scores.table["sanity"], (3, 2)).mean(axis=0)
    np.testing.assert_allclose(
        [stages["similarity"][2], stages["similarity"][5]], last, atol=1e-6
    )
    assert (abs(last) < 0.6).all()
    for one, other in zip(curved.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_rank_correlations_are_those_of_others():
    from scipy.stats import spearmanr

    rng = np.random.default_rng(1)
    for _ in range(5):
        one, other = rng.integers(0, 6, (2, 9, 7)).astype(float)
        expected = spearmanr(one.ravel(), other.ravel()).statistic
        np.testing.assert_allclose(rank_correlation(one, other), expected)
    assert rank_correlation(one, 0 * one) == 0
    assert np.isnan(rank_correlation(0 * one, one))


@pytest.mark.parametrize("measure", ["insertion", "sensitivity", "sanity"])
def test_batches_do_not_matter_and_seeds_do(curved, measure):
    pixels = _pixels()
    found = explain_prediction(
        curved, pixels, "all", ["grad_cam", "rise"], samples=20, seed=1
    )
    maps, images = found.maps.copy(), found.images.copy()
    given = {"measures": measure, "samples": 2, "steps": 3}
    whole = explanation_scores(found, curved, seed=3, **given)
    small = explanation_scores(found, curved, seed=3, batch_size=2, **given)
    other = explanation_scores(found, curved, seed=4, **given)
    column = "insertion_random" if measure == "insertion" else measure
    np.testing.assert_allclose(small.table[column], whole.table[column], atol=1e-4)
    assert other.table[column] != whole.table[column]
    np.testing.assert_array_equal(found.maps, maps)
    np.testing.assert_array_equal(found.images, images)


def test_one_unit_differences_and_nan_have_scores(classifier, shapes):
    found = explain_prediction(classifier, shapes[:3], "all", "occlusion")
    scores = explanation_scores(found, classifier, seed=1, samples=2, steps=4)
    both = np.reshape(scores.table["insertion"], (3, 2))
    chances = np.reshape(found.table["probability"], (3, 2))
    np.testing.assert_allclose(chances.sum(axis=1), 1, atol=1e-5)
    assert (both > 0).all() and (both < 1).all()
    random = np.reshape(scores.table["insertion_random"], (3, 2))
    np.testing.assert_allclose(random.sum(axis=1), 1, atol=1e-5)
    model = keras.models.clone_model(classifier.model)
    model.set_weights([np.nan * weight for weight in classifier.model.get_weights()])
    with pytest.warns(UserWarning, match="returns NaN"):
        nothing = explain_prediction(model, shapes[:2])
    scores = explanation_scores(nothing, model, samples=1, masks=np.ones((16, 16)))
    assert scores.summary["n"] == [0] * 6
    assert "nan" in repr(scores)


def test_scores_print_what_they_mean_and_are_drawn(linear):
    found = explain_prediction(linear, _pixels(), "class_1", "gradient")
    scores = explanation_scores(found, linear, samples=1, steps=3)
    text = repr(scores)
    assert "3 maps of 3 images" in text
    for measure in ("insertion", "deletion", "sensitivity", "sanity"):
        assert f"\n{measure}: " in text
    figure = reticnn.plot_explanation_scores(scores)
    titles = [axes.get_title().split(":")[0] for axes in figure.axes]
    assert titles == ["Insertion", "Deletion", "Sanity"]
    lines = figure.axes[0].get_lines()
    assert [line.get_label() for line in lines] == ["gradient", "random"]


def test_bad_arguments_of_the_scores_are_named(curved, linear, refused):
    found = explain_prediction(curved, _pixels(), method="gradient")

    def score(classifier=curved, **arguments):
        return explanation_scores(found, classifier, **arguments)

    with refused(ValueError, "measures", "'insert'", "'insertion'"):
        score(measures="insert")
    with refused(ValueError, "measures", "'pointing'", "masks"):
        score(measures=["sanity", "pointing"])
    with refused(ValueError, "measures", "no name"):
        score(measures=[])
    with refused(ValueError, "masks", "(2, 12, 12)", "(3, 12, 12)"):
        score(masks=np.ones((2, 12, 12)))
    with refused(TypeError, "masks", "'all'"):
        score(masks="all")
    for name, value in {"steps": 1, "samples": 0, "noise": 0, "seed": -1}.items():
        with refused(ValueError, name, value):
            score(**{name: value})
    with refused(ValueError, "classifier", "'class_3'"):
        score(linear)
    other = keras.models.clone_model(curved)
    other.set_weights([weight + 0.1 for weight in curved.get_weights()])
    for measures in (None, "energy", "sensitivity", "sanity"):
        with refused(ValueError, "classifier", "not the one that was explained"):
            score(other, measures=measures, masks=np.ones((12, 12)))
    with refused(TypeError, "explanation", "3"):
        explanation_scores(3, curved)
    with refused(TypeError, "explanation_scores", "3"):
        reticnn.plot_explanation_scores(3)
    with refused(ValueError, "explanation_scores", "'sanity'"):
        reticnn.plot_explanation_scores(score(measures="sensitivity", samples=1))
