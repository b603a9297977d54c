import keras
import numpy as np
import pytest

from reticnn import find_learning_rate, fit_classifier, image_arrays
from reticnn.training.learning_rate import _smoothed_and_suggestion

RATES = 10.0 ** (7 * (np.arange(100) / 100 - 1))


def curves(*, fall=0.0, rise_at=None, noise=0.0, start=0.7, count=3, seed=1):
    """Return curves that fall about 1e-3, and rise at a rate, under noise."""
    rng = np.random.default_rng(seed)
    decades = np.log10(RATES)
    losses = start - fall / (1 + np.exp(-4 * (decades + 3)))
    if rise_at is not None:
        losses = losses + np.maximum(0, decades - np.log10(rise_at)) * 3
    return [list(losses + rng.normal(0, noise, 100)) for _ in range(count)]


def suggested(curves):
    return _smoothed_and_suggestion(curves, RATES, np.log(2))[1]


# The rule, on curves whose answer is known


@pytest.mark.parametrize("noise", [0, 0.05, 0.1])
def test_suggestion_is_in_the_fall_and_away_from_the_cliff(noise):
    found = [
        suggested(curves(fall=0.5, rise_at=0.1, noise=noise, seed=seed))
        for seed in range(10)
    ]
    assert min(found) > 3e-4
    assert max(found) < 0.1 / 5
    assert max(found) < 5 * min(found)


def test_cliff_soon_after_the_fall_is_kept_away_from():
    assert suggested(curves(fall=0.5, rise_at=2e-3)) < 2e-3 / 5


@pytest.mark.parametrize("noise", [0, 0.05])
def test_loss_that_only_rises_gives_a_rate_well_before_that(noise):
    found = suggested(curves(rise_at=0.01, noise=noise))
    assert 0.01 / 50 < found < 0.01 / 5


def test_a_rate_beyond_a_small_fall_is_not_suggested():
    """With batch normalisation, the loss creeps up again long before the cliff."""
    rates = 10.0 ** (7 * (np.arange(300) / 300 - 1))
    decades = np.log10(rates)
    losses = 0.72 - 0.04 * np.exp(-((decades + 3) ** 2) / 0.5)
    losses = losses + np.maximum(0, decades + 0.5)
    for seed in range(10):
        rng = np.random.default_rng(seed)
        seen = [list(losses + rng.normal(0, 0.04, 300)) for _ in range(3)]
        found = _smoothed_and_suggestion(seen, rates, np.log(2))[1]
        assert 1e-4 < found < 5e-3


def test_curves_that_break_off_say_where_the_loss_rises():
    cut = [curve[:70] for curve in curves()]
    assert 0 < suggested(cut) < RATES[70] / 10


@pytest.mark.parametrize("noise", [0, 0.01, 0.1])
def test_flat_curves_suggest_nothing(noise):
    assert {suggested(curves(noise=noise, seed=seed)) for seed in range(20)} == {None}


def test_low_loss_with_single_bad_batches_is_not_taken_for_a_cliff():
    rng = np.random.default_rng(1)
    lows = np.where(rng.random((3, 100)) < 0.1, 0.3, 0.002)
    lows[:, 80:] += np.linspace(0, 4, 20)
    found = suggested(lows.tolist())
    assert RATES[80] / 200 < found < RATES[95] / 10


# On models


def stripes(count=160, size=8):
    """Return images that any model learns at once: light above, or light below."""
    rng = np.random.default_rng(1)
    codes = np.arange(count) % 2
    light = np.zeros((count, size, size, 3))
    light[codes == 0, : size // 2] = light[codes == 1, size // 2 :] = 120
    pixels = light + rng.integers(0, 120, light.shape)
    return image_arrays(pixels.astype("uint8"), np.array(["a", "b"])[codes])


def dense(**options):
    """Return a model of one hidden layer."""
    start = keras.initializers.GlorotUniform(seed=1)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Rescaling(1 / 255),
            layers.Flatten(),
            layers.Dense(16, "relu", kernel_initializer=start),
            layers.Dense(1, "sigmoid", kernel_initializer=start),
        ]
    )


def test_suggestions_agree_and_train(fit):
    data = stripes()
    found = [
        find_learning_rate(dense(), data, steps=50, batch_size=16, seed=seed)
        for seed in (1, 2, 3)
    ]
    rates = [one["suggestion"] for one in found]
    assert max(rates) <= 5 * min(rates)
    for one in found:
        assert len(one["loss"]) == len(one["learning_rate"]) <= 50
        assert np.isfinite(one["loss"]).all()
    trained = fit(
        dense(), data, optimizer="adam", learning_rate=rates[0], epochs=8, batch_size=16
    )
    assert trained.history["accuracy"][-1] > 0.95


def test_same_seed_is_the_same_suggestion():
    one, other = (
        find_learning_rate(dense(), stripes(), steps=20, seed=3) for _ in range(2)
    )
    assert one == other


def test_nothing_of_a_classifier_is_changed(fit):
    data = stripes()
    trained = fit(dense(), data, optimizer="adam", epochs=2)
    weights = trained.model.get_weights()
    state = [np.array(variable) for variable in trained.model.optimizer.variables]
    history = {name: list(values) for name, values in trained.history.items()}
    rate = float(trained.model.optimizer.learning_rate)
    found = find_learning_rate(trained, data, steps=20, seed=1)
    assert found["suggestion"] is None or found["suggestion"] < 1
    for before, after in zip(weights, trained.model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    optimizer = trained.model.optimizer
    for before, after in zip(state, optimizer.variables, strict=True):
        np.testing.assert_array_equal(before, np.array(after))
    assert float(optimizer.learning_rate) == rate
    assert trained.history == history


def test_compiled_model_keeps_its_loss_and_optimizer():
    data = stripes()
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    start = keras.initializers.GlorotUniform(seed=1)
    outputs = keras.layers.Dense(1, "sigmoid", kernel_initializer=start)(x)
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.SGD(momentum=0.9), "mse", metrics=["accuracy"])
    found = find_learning_rate(model, data, steps=20, seed=1)
    outputs = model.predict(data.read(np.arange(160)), verbose=0)[:, 0]
    squares = np.mean((outputs - data.codes) ** 2)
    crossentropy = -np.mean(np.log(abs(1 - data.codes - outputs)))
    assert found["loss"][0] == pytest.approx(squares, abs=0.05)
    assert abs(crossentropy - squares) > 0.2
    assert model.optimizer.iterations == 0
    fit_classifier(model, data, epochs=1, learning_rate=0.1, progress="none", seed=1)


def test_classes_in_another_order_are_matched_by_name(fit):
    data = stripes()
    trained = fit(dense(), data, optimizer="adam", learning_rate=0.01, epochs=8)
    pixels = data.read(np.arange(160))
    labels = np.array(["a", "b"])[np.arange(160) % 2]
    swapped = image_arrays(pixels, labels, class_names=["b", "a"])
    found = find_learning_rate(trained, swapped, steps=20, seed=1)
    assert found["loss"][0] < 0.3


def test_last_batch_of_an_epoch_weighs_no_more_than_an_image_does():
    # Of 17 images the last would be a batch by itself: an odd one, wrongly labelled.
    pixels = np.zeros((17, 8, 8, 3), "uint8")
    data = image_arrays(pixels, np.array(["a", "b"])[[0] * 16 + [1]])
    model = dense()
    model.layers[-1].bias.assign([-5.0])
    found = find_learning_rate(model, data, steps=40, batch_size=16, seed=1)
    # In a batch of 16 it costs 5 / 16 at most, alone 5.
    assert max(found["loss"][:8]) <= 5.1 / 16


@pytest.mark.filterwarnings("error::UserWarning")
def test_more_images_per_batch_than_there_are_do():
    found = find_learning_rate(dense(), stripes(12), steps=30, batch_size=64, seed=1)
    assert np.isfinite(found["loss"]).all()


def test_flat_curve_is_told_of():
    model = dense()
    model.trainable = False
    with pytest.warns(UserWarning, match="neither fell nor rose.*`steps`.*trainable"):
        found = find_learning_rate(model, stripes(), steps=20, seed=1)
    assert found["suggestion"] is None
    assert len(found["loss"]) == 20


def test_interrupting_ends_the_search(monkeypatch):
    model = dense()

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(keras.Model, "train_on_batch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        find_learning_rate(model, stripes(), steps=20)


@pytest.mark.parametrize("optimizer", ["sgd", "levenberg_marquardt"])
def test_any_optimizer_is_tried(optimizer):
    found = find_learning_rate(
        dense(), stripes(), steps=20, optimizer=optimizer, seed=1
    )
    assert found["suggestion"] is None or 0 < found["suggestion"] < 1


@pytest.mark.parametrize(
    ("argument", "value", "says"),
    [("steps", 5, "at least 20"), ("max_rate", 0, "above 0"), ("batch_size", 0, "1")],
)
def test_bad_arguments_are_named(refused, argument, value, says):
    with refused(ValueError, argument, says):
        find_learning_rate(dense(), stripes(), **{argument: value})


def test_model_that_is_broken_already_is_told_of(refused):
    model = dense()
    model.layers[-1].bias.assign([np.nan])
    with refused(ValueError, "model", "first step", "NaN"):
        find_learning_rate(model, stripes(), steps=20, seed=1)
