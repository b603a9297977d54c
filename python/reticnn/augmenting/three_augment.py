"""The policy of 3-Augment, with which DeiT III was trained."""

import numpy as np

from reticnn.augmenting.parts.blur import BLUR
from reticnn.augmenting.parts.color_matrix import COLOR, ENHANCEMENT
from reticnn.augmenting.parts.lookup_table import LOOKUP
from reticnn.augmenting.parts.warp import WARP
from reticnn.augmenting.policy import Policy, in_lines
from reticnn.augmenting.random_numbers import Draws, happens, to_float32
from reticnn.coercion import as_float, as_int, shown

_SIGMA = (0.1, 2.0)

# Far from the slots of `augmentation()`.
_SLOTS = {
    name: slot
    for slot, name in enumerate(
        (
            "down",
            "right",
            "flip",
            "choice",
            "sigma",
            "brightness",
            "contrast",
            "saturation",
        ),
        start=1024,
    )
}

# Whole pixels are moved, so that the nearest is the very one.
_MOVED = {"fill_mode": "reflect", "fill_value": 0.0, "interpolation": "nearest"}


class ThreeAugment(Policy, kind="three_augment"):
    """The policy of `three_augment()`: two passes."""

    __module__ = "reticnn"

    def __init__(self, *, color_jitter, padding):
        """Take checked settings."""
        super().__init__(color_jitter=color_jitter, padding=padding)
        jitter = (1 - color_jitter, 1 + color_jitter)
        ends = {"sigma": _SIGMA}
        ends |= dict.fromkeys(("brightness", "contrast", "saturation"), jitter)
        ranges = {
            name: (slot, *ends.get(name, (0.0, 1.0))) for name, slot in _SLOTS.items()
        }
        self.__dict__["_draws"] = Draws(ranges)

    @classmethod
    def maker(cls):
        """Return the function that checks the settings."""
        return three_augment

    def check(self, image_shape):
        """Raise if the policy cannot be applied to (height, width, channels)."""
        *sides, channels = image_shape
        if channels not in (1, 3):
            raise ValueError(
                "`three_augment()` needs images with 1 channel (grey) or 3 (RGB), not "
                f"{channels}. For these, make a policy of geometric operations with "
                "`augmentation()`."
            )
        padding = self._config["padding"]
        if padding > min(sides):
            raise ValueError(
                f"`padding` of `three_augment()` must be at most the height and width "
                f"of the images, {shown(list(sides))}, not {padding}."
            )

    def parts(self, channels):
        """Return for each pass a dict of the parts, in order."""
        grey = {} if channels == 1 else {COLOR: {}}
        radius = {"radius": int(np.ceil(3 * _SIGMA[1]))}
        passes = [{WARP: _MOVED, **grey, LOOKUP: {}, BLUR: radius}]
        return [*passes, {ENHANCEMENT: {}}] if self._config["color_jitter"] else passes

    def draw(self, xp, seed, epoch, indices, image_shape):
        """Return for each pass a dict of the parameters of its parts."""
        drawn = self._draws.numbers(xp, seed, epoch, indices)
        changes = {
            WARP: self._move,
            COLOR: _grey,
            LOOKUP: _solarize,
            BLUR: _blur,
            ENHANCEMENT: _jitter,
        }
        passes = []
        for parts in self.parts(image_shape[2]):
            parameters = {}
            for part in parts:
                composition = part.compose(xp, image_shape, drawn["choice"])
                changes[part](composition, drawn)
                parameters |= composition.parameters()
            passes.append(parameters)
        return passes

    def _move(self, warp, drawn):
        padding = self._config["padding"]
        down, right = (
            warp.xp.floor(drawn[name] * (2 * padding + 1)) - padding
            for name in ("down", "right")
        )
        warp.translate(down / warp.size[0], right / warp.size[1])
        warp.flip(across=happens(warp.xp, 0.5, drawn["flip"]))

    def __repr__(self):
        """Return what is done to an image."""
        jitter, padding = self._config["color_jitter"], self._config["padding"]
        span = f"times {1 - jitter:g} to {1 + jitter:g}"
        lines = {
            "flip": "horizontal, for half of the images",
            "moved": f"up to {padding} pixels in each direction",
            "one of": "grey, solarized from 128 upwards, blurred with sigma "
            f"{_SIGMA[0]:g} to {_SIGMA[1]:g} pixels",
            **({"jitter": f"brightness, contrast, colour {span}"} if jitter else {}),
            "outside": _MOVED["fill_mode"],
        }
        return in_lines(self.kind, lines)


def _chosen(composition, drawn, number):
    """Return 1 for images that get this one of the three changes, else 0."""
    xp = composition.xp
    return to_float32(xp, xp.floor(drawn["choice"] * 3) == number)


def _grey(color, drawn):
    color.grayscale(_chosen(color, drawn, 0))


def _solarize(tables, drawn):
    on = _chosen(tables, drawn, 1)
    tables.solarize(on, on / 2)


def _blur(blur, drawn):
    blur.set(blur=_chosen(blur, drawn, 2) * drawn["sigma"])


def _jitter(color, drawn):
    color.brightness(drawn["brightness"])
    color.contrast(drawn["contrast"])
    color.saturation(drawn["saturation"])


def three_augment(color_jitter=0.3, *, padding=4):
    """Apply one of three simple changes, and jitter colours, as 3-Augment does.

    Each image is moved by some pixels, flipped with probability 1/2, then shown in
    grey, solarized (values of 128 and above are inverted) or blurred with a standard
    deviation of 0.1 to 2 pixels, each with probability 1/3; finally its colours are
    jittered. Outside pixels are filled with the image's reflection.

    Args:
        color_jitter: Float in [0, 1), the greatest change of the factors, drawn per
            image around 1, by which brightness, contrast and colour are multiplied. 0
            is no jitter. Default 0.3.
        padding: Whole number of at least 0, the largest number of pixels by which the
            image is moved up or down, and left or right. Default 4.

    Returns:
        Policy, which prints what it does, for `augment`, `plot_augmentation` and
        `fit_classifier`.

    Raises:
        ValueError: If an argument is outside its range; at use, if the images are
            neither grey nor RGB, or smaller than `padding`.

    Example:
        >>> images = augment(images, three_augment(), seed=1)

    Source:
        Touvron, Cord and Jégou (2022), DeiT III: Revenge of the ViT, arXiv:2204.07118,
        section 2. Moving an image is the paper's simple random crop, out of the image
        with its mirrored edges, for images that have the network's size; there the
        edge's own pixels are not repeated. Brightness, contrast and colour are changed
        in this order, which in the authors' code is random.
    """
    return ThreeAugment(
        color_jitter=as_float(color_jitter, "color_jitter", minimum=0, below=1),
        padding=as_int(padding, "padding", minimum=0),
    )
