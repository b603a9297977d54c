"""Files that a function of the user's reads."""

import threading
import warnings

import numpy as np
import pytest
from PIL import Image
from test_data_dicom import write_dicom

from reticnn import (
    evaluate_classifier,
    fit_classifier,
    freeze,
    image_folder,
    image_table,
    image_tiles,
    load_classifier,
    load_images,
    predict_images,
    save_classifier,
)

RNG = np.random.default_rng(3)


@pytest.fixture
def grids(tmp_path):
    """Return six files, in two classes, that nothing but the user's function reads."""
    for name in ("calm", "storm"):
        (tmp_path / "grids" / name).mkdir(parents=True)
        for number in range(3):
            values = RNG.integers(0, 256, (16, 16))
            np.savetxt(tmp_path / "grids" / name / f"{number}.grid", values)
    return tmp_path / "grids"


def _files(folder):
    return sorted(map(str, folder.rglob("*.grid")))


def test_values_are_those_of_the_function(grids):
    files = _files(grids)
    data = image_table(files, image_size=16, channels=1, reader=np.loadtxt)
    images = load_images(data)["images"]
    assert images.dtype == np.float32
    for file, image in zip(files, images, strict=True):
        np.testing.assert_array_equal(image[..., 0], np.loadtxt(file))
    colours = load_images(image_table(files, image_size=16, reader=np.loadtxt))
    np.testing.assert_array_equal(colours["images"], images.repeat(3, axis=3))


@pytest.mark.parametrize("cache", ["auto", "memory", "disk"])
def test_each_file_is_read_once_in_the_thread_of_the_user(grids, tiny_cnn, cache):
    read = []

    def reader(path):
        read.append((path, threading.get_ident()))
        return np.loadtxt(path)

    data = image_folder(grids, 16, reader=reader, cache=cache)
    assert data.class_counts == {"calm": 3, "storm": 3}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        classifier = fit_classifier(
            tiny_cnn(), data, epochs=2, batch_size=2, progress="none"
        )
        evaluate_classifier(classifier, data)
        predict_images(classifier, data, scales=16)
    assert sorted(path for path, _ in read) == _files(grids)
    # Crops are cut from images of another size.
    predict_images(classifier, data, crops=5)
    assert len(read) == 12
    assert {thread for _, thread in read} == {threading.get_ident()}


def test_images_of_another_size_are_read_anew_at_once(grids):
    read = []

    def reader(path):
        read.append(path)
        return np.loadtxt(path)

    data = image_folder(grids, 8, reader=reader)
    other = data.read_at((4, 6, 1))
    assert len(read) == 12
    assert load_images(other)["images"].shape == (6, 4, 6, 1)
    assert len(read) == 12


def test_that_there_was_a_reader_is_kept_and_the_function_is_not(
    grids, tiny_cnn, tmp_path
):
    data = image_folder(grids, 16, reader=np.loadtxt)
    classifier = fit_classifier(tiny_cnn(), data, epochs=1, progress="none")
    save_classifier(classifier, tmp_path / "a.reticnn")
    for one in (classifier, load_classifier(tmp_path / "a.reticnn")):
        with pytest.raises(ValueError, match="were read by your `reader`"):
            predict_images(one, _files(grids))
        # Of a folder, too, in which there is no image but for the reader.
        for function in (predict_images, evaluate_classifier):
            with pytest.raises(ValueError, match="were read by your `reader`"):
                function(one, grids)
    again = image_folder(grids, 16, reader=np.loadtxt)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*trained on")
        evaluate_classifier(classifier, again)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda: None, "and this one takes none"),
        (lambda path, camera: None, "has 'path', 'camera' to be given"),
        (lambda path, *, camera: None, "has 'path', 'camera' to be given"),
    ],
)
def test_a_function_that_cannot_be_called_so_is_named_first(
    grids, tiny_cnn, function, said
):
    said = f"`{{}}` must be a function .*one argument, {{}}, .*{said}"
    path = "the path of a file"
    with pytest.raises(TypeError, match=said.format("reader", path)):
        image_folder(grids, 16, reader=function)
    with pytest.raises(TypeError, match=said.format("groups", path)):
        image_folder(grids, 16, groups=function)
    far = "how far the work is"
    data = image_folder(grids, 16, reader=np.loadtxt)
    for work in (fit_classifier, predict_images):
        with pytest.raises(TypeError, match=said.format("progress", far)):
            work(tiny_cnn(), data, progress=function)
    with pytest.raises(TypeError, match=said.format("layers", "a layer")):
        freeze(tiny_cnn(), function)


def test_a_classifier_of_photos_is_told_of_a_reader(grids, cats, tiny_cnn):
    classifier = fit_classifier(
        tiny_cnn(), image_folder(cats, 16), epochs=1, progress="none"
    )
    data = image_table(_files(grids), image_size=16, reader=np.loadtxt)
    with pytest.warns(UserWarning, match="files read with `reader=read`"):
        predict_images(classifier, data)


def _said(value, path, **options):
    def reader(file):
        if isinstance(value, Exception):
            raise value
        return value

    with pytest.raises(ValueError) as caught:
        image_table(path, image_size=4, reader=reader, **options)
    return str(caught.value).splitlines()[1]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (OSError("the lid was closed\non day 2"), "fails: the lid was closed on day 2"),
        (KeyError(), "fails: KeyError"),
        (None, "returns nothing for it"),
        ("text", "not an array"),
        (np.zeros(3), "an array of 3 for it"),
        (np.zeros((2, 2, 2, 2)), "an array of 2 x 2 x 2 x 2 for it"),
        (np.zeros((0, 3)), "an array of 0 x 3 for it"),
        ([[1, 2], [3]], "rows of different lengths"),
        (np.array([["a", "b"]]), "values of type str"),
        (np.array([[1j]]), "values of type complex"),
        (np.array([[1, np.nan, np.inf]]), "2 of 3 values for it that are missing"),
        (np.array([[-1, 5]]), "values from -1 to 5"),
        (np.array([[0, 4095]]), "`value_range=(0, 4095)`"),
        (np.array([[0, 0.4, 1]]), "`value_range=(0, 1)`"),
        (np.ones((2, 2, 5)) * 9, "has 5 bands"),
    ],
)
def test_what_it_does_wrong_is_said_with_the_file(grids, value, said):
    path = _files(grids)[0]
    line = _said(value, path)
    assert line.startswith(path) and said in line


def test_ranges(grids):
    path = _files(grids)[0]
    values = np.array([[0, 1000], [2000, 4000]])

    def pixels(value, **options):
        data = image_table(
            path, image_size=2, channels=1, reader=lambda file: value, **options
        )
        return load_images(data)["images"][0, ..., 0]

    np.testing.assert_allclose(
        pixels(values, value_range=(0, 4000)), values / 4000 * 255, rtol=1e-6
    )
    np.testing.assert_allclose(
        pixels(values.astype(np.uint16), value_range="type"),
        values / 65535 * 255,
        rtol=1e-6,
    )
    np.testing.assert_array_equal(pixels(values > 1500), (values > 1500) * 255.0)
    np.testing.assert_array_equal(pixels(np.zeros((2, 2))), 0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"reader": "loadtxt"}, "`reader` must be a function"),
        ({"reader": np.loadtxt, "cache": "none"}, "`cache` must not be 'none'"),
        ({"reader": np.loadtxt, "value_range": "data"}, "`value_range` must not be"),
    ],
)
def test_what_cannot_be_is_refused_before_a_file_is_read(grids, options, said):
    with pytest.raises((TypeError, ValueError), match=said):
        image_folder(grids, 16, **options)


def test_all_files_of_a_folder_go_to_the_reader_but_hidden_ones(grids):
    (grids / "calm" / ".hidden").write_text("x")
    (grids / "calm" / "Thumbs.db").write_text("x")
    (grids / "calm" / "notes.txt").write_text("x")
    with pytest.raises(ValueError, match=r"notes\.txt: `reader` fails") as caught:
        image_folder(grids, 16, reader=np.loadtxt)
    assert "1 of 7 files" in str(caught.value)
    with pytest.warns(UserWarning, match="1 of 7 files"):
        data = image_folder(grids, 16, reader=np.loadtxt, on_bad_image="skip")
    assert len(data) == 6 and len(data.skipped) == 1
    assert load_images(data)["images"].shape == (6, 16, 16, 3)


def test_the_format_does_not_matter(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    pytest.importorskip("pydicom")
    values = RNG.integers(0, 65536, (30, 40)).astype(np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    tifffile.imwrite(tmp_path / "b.tif", values)
    np.save(tmp_path / "c.npy", values)
    np.savez_compressed(tmp_path / "d.npz", values)
    write_dicom(tmp_path / "e.dcm", values)
    files = sorted(map(str, tmp_path.iterdir()))
    for options in (
        {"channels": 1},
        {"channels": 3, "resize": "crop"},
        {"channels": 1, "value_range": (500, 9000), "resize": "pad"},
    ):
        images = load_images(image_table(files, image_size=(16, 20), **options))
        own = image_table(
            files[0],
            image_size=(16, 20),
            reader=lambda file: values,
            **{"value_range": "type", **options},
        )
        for image in images["images"]:
            np.testing.assert_array_equal(image, load_images(own)["images"][0])


@pytest.mark.parametrize("kind", ["files", "tiles"])
def test_values_that_use_little_of_their_type_are_told(grids, kind):
    files = _files(grids)
    options = {"channels": 1, "value_range": "type"}

    def reader(path):
        return np.loadtxt(path).astype("i4")

    with pytest.warns(UserWarning, match="no value above 25. of 2,147,483,647"):
        if kind == "tiles":
            image_tiles(files, 8, reader=reader, **options)
        else:
            image_table(files, None, 16, reader=reader, **options)
