import io
import os
import socket
import struct
import threading
import warnings
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from reticnn import check_images, image_folder, image_table, load_images
from reticnn.data.decoding import decode_images, problems_of_each
from reticnn.data.file_reading import Reading


def _pixels(path, image_size=8, **options):
    return load_images(image_folder(path, image_size, **options))["images"]


def _tiff(dtype, value):
    return Image.fromarray(np.full((16, 20), value, dtype))


# What cannot be understood


@pytest.mark.filterwarnings("ignore:Files have floating-point values")
def test_one_refused_file_leaves_the_others(tmp_path, write_image):
    write_image(tmp_path / "b.png", (1, 2, 3))
    _tiff("f4", np.nan).save(tmp_path / "a.tif")
    with pytest.warns(UserWarning, match=r"1 of 2 files(?s:.*)a\.tif: has 320 of"):
        data = image_folder(tmp_path, 8, on_bad_image="skip")
    assert load_images(data)["images"][0, 0, 0].tolist() == [1, 2, 3]


# Small files, which are read at once and by one thread as long as that is quick


@pytest.mark.parametrize("ending", ["png", "jpg", "gif", "bmp", "tif", "webp", "pgm"])
def test_what_comes_behind_an_image_makes_no_difference(tmp_path, ending):
    noise = np.random.default_rng(1).integers(0, 256, (20, 30, 3), "uint8")
    image = Image.fromarray(noise)
    small = tmp_path / f"a.{ending}"
    (image.convert("L") if ending == "pgm" else image).save(small)
    large = tmp_path / f"b.{ending}"
    large.write_bytes(small.read_bytes() + bytes(1 << 17))
    data = image_folder(tmp_path, 16)
    first, second = load_images(data)["images"]
    np.testing.assert_array_equal(first, second)
    table = data.table(exif=True)
    assert table["file_size"] == [small.stat().st_size, large.stat().st_size]
    assert table["file_width"] == [30, 30]
    assert table["file_height"] == [20, 20]


@pytest.mark.skipif(os.cpu_count() < 2, reason="One processor has one thread")
def test_small_files_that_take_long_are_waited_for_by_several_threads(
    tmp_path, write_image
):
    both = threading.Barrier(2)
    files = [str(write_image(tmp_path / f"{name}.png")) for name in "ab"]
    # Each goes on when the other has come.
    found = problems_of_each(lambda index: both.wait(timeout=30), files)
    assert found == {}


# 16 bits


@pytest.mark.filterwarnings("ignore:Files use a small part")
@pytest.mark.parametrize("value", [0, 17990, 65535])
def test_zero_is_white_where_a_tiff_says_so(tmp_path, value):
    _tiff("u2", value).save(tmp_path / "black at zero.tif")
    # Pillow turns 8 bits round when it writes them so, but not 16.
    _tiff("u2", 65535 - value).save(tmp_path / "white at zero.tif", tiffinfo={262: 0})
    _tiff("u1", value // 257).save(tmp_path / "of 8 bits.tif", tiffinfo={262: 0})
    images = _pixels(tmp_path)
    np.testing.assert_allclose(images, value / 257, atol=0.5)
    np.testing.assert_array_equal(images[0], images[2])


@pytest.mark.filterwarnings("ignore:Files use a small part")
def test_the_transparent_grey_of_16_bits_is_white(tmp_path):
    greys = np.full((8, 8), 20000, "u2")
    greys[:4] = 19999
    file = tmp_path / "a.png"
    Image.fromarray(greys).save(file)
    # Pillow writes no such chunk for 16 bits.
    clear = b"tRNS" + (19999).to_bytes(2, "big")
    chunk = (2).to_bytes(4, "big") + clear + zlib.crc32(clear).to_bytes(4, "big")
    before, data, after = file.read_bytes().partition(b"IDAT")
    file.write_bytes(before[:-4] + chunk + before[-4:] + data + after)
    (image,) = _pixels(tmp_path)
    assert np.unique(image[:4]).tolist() == [255]
    np.testing.assert_allclose(image[4:], 20000 / 257, rtol=1e-6)


@pytest.mark.parametrize("value", [0, 255, 17989, 2**15, 65535])
def test_grey_and_colour_of_16_bits_agree(tmp_path, value):
    for name, shape in {"grey.png": (16, 20), "colour.png": (16, 20, 3)}.items():
        assert cv2.imwrite(str(tmp_path / name), np.full(shape, value, "u2"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        grey, colour = _pixels(tmp_path)
    np.testing.assert_array_equal(grey, colour)
    np.testing.assert_allclose(grey, value / 257, rtol=1e-6)


@pytest.mark.parametrize("ending", ["png", "tif"])
@pytest.mark.parametrize("colour", [(), (3,)])
@pytest.mark.parametrize(("value", "dark"), [(4095, True), (2**14, False)])
def test_few_bits_in_16_are_told(tmp_path, ending, colour, value, dark):
    for number, share in enumerate((1, 2, 9)):
        pixels = np.full((16, 20, *colour), value // share, "u2")
        assert cv2.imwrite(str(tmp_path / f"{number}.{ending}"), pixels)
    data = image_folder(tmp_path, 8, cache="none")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        load_images(data)
        load_images(data[1:])
    told = [str(w.message) for w in caught if "a small part" in str(w.message)]
    assert len(told) == dark
    if dark:
        assert "no value above 4,095 of 65,535" in told[0]
        assert caught[0].filename == __file__


def test_values_of_a_pgm_are_scaled_by_its_own_maximum(tmp_path, recwarn):
    values = np.full((4, 4), 4095, ">u2").tobytes()
    (tmp_path / "a.pgm").write_bytes(b"P5 4 4 4095\n" + values)
    assert (_pixels(tmp_path) == 255).all()
    assert not recwarn.list


# Large photos


def _grey_jpeg(width, height):
    """Return a JPEG of one grey whatever its size, without its pixels in memory.

    Four blocks without any difference are three bytes, the same again and again.
    """
    file = io.BytesIO()
    Image.new("L", (8, 8), 128).save(file, "JPEG")
    small = file.getvalue()
    size = small.index(b"\xff\xc0") + 5
    scan = small.index(b"\xff\xda") + 10
    header = bytearray(small[:scan])
    header[size : size + 4] = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    blocks = -(-width // 8) * -(-height // 8)
    return bytes(header) + b"\x28\xa2\x8a" * -(-blocks // 4) + b"\xff\xd9"


def test_photo_of_200_megapixels_is_read(tmp_path, recwarn):
    (tmp_path / "a.jpg").write_bytes(_grey_jpeg(16000, 12560))
    (tmp_path / "b.jpg").write_bytes(_grey_jpeg(12000, 8000))
    assert (_pixels(tmp_path) == 128).all()
    assert check_images(tmp_path)["width"] == [16000, 12000]
    assert not recwarn.list


def test_absurd_sizes_are_refused_by_name(tmp_path):
    (tmp_path / "a.jpg").write_bytes(_grey_jpeg(60000, 60000)[:1000])
    with pytest.raises(ValueError, match=r"a\.jpg: .*60,000 x 60,000 pixels"):
        _pixels(tmp_path)


def _iptc_record(content):
    """Return an image of 9 x 9 pixels in a record, which is a file of any kind."""
    facts = [(60, b"\1\0"), (65, b"\0"), (20, b"\0\x09"), (30, b"\0\x09"), (120, b"\5")]
    return b"".join(
        b"\x1c" + bytes([record, number]) + struct.pack(">H", len(value)) + value
        for record, number, value in [*((3, *fact) for fact in facts), (8, 10, content)]
    )


@pytest.mark.skipif(os.name == "nt", reason="programs there end in .exe")
@pytest.mark.parametrize("inside", ["nothing", "preview", "record"])
def test_postscript_is_not_run_whatever_a_file_is_called(
    tmp_path, monkeypatch, write_image, inside
):
    program = tmp_path / "gs"
    program.write_text(f"#!/bin/sh\ntouch '{tmp_path}/ran'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    text = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n"
    file = write_image(tmp_path / "photos" / "a.jpg")
    wrapped = {
        "nothing": text,
        "preview": b"\xc5\xd0\xd3\xc6\x1e\0\0\0\x40" + bytes(21) + text,
        "record": _iptc_record(text),
    }
    file.write_bytes(wrapped[inside])
    with pytest.raises(ValueError, match=r"a\.jpg: is (PostScript|an IPTC record)"):
        _pixels(tmp_path / "photos")
    assert not (tmp_path / "ran").exists()


def test_settings_of_the_libraries_are_put_back(tmp_path, write_image):
    file = str(write_image(tmp_path / "a.png"))
    before = Image.MAX_IMAGE_PIXELS, cv2.getNumThreads()
    seen = set()

    def decode():
        for _ in range(20):
            decode_images([file] * 3, (8, 8), Reading(3))
            seen.add(cv2.getNumThreads())

    threads = [threading.Thread(target=decode) for _ in range(4)]
    for thread in threads:
        thread.start()
    # The user's own choice, made meanwhile, is kept as well.
    cv2.setNumThreads(before[1] + 1)
    for thread in threads:
        thread.join()
    try:
        assert cv2.getNumThreads() == before[1] + 1
    finally:
        cv2.setNumThreads(before[1])
    assert seen <= {before[1], before[1] + 1}
    assert before[0] == Image.MAX_IMAGE_PIXELS
    assert image_table(file).files == [file]


# What is no file


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="No named pipes here")
def test_what_is_no_file_is_named_and_not_opened(tmp_path, write_image, monkeypatch):
    write_image(tmp_path / "a.png", (1, 2, 3))
    os.mkfifo(tmp_path / "b.jpg")
    (tmp_path / "c.png").symlink_to("/dev/zero")
    # The name of a socket may be no longer than about a hundred bytes.
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("d.tif")
        problems = [
            None,
            "is a named pipe, not a file",
            "is a device, not a file",
            "is a socket, not a file",
        ]
        assert check_images(tmp_path)["problem"] == problems
        with pytest.raises(ValueError, match=r"3 of 4(?s:.*)b\.jpg: is a named pipe"):
            _pixels(tmp_path)
        with pytest.warns(UserWarning, match="3 of 4"):
            pixels = _pixels(tmp_path, on_bad_image="skip")
    assert pixels[0, 0, 0].tolist() == [1, 2, 3]
