import keras
import numpy as np
import pytest
from transferring import SIZE, small_network, small_transfer, trained_names

import reticnn
from reticnn import freeze, layer_table, transfer_model, unfreeze
from reticnn.graph import leaves_of
from reticnn.pretrained.catalog import BACKBONES
from reticnn.pretrained.freezing import last_part, train_from, trained_layers

# The last block of every network


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
    network = small_network()
    chosen = [name for name in chosen if "pool" not in name]
    model = keras.Model(network.input, network(network.input)) if nested else network
    assert freeze(model) is model
    assert trained_names(model) == []
    unfreeze(model, layers)
    inside = [name for name in trained_names(model) if name != "small"]
    assert inside == chosen
    unfreeze(model)
    freeze(model, layers)
    everything = [*CONVOLUTIONS, "block2_bn1"]
    assert [name for name in trained_names(model) if name != "small"] == [
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
    assert trained_names(network)[0] == "conv_dw_13"


def test_model_within_is_chosen_by_its_name():
    model = small_transfer(train="all")
    freeze(model, "mobilenet_0.25")
    assert trained_names(model) == [model.layers[-1].name]
    unfreeze(model, "conv_pw_13")
    assert trained_names(model)[:2] == ["mobilenet_0.25", "conv_pw_13"]
    model.get_layer("mobilenet_0.25").trainable = False
    assert trained_names(model) == [model.layers[-1].name]
    unfreeze(model, "conv_pw_12")
    assert trained_names(model)[:2] == ["mobilenet_0.25", "conv_pw_12"]


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
        (lambda layer: "a", TypeError, ["True or False", "'a'"]),
        ([1, 2, 3], TypeError, ["`(-5, -2)`", "a list with 1"]),
        ([], ValueError, ["none of the 10"]),
        ("last_block", ValueError, ["'last_block'", "'small'"]),
    ],
)
def test_choice_of_no_layer_is_refused(refused, layers, error, parts):
    network = small_network()
    with refused(error, "layers", *parts):
        freeze(network, layers)
    assert len(trained_names(network)) == 4


def test_layer_of_another_model_is_refused(refused):
    with refused(ValueError, "layers", "'block1_conv1'"):
        freeze(small_network(), small_network().get_layer("block1_conv1"))


@pytest.mark.parametrize("function", [freeze, unfreeze, layer_table])
def test_what_is_no_model_is_refused(refused, function):
    with refused(TypeError, "model", "'vgg16'"):
        function("vgg16")


def test_table_of_layers_looks_into_models():
    network = small_network()
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


def test_table_has_the_rates_that_layers_learn_with():
    model = reticnn.build_cnn((8, 8, 3), n_blocks=2, filters=2, units=4)
    reticnn.freeze(model, "block1")
    table = layer_table(model, layer_decay=0.5)
    rates = dict(zip(table["name"], table["rate"], strict=True))
    learning = [rate for rate in rates.values() if rate == rate]
    assert learning == [0.25, 0.5, 1.0]
    assert rates["block1_conv1"] != rates["block1_conv1"]
    assert "rate" not in layer_table(model)
    with pytest.raises(ValueError, match="`layer_decay`"):
        layer_table(model, layer_decay=2)


def test_table_tells_what_is_trained_also_after_loading(tmp_path):
    model = transfer_model(small_network(), (8, 8, 3), train="block2")
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
    model = transfer_model(small_network(), (16, 16, 3), resize_to=8, seed=1)
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
        fit(transfer_model(small_network(), (8, 8, 3)), shapes, cache_features=value)


def test_optimizer_is_kept_where_nothing_was_unfrozen(fit, shapes):
    model = transfer_model(small_network(), (16, 16, 3), resize_to=8, seed=1)
    classifier = fit(model, shapes)
    optimizer = model.optimizer
    fit(classifier, shapes)
    assert model.optimizer is optimizer
    assert int(keras.ops.convert_to_numpy(optimizer.iterations)) == 4


# What is frozen within a layer


@keras.saving.register_keras_serializable("freezing")
class Pair(keras.layers.Layer):
    """A layer of the user's own that is made of two."""

    def __init__(self, **options):
        super().__init__(**options)
        self.first = keras.layers.Conv2D(3, 1, name="first")
        self.second = keras.layers.Conv2D(3, 1, name="second")

    def call(self, inputs):
        return self.second(self.first(inputs))


def with_parts():
    """Return a model with a frozen part, a frozen bias, and a low-rank adapter."""
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(3, 1, name="adapted")(inputs)
    x = keras.layers.Conv2D(3, 1, name="plain")(Pair(name="pair")(x))
    x = keras.layers.GlobalAveragePooling2D()(x)
    outputs = keras.layers.Dense(2, "softmax", name="top")(x)
    model = keras.Model(inputs, outputs)
    model.get_layer("pair").first.trainable = False
    model.get_layer("top").bias.trainable = False
    model.get_layer("adapted").enable_lora(1)
    return model


def trained_in(model):
    return [id(weight) for weight in model.trainable_weights]


@pytest.mark.parametrize(
    "around",
    [
        lambda model: unfreeze(freeze(model)),
        lambda model: unfreeze(freeze(model, "plain"), "plain"),
        lambda model: unfreeze(freeze(freeze(model, "pair"), "top")),
    ],
)
def test_what_is_frozen_within_a_layer_stays_frozen(around):
    model = with_parts()
    before = trained_in(model)
    around(model)
    assert trained_in(model) == before


def test_weights_under_adapters_stay_frozen_whoever_froze_the_layer():
    model = with_parts()
    model.trainable = False
    unfreeze(model, "adapted")
    names = [weight.name for weight in model.trainable_weights]
    assert names == ["bias", "lora_kernel_a", "lora_kernel_b"]


def test_stages_train_no_more_within_a_layer_than_before(fit, shapes):
    model = with_parts()
    before = trained_in(model)
    kernel = keras.ops.convert_to_numpy(model.get_layer("adapted").weights[0])
    stages = [{"train": "head", "epochs": 1}, {"train": "all", "epochs": 1}]
    fit(model, reticnn.shape_images(8, image_size=8, seed=1), stages=stages)
    assert trained_in(model) == before
    np.testing.assert_array_equal(kernel, model.get_layer("adapted").weights[0])


@pytest.mark.slow
def test_network_of_nested_stages_has_its_head_at_its_end():
    network = keras.applications.ConvNeXtTiny(
        weights=None, classes=3, input_shape=(32, 32, 3)
    )
    trained = trained_layers(network, "head")
    names = [
        layer.name
        for layer in leaves_of(network)
        if id(layer) in trained and layer.weights
    ]
    assert names == ["convnext_tiny_head_layernorm", "convnext_tiny_head_dense"]
    assert last_part(network) == "last_block"
