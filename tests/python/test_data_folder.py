import os
import re
import shutil
import struct
import tempfile
import zlib

import cv2
import keras
import numpy as np
import pytest
from PIL import Image

from reticnn import check_images, image_folder, image_table, load_images, split_images
from reticnn.data import caching, file_images as images
from reticnn.data.decoding import decode_images
from reticnn.data.digest import images_digest

NA_INTEGER = -(2**31)

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def _pixels(path, image_size=8, **options):
    return load_images(image_folder(path, image_size, **options))["images"]


def _names(data):
    return [os.path.basename(file) for file in data.files]


# What is read


def test_subfolders_are_the_classes(cats):
    data = image_folder(cats, 8)
    assert data.class_names == ["cat", "dog"]
    assert data.class_counts == {"cat": 3, "dog": 2}
    assert data.labels == ["cat"] * 3 + ["dog"] * 2
    assert _names(data) == ["1.png", "2.jpg", "3.png", "1.png", "2.jpg"]
    assert data.image_shape == (8, 8, 3)
    assert repr(data).splitlines()[0] == "<ImageData> 5 images, 8 x 8 x 3, in files"


def test_images_are_read_at_the_size_asked_for(cats):
    assert _pixels(cats, [6.0, 10.0], channels=1.0).shape == (5, 6, 10, 1)
    assert _pixels(cats, 7.0).shape == (5, 7, 7, 3)
    assert image_folder(cats).image_shape == (224, 224, 3)


def _solid(colour, mode="RGB"):
    return Image.new(mode, (20, 16), colour)


def _deep(value, dtype):
    return Image.fromarray(np.full((16, 20), value, dtype))


formats = {
    "png": ("a.png", _solid((10, 200, 30)), {}, (10, 200, 30)),
    "upper case": ("A.JPG", _solid((10, 200, 30)), {"quality": 95}, (10, 200, 30)),
    "jpeg": ("a.jpeg", _solid((10, 200, 30)), {"quality": 95}, (10, 200, 30)),
    "tif": ("a.tif", _solid((10, 200, 30)), {"compression": "tiff_lzw"}, (10, 200, 30)),
    "webp": ("a.webp", _solid((10, 200, 30)), {"lossless": True}, (10, 200, 30)),
    "gif": ("a.gif", _solid((10, 200, 30)), {}, (10, 200, 30)),
    "animated gif": (
        "a.gif",
        _solid(RED),
        {"save_all": True, "append_images": [_solid(BLUE), _solid(GREEN)]},
        RED,
    ),
    "animated webp": (
        "a.webp",
        _solid(RED),
        {"save_all": True, "append_images": [_solid(BLUE)], "lossless": True},
        RED,
    ),
    "bmp": ("a.BMP", _solid((10, 200, 30)), {}, (10, 200, 30)),
    "palette": ("a.png", _solid((10, 200, 30)).quantize(4), {}, (10, 200, 30)),
    "black and white": ("a.png", _solid(1, "1"), {}, WHITE),
    "grey": ("a.png", _solid(70, "L"), {}, (70, 70, 70)),
    "16 bits": ("a.png", _deep(257 * 70, "u2"), {}, (70, 70, 70)),
    "16 bits, black": ("a.png", _deep(0, "u2"), {}, (0, 0, 0)),
    "16 bits, white": ("a.png", _deep(65535, "u2"), {}, WHITE),
    "mpo": ("a.mpo", _solid((10, 200, 30)), {"quality": 95}, (10, 200, 30)),
    "16 bits, tif": ("a.tif", _deep(257 * 70, "u2"), {}, (70, 70, 70)),
    "see-through": ("a.png", _solid((10, 20, 30, 0), "RGBA"), {}, WHITE),
    "half see-through": (
        "a.png",
        _solid((255, 55, 155, 102), "RGBA"),
        {},
        (255, 175, 215),
    ),
    "grey see-through": ("a.png", _solid((10, 0), "LA"), {}, WHITE),
    "see-through palette": (
        "a.gif",
        _solid(0, "P"),
        {"transparency": 0},
        WHITE,
    ),
    "cmyk": ("a.jpg", _solid((0, 255, 255, 0), "CMYK"), {"quality": 95}, RED),
}


@pytest.mark.parametrize(
    ("name", "image", "options", "colour"), formats.values(), ids=formats.keys()
)
def test_every_kind_of_file_gives_its_colours(tmp_path, name, image, options, colour):
    image.save(tmp_path / name, **options)
    pixels = _pixels(tmp_path).astype(int)
    assert pixels.shape == (1, 8, 8, 3)
    assert np.abs(pixels - colour).max() <= (4 if "j" in name.lower() else 0)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_colours_of_16_bits_are_scaled(tmp_path, name):
    # Pillow writes no such files; OpenCV does, with blue first.
    deep = np.full((16, 20, 3), (257 * 30, 257 * 200, 257 * 10), "u2")
    assert cv2.imwrite(str(tmp_path / name), deep)
    assert _pixels(tmp_path)[0, 0, 0].tolist() == [10, 200, 30]


def test_colour_as_grey_is_its_luminance(tmp_path, write_image):
    write_image(tmp_path / "red.png", RED)
    write_image(tmp_path / "white.png", WHITE)
    grey = _pixels(tmp_path, channels=1)
    assert grey[:, 0, 0, 0].tolist() == [76, 255]


upright_by = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("ending", ["jpg", "png"])
@pytest.mark.parametrize("orientation", upright_by)
def test_photos_are_turned_upright(tmp_path, orientation, ending):
    corners = [RED, GREEN, BLUE, WHITE]
    # Large, so that the JPEG is decoded at a part of its size; wide, to tell the sides.
    image = Image.new("RGB", (2, 2))
    image.putdata(corners)
    image = image.resize((160, 96), Image.Resampling.NEAREST)
    if upright_by[orientation] is not None:
        image = image.transpose(upright_by[orientation])
    exif = Image.Exif()
    exif[274] = orientation
    image.save(tmp_path / f"photo.{ending}", exif=exif)
    pixels = _pixels(tmp_path, (6, 10))[0].astype(int)
    seen = [pixels[0, 0], pixels[0, -1], pixels[-1, 0], pixels[-1, -1]]
    assert np.abs(np.array(seen) - corners).max() <= 4


def test_large_jpeg_is_as_if_decoded_whole(tmp_path):
    slope, cone = Image.linear_gradient("L"), Image.radial_gradient("L")
    image = Image.merge("RGB", [slope, cone, slope.rotate(90)]).resize((800, 600))
    image.save(tmp_path / "a.jpg", quality=95)
    whole = np.asarray(image.resize((32, 24), Image.Resampling.BILINEAR), int)
    assert np.abs(_pixels(tmp_path, (24, 32))[0] - whole).max() <= 6


def test_images_keep_their_place_whatever_is_asked_for_first(tmp_path, write_image):
    for number in range(12):
        write_image(tmp_path / f"{number:02}.png", (number, 0, 0))
    data = image_folder(tmp_path, 4)
    order = [7, 3, 3, 11, 0]
    part = load_images(data[order])["images"]
    assert part[:, 0, 0, 0].tolist() == order
    assert load_images(data)["images"][:, 0, 0, 0].tolist() == list(range(12))


# How images get their size


@pytest.fixture
def stripes(tmp_path):
    """Return a folder with an image, 48 by 16: red, green and blue squares."""
    image = Image.new("RGB", (48, 16), GREEN)
    image.paste(RED, (0, 0, 16, 16))
    image.paste(BLUE, (32, 0, 48, 16))
    image.save(tmp_path / "stripes.png")
    return tmp_path


@pytest.mark.parametrize("side", [4, 8, 16, 32])
def test_crop_takes_the_middle(stripes, side):
    assert (_pixels(stripes, side, resize="crop") == GREEN).all()


def test_crop_keeps_the_longer_side_that_is_asked_for(stripes):
    pixels = _pixels(stripes, (8, 24), resize="crop")[0]
    assert pixels[4, [2, 12, 21]].tolist() == [list(c) for c in (RED, GREEN, BLUE)]


@pytest.mark.parametrize("side", [12, 48, 96])
def test_pad_keeps_all_on_black(stripes, side):
    pixels = _pixels(stripes, side, resize="pad")[0]
    third = side // 3
    assert (pixels[:third] == 0).all() and (pixels[-third:] == 0).all()
    middle = pixels[side // 2, [side // 6, side // 2, -side // 6]]
    assert middle.tolist() == [list(c) for c in (RED, GREEN, BLUE)]


def test_stretch_is_kerass_bilinear(tmp_path):
    rng = np.random.default_rng(1)
    values = rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)
    Image.fromarray(values).save(tmp_path / "a.png")
    keras_pixels = keras.ops.image.resize(values.astype("float32"), (21, 50))
    difference = _pixels(tmp_path, (21, 50))[0] - keras.ops.convert_to_numpy(
        keras_pixels
    )
    assert np.abs(difference).max() <= 1


def test_shrunk_images_see_all_pixels(tmp_path):
    board = np.indices((96, 96)).sum(axis=0) % 2 * 255
    Image.fromarray(board.astype(np.uint8)).save(tmp_path / "a.png")
    pixels = _pixels(tmp_path, 16, channels=1)
    assert np.abs(pixels[0, 1:-1, 1:-1].astype(int) - 127).max() <= 12


@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("size", [(1, 300), (300, 1), (1, 1), (17, 23)])
def test_any_size_becomes_any_size(tmp_path, write_image, resize, size):
    write_image(tmp_path / "a.png", WHITE, size=size)
    for image_size in (1, (1, 30), (30, 1), 8):
        for channels in (1, 3):
            data = image_folder(tmp_path, image_size, channels=channels, resize=resize)
            assert load_images(data)["images"].max() == 255


def test_resize_is_kept_at_another_size(stripes):
    data = image_folder(stripes, 8, resize="crop")
    assert data.resize == "crop"
    assert (load_images(data.read_at((4, 4, 3)))["images"] == GREEN).all()


# Where decoded images are kept


@pytest.mark.parametrize("cache", ["memory", "disk", "none"])
def test_caches_give_the_same_images(cats, monkeypatch, cache):
    decoded = []
    monkeypatch.setattr(images, "decode_images", _counting(decoded))
    data = image_folder(cats, 8, cache=cache)
    whole = _pixels(cats, cache="none")
    decoded.clear()
    for order in ([4, 1], [1, 2, 1, 4], [0, 1, 2, 3, 4], [3, 0]):
        np.testing.assert_array_equal(data.read(np.array(order)), whole[order])
    assert len(decoded) == (13 if cache == "none" else 5)


@pytest.mark.parametrize("cache", ["memory", "disk"])
def test_files_in_others_places_are_read_anew(tmp_path, write_image, cache):
    colours = [(10, 20, 30), (40, 50, 60), (70, 80, 90)]
    files = [tmp_path / f"{number}.bmp" for number in range(3)]
    for file, colour in zip(files, colours, strict=True):
        # Of one size, and of one time, as an archive's may be.
        os.utime(write_image(file, colour), (1e9, 1e9))
    linked = tmp_path / "linked.bmp"
    linked.symlink_to(files[0])
    data = image_table([*files, linked], image_size=8, cache=cache)
    np.testing.assert_array_equal(
        load_images(data)["images"][:, 0, 0], [*colours, colours[0]]
    )
    os.rename(files[0], tmp_path / "aside")
    os.rename(files[1], files[0])
    os.rename(tmp_path / "aside", files[1])
    os.utime(write_image(files[2], (1, 2, 3)), (1e9, 1e9))
    linked.unlink()
    linked.symlink_to(files[1])
    now = [colours[1], colours[0], (1, 2, 3), colours[0]]
    np.testing.assert_array_equal(load_images(data)["images"][:, 0, 0], now)


def _counting(decoded):
    def decode(files, *arguments):
        decoded.extend(files)
        return decode_images(files, *arguments)

    return decode


@pytest.mark.parametrize(
    ("memory", "free", "kind"),
    [
        (1000, 0, "_MemoryCache"),
        (959, 1920, "_DiskCache"),
        (959, 1918, "_NoCache"),
    ],
)
def test_automatic_cache_goes_where_there_is_room(monkeypatch, memory, free, kind):
    monkeypatch.setattr(caching, "MEMORY_BYTES", memory)
    monkeypatch.setattr(caching, "_free_disk", lambda: free)
    assert type(caching.new_cache("auto", (5, 8, 8, 3))).__name__ == kind


@pytest.mark.parametrize("answer", ["raises", "short"])
def test_full_disk_leaves_the_images_to_be_decoded(cats, monkeypatch, answer):
    def full(_, image, __):
        if answer == "raises":
            raise OSError(28, "No space left on device")
        return len(image) // 2

    monkeypatch.setattr("os.pwrite", full)
    data = image_folder(cats, 8, cache="disk")
    for _ in range(2):
        np.testing.assert_array_equal(load_images(data)["images"], _pixels(cats))


def test_disk_cache_is_gone_with_its_process(cats, run_python, tmp_path):
    code = (
        "import sys, reticnn\n"
        "data = reticnn.image_folder(sys.argv[1], 8, cache='disk')\n"
        "print(reticnn.load_images(data)['images'].shape)"
    )
    (tmp_path / "tmp").mkdir()
    done = run_python(code, cats, TMPDIR=str(tmp_path / "tmp"))
    assert done.stdout.strip() == "(5, 8, 8, 3)", done.stderr
    assert os.listdir(tmp_path / "tmp") == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="No forks on this system")
def test_forked_child_reads_images_too(cats, run_python):
    code = (
        "import os, sys, reticnn\n"
        "data = reticnn.image_folder(sys.argv[1], 8, cache='disk')\n"
        "whole = reticnn.load_images(data)['images']\n"
        "other = reticnn.image_folder(sys.argv[1], 8)\n"
        "child = os.fork()\n"
        "same = (reticnn.load_images(other)['images'] == whole).all()\n"
        "same &= (reticnn.load_images(data)['images'] == whole).all()\n"
        "if child == 0: os._exit(0 if same else 1)\n"
        "print(same, os.waitpid(child, 0)[1])"
    )
    done = run_python(code, cats)
    assert done.stdout.strip() == "True 0", done.stderr


# Which files count


def test_hidden_and_other_files_are_left_out(cats, write_image):
    (cats / ".DS_Store").write_bytes(b"\0")
    (cats / "cat" / "Thumbs.db").write_bytes(b"\0")
    (cats / "cat" / "notes.txt").write_text("Tom")
    (cats / "cat" / ".hidden.png").write_bytes(b"\0")
    (cats / "cat" / "._1.png").write_bytes(b"\0")
    write_image(cats / ".trash" / "1.png")
    write_image(cats / "__MACOSX" / "1.png")
    data = image_folder(cats)
    assert data.class_counts == {"cat": 3, "dog": 2}


@pytest.mark.parametrize("folder", [".thumbnails", "__MACOSX"])
def test_hidden_folders_in_a_class_are_left_out(cats, write_image, folder):
    write_image(cats / "cat" / folder / "1.png")
    assert image_folder(cats).class_counts == {"cat": 3, "dog": 2}


@pytest.mark.parametrize("name", ["label.pdf", "model.h5", "film.mpg"])
def test_files_that_pillow_cannot_read_are_left_out(cats, name):
    (cats / "cat" / name).write_bytes(b"\0")
    assert image_folder(cats).class_counts == {"cat": 3, "dog": 2}


def test_subfolders_of_a_class_are_searched(cats, write_image):
    write_image(cats / "dog" / "from aunt" / "2019" / "a.png")
    assert image_folder(cats).class_counts == {"cat": 3, "dog": 3}


def test_names_with_spaces_and_letters_of_the_world(tmp_path, write_image):
    files = [
        tmp_path / "my photos" / "Käfer & Co" / "mein bild [1].png",
        tmp_path / "my photos" / "猫" / "写真 #1.jpg",
    ]
    for file in files:
        write_image(file)
    data = image_folder(str(tmp_path / "my photos"), 8)
    assert data.class_names == ["Käfer & Co", "猫"]
    assert data.files == [str(file) for file in files]
    assert load_images(data)["images"].shape == (2, 8, 8, 3)


def test_linked_class_folder_is_followed(cats, tmp_path):
    (cats / "dog").rename(tmp_path / "elsewhere")
    (cats / "dog").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert image_folder(cats).class_counts == {"cat": 3, "dog": 2}


def test_folder_with_underscores_is_a_class(cats, write_image):
    write_image(cats / "__unknown__" / "1.png")
    write_image(cats / "cat" / "__old__" / "4.png")
    data = image_folder(cats)
    assert data.class_counts == {"__unknown__": 1, "cat": 4, "dog": 2}


def test_linked_subfolders_are_searched_but_not_in_circles(cats, tmp_path, write_image):
    write_image(tmp_path / "elsewhere" / "deep" / "4.png")
    (cats / "cat" / "more").symlink_to(tmp_path / "elsewhere")
    (cats / "cat" / "again").symlink_to(tmp_path / "elsewhere" / "deep")
    (tmp_path / "elsewhere" / "back").symlink_to(cats / "cat")
    (cats / "dog" / "up").symlink_to(cats)
    data = image_folder(cats, 8)
    assert data.class_counts == {"cat": 4, "dog": 2}
    assert len(check_images(cats)["file"]) == 6


@pytest.mark.parametrize("place", ["horse", "dog/more", "dog/horse.old"])
def test_links_that_lead_nowhere_are_named(cats, place):
    (cats / place).symlink_to(cats / "nowhere")
    with pytest.warns(UserWarning, match=f"lead nowhere.*{place}"):
        data = image_folder(cats, 8)
    assert data.class_counts == {"cat": 3, "dog": 2}
    table = check_images(cats)
    at = table["ok"].index(False)
    assert table["file"][at] == str(cats / place)
    assert table["problem"][at] == "is a link that leads nowhere"
    assert table["class"][at] == (None if place == "horse" else "dog")


def test_hidden_links_that_lead_nowhere_and_links_to_other_files_are_ignored(cats):
    (cats / ".lock").symlink_to("gone")
    (cats / "notes.txt").write_text("notes")
    (cats / "dog" / "notes.txt").symlink_to(cats / "notes.txt")
    assert image_folder(cats, 8).class_counts == {"cat": 3, "dog": 2}
    assert all(check_images(cats)["ok"])


@pytest.mark.parametrize(
    ("link", "target"),
    [("all", "."), ("all", ".."), ("kitten", "cat"), ("dog/more", "../cat")],
)
def test_a_folder_in_two_classes_is_refused(refused, cats, link, target):
    (cats / link).symlink_to(target)
    with refused(ValueError, "path", "two classes", f"'{cats}/cat'"):
        image_folder(cats, 8)
    if link == "all":
        wanted = image_folder(cats, 8, class_names=["cat", "dog"])
        assert wanted.class_counts == {"cat": 3, "dog": 2}


def test_a_class_of_two_spellings_that_are_one_folder_counts_once(cats):
    (cats / "cat ").symlink_to("cat")
    with pytest.warns(UserWarning, match="spaces around"):
        assert image_folder(cats, 8).class_counts == {"cat": 3, "dog": 2}


def test_unicode_forms_of_a_name_are_one_class(tmp_path, write_image, recwarn):
    composed, decomposed = "K\u00e4se", "Ka\u0308se"
    files = {
        str(write_image(tmp_path / "photos" / name / f"{number}.png"))
        for number, name in enumerate((composed, decomposed, "x"))
    }
    data = image_folder(tmp_path / "photos", 8)
    if len(os.listdir(tmp_path / "photos")) < 3:
        pytest.skip("The file system does not tell the two forms")
    assert data.class_counts == {composed: 2, "x": 1}
    # The files keep the names that they have on the disk.
    assert set(data.files) == files
    assert load_images(data)["images"].shape == (3, 8, 8, 3)
    assert not recwarn.list


def test_spaces_around_a_folders_name_are_no_part_of_the_class(cats, write_image):
    write_image(cats / "cat " / "4.png")
    with pytest.warns(UserWarning, match="spaces around them.*called 'cat'"):
        data = image_folder(cats, 8)
    assert data.class_counts == {"cat": 4, "dog": 2}


# Which classes


def test_classes_are_chosen_and_ordered_by_name(cats, write_image):
    write_image(cats / "ant" / "1.png")
    data = image_folder(cats, 8, class_names=["dog", "cat"])
    assert data.class_counts == {"dog": 2, "cat": 3}
    assert data.labels == ["dog"] * 2 + ["cat"] * 3
    everything = image_folder(cats, 8, class_names=["dog", "wolf", "cat", "ant"])
    assert everything.class_counts == {"dog": 2, "wolf": 0, "cat": 3, "ant": 1}


def test_one_folder_is_enough_where_the_classes_are_named(cats):
    shutil.rmtree(cats / "dog")
    data = image_folder(cats, 8, class_names=["dog", "cat"])
    assert data.class_counts == {"dog": 0, "cat": 3}
    # A folder that is empty is another matter.
    (cats / "dog").mkdir()
    with pytest.raises(ValueError, match="classes without images: 'dog'"):
        image_folder(cats, 8, class_names=["dog", "cat"])


def test_class_names_hold_for_all_parts(cats):
    shutil.copytree(cats, cats.parent / "whole" / "train")
    shutil.copytree(cats, cats.parent / "whole" / "test")
    data = image_folder(cats.parent / "whole", 8, class_names=["dog", "cat"])
    assert data["train"].class_names == data["test"].class_names == ["dog", "cat"]


@pytest.mark.parametrize(
    ("class_names", "error", "parts"),
    [
        (["cat", "dgo"], ValueError, ["'dgo'", "'dog'", "Did you mean 'dog'?"]),
        (["cat"], ValueError, ["at least two different names"]),
        (["cat", 3.5], TypeError, ["3.5"]),
    ],
)
def test_class_names_that_are_no_folders_are_refused(
    refused, cats, class_names, error, parts
):
    with refused(error, "class_names", *parts):
        image_folder(cats, 8, class_names=class_names)


def test_home_folder_is_expanded(cats, monkeypatch):
    monkeypatch.setenv("HOME", str(cats.parent))
    monkeypatch.setenv("USERPROFILE", str(cats.parent))
    assert len(image_folder("~/photos")) == 5


# Layouts


def test_folder_of_images_has_no_labels(cats):
    data = image_folder(cats / "cat", 8)
    assert len(data) == 3
    assert data.labels is data.class_names is None


@pytest.mark.parametrize(
    "names",
    [
        ("train", "validation", "test"),
        ("Train", "VAL", "testing"),
        ("training", "valid", "Test"),
    ],
)
def test_train_and_test_folders_are_parts(cats, names):
    whole = cats.parent / "whole"
    for name in names:
        shutil.copytree(cats, whole / name)
    os.remove(whole / names[2] / "cat" / "1.png")
    data = image_folder(whole, 8)
    assert list(data) == ["train", "validation", "test"]
    assert [len(part) for part in data.values()] == [5, 5, 4]
    assert all(part.class_names == ["cat", "dog"] for part in data.values())


def test_train_alone_and_train_with_test(cats):
    whole = cats.parent / "whole"
    shutil.copytree(cats, whole / "train")
    assert list(image_folder(whole)) == ["train"]
    shutil.copytree(cats, whole / "test")
    assert list(image_folder(whole)) == ["train", "test"]


def test_unlabelled_test_part(cats):
    whole = cats.parent / "whole"
    shutil.copytree(cats, whole / "train")
    shutil.copytree(cats / "cat", whole / "test")
    data = image_folder(whole)
    assert data["train"].class_names == ["cat", "dog"]
    assert data["test"].labels is None


def test_parts_with_different_classes_are_refused(refused, cats):
    whole = cats.parent / "whole"
    shutil.copytree(cats, whole / "train")
    shutil.copytree(cats, whole / "test")
    (whole / "test" / "dog").rename(whole / "test" / "wolf")
    with refused(ValueError, "path", "'wolf'", "'test'", "'cat', 'dog'"):
        image_folder(whole)


def test_class_called_train_is_a_class(cats, recwarn):
    (cats / "cat").rename(cats / "train")
    assert image_folder(cats).class_names == ["dog", "train"]
    assert not recwarn.list


@pytest.mark.parametrize(
    "names",
    [
        ("training_set", "dev", "test_set"),
        ("Train Set", "validation-set", "TestSet"),
    ],
)
def test_more_names_of_parts(cats, names):
    for name in names:
        shutil.copytree(cats, cats.parent / "whole" / name)
    assert list(image_folder(cats.parent / "whole")) == ["train", "validation", "test"]


@pytest.mark.parametrize(
    ("names", "parts"),
    [
        (("train", "val", "extra"), "'train', 'val'"),
        (("val", "test"), "'test', 'val'"),
        (("cat", "dog", "test"), "'test'"),
        (("test", "testing", "train"), "'test', 'testing', 'train'"),
        (("fold_1", "fold_2", "fold_3"), "'fold_1', 'fold_2', 'fold_3'"),
    ],
)
def test_parts_that_are_read_as_classes_are_told(tmp_path, write_image, names, parts):
    for name in names:
        write_image(tmp_path / "mixed" / name / "1.png")
    with pytest.warns(UserWarning, match="look like parts") as caught:
        data = image_folder(tmp_path / "mixed", 8)
    assert f"look like parts of a data set, {parts}, but" in str(caught[0].message)
    assert caught[0].filename == __file__
    assert data.class_names == sorted(names)


def test_several_data_sets_in_one_folder_are_told(cats, write_image):
    shutil.copytree(cats, cats.parent / "both" / "summer")
    shutil.copytree(cats, cats.parent / "both" / "winter")
    with pytest.warns(UserWarning, match="same subfolders, 'cat', 'dog'") as caught:
        data = image_folder(cats.parent / "both", 8)
    assert "'summer', 'winter'" in str(caught[0].message)
    assert data.class_names == ["summer", "winter"]


def test_subfolders_of_classes_that_have_images_are_no_data_sets(
    cats, recwarn, write_image
):
    for name in ("cat", "dog"):
        for year in ("2019", "2020"):
            write_image(cats / name / year / "a.png")
    assert image_folder(cats).class_counts == {"cat": 5, "dog": 4}
    assert not recwarn.list


def test_part_that_lacks_a_class_has_the_classes_of_train(cats, write_image):
    write_image(cats / "ant" / "1.png")
    shutil.copytree(cats, cats.parent / "whole" / "train")
    shutil.copytree(cats, cats.parent / "whole" / "test")
    shutil.rmtree(cats.parent / "whole" / "test" / "cat")
    data = image_folder(cats.parent / "whole", 8)["test"]
    assert data.class_names == ["ant", "cat", "dog"]
    assert data.class_counts == {"ant": 1, "cat": 0, "dog": 2}
    assert data.labels == ["ant", "dog", "dog"]


# What is wrong with a folder


def test_missing_folder_is_refused(refused, tmp_path):
    with refused(FileNotFoundError, "path", "nowhere", os.getcwd(), "spelling"):
        image_folder(tmp_path / "nowhere")


def test_file_is_not_a_folder(refused, cats):
    with refused(FileNotFoundError, "path", "must be an existing folder", "1.png"):
        image_folder(cats / "cat" / "1.png")


@pytest.mark.parametrize("path", [None, 3.0, "", ["photos"]])
def test_other_than_a_path_is_refused(refused, path):
    with refused(TypeError, "path", "must be a non-empty string"):
        image_folder(path)


def test_folder_without_images_is_refused(refused, tmp_path):
    (tmp_path / "notes.txt").write_text("none")
    with refused(ValueError, "path", "no images", str(tmp_path), ".jpg, .png"):
        image_folder(tmp_path)


def test_class_without_images_is_refused(refused, cats):
    (cats / "empty").mkdir()
    (cats / "also empty").mkdir()
    with refused(ValueError, "path", "'also empty', 'empty'", "remove them"):
        image_folder(cats)


def test_one_class_is_refused(refused, cats):
    shutil.rmtree(cats / "dog")
    with refused(ValueError, "path", "only one class, 'cat'", str(cats), "two or more"):
        image_folder(cats)


def test_classes_that_differ_in_case_are_refused(refused, cats, write_image):
    write_image(cats / "Cat" / "1.png")
    if len(os.listdir(cats)) < 3:
        pytest.skip("The file system does not tell 'cat' from 'Cat'")
    with refused(ValueError, "path", "'Cat' and 'cat'", "Rename or merge"):
        image_folder(cats)


def test_images_beside_the_classes_are_refused(refused, cats, write_image):
    write_image(cats / "stray.png")
    with refused(ValueError, "path", "1 image next to", "stray.png", "Move"):
        image_folder(cats)


@pytest.mark.parametrize(
    ("arguments", "argument", "parts"),
    [
        ({"image_size": 0}, "image_size", ["not 0", "Use 1 or more"]),
        ({"image_size": 32.5}, "image_size", ["32.5", "Use 32 or 33"]),
        ({"image_size": [32, 32, 3]}, "image_size", ["(32, 32, 3)"]),
        ({"image_size": NA_INTEGER}, "image_size", ["NA"]),
        ({"channels": 0}, "channels", ["at least 1", "0"]),
        (
            {"channels": 3, "bands": [1, 2]},
            "channels",
            ["the `bands`, 2", "3"],
        ),
        ({"bands": -1}, "bands", ["at least", "Use "]),
        ({"bands": 1.5}, "bands", ["1.5", "Use 1 or 2"]),
        ({"page": "last"}, "page", ["'first', 'bands'", "'last'"]),
        ({"page": -1}, "page", ["at least"]),
        ({"value_range": "typ"}, "value_range", ["Did you mean 'type'?"]),
        ({"value_range": 5}, "value_range", ["two numbers", "not 5"]),
        ({"value_range": [5, 5]}, "value_range", ["from 5 to 5"]),
        ({"value_range": [[0, 1], [0, 2]]}, "value_range", ["3 channels"]),
        ({"value_range": [0, float("nan")]}, "value_range", ["NA"]),
        ({"resize": "corp"}, "resize", ["'corp'", "Did you mean 'crop'?"]),
        ({"resize": 3}, "resize", ["'stretch', 'crop', 'pad'", "not 3"]),
        ({"on_bad_image": "skp"}, "on_bad_image", ["Did you mean 'skip'?"]),
        ({"on_empty_class": True}, "on_empty_class", ["'error', 'skip'", "True"]),
        ({"cache": "ram"}, "cache", ["'auto', 'memory', 'disk', 'none'", "'ram'"]),
    ],
)
def test_bad_argument_of_a_folder_is_named(refused, cats, arguments, argument, parts):
    with refused(ValueError, argument, *parts):
        image_folder(cats, **arguments)


def test_bad_files_are_all_named_at_once(cats):
    empty, text, cut = (cats / "cat" / f"{name}.png" for name in ("e", "t", "c"))
    empty.touch()
    text.write_text("not an image")
    whole = (cats / "dog" / "1.png").read_bytes()
    cut.write_bytes(whole[: len(whole) // 2])
    data = image_folder(cats, 8)
    with pytest.raises(ValueError, match="3 of 8 files cannot be read") as caught:
        load_images(data)
    message = str(caught.value)
    for file in (empty, text, cut):
        assert str(file) in message
    assert "1.png" not in message
    assert "Repair them, move them elsewhere" in message
    assert 'on_bad_image="skip"' in message


def test_file_gone_since_is_named(cats):
    data = image_folder(cats, 8)
    os.remove(cats / "dog" / "2.jpg")
    with pytest.raises(ValueError, match=r"1 of 5 files(?s:.*)dog/2\.jpg"):
        load_images(data)
    assert load_images(data[:4])["images"].shape == (4, 8, 8, 3)


@pytest.fixture
def bad_cats(cats, write_image):
    """Return the cats and dogs with one bad file of each kind, by its problem."""
    write_image(cats / "cat" / "whole.jpg", size=(60, 300))
    bad = {
        "cut.jpg": "truncated",
        "cut.png": "truncated",
        "empty.png": "empty (0 bytes)",
        "page.jpg": "not an image",
        "folder.png": "is a folder",
        "gone.png": "does not exist",
        "bomb.png": "far too few for them",
        "a name\nof two lines.jpg": "not an image",
    }
    for ending, whole in (("jpg", "whole.jpg"), ("png", "1.png")):
        encoded = (cats / "cat" / whole).read_bytes()
        (cats / "cat" / f"cut.{ending}").write_bytes(encoded[: -len(encoded) // 3])
    (cats / "cat" / "empty.png").touch()
    (cats / "cat" / "page.jpg").write_text("<html>Not found</html>")
    (cats / "cat" / "a name\nof two lines.jpg").write_text("none")
    (cats / "cat" / "folder.png").mkdir()
    (cats / "cat" / "gone.png").symlink_to(cats / "nowhere.png")
    (cats / "cat" / "bomb.png").write_bytes(_bomb())
    return cats, bad


def _bomb():
    """Return a PNG of few bytes that says it has 10 thousand million pixels."""
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data))
        + name
        + data
        + struct.pack(">I", zlib.crc32(name + data))
        for name, data in ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    )


def test_every_kind_of_bad_file_is_named_with_its_problem(bad_cats):
    folder, bad = bad_cats
    data = image_folder(folder, 8)
    # A good file and a bad one: the others are looked for at that moment.
    with pytest.raises(ValueError, match="8 of 14 files cannot be read") as caught:
        data.read(
            np.array([len(data) - 1, data.files.index(str(_cat(folder, "cut.png")))])
        )
    lines = str(caught.value).splitlines()
    assert len(lines) == 10
    for name, problem in bad.items():
        named = [line for line in lines if repr(name)[1:-1] in line]
        assert len(named) == 1 and problem in named[0].lower(), name


def _cat(folder, name):
    return folder / "cat" / name


def test_bad_files_are_skipped_by_choice(bad_cats, monkeypatch):
    folder, bad = bad_cats
    with pytest.warns(UserWarning, match="8 of 14 files") as caught:
        data = image_folder(folder, 8, on_bad_image="skip")
    assert caught[0].filename == __file__
    assert data.class_counts == {"cat": 4, "dog": 2}
    assert sorted(os.path.basename(file) for file in data.skipped) == sorted(bad)
    assert not set(data.skipped) & set(data.files)
    part_of_them = split_images(data)["test"]
    for part in (data[1:], data.read_at((6, 6, 3)), part_of_them, data[1:3] + data):
        assert part.skipped == data.skipped
        assert len(load_images(part)["images"]) == len(part)
    # All were decoded to find the bad ones, and are not decoded again.
    monkeypatch.setattr(images, "decode_images", None)
    assert load_images(data)["images"].shape == (6, 8, 8, 3)


def test_file_gone_after_skipping_is_named_alone(bad_cats):
    folder, _ = bad_cats
    with pytest.warns(UserWarning, match="8 of 14"):
        data = image_folder(folder, 8, on_bad_image="skip", cache="none")
    os.remove(folder / "dog" / "1.png")
    with pytest.raises(ValueError, match=r"1 of 14 files(?s:.*)dog/1\.png"):
        load_images(data)


def test_nothing_to_skip_is_no_warning(cats, recwarn):
    assert image_folder(cats, 8, on_bad_image="skip").skipped == []
    assert not recwarn.list


def test_only_bad_files_are_refused(cats):
    for file in cats.rglob("*.*g"):
        file.write_text("none")
    with pytest.raises(ValueError, match=r"5 of 5 files(?s:.*)No image is left"):
        image_folder(cats, 8, on_bad_image="skip")


def test_file_that_may_not_be_read_is_named(cats, monkeypatch):
    # Not by its mode: root, as tests run in containers, reads everything.
    opened = os.open

    def closed(file, *arguments):
        if str(file).endswith("3.png"):
            raise PermissionError(13, "Permission denied")
        return opened(file, *arguments)

    monkeypatch.setattr(os, "open", closed)
    with pytest.raises(ValueError, match=r"3\.png: cannot be read \(permission"):
        load_images(image_folder(cats, 8))


def test_folder_called_like_an_image_is_no_class(cats, write_image):
    write_image(cats / "photo.png" / "1.png")
    with pytest.raises(ValueError, match=r"1 image next to(?s:.*)photo\.png"):
        image_folder(cats)


def test_class_left_without_images_by_skipping(cats, refused, write_image):
    write_image(cats / "ox" / "1.png")
    for file in (cats / "dog").iterdir():
        file.write_text("none")
    with pytest.warns(UserWarning), refused(ValueError, "path", "'dog'"):
        image_folder(cats, 8, on_bad_image="skip")
    with pytest.warns(UserWarning):
        data = image_folder(cats, 8, on_bad_image="skip", on_empty_class="skip")
    assert data.class_counts == {"cat": 3, "ox": 1}
    assert data.labels == ["cat"] * 3 + ["ox"]
    assert load_images(data)["images"].shape == (4, 8, 8, 3)


def test_empty_classes_are_skipped_by_choice(cats, refused):
    (cats / "bird").mkdir()
    with pytest.warns(UserWarning, match="skipped: 'bird'") as caught:
        data = image_folder(cats, on_empty_class="skip")
    assert caught[0].filename == __file__
    assert data.class_counts == {"cat": 3, "dog": 2}
    shutil.rmtree(cats / "dog")
    with (
        pytest.warns(UserWarning),
        refused(ValueError, "path", "only one class, 'cat'"),
    ):
        image_folder(cats, on_empty_class="skip")


# check_images


def test_table_of_a_folder(bad_cats):
    folder, bad = bad_cats
    table = check_images(folder)
    rows = {
        os.path.basename(file): (class_name, ok, problem)
        for file, class_name, ok, problem in zip(
            table["file"], table["class"], table["ok"], table["problem"], strict=True
        )
        if class_name == "cat"
    }
    for name, (_, ok, problem) in rows.items():
        assert ok is (name not in bad)
        assert (problem is None) if ok else (bad[name] in problem.lower())
    assert len(table["file"]) == 14
    row = table["file"].index(str(folder / "cat" / "whole.jpg"))
    assert (table["format"][row], table["width"][row]) == ("JPEG", 60)
    assert table["width"][table["file"].index(str(folder / "cat" / "page.jpg"))] is None


def test_table_of_parts_and_of_unlabelled_images(cats):
    whole = cats.parent / "whole"
    shutil.copytree(cats, whole / "train")
    shutil.copytree(cats / "cat", whole / "test")
    table = check_images(whole)
    assert table["class"] == ["cat"] * 3 + ["dog"] * 2 + [None] * 3
    assert all(table["ok"])


def test_table_of_an_empty_and_of_a_missing_folder(refused, tmp_path):
    assert set(map(len, check_images(tmp_path).values())) == {0}
    with refused(FileNotFoundError, "path", "nowhere"):
        check_images(tmp_path / "nowhere")


# image_table


def test_table_of_paths_and_labels(cats):
    files = [str(cats / name) for name in ("dog/1.png", "cat/2.jpg", "cat/1.png")]
    data = image_table(files, ["dog", "cat", "cat"], 8.0)
    assert data.files == files
    assert data.labels == ["dog", "cat", "cat"]
    assert data.class_names == ["cat", "dog"]
    assert load_images(data)["images"].shape == (3, 8, 8, 3)
    assert image_table(np.array(files), [2, 1, 1], class_names=["a", "b"]).labels == [
        "b",
        "a",
        "a",
    ]


def test_paths_without_labels(cats, monkeypatch):
    monkeypatch.setenv("HOME", str(cats))
    data = image_table("~/cat/1.png", image_size=8, channels=1, resize="pad")
    assert data.files == [str(cats / "cat" / "1.png")]
    assert data.labels is data.class_names is None
    assert data.image_shape == (8, 8, 1)


def test_bad_files_of_a_table_are_skipped_by_choice(cats):
    (cats / "cat" / "1.png").write_text("none")
    names = ("cat/1.png", "cat/2.jpg", "cat/9.png", "dog/1.png")
    files = [str(cats / name) for name in names]
    labels = ["cat", "cat", "cat", "dog"]
    with pytest.warns(UserWarning, match="2 of 4 files") as caught:
        data = image_table(files, labels, 8, on_bad_image="skip")
    assert caught[0].filename == __file__
    assert data.skipped == [files[0], files[2]]
    assert data.labels == ["cat", "dog"]


@pytest.mark.parametrize(
    ("paths", "labels", "error", "argument", "parts"),
    [
        (["1.png", "9.png"], None, FileNotFoundError, "paths", ["1 of 2", "9.png"]),
        (["1.png", "1.png"], None, ValueError, "paths", ["more than once", "1.png"]),
        (["1.png"], ["a", "b"], ValueError, "paths", ["lengths, 1 and 2"]),
        (["1.png", "2.jpg"], ["a", None], ValueError, "labels", ["1 missing"]),
        (["1.png", "2.jpg"], ["a", "a"], ValueError, "labels", ["only one class"]),
        (["1.png", "2.jpg"], ["a", "A"], ValueError, "labels", ["'A' and 'a'"]),
        ([], None, ValueError, "paths", ["empty"]),
        (None, None, TypeError, "paths", ["None"]),
        ([3.0], None, TypeError, "paths", ["3"]),
    ],
)
def test_bad_tables_are_refused(
    refused, cats, monkeypatch, paths, labels, error, argument, parts
):
    monkeypatch.chdir(cats / "cat")
    with refused(error, argument, *parts):
        image_table(paths, labels)


@pytest.mark.parametrize("function", [image_folder, check_images])
def test_files_in_place_of_a_folder_are_told_of_the_table(refused, cats, function):
    files = [str(cats / "cat" / "1.png"), str(cats / "dog" / "1.png")]
    with refused(TypeError, "path", "must be one folder", "`image_table()`"):
        function(files)


def test_relative_paths_stay_those_of_the_folder_they_were_given_in(
    tmp_path, write_image, monkeypatch
):
    for folder, colour in (("here", 10), ("there", 200)):
        for file in ("a/1.png", "b/1.png"):
            path = write_image(tmp_path / folder / file, (colour,) * 3)
            os.utime(path, (colour, colour))
    monkeypatch.chdir(tmp_path / "here")
    options = {"image_size": 4, "cache": "none"}
    of_folder = image_folder(".", **options)
    of_table = image_table(["a/1.png", "b/1.png"], ["a", "b"], **options)
    joined, before = of_folder + of_table, images_digest(of_folder)
    monkeypatch.chdir(tmp_path / "there")
    for data in (of_folder, of_table, joined, of_table.read_at((6, 6, 1))):
        assert (load_images(data)["images"] == 10).all()
    assert of_table.files == ["a/1.png", "b/1.png"]
    assert images_digest(of_folder) == before
    assert images_digest(image_folder(".", **options)) != before
    # All of them are copies of one image, until one is not.
    assert len(set(joined.identities())) == 1
    write_image(tmp_path / "here" / "b" / "1.png")
    assert len(set(joined.identities())) == 2


def test_another_folder_beside_train_and_test_is_refused(refused, cats, tmp_path):
    for part in ("train", "test"):
        shutil.copytree(cats, tmp_path / "split" / part)
    (tmp_path / "split" / "docs").mkdir()
    with refused(ValueError, "path", "'docs'", "Move them elsewhere"):
        image_folder(tmp_path / "split")


def test_without_temporary_files_images_are_decoded_each_time(
    cats, tmp_path, monkeypatch
):
    expected = _pixels(cats)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    monkeypatch.setattr(caching, "MEMORY_BYTES", 0)
    for cache in ("disk", "auto"):
        data = image_folder(cats, 8, cache=cache)
        for _ in range(2):
            np.testing.assert_array_equal(load_images(data)["images"], expected)


def test_links_in_circles_are_no_folders_and_no_damage(cats):
    (cats / "bird").symlink_to("bird")
    (cats / "cat" / "circle.jpg").symlink_to("circle.jpg")
    table = check_images(cats)
    circle, bird = [problem for problem in table["problem"] if problem]
    assert re.fullmatch(r"cannot be read \(too many .* links?\)", circle)
    assert bird == "is a link that leads nowhere"
    with (
        pytest.warns(UserWarning, match=r"circle\.jpg: cannot be read"),
        pytest.warns(UserWarning, match=r"leads? nowhere.*bird"),
    ):
        assert image_folder(cats, 8, on_bad_image="skip").class_names == ["cat", "dog"]
