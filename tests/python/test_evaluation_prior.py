"""Probabilities for other shares of the classes than those in training."""

import zipfile

import keras
import numpy as np
import pytest

from reticnn import (
    build_cnn,
    evaluate_classifier,
    image_arrays,
    image_tiles,
    landmark_model,
    load_classifier,
    load_images,
    predict_images,
    save_classifier,
    shape_images,
)


def _by_hand(chances, prior, shares):
    weighed = chances * np.array(prior) / np.array(shares)
    return weighed / weighed.sum(axis=1, keepdims=True)


def _chances(table, names):
    return np.array([table[f".pred_{name}"] for name in names]).T


def _data(counts, seed=1, **options):
    """Return images of circles and squares, so many of each."""
    data = shape_images(2 * max(counts), image_size=16, seed=seed)
    chosen = [np.flatnonzero(data.codes == code)[:n] for code, n in enumerate(counts)]
    loaded = load_images(data[np.concatenate(chosen)])
    return image_arrays(loaded["images"], loaded["labels"], **options)


@pytest.mark.parametrize("output", ["auto", "softmax", "logits", "one logit"])
def test_probabilities_are_those_of_bayes(fit, tiny_cnn, output):
    data = _data((30, 10))
    model = tiny_cnn(output="auto" if output == "auto" else "softmax")
    if "logit" in output:
        units = 1 if output == "one logit" else 2
        end = keras.layers.Dense(units)(model.layers[-2].output)
        model = keras.Model(model.inputs, end)
    found = fit(model, data)
    plain, corrected = (
        _chances(predict_images(found, data, prior=prior), found.class_names)
        for prior in (None, {"square": 0.9, "circle": 0.1})
    )
    wanted = _by_hand(plain, (0.1, 0.9), (0.75, 0.25))
    np.testing.assert_allclose(corrected, wanted, rtol=1e-9)
    same = predict_images(found, data, prior={"circle": 0.75, "square": 0.25})
    np.testing.assert_allclose(_chances(same, found.class_names), plain, rtol=1e-6)


def test_the_correction_finds_the_shares_of_other_data(fit):
    """A model of balanced images, told that few are squares, is calibrated for them."""
    model = build_cnn((16, 16, 3), filters=4, n_blocks=2, units=8, seed=1)
    found = fit(model, _data((400, 400)), epochs=3, optimizer="adam")
    rare = _data((900, 45), seed=8)
    prior = {"circle": 900 / 945, "square": 45 / 945}
    plain = evaluate_classifier(found, rare, intervals=None)
    told = evaluate_classifier(found, rare, intervals=None, prior=prior)
    for measure in "log_loss", "brier_score", "calibration_error":
        assert told[measure] < plain[measure]
    assert told["accuracy"] >= plain["accuracy"]
    assert told["roc_auc"] == pytest.approx(plain["roc_auc"])
    assert told["prior"] == pytest.approx(prior)
    assert told["loss"] == told["log_loss"]
    mean = told["predictions"]["probabilities"][:, 1].mean()
    raw = plain["predictions"]["probabilities"][:, 1].mean()
    assert abs(mean - 45 / 945) < abs(raw - 45 / 945)


def test_what_training_saw_is_counted(fit, tiny_cnn):
    weights = np.where(np.arange(40) % 4 == 0, 3.0, 1.0)
    weighted = _data((30, 10), weights=weights)
    by_class = np.bincount(weighted.codes, weights) / weights.sum()
    cases = [
        (_data((30, 10)), {}, (0.75, 0.25)),
        (weighted, {}, by_class),
        (_data((30, 10)), {"class_weight": "balanced"}, (0.5, 0.5)),
        (
            _data((30, 10)),
            {"class_weight": {"circle": 1, "square": 6}},
            (30 / 90, 60 / 90),
        ),
        # Oversampled: squares three times.
        (_data((30, 10))[[*range(30), *(3 * list(range(30, 40)))]], {}, (0.5, 0.5)),
    ]
    for data, options, wanted in cases:
        found = fit(tiny_cnn(), data, **options)
        assert found.class_shares.shares == pytest.approx(wanted)
        assert found.class_shares.doubts == ()
    part = fit(tiny_cnn(), _data((30, 10)), validation=_data((5, 20), seed=5))
    assert part.class_shares.shares == pytest.approx((0.75, 0.25))


def test_decisions_are_made_of_corrected_probabilities(fit, tiny_cnn):
    found = fit(tiny_cnn(), _data((30, 10)), epochs=2)
    new = _data((20, 20), seed=6)
    prior = {"circle": 0.2, "square": 0.8}
    costs = {"circle": {"circle": 0, "square": 4}, "square": {"circle": 1, "square": 0}}
    plain = evaluate_classifier(found, new)["predictions"]["probabilities"]
    wanted = _by_hand(plain, (0.2, 0.8), (0.75, 0.25))
    for options, squares in (
        ({}, wanted[:, 1] > 0.5),
        ({"threshold": 0.7}, wanted[:, 1] > 0.7),
        ({"costs": costs}, wanted[:, 1] > 0.8),
    ):
        scores = evaluate_classifier(found, new, prior=prior, **options)
        predictions = scores["predictions"]
        np.testing.assert_allclose(predictions["probabilities"], wanted, rtol=1e-9)
        assert [name == "square" for name in predictions["predicted"]] == list(squares)
    best = evaluate_classifier(found, new, prior=prior, threshold="accuracy")
    other = evaluate_classifier(found, new, threshold="accuracy")
    # The order of the images by their probabilities stays, and with it the best.
    assert best["accuracy"] == other["accuracy"]
    assert best["threshold"] > other["threshold"]


def test_views_are_averaged_first_and_tiles_afterwards(
    fit, tiny_cnn, write_image, tmp_path
):
    found = fit(tiny_cnn(), _data((30, 10)))
    names, prior = found.class_names, {"circle": 0.2, "square": 0.8}
    new = shape_images(6, image_size=16, seed=6)
    plain, corrected = (
        _chances(predict_images(found, new, crops=2, prior=each), names)
        for each in (None, prior)
    )
    wanted = _by_hand(plain, (0.2, 0.8), (0.75, 0.25))
    np.testing.assert_allclose(corrected, wanted, rtol=1e-9)
    tiles = image_tiles(write_image(tmp_path / "a.png", size=(48, 32)), 16)
    each = _chances(predict_images(found, tiles, prior=prior), names)
    mean = predict_images(found, tiles, prior=prior, summarise="mean")
    np.testing.assert_allclose(_chances(mean, names), [each.mean(axis=0)], rtol=1e-9)


def test_shares_stay_with_a_classifier(fit, tiny_cnn, tmp_path):
    data, prior = _data((30, 10)), {"circle": 0.5, "square": 0.5}
    found = fit(tiny_cnn(), data)
    path = save_classifier(found, tmp_path / "a.reticnn")
    loaded = load_classifier(path)
    assert loaded.class_shares == found.class_shares
    np.testing.assert_allclose(
        *(
            predict_images(one, data, prior=prior)[".pred_circle"]
            for one in (loaded, found)
        ),
        atol=1e-5,
    )
    # Further training on the same, and on something else.
    assert fit(found, data).class_shares == loaded.class_shares
    further = fit(load_classifier(path), _data((10, 30), seed=3))
    assert further.class_shares.shares == pytest.approx((0.25, 0.75))
    with pytest.warns(UserWarning, match="had been trained before, with other shares"):
        predict_images(further, data, prior=prior)


def test_doubts_are_said(fit, tiny_cnn):
    data, prior = _data((30, 10)), {"circle": 0.5, "square": 0.5}
    smooth = fit(tiny_cnn(), data, label_smoothing=0.2)
    np.testing.assert_allclose(smooth.class_shares.in_targets, (0.7, 0.3))
    focal = tiny_cnn()
    focal.compile("sgd", "binary_focal_crossentropy")
    for found, word in (
        (smooth, "smoothed labels"),
        (fit(tiny_cnn(), data, mixup=0.2), "mixed images"),
        (fit(focal, data), "its loss is not one"),
    ):
        with pytest.warns(UserWarning, match=word):
            predict_images(found, data, prior=prior)


def test_certainty_leaves_no_gap(fit, tiny_cnn):
    model = tiny_cnn()
    found = fit(model, _data((30, 10)))
    weights = model.layers[-1].get_weights()
    model.layers[-1].set_weights([0 * weights[0], 0 * weights[1] - 1000])
    with pytest.warns(UserWarning, match="weights have been changed since"):
        table = predict_images(found, _data((2, 2)), prior={"circle": 0, "square": 1})
    # The model knows of circles only, and there are none.
    assert table[".pred_square"] == [1.0] * 4


@pytest.mark.parametrize(
    ("prior", "parts"),
    [
        ([0.5, 0.5], ["'circle', 'square'", "0.5, 0.5"]),
        ({"circle": 1}, ["one share for each of the classes"]),
        ({"circle": 0.5, "cat": 0.5}, ["'circle', 'cat'"]),
        ({"circle": 0.5, "square": 0.4}, ["sum to 1", "0.9"]),
        ({"circle": 1.5, "square": -0.5}, ["at least 0"]),
        ({"circle": "a", "square": 0.5}, ["'a'"]),
    ],
)
def test_other_shares_are_refused(refused, classifier, prior, parts):
    numbers = isinstance(prior, dict) and "a" not in prior.values()
    error = ValueError if numbers else TypeError
    with refused(error, "prior", *parts):
        evaluate_classifier(classifier, _data((2, 2)), prior=prior)
    with refused(error, "prior", *parts):
        predict_images(classifier, _data((2, 2)), prior=prior)


def test_classifiers_that_cannot_be_corrected_are_refused(
    refused, fit, classifier, tmp_path
):
    prior, data = {"circle": 0.5, "square": 0.5}, _data((4, 4))
    with refused(ValueError, "prior", "not known", "`fit_classifier()`"):
        evaluate_classifier(
            classifier.model, data, class_names=["circle", "square"], prior=prior
        )
    path = save_classifier(classifier, tmp_path / "a.reticnn", fast_start=False)
    old = _older_file(path, tmp_path)
    with refused(ValueError, "prior", "file of an older version"):
        predict_images(load_classifier(old), data, prior=prior)
    lenet = landmark_model("lenet5")
    digits = [str(digit) for digit in range(10)]
    with refused(ValueError, "prior", "distances to prototypes"):
        predict_images(
            lenet,
            np.zeros((2, 32, 32, 1)),
            class_names=digits,
            prior=dict.fromkeys(digits, 0.1),
        )


def test_classes_without_images_stay_unknown(refused, fit, tiny_cnn):
    data = shape_images(12, 2, image_size=16, seed=1)
    loaded = load_images(data)
    names = ["circle", "square", "star"]
    data = image_arrays(loaded["images"], loaded["labels"], class_names=names)
    with pytest.warns(UserWarning, match="no image of 1 of 3 classes"):
        found = fit(tiny_cnn(3), data)
    with refused(ValueError, "prior", "'star'", "Set them to 0"):
        predict_images(found, data, prior={"circle": 0.5, "square": 0.25, "star": 0.25})
    table = predict_images(found, data, prior={"circle": 0.5, "square": 0.5, "star": 0})
    assert table[".pred_star"] == [0.0] * 12


def _older_file(path, folder):
    """Return a copy of a file without what it says of the shares."""
    import json

    with zipfile.ZipFile(path) as archive:
        record = json.loads(archive.read("classifier.json"))
        model = archive.read("model.keras")
    del record["class_shares"]
    older = folder / "older.reticnn"
    with zipfile.ZipFile(older, "w") as archive:
        archive.writestr("classifier.json", json.dumps(record))
        archive.writestr("model.keras", model)
    return older
