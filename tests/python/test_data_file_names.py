"""Names of files and folders that are not UTF-8, and locales that are not."""

import os
import sys

import numpy as np
import pytest

from reticnn import (
    check_images,
    evaluate_classifier,
    image_folder,
    image_table,
    load_images,
    predict_images,
    report_classifier,
)
from reticnn.coercion import printable
from reticnn.runtime.carrying import named, received, sent
from reticnn.runtime.relay import call_with_warnings

OLD = os.fsdecode(b"\xe9.png")


@pytest.fixture
def old_disk(cats, write_image):
    """Return the cats and dogs, with two more whose names are not UTF-8."""
    try:
        write_image(cats / "cat" / OLD, (9, 9, 9))
        write_image(cats / "cat" / os.fsdecode(b"\xe8.png"), (200, 9, 9))
    except OSError:
        pytest.skip("The file system takes names in UTF-8 only")
    return cats


def test_names_that_are_not_utf_8_are_kept(classifier, old_disk, tmp_path):
    data = image_folder(old_disk, 16)
    assert data.class_counts == {"cat": 5, "dog": 2}
    assert len(set(data.files)) == 7
    assert str(old_disk / "cat" / OLD) in data.files
    assert sorted(load_images(data)["images"][:, 0, 0, 0])[0] == 9
    table = predict_images(classifier, old_disk)
    assert table[".file"] == data.files
    file = data.files[data.files.index(str(old_disk / "cat" / OLD))]
    assert predict_images(classifier, file)[".file"] == [file]
    assert image_table([file]).files == [file]
    assert check_images(old_disk)["file"] == data.files
    model = classifier.model
    scores = evaluate_classifier(model, data)
    assert scores["n"] == 7
    report_classifier(model, data, tmp_path / "a.html", progress="none")
    assert r"\xe9.png" in (tmp_path / "a.html").read_text(encoding="utf-8")


def test_names_that_are_not_utf_8_are_escaped_in_messages(old_disk):
    (old_disk / "dog" / os.fsdecode(b"\xea.png")).write_text("none")
    with pytest.raises(ValueError, match=r"/\\xea\.png: is not an image"):
        load_images(image_folder(old_disk, 8))


def test_class_is_called_by_what_can_be_printed(old_disk, write_image):
    write_image(old_disk / os.fsdecode(b"K\xe4se") / "1.png")
    with pytest.warns(UserWarning, match=r"not UTF-8.*'K\\\\xe4se'"):
        data = image_folder(old_disk, 8)
    assert data.class_names == [r"K\xe4se", "cat", "dog"]


@pytest.mark.slow
def test_c_locale_has_the_same_names(tmp_path, write_image, run_python):
    names = ["Käse", "鳥"]
    files = [str(write_image(tmp_path / "photos" / name / "é.png")) for name in names]
    # Python itself goes over to UTF-8 in the C locale, but not within R.
    code = (
        "import sys, os, reticnn\n"
        "assert sys.getfilesystemencoding() == 'ascii'\n"
        "folder = os.fsencode(sys.argv[1]).decode()\n"
        "data = reticnn.image_folder(folder, 8)\n"
        "assert data.class_names == ['K\\xe4se', '\\u9ce5'], data.class_names\n"
        "assert reticnn.load_images(data)['images'].shape == (2, 8, 8, 3)\n"
        "print(ascii([os.fsencode(file).decode() for file in data.files]))\n"
        "table = reticnn.image_table([folder + '/K\\xe4se/\\xe9.png'], image_size=8)\n"
        "assert len(reticnn.load_images(table)['images']) == 1\n"
    )
    done = run_python(
        code,
        tmp_path / "photos",
        LC_ALL="C",
        LANG=None,
        PYTHONUTF8="0",
        PYTHONCOERCECLOCALE="0",
    )
    assert done.stdout.strip() == ascii(files), done.stderr


# Crossing to R


@pytest.mark.parametrize(
    "text", ["", "a.png", "Käse/鳥.png", OLD, "ä" + OLD, "\U0010fffd"]
)
def test_texts_cross_as_utf_8_and_come_back(text):
    crossing = sent({"file": [text], "more": (text, 1.5, None)})
    crossing["file"][0].encode()  # Without an error: R is given UTF-8.
    assert received(crossing) == {"file": [text], "more": (text, 1.5, None)}
    # As R sends it, byte by byte.
    carried = "".join(
        chr(byte if byte < 128 else 0x10F000 + byte) for byte in os.fsencode(text)
    )
    assert received([carried]) == [text]
    assert named([carried], [3]) == {text: 3}


def test_other_values_cross_as_they_are():
    array = np.zeros(3)
    values = [array, 1, None, {"a": array}, {1: 2}]
    assert sent(values)[0] is array
    assert sent(values)[3]["a"] is array
    assert received(values)[4] == {1: 2}


def test_messages_for_r_show_bytes_as_r_does(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"'\\xe9\.png'") as caught:
        call_with_warnings(image_table, [OLD])
    str(caught.value).encode()


@pytest.mark.skipif(sys.platform == "win32", reason="Names are UTF-16 there")
def test_what_is_printable():
    assert printable(OLD) == r"\xe9.png"
    assert printable("Käse 鳥") == "Käse 鳥"
