import keras
import numpy as np
import pytest

from reticnn import fit_classifier, image_arrays
from reticnn.training.batches import ImageBatches
from reticnn.training.mixing import Mixing

MIXES = [{"mixup": 0.4}, {"cutmix": 1.0}, {"mixup": 0.4, "cutmix": 1.0}]
WEIGHTS = {"a": 1.0, "b": 5.0, "c": 0.25}


def random_images(classes):
    """Return 20 images of noise of 2 or 3 classes."""
    pixels = np.random.default_rng(3).integers(0, 256, (20, 8, 8, 3), "uint8")
    return image_arrays(pixels, np.array(["a", "b", "c"])[np.arange(20) % classes])


def dense(units, activation=None):
    """Return a model of one layer."""
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    start = keras.initializers.GlorotUniform(seed=1)
    dense = keras.layers.Dense(units, activation, kernel_initializer=start)
    return keras.Model(inputs, dense(x))


def mixed_batches(data, targets, mixup=0.0, cutmix=0.0, class_weight=None):
    """Return the batches of the epoch that training with the seed 1 begins with."""
    weights = class_weight and np.array(list(class_weight.values()), "float32")
    batches = ImageBatches(
        data,
        8,
        1,
        targets=np.array(targets, "float32"),
        weights=None if weights is None else weights[data.codes],
        mixing=Mixing(mixup, cutmix),
    )
    return [batches[number] for number in range(len(batches))]


@pytest.mark.parametrize("mixes", MIXES, ids=str)
def test_weight_of_a_mixed_image_is_that_of_its_parts(mixes):
    classes = np.eye(3)
    batches = mixed_batches(random_images(3), classes, class_weight=WEIGHTS, **mixes)
    targets = np.concatenate([batch[1] for batch in batches])
    weights = np.concatenate([batch[2] for batch in batches])
    assert ((targets > 0) & (targets < 1)).any()
    np.testing.assert_allclose(weights, targets @ list(WEIGHTS.values()), rtol=1e-5)


@pytest.mark.parametrize("mixes", MIXES, ids=str)
def test_loss_of_mixed_images_is_weighted_as_they_are(fit, mixes):
    data = random_images(3)
    model = dense(3, "softmax")
    batches = mixed_batches(data, np.eye(3), **mixes)
    # Of the mixed cross-entropy each part has its own class's weight.
    losses, count = 0, 0
    for images, targets in batches:
        losses += (
            (targets @ list(WEIGHTS.values()))
            * -np.sum(targets * np.log(model.predict_on_batch(images)), axis=1)
        ).sum()
        count += len(images)
    trained = fit(
        model, data, batch_size=8, learning_rate=1e-9, class_weight=WEIGHTS, **mixes
    )
    assert trained.history["loss"] == pytest.approx([losses / count], rel=1e-4)


def accuracy_of(outputs, targets):
    """Return how often outputs name the class that images are mostly of."""
    if targets.shape[1] == 1:
        return np.mean((outputs > 0.5) == (targets > 0.5))
    return np.mean(outputs.argmax(axis=1) == targets.argmax(axis=1))


@pytest.mark.parametrize("mixes", MIXES, ids=str)
@pytest.mark.parametrize(
    ("units", "compiled"),
    [
        (1, None),
        (1, "accuracy"),
        (1, keras.metrics.BinaryAccuracy),
        (2, None),
        (2, "accuracy"),
    ],
)
def test_accuracy_is_that_of_the_class_an_image_is_mostly_of(
    fit, units, compiled, mixes
):
    data = random_images(2)
    model = dense(units, "sigmoid" if units == 1 else "softmax")
    if compiled:
        metric = compiled if compiled == "accuracy" else compiled("accuracy")
        loss = ("binary" if units == 1 else "categorical") + "_crossentropy"
        model.compile("sgd", loss, metrics=[metric])
    batches = mixed_batches(data, [[0], [1]] if units == 1 else np.eye(2), **mixes)
    outputs = np.concatenate([model.predict_on_batch(batch[0]) for batch in batches])
    wanted = accuracy_of(outputs, np.concatenate([batch[1] for batch in batches]))
    assert 0.2 < wanted < 0.8
    trained = fit(model, data, batch_size=8, learning_rate=1e-9, **mixes)
    assert trained.history["accuracy"] == pytest.approx([wanted])


def test_measures_of_mixed_images_are_keras_own_of_their_main_classes(fit):
    data = random_images(2)
    model = dense(1, "sigmoid")
    kinds = (keras.metrics.AUC, keras.metrics.Precision, keras.metrics.Recall)
    model.compile("sgd", "binary_crossentropy", metrics=[kind() for kind in kinds])
    batches = mixed_batches(data, [[0], [1]], mixup=0.4)
    wanted = {kind().name.split("_")[0]: kind() for kind in kinds}
    for images, targets in batches:
        for metric in wanted.values():
            metric.update_state(targets > 0.5, model.predict_on_batch(images))
    trained = fit(model, data, batch_size=8, learning_rate=1e-9, mixup=0.4)
    for name, metric in wanted.items():
        (measured,) = (v for k, v in trained.history.items() if k.startswith(name))
        assert measured == pytest.approx([float(metric.result())], abs=1e-4)


def test_model_trained_on_whole_images_goes_on_with_mixed_ones_and_back(fit):
    data = random_images(2)
    first = fit(dense(1, "sigmoid"), data, batch_size=8, learning_rate=1e-9)
    batches = mixed_batches(data, [[0], [1]], mixup=0.4)
    outputs = [first.model.predict_on_batch(batch[0]) for batch in batches]
    targets = [batch[1] for batch in batches]
    wanted = accuracy_of(np.concatenate(outputs), np.concatenate(targets))
    mixed = fit(first, data, batch_size=8, learning_rate=1e-9, mixup=0.4)
    assert mixed.history["accuracy"][1] == pytest.approx(wanted)
    again = fit(mixed, data, batch_size=8, learning_rate=1e-9)
    assert again.history["accuracy"][2] == pytest.approx(first.history["accuracy"][0])


def test_validation_images_are_not_mixed(fit):
    data = random_images(2)
    trained = fit_classifier(
        dense(1, "sigmoid"),
        data,
        validation=data,
        epochs=1,
        mixup=1.0,
        learning_rate=1e-9,
        progress="none",
        seed=1,
    )
    outputs = trained.model.predict(data.read(np.arange(20)), verbose=0)
    wanted = accuracy_of(outputs, data.codes[:, None])
    assert trained.history["val_accuracy"] == pytest.approx([wanted])
