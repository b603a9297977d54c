"""What lies before the first trained layer is computed once, with the same result."""

import keras
import numpy as np
import pytest

import reticnn
from reticnn import (
    augmentation,
    evaluate_classifier,
    load_classifier,
    predict_images,
    save_classifier,
    shape_images,
)
from reticnn.data import caching
from reticnn.data.array_images import ArrayImages
from reticnn.data.image_data import ImageData
from reticnn.training.frozen_prefix import NotSplitError, split_at_training


def _backbone():
    """Return a small network with normalisation and a shortcut."""
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", name="first")(inputs)
    x = keras.layers.BatchNormalization()(x)
    shortcut = keras.layers.ReLU()(x)
    x = keras.layers.Conv2D(4, 3, padding="same", name="second")(shortcut)
    x = keras.layers.Add()([x, shortcut])
    x = keras.layers.Conv2D(6, 3, name="last")(x)
    return keras.Model(inputs, x, name="backbone")


def _model(*trained):
    """Return a model on a frozen backbone, of which the layers named are trained."""
    keras.utils.set_random_seed(2)
    backbone = _backbone()
    for layer in backbone.layers:
        layer.trainable = layer.name in trained
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = backbone(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dropout(0.3)(x)
    return keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(x))


class _CountedImages(ArrayImages):
    """Counts how often each image is read."""

    def __init__(self, pixels):
        super().__init__(pixels)
        self.reads = np.zeros(len(pixels), int)

    def read(self, indices):
        np.add.at(self.reads, indices, 1)
        return super().read(indices)


@pytest.fixture
def counted(shapes):
    """Return image data whose source counts how often each image is read."""
    pixels = shapes.read(np.arange(60))
    return ImageData(_CountedImages(pixels), shapes.codes, shapes.class_names)


@pytest.mark.parametrize(
    "trained",
    [
        pytest.param([], marks=pytest.mark.slow),
        ["last"],
        pytest.param(["second", "last"], marks=pytest.mark.slow),
    ],
    ids=len,
)
@pytest.mark.parametrize(
    "kind", ["memory", pytest.param("disk", marks=pytest.mark.slow)]
)
def test_result_is_that_of_computing_all(
    fit, counted, shapes, monkeypatch, trained, kind
):
    if kind == "disk":
        monkeypatch.setattr(caching, "MEMORY_BYTES", 0)
    settings = {"validation": shapes[:20], "epochs": 3, "learning_rate": 0.05}
    plain = fit(_model(*trained), shapes, cache_features="none", **settings)
    kept = fit(_model(*trained), counted, **settings)
    assert (counted.source.reads == 1).all()
    for ours, theirs in zip(
        kept.model.get_weights(), plain.model.get_weights(), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    for name, values in plain.history.items():
        assert kept.history[name] == pytest.approx(values, abs=1e-4)


def test_what_is_kept_is_said_once(fit, shapes, capsys):
    fit(_model(), shapes, epochs=2, progress="epoch")
    note = "computed once for each image: less than 1 MiB in memory"
    assert capsys.readouterr().out.count(note) == 1
    states = []
    fit(_model(), shapes, progress=states.append)
    assert "frozen beginning" in states[0]["note"]


@pytest.mark.parametrize("batch_size", [8, 32])
def test_small_images_are_computed_in_larger_batches(fit, counted, batch_size):
    sizes = []
    read = counted.source.read
    counted.source.read = lambda indices: sizes.append(len(indices)) or read(indices)
    fit(_model(), counted, epochs=2, batch_size=batch_size)
    assert sizes == [60]


def test_images_of_any_size_are_computed_as_they_come(fit, counted):
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, trainable=False)(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(x))
    fit(model, counted, epochs=2, batch_size=16)
    assert (counted.source.reads == 1).all()


def test_classifier_is_the_whole_model(fit, shapes, tmp_path):
    trained = fit(_model("last"), shapes, epochs=2)
    assert trained.image_shape == (16, 16, 3)
    scores = evaluate_classifier(trained, shapes)
    loaded = load_classifier(save_classifier(trained, str(tmp_path / "a.reticnn")))
    assert evaluate_classifier(loaded, shapes)["loss"] == pytest.approx(scores["loss"])
    wanted = predict_images(trained, shapes)[".pred_circle"]
    assert predict_images(loaded, shapes)[".pred_circle"] == pytest.approx(wanted)


def test_training_goes_on_with_other_layers(fit, shapes):
    first = fit(_model(), shapes, epochs=2)
    first.model.get_layer("backbone").get_layer("last").trainable = True
    before = first.model.get_layer("backbone").get_layer("last").get_weights()[0]
    further = fit(first, shapes, epochs=1, learning_rate=0.1)
    after = further.model.get_layer("backbone").get_layer("last").get_weights()[0]
    assert further.epochs == 3
    assert not np.array_equal(before, after)


def test_best_weights_come_back_to_the_whole_model(fit, shapes):
    trained = fit(
        _model(), shapes, validation=0.3, epochs=8, early_stopping=2, learning_rate=2.0
    )
    best = min(trained.history["val_loss"])
    assert trained.history["val_loss"][-1] > best


@pytest.mark.slow
def test_run_with_kept_features_goes_on_from_its_checkpoint(fit, shapes, tmp_path):
    fit(_model("last"), shapes, epochs=2, checkpoint_dir=tmp_path / "a")
    longer = fit(_model("last"), shapes, epochs=4, checkpoint_dir=tmp_path / "a")
    whole = fit(_model("last"), shapes, epochs=4)
    assert longer.history["loss"] == pytest.approx(whole.history["loss"], abs=1e-6)
    for ours, theirs in zip(
        longer.model.get_weights(), whole.model.get_weights(), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize(
    "settings", [{"augmentation": augmentation(rotation=0.1)}, {"mixup": 0.2}], ids=list
)
def test_images_that_change_are_computed_anew_and_that_is_said(fit, counted, settings):
    states = []
    fit(_model(), counted, epochs=3, progress=states.append, **settings)
    assert (counted.source.reads >= 3).all()
    assert "computed in each epoch: `" + next(iter(settings)) in states[0]["note"]


def test_of_a_model_without_a_frozen_beginning_nothing_is_said(fit, shapes, tiny_cnn):
    states = []
    policy = augmentation(rotation=0.1)
    fit(tiny_cnn(), shapes, augmentation=policy, progress=states.append)
    assert "note" not in states[0]


def test_standardised_images_alone_are_not_kept(fit, shapes, tiny_cnn):
    model, states = tiny_cnn(rescale="standardize"), []
    for policy in (None, augmentation(rotation=0.1)):
        fit(model, shapes, augmentation=policy, progress=states.append)
    assert not any("note" in state for state in states)
    with pytest.raises(NotSplitError) as said:
        split_at_training(model)
    assert not said.value.is_frozen


@pytest.mark.slow
def test_copies_of_augmented_images_are_kept_when_asked(fit, counted, shapes):
    policy = augmentation(rotation=0.1)
    settings = {"epochs": 5, "augmentation": policy, "cache_features": 2.0}
    notes = []
    kept = fit(
        _model(), counted, progress=lambda s: notes.append(s["note"]), **settings
    )
    assert "once for each of 2 changed copies of each image" in notes[0]
    assert (counted.source.reads == 2).all()
    plain = fit(_model(), shapes, epochs=2, augmentation=policy)
    assert kept.history["loss"][:2] == pytest.approx(plain.history["loss"], abs=1e-5)


def test_without_room_all_is_computed(fit, counted, monkeypatch):
    monkeypatch.setattr(caching, "MEMORY_BYTES", 0)
    monkeypatch.setattr(caching, "_free_disk", lambda: 0)
    fit(_model(), counted, epochs=2)
    assert (counted.source.reads >= 2).all()


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        ({"cache_features": 2}, "`augmentation`"),
        ({"cache_features": 2, "mixup": 0.1}, "mix the images"),
    ],
)
def test_copies_that_cannot_be_kept_are_refused(refused, fit, shapes, settings, part):
    with refused(ValueError, "cache_features", "2", part):
        fit(_model(), shapes, **settings)


def test_curvatures_are_measured_on_images(fit, counted):
    settings = {"optimizer": "levenberg_marquardt", "learning_rate": 0.001}
    trained = fit(_model(), counted, epochs=2, **settings)
    assert np.isfinite(trained.history["loss"]).all()
    assert (counted.source.reads >= 2).all()


@pytest.mark.parametrize("value", ["always", 0, 1.5])
def test_bad_setting_of_the_features_is_named(refused, fit, tiny_cnn, shapes, value):
    with refused(ValueError, "cache_features"):
        fit(tiny_cnn(), shapes, cache_features=value)


# Where a model is split


@pytest.mark.parametrize(("shortcut", "cuts"), [(False, 1), (True, 2)])
def test_parts_joined_are_the_model(shortcut, cuts):
    inputs = keras.Input((8, 8, 3))
    first = keras.layers.Conv2D(3, 3, padding="same", trainable=False)(inputs)
    second = keras.layers.Conv2D(3, 3, padding="same", trainable=False)(first)
    x = keras.layers.Conv2D(3, 3, padding="same")(second)
    x = keras.layers.Add()([x, first if shortcut else second])
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))
    beginning, rest = split_at_training(model)
    assert len(beginning.outputs) == cuts
    image = np.random.default_rng(1).uniform(0, 255, (2, 8, 8, 3))
    joined = rest.predict(beginning.predict(image, verbose=0), verbose=0)
    np.testing.assert_allclose(joined, model.predict(image, verbose=0), atol=1e-6)
    assert list(map(id, rest.trainable_variables)) == list(
        map(id, model.trainable_variables)
    )


def test_dropout_is_not_split_off():
    _, rest = split_at_training(_model())
    kinds = [type(layer).__name__ for layer in rest.layers]
    assert kinds == ["InputLayer", "Dropout", "Dense"]


def test_nothing_is_split_off_a_model_that_is_trained_whole(tiny_cnn):
    with pytest.raises(NotSplitError, match="not begin with frozen") as caught:
        split_at_training(tiny_cnn())
    assert not caught.value.is_frozen


@pytest.mark.parametrize(
    "random_layer",
    [
        lambda: keras.layers.GaussianNoise(1.0),
        lambda: reticnn.augmentation_layer(reticnn.augmentation(flip="horizontal")),
    ],
    ids=["Keras's", "ours"],
)
def test_nothing_is_split_off_before_something_random(random_layer):
    inputs = keras.Input((8, 8, 3))
    x = random_layer()(inputs)
    convolution = keras.layers.Conv2D(2, 3)
    convolution.trainable = False
    x = keras.layers.GlobalAveragePooling2D()(convolution(x))
    outputs = keras.layers.Dense(1, activation="sigmoid")(x)
    with pytest.raises(NotSplitError, match="draws at random") as caught:
        split_at_training(keras.Model(inputs, outputs))
    assert caught.value.is_frozen


def test_normalisation_that_learns_its_statistics_is_not_split_off():
    inputs = keras.Input((8, 8, 3))
    convolution = keras.layers.Conv2D(2, 3)
    convolution.trainable = False
    x = keras.layers.BatchNormalization(center=False, scale=False)(convolution(inputs))
    x = keras.layers.GlobalAveragePooling2D()(x)
    outputs = keras.layers.Dense(1, activation="sigmoid")(x)
    beginning, _ = split_at_training(keras.Model(inputs, outputs))
    assert [type(layer).__name__ for layer in beginning.layers][-1] == "Conv2D"


def test_images_of_any_size_have_features_of_theirs(fit, shapes):
    def model():
        keras.utils.set_random_seed(1)
        inputs = keras.Input((None, None, 3))
        x = keras.layers.Conv2D(3, 3, trainable=False)(inputs)
        x = keras.layers.Conv2D(4, 3)(x)
        x = keras.layers.GlobalAveragePooling2D()(x)
        return keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(x))

    larger = shape_images(6, image_size=20, seed=2)
    options = {"validation": larger, "epochs": 2, "learning_rate": 1e-4}
    cached, plain, notes = model(), model(), []
    assert split_at_training(cached)[0].outputs[0].shape == (None, None, None, 3)
    fitted = fit(
        cached, shapes, **options, progress=lambda state: notes.append(state["note"])
    )
    assert "computed once for each image" in notes[0]
    wanted = fit(plain, shapes, **options, cache_features="none")
    for name, values in wanted.history.items():
        assert fitted.history[name] == pytest.approx(values, rel=1e-4)
    for ours, theirs in zip(cached.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
