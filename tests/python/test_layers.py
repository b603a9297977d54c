import keras
import numpy as np
import pytest

from reticnn.layers.normalization import LayerScale, LocalResponseNormalization
from reticnn.layers.preprocessing import ImagePreprocessing
from reticnn.layers.stochastic_depth import StochasticDepth


def _values(tensor):
    return keras.ops.convert_to_numpy(tensor)


def test_response_normalisation_of_equal_channels():
    outputs = _values(LocalResponseNormalization()(np.full((1, 1, 1, 7), 100, "f4")))
    wanted = [29.90698, 26.08474, 23.23681, 23.23681, 23.23681, 26.08474, 29.90698]
    np.testing.assert_allclose(outputs.ravel(), wanted, rtol=1e-5)


def test_response_normalisation_follows_its_formula():
    x = np.random.default_rng(1).normal(0, 50, (2, 3, 4, 6)).astype("f4")
    layer = LocalResponseNormalization(size=3, k=1.5, alpha=0.01, beta=0.5)
    wanted = np.empty_like(x)
    for channel in range(6):
        around = x[..., max(0, channel - 1) : channel + 2]
        total = (around**2).sum(axis=-1)
        wanted[..., channel] = x[..., channel] / (1.5 + 0.01 * total) ** 0.5
    np.testing.assert_allclose(_values(layer(x)), wanted, rtol=1e-4)


def test_layer_scale_starts_small_and_has_a_factor_a_channel():
    layer = LayerScale(0.5)
    x = np.random.default_rng(1).normal(size=(2, 3, 3, 4)).astype("f4")
    np.testing.assert_allclose(_values(layer(x)), x / 2, rtol=1e-6)
    assert [weight.shape for weight in layer.trainable_weights] == [(4,)]
    assert _values(LayerScale()(x)).std() < 1e-5


def test_stochastic_depth_drops_whole_images_while_training():
    layer = StochasticDepth(0.25, seed=1)
    x = np.ones((2000, 2, 2, 3), "f4")
    np.testing.assert_array_equal(_values(layer(x)), x)
    trained = _values(layer(x, training=True)).reshape(2000, -1)
    assert (trained == trained[:, :1]).all()
    assert np.unique(trained).tolist() == [0, pytest.approx(4 / 3)]
    assert trained.mean() == pytest.approx(1, abs=0.05)


def test_stochastic_depth_of_rate_0_drops_nothing():
    x = np.ones((5, 2), "f4")
    np.testing.assert_array_equal(_values(StochasticDepth(0)(x, training=True)), x)


@pytest.mark.parametrize(
    "layer",
    [
        ImagePreprocessing("unit"),
        LocalResponseNormalization(7, alpha=0.1),
        LayerScale(0.1),
        StochasticDepth(0.3, seed=4),
    ],
)
def test_layer_is_made_again_from_its_configuration(layer):
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert type(again) is type(layer)
    assert again.get_config() == layer.get_config()


@pytest.mark.parametrize(
    ("make", "argument", "parts"),
    [
        (lambda: ImagePreprocessing("caffe"), "scale", ["'means'", "'caffe'"]),
        (lambda: LocalResponseNormalization(0), "size", ["not 0"]),
        (lambda: LocalResponseNormalization(k=0), "k", ["above 0"]),
        (lambda: StochasticDepth(1.0), "rate", ["below 1"]),
    ],
)
def test_bad_setting_of_a_layer_is_named(refused, make, argument, parts):
    with refused(ValueError, argument, *parts):
        make()
