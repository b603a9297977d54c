"""The way from ResNet-50 to ConvNeXt-T, one change at a time."""

from dataclasses import dataclass, replace

import numpy as np

from reticnn.blocks import as_dropout, global_pool
from reticnn.blocks.convnext import initial_weights, layer_normalised
from reticnn.blocks.plain import activation_layer, namer
from reticnn.blocks.residual import normalised
from reticnn.coercion import as_choice, as_float, as_int
from reticnn.landmarks.common import (
    check_size,
    classifier_output,
    image_input,
    padded_max_pool,
    strided_stem,
)
from reticnn.landmarks.convnext import FACTS, LADDER_RECIPE, convnext
from reticnn.landmarks.registry import register
from reticnn.layers.normalization import LayerScale
from reticnn.layers.stochastic_depth import StochasticDepth
from reticnn.runtime.backend import keras


@dataclass(frozen=True)
class _Design:
    """What the changes are made to; the defaults are those of ResNet-50."""

    regularised: bool = False
    blocks: tuple = (3, 4, 6, 3)
    patches: bool = False
    depthwise: bool = False
    width: int = 64
    inverted: bool = False
    spatial_first: bool = False
    kernel_size: int = 3
    activation: str = "relu"
    one_activation: bool = False
    one_norm: bool = False
    layer_norm: bool = False
    downsampling: bool = False


# Name; what is changed, in words and in the design; the paper's accuracy and GFLOPs;
# trainable parameters and mult-adds. The GFLOPs are those of figure 2: for the layer
# normalisation, table 10 has 4.46, though it costs no multiplications. The others are
# the 4.09, 4.09, 4.53, 4.42, 2.35, 5.27, 4.64, 4.07 and 4.15 of table 10, rounded.
_STEPS = (
    (
        "resnet50",
        "ResNet-50, as in torchvision",
        {},
        76.13, 4.1, 25_557_032, 4_089_184_256,
    ),
    (
        "training_recipe",
        "Trained as transformers are, with stochastic depth and layer scale",
        {"regularised": True},
        78.82, 4.1, 25_572_136, 4_089_184_256,
    ),
    (
        "stage_ratio",
        "3, 3, 9 and 3 blocks in the stages, for 3, 4, 6 and 3",
        {"blocks": (3, 3, 9, 3)},
        79.36, 4.5, 28_646_184, 4_525_916_160,
    ),
    (
        "patchify_stem",
        "A stem of 4 x 4 patches, for 7 x 7 and max pooling",
        {"patches": True},
        79.51, 4.4, 28_639_784, 4_417_536_000,
    ),
    (
        "depthwise",
        "Depthwise 3 x 3 convolutions",
        {"depthwise": True},
        78.28, 2.4, 15_740_264, 2_349_507_072,
    ),
    (
        "width",
        "96 channels in the first stage, for 64",
        {"width": 96},
        80.50, 5.3, 33_787_432, 5_267_976_960,
    ),
    (
        "inverted_bottleneck",
        "Blocks that are wide inside, and not outside",
        {"inverted": True},
        80.64, 4.6, 25_858_024, 4_644_406_272,
    ),
    (
        "depthwise_first",
        "The depthwise convolution moved up, before the wide layer",
        {"spatial_first": True},
        79.92, 4.1, 25_632_040, 4_065_080_448,
    ),
    (
        "large_kernel",
        "Depthwise 7 x 7 convolutions",
        {"kernel_size": 7},
        80.57, 4.2, 25_870_120, 4_145_612_928,
    ),
    (
        "gelu",
        "GELU, for ReLU",
        {"activation": "gelu"},
        80.62, 4.2, 25_870_120, 4_145_612_928,
    ),
    (
        "fewer_activations",
        "One activation per block",
        {"one_activation": True},
        81.27, 4.2, 25_870_120, 4_145_612_928,
    ),
    (
        "fewer_norms",
        "One normalisation per block",
        {"one_norm": True},
        81.41, 4.2, 25_803_880, 4_145_612_928,
    ),
    (
        "layer_norm",
        "Layer normalisation, for batch normalisation",
        {"layer_norm": True},
        81.47, 4.2, 25_842_952, 4_145_612_928,
    ),
    (
        "separate_downsampling",
        "Layers of their own between the stages: ConvNeXt-T",
        {"downsampling": True},
        81.97, 4.5, 28_589_128, 4_455_531_264,
    ),
)  # fmt: skip

_NAMES = tuple(name for name, *_ in _STEPS)


def convnext_ladder():
    """List the steps from ResNet-50 to ConvNeXt-T, each a network.

    Each step keeps the changes before it. `landmark_model("convnext_ladder", step=...)`
    builds the network of a step.

    Returns:
        Table (dict of equal-length lists) with one row per step: `step`, its name;
        `change`, what is changed; `accuracy`, in percent, the paper's top-1 accuracy on
        ImageNet, the mean of three networks after the first step; `gflops`, the paper's
        too, to one decimal; and, counted on the network, `parameters`, the trainable
        ones, and `mult_adds`, multiply-adds for one image of 224 x 224.

    Example:
        >>> table = convnext_ladder()
        >>> table["step"][:3], table["accuracy"][:3]
        (['resnet50', 'training_recipe', 'stage_ratio'], [76.13, 78.82, 79.36])

    Source:
        Liu, Mao, Wu, Feichtenhofer, Darrell and Xie (2022), A ConvNet for the 2020s,
        arXiv:2201.03545: accuracies from table 10, GFLOPs from figure 2.
    """
    columns = list(zip(*_STEPS, strict=True))
    names, changes, _, accuracy, gflops, parameters, mult_adds = map(list, columns)
    return {
        "step": names,
        "change": changes,
        "accuracy": accuracy,
        "gflops": gflops,
        "parameters": parameters,
        "mult_adds": [float(count) for count in mult_adds],
    }


@register(
    "convnext_ladder",
    listed=False,
    parameters=28_589_128,
    depth=59,
    mult_adds=4_455_531_264,
    **{
        **FACTS,
        "last_block": r"stage4_block1_(conv1|depthwise)",
        "recipe": LADDER_RECIPE,
    },
)
def ladder_network(
    input_shape,
    num_classes,
    *,
    output,
    rescale,
    step="separate_downsampling",
    drop_rate=None,
    layer_scale=1e-6,
):
    """Build the network of a step of `convnext_ladder`.

    Args:
        input_shape: (height, width, channels), at least 32 x 32.
        num_classes: Whole number of classes.
        output: As in `classifier_head`.
        rescale: True standardises with the means and deviations of ImageNet's pixels
            inside the model.
        step: As in `landmark_model`. Default `"separate_downsampling"`.
        drop_rate: As in `landmark_model`. Default None, 0.1 after the first step.
        layer_scale: As in `convnext_block`. Default 1e-6; the first step has none.

    Returns:
        `keras.Model`.

    Source:
        Liu, Mao, Wu, Feichtenhofer, Darrell and Xie (2022), arXiv:2201.03545, section
        2. Biases and normalisations are where the authors had them: none behind the
        patches, biases in the blocks with layer normalisation. Weights start as in a
        ResNet, and from the layer normalisation on as in a ConvNeXt.
    """
    check_size(input_shape, 32, "convnext_ladder")
    number = _as_step(step)
    design = _Design()
    for _, _, change, *_ in _STEPS[: number + 1]:
        design = replace(design, **change)
    if drop_rate is None:
        drop_rate = 0.1 if design.regularised else 0.0
    drop_rate = as_dropout(drop_rate, "drop_rate")
    if layer_scale is not None:
        layer_scale = as_float(layer_scale, "layer_scale", above=0)
    shape = {"output": output, "rescale": rescale, "name": "convnext_ladder"}
    if design.downsampling:
        return convnext(
            input_shape,
            num_classes,
            blocks=design.blocks,
            widths=[design.width * 2**stage for stage in range(4)],
            paper_drop_rate=drop_rate,
            layer_scale=layer_scale,
            **shape,
        )
    scale = layer_scale if design.regularised else None
    return _network(design, input_shape, num_classes, drop_rate, scale, **shape)


def _as_step(step):
    """Return the position of a step, given by its name or its number from 1."""
    if not isinstance(step, str):
        number = as_int(step, "step")
        if number > len(_NAMES):
            raise ValueError(
                f"`step` must be at most {len(_NAMES)}, the number of steps, not "
                f"{number}. `convnext_ladder()` lists them."
            )
        return number - 1
    return _NAMES.index(as_choice(step, "step", _NAMES))


def _network(
    design, input_shape, num_classes, drop_rate, scale, *, output, rescale, name
):
    """Return the network of a design whose blocks halve the image themselves."""
    rates = iter(np.linspace(0, drop_rate, sum(design.blocks)).tolist())
    inputs, x = image_input(input_shape, "standard" if rescale else None)
    x = _stem(x, design)
    for stage, count in enumerate(design.blocks, start=1):
        for number in range(1, count + 1):
            x = _block(
                x,
                design,
                design.width * 2 ** (stage - 1),
                strides=2 if stage > 1 and number == 1 else 1,
                drop_rate=next(rates),
                scale=scale,
                named=namer(f"stage{stage}_block{number}"),
            )
    outputs = classifier_output(
        global_pool(x), num_classes, output, kernel_initializer=initial_weights()
    )
    return keras.Model(inputs, outputs, name=name)


def _stem(x, design):
    """Return the feature maps that the first block starts from."""
    named = namer("stem")
    if design.patches:
        return keras.layers.Conv2D(
            design.width, 4, strides=4, name=named("conv"), **_initial(design)
        )(x)
    x = normalised(strided_stem(x, design.width, named), named("bn"))
    x = keras.layers.ReLU(name=named("relu"))(x)
    return padded_max_pool(x, named)


def _block(x, design, width, *, strides, drop_rate, scale, named):
    """Add a block: three convolutions, one of them spatial, and a shortcut."""
    outside, inside = (width, 4 * width) if design.inverted else (4 * width, width)

    def pointwise(x, part, filters):
        return _pointwise(x, filters, 1, design.layer_norm, design, named(part))

    def spatial(x, part, filters):
        filters = x.shape[-1] if design.depthwise else filters
        return _spatial(x, filters, strides, design, part, named)

    def activated(x, part):
        return activation_layer(design.activation, named(part))(x)

    if design.spatial_first:
        convolutions = (
            (spatial, None),
            (pointwise, inside),
            (pointwise, outside),
        )
    else:
        convolutions = (
            (pointwise, inside),
            (spatial, inside),
            (pointwise, outside),
        )
    around = _around(x, outside, strides, design, named)
    for number, (convolved, filters) in enumerate(convolutions, start=1):
        x = convolved(x, f"conv{number}", filters)
        if number == 1 or not design.one_norm:
            x = _normalised(x, design, named(f"norm{number}"))
        if number == 2 or (number == 1 and not design.one_activation):
            x = activated(x, f"{design.activation}{number}")
    if scale is not None:
        x = LayerScale(scale, name=named("scale"))(x)
    if drop_rate > 0:
        x = StochasticDepth(drop_rate, name=named("drop"))(x)
    x = keras.layers.Add(name=named("add"))([around, x])
    return x if design.one_activation else activated(x, design.activation)


def _around(x, filters, strides, design, named):
    """Return the input as the shortcut brings it to the shape of the result."""
    if strides == 1 and x.shape[-1] == filters:
        return x
    x = _pointwise(x, filters, strides, False, design, named("shortcut"))
    return _normalised(x, design, named("shortcut_norm"))


def _pointwise(x, filters, strides, use_bias, design, name):
    return keras.layers.Conv2D(
        filters, 1, strides=strides, use_bias=use_bias, name=name, **_initial(design)
    )(x)


def _spatial(x, filters, strides, design, part, named):
    """Convolve neighbours, of each channel by itself or of all together."""
    padding = "same"
    if strides > 1:
        padding = "valid"
        x = keras.layers.ZeroPadding2D(design.kernel_size // 2, name=named("pad"))(x)
    shared = {
        "kernel_size": design.kernel_size,
        "strides": strides,
        "padding": padding,
        "use_bias": design.layer_norm,
        "name": named(part),
    }
    if not design.depthwise:
        return keras.layers.Conv2D(filters, **shared, **_initial(design))(x)
    initial = _initial(design)["kernel_initializer"]
    return keras.layers.DepthwiseConv2D(depthwise_initializer=initial, **shared)(x)


def _normalised(x, design, name):
    return layer_normalised(x, name) if design.layer_norm else normalised(x, name)


def _initial(design):
    initial = initial_weights() if design.layer_norm else "he_normal"
    return {"kernel_initializer": initial}
