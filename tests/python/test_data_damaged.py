"""Damaged files, folders that cannot be read, and files that change meanwhile."""

import os
import shutil
import tempfile
import warnings

import numpy as np
import pytest
from torture import images as torture

import reticnn
from reticnn import check_images, image_folder, image_table, load_images

# Damaged at random


@pytest.mark.slow
def test_damaged_images_are_decoded_or_named():
    assert torture.fallen_of(400, seed=3) == []


def test_all_kinds_are_damaged_in_many_ways(tmp_path):
    torture.write_mutated(tmp_path, 60, seed=1)
    table = check_images(tmp_path)
    assert len(set(table["file"])) == 60
    assert 5 < sum(table["ok"]) < 55


# Many bad files


def test_ten_of_many_bad_files_are_named_and_the_others_counted(tmp_path, write_image):
    write_image(tmp_path / "good.png")
    for number in range(284):
        (tmp_path / f"{number:03}.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match="284 of 285 files") as caught:
        load_images(image_folder(tmp_path, 8))
    text = str(caught.value)
    assert text.count("is not an image") == 10
    assert "009.png" in text
    assert "010.png" not in text
    assert "and 274 more; `check_images()` lists all" in text
    with pytest.warns(UserWarning, match="and 274 more"):
        data = image_folder(tmp_path, 8, on_bad_image="skip")
    assert len(data.skipped) == 284
    assert check_images(tmp_path)["ok"].count(False) == 284


# Folders that cannot be read


@pytest.fixture
def closed(cats, monkeypatch):
    """Return a folder of two classes, with a subfolder of one that is closed to us."""
    folder = str(cats / "cat" / "album")
    os.makedirs(folder)
    scandir = os.scandir

    # Not by its mode: root, as tests run in containers, reads everything.
    def scan(path):
        if os.fspath(path) == folder:
            raise PermissionError(13, "Permission denied", folder)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", scan)
    return cats


def test_a_closed_subfolder_is_an_error(closed):
    with pytest.raises(ValueError, match=r"1 folder .*album' \(permission denied\)"):
        image_folder(closed, 8)


def test_a_closed_subfolder_is_skipped_by_choice(closed):
    with pytest.warns(UserWarning, match=r"album' \(permission .*are skipped"):
        data = image_folder(closed, 8, on_bad_image="skip")
    assert data.class_counts == {"cat": 3, "dog": 2}


def test_a_closed_subfolder_has_a_row_of_its_own(closed):
    table = check_images(closed)
    rows = dict(zip(table["file"], table["problem"], strict=True))
    assert len(rows) == 6
    reason = "is a folder that cannot be read (permission denied)"
    assert rows[str(closed / "cat" / "album")] == reason
    assert table["class"].count("cat") == 4
    assert table["ok"].count(False) == 1


def test_a_closed_subfolder_is_named_in_prediction(closed, tiny_cnn):
    from reticnn import predict_images

    model, names = tiny_cnn(), ["cat", "dog"]
    with pytest.raises(ValueError, match="`images` has 1 folder that cannot be read"):
        predict_images(model, closed, class_names=names)
    with pytest.warns(UserWarning, match="are skipped"):
        table = predict_images(model, closed, class_names=names, on_bad_image="skip")
    assert len(table[".file"]) == 5


def _as_nobody(action):
    """Return the text of the error that an action raises where root has no rights."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        text = "no error"
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            action()
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
        finally:
            os.write(writing, text.encode())
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with open(reading, encoding="utf-8") as said:
        return said.read()


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root becomes another"
)
@pytest.mark.filterwarnings("ignore:.*fork")
@pytest.mark.parametrize("mode", [0o000, 0o444])
@pytest.mark.parametrize("place", ["cat/album", "cat", "."])
def test_rights_of_folders_count(write_image, mode, place):
    folder = tempfile.mkdtemp()
    try:
        for name in ("cat/1.png", "cat/album/2.png", "cat/album/in/3.png", "dog/4.png"):
            write_image(os.path.join(folder, name))
        os.chmod(folder, 0o755)
        os.chmod(os.path.join(folder, place), mode)
        text = _as_nobody(lambda: image_folder(folder, 8))
    finally:
        shutil.rmtree(folder)
    if (place, mode) == ("cat/album", 0o444):
        assert "cannot be read: " in text
        assert "album/in" in text
    else:
        assert text.startswith("ValueError: `path` ")
        assert "cannot be read" in text


# Files that change


def test_files_that_change_are_told_once(cats, write_image):
    data = image_folder(cats, 8)
    write_image(cats / "cat" / "1.png", (0, 0, 0), size=(200, 300))
    write_image(cats / "dog" / "1.png", (0, 0, 0), size=(200, 300))
    with pytest.warns(
        UserWarning, match=r"1\.png' \(\d+ bytes then, \d+ now\)"
    ) as told:
        images = load_images(data)["images"]
    assert [str(one.message).count("bytes then") for one in told] == [2]
    assert (images[0] == 0).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_image(cats / "cat" / "3.png", (0, 0, 0), size=(200, 300))
        assert (load_images(data)["images"] == 0).all(axis=(1, 2, 3)).sum() == 3


@pytest.mark.parametrize("how", ["deleted", "damaged"])
def test_a_file_lost_in_training_is_named_alone(
    tmp_path, write_image, tiny_cnn, fit, how
):
    import keras

    files = [
        str(write_image(tmp_path / f"{number}.png", (number, 0, 0)))
        for number in range(12)
    ]
    data = image_table(files, ["cat", "dog"] * 6, 16, cache="none")

    class Loss(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if how == "deleted" and os.path.exists(files[5]):
                os.remove(files[5])
            elif how == "damaged":
                np.zeros(9).tofile(files[5])

    model = tiny_cnn()
    taken = model.fit
    model.fit = lambda *args, callbacks, **more: taken(
        *args, callbacks=[*callbacks, Loss()], **more
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(
            ValueError, match=r"^1 of 12 files(?s:.*)5\.png: "
        ) as caught:
            fit(model, data, epochs=3, batch_size=2, cache_features="none")
    text = str(caught.value)
    assert ("does not exist" in text) == (how == "deleted")
    assert text.startswith("1 of 12 files")
    assert text.count("\n") == 2
    assert "Graph" not in text


# Folders that are given in place of data


def test_a_folder_with_a_bad_file_is_no_matter_of_the_function_that_reads_it(cats):
    (cats / "cat" / "bad.png").write_text("no photo")
    wanted = r"bad\.png(.|\n)*where the data are made, as by `image_folder\(\)`"
    for function in (reticnn.review_images, reticnn.load_images):
        with pytest.raises(ValueError, match=wanted):
            function(cats)
    with pytest.raises(ValueError, match=wanted):
        reticnn.review_images({"train": image_folder(cats, 8)})


def test_what_image_folder_asks_is_answered_there(tmp_path, write_image):
    for place in ("n/fox/1.png", "n/elk/2.png", "s/fox/3.png", "s/elk/4.png"):
        write_image(tmp_path / place, (60, 80, int(place[-5])))
    asked = r"^`data` has folders.*Which are.*`image_folder\(path, groups=1\)`"
    with pytest.warns(UserWarning, match=asked) as caught:
        reticnn.split_images(tmp_path, 0.5, seed=1)
    assert caught[0].filename == __file__
    one = tmp_path / "n" / "fox"
    (one / "n").mkdir()
    shutil.move(one / "1.png", one / "n" / "1.png")
    with pytest.raises(
        ValueError, match=r"^`data` has only .*`image_folder\(\)` for that"
    ):
        reticnn.split_images(one, 0.5)
