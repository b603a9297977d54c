"""Groups of the images in a folder: levels of folders, and functions of the path."""

import os
import warnings

import pytest

from reticnn import check_images, image_folder, split_images


@pytest.fixture
def tree(tmp_path, write_image):
    """Write images at paths, no two alike, and return their folder."""

    def write(*paths):
        for number, path in enumerate(paths):
            write_image(tmp_path / path, (number, 60, 200))
        return tmp_path

    return write


def _known(data):
    """Return (class, group) of each image by its file name."""
    names = map(os.path.basename, data.files)
    return dict(zip(names, zip(data.labels, data.groups, strict=True), strict=True))


@pytest.fixture
def by_species(tree):
    """Return a folder species/site."""
    return tree(
        *(
            f"{species}/{site}/{species[0]}{site[0]}{number}.png"
            for species in ("deer", "fox")
            for site in ("east", "north", "west")
            for number in (1, 2)
        )
    )


@pytest.fixture
def by_site(tree):
    """Return a folder site/species, with a species that one site lacks."""
    return tree(
        "n/fox/1.png", "n/deer/2.png", "s/fox/3.png", "w/ fox/4.png", "w/deer/5.png"
    )


def test_a_level_of_folders_is_the_groups(by_species):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = image_folder(by_species, 8, groups=2)
    assert data.class_names == ["deer", "fox"]
    assert _known(data)["fw2.png"] == ("fox", "west")
    assert set(data.groups) == {"east", "north", "west"}
    parts = split_images(data, 0.67, seed=1)
    assert not set(parts["train"].groups) & set(parts["test"].groups)
    assert image_folder(by_species, 8, groups=2.0).groups == data.groups


def test_folders_of_groups_have_the_folders_of_classes(by_site):
    with pytest.warns(UserWarning, match="spaces around them"):
        data = image_folder(by_site, 8, groups=1)
    assert data.class_names == ["deer", "fox"]
    assert _known(data) == {
        "1.png": ("fox", "n"),
        "2.png": ("deer", "n"),
        "3.png": ("fox", "s"),
        "4.png": ("fox", "w"),
        "5.png": ("deer", "w"),
    }
    with pytest.warns(UserWarning, match="spaces"):
        some = image_folder(by_site, 8, groups=1, class_names=["fox", "deer", "elk"])
    assert some.class_counts == {"fox": 3, "deer": 2, "elk": 0}


def test_deeper_levels_are_told_apart_by_those_around_them(tree):
    folder = tree("fox/n/cam1/1.png", "fox/s/cam1/2.png", "deer/n/cam1/x/3.png")
    data = image_folder(folder, 8, groups=3)
    assert _known(data) == {
        "1.png": ("fox", "n/cam1"),
        "2.png": ("fox", "s/cam1"),
        "3.png": ("deer", "n/cam1"),
    }


def test_a_function_of_the_path_gives_the_groups(by_species):
    data = image_folder(by_species, 8, groups=lambda file: file[-5])
    assert _known(data)["fw2.png"] == ("fox", "2")
    same = image_folder(by_species, 8, groups=lambda file: int(file[-5]))
    assert same.groups == data.groups
    seen = []
    image_folder(by_species, 8, groups=lambda file: seen.append(file) or "one")
    assert seen == data.files


def test_images_without_labels_have_groups_by_a_function(tree):
    folder = tree("a1.png", "a2.png", "b1.png")
    data = image_folder(folder, 8, groups=lambda file: os.path.basename(file)[0])
    assert data.groups == ["a", "a", "b"]
    with pytest.raises(
        ValueError, match="`groups` is 1, but 3 of 3 images lie in fewer"
    ):
        image_folder(folder, 8, groups=1)


def test_levels_are_counted_in_each_part(tree):
    folder = tree(
        "train/n/fox/1.png",
        "train/n/deer/2.png",
        "test/s/fox/3.png",
        "test/s/deer/4.png",
    )
    parts = image_folder(folder, 8, groups=1)
    assert parts["train"].groups == ["n", "n"]
    assert parts["test"].groups == ["s", "s"]
    assert parts["test"].labels == ["deer", "fox"]


def test_files_that_are_skipped_leave_the_other_groups(by_species):
    (by_species / "deer" / "east" / "de1.png").write_text("no image")
    whole = _known(image_folder(by_species, 8, groups=2))
    with pytest.warns(UserWarning, match="1 of 12 files"):
        data = image_folder(by_species, 8, groups=2, on_bad_image="skip")
    assert _known(data) == {file: whole[file] for file in whole if file != "de1.png"}


def test_two_levels_that_could_be_the_classes_are_asked_about(by_species, tmp_path):
    with pytest.warns(UserWarning, match="Which are the classes") as caught:
        data = image_folder(by_species, 8)
    said = str(caught[0].message)
    assert caught[0].filename == __file__
    assert "same subfolders, 'east', 'north', 'west'" in said
    assert "'deer', 'fox' are taken for the classes now" in said
    assert "(path, groups=1)`" in said and "(path, groups=2)`" in said
    with pytest.warns(UserWarning, match="Which are the classes") as caught:
        table = check_images(by_species)
    assert str(caught[0].message) == said
    assert set(table["class"]) == {"deer", "fox"}
    assert data.groups is None
    # Both answers are silent, and do as they say.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert image_folder(by_species, 8, groups=2).class_names == ["deer", "fox"]
        turned = image_folder(by_species, 8, groups=1)
    assert turned.class_names == ["east", "north", "west"]
    assert set(turned.groups) == {"deer", "fox"}


@pytest.mark.parametrize(
    ("groups", "error", "parts"),
    [
        ("site", TypeError, ["a level of folders", "'site'", "`image_table()`"]),
        (0, ValueError, ["a level of folders", "not 0"]),
        (1.5, ValueError, ["not 1.5"]),
        (["a"] * 12, TypeError, ["one group per image"]),
        (3, ValueError, ["is 3", "12 of 12 images", "fewer levels", "de1.png"]),
        (lambda file: None, ValueError, ["returns None", "de1.png"]),
        (lambda file: "", ValueError, ["returns None"]),
        (lambda file: float("nan"), ValueError, ["returns None"]),
        (
            lambda file: [1, 2],
            TypeError,
            ["returns (1, 2)", "one text or whole number"],
        ),
        (lambda file: 1 / 0, ValueError, ["fails for", "de1.png", "division by zero"]),
        (lambda: "a", TypeError, ["one argument", "takes none"]),
    ],
)
def test_bad_groups_are_refused(refused, by_species, groups, error, parts):
    with refused(error, "groups", *parts):
        image_folder(by_species, 8, groups=groups)


def test_images_next_to_the_folders_of_classes_are_refused(by_species, write_image):
    write_image(by_species / "deer" / "1.png")
    with pytest.raises(ValueError, match=r"deer' has 1 image itself.*`groups=2`"):
        image_folder(by_species, 8, groups=1)
    with pytest.raises(ValueError, match="1 of 13 images lie in fewer levels"):
        image_folder(by_species, 8, groups=2)


def _site(level):
    return lambda path: path.split(os.sep)[level]


def test_a_function_whose_groups_are_the_classes_is_asked_about(by_species):
    with pytest.warns(UserWarning, match="Which are the classes"):
        data = image_folder(by_species, 8, groups=_site(-3))
    assert set(data.groups) == set(data.class_names)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image_folder(by_species, 8, groups=_site(-2))
        # Places of each species, and no two alike.
        image_folder(by_species, 8, groups=os.path.dirname)
