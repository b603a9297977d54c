"""Predictions written to a file: in order, flat, and the same after any kill."""

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import reticnn
from reticnn.prediction import write

pandas = pytest.importorskip("pandas")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Return a folder of 200 images, of which two cannot be read."""
    folder = tmp_path_factory.mktemp("photos")
    images = reticnn.load_images(reticnn.shape_images(200, image_size=16, seed=3))
    for number, image in enumerate(images["images"]):
        Image.fromarray(image).save(folder / f"{number:03}.png")
    (folder / "007.png").write_bytes(b"no image")
    (folder / "150.png").write_bytes((folder / "151.png").read_bytes()[:60])
    return folder


@pytest.fixture
def small_steps(monkeypatch):
    """Write every two batches."""
    monkeypatch.setattr(write, "_FIRST_BATCHES", 2)
    monkeypatch.setattr(write, "_SECONDS", 0.0)


def _read(path):
    if Path(path).suffix == ".parquet":
        return pandas.read_parquet(path)
    return pandas.read_csv(path, dtype={".problem": object})


def _expected(classifier, photos, **arguments):
    with pytest.warns(UserWarning, match="2 of 200 files cannot be read"):
        return pandas.DataFrame(
            reticnn.predict_images(classifier, photos, on_bad_image="skip", **arguments)
        )


def _check(table, expected):
    """Compare the good rows with those of `predict_images`, and see the bad ones."""
    files = [Path(file).name for file in table[".file"]]
    assert files == sorted(files)
    bad = table[table[".problem"].notna()]
    assert [Path(file).name for file in bad[".file"]] == ["007.png", "150.png"]
    assert bad[[".pred_class", ".pred_circle", ".pred_square"]].isna().all(axis=None)
    good = table[table[".problem"].isna()].drop(columns=".problem")
    pandas.testing.assert_frame_equal(
        good.reset_index(drop=True), expected, rtol=0, atol=1e-6, check_dtype=False
    )


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"crops": 10},
        {"scales": (16, 24)},
        {"prior": {"circle": 0.9, "square": 0.1}},
    ],
    ids=["as they are", "crops", "scales", "prior"],
)
def test_rows_are_those_of_predict_images(
    classifier, photos, tmp_path, small_steps, ending, arguments
):
    path = tmp_path / f"predictions.{ending}"
    given = reticnn.write_predictions(classifier, photos, path, **arguments)
    assert given == str(path)
    _check(_read(path), _expected(classifier, photos, **arguments))
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        path.name,
        f"{path.name}.run",
    ]


def test_novelty_and_sets_are_written(classifier, photos, tmp_path, shapes):
    swapped = reticnn.load_images(reticnn.shape_images(60, image_size=16, seed=9))
    swapped["labels"][::5] = swapped["labels"][1::5]
    data = reticnn.image_arrays(swapped["images"], swapped["labels"])
    known = reticnn.prediction_sets(classifier, data)
    known = reticnn.novelty_threshold(known, data, method="softmax")
    expected = _expected(known, photos, type="set")
    for ending in ("csv", "parquet"):
        path = tmp_path / f"sets.{ending}"
        reticnn.write_predictions(known, photos, path, type="set")
        table = _read(path)
        table = table[table[".problem"].isna()].reset_index(drop=True)
        sets = table[".pred_set"].tolist()
        if ending == "csv":
            sets = [[] if text != text else text.split(";") for text in sets]
        assert list(map(list, sets)) == expected[".pred_set"].tolist()
        assert table[".novel"].astype(bool).tolist() == expected[".novel"].tolist()


def test_a_classifier_that_was_loaded_goes_on(classifier, photos, tmp_path, shapes):
    others = reticnn.shape_images(20, image_size=16, seed=8)
    known = reticnn.novelty_threshold(
        classifier, others, method="neighbours", reference=shapes
    )
    path = tmp_path / "predictions.csv"
    reticnn.write_predictions(known, photos, path)
    saved = reticnn.save_classifier(known, tmp_path / "c.reticnn")
    before = path.read_bytes()
    reticnn.write_predictions(reticnn.load_classifier(saved), photos, path)
    assert path.read_bytes() == before


def test_a_class_may_be_called_set(photos, tmp_path, tiny_cnn, refused):
    given = {"classifier": tiny_cnn(), "images": photos, "class_names": ["set", "b"]}
    path = reticnn.write_predictions(path=tmp_path / "out.parquet", **given)
    assert _read(path)[".pred_set"].between(0, 1).sum() == 198
    with refused(ValueError, "class_names", "'set'"):
        reticnn.write_predictions(path=tmp_path / "b.csv", type="set", **given)


def test_parts_are_the_whole(classifier, photos, tmp_path):
    whole = reticnn.write_predictions(classifier, photos, tmp_path / "all.csv")
    parts = [
        reticnn.write_predictions(
            classifier, photos, tmp_path / f"{number}.csv", part=(number, 3.0)
        )
        for number in (1, 2, 3)
    ]
    joined = pandas.concat(map(_read, parts), ignore_index=True)
    pandas.testing.assert_frame_equal(joined, _read(whole), rtol=0, atol=1e-6)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_run_cut_off_goes_on_where_it_was(
    classifier, photos, tmp_path, small_steps, monkeypatch, ending
):
    whole = reticnn.write_predictions(classifier, photos, tmp_path / f"whole.{ending}")
    path = tmp_path / f"cut.{ending}"
    added, calls = write._added, []

    def failing(file, place, table, record):
        calls.append(record["rows"])
        if len(calls) in (1, 3):
            # Half of the rows are there, and nothing says so.
            half = {name: column[:9] for name, column in table.items()}
            added(file, place, half, record)
            raise KeyboardInterrupt
        return added(file, place, table, record)

    monkeypatch.setattr(write, "_added", failing)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            reticnn.write_predictions(classifier, photos, path)
    reticnn.write_predictions(classifier, photos, path, batch_size=20)
    assert calls[:4] == [0, 0, 64, 64]
    pandas.testing.assert_frame_equal(_read(path), _read(whole), rtol=1e-5)
    # Once more, there is nothing to do.
    before, number = path.read_bytes(), len(calls)
    reticnn.write_predictions(classifier, photos, path)
    assert path.read_bytes() == before
    assert len(calls) == number


def test_a_part_half_written_is_no_obstacle(
    classifier, photos, tmp_path, small_steps, monkeypatch
):
    path = tmp_path / "predictions.parquet"
    keep = write._keep

    def killed_before(place, record):
        if record["state"] == 2:
            # As a kill leaves it that comes while the third part is written.
            scratch = tmp_path / "predictions.parquet.parts" / f".reticnn-{'0' * 16}"
            scratch.mkdir()
            (scratch / "lock").touch()
            (scratch / "whole").write_bytes(b"PAR1")
            raise KeyboardInterrupt
        keep(place, record)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(write, "_keep", killed_before)
        reticnn.write_predictions(classifier, photos, path)
    reticnn.write_predictions(classifier, photos, path)
    _check(_read(path), _expected(classifier, photos))
    assert not path.with_name("predictions.parquet.parts").exists()


_RUN = """
import sys, reticnn
from reticnn.prediction import write
write._FIRST_BATCHES, write._SECONDS = 1, 0.0
classifier = reticnn.load_classifier(sys.argv[1])
print("ready", flush=True)
reticnn.write_predictions(classifier, sys.argv[2], sys.argv[3], batch_size=2)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_killed_at_random_no_row_is_lost_or_doubled(
    classifier, photos, tmp_path, ending
):
    saved = reticnn.save_classifier(classifier, tmp_path / "c.reticnn")
    path, draws = tmp_path / f"predictions.{ending}", np.random.default_rng(1)
    for _ in range(4):
        command = [sys.executable, "-c", _RUN, saved, str(photos), str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
            assert run.stdout.readline() == "ready\n"
            time.sleep(draws.uniform(0.3, 2))
            run.send_signal(signal.SIGKILL)
    reticnn.write_predictions(classifier, photos, path, batch_size=2)
    _check(_read(path), _expected(classifier, photos))


def test_bad_input_is_refused(classifier, photos, shapes, tmp_path, refused, tiny_cnn):
    path = tmp_path / "predictions.csv"

    def write_to(place=path, images=photos, **arguments):
        return reticnn.write_predictions(classifier, images, place, **arguments)

    with refused(ValueError, "path", "'.csv' or '.parquet'"):
        write_to(tmp_path / "predictions.xlsx")
    with refused(ValueError, "images", "in memory", "predict_images()"):
        write_to(images=shapes)
    with refused(ValueError, "images", "not tiles"):
        write_to(images=reticnn.image_tiles(str(photos / "001.png"), 8))
    for part in ((0, 3), (4, 3), (1,), (1, 2, 3)):
        with refused(ValueError, "part"):
            write_to(part=part)
    with refused(ValueError, "part", "300", "200"):
        write_to(part=(1, 300))
    for name in ("a\0.png", "\ud800.png"):
        with refused(ValueError, "images", "no file can have such a name"):
            write_to(images=[str(photos / "001.png"), name])
    for gone in ("photo", ["1.png", "2.png"]):
        with refused(FileNotFoundError, "images", "do not exist", "working directory"):
            write_to(images=gone)
    assert not list(tmp_path.glob("predictions*"))
    path.write_text("mine")
    with refused(ValueError, "path", "exists", "Delete it"):
        write_to()
    assert path.read_text() == "mine"


def test_the_file_of_another_run_is_refused(
    classifier, photos, tmp_path, refused, tiny_cnn
):
    path = tmp_path / "predictions.csv"
    reticnn.write_predictions(classifier, photos, path)
    before = path.read_bytes()
    others = {
        "with other arguments": {"crops": 2},
        "for another `part`": {"part": (1, 2)},
        "for other images": {"images": [photos / "001.png"]},
        "by another classifier": {"classifier": tiny_cnn()},
    }
    for text, other in others.items():
        arguments = {"classifier": classifier, "images": photos, **other}
        with refused(ValueError, "path", text, f"{path}.run"):
            reticnn.write_predictions(path=path, **arguments)
    path.write_bytes(before[:-20])
    with refused(ValueError, "path", "bytes it had"):
        reticnn.write_predictions(classifier, photos, path)
    path.write_bytes(before)
    record = Path(f"{path}.run")
    record.write_text(json.dumps({**json.loads(record.read_text()), "done": False}))
    path.write_bytes(before[:-20])
    with refused(ValueError, "path", "bytes it had"):
        reticnn.write_predictions(classifier, photos, path)
    record.write_text("{")
    with refused(ValueError, "path", "cannot be read"):
        reticnn.write_predictions(classifier, photos, path)


def test_a_run_is_told_by_what_the_network_computes(
    photos, tmp_path, tiny_cnn, refused
):
    parts = [
        reticnn.Classifier(tiny_cnn(seed=seed), ["a", "b"], {"epoch": []})
        for seed in (1, 2)
    ]
    even, other, same = (
        reticnn.ensemble_classifiers(parts, weights=weights)
        for weights in ([0.5, 0.5], [0.9, 0.1], [5, 5])
    )
    path = reticnn.write_predictions(even, photos, tmp_path / "a.csv")
    assert reticnn.write_predictions(same, photos, path) == path
    with refused(ValueError, "path", "by another classifier"):
        reticnn.write_predictions(other, photos, path)


def test_networks_in_half_precision_are_told_apart(photos, tmp_path, tiny_cnn, refused):
    import keras

    keras.config.set_dtype_policy("bfloat16")
    try:
        one, other = tiny_cnn(seed=1), tiny_cnn(seed=2)
    finally:
        keras.config.set_dtype_policy("float32")
    given = {"images": [photos / "001.png"], "class_names": ["a", "b"]}
    path = reticnn.write_predictions(one, path=tmp_path / "a.csv", **given)
    with refused(ValueError, "path", "by another classifier"):
        reticnn.write_predictions(other, path=path, **given)


def test_other_files_of_the_same_names_are_noticed(
    classifier, tmp_path, write_image, refused, monkeypatch
):
    for name in ("one", "two"):
        (tmp_path / name / "photos").mkdir(parents=True)
        write_image(tmp_path / name / "photos" / "1.png")
    path = tmp_path / "a.csv"
    monkeypatch.chdir(tmp_path / "one")
    reticnn.write_predictions(classifier, "photos", path)
    monkeypatch.chdir(tmp_path / "two")
    with refused(ValueError, "path", "for other images"):
        reticnn.write_predictions(classifier, "photos", path)
    monkeypatch.chdir(tmp_path / "one")
    Path("photos/1.png").write_bytes(b"no image")
    with pytest.warns(UserWarning, match="larger or smaller than"):
        reticnn.write_predictions(classifier, "photos", path)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_finished_file_that_is_gone_is_written_again(
    classifier, photos, tmp_path, ending
):
    path = tmp_path / f"a.{ending}"
    reticnn.write_predictions(classifier, photos, path)
    path.unlink()
    # As a kill leaves it that comes while the parts are deleted.
    left = tmp_path / "a.parquet.parts"
    left.mkdir()
    reticnn.write_predictions(classifier, photos, path)
    assert len(_read(path)) == 200
    assert left.exists() == (ending == "csv")


def test_a_bad_file_is_bad_each_time_it_comes(classifier, photos, tmp_path):
    labels = ["circle", "square"]
    files = [str(photos / name) for name in ("007.png", "001.png")]
    data = reticnn.image_table(files, labels)[[0, 0, 1, 0]]
    # Also of a run that is over.
    for _ in range(2):
        with pytest.warns(UserWarning, match="3 of 4 images cannot be read"):
            path = reticnn.write_predictions(classifier, data, tmp_path / "a.csv")
    table = _read(path)
    assert table[".problem"].notna().tolist() == [True, True, False, True]
    assert table[".pred_class"].notna().tolist() == [False, False, True, False]


def test_what_is_missing_is_empty_and_the_rest_is_read_by_r(
    classifier, photos, tmp_path, tiny_cnn
):
    others = reticnn.shape_images(20, image_size=16, seed=8)
    known = reticnn.novelty_threshold(classifier, others, method="softmax")
    path = reticnn.write_predictions(known, [photos / "001.png"], tmp_path / "a.csv")
    header, row = Path(path).read_text().splitlines()
    novel = row.split(",")[header.split(",").index(".novel")]
    assert novel in ("TRUE", "FALSE")
    model = tiny_cnn()
    model.set_weights([weight * np.nan for weight in model.get_weights()])
    given = {"images": [photos / "001.png"], "class_names": ["a", "b"]}
    with pytest.warns(UserWarning, match="NaN"):
        path = reticnn.write_predictions(model, path=tmp_path / "b.csv", **given)
    assert Path(path).read_text().splitlines()[1].startswith(",,,")


def test_one_process_at_a_time_writes(classifier, photos, tmp_path, refused):
    path = tmp_path / "predictions.csv"
    with write._alone(str(path)), refused(ValueError, "path", "this process"):
        reticnn.write_predictions(classifier, photos, path)
    assert not path.exists()


def test_names_of_files_may_be_any(classifier, tmp_path, write_image):
    names = ['a,"b".png', "line\nbreak.png", "Icon\r.png", "ä.png", "gone.png"]
    files = [tmp_path / name for name in names]
    for file in files[:4]:
        write_image(file)
    path = reticnn.write_predictions(classifier, files, tmp_path / "out.csv")
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [Path(row[".file"]).name for row in rows] == names
    assert [bool(row[".problem"]) for row in rows] == [False, False, False, False, True]
    assert rows[4][".pred_class"] == ""


def test_progress_counts_all_batches(classifier, photos, tmp_path, small_steps):
    states = []
    reticnn.write_predictions(
        classifier, photos, tmp_path / "a.csv", crops=2, progress=states.append
    )
    assert states[-1] == {"step": 7, "steps": 7, "done": True}


def test_without_pyarrow_a_parquet_file_says_how_to_have_it(
    classifier, photos, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ImportError, match='pip install "pyarrow"'):
        reticnn.write_predictions(classifier, photos, tmp_path / "a.parquet")
