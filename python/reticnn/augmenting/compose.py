"""The policy of `augmentation()`: operations composed into one pass."""

import inspect

from reticnn.augmenting.operations import OPERATIONS
from reticnn.augmenting.parts.part import output_shape
from reticnn.augmenting.parts.warp import FILL_MODES, INTERPOLATIONS, WARP
from reticnn.augmenting.policy import Policy, in_lines
from reticnn.augmenting.random_numbers import Draws
from reticnn.coercion import as_choice, as_float, nearest, shown


class Augmentation(Policy, kind="augmentation"):
    """The policy of `augmentation()`: one pass."""

    __module__ = "reticnn"

    def __init__(self, *, fill_mode, fill_value, interpolation, **operations):
        """Take checked settings of the operations that are on."""
        sampling = {
            "fill_mode": fill_mode,
            "fill_value": fill_value,
            "interpolation": interpolation,
        }
        super().__init__(**operations, **sampling)
        operations = [(OPERATIONS[name], given) for name, given in operations.items()]
        self.__dict__.update(
            _sampling=sampling,
            _operations=operations,
            _draws=Draws(_ranges(operations)),
            _parts={
                channels: _parts(operations, sampling, channels) for channels in (1, 3)
            },
        )

    @classmethod
    def maker(cls):
        """Return `augmentation`, to check settings that R or a file has changed."""
        return augmentation

    @classmethod
    def signature(cls):
        """Return the signature of `augmentation`, with all operations there are."""
        return _signature()

    def check(self, image_shape):
        """Raise if the policy cannot be applied to (height, width, channels)."""
        for operation, settings in self._operations:
            if not operation.any_channels and image_shape[2] not in (1, 3):
                raise ValueError(
                    f"`{operation.name}` needs images with 1 channel (grey) or 3 "
                    f"(RGB), not {image_shape[2]}. Leave it out: the geometric "
                    "operations take any number."
                )
            operation.check(settings, image_shape)

    def at_size(self, size):
        """Return the policy with results of (height, width), if it leaves that open."""
        sized = {
            operation.name: operation.sized(settings, size)
            for operation, settings in self._operations
        }
        return Augmentation(**{**self._config, **sized})

    def remarks(self, size):
        """Return what to tell who uses it for (height, width): a list of sentences."""
        remarks = [
            operation.remark(settings, size) for operation, settings in self._operations
        ]
        return [*filter(None, remarks)]

    @property
    def takes_any_size(self):
        """Whether it begins with a crop of images of any size to one."""
        return any(
            operation.of_any_size(settings) for operation, settings in self._operations
        )

    def parts(self, channels):
        """Return for the pass a dict of the parts that can do anything, in order."""
        return [self._parts[3 if channels == 3 else 1]]

    def draw(self, xp, seed, epoch, indices, image_shape, given=None):
        """Return for the pass a dict of the parameters of its parts.

        Numbers that are `given`, arrays (n,) by name, are not drawn.
        """
        (parts,) = self.parts(image_shape[2])
        if not parts:
            return [{}]
        drawn = self._draws.numbers(xp, seed, epoch, indices) | (given or {})
        like = next(iter(drawn.values()))
        parameters = {}
        for part, constants in parts.items():
            composition = part.compose(xp, image_shape, like)
            for operation, settings in self._operations:
                if operation.part is part:
                    operation.change(composition, drawn, settings)
            parameters |= composition.parameters()
            image_shape = output_shape(image_shape, constants)
        return [parameters]

    def __repr__(self):
        """Describe the policy, one line per operation."""
        lines = {
            operation.name: operation.describe(settings)
            for operation, settings in self._operations
        }
        if WARP in self.parts(3)[0]:
            outside = self._sampling["fill_mode"]
            if outside == "constant":
                outside += f" {self._sampling['fill_value']:g}"
            lines["outside"] = outside
        return in_lines(f"{self.kind}{'' if lines else ', does nothing'}", lines)


def _ranges(operations):
    """Return the (slot, lower, upper) of each number that is drawn, by name."""
    return {
        name: (operation.slots[name], *ends)
        for operation, settings in operations
        for name, ends in operation.ranges(settings).items()
    }


def _parts(operations, sampling, channels):
    """Return the constants of the parts that affect images of that many channels."""
    parts = {}
    for operation, settings in operations:
        if operation.acts(settings, channels):
            parts.setdefault(operation.part, {}).update(operation.constants(settings))
    if WARP in parts:
        parts[WARP] |= sampling
    return parts


def augmentation(  # noqa: D417 - what operations there are is up to the register
    *,
    crop=None,
    flip=None,
    translation=None,
    shear=None,
    rotation=None,
    zoom=None,
    perspective=None,
    elastic=None,
    color_jitter=None,
    grayscale=None,
    pca_color=None,
    channel_shuffle=None,
    color_temperature=None,
    auto_contrast=None,
    equalization=None,
    gamma=None,
    posterization=None,
    solarization=None,
    invert=None,
    sharpness=None,
    gaussian_blur=None,
    motion_blur=None,
    downscaling=None,
    gaussian_noise=None,
    jpeg_compression=None,
    erasing=None,
    fill_mode="reflect",
    fill_value=0.0,
    interpolation="bilinear",
    **others,
):
    """Describe random changes to images: an augmentation policy.

    The operations act in this order: crop, flip, translation, shear, rotation, zoom and
    perspective, which are combined into one matrix, and elastic waves, through which it
    is applied, so that each image is resampled only once; brightness, contrast,
    saturation, hue, PCA colour, greyscale, the order of channels and colour
    temperature, which are also combined into one matrix; auto-contrast, equalization,
    gamma, posterization, solarization and inversion, which are combined into one table
    per channel; sharpness; blur; motion blur; downscaling; noise; JPEG; erasing. Names,
    units and signs are those of Keras's layers. The differences from a chain of those
    layers: values are clipped to 0 to 255 at the end, not after each step; pixels from
    outside the image are filled in once, from the whole image even after a crop;
    `"wrap"` mixes the last pixel with the first one in the seam between two copies of
    an image, as SciPy's `grid-wrap` does, where Keras repeats the last; saturation and
    hue are linear in RGB and keep the luma, instead of going through HSV; and a blur
    reflects the image at its edges, where Keras pads with black.

    Each operation is None, the default, which switches it off; a single value; or a
    dict of its settings, which have Keras's names. Where a number is drawn from a
    range, a pair gives the lowest and the highest value; `color_jitter`, `grayscale`
    and `pca_color` take one number.

    Args:
        crop: Size of a window at a random position. Numbers up to 1 are fractions of
            height and width, one for both or a pair (height, width), and the window is
            enlarged to the image's size; whole numbers above 1 are pixels, one for both
            or a pair (height, width), and the results have that size. Settings:
            `height`, `width`. Or a dict for one of two other crops, whose window is
            resized to `size`, one whole number or a pair (height, width), by default
            the image's own or, in `fit_classifier()`, the model's. By area and aspect,
            as in GoogLeNet and torchvision's RandomResizedCrop: `scale`, range of the
            window's area as a fraction of the image's, above 0 and up to 1, default
            (0.08, 1); `ratio`, range of its width divided by its height, drawn evenly
            on a logarithmic scale, default (3/4, 4/3). A window that does not fit is
            drawn again, and the tenth time replaced by the largest one of an allowed
            aspect. By the scale of the image, as in VGG: `shorter_side`, range of sizes
            in pixels to which the image's shorter side is resized before the window of
            `size` is cut, such as (256, 512) for 224. Where images shrink, all of their
            pixels count. Files, in training and in `augment()`, are cut as they are,
            without `resize`, and decoded no larger than the window needs.
        flip: `"horizontal"` (left to right), `"vertical"` or
            `"horizontal_and_vertical"`, each direction for half of the images.
            Settings: `mode`.
        translation: Largest shift as a fraction of height and width, -1 to 1; positive
            is down and to the right. One number f is (-f, f). Settings:
            `height_factor`, `width_factor`.
        shear: Largest shear, 0 to 1: the shift of a pixel as a fraction of its distance
            from the top and from the left, in either direction. One number f is (0, f).
            Settings: `x_factor`, `y_factor`.
        rotation: Largest angle as a fraction of a full turn, -1 to 1: 0.1 is 36
            degrees; positive is counterclockwise. One number f is (-f, f). Settings:
            `factor`.
        zoom: How much more (positive) or less (negative) of height and width is shown,
            above -1 and up to 1; the same for both, unless a dict gives both. One
            number f is (-f, f). Settings: `height_factor`, `width_factor`.
        perspective: How far the corners of the result are taken from those of the
            image, in either direction: f from 0 to below 0.5 is up to f / 2 of height
            and width; beyond that they could lie on one line. Settings: `scale`, that
            number, default 0.3; `factor`, the probability, default 1.
        elastic: Largest height of the smooth waves in which pixels are moved, 0 to 1:
            with 1, the standard deviation of the moves is 2.8 % of the longer side. One
            number f is (0, f). Settings: `scale`, that range, default (0, 0.5);
            `factor`, the probability, default 1.
        color_jitter: One number f in [0, 1) for brightness, contrast and saturation:
            adds up to f * 255 in either direction, multiplies the difference from the
            image's mean colour by 1 - f to 1 + f, and the difference from the pixel's
            grey by (1 - f) / (1 + f) to (1 + f) / (1 - f). Or a dict of Keras's
            `brightness_factor` (-1 to 1), `contrast_factor` (0 to 1; (a, b) is from 1 -
            a to 1 + b, f is (f, f)), `saturation_factor` (0 to 1; 0 is grey, 0.5 no
            change; f is (0, f)) and `hue_factor` (0 to 1, as a fraction of half a turn
            in either direction; f is (0, f)).
        grayscale: Probability of converting the image to grey. Settings: `factor`.
        pca_color: Standard deviation of AlexNet's colour shift along the principal axes
            of RGB values; AlexNet's own is 0.1. Settings: `std`, `eigenvalues` (3, for
            values 0 to 1) and `eigenvectors` (3 x 3, in columns), both by default
            ImageNet's. `pca_color()` finds all three in your own images, of any number
            of channels.
        channel_shuffle: Probability of drawing an order of red, green and blue; all
            orders are equally likely, including the usual one. Settings: `factor`, that
            probability or the range it is drawn from.
        color_temperature: Colour temperature of the light in kelvin, 3000 (red) to
            15000 (blue); near 6500 colours hardly change. A pair is the range it is
            drawn from, by default the whole range. Settings: `temperature` and
            `probability`, default 1.
        auto_contrast: Probability of spreading the values of each channel over all of 0
            to 255. Settings: `factor`, that probability or the range it is drawn from.
        equalization: Probability of making all values of each channel about equally
            frequent. Settings: `factor`, as for `auto_contrast`.
        gamma: Largest exponent of values as fractions of 255, above 1 darker and below
            1 brighter; one number f is (1 / f, f), and exponents are drawn evenly on a
            logarithmic scale. Settings: `gamma`, default 1.5, and `probability`,
            default 1.
        posterization: Number of the 8 bits of each value that are kept, 1 to 8.
            Settings: `factor`, that number or the range it is drawn from, default 4,
            and `probability`, default 1.
        solarization: Threshold, 0 to 1, as a fraction of 255, at and above which values
            are inverted; one number f is (0, f). Settings: `threshold_factor`, default
            0 (all values), `addition_factor`, 0 to 1, added beforehand, default 0, and
            `probability`, default 1.
        invert: Probability of inverting all values. Settings: `factor`, as for
            `auto_contrast`.
        sharpness: How strong details are, 0 to 1: 0 is smoothed, 0.5 unchanged, 1
            sharpened; one number f is (0, f). Settings: `factor`, default 1, and
            `probability`, default 1.
        gaussian_blur: Largest standard deviation in pixels. One number f is (0, f).
            Settings: `sigma`, `factor` (the probability, default 1) and `kernel_size`
            (odd, in pixels; by default 3 sigma to each side).
        motion_blur: Greatest length in pixels, 3 to 63 and odd, of a line in a random
            direction along which pixels are averaged; one number f is (3, f). Settings:
            `kernel_size`, default 7, and `probability`, default 1.
        downscaling: Height and width, as a fraction of the image's, to which the image
            is reduced by averaging before its pixels are enlarged again. Settings:
            `scale`, 0.01 to 1, a number or the range it is drawn from, default 0.5, and
            `probability`, default 1.
        gaussian_noise: Standard deviation of noise as a fraction of 255, 0 to 1; with a
            pair, it is drawn per image. Settings: `stddev`.
        jpeg_compression: Quality, 1 (worst) to 100, at which the image is compressed as
            JPEG, colours at half the resolution. Settings: `quality`, a number or the
            range it is drawn from, default (30, 95), and `probability`, default 1.
            `augmentation_layer()` refuses it.
        erasing: Probability of erasing a box. Settings: `factor`, that probability,
            default 1, or the range it is drawn from; `scale`, range of the box's area
            as a fraction of the image's, default (0.02, 0.33); `ratio`, range of its
            height in pixels divided by its width, drawn evenly on a logarithmic scale,
            such as (0.3, 3.3), a side being no longer than the image's, or None, the
            default, for height and width that are drawn independently; `count`, number
            of boxes, 1 to 32, or the range it is drawn from, default 1; `fill_value`,
            one number or three, 0 to 255, or None, the default, for noise.
        fill_mode: How to fill pixels that come from outside the image: `"reflect"` (d c
            b a | a b c d | d c b a), `"nearest"`, `"wrap"` or `"constant"`. Default
            `"reflect"`.
        fill_value: Number, 0 to 255, the value for `"constant"`. Default 0.
        interpolation: `"bilinear"` or `"nearest"`. Default `"bilinear"`.

    Returns:
        A policy, which prints what it does and is immutable; it is false if it does
        nothing. `policy.to_config()` returns it as a plain dict, which can be kept as
        JSON and is accepted wherever a policy is. A list of policies is applied in
        sequence.

    Raises:
        TypeError: If a setting is not a number, or there is no such operation.
        ValueError: If a setting is outside its range, or there is no such setting.

    Example:
        >>> augmentation(crop=7 / 8, rotation=0.1, flip="horizontal")
        <Policy> augmentation
        crop         0.875 x 0.875 of the image, enlarged to its size
        flip         horizontal, for half of the images
        rotation     -36 to 36 degrees
        outside      reflect
        >>> augmentation(crop={"shorter_side": (256, 512), "size": 224})
        <Policy> augmentation
        crop         224 x 224 pixels of the image at a shorter side of 256 to 512
        outside      reflect

    Source:
        Keras's RandomCrop, RandomFlip, RandomTranslation, RandomShear, RandomRotation,
        RandomZoom, RandomPerspective, RandomElasticTransform, RandomColorJitter,
        RandomGrayscale, AutoContrast, Equalization, RandomPosterization, Solarization,
        RandomInvert, RandomSharpness, RandomGaussianBlur, GaussianNoise and
        RandomErasing. Equalization, and the edges in `sharpness`, are those of Pillow
        and torchvision. Channel order and JPEG: torchvision's RandomChannelPermutation
        and JPEG. Motion blur and downscaling: albumentations' MotionBlur and Downscale.
        Colour temperature: Zini et al. (2023), arXiv:2202.07993. Crop by area: Szegedy
        et al. (2015), Going Deeper with Convolutions; torchvision rounds the window to
        whole pixels, and sees nothing beyond its edge. Crop by scale: Simonyan and
        Zisserman (2015), arXiv:1409.1556. PCA colour: Krizhevsky, Sutskever and Hinton
        (2012), ImageNet Classification with Deep Convolutional Neural Networks. The
        numbers of `erasing` and `contrast_factor` mean what Keras documents; Keras's
        code draws from half the range. Keras's perspective leaves the top left corner
        where it is and moves the others by a share of their coordinates, and its
        elastic waves become finer as they become lower: here they are always as smooth
        as Keras's highest, and each image has its own height. The two flips are drawn
        independently.
    """
    given = {**locals(), **others}
    refuse_unknown(others, "augmentation")
    return Augmentation(
        fill_mode=as_choice(fill_mode, "fill_mode", FILL_MODES),
        fill_value=as_float(fill_value, "fill_value", minimum=0, maximum=255),
        interpolation=as_choice(interpolation, "interpolation", INTERPOLATIONS),
        **{
            name: operation.read(given[name])
            for name, operation in OPERATIONS.items()
            if given.get(name) is not None
        },
    )


# Without `**others`, which is not an argument by name.
_WRITTEN = {
    name: parameter
    for name, parameter in inspect.signature(augmentation).parameters.items()
    if parameter.kind is parameter.KEYWORD_ONLY
}


def _signature():
    """Return the signature of `augmentation`, with all operations there are."""
    operations = {
        name: inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None)
        for name in OPERATIONS
    }
    return inspect.Signature([*(operations | _WRITTEN).values()])


augmentation.__signature__ = _signature()


def refuse_unknown(arguments, function):
    """Raise if a function's arguments include an unknown operation."""
    known = list(_signature().parameters)
    unknown = [name for name in arguments if name not in known]
    if unknown:
        raise TypeError(
            f"`{function}` has no operation {shown(unknown)}."
            f"{nearest(unknown[0], known)}"
        )
