"""AlexNet."""

from reticnn.coercion import as_int
from reticnn.landmarks.common import check_size, classifier_output, image_input
from reticnn.landmarks.recipe import PLATEAU_NOTE, PaperRecipe, on_plateau
from reticnn.landmarks.registry import register
from reticnn.layers.normalization import LocalResponseNormalization
from reticnn.runtime.backend import keras

# Filters, kernel size, strides, whether in two groups, initial bias, whether pooled,
# whether normalised.
_CONVOLUTIONS = (
    (96, 11, 4, False, 0, True, True),
    (256, 5, 1, True, 1, True, True),
    (384, 3, 1, False, 0, False, False),
    (384, 3, 1, True, 1, False, False),
    (256, 3, 1, True, 1, True, False),
)


_RECIPE = PaperRecipe(
    {
        "epochs": (90, "section 5"),
        "batch_size": (128, "section 5"),
        "optimizer": (("MomentumSGD", {"momentum": 0.9, "decay": 5e-4}), "section 5"),
        "learning_rate": (0.01, "section 5"),
        "schedule": (on_plateau(1e-5), "section 5: a tenth, three times"),
        "augmentation": (
            [
                (
                    "augmentation",
                    {
                        "crop": {"shorter_side": (256, 256)},
                        "flip": "horizontal",
                        "pca_color": 0.1,
                    },
                ),
            ],
            "section 4.1",
        ),
    },
    prediction={"crops": (10, "section 4.1")},
    notes=(
        PLATEAU_NOTE,
        "Dropout and the weights at the start are in the network (sections 4.2, 5).",
    ),
)


@register(
    "alexnet",
    family="AlexNet",
    year=2012,
    input_shape=(227, 227, 3),
    num_classes=1000,
    parameters=60_965_224,
    depth=8,
    mult_adds=724_406_816,
    last_block="conv5",
    idea="Depth on GPUs: ReLU, dropout, augmentation, overlapping pooling",
    reference="Krizhevsky, Sutskever, Hinton (2012), NIPS 25",
    recipe=_RECIPE,
)
def alexnet(input_shape, num_classes, *, output, rescale, groups=2):
    """Build AlexNet.

    Args:
        input_shape: (height, width, channels), at least 64 x 64.
        num_classes: Whole number of classes.
        output: As in `classifier_head`.
        rescale: True subtracts the means of ImageNet's pixels inside the model.
        groups: As in `landmark_model`. Default 2.

    Returns:
        `keras.Model`.

    Source:
        Krizhevsky, Sutskever and Hinton (2012), ImageNet Classification with Deep
        Convolutional Neural Networks. The means are by channel, not by pixel. Its
        images of 224 x 224 do not give its own 55 x 55 maps; 227 do. Other sizes are
        padded until the first convolution fits, so that 224 gives 55 too.
    """
    check_size(input_shape, 64, "alexnet")
    groups = _as_groups(groups)
    inputs, x = image_input(input_shape, "means" if rescale else None)
    missing = [-(side - 11) % 4 for side in input_shape[:2]]
    if any(missing):
        padding = [(pixels // 2, pixels - pixels // 2) for pixels in missing]
        x = keras.layers.ZeroPadding2D(padding, name="pad")(x)
    for number, layer in enumerate(_CONVOLUTIONS, start=1):
        filters, side, strides, apart, bias, pooled, normalised = layer
        x = keras.layers.Conv2D(
            filters,
            side,
            strides=strides,
            padding="valid" if strides > 1 else "same",
            groups=groups if apart else 1,
            activation="relu",
            name=f"conv{number}",
            **_initializers(bias),
        )(x)
        if normalised:
            x = LocalResponseNormalization(name=f"norm{number}")(x)
        if pooled:
            x = keras.layers.MaxPooling2D(3, strides=2, name=f"pool{number}")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    for number in (6, 7):
        x = keras.layers.Dense(
            4096, activation="relu", name=f"fc{number}", **_initializers(1)
        )(x)
        x = keras.layers.Dropout(0.5, name=f"dropout{number}")(x)
    outputs = classifier_output(x, num_classes, output, **_initializers(0))
    return keras.Model(inputs, outputs, name="alexnet")


def _as_groups(groups):
    """Return 1 or 2."""
    groups = as_int(groups, "groups")
    if groups > 2:
        raise ValueError(
            f"`groups` must be 1 or 2, not {groups}. Use 2 for the paper's AlexNet, 1 "
            "for convolutions over all channels."
        )
    return groups


def _initializers(bias):
    """Return the initializers of a layer whose biases start at `bias`."""
    return {
        "kernel_initializer": keras.initializers.RandomNormal(stddev=0.01),
        "bias_initializer": keras.initializers.Constant(bias),
    }
