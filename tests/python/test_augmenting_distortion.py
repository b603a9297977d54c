"""Perspective and elastic waves, which are part of the one warp."""

import cv2
import keras
import numpy as np
import pytest
from other_augmenters import WARPED

from reticnn import augment, augmentation
from reticnn.augmenting import host
from reticnn.augmenting.parts.warp import WARP
from reticnn.augmenting.parts.waves import height_of_waves, waves_on_host


@pytest.fixture(scope="module")
def images():
    """Smooth images, as photos are, of 20 x 24 pixels."""
    coarse = np.random.default_rng(1).uniform(0, 255, (12, 6, 7, 3))
    return np.asarray(keras.ops.image.resize(coarse, (20, 24)), "float32")


def drawn(policy, images, seed=1):
    """Return the parameters of a policy's one pass."""
    positions = np.arange(len(images))
    return policy.draw(np, seed, 0, positions, images.shape[1:])[0]


def changed(policy, images, seed=1):
    return host.apply(policy, images, seed, 0, np.arange(len(images)))


def corners_shown(policy, images):
    """Return what the result's corners show, (n, 4, 2), and the corners."""
    matrices = drawn(policy, images)["warp"].reshape(-1, 3, 3)
    bottom, right = np.array(images.shape[1:3]) - 1
    corners = [(0, 0), (right, 0), (0, bottom), (right, bottom)]
    points = np.array([(x, y, 1) for x, y in corners], "float64").T
    shown = (matrices @ points).transpose(0, 2, 1)
    return shown[..., :2] / shown[..., 2:], np.array(corners, "float64")


def test_a_perspective_is_that_of_keras_for_the_same_corners(images):
    policy = augmentation(perspective=0.3, fill_mode="constant", fill_value=9)
    shown, corners = corners_shown(policy, images)
    expected = keras.ops.image.perspective_transform(
        images,
        shown.astype("float32"),
        np.tile(corners.astype("float32"), (12, 1, 1)),
        fill_value=9,
    )
    difference = np.abs(changed(policy, images) - keras.ops.convert_to_numpy(expected))
    # Along the edges, Keras fills where we mix the edge with what fills.
    assert np.median(difference) < WARPED / 8
    assert np.quantile(difference, 0.9) < WARPED


def test_corners_move_by_up_to_half_of_the_scale():
    images = np.zeros((4000, 9, 17, 1), "uint8")
    shown, corners = corners_shown(augmentation(perspective=0.4), images)
    moves = (shown - corners) / (16, 8)
    np.testing.assert_allclose(moves.min(axis=0), -0.2, atol=0.002)
    np.testing.assert_allclose(moves.max(axis=0), 0.2, atol=0.002)
    np.testing.assert_allclose(np.abs(moves).mean(axis=0), 0.1, atol=0.004)
    related = np.corrcoef(moves.reshape(4000, 8).T) - np.eye(8)
    assert np.abs(related).max() < 0.06


def test_a_perspective_and_other_moves_are_one_matrix(images):
    rest = {"rotation": 0.1, "crop": 0.7}
    both = augmentation(perspective=0.3, **rest)
    assert list(both.parts(3)[0]) == [WARP]
    first = drawn(augmentation(**rest), images)["warp"].reshape(-1, 2, 3)
    first = np.concatenate([first, np.tile([[[0, 0, 1]]], (12, 1, 1))], axis=1)
    second = drawn(augmentation(perspective=0.3), images)["warp"].reshape(-1, 3, 3)
    found = drawn(both, images)["warp"].reshape(-1, 3, 3)
    np.testing.assert_allclose(found, first @ second, atol=1e-4)


def test_waves_are_as_high_and_as_smooth_as_those_of_keras():
    size, scale = (100, 140), 0.5
    offsets = np.array([(row, 3 * row) for row in range(0, 80, 2)], "int32")
    height = np.full(40, height_of_waves(scale, size), "float32")
    moves = np.array(waves_on_host(size, height, offsets)).reshape(2, 40, *size)
    # Keras: noise of sigma, blurred by sigma, times alpha = 0.1 * scale * 140.
    expected = 0.1 * scale * 140 / (2 * np.sqrt(np.pi))
    assert moves.std() == pytest.approx(expected, rel=0.1)
    assert abs(moves.mean()) < 0.2 * expected
    # Blurred by 5 % of the shorter side.
    for lag, axis in ((5, 2), (10, 2), (5, 3), (10, 3)):
        first = np.take(moves, range(moves.shape[axis] - lag), axis)
        second = np.take(moves, range(lag, moves.shape[axis]), axis)
        related = np.corrcoef(first.ravel(), second.ravel())[0, 1]
        assert related == pytest.approx(np.exp(-((lag / 5) ** 2) / 4), abs=0.08)
    across, down = moves.reshape(2, -1)
    assert abs(np.corrcoef(across, down)[0, 1]) < 0.15


@pytest.mark.parametrize("size", [(20, 24), (120, 130), (190, 200)])
def test_waves_and_other_moves_are_one_remap(images, size):
    images = np.asarray(keras.ops.image.resize(images, size), "float32")
    policy = augmentation(elastic=0.5, rotation=0.1, translation=0.1)
    given = drawn(policy, images)
    moves = waves_on_host(size, given["waves"], given["waves_offset"])
    assert list(policy.parts(3)[0]) == [WARP]
    y, x = np.indices(size, "float32")
    for image, result, matrix, right, down in zip(
        images, changed(policy, images), given["warp"], *moves, strict=True
    ):
        at = np.stack([x + right.reshape(size), y + down.reshape(size)])
        a, b, c, d, e, f = matrix
        expected = cv2.remap(
            image,
            a * at[0] + b * at[1] + c,
            d * at[0] + e * at[1] + f,
            cv2.INTER_LINEAR,
            None,
            cv2.BORDER_REFLECT,
        )
        assert np.abs(result - expected).max() < 0.3 + WARPED
        assert np.abs(result - image).mean() > 2


@pytest.mark.parametrize("name", ["perspective", "elastic"])
def test_the_factor_is_a_probability(name):
    images = np.random.default_rng(1).integers(0, 256, (400, 8, 8, 1)).astype("uint8")
    same = augment(images, seed=1, **{name: {"factor": 0.3, "scale": (0.4)}}) == images
    assert same.all(axis=(1, 2, 3)).mean() == pytest.approx(0.7, abs=0.07)
    still = augment(images, seed=1, **{name: {"scale": 0}})
    np.testing.assert_array_equal(still, images)


@pytest.mark.parametrize("name", ["perspective", "elastic"])
@pytest.mark.parametrize("channels", [1, 2, 3, 5])
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 2), (100, 120)])
def test_any_size_and_channels(name, channels, size):
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (3, *size, channels)).astype("uint8")
    results = augment(images, seed=1, **{name: 0.4})
    assert results.shape == images.shape and results.dtype == "uint8"
    each = [
        augment(images[..., [one]], seed=1, **{name: 0.4}) for one in range(channels)
    ]
    difference = results.astype(int) - np.concatenate(each, axis=-1)
    assert np.abs(difference).max() <= 1


def test_very_long_images_have_waves_as_far_as_opencv_goes(refused):
    image = np.random.default_rng(1).integers(0, 256, (2, 32_764, 1)).astype("uint8")
    assert augment(image, elastic=0.3, seed=1).shape == image.shape
    with refused(ValueError, "elastic", "32764", "32765"):
        augment(np.pad(image, [(0, 0), (0, 1), (0, 0)]), elastic=0.3, seed=1)


@pytest.mark.parametrize("name", ["perspective", "elastic"])
@pytest.mark.parametrize("side", [24, 130])
def test_part_of_the_images_and_any_threads_give_the_same(name, side):
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (40, side, side, 3)).astype("uint8")
    policy = augmentation(**{name: 0.4}, flip="horizontal")
    every = host.apply(policy, images, 1, 2, np.arange(40))
    some = host.apply(policy, images[5:8], 1, 2, np.arange(5, 8), threads=1)
    np.testing.assert_array_equal(every[5:8], some)


def test_distortions_print_what_they_do():
    policy = augmentation(
        perspective={"scale": 0.2, "factor": 0.5}, elastic={"scale": 1, "factor": 0.2}
    )
    assert repr(policy).splitlines()[1:3] == [
        "perspective  corners moved by up to 10 % of the sides, 50 % of the images",
        "elastic      waves of 0 to 2.821 % of the longer side, 20 % of the images",
    ]


@pytest.mark.parametrize(
    ("operation", "parts"),
    [
        ({"perspective": -0.1}, ["at least 0", "-0.1"]),
        ({"perspective": 0.5}, ["below 0.5", "0.5"]),
        ({"perspective": float("nan")}, ["NA"]),
        ({"perspective": {"factor": 2}}, ["`factor`", "at most 1"]),
        ({"perspective": {"corners": 2}}, ["'corners'", "'scale'"]),
        ({"elastic": -1}, ["at least 0", "-1"]),
        ({"elastic": 2}, ["at most 1", "2"]),
        ({"elastic": (0.1, 0.2, 0.3)}, ["one number or two"]),
        ({"elastic": "a"}, ["'a'"]),
        ({"elastic": {"factor": -1}}, ["`factor`", "at least 0"]),
        ({"elastic": {}}, ["'factor', 'scale'"]),
    ],
)
def test_bad_distortions_are_refused(refused, operation, parts):
    with refused((ValueError, TypeError), next(iter(operation)), *parts):
        augmentation(**operation)
