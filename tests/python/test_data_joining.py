"""Image data of several sources, and folders and files in place of image data."""

import numpy as np
import pytest

import reticnn
from reticnn import image_arrays, image_folder, image_table, load_images


@pytest.fixture
def arrays():
    x = np.arange(4, dtype="uint8")[:, None, None, None] * np.ones((8, 8, 3), "uint8")
    return image_arrays(x, ["cat", "dog", "cat", "owl"])


def _values(data):
    return load_images(data)["images"][:, 0, 0, 0].tolist()


def test_joined_images_keep_their_labels_by_name(arrays):
    other = image_arrays(np.full((2, 8, 8, 3), 9), ["owl", "bee"])
    both = arrays[[3, 0]] + other
    assert len(both) == 4
    assert both.labels == ["owl", "cat", "owl", "bee"]
    assert both.class_names == ["cat", "dog", "owl", "bee"]
    assert _values(both) == [3, 0, 9, 9]
    assert _values(both[::-1]) == [9, 9, 0, 3]
    assert _values((both + arrays)[[4, 0, 7, 3]]) == [0, 3, 3, 9]
    assert sum(both.class_counts.values()) == 4
    unlabelled = image_arrays(np.zeros((1, 8, 8, 3)))
    assert (unlabelled + unlabelled).labels is None


def test_joined_files_are_read_at_any_size(cats, arrays):
    one = image_folder(cats, 16)
    two = image_table([cats / "cat" / "1.png"], ["cat"], 16, class_names=["dog", "cat"])
    both = one[[4, 0]] + two
    assert both.files == [one.files[4], one.files[0], two.files[0]]
    assert both.labels == ["dog", "cat", "cat"]
    assert both.resize == "stretch"
    bigger = both.read_at((32, 32, 1)).read(np.arange(3))
    assert bigger.shape == (3, 32, 32, 1)
    assert (bigger[1] == bigger[2]).all()
    assert [image.shape[:2] for image in both.read_scaled([2, 0], 8)] == [(8, 10)] * 2
    mixed = one + image_arrays(np.zeros((2, 16, 16, 3)), ["cat", "dog"])
    assert mixed.files is None
    assert load_images(mixed)["images"].shape == (7, 16, 16, 3)
    parts = reticnn.split_images(both, 0.5, seed=1)
    # The file that is there twice stays on one side.
    assert sorted(len(part) for part in parts.values()) == [1, 2]


def test_what_does_not_go_together_is_refused(cats, arrays):
    with pytest.raises(ValueError, match="8 x 8 x 3 and 16 x 16 x 3"):
        arrays + image_arrays(
            np.zeros((1, 16, 16, 3)), ["cat"], class_names=["cat", "dog"]
        )
    with pytest.raises(ValueError, match="with labels and without"):
        arrays + image_arrays(np.zeros((1, 8, 8, 3)))
    with pytest.raises(ValueError, match="'crop', 'stretch'"):
        image_folder(cats, 8) + image_folder(cats, 8, resize="crop")
    with pytest.raises(ValueError, match="only in case"):
        arrays + image_arrays(np.zeros((2, 8, 8, 3)), ["Cat", "emu"])
    with pytest.raises(TypeError):
        arrays + 1


def test_folders_and_files_work_where_image_data_do(cats, classifier, fit, tiny_cnn):
    data = image_folder(cats, 16)
    assert load_images(str(cats))["images"].shape == (5, 224, 224, 3)
    assert load_images([data.files[0]])["images"].shape == (1, 224, 224, 3)
    parts = reticnn.split_images(cats, {"one": 0.6, "two": 0.4}, seed=1)
    assert {len(part) for part in parts.values()} == {2, 3}
    trained = fit(tiny_cnn(), str(cats), validation=str(cats))
    assert trained.class_names == ["cat", "dog"]
    again = fit(tiny_cnn(), data, validation=data)
    assert trained.history == again.history
    by_path = reticnn.evaluate_classifier(trained, cats)
    assert by_path["accuracy"] == reticnn.evaluate_classifier(trained, data)["accuracy"]
    assert reticnn.augment(data.files[:1], flip="horizontal", seed=1).labels is None
    maps = reticnn.feature_maps(trained, data.files[0], "block1_conv1")
    assert maps["block1_conv1"].shape == (1, 16, 16, 4)


def test_paths_are_refused_by_the_name_of_their_argument(refused, cats, classifier):
    with refused(FileNotFoundError, "data", "no such"):
        load_images("no such")
    with refused(ValueError, "data", "no labels"):
        reticnn.evaluate_classifier(classifier, str(cats / "cat" / "1.png"))
    with refused(ValueError, "data", "does not know"):
        reticnn.evaluate_classifier(classifier, cats)
