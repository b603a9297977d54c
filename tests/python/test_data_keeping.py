"""Image data as bytes, as R keeps them, and back."""

import datetime

import numpy as np
import pytest
from PIL import Image

import reticnn
from reticnn import ImageData


def again(data):
    """Return data made of the bytes that are kept of them."""
    kept = data.kept()
    source = data.kept_source() if kept.get("source") else None
    return ImageData.from_kept(kept["part"], source)


def check_same(data, other):
    """Raise unless two image data are the same in all that users see."""
    assert repr(other) == repr(data)
    assert other.table() == data.table()
    assert other.class_names == data.class_names
    every = np.arange(len(data))
    np.testing.assert_array_equal(other.read(every), data.read(every))
    assert other.pixel_identities().tolist() == data.pixel_identities().tolist()


@pytest.fixture
def in_memory():
    """Six images with all that can be known of them."""
    pixels = np.random.default_rng(1).integers(0, 256, (6, 8, 8, 3), "uint8")
    day, time = datetime.date(2026, 5, 1), datetime.datetime(2026, 5, 1, 12, 30)
    return reticnn.image_arrays(
        pixels,
        ["cat", "dög"] * 3,
        groups=list("aabbcc"),
        facts={"day": [day] * 6, "time": [None] + [time] * 5, "n": [1.5] * 6},
        weights=[1, 2, 3, 4, 5, 6],
    )


@pytest.fixture
def folder(tmp_path):
    """A folder of two classes of three images of 16 bits each."""
    for number, name in enumerate(["cat", "dog"]):
        (tmp_path / name).mkdir()
        for image in range(3):
            values = np.random.default_rng(3 * number + image).random((12, 16))
            file = tmp_path / name / f"{image}.tif"
            Image.fromarray(values.astype("float32")).save(file)
    return tmp_path


def test_images_in_memory_are_the_same(in_memory):
    for data in [in_memory, in_memory[[4, 1]], in_memory[::-1], in_memory[:0]]:
        check_same(data, again(data))


def test_facts_may_have_any_name():
    facts = {name: list("ab") for name in (".array", ".source", ".time", ".dict")}
    data = reticnn.image_arrays(np.zeros((2, 8, 8, 3), "uint8"), facts=facts)
    check_same(data, again(data))


def test_a_small_part_takes_the_room_of_its_images():
    data = reticnn.shape_images(400, seed=1)
    part = data[:4].kept()
    assert "source" not in part
    assert len(part["part"]) < 20_000
    assert data[:300].kept()["source"] == data.kept()["source"]


def test_joined_and_augmented_and_drawn_images_are_the_same(in_memory):
    mirrored = reticnn.augment(in_memory, reticnn.augmentation(flip="horizontal"))
    check_same(mirrored, again(mirrored))
    joined = again(in_memory + in_memory[:2]) + in_memory
    check_same(joined, again(joined))
    shapes = reticnn.shape_images(6, seed=1, masks=True)
    np.testing.assert_array_equal(again(shapes).masks, shapes.masks)


def test_files_are_read_as_before_from_any_folder(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    data = reticnn.image_folder(folder.name, (6, 8), value_range="data", resize="crop")
    train = reticnn.split_images(data, 0.5, seed=1)["train"]
    read = train.read(np.arange(len(train)))
    monkeypatch.chdir("/")
    for one in [data, train, train.read_at((4, 4, 3))]:
        check_same(one, again(one))
    np.testing.assert_array_equal(again(train).read(np.arange(len(train))), read)


def test_tiles_are_the_same(folder):
    tiles = reticnn.image_tiles(sorted(folder.rglob("*.tif")), 6, value_range=(0, 1))
    check_same(tiles[3:], again(tiles[3:]))
    np.testing.assert_array_equal(again(tiles).boxes, tiles.boxes)


def test_files_that_are_gone_are_named(folder):
    data = reticnn.image_folder(folder, 8, value_range=(0, 1))
    kept, source = data.kept(), data.kept_source()
    others = data[1:].kept()
    (folder / "cat" / "0.tif").unlink()
    with pytest.raises(FileNotFoundError, match=r"1 of their 6 files .*0\.tif"):
        ImageData.from_kept(kept["part"], source)
    assert len(ImageData.from_kept(others["part"], source)) == 5


def test_files_that_have_changed_are_named(folder):
    data = reticnn.image_folder(folder, 8, value_range=(0, 1))
    kept, source = data.kept(), data.kept_source()
    Image.fromarray(np.zeros((2, 2), "float32")).save(folder / "cat" / "0.tif")
    with pytest.warns(UserWarning, match=r"changed .*0\.tif"):
        ImageData.from_kept(kept["part"], source).read(np.arange(6))


def test_what_cannot_be_kept_says_why(folder):
    files = sorted(folder.rglob("*.tif"))
    own = reticnn.image_table(files, reader=lambda path: np.zeros((4, 4)))
    for data in [own, own + own]:
        assert "given as `reader`" in data.kept()["why_not"]
    large = reticnn.image_arrays(np.zeros((34_000, 32, 32, 3), np.uint8))
    assert "104 MB" in large.kept()["why_not"]
