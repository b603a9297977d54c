import keras
import numpy as np
import pytest

from reticnn import build_mlp, fit_classifier, image_arrays, shape_images
from reticnn.layers.rbf import EuclideanRBF
from reticnn.optimizers.levenberg_marquardt import LevenbergMarquardt
from reticnn.outputs import output_kind
from reticnn.training.batches import TrainingImages
from reticnn.training.callbacks.curvature import CurvatureEstimates

IMAGES = np.random.default_rng(0).integers(0, 3, (500, 2, 2, 1)).astype("uint8")


@pytest.fixture
def data():
    return image_arrays(IMAGES, np.arange(500) % 2)


def _linear_model(num_outputs, *after):
    inputs = keras.Input((2, 2, 1))
    x = keras.layers.Flatten()(inputs)
    x = keras.layers.Dense(num_outputs, kernel_initializer=_spread)(x)
    for layer in after:
        x = layer(x)
    return keras.Model(inputs, x)


def _spread(shape, dtype=None):
    return np.linspace(-0.5, 0.7, np.prod(shape)).reshape(shape).astype("float32")


def _curvatures(model, data, times=6, weights=None):
    """Return the mean of several estimates for the kernel and the bias."""
    model.compile(LevenbergMarquardt())
    images, kind = TrainingImages(data), output_kind(model)
    estimates = CurvatureEstimates(images, seed=1, kind=kind, weights=weights)
    estimates.set_model(model)
    estimates.on_train_begin()
    found = []
    for epoch in range(times):
        estimates.on_epoch_begin(epoch)
        parts = model.optimizer.curvatures
        found.append([keras.ops.convert_to_numpy(part) for part in parts])
    return [np.mean(part, axis=0) for part in zip(*found, strict=True)]


def _close(found, inputs, second_derivatives):
    """Compare with the mean over the images of input squared times derivative."""
    kernel, bias = found
    exact = (inputs**2).T @ second_derivatives / len(inputs)
    np.testing.assert_allclose(kernel, exact, rtol=0.4)
    np.testing.assert_allclose(kernel.mean(), exact.mean(), rtol=0.15)
    np.testing.assert_allclose(bias, second_derivatives.mean(axis=0), rtol=0.4)


def _sums(model):
    inputs = IMAGES.reshape(500, 4).astype("float64")
    kernel, bias = (
        np.asarray(part, "float64") for part in model.layers[2].get_weights()
    )
    return inputs, inputs @ kernel + bias


# Curvature


def test_images_count_as_much_as_in_the_loss(data):
    model = _linear_model(1, keras.layers.Activation("sigmoid"))
    inputs, sums = _sums(model)
    chance = 1 / (1 + np.exp(-sums))
    weights = np.where(np.arange(500) % 2, 3.0, 0.0).astype("float32")
    wanted = weights[:, None] * chance * (1 - chance)
    _close(_curvatures(model, data, weights=weights), inputs, wanted)


@pytest.mark.parametrize("activation", ["softmax", "linear"])
def test_curvature_of_one_unit_a_class(data, activation):
    model = _linear_model(3, keras.layers.Activation(activation))
    inputs, sums = _sums(model)
    chances = np.exp(sums) / np.exp(sums).sum(axis=1, keepdims=True)
    _close(_curvatures(model, data), inputs, chances * (1 - chances))


@pytest.mark.parametrize("activation", ["sigmoid", "linear"])
def test_curvature_of_one_unit(data, activation):
    model = _linear_model(1, keras.layers.Activation(activation))
    inputs, sums = _sums(model)
    chance = 1 / (1 + np.exp(-sums))
    _close(_curvatures(model, data), inputs, chance * (1 - chance))


@pytest.mark.parametrize("j", [2.0, 40.0])
def test_curvature_of_distances(data, j):
    prototypes = np.array([[1.0, 0], [0, 1], [-1, -1]])
    model = _linear_model(2, EuclideanRBF(prototypes, j))
    inputs, features = _sums(model)
    apart = features[:, None] - prototypes
    powers = np.exp(-(apart**2).sum(axis=2))
    chances = (powers / (np.exp(-j) + powers.sum(axis=1, keepdims=True)))[..., None]
    spread = (chances * apart**2).sum(axis=1) - (chances * apart).sum(axis=1) ** 2
    # The whole second derivative of the loss by the features, which is no estimate.
    _close(_curvatures(model, data), inputs, 2 * (1 - chances.sum(axis=1)) + 4 * spread)


def test_measuring_changes_nothing_else(data):
    inputs = keras.Input((2, 2, 1))
    x = keras.layers.BatchNormalization()(keras.layers.Flatten()(inputs))
    x = keras.layers.Dense(3)(keras.layers.Dropout(0.5)(x))
    model = keras.Model(inputs, keras.layers.Softmax()(x))
    before = model.get_weights()
    first = _curvatures(model, data, times=1)
    for weights, same in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(weights, same)
    for part, again in zip(first, _curvatures(model, data, times=1), strict=True):
        np.testing.assert_array_equal(part, again)


def test_few_images_are_enough(data):
    assert np.isfinite(_curvatures(_linear_model(2), data[:3])[0]).all()


def test_frozen_layers_have_no_curvature(data):
    inputs = keras.Input((2, 2, 1))
    frozen = keras.layers.Dense(3, trainable=False)
    outputs = keras.layers.Dense(2)(frozen(keras.layers.Flatten()(inputs)))
    model = keras.Model(inputs, outputs)
    assert [part.shape for part in _curvatures(model, data, 1)] == [(3, 2), (2,)]


# The optimizer


def test_step_is_the_rate_over_mu_and_curvature():
    weight = keras.Variable([1.0, 2.0])
    optimizer = LevenbergMarquardt(0.1, mu=0.5)
    optimizer.build([weight])
    optimizer.curvatures[0].assign([0.0, 1.5])
    optimizer.apply([keras.ops.convert_to_tensor([1.0, 2.0])])
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(weight), [1 - 0.1 / 0.5, 2 - 0.2 / 2], rtol=1e-6
    )


def test_optimizer_is_kept_with_its_settings():
    copy = keras.optimizers.deserialize(
        keras.optimizers.serialize(LevenbergMarquardt(0.3, mu=0.7))
    )
    assert copy.mu == 0.7
    assert float(copy.learning_rate) == pytest.approx(0.3)


def test_training_by_name_learns_from_pixels_of_all_scales(fit):
    # The first pixel is noise, a hundred times as strong as the informative second.
    images, codes = IMAGES.copy(), np.arange(500) % 2
    images[:, 0, 0, 0] = np.random.default_rng(1).integers(0, 256, 500)
    images[:, 0, 1, 0] = 3 * codes
    data = image_arrays(images, codes)
    model = _linear_model(2)
    settings = {"epochs": 3, "optimizer": "levenberg_marquardt", "learning_rate": 0.01}
    assert fit(model, data, **settings).history["accuracy"][-1] > 0.9
    assert (keras.ops.convert_to_numpy(model.optimizer.curvatures[0]) != 1).all()


def test_same_seed_gives_the_same_weights(fit, shapes):
    trained = [
        fit(build_mlp((16, 16, 3), 2, 4, seed=1), shapes, optimizer=optimizer).model
        for optimizer in ("levenberg_marquardt", LevenbergMarquardt())
    ]
    for one, other in zip(*(model.get_weights() for model in trained), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_interrupted_run_goes_on_to_the_same_weights(fit, tmp_path):
    data = shape_images(40, image_size=16, seed=1)

    def train(epochs, folder):
        model = build_mlp((16, 16, 3), 2, 4, seed=1)
        settings = {"optimizer": "levenberg_marquardt", "checkpoint_dir": folder}
        return fit(model, data, epochs=epochs, **settings)

    straight = train(3, tmp_path / "straight")
    train(1, tmp_path / "in_parts")
    in_parts = train(3, tmp_path / "in_parts")
    assert in_parts.history == straight.history
    for one, other in zip(
        in_parts.model.get_weights(), straight.model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_settings_of_all_optimizers_go_with_it(fit, shapes):
    model = build_mlp((16, 16, 3), 2, 4, seed=1)
    fit(model, shapes, optimizer="levenberg_marquardt", ema=0.9, weight_decay=0.01)
    assert model.optimizer.use_ema
    assert model.optimizer.weight_decay == 0.01


def test_misspelled_name_is_refused(refused, shapes):
    with refused(ValueError, "optimizer", "Did you mean 'levenberg_marquardt'?"):
        fit_classifier(build_mlp((16, 16, 3)), shapes, optimizer="levenberg_marquart")
