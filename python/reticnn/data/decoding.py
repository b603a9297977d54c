"""Decode image files to pixels, many at a time, and say what is wrong with bad ones."""

import contextlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from itertools import chain
from operator import itemgetter
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from reticnn.coercion import printable
from reticnn.data.resizing import fitted, scaled
from reticnn.runtime.files import NotAFileError, opened
from reticnn.runtime.stopping import check_wanted, results_in

_THREADS = min(8, os.cpu_count() or 1)

# The largest cameras take 200 million pixels. Images of more than 50 million that have
# to be decoded whole are so in one thread at a time, for the memory that they take.
_MOST_PIXELS = 500_000_000
_LARGE = 50_000_000
_large_in_turn = threading.Lock()

# Formats whose 16 bits Pillow hands over in an image of 32.
_SIXTEEN_IN_32 = ("PNG", "PPM")

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
    return _decoded(file, image_size, channels, resize)[0]


def _decoded(file, image_size, channels, resize):
    """Return an image as `decode_image` does, and the highest of its 16-bit values."""
    pixels, highest = _upright_pixels(file, max(image_size), channels)
    fitting = fitted(pixels, image_size, resize)
    return fitting.reshape(*image_size, channels), highest


class Decoded(NamedTuple):
    """Decoded images, and what there is to say about their files, by their index.

    `problems` are the reasons why files cannot be read; `highest` are the highest
    values of files with 16 bits.
    """

    images: object
    problems: dict
    highest: dict


def decode_images(files, image_size, channels, resize="stretch"):
    """Return the pixels of many files, decoded in threads, and what is wrong with some.

    Returns:
        `Decoded`, its images a uint8 array, (n, height, width, channels), undefined
        where a file cannot be read.
    """
    pixels = np.empty((len(files), *image_size, channels), np.uint8)
    highest = [None] * len(files)

    def decode_at(index):
        pixels[index], highest[index] = _decoded(
            files[index], image_size, channels, resize
        )

    return Decoded(pixels, _problems_of_each(decode_at, files), _known(highest))


def decode_scaled(files, side, channels):
    """Return the pixels of many files at a shorter side of `side`, and the problems.

    Returns:
        `Decoded`, its images a list of uint8 arrays, (height, width, channels), each
        with the aspect of its file, None where a file cannot be read.
    """
    images = [None] * len(files)
    highest = [None] * len(files)

    def decode_at(index):
        pixels, highest[index] = _upright_pixels(files[index], side, channels)
        images[index] = scaled(pixels.reshape(*pixels.shape[:2], channels), side)

    return Decoded(images, _problems_of_each(decode_at, files), _known(highest))


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


def _known(values):
    """Return the values that are not None by their index."""
    return {index: value for index, value in enumerate(values) if value is not None}


def _problems_of_each(decode, files):
    """Return the problem of each index that cannot be decoded, by the index."""
    problems = _for_each(partial(_problem_of, decode, files), len(files))
    return {index: problem for index, problem in problems if problem}


def _for_each(action, count):
    """Return sorted (index, action(index)) pairs, computed in several threads."""
    indices = iter(range(count))

    def take_turns(_):
        done = []
        with _while_decoding:
            # Taking the next number from an iterator is one step for all threads.
            for index in indices:
                check_wanted()
                done.append((index, action(index)))
        return done

    shares = results_in(_threads(), take_turns, range(min(_THREADS, count)))
    return sorted(chain.from_iterable(shares), key=itemgetter(0))


class _LargePhotos:
    """Lifts Pillow's limit, which lies below the largest photos, while any are decoded.

    It holds for the whole process.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._users = 0

    def __enter__(self):
        with self._lock:
            if not self._users:
                self._before = Image.MAX_IMAGE_PIXELS
                Image.MAX_IMAGE_PIXELS = None
            self._users += 1

    def __exit__(self, *_):
        with self._lock:
            self._users -= 1
            if not self._users:
                Image.MAX_IMAGE_PIXELS = self._before


_while_decoding = _LargePhotos()


@cache
def _threads():
    return ThreadPoolExecutor(_THREADS, "reticnn-decode")


# A forked child has the pool but none of its threads, and would wait for them forever.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threads.cache_clear)


def _upright_pixels(file, side, channels):
    """Return a file's pixels, upright, `side` high and wide or more if it is.

    And the highest of its values if they have 16 bits, else None.
    """
    with _opened(file) as opened_file, Image.open(opened_file) as image:
        _check_kind(image)
        pixels = _jpeg_pixels(image, side, channels)
        if pixels is not None:
            return pixels, None
        is_large = image.width * image.height > _LARGE
        with _large_in_turn if is_large else contextlib.nullcontext():
            return _any_pixels(image, side, channels)


def _opened(file):
    """Return a context with a file object, of which nothing is read once unwanted."""
    if not isinstance(file, str):
        return contextlib.nullcontext(file)
    return opened(file)


class _RefusedError(Exception):
    """An image that can be read, but not be understood."""


def _check_kind(image):
    """Raise for images that are too large, or whose values could mean anything."""
    if image.width * image.height > _MOST_PIXELS:
        raise _RefusedError(
            f"has too many pixels to be a photo ({image.width:,} x {image.height:,}; "
            f"at most {_MOST_PIXELS:,} are read)"
        )
    kind = {"F": "floating-point", "I": "32-bit or signed"}.get(image.mode)
    if kind and not (image.mode == "I" and image.format in _SIXTEEN_IN_32):
        raise _RefusedError(
            f"has {kind} values, and nothing says which of them are black and white: "
            "convert it to 8 or 16 bits, or give arrays with values 0 to 255"
        )


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
    """Return the pixels of an image of any format, and the highest of 16-bit ones."""
    image.draft(None, (side, side))
    has_16_bits = ";16" in _raw_mode(image)
    upright, highest = _eight_bit(ImageOps.exif_transpose(image))
    if has_16_bits and highest is None:
        # Pillow has kept the upper half of the bits.
        highest = int(np.asarray(upright.convert("RGB")).max()) * 256 + 255
    upright = _without_alpha(upright)
    return np.asarray(upright.convert("RGB" if channels == 3 else "L")), highest


def _raw_mode(image):
    """Return how the values lie in a file, such as `"RGB;16B"`, or nothing."""
    arguments = image.tile[0][3] if image.tile else ""
    return str(arguments[0] if isinstance(arguments, tuple) else arguments)


def _eight_bit(image):
    """Return a 16-bit greyscale image scaled to 8 bits and its highest value.

    Others are returned as they are, with None.
    """
    if not image.mode.startswith("I"):
        return image, None
    values = np.asarray(image)
    return Image.fromarray((values >> 8).astype(np.uint8)), int(values.max())


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
        with _opened(file) as opened_file, Image.open(opened_file) as image:
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
    if isinstance(error, NotAFileError):
        return str(error)
    if isinstance(error, PermissionError):
        return "cannot be read (permission denied)"
    if isinstance(error, UnidentifiedImageError):
        return _what_it_is_instead(file)
    if isinstance(error, _RefusedError):
        return str(error)
    return f"is damaged: {str(error) or type(error).__name__}"


def _what_it_is_instead(file):
    path = _path_of(file)
    if path and not os.path.getsize(path):
        return "is empty (0 bytes)"
    if path and _starts_like_tiff(path):
        return (
            "is a TIFF file of a kind that cannot be read (such as several channels of "
            "floating-point values): convert it, or give arrays"
        )
    return "is not an image, or is so damaged that its format is unclear"


def _starts_like_tiff(path):
    with opened(path) as file:
        return file.read(4) in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def _path_of(file):
    """Return the path of a file, or nothing for a file object."""
    return file if isinstance(file, str) else ""


def _printable(file):
    """Return a file's name on one line."""
    name = printable(str(getattr(file, "name", file)))
    return name if name.isprintable() else repr(name)
