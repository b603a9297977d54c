"""DenseNet."""

from reticnn.blocks import dense_block, global_pool, transition_block
from reticnn.blocks.dense import normalised_relu
from reticnn.blocks.plain import namer
from reticnn.landmarks.common import (
    as_stem,
    check_size,
    classifier_output,
    image_input,
    padded_max_pool,
    strided_stem,
)
from reticnn.landmarks.registry import register
from reticnn.runtime.backend import keras

_GROWTH_RATE = 32

_FACTS = {
    "family": "DenseNet",
    "year": 2016,
    "input_shape": (224, 224, 3),
    "num_classes": 1000,
    "last_block": "block4_layer1_bn1",
    "idea": "Each layer sees the results of all layers before it",
    "reference": "Huang, Liu, van der Maaten, Weinberger (2016), arXiv:1608.06993",
    "recipe": {
        "epochs": 90,
        "batch_size": 256,
        "optimizer": (
            "MomentumSGD",
            {"momentum": 0.9, "decay": 1e-4, "nesterov": True},
        ),
        "learning_rate": 0.1,
        "schedule": "cosine",
    },
}


@register(
    "densenet121",
    twin="densenet121",
    settings={"name": "densenet121", "layers": (6, 12, 24, 16)},
    parameters=7_978_856,
    depth=121,
    mult_adds=2_834_161_664,
    **_FACTS,
)
@register(
    "densenet169",
    twin="densenet169",
    settings={"name": "densenet169", "layers": (6, 12, 32, 32)},
    parameters=14_149_480,
    depth=169,
    mult_adds=3_359_843_328,
    **_FACTS,
)
@register(
    "densenet201",
    twin="densenet201",
    settings={"name": "densenet201", "layers": (6, 12, 48, 32)},
    parameters=20_013_928,
    depth=201,
    mult_adds=4_291_365_888,
    **_FACTS,
)
@register(
    "densenet264",
    settings={"name": "densenet264", "layers": (6, 12, 64, 48)},
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
        layers: Number of layers in each of the four dense blocks.
        stem: As in `landmark_model`. Default `"standard"`.
        dropout: As in `landmark_model`. Default 0.

    Returns:
        `keras.Model`.

    Source:
        Huang, Liu, van der Maaten and Weinberger (2016), arXiv:1608.06993. By the rule
        that gives the others their numbers, "264" has 265 layers.
    """
    stem = as_stem(stem)
    check_size(
        input_shape,
        8 if stem == "small" else 32,
        name,
        "Use larger images, or `stem='small'`, which takes 8 x 8 and more.",
    )
    inputs, x = image_input(input_shape, "standard" if rescale else None)
    x = _stem(x, stem)
    for block, count in enumerate(layers, start=1):
        x = dense_block(x, count, _GROWTH_RATE, dropout=dropout, name=f"block{block}")
        if block < len(layers):
            x = transition_block(x, dropout=dropout, name=f"transition{block}")
    x = normalised_relu(x, "", namer("last"))
    return keras.Model(
        inputs, classifier_output(global_pool(x), num_classes, output), name=name
    )


def _stem(x, stem):
    """Return the feature maps that the first block starts from."""
    named = namer("stem")
    if stem == "small":
        return keras.layers.Conv2D(
            2 * _GROWTH_RATE,
            3,
            padding="same",
            use_bias=False,
            kernel_initializer="he_normal",
            name=named("conv"),
        )(x)
    x = strided_stem(x, 2 * _GROWTH_RATE, named)
    return padded_max_pool(normalised_relu(x, "", named), named)
