"""LeNet-5: as published, with prototypes of digits for an output, and as taught now."""

import numpy as np

from reticnn.coercion import as_bool, as_choice, shown
from reticnn.landmarks.common import classifier_output, image_input
from reticnn.landmarks.recipe import PaperRecipe
from reticnn.landmarks.registry import register
from reticnn.layers.lenet import (
    PartialConv2D,
    Subsampling2D,
    scaled_tanh,
    uniform_within,
)
from reticnn.layers.rbf import EuclideanRBF
from reticnn.runtime.backend import keras

# Which of S2's six maps each of C3's sixteen is connected to: Table I of the paper.
C3_SOURCES = (
    *((0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5)),
    *((0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5)),
    *((0, 1, 2, 5), (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5), (0, 1, 2, 3, 4, 5)),
)

# Seven by twelve pixels per digit, which F6 is to draw. The paper shows its own only as
# a figure; these are our own drawings, which differ from each other by more than a
# stroke.
_DIGITS = """
.......  .......  .......  .......  .......  .......  .......  .......  .......  .......
..###..  ...##..  .#####.  .#####.  .....##  #######  ...###.  #######  .#####.  .#####.
.##.##.  ..###..  ##...##  ##...##  ....###  ##.....  ..##...  .....##  ##...##  ##...##
##...##  .####..  .....##  .....##  ...####  ##.....  .##....  .....##  ##...##  ##...##
##...##  ...##..  .....##  .....##  ..##.##  ##.....  ##.....  ....##.  ##...##  ##...##
##...##  ...##..  ....##.  ..####.  .##..##  ######.  ######.  ....##.  .#####.  ##...##
##...##  ...##..  ...##..  .....##  ##...##  .....##  ##...##  ...##..  ##...##  .######
##...##  ...##..  ..##...  .....##  #######  .....##  ##...##  ...##..  ##...##  .....##
##...##  ...##..  .##....  .....##  .....##  .....##  ##...##  ..##...  ##...##  ....##.
.##.##.  ...##..  ##.....  ##...##  .....##  ##...##  ##...##  ..##...  ##...##  ...##..
..###..  .######  #######  .#####.  .....##  .#####.  .#####.  ..##...  .#####.  .###...
.......  .......  .......  .......  .......  .......  .......  .......  .......  .......
"""

_F6_UNITS = 84
_SIZES = (28, 32)

# x / 255 * 1.275 - 0.1: the ground at -0.1 and the ink at 1.175.
_INPUT_SCALE, _INPUT_OFFSET = 1.275 / 255, -0.1


# Last epoch of each learning rate.
_RATES = ((2, 5e-4), (5, 2e-4), (8, 1e-4), (12, 5e-5), (float("inf"), 1e-5))


def digit_prototypes():
    """Return the bitmaps of the digits 0 to 9, (10, 84), ink 1 and ground -1."""
    rows = [line.split() for line in _DIGITS.split("\n") if line]
    drawings = ["".join(lines) for lines in zip(*rows, strict=True)]
    return np.array(
        [[1.0 if pixel == "#" else -1.0 for pixel in drawing] for drawing in drawings],
        "float32",
    )


def rate_of_epoch(epoch):
    """Return the learning rate of an epoch, counted from 1."""
    return next(rate for last, rate in _RATES if epoch <= last)


@register(
    "lenet5",
    family="LeNet",
    year=1998,
    input_shape=(32, 32, 1),
    num_classes=10,
    parameters=60_000,
    depth=7,
    mult_adds=328_096,
    last_block="c5",
    idea="Shared weights, local receptive fields and subsampling, trained end to end",
    reference=(
        "LeCun, Bottou, Bengio, Haffner (1998), Gradient-Based Learning Applied to "
        "Document Recognition, doi:10.1109/5.726791"
    ),
    recipe=PaperRecipe(
        {
            "epochs": (20, "section III-B"),
            "batch_size": (1, "appendix C"),
            "optimizer": (("levenberg_marquardt", {}), "appendix C"),
            "schedule": (
                rate_of_epoch,
                "section III-B: 5e-4 twice, 2e-4 and 1e-4 three times, 5e-5 four "
                "times, then 1e-5",
            ),
        },
    ),
)
def lenet5(
    input_shape,
    num_classes,
    *,
    output,
    rescale,
    variant="original",
    prototypes=None,
    squash_convolutions=True,
):
    """Build LeNet-5.

    Args:
        input_shape: (32, 32, channels), or (28, 28, channels), which is extended to
            that by zeros: the ground of digits, before the pixels are rescaled.
        num_classes: Whole number of classes.
        output: As in `classifier_head`; `"auto"` for the original, whose output is
            distances.
        rescale: True brings 0 to 255 to -0.1 to 1.175, a mean of about 0 on digits.
        variant: As in `landmark_model`. Default `"original"`.
        prototypes: As in `landmark_model`. Default None.
        squash_convolutions: As in `landmark_model`. Default True.

    Returns:
        `keras.Model`. The original gives the squared distance to each class's
        prototype, the smallest for the class it takes an image for.

    Raises:
        ValueError: If the images have another size, there are no prototypes for so many
            classes, or an argument does not go with the variant.

    Source:
        LeCun et al. (1998). What its text leaves open is as follows: the constant of
        the loss is 10 (`MAPLoss`); the bitmaps are drawn anew; C1 and C3 are squashed
        before their subsampling. The first weights of the original are uniform within
        2.4 / sqrt(inputs of the unit), which keeps the scale of the sums, as the paper
        wants it; within its 2.4 / inputs the images fade out on the way to F6.
    """
    variant = as_choice(variant, "variant", ("original", "modern"))
    squash_convolutions = as_bool(squash_convolutions, "squash_convolutions")
    if input_shape[0] != input_shape[1] or input_shape[0] not in _SIZES:
        raise ValueError(
            "`input_shape` must have 32 x 32 pixels, or 28 x 28, for LeNet-5, not "
            f"{input_shape[0]} x {input_shape[1]}. Use "
            f"`(32, 32, {input_shape[2]})`: "
            "images are resized to the model's size."
        )
    inputs, x = image_input(input_shape)
    if input_shape[0] < max(_SIZES):
        border = (max(_SIZES) - input_shape[0]) // 2
        x = keras.layers.ZeroPadding2D(border, name="ground")(x)
    if rescale:
        x = keras.layers.Rescaling(_INPUT_SCALE, _INPUT_OFFSET, name="rescaling")(x)
    if variant == "modern":
        _check_modern(prototypes, squash_convolutions)
        outputs = _modern(x, num_classes, output)
    else:
        _check_original(output)
        outputs = _original(
            x, _as_prototypes(prototypes, num_classes), squash_convolutions
        )
    return keras.Model(inputs, outputs, name="lenet5")


def _original(x, prototypes, squash_convolutions):
    """Return the distances to the prototypes."""
    layers = keras.layers

    def squashed(x, name, wanted=True):
        return layers.Activation(scaled_tanh, name=f"{name}_tanh")(x) if wanted else x

    c1 = layers.Conv2D(
        6, 5, kernel_initializer=uniform_within(25 * x.shape[3]), name="c1"
    )
    x = squashed(c1(x), "c1", squash_convolutions)
    x = squashed(Subsampling2D(name="s2")(x), "s2")
    x = PartialConv2D(C3_SOURCES, 5, name="c3")(x)
    x = squashed(x, "c3", squash_convolutions)
    x = squashed(Subsampling2D(name="s4")(x), "s4")
    x = layers.Conv2D(120, 5, kernel_initializer=uniform_within(400), name="c5")(x)
    x = layers.Flatten(name="flatten")(squashed(x, "c5"))
    x = layers.Dense(_F6_UNITS, kernel_initializer=uniform_within(120), name="f6")(x)
    return EuclideanRBF(prototypes, name="output")(squashed(x, "f6"))


def _modern(x, num_classes, output):
    """Return the class probabilities."""
    layers = keras.layers
    x = layers.Conv2D(6, 5, activation="tanh", name="c1")(x)
    x = layers.AveragePooling2D(2, name="s2")(x)
    x = layers.Conv2D(16, 5, activation="tanh", name="c3")(x)
    x = layers.AveragePooling2D(2, name="s4")(x)
    x = layers.Conv2D(120, 5, activation="tanh", name="c5")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(_F6_UNITS, activation="tanh", name="f6")(x)
    return classifier_output(x, num_classes, output)


def _as_prototypes(prototypes, num_classes):
    """Return prototypes as an array (num_classes, 84)."""
    if prototypes is None:
        digits = digit_prototypes()
        if num_classes != len(digits):
            raise ValueError(
                f"`num_classes` must be {len(digits)} for the original LeNet-5, whose "
                f"output has a bitmap of each digit, not {num_classes}. Use "
                f"`variant='modern'`, or give `prototypes`, {num_classes} x "
                f"{_F6_UNITS}."
            )
        return digits
    try:
        array = given = np.asarray(prototypes, "float32")
    except (TypeError, ValueError):
        array, given = None, prototypes
    wanted = (num_classes, _F6_UNITS)
    if array is None or array.shape != wanted or not np.isfinite(array).all():
        raise ValueError(
            f"`prototypes` must be {num_classes} x {_F6_UNITS} finite numbers, one row "
            f"per class, not {shown(given)}. Use an array of -1 and 1."
        )
    if len(np.unique(array, axis=0)) < num_classes:
        raise ValueError(
            "`prototypes` must have a different row for each class, but some rows are "
            "equal, so their classes could not be distinguished."
        )
    return array


def _check_original(output):
    as_choice(output, "output", ("auto", "softmax", "sigmoid", "logits"))
    if output != "auto":
        raise ValueError(
            f"`output` must be 'auto' for the original LeNet-5, whose output is "
            f"distances to prototypes, not {output!r}. Use "
            "`variant='modern'`."
        )


def _check_modern(prototypes, squash_convolutions):
    if prototypes is not None:
        raise ValueError(
            "`prototypes` need `variant='original'`; the modern LeNet-5 has none. "
            "Leave them out."
        )
    if not squash_convolutions:
        raise ValueError(
            "`squash_convolutions` must be `True` for the modern LeNet-5. Use "
            "`variant='original'` for `False`."
        )
