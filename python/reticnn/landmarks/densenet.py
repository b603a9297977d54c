"""DenseNet."""

from reticnn.blocks import dense_block, global_pool, transition_block
from reticnn.blocks.dense import normalised_relu
from reticnn.blocks.plain import namer
from reticnn.landmarks.common import (
    as_stem,
    check_size_for_stem,
    classifier_output,
    image_input,
    padded_max_pool,
    small_stem,
    strided_stem,
)
from reticnn.landmarks.recipe import (
    CIFAR_AUGMENTATION,
    HALF_AND_THREE_QUARTERS,
    PaperRecipe,
)
from reticnn.landmarks.registry import register
from reticnn.runtime.backend import keras

_OF_ALL = {
    "family": "DenseNet",
    "year": 2016,
    "reference": "Huang, Liu, van der Maaten, Weinberger (2016), arXiv:1608.06993",
}

_OPTIMIZER = ("MomentumSGD", {"momentum": 0.9, "decay": 1e-4, "nesterov": True})

_FACTS = {
    **_OF_ALL,
    "input_shape": (224, 224, 3),
    "num_classes": 1000,
    "last_block": "block4_layer1_bn1",
    "idea": "Each layer sees the results of all layers before it",
    "recipe": PaperRecipe(
        {
            "epochs": (90, "section 4.2"),
            "batch_size": (256, "section 4.2"),
            "optimizer": (_OPTIMIZER, "section 4.2"),
            "learning_rate": (0.1, "section 4.2"),
            "schedule": ({"kind": "step", "at": [30, 60]}, "section 4.2"),
            "augmentation": (
                [
                    (
                        "augmentation",
                        {
                            "crop": {"scale": (0.08, 1), "ratio": (3 / 4, 4 / 3)},
                            "flip": "horizontal",
                            "color_jitter": 0.4,
                            "pca_color": 0.1,
                        },
                    ),
                ],
                "section 4.1 by reference; the authors' code",
            ),
        },
        prediction={"crops": (10, "section 4.1, or a single crop")},
    ),
}


def _with(name, layers, growth_rate=32):
    return {"name": name, "layers": layers, "growth_rate": growth_rate}


@register(
    "densenet_bc_100_12",
    # The stem of small images is not a choice here.
    settings={**_with("densenet_bc_100_12", (16, 16, 16), 12), "stem": "small"},
    **_OF_ALL,
    input_shape=(32, 32, 3),
    num_classes=10,
    parameters=769_162,
    depth=100,
    mult_adds=287_929_692,
    last_block="block3_layer1_bn1",
    idea="Bottlenecks and compression (BC): 100 layers, each adding 12 feature maps",
    recipe=PaperRecipe(
        {
            "epochs": (300, "section 4.2"),
            "batch_size": (64, "section 4.2"),
            "optimizer": (_OPTIMIZER, "section 4.2"),
            "learning_rate": (0.1, "section 4.2"),
            "schedule": (HALF_AND_THREE_QUARTERS, "section 4.2"),
            "augmentation": (CIFAR_AUGMENTATION, "section 4.1, C10+"),
        },
        notes=(
            "Without augmentation, the network has `dropout=0.2` (section 4.2).",
            "Images are tested as they are.",
        ),
    ),
)
@register(
    "densenet121",
    twin="densenet121",
    settings=_with("densenet121", (6, 12, 24, 16)),
    parameters=7_978_856,
    depth=121,
    mult_adds=2_834_161_664,
    **_FACTS,
)
@register(
    "densenet161",
    settings=_with("densenet161", (6, 12, 36, 24), 48),
    parameters=28_681_000,
    depth=161,
    mult_adds=7_727_907_072,
    **_FACTS,
)
@register(
    "densenet169",
    twin="densenet169",
    settings=_with("densenet169", (6, 12, 32, 32)),
    parameters=14_149_480,
    depth=169,
    mult_adds=3_359_843_328,
    **_FACTS,
)
@register(
    "densenet201",
    twin="densenet201",
    settings=_with("densenet201", (6, 12, 48, 32)),
    parameters=20_013_928,
    depth=201,
    mult_adds=4_291_365_888,
    **_FACTS,
)
@register(
    "densenet264",
    settings=_with("densenet264", (6, 12, 64, 48)),
    parameters=33_337_704,
    depth=265,
    mult_adds=5_751_653_376,
    **_FACTS,
)
def densenet(
    input_shape,
    num_classes,
    *,
    output,
    rescale,
    name,
    layers,
    growth_rate,
    stem="standard",
    dropout=0.0,
):
    """Build a densely connected network with bottlenecks and compression (BC).

    Args:
        input_shape: (height, width, channels), at least 32 x 32, or 8 x 8 with the
            small stem.
        num_classes: Whole number of classes.
        output: As in `classifier_head`.
        rescale: True standardises with the means and deviations of ImageNet's pixels
            inside the model.
        name: Name of the model.
        layers: Number of layers in each dense block.
        growth_rate: Number of feature maps that each layer adds; the stem has twice as
            many.
        stem: As in `landmark_model`. Default `"standard"`.
        dropout: As in `landmark_model`. Default 0.

    Returns:
        `keras.Model`.

    Source:
        Huang, Liu, van der Maaten and Weinberger (2016), arXiv:1608.06993; 161, with a
        growth rate of 48, is in their code. By the rule that gives the others their
        numbers, "264" has 265 layers. For CIFAR, means and deviations are ImageNet's
        too.
    """
    stem = as_stem(stem)
    check_size_for_stem(input_shape, stem, name)
    inputs, x = image_input(input_shape, "standard" if rescale else None)
    x = _stem(x, 2 * growth_rate, stem)
    for block, count in enumerate(layers, start=1):
        x = dense_block(x, count, growth_rate, dropout=dropout, name=f"block{block}")
        if block < len(layers):
            x = transition_block(x, dropout=dropout, name=f"transition{block}")
    x = normalised_relu(x, "", namer("last"))
    return keras.Model(
        inputs, classifier_output(global_pool(x), num_classes, output), name=name
    )


def _stem(x, filters, stem):
    """Return the feature maps that the first block starts from."""
    named = namer("stem")
    if stem == "small":
        return small_stem(x, filters, named)
    x = strided_stem(x, filters, named)
    return padded_max_pool(normalised_relu(x, "", named), named)
