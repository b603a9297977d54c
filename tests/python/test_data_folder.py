import os
import shutil

import numpy as np
import pytest
from PIL import Image

from reticnn import image_folder, load_images

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
    "16 bits": ("a.png", _deep(257 * 200, "u2"), {}, (200, 200, 200)),
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


def test_images_too_many_for_memory_are_read_each_time(cats, monkeypatch):
    in_memory = _pixels(cats)
    monkeypatch.setattr("reticnn.data.images.CACHE_BYTES", 0)
    np.testing.assert_array_equal(_pixels(cats), in_memory)


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
    with refused(ValueError, "path", "'cat', 'wolf'", "'test'", "'cat', 'dog'"):
        image_folder(whole)


def test_class_called_train_is_a_class(cats):
    (cats / "cat").rename(cats / "train")
    assert image_folder(cats).class_names == ["dog", "train"]


# What is wrong with a folder


def test_missing_folder_is_refused(refused, tmp_path):
    with refused(FileNotFoundError, "path", "nowhere", os.getcwd(), "spelling"):
        image_folder(tmp_path / "nowhere")


def test_file_is_not_a_folder(refused, cats):
    with refused(FileNotFoundError, "path", "must be a folder", "1.png"):
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
    with refused(ValueError, "path", "1 images beside", "stray.png", "Move"):
        image_folder(cats)


@pytest.mark.parametrize(
    ("arguments", "argument", "parts"),
    [
        ({"image_size": 0}, "image_size", ["not 0", "Use 1 or more"]),
        ({"image_size": 32.5}, "image_size", ["32.5", "Use 32 or 33"]),
        ({"image_size": [32, 32, 3]}, "image_size", ["(32, 32, 3)"]),
        ({"image_size": NA_INTEGER}, "image_size", ["NA"]),
        ({"channels": 4}, "channels", ["1 (grey) or 3 (RGB)", "4"]),
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
    assert "Repair them or move them out" in message


def test_file_gone_since_is_named(cats):
    data = image_folder(cats, 8)
    os.remove(cats / "dog" / "2.jpg")
    with pytest.raises(ValueError, match=r"1 of 5 files(?s:.*)dog/2\.jpg"):
        load_images(data)
    assert load_images(data[:4])["images"].shape == (4, 8, 8, 3)
