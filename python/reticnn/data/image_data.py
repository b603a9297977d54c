"""Image data: images in memory or in files, with their labels."""

import os
from collections.abc import Mapping
from functools import cached_property

import numpy as np

from reticnn.coercion import as_bool, as_seen, printable, shown, tidy_name
from reticnn.data.caching import new_cache
from reticnn.data.channels import joined_extremes
from reticnn.data.decoding import (
    bad_files_message,
    decode_images,
    decode_scaled,
    facts_of_files,
    sampled_values,
    types_of,
)
from reticnn.data.facts import joined_facts, joined_groups
from reticnn.data.file_reading import Reading
from reticnn.data.identity import file_identities, image_hashes
from reticnn.data.joining import JoinedImages
from reticnn.data.other_files import left_out_text
from reticnn.data.readers import may_have_floats
from reticnn.data.resizing import scaled
from reticnn.data.value_range import ValueRange, robust_range
from reticnn.notation import is_visible, visible
from reticnn.runtime.conditions import warn_user

# Looking at all images must not take the memory of all.
_IMAGES_AT_ONCE = 64

# Values up to this share of their type's range leave at most 64 shades of 256.
_DARK = 0.25

# Images of a range that is not theirs have fewer values inside it than this share, or
# none above this brightness: that of a file of 8 bits in a range of 12.
_HARDLY_ANY = 0.01
_ALMOST_BLACK = 17

# The range of values is found from so many files, and so many values of each.
_SAMPLED_FILES = 100
_SAMPLED_VALUES = 20_000

# Classes that differ more than this in size are called unbalanced.
_BALANCED = 1.5

NAME_ALL_CLASSES = (
    "Give images of two or more classes, or the names of all classes as `class_names`."
)


class ArrayImages:
    """Images held in memory as an array (n, height, width, channels)."""

    def __init__(self, pixels, origins=None):
        """Hold images.

        Args:
            pixels: Array, uint8 or float32.
            origins: uint64 array, for each image the hash of the one that it is a
                changed copy of, or None if they are originals.
        """
        self._pixels = pixels
        self._origins = origins
        self.image_shape = pixels.shape[1:]
        self.files = self.places = self.boxes = None
        self.resize = self.reading = None
        self.dtype = pixels.dtype
        self.skipped_files = self.left_out = []

    def __len__(self):
        """Count the images."""
        return len(self._pixels)

    def read(self, indices):
        """Return the pixels of the images at `indices`."""
        return self._pixels[indices]

    def pixel_identities(self, indices):
        """Return a number for each image, the same for the same and for its copies."""
        if self._origins is not None:
            return self._origins[indices]
        return image_hashes(self._pixels[indices])


class FileImages:
    """Images in files, decoded when read and then kept if there is a cache."""

    # Tiles have them.
    boxes = None

    def __init__(
        self,
        files,
        image_size,
        reading=Reading(),  # noqa: B008
        resize="stretch",
        cache="none",
        skipped=(),
        places=None,
        left_out=(),
        like=None,
        range_of=None,
    ):
        """Take the files and how to read them.

        Args:
            files: Paths, as they are shown.
            image_size: (height, width) in pixels.
            reading: `Reading`.
            resize: "stretch", "crop" or "pad".
            cache: "auto", "memory", "disk" or "none".
            skipped: Positions among `files` of those known to be bad.
            places: Absolute paths of the files, or None if `files` are as seen from
                the working directory. Default None.
            left_out: Paths of files of other kinds, which lie beside these.
            like: `FileImages` of the same files, of which they have been looked at, or
                None.
            range_of: `FileImages` whose range of values is that of these, or None.
        """
        self.files = list(files)
        # The working directory may be another one when they are read.
        self.places = places or _absolute(self.files)
        self.image_shape = (*image_size, reading.channels)
        self.resize = resize
        self.skipped = list(skipped)
        self.left_out = list(left_out)
        self._asked = reading
        self._reading = None
        self._like = like
        self.range_of = range_of
        self._besides = {}
        self._cache_kind = cache
        self._extremes = None
        self._has_warned = False
        self._has_told_of_changes = False
        self._states = self._states_now(np.arange(len(self.files)))

    def __len__(self):
        """Count the images."""
        return len(self.files)

    def read(self, indices):
        """Return the pixels of the images at `indices`."""
        cached = self._cache.has[indices] & self._unchanged(indices)
        if cached.all():
            return self._cache.read(indices)
        if not cached.any():
            return self._decode(indices)
        pixels = np.empty((len(indices), *self.image_shape), self.dtype)
        pixels[cached] = self._cache.read(indices[cached])
        pixels[~cached] = self._decode(indices[~cached])
        return pixels

    def read_scaled(self, indices, side):
        """Return images of their own aspect, the shorter side `side` pixels, listed."""
        files = [self.places[i] for i in indices]
        self._note_states(np.asarray(indices))
        images, problems, extremes = decode_scaled(
            files, side, self.reading, self.dtype
        )
        good = [image for image in images if image is not None]
        self._warn_of_values(extremes, good)
        if problems:
            self._refuse(indices, problems)
        return images

    def resized(self, image_shape, name="data"):
        """Return the same files read at another (height, width, channels)."""
        reading = self._asked.with_channels(image_shape[2], name)
        return self.read_as(reading, image_shape[:2])

    def read_as(self, reading, image_size=None):
        """Return the same files read in another way, or at another size."""
        return type(self)(
            self.files,
            image_size or self.image_shape[:2],
            reading,
            self.resize,
            self._cache_kind,
            self.skipped,
            self.places,
            self.left_out,
            like=self,
            range_of=self if reading.bands == self._asked.bands else None,
            **self._besides,
        )

    def read_like(self, reading, name):
        """Return the same files with the range of values that others were read by."""
        asked = self._asked
        _warn_of_reading(asked, reading, name)
        wanted = reading.value_range
        if asked.value_range.is_chosen or wanted == asked.value_range:
            return self
        return self.read_as(asked.with_range(wanted))

    @property
    def reading(self):
        """How the files are read: `Reading`, with the range of values in numbers."""
        # No cached property: a warning names the user's line, not one in functools.
        if self._reading is None:
            reading = self._asked
            if self._lacks_numbers():
                found = self._known_range() or self._range_of_values()
                reading = reading.with_range(found)
            self._reading = reading
        return self._reading

    @cached_property
    def dtype(self):
        """Type of the images: float32 if a file has more than 8 bits."""
        # NumPy takes None for float64 where it compares types.
        eight_bits = all(kind is None or kind == np.uint8 for kind in self._types)
        return np.dtype(np.uint8 if eight_bits else np.float32)

    @cached_property
    def _types(self):
        """The type of the values of each file, None where it is not known."""
        if self._like is not None and self._asked.page == self._like._asked.page:
            return self._like._types
        return types_of(self.places, self._asked)

    def _lacks_numbers(self):
        """Return whether values must be looked at before files can be read."""
        asked = self._asked.value_range
        if asked.asked is None and not any(map(may_have_floats, self.places)):
            return False
        return asked.lacks_numbers(self._types)

    def _known_range(self):
        """Return the range of values of the images that say it for these, or None."""
        if self.range_of is None:
            return None
        known = self.range_of.reading.value_range
        return known if known.pairs and known.asked in (None, "data") else None

    def _range_of_values(self):
        """Return the range of values of a sample of the files."""
        asked = self._asked.value_range.asked
        is_wanted = self._asked.value_range.is_found_from
        wanted = [index for index, kind in enumerate(self._types) if is_wanted(kind)]
        # Several tiles may be of one file.
        files = list(dict.fromkeys(self.places[index] for index in wanted))
        spread = np.linspace(0, len(files) - 1, min(len(files), _SAMPLED_FILES))
        files = [files[int(position)] for position in spread]
        pair = robust_range(sampled_values(files, self._asked, _SAMPLED_VALUES))
        found = ValueRange(asked, (pair,))
        if asked is None:
            warn_user(
                "Files have floating-point values, and nothing says which of them are "
                f"black and white: {found} becomes 0 to 255, the range of nearly all "
                f"values of {len(files)} of the files. Give the two numbers as "
                '`value_range`, or `value_range="data"` if that is right.'
            )
        return found

    def pixel_identities(self, indices):
        """Return a number for each image, the same for the same pixels."""
        return image_hashes(self.read(indices))

    @property
    def skipped_files(self):
        """The paths of those known to be bad."""
        return [self.files[position] for position in self.skipped]

    def find_bad(self):
        """Return the problem of each file that cannot be read, by its position.

        All files are decoded for that, and the good ones kept for the first epoch.
        """
        unseen = np.setdiff1d(np.flatnonzero(~self._cache.has), self.skipped)
        bad = {}
        for start in range(0, len(unseen), _IMAGES_AT_ONCE):
            indices = unseen[start : start + _IMAGES_AT_ONCE]
            _, problems = self._try_to_decode(indices)
            bad |= {int(indices[index]): text for index, text in problems.items()}
        return bad

    @cached_property
    def _cache(self):
        shape = (len(self), *self.image_shape)
        return new_cache(self._cache_kind, shape, self.dtype)

    def _states_now(self, indices):
        """Return (size, what changes with it) of files, -1 if they are gone."""
        states = [_file_state(self.places[index]) for index in indices]
        return np.array(states, np.int64).reshape(-1, 2)

    def _unchanged(self, indices):
        """Say of each file whether it is as when it was last decoded, or is gone."""
        now = self._states_now(indices)
        return ((now == self._states[indices]) | (now < 0)).all(axis=1)

    def _note_states(self, indices):
        """Note how files are that will be decoded, and warn of those that changed."""
        before, now = self._states[indices, 0], self._states_now(indices)
        changed = (before >= 0) & (now[:, 0] >= 0) & (before != now[:, 0])
        self._states[indices] = now
        if not changed.any() or self._has_told_of_changes:
            return
        self._has_told_of_changes = True
        texts = [
            f"{printable(self.files[index])!r} ({old:,} bytes then, {new:,} now)"
            for index, old, new in zip(
                indices[changed], before[changed], now[changed, 0], strict=True
            )
        ]
        # Several tiles may be of one file.
        some = list(dict.fromkeys(texts))
        warn_user(
            "Files have changed since they were listed or last read, and are read as "
            f"they are now: {', '.join(some[:10])}{', ...' if some[10:] else ''}. "
            "Others that have changed are not named any more."
        )

    def _decode(self, indices):
        pixels, problems = self._try_to_decode(indices)
        if problems:
            self._refuse(indices, problems)
        return pixels

    def _refuse(self, indices, problems):
        """Raise for files that cannot be read."""
        # One error for all bad files, not one after the other as each is repaired.
        bad = {int(indices[index]): text for index, text in problems.items()}
        bad = dict(sorted({**bad, **self.find_bad()}.items()))
        raise ValueError(
            self.bad_message(bad)
            + "\nRepair them, move them elsewhere, or skip them with "
            '`on_bad_image="skip"`.'
        )

    def bad_message(self, bad):
        """Return the text that names bad files with their problems, by position."""
        return bad_files_message(self.files, bad, len(self))

    def _warn_of_values(self, extremes, images):
        """Warn once if values use little of their range, or are hardly in it."""
        if self.reading.value_range.pairs is not None:
            self._warn_of_numbers(images)
        else:
            self._warn_of_range(extremes)

    def _warn_of_numbers(self, images):
        """Warn if the first images that are read are hardly in a range of numbers."""
        if self._has_warned or not len(images):
            return
        self._has_warned = True
        code = self.reading.value_range.code
        if self.dtype == np.uint8:
            text = (
                f"`value_range={code}` is for values of more than 8 bits, and none of "
                "the files has them: those of 8 bits stay as they are."
            )
        else:
            text = _of_other_range(images, code)
        if text:
            warn_user(text)

    def _warn_of_range(self, extremes):
        """Warn once if whole numbers use little of their type's range, or lie below."""
        if self._has_warned:
            return
        kept = [] if self._extremes is None else [self._extremes]
        self._extremes = joined_extremes([*kept, *extremes.values()])
        text = self._extremes and _of_small_range(self._extremes)
        if text:
            self._has_warned = True
            warn_user(text)

    def _try_to_decode(self, indices):
        """Return (pixels, problems) of the files at `indices`, and keep the good."""
        files = [self.places[i] for i in indices]
        self._note_states(indices)
        pixels, problems, extremes = decode_images(
            files, self.image_shape[:2], self.reading, self.resize, self.dtype
        )
        good = np.ones(len(files), bool)
        good[list(problems)] = False
        self._warn_of_values(extremes, pixels[good] if problems else pixels)
        self._cache.write(indices[good], pixels if good.all() else pixels[good])
        return pixels, problems


class ImageData:
    """Images, with or without their classes.

    Made by `image_folder`, `image_table`, `image_arrays`, `shape_images` and
    `cats_and_dogs`.
    `len(data)` counts the images; `data[indices]` is a part of them, for a slice, a
    boolean mask or a sequence of positions counted from 0; `data + other` are the
    images of both, whose classes are matched by name.

    Attributes:
        class_names: List of the classes in order, or None without labels.
        codes: int64 array, the class of each image counted from 0, or None.
        groups: List of the group of each image, such as its site or patient, or None.
        facts: Dict of lists, what else is known of each image, None where it is not.
        image_shape: (height, width, channels).
    """

    __module__ = "reticnn"

    def __init__(
        self,
        source,
        codes=None,
        class_names=None,
        indices=None,
        *,
        groups=None,
        facts=None,
    ):
        """Put images together with the codes of their classes and what is known."""
        self.source = source
        self.codes = codes
        self.class_names = class_names
        self.indices = np.arange(len(source)) if indices is None else indices
        self._groups = None if groups is None else _as_objects(groups)
        self._facts = {name: _as_objects(of) for name, of in (facts or {}).items()}

    def __len__(self):
        """Count the images."""
        return len(self.indices)

    def __getitem__(self, positions):
        """Return part of the data."""
        positions = np.arange(len(self))[positions]
        if positions.ndim == 0:
            positions = positions[None]
        return ImageData(
            self.source,
            None if self.codes is None else self.codes[positions],
            self.class_names,
            self.indices[positions],
            groups=None if self._groups is None else self._groups[positions],
            facts={name: values[positions] for name, values in self._facts.items()},
        )

    def __add__(self, other):
        """Return the images of both."""
        if not isinstance(other, ImageData):
            return NotImplemented
        return joined_images([self, other])

    def __repr__(self):
        """Describe the data in a few lines."""
        size = " x ".join(map(str, self.image_shape))
        location = "memory" if self.files is None else "files"
        number = f"{len(self):,} image{'' if len(self) == 1 else 's'}"
        if self.boxes is not None:
            images = len(set(self.places))
            number = number.replace("image", "tile")
            number += f" of {images:,} image{'' if images == 1 else 's'}"
        lines = [f"<ImageData> {number}, {size}, in {location}"]
        if self.codes is None:
            return "\n".join([*lines, "no labels", *self._known_besides()])
        counts = {visible(name): n for name, n in self.class_counts.items()}
        width = max(map(len, counts), default=0)
        lines += [f"{name:<{width}}  {count:,}" for name, count in counts.items()]
        return "\n".join([*lines, *self._balance(), *self._known_besides()])

    def _known_besides(self):
        """Return lines on files of other kinds, reading, groups, and facts."""
        lines = [left_out_text(self.left_out)] if self._has_all_files() else []
        read = self.reading.described() if self.reading else ""
        lines += [f"read by {read}"] if read else []
        if self._groups is not None:
            count = len(set(self._groups))
            lines.append(f"in {count:,} group{'' if count == 1 else 's'}")
        if self._facts:
            lines.append(f"facts: {', '.join(self._facts)}")
        return lines

    def _has_all_files(self):
        """Return whether these are all the images beside which files are left out."""
        there = len(self.source) - len(self.skipped)
        return bool(self.left_out) and len(np.unique(self.indices)) >= there

    def _balance(self):
        """Return a line that says so if some classes are much larger than others."""
        counts = self.class_counts.values()
        smallest, largest = min(counts, default=0), max(counts, default=0)
        if not smallest or largest <= _BALANCED * smallest:
            return []
        times = f"{largest / smallest:.1f}".removesuffix(".0")
        return [f"unbalanced: the largest class is {times} times the smallest"]

    @property
    def image_shape(self):
        """(height, width, channels) of every image."""
        return self.source.image_shape

    @property
    def files(self):
        """Paths of the images, or None for images in memory."""
        if self.source.files is None:
            return None
        return [self.source.files[i] for i in self.indices]

    @property
    def places(self):
        """Absolute paths of the images, which `files` may not be, or None."""
        if self.source.files is None:
            return None
        return [self.source.places[i] for i in self.indices]

    @property
    def boxes(self):
        """Left and upper edge, width and height of each tile in its image, or None."""
        return None if self.source.boxes is None else self.source.boxes[self.indices]

    @property
    def resize(self):
        """How the images were resized, or None if they were not."""
        return self.source.resize

    @property
    def reading(self):
        """`Reading`, how files become images; None for images in memory."""
        return self.source.reading

    @property
    def skipped(self):
        """Paths of the files left out by `on_bad_image="skip"`."""
        return self.source.skipped_files

    @property
    def left_out(self):
        """Paths of files of other kinds that lie beside the images of a folder."""
        return self.source.left_out

    @property
    def labels(self):
        """Class name of each image, or None without labels."""
        if self.codes is None:
            return None
        return [self.class_names[code] for code in self.codes]

    @property
    def groups(self):
        """Group of each image, or None without groups."""
        return None if self._groups is None else self._groups.tolist()

    @property
    def facts(self):
        """What else is known of each image: lists by the name of the fact."""
        return {name: values.tolist() for name, values in self._facts.items()}

    def table(self, *, exif=False):
        """Return what is known of the images as a table.

        Args:
            exif: True adds what the files tell: `exif_time`, when a photo was taken by
                the clock of the camera, and `exif_camera`, both from its EXIF tags,
                `file_size` in bytes, and `file_width` and `file_height` in pixels as
                stored. Facts of these names stay as they are. Default False.

        Returns:
            Dict of lists with one row per image, `file`, `label` and `group`, as far as
            there are any, and the facts. A value that is not known is None.

        Raises:
            ValueError: If `exif` is asked for of images in memory.
        """
        own = {"file": self.files, "label": self.labels, "group": self.groups}
        table = {name: column for name, column in own.items() if column is not None}
        told = self.file_facts() if as_bool(exif, "exif") else {}
        return {**table, **told, **self.facts}

    def file_facts(self):
        """Return what the files tell of themselves, as `table` has it."""
        if self.files is None:
            raise ValueError(
                "`exif` asks for what files tell of themselves, but these images are "
                "in memory. Leave it out, or read the images from files."
            )
        return facts_of_files(self.places)

    @property
    def class_counts(self):
        """Number of images of each class, by name."""
        if self.codes is None:
            return None
        counts = np.bincount(self.codes, minlength=len(self.class_names))
        return dict(zip(self.class_names, counts.tolist(), strict=True))

    def read(self, positions):
        """Return the pixels, (n, height, width, channels), of some of the images."""
        return self.source.read(self.indices[positions])

    def identities(self):
        """Return a value for each image, the same for the same file or pixels."""
        if self.files is not None:
            return file_identities(self.places)
        return self.pixel_identities().tolist()

    def pixel_identities(self):
        """Return a number for each image, the same for the same pixels.

        Changed copies of an image have its number.
        """
        starts = range(0, len(self), _IMAGES_AT_ONCE)
        blocks = [self.indices[start : start + _IMAGES_AT_ONCE] for start in starts]
        return np.concatenate(
            [np.array([], np.uint64), *map(self.source.pixel_identities, blocks)]
        )

    def read_scaled(self, positions, side):
        """Return some of the images at a shorter side of `side` pixels.

        Returns:
            Array, (n, height, width, channels), of images in memory; list of arrays,
            (height, width, channels), of files, each with the aspect of its file.
        """
        if self.files is not None:
            return self.source.read_scaled(self.indices[positions], side)
        return np.stack([scaled(image, side) for image in self.read(positions)])

    def with_classes(self, class_names, name="data", known_to="the classifier"):
        """Return the data with their codes counted in the order of `class_names`.

        Names are matched whatever their Unicode form. Classes without images need not
        be among the names.

        Raises:
            ValueError: If the data have a class that is not among them.
        """
        code = {tidy_name(known): code for code, known in enumerate(class_names)}
        order = np.array([code.get(tidy_name(own), -1) for own in self.class_names])
        codes = order[self.codes]
        if (codes < 0).any():
            present = np.unique(self.codes[codes < 0])
            raise ValueError(
                f"`{name}` has the classes "
                f"{shown([self.class_names[own] for own in present])}, which "
                f"{known_to} does not know. It has {shown(class_names)}."
            )
        return self._with(codes=codes, class_names=list(class_names))

    def with_source(self, source, indices=None):
        """Return the data with their images from another source, the rest as it is.

        Args:
            source: Where the images are read.
            indices: Array, which images of the source, or None for the same. Default
                None.
        """
        return self._with(
            source=source, indices=self.indices if indices is None else indices
        )

    def with_groups(self, groups):
        """Return the data with these groups, a list, or with none for None."""
        return self._with(groups=groups)

    def _with(self, **changes):
        """Return the data with another source, or other codes, names or groups."""
        same = {
            "source": self.source,
            "codes": self.codes,
            "class_names": self.class_names,
            "indices": self.indices,
            "groups": self._groups,
            "facts": self._facts,
        }
        return ImageData(**{**same, **changes})

    def read_like(self, reading, name):
        """Return the data of files with the range of values that others were read by.

        Args:
            reading: `Reading` of the images that a model was trained on, or None.
            name: The argument's name, for messages.

        Warns:
            UserWarning: If the data are read in another way, which the user chose.
        """
        if reading is None or self.files is None:
            return self
        return self.with_source(self.source.read_like(reading, name))

    def read_at(self, image_shape, name="data"):
        """Return the data of files read at another (height, width, channels).

        Raises:
            ValueError: If files cannot be read with that many channels.
        """
        return self.with_source(self.source.resized(image_shape, name))


def _as_objects(values):
    """Return a sequence as an array of the same Python values."""
    array = np.empty(len(values), object)
    array[:] = values
    return array


def _warn_of_reading(own, trained, name):
    """Warn if a user has chosen another way of reading than that of a model's images.

    Args:
        own: `Reading` of files, as it was asked for.
        trained: `Reading` of the images that the model was trained on.
        name: The argument's name, for the message.
    """
    differences = own.differences(trained)
    if differences:
        chosen, before = (
            ", ".join(f"{option}={text}" for option, text in texts)
            for texts in zip(*differences, strict=True)
        )
        warn_user(
            f"`{name}` has files read with `{chosen}`, but the classifier was trained "
            f"on images read with `{before}`. Read them the same way."
        )


def _of_other_range(images, code):
    """Return the warning that images are hardly in the range that they are read by.

    Args:
        images: Arrays of values from 0 to 255, (height, width, channels).
        code: The range, as the user's argument.
    """
    inside = np.mean([np.mean((image > 0) & (image < 255)) for image in images])
    highest = max(float(np.max(image)) for image in images)
    if inside < _HARDLY_ANY:
        what = "nearly all values of the files read first are outside of it, and become"
        what += " black or white"
    elif highest < _ALMOST_BLACK:
        what = "the files read first have no value above a sixteenth of it, and become "
        what += "almost black"
    else:
        return None
    return (
        f"Values are brought to 0 to 255 by `value_range={code}`, but {what}. "
        "Give the values that are black and white in these files."
    )


def _of_small_range(extremes):
    """Return the warning that values lie below their range or use little of it."""
    lowest, highest, (black, white) = extremes
    if lowest < black:
        return (
            f"Files have values down to {lowest:,}, and all below {black:,} become "
            f"black, as {white:,} becomes white. Give the values that are black and "
            f"white, as in `value_range=({lowest}, {highest})`."
        )
    if not black < highest <= black + _DARK * (white - black):
        return None
    bits = 2 ** int(highest).bit_length() - 1
    return (
        "Files use a small part of the range of their type: those read so far have no "
        f"value above {highest:,} of {white:,}, and become almost black. Give the "
        f"values that are black and white, as in `value_range=(0, {bits})`, or "
        '`value_range="data"`.'
    )


def _absolute(files):
    """Return paths that lead to the same files from every working directory."""
    if all(map(os.path.isabs, files)):
        return files
    here = os.getcwd()
    # Without what abspath() does to `..`, which is another folder behind a link.
    return [os.path.join(here, file) for file in files]


def _file_state(file):
    """Return the size of a file and what changes when it does, or -1 if it is gone.

    Of a file that took another's place, the size and the time may be the other's.
    """
    try:
        status = os.stat(file)
    except OSError:
        return -1, -1
    changes = status.st_mtime_ns, status.st_ctime_ns, status.st_dev, status.st_ino
    return status.st_size, hash(changes) & (2**63 - 1)


def as_image_data(value, name="data"):
    """Return `value` if it is image data."""
    if isinstance(value, ImageData):
        return value
    if isinstance(value, Mapping) and any(
        isinstance(part, ImageData) for part in value.values()
    ):
        raise TypeError(
            f"`{name}` must be image data, not the parts {shown(list(value))} "
            "together. Pass one of them, as in `data['train']`."
        )
    raise TypeError(
        f"`{name}` must be image data, not {shown(value)}. Make it with "
        "`image_folder()`, `image_arrays()` or `shape_images()`."
    )


def joined_images(parts):
    """Return image data of all the images of several, matched by the names of classes.

    Facts that some of them lack are None there.

    Raises:
        ValueError: If their images have not one size and one way to be resized, or only
            some of them have labels, or groups.
    """
    parts = [as_image_data(part, "parts") for part in parts]
    shapes = {part.image_shape: part for part in parts}
    if len(shapes) > 1:
        sizes = [" x ".join(map(str, shape)) for shape in shapes]
        raise ValueError(
            f"Image data of different sizes cannot be joined: {' and '.join(sizes)}. "
            "Read or make them with one `image_size`, and one number of `channels`."
        )
    resizes = sorted({part.resize for part in parts} - {None})
    if len(resizes) > 1:
        raise ValueError(
            f"Image data read with different `resize`, {shown(resizes)}, cannot be "
            "joined. Read them the same way."
        )
    if len({part.codes is None for part in parts}) > 1:
        raise ValueError(
            "Image data with labels and without cannot be joined. Label all of them, "
            "or none."
        )
    _check_read_alike(parts)
    source = JoinedImages([(part.source, part.indices) for part in parts])
    known = {"groups": joined_groups(parts), "facts": joined_facts(parts)}
    if parts[0].codes is None:
        return ImageData(source, **known)
    names = list(dict.fromkeys(name for part in parts for name in part.class_names))
    check_class_names(names, "class_names", "Give them other names.")
    codes = np.concatenate([part.with_classes(names).codes for part in parts])
    return ImageData(source, codes, names, **known)


def _check_read_alike(parts):
    """Raise if image data to be joined were read in different ways."""
    readings = [part.reading for part in parts if part.reading is not None]
    for other in readings[1:]:
        if not readings[0].agrees_with(other):
            ways = [
                reading.described() or "their types" for reading in (readings[0], other)
            ]
            raise ValueError(
                "Image data read in different ways cannot be joined: by "
                f"{ways[0]}, and by {ways[1]}. Read them the same way, as with the "
                "same `bands`, `page` and `value_range`."
            )


def check_not_empty(data, name):
    """Raise if there are no images in the data."""
    if len(data) == 0:
        raise ValueError(f"`{name}` has no images. Give data with at least one image.")


def check_class_names(class_names, name, fix):
    """Raise unless there are two or more classes that differ in more than case."""
    if len(class_names) < 2:
        raise ValueError(
            f"`{name}` has only one class, {shown(list(class_names))}. {fix}"
        )
    if "class" in class_names:
        raise ValueError(
            f"`{name}` has a class called 'class'. In predictions, its column would "
            "have the name of the column of predicted classes. Give it another name."
        )
    seen = {}
    for class_name in class_names:
        if not is_visible(class_name) or not as_seen(class_name):
            raise ValueError(
                f"`{name}` has a class called {shown(class_name)}, with a character "
                "that cannot be shown. Give it another name."
            )
        twin = seen.setdefault(as_seen(class_name).casefold(), class_name)
        if twin != class_name:
            how, text = "differ only in case", repr
            if as_seen(twin) == as_seen(class_name):
                how, text = "look the same", ascii
            raise ValueError(
                f"`{name}` has classes that {how}: {text(twin)} and "
                f"{text(class_name)}. Rename or merge them."
            )
