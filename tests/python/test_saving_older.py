"""Files that older versions saved: they load, predict the same, and train on.

`tools/make_saved_files.py` says what they are, and makes them.
"""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest

from reticnn import (
    augment,
    describe_model,
    fit_classifier,
    image_arrays,
    layer_table,
    load_classifier,
    predict_images,
)

# After stages, of which the last had a schedule, 0.1.0 saved the settings of the first
# stage's optimizer with the state of the last one's, which Keras then leaves out.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Skipping variable loading for optimizer"
)

ARCHIVES = sorted((Path(__file__).parent / "saved").glob("*.zip"))

predict_elsewhere = """
import json, sys, numpy, reticnn
for path, images in zip(sys.argv[1::2], sys.argv[2::2]):
    classifier = reticnn.load_classifier(path)
    predictions = reticnn.predict_images(classifier, numpy.load(images))
    print(json.dumps([classifier.class_names, classifier.history, predictions]))
"""

predict_by_keras = """
import json, sys, numpy, reticnn, keras
for path, images in zip(sys.argv[1::2], sys.argv[2::2]):
    outputs = keras.saving.load_model(path)(numpy.load(images))
    print(json.dumps(keras.ops.convert_to_numpy(outputs).tolist()))
"""


@dataclass
class Saved:
    """A saved file: its path and that of Keras's model, images, what is expected."""

    path: Path
    model: Path
    images: Path
    expected: dict

    def load(self):
        """Return the classifier, or the model where that was saved alone."""
        if self.path == self.model:
            return keras.saving.load_model(self.path)
        return load_classifier(self.path)

    def load_model(self):
        """Return the model, by itself or as the classifier has it."""
        loaded = self.load()
        return getattr(loaded, "model", loaded)


def _names(archive):
    with zipfile.ZipFile(archive) as files:
        return [n for n in files.namelist() if n.endswith((".reticnn", ".keras"))]


def _unpacked(archive, name, folder):
    with zipfile.ZipFile(archive) as files:
        path = Path(files.extract(name, folder))
        expected = json.loads(files.read("expected.json"))[name]
        images = np.load(files.extract("images.npy", folder))
    height, width, channels = expected["input_shape"]
    images = images.repeat(height // images.shape[1], axis=1)
    images = images.repeat(width // images.shape[2], axis=2)
    np.save(path.with_suffix(".npy"), images[..., :channels])
    model = path
    if path.suffix == ".reticnn":
        with zipfile.ZipFile(path) as files:
            model = Path(files.extract("model.keras", path.with_suffix("")))
    return Saved(path, model, path.with_suffix(".npy"), expected)


@pytest.fixture(scope="module")
def all_saved(tmp_path_factory):
    """Return `Saved` by version and name."""
    folder = tmp_path_factory.mktemp("saved")
    return {
        f"{archive.stem}-{name}": _unpacked(archive, name, folder / archive.stem)
        for archive in ARCHIVES
        for name in _names(archive)
    }


FILES = [f"{archive.stem}-{name}" for archive in ARCHIVES for name in _names(archive)]
CLASSIFIERS = [file for file in FILES if file.endswith(".reticnn")]

each_file = pytest.mark.parametrize("file", FILES)
each_classifier = pytest.mark.parametrize("file", CLASSIFIERS)


@pytest.fixture
def saved(all_saved, file):
    return all_saved[file]


def _assert_same_numbers(numbers, expected):
    np.testing.assert_allclose(numbers, expected, rtol=1e-5, atol=1e-5)


def _assert_same_predictions(predictions, expected):
    assert list(predictions) == list(expected)
    assert predictions[".pred_class"] == expected[".pred_class"]
    for name in list(expected)[1:]:
        _assert_same_numbers(predictions[name], expected[name])


# In this process


@each_file
def test_predictions_are_those_of_the_version_that_saved_it(saved):
    predictions = predict_images(saved.load(), np.load(saved.images))
    _assert_same_predictions(predictions, saved.expected["predictions"])


@each_file
def test_model_has_the_same_layers(saved):
    model = saved.load_model()
    assert list(model.input_shape[1:]) == saved.expected["input_shape"]
    table = layer_table(model)
    assert {part: table[part] for part in ("name", "type")} == saved.expected["layers"]
    parameters = describe_model(model)["parameters"]
    assert sum(parameters) == saved.expected["parameters"]


def _history(saved):
    """Return the history that was saved, with None where an epoch had no stage.

    Other gaps are NaN, which `np.testing.assert_equal` takes for equal.
    """
    history = dict(saved.expected["history"])
    if "stage" in history:
        history["stage"] = [s if s == s else None for s in history["stage"]]
    return history


@each_classifier
def test_classifier_knows_what_it_knew(saved):
    classifier = saved.load()
    for name in ("class_names", "stopped", "kept_epoch", "resize"):
        assert getattr(classifier, name) == saved.expected[name]
    wanted = _history(saved)
    assert list(classifier.history) == list(wanted)
    np.testing.assert_equal(classifier.history, wanted)


def _as_in(new, old):
    """Return a config without the settings that the old one could not have."""
    if isinstance(old, dict):
        return {name: _as_in(new[name], value) for name, value in old.items()}
    if isinstance(old, list) and len(old) == len(new):
        return [_as_in(*pair) for pair in zip(new, old, strict=True)]
    return new


@each_classifier
def test_policy_does_the_same(saved):
    policy, config = saved.load().augmentation, saved.expected["policy"]
    assert _as_in(policy and policy.to_config(), config) == config
    if policy:
        changed = augment(np.load(saved.images), policy, seed=1)
        means = changed.mean(axis=(1, 2, 3))
        same = np.isclose(means, saved.expected["changed"], rtol=0, atol=0.5)
        # They were saved with OpenCV 5. OpenCV 4 gives other grey levels by one, and by
        # as little `equalize` leaves a channel as it is.
        assert sum(~same) <= (1 if cv2.__version__.startswith("4.") else 0)


@pytest.mark.slow
@each_file
def test_it_trains_on(saved):
    loaded = saved.load()
    model = getattr(loaded, "model", loaded)
    before = _trained_weights(model)
    names = list(saved.expected["predictions"])[1:]
    labels = getattr(loaded, "class_names", names) * 2
    noise = np.random.default_rng(1).integers(
        0, 256, (len(labels), *saved.expected["input_shape"])
    )
    data = image_arrays(noise.astype("uint8"), labels)
    further = fit_classifier(loaded, data, epochs=1, progress="none", seed=1)
    history = saved.expected.get("history", {"loss": []})
    assert further.history["loss"][:-1] == history["loss"]
    assert np.isfinite(further.history["loss"][-1])
    pairs = zip(before, _trained_weights(model), strict=True)
    assert not all(np.array_equal(*pair) for pair in pairs)


def _trained_weights(model):
    return [keras.ops.convert_to_numpy(weight) for weight in model.trainable_weights]


# In a new process


@pytest.fixture(scope="module")
def elsewhere(run_python, all_saved):
    """Return class names, history and predictions of each classifier."""
    files = [all_saved[name] for name in CLASSIFIERS]
    paths = [path for file in files for path in (file.path, file.images)]
    result = run_python(predict_elsewhere, *paths)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    return dict(zip(CLASSIFIERS, map(json.loads, lines), strict=True))


@pytest.fixture(scope="module")
def by_keras(run_python, all_saved):
    """Return the outputs of each model, loaded without a function of ours."""
    files = all_saved.values()
    paths = [path for file in files for path in (file.model, file.images)]
    result = run_python(predict_by_keras, *paths)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    return dict(zip(all_saved, map(json.loads, lines), strict=True))


@pytest.mark.slow
@each_classifier
def test_new_process_gives_the_same(saved, file, elsewhere):
    class_names, history, predictions = elsewhere[file]
    assert class_names == saved.expected["class_names"]
    np.testing.assert_equal(history, _history(saved))
    _assert_same_predictions(predictions, saved.expected["predictions"])


@pytest.mark.slow
@each_file
def test_keras_alone_loads_the_model(saved, file, by_keras):
    _assert_same_numbers(by_keras[file], saved.expected["outputs"])
