import keras
import numpy as np
import pytest

from reticnn import (
    convnext_block,
    dense_block,
    inception_module,
    residual_block,
    separable_block,
    transition_block,
)

BLOCKS = [
    convnext_block,
    dense_block,
    inception_module,
    residual_block,
    separable_block,
    transition_block,
]


@pytest.fixture
def maps():
    return keras.Input((8, 8, 6))


def _layers(inputs, outputs, kind=None):
    layers = keras.Model(inputs, outputs).layers[1:]
    return [layer for layer in layers if kind is None or isinstance(layer, kind)]


def _count(inputs, outputs):
    return keras.Model(inputs, outputs).count_params()


@pytest.mark.parametrize(
    ("arguments", "shape", "convolutions"),
    [
        ({}, (None, 8, 8, 6), 2),
        ({"strides": 2.0}, (None, 4, 4, 6), 3),
        ({"bottleneck": True}, (None, 8, 8, 24), 4),
        ({"shortcut": "padding", "strides": 2}, (None, 4, 4, 6), 2),
    ],
)
def test_residual_block(maps, arguments, shape, convolutions):
    outputs = residual_block(maps, 6.0, **arguments)
    assert outputs.shape == shape
    made = _layers(maps, outputs, keras.layers.Conv2D)
    assert len(made) == convolutions
    assert not any(layer.use_bias for layer in made)
    assert [
        layer.use_bias
        for layer in _layers(
            maps, residual_block(maps, 6, conv_bias=True), keras.layers.Conv2D
        )
    ] == [True, True]


def test_residual_block_without_weights_is_its_input_after_relu(maps):
    outputs = residual_block(maps, 10, shortcut="padding", strides=2)
    model = keras.Model(maps, outputs)
    # With scales of 0, nothing is added to the shortcut.
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, *others = layer.get_weights()
            layer.set_weights([0 * gamma, *others])
    x = np.random.default_rng(1).normal(size=(2, 8, 8, 6)).astype("f4")
    answer = model.predict(x, verbose=0)
    np.testing.assert_allclose(answer[..., :6], np.maximum(x[:, ::2, ::2], 0))
    assert (answer[..., 6:] == 0).all()


def test_inception_module_has_the_parameters_of_the_paper():
    inputs = keras.Input((28, 28, 192))
    outputs = inception_module(inputs)
    assert outputs.shape == (None, 28, 28, 256)
    assert _count(inputs, outputs) == 163_696


@pytest.mark.parametrize(("bottleneck", "per_layer"), [(True, 2), (False, 1)])
def test_dense_block_adds_channels(maps, bottleneck, per_layer):
    outputs = dense_block(maps, 3, 4, bottleneck=bottleneck, dropout=0.2)
    assert outputs.shape == (None, 8, 8, 6 + 3 * 4)
    for kind in (keras.layers.Conv2D, keras.layers.Dropout):
        assert len(_layers(maps, outputs, kind)) == 3 * per_layer


@pytest.mark.parametrize(("reduction", "channels"), [(0.5, 3), (1, 6), (0.4, 2)])
def test_transition_block_narrows_and_halves(maps, reduction, channels):
    assert transition_block(maps, reduction).shape == (None, 4, 4, channels)


def test_separable_block_costs_what_the_paper_says(maps):
    outputs = separable_block(maps, 10, strides=2)
    assert outputs.shape == (None, 4, 4, 10)
    assert _count(maps, outputs) == 9 * 6 + 6 * 10 + 4 * (6 + 10)
    assert _layers(maps, separable_block(maps, activation="relu6"))[2].max_value == 6


def test_convnext_block_keeps_the_shape(maps):
    outputs = convnext_block(maps, drop_rate=0.1)
    assert outputs.shape == maps.shape
    inside = (49 + 1) * 6 + 2 * 6 + 7 * 24 + 25 * 6 + 6
    assert _count(maps, outputs) == inside
    kinds = [type(layer).__name__ for layer in _layers(maps, outputs)]
    assert kinds[-3:] == ["LayerScale", "StochasticDepth", "Add"]
    plain = _layers(maps, convnext_block(maps, layer_scale=None))
    assert type(plain[-2]).__name__ == "Dense"


@pytest.mark.parametrize("block", BLOCKS)
def test_name_is_the_prefix_of_the_layers(maps, block):
    names = [layer.name for layer in _layers(maps, block(maps, name="first"))]
    assert all(name.startswith("first_") for name in names)


@pytest.mark.parametrize("block", BLOCKS)
def test_block_needs_feature_maps(refused, block):
    with refused(TypeError, "x", "Keras tensor"):
        block(np.zeros((1, 8, 8, 3)))
    with refused(ValueError, "x", "(None, 8)"):
        block(keras.Input((8,)))


@pytest.mark.parametrize(
    ("block", "arguments", "error", "argument"),
    [
        (residual_block, {"filters": 1.5}, ValueError, "filters"),
        (residual_block, {"shortcut": "pad"}, ValueError, "shortcut"),
        (residual_block, {"filters": 3, "shortcut": "padding"}, ValueError, "shortcut"),
        (residual_block, {"bottleneck": 1}, TypeError, "bottleneck"),
        (inception_module, {"conv3": 96}, ValueError, "conv3"),
        (inception_module, {"pool": 0}, ValueError, "pool"),
        (dense_block, {"n_layers": 0}, ValueError, "n_layers"),
        (dense_block, {"dropout": 1}, ValueError, "dropout"),
        (transition_block, {"dropout": 1}, ValueError, "dropout"),
        (transition_block, {"reduction": 1.5}, ValueError, "reduction"),
        (separable_block, {"strides": 0}, ValueError, "strides"),
        (convnext_block, {"drop_rate": 1}, ValueError, "drop_rate"),
        (convnext_block, {"layer_scale": 0}, ValueError, "layer_scale"),
    ],
)
def test_bad_argument_is_named(refused, maps, block, arguments, error, argument):
    with refused(error, argument):
        block(maps, **arguments)
