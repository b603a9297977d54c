"""How good a classifier is by a column of the data."""

import datetime

import numpy as np
import pytest

from reticnn import (
    evaluate_classifier,
    image_arrays,
    image_tiles,
    load_images,
    plot_by,
    predict_images,
    shape_images,
)
from reticnn.evaluation.by_column import Column, table_by
from reticnn.evaluation.intervals import wilson

N = 60


@pytest.fixture(scope="module")
def images():
    """Return images and their labels, some of which are wrong."""
    loaded = load_images(shape_images(N, image_size=16, seed=9))
    other = {"circle": "square", "square": "circle"}
    wrong = np.random.default_rng(7).random(N) < 0.25
    pairs = zip(loaded["labels"], wrong, strict=True)
    return loaded["images"], [other[name] if swap else name for name, swap in pairs]


def _table(classifier, images, values, **options):
    data = image_arrays(*images, facts={"site": values})
    scores = evaluate_classifier(classifier, data, by="site", **options)
    rows = zip(*scores["by"].values(), strict=True)
    return {(row[1], row[3]): row for row in rows}, scores


def _by_hand(scores):
    """Return whether each image is right, and the probability of its class."""
    predictions = scores["predictions"]
    pairs = zip(predictions["truth"], predictions["predicted"], strict=True)
    code = {name: number for number, name in enumerate(scores["per_class"]["class"])}
    own = [code[name] for name in predictions["truth"]]
    return (
        np.array([truth == guess for truth, guess in pairs]),
        predictions["probabilities"][np.arange(len(own)), own],
    )


@pytest.mark.parametrize(
    ("values", "rows"),
    [
        (["south", "north", None] * 20, {"north": 1, "south": 0, None: 2}),
        ([2.0, 1.0, 10.0] * 20, {"1": 1, "2": 0, "10": 2}),
        ([True, False, False] * 20, {"False": 1, "True": 0}),
        (
            [datetime.date(2024, 5, 1 + number % 3) for number in range(N)],
            {"2024-05-01": 0, "2024-05-02": 1, "2024-05-03": 2},
        ),
    ],
)
def test_rows_are_the_images_of_one_value(classifier, images, values, rows):
    found, scores = _table(classifier, images, values)
    assert list(dict.fromkeys(value for value, _ in found)) == list(rows)
    right, score = _by_hand(scores)
    for text, first in rows.items():
        own = np.array([value == values[first] for value in values])
        _, _, n, _, estimate, *limits = found[text, "accuracy"]
        assert n == own.sum()
        assert estimate == pytest.approx(right[own].mean())
        np.testing.assert_allclose(limits, wilson(right[own].sum(), n, 0.95))
        _, _, _, _, estimate, lower, upper = found[text, "mean_score"]
        assert estimate == pytest.approx(score[own].mean())
        # Quantiles of the bootstrap are close to those of the normal distribution.
        half = 1.96 * score[own].std() / np.sqrt(n)
        assert upper - lower == pytest.approx(2 * half, rel=0.25)


def test_many_numbers_are_in_bins_that_are_said(classifier, images):
    brightness = np.random.default_rng(1).permutation(N).astype(float) / 10
    brightness[:5] = np.nan
    found, scores = _table(classifier, images, brightness)
    texts = list(dict.fromkeys(value for value, _ in found))
    assert len(texts) == 6
    assert texts[-1] is None
    assert found[None, "accuracy"][2] == 5
    right, _ = _by_hand(scores)
    edges = [[float(edge) for edge in text[1:-1].split(",")] for text in texts[:-1]]
    for text, (low, high) in zip(texts, edges, strict=False):
        above = brightness >= low if text[0] == "[" else brightness > low
        own = above & (brightness <= high)
        assert found[text, "accuracy"][2] == own.sum() == 11
        assert found[text, "accuracy"][4] == pytest.approx(right[own].mean())
    assert [high for _, high in edges[:-1]] == [low for low, _ in edges[1:]]


def test_values_that_look_the_same_have_rows_of_their_own(classifier, images):
    noon = datetime.datetime(2024, 5, 1, 12)
    late = noon + datetime.timedelta(microseconds=5)
    for pair, texts in (
        ((0.1 + 0.2, 0.3), ("0.30000000000000004", "0.3")),
        ((noon, late), ("2024-05-01 12:00:00", "2024-05-01 12:00:00.000005")),
    ):
        values = [pair[number % 3 == 0] for number in range(N)]
        table, scores = _table(classifier, images, values)
        right, own = _by_hand(scores)
        for value, text in zip(pair, texts, strict=True):
            where = np.array([one == value for one in values])
            *_, n, _, estimate, lower, upper = table[text, "mean_score"]
            assert (n, estimate) == (where.sum(), pytest.approx(own[where].mean()))
            assert lower < estimate < upper
            assert table[text, "accuracy"][4] == right[where].mean()


def test_heavy_ties_have_a_bin_of_their_own(classifier, images):
    values = [0] * 40 + list(range(1, 21))
    found, _ = _table(classifier, images, values)
    counts = {text: row[2] for (text, _), row in found.items()}
    assert counts == {"0": 40, "(0, 8]": 8, "(8, 20]": 12}


def test_order_is_all_the_same(classifier, images):
    values = np.array(["b\u00e4r", "a", "ba\u0308r", "c"] * 15, object)
    found, _ = _table(classifier, images, values)
    assert set(text for text, _ in found) == {"b\u00e4r", "a", "c"}
    order = np.random.default_rng(4).permutation(N)
    shuffled = images[0][order], [images[1][place] for place in order]
    other, _ = _table(classifier, shuffled, values[order])
    for key, row in found.items():
        assert other[key][2] == row[2]
        assert other[key][4:] == pytest.approx(row[4:], abs=1e-6)


def test_groups_are_drawn_whole(classifier, images):
    site = [f"site {number % 3}" for number in range(N)]
    groups = [f"camera {number % 12}" for number in range(N)]
    alone, _ = _table(classifier, images, site)
    grouped, _ = _table(classifier, images, site, groups=groups)
    for key, row in grouped.items():
        assert row[:5] == alone[key][:5]
        assert row[5] < row[4] < row[6]
        assert row[5:] != alone[key][5:]
    # The sites are what is drawn: one says nothing of how sites differ.
    by_site, _ = _table(classifier, images, site, groups=site)
    assert all(np.isnan(row[5:]).all() for row in by_site.values())


def test_values_groups_and_labels_can_be_named(classifier, images):
    data = image_arrays(*images, groups=["a", "b"] * (N // 2))
    by = {
        name: evaluate_classifier(classifier, data, by=name)["by"]
        for name in ("group", "label")
    }
    # Of a single group in each row, nothing varies.
    assert np.isnan(by["group"]["lower"]).all()
    recall = evaluate_classifier(classifier, data)["per_class"]["recall"]
    assert by["label"]["estimate"][::2] == pytest.approx(recall)
    assert by["group"]["value"] == ["a", "a", "b", "b"]
    given = evaluate_classifier(
        classifier, data, by=["a", "b"] * (N // 2), intervals=None
    )["by"]
    del by["group"]["lower"], by["group"]["upper"]
    assert given.pop("column") == ["by"] * 4
    assert by["group"].pop("column") == ["group"] * 4
    assert given == by["group"]


def test_options_count_in_the_rows(classifier, images):
    values = ["a", "b"] * (N // 2)
    options = {
        "prior": {"circle": 0.9, "square": 0.1},
        "threshold": 0.3,
        "costs": [[0, 1], [5, 0]],
        "intervals": None,
    }
    found, scores = _table(classifier, images, values, **options)
    right, score = _by_hand(scores)
    assert found["a", "accuracy"] == ("site", "a", 30, "accuracy", right[::2].mean())
    assert found["a", "mean_score"][4] == pytest.approx(score[::2].mean())


def test_images_without_a_prediction_make_their_row_unknown():
    chances = np.array([[0.9, 0.1], [np.nan, np.nan], [0.2, 0.8], [0.7, 0.3]])
    codes, row_of_image = np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1])
    table = table_by(
        Column("site", ["a", "b"], row_of_image),
        codes,
        chances,
        chances.argmax(axis=1),
        ["cat", "dog"],
        groups=None,
        level=0.9,
    )
    assert table["n"] == [2, 2, 2, 2]
    for name in "estimate", "lower", "upper":
        assert np.isnan(table[name][:2]).all()
    assert table["estimate"][2:] == pytest.approx([0.5, 0.55])
    assert not np.isnan(table["lower"][2:]).any()


def test_a_single_image_has_no_interval_of_its_score(classifier, images):
    found, _ = _table(classifier, images, ["one"] + ["rest"] * (N - 1))
    assert np.isnan(found["one", "mean_score"][5:]).all()
    lower, upper = found["one", "accuracy"][5:]
    assert upper - lower > 0.5


def test_tiles_of_an_image_have_one_value(refused, classifier, write_image, tmp_path):
    paths = [str(write_image(tmp_path / f"{name}.png", size=(32, 16))) for name in "ab"]
    tiles = image_tiles(
        paths, 16, labels=["circle", "square"], facts={"site": ["x", "y"]}
    )
    scores = evaluate_classifier(classifier, tiles, by="site", summarise="mean")
    assert scores["by"]["n"] == [1, 1, 1, 1]
    chances = predict_images(classifier, tiles, summarise="mean")
    assert scores["by"]["estimate"][1] == pytest.approx(chances[".pred_circle"][0])
    with refused(ValueError, "by", "'p', 'q'", "`summarise`"):
        evaluate_classifier(classifier, tiles, by=list("pqpq"), summarise="mean")


@pytest.mark.parametrize(
    ("by", "parts"),
    [("sit", ["'sit'", "Did you mean 'site'?"]), (["a"] * 3, ["3", str(N)])],
)
def test_other_columns_are_refused(refused, classifier, images, by, parts):
    data = image_arrays(*images, facts={"site": ["a"] * N})
    with refused(ValueError, "by", *parts):
        evaluate_classifier(classifier, data, by=by)


def test_rows_are_drawn(refused, classifier, images, tmp_path):
    pytest.importorskip("matplotlib")
    _, scores = _table(classifier, images, [f"site {at % 4}" for at in range(N)])
    figure = plot_by(scores)
    assert figure.axes[0].get_title() == "Accuracy"
    shown = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert shown[0] == "site 0 (15)"
    figure.savefig(tmp_path / "by.png")
    _, many = _table(classifier, images, [f"site {at:02}" for at in range(N)])
    assert len(plot_by(many).axes[0].get_yticks()) == 40
    with refused(ValueError, "evaluation", "`by`"):
        plot_by(evaluate_classifier(classifier, shape_images(4, image_size=16)))
    with refused(TypeError, "evaluation", "`evaluate_classifier()`"):
        plot_by({"by": {}})
