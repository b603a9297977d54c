"""Decode image files to pixels, many at a time, and say what is wrong with bad ones."""

import contextlib
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from itertools import chain
from operator import itemgetter
from typing import NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from reticnn.coercion import printable
from reticnn.data.bounding import allow, bounded
from reticnn.data.budget import memory
from reticnn.data.library_settings import while_decoding
from reticnn.data.pixels import RefusedError, upright_pixels
from reticnn.data.resizing import fitted, scaled
from reticnn.runtime.files import NotAFileError, opened
from reticnn.runtime.stopping import check_wanted, results_in

# So many bad files are named in a message.
_NAMED = 10
_ALL_IN_A_TABLE = "`check_images()` lists all that are in a folder."

_THREADS = min(8, os.cpu_count() or 1)


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
    with memory.share() as take:
        pixels, highest = _upright_pixels(file, max(image_size), channels, take)
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
        with memory.share() as take:
            pixels, highest[index] = _upright_pixels(files[index], side, channels, take)
            images[index] = scaled(pixels.reshape(*pixels.shape[:2], channels), side)

    return Decoded(images, _problems_of_each(decode_at, files), _known(highest))


def describe_images(files):
    """Return a dict for each file: its format, size and problem, as far as known."""
    described = _for_each(lambda index: _description(files[index]), len(files))
    return [description for _, description in described]


def unknown(problem):
    """Return what `describe_images` says of a file of which only a problem is known."""
    return {"format": None, "width": None, "height": None, "problem": problem}


def bad_files_message(files, problems, total):
    """Return the text of an error or a warning that names files with their problems."""
    lines = [f"{len(problems)} of {total} files cannot be read as images."]
    for index in list(problems)[:_NAMED]:
        lines.append(f"{_printable(files[index])}: {problems[index]}")
    if len(problems) > _NAMED:
        lines.append(f"and {len(problems) - _NAMED} more; {_ALL_IN_A_TABLE}")
    return "\n".join(lines)


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
        with while_decoding:
            # Taking the next number from an iterator is one step for all threads.
            for index in indices:
                check_wanted()
                done.append((index, action(index)))
        return done

    shares = results_in(_threads(), take_turns, range(min(_THREADS, count)))
    return sorted(chain.from_iterable(shares), key=itemgetter(0))


@cache
def _threads():
    return ThreadPoolExecutor(_THREADS, "reticnn-decode")


# A forked child has the pool but none of its threads, and would wait for them forever.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threads.cache_clear)


def _upright_pixels(file, side, channels, take):
    """Return a file's pixels as `upright_pixels` does of an image."""
    with _image_in(file) as image:
        return upright_pixels(image, side, channels, take)


@contextlib.contextmanager
def _image_in(file):
    """Open an image that is read as far as needed, whatever comes behind it."""
    whole = opened(file) if isinstance(file, str) else contextlib.nullcontext(file)
    with whole as found, Image.open(bounded(found)) as image:
        allow(image)
        yield image


def _description(file):
    known = {}

    def look(_):
        with _image_in(file) as image:
            known.update(format=image.format, width=image.width, height=image.height)
        decode_image(file, (8, 8), 3)

    return {**unknown(_problem_of(look, [file], 0)), **known}


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
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read ({error.strerror.lower()})"
    if isinstance(error, UnidentifiedImageError):
        return _what_it_is_instead(file)
    if isinstance(error, RefusedError):
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
