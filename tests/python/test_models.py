import random
from itertools import pairwise

import keras
import numpy as np
import pytest

import reticnn
from reticnn import build_cnn, build_mlp

NA_INTEGER = -(2**31)

workshop_block = [
    ("Conv2D", {"filters": 32, "kernel_size": (3, 3), "padding": "same"}),
    ("ReLU", {}),
    ("MaxPooling2D", {"pool_size": (2, 2), "strides": (2, 2)}),
]
workshop_layers = [
    ("InputLayer", {"batch_shape": (None, 32, 32, 3)}),
    *workshop_block,
    *workshop_block,
    *workshop_block,
    ("GlobalAveragePooling2D", {}),
    ("Dense", {"units": 256, "activation": keras.activations.relu}),
    ("Dense", {"units": 1, "activation": keras.activations.sigmoid}),
]


def _classes(model):
    return [type(layer).__name__ for layer in model.layers]


def _settings(layer, names):
    return {name: getattr(layer, name) for name in names}


def _same_weights(one, other):
    pairs = zip(one.get_weights(), other.get_weights(), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def test_workshop_cnn_layer_by_layer():
    model = build_cnn(rescale=False)
    assert model.count_params() == 28_097
    assert [
        (type(layer).__name__, _settings(layer, wanted))
        for layer, (_, wanted) in zip(model.layers, workshop_layers, strict=True)
    ] == workshop_layers
    assert len(model.layers) == 13


def test_rescaling_is_one_more_layer_without_parameters():
    model = build_cnn()
    assert model.count_params() == 28_097
    assert len(model.layers) == 14
    assert _classes(model)[1] == "Rescaling"


@pytest.mark.parametrize("build", [build_cnn, build_mlp])
def test_rescaling_divides_by_255(build):
    x = np.random.default_rng(1).integers(0, 256, (4, 16, 16, 3)).astype("f4")
    inside = build((16, 16, 3), seed=1)
    outside = build((16, 16, 3), seed=1, rescale=False)
    np.testing.assert_allclose(
        inside.predict(x, verbose=0), outside.predict(x / 255, verbose=0), atol=1e-6
    )


def test_workshop_mlp():
    model = build_mlp((64, 64, 3), 2, 256, output="softmax", rescale=False)
    assert model.count_params() == 3_146_498
    assert _classes(model) == ["InputLayer", "Flatten", "Dense", "Dense"]
    assert model.output_shape == (None, 2)


def test_mlp_of_several_layers_with_dropout():
    model = build_mlp([8.0, 8.0, 1.0], 3.0, [16.0, 4.0], dropout=0.5)
    hidden = ["Dense", "Dropout"]
    start = ["InputLayer", "Rescaling", "Flatten"]
    assert _classes(model) == [*start, *hidden, *hidden, "Dense"]
    assert model.count_params() == 65 * 16 + 17 * 4 + 5 * 3


def test_cnn_with_normalisation_and_dropout():
    model = build_cnn(
        filters=(32, 64, 128),
        n_conv=2,
        batch_norm=True,
        block_dropout=0.3,
        rescale=False,
    )
    not_trainable = [np.prod(weight.shape) for weight in model.non_trainable_weights]
    assert model.count_params() == 322_081
    assert sum(not_trainable) == 896
    convolution = ["Conv2D", "BatchNormalization", "ReLU"]
    block = [*convolution, *convolution, "MaxPooling2D", "Dropout"]
    head = ["GlobalAveragePooling2D", "Dense", "Dense"]
    assert _classes(model) == ["InputLayer", *block, *block, *block, *head]


def test_dropout_of_the_head_is_apart_from_that_of_the_blocks():
    model = build_cnn(n_blocks=1, block_dropout=0.25, dropout=0.5)
    rates = [getattr(layer, "rate", None) for layer in model.layers]
    assert [rate for rate in rates if rate is not None] == [0.25, 0.5]
    assert _classes(model)[-3:] == ["Dense", "Dropout", "Dense"]


def test_filters_say_how_many_blocks_there_are():
    model = build_cnn(filters=[4.0, 8.0])
    widths = [layer.filters for layer in model.layers if hasattr(layer, "filters")]
    assert widths == [4, 8]


def test_filters_and_blocks_that_disagree_are_refused(refused):
    with refused(ValueError, "n_blocks", "5", "`filters`", "(4, 8)"):
        build_cnn(filters=[4.0, 8.0], n_blocks=5.0)


def test_one_number_of_filters_goes_for_all_blocks():
    for filters in (8.0, [8.0], np.array([8], "i4")):
        model = build_cnn(filters=filters, n_blocks=2.0)
        assert model.output_shape == (None, 1)
        assert [x.filters for x in model.layers if hasattr(x, "filters")] == [8, 8]


def test_no_hidden_dense_layer():
    assert _classes(build_cnn(units=None)).count("Dense") == 1


def test_cnn_of_many_classes_gives_probabilities():
    model = build_cnn([16.0, 12.0, 1.0], 10.0, filters=4)
    outputs = model.predict(np.zeros((3, 16, 12, 1)), verbose=0)
    assert outputs.shape == (3, 10)
    np.testing.assert_allclose(outputs.sum(axis=1), 1, atol=1e-5)


def test_names_say_the_block():
    names = [layer.name for layer in build_cnn(n_blocks=2, n_conv=2).layers]
    for name in ("block1_conv1", "block1_conv2", "block2_conv1", "block2_pool"):
        assert name in names
    assert build_cnn().name == "cnn"
    assert build_mlp().name == "mlp"


@pytest.mark.parametrize("build", [build_cnn, build_mlp])
def test_seed_fixes_the_weights(build):
    first, again, other = (build((16, 16, 3), seed=seed) for seed in (7, 7.0, 8))
    assert _same_weights(first, again)
    assert not _same_weights(first, other)


def test_seed_gives_each_layer_its_own_weights():
    model = build_cnn(n_blocks=3, seed=1)
    kernels = [layer.get_weights()[0] for layer in model.layers if layer.weights]
    same_shape = [pair for pair in pairwise(kernels) if pair[0].shape == pair[1].shape]
    assert len(same_shape) == 1
    assert not np.array_equal(*same_shape[0])


@pytest.mark.parametrize("build", [build_cnn, build_mlp])
def test_seed_leaves_pythons_random_state_alone(build):
    random.seed(3)
    state = random.getstate()
    build((16, 16, 3), seed=7)
    assert random.getstate() == state


def test_without_a_seed_keras_global_seed_holds():
    keras.utils.set_random_seed(5)
    first = build_cnn()
    second = build_cnn()
    keras.utils.set_random_seed(5)
    assert _same_weights(build_cnn(), first)
    assert not _same_weights(first, second)


def test_failed_build_leaves_pythons_random_state_alone():
    random.seed(3)
    state = random.getstate()
    with pytest.raises(ValueError, match="`units`"):
        build_cnn(units=0, seed=7)
    assert random.getstate() == state


@pytest.mark.parametrize("build", [build_cnn, build_mlp])
@pytest.mark.parametrize(
    ("arguments", "error", "argument", "parts"),
    [
        ({"input_shape": 32.0}, ValueError, "input_shape", ["32", "`(32, 32, 3)`"]),
        ({"input_shape": [32.0, 32.0]}, ValueError, "input_shape", ["(32, 32)"]),
        ({"input_shape": [32, 32, 3.5]}, ValueError, "input_shape", ["3.5"]),
        ({"input_shape": [32, NA_INTEGER, 3]}, ValueError, "input_shape", ["NA"]),
        ({"num_classes": 1.0}, ValueError, "num_classes", ["not 1", "Use 2 or more"]),
        ({"num_classes": "two"}, TypeError, "num_classes", ["'two'"]),
        ({"units": 2.5}, ValueError, "units", ["2.5", "Use 2 or 3"]),
        ({"dropout": 1.0}, ValueError, "dropout", ["below 1", "not 1"]),
        ({"output": "logit"}, ValueError, "output", ["'logit'", "mean 'logits'"]),
        ({"rescale": 1}, TypeError, "rescale", ["'standardize'", "1"]),
        ({"seed": -1}, ValueError, "seed", ["-1", "Use 0 or more"]),
        ({"seed": 0.5}, ValueError, "seed", ["0.5", "Use 0 or 1"]),
    ],
)
def test_bad_argument_of_a_model_is_named(
    refused, build, arguments, error, argument, parts
):
    with refused(error, argument, *parts):
        build(**arguments)


@pytest.mark.parametrize(
    ("arguments", "error", "argument", "parts"),
    [
        ({"filters": 3.5}, ValueError, "filters", ["3.5", "Use 3 or 4"]),
        ({"filters": [32, -1]}, ValueError, "filters", ["-1", "Use 1 or more"]),
        ({"filters": []}, ValueError, "filters", ["at least one number"]),
        ({"n_blocks": 0}, ValueError, "n_blocks", ["not 0", "Use 1 or more"]),
        ({"n_conv": "2"}, TypeError, "n_conv", ["'2'"]),
        ({"block_dropout": 1.5}, ValueError, "block_dropout", ["below 1", "1.5"]),
    ],
)
def test_bad_argument_of_a_cnn_is_named(refused, arguments, error, argument, parts):
    with refused(error, argument, *parts):
        build_cnn(**arguments)


def test_too_many_blocks_for_the_image_are_refused(refused):
    with refused(ValueError, "pool_size", "1 x 1 pixels", "fewer blocks"):
        build_cnn((16, 16, 3), n_blocks=5)


@pytest.mark.parametrize("build", [build_cnn, build_mlp])
def test_unknown_argument_is_refused(build):
    with pytest.raises(TypeError, match="filers"):
        build(filers=32)


# Standardised images


@pytest.fixture(scope="module")
def standardized(tiny_cnn, shapes, fit):
    """Return a classifier that standardises its images."""
    return fit(tiny_cnn(rescale="standardize"), shapes)


def statistics_of(classifier):
    layer = classifier.model.get_layer("standardization")
    return keras.ops.convert_to_numpy(layer.statistics)


def chances(classifier, data):
    return np.array(reticnn.predict_images(classifier, data)[".pred_circle"])


def test_model_learns_the_mean_and_deviation_of_its_training_images(
    standardized, tiny_cnn, shapes, fit, tmp_path
):
    pixels = reticnn.load_images(shapes)["images"].astype("float64")
    numbers = pixels.mean(), pixels.std()
    np.testing.assert_allclose(statistics_of(standardized), numbers, rtol=1e-6)
    # Given as numbers, they are the same network.
    given = fit(tiny_cnn(rescale=numbers), shapes)
    wanted = chances(given, shapes)
    np.testing.assert_allclose(chances(standardized, shapes), wanted, atol=1e-5)
    path = reticnn.save_classifier(standardized, tmp_path / "a.reticnn")
    loaded = reticnn.load_classifier(path)
    np.testing.assert_allclose(chances(loaded, shapes), wanted, atol=1e-5)
    # On further images its weights mean what they meant.
    others = reticnn.shape_images(20, image_size=16, seed=9)
    fit(loaded, others)
    np.testing.assert_allclose(statistics_of(loaded), numbers, rtol=1e-6)
    # A new start takes the new images.
    again = tiny_cnn(rescale="standardize")
    fit(again, shapes)
    fresh = fit(again, others, fresh=True)
    pixels = reticnn.load_images(others)["images"]
    assert statistics_of(fresh)[0] == pytest.approx(pixels.mean())


def test_each_fold_standardises_by_its_own_images(tiny_cnn, shapes):
    folds = reticnn.cross_validate(
        lambda: tiny_cnn(rescale="standardize"),
        *(shapes,),
        v=2,
        epochs=1,
        optimizer="sgd",
        progress="none",
        seed=1,
    )
    first, second = map(statistics_of, folds.classifiers)
    assert first[0] != second[0]


def test_network_that_does_not_know_its_images_is_not_used(
    tiny_cnn, shapes, fit, refused
):
    model = tiny_cnn(rescale="standardize")
    # Where a processor has 0 for the maximum of 0 and NaN, it would give numbers.
    for use in (
        reticnn.predict_images,
        reticnn.evaluate_classifier,
        reticnn.embed_images,
        reticnn.explain_prediction,
        reticnn.stress_test,
    ):
        with refused(ValueError, "classifier", "mean and deviation", "rescale="):
            use(model, shapes)
    for use in (reticnn.feature_maps, reticnn.layer_window):
        with refused(ValueError, "model", "mean and deviation", "rescale="):
            use(model, shapes)
    inputs = keras.Input((16, 16, 3))
    nested = keras.Model(inputs, model(inputs / 2))
    with pytest.raises(ValueError, match=r"`model` has a part that standardises"):
        fit(nested, shapes)
    grey = reticnn.image_arrays(np.full((4, 16, 16, 3), 7), [0, 1, 0, 1])
    with pytest.raises(ValueError, match="pixels are all 7"):
        fit(model, grey)


@pytest.mark.parametrize("rescale", ["standardise", 2, (1, 2, 3), None])
def test_rescale_is_checked(tiny_cnn, refused, rescale):
    if rescale is None:
        with refused(ValueError, "rescale", "above 0"):
            tiny_cnn(rescale=(100, 0))
        return
    with refused(TypeError, "rescale", "'standardize'"):
        tiny_cnn(rescale=rescale)
