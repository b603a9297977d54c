"""Decode image files to pixels."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from PIL import Image, ImageOps


def decode_image(file, image_size, channels):
    """Return the pixels of an image file, upright and resized.

    Args:
        file: Path, or binary file object, of any format that Pillow reads.
        image_size: (height, width) in pixels that the image is stretched to.
        channels: 1 for grey, 3 for RGB.

    Returns:
        uint8 array, (height, width, channels).

    Raises:
        Exception: Whatever Pillow raises for a file it cannot read.
    """
    height, width = image_size
    with Image.open(file) as image:
        # A JPEG may be decoded at a half, a quarter or an eighth of its size, still
        # no smaller than asked for, whichever way it is rotated afterwards.
        image.draft(None, (max(image_size), max(image_size)))
        upright = _without_alpha(_eight_bit(ImageOps.exif_transpose(image)))
    pixels = upright.convert("RGB" if channels == 3 else "L")
    if pixels.size != (width, height):
        pixels = pixels.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(pixels).reshape(height, width, channels)


def decode_images(files, image_size, channels):
    """Return the pixels of many files, decoded in threads.

    Returns:
        uint8 array, (n, height, width, channels).

    Raises:
        ValueError: If files cannot be read as images; it names each of them.
    """
    attempt = partial(_decoded_or_error, image_size=image_size, channels=channels)
    pixels = np.empty((len(files), *image_size, channels), np.uint8)
    bad = []
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as threads:
        for place, (file, result) in enumerate(
            zip(files, threads.map(attempt, files), strict=True)
        ):
            if isinstance(result, Exception):
                bad.append(f"{file}: {result}")
            else:
                pixels[place] = result
    if bad:
        raise ValueError(
            f"{len(bad)} of {len(files)} files cannot be read as images. Repair them "
            "or move them out of the folder:\n" + "\n".join(bad)
        )
    return pixels


def _decoded_or_error(file, image_size, channels):
    # Pillow's readers raise many kinds of errors on damaged files; each is an answer.
    try:
        return decode_image(file, image_size, channels)
    except Exception as error:
        return error


def _eight_bit(image):
    """Return a 16-bit greyscale image scaled to 8 bits, others as they are."""
    if not image.mode.startswith("I"):
        return image
    values = np.asarray(image).astype(np.int64)
    return Image.fromarray(np.clip(values // 257, 0, 255).astype(np.uint8))


def _without_alpha(image):
    """Return an image with transparent parts laid on white, as viewers show them."""
    if "A" not in image.getbands() and "transparency" not in image.info:
        return image
    image = image.convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")
