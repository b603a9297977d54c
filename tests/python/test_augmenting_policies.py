"""Policies that draw operations for each image, and what their operations do."""


import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from reticnn import rand_augment
from reticnn.augmenting import host


def photos(n=8, size=24, channels=3, seed=1):
    """Smooth random images that use part of the range, as photos do."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(30, 220, (n, 6, 6, channels)).astype("uint8")
    return np.stack(
        [
            np.asarray(
                Image.fromarray(image.squeeze()).resize((size, size), Image.BICUBIC)
            ).reshape(size, size, channels)
            for image in coarse
        ]
    )


def applied(policy, images, seed=3, epoch=0):
    """What the policy makes of images."""
    return host.apply(policy, images, seed, epoch, np.arange(len(images)))


def once(operation, magnitude=10.0, **settings):
    """A policy that does one operation to every image."""
    return rand_augment(1, magnitude, operations=operation, **settings)


def by_pillow(function, images):
    """What Pillow makes of images."""
    return np.stack(
        [
            np.asarray(function(Image.fromarray(image.squeeze()))).reshape(image.shape)
            for image in images
        ]
    )


def worst(first, second):
    """The greatest difference between pixels."""
    return np.abs(first.astype(int) - second.astype(int)).max()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("operation", "magnitude", "pillow"),
    [
        ("posterize", 10, lambda image: ImageOps.posterize(image, 4)),
        ("posterize", 5, lambda image: ImageOps.posterize(image, 6)),
        ("solarize", 5, lambda image: ImageOps.solarize(image, 128)),
        ("solarize", 10, lambda image: ImageOps.solarize(image, 0)),
        ("invert", 0, ImageOps.invert),
        ("equalize", 0, ImageOps.equalize),
        (
            "solarize_add",
            5,
            lambda image: image.point(
                [min(v + 55 * (v < 128), 255) for v in range(256)]
                * len(image.getbands())
            ),
        ),
    ],
)
def test_tables_are_those_of_pillow(operation, magnitude, pillow, channels):
    images = photos(channels=channels)
    assert (
        worst(applied(once(operation, magnitude), images), by_pillow(pillow, images))
        == 0
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_autocontrast_is_that_of_pillow_within_a_step(channels):
    images = photos(channels=channels)
    changed = applied(once("autocontrast"), images)
    assert worst(changed, by_pillow(ImageOps.autocontrast, images)) <= 1
    assert changed.min() == 0
    assert changed.max() == 255


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("magnitude", [2, 9])
@pytest.mark.parametrize(
    ("operation", "enhancer", "tolerance"),
    [
        ("brightness", ImageEnhance.Brightness, 1),
        ("contrast", ImageEnhance.Contrast, 2),
        ("color", ImageEnhance.Color, 2),
        ("sharpness", ImageEnhance.Sharpness, 1),
    ],
)
def test_enhancements_are_those_of_pillow(
    operation, enhancer, tolerance, magnitude, channels
):
    images = photos(channels=channels)
    changed = applied(once(operation, magnitude), images)
    weaker, stronger = (
        by_pillow(
            lambda image, f=1 + sign * 0.09 * magnitude: enhancer(image).enhance(f),
            images,
        )
        for sign in (-1, 1)
    )
    close = [
        min(worst(one, low), worst(one, high)) <= tolerance
        for one, low, high in zip(changed, weaker, stronger, strict=True)
    ]
    assert all(close)
    if (operation, channels) != ("color", 1):
        lower = [
            worst(one, low) <= tolerance
            for one, low in zip(changed, weaker, strict=True)
        ]
        assert 0 < sum(lower) < len(images)


def test_flat_images_have_nothing_to_equalize():
    images = np.full((2, 8, 8, 3), 77, "uint8")
    images[1, :, :, 0] = 3
    for operation in ("equalize", "autocontrast", "sharpness"):
        np.testing.assert_array_equal(applied(once(operation), images), images)
    tiny = photos(3, size=2)
    np.testing.assert_array_equal(applied(once("sharpness"), tiny), tiny)
