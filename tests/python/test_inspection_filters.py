"""The kernels of filters, and their answers to images."""

import keras
import numpy as np
import pytest

from reticnn import (
    build_cnn,
    build_mlp,
    feature_maps,
    image_arrays,
    landmark_model,
    layer_filters,
    transfer_model,
)
from reticnn.classifier import Classifier


@pytest.fixture(scope="module")
def transfer():
    """Return a model with a known network within."""
    return transfer_model("vgg16", (32, 32, 3), weights=None, seed=1)


def kernel(layer):
    return keras.ops.convert_to_numpy(layer.kernel)


# Filters


def test_filters_are_the_layers_kernels_with_the_filters_first():
    model = build_cnn(seed=1)
    found = layer_filters(model, "block2_conv1")
    assert found["layer"] == "block2_conv1"
    assert found["weights"].shape == (32, 3, 3, 32)
    expected = kernel(model.get_layer("block2_conv1"))
    assert (found["weights"][5] == expected[..., 5]).all()
    assert not found["rgb"]


def test_first_convolution_of_a_classifier_is_the_default():
    classifier = Classifier(build_cnn(), ["cat", "dog"], {"epoch": []})
    found = layer_filters(classifier)
    assert found["layer"] == "block1_conv1"
    assert found["rgb"]


def test_blue_first_is_turned_to_red_first(transfer):
    found = layer_filters(transfer)
    assert found["layer"] == "vgg16/block1_conv1"
    assert found["rgb"]
    within = kernel(transfer.get_layer("vgg16").get_layer("block1_conv1"))
    assert (found["weights"][3] == within[:, :, ::-1, 3]).all()
    own = landmark_model("resnet18", (64, 64, 3), 2)
    stem = kernel(own.get_layer("stem_conv"))
    assert (layer_filters(own)["weights"][0] == stem[:, :, ::-1, 0]).all()


def test_three_mixed_channels_are_no_colours():
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(3, 1, name="mix")(inputs)
    model = keras.Model(inputs, keras.layers.Conv2D(2, 3, name="second")(x))
    assert layer_filters(model, "mix")["rgb"]
    assert not layer_filters(model, "second")["rgb"]


def test_other_kinds_of_convolution():
    inputs = keras.Input((8, 8, 4))
    x = keras.layers.DepthwiseConv2D(3, depth_multiplier=2, name="depth")(inputs)
    x = keras.layers.Conv2DTranspose(5, 3, name="up")(x)
    model = keras.Model(inputs, x)
    depth = layer_filters(model, "depth")["weights"]
    assert depth.shape == (8, 3, 3, 1)
    kernels = keras.ops.convert_to_numpy(model.get_layer("depth").kernel)
    assert (depth[3, ..., 0] == kernels[:, :, 1, 1]).all()
    assert layer_filters(model, "up")["weights"].shape == (5, 3, 3, 8)


def test_layers_that_are_not_there(refused, transfer):
    with refused(ValueError, "layer", "'blok1_conv1'", "Did you mean 'block1_conv1'"):
        layer_filters(transfer, "blok1_conv1")
    with refused(ValueError, "layer", "'block1_pool'", "MaxPooling2D"):
        layer_filters(build_cnn(), "block1_pool")
    with refused(ValueError, "model", "convolution"):
        layer_filters(build_mlp())
    with refused(TypeError, "layer", "3"):
        layer_filters(build_cnn(), 3)
    with refused(TypeError, "model", "'vgg16'"):
        layer_filters("vgg16")


# Feature maps


def test_maps_are_what_the_model_computes_on_its_way():
    model = build_cnn(seed=1)
    images = np.random.default_rng(1).integers(0, 256, (2, 32, 32, 3)).astype("uint8")
    maps = feature_maps(model, images, ["block2_pool", "block1_conv1"])
    assert list(maps) == ["block2_pool", "block1_conv1"]
    for name, found in maps.items():
        part = keras.Model(model.inputs, model.get_layer(name).output)
        expected = part.predict(images, verbose=0)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_maps_of_layers_within_a_model(transfer):
    image = np.full((32, 32, 3), 200.0)
    maps = feature_maps(transfer, image, ["block1_conv1", "vgg16/block5_pool"])
    assert [found.shape for found in maps.values()] == [(1, 32, 32, 64), (1, 1, 1, 512)]
    assert list(maps) == ["vgg16/block1_conv1", "vgg16/block5_pool"]


def test_image_data_and_the_first_convolution(shapes, tiny_cnn):
    maps = feature_maps(tiny_cnn(), shapes[:3])
    assert maps["block1_conv1"].shape == (3, 16, 16, 4)


def test_maps_that_cannot_be(refused, tiny_cnn):
    image = np.zeros((16, 16, 3))
    with refused(ValueError, "images", "16 x 16 x 3", "(1, 8, 8, 3)"):
        feature_maps(tiny_cnn(), image[:8, :8])
    with refused(ValueError, "images", "(0, 16, 16, 3)"):
        feature_maps(tiny_cnn(), image_arrays(image[None])[:0])
    with refused(ValueError, "layers", "'blok1_pool'", "'block1_pool'"):
        feature_maps(tiny_cnn(), image, "blok1_pool")
    model = tiny_cnn()
    flat = next(layer.name for layer in model.layers if "global" in layer.name)
    with refused(ValueError, "layers", flat, "not feature maps"):
        feature_maps(model, image, flat)


def test_layer_with_several_outputs_is_refused(refused):
    inputs = keras.Input((8, 8, 4))
    halves = keras.ops.split(inputs, 2, axis=-1)
    x = keras.layers.GlobalAveragePooling2D()(halves[0] * halves[1])
    model = keras.Model(inputs, keras.layers.Dense(2)(x))
    name = next(layer.name for layer in model.operations if "split" in layer.name)
    with refused(ValueError, "layers", name, "single output"):
        feature_maps(model, np.zeros((1, 8, 8, 4)), name)


def test_one_name_of_two_layers_is_asked_for_whole(refused):
    def part(name):
        inputs = keras.Input((8, 8, 3))
        return keras.Model(
            inputs, keras.layers.Conv2D(3, 1, name="conv")(inputs), name=name
        )

    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, part("second")(part("first")(inputs)))
    with refused(ValueError, "layer", "'first/conv', 'second/conv'"):
        layer_filters(model, "conv")
    assert layer_filters(model, "second/conv")["layer"] == "second/conv"
