"""The way in which files are read stays with a classifier, and is used for new ones."""

import warnings

import numpy as np
import pytest

import reticnn
from reticnn import evaluate_classifier, image_folder, image_table, predict_images

tifffile = pytest.importorskip("tifffile")

SIDE = 8


@pytest.fixture
def micrographs(tmp_path):
    """Return a function that writes classes of images, dark and light, of 5 bands."""

    def write(name, most=4095, dtype="u2", count=8):
        rng = np.random.default_rng(len(name))
        for number in range(count):
            folder = tmp_path / name / ("dark", "light")[number % 2]
            folder.mkdir(parents=True, exist_ok=True)
            values = rng.random((SIDE, SIDE, 5)) * most / (1 + (number % 2 == 0))
            tifffile.imwrite(
                folder / f"{number}.tif",
                values.astype(dtype),
                photometric="minisblack",
                planarconfig="contig",
                metadata=None,
            )
        return tmp_path / name

    return write


def _trained(fit, data, channels):
    model = reticnn.build_cnn((SIDE, SIDE, channels), 2, n_blocks=1, filters=4, units=4)
    return fit(model, data, batch_size=4)


WAYS = {
    "numbers": {"channels": 5, "value_range": (0, 4095)},
    "each band": {
        "bands": [4, 0],
        "value_range": [(0, 4095), (10, 3000)],
    },
    "data": {"channels": 5, "value_range": "data"},
    "type": {"bands": [1, 1, 3], "value_range": "type"},
    "default": {"channels": 5},
}


@pytest.mark.filterwarnings("ignore:Files use a small part")
@pytest.mark.parametrize("way", WAYS)
def test_new_files_are_read_as_those_of_the_training(
    micrographs, fit, tmp_path, way, rebuilt
):
    data = image_folder(micrographs("train"), SIDE, **WAYS[way])
    new = micrographs("new", most=2000)
    trained = _trained(fit, data, data.image_shape[2])
    loaded = rebuilt(trained, tmp_path / "a.reticnn")
    assert loaded.reading == trained.reading == data.reading
    # What the training images would have been, had these been among them.
    alike = image_folder(new, SIDE, **WAYS[way])
    pixels = alike.source.read_as(data.reading).read(np.arange(len(alike)))
    wanted = predict_images(trained, pixels)[".pred_light"]
    for classifier in (trained, loaded):
        by_path = predict_images(classifier, str(new))
        np.testing.assert_allclose(by_path[".pred_light"], wanted, atol=1e-6)
        one = predict_images(classifier, alike.files[3])[".pred_light"]
        np.testing.assert_allclose(one, wanted[3:4], atol=1e-5)
        by_data = predict_images(classifier, alike)[".pred_light"]
        np.testing.assert_allclose(by_data, wanted, atol=1e-6)
        scores = evaluate_classifier(classifier, str(new))
        assert scores["loss"] == pytest.approx(
            evaluate_classifier(classifier, alike)["loss"], abs=1e-6
        )


@pytest.fixture
def rebuilt():
    """Return a function that saves a classifier and loads it."""

    def save_and_load(classifier, path):
        return reticnn.load_classifier(reticnn.save_classifier(classifier, path))

    return save_and_load


def test_another_way_of_reading_is_told_by_name(micrographs, fit):
    folder = micrographs("train")
    options = {"bands": [3, 2, 1], "value_range": (0, 4095)}
    trained = _trained(fit, image_folder(folder, SIDE, **options), 3)
    assert "read by bands (3, 2, 1), values 0 to 4095" in repr(trained)
    new = image_folder(micrographs("new"), SIDE, bands=[0, 1, 2], value_range=(0, 100))
    with pytest.warns(UserWarning) as caught:
        predict_images(trained, new)
    texts = [str(w.message) for w in caught if "read with" in str(w.message)]
    assert len(texts) == 1
    assert "`bands=(0, 1, 2), value_range=(0, 100)`" in texts[0]
    assert "`bands=(3, 2, 1), value_range=(0, 4095)`" in texts[0]
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        predict_images(trained, image_folder(folder, SIDE, **options))
    with pytest.raises(ValueError, match="read with 2 chosen bands, but the model tak"):
        predict_images(trained, image_folder(folder, SIDE, bands=[0, 1]))


def test_further_training_reads_a_folder_as_before(micrographs, fit):
    folder = micrographs("train")
    options = {"channels": 5, "value_range": (0, 4095)}
    trained = _trained(fit, image_folder(folder, SIDE, **options), 5)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        again = fit(trained, str(folder), batch_size=4)
    assert again.reading == trained.reading


def test_a_saved_way_of_reading_that_cannot_be_is_refused(micrographs, fit, tmp_path):
    import json
    import zipfile

    trained = _trained(fit, image_folder(micrographs("train"), SIDE, channels=5), 5)
    path = reticnn.save_classifier(trained, tmp_path / "a.reticnn")
    good = {"channels": 5, "bands": None, "page": "first"}
    ranges = {"asked": None, "pairs": None}
    for changes in (
        {"channels": "5", "value_range": ranges},
        {"bands": [-1], "value_range": ranges},
        {"page": "last", "value_range": ranges},
        {"value_range": {"asked": "numbers", "pairs": None}},
        {"value_range": {"asked": None, "pairs": [[2, 1]]}},
        {"value_range": {"asked": "other", "pairs": None}},
        {"value_range": ranges, "reader": "os.remove"},
        {},
    ):
        with zipfile.ZipFile(path) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        name = next(name for name in parts if name.endswith("json"))
        record = json.loads(parts[name])
        record["reading"] = {**good, **changes}
        parts[name] = json.dumps(record)
        with zipfile.ZipFile(tmp_path / "b.reticnn", "w") as archive:
            for name, content in parts.items():
                archive.writestr(name, content)
        with pytest.raises(ValueError, match="its `reading` cannot be read"):
            reticnn.load_classifier(tmp_path / "b.reticnn")


def test_files_for_a_model_of_many_channels_are_read_so(micrographs):
    folder = micrographs("train")
    model = reticnn.build_cnn((SIDE, SIDE, 5), 2, n_blocks=1, filters=4, units=4)
    pixels = image_table([str(folder / "light" / "1.tif")], None, SIDE, channels=5)
    maps = reticnn.feature_maps(model, str(folder / "light" / "1.tif"))
    wanted = reticnn.feature_maps(model, pixels)
    for name, values in maps.items():
        np.testing.assert_array_equal(values, wanted[name])
