"""Operations that do what cameras and files do, against other packages."""

import io

import cv2
import numpy as np
import pytest
from keras import ops
from other_augmenters import in_peer
from PIL import Image

from reticnn import augment, augmentation, augmentation_layer


def photos(n=12, channels=3, height=20, width=24):
    """Smooth images of whole numbers, as photos are."""
    coarse = np.random.default_rng(1).uniform(20, 230, (n, 5, 6, channels))
    images = ops.image.resize(coarse, (height, width), data_format="channels_last")
    return np.rint(ops.convert_to_numpy(images)).astype("uint8")


def drawn(policy, name, n=12):
    return policy._draws.numbers(np, 1, 0, np.arange(n))[name]


def worst(first, second):
    return np.abs(first.astype("float64") - second).max()


# JPEG


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("quality", [5, 50, 95])
def test_jpeg_is_that_of_pillow(quality, channels):
    images = photos(4, channels)
    changed = augment(images, jpeg_compression=quality, seed=1)
    for image, result in zip(images, changed, strict=True):
        file = io.BytesIO()
        Image.fromarray(image.squeeze()).save(file, "jpeg", quality=quality)
        wanted = np.asarray(Image.open(file)).reshape(image.shape)
        assert worst(result, wanted) <= 2
    as_floats = augment(images + np.float32(0.25), jpeg_compression=quality, seed=1)
    assert worst(as_floats, changed) == 0


def test_a_worse_quality_is_farther_from_the_image():
    images = photos(8)
    apart = [
        np.abs(augment(images, jpeg_compression=quality).astype(float) - images).mean()
        for quality in (2, 20, 95)
    ]
    assert apart[0] > 2 * apart[1] > 4 * apart[2] > 0


def test_qualities_are_drawn_evenly_from_the_first_to_the_last():
    policy = augmentation(jpeg_compression=(98, 100))
    (parameters,) = policy.draw(np, 1, 0, np.arange(3000), (8, 8, 3))
    counts = np.bincount(parameters["jpeg"])
    assert counts.sum() == 3000 and counts[98:].min() > 900


def test_a_layer_refuses_jpeg_by_name(refused):
    jpeg = augmentation(jpeg_compression=50)
    for policy in (jpeg, [augmentation(flip="horizontal"), jpeg]):
        with refused(ValueError, "policy", "`jpeg_compression`", "`augment()`"):
            augmentation_layer(policy)


# Motion


def test_motion_is_an_average_along_a_line():
    image = np.zeros((1, 21, 21, 1), "float32")
    image[0, 10, 10] = 210.5
    for seed in range(20):
        policy = augmentation(motion_blur=(7, 7))
        (result,) = augment(image, policy, seed=seed)[..., 0]
        angle = policy._draws.numbers(np, seed, 0, np.arange(1))["motion_angle"][0]
        steps = np.arange(-3, 4)
        points = np.rint(np.outer(steps, [np.sin(angle), np.cos(angle)])).astype(int)
        points = np.unique(points, axis=0) + 10
        wanted = np.zeros((21, 21))
        wanted[tuple(points.T)] = 210.5 / len(points)
        np.testing.assert_allclose(result, wanted, atol=1e-3)


@pytest.mark.slow
def test_motion_is_that_of_albumentations(tmp_path):
    images = photos(6)
    policy = augmentation(motion_blur=(5, 5))
    degrees = np.degrees(drawn(policy, "motion_angle", 6).astype(float))
    expected = in_peer(
        tmp_path,
        "albumentations",
        "import cv2, random\n"
        "from albumentations.augmentations.blur.functional import "
        "create_motion_kernel\n"
        "result = []\n"
        "for image, angle in zip(given['x'], given['angle']):\n"
        "    kernel = create_motion_kernel(5, angle, 0.0, False, random.Random(1))\n"
        "    kernel = (kernel / kernel.sum()).astype('float32')\n"
        "    result.append(cv2.filter2D(image, -1, kernel))\n"
        "result = np.stack(result)",
        x=images,
        angle=degrees,
    )
    assert worst(augment(images, policy, seed=1), expected) <= 1


# Downscaling


@pytest.mark.parametrize("scale", [0.05, 0.3, 0.5, 0.77, 1])
def test_downscaling_is_that_of_opencv(scale):
    images = photos(4, height=23, width=31)
    changed = augment(images, downscaling=scale, seed=1)
    tall, wide = (max(1, round(scale * side)) for side in (23, 31))
    for image, result in zip(images, changed, strict=True):
        small = cv2.resize(image, (wide, tall), interpolation=cv2.INTER_AREA)
        wanted = cv2.resize(small, (31, 23), interpolation=cv2.INTER_NEAREST)
        assert (np.abs(result.astype(int) - wanted) == 0).mean() > 0.99
    assert len(np.unique(changed[0, :, 0, 0])) <= tall


# Colour


def test_light_is_that_of_its_temperature():
    images = photos(12)
    warm = augment(images, color_temperature=3500).astype(float)
    cold = augment(images, color_temperature=14000).astype(float)
    assert (warm[..., 0] >= images[..., 0]).all()
    assert (warm[..., 2] < images[..., 2]).all()
    assert (cold[..., 0] < images[..., 0]).all()
    assert (warm[..., 1] == images[..., 1]).all()
    daylight = augment(images, color_temperature=6500)
    assert worst(daylight, images) < 15


@pytest.mark.slow
def test_light_is_that_of_albumentations(tmp_path):
    images = photos(12)
    policy = augmentation(color_temperature=(3000, 15000))
    expected = in_peer(
        tmp_path,
        "albumentations",
        "from albumentations.augmentations.pixel.functional import planckian_jitter\n"
        "result = np.stack([\n"
        "    planckian_jitter(image, kelvin, 'blackbody')\n"
        "    for image, kelvin in zip(given['x'], given['kelvin'])\n"
        "])",
        x=images,
        kelvin=drawn(policy, "color_temperature").astype(float),
    )
    assert worst(augment(images, policy, seed=1), expected) <= 1


def test_channels_are_put_in_each_order_equally_often():
    images = np.zeros((3000, 1, 1, 3), "uint8") + np.array([10, 20, 30], "uint8")
    changed = augment(images, channel_shuffle=1, seed=1)[:, 0, 0]
    orders, counts = np.unique(changed, axis=0, return_counts=True)
    assert len(orders) == 6 and counts.min() > 430
    assert (np.sort(changed, axis=1) == [10, 20, 30]).all()


def test_colours_are_put_in_order_and_lit_after_they_are_changed():
    images = photos(12) // 3 + 70
    before = augment(images, color_jitter=0.1, grayscale=0.3, seed=1)
    policies = {"channel_shuffle": 1, "color_temperature": (4000, 9000)}
    at_once = augment(images, color_jitter=0.1, grayscale=0.3, seed=1, **policies)
    assert np.abs(at_once.astype(int) - augment(before, seed=1, **policies)).max() <= 2


# All of them


@pytest.mark.parametrize("channels", [2, 13, 150])
def test_any_number_of_channels_is_blurred_and_made_coarse(channels):
    images = photos(3, channels)
    operations = {"motion_blur": 5, "downscaling": 0.4}
    changed = augment(images, **operations, seed=1)
    for channel in (0, channels - 1):
        alone = augment(images[..., channel, None], **operations, seed=1)
        assert worst(alone[..., 0], changed[..., channel]) <= 1


@pytest.mark.parametrize(
    "name", ["jpeg_compression", "color_temperature", "channel_shuffle"]
)
def test_what_is_about_colours_refuses_other_channels(refused, name):
    for channels in (2, 4, 13):
        with refused(ValueError, name, f"not {channels}"):
            augment(
                photos(2, channels),
                **{
                    name: {"jpeg_compression": 50}.get(name, 1)
                    if name != "color_temperature"
                    else 5000
                },
            )


@pytest.mark.parametrize(
    ("operation", "parts"),
    [
        ({"jpeg_compression": 0}, ["at least 1"]),
        ({"jpeg_compression": 101}, ["at most 100"]),
        ({"jpeg_compression": 50.5}, ["whole number"]),
        ({"jpeg_compression": "bad"}, ["'bad'"]),
        ({"motion_blur": 4}, ["odd", "Use 5"]),
        ({"motion_blur": 1}, ["at least 3"]),
        ({"motion_blur": {"length": 5}}, ["'length'", "kernel_size"]),
        ({"downscaling": 0}, ["at least 0.01"]),
        ({"downscaling": 2}, ["at most 1"]),
        ({"downscaling": (0.5, float("nan"))}, ["NA"]),
        ({"color_temperature": 300}, ["at least 3000"]),
        ({"color_temperature": {"probability": -1}}, ["`probability`"]),
        ({"channel_shuffle": 2}, ["at most 1"]),
        ({"channel_shuffle": True}, ["True"]),
    ],
)
def test_bad_settings_are_refused(refused, operation, parts):
    with refused((ValueError, TypeError), next(iter(operation)), *parts):
        augmentation(**operation)
