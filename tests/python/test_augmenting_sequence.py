"""Policies in sequence."""

import json
import pickle

import numpy as np
import pytest

from reticnn import (
    augment,
    augmentation,
    augmentation_layer,
    load_classifier,
    rand_augment,
    save_classifier,
)
from reticnn.augmenting import Policy, host
from reticnn.augmenting.sequence import as_policy

CROP = augmentation(crop=(12, 10), flip="horizontal")
RAND = rand_augment(2, 7)
ERASE = augmentation(erasing=1.0)


@pytest.fixture(scope="module")
def images():
    """Images of noise, 16 x 14 pixels."""
    return np.random.default_rng(1).integers(0, 256, (20, 16, 14, 3), dtype="uint8")


def test_each_policy_changes_what_the_one_before_gives(images):
    still = augmentation(flip="horizontal")
    middle = augmentation(crop=(8, 8))
    both = augment(images, [middle, still], seed=3)
    once = augment(images, middle, seed=3)
    either = [
        (one == cropped).all() or (one == cropped[:, ::-1]).all()
        for one, cropped in zip(both, once, strict=True)
    ]
    assert all(either)
    assert 0 < (both != once).any(axis=(1, 2, 3)).mean() < 1


@pytest.mark.parametrize("channels", [1, 3, 4, 5])
@pytest.mark.parametrize("side", [20, 140])
def test_images_are_moved_and_coloured_where_they_are(channels, side):
    shape = (3, side, side, channels)
    images = np.random.default_rng(1).integers(0, 256, shape, dtype="uint8")
    before = images.copy()
    first = augmentation(rotation=0.1)
    second = augmentation(shear=0.2, fill_mode="nearest")
    policies = [first, second]
    if channels in (1, 3):
        policies.append(augmentation(color_jitter=0.2))
    policy = as_policy(policies)
    drawn = policy.draw(np, 1, 0, np.arange(3), shape[1:])
    expected = images
    for parts, parameters in zip(policy.parts(channels), drawn, strict=True):
        given, expected = expected, np.empty_like(expected)
        host._one_pass(parts, given, parameters, expected)
    np.testing.assert_array_equal(augment(images, policies, seed=1), expected)
    np.testing.assert_array_equal(images, before)


def test_settings_are_those_of_each_policy(images):
    out = {"translation": {"height_factor": (0.5, 0.5), "width_factor": (0, 0)}}
    policies = [
        augmentation(**out, fill_mode="constant", fill_value=7),
        augmentation(**out, fill_mode="nearest"),
        augmentation(erasing={"fill_value": 9, "scale": (0.3, 0.3)}),
        augmentation(erasing={"fill_value": 99, "scale": (0.3, 0.3)}),
    ]
    changed = augment(images, policies[:2], seed=1)
    assert (changed == 7).all()
    erased = augment(images, policies[2:], seed=1)
    assert ((erased == 9).sum(axis=(1, 2, 3)) > 90).any()
    assert ((erased == 99).sum(axis=(1, 2, 3)) > 90).all()


def test_two_policies_of_one_kind_do_not_share_draws():
    policy = as_policy([augmentation(rotation=0.1), augmentation(rotation=0.1)])
    first, second = (
        parameters["warp"][:, 1]
        for parameters in policy.draw(np, 1, 0, np.arange(500), (16, 16, 3))
    )
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.15
    (alone,) = augmentation(rotation=0.1).draw(np, 1, 0, np.arange(500), (16, 16, 3))
    np.testing.assert_array_equal(first, alone["warp"][:, 1])


def test_crops_may_stand_anywhere(images):
    for policies in ([CROP, RAND, ERASE], [RAND, ERASE, CROP], [ERASE, CROP, RAND]):
        changed = augment(images, policies, copies=2, seed=1)
        assert changed.shape == (40, 12, 10, 3)
    again = augmentation(crop=(12, 10))
    assert augment(images, [CROP, again], seed=1).shape == (20, 12, 10, 3)


def test_results_do_not_depend_on_batches_or_threads(images):
    policy = as_policy([RAND, CROP, ERASE])
    whole = augment(images, policy, seed=5)
    for positions in (np.arange(7, 20), np.array([19, 3])):
        part = host.apply(policy, images[positions], 5, 0, positions)
        np.testing.assert_array_equal(part, whole[positions])
    large = np.repeat(np.repeat(images, 8, axis=1), 8, axis=2)
    one, more = (
        host.apply(policy, large, 5, 0, np.arange(20), threads=n) for n in (1, 2)
    )
    np.testing.assert_array_equal(one, more)


def test_lists_in_lists_and_of_one_are_plain():
    assert as_policy([CROP]) == CROP
    assert as_policy((CROP, as_policy([RAND, ERASE]))) == as_policy([CROP, RAND, ERASE])
    assert as_policy([CROP, RAND]) != as_policy([RAND, CROP])
    assert not as_policy([augmentation(), augmentation()])
    assert as_policy([augmentation(), ERASE])


def test_a_sequence_goes_through_json_and_pickle():
    policy = as_policy([CROP, RAND, ERASE])
    config = json.loads(json.dumps(policy.to_config()))
    assert config["policy"] == "sequence"
    assert Policy.from_config(config) == policy == pickle.loads(pickle.dumps(policy))


def test_a_sequence_from_r_is_the_one_that_was_sent(refused):
    policy = as_policy([RAND, rand_augment(operations=["rotate"])])
    config = policy.to_config()
    config["policies"][1]["operations"] = "rotate"
    assert Policy.from_config(config) == policy
    config["policies"][1]["operations"] = "rotat"
    with refused(ValueError, "operations", "'rotate'"):
        Policy.from_config(config)
    for policies in ([], "rotate", None):
        with refused(ValueError, "policies", "list"):
            Policy.from_config({"policy": "sequence", "policies": policies})
    with refused(ValueError, "config", "sequence", "policies"):
        Policy.from_config({"policy": "sequence"})


def test_a_sequence_prints_each_policy():
    policy = as_policy([CROP, rand_augment(1, 5, operations=["invert", "color"])])
    assert repr(policy).splitlines() == [
        "<Policy> 2 policies, in sequence",
        "1. augmentation",
        "   crop     12 x 10 pixels",
        "   flip     horizontal, for half of the images",
        "   outside  reflect",
        "2. rand_augment, once to each image one of 2 operations",
        "   magnitude   5 of 10",
        "   operations  invert, color",
    ]


def test_bad_lists_are_refused(images, refused):
    with refused(TypeError, "policy", "list of policies", "not 'rotation'"):
        augment(images, [CROP, "rotation"])
    with refused(TypeError, "policy", "list of policies", "augmentation()"):
        augmentation_layer([])
    with refused(ValueError, "crop", "12 x 10", "8 x 8"):
        augment(images, [augmentation(crop=(8, 8)), CROP])


def test_training_takes_a_list_and_keeps_it(tmp_path, fit, shapes, tiny_cnn, refused):
    policies = [augmentation(flip="horizontal"), RAND, ERASE]
    classifier = fit(tiny_cnn(), shapes, augmentation=policies, seed=1)
    path = save_classifier(classifier, tmp_path / "shapes.reticnn")
    assert load_classifier(path).augmentation == as_policy(policies)
    with refused(TypeError, "augmentation", "list of policies", "not 3"):
        fit(classifier, shapes, augmentation=[3])


def test_policies_are_taken_as_plain_settings_too(images, tmp_path):
    first, second = augmentation(rotation=0.1, erasing=1), rand_augment(2, 5)
    for policy in (first, second, as_policy([first, second])):
        path = tmp_path / "policy.json"
        path.write_text(json.dumps(policy.to_config()))
        config = json.loads(path.read_text())
        expected = augment(images, policy, seed=1)
        assert (augment(images, config, seed=1) == expected).all()
    mixed = [first.to_config(), second]
    assert (augment(images, mixed, seed=1) == expected).all()


def test_other_dicts_are_no_policies(refused, images):
    with refused(TypeError, "policy", "rotation"):
        augment(images, {"rotation": 0.1})
    with refused(ValueError, "policy", "'mine'"):
        augment(images, {"policy": "mine"})
