"""The register of landmark architectures."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from reticnn.coercion import (
    as_choice,
    as_image_shape,
    as_int,
    none_as_default,
)
from reticnn.landmarks.recipe import PaperRecipe

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
        last_block: Pattern of layer names; the last layer that matches is the first of
            the last block.
        idea: What it brought, in a few words.
        reference: Authors, year and link.
        recipe: `PaperRecipe`, how the paper trained it.
        build: Function of `input_shape`, `num_classes`, `output`, `rescale` and
            options.
        settings: Dict, what `build` is given to make this member of the family.
        twin: Name in `backbones()` of the same network in `keras.applications`, or "".
        twin_options: Dict of the options with which it is the same.
        listed: Whether it has a row in `landmark_architectures`.
    """

    name: str
    family: str
    year: int
    input_shape: tuple
    num_classes: int
    parameters: int
    depth: int
    mult_adds: int
    last_block: str
    idea: str
    reference: str
    recipe: PaperRecipe
    build: Callable[..., Any]
    settings: dict = field(default_factory=dict)
    twin: str = ""
    twin_options: dict = field(default_factory=dict)
    listed: bool = True

    @property
    def options(self):
        """The arguments of `build` that its user can choose."""
        common = {"input_shape", "num_classes", "output", "rescale", *self.settings}
        return [
            name
            for name in inspect.signature(self.build).parameters
            if name not in common
        ]

    def chosen(self, options):
        """Return a dict of the arguments of `build` that `options` lead to."""
        parameters = inspect.signature(self.build).parameters.values()
        return {
            **{one.name: one.default for one in parameters},
            **{name: value for name, value in options.items() if value is not None},
            **self.settings,
        }


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
    return _REGISTER[as_choice(name, "name", [known.name for known in _in_order()])]


def known_landmark(name):
    """Return the `Landmark` of exactly that name, or None."""
    return _REGISTER.get(name)


def landmark_architectures():
    """List the landmark architectures, networks that shaped image classification.

    Returns:
        Table (dict of equal-length lists) with one row per architecture, oldest first:
        `name` for `landmark_model`; `family`; `year`; `parameters`, the trainable ones
        of the network as used for prediction; `depth`, the number of layers with
        weights on the longest path through the network, not counting normalisations;
        `input_size`, in pixels per side, and `channels` of the paper's images;
        `mult_adds`, multiply-adds for one such image; `idea`, what it contributed; and
        `reference`.

    Example:
        >>> landmark_architectures()["name"][:3]
        ['lenet5', 'alexnet', 'googlenet']
    """
    known = [one for one in _in_order() if one.listed]
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


def _in_order():
    """Return the architectures, oldest first, the smaller ones of a year first."""
    return sorted(_REGISTER.values(), key=lambda one: (one.year, one.parameters))


def build_landmark(landmark, input_shape=None, num_classes=None, **arguments):
    """Return the network of a `Landmark` with random weights.

    Args:
        landmark: The architecture.
        input_shape: (height, width, channels) of the images, or None for the paper's.
        num_classes: Whole number of classes, or None for the paper's.
        **arguments: `output` and `rescale`, `"auto"` and True if not given, and
            options of the family.
    """
    shape = landmark.input_shape if input_shape is None else input_shape
    classes = landmark.num_classes if num_classes is None else num_classes
    build = none_as_default(landmark.build, {"layer_scale": None})
    return build(
        as_image_shape(shape, "input_shape"),
        as_int(classes, "num_classes", minimum=2),
        **{"output": "auto", "rescale": True, **landmark.settings, **arguments},
    )
