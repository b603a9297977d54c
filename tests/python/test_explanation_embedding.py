"""What a network sees in images, and which images are alike for it."""

import keras
import numpy as np
import pytest

import reticnn
from reticnn import embed_images, feature_maps, plot_similar_images, similar_images
from reticnn.explanation.nearest import DISTANCES, Rows
from reticnn.outputs import as_rows, features_model


@pytest.fixture(scope="module")
def some():
    return reticnn.shape_images(12, image_size=16, seed=4)


def _pixels(data):
    return reticnn.load_images(data)["images"].astype("float32")


def test_last_features_are_those_that_novelty_is_judged_by(classifier, some):
    found = embed_images(classifier, some)
    known = features_model(classifier.model).predict_on_batch(_pixels(some))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, as_rows(known), atol=1e-6)


@pytest.mark.parametrize("behind", ["input", "layer"])
def test_novelty_enters_nested_models_too(classifier, some, behind):
    image = keras.Input((16, 16, 3))
    given = image if behind == "input" else keras.layers.Identity()(image)
    nested = keras.Model(image, classifier.model(given))
    np.testing.assert_allclose(
        as_rows(features_model(nested).predict_on_batch(_pixels(some))),
        embed_images(classifier, some),
        atol=1e-6,
    )


def test_the_head_gives_its_probabilities_for_them(classifier, some):
    rows = embed_images(classifier, some)
    last = classifier.model.layers[-1]
    chances = reticnn.predict_images(classifier, some)[".pred_square"]
    found = keras.ops.convert_to_numpy(last(rows))
    np.testing.assert_allclose(found[:, 0], chances, atol=1e-5)


def test_layers_with_space_are_averaged_over_it(classifier, some):
    name = "block1_conv1"
    maps = feature_maps(classifier.model, some, name)[name]
    found = embed_images(classifier, some, layer=name)
    np.testing.assert_allclose(found, maps.mean(axis=(1, 2)), atol=1e-6)


def test_nested_models_are_entered(classifier, some):
    image = keras.Input((16, 16, 3))
    nested = keras.Model(image, classifier.model(keras.layers.Identity()(image)))
    for layer in (None, "block1_conv1"):
        np.testing.assert_allclose(
            embed_images(nested, some, layer=layer),
            embed_images(classifier, some, layer=layer),
            atol=1e-6,
        )


def test_batches_order_and_parts_of_data_do_not_matter(classifier, some):
    whole = embed_images(classifier, some)
    pixels = _pixels(some)
    before = pixels.copy()
    by_one = [embed_images(classifier, image) for image in pixels]
    np.testing.assert_allclose(np.concatenate(by_one), whole, atol=1e-5)
    np.testing.assert_array_equal(pixels, before)
    order = np.random.default_rng(1).permutation(12)
    shuffled = embed_images(classifier, some[order], batch_size=5)
    np.testing.assert_allclose(shuffled, whole[order], atol=1e-5)


def test_ensembles_have_the_features_of_all_members(classifier, tiny_cnn, fit, some):
    other = fit(tiny_cnn(seed=2, units=5), some)
    ensemble = reticnn.ensemble_classifiers([classifier, other])
    parts = [embed_images(one, some) for one in (classifier, other)]
    want = np.concatenate(parts, axis=1)
    np.testing.assert_allclose(embed_images(ensemble, some), want, atol=1e-6)
    fresh = reticnn.load_images(reticnn.shape_images(60, image_size=16, seed=11))
    fresh["labels"][::5] = fresh["labels"][1::5]
    fresh = reticnn.image_arrays(fresh["images"], fresh["labels"])
    calibrated = reticnn.calibrate_classifier(ensemble, fresh)
    np.testing.assert_allclose(embed_images(calibrated, some), want, atol=1e-6)


def test_a_loaded_classifier_sees_the_same(classifier, some, tmp_path):
    loaded = reticnn.load_classifier(
        reticnn.save_classifier(classifier, tmp_path / "kept")
    )
    np.testing.assert_allclose(
        embed_images(loaded, some), embed_images(classifier, some), atol=1e-6
    )


def test_backbones_give_the_means_of_their_maps(some):
    image = keras.Input((16, 16, 3))
    maps = keras.layers.Conv2D(5, 3, activation="relu")(image)
    found = embed_images(keras.Model(image, maps), some)
    want = keras.Model(image, maps).predict(_pixels(some), verbose=0)
    np.testing.assert_allclose(found, want.mean(axis=(1, 2)), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("channels", [1, 13])
def test_images_of_any_channels_are_embedded(channels):
    model = reticnn.build_cnn((8, 8, channels), n_blocks=1, filters=2, units=3)
    drawn = np.random.default_rng(0).integers(0, 256, (4, 8, 8, channels))
    assert embed_images(model, drawn.astype("uint8")).shape == (4, 3)


def test_bad_layers_are_named(classifier, some, refused):
    with refused(ValueError, "layer", "block1_conv1"):
        embed_images(classifier, some, layer="block1_conv")
    layer, image = keras.layers.Dense(3, name="twice"), keras.Input((4, 4, 3))
    twice = keras.layers.Flatten()(layer(layer(image)))
    model = keras.Model(image, keras.layers.Dense(2, activation="softmax")(twice))
    with refused(ValueError, "layer", "used 2 times"):
        embed_images(model, np.zeros((1, 4, 4, 3)), layer="twice")
    with refused(TypeError, "classifier"):
        embed_images("model", some)
    several = keras.Model(image, [twice, model.output])
    with refused(ValueError, "classifier", "2 outputs"):
        embed_images(several, np.zeros((1, 4, 4, 3)))


# Neighbours


def _by_brute_force(row, rows, distance):
    row, rows = row.astype("float64"), rows.astype("float64")
    if distance == "euclidean":
        return np.sqrt(((rows - row) ** 2).sum(axis=1))
    return 1 - rows @ row / np.sqrt((rows**2).sum(axis=1) * (row**2).sum())


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("spread", [1.0, 1e-4])
def test_the_search_is_exact(distance, spread):
    """Also where rows are so close that single precision cannot tell them apart."""
    rng = np.random.default_rng(3)
    rows = (10 + spread * rng.normal(size=(3000, 20))).astype("float32")
    search = Rows(rows, distance)
    for row in (rows[5], (10 + spread * rng.normal(size=20)).astype("float32")):
        found, distances = search.by_distance(row)(7)
        want = _by_brute_force(row, rows, distance)
        np.testing.assert_allclose(distances, np.sort(want)[:7], atol=1e-12)
        np.testing.assert_allclose(want[found], distances, atol=1e-12)


def test_rows_of_zeros_are_unlike_all():
    rows = np.array([[0, 0], [1, 0], [0, 2], [-1, 0]], "float32")
    positions, distances = Rows(rows, "cosine").by_distance(rows[1])(4)
    assert positions.tolist() == [1, 0, 2, 3]
    np.testing.assert_allclose(distances, [0, 1, 1, 2])
    positions, distances = Rows(rows, "cosine").by_distance(rows[0])(4)
    assert positions.tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(distances, 1)


@pytest.mark.parametrize("distance", DISTANCES)
def test_similar_images_are_the_nearest_of_the_features(classifier, shapes, distance):
    queries = reticnn.shape_images(3, image_size=16, seed=20)
    found = similar_images(classifier, queries, shapes, 4, distance=distance)
    rows, others = embed_images(classifier, queries), embed_images(classifier, shapes)
    for query in range(3):
        want = _by_brute_force(rows[query], others, distance)
        own = [at for at, of in enumerate(found["query"]) if of == query]
        distances = [found["distance"][at] for at in own]
        np.testing.assert_allclose(distances, np.sort(want)[:4], atol=1e-6)
        assert [found["rank"][at] for at in own] == [1, 2, 3, 4]
        for at in own:
            image = found["image"][at]
            assert found["class"][at] == shapes.labels[image]
            assert found["distance"][at] == pytest.approx(want[image], abs=1e-6)


def test_the_image_itself_is_left_out_unless_wanted(classifier, shapes):
    # A copy under another number, and a search where most are copies.
    data = shapes[:8] + shapes[:1] + shapes[:1]
    found = similar_images(classifier, shapes[:1], data, 20)
    assert sorted(found["image"]) == list(range(1, 8))
    kept = similar_images(classifier, shapes[:1], data, 3, keep_copies=True)
    assert sorted(kept["image"]) == [0, 8, 9]
    np.testing.assert_allclose(kept["distance"], 0, atol=1e-6)


def test_an_embedding_saves_work_and_changes_nothing(classifier, shapes, refused):
    everything = embed_images(classifier, shapes)
    before = everything.copy()
    want = similar_images(classifier, shapes[:2], shapes)
    found = similar_images(classifier, shapes[:2], shapes, embedding=everything)
    assert found["image"] == want["image"]
    np.testing.assert_array_equal(everything, before)
    with refused(ValueError, "embedding", 59, 60):
        similar_images(classifier, shapes[:2], shapes, embedding=everything[1:])
    with refused(ValueError, "embedding", "columns"):
        similar_images(classifier, shapes[:2], shapes, embedding=everything[:, 1:])
    with refused(TypeError, "embedding"):
        similar_images(classifier, shapes[:2], shapes, embedding="all")


def test_images_that_give_nan_are_left_out(classifier, shapes):
    everything = embed_images(classifier, shapes)
    everything[3] = np.nan
    with pytest.warns(UserWarning, match="`among`"):
        found = similar_images(classifier, shapes[:1], shapes, 60, embedding=everything)
    assert sorted(found["image"]) == [at for at in range(60) if at not in (0, 3)]


def test_files_have_their_paths(classifier, cats):
    data = reticnn.image_folder(cats, 16)
    found = similar_images(classifier, data.files[0], data, 9)
    assert len(found["image"]) == 4
    assert data.files[0] not in found[".file"]
    assert found[".file"] == [data.files[at] for at in found["image"]]


def test_it_prints_and_draws_pictures(classifier, shapes):
    pytest.importorskip("matplotlib")
    queries = reticnn.shape_images(2, image_size=16, seed=20)
    found = similar_images(classifier, queries, shapes, 3)
    assert "2 images, the most similar of 60, cosine distance" in repr(found)
    assert f"0: {found['image'][0]} {found['class'][0]}" in repr(found)
    figure = plot_similar_images(found, queries, shapes)
    shown = [axes for axes in figure.axes if axes.images]
    assert len(shown) == 8
    np.testing.assert_array_equal(
        shown[1].images[0].get_array(), _pixels(shapes[[found["image"][0]]])[0]
    )
    with pytest.raises(ValueError, match="`among`"):
        plot_similar_images(found, queries, shapes[:2])
    with pytest.raises(TypeError, match="`similar`"):
        plot_similar_images(shapes, queries, shapes)
