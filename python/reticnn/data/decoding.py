"""Decode image files to pixels, many at a time, and say what is wrong with bad ones."""

import contextlib
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from itertools import chain
from operator import itemgetter

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from reticnn.data.resizing import fitted, scaled

_THREADS = min(8, os.cpu_count() or 1)

# How OpenCV is asked for colours, and for a JPEG at a part of its size, which saves
# most of the work.
_COLOURS = {1: cv2.IMREAD_GRAYSCALE, 3: cv2.IMREAD_COLOR_RGB}
_REDUCTIONS = {
    8: cv2.IMREAD_REDUCED_GRAYSCALE_8,
    4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
    2: cv2.IMREAD_REDUCED_GRAYSCALE_2,
}


def decode_image(file, image_size, channels, resize="stretch"):
    """Return the pixels of an image file, upright and resized.

    Args:
        file: Path, or binary file object, of any format that Pillow reads.
        image_size: (height, width) in pixels.
        channels: 1 for grey, 3 for RGB.
        resize: "stretch", "crop" or "pad", as for `image_folder`.

    Returns:
        uint8 array, (height, width, channels).

    Raises:
        Exception: Whatever Pillow raises for a file it cannot read.
    """
    pixels = _upright_pixels(file, max(image_size), channels)
    return fitted(pixels, image_size, resize).reshape(*image_size, channels)


def decode_images(files, image_size, channels, resize="stretch"):
    """Return the pixels of many files, decoded in threads, and what is wrong with some.

    Returns:
        Tuple of a uint8 array, (n, height, width, channels), and a dict with the
        problem of each file that cannot be read, by its index; their pixels are
        undefined.
    """
    pixels = np.empty((len(files), *image_size, channels), np.uint8)

    def decode_at(index):
        pixels[index] = decode_image(files[index], image_size, channels, resize)

    return pixels, _problems_of_each(decode_at, files)


def decode_scaled(files, side, channels):
    """Return the pixels of many files at a shorter side of `side`, and the problems.

    Returns:
        Tuple of a list of uint8 arrays, (height, width, channels), each with the aspect
        of its file, and a dict with the problem of each file that cannot be read, by
        its index; there the list has None.
    """
    images = [None] * len(files)

    def decode_at(index):
        pixels = _upright_pixels(files[index], side, channels)
        images[index] = scaled(pixels.reshape(*pixels.shape[:2], channels), side)

    return images, _problems_of_each(decode_at, files)


def describe_images(files):
    """Return a dict for each file: its format, size and problem, as far as known."""
    described = _for_each(lambda index: _description(files[index]), len(files))
    return [description for _, description in described]


def bad_files_message(files, problems, total):
    """Return the text of an error or a warning that names files with their problems."""
    lines = [f"{_printable(files[index])}: {problems[index]}" for index in problems]
    return f"{len(lines)} of {total} files cannot be read as images.\n" + "\n".join(
        lines
    )


def _problems_of_each(decode, files):
    """Return the problem of each index that cannot be decoded, by the index."""
    problems = _for_each(partial(_problem_of, decode, files), len(files))
    return {index: problem for index, problem in problems if problem}


def _for_each(action, count):
    """Return sorted (index, action(index)) pairs, computed in several threads."""
    indices = iter(range(count))

    def take_turns(_):
        # Taking the next number from an iterator is one step for all threads.
        return [(index, action(index)) for index in indices]

    with _one_thread_each():
        shares = _threads().map(take_turns, range(min(_THREADS, count)))
        return sorted(chain.from_iterable(shares), key=itemgetter(0))


@contextlib.contextmanager
def _one_thread_each():
    """Keep OpenCV to one thread per image while images are spread over threads."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


@cache
def _threads():
    return ThreadPoolExecutor(_THREADS, "reticnn-decode")


# A forked child has the pool but none of its threads, and would wait for them forever.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threads.cache_clear)


def _upright_pixels(file, side, channels):
    """Return a file's pixels, upright, `side` high and wide or more if it is."""
    with Image.open(file) as image:
        pixels = _jpeg_pixels(image, side, channels)
        return _any_pixels(image, side, channels) if pixels is None else pixels


def _jpeg_pixels(image, side, channels):
    """Return the pixels of an ordinary JPEG, upright; None for what Pillow has to read.

    OpenCV decodes and converts in half of Pillow's time. It gives nothing for a damaged
    file, whose error then is Pillow's.
    """
    if image.format not in ("JPEG", "MPO") or image.mode not in ("L", "RGB"):
        return None
    image.fp.seek(0)
    encoded = np.frombuffer(image.fp.read(), np.uint8)
    flags = _COLOURS[channels] | _reduction(image.size, side)
    with contextlib.suppress(cv2.error):
        return cv2.imdecode(encoded, flags)
    return None


def _reduction(size, side):
    """Return the flag for the smallest JPEG that still has `side` pixels both ways."""
    for part, flag in _REDUCTIONS.items():
        if min(size) // part >= side:
            return flag
    return 0


def _any_pixels(image, side, channels):
    """Return the pixels of an image of any format, upright, in grey or RGB."""
    image.draft(None, (side, side))
    upright = _without_alpha(_eight_bit(ImageOps.exif_transpose(image)))
    return np.asarray(upright.convert("RGB" if channels == 3 else "L"))


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


def _description(file):
    known = {"format": None, "width": None, "height": None}

    def look(_):
        with Image.open(file) as image:
            known.update(format=image.format, width=image.width, height=image.height)
        decode_image(file, (8, 8), 3)

    return {**known, "problem": _problem_of(look, [file], 0), **known}


def _problem_of(action, files, index):
    """Return what is wrong with a file, or None if the action on it succeeds."""
    # Pillow's readers raise many kinds of errors on damaged files; each is an answer.
    try:
        action(index)
    except Exception as error:
        return _explained(error, files[index])
    return None


def _explained(error, file):
    """Return an error's reason in the words of somebody with a folder of photos."""
    if isinstance(error, FileNotFoundError):
        return "does not exist"
    if isinstance(error, IsADirectoryError) or os.path.isdir(_path_of(file)):
        return "is a folder"
    if isinstance(error, PermissionError):
        return "cannot be read (permission denied)"
    if isinstance(error, UnidentifiedImageError):
        return _what_it_is_instead(file)
    if isinstance(error, Image.DecompressionBombError):
        return f"has too many pixels to be a photo ({error})"
    return f"is damaged: {str(error) or type(error).__name__}"


def _what_it_is_instead(file):
    path = _path_of(file)
    if path and not os.path.getsize(path):
        return "is empty (0 bytes)"
    return "is not an image, or is so damaged that its format is unclear"


def _path_of(file):
    """Return the path of a file, or nothing for a file object."""
    return file if isinstance(file, str) else ""


def _printable(file):
    """Return a file's name on one line."""
    name = str(getattr(file, "name", file))
    return name if name.isprintable() else repr(name)
