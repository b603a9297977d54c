"""Policies that draw operations for each image, and what their operations do."""

import json
import pickle

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from reticnn import (
    auto_augment,
    build_cnn,
    fit_classifier,
    load_classifier,
    rand_augment,
    save_classifier,
    shape_images,
    trivial_augment,
)
from reticnn.augmenting import host
from reticnn.augmenting.autoaugment import OPERATIONS
from reticnn.augmenting.autoaugment_tables import AUTO_AUGMENT
from reticnn.augmenting.policy import Policy


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


def drawn(policy, count, size=(40, 80, 3), seed=5):
    """The parameters of each pass for many images."""
    return policy.draw(np, seed, 0, np.arange(count), size)


def test_geometric_operations_go_as_far_as_they_say():
    ends = {
        "rotate": (1, np.sin(np.pi / 6)),
        "shear_x": (1, 0.3),
        "shear_y": (3, 0.3),
        "translate_x": (2, 80 * 150 / 331),
        "translate_y": (5, 40 * 150 / 331),
    }
    identity = np.array([1, 0, 0, 0, 1, 0])
    for name, (column, end) in ends.items():
        (parameters,) = drawn(once(name), 400)
        values = parameters["warp"][:, column]
        np.testing.assert_allclose(np.abs(values), end, rtol=1e-5)
        assert 0.4 < (values > 0).mean() < 0.6
        if name != "rotate":
            others = np.delete(parameters["warp"] - identity, column, axis=1)
            np.testing.assert_array_equal(others, 0)


def test_trivial_augment_reaches_the_wide_space():
    (parameters,) = drawn(trivial_augment(), 20_000, size=(64, 64, 3))
    assert np.abs(parameters["warp"][:, 2]).max() >= 32
    assert np.abs(parameters["warp"][:, 1]).max() == pytest.approx(0.99, abs=0.02)
    factors = np.unique(parameters["sharpness"].round(4))
    assert len(factors) == 2 * 31 - 1
    assert factors.min() == pytest.approx(0.01)
    assert factors.max() == pytest.approx(1.99)
    steps = {
        len(np.unique(table)) for table in np.unique(parameters["lut_table"], axis=0)
    }
    assert {4, 8, 16, 32, 64, 128, 256} <= steps


def test_operations_are_drawn_evenly_and_for_each_pass_anew():
    passes = drawn(rand_augment(3), 14_000)
    kinds = np.stack([parameters["lut"] for parameters in passes])
    for sources in kinds:
        shares = np.bincount(sources, minlength=4) / len(sources) * 14
        np.testing.assert_allclose(shares, [10, 2, 1, 1], atol=0.3)
    both = ((kinds[0] == 3) & (kinds[1] == 3)).mean()
    assert both == pytest.approx(1 / 14**2, abs=0.003)


def test_probability_and_spread_of_the_magnitude():
    policy = rand_augment(
        1, 5, magnitude_std=1, probability=0.5, operations=["shear_x"]
    )
    (parameters,) = drawn(policy, 20_000)
    shears = np.abs(parameters["warp"][:, 1])
    assert (shears == 0).mean() == pytest.approx(0.5, abs=0.02)
    magnitudes = shears[shears > 0] / 0.03
    assert magnitudes.mean() == pytest.approx(5, abs=0.05)
    assert magnitudes.std() == pytest.approx(1, abs=0.05)
    (parameters,) = drawn(once("shear_x", 10, magnitude_std=3.0), 2000)
    assert np.abs(parameters["warp"][:, 1]).max() == pytest.approx(0.3)


@pytest.mark.parametrize("name", ["cifar10", "imagenet", "svhn"])
def test_published_tables_are_whole(name):
    rows = AUTO_AUGMENT[name]
    assert len(rows) == 25
    for operation, probability, magnitude in [part for row in rows for part in row]:
        assert operation in OPERATIONS
        assert 0 <= probability <= 1
        without = operation in ("invert", "equalize", "autocontrast")
        assert magnitude is None if without else magnitude in range(10)


def test_published_tables_have_the_papers_rows():
    assert AUTO_AUGMENT["cifar10"][1] == (("rotate", 0.7, 2), ("translate_x", 0.3, 9))
    assert AUTO_AUGMENT["imagenet"][0] == (("posterize", 0.4, 8), ("rotate", 0.6, 9))
    assert AUTO_AUGMENT["svhn"][-1] == (("shear_x", 0.7, 2), ("invert", 0.1, None))


@pytest.mark.parametrize("name", ["cifar10", "imagenet", "svhn"])
def test_auto_augment_follows_its_table(name):
    """Pairs are drawn evenly, and each part is done as often as its probability."""
    count = 50_000
    passes = drawn(auto_augment(name), count)
    equalized = [parameters["lut"] == 3 for parameters in passes]
    expected = np.array(
        [
            [part[1] * (part[0] == "equalize") for part in row]
            for row in AUTO_AUGMENT[name]
        ]
    )
    np.testing.assert_allclose(
        [on.mean() for on in equalized], expected.mean(axis=0), atol=0.01
    )
    both = (equalized[0] & equalized[1]).mean()
    assert both == pytest.approx(expected.prod(axis=1).mean(), abs=0.01)


POLICIES = [
    rand_augment(),
    rand_augment(3, 4.5, magnitude_std=0.5, probability=0.7, operations=OPERATIONS),
    trivial_augment(),
    auto_augment("cifar10"),
    auto_augment("svhn"),
]


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.kind)
def test_policies_can_be_written_down_and_read_again(policy):
    read = Policy.from_config(json.loads(json.dumps(policy.to_config())))
    assert read == policy == pickle.loads(pickle.dumps(policy))
    assert hash(read) == hash(policy)
    assert policy
    images = photos()
    np.testing.assert_array_equal(applied(read, images), applied(policy, images))


def test_settings_of_length_one_may_come_from_r_as_scalars():
    policy = rand_augment(operations=["rotate"])
    config = {**policy.to_config(), "operations": "rotate", "n": 2.0}
    again = Policy.from_config(config)
    assert again == policy
    np.testing.assert_array_equal(applied(again, photos()), applied(policy, photos()))


@pytest.mark.parametrize(
    ("config", "argument", "parts"),
    [
        ({"policy": "rand_augment", "operations": "rotat"}, "operations", ["'rotate'"]),
        ({"policy": "rand_augment", "magnitude": 11}, "magnitude", ["at most 10"]),
        ({"policy": "rand_augment", "times": 2}, "config", ["rand_augment", "'times'"]),
        ({"policy": "trivial_augment", "n": 2}, "config", ["trivial_augment", "'n'"]),
        ({"policy": "auto_augment", "name": "mnist"}, "name", ["'cifar10'"]),
    ],
)
def test_bad_settings_from_a_file_are_refused(refused, config, argument, parts):
    with refused(ValueError, argument, *parts):
        Policy.from_config(config)


def test_a_classifier_keeps_its_policy(tmp_path):
    data = shape_images(20, image_size=8, seed=1)
    model = build_cnn((8, 8, 3), n_blocks=1, filters=2, units=4)
    policy = rand_augment(magnitude_std=0.5)
    fitted = fit_classifier(model, data, epochs=1, augmentation=policy)
    save_classifier(fitted, tmp_path / "shapes.reticnn")
    assert load_classifier(tmp_path / "shapes.reticnn").augmentation == policy


def test_different_policies_differ():
    assert len({str(policy.to_config()) for policy in POLICIES}) == len(POLICIES)
    assert rand_augment() != rand_augment(magnitude=8)
    assert rand_augment() != trivial_augment()


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.kind)
def test_shape_type_and_range_stay_and_only_the_place_matters(policy, channels, dtype):
    images = photos(40, channels=channels).astype(dtype)
    given = images.copy()
    changed = applied(policy, images)
    assert changed.shape == images.shape
    assert changed.dtype == images.dtype
    assert changed.min() >= 0
    assert changed.max() <= 255
    np.testing.assert_array_equal(images, given)
    np.testing.assert_array_equal(changed, applied(policy, images))
    one = host.apply(policy, images[7:8], 3, 0, np.array([7]))
    np.testing.assert_array_equal(one[0], changed[7])
    assert (changed != applied(policy, images, epoch=1)).any()
    assert (changed != applied(policy, images, seed=4)).any()


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.kind)
def test_floats_and_bytes_come_out_alike(policy):
    images = photos(60)
    whole = applied(policy, images).astype("float32")
    difference = np.abs(applied(policy, images.astype("float32")) - whole)
    assert np.median(difference) <= 0.5
    # What is equalized or posterized after a rounding can be a step away.
    assert (difference > 3).mean() < 0.1


def test_floats_that_nothing_is_done_to_keep_their_fractions():
    images = photos().astype("float32") + 0.25
    policy = rand_augment(probability=0.0)
    assert not policy
    np.testing.assert_array_equal(applied(policy, images), images)
    for operation in ("equalize", "rotate", "contrast", "sharpness", "invert"):
        policy = rand_augment(1, operations=["identity", operation])
        kept = (applied(policy, images) == images).all(axis=(1, 2, 3))
        assert 0 < kept.sum() < len(images)


def test_grey_images_have_no_colour_to_change():
    assert not drawn(once("color"), 5, size=(8, 8, 1))[0]
    images = photos(channels=1)
    np.testing.assert_array_equal(applied(once("color"), images), images)


@pytest.mark.parametrize(
    ("policy", "title"),
    [
        (
            rand_augment(magnitude_std=0.5, probability=0.5),
            "<Policy> rand_augment, twice to each image one of 14 operations",
        ),
        (
            trivial_augment(),
            "<Policy> trivial_augment, once to each image one of 14 operations",
        ),
        (
            auto_augment("svhn"),
            "<Policy> auto_augment, to each image one of 25 pairs of operations",
        ),
    ],
)
def test_policies_say_what_they_do(policy, title):
    lines = repr(policy).splitlines()
    assert lines[0] == title
    assert "shear_x" in lines[-2]
    assert lines[-1].split() == ["outside", "constant", "128"]


def test_settings_of_rand_augment_are_said():
    text = repr(rand_augment(magnitude_std=0.5, probability=0.5))
    assert "9 of 10, with a standard deviation of 0.5" in text
    assert "0.5 each time" in text


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rand_augment(0), "`n` must be a whole number of at least 1"),
        (lambda: rand_augment(2, 28), "`magnitude` must be .* at most 10, not 28"),
        (lambda: rand_augment(magnitude_std=-1), "`magnitude_std`"),
        (lambda: rand_augment(probability=1.5), "`probability`"),
        (lambda: rand_augment(operations=["rotat"]), "Did you mean 'rotate'"),
        (lambda: rand_augment(operations=[]), "`operations` must hold at least one"),
        (lambda: auto_augment("cifar"), "`name` must be one of .*'cifar10'"),
    ],
)
def test_wrong_settings_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.kind)
def test_images_of_many_channels_are_refused(policy):
    with pytest.raises(ValueError, match=rf"{policy.kind}\(\).*not 5"):
        applied(policy, np.zeros((1, 8, 8, 5), "uint8"))
