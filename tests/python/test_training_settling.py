"""Running statistics of batch normalisation: those of the weights that are left."""

import numpy as np
import pytest

from reticnn import (
    augmentation,
    build_cnn,
    dense_block,
    evaluate_classifier,
    fit_classifier,
    residual_block,
    separable_block,
    shape_images,
    transition_block,
)
from reticnn.data.resizing import fitted
from reticnn.layers.inference import InferenceModel
from reticnn.outputs import probabilities
from reticnn.runtime.backend import keras
from reticnn.runtime.keras_internals import random_states
from reticnn.training.batches import ImageBatches

layers = keras.layers
IMAGES = shape_images(60, image_size=16, seed=1)
OTHERS = shape_images(40, image_size=16, seed=2)
PIXELS = IMAGES.read(np.arange(60))


def network(**options):
    settled = {"filters": 2, "n_blocks": 1, "units": 4, "batch_norm": True, "seed": 1}
    return build_cnn((16, 16, 3), **{**settled, **options})


def trained(model=None, **options):
    settled = {"epochs": 1, "seed": 1, "progress": "none"}
    model = model or network()
    if not model.compiled:
        settled["optimizer"] = "sgd"
    return fit_classifier(model, IMAGES, **{**settled, **options})


def ends(x):
    return layers.Dense(1, activation="sigmoid")(layers.GlobalAveragePooling2D()(x))


def in_one_batch(model, pixels=PIXELS):
    """Return the outputs where the images' own means and variances are used."""
    weights = model.get_weights()
    outputs = keras.ops.convert_to_numpy(model(pixels, training=True))
    model.set_weights(weights)
    return outputs


def assert_settled(model, reference=None):
    np.testing.assert_allclose(
        model.predict(PIXELS, verbose=0), in_one_batch(reference or model), atol=1e-3
    )


def normalisations(model):
    kind = layers.BatchNormalization
    return [layer for layer in model.layers if isinstance(layer, kind)]


def same(arrays, others):
    pairs = zip(arrays, others, strict=True)
    return all(np.array_equal(one, other) for one, other in pairs)


def assert_history_is_what_evaluation_finds(classifier):
    losses = classifier.history["val_loss"]
    scores = evaluate_classifier(classifier, OTHERS, progress="none")
    assert scores["loss"] == pytest.approx(losses[classifier.kept_epoch - 1], rel=1e-3)


def test_inference_is_as_with_all_images_in_one_batch():
    model = trained(network(n_blocks=2), batch_size=20, optimizer="adam").model
    assert_settled(model)


def test_batches_count_by_their_images():
    start = keras.Input((None, None, 3))
    norm = layers.BatchNormalization(momentum=0.9)
    model = keras.Model(start, ends(norm(layers.Rescaling(1 / 255)(start))))
    # Of an open size, in batches of one image more or less.
    fit_classifier(model, IMAGES[:11], epochs=1, batch_size=3, progress="none", seed=1)
    pixels = PIXELS[:11] / 255
    np.testing.assert_allclose(norm.moving_mean, pixels.mean((0, 1, 2)), rtol=1e-5)
    np.testing.assert_allclose(norm.moving_variance, pixels.var((0, 1, 2)), rtol=1e-4)


@pytest.mark.slow
def test_images_are_those_of_inference_where_training_changes_them():
    policy = augmentation(crop=(16, 16), gaussian_noise=0.1)
    larger = shape_images(40, image_size=20, seed=1)
    normalised = layers.BatchNormalization(center=False, scale=False)
    inputs = keras.Input((16, 16, 3))
    model = keras.Model(inputs, ends(normalised(inputs)))
    fit_classifier(
        model, larger, augmentation=policy, mixup=0.3, epochs=1, progress="none"
    )
    resized = np.stack(
        [fitted(image, (16, 16), "stretch") for image in larger.read(np.arange(40))]
    )
    np.testing.assert_allclose(
        normalised.moving_mean, resized.mean((0, 1, 2)), rtol=1e-4
    )


def test_weights_are_trained_as_by_keras_itself():
    ours = trained(validation=OTHERS, batch_size=20, learning_rate=0.1).model
    theirs = network()
    theirs.compile(keras.optimizers.SGD(0.1), keras.losses.BinaryCrossentropy())
    batches = ImageBatches(IMAGES, 20, 1)
    for number in range(3):
        theirs.train_on_batch(*batches[number])
    for one, other in zip(
        ours.trainable_weights, theirs.trainable_weights, strict=True
    ):
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(one),
            keras.ops.convert_to_numpy(other),
            atol=1e-6,
        )


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"early_stopping": 1, "epochs": 3},
        {"ema": 0.5},
        {"mixed_precision": True},
        {"augmentation": augmentation(flip="horizontal")},
    ],
)
def test_validation_early_on_is_with_settled_statistics(options):
    assert_history_is_what_evaluation_finds(trained(validation=OTHERS, **options))


def test_validation_leaves_training_and_random_states_alone():
    alone = trained(network(dropout=0.3))
    watched = trained(network(dropout=0.3), validation=OTHERS)
    assert same(alone.model.get_weights(), watched.model.get_weights())
    assert same(random_states(alone.model), random_states(watched.model))
    assert_history_is_what_evaluation_finds(watched)


def frozen_start():
    """Return a model with a frozen beginning and normalisation after it."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(3, 3, trainable=False)(layers.Rescaling(1 / 255)(inputs))
    x = layers.BatchNormalization(trainable=False, name="kept")(x)
    x = layers.BatchNormalization()(layers.Conv2D(2, 3)(x))
    return keras.Model(inputs, ends(x))


def test_frozen_statistics_stay_and_a_cache_makes_no_difference():
    model = frozen_start()
    kept = model.get_layer("kept").get_weights()
    cached = trained(model, validation=OTHERS)
    anew = trained(frozen_start(), validation=OTHERS, cache_features="none")
    assert same(model.get_layer("kept").get_weights(), kept)
    assert_history_is_what_evaluation_finds(cached)
    assert_settled(model)
    weights = zip(cached.model.get_weights(), anew.model.get_weights(), strict=True)
    for one, other in weights:
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_each_layer_has_the_statistics_of_its_uses_in_training():
    inputs = keras.Input((16, 16, 3))
    plain = layers.BatchNormalization(center=False, scale=False)
    inner = InferenceModel(inputs, plain(inputs))
    shared = layers.BatchNormalization(center=False, scale=False)
    doubled = layers.Rescaling(2.0, offset=10.0)(inputs)
    x = layers.Add()([inner(inputs), shared(inputs), shared(doubled)])
    trained(keras.Model(inputs, ends(x)))
    assert not np.any(plain.moving_mean)
    both = np.concatenate([PIXELS, 2.0 * PIXELS + 10.0])
    np.testing.assert_allclose(shared.moving_mean, both.mean((0, 1, 2)), rtol=1e-3)
    np.testing.assert_allclose(shared.moving_variance, both.var((0, 1, 2)), rtol=1e-3)


@keras.saving.register_keras_serializable("test_settling")
class Composite(layers.Layer):
    """A layer made of others, one of them batch normalisation."""

    def __init__(self, **options):
        super().__init__(**options)
        self.dense = layers.Dense(4)
        self.norm = layers.BatchNormalization()

    def build(self, input_shape):
        self.dense.build(input_shape)
        self.norm.build((*input_shape[:-1], 4))

    def call(self, inputs):
        return self.norm(self.dense(inputs))


class OwnStep(keras.Model):
    """A model with a training step of its own."""

    def train_step(self, *arguments):
        return super().train_step(*arguments)


def test_layers_inside_layers_and_own_steps_are_settled_too():
    inputs = keras.Input((16, 16, 3))
    x = layers.GlobalAveragePooling2D()(layers.Rescaling(1 / 255)(inputs))
    dropout = layers.Dropout(0.2)
    x = layers.Dense(1, activation="sigmoid")(Composite()(dropout(x)))
    model = trained(OwnStep(inputs, x)).model
    # Inference drops nothing, so the statistics are of what is not dropped.
    dropout.rate = 0.0
    assert_settled(model)


@pytest.mark.slow
def test_run_that_goes_on_from_a_checkpoint_has_the_same_statistics(tmp_path):
    trained(checkpoint_dir=tmp_path, validation=OTHERS)
    resumed = trained(checkpoint_dir=tmp_path, validation=OTHERS, epochs=2)
    again = trained(checkpoint_dir=tmp_path, validation=OTHERS, epochs=2)
    in_one_go = trained(validation=OTHERS, epochs=2)
    assert same(resumed.model.get_weights(), in_one_go.model.get_weights())
    assert same(again.model.get_weights(), in_one_go.model.get_weights())
    assert resumed.history == in_one_go.history


@pytest.mark.skipif(
    keras.backend.backend() == "jax", reason="such a rate gives no NaN under JAX"
)
def test_nothing_is_settled_where_nothing_was_trained():
    model = network()
    before = model.get_weights()
    with pytest.warns(UserWarning, match="NaN"):
        trained(model, learning_rate=1e30)
    assert same(model.get_weights(), before)


def test_our_normalisations_have_the_papers_momentum():
    x = inputs = keras.Input((32, 32, 3))
    for block in (residual_block, separable_block, dense_block, transition_block):
        x = block(x)
    for model in (keras.Model(inputs, x), network()):
        assert {layer.momentum for layer in normalisations(model)} == {0.9}


@pytest.mark.slow
def test_evaluation_of_training_images_is_that_of_their_batches():
    data = shape_images(60, seed=1)
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(8, 3),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.MaxPooling2D(4),
            layers.Conv2D(16, 3),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    classifier = fit_classifier(
        model, data, epochs=10, seed=1, progress="none", learning_rate=0.01
    )
    outputs = in_one_batch(model, data.read(np.arange(60)))
    batchwise = probabilities(model, "sigmoid", outputs).argmax(axis=1) == data.codes
    assert batchwise.mean() > 0.7
    scores = evaluate_classifier(classifier, data, progress="none")
    assert abs(scores["accuracy"] - batchwise.mean()) <= 0.02
