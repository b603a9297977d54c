"""Wrong labels are found as the reference implementations find them."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, log_loss
from sklearn.model_selection import cross_val_predict

import reticnn
from reticnn.review.held_out_probabilities import held_out_probabilities
from reticnn.review.labels import suspects
from reticnn.runtime.conditions import SeenImagesWarning


def flipped(codes, classes, share, seed=1):
    """Return codes of which some are others, and which."""
    rng = np.random.default_rng(seed)
    is_wrong = rng.random(len(codes)) < share
    others = (codes + rng.integers(1, classes, len(codes))) % classes
    return np.where(is_wrong, others, codes), is_wrong


def features_with_noise(classes, n=1500, size=30, seed=1):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, classes, n)
    features = rng.normal(0, 0.8, (classes, size))[codes] + rng.normal(size=(n, size))
    return features, codes


def held_out(features, codes, groups=None):
    groups = np.arange(len(codes)) if groups is None else groups
    classes = codes.max() + 1
    return held_out_probabilities(features, codes, classes, groups, lambda step: None)


def ranked(images, n):
    """Return a score for each image that ranks those found, the first highest."""
    scores = np.zeros(n)
    scores[images] = np.arange(len(images), 0, -1)
    return scores


def test_suspects_are_those_worked_out_by_hand():
    # Means for the labels: 0.9 - 0.16 for a, 0.9 for b; one of a looks as b as any b.
    chances = np.array([[0.9, 0.1]] * 9 + [[0.1, 0.9]] + [[0.1, 0.9]] * 10)
    codes = np.repeat([0, 1], 10)
    images, others = suspects(codes, chances)
    assert images.tolist() == [9] and others.tolist() == [1]
    chances[9] = 0.45, 0.55  # Below what the images of b have on the mean.
    assert suspects(codes, chances)[0].tolist() == []


@pytest.mark.parametrize("classes", [2, 5])
def test_suspects_are_as_cleanlab_finds_them(classes):
    cleanlab = pytest.importorskip(
        "cleanlab.filter", reason="cleanlab is not installed"
    )
    features, codes = features_with_noise(classes)
    labels, is_wrong = flipped(codes, classes, 0.1)
    chances = held_out(features, labels)
    own, _ = suspects(labels, chances)
    theirs = cleanlab.find_label_issues(
        labels, chances, return_indices_ranked_by="self_confidence"
    )
    precision = [
        average_precision_score(is_wrong, ranked(images, len(labels)))
        for images in (own, theirs)
    ]
    assert abs(precision[0] - precision[1]) < 0.02
    assert precision[0] > 0.8


@pytest.mark.parametrize("classes", [2, 5])
def test_held_out_probabilities_are_as_good_as_scikit_learns(classes):
    features, codes = features_with_noise(classes)
    labels, _ = flipped(codes, classes, 0.1)
    theirs = cross_val_predict(
        LogisticRegression(max_iter=300), features, labels, cv=5, method="predict_proba"
    )
    own = held_out(features, labels)
    np.testing.assert_allclose(own.sum(axis=1), 1)
    assert log_loss(labels, own) < log_loss(labels, theirs) + 0.01


def test_no_image_is_predicted_from_its_own_label_or_that_of_a_copy():
    rng = np.random.default_rng(2)
    features = rng.normal(size=(300, 100)).repeat(2, axis=0)
    codes = rng.integers(0, 2, 300).repeat(2)
    groups = np.arange(300).repeat(2)
    right = held_out(features, codes, groups)[np.arange(600), codes]
    assert abs(right.mean() - 0.5) < 0.05
    # If copies were told apart, they would tell the label.
    right = held_out(features, codes)[np.arange(600), codes]
    assert right.mean() > 0.55


@pytest.fixture(scope="module")
def mislabelled():
    """Return shapes of which some have the other label, and which."""
    data = reticnn.shape_images(300, image_size=16, seed=21)
    codes, is_wrong = flipped(data.codes, 2, 0.1)
    labels = np.array(data.class_names)[codes]
    images = reticnn.load_images(data)["images"]
    return reticnn.image_arrays(images, labels), np.flatnonzero(is_wrong)


def wrong_of(review):
    rows = zip(review["kind"], review["image"], strict=True)
    return [image for kind, image in rows if kind == "wrong_label"]


def test_a_classifier_of_other_images_finds_wrong_labels(mislabelled, classifier):
    data, is_wrong = mislabelled
    told = []
    review = reticnn.review_images(
        data, classifier=classifier, kinds="wrong_label", progress=told.append
    )
    found = wrong_of(review)
    assert len(set(found) & set(is_wrong)) > 0.8 * len(is_wrong)
    assert len(set(found) - set(is_wrong)) < 0.2 * len(is_wrong)
    assert told[-1]["step"] == told[-1]["steps"]
    code = data.codes[found[0]]
    assert f"labelled {data.class_names[code]!r} with probability" in review["why"][0]
    assert f"probably {data.class_names[1 - code]!r}" in review["why"][0]
    assert "wrong_label" not in reticnn.review_images(data)["kind"]


def test_features_of_any_model_will_do(mislabelled, tiny_cnn):
    import keras

    data, _ = mislabelled
    backbone = keras.Sequential(
        [keras.Input((16, 16, 3)), keras.layers.Conv2D(4, 3), keras.layers.ReLU()]
    )
    for model in (backbone, tiny_cnn(), tiny_cnn(units=None)):
        review = reticnn.review_images(data, classifier=model, kinds="wrong_label")
        assert review.kinds == ["wrong_label"]


def test_predictions_are_taken_for_probabilities(mislabelled, classifier):
    data, is_wrong = mislabelled
    table = reticnn.predict_images(classifier, data)
    review = reticnn.review_images(data, probabilities=table, kinds="wrong_label")
    assert len(set(wrong_of(review)) & set(is_wrong)) > 0.8 * len(is_wrong)
    array = np.stack([table[f".pred_{name}"] for name in data.class_names], axis=1)
    again = reticnn.review_images(data, probabilities=array, kinds="wrong_label")
    assert again == review
    parts = {"train": data[:200], "test": data[200:]}
    chances = {"train": array[:200], "test": array[200:]}
    by_part = reticnn.review_images(parts, probabilities=chances, kinds="wrong_label")
    start = {"train": 0, "test": 200}
    rows = zip(by_part["part"], by_part["image"], strict=True)
    assert [start[part] + image for part, image in rows] == wrong_of(review)


def test_images_that_the_classifier_learned_from_are_told(classifier):
    data = reticnn.shape_images(1000, image_size=16, seed=1)[:60]
    with pytest.warns(SeenImagesWarning, match="trained on 60 of the 60 images"):
        reticnn.review_images(data, classifier=classifier, kinds="wrong_label")


def test_bad_probabilities_are_refused_by_name(mislabelled, classifier, refused):
    data = mislabelled[0][:10]
    good = np.full((10, 2), 0.5)
    with refused(ValueError, "classifier", "`probabilities`"):
        reticnn.review_images(data, classifier=classifier, probabilities=good)
    with refused(ValueError, "probabilities", "10 images", "3 columns"):
        reticnn.review_images(data, probabilities=np.full((10, 3), 0.3))
    bad = good.copy()
    bad[4] = np.nan
    bad[6] = 0.9
    with refused(ValueError, "probabilities", "positions 4, 6"):
        reticnn.review_images(data, probabilities=bad)
    with refused(TypeError, "probabilities", "'a'"):
        reticnn.review_images(data, probabilities="a")
    with refused(ValueError, "probabilities", "'.pred_square'"):
        reticnn.review_images(data, probabilities={".pred_circle": [0.5] * 10})
    with refused(ValueError, "probabilities", "'train'"):
        reticnn.review_images({"train": data}, probabilities=good)
    with refused(ValueError, "data", "no labels", "`probabilities`"):
        reticnn.review_images(
            reticnn.image_arrays(reticnn.load_images(data)["images"]),
            probabilities=good,
        )
    with refused(TypeError, "classifier", "3"):
        reticnn.review_images(data, classifier=3)


@pytest.mark.parametrize("name", ["classifier", "probabilities"])
def test_labels_are_told_to_be_guessed_where_classes_are_not_told_apart(tiny_cnn, name):
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (100, 32, 32, 3), dtype=np.uint8)
    data = reticnn.image_arrays(pixels, ["a", "b"] * 50)
    chances = rng.uniform(size=100)
    known = {"probabilities": np.stack([chances, 1 - chances], 1)}
    known["classifier"] = tiny_cnn()
    with pytest.warns(UserWarning, match=f"`{name}` hardly tells the classes apart"):
        reticnn.review_images(data, kinds=["wrong_label"], **{name: known[name]})
