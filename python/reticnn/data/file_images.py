"""Images in files, which are decoded when they are read."""

import os
from dataclasses import replace

import numpy as np

from reticnn.coercion import printable
from reticnn.data.caching import new_cache
from reticnn.data.channels import joined_extremes
from reticnn.data.decoding import (
    bad_files_message,
    decode_for,
    decode_images,
    decode_scaled,
    headers_of,
    upright_sizes,
)
from reticnn.data.deep_cache import DeepCache
from reticnn.data.file_reading import Reading, counted
from reticnn.data.found_range import found_range, of_narrow_bands
from reticnn.data.identity import image_hashes
from reticnn.data.range_warnings import WHERE_MADE, of_other_range, of_small_range
from reticnn.data.readers import may_have_floats, may_have_pages
from reticnn.data.value_range import ValueRange
from reticnn.runtime.conditions import warn_user
from reticnn.runtime.lazy import cached_property

# Looking at all images must not take the memory of all.
IMAGES_AT_ONCE = 64


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
        where_skipped=" where the data are made, as by `image_folder()`",
        problems=None,
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
            where_skipped: Which function's argument `on_bad_image` is, for messages:
                few of those that read the files have one.
            problems: Dict to be told why files cannot be read, by position, in place of
                an error, or None. Images of such files are black.
        """
        self.files = list(files)
        # The working directory may be another one when they are read.
        self.places = places or absolute(self.files)
        self.image_shape = (*image_size, reading.channels)
        self.resize = resize
        self.skipped = list(skipped)
        self.left_out = list(left_out)
        self._asked = reading
        self._reading = None
        self._like = like
        self.range_of = range_of
        self._where_skipped = where_skipped
        # Which of them have a say in the range of values; None for all.
        self._range_from = None
        self._problems = problems
        self._besides = {"where_skipped": where_skipped, "problems": problems}
        self._cache_kind = cache
        self._extremes = None
        self._has_warned = False
        self._has_told_of_changes = False
        self._upright_sizes = {}
        self._states = self._states_now(np.arange(len(self.files)))

    def __len__(self):
        """Count the images."""
        return len(self.files)

    def __getstate__(self):
        """Return what is sent to another process: not the images that are kept."""
        return {name: value for name, value in vars(self).items() if name != "_cache"}

    def plain(self):
        """Return what `from_plain` makes the images of again: nothing of pixels."""
        # Where others say what is black and white, these are not kept with it.
        known = self._reading if self.range_of is None else self.reading
        found_in = known and known.value_range.found_in
        return {
            "files": self.files,
            "places": self.places,
            "image_size": self.image_shape[:2],
            "asked": self._asked.to_config(),
            "reading": known and known.to_config(),
            "found_in": found_in,
            "range_from": self._range_from,
            "resize": self.resize,
            "cache": self._cache_kind,
            "skipped": self.skipped,
            "left_out": self.left_out,
            "where_skipped": self._where_skipped,
            "states": self._states,
        }

    @classmethod
    def from_plain(cls, plain):
        """Return the images that `plain` tells of."""
        images = cls(
            *cls._first_of_plain(plain),
            plain["image_size"],
            reading=Reading.from_config(plain["asked"]),
            resize=plain["resize"],
            cache=plain["cache"],
            skipped=plain["skipped"],
            places=plain["places"],
            left_out=plain["left_out"],
            where_skipped=plain["where_skipped"],
        )
        if plain["reading"] is not None:
            known = Reading.from_config(plain["reading"])
            found_in = plain["found_in"] and tuple(plain["found_in"])
            value_range = replace(known.value_range, found_in=found_in)
            images._reading = known.with_range(value_range)
        images._range_from = plain["range_from"]
        # So that files that have changed since are named.
        images._states = plain["states"]
        return images

    @staticmethod
    def _first_of_plain(plain):
        return (plain["files"],)

    def read(self, indices):
        """Return the pixels of the images at `indices`."""
        cached = self._cache.has[indices]
        if cached.any():
            cached &= self._unchanged(indices)
        if not cached.any():
            return self._decode(indices)
        if cached.all():
            return self._cache.read(indices)
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
            self._tell_of(indices, problems)
            black = np.zeros((side, side, self.image_shape[2]), self.dtype)
            images = [black if image is None else image for image in images]
        return images

    def own_sizes(self, indices):
        """Return the (height, width) of images, upright, listed."""
        unknown = [index for index in indices if index not in self._upright_sizes]
        files = [self.places[index] for index in unknown]
        sizes, problems = upright_sizes(files, self.reading)
        if problems:
            self._refuse(np.array(unknown), problems)
        self._upright_sizes.update(
            (index, (height, width))
            for index, (width, height) in zip(unknown, sizes, strict=True)
        )
        return [self._upright_sizes[index] for index in indices]

    def read_as_they_are(self, indices, jobs):
        """Return what is made of images as they are, listed.

        Args:
            indices: Of the images.
            jobs: As for `decode_for`.
        """
        files = [self.places[i] for i in indices]
        self._note_states(np.asarray(indices))
        images, problems, extremes = decode_for(files, jobs, self.reading, self.dtype)
        self._warn_of_values(extremes, [one for one in images if one is not None])
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

    def with_range_of(self, indices):
        """Return the same files with the range of values of some of them.

        Args:
            indices: Of those from which it is found, if it is not given.
        """
        other = self.read_as(self._asked)
        other.range_of, other._range_from = None, np.unique(indices)
        return other

    def read_like(self, reading, name):
        """Return the same files with the range of values that others were read by."""
        asked = self._asked
        _warn_of_reading(asked, reading, name)
        wanted = reading.value_range
        if asked.value_range.is_chosen or wanted == asked.value_range:
            return self
        return self.read_as(asked.with_range(wanted))

    def noting(self, problems):
        """Return the same files, whose reading does not end with a bad one.

        They are not kept once they have been read.

        Args:
            problems: Dict to be told why files cannot be read, by position.
        """
        return FileImages(
            self.files,
            self.image_shape[:2],
            self._asked,
            self.resize,
            "none",
            self.skipped,
            self.places,
            self.left_out,
            like=self,
            range_of=self.range_of,
            problems=problems,
        )

    @property
    def sizes(self):
        """The bytes of each file when it was last looked at, -1 where it is gone."""
        return self._states[:, 0]

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
            self._warn_of_pages()
        return self._reading

    @cached_property
    def dtype(self):
        """Type of the images: float32 if a file has more than 8 bits."""
        # NumPy takes None for float64 where it compares types.
        eight_bits = all(kind is None or kind == np.uint8 for kind in self._types)
        return np.dtype(np.uint8 if eight_bits else np.float32)

    @property
    def _types(self):
        """The type of the values of each file, None where it is not known."""
        return [header.dtype for header in self._headers]

    @cached_property
    def _headers(self):
        """The `Header` of each file."""
        if self._like is not None and self._asked.page == self._like._asked.page:
            return self._like._headers
        return headers_of(self.places, self._asked)

    def has_more_pages(self, indices):
        """Return whether each is an image of a file's first page, of several."""
        if not self._may_have_pages():
            return [False] * len(indices)
        return [self._headers[index].has_more_pages for index in indices]

    def _may_have_pages(self):
        """Return whether it can be, by the names of the files."""
        return self._asked.page == "first" and any(map(may_have_pages, self.places))

    def _warn_of_pages(self):
        """Warn, once for files read in whatever way, of pages that are not read."""
        if self._like is not None or not self._may_have_pages():
            return
        # Several tiles may be of one file.
        files = dict(zip(self.places, self._headers, strict=True))
        several = sum(header.has_more_pages for header in files.values())
        if several:
            warn_user(
                f"{several:,} of {len(files):,} files have several pages, or frames, "
                "of which the first is read. Give the number of another as `page`, or "
                f'`page="bands"` to read all of them as bands, or `page={counted(0)}` '
                f"if the first is right{WHERE_MADE}."
            )

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
        types, asked_of = self._types, self._range_from
        asked_of = range(len(types)) if asked_of is None else asked_of.tolist()
        wanted = [index for index in asked_of if is_wanted(types[index])]
        # Several tiles may be of one file.
        files = list(dict.fromkeys(self.places[index] for index in wanted))
        found = found_range(files, self._asked)
        value_range = ValueRange(asked, (found.pair,), (found.count, len(files)))
        if asked is None:
            warn_user(
                "Files have floating-point values, and nothing says which of them are "
                f"black and white: {value_range} becomes 0 to 255, the range of nearly "
                f"all values of {found.count} of the files. Give the two numbers as "
                f'`value_range`, or `value_range="data"` if that is right{WHERE_MADE}.'
            )
        text = of_narrow_bands(found, self._asked)
        if text:
            warn_user(f"{text}{WHERE_MADE}.")
        return value_range

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
        for start in range(0, len(unseen), IMAGES_AT_ONCE):
            indices = unseen[start : start + IMAGES_AT_ONCE]
            _, problems = self._try_to_decode(indices)
            bad |= {int(indices[index]): text for index, text in problems.items()}
        return bad

    @cached_property
    def _cache(self):
        shape = (len(self), *self.image_shape)
        if self.dtype == np.uint8:
            return new_cache(self._cache_kind, shape)
        return DeepCache(self._cache_kind, shape)

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
        for index in np.asarray(indices)[changed]:
            self._upright_sizes.pop(index, None)
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
            "Further changed files are no longer named."
        )

    def _decode(self, indices):
        pixels, problems = self._try_to_decode(indices)
        if problems:
            self._tell_of(indices, problems)
            pixels[list(problems)] = 0
        return pixels

    def _tell_of(self, indices, problems):
        """Note that files cannot be read where somebody asks for that, or raise."""
        if self._problems is None:
            self._refuse(indices, problems)
        of_positions = {int(indices[at]): text for at, text in problems.items()}
        self._problems.update(of_positions)

    def _refuse(self, indices, problems):
        """Raise for files that cannot be read."""
        # One error for all bad files, not one after the other as each is repaired.
        bad = {int(indices[index]): text for index, text in problems.items()}
        bad = dict(sorted({**bad, **self.find_bad()}.items()))
        raise ValueError(
            self.bad_message(bad)
            + "\nRepair them, move them elsewhere, or skip them with "
            f'`on_bad_image="skip"`{self._where_skipped}.'
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
            text = of_other_range(images, code)
        if text:
            warn_user(text)

    def _warn_of_range(self, extremes):
        """Warn once if whole numbers use little of their type's range, or lie below."""
        if self._has_warned:
            return
        kept = [] if self._extremes is None else [self._extremes]
        self._extremes = joined_extremes([*kept, *extremes.values()])
        text = self._extremes and of_small_range(self._extremes)
        if text:
            self._has_warned = True
            warn_user(text)

    def _try_to_decode(self, indices):
        """Return (pixels, problems) of the files at `indices`, and keep the good."""
        files = [self.places[i] for i in indices]
        self._note_states(indices)
        is_kept = np.zeros(len(files), bool)

        def keep(position, values, pairs):
            is_kept[position] = cache.keep(indices[position], values, pairs)

        cache = self._cache
        keep = keep if cache.keeps and isinstance(cache, DeepCache) else None
        pixels, problems, extremes = decode_images(
            files, self.image_shape[:2], self.reading, self.resize, self.dtype, keep
        )
        good = np.ones(len(files), bool)
        good[list(problems)] = False
        self._warn_of_values(extremes, pixels[good] if problems else pixels)
        rest = good & ~is_kept
        if rest.any():
            cache.write(indices[rest], pixels if rest.all() else pixels[rest])
        return pixels, problems


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


def absolute(files):
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
