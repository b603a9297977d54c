import importlib.util
import json
import os
import struct
import warnings
import zipfile

import keras
import numpy as np
import pytest
from same_tables import same

import reticnn
from reticnn import (
    image_arrays,
    load_classifier,
    load_images,
    predict_images,
    save_classifier,
)

predict_elsewhere = """
import json, sys, numpy, reticnn
classifier = reticnn.load_classifier(sys.argv[1])
predicted = reticnn.predict_images(classifier, numpy.load(sys.argv[2]))
record = [predicted, classifier.class_names, classifier.history]
print(json.dumps([*record, list(classifier.image_shape)]))
"""


@pytest.fixture
def saved(classifier, tmp_path):
    return save_classifier(classifier, str(tmp_path / "shapes.reticnn"))


def _rewritten(path, change):
    """Change the record and the Keras model in a saved file, without its graph."""
    with zipfile.ZipFile(path) as archive:
        record = json.loads(archive.read("classifier.json"))
        model = archive.read("model.keras")
    record, model = change({**record, "parts": ["model.keras"]}, model)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("classifier.json", json.dumps(record))
        archive.writestr("model.keras", model)


# Round trips


@pytest.mark.slow
def test_new_process_gives_the_same_predictions(
    run_python, classifier, shapes, saved, tmp_path
):
    images = load_images(shapes)["images"]
    np.save(tmp_path / "images.npy", images)
    result = run_python(predict_elsewhere, saved, tmp_path / "images.npy")
    assert result.returncode == 0, result.stderr
    predicted, class_names, history, image_shape = json.loads(result.stdout)
    same(predicted, predict_images(classifier, images))
    assert class_names == classifier.class_names
    assert history == classifier.history
    assert tuple(image_shape) == classifier.image_shape


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_other_backend_gives_the_same_predictions(
    run_python, classifier, shapes, saved, tmp_path, backend
):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    if backend == keras.backend.backend():
        pytest.skip("It is this one")
    images = load_images(shapes)["images"]
    np.save(tmp_path / "images.npy", images)
    result = run_python(
        predict_elsewhere, saved, tmp_path / "images.npy", KERAS_BACKEND=backend
    )
    assert result.returncode == 0, result.stderr
    predicted = json.loads(result.stdout)[0]
    wanted = predict_images(classifier, images)
    assert predicted[".pred_circle"] == pytest.approx(wanted[".pred_circle"], abs=1e-4)


def without_record_of_decay(record, model):
    """Return a file's parts as version 0.1.0 wrote them."""
    return {k: v for k, v in record.items() if k != "spared_from_decay"}, model


@pytest.mark.slow
@pytest.mark.parametrize("older", [False, True])
def test_training_further_decays_what_it_did_before_saving(
    fit, tiny_cnn, shapes, tmp_path, older
):
    settings = {"weight_decay": 0.5, "learning_rate": 0.1, "optimizer": "sgd"}
    model = tiny_cnn(batch_norm=True)
    model.layers[2].trainable = False
    trained = fit(model, shapes, **settings)
    path = save_classifier(trained, str(tmp_path / "a.reticnn"))
    if older:
        _rewritten(path, without_record_of_decay)
    loaded = fit(load_classifier(path), shapes, seed=2)
    kept = fit(trained, shapes, seed=2)
    for ours, theirs in zip(loaded.model.weights, kept.model.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_users_own_choice_of_what_decays_is_kept(fit, tiny_cnn, shapes, tmp_path):
    model = tiny_cnn()
    kernel = model.layers[-1].kernel
    optimizer = keras.optimizers.SGD(0.01, weight_decay=1.0)
    optimizer.exclude_from_weight_decay(var_list=[kernel], var_names=["bias"])
    model.compile(optimizer, "binary_crossentropy")
    trained = fit(model, shapes)
    # Other weights to train take a new optimizer.
    model.layers[1].trainable = False
    trained = fit(trained, shapes, learning_rate=1e-9)
    wanted = [not (v is kernel or v.name == "bias") for v in model.weights]
    before = model.get_weights()
    optimizer = model.optimizer
    optimizer.learning_rate = 0.01
    optimizer.apply([keras.ops.zeros(v.shape) for v in model.trainable_variables])
    for old, weight, decays in zip(before, model.weights, wanted, strict=True):
        decays = decays and weight.trainable
        np.testing.assert_allclose(weight, old * (0.99 if decays else 1), rtol=1e-5)
    path = save_classifier(trained, str(tmp_path / "a.reticnn"))
    loaded = fit(load_classifier(path), shapes, seed=2)
    kept = fit(trained, shapes, seed=2)
    for ours, theirs in zip(loaded.model.weights, kept.model.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_new_process_knows_what_training_left_in_the_model(
    run_python, fit, tiny_cnn, shapes, tmp_path
):
    mixed = fit(tiny_cnn(), shapes, schedule="cosine", mixup=0.2, label_smoothing=0.1)
    path = save_classifier(mixed, str(tmp_path / "a.reticnn"))
    code = "import sys, reticnn; print(reticnn.load_classifier(sys.argv[1]).epochs)"
    result = run_python(code, path)
    assert result.stdout == "1\n", result.stderr


def test_record_says_how_the_file_was_made(classifier, saved):
    save_classifier(classifier, saved, fast_start=False)
    with zipfile.ZipFile(saved) as archive:
        assert archive.namelist() == ["model.keras", "classifier.json"]
        record = json.loads(archive.read("classifier.json"))
    assert record == {
        "format": 1,
        "reticnn": reticnn.__version__,
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
        "class_names": ["circle", "square"],
        "image_shape": [16, 16, 3],
        "resize": None,
        "reading": None,
        "augmentation": None,
        "history": classifier.history,
        "stopped": None,
        "kept_epoch": classifier.epochs,
        "output": "sigmoid",
        "class_shares": classifier.class_shares.to_config(),
        "trained_with": classifier.trained_with,
        "trainable": {
            "parts": [True] * (len(classifier.model.layers) + 1),
            "weights": [True] * len(classifier.model.weights),
        },
        "compiled_here": True,
        "spared_from_decay": [],
        "name": "cnn",
        "parameters": classifier.model.count_params(),
        "shares": None,
        "prototype_distance": None,
        "seen": classifier.seen.to_config(),
        "calibration": None,
        "sets": None,
        "set_images": None,
        "novelty": None,
        "search": None,
        "parts": ["model.keras"],
    }


def test_why_training_stopped_is_kept(fit, tiny_cnn, shapes, tmp_path):
    stopped = fit(tiny_cnn(), shapes, epochs=9, early_stopping=1, learning_rate=1e-12)
    assert stopped.stopped == "early"
    save_classifier(stopped, tmp_path / "a.reticnn")
    loaded = load_classifier(tmp_path / "a.reticnn")
    assert loaded.stopped == "early"
    assert loaded.kept_epoch == stopped.kept_epoch
    assert f"{loaded.epochs} epochs (stopped: early), weights of epoch" in repr(loaded)


def test_path_is_given_back_and_the_home_folder_expanded(
    classifier, tmp_path, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    path = save_classifier(classifier, "~/my shapes 猫.reticnn")
    assert path == str(tmp_path / "my shapes 猫.reticnn")
    assert load_classifier("~/my shapes 猫.reticnn").epochs == classifier.epochs


def test_file_in_the_working_folder(classifier, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert save_classifier(classifier, "shapes.reticnn") == "shapes.reticnn"
    assert os.listdir() == ["shapes.reticnn"]
    assert load_classifier("shapes.reticnn").class_names == classifier.class_names


def test_class_names_of_the_world(fit, tiny_cnn, tmp_path):
    names = ["Käfer & Co", "猫", "NA"]
    x = np.random.default_rng(1).integers(0, 256, (9, 16, 16, 3))
    data = image_arrays(x, names * 3, class_names=names)
    path = tmp_path / "names.reticnn"
    save_classifier(fit(tiny_cnn(3), data), path)
    loaded = load_classifier(path)
    assert loaded.class_names == names
    assert list(predict_images(loaded, x))[1:] == [f".pred_{name}" for name in names]


def test_classes_that_differ_in_case_are_loaded(saved):
    """They can be told apart; that folders cannot hold them all is not a file's."""
    names = ["Cat", "cat"]
    _rewritten(saved, lambda record, model: ({**record, "class_names": names}, model))
    assert load_classifier(saved).class_names == names


def test_gap_in_the_history_stays(fit, tiny_cnn, shapes, tmp_path):
    first = fit(tiny_cnn(), shapes)
    second = fit(first, shapes, validation=reticnn.shape_images(10, image_size=16))
    save_classifier(second, tmp_path / "a.reticnn")
    history = load_classifier(tmp_path / "a.reticnn").history
    assert list(history) == list(second.history)
    np.testing.assert_array_equal(history["val_loss"], second.history["val_loss"])


def test_loaded_classifier_trains_further(fit, saved, classifier, shapes):
    further = fit(load_classifier(saved), shapes, epochs=2)
    assert further.epochs == classifier.epochs + 2
    assert further.history["loss"][:-2] == classifier.history["loss"]


# Overwriting


class Offset(keras.layers.Layer):
    """A layer that Keras cannot write down: it says nothing of its argument."""

    def __init__(self, offset):
        super().__init__()
        self.offset = offset

    def call(self, x):
        return x + self.offset


def test_newer_file_replaces_the_older(fit, tiny_cnn, shapes, saved):
    other = fit(tiny_cnn(), shapes)
    save_classifier(other, saved)
    loaded = load_classifier(saved)
    same(predict_images(loaded, shapes), predict_images(other, shapes))
    assert os.listdir(os.path.dirname(saved)) == ["shapes.reticnn"]


def test_failed_save_leaves_the_older_file(fit, shapes, saved, tmp_path):
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Flatten()(Offset(np.float32(0.5))(inputs))
    outputs = keras.layers.Dense(1, activation="sigmoid")(x)
    unwritable = fit(keras.Model(inputs, outputs), shapes)
    before = (tmp_path / "shapes.reticnn").read_bytes()
    with pytest.raises(Exception, match="Offset"):
        save_classifier(unwritable, saved)
    assert (tmp_path / "shapes.reticnn").read_bytes() == before
    assert os.listdir(tmp_path) == ["shapes.reticnn"]


# What cannot be saved


@pytest.mark.parametrize(
    ("ending", "way"),
    [
        (".keras", "classifier.model.save()"),
        (".h5", "classifier.model.save()"),
        (".ONNX", "export_classifier()"),
    ],
)
def test_endings_of_other_formats_are_refused(
    refused, classifier, tmp_path, ending, way
):
    path = tmp_path / f"shapes{ending}"
    with refused(ValueError, "path", path, ".reticnn", way):
        save_classifier(classifier, path)
    assert os.listdir(tmp_path) == []


def test_missing_folder_is_refused(refused, classifier, tmp_path):
    path = tmp_path / "nowhere" / "shapes.reticnn"
    with refused(FileNotFoundError, "path", path.parent, "Create it"):
        save_classifier(classifier, path)


def test_folder_is_no_file_to_write(refused, classifier, tmp_path):
    (tmp_path / "models").mkdir()
    with refused((ValueError, OSError), "path", tmp_path / "models"):
        save_classifier(classifier, tmp_path / "models")
    assert os.listdir(tmp_path) == ["models"]


@pytest.mark.parametrize("path", [None, 3.0, ""])
@pytest.mark.parametrize("write", [True, False])
def test_other_than_a_path_is_refused(refused, classifier, path, write):
    with refused(TypeError, "path", "non-empty string"):
        save_classifier(classifier, path) if write else load_classifier(path)


def test_model_alone_is_no_classifier(refused, classifier, tmp_path):
    with refused(TypeError, "classifier", "cnn", "`fit_classifier()`"):
        save_classifier(classifier.model, tmp_path / "a.reticnn")


# What cannot be loaded


def test_missing_file_is_refused(refused, tmp_path):
    path = tmp_path / "nowhere.reticnn"
    with refused(FileNotFoundError, "path", path, os.getcwd(), "spelling"):
        load_classifier(path)


def test_folder_is_no_file_to_load(refused, tmp_path):
    with refused(ValueError, "path", "is a folder", tmp_path):
        load_classifier(tmp_path)


def test_newer_format_is_refused(refused, saved):
    _rewritten(
        saved, lambda record, model: ({**record, "format": 2, "reticnn": "9.1"}, model)
    )
    with refused(ValueError, "path", "9.1", "format 2", "Update reticnn", saved):
        load_classifier(saved)


def _keras_file(path, classifier):
    classifier.model.save(path.with_suffix(".keras"))
    path.with_suffix(".keras").rename(path)


foreign_files = {
    "empty": lambda path, _: path.touch(),
    "text": lambda path, _: path.write_text("a classifier"),
    "zip": lambda path, _: zipfile.ZipFile(path, "w").close(),
    "keras": _keras_file,
}


@pytest.mark.parametrize("write", foreign_files.values(), ids=foreign_files.keys())
def test_foreign_file_is_refused(refused, classifier, tmp_path, write):
    path = tmp_path / "foreign.reticnn"
    write(path, classifier)
    with refused(ValueError, "path", "`save_classifier()`", path):
        load_classifier(path)


def _without(name):
    return lambda record, model: (
        {key: value for key, value in record.items() if key != name},
        model,
    )


foreign_contents = {
    "another record": lambda record, model: ({"name": "cnn"}, model),
    "a list": lambda record, model: ([1, 2], model),
    "no format": _without("format"),
    "no classes": _without("class_names"),
    "other classes": lambda record, model: (
        {**record, "class_names": ["cat", "dog", "cow"]},
        model,
    ),
    "another way to resize": lambda record, model: ({**record, "resize": 1}, model),
    "an unknown policy": lambda record, model: (
        {**record, "augmentation": {"policy": "harmless"}},
        model,
    ),
    "no policy": lambda record, model: ({**record, "augmentation": 0.5}, model),
    "no model": lambda record, model: (record, b""),
    "another model": lambda record, model: (record, b"PK" + model[:900]),
}


@pytest.mark.parametrize(
    "change", foreign_contents.values(), ids=foreign_contents.keys()
)
def test_foreign_contents_are_refused(refused, saved, change):
    _rewritten(saved, change)
    with refused(ValueError, "path", "`save_classifier()`", saved):
        load_classifier(saved)


def test_code_in_a_file_is_not_run(refused, fit, shapes, saved, tmp_path):
    ran = str(tmp_path / "ran")
    spy = keras.layers.Lambda(
        lambda x: [x / 255, os.makedirs(ran, exist_ok=True)][0], name="spy"
    )
    inputs = keras.Input((16, 16, 3))
    nested = keras.Sequential([keras.Input((16, 16, 3)), spy])
    x = keras.layers.Flatten()(nested(inputs))
    outputs = keras.layers.Dense(1, activation="sigmoid")(x)
    with_code = fit(keras.Model(inputs, outputs), shapes)
    with refused(ValueError, "classifier", "Lambda", "'spy'", "Keras's layers"):
        save_classifier(with_code, str(tmp_path / "a.reticnn"))
    assert not (tmp_path / "a.reticnn").exists()
    with_code.model.save(tmp_path / "spy.keras")
    spying = (tmp_path / "spy.keras").read_bytes()
    _rewritten(saved, lambda record, model: (record, spying))
    os.rmdir(ran)
    with refused(ValueError, "path", "Lambda", "'spy'", "Keras's layers", saved):
        load_classifier(saved)
    assert not os.path.exists(ran)


def test_entries_that_point_elsewhere_are_not_written(saved, tmp_path):
    def with_a_way_out(record, model):
        (tmp_path / "inner.zip").write_bytes(model)
        with zipfile.ZipFile(tmp_path / "inner.zip", "a") as archive:
            for name in ("../evil", "assets/../../evil", str(tmp_path / "evil")):
                archive.writestr(name, "evil")
        return record, (tmp_path / "inner.zip").read_bytes()

    _rewritten(saved, with_a_way_out)
    with zipfile.ZipFile(saved, "a") as archive:
        archive.writestr("../evil", "evil")
    (tmp_path / "scratch").mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
        load_classifier(saved)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.slow
def test_layer_that_is_not_known_is_named(refused, run_python, fit, shapes, tmp_path):
    code = """
import keras, reticnn, sys

@keras.saving.register_keras_serializable("mine")
class Doubled(keras.layers.Layer):
    def call(self, x):
        return 2 * x

x = inputs = keras.Input((16, 16, 3))
outputs = keras.layers.Dense(2)(keras.layers.Flatten()(Doubled()(x)))
model = keras.Model(inputs, outputs)
data = reticnn.shape_images(8, image_size=16, seed=1)
fitted = reticnn.fit_classifier(model, data, epochs=1, progress="none")
reticnn.save_classifier(fitted, sys.argv[1])
"""
    path = tmp_path / "a.reticnn"
    result = run_python(code, path)
    assert result.returncode == 0, result.stderr
    with refused(ValueError, "path", "Doubled", "register_keras_serializable()"):
        load_classifier(path)


def test_entry_that_would_fill_the_memory_is_refused(refused, saved):
    with zipfile.ZipFile(saved) as archive:
        record = archive.read("classifier.json")
    with zipfile.ZipFile(saved, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("classifier.json", record)
        archive.writestr("model.keras", bytes(10**7))
    with refused(ValueError, "path", "'classifier.json'", "compressed", saved):
        load_classifier(saved)


@pytest.mark.parametrize("left", [0.001, 0.2, 0.9, 0.999])
def test_file_cut_off_is_refused(refused, saved, left):
    size = os.path.getsize(saved)
    os.truncate(saved, int(left * size))
    with refused(ValueError, "path", "damaged", saved):
        load_classifier(saved)


def _flipped(path, offset, bit):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0] ^ (1 << bit)
        file.seek(offset)
        file.write(bytes([byte]))


@pytest.mark.parametrize("part", [0.01, 0.3, 0.6, 0.9])
def test_flipped_bit_in_the_contents_is_refused(refused, saved, part):
    _flipped(saved, int(part * os.path.getsize(saved)), 3)
    with refused(ValueError, "path", "damaged", saved):
        load_classifier(saved)


@pytest.mark.parametrize(
    ("field", "offset", "bit"),
    [
        ("signature", 0, 0),
        ("version", 6, 7),
        ("encryption", 8, 0),
        ("compression", 10, 4),
        ("size", 20, 6),
        ("name", 46, 1),
    ],
)
def test_flipped_bit_in_the_index_is_refused(refused, saved, field, offset, bit):
    with zipfile.ZipFile(saved) as archive:
        index = archive.start_dir
    _flipped(saved, index + offset, bit)
    with refused(ValueError, "path", "damaged", saved):
        load_classifier(saved)


def test_flipped_bit_in_the_place_of_the_index_is_refused(refused, saved):
    with open(saved, "rb") as file:
        contents = file.read()
    end = contents.rindex(struct.pack("<I", 0x06054B50))
    _flipped(saved, end + 19, 7)
    with refused(ValueError, "path", "damaged", saved):
        load_classifier(saved)


@keras.saving.register_keras_serializable("mine")
class OwnCall(keras.Model):
    """A model whose layers Keras knows nothing of when it makes it again."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.input_shape, self.output_shape = (None, 16, 16, 3), (None, 2)
        self.convolution = keras.layers.Conv2D(3, 3)
        self.pool = keras.layers.GlobalAveragePooling2D()
        self.head = keras.layers.Dense(2, activation="softmax")

    def call(self, images):
        """Return probabilities."""
        return self.head(self.pool(self.convolution(images / 255)))


def test_frozen_layers_of_a_model_with_its_own_call_stay_frozen(fit, shapes, tmp_path):
    model = OwnCall()
    model.convolution.trainable = False
    model(np.zeros((1, 16, 16, 3), "float32"))
    trained = fit(model, shapes, epochs=1, optimizer="adam", output="softmax")
    file = save_classifier(trained, tmp_path / "own.reticnn")
    with warnings.catch_warnings():
        # Under torch, Keras calls NumPy in a way that it deprecates.
        warnings.simplefilter("error", UserWarning)
        loaded = load_classifier(file)
    assert [layer.trainable for layer in loaded.model.layers] == [False, True, True]
    again = [
        fit(one, shapes, epochs=1, seed=3).model.get_weights()
        for one in (trained, loaded)
    ]
    for ours, theirs in zip(*again, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


@keras.saving.register_keras_serializable("saving")
class Pair(keras.layers.Layer):
    """A layer of the user's own that is made of two."""

    def __init__(self, **options):
        super().__init__(**options)
        self.first = keras.layers.Conv2D(3, 1)
        self.second = keras.layers.Conv2D(3, 1)

    def call(self, inputs):
        return self.second(self.first(inputs))


def test_what_is_frozen_within_layers_stays_frozen(fit, shapes, tmp_path):
    pair, top = Pair(), keras.layers.Dense(2, "softmax")
    inputs = keras.Input(shapes.image_shape)
    outputs = top(keras.layers.GlobalAveragePooling2D()(pair(inputs)))
    pair.first.trainable = False
    top.bias.trainable = False
    model = keras.Model(inputs, outputs)
    classifier = fit(model, shapes, epochs=1, optimizer="adam")
    path = save_classifier(classifier, str(tmp_path / "parts.reticnn"))
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "Skipping variable loading")
        loaded = load_classifier(path)
    assert len(loaded.model.trainable_weights) == len(model.trainable_weights) == 3
    for one, other in zip(
        loaded.model.optimizer.variables, model.optimizer.variables, strict=True
    ):
        np.testing.assert_array_equal(one, other)
    for each in (classifier, loaded):
        fit(each, shapes, epochs=1, seed=3)
    for one, other in zip(loaded.model.weights, model.weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def surely(targets, outputs):
    """Compute a loss of the user's own that nobody has registered."""
    return keras.losses.sparse_categorical_crossentropy(targets, outputs)


def flat(activation=None):
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Activation(activation or "linear")(inputs)
    # Without it, outputs are so sure that nothing is left to learn.
    x = keras.layers.Rescaling(1 / 255)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(2, "softmax")(x))


def test_loss_that_keras_will_not_find_is_said(refused, fit, shapes, tmp_path):
    model = flat()
    model.compile("sgd", surely)
    classifier = fit(model, shapes, epochs=1)
    path = str(tmp_path / "a.reticnn")
    with pytest.warns(UserWarning, match="compiled with 'surely' of your own"):
        save_classifier(classifier, path)
    with refused(ValueError, "path", "surely", "register_keras_serializable()"):
        load_classifier(path)
    keras.saving.register_keras_serializable("mine")(surely)
    save_classifier(classifier, path)
    assert load_classifier(path).model.loss is surely


def test_functions_in_layers_that_cannot_be_loaded_are_said(
    refused, fit, shapes, tmp_path
):
    def halved(x):
        return x / 2

    def tanh(x):
        return x / 2

    path = str(tmp_path / "a.reticnn")
    classifier = fit(flat(halved), shapes, epochs=1)
    with pytest.warns(UserWarning, match="functions of your own, 'halved'"):
        save_classifier(classifier, path)
    with refused(ValueError, "path", "halved", "register_keras_serializable()"):
        load_classifier(path)
    with refused(ValueError, "classifier", "'tanh' of your own", "same name"):
        save_classifier(fit(flat(tanh), shapes, epochs=1), path)
    with refused(ValueError, "classifier", "code in its layers", "activation"):
        save_classifier(fit(flat(lambda x: x / 2), shapes, epochs=1), path)


def kernel_of(classifier):
    return keras.ops.convert_to_numpy(classifier.model.layers[-1].kernel)


def test_adapters_learn_again_once_loaded(fit, shapes, tmp_path):
    model = flat()
    model.layers[-1].enable_lora(1)
    classifier = fit(model, shapes, epochs=2)
    with pytest.warns(UserWarning, match="low-rank adapters .* start afresh"):
        path = save_classifier(classifier, str(tmp_path / "a.reticnn"))
    loaded = load_classifier(path)
    pixels = load_images(shapes[:4])["images"]
    one, other = (predict_images(each, pixels) for each in (loaded, classifier))
    np.testing.assert_allclose(one[".pred_circle"], other[".pred_circle"], atol=1e-6)
    kernel = kernel_of(loaded)
    fit(loaded, shapes, epochs=1)
    assert not np.array_equal(kernel_of(loaded), kernel)


def test_quantised_classifier_is_loaded_as_it_was(fit, tiny_cnn, shapes, tmp_path):
    classifier = fit(tiny_cnn(), shapes, epochs=1)
    with warnings.catch_warnings():
        # Of layers that stay as they are.
        warnings.simplefilter("ignore")
        classifier.model.quantize("int8")
    loaded = load_classifier(save_classifier(classifier, tmp_path / "a.reticnn"))
    pixels = load_images(shapes[:4])["images"]
    one, other = (predict_images(each, pixels) for each in (loaded, classifier))
    np.testing.assert_allclose(one[".pred_circle"], other[".pred_circle"], atol=1e-6)
