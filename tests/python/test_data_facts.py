"""Groups of images and facts about them: kept with the images, whatever is done."""

import datetime
from functools import partial

import numpy as np
import pandas as pd
import pytest

from reticnn import (
    augment,
    fold_images,
    image_arrays,
    image_folder,
    image_table,
    split_images,
)
from reticnn.data.conversion import read_at_size
from reticnn.data.hashing import hashed
from reticnn.runtime.carrying import received, sent

NOON = datetime.datetime(2024, 5, 1, 12)

GROUPS = ["north", "north", "south", "east"]
FACTS = {"sex": ["f", None, "m", "f"], "weight": [1.5, 2, None, 3]}


@pytest.fixture
def make():
    """Make image data of four images, 8 x 8, with the arguments given."""
    pixels = np.arange(4, dtype="u1")[:, None, None, None] * np.ones((8, 8, 3), "u1")
    return partial(image_arrays, pixels, ["a", "b", "a", "b"])


def test_groups_and_facts_stay_with_their_images(make):
    data = make(groups=GROUPS, facts=FACTS)
    assert data.groups == GROUPS
    assert data.facts == {"sex": ["f", None, "m", "f"], "weight": [1.5, 2.0, None, 3.0]}
    part = data[[3, 0, 0]]
    assert part.groups == ["east", "north", "north"]
    assert part.facts == {"sex": ["f", "f", "f"], "weight": [3.0, 1.5, 1.5]}
    assert data[np.array(GROUPS) == "south"].facts["sex"] == ["m"]
    for same in (
        read_at_size(data, (16, 16, 3), "data"),
        hashed(data),
        data.with_classes(["b", "c", "a"]),
    ):
        assert (same.groups, same.facts) == (data.groups, data.facts)
    copies = augment(data[2:], flip="horizontal", copies=2, seed=1)
    assert copies.groups == ["south", "south", "east", "east"]
    assert copies.facts["weight"] == [None, None, 3.0, 3.0]
    assert copies.labels == ["a", "a", "b", "b"]


def test_weights_stay_with_their_images(make):
    data = make(weights=[0, 1.5, 2, 1])
    assert data.weights == [0, 1.5, 2, 1]
    assert data[[3, 0, 0]].weights == [1, 0, 0]
    for same in (
        read_at_size(data, (16, 16, 3), "data"),
        hashed(data),
        data.with_classes(["b", "c", "a"]),
        data[:1] + data[1:],
    ):
        assert same.weights == data.weights
    copies = augment(data[2:], flip="horizontal", copies=2, seed=1)
    assert copies.weights == [2, 2, 1, 1]
    parts = split_images(data, 0.5, seed=1)
    number = [int(image[0, 0, 0]) for image in parts["test"].read(slice(None))]
    assert parts["test"].weights == [data.weights[n] for n in number]
    for fold in fold_images(data, 2, seed=1):
        assert sorted(fold["train"].weights + fold["test"].weights) == [0, 1, 1.5, 2]
    assert data.table()["image_weight"] == data.weights
    assert "image_weight" not in make().table()
    assert make().weights is None
    assert repr(data).splitlines()[-1] == "weights: 0 to 2"


def test_weights_can_be_given_in_every_way(make):
    wanted = [1.5, 2.0, 0.0, 3.0]
    for weights in (
        wanted,
        tuple(wanted),
        np.array(wanted),
        np.array(wanted, "float32")[:, None],
        pd.Series(wanted),
        "mass",
    ):
        data = make(weights=weights, facts={"mass": wanted})
        assert data.weights == wanted
        assert all(type(weight) is float for weight in data.weights)
    assert make(weights=np.arange(4)).weights == [0, 1, 2, 3]
    given = np.ones(4)
    make(weights=given).table()["image_weight"][0] = 7
    assert (given == 1).all()


@pytest.mark.parametrize(
    ("weights", "error", "parts"),
    [
        ([1, 2, 3], ValueError, ["3 values for 4 images", "one weight per image"]),
        (1, ValueError, ["1 value for 4 images"]),
        ([1, -1, 1, 1], ValueError, ["at least 0", "-1", "position 1"]),
        ([1, 1, np.inf, 1], ValueError, ["finite", "inf"]),
        ([1e300, 1, 1, 1], ValueError, ["finite"]),
        ([1, None, np.nan, 1], ValueError, ["2 missing values", "0 makes it count"]),
        (["1", "2", "3", "4"], TypeError, ["numbers", "'1'"]),
        ([True, False, True, True], TypeError, ["numbers", "True"]),
        ("mas", ValueError, ["name of one of the facts", "mass"]),
        ({"a": 1}, TypeError, ["a number"]),
    ],
)
def test_bad_weights_are_refused(refused, make, weights, error, parts):
    with refused(error, "weights", *parts):
        make(weights=weights, facts={"mass": [1, 2, 3, 4]})


def test_weighted_images_and_others_are_not_joined(make, refused):
    with refused(ValueError, "weights", "such as 1 for each"):
        make() + make(weights=[1] * 4)
    with refused(ValueError, "facts", "image_weight"):
        make(facts={"image_weight": [1] * 4})


def test_joined_data_have_the_facts_of_all(make):
    one = make(groups=GROUPS, facts=FACTS)
    both = one[:1] + make(groups=[1, 2.0, 3, 4], facts={"site": list("wxyz")})[2:]
    assert both.groups == ["north", "3", "4"]
    assert both.facts == {
        "sex": ["f", None, None],
        "weight": [1.5, None, None],
        "site": [None, "y", "z"],
    }
    whole, others = (
        make(facts={"weight": values}) for values in ([1] * 4, list("wxyz"))
    )
    assert all(
        type(one) is float
        for one in (whole + make(facts=FACTS)).facts["weight"]
        if one is not None
    )
    with pytest.raises(TypeError, match=r"weight.*4 whole numbers, 4 texts"):
        whole + others
    with pytest.raises(ValueError, match="with groups and without cannot be joined"):
        one + make()
    assert (make() + make(facts=FACTS)).groups is None


def test_files_have_groups_and_facts_too(cats):
    files = image_folder(cats, 8).files
    labels = ["cat"] * 3 + ["dog"] * 2
    facts = pd.DataFrame({"home": list("xxyyz"), "day": [NOON.date()] * 5})
    data = image_table(files, labels, 8, groups="home", facts=facts)
    assert data.groups == data.facts["home"] == list("xxyyz")
    assert data.facts["day"] == [NOON.date()] * 5
    assert data.read_at((16, 16, 3)).groups == data.groups
    (cats / "cat" / "2.jpg").write_text("no image")
    with pytest.warns(UserWarning, match="1 of 5 files"):
        data = image_table(
            files, labels, 8, groups="home", facts=facts, on_bad_image="skip"
        )
    assert data.groups == list("xyyz")
    assert image_table(files[:2], groups=["a", "b"]).groups == ["a", "b"]


def test_files_have_weights_too(cats):
    files = image_folder(cats, 8).files
    labels = ["cat"] * 3 + ["dog"] * 2
    facts = pd.DataFrame({"trust": [0.1, 0.2, 0.3, 0.4, 0.5]})
    data = image_table(files, labels, 8, weights="trust", facts=facts)
    assert data.weights == data.facts["trust"] == facts["trust"].tolist()
    assert data.read_at((16, 16, 3)).weights == data.weights
    (cats / "cat" / "2.jpg").write_text("no image")
    with pytest.warns(UserWarning, match="1 of 5 files"):
        data = image_table(files, labels, 8, weights=range(5), on_bad_image="skip")
    assert data.weights == [0, 2, 3, 4]


def test_data_say_that_they_have_groups_and_facts(make):
    assert repr(make(groups=GROUPS, facts=FACTS)).splitlines()[-2:] == [
        "in 3 groups",
        "facts: sex, weight",
    ]
    unlabelled = image_arrays(np.zeros((1, 8, 8, 3)), groups=["a"])
    assert repr(unlabelled).splitlines()[1:] == ["no labels", "in 1 group"]


def _in(zone, time):
    """Return a time of UTC as a clock in a zone shows it."""
    return time.replace(tzinfo=datetime.timezone.utc).astimezone(zone)


def test_values_are_plain_ones_wherever_they_come_from(make):
    zone = datetime.timezone(datetime.timedelta(hours=2))
    hours = [NOON + datetime.timedelta(hours=hour) for hour in range(4)]
    for column, wanted in (
        (np.array([1, 2, 3, 4]), [1, 2, 3, 4]),
        (np.array([1, np.nan, 3, 4]), [1.0, None, 3.0, 4.0]),
        (pd.Series(["a", None, "b", "c"]), ["a", None, "b", "c"]),
        (pd.array([1, None, 3, 4], "Int64"), [1, None, 3, 4]),
        (pd.Series([*hours[:3], None]), [*hours[:3], None]),
        (np.array(hours, "M8[ns]"), hours),
        ([_in(zone, hour) for hour in hours], hours),
        (pd.Categorical(["u", "v", "u", "u"]), ["u", "v", "u", "u"]),
        ([True, None, False, True], [True, None, False, True]),
        ([1, 2.5, None, 3], [1.0, 2.5, None, 3.0]),
        ([hours[0], NOON.date(), None, None], [NOON, NOON.replace(hour=0), None, None]),
    ):
        found = make(facts={"fact": column}).facts["fact"]
        assert found == wanted
        assert list(map(type, found)) == list(map(type, wanted))


def test_groups_are_told_apart_by_what_they_show(make):
    groups = make(groups=[" a", "a", "\u00e9", "e\u0301"]).groups
    assert groups == ["a", "a", "\u00e9", "\u00e9"]
    assert make(groups=np.array([1.0, 2.0, 2.0, 7.5])).groups == ["1", "2", "2", "7.5"]
    assert make(groups=[NOON.date()] * 4).groups == ["2024-05-01"] * 4


@pytest.mark.parametrize(
    ("groups", "error", "parts"),
    [
        (["a", "b"], ValueError, ["2 values for 4 images", "one group per image"]),
        ([], ValueError, ["0 values for 4 images"]),
        (["a", None, "b", ""], ValueError, ["2 missing values", "positions 1, 3"]),
        ([1, float("nan"), 2, 3], ValueError, ["1 missing value", "position 1"]),
        ("sit", ValueError, ["'sit'", "Did you mean 'site'?"]),
        (["home"], ValueError, ["'home'", "The facts are 'site'"]),
        (7, ValueError, ["1 value for 4 images"]),
        ({"a", "b", "c", "d"}, TypeError, ["in an order"]),
        ([["a"], ["b"], ["c"], ["d"]], TypeError, ["a number, a text or a time"]),
        (["a", 1, "b", 2], TypeError, ["2 texts", "2 whole numbers"]),
    ],
)
def test_bad_groups_are_refused(refused, make, groups, error, parts):
    with refused(error, "groups", *parts):
        make(groups=groups, facts={"site": list("wxyz")})


@pytest.mark.parametrize(
    ("facts", "error", "parts"),
    [
        ([1, 2, 3, 4], TypeError, ["`facts` must be a dict of equally long lists"]),
        ({"sex": ["f"]}, ValueError, ["1 value for 4 images"]),
        ({"sex": "f"}, ValueError, ["1 value for 4 images"]),
        ({"label": list("wxyz")}, ValueError, ["'label'", "already has"]),
        ({"a\x1b": list("wxyz")}, ValueError, ["cannot be shown"]),
        ({"x": [1, "a", 2, 3]}, TypeError, ["3 whole numbers", "1 texts"]),
        ({"x": [[1], 2, 3, 4]}, TypeError, ["a number, a text or a time"]),
        ({1: list("wxyz")}, TypeError, ["a non-empty string"]),
    ],
)
def test_bad_facts_are_refused(make, facts, error, parts):
    with pytest.raises(error) as caught:
        make(facts=facts)
    for part in ("`facts", *parts):
        assert part in str(caught.value)


def test_times_cross_to_r_and_back():
    half = NOON + datetime.timedelta(microseconds=500_000)
    for times in ([NOON, None, half], [None, NOON.date()], [None], [], ["a", None]):
        crossed = sent({"facts": {"time": times, "n": [1]}})
        assert received(crossed) == {"facts": {"time": times, "n": [1]}}
    assert sent([NOON]) == {".times": [1714564800.0]}
    assert sent([NOON.date()]) == {".days": [19844.0]}


def test_parts_have_the_facts_of_their_images(make):
    data = make(facts={"number": [0, 1, 2, 3]})
    for part in split_images(data, 0.5, seed=1).values():
        assert part.facts["number"] == part.read(slice(None))[:, 0, 0, 0].tolist()
