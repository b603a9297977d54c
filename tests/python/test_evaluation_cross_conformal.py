"""Prediction sets from a cross-validation: the definition of CV+, and its promise."""

import keras
import numpy as np
import pytest

from reticnn import (
    ensemble_classifiers,
    evaluate_classifier,
    export_classifier,
    image_arrays,
    load_classifier,
    predict_images,
    prediction_sets,
    save_classifier,
)
from reticnn.classifier import Classifier
from reticnn.data.hashing import hashed, hashes_of
from reticnn.evaluation.cross_conformal import guaranteed_coverage
from reticnn.evaluation.cross_validated import CrossValidation, FoldFound
from reticnn.outputs.set_images import FoldScores, SetImages
from reticnn.prediction.conformal import draws_of, members_by_folds, nonconformity

NAMES = ["ant", "bee", "cow"]
FOLDS = 3


def images_of_scores(n, seed=1):
    """Return image data whose first row of pixels are scores of their classes."""
    random = np.random.default_rng(seed)
    codes = random.integers(3, size=n)
    pixels = random.integers(0, 200, (n, 2, 3))
    pixels[np.arange(n), 0, codes] += random.integers(0, 55, n)
    labels = [NAMES[code] for code in codes]
    return image_arrays(pixels[..., None].astype("uint8"), labels, class_names=NAMES)


def classifier_of(fold):
    """Return a classifier, another one for each fold."""
    images = keras.Input((2, 3, 1))
    first = keras.layers.Flatten()(keras.layers.Cropping2D(((0, 1), (0, 0)))(images))
    scores = keras.layers.Dense(3, use_bias=False)(first)
    model = keras.Model(images, keras.layers.Softmax()(scores))
    model.set_weights([np.eye(3) / 40 + 0.002 * fold * np.ones((3, 3)).cumsum(axis=0)])
    return Classifier(model, list(NAMES), {"epoch": []}, output="softmax")


def chances_of(classifier, data):
    table = predict_images(classifier, data)
    return np.array([table[f".pred_{name}"] for name in NAMES]).T


def validated_of(data, repeats=1, stopped=None):
    """Return a cross-validation of classifiers that need no training."""
    found = []
    for repeat in range(1, repeats + 1):
        for fold in range(FOLDS):
            positions = np.arange(fold, len(data), FOLDS)
            test, classifier = data[positions.tolist()], classifier_of(fold)
            found.append(
                FoldFound(
                    repeat,
                    fold + 1,
                    positions,
                    len(data) - len(positions),
                    test.codes,
                    chances_of(classifier, test),
                    classifier,
                    f"{repeat} {fold}",
                    None,
                    hashes_of(hashed(test)),
                )
            )
    return CrossValidation(
        found, data, level=None, wanted=FOLDS * repeats, stopped=stopped
    )


@pytest.fixture(scope="module")
def validated():
    return validated_of(images_of_scores(60))


@pytest.mark.parametrize("method", ["threshold", "adaptive"])
def test_sets_are_those_of_the_definition(validated, method, tmp_path):
    """Image by image and class by class, as Romano et al. (2020) write it."""
    data, new = images_of_scores(60), images_of_scores(25, seed=2)
    ensemble = ensemble_classifiers(validated)
    with_sets = prediction_sets(ensemble, validated, coverage=0.8, method=method)
    assert ensemble.sets is None
    seen, draws = (draws_of(hashes_of(hashed(part))) for part in (data, new))
    scores = np.empty((FOLDS, 25, 3))
    calibration = np.empty(60)
    for fold, classifier in enumerate(validated.classifiers):
        scores[fold] = nonconformity(chances_of(classifier, new), draws, method)
        own = nonconformity(chances_of(classifier, data), seen, method)
        tested = np.arange(fold, 60, FOLDS)
        calibration[tested] = own[tested, data.codes[tested]]
    wanted = [
        {
            name
            for code, name in enumerate(NAMES)
            if sum(
                calibration[at] < scores[at % FOLDS, image, code] for at in range(60)
            )
            < 0.8 * 61
        }
        for image in range(25)
    ]
    path = save_classifier(with_sets, tmp_path / "sets.reticnn")
    for classifier in (with_sets, load_classifier(path)):
        found = predict_images(classifier, new, type="set", batch_size=7)
        assert list(map(set, found[".pred_set"])) == wanted
    assert 1 < np.mean(list(map(len, wanted))) < 3
    assert f"{method}, coverage 0.8, from 60 images in 3 folds" in repr(with_sets)
    measured = evaluate_classifier(with_sets, new)
    held = [label in inside for label, inside in zip(new.labels, wanted, strict=True)]
    assert measured["coverage"] == pytest.approx(np.mean(held))
    table = with_sets.sets["thresholds"]
    assert table["coverage_lower"] == [guaranteed_coverage(0.8, 60, 3, 20)]
    assert 0.5 < table["coverage_lower"][0] < 0.6


def test_an_export_says_that_an_onnx_file_refuses_them(validated, tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    new = images_of_scores(5, seed=2)
    ensemble = prediction_sets(ensemble_classifiers(validated), validated, coverage=0.8)
    with pytest.warns(
        UserWarning, match="from a cross-validation. .* refuse to give sets"
    ):
        export_classifier(ensemble, tmp_path / "a.onnx")
    loaded = load_classifier(tmp_path / "a.onnx")
    with pytest.raises(ValueError, match="has no Keras model"):
        predict_images(loaded, new, type="set")
    assert len(predict_images(loaded, new)[".pred_class"]) == 5
    found, wanted = (evaluate_classifier(one, new) for one in (loaded, ensemble))
    assert found["accuracy"] == wanted["accuracy"]
    assert "coverage" in wanted and "coverage" not in found


@pytest.mark.parametrize("folds", [2, 5, 10])
def test_coverage_is_what_is_proven_and_about_what_was_asked(folds):
    """With models that learn, from few images: the means of two clouds."""
    random = np.random.default_rng(folds)
    n, new, coverage, held = 40, 50, 0.9, []

    def drawn(count):
        codes = random.integers(2, size=count)
        return random.normal(codes[:, None] * 0.8, 1, (count, 4)), codes

    def learned(x, codes):
        means = np.stack([x[codes == code].mean(axis=0) for code in (0, 1)])

        def chances(x):
            far = ((x[:, None] - means) ** 2).sum(axis=2)
            powers = np.exp(far.min(axis=1, keepdims=True) - far)
            return powers / powers.sum(axis=1, keepdims=True)

        return chances

    for _ in range(100):
        (x, codes), (of_new, true) = drawn(n), drawn(new)
        fold = random.permutation(np.arange(n) % folds)
        scores, by_folds = np.empty(n), []
        for own in range(folds):
            model, at = learned(x[fold != own], codes[fold != own]), fold == own
            scores[at] = nonconformity(model(x[at]), None, "threshold")[
                np.arange(at.sum()), codes[at]
            ]
            by_folds.append(model(of_new))
        kept = SetImages(of_folds=FoldScores(scores, fold))
        sets = {"method": "threshold", "coverage": coverage}
        classifier = Classifier(
            None, ["a", "b"], {"epoch": []}, sets=sets, set_images=kept
        )
        inside = members_by_folds(classifier, by_folds, None)
        held.append(inside[np.arange(new), true].mean())
    error = np.std(held) / 10
    proven = guaranteed_coverage(coverage, n, folds, n // folds)
    assert proven < coverage - 0.1
    assert coverage - 0.02 - 2 * error < np.mean(held) < coverage + 0.05 + 2 * error


def test_what_is_proven_is_that_of_the_paper():
    # One image per fold: the jackknife+, 1 - 2 alpha.
    assert guaranteed_coverage(0.9, 50, 50, 1) == pytest.approx(0.8)
    assert guaranteed_coverage(0.9, 100, 5, 20) == pytest.approx(0.8 - 1.6 / 21)
    assert guaranteed_coverage(0.4, 100, 5, 20) == 0


def test_what_has_no_guarantee_is_refused(validated, refused):
    ensemble = ensemble_classifiers(validated)
    with refused(TypeError, "classifier", "cross-validation", "ensemble_classifiers()"):
        prediction_sets(validated, images_of_scores(60))
    others = [classifier_of(fold) for fold in (1, 0, 2)]
    for wrong in (classifier_of(0), ensemble_classifiers(others)):
        with refused(ValueError, "classifier", "ensemble of the folds"):
            prediction_sets(wrong, validated)
    for name, value in (
        ("method", "regularized"),
        ("by_class", True),
        ("tta", 1),
        ("crops", 2),
    ):
        with refused(ValueError, name, "cross-validation"):
            prediction_sets(ensemble, validated, **{name: value})
    with refused(ValueError, "coverage", "at least 99 images", "has 60"):
        prediction_sets(ensemble, validated, coverage=0.99)
    data = images_of_scores(60)
    for odd, part in (
        (validated_of(data, repeats=2), "tests each image once"),
        (validated_of(data, stopped="interrupted"), "3 of 3 folds"),
    ):
        with refused(ValueError, "data", part):
            prediction_sets(ensemble, odd)
