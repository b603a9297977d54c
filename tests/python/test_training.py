import keras
import numpy as np
import pytest

import reticnn
from reticnn import (
    augmentation,
    evaluate_classifier,
    fit_classifier,
    image_arrays,
    image_folder,
    load_classifier,
    load_images,
    predict_images,
    save_classifier,
    shape_images,
)
from reticnn.augmenting.host import apply
from reticnn.classifier import Classifier
from reticnn.data.array_images import ArrayImages
from reticnn.data.image_data import ImageData
from reticnn.data.resizing import fitted
from reticnn.runtime.conditions import InterruptedWarning
from reticnn.runtime.randomness import generator
from reticnn.training.batches import ImageBatches, TrainingImages
from reticnn.training.callbacks.best_weights import BestWeights

NA_REAL = float("nan")


def _same_weights(one, other):
    pairs = zip(one.get_weights(), other.get_weights(), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def _dark_and_light(labels, **options):
    """Return image data with one easy image a label: the larger, the lighter."""
    codes = np.unique(labels, return_inverse=True)[1]
    noise = np.random.default_rng(1).integers(0, 60, (len(labels), 16, 16, 3))
    return image_arrays(noise + 180 * codes[:, None, None, None], labels, **options)


# Augmentation


def test_each_epoch_changes_each_image_by_its_own_draws(shapes):
    policy = augmentation(rotation=0.2, translation=0.1, erasing=1.0)
    batches = ImageBatches(shapes, 16, 5, images=TrainingImages(shapes, policy, 5))
    pixels = load_images(shapes)["images"]
    for epoch in range(2):
        batches.start_epoch(epoch)
        wanted = apply(policy, pixels, 5, epoch, np.arange(60))
        order = generator(5, epoch).permutation(60)
        got = np.concatenate([batches[number][0] for number in range(len(batches))])
        np.testing.assert_array_equal(got, wanted[order])


def test_augmented_training_follows_the_seed(fit, tiny_cnn, shapes):
    def run(seed, **arguments):
        return fit(tiny_cnn(), shapes, epochs=2, seed=seed, **arguments)

    policy = augmentation(flip="horizontal", rotation=0.1, color_jitter=0.3)
    first = run(1, augmentation=policy)
    assert run(1, augmentation=policy).history == first.history
    assert run(1).history != first.history
    assert run(2, augmentation=policy).history != first.history


def test_validation_images_are_not_augmented(fit, tiny_cnn, shapes):
    policy = augmentation(rotation=0.5)
    trained = fit(tiny_cnn(), shapes, validation=shapes[:30], augmentation=policy)
    measured = evaluate_classifier(trained, shapes[:30])
    assert trained.history["val_loss"][0] == pytest.approx(measured["loss"], abs=1e-5)


def test_augmentation_goes_with_mixing(fit, tiny_cnn, shapes):
    policy = augmentation(translation=0.1)
    trained = fit(tiny_cnn(), shapes, augmentation=policy, mixup=0.2, cutmix=1)
    assert np.isfinite(trained.history["loss"]).all()


def test_crop_in_pixels_is_taken_from_larger_images(fit, tiny_cnn):
    larger = shape_images(40, image_size=20, seed=1)
    policy = augmentation(crop=(16, 16))
    with pytest.warns(UserWarning, match=r"`validation`.* 20 x 20 .*16 x 16"):
        trained = fit(tiny_cnn(), larger, validation=0.25, augmentation=policy)
    assert np.isfinite(trained.history["val_loss"]).all()


def test_augmentation_that_does_not_fit_is_refused(refused, fit, tiny_cnn, shapes):
    with refused(TypeError, "augmentation", "0.1", "`augmentation()`"):
        fit(tiny_cnn(), shapes, augmentation=0.1)
    with refused(ValueError, "augmentation", "12 x 12", "16 x 16"):
        fit(tiny_cnn(), shapes, augmentation=augmentation(crop=(12, 12)))
    small = shape_images(10, image_size=12, seed=1)
    with refused(ValueError, "crop", "16 x 16", "12 x 12"):
        fit(tiny_cnn(), small, augmentation=augmentation(crop=(16, 16)))


# Learning


@pytest.mark.slow
def test_workshop_cnn_learns_shapes(classifier):
    new = shape_images(400, image_size=16, seed=2)
    assert evaluate_classifier(classifier, new)["accuracy"] >= 0.95
    assert classifier.history["val_accuracy"][-1] >= 0.95
    assert classifier.history["loss"][-1] < classifier.history["loss"][0] / 2


@pytest.mark.parametrize(
    ("labels", "class_names"),
    [
        ([1.0, 2.0] * 30, None),
        pytest.param([1.0, 2.0] * 30, ["dark", "light"], marks=pytest.mark.slow),
        ([0, 1] * 30, ["dark", "light"]),
    ],
)
def test_sigmoid_model_learns_labels_from_0_or_1(fit, tiny_cnn, labels, class_names):
    data = _dark_and_light(labels, class_names=class_names)
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
    learned = fit(tiny_cnn(), data, epochs=5, batch_size=10, optimizer=optimizer)
    names = class_names or [str(label).removesuffix(".0") for label in labels[:2]]
    assert learned.class_names == names
    predicted = predict_images(learned, data)[".pred_class"]
    assert predicted == names * 30


@pytest.mark.parametrize(
    ("num_classes", "output"),
    [(2, "auto"), (2, "softmax"), (2, "logits"), (3, "auto"), (3, "logits")],
)
def test_history_measures_what_evaluation_measures(fit, tiny_cnn, output, num_classes):
    data = shape_images(48, num_classes, image_size=16, seed=1)
    check = shape_images(30, num_classes, image_size=16, seed=2)
    model = tiny_cnn(num_classes, output=output)
    learned = fit(model, data, validation=check, learning_rate=0.02)
    result = evaluate_classifier(learned, check)
    assert learned.history["val_loss"][-1] == pytest.approx(result["log_loss"], 1e-4)
    assert learned.history["val_accuracy"][-1] == pytest.approx(result["accuracy"])


def test_one_logit_is_trained_and_read_as_one(fit, shapes):
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(1)(x))
    learned = fit(model, shapes, validation=shapes, learning_rate=0.01)
    result = evaluate_classifier(learned, shapes)
    assert learned.history["val_loss"][-1] == pytest.approx(result["log_loss"], 1e-4)
    assert learned.history["val_accuracy"][-1] == pytest.approx(result["accuracy"])


def test_files_are_read_at_the_models_size(fit, tiny_cnn, cats):
    learned = fit(tiny_cnn(), image_folder(cats))
    assert learned.class_names == ["cat", "dog"]
    assert learned.image_shape == (16, 16, 3)


@pytest.mark.parametrize("argument", ["data", "validation"])
def test_arrays_of_another_size_are_resized(fit, tiny_cnn, shapes, argument):
    larger = shape_images(60, image_size=24, seed=1)
    with pytest.warns(UserWarning, match=rf"`{argument}`.* 24 x 24 .*16 x 16"):
        resized = fit(tiny_cnn(), **{"data": shapes, argument: larger})
    pixels = load_images(larger)
    smaller = np.stack(
        [fitted(image, (16, 16), "stretch") for image in pixels["images"]]
    )
    by_hand = image_arrays(smaller, pixels["labels"])
    expected = fit(tiny_cnn(), **{"data": shapes, argument: by_hand})
    assert resized.history == expected.history
    assert resized.resize == ("stretch" if argument == "data" else None)


def test_grey_arrays_train_a_colour_model(fit, tiny_cnn, shapes):
    pixels = load_images(shapes)
    grey = pixels["images"][..., :1]
    trained = fit(tiny_cnn(), image_arrays(grey, pixels["labels"]))
    threefold = image_arrays(grey.repeat(3, axis=3), pixels["labels"])
    assert trained.history == fit(tiny_cnn(), threefold).history


def test_keras_layers_and_wrapped_models_train(fit, tiny_cnn, shapes):
    model = keras.Sequential([keras.Input((16, 16, 3)), tiny_cnn(output="softmax")])
    learned = fit(model, shapes, validation=shapes)
    result = evaluate_classifier(learned, shapes)
    assert learned.history["val_loss"][-1] == pytest.approx(result["log_loss"], 1e-4)


def test_model_of_any_image_size_trains(fit, shapes):
    inputs = keras.Input((None, None, 3))
    x = keras.layers.GlobalMaxPooling2D()(keras.layers.Conv2D(2, 3)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(x))
    learned = fit(model, shapes)
    assert len(predict_images(learned, np.zeros((2, 20, 24, 3)))[".pred_class"]) == 2


def test_classifier_is_described(classifier):
    lines = repr(classifier).splitlines()
    assert lines[0] == "<Classifier> cnn, 2 classes: circle, square"
    assert lines[1] == "input    16 x 16 x 3, values 0 to 255"
    assert lines[2].startswith("trained  8 epochs, ")
    short = Classifier(classifier.model, classifier.class_names, {"epoch": [1]})
    assert repr(short).endswith("trained  1 epoch")
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        assert f", {name} {classifier.history[name][-1]:.3f}" in lines[2]


@pytest.mark.slow
def test_classifier_says_whose_weights_it_has(fit, tiny_cnn, shapes, tmp_path):
    last = fit(tiny_cnn(), shapes, epochs=2)
    assert last.kept_epoch == 2
    # The better it learns, the more it is wrong of these.
    wrong = image_arrays(load_images(shapes)["images"], shapes.labels[::-1])
    settings = {"early_stopping": 3, "learning_rate": 0.1, "validation": wrong}
    best = fit(tiny_cnn(), shapes, epochs=30, **settings)
    losses = best.history["val_loss"]
    assert best.kept_epoch == np.argmin(losses) + 1 < best.epochs
    assert f", weights of epoch {best.kept_epoch}, loss" in repr(best)
    assert f"val_loss {min(losses):.3f}" in repr(best)
    measured = evaluate_classifier(best, wrong)["loss"]
    assert measured == pytest.approx(min(losses), rel=1e-4)
    save_classifier(best, tmp_path / "best.reticnn")
    assert load_classifier(tmp_path / "best.reticnn").kept_epoch == best.kept_epoch


def test_epoch_kept_is_counted_from_the_first_training(fit, tiny_cnn, shapes):
    going = fit(tiny_cnn(), shapes, epochs=2)
    further = fit(going, shapes, epochs=3)
    assert (further.epochs, further.kept_epoch) == (5, 5)
    # Nothing is learned at such a rate, so that the first of the epochs stays the best.
    stages = [{"train": "all", "epochs": 1}, {"train": "all", "epochs": 4}]
    staged = fit(going, shapes, stages=stages, early_stopping=1, learning_rate=1e-30)
    assert 3 <= staged.kept_epoch < staged.epochs


# Reproducing


random_layers = {
    "n_blocks": 1,
    "block_dropout": 0.3,
    "dropout": 0.3,
    "batch_norm": True,
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "optimizer"),
    [({}, "sgd"), pytest.param(random_layers, "adam", marks=pytest.mark.slow)],
)
def test_same_seed_is_the_same_training_bit_for_bit(
    fit, tiny_cnn, shapes, options, optimizer
):
    trained = []
    weights = tiny_cnn(**options).get_weights()
    for global_seed, seed in ((1, 5), (2, 5.0)):
        keras.utils.set_random_seed(global_seed)
        model = tiny_cnn(seed=None, **options)
        model.set_weights(weights)
        settings = {"optimizer": optimizer, "epochs": 2, "validation": 0.25}
        trained.append(fit(model, shapes, seed=seed, **settings))
    first, again = trained
    assert _same_weights(first.model, again.model)
    assert first.history == again.history


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"dropout": 0.5}])
def test_another_seed_is_another_training(fit, tiny_cnn, shapes, options):
    first, other = (fit(tiny_cnn(**options), shapes, seed=seed) for seed in (5, 6))
    assert not _same_weights(first.model, other.model)


def test_without_a_seed_each_training_differs(fit, tiny_cnn, shapes):
    first, second = (fit(tiny_cnn(), shapes, seed=None) for _ in range(2))
    assert not _same_weights(first.model, second.model)


@pytest.mark.slow
def test_global_random_states_are_left_alone(drawn_after, fit, tiny_cnn, shapes):
    model = tiny_cnn(dropout=0.5)
    training = drawn_after(lambda: fit(model, shapes, validation=0.25))
    assert training == drawn_after(lambda: None)


# The order of the images


class _ReadingsKept(ArrayImages):
    """Images in memory that note which of them are read."""

    def __init__(self, pixels):
        super().__init__(pixels)
        self.readings = []

    def read(self, indices):
        self.readings.append(np.asarray(indices).tolist())
        return super().read(indices)


def _orders(n, epochs, batch_size, tiny_cnn, fit):
    """Return the order in which training read `n` images in each epoch."""
    pixels = load_images(shape_images(n, image_size=16, seed=1))["images"]
    source = _ReadingsKept(pixels)
    data = ImageData(source, np.arange(n) % 2, ["a", "b"])
    fit(tiny_cnn(), data, epochs=epochs, batch_size=batch_size, seed=4)
    # Keras looks at a few batches before it begins.
    steps = -(-n // batch_size)
    read = source.readings[-epochs * steps :]
    epoch = [read[first : first + steps] for first in range(0, len(read), steps)]
    return [[position for batch in batches for position in batch] for batches in epoch]


def test_training_reads_each_image_once_an_epoch_in_a_new_order(tiny_cnn, fit):
    orders = _orders(30, 3, 7, tiny_cnn, fit)
    assert [sorted(order) for order in orders] == [list(range(30))] * 3
    assert len({tuple(order) for order in [*orders, range(30)]}) == 4


def test_training_has_the_order_of_each_epochs_number(tiny_cnn, fit):
    expected = [generator(4, epoch).permutation(30).tolist() for epoch in range(3)]
    assert _orders(30, 3, 7, tiny_cnn, fit) == expected


def test_training_reads_the_same_order_whatever_the_batch_size(tiny_cnn, fit):
    by_7, by_32 = (_orders(40, 2, size, tiny_cnn, fit) for size in (7, 32))
    assert by_7 == by_32


def _epochs(data, batch_size, seed, epochs=3):
    """Return the pixels and codes of each epoch, joined over its batches."""
    batches = ImageBatches(data, batch_size, seed)
    joined = []
    for epoch in range(epochs):
        batches.start_epoch(epoch)
        parts = [batches[number] for number in range(len(batches))]
        joined.append([np.concatenate(part) for part in zip(*parts, strict=True)])
    return joined


@pytest.mark.parametrize("seed", [0, 5, None])
def test_batches_joined_are_the_same_whatever_their_size(shapes, seed):
    for by_7, by_32 in zip(
        _epochs(shapes, 7, seed), _epochs(shapes, 32, seed), strict=True
    ):
        np.testing.assert_array_equal(by_7[0], by_32[0])
        np.testing.assert_array_equal(by_7[1], by_32[1])


def test_each_epoch_has_each_image_with_its_label_once_in_a_new_order():
    numbers = np.arange(50, dtype="u1").reshape(50, 1, 1, 1)
    data = image_arrays(numbers, np.arange(50) % 3)
    orders = []
    for pixels, codes in _epochs(data, 7, seed=5):
        order = pixels.ravel().tolist()
        assert sorted(order) == list(range(50))
        assert codes.tolist() == [number % 3 for number in order]
        assert pixels.dtype == np.uint8
        orders.append(tuple(order))
    assert len(set(orders)) == 3


def test_without_a_seed_batches_keep_the_order(shapes):
    pixels, codes = _epochs(shapes, 7, seed=None, epochs=1)[0]
    np.testing.assert_array_equal(pixels, load_images(shapes)["images"])
    np.testing.assert_array_equal(codes, shapes.codes)


# Settings


def test_compiled_model_keeps_its_loss_and_optimizer(fit, tiny_cnn, shapes):
    model = tiny_cnn()
    optimizer = keras.optimizers.SGD(1e-9)
    model.compile(optimizer, "mean_squared_error")
    predicted = model.predict(load_images(shapes)["images"], verbose=0).ravel()
    learned = fit(model, shapes)
    assert learned.model is model
    assert model.optimizer is optimizer
    assert list(learned.history) == ["epoch", "loss"]
    by_hand = ((predicted - shapes.codes) ** 2).mean()
    assert learned.history["loss"][0] == pytest.approx(by_hand, 1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("optimizer", "kind"),
    [
        (None, keras.optimizers.Adam),
        ("sgd", keras.optimizers.SGD),
        ("rmsprop", keras.optimizers.RMSprop),
        (keras.optimizers.SGD(0.125), keras.optimizers.SGD),
    ],
)
def test_optimizer_is_the_one_asked_for(tiny_cnn, shapes, optimizer, kind):
    model = tiny_cnn()
    fit_classifier(model, shapes[:8], epochs=1, optimizer=optimizer, progress="none")
    assert isinstance(model.optimizer, kind)
    if optimizer is not None and not isinstance(optimizer, str):
        assert model.optimizer is optimizer


def test_learning_rate_is_set_in_a_compiled_model_too(fit, tiny_cnn, shapes):
    model = tiny_cnn()
    fit(model, shapes[:8], learning_rate=0.125)
    assert float(model.optimizer.learning_rate) == 0.125
    fit(model, shapes[:8], learning_rate=0.25)
    assert float(model.optimizer.learning_rate) == 0.25
    fit(model, shapes[:8])
    assert float(model.optimizer.learning_rate) == 0.25


def test_validation_fraction_is_set_apart(fit, tiny_cnn):
    data = shape_images(40, image_size=16, seed=1)
    pixels = load_images(data)["images"]
    source = _ReadingsKept(pixels)
    kept = ImageData(source, data.codes, data.class_names)
    learned = fit(tiny_cnn(), kept, validation=0.25, epochs=2, batch_size=10)
    trained_on, measured_on = (
        {
            position
            for reading in source.readings
            for position in reading
            if len(reading) == n
        }
        for n in (10, 99)
    )
    assert learned.history["epoch"] == [1, 2]
    assert {"val_loss", "val_accuracy"} <= set(learned.history)
    assert trained_on | measured_on == set(range(40))


def test_validation_does_not_change_the_training(fit, tiny_cnn, shapes):
    check = shape_images(20, image_size=16, seed=2)
    alone = fit(tiny_cnn(dropout=0.5), shapes, epochs=2)
    checked = fit(tiny_cnn(dropout=0.5), shapes, epochs=2, validation=check)
    assert _same_weights(alone.model, checked.model)


# Training further


def test_training_further_joins_the_histories(fit, tiny_cnn, shapes):
    first = fit(tiny_cnn(), shapes, epochs=2)
    second = fit(first, shapes, epochs=3, validation=shapes)
    assert second.model is first.model
    assert second.epochs == 5
    assert second.history["epoch"] == [1, 2, 3, 4, 5]
    assert second.history["loss"][:2] == first.history["loss"]
    assert np.isnan(second.history["val_loss"]).tolist() == [True] * 2 + [False] * 3
    assert first.epochs == 2
    third = fit(second, shapes)
    assert np.isnan(third.history["val_loss"]).tolist() == [True] * 2 + [False] * 3 + [
        True
    ]
    assert {len(column) for column in third.history.values()} == {6}


def test_training_further_keeps_the_meaning_of_the_outputs(fit, tiny_cnn):
    data = _dark_and_light(["dark", "light"] * 30)
    turned = _dark_and_light(["dark", "light"] * 30, class_names=["light", "dark"])
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
    learned = fit(tiny_cnn(), data, epochs=5, batch_size=10, optimizer=optimizer)
    further = fit(learned, turned, epochs=5, batch_size=10)
    assert further.class_names == ["dark", "light"]
    assert evaluate_classifier(further, data)["accuracy"] == 1


def test_training_further_keeps_what_new_images_need(fit, tiny_cnn, cats):
    policy = augmentation(rotation=0.1)
    files = image_folder(cats, 16, resize="crop")
    first = fit(tiny_cnn(), files, augmentation=policy)
    pixels = load_images(files)
    further = fit(first, image_arrays(pixels["images"], pixels["labels"]))
    assert further.resize == "crop"
    assert further.augmentation == policy


def test_training_further_on_other_classes_is_refused(refused, fit, tiny_cnn):
    learned = fit(tiny_cnn(), _dark_and_light(["dark", "light"] * 4))
    with refused(ValueError, "data", "'black', 'white'", "'dark', 'light'"):
        fit(learned, _dark_and_light(["black", "white"] * 4))


# Progress


@pytest.fixture(scope="module")
def going(fit, tiny_cnn, shapes):
    """Return a classifier that can be trained further at once, without a start."""
    return fit(tiny_cnn(), shapes)


def test_function_is_told_of_the_progress(fit, going, shapes):
    told = []
    learned = fit(going, shapes, epochs=2.0, batch_size=25.0, progress=told.append)
    ends = [report for report in told if report["done"]]
    assert [report["epoch"] for report in ends] == [1, 2]
    assert [report["loss"] for report in ends] == learned.history["loss"][-2:]
    for report in told:
        assert report["epochs"] == 2
        assert report["steps"] == 3
        assert 1 <= report["step"] <= 3
        assert type(report["loss"]) is type(report["accuracy"]) is float
    assert all(report["step"] == 3 for report in ends)


@pytest.mark.parametrize(
    ("progress", "lines"), [("none", 0), ("epoch", 5), ("auto", 5)]
)
def test_progress_is_printed_as_asked(fit, going, shapes, capsys, progress, lines):
    fit(going, shapes, epochs=2, progress=progress)
    printed = capsys.readouterr().out
    assert len(printed.strip().splitlines()) == lines
    assert ("Epoch 2/2" in printed) == bool(lines)
    assert ("Training on" in printed) == bool(lines)


def test_bar_is_drawn(fit, going, shapes, capsys):
    fit(going, shapes, progress="bar")
    printed = capsys.readouterr().out
    assert "2/2" in printed
    assert "loss" in printed


# What cannot be trained


@pytest.mark.parametrize(
    ("arguments", "error", "argument", "parts"),
    [
        ({"epochs": 0}, ValueError, "epochs", ["not 0", "Use 1 or more"]),
        ({"epochs": 2.5}, ValueError, "epochs", ["2.5", "Use 2 or 3"]),
        ({"batch_size": -8}, ValueError, "batch_size", ["-8", "Use 1 or more"]),
        ({"batch_size": "big"}, TypeError, "batch_size", ["'big'"]),
        ({"optimizer": "adm"}, ValueError, "optimizer", ["'adm'", "mean 'adam'"]),
        ({"optimizer": 3.0}, ValueError, "optimizer", ["not 3"]),
        ({"learning_rate": 0}, ValueError, "learning_rate", ["above 0", "not 0"]),
        ({"learning_rate": NA_REAL}, ValueError, "learning_rate", ["NA"]),
        ({"progress": "bra"}, ValueError, "progress", ["'bra'", "mean 'bar'"]),
        ({"progress": True}, ValueError, "progress", ["True", "'epoch'"]),
        ({"seed": -1}, ValueError, "seed", ["-1", "Use 0 or more"]),
        ({"validation": 1.0}, ValueError, "validation", ["below 1", "not 1"]),
        ({"validation": 20.0}, ValueError, "validation", ["below 1", "20"]),
        ({"validation": True}, TypeError, "validation", ["True", "image data"]),
        ({"validation": "val"}, FileNotFoundError, "validation", ["'val'"]),
        ({"validation": 0.001}, ValueError, "validation", ["60", "more images"]),
    ],
)
def test_bad_setting_is_named(
    refused, fit, tiny_cnn, shapes, arguments, error, argument, parts
):
    with refused(error, argument, *parts):
        fit(tiny_cnn(), shapes, **arguments)


def test_unknown_argument_is_refused(tiny_cnn, shapes):
    with pytest.raises(TypeError, match="epoch_count"):
        fit_classifier(tiny_cnn(), shapes, epoch_count=3)


def test_optimizer_of_a_compiled_model_is_not_replaced(refused, fit, tiny_cnn, shapes):
    model = tiny_cnn()
    model.compile("sgd", "binary_crossentropy")
    with refused(ValueError, "optimizer", "'adam'", "already compiled", "Leave"):
        fit(model, shapes, optimizer="adam")


@pytest.mark.parametrize("model", [None, "vgg16", 3.0, [1, 2]])
def test_other_than_a_model_is_refused(refused, shapes, fit, model):
    with refused(TypeError, "model", "Keras model", "`build_cnn()`"):
        fit(model, shapes)


def _flat():
    inputs = keras.Input((8,))
    return keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(inputs))


def _unbuilt():
    return keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(2)])


def _two_outputs():
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Flatten()(inputs)
    return keras.Model(inputs, [keras.layers.Dense(2)(x), keras.layers.Dense(2)(x)])


def _maps():
    inputs = keras.Input((16, 16, 3))
    return keras.Model(inputs, keras.layers.Conv2D(2, 3)(inputs))


def _ends_in(units, activation):
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Flatten()(inputs)
    return keras.Model(inputs, keras.layers.Dense(units, activation=activation)(x))


@pytest.mark.parametrize(
    ("build", "parts"),
    [
        (_flat, ["(batch, height, width, channels)", "(None, 8)", "keras.Input"]),
        (_unbuilt, ["does not say what images", "keras.Input"]),
        (_two_outputs, ["(batch, classes)", "one output", "model.outputs[0]"]),
        (_maps, ["(batch, classes)", "(None, 14, 14, 2)", "`classifier_head()`"]),
        (lambda: _ends_in(2, "relu"), ["softmax", "'relu'"]),
        (lambda: _ends_in(2, "sigmoid"), ["softmax", "'sigmoid'"]),
        (lambda: _ends_in(1, "tanh"), ["sigmoid", "'tanh'"]),
    ],
)
def test_model_that_gives_no_classes_of_images_is_refused(
    refused, fit, shapes, build, parts
):
    with refused(ValueError, "model", *parts):
        fit(build(), shapes)


@pytest.mark.parametrize("argument", ["data", "validation"])
def test_data_must_fit_the_model(refused, fit, tiny_cnn, shapes, argument):
    def train(data):
        return fit(tiny_cnn(), **{"data": shapes, argument: data})

    with refused(TypeError, argument, "(2, 16, 16, 3)", "`image_arrays(x, y)`"):
        train(np.zeros((2, 16, 16, 3)))
    with refused(TypeError, argument, "'train'", "data['train']"):
        train({"train": shapes})
    with refused(ValueError, argument, "no labels"):
        train(image_arrays(np.zeros((2, 16, 16, 3))))
    with refused(ValueError, argument, "16 x 16 x 2", "16 x 16 x 3", "2"):
        train(image_arrays(np.zeros((2, 16, 16, 2)), ["circle", "square"]))
    fix = "num_classes=3" if argument == "data" else "does not know"
    with refused(ValueError, argument, "'triangle'", fix):
        train(shape_images(6, 3, image_size=16))


def test_fewer_images_than_classes_are_refused(refused, fit, tiny_cnn):
    data = shape_images(30, 3, image_size=16, seed=1)
    with refused(ValueError, "data", "2 images of 3 classes"):
        fit(tiny_cnn(3), data[:2])


@pytest.mark.parametrize("argument", ["data", "validation"])
def test_no_images_are_refused(refused, fit, tiny_cnn, shapes, argument):
    with refused(ValueError, argument, "no images"):
        fit(tiny_cnn(), **{"data": shapes, argument: shapes[:0]})


def test_refused_training_leaves_the_model_as_it_was(tiny_cnn, shapes):
    model = tiny_cnn()
    before = model.get_weights()
    with pytest.raises(ValueError, match="`learning_rate`"):
        fit_classifier(model, shapes, learning_rate=-1)
    assert not model.compiled
    assert all(map(np.array_equal, before, model.get_weights()))


# Ctrl-C at the worst moments


def test_ctrl_c_is_heard_while_the_weights_are_put_back(
    fit, tiny_cnn, shapes, monkeypatch
):
    restore, calls = BestWeights.restore, []

    def cut_off_twice(best, model):
        calls.append(model)
        if len(calls) < 3:
            model.set_weights([0 * weight for weight in best.weights])
            raise KeyboardInterrupt
        restore(best, model)

    monkeypatch.setattr(BestWeights, "restore", cut_off_twice)
    with pytest.warns(InterruptedWarning, match="interrupted after epoch 2"):
        fitted = fit(tiny_cnn(), shapes, epochs=2, early_stopping=2)
    assert fitted.stopped == "interrupted"
    assert all(weight.any() for weight in fitted.model.get_weights()[:1])


def test_ctrl_c_while_weights_are_kept_leaves_those_before(
    fit, tiny_cnn, shapes, monkeypatch
):
    model = tiny_cnn()
    before, calls = model.get_weights(), []

    def cut_off(_):
        calls.append(1)
        if len(calls) > 1:
            raise KeyboardInterrupt
        return before

    monkeypatch.setattr(keras.Model, "get_weights", cut_off)
    with pytest.warns(InterruptedWarning, match="weights from before it"):
        fitted = fit(model, shapes, epochs=2, validation=shapes[:20])
    monkeypatch.undo()
    assert fitted.kept_epoch == 0
    pairs = zip(before, fitted.model.get_weights(), strict=True)
    assert all(np.array_equal(one, other) for one, other in pairs)


def test_values_that_are_not_0_to_255_are_remembered(tiny_cnn, shapes, fit, tmp_path):
    pixels = reticnn.load_images(shapes)["images"]
    standard = (pixels - pixels.mean()) / pixels.std()
    with pytest.warns(UserWarning, match="outside 0 to 255"):
        data = reticnn.image_arrays(standard, shapes.labels)
    made = fit(tiny_cnn(rescale=False), data)
    loaded = reticnn.load_classifier(
        reticnn.save_classifier(made, tmp_path / "a.reticnn")
    )
    for classifier in (made, loaded):
        low, high = standard.min(), standard.max()
        assert f"16 x 16 x 3, values {low:.3g} to {high:.3g}\n" in repr(classifier)
        with pytest.warns(UserWarning, match=r"`images` has values up to 255, and the"):
            reticnn.predict_images(classifier, pixels)
    with pytest.warns(UserWarning, match=r"`data` has values up to 255, and the"):
        reticnn.evaluate_classifier(made, shapes)
