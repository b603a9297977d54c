"""Groups of layers that learn at one rate."""

import keras
import pytest

import reticnn
from reticnn.pretrained.layer_groups import rate_factors

SMALL = (64, 64, 3)


def rates_of(model, decay=0.5):
    """Return the rate of each trained layer by name, in the order of the model."""
    factors = rate_factors(model, decay)
    return {
        layer.name: factors[id(layer.trainable_variables[0])]
        for layer in model._flatten_layers()
        if not isinstance(layer, keras.Model) and layer.trainable_variables
    }


@pytest.mark.parametrize(
    ("name", "groups"),
    [
        # The stem, the blocks, the head.
        ("resnet18", 1 + 8 + 1),
        ("mobilenet", 1 + 13 + 1),
        ("convnext_tiny", 1 + 6 + 1),
        # 58 dense layers and 3 transitions.
        ("densenet121", 1 + 61 + 1),
    ],
)
def test_landmarks_are_grouped_by_block(name, groups):
    rates = rates_of(reticnn.landmark_model(name, SMALL, 3))
    assert sorted(set(rates.values())) == [0.5**n for n in range(groups)][::-1]


def test_layer_scales_of_residual_blocks_are_of_their_block():
    step = {"step": "training_recipe"}
    rates = rates_of(reticnn.landmark_model("convnext_ladder", SMALL, 3, **step))
    blocks = {name.rpartition("_")[0] for name in rates if name.endswith("_scale")}
    assert len(blocks) > 15
    for block in blocks:
        own = {rate for name, rate in rates.items() if name.startswith(f"{block}_")}
        assert own == {rates[f"{block}_conv2"]}
    assert len(set(rates.values())) == 1 + len(blocks) + 1


def test_convnext_has_the_twelve_groups_of_its_paper():
    """Stages 1, 2 and 4, and of the 27 blocks of the third three each."""
    ours = rates_of(reticnn.landmark_model("convnext_small", SMALL, 3))
    keras_s = keras.applications.ConvNeXtSmall(
        weights=None, include_top=False, input_shape=SMALL
    )
    theirs = rates_of(keras_s)
    assert len(set(ours.values())) == 1 + 12 + 1
    assert len(set(theirs.values())) == 1 + 12
    for stage, block, group in (
        (1, 1, 1),
        (2, 3, 2),
        (3, 1, 3),
        (3, 27, 11),
        (4, 3, 12),
    ):
        wanted = 0.5 ** (12 - group)
        place = f"convnext_small_stage_{stage - 1}_block_{block - 1}_depthwise_conv"
        assert theirs[place] == wanted
        assert ours[f"stage{stage}_block{block}_depthwise"] == wanted / 2
    assert ours["stage3_conv"] == ours["stage3_block1_depthwise"]
    # As in the authors' `get_num_layer_for_convnext()`.
    assert ours["stem_norm"] == ours["stem_conv"] == 0.5**13
    assert ours["head_norm"] == ours["predictions"] == 1
    assert theirs["convnext_small_downsampling_conv_1"] == 0.5**9


@pytest.mark.parametrize(
    ("build", "groups"),
    [
        (keras.applications.MobileNetV2, 1 + 17 + 1),
        (keras.applications.MobileNetV3Small, 1 + 11 + 1),
        (keras.applications.EfficientNetB0, 1 + 16 + 1),
        (keras.applications.ResNet50V2, 1 + 16),
        (keras.applications.VGG16, 13),
    ],
)
def test_networks_of_keras_are_grouped_by_block(build, groups):
    model = build(weights=None, include_top=False, input_shape=SMALL)
    assert len(set(rates_of(model).values())) == groups


def test_a_backbone_is_grouped_within_a_model():
    model = reticnn.transfer_model("mobilenet_0.25", SMALL, weights=None, train="all")
    rates = rates_of(model)
    assert rates["conv_dw_7"] == rates["conv_pw_7"] == rates["conv_pw_7_bn"]
    assert rates["conv_dw_7"] == rates["conv_dw_8"] / 2


def test_layers_of_a_model_of_ones_own_are_groups_of_their_own():
    """Whatever they are called."""
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(2, 3, name="stage1_block1_conv1")(inputs)
    x = keras.layers.BatchNormalization(name="stage1_block1_bn1")(x)
    x = keras.layers.Conv2D(2, 3, name="stage1_block1_conv2")(x)
    x = keras.layers.Dense(2, name="head")(keras.layers.Flatten()(x))
    rates = rates_of(keras.Model(inputs, x, name="mine"))
    assert list(rates.values()) == [0.25, 0.25, 0.5, 1]
