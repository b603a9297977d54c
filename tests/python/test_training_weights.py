"""Weights of images in training, with Keras's `sample_weight` as the oracle."""

import keras
import numpy as np
import pytest

import reticnn
from reticnn import evaluate_classifier, fit_classifier, image_arrays
from reticnn.runtime.conditions import CheckpointError, SeenImagesWarning

RNG = np.random.default_rng(5)
PIXELS = RNG.integers(0, 256, (20, 8, 8, 3), "uint8")
CODES = np.arange(20) % 3
LABELS = np.array(["a", "b", "c"])[CODES]
WEIGHTS = np.round(RNG.uniform(0, 3, 20), 2)
WEIGHTS[[2, 7]] = 0


def dense(units=3, activation="softmax"):
    """Return a model of one layer, the same each time."""
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    start = keras.initializers.GlorotUniform(seed=1)
    outputs = keras.layers.Dense(units, activation, kernel_initializer=start)(x)
    return keras.Model(inputs, outputs)


def data_of(chosen=slice(None), weights=WEIGHTS):
    """Return the images as data, or some of them."""
    weights = None if weights is None else weights[chosen]
    return image_arrays(
        PIXELS[chosen], LABELS[chosen], class_names=list("abc"), weights=weights
    )


def by_keras(model, weights, validation=None, epochs=2):
    """Train on the whole of the images at once, and return the history."""
    loss = keras.losses.SparseCategoricalCrossentropy()
    model.compile(keras.optimizers.SGD(0.5), loss, metrics=["accuracy"])
    fitted = model.fit(
        PIXELS,
        CODES,
        batch_size=20,
        epochs=epochs,
        shuffle=False,
        sample_weight=weights,
        validation_data=validation,
        verbose=0,
    )
    return fitted.history


SETTINGS = {"epochs": 2, "batch_size": 20, "learning_rate": 0.5, "optimizer": "sgd"}


def test_weights_of_images_are_the_sample_weights_of_keras(fit):
    model, plain = dense(), dense()
    # Other images, of which Keras gives the loss and the accuracy as it does.
    held_out = data_of(slice(0, 12), WEIGHTS[::-1])
    other = image_arrays(
        255 - PIXELS[:12],
        LABELS[:12],
        class_names=list("abc"),
        weights=held_out.weights,
    )
    classifier = fit(model, data_of(), validation=other, **SETTINGS)
    wanted = by_keras(
        plain, WEIGHTS, (255 - PIXELS[:12], CODES[:12], np.array(other.weights))
    )
    for one, same in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(one, same, rtol=1e-4, atol=1e-6)
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        assert classifier.history[name] == pytest.approx(wanted[name], rel=1e-4)
    unweighted = dense()
    fit(unweighted, data_of(weights=None), **SETTINGS)
    assert not np.allclose(unweighted.get_weights()[0], model.get_weights()[0])


def test_a_weight_of_2_is_that_of_two_copies(fit):
    twice, copied = dense(), dense()
    weights = np.where(np.arange(20) < 5, 2.0, 1.0)
    fit(twice, data_of(weights=weights), **SETTINGS)
    chosen = np.r_[np.arange(5), np.arange(20)]
    rate = 0.5 * 25 / 20  # The loss is a mean over 25 images, not 20.
    settings = {**SETTINGS, "batch_size": 25, "learning_rate": rate}
    fit(copied, data_of(weights=None)[chosen], **settings)
    for one, same in zip(twice.get_weights(), copied.get_weights(), strict=True):
        np.testing.assert_allclose(one, same, rtol=1e-4, atol=1e-6)


def test_weights_of_images_and_of_classes_are_multiplied(fit):
    model, plain = dense(), dense()
    of_classes = {"a": 1.0, "b": 5.0, "c": 0.25}
    fit(model, data_of(), class_weight=of_classes, **SETTINGS)
    by_keras(plain, WEIGHTS * np.array(list(of_classes.values()))[CODES])
    for one, same in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(one, same, rtol=1e-4, atol=1e-6)


def test_balanced_classes_have_the_same_total_weight(fit):
    model, plain = dense(), dense()
    fit(model, data_of(), class_weight="balanced", **SETTINGS)
    totals = np.bincount(CODES, WEIGHTS)
    weights = WEIGHTS * (WEIGHTS.sum() / 3 / totals)[CODES]
    assert np.bincount(CODES, weights) == pytest.approx([weights.sum() / 3] * 3)
    by_keras(plain, weights)
    for one, same in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(one, same, rtol=1e-4, atol=1e-6)


def test_a_mixed_image_has_the_weights_of_both(fit):
    data = data_of()
    of_none = fit(dense(), data, mixup=0.4, learning_rate=1e-9, batch_size=20)
    # With a weight of 1 for all, mixing changes no weight.
    ones = data_of(weights=np.ones(20))
    plain = fit(dense(), ones, mixup=0.4, learning_rate=1e-9, batch_size=20)
    without = fit(
        dense(), data_of(weights=None), mixup=0.4, learning_rate=1e-9, batch_size=20
    )
    assert plain.history["loss"] == pytest.approx(without.history["loss"])
    assert of_none.history["loss"] != pytest.approx(plain.history["loss"], rel=0.01)


@pytest.mark.skipif(
    keras.backend.backend() == "jax", reason="JAX computes no loss step by step"
)
def test_weights_do_not_depend_on_the_batch_or_the_order(fit):
    """One image per batch, so that each step is of one image's loss."""
    seen = []

    class Model(keras.Model):
        def compute_loss(self, x, y, y_pred, sample_weight, **options):
            seen.extend(
                zip(
                    keras.ops.convert_to_numpy(x)[:, 0, 0, 0].tolist(),
                    keras.ops.convert_to_numpy(sample_weight).tolist(),
                    strict=True,
                )
            )
            return super().compute_loss(x, y, y_pred, sample_weight, **options)

    pixels = np.arange(9, dtype="u1")[:, None, None, None] * np.ones((8, 8, 3), "u1")
    weights = np.arange(9) / 2
    data = image_arrays(pixels, LABELS[:9], weights=weights)
    for batch_size in (1, 4, 32):
        plain = dense()
        model = Model(plain.inputs, plain.outputs)
        model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
        seen.clear()
        fit(model, data, batch_size=batch_size)
        # Under torch, Keras tries a model with ones before it trains it.
        of_images = sorted(pair for pair in seen if pair != (1, 1))
        assert of_images == [(n, n / 2) for n in range(9)]


def test_evaluation_counts_every_image_once(fit):
    classifier = fit(dense(), data_of())
    with pytest.warns(SeenImagesWarning):
        weighted, plain = (
            evaluate_classifier(classifier, data_of(weights=weights), progress="none")
            for weights in (WEIGHTS, None)
        )
    assert str(weighted) == str(plain)


def test_a_run_with_other_weights_is_another_run(fit, tmp_path):
    model = dense()
    fit(model, data_of(), checkpoint_dir=tmp_path, epochs=1)
    for weights in (None, WEIGHTS + 1):
        with pytest.raises(CheckpointError, match="other weights of images"):
            fit(dense(), data_of(weights=weights), checkpoint_dir=tmp_path, epochs=1)
    again = fit(dense(), data_of(), checkpoint_dir=tmp_path, epochs=1)
    np.testing.assert_array_equal(again.model.get_weights()[0], model.get_weights()[0])


def test_images_of_no_weight_teach_nothing(fit, refused):
    none = np.zeros(20)
    with refused(ValueError, "data", "all of weight 0"):
        fit(dense(), data_of(weights=none))
    with refused(ValueError, "validation", "all of weight 0"):
        fit(dense(), data_of(), validation=data_of(weights=none))
    only_two = np.where(CODES == 1, 0.0, 1.0)
    with pytest.warns(
        UserWarning, match="no image with a weight of 1 of 3 classes: 'b"
    ):
        fit(dense(), data_of(weights=only_two), class_weight="balanced")


def test_labels_of_images_without_weight_do_not_count(fit):
    weights = np.where(np.arange(20) < 15, 1.0, 0.0)
    wrong = LABELS.copy()
    wrong[15:] = "a"
    models = [dense(), dense()]
    for model, labels in zip(models, (LABELS, wrong), strict=True):
        fit(model, image_arrays(PIXELS, labels, weights=weights), **SETTINGS)
    np.testing.assert_array_equal(*(model.get_weights()[0] for model in models))


@pytest.mark.parametrize("kind", ["sigmoid", "distances"])
def test_every_kind_of_output_is_weighted(fit, kind):
    labels = LABELS == "a"
    if kind == "distances":
        model = reticnn.landmark_model(
            "lenet5", (32, 32, 1), 2, prototypes=np.sign(RNG.normal(size=(2, 84)))
        )
        pixels = np.repeat(np.repeat(PIXELS[..., :1], 4, 1), 4, 2)
    else:
        model, pixels = dense(1, "sigmoid"), PIXELS
    one, ten = (
        image_arrays(pixels, labels.astype(int), weights=np.full(20, weight))
        for weight in (1.0, 10.0)
    )
    losses = [
        fit_classifier(
            model, data, epochs=1, learning_rate=1e-12, progress="none", fresh=fresh
        ).history["loss"][0]
        for data, fresh in ((one, False), (ten, True))
    ]
    assert losses[1] == pytest.approx(10 * losses[0], rel=1e-3)
