import contextlib
import os
import shutil
import socket
import threading
import time
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

import reticnn
from reticnn import backbones, freeze, layer_table, transfer_model, unfreeze
from reticnn.graph import leaves_of
from reticnn.layers.preprocessing import preprocess
from reticnn.pretrained.catalog import BACKBONES, as_backbone
from reticnn.pretrained.freezing import train_from
from reticnn.pretrained.loading import put_weights
from reticnn.runtime import downloads as waiting

SHARED = Path(reticnn.__file__).parents[3] / "shared" / "weights"
NO_TOP = SHARED / "mobilenet_2_5_224_tf_no_top.h5"
WITH_TOP = SHARED / "mobilenet_2_5_224_tf.h5"
SIZE = (32, 32, 3)

real_weights = pytest.mark.skipif(
    not NO_TOP.exists(), reason=f"The weights of MobileNet 0.25 are not in {SHARED}"
)


@pytest.fixture
def keras_home(tmp_path, monkeypatch):
    """Return the folder of an empty cache of Keras."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    models = tmp_path / "home" / "models"
    models.mkdir(parents=True)
    return models


@pytest.fixture
def images():
    return np.random.default_rng(1).integers(0, 256, (4, *SIZE)).astype("uint8")


def _small(**arguments):
    settled = {"input_shape": SIZE, "weights": None, "seed": 1, **arguments}
    return transfer_model("mobilenet_0.25", **settled)


def _network():
    """Return a network with blocks and names, as a backbone is."""
    inputs = keras.Input((8, 8, 3))
    x = reticnn.conv_block(inputs, 2, n_conv=2, name="block1")
    x = reticnn.conv_block(x, 2, batch_norm=True, name="block2")
    return keras.Model(inputs, x, name="small")


def _trained(model):
    table = layer_table(model)
    return [
        name
        for name, trained, parameters in zip(
            table["name"], table["trainable"], table["parameters"], strict=True
        )
        if trained and parameters
    ]


def _numpy(variables):
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


# backbones


def test_table_lists_every_network_of_keras(keras_home):
    table = backbones()
    assert len({len(column) for column in table.values()}) == 1
    assert table["name"] == sorted(set(table["name"]))
    in_keras = {name for name in dir(keras.applications) if name[0].isupper()}
    functions = {entry.function for entry in BACKBONES.values() if entry.function}
    assert functions == in_keras
    assert not any(table["cached"])
    row = table["name"].index("vgg16")
    facts = {name: column[row] for name, column in table.items()}
    assert facts == {
        "name": "vgg16",
        "family": "vgg",
        "parameters": 14_714_688,
        "input_size": 224,
        "min_size": 32,
        "preprocessing": "RGB to BGR, minus ImageNet's mean of each channel",
        "weights": "imagenet",
        "cached": False,
    }


def test_every_landmark_is_a_backbone_where_its_size_is_not_fixed():
    names = reticnn.landmark_architectures()["name"]
    assert set(names) - set(BACKBONES) == {"lenet5"}
    table = backbones()
    weights = dict(zip(table["name"], table["weights"], strict=True))
    assert weights["resnet18"] == "none" and weights["resnet50"] == "imagenet"


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [name for name, entry in BACKBONES.items() if not entry.function]
)
def test_landmark_is_a_backbone(refused, name):
    entry = BACKBONES[name]
    size = (entry.min_size, entry.min_size, 3)
    model = transfer_model(name, size, weights=None, train="last_block")
    backbone = model.get_layer(name)
    assert backbone.count_params() == entry.parameters
    assert len(backbone.output_shape) == 4
    trained = {layer.name for layer in leaves_of(backbone) if layer.trainable}
    assert 0 < len(trained) < len(leaves_of(backbone))
    with refused(ValueError, "weights", "'imagenet'", name, "None"):
        transfer_model(name, size)


def test_classifier_on_a_landmark_gives_its_weights():
    source = reticnn.landmark_model("resnet18", (32, 32, 3), 3, seed=1)
    model = transfer_model("resnet18", (32, 32, 3), weights=source)
    ours = model.get_layer("resnet18").get_weights()
    for weight, own in zip(source.get_weights(), ours, strict=False):
        np.testing.assert_array_equal(own, weight)


@pytest.mark.parametrize(
    "file", ["mobilenet_7_5_128_tf_no_top.h5", "mobilenet_7_5_224_tf.h5"]
)
def test_table_says_what_is_cached(keras_home, file):
    (keras_home / file).touch()
    table = backbones()
    cached = dict(zip(table["name"], table["cached"], strict=True))
    assert [name for name, here in cached.items() if here] == ["mobilenet_0.75"]


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("VGG16", "vgg16"),
        ("ConvNeXtTiny", "convnext_tiny"),
        ("EfficientNetV2B0", "efficientnet_v2_b0"),
        ("efficientnetv2-b0", "efficientnet_v2_b0"),
        ("ResNet50V2", "resnet50_v2"),
        ("MobileNetV3Small", "mobilenet_v3_small"),
        ("mobilenet-0.25", "mobilenet_0.25"),
        ("mobilenet_0.25_96", "mobilenet_0.25"),
        ("mobilenetv2_1.00_224", "mobilenet_v2"),
    ],
)
def test_spelling_of_names_is_forgiven(spelling, name):
    assert as_backbone(spelling).name == name


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("vgg_16b", ["'vgg_16b'", "Did you mean 'vgg16'?"]),
        ("resnet", ["'resnet'", "Did you mean"]),
        (16.0, ["not 16"]),
        (None, ["None"]),
    ],
)
def test_unknown_backbone_is_named(refused, name, parts):
    with refused(ValueError, "backbone", "`backbones()`", *parts):
        transfer_model(name)


# The networks as they are in Keras

_MODULES = {
    "vgg": "vgg16",
    "inception": "inception_v3",
    "inception_resnet": "inception_resnet_v2",
}


_OF_KERAS = sorted({e.family for e in BACKBONES.values()} - {"alexnet", "googlenet"})


@pytest.mark.parametrize("family", _OF_KERAS)
def test_preprocessing_is_kerass_own(family, images):
    entry = next(entry for entry in BACKBONES.values() if entry.family == family)
    inputs = keras.Input(SIZE)
    outputs = preprocess(inputs, entry.preprocessing)
    ours = keras.Model(inputs, keras.layers.Identity()(outputs)).predict(
        images, verbose=0
    )
    module = getattr(keras.applications, _MODULES.get(family, family))
    theirs = module.preprocess_input(images.astype("float32"))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "first_of_last_block"),
    [
        ("vgg16", "block5_conv1"),
        ("resnet50", "conv5_block1_1_conv"),
        ("resnet50_v2", "conv5_block1_preact_bn"),
        ("inception_v3", None),
        ("xception", "block14_sepconv1"),
        ("mobilenet_0.25", "conv_dw_13"),
        ("mobilenet_v2_0.35", "block_16_expand"),
        ("mobilenet_v3_small", "expanded_conv_10_expand"),
        ("mobilenet_v3_large_minimalistic", "expanded_conv_14_expand"),
        ("densenet121", "conv5_block1_0_bn"),
        pytest.param(
            "nasnet_mobile",
            None,
            marks=pytest.mark.skipif(
                keras.backend.backend() == "torch",
                reason="Keras does not have NASNet under torch",
            ),
        ),
        ("efficientnet_b0", "block7a_expand_conv"),
        ("efficientnet_v2_b0", "block6h_expand_conv"),
        ("convnext_tiny", "convnext_tiny_stage_3_block_0_depthwise_conv"),
    ],
)
def test_last_block_is_a_suffix_with_weights(name, first_of_last_block):
    entry = BACKBONES[name]
    network = entry.build((entry.min_size, entry.min_size, 3))
    assert network.count_params() == entry.parameters
    train_from(network, "last_block")
    flags = [layer.trainable for layer in leaves_of(network)]
    first = flags.index(True)
    assert all(flags[first:])
    if first_of_last_block:
        assert leaves_of(network)[first].name == first_of_last_block
    trained = sum(np.prod(weight.shape) for weight in network.trainable_weights)
    assert 0.01 < trained / entry.parameters < 0.7
    keras.utils.clear_session()


# transfer_model


def test_head_alone_is_trained_by_default():
    model = _small(units=8)
    assert _trained(model) == [layer.name for layer in model.layers[-2:]]
    assert model.get_layer("mobilenet_0.25").count_params() == 218_544
    assert model.output_shape == (None, 1)
    assert not model.compiled


def test_vgg16_trains_the_block_of_the_workshops_slide():
    model = transfer_model("vgg16", SIZE, weights=None, train="last_block")
    convolutions = [f"block5_conv{step}" for step in (1, 2, 3)]
    assert [n for n in _trained(model) if "block" in n] == convolutions
    unfreeze(model, "last_block")
    assert [n for n in _trained(model) if "block" in n] == convolutions
    unfreeze(model)
    assert len([n for n in _trained(model) if "block" in n]) == 13


@pytest.mark.parametrize(
    ("train", "first", "count"),
    [
        ("conv_pw_13", "conv_pw_13", 2),
        ("conv_dw_13", "conv_dw_13", 4),
        (2.0, "conv_pw_13_bn", 1),
        (3, "conv_pw_13", 2),
        ("all", "conv1", 54),
    ],
)
def test_what_is_trained_of_the_backbone(train, first, count):
    network = _small(train=train).get_layer("mobilenet_0.25")
    assert _trained(network)[0] == first
    assert len(_trained(network)) == count


@pytest.mark.parametrize(
    ("pooling", "features"), [("avg", 256), ("max", 256), ("flatten", 4 * 256)]
)
def test_pooling(pooling, features):
    model = transfer_model(
        "mobilenet_0.25", (64, 64, 3), 3, weights=None, pooling=pooling
    )
    assert model.layers[-1].input.shape == (None, features)
    assert model.output_shape == (None, 3)


@pytest.mark.parametrize("train", ["head", "block2", "all"])
def test_batch_normalisation_keeps_its_statistics_in_training(fit, shapes, train):
    model = transfer_model(_network(), (16, 16, 3), resize_to=8, train=train)
    normal = [v for v in model.weights if "moving" in v.path]
    assert len(normal) == 2
    before, weights = _numpy(normal), _numpy(model.trainable_weights)
    # With as many of each class nothing is learned where all ReLUs give 0.
    fit(model, shapes[:59], learning_rate=0.1)
    after = _numpy(model.trainable_weights)
    assert all((a == b).all() for a, b in zip(before, _numpy(normal), strict=True))
    assert any((a != b).any() for a, b in zip(weights, after, strict=True))


@pytest.mark.slow
def test_backbone_without_weights_learns_statistics(fit, shapes):
    model = _small(input_shape=(16, 16, 3), train="all", resize_to=32)
    normal = [v for v in model.weights if "moving" in v.path]
    before = _numpy(normal)
    fit(model, shapes)
    assert all((a != b).any() for a, b in zip(before, _numpy(normal), strict=True))


def test_adapter_has_the_parameters_of_the_exercise():
    network = _network()
    plain = transfer_model(network, (8, 8, 3))
    adapted = transfer_model(network, (8, 8, 3), adapter=True)
    assert adapted.count_params() - plain.count_params() == 11_267
    assert "adapter1_conv1" in _trained(adapted)
    small = transfer_model(network, (8, 8, 3), adapter={"filters": 4.0})
    assert small.count_params() < adapted.count_params()
    assert transfer_model(network, (8, 8, 3), adapter=False).count_params() == (
        plain.count_params()
    )


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_adapter_takes_any_channels(channels):
    model = transfer_model(_network(), (8, 8, channels), adapter=True)
    x = np.zeros((2, 8, 8, channels))
    assert model.predict(x, verbose=0).shape == (2, 1)


def test_grey_images_are_repeated(images):
    grey = images[..., :1]
    colour, of_grey = (
        _small(),
        transfer_model("mobilenet_0.25", (32, 32, 1), weights=None),
    )
    of_grey.set_weights(colour.get_weights())
    np.testing.assert_allclose(
        of_grey.predict(grey, verbose=0),
        colour.predict(np.repeat(grey, 3, axis=-1), verbose=0),
        rtol=1e-5,
    )


def test_model_resizes_inside(images):
    model = transfer_model("mobilenet_0.25", (8, 8, 3), weights=None, resize_to=32)
    assert model.input_shape == (None, 8, 8, 3)
    assert model.get_layer("mobilenet_0.25").input_shape == (None, 32, 32, 3)
    assert model.predict(images[:, :8, :8], verbose=0).shape == (4, 1)


def test_seed_fixes_the_new_weights():
    first, again, other = (_small(seed=seed).get_weights()[-2] for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def test_own_model_is_a_backbone_without_its_top(images):
    model = keras.Sequential(
        [
            keras.Input(SIZE),
            keras.layers.Conv2D(4, 3, name="convolution"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(7),
        ],
        name="own",
    )
    made = transfer_model(model, SIZE, 3)
    assert made.get_layer("own").output_shape == (None, 30, 30, 4)
    assert (made.get_weights()[0] == model.get_weights()[0]).all()
    assert _trained(made) == [made.layers[-1].name]
    named = transfer_model(model, SIZE, 3, train="convolution")
    assert "convolution" in _trained(named)


@pytest.mark.parametrize(
    ("arguments", "argument", "parts"),
    [
        (
            {"input_shape": (16, 16, 3)},
            "input_shape",
            ["16 x 16", "32 x 32", "resize_to=32"],
        ),
        ({"resize_to": 20}, "resize_to", ["20 x 20", "32 x 32"]),
        ({"input_shape": (32, 32, 4)}, "input_shape", ["4 channels", "adapter=True"]),
        (
            {"adapter": {"out_channels": 4}},
            "adapter",
            ["4 channels", "takes 3", "Leave `out_channels` out"],
        ),
        ({"adapter": {"filter": 8}}, "adapter", ["'filter'", "mean 'filters'"]),
        ({"train": "haed"}, "train", ["'haed'", "mean 'head'", "`layer_table()`"]),
        (
            {"train": "conv_dw_31"},
            "train",
            ["'conv_dw_31'", "Did you mean 'conv_dw_3'"],
        ),
        ({"train": 0}, "train", ["not 0"]),
        ({"train": 500}, "train", ["500", "86 layers"]),
        ({"pooling": "average"}, "pooling", ["'average'", "'avg', 'max', 'flatten'"]),
        ({"num_classes": 1}, "num_classes", ["not 1"]),
    ],
)
def test_bad_argument_is_named(refused, arguments, argument, parts):
    with refused(ValueError, argument, *parts):
        transfer_model(
            **{
                "backbone": "mobilenet_0.25",
                "input_shape": SIZE,
                "weights": None,
                **arguments,
            }
        )


def test_model_that_is_no_backbone_is_refused(refused):
    inputs = keras.Input((4,))
    with refused(ValueError, "backbone", "images"):
        transfer_model(keras.Model(inputs, keras.layers.Dense(2)(inputs)))
    with refused(ValueError, "backbone", "8 x 8", "32 x 32", "resize_to=(8, 8)"):
        transfer_model(_network(), SIZE)
    with refused(ValueError, "train", "'last_block'", "'small'"):
        transfer_model(_network(), (8, 8, 3), train="last_block")
    with refused(TypeError, "adapter", "'yes'"):
        _small(adapter="yes")


@pytest.mark.parametrize("train", [None, True, ["block2"], {}])
def test_what_cannot_be_trained_is_told_what_can(refused, train):
    words = ["'head'", "'last_block'", "'all'", "layer or block", f"not {train!r}"]
    with refused(TypeError, "train", *(words if train != ["block2"] else words[:-1])):
        transfer_model(_network(), (8, 8, 3), train=train)


def test_misspelt_block_is_told_the_blocks_name(refused):
    with refused(ValueError, "train", "'blok2'", "Did you mean 'block2'?"):
        transfer_model(_network(), (8, 8, 3), train="blok2")


@pytest.mark.slow
def test_saved_classifier_is_the_whole_model(fit, shapes, images, tmp_path):
    model = transfer_model("vgg16", (16, 16, 3), weights=None, resize_to=32, seed=1)
    classifier = fit(model, shapes)
    path = reticnn.save_classifier(classifier, tmp_path / "a.reticnn")
    loaded = reticnn.load_classifier(path)
    x = images[:, :16, :16]
    np.testing.assert_allclose(
        loaded.model.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-5
    )
    assert _trained(loaded.model) == _trained(model)


# weights


@real_weights
def test_file_with_or_without_top_is_kerass_own_network(images):
    theirs = keras.applications.MobileNet(
        alpha=0.25, include_top=False, weights=str(NO_TOP), input_shape=SIZE
    )
    x = keras.applications.mobilenet.preprocess_input(images.astype("float32"))
    wanted = theirs.predict(x, verbose=0)
    for file in (NO_TOP, WITH_TOP):
        model = _small(weights=str(file))
        features = keras.Model(model.input, model.layers[-2].input)
        np.testing.assert_allclose(
            features.predict(images, verbose=0), wanted, rtol=1e-4, atol=1e-5
        )


@real_weights
@pytest.mark.parametrize("file", [NO_TOP, WITH_TOP])
@pytest.mark.parametrize("weights", ["imagenet", "ImageNet"])
def test_imagenet_weights_come_from_kerass_cache(keras_home, file, weights):
    shutil.copy(file, keras_home)
    model = _small(weights=weights)
    wanted = _small(weights=NO_TOP)
    for ours, theirs in zip(model.get_weights(), wanted.get_weights(), strict=True):
        assert (ours == theirs).all()


@pytest.mark.slow
@real_weights
def test_every_way_to_give_weights_gives_the_same(tmp_path, fit, shapes):
    source = _small(weights=NO_TOP, resize_to=32)
    network = source.get_layer("mobilenet_0.25")
    network.save(tmp_path / "network.keras")
    network.save_weights(tmp_path / "network.weights.h5")
    source.save(tmp_path / "whole.keras")
    source.save(tmp_path / "whole.h5")
    classifier = fit(
        transfer_model("mobilenet_0.25", (16, 16, 3), weights=NO_TOP, resize_to=32),
        shapes,
    )
    reticnn.save_classifier(classifier, tmp_path / "classifier.reticnn")
    files = [
        "network.keras",
        "network.weights.h5",
        "whole.keras",
        "classifier.reticnn",
    ]
    for weights in (*(tmp_path / file for file in files), source, network, classifier):
        made = _small(weights=weights).get_layer("mobilenet_0.25")
        for ours, theirs in zip(made.weights, network.weights, strict=True):
            assert (_numpy([ours])[0] == _numpy([theirs])[0]).all()


@pytest.mark.slow
def test_efficientnets_imagenet_file_is_rescaled_as_by_keras(tmp_path, images):
    theirs = BACKBONES["efficientnet_b0"].build(SIZE)
    normalisation = theirs.layers[2]
    assert isinstance(normalisation, keras.layers.Normalization)
    for variable, value in zip(
        normalisation.weights, ([0.4, 0.5, 0.6], [0.2, 0.3, 0.4], 1), strict=True
    ):
        variable.assign(np.asarray(value, variable.dtype))
    normalisation.finalize_state()
    theirs.save(tmp_path / "efficientnetb0_notop.h5")
    with h5py.File(tmp_path / "efficientnetb0_notop.h5", "a") as file:
        del file.attrs["model_config"]  # Keras's own files have no more than weights.
    entry = as_backbone("efficientnet_b0")
    ours = entry.build(SIZE)
    put_weights(ours, str(tmp_path / "efficientnetb0_notop.h5"), entry)
    up_to = [
        keras.Model(model.input, model.layers[2].output).predict(images, verbose=0)
        for model in (ours, theirs)
    ]
    deviations = np.array([0.229, 0.224, 0.225])
    np.testing.assert_allclose(up_to[0], up_to[1] / np.sqrt(deviations), rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("divides", [False, True], ids=["once", "twice"])
def test_own_efficientnet_gives_its_features(tmp_path, images, divides):
    own = _efficientnet(divides)
    names = ["own.keras", "own.h5", "own.weights.h5"]
    for name in names[:2]:
        own.save(tmp_path / name)
    own.save_weights(tmp_path / names[2])
    if not divides:
        shutil.copy(tmp_path / "own.h5", tmp_path / "bare.h5")
        with h5py.File(tmp_path / "bare.h5", "a") as file:
            del file.attrs["model_config"]
        names.append("bare.h5")
    wanted = own.predict(images, verbose=0)
    for weights in (own, keras.Sequential([own]), *(tmp_path / name for name in names)):
        model = transfer_model("efficientnet_b0", SIZE, weights=weights)
        features = keras.Model(model.input, model.layers[-2].output)
        ours = features.predict(images, verbose=0)
        # Random weights give features near 1e-6.
        assert np.abs(ours - wanted).max() < 1e-3 * np.abs(wanted).max()


def _efficientnet(divides_twice):
    """Return Keras's network as of random weights, or as of those of ImageNet."""
    network = keras.applications.EfficientNetB0(
        weights=None, include_top=False, input_shape=SIZE, pooling="avg"
    )
    if not divides_twice:
        return network

    def call(layer, *inputs, **arguments):
        x = layer(*inputs, **arguments)
        if isinstance(layer, keras.layers.Normalization):
            x = keras.layers.Rescaling([s**-0.5 for s in (0.229, 0.224, 0.225)])(x)
        return x

    return keras.models.clone_model(
        network, call_function=call, clone_function=lambda layer: layer
    )


def _normalised_within(*names):
    """Return a network whose batch normalisations are in a model within it."""
    inputs = keras.Input((8, 8, 3))
    normal = [keras.layers.BatchNormalization(name=name) for name in names]
    x = keras.Sequential(normal, name="within")(inputs)
    network = keras.Model(inputs, keras.layers.Conv2D(3, 1)(x), name="own")
    rng = np.random.default_rng(1)
    network.set_weights([rng.random(w.shape) for w in network.get_weights()])
    return network


@pytest.mark.parametrize("frozen", [[], ["first"], ["first", "second"]])
def test_legacy_file_of_a_model_within_is_read_by_names(tmp_path, frozen):
    source = _normalised_within("first", "second")
    for name in frozen:
        source.get_layer("within").get_layer(name).trainable = False
    source.save(tmp_path / "own.h5")
    other = _normalised_within("first", "second")
    other.set_weights([weight * 0 for weight in other.get_weights()])
    made = transfer_model(other, (8, 8, 3), weights=tmp_path / "own.h5")
    for ours, theirs in zip(
        made.get_layer("own").get_weights(), source.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_legacy_file_whose_order_is_not_known_is_refused(refused, tmp_path):
    _normalised_within(None, None).save(tmp_path / "own.h5")
    other = _normalised_within(None, None)
    before = other.get_weights()
    with refused(
        ValueError, "weights", "'within'", "own.h5", "Save the model as .keras"
    ):
        transfer_model(other, (8, 8, 3), weights=tmp_path / "own.h5")
    for weight, as_before in zip(other.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, as_before)
    _small().save(tmp_path / "whole.h5")
    with refused(
        ValueError, "weights", "'mobilenet_0.25'", ".keras, or give the model"
    ):
        _small(weights=tmp_path / "whole.h5")


def test_weights_of_another_backbone_name_its_layer(refused):
    other = transfer_model("resnet18", SIZE, weights=None)
    first = next(
        layer for layer in leaves_of(other.get_layer("resnet18")) if layer.weights
    )
    with pytest.raises(ValueError, match=f"layer 'conv1'.*{first.name!r}") as caught:
        _small(weights=other)
    assert len(str(caught.value)) < 300


def test_long_lists_of_shapes_are_cut_short(refused):
    first = keras.layers.Conv2D(2, 3)
    rest = keras.Sequential([keras.layers.Conv2D(5, 3), keras.layers.Conv2D(5, 3)])
    weights = keras.Sequential([keras.Input((8, 8, 3)), first, rest])
    with refused(ValueError, "weights", "(5,), (3, 3, 5, 5)] and 1 more there, of a"):
        transfer_model(_network(), (8, 8, 3), weights=weights)


@real_weights
@pytest.mark.parametrize(
    ("backbone", "parts"),
    [
        ("mobilenet_0.5", ["layer 'conv1'", "(3, 3, 3, 16)", "(3, 3, 3, 8)"]),
        ("mobilenet_v2_0.35", ["layer 'Conv1'", "(3, 3, 3, 16)"]),
    ],
)
def test_weights_of_another_network_name_layer_and_shapes(refused, backbone, parts):
    with refused(ValueError, "weights", "does not fit", str(NO_TOP), *parts):
        transfer_model(backbone, SIZE, weights=NO_TOP)


def test_weights_of_another_depth_are_refused(refused):
    shallow, deep = _network(), _network()
    x = deep.output
    for _ in range(4):
        x = keras.layers.Conv2D(2, 1)(x)
    deep = keras.Model(deep.input, x, name="deep")
    with refused(ValueError, "weights", "8 layers", "the network has 4"):
        transfer_model(shallow, (8, 8, 3), weights=deep)
    with refused(ValueError, "weights", "end before layer", "number 5 of 8"):
        transfer_model(deep, (8, 8, 3), weights=shallow)


def test_bad_files_are_named(refused, tmp_path):
    for name in ("cut.h5", "cut.keras", "cut.weights.h5"):
        (tmp_path / name).write_bytes(b"not weights")
        with refused(ValueError, "weights", name, "cannot be read"):
            _small(weights=tmp_path / name)
    (tmp_path / "weights.pt").touch()
    with refused(ValueError, "weights", "weights.pt", ".keras"):
        _small(weights=tmp_path / "weights.pt")
    for name in ("", "folder.keras"):
        (tmp_path / name).mkdir(exist_ok=True)
        with refused(ValueError, "weights", repr(str(tmp_path / name)), "is a folder"):
            _small(weights=tmp_path / name)
    with refused(FileNotFoundError, "weights", "'imagnet'"):
        _small(weights="imagnet")
    with refused(TypeError, "weights", "3"):
        _small(weights=3)
    other = tmp_path / "wider.weights.h5"
    as_backbone("mobilenet_0.5").build(SIZE).save_weights(other)
    with pytest.raises(ValueError, match=r"conv1.*3, 8\).*3, 16[\])]") as caught:
        _small(weights=other)
    assert len(str(caught.value)) < 600
    other = tmp_path / "other.weights.h5"
    _network().save_weights(other)
    with refused(ValueError, "weights", "does not fit mobilenet_0.25", "other"):
        _small(weights=other)


def _through_proxy(monkeypatch, port):
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


def _seconds_to_give_up(backbone, *parts):
    started = time.monotonic()
    with pytest.raises(ConnectionError) as caught:
        transfer_model(backbone, (128, 128, 3))
    for part in (*parts, "`weights`", "weights=None", "`backbones()`"):
        assert part in str(caught.value)
    return time.monotonic() - started


def test_refused_connection_says_what_to_do(keras_home, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    _through_proxy(monkeypatch, port)
    parts = ["mobilenet_0.25", "'mobilenet_2_5_128_tf_no_top.h5'", str(keras_home)]
    assert _seconds_to_give_up("mobilenet_0.25", *parts) < 5
    assert os.listdir(keras_home) == []


@real_weights
@pytest.mark.parametrize("file", [NO_TOP, WITH_TOP])
def test_weights_for_another_size_do_without_a_network(keras_home, monkeypatch, file):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    _through_proxy(monkeypatch, port)
    shutil.copy(file, keras_home)
    with pytest.warns(UserWarning, match=f"128.*{file.name}.*another size"):
        model = transfer_model("mobilenet_0.25", (128, 128, 3))
    wanted = _small(weights=file).get_layer("mobilenet_0.25").get_weights()
    ours = model.get_layer("mobilenet_0.25").get_weights()
    for weight, own in zip(wanted, ours, strict=True):
        np.testing.assert_array_equal(own, weight)


@pytest.mark.slow
def test_silent_network_is_given_up_within_15_seconds(keras_home, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        _through_proxy(monkeypatch, server.getsockname()[1])
        assert (
            _seconds_to_give_up("vgg16", "vgg16", str(keras_home), "kernels_notop") < 15
        )


ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"


def _serve(server, answers):
    """Answer requests by their method, and leave the connections open in silence."""
    open_ones = []
    with contextlib.suppress(OSError):
        while True:
            connection, _ = server.accept()
            open_ones.append(connection)
            method = connection.recv(1000).split(b" ")[0]
            connection.sendall(answers.get(method, b""))


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ({}, "cannot be reached"),
        ({b"HEAD": ANSWER}, "broke off"),
        ({b"HEAD": ANSWER, b"GET": ANSWER + b"begun"}, "broke off"),
    ],
    ids=["after connecting", "before the file", "within the file"],
)
def test_server_that_falls_silent_is_given_up(tmp_path, monkeypatch, answers, says):
    assert 2 * waiting.SECONDS < 15
    monkeypatch.setattr(waiting, "SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_serve, args=(server, answers), daemon=True).start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/weights.h5"
        started = time.monotonic()
        with (
            pytest.raises(ConnectionError, match=f"{says}.*Put it there"),
            waiting.network(url, "Put it there."),
        ):
            keras.utils.get_file("weights.h5", url, cache_dir=tmp_path)
    assert time.monotonic() - started < 3
    assert not list(tmp_path.rglob("*.h5"))


# freeze, unfreeze, layer_table


CONVOLUTIONS = ["block1_conv1", "block1_conv2", "block2_conv1"]


@pytest.mark.parametrize(
    ("layers", "chosen"),
    [
        (None, [*CONVOLUTIONS, "block2_bn1"]),
        ("block1_conv2", ["block1_conv2"]),
        ("block1", CONVOLUTIONS[:2]),
        ("*_conv?", CONVOLUTIONS),
        (["block1_conv1", "block2_bn1"], ["block1_conv1", "block2_bn1"]),
        (["block2_conv1"], ["block2_conv1"]),
        (4.0, ["block2_conv1", "block2_bn1"]),
        ([-5.0, -2.0], ["block1_pool", "block2_conv1", "block2_bn1"]),
        ((-9, -6), ["block1_conv1", "block1_conv2"]),
        ((-3, None), ["block2_bn1"]),
        (np.array([-9.0, -6.0]), ["block1_conv1", "block1_conv2"]),
        (slice(-4, None), ["block2_conv1", "block2_bn1"]),
        (lambda layer: "conv" in layer.name, CONVOLUTIONS),
    ],
)
@pytest.mark.parametrize("nested", [False, True])
def test_layers_are_chosen_in_every_way(layers, chosen, nested):
    network = _network()
    chosen = [name for name in chosen if "pool" not in name]
    model = keras.Model(network.input, network(network.input)) if nested else network
    assert freeze(model) is model
    assert _trained(model) == []
    unfreeze(model, layers)
    inside = [name for name in _trained(model) if name != "small"]
    assert inside == chosen
    unfreeze(model)
    freeze(model, layers)
    everything = [*CONVOLUTIONS, "block2_bn1"]
    assert [name for name in _trained(model) if name != "small"] == [
        name for name in everything if name not in chosen
    ]


def test_positions_are_those_of_kerass_own_slices():
    network = keras.applications.MobileNet(
        alpha=0.25, weights=None, include_top=False, input_shape=SIZE, pooling="avg"
    )
    wanted = network.layers[-7:-2]
    freeze(network)
    unfreeze(network, slice(-7, -2))
    assert [layer for layer in network.layers if layer.trainable] == wanted
    freeze(network)
    unfreeze(network, wanted[1:3])
    assert [layer for layer in network.layers if layer.trainable] == wanted[1:3]
    assert unfreeze(network, network.layers[-3]).layers[-3].trainable
    freeze(network)
    unfreeze(network, "last_block")
    assert _trained(network)[0] == "conv_dw_13"


def test_model_within_is_chosen_by_its_name():
    model = _small(train="all")
    freeze(model, "mobilenet_0.25")
    assert _trained(model) == [model.layers[-1].name]
    unfreeze(model, "conv_pw_13")
    assert _trained(model)[:2] == ["mobilenet_0.25", "conv_pw_13"]
    model.get_layer("mobilenet_0.25").trainable = False
    assert _trained(model) == [model.layers[-1].name]
    unfreeze(model, "conv_pw_12")
    assert _trained(model)[:2] == ["mobilenet_0.25", "conv_pw_12"]


@pytest.mark.parametrize(
    ("layers", "error", "parts"),
    [
        ("block3", ValueError, ["'block3'", "Did you mean"]),
        ("x*", ValueError, ["'x*'", "`layer_table()`"]),
        (99, ValueError, ["99", "10 layers"]),
        (0, ValueError, ["not 0"]),
        (1.5, ValueError, ["1.5"]),
        ((5, 5), ValueError, ["(5, 5)"]),
        (lambda layer: False, ValueError, ["none of the 10"]),
        ([1, 2, 3], TypeError, ["c(-5, -2)", "a list with 1"]),
        ([], ValueError, ["none of the 10"]),
        ("last_block", ValueError, ["'last_block'", "'small'"]),
    ],
)
def test_choice_of_no_layer_is_refused(refused, layers, error, parts):
    network = _network()
    with refused(error, "layers", *parts):
        freeze(network, layers)
    assert len(_trained(network)) == 4


def test_layer_of_another_model_is_refused(refused):
    with refused(ValueError, "layers", "'block1_conv1'"):
        freeze(_network(), _network().get_layer("block1_conv1"))


@pytest.mark.parametrize("function", [freeze, unfreeze, layer_table])
def test_what_is_no_model_is_refused(refused, function):
    with refused(TypeError, "model", "'vgg16'"):
        function("vgg16")


def test_table_of_layers_looks_into_models():
    network = _network()
    model = transfer_model(network, (8, 8, 3), train="block2")
    table = layer_table(model)
    assert len({len(column) for column in table.values()}) == 1
    row = table["name"].index("small")
    assert [column[row] for column in table.values()] == [
        "small",
        "InferenceModel",
        "2 x 2 x 2",
        network.count_params(),
        True,
        "",
    ]
    row = table["name"].index("block1_conv1")
    assert [column[row] for column in table.values()] == [
        "block1_conv1",
        "Conv2D",
        "8 x 8 x 2",
        56,
        False,
        "small",
    ]
    assert layer_table(reticnn.build_cnn())["name"][0] == "image"


def test_table_tells_what_is_trained_also_after_loading(tmp_path):
    model = transfer_model(_network(), (8, 8, 3), train="block2")
    table = layer_table(model)
    told = dict(zip(table["name"], table["trainable"], strict=True))
    names = {model.layers[-1].name, "small", "block2_conv1", "block2_bn1"}
    assert {name for name, trained in told.items() if trained} == names
    weights = {weight.path.split("/")[-2] for weight in model.trainable_weights}
    assert weights == names - {"small"}
    freeze(model)
    assert not any(layer_table(model)["trainable"])
    model.save(tmp_path / "frozen.keras")
    loaded = keras.saving.load_model(tmp_path / "frozen.keras")
    assert not any(layer_table(loaded)["trainable"])


def test_table_of_what_is_not_built_is_refused(refused):
    class Own(keras.Model):
        def __init__(self):
            super().__init__(name="own_class")
            self.dense = keras.layers.Dense(2)

        def call(self, x):
            return self.dense(x)

    unbuilt = keras.Sequential([keras.layers.Dense(2, name="two")], name="bare")
    with refused(ValueError, "model", "'bare'", "'two'", "keras.Input", "call it once"):
        layer_table(unbuilt)
    with refused(ValueError, "model", "'own_class'", "'dense", "call it once"):
        layer_table(Own())
    unbuilt(np.zeros((1, 3)))
    assert layer_table(unbuilt)["parameters"] == [8]


# Further training


def test_classifier_trains_on_after_unfreezing(fit, shapes):
    model = transfer_model(_network(), (16, 16, 3), resize_to=8, seed=1)
    classifier = fit(model, shapes, optimizer="adam", weight_decay=0.01)
    convolution = model.get_layer("small").get_layer("block1_conv1")
    before = convolution.get_weights()[0]
    assert unfreeze(classifier, "block1") is classifier
    classifier = fit(classifier, shapes)
    assert classifier.epochs == 2
    assert (convolution.get_weights()[0] != before).any()
    optimizer = model.optimizer
    dense = model.layers[-1]
    assert optimizer.weight_decay == 0.01
    assert not optimizer._use_weight_decay(dense.bias)

    freeze(classifier)
    unfreeze(classifier, dense.name)
    frozen, head = convolution.get_weights()[0], dense.get_weights()[0]
    fit(classifier, shapes)
    assert (convolution.get_weights()[0] == frozen).all()
    assert (dense.get_weights()[0] != head).any()


@pytest.mark.parametrize("value", [False, [2], {}])
def test_wrong_kind_of_kept_features_is_told_the_words(refused, fit, shapes, value):
    with refused(TypeError, "cache_features", "'auto'", "'none'", "copies", "not "):
        fit(transfer_model(_network(), (8, 8, 3)), shapes, cache_features=value)


def test_optimizer_is_kept_where_nothing_was_unfrozen(fit, shapes):
    model = transfer_model(_network(), (16, 16, 3), resize_to=8, seed=1)
    classifier = fit(model, shapes)
    optimizer = model.optimizer
    fit(classifier, shapes)
    assert model.optimizer is optimizer
    assert int(keras.ops.convert_to_numpy(optimizer.iterations)) == 4
