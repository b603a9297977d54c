"""Images of more than 8 bits in a cache are those of their files, to the last bit."""

import numpy as np
import pytest

from reticnn import image_table, image_tiles

tifffile = pytest.importorskip("tifffile")

SIDE = 12
RANGES = {
    "type": "type",
    "numbers": (0, 4095),
    "narrow": (100.5, 3000),
    "each": [(0, 4095), (-3, 900), (7, 5000)],
    "data": "data",
}


@pytest.fixture
def scenes(tmp_path):
    """Return paths of images of three bands: of their own size, and of others."""
    rng = np.random.default_rng(1)
    kinds = [("u2", SIDE)] * 3 + [("u2", 9), (">u2", SIDE), ("i2", SIDE), ("f4", SIDE)]
    paths = []
    for number, (kind, side) in enumerate(kinds):
        paths.append(str(tmp_path / f"{number}.tif"))
        values = rng.integers(0, 5000, (side, side, 3)).astype(kind)
        tifffile.imwrite(
            paths[-1], values, photometric="minisblack", planarconfig="contig"
        )
    return paths


@pytest.mark.filterwarnings("ignore:Files use a small part", "ignore:Values are mapped")
@pytest.mark.parametrize("cache", ["memory", "disk"])
@pytest.mark.parametrize("way", RANGES)
def test_what_is_kept_is_what_was_read(scenes, way, cache):
    files = scenes[:-1] if way == "type" else scenes
    options = {"image_size": SIDE, "channels": 3, "value_range": RANGES[way]}
    wanted = image_table(files, cache="none", **options).read(np.arange(len(files)))
    data = image_table(files, cache=cache, **options)
    order = np.arange(len(files))
    some = order[::-1][:4]
    np.testing.assert_array_equal(data.read(some), wanted[some])
    np.testing.assert_array_equal(data.read(order), wanted)
    mixed = np.array([0, len(files) - 1, 3, 1, 0])
    again = data.read(mixed)
    np.testing.assert_array_equal(again, wanted[mixed])
    # What a caller does to its images is not done to those that are kept.
    again[:] = 0
    np.testing.assert_array_equal(data.read(order), wanted)


@pytest.mark.filterwarnings("ignore:Files use a small part")
def test_a_file_that_has_changed_is_not_that_of_the_cache(scenes):
    data = image_table(scenes[:2], image_size=SIDE, channels=3)
    data.read(np.arange(2))
    for values in (np.full((5, 5, 3), 9, "u2"), np.full((SIDE, SIDE, 3), 257, "u2")):
        tifffile.imwrite(
            scenes[0], values, photometric="minisblack", planarconfig="contig"
        )
        fresh = image_table(scenes[:2], image_size=SIDE, channels=3, cache="none")
        wanted = fresh.read(np.arange(2))
        for _ in range(2):
            np.testing.assert_array_equal(data.read(np.arange(2)), wanted)


@pytest.mark.filterwarnings("ignore:Files use a small part")
def test_values_take_half_of_the_bytes_of_an_image(scenes):
    data = image_table(scenes[:3], image_size=SIDE, channels=3, cache="memory")
    data.read(np.arange(3))
    assert data.source._cache._stored.read(np.array([1])).dtype == np.uint16
    assert data.source._cache._is_stored.all()


@pytest.mark.filterwarnings("ignore:Files use a small part")
def test_tiles_of_deep_images_are_kept_as_they_were_read(scenes):
    data = image_tiles(scenes[0], 6, channels=3, cache="memory")
    once = data.read(np.arange(4))
    np.testing.assert_array_equal(data.read(np.arange(4)), once)
