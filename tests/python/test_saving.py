import json
import os
import struct
import zipfile

import keras
import numpy as np
import pytest

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
    """Change the record and the model in a saved file."""
    with zipfile.ZipFile(path) as archive:
        record = json.loads(archive.read("classifier.json"))
        model = archive.read("model.keras")
    record, model = change(record, model)
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
    assert predicted == predict_images(classifier, images)
    assert class_names == classifier.class_names
    assert history == classifier.history
    assert tuple(image_shape) == classifier.image_shape


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


def test_gap_in_the_history_stays(fit, tiny_cnn, shapes, tmp_path):
    first = fit(tiny_cnn(), shapes)
    second = fit(first, shapes, validation=0.5)
    save_classifier(second, tmp_path / "a.reticnn")
    history = load_classifier(tmp_path / "a.reticnn").history
    assert list(history) == list(second.history)
    np.testing.assert_array_equal(history["val_loss"], second.history["val_loss"])


def test_loaded_classifier_trains_further(fit, saved, classifier, shapes):
    further = fit(load_classifier(saved), shapes, epochs=2)
    assert further.history["epoch"] == list(range(1, 11))
    assert further.history["loss"][:8] == classifier.history["loss"]


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
    assert predict_images(loaded, shapes) == predict_images(other, shapes)
    assert os.listdir(os.path.dirname(saved)) == ["shapes.reticnn"]


@pytest.mark.skipif(os.name == "nt", reason="Windows locks files that are read")
def test_reader_of_the_older_file_is_not_disturbed(fit, tiny_cnn, shapes, saved):
    with open(saved, "rb") as older, open(saved, "rb") as reader:
        before = older.read()
        save_classifier(fit(tiny_cnn(), shapes), saved)
        assert reader.read() == before


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


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_endings_of_other_formats_are_refused(refused, classifier, tmp_path, ending):
    path = tmp_path / f"shapes{ending}"
    with refused(ValueError, "path", path, ".reticnn", "classifier.model.save()"):
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
    with refused(FileNotFoundError, "path", "must be a file", tmp_path):
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


def test_code_in_a_file_is_not_run(fit, shapes, tmp_path):
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Flatten()(keras.layers.Lambda(lambda x: x / 255)(inputs))
    outputs = keras.layers.Dense(1, activation="sigmoid")(x)
    save_classifier(fit(keras.Model(inputs, outputs), shapes), tmp_path / "a.reticnn")
    with pytest.raises(ValueError, match="Lambda"):
        load_classifier(tmp_path / "a.reticnn")


@pytest.mark.parametrize("left", [0.001, 0.2, 0.9, 0.999])
def test_file_cut_off_is_refused(refused, saved, left):
    size = os.path.getsize(saved)
    os.truncate(saved, int(left * size))
    with refused(ValueError, "path", "damaged", saved):
        load_classifier(saved)


def _flipped(path, place, bit):
    with open(path, "r+b") as file:
        file.seek(place)
        byte = file.read(1)[0] ^ (1 << bit)
        file.seek(place)
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
        ("checksum", 16, 6),
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
