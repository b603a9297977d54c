import math
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from reticnn import coercion
from reticnn.notation import RNotation, written_in

NA_INTEGER = -(2**31)
NA_REAL = float("nan")

whole_numbers = [3, 3.0, np.int32(3), np.float64(3), np.array([3.0]), np.array(3, "i4")]


# Numbers


@pytest.mark.parametrize("value", whole_numbers, ids=repr)
def test_whole_number_of_any_kind_is_an_int(value):
    result = coercion.as_int(value, "filters")
    assert result == 3
    assert type(result) is int


@pytest.mark.parametrize(
    ("value", "error", "parts"),
    [
        (3.5, ValueError, ["3.5", "Use 3 or 4"]),
        (np.float32(2.5), ValueError, ["2.5", "Use 2 or 3"]),
        (-0.5, ValueError, ["-0.5", "Use -1 or 0"]),
        (0, ValueError, ["at least 1", "not 0", "Use 1 or more"]),
        (-4.0, ValueError, ["not -4", "Use 1 or more"]),
        (NA_INTEGER, ValueError, ["not NA", "Give a number"]),
        (float(NA_INTEGER), ValueError, ["not NA", "Give a number"]),
        (NA_REAL, ValueError, ["not NA", "Give a number"]),
        (np.array([np.nan]), ValueError, ["not NA", "Give a number"]),
        (math.inf, ValueError, ["inf", "Give a finite number"]),
        ("3", TypeError, ["'3'"]),
        ("NA", TypeError, ["'NA'"]),
        (True, TypeError, ["True"]),
        (None, TypeError, ["None"]),
        ([1.0, 2.0], TypeError, ["(1, 2)"]),
        ({"a": 1.0}, TypeError, ["'a'"]),
        (np.zeros((2, 2)), TypeError, ["array of shape (2, 2)"]),
    ],
    ids=repr,
)
def test_other_than_whole_numbers_are_refused(refused, value, error, parts):
    with refused(error, "filters", "must be a whole number", *parts):
        coercion.as_int(value, "filters")


def test_minimum_can_be_lifted():
    assert coercion.as_int(-3.0, "shift", minimum=None) == -3


@given(st.integers(-(2**53), 2**53))
def test_every_whole_double_is_its_int(number):
    assume(number != NA_INTEGER)
    assert coercion.as_int(float(number), "n", minimum=None) == number


@given(st.floats(-(2.0**50), 2.0**50).filter(lambda number: number % 1))
def test_no_fraction_is_an_int(refused, number):
    low = math.floor(number)
    with refused(ValueError, "n", f"Use {low} or {low + 1}"):
        coercion.as_int(number, "n", minimum=None)


@pytest.mark.parametrize("value", [0, 0.5, np.float32(0.5), np.array([0.25]), 1])
def test_number_within_bounds_is_a_float(value):
    result = coercion.as_float(value, "rate", minimum=0, maximum=1)
    assert result == value
    assert type(result) is float


@pytest.mark.parametrize(
    ("bounds", "value", "wanted"),
    [
        ({"minimum": 0}, -0.25, "at least 0"),
        ({"above": 0}, 0.0, "above 0"),
        ({"maximum": 1}, 1.5, "at most 1"),
        ({"below": 1}, 1, "below 1"),
        ({"minimum": 0, "below": 1}, 7.0, "at least 0 and below 1"),
    ],
)
def test_number_out_of_bounds_is_refused(refused, bounds, value, wanted):
    with refused(ValueError, "rate", wanted, f"not {value:g}", "in that range"):
        coercion.as_float(value, "rate", **bounds)


@pytest.mark.parametrize(
    ("value", "error", "shown"),
    [
        (NA_REAL, ValueError, "NA"),
        (NA_INTEGER, ValueError, "NA"),
        (-math.inf, ValueError, "-inf"),
        ("a tenth", TypeError, "'a tenth'"),
        (False, TypeError, "False"),
        (None, TypeError, "None"),
        ([0.1, 0.2], TypeError, "(0.1, 0.2)"),
    ],
)
def test_other_than_numbers_are_refused(refused, value, error, shown):
    with refused(error, "rate", "must be a number", f"not {shown}"):
        coercion.as_float(value, "rate")


# Words


@pytest.mark.parametrize("value", [True, np.True_])
def test_booleans_are_taken(value):
    assert coercion.as_bool(value, "rescale") is True


@pytest.mark.parametrize("value", [1, 0.0, "TRUE", None, NA_INTEGER])
def test_other_than_booleans_are_refused(refused, value):
    shown = "NA" if value == NA_INTEGER else f"{value!r}".removesuffix(".0")
    with refused(TypeError, "rescale", "True or False", shown):
        coercion.as_bool(value, "rescale")


@pytest.mark.parametrize("value", ["", 3.0, None, ["a", "b"], b"a"])
def test_other_than_a_string_is_refused(refused, value):
    with refused(TypeError, "name", "must be a non-empty string"):
        coercion.as_string(value, "name")


def test_choice_among_words_and_none():
    assert coercion.as_choice("max", "pool", ("max", "average", None)) == "max"
    assert coercion.as_choice(None, "pool", ("max", "average", None)) is None


@pytest.mark.parametrize("typed", ["avrage", "Average", "averag"])
def test_misspelt_choice_names_the_nearest(refused, typed):
    with refused(
        ValueError,
        "pool",
        "'max', 'average', None",
        f"not {typed!r}",
        "Did you mean 'average'?",
    ):
        coercion.as_choice(typed, "pool", ("max", "average", None))


@pytest.mark.parametrize("value", [3.0, True, None, ["max", "min"], {"pool": "max"}])
def test_choice_must_be_one_of_the_words(refused, value):
    with refused(ValueError, "pool", "'max', 'average'"):
        coercion.as_choice(value, "pool", ("max", "average"))


def test_unlike_choice_suggests_nothing():
    with pytest.raises(ValueError, match="`pool`") as caught:
        coercion.as_choice("zzz", "pool", ("max", "average"))
    assert "Did you mean" not in str(caught.value)


def test_home_folder_is_expanded(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert coercion.as_path("~/a.png", "path") == f"{tmp_path}/a.png"
    assert coercion.as_path(Path("~") / "a.png", "path") == f"{tmp_path}/a.png"


@pytest.mark.parametrize("value", [None, 3.0, "", ["a.png"], b"a.png"])
def test_other_than_a_path_is_refused(refused, value):
    with refused(TypeError, "path", "must be a non-empty string"):
        coercion.as_path(value, "path")


# Sequences


@pytest.mark.parametrize(
    "value", [[8.0, 16.0], (8, 16), np.array([8, 16], "i4"), np.array([8.0, 16.0])]
)
def test_sequence_of_whole_numbers(value):
    assert coercion.as_ints(value, "units") == (8, 16)


@pytest.mark.parametrize("value", whole_numbers, ids=repr)
def test_scalar_is_a_sequence_of_one(value):
    assert coercion.as_ints(value, "units") == (3,)


@pytest.mark.parametrize(
    ("value", "error", "parts"),
    [
        ([8.0, 3.5], ValueError, ["3.5", "Use 3 or 4"]),
        ([8, NA_INTEGER], ValueError, ["NA"]),
        (np.array([8.0, np.nan]), ValueError, ["NA"]),
        ([8, 0], ValueError, ["not 0", "Use 1 or more"]),
        ([], ValueError, ["at least one number"]),
        ("8", TypeError, ["'8'"]),
        (["8", "16"], TypeError, ["'8'"]),
        ({"a": 8.0}, TypeError, ["'a'"]),
        ([[8, 16], [8, 16]], TypeError, ["(8, 16)"]),
    ],
    ids=repr,
)
def test_bad_item_of_a_sequence_is_refused(refused, value, error, parts):
    with refused(error, "units", *parts):
        coercion.as_ints(value, "units")


@pytest.mark.parametrize(
    ("value", "pair"), [(3.0, (3, 3)), ([3.0], (3, 3)), ([3.0, 5.0], (3, 5))]
)
def test_one_size_or_two(value, pair):
    assert coercion.as_pair(value, "kernel_size") == pair


def test_three_sizes_are_not_a_pair(refused):
    with refused(ValueError, "kernel_size", "(height, width)", "(1, 2, 3)"):
        coercion.as_pair([1.0, 2.0, 3.0], "kernel_size")


@pytest.mark.parametrize(
    "value", [[32.0, 24.0, 3.0], (32, 24, 3), np.array([32, 24, 3], "i4")]
)
def test_image_shape(value):
    assert coercion.as_image_shape(value, "input_shape") == (32, 24, 3)


@pytest.mark.parametrize("value", [32.0, [32.0, 32.0], [1, 32, 32, 3], None, "32"])
def test_image_shape_is_three_numbers(refused, value):
    with refused(ValueError, "input_shape", "three whole numbers", "`(32, 32, 3)`"):
        coercion.as_image_shape(value, "input_shape")


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        ([32.5, 32, 3], ["32.5", "Use 32 or 33"]),
        ([32, 32, 0], ["not 0"]),
        ([32, NA_INTEGER, 3], ["NA"]),
    ],
)
def test_image_shape_of_whole_numbers(refused, value, parts):
    with refused(ValueError, "input_shape", *parts):
        coercion.as_image_shape(value, "input_shape")


@pytest.mark.parametrize("value", [1, 1.0, 3, 3.0, np.int32(3), np.array([3.0])])
def test_grey_or_colour(value):
    result = coercion.as_channels(value)
    assert result == value
    assert type(result) is int


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (2.0, "2"),
        (4, "4"),
        (NA_INTEGER, "NA"),
        (NA_REAL, "NA"),
        ("3", "'3'"),
        (None, "None"),
        (True, "True"),
        ([1.0, 3.0], "(1, 3)"),
        (np.array([1.0, 3.0]), "(2,)"),
    ],
)
def test_other_channels_are_refused(refused, value, shown):
    with refused((TypeError, ValueError), "channels", "1 (grey) or 3 (RGB)", shown):
        coercion.as_channels(value)


def test_seed_is_a_whole_number():
    assert coercion.as_seed(42.0) == 42
    assert coercion.as_seed(0) == 0


def test_no_seed_is_a_new_one():
    assert len({coercion.as_seed(None) for _ in range(5)}) == 5


@pytest.mark.parametrize(
    ("value", "error", "part"),
    [
        (-1.0, ValueError, "Use 0 or more"),
        (1.5, ValueError, "Use 1 or 2"),
        (NA_INTEGER, ValueError, "NA"),
        ("one", TypeError, "'one'"),
    ],
)
def test_bad_seed_is_refused(refused, value, error, part):
    with refused(error, "seed", part):
        coercion.as_seed(value)


@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_class_names(kind):
    assert coercion.as_class_names(kind(["cat", "dog"])) == ["cat", "dog"]
    assert coercion.as_class_names(kind([0.0, 1.0, 7.0])) == ["0", "1", "7"]


@pytest.mark.parametrize(
    ("value", "error", "part"),
    [
        ("cat", ValueError, "'cat'"),
        (["cat", "cat"], ValueError, "'cat'"),
        ([], ValueError, "at least two different names"),
        (["cat", "crane", "dog", "crane"], ValueError, "more than once: 'crane'"),
        (["cat", ""], TypeError, "''"),
        ([0.5, 1.0], ValueError, "0.5"),
        (["cat", 1.0], TypeError, "1"),
        ({"cat": "dog"}, TypeError, "{'cat': 'dog'}"),
    ],
)
def test_class_names_are_two_different_ones(refused, value, error, part):
    with refused(error, "class_names", part):
        coercion.as_class_names(value)


# Labels

# NumPy drops zeros at the end of its strings.
some_text = (
    st.text(st.characters(exclude_characters="\0"), min_size=1)
    .map(coercion.tidy_name)
    .filter(lambda text: text and text not in coercion._MISSING)
)
some_labels = st.one_of(
    st.lists(some_text, min_size=1),
    st.lists(st.integers(-1000, 1000), min_size=1),
    st.lists(st.integers(-1000, 1000).map(float), min_size=1),
    st.lists(st.booleans(), min_size=1),
)


@given(some_labels, st.sampled_from([list, tuple, np.array]))
def test_codes_stand_for_the_labels(labels, kind):
    codes, names = coercion.as_labels(kind(labels))
    text = [str(int(x)) if isinstance(x, float) else str(x) for x in labels]
    assert codes.dtype == np.int64
    assert [names[code] for code in codes] == text
    assert sorted(set(text)) == sorted(names)


@given(st.lists(some_text, min_size=2, unique=True), st.data())
def test_given_classes_keep_their_order(class_names, data):
    labels = data.draw(st.lists(st.sampled_from(class_names)))
    codes, names = coercion.as_labels(labels, class_names)
    assert names == class_names
    assert [class_names[code] for code in codes] == labels


def test_number_labels_are_sorted_as_numbers():
    codes, names = coercion.as_labels([10.0, 9.0, 2.0, 10.0])
    assert names == ["2", "9", "10"]
    assert codes.tolist() == [2, 1, 0, 2]


def test_column_of_labels_is_one_label_an_image():
    codes, names = coercion.as_labels(np.array([[3], [5], [3]]))
    assert names == ["3", "5"]
    assert codes.tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        ([0, 1, 1], [0, 1, 1]),
        ([0.0, 2.0, 1.0], [0, 2, 1]),
        ([1, 2, 3], [0, 1, 2]),
        ([3, 3, 1], [2, 2, 0]),
        ([0, 0], [0, 0]),
        ([3], [2]),
        (np.array([1, 3], "i4"), [0, 2]),
    ],
)
def test_numbers_count_the_classes_from_0_or_from_1(labels, wanted):
    codes, names = coercion.as_labels(labels, ["ant", "bee", "cow"])
    assert codes.tolist() == wanted
    assert names == ["ant", "bee", "cow"]


@pytest.mark.parametrize("labels", [[1, 1], [1, 2], [0, 3], [2, 4], [-1, 0]])
def test_numbers_that_could_mean_either_are_refused(refused, labels):
    classes = ["ant", "bee", "cow"]
    low, high = labels
    with refused(ValueError, "y", f"from {low} to {high}", "'ant'", "Pass the names"):
        coercion.as_labels(labels, classes, name="y")


def test_numbers_that_are_names_are_names():
    codes, names = coercion.as_labels([5, 3, 3], ["5", "3"])
    assert names == ["5", "3"]
    assert codes.tolist() == [0, 1, 1]


def test_booleans_count_false_first():
    assert coercion.as_labels([True, False])[1] == ["False", "True"]
    codes, names = coercion.as_labels([True, False], ["no", "yes"])
    assert names == ["no", "yes"]
    assert codes.tolist() == [1, 0]


def test_unknown_label_is_named(refused):
    with refused(ValueError, "y", "'cow'", "not among the classes", "'ant'", "'bee'"):
        coercion.as_labels(["ant", "cow", "ant"], ["ant", "bee"], name="y")


@pytest.mark.parametrize(
    "labels",
    [
        ["ant", "NA", "bee"],
        ["ant", None, "bee"],
        [1, NA_INTEGER, 2],
        [1.0, NA_REAL, 2.0],
        np.array([1.0, np.nan, 2.0]),
        np.array([1, NA_INTEGER, 2], "i4"),
    ],
    ids=repr,
)
def test_missing_label_is_counted_and_placed(refused, labels):
    with refused(ValueError, "y", "1 missing", "position 1 (c", "label them"):
        coercion.as_labels(labels, name="y")


def test_na_is_a_class_where_it_is_called_one():
    codes, names = coercion.as_labels(["ant", "NA"], ["NA", "ant"])
    assert names == ["NA", "ant"]
    assert codes.tolist() == [1, 0]


@pytest.mark.parametrize(
    "text", ["", " ", "\t\n", "\u00a0", "N/A", "n/a", "nan", "<NA>"]
)
@pytest.mark.parametrize("classes", [None, ["ant", "bee"]])
def test_blank_label_is_missing(refused, text, classes):
    with refused(ValueError, "y", "2 missing", "1, 3", "Remove"):
        coercion.as_labels(["ant", text, "bee", text], classes, name="y")


def test_missing_by_the_text_of_programs_can_be_a_class():
    codes, names = coercion.as_labels(["n/a", "yes", "no"], ["yes", "no", "n/a"])
    assert names == ["yes", "no", "n/a"]
    assert codes.tolist() == [2, 0, 1]
    # Words that people use for a class too.
    assert coercion.as_labels(["none", "None", "null"])[1] == ["None", "none", "null"]


def test_spaces_around_labels_do_not_count():
    with pytest.warns(UserWarning, match="`y` has labels with spaces"):
        codes, names = coercion.as_labels(["b ", "b", "\tc", "c"], name="y")
    assert names == ["b", "c"]
    assert codes.tolist() == [0, 0, 1, 1]
    with pytest.warns(UserWarning, match="spaces"):
        codes, names = coercion.as_labels(["b ", "c"], ["c", "b "])
    assert names == ["c", "b"]
    assert codes.tolist() == [1, 0]


def test_unicode_forms_of_a_label_are_one_class(recwarn):
    composed, decomposed = "Ka\u0308se", "K\u00e4se"
    codes, names = coercion.as_labels([composed, decomposed, "x"])
    assert names == ["K\u00e4se", "x"]
    assert codes.tolist() == [0, 0, 1]
    codes, names = coercion.as_labels([composed, "x"], ["x", decomposed])
    assert names == ["x", "K\u00e4se"]
    assert codes.tolist() == [1, 0]
    assert not recwarn.list


@pytest.mark.parametrize(
    "names", [["a", "a "], ["K\u00e4se", "Ka\u0308se"], ["a", " "]]
)
def test_class_names_that_only_look_different_are_refused(names):
    with pytest.raises((ValueError, TypeError), match="`class_names` must"):
        coercion.as_class_names(names)


@pytest.mark.parametrize("labels", [[0.5, 2.25], np.array([1, 2.25]), [1, 3.5, 2]])
def test_fractions_as_labels_are_regression(refused, labels):
    with refused(ValueError, "y", "(regression) is not supported", "Use"):
        coercion.as_labels(labels, name="y")


@pytest.mark.parametrize(
    "labels", [[["a", "b"], ["a"]], [["a"], "b"], [np.array([1, 2]), 3], ["a", {"b"}]]
)
def test_several_labels_per_image_are_not_offered(refused, labels):
    with refused(
        ValueError, "y", "one label per image", "Several labels", "not supported"
    ):
        coercion.as_labels(labels, name="y")


@pytest.mark.parametrize(
    ("labels", "error", "parts"),
    [
        ([1.5, 2], ValueError, ["1.5", "Use 1 or 2"]),
        ([1, "ant"], TypeError, ["'ant'"]),
        ({"ant": 1}, TypeError, ["'ant'"]),
        (np.eye(3), ValueError, ["(3, 3)", "one-hot"]),
    ],
)
def test_other_labels_are_refused(refused, labels, error, parts):
    with refused(error, "y", *parts):
        coercion.as_labels(labels, name="y")


# Images

image_types = ["u1", "i1", "u2", "i2", ">i2", "i4", "u4", "i8", "f2", "f4", ">f4", "f8"]
image_shapes = hnp.array_shapes(min_dims=2, max_dims=4, min_side=1, max_side=5)


def _arrays(dtype, shape):
    """Return a strategy for arrays of whole numbers or of fractions, 0 to 255."""
    dtype = np.dtype(dtype)
    whole = st.integers(0, 127 if dtype == np.int8 else 255)
    if dtype.kind != "f":
        return hnp.arrays(dtype, shape, elements=whole)
    fractions = st.floats(0, 255, width=8 * dtype.itemsize)
    return hnp.arrays(dtype, shape, elements=whole) | hnp.arrays(
        dtype, shape, elements=fractions
    )


def _layouts(array):
    """Return the same array in each memory order that can come from R or NumPy."""
    spaced = np.zeros([2 * side for side in array.shape], array.dtype)
    spaced[tuple(slice(None, None, 2) for _ in array.shape)] = array
    backwards = tuple(slice(None, None, -1) for _ in array.shape)
    read_only = array.copy()
    read_only.flags.writeable = False
    return {
        "c": np.ascontiguousarray(array),
        "fortran": np.asfortranarray(array),
        "backwards": np.ascontiguousarray(array[backwards])[backwards],
        "spaced": spaced[tuple(slice(None, None, 2) for _ in array.shape)],
        "turned": np.ascontiguousarray(array.T).T,
        "read-only": read_only,
    }


def _as_batch(array):
    if array.ndim == 2:
        return array.reshape(1, *array.shape, 1)
    if array.ndim == 3 and array.shape[2] in (1, 3, 4):
        return array.reshape(1, *array.shape)
    return array.reshape(*array.shape, 1) if array.ndim == 3 else array


@settings(max_examples=400)
@given(st.data(), st.sampled_from(image_types), image_shapes)
def test_images_keep_their_pixels_in_any_type_and_order(data, dtype, shape):
    plain = data.draw(_arrays(dtype, shape))
    before = plain.copy()
    whole = bool((plain == np.floor(plain)).all())
    for layout, array in _layouts(plain).items():
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", "`images` has no value above 1")
            images = coercion.as_images(array)
        assert images.dtype == (np.uint8 if whole else np.float32), layout
        assert images.flags.c_contiguous, layout
        np.testing.assert_array_equal(images, _as_batch(before).astype("f4"), layout)
        np.testing.assert_array_equal(array, before, layout)


@pytest.mark.parametrize("order", ["C", "F"])
@given(hnp.arrays(np.uint8, image_shapes))
def test_raw_bytes_are_pixels(order, plain):
    raw = np.array(plain, order=order).view("V1")
    np.testing.assert_array_equal(coercion.as_images(raw), _as_batch(plain))


def test_many_images_are_the_same_as_few():
    # More than fit into one block of the conversion, a fraction only in the last.
    plain = np.random.default_rng(1).integers(0, 256, (99, 40, 40, 3))
    plain = plain.astype("f8", order="F")
    np.testing.assert_array_equal(coercion.as_images(plain), plain)
    plain[-1, -1, -1, -1] = 0.5
    images = coercion.as_images(plain)
    assert images.dtype == np.float32
    np.testing.assert_array_equal(images, plain)


def test_bytes_in_order_are_not_copied():
    pixels = np.zeros((2, 8, 8, 3), np.uint8)
    assert np.shares_memory(coercion.as_images(pixels), pixels)


@pytest.mark.parametrize(
    ("shape", "batch"),
    [
        ((8, 6), (1, 8, 6, 1)),
        ((8, 6, 1), (1, 8, 6, 1)),
        ((8, 6, 3), (1, 8, 6, 3)),
        ((8, 6, 4), (1, 8, 6, 4)),
        ((9, 8, 6), (9, 8, 6, 1)),
        ((9, 8, 6, 3), (9, 8, 6, 3)),
        ((0, 8, 6, 3), (0, 8, 6, 3)),
    ],
)
def test_missing_dimensions_are_added(shape, batch):
    assert coercion.as_images(np.zeros(shape)).shape == batch


def test_list_of_images_is_a_batch():
    one, two = np.full((8, 6, 3), 1.0), np.full((8, 6, 3), 2, "i4")
    images = coercion.as_images([one, two])
    assert images.shape == (2, 8, 6, 3)
    assert images[:, 0, 0, 0].tolist() == [1, 2]


@pytest.mark.parametrize("shape", [(), (8,), (2, 8, 8, 3, 1), (2, 0, 8, 3), (0, 0)])
def test_other_shapes_are_refused(refused, shape):
    with refused(ValueError, "x", "(n, height, width, channels)", f"shape {shape}"):
        coercion.as_images(np.zeros(shape), "x")


@pytest.mark.parametrize(
    "images",
    [[np.zeros((8, 8, 3)), np.zeros((8, 6, 3))], [[[1, 2], [3]]]],
    ids=["two sizes", "ragged"],
)
def test_images_of_different_sizes_are_refused(refused, images):
    with refused(ValueError, "x", "one size"):
        coercion.as_images(images, "x")


@pytest.mark.parametrize(
    ("images", "shown"),
    [
        (np.ones((8, 8), bool), "bool"),
        (np.full((8, 8), "a"), "'a'"),
        ("photo.png", "'photo.png'"),
        (np.ones((8, 8), complex), "complex"),
    ],
)
def test_other_than_numbers_are_no_images(refused, images, shown):
    with refused(TypeError, "x", "0 to 255", shown):
        coercion.as_images(images, "x")


@pytest.mark.parametrize(
    ("images", "shown"),
    [(None, "None"), ({"a": 1.0}, "'a'"), (np.zeros, "zeros")],
)
def test_objects_are_no_images(refused, images, shown):
    with refused(TypeError, "x", "must be images", shown):
        coercion.as_images(images, "x")


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_missing_pixels_are_counted(refused, dtype, value):
    images = np.zeros((3, 4, 4, 1), dtype)
    images[1, 2, :2] = value
    with refused(ValueError, "x", "2 missing or infinite", "among 48", "Replace them"):
        coercion.as_images(images, "x")


@pytest.mark.parametrize("dtype", ["i4", "i8", "f8"])
def test_missing_integers_are_missing_pixels(refused, dtype):
    images = np.zeros((3, 4, 4, 1), dtype)
    images[2, 0, 0] = NA_INTEGER
    with refused(ValueError, "x", "missing or infinite", "Replace them"):
        coercion.as_images(images, "x")


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [("i2", -5, 300), ("u2", 0, 65535), ("f8", -0.5, 256.5), ("f2", 0, 60000)],
)
def test_pixels_outside_0_to_255_are_kept_with_a_warning(dtype, low, high):
    images = np.zeros((1, 2, 2, 1), dtype)
    images.flat[:2] = low, high
    with pytest.warns(UserWarning) as caught:
        result = coercion.as_images(images, "x")
    assert len(caught) == 1
    message = str(caught[0].message)
    assert "`x`" in message
    assert f"from {low} to {high}" in message
    assert "Rescale the images to 0 to 255" in message
    assert result.min() == low
    assert result.max() == high


def test_pixels_from_0_to_1_are_kept_with_a_warning():
    images = np.random.default_rng(1).random((2, 4, 4, 3))
    with pytest.warns(UserWarning, match=r"`x` has no value above 1.*by 255"):
        result = coercion.as_images(images, "x")
    np.testing.assert_array_equal(result, images.astype("f4"))


@pytest.mark.parametrize("dtype", ["u1", "i4", "f8"])
def test_whole_numbers_from_0_to_1_get_the_hint_too(dtype, recwarn):
    images = np.zeros((3, 4, 4, 1), dtype)
    coercion.as_images(images, "x")
    assert not recwarn.list
    images[1, 2] = 1
    with pytest.warns(UserWarning, match=r"`x` has no value above 1.*by 255"):
        result = coercion.as_images(images, "x")
    np.testing.assert_array_equal(result, images)
    images[2, 0] = 2
    coercion.as_images(images, "x")
    assert len(recwarn.list) == 0


def test_one_image_from_0_to_1_among_others_is_told():
    images = np.random.default_rng(1).random((3, 4, 4, 3))
    images[1:] *= 255
    with pytest.warns(UserWarning, match="no value above 1 in some of the images"):
        coercion.as_images(images, "x")


@pytest.mark.filterwarnings("error")
def test_black_images_are_no_images_from_0_to_1():
    images = np.random.default_rng(1).random((3, 4, 4, 3)) * 255
    images[0] = 0
    coercion.as_images(images, "x")


def test_channels_that_come_first_are_told(recwarn):
    images = np.full((2, 3, 16, 20), 100, "u1")
    coercion.as_images(images.transpose(0, 2, 3, 1), "x")
    coercion.as_images(images[:, :2], "x")
    assert not recwarn.list
    with pytest.warns(UserWarning, match="3 x 16 pixels with 20 channels.*transpose"):
        assert coercion.as_images(images, "x").shape == (2, 3, 16, 20)
    with (
        written_in(RNotation()),
        pytest.warns(UserWarning, match=r"aperm\(x, c\(1, 3, 4, 2\)\)"),
    ):
        coercion.as_images(images[:, :1], "x")


@pytest.mark.parametrize("dtype", ["u1", "f4"])
def test_masked_pixels_are_missing(refused, dtype):
    images = np.ma.array(np.full((2, 4, 4, 3), 100, dtype), mask=False)
    np.testing.assert_array_equal(coercion.as_images(images), images)
    images[1, 2, 3] = np.ma.masked
    for given_ in (images, [images[1]], list(images)):
        with refused(ValueError, "x", "3 masked pixels", "filled(0)"):
            coercion.as_images(given_, "x")


def test_images_of_pillow_are_pixels_or_refused(refused):
    colours = np.random.default_rng(1).integers(0, 256, (2, 16, 20, 3), dtype="u1")
    images = [Image.fromarray(pixels) for pixels in colours]
    np.testing.assert_array_equal(coercion.as_images(images), colours)
    grey = [image.convert("L") for image in images]
    assert coercion.as_images(grey).shape == (2, 16, 20, 1)
    # The numbers of colours in a palette, of inks, or of black.
    for mode in ("P", "CMYK", "1", "LA", "HSV"):
        changed = [images[0], images[1].convert("RGB" if mode != "LA" else "L")]
        changed[1] = changed[1].convert(mode)
        with refused(TypeError, "x", f"mode {mode!r}", 'convert("RGB")'):
            coercion.as_images(changed, "x")
        with refused(TypeError, "x", f"mode {mode!r}"):
            coercion.as_images(changed[1], "x")


def test_narrow_grey_images_in_a_list_are_several():
    images = [np.full((5, 3), number, "u1") for number in range(4)]
    result = coercion.as_images(images)
    assert result.shape == (4, 5, 3, 1)
    assert result[:, 0, 0, 0].tolist() == [0, 1, 2, 3]
    assert coercion.as_images(np.stack(images)).shape == (1, 4, 5, 3)
    assert coercion.as_images([[[1, 2, 3]] * 5] * 4).shape == (1, 4, 5, 3)


# Labels as pandas has them


class _Column(list):
    """A column of a table, with the type that pandas's has."""

    def __init__(self, values, categories):
        super().__init__(values)
        self.dtype = SimpleNamespace(categories=np.array(categories, dtype=object))


@pytest.mark.parametrize(
    ("values", "categories", "names"),
    [
        (["a", "b"], ["b", "c", "a"], ["b", "c", "a"]),
        ([10, 2], [10, 3, 2], ["10", "3", "2"]),
        ([True, False], [True, False], ["True", "False"]),
        (["a", "a"], ["a"], ["a"]),
    ],
)
def test_categories_are_the_classes_in_their_order(values, categories, names):
    column = _Column(values, categories)
    codes, class_names = coercion.as_labels(column)
    assert class_names == names
    assert [class_names[code] for code in codes] == list(map(str, values))
    if len(names) > 1:
        turned = coercion.as_labels(column, names[::-1])
        assert turned[1] == names[::-1]
        assert [turned[1][code] for code in turned[0]] == list(map(str, values))


class NAType:
    """As pandas's, of which nobody knows what it equals."""

    def __eq__(self, other):
        return self

    def __bool__(self):
        raise TypeError("boolean value of NA is ambiguous")

    __hash__ = None


def test_missing_labels_of_pandas_are_missing(refused):
    with refused(ValueError, "y", "1 missing", "position 1"):
        coercion.as_labels(["a", NAType(), "b"], name="y")


@pytest.mark.parametrize(
    ("names", "called"),
    [
        (["no", "yes"], ["no", "yes"]),
        (["FALSE", "TRUE"], ["FALSE", "TRUE"]),
        (["TRUE", "FALSE"], ["FALSE", "TRUE"]),
        (["true", "false", "other"], ["false", "true"]),
    ],
)
def test_booleans_have_the_names_of_their_values_or_of_0_and_1(names, called):
    codes, _ = coercion.as_labels([False, True], names)
    assert [names[code] for code in codes] == called


def test_sets_have_no_order_and_are_refused(refused):
    with refused(TypeError, "y", "in an order", "Give a list"):
        coercion.as_labels({"a", "b"}, name="y")
    with refused(TypeError, "class_names", "in an order", "Give a list"):
        coercion.as_labels(["a", "b"], frozenset(["a", "b"]))


# Tensors


@pytest.fixture(params=["backend", "torch", "gradients", "half"])
def as_tensor(request):
    """Return what makes a tensor of numbers, the backend's or PyTorch's."""
    import keras

    if request.param == "backend":
        return keras.ops.convert_to_tensor
    if request.param == "half":
        return lambda values: keras.ops.cast(keras.ops.array(values), "bfloat16")
    torch = pytest.importorskip("torch")
    gradients = request.param == "gradients"
    return lambda values: torch.tensor(
        values, dtype=torch.float32, requires_grad=gradients
    )


def test_tensors_are_images_and_labels(as_tensor):
    pixels = np.arange(2 * 4 * 4 * 3, dtype="float32").reshape(2, 4, 4, 3)
    images = coercion.as_images(as_tensor(pixels))
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images, pixels)
    both = coercion.as_images([as_tensor(image) for image in pixels])
    np.testing.assert_array_equal(both, pixels)
    labels = np.array([1, 0, 1], "float32")
    for shape in (3, (3, 1)):
        codes, names = coercion.as_labels(as_tensor(labels.reshape(shape)))
        assert codes.tolist() == [1, 0, 1]
        assert names == ["0", "1"]
    codes, names = coercion.as_labels(as_tensor(labels), ["cat", "dog"])
    assert [names[code] for code in codes] == ["dog", "cat", "dog"]
    assert coercion.as_floats(as_tensor(labels), "x") == (1, 0, 1)


def test_messages_show_no_numbers_of_tensors(as_tensor, refused):
    tensor = as_tensor(np.full((2, 3), 7, "float32"))
    with refused(ValueError, "y", "an array of shape (2, 3)"):
        coercion.as_labels(tensor, name="y")
    with refused(TypeError, "n", "an array of shape (2, 3)"):
        coercion.as_int(tensor, "n")
