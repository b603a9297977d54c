"""Prediction sets: their guarantee, and the sets of MAPIE on the same probabilities."""

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
    prediction_sets,
    save_classifier,
)
from reticnn.classifier import Classifier
from reticnn.evaluation.coverage import (
    limits_of_coverage,
    number_needed,
    rank_of_threshold,
)
from reticnn.outputs import ClassShares
from reticnn.prediction.conformal import draws_of, members, nonconformity
from reticnn.runtime.conditions import SeenImagesWarning

stats = pytest.importorskip("scipy.stats")

NAMES = ["ant", "bee", "cow", "dog"]


def images_of_scores(n, seed=1, shift=0):
    """Return image data whose pixels are the scores that `classifier_of` gives."""
    random = np.random.default_rng(seed)
    codes = random.integers(4, size=n)
    pixels = random.integers(0, 256, (n, 4))
    pixels[np.arange(n), codes] = random.integers(100, 256, n) - shift
    # A last column that tells images apart.
    stamp = random.integers(0, 256, (n, 4))
    pixels = np.stack([pixels, stamp], axis=1)[..., None].astype("uint8")
    labels = [NAMES[code] for code in codes]
    return image_arrays(pixels, labels, class_names=NAMES)


def classifier_of(names=NAMES):
    images = keras.Input((2, 4, 1))
    first = keras.layers.Flatten()(keras.layers.Cropping2D(((0, 1), (0, 0)))(images))
    scores = keras.layers.Softmax()(keras.layers.Rescaling(1 / 40)(first))
    return Classifier(
        keras.Model(images, scores), list(names), {"epoch": []}, output="softmax"
    )


def chances_of(classifier, data):
    table = predict_images(classifier, data)
    return np.array([table[f".pred_{name}"] for name in classifier.class_names]).T


def sets_found(classifier, data):
    table = predict_images(classifier, data, type="set")
    names = np.array(classifier.class_names)
    return np.array([np.isin(names, found) for found in table[".pred_set"]])


class Given:
    """What MAPIE takes for a classifier: the probabilities are its data."""

    def __init__(self, classes):
        self.classes_ = np.arange(classes)

    def fit(self, x, y):
        return self

    def predict_proba(self, x):
        return np.asarray(x)

    def predict(self, x):
        return np.asarray(x).argmax(axis=1)

    def __sklearn_is_fitted__(self):
        return True


def sets_of_mapie(method, calibration, codes, new, coverage, seed=3):
    """Return MAPIE's sets, and the numbers that it draws."""
    mapie = pytest.importorskip("mapie.classification")
    found = mapie.SplitConformalClassifier(
        Given(new.shape[1]),
        confidence_level=coverage,
        conformity_score=method,
        prefit=True,
        random_state=seed,
    ).conformalize(calibration, codes)
    options = {} if method == "lac" else {"include_last_label": "randomized"}
    _, sets = found.predict_set(new, conformity_score_params=options)
    draws = [
        np.random.RandomState(seed).uniform(size=len(part)) for part in (codes, new)
    ]
    # It subtracts the share of the last class that we add.
    return sets[:, :, 0], [1 - each for each in draws]


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
def test_sets_by_threshold_are_mapies(coverage):
    data, new, classifier = (
        images_of_scores(150),
        images_of_scores(80, 2),
        classifier_of(),
    )
    wanted, _ = sets_of_mapie(
        "lac",
        chances_of(classifier, data),
        data.codes,
        chances_of(classifier, new),
        coverage,
    )
    with_sets = prediction_sets(classifier, data, coverage=coverage)
    np.testing.assert_array_equal(sets_found(with_sets, new), wanted)
    assert 0 < wanted.sum(axis=1).mean() < 4


@pytest.mark.parametrize("coverage", [0.8, 0.95])
def test_adaptive_sets_are_mapies_with_its_draws(coverage):
    random = np.random.default_rng(2)
    chances = random.dirichlet(np.full(6, 0.6), 400)
    codes = (chances.cumsum(axis=1) < random.random((400, 1))).sum(axis=1)
    wanted, (of_old, of_new) = sets_of_mapie(
        "aps", chances[:200], codes[:200], chances[200:], coverage
    )
    scores = nonconformity(chances[:200], of_old, "adaptive")
    own = np.sort(scores[np.arange(200), codes[:200]])
    threshold = own[rank_of_threshold(200, coverage) - 1]
    found = nonconformity(chances[200:], of_new, "adaptive") <= threshold
    np.testing.assert_array_equal(found, wanted)


def test_penalty_is_that_of_the_paper():
    """Algorithm 2 of Angelopoulos et al. (2021), class by class."""
    chances = np.random.default_rng(1).dirichlet(np.ones(5), 30)
    draws = np.random.default_rng(2).random(30)
    scores = nonconformity(chances, draws, "regularized", penalty=0.2, free=2)
    for image in range(30):
        for code in range(5):
            own = chances[image, code]
            more = chances[image][chances[image] > own]
            rank = len(more) + 1
            wanted = more.sum() + draws[image] * own + 0.2 * max(rank - 2, 0)
            assert scores[image, code] == pytest.approx(wanted)


@pytest.mark.parametrize("by_class", [False, True])
@pytest.mark.parametrize("method", ["threshold", "adaptive", "regularized"])
def test_coverage_over_resamples_is_in_the_exact_band(method, by_class):
    """The number held, over 200 resamples, is a sum of beta-binomial numbers."""
    random = np.random.default_rng(5)
    times, n, new, coverage = 200, 60, 60, 0.85
    held = []
    for _ in range(times):
        chances = random.dirichlet(np.full(4, 0.7), n + new)
        # Wrong in what it says, too: classes are drawn from other probabilities.
        other = chances**0.5 / (chances**0.5).sum(axis=1, keepdims=True)
        codes = (other.cumsum(axis=1) < random.random((n + new, 1))).sum(axis=1)
        if by_class:
            codes[:n] = codes[n:] = 2
        draws = random.random(n + new)
        rule = {"method": method, "penalty": 0.1, "free": 1}
        scores = nonconformity(chances[:n], draws[:n], **rule)
        own = np.sort(scores[np.arange(n), codes[:n]])
        threshold = own[rank_of_threshold(n, coverage) - 1]
        thresholds = [0, 0, threshold, 0] if by_class else [threshold]
        inside = members(
            {**rule, "thresholds": {"threshold": thresholds}}, chances[n:], draws[n:]
        )
        held.append(inside[np.arange(new), codes[n:]].sum())
    rank = rank_of_threshold(n, coverage)
    law = stats.betabinom(new, rank, n + 1 - rank)
    lower, upper = stats.norm.interval(
        0.999, law.mean() * times, law.std() * np.sqrt(times)
    )
    assert lower <= sum(held) <= upper
    assert np.std(held) == pytest.approx(law.std(), rel=0.2)


@pytest.mark.parametrize("method", ["threshold", "adaptive", "regularized"])
def test_sets_of_new_images_hold_the_truth_as_often_as_asked(method, tmp_path):
    classifier, data = classifier_of(), images_of_scores(400)
    with_sets = prediction_sets(classifier, data, coverage=0.8, method=method)
    assert classifier.sets is None
    new = images_of_scores(3000, seed=2)
    scores = evaluate_classifier(with_sets, new)
    table = with_sets.sets["thresholds"]
    assert table["coverage_lower"][0] - 0.03 < scores["coverage"]
    assert scores["coverage"] < table["coverage_upper"][0] + 0.03
    inside = sets_found(with_sets, new)
    right = inside[np.arange(3000), new.codes]
    assert scores["coverage"] == pytest.approx(right.mean())
    assert scores["set_size"] == pytest.approx(inside.sum(axis=1).mean())
    assert scores["per_class"]["coverage"][2] == pytest.approx(
        right[new.codes == 2].mean()
    )
    limits = scores["intervals"]
    at = limits["measure"].index("coverage")
    assert limits["lower"][at] < scores["coverage"] < limits["upper"][at]
    assert set(limits["measure"][at : at + 2]) == {"coverage", "set_size"}
    path = save_classifier(with_sets, tmp_path / "sets.reticnn")
    loaded = load_classifier(path)
    assert loaded.sets == with_sets.sets
    assert f"sets     {method}, coverage 0.8, from" in repr(loaded)
    with pytest.warns(SeenImagesWarning, match=r"sets of .* made from, 400 of 400"):
        evaluate_classifier(loaded, data)
    some = new[:50]
    found = predict_images(loaded, some, type="set")
    assert (
        found[".pred_set"] == predict_images(with_sets, some, type="set")[".pred_set"]
    )
    # Neither batches nor order matter, nor what else is predicted.
    for one, batch_size in ((7, 1), (30, 3)):
        alone = predict_images(loaded, some[[one]], type="set", batch_size=batch_size)
        assert alone[".pred_set"][0] == found[".pred_set"][one]
    # The most probable class comes first.
    for chosen, best in zip(found[".pred_set"], found[".pred_class"], strict=True):
        assert not chosen or chosen[0] == best
    assert list(found)[:2] == [".pred_set", ".pred_class"]


def test_order_of_the_classes_does_not_matter():
    data, new = images_of_scores(200), images_of_scores(60, seed=2)
    turned = image_arrays(
        data.read(np.arange(200)), data.labels, class_names=NAMES[::-1]
    )
    for method in ("threshold", "adaptive", "regularized"):
        one, other = (
            prediction_sets(classifier_of(), each, method=method, by_class=True)
            for each in (data, turned)
        )
        assert one.sets == other.sets
    # Classes that are equally probable are in a set together or not at all.
    chances = np.array([[0.3, 0.3, 0.2, 0.2], [0.25, 0.25, 0.25, 0.25]])
    scores = nonconformity(chances, np.array([0.4, 0.9]), "regularized", 0.1, 1)
    assert scores[0, 0] == scores[0, 1] == pytest.approx(0.12)
    assert scores[0, 2] == scores[0, 3] == pytest.approx(0.6 + 0.08 + 0.2)
    assert len(set(scores[1])) == 1
    assert new is not None


def test_each_class_is_held_as_often_as_asked():
    data, new = images_of_scores(1200), images_of_scores(3000, seed=2)
    # Of one class, the images are harder.
    hard = images_of_scores(1200, seed=3, shift=90), images_of_scores(3000, 4, shift=90)

    def mixed(easy, hard):
        pixels, labels = [], []
        for part, of_ant in ((easy, False), (hard, True)):
            chosen = np.flatnonzero((part.codes == 0) == of_ant)
            pixels.append(part.read(chosen))
            labels += [part.labels[at] for at in chosen]
        return image_arrays(np.concatenate(pixels), labels, class_names=NAMES)

    data, new = mixed(data, hard[0]), mixed(new, hard[1])
    together, apart = (
        evaluate_classifier(
            prediction_sets(classifier_of(), data, coverage=0.9, by_class=by_class), new
        )["per_class"]["coverage"]
        for by_class in (False, True)
    )
    assert together[0] < 0.8
    assert min(apart) > 0.84 and max(apart) < 0.96


def test_draws_are_uniform_and_follow_from_the_pixels():
    draws = draws_of(np.arange(20_000, dtype=np.uint64))
    assert stats.kstest(draws, "uniform").pvalue > 0.01
    other = draws_of(~np.arange(20_000, dtype=np.uint64))
    assert abs(np.corrcoef(draws, other)[0, 1]) < 0.03


@pytest.mark.parametrize("n", [9, 60, 1000])
def test_limits_of_coverage_are_scipys(n):
    rank = rank_of_threshold(n, 0.9)
    wanted = stats.beta(rank, n + 1 - rank).ppf([0.025, 0.975])
    np.testing.assert_allclose(limits_of_coverage(n, rank), wanted, atol=1e-9)


def test_too_few_images_for_the_coverage_are_named(refused):
    assert [number_needed(c) for c in (0.5, 0.8, 0.9, 0.95, 0.99)] == [1, 4, 9, 19, 99]
    classifier = classifier_of()
    with refused(ValueError, "coverage", "0.95", "at least 19", "`data` has 18"):
        prediction_sets(classifier, images_of_scores(18), coverage=0.95)
    assert prediction_sets(classifier, images_of_scores(19), coverage=0.95).sets
    data = images_of_scores(100)
    data = data[np.flatnonzero(data.codes != 1).tolist()]
    with refused(ValueError, "coverage", "at least 9 images of each class", "'bee': 0"):
        prediction_sets(classifier, data, by_class=True)
    with refused(ValueError, "coverage", "at least 24"):
        prediction_sets(
            classifier, images_of_scores(23), coverage=0.95, method="regularized"
        )


def test_what_has_no_guarantee_is_refused_or_said(refused, classifier, fit, tiny_cnn):
    data, mine = images_of_scores(40), classifier_of()
    pixels = data.read(np.arange(40))
    for wrong in (0, 1, 1.5):
        with refused(ValueError, "coverage", wrong):
            prediction_sets(mine, data, coverage=wrong)
    with refused(ValueError, "method", "'aps'", "'adaptive'"):
        prediction_sets(mine, data, method="aps")
    with refused(ValueError, "data", "no labels"):
        prediction_sets(mine, image_arrays(pixels))
    weighted = image_arrays(pixels, data.labels, weights=[1.0, 2.0] * 20)
    with refused(ValueError, "data", "weights"):
        prediction_sets(mine, weighted)
    grouped = data.with_groups([f"p{n // 4}" for n in range(40)])
    with pytest.warns(UserWarning, match="images of 10 groups"):
        prediction_sets(mine, grouped)
    seen = reticnn.shape_images(1000, image_size=16, seed=1)[:40]
    with refused(ValueError, "data", "40 of 40", "trained on"):
        prediction_sets(classifier, seen)
    # Also where the images are cut from larger ones.
    with refused(ValueError, "data", "40 of 40", "trained on"):
        prediction_sets(classifier, seen, crops=2)
    with refused(ValueError, "type", "no prediction sets", "prediction_sets()"):
        predict_images(mine, data, type="set")
    with refused(ValueError, "type", "'sets'"):
        predict_images(mine, data, type="sets")
    with_sets = prediction_sets(mine, data)
    with refused(ValueError, "crops", "2", "`crops=1`"):
        predict_images(with_sets, data, crops=2, type="set")
    with refused(ValueError, "tta", "1", "`tta=0`"):
        predict_images(with_sets, data, tta=1, type="set")
    with refused(ValueError, "type", "`prior`"):
        shares = ClassShares((0.25,) * 4)
        predict_images(
            with_sets.changed(class_shares=shares),
            data,
            prior=dict.fromkeys(NAMES, 0.25),
            type="set",
        )
    named = prediction_sets(classifier_of(["set", *NAMES[1:]]), _renamed(data))
    with refused(ValueError, "class_names", "'.pred_set'", "like the sets"):
        predict_images(named, data, type="set")
    assert ".pred_set" in predict_images(named, data)


def _renamed(data):
    labels = ["set" if label == "ant" else label for label in data.labels]
    return image_arrays(data.read(np.arange(len(data))), labels)


def test_sets_are_of_the_views_and_the_probabilities_they_were_made_with():
    data, mine = images_of_scores(60), classifier_of()
    mirrored = prediction_sets(mine, data, crops=2, method="adaptive")
    assert mirrored.sets["views"] == {"tta": 0, "crops": 2, "scales": None}
    found = predict_images(mirrored, data, crops=2, type="set")[".pred_set"]
    assert len(found) == 60
    assert "coverage" not in evaluate_classifier(mirrored, data)
    with_sets = prediction_sets(mine, data)
    with pytest.warns(UserWarning, match="prediction sets, .* are dropped"):
        calibrated = calibrate_classifier(with_sets, images_of_scores(60, 3))
    assert calibrated.sets is None and with_sets.sets is not None
    with pytest.warns(UserWarning, match="calibrated for images as they are"):
        predict_images(calibrated, data, crops=2)
    again = prediction_sets(calibrated, data)
    assert again.calibration == calibrated.calibration
    # Dividing scores by one number changes no order of images within a class alone.
    assert again.sets["thresholds"] != with_sets.sets["thresholds"]


def test_images_without_a_prediction_have_no_set():
    model = classifier_of().model
    nan_of_black = 0 * keras.ops.log(keras.ops.max(model.inputs[0], axis=(1, 2)))
    model = keras.Model(model.inputs[0], model.outputs[0] + nan_of_black)
    mine = Classifier(model, NAMES, {"epoch": []}, output="softmax")
    data = images_of_scores(50)
    pixels = data.read(np.arange(50))
    pixels[3] = 0
    data = image_arrays(pixels, data.labels, class_names=NAMES)
    with pytest.warns(UserWarning, match="NaN for 1 of 50"):
        with_sets = prediction_sets(mine, data)
    assert with_sets.sets["images"] == 49
    with pytest.warns(UserWarning, match="NaN for 1 of 50"):
        found = predict_images(with_sets, data, type="set")[".pred_set"]
    assert found[3] is None and found[4] is not None


def test_two_classes_of_one_unit_have_sets(classifier):
    data = reticnn.shape_images(60, image_size=16, seed=9)
    with_sets = prediction_sets(classifier, data, coverage=0.95, method="adaptive")
    scores = evaluate_classifier(with_sets, reticnn.shape_images(60, image_size=16))
    assert 0 <= scores["coverage"] <= 1
    found = predict_images(with_sets, data[:9], type="set")[".pred_set"]
    assert {name for chosen in found for name in chosen} <= {"circle", "square"}
