"""The register of landmark architectures, and the way in to all of them."""

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from reticnn.backend import keras
from reticnn.coercion import (
    as_bool,
    as_choice,
    as_image_shape,
    as_int,
    nearest,
    shown,
)
from reticnn.randomness import seeded_keras

_REGISTER = {}


@dataclass(frozen=True)
class Landmark:
    """What is known of an architecture, and the function that builds it.

    Attributes:
        name: Name for `landmark_model`.
        family: The paper's name for the family.
        year: Year of the paper.
        input_shape: (height, width, channels) in the paper.
        num_classes: Number of classes in the paper.
        parameters: Number of trainable parameters of the network that predicts.
        depth: Number of layers with weights on the longest way from image to classes,
            normalisations not counted.
        mult_adds: Number of multiplications with addition for one image.
        idea: What it brought, in a few words.
        reference: Authors, year and link.
        recipe: Arguments for `fit_classifier` as in the paper; `optimizer` is a pair
            of an optimizer's name and its settings.
        build: Function of `input_shape`, `num_classes`, `output`, `rescale` and
            options.
        settings: Dict, what `build` is given to make this member of the family.
        twin: Name in `backbones()` of the same network in `keras.applications`, or "".
        twin_options: Dict of the options with which it is the same.
    """

    name: str
    family: str
    year: int
    input_shape: tuple
    num_classes: int
    parameters: int
    depth: int
    mult_adds: int
    idea: str
    reference: str
    recipe: dict
    build: Callable[..., Any]
    settings: dict = field(default_factory=dict)
    twin: str = ""
    twin_options: dict = field(default_factory=dict)

    @property
    def options(self):
        """The arguments of `build` that its user can choose."""
        common = {"input_shape", "num_classes", "output", "rescale", *self.settings}
        return [
            name
            for name in inspect.signature(self.build).parameters
            if name not in common
        ]


def register(name, *, settings=None, **facts):
    """Return a decorator that enters the function it decorates under `name`.

    Args:
        name: Name for `landmark_model`.
        settings: Dict of arguments that make this member of the family, or None.
        **facts: The other attributes of `Landmark`.

    Returns:
        Decorator of a function `build(input_shape, num_classes, *, output, rescale,
        ...)` that returns a Keras model of that name. Several of them on one function
        enter several members of a family.
    """

    def enter(build):
        _REGISTER[name] = Landmark(name, build=build, settings=settings or {}, **facts)
        return build

    return enter


def find_landmark(name):
    """Return the `Landmark` of that name."""
    _load_families()
    return _REGISTER[as_choice(name, "name", [known.name for known in _in_order()])]


def landmark_architectures():
    """List the landmark architectures of image classification.

    Returns:
        Dict of equal-length lists, one element an architecture, oldest first:
        `"name"` for `landmark_model`, `"family"`, `"year"`, `"parameters"` (trainable,
        of the network that predicts), `"depth"` (layers with weights on the longest
        way through the network, normalisations not counted), `"input_size"` (pixels
        a side) and `"channels"` of the paper's images, `"mult_adds"` (multiplications
        with addition for one such image), `"idea"` (what it brought), `"reference"`.

    Example:
        >>> landmark_architectures()["name"][:3]
        ['lenet5', 'alexnet', 'googlenet']
    """
    _load_families()
    known = _in_order()
    plain = ("name", "family", "year", "parameters", "depth")
    return {
        **{column: [getattr(one, column) for one in known] for column in plain},
        "input_size": [one.input_shape[0] for one in known],
        "channels": [one.input_shape[2] for one in known],
        # As floats, because R has no whole numbers of that size.
        "mult_adds": [float(one.mult_adds) for one in known],
        "idea": [one.idea for one in known],
        "reference": [one.reference for one in known],
    }


def landmark_model(
    name,
    input_shape=None,
    num_classes=None,
    *,
    weights=None,
    output="auto",
    rescale=True,
    seed=None,
    **options,
):
    """Build a landmark architecture as its paper has it.

    Args:
        name: Name of the architecture, one of `landmark_architectures()["name"]`.
        input_shape: (height, width, channels) of the images, or None for the paper's.
            Default None.
        num_classes: Whole number of classes, at least 2, or None for the paper's.
            Default None.
        weights: None for random ones; the path of a file with the network's weights
            (`.keras`, `.h5` as Keras distributes them, a saved classifier, or
            `.weights.h5` of this very model); a Keras model or classifier that has
            them; or `"imagenet"`, those of the same network in `keras.applications`,
            downloaded once and kept. The top, or its last layer, stays random where
            the weights have none, or one for other classes. Keras's are those of
            `conv_bias=True` for a ResNet, and of `activation="relu6"` for a MobileNet.
            Default None.
        output: `"auto"`, `"softmax"`, `"sigmoid"` or `"logits"`, as in
            `classifier_head`. Default `"auto"`.
        rescale: Bool, bring the pixels, 0 to 255, to the scale of the paper inside the
            model. Default True.
        seed: Whole number of at least 0 that fixes the initial weights, or None for
            Keras's global random state. Default None.
        **options: Choices that the family has. AlexNet: `groups`, 2 as on the paper's
            two GPUs (default) or 1. GoogLeNet: `auxiliary`, True (default) for two
            further classifiers while training. ResNet: `stem`, `"standard"` (default)
            or `"small"` for images such as 32 x 32; `shortcut` and `conv_bias` as in
            `residual_block`. DenseNet: `stem`, `dropout`. MobileNet: `width`, factor
            of the number of filters (default 1); `activation`, `"relu"` (default) or
            `"relu6"` as in `keras.applications`. ConvNeXt: `drop_rate`, None (default)
            for the paper's; `layer_scale` as in `convnext_block`.

    Returns:
        `keras.Model`, not compiled. It takes (n, height, width, channels), 0 to 255,
        and gives probabilities as `classifier_head` does.

    Raises:
        TypeError: If an argument has the wrong type, or the family has no such option.
        ValueError: If there is no such architecture, the images are too small for it,
            an argument is outside its range, or the weights do not fit, with the layer
            and the shapes.
        FileNotFoundError: If `weights` is a file that does not exist.
        ConnectionError: If ImageNet weights are not on this machine and cannot be
            downloaded; within 15 seconds where there is no network.

    Example:
        >>> landmark_model("vgg16", num_classes=10).count_params()
        134301514
    """
    landmark = find_landmark(name)
    _check_options(landmark, options)
    shape = landmark.input_shape if input_shape is None else input_shape
    classes = landmark.num_classes if num_classes is None else num_classes
    arguments = {**landmark.settings, **options}
    with seeded_keras(seed):
        model = landmark.build(
            as_image_shape(shape, "input_shape"),
            as_int(classes, "num_classes", minimum=2),
            output=output,
            rescale=as_bool(rescale, "rescale"),
            **arguments,
        )
    if weights is not None:
        # Not before: reading saved classifiers needs the families, which need this.
        putting = importlib.import_module("reticnn.weights")
        putting.put_landmark_weights(model, weights, landmark, options)
    return model


def training_recipe(name):
    """Return how the paper trained an architecture, as arguments of `fit_classifier`.

    Args:
        name: Name of the architecture.

    Returns:
        Dict of arguments. The optimizer is a Keras optimizer where its settings are not
        Keras's own. What a paper does not say is not in it. Where papers divide the
        learning rate by ten a few times, it falls along half a cosine. AlexNet's and
        ConvNeXt's have an augmentation, which crops to 7/8 of height and width.

    Raises:
        ValueError: If there is no such architecture.

    Example:
        >>> recipe = training_recipe("alexnet")
        >>> recipe["batch_size"], recipe["epochs"]
        (128, 90)
    """
    recipe = dict(find_landmark(name).recipe)
    recipe["optimizer"] = _optimizer(*recipe["optimizer"])
    return recipe


def _optimizer(name, settings):
    """Return one of our optimizers or of Keras's; one without settings by its name."""
    ours = keras.saving.get_registered_object(f"reticnn>{name}")
    if ours is not None:
        return ours(**settings)
    if not settings:
        return name
    return keras.optimizers.get({"class_name": name, "config": settings})


def _load_families():
    """Import the families, which enter themselves."""
    importlib.import_module("reticnn.landmarks.families")


def _in_order():
    """Return the architectures, oldest first, the smaller ones of a year first."""
    return sorted(_REGISTER.values(), key=lambda one: (one.year, one.parameters))


def _check_options(landmark, options):
    known = landmark.options
    for option in options:
        if option not in known:
            listed = f"its options are {shown(known)}" if known else "it has none"
            raise TypeError(
                f"`{option}` is not an option of {landmark.name!r}: {listed}."
                f"{nearest(option, known)}"
            )
