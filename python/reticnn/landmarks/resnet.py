"""ResNet."""

from reticnn.blocks import global_pool, residual_block
from reticnn.blocks.plain import namer
from reticnn.blocks.residual import normalised
from reticnn.coercion import as_bool
from reticnn.landmarks.common import (
    as_stem,
    check_size_for_stem,
    classifier_output,
    image_input,
    padded_max_pool,
    small_stem,
    strided_stem,
)
from reticnn.landmarks.recipe import PLATEAU_NOTE, PaperRecipe, on_plateau
from reticnn.landmarks.registry import register
from reticnn.runtime.backend import keras

REFERENCE = "He, Zhang, Ren, Sun (2015), arXiv:1512.03385"

_RECIPE = PaperRecipe(
    {
        "epochs": (120, "section 3.4: up to 600,000 steps"),
        "batch_size": (256, "section 3.4"),
        "optimizer": (("MomentumSGD", {"momentum": 0.9, "decay": 1e-4}), "section 3.4"),
        "learning_rate": (0.1, "section 3.4"),
        "schedule": (on_plateau(), "section 3.4"),
        "augmentation": (
            [
                (
                    "augmentation",
                    {
                        "crop": {"shorter_side": (256, 480)},
                        "flip": "horizontal",
                        "pca_color": 0.1,
                    },
                ),
            ],
            "section 3.4",
        ),
    },
    prediction={"scales": ((224, 256, 384, 480, 640), "section 3.4")},
    notes=(
        PLATEAU_NOTE,
        "To compare networks, the paper tested with `crops=10` of images at 256.",
    ),
)

_FACTS = {
    "family": "ResNet",
    "year": 2015,
    "input_shape": (224, 224, 3),
    "num_classes": 1000,
    "last_block": "stage5_block1_conv1",
    "idea": "Shortcuts: each block learns what to add to its input",
    "reference": REFERENCE,
    "recipe": _RECIPE,
}


_AS_IN_KERAS = {"conv_bias": True, "stride_in": "1x1"}


def _basic(name, blocks):
    # Blocks of two convolutions have no choice which one has the strides.
    return {"name": name, "blocks": blocks, "bottleneck": False, "stride_in": "1x1"}


def _deep(name, blocks):
    return {"name": name, "blocks": blocks, "bottleneck": True}


@register(
    "resnet18",
    settings=_basic("resnet18", (2, 2, 2, 2)),
    parameters=11_689_512,
    depth=18,
    mult_adds=1_814_073_344,
    **_FACTS,
)
@register(
    "resnet34",
    settings=_basic("resnet34", (3, 4, 6, 3)),
    parameters=21_797_672,
    depth=34,
    mult_adds=3_663_761_408,
    **_FACTS,
)
@register(
    "resnet50",
    twin="resnet50",
    twin_options=_AS_IN_KERAS,
    settings=_deep("resnet50", (3, 4, 6, 3)),
    parameters=25_557_032,
    depth=50,
    mult_adds=3_857_973_248,
    **_FACTS,
)
@register(
    "resnet101",
    twin="resnet101",
    twin_options=_AS_IN_KERAS,
    settings=_deep("resnet101", (3, 4, 23, 3)),
    parameters=44_549_160,
    depth=101,
    mult_adds=7_570_194_432,
    **_FACTS,
)
@register(
    "resnet152",
    twin="resnet152",
    twin_options=_AS_IN_KERAS,
    settings=_deep("resnet152", (3, 8, 36, 3)),
    parameters=60_192_808,
    depth=152,
    mult_adds=11_282_415_616,
    **_FACTS,
)
def resnet(
    input_shape,
    num_classes,
    *,
    output,
    rescale,
    name,
    blocks,
    bottleneck,
    stem="standard",
    shortcut="projection",
    conv_bias=False,
    stride_in="1x1",
    zero_gamma=False,
):
    """Build a residual network.

    Args:
        input_shape: (height, width, channels), at least 32 x 32, or 8 x 8 with the
            small stem.
        num_classes: Whole number of classes.
        output: As in `classifier_head`.
        rescale: True subtracts the means of ImageNet's pixels inside the model.
        name: Name of the model.
        blocks: Number of blocks in each of the four stages.
        bottleneck: True for blocks of three convolutions in place of two.
        stem: As in `landmark_model`. Default `"standard"`.
        shortcut: As in `residual_block`. Default `"projection"`.
        conv_bias: As in `residual_block`. Default False.
        stride_in: As in `residual_block`. Default `"1x1"`.
        zero_gamma: As in `residual_block`. Default False.

    Returns:
        `keras.Model`.

    Source:
        He, Zhang, Ren and Sun (2015), arXiv:1512.03385.
    """
    stem = as_stem(stem)
    check_size_for_stem(input_shape, stem, name)
    conv_bias = as_bool(conv_bias, "conv_bias")
    inputs, x = image_input(input_shape, "means" if rescale else None)
    x = _stem(x, stem, conv_bias)
    for stage, count in enumerate(blocks, start=2):
        for number in range(1, count + 1):
            x = residual_block(
                x,
                64 * 2 ** (stage - 2),
                strides=2 if stage > 2 and number == 1 else 1,
                bottleneck=bottleneck,
                shortcut=shortcut,
                conv_bias=conv_bias,
                stride_in=stride_in,
                zero_gamma=zero_gamma,
                name=f"stage{stage}_block{number}",
            )
    return keras.Model(
        inputs, classifier_output(global_pool(x), num_classes, output), name=name
    )


def _stem(x, stem, conv_bias):
    """Return the feature maps that the first block starts from."""
    named = namer("stem")
    if stem == "small":
        x = small_stem(x, 64, named, use_bias=conv_bias)
    else:
        x = strided_stem(x, 64, named, use_bias=conv_bias)
    x = normalised(x, named("bn"))
    x = keras.layers.ReLU(name=named("relu"))(x)
    return x if stem == "small" else padded_max_pool(x, named)
