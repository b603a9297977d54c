"""Models that do more than their layers do train as Keras itself would train them."""

import keras
import numpy as np
import pytest

from reticnn import (
    augmentation,
    feature_maps,
    find_learning_rate,
    image_arrays,
    predict_images,
    transfer_model,
)
from reticnn.graph import copy_of, graph_of, own_methods
from reticnn.training.frozen_prefix import NotSplitError, split_at_training


@pytest.fixture(scope="module")
def data():
    draw = np.random.default_rng(1)
    pixels = draw.integers(0, 256, (12, 8, 8, 3)).astype("uint8")
    return image_arrays(pixels, list("ab") * 6)


def _layers(*front, head=(), **frozen):
    """Return the input and the output of a network with a frozen convolution."""
    keras.utils.set_random_seed(3)
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    for layer in front:
        x = layer(x)
    x = keras.layers.Conv2D(4, 3, trainable=False, name="frozen", **frozen)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    for layer in head:
        x = layer(x)
    outputs = keras.layers.Dense(1, activation="sigmoid", name="last")(x)
    return inputs, outputs


class TwiceTheLoss(keras.Model):
    def compute_loss(self, *arguments, **named):
        return 2 * super().compute_loss(*arguments, **named)


class OwnStep(keras.Model):
    def train_step(self, *arguments):
        return super().train_step(*arguments)

    @property
    def metrics(self):
        return super().metrics


class Negated(keras.Model):
    def call(self, inputs, training=None, mask=None):
        return 1 - super().call(inputs, training=training, mask=mask)


class Configured(keras.Model):
    """A class of its own that computes nothing of its own."""

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.note = "mine"

    def get_config(self):
        return super().get_config()

    def describe(self):
        return self.note


def _both(fit, data, build, **settings):
    """Return the classifiers and notes of two runs, with features kept and without."""
    runs = []
    for cache in ("auto", "none"):
        notes = []
        classifier = fit(
            build(),
            data,
            cache_features=cache,
            progress=lambda state, notes=notes: notes.append(state.get("note")),
            **{"epochs": 2, "batch_size": 5, "validation": data[:4], **settings},
        )
        runs.append((classifier, notes[0] or ""))
    return runs


def _assert_same(runs):
    (kept, _), (plain, _) = runs
    for ours, theirs in zip(
        kept.model.get_weights(), plain.model.get_weights(), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert list(kept.history) == list(plain.history)
    for name, values in plain.history.items():
        assert kept.history[name] == pytest.approx(values, abs=1e-5), name


# What a bare graph is


def test_own_methods_are_found_in_classes_and_in_the_model_itself():
    inputs, outputs = _layers()
    assert own_methods(keras.Model(inputs, outputs)) == []
    assert own_methods(Configured(inputs, outputs)) == []
    assert own_methods(TwiceTheLoss(inputs, outputs)) == ["compute_loss"]
    assert own_methods(OwnStep(inputs, outputs)) == ["metrics", "train_step"]
    assert own_methods(Negated(inputs, outputs)) == ["call"]

    class Sequence(keras.Sequential):
        def call(self, inputs, **named):
            return super().call(inputs, **named) * 2

    sequence = Sequence([keras.Input((2,)), keras.layers.Dense(1)])
    assert own_methods(sequence) == ["call"] and graph_of(sequence) is None
    plain = keras.Model(inputs, outputs)
    plain.compile("sgd", "mse")
    assert own_methods(plain) == []
    plain.train_step = lambda data: {}
    assert own_methods(plain) == ["train_step"]


def test_graph_is_what_a_model_computes():
    inputs, outputs = _layers()
    for kind in (Configured, TwiceTheLoss, OwnStep):
        model = kind(inputs, outputs)
        assert graph_of(model) is model
    assert graph_of(Negated(inputs, outputs)) is None


# The feature cache


def test_own_loss_is_called_whatever_is_frozen(fit, data):
    runs = _both(fit, data, lambda: TwiceTheLoss(*_layers()))
    _assert_same(runs)
    assert "own `compute_loss`" in runs[0][1] and "each epoch" in runs[0][1]
    keras.utils.set_random_seed(3)
    once = fit(keras.Model(*_layers()), data, epochs=1, batch_size=12)
    twice = fit(TwiceTheLoss(*_layers()), data, epochs=1, batch_size=12)
    assert twice.history["loss"][0] == pytest.approx(2 * once.history["loss"][0])


@pytest.mark.slow
def test_class_that_computes_nothing_of_its_own_is_cached(fit, data):
    runs = _both(fit, data, lambda: Configured(*_layers()))
    _assert_same(runs)
    assert "computed once" in runs[0][1]


@pytest.mark.slow
def test_nested_model_computes_in_its_own_way(fit, data):
    def build():
        keras.utils.set_random_seed(3)
        inputs = keras.Input((8, 8, 3))
        x = keras.layers.Rescaling(1 / 255)(inputs)
        maps = keras.layers.Conv2D(4, 3)(inputs)
        inner = Negated(inputs, maps, name="inner")
        inner.trainable = False
        x = keras.layers.GlobalAveragePooling2D()(inner(x))
        return keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(x))

    runs = _both(fit, data, build)
    _assert_same(runs)
    assert "'inner' runs code that may draw" in runs[0][1]
    model = runs[0][0].model
    pixels = data.read(np.arange(4))
    scores = predict_images(model, pixels, scales=8)[".pred_class_2"]
    assert scores == pytest.approx(model.predict(pixels, verbose=0)[:, 0], abs=1e-5)


class Noise(keras.layers.Layer):
    """Draws without telling anybody."""

    def call(self, x):
        # JAX draws by seeds alone.
        seed = 1 if keras.backend.backend() == "jax" else None
        return x + keras.random.uniform(keras.ops.shape(x), seed=seed)


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (lambda: keras.layers.Lambda(lambda x: x * 2, name="front"), "runs code"),
        (lambda: Noise(name="front"), "runs code"),
        (lambda: keras.layers.Dropout(0.5, name="front"), "draws at random"),
        (lambda: keras.Sequential([Noise(name="front")]), "runs code"),
        (lambda: keras.layers.ActivityRegularization(1, name="front"), "the loss"),
        (lambda: keras.layers.BatchNormalization(name="front"), None),
    ],
)
def test_nothing_is_kept_behind_what_may_differ(layer, reason):
    with pytest.raises(NotSplitError) as caught:
        split_at_training(keras.Model(*_layers(layer())))
    assert caught.value.is_frozen is (reason is not None)
    if reason:
        assert "'front'" in str(caught.value) and reason in str(caught.value)


def test_a_wanted_cache_is_refused_with_the_reason(refused, fit, data):
    settings = {"augmentation": augmentation(flip="horizontal"), "cache_features": 2}
    model = keras.Model(*_layers(keras.layers.Lambda(lambda x: x, name="front")))
    with refused(ValueError, "cache_features", "2", "'front'"):
        fit(model, data, **settings)
    with refused(ValueError, "cache_features", "2", "own `metrics`, `train_step`"):
        fit(OwnStep(*_layers()), data, **settings)


def test_regularised_activity_of_frozen_layers_counts(fit, data):
    def build():
        return keras.Model(*_layers(activity_regularizer="l2", kernel_regularizer="l2"))

    runs = _both(fit, data, build)
    _assert_same(runs)
    assert "'frozen' counts in the loss" in runs[0][1]


def _compiled(**settings):
    def build():
        model = keras.Model(*_layers(head=[keras.layers.Dropout(0.5, seed=1)]))
        # Each model has metrics of its own: Keras would go on from another's state.
        given = {
            name: [part() if isinstance(part, type) else part for part in value]
            if name == "metrics"
            else value
            for name, value in settings.items()
        }
        model.compile(optimizer=keras.optimizers.SGD(0.1), **given)
        return model

    return build


@pytest.mark.parametrize(
    "settings",
    [
        {"loss": "binary_crossentropy"},
        {
            "loss": {"last": "binary_crossentropy"},
            "loss_weights": {"last": 3.0},
            "weighted_metrics": {"last": ["accuracy"]},
            "run_eagerly": True,
        },
        pytest.param(
            {
                "loss": keras.losses.BinaryCrossentropy(),
                "loss_weights": [0.5],
                "metrics": ["accuracy", keras.metrics.MeanSquaredError],
                "steps_per_execution": 2,
            },
            marks=pytest.mark.slow,
        ),
    ],
    ids=["no metrics", "by output", "by position"],
)
def test_compiled_model_is_cached_as_it_was_compiled(fit, data, settings):
    runs = _both(fit, data, _compiled(**settings), class_weight={"a": 1, "b": 3})
    _assert_same(runs)
    assert "computed once" in runs[0][1]
    assert ("accuracy" in runs[0][0].history) == ("metrics" in str(settings))


def test_rates_by_layer_are_those_of_the_whole_model(fit, data):
    def build():
        keras.utils.set_random_seed(3)
        inputs, maps = keras.Input((8, 8, 3)), keras.Input((8, 8, 4))

        def convolved(x, *names):
            for name in names:
                x = keras.layers.Conv2D(4, 3, padding="same", name=name)(x)
            return x

        x = keras.layers.Conv2D(4, 3, padding="same", trainable=False)(inputs)
        long = keras.Model(maps, convolved(maps, "one", "two"), name="long")
        short = keras.Model(maps, convolved(maps, "three"), name="short")
        x = keras.layers.Add()([long(x), short(x)])
        x = keras.layers.GlobalAveragePooling2D()(x)
        return keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(x))

    runs = _both(fit, data, build, layer_decay=0.3, epochs=1, learning_rate=1e-4)
    _assert_same(runs)
    assert "computed once" in runs[0][1]


def test_curvature_is_not_measured_of_another_loss(refused, fit, data):
    settings = {"optimizer": "levenberg_marquardt"}
    with refused(ValueError, "optimizer", "'levenberg_marquardt'", "`compute_loss()`"):
        fit(TwiceTheLoss(*_layers()), data, **settings)
    assert fit(Configured(*_layers()), data, **settings).epochs == 1


# Prediction and inspection


def test_own_call_is_not_bypassed(refused, data):
    model = Negated(*_layers())
    pixels = data.read(np.arange(2))
    with refused(ValueError, "scales", "own `call()`"):
        predict_images(model, pixels, scales=8, output="sigmoid")
    with refused(ValueError, "model", "own `call()`"):
        feature_maps(model, pixels, "frozen")
    with refused(ValueError, "backbone", "Negated", "own `call()`"):
        transfer_model(model, (8, 8, 3))

    class OwnPrediction(keras.Model):
        def predict_step(self, data):
            return super().predict_step(data) / 2

    halved = OwnPrediction(*_layers())
    with refused(ValueError, "scales", "own `predict_step()`"):
        predict_images(halved, pixels, scales=8, output="sigmoid")
    assert feature_maps(halved, pixels, "frozen")["frozen"].shape == (2, 6, 6, 4)


# Copies


def test_copy_is_of_the_same_class_with_the_same_weights(refused):
    model = TwiceTheLoss(*_layers())
    copy = copy_of(model)
    assert type(copy) is TwiceTheLoss
    for own, weight in zip(copy.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(own, weight)
    model.get_layer("last").bias.assign([1.0])
    assert float(copy.get_layer("last").bias[0]) == 0

    class Needing(keras.Model):
        def __init__(self, depth):
            super().__init__()
            self.layer = keras.layers.Dense(depth)

        def call(self, x):
            return self.layer(x)

    needing = Needing(2)
    needing(np.zeros((1, 3)))
    with refused(ValueError, "model", "Needing", "get_config()"):
        copy_of(needing)
    model.train_step = lambda data: {}
    with refused(ValueError, "model", "set on the model itself"):
        copy_of(model)


@pytest.mark.slow
def test_range_test_uses_the_models_own_loss(data):
    kinds = (keras.Model, TwiceTheLoss)
    first = [
        find_learning_rate(kind(*_layers()), data, steps=20, seed=1)["loss"][0]
        for kind in kinds
    ]
    assert first[1] == pytest.approx(2 * first[0], rel=1e-3)


class StepWithoutLoss(keras.Model):
    """A model whose step gives its loss another name."""

    def train_step(self, data):
        return {"total": super().train_step(data)["loss"]}


class TestWithoutLoss(keras.Model):
    """A model whose step in validation gives its loss another name."""

    __test__ = False

    def test_step(self, data):
        return {"total": super().test_step(data)["loss"]}


@pytest.mark.parametrize(
    ("kind", "method"),
    [(StepWithoutLoss, "train_step()"), (TestWithoutLoss, "test_step()")],
)
@pytest.mark.skipif(
    keras.backend.backend() == "jax", reason="steps have other arguments under JAX"
)
def test_step_that_gives_no_loss_is_named(refused, fit, data, kind, method):
    with refused(ValueError, "model", method, "'total'", "'loss'"):
        fit(kind(*_layers()), data, epochs=1, validation=data[:4])


class Unsaid(keras.Model):
    """A model with its own call, of which Keras does not say what it takes."""

    def __init__(self):
        super().__init__()
        self.pool = keras.layers.GlobalAveragePooling2D()
        self.top = keras.layers.Dense(2, activation="softmax")

    def call(self, images):
        return self.top(self.pool(images))


def test_model_that_does_not_say_what_it_takes_is_told_how(refused, fit, data):
    with refused(ValueError, "model", "Unsaid", "keras.Model(inputs, model(inputs))"):
        fit(Unsaid(), data)
    inputs = keras.Input((8, 8, 3))
    whole = keras.Model(inputs, Unsaid()(inputs))
    assert fit(whole, data, epochs=1, output="softmax").epochs == 1
    second = keras.Input((2,))
    both = keras.Model([inputs, second], whole.outputs[0] + second)
    with refused(ValueError, "model", "nothing else", "(None, 2)"):
        fit(both, data)


@pytest.mark.parametrize("named", ["lamb", "schedulefreeadamw"])
def test_optimizers_that_keras_has_are_found_by_name(fit, data, named):
    if not any(name.lower() == named for name in dir(keras.optimizers)):
        pytest.skip("this Keras does not have it")
    model = keras.Model(*_layers())
    fit(model, data, epochs=1, optimizer=named)
    assert type(model.optimizer).__name__.lower() == named
