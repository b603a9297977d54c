import math

import keras
import numpy as np
import pytest

from reticnn import (
    build_cnn,
    build_mlp,
    describe_model,
    landmark_model,
    separable_costs,
    transfer_model,
)
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
    assert table["name"][0].startswith("rescaling")
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


def _fields(*layers, side=64):
    inputs = keras.Input((side, side, 3))
    model = keras.Model(inputs, keras.Sequential(layers)(inputs))
    return describe_model(model)["receptive_field"]


def test_fields_of_resized_maps_are_in_pixels_of_the_input():
    layers = keras.layers
    assert _fields(layers.Resizing(32, 32), layers.Conv2D(4, 3)) == [2, 6]
    half = layers.Resizing(48, 32, "nearest", crop_to_aspect_ratio=True)
    assert _fields(half, layers.Conv2D(4, 3)) == [1, pytest.approx(1 + 2 * 4 / 3)]
    model = transfer_model(
        "mobilenet_0.25", (32, 32, 3), 2, weights=None, resize_to=(64, 64)
    )
    rows = _rows(model)
    assert rows["mobilenet_0.25/conv1"]["receptive_field"] == 3
    assert rows["mobilenet_0.25/conv_dw_13_relu"]["receptive_field"] == 2 + 314 / 2


def to_depth(x):
    """Return the 2 x 2 pixels of squares as channels."""
    height, width, channels = (side for side in x.shape[1:])
    x = keras.layers.Reshape((height // 2, 2, width // 2, 2, channels))(x)
    x = keras.layers.Permute((1, 3, 2, 4, 5))(x)
    return keras.layers.Reshape((height // 2, width // 2, 4 * channels))(x)


def to_depth_by_operations(x):
    height, width, channels = x.shape[1:]
    x = keras.ops.reshape(x, (-1, height // 2, 2, width // 2, 2, channels))
    x = keras.ops.transpose(x, (0, 1, 3, 2, 4, 5))
    return keras.ops.reshape(x, (-1, height // 2, width // 2, 4 * channels))


def normalised_as_rows(x):
    height, width, channels = x.shape[1:]
    x = keras.layers.Reshape((height * width, channels))(x)
    x = keras.layers.Dense(5)(keras.layers.LayerNormalization()(x))
    return keras.layers.Reshape((height, width, 5))(x)


def overlapping_patches(x):
    try:
        return keras.ops.image.extract_patches(x, (4, 4), strides=2)
    except UnboundLocalError:
        pytest.skip("Keras 3.12 fails with any strides")


@pytest.mark.parametrize(
    "moved",
    [
        to_depth,
        to_depth_by_operations,
        normalised_as_rows,
        overlapping_patches,
        lambda x: x[:, ::3, ::3],
        lambda x: keras.layers.ZeroPadding2D(2)(keras.layers.Cropping2D(1)(x)),
    ],
)
def test_field_behind_moved_values_is_what_changes_the_output(moved):
    inputs = keras.Input((24, 24, 1))
    start = keras.initializers.RandomUniform(0.5, 1, seed=1)
    convolved = keras.layers.Conv2D(2, 3, kernel_initializer=start)(inputs)
    outputs = keras.layers.Conv2D(1, 3, kernel_initializer="ones")(moved(convolved))
    model = keras.Model(inputs, outputs)
    field = describe_model(model)["receptive_field"][-1]
    row, column = (side // 2 for side in outputs.shape[1:3])
    images = np.eye(576).reshape(576, 24, 24, 1).astype("float32")
    changes = model.predict(images, verbose=0)[:, row, column, 0]
    changes = changes - model.predict(0 * images[:1], verbose=0)[0, row, column, 0]
    seen = np.argwhere(abs(changes.reshape(24, 24)) > 1e-6)
    assert (np.ptp(seen, axis=0) + 1).tolist() == [field, field]


@pytest.mark.parametrize(
    "moved",
    [
        lambda x: keras.layers.Reshape((16, 64, 4))(x),
        lambda x: keras.layers.Permute((2, 1, 3))(x),
        lambda x: keras.layers.Lambda(
            lambda x: x[:, ::2, ::2], output_shape=(16, 16, 4)
        )(x),
    ],
)
def test_field_behind_what_is_not_known_is_unknown(moved):
    inputs = keras.Input((32, 32, 4))
    outputs = keras.layers.Conv2D(2, 3)(moved(inputs))
    fields = describe_model(keras.Model(inputs, outputs))["receptive_field"]
    assert np.isnan(fields[-2:]).all()


def test_fields_behind_enlarged_maps_take_smaller_steps():
    layers = keras.layers
    pool, double = layers.MaxPooling2D(2), layers.UpSampling2D(2)
    assert _fields(pool, double, layers.Conv2D(4, 3)) == [2, 2, 4]
    halved = layers.Conv2D(4, 3, strides=2)
    transposed = layers.Conv2DTranspose(5, 2, strides=2)
    assert _fields(halved, transposed, layers.Conv2D(4, 3)) == [3, 3, 5]


@pytest.mark.parametrize(
    "enlarging",
    [
        keras.layers.UpSampling2D(3),
        keras.layers.UpSampling2D(2, interpolation="bilinear"),
        keras.layers.Conv2DTranspose(1, 5, strides=2, padding="same"),
        keras.layers.Conv2DTranspose(1, 3, strides=3),
    ],
)
def test_field_behind_enlarged_maps_is_a_mean_over_the_positions(enlarging):
    """Change one pixel at a time, and count for each position those that touch it."""
    inputs = keras.Input((24, 24, 1))
    x = enlarging(keras.layers.AveragePooling2D(2)(inputs))
    model = keras.Model(inputs, keras.layers.Conv2D(1, (3, 2), padding="same")(x))
    images = np.zeros((25, 24, 24, 1), "f4")
    images[range(24), range(24)] = 1
    outputs = model.predict(images, verbose=0)
    side = outputs.shape[1]
    # A row for each pixel of the middle column: far from the border, whole periods.
    middle = slice(side // 2 - 6, side // 2 + 6)
    touched = abs(outputs[:24] - outputs[24:])[:, middle, side // 2, 0] > 1e-9
    field = describe_model(model)["receptive_field"][-1]
    assert field == pytest.approx(touched.sum(axis=0).mean())


def test_transposed_convolutions_multiply_at_the_positions_of_the_input():
    inputs = keras.Input((16, 16, 4))
    outputs = keras.layers.Conv2DTranspose(5, 2, strides=2)(inputs)
    table = describe_model(keras.Model(inputs, outputs))
    assert table["mult_adds"] == [16 * 16 * 2 * 2 * 4 * 5]


def test_layers_that_are_not_understood_leave_numbers_unknown():
    inputs = keras.Input((8, 8, 4))
    x = keras.layers.Reshape((64, 4))(inputs)
    x = keras.layers.LayerNormalization()(x)
    x = keras.layers.MultiHeadAttention(2, 4)(x, x)
    x = keras.layers.GlobalAveragePooling1D()(x)
    table = describe_model(keras.Model(inputs, keras.layers.Dense(3)(x)))
    assert table["mult_adds"] == pytest.approx([0, 0, math.nan, 0, 12], nan_ok=True)
    wanted = [1, 1, math.nan, math.nan, math.nan]
    assert table["receptive_field"] == pytest.approx(wanted, nan_ok=True)


def test_weights_that_scale_values_cost_nothing():
    inputs = keras.Input((8, 8, 4))
    x = keras.layers.PReLU()(keras.layers.BatchNormalization()(inputs))
    table = describe_model(keras.Model(inputs, x))
    assert table["mult_adds"] == [0, 0]
    assert table["receptive_field"] == [1, 1]


def test_unknown_fields_stay_unknown_where_branches_meet():
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(3, 3, padding="same")(inputs)
    scale = keras.layers.GlobalAveragePooling2D(keepdims=True)(x)
    for pair in ([x, scale], [scale, x]):
        table = describe_model(keras.Model(inputs, keras.layers.Multiply()(pair)))
        assert math.isnan(table["receptive_field"][-1])


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


# separable_costs


def test_costs_are_those_of_keras_layers():
    costs = separable_costs(6, 10, kernel_size=5, size=8)
    layers = (keras.layers.Conv2D, keras.layers.SeparableConv2D)
    for kind, layer in zip(("standard", "separable"), layers, strict=True):
        image = keras.Input((8, 8, 6))
        x = layer(10, 5, padding="same", use_bias=False, name="layer")(image)
        row = _rows(keras.Model(image, x))["layer"]
        assert costs[f"{kind}_parameters"] == [row["parameters"]]
        assert costs[f"{kind}_mult_adds"] == [row["mult_adds"]]
    assert costs["ratio"] == [pytest.approx(1 / 10 + 1 / 25)]


def test_costs_of_the_papers_layer():
    table = separable_costs(width=[1, 0.75, 0.75], resolution=[1, 1, 0.714])
    assert table["in_channels"] == table["out_channels"] == [512, 384, 384]
    assert table["size"] == [14, 14, 10]
    assert round(table["standard_mult_adds"][0] / 1e6) == 462
    assert round(table["standard_parameters"][0] / 1e6, 2) == 2.36
    millions = np.divide(table["separable_mult_adds"], 1e6).round(1)
    assert millions.tolist() == [52.3, 29.6, 15.1]
    weights = np.divide(table["separable_parameters"], 1e6).round(2)
    assert weights.tolist() == [0.27, 0.15, 0.15]


def test_costs_of_all_blocks_are_those_of_mobilenet():
    with keras.StatelessScope(initialize_variables=False):
        rows = _rows(landmark_model("mobilenet"))
    keras.utils.clear_session()
    found = [
        (rows[f"block{number}_depthwise"], rows[f"block{number}_pointwise"])
        for number in range(1, 14)
    ]
    sizes = [
        [int(side) for side in deep["output_shape"].split(" x ")] for deep, _ in found
    ]
    filters = [int(point["output_shape"].split(" x ")[2]) for _, point in found]
    costs = separable_costs(
        [channels for _, _, channels in sizes],
        filters,
        size=[side for side, *_ in sizes],
    )
    for column in ("parameters", "mult_adds"):
        wanted = [deep[column] + point[column] for deep, point in found]
        assert costs[f"separable_{column}"] == wanted
    first, last = 27 * 32 * 112**2, 1024 * 1000
    assert sum(costs["separable_mult_adds"]) + first + last == 568_740_352
    whole = sum(costs["standard_mult_adds"]) + first + last
    assert round(whole / 1e6) == 4867


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("in_channels", 0),
        ("out_channels", 2.5),
        ("kernel_size", []),
        ("size", "large"),
        ("width", 0),
        ("resolution", [1, -1]),
    ],
)
def test_bad_costs_are_named(refused, argument, value):
    with refused((TypeError, ValueError), argument):
        separable_costs(**{argument: value})


def test_costs_of_columns_that_do_not_match_are_refused(refused):
    with refused(ValueError, "out_channels", "2 numbers", "another argument has 3"):
        separable_costs([8, 16, 32], [8, 16])
