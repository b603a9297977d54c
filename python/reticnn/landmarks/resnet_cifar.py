"""The residual networks for CIFAR, of small images."""

from reticnn.blocks import global_pool, residual_block
from reticnn.blocks.plain import namer
from reticnn.blocks.residual import normalised
from reticnn.landmarks.common import (
    check_size,
    classifier_output,
    image_input,
    small_stem,
)
from reticnn.landmarks.recipe import (
    CIFAR_AUGMENTATION,
    HALF_AND_THREE_QUARTERS,
    PaperRecipe,
)
from reticnn.landmarks.registry import register
from reticnn.landmarks.resnet import REFERENCE
from reticnn.runtime.backend import keras

_WIDTHS = (16, 32, 64)

_RECIPE = PaperRecipe(
    {
        "epochs": (182, "section 4.2: 64,000 steps, of 45,000 images"),
        "batch_size": (128, "section 4.2"),
        "optimizer": (("MomentumSGD", {"momentum": 0.9, "decay": 1e-4}), "section 4.2"),
        "learning_rate": (0.1, "section 4.2"),
        "schedule": (
            HALF_AND_THREE_QUARTERS,
            "section 4.2: after 32,000 and 48,000 steps",
        ),
        "augmentation": (CIFAR_AUGMENTATION, "section 4.2"),
    },
    notes=(
        "The network with 110 layers starts with a rate of 0.01, until the training "
        "error is below 80 %, after about 400 steps (section 4.2).",
        "Images are tested as they are.",
    ),
)

_FACTS = {
    "family": "ResNet",
    "year": 2015,
    "input_shape": (32, 32, 3),
    "num_classes": 10,
    "last_block": "stage4_block1_conv1",
    "idea": "Shortcuts, for images of 32 x 32: three stages, few filters, any depth",
    "reference": REFERENCE,
    "recipe": _RECIPE,
}


def _deep(depth):
    """Return what makes the network of 6n + 2 layers: n blocks in each stage."""
    return {"name": f"resnet{depth}", "n_blocks": (depth - 2) // 6}


@register(
    "resnet20",
    settings=_deep(20),
    parameters=269_722,
    depth=20,
    mult_adds=40_551_040,
    **_FACTS,
)
@register(
    "resnet32",
    settings=_deep(32),
    parameters=464_154,
    depth=32,
    mult_adds=68_862_592,
    **_FACTS,
)
@register(
    "resnet44",
    settings=_deep(44),
    parameters=658_586,
    depth=44,
    mult_adds=97_174_144,
    **_FACTS,
)
@register(
    "resnet56",
    settings=_deep(56),
    parameters=853_018,
    depth=56,
    mult_adds=125_485_696,
    **_FACTS,
)
@register(
    "resnet110",
    settings=_deep(110),
    parameters=1_727_962,
    depth=110,
    mult_adds=252_887_680,
    **_FACTS,
)
def resnet_cifar(
    input_shape,
    num_classes,
    *,
    output,
    rescale,
    name,
    n_blocks,
    shortcut="padding",
    zero_gamma=False,
):
    """Build a residual network for small images.

    Args:
        input_shape: (height, width, channels), at least 8 x 8.
        num_classes: Whole number of classes.
        output: As in `classifier_head`.
        rescale: True subtracts the means of ImageNet's pixels inside the model.
        name: Name of the model.
        n_blocks: Number of blocks in each of the three stages.
        shortcut: As in `residual_block`. Default `"padding"`.
        zero_gamma: As in `residual_block`. Default False.

    Returns:
        `keras.Model`.

    Source:
        He, Zhang, Ren and Sun (2015), arXiv:1512.03385, section 4.2. The means are by
        channel, those of ImageNet, and not those of CIFAR by pixel, which the paper
        subtracts.
    """
    check_size(input_shape, 8, name)
    inputs, x = image_input(input_shape, "means" if rescale else None)
    named = namer("stem")
    x = normalised(small_stem(x, 16, named), named("bn"))
    x = keras.layers.ReLU(name=named("relu"))(x)
    for stage, width in enumerate(_WIDTHS, start=2):
        for number in range(1, n_blocks + 1):
            x = residual_block(
                x,
                width,
                strides=2 if stage > 2 and number == 1 else 1,
                shortcut=shortcut,
                zero_gamma=zero_gamma,
                name=f"stage{stage}_block{number}",
            )
    return keras.Model(
        inputs, classifier_output(global_pool(x), num_classes, output), name=name
    )
