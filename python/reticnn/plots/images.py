"""Images: original, augmented, and as a model sees them."""

import math

from reticnn.plots.figures import new_figure, size_for_words, wrapped
from reticnn.plots.preparation import (
    GREY,
    pictures_of_augmentation,
    pictures_of_feature_maps,
    pictures_of_filters,
    pictures_of_images,
)
from reticnn.plots.reviewed import pictures_of_review

# Inches of a picture and of a line of its caption, and the caption's font size.
_SIDE, _LINE, _POINTS = 1.35, 0.15, 9


def plot_images(images, predictions=None, n=16):
    """Show images in a grid, with their classes and predictions.

    Args:
        images: Image data; an array (n, height, width, channels), 0 to 255; or the path
            of a folder or of files.
        predictions: Predictions of these images, from `predict_images`, or the
            predicted classes alone, or None. For files named in its column `.file`, the
            rows may be in any order and include files that are not shown; otherwise
            they are in the order of the images. Default None.
        n: Whole number of images to show: the first ones, or with labels the first ones
            of each class. Default 16.

    Returns:
        `matplotlib.figure.Figure`. With predictions for labelled images, the frame of
        an image is blue if the prediction is correct, else orange.

    Raises:
        TypeError: If `predictions` are neither a table nor classes.
        ValueError: If the numbers of predictions and images differ, or a file has no
            prediction.
        ImportError: If matplotlib is not installed.

    Example:
        >>> plot_images(shape_images(12, 6), n=12).savefig("images.png")
    """
    return figure_of_grid(pictures_of_images(images, predictions, n))


def plot_augmentation(image, policy, n=8, seed=None):
    """Show what a policy does to an image.

    Args:
        image: Image, an array (height, width, channels) or (height, width), 0 to 255.
            Of several images, or image data, the first is used.
        policy: Policy, such as from `augmentation`, or a list of policies, applied in
            sequence.
        n: Whole number of altered copies to show. Default 8.
        seed: Whole number of at least 0 that fixes the result, or None for a new one
            each time. Default None.

    Returns:
        `matplotlib.figure.Figure`: the image itself and altered copies of it.

    Raises:
        TypeError: If `policy` is not a policy, or `image` does not hold numbers.
        ValueError: If the policy cannot be applied to the image.
        ImportError: If matplotlib is not installed.

    Example:
        >>> policy = augmentation(rotation=0.1, color_jitter=0.3, erasing=0.5)
        >>> plot_augmentation(shape_images(1), policy, seed=1).savefig("augmented.png")
    """
    return figure_of_grid(pictures_of_augmentation(image, policy, n, seed))


def plot_filters(model, layer=None, n=32):
    """Show the kernels of a convolutional layer.

    Args:
        model: Keras model of images, or a classifier.
        layer: Name of a convolutional layer, or None for the first, as in
            `layer_filters`. Default None.
        n: Whole number, the first `n` filters are shown. Default 32.

    Returns:
        `matplotlib.figure.Figure`, one picture per filter. Filters of red, green and
        blue are shown in these colours, each scaled from its lowest weight, 0, to its
        highest, 255. For others, the mean over the channels is shown, blue below and
        orange above 0, each scaled by its own largest absolute value.

    Raises:
        TypeError: If `model` is not a Keras model or a classifier.
        ValueError: As for `layer_filters`.
        ImportError: If matplotlib is not installed.

    Example:
        >>> plot_filters(build_cnn()).savefig("filters.png")
    """
    return figure_of_grid(pictures_of_filters(model, layer, n))


def plot_feature_maps(model, image, layers=None, n=15):
    """Show the feature maps of an image in one or more layers.

    Args:
        model: Keras model of images, or a classifier.
        image: Image, an array (height, width, channels), 0 to 255, of the size that the
            model takes. Of several images, or image data, the first is used.
        layers: Name of a layer, or several names, or None for the first convolution, as
            in `feature_maps`. Default None.
        n: Whole number, the first `n` feature maps of each layer are shown. Default 15,
            which together with the image makes a square of 16 pictures.

    Returns:
        `matplotlib.figure.Figure`: the image and one picture per feature map, from dark
        at its lowest to bright at its highest value for this image; a constant map is
        dark. If there are several layers, each is a row.

    Raises:
        TypeError: If `model` is not a Keras model or a classifier.
        ValueError: As for `feature_maps`.
        ImportError: If matplotlib is not installed.

    Example:
        >>> plot_feature_maps(build_cnn(), shape_images(1)).savefig("maps.png")
    """
    grid = pictures_of_feature_maps(model, image, layers, n)
    return figure_of_grid(grid) if grid["title"] else _rows(grid)


def plot_review(review, data, kind=None, n=6):
    """Show the images that a review found, those of each finding side by side.

    Args:
        review: What `review_images` returned.
        data: The image data that were reviewed, or the dict of them.
        kind: Kind of findings to show, or None for the worst of each kind, one row per
            kind. Default None.
        n: Whole number of images in a row; for a single kind, there are at most as many
            rows. Default 6.

    Returns:
        `matplotlib.figure.Figure`. Captions have the kind and the number of the
        finding, its value, and the part and the label of the image.

    Raises:
        TypeError: If `review` is not a review.
        ValueError: If nothing was found, or nothing of that `kind`, or `data` are not
            what was reviewed.
        ImportError: If matplotlib is not installed.

    Example:
        >>> data = shape_images(100) + shape_images(100)
        >>> plot_review(review_images(data), data).savefig("review.png")
    """
    return figure_of_grid(pictures_of_review(review, data, kind, n))


def figure_of_grid(grid):
    """Return a figure of pictures, as many beside as below each other."""
    pictures, columns = grid["pictures"], grid["columns"]
    rows = math.ceil(len(pictures) / columns)
    shape = pictures[0].shape[0] / pictures[0].shape[1]
    points = size_for_words(grid["text"], 0.95 * _SIDE, _POINTS)
    texts = [wrapped(text, 0.95 * _SIDE, points) for text in grid["text"]]
    lines = max(2, *(text.count("\n") + 1 for text in texts))
    height = rows * (_SIDE * shape + _LINE * lines) + (0.3 if grid["title"] else 0)
    figure = new_figure(columns * (_SIDE + 0.1), height)
    if grid["title"]:
        figure.suptitle(grid["title"], fontsize=11)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels[len(pictures) :]:
        axes.axis("off")
    drawn = zip(panels, pictures, texts, grid["frame"], strict=False)
    for axes, picture, text, frame in drawn:
        _show(axes, picture, text, frame, points)
    # The layout takes two passes to find room for titles of several lines.
    figure.draw_without_rendering()
    return figure


def _rows(grid):
    """Return a figure with one row per layer, and the image before the first one."""
    layers, columns = ([*dict.fromkeys(grid[key])] for key in ("layer", "text"))
    figure = new_figure(1.5 + 0.9 * len(columns), 0.3 + 0.95 * len(layers))
    panels = figure.subplots(
        len(layers),
        1 + len(columns),
        width_ratios=[1.6] + [1] * len(columns),
        squeeze=False,
    )
    for axes in panels.ravel():
        axes.axis("off")
    for axes, layer in zip(panels[:, 0], layers, strict=True):
        axes.text(1, 0.5, layer, ha="right", va="center", fontsize=9)
    keys = ("pictures", "layer", "text", "frame")
    for picture, layer, text, frame in zip(*map(grid.get, keys), strict=True):
        row = layers.index(layer)
        # The numbers of the filters stand over the first row alone.
        caption = text if row == 0 else ""
        _show(panels[row, 1 + columns.index(text)], picture, caption, frame)
    return figure


def _show(axes, picture, text, frame, points=_POINTS):
    """Draw a picture with its caption, and with a frame or none."""
    axes.axis("on")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.imshow(picture, cmap="viridis", vmin=0, vmax=1)
    axes.set_title(text, fontsize=points, pad=3)
    axes.spines[:].set_visible(frame is not None)
    axes.spines[:].set(color=frame, linewidth=0.8 if frame == GREY else 3)
