"""What files tell of themselves: EXIF times and cameras, sizes in bytes and pixels."""

import datetime
import os

import numpy as np
import pytest
from PIL import Image

from reticnn import fold_images, image_arrays, image_folder, image_table, split_images

NOON = datetime.datetime(2024, 5, 1, 12)


@pytest.fixture
def photo(tmp_path):
    """Write a photo with EXIF tags, those of the photo and of how it was taken."""

    def write(name, tags, taken, size=(12, 8), **options):
        exif = Image.Exif()
        for tag, value in tags.items():
            exif[tag] = value
        for tag, value in taken.items():
            exif.get_ifd(0x8769)[tag] = value
        colour = tuple(np.random.default_rng(len(name)).integers(0, 256, 3).tolist())
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", size, colour).save(path, exif=exif, **options)
        return path

    return write


def test_times_cameras_and_sizes_are_read(photo, write_image, tmp_path):
    canon = {0x010F: "Canon", 0x0110: "Canon EOS 90D", 0x0132: "2025:01:01 00:00:00"}
    files = [
        photo("a.jpg", canon, {0x9003: "2024:05:01 12:00:00", 0x9291: "25"}),
        photo(
            "b.png", {0x010F: "RECONYX\0" + 200 * " ", 0x0110: " HF2 "}, {0xA431: "H1"}
        ),
        photo("c.webp", {0x0132: "2024:05:01 12:00:07"}, {}, size=(5, 6)),
        photo("d.tif", {0x0110: "M\x1b[2J"}, {0x9003: "0000:00:00 00:00:00"}),
        write_image(tmp_path / "e.png"),
        tmp_path / "f.jpg",
    ]
    files[-1].write_bytes(b"no image")
    table = image_table(files, image_size=8).table(exif=True)
    assert table["file"] == list(map(str, files))
    assert table["exif_time"] == [
        NOON + datetime.timedelta(seconds=0.25),
        None,
        NOON + datetime.timedelta(seconds=7),
        None,
        None,
        None,
    ]
    assert table["exif_camera"] == [
        "Canon EOS 90D",
        "RECONYX HF2 (H1)",
        None,
        "M\\x1b[2J",
        None,
        None,
    ]
    assert table["file_size"] == list(map(os.path.getsize, files))
    assert table["file_width"] == [12, 12, 5, 12, 20, None]
    assert table["file_height"] == [8, 8, 6, 8, 16, None]


def test_tables_have_what_there_is(cats):
    data = image_folder(cats, 8)
    assert data.table() == {"file": data.files, "label": data.labels}
    names = ["exif_time", "exif_camera", "file_size", "file_width", "file_height"]
    assert list(data.table(exif=True)) == ["file", "label", *names]
    # Facts that were taken from such a table stay as they are.
    kept = {"exif_time": [NOON] * 5, "site": list("abcde")}
    same = image_table(data.files, image_size=8, groups="site", facts=kept)
    assert same.table(exif=True)["exif_time"] == [NOON] * 5
    assert list(same.table()) == ["file", "group", "exif_time", "site"]
    memory = image_arrays(np.zeros((2, 8, 8, 3)), ["a", "b"])
    assert memory.table() == {"label": ["a", "b"]}
    with pytest.raises(ValueError, match="`exif` asks for what files tell"):
        memory.table(exif=True)
    with pytest.raises(TypeError, match="`exif` must be True or False"):
        data.table(exif="yes")


@pytest.mark.filterwarnings("ignore:Groups stay whole", "ignore:.* no image of")
def test_splits_can_name_what_files_tell(photo):
    for number in range(10):
        time = NOON + datetime.timedelta(minutes=7 * number % 10)
        tags = {0x0110: f"camera {number % 5}", 0x0132: f"{time:%Y:%m:%d %H:%M:%S}"}
        last = photo(f"{'ab'[number % 2]}/{'x' * (number + 1)}.png", tags, {})
    data = image_folder(last.parents[1], 8)
    parts = split_images(data, order_by="exif_time")
    times = [part.table(exif=True)["exif_time"] for part in parts.values()]
    assert max(times[0]) < min(times[1]) and len(times[1]) == 2
    parts = split_images(data, 0.6, groups="exif_camera", seed=1)
    assert set(parts["test"].groups) < {f"camera {number}" for number in range(5)}
    assert set(parts["test"].groups).isdisjoint(parts["train"].groups)
    assert len(fold_images(data, 5, groups=["exif_camera"], seed=1)) == 5
    photo("a/none.png", {}, {})
    with pytest.raises(ValueError, match="`order_by` has 1 missing value"):
        split_images(image_folder(last.parents[1], 8), order_by="exif_time")
