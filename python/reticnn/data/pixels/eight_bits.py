"""Convert Pillow's images to pixels of 8 bits, grey or RGB."""

import numpy as np
from PIL import Image, TiffImagePlugin


def converted_part(part, channels):
    """Return the pixels of a part of an image, and the highest of 16-bit ones.

    Args:
        part: Pillow's image of a part, opened and not loaded.
        channels: 1 for grey, 3 for RGB.
    """
    return converter_of(part, channels)(part)


def converter_of(image, channels):
    """Return what makes pixels, and the highest of 16-bit ones, of parts of an image.

    Args:
        image: Pillow's image, opened and not loaded, as it is not known afterwards what
            its values are.
        channels: 1 for grey, 3 for RGB.
    """
    has_16_bits, inverted = has_sixteen_bits(image), is_white_at_zero(image)

    def convert(part):
        pixels, highest = converted(part, channels, has_16_bits)
        return (255 - pixels, None) if inverted else (pixels, highest)

    return convert


def has_sixteen_bits(image):
    """Return whether the values of an image, not loaded, lie in a file in 16 bits."""
    arguments = image.tile[0][3] if image.tile else ""
    return ";16" in str(arguments[0] if isinstance(arguments, tuple) else arguments)


def is_white_at_zero(image):
    """Return whether 0 is white in a TIFF with 16 bits, which Pillow does not heed."""
    if image.format != "TIFF" or image.mode != "I;16":
        return False
    return image.tag_v2.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == 0


def converted(image, channels, has_16_bits):
    """Return the pixels of an image in 8 bits, and the highest value of 16."""
    image, highest = _eight_bit(image)
    if has_16_bits and highest is None:
        # Pillow has kept the upper half of the bits.
        highest = int(np.asarray(in_mode(image, "RGB")).max()) * 256 + 255
    image = in_mode(_without_alpha(image), "RGB" if channels == 3 else "L")
    return np.asarray(image), highest


def in_mode(image, mode):
    return image if image.mode == mode else image.convert(mode)


def _eight_bit(image):
    """Return a 16-bit greyscale image scaled to 8 bits and its highest value.

    Others are returned as they are, with None.
    """
    if not image.mode.startswith("I"):
        return image, None
    values = np.asarray(image)
    greys = (values >> 8).astype(np.uint8)
    # White, as below, which Pillow does not do for 16 bits.
    greys[values == image.info.get("transparency", -1)] = 255
    return Image.fromarray(greys), int(values.max())


def _without_alpha(image):
    """Return an image with transparent parts laid on white, as viewers show them."""
    if "A" not in image.getbands() and "transparency" not in image.info:
        return image
    image = image.convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")
