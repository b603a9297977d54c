"""The part `"color"`: each pixel's channels are multiplied by a matrix.

Its parameters are `"color"`, (n, channels, channels + 1), matrix and offset for a
pixel's channels; and, where there is a contrast, `"color_of_mean"`, (n, channels,
channels), which is multiplied by the mean of each channel over the image, and added.
"""

import math
from collections import deque
from dataclasses import replace

import numpy as np

from reticnn.augmenting.parts.part import Part, planes
from reticnn.augmenting.random_numbers import constant
from reticnn.runtime.opencv import cv2

_LUMA = np.array([0.299, 0.587, 0.114])
_GREY = np.tile(_LUMA, (3, 1))
_COLOUR = np.eye(3) - _GREY

# A quarter turn of hue in the plane of YIQ's two colour axes, seen from RGB.
_YIQ = np.array([_LUMA, [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])
_YIQ[1:] -= _YIQ[1:].mean(axis=1, keepdims=True)
_TURNED = np.linalg.inv(_YIQ) @ [[0, 0, 0], [0, 0, 1], [0, -1, 0]] @ _YIQ


class ColorMatrix:
    """A matrix for each image, composed of operations in the order of these methods.

    For images of one channel only brightness and contrast do anything, and for others
    than grey and RGB ones only a shift.
    """

    def __init__(self, xp, image_shape, like):
        """Begin with the identity for images of (height, width, channels)."""
        self.xp = xp
        self._channels = image_shape[2]
        self._none = like * 0
        self._brightness = self._contrast = self._saturation = None
        self._hue = self._shift = self._grayscale = None
        self._exchange = self._balance = None

    def brightness(self, amount):
        """Add (n,) to all channels, as fractions of 255."""
        self._brightness = amount

    def contrast(self, factor):
        """Multiply the distance to the image's mean of each channel by (n,)."""
        self._contrast = factor

    def saturation(self, factor):
        """Multiply the distance to the pixel's luma by (n,)."""
        self._saturation = factor

    def hue(self, turns):
        """Turn by (n,) fractions of a full turn, linear in RGB, luma unchanged."""
        self._hue = turns

    def shift(self, amounts):
        """Add (n, channels) to the channels, -255 to 255; nothing to grey images."""
        self._shift = amounts if self._shift is None else self._shift + amounts

    def grayscale(self, on):
        """Show luma in all channels where (n,) is 1 and not 0."""
        self._grayscale = on

    def exchange(self, matrices):
        """Show channels in place of others, by matrices (n, 3, 3), of RGB images."""
        self._exchange = matrices

    def balance(self, factors):
        """Multiply the channels of RGB images by (n, 3)."""
        self._balance = factors[:, :, None]

    def parameters(self):
        """Return the matrices, and those of the mean if there is a contrast."""
        linear, offset = self._linear(), self._offset()[:, :, None]
        if self._contrast is None:
            matrices = {"color": self.xp.concatenate([linear, offset], axis=2)}
        else:
            contrast = self._contrast[:, None, None]
            matrices = {
                "color": self.xp.concatenate([linear * contrast, offset], axis=2),
                "color_of_mean": linear * (1 - contrast),
            }
        if self._channels == 3 and self._exchange is not None:
            matrices = {
                name: self.xp.matmul(self._exchange, own)
                for name, own in matrices.items()
            }
        if self._channels == 3 and self._balance is not None:
            matrices = {name: own * self._balance for name, own in matrices.items()}
        return matrices

    def _linear(self):
        """Return the matrices, (n, channels, channels), without the contrast."""
        xp = self.xp
        if self._channels != 3:
            same = constant(xp, np.eye(self._channels))
            return (self._none + 1)[:, None, None] * same
        colour = self._none + 1 if self._saturation is None else self._saturation
        if self._grayscale is not None:
            colour = colour * (1 - self._grayscale)
        if self._hue is None:
            return colour[:, None, None] * constant(xp, _COLOUR) + constant(xp, _GREY)
        angle = self._hue * (2 * math.pi)
        straight = (colour * xp.cos(angle))[:, None, None] * constant(xp, _COLOUR)
        turned = (colour * xp.sin(angle))[:, None, None] * constant(xp, _TURNED)
        return straight + turned + constant(xp, _GREY)

    def _offset(self):
        """Return what is added to each channel, (n, channels)."""
        offset = self._none[:, None]
        if self._brightness is not None:
            offset = 255 * self._brightness[:, None]
        if self._shift is not None and self._channels > 1:
            offset = offset + self._shift_in_grey()
        # By adding, as the number of images may be unknown.
        return offset + constant(self.xp, np.zeros((1, self._channels)))

    def _shift_in_grey(self):
        """Return the shifts, (n, 3), and their luma where the image is shown in it."""
        if self._grayscale is None:
            return self._shift
        luma = self.xp.sum(self._shift * constant(self.xp, _LUMA), axis=1)[:, None]
        return self.xp.where(self._grayscale[:, None] > 0, luma, self._shift)


class Enhancement:
    """A matrix for each image, of blends as Pillow's `ImageEnhance` makes them.

    Each blends the image with a worse one: a black one, one of the mean luma, or a grey
    one, by factors (n,), 1 for the image itself. For images of one channel saturation
    does nothing.
    """

    def __init__(self, xp, image_shape, like):
        """Begin with the identity for images of (height, width, channels)."""
        self.xp = xp
        self._is_grey = image_shape[2] == 1
        self._brightness = self._contrast = self._saturation = like * 0 + 1

    def brightness(self, factor):
        """Blend with black."""
        self._brightness = factor

    def contrast(self, factor):
        """Blend with the mean luma."""
        self._contrast = factor

    def saturation(self, factor):
        """Blend with the pixel's luma."""
        self._saturation = factor

    def parameters(self):
        """Return the matrices, and those of the mean."""
        xp = self.xp
        grey, colour = (
            (np.eye(1), np.zeros((1, 1))) if self._is_grey else (_GREY, _COLOUR)
        )
        grey, colour = constant(xp, grey), constant(xp, colour)
        linear = self._saturation[:, None, None] * colour + grey
        linear = linear * (self._brightness * self._contrast)[:, None, None]
        return {
            "color": xp.concatenate([linear, xp.zeros_like(linear[:, :, :1])], axis=2),
            "color_of_mean": (1 - self._contrast)[:, None, None] * grey,
        }


def _on_host(images, results, parameters, constants):
    matrices = parameters["color"]
    if "color_of_mean" in parameters:
        means = np.array([*map(cv2.mean, images)]).astype("float32")
        means = means[:, : images.shape[3], None]
        matrices = matrices.copy()
        matrices[:, :, -1:] += parameters["color_of_mean"] @ means
    # As a loop in Python this takes 5 % longer for all that is done to small images.
    deque(map(cv2.transform, planes(images), matrices, planes(results)), maxlen=0)


def _on_device(ops, images, parameters, constants):
    matrices = parameters["color"]
    channels = images.shape[3]
    offset = matrices[:, :, channels]
    if "color_of_mean" in parameters:
        means = ops.mean(images, axis=(1, 2))[:, None, :]
        offset = offset + ops.sum(parameters["color_of_mean"] * means, axis=2)
    # Sums of products, as compilers make one pass of them, and none of small matrices.
    results = offset[:, None, None, :]
    for channel in range(channels):
        factors = matrices[:, :, channel][:, None, None, :]
        results = results + images[..., channel : channel + 1] * factors
    return results


COLOR = Part("color", ColorMatrix, _on_host, _on_device)

# The same, with matrices that are composed in another way.
ENHANCEMENT = replace(COLOR, compose=Enhancement)
