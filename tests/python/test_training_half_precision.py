"""Models whose policy is half precision, and with it an optimizer that scales losses.

What is done to the optimizer has to reach the one that takes the steps.
"""

import warnings

import keras
import numpy as np
import pytest

import reticnn
from reticnn.runtime.keras_internals import innermost, spares_from_decay

SETTINGS = {"epochs": 2, "batch_size": 8, "progress": "none", "seed": 1}


@pytest.fixture(scope="module")
def images():
    """Return a few images of two classes."""
    return reticnn.shape_images(24, image_size=8, seed=1)


def half(**settings):
    """Build a very small model that computes in float16."""
    keras.config.set_dtype_policy("mixed_float16")
    try:
        return reticnn.build_cnn((8, 8, 3), n_blocks=1, filters=2, units=4, seed=1)
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.fixture
def train(images):
    """Train quietly."""

    def run(model, **settings):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return reticnn.fit_classifier(model, images, **{**SETTINGS, **settings})

    return run


def same(model, other):
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)


def test_schedules_begin_and_end_with_the_call(train):
    classifier = train(half(), optimizer="sgd", learning_rate=0.1, schedule="cosine")
    optimizer = classifier.model.optimizer
    assert isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    assert float(optimizer.learning_rate) == pytest.approx(0, abs=1e-7)
    train(classifier)
    assert float(optimizer.learning_rate) == pytest.approx(0.1)
    train(classifier, learning_rate=0.2)
    assert float(optimizer.learning_rate) == pytest.approx(0.2)
    assert classifier.model.optimizer is optimizer


def test_biases_do_not_decay_in_later_stages(train):
    model = half()
    stages = [{"train": "head"}, {"train": "all"}]
    train(model, optimizer="adamw", weight_decay=0.1, epochs=1, stages=stages)
    for weight in model.trainable_variables:
        spared = spares_from_decay(model.optimizer, weight)
        assert spared == (len(weight.shape) < 2)


def test_what_is_loaded_trains_on_as_what_was_saved(train, tmp_path):
    classifier = train(half(), optimizer="adamw", weight_decay=0.1)
    loaded = reticnn.load_classifier(
        reticnn.save_classifier(classifier, tmp_path / "half.reticnn")
    )
    scaling = [c.model.optimizer for c in (classifier, loaded)]
    for one, other in zip(*(optimizer.variables for optimizer in scaling), strict=True):
        np.testing.assert_array_equal(one, other)
    for each in (classifier, loaded):
        train(each, learning_rate=0.01)
    same(classifier.model, loaded.model)


def test_resumed_run_is_as_if_never_cut_off(train, tmp_path):
    def cut(state):
        if state["epoch"] == 2:
            raise KeyboardInterrupt

    whole = train(half(), early_stopping=5, epochs=3)
    model = half()
    settings = {"early_stopping": 5, "epochs": 3, "checkpoint_dir": tmp_path}
    train(model, progress=cut, **settings)
    train(model, **settings)
    same(model, whole.model)


def test_users_own_scaling_is_not_made_a_second_time(train):
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1))
    model = half()
    model.compile(optimizer, "binary_crossentropy")
    train(model)
    count = len(optimizer.variables)
    train(model, learning_rate=0.05)
    assert model.optimizer is optimizer
    assert len(optimizer.variables) == count
    assert int(innermost(optimizer).iterations) == 12


def test_quantised_layers_compute_as_they_are(train):
    def quantised():
        model = reticnn.build_cnn((8, 8, 3), n_blocks=1, filters=2, units=4, seed=1)
        next(
            layer for layer in model.layers if isinstance(layer, keras.layers.Dense)
        ).quantize("int8")
        return model

    settings = {"optimizer": "sgd", "learning_rate": 0.01}
    plain = train(quantised(), **settings)
    mixed = train(quantised(), mixed_precision=True, **settings)
    assert mixed.history["loss"] == pytest.approx(plain.history["loss"], rel=0.05)
    assert "int8_from_float32" in [
        layer.dtype_policy.name for layer in mixed.model.layers
    ]
