"""ConvNeXt."""

import numpy as np

from reticnn.blocks import as_dropout, convnext_block, global_pool
from reticnn.blocks.convnext import initial_weights, layer_normalised
from reticnn.landmarks.common import check_size, classifier_output, image_input
from reticnn.landmarks.recipe import PaperRecipe
from reticnn.landmarks.registry import register
from reticnn.runtime.backend import keras

# The crop is that of the authors' code, the second timm's "rand-m9-mstd0.5-inc1".
_AUGMENTATION = [
    ("augmentation", {"crop": {"scale": (0.08, 1)}, "flip": "horizontal"}),
    (
        "rand_augment",
        {
            "n": 2,
            "magnitude": 9,
            "magnitude_std": 0.5,
            "probability": 0.5,
            "operations": [
                *("autocontrast", "equalize", "rotate", "solarize", "color"),
                *("posterize", "contrast", "brightness", "sharpness", "shear_x"),
                *("shear_y", "translate_x", "translate_y", "invert", "solarize_add"),
            ],
        },
    ),
    ("augmentation", {"erasing": 0.25}),
]

_SETTINGS = {
    "epochs": (300, "table 5"),
    "batch_size": (4096, "table 5"),
    "optimizer": (("adamw", {}), "table 5"),
    "learning_rate": (0.004, "table 5"),
    "schedule": ("cosine", "table 5"),
    "warmup_epochs": (20, "table 5"),
    "weight_decay": (0.05, "table 5"),
    "label_smoothing": (0.1, "table 5"),
    "mixup": (0.8, "table 5"),
    "cutmix": (1.0, "table 5"),
    "augmentation": (_AUGMENTATION, "table 5"),
}

_NOTES = (
    "Stochastic depth and layer scale are in the network: `drop_rate`, `layer_scale`.",
    "To fine-tune at another size (table 6): 30 epochs, batch size 512, AdamW with a "
    "rate of 5e-5 and a weight decay of 1e-8, no MixUp and CutMix, and learning rates "
    "that fall by 0.7 between 12 groups of layers, by 0.8 from ImageNet-22K.",
)

_RECIPE = PaperRecipe({**_SETTINGS, "ema": (0.9999, "table 5")}, notes=_NOTES)

# Without averaged weights: appendix A.1.
LADDER_RECIPE = PaperRecipe(_SETTINGS, notes=_NOTES)

FACTS = {
    "family": "ConvNeXt",
    "year": 2022,
    "input_shape": (224, 224, 3),
    "num_classes": 1000,
    "last_block": "stage4_block1_depthwise",
    "idea": "A ResNet modernised step by step until it matches transformers",
    "reference": "Liu et al. (2022), arXiv:2201.03545",
    "recipe": _RECIPE,
}


def _size(letter, blocks, width, paper_drop_rate):
    name = f"convnext_{letter}"
    return {
        "name": name,
        "blocks": blocks,
        "widths": tuple(width * 2**stage for stage in range(4)),
        "paper_drop_rate": paper_drop_rate,
    }


@register(
    "convnext_tiny",
    twin="convnext_tiny",
    settings=_size("tiny", (3, 3, 9, 3), 96, 0.1),
    parameters=28_589_128,
    depth=59,
    mult_adds=4_455_531_264,
    **FACTS,
)
@register(
    "convnext_small",
    twin="convnext_small",
    settings=_size("small", (3, 3, 27, 3), 96, 0.4),
    parameters=50_223_688,
    depth=113,
    mult_adds=8_683_712_256,
    **FACTS,
)
@register(
    "convnext_base",
    twin="convnext_base",
    settings=_size("base", (3, 3, 27, 3), 128, 0.5),
    parameters=88_591_464,
    depth=113,
    mult_adds=15_354_729_472,
    **FACTS,
)
@register(
    "convnext_large",
    twin="convnext_large",
    settings=_size("large", (3, 3, 27, 3), 192, 0.5),
    parameters=197_767_336,
    depth=113,
    mult_adds=34_361_433_600,
    **FACTS,
)
@register(
    "convnext_xlarge",
    twin="convnext_xlarge",
    settings=_size("xlarge", (3, 3, 27, 3), 256, 0.2),
    parameters=350_196_968,
    depth=113,
    mult_adds=60_921_030_656,
    **FACTS,
)
def convnext(
    input_shape,
    num_classes,
    *,
    output,
    rescale,
    name,
    blocks,
    widths,
    paper_drop_rate,
    drop_rate=None,
    layer_scale=1e-6,
):
    """Build a ConvNeXt.

    Args:
        input_shape: (height, width, channels), at least 32 x 32.
        num_classes: Whole number of classes.
        output: As in `classifier_head`.
        rescale: True standardises with the means and deviations of ImageNet's pixels
            inside the model.
        name: Name of the model.
        blocks: Number of blocks in each of the four stages.
        widths: Channels of each stage.
        paper_drop_rate: Float, what `drop_rate=None` means.
        drop_rate: As in `landmark_model`. Default None.
        layer_scale: As in `convnext_block`. Default 1e-6.

    Returns:
        `keras.Model`.

    Source:
        Liu, Mao, Wu, Feichtenhofer, Darrell and Xie (2022), arXiv:2201.03545, with the
        initial weights of the authors' code. The stochastic depth of the largest is
        that of its training on ImageNet-22K, it had no other.
    """
    check_size(input_shape, 32, name)
    drop_rate = as_dropout(
        paper_drop_rate if drop_rate is None else drop_rate, "drop_rate"
    )
    rates = iter(np.linspace(0, drop_rate, sum(blocks)).tolist())
    inputs, x = image_input(input_shape, "standard" if rescale else None)
    for stage, (count, width) in enumerate(zip(blocks, widths, strict=True), start=1):
        x = _smaller(x, width, stage)
        for number in range(1, count + 1):
            x = convnext_block(
                x,
                drop_rate=next(rates),
                layer_scale=layer_scale,
                name=f"stage{stage}_block{number}",
            )
    x = layer_normalised(global_pool(x), "head_norm")
    outputs = classifier_output(
        x, num_classes, output, kernel_initializer=initial_weights()
    )
    return keras.Model(inputs, outputs, name=name)


def _smaller(x, width, stage):
    """Merge 4 x 4 pixels before the first stage, 2 x 2 before the others."""
    side = 4 if stage == 1 else 2
    if stage > 1:
        x = layer_normalised(x, f"stage{stage}_norm")
    x = keras.layers.Conv2D(
        width,
        side,
        strides=side,
        kernel_initializer=initial_weights(),
        name="stem_conv" if stage == 1 else f"stage{stage}_conv",
    )(x)
    return layer_normalised(x, "stem_norm") if stage == 1 else x
