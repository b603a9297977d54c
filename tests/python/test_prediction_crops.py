"""144 crops of squares at four scales, and mirror images."""

import keras
import numpy as np
import pytest
from PIL import Image, ImageOps

from reticnn import (
    augmentation,
    image_arrays,
    image_folder,
    image_table,
    landmark_model,
    load_classifier,
    predict_images,
    save_classifier,
    training_recipe,
)
from reticnn.augmenting.host import apply
from reticnn.prediction.fully_convolutional import fully_convolutional


def _net(side, channels=3, strides=1):
    """Return a network whose answer depends on where in the image something is."""
    keras.utils.set_random_seed(1)
    image = keras.Input((side, side, channels))
    x = keras.layers.Conv2D(4, 3, strides=strides, activation="relu")(image)
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 100)(x))
    return keras.Model(image, keras.layers.Dense(2, activation="softmax")(x))


def _first(model, images, **options):
    return np.array(predict_images(model, images, **options)[".pred_class_1"])


def _photo(*shape, seed=1):
    """Return an image of floats, smoothly varying as photos do."""
    pixels = np.random.default_rng(seed).uniform(0, 255, shape).astype("f4")
    return (pixels + np.roll(pixels, 1, 0) + np.roll(pixels, 1, 1)) / 3


def _resized(channel, width, height):
    """Return an image of Pillow by bilinear interpolation, without smoothing."""
    steps = (channel.width / width, 0, 0, 0, channel.height / height, 0)
    return channel.transform(
        (width, height), Image.Transform.AFFINE, steps, Image.Resampling.BILINEAR
    )


def _views_by_pillow(channel, side):
    """Return the 144 views of one channel as section 7 of the paper lists them."""
    views = []
    for shorter in (256, 288, 320, 352):
        shorter = round(shorter * side / 224)
        ratio = shorter / min(channel.size)
        scaled = _resized(channel, *(round(length * ratio) for length in channel.size))
        room = max(scaled.size) - shorter
        for start in (0, room // 2, room):
            left, top = (start, 0) if scaled.width > scaled.height else (0, start)
            square = scaled.crop((left, top, left + shorter, top + shorter))
            far, middle = shorter - side, (shorter - side) // 2
            corners = [(0, 0), (far, 0), (0, far), (far, far), (middle, middle)]
            crops = [square.crop((x, y, x + side, y + side)) for x, y in corners]
            for view in (*crops, _resized(square, side, side)):
                views += [view, ImageOps.mirror(view)]
    assert len(views) == 144
    return views


def _by_pillow(model, image, side):
    """Return the mean probability over the 144 views of an image of floats."""
    channels = [
        _views_by_pillow(Image.fromarray(image[..., channel]), side)
        for channel in range(image.shape[-1])
    ]
    views = [np.stack(view, axis=-1) for view in zip(*channels, strict=True)]
    return model.predict_on_batch(np.stack(views))[:, 0].mean()


@pytest.mark.parametrize("size", [(40, 30), (30, 41), (30, 30), (15, 12), (14, 44)])
def test_144_crops_are_those_of_the_paper(size):
    model = _net(14)
    images = np.stack([_photo(*size, 3, seed=seed) for seed in range(3)])
    before = images.copy()
    wanted = [_by_pillow(model, image, 14) for image in images]
    got = _first(model, images, crops=144.0, batch_size=2)
    np.testing.assert_allclose(got, wanted, atol=2e-5)
    assert (images == before).all()
    # Other views would have been noticed.
    for options in ({"crops": 10, "scales": (16, 18, 20, 22)}, {"scales": 18}):
        assert abs(_first(model, images, **options) - wanted).max() > 2e-4


def test_144_crops_of_224_are_cut_at_the_scales_of_the_paper():
    model = _net(224, strides=16)
    image = _photo(200, 300, 3)
    wanted = _by_pillow(model, image, 224)
    assert _first(model, image, crops=144) == pytest.approx(wanted, abs=1e-4)


def test_144_crops_of_other_sizes_and_of_grey_images():
    model = _net(10, channels=1)
    image = _photo(33, 22, 1)
    wanted = _by_pillow(model, image, 10)
    assert _first(model, image, crops=144) == pytest.approx(wanted, abs=1e-5)
    colours = image.repeat(3, axis=-1)
    assert _first(model, colours, crops=144) == pytest.approx(wanted, abs=1e-5)


@pytest.fixture
def files(tmp_path):
    """Write images of several sizes to files; return their paths."""
    paths = []
    for number, size in enumerate([(30, 20), (20, 20), (30, 20), (18, 33), (64, 50)]):
        (tmp_path / "photos" / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
        paths.append(str(tmp_path / "photos" / "ab"[number % 2] / f"{number}.png"))
        Image.fromarray(_photo(*size, 3, seed=number).astype("u1")).save(paths[-1])
    return paths


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize("options", [{"crops": 144}, {"crops": 2, "scales": (16, 20)}])
def test_files_arrays_and_data_have_the_same_views(files, options):
    model = _net(14)
    arrays = [np.asarray(Image.open(file)) for file in files]
    wanted = np.concatenate([_first(model, image, **options) for image in arrays])
    assert np.ptp(wanted) > 1e-3
    data = image_table(files, image_size=9)
    for images, batch_size in [(files, 1), (files, 32), (data, 2)]:
        got = _first(model, images, batch_size=batch_size, **options)
        np.testing.assert_allclose(got, wanted, atol=1e-6)
    folder = files[0].rsplit("/", 2)[0]
    order = sorted(files)
    for images in (folder, image_folder(folder)):
        table = predict_images(model, images, **options)
        assert table[".file"] == order
        expected = [wanted[files.index(file)] for file in order]
        np.testing.assert_allclose(table[".pred_class_1"], expected, atol=1e-6)
    backwards = _first(model, files[::-1], **options)[::-1]
    np.testing.assert_allclose(backwards, wanted, atol=1e-6)
    same = image_arrays(np.stack([arrays[0], arrays[2]]))
    np.testing.assert_allclose(
        _first(model, same, **options), wanted[[0, 2]], atol=1e-6
    )


def test_no_more_images_than_a_batch_are_shown_at_once():
    model = _net(14)
    shown = []
    predict = model.predict_on_batch
    model.predict_on_batch = lambda pixels: (
        shown.append(pixels.shape) or predict(pixels)
    )
    reports = []
    images = np.stack([_photo(20, 30, 3, seed=seed) for seed in range(5)])
    _first(model, images, crops=144, batch_size=4, progress=reports.append)
    assert shown == [(4, 14, 14, 3)] * 36 + [(1, 14, 14, 3)] * 36 + shown[72:]
    assert sum(shape[0] for shape in shown) == 5 * 144
    assert [report["step"] for report in reports][-1] == reports[-1]["steps"] == 8
    # The three squares of a square image are one.
    shown.clear()
    _first(model, images[:, :, :20], crops=144, batch_size=5)
    assert shown == [(5, 14, 14, 3)] * 48


def test_every_view_is_changed_by_tta():
    model = _net(14)
    images = np.stack([_photo(16, 16, 3, seed=seed) for seed in range(2)])
    policy = augmentation(flip="horizontal", translation=0.05)
    position = np.zeros(2, int)
    looks = [
        [_views_by_pillow(Image.fromarray(image[..., c]), 14) for c in range(3)]
        for image in images
    ]
    views = [
        np.stack([np.stack(channels, axis=-1) for channels in zip(*look, strict=True)])
        for look in looks
    ]
    wanted = []
    for view in np.swapaxes(views, 0, 1):
        for seen in (
            view,
            *(apply(policy, view, 0, copy, position) for copy in (0, 1)),
        ):
            wanted.append(model.predict_on_batch(seen)[:, 0])
    got = _first(model, images, crops=144, tta=2)
    np.testing.assert_allclose(got, np.mean(wanted, axis=0), atol=2e-5)
    assert abs(got - _first(model, images, crops=144)).max() > 1e-4


def test_mirror_image_counts_as_much_as_the_image():
    model = _net(14)
    images = np.stack([_photo(14, 14, 3, seed=seed) for seed in range(4)])
    both = (_first(model, images) + _first(model, images[:, :, ::-1])) / 2
    got = _first(model, images, crops=2, batch_size=3)
    np.testing.assert_allclose(got, both, atol=1e-6)
    assert abs(got - _first(model, images)).max() > 1e-3
    np.testing.assert_allclose(
        _first(model, images[:, :, ::-1], crops=2), got, atol=1e-6
    )


def test_mirror_image_is_seen_whole_at_each_scale():
    model = _net(14)
    image = _photo(20, 26, 3)
    made = fully_convolutional(model)
    wanted = []
    for side in (16, 21):
        channels = [Image.fromarray(image[..., channel]) for channel in range(3)]
        pixels = [_resized(one, round(26 * side / 20), side) for one in channels]
        for view in (pixels, map(ImageOps.mirror, pixels)):
            batch = np.stack([np.stack(list(view), axis=-1)])
            wanted.append(made.predict_on_batch(batch)[0, 0])
    got = _first(model, image, crops=2, scales=(16, 21))
    assert got == pytest.approx(np.mean(wanted), abs=1e-5)
    assert abs(got - _first(model, image, scales=(16, 21))) > 1e-4


def test_mirror_image_for_a_model_of_any_size(files):
    image = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu")(image)
    x = keras.layers.GlobalMaxPooling2D()(keras.layers.Rescaling(1 / 255)(x))
    model = keras.Model(image, keras.layers.Dense(2, activation="softmax")(x))
    pixels = np.asarray(Image.open(files[0]))
    both = [_first(model, one)[0] for one in (pixels, pixels[:, ::-1])]
    assert _first(model, pixels, crops=2) == pytest.approx(np.mean(both), abs=1e-6)
    scaled = _first(model, files, crops=2, scales=24)
    alone = [_first(model, file, crops=2, scales=24)[0] for file in files]
    np.testing.assert_allclose(scaled, alone, atol=1e-6)


@pytest.mark.slow
def test_saved_and_loaded_classifier_has_the_same_views(classifier, files, tmp_path):
    save_classifier(classifier, tmp_path / "a.reticnn")
    loaded = load_classifier(tmp_path / "a.reticnn")
    for options in ({"crops": 144, "tta": 1}, {"crops": 2, "scales": 20}):
        before, after = (
            predict_images(one, files[:2], **options) for one in (classifier, loaded)
        )
        assert before[".pred_class"] == after[".pred_class"]
        assert before[".pred_circle"] == pytest.approx(after[".pred_circle"])


@pytest.mark.slow
def test_googlenet_is_tested_as_its_recipe_says():
    model = landmark_model("googlenet", (65, 65, 3), 3, seed=1)
    image = _photo(80, 100, 3)
    wanted = _by_pillow(model, image, 65)
    tested = training_recipe("googlenet").prediction
    assert tested == {"crops": 144}
    assert _first(model, image, **tested) == pytest.approx(wanted, abs=1e-4)
    assert training_recipe("vgg16").prediction == {
        "crops": 2,
        "scales": (256, 384, 512),
    }


# What cannot be done


def test_scales_of_144_crops_are_their_own(refused):
    images = _photo(20, 20, 3)
    with refused(
        ValueError, "scales", "left out", "(20, 30)", "16, 18, 20, 22", "crops=10"
    ):
        predict_images(_net(14), images, crops=144, scales=(20, 30))


def test_144_crops_of_a_model_that_takes_no_squares_are_refused(refused):
    image = keras.Input((14, 16, 3))
    model = keras.Model(
        image, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(image))
    )
    with refused(ValueError, "crops", "not 144", "14 x 16", "crops=10"):
        predict_images(model, _photo(20, 20, 3), crops=144, output="logits")
    image = keras.Input((None, None, 3))
    model = keras.Model(
        image, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(image))
    )
    with refused(ValueError, "crops", "any size", "1 or 2", "not 144"):
        predict_images(model, _photo(20, 20, 3), crops=144, output="logits")
