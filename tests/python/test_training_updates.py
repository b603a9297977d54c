"""Clipped and accumulated gradients, and smoothed targets of a single unit."""

import keras
import numpy as np
import pytest

import reticnn
from reticnn import image_arrays
from reticnn.runtime.conditions import CheckpointError

RNG = np.random.default_rng(4)
PIXELS = RNG.integers(0, 256, (24, 8, 8, 3), "uint8")
CODES = np.arange(24) % 2
DATA = image_arrays(PIXELS, np.array(["a", "b"])[CODES])


def net(units=1, activation="sigmoid"):
    """Return a model of two layers, the same each time."""
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    x = keras.layers.Dense(
        4, "tanh", kernel_initializer=keras.initializers.GlorotUniform(seed=1)
    )(x)
    start = keras.initializers.GlorotUniform(seed=2)
    return keras.Model(
        inputs, keras.layers.Dense(units, activation, kernel_initializer=start)(x)
    )


def same(one, other, tolerance=1e-5):
    """Raise unless two models have the same weights."""
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_accumulated_batches_are_one_large_batch(fit, optimizer):
    settings = {"optimizer": optimizer, "learning_rate": 0.05, "epochs": 3}
    settings["global_clipnorm"] = 0.2
    small, large = net(), net()
    fit(small, DATA, batch_size=6, gradient_accumulation_steps=4, **settings)
    fit(large, DATA, batch_size=24, **settings)
    same(small, large)
    assert not np.allclose(small.get_weights()[0], net().get_weights()[0])


def test_gradients_are_clipped_as_by_keras(fit):
    clipped, plain, free = net(), net(), net()
    settings = {"learning_rate": 0.5, "epochs": 3, "batch_size": 24}
    fit(clipped, DATA, global_clipnorm=0.01, **settings)
    optimizer = keras.optimizers.SGD(0.5, global_clipnorm=0.01)
    plain.compile(optimizer, "binary_crossentropy")
    plain.fit(PIXELS, CODES[:, None], 24, epochs=3, shuffle=False, verbose=0)
    same(clipped, plain)
    change = [
        a - b for a, b in zip(clipped.get_weights(), net().get_weights(), strict=True)
    ]
    norm = np.sqrt(sum((part**2).sum() for part in change))
    assert 0 < norm <= 3 * 0.5 * 0.01 * 1.001
    fit(free, DATA, **settings)
    assert not np.allclose(free.get_weights()[0], plain.get_weights()[0], atol=1e-3)


def test_batches_left_over_count_in_the_next_epoch(fit):
    """Three batches per epoch and two per step: the second step goes over epochs."""
    model, plain = net(), net()
    settings = {"learning_rate": 0.1, "batch_size": 8, "optimizer": "sgd"}
    fit(model, DATA, epochs=2, gradient_accumulation_steps=2, **settings)
    steps = int(model.optimizer.iterations)
    assert steps == 3
    once = net()
    fit(once, DATA, epochs=1, gradient_accumulation_steps=2, **settings)
    # One step for three batches: that of the first two.
    fit(plain, DATA, epochs=1, gradient_accumulation_steps=3, **settings)
    assert not np.allclose(once.get_weights()[0], plain.get_weights()[0])


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_run_that_was_cut_off_goes_on_within_a_group(fit, tmp_path, epoch):
    settings = {
        "batch_size": 8,
        "gradient_accumulation_steps": 2,
        "global_clipnorm": 0.1,
        "learning_rate": 0.1,
        "epochs": 3,
    }
    whole, cut = net(), net()
    fit(whole, DATA, **settings)

    def stop(state):
        if state["epoch"] == epoch + 1:
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        fit(cut, DATA, checkpoint_dir=tmp_path, progress=stop, **settings)
    again = net()
    fit(again, DATA, checkpoint_dir=tmp_path, **settings)
    same(again, whole, 1e-7)
    with pytest.raises(CheckpointError, match="gradient_accumulation_steps"):
        changed = {**settings, "gradient_accumulation_steps": 3}
        fit(net(), DATA, checkpoint_dir=tmp_path, **changed)
    with pytest.raises(CheckpointError, match="global_clipnorm"):
        changed = {**settings, "global_clipnorm": 0.2}
        fit(net(), DATA, checkpoint_dir=tmp_path, **changed)


def test_stages_and_further_training_keep_them(fit):
    model = reticnn.build_cnn((8, 8, 3), n_blocks=1, filters=2, units=2, seed=1)
    stages = [{"train": "head"}, {"train": "all"}]
    settings = {"global_clipnorm": 0.3, "gradient_accumulation_steps": 2}
    classifier = fit(model, DATA, stages=stages, batch_size=8, epochs=2, **settings)
    for _ in range(2):
        for name, value in settings.items():
            assert getattr(model.optimizer, name) == value
        classifier = fit(classifier, DATA, batch_size=8)
    fit(classifier, DATA, batch_size=8, gradient_accumulation_steps=1)
    assert model.optimizer.gradient_accumulation_steps is None
    assert model.optimizer.global_clipnorm == 0.3


def test_the_users_own_optimizer_is_not_changed(fit, refused):
    for name in ("global_clipnorm", "gradient_accumulation_steps"):
        with refused(ValueError, name, "2", "an object with its own settings"):
            fit(net(), DATA, optimizer=keras.optimizers.SGD(), **{name: 2})
        model = net()
        model.compile("sgd", "binary_crossentropy")
        with refused(ValueError, name, "already compiled"):
            fit(model, DATA, **{name: 2})
    own = keras.optimizers.SGD(clipnorm=0.5, gradient_accumulation_steps=2)
    model = net()
    fit(model, DATA, optimizer=own, batch_size=8)
    assert model.optimizer is own
    assert own.clipnorm == 0.5
    assert own.gradient_accumulation_steps == 2


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"global_clipnorm": 0}, ValueError),
        ({"global_clipnorm": -1}, ValueError),
        ({"global_clipnorm": float("nan")}, ValueError),
        ({"global_clipnorm": "1"}, TypeError),
        ({"gradient_accumulation_steps": 0}, ValueError),
        ({"gradient_accumulation_steps": 2.5}, ValueError),
        ({"gradient_accumulation_steps": 25, "epochs": 2}, ValueError),
        ({"train_norm": "no"}, TypeError),
        ({"train_norm": None}, TypeError),
    ],
)
def test_bad_values_are_refused_before_training(fit, refused, arguments, error):
    model = net()
    name = next(iter(arguments))
    if arguments == {"train_norm": None}:
        fit(model, DATA, **arguments)
        return
    with refused(error, name):
        fit(model, DATA, batch_size=2, **arguments)
    same(model, net())


# Smoothed targets


@pytest.mark.parametrize("logits", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("mixup", [0, 0.4])
def test_one_unit_is_smoothed_as_two_are(fit, logits, weighted, mixup):
    """The probability of a sigmoid unit is that of a softmax over it and 0."""
    one = net(1, None if logits else "sigmoid")
    inputs = one.input
    unit = one.layers[-2].output
    first, second = one.layers[-1], keras.layers.Dense(1)
    score = second(unit)
    both = keras.layers.Concatenate()([keras.ops.zeros_like(score), score])
    two = keras.Model(inputs, both if logits else keras.layers.Softmax()(both))
    second.set_weights(first.get_weights())
    settings = {"label_smoothing": 0.2, "mixup": mixup, "learning_rate": 1e-9}
    if weighted:
        settings["class_weight"] = {"a": 1, "b": 3}
    if logits:
        settings["output"] = "logits"
    losses = [fit(model, DATA, **settings).history["loss"][0] for model in (one, two)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    if not weighted and not mixup:
        chance = two.predict(PIXELS, verbose=0)[:, 1]
        chance = 1 / (1 + np.exp(-chance)) if logits else chance
        target = 0.8 * CODES + 0.1
        wanted = -(target * np.log(chance) + (1 - target) * np.log(1 - chance)).mean()
        assert losses[0] == pytest.approx(wanted, rel=1e-4)


# Statistics of normalisations that are kept


def normalised():
    """Return a small network with batch normalisation, which has learned before."""
    return reticnn.build_cnn(
        (8, 8, 3), n_blocks=2, filters=4, units=8, batch_norm=True, seed=1
    )


def statistics(model):
    """Return the means and variances of a model."""
    return [
        weight.numpy()
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
        for weight in (layer.moving_mean, layer.moving_variance)
    ]


@pytest.mark.parametrize("how", ["fit_classifier", "stages", "fine_tune"])
def test_statistics_are_kept_and_used(fit, how):
    model = normalised()
    rng = np.random.default_rng(1)
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.moving_mean.assign(rng.normal(0, 0.1, layer.moving_mean.shape))
            layer.moving_variance.assign(rng.uniform(1, 2, layer.moving_mean.shape))
    before = statistics(model)
    shifts = [w.numpy() for w in model.trainable_weights if w.name == "beta"]
    if how == "fine_tune":
        reticnn.fine_tune(
            model,
            DATA,
            train_norm=False,
            epochs=1,
            early_stopping=None,
            progress="none",
            seed=1,
        )
    else:
        stages = [{"train": "head"}, {"train": "all"}] if how == "stages" else None
        fit(
            model,
            DATA,
            train_norm=False,
            validation=0.25,
            stages=stages,
            learning_rate=0.1,
        )
    for old, new in zip(before, statistics(model), strict=True):
        np.testing.assert_array_equal(old, new)
    after = [w.numpy() for w in model.trainable_weights if w.name == "beta"]
    assert any((a != b).any() for a, b in zip(after, shifts, strict=True))
    # Later training learns them again.
    fit(reticnn.fit_classifier(model, DATA, epochs=1, progress="none", seed=1), DATA)
    assert any((a != b).any() for a, b in zip(before, statistics(model), strict=True))


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="compares with TensorFlow's tape"
)
def test_training_with_kept_statistics_is_that_of_keras_in_inference(fit):
    model, plain = normalised(), normalised()
    fit(model, DATA, train_norm=False, batch_size=24, learning_rate=0.1, epochs=2)
    loss = keras.losses.BinaryCrossentropy()
    optimizer = keras.optimizers.SGD(0.1)
    optimizer.build(plain.trainable_variables)
    import tensorflow as tf

    for _ in range(2):
        with tf.GradientTape() as tape:
            value = loss(CODES[:, None], plain(PIXELS, training=False))
        gradients = tape.gradient(value, plain.trainable_variables)
        optimizer.apply(gradients)
    same(model, plain, 1e-4)
    assert not np.allclose(model.get_weights()[0], normalised().get_weights()[0])


def test_a_stage_can_learn_them_again(fit):
    model = normalised()
    before = statistics(model)
    stages = [{"train": "all", "train_norm": False}, {"train": "all"}]
    seen = []

    def look(state):
        if state["done"]:
            seen.append(statistics(model))

    fit(model, DATA, stages=stages, progress=look)
    for old, new in zip(before, seen[0], strict=True):
        np.testing.assert_array_equal(old, new)
    assert any((a != b).any() for a, b in zip(before, seen[1], strict=True))
