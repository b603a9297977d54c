"""Turn values as R sends them into what Python expects, or explain what is wrong.

R has no integers by default, so whole floats are good integers here; a length-one
vector arrives as a scalar, so a scalar is a good sequence of one; R's missing integer
arrives as the smallest 32-bit integer. Each check takes the argument's name and raises
with that name, the value received and the fix.
"""

import difflib
import functools
import inspect
import math
import numbers
import operator
import os
import re
import sys
import unicodedata
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np

from reticnn.notation import (
    R_MISSING_INTEGER,
    in_words,
    shown,
    shown_kind,
    shown_positions,
)

# What programs write for a missing label, R's `NA` among them.
_MISSING = {"NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan"}

# Pillow's modes, of 8, 16 and 32 bits.
_GREYS_AND_COLOURS = ("L", "RGB", "RGBA", "I", "I;16", "I;16B", "I;16L", "F")

# Unicode's letters that choose how the one before them looks.
_SELECTORS = {
    chr(code) for code in (0x034F, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
}

# Pixels. Images of fewer are hardly photos.
_LEAST_SIDE = 8

# Where the classes of the backends' tensors live.
_TENSOR_MODULES = {"torch", "tensorflow", "jax", "jaxlib", "keras"}

# Doubles that fit into a core's second-level cache with room to spare.
_VALUES_IN_CACHE = 100_000


def as_int(value, name, *, minimum=1):
    """Return `value` as an int, at least `minimum` if given; `3.0` counts as `3`."""
    wanted = f"`{name}` must be a whole number"
    if minimum is not None:
        wanted += f" of at least {minimum}"
    number = _number(value, wanted)
    if number != math.floor(number):
        low = math.floor(number)
        raise ValueError(f"{wanted}, not {number}. Use {low} or {low + 1}.")
    if minimum is not None and number < minimum:
        raise ValueError(f"{wanted}, not {int(number)}. Use {minimum} or more.")
    return int(number)


def as_float(value, name, *, minimum=None, maximum=None, above=None, below=None):
    """Return `value` as a finite float within the given bounds."""
    limits = {
        "of at least": (minimum, operator.ge),
        "above": (above, operator.gt),
        "of at most": (maximum, operator.le),
        "below": (below, operator.lt),
    }
    limits = {word: limit for word, limit in limits.items() if limit[0] is not None}
    bounds = " and ".join(f"{word} {bound}" for word, (bound, _) in limits.items())
    wanted = " ".join(filter(None, [f"`{name}` must be a number", bounds]))
    number = _number(value, wanted)
    if not all(holds(number, bound) for bound, holds in limits.values()):
        raise ValueError(
            f"{wanted}, not {shown(number)}. Choose a value in that range."
        )
    return float(number)


def as_bool(value, name):
    """Return `value` as a bool; only true booleans are accepted."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    raise TypeError(
        f"`{name}` must be {shown(True)} or {shown(False)}, not {shown(value)}."
    )


def as_string(value, name):
    """Return `value` if it is a non-empty string."""
    if isinstance(value, str) and value:
        return value
    raise TypeError(f"`{name}` must be a non-empty string, not {shown(value)}.")


def as_choice(value, name, choices):
    """Return `value` if it is among `choices`, else name the nearest choice."""
    if value is None and None in choices:
        return None
    if isinstance(value, str) and value in choices:
        return value
    listed = ", ".join(map(shown, choices))
    near = nearest(value, [choice for choice in choices if choice is not None])
    raise ValueError(f"`{name}` must be one of {listed}, not {shown(value)}.{near}")


def nearest(value, choices):
    """Return ` Did you mean '...'?` for the choice most like `value`, or nothing."""
    match = difflib.get_close_matches(str(value).lower(), choices, n=1, cutoff=0.5)
    return f" Did you mean {match[0]!r}?" if match else ""


def check_takes_one(function, name, argument):
    """Raise if a user's function cannot be called with one argument.

    Args:
        function: The function.
        name: The argument that it came as, for the message.
        argument: What it will be given, as in "the path of a file".
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # Of functions in C, it is not always known.
        return
    try:
        signature.bind(None)
    except TypeError as error:
        wanted = [
            parameter.name
            for parameter in signature.parameters.values()
            if parameter.default is parameter.empty
        ]
        takes = f"has {shown(wanted)} to be given" if wanted else "takes none"
        raise TypeError(
            f"`{name}` must be a function that can be called with one argument, "
            f"{argument}, and this one {takes}."
        ) from error


def as_ints(value, name, *, minimum=1):
    """Return `value`, a whole number or a sequence of them, as a tuple of ints."""
    items = _items(value)
    if not items:
        raise ValueError(f"`{name}` must hold at least one number, not {shown(value)}.")
    return tuple(as_int(item, name, minimum=minimum) for item in items)


def as_floats(value, name, **bounds):
    """Return `value`, a number or a sequence of them, as a tuple of floats."""
    items = _items(value)
    if not items:
        raise ValueError(f"`{name}` must hold at least one number, not {shown(value)}.")
    return tuple(as_float(item, name, **bounds) for item in items)


def as_pair(value, name):
    """Return `value`, one size or a (height, width) pair, as a pair of ints."""
    sizes = as_ints(value, name)
    if len(sizes) > 2:
        raise ValueError(
            f"`{name}` must be one whole number or two (height, width), "
            f"not {shown(value)}."
        )
    return sizes * 2 if len(sizes) == 1 else sizes


def as_image_shape(value, name):
    """Return `value` as a (height, width, channels) tuple of ints."""
    if len(_items(value)) != 3:
        raise ValueError(
            f"`{name}` must be three whole numbers (height, width, channels), "
            f"not {shown(value)}. For colour images of 32 by 32 pixels use "
            "`(32, 32, 3)`."
        )
    return as_ints(value, name)


def as_channels(value, name="channels"):
    """Return 1 for grey images or 3 for colour."""
    wanted = f"`{name}` must be 1 (grey) or 3 (RGB)"
    number = _number(value, wanted)
    if number not in (1, 3):
        raise ValueError(f"{wanted}, not {shown(number)}.")
    return int(number)


def as_seed(value, name="seed"):
    """Return `value` as a non-negative int, or a fresh one for None."""
    if value is None:
        return int.from_bytes(os.urandom(4), "little")
    return as_int(value, name, minimum=0)


def as_path(value, name):
    """Return `value` as a path string with `~` expanded."""
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    path = _as_file_name(as_string(value, name))
    if not _can_be_path(path):
        raise ValueError(
            f"`{name}` must name files, and no file can have such a name: "
            f"{printable(path)!r}. Look for characters in it that cannot be seen."
        )
    return os.path.expanduser(path)


def _can_be_path(text):
    """Return whether a system can have a file of such a name."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def _as_file_name(text):
    """Return a path as Python spells it, which in the C locale is not as in UTF-8."""
    if sys.getfilesystemencoding() == "utf-8":
        return text
    return os.fsdecode(_utf_8(text))


def printable(text):
    """Return a text, such as a path, that can be printed, its other bytes in hex."""
    # Halves of a letter, which stand for no byte.
    text = re.sub("[\ud800-\udc7f\udd00-\udfff]", _escaped, text)
    return _utf_8(text).decode("utf-8", "backslashreplace")


def _escaped(letter):
    return f"\\u{ord(letter[0]):04x}"


def _utf_8(path):
    """Return the bytes of a path as they are on a disk with names in UTF-8."""
    return path.encode("utf-8", sys.getfilesystemencodeerrors())


def tidy_name(text):
    """Return the name of a class without spaces around it, as Unicode composes it."""
    return unicodedata.normalize("NFC", text.strip())


def as_seen(text):
    """Return what a reader sees of a name: no joiners, marks of direction and such.

    Names of which it is the same cannot be told apart in a table or a figure.
    """
    letters = [letter for letter in tidy_name(text) if not _is_unseen(letter)]
    return " ".join("".join(letters).split())


def _is_unseen(letter):
    return unicodedata.category(letter) == "Cf" or letter in _SELECTORS


def as_strings(value, name):
    """Return `value`, a string or a sequence of strings, as a list."""
    return [as_string(item, name) for item in _items(value)]


def check_order(value, name):
    """Raise for a set, whose order is another one in every process."""
    if isinstance(value, (set, frozenset)):
        raise TypeError(
            f"`{name}` must be in an order, which {shown(value)} is not. Give a list."
        )


def as_class_names(value, name="class_names"):
    """Return `value` as a list of two or more different class names, tidied.

    Whole numbers are good names too: classes are often called 0 to 9.
    """
    check_order(value, name)
    items = _items(value)
    if items and not any(isinstance(item, str) for item in items):
        items = [str(as_int(item, name, minimum=None)) for item in items]
    names = [as_string(tidy_name(item), name) for item in as_strings(items, name)]
    if len(set(names)) < 2:
        raise ValueError(
            f"`{name}` must hold at least two different names, not {shown(names)}."
        )
    again = [one for one, count in Counter(names).items() if count > 1]
    if again:
        raise ValueError(
            f"`{name}` has names more than once: {shown(again)}. Give each class its "
            "own name."
        )
    return names


def on_host(value):
    """Return a tensor of a backend as a NumPy array, and other values as they are.

    It may be on a GPU, want gradients, or have numbers of a type that NumPy has not.
    """
    module = type(value).__module__.partition(".")[0]
    if module not in _TENSOR_MODULES or not hasattr(value, "shape"):
        return value
    if hasattr(value, "detach"):  # PyTorch's.
        value = value.detach().cpu()
        if "float" in str(value.dtype):
            value = value.float()
    try:
        array = np.asarray(value)
    except Exception:
        # One that stands for values, and has none.
        return value
    if array.dtype.kind == "V":  # Half precision, as TensorFlow and JAX have it.
        return array.astype(np.float32)
    return array


def as_labels(labels, class_names=None, *, name="labels"):
    """Return labels as (codes, class names): int64 codes counted from 0.

    Args:
        labels: One label per image: strings, or whole numbers or booleans, whose values
            are then the names. A column vector (n, 1) is taken as n labels. A list, an
            array, or a tensor of a backend.
        class_names: The classes in their order, or None for the sorted labels, or for
            the categories of a pandas Categorical. With numbers as labels, the names
            that 0, 1, ... or 1, 2, ... stand for.
        name: The argument's name, for messages.

    Returns:
        Tuple of an int64 array of codes and the list of class names.

    Raises:
        ValueError: If a label is missing or blank, is not in `class_names`, or is a
            fraction or a list.
        TypeError: If a label is neither a string nor a whole number.

    Warns:
        UserWarning: If labels have spaces around them, which do not count.
    """
    labels = on_host(labels)
    if class_names is None:
        class_names = _categories(labels)
    values = _label_values(labels, class_names, name)
    given = None if class_names is None else as_class_names(class_names)
    if given is None:
        given = [str(value) for value in sorted(set(values))]
    elif values and not isinstance(values[0], str):
        values = _names_of_numbers(values, given, name)
    code = {label: index for index, label in enumerate(given)}
    values = [str(value) for value in values]
    unknown = sorted(set(values) - set(given))
    if unknown:
        raise ValueError(
            f"`{name}` has {shown(unknown)}, not among the classes {shown(given)}."
        )
    return np.array([code[value] for value in values], dtype="int64"), given


def as_images(images, name="images", channels=None):
    """Return images as a C-ordered (n, height, width, channels) array, 0 to 255.

    Whole numbers become uint8, others float32, in one pass over the data whatever
    its memory order. The caller's array is never changed; a C-ordered uint8 array is
    returned as it is, not copied.

    Args:
        images: Array-like, (n, height, width, channels), (height, width, channels) with
            1, 3, 4 or `channels` channels, (n, height, width) or (height, width); or a
            list of images of one size. Values 0 to 255, integer, float or raw bytes.
        name: The argument's name, for messages.
        channels: Number of channels that a model takes, or None.

    Returns:
        Array, uint8 or float32.

    Raises:
        TypeError: If `images` does not hold numbers.
        ValueError: If the number of dimensions is wrong, an image has no pixels, or a
            pixel is missing or infinite.

    Warns:
        UserWarning: If a pixel is outside 0 to 255, those of an image are within 0 to
            1, or channels seem to come first.
    """
    array = _batch_of_images(_image_array(images, name), name, channels)
    _warn_of_channels_first(array, name)
    if array.dtype != np.uint8:
        return _checked_pixels(array, name)
    _warn_of_range(array, 0, name)
    return np.ascontiguousarray(array)


def _number(value, wanted):
    """Return `value` as a finite number, or raise a message starting with `wanted`."""
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.item()
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        raise TypeError(f"{wanted}, not {shown(value)}.")
    if value == R_MISSING_INTEGER or math.isnan(value):
        raise ValueError(f"{wanted}, not NA. Give a number.")
    if math.isinf(value):
        raise ValueError(f"{wanted}, not {shown(value)}. Give a finite number.")
    return value.item() if isinstance(value, np.generic) else value


def _items(value):
    """Return `value` as a list; a scalar or a string is a list of one."""
    value = on_host(value)
    if isinstance(value, np.ndarray):
        return value.ravel().tolist()
    if isinstance(value, (str, Mapping)) or not isinstance(value, Iterable):
        return [value]
    try:
        return list(value)
    except Exception:
        # A Keras tensor says that it can be iterated over, and cannot.
        return [value]


def _label_values(labels, class_names, name):
    """Return labels as a list of strings or of ints, with none missing."""
    if (
        isinstance(labels, np.ndarray)
        and labels.ndim > 1
        and labels.size != len(labels)
    ):
        raise ValueError(
            f"`{name}` must have one label per image, not {shown(labels)}. For one-hot "
            "rows, pass the position of each row's 1. Several labels per image are not "
            "supported."
        )
    check_order(labels, name)
    values = _items(labels)
    _check_are_classes(values, name)
    # R's missing string arrives as "NA". Only a class called so by the caller is one.
    classes = () if class_names is None else _items(class_names)
    missing_text = _MISSING.difference(map(str, classes))
    missing = [
        index for index, value in enumerate(values) if _is_missing(value, missing_text)
    ]
    if missing:
        raise ValueError(
            f"`{name}` has {len(missing)} missing value{'s' * (len(missing) > 1)}, at "
            f"{shown_positions(missing)}. Remove those images or label them; if "
            f"{shown(_text_of_missing(values[missing[0]]))} is a class, list it in "
            "`class_names`."
        )
    if all(isinstance(value, str) for value in values):
        return _tidied(values, name)
    if all(isinstance(value, (bool, np.bool_)) for value in values):
        return [bool(value) for value in values]
    return [as_int(value, name, minimum=None) for value in values]


def _categories(labels):
    """Return the categories of a pandas Categorical, also of a column of them."""
    categories = getattr(getattr(labels, "dtype", None), "categories", None)
    if categories is None or len(categories) < 2:
        return None
    return [str(one) if isinstance(one, bool) else one for one in categories.tolist()]


def _text_of_missing(value):
    return value.strip() if isinstance(value, str) and value.strip() else "NA"


def _check_are_classes(values, name):
    """Raise if labels are of a kind that tasks other than classification have."""
    for value in values:
        if isinstance(value, (list, tuple, set, np.ndarray)):
            raise ValueError(
                f"`{name}` must have one label per image, not {shown(value)} for one. "
                "Several labels per image are not supported: give the one that "
                "matters, or train a classifier for each."
            )
        if isinstance(value, (float, np.floating)) and value % 1:
            if math.isnan(value):
                continue
            low = math.floor(value)
            raise ValueError(
                f"`{name}` must name classes, by strings or whole numbers, and "
                f"{shown(float(value))} is neither. Use {low} or {low + 1}; predicting "
                "numbers (regression) is not supported."
            )


def _tidied(values, name):
    """Return labels without the spaces around them, with a warning if there are any."""
    spaced = sorted({value for value in values if value != value.strip()})
    if spaced:
        warnings.warn(
            f"`{name}` has labels with spaces around them, which do not count: "
            f"{shown(spaced)}.",
            stacklevel=5,
        )
    return [tidy_name(value) for value in values]


def _is_missing(value, missing_text):
    if isinstance(value, str):
        return not value.strip() or value.strip() in missing_text
    return (
        value is None
        or type(value).__name__ == "NAType"  # pandas.NA
        or value == R_MISSING_INTEGER
        or (isinstance(value, float) and math.isnan(value))
    )


def _names_of_numbers(values, class_names, name):
    """Return the class names that labels counted from 0, or from 1, stand for."""
    low, high, count = min(values), max(values), len(class_names)
    if set(map(str, values)) <= set(class_names):
        return values
    if isinstance(values[0], bool):
        # R's TRUE is called so in other cases, too, and is no position.
        called = {class_name.casefold(): class_name for class_name in class_names}
        if {"true", "false"} & set(called):
            return [called.get(str(value).casefold(), value) for value in values]
    if low == 0 and high < count:
        return [class_names[value] for value in values]
    if low > 0 and high == count:
        return [class_names[value - 1] for value in values]
    raise ValueError(
        f"`{name}` goes from {low} to {high}, but codes of the {count} classes "
        f"{shown(class_names)} must start at 0 or 1. Pass the names as labels."
    )


def _image_array(images, name):
    """Return `images` as a numeric array, without a copy where that is possible."""
    if hasattr(images, "columns"):
        # It would become one image, of a pixel per cell.
        raise TypeError(f"`{name}` must hold images, not {shown(images)}.")
    images = _without_tensors(images)
    _check_are_numbers_of_images(images, name)
    try:
        array = np.asarray(images)
    except ValueError as error:
        raise ValueError(
            f"`{name}` must be images of one size. Resize them, or use "
            "`image_folder()`, which resizes them."
        ) from error
    if array.dtype == np.dtype("V1"):  # R's raw
        array = array.view(np.uint8)
    if array.dtype == object and array.ndim == 0:
        raise TypeError(
            f"`{name}` must be images, as image data, an array or files, not "
            f"{shown(images)}."
        )
    if array.dtype.kind not in "uif":
        # R sends text as objects.
        kind = np.asarray(array.ravel()[:1].tolist()).dtype
        raise TypeError(
            f"`{name}` must hold numbers from 0 to 255, not values of type "
            f"{shown_kind(kind)} such as {shown(array.ravel()[:1].tolist())}."
        )
    if array.ndim == 3 and isinstance(images, (list, tuple)):
        # Several grey images are not the rows of one.
        array = array if isinstance(images[0], (list, tuple)) else array[..., None]
    return array


def _without_tensors(images):
    """Return a tensor, or a list with tensors, as one of arrays."""
    if isinstance(images, (list, tuple)):
        return type(images)([on_host(image) for image in images])
    return on_host(images)


def _check_are_numbers_of_images(images, name):
    """Raise for what NumPy makes numbers of that are no greys or colours."""
    several = images if isinstance(images, (list, tuple)) else [images]
    modes = {
        image.mode for image in several if type(image).__module__.startswith("PIL.")
    }
    others = sorted(modes.difference(_GREYS_AND_COLOURS))
    if others:
        raise TypeError(
            f"`{name}` has Pillow's images of mode {shown(others[0])}, whose numbers "
            'are not greys or colours. Convert them: `image.convert("RGB")`.'
        )
    masked = sum(int(np.ma.count_masked(image)) for image in several if _masks(image))
    if masked:
        raise ValueError(
            f"`{name}` has {masked} masked pixels. Replace them, as with "
            "`x.filled(0)`, or drop these images."
        )


def _masks(image):
    return isinstance(image, np.ma.MaskedArray)


def _batch_of_images(array, name, channels):
    """Return `array` with the batch and channel dimensions that it lacks."""
    given = shown(array)
    if array.ndim == 2:
        array = array[None, :, :, None]
    elif array.ndim == 3:
        is_one = array.shape[-1] in (1, 3, 4, channels)
        array = array[None] if is_one else array[..., None]
    if array.ndim != 4 or 0 in array.shape[1:]:
        raise ValueError(
            f"`{name}` must have the shape (n, height, width, channels), or for one "
            f"image (height, width, channels), not {given}."
        )
    return array


def _checked_pixels(array, name):
    """Return numbers as uint8 while they are whole and 0 to 255, else as float32.

    A block is copied, checked and converted while it is in the processor's cache, which
    makes the change from R's memory order, the checks and the conversion one pass.
    """
    pixels = np.empty(array.shape, np.uint8)
    images_at_once = max(1, _VALUES_IN_CACHE // max(1, array[:1].size))
    outside = 0
    for start in range(0, len(array), images_at_once):
        rows = slice(start, start + images_at_once)
        block = array[rows].copy(order="K")
        if pixels.dtype == np.uint8:
            with np.errstate(invalid="ignore"):
                whole = block.astype(np.uint8)
            if (whole == block).all():
                pixels[rows] = whole
                continue
            pixels = _as_float32(pixels, start)
        if _missing(block).any():
            raise ValueError(
                f"`{name}` has {int(_missing(array).sum())} missing or infinite pixels "
                f"(NA, NaN, Inf) among {array.size}. Replace them, or drop these "
                "images."
            )
        outside += int(((block < 0) | (block > 255)).sum())
        pixels[rows] = block
    _warn_of_range(pixels, outside, name)
    return pixels


def _warn_of_channels_first(array, name):
    """Warn if images have their channels where PyTorch has them."""
    _, first, *sides = array.shape
    if first in (1, 3) and min(sides) >= _LEAST_SIDE:
        order = in_words("x.transpose(0, 2, 3, 1)", "aperm(x, c(1, 3, 4, 2))")
        warnings.warn(
            f"`{name}` has images of {first} x {sides[0]} pixels with {sides[1]} "
            "channels. If the channels come first, as in PyTorch, put them last: "
            f"`{order}`.",
            stacklevel=level_of_user(),
        )


def _warn_of_range(pixels, outside, name):
    """Warn if pixels are outside 0 to 255, or those of some images within 0 to 1."""
    if outside:
        warnings.warn(
            f"`{name}` has {outside} of {pixels.size} values outside 0 to 255, from "
            f"{pixels.min():g} to {pixels.max():g}. Rescale the images to 0 to 255: "
            "models rescale them internally.",
            stacklevel=level_of_user(),
        )
    elif _within_one(pixels):
        where = " in some of the images" if pixels.max() > 1 else ""
        warnings.warn(
            f"`{name}` has no value above 1{where}. Multiply the images by 255: models "
            "expect 0 to 255 and rescale them internally.",
            stacklevel=level_of_user(),
        )


def _within_one(pixels):
    """Return whether pixels go from 0 to 1, of fractions those of any image."""
    if not pixels.size:
        return False
    if pixels.dtype == np.uint8:
        return pixels[:1].max() <= 1 and 0 < pixels.max() <= 1
    highest = pixels.max(axis=(1, 2, 3))
    return ((highest > 0) & (highest <= 1)).any()


def _missing(pixels):
    """Return where pixels are missing or infinite."""
    missing = ~np.isfinite(pixels)
    if pixels.dtype.kind in "if" and pixels.dtype.itemsize >= 4:
        missing |= pixels == R_MISSING_INTEGER
    return missing


def _as_float32(pixels, done):
    """Return a float32 array with the first `done` images of `pixels`."""
    floats = np.empty(pixels.shape, np.float32)
    floats[:done] = pixels[:done]
    return floats


def none_as_default(function, off):
    """Return a function for which None is the default of an argument that has one.

    Args:
        function: The function, whose signature the new one keeps.
        off: Dict of what None means instead for some arguments: what switches them
            off, or None if the function knows that itself.
    """
    parameters = inspect.signature(function).parameters.values()
    meant = {
        parameter.name: off.get(parameter.name, parameter.default)
        for parameter in parameters
        if parameter.default is not parameter.empty
    }
    names = [parameter.name for parameter in parameters]

    def given(name, value):
        return meant.get(name) if value is None else value

    @functools.wraps(function)
    def with_defaults(*args, **kwargs):
        first = [given(*pair) for pair in zip(names, args, strict=False)]
        rest = {name: given(name, value) for name, value in kwargs.items()}
        return function(*first, *args[len(first) :], **rest)

    # What editors show of a function whose signature has been made for it.
    with_defaults.__kwdefaults__ = function.__kwdefaults__
    return with_defaults


def level_of_user():
    """Return the `stacklevel` of the line outside of this package that led here."""
    level, frame = 1, sys._getframe(1)
    while frame and frame.f_globals.get("__name__", "").startswith("reticnn."):
        level, frame = level + 1, frame.f_back
    return level
