"""Changes that leave an image what it shows, each at fixed strengths."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from reticnn.augmenting import augmentation
from reticnn.augmenting.host import apply
from reticnn.augmenting.random_numbers import random_sign, uniforms

# Of the numbers by which the direction of a change is drawn for an image.
_SIGN, _AXIS = 2000, 2001
_SEED = 0


@dataclass(frozen=True)
class Change:
    """One kind of change.

    Attributes:
        strengths: Tuple of numbers, from the mildest on.
        unit: What they are, in words.
        policy: Function of a strength that returns the policy.
        given: Function of a strength, the directions and the image shape that returns
            the numbers which the policy does not draw.
        by_band: Whether the policy takes grey and RGB images only, and changes each
            band of others for itself.
    """

    strengths: tuple
    unit: str
    policy: Callable
    given: Callable | None = None
    by_band: bool = False

    def applied(self, images, strength, numbers):
        """Return changed images, (n, height, width, channels), a new array.

        Args:
            images: uint8 or float32 array.
            strength: One of the strengths.
            numbers: uint32 array, (n,), which decide on directions, places and noise.
        """
        n, height, width, channels = images.shape
        if not self.by_band or channels in (1, 3):
            return self._of_images(images, strength, numbers)
        bands = np.ascontiguousarray(np.moveaxis(images, 3, 1))
        bands = self._of_images(
            bands.reshape(n * channels, height, width, 1),
            strength,
            np.repeat(numbers, channels),
        )
        bands = bands.reshape(n, channels, height, width)
        return np.ascontiguousarray(np.moveaxis(bands, 1, 3))

    def _of_images(self, images, strength, numbers):
        given = None
        if self.given:
            unit = uniforms(np, _SEED, 0, numbers, (_SIGN, _AXIS))
            directions = random_sign(np, unit[:, 0]), unit[:, 1] < 0.5
            given = self.given(strength, *directions, images.shape[1:])
        policy = self.policy(strength)
        return apply(policy, images, _SEED, 0, numbers, given=given)


def _shift(pixels, sign, is_down, image_shape):
    height, width = image_shape[:2]
    moves = sign * pixels
    return {
        "translate_down": _numbers(np.where(is_down, moves / height, 0)),
        "translate_right": _numbers(np.where(is_down, 0, moves / width)),
    }


def _signed(name, factor=1.0):
    """Return a function that gives a number the strength, in either direction."""

    def given(strength, sign, is_down, image_shape):
        return {name: _numbers(sign * strength * factor)}

    return given


def _contrast(part, sign, is_down, image_shape):
    return {"contrast": _numbers(np.full(len(sign), part))}


def _numbers(values):
    return values.astype("float32")


# At their full range, which the numbers that are given lie within.
_WITH_RANGES = {
    "shift": {"translation": 1.0, "interpolation": "nearest"},
    "rotation": {"rotation": 1.0},
    "scale": {"zoom": 0.9},
    "brightness": {"color_jitter": {"brightness_factor": 1.0}},
    "contrast": {"color_jitter": {"contrast_factor": 1.0}},
}


def _ranged(name):
    return lambda strength: augmentation(**_WITH_RANGES[name])


CHANGES = {
    "shift": Change((1, 2, 3, 4, 5, 6, 7, 8), "pixels", _ranged("shift"), given=_shift),
    "rotation": Change(
        (5, 10, 15, 30, 45),
        "degrees",
        _ranged("rotation"),
        given=_signed("rotation", 1 / 360),
    ),
    "scale": Change(
        (0.05, 0.1, 0.2, 0.3, 0.4),
        "of height and width more or less",
        _ranged("scale"),
        given=_signed("zoom_tall"),
    ),
    "noise": Change(
        (5, 10, 20, 40, 60),
        "standard deviation, of 255",
        lambda deviation: augmentation(
            gaussian_noise={"stddev": (deviation / 255, deviation / 255)}
        ),
    ),
    "blur": Change(
        (0.5, 1, 1.5, 2, 3),
        "standard deviation in pixels",
        lambda sigma: augmentation(gaussian_blur={"sigma": (sigma, sigma)}),
    ),
    "brightness": Change(
        (0.05, 0.1, 0.2, 0.3, 0.4),
        "of 255 added or subtracted",
        _ranged("brightness"),
        given=_signed("brightness"),
        by_band=True,
    ),
    "contrast": Change(
        (0.8, 0.6, 0.4, 0.3, 0.2),
        "times the contrast",
        _ranged("contrast"),
        given=_contrast,
        by_band=True,
    ),
    "jpeg": Change(
        (80, 50, 30, 15, 7),
        "quality",
        lambda quality: augmentation(jpeg_compression={"quality": (quality, quality)}),
        by_band=True,
    ),
    "occlusion": Change(
        (0.05, 0.1, 0.2, 0.3, 0.4),
        "of the area",
        lambda area: augmentation(
            erasing={"scale": (area, area), "ratio": (1, 1), "fill_value": 128}
        ),
    ),
}
