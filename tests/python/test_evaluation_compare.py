"""Comparisons: against SciPy and formulas, and in any order."""

import keras
import numpy as np
import pytest

from reticnn import (
    compare_classifiers,
    cross_validate,
    evaluate_classifier,
    image_arrays,
    load_images,
    plot_comparison,
    shape_images,
)
from reticnn.evaluation.cross_validated import CrossValidation, FoldFound
from reticnn.evaluation.paired import (
    corrected_t,
    holm,
    mcnemar,
    mcnemar_by_groups,
    student_inside,
    student_quantile,
    tango,
)

stats = pytest.importorskip("scipy.stats")
N = 80


@pytest.fixture(scope="module")
def data():
    """Return images some of whose labels are wrong, so that nobody is always right."""
    loaded = load_images(shape_images(N, image_size=16, seed=9))
    other = {"circle": "square", "square": "circle"}
    wrong = np.random.default_rng(7).random(N) < 0.2
    labels = [
        other[name] if swap else name
        for name, swap in zip(loaded["labels"], wrong, strict=True)
    ]
    return image_arrays(loaded["images"], labels)


@pytest.fixture(scope="module")
def weak(classifier):
    """Return a model that is not quite as good, as it sees images moved."""
    image = keras.Input((16, 16, 3))
    moved = keras.ops.roll(image, 3, axis=2)
    return keras.Model(image, classifier.model(moved))


def _compared(classifiers, data, **options):
    names = {"class_names": ["circle", "square"], "output": "sigmoid"}
    return compare_classifiers(classifiers, data, **{**names, **options})


def _rows(table, *key):
    rows = zip(*table.values(), strict=True)
    return {row[: len(key)]: row[len(key) :] for row in rows}


def _differences(found):
    return _rows(found["differences"], "first", "second", "measure")


def test_measures_are_those_of_each_evaluation(classifier, weak, data):
    options = {"costs": [[0, 2], [1, 0]], "intervals": 0.9}
    found = _compared({"old": weak, "new": classifier}, data, **options)
    measures = _rows(found["measures"], "classifier", "measure")
    for name, one in (("old", weak), ("new", classifier)):
        known = {} if one is classifier else {"output": "sigmoid"}
        scores = evaluate_classifier(one, data, **known, **options)
        table = scores["intervals"]
        rows = zip(*table.values(), strict=True)
        wanted = {row[0]: row[2:] for row in rows if row[1] is None}
        assert len(wanted) == 10
        for measure, values in wanted.items():
            assert measures[name, measure] == pytest.approx(values, abs=1e-6)
    for (first, second, measure), row in _differences(found).items():
        one, other = measures[first, measure][0], measures[second, measure][0]
        assert row[0] == pytest.approx(one - other)
        assert row[1] < row[0] < row[2]
    assert found["n"] == N
    assert found["level"] == 0.9


def test_mcnemar_counts_and_test(classifier, weak, data):
    found = _compared({"old": weak, "new": classifier}, data)["mcnemar"]
    right = []
    for one in (weak, classifier):
        known = {} if one is classifier else {"output": "sigmoid"}
        scores = evaluate_classifier(one, data, intervals=None, **known)
        predictions = scores["predictions"]
        right.append(np.array(predictions["truth"]) == predictions["predicted"])
    old, new = right
    counts = [[(old & new).sum(), (old & ~new).sum()], [(~old & new).sum(), 0]]
    names = ("both", "only_first", "only_second", "neither")
    assert [found[name][0] for name in names] == [
        *np.ravel(counts)[:3],
        (~old & ~new).sum(),
    ]
    only = counts[0][1], counts[1][0]
    assert sum(only) > 0
    wanted = stats.binomtest(only[0], sum(only)).pvalue
    assert found["p_value"][0] == pytest.approx(wanted)


def test_exact_tests_are_scipys():
    for first, second in [(0, 0), (3, 0), (10, 25), (7, 7), (800, 900)]:
        total = first + second
        wanted = stats.binomtest(first, total).pvalue if total else 1
        assert mcnemar(first, second) == pytest.approx(wanted)
        signs = np.array([1] * first + [-1] * second + [0])
        assert mcnemar_by_groups(signs) == pytest.approx(wanted)
    # All the signs that three groups can have, counted by hand.
    assert mcnemar_by_groups(np.array([3, 2, -1])) == pytest.approx(4 / 8)
    groups = np.array([4, -1, 3, 2, 0, 5, -2])
    wanted = stats.permutation_test(
        (groups,), np.sum, permutation_type="samples", n_resamples=np.inf
    )
    assert mcnemar_by_groups(groups) == pytest.approx(wanted.pvalue)


def test_tango_inverts_the_score_test():
    z = stats.norm.ppf(0.975)
    for first, second, n in [(10, 4, 50), (0, 0, 30), (30, 0, 30), (1, 0, 400)]:
        lower, upper = tango(first, second, n, 0.95)
        assert -1 <= lower <= (first - second) / n <= upper <= 1
        turned = tango(second, first, n, 0.95)
        assert turned == pytest.approx((-upper, -lower), abs=1e-12)
        for limit in (lower, upper):
            if abs(limit) < 1 - 1e-9:
                found = abs(_score_by_likelihood(first, second, n, limit))
                assert found == pytest.approx(z, rel=1e-3)
    # At no difference it is McNemar's test without a correction.
    level = 1 - stats.chi2.sf((20 - 8) ** 2 / 28, 1)
    assert tango(20, 8, 100, level)[0] == pytest.approx(0, abs=1e-9)
    assert np.isnan(tango(0, 0, 0, 0.95)).all()


def _score_by_likelihood(first, second, n, difference):
    """Return the score, with the nuisance found as the maximum of the likelihood."""
    least = max(0, -difference) + 1e-12
    most = (1 - difference) / 2 - 1e-12
    shares = np.linspace(least, most, 2_000_001)
    with np.errstate(divide="ignore", invalid="ignore"):
        likelihood = (
            first * np.log(shares + difference)
            + second * np.log(shares)
            + (n - first - second) * np.log(1 - 2 * shares - difference)
        )
    share = shares[np.nanargmax(likelihood)]
    variance = n * (2 * share + difference - difference**2)
    return (first - second - n * difference) / np.sqrt(variance)


def test_student_holm_and_the_corrected_test():
    for df in (1, 2, 5, 9, 30):
        assert student_inside(1.7, df) == pytest.approx(1 - 2 * stats.t.sf(1.7, df))
        assert student_quantile(0.9, df) == pytest.approx(stats.t.ppf(0.95, df))
    values = [0.01, 0.04, np.nan, 0.03, 0.5]
    assert holm(values) == pytest.approx([0.04, 0.09, np.nan, 0.09, 0.5], nan_ok=True)
    gaps = np.array([0.02, 0.05, -0.01, 0.04, 0.03])
    found = corrected_t(gaps, 0.25, 0.95)
    error = np.sqrt((1 / 5 + 0.25) * gaps.var(ddof=1))
    assert found["p_value"] == pytest.approx(2 * stats.t.sf(gaps.mean() / error, 4))
    half = stats.t.ppf(0.975, 4) * error
    assert found["upper"] - found["estimate"] == pytest.approx(half)
    same = corrected_t(np.full(5, 0.1), 0.25, 0.95)
    assert np.isnan([same["lower"], same["p_value"]]).all()


def test_order_is_all_the_same(classifier, weak, data):
    wanted = _compared({"a": classifier, "b": weak}, data)
    turned = _compared({"b": weak, "a": classifier}, data)
    order = np.random.default_rng(3).permutation(N)
    shuffled = _compared({"a": classifier, "b": weak}, data[order])
    flipped = image_arrays(
        load_images(data)["images"], data.labels, class_names=["square", "circle"]
    )
    by_class = _compared({"a": classifier, "b": weak}, flipped)
    for (_, _, measure), row in _differences(wanted).items():
        same = _differences(by_class)["a", "b", measure]
        assert same == pytest.approx(row, abs=1e-5, nan_ok=True), measure
        # Probabilities round otherwise in other batches, and what is drawn with them.
        same = _differences(shuffled)["a", "b", measure]
        assert same == pytest.approx(row, abs=5e-3, nan_ok=True), measure
        estimate, lower, upper = _differences(turned)["b", "a", measure]
        negative = (-estimate, -upper, -lower)
        assert negative == pytest.approx(row, abs=1e-5, nan_ok=True), measure


def test_classes_in_another_order_are_matched_by_name(classifier, data):
    """The same network with its classes the other way round differs in nothing."""
    flipped = keras.Model(
        classifier.model.inputs,
        keras.layers.Rescaling(-1.0, 1.0)(classifier.model.output),
    )
    found = _compared(
        {"a": classifier, "b": flipped},
        data,
        class_names=["square", "circle"],
        costs=[[0, 5], [1, 0]],
        threshold=0.4,
    )
    for (_, _, measure), row in _differences(found).items():
        assert row[0] == pytest.approx(0, abs=1e-6), measure
    assert found["mcnemar"]["only_first"] == found["mcnemar"]["only_second"] == [0]
    assert found["thresholds"] == {"a": 0.4, "b": 0.4}


def test_pairing_makes_intervals_narrower(classifier, weak, data):
    found = _compared({"a": classifier, "b": weak}, data)
    measures = _rows(found["measures"], "classifier", "measure")
    for measure in ("accuracy", "balanced_accuracy", "log_loss"):
        _, lower, upper = _differences(found)["a", "b", measure]
        apart = np.hypot(
            *(np.diff(measures[name, measure][1:])[0] for name in ("a", "b"))
        )
        assert upper - lower < 1.1 * apart


def test_groups_are_drawn_whole_and_tested_whole(classifier, weak, data):
    # Copies of each image say no more than the image.
    few = data[np.arange(40)]
    many = data[np.tile(np.arange(40), 4)]
    pair = {"a": classifier, "b": weak}
    alone = _compared(pair, few, groups=list(range(40)))
    grouped = _compared(pair, many, groups=list(range(40)) * 4)
    apart = _compared(pair, many)
    assert grouped["mcnemar"]["p_value"] == pytest.approx(alone["mcnemar"]["p_value"])
    # Equal where either is right as often as the other.
    assert apart["mcnemar"]["p_value"][0] <= grouped["mcnemar"]["p_value"][0]
    for measure in "accuracy", "log_loss":
        one, other = (
            _differences(found)["a", "b", measure] for found in (alone, grouped)
        )
        assert one == pytest.approx(other, abs=1e-6)


def test_three_have_three_pairs(classifier, weak, data):
    trio = {"a": classifier, "b": weak, "again": classifier}
    found = _compared(trio, data)
    assert found["mcnemar"]["first"] == ["a", "a", "b"]
    assert found["mcnemar"]["second"] == ["b", "again", "again"]
    raw = found["mcnemar"]["p_value"]
    assert found["mcnemar"]["adjusted"] == pytest.approx(list(holm(raw)))
    # Of two that are the same, a sample can still not say that they always are.
    same = _differences(found)["a", "again", "accuracy"]
    assert same[1] < 0 == same[0] < same[2]
    assert np.isnan(_differences(found)["a", "again", "log_loss"][1:]).all()


def test_absent_classes_and_nan_are_not_known(classifier, weak, data):
    circles = data[np.flatnonzero(data.codes == 0)]
    found = _compared({"a": classifier, "b": weak}, circles)
    assert np.isnan(_differences(found)["a", "b", "roc_auc"]).all()
    assert not np.isnan(_differences(found)["a", "b", "balanced_accuracy"]).any()
    image = keras.Input((16, 16, 3))
    output = classifier.model(image)
    dark = keras.ops.mean(image, (1, 2, 3))[:, None] > 60
    odd = keras.Model(image, keras.ops.where(dark, output, np.nan * output))
    with pytest.warns(UserWarning, match="The model 'b' returns NaN for"):
        found = _compared({"a": classifier, "b": odd, "c": weak}, data)
    assert np.isnan(_differences(found)["a", "b", "accuracy"]).all()
    assert not np.isnan(_differences(found)["a", "c", "accuracy"]).any()
    assert np.isnan(found["mcnemar"]["p_value"][0])
    assert not np.isnan(found["mcnemar"]["p_value"][1])


def test_models_alone_have_the_classes_of_the_data(classifier, weak, data):
    found = compare_classifiers(
        {"a": classifier.model, "b": weak}, data, output="sigmoid"
    )
    wanted = _compared({"a": classifier, "b": weak}, data)
    assert found["differences"] == wanted["differences"]


def test_images_that_one_was_trained_on_are_said(classifier, weak):
    seen = shape_images(1000, image_size=16, seed=1)[:60]
    with pytest.warns(UserWarning, match="the model 'other' was trained on, 60 of 60"):
        _compared({"weak": weak, "other": classifier}, seen)


def test_what_differs_too_much_is_named(refused, fit, tiny_cnn, classifier, weak, data):
    pair = {"a": classifier, "b": weak}
    with refused(TypeError, "classifiers", "name"):
        _compared([classifier, weak], data)
    with refused(ValueError, "classifiers", "`evaluate_classifier()`"):
        _compared({"a": classifier}, data)
    with refused(TypeError, "classifiers", "'b'"):
        _compared({"a": classifier, "b": 3}, data)
    with refused(ValueError, "classifiers", "look the same"):
        _compared({"a": classifier, "a ": weak}, data)
    with refused(ValueError, "costs", "2 rows"):
        _compared(pair, data, costs=np.zeros((3, 3)))
    three = shape_images(12, 3, image_size=16, seed=1)
    other = fit(tiny_cnn(3), three)
    with refused(ValueError, "classifiers", "'b' has", "same question"):
        _compared({"a": classifier, "b": other}, data)
    with refused(ValueError, "data", "no labels"):
        _compared(pair, image_arrays(load_images(data)["images"]))


def test_comparisons_are_drawn(refused, classifier, weak, data, tmp_path):
    pytest.importorskip("matplotlib")
    found = _compared({"a": classifier, "b": weak}, data)
    figure = plot_comparison(found)
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles[:2] == ["Accuracy", "Balanced accuracy"]
    figure.savefig(tmp_path / "comparison.png")
    with refused(TypeError, "comparison", "`compare_classifiers()`"):
        plot_comparison({"accuracy": 1})


def _folds(classifier, data, quality, seed, class_names=("circle", "square")):
    """Return two repeats of three folds, with probabilities that are made up."""
    data = data.with_classes(list(class_names))
    random = np.random.default_rng(seed)
    made = []
    for repeat in (1, 2):
        order = np.random.default_rng(repeat).permutation(N)
        for fold, positions in enumerate(np.array_split(order, 3), 1):
            codes = data.codes[positions]
            scores = random.normal(size=(len(codes), 2))
            scores[np.arange(len(codes)), codes] += quality
            chances = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
            made.append(
                FoldFound(
                    repeat,
                    fold,
                    positions,
                    N - len(positions),
                    codes,
                    chances,
                    classifier,
                    f"{repeat} {fold}",
                )
            )
    return CrossValidation(made, data, level=None, wanted=6)


def test_folds_are_compared_by_the_corrected_test(classifier, data):
    one, other = (_folds(classifier, data, *of) for of in ((1.5, 1), (0.5, 2)))
    found = compare_classifiers({"a": one, "b": other}, intervals=0.9)
    assert found["folds"] == 6
    assert found["n"] == N
    assert "mcnemar" not in found
    rows = _rows(found["differences"], "first", "second", "measure")
    ratio = np.mean(np.divide(one.folds["n_test"], one.folds["n_train"]))
    for measure in ("accuracy", "log_loss", "pr_auc", "kappa"):
        gaps = np.subtract(one.folds[measure], other.folds[measure])
        estimate, lower, upper, value, adjusted = rows["a", "b", measure]
        error = np.sqrt((1 / 6 + ratio) * gaps.var(ddof=1))
        half = stats.t.ppf(0.95, 5) * error
        assert (lower, estimate, upper) == pytest.approx(
            (gaps.mean() - half, gaps.mean(), gaps.mean() + half)
        )
        wanted = 2 * stats.t.sf(abs(gaps.mean()) / error, 5)
        assert value == adjusted == pytest.approx(wanted)
    # The other way round, the classes are those of the first all the same.
    turned = _folds(classifier, data, 1.5, 1, ("square", "circle"))
    own = compare_classifiers({"a": one, "b": turned})
    assert set(own["differences"]["measure"]) == {name for _, _, name in rows}
    costs = {"circle": {"circle": 0, "square": 5}, "square": {"circle": 1, "square": 0}}
    priced = compare_classifiers({"a": one, "b": other}, costs=costs, threshold=0.3)
    assert "mean_cost" in priced["differences"]["measure"]
    pytest.importorskip("matplotlib")
    assert plot_comparison(found) is not None


def test_only_the_same_folds_are_compared(refused, classifier, data):
    one, other = (_folds(classifier, data, *of) for of in ((1.5, 1), (0.5, 2)))
    with refused(ValueError, "classifiers", "'b'", "classifiers"):
        compare_classifiers({"a": one, "b": classifier})
    with refused(ValueError, "data", "Leave `data` out"):
        compare_classifiers({"a": one, "b": other}, data)
    with refused(ValueError, "groups", "by folds"):
        compare_classifiers({"a": one, "b": other}, groups=["a"] * N)
    other.fold_images[2] = "others"
    with refused(ValueError, "classifiers", "different folds", "`seed`"):
        compare_classifiers({"a": one, "b": other})
    with refused(ValueError, "data", "`cross_validate()`"):
        compare_classifiers({"a": classifier, "b": classifier})


def test_what_was_cross_validated_is_compared(shapes, tiny_cnn):
    options = {"epochs": 1, "progress": "none", "intervals": None, "seed": 1}
    one, other = (
        cross_validate(lambda size=size: tiny_cnn(filters=size), shapes, 2, **options)
        for size in (2, 4)
    )
    found = compare_classifiers({"two": one, "four": other})
    wanted = np.subtract(one.folds["log_loss"], other.folds["log_loss"]).mean()
    at = found["differences"]["measure"].index("log_loss")
    assert found["differences"]["estimate"][at] == pytest.approx(wanted)
