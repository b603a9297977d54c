"""Images of more than 8 bits, of floats and of any number of bands."""

import cv2
import numpy as np
import pytest

from reticnn import image_table, load_images

tifffile = pytest.importorskip("tifffile")
imagecodecs = pytest.importorskip("imagecodecs")

pytestmark = pytest.mark.filterwarnings("ignore:Files use a small part")

RNG = np.random.default_rng(1)


def _values(*shape, dtype="u2", most=60_000):
    if np.dtype(dtype).kind == "f":
        return RNG.normal(3, 2, shape).astype(dtype)
    return RNG.integers(0, most, shape).astype(dtype)


def _read(path, size=(16, 20), **options):
    return load_images(image_table([str(path)], None, size, **options))["images"][0]


def _write(path, values, **options):
    """Write (height, width, bands) as TIFF, whatever its arrangement."""
    if values.shape[2] == 1:
        values = values[..., 0]
    else:
        options.setdefault("planarconfig", "contig")
    if options.get("planarconfig") == "separate":
        values = np.moveaxis(values, 2, 0)
    options = {"photometric": "minisblack", "metadata": None, **options}
    tifffile.imwrite(path, values, **options)
    return path


KINDS = {
    "chunky": {"planarconfig": "contig"},
    "planar": {"planarconfig": "separate"},
    "tiled": {"planarconfig": "contig", "tile": (16, 16)},
    "planar and tiled": {"planarconfig": "separate", "tile": (16, 16)},
    "of strips": {"planarconfig": "contig", "rowsperstrip": 3},
    "planar of strips": {"planarconfig": "separate", "rowsperstrip": 5},
    "BigTIFF": {"planarconfig": "contig", "bigtiff": True},
    "big-endian": {"planarconfig": "contig", "byteorder": ">"},
    "big-endian BigTIFF": {
        "planarconfig": "separate",
        "byteorder": ">",
        "bigtiff": True,
    },
    "LZW": {"planarconfig": "contig", "compression": "lzw"},
    "LZW, predicted": {
        "planarconfig": "contig",
        "compression": "lzw",
        "predictor": True,
    },
    "Deflate": {"planarconfig": "separate", "compression": "deflate"},
    "Deflate, predicted, tiled": {
        "planarconfig": "contig",
        "compression": "deflate",
        "predictor": True,
        "tile": (16, 16),
    },
    "ZSTD": {"planarconfig": "contig", "compression": "zstd"},
    "PackBits": {"planarconfig": "contig", "compression": "packbits"},
}


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
@pytest.mark.parametrize("kind", KINDS)
def test_tiff_of_every_kind_has_all_its_values(tmp_path, kind, dtype):
    values = _values(16, 20, 13, dtype=dtype, most=250)
    file = _write(tmp_path / "a.tif", values, **KINDS[kind])
    oracle = tifffile.imread(file)
    if KINDS[kind]["planarconfig"] == "separate":
        oracle = np.moveaxis(oracle, 0, 2)
    image = _read(file, channels=13, value_range=(0, 255))
    np.testing.assert_array_equal(oracle, values)
    np.testing.assert_allclose(image, np.clip(oracle, 0, 255), rtol=1e-6)
    picked = _read(file, bands=[12, 0], value_range=(0, 255))
    np.testing.assert_array_equal(picked, image[..., [12, 0]])


@pytest.mark.parametrize(
    ("dtype", "white"),
    [("u1", 255), ("u2", 65535), ("u4", 2**32 - 1), ("i2", 32767), ("i4", 2**31 - 1)],
)
@pytest.mark.parametrize("bands", [1, 2, 5])
def test_whole_numbers_end_at_their_types_largest(tmp_path, dtype, white, bands):
    values = (RNG.random((16, 20, bands)) * white).astype(dtype)
    values[0, 0], values[0, 1] = 0, white
    image = _read(_write(tmp_path / "a.tif", values), channels=bands)
    np.testing.assert_allclose(image, values / (white / 255), rtol=1e-6)
    assert image.dtype == ("u1" if dtype == "u1" else "f4")


@pytest.mark.parametrize("ending", ["png", "tif"])
@pytest.mark.parametrize("bands", [1, 3])
def test_a_lossless_format_does_not_matter(tmp_path, ending, bands):
    values = _values(16, 20, bands)
    assert cv2.imwrite(str(tmp_path / f"a.{ending}"), values[..., ::-1])
    for channels in (1, 3):
        image = _read(tmp_path / f"a.{ending}", channels=channels)
        file = tmp_path / "b.tif"
        tifffile.imwrite(file, values.squeeze(), compression="lzw", predictor=True)
        np.testing.assert_array_equal(image, _read(file, channels=channels))
        file = tmp_path / "b.ppm"
        header = f"P{5 if bands == 1 else 6}\n# said\n20 16\n65535\n".encode()
        file.write_bytes(header + values.astype(">u2").tobytes())
        np.testing.assert_array_equal(image, _read(file, channels=channels))
    if bands == channels:
        np.testing.assert_allclose(image, values / 257, rtol=1e-6)
