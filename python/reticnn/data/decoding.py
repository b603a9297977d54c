"""Decode image files to pixels, many at a time, and say what is wrong with bad ones."""

import contextlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache, partial
from itertools import chain
from operator import itemgetter
from typing import NamedTuple

import numpy as np
from PIL import UnidentifiedImageError

from reticnn.coercion import printable
from reticnn.data.budget import memory
from reticnn.data.described import length_of
from reticnn.data.exif import exif_of
from reticnn.data.library_settings import while_decoding
from reticnn.data.readers import (
    Header,
    description_of,
    header_of,
    may_be_deep,
    pixels_of,
    read_through,
    sample_of,
    upright_size_of,
)
from reticnn.data.readers.photo import image_in
from reticnn.data.refusing import RefusedError
from reticnn.data.resizing import fitted, scaled
from reticnn.runtime.conditions import MissingPackageError
from reticnn.runtime.files import NotAFileError, held_or_opened, opened
from reticnn.runtime.stopping import check_wanted, result_of, work_in

# So many bad files are named in a message.
_NAMED = 10
_ALL_IN_A_TABLE = "`check_images()` lists all that are in a folder."

FILE_FACTS = ("exif_time", "exif_camera", "file_size", "file_width", "file_height")

_THREADS = min(8, os.cpu_count() or 1)

# Files of fewer bytes are decoded so soon that several threads wait for each other. So
# one has them for itself, for so long: where the disk is slow, several wait at once.
_LITTLE_BYTES = 4096
_SECONDS_ALONE = 0.25e-3
_MOST_SECONDS_ALONE = 0.05

# So many files tell how large those beside them are.
_LOOKED_AT = 8


def _decoded(file, image_size, reading, resize, dtype, keep=None):
    """Return the pixels of an image file, upright and resized, and their `Extremes`.

    Args:
        file: Path, or binary file object, of any format that is known.
        image_size: (height, width) in pixels.
        reading: `Reading`.
        resize: "stretch", "crop" or "pad", as for `image_folder`.
        dtype: uint8 or float32.
        keep: Function to call with the values and their range, as for `as_image`.

    Raises:
        Exception: Whatever Pillow raises for a file it cannot read.
    """
    with memory.share() as take, open_file(file) as found:
        has_floats = dtype != np.uint8
        pixels, extremes = pixels_of(
            found, max(image_size), reading, has_floats, take, keep
        )
        fitting = fitted(pixels, image_size, resize)
        return fitting.reshape(*image_size, reading.channels), extremes


class Decoded(NamedTuple):
    """Decoded images, and what there is to say about their files, by their index.

    `problems` are the reasons why files cannot be read; `extremes` are the `Extremes`
    of the values of files with more than 8 bits.
    """

    images: object
    problems: dict
    extremes: dict


def decode_images(
    files, image_size, reading, resize="stretch", dtype=np.uint8, keep=None
):
    """Return the pixels of many files, decoded in threads, and what is wrong with some.

    Where an image is made of a file's values alone, `keep` is called with the file's
    position, these values and their range, in the thread that reads them.

    Returns:
        `Decoded`, its images an array, (n, height, width, channels), undefined where a
        file cannot be read.
    """
    pixels = np.empty((len(files), *image_size, reading.channels), dtype)
    extremes = [None] * len(files)

    def decode_at(index):
        own = keep and partial(keep, index)
        pixels[index], extremes[index] = _decoded(
            files[index], image_size, reading, resize, dtype, own
        )

    return Decoded(pixels, problems_of_each(decode_at, files), _known(extremes))


def decode_scaled(files, side, reading, dtype=np.uint8):
    """Return the pixels of many files at a shorter side of `side`, and the problems.

    Returns:
        `Decoded`, its images a list of arrays, (height, width, channels), each with the
        aspect of its file, None where a file cannot be read.
    """
    images = [None] * len(files)
    extremes = [None] * len(files)
    has_floats = dtype != np.uint8

    def decode_at(index):
        with memory.share() as take, open_file(files[index]) as file:
            pixels, extremes[index] = pixels_of(file, side, reading, has_floats, take)
            shape = (*pixels.shape[:2], reading.channels)
            images[index] = scaled(pixels.reshape(shape), side)

    return Decoded(images, problems_of_each(decode_at, files), _known(extremes))


def decode_for(files, jobs, reading, dtype=np.uint8):
    """Return what is made of the pixels of many files, and the problems.

    Args:
        files: Paths, or binary file objects.
        jobs: For each, the least of its pixels on the shorter side that are wanted, and
            a function that is given them, (height, width) or (height, width, channels).
        reading: `Reading`.
        dtype: uint8 or float32.

    Returns:
        `Decoded`, its images a list of what the functions return.
    """
    made = [None] * len(files)
    extremes = [None] * len(files)
    has_floats = dtype != np.uint8

    def decode_at(index):
        side, use = jobs[index]
        with memory.share() as take, open_file(files[index]) as file:
            pixels, extremes[index] = pixels_of(file, side, reading, has_floats, take)
            made[index] = use(pixels)

    return Decoded(made, problems_of_each(decode_at, files), _known(extremes))


def headers_of(files, reading):
    """Return the `Header` of each file."""
    headers = [Header(np.dtype(np.uint8))] * len(files)
    deep = [index for index, file in enumerate(files) if may_be_deep(file)]

    def look_at(position):
        index = deep[position]
        headers[index] = Header(None)
        with open_file(files[index]) as file:
            headers[index] = header_of(file, reading)

    problems_of_each(look_at, [files[index] for index in deep])
    return headers


def sampled_values(files, reading, most):
    """Return arrays, (n, bands), of so many values of each file that can be read."""
    samples = [np.empty((0, 0))] * len(files)

    def sample_at(index):
        with memory.share() as take, open_file(files[index]) as file:
            samples[index] = sample_of(file, reading, most, take)

    problems_of_each(sample_at, files)
    return samples


def upright_sizes(files, reading):
    """Return (width, height) of each image as it is upright, and the problems by index.

    The size is None where there is a problem.
    """
    sizes = [None] * len(files)

    def look_at(index):
        with open_file(files[index]) as file:
            sizes[index] = upright_size_of(file, reading)

    return sizes, problems_of_each(look_at, files)


def describe_images(files):
    """Return a dict for each file: its format, size and problem, as far as known."""
    described = _for_each(lambda index: _description(files[index]), files)
    return [description for _, description in described]


def facts_of_files(files):
    """Return what files tell of themselves and of how they were taken.

    Returns:
        Dict of lists with one value per file, None where it is not known: `exif_time`
        and `exif_camera`, as `exif_of` has them, `file_size` in bytes, `file_width` and
        `file_height` in pixels as stored.
    """
    facts = {name: [None] * len(files) for name in FILE_FACTS}

    def look_at(index):
        with open_file(files[index]) as file:
            facts["file_size"][index] = length_of(file)
            for name, value in _told_by(file).items():
                facts[name][index] = value

    problems_of_each(look_at, files)
    return facts


def _told_by(file):
    """Return what the header of an open file tells, also of one without EXIF tags."""
    try:
        with image_in(file) as image:
            size = {"file_width": image.width, "file_height": image.height}
            return {**exif_of(image), **size}
    except Exception:
        # Pillow does not read all that is read here, nor all tags.
        about = description_of(file)
        return {f"file_{name}": about[name] for name in ("width", "height")}


def unknown(problem):
    """Return what `describe_images` says of a file of which only a problem is known."""
    known = dict.fromkeys(("format", "width", "height"))
    return {**known, "has_more_pages": False, "problem": problem}


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


def problems_of_each(decode, files):
    """Return the problem of each index that cannot be decoded, by the index."""
    problems = _for_each(partial(_problem_of, decode, files), files)
    return {index: problem for index, problem in problems if problem}


def _for_each(action, files):
    """Return (index, action(index)) pairs for all files, sorted, made in threads."""
    indices = iter(range(len(files)))

    def take_turns(_):
        done = []
        with while_decoding:
            # Taking the next number from an iterator is one step for all threads.
            for index in indices:
                check_wanted()
                done.append((index, action(index)))
        return done

    if len(files) == 1 and threading.current_thread() is not threading.main_thread():
        # Nobody waits here for Ctrl-C.
        return take_turns(0)
    with work_in(_threads()) as start:
        shares = [start(take_turns, 0)]
        wait(shares, _seconds_alone(files))
        if not shares[0].done():
            others = range(1, min(_THREADS, len(files)))
            shares += [start(take_turns, number) for number in others]
        return sorted(chain.from_iterable(map(result_of, shares)), key=itemgetter(0))


def _seconds_alone(files):
    """Return how long one thread decodes files before others join it."""
    some = files[:: max(1, len(files) // _LOOKED_AT)]
    if sum(map(_bytes_of, some)) >= _LITTLE_BYTES * len(some):
        return 0
    return min(_SECONDS_ALONE * len(files), _MOST_SECONDS_ALONE)


def _bytes_of(file):
    """Return the bytes of a file, as if it were large where that is not known."""
    try:
        return os.stat(file).st_size
    except (OSError, TypeError):
        return _LITTLE_BYTES


@cache
def _threads():
    return ThreadPoolExecutor(_THREADS, "reticnn-decode")


# A forked child has the pool but none of its threads, and would wait for them forever.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threads.cache_clear)


def open_file(file):
    """Return an open file as a context: a path's is closed at its end."""
    is_path = isinstance(file, str)
    return held_or_opened(file) if is_path else contextlib.nullcontext(file)


def _description(file):
    known = {}

    def look(_):
        with memory.share() as take, open_file(file) as found:
            known.update(description_of(found))
            read_through(found, take)

    return {**unknown(_problem_of(look, [file], 0)), **known}


def _problem_of(action, files, index):
    """Return what is wrong with a file, or None if the action on it succeeds."""
    # Pillow's readers raise many kinds of errors on damaged files; each is an answer.
    try:
        action(index)
    except MissingPackageError:
        raise
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
            "is a TIFF file of a kind that cannot be read: convert it, or give arrays"
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
