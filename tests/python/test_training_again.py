"""Training a model again: with what it goes on, and what begins anew."""

import warnings

import keras
import numpy as np
import pytest

import reticnn
from reticnn.runtime.keras_internals import rate_or_schedule

TINY = {"n_blocks": 1, "filters": 2, "units": 4, "seed": 1}


@pytest.fixture(scope="module")
def images():
    """Return a few images of two classes."""
    return reticnn.shape_images(24, image_size=8, seed=1)


@pytest.fixture
def train(images):
    """Train quietly; what is said of trained models is tested elsewhere."""

    def run(model, data=images, **settings):
        settled = {"epochs": 1, "batch_size": 8, "progress": "none", "seed": 1}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return reticnn.fit_classifier(model, data, **{**settled, **settings})

    return run


def tiny(num_classes=2, **settings):
    """Build a very small model."""
    return reticnn.build_cnn((8, 8, 3), num_classes, **{**TINY, **settings})


def rates_of(model, first, count):
    """Return the learning rates of some steps."""
    schedule = rate_or_schedule(model.optimizer)
    return [float(schedule(step)) for step in range(first, first + count)]


def test_the_same_call_goes_on_and_its_schedule_begins_anew(train):
    settings = {
        "optimizer": "sgd",
        "learning_rate": 0.1,
        "schedule": "cosine",
        "warmup_epochs": 1,
        "epochs": 2,
    }
    model = tiny()
    train(model, **settings)
    first = rates_of(model, 0, 6)
    optimizer = model.optimizer
    train(model, **settings)
    assert model.optimizer is optimizer
    assert int(optimizer.iterations) == 12
    assert rates_of(model, 6, 6) == pytest.approx(first)
    # Three steps from 0 upwards, then half a cosine: three rates by hand.
    assert first[:4] == pytest.approx([0.025, 0.05, 0.075, 0.1])
    assert first[5] == pytest.approx(0.1 * (1 + np.cos(np.pi * 2 / 3)) / 2)
    # No warm-up and no fall where the next call asks for none.
    train(model)
    assert rates_of(model, 12, 3) == pytest.approx([0.1] * 3)


def test_each_call_says_optimizer_and_loss_of_a_model_compiled_here(train):
    model = tiny(3)
    data = reticnn.shape_images(24, 3, image_size=8, seed=1)
    train(model, data, optimizer="sgd")
    train(model, data, optimizer="adam", weight_decay=0.01, ema=0.9)
    adam = model.optimizer
    assert isinstance(adam, keras.optimizers.Adam)
    assert (adam.weight_decay, adam.use_ema) == (0.01, True)
    assert int(adam.iterations) == 3
    train(model, data, mixup=0.2, ema=0.9)
    assert model.optimizer is adam
    assert model.loss.name == "categorical_crossentropy"
    train(model, data, label_smoothing=0.1)
    assert model.loss.label_smoothing == 0.1
    # Averages that nobody asks for are not kept; the weight decay is the model's own.
    assert (model.optimizer.use_ema, model.optimizer.weight_decay) == (False, 0.01)
    # What else the optimizer has found out is.
    assert int(model.optimizer.iterations) == 9
    train(model, data)
    assert model.loss.name == "sparse_categorical_crossentropy"
    given = keras.optimizers.SGD(0.1, momentum=0.9)
    train(model, data, optimizer=given)
    assert model.optimizer is given
    # For another model, the object says the settings and not the state.
    other = tiny(3)
    train(other, data, optimizer=given)
    assert other.optimizer is not given
    assert other.optimizer.momentum == 0.9


def test_a_model_that_the_user_compiles_keeps_its_own(train, refused):
    model = tiny()
    train(model)
    own = keras.optimizers.SGD(0.1)
    model.compile(own, "binary_crossentropy")
    for name, value in {"optimizer": "adam", "ema": 0.9, "weight_decay": 0.1}.items():
        with refused(ValueError, name, "already compiled"):
            train(model, **{name: value})
    train(model, optimizer=own)
    assert model.optimizer is own


def test_averages_are_kept_however_training_ends(train):
    settings = {"optimizer": "sgd", "learning_rate": 0.3, "ema": 0.9}
    average, averages, raw = None, [], []

    def follow(weights):
        # By the definition: nothing but the weights at first, then a tenth of the new.
        nonlocal average
        pairs = weights if average is None else zip(average, weights, strict=True)
        average = weights if average is None else [0.9 * a + 0.1 * w for a, w in pairs]
        averages.append(average)
        raw.append(weights)

    # One step per epoch, and the same run without averages: its weights are the raw.
    whole = {**settings, "ema": None, "batch_size": 24}
    for epochs in range(1, 5):
        follow(train(tiny(), epochs=epochs, **whole).model.get_weights())
    settings["batch_size"] = 24

    def stop(state):
        if state["epoch"] == 3:
            raise KeyboardInterrupt

    early = train(tiny(), epochs=4, early_stopping=9, **settings)
    cut = train(tiny(), epochs=4, progress=stop, **settings)
    assert cut.epochs == 2
    ends = [(early, early.kept_epoch), (cut, 3)]
    for fitted, epoch in ends:
        got = fitted.model.get_weights()
        for ours, by_hand in zip(got, averages[epoch - 1], strict=True):
            np.testing.assert_allclose(ours, by_hand, atol=1e-5)
    assert any(
        np.abs(a - r).max() > 1e-3 for a, r in zip(averages[2], raw[2], strict=True)
    )
    # Further averages begin with the weights that were kept.
    before = early.model.get_weights()
    train(early, epochs=1, **{**settings, "learning_rate": 1e-9})
    for ours, kept in zip(early.model.get_weights(), before, strict=True):
        np.testing.assert_allclose(ours, kept, atol=1e-6)


def test_measures_of_an_epoch_are_of_that_epoch_alone(train, images):
    stages = [{"train": "head", "epochs": 1}, {"train": "all", "epochs": 1}]
    history = train(tiny(), stages=stages, learning_rate=0.5).history
    # Features are kept in the first stage; a share of 24 images is a whole number.
    shares = np.array(history["accuracy"]) * 24
    np.testing.assert_allclose(shares, shares.round(), atol=1e-4)
    alone = train(tiny(), stages=stages, learning_rate=0.5, cache_features="none")
    assert history["accuracy"] == pytest.approx(alone.history["accuracy"])


@pytest.mark.parametrize("way", ["stages", "freeze"])
def test_the_optimizers_state_is_saved_whatever_was_trained(train, tmp_path, way):
    if way == "stages":
        stages = [{"train": "head"}, {"train": "all", "learning_rate": 0.1}]
        fitted = train(tiny(), schedule="cosine", stages=stages)
    else:
        fitted = train(tiny(), learning_rate=0.1)
        fitted = train(reticnn.freeze(fitted, 2), schedule="cosine")
    path = reticnn.save_classifier(fitted, tmp_path / "it.reticnn")
    with warnings.catch_warnings():
        # Keras warns where it cannot take up the state.
        warnings.simplefilter("error", UserWarning)
        loaded = reticnn.load_classifier(path)
    ours, theirs = (
        [keras.ops.convert_to_numpy(v) for v in made.model.optimizer.variables]
        for made in (fitted, loaded)
    )
    assert len(ours) == 2 + 2 * len(fitted.model.trainable_variables) - 1
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other)
    again = train(loaded, optimizer="sgd")
    assert again.model.optimizer.name.lower().startswith("sgd")


def test_epochs_without_a_stage_or_without_validation_have_none(train, images):
    first = train(tiny(), stages=[{}, {}], validation=images)
    further = train(first)
    assert further.history["stage"] == [1, 2, None]
    assert "val_" not in repr(further)
    assert ", loss 0." in repr(further)
    assert "val_loss 0." in repr(train(further, validation=images))


# Optimizers of the user's own


def decaying(rate=0.5):
    return keras.optimizers.schedules.ExponentialDecay(rate, 1, 0.5)


def compiled(optimizer):
    model = tiny(3)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    return model


@pytest.fixture(scope="module")
def three():
    """Return a few images of three classes."""
    return reticnn.shape_images(24, 3, image_size=8, seed=1)


def test_rate_takes_the_place_of_the_users_schedule(train, three):
    wanted = tiny(3)
    train(wanted, three, optimizer="sgd", learning_rate=0.01)
    by_user = compiled(keras.optimizers.SGD(decaying()))
    train(by_user, three, learning_rate=0.01)
    given = tiny(3)
    train(given, three, optimizer=keras.optimizers.SGD(decaying()), learning_rate=0.01)
    for model in (by_user, given):
        for one, other in zip(model.get_weights(), wanted.get_weights(), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-6)
    kept = compiled(keras.optimizers.SGD(decaying()))
    train(kept, three)
    assert float(kept.optimizer.learning_rate) == pytest.approx(0.5**4)


def test_schedule_of_an_optimizer_that_accumulates_begins_where_it_is(train, three):
    optimizer = keras.optimizers.SGD(0.1, gradient_accumulation_steps=2)
    model = tiny(3)
    rates = []

    def note(state):
        if keras.backend.backend() == "jax":
            # Where Keras keeps what an optimizer knows until the epoch is over.
            model.jax_state_sync()
        rates.append(float(optimizer.learning_rate))

    train(model, three, optimizer=optimizer, epochs=2)
    train(model, three, epochs=2, schedule="cosine", progress=note)
    assert rates_of(model, 6, 1) == pytest.approx([0.1])
    assert rates[-1] == pytest.approx(0, abs=1e-7)
    assert max(rates) > 0.05


class Harmonic(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule that Keras could not save."""

    def __call__(self, step):
        return 0.1 / (1.0 + keras.ops.cast(step, "float32"))


def test_schedule_that_keras_cannot_save_is_followed(train, three, tmp_path):
    model = compiled(keras.optimizers.SGD(Harmonic()))
    before = model.get_weights()
    train(model, three, checkpoint_dir=tmp_path)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.1 / 4)
    after = model.get_weights()
    train(model, three, stages=[{"train": "head"}, {"train": "all"}])
    assert isinstance(rate_or_schedule(model.optimizer), Harmonic)
    train(model, three, fresh=True)
    for one, other in zip(model.get_weights(), after, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    assert not np.allclose(before[0], after[0])


def test_fresh_training_has_the_optimizer_compiled_last(train, three):
    model = compiled(keras.optimizers.SGD(0.25))
    train(model, three)
    model.compile(keras.optimizers.Adam(0.125), "sparse_categorical_crossentropy")
    train(model, three)
    assert int(model.optimizer.iterations) == 3
    train(model, three, fresh=True)
    assert isinstance(model.optimizer, keras.optimizers.Adam)
    assert float(model.optimizer.learning_rate) == 0.125
    assert int(model.optimizer.iterations) == 3


def test_optimizer_given_again_begins_anew_with_the_weights(train, three):
    optimizer = keras.optimizers.Adam(0.01)
    model = tiny(3)
    train(model, three, optimizer=optimizer)
    first = model.get_weights()
    train(model, three, optimizer=optimizer, fresh=True)
    for one, other in zip(model.get_weights(), first, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_weights_changed_by_other_means_are_said_to_stay(three):
    model = tiny(3)
    conv = next(layer for layer in model.layers if layer.weights)
    conv.trainable = False
    settings = {"epochs": 1, "progress": "none", "seed": 1}
    reticnn.fit_classifier(model, three, **settings)
    conv.set_weights([weight + 1 for weight in conv.get_weights()])
    with pytest.warns(UserWarning, match="changed by other means"):
        reticnn.fit_classifier(model, three, fresh=True, **settings)


class OnlyMine(keras.optimizers.SGD):
    """An optimizer that does not say how it is made."""

    def __init__(self, secret):
        super().__init__(0.1)


def test_optimizer_that_cannot_be_made_again_is_named(refused, three):
    model = compiled(OnlyMine(1))
    with refused(ValueError, "optimizer", "OnlyMine", "get_config()"):
        reticnn.fit_classifier(
            model,
            three,
            epochs=1,
            progress="none",
            stages=[{"train": "head"}, {"train": "all"}],
        )
