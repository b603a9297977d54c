"""VGG."""

from reticnn.landmarks.common import check_size, classifier_output, image_input
from reticnn.landmarks.recipe import PLATEAU_NOTE, PaperRecipe, on_plateau
from reticnn.landmarks.registry import register
from reticnn.runtime.backend import keras

_WIDTHS = (64, 128, 256, 512, 512)

_RECIPE = PaperRecipe(
    {
        "epochs": (74, "section 3.1"),
        "batch_size": (256, "section 3.1"),
        "optimizer": (("MomentumSGD", {"momentum": 0.9, "decay": 5e-4}), "section 3.1"),
        "learning_rate": (0.01, "section 3.1"),
        "schedule": (on_plateau(1e-5), "section 3.1: a tenth, three times"),
        "augmentation": (
            [
                (
                    "augmentation",
                    {
                        "crop": {"shorter_side": (256, 512)},
                        "flip": "horizontal",
                        "pca_color": 0.1,
                    },
                ),
            ],
            "section 3.1, the jittered scale",
        ),
    },
    prediction={
        "crops": (2, "section 3.2"),
        "scales": ((256, 384, 512), "sections 3.2 and 4.2"),
    },
    notes=(
        PLATEAU_NOTE,
        "The networks for jittered scales went on from those for images of 384, which "
        "began with the weights of 256 and a rate of 0.001 (section 3.1).",
        "In table 5, the paper averages with 50 crops of each scale too.",
    ),
)

_FACTS = {
    "family": "VGG",
    "year": 2014,
    "input_shape": (224, 224, 3),
    "num_classes": 1000,
    "last_block": "block5_conv1",
    "idea": "Nothing but 3 x 3 convolutions, and many of them",
    "reference": "Simonyan, Zisserman (2014), arXiv:1409.1556",
    "recipe": _RECIPE,
}


@register(
    "vgg11",
    settings={"name": "vgg11", "convolutions": (1, 1, 2, 2, 2)},
    parameters=132_863_336,
    depth=11,
    mult_adds=7_609_090_048,
    **_FACTS,
)
@register(
    "vgg13",
    settings={"name": "vgg13", "convolutions": (2, 2, 2, 2, 2)},
    parameters=133_047_848,
    depth=13,
    mult_adds=11_308_466_176,
    **_FACTS,
)
@register(
    "vgg16",
    twin="vgg16",
    settings={"name": "vgg16", "convolutions": (2, 2, 3, 3, 3)},
    parameters=138_357_544,
    depth=16,
    mult_adds=15_470_264_320,
    **_FACTS,
)
@register(
    "vgg19",
    twin="vgg19",
    settings={"name": "vgg19", "convolutions": (2, 2, 4, 4, 4)},
    parameters=143_667_240,
    depth=19,
    mult_adds=19_632_062_464,
    **_FACTS,
)
def vgg(input_shape, num_classes, *, output, rescale, name, convolutions):
    """Build a VGG network.

    Args:
        input_shape: (height, width, channels), at least 32 x 32.
        num_classes: Whole number of classes.
        output: As in `classifier_head`.
        rescale: True subtracts the means of ImageNet's pixels inside the model.
        name: Name of the model.
        convolutions: Number of convolutions in each of the five blocks.

    Returns:
        `keras.Model`.

    Source:
        Simonyan and Zisserman (2014), arXiv:1409.1556, with Glorot's initial weights,
        which the authors found to do as well as starting from a smaller network.
    """
    check_size(input_shape, 32, name)
    inputs, x = image_input(input_shape, "means" if rescale else None)
    for block, (count, width) in enumerate(zip(convolutions, _WIDTHS, strict=True), 1):
        for number in range(1, count + 1):
            x = keras.layers.Conv2D(
                width,
                3,
                padding="same",
                activation="relu",
                name=f"block{block}_conv{number}",
            )(x)
        x = keras.layers.MaxPooling2D(2, name=f"block{block}_pool")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    for number in (1, 2):
        x = keras.layers.Dense(4096, activation="relu", name=f"fc{number}")(x)
        x = keras.layers.Dropout(0.5, name=f"dropout{number}")(x)
    return keras.Model(inputs, classifier_output(x, num_classes, output), name=name)
