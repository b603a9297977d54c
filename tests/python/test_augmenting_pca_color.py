"""PCA colour with the axes of the user's own images."""

import json

import numpy as np
import pytest
from keras import ops

from reticnn import (
    augment,
    augmentation,
    augmentation_layer,
    image_arrays,
    image_folder,
    pca_color,
    shape_images,
)
from reticnn.augmenting import Policy, principal_colors


def colourful(channels, n=30):
    """Images whose channels vary together, in two ways."""
    rng = np.random.default_rng(1)
    axes = rng.normal(size=(2, channels))
    pixels = 127 + 20 * rng.normal(size=(n, 9, 8, 2)) @ axes
    return np.clip(pixels, 0, 255).astype("float32")


@pytest.mark.parametrize("channels", [2, 3, 4, 13, 128])
def test_axes_are_those_of_numpy(channels):
    images = colourful(channels)
    found = pca_color(images)
    covariance = np.cov(images.reshape(-1, channels).T / 255, bias=True)
    values, vectors = found["eigenvalues"], found["eigenvectors"]
    np.testing.assert_allclose(vectors * values @ vectors.T, covariance, atol=1e-9)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(channels), atol=1e-9)
    assert (np.diff(values) <= 0).all() and (values >= 0).all()
    greatest = np.abs(vectors).argmax(axis=0)
    assert (vectors[greatest, np.arange(channels)] > 0).all()


def test_images_are_read_a_few_at_a_time_each_once(monkeypatch):
    monkeypatch.setattr(principal_colors, "VALUES_AT_ONCE", 32 * 32 * 3 * 4)
    data = shape_images(30, seed=1)
    read = []
    own = type(data).read

    def counted(self, positions):
        read.append(len(positions))
        return own(self, positions)

    monkeypatch.setattr(type(data), "read", counted)
    found = pca_color(data)
    monkeypatch.undo()
    assert sum(read) == 30 and max(read) == 4
    whole = pca_color(data.read(np.arange(30)))
    np.testing.assert_allclose(found["eigenvalues"], whole["eigenvalues"], rtol=1e-9)


def test_folders_and_arrays_give_the_same(cats):
    data = image_folder(cats, image_size=(12, 12))
    found = pca_color(data)
    again = pca_color(image_arrays(data.read(np.arange(len(data)))), std=0.3)
    assert (found["std"], again["std"]) == (0.1, 0.3)
    np.testing.assert_allclose(found["eigenvectors"], again["eigenvectors"])
    assert pca_color(str(cats))["eigenvalues"].shape == (3,)


@pytest.mark.parametrize("channels", [2, 3, 5])
def test_colours_shift_along_the_axes_as_far_as_they_vary(channels):
    found = pca_color(colourful(channels))
    policy = augmentation(pca_color={**found, "std": 0.5})
    grey = np.full((4000, 2, 2, channels), 127.25, "float32")
    shifts = (augment(grey, policy, seed=1) - grey)[:, 0, 0] / 255
    along = shifts @ found["eigenvectors"]
    np.testing.assert_allclose(
        along.std(axis=0), 0.5 * found["eigenvalues"], rtol=0.1, atol=1e-6
    )
    apart = np.corrcoef(along[:, :2].T)[0, 1]
    assert abs(apart) < 0.06
    again = Policy.from_config(json.loads(json.dumps(policy.to_config())))
    assert again == policy


@pytest.mark.parametrize("channels", [2, 3, 4, 13])
def test_both_engines_shift_alike(channels):
    images = colourful(channels)
    policy = augmentation(pca_color={**pca_color(images), "std": 2}, rotation=0.25)
    layer = augmentation_layer(policy, seed=5)
    on_device = ops.convert_to_numpy(layer(images, training=True))
    assert np.abs(on_device - augment(images, policy, seed=5)).mean() < 0.5


def test_what_has_no_axes_is_refused(refused):
    with refused(ValueError, "data", "grey", "1 channel"):
        pca_color(np.zeros((3, 8, 8, 1), "uint8"))
    with refused(ValueError, "data", "one colour"):
        pca_color(np.full((3, 8, 8, 3), 7, "uint8"))
    with refused(ValueError, "std", "at least 0"):
        pca_color(colourful(3), std=-1)
    with refused(FileNotFoundError, "data", "nowhere"):
        pca_color("nowhere")
    with refused(ValueError, "data"):
        pca_color(np.zeros((0, 8, 8, 3), "uint8"))
    axes = pca_color(colourful(4))
    with refused(ValueError, "pca_color", "4 channels", "not 3"):
        augment(colourful(3), pca_color=axes)
    with refused(ValueError, "pca_color", "4 channels", "not 1"):
        augment(colourful(1), pca_color=axes)
    with refused(ValueError, "pca_color", "3 channels", "not 13", "pca_color(data)"):
        augment(colourful(13), pca_color=0.1)
    with refused(ValueError, "pca_color", "`eigenvectors`", "4 x 4"):
        augmentation(pca_color={**axes, "eigenvectors": np.eye(3)})
    with refused(ValueError, "pca_color", "`eigenvalues`", "3 numbers"):
        augmentation(pca_color={"eigenvalues": axes["eigenvalues"]})
