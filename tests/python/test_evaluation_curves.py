"""Points of curves, against scikit-learn's."""

import numpy as np
import pytest
from scipy.integrate import trapezoid

from reticnn import evaluate_classifier, evaluation_curve, plot_curve, shape_images
from reticnn.evaluation.metrics import classification_metrics

sklearn = pytest.importorskip("sklearn.metrics")


def _evaluation(n=200, num_classes=2, decimals=None, seed=1):
    random = np.random.default_rng(seed)
    codes = np.arange(n) % num_classes
    chances = (
        random.dirichlet(np.full(num_classes, 0.5), n)
        + 0.5 * np.eye(num_classes)[codes]
    )
    chances /= chances.sum(axis=1, keepdims=True)
    if decimals:
        chances = chances.round(decimals)
    names = [f"class {code}" for code in range(num_classes)]
    return codes, {
        **classification_metrics(codes, chances, names),
        "predictions": {
            "truth": [names[code] for code in codes],
            "probabilities": chances,
        },
    }


def _of_class(curve, name):
    own = [row for row, of in enumerate(curve["class"]) if of == name]
    return {key: np.array(column)[own] for key, column in curve.items()}


@pytest.mark.parametrize("decimals", [None, 1])
@pytest.mark.parametrize("num_classes", [2, 4])
def test_curves_are_scikit_learns(num_classes, decimals):
    codes, found = _evaluation(num_classes=num_classes, decimals=decimals)
    classes = [1] if num_classes == 2 else range(num_classes)
    roc, precision = (
        evaluation_curve(found, kind) for kind in ("roc", "precision_recall")
    )
    assert set(roc["class"]) == {f"class {code}" for code in classes}
    for code in classes:
        scores = found["predictions"]["probabilities"][:, code]
        own = _of_class(roc, f"class {code}")
        false, true, thresholds = sklearn.roc_curve(codes == code, scores)
        kept = np.isin(own["threshold"], thresholds)
        assert kept.all()
        at = np.searchsorted(-thresholds, -own["threshold"])
        np.testing.assert_allclose(own["sensitivity"], true[at])
        np.testing.assert_allclose(1 - own["specificity"], false[at], atol=1e-12)
        area = trapezoid(own["sensitivity"], 1 - own["specificity"])
        assert area == pytest.approx(found["per_class"]["roc_auc"][code])
        own = _of_class(precision, f"class {code}")
        wanted = sklearn.precision_recall_curve(codes == code, scores)
        np.testing.assert_allclose(own["precision"][::-1], wanted[0][:-1])
        np.testing.assert_allclose(own["recall"][::-1], wanted[1][:-1])


def test_calibration_has_limits():
    _, found = _evaluation(500)
    curve = evaluation_curve(found, "calibration")
    assert sum(curve["n"]) == 500
    rows = zip(*(curve[name] for name in ("lower", "accuracy", "upper")), strict=True)
    assert all(lower <= accuracy <= upper for lower, accuracy, upper in rows)
    found["level"] = 0.5
    narrower = evaluation_curve(found, "calibration")
    assert np.all(np.array(narrower["upper"]) <= np.array(curve["upper"]))


def test_images_without_a_prediction_are_left_out():
    _, found = _evaluation(60)
    found["predictions"]["probabilities"][3] = np.nan
    assert sum(evaluation_curve(found, "calibration")["n"]) == 59
    curve = evaluation_curve(found)
    assert np.isfinite(curve["sensitivity"]).all()


def test_curves_of_other_things_are_refused(refused, classifier):
    with refused(TypeError, "evaluation", "`evaluate_classifier()`"):
        evaluation_curve({"accuracy": 1})
    scores = evaluate_classifier(classifier, shape_images(20, image_size=16, seed=8))
    with refused(ValueError, "kind", "'roc'"):
        evaluation_curve(scores, "rok")
    circles = evaluate_classifier(
        classifier, shape_images(20, image_size=16, seed=8)[::2]
    )
    assert set(circles["predictions"]["truth"]) == {"circle"}
    assert evaluation_curve(circles)["class"] == []
    with refused(ValueError, "evaluation", "one class"):
        plot_curve(circles)


@pytest.mark.parametrize("kind", ["roc", "precision_recall", "calibration"])
@pytest.mark.parametrize("num_classes", [2, 12])
def test_curves_are_drawn(kind, num_classes, tmp_path):
    pytest.importorskip("matplotlib")
    _, found = _evaluation(num_classes=num_classes)
    figure = plot_curve(found, kind)
    (axes,) = figure.axes
    lines = [line for line in axes.lines if not line.get_label().startswith("_")]
    assert len(lines) == {"calibration": 0}.get(kind, min(8, num_classes - 1))
    figure.savefig(tmp_path / "curve.png")
    if num_classes == 12 and kind == "roc":
        assert (
            axes.get_title(loc="left") == "The 8 of 12 classes with the smallest areas"
        )
