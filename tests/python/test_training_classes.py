"""Classes are matched by name, whatever their order, and also where some are absent."""

import unicodedata

import numpy as np
import pytest

from reticnn import (
    Classifier,
    evaluate_classifier,
    fine_tune,
    image_arrays,
    load_images,
    predict_images,
    report_classifier,
    shape_images,
)
from reticnn.reporting import sections

NAMES = ["circle", "square", "triangle"]


def _named(data, class_names):
    """Return the same images with the classes in another order."""
    pixels = load_images(data)["images"]
    return image_arrays(pixels, data.labels, class_names=class_names)


@pytest.fixture(scope="module")
def data():
    return shape_images(30, 3, image_size=16, seed=1)


@pytest.fixture(scope="module")
def validation():
    return shape_images(12, 3, image_size=16, seed=2)


@pytest.mark.parametrize(
    "turn",
    [
        lambda data: _named(data, NAMES[::-1]),
        lambda data: _named(data, ["star", *NAMES]),
        lambda data: _named(data[np.array(data.codes) != 1], ["triangle", "circle"]),
    ],
    ids=["order", "class without images", "absent class"],
)
def test_validation_is_matched_by_name(fit, tiny_cnn, data, validation, turn):
    turned = turn(validation)
    same = validation
    if len(turned) < len(validation):
        same = validation[np.array(validation.codes) != 1]
    wanted = fit(tiny_cnn(3), data, validation=same).history
    first = fit(tiny_cnn(3), data, validation=turned)
    assert first.class_names == NAMES
    assert first.history["val_loss"] == pytest.approx(wanted["val_loss"])
    assert first.history["val_accuracy"] == pytest.approx(wanted["val_accuracy"])


def test_classes_without_training_images_are_told(fit, tiny_cnn, data, recwarn):
    by_class = data[np.argsort(data.codes, kind="stable")]
    with pytest.warns(UserWarning, match="1 of 3 classes: 'triangle'.*split_images"):
        part = fit(tiny_cnn(3), by_class[:20])
    recwarn.clear()
    fit(part, data)
    assert not [one for one in recwarn if "no image" in str(one.message)]


def test_training_further_is_matched_by_name(fit, tiny_cnn, data, validation):
    def twice(data, validation):
        first = fit(tiny_cnn(3), shape_images(30, 3, image_size=16, seed=1))
        return fit(first, data, validation=validation, seed=3)

    wanted = twice(data, validation)
    turned = twice(
        _named(data, NAMES[::-1]), _named(validation, [*NAMES[1:], "circle"])
    )
    assert turned.class_names == NAMES
    assert turned.history["val_loss"][-1] == pytest.approx(
        wanted.history["val_loss"][-1]
    )
    some = twice(data[[0, 3, 2]], validation[:1])
    assert some.class_names == NAMES


def test_unknown_classes_are_refused_by_name(refused, fit, tiny_cnn, data, validation):
    more = shape_images(12, 4, image_size=16, seed=2)
    with refused(
        ValueError, "validation", "'star'", "`data` does not know", "'circle'"
    ):
        fit(tiny_cnn(3), data, validation=more)
    learned = fit(tiny_cnn(3), data)
    with refused(ValueError, "validation", "'star'", "`data` does not know"):
        fit(learned, data, validation=more)
    with refused(ValueError, "data", "'star'", "the classifier does not know"):
        fine_tune(learned, more)
    with refused(ValueError, "data", "'star'", "the classifier does not know"):
        evaluate_classifier(learned, more)


def test_model_with_more_classes_than_the_data_is_told_both_ways(
    refused, fit, tiny_cnn
):
    data = shape_images(8, image_size=16)
    with refused(ValueError, "model", "3 classes", "num_classes=2", "`class_names`"):
        fit(tiny_cnn(3), data)
    assert fit(tiny_cnn(3), _named(data, NAMES)).class_names == NAMES


def test_absent_classes_have_no_measures_and_are_not_the_worst(
    fit, tiny_cnn, data, tmp_path
):
    learned = fit(tiny_cnn(3), data)
    part = data[np.array(data.codes) != 1]
    scores = evaluate_classifier(learned, part)
    for rate in ("precision", "recall", "f1"):
        assert np.isnan(scores["per_class"][rate][1])
    assert scores["balanced_accuracy"] == pytest.approx(
        np.mean([scores["per_class"]["recall"][code] for code in (0, 2)])
    )
    report_classifier(learned, part, tmp_path / "a.html", progress="none")
    assert ">nan<" not in (tmp_path / "a.html").read_text(encoding="utf-8").lower()


def test_absent_classes_are_not_among_the_lowest_of_a_report():
    names = [f"class {number:02}" for number in range(40)]
    rates = np.where(np.arange(40) < 4, np.nan, np.arange(40) / 40).tolist()
    per_class = {"class": names, "n": [0] * 4 + [1] * 36}
    per_class |= dict.fromkeys(("precision", "recall", "f1"), rates)
    page = str(sections._class_table(per_class))
    assert "The 30 of 40 classes with the lowest F1" in page
    assert [name in page for name in names] == [False] * 4 + [True] * 30 + [False] * 6


def test_names_in_either_unicode_form_are_one_class(fit, tiny_cnn):
    pixels = load_images(shape_images(12, image_size=16, seed=1))["images"]
    labels = ["K\u00e4se", "x"] * 6
    learned = fit(tiny_cnn(), image_arrays(pixels, labels))
    # As in a file of an older version, whose names were kept as they came.
    older = Classifier(
        learned.model,
        [unicodedata.normalize("NFD", name) for name in learned.class_names],
        learned.history,
    )
    wanted = evaluate_classifier(learned, image_arrays(pixels, labels))
    assert evaluate_classifier(older, image_arrays(pixels, labels))["loss"] == (
        pytest.approx(wanted["loss"])
    )


def test_names_of_columns_are_good_names_of_classes(fit, tiny_cnn, tmp_path):
    names = ["file", "label", "probability", "epoch", "n", "truth", "f1", ".file"]
    pixels = np.random.default_rng(1).integers(0, 256, (16, 16, 16, 3))
    data = image_arrays(pixels, names * 2, class_names=names)
    learned = fit(tiny_cnn(8), data)
    table = predict_images(learned, data)
    assert list(table) == [".pred_class", *(f".pred_{name}" for name in names)]
    assert set(table[".pred_class"]) <= set(names)
    assert evaluate_classifier(learned, data)["per_class"]["class"] == names
    report_classifier(learned, data, tmp_path / "a.html", progress="none")


@pytest.mark.parametrize("weights", [(1, 5), [1.0, 5.0], np.array([1.0, 5.0]), 3])
def test_class_weights_without_names_are_refused(
    refused, fit, tiny_cnn, shapes, weights
):
    with refused(TypeError, "class_weight", "name the class", "circle", "'balanced'"):
        fit(tiny_cnn(), shapes, class_weight=weights)
