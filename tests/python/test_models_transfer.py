import keras
import numpy as np
import pytest
from transferring import SIZE, as_numpy, small_network, small_transfer, trained_names

import reticnn
from reticnn import transfer_model, unfreeze
from reticnn.layers.preprocessing import preprocess
from reticnn.pretrained.catalog import BACKBONES


@pytest.fixture
def images():
    return np.random.default_rng(1).integers(0, 256, (4, *SIZE)).astype("uint8")


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


# transfer_model


def test_head_alone_is_trained_by_default():
    model = small_transfer(units=8)
    assert trained_names(model) == [layer.name for layer in model.layers[-2:]]
    assert model.get_layer("mobilenet_0.25").count_params() == 218_544
    assert model.output_shape == (None, 1)
    assert not model.compiled


def test_vgg16_trains_the_block_of_the_workshops_slide():
    model = transfer_model("vgg16", SIZE, weights=None, train="last_block")
    convolutions = [f"block5_conv{step}" for step in (1, 2, 3)]
    assert [n for n in trained_names(model) if "block" in n] == convolutions
    unfreeze(model, "last_block")
    assert [n for n in trained_names(model) if "block" in n] == convolutions
    unfreeze(model)
    assert len([n for n in trained_names(model) if "block" in n]) == 13


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
    network = small_transfer(train=train).get_layer("mobilenet_0.25")
    assert trained_names(network)[0] == first
    assert len(trained_names(network)) == count


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
    model = transfer_model(small_network(), (16, 16, 3), resize_to=8, train=train)
    normal = [v for v in model.weights if "moving" in v.path]
    assert len(normal) == 2
    before, weights = as_numpy(normal), as_numpy(model.trainable_weights)
    # With as many of each class nothing is learned where all ReLUs give 0.
    fit(model, shapes[:59], learning_rate=0.1)
    after = as_numpy(model.trainable_weights)
    assert all((a == b).all() for a, b in zip(before, as_numpy(normal), strict=True))
    assert any((a != b).any() for a, b in zip(weights, after, strict=True))


@pytest.mark.slow
def test_backbone_without_weights_learns_statistics(fit, shapes):
    model = small_transfer(input_shape=(16, 16, 3), train="all", resize_to=32)
    normal = [v for v in model.weights if "moving" in v.path]
    before = as_numpy(normal)
    fit(model, shapes)
    assert all((a != b).any() for a, b in zip(before, as_numpy(normal), strict=True))


def test_adapter_has_the_parameters_of_the_exercise():
    network = small_network()
    plain = transfer_model(network, (8, 8, 3))
    adapted = transfer_model(network, (8, 8, 3), adapter=True)
    assert adapted.count_params() - plain.count_params() == 11_267
    assert "adapter1_conv1" in trained_names(adapted)
    small = transfer_model(network, (8, 8, 3), adapter={"filters": 4.0})
    assert small.count_params() < adapted.count_params()
    assert transfer_model(network, (8, 8, 3), adapter=False).count_params() == (
        plain.count_params()
    )


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_adapter_takes_any_channels(channels):
    model = transfer_model(small_network(), (8, 8, channels), adapter=True)
    x = np.zeros((2, 8, 8, channels))
    assert model.predict(x, verbose=0).shape == (2, 1)


def test_grey_images_are_repeated(images):
    grey = images[..., :1]
    colour, of_grey = (
        small_transfer(),
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
    first, again, other = (
        small_transfer(seed=seed).get_weights()[-2] for seed in (1, 1, 2)
    )
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
    assert trained_names(made) == [made.layers[-1].name]
    named = transfer_model(model, SIZE, 3, train="convolution")
    assert "convolution" in trained_names(named)


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
            ["4 channels", "takes 3", "Leave out `out_channels`"],
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


class _Functional(keras.Model):
    """A model that calls one of its parts `model`, as a classifier does."""

    def __init__(self, **arguments):
        inner = small_network()
        inputs = keras.Input((8, 8, 3))
        outputs = keras.layers.Conv2D(7, 1, name="last")(inner(inputs))
        super().__init__(inputs, outputs, **arguments)
        self.model = inner


class _OwnCall(keras.Model):
    def __init__(self):
        super().__init__(name="own_call")
        self.model = small_network()

    def call(self, x):
        return self.model(x)


def test_model_with_an_attribute_model_is_a_backbone_itself(refused):
    backbone = _Functional(name="functional")
    network = transfer_model(backbone, (8, 8, 3)).get_layer("functional")
    assert network.output_shape == backbone.output_shape == (None, 2, 2, 7)
    assert network.get_layer("last") is backbone.get_layer("last")
    own = _OwnCall()
    own(np.zeros((1, 8, 8, 3)))
    with refused(ValueError, "backbone", "images"):
        transfer_model(own, (8, 8, 3))


def test_model_that_is_no_backbone_is_refused(refused):
    inputs = keras.Input((4,))
    with refused(ValueError, "backbone", "images"):
        transfer_model(keras.Model(inputs, keras.layers.Dense(2)(inputs)))
    with refused(ValueError, "backbone", "8 x 8", "32 x 32", "resize_to=(8, 8)"):
        transfer_model(small_network(), SIZE)
    with refused(ValueError, "train", "'last_block'", "'small'"):
        transfer_model(small_network(), (8, 8, 3), train="last_block")
    with refused(TypeError, "adapter", "'yes'"):
        small_transfer(adapter="yes")


@pytest.mark.parametrize("train", [True, ["block2"], {}])
def test_what_cannot_be_trained_is_told_what_can(refused, train):
    words = ["'head'", "'last_block'", "'all'", "layer or block", f"not {train!r}"]
    with refused(TypeError, "train", *(words if train != ["block2"] else words[:-1])):
        transfer_model(small_network(), (8, 8, 3), train=train)


def test_misspelt_block_is_told_the_blocks_name(refused):
    with refused(ValueError, "train", "'blok2'", "Did you mean 'block2'?"):
        transfer_model(small_network(), (8, 8, 3), train="blok2")


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
    assert trained_names(loaded.model) == trained_names(model)


@pytest.mark.slow
def test_convnext_is_normalised_behind_the_pooling_where_that_was_learned(tmp_path):
    rng = np.random.default_rng(1)
    whole = keras.applications.ConvNeXtTiny(
        weights=None, input_shape=(64, 64, 3), classes=3, classifier_activation=None
    )
    norm, dense = whole.layers[-2:]
    norm.set_weights([rng.normal(size=768), rng.normal(size=768)])
    arguments = {"weights": whole, "output": "logits"}
    model = transfer_model("convnext_tiny", (64, 64, 3), 3, **arguments)
    assert len(model.trainable_weights) == 2
    model.layers[-1].set_weights(dense.get_weights())
    images = rng.integers(0, 256, (4, 64, 64, 3)).astype("float32")
    outputs = model.predict(images, verbose=0)
    np.testing.assert_allclose(outputs, whole.predict(images, verbose=0), atol=1e-4)
    # The backbone of a saved model gives its weights, in the new place as in the old.
    model.save(tmp_path / "it.keras")
    loaded = keras.saving.load_model(tmp_path / "it.keras")
    np.testing.assert_array_equal(loaded.predict(images, verbose=0), outputs)
    flat = transfer_model(
        "convnext_tiny", (64, 64, 3), 3, weights=loaded, pooling="flatten"
    )
    ours, theirs = (one.get_layer("convnext_tiny") for one in (flat, loaded))
    assert (ours.output_shape, theirs.output_shape) == ((None, 2, 2, 768), (None, 768))
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
