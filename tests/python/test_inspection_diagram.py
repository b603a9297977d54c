"""Block diagrams: what shares a box, and where the boxes stand."""

from itertools import combinations, pairwise

import keras
import pytest

from reticnn import (
    architecture,
    build_cnn,
    describe_model,
    inception_module,
    landmark_model,
    residual_block,
    transfer_model,
)
from reticnn.classifier import Classifier


def column(diagram, name):
    return dict(zip(diagram["boxes"]["name"], diagram["boxes"][name], strict=True))


def ways(diagram):
    arrows = diagram["arrows"]
    found = {}
    for number, x, y in zip(arrows["arrow"], arrows["x"], arrows["y"], strict=True):
        found.setdefault(number, []).append((x, y))
    return list(found.values())


def box_at(diagram, x, y):
    """Return the name of the box that a point is on the edge of."""
    boxes = diagram["boxes"]
    for name, middle, level in zip(boxes["name"], boxes["x"], boxes["y"], strict=True):
        beside = abs(x - middle) <= diagram["box_width"] / 2
        if beside and abs(abs(y - level) - diagram["box_height"] / 2) < 1e-3:
            return name
    return None


def links(diagram):
    return {
        (box_at(diagram, *way[0]), box_at(diagram, *way[-1])) for way in ways(diagram)
    }


def assert_tidy(diagram):
    """No box lies on another, out of the picture, or on an arrow's way."""
    boxes = diagram["boxes"]
    width, height = diagram["box_width"], diagram["box_height"]
    middles = list(zip(boxes["x"], boxes["y"], strict=True))
    for (x, y), (other_x, other_y) in combinations(middles, 2):
        assert abs(x - other_x) >= width or abs(y - other_y) >= height
    for x, y in middles:
        assert width / 2 - 1e-3 <= x <= diagram["width"] - width / 2 + 1e-3
        assert height / 2 - 1e-3 <= y <= diagram["height"] - height / 2 + 1e-3
    for way in ways(diagram):
        for (x, y), (to_x, to_y) in pairwise(way):
            assert abs(x - to_x) < 1e-3 or abs(y - to_y) < 1e-3
            at = ((x + to_x) / 2, (y + to_y) / 2)
            assert not any(
                abs(at[0] - x) < width / 2 - 1e-3 and abs(at[1] - y) < height / 2 - 1e-3
                for x, y in middles
            )


@pytest.fixture(scope="module")
def resnet50():
    return landmark_model("resnet50", (64, 64, 3), 10)


def test_every_layer_of_a_small_network_is_a_box():
    model = build_cnn()
    diagram = architecture(Classifier(model, ["cat", "dog"], {"epoch": []}))
    assert len(diagram["boxes"]["name"]) == 14
    assert sum(diagram["boxes"]["parameters"]) == 28_097
    assert column(diagram, "kind")["block1_conv1"] == "convolution"
    assert column(diagram, "text")["block1_conv1"] == "Conv2D 3 x 3, 32"
    assert column(diagram, "output_shape")["block1_pool"] == "16 x 16 x 32"
    assert ("block1_conv1", "block1_relu1") in links(diagram)
    assert len(links(diagram)) == 13
    assert_tidy(diagram)


def test_branches_stand_side_by_side_in_their_order():
    inputs = keras.Input((28, 28, 192), name="maps")
    outputs = inception_module(inputs, name="mixed")
    diagram = architecture(keras.Model(inputs, outputs))
    x, y = column(diagram, "x"), column(diagram, "y")
    first = [f"mixed_{part}" for part in ("conv1", "narrow3", "narrow5", "pool")]
    assert len({y[name] for name in first}) == 1
    assert sorted(first, key=x.get) == first
    assert {("maps", name) for name in first} <= links(diagram)
    assert ("mixed_conv1", "mixed_concat") in links(diagram)
    assert x["mixed_concat"] == x["maps"]
    assert_tidy(diagram)


def test_shortcut_passes_beside_the_layers():
    inputs = keras.Input((56, 56, 64), name="maps")
    diagram = architecture(keras.Model(inputs, residual_block(inputs, name="block")))
    assert ("maps", "block_add") in links(diagram)
    assert_tidy(diagram)


@pytest.mark.slow
def test_large_network_is_shown_in_stages(resnet50):
    diagram = architecture(resnet50)
    names = diagram["boxes"]["name"]
    assert names[2:7] == ["stem", "stage2", "stage3", "stage4", "stage5"]
    assert column(diagram, "text")["stage3"].startswith("4 blocks, 42 layers")
    assert column(diagram, "kind")["stage3"] == "block"
    assert column(diagram, "output_shape")["stage3"] == "8 x 8 x 512"
    assert sum(diagram["boxes"]["parameters"]) == resnet50.count_params()
    assert sum(diagram["boxes"]["layers"]) == 178
    assert_tidy(diagram)


def test_more_boxes_show_blocks_and_then_layers(resnet50):
    blocks = architecture(resnet50, most=24)
    assert "stage2_block3" in blocks["boxes"]["name"]
    assert architecture(resnet50, 24.0) == blocks
    folded = architecture(resnet50, most=100)
    assert column(folded, "layers")["stage2_block1_conv1"] == 3
    assert column(folded, "layers")["stage2_block1_convshortcut"] == 2
    assert_tidy(folded)
    every = architecture(resnet50, most=200)
    assert len(every["boxes"]["name"]) == 178
    assert_tidy(every)


@pytest.mark.parametrize("name", ["googlenet", "mobilenet"])
def test_landmarks_fit(name):
    model = landmark_model(name, (96, 96, 3), 10)
    diagram = architecture(model)
    assert len(diagram["boxes"]["name"]) <= 16
    assert len(set(diagram["boxes"]["name"])) == len(diagram["boxes"]["name"])
    parameters = sum(describe_model(model)["parameters"])
    assert sum(diagram["boxes"]["parameters"]) == parameters
    assert 0.8 < diagram["width"] / diagram["height"] < 3.2
    assert_tidy(diagram)


def test_what_is_asked_for_is_not_hidden():
    model = landmark_model("alexnet", (67, 67, 3), 10)
    hidden = architecture(model)["boxes"]["name"]
    assert not {"norm1", "norm2", "dropout6", "dropout7"} & set(hidden)
    diagram = architecture(model, show=["normalisation", "dropout"])
    names = diagram["boxes"]["name"]
    assert [name for name in names if name not in hidden] == [
        *("norm1", "norm2", "dropout6", "dropout7")
    ]
    assert column(diagram, "kind")["norm1"] == "normalisation"
    assert ("conv1", "norm1") in links(diagram)
    assert column(diagram, "text")["conv4"] == "Conv2D 3 x 3, 384, 2 groups, relu"
    assert_tidy(diagram)


def test_auxiliary_classifiers_and_reductions_are_shown_when_asked():
    model = landmark_model("googlenet", (96, 96, 3), 10)
    plain = architecture(model, 22)
    asked = architecture(model, 22, show=["auxiliary", "reduction", "normalisation"])
    assert "auxiliary4a" not in plain["boxes"]["name"]
    assert {("inception4a", "auxiliary4a"), ("inception4d", "auxiliary4d")} <= links(
        asked
    )
    # Keras counts what is trained, the heads included.
    assert sum(asked["boxes"]["parameters"]) == model.count_params()
    assert sum(plain["boxes"]["parameters"]) == 5_983_802
    assert column(asked, "layers")["auxiliary4a"] == 6
    text = column(asked, "text")["inception4a"]
    assert text == "6 convolutions, 4 reductions"
    # Between blocks, a layer has its own box; it is no reduction with as many channels.
    assert column(asked, "kind")["norm1"] == "normalisation"
    assert column(asked, "kind")["narrow2"] == "convolution"
    assert_tidy(asked)


def test_columns_make_a_diagram_taller(refused):
    model = build_cnn()
    one, three = (architecture(model, columns=count) for count in (1, 3.0))
    assert len(set(one["boxes"]["x"])) == 1
    assert len(set(three["boxes"]["x"])) == 3
    assert_tidy(three)
    with refused(ValueError, "columns", "0"):
        architecture(model, columns=0)
    with refused(ValueError, "show", "'drop'", "'dropout'"):
        architecture(model, show="drop")


def test_model_within_is_one_box():
    model = transfer_model("vgg16", (32, 32, 3), weights=None)
    diagram = architecture(model)
    assert column(diagram, "kind")["vgg16"] == "model"
    assert column(diagram, "parameters")["vgg16"] == 14_714_688
    within = architecture(model.get_layer("vgg16"), most=20)
    assert "block5_conv3" in within["boxes"]["name"]


def test_names_that_keras_gives_and_layers_used_twice():
    shared = keras.layers.Conv2D(3, 3, padding="same")
    inputs = [keras.Input((8, 8, 3)), keras.Input((8, 8, 3))]
    x = keras.layers.Add()([shared(tensor) for tensor in inputs])
    x = keras.layers.Concatenate()([x, *inputs])
    model = keras.Model(inputs, [x, keras.layers.Flatten()(x)])
    diagram = architecture(model)
    assert sum(diagram["boxes"]["parameters"]) == shared.count_params()
    assert_tidy(diagram)
    assert len(architecture(model, most=4)["boxes"]["name"]) <= 7


def test_sequential_and_open_sizes():
    model = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(4, 3)])
    diagram = architecture(model)
    assert diagram["boxes"]["output_shape"] == ["any x any x 3", "any x any x 4"]


def test_what_has_no_diagram(refused):
    with refused(TypeError, "model", "'vgg16'"):
        architecture("vgg16")
    with refused(ValueError, "most", "1"):
        architecture(build_cnn(), most=1)
    with refused(ValueError, "model", "Sequential", "without inputs"):
        architecture(keras.Sequential([keras.layers.Dense(2)]))
