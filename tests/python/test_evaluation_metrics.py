"""The measures, against scikit-learn's and against what a pencil gives."""

import math
import warnings

import numpy as np
import pytest

from reticnn.evaluation.calibration import calibration as bins_of
from reticnn.evaluation.metrics import classification_metrics

sklearn = pytest.importorskip("sklearn.metrics")
calibration = pytest.importorskip("sklearn.calibration")


def _some(n, num_classes, seed, decimals):
    """Return codes and probabilities; few decimals make ties."""
    random = np.random.default_rng(seed)
    scores = random.dirichlet(np.full(num_classes, 0.5), n)
    if decimals is not None:
        scores = (scores.round(decimals) + 0.1) / (scores.round(decimals) + 0.1).sum(
            axis=1, keepdims=True
        )
    codes = np.where(
        random.random(n) < 0.6,
        scores.argmax(axis=1),
        random.integers(num_classes, size=n),
    )
    codes[:num_classes] = np.arange(num_classes)
    return codes, scores


def _measured(codes, scores):
    names = [f"class {number}" for number in range(scores.shape[1])]
    return classification_metrics(np.asarray(codes), np.asarray(scores, "f8"), names)


def _calibration_error(codes, scores):
    right = scores.argmax(axis=1) == codes
    highest = scores.max(axis=1)
    # In the lower bin is what lies between two but for rounding.
    lower = highest - 1e-6
    shares, means = calibration.calibration_curve(right, lower, n_bins=15)
    bins = np.searchsorted(np.linspace(0, 1, 16)[1:-1], lower)
    sizes = np.bincount(bins)
    return np.abs(shares - means - 1e-6) @ sizes[sizes > 0] / len(codes)


@pytest.mark.parametrize("decimals", [None, 1], ids=["no ties", "ties"])
@pytest.mark.parametrize("num_classes", [2, 3, 7])
@pytest.mark.parametrize("n", [20, 500])
def test_measures_are_scikit_learns(n, num_classes, decimals):
    codes, scores = _some(n, num_classes, n + num_classes, decimals)
    predicted = scores.argmax(axis=1)
    measured = _measured(codes, scores)
    second = scores[:, 1] if num_classes == 2 else scores
    rest = codes if num_classes == 2 else np.eye(num_classes)[codes]
    wanted = {
        "accuracy": sklearn.accuracy_score(codes, predicted),
        "balanced_accuracy": sklearn.balanced_accuracy_score(codes, predicted),
        "kappa": sklearn.cohen_kappa_score(codes, predicted),
        "mcc": sklearn.matthews_corrcoef(codes, predicted),
        "roc_auc": sklearn.roc_auc_score(codes, second, multi_class="ovr"),
        "pr_auc": sklearn.average_precision_score(rest, second),
        "log_loss": sklearn.log_loss(codes, scores),
        "brier_score": sklearn.brier_score_loss(codes, second),
        "calibration_error": _calibration_error(codes, scores),
    }
    for name, value in wanted.items():
        assert measured[name] == pytest.approx(value, abs=1e-12), name
    for code in range(num_classes):
        row = {name: column[code] for name, column in measured["per_class"].items()}
        of_class = codes == code, scores[:, code]
        assert row["roc_auc"] == pytest.approx(sklearn.roc_auc_score(*of_class))
        assert row["pr_auc"] == pytest.approx(
            sklearn.average_precision_score(*of_class)
        )


@pytest.mark.parametrize("absent", [[], [1], [0, 4]])
def test_tables_are_scikit_learns(absent):
    codes, scores = _some(300, 5, 1, None)
    scores, codes = scores[~np.isin(codes, absent)], codes[~np.isin(codes, absent)]
    scores[:, 3] = 0  # Never predicted.
    predicted = scores.argmax(axis=1)
    measured = _measured(codes, scores)
    wanted = sklearn.precision_recall_fscore_support(
        codes, predicted, labels=range(5), zero_division=np.nan
    )
    for name, column in zip(("precision", "recall", "f1", "n"), wanted, strict=True):
        if name != "n":
            # An absent class that is predicted is 0 there, which looks like the worst.
            column = np.where(np.isin(range(5), absent), np.nan, column)
        np.testing.assert_allclose(measured["per_class"][name], column)
    assert measured["per_class"]["class"] == [f"class {number}" for number in range(5)]
    confusion = measured["confusion"]
    counts = np.reshape(confusion["n"], (5, 5))
    np.testing.assert_array_equal(
        counts, sklearn.confusion_matrix(codes, predicted, labels=range(5))
    )
    for truth, guess, n in zip(*confusion.values(), strict=True):
        assert n == counts[int(truth[-1]), int(guess[-1])]


def test_classes_not_in_the_data_leave_the_means():
    codes, scores = _some(200, 4, 2, None)
    scores, codes = scores[codes != 2], codes[codes != 2]
    measured = _measured(codes, scores)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # That a class is predicted that is not there.
        balanced = sklearn.balanced_accuracy_score(codes, scores.argmax(axis=1))
    areas = [
        sklearn.roc_auc_score(codes == code, scores[:, code]) for code in (0, 1, 3)
    ]
    assert measured["balanced_accuracy"] == pytest.approx(balanced)
    assert measured["roc_auc"] == pytest.approx(np.mean(areas))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("num_classes", [2, 3])
def test_one_class_has_no_curve(num_classes):
    scores = np.eye(num_classes)[[0, 1, 1]] * 0.5 + 0.5 / num_classes
    measured = _measured([1, 1, 1], scores)
    assert math.isnan(measured["roc_auc"])
    assert measured["accuracy"] == measured["balanced_accuracy"] == pytest.approx(2 / 3)
    assert math.isnan(measured["per_class"]["recall"][0])
    assert math.isnan(measured["per_class"]["precision"][0])
    assert math.isnan(measured["per_class"]["f1"][0])


def test_area_by_counting_pairs():
    second = np.array([0.1, 0.4, 0.4, 0.8, 0.4])
    codes = np.array([0, 0, 1, 1, 1])
    pairs = [
        (high > low) + (high == low) / 2 for high in second[2:] for low in second[:2]
    ]
    measured = _measured(codes, np.column_stack([1 - second, second]))
    assert measured["roc_auc"] == pytest.approx(np.mean(pairs))


def test_all_scores_the_same_is_chance():
    measured = _measured([0, 1, 1, 0], np.full((4, 2), 0.5))
    assert measured["roc_auc"] == 0.5
    assert measured["brier_score"] == 0.25
    assert measured["log_loss"] == pytest.approx(math.log(2))
    assert measured["calibration_error"] == 0


def test_sure_and_right_is_perfect_and_sure_and_wrong_is_finite():
    perfect = _measured([0, 1, 2], np.eye(3))
    assert [perfect[name] for name in ("accuracy", "roc_auc")] == [1, 1]
    assert perfect["brier_score"] == perfect["calibration_error"] == 0
    wrong = _measured([1, 2, 0], np.eye(3))
    assert wrong["brier_score"] == 2
    assert wrong["calibration_error"] == 1
    assert 36 < wrong["log_loss"] < 37
    assert _measured([1, 0], np.eye(2))["brier_score"] == 1


def test_nan_is_no_prediction():
    chances = np.array([[0.9, 0.1], [np.nan, np.nan], [0.2, 0.8], [0.6, 0.4]])
    codes = np.array([0, 0, 1, 1])
    found = classification_metrics(codes, chances, ["a", "b"])
    measures = [value for value in found.values() if isinstance(value, float)]
    assert len(measures) == 9
    assert np.isnan(measures).all()
    table = found["per_class"]
    assert table["n"] == [2, 2]
    # Of class b all is known, and which image might be of it besides is not.
    np.testing.assert_array_equal(table["recall"], [np.nan, 0.5])
    np.testing.assert_array_equal(table["precision"], [np.nan, np.nan])
    np.testing.assert_array_equal(table["f1"], [np.nan, np.nan])
    assert found["confusion"]["n"] == [1, 0, 1, 1]
    assert bins_of(codes, chances)["n"].sum() == 3


def test_probabilities_between_two_bins_are_in_the_same_whatever_the_rounding():
    """Isotonic calibration gives many images a fraction such as 9 of 15."""
    ends = np.repeat(np.arange(9, 15) / 15, 2)
    codes = np.tile([0, 1], 6)
    found = []
    for rounding in (-6e-8, 0, 6e-8):
        chances = np.stack([ends + rounding, 1 - ends - rounding], axis=1)
        found.append(bins_of(codes, chances)["n"].tolist())
    assert found[0] == found[1] == found[2] == [0] * 8 + [2] * 6 + [0]
