"""Files of other kinds beside images are counted by their endings, never dropped."""

import os
import shutil
import warnings

import numpy as np
import pytest
from PIL import Image

from reticnn import (
    check_images,
    image_folder,
    image_table,
    load_images,
    predict_images,
)
from reticnn.data import listing, readers


def _add(folder, **counts):
    """Put so many files of some endings into a folder."""
    for ending, count in counts.items():
        for number in range(count):
            (folder / f"other {number}.{ending}").write_bytes(b"not an image")


@pytest.fixture
def without_heif(monkeypatch):
    """Have nothing installed that reads HEIC."""
    endings = {e for e in listing._readable_endings() if not e.startswith(".hei")}
    monkeypatch.setattr(listing, "_readable_endings", lambda: endings)


def test_pictures_of_other_kinds_are_counted_by_ending(cats, without_heif):
    _add(cats / "cat", heic=12, NEF=20)
    _add(cats / "dog", nef=4)
    said = (
        "36 files of other kinds are left out: 12 .heic (install pillow-heif), 24 .nef"
    )
    with pytest.warns(UserWarning, match="In `path`, 36 files") as caught:
        data = image_folder(cats, 8)
    assert [str(warning.message) for warning in caught] == [
        f"In `path`, {said}. Convert those that are images, or read them with a "
        "`reader`, which `image_folder()` accepts."
    ]
    assert repr(data).splitlines()[-1] == said
    assert len(data.left_out) == 36 and len(data) == 5
    with pytest.warns(UserWarning) as caught:
        table = check_images(cats)
    assert str(caught[0].message) == f"In `path`, {said}."
    assert table["ok"] == [True] * 5


def test_what_holds_no_pictures_is_counted_without_a_warning(cats):
    _add(cats / "cat", txt=1, csv=2)
    (cats / "labels.csv").write_text("a,b")
    (cats / "dog" / "LICENSE").write_text("free")
    (cats / "dog" / "a.much longer name").write_text("free")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = image_folder(cats, 8)
    assert repr(data).splitlines()[-1] == (
        "6 files of other kinds are left out: 2 without an ending, 3 .csv, 1 .txt"
    )


def test_one_other_file(cats):
    _add(cats / "cat", txt=1)
    assert repr(image_folder(cats, 8)).endswith(
        "\n1 file of another kind is left out: 1 .txt"
    )


def test_hidden_files_and_those_of_systems_are_not_counted(cats):
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", "._1.png", ".nef"):
        (cats / "cat" / name).write_bytes(b"")
    data = image_folder(cats, 8)
    assert data.left_out == []
    assert "left out" not in repr(data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_images(cats)


def test_ten_endings_are_named(cats):
    for ending in "abcdefghijkl":
        _add(cats / "cat", **{ending: 1 if ending in "bd" else 2})
    assert repr(image_folder(cats, 8)).splitlines()[-1] == (
        "22 files of other kinds are left out: 2 .a, 2 .c, 2 .e, 2 .f, 2 .g, 2 .h, "
        "2 .i, 2 .j, 2 .k, 2 .l, 2 with other endings"
    )


def test_folder_without_images_says_what_there_is(tmp_path, cats, tiny_cnn):
    (tmp_path / "raw" / "cat").mkdir(parents=True)
    _add(tmp_path / "raw" / "cat", nef=3)
    for path in (tmp_path / "raw", tmp_path / "raw" / "cat"):
        with pytest.raises(ValueError, match=r"are of other kinds: 3 \.nef"):
            image_folder(path, 8, class_names=["cat", "dog"])
    with pytest.raises(ValueError, match=r"are of other kinds: 3 \.nef"):
        predict_images(tiny_cnn(), tmp_path / "raw")


def test_empty_class_says_what_there_is_in_its_folder(cats):
    (cats / "bird").mkdir()
    _add(cats / "bird", pdf=2)
    _add(cats / "cat", mp4=1)
    with pytest.raises(ValueError, match=r"without images: 'bird'.*kinds: 2 \.pdf"):
        image_folder(cats, 8)
    with pytest.warns(
        UserWarning, match=r"3 files of other kinds are .*1 \.mp4, 2 \.pdf"
    ):
        data = image_folder(cats, 8, on_empty_class="skip")
    assert len(data.left_out) == 3


def test_only_the_folders_of_the_classes_asked_for_are_counted(cats):
    (cats / "bird").mkdir()
    _add(cats / "bird", txt=2)
    assert image_folder(cats, 8, class_names=["dog", "cat"]).left_out == []


def test_whole_data_say_what_is_left_out_and_parts_do_not(cats):
    _add(cats / "cat", txt=1)
    data = image_folder(cats, 8)
    assert "left out" not in repr(data[:4])
    assert "left out" in repr(data[:4] + data[4:])
    assert "left out" in repr(data.read_at((6, 6, 1)))
    assert len((data[:4] + data[4:]).left_out) == 1
    (cats / "cat" / "bad.png").write_bytes(b"")
    with pytest.warns(UserWarning, match="1 of 6 files"):
        data = image_folder(cats, 8, on_bad_image="skip")
    assert "left out" in repr(data)


def test_prediction_for_a_folder_names_pictures_left_out(cats, tiny_cnn):
    _add(cats / "cat", cr2=2)
    with pytest.warns(UserWarning, match="In `images`, 2 files of other kinds"):
        assert len(predict_images(tiny_cnn(), cats)[".pred_class"]) == 5


def test_parts_of_a_data_set_count_their_own(tmp_path, write_image):
    for part in ("train", "test"):
        for name in ("cat", "dog"):
            write_image(tmp_path / part / name / "1.png", (1, 2, 3))
    _add(tmp_path / "test" / "cat", txt=2)
    data = image_folder(tmp_path, 8)
    assert len(data["train"].left_out) == 0
    assert [os.path.basename(os.path.dirname(f)) for f in data["test"].left_out] == [
        "cat"
    ] * 2


# Formats of packages beside Pillow


def _scene(width=48, height=32):
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 5, y * 7, x + y], axis=-1).astype(np.uint8)


def _heic(path, pixels, **options):
    heif = pytest.importorskip("pillow_heif")
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels)
    heif.from_pillow(image).save(path, quality=-1, chroma=444, **options)


def test_heic_is_read_as_the_png_of_the_same_pixels(tmp_path, write_image):
    for name in ("cat", "dog"):
        _heic(tmp_path / name / "1.HEIC", _scene())
        Image.fromarray(_scene()).save(tmp_path / name / "2.png")
    images = load_images(image_folder(tmp_path, (32, 48)))["images"].astype(int)
    assert len(images) == 4
    assert np.abs(images[0] - images[1]).max() <= 4
    table = check_images(tmp_path)
    assert table["format"][0] == "HEIF" and table["width"][0] == 48


def test_heic_of_10_bits_keeps_its_depth(tmp_path):
    heif = pytest.importorskip("pillow_heif")
    y, x = np.mgrid[:32, :48]
    deep = np.stack([x * 1300, y * 2000, (x + y) * 800], axis=-1).astype(np.uint16)
    image = heif.from_bytes(mode="RGB;16", size=(48, 32), data=deep.tobytes())
    image.save(tmp_path / "a.heic", quality=-1, chroma=444)
    image = load_images(image_folder(tmp_path, (32, 48)))["images"][0]
    assert image.dtype == np.float32
    assert np.abs(image - deep / 65535 * 255).max() < 0.7
    assert len(np.unique(image)) > 300
    assert check_images(tmp_path)["format"] == ["HEIF"]
    whole = (tmp_path / "a.heic").read_bytes()
    (tmp_path / "a.heic").write_bytes(whole[: len(whole) // 2])
    assert check_images(tmp_path)["problem"][0].startswith("is damaged")


def test_damaged_heic_is_named(cats):
    _heic(cats / "cat" / "bad.heic", _scene())
    whole = (cats / "cat" / "bad.heic").read_bytes()
    (cats / "cat" / "bad.heic").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"bad\.heic: "):
        load_images(image_folder(cats, 8))


def test_avif_is_read(cats):
    Image.fromarray(_scene()).save(cats / "cat" / "9.avif", quality=100)
    assert len(image_folder(cats, 8)) == 6
    assert check_images(cats)["problem"] == [None] * 6


@pytest.fixture
def jpeg_xl():
    """Return a function that writes a JPEG XL file without losses."""
    pytest.importorskip("pillow_jxl")

    def write(path, pixels, **options):
        try:
            Image.fromarray(pixels).save(path, "JXL", lossless=True, **options)
        except NotImplementedError:
            pytest.skip("This pillow-jxl-plugin writes no 16 bits")
        return path

    return write


def test_jpeg_xl_is_read_with_its_values(tmp_path, jpeg_xl):
    path = jpeg_xl(tmp_path / "a.JXL", _scene())
    exif = Image.Exif()
    exif[0x0112] = 6
    # It is upright already, as the format has it.
    turned = jpeg_xl(tmp_path / "b.jxl", _scene(), exif=exif.tobytes())
    images = load_images(image_folder(tmp_path, (32, 48)))["images"]
    np.testing.assert_array_equal(images, [_scene()] * 2)
    deep = (_scene()[..., 0].astype(np.uint16) << 8) + 7
    jpeg_xl(path, deep)
    images = load_images(image_table(path, image_size=(32, 48), channels=1))["images"]
    np.testing.assert_allclose(images[0, ..., 0], deep / 65535 * 255, atol=1e-3)
    assert check_images(tmp_path)["problem"] == [None, None]
    turned.write_bytes(turned.read_bytes()[:60])
    assert "is damaged" in check_images(tmp_path)["problem"][1]


def test_sizes_of_jpeg_xl_are_those_that_it_has(tmp_path, jpeg_xl):
    sizes = [(1, 1), (8, 8), (256, 128), (7, 300), (700, 9), (513, 1025)]
    # As a number that stands for a ratio.
    sizes += [(60, 60), (60, 50), (60, 45), (60, 40), (64, 36), (60, 48), (60, 30)]
    exif = Image.Exif()
    exif[0x0112] = 6
    for width, height in sizes:
        for options in ({}, {"exif": exif.tobytes()}):  # The latter in boxes.
            pixels = np.full((height, width, 3), 7, np.uint8)
            path = jpeg_xl(tmp_path / "a.jxl", pixels, **options)
            with open(path, "rb") as file:
                needed = readers.jpeg_xl.bytes_to_open(file)
            assert needed == readers.jpeg_xl.BYTES_PER_PIXEL * width * height
    pixels = load_images(image_table(path, image_size=(30, 60)))["images"]
    np.testing.assert_array_equal(pixels, 7)


def test_sizes_that_jpeg_xl_claims_are_known_before_it_is_decoded(tmp_path, jpeg_xl):
    path = tmp_path / "a.jxl"
    # Lengths of 18 and of 30 bits, each behind two bits that say so.
    for bits, choice, length, said in (
        (18, 2, 9000, "takes 1.9 GB of memory to decode"),
        (30, 3, 2**30, "to have 1,073,741,824 x 1,073,741,824 pixels"),
    ):
        one = choice | (length - 1) << 2
        number = one << 1 | one << (bits + 6)
        encoded = b"\xff\x0a" + number.to_bytes(12, "little")
        path.write_bytes(encoded + b"\0" * 5000)
        assert said in check_images(tmp_path)["problem"][0]
    path.write_bytes(b"\0\0\0\x0cJXL \r\n\x87\n" + b"\0\0\0\x08free" * 2000)
    assert "nothing in it says how large" in check_images(tmp_path)["problem"][0]


def test_what_a_missing_package_would_read_is_named(tmp_path, jpeg_xl, monkeypatch):
    _heic(tmp_path / "a.jpg", _scene())
    jpeg_xl(tmp_path / "b.jpg", _scene())
    assert check_images(tmp_path)["problem"] == [None, None]
    for kind in ("HEIF", "JXL"):
        monkeypatch.delitem(Image.OPEN, kind)
    problems = check_images(tmp_path)["problem"]
    assert "a HEIC photo, which needs the Python package pillow-heif" in problems[0]
    assert "a JPEG XL file, which needs the Python package pillow-jxl" in problems[1]


def test_a_table_finds_the_packages_too(tmp_path, jpeg_xl, run_python):
    files = [str(jpeg_xl(tmp_path / "a.jxl", _scene())), str(tmp_path / "b.heic")]
    _heic(tmp_path / "b.heic", _scene())
    code = f"import reticnn; reticnn.load_images(reticnn.image_table({files}))"
    assert run_python(code).returncode == 0


def test_files_beside_the_folders_of_parts_are_counted(cats, tmp_path, write_image):
    for part in ("train", "test"):
        shutil.copytree(cats, tmp_path / "split" / part)
    folder = tmp_path / "split"
    (folder / "labels.csv").touch()
    np.save(folder / "labels.npy", np.arange(3))
    with pytest.warns(UserWarning, match=r"In `path`, 2 files .*1 \.npy"):
        data = image_folder(folder, 8)
    names = [os.path.basename(file) for file in data["train"].left_out]
    assert sorted(names) == ["labels.csv", "labels.npy"]
    assert data["test"].left_out == []
    with pytest.warns(UserWarning, match=r"2 files of other kinds .* 1 \.npy"):
        check_images(folder)
    write_image(folder / "stray.png")
    with pytest.warns(UserWarning, match=r"1 image next to .*'test'.*stray\.png"):
        assert len(image_folder(folder, 8)["train"]) == len(data["train"])
    with pytest.warns(UserWarning):
        table = check_images(folder)
    row = table["file"].index(str(folder / "stray.png"))
    assert table["class"][row] is None and table["ok"][row]
