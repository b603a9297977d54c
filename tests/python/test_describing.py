import math

import keras
import numpy as np
import pytest

from reticnn import build_cnn, build_mlp, describe_model, landmark_model
from reticnn.classifier import Classifier


def _rows(model):
    table = describe_model(model)
    names = table.pop("name")
    return {
        name: dict(zip(table, values, strict=True))
        for name, *values in zip(names, *table.values(), strict=True)
    }


def test_workshop_cnn():
    table = describe_model(build_cnn())
    assert table["name"][:4] == ["rescaling", *table["name"][1:4]]
    assert sum(table["parameters"]) == 28_097
    rows = _rows(build_cnn())
    first, last = rows["block1_conv1"], rows["block3_pool"]
    assert first == {
        "type": "Conv2D",
        "output_shape": "32 x 32 x 32",
        "parameters": 896,
        "mult_adds": 32 * 32 * 27 * 32,
        "receptive_field": 3,
    }
    assert last["output_shape"] == "4 x 4 x 32"
    assert last["mult_adds"] == last["parameters"] == 0
    assert last["receptive_field"] == 22
    assert table["receptive_field"][-1] == 22 + 3 * 8


def test_fully_connected_layers_see_the_whole_image():
    table = describe_model(build_mlp((64, 64, 3), 2, 256, output="softmax"))
    assert table["type"] == ["Rescaling", "Flatten", "Dense", "Dense"]
    assert table["receptive_field"] == [1, 64, 64, 64]
    assert table["parameters"] == [0, 0, 3_145_984, 514]
    assert table["mult_adds"] == [0, 0, 64 * 64 * 3 * 256, 512]


@pytest.mark.parametrize(
    ("name", "layer", "field"),
    [
        ("alexnet", "pool5", 195),
        ("vgg16", "block5_pool", 212),
        ("resnet50", "stage5_block3_relu", 483),
        ("mobilenet", "block13_pointwise_relu", 315),
    ],
)
def test_receptive_fields_are_the_published_ones(name, layer, field):
    with keras.StatelessScope(initialize_variables=False):
        rows = _rows(landmark_model(name))
    keras.utils.clear_session()
    assert rows[layer]["receptive_field"] == field


@pytest.mark.parametrize("strides", [1, 2])
def test_receptive_field_is_what_changes_the_output(strides):
    """Change one pixel at a time, and see how far away the middle is touched."""
    inputs = keras.Input((33, 33, 1))
    x = keras.layers.Conv2D(2, 3, strides=strides, padding="same")(inputs)
    x = keras.layers.Conv2D(2, 3, dilation_rate=2, padding="same")(x)
    x = keras.layers.AveragePooling2D(2, padding="same")(x)
    model = keras.Model(inputs, keras.layers.Conv2D(1, (3, 5), padding="same")(x))
    images = np.zeros((34, 33, 33, 1), "f4")
    images[range(33), 16, range(33)] = 1
    outputs = model.predict(images, verbose=0)
    middle = outputs.shape[1] // 2
    touched = (abs(outputs[:33] - outputs[33:])[:, middle, middle] > 1e-9).sum()
    assert describe_model(model)["receptive_field"][-1] == touched


def test_nested_models_are_listed_layer_by_layer():
    inner = keras.Input((16, 16, 4))
    y = keras.layers.Conv2D(8, 3, strides=2, padding="same", name="conv")(inner)
    backbone = keras.Model(inner, y, name="backbone")
    head = keras.Sequential(
        [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3)], name="head"
    )
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(4, 2, strides=2, name="stem")(inputs)
    model = keras.Model(inputs, head(backbone(x)))
    table = describe_model(model)
    assert [name.split("/")[0] for name in table["name"]] == [
        "stem",
        "backbone",
        "head",
        "head",
    ]
    assert table["name"][1] == "backbone/conv"
    assert table["receptive_field"] == [2, 6, 34, 34]
    assert sum(table["parameters"]) == model.count_params()
    assert table["mult_adds"] == [16 * 16 * 48, 8 * 8 * 9 * 4 * 8, 0, 24]


def test_branches_take_the_widest_field():
    inputs = keras.Input((9, 9, 2))
    branches = [
        keras.layers.Conv2D(2, size, padding="same")(inputs) for size in (1, 5, 3)
    ]
    model = keras.Model(inputs, keras.layers.Concatenate()(branches))
    assert describe_model(model)["receptive_field"][-1] == 5


def test_layer_used_twice_has_its_parameters_once():
    shared = keras.layers.Conv2D(2, 3, padding="same")
    inputs = keras.Input((9, 9, 2))
    table = describe_model(keras.Model(inputs, shared(shared(inputs))))
    assert table["parameters"] == [38, 0]
    assert table["mult_adds"] == [9 * 9 * 36] * 2
    assert table["receptive_field"] == [3, 5]


def test_depthwise_grouped_and_separable_convolutions():
    inputs = keras.Input((8, 8, 4))
    x = keras.layers.DepthwiseConv2D(3, padding="same")(inputs)
    x = keras.layers.Conv2D(8, 3, padding="same", groups=2)(x)
    x = keras.layers.SeparableConv2D(6, 3, padding="same")(x)
    table = describe_model(keras.Model(inputs, x))
    assert table["mult_adds"] == [64 * 9 * 4, 64 * 9 * 2 * 8, 64 * (9 * 8 + 8 * 6)]


def test_open_image_size_leaves_numbers_unknown():
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3)(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x)
    table = describe_model(keras.Model(inputs, keras.layers.Dense(2)(x)))
    assert table["output_shape"] == ["any x any x 4", "4", "2"]
    assert table["receptive_field"][0] == 3
    assert math.isnan(table["mult_adds"][0])
    assert math.isnan(table["receptive_field"][1])
    assert table["mult_adds"][2] == 8


def test_classifier_is_described_by_its_model():
    classifier = Classifier(build_cnn(), ["cat", "dog"], {"epoch": []})
    assert sum(describe_model(classifier)["parameters"]) == 28_097


def test_what_cannot_be_described(refused):
    with refused(TypeError, "model", "'vgg16'"):
        describe_model("vgg16")

    class Own(keras.Model):
        def call(self, x):
            return x

    own = Own()
    own.build((None, 8, 8, 3))
    with refused(ValueError, "model"):
        describe_model(own)
