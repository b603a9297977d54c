import numpy as np
import pytest

import reticnn
from reticnn import (
    image_arrays,
    image_folder,
    image_table,
    load_images,
    shape_images,
    split_images,
)

NA_INTEGER = -(2**31)


def _numbered(n, labels=None):
    """Return image data whose pixels are the images' numbers."""
    return image_arrays(np.arange(n, dtype="u1").reshape(n, 1, 1, 1), labels)


def _numbers(data):
    return load_images(data)["images"].ravel().tolist()


# image_arrays


def test_array_with_labels():
    x = np.random.default_rng(1).integers(0, 256, (6, 8, 6, 3))
    data = image_arrays(x, ["cat", "dog", "cat", "cat", "dog", "cat"])
    assert len(data) == 6
    assert data.image_shape == (8, 6, 3)
    assert data.class_names == ["cat", "dog"]
    assert data.class_counts == {"cat": 4, "dog": 2}
    assert data.labels == ["cat", "dog", "cat", "cat", "dog", "cat"]
    assert data.files is None
    loaded = load_images(data)
    np.testing.assert_array_equal(loaded["images"], x)
    assert loaded["images"].dtype == np.uint8
    assert loaded["labels"] == data.labels


@pytest.mark.parametrize(
    "x",
    [
        np.arange(96.0).reshape(2, 4, 4, 3).copy(order="F"),
        np.arange(96, dtype="i4").reshape(2, 4, 4, 3).copy(order="F"),
        np.arange(96, dtype="u1").reshape(2, 4, 4, 3).copy(order="F").view("V1"),
        [np.arange(48.0).reshape(4, 4, 3), np.arange(48.0, 96).reshape(4, 4, 3)],
    ],
    ids=["double", "integer", "raw", "list"],
)
def test_arrays_as_r_sends_them(x):
    loaded = load_images(image_arrays(x, ["a", "b"]))["images"]
    np.testing.assert_array_equal(loaded, np.arange(96).reshape(2, 4, 4, 3))
    assert loaded.dtype == np.uint8


def test_grey_images_and_one_label():
    data = image_arrays(np.zeros((1, 8, 6)), "cat", class_names=["cat", "dog"])
    assert data.image_shape == (8, 6, 1)
    assert data.class_counts == {"cat": 1, "dog": 0}


def test_labels_are_optional():
    data = image_arrays(np.zeros((2, 8, 8, 3)))
    assert data.labels is data.class_names is data.class_counts is None
    assert load_images(data)["labels"] is None


def test_fractions_are_kept():
    x = np.full((2, 4, 4, 1), 99.5)
    loaded = load_images(image_arrays(x))["images"]
    assert loaded.dtype == np.float32
    np.testing.assert_array_equal(loaded, x)


def test_numbers_from_1_stand_for_the_class_names():
    data = image_arrays(np.zeros((3, 8, 8)), [1.0, 2.0, 2.0], class_names=["no", "yes"])
    assert data.labels == ["no", "yes", "yes"]


@pytest.mark.parametrize(
    ("x", "y", "error", "argument", "parts"),
    [
        (np.zeros((3, 8, 8)), ["a", "b"], ValueError, "x", ["3 images", "2 labels"]),
        (np.zeros((2, 8, 8)), ["a", "NA"], ValueError, "y", ["1 missing"]),
        (np.zeros((2, 8, 8)), [1, NA_INTEGER], ValueError, "y", ["1 missing"]),
        (np.zeros((2, 8, 8)), [0.5, 1], ValueError, "y", ["0.5", "Use 0 or 1"]),
        (np.zeros((2, 8, 8)), np.eye(2), ValueError, "y", ["(2, 2)", "one-hot"]),
        (np.zeros(8), None, ValueError, "x", ["(8,)", "(n, height, width, channels)"]),
        ("photos", None, TypeError, "x", ["'photos'", "0 to 255"]),
        (np.full((1, 2, 2), np.nan), None, ValueError, "x", ["4 missing", "Replace"]),
    ],
)
def test_bad_arrays_are_refused(refused, x, y, error, argument, parts):
    with refused(error, argument, *parts):
        image_arrays(x, y)


@pytest.mark.parametrize("y", [["cat", "cat"], [1, 1], [1.0, 1.0]])
def test_one_class_is_refused(refused, y):
    with refused(ValueError, "y", "only one class", str(y[0]).rstrip(".0"), "two or"):
        image_arrays(np.zeros((2, 8, 8)), y)
    one_of_two = image_arrays(
        np.zeros((2, 8, 8)), ["cat"] * 2, class_names=["cat", "a"]
    )
    assert one_of_two.class_counts == {"cat": 2, "a": 0}


@pytest.mark.parametrize(
    "names", [("cat", "cat\u200b"), ("a b", "a\u00a0b"), ("heart", "heart\ufe0f")]
)
def test_classes_that_look_the_same_are_refused(refused, names):
    with refused(ValueError, "y", "look the same", ascii(names[1])):
        image_arrays(np.zeros((2, 8, 8, 3)), names)


def test_a_class_of_which_nothing_is_seen_is_refused(refused):
    with refused(ValueError, "y", "cannot be shown"):
        image_arrays(np.zeros((2, 8, 8, 3)), ["\u200b", "cat"])


def test_classes_that_differ_in_case_are_refused(refused):
    with refused(ValueError, "y", "'Cat' and 'cat'", "Rename or merge"):
        image_arrays(np.zeros((3, 8, 8)), ["cat", "Cat", "dog"])


def test_class_that_clashes_in_predictions_is_told_at_once(refused, cats):
    with refused(ValueError, "y", "'class'", "another name"):
        image_arrays(np.zeros((3, 8, 8)), ["cat", "class", "dog"])
    (cats / "dog").rename(cats / "class")
    with refused(ValueError, "path", "'class'", "another name"):
        image_folder(cats)
    with refused(ValueError, "labels", "'class'", "another name"):
        image_table([cats / "cat" / "1.png"], "cat", class_names=["class", "cat"])


def test_class_names_without_a_label_are_refused(refused):
    with refused(ValueError, "y", "'cow'", "'cat', 'dog'"):
        image_arrays(np.zeros((1, 8, 8)), "cow", class_names=["cat", "dog"])
    with refused(ValueError, "class_names", "'cat'", "at least two"):
        image_arrays(np.zeros((1, 8, 8)), "cat", class_names="cat")


def test_warning_of_the_range_names_the_users_line():
    with pytest.warns(UserWarning, match="`x`") as caught:
        image_arrays(np.full((1, 2, 2), 300))
    assert caught[0].filename == __file__


# Image data


def test_data_are_described():
    data = image_arrays(np.zeros((1200, 2, 3, 1)), ["cat"] * 1000 + ["ox"] * 200)
    assert repr(data).splitlines() == [
        "<ImageData> 1,200 images, 2 x 3 x 1, in memory",
        "cat  1,000",
        "ox   200",
        "unbalanced: the largest class is 5 times the smallest",
    ]
    balanced = image_arrays(np.zeros((5, 2, 3, 1)), ["cat"] * 3 + ["ox"] * 2)
    assert repr(balanced).splitlines()[1:] == ["cat  3", "ox   2"]
    more_cats = image_arrays(np.zeros((7, 2, 3, 1)), ["cat"] * 5 + ["ox"] * 2)
    assert repr(more_cats).endswith("is 2.5 times the smallest")
    unlabelled = image_arrays(np.zeros((2, 4, 4, 3)))
    assert repr(unlabelled).splitlines()[1:] == ["no labels"]


def test_no_images_are_described_too():
    assert "0 images" in repr(image_arrays(np.zeros((0, 4, 4, 3)), []))
    assert repr(image_arrays(np.zeros((1, 4, 4, 3)))).startswith(
        "<ImageData> 1 image, "
    )


@pytest.mark.parametrize(
    ("positions", "numbers"),
    [
        (slice(1, 4), [1, 2, 3]),
        ([4, 0, 0], [4, 0, 0]),
        (np.array([True, False, False, True, False]), [0, 3]),
        (-1, [4]),
        (slice(0, 0), []),
    ],
)
def test_part_of_the_data(positions, numbers):
    part = _numbered(5, ["a", "b", "c", "d", "e"])[positions]
    assert _numbers(part) == numbers
    assert part.labels == ["abcde"[number] for number in numbers]
    assert part.class_names == list("abcde")


def test_part_of_a_part():
    assert _numbers(_numbered(9)[3:][[0, 2]][1:]) == [5]


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        (np.zeros((2, 8, 8, 3)), ["(2, 8, 8, 3)", "`image_arrays(x, y)`"]),
        (None, ["None", "`image_folder()`"]),
        ({"train": _numbered(3)}, ["'train'", "data['train']"]),
    ],
    ids=["array", "none", "parts"],
)
@pytest.mark.parametrize("function", [load_images, split_images])
def test_other_than_image_data_is_refused(refused, function, data, parts):
    with refused(TypeError, "data", *parts):
        function(data)


# shape_images


def test_shapes_in_turn():
    data = shape_images(7.0, 3.0, image_size=16.0, channels=3.0, seed=1.0)
    shapes = ["circle", "square", "triangle"]
    assert data.class_names == shapes
    assert data.labels == [*shapes, *shapes, "circle"]
    images = load_images(data)["images"]
    assert images.shape == (7, 16, 16, 3)
    assert images.dtype == np.uint8


def test_all_six_shapes_in_grey():
    data = shape_images(12, 6, image_size=8, channels=1)
    shapes = ["circle", "square", "triangle", "star", "cross", "ring"]
    assert data.class_names == shapes
    assert load_images(data)["images"].shape == (12, 8, 8, 1)


def _pixels(*arguments, **options):
    return load_images(shape_images(*arguments, image_size=16, **options))["images"]


def test_seed_fixes_the_shapes():
    np.testing.assert_array_equal(_pixels(20, seed=3), _pixels(20, seed=3))
    assert not np.array_equal(_pixels(20, seed=3), _pixels(20, seed=4))
    assert not np.array_equal(_pixels(20), _pixels(20))


def test_more_shapes_begin_with_the_same_ones():
    np.testing.assert_array_equal(_pixels(20, seed=3), _pixels(600, seed=3)[:20])
    assert len(np.unique(_pixels(600, seed=3), axis=0)) == 600


def test_shape_is_lighter_than_its_ground():
    for image in _pixels(60, 6, seed=1, channels=1)[..., 0].astype(float):
        cut = (image.min() + image.max()) / 2
        assert image[image > cut].mean() - image[image <= cut].mean() > 40


def test_masks_lie_on_the_shapes_and_follow_parts():
    data = shape_images(60, 6, image_size=24, channels=1, seed=1, masks=True)
    plain = shape_images(60, 6, image_size=24, channels=1, seed=1)
    assert plain.masks is None
    pixels = load_images(data)["images"][..., 0].astype(float)
    np.testing.assert_array_equal(load_images(plain)["images"][..., 0], pixels)
    assert data.masks.shape == (60, 24, 24) and data.masks.dtype == bool
    for image, mask in zip(pixels, data.masks, strict=True):
        cut = (image[mask].mean() + image[~mask].mean()) / 2
        assert ((image > cut) == mask).mean() > 0.96
    order = [40, 3]
    np.testing.assert_array_equal(data[order].masks, data.masks[order])
    joined = data[order] + data[:2]
    np.testing.assert_array_equal(joined.masks, data.masks[[*order, 0, 1]])
    assert (data[:2] + plain[2:3]).masks is None


@pytest.mark.parametrize(
    ("arguments", "error", "argument", "parts"),
    [
        ({"n": 0}, ValueError, "n", ["not 0", "Use 1 or more"]),
        ({"n": 10.5}, ValueError, "n", ["10.5", "Use 10 or 11"]),
        ({"num_classes": 1}, ValueError, "num_classes", ["not 1", "Use 2 or more"]),
        ({"num_classes": 7}, ValueError, "num_classes", ["at most 6", "7"]),
        ({"image_size": 7}, ValueError, "image_size", ["not 7", "Use 8 or more"]),
        ({"image_size": [32, 32]}, TypeError, "image_size", ["(32, 32)"]),
        ({"channels": 4}, ValueError, "channels", ["1 (grey) or 3 (RGB)", "4"]),
        ({"seed": -1}, ValueError, "seed", ["-1", "Use 0 or more"]),
        ({"masks": "yes"}, TypeError, "masks", ["'yes'"]),
    ],
)
def test_bad_argument_of_the_shapes_is_named(
    refused, arguments, error, argument, parts
):
    with refused(error, argument, *parts):
        shape_images(**arguments)


# Random states


@pytest.mark.slow
@pytest.mark.parametrize(
    "use",
    [
        lambda: shape_images(10, image_size=8, seed=1),
        lambda: shape_images(10, image_size=8),
        lambda: split_images(_numbered(20), seed=1),
        lambda: split_images(_numbered(20)),
    ],
    ids=["shapes, seed", "shapes", "split, seed", "split"],
)
def test_global_random_states_are_left_alone(drawn_after, use):
    assert drawn_after(use) == drawn_after(lambda: None)


# Arrays of other values


def test_value_range_brings_arrays_to_0_to_255():
    pixels = np.random.default_rng(1).integers(0, 256, (4, 8, 8, 3)).astype("float32")
    mean, deviation = pixels.mean(), pixels.std()
    standard = (pixels - mean) / deviation
    ends = (-mean / deviation, (255 - mean) / deviation)
    for values, value_range in (
        (standard, ends),
        (standard, [ends] * 3),
        (pixels / 255, (0, 1)),
        (pixels / 127.5 - 1, (-1, 1)),
    ):
        data = reticnn.image_arrays(values, value_range=value_range)
        images = reticnn.load_images(data)["images"]
        assert images.dtype == np.uint8
        np.testing.assert_array_equal(images, pixels)
    halves = reticnn.image_arrays(pixels[:2] + 0.5, value_range=(0, 510))
    np.testing.assert_allclose(
        reticnn.load_images(halves)["images"], (pixels[:2] + 0.5) / 2, atol=1e-4
    )


def test_values_beyond_the_range_are_told(refused):
    pixels = np.linspace(-1, 2, 192, dtype="float32").reshape(1, 8, 8, 3)
    with pytest.warns(UserWarning, match=r"128 of 192 values outside `value_range`"):
        reticnn.image_arrays(pixels, value_range=(0, 1))
    for wrong in ("data", (1, 0), 3):
        with refused(ValueError, "value_range"):
            reticnn.image_arrays(pixels, value_range=wrong)
