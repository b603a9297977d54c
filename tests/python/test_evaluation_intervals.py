"""Intervals of the measures: against SciPy, by simulation, and in any order."""

import math
import warnings

import numpy as np
import pytest

from reticnn import evaluate_classifier, image_arrays, load_images, shape_images
from reticnn.evaluation.decisions import best_threshold
from reticnn.evaluation.intervals import _enough_groups, _most_held, wilson
from reticnn.evaluation.metrics import classification_metrics

stats = pytest.importorskip("scipy.stats")


def _sample(n, seed, num_classes=2):
    """Return codes and probabilities of images that a classifier knows something of."""
    random = np.random.default_rng(seed)
    codes = np.arange(n) % num_classes
    scores = random.normal(size=(n, num_classes)) + 1.2 * np.eye(num_classes)[codes]
    chances = np.exp(scores)
    return codes, chances / chances.sum(axis=1, keepdims=True)


def _limits(codes, chances, names="abcdefgh", **options):
    names = list(names[: chances.shape[1]])
    options = {"intervals": 0.95, **options}
    table = classification_metrics(codes, chances, names, **options)["intervals"]
    return {
        (measure, name): (estimate, lower, upper)
        for measure, name, estimate, lower, upper in zip(*table.values(), strict=True)
    }


@pytest.mark.parametrize("level", [0.5, 0.9, 0.99])
def test_wilson_is_scipys(level):
    for hits, n in [(0, 1), (1, 1), (0, 30), (30, 30), (7, 12), (999, 1000)]:
        wanted = stats.binomtest(hits, n).proportion_ci(level, "wilson")
        assert wilson(hits, n, level) == pytest.approx(tuple(wanted), abs=1e-12)
    assert np.isnan(wilson(0, 0, level)).all()


def test_every_measure_has_an_interval_around_it():
    found = _limits(*_sample(300, 1, 3), top_k=(2,), costs=1 - np.eye(3))
    for name, (estimate, lower, upper) in found.items():
        assert lower < upper, name
        # The calibration error of a sample is above what it would be without noise.
        if name[0] != "calibration_error":
            assert lower < estimate < upper, name
    assert found["mean_cost", None][0] == pytest.approx(1 - found["accuracy", None][0])
    wider = _limits(*_sample(300, 1, 3), intervals=0.99)
    narrower = _limits(*_sample(1200, 1, 3))
    for name, (_, lower, upper) in wider.items():
        assert upper - lower > found[name][2] - found[name][1], name
        assert narrower[name][2] - narrower[name][1] < upper - lower, name


@pytest.mark.parametrize("grouped", [False, True])
def test_order_of_images_and_classes_is_all_the_same(grouped):
    codes, chances = _sample(120, 2, 3)
    groups = [f"site {number % 17}" for number in range(120)] if grouped else None
    wanted = _limits(codes, chances, "abc", groups=groups)
    order = np.random.default_rng(3).permutation(120)
    shuffled = _limits(
        codes[order],
        chances[order],
        "abc",
        groups=groups and [groups[place] for place in order],
    )
    turned = _limits(2 - codes, chances[:, ::-1], "cba", groups=groups)
    for found in shuffled, turned:
        assert set(found) == set(wanted)
        for name, values in wanted.items():
            assert found[name] == pytest.approx(values, abs=1e-9), name


def test_groups_make_intervals_as_wide_as_they_are_few():
    codes, chances = _sample(400, 4)
    # Twenty sites with copies of one image each say no more than twenty images.
    few = np.arange(400) % 20
    copies = codes[few], chances[few]
    apart = _limits(*copies)
    together = _limits(*copies, groups=list(few))
    alone = _limits(codes[:20], chances[:20], groups=list(range(20)))
    for name in ("accuracy", None), ("roc_auc", None), ("log_loss", None):
        width = together[name][2] - together[name][1]
        assert width > 2 * (apart[name][2] - apart[name][1])
        assert width == pytest.approx(alone[name][2] - alone[name][1], rel=0.2)


def test_one_group_has_no_interval_and_says_so(classifier):
    data = _new_shapes()
    with pytest.warns(UserWarning, match="All images are of one group, 'site'"):
        found = evaluate_classifier(classifier, data, groups=["site"] * len(data))
    assert np.isnan([found["intervals"][name] for name in ("lower", "upper")]).all()


def test_one_group_of_a_class_makes_intervals_too_narrow_and_says_so(classifier):
    data = _new_shapes()
    sites = [
        "one" if label == "circle" else f"site {number % 5}"
        for number, label in enumerate(data.labels)
    ]
    with pytest.warns(UserWarning, match="All images of .*'circle'.* one group each"):
        evaluate_classifier(classifier, data, groups=sites)


def test_few_groups_make_intervals_too_narrow_and_say_so(classifier):
    data = _new_shapes()

    def sites(number):
        # Every site has images of both classes.
        return [f"site {index // 2 % number}" for index in range(len(data))]

    with pytest.warns(UserWarning, match="of 3 groups only.* 75% of .* at least 6 "):
        evaluate_classifier(classifier, data, groups=sites(3))
    with pytest.warns(UserWarning, match=r"at most 99\.8% of cases, not in 99\.9%"):
        evaluate_classifier(classifier, data, groups=sites(10), intervals=0.999)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        evaluate_classifier(classifier, data, groups=sites(6))
        evaluate_classifier(classifier, data, groups=sites(3), intervals=0.7)
        evaluate_classifier(classifier, data, groups=sites(1), intervals=None)


def test_so_few_groups_hold_the_truth_no_more_often():
    rng = np.random.default_rng(1)
    for number in (2, 3, 5):
        means = rng.normal(size=(20_000, number))
        # As wide as an interval of means of groups drawn again can be.
        held = (means.min(axis=1) < 0) & (means.max(axis=1) > 0)
        assert held.mean() == pytest.approx(_most_held(number), abs=0.02)
    assert _most_held(_enough_groups(0.95) - 1) < 0.95 <= _most_held(6)


def test_all_right_may_be_less_in_truth():
    codes = np.arange(40) % 2
    found = _limits(codes, np.eye(2)[codes] * 0.8 + 0.1)
    wanted = stats.binomtest(40, 40).proportion_ci(0.95, "wilson").low
    assert found["accuracy", None] == pytest.approx((1, wanted, 1))
    assert 0.8 < found["balanced_accuracy", None][1] < 0.95
    # Nothing varies by which a limit could be found.
    for name in ("mcc", "roc_auc", "log_loss"):
        assert np.isnan(found[name, None][1:]).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    "measure", ["roc_auc", "log_loss", "kappa", "balanced_accuracy"]
)
def test_intervals_hold_the_truth_as_often_as_they_say(measure):
    codes, chances = _sample(400_000, 0)
    truth = classification_metrics(codes, chances, ["a", "b"])[measure]
    held = 0
    for seed in range(200):
        _, lower, upper = _limits(*_sample(100, 1000 + seed), intervals=0.9)[
            measure, None
        ]
        held += lower <= truth <= upper
    # Quantiles of the bootstrap are a little narrow for a hundred images.
    assert stats.binom.cdf(held, 200, 0.87) > 1e-3
    assert stats.binom.sf(held - 1, 200, 0.93) > 1e-3


def test_evaluation_takes_the_groups_of_the_data(classifier, shapes):
    loaded = load_images(shapes)
    groups = [f"camera {number // 10}" for number in range(len(shapes))]
    given = evaluate_classifier(classifier, shapes, groups=groups)
    own = image_arrays(loaded["images"], loaded["labels"]).with_groups(groups)
    found, without = (evaluate_classifier(classifier, data) for data in (own, shapes))
    for limit in "lower", "upper":
        limits = [scores["intervals"][limit] for scores in (given, found, without)]
        np.testing.assert_allclose(limits[0], limits[1], atol=1e-6)
        assert not np.allclose(limits[0], limits[2], equal_nan=True)
    bare = evaluate_classifier(classifier, own, intervals=None)
    assert "intervals" not in bare
    assert "level" not in bare


@pytest.mark.parametrize(
    ("argument", "value", "parts"),
    [
        ("intervals", 95, ["95", "below 1"]),
        ("intervals", 0, ["above 0"]),
        ("groups", ["a"] * 3, ["3", "60"]),
        ("groups", "site", ["site"]),
        ("top_k", 2, ["2", "below the number of classes"]),
        ("top_k", 0, ["at least 1"]),
        ("threshold", 1.5, ["1.5"]),
        ("threshold", "acuracy", ["Did you mean 'accuracy'?"]),
        ("threshold", "mean_cost", ["Give `costs`"]),
        ("costs", np.zeros((3, 3)), ["2 rows", "2 columns"]),
        ("costs", {"circle": {"square": 1}}, ["'circle', 'square'"]),
        ("costs", [[0, math.nan], [1, 0]], ["NA"]),
    ],
)
def test_bad_options_are_named(refused, classifier, argument, value, parts):
    with refused(ValueError, argument, *parts):
        evaluate_classifier(classifier, _new_shapes(), **{argument: value})


def _new_shapes():
    return shape_images(60, image_size=16, seed=9)


def test_threshold_is_for_two_classes(refused, fit, tiny_cnn):
    data = shape_images(12, 3, image_size=16, seed=1)
    three = fit(tiny_cnn(3), data)
    with refused(ValueError, "threshold", "there are 3", "`costs`"):
        evaluate_classifier(three, data, threshold=0.5)


def test_threshold_is_where_the_measure_is_best(classifier):
    data = _new_shapes()
    wanted = evaluate_classifier(classifier, data)
    scores = wanted["predictions"]["probabilities"][:, 1]
    half = evaluate_classifier(classifier, data, threshold=0.5)
    assert half["predictions"]["predicted"] == wanted["predictions"]["predicted"]
    middles = np.convolve(np.unique(scores), [0.5, 0.5], "valid")
    costs = {"circle": {"circle": 0, "square": 5}, "square": {"circle": 1, "square": 0}}
    for measure in "accuracy", "balanced_accuracy", "kappa", "mcc", "mean_cost":
        found = evaluate_classifier(classifier, data, threshold=measure, costs=costs)
        each = [
            evaluate_classifier(
                classifier, data, threshold=middle, costs=costs, intervals=None
            )[measure]
            for middle in (0, *middles[::6], 1)
        ]
        best = min(each) if measure == "mean_cost" else np.nanmax(each)
        better = (
            found[measure] <= best
            if measure == "mean_cost"
            else (found[measure] >= best - 1e-12)
        )
        assert better, measure
        assert found["predictions"]["predicted"] == [
            "square" if score > found["threshold"] else "circle" for score in scores
        ]


@pytest.mark.parametrize("measure", ["accuracy", "balanced_accuracy", "f1", "kappa"])
def test_threshold_is_one_that_gives_its_measure(measure):
    random = np.random.default_rng(3)
    for n in (1, 2, 5, 9) * 25:
        # Of votes, say: many ties, and probabilities of 0 and 1.
        scores = random.integers(0, 4, n) / 3
        scores = np.where(scores == 2 / 3, np.nextafter(1, 0), scores)
        codes = random.integers(0, 2, n)
        ends = [0.0, 1.0, *np.unique(scores)]
        each = [
            _quality(codes, scores > threshold, measure)
            for threshold in [*ends, *np.convolve(np.unique(scores), [0.5, 0.5])[1:-1]]
        ]
        found = _quality(
            codes, scores > best_threshold(codes, scores, measure), measure
        )
        best = -np.inf if np.isnan(each).all() else np.nanmax(each)
        assert not found < best - 1e-12, (codes, scores)


def _quality(codes, found, measure):
    if measure == "f1":
        both = codes.sum() + found.sum()
        return 2 * (codes * found).sum() / both if both else np.nan
    chances = np.eye(2)[found.astype(int)]
    return classification_metrics(codes, chances, ["a", "b"])[measure]


def test_costs_are_weighed(classifier):
    data = _new_shapes()
    chances = evaluate_classifier(classifier, data)["predictions"]["probabilities"]
    # To miss a square costs nine times as much: predicted from a chance of a tenth on.
    found = evaluate_classifier(classifier, data, costs=[[0, 1], [9, 0]])
    wanted = np.where(chances[:, 1] > 0.1, "square", "circle").tolist()
    assert found["predictions"]["predicted"] == wanted
    pairs = zip(found["predictions"]["truth"], wanted, strict=True)
    price = {("circle", "square"): 1, ("square", "circle"): 9}
    assert found["mean_cost"] == pytest.approx(
        np.mean([price.get(pair, 0) for pair in pairs])
    )
    turned = {
        "square": {"square": 0, "circle": 9},
        "circle": {"square": 1, "circle": 0},
    }
    named = evaluate_classifier(classifier, data, costs=turned)
    assert named["mean_cost"] == found["mean_cost"]
