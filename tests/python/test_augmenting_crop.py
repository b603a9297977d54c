"""Crops by area and aspect and by the scale of the image, of arrays and of files."""

import math

import cv2
import keras
import numpy as np
import pytest
from other_augmenters import WARPED
from PIL import Image

import reticnn
from reticnn import augment, augmentation, augmentation_layer
from reticnn.augmenting import host
from reticnn.augmenting.from_data import augmented
from reticnn.augmenting.parts.warp import WARP

BY_AREA = {"scale": (0.08, 1), "ratio": (3 / 4, 4 / 3), "size": 24}
BY_SCALE = {"shorter_side": (32, 64), "size": 28}


def photo(height, width, seed=0, channels=3):
    """Return an image whose fine detail is as weak as that of photos, uint8."""
    rng = np.random.default_rng(seed)
    waves = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None])
    waves[0, 0] = 1
    planes = [
        np.fft.ifft2(np.fft.fft2(rng.normal(size=(height, width))) / waves**1.3).real
        for _ in range(channels)
    ]
    image = np.stack(planes, axis=-1)
    image = (image - image.mean()) / image.std() * 45 + 127
    return np.clip(image, 0, 255).astype("uint8")


def boxes(policy, image_shape, n=2000, seed=1):
    """Return left, top, width and height of what is cropped, each (n,)."""
    drawn = policy.draw(np, seed, 0, np.arange(n), image_shape)[0]["warp"]
    height, width = policy.output_shape(image_shape)[:2]
    across, left, down, top = drawn[:, 0], drawn[:, 2], drawn[:, 4], drawn[:, 5]
    assert not drawn[:, [1, 3]].any()
    corner = left - (across - 1) / 2, top - (down - 1) / 2
    return (*corner, across * width, down * height)


def cropped(image, policy, position=0, seed=1):
    """Return an image as a policy changes the one at a position."""
    return host.apply(policy, image[None], seed, 0, np.array([position]))[0]


# Which window is drawn


def test_areas_are_even_and_aspects_by_their_logarithm():
    policy = augmentation(crop={"scale": (0.1, 0.5), "ratio": (1 / 2, 2)})
    left, top, width, height = boxes(policy, (40, 40, 3), n=8000)
    areas, aspects = width * height / 1600, np.log2(width / height)
    for values, low, high in ((areas, 0.1, 0.5), (aspects, -1, 1)):
        shares = np.quantile((values - low) / (high - low), [0, 0.25, 0.5, 0.75, 1])
        np.testing.assert_allclose(shares, [0, 0.25, 0.5, 0.75, 1], atol=0.02)
    for first, length in ((left, width), (top, height)):
        assert first.min() > -1e-3 and (first + length).max() < 40 + 1e-3
        share = first / (40 - length)
        np.testing.assert_allclose(
            np.quantile(share, [0.25, 0.75]), [0.25, 0.75], atol=0.03
        )


def test_windows_are_those_of_torchvisions_algorithm():
    """Windows that do not fit are drawn again: so large ones are less often wide."""

    def theirs(rng, height, width):
        for _ in range(10):
            area = height * width * rng.uniform(0.08, 1)
            aspect = math.exp(rng.uniform(math.log(3 / 4), math.log(4 / 3)))
            w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if 0 < w <= width and 0 < h <= height:
                return w, h
        return width, round(width / (3 / 4))

    rng = np.random.default_rng(1)
    expected = np.array([theirs(rng, 300, 200) for _ in range(8000)]).T
    policy = augmentation(crop={"scale": (0.08, 1)})
    found = boxes(policy, (300, 200, 3), n=8000)[2:]
    shares = np.linspace(0, 1, 11)
    for own, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(
            np.quantile(own, shares), np.quantile(other, shares), atol=6
        )


def test_where_no_window_fits_it_is_the_largest_of_an_allowed_aspect():
    policy = augmentation(crop={"scale": (1, 1), "ratio": (3 / 4, 4 / 3)})
    left, _, width, height = boxes(policy, (6, 400, 3), n=50)
    np.testing.assert_allclose(height, 6, rtol=1e-5)
    np.testing.assert_allclose(width, 8, rtol=1e-4)
    assert np.ptp(left) > 300
    _, _, width, height = boxes(policy, (400, 6, 3), n=50)
    np.testing.assert_allclose(width, 6, rtol=1e-5)
    np.testing.assert_allclose(height, 8, rtol=1e-4)


def test_a_window_of_all_the_image_is_the_image():
    image = photo(20, 20)
    policy = augmentation(crop={"scale": 1, "ratio": 1})
    np.testing.assert_array_equal(cropped(image, policy), image)


def test_the_shorter_side_is_brought_to_a_length_that_is_drawn():
    policy = augmentation(crop={"shorter_side": (256, 512), "size": 224})
    left, top, width, height = boxes(policy, (375, 500, 3))
    lengths = 375 * 224 / width
    np.testing.assert_allclose(width, height, rtol=1e-5)
    np.testing.assert_allclose(
        np.quantile(lengths, [0, 0.5, 1]), [256, 384, 512], atol=8
    )
    assert (left + width).max() < 500.01 and (top + height).max() < 375.01
    assert left.max() > 250 and left.min() >= -1e-3


# What the window shows


@pytest.mark.parametrize("size", [(48, 48), (64, 37)])
def test_what_is_enlarged_is_that_of_plain_opencv(size):
    """Inside: OpenCV sees nothing beyond the window's edge."""
    image = photo(60, 80)
    policy = augmentation(crop={"scale": (0.08, 0.3), "size": size})
    for position in range(20):
        left, top, width, height = (
            float(side[position]) for side in boxes(policy, image.shape, n=20)
        )
        y, x = np.indices(size, "float32")
        at = (
            left + (x + 0.5) * np.float32(width / size[1]) - np.float32(0.5),
            top + (y + 0.5) * np.float32(height / size[0]) - np.float32(0.5),
        )
        expected = cv2.remap(image, *at, cv2.INTER_LINEAR, None, cv2.BORDER_REFLECT)
        result = cropped(image, policy, position).astype(int)
        assert np.abs(result - expected).max() < 2 + WARPED


@pytest.mark.parametrize("times", [2, 3, 4, 7, 10.5])
def test_fine_patterns_do_not_turn_into_coarse_ones(times):
    side = round(16 * times)
    stripes = np.zeros((side, side, 1), "uint8")
    stripes[:, ::2] = 254
    policy = augmentation(crop={"scale": (0.9, 1), "size": 16})
    results = [cropped(stripes, policy, position) for position in range(8)]
    # Sampled without reducing, they would reach from 0 to 254.
    inside = np.array(results, float)[:, 1:-1, 1:-1]
    if times > 2:
        assert inside.min() > 90 and inside.max() < 165
    assert abs(inside.mean() - 127) < 3


@pytest.mark.parametrize("times", [1.3, 2, 2.5, 3.4, 5, 8])
def test_what_shrinks_is_close_to_a_resize_that_weighs_all_pixels(times):
    side = round(32 * times)
    image = photo(side, side)
    policy = augmentation(crop={"scale": 1, "ratio": 1, "size": 32})
    expected = cv2.resize(image, (32, 32), interpolation=cv2.INTER_AREA)
    result = cropped(image, policy).astype(int)
    plain = cv2.resize(image, (32, 32), interpolation=cv2.INTER_LINEAR)
    difference = np.abs(result - expected).mean()
    assert difference < 6
    if times > 2:
        assert difference < 0.95 * np.abs(plain.astype(int) - expected).mean()


def test_a_window_is_that_of_torchvision():
    functional = pytest.importorskip("torchvision.transforms.v2.functional")
    torch = pytest.importorskip("torch")
    image = photo(60, 80)
    planes = torch.from_numpy(image).permute(2, 0, 1)
    policy = augmentation(crop={"scale": (0.08, 1), "size": 24})
    for position in range(20):
        drawn = [side[position] for side in boxes(policy, image.shape, n=20)]
        left, top, width, height = (round(float(side)) for side in drawn)
        theirs = functional.resized_crop(planes, top, left, height, width, [24, 24])
        theirs = theirs.permute(1, 2, 0).numpy().astype(int)
        result = cropped(image, policy, position).astype(int)
        # They round the window to whole pixels.
        assert np.abs(result - theirs)[1:-1, 1:-1].mean() < 6


def test_a_crop_and_other_moves_are_one_matrix():
    crop, rest = (
        {"scale": (0.2, 0.6), "size": 16},
        {"rotation": 0.1, "flip": "vertical"},
    )
    shape, positions = (40, 30, 3), np.arange(9)

    def matrices(policy, image_shape):
        drawn = policy.draw(np, 3, 0, positions, image_shape)[0]["warp"]
        last = np.tile([[0, 0, 1]], (9, 1, 1))
        return np.concatenate([drawn.reshape(9, 2, 3), last], axis=1)

    both = augmentation(crop=crop, **rest)
    assert list(both.parts(3)[0]) == [WARP]
    product = matrices(augmentation(crop=crop), shape) @ matrices(
        augmentation(**rest), (16, 16, 3)
    )
    np.testing.assert_allclose(matrices(both, shape), product, atol=1e-3)


@pytest.mark.parametrize("crop", [BY_AREA, BY_SCALE])
@pytest.mark.parametrize("channels", [1, 2, 3, 5])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_any_channels_and_types(crop, channels, dtype):
    images = photo(40, 50, channels=channels)[None]
    images = images if dtype == "uint8" else images * np.float32(0.99)
    results = augment(images, crop=crop, seed=1)
    side = crop["size"]
    assert results.shape == (1, side, side, channels) and results.dtype == dtype
    each = [augment(images[..., [one]], crop=crop, seed=1) for one in range(channels)]
    np.testing.assert_allclose(results, np.concatenate(each, axis=-1), atol=1)


def test_images_of_one_pixel_have_crops():
    for value in (0, 77, 255):
        tiny = np.full((3, 1, 1, 3), value, "uint8")
        for crop in ({"scale": (0.08, 1), "size": 5}, {"shorter_side": 9, "size": 5}):
            assert (augment(tiny, crop=crop, seed=1) == value).all()


def test_part_of_the_images_and_any_threads_give_the_same():
    images = np.stack([photo(120, 160, seed) for seed in range(12)])
    for crop in (BY_AREA, BY_SCALE):
        policy = augmentation(crop=crop, flip="horizontal", rotation=0.05)
        every = host.apply(policy, images, 1, 2, np.arange(12))
        some = host.apply(policy, images[5:8], 1, 2, np.arange(5, 8), threads=1)
        np.testing.assert_array_equal(every[5:8], some)


# The layer


@pytest.mark.parametrize("crop", [BY_AREA, BY_SCALE])
def test_the_layer_gives_one_size_also_outside_training(crop, tmp_path):
    images = photo(60, 100)[None] * np.float32(0.99)
    layer = augmentation_layer(augmentation(crop=crop), seed=1)
    side = crop["size"]
    trained = keras.ops.convert_to_numpy(layer(images, training=True))
    expected = augment(images, crop=crop, seed=1)
    np.testing.assert_allclose(trained, expected, atol=WARPED)
    still = keras.ops.convert_to_numpy(layer(images, training=False))
    assert still.shape == (1, side, side, 3)
    middle = cv2.resize(images[0, :, 20:80], (side, side), interpolation=cv2.INTER_AREA)
    assert np.abs(still[0] - middle).mean() < 4
    assert layer.compute_output_shape((None, 60, 100, 3)) == (None, side, side, 3)


# Files


@pytest.fixture
def folder(tmp_path):
    """Photos of several sizes, without loss, and their pixels in the order of names."""
    sizes = [(40, 50), (50, 40), (40, 50), (64, 64), (35, 90), (40, 50)]
    pixels = [photo(*size, seed) for seed, size in enumerate(sizes)]
    for number, image in enumerate(pixels):
        place = tmp_path / "ab"[number % 2]
        place.mkdir(exist_ok=True)
        Image.fromarray(image).save(place / f"{number}.png")
    data = reticnn.image_folder(tmp_path, image_size=24)
    order = [int(file.rsplit("/", 1)[1][0]) for file in data.files]
    return data, [pixels[number] for number in order]


def test_a_crop_that_shows_little_of_an_image_is_told_of(folder, recwarn):
    data, pixels = folder
    recipe = reticnn.training_recipe("vgg16")["augmentation"]
    augment(data, augmentation(crop={"shorter_side": (24, 48)}))
    augment(pixels[0], crop={"shorter_side": 30, "size": 24})
    assert not len(recwarn)
    with pytest.warns(UserWarning, match=r"24 x 24 show at most 0.88 %.*\(27, 55\)"):
        augment(data, [recipe])
    with pytest.warns(UserWarning, match=r"10 x 20 show at most 5.6 %.*\(3, 4\)"):
        augment(pixels[0], crop={"shorter_side": (60, 80), "size": (10, 20)})
    model = reticnn.build_mlp((24, 24, 3), units=4)
    options = {"epochs": 1, "validation": None, "progress": "none"}
    with pytest.warns(UserWarning, match=r"`augmentation`: `crop` brings .*\(27, 55\)"):
        reticnn.fit_classifier(model, data, augmentation=recipe, **options)


@pytest.mark.parametrize("crop", [BY_AREA, {"shorter_side": (30, 60)}])
def test_files_are_cropped_as_they_are(folder, crop):
    data, pixels = folder
    policy = augmentation(crop=crop, flip="horizontal", color_jitter=0.2)
    results = augmented(policy, data, np.arange(6), 3, 1)
    assert results.shape == (6, 24, 24, 3) and results.dtype == "uint8"
    for position, image in enumerate(pixels):
        expected = host.apply(
            policy.at_size((24, 24)), image[None], 3, 1, np.array([position])
        )
        np.testing.assert_array_equal(results[position], expected[0])
    again = augmented(policy, data, np.array([4, 1]), 3, 1)
    np.testing.assert_array_equal(again, results[[4, 1]])
    both = (data[:2] + data[2:])[[5, 0]]
    joined = augmented(policy, data[:2] + data[2:], np.array([5, 0]), 3, 1)
    np.testing.assert_array_equal(joined, results[[5, 0]])
    assert len(both) == 2
    np.testing.assert_array_equal(
        reticnn.load_images(augment(data, policy, seed=3))["images"],
        augmented(policy, data, np.arange(6), 3, 0),
    )


def test_a_large_jpeg_is_decoded_small_where_the_crop_is(tmp_path, monkeypatch):
    image = photo(1200, 1600)
    (tmp_path / "a").mkdir()
    Image.fromarray(image).save(tmp_path / "a" / "1.jpg", quality=95)
    data = reticnn.image_folder(tmp_path, image_size=32, class_names=["a", "b"])
    decoded = []
    decode = cv2.imdecode

    def noted(*given):
        decoded.append(decode(*given))
        return decoded[-1]

    monkeypatch.setattr(cv2, "imdecode", noted)
    policy = augmentation(crop={"shorter_side": (100, 120), "size": 32})
    result = augmented(policy, data, np.array([0]), 1, 0)[0].astype(int)
    assert decoded[0].shape == (150, 200, 3)
    whole = host.apply(policy, image[None], 1, 0, np.array([0]))[0]
    assert np.abs(result - whole).mean() < 3


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_grey_and_deep_files_are_cropped(tmp_path, dtype):
    image = photo(40, 50, channels=1)[..., 0].astype(dtype)
    image = image * 257 if dtype == "uint16" else image
    (tmp_path / "a").mkdir()
    Image.fromarray(image).save(tmp_path / "a" / "1.png")
    data = reticnn.image_folder(
        tmp_path, image_size=20, channels=1, class_names=["a", "b"]
    )
    policy = augmentation(crop={"scale": (0.3, 0.9)})
    result = augmented(policy, data, np.array([0]), 1, 0)
    pixels = photo(40, 50, channels=1)[None]
    expected = host.apply(policy.at_size((20, 20)), pixels, 1, 0, np.array([0]))
    assert result.shape == (1, 20, 20, 1)
    np.testing.assert_allclose(result, expected, atol=1)


def test_a_bad_file_is_named(folder):
    data, _ = folder
    with open(data.files[2], "r+b") as file:
        file.truncate(500)
    policy = augmentation(crop={"scale": (0.3, 0.9)})
    with (
        pytest.warns(UserWarning, match="have changed"),
        pytest.raises(ValueError, match=r"4\.png: is damaged"),
    ):
        augmented(policy, data, np.arange(6), 1, 0)


# Training


def fitted(data, policy, **settings):
    model = reticnn.build_cnn((24, 24, 3), n_blocks=1, filters=2, units=4, seed=1)
    settings = {
        "epochs": 2,
        "seed": 1,
        "optimizer": "sgd",
        "progress": "none",
    } | settings
    return reticnn.fit_classifier(model, data, augmentation=policy, **settings)


@pytest.mark.slow
def test_training_crops_to_the_models_size(folder):
    data, pixels = folder
    crop = augmentation(crop={"scale": (0.2, 1)})
    trained = fitted(data, crop)
    assert trained.augmentation == crop
    # At which size the files would be read does not matter.
    other = fitted(reticnn.image_folder(data.files[0][: -len("/a/0.png")]), crop)
    assert trained.history["loss"] == other.history["loss"]
    sized = fitted(data, augmentation(crop={"scale": (0.2, 1), "size": 24}))
    assert trained.history["loss"] == sized.history["loss"]
    arrays = np.stack([image[:35, :40] for image in pixels])
    arrays = reticnn.image_arrays(arrays, data.labels)
    assert arrays.image_shape == (35, 40, 3)
    assert len(fitted(arrays, crop, validation=0.3).history["val_loss"]) == 2


@pytest.mark.slow
def test_training_goes_on_from_a_checkpoint_with_a_crop(folder, tmp_path):
    data, _ = folder
    crop = augmentation(crop={"scale": (0.2, 1)}, flip="horizontal")
    whole = fitted(data, crop, epochs=3).history["loss"]
    fitted(data, crop, epochs=1, checkpoint_dir=tmp_path / "run")
    resumed = fitted(data, crop, epochs=3, checkpoint_dir=tmp_path / "run")
    assert resumed.history["loss"] == whole


@pytest.mark.slow
def test_test_time_augmentation_does_not_crop(folder):
    data, _ = folder
    cropping = fitted(data, augmentation(crop={"scale": (0.08, 0.1)}), epochs=1)
    plain = fitted(data, None, epochs=1)
    plain.model.set_weights(cropping.model.get_weights())
    cropping, plain = (
        reticnn.predict_images(one, data, tta=3)[".pred_a"] for one in (cropping, plain)
    )
    np.testing.assert_allclose(cropping, plain, atol=1e-6)


def test_sizes_that_the_model_does_not_take_are_refused(folder, refused):
    data, _ = folder
    with refused(ValueError, "augmentation", "20 x 20", "24 x 24"):
        fitted(data, augmentation(crop={"scale": (0.2, 1), "size": 20}))


# Settings


def test_crops_print_what_they_do():
    lines = {
        "8 to 100 % of the area, width / height 0.75 to 1.333, resized to 24 x 24 "
        "pixels": BY_AREA,
        "28 x 28 pixels of the image at a shorter side of 32 to 64": BY_SCALE,
        "50 % of the area, width / height 1, resized": {"scale": 0.5, "ratio": 1},
        "a window of its size of the image at a shorter side of 40": {
            "shorter_side": 40
        },
    }
    for text, crop in lines.items():
        assert repr(augmentation(crop=crop)).splitlines()[1] == f"crop     {text}"


def test_settings_are_kept_as_plain_data():
    config = augmentation(crop={"scale": (1, 0.5)}).to_config()["crop"]
    assert config == {"scale": [0.5, 1.0], "ratio": [3 / 4, 4 / 3], "size": None}
    config = augmentation(crop={"shorter_side": 40.0, "size": [20.0]}).to_config()
    assert config["crop"] == {"shorter_side": [40.0, 40.0], "size": [20, 20]}


@pytest.mark.parametrize(
    ("crop", "parts"),
    [
        ({"scale": 0}, ["`scale`", "above 0"]),
        ({"scale": (0.1, 1.5)}, ["`scale`", "at most 1", "1.5"]),
        ({"scale": float("nan")}, ["`scale`", "NA"]),
        ({"scale": "a"}, ["`scale`", "'a'"]),
        ({"scale": (0.1, 0.2, 0.3)}, ["`scale`", "one number or two"]),
        ({"ratio": 0}, ["`ratio`", "above 0"]),
        ({"ratio": (-1, 1)}, ["`ratio`", "above 0", "-1"]),
        ({"scale": 1, "size": 0}, ["`size`", "at least 1"]),
        ({"scale": 1, "size": 2.5}, ["`size`", "2.5"]),
        ({"scale": 1, "size": (1, 2, 3)}, ["`size`", "two"]),
        ({"shorter_side": 0}, ["`shorter_side`", "at least 1"]),
        ({"size": 24}, ["`size`", "`scale`", "`shorter_side`"]),
        ({"scale": 1, "shorter_side": 30}, ["together", "'scale', 'shorter_side'"]),
        ({"height": 0.5, "size": 30}, ["together"]),
        ({"area": 0.5}, ["'area'", "'scale'"]),
    ],
)
def test_bad_crops_are_refused(refused, crop, parts):
    with refused((ValueError, TypeError), "crop", *parts):
        augmentation(crop=crop)


def test_a_window_that_does_not_fit_is_refused(refused):
    image = photo(20, 30)
    with refused(ValueError, "crop", "24 x 24", "20 x 30", "shorter side of 22"):
        augment(image, crop={"shorter_side": (22, 40), "size": 24})
    with refused(ValueError, "crop", "20 x 30", "shorter side of 12"):
        augment(image, crop={"shorter_side": 12})
