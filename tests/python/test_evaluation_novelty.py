"""Scores of novelty by hand and by scikit-learn, and what is kept of them."""

import keras
import numpy as np
import pytest

import reticnn
from reticnn import (
    calibrate_classifier,
    ensemble_classifiers,
    export_classifier,
    image_arrays,
    load_classifier,
    novelty_scores,
    novelty_threshold,
    predict_images,
    save_classifier,
)
from reticnn.classifier import Classifier
from reticnn.outputs.reference import MOST_FEATURES, Reference, shrunk_covariance

covariance = pytest.importorskip("sklearn.covariance")
neighbors = pytest.importorskip("sklearn.neighbors")

NAMES = ["ant", "bee", "cow"]


def small(end="softmax", units=3):
    """Return a classifier whose features are the pixels, and its last layer."""
    images = keras.Input((3, 4, 1))
    features = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(images))
    start = keras.initializers.RandomNormal(seed=2)
    last = keras.layers.Dense(
        units, activation=None if end == "logits" else end, kernel_initializer=start
    )
    model = keras.Model(images, last(features))
    names = NAMES[: max(2, units)]
    return Classifier(model, names, {"epoch": []}, output=end), last


def some(n, seed=1, classes=3):
    random = np.random.default_rng(seed)
    codes = np.arange(n) % classes
    pixels = random.integers(0, 80, (n, 3, 4, 1)) + 60 * codes[:, None, None, None]
    return image_arrays(pixels.astype("uint8"), [NAMES[code] for code in codes])


def rows_of(data):
    return data.read(np.arange(len(data))).reshape(len(data), -1) / 255


def scores(classifier, data, method, **arguments):
    return np.array(
        novelty_scores(classifier, data, method=method, **arguments)[".novelty"]
    )


@pytest.mark.parametrize("end", ["softmax", "logits"])
def test_energy_and_softmax_are_those_of_the_scores(end):
    classifier, last = small(end)
    data = some(20)
    kernel, bias = last.get_weights()
    logits = rows_of(data) @ kernel + bias
    wanted = -np.log(np.exp(logits).sum(axis=1))
    np.testing.assert_allclose(scores(classifier, data, "energy"), wanted, atol=1e-5)
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    wanted = 1 - chances.max(axis=1)
    np.testing.assert_allclose(scores(classifier, data, "softmax"), wanted, atol=1e-5)


def test_one_unit_has_the_energy_of_two_scores_around_0():
    classifier, last = small("sigmoid", 1)
    data = some(20, classes=2)
    kernel, bias = last.get_weights()
    half = (rows_of(data) @ kernel + bias)[:, 0] / 2
    wanted = -np.log(np.exp(half) + np.exp(-half))
    np.testing.assert_allclose(scores(classifier, data, "energy"), wanted, atol=1e-5)


def test_mahalanobis_is_that_of_scikit_learns_covariance():
    classifier, _ = small()
    known, new = some(60), some(25, seed=2)
    features = rows_of(known)
    means = np.stack([features[known.codes == code].mean(axis=0) for code in range(3)])
    fitted = covariance.LedoitWolf(assume_centered=True).fit(
        features - means[known.codes]
    )
    np.testing.assert_allclose(
        shrunk_covariance(features - means[known.codes]), fitted.covariance_
    )
    apart = rows_of(new)[:, None] - means
    wanted = np.einsum("ncf,fg,ncg->nc", apart, fitted.precision_, apart).min(axis=1)
    found = scores(classifier, new, "mahalanobis", reference=known)
    np.testing.assert_allclose(found, wanted, rtol=1e-3)
    # A class without images is none to be near to.
    two = known[np.flatnonzero(known.codes < 2).tolist()]
    assert scores(classifier, known, "mahalanobis", reference=two)[2] > 2 * found.max()


def test_neighbours_are_scikit_learns():
    classifier, _ = small()
    known, new = some(60), some(25, seed=2)
    unit = [
        rows / np.linalg.norm(rows, axis=1, keepdims=True)
        for rows in map(rows_of, (known, new))
    ]
    near = neighbors.NearestNeighbors(n_neighbors=10).fit(unit[0])
    wanted = near.kneighbors(unit[1])[0][:, -1]
    found = scores(classifier, new, "neighbours", reference=known)
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    order = np.random.default_rng(1).permutation(60).tolist()
    turned = scores(classifier, new, "neighbours", reference=known[order])
    np.testing.assert_allclose(turned, found, atol=1e-6)


def test_very_many_features_keep_their_distances():
    random = np.random.default_rng(1)
    features = random.normal(size=(300, 4 * MOST_FEATURES))
    kept = Reference.of_images(features)
    assert kept.points.shape == (300, MOST_FEATURES)
    far = features + random.normal(0, 1, features.shape)
    unit = [
        rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (features, far)
    ]
    wanted = neighbors.NearestNeighbors(n_neighbors=10).fit(unit[0])
    wanted = wanted.kneighbors(unit[1])[0][:, -1]
    np.testing.assert_allclose(kept.novelty(far), wanted, rtol=0.1)
    again = Reference.from_config(kept.to_config())
    np.testing.assert_array_equal(again.novelty(far), kept.novelty(far))


def test_distance_is_that_to_the_closest_prototype():
    model = reticnn.landmark_model(
        "lenet5", num_classes=2, prototypes=np.sign(np.eye(2, 84) - 0.5), seed=1
    )
    classifier = Classifier(model, NAMES[:2], {"epoch": []}, output="distances")
    images = np.random.default_rng(1).integers(0, 256, (4, 32, 32, 1)).astype("uint8")
    wanted = model.predict_on_batch(images).min(axis=1)
    np.testing.assert_allclose(
        scores(classifier, images, "distance"), wanted, rtol=1e-6
    )
    with pytest.raises(ValueError, match=r"`method` is 'energy'.*'distance'"):
        scores(classifier, images, "energy")


@pytest.mark.parametrize("method", ["energy", "mahalanobis", "neighbours", "softmax"])
def test_threshold_calls_as_few_of_the_known_novel_as_said(method, tmp_path):
    classifier, _ = small()
    known, data = some(90), some(400, seed=2)
    given = {"reference": known} if method in ("mahalanobis", "neighbours") else {}
    careful = novelty_threshold(classifier, data, share=0.1, method=method, **given)
    assert classifier.novelty is None
    found = novelty_scores(careful, data)
    assert sum(found[".novel"]) == 39  # Of 400, 361 may be at most the threshold.
    new = some(500, seed=3)
    table = predict_images(careful, new, batch_size=7)
    assert 0.04 < np.mean(table[".novel"]) < 0.17
    assert list(table)[-1] == ".novel"
    loaded = load_classifier(save_classifier(careful, tmp_path / "careful.reticnn"))
    assert predict_images(loaded, new)[".novel"] == table[".novel"]
    assert repr(loaded) == repr(careful)
    assert f"novelty  {method}, 10 % of known images" in repr(loaded)
    np.testing.assert_allclose(
        *(novelty_scores(one, new)[".novelty"] for one in (loaded, careful)), atol=1e-5
    )
    # Scores of another method have no threshold.
    if method != "softmax":
        assert list(novelty_scores(loaded, new, method="softmax")) == [".novelty"]
    # Views change what is predicted, not whether an image is novel.
    assert predict_images(loaded, new[:30], crops=2)[".novel"] == table[".novel"][:30]


def test_an_export_says_that_an_onnx_file_refuses_features(tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    classifier, _ = small()
    careful = novelty_threshold(
        classifier, some(400, seed=2), method="mahalanobis", reference=some(90)
    )
    with pytest.warns(UserWarning, match="by 'mahalanobis'. .* refuse to predict"):
        export_classifier(careful, tmp_path / "a.onnx")
    with pytest.raises(ValueError, match="has no Keras model"):
        predict_images(load_classifier(tmp_path / "a.onnx"), some(5))


def test_calibration_changes_no_energy_and_drops_what_no_longer_holds():
    classifier, last = small()
    last.set_weights([3 * last.get_weights()[0], last.get_weights()[1]])
    data, new = some(200), some(40, seed=3)
    labels = predict_images(classifier, data)[".pred_class"]
    others = dict(zip(NAMES, [*NAMES[1:], NAMES[0]], strict=True))
    labels[::7] = [others[label] for label in labels[::7]]
    labelled = image_arrays(data.read(np.arange(200)), labels, class_names=NAMES)
    wanted = scores(classifier, new, "energy")
    for method in ("energy", "softmax"):
        careful = novelty_threshold(classifier, some(60, seed=4), method=method)
        if method == "softmax":
            with pytest.warns(UserWarning, match="threshold of novelty .* is dropped"):
                calibrated = calibrate_classifier(careful, labelled)
            assert calibrated.novelty is None
        else:
            calibrated = calibrate_classifier(careful, labelled)
            assert calibrated.novelty == careful.novelty
        found = scores(calibrated, new, "energy")
        np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize("method", ["neighbours", "mahalanobis"])
def test_features_that_are_probabilities_do_not_outlive_a_calibration(method):
    (one, _), (other, last) = small(), small()
    last.set_weights([-last.get_weights()[0], last.get_weights()[1]])
    ensemble = ensemble_classifiers([one, other], weights=[3, 1])
    careful = novelty_threshold(
        ensemble, some(60, seed=4), method=method, reference=some(90, seed=6)
    )
    with pytest.warns(UserWarning, match="threshold of novelty .* is dropped"):
        calibrated = calibrate_classifier(careful, some(200), method="isotonic")
    assert calibrated.novelty is None
    assert ".novel" not in predict_images(calibrated, some(5))


def test_scores_that_cannot_be_had_are_refused(refused, classifier, shapes):
    mine, _ = small()
    data = some(30)
    pixels = data.read(np.arange(30))
    with refused(ValueError, "method", "'knn'", "'neighbours'"):
        novelty_scores(mine, data, method="knn")
    with refused(ValueError, "method", "'distance'", "no distances"):
        novelty_scores(mine, data, method="distance")
    with refused(ValueError, "reference", "missing", "method='neighbours'"):
        novelty_scores(mine, data)
    with refused(ValueError, "reference", "method='energy'", "Leave it out"):
        novelty_scores(mine, data, method="energy", reference=data)
    with refused(ValueError, "reference", "no labels", "neighbours"):
        scores(mine, data, "mahalanobis", reference=image_arrays(pixels))
    with refused(ValueError, "reference", "no two images", "neighbours"):
        scores(mine, data, "mahalanobis", reference=some(3, seed=9))
    with refused(ValueError, "reference", "'circle'"):
        scores(mine, data, "mahalanobis", reference=reticnn.shape_images(9))
    mean = keras.layers.Average()([mine.model.output, mine.model.output])
    averaged = Classifier(
        keras.Model(mine.model.inputs, keras.ops.softmax(keras.ops.log(mean))),
        NAMES,
        {"epoch": []},
        output="softmax",
    )
    with refused(ValueError, "method", "'energy'", "no layer"):
        novelty_scores(averaged, data, method="energy")
    with refused(ValueError, "share", "at least 19", "`data` has 18"):
        novelty_threshold(mine, data[:18], method="softmax")
    with refused(ValueError, "share", 1):
        novelty_threshold(mine, data, share=1)
    with refused(ValueError, "data", "30 of 30", "`reference`"):
        novelty_threshold(mine, data, reference=data)
    with refused(ValueError, "data", "40 of 40", "trained on"):
        novelty_threshold(
            classifier,
            reticnn.shape_images(1000, image_size=16, seed=1)[:40],
            method="softmax",
        )
