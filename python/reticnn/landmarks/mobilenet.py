"""MobileNet."""

from reticnn.blocks import as_activation, global_pool, separable_block
from reticnn.blocks.plain import NORMALISATION_MOMENTUM, activation_layer
from reticnn.coercion import as_float
from reticnn.landmarks.common import check_size, classifier_output, image_input
from reticnn.landmarks.recipe import PaperRecipe
from reticnn.landmarks.registry import register
from reticnn.runtime.backend import keras

# Filters and strides of each separable block.
_BLOCKS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    *[(512, 1)] * 5,
    (1024, 2),
    (1024, 1),
)


_INCEPTION = "section 3.2: as Inception v3"
_RECIPE = PaperRecipe(
    {
        "epochs": (100, _INCEPTION),
        "batch_size": (32, _INCEPTION),
        "optimizer": (("RMSprop", {"rho": 0.9, "epsilon": 1.0}), _INCEPTION),
        "learning_rate": (0.045, _INCEPTION),
        "schedule": ({"kind": "exponential", "factor": 0.94, "every": 2}, _INCEPTION),
    },
    notes=(
        "The settings of Inception v3 are those of Szegedy et al. (2015), "
        "arXiv:1512.00567, section 8, which trained 50 copies at once; the paper of "
        "MobileNet gives none.",
        "No label smoothing, no auxiliary classifiers, milder crops, and little or no "
        "weight decay on depthwise filters (section 3.2), without numbers.",
    ),
)

_FACTS = {
    "family": "MobileNet",
    "year": 2017,
    "num_classes": 1000,
    "parameters": 4_231_976,
    "depth": 28,
    "twin": "mobilenet",
    "twin_options": {"activation": "relu6"},
    "last_block": r"block\d+_depthwise",
    "reference": "Howard et al. (2017), arXiv:1704.04861",
    "recipe": _RECIPE,
}


@register(
    "mobilenet_160",
    settings={"name": "mobilenet_160"},
    input_shape=(160, 160, 3),
    mult_adds=290_675_200,
    idea="The same for images of 160 x 160: half the work, the resolution multiplier",
    **_FACTS,
)
@register(
    "mobilenet",
    settings={"name": "mobilenet"},
    input_shape=(224, 224, 3),
    mult_adds=568_740_352,
    idea="Depthwise separable convolutions and a width multiplier",
    **_FACTS,
)
def mobilenet(
    input_shape, num_classes, *, output, rescale, name, width=1.0, activation="relu"
):
    """Build MobileNet.

    Args:
        input_shape: (height, width, channels), at least 32 x 32. A smaller image is
            the paper's resolution multiplier.
        num_classes: Whole number of classes.
        output: As in `classifier_head`.
        rescale: True brings the pixels to between -1 and 1 inside the model.
        name: Name of the model.
        width: As in `landmark_model`. Default 1.
        activation: As in `landmark_model`. Default `"relu"`.

    Returns:
        `keras.Model`.

    Source:
        Howard et al. (2017), arXiv:1704.04861. The last block has stride 1, as the
        sizes in the paper's table ask for.
    """
    check_size(input_shape, 32, name)
    width = as_float(width, "width", above=0)
    activation = as_activation(activation)
    inputs, x = image_input(input_shape, "unit" if rescale else None)
    x = keras.layers.Conv2D(
        _scaled(32, width), 3, strides=2, padding="same", use_bias=False, name="conv"
    )(x)
    x = keras.layers.BatchNormalization(momentum=NORMALISATION_MOMENTUM, name="bn")(x)
    if activation is not None:
        x = activation_layer(activation, activation)(x)
    for number, (filters, strides) in enumerate(_BLOCKS, start=1):
        x = separable_block(
            x,
            _scaled(filters, width),
            strides=strides,
            activation=activation,
            name=f"block{number}",
        )
    outputs = classifier_output(global_pool(x), num_classes, output)
    return keras.Model(inputs, outputs, name=name)


def _scaled(filters, width):
    return max(1, int(filters * width))
