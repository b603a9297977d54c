import copy
import inspect
import json
import math
import pickle
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
import pytest

from reticnn import (
    augment,
    augmentation,
    build_cnn,
    convnext_ladder,
    describe_model,
    find_learning_rate,
    fit_classifier,
    freeze,
    image_arrays,
    landmark_architectures,
    landmark_model,
    load_classifier,
    predict_images,
    save_classifier,
    training_recipe,
    transfer_model,
    unfreeze,
)
from reticnn.graph import copy_of
from reticnn.landmarks.registry import find_landmark
from reticnn.layers.auxiliary import AuxiliaryModel
from reticnn.layers.preprocessing import ImagePreprocessing
from reticnn.optimizers.momentum_sgd import MomentumSGD
from reticnn.optimizers.schedule_settings import as_schedule
from reticnn.pretrained.layer_groups import rate_factors
from reticnn.pretrained.loading import put_weights

TABLE = landmark_architectures()
NAMES = TABLE["name"]
ONE_OF_EACH_FAMILY = [
    "alexnet",
    "googlenet",
    "vgg11",
    "resnet18",
    "resnet20",
    "densenet_bc_100_12",
    "densenet121",
    "mobilenet",
    "convnext_tiny",
]
FACTS = Path(__file__).parents[3] / "shared" / "landmarks.md"

applications = keras.applications


@contextmanager
def _without_weights():
    """Build models of any size inside the block, with no memory for their weights."""
    try:
        with keras.StatelessScope(initialize_variables=False):
            yield
    finally:
        # Else Keras makes the weights that are missing as soon as it has occasion to.
        keras.utils.clear_session()


def _facts(name):
    return {column: values[NAMES.index(name)] for column, values in TABLE.items()}


def _count(weights):
    return sum(math.prod(weight.shape) for weight in weights)


def _trainable(name, *arguments, **options):
    with _without_weights():
        model = landmark_model(name, *arguments, **options)
        return _count(model.trainable_weights)


def _depth(model):
    """Return how many layers with weights are on the longest way through."""
    reached = {}
    for node in _nodes(model):
        layer = node.operation
        counts = bool(getattr(layer, "weights", ())) and not any(
            word in type(layer).__name__ for word in ("Normalization", "LayerScale")
        )
        before = max(reached.get(id(tensor), 0) for tensor in node.input_tensors)
        reached.update({id(tensor): before + counts for tensor in node.output_tensors})
    return reached[id(model.outputs[0])]


def _nodes(model):
    by_depth = sorted(model._nodes_by_depth.items(), reverse=True)
    return [node for _, nodes in by_depth for node in nodes if not node.is_input]


def _layers_with_weights(model):
    layers = []
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            layers += _layers_with_weights(layer)
        elif layer.weights:
            layers.append(layer)
    return layers


# The register


@pytest.mark.parametrize(
    "name",
    [
        name
        if name in ONE_OF_EACH_FAMILY
        else pytest.param(name, marks=pytest.mark.slow)
        for name in NAMES
    ],
)
def test_numbers_of_the_table_are_those_of_the_model(name):
    facts = _facts(name)
    with _without_weights():
        model = landmark_model(name)
        table = describe_model(model)
        predicting = [
            weight
            for layer in _layers_with_weights(model)
            for weight in layer.trainable_weights
        ]
        assert _count(predicting) == facts["parameters"]
        assert sum(table["mult_adds"]) == facts["mult_adds"]
        assert _depth(model) == facts["depth"]
        size = facts["input_size"]
        assert model.input_shape == (None, size, size, facts["channels"])
        assert model.name == name


@pytest.mark.skipif(not FACTS.exists(), reason=f"no fact sheet at {FACTS}")
@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_those_of_the_fact_sheet(name):
    assert f"{_facts(name)['parameters']:,}" in FACTS.read_text(encoding="utf-8")


def test_table_is_in_the_order_of_the_years():
    assert TABLE["year"] == sorted(TABLE["year"])
    assert {"alexnet", "vgg16", "vgg19", "googlenet", "mobilenet"} <= set(NAMES)
    assert len({len(column) for column in TABLE.values()}) == 1
    assert all(text for text in (*TABLE["idea"], *TABLE["reference"]))


@pytest.mark.slow
@pytest.mark.parametrize("name", ONE_OF_EACH_FAMILY)
def test_architecture_can_be_written_and_read_again(name):
    with _without_weights():
        model = landmark_model(name)
        again = keras.models.model_from_json(model.to_json())
        assert again.output_shape == model.output_shape
        assert _count(again.weights) == sum(describe_model(model)["parameters"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("vgg16", 134_301_514),
        ("vgg19", 139_611_210),
        ("resnet50", 23_528_522),
        ("densenet121", 6_964_106),
        ("mobilenet", 3_217_226),
        ("convnext_tiny", 27_827_818),
    ],
)
def test_ten_classes(name, parameters):
    assert _trainable(name, num_classes=10.0) == parameters


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options", "parameters"),
    [
        ("alexnet", {"groups": 1.0}, 62_378_344),
        ("googlenet", {}, 13_378_280),
        ("googlenet", {"auxiliary": False}, 6_998_552),
        ("googlenet", {"auxiliary": False, "num_classes": 10}, 5_983_802),
        ("resnet18", {"shortcut": "padding"}, 11_515_688),
        ("resnet34", {"shortcut": "padding"}, 21_623_848),
        ("resnet50", {"conv_bias": True}, 25_583_592),
        ("resnet101", {"conv_bias": True}, 44_601_832),
        ("resnet50", {"stride_in": "3x3", "zero_gamma": True}, 25_557_032),
        ("resnet20", {"shortcut": "projection"}, 272_474),
        ("mobilenet", {"width": 0.75}, 2_585_560),
        ("mobilenet", {"width": 0.5}, 1_331_592),
        ("mobilenet", {"width": 0.25}, 470_072),
    ],
)
def test_options_change_the_parameters_as_published(name, options, parameters):
    assert _trainable(name, **options) == parameters


@pytest.mark.slow
@pytest.mark.parametrize(
    ("width", "size", "millions"),
    [(1, 192, 418.1), (1, 160, 290.7), (0.75, 224, 325.4), (0.25, 128, 13.6)],
)
def test_multipliers_of_mobilenet(width, size, millions):
    with _without_weights():
        model = landmark_model("mobilenet", (size, size, 3), width=width)
        cost = sum(describe_model(model)["mult_adds"])
    assert round(cost / 1e6, 1) == millions


def test_alexnet_takes_the_papers_224_pixels():
    with _without_weights():
        model = landmark_model("alexnet", (224, 224, 3))
        assert model.get_layer("conv1").output.shape == (None, 55, 55, 96)
        assert model.count_params() == 60_965_224


def test_seed_fixes_the_weights():
    first, again, other = (
        landmark_model("mobilenet", (32, 32, 1), 3, width=0.1, seed=seed).get_weights()
        for seed in (7, 7.0, 8)
    )
    assert all(map(np.array_equal, first, again))
    assert not all(map(np.array_equal, first, other))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("output", "num_classes", "shape", "activation"),
    [
        ("auto", 2, (None, 1), "sigmoid"),
        ("softmax", 2, (None, 2), "softmax"),
        ("auto", 5, (None, 5), "softmax"),
        ("logits", 5, (None, 5), "linear"),
    ],
)
@pytest.mark.parametrize("name", ["alexnet", "googlenet", "convnext_tiny"])
def test_output_layer(name, output, num_classes, shape, activation):
    with _without_weights():
        model = landmark_model(name, num_classes=num_classes, output=output)
        assert model.output_shape == shape
        assert model.layers[-1].activation.__name__ == activation


# Sizes of images


def test_dropout_of_densenet_follows_each_convolution_but_the_first():
    model = landmark_model("densenet121", (32, 32, 3), dropout=0.2)
    names = [layer.name for layer in model.layers]
    convolutions = [name for name in names if "conv" in name]
    dropped = {name.replace("dropout", "conv") for name in names if "dropout" in name}
    assert set(convolutions) - dropped == {"stem_conv"}
    assert dropped < set(convolutions)
    behind = [names.index(name.replace("conv", "dropout")) for name in convolutions[1:]]
    assert behind == [names.index(name) + 1 for name in convolutions[1:]]
    plain = landmark_model("densenet121", (32, 32, 3))
    assert not any("dropout" in layer.name for layer in plain.layers)


@pytest.mark.parametrize(
    ("name", "millions"),
    [
        ("resnet20", 0.27),
        ("resnet32", 0.46),
        ("resnet44", 0.66),
        ("resnet56", 0.85),
        ("resnet110", 1.7),
        ("densenet_bc_100_12", 0.8),
    ],
)
def test_networks_for_cifar_have_the_papers_parameters(name, millions):
    facts = _facts(name)
    assert (facts["input_size"], facts["channels"]) == (32, 3)
    digits = 1 if millions in (1.7, 0.8) else 2
    assert round(facts["parameters"] / 1e6, digits) == millions


@pytest.mark.parametrize(
    ("name", "options", "maps"),
    [
        ("resnet20", {}, [(32, 16), (16, 32), (8, 64)]),
        ("densenet_bc_100_12", {}, [(32, 216), (16, 300), (8, 342)]),
    ],
)
def test_networks_for_cifar_halve_the_image_twice(name, options, maps):
    with _without_weights():
        model = landmark_model(name, **options)
        shapes = describe_model(model)["output_shape"]
    for side, channels in maps:
        assert f"{side} x {side} x {channels}" in shapes
    assert model.output_shape == (None, 10)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "mult_adds"),
    [
        ("resnet50", 4_089_184_256),
        ("resnet101", 7_801_405_440),
        ("resnet152", 11_513_626_624),
    ],
)
def test_strides_in_the_3x3_convolution_cost_as_much_as_in_torchvision(name, mult_adds):
    with _without_weights():
        model = landmark_model(name, stride_in="3x3")
        assert sum(describe_model(model)["mult_adds"]) == mult_adds
        assert _count(model.trainable_weights) == _facts(name)["parameters"]


def test_blocks_start_as_their_shortcuts_with_zero_gamma():
    model = landmark_model("resnet20", zero_gamma=True, num_classes=3)
    gammas = {
        layer.name: np.unique(layer.get_weights()[0]).tolist()
        for layer in model.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    }
    last = [name for name in gammas if name.endswith("_bn2")]
    assert len(last) == 9
    assert all(gammas[name] == [0.0] for name in last)
    assert all(value == [1.0] for name, value in gammas.items() if name not in last)


@pytest.mark.parametrize("name", ["resnet18", "densenet121"])
def test_small_stem_keeps_the_pixels_of_small_images(name):
    with _without_weights():
        model = landmark_model(name, (32, 32, 3), 10, stem="small")
        shapes = describe_model(model)["output_shape"]
    assert any(shape.startswith("32 x 32 x 64") for shape in shapes)
    assert any(shape.startswith("4 x 4 x ") for shape in shapes)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "size", "options", "parts"),
    [
        ("alexnet", 63, {}, ["64 x 64", "63 x 63"]),
        ("vgg11", 31, {}, ["32 x 32"]),
        ("googlenet", 64, {}, ["65 x 65", "auxiliary=False"]),
        ("googlenet", 31, {"auxiliary": False}, ["32 x 32"]),
        ("resnet18", 31, {}, ["32 x 32", "stem='small'"]),
        ("resnet18", 7, {"stem": "small"}, ["8 x 8", "Use larger images."]),
        ("resnet20", 7, {}, ["8 x 8", "'resnet20'"]),
        ("densenet_bc_100_12", 7, {}, ["8 x 8", "Use larger images."]),
        ("densenet121", 31, {}, ["32 x 32", "stem='small'"]),
        ("densenet121", 7, {"stem": "small"}, ["8 x 8"]),
        ("mobilenet_160", 31, {}, ["32 x 32", "'mobilenet_160'"]),
        ("mobilenet", 31, {}, ["32 x 32"]),
        ("convnext_tiny", 31, {}, ["32 x 32"]),
    ],
)
def test_smallest_image(refused, name, size, options, parts):
    with refused(ValueError, "input_shape", *parts):
        landmark_model(name, (size, size, 3), **options)
    with _without_weights():
        model = landmark_model(name, (size + 1, size + 1, 3), **options)
        classes = find_landmark(name).num_classes
        assert model.output_shape == (None, classes)


# Arguments


def test_unknown_name_shows_the_nearest(refused):
    with refused(ValueError, "name", "'resnt50'", "Did you mean 'resnet50'?"):
        landmark_model("resnt50")
    with refused(ValueError, "name", "'VGG-16'", "Did you mean 'vgg16'?"):
        training_recipe("VGG-16")


@pytest.mark.parametrize(
    ("name", "options", "error", "argument", "parts"),
    [
        ("vgg16", {"stem": "small"}, TypeError, "stem", ["'vgg16'", "it has none"]),
        ("resnet50", {"stems": "small"}, TypeError, "stems", ["mean 'stem'"]),
        ("resnet50", {"blocks": 3}, TypeError, "blocks", ["its options are 'stem'"]),
        ("resnet18", {"stride_in": "3x3"}, TypeError, "stride_in", ["'resnet18'"]),
        ("resnet50", {"stride_in": "5x5"}, ValueError, "stride_in", ["'3x3'"]),
        ("resnet50", {"zero_gamma": 1}, TypeError, "zero_gamma", ["True"]),
        ("resnet20", {"stem": "small"}, TypeError, "stem", ["'shortcut'"]),
        ("densenet_bc_100_12", {"stem": "small"}, TypeError, "stem", ["'dropout'"]),
        ("resnet50", {"stem": "tiny"}, ValueError, "stem", ["'standard', 'small'"]),
        ("resnet50", {"conv_bias": 1}, TypeError, "conv_bias", ["True", "1"]),
        ("resnet50", {"shortcut": "A"}, ValueError, "shortcut", ["'padding'", "'A'"]),
        ("alexnet", {"groups": 3}, ValueError, "groups", ["1 or 2, not 3"]),
        ("alexnet", {"groups": 1.7}, ValueError, "groups", ["1.7", "1 or 2"]),
        ("alexnet", {"groups": True}, TypeError, "groups", ["True"]),
        ("alexnet", {"groups": "a"}, TypeError, "groups", ["'a'"]),
        ("mobilenet", {"width": 0}, ValueError, "width", ["above 0", "not 0"]),
        ("mobilenet", {"num_classes": 1}, ValueError, "num_classes", ["not 1"]),
        ("mobilenet", {"input_shape": 32.0}, ValueError, "input_shape", ["32"]),
        ("mobilenet", {"output": "logit"}, ValueError, "output", ["mean 'logits'"]),
        ("mobilenet", {"rescale": "yes"}, TypeError, "rescale", ["'yes'"]),
        ("mobilenet", {"weights": 3}, TypeError, "weights", ["None", "not 3"]),
        ("convnext_tiny", {"drop_rate": 1}, ValueError, "drop_rate", ["below 1"]),
        ("densenet121", {"dropout": 1.5}, ValueError, "dropout", ["below 1"]),
        ("googlenet", {"auxiliary": "no"}, TypeError, "auxiliary", ["'no'"]),
    ],
)
def test_bad_argument_is_named(refused, name, options, error, argument, parts):
    with refused(error, argument, *parts):
        landmark_model(name, **options)


# The same networks in keras.applications


def _compared(name, reference, **options):
    with _without_weights():
        ours = landmark_model(name, rescale=False, **options)
        return tuple(
            [
                (tuple(layer.output.shape), list(map(_size, layer.weights)))
                for layer in _layers_with_weights(model)[:-1]
            ]
            for model in (ours, reference(weights=None))
        )


def _size(weight):
    return math.prod(weight.shape)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "reference", "options"),
    [
        ("vgg16", "VGG16", {}),
        ("vgg19", "VGG19", {}),
        ("resnet50", "ResNet50", {"conv_bias": True}),
        ("densenet121", "DenseNet121", {}),
        ("mobilenet", "MobileNet", {}),
        ("convnext_tiny", "ConvNeXtTiny", {}),
    ],
)
def test_layers_are_those_of_keras_applications(name, reference, options):
    ours, theirs = _compared(name, getattr(applications, reference), **options)
    assert ours == theirs


def _weights_like(weights):
    """Return weights of such shapes, the same ones under every backend.

    Biases and normalisations are not all 0 or 1, and no layer's values die out.
    """
    draw = np.random.default_rng(1)
    return [
        draw.normal(0, (2 / math.prod(weight.shape[:-1])) ** 0.5, weight.shape)
        if weight.ndim > 1
        else weight + abs(draw.normal(0, 0.1, weight.shape))
        for weight in weights
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "module", "reference", "size", "options"),
    [
        ("vgg16", "vgg16", "VGG16", 32, {}),
        ("resnet50", "resnet50", "ResNet50", 40, {"conv_bias": True}),
        ("densenet121", "densenet", "DenseNet121", 40, {}),
        ("mobilenet", "mobilenet", "MobileNet", 40, {"activation": "relu6"}),
        ("convnext_tiny", "convnext", "ConvNeXtTiny", 40, {"drop_rate": 0.1}),
    ],
)
def test_same_weights_give_the_same_answers(name, module, reference, size, options):
    shape = (size, size, 3)
    theirs = getattr(applications, reference)(
        weights=None, input_shape=shape, classes=7
    )
    ours = landmark_model(name, shape, 7, **options)
    weights = _weights_like(theirs.get_weights())
    theirs.set_weights(weights)
    ours.set_weights(
        [
            weight.reshape(own.shape)
            for weight, own in zip(weights, ours.weights, strict=True)
        ]
    )
    pixels = np.random.default_rng(2).integers(0, 256, (3, *shape)).astype("f4")
    prepared = getattr(applications, module).preprocess_input(pixels.copy())
    # The features before the last layer, where nothing is squeezed between 0 and 1.
    features = []
    for model, images in ((theirs, prepared), (ours, pixels)):
        last = next(layer for layer in model.layers[::-1] if layer.weights)
        tapped = keras.Model(model.inputs, [last.input, model.output])
        before, answers = tapped.predict(images, verbose=0)
        features.append((before.reshape(3, -1), answers))
    (before, answers), (our_before, our_answers) = features
    assert before.std(axis=0).max() > 0
    np.testing.assert_allclose(our_answers, answers, atol=1e-4)
    scale = abs(before).max()
    np.testing.assert_allclose(our_before / scale, before / scale, atol=1e-4)


@pytest.mark.parametrize(
    ("scale", "mode"), [("means", "caffe"), ("unit", "tf"), ("standard", "torch")]
)
def test_preprocessing_is_keras_own(scale, mode):
    pixels = np.random.default_rng(1).integers(0, 256, (2, 4, 5, 3)).astype("uint8")
    ours = keras.ops.convert_to_numpy(ImagePreprocessing(scale)(pixels))
    module = {"caffe": "vgg16", "tf": "mobilenet", "torch": "densenet"}[mode]
    wanted = getattr(applications, module).preprocess_input(pixels.astype("f4"))
    np.testing.assert_allclose(ours, wanted, atol=1e-4)


@pytest.mark.parametrize("scale", ["means", "unit", "standard"])
@pytest.mark.parametrize("channels", [1, 4])
def test_preprocessing_of_other_than_three_channels(scale, channels):
    pixels = np.linspace(0, 255, 32 * channels).reshape(2, 4, 4, channels)
    ours = keras.ops.convert_to_numpy(ImagePreprocessing(scale)(pixels))
    assert ours.shape == pixels.shape
    assert (np.diff(ours.ravel()) > 0).all()


# Auxiliary classifiers


@pytest.fixture
def three_classes():
    draw = np.random.default_rng(1)
    pixels = draw.integers(0, 256, (12, 8, 8, 3)).astype("uint8")
    return image_arrays(pixels, ["a", "b", "c"] * 4)


def _with_auxiliary(num_classes=3, weight=0.3, activation="softmax"):
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    tap = keras.layers.Conv2D(4, 3, activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(tap))
    outputs = keras.layers.Dense(num_classes, activation=activation)(x)
    model = AuxiliaryModel(inputs, outputs, name="small")
    start = keras.Input(tap.shape[1:])
    y = keras.layers.Dropout(0.5)(keras.layers.GlobalAveragePooling2D()(start))
    y = keras.layers.Dense(num_classes, activation=activation)(y)
    model.set_auxiliary([tap], keras.Model([start], [y]), weight)
    return model


def test_auxiliary_losses_count_by_their_weight():
    model = _with_auxiliary()
    outputs, head = (
        np.array(rows, "f4") for rows in ([[0.5, 0.3, 0.2]], [[0.1, 0.8, 0.1]])
    )
    for loss in ("sparse_categorical_crossentropy", None):
        model.compile("sgd", loss or keras.losses.SparseCategoricalCrossentropy())
        both = model.compute_loss(y=np.array([1]), y_pred=[outputs, head])
        alone = model.compute_loss(y=np.array([1]), y_pred=outputs)
        assert float(alone) == pytest.approx(-math.log(0.3), rel=1e-4)
        assert float(both) == pytest.approx(
            -math.log(0.3) - 0.3 * math.log(0.8), rel=1e-4
        )


@pytest.mark.slow
def test_auxiliary_classifiers_train_and_are_not_saved(three_classes, fit, tmp_path):
    model = _with_auxiliary()
    heads = model.trainable_weights[-2:]
    before = [keras.ops.convert_to_numpy(weight).copy() for weight in heads]
    classifier = fit(model, three_classes, epochs=2, validation=three_classes)
    moved = [
        abs(keras.ops.convert_to_numpy(weight) - was).max()
        for weight, was in zip(heads, before, strict=True)
    ]
    assert min(moved) > 0
    # One loss against nearly 1.3 of them.
    history = classifier.history
    assert history["loss"][-1] > 1.1 * history["val_loss"][-1]

    file = save_classifier(classifier, tmp_path / "c.reticnn")
    loaded = load_classifier(file)
    assert len(loaded.model.weights) == len(model.weights) - 2
    pixels = three_classes.read(range(4))
    np.testing.assert_allclose(
        loaded.model.predict(pixels, verbose=0),
        model.predict(pixels, verbose=0),
        atol=1e-6,
    )
    assert fit(loaded, three_classes).epochs == 3


def _auxiliary_loss(model, data):
    """Return the loss by hand, dropout left out, of the output and of the head."""
    pixels = keras.ops.convert_to_tensor(data.read(range(4)).astype("float32"))
    outputs, head = keras.Model(model.inputs, [model.outputs[0], *model._taps])(pixels)
    head = model._heads(head)
    codes = data.codes[:4]
    rows = range(4)
    losses = [
        -np.log(keras.ops.convert_to_numpy(part)[rows, codes]).mean()
        for part in (outputs, head)
    ]
    return losses[0] + 0.3 * losses[1]


@pytest.mark.parametrize(
    "loss",
    [
        "sparse_categorical_crossentropy",
        keras.losses.sparse_categorical_crossentropy,
        "SparseCategoricalCrossentropy",
        {"small": "sparse_categorical_crossentropy"},
    ],
    ids=["name", "function", "class name", "by output"],
)
def test_auxiliary_losses_are_those_compiled(three_classes, fit, loss):
    model = _with_auxiliary()
    if isinstance(loss, dict):
        loss = {model.output_names[0]: loss["small"]}
    wanted = _auxiliary_loss(model, three_classes)
    model.compile("sgd", loss, metrics=["accuracy"])
    model._heads.layers[-2].rate = 0.0
    history = fit(model, three_classes[range(4)], batch_size=4, epochs=1).history
    assert history["loss"][0] == pytest.approx(wanted, rel=1e-5)
    assert "accuracy" in history


def test_auxiliary_of_one_unit_is_compiled_by_name(fit):
    pixels = np.random.default_rng(1).integers(0, 256, (6, 8, 8, 3)).astype("uint8")
    data = image_arrays(pixels, list("ab") * 3)
    losses = []
    for loss in ("binary_crossentropy", keras.losses.BinaryCrossentropy()):
        keras.utils.set_random_seed(1)
        model = _with_auxiliary(1, activation="sigmoid")
        model.compile("sgd", loss)
        losses.append(fit(model, data, epochs=1).history["loss"][0])
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


def test_auxiliary_classifiers_are_frozen_and_trained_with_the_output(
    three_classes, fit
):
    model = _with_auxiliary()
    names = {weight.path for weight in model.trainable_weights}
    heads = {weight.path for weight in model._heads.weights}
    freeze(model)
    assert not model.trainable_weights
    unfreeze(model, model.layers[1].name)
    assert not heads.intersection(weight.path for weight in model.trainable_weights)
    unfreeze(model)
    assert {weight.path for weight in model.trainable_weights} == names
    first = model.layers[2].get_weights()[0]
    stages = [{"train": "head"}, {"train": "all"}]
    classifier = fit(
        model, three_classes, stages=stages[:1], cache_features="auto", learning_rate=1
    )
    trained = {weight.path for weight in model.trainable_weights}
    assert heads < trained and len(trained) == 4
    np.testing.assert_array_equal(model.layers[2].get_weights()[0], first)
    fit(classifier, three_classes, stages=stages, layer_decay=0.5, learning_rate=1)
    assert not np.array_equal(model.layers[2].get_weights()[0], first)


def test_layers_below_auxiliary_classifiers_learn_more_slowly():
    model = _with_auxiliary()
    factors = rate_factors(model, 0.5)
    assert set(factors) == {id(weight) for weight in model.trainable_weights}
    by_name = {w.path: factors[id(w)] for w in model.trainable_weights}
    rates = [rate for path, rate in by_name.items() if path.endswith("kernel")]
    assert sorted(rates) == [0.25, 0.5, 1, 1]


@pytest.mark.parametrize("compiled", [False, True])
def test_range_test_trains_a_copy_with_auxiliary_classifiers(three_classes, compiled):
    model = _with_auxiliary()
    if compiled:
        model.compile("sgd", "sparse_categorical_crossentropy")
    wanted = _auxiliary_loss(model, three_classes)
    before = [weight.copy() for weight in model.get_weights()]
    copy = copy_of(model)
    assert _auxiliary_loss(copy, three_classes) == pytest.approx(wanted, rel=1e-5)
    rates = find_learning_rate(model, three_classes, steps=20, batch_size=12, seed=1)
    assert 0.5 * wanted < rates["loss"][0] < 2 * wanted
    for weight, was in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, was)


def test_googlenet_predicts_without_its_auxiliary_classifiers():
    with _without_weights():
        model = landmark_model("googlenet", num_classes=5)
        assert model.output_shape == (None, 5)
        assert not any("auxiliary" in layer.name for layer in model.layers)
        assert "auxiliary" not in json.dumps(model.get_config())
        assert sum(describe_model(model)["parameters"]) == 5_978_677


# From ResNet-50 to ConvNeXt-T

LADDER = convnext_ladder()
# Table 10 of the paper, where it counts the same: not for the layer normalisation.
GFLOPS = [4.09, 4.09, 4.53, 4.42, 2.35, 5.27, 4.64, 4.07, 4.15, 4.15, 4.15, 4.15]


def _shapes(model):
    return [tuple(weight.shape) for weight in model.weights]


@pytest.mark.parametrize(
    "number",
    [
        number if number in (5, 8) else pytest.param(number, marks=pytest.mark.slow)
        for number in range(1, 15)
    ],
)
def test_steps_to_convnext_cost_what_the_paper_says(number):
    row = {name: column[number - 1] for name, column in LADDER.items()}
    with _without_weights():
        model = landmark_model("convnext_ladder", step=row["step"])
        again = landmark_model("convnext_ladder", step=number)
        assert _shapes(again) == _shapes(model)
        mult_adds = sum(describe_model(model)["mult_adds"])
        assert _count(model.trainable_weights) == row["parameters"]
    assert mult_adds == row["mult_adds"]
    # Figure 2 rounds what is rounded: 4.1456 to 4.15 and then to 4.2.
    assert abs(mult_adds / 1e9 - row["gflops"]) < 0.055
    if number <= len(GFLOPS):
        assert round(mult_adds / 1e9, 2) == GFLOPS[number - 1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "name", "options"),
    [
        ("resnet50", "resnet50", {"stride_in": "3x3"}),
        ("separate_downsampling", "convnext_tiny", {}),
    ],
)
def test_ends_of_the_ladder_are_the_networks_of_their_names(step, name, options):
    pixels = np.random.default_rng(1).integers(0, 256, (2, 32, 32, 3)).astype("f4")
    ends = [
        landmark_model("convnext_ladder", (32, 32, 3), 3, step=step, rescale=False),
        landmark_model(name, (32, 32, 3), 3, rescale=False, **options),
    ]
    assert sorted(_shapes(ends[0])) == sorted(_shapes(ends[1]))
    if step == "separate_downsampling":
        ends[0].set_weights(ends[1].get_weights())
        answers = [end.predict(pixels, verbose=0) for end in ends]
        np.testing.assert_array_equal(*answers)


@pytest.mark.slow
@pytest.mark.parametrize("number", [2, 5, 8, 12, 13])
def test_steps_train(number, fit):
    pixels = np.random.default_rng(1).integers(0, 256, (6, 32, 32, 3)).astype("uint8")
    data = image_arrays(pixels, ["a", "b", "c"] * 2)
    model = landmark_model("convnext_ladder", (32, 32, 3), 3, step=number, seed=1)
    before = [weight.copy() for weight in model.get_weights()]
    classifier = fit(model, data, batch_size=3)
    assert math.isfinite(classifier.history["loss"][0])
    changed = [
        not np.array_equal(weight, was)
        for weight, was in zip(model.get_weights(), before, strict=True)
    ]
    assert np.mean(changed) > 0.8


@pytest.mark.slow
@pytest.mark.parametrize("step", ["depthwise", "fewer_norms", "layer_norm"])
def test_step_is_saved_frozen_and_transferred(step, fit, tmp_path):
    pixels = np.random.default_rng(1).integers(0, 256, (6, 32, 32, 3)).astype("uint8")
    model = landmark_model("convnext_ladder", (32, 32, 3), 3, step=step, seed=1)
    classifier = fit(model, image_arrays(pixels, ["a", "b", "c"] * 2), batch_size=3)
    file = save_classifier(classifier, tmp_path / "c.reticnn")
    answers = model.predict(pixels, verbose=0)
    again = load_classifier(file).model.predict(pixels, verbose=0)
    np.testing.assert_allclose(again, answers, atol=1e-6)
    freeze(model)
    unfreeze(model, "last_block")
    trained = {layer.name for layer in model.layers if layer.trainable_weights}
    assert {"stage4_block1_conv1", "stage4_block3_conv3"} <= trained
    assert not any(name.startswith(("stage3", "stem")) for name in trained)
    built = transfer_model(classifier, (32, 32, 3), 2, weights=None)
    assert built.output_shape == (None, 1)


def test_a_step_that_there_is_not_is_refused(refused):
    with refused(ValueError, "step", "'depthwize'", "Did you mean 'depthwise'?"):
        landmark_model("convnext_ladder", step="depthwize")
    with refused(ValueError, "step", "at most 14", "15", "convnext_ladder()"):
        landmark_model("convnext_ladder", step=15.0)
    with refused(ValueError, "step", "0"):
        landmark_model("convnext_ladder", step=0)
    with refused(ValueError, "weights", "'imagenet'", "'convnext_ladder'"):
        landmark_model("convnext_ladder", weights="imagenet")
    assert "convnext_ladder" not in NAMES


# Recipes


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*first changes the learning rate")
@pytest.mark.parametrize("name", [*ONE_OF_EACH_FAMILY, "convnext_ladder"])
def test_recipe_is_what_fit_classifier_takes(name, three_classes):
    recipe = {**training_recipe(name), "epochs": 1}
    model = build_cnn((8, 8, 3), 3, filters=4, n_blocks=1, units=4)
    classifier = fit_classifier(model, three_classes, progress="none", **recipe)
    assert classifier.epochs == 1
    assert math.isfinite(classifier.history["loss"][0])
    assert classifier.augmentation == recipe.get("augmentation")


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_of_a_recipe_has_its_place(name):
    recipe = training_recipe(name)
    assert (
        {"optimizer"}
        <= set(recipe)
        <= set(inspect.signature(fit_classifier).parameters)
    )
    assert set(recipe.places) == set(recipe)
    assert set(recipe.prediction) <= set(inspect.signature(predict_images).parameters)
    printed = repr(recipe).splitlines()
    assert name in printed[0] and recipe.reference[-20:] in printed[-1]
    for setting, place in recipe.places.items():
        line = next(line for line in printed if line.split()[0] == setting)
        assert line.endswith(place) and place


def test_changed_settings_have_no_place_in_the_paper():
    recipe = training_recipe("alexnet")
    recipe["epochs"] = 3
    recipe["seed"] = 1
    del recipe["augmentation"]
    lines = {line.split()[0]: line.split() for line in repr(recipe).splitlines()[1:]}
    assert lines["epochs"][1:] == ["3", "changed"]
    assert lines["seed"][1:] == ["1", "added"]
    assert lines["batch_size"][1:] == ["128", "section", "5"]
    assert lines["crops"][1:] == ["10", "section", "4.1"]
    assert "augmentation" not in lines
    again = copy.deepcopy(recipe)
    assert again == recipe | {"optimizer": again["optimizer"]}
    plain = training_recipe("convnext_tiny")
    assert (
        repr(pickle.loads(pickle.dumps(plain))).split("\n")[1:3]
        == (repr(plain).split("\n")[1:3])
    )
    assert training_recipe("alexnet")["epochs"] == 90


def test_recipe_of_alexnet():
    recipe = training_recipe("alexnet")
    assert (recipe["epochs"], recipe["batch_size"]) == (90, 128)
    assert recipe["learning_rate"] == 0.01
    optimizer = recipe["optimizer"]
    assert (optimizer.momentum, optimizer.decay) == (0.9, 5e-4)
    assert training_recipe("alexnet")["optimizer"] is not optimizer
    assert recipe["augmentation"] == augmentation(
        crop={"shorter_side": (256, 256)}, flip="horizontal", pca_color=0.1
    )
    # From 0.01 down to a tenth of a tenth of a tenth.
    assert recipe["schedule"] == {
        "kind": "plateau",
        "factor": 0.1,
        "patience": 10,
        "min_lr": 1e-5,
    }


def test_a_change_within_a_schedule_is_seen_and_stays_in_its_recipe():
    recipe = training_recipe("resnet20")
    recipe["schedule"]["at"] = [0.2]
    line = next(line for line in repr(recipe).splitlines() if "schedule" in line)
    assert line.endswith("changed") and "0.2" in line
    assert training_recipe("resnet20")["schedule"]["at"] == [0.5, 0.75]
    assert training_recipe("densenet_bc_100_12")["schedule"]["at"] == [0.5, 0.75]


def _rates(name, epochs, steps_per_epoch=1):
    """Return the learning rate of each epoch by the recipe."""
    recipe = training_recipe(name)
    schedule = as_schedule(recipe["schedule"]).for_epochs(epochs)
    start = recipe.get("learning_rate", 1.0)
    by_step = schedule.by_step(start, steps_per_epoch, epochs, 0, 0)
    steps = range(0, epochs * steps_per_epoch, steps_per_epoch)
    return [float(keras.ops.convert_to_numpy(by_step(step))) for step in steps]


@pytest.mark.parametrize(
    ("name", "epochs", "rates"),
    [
        # Epochs from 1, and the rate in them, as in the papers.
        (
            "lenet5",
            20,
            {1: 5e-4, 2: 5e-4, 3: 2e-4, 5: 2e-4, 6: 1e-4, 9: 5e-5, 12: 5e-5, 13: 1e-5},
        ),
        ("googlenet", 20, {1: 0.01, 8: 0.01, 9: 0.0096, 16: 0.0096, 17: 0.009216}),
        ("resnet20", 182, {1: 0.1, 91: 0.1, 92: 0.01, 136: 0.01, 138: 0.001}),
        ("densenet121", 90, {1: 0.1, 30: 0.1, 31: 0.01, 60: 0.01, 61: 0.001}),
        ("densenet_bc_100_12", 300, {150: 0.1, 151: 0.01, 225: 0.01, 226: 0.001}),
        ("mobilenet", 5, {1: 0.045, 3: 0.0423, 5: 0.039762}),
    ],
)
def test_learning_rates_fall_as_in_the_papers(name, epochs, rates):
    ours = _rates(name, epochs)
    for epoch, rate in rates.items():
        assert ours[epoch - 1] == pytest.approx(rate, rel=1e-4)


def test_images_of_cifar_move_by_whole_pixels_up_to_four():
    policy = training_recipe("resnet20")["augmentation"]
    image = np.full((32, 32, 3), 115, "uint8")
    image[10, 15] = 255
    moved = augment(np.repeat(image[None], 2000, 0), policy, seed=1)
    assert set(np.unique(moved)) == {115, 255}
    places = [np.argwhere(one[..., 0] == 255) for one in moved]
    # Where a shift lies halfway between two pixels, a pixel may be lost or doubled.
    single = [place[0] for place in places if len(place) == 1]
    assert len(single) > 1990
    rows, columns = np.array(single).T
    assert set(rows) == set(range(6, 15))
    # Mirrored, 15 is 16.
    assert set(columns) == set(range(11, 21))
    assert np.bincount(rows)[6:].min() > 0.75 * 2000 / 9


@pytest.mark.slow
def test_recipe_of_convnext():
    recipe = training_recipe("convnext_tiny")
    wanted = {
        "optimizer": "adamw",
        "learning_rate": 0.004,
        "weight_decay": 0.05,
        "warmup_epochs": 20,
        "label_smoothing": 0.1,
        "mixup": 0.8,
        "cutmix": 1.0,
        "ema": 0.9999,
    }
    assert {name: recipe[name] for name in wanted} == wanted
    crop, drawn, erase = recipe["augmentation"].policies
    assert crop == augmentation(crop={"scale": (0.08, 1)}, flip="horizontal")
    settings = {"magnitude": 9, "magnitude_std": 0.5, "probability": 0.5, "n": 2}
    assert settings.items() <= drawn.to_config().items()
    assert len(drawn.to_config()["operations"]) == 15
    assert erase.to_config()["erasing"]["factor"] == [0.25, 0.25]
    drops = [
        _drops(landmark_model, name)
        for name in ("convnext_tiny", "convnext_small", "convnext_base")
    ]
    assert drops == pytest.approx([0.1, 0.4, 0.5])


def _drops(build, name):
    with _without_weights():
        return max(getattr(layer, "rate", 0) for layer in build(name).layers)


def test_momentum_sgd_takes_the_steps_of_the_paper():
    weight = keras.Variable(np.array([1.0, -2.0], "f4"))
    optimizer = MomentumSGD(0.1, momentum=0.9, decay=0.5)
    w, v = np.array([1.0, -2.0]), np.zeros(2)
    for gradient in ([1.0, 0.5], [0.0, -1.0], [2.0, 2.0]):
        v = 0.9 * v - 0.5 * 0.1 * w - 0.1 * np.array(gradient)
        w = w + v
        optimizer.apply([keras.ops.convert_to_tensor(gradient, "float32")], [weight])
    np.testing.assert_allclose(keras.ops.convert_to_numpy(weight), w, rtol=1e-5)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert (type(again), again.decay, again.momentum) == (MomentumSGD, 0.5, 0.9)


# Use


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "size", "options"),
    [
        ("mobilenet", 32, {"width": 0.1}),
        ("resnet18", 8, {"stem": "small", "shortcut": "padding"}),
    ],
)
def test_landmark_trains_and_is_saved(name, size, options, fit, tmp_path):
    draw = np.random.default_rng(1)
    pixels = draw.integers(0, 256, (6, size, size, 3)).astype("uint8")
    data = image_arrays(pixels, ["a", "b", "c"] * 2)
    model = landmark_model(name, (size, size, 3), 3, seed=1, **options)
    classifier = fit(model, data, batch_size=3)
    file = save_classifier(classifier, tmp_path / "c.reticnn")
    np.testing.assert_allclose(
        load_classifier(file).model.predict(pixels, verbose=0),
        model.predict(pixels, verbose=0),
        atol=1e-6,
    )


def test_options_of_a_family_are_known():
    ours = ["stem", "shortcut", "conv_bias", "stride_in", "zero_gamma"]
    assert find_landmark("resnet50").options == ours
    assert find_landmark("resnet18").options == [o for o in ours if o != "stride_in"]
    assert find_landmark("resnet20").options == ["shortcut", "zero_gamma"]
    assert find_landmark("densenet_bc_100_12").options == ["dropout"]
    assert find_landmark("mobilenet_160").options == ["width", "activation"]
    assert find_landmark("vgg16").options == []


# Weights learned elsewhere

MOBILENET = Path(__file__).parents[3] / "shared" / "weights" / "mobilenet_2_5_224_tf.h5"


@pytest.mark.slow
@pytest.mark.skipif(
    not MOBILENET.exists(),
    reason=f"The weights of MobileNet 0.25 are not at {MOBILENET}",
)
def test_real_weights_give_kerass_own_answers(tmp_path, monkeypatch):
    ours = landmark_model(
        "mobilenet", weights=MOBILENET, width=0.25, activation="relu6"
    )
    theirs = applications.MobileNet(alpha=0.25, weights=str(MOBILENET))
    pixels = np.random.default_rng(1).integers(0, 256, (2, 224, 224, 3)).astype("f4")
    prepared = applications.mobilenet.preprocess_input(pixels.copy())
    answers = theirs.predict(prepared, verbose=0)
    np.testing.assert_allclose(ours.predict(pixels, verbose=0), answers, atol=1e-5)
    cached = tmp_path / "models"
    cached.mkdir()
    (cached / MOBILENET.name).symlink_to(MOBILENET)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    again = landmark_model(
        "mobilenet", weights="imagenet", width=0.25, activation="relu6"
    )
    for weight, own in zip(again.get_weights(), ours.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, own)


def _saved(model, folder, ending):
    path = folder / f"weights{ending}"
    model.save_weights(path) if ending == ".weights.h5" else model.save(path)
    return path


@pytest.mark.slow
@pytest.mark.parametrize(
    "ending", [".h5", None, pytest.param(".keras", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize(
    ("name", "reference", "options"),
    [
        ("mobilenet", "MobileNet", {"activation": "relu6"}),
        pytest.param(
            "resnet50", "ResNet50", {"conv_bias": True}, marks=pytest.mark.slow
        ),
        pytest.param("convnext_tiny", "ConvNeXtTiny", {}, marks=pytest.mark.slow),
        pytest.param("densenet121", "DenseNet121", {}, marks=pytest.mark.slow),
    ],
)
def test_kerass_own_files_fit(tmp_path, name, reference, options, ending):
    build = getattr(applications, reference)
    theirs = build(weights=None, input_shape=(32, 32, 3), classes=4)
    theirs.set_weights(_weights_like(theirs.get_weights()))
    source = _saved(theirs, tmp_path, ending) if ending else theirs
    ours = landmark_model(name, (32, 32, 3), 4, weights=source, **options)
    wanted = theirs.get_weights()
    for weight, own in zip(wanted, ours.get_weights(), strict=True):
        np.testing.assert_array_equal(own.ravel(), weight.ravel())
    other = landmark_model(name, (32, 32, 3), 3, weights=source, seed=1, **options)
    *features, kernel, bias = other.get_weights()
    for weight, own in zip(wanted, features, strict=False):
        np.testing.assert_array_equal(own.ravel(), weight.ravel())
    assert kernel.shape[-1] == 3 and kernel.std() > 0
    np.testing.assert_array_equal(bias, 0)


def _narrow(**options):
    return landmark_model("mobilenet", (32, 32, 3), 4, width=0.1, **options)


@pytest.mark.slow
@pytest.mark.parametrize("ending", [".keras", ".weights.h5"])
def test_own_files_fit(tmp_path, ending):
    first = _narrow(seed=1)
    again = _narrow(weights=_saved(first, tmp_path, ending), seed=2)
    for weight, own in zip(first.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(own, weight)


def test_file_without_top_leaves_the_head(tmp_path):
    theirs = applications.MobileNet(
        alpha=0.25, include_top=False, weights=None, input_shape=(32, 32, 3)
    )
    ours = landmark_model("mobilenet", (32, 32, 3), 4, weights=theirs, width=0.25)
    *features, kernel, _ = ours.get_weights()
    for weight, own in zip(theirs.get_weights(), features, strict=True):
        np.testing.assert_array_equal(own.ravel(), weight.ravel())
    assert kernel.std() > 0


def _flattening(side, num_classes):
    """Return a network as VGG is, only small."""
    keras.utils.set_random_seed(side + num_classes)
    return keras.Sequential(
        [
            keras.Input((side, side, 3)),
            keras.layers.Conv2D(2, 3, name="conv"),
            keras.layers.Flatten(),
            keras.layers.Dense(4, name="fc"),
            keras.layers.Dense(num_classes, name="predictions"),
        ],
        name="small",
    )


def test_top_for_another_size_is_refused_unless_the_classes_are_others(
    refused, tmp_path
):
    small, large = _flattening(4, 3), _flattening(6, 3)
    before = large.get_weights()
    parts = ["'fc'", "4 x 4 pixels, not of 6 x 6", "`input_shape`", "`num_classes`"]
    with refused(ValueError, "weights", *parts):
        put_weights(large, small)
    small.save(tmp_path / "small.h5")
    # Nobody looks in it for the size of the images.
    with refused(ValueError, "weights", "another size", "`num_classes`"):
        put_weights(large, tmp_path / "small.h5")
    for got, wanted in zip(large.get_weights(), before, strict=True):
        np.testing.assert_array_equal(got, wanted)
    other = _flattening(6, 4)
    random = other.get_weights()
    put_weights(other, small)
    wanted = [*small.get_weights()[:2], *random[2:]]
    for got, weight in zip(other.get_weights(), wanted, strict=True):
        np.testing.assert_array_equal(got, weight)


@pytest.mark.slow
def test_landmark_at_another_size_takes_no_random_top(refused):
    small = landmark_model("vgg11", (32, 32, 3), 2, seed=1)
    with refused(ValueError, "weights", "'fc1'", "32 x 32", "64 x 64"):
        landmark_model("vgg11", (64, 64, 3), 2, weights=small)


def test_two_units_for_two_classes_do_not_stand_in_for_one(refused):
    two = landmark_model("mobilenet", (32, 32, 3), 2, width=0.1, output="softmax")
    with refused(ValueError, "weights", "'predictions'", "same number of classes"):
        landmark_model("mobilenet", (32, 32, 3), 2, width=0.1, weights=two)


@pytest.mark.parametrize(
    ("name", "options", "error", "parts"),
    [
        ("resnet18", {"weights": "imagenet"}, ValueError, ["'resnet18'", "no such"]),
        ("resnet50", {"weights": "imagenet"}, ValueError, ["conv_bias=True"]),
        (
            "resnet50",
            {"weights": "imagenet", "conv_bias": True, "stride_in": "3x3"},
            ValueError,
            ["stride_in='1x1'"],
        ),
        ("resnet20", {"weights": "imagenet"}, ValueError, ["'resnet20'", "no such"]),
        ("mobilenet", {"weights": "imagenet"}, ValueError, ["activation='relu6'"]),
        (
            "mobilenet_160",
            {"weights": "imagenet"},
            ValueError,
            ["activation='relu6'"],
        ),
        ("lenet5", {"weights": "imagenet"}, ValueError, ["'lenet5'", "None"]),
        ("mobilenet", {"weights": "no.h5"}, FileNotFoundError, ["'no.h5'"]),
        ("mobilenet", {"weights": __file__}, ValueError, [".keras"]),
    ],
)
def test_weights_that_are_not_there_are_refused(refused, name, options, error, parts):
    with refused(error, "weights", *parts):
        landmark_model(name, **options)


def test_weights_of_another_network_are_refused(refused):
    with refused(ValueError, "weights", "'conv'", "(3, 3, 3, 3)", "(3, 3, 3, 6)"):
        _narrow(weights=landmark_model("mobilenet", (32, 32, 3), 4, width=0.2))


@pytest.mark.slow
def test_weights_that_fit_with_an_option_name_it(refused):
    theirs = applications.ResNet50(
        weights=None, include_top=False, input_shape=(32, 32, 3)
    )
    with refused(ValueError, "weights", "conv_bias=True"):
        landmark_model("resnet50", (32, 32, 3), 4, weights=theirs)
