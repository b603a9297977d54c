"""Image data: images in memory or in files, with their labels."""

from collections.abc import Mapping

import numpy as np

from reticnn.coercion import as_bool, as_seen, shown, tidy_name
from reticnn.data.decoding import facts_of_files
from reticnn.data.facts import joined, joined_facts
from reticnn.data.file_images import IMAGES_AT_ONCE
from reticnn.data.identity import file_identities
from reticnn.data.joining import JoinedImages
from reticnn.data.keeping import (
    NotKeptError,
    as_bytes,
    check_files_are_there,
    from_bytes,
    number_of,
    source_to_keep,
)
from reticnn.data.other_files import left_out_text
from reticnn.data.resizing import scaled
from reticnn.data.weighting import shown_range
from reticnn.notation import is_visible, visible

# Classes that differ more than this in size are called unbalanced.
_BALANCED = 1.5

NAME_ALL_CLASSES = (
    "Give images of two or more classes, or the names of all classes as `class_names`."
)


class ImageData:
    """Images, with or without their classes.

    Made by `image_folder`, `image_table`, `image_arrays`, `shape_images` and others.
    `len(data)` counts the images; `data[indices]` is a part of them, for a slice, a
    boolean mask or a sequence of positions counted from 0; `data + other` are the
    images of both, whose classes are matched by name.

    Attributes:
        class_names: List of the classes in order, or None without labels.
        codes: int64 array, the class of each image counted from 0, or None.
        groups: List of the group of each image, such as its site or patient, or None.
        facts: Dict of lists, what else is known of each image, None where it is not.
        weights: List of how much each image counts in training, or None if all count
            the same.
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
        weights=None,
    ):
        """Put images together with the codes of their classes and what is known."""
        self.source = source
        self.codes = codes
        self.class_names = class_names
        self.indices = np.arange(len(source)) if indices is None else indices
        self._groups = None if groups is None else _as_objects(groups)
        self._facts = {name: _as_objects(of) for name, of in (facts or {}).items()}
        self._weights = None if weights is None else np.array(weights, "float64")

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
            weights=None if self._weights is None else self._weights[positions],
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
        """Return lines on files of other kinds, reading, groups, weights, facts."""
        lines = [left_out_text(self.left_out)] if self._has_all_files() else []
        read = self.reading.described() if self.reading else ""
        lines += [f"read by {read}"] if read else []
        origin = self.reading and self.reading.value_range.origin
        lines += [f"range of values {origin}, before any split"] if origin else []
        several = sum(self.source.has_more_pages(self.indices)) if self.reading else 0
        if several:
            lines.append(f"first of several pages: {several:,} of the images")
        if self._groups is not None:
            count = len(set(self._groups))
            lines.append(f"in {count:,} group{'' if count == 1 else 's'}")
        if self._weights is not None and len(self):
            lines.append(f"weights: {shown_range(self._weights)}")
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
    def masks(self):
        """Which pixels are a shape's, bool (n, height, width), or None if not known."""
        masks = getattr(self.source, "masks", None)
        return None if masks is None else masks[self.indices]

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

    @property
    def weights(self):
        """How much each image counts in training, or None if all do the same."""
        return None if self._weights is None else self._weights.tolist()

    def table(self, *, exif=False):
        """Return what is known of the images as a table.

        Args:
            exif: True adds what the files say: `exif_time`, when a photo was taken by
                the camera's clock, and `exif_camera`, both from its EXIF tags,
                `file_size` in bytes, and `file_width` and `file_height` in pixels as
                stored. Facts of these names stay as they are. Default False.

        Returns:
            Dict of lists with one row per image: `file`, `label`, `group` and
            `image_weight`, if there are any, and the facts. Unknown values are None.

        Raises:
            ValueError: If `exif` is requested for images in memory.
        """
        own = {
            "file": self.files,
            "label": self.labels,
            "group": self.groups,
            "image_weight": self.weights,
        }
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
        starts = range(0, len(self), IMAGES_AT_ONCE)
        blocks = [self.indices[start : start + IMAGES_AT_ONCE] for start in starts]
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

    def own_sizes(self, positions):
        """Return the (height, width) of some of the images of files, upright."""
        return self.source.own_sizes(self.indices[positions])

    def read_as_they_are(self, positions, jobs):
        """Return what is made of some of the images of files as they are, listed.

        Args:
            positions: Of the images.
            jobs: For each, the least of its pixels on the shorter side that are wanted,
                and a function that is given them, (height, width) or (height, width,
                channels), and returns what is wanted. It is called in several threads.
        """
        return self.source.read_as_they_are(self.indices[positions], jobs)

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

    def kept(self):
        """Return what R keeps of the data besides their source, or why it cannot.

        Returns:
            Dict of `part`, the bytes of what is known of the images; `source`, a number
            for their source, whose bytes `kept_source` returns; or `why_not`, a text.
        """
        try:
            source, indices = source_to_keep(self.source, self.indices)
        except NotKeptError as error:
            return {"why_not": str(error)}
        part = {
            "indices": indices,
            "codes": self.codes,
            "class_names": self.class_names,
            "groups": self._groups,
            "facts": self._facts,
            "weights": self._weights,
        }
        if source is not self.source:
            return {"part": as_bytes({**part, "source": source})}
        return {"part": as_bytes(part), "source": number_of(source)}

    def kept_source(self):
        """Return the bytes of the source of the images."""
        return as_bytes(self.source)

    @classmethod
    def from_kept(cls, part, source=None):
        """Return the data of which `kept` and `kept_source` returned the bytes.

        Raises:
            FileNotFoundError: If files of theirs are not there any more.
        """
        known = from_bytes(part)
        data = cls(**{"source": source and from_bytes(source), **known})
        check_files_are_there(data.places)
        return data

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
            "weights": self._weights,
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

    def with_own_range(self):
        """Return the data of files with a range of values found from them alone.

        That is where it was found at all, and not given.
        """
        if self.reading is None or not self.reading.value_range.is_found:
            return self
        return self.with_source(self.source.with_range_of(self.indices))

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
    made = "Make it with `image_folder()`, `image_arrays()` or `shape_images()`."
    first = value[0] if isinstance(value, (list, tuple)) and value else value
    if len(getattr(first, "shape", ())) in (3, 4):
        made = "Make it from the images and their labels: `image_arrays(x, y)`."
    raise TypeError(f"`{name}` must be image data, not {shown(value)}. {made}")


def joined_images(parts):
    """Return image data of all the images of several, matched by the names of classes.

    Facts that some of them lack are None there.

    Raises:
        ValueError: If their images have not one size and one way to be resized, or only
            some of them have labels, groups or weights.
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
    known = {
        "groups": joined(parts, "groups"),
        "facts": joined_facts(parts),
        "weights": joined(parts, "weights"),
    }
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
