import contextlib
import os
import shutil
import socket
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from transferring import SIZE, as_numpy, small_network, small_transfer

import reticnn
from reticnn import backbones, transfer_model
from reticnn.graph import leaves_of
from reticnn.pretrained import formats
from reticnn.pretrained.catalog import BACKBONES, as_backbone
from reticnn.pretrained.loading import put_weights
from reticnn.runtime import downloads
from reticnn.runtime.foreign import archives

SHARED = Path(reticnn.__file__).parents[3] / "shared" / "weights"
NO_TOP = SHARED / "mobilenet_2_5_224_tf_no_top.h5"
WITH_TOP = SHARED / "mobilenet_2_5_224_tf.h5"

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
    # The smaller images of MobileNet are `input_shape` there.
    assert set(names) - set(BACKBONES) == {"lenet5", "mobilenet_160"}
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


@pytest.mark.slow
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
    ],
)
def test_unknown_backbone_is_named(refused, name, parts):
    with refused(ValueError, "backbone", "`backbones()`", *parts):
        transfer_model(name)


# weights


@pytest.mark.slow
@real_weights
def test_file_with_or_without_top_is_kerass_own_network(images):
    theirs = keras.applications.MobileNet(
        alpha=0.25, include_top=False, weights=str(NO_TOP), input_shape=SIZE
    )
    x = keras.applications.mobilenet.preprocess_input(images.astype("float32"))
    wanted = theirs.predict(x, verbose=0)
    for file in (NO_TOP, WITH_TOP):
        model = small_transfer(weights=str(file))
        features = keras.Model(model.input, model.layers[-2].input)
        np.testing.assert_allclose(
            features.predict(images, verbose=0), wanted, rtol=1e-4, atol=1e-5
        )


@real_weights
@pytest.mark.parametrize("file", [NO_TOP, WITH_TOP])
@pytest.mark.parametrize("weights", ["imagenet", "ImageNet"])
def test_imagenet_weights_come_from_kerass_cache(keras_home, file, weights):
    shutil.copy(file, keras_home)
    model = small_transfer(weights=weights)
    wanted = small_transfer(weights=NO_TOP)
    for ours, theirs in zip(model.get_weights(), wanted.get_weights(), strict=True):
        assert (ours == theirs).all()


@pytest.mark.slow
@real_weights
def test_every_way_to_give_weights_gives_the_same(tmp_path, fit, shapes):
    source = small_transfer(weights=NO_TOP, resize_to=32)
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
        made = small_transfer(weights=weights).get_layer("mobilenet_0.25")
        for ours, theirs in zip(made.weights, network.weights, strict=True):
            assert (as_numpy([ours])[0] == as_numpy([theirs])[0]).all()


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
    wanted = _at_once(own, images)
    for weights in (own, keras.Sequential([own]), *(tmp_path / name for name in names)):
        model = transfer_model("efficientnet_b0", SIZE, weights=weights)
        features = keras.Model(model.input, model.layers[-2].output)
        ours = _at_once(features, images)
        # Random weights give features near 1e-6.
        assert np.abs(ours - wanted).max() < 1e-3 * np.abs(wanted).max()


def _at_once(model, images):
    """Return what a model gives, without the time that tracing it takes."""
    return keras.ops.convert_to_numpy(model(images, training=False))


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
    """Return a network whose batch normalisations are in a nested model."""
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
    small_transfer().save(tmp_path / "whole.h5")
    with refused(
        ValueError, "weights", "'mobilenet_0.25'", ".keras, or give the model"
    ):
        small_transfer(weights=tmp_path / "whole.h5")


def _with_a_model_within(*layers):
    """Return a network around a model whose layers are named anew in each session."""
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, keras.Sequential(layers)(inputs), name="own")
    rng = np.random.default_rng(1)
    model.set_weights([rng.random(weight.shape) for weight in model.get_weights()])
    return model


def _convolved_and_normalised():
    return [
        keras.layers.Conv2D(3, 1),
        keras.layers.BatchNormalization(),
        keras.layers.Conv2D(5, 3),
    ]


def test_legacy_file_of_a_model_within_is_read_by_shapes_that_differ(tmp_path):
    source = _with_a_model_within(*_convolved_and_normalised())
    source.save(tmp_path / "own.h5")
    with h5py.File(tmp_path / "own.h5") as file:
        (within,) = (
            g
            for g in file["model_weights"].values()
            if "weight_names" in g.attrs and len(g.attrs["weight_names"])
        )
        stored = [str(name) for name in within.attrs["weight_names"]]
    assert "moving_variance" in stored[-1]
    other = _with_a_model_within(*_convolved_and_normalised())
    other.set_weights([weight * 0 for weight in other.get_weights()])
    transfer_model(other, (8, 8, 3), weights=tmp_path / "own.h5")
    for ours, theirs in zip(other.get_weights(), source.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_model_within_may_be_apart_in_the_network(tmp_path):
    source = _with_a_model_within(*_convolved_and_normalised())
    source.save(tmp_path / "own.h5")
    source.save(tmp_path / "own.keras")
    inputs = keras.Input((8, 8, 3))
    x = inputs
    for layer in _convolved_and_normalised():
        x = layer(x)
    network = keras.Model(inputs, x)
    before = network.get_weights()
    for weights in (tmp_path / "own.h5", tmp_path / "own.keras", source):
        transfer_model(network, (8, 8, 3), weights=weights)
        for ours, theirs in zip(
            network.get_weights(), source.get_weights(), strict=True
        ):
            np.testing.assert_array_equal(ours, theirs)
        network.set_weights(before)


@pytest.mark.parametrize("ending", [".keras", ".h5", ".weights.h5"])
def test_network_is_as_before_where_weights_do_not_fit(refused, tmp_path, ending):
    network = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Normalization(),
            keras.layers.Conv2D(2, 3),
            keras.layers.Conv2D(2, 3),
        ]
    )
    other = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Normalization(),
            keras.layers.Conv2D(2, 3),
            keras.layers.Conv2D(4, 3),
        ]
    )
    other.layers[0].adapt(np.random.default_rng(1).random((4, 8, 8, 3)) * 9)
    path = tmp_path / f"other{ending}"
    other.save_weights(path) if ending == ".weights.h5" else other.save(path)
    x = np.random.default_rng(2).random((2, 8, 8, 3))
    before, answers = network.get_weights(), network.predict(x, verbose=0)
    with refused(ValueError, "weights", "does not fit", str(path)):
        transfer_model(network, (8, 8, 3), weights=path)
    for weight, as_before in zip(network.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, as_before)
    np.testing.assert_array_equal(network.predict(x, verbose=0), answers)


def _normalised_images(filters):
    """Return a network whose normalisation of pixels is in a nested model."""
    inputs = keras.Input((8, 8, 3))
    within = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Normalization()])
    return keras.Model(inputs, keras.layers.Conv2D(filters, 3)(within(inputs)))


@pytest.mark.parametrize("ending", ["", ".keras", ".h5", ".weights.h5"])
@pytest.mark.parametrize("fits", [True, False])
def test_nested_normalization_computes_with_its_weights(tmp_path, ending, fits):
    source = _normalised_images(2)
    network = _normalised_images(2 if fits else 3)
    pixels = np.random.default_rng(1).random((4, 8, 8, 3)) * 9
    source.layers[1].layers[0].adapt(pixels)
    path = tmp_path / f"own{ending}"
    if ending == ".weights.h5":
        source.save_weights(path)
    elif ending:
        source.save(path)
    wanted = as_numpy((source if fits else network)(pixels))
    with contextlib.nullcontext() if fits else pytest.raises(ValueError):
        transfer_model(network, (8, 8, 3), weights=path if ending else source)
    np.testing.assert_allclose(as_numpy(network(pixels)), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("config", ["not JSON", "[]", '{"config": null}'])
def test_legacy_file_needs_no_configuration(tmp_path, config):
    source, network = _normalised_images(2), _normalised_images(2)
    source.save(tmp_path / "own.h5")
    with h5py.File(tmp_path / "own.h5", "a") as file:
        file.attrs["model_config"] = config
    transfer_model(network, (8, 8, 3), weights=tmp_path / "own.h5")
    for ours, theirs in zip(network.get_weights(), source.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("trained", [False, True])
def test_compiled_network_takes_a_file_of_weights(tmp_path, trained):
    source, network = _normalised_images(2), _normalised_images(2)
    network.compile("adam", "mse")
    if trained:
        network.fit(np.ones((2, 8, 8, 3)), np.ones((2, 6, 6, 2)), verbose=0)
    before = as_numpy(network.optimizer.variables)
    source.save_weights(tmp_path / "own.weights.h5")
    put_weights(network, tmp_path / "own.weights.h5")
    for ours, theirs in zip(network.get_weights(), source.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    after = as_numpy(network.optimizer.variables)
    for ours, theirs in zip(after, before, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert network.compiled


def test_legacy_file_is_checked_once(tmp_path, monkeypatch):
    source, network, checked = _normalised_images(2), _normalised_images(2), []
    source.save(tmp_path / "own.h5")
    check = formats.open_checked

    def noted(file):
        checked.append(file)
        return check(file)

    monkeypatch.setattr(formats, "open_checked", noted)
    put_weights(network, tmp_path / "own.h5")
    for ours, theirs in zip(network.get_weights(), source.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert len(checked) == 1


def _packed(path, **options):
    """Write an HDF5 file again with its arrays in pieces, as h5repack does."""
    version = options.pop("libver", None)
    with h5py.File(path, "r") as file, h5py.File("packed", "w", libver=version) as copy:
        copy.attrs.update(file.attrs)

        def take(name, item):
            if isinstance(item, h5py.Group):
                new = copy.create_group(name)
            else:
                new = copy.create_dataset(name, data=item[()], **options)
            new.attrs.update(item.attrs)

        file.visititems(take)
    os.replace("packed", path)


@pytest.mark.parametrize(
    "options",
    [
        {"chunks": True},
        {"compression": "gzip"},
        {"compression": "gzip", "shuffle": True, "chunks": (3,), "maxshape": (None,)},
    ],
    ids=["in pieces", "compressed", "shuffled"],
)
@pytest.mark.parametrize("ending", [".keras", ".h5", ".weights.h5"])
def test_weights_may_be_in_pieces_and_compressed(
    tmp_path, monkeypatch, ending, options
):
    monkeypatch.chdir(tmp_path)
    source, network = (_of_one_normalisation(seed) for seed in (1, 2))
    file = f"own{ending}"
    (source.save_weights if ending == ".weights.h5" else source.save)(file)
    if ending == ".keras":
        with zipfile.ZipFile(file) as archive:
            archive.extractall("parts")
        _packed("parts/model.weights.h5", **options)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in os.listdir("parts"):
                archive.write(f"parts/{name}", name)
    else:
        _packed(file, **options)
    put_weights(network, file)
    for ours, theirs in zip(network.get_weights(), source.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_weights_in_a_newer_way_of_hdf5_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source, network = (_of_one_normalisation(seed) for seed in (1, 2))
    source.save_weights("own.weights.h5")
    _packed("own.weights.h5", libver="latest")
    with pytest.raises(ValueError, match="a newer way of HDF5"):
        put_weights(network, "own.weights.h5")
    _packed("own.weights.h5", libver="earliest")
    put_weights(network, "own.weights.h5")


def _of_one_normalisation(seed):
    """Return a model whose weights all have one axis, of more than a piece."""
    keras.utils.set_random_seed(seed)
    norm = keras.layers.BatchNormalization(gamma_initializer="random_normal")
    return keras.Sequential([keras.Input((8, 8, 7)), norm])


@pytest.mark.parametrize("zeros", [0, 0.85])
def test_a_model_may_be_zipped_again(tmp_path, monkeypatch, zeros):
    monkeypatch.setattr(archives, "ROOM", 0)
    source = keras.Sequential([keras.Input((4, 4, 300)), keras.layers.Conv2D(300, 1)])
    kernel = source.get_weights()[0]
    kernel[np.random.default_rng(1).random(kernel.shape) < zeros] = 0
    source.set_weights([kernel, source.get_weights()[1]])
    source.save(tmp_path / "own.keras")
    with (
        zipfile.ZipFile(tmp_path / "own.keras") as archive,
        zipfile.ZipFile(tmp_path / "z.keras", "w", zipfile.ZIP_DEFLATED) as zipped,
    ):
        for name in archive.namelist():
            zipped.writestr(name, archive.read(name))
    network = keras.Sequential([keras.Input((4, 4, 300)), keras.layers.Conv2D(300, 1)])
    put_weights(network, tmp_path / "z.keras")
    np.testing.assert_array_equal(network.get_weights()[0], kernel)


def test_bias_too_many_is_named_by_its_own_layer(refused):
    def network(use_bias):
        return keras.Sequential(
            [
                keras.Input((8, 8, 3)),
                keras.layers.Conv2D(2, 3, use_bias=use_bias, name="first"),
                keras.layers.BatchNormalization(name="second"),
            ]
        )

    own, other = network(use_bias=True), network(use_bias=False)
    words = ["layer 'first' has", "(2,)", "(3, 3, 3, 2)"]
    with refused(ValueError, "weights", *words):
        transfer_model(own, (8, 8, 3), weights=other)
    with refused(ValueError, "weights", *words):
        transfer_model(other, (8, 8, 3), weights=own)


def test_landmark_takes_the_weights_of_a_model_within():
    source = transfer_model("resnet18", SIZE, weights=None, adapter=True, seed=1)
    made = reticnn.landmark_model("resnet18", SIZE, 3, weights=source)
    within = source.get_layer("resnet18").get_weights()
    *features, _, _ = made.get_weights()
    for ours, theirs in zip(features, within, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def _strided(first, second, activation="relu"):
    """Return a network whose weights do not tell where it halves the image."""
    inputs = x = keras.Input((8, 8, 3))
    for strides in (first, second):
        x = keras.layers.Conv2D(4, 3, strides=strides, padding="same")(x)
        x = keras.layers.Activation(activation)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    outputs = keras.layers.Dense(2, "softmax")(keras.layers.Dense(3, "tanh")(x))
    return keras.Model(inputs, outputs)


@pytest.mark.parametrize("kind", ["model", ".keras", ".reticnn"])
@pytest.mark.parametrize(
    ("made", "words"),
    [
        ((2, 1), ["`strides` (2, 2)", "has (1, 1)", "`stride_in`"]),
        ((1, 2, "gelu"), ["2 'gelu', and here are 2 'relu'"]),
    ],
)
def test_weights_of_a_network_that_computes_something_else_are_told_of(
    tmp_path, shapes, kind, made, words
):
    source = _strided(*made)
    if kind == ".keras":
        source.save(tmp_path / "source.keras")
    if kind == ".reticnn":
        options = {"epochs": 1, "validation": None, "progress": "none"}
        images = reticnn.image_arrays(np.zeros((4, 8, 8, 3), "uint8"), [0, 1, 0, 1])
        fitted = reticnn.fit_classifier(source, images, **options)
        reticnn.save_classifier(fitted, tmp_path / "source.reticnn")
    given = source if kind == "model" else tmp_path / f"source{kind}"
    with pytest.warns(UserWarning, match="`weights`") as told:
        transfer_model(_strided(1, 2), (8, 8, 3), weights=given)
    text = next(str(one.message) for one in told if "`weights`" in str(one.message))
    assert all(word in text for word in words), text


def test_weights_of_the_same_network_with_another_top_are_taken_without_a_word(
    tmp_path, recwarn
):
    network = _strided(1, 2)
    network.save(tmp_path / "source.keras")
    transfer_model(_strided(1, 2), (8, 8, 3), weights=tmp_path / "source.keras")
    # A top of its own, and a file that only has the weights.
    inside = transfer_model(_strided(1, 2), (8, 8, 3), weights=None, units=5)
    put_weights(_strided(1, 2), inside)
    network.save_weights(tmp_path / "source.weights.h5")
    put_weights(_strided(2, 1), tmp_path / "source.weights.h5")
    told = [str(one.message) for one in recwarn if "weights" in str(one.message)]
    assert not told


class _Wrapping(keras.Model):
    """A model that calls one of its parts `model`, as a classifier does."""

    def __init__(self, name="wrapping"):
        super().__init__(name=name)
        self.model = small_network()
        self.head = keras.layers.Conv2D(7, 1)

    def call(self, x):
        return self.head(self.model(x))


def test_model_with_an_attribute_model_gives_its_own_weights():
    source = _Wrapping()
    source(np.zeros((1, 8, 8, 3)))
    inputs = keras.Input((8, 8, 3))
    outputs = keras.layers.Conv2D(7, 1)(small_network()(inputs))
    network = keras.Model(inputs, outputs, name="own")
    transfer_model(network, (8, 8, 3), weights=source)
    for ours, theirs in zip(network.get_weights(), source.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_weights_of_another_backbone_name_its_layer(refused):
    other = transfer_model("resnet18", SIZE, weights=None)
    first = next(
        layer for layer in leaves_of(other.get_layer("resnet18")) if layer.weights
    )
    with pytest.raises(ValueError, match=f"layer 'conv1'.*{first.name!r}") as caught:
        small_transfer(weights=other)
    assert len(str(caught.value)) < 300


def test_long_lists_of_shapes_are_cut_short(refused):
    first = keras.layers.Conv2D(2, 3)
    rest = keras.Sequential([keras.layers.Conv2D(5, 3), keras.layers.Conv2D(5, 3)])
    weights = keras.Sequential([keras.Input((8, 8, 3)), first, rest])
    with refused(ValueError, "weights", "(5,), (3, 3, 5, 5) and 1 more there, of a"):
        transfer_model(small_network(), (8, 8, 3), weights=weights)


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
    shallow, deep = small_network(), small_network()
    x = deep.output
    for _ in range(4):
        x = keras.layers.Conv2D(2, 1)(x)
    deep = keras.Model(deep.input, x, name="deep")
    with refused(ValueError, "weights", "8 layers", "the network has 4"):
        transfer_model(shallow, (8, 8, 3), weights=deep)
    with refused(ValueError, "weights", "end before layer", "number 5 of 8"):
        transfer_model(deep, (8, 8, 3), weights=shallow)


@pytest.mark.slow
def test_bad_files_are_named(refused, tmp_path):
    for name in ("cut.h5", "cut.keras", "cut.weights.h5"):
        (tmp_path / name).write_bytes(b"not weights")
        with refused(ValueError, "weights", name, "cannot be read"):
            small_transfer(weights=tmp_path / name)
    with h5py.File(tmp_path / "other.weights.h5", "w") as file:
        file["layers"] = 1
    with refused(ValueError, "weights", "other.weights.h5", "does not fit"):
        small_transfer(weights=tmp_path / "other.weights.h5")
    (tmp_path / "weights.pt").touch()
    with refused(ValueError, "weights", "weights.pt", ".keras"):
        small_transfer(weights=tmp_path / "weights.pt")
    for name in ("", "folder.keras"):
        (tmp_path / name).mkdir(exist_ok=True)
        with refused(ValueError, "weights", repr(str(tmp_path / name)), "is a folder"):
            small_transfer(weights=tmp_path / name)
    with refused(FileNotFoundError, "weights", "'imagnet'"):
        small_transfer(weights="imagnet")
    with refused(TypeError, "weights", "3"):
        small_transfer(weights=3)
    other = tmp_path / "wider.weights.h5"
    as_backbone("mobilenet_0.5").build(SIZE).save_weights(other)
    with pytest.raises(ValueError, match=r"conv1.*3, 8\).*3, 16[\])]") as caught:
        small_transfer(weights=other)
    assert len(str(caught.value)) < 600
    other = tmp_path / "other.weights.h5"
    small_network().save_weights(other)
    with refused(ValueError, "weights", "does not fit mobilenet_0.25", "other"):
        small_transfer(weights=other)


def _through_proxy(monkeypatch, port):
    # What was opened last knows the proxies of that time.
    monkeypatch.setattr("urllib.request._opener", None)
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


def _gives_up(backbone, *parts):
    with pytest.raises(ConnectionError) as caught:
        transfer_model(backbone, (128, 128, 3))
    for part in (*parts, "`weights`", "weights=None", "`backbones()`"):
        assert part in str(caught.value)


def test_refused_connection_says_what_to_do(keras_home, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    _through_proxy(monkeypatch, port)
    parts = ["mobilenet_0.25", "'mobilenet_2_5_128_tf_no_top.h5'", str(keras_home)]
    _gives_up("mobilenet_0.25", *parts)
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
    wanted = small_transfer(weights=file).get_layer("mobilenet_0.25").get_weights()
    ours = model.get_layer("mobilenet_0.25").get_weights()
    for weight, own in zip(wanted, ours, strict=True):
        np.testing.assert_array_equal(own, weight)


def test_silent_network_is_given_up(keras_home, monkeypatch):
    monkeypatch.setattr(downloads, "SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        _through_proxy(monkeypatch, server.getsockname()[1])
        _gives_up("vgg16", "vgg16", str(keras_home), "kernels_notop")


def test_of_models_that_fit_alike_the_outermost_gives_its_weights():
    def network(name):
        inputs = keras.Input((8, 8, 3))
        maps = keras.layers.Conv2D(3, 3, padding="same", name=name)(inputs)
        return keras.Model(inputs, maps, name=f"net_{name}")

    inputs = keras.Input((8, 8, 3))
    outer = keras.layers.Conv2D(3, 3, padding="same", name="outer")
    x = keras.layers.GlobalAveragePooling2D()(network("nested")(outer(inputs)))
    source = keras.Model(inputs, keras.layers.Dense(2)(x))
    model = transfer_model(network("own"), (8, 8, 3), 2, weights=source)
    kernel = model.get_layer("net_own").get_layer("own").kernel
    np.testing.assert_array_equal(kernel, outer.kernel)


@pytest.mark.parametrize("ending", [".h5", ".weights.h5"])
def test_a_file_that_takes_the_place_of_a_checked_one_is_not_read(
    tmp_path, monkeypatch, ending
):
    source = small_transfer()
    path, other = tmp_path / f"own{ending}", tmp_path / f"other{ending}"
    for file in (path, other):
        source.save_weights(file) if "weights" in ending else source.save(file)
    check = formats.open_checked

    def replaced_after(file):
        checked = check(file)
        if other.exists():
            os.replace(other, path)
        return checked

    monkeypatch.setattr(formats, "open_checked", replaced_after)
    with pytest.raises(ValueError, match="written to while it was read"):
        formats.read_source(str(path), source).models[-1].layers[0].arrays[
            0
        ].__array__()
