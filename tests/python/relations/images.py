"""Image data for a case, together with the plain arrays that they are made of."""

import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

import reticnn

SIDE = 8

# What is white in files of more than 8 bits.
WHITE = 51_000

NAMES = {
    "words": ("ant", "bee", "cow"),
    "reversed": ("ant", "bee", "cow"),
    "unicode": ("Äpfel", "été", "ñandú"),
    "decomposed": ("Äpfel", "été", "ñandú"),
    "numbers": ("1", "2", "3"),
}


@dataclass
class Images:
    """Images with labels: `data`, and the `pixels` and `codes` that are in them.

    `classes` has the names of the classes in the order of the codes.
    """

    data: object
    pixels: np.ndarray
    codes: np.ndarray
    classes: list
    weights: np.ndarray | None = None
    given: object = None


def training_images(case, folder):
    """Return the images to train on; classes are of different sizes."""
    return _images(case, folder / "train", case.images, seed=2, how=case.data)


def other_images(case, folder, kind, seed):
    """Return images for validation ("data") or a test ("all").

    Of kind "lacks_class" they have no image of the last class, and where that leaves
    two or more they do not know that it exists; "other_order" counts classes backwards.
    """
    own = {"folder", "table", "tiff", "npy"}
    how = (
        "table"
        if case.data == "copies"
        else case.data
        if case.data in own
        else "arrays"
    )
    plain = {"data": "all", "share": "all", "none": "all"}.get(kind, kind)
    return _images(case, folder, 8, seed, how=how, kind=plain)


def _images(case, folder, count, seed, how, kind="all"):
    names = list(NAMES[case.labels])[: case.number_of_classes]
    rng = np.random.default_rng(seed)
    codes = np.sort(np.r_[np.arange(len(names)), rng.integers(len(names), size=count)])
    codes = codes[: count + len(names)]
    if how != "folder":
        codes = rng.permutation(codes)
    if kind == "lacks_class":
        codes = codes[codes != len(names) - 1]
    pixels = _pixels(case, codes, rng)
    labels = [names[code] for code in codes]
    backwards = (case.labels == "reversed") != (kind == "other_order")
    order = names[::-1] if backwards else None
    if kind == "lacks_class" and len(names) == 2:
        order = order or names
    return _as_data(case, folder, pixels, labels, order, how)


def _pixels(case, codes, rng):
    shape = (len(codes), SIDE, SIDE, case.channels)
    noise = rng.integers(0, 90, shape)
    light = 50 * codes[:, None, None, None] * rng.uniform(0.5, 1, (1, SIDE, SIDE, 1))
    pixels = noise + light
    return pixels.astype("float32") if case.pixels == "float32" else np.round(pixels)


def _as_data(case, folder, pixels, labels, order, how):
    if case.pixels != "float32":
        pixels = pixels.astype(case.pixels)
    if how == "copies":
        # Of the first, there are two files more.
        chosen, how = np.r_[0, 0, np.arange(len(pixels))], "table"
        pixels, labels = pixels[chosen], list(np.array(labels)[chosen])
    if how in ("folder", "table"):
        return _from_files(case, folder, pixels, labels, order, how)
    if how in ("tiff", "npy"):
        return _from_deep_files(case, folder, pixels, labels, order, how)
    if how == "tiles":
        return _from_tiles(case, folder, pixels, labels, order)
    chosen = slice(None)
    if how == "subset":
        # The images that count, with others between them.
        chosen = np.arange(len(pixels)) * 2
        pixels, labels = pixels.repeat(2, axis=0), list(np.repeat(labels, 2))
    if how == "repeated":
        chosen = np.r_[0, 0, np.arange(len(pixels))]
    given = pixels.copy()
    groups = np.arange(len(pixels)) % 5 if how == "grouped" else None
    weights = _weights(case, len(pixels))
    data = reticnn.image_arrays(
        given,
        _spelled(case, labels),
        class_names=order,
        groups=groups,
        weights=weights,
    )
    if how in ("subset", "repeated"):
        data = data[chosen]
        pixels, labels = pixels[chosen], list(np.array(labels)[chosen])
        weights = None if weights is None else weights[chosen]
    images = _put_together(data, pixels, labels, weights)
    return replace(images, given=(given, given.copy()))


def _weights(case, count):
    """Return how much each image counts, or None; some do not count."""
    return None if case.weights is None else 0.5 * (np.arange(count) * 3 % 7)


def _from_files(case, folder, pixels, labels, order, how):
    files = []
    for number, (image, label) in enumerate(zip(pixels, labels, strict=True)):
        file = Path(folder, label, f"{number:03}.png")
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.squeeze()).save(file)
        files.append(str(file))
    options = {"image_size": SIDE, "channels": case.channels}
    if how == "table" or order is not None:
        spelled = _spelled(case, labels)
        weights = _weights(case, len(files))
        data = reticnn.image_table(
            files, spelled, class_names=order, weights=weights, **options
        )
        return _put_together(data, pixels, labels, weights)
    data = reticnn.image_folder(str(folder), **options)
    return _put_together(data, pixels, labels)


def _from_deep_files(case, folder, pixels, labels, order, how):
    """Return images of files with more than 8 bits, by a range of their values."""
    values, pixels = _deep(pixels)
    folder.mkdir(parents=True, exist_ok=True)
    files = [str(folder / f"{number:03}.{how}") for number in range(len(values))]
    for file, image in zip(files, values, strict=True):
        if how == "npy":
            np.save(file, np.asfortranarray(image))
        else:
            _write_tiff(file, image)
    weights = _weights(case, len(files))
    data = reticnn.image_table(
        files,
        _spelled(case, labels),
        SIDE,
        channels=case.channels,
        class_names=order,
        value_range=(0, WHITE),
        weights=weights,
    )
    return _put_together(data, pixels, labels, weights)


def _from_tiles(case, folder, pixels, labels, order):
    """Return images that lie side by side in larger ones, two in each."""
    values, pixels = _deep(pixels)
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for start in range(0, len(values), 2):
        files.append(str(folder / f"{start:03}.tif"))
        _write_tiff(files[-1], np.concatenate(values[start : start + 2], axis=1))
    data = reticnn.image_tiles(
        files,
        SIDE,
        labels=_spelled(case, labels),
        channels=case.channels,
        class_names=order,
        value_range=(0, WHITE),
    )
    return _put_together(data, pixels, labels)


def _deep(pixels):
    """Return pixels as values of 16 bits, and what these are as pixels."""
    values = np.round(pixels * (WHITE / 255)).astype(np.uint16)
    return values, values.astype(np.float32) * np.float32(255 / WHITE)


def _write_tiff(file, values):
    """Write values, (height, width, bands), as a TIFF file."""
    if values.shape[2] == 1:
        values = values[..., 0]
    kind = {
        "photometric": "minisblack",
        "planarconfig": "contig" if values.ndim > 2 else None,
    }
    tifffile.imwrite(file, values, metadata=None, **kind)


def _spelled(case, labels):
    """Return labels as they are given: numbers, or in two Unicode forms by turns."""
    if case.labels == "numbers":
        return [int(label) for label in labels]
    if case.labels == "decomposed":
        forms = ("NFC", "NFD")
        return [
            unicodedata.normalize(forms[number % 2], label)
            for number, label in enumerate(labels)
        ]
    return labels


def _put_together(data, pixels, labels, weights=None):
    classes = [unicodedata.normalize("NFC", name) for name in data.class_names]
    codes = np.array([classes.index(label) for label in labels])
    return Images(data, pixels.astype("float32"), codes, classes, weights)
