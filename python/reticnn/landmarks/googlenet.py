"""GoogLeNet."""

from reticnn.blocks import global_pool, inception_module
from reticnn.coercion import as_bool
from reticnn.landmarks.common import check_size, classifier_output, image_input
from reticnn.landmarks.recipe import PaperRecipe
from reticnn.landmarks.registry import register
from reticnn.layers.auxiliary import AuxiliaryModel
from reticnn.layers.normalization import LocalResponseNormalization
from reticnn.runtime.backend import keras

# Filters of each module: 1 x 1; 3 x 3 and before it; 5 x 5 and before it; after max
# pooling.
_MODULES = {
    "3a": (64, (96, 128), (16, 32), 32),
    "3b": (128, (128, 192), (32, 96), 64),
    "4a": (192, (96, 208), (16, 48), 64),
    "4b": (160, (112, 224), (24, 64), 64),
    "4c": (128, (128, 256), (24, 64), 64),
    "4d": (112, (144, 288), (32, 64), 64),
    "4e": (256, (160, 320), (32, 128), 128),
    "5a": (256, (160, 320), (32, 128), 128),
    "5b": (384, (192, 384), (48, 128), 128),
}
_POOLED_AFTER = ("3b", "4e")
_AUXILIARY_AFTER = ("4a", "4d")
_AUXILIARY_WEIGHT = 0.3


_RECIPE = PaperRecipe(
    {
        "optimizer": (
            ("MomentumSGD", {"momentum": 0.9, "decay": 2e-4, "use_ema": True}),
            "section 6, without the decay, which is Caffe's",
        ),
        "learning_rate": (0.01, "not in the paper, Caffe's"),
        "schedule": (
            {"kind": "step", "every": 8, "factor": 0.96},
            "section 6: 4 % less every 8 epochs",
        ),
        "augmentation": (
            [
                (
                    "augmentation",
                    {
                        "crop": {"scale": (0.08, 1), "ratio": (3 / 4, 4 / 3)},
                        "flip": "horizontal",
                    },
                ),
            ],
            "section 6; the flip by reference",
        ),
    },
    prediction={"crops": (144, "section 7")},
    notes=(
        "The paper's best results are averages over seven networks (section 7).",
        "Photometric distortions and random interpolation, which it mentions without "
        "numbers (section 6), are left out, and so are epochs and batch size.",
        "Averaged weights are Polyak's in the paper, and a moving average here.",
    ),
)


@register(
    "googlenet",
    family="Inception",
    year=2014,
    input_shape=(224, 224, 3),
    num_classes=1000,
    parameters=6_998_552,
    depth=22,
    mult_adds=1_582_671_872,
    last_block="inception5b_narrow3",
    idea="Filters of several sizes side by side, narrowed by 1 x 1 convolutions",
    reference="Szegedy et al. (2014), arXiv:1409.4842",
    recipe=_RECIPE,
)
def googlenet(input_shape, num_classes, *, output, rescale, auxiliary=True):
    """Build GoogLeNet, the first Inception network.

    Args:
        input_shape: (height, width, channels), at least 65 x 65, or 32 x 32 without
            auxiliary classifiers.
        num_classes: Whole number of classes.
        output: As in `classifier_head`.
        rescale: True subtracts the means of ImageNet's pixels inside the model.
        auxiliary: As in `landmark_model`. Default True.

    Returns:
        `keras.Model`.

    Source:
        Szegedy et al. (2014), arXiv:1409.4842. The paper does not give the constants of
        its response normalisation; they are AlexNet's here.
    """
    auxiliary = as_bool(auxiliary, "auxiliary")
    check_size(
        input_shape,
        65 if auxiliary else 32,
        "googlenet",
        "Use larger images, or `auxiliary=False`, which takes 32 x 32 and more."
        if auxiliary
        else "Use larger images.",
    )
    inputs, x = image_input(input_shape, "means" if rescale else None)
    x = _stem(x)
    taps = []
    for module, filters in _MODULES.items():
        x = inception_module(x, *filters, name=f"inception{module}")
        if module in _POOLED_AFTER:
            x = _halved(x, f"pool{module[0]}")
        if module in _AUXILIARY_AFTER:
            taps.append(x)
    x = keras.layers.Dropout(0.4, name="dropout")(global_pool(x))
    outputs = classifier_output(x, num_classes, output)
    if not auxiliary:
        return keras.Model(inputs, outputs, name="googlenet")
    model = AuxiliaryModel(inputs, outputs, name="googlenet")
    heads = _auxiliary_heads(taps, num_classes, output)
    model.set_auxiliary(taps, heads, _AUXILIARY_WEIGHT)
    return model


def _stem(x):
    """Return the feature maps that the first module starts from."""
    x = keras.layers.ZeroPadding2D(3, name="conv1_pad")(x)
    x = keras.layers.Conv2D(64, 7, strides=2, activation="relu", name="conv1")(x)
    x = LocalResponseNormalization(name="norm1")(_halved(x, "pool1"))
    x = keras.layers.Conv2D(64, 1, activation="relu", name="narrow2")(x)
    x = keras.layers.Conv2D(192, 3, padding="same", activation="relu", name="conv2")(x)
    return _halved(LocalResponseNormalization(name="norm2")(x), "pool2")


def _halved(x, name):
    return keras.layers.MaxPooling2D(3, strides=2, padding="same", name=name)(x)


def _auxiliary_heads(taps, num_classes, output):
    """Return a model from the tapped feature maps to one classification each."""
    inputs = [keras.Input(tap.shape[1:]) for tap in taps]
    outputs = []
    for module, x in zip(_AUXILIARY_AFTER, inputs, strict=True):
        x = keras.layers.AveragePooling2D(5, strides=3)(x)
        x = keras.layers.Conv2D(128, 1, activation="relu")(x)
        x = keras.layers.Flatten()(x)
        x = keras.layers.Dense(1024, activation="relu")(x)
        x = keras.layers.Dropout(0.7)(x)
        outputs.append(
            classifier_output(x, num_classes, output, name=f"auxiliary{module}")
        )
    return keras.Model(inputs, outputs, name="auxiliary")
