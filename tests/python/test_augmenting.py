import json
import pickle

import cv2
import keras
import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as hnp
from other_augmenters import CHANGES, WARPED

from reticnn import augment, augmentation, image_arrays
from reticnn.augmenting import Policy, device, host, random_numbers
from reticnn.augmenting.parts import opencv_warp
from reticnn.augmenting.parts.warp import Warp

LUMA = np.array([0.299, 0.587, 0.114])
EVERYTHING = {
    "crop": 0.8,
    "flip": "horizontal_and_vertical",
    "translation": 0.2,
    "shear": 0.1,
    "rotation": 0.1,
    "zoom": 0.2,
    "perspective": 0.2,
    "elastic": 0.3,
    "color_jitter": {
        "brightness_factor": 0.1,
        "contrast_factor": 0.2,
        "saturation_factor": (0.3, 0.7),
        "hue_factor": 0.2,
    },
    "grayscale": 0.2,
    "pca_color": 0.1,
    "gaussian_blur": 1,
    "gaussian_noise": 0.05,
    "erasing": 0.5,
}
OPERATIONS = [
    *({name: value} for name, value in (EVERYTHING | CHANGES).items()),
    {"crop": {"scale": (0.08, 1)}},
]


@pytest.fixture(scope="module")
def images():
    """Smooth images, as photos are, of 20 x 24 pixels."""
    rng = np.random.default_rng(1)
    coarse = rng.uniform(0, 255, (6, 6, 7, 3))
    return np.asarray(keras.ops.image.resize(coarse, (20, 24)), "float32")


def drawn(policy, images, seed=1):
    """Return the parameters of a policy's one pass."""
    positions = np.arange(len(images))
    (parameters,) = policy.draw(np, seed, 0, positions, images.shape[1:])
    return parameters


def applied(engine, policy, images):
    """Return augmented images, of the host or of a device."""
    if engine == "host":
        return host.apply(policy, images, 1, 0, np.arange(len(images)))
    changed = device.apply(policy, images, 1, 0, np.arange(len(images)))
    return keras.ops.convert_to_numpy(changed)


def in_keras(images, matrices, fill_mode="reflect", **options):
    """Return images warped by Keras's own op."""
    transform = np.pad(matrices, [(0, 0), (0, 2)])
    warped = keras.ops.image.affine_transform(
        images, transform, fill_mode=fill_mode, **options
    )
    return keras.ops.convert_to_numpy(warped)


def one_number(name, policy, slot_seed=1, n=6):
    """Return the number a policy draws under a name for each image."""
    return policy._draws.numbers(np, slot_seed, 0, np.arange(n))[name]


# Random numbers


def test_uniform_numbers_are_uniform_and_unrelated():
    unit = random_numbers.uniforms(np, 3, 5, np.arange(50_000), tuple(range(6)))
    assert unit.dtype == np.float32
    assert unit.min() >= 0 and unit.max() < 1
    counts = np.histogram(unit[:, 0], 50)[0]
    assert ((counts - 1000) ** 2 / 1000).sum() < 90
    assert np.abs(np.corrcoef(unit.T) - np.eye(6)).max() < 0.02
    assert abs(np.corrcoef(unit[1:, 0], unit[:-1, 0])[0, 1]) < 0.02


def test_numbers_depend_on_seed_epoch_position_and_slot_alone():
    def numbers(seed=1, epoch=2, positions=(0, 5, 9), slots=(4, 7)):
        return random_numbers.uniforms(np, seed, epoch, np.array(positions), slots)

    assert (numbers()[[2, 0]] == numbers(positions=(9, 0))).all()
    assert (numbers()[:, 1:] == numbers(slots=(7,))).all()
    for other in (numbers(seed=2), numbers(epoch=3), numbers(seed=1 + 2**32)):
        assert (numbers() != other).all()


@pytest.mark.parametrize("seed", [0, 2**32 - 1, 12345678901234567890])
def test_a_device_counts_the_same_bits(seed):
    positions, slots = np.arange(300), tuple(range(36))
    on_host = random_numbers.uniforms(np, seed, 7, positions, slots)
    on_device = random_numbers.uniforms(keras.ops, seed, 7, positions, slots)
    assert (on_host == keras.ops.convert_to_numpy(on_device)).all()


def test_a_device_draws_the_same_parameters():
    policy = augmentation(**EVERYTHING)
    (here,) = policy.draw(np, 3, 2, np.arange(100), (20, 24, 3))
    (there,) = policy.draw(keras.ops, 3, 2, np.arange(100), (20, 24, 3))
    assert here.keys() == there.keys()
    for name, values in here.items():
        other = keras.ops.convert_to_numpy(there[name])
        np.testing.assert_allclose(values, other, atol=2e-5, err_msg=name)


# Each operation against Keras


@pytest.mark.parametrize("fill_mode", ["reflect", "constant", "nearest"])
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_warps_are_those_of_keras(images, fill_mode, interpolation):
    options = {"fill_mode": fill_mode, "fill_value": 70, "interpolation": interpolation}
    policy = augmentation(rotation=(0.11, 0.12), translation=(0.2, 0.3), **options)
    expected = in_keras(images, drawn(policy, images)["warp"], **options)
    changed = augment(images, policy, seed=1)
    # The nearest pixel may be another one where two are equally near.
    close = np.abs(changed - expected) < WARPED
    assert close.mean() > (0.999 if interpolation == "bilinear" else 0.99)
    whole = augment(np.rint(images).astype("uint8"), policy, seed=1)
    assert (np.abs(whole - expected) < 1.2 + WARPED).mean() > 0.99


def test_wrapping_goes_on_at_the_other_side(images):
    policy = augmentation(translation={"width_factor": (0.5, 0.5)}, fill_mode="wrap")
    changed = augment(images, policy, seed=1)
    np.testing.assert_allclose(changed, np.roll(images, 12, axis=2), atol=1e-3)


@pytest.mark.parametrize("engine", ["host", "device"])
def test_wrapped_images_join_without_a_seam(engine):
    row = np.array([10, 20, 30, 40, 50], "float32")
    images = np.tile(row[:, None], (1, 5, 1, 1))

    def moved(share):
        policy = augmentation(
            translation={"width_factor": (share, share)}, fill_mode="wrap"
        )
        return applied(engine, policy, images)[0, 2, :, 0]

    # Half of the last pixel and half of the first one, as on a ring.
    np.testing.assert_allclose(moved(0.1), [30, 15, 25, 35, 45], atol=0.05)
    np.testing.assert_allclose(moved(-0.5), [35, 45, 30, 15, 25], atol=0.05)
    for whole in (-1, 0.2, 1):
        rolled = np.roll(row, round(5 * whole))
        np.testing.assert_allclose(moved(whole), rolled, atol=0.05)


@pytest.mark.parametrize("engine", ["host", "device"])
@pytest.mark.parametrize(
    ("fill_mode", "scipys"),
    [
        ("wrap", "grid-wrap"),
        ("reflect", "reflect"),
        ("nearest", "nearest"),
        ("constant", "grid-constant"),
    ],
)
def test_what_is_outside_is_that_of_scipy(engine, fill_mode, scipys):
    # Flat enough for an OpenCV that takes coordinates in 32nds of a pixel.
    image = np.random.default_rng(0).uniform(0, 40, (6, 8)).astype("float32")
    policy = augmentation(rotation=(0.1, 0.1), zoom=(-0.9, -0.9), fill_mode=fill_mode)
    ours = applied(engine, policy, image[None, :, :, None])[0, :, :, 0]
    # The angle shows from the result to the image.
    matrix = drawn(policy, image[None, :, :, None])["warp"][0].reshape(2, 3)
    column, row = np.meshgrid(np.arange(8), np.arange(6))
    x, y = (a * column + b * row + c for a, b, c in matrix)
    theirs = scipy.ndimage.map_coordinates(image, [y, x], order=1, mode=scipys)
    np.testing.assert_allclose(ours, theirs, atol=0.6)


def test_translation_is_that_of_keras(images):
    policy = augmentation(
        translation={"height_factor": (0.1, 0.2), "width_factor": (-0.3, -0.1)}
    )
    layer = keras.layers.RandomTranslation(0.2, 0.2)
    moves = np.stack(
        [
            one_number("translate_right", policy) * 24,
            one_number("translate_down", policy) * 20,
        ],
        axis=1,
    )
    expected = layer.transform_images(
        images, {"translations": moves, "input_shape": images.shape}
    )
    np.testing.assert_allclose(augment(images, policy, seed=1), expected, atol=WARPED)


def test_shear_is_that_of_keras(images):
    policy = augmentation(shear={"x_factor": (0.1, 0.2), "y_factor": (0, 0.1)})
    layer = keras.layers.RandomShear(0.2, 0.2, fill_mode="reflect")
    sign = np.where(one_number("shear_sign", policy) < 0.5, 1, -1)
    assert set(sign) == {-1, 1}
    factors = np.stack(
        [one_number("shear_x", policy) * sign, one_number("shear_y", policy) * sign], 1
    )
    expected = layer.transform_images(
        images, {"shear_factor": factors, "input_shape": images.shape}
    )
    np.testing.assert_allclose(augment(images, policy, seed=1), expected, atol=WARPED)


def test_rotation_is_that_of_keras(images):
    policy = augmentation(rotation=(-0.05, 0.2))
    layer = keras.layers.RandomRotation((-0.05, 0.2))
    zeros = keras.ops.zeros(6)
    matrix = layer._compute_affine_matrix(
        0.5,
        0.5,
        keras.ops.convert_to_tensor(one_number("rotation", policy) * 360),
        zeros,
        zeros,
        zeros + 1,
        zeros,
        zeros,
        20,
        24,
    )
    expected = layer.transform_images(images, {"rotation_matrix": matrix})
    np.testing.assert_allclose(augment(images, policy, seed=1), expected, atol=WARPED)


@pytest.mark.parametrize("width", [None, (0.1, 0.3)])
def test_zoom_is_that_of_keras(images, width):
    policy = augmentation(zoom={"height_factor": (-0.2, 0.2), "width_factor": width})
    layer = keras.layers.RandomZoom(0.2, 0.2)
    tall = one_number("zoom_tall", policy) + 1
    wide = tall if width is None else one_number("zoom_wide", policy) + 1
    expected = layer.transform_images(
        images,
        {
            "height_zoom": tall[:, None],
            "width_zoom": wide[:, None],
            "input_shape": images.shape,
        },
    )
    np.testing.assert_allclose(augment(images, policy, seed=1), expected, atol=WARPED)


@pytest.mark.parametrize(("mode", "axes"), [("horizontal", [2]), ("vertical", [1])])
def test_flips_are_exact_and_half_of_the_images(images, mode, axes):
    changed = augment(images, flip=mode, seed=1)
    flipped = np.flip(images, axes)
    are = [(a == b).all() for a, b in zip(changed, flipped, strict=True)]
    are_not = [(a == b).all() for a, b in zip(changed, images, strict=True)]
    assert sum(are) + sum(are_not) == 6 and any(are) and any(are_not)
    many = drawn(augmentation(flip=mode), np.empty((2000, 4, 4, 3)))["warp"]
    assert abs((many[:, 0 if mode == "horizontal" else 4] < 0).mean() - 0.5) < 0.05


def test_a_crop_in_pixels_is_a_part_of_the_image(images):
    changed = augment(images, crop=(12, 15), seed=1)
    assert changed.shape == (6, 12, 15, 3)
    offsets = drawn(augmentation(crop=(12, 15)), images)["warp"][:, [5, 2]]
    assert (offsets == np.rint(offsets)).all() and len(np.unique(offsets)) > 3
    for image, result, (top, left) in zip(
        images, changed, offsets.astype(int), strict=True
    ):
        assert (result == image[top : top + 12, left : left + 15]).all()


def test_all_crops_in_pixels_occur_also_the_whole():
    many = drawn(augmentation(crop=(3, 6)), np.empty((500, 5, 6, 3)))["warp"]
    assert set(many[:, 5]) == {0, 1, 2} and set(many[:, 2]) == {0}


def test_a_crop_by_fractions_is_brought_back_to_the_size(images):
    changed = augment(images, crop=(0.5, 1), seed=1)
    assert changed.shape == images.shape
    top = one_number("crop_top", augmentation(crop=(0.5, 1))) * 10
    whole = np.rint(top).astype(int)
    for image, result, exact, start in zip(images, changed, top, whole, strict=True):
        window = keras.ops.image.resize(image[start : start + 10], (20, 24))
        # Half a pixel off at most, and the window's own edge is not repeated.
        assert abs(exact - start) <= 0.5
        assert np.abs(np.asarray(window)[2:-2] - result[2:-2]).mean() < 15


def test_brightness_and_contrast_are_those_of_keras(images):
    middle = images / 4 + 90  # Nothing is cut off.
    tensor = keras.ops.convert_to_tensor
    policy = augmentation(
        color_jitter={"brightness_factor": 0.1, "contrast_factor": (0.5, 0.4)}
    )
    brightness, contrast = (
        one_number("brightness", policy),
        one_number("contrast", policy),
    )
    assert contrast.min() >= 0.5 and contrast.max() <= 1.4
    four = (-1, 1, 1, 1)
    brighter = keras.layers.RandomBrightness(0.1).transform_images(
        tensor(middle), {"rgb_delta": tensor(255 * brightness.reshape(four))}
    )
    expected = keras.layers.RandomContrast(0.4).transform_images(
        brighter, {"contrast_factor": tensor(contrast.reshape(four))}
    )
    changed = augment(middle, policy, seed=1)
    np.testing.assert_allclose(changed, expected, atol=1e-3)
    whole = augment(middle.astype("uint8"), policy, seed=1)
    assert np.abs(whole - np.asarray(expected)).max() < 2.6


def test_one_number_of_colour_jitter_is_as_much_up_as_down():
    policy = augmentation(color_jitter=0.2)
    factors = policy.to_config()["color_jitter"]
    assert factors["brightness_factor"] == [-0.2, 0.2]
    assert factors["contrast_factor"] == [0.2, 0.2]
    assert factors["saturation_factor"] == [0.4, 0.6]
    assert factors["hue_factor"] is None


def test_saturation_is_a_blend_with_luma(images):
    policy = augmentation(color_jitter={"saturation_factor": (0.2, 0.6)})
    factor = one_number("saturation", policy)
    times = (factor / (1 - factor))[:, None, None, None]
    luma = (images @ LUMA)[..., None]
    expected = np.clip(luma + times * (images - luma), 0, 255)
    np.testing.assert_allclose(augment(images, policy, seed=1), expected, atol=1e-3)


def test_hue_turns_in_the_sense_of_keras_and_keeps_luma(images):
    middle = images / 8 + 110
    policy = augmentation(color_jitter={"hue_factor": (0.2, 0.2)})
    changed = augment(middle, policy, seed=1)
    np.testing.assert_allclose(changed @ LUMA, middle @ LUMA, atol=0.01)
    sign = np.where(one_number("hue_sign", policy) < 0.5, 1, -1)
    turned = keras.layers.RandomHue(0.2).transform_images(
        middle, {"factor": (0.1 * sign).astype("float32")}
    )
    turned = np.asarray(turned)
    ours, theirs = (changed - middle).ravel(), (turned - middle).ravel()
    assert np.corrcoef(ours, theirs)[0, 1] > 0.6
    grey = np.full((2, 5, 5, 3), 120.0)
    np.testing.assert_allclose(augment(grey, policy, seed=1), grey, atol=1e-3)


def test_greyscale_is_that_of_keras_with_its_probability(images):
    changed = augment(images, grayscale=1, seed=1)
    expected = np.asarray(keras.ops.image.rgb_to_grayscale(images))
    # Keras's weights sum to 0.9999.
    np.testing.assert_allclose(changed - expected, 0, atol=0.05)
    policy = augmentation(grayscale=0.3)
    linear = drawn(policy, np.empty((3000, 2, 2, 3)))["color"][:, 0, 1]
    assert abs((linear > 0.5).mean() - 0.3) < 0.03


def test_pca_colour_shifts_along_the_eigenvectors():
    policy = augmentation(pca_color=0.1)
    shifts = drawn(policy, np.empty((20_000, 2, 2, 3)))["color"][:, :, 3]
    options = policy.to_config()["pca_color"]
    vectors, values = np.array(options["eigenvectors"]), options["eigenvalues"]
    alphas = shifts @ np.linalg.inv(vectors).T / values / 255
    np.testing.assert_allclose(alphas.mean(0), 0, atol=0.005)
    np.testing.assert_allclose(np.cov(alphas.T), 0.01 * np.eye(3), atol=5e-4)


def test_colours_are_one_matrix_of_all_steps(images):
    middle = images / 6 + 100
    policy = augmentation(
        color_jitter={
            "brightness_factor": 0.05,
            "contrast_factor": 0.2,
            "saturation_factor": (0.4, 0.6),
        },
        grayscale=0.5,
    )
    names = ("brightness", "contrast", "saturation", "grayscale")
    brightness, contrast, saturation, grey = (
        one_number(name, policy)[:, None, None, None] for name in names
    )
    step = middle + 255 * brightness
    mean = step.mean(axis=(1, 2), keepdims=True)
    step = (step - mean) * contrast + mean
    luma = (step @ LUMA)[..., None]
    step = luma + saturation / (1 - saturation) * (step - luma)
    step = np.where(grey < 0.5, (step @ LUMA)[..., None], step)
    np.testing.assert_allclose(augment(middle, policy, seed=1), step, atol=2e-3)


def test_the_warps_are_one_product_of_all_steps():
    names = ("flip", "translation", "shear", "rotation", "zoom")
    operations = {name: EVERYTHING[name] for name in names}
    shape = (50, 20, 24, 3)

    def matrices(**some):
        rows = drawn(augmentation(**some), np.empty(shape))["warp"].reshape(-1, 2, 3)
        last = np.tile([[[0, 0, 1]]], (50, 1, 1))
        return np.concatenate([rows, last], axis=1)

    product = np.eye(3)
    for name, value in operations.items():
        product = product @ matrices(**{name: value})
    np.testing.assert_allclose(matrices(**operations), product, atol=1e-4)


def test_blur_is_that_of_keras_inside_the_image(images):
    policy = augmentation(gaussian_blur={"sigma": (0.8, 0.8), "kernel_size": 5})
    # Not told, Keras 3.15 takes channels to be first under JAX and torch.
    expected = keras.ops.image.gaussian_blur(
        images, (5, 5), (0.8, 0.8), data_format="channels_last"
    )
    inside = (slice(None), slice(2, -2), slice(2, -2))
    changed = augment(images, policy, seed=1)
    np.testing.assert_allclose(changed[inside], expected[inside], atol=0.01)
    whole = augment(np.rint(images).astype("uint8"), policy, seed=1)
    assert np.abs(whole[inside] - np.asarray(expected)[inside]).max() < 2
    # At the edges the image goes on mirrored, and does not turn dark.
    bright = np.full((1, 8, 8, 3), 200.0)
    np.testing.assert_allclose(augment(bright, policy, seed=1), bright, atol=1e-3)


def test_noise_has_its_deviation_and_differs_between_images():
    grey = np.full((40, 32, 32, 3), 127.0)
    noise = augment(grey, gaussian_noise=0.1, seed=1) - 127.0
    assert abs(noise.std() - 25.5) < 0.5 and abs(noise.mean()) < 0.5
    flat = noise.reshape(40, -1)
    apart = np.corrcoef(flat)[np.triu_indices(40, 1)]
    assert np.abs(apart).max() < 0.15


def test_erased_boxes_are_those_of_keras(images):
    policy = augmentation(erasing={"scale": (0.1, 0.3), "fill_value": (255, 0, 9)})
    sides = [
        np.sqrt(one_number(f"erase_area_{way}", policy)) for way in ("wide", "tall")
    ]
    starts = [one_number(f"erase_{way}", policy) for way in ("right", "down")]
    corners = []
    for side, start, size in zip(sides, starts, (24, 20), strict=True):
        corners += [
            start * (size - side * size),
            start * (size - side * size) + side * size,
        ]
    corners = [keras.ops.convert_to_tensor(corner) for corner in corners]
    layer = keras.layers.RandomErasing(fill_value=(255, 0, 9))
    mask = np.asarray(layer._generate_batch_mask(images.shape, corners))
    expected = np.where(mask, np.float32([255, 0, 9]), images)
    assert (augment(images, policy, seed=1) == expected).all()
    assert mask.any((1, 2, 3)).all()


def test_erasing_has_its_probability_and_fills_with_noise():
    grey = np.full((400, 8, 8, 1), 100, "uint8")
    changed = augment(grey, erasing=0.25, seed=1)
    hit = (changed != 100).any((1, 2, 3))
    assert abs(hit.mean() - 0.25) < 0.07
    filled = changed[changed != 100]
    assert (filled == 0).mean() > 0.4 and (filled == 255).mean() > 0.1
    assert np.unique(filled).size > 50


# What holds for all


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda value: next(iter(value)))
@settings(max_examples=25)
@given(data=st.data())
def test_shape_type_and_range_are_kept(operation, data):
    dtype = data.draw(st.sampled_from(["uint8", "float32"]))
    shape = data.draw(st.tuples(*[st.integers(1, 9)] * 3, st.sampled_from([1, 3])))
    values = {"min_value": 0, "max_value": 255}
    if dtype == "float32":
        values["width"] = 32
    elements = hnp.from_dtype(
        np.dtype(dtype),
        **{name: value for name, value in values.items() if name != "width"},
    )
    images = data.draw(hnp.arrays(dtype, shape, elements=elements, fill=elements))
    before = images.copy()
    policy = augmentation(**operation)
    positions = np.arange(len(images))
    changed = host.apply(policy, images, 1, 0, positions)
    assert changed.shape == images.shape and changed.dtype == images.dtype
    assert np.isfinite(changed).all()
    assert changed.min() >= 0 and changed.max() <= 255
    assert (images == before).all()
    assert changed.tobytes() == host.apply(policy, images, 1, 0, positions).tobytes()


@given(seed=st.integers(0, 2**64), start=st.integers(0, 29), stop=st.integers(1, 30))
def test_part_of_the_images_gives_part_of_the_result(seed, start, stop):
    images = np.random.default_rng(1).integers(0, 256, (30, 7, 9, 3), dtype="uint8")
    policy = augmentation(**EVERYTHING)
    positions = np.random.default_rng(seed).permutation(30)
    whole = host.apply(policy, images, seed, 3, np.arange(30))
    some = positions[start:stop]
    assert (host.apply(policy, images[some], seed, 3, some) == whole[some]).all()


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_threads_and_blocks_change_nothing(dtype):
    images = np.random.default_rng(1).integers(0, 256, (40, 90, 100, 3)).astype(dtype)
    policy = augmentation(**EVERYTHING)
    positions = np.arange(40)
    alone = host.apply(policy, images, 5, 1, positions, threads=1)
    assert (host.apply(policy, images, 5, 1, positions, threads=3) == alone).all()
    for position in (0, 17, 39):
        one = host.apply(
            policy, images[position : position + 1], 5, 1, positions[[position]]
        )
        assert (one == alone[position]).all()


def test_seeds_and_epochs_differ(images):
    policy = augmentation(rotation=0.1)
    first = augment(images, policy, seed=1)
    assert (first == augment(images, policy, seed=1)).all()
    assert (first != augment(images, policy, seed=2)).any()
    assert (augment(images, policy) != augment(images, policy)).any()
    copies = augment(images, policy, copies=3, seed=1)
    assert copies.shape == (18, 20, 24, 3)
    assert (copies[::3] == first).all()
    assert (copies[1::3] != first).any((1, 2, 3)).all()


def test_one_operation_does_not_change_the_draws_of_another():
    some = augmentation(rotation=0.1, erasing=0.5)
    more = augmentation(**{**EVERYTHING, "rotation": 0.1, "erasing": 0.5})
    for name in some._draws.names:
        assert (one_number(name, some) == one_number(name, more)).all()


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("fill_mode", ["reflect", "constant", "nearest", "wrap"])
def test_channels_are_treated_alike(channels, fill_mode):
    one = np.random.default_rng(1).uniform(0, 255, (5, 12, 9, 1)).astype("float32")
    names = (
        "crop",
        "flip",
        "translation",
        "shear",
        "rotation",
        "zoom",
        "gaussian_blur",
    )
    policy = augmentation(
        **{name: EVERYTHING[name] for name in names}, fill_mode=fill_mode
    )
    changed = host.apply(policy, np.repeat(one, channels, axis=3), 1, 0, np.arange(5))
    alone = host.apply(policy, one, 1, 0, np.arange(5))
    np.testing.assert_allclose(changed, np.repeat(alone, channels, 3), atol=1e-3)


def test_far_outside_is_mirrored_again():
    ramp = np.tile(np.arange(10, dtype="float32")[None, None, :, None], (1, 4, 1, 1))
    warp = Warp(np, (4, 10, 1), np.zeros(1, "float32"))
    warp.crop(np.float32([0]), np.float32([33]), (4, 10))
    changed = np.empty_like(ramp)
    constants = {"fill_mode": "reflect", "interpolation": "bilinear"}
    opencv_warp.warp(ramp, changed, warp.parameters(), constants)
    np.testing.assert_allclose(
        changed[0, 0, :, 0], [6, 5, 4, 3, 2, 1, 0, 0, 1, 2], atol=1e-3
    )


# augment()


def test_identity_is_the_identity_and_a_copy(images):
    for policy in (augmentation(), Policy.from_config(augmentation().to_config())):
        assert not policy
        changed = augment(images, policy, seed=1)
        assert (changed == images).all() and not np.shares_memory(changed, images)
    assert augmentation(rotation=0.1) and augmentation(crop=(4, 4))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda value: next(iter(value)))
def test_any_memory_order_and_read_only_arrays(operation):
    images = np.random.default_rng(1).integers(0, 256, (4, 9, 8, 3), dtype="uint8")
    expected = augment(images, seed=1, **operation)
    for given_order in (
        np.asfortranarray(images),
        np.ascontiguousarray(images[::-1])[::-1],
        np.asfortranarray(images.astype("float64")),
        images.astype("int32"),
    ):
        given_order.flags.writeable = False
        before = given_order.copy()
        changed = augment(given_order, seed=1, **operation)
        assert changed.dtype == np.uint8 and (changed == expected).all()
        assert (given_order == before).all()


def test_as_many_grey_images_as_they_are_high_stay_as_many():
    images = np.random.default_rng(1).integers(0, 256, (6, 6, 6), dtype="uint8")
    changed = augment(images, flip="horizontal", seed=1)
    assert changed.shape == (6, 6, 6, 1)
    one = augment(images[:1], flip="horizontal", seed=1)
    np.testing.assert_array_equal(one, changed[:1])


def test_one_image_stays_one_image():
    colour = np.zeros((8, 8, 3), "uint8")
    assert augment(colour, rotation=0.1).shape == (8, 8, 3)
    assert augment(colour, rotation=0.1, copies=2).shape == (2, 8, 8, 3)
    assert augment(colour[..., 0], rotation=0.1).shape == (8, 8, 1)
    assert augment(np.zeros((1, 9, 8)), rotation=0.1).shape == (1, 9, 8, 1)
    assert augment(colour[None], rotation=0.1).shape == (1, 8, 8, 3)
    assert augment(colour[None, :1, :1], rotation=0.1).shape == (1, 1, 1, 3)


def test_no_images_give_no_images():
    none = np.zeros((0, 8, 8, 3), "uint8")
    assert augment(none, crop=(4, 5), color_jitter=0.1).shape == (0, 4, 5, 3)
    assert augment(none, rotation=0.1, copies=2).shape == (0, 8, 8, 3)


def test_image_data_keeps_its_labels():
    pixels = np.random.default_rng(1).integers(0, 256, (4, 8, 8, 3))
    data = image_arrays(pixels, ["cat", "dog", "dog", "cat"])
    changed = augment(data, rotation=0.1, copies=2, seed=1)
    assert changed.labels == ["cat"] * 2 + ["dog"] * 4 + ["cat"] * 2
    expected = augment(pixels, rotation=0.1, copies=2, seed=1)
    assert (changed.read(np.arange(8)) == expected).all()
    assert augment(image_arrays(pixels), flip="vertical").labels is None


def test_values_outside_are_cut_off_with_a_warning():
    images = np.float32([[[[-20.5, 0.5, 300]]]])
    with pytest.warns(UserWarning, match="outside 0 to 255"):
        changed = augment(images, flip="horizontal", seed=1)
    np.testing.assert_allclose(changed, [[[[0, 0.5, 255]]]], atol=1e-4)


def test_numbers_as_r_sends_them():
    in_r = augmentation(
        crop=[12.0, 12.0], rotation=[-0.1, 0.1], translation={"width_factor": 0.1}
    )
    in_python = augmentation(
        crop=(12, 12), rotation=0.1, translation={"width_factor": (-0.1, 0.1)}
    )
    assert in_r == in_python and hash(in_r) == hash(in_python)


# Policies


@pytest.mark.parametrize("operation", [{}, EVERYTHING, *OPERATIONS])
def test_policies_go_through_json_and_pickle(operation):
    policy = augmentation(**operation, fill_mode="constant", fill_value=9)
    again = Policy.from_config(json.loads(json.dumps(policy.to_config())))
    assert again == policy == pickle.loads(pickle.dumps(policy))
    assert again != augmentation(**operation)
    images = np.random.default_rng(1).integers(0, 256, (3, 8, 8, 3), dtype="uint8")
    assert (augment(images, again, seed=1) == augment(images, policy, seed=1)).all()


def test_settings_of_length_one_may_come_from_r_as_scalars():
    policy = augmentation(erasing={"fill_value": 255}, rotation=0.1)
    config = policy.to_config()
    assert config["erasing"]["fill_value"] == [255]
    config["erasing"]["fill_value"] = 255.0
    again = Policy.from_config(config)
    assert again == policy
    images = np.zeros((3, 8, 8, 3), "uint8")
    assert (augment(images, again, seed=1) == augment(images, policy, seed=1)).all()


def test_policies_never_change():
    policy = augmentation(rotation=0.1)
    with pytest.raises(AttributeError, match="cannot be changed"):
        policy.fill_mode = "wrap"
    policy.to_config()["rotation"]["factor"][0] = 3
    assert policy == augmentation(rotation=0.1)


def test_policies_print_what_they_do():
    assert repr(augmentation()) == "<Policy> augmentation, does nothing"
    policy = augmentation(**{**EVERYTHING, "crop": (12, 16)}, fill_mode="constant")
    assert repr(policy).splitlines() == [
        "<Policy> augmentation",
        "crop            12 x 16 pixels",
        "flip            horizontal and vertical, each for half of the images",
        "translation     -20 to 20 % of the height, -20 to 20 % of the width",
        "shear           0 to 10 % along x, 0 to 10 % along y, to both sides",
        "rotation        -36 to 36 degrees",
        "zoom            -20 to 20 % more of the height and, by the same, of the width",
        "perspective     corners moved by up to 10 % of the sides",
        "elastic         waves of 0 to 0.8463 % of the longer side",
        "color_jitter    brightness -25.5 to 25.5, contrast times 0.8 to 1.2, "
        "saturation times 0.4286 to 2.333, hue 0 to 36 degrees to both sides",
        "grayscale       20 % of the images",
        "pca_color       standard deviation 0.1",
        "gaussian_blur   sigma 0 to 1 pixels, 100 % of the images",
        "gaussian_noise  standard deviation 12.75",
        "erasing         a box of 2 to 33 % of the area, for 50 % of the images, "
        "filled with noise",
        "outside         constant 0",
    ]


# Bad input


@pytest.mark.parametrize(
    ("operation", "parts"),
    [
        ({"crop": 0}, ["above 0", "0"]),
        ({"crop": -2}, ["-2"]),
        ({"crop": float("nan")}, ["NA"]),
        ({"crop": (0.5, 4)}, ["fractions", "0.5, 4"]),
        ({"crop": 3.5}, ["3.5", "3 or 4"]),
        ({"crop": (1, 2, 3)}, ["two"]),
        ({"crop": {"height": 3}}, ["width"]),
        ({"flip": "sideways"}, ["sideways", "horizontal"]),
        ({"translation": 1.5}, ["at most 1", "1.5"]),
        ({"translation": {"factor": 1}}, ["factor", "height_factor"]),
        ({"translation": {}}, ["height_factor"]),
        ({"shear": -0.1}, ["at least 0"]),
        ({"rotation": "a"}, ["'a'"]),
        ({"rotation": (0, float("nan"))}, ["NA"]),
        ({"zoom": -1}, ["above -1"]),
        ({"color_jitter": 1}, ["below 1"]),
        ({"color_jitter": {"hue": 0.1}}, ["hue_factor"]),
        ({"color_jitter": {"contrast_factor": -0.1}}, ["at least 0"]),
        ({"color_jitter": {"contrast_factor": 2}}, ["`contrast_factor`", "at most 1"]),
        ({"crop": {"height": "a", "width": 1}}, ["`height`", "'a'"]),
        ({"flip": {"mode": "sideways"}}, ["`mode`", "sideways"]),
        ({"shear": {"y_factor": -1}}, ["`y_factor`", "at least 0"]),
        ({"zoom": {"width_factor": 3}}, ["`width_factor`", "not 3"]),
        ({"erasing": {"fill_value": -1}}, ["`fill_value`", "not -1"]),
        ({"grayscale": 2}, ["at most 1"]),
        ({"pca_color": {"eigenvalues": [1, 2]}}, ["`eigenvalues`", "3 numbers"]),
        ({"pca_color": {"eigenvalues": "a"}}, ["3 numbers", "'a'"]),
        ({"pca_color": {"eigenvectors": {"a": 1}}}, ["3 x 3 numbers", "'a'"]),
        ({"gaussian_blur": -1}, ["at least 0"]),
        ({"gaussian_blur": {"kernel_size": 4}}, ["odd", "Use 5"]),
        ({"gaussian_noise": 20}, ["at most 1"]),
        ({"erasing": {"fill_value": (1, 2)}}, ["fill_value", "three"]),
        ({"erasing": {"scale": 2}}, ["at most 1"]),
        ({"fill_mode": "mirror"}, ["reflect"]),
        ({"fill_value": 300}, ["at most 255"]),
        ({"interpolation": "cubic"}, ["bilinear"]),
    ],
)
def test_bad_settings_are_refused(refused, operation, parts):
    with refused((ValueError, TypeError), next(iter(operation)), *parts):
        augmentation(**operation)


def test_images_that_do_not_fit_are_refused(refused):
    small = np.zeros((2, 8, 8, 3), "uint8")
    with refused(ValueError, "crop", "8 x 9", "8 x 8"):
        augment(small, crop=(8, 9))
    with refused(ValueError, "color_jitter", "2", "geometric"):
        augment(small[..., :2], color_jitter=0.1)
    with refused(ValueError, "erasing", "3 channels", "1"):
        augment(small[..., :1], erasing={"fill_value": (1, 2, 3)})
    with refused(ValueError, "images", "missing"):
        augment(np.full((2, 8, 8, 3), np.nan), rotation=0.1)
    with refused(ValueError, "images", "(2, 8, 8, 3, 1)"):
        augment(np.zeros((2, 8, 8, 3, 1)), rotation=0.1)


def test_bad_calls_are_refused(refused):
    small = np.zeros((2, 8, 8, 3), "uint8")
    with refused(TypeError, "augment", "rotate", "'rotation'"):
        augment(small, rotate=0.1)
    with refused(ValueError, "policy", "rotation", "either"):
        augment(small, augmentation(flip="vertical"), rotation=0.1)
    with refused(TypeError, "policy", "0.1", "augmentation()"):
        augment(small, 0.1)
    with refused(ValueError, "copies", "0"):
        augment(small, rotation=0.1, copies=0)
    with refused(ValueError, "seed", "-1"):
        augment(small, rotation=0.1, seed=-1)
    with refused(ValueError, "policy", "'magic'", "augmentation"):
        Policy.from_config({"policy": "magic"})
    with refused(TypeError, "config", "a dict", "'magic'"):
        Policy.from_config("magic")
    with refused(ValueError, "config", "'augmentation'", "'rotate'"):
        Policy.from_config({"policy": "augmentation", "rotate": 0.1})
    with refused(ValueError, "rotation", "at most 1", "not 3"):
        Policy.from_config({"policy": "augmentation", "rotation": {"factor": 3}})


@pytest.mark.parametrize("fill_mode", ["reflect", "constant", "nearest", "wrap"])
@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize(
    "moves", [{"rotation": 0.1, "translation": 0.3}, {"perspective": 0.4}]
)
def test_large_images_are_warped_as_small_ones(fill_mode, channels, moves):
    coarse = np.random.default_rng(1).uniform(0, 255, (3, 9, 9, channels))
    images = np.asarray(keras.ops.image.resize(coarse, (90, 80)), "float32")
    policy = augmentation(**moves, fill_mode=fill_mode)
    given = drawn(policy, images)
    (constants,) = policy.parts(channels)[0].values()
    together, each = np.empty_like(images), np.empty_like(images)
    opencv_warp._warp_together(images, together, given, constants)
    opencv_warp._warp_each(images, each, given["warp"], constants)
    assert (np.abs(together - each) < 1).mean() > 0.99


@pytest.mark.parametrize("fill_mode", ["reflect", "constant", "nearest", "wrap"])
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_small_images_do_not_depend_on_whether_others_are_turned(
    fill_mode, interpolation
):
    images = np.random.default_rng(1).integers(0, 256, (9, 20, 31, 3), np.uint8)
    policy = augmentation(
        flip="horizontal_and_vertical",
        translation=0.9,
        zoom=0.5,
        fill_mode=fill_mode,
        interpolation=interpolation,
    )
    given = drawn(policy, images)
    (constants,) = policy.parts(3)[0].values()
    alone, beside = np.empty_like(images), np.empty_like(images)
    opencv_warp.warp(images, alone, given, constants)
    turned = given["warp"].copy()
    turned[-1] = [0.8, -0.6, 5, 0.6, 0.8, 0]
    opencv_warp.warp(images, beside, {"warp": turned}, constants)
    np.testing.assert_array_equal(beside[:-1], alone[:-1])
    assert (beside[-1] != alone[-1]).any()


@pytest.mark.skipif(cv2.__version__ < "5", reason="OpenCV 4 cannot")
@pytest.mark.parametrize("size", [(40_000, 8), (8, 40_000)])
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_very_long_images_are_warped(size, interpolation):
    ramp = np.linspace(0, 250, 40_000, dtype="float32")[None]
    images = ramp.repeat(8, axis=0).reshape(1, 8, 40_000, 1)
    images = images if size[0] == 8 else images.swapaxes(1, 2).copy()
    turned = augment(images, rotation=(0.5, 0.5), interpolation=interpolation)
    np.testing.assert_allclose(turned, images[:, ::-1, ::-1], atol=0.02)
    assert augment(images, crop=[8, 8], rotation=0.1).shape == (1, 8, 8, 1)


def test_images_too_long_for_an_older_opencv_are_refused(refused, monkeypatch):
    def fail(*_):
        raise cv2.error("(-215:Assertion failed) dst.cols < SHRT_MAX")

    monkeypatch.setattr(opencv_warp.cv2, "warpAffine", fail)
    with refused(ValueError, "images", "40000 x 8", "32766"):
        augment(np.zeros((1, 40_000, 8, 3), "uint8"), crop=[8, 8], rotation=0.1)


def test_any_number_of_channels_is_blurred():
    images = np.random.default_rng(1).uniform(0, 255, (2, 8, 8, 600)).astype("f4")
    blurred = augment(images, gaussian_blur=1, seed=1)
    for start in range(0, 600, 100):
        some = slice(start, start + 100)
        part = augment(images[..., some].copy(), gaussian_blur=1, seed=1)
        np.testing.assert_allclose(blurred[..., some], part, rtol=1e-5)
