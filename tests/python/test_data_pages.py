"""Files of which the first of several pages is read are told of."""

import io
import warnings

import numpy as np
import pytest
from PIL import Image

from reticnn import (
    build_cnn,
    check_images,
    image_arrays,
    image_folder,
    image_table,
    image_tiles,
    load_images,
    predict_images,
    split_images,
)
from reticnn.data.decoding import headers_of
from reticnn.data.file_reading import Reading
from reticnn.runtime.relay import call_with_warnings

tifffile = pytest.importorskip("tifffile")

RNG = np.random.default_rng(1)
SEVERAL = "several pages, or frames, of which the first is read"


def _pages(path, count, dtype="u2", size=12, **options):
    with tifffile.TiffWriter(path, **options) as tiff:
        for _ in range(count):
            page = RNG.integers(0, np.iinfo(dtype).max, (size, size)).astype(dtype)
            tiff.write(page, photometric="minisblack", metadata=None, contiguous=False)
    return str(path)


def _told(action):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        value = action()
    return value, [str(one.message) for one in caught if SEVERAL in str(one.message)]


@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_stacks_are_counted_once(tmp_path, dtype):
    files = [_pages(tmp_path / f"{n}.tif", 3 if n < 2 else 1, dtype) for n in range(5)]

    def use():
        data = image_table(files, list("ababa"), 12, channels=1)
        parts = split_images(data, seed=1)
        for part in parts.values():
            load_images(part)
        predict_images(build_cnn((8, 8, 1), num_classes=2), data)
        return data

    data, told = _told(use)
    (text,) = told
    assert text.startswith("2 of 5 files have several pages")
    assert "`page=0` if the first is right" in text
    assert "first of several pages: 2 of the images" in repr(data)
    assert "several pages" not in repr(data[2:])
    memory = image_arrays(np.zeros((2, 12, 12, 1), "u1"), list("ab"))
    assert "first of several pages: 1 of the images" in repr(memory + data[1:])


@pytest.mark.parametrize("page", [0, 1, "bands"])
def test_a_page_that_is_asked_for_is_not_told_of(tmp_path, page):
    files = [_pages(tmp_path / "a.tif", 2)]
    channels = 2 if page == "bands" else 1
    data = image_table(files, None, 12, channels=channels, page=page)
    _, told = _told(lambda: (load_images(data), repr(data)))
    assert not told
    assert "first of several" not in repr(data)


def test_photos_and_animations_are_not_told_of(tmp_path):
    photo = Image.fromarray(RNG.integers(0, 255, (32, 32, 3), "u1"))
    small = photo.resize((8, 8))
    many = {"save_all": True, "append_images": [photo.rotate(90)]}
    photo.save(tmp_path / "phone.jpg", "MPO", save_all=True, append_images=[small])
    photo.save(tmp_path / "other.mpo", "MPO", save_all=True, append_images=[photo])
    for ending in ("gif", "png", "webp"):
        photo.save(tmp_path / f"animation.{ending}", **many)
    # A TIFF of a camera, with a preview, and one with smaller copies for zooming.
    for name, kind in (("preview.tif", 0), ("zoom.tif", 1)):
        with tifffile.TiffWriter(tmp_path / name) as tiff:
            for image, own in ((photo, 0), (small, kind)):
                tiff.write(np.asarray(image), photometric="rgb", subfiletype=own)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = image_folder(tmp_path, 16)
        load_images(data)
        assert "several" not in repr(data)
        check_images(tmp_path)


def test_an_image_counts_once_whatever_its_tiles(tmp_path):
    file = _pages(tmp_path / "a.tif", 2, size=32)
    tiles = image_tiles([file], 8, channels=1)
    _, told = _told(lambda: load_images(tiles))
    assert told[0].startswith("1 of 1 file")
    assert len(told) == 1


def test_r_counts_pages_from_one(tmp_path):
    file = _pages(tmp_path / "a.tif", 2)
    data = image_table([file], None, 12, channels=1)
    _, texts, _ = call_with_warnings(load_images, data)
    assert any("`page = 1` if the first is right" in text for text in texts)


def test_check_images_counts_them(tmp_path):
    _pages(tmp_path / "a.tif", 2)
    _pages(tmp_path / "b.tif", 2, "u1")
    _pages(tmp_path / "c.tif", 1)
    with pytest.warns(UserWarning, match=f"2 of 3 files have {SEVERAL} unless `page`"):
        table = check_images(tmp_path)
    assert list(table) == [
        "file",
        "class",
        "ok",
        "format",
        "width",
        "height",
        "problem",
    ]
    assert all(table["ok"])


def test_a_damaged_second_page_is_none(tmp_path):
    file = _pages(tmp_path / "a.tif", 2)
    content = (tmp_path / "a.tif").read_bytes()
    last = tifffile.TiffFile(io.BytesIO(content)).pages[1].offset
    (tmp_path / "b.tif").write_bytes(content[:last])
    headers = headers_of([file, str(tmp_path / "b.tif")], Reading(channels=1))
    assert [header.has_more_pages for header in headers] == [True, False]
