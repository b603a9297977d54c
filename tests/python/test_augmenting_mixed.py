"""The policies of AugMix and 3-Augment."""

import json
import pickle

import numpy as np
import pytest
from keras import ops
from PIL import Image, ImageOps

from reticnn import (
    aug_mix,
    augment,
    augmentation,
    augmentation_layer,
    build_cnn,
    fit_classifier,
    load_classifier,
    rand_augment,
    save_classifier,
    shape_images,
    three_augment,
)
from reticnn.augmenting import Policy, host

POLICIES = [
    aug_mix(),
    aug_mix(2, 1, 1, alpha=0.2, all_ops=True),
    three_augment(),
    three_augment(0, padding=0),
]


def photos(n=12, channels=3, height=20, width=24):
    """Smooth images of whole numbers that stay clear of 0 and 255."""
    coarse = np.random.default_rng(1).uniform(30, 220, (n, 5, 6, channels))
    images = ops.image.resize(coarse, (height, width), data_format="channels_last")
    return np.rint(ops.convert_to_numpy(images)).astype("uint8")


@pytest.mark.parametrize("policy", POLICIES, ids=str)
@pytest.mark.parametrize("channels", [1, 3])
def test_both_engines_do_the_same(policy, channels):
    images = photos(40, channels).astype("float32") + 0.25
    layer = augmentation_layer(policy, seed=5)
    on_device = ops.convert_to_numpy(layer(images, training=True))
    expected = augment(images, policy, seed=5)
    difference = np.abs(on_device - expected)
    # A table after a warp can make a step of a 32nd of a pixel.
    assert difference.mean() < 0.5
    assert (difference < 0.1).mean() > 0.7
    assert np.abs(expected - images).mean() > 3


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_each_image_has_its_own_numbers(policy):
    images = photos(30)
    whole = host.apply(policy, images, 3, 1, np.arange(30))
    for some in ([4], [7, 2, 29], list(range(11, 30))):
        part = host.apply(policy, images[some], 3, 1, np.array(some), threads=2)
        assert (part == whole[some]).all()
    assert (host.apply(policy, images, 3, 2, np.arange(30)) != whole).any()
    assert whole.dtype == np.uint8 and (images == photos(30)).all()


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_policies_are_kept_as_plain_data(policy):
    again = Policy.from_config(json.loads(json.dumps(policy.to_config())))
    assert again == policy == pickle.loads(pickle.dumps(policy))
    assert repr(again) == repr(policy)
    both = [augmentation(crop=(16, 16)), policy, rand_augment(1)]
    images = photos(4)
    first = augment(images, both, seed=1)
    assert first.shape == (4, 16, 16, 3)
    assert (first == augment(images, both, seed=1)).all()


def test_policies_print_what_they_do():
    assert repr(aug_mix()).splitlines() == [
        "<Policy> aug_mix, each image mixed with versions of 1 to 3 operations",
        "mixed       3 versions, with weights of alpha 1",
        "magnitude   0.1 to 3 of 10",
        "operations  autocontrast, equalize, posterize, rotate, solarize, shear_x, "
        "shear_y, translate_x, translate_y",
        "outside     constant 0",
    ]
    assert repr(three_augment()).splitlines() == [
        "<Policy> three_augment",
        "flip     horizontal, for half of the images",
        "moved    up to 4 pixels in each direction",
        "one of   grey, solarized from 128 upwards, blurred with sigma 0.1 to 2 pixels",
        "jitter   brightness, contrast, colour times 0.7 to 1.3",
        "outside  reflect",
    ]


# AugMix


@pytest.mark.parametrize("alpha", [0.1, 0.3, 1, 5, 100])
def test_weights_are_those_of_dirichlet_and_beta(alpha):
    policy = aug_mix(alpha=alpha)
    (drawn,) = policy.draw(np, 1, 0, np.arange(20_000), (8, 8, 3))
    weights = drawn["mixture"]
    assert weights.shape == (20_000, 4) and (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-5)
    rng = np.random.default_rng(1)
    share = rng.beta(alpha, alpha, 20_000)
    chains = rng.dirichlet([alpha] * 3, 20_000)
    of_chains = weights[:, 1:] / np.maximum(weights[:, 1:].sum(1, keepdims=True), 1e-30)
    kept = weights[:, 0] < 0.999
    for found, wanted in (
        (weights[:, 0], share),
        *zip(of_chains[kept].T, chains.T, strict=True),
    ):
        # As shares below each level, since most weights are near 0 or 1.
        levels = np.linspace(0.001, 0.999, 30)
        below = [
            np.searchsorted(np.sort(some), levels) / len(some)
            for some in (found, wanted)
        ]
        assert np.abs(below[0] - below[1]).max() < 0.03


def test_a_mixture_is_the_average_of_its_chains():
    policy = aug_mix(2, 2)
    images = photos(20).astype("float32") + 0.25
    positions = np.arange(20)
    (parts,) = policy.parts(3)
    (drawn,) = policy.draw(np, 3, 0, positions, images.shape[1:])
    ((_, constants),) = parts.items()
    mixed = images * drawn["mixture"][:, 0, None, None, None]
    for chain, passes in enumerate(constants["chains"]):
        changed = images
        for number, own_parts in enumerate(passes):
            start = f"{chain}.{number}."
            own = {
                name[len(start) :]: values
                for name, values in drawn.items()
                if name.startswith(start)
            }
            changed = host.apply_passes([own_parts], [own], changed, changed.shape[1:])
        mixed += changed * drawn["mixture"][:, chain + 1, None, None, None]
    np.testing.assert_allclose(augment(images, policy, seed=3), mixed, atol=0.01)


def test_chains_are_as_long_as_drawn_and_of_all_operations():
    policy = aug_mix(1, 3, 1)
    (drawn,) = policy.draw(np, 1, 0, np.arange(6000), (30, 30, 3))
    identity = np.array([1, 0, 0, 0, 1, 0])
    done = [
        (drawn[f"0.{step}.lut"] > 0)
        | (np.abs(drawn[f"0.{step}.warp"] - identity) > 1e-6).any(axis=1)
        for step in range(3)
    ]
    shares = np.mean(done, axis=1)
    np.testing.assert_allclose(shares, [1, 2 / 3, 1 / 3], atol=0.03)
    assert not (done[2] & ~done[1]).any()
    warp = drawn["0.0.warp"]
    # Shears up to 0.3, and shifts up to a third of the side.
    assert 0.45 < np.abs(warp[:, 1]).max() <= 0.51  # a rotation by 30 degrees
    moved = np.abs(warp[np.abs(warp[:, [0, 4]] - 1).max(axis=1) < 1e-6][:, 2])
    assert 9.5 < moved.max() <= 10.01


def test_posterizing_keeps_4_bits_at_most():
    policy = aug_mix(1, 1, 0.3)
    (drawn,) = policy.draw(np, 1, 0, np.arange(4000), (8, 8, 3))
    tables = drawn["0.0.lut_table"]
    values = np.array([len(np.unique(table)) for table in tables])
    posterized = values < 100
    assert set(values[posterized]) == {8, 16}
    assert 0.1 < (values[posterized] == 8).mean() < 0.25


# 3-Augment


def test_the_three_changes_are_those_of_pillow():
    images = photos(60, height=24, width=24)
    policy = three_augment(0, padding=0)
    changed = augment(images, policy, seed=1)
    drawn = policy._draws.numbers(np, 1, 0, np.arange(60))
    assert {0, 1, 2} == set(np.floor(drawn["choice"] * 3))
    for image, result, flip, choice in zip(
        images, changed, drawn["flip"], np.floor(drawn["choice"] * 3), strict=True
    ):
        pillow = Image.fromarray(image)
        if flip < 0.5:
            pillow = ImageOps.mirror(pillow)
        if choice == 0:
            wanted = np.asarray(pillow.convert("L"))[..., None]
        elif choice == 1:
            wanted = np.asarray(ImageOps.solarize(pillow, 128))
        else:
            # The mean stays as it is, and neighbours become more alike.
            assert abs(result.mean() - image.mean()) < 2
            continue
        assert np.abs(result.astype(int) - wanted).max() <= 1


def test_jitter_is_that_of_pillow_in_its_order():
    from PIL import ImageEnhance

    images = photos(6) // 3 + 80
    jittered = three_augment(0.2, padding=0)
    before = augment(images, three_augment(0, padding=0), seed=1)
    drawn = jittered._draws.numbers(np, 1, 0, np.arange(6))
    for image, result, *factors in zip(
        before,
        augment(images, jittered, seed=1),
        drawn["brightness"],
        drawn["contrast"],
        drawn["saturation"],
        strict=True,
    ):
        pillow = Image.fromarray(image)
        makers = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)
        for maker, factor in zip(makers, factors, strict=True):
            pillow = maker(pillow).enhance(factor)
        wanted = np.asarray(pillow).astype(int)
        # Pillow cuts values off after each step.
        inside = (wanted > 3) & (wanted < 252) & (result > 3) & (result < 252)
        assert inside.mean() > 0.5
        assert np.quantile(np.abs(result - wanted)[inside], 0.9) <= 4


def test_images_are_moved_by_whole_pixels():
    policy = three_augment(0, padding=3)
    (drawn,) = policy.draw(np, 1, 0, np.arange(2000), (20, 24, 3))
    shifts = drawn["warp"][:, [2, 5]]
    flipped = drawn["warp"][:, 0] < 0
    shifts[flipped, 0] -= 23
    whole = np.rint(shifts)
    np.testing.assert_allclose(shifts, whole, atol=1e-4)
    assert set(whole.ravel()) == {-3, -2, -1, 0, 1, 2, 3}
    assert 0.45 < flipped.mean() < 0.55


# In classifiers


@pytest.mark.slow
@pytest.mark.parametrize("policy", [aug_mix(), three_augment()], ids=str)
def test_a_classifier_keeps_its_policy(policy, tmp_path):
    data = shape_images(24, image_size=16, seed=1)
    model = build_cnn((16, 16, 3), n_blocks=1, filters=2, units=4)
    classifier = fit_classifier(
        model, data, epochs=1, augmentation=policy, progress="none", seed=1
    )
    path = save_classifier(classifier, tmp_path / "shapes.reticnn")
    assert load_classifier(path).augmentation == policy


# Bad input


@pytest.mark.parametrize(
    ("make", "settings", "parts"),
    [
        (aug_mix, {"num_chains": 0}, ["at least 1"]),
        (aug_mix, {"num_chains": 1.5}, ["whole number"]),
        (aug_mix, {"chain_depth": 11}, ["at most 10"]),
        (aug_mix, {"factor": 0}, ["at least 0.01"]),
        (aug_mix, {"factor": float("nan")}, ["NA"]),
        (aug_mix, {"alpha": 0}, ["at least 0.1"]),
        (aug_mix, {"alpha": "a"}, ["'a'"]),
        (aug_mix, {"all_ops": 1}, ["True"]),
        (three_augment, {"color_jitter": 1}, ["below 1"]),
        (three_augment, {"color_jitter": (0, 1)}, ["number"]),
        (three_augment, {"padding": -1}, ["at least 0"]),
        (three_augment, {"padding": "4"}, ["'4'"]),
    ],
)
def test_bad_settings_are_refused(refused, make, settings, parts):
    with refused((ValueError, TypeError), next(iter(settings)), *parts):
        make(**settings)


def test_images_that_do_not_fit_are_refused(refused):
    for make in (aug_mix, three_augment):
        for channels in (4, 13):
            with refused(ValueError, f"{make.__name__}()", f"not {channels}"):
                augment(np.zeros((2, 8, 8, channels), "uint8"), make())
    with refused(ValueError, "padding", "at most", "not 9"):
        augment(np.zeros((2, 8, 30, 3), "uint8"), three_augment(padding=9))
