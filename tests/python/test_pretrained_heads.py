"""Which part of a model is its backbone and which its head, by what the model is."""

import keras
import numpy as np
import pytest

from reticnn import (
    fine_tune,
    freeze,
    image_arrays,
    landmark_architectures,
    landmark_model,
    layer_table,
    transfer_model,
    unfreeze,
)
from reticnn.graph import without_top
from reticnn.pretrained.freezing import last_part, set_flags, trained_layers

layers = keras.layers


def _trained(model, train):
    """Return the names of the layers with weights that a stage trains."""
    set_flags(model, trained_layers(model, train))
    table = layer_table(model)
    rows = zip(*(table[name] for name in ("name", "type", "trainable")), strict=True)
    models = ("Functional", "Sequential", "InferenceModel", "AuxiliaryModel")
    return [name for name, kind, trained in rows if trained and kind not in models]


def _convolutions(x, *names):
    for name in names:
        x = layers.Conv2D(3, 3, padding="same", name=name)(x)
    return x


def _base(*names, name="base", side=8):
    inputs = keras.Input((side, side, 3))
    return keras.Model(inputs, _convolutions(inputs, *names), name=name)


def _classes(x):
    return layers.Dense(2, activation="softmax", name="classes")(x)


def _network(build, name="network", side=8):
    inputs = keras.Input((side, side, 3))
    return keras.Model(inputs, build(inputs), name=name)


def _gated(x):
    """Squeeze and excite, whose pooling is in a side branch."""
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    gate = layers.Conv2D(3, 1, activation="sigmoid", name="gate")(gate)
    return layers.Multiply()([x, gate])


def _nested_head(x):
    x = _base("one", "two")(x)
    head = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.GlobalAveragePooling2D(),
            layers.Dense(500, name="large"),
            layers.Dense(2, activation="softmax", name="classes"),
        ],
        name="head",
    )
    return head(x)


def _nested_preparation(x):
    front = [layers.RandomFlip(), layers.Rescaling(1 / 255)]
    x = keras.Sequential([keras.Input((8, 8, 3)), *front], name="front")(x)
    x = _convolutions(x, "one", "two")
    return _classes(layers.GlobalAveragePooling2D()(x))


def _nested_normalisation(x):
    front = layers.Normalization(mean=np.zeros(3), variance=np.ones(3), name="norm")
    x = keras.Sequential([keras.Input((8, 8, 3)), front], name="front")(x)
    return _classes(layers.Flatten()(_base("one", "two")(x)))


def _flattened_logits(x):
    x = _gated(_convolutions(x, "one", "two"))
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Conv2D(5, 1, name="widen")(x)
    x = layers.Flatten()(layers.Conv2D(2, 1, name="logits")(x))
    return layers.Softmax()(x)


def _pooled_and_flattened(x):
    x = layers.GlobalAveragePooling2D()(_convolutions(x, "one", "two"))
    return _classes(layers.Flatten()(x))


def _pooled_by_an_operation(x):
    x = _convolutions(x, "one", "two")
    return _classes(keras.ops.mean(x, axis=(1, 2)))


def _reshaped(x):
    x = _convolutions(x, "one", "two")
    return _classes(layers.Reshape((8 * 8 * 3,))(x))


def _convolution_for_classes(x):
    x = _convolutions(x, "one", "two")
    x = layers.Conv2D(2, 1, name="classes")(x)
    return layers.Softmax()(layers.GlobalAveragePooling2D()(x))


def _pooled_backbone(x):
    inputs = keras.Input((8, 8, 3))
    pooled = layers.GlobalAveragePooling2D()(_convolutions(inputs, "one", "two"))
    return _classes(keras.Model(inputs, pooled, name="pooled")(x))


def _whole_network_within(x):
    x = layers.Rescaling(1 / 255)(x)
    return _network(_pooled_and_flattened, "inner")(x)


def _convolution_behind_the_base(x):
    x = layers.Conv2D(3, 1, name="adapter")(x)
    x = layers.Conv2D(2, 1, name="narrow")(_base("one", "two")(x))
    return _classes(layers.Flatten()(x))


def _two_ways(x):
    maps = _convolutions(x, "one", "two")
    both = [layers.GlobalAveragePooling2D()(maps), layers.GlobalMaxPooling2D()(maps)]
    return _classes(layers.Concatenate()(both))


HEADS = {
    _nested_head: ["large", "classes"],
    _nested_preparation: ["classes"],
    _nested_normalisation: ["classes"],
    _flattened_logits: ["widen", "logits"],
    _pooled_and_flattened: ["classes"],
    _pooled_by_an_operation: ["classes"],
    _reshaped: ["classes"],
    _convolution_for_classes: ["classes"],
    _pooled_backbone: ["classes"],
    _whole_network_within: ["classes"],
    _two_ways: ["classes"],
    _convolution_behind_the_base: ["adapter", "narrow", "classes"],
}


@pytest.mark.parametrize("build", HEADS, ids=lambda build: build.__name__)
def test_head_is_what_follows_the_feature_maps(build):
    model = _network(build)
    head = HEADS[build]
    assert _trained(model, "head") == head
    below = [name for name in ("two", "gate") if name in layer_table(model)["name"]]
    assert set(_trained(model, "two")) == {*head, *below}
    assert set(_trained(model, last_part(model))) - set(head) <= {"two", "gate"}
    assert {"one", "two", *head} <= set(_trained(model, "all"))


@pytest.mark.parametrize(
    "build",
    [
        _flattened_logits,
        _pooled_and_flattened,
        _pooled_by_an_operation,
        _reshaped,
        _convolution_for_classes,
    ],
    ids=lambda build: build.__name__,
)
def test_backbone_of_a_network_has_nothing_of_its_top(build):
    model = _network(build)
    network = without_top(model)
    assert network.output_shape == (None, 8, 8, 3)
    names = {layer.name for layer in network.layers if layer.weights}
    assert names in ({"one", "two"}, {"one", "two", "gate"})
    transferred = transfer_model(model, (8, 8, 3), 4)
    assert transferred.output_shape == (None, 4)


def test_features_that_are_pooled_are_cut_before_the_pooling():
    network = _network(
        lambda x: layers.GlobalMaxPooling2D()(_convolutions(x, "one", "two"))
    )
    assert [layer.name for layer in without_top(network).layers][1:] == ["one", "two"]


def test_backbone_within_another_model_is_not_cut_off(refused):
    for build in (_whole_network_within, _two_ways):
        with refused(ValueError, "backbone", "keras.Model(inputs, feature_maps)"):
            transfer_model(_network(build), (8, 8, 3))


# What cannot be known


class OwnCall(keras.Model):
    def call(self, inputs, training=None, mask=None):
        return super().call(inputs, training=training, mask=mask)


def _two_bases(x):
    x = layers.Add()([_base("one", name="left")(x), _base("two", name="right")(x)])
    return _classes(layers.Flatten()(x))


def _convolutions_in_the_head(x):
    x = _convolutions(x, "one")
    inputs = keras.Input((8, 8, 3))
    pooled = layers.GlobalAveragePooling2D()(_convolutions(inputs, "two"))
    return keras.Model(inputs, _classes(pooled), name="head")(x)


def _dense_alone(x):
    return _classes(layers.Flatten()(x))


def _side_by_side_heads(x):
    maps = _convolutions(x, "one", "two")
    pools = [layers.GlobalAveragePooling2D(), layers.GlobalMaxPooling2D()]
    return _classes(layers.Add()([layers.Dense(3)(pool(maps)) for pool in pools]))


UNKNOWN = {
    _two_bases: ["several nested networks", "'left'", "'right'"],
    _convolutions_in_the_head: ["before and in 'head'"],
    _dense_alone: ["no layers with weights before", "'classes'"],
    _side_by_side_heads: ["no pooling or flattening"],
}


@pytest.mark.parametrize("build", UNKNOWN, ids=lambda build: build.__name__)
def test_what_cannot_be_known_is_refused_with_the_layers(refused, fit, shapes, build):
    model = _network(build, side=8)
    with refused(ValueError, "model", *UNKNOWN[build], "unfreeze()", "'classes'"):
        fit(model, shapes, stages=[{"train": "head"}])
    with refused(ValueError, "model", "start of the head"):
        fine_tune(model, shapes)
    assert not model.compiled
    assert "classes" in _trained(model, "all")


def test_layer_by_name_says_what_is_trained_where_nothing_else_does(refused):
    inputs = keras.Input((8, 8, 3))
    model = OwnCall(inputs, _pooled_and_flattened(inputs))
    with refused(ValueError, "model", "own `call()`", "'two'"):
        trained_layers(model, "head")
    assert _trained(model, "two") == ["two", "classes"]
    with refused(ValueError, "train", "'three'"):
        trained_layers(model, "three")


# Networks by their names


NAMES = landmark_architectures()["name"]
QUICK = ["lenet5", "alexnet", "googlenet", "vgg16", "resnet50", "mobilenet"]
SIDES = {"alexnet": 67, "googlenet": 65}


@pytest.fixture
def no_weights():
    """Build models of any size, with no memory for their weights."""
    try:
        with keras.StatelessScope(initialize_variables=False):
            yield
    finally:
        # Else Keras makes the weights that are missing as soon as it has occasion to.
        keras.utils.clear_session()


def _landmark(name, **options):
    if name == "lenet5":
        return landmark_model(name, seed=1, **options)
    side = SIDES.get(name, 32)
    return landmark_model(name, (side, side, 3), 2, seed=1, **options)


@pytest.mark.parametrize(
    "name",
    [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in NAMES],
)
def test_every_landmark_has_a_last_block_and_a_head(no_weights, name):
    model = _landmark(name)
    head, last = _trained(model, "head"), _trained(model, "last_block")
    everything = _trained(model, "all")
    assert last_part(model) == "last_block"
    assert 0 < len(head) < len(last) <= len(everything) / 2
    assert everything[-len(head) :] == head
    freeze(model)
    assert not model.trainable_weights
    unfreeze(model, "last_block")
    assert _trained_now(model) == [name for name in last if name not in head]
    unfreeze(model)
    assert _trained_now(model) == everything


def _trained_now(model):
    table = layer_table(model)
    rows = zip(table["name"], table["trainable"], strict=True)
    return [name for name, trained in rows if trained]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options", "first"),
    [("lenet5", {}, "c1"), ("mobilenet", {"width": 0.1}, "conv")],
)
def test_fine_tuning_goes_on_from_a_landmark(name, options, first, fit):
    model = _landmark(name, **options)
    draw = np.random.default_rng(1)
    pixels = draw.integers(0, 256, (10, *model.input_shape[1:])).astype("uint8")
    classes = list("0123456789") if name == "lenet5" else list("ab") * 5
    data = image_arrays(pixels, classes)
    before = model.get_layer(first).get_weights()[0]
    classifier = fine_tune(
        model,
        data,
        validation=data,
        epochs=1,
        batch_size=5,
        learning_rate=0.1,
        early_stopping=None,
        progress="none",
        seed=1,
    )
    assert classifier.history["stage"] == [1, 2, 3]
    assert not np.array_equal(model.get_layer(first).get_weights()[0], before)
    assert fit(classifier, data, layer_decay=0.5, batch_size=5).epochs == 4


@pytest.mark.parametrize("name", ["vgg16", "resnet50", "mobilenet", "lenet5"])
def test_own_network_of_a_known_name_is_one_that_nobody_knows(refused, name):
    model = _network(_pooled_and_flattened, name)
    with refused(ValueError, "train", "'last_block'", repr(name)):
        trained_layers(model, "last_block")
    with refused(ValueError, "layers", "'last_block'", repr(name)):
        unfreeze(model, "last_block")
    assert last_part(model) == 1
    assert _trained(model, "head") == ["classes"]
