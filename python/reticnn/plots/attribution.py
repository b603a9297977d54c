"""Maps of what speaks for a class, over the images that they are about."""

import contextlib
import os

import numpy as np

from reticnn.coercion import as_int, printable
from reticnn.data.decoding import upright_sizes
from reticnn.data.file_reading import Reading
from reticnn.data.resizing import back_on_image
from reticnn.data.table import image_table
from reticnn.explanation.explained import as_explanation
from reticnn.plots.images import figure_of_grid
from reticnn.plots.preparation import colours_of, image_data_of
from reticnn.runtime.conditions import warn_user
from reticnn.runtime.opencv import cv2

# Colours from what speaks most against a class, by white for nothing, to what speaks
# most for it: lightness falls evenly both ways, and people who see few colours tell
# blue from orange. In CIELAB.
_AGAINST = ((100, 0, 0), (70, -10, -30), (42, 0, -48), (18, 10, -38))
_FOR = ((100, 0, 0), (76, 20, 50), (48, 52, 58), (18, 32, 26))

# How much of a colour there is over the image where it is strongest.
_COVER = 0.85

# Pixels of the longer side of a photo.
_SIDE = 600

_STEPS = 41

# Inches of the scale beside the pictures.
_BAR = 1.4


def plot_explanation(explanation, images=None, n=4):
    """Show images with the parts that speak for a class.

    Args:
        explanation: What `explain_prediction` returned.
        images: The images that were explained, to be shown in their own size: image
            data, an array, or paths. None for those in the explanation, which have the
            size of the network's input; files are read again. Default None.
        n: Whole number of images to show, the first ones. Default 4.

    Returns:
        `matplotlib.figure.Figure` with a row for each image: the image, the map, and
        the map over the grey image; or, of several classes or methods, the map of each
        over the image. Orange speaks for the class and blue against it, more strongly
        where it is darker. White and grey say nothing. Maps of one image by one method
        share a scale.

    Raises:
        TypeError: If `explanation` is not an explanation.
        ValueError: If `images` are not as many as were explained.
        ImportError: If matplotlib is not installed.

    Warns:
        UserWarning: If a file cannot be read again, and is shown as the network saw it.

    Example:
        >>> explanation = explain_prediction(classifier, shape_images(3))
        >>> plot_explanation(explanation).savefig("why.png")
    """
    grid = pictures_of_explanation(explanation, images, n)
    figure = figure_of_grid(grid)
    width, height = figure.get_size_inches()
    figure.set_size_inches(width + _BAR, height)
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    scale = grid["scale"]
    colours = LinearSegmentedColormap.from_list("explanation", scale["colours"])
    bar = figure.colorbar(
        ScalarMappable(Normalize(*scale["limits"]), colours),
        ax=figure.axes,
        shrink=0.6,
        aspect=16,
        ticks=scale["breaks"],
    )
    bar.ax.set_yticklabels(scale["labels"], fontsize=8, color="#4D4D4D")
    bar.outline.set_visible(False)
    return figure


def pictures_of_explanation(explanation, images=None, n=4):
    """Return pictures of an explanation, as `preparation` has them.

    Returns:
        Pictures, with `scale`, a dict of `colours`, a list from the lowest to the
        highest, `limits`, and where `labels` stand, `breaks`.
    """
    explanation = as_explanation(explanation)
    table = explanation.table
    count = min(as_int(n, "n"), len(explanation.images))
    own = None if images is None else _given(images, len(explanation.images))
    single = len(table["image"]) == len(explanation.images)
    several = len(set(table["method"])) > 1
    pictures, text = [], []
    for image in range(count):
        rows = [row for row, at in enumerate(table["image"]) if at == image]
        picture, is_own = _picture(explanation, image, rows[0], own)
        resize = explanation.resize if is_own else None
        shares = _shares(explanation, rows, picture.shape[:2], resize)
        pictures.append(picture)
        text.append(_name(table, rows[0]))
        for row, share in zip(rows, shares, strict=True):
            if single:
                pictures.append(_colours(share))
                text.append("map")
            pictures.append(_over(picture, share))
            text.append(_caption(table, row, several))
    is_signed = bool((explanation.maps < 0).any())
    method = None if several else _method(table)
    return {
        "pictures": of_one_shape(pictures),
        "text": text,
        "frame": [None] * len(pictures),
        "columns": len(pictures) // count,
        "title": method,
        "scale": _scale(is_signed),
    }


def overlays(explanation):
    """Return the first map of each image over it, as the network saw it, bytes."""
    table = list(enumerate(explanation.table["image"]))
    rows = {image: row for row, image in reversed(table)}
    pictures = []
    for image, pixels in enumerate(explanation.images):
        picture = _bytes(pixels)
        (share,) = _shares(explanation, [rows[image]], picture.shape[:2], None)
        pictures.append(_over(picture, share))
    return pictures


def _given(images, count):
    """Return the images that a user gives for those explained, as image data."""
    data = image_data_of(images, "images")
    if len(data) != count:
        raise ValueError(
            f"`images` has {len(data)} images, and `explanation` is of {count}. Give "
            "the images that were explained."
        )
    return data


def _picture(explanation, image, row, own):
    """Return the picture of an image, uint8, and whether it has its own size."""
    if own is not None and own.files is None:
        return _bytes(own.read(np.array([image]))[0]), True
    files = explanation.table.get(".file") if own is None else own.files
    is_tile = ".left" in explanation.table
    if files is not None and not is_tile:
        photo = _photo(files[row if own is None else image])
        if photo is not None:
            return photo, True
    return _bytes(explanation.images[image]), False


def _photo(file):
    """Return the pixels of a photo, made small where it is large, or None."""
    sizes, problems = upright_sizes([os.path.expanduser(file)], Reading(1))
    if not problems:
        height, width = sizes[0][::-1]
        share = min(1, _SIDE / max(height, width))
        size = [max(1, round(side * share)) for side in (height, width)]
        with contextlib.suppress(OSError, ValueError):
            data = image_table(file, image_size=size, channels=3, cache="none")
            return _bytes(data.read(np.arange(1))[0])
    warn_user(
        f"{printable(file)!r} is shown as the network saw it, because it cannot be "
        "read again as a photo."
    )
    return None


def _bytes(pixels):
    pixels = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(colours_of(pixels))


def _shares(explanation, rows, size, resize):
    """Return maps of an image at its size, -1 to 1, the largest of a method at 1."""
    methods = [explanation.table["method"][row] for row in rows]
    maps = [np.nan_to_num(explanation.maps[row].astype("float64")) for row in rows]
    most = {method: 0.0 for method in methods}
    for method, found in zip(methods, maps, strict=True):
        most[method] = max(most[method], abs(found).max())
    return [
        back_on_image(found / (most[method] or 1), size, resize)
        for method, found in zip(methods, maps, strict=True)
    ]


def _name(table, row):
    file = table.get(".file", [None] * (row + 1))[row]
    if file is not None:
        return printable(os.path.basename(file))
    return f"image {table['image'][row] + 1}"


def _caption(table, row, several):
    """Return the class, its probability, and the method if there are several."""
    name, chance = table["class"][row], table["probability"][row]
    if name is None:
        return "no prediction"
    text = f"{name} {100 * chance:.0f}%" if np.isfinite(chance) else name
    if table["against"][row] is not None:
        text += f"\nagainst {table['against'][row]}"
    return text + (f"\n{table['method'][row]}" if several else "")


def _method(table):
    layer = table["layer"][0]
    return table["method"][0] + (f" in {layer}" if layer else "")


def of_one_shape(pictures):
    """Return pictures of one shape, on white where there are several."""
    if len({picture.shape for picture in pictures}) == 1:
        return pictures
    shaped = []
    for picture in pictures:
        height, width = picture.shape[:2]
        scale = _SIDE / max(height, width)
        height, width = max(1, round(height * scale)), max(1, round(width * scale))
        canvas = np.full((_SIDE, _SIDE, 3), 255, np.uint8)
        top, left = (_SIDE - height) // 2, (_SIDE - width) // 2
        canvas[top : top + height, left : left + width] = cv2.resize(
            picture, (width, height), interpolation=cv2.INTER_LINEAR
        )
        shaped.append(canvas)
    return shaped


# Colours


def _colours(shares):
    """Return -1 to 1 as colours, uint8 (..., 3), white at 0."""
    places = np.linspace(0, 1, len(_FOR))
    lab = [
        np.where(
            shares < 0,
            np.interp(-shares, places, against),
            np.interp(shares, places, spoken_for),
        )
        for against, spoken_for in zip(
            np.transpose(_AGAINST), np.transpose(_FOR), strict=True
        )
    ]
    return _rgb(*lab)


def _over(picture, shares):
    """Return the colours of a map over a picture in grey."""
    grey = picture.astype("float64") @ (0.299, 0.587, 0.114)
    # Lighter, so that colours show on what is dark.
    grey = 90 + grey * (255 - 90) / 255
    cover = _COVER * np.sqrt(abs(shares))[..., None]
    mixed = grey[..., None] + cover * (_colours(shares) - grey[..., None])
    return np.rint(np.clip(mixed, 0, 255)).astype(np.uint8)


def _scale(is_signed):
    lowest = -1 if is_signed else 0
    colours = _colours(np.linspace(lowest, 1, _STEPS))
    labels = ["nothing", "most for it"]
    return {
        "colours": ["#" + "".join(f"{one:02X}" for one in row) for row in colours],
        "limits": [lowest, 1],
        "breaks": [-1, 0, 1] if is_signed else [0, 1],
        "labels": ["most against it", *labels] if is_signed else labels,
    }


def _rgb(lightness, a, b):
    """Return colours of CIELAB, white of D65, as sRGB, uint8."""
    middle = (np.asarray(lightness) + 16) / 116
    parts = np.stack([middle + a / 500, middle, middle - b / 200], axis=-1)
    small = 3 * (6 / 29) ** 2 * (parts - 4 / 29)
    white = np.array([0.95047, 1.0, 1.08883])
    xyz = white * np.where(parts > 6 / 29, parts**3, small)
    to_rgb = np.array(
        [
            [3.2404542, -1.5371385, -0.4985314],
            [-0.9692660, 1.8760108, 0.0415560],
            [0.0556434, -0.2040259, 1.0572252],
        ]
    )
    linear = np.clip(xyz @ to_rgb.T, 0, 1)
    curved = 1.055 * linear ** (1 / 2.4) - 0.055
    levels = np.where(linear <= 0.0031308, 12.92 * linear, curved)
    return np.rint(255 * np.clip(levels, 0, 1)).astype(np.uint8)
