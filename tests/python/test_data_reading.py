"""Images of more than 8 bits, of floats and of any number of bands."""

import struct
import sys
import warnings
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from reticnn import (
    check_images,
    image_folder,
    image_table,
    image_tiles,
    load_images,
    shape_images,
)
from reticnn.data import channels as conversion

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


# What bands mean


def test_a_fourth_band_is_transparency_only_where_the_file_says_so(tmp_path):
    values = _values(16, 20, 4)
    for file, extra in {"alpha.tif": "unassalpha", "infrared.tif": 0}.items():
        tifffile.imwrite(
            tmp_path / file, values, photometric="rgb", extrasamples=[extra]
        )
        image = _read(tmp_path / file, channels=4)
        np.testing.assert_allclose(image, values / 257, rtol=1e-6)
    share = values[..., 3:] / 65535
    on_white = values[..., :3] / 257 * share + 255 * (1 - share)
    np.testing.assert_allclose(_read(tmp_path / "alpha.tif"), on_white, rtol=1e-4)
    with pytest.raises(
        ValueError, match=r"infrared.tif: has 4 bands, and nothing says"
    ):
        _read(tmp_path / "infrared.tif")
    colours = _read(tmp_path / "infrared.tif", bands=[0, 1, 2])
    np.testing.assert_allclose(colours, values[..., :3] / 257, rtol=1e-6)


def test_near_infrared_of_8_bits_is_no_transparency(tmp_path):
    values = _values(16, 20, 4, dtype="u1", most=256)
    file = tmp_path / "a.tif"
    tifffile.imwrite(file, values, photometric="rgb", extrasamples=[0])
    np.testing.assert_array_equal(_read(file, channels=4), values)
    np.testing.assert_array_equal(_read(file, bands=[3, 0, 1]), values[..., [3, 0, 1]])
    with pytest.raises(ValueError, match=r"a.tif: has 4 bands, and nothing says"):
        _read(file)


@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_bands_of_png_are_what_they_are_in_tiff(tmp_path, dtype):
    for bands in (2, 4):
        values = _values(16, 20, bands, dtype=dtype, most=256)
        (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(values))
        photometric = {2: "minisblack", 4: "rgb"}[bands]
        tifffile.imwrite(
            tmp_path / "a.tif",
            values,
            photometric=photometric,
            planarconfig="contig",
            extrasamples=["unassalpha"],
        )
        for options in ({"channels": bands}, {"bands": [bands - 1, 0]}, {}):
            png, tiff = (_read(tmp_path / f"a.{kind}", **options) for kind in KINDS_OF)
            # Pillow rounds in its own way what is partly transparent in 8 bits.
            most = 1.01 if dtype == "u1" and not options else 1e-3
            np.testing.assert_allclose(png, tiff, atol=most)
        np.testing.assert_allclose(
            _read(tmp_path / "a.png", channels=bands),
            values / (1 if dtype == "u1" else 257),
            rtol=1e-6,
        )


KINDS_OF = ("png", "tif")


def test_colours_become_grey_alike_in_8_and_16_bits(tmp_path):
    values = _values(16, 20, 3, dtype="u1", most=256)
    Image.fromarray(values).save(tmp_path / "a.png")
    assert cv2.imwrite(str(tmp_path / "b.png"), values[..., ::-1].astype("u2") * 257)
    eight, sixteen = (_read(tmp_path / file, channels=1) for file in ("a.png", "b.png"))
    np.testing.assert_allclose(eight, sixteen, atol=0.51)
    assert sixteen.dtype == np.float32


def test_bands_that_are_no_colours_do_not_become_grey(tmp_path):
    file = _write(tmp_path / "a.tif", _values(16, 20, 3))
    assert _read(file).shape == (16, 20, 3)
    with pytest.raises(ValueError, match="has 3 bands, which cannot be read as grey"):
        _read(file, channels=1)


def test_files_with_other_numbers_of_bands_are_named(tmp_path):
    for number, bands in enumerate((5, 4, 5, 1)):
        _write(tmp_path / f"{number}.tif", _values(16, 20, bands))
    with pytest.raises(ValueError, match=r"2 of 4 files") as caught:
        load_images(image_folder(tmp_path, 16, channels=5))
    text = str(caught.value)
    assert "1.tif: has 4 bands, which cannot be read for 5 bands" in text
    assert "3.tif: has 1 band, which" in text
    with pytest.raises(ValueError, match=r"3.tif: has 1 band, and not as many as"):
        load_images(image_folder(tmp_path, 16, bands=[3]))
    with pytest.warns(UserWarning, match="2 of 4 files"):
        assert len(image_folder(tmp_path, 16, channels=5, on_bad_image="skip")) == 2
    assert check_images(tmp_path)["ok"] == [True] * 4


# Pages


def test_pages_are_the_first_or_one_or_bands(tmp_path):
    values = _values(4, 16, 20)
    file = tmp_path / "a.tif"
    tifffile.imwrite(file, values, photometric="minisblack", compression="deflate")
    bands = _read(file, page="bands", channels=4)
    np.testing.assert_allclose(bands, np.moveaxis(values, 0, 2) / 257, rtol=1e-6)
    for options, number in (({}, 0), ({"page": 2}, 2), ({"page": "first"}, 0)):
        page = _read(file, channels=1, **options)
        np.testing.assert_array_equal(page[..., 0], bands[..., number])
    picked = _read(file, page="bands", bands=[3, 1])
    np.testing.assert_array_equal(picked, bands[..., [3, 1]])
    with pytest.raises(ValueError, match="has 4 pages, and not as many as `page`"):
        _read(file, page=4, channels=1)
    with pytest.raises(ValueError, match=r'on its first page.*`page="bands"`'):
        _read(file, channels=4)


def test_smaller_copies_are_no_pages(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        for kind, size in ((0, 16), (1, 8), (0, 16)):
            page = np.full((size, size), size, "u2")
            tiff.write(page, subfiletype=kind, photometric="minisblack", metadata=None)
    pages = _read(tmp_path / "a.tif", 16, page="bands", channels=2)
    assert (pages == np.float32(16 / 257)).all()


def test_pages_of_different_kinds_are_no_bands(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        for size in (16, 8):
            tiff.write(np.zeros((size, size), "u2"), photometric="minisblack")
    with pytest.raises(ValueError, match="pages of different sizes or types"):
        _read(tmp_path / "a.tif", page="bands", channels=2)


# Other depths and other ways to lie


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_odd_numbers_of_bits_end_at_their_own_largest(tmp_path, bits):
    values = _values(16, 20, dtype="u2", most=2**bits)
    values[0, 0] = 2**bits - 1
    file = tmp_path / "a.tif"
    try:
        tifffile.imwrite(file, values, bitspersample=bits, photometric="minisblack")
    except NotImplementedError:
        pytest.skip("This imagecodecs writes no such files")
    image = _read(file, channels=1)[..., 0]
    np.testing.assert_allclose(image, values / ((2**bits - 1) / 255), rtol=1e-6)


def test_white_may_be_at_zero_and_an_image_on_its_side(tmp_path):
    values = _values(16, 20)
    file = tmp_path / "a.tif"
    white = {"photometric": "miniswhite", "compression": "lzw"}
    tifffile.imwrite(file, 65535 - values, extratags=[(274, 3, 1, 6, True)], **white)
    image = _read(file, (20, 16), channels=1)[..., 0]
    np.testing.assert_allclose(image, np.rot90(values, -1) / 257, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("size", [(9, 31), (40, 40), (3, 4)])
def test_hundreds_of_bands_are_resized_as_each_of_them(tmp_path, size, resize):
    values = _values(16, 20, 300)
    np.save(tmp_path / "a.npy", values)
    _write(tmp_path / "a.tif", values)
    for file in (tmp_path / "a.npy", tmp_path / "a.tif"):
        image = _read(file, size, channels=300, resize=resize)
        for band in (0, 99, 100, 299):
            one = _read(file, size, bands=[band], resize=resize)
            np.testing.assert_allclose(image[..., band], one[..., 0], atol=0.01)


@pytest.mark.parametrize("compression", [None, "lzw"])
def test_a_range_is_of_the_values_in_a_file_whose_white_is_at_zero(
    tmp_path, compression
):
    values = _values(16, 20, most=4096)
    for white in ("minisblack", "miniswhite"):
        file = tmp_path / f"{white}.tif"
        tifffile.imwrite(file, values, photometric=white, compression=compression)
    options = {"channels": 1, "value_range": (1000, 3000)}
    black, white = (
        _read(tmp_path / f"{name}.tif", **options)
        for name in ("minisblack", "miniswhite")
    )
    np.testing.assert_allclose(white, 255 - black, atol=1e-4)
    assert 0 < np.mean(white == 255) < 0.5


def test_jpeg_2000_has_its_depth(tmp_path):
    for bits in (12, 16):
        grey = _values(16, 20, most=2**bits)
        colour = _values(16, 20, 3, most=2**bits)
        for name, values in {"grey": grey, "colour": colour}.items():
            encoded = imagecodecs.jpeg2k_encode(
                values, reversible=True, level=0, bitspersample=bits
            )
            (tmp_path / f"{name}.jp2").write_bytes(encoded)
            channels = 1 if name == "grey" else 3
            image = _read(tmp_path / f"{name}.jp2", channels=channels)
            wanted = values.reshape(16, 20, -1) * (255 / (2**bits - 1))
            np.testing.assert_allclose(image, wanted, rtol=1e-5)


def test_large_images_are_made_smaller_part_by_part(tmp_path, monkeypatch):
    values = cv2.resize(_values(4, 6, 6), (301, 205))
    file = _write(tmp_path / "a.tif", values)
    whole = _read(file, (4, 6), channels=6)
    monkeypatch.setattr(conversion, "_VALUES_AT_ONCE", 9_000)
    np.testing.assert_array_equal(_read(file, (4, 6), channels=6), whole)
    monkeypatch.setattr(conversion, "_LARGE", 1000)
    smaller = _read(file, (4, 6), channels=6)
    assert not np.array_equal(smaller, whole)
    np.testing.assert_allclose(smaller, whole, atol=6)


def test_pillow_reads_what_it_can_where_tifffile_is_missing(tmp_path, monkeypatch):
    grey, many = _values(16, 20), _values(16, 20, 5)
    tifffile.imwrite(tmp_path / "a.tif", grey, compression="lzw")
    floats = np.sqrt(grey).astype("f4")
    tifffile.imwrite(tmp_path / "b.tif", floats, compression="deflate", predictor=True)
    _write(tmp_path / "c.tif", many, compression="lzw")
    _write(tmp_path / "d.tif", many)
    options = {"channels": 1, "value_range": (0, 255)}
    with_it = [_read(tmp_path / file, **options) for file in ("a.tif", "b.tif")]
    monkeypatch.setitem(sys.modules, "tifffile", None)
    for file, image in zip(("a.tif", "b.tif"), with_it, strict=True):
        np.testing.assert_array_equal(_read(tmp_path / file, **options), image)
    with pytest.raises(ValueError, match=r"LZW compression, .*install tifffile"):
        _read(tmp_path / "c.tif", channels=5)
    assert _read(tmp_path / "d.tif", channels=5).shape == (16, 20, 5)


def _cut(content):
    return content[: len(content) * 2 // 3]


def _with_tag(content, tag, value):
    """Return a little-endian TIFF file with another value of a tag of 16 or 32 bits."""
    content = bytearray(content)
    (start,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, start)
    for at in range(start + 2, start + 2 + 12 * count, 12):
        number, kind = struct.unpack_from("<HH", content, at)
        if number == tag:
            struct.pack_into("<H" if kind == 3 else "<I", content, at + 8, value)
            return bytes(content)
    raise AssertionError(f"There is no tag {tag}.")


LIES = {
    "cut off": _cut,
    "width": lambda content: _with_tag(content, 256, 60_000),
    "height": lambda content: _with_tag(content, 257, 60_000),
    "both": lambda content: _with_tag(_with_tag(content, 256, 65_000), 257, 65_000),
    "bands": lambda content: _with_tag(content, 277, 60_000),
    "no width": lambda content: _with_tag(content, 256, 0),
    "rows": lambda content: _with_tag(content, 278, 3),
    "compression": lambda content: _with_tag(content, 259, 34_712),
    "place": lambda content: _with_tag(content, 273, 60_000),
    "length": lambda content: _with_tag(content, 279, 60_000),
    "too short": lambda content: _with_tag(content, 279, 7),
    "no pages": lambda content: content[:4] + bytes(4) + content[8:],
    "a circle": lambda content: _in_a_circle(content),
    "beginning": lambda content: content[:6],
}


def _in_a_circle(content):
    content = bytearray(content)
    (start,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, start)
    struct.pack_into("<I", content, start + 2 + 12 * count, start)
    return bytes(content)


@pytest.mark.parametrize("compression", [None, "deflate"])
@pytest.mark.parametrize("lie", LIES)
def test_a_tiff_that_lies_is_named(tmp_path, lie, compression):
    file = tmp_path / "a.tif"
    values = _values(16, 20, 5)
    _write(file, values, compression=compression, rowsperstrip=16)
    file.write_bytes(LIES[lie](file.read_bytes()))
    if lie == "too short" and compression is None:
        expected = "a part has 7 bytes"
    elif lie == "a circle":
        return _read(file, channels=5)  # The first page is as it should be.
    else:
        expected = (
            r"a\.tif: (is damaged: |takes .* GB|is said|is compressed|is not an im)"
        )
    with pytest.raises(ValueError, match=expected):
        _read(file, channels=5)
    assert check_images(tmp_path)["ok"] == [False]
    return None


def test_pages_that_go_round_are_named(tmp_path):
    file = _write(tmp_path / "a.tif", _values(16, 20, 5))
    file.write_bytes(_in_a_circle(file.read_bytes()))
    with pytest.raises(ValueError, match="is damaged: its pages go round"):
        _read(file, channels=5, page="bands")


def test_files_of_16_bits_that_are_cut_off_are_named(tmp_path):
    values = _values(16, 20, 3)
    files = {
        "a.png": imagecodecs.png_encode(values),
        "b.ppm": b"P6 20 16 65535\n" + values.astype(">u2").tobytes(),
        "c.jp2": imagecodecs.jpeg2k_encode(values, reversible=True, level=0),
        "d.tif": None,
    }
    tifffile.imwrite(tmp_path / "d.tif", values, compression="lzw")
    for name, content in files.items():
        content = content or (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(_cut(content))
    table = check_images(tmp_path)
    assert table["ok"] == [False] * 4, table["problem"]
    assert all(text.startswith("is damaged: ") for text in table["problem"])


def test_a_png_of_16_bits_that_lies_takes_no_memory(tmp_path):
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 16, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    start = struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + start + bytes(1000))
    with pytest.raises(ValueError, match=r"a\.png: claims in .* 60,000 x 60,000"):
        _read(tmp_path / "a.png")


def test_missing_values_are_named(tmp_path):
    values = _values(16, 20, 2, dtype="f4")
    values[3, 4] = np.nan, np.inf
    _write(tmp_path / "a.tif", values)
    text = r"a\.tif: has 2 of 640 values that are missing or infinite"
    for value_range in ("data", (0, 1)):
        with pytest.raises(ValueError, match=text):
            _read(tmp_path / "a.tif", channels=2, value_range=value_range)


# The range of values


def _folder(tmp_path, dtype, most, count=4, bands=1, name="data"):
    """Write a folder of two classes, whose values go up to `most`."""
    folder = tmp_path / name
    for number in range(count):
        place = folder / "ab"[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        values = (RNG.random((12, 12, bands)) * most).astype(dtype)
        values[0, 0] = most
        _write(place / f"{number}.tif", values)
    return folder


def test_a_range_of_numbers_is_for_all_or_for_each_band(tmp_path):
    values = _values(16, 20, 3, most=4096)
    file = _write(tmp_path / "a.tif", values)
    for pairs in ([(0, 4095)], [(1000, 3000)], [(0, 100), (5, 4000), (-10.5, 5000)]):
        low, high = np.array(pairs, float).T
        wanted = np.clip((values - low) / (high - low), 0, 1) * 255
        image = _read(file, value_range=pairs[0] if len(pairs) == 1 else pairs)
        np.testing.assert_allclose(image, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", ["u2", "i2", "f4"])
def test_the_range_of_data_leaves_out_the_rarest(tmp_path, dtype):
    values = (RNG.normal(500, 100, (64, 64))).astype(dtype)
    values[0, :2] = 30_000, -9 if dtype != "u2" else 0
    tifffile.imwrite(tmp_path / "a.tif", values)
    data = image_table(
        [str(tmp_path / "a.tif")], None, 64, channels=1, value_range="data"
    )
    low, high = np.percentile(values.astype(float), (0.1, 99.9))
    image = load_images(data)["images"][0, ..., 0]
    wanted = np.clip((values - low) / (high - low), 0, 1) * 255
    np.testing.assert_allclose(image, wanted, atol=0.01)
    assert f"read by values {low:g} to {high:g}" in repr(data)


def test_floats_without_a_range_take_that_of_the_data_and_say_so(tmp_path):
    folder = _folder(tmp_path, "f4", 7)
    with pytest.warns(
        UserWarning, match="floating-point values.* to 7 becomes 0 to 255"
    ) as caught:
        data = image_folder(folder, 12, channels=1)
        pixels = load_images(data)["images"]
        load_images(data)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert pixels.max() == 255
    with pytest.raises(ValueError, match="whose type has no largest"):
        load_images(image_folder(folder, 12, channels=1, value_range="type"))


def test_the_range_of_training_images_is_that_of_the_test_images(tmp_path):
    _folder(tmp_path / "all", "f4", 10, name="train")
    _folder(tmp_path / "all", "f4", 5, name="test")
    data = image_folder(tmp_path / "all", 12, channels=1, value_range="data")
    ranges = {str(part.reading.value_range) for part in data.values()}
    assert len(ranges) == 1
    assert load_images(data["test"])["images"].max() == pytest.approx(127.5, abs=3)


@pytest.mark.filterwarnings("default:Files use a small part")
def test_little_of_the_range_is_told_with_its_numbers(tmp_path):
    for dtype, white in (("u2", "65,535"), ("i2", "32,767")):
        data = image_folder(_folder(tmp_path, dtype, 4095, name=dtype), 12)
        text = f"no value above 4,095 of {white},.*`value_range=.0, 4095.`"
        with pytest.warns(UserWarning, match=text):
            load_images(data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_images(image_folder(_folder(tmp_path, "u2", 20_000, name="light"), 12))
        load_images(image_folder(tmp_path / "u2", 12, value_range=(0, 4095)))


def test_values_below_zero_are_told(tmp_path):
    values = _values(12, 12, dtype="i2", most=30_000)
    values[0, 0] = -1024
    tifffile.imwrite(tmp_path / "a.tif", values)
    with pytest.warns(UserWarning, match="down to -1,024, and all below 0 b"):
        image = _read(tmp_path / "a.tif", 12, channels=1)
    assert image[0, 0] == 0


def test_files_of_8_bits_stay_as_they_are_beside_others(tmp_path):
    eight = _values(12, 12, 3, dtype="u1", most=256)
    Image.fromarray(eight).save(tmp_path / "a.png")
    assert cv2.imwrite(str(tmp_path / "b.png"), eight[..., ::-1].astype("u2") * 257)
    pixels = load_images(image_folder(tmp_path, 12))["images"]
    assert pixels.dtype == np.float32
    np.testing.assert_array_equal(pixels[0], eight)
    np.testing.assert_allclose(pixels[1], eight, rtol=1e-6)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
def test_files_of_8_bits_have_the_same_pixels_whatever_is_beside_them(
    tmp_path, resize, channels
):
    values = _values(40, 70, 3, dtype="u1", most=256)
    Image.fromarray(values).save(tmp_path / "a.png")
    Image.fromarray(values[..., 0]).save(tmp_path / "b.jpg")
    tifffile.imwrite(tmp_path / "c.tif", values, photometric="rgb")
    deep = tmp_path / "deep.tif"
    tifffile.imwrite(deep, values.astype("u2") * 257, photometric="rgb")
    files = sorted(map(str, tmp_path.glob("[abc].*")))
    options = {"resize": resize, "channels": channels, "image_size": (13, 17)}
    alone = load_images(image_table(files, None, **options))["images"]
    mixed = load_images(image_table([*files, str(deep)], None, **options))["images"]
    assert (alone.dtype, mixed.dtype) == (np.uint8, np.float32)
    np.testing.assert_array_equal(mixed[:3], alone)
    tiles = {"tile_size": 16, "overlap": 3, "image_size": 11, "channels": channels}
    alone = load_images(image_tiles(files, **tiles))["images"]
    mixed = load_images(image_tiles([*files, str(deep)], **tiles))["images"]
    np.testing.assert_array_equal(mixed[: len(alone)], alone)


def test_caches_keep_all_the_depth(tmp_path):
    folder = _folder(tmp_path, "u2", 60_000, bands=5)
    found = [
        load_images(image_folder(folder, 7, channels=5, cache=cache))["images"]
        for cache in ("none", "memory", "disk")
    ]
    data = image_folder(folder, 7, channels=5, cache="disk")
    for _ in range(2):
        found.append(load_images(data)["images"])
    for pixels in found:
        np.testing.assert_array_equal(pixels, found[0])
    assert len(np.unique(found[0])) > 500


def test_data_read_by_other_ranges_or_bands_are_not_joined(tmp_path):
    folder = _folder(tmp_path, "u2", 60_000, bands=3)
    ways = [
        {"value_range": (0, 100)},
        {"value_range": (0, 200)},
        {"bands": [0, 1, 2]},
        {},
    ]
    read = [image_folder(folder, 12, **options) for options in ways]
    for one, other in ((0, 1), (0, 3), (2, 3)):
        with pytest.raises(ValueError, match="in different ways cannot be joined: by "):
            read[one] + read[other]
    joined = read[3] + image_folder(folder, 12, value_range="type")
    assert len(joined) == 8
    mixed = shape_images(4, image_size=12) + read[3]
    assert load_images(mixed[:2])["images"].dtype == np.float32


def _twelve_bits(folder, count=3):
    paths = [str(folder / f"{number}.tif") for number in range(count)]
    for path in paths:
        _write(path, _values(16, 20, 1, most=4095) + 0)
    return paths


@pytest.mark.parametrize(
    ("white", "said"), [(1, "black or white"), (60_000 * 16, "almost black")]
)
@pytest.mark.parametrize("kind", ["files", "tiles", "reader"])
def test_a_range_that_is_not_that_of_the_files_is_told(tmp_path, kind, white, said):
    paths = _twelve_bits(tmp_path)
    options = {"channels": 1, "value_range": (0, white)}
    with pytest.warns(UserWarning, match=rf"value_range=\(0, {white}.*{said}"):
        if kind == "tiles":
            data = image_tiles(paths, 16, **options)
        elif kind == "reader":
            data = image_table(paths, None, (16, 20), reader=tifffile.imread, **options)
        else:
            data = image_table(paths, None, (16, 20), **options)
        load_images(data)


def test_a_range_for_each_colour_becomes_grey_in_every_file(tmp_path):
    grey = _values(16, 20, 1, most=4096)
    _write(tmp_path / "grey.tif", grey)
    _write(tmp_path / "colour.tif", grey.repeat(3, axis=2), photometric="rgb")
    files = [str(tmp_path / f"{name}.tif") for name in ("grey", "colour")]
    ranges = [(0, 4095), (1000, 4095), (0, 2000)]
    data = image_table(files, None, (16, 20), value_range=ranges)
    images = load_images(data.read_at((16, 20, 1)))["images"]
    np.testing.assert_allclose(images[0], images[1], atol=1e-3)
    colours = load_images(data)["images"]
    shares = np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(images[0][..., 0], colours[0] @ shares, atol=0.01)


def test_several_files_outside_of_a_range_are_told(tmp_path):
    paths = _twelve_bits(tmp_path, 6)
    _write(paths[4], 61_000 + _values(16, 20, 1, most=4000))
    data = image_table(paths, None, (16, 20), channels=1, value_range=(0, 4095))
    with pytest.warns(
        UserWarning, match="1 of the 6 images read first .* in it, and bec"
    ):
        load_images(data)


def test_a_window_of_a_range_is_not_told(tmp_path):
    deep = _twelve_bits(tmp_path, 1)[0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _read(deep, channels=1, value_range=(0, 4095))
        # A window that cuts most values off is one that is meant.
        _read(deep, channels=1, value_range=(2000, 2200))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("bands", [1, 3])
def test_what_exif_says_turns_every_format_and_its_tiles(tmp_path, orientation, bands):
    values = _values(12, 20, bands)
    code = (
        struct.pack("<2sHIHHHII", b"II", 42, 8, 1, 274, 3, 1, orientation) + b"\0" * 4
    )
    _write(
        tmp_path / "a.tif",
        values,
        photometric="rgb" if bands == 3 else "minisblack",
        extratags=[(274, "H", 1, orientation, True)],
    )
    encoded = cv2.imencode(".png", values[..., ::-1])[1].tobytes()
    chunk = b"eXIf" + code
    chunk = struct.pack(">I", len(code)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    (tmp_path / "a.png").write_bytes(encoded[:33] + chunk + encoded[33:])
    size = (20, 12) if orientation > 4 else (12, 20)
    image = _read(tmp_path / "a.tif", size)
    np.testing.assert_array_equal(image, _read(tmp_path / "a.png", size))
    first = {1: (0, 0), 2: (0, -1), 3: (-1, -1), 4: (-1, 0)}
    first |= {5: (0, 0), 6: (-1, 0), 7: (-1, -1), 8: (0, -1)}
    np.testing.assert_allclose(
        image[0, 0], np.broadcast_to(values[first[orientation]] / 257, 3), rtol=1e-5
    )
    tiles = [
        load_images(image_tiles([tmp_path / f"a.{ending}"], 8, 2))["images"]
        for ending in ("tif", "png")
    ]
    np.testing.assert_array_equal(*tiles)
    np.testing.assert_array_equal(tiles[1][0], image[:8, :8])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "CMYK", "P"])
def test_chosen_bands_of_8_bits_are_turned_as_colours_are(tmp_path, mode, orientation):
    photo = Image.fromarray(_values(12, 20, 3, dtype="u1", most=255)).convert(mode)
    exif = Image.Exif()
    exif[274] = orientation
    size = (20, 12) if orientation > 4 else (12, 20)
    bands = [0] if mode == "L" else [2, 0]
    for ending in ("tif", "png", "jpg"):
        file = tmp_path / f"a.{ending}"
        if ending == "tif":
            photo.save(file, tiffinfo={274: orientation})
        else:
            photo.convert("RGB").save(file, exif=exif)
        colours = _read(file, size)
        np.testing.assert_array_equal(
            _read(file, size, bands=bands), colours[..., bands]
        )
        tiles = load_images(image_tiles([file], 8, bands=bands))["images"]
        np.testing.assert_array_equal(tiles[0], colours[:8, :8, bands])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("dtype", "white"), [("u2", 60_000), ("f4", 10)])
def test_what_pillow_turns_is_not_turned_twice(
    tmp_path, monkeypatch, dtype, white, orientation
):
    file = tmp_path / "a.tif"
    tag = (274, "H", 1, orientation, True)
    tifffile.imwrite(
        file, _values(12, 20, dtype=dtype), compression="lzw", extratags=[tag]
    )
    size = (20, 12) if orientation > 4 else (12, 20)
    options = {"channels": 1, "value_range": (0, white)}
    with_it = _read(file, size, **options)
    monkeypatch.setitem(sys.modules, "tifffile", None)
    np.testing.assert_array_equal(_read(file, size, **options), with_it)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_floats_of_every_width_keep_their_depth(tmp_path, dtype):
    values = (np.arange(320).reshape(16, 20, 1) / 320).astype(dtype)
    for file in (tmp_path / "a.tif", tmp_path / "a.npy"):
        _write(file, values) if file.suffix == ".tif" else np.save(file, values)
        for value_range in ((0, 1), "data"):
            image = _read(file, channels=1, value_range=value_range)
            assert image.dtype == np.float32
            assert len(np.unique(image)) > 300


def test_a_range_is_for_values_of_more_than_8_bits(tmp_path):
    deep = _values(16, 20, 3, most=4096)
    photo = (deep >> 4).astype(np.uint8)
    files = [str(tmp_path / name) for name in ("a.tif", "b.png", "c.tif", "d.npy")]
    _write(files[0], deep, photometric="rgb")
    cv2.imwrite(files[1], photo[..., ::-1])
    _write(files[2], photo, photometric="rgb")
    np.save(files[3], photo)
    for value_range in ((0, 4095), "data"):
        data = image_table(files, image_size=(16, 20), value_range=value_range)
        images = load_images(data)["images"]
        assert images.dtype == np.float32
        for image in images[1:]:
            np.testing.assert_array_equal(image, photo)
        np.testing.assert_allclose(images[0], deep / 4095 * 255, atol=2)
    data = image_table(files[1:], image_size=(16, 20), value_range="data")
    assert len(data[:1] + data[1:]) == 3
    data = image_table(files[1:], image_size=(16, 20), value_range=(0, 4095))
    with pytest.warns(UserWarning, match=r"`value_range=\(0, 4095\)` is for values"):
        images = load_images(data)["images"]
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images[0], photo)


def test_a_page_that_a_format_has_not_is_named(tmp_path):
    values = _values(16, 20, 3, dtype="u1", most=256)
    first, second = (Image.fromarray(part) for part in (values, values[::-1].copy()))
    first.save(tmp_path / "a.gif", save_all=True, append_images=[second])
    first.save(tmp_path / "b.jpg")
    cv2.imwrite(str(tmp_path / "c.png"), values.astype("u2") * 257)
    np.save(tmp_path / "d.npy", values)
    for file in sorted(tmp_path.iterdir()):
        np.testing.assert_array_equal(_read(file, page=0), _read(file))
        with pytest.raises(ValueError, match=f"{file.name}: has a format of which"):
            _read(file, page=1)
        with pytest.raises(ValueError, match="only the first page is read"):
            image_tiles([file], 8, page=1)


def test_colours_that_are_more_than_their_transparency_are_white(tmp_path):
    values = _values(16, 20, 4, dtype="u2", most=65_535)
    values[0, 0] = (40_000, 40_000, 40_000, 0)
    _write(tmp_path / "a.tif", values, photometric="rgb", extrasamples=["assocalpha"])
    image = _read(tmp_path / "a.tif")
    assert image.max() == 255 and (image[0, 0] == 255).all()


@pytest.mark.parametrize("value_range", [None, "type", (0, 60_000)])
def test_a_deep_file_that_is_called_as_a_photo_is_named(tmp_path, value_range):
    values = _values(16, 20, 3)
    (tmp_path / "a.jpg").write_bytes(_write(tmp_path / "a.tif", values).read_bytes())
    wanted = _read(tmp_path / "a.tif", value_range=value_range)
    with pytest.raises(ValueError, match=r"a\.jpg: is a TIFF file of more than 8 bits"):
        _read(tmp_path / "a.jpg", value_range=value_range)
    with pytest.raises(ValueError, match=r"a\.jpg: is a TIFF file of more than 8 bits"):
        load_images(image_tiles(tmp_path / "a.jpg", 8, value_range=value_range))
    # Beside files that are called by what they are, all are read with all their depth.
    paths = [str(tmp_path / name) for name in ("a.jpg", "a.tif")]
    data = image_table(paths, image_size=(16, 20), value_range=value_range)
    np.testing.assert_array_equal(load_images(data)["images"], [wanted, wanted])
