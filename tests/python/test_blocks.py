import keras
import numpy as np
import pytest

from reticnn import classifier_head, conv_block, domain_adapter, global_pool

NA_INTEGER = -(2**31)
NA_REAL = float("nan")


@pytest.fixture
def images():
    return keras.Input((16, 16, 3))


@pytest.fixture
def features():
    return keras.Input((8,))


def _layers(inputs, outputs):
    return keras.Model(inputs, outputs).layers[1:]


def _classes(layers):
    return [type(layer).__name__ for layer in layers]


# conv_block


def test_block_convolves_activates_and_halves(images):
    outputs = conv_block(images)
    layers = _layers(images, outputs)
    assert _classes(layers) == ["Conv2D", "ReLU", "MaxPooling2D"]
    assert outputs.shape == (None, 8, 8, 32)
    assert layers[0].kernel_size == (3, 3)
    assert layers[0].padding == "same"
    assert layers[2].pool_size == (2, 2)


def test_normalisation_comes_before_each_activation_and_dropout_last(images):
    outputs = conv_block(images, 4, 2, batch_norm=True, dropout=0.25)
    layers = _layers(images, outputs)
    convolution = ["Conv2D", "BatchNormalization", "ReLU"]
    assert _classes(layers) == [*convolution, *convolution, "MaxPooling2D", "Dropout"]
    assert layers[-1].rate == 0.25


def test_block_takes_numbers_as_r_sends_them(images):
    as_in_r = conv_block(
        images,
        4.0,
        2.0,
        kernel_size=[3.0, 5.0],
        strides=np.array([2.0]),
        pool_size=2.0,
        dropout=0,
    )
    convolution, _, second, _, pooling = _layers(images, as_in_r)
    assert convolution.filters == 4
    assert convolution.kernel_size == second.kernel_size == (3, 5)
    assert pooling.pool_size == (2, 2)
    assert as_in_r.shape == (None, 4, 4, 4)


def test_only_the_first_convolution_strides(images):
    assert conv_block(images, 4, 3, strides=2, pool=None).shape == (None, 8, 8, 4)


def test_valid_padding_shrinks(images):
    outputs = conv_block(images, 4, kernel_size=5, padding="valid", pool=None)
    assert outputs.shape == (None, 12, 12, 4)


@pytest.mark.parametrize(
    ("pool", "layer"), [("max", "MaxPooling2D"), ("average", "AveragePooling2D")]
)
def test_kind_of_pooling(images, pool, layer):
    outputs = conv_block(images, 4, pool=pool, pool_size=(2.0, 4.0))
    assert _classes(_layers(images, outputs))[-1] == layer
    assert outputs.shape == (None, 8, 4, 4)


def test_no_pooling_and_no_activation(images):
    outputs = conv_block(images, 4, pool=None, activation=None)
    assert _classes(_layers(images, outputs)) == ["Conv2D"]


@pytest.mark.parametrize("activation", ["tanh", "gelu", "leaky_relu", "silu"])
def test_activation_is_the_one_named(images, activation):
    outputs = conv_block(images, 4, activation=activation, pool=None)
    convolution, activated = _layers(images, outputs)
    x = np.random.default_rng(1).uniform(-1, 1, (1, 16, 16, 3)).astype("f4")
    wanted = getattr(keras.activations, activation)(convolution(x))
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(activated(convolution(x))),
        keras.ops.convert_to_numpy(wanted),
    )


def test_name_is_the_prefix_of_the_layers(images):
    outputs = conv_block(images, 4, 2, batch_norm=True, dropout=0.1, name="first")
    names = [layer.name for layer in _layers(images, outputs)]
    steps = [
        f"first_{part}{step}" for step in (1, 2) for part in ("conv", "bn", "relu")
    ]
    assert names == [*steps, "first_pool", "first_dropout"]


def test_blocks_mix_with_keras_layers(images):
    x = keras.layers.Conv2D(4, 3, padding="same")(images)
    x = conv_block(keras.layers.ReLU()(x), 8)
    x = keras.layers.Flatten()(x)
    model = keras.Model(images, classifier_head(x, 3))
    assert model.predict(np.zeros((2, 16, 16, 3)), verbose=0).shape == (2, 3)


@pytest.mark.parametrize(
    ("arguments", "error", "argument", "parts"),
    [
        ({"filters": 3.5}, ValueError, "filters", ["3.5", "Use 3 or 4"]),
        ({"filters": -8}, ValueError, "filters", ["-8", "Use 1 or more"]),
        ({"filters": NA_INTEGER}, ValueError, "filters", ["NA"]),
        ({"filters": "32"}, TypeError, "filters", ["'32'"]),
        ({"filters": [8.0, 16.0]}, TypeError, "filters", ["(8, 16)"]),
        ({"n_conv": 0}, ValueError, "n_conv", ["not 0", "Use 1 or more"]),
        ({"kernel_size": [1, 2, 3]}, ValueError, "kernel_size", ["(1, 2, 3)"]),
        ({"strides": 1.5}, ValueError, "strides", ["1.5", "Use 1 or 2"]),
        ({"padding": "smae"}, ValueError, "padding", ["'smae'", "mean 'same'"]),
        ({"activation": "rleu"}, ValueError, "activation", ["'rleu'", "mean 'relu'"]),
        ({"activation": "get"}, ValueError, "activation", ["'get'"]),
        ({"batch_norm": "yes"}, TypeError, "batch_norm", ["'yes'", "True"]),
        ({"batch_norm": 1.0}, TypeError, "batch_norm", ["1", "True"]),
        ({"pool": "mean"}, ValueError, "pool", ["'mean'", "'max', 'average', None"]),
        ({"pool_size": 0.0}, ValueError, "pool_size", ["not 0", "Use 1 or more"]),
        ({"dropout": 1}, ValueError, "dropout", ["below 1", "not 1"]),
        ({"dropout": -0.1}, ValueError, "dropout", ["-0.1"]),
        ({"dropout": NA_REAL}, ValueError, "dropout", ["NA"]),
        ({"name": 3.0}, TypeError, "name", ["3"]),
    ],
)
def test_bad_argument_of_a_block_is_named(
    refused, images, arguments, error, argument, parts
):
    with refused(error, argument, *parts):
        conv_block(images, **arguments)


@pytest.mark.parametrize(
    ("arguments", "argument", "parts"),
    [
        ({"pool_size": 20}, "pool_size", ["(20, 20)", "16 x 16", "pool=None"]),
        (
            {"kernel_size": 20, "padding": "valid"},
            "kernel_size",
            ["(20, 20)", "16 x 16", "larger images"],
        ),
    ],
)
def test_window_larger_than_the_image_is_refused(
    refused, images, arguments, argument, parts
):
    with refused(ValueError, argument, *parts):
        conv_block(images, **arguments)


def test_block_without_image_size_is_built():
    assert conv_block(keras.Input((None, None, 3)), 4).shape == (None, None, None, 4)


def test_unknown_argument_is_refused(images):
    with pytest.raises(TypeError, match="filers"):
        conv_block(images, filers=32)


# global_pool


@pytest.mark.parametrize("kind", ["average", "max"])
def test_global_pool_leaves_one_number_a_map(kind):
    inputs = keras.Input((4, 6, 3))
    model = keras.Model(inputs, global_pool(inputs, kind))
    x = np.random.default_rng(1).random((2, 4, 6, 3)).astype("f4")
    wanted = {"average": x.mean((1, 2)), "max": x.max((1, 2))}[kind]
    np.testing.assert_allclose(model.predict(x, verbose=0), wanted, rtol=1e-5)


def test_bad_kind_of_global_pool_is_named(refused, images):
    with refused(ValueError, "kind", "'avg'", "Did you mean 'average'?"):
        global_pool(images, "avg")


# classifier_head


@pytest.mark.parametrize(
    ("num_classes", "output", "units", "activation"),
    [
        (2, "auto", 1, "sigmoid"),
        (2, "sigmoid", 1, "sigmoid"),
        (2.0, "softmax", 2, "softmax"),
        (2, "logits", 2, "linear"),
        (3.0, "auto", 3, "softmax"),
        (10, "logits", 10, "linear"),
    ],
)
def test_output_layer(features, num_classes, output, units, activation):
    outputs = classifier_head(features, num_classes, output=output)
    last = _layers(features, outputs)[-1]
    assert last.units == units
    assert last.activation.__name__ == activation


@pytest.mark.parametrize(
    ("units", "dropout", "classes"),
    [
        (256, 0, ["Dense", "Dense"]),
        ([8.0, 4.0], 0, ["Dense", "Dense", "Dense"]),
        ([8, 4], 0.5, ["Dense", "Dropout", "Dense", "Dropout", "Dense"]),
        (None, 0, ["Dense"]),
        (None, 0.5, ["Dropout", "Dense"]),
    ],
)
def test_hidden_layers(features, units, dropout, classes):
    outputs = classifier_head(features, units=units, dropout=dropout)
    layers = _layers(features, outputs)
    assert _classes(layers) == classes
    hidden = [layer for layer in layers[:-1] if isinstance(layer, keras.layers.Dense)]
    wanted = [] if units is None else [*np.atleast_1d(units)]
    assert [layer.units for layer in hidden] == wanted
    assert {layer.activation.__name__ for layer in hidden} <= {"relu"}


@pytest.mark.parametrize(
    ("arguments", "error", "argument", "parts"),
    [
        ({"num_classes": 1}, ValueError, "num_classes", ["not 1", "Use 2 or more"]),
        ({"num_classes": 2.5}, ValueError, "num_classes", ["2.5", "Use 2 or 3"]),
        ({"units": 0}, ValueError, "units", ["not 0", "Use 1 or more"]),
        ({"units": [8, NA_REAL]}, ValueError, "units", ["NA"]),
        ({"units": []}, ValueError, "units", ["at least one number"]),
        ({"activation": "sigmod"}, ValueError, "activation", ["'sigmod'"]),
        ({"dropout": "half"}, TypeError, "dropout", ["'half'"]),
        ({"output": "soft"}, ValueError, "output", ["'soft'", "'softmax'"]),
        (
            {"num_classes": 3, "output": "sigmoid"},
            ValueError,
            "output",
            ["'sigmoid'", "3 classes", "Use 'softmax' or 'auto'"],
        ),
    ],
)
def test_bad_argument_of_a_head_is_named(
    refused, features, arguments, error, argument, parts
):
    with refused(error, argument, *parts):
        classifier_head(features, **arguments)


# domain_adapter


def test_adapter_is_that_of_the_exercise(images):
    outputs = domain_adapter(images)
    convolution = ["Conv2D", "BatchNormalization", "ReLU"]
    layers = _layers(images, outputs)
    assert _classes(layers) == [*convolution, *convolution, "Conv2D"]
    assert keras.Model(images, outputs).count_params() == 11_267
    assert outputs.shape == (None, 16, 16, 3)


def test_adapter_takes_other_settings():
    inputs = keras.Input((8, 8, 5))
    outputs = domain_adapter(inputs, 4.0, 1.0, kernel_size=1.0, batch_norm=False)
    assert _classes(_layers(inputs, outputs)) == ["Conv2D", "ReLU", "Conv2D"]
    assert keras.Model(inputs, outputs).count_params() == 5 * 4 + 4 + 4 + 1


@pytest.mark.parametrize(
    ("arguments", "error", "argument", "parts"),
    [
        ({"filters": 3.5}, ValueError, "filters", ["3.5", "Use 3 or 4"]),
        ({"filters": []}, ValueError, "filters", ["at least one number"]),
        ({"out_channels": 0}, ValueError, "out_channels", ["not 0"]),
        ({"kernel_size": "3"}, TypeError, "kernel_size", ["'3'"]),
    ],
)
def test_bad_argument_of_an_adapter_is_named(
    refused, images, arguments, error, argument, parts
):
    with refused(error, argument, *parts):
        domain_adapter(images, **arguments)


# Tensors


@pytest.mark.parametrize(
    "block", [conv_block, global_pool, classifier_head, domain_adapter]
)
@pytest.mark.parametrize(
    ("x", "shown"),
    [(np.zeros((1, 8, 8, 3)), "(1, 8, 8, 3)"), ((32, 32, 3), "(32, 32, 3)")],
)
def test_block_needs_a_keras_tensor(refused, block, x, shown):
    with refused(TypeError, "x", "Keras tensor", shown, "keras.Input"):
        block(x)


@pytest.mark.parametrize("block", [conv_block, global_pool, domain_adapter])
def test_block_needs_feature_maps(refused, features, block):
    with refused(ValueError, "x", "(batch, height, width, channels)", "(None, 8)"):
        block(features)


def test_head_needs_features(refused, images):
    with refused(ValueError, "x", "(batch, features)", "16, 16, 3", "`global_pool()`"):
        classifier_head(images)
