"""Files that a function of the user's reads, from a path to an array."""

import numpy as np

from reticnn.coercion import check_takes_one, shown
from reticnn.data.channels import as_image
from reticnn.data.described import Described, limits_of
from reticnn.data.file_images import FileImages
from reticnn.data.readers import Header
from reticnn.data.refusing import RefusedError
from reticnn.data.resizing import fitted, scaled
from reticnn.notation import R_MISSING_INTEGER, shown_kind, visible
from reticnn.runtime.lazy import cached_property
from reticnn.runtime.stopping import check_wanted

_GIVE_RANGE = "say which are black and white, as in `value_range=(0, {:g})`"

# So many of the first files say whether a range of values is theirs.
_LOOKED_AT = 32


def as_reader(value):
    """Return a user's `reader`, a function or None."""
    if callable(value):
        check_takes_one(value, "reader", "the path of a file")
    if value is None or callable(value):
        return value
    raise TypeError(
        "`reader` must be a function that takes the path of a file and returns an "
        f"array, not {shown(value)}."
    )


class ReadByFunction:
    """What images have in common that the user's function reads, each file once.

    The function is called where the user is: R's in R's own thread. What it returns is
    kept, at the size of the images, in memory or on disk. For classes that are images
    in files besides, and have `_parts`, what is read at once; `_positions_of`, the
    positions of the images in it; and `_read_part`, which reads and keeps them, and
    returns the `Extremes` of the file or None.
    """

    def __init__(self, *args, reader, **options):
        """Take what the images in files take, and the function."""
        super().__init__(*args, **options)
        self._besides = {"reader": reader}
        self._reader = reader
        self._bad = None

    def __getstate__(self):
        """Raise: another process cannot call the function as the user does."""
        raise TypeError("their files are read by the function given as `reader`")

    def read(self, indices):
        """Return the pixels of the images at `indices`."""
        self.find_bad()
        return self._cache.read(indices)

    def own_sizes(self, indices):
        """Return the (height, width) of images, that at which they are kept."""
        return [self.image_shape[:2]] * len(indices)

    def read_as_they_are(self, indices, jobs):
        """Return what is made of images, from those that are kept."""
        images = self.read(np.asarray(indices))
        return [use(image) for image, (_, use) in zip(images, jobs, strict=True)]

    def read_scaled(self, indices, side):
        """Return images, the shorter side `side` pixels, from those that are kept."""
        return [scaled(image, side) for image in self.read(np.asarray(indices))]

    def read_as(self, reading, image_size=None):
        """Return the same files read in another way, or at another size: at once."""
        images = super().read_as(reading, image_size)
        images.check()
        return images

    def read_like(self, reading, name):
        """Return the same files with the range of values that others were read by.

        What is found from other files says nothing of what the function returns.
        """
        if not reading.value_range.is_found:
            return super().read_like(reading, name)
        own = reading.with_range(self._asked.value_range)
        return super().read_like(own, name)

    def check(self):
        """Read all files, and raise for those that cannot be read."""
        bad = {
            index: problem
            for index, problem in self.find_bad().items()
            if index not in self.skipped
        }
        if bad:
            raise ValueError(
                self.bad_message(bad)
                + "\nRepair them or the `reader`, move them elsewhere, or skip them "
                f'with `on_bad_image="skip"`{self._where_skipped}.'
            )

    def find_bad(self):
        """Return the problem of each image that cannot be read, by its position.

        The good ones are kept.
        """
        if self._bad is None:
            bad, extremes = {}, []
            for part in self._parts():
                check_wanted()
                try:
                    extremes.append(self._read_part(part))
                except RefusedError as error:
                    bad |= dict.fromkeys(self._positions_of(part), str(error))
            self.take_over(self._cache, bad, extremes)
        return self._bad

    def take_over(self, cache, bad=(), extremes=()):
        """Keep the images in a cache, which are all but the bad ones.

        Args:
            cache: Cache of the images.
            bad: The problem of each bad one, by its position.
            extremes: `Extremes` of files, or None. Default none.
        """
        self._cache, self._bad = cache, dict(bad)
        if self._asked.value_range.pairs is not None:
            good = np.flatnonzero(cache.has)[:_LOOKED_AT]
            self._warn_of_numbers(cache.read(good))
        known = [one for one in extremes if one is not None]
        self._warn_of_range(dict(enumerate(known)))

    def _keep(self, indices, images):
        self._cache.write(indices, images)
        check_kept(self._cache, indices)

    def _values(self, index):
        """Return what the function makes of a file, checked, and `Described`."""
        return values_by(self._reader, self.places[index], self._asked.value_range)

    @cached_property
    def dtype(self):
        """Type of the images."""
        return np.dtype(np.float32)

    @cached_property
    def _headers(self):
        # Not known before they are read, and no matter.
        return [Header(np.dtype(np.int64))] * len(self)


class OwnFiles(ReadByFunction, FileImages):
    """Images in files that the user's function reads when the data are made."""

    def _parts(self):
        return np.setdiff1d(np.arange(len(self)), self.skipped).tolist()

    def _positions_of(self, index):
        return [index]

    def _read_part(self, index):
        values, about = self._values(index)
        side = max(self.image_shape[:2])
        pixels, extremes = as_image(values, about, self.reading, True, side)
        image = fitted(pixels, self.image_shape[:2], self.resize)
        self._keep(np.array([index]), image.reshape(1, *self.image_shape))
        return extremes


def check_kept(cache, indices):
    """Raise if a cache had no room for images."""
    if not cache.has[indices].all():
        raise ValueError(
            f"There is no space to keep the {len(cache.has):,} images that `reader` "
            "reads. Read them at a smaller `image_size`, make room in the temporary "
            'folder (TMPDIR), or use `cache="memory"`.'
        )


def values_by(reader, place, value_range):
    """Return what a user's function makes of a file, checked, and `Described`.

    Args:
        reader: The function.
        place: Absolute path of the file.
        value_range: `ValueRange` that is asked for.

    Raises:
        RefusedError: If the function fails, or returns no image.
    """
    try:
        found = reader(place)
    except Exception as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise RefusedError(f"`reader` fails: {visible(said)}") from error
    return _checked(found, value_range)


def _checked(found, value_range):
    """Return an array, (height, width, bands), and `Described`.

    Without a range that was asked for, values are 0 to 255, as those of arrays are
    everywhere.

    Args:
        found: What a user's function returns for a file.
        value_range: `ValueRange`.
    """
    values = _numbers(found)
    limits = limits_of(values.dtype)
    if values.dtype.kind == "b":
        values, limits = values.astype(np.uint8), (0, 1)
    elif value_range.asked is None:
        _check_range(values)
        limits = (0, 255)
    elif values.dtype == np.uint8:
        # Not the pixels of a photo, which a range is not for.
        values = values.astype(np.uint16)
    height, width, bands = values.shape
    about = Described(
        "an array",
        width,
        height,
        bands,
        values.dtype,
        limits,
        is_colour=bands == 3,
        has_own_limits=value_range.asked is None,
    )
    return values, about


def _numbers(found):
    """Return what a function has returned as an array, (height, width, bands)."""
    if found is None:
        raise RefusedError("`reader` returns nothing for it")
    if hasattr(found, "columns") or isinstance(found, (str, bytes, dict)):
        raise RefusedError(f"`reader` returns {shown(found)} for it, not an array")
    try:
        values = np.asarray(found)
    except ValueError:
        raise RefusedError(
            "`reader` returns rows of different lengths for it"
        ) from None
    if values.dtype == np.dtype("V1"):  # R's raw
        values = values.view(np.uint8)
    if values.dtype.kind not in "buif":
        raise RefusedError(
            f"`reader` returns values of type {shown_kind(values.dtype)} for it"
        )
    if values.ndim not in (2, 3) or 0 in values.shape:
        raise RefusedError(
            f"`reader` returns an array of {' x '.join(map(str, values.shape)) or 1} "
            "for it, and an image is height x width or height x width x bands"
        )
    missing = int((~np.isfinite(values)).sum())
    if values.dtype == np.int32:
        missing += int((values == R_MISSING_INTEGER).sum())
    if missing:
        raise RefusedError(
            f"`reader` returns {missing:,} of {values.size:,} values for it that are "
            "missing or infinite (NA, NaN, Inf)"
        )
    return values.reshape(*values.shape[:2], -1)


def _check_range(values):
    """Raise if values are not 0 to 255, or go from 0 to 1."""
    lowest, highest = float(values.min()), float(values.max())
    if lowest < 0 or highest > 255:
        raise RefusedError(
            f"`reader` returns values from {lowest:g} to {highest:g} for it, and not 0 "
            f"to 255: {_GIVE_RANGE.format(highest)}"
        )
    if 0 < highest <= 1:
        raise RefusedError(
            f"`reader` returns no value above {highest:g} for it, and white is 255: "
            + _GIVE_RANGE.format(1)
        )
