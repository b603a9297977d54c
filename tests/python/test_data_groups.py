"""Splits and folds of images that belong together: by group, by copy, by time."""

import datetime
import itertools
import warnings

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    StratifiedGroupKFold,
)

import reticnn
from reticnn import augment, fold_images, image_arrays, split_images
from reticnn.runtime.conditions import SeenImagesWarning, SplitNotice

pytestmark = [
    pytest.mark.filterwarnings("ignore:Groups stay whole"),
    pytest.mark.filterwarnings("ignore:The part"),
    pytest.mark.filterwarnings("ignore:.* folds have no image"),
    pytest.mark.filterwarnings("ignore:Repeat"),
]


def _pixels(n):
    """Return images that no two of are alike, whose pixels are their numbers."""
    pixels = np.zeros((n, 1, 1, 3), "u1")
    pixels[:, 0, 0, 0], pixels[:, 0, 0, 1] = np.arange(n) % 256, np.arange(n) // 256
    return pixels


def _data(groups, labels=None, **known):
    return image_arrays(_pixels(len(groups)), labels, groups=groups, **known)


def _numbers(data):
    pixels = data.read(np.arange(len(data))).astype(int)
    return (pixels[:, 0, 0, 0] + 256 * pixels[:, 0, 0, 1]).tolist()


def _drawn(seed, images=300, groups=30, classes=4):
    """Return the group and the class of images, whose classes depend on the group."""
    rng = np.random.default_rng(seed)
    size = rng.lognormal(sigma=0.8, size=groups)
    group = rng.choice(groups, images, p=size / size.sum())
    liking = rng.dirichlet(np.ones(classes), groups)
    return group, np.array([rng.choice(classes, p=liking[one]) for one in group])


def _unevenness(labels, parts, shares):
    """Return the sum of squares of what parts have too much of classes, and of all."""
    columns = [labels == code for code in np.unique(labels)] + [labels >= 0]
    return sum(
        (column[part].sum() / column.sum() - share) ** 2
        for part, share in zip(parts, shares, strict=True)
        for column in columns
    )


drawn_groups = st.lists(st.sampled_from("abcdefghij"), min_size=30, max_size=90)


@settings(max_examples=40)
@given(
    drawn_groups,
    st.lists(st.integers(0, 20), max_size=20),
    st.sampled_from([0.8, [0.6, 0.2, 0.2], {"a": 0.5, "b": 0.5}]),
    st.booleans(),
    st.integers(0, 2**32),
)
def test_no_group_and_no_image_is_in_two_parts(groups, again, prop, labelled, seed):
    if len(set(groups)) < 3:
        return
    labels = [one * 2 for one in groups[::-1]] if labelled else None
    data = _data(groups, labels)
    # The same images once more, in groups of others.
    more = data[again].with_groups([groups[one // 2] for one in again])
    data = data + more
    try:
        parts = split_images(data, prop, seed=seed).values()
    except ValueError as error:
        assert "images in common" in str(error)
        return
    numbers = [_numbers(part) for part in parts]
    assert sorted(itertools.chain(*numbers)) == sorted(_numbers(data))
    for one, other in itertools.combinations(parts, 2):
        assert not set(one.groups) & set(other.groups)
        assert not set(_numbers(one)) & set(_numbers(other))


@settings(max_examples=20)
@given(drawn_groups, st.integers(0, 99), st.integers(0, 99))
def test_order_of_the_images_does_not_matter(groups, seed, order):
    if len(set(groups)) < 3:
        return
    labels = ["xyz"[number % 3] for number in range(len(groups))]
    numbers = range(len(groups))
    facts = {"time": [7 * n % 31 for n in numbers], "kind": [n % 4 for n in numbers]}
    data = _data(groups, labels, facts=facts)
    mixed = data[np.random.default_rng(order).permutation(len(data))]

    def parts_of(data, **arguments):
        parts = split_images(data, 0.7, seed=seed, **arguments).values()
        return [sorted(_numbers(part)) for part in parts]

    assert parts_of(data) == parts_of(mixed)
    assert parts_of(data, strata="kind") == parts_of(mixed, strata="kind")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        by_time = parts_of(data.with_groups(None), order_by="time")
        assert by_time == parts_of(mixed.with_groups(None), order_by="time")
    folds = [
        [sorted(_numbers(fold["test"])) for fold in fold_images(one, 3, seed=seed)]
        for one in (data, mixed)
    ]
    assert folds[0] == folds[1]


def test_groups_can_be_named_in_every_way():
    group, labels = _drawn(1)
    own = _data(group, labels)
    plain = image_arrays(_pixels(300), labels, facts={"site": group})
    wanted = _numbers(split_images(own, seed=3)["test"])
    for groups in (group, list(map(str, group)), "site", ["site"], group[:, None]):
        parts = split_images(plain, groups=groups, seed=3)
        assert _numbers(parts["test"]) == wanted
        # From then on they are the groups of the data.
        assert set(parts["train"].groups) < set(own.groups)
    # Others are for this split.
    halves = split_images(own, 0.5, groups=["a", "b"] * 150, seed=1)
    assert set(halves["train"].groups) in ({"a"}, {"b"})


@pytest.mark.parametrize("seed", range(6))
def test_parts_are_as_even_as_those_of_scikit_learn(seed):
    group, labels = _drawn(seed, classes=2 + seed)
    data = _data(group, labels)
    for v in (3, 5):
        ours = [_numbers(fold["test"]) for fold in fold_images(data, v, seed=seed)]
        shares = [1 / v] * v
        for splitter in (
            StratifiedGroupKFold(v, shuffle=True, random_state=seed),
            StratifiedGroupKFold(v),
            GroupKFold(v),
        ):
            theirs = [test for _, test in splitter.split(labels, labels, group)]
            assert _unevenness(labels, ours, shares) <= _unevenness(
                labels, theirs, shares
            )
    for share in (0.8, 0.5):
        parts = split_images(data, share, seed=seed)
        ours = _unevenness(labels, map(_numbers, parts.values()), (share, 1 - share))
        splitter = GroupShuffleSplit(50, train_size=share, random_state=seed)
        for parts in splitter.split(labels, labels, group):
            assert ours <= _unevenness(labels, parts, (share, 1 - share))


def test_few_groups_are_divided_as_evenly_as_any_division_does():
    rng = np.random.default_rng(1)
    best = 0
    for seed in range(20):
        counts = 1 + rng.poisson(rng.lognormal(1.5, 1, (8, 3)))
        group = np.repeat(np.arange(8), counts.sum(axis=1))
        labels = np.concatenate([np.repeat(range(3), count) for count in counts])
        parts = split_images(_data(group, labels), 0.7, seed=seed)
        ours = _unevenness(labels, map(_numbers, parts.values()), (0.7, 0.3))
        every = (
            [np.isin(group, chosen), ~np.isin(group, chosen)]
            for size in range(1, 8)
            for chosen in itertools.combinations(range(8), size)
        )
        least = min(_unevenness(labels, parts, (0.7, 0.3)) for parts in every)
        assert ours < least + 0.03
        best += ours < least + 1e-9
    assert best >= 18


def test_small_groups_leave_parts_as_even_as_images_do():
    group = np.arange(1000) // 2
    labels = np.arange(1000) // 2 % 5
    parts = split_images(_data(group, labels), [0.6, 0.2, 0.2], seed=1)
    for part, share in zip(parts.values(), (600, 200, 200), strict=True):
        assert len(part) == share
        assert list(part.class_counts.values()) == [share // 5] * 5


def test_a_split_says_how_even_it_is():
    data = _data(["a"] * 60 + ["b"] * 25 + ["c"] * 15, ["x", "y"] * 50)
    with pytest.warns(SplitNotice) as caught:
        split_images(data, 0.7, seed=1)
    assert caught[0].filename == __file__
    (said,) = [str(one.message) for one in caught if one.category is SplitNotice]
    assert "2 groups with 75.0% of the images in 'train' (70.0% wanted)" in said
    assert "1 group with 25.0% of the images in 'test' (30.0% wanted)" in said
    assert "'a' alone has 60.0% of the images" in said
    assert "'y' is the least even: 'train' has 76.0% of its images" in said
    with pytest.warns(SplitNotice, match="1 group per fold, with 15.0% to 60.0% of"):
        fold_images(data, 3, seed=1)


def test_a_split_without_groups_says_nothing(recwarn):
    data = image_arrays(_pixels(60), [0, 1] * 30)
    split_images(data, seed=1)
    fold_images(data, seed=1)
    split_images(data, order_by=range(60), seed=1)
    assert not recwarn.list


def test_strata_are_as_even_as_classes():
    rng = np.random.default_rng(1)
    labels, sex = rng.choice(3, 600), rng.choice(["f", "m"], 600, p=[0.2, 0.8])
    data = image_arrays(_pixels(600), labels, facts={"sex": sex})
    for strata in ("sex", sex):
        parts = split_images(data, 0.75, strata=strata, seed=1)
        for label, one in itertools.product("012", "fm"):
            count = sum(
                pair == (label, one)
                for pair in zip(data.labels, data.facts["sex"], strict=True)
            )
            part = parts["train"]
            found = zip(part.labels, part.facts["sex"], strict=True)
            assert abs(sum(pair == (label, one) for pair in found) - 0.75 * count) < 1
    # In whole groups, each of one stratum.
    grouped = data.with_groups([f"{one}{n % 20}" for n, one in enumerate(sex)])
    test = split_images(grouped, 0.75, strata="sex", seed=1)["test"]
    share = test.facts["sex"].count("f") / np.sum(sex == "f")
    assert share == pytest.approx(0.25, abs=0.02)


def test_the_newest_images_are_the_test():
    noon = datetime.datetime(2024, 5, 1, 12)
    minutes = np.random.default_rng(1).permutation(200)
    times = [noon + datetime.timedelta(minutes=int(one)) for one in minutes]
    data = image_arrays(_pixels(200), [0, 1] * 100, facts={"time": times})
    texts = [f"{time:%Y:%m:%d %H:%M:%S}" for time in times]
    for order_by in (
        "time",
        times,
        texts,
        [f"{t}" for t in times],
        minutes,
        -200.5 + minutes,
    ):
        parts = split_images(data, [0.5, 0.25, 0.25], order_by=order_by, seed=1)
        assert [len(part) for part in parts.values()] == [100, 50, 50]
        spans = [(min(p.facts["time"]), max(p.facts["time"])) for p in parts.values()]
        assert spans[0][1] < spans[1][0] and spans[1][1] < spans[2][0]


def test_images_of_one_time_stay_together():
    days = [datetime.date(2024, 5, 1 + number // 30) for number in range(90)]
    data = image_arrays(_pixels(90), facts={"day": days})
    parts = split_images(data, 0.8, order_by="day")
    assert [len(part) for part in parts.values()] == [60, 30]
    with pytest.raises(ValueError, match="only 3 different times"):
        split_images(data, {name: 0.2 for name in "abcde"}, order_by="day")


def test_groups_stay_whole_in_a_split_by_time():
    # Sessions do not overlap, sites do.
    times = np.arange(120)
    sessions = _data(times // 10, [0, 1] * 60, facts={"time": times})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parts = split_images(sessions, 0.75, order_by="time")
    assert _numbers(parts["test"]) == list(range(90, 120))
    sites = _data(times % 4, [0, 1] * 60, facts={"time": times})
    with pytest.warns(UserWarning, match="images in 'train' are newer than the oldest"):
        parts = split_images(sites, 0.75, order_by="time")
    assert set(parts["test"].groups) == {"3"}


def test_copies_are_of_the_group_of_their_image():
    group, labels = _drawn(2)
    data = _data(group, labels)
    copies = augment(data[:100], gaussian_noise=0.02, copies=2, seed=1)
    for seed in range(3):
        parts = split_images(copies + data, 0.6, seed=seed)
        assert not set(parts["train"].groups) & set(parts["test"].groups)


def test_groups_with_images_in_common_stay_together():
    data = _data(list("aabbccdd"))
    tied = data + data[:1].with_groups(["b"]) + data[2:3].with_groups(["c"])
    for seed in range(5):
        parts = split_images(tied, 0.5, seed=seed).values()
        assert {frozenset(part.groups) for part in parts} == {
            frozenset("abc"),
            frozenset("d"),
        }
    with pytest.raises(ValueError, match="such as 'a', 'b', 'c'"):
        fold_images(tied, 3)


def test_folds_are_a_stratified_partition():
    data = image_arrays(_pixels(103), np.arange(103) % 4)
    folds = fold_images(data, 5, repeats=3, seed=2)
    assert [(fold["repeat"], fold["fold"]) for fold in folds] == [
        (repeat, fold) for repeat in (1, 2, 3) for fold in range(1, 6)
    ]
    for repeat in (1, 2, 3):
        tests = [fold["test"] for fold in folds if fold["repeat"] == repeat]
        assert sorted(itertools.chain(*map(_numbers, tests))) == list(range(103))
        for test in tests:
            assert len(test) in (20, 21)
            assert all(5 <= count <= 6 for count in test.class_counts.values())
    for fold in folds:
        train, test = _numbers(fold["train"]), _numbers(fold["test"])
        assert train == sorted(set(range(103)) - set(test))
    assert len({tuple(_numbers(fold["test"])) for fold in folds}) == 15
    again = fold_images(data, 5, repeats=3, seed=2)
    assert [_numbers(f["test"]) for f in again] == [_numbers(f["test"]) for f in folds]
    other = fold_images(data, 5, seed=3)
    assert _numbers(other[0]["test"]) != _numbers(folds[0]["test"])


def test_repeats_of_folds_of_groups_differ_as_long_as_they_can(recwarn):
    group, labels = _drawn(1, groups=12)
    folds = fold_images(_data(group, labels), 3, repeats=4, seed=1)
    divisions = {
        frozenset(
            tuple(_numbers(fold["test"])) for fold in folds if fold["repeat"] == repeat
        )
        for repeat in range(1, 5)
    }
    assert len(divisions) == 4
    with pytest.warns(UserWarning, match="Repeat 2 has the same folds as one before"):
        fold_images(_data(list("abc") * 5), 3, repeats=2, seed=1)


def test_one_group_at_a_time_is_left_out():
    group, labels = _drawn(3, groups=7)
    data = _data(group, labels)
    folds = fold_images(data, 7, seed=1)
    assert sorted(set(fold["test"].groups).pop() for fold in folds) == list("0123456")
    assert all(len(set(fold["test"].groups)) == 1 for fold in folds)


def test_folds_of_scikit_learn_are_folds():
    group, labels = _drawn(4)
    data = _data(group, labels)
    pairs = list(StratifiedGroupKFold(4).split(labels, labels, group))
    for given_folds in (pairs, iter(pairs)):
        folds = fold_images(data, given_folds)
        assert [_numbers(fold["test"]) for fold in folds] == [
            test.tolist() for _, test in pairs
        ]
        assert [_numbers(fold["train"]) for fold in folds] == [
            train.tolist() for train, _ in pairs
        ]
    with pytest.warns(UserWarning, match="one group in both parts"):
        fold_images(data, [(range(150), range(150, 300))])


@pytest.mark.parametrize(
    ("arguments", "error", "parts"),
    [
        ({"v": 1}, ValueError, ["at least 2", "not 1"]),
        ({"v": 11}, ValueError, ["`v` is 11", "10 groups", "at most 10 folds"]),
        ({"v": "five"}, TypeError, ["'five'"]),
        ({"v": []}, ValueError, ["no folds"]),
        ({"v": [3]}, ValueError, ["pairs of positions", "not 3"]),
        ({"v": [([0, 1], [100])]}, ValueError, ["position 100", "100 images"]),
        ({"v": [([0, True], [2])]}, TypeError, ["True"]),
        (
            {"v": [([0, 1], [1, 2])]},
            ValueError,
            ["1 image in both parts of fold 1", "such as at position 1 "],
        ),
        ({"v": [([0, 1], [-1])]}, ValueError, ["position -1"]),
    ],
)
def test_bad_folds_are_refused(refused, arguments, error, parts):
    data = _data(np.arange(100) % 10)
    with refused(error, "v", *parts):
        fold_images(data, **arguments)
    with refused(ValueError, "repeats", "not 0"):
        fold_images(data, repeats=0)


@pytest.mark.parametrize(
    ("arguments", "error", "parts"),
    [
        (
            {"groups": "site"},
            ValueError,
            ["`groups`", "'site'", "The facts are 'time'"],
        ),
        ({"groups": ["a"] * 9}, ValueError, ["`groups` has 9 values for 100 images"]),
        ({"groups": ["a"] * 100}, ValueError, ["1 group", "none is divided"]),
        ({"groups": [None] * 100}, ValueError, ["`groups` has 100 missing values"]),
        (
            {"groups": ["a", "b"] * 50, "prop": [0.6, 0.2, 0.2]},
            ValueError,
            ["2 groups"],
        ),
        ({"strata": "sex"}, ValueError, ["`strata`", "'sex'"]),
        ({"strata": [1, 2]}, ValueError, ["`strata` has 2 values for 100 images"]),
        ({"strata": "time"}, ValueError, ["`strata` has 100 different values"]),
        ({"order_by": "tim"}, ValueError, ["`order_by`", "Did you mean 'time'?"]),
        (
            {"order_by": ["now"] * 100},
            ValueError,
            ["`order_by`", "'now'", "not a time"],
        ),
        ({"order_by": [True] * 100}, TypeError, ["`order_by` must be times"]),
        (
            {"order_by": [1, None] * 50},
            ValueError,
            ["`order_by` has 50 missing values"],
        ),
        ({"order_by": [1] * 100}, ValueError, ["'test'", "only 1 different times"]),
        (
            {"order_by": "time", "strata": "time"},
            ValueError,
            ["`strata`", "`order_by`"],
        ),
    ],
)
def test_bad_groups_strata_and_times_are_refused(arguments, error, parts):
    data = image_arrays(_pixels(100), facts={"time": range(100)})
    with pytest.raises(error) as caught:
        split_images(data, **arguments)
    for part in parts:
        assert part in str(caught.value)


def test_missing_classes_are_named_with_their_reason():
    data = _data(
        ["a"] * 10 + ["b"] * 10 + ["c"] * 10, list("xxxxxyyyyy") * 2 + ["z"] * 10
    )
    with pytest.warns(UserWarning, match=r"'z'\. They have too few groups"):
        split_images(data, 0.6, seed=1)
    with pytest.warns(UserWarning, match=r"'z'\. No image of that time"):
        split_images(data.with_groups(None), 0.6, order_by=range(30))
    with pytest.warns(UserWarning, match="1 of 3 folds have no image .* 'train': 'z'"):
        fold_images(data, 3, seed=1)


def test_many_groups_are_divided_in_little_time():
    data = _data(np.arange(60_000) // 3, np.arange(60_000) % 7)
    folds = fold_images(data, 5, seed=1)
    assert {len(fold["test"]) for fold in folds} == {12_000}


def test_validation_share_leaves_groups_whole(fit, tiny_cnn):
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (60, 16, 16, 3), "u1")
    data = image_arrays(pixels, [0, 1] * 30, groups=np.arange(60) // 6)
    said = []
    with pytest.warns(SplitNotice, match="with 20.0% of the images in 'validation'"):
        first = fit(
            tiny_cnn(), data, validation=0.2, batch_size=1, progress=said.append
        )
    assert said[-1]["steps"] == 48
    hashes = data.pixel_identities()
    held_out = np.isin(hashes, first.seen.held_out)
    assert {held_out[group * 6 : group * 6 + 6].sum() for group in range(10)} == {0, 6}
    # With more data of these groups, each image goes where its group is.
    more = image_arrays(
        rng.integers(0, 256, (70, 16, 16, 3), "u1"),
        [0, 1] * 35,
        groups=np.arange(70) // 6,
    )
    both = data + more
    again = fit(first, both, validation=0.2)
    trained, held = (
        np.isin(both.pixel_identities(), hashes)
        for hashes in (again.seen.trained_on, again.seen.held_out)
    )
    groups = np.array(both.groups)
    assert (trained ^ held).all()
    assert not set(groups[trained]) & set(groups[held])
    assert set(groups[:60][held_out]) <= set(groups[held])
    with pytest.warns(SeenImagesWarning, match="2 groups that `data` has .*'8', '9'"):
        fit(tiny_cnn(), data[:55], validation=data[48:])


def test_learned_augmentation_is_judged_on_other_groups(tiny_cnn):
    data = reticnn.shape_images(40, image_size=16, seed=1)
    data = data.with_groups([str(number // 4) for number in range(40)])
    with pytest.warns(
        SplitNotice, match="2 groups with 20.0% of the images in 'validation'"
    ):
        reticnn.learn_augmentation(
            tiny_cnn, data, budget=4, trials=2, progress="none", seed=1
        )
