"""Images as points: where they lie, in which colours, which are ringed and shown."""

import numpy as np
import pytest

import reticnn
from reticnn import plot_embedding
from reticnn.plots.embedded_points import points_of_embedding, principal_components

pytest.importorskip("matplotlib")


def _rows(n=40, features=6, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, features)) * np.arange(features, 0, -1)).astype(
        "float32"
    )


@pytest.mark.parametrize("shape", [(40, 6), (5, 30)])
def test_components_are_those_of_the_covariance(shape):
    rows = np.random.default_rng(1).normal(size=shape)
    points, shares = principal_components(rows)
    centred = rows - rows.mean(axis=0)
    values, axes = np.linalg.eigh(centred.T @ centred)
    for column in range(2):
        want = centred @ axes[:, -1 - column]
        sign = np.sign((want * points[:, column]).sum())
        np.testing.assert_allclose(points[:, column], sign * want, atol=1e-8)
    np.testing.assert_allclose(shares, values[::-1][:2] / values.sum())
    np.testing.assert_allclose(principal_components(rows[::-1])[0], points[::-1])


def test_a_single_column_or_image_is_drawn_too():
    assert principal_components(np.array([[1.0], [3.0]]))[0].tolist() == [
        [-1, 0],
        [1, 0],
    ]
    assert plot_embedding(np.ones((1, 3))).axes


def test_points_have_classes_rings_and_thumbnails(shapes):
    data, rows = shapes[:40], _rows()
    labels = data.labels
    guesses = ["square" if at < 3 else label for at, label in enumerate(labels)]
    wrong = [guess != label for guess, label in zip(guesses, labels, strict=True)]
    drawn = points_of_embedding(rows, data, guesses, thumbnails=5)
    assert drawn["points"]["class"] == labels
    assert drawn["points"]["wrong"] == wrong
    assert drawn["legend"]["name"] == ["circle", "square"]
    assert len(set(drawn["legend"]["colour"])) == 2
    spots = list(zip(drawn["points"]["x"], drawn["points"]["y"], strict=True))
    shown = drawn["thumbnails"]
    at = [spots.index(spot) for spot in zip(shown["x"], shown["y"], strict=True)]
    assert len(set(at)) == 5
    pixels = reticnn.load_images(data)["images"]
    for position, picture in zip(at, shown["picture"], strict=True):
        np.testing.assert_array_equal(picture, pixels[position])
    assert "% of the variance" in drawn["axes"][0]
    axes = plot_embedding(rows, data, guesses, thumbnails=5).axes[0]
    assert len(axes.images) == 5
    sizes = [len(group.get_offsets()) for group in axes.collections]
    assert sizes == [labels.count("circle"), labels.count("square"), sum(wrong)]


def test_many_classes_share_the_last_colour():
    labels = [f"class {number % 9}" for number in range(40)]
    drawn = points_of_embedding(_rows(), labels)
    assert drawn["legend"]["name"][-1] == "2 others"
    assert len(drawn["legend"]["name"]) == 8
    assert set(drawn["points"]["class"]) == set(drawn["legend"]["name"])
    numbers = points_of_embedding(_rows(), [7, 8] * 20)
    assert numbers["legend"]["name"] == ["7", "8"]


def test_rows_with_nan_are_left_out(shapes):
    rows = _rows()
    rows[3, 1] = np.nan
    with pytest.warns(UserWarning, match="1 of 40 rows"):
        drawn = points_of_embedding(rows, shapes[:40])
    kept = [label for at, label in enumerate(shapes[:40].labels) if at != 3]
    assert drawn["points"]["class"] == kept


def test_tsne_needs_scikit_learn_and_keeps_to_the_seed():
    pytest.importorskip("sklearn")
    first = points_of_embedding(_rows(), method="tsne", seed=1)["points"]["x"]
    assert first == points_of_embedding(_rows(), method="tsne", seed=1)["points"]["x"]


def test_bad_arguments_are_named(shapes, refused):
    with refused(ValueError, "data", 12, 40):
        plot_embedding(_rows(), shapes[:12])
    with refused(ValueError, "predictions", "data"):
        plot_embedding(_rows(), predictions=["a"] * 40)
    with refused(ValueError, "thumbnails", "data"):
        plot_embedding(_rows(), ["a"] * 40, thumbnails=3)
    with refused(ValueError, "method", "pca"):
        plot_embedding(_rows(), method="mds")
    with refused(ValueError, "method", "at least 5"):
        plot_embedding(_rows(4), method="tsne")
    with refused(ValueError, "embedding", "same numbers"):
        plot_embedding(np.ones((9, 2)), method="tsne")
    with refused(TypeError, "embedding"):
        plot_embedding(np.ones(4))
