"""Operations that look values up in tables, and sharpness, against other packages."""

import keras
import numpy as np
import pytest
from other_augmenters import in_peer
from PIL import Image, ImageEnhance, ImageOps

from reticnn import augment, augmentation


@pytest.fixture(scope="module")
def images():
    """Smooth images of whole numbers that use a part of the range, as photos do."""
    rng = np.random.default_rng(1)
    coarse = rng.uniform(20, 230, (12, 5, 6, 3))
    smooth = keras.ops.convert_to_numpy(keras.ops.image.resize(coarse, (20, 24)))
    return np.rint(smooth).astype("uint8")


def by_pillow(function, images):
    return np.stack([np.asarray(function(Image.fromarray(one))) for one in images])


def by_keras(layer, images, **transformation):
    """What a layer makes of images, for numbers drawn by us."""
    values = {name: keras.ops.array(value) for name, value in transformation.items()}
    return keras.ops.convert_to_numpy(layer.transform_images(images, values))


def drawn(policy, name, images, seed=1):
    """The numbers of that name that a policy draws for images."""
    return policy._draws.numbers(np, seed, 0, np.arange(len(images)))[name]


def worst(first, second):
    return np.abs(first.astype("float64") - second).max()


@pytest.mark.parametrize(
    ("operations", "pillow", "tolerance"),
    [
        ({"auto_contrast": 1}, ImageOps.autocontrast, 1),
        ({"equalization": 1}, ImageOps.equalize, 0),
        ({"posterization": 3}, lambda image: ImageOps.posterize(image, 3), 0),
        (
            {"solarization": [0.5, 0.5]},
            lambda image: ImageOps.solarize(image, 128),
            0,
        ),
        ({"invert": 1}, ImageOps.invert, 0),
        ({"sharpness": [1, 1]}, lambda i: ImageEnhance.Sharpness(i).enhance(2), 1),
        ({"sharpness": [0, 0]}, lambda i: ImageEnhance.Sharpness(i).enhance(0), 1),
        (
            {"gamma": [1.7, 1.7]},
            lambda i: i.point([round(255 * (v / 255) ** 1.7) for v in range(256)] * 3),
            0,
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_operations_are_those_of_pillow(images, operations, pillow, tolerance):
    changed = augment(images, **operations, seed=1)
    assert worst(changed, by_pillow(pillow, images)) <= tolerance
    assert worst(changed, images) > 5


def test_operations_are_those_of_keras_for_the_same_numbers(images):
    layers = keras.layers
    auto = augment(images, auto_contrast=1)
    assert worst(auto, by_keras(layers.AutoContrast(), images)) <= 1
    policy = augmentation(posterization=[2, 6])
    bits = np.floor(drawn(policy, "posterization", images)).astype("uint8")
    assert len(set(bits)) > 2
    expected = by_keras(layers.RandomPosterization(4), images, shift_factor=8 - bits)
    assert worst(augment(images, policy, seed=1), expected) == 0
    policy = augmentation(solarization={"addition_factor": 0.3, "threshold_factor": 1})
    factors = (
        drawn(policy, name, images).reshape(-1, 1, 1, 1) * 255
        for name in ("solarization_addition", "solarization")
    )
    expected = by_keras(
        layers.Solarization(),
        images,
        **dict(zip(("additions", "thresholds"), factors, strict=True)),
    )
    assert worst(augment(images, policy, seed=1), expected) <= 0.5
    policy = augmentation(sharpness=1)
    expected = by_keras(
        layers.RandomSharpness(1.0), images, factor=drawn(policy, "sharpness", images)
    )
    # The outermost pixels stay as they are, as in Pillow; in Keras they do not.
    inner = augment(images, policy, seed=1)[:, 1:-1, 1:-1]
    assert worst(inner, expected[:, 1:-1, 1:-1]) <= 0.51


@pytest.mark.slow
def test_operations_are_those_of_torchvision(images, tmp_path):
    calls = [
        ({"auto_contrast": 1}, "autocontrast(x)", 1),
        ({"equalization": 1}, "equalize(x)", 0),
        ({"posterization": 2}, "posterize(x, 2)", 0),
        ({"solarization": [0.5, 0.5]}, "solarize(x, 127.5)", 0),
        ({"invert": 1}, "invert(x)", 0),
        ({"sharpness": [0.9, 0.9]}, "adjust_sharpness(x, 1.8)", 1),
        ({"gamma": [0.6, 0.6]}, "adjust_gamma(x, 0.6)", 1),
    ]
    expected = in_peer(
        tmp_path,
        "torchvision",
        "import torch\n"
        "from torchvision.transforms.v2.functional import *\n"
        "x = torch.from_numpy(given['x']).permute(0, 3, 1, 2)\n"
        f"results = [{', '.join(call for _, call, _ in calls)}]\n"
        "result = np.stack([one.permute(0, 2, 3, 1) for one in results])",
        x=images,
    )
    for (operations, call, tolerance), wanted in zip(calls, expected, strict=True):
        assert worst(augment(images, **operations, seed=1), wanted) <= tolerance, call


def test_operations_of_tables_act_in_their_order(images):
    at_once = augment(
        images,
        auto_contrast=1,
        gamma=[1.4, 1.4],
        posterization=4,
        solarization=[0.6, 0.6],
        invert=1,
    )
    expected = by_pillow(
        lambda image: ImageOps.invert(
            ImageOps.solarize(ImageOps.posterize(image, 4), 153)
        ),
        augment(augment(images, auto_contrast=1), gamma=[1.4, 1.4]),
    )
    assert worst(at_once, expected) == 0
    both = augment(images, auto_contrast=1, equalization=1)
    in_turn = augment(augment(images, auto_contrast=1), equalization=1)
    assert worst(both, in_turn) == 0


@pytest.mark.parametrize(
    "operations",
    [
        {"posterization": (1, 8)},
        {"solarization": (0, 1)},
        {"invert": 0.5},
        {"posterization": (1, 8), "invert": 0.5},
        {"solarization": {"threshold_factor": (0, 1), "probability": 0.5}},
        {"solarization": {"threshold_factor": (0, 1), "addition_factor": (0, 0.5)}},
        {"posterization": (1, 8), "solarization": (0, 1), "invert": 0.5},
        {"gamma": {"gamma": 1.5, "probability": 0.3}, "invert": 0.5},
    ],
    ids=lambda operations: " ".join(operations),
)
def test_whole_numbers_become_the_same_as_floats(operations):
    # Of bytes, whole images are changed bit by bit where that does it without a table.
    ramp = np.arange(256, dtype="uint8").reshape(1, 16, 16, 1)
    images = np.repeat(np.concatenate([ramp, ramp[:, ::-1]]), 20, axis=0)
    policy = augmentation(**operations)
    floats = augment(images.astype("float32"), policy, seed=2)
    np.testing.assert_array_equal(augment(images, policy, seed=2), floats)
    assert (floats != images).any(axis=(1, 2, 3)).sum() >= 10


def test_one_number_of_gamma_goes_as_far_up_as_down():
    policy = augmentation(gamma=2)
    assert policy.to_config()["gamma"]["gamma"] == [0.5, 2]
    exponents = np.exp(policy._draws.numbers(np, 1, 0, np.arange(4000))["gamma"])
    assert 0.5 <= exponents.min() < 0.51 and 1.99 < exponents.max() <= 2
    assert 0.47 < (exponents < 1).mean() < 0.53


@pytest.mark.parametrize(
    "operation",
    [
        {"auto_contrast": 0.3},
        {"equalization": {"factor": 0.3}},
        {"invert": [0.3, 0.3]},
        {"gamma": {"gamma": (3, 3), "probability": 0.3}},
        {"posterization": {"factor": 1, "probability": 0.3}},
        {"solarization": {"probability": 0.3}},
        {"sharpness": {"factor": [0, 0], "probability": 0.3}},
    ],
    ids=lambda value: next(iter(value)),
)
def test_operations_have_their_probability(operation):
    images = np.random.default_rng(1).integers(40, 200, (2000, 16, 17, 1), "uint8")
    changed = augment(images, **operation, seed=1)
    share = (changed != images).any((1, 2, 3)).mean()
    assert 0.26 < share < 0.34
    nothing = augment(images[:5] * 0 + 7, auto_contrast=1, equalization=1, sharpness=1)
    assert (nothing == 7).all()


def test_bits_are_drawn_equally_often():
    bits = np.floor(
        augmentation(posterization=(1, 8))._draws.numbers(np, 1, 0, np.arange(8000))[
            "posterization"
        ]
    )
    counts = np.bincount(bits.astype(int), minlength=9)
    assert counts[0] == 0 and counts[1:].min() > 900 and counts[1:].max() < 1100


@pytest.mark.parametrize("channels", [2, 4, 13, 150])
def test_channels_each_have_their_table(channels):
    rng = np.random.default_rng(1)
    images = rng.integers(0, 200, (2, 9, 7, channels), dtype="uint8")
    images = (images * np.linspace(0.3, 1, channels)).astype("uint8")
    operations = {"equalization": 1, "gamma": 2, "sharpness": [0.2, 0.9]}
    changed = augment(images, **operations, seed=1)
    for channel in (0, channels - 1):
        alone = augment(images[..., channel, None], **operations, seed=1)
        assert worst(alone[..., 0], changed[..., channel]) == 0


@pytest.mark.parametrize(
    ("operation", "parts"),
    [
        ({"auto_contrast": 2}, ["at most 1", "not 2"]),
        ({"equalization": "yes"}, ["'yes'"]),
        ({"invert": {"probability": 1}}, ["'probability'", "factor"]),
        ({"gamma": 0}, ["at least 0.01"]),
        ({"gamma": {"gamma": (1, float("nan"))}}, ["NA"]),
        ({"gamma": (1, 2, 3)}, ["two"]),
        ({"posterization": 0}, ["at least 1"]),
        ({"posterization": 9}, ["at most 8"]),
        ({"posterization": 3.5}, ["whole number", "3 or 4"]),
        ({"posterization": {"probability": 2}}, ["`probability`", "at most 1"]),
        ({"solarization": -1}, ["at least 0"]),
        ({"solarization": {"addition": 0.3}}, ["'addition'", "addition_factor"]),
        ({"solarization": 128}, ["at most 1"]),
        ({"sharpness": 1.5}, ["at most 1"]),
        ({"sharpness": {}}, ["factor"]),
    ],
)
def test_bad_settings_are_refused(refused, operation, parts):
    with refused((ValueError, TypeError), next(iter(operation)), *parts):
        augmentation(**operation)
