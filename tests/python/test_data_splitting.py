import os
import shutil

import numpy as np
import pytest
from hypothesis import given, strategies as st
from PIL import Image

from reticnn import (
    augment,
    image_arrays,
    image_folder,
    image_table,
    load_images,
    shape_images,
    split_images,
)

NA_REAL = float("nan")


def _numbered(n, labels=None, **options):
    """Return image data whose pixels are the images' numbers."""
    numbers = np.arange(n, dtype="u1").reshape(n, 1, 1, 1)
    return image_arrays(numbers, labels, **options)


def _numbers(data):
    return load_images(data)["images"].ravel().tolist()


some_proportions = st.lists(st.integers(5, 20), min_size=2, max_size=4).map(
    lambda weights: {
        f"part {number}": weight / sum(weights) for number, weight in enumerate(weights)
    }
)


@pytest.mark.filterwarnings("ignore:The part")
@given(
    st.lists(st.sampled_from("abcdefgh"), min_size=40, max_size=120),
    some_proportions,
    st.integers(0, 2**32),
)
def test_split_is_a_stratified_partition(labels, proportions, seed):
    numbers = np.arange(len(labels), dtype="u1").reshape(-1, 1, 1, 1)
    data = image_arrays(numbers, labels, class_names=list("abcdefgh"))
    parts = split_images(data, proportions, seed=seed)
    assert list(parts) == list(proportions)
    numbers = [number for part in parts.values() for number in _numbers(part)]
    assert sorted(numbers) == list(range(len(labels)))
    for name, part in parts.items():
        assert part.class_names == data.class_names
        assert part.labels == [labels[number] for number in _numbers(part)]
        assert abs(len(part) - proportions[name] * len(data)) < 1
        for label, count in data.class_counts.items():
            assert abs(part.class_counts[label] - proportions[name] * count) < 1


@given(st.integers(0, 2**32), st.booleans())
def test_same_seed_is_the_same_split(seed, labelled):
    data = _numbered(60, ["a", "b", "c"] * 20 if labelled else None)
    first, again = (split_images(data, 0.7, seed=seed) for _ in range(2))
    assert _numbers(first["train"]) == _numbers(again["train"])
    assert _numbers(first["test"]) == _numbers(again["test"])


def test_other_seed_is_another_split():
    data = _numbered(60)
    splits = [split_images(data, seed=seed) for seed in (1, 2, None, None)]
    assert len({tuple(_numbers(parts["test"])) for parts in splits}) == 4


@pytest.mark.parametrize(
    ("prop", "sizes"),
    [
        (0.8, {"train": 80, "test": 20}),
        ([0.75, 0.25], {"train": 75, "test": 25}),
        (np.array([0.5, 0.3, 0.2]), {"train": 50, "validation": 30, "test": 20}),
        ({"learn": 0.9, "check": 0.1}, {"learn": 90, "check": 10}),
        ([0.8], {"train": 80, "test": 20}),
    ],
)
def test_parts_have_the_proportions(prop, sizes):
    parts = split_images(_numbered(100), prop, seed=1.0)
    assert {name: len(part) for name, part in parts.items()} == sizes


def test_parts_keep_the_order_of_the_data():
    parts = split_images(_numbered(50), seed=1)
    assert _numbers(parts["train"]) == sorted(_numbers(parts["train"]))


@pytest.mark.parametrize(
    ("prop", "error", "parts"),
    [
        (0, ValueError, ["above 0 and below 1", "not 0"]),
        (1.0, ValueError, ["above 0 and below 1", "not 1"]),
        (80.0, ValueError, ["above 0 and below 1", "80"]),
        (NA_REAL, ValueError, ["NA"]),
        ("most", TypeError, ["'most'"]),
        ([0.8, 0.1], ValueError, ["sum to 1", "0.9"]),
        ([1.2, -0.2], ValueError, ["1.2"]),
        ([0.25] * 4, ValueError, ["0.25", "For more parts"]),
        ({"train": 0.5}, ValueError, ["sum to 1", "0.5"]),
        ({}, ValueError, ["sum to 1"]),
        (0.99, ValueError, ["'test'", "only 9", "more images"]),
    ],
)
def test_bad_proportions_are_refused(refused, prop, error, parts):
    with refused(error, "prop", *parts):
        split_images(_numbered(9), prop)


@pytest.mark.filterwarnings("ignore:The part")
@pytest.mark.parametrize("sizes", [[3] * 50, [1] * 60, [1, 2, 3, 4, 5] * 12])
@pytest.mark.parametrize(
    "prop", [[0.5, 0.5], [0.6, 0.2, 0.2], [0.8, 0.2], [0.34, 0.33, 0.33]]
)
def test_rounding_of_small_classes_favours_no_part(sizes, prop):
    labels = np.repeat([f"class {number}" for number in range(len(sizes))], sizes)
    data = _numbered(len(labels), labels.tolist())
    parts = split_images(data, prop, seed=1)
    exact = np.multiply(prop, len(labels))
    got = np.array([len(part) for part in parts.values()])
    assert (np.abs(got - exact) < 1).all()
    for part, share in zip(parts.values(), prop, strict=True):
        counts = np.array([part.class_counts[name] for name in data.class_names])
        wanted = [share * data.class_counts[name] for name in data.class_names]
        assert (np.abs(counts - wanted) < 1).all()


def test_classes_missing_in_a_part_are_named():
    data = _numbered(23, ["cat"] * 10 + ["dog"] * 10 + ["emu", "fox", "gnu"])
    with pytest.warns(UserWarning, match="The part") as caught:
        parts = split_images(data, 0.5, seed=1)
    assert caught[0].filename == __file__
    said = " ".join(str(warning.message) for warning in caught)
    for name in ("emu", "fox", "gnu"):
        (part,) = [
            part for part, images in parts.items() if not images.class_counts[name]
        ]
        assert repr(name) in said.split(f"The part {part!r}")[1].split("The part")[0]
    assert "'cat'" not in said
    # Singletons are spread: not all three on one side.
    assert {
        sum(part.class_counts[n] for n in ("emu", "fox", "gnu"))
        for part in parts.values()
    } == {1, 2}


def test_complete_parts_are_no_warning(recwarn):
    # A class that has no images at all is not missed in the parts.
    split_images(_numbered(8, list("aabbaabb"), class_names=["a", "b", "c"]), 0.5)
    assert not recwarn.list


@given(st.lists(st.integers(0, 19), min_size=20, max_size=80), st.integers(0, 99))
@pytest.mark.filterwarnings("ignore:The part")
def test_repeated_images_stay_together(drawn, seed):
    data = _numbered(20, ["a", "b"] * 10)[[*range(20), *drawn]]
    parts = [_numbers(part) for part in split_images(data, 0.5, seed=seed).values()]
    assert not set(parts[0]) & set(parts[1])
    assert sorted(parts[0] + parts[1]) == sorted([*range(20), *drawn])
    assert len(set(parts[0])) == len(set(parts[1])) == 10


def test_equal_pixels_are_one_image():
    pixels = load_images(shape_images(20, image_size=16, seed=1))["images"]
    doubled = image_arrays(np.concatenate([pixels, pixels]), ["a", "b"] * 20)
    parts = split_images(doubled, 0.5, seed=1)
    train, test = (
        {image.tobytes() for image in load_images(part)["images"]}
        for part in parts.values()
    )
    assert len(train) == len(test) == 10
    assert not train & test


@pytest.mark.parametrize("kind", ["files", "memory"])
def test_changed_copies_stay_with_their_image(tmp_path, write_image, kind):
    for number in range(10):
        file = tmp_path / "ab"[number % 2] / f"{number}.png"
        write_image(file, (20 * number + 30,) * 3)
    data = image_folder(tmp_path, 8)
    if kind == "memory":
        data = image_arrays(load_images(data)["images"], data.labels)
    copies = augment(data, gaussian_noise=0.02, copies=3, seed=1)
    assert len(np.unique(load_images(copies)["images"], axis=0)) == 30
    for seed in range(4):
        parts = split_images(copies + data, 0.6, seed=seed).values()
        seen = [np.mean(load_images(part)["images"], (1, 2, 3)) for part in parts]
        numbers = [np.rint((means - 30) / 20).tolist() for means in seen]
        assert [len(of) for of in numbers] == [24, 16]
        assert not set(numbers[0]) & set(numbers[1])


def test_one_file_on_several_paths_stays_together(cats):
    (cats / "dog" / "linked.png").symlink_to(cats / "dog" / "1.png")
    os.link(cats / "cat" / "1.png", cats / "cat" / "hard.png")
    data = image_folder(cats, 8)
    for seed in range(8):
        for part in split_images(data, 0.5, seed=seed).values():
            names = {"/".join(file.split(os.sep)[-2:]) for file in part.files}
            assert ("dog/linked.png" in names) == ("dog/1.png" in names)
            assert ("cat/hard.png" in names) == ("cat/1.png" in names)


def _sides(data, seed=1):
    """Return the pixels, as numbers, that each half of the data has."""
    parts = split_images(data, 0.5, seed=seed).values()
    return [
        {image.tobytes() for image in load_images(part)["images"].astype("f4")}
        for part in parts
    ]


def test_copies_of_a_file_are_one_image(tmp_path):
    rng = np.random.default_rng(1)
    # Uncompressed files have one size. These differ at their ends, which are the top.
    pixels = np.zeros((20, 128, 64, 3), "uint8")
    pixels[:, :8] = rng.integers(0, 256, (20, 8, 64, 3))
    for number, image in enumerate(pixels):
        folder = tmp_path / "ab"[number % 2]
        folder.mkdir(exist_ok=True)
        Image.fromarray(image).save(folder / f"{number}.bmp")
        shutil.copy(folder / f"{number}.bmp", folder / f"copy of {number}.bmp")
    shutil.copy(tmp_path / "a" / "0.bmp", tmp_path / "b" / "other label.bmp")
    data = image_folder(tmp_path, (128, 64))
    for seed in range(5):
        train, test = _sides(data, seed)
        assert len(train) == len(test) == 10
        assert not train & test
    one = image_table([data.files[0], tmp_path / "a" / "copy of 0.bmp"])
    with pytest.raises(ValueError, match="only 1, 2 with those that are the same"):
        split_images(one)


def test_one_image_from_several_sources_is_one(tmp_path):
    pixels = load_images(shape_images(20, image_size=16, seed=1))["images"]
    arrays = image_arrays(pixels, ["a", "b"] * 10)
    # One that is not of whole numbers makes all of them floats.
    floats = np.concatenate([pixels, np.full((1, 16, 16, 3), 9.5)])
    files = []
    for number, image in enumerate(pixels):
        files.append(tmp_path / f"{number}.png")
        Image.fromarray(image).save(files[-1])
    table = image_table(files, arrays.labels, 16)
    for other in (image_arrays(floats, ["a", *"ab" * 10]), table, table + arrays):
        train, test = _sides(arrays + other)
        assert len(train | test) in (20, 21)
        assert not train & test


def test_copies_of_changed_copies_stay_with_their_image(tmp_path):
    pixels = load_images(shape_images(20, image_size=16, seed=1))["images"]
    arrays = image_arrays(pixels, ["a", "b"] * 10)
    for number, image in enumerate(pixels):
        Image.fromarray(image).save(tmp_path / f"{number}.png")
    files = [tmp_path / f"{number}.png" for number in range(20)]
    table = image_table(files, arrays.labels, 16)
    for data in (arrays, table):
        changed = augment(data, flip="horizontal_and_vertical", copies=3, seed=1)
        again = augment(changed[::2], flip="vertical", seed=2)
        for whole in (changed, data + changed, changed + again + data):
            parts = split_images(whole, 0.5, seed=3).values()
            # A mirror image has the same sum of pixels.
            train, test = (
                set(load_images(part)["images"].sum(axis=(1, 2, 3))) for part in parts
            )
            assert len(train) == len(test) == 10
            assert not train & test


def test_one_path_spelled_twice_is_refused(refused, cats, monkeypatch):
    monkeypatch.chdir(cats / "cat")
    files = ["1.png", "./1.png", "../cat/1.png", "2.jpg"]
    with refused(ValueError, "paths", "'./1.png', '../cat/1.png'", "one row per file"):
        image_table(files, list("abab"))


def test_files_gone_since_are_still_split(cats):
    data = image_folder(cats, 8)
    for file in data.files:
        os.remove(file)
    parts = split_images(data, 0.6, seed=1)
    assert [len(part) for part in parts.values()] == [3, 2]


@pytest.mark.filterwarnings("ignore:The part")
def test_validation_share_has_its_size_and_its_name(refused, fit, tiny_cnn):
    labels = np.repeat([f"class {number}" for number in range(10)], 3).tolist()
    pixels = np.random.default_rng(1).integers(0, 256, (30, 16, 16, 3))
    data = image_arrays(pixels, labels)
    said = []
    fit(tiny_cnn(10), data, validation=0.5, progress=said.append, batch_size=1)
    assert said[-1]["steps"] == 15
    one = image_arrays(pixels[[0] * 12], list("ab" * 6))
    with refused(ValueError, "validation", "'validation'", "only 1", "more images"):
        fit(tiny_cnn(), one, validation=0.1)
