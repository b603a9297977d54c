"""Batch normalisation by TensorFlow's one operation, which changes nothing else."""

import numpy as np
import pytest

import reticnn
from reticnn.runtime.backend import keras

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="TensorFlow has the operation"
)


class OwnNormalization(keras.layers.BatchNormalization):
    """A class of a user's, which is left as it is: the oracle of these tests."""


def _model(normalization, size=8, **settings):
    """Return a network with batch normalisation outside and inside a nested part."""
    keras.utils.set_random_seed(3)
    inner = keras.Sequential(
        [
            keras.Input((size, size, 4)),
            keras.layers.Conv2D(6, 3, strides=2, padding="same"),
            normalization(**settings),
        ]
    )
    return keras.Sequential(
        [
            keras.Input((size, size, 3)),
            keras.layers.Rescaling(1 / 64),
            keras.layers.Conv2D(4, 3, padding="same"),
            normalization(momentum=0.8, **settings),
            keras.layers.ReLU(),
            inner,
            keras.layers.Flatten(),
            keras.layers.Dense(1, activation="sigmoid", dtype="float32"),
        ]
    )


def _weights_after(model, size=8, **settings):
    """Train for two epochs, whose last batch is smaller, and return all weights."""
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (20, size, size, 3), "uint8")
    data = reticnn.image_arrays(images, ["a", "b"] * 10)
    settings = {"learning_rate": 0.01, "progress": "none", "seed": 4, **settings}
    # SGD does not blow up what differs by rounding.
    reticnn.fit_classifier(
        model, data, epochs=2, batch_size=8, optimizer="sgd", **settings
    )
    return model.get_weights()


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"scale": False},
        {"center": False, "epsilon": 1e-7},
        {"axis": 1},
        {"trainable": False},
    ],
    ids=str,
)
def test_fused_normalization_trains_as_keras_does(settings):
    ours = _weights_after(_model(keras.layers.BatchNormalization, **settings))
    theirs = _weights_after(_model(OwnNormalization, **settings))
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-5)


def test_fused_normalization_of_single_pixels_trains_as_keras_does():
    ours = _weights_after(_model(keras.layers.BatchNormalization, 2), 2)
    theirs = _weights_after(_model(OwnNormalization, 2), 2)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-5)


def test_fused_normalization_in_bfloat16_is_as_near_as_bfloat16_is():
    mixed = {"mixed_precision": True}
    ours = _weights_after(_model(keras.layers.BatchNormalization), **mixed)
    theirs = _weights_after(_model(OwnNormalization), **mixed)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=0.05, atol=0.05)


def test_networks_of_half_precision_alone_are_trained_by_keras():
    keras.config.set_dtype_policy("bfloat16")
    try:
        models = [
            _model(normalization)
            for normalization in (keras.layers.BatchNormalization, OwnNormalization)
        ]
    finally:
        keras.config.set_dtype_policy("float32")
    ours, theirs = map(_weights_after, models)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one.astype("float32"), other.astype("float32"))


def test_layers_are_their_own_again_after_training():
    model = _model(keras.layers.BatchNormalization)
    stop = {"on_epoch_end": lambda epoch, logs: 1 / 0}
    callback = keras.callbacks.LambdaCallback(**stop)
    with pytest.raises(ZeroDivisionError):
        _weights_after(model, callbacks=[callback])
    norms = [model.layers[2], model.layers[4].layers[1]]
    assert not any("call" in vars(norm) for norm in norms)
    _weights_after(model)
    assert not any("call" in vars(norm) for norm in norms)


def test_training_takes_the_fused_operation():
    model = _model(keras.layers.BatchNormalization)
    found = []

    class Looks(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            norm = self.model.layers[2]
            found.append("call" in vars(norm))

    _weights_after(model, callbacks=[Looks()])
    assert found and all(found)
