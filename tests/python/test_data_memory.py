"""Images that take much memory, or claim to, and what the libraries print of them."""

import io
import os
import re
import struct
import sys
import threading
import time
import warnings
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from reticnn import check_images, image_folder, image_memory, load_images
from reticnn.data import decoding
from reticnn.data.budget import Budget
from reticnn.data.decoding import decode_images
from reticnn.data.file_reading import Reading
from reticnn.data.pixels import bounding, png_rows, tiff_parts, upright

DECODE = """
import sys
from reticnn.data import decoding
from reticnn.data.file_reading import Reading
def peak():
    lines = open("/proc/self/status").readlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
decoding._THREADS = 4
folder, *shape = sys.argv[1:]
import glob
before = peak()
decoded = decoding.decode_images(sorted(glob.glob(folder + "/*")), (64, 64), Reading(3))
print((peak() - before) // 1024, decoded.images.mean(), decoded.problems)
"""


def _chunk(kind, data):
    checksum = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + checksum


def _black_png(side, bits=8, colour=2):
    """Return a black PNG without its pixels in memory."""
    values = {0: 1, 2: 3, 6: 4}[colour]
    packer = zlib.compressobj(1)
    row = bytes(1 + side * values * bits // 8)
    rows = [packer.compress(row) for _ in range(side)]
    header = struct.pack(">IIBBBBB", side, side, bits, colour, 0, 0, 0)
    packed = b"".join([*rows, packer.flush()])
    parts = [(b"IHDR", header), (b"IDAT", packed), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in parts)


def _encoded(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _photo(height, width):
    """Return the pixels of an image with soft edges, and noise."""
    rng = np.random.default_rng(1)
    blobs = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    soft = np.asarray(Image.fromarray(blobs).resize((width, height), 2), np.int16)
    noise = rng.integers(-9, 10, soft.shape)
    return np.clip(soft + noise, 0, 255).astype(np.uint8)


@pytest.fixture
def usual_memory():
    """Have the limit of memory as it was before, after a test that changes it."""
    before = image_memory()
    yield
    image_memory(before)


# Memory


@pytest.mark.slow
def test_large_images_take_bounded_memory(tmp_path, run_python):
    (tmp_path / "0.png").write_bytes(_black_png(9900))
    file = _black_png(9000)
    for number in range(1, 5):
        (tmp_path / f"{number}.png").write_bytes(file)
    ran = run_python(DECODE, tmp_path)
    peak, mean, problems = ran.stdout.split(maxsplit=2)
    assert (float(mean), problems) == (0, "{}\n"), ran.stderr
    assert 600 < int(peak) < 1024


@pytest.mark.slow
def test_what_follows_an_image_is_not_read(tmp_path, run_python):
    image = Image.fromarray(_photo(300, 400))
    kinds = {"a.jpg": "JPEG", "b.png": "PNG", "c.webp": "WEBP", "d.gif": "GIF"}
    for name, kind in {**kinds, "e.bmp": "BMP", "f.tif": "TIFF"}.items():
        with open(tmp_path / name, "wb") as file:
            file.write(_encoded(image, kind))
            file.truncate(3 << 30)  # Takes no room on the disk.
    ran = run_python(DECODE, tmp_path)
    peak, _, problems = ran.stdout.split(maxsplit=2)
    assert problems == "{}\n", ran.stderr
    assert int(peak) < 400


def _large_webp(room):
    """Return a WebP with so many bytes besides its pixels."""
    small = _encoded(Image.fromarray(_photo(48, 64)), "WEBP", exif=b"Exif\0\0")
    contents = small[8:] + b"JUNK" + struct.pack("<L", room) + bytes(room)
    return b"RIFF" + struct.pack("<L", len(contents)) + contents


def _large_avif(room):
    """Return an AVIF with so many bytes before its pixels."""
    small = _encoded(Image.fromarray(_photo(48, 64)), "AVIF")
    box = small.index(b"mdat") - 4
    at = struct.pack(">L", box + 8)
    assert small.count(at) == 1
    start = small[:box].replace(at, struct.pack(">L", box + 8 + room))
    size = struct.pack(">L", len(small) - box + room)
    return start + size + b"mdat" + bytes(room) + small[box + 8 :]


@pytest.mark.parametrize("make", [_large_webp, _large_avif])
@pytest.mark.parametrize("behind", [0, 90 << 20])
def test_files_that_are_read_as_a_whole_may_be_large(tmp_path, make, behind):
    (tmp_path / "small").mkdir()
    (tmp_path / "large").mkdir()
    (tmp_path / "small" / "1.img").write_bytes(make(2))
    path = tmp_path / "large" / "1.img"
    path.write_bytes(make(70 << 20))
    with open(path, "ab") as file:
        file.truncate(path.stat().st_size + behind)
    small, large = (
        decode_images([str(tmp_path / size / "1.img")], (16, 16), Reading(3))
        for size in ("small", "large")
    )
    assert not small.problems and not large.problems
    np.testing.assert_array_equal(small.images, large.images)


def test_a_file_that_is_read_as_a_whole_needs_the_memory_for_it(tmp_path):
    path = tmp_path / "1.webp"
    start = b"RIFF" + struct.pack("<L", 400 << 20) + b"WEBPVP8X"
    path.write_bytes(start)
    with open(path, "ab") as file:
        file.truncate(500 << 20)
    problems = decode_images([str(path)], (16, 16), Reading(3)).problems
    assert "takes 1.3 GB of memory to decode" in problems[0]


def test_what_needs_too_much_memory_is_refused(tmp_path, usual_memory):
    strip = bytes(16) + zlib.compress(bytes(1 << 20))
    tags = [
        (256, 4, 1, 7500),
        (257, 4, 1, 7500),
        (258, 3, 1, 8),
        (259, 3, 1, 8),
        (262, 3, 1, 1),
        (273, 4, 1, 8),
        (277, 3, 1, 1),
        (278, 4, 1, 7500),
        (279, 4, 1, len(strip)),
    ]
    directory = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    start = 8 + len(strip)
    header = b"II*\0" + struct.pack("<I", start)
    end = struct.pack("<H", len(tags)) + directory + bytes(4)
    (tmp_path / "a.tif").write_bytes(header + strip + end)
    image = Image.new("L", (16, 16))
    image.save(tmp_path / "b.png")
    image_memory(0.15)
    problems = check_images(tmp_path)["problem"]
    assert "takes 0.2 GB of memory to decode, more than the 0.15 GB" in problems[0]
    assert problems[1] is None
    # What the text says will do does.
    enough = float(re.search(r"`image_memory\((.+?)\)`", problems[0])[1])
    assert image_memory(enough) == 0.15
    assert "takes" not in check_images(tmp_path)["problem"][0]


@pytest.mark.parametrize("gigabytes", [0, 0.05, -1, float("nan"), "much", [1, 2]])
def test_the_limit_of_memory_is_a_number_of_gigabytes(gigabytes):
    with pytest.raises((TypeError, ValueError), match="`gigabytes` must be a number"):
        image_memory(gigabytes)
    assert image_memory() == 1.04


def _bomb():
    """Return the beginning of a PNG that claims to be large."""
    file = _black_png(8)
    header = struct.pack(">IIBBBBB", 20000, 20000, 8, 2, 0, 0, 0)
    return file[:8] + _chunk(b"IHDR", header) + file[33:]


def test_claims_far_beyond_the_bytes_are_refused(tmp_path):
    (tmp_path / "a.png").write_bytes(_bomb())
    with pytest.raises(ValueError, match=r"20,000 x 20,000 pixels, and has \d+ bytes"):
        load_images(image_folder(tmp_path, 8))


@pytest.mark.parametrize("kind", ["ICO", "ICNS"])
def test_an_icon_does_not_hide_a_large_picture(tmp_path, kind):
    small = _encoded(Image.new("RGBA", (32, 32)), kind)
    at = small.index(b"IHDR") + 4
    side = struct.pack(">I", 60000)
    path = tmp_path / f"a.{kind.lower()}"
    path.write_bytes(small[:at] + 2 * side + small[at + 8 :])
    with pytest.raises(ValueError, match="icon with a picture of 60,000 x 60,000"):
        load_images(image_folder(tmp_path, 8))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("WEBP", {"quality": 95}),
        ("JPEG2000", {}),
    ],
)
def test_a_large_image_looks_as_a_small_one_does(
    tmp_path, monkeypatch, kind, options, channels
):
    path = tmp_path / "a"
    Image.fromarray(_photo(617, 803)).save(path, kind, **options)
    wanted = decode_images([str(path)], (40, 50), Reading(channels)).images
    monkeypatch.setattr(upright, "LARGE", 100_000)
    monkeypatch.setattr(upright, "_PART", 30_000)
    found = decode_images([str(path)], (40, 50), Reading(channels)).images
    assert np.abs(wanted.astype(int) - found).mean() < 2
    assert (wanted != found).any()


def tiled_tiff(pixels, side, kind=None):
    """Return a TIFF file in tiles of so many pixels, packed by Deflate or as they are.

    Args:
        pixels: uint8 array, (height, width, 3).
        side: Multiple of 16.
        kind: Another number of a compression to claim, or None.
    """
    height, width = pixels.shape[:2]
    across, down = -(-width // side), -(-height // side)
    whole = np.zeros((down * side, across * side, 3), np.uint8)
    whole[:height, :width] = pixels
    tiles = [
        zlib.compress(whole[y : y + side, x : x + side].tobytes(), 1)
        for y in range(0, down * side, side)
        for x in range(0, across * side, side)
    ]
    starts = np.cumsum([8, *map(len, tiles)]).tolist()
    after = starts.pop()
    numbers = struct.pack(f"<{2 * len(tiles)}I", *starts, *map(len, tiles))
    bits = struct.pack("<3H", 8, 8, 8)
    tags = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 3, after + len(numbers)),
        (259, 3, 1, kind or 8),
        (262, 3, 1, 2),
        (277, 3, 1, 3),
        (322, 4, 1, side),
        (323, 4, 1, side),
        (324, 4, len(tiles), after),
        (325, 4, len(tiles), after + 4 * len(tiles)),
    ]
    directory = struct.pack("<H", len(tags))
    directory += b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    end = after + len(numbers) + len(bits)
    header = b"II*\0" + struct.pack("<I", end)
    return b"".join([header, *tiles, numbers, bits, directory])


@pytest.mark.filterwarnings("ignore:16-bit files")
@pytest.mark.parametrize("channels", [1, 3])
def test_a_tiff_in_parts_is_read_as_a_whole_one(tmp_path, monkeypatch, channels):
    image = Image.fromarray(_photo(171, 203))
    deep = Image.fromarray(np.asarray(image.convert("L")).astype("u2") * 250)
    kinds = [("RGB", "raw"), ("1", "raw"), ("I;16", "raw"), ("RGB", "jpeg")]
    for packed in ("tiff_lzw", "tiff_deflate", "packbits"):
        kinds += [(mode, packed) for mode in ("RGB", "RGBA", "L", "P", "CMYK", "I;16")]
    paths = [str(tmp_path / "tiles.tif")]
    (tmp_path / "tiles.tif").write_bytes(tiled_tiff(_photo(171, 203), 48))
    for number, (mode, packed) in enumerate(kinds):
        paths.append(str(tmp_path / f"{number}.tif"))
        exif = Image.Exif()
        exif[0x0112] = 1 + number % 8
        whole = deep if mode == "I;16" else image.convert(mode)
        rows = {278: 16} if packed != "raw" else {278: 171}
        whole.save(paths[-1], compression=packed, tiffinfo=rows, exif=exif)
    sizes = [(171, 203), (25, 20)]
    as_floats = {"reading": Reading(channels), "dtype": np.float32}
    wanted = [decode_images(paths, size, **as_floats) for size in sizes]
    monkeypatch.setattr(upright, "LARGE", 1000)
    monkeypatch.setattr(upright, "_KEPT", 10**6)
    monkeypatch.setattr(upright, "_PART", 3000)
    monkeypatch.setattr(tiff_parts, "_PART", 2000)
    for before, size in zip(wanted, sizes, strict=True):
        assert before.problems == {}
        found = decode_images(paths, size, **as_floats)
        assert (found.problems, found.extremes) == ({}, before.extremes)
        np.testing.assert_array_equal(found.images, before.images)


@pytest.mark.filterwarnings("ignore:16-bit files")
@pytest.mark.parametrize("channels", [1, 3])
def test_a_png_is_read_by_rows_as_a_whole_one(tmp_path, monkeypatch, channels):
    image = Image.fromarray(_photo(171, 203))
    paths = []
    for number, mode in enumerate(("RGB", "L", "1", "P", "LA", "RGBA", "P")):
        paths.append(str(tmp_path / f"{number}.png"))
        exif = Image.Exif()
        exif[0x0112] = 1 + number
        clear = {"transparency": 5} if number == 6 else {}
        image.convert(mode).save(paths[-1], exif=exif, **clear)
    # Of the filters, OpenCV and Pillow choose others.
    paths.append(str(tmp_path / "paeth.png"))
    options = ()
    if hasattr(cv2, "IMWRITE_PNG_FILTER"):  # From 4.12 on.
        options = (cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_PAETH)
    assert cv2.imwrite(paths[-1], _photo(171, 203), options)
    sizes = [(171, 203), (25, 20)]
    wanted = [decode_images(paths, size, Reading(channels)) for size in sizes]
    monkeypatch.setattr(upright, "_MUCH", 0)
    monkeypatch.setattr(upright, "_PART", 3000)
    for before, size in zip(wanted, sizes, strict=True):
        found = decode_images(paths, size, Reading(channels))
        assert found.problems == {}
        np.testing.assert_array_equal(found.images, before.images)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("colour", [0, 2, 6])
def test_rows_of_a_png_are_without_their_filters(bits, colour):
    samples = {0: 1, 2: 3, 6: 4}[colour] * bits // 8
    rng = np.random.default_rng(1)
    plain = rng.integers(0, 256, (9, 7 * samples), dtype=np.uint8)
    packed, before = b"", np.zeros(plain.shape[1], np.uint8)
    for number, row in enumerate(plain):
        left = np.r_[np.zeros(samples, np.uint8), row[:-samples]].astype(int)
        corner = np.r_[np.zeros(samples, np.uint8), before[:-samples]].astype(int)
        up = before.astype(int)
        guess = left + up - corner
        near = np.abs(np.stack([guess - left, guess - up, guess - corner]))
        paeth = np.choose(near.argmin(axis=0), [left, up, corner])
        taken = [0 * up, left, up, (left + up) // 2, paeth][number % 5]
        packed += bytes([number % 5]) + ((row - taken) % 256).astype("u1").tobytes()
        before = row
    header = struct.pack(">IIBBBBB", 7, 9, bits, colour, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(packed)), (b"IEND", b"")]
    file = b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in parts)
    rows, wanted = png_rows.PngRows(io.BytesIO(file)), Image.open(io.BytesIO(file))
    found = [rows.next_rows(count, np.asarray) for count in (1, 4, 2, 2)]
    np.testing.assert_array_equal(np.concatenate(found), np.asarray(wanted))


def test_a_cut_png_read_by_rows_is_named(tmp_path, monkeypatch):
    whole = _encoded(Image.fromarray(_photo(171, 203)), "PNG")
    (tmp_path / "a.png").write_bytes(whole[: len(whole) // 2])
    monkeypatch.setattr(upright, "_MUCH", 0)
    assert check_images(tmp_path)["problem"] == ["is damaged: image file is truncated"]


@pytest.mark.slow
def test_a_large_tiff_in_parts_takes_little_memory(tmp_path, run_python):
    soft = cv2.resize(_photo(80, 100), (8_000, 7_000))
    (tmp_path / "a.tif").write_bytes(tiled_tiff(soft, 512))
    Image.fromarray(soft).save(tmp_path / "b.tif", tiffinfo={278: 7_000})
    ran = run_python(DECODE, tmp_path)
    peak, _, problems = ran.stdout.split(maxsplit=2)
    assert problems == "{}\n", ran.stderr
    assert int(peak) < 200


@pytest.mark.parametrize("change", ["cut", "lies", "packed otherwise", "beyond"])
def test_a_damaged_tiff_in_parts_is_named(tmp_path, monkeypatch, change):
    whole = tiled_tiff(
        _photo(171, 203), 48, 5 if change == "packed otherwise" else None
    )
    if change == "cut":
        whole = whole[:30_000] + whole[50_000:]
    if change == "lies":
        at = whole.index(struct.pack("<HHII", 257, 4, 1, 171)) + 8
        whole = whole[:at] + struct.pack("<I", 60_000) + whole[at + 4 :]
    if change == "beyond":
        whole = whole.replace(struct.pack("<HHI", 322, 4, 1), bytes(8))
    (tmp_path / "a.tif").write_bytes(whole)
    monkeypatch.setattr(upright, "LARGE", 1000)
    problem = check_images(tmp_path)["problem"][0]
    assert problem is not None
    assert problem.startswith(("is damaged", "is said", "is a TIFF", "is not an image"))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_converting_in_parts_changes_nothing(tmp_path, monkeypatch, orientation):
    paths = [str(tmp_path / name) for name in ("a.png", "b.tif", "c.webp", "d.png")]
    image = Image.fromarray(_photo(61, 83))
    exif = image.getexif()
    exif[0x0112] = orientation
    image.save(paths[0], exif=exif)
    image.save(paths[1], compression="tiff_lzw", exif=exif)
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    image.save(paths[2], lossless=True, exif=exif)
    assert cv2.imwrite(paths[3], _photo(61, 83)[..., 0].astype("u2") * 257)
    as_floats = {"reading": Reading(3), "dtype": np.float32}
    sizes = (61, 83), (20, 30)
    wanted = [decode_images(paths, size, **as_floats) for size in sizes]
    monkeypatch.setattr(upright, "_PART", 900)
    for before, size in zip(wanted, sizes, strict=True):
        found = decode_images(paths, size, **as_floats)
        assert found.problems == before.problems == {}
        np.testing.assert_array_equal(found.images, before.images)


def test_threads_share_what_memory_there_is():
    budget, most, sums = Budget(100_000_000), [], []

    def use(count):
        with budget.share() as take:
            take(count * 1_000_000)
            most.append(count)
            sums.append(sum(most))
            time.sleep(0.001)
            most.remove(count)

    counts = [60, 50, 100, 5, 5, 5, 95, 40] * 5
    threads = [threading.Thread(target=use, args=[count]) for count in counts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sums) == len(counts)
    assert max(sums) <= 100
    assert image_memory() < 2**30 / 1e9


def test_another_limit_holds_for_those_who_wait():
    budget, ended = Budget(10_000_000), []

    def use(count):
        with budget.share() as take:
            take(count)
            ended.append(count)

    with budget.share() as take:
        take(9_000_000)
        thread = threading.Thread(target=use, args=[8_000_000])
        thread.start()
        time.sleep(0.05)
        assert ended == []
        budget.allow(20_000_000)
        thread.join(60)
        assert ended == [8_000_000]
        budget.allow(5_000_000)
    # More than there is: it has all of it, when nobody else has any.
    use(6_000_000)
    assert ended == [8_000_000, 6_000_000]


def test_a_row_counts_as_a_whole(tmp_path, usual_memory):
    Image.new("L", (6_000_000, 1)).save(tmp_path / "a.png")
    Image.new("L", (3000, 2000)).save(tmp_path / "b.png")
    image_memory(0.15)
    problems = check_images(tmp_path)["problem"]
    assert "takes 0.2 GB of memory to decode" in problems[0]
    assert problems[1] is None


def test_bytes_of_a_jpeg_count_as_memory():
    file = io.BytesIO(_encoded(Image.new("RGB", (64, 64)), "JPEG") + bytes(20 << 20))
    taken = []
    with Image.open(file) as image:
        upright.upright_pixels(image, 64, 3, taken.append)
    assert 20 << 20 < sum(taken) < 21 << 20


@pytest.mark.filterwarnings("ignore:16-bit files")
def test_numbers_written_out_are_read_to_the_end(tmp_path, monkeypatch):
    numbers = b"65535 " * (3 * 200 * 200)
    (tmp_path / "a.ppm").write_bytes(b"P3 200 200 65535\n" + numbers)
    # As if it had many millions of pixels.
    monkeypatch.setattr(bounding, "_SMALL", 0)
    monkeypatch.setattr(bounding, "_BEGINNING", 50_000)
    assert (load_images(image_folder(tmp_path, 8))["images"] == 255).all()


FORKS = """
import os, sys, threading, warnings
from PIL import Image
from reticnn.data.budget import memory
from reticnn.data.decoding import decode_images
from reticnn.data.file_reading import Reading
from reticnn.data.library_settings import while_decoding

before = Image.MAX_IMAGE_PIXELS, list(warnings.filters)
held, end = threading.Event(), threading.Event()


def hold():
    with memory.share() as take, while_decoding:
        take(memory.most)
        held.set()
        end.wait()


thread = threading.Thread(target=hold)
thread.start()
held.wait()
child = os.fork()
if not child:
    free = (Image.MAX_IMAGE_PIXELS, list(warnings.filters)) == before
    good = not decode_images(sys.argv[1:], (8, 8), Reading(3)).problems
    os._exit(0 if free and good else 1)
print(os.waitpid(child, 0)[1])
end.set()
thread.join()
print((Image.MAX_IMAGE_PIXELS, list(warnings.filters)) == before)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="No forks here")
def test_a_forked_process_has_all_memory_and_the_settings_as_found(
    tmp_path, run_python
):
    Image.new("RGB", (1600, 1200)).save(tmp_path / "a.png")
    ran = run_python(FORKS, tmp_path / "a.png", limit=60)
    assert ran.stdout.split() == ["0", "True"], ran.stderr


CLOSES = """
import os, sys
from reticnn.data.decoding import decode_images
from reticnn.data.file_reading import Reading
folder = sys.argv[1]
files = [folder + "/a.jpg"]
assert not decode_images(files, (8, 8), Reading(3)).problems
os.closerange(3, 100)
others = [open(f"{folder}/{number}", "w+") for number in range(9)]
for other in others:
    print("precious", file=other, flush=True)
assert not decode_images(files, (8, 8), Reading(3)).problems
print([other.seek(0) or other.read() for other in others] == ["precious\\n"] * 9)
"""


def test_a_file_that_has_got_the_number_of_ours_stays_as_it_is(tmp_path, run_python):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg")
    ran = run_python(CLOSES, tmp_path)
    assert (ran.stdout, ran.stderr) == ("True\n", "")


# What the libraries print


def test_nothing_is_printed_of_a_tiff_with_tags_of_no_known_type(tmp_path, run_python):
    tifffile = pytest.importorskip("tifffile")
    pytest.importorskip("imagecodecs")
    file = tmp_path / "a.tif"
    values = np.arange(64, dtype="uint16").reshape(8, 8) * 1000
    tifffile.imwrite(file, values, compression="zlib", software="by nobody")
    with tifffile.TiffFile(file) as tiff:
        at = tiff.pages[0].tags["Software"].offset
    contents = bytearray(file.read_bytes())
    contents[at + 2 : at + 4] = b"\xff\x7f"
    file.write_bytes(contents)
    ran = run_python(
        "import sys, reticnn\n"
        "data = reticnn.image_table(sys.argv[1:], image_size=4)\n"
        "print(reticnn.load_images(data)['images'].shape)",
        file,
    )
    assert (ran.stdout, ran.stderr) == ("(1, 4, 4, 3)\n", "")


PRINTS = """
import ctypes, sys, warnings
from reticnn import check_images
from reticnn.data.library_settings import while_decoding
warnings.simplefilter("always")
print([text is None for text in check_images(sys.argv[1])["problem"]])
libc = ctypes.CDLL(None)
stderr = ctypes.c_void_p.in_dll(libc, "stderr")
with while_decoding:
    libc.fputs(b"Something else\\n", stderr)
    libc.fputs(b"Corrupt JPEG data: premature end of data segment\\n", stderr)
libc.fputs(b"At the end\\n", stderr)
"""


def test_libraries_print_nothing_of_damaged_files(tmp_path, run_python):
    jpeg = bytearray(_encoded(Image.fromarray(_photo(64, 80)), "JPEG"))
    at = jpeg.index(b"\xff\xda") + 300
    jpeg[at : at + 3] = b"\xff\xd9\xff"
    (tmp_path / "a.jpg").write_bytes(jpeg)
    lzw = bytearray(
        _encoded(Image.fromarray(_photo(64, 80)), "TIFF", compression="tiff_lzw")
    )
    lzw[200:220] = b"\xff" * 20
    (tmp_path / "b.tif").write_bytes(lzw)
    ran = run_python(PRINTS, tmp_path)
    assert ran.stdout == "[True, False]\n"
    assert ran.stderr == "Something else\nAt the end\n"


PRINTS_MEANWHILE = """
import ctypes, sys, threading
from reticnn.data.library_settings import while_decoding
sys.setswitchinterval(1e-6)
libc = ctypes.CDLL(None)
stderr = ctypes.c_void_p.in_dll(libc, "stderr")


def write(first):
    # Longer than what C keeps for itself.
    for number in range(first, 4000, 4):
        libc.fputs(b"%-5000d\\n" % number, stderr)


threads = [threading.Thread(target=write, args=[first]) for first in range(4)]
for thread in threads:
    thread.start()
while any(thread.is_alive() for thread in threads):
    with while_decoding:
        pass
with while_decoding:
    pass
"""


def test_what_is_printed_in_c_meanwhile_is_not_lost(run_python):
    lines = run_python(PRINTS_MEANWHILE).stderr.split()
    assert sorted(map(int, lines)) == list(range(4000))


def test_warnings_of_pillow_are_kept_away_and_no_others(tmp_path):
    small = Image.new("P", (8, 8))
    small.save(tmp_path / "a.png", transparency=b"\x01\x02")
    data = bytearray(_encoded(small.convert("RGB"), "TIFF"))
    at = data.index(struct.pack("<HH", 258, 3))
    data[at + 4 : at + 8] = b"\xff\xff\xff\0"  # A tag with more values than bytes.
    (tmp_path / "b.tif").write_bytes(data)
    before = list(warnings.filters)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert check_images(tmp_path)["problem"][0] is None
    assert warnings.filters == before


def test_filters_of_warnings_stay_whatever_is_done_meanwhile(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    files, ended = [str(tmp_path / "a.png")], threading.Event()

    def decode():
        for _ in range(100):
            decode_images(files, (8, 8), Reading(3))
        ended.set()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"PIL\.")
            before = list(warnings.filters)
            thread = threading.Thread(target=decode)
            thread.start()
            while not ended.is_set():
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", ImportWarning)
            thread.join()
            decode_images(files, (8, 8), Reading(3))
            assert warnings.filters == before
    finally:
        sys.setswitchinterval(interval)


def test_a_warning_that_was_shown_once_is_not_shown_again(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            warnings.warn("The user's own.", UserWarning, stacklevel=1)
            decode_images([str(tmp_path / "a.png")], (8, 8), Reading(3))
    assert len(caught) == 1


def test_a_damaged_file_is_told_with_the_name_alone(tmp_path):
    (tmp_path / "a.png").write_bytes(_black_png(64)[:70])
    problem = check_images(tmp_path)["problem"][0]
    assert problem.startswith("is damaged")
    assert decoding.describe_images([str(tmp_path / "a.png")])[0]["width"] == 64
