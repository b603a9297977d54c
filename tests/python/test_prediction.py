import os
import shutil
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from PIL import Image

from reticnn import (
    augmentation,
    build_cnn,
    evaluate_classifier,
    image_arrays,
    image_folder,
    image_table,
    load_classifier,
    load_images,
    predict_images,
    save_classifier,
    shape_images,
)
from reticnn.augmenting.host import apply
from reticnn.data.resizing import fitted


@pytest.fixture(scope="module")
def images(shapes):
    """Return ten images, of both classes."""
    return load_images(shapes)["images"][:10]


@pytest.fixture
def files(images, tmp_path):
    """Write the images to files, in the order of their names."""
    paths = [str(tmp_path / "shapes" / f"image {n}.png") for n in range(len(images))]
    (tmp_path / "shapes").mkdir()
    for path, image in zip(paths, images, strict=True):
        Image.fromarray(image).save(path)
    return paths


def _check_same(table, wanted):
    """Check that the tables agree, but for the rounding of other batch sizes."""
    assert table[".pred_class"] == wanted[".pred_class"]
    for name in (".pred_circle", ".pred_square"):
        assert table[name] == pytest.approx(wanted[name], abs=1e-5)


# predict_images


def test_table_of_classes_and_probabilities(classifier, images):
    table = predict_images(classifier, images)
    assert list(table) == [".pred_class", ".pred_circle", ".pred_square"]
    square = classifier.model.predict(images, verbose=0)[:, 0]
    assert table[".pred_square"] == pytest.approx(square.tolist(), abs=1e-6)
    for circle, square, name in zip(
        table[".pred_circle"], table[".pred_square"], table[".pred_class"], strict=True
    ):
        assert circle + square == pytest.approx(1)
        assert name == ("circle" if circle > square else "square")
    assert {type(value) for value in table[".pred_square"]} == {float}
    assert {type(value) for value in table[".pred_class"]} == {str}


@pytest.mark.parametrize(
    ("num_classes", "output"),
    [(2, "auto"), (2, "softmax"), (2, "logits"), (3, "auto"), (3, "logits")],
)
def test_probabilities_of_every_kind_of_output(fit, tiny_cnn, num_classes, output):
    data = shape_images(24, num_classes, image_size=16, seed=1)
    learned = fit(tiny_cnn(num_classes, output=output), data)
    outputs = learned.model.predict(load_images(data)["images"], verbose=0)
    if outputs.shape[1] == 1:
        outputs = np.concatenate([1 - outputs, outputs], axis=1)
    elif output == "logits":
        outputs = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
    table = predict_images(learned, data)
    columns = [table[f".pred_{name}"] for name in data.class_names]
    np.testing.assert_allclose(np.transpose(columns), outputs, atol=1e-5)
    best = [data.class_names[code] for code in outputs.argmax(axis=1)]
    assert table[".pred_class"] == best


@pytest.mark.parametrize(
    "turn",
    [
        lambda x: x.astype("f8", order="F"),
        lambda x: x.astype("i4", order="F"),
        lambda x: np.asfortranarray(x).view("V1"),
        lambda x: list(x),
        lambda x: image_arrays(x),
        lambda x: shape_images(60, image_size=16, seed=1)[:10],
    ],
    ids=["double", "integer", "raw", "list", "data", "labelled data"],
)
def test_images_in_any_form_have_the_same_predictions(classifier, images, turn):
    wanted = predict_images(classifier, images)
    table = predict_images(classifier, turn(images))
    assert list(table) == list(wanted)
    _check_same(table, wanted)


def test_files_have_the_predictions_of_their_pixels(classifier, images, files):
    wanted = predict_images(classifier, images)
    folder = os.path.dirname(files[0])
    for given in (files, tuple(files), folder, image_folder(folder, 16)):
        table = predict_images(classifier, given)
        _check_same(table, wanted)
        assert table[".file"] == files


def test_one_image_and_one_file(classifier, images, files, monkeypatch):
    wanted = predict_images(classifier, images[3:4])
    _check_same(predict_images(classifier, images[3]), wanted)
    table = predict_images(classifier, files[3])
    _check_same(table, wanted)
    assert table[".file"] == [files[3]]
    monkeypatch.chdir(os.path.dirname(files[3]))
    assert predict_images(classifier, "image 3.png")[".file"] == ["image 3.png"]


def test_order_of_the_files_is_kept(classifier, files):
    mixed = [files[n] for n in (4, 0, 7, 4)]
    table = predict_images(classifier, mixed)
    assert table[".file"] == mixed
    each = [predict_images(classifier, file)[".pred_class"][0] for file in mixed]
    assert table[".pred_class"] == each


def test_home_folder_is_expanded(classifier, files, monkeypatch):
    folder = os.path.dirname(files[0])
    monkeypatch.setenv("HOME", folder)
    monkeypatch.setenv("USERPROFILE", folder)
    table = predict_images(classifier, ["~/image 0.png", "~/image 1.png"])
    assert table[".file"] == files[:2]


def test_files_of_any_size_are_read_at_the_models(classifier, tmp_path, write_image):
    small = write_image(tmp_path / "small.png", size=(5, 90))
    large = write_image(tmp_path / "large.jpg", size=(300, 200))
    table = predict_images(classifier, [small, large])
    assert table[".pred_circle"][0] == pytest.approx(table[".pred_circle"][1], abs=0.05)


@pytest.mark.parametrize("batch_size", [1, 3.0, 1000])
def test_batch_size_does_not_matter(classifier, images, batch_size):
    table = predict_images(classifier, images, batch_size=batch_size)
    _check_same(table, predict_images(classifier, images))


def test_folder_of_classes_is_predicted_as_files(classifier, files, tmp_path):
    (tmp_path / "shapes" / "circle").mkdir()
    (tmp_path / "shapes" / "square").mkdir()
    for number, file in enumerate(files):
        shutil.move(file, tmp_path / "shapes" / ("circle", "square")[number % 2])
    table = predict_images(classifier, tmp_path / "shapes")
    assert len(table[".file"]) == len(table[".pred_class"]) == 10


def test_any_folder_with_images_is_predicted(classifier, tmp_path, write_image):
    folder = tmp_path / "mixed"
    alone = write_image(folder / "one" / "1.png")
    assert predict_images(classifier, folder)[".file"] == [str(alone)]
    paths = ["a.png", "One/1.png", "__old__/1.png", "one/1.png", "one/deep/2.png"]
    for path in paths:
        write_image(folder / path)
    write_image(folder / ".hidden" / "1.png")
    files = predict_images(classifier, folder)[".file"]
    assert files == [str(folder / path) for path in paths]


@pytest.mark.parametrize("cache", ["memory", "disk", "none"])
def test_file_replaced_on_disk_is_read_anew(classifier, tmp_path, write_image, cache):
    files = [str(write_image(tmp_path / f"{n}.png", (0, 0, 0))) for n in range(3)]
    data = image_table(files, image_size=16, cache=cache)
    before = predict_images(classifier, data)
    write_image(files[1], (250, 9, 9))
    os.remove(files[2])
    os.utime(files[1], ns=(0, os.stat(files[1]).st_mtime_ns + 1))
    pixels = load_images(data[:2])["images"]
    assert [image.max() for image in pixels] == [0, 250]
    after = predict_images(classifier, data[:2])
    assert after[".pred_circle"][0] == pytest.approx(before[".pred_circle"][0])
    assert after[".pred_circle"] != pytest.approx(before[".pred_circle"][:2])
    # What has been read of a file that is gone is still there.
    if cache != "none":
        assert len(predict_images(classifier, data)[".file"]) == 3


def test_grey_files_for_a_grey_model(fit, tmp_path, write_image):
    data = shape_images(16, image_size=16, channels=1, seed=1)
    learned = fit(build_cnn((16, 16, 1), filters=4, n_blocks=2, units=8), data)
    path = write_image(tmp_path / "colour.png", (9, 9, 9))
    table = predict_images(learned, path)
    wanted = predict_images(learned, np.full((16, 16), 9))
    _check_same(table, wanted)


def test_data_and_images_are_not_changed(classifier, images):
    given = images.astype("f8")
    predict_images(classifier, given)
    np.testing.assert_array_equal(given, images)


# Test-time augmentation


def test_tta_averages_the_same_views_of_each_image(classifier, images):
    by_hand = [predict_images(classifier, images)]
    policy = augmentation(flip="horizontal", translation=0.05)
    for copy in range(3):
        view = apply(policy, images, 0, copy, np.zeros(len(images), int))
        by_hand.append(predict_images(classifier, view))
    wanted = np.mean([table[".pred_circle"] for table in by_hand], axis=0)
    got = predict_images(classifier, images, tta=3.0)
    assert got[".pred_circle"] == pytest.approx(wanted, abs=1e-6)
    assert got[".pred_circle"] != pytest.approx(by_hand[0][".pred_circle"], abs=1e-6)
    again = predict_images(classifier, images[::-1], tta=3, batch_size=1)
    assert again[".pred_circle"][::-1] == pytest.approx(got[".pred_circle"], abs=1e-6)


def test_tta_takes_the_policy_of_the_training(fit, tiny_cnn, shapes, tmp_path):
    policy = augmentation(rotation=0.2, color_jitter=0.3)
    trained = fit(tiny_cnn(), shapes, augmentation=policy)
    images = load_images(shapes[:4])["images"]
    view = apply(policy, images, 0, 0, np.zeros(4, int))
    tables = [predict_images(trained, pixels) for pixels in (images, view)]
    wanted = np.mean([table[".pred_circle"] for table in tables], axis=0)
    loaded = load_classifier(save_classifier(trained, str(tmp_path / "a.reticnn")))
    for use in (trained, loaded):
        assert use.augmentation == policy
        got = predict_images(use, images, tta=1)[".pred_circle"]
        assert got == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("tta", [-1, 1.5, "flip"])
def test_bad_tta_is_named(refused, classifier, images, tta):
    with refused((TypeError, ValueError), "tta", tta):
        predict_images(classifier, images, tta=tta)


# Other sizes and channels


def test_array_of_another_size_is_resized_as_its_file_is(classifier, tmp_path):
    image = np.random.default_rng(1).integers(0, 256, (40, 25, 3)).astype("u1")
    Image.fromarray(image).save(tmp_path / "a.png")
    wanted = predict_images(classifier, tmp_path / "a.png")
    with pytest.warns(UserWarning, match="`images` has images of 40 x 25") as caught:
        table = predict_images(classifier, np.stack([image] * 70))
    told = [str(w.message) for w in caught if "resized" in str(w.message)]
    assert len(told) == 1
    assert "16 x 16" in told[0]
    assert table[".pred_circle"] == pytest.approx(wanted[".pred_circle"] * 70, abs=1e-6)


def test_resized_floats_stay_floats(classifier):
    image = np.linspace(0.2, 254.7, 32 * 32 * 3).reshape(1, 32, 32, 3)
    with pytest.warns(UserWarning, match="resized"):
        smooth = predict_images(classifier, image)[".pred_circle"]
    with pytest.warns(UserWarning, match="resized"):
        whole = predict_images(classifier, image.round())[".pred_circle"]
    assert smooth == pytest.approx(whole, abs=0.02)


@pytest.mark.parametrize("resize", ["crop", "pad"])
def test_images_are_resized_as_in_training(fit, tiny_cnn, tmp_path, resize):
    noise = np.random.default_rng(1).integers(0, 256, (4, 24, 40, 3)).astype("u1")
    files = [str(tmp_path / kind / f"{name}.png") for kind in "ab" for name in "12"]
    for file, image in zip(files, noise, strict=True):
        os.makedirs(os.path.dirname(file), exist_ok=True)
        Image.fromarray(image).save(file)
    data = image_folder(tmp_path, 16, resize=resize)
    trained = fit(tiny_cnn(), data)
    assert f"resized by {resize}" in repr(trained)
    wanted = predict_images(trained, load_images(data)["images"])[".pred_a"]
    path = save_classifier(trained, str(tmp_path / "kept.reticnn"))
    loaded = load_classifier(path)
    assert loaded.resize == resize
    for use in (trained, loaded):
        assert predict_images(use, files)[".pred_a"] == pytest.approx(wanted, abs=1e-6)
        with pytest.warns(UserWarning, match=f"resized .'{resize}'. to the 16 x 16"):
            from_array = predict_images(use, noise)[".pred_a"]
        assert from_array == pytest.approx(wanted, abs=1e-6)
    stretched = image_folder(tmp_path, 16)
    other = rf"'stretch'.*trained.*'{resize}'"
    with pytest.warns(UserWarning, match=f"`data`.*{other}"):
        evaluate_classifier(loaded, stretched)
    with pytest.warns(UserWarning, match=f"`data`.*{other}"):
        fit(loaded, stretched)
    with pytest.warns(UserWarning, match=f"`validation`.*{other}"):
        again = fit(tiny_cnn(), data, validation=stretched)
    # Images in memory are resized as those that are trained on.
    larger = image_arrays(noise, list("aabb"))
    with pytest.warns(UserWarning, match=f"`validation`.*'{resize}'. to the 16 x 16"):
        same = fit(tiny_cnn(), data, validation=larger).history
    with pytest.warns(UserWarning, match="trained on"):
        wanted = fit(tiny_cnn(), data, validation=data).history
    assert same["val_loss"] == pytest.approx(wanted["val_loss"], abs=1e-6)
    assert again.history["val_loss"] != same["val_loss"]


@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
def test_floats_are_resized_as_floats(resize):
    for value in (300.5, -3.25, 100.75):
        image = np.full((10, 20, 3), value, "f4")
        result = fitted(image, (8, 8), resize)
        assert result.dtype == np.float32
        assert (result[2:6] == value).all()


def test_grey_files_for_a_colour_model_are_told(fit, tiny_cnn, cats, recwarn):
    grey = image_folder(cats, 16, channels=1)
    told = "`channels=1`, but the model takes 3.*in colour"
    with pytest.warns(UserWarning, match=f"`data`.*{told}"):
        trained = fit(tiny_cnn(), grey)
    with pytest.warns(UserWarning, match=f"`images`.*{told}"):
        predict_images(trained, grey)
    recwarn.clear()
    predict_images(trained, grey.files)
    fit(build_cnn((16, 16, 1), n_blocks=1), image_folder(cats, 16))
    assert not any("colour" in str(warned.message) for warned in recwarn)


@pytest.mark.filterwarnings("error::UserWarning")
def test_grey_images_are_repeated_for_a_colour_model(classifier, images):
    grey = images[..., 0]
    wanted = predict_images(classifier, np.stack([grey] * 3, axis=3))
    assert predict_images(classifier, grey) == wanted
    assert predict_images(classifier, grey[0])[".pred_class"] == [
        wanted[".pred_class"][0]
    ]


def test_opaque_images_lose_their_alpha(classifier, images):
    opaque = np.full((*images.shape[:3], 4), 255, "u1")
    opaque[..., :3] = images
    assert predict_images(classifier, opaque) == predict_images(classifier, images)


def test_grey_model_takes_colour_only_without_colours(refused, fit, images):
    data = shape_images(16, image_size=16, channels=1, seed=1)
    learned = fit(build_cnn((16, 16, 1), filters=4, n_blocks=2, units=8), data)
    grey = images[..., :1]
    wanted = predict_images(learned, grey)
    assert predict_images(learned, grey.repeat(3, axis=3)) == wanted
    opaque = np.concatenate([grey.repeat(3, axis=3), np.full_like(grey, 255)], axis=3)
    assert predict_images(learned, opaque) == wanted
    with refused(ValueError, "images", "colour images", "1 channel", "Convert"):
        predict_images(learned, images)


def test_memory_does_not_grow_with_the_number_of_files(
    classifier, tmp_path, write_image
):
    file = str(write_image(tmp_path / "a.png", size=(16, 16)))
    peaks = []
    for count in (200, 2000):
        predict_images(classifier, [file])
        tracemalloc.start()
        predict_images(classifier, [file] * count)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    pixels = 1800 * 16 * 16 * 3
    assert peaks[1] - peaks[0] < pixels / 2


# Keras models


def test_model_is_predicted_with_the_names_given(classifier, images):
    wanted = predict_images(classifier, images)
    given = predict_images(classifier.model, images, class_names=["circle", "square"])
    assert given == wanted
    plain = predict_images(classifier.model, images)
    assert list(plain) == [".pred_class", ".pred_class_1", ".pred_class_2"]
    assert plain[".pred_class_1"] == wanted[".pred_circle"]


@pytest.mark.parametrize(
    ("names", "parts"),
    [
        (["cat"], ["at least two"]),
        (["cat", "dog", "cow"], ["2 classes", "not 3", "'cow'"]),
        (["cat", "cat"], ["different"]),
        (["class", "other"], ["'.pred_class'", "other `class_names`"]),
    ],
)
def test_class_names_that_do_not_fit_are_refused(
    refused, classifier, images, names, parts
):
    with refused(ValueError, "class_names", *parts):
        predict_images(classifier.model, images, class_names=names)


def test_classifier_keeps_its_class_names(refused, classifier, images):
    with refused(ValueError, "class_names", "'cat', 'dog'", "'circle', 'square'"):
        predict_images(classifier, images, class_names=["cat", "dog"])


# Threads and forked processes


@pytest.mark.parametrize("fast_start", [False, None])
def test_eight_threads_at_once_predict_the_same(
    classifier, files, tmp_path, fast_start
):
    save_classifier(classifier, tmp_path / "a.reticnn", fast_start=fast_start)
    # A model that nothing has been sent through yet.
    fresh = load_classifier(tmp_path / "a.reticnn")
    before = cv2.getNumThreads()
    with ThreadPoolExecutor(8) as pool:
        tables = pool.map(
            lambda _: predict_images(fresh, files, batch_size=3), range(16)
        )
        wanted = predict_images(fresh, files, batch_size=3)
        assert all(table == wanted for table in tables)
        one = predict_images(classifier, files, batch_size=3)[".pred_circle"]
        assert wanted[".pred_circle"] == pytest.approx(one, abs=1e-5)
    assert cv2.getNumThreads() == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="No fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork")
def test_forked_copy_is_told_not_to_wait(classifier, images):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            predict_images(classifier, images)
        except BaseException as error:
            os.write(write, f"{type(error).__name__}: {error}".encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    assert said.startswith("RuntimeError: Keras was started in another process")
    assert "load_classifier()" in said


# What cannot be predicted


@pytest.mark.parametrize("value", [None, "shapes.reticnn", 3.0, {"model": 1}])
@pytest.mark.parametrize("function", [predict_images, evaluate_classifier])
def test_other_than_a_classifier_is_refused(refused, shapes, function, value):
    with refused(TypeError, "classifier", "`fit_classifier()`", "`load_classifier()`"):
        function(value, shapes)


@pytest.mark.parametrize("function", [predict_images, evaluate_classifier])
def test_bad_batch_size_is_named(refused, classifier, shapes, function):
    with refused(ValueError, "batch_size", "not 0", "Use 1 or more"):
        function(classifier, shapes, batch_size=0)


@pytest.mark.parametrize(
    ("images", "error", "parts"),
    [
        (np.zeros((2, 16, 16, 2)), ValueError, ["16 x 16 x 2", "16 x 16 x 3"]),
        (np.zeros((16, 16, 4)), ValueError, ["transparent", "3 channels", "Put"]),
        (np.zeros(16), ValueError, ["(16,)", "(n, height, width, channels)"]),
        (np.full((16, 16, 3), np.nan), ValueError, ["missing or infinite", "Replace"]),
        (None, TypeError, ["None"]),
        (3.0, (TypeError, ValueError), ["()"]),
        ({"a": 1.0}, TypeError, ["'a'"]),
        ([], (TypeError, ValueError), ["no images"]),
    ],
    ids=["channels", "alpha", "vector", "nan", "none", "number", "dict", "empty"],
)
def test_other_than_fitting_images_is_refused(
    refused, classifier, images, error, parts
):
    with refused(error, "images", *parts):
        predict_images(classifier, images)


def test_parts_of_data_are_refused(refused, classifier, shapes):
    with refused(TypeError, "images", "'train'", "data['train']"):
        predict_images(classifier, {"train": shapes, "test": shapes})


def test_no_images_are_refused(refused, classifier, shapes):
    for none in (np.zeros((0, 16, 16, 3)), shapes[:0]):
        with refused(ValueError, "images", "no images"):
            predict_images(classifier, none)


def test_missing_files_are_all_named(refused, classifier, files):
    with refused(
        FileNotFoundError, "images", "2 of 3", "'tom.jpg'", "'a/b.png'", os.getcwd()
    ):
        predict_images(classifier, ["tom.jpg", files[0], "a/b.png"])


def test_file_that_is_no_image_is_named(classifier, files, tmp_path):
    text = tmp_path / "notes.png"
    text.write_text("no image")
    with pytest.raises(ValueError, match="1 of 2 files") as caught:
        predict_images(classifier, [files[0], text])
    assert str(text) in str(caught.value)


def test_folder_without_images_is_named(refused, classifier, tmp_path):
    with refused(ValueError, "images", "no images", tmp_path):
        predict_images(classifier, tmp_path)


def test_folder_with_parts_is_refused(refused, classifier, cats, tmp_path):
    for part in ("train", "test"):
        shutil.copytree(cats, tmp_path / "split" / part)
    with refused((TypeError, ValueError), "images", "train"):
        predict_images(classifier, tmp_path / "split")


def test_files_that_cannot_be_read_are_named_or_left_out(
    classifier, cats, refused, tmp_path
):
    folder = cats / "cat"
    (folder / "bad.png").write_text("no photo")
    with pytest.raises(ValueError, match=r'bad.png(.|\n)*`on_bad_image="skip"`'):
        predict_images(classifier, folder)
    no_rows = r"bad.png(.|\n)*They are skipped; the table has no rows for them\.$"
    with pytest.warns(UserWarning, match=no_rows):
        table = predict_images(classifier, folder, on_bad_image="skip")
    assert len(table[".pred_class"]) == len(table[".file"]) == 3
    with pytest.warns(UserWarning, match="gone.png"):
        some = [table[".file"][0], str(tmp_path / "gone.png")]
        assert len(predict_images(classifier, some, on_bad_image="skip")[".file"]) == 1
    with refused(ValueError, "on_bad_image", "'skip'", "not 'ignore'"):
        predict_images(classifier, folder, on_bad_image="ignore")


def test_an_array_of_as_many_channels_as_the_model_takes_is_one_image():
    model = build_cnn((8, 10, 13), 2, filters=2, n_blocks=1, units=2, seed=1)
    pixels = np.random.default_rng(1).integers(0, 256, (1, 8, 10, 13))
    alone = predict_images(model, pixels[0])
    assert alone == predict_images(model, pixels)
