import json

import numpy as np
import pytest

from reticnn import (
    evaluate_classifier,
    image_arrays,
    image_folder,
    load_images,
    predict_images,
    shape_images,
)


def _check_same_scores(scores, wanted):
    """Check that evaluations agree, but for the rounding of other batches."""
    for part in ("per_class", "confusion"):
        assert list(scores[part]) == list(wanted[part])
        for name, column in wanted[part].items():
            np.testing.assert_array_equal(scores[part][name], column)
    for name in list(wanted)[:11]:
        assert scores[name] == pytest.approx(wanted[name], abs=1e-6, nan_ok=True)


def test_labelled_data_of_another_size_is_evaluated_resized(classifier):
    with pytest.warns(UserWarning, match="`data` has images of 8 x 8"):
        scores = evaluate_classifier(classifier, shape_images(4, image_size=8))
    assert scores["n"] == 4


def test_model_is_evaluated_with_the_classes_of_the_data(classifier, shapes):
    wanted = evaluate_classifier(classifier, shapes)
    _check_same_scores(evaluate_classifier(classifier.model, shapes), wanted)
    turned = evaluate_classifier(
        classifier.model, shapes, class_names=["square", "circle"]
    )
    assert turned["accuracy"] == pytest.approx(1 - wanted["accuracy"])


def test_model_without_compile_has_the_log_loss(tiny_cnn, shapes):
    scores = evaluate_classifier(tiny_cnn(), shapes)
    assert scores["loss"] == scores["log_loss"]


def test_loss_is_what_keras_measures(fit, tiny_cnn):
    data = shape_images(30, 3, image_size=16, seed=1)
    smooth = fit(tiny_cnn(3), data, label_smoothing=0.2)
    loaded = load_images(data)
    targets = np.eye(3)[data.codes]
    wanted = smooth.model.evaluate(loaded["images"], targets, verbose=0)[0]
    scores = evaluate_classifier(smooth, data)
    assert scores["loss"] == pytest.approx(wanted, abs=1e-5)
    assert scores["loss"] != pytest.approx(scores["log_loss"], abs=1e-5)


def test_evaluation_is_what_predictions_give_by_hand(classifier, shapes):
    table = predict_images(classifier, shapes)
    right = [
        table[f".pred_{label}"][index] for index, label in enumerate(shapes.labels)
    ]
    hits = [a == b for a, b in zip(table[".pred_class"], shapes.labels, strict=True)]
    result = evaluate_classifier(classifier, shapes)
    assert list(result) == [
        "n",
        "loss",
        "accuracy",
        "balanced_accuracy",
        "kappa",
        "mcc",
        "roc_auc",
        "pr_auc",
        "log_loss",
        "brier_score",
        "calibration_error",
        "per_class",
        "confusion",
        "intervals",
        "predictions",
        "level",
    ]
    assert result["n"] == 60
    assert result["accuracy"] == pytest.approx(np.mean(hits))
    assert result["log_loss"] == pytest.approx(-np.mean(np.log(right)), abs=1e-5)
    assert result["loss"] == pytest.approx(result["log_loss"], abs=1e-5)
    assert type(result["n"]) is int
    assert {type(value) for value in list(result.values())[1:11]} == {float}
    # Plain values all the way down, but for the array of probabilities.
    chances = result["predictions"].pop("probabilities")
    np.testing.assert_allclose(chances[:, 1], table[".pred_square"], atol=1e-6)
    assert json.dumps(result)


def test_classes_in_another_order_are_matched_by_name(classifier, shapes):
    turned = image_arrays(
        load_images(shapes)["images"], shapes.labels, class_names=["square", "circle"]
    )
    wanted = evaluate_classifier(classifier, shapes)
    _check_same_scores(evaluate_classifier(classifier, turned), wanted)


def test_some_of_the_classes_are_enough(fit, tiny_cnn):
    data = shape_images(30, 3, image_size=16, seed=1)
    learned = fit(tiny_cnn(3), data)
    some = [index for index, label in enumerate(data.labels) if label != "square"]
    part = data[some]
    fewer = image_arrays(load_images(part)["images"], part.labels)
    assert fewer.class_names == ["circle", "triangle"]
    wanted = evaluate_classifier(learned, part)
    assert wanted["per_class"]["n"] == [10, 0, 10]
    _check_same_scores(evaluate_classifier(learned, fewer), wanted)


def test_files_are_evaluated_at_the_models_size(fit, tiny_cnn, cats):
    learned = fit(tiny_cnn(), image_folder(cats, 16))
    assert evaluate_classifier(learned, image_folder(cats))["n"] == 5


def test_sure_and_wrong_is_a_finite_loss(fit, tiny_cnn, shapes):
    model = tiny_cnn()
    model.layers[-1].set_weights([np.zeros((8, 1)), np.array([1e4])])
    learned = fit(model, shapes[:2], learning_rate=1e-9)
    result = evaluate_classifier(learned, shapes)
    assert result["accuracy"] == 0.5
    assert 1 < result["log_loss"] < 100


@pytest.mark.parametrize(
    ("data", "error", "parts"),
    [
        (
            np.zeros((2, 16, 16, 3)),
            TypeError,
            ["(2, 16, 16, 3)", "`image_arrays(x, y)`"],
        ),
        (image_arrays(np.zeros((2, 16, 16, 3))), ValueError, ["no labels"]),
        (
            image_arrays(np.zeros((2, 16, 16, 2)), ["circle", "square"]),
            ValueError,
            ["16 x 16 x 2", "16 x 16 x 3"],
        ),
        (
            image_arrays(np.zeros((2, 16, 16, 3)), ["circle", "cow"]),
            ValueError,
            ["'cow'", "'circle', 'square'"],
        ),
        (shape_images(4, image_size=16)[:0], ValueError, ["no images"]),
        (
            {"test": shape_images(4, image_size=16)},
            TypeError,
            ["'test'", "data['train']"],
        ),
    ],
    ids=["array", "no labels", "channels", "classes", "empty", "parts"],
)
def test_other_than_fitting_data_is_refused(refused, classifier, data, error, parts):
    with refused(error, "data", *parts):
        evaluate_classifier(classifier, data)
