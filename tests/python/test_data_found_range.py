"""What is black and white by `value_range="data"`, and what is said of it."""

import ast
import json
import re
import warnings

import numpy as np
import pytest

from reticnn import (
    fold_images,
    image_table,
    image_tiles,
    load_images,
    shape_images,
    split_images,
)
from reticnn.data.file_reading import Reading
from reticnn.runtime.conditions import SplitNotice
from reticnn.runtime.relay import call_with_warnings

tifffile = pytest.importorskip("tifffile")

RNG = np.random.default_rng(1)

# Two reflectances and a temperature.
LOWS, HIGHS = np.array([0, 0, 280.0]), np.array([0.2, 0.9, 320])


def _files(folder, lows=LOWS, highs=HIGHS, size=24, count=4, dtype="f4"):
    paths = [str(folder / f"{number}.tif") for number in range(count)]
    for path in paths:
        shape = (size, size, len(lows))
        values = (lows + RNG.random(shape) * (np.subtract(highs, lows))).astype(dtype)
        values = values if len(lows) > 1 else values[..., 0]
        planar = "contig" if len(lows) > 1 else None
        tifffile.imwrite(path, values, photometric="minisblack", planarconfig=planar)
    return paths


def _said(caught):
    return [str(one.message) for one in caught if "One range" in str(one.message)]


@pytest.mark.parametrize("bands", [None, [2, 0], [0, 2, 1]])
def test_bands_of_other_scales_are_named_with_the_ranges_to_give(tmp_path, bands):
    files = _files(tmp_path)
    options = {"channels": 3} if bands is None else {"bands": bands}
    with pytest.warns(UserWarning, match="One range") as caught:
        data = image_table(files, None, 24, value_range="data", **options)
        flat = load_images(data)["images"]
        load_images(data)
    (text,) = _said(caught)
    assert caught[0].filename == __file__
    own = bands or [0, 1, 2]
    told = text[: text.index("Give")]
    assert re.findall(r"(\d) \(", told) == [str(band) for band in own]
    # The list in the message is what to give.
    pairs = ast.literal_eval(re.search("value_range=(.*?)`", text)[1])
    np.testing.assert_allclose([low for low, _ in pairs], LOWS[own], atol=0.1)
    np.testing.assert_allclose([high for _, high in pairs], HIGHS[own], atol=0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = image_table(files, None, 24, value_range=pairs, **options)
        images = load_images(data)["images"]
    assert (images.std(axis=(0, 1, 2)) > 60).all()
    assert (flat.std(axis=(0, 1, 2)) < 16).all()


def test_bands_that_use_more_than_a_quarter_are_not_named(tmp_path):
    for name, lows, highs in (
        ("alike", [0, 0, 0], [100, 60, 27]),
        ("a blank one", [0, 5, 0], [100, 5, 90]),
    ):
        folder = tmp_path / name
        folder.mkdir()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            data = image_table(
                _files(folder, lows, highs), None, 24, channels=3, value_range="data"
            )
            load_images(data)


def test_a_blank_band_has_a_range_in_the_list(tmp_path):
    files = _files(tmp_path, [0, 7, 0], [60_000, 7, 900], dtype="u2")
    with pytest.warns(UserWarning, match="and band 2 .* uses less than") as caught:
        load_images(image_table(files, None, 24, channels=3, value_range="data"))
    (text,) = _said(caught)
    pairs = ast.literal_eval(re.search("value_range=(.*?)`", text)[1])
    assert pairs[1] == (7, 8)
    image_table(files, None, 24, channels=3, value_range=pairs)


def test_numbers_that_differ_late_still_differ_in_the_list(tmp_path):
    files = _files(tmp_path, [0, 2.0e6], [1.0e7, 2.0e6 + 1], dtype="f8")
    with pytest.warns(UserWarning, match="and band 1 ") as caught:
        load_images(image_table(files, None, 24, channels=2, value_range="data"))
    (text,) = _said(caught)
    pairs = ast.literal_eval(re.search("value_range=(.*?)`", text)[1])
    assert 2.0e6 <= pairs[1][0] < pairs[1][1] <= 2.0e6 + 1


def test_all_bands_are_sampled_whatever_the_size_of_files(tmp_path):
    # Every 52nd of these values would be of the first band.
    files = _files(tmp_path, [0] * 4, [40, 50, 60, 90], size=512, count=2, dtype="f4")
    data = image_table(files, None, 32, channels=4, value_range="data")
    ((low, high),) = data.reading.value_range.pairs
    assert 0 <= low < 1
    assert 89 < high <= 90


def test_grey_files_and_grey_images_have_no_bands_to_name(tmp_path):
    grey = _files(tmp_path, [0], [5000], dtype="u2")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_images(image_table(grey, None, 24, value_range="data"))
        load_images(image_table(grey, None, 24, channels=1, value_range="data"))


def test_tiles_are_told_too(tmp_path):
    files = _files(tmp_path)
    with pytest.warns(UserWarning, match="One range for all bands"):
        load_images(image_tiles(files, 12, channels=3, value_range="data"))


def test_r_is_told_in_its_own_numbers_of_bands_and_lists(tmp_path):
    files = _files(tmp_path)

    def read():
        load_images(image_table(files, None, 24, bands=[1, 3], value_range="data"))

    _, (text,), _ = call_with_warnings(read)
    assert re.search(r"bands 1 \(.*, 3 \(", text)
    assert re.search(
        r"`value_range = list\(c\([-+e0-9.]+, [-+e0-9.]+\), c\([^()]+\)\)`", text
    ), text


def test_print_and_splits_say_of_which_files_the_range_is(tmp_path):
    files = _files(tmp_path, [0] * 3, [1] * 3, size=8, count=130)
    labels = ["a", "b"] * 65
    data = image_table(files, labels, 8, value_range="data")
    said = "range of values found in 100 of 130 files, before any split"
    assert said in repr(data).splitlines()
    with pytest.warns(SplitNotice) as caught:
        parts = split_images(data, (0.5, 0.2, 0.3), seed=1)
    (text,) = [str(one.message) for one in caught]
    assert "(found in 100 of 130 files before this split" in text
    assert len({part.reading.value_range.pairs for part in parts.values()}) == 1
    assert all(said in repr(part) for part in parts.values())
    for folds in (2, [(range(50), range(60, 90))]):
        with pytest.warns(SplitNotice, match="All parts keep one range") as caught:
            fold_images(data, folds, seed=1)
        assert len(caught) == 1


@pytest.mark.parametrize("value_range", [(0, 1), [(0, 1), (0, 1), (0, 2)]])
def test_numbers_are_found_nowhere(tmp_path, value_range):
    files = _files(tmp_path, [0] * 3, [1] * 3, size=8, count=8)
    data = image_table(files, list("abababab"), 8, value_range=value_range)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        split_images(data, 0.5, seed=1)
        fold_images(data, 2, seed=1)
        split_images(shape_images(12), 0.5, seed=1)
    assert "found in" not in repr(data)


def test_a_classifier_that_is_read_back_says_its_range_alike(tmp_path):
    files = _files(tmp_path, [0] * 3, [1] * 3, size=8, count=8)
    reading = image_table(files, None, 8, value_range="data").reading
    # What a classifier keeps of it, and prints.
    back = Reading.from_config(json.loads(json.dumps(reading.to_config())))
    assert back == reading
    assert back.described() == reading.described()
    assert "found in" not in reading.described()
