"""Images as they are, changed, and as a model sees them."""

import math

import numpy as np

from reticnn.augmenting import augment
from reticnn.coercion import as_int
from reticnn.data import image_arrays
from reticnn.data.image_data import ImageData
from reticnn.inspection.filters import feature_maps, layer_filters
from reticnn.plots.figures import BLUE, ORANGE, levels, new_figure, wrapped

# Inches of a picture, and of a line of its caption, which has so many points.
_SIDE, _LINE, _POINTS = 1.35, 0.15, 9


def plot_images(images, predictions=None, n=16):
    """Show images in a grid, with their classes and what they are taken for.

    Args:
        images: Image data, or an array (n, height, width, channels), 0 to 255.
        predictions: Predictions of these images, from `predict_images`, or None.
            Default None.
        n: Whole number of images shown, the first ones. Default 16.

    Returns:
        `matplotlib.figure.Figure`. With predictions of labelled images, the frame of an
        image is blue if its prediction is right, and orange if it is not.

    Raises:
        ValueError: If there are not as many predictions as images.
        ImportError: If matplotlib is not installed.

    Example:
        >>> plot_images(shape_images(12, 6), n=12).savefig("images.png")
    """
    data = images if isinstance(images, ImageData) else image_arrays(images)
    if predictions is not None and len(predictions[".pred_class"]) != len(data):
        raise ValueError(
            f"`predictions` has {len(predictions['.pred_class'])} rows for {len(data)} "
            "images. Predict the same images that are shown."
        )
    count = min(as_int(n, "n"), len(data))
    labels = _labels(data, count)
    texts, frames = labels or [""] * count, [None] * count
    if predictions is not None:
        texts = [_guess(predictions, at, labels) for at in range(count)]
        frames = [_verdict(predictions, at, labels) for at in range(count)]
    return _grid(list(data.read(np.arange(count))), texts, frames)


def plot_augmentation(image, policy, n=8, seed=None):
    """See what a policy does to an image.

    Args:
        image: Image, an array (height, width, channels) or (height, width), 0 to 255.
            Of several images, or image data, the first.
        policy: Policy, as from `augmentation`, or a list of policies, applied in
            sequence.
        n: Whole number of changed copies. Default 8.
        seed: Whole number of at least 0 that fixes the result, or None for a new one
            each time. Default None.

    Returns:
        `matplotlib.figure.Figure`: the image itself, and changed copies of it.

    Raises:
        TypeError: If `policy` is not a policy, or `image` does not hold numbers.
        ValueError: If the image does not suit the policy.
        ImportError: If matplotlib is not installed.

    Example:
        >>> policy = augmentation(rotation=0.1, color_jitter=0.3, erasing=0.5)
        >>> plot_augmentation(shape_images(1), policy, seed=1).savefig("augmented.png")
    """
    count = as_int(n, "n")
    first = _first(image)
    after = augment(first, policy, copies=count, seed=seed)
    pictures = [*first.read(np.arange(1)), *after.read(np.arange(count))]
    return _grid(pictures, ["before", *["after"] * count], [BLUE, *[None] * count])


def plot_filters(model, layer=None, n=32):
    """Show the kernels of a convolution layer.

    Args:
        model: Keras model of images, or a classifier.
        layer: Name of a convolution layer, or None for the first one, as in
            `layer_filters`. Default None.
        n: Whole number of filters shown, the first ones. Default 32.

    Returns:
        `matplotlib.figure.Figure`, one picture per filter. Filters of red, green and
        blue are in these colours, each from its lowest weight, as 0, to its highest
        one, as 255. Of others, the mean over the channels is shown, blue where it is
        below and orange where it is above 0, each up to its own largest distance from
        0.

    Raises:
        TypeError: If `model` is not a Keras model or a classifier.
        ValueError: As for `layer_filters`.
        ImportError: If matplotlib is not installed.

    Example:
        >>> plot_filters(build_cnn()).savefig("filters.png")
    """
    found = layer_filters(model, layer)
    weights = found["weights"]
    kernels = weights[: as_int(n, "n")]
    draw = _colour_kernel if found["rgb"] else _signed_kernel
    size = " \u00d7 ".join(map(str, weights.shape[1:]))
    title = (
        f"{found['layer']}: {_counted(len(kernels), len(weights), 'filters')} of {size}"
    )
    texts = [str(number + 1) for number in range(len(kernels))]
    frames = ["#999999"] * len(kernels)
    return _grid([draw(kernel) for kernel in kernels], texts, frames, title)


def plot_feature_maps(model, image, layers=None, n=15):
    """Show what the filters of a layer, or of several, answer to an image.

    Args:
        model: Keras model of images, or a classifier.
        image: Image, an array (height, width, channels), 0 to 255, of the size that the
            model takes. Of several images, or image data, the first.
        layers: Name of a layer, or several, or None for the first convolution, as in
            `feature_maps`. Default None.
        n: Whole number of filters shown of each layer, the first ones. Default 15,
            which with the image makes a square of 16 pictures.

    Returns:
        `matplotlib.figure.Figure`: the image and one picture per filter, dark where the
        filter answers least to this image and bright where it answers most; one that
        answers the same everywhere is dark. Several layers are rows.

    Raises:
        TypeError: If `model` is not a Keras model or a classifier.
        ValueError: As for `feature_maps`.
        ImportError: If matplotlib is not installed.

    Example:
        >>> plot_feature_maps(build_cnn(), shape_images(1)).savefig("maps.png")
    """
    count = as_int(n, "n")
    first = _first(image)
    maps = {
        name: found[0] for name, found in feature_maps(model, first, layers).items()
    }
    picture = first.read(np.arange(1))[0]
    if len(maps) > 1:
        return _rows(picture, maps, count)
    ((name, found),) = maps.items()
    shown_maps = list(np.moveaxis(found, -1, 0)[:count])
    size = " \u00d7 ".join(map(str, found.shape[:2]))
    filters = _counted(len(shown_maps), found.shape[-1], "feature maps")
    return _grid(
        [picture, *shown_maps],
        ["image", *(str(number + 1) for number in range(len(shown_maps)))],
        [BLUE, *[None] * len(shown_maps)],
        f"{name}: {filters} of {size}",
    )


# Grids


def _grid(pictures, texts, frames, title=None):
    """Return a figure of pictures, as many beside as below each other."""
    columns = _columns(len(pictures))
    rows = math.ceil(len(pictures) / columns)
    shape = pictures[0].shape[0] / pictures[0].shape[1]
    texts = [wrapped(text, 0.95 * _SIDE, _POINTS) for text in texts]
    lines = max(2, *(text.count("\n") + 1 for text in texts))
    height = rows * (_SIDE * shape + _LINE * lines) + (0.3 if title else 0)
    figure = new_figure(columns * (_SIDE + 0.1), height)
    figure.suptitle(title, fontsize=11) if title else None
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels[len(pictures) :]:
        axes.axis("off")
    for axes, picture, text, frame in zip(
        panels, pictures, texts, frames, strict=False
    ):
        _show(axes, picture, frame)
        axes.set_title(text, fontsize=_POINTS, pad=3)
    # The layout takes two passes to find room for titles of several lines.
    figure.draw_without_rendering()
    return figure


def _columns(number):
    """Return how many pictures beside each other leave the fewest places empty."""
    square = math.ceil(math.sqrt(number))
    return min(range(square, 2 * square), key=lambda columns: -number % columns)


def _rows(picture, maps, count):
    """Return a figure with a layer a row, and the image before the first one."""
    count = min(count, max(found.shape[-1] for found in maps.values()))
    figure = new_figure(1.5 + 0.9 * (count + 1), 0.3 + 0.95 * len(maps))
    panels = figure.subplots(
        len(maps), 2 + count, width_ratios=[1.6] + [1] * (count + 1), squeeze=False
    )
    for axes in panels.ravel():
        axes.axis("off")
    for row, (name, found) in zip(panels, maps.items(), strict=True):
        size = " \u00d7 ".join(map(str, found.shape[:2]))
        row[0].text(1, 0.5, f"{name}\n{size}", ha="right", va="center", fontsize=9)
        for number, axes in enumerate(row[2 : 2 + found.shape[-1]]):
            _show(axes, found[..., number], None)
    _show(panels[0, 1], picture, BLUE)
    for text, axes in zip(["image", *range(1, count + 1)], panels[0, 1:], strict=True):
        axes.set_title(text, fontsize=9, pad=3)
    return figure


def _show(axes, picture, frame):
    """Draw an image of 0 to 255, or a map of any numbers, with a frame or none."""
    axes.axis("on")
    axes.set_xticks([])
    axes.set_yticks([])
    if picture.ndim == 3:
        pixels = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
        axes.imshow(pixels.repeat(3, axis=-1) if pixels.shape[-1] == 1 else pixels)
    else:
        axes.imshow(picture, cmap="viridis")
    axes.spines[:].set_visible(frame is not None)
    axes.spines[:].set(color=frame, linewidth=0.8 if frame == "#999999" else 3)


def _counted(shown_number, number, things):
    some = f"{shown_number} of " if shown_number < number else ""
    return f"{some}{number} {things}"


# Kernels


def _colour_kernel(kernel):
    """Return weights of red, green and blue as 0 to 255."""
    low, high = kernel.min(), kernel.max()
    return 255 * (kernel - low) / max(high - low, 1e-12)


def _signed_kernel(kernel):
    """Return the mean over the channels, blue below 0, which is white, and orange."""
    means = kernel.mean(axis=-1)
    shares = (means / max(abs(means).max(), 1e-12))[..., None]
    end = np.where(shares < 0, levels(BLUE), levels(ORANGE))
    return 255 + abs(shares) * (end - 255)


# Images and predictions


def _first(image):
    """Return the first image as image data."""
    data = image if isinstance(image, ImageData) else image_arrays(image)
    return data[:1]


def _labels(data, count):
    if data.codes is None:
        return None
    return [data.class_names[code] for code in data.codes[:count]]


def _guess(predictions, at, labels):
    """Return what an image is taken for, how surely, and if wrong, what it is."""
    guess = str(predictions[".pred_class"][at])
    chance = predictions[f".pred_{guess}"][at]
    wrong = labels is not None and labels[at] != guess
    return f"{guess} {100 * chance:.0f}%" + (f"\n(is {labels[at]})" if wrong else "")


def _verdict(predictions, at, labels):
    if labels is None:
        return None
    return BLUE if labels[at] == str(predictions[".pred_class"][at]) else ORANGE
