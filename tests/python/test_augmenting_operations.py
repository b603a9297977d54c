"""The register of operations: what each record promises, and how one is added."""

import inspect
import json
import pickle
import re

import numpy as np
import pytest
from keras import ops

from reticnn import (
    augment,
    augmentation,
    augmentation_layer,
    build_cnn,
    learn_augmentation,
    shape_images,
)
from reticnn.augmenting import Policy
from reticnn.augmenting.autoaugment import OPERATIONS as DRAWN, rand_augment
from reticnn.augmenting.operations import OPERATIONS
from reticnn.augmenting.operations.operation import Operation, up_to
from reticnn.augmenting.operations.reading import as_chance, named, percent
from reticnn.augmenting.parts.color_matrix import COLOR
from reticnn.augmenting.parts.part import Parameters, Part, in_place
from reticnn.augmenting.random_numbers import constant
from reticnn.coercion import as_float

SIZE = 8


@pytest.fixture
def images():
    """Smooth float images of 8 x 8 pixels, that stay clear of 0 and 255."""
    coarse = np.random.default_rng(1).uniform(60, 200, (12, 4, 4, 3))
    return np.asarray(ops.image.resize(coarse, (SIZE, SIZE)), "float32")


# An operation with a part of its own: every other row becomes darker.


def read_stripes(value):
    """Return the range of how much darker rows become, as a fraction."""
    given, labels = named(value, "stripes", ("factor",), alone="factor")
    return {"factor": as_chance(given["factor"], labels["factor"])}


@in_place
def stripes_on_host(images, parameters, constants):
    rows = images[:, :: constants["step"]]
    rows[...] = rows * (1 - parameters["stripes"][:, None, None, None])


def stripes_on_device(ops, images, parameters, constants):
    striped = ops.arange(images.shape[1]) % constants["step"] == 0
    darker = images * (1 - parameters["stripes"][:, None, None, None])
    return ops.where(striped[None, :, None, None], darker, images)


STRIPES = Operation(
    name="stripes",
    read=read_stripes,
    describe=lambda settings: f"every other row {percent(settings['factor'])} darker",
    slots={"stripes": 1000},
    ranges=lambda settings: {"stripes": settings["factor"]},
    part=Part("stripes", Parameters, stripes_on_host, stripes_on_device),
    change=lambda stripes, drawn, settings: stripes.set(stripes=drawn["stripes"]),
    constants=lambda settings: {"step": 2},
    search=up_to(0.5),
)

# One that is done in a part that others share: some red is added.


def read_warmth(value):
    """Return the most that is added to red."""
    given, labels = named(value, "warmth", ("most",), alone="most")
    return {"most": as_float(given["most"], labels["most"], minimum=0, maximum=255)}


WARMTH = Operation(
    name="warmth",
    read=read_warmth,
    describe=lambda settings: f"up to {settings['most']:g} more red",
    slots={"warmth": 1001},
    ranges=lambda settings: {"warmth": (0, settings["most"])},
    part=COLOR,
    change=lambda color, drawn, settings: color.shift(
        drawn["warmth"][:, None] * constant(color.xp, [1, 0, 0])
    ),
    any_channels=False,
    rgb_numbers=frozenset({"warmth"}),
)


@pytest.fixture
def registered(monkeypatch):
    """Both operations, in the register as long as a test runs."""
    for operation in (STRIPES, WARMTH):
        monkeypatch.setitem(OPERATIONS, operation.name, operation)


def test_a_new_operation_is_used_as_any_other(registered, images):
    changed = augment(images, stripes=0.5, seed=1)
    np.testing.assert_allclose(changed[:, ::2], images[:, ::2] / 2, rtol=1e-6)
    np.testing.assert_array_equal(changed[:, 1::2], images[:, 1::2])
    warmer = augment(images, warmth=20, seed=1) - images
    np.testing.assert_allclose(warmer[..., 1:], 0, atol=1e-4)
    reds = warmer[..., 0].mean(axis=(1, 2))
    assert reds.min() > 0 and reds.max() < 20 and np.ptp(reds) > 5
    assert augmentation(stripes=0.5) and not augmentation(stripes=None)


def test_a_new_operation_changes_no_others_draws(registered, images):
    def drawn(**operations):
        policy = augmentation(**operations)
        return policy.draw(np, 1, 0, np.arange(12), images.shape[1:])[0]

    old = {"rotation": 0.1, "color_jitter": 0.2, "erasing": 0.5}
    before, after = drawn(**old), drawn(**old, stripes=0.5, warmth=20)
    assert after.keys() - before.keys() == {"stripes"}
    for name in before.keys() - {"color"}:
        np.testing.assert_array_equal(before[name], after[name])


def test_a_new_operation_is_printed_and_written_down(registered, images):
    policy = augmentation(flip="vertical", stripes=(0.1, 0.3), warmth=20)
    assert repr(policy).splitlines() == [
        "<Policy> augmentation",
        "flip     vertical, for half of the images",
        "stripes  every other row 10 to 30 % darker",
        "warmth   up to 20 more red",
        "outside  reflect",
    ]
    again = Policy.from_config(json.loads(json.dumps(policy.to_config())))
    assert again == policy == pickle.loads(pickle.dumps(policy))
    expected = augment(images, policy, seed=1)
    np.testing.assert_array_equal(augment(images, again, seed=1), expected)


def test_both_engines_do_a_new_operation(registered, images):
    policy = augmentation(stripes=(0.1, 0.5), warmth=20, crop=(6, 5), erasing=0.5)
    layer = augmentation_layer(policy, seed=5)
    on_device = ops.convert_to_numpy(layer(images, training=True))
    expected = augment(images, policy, seed=5)
    assert expected.shape == (12, 6, 5, 3)
    np.testing.assert_allclose(on_device, expected, atol=0.01)


def test_settings_and_images_of_a_new_operation_are_checked(registered, refused):
    with refused(ValueError, "stripes", "at most 1", "not 3"):
        augmentation(stripes=3)
    with refused(ValueError, "warmth", "1 channel", "not 2"):
        augment(np.zeros((1, 8, 8, 2), "uint8"), warmth=3)
    grey = np.full((3, 8, 8, 1), 9, "uint8")
    np.testing.assert_array_equal(augment(grey, warmth=30), grey)


@pytest.mark.slow
def test_a_new_operation_is_searched_over(registered, monkeypatch):
    both = {"stripes": STRIPES, "warmth": WARMTH}
    monkeypatch.setattr("reticnn.training.policy_search.OPERATIONS", both)
    result = learn_augmentation(
        lambda: build_cnn((SIZE, SIZE, 3), n_blocks=1, filters=2, units=4),
        shape_images(40, image_size=SIZE, seed=1),
        budget=6,
        trials=3,
        seed=4,
        progress="none",
    )
    tried = " ".join(result["trials"]["operations"])
    assert re.search(r"stripes 0\.[0-4]", tried)
    # It does not say how it is to be tried.
    assert "warmth" not in tried


def test_no_operation_is_known_that_is_not_in_the_register(refused):
    with refused(TypeError, "augmentation", "'stripes'"):
        augmentation(stripes=0.5)
    with refused(TypeError, "augmentation", "'rotate'", "Did you mean 'rotation'"):
        augmentation(rotate=0.1)
    with refused(ValueError, "config", "'stripes'"):
        Policy.from_config({"policy": "augmentation", "stripes": 0.5})


# What all records promise


def test_operations_share_no_name_and_no_slot():
    slots = [
        (number, slot)
        for operation in OPERATIONS.values()
        for number, slot in operation.slots.items()
    ]
    for values in zip(*slots, strict=True):
        assert len(set(values)) == len(values)
    # From 1024 on are those of the policies that draw operations.
    assert all(0 <= slot < 1024 for _, slot in slots)
    assert all(name == operation.name for name, operation in OPERATIONS.items())


def test_slots_stay_as_they_are_for_old_seeds():
    first = {name: min(one.slots.values()) for name, one in OPERATIONS.items()}
    assert first == {
        "crop": 0,
        "flip": 2,
        "translation": 4,
        "shear": 6,
        "rotation": 9,
        "zoom": 10,
        "perspective": 130,
        "elastic": 140,
        "color_jitter": 12,
        "pca_color": 17,
        "grayscale": 21,
        "gaussian_blur": 22,
        "gaussian_noise": 25,
        "erasing": 28,
        "auto_contrast": 200,
        "equalization": 202,
        "invert": 204,
        "gamma": 206,
        "posterization": 208,
        "solarization": 210,
        "sharpness": 213,
        "motion_blur": 220,
        "downscaling": 223,
        "jpeg_compression": 225,
        "channel_shuffle": 230,
        "color_temperature": 233,
    }


def test_the_signature_has_all_operations_and_an_editor_shows_them():
    names = [*OPERATIONS, "fill_mode", "fill_value", "interpolation"]
    signature = inspect.signature(augmentation)
    assert list(signature.parameters) == names
    assert list(augmentation.__kwdefaults__) == names


@pytest.mark.parametrize(
    ("maker", "names", "form"),
    [(augmentation, OPERATIONS, "\n        {}: "), (rand_augment, DRAWN, '`"{}"`')],
)
def test_all_operations_are_documented(maker, names, form):
    for name in names:
        assert form.format(name) in maker.__doc__


@pytest.mark.parametrize("seed", range(3))
def test_what_is_searched_over_can_be_done(seed):
    rng = np.random.default_rng(seed)
    for name, operation in OPERATIONS.items():
        if operation.search:
            settings = operation.read(operation.search(rng, 1.0))
            for channels in filter(operation.suits, (1, 3, 4)):
                operation.check(settings, (SIZE, SIZE, channels))
                assert operation.acts(settings, channels), name


# Policies as plain data


def test_policies_may_be_written_as_users_write_arguments():
    crop = {"policy": "augmentation", "crop": 7 / 8, "flip": "horizontal"}
    assert Policy.from_config(crop) == augmentation(crop=7 / 8, flip="horizontal")
    names = [name for name in DRAWN if name != "identity"]
    rand = {"policy": "rand_augment", "magnitude_std": 0.5, "operations": names}
    assert Policy.from_config(rand) == rand_augment(magnitude_std=0.5, operations=names)
    sequence = {"policy": "sequence", "policies": [crop, rand]}
    assert Policy.from_config(sequence).policies == (
        Policy.from_config(crop),
        Policy.from_config(rand),
    )
