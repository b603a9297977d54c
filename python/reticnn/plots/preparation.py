"""What the plots show, ready to draw: by matplotlib here, and by ggplot2 in R.

Pictures come as a dict: `pictures`, a list of arrays, (height, width, 3) of 0 to 255 or
(height, width) of 0, dark, to 1, bright; `text` and `frame`, the caption of each and
the colour of its frame or None; `columns`, how many to draw beside each other; and
`title`, or None.
"""

import math
import os
from collections import Counter
from collections.abc import Mapping
from itertools import cycle

import numpy as np

from reticnn.augmenting import augment
from reticnn.coercion import as_images, as_int, as_path, as_strings, shown
from reticnn.data.accepting import files_for, is_of_files
from reticnn.data.array_images import ArrayImages
from reticnn.data.image_data import ImageData, as_image_data, check_not_empty
from reticnn.graph import image_graph
from reticnn.prediction.summarising import PLACE_COLUMNS
from reticnn.runtime.backend import NeedingKeras
from reticnn.runtime.conditions import warn_user

feature_maps = NeedingKeras("reticnn.inspection.filters", "feature_maps")
layer_filters = NeedingKeras("reticnn.inspection.filters", "layer_filters")

# Two colours that people who see few colours tell apart, and one for what is neither.
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#999999"

# Share of a colour in the ground of dark text.
_TINT = 0.21

# In a larger table, zeros only hide the rest.
_SMALL_TABLE = 6

# With so many classes a table cannot be read, and the pairs confused most are shown.
_MANY_CLASSES = 30
_MOST_PAIRS = 20

_MEASURES = {
    "parameters": "Parameters",
    "mult_adds": "Mult-adds",
    "receptive_field": "Receptive field\n(pixels)",
}


# Pictures


def pictures_of_images(images, predictions=None, n=16):
    """Return images of all classes, with their classes and their predictions.

    Args:
        images: Image data or an array.
        predictions: Dict of columns of `predict_images`, the predicted classes alone,
            or None.
        n: Whole number of images.
    """
    _warn_of_bands(images)
    data = image_data_of(images, "images")
    predictions = as_predictions(predictions, data)
    positions = _of_all_classes(data, as_int(n, "n"))
    part, labels = data[positions], data[positions].labels
    text, frame = labels or [""] * len(part), [None] * len(part)
    if predictions is not None:
        seen = list(zip(positions.tolist(), labels or [None] * len(part), strict=True))
        text = [_guess(predictions, at, label) for at, label in seen]
        frame = [_verdict(predictions, at, label) for at, label in seen]
    return grid_of(pictures_of_data(part), text, frame)


def _warn_of_bands(images):
    """Warn of an array that is taken for grey images, and may be one of many bands."""
    shape = np.shape(images) if isinstance(images, np.ndarray) else ()
    if len(shape) != 3 or shape[2] in (1, 3, 4) or 2 * shape[2] > min(shape[:2]):
        return
    count, height, width = shape
    warn_user(
        f"`images` is an array of {count:,} x {height:,} x {width:,}, which is taken "
        f"for {count:,} grey images of {height:,} x {width:,} pixels. If it is one "
        f"image of {width:,} bands, give it a first dimension of 1, or give image data "
        "of that image alone."
    )


def _of_all_classes(data, count):
    """Return positions in their order, the first ones of each class or of all images.

    Of a folder the first images alone would all be of one class.
    """
    if data.codes is None or count >= len(data):
        return np.arange(min(count, len(data)))
    # The rank of each image in its class: the first of all classes, then the second.
    ranks = np.empty(len(data), int)
    for code in np.unique(data.codes):
        members = np.flatnonzero(data.codes == code)
        ranks[members] = np.arange(len(members))
    return np.sort(np.lexsort((data.codes, ranks))[:count])


def pictures_of_augmentation(image, policy, n=8, seed=None):
    """Return an image, and `n` copies of it that a policy has changed."""
    count = as_int(n, "n")
    before = _first(image)
    after = augment(before, policy, copies=count, seed=seed)
    text, frame = ["before", *["after"] * count], [BLUE, *[None] * count]
    return grid_of(pictures_of_data(before) + pictures_of_data(after), text, frame)


def pictures_of_filters(model, layer=None, n=32):
    """Return the first kernels of a convolution layer, in colour or with their sign."""
    found = layer_filters(model, layer)
    weights = found["weights"]
    kernels = weights[: as_int(n, "n")]
    draw = _colour_kernel if found["rgb"] else _signed_kernel
    title = (
        f"{found['layer']}: {_counted(len(kernels), len(weights), 'filters')} of "
        f"{_size(weights.shape[1:])}"
    )
    text = _numbers(len(kernels))
    frame = [GREY] * len(kernels)
    return grid_of([draw(kernel) for kernel in kernels], text, frame, title)


def pictures_of_feature_maps(model, image, layers=None, n=15):
    """Return an image, and its feature maps, the first ones of each layer.

    Returns:
        Pictures, with `layer`, the name of the layer of each and the size of its maps.
    """
    count = as_int(n, "n")
    first = _first(image, image_graph(model).inputs[0].shape[1:])
    pictures, text, layer = pictures_of_data(first), ["image"], []
    maps = feature_maps(model, first, layers)
    for name, found in maps.items():
        shown = np.moveaxis(found[0], -1, 0)[:count]
        pictures += [_scaled(picture) for picture in shown]
        text += _numbers(len(shown))
        # The image stands before the first layer's maps.
        count_here = len(shown) + (not layer)
        layer += [f"{name}\n{_size(found.shape[1:3])}"] * count_here
    title = None
    if len(maps) == 1:
        counted = _counted(len(shown), found.shape[-1], "feature maps")
        title = f"{name}: {counted} of {_size(found.shape[1:3])}"
    frame = [BLUE, *[None] * (len(pictures) - 1)]
    return {**grid_of(pictures, text, frame, title), "layer": layer}


def grid_of(pictures, text, frame, title=None):
    return {
        "pictures": pictures,
        "text": text,
        "frame": frame,
        "columns": _columns(len(pictures)),
        "title": title,
    }


def _columns(number):
    """Return how many pictures beside each other leave the fewest gaps."""
    square = math.ceil(math.sqrt(number))
    return min(range(square, 2 * square), key=lambda columns: -number % columns)


def _first(image, image_shape=(None, None, 3)):
    """Return the first image as image data; of a file, in the shape that is taken."""
    return image_data_of(image, "image", image_shape)[:1]


def image_data_of(value, name, image_shape=(None, None, 3)):
    """Return image data, files or an array as image data that is not empty."""
    if is_of_files(value):
        value = files_for(value, name, image_shape)
    elif isinstance(value, (ImageData, Mapping)):
        value = as_image_data(value, name)
    else:
        value = ImageData(ArrayImages(as_images(value, name, image_shape[-1])))
    check_not_empty(value, name)
    return value


def as_predictions(predictions, data):
    """Return a table of predictions, one for each image in its order, or None."""
    if predictions is None:
        return None
    if isinstance(predictions, (str, list, tuple, np.ndarray)):
        predictions = {".pred_class": as_strings(predictions, "predictions")}
    if not isinstance(predictions, Mapping) or ".pred_class" not in predictions:
        raise TypeError(
            "`predictions` must be what `predict_images()` returns, or the predicted "
            f"classes, not {shown(predictions)}."
        )
    if ".file" in predictions and data.files is not None:
        rows = _rows_of_files(predictions, data)
        return {
            name: [column[row] for row in rows] for name, column in predictions.items()
        }
    rows, number = len(predictions[".pred_class"]), len(data)
    if rows != number:
        raise ValueError(
            f"`predictions` has {rows} row{'s' * (rows != 1)} for {number} images. "
            "Predict the same images that are shown."
        )
    return predictions


def _rows_of_files(predictions, data):
    """Return the row of each image in a table with a column of files.

    The table may be in another order than the images, or have more of them. Tiles are
    told apart by their places, too.
    """
    rows = {}
    files = [as_path(file, "predictions") for file in predictions[".file"]]
    boxes = [()] * len(data)
    of_rows = [()] * len(files)
    if data.boxes is not None and all(name in predictions for name in PLACE_COLUMNS):
        boxes = list(map(tuple, data.boxes.tolist()))
        columns = [map(int, predictions[name]) for name in PLACE_COLUMNS]
        of_rows = list(zip(*columns, strict=True))
    for row, (file, box) in enumerate(zip(files, of_rows, strict=True)):
        for name in {file, os.path.abspath(file)}:
            rows.setdefault((name, *box), []).append(row)
    names = [
        (file, *box) if (file, *box) in rows else (os.path.normpath(place), *box)
        for file, place, box in zip(data.files, data.places, boxes, strict=True)
    ]
    missing = [
        file for file, name in zip(data.files, names, strict=True) if name not in rows
    ]
    if missing:
        raise ValueError(
            f"`predictions` has no row for {len(missing)} of {len(data)} images in its "
            f"column `.file`: {shown(missing)}. Predict the images that are shown."
        )
    times = Counter(names)
    several = [name[0] for name, count in times.items() if len(rows[name]) > count]
    if several:
        raise ValueError(
            f"`predictions` has several rows for {shown(several)}. Give one row per "
            "image."
        )
    # An image that is there twice may have two rows.
    row_of = {name: cycle(rows[name]) for name in times}
    return [next(row_of[name]) for name in names]


def pictures_of_data(data):
    """Return the images as a list of arrays (height, width, 3) of bytes."""
    pixels = data.read(np.arange(len(data)))
    return list(colours_of(np.clip(np.rint(pixels), 0, 255).astype(np.uint8)))


def colours_of(pixels):
    """Return pixels with three channels: of other numbers, the first three or one.

    A screen has no colours for more.
    """
    if pixels.shape[-1] >= 3:
        return pixels[..., :3]
    return pixels[..., :1].repeat(3, axis=-1)


def _guess(predictions, at, label):
    """Return the predicted class, its probability and, if wrong, the true class."""
    guess = predictions[".pred_class"][at]
    chances = predictions.get(f".pred_{guess}")
    if guess is None:
        text = "no prediction"
    else:
        text = guess if chances is None else f"{guess} {100 * chances[at]:.0f}%"
    wrong = label is not None and label != guess
    return text + (f"\n(true: {label})" if wrong else "")


def _verdict(predictions, at, label):
    """Return the colour of a right or a wrong prediction, or None."""
    guess = predictions[".pred_class"][at]
    if label is None or guess is None:
        return None
    return BLUE if label == guess else ORANGE


def _colour_kernel(kernel):
    """Return weights of red, green and blue as colours, the lowest as 0."""
    return np.rint(255 * _scaled(kernel)).astype(np.uint8)


def _signed_kernel(kernel):
    """Return the mean over the channels, blue below 0, which is white, and orange."""
    means = kernel.mean(axis=-1)
    shares = (means / max(abs(means).max(), 1e-12))[..., None]
    end = np.where(shares < 0, levels(BLUE), levels(ORANGE))
    return np.rint(255 + abs(shares) * (end - 255)).astype(np.uint8)


def _scaled(values):
    """Return numbers as 0, the lowest of them, to 1, the highest."""
    low, high = values.min(), values.max()
    return (values - low) / max(high - low, 1e-12)


def _numbers(count):
    return [str(number + 1) for number in range(count)]


def _size(shape):
    return " \u00d7 ".join(map(str, shape))


def _counted(shown_number, number, things):
    some = f"{shown_number} of " if shown_number < number else ""
    return f"{some}{number} {things}"


# Numbers


def points_of_history(history, kept_epoch=None):
    """Return a training history as points of curves.

    Args:
        history: Dict of equal-length lists, one value per epoch.
        kept_epoch: The epoch whose weights the model has, or None.

    Returns:
        Dict of `points`, a dict of equal-length lists `epoch`, `metric`, `data`
        (training or validation) and `value`; `stages`, where in the epochs new stages
        of training begin, and `stage_names`; `kept`, the epoch whose weights the model
        has if that is not the last, or None; and `caption`, which says so, or None.
    """
    epochs, stages = history["epoch"], history.get("stage", [])
    points = {"epoch": [], "metric": [], "data": [], "value": []}
    for name, values in history.items():
        if name in ("epoch", "stage"):
            continue
        data = "validation" if name.startswith("val_") else "training"
        points["epoch"] += epochs
        points["metric"] += [name.removeprefix("val_")] * len(epochs)
        points["data"] += [data] * len(epochs)
        points["value"] += values
    # An epoch that was trained without stages has none.
    begins = [
        (epoch - 0.5, f"stage {int(stage)}")
        for epoch, before, stage in zip(epochs[1:], stages, stages[1:], strict=False)
        if _is_stage(before) and _is_stage(stage) and stage != before
    ]
    kept = kept_epoch if kept_epoch and kept_epoch < len(epochs) else None
    return {
        "points": points,
        "stages": [at for at, _ in begins],
        "stage_names": [name for _, name in begins],
        "kept": kept,
        "caption": kept and f"The model has the weights of epoch {kept} (ringed).",
    }


def _is_stage(value):
    """Return whether it is a number: epochs without a stage have None or NaN."""
    return value is not None and not math.isnan(value)


def cells_of_confusion(confusion):
    """Return the cells of a confusion matrix as they are drawn.

    Args:
        confusion: Dict of equal-length lists `truth`, `predicted` and `n`, one element
            per pair of classes, in any order.

    Returns:
        Dict of `cells`, a dict of equal-length lists in that order: `share` of the row,
        `text`, `fill` and `ink`, the colours of the ground and the text; and
        `caption`.
    """
    truth, predicted = map(str, confusion["truth"]), map(str, confusion["predicted"])
    pairs = list(zip(truth, predicted, confusion["n"], strict=True))
    totals = {}
    for row, _, count in pairs:
        totals[row] = totals.get(row, 0) + count
    shares = [count / max(totals[row], 1) for row, _, count in pairs]
    number = sum(totals.values())
    right = sum(count for row, column, count in pairs if row == column)
    fills = [
        _mixed(share, 244, BLUE if row == column else ORANGE)
        for (row, column, _), share in zip(pairs, shares, strict=True)
    ]
    cells = {
        "share": shares,
        "text": [
            f"{int(count)}\n{100 * share:.0f}%"
            if count or len(totals) <= _SMALL_TABLE
            else ""
            for (_, _, count), share in zip(pairs, shares, strict=True)
        ],
        "fill": fills,
        "ink": [_ink_on(fill) for fill in fills],
    }
    caption = f"{int(number):,} images, {100 * right / max(1, number):.1f}% correct"
    return {"cells": cells, "caption": caption}


def _ink_on(colour):
    """Return the colour of text that is easier to read on a colour."""
    return max(("#FFFFFF", "#333333"), key=lambda ink: contrast(ink, colour))


def contrast(one, other):
    """Return how many times as bright the brighter of two colours is, from 1 to 21.

    That is the ratio by which the guidelines for accessible web pages judge texts.
    """
    dark, bright = sorted(map(_brightness, (one, other)))
    return (bright + 0.05) / (dark + 0.05)


def _brightness(colour):
    shares = np.array(levels(colour)) / 255
    light = np.where(
        shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4
    )
    return float(light @ (0.2126, 0.7152, 0.0722))


def pairs_of_confusion(confusion):
    """Return the pairs of classes confused most often, if there are many classes.

    Args:
        confusion: Dict as for `cells_of_confusion`.

    Returns:
        Dict of `pairs`, a dict of equal-length lists: `pair`, the true and the
        predicted class, `n`, the number of images, and `text`, that number with its
        share of the true class; and `caption`. None if there are few classes.
    """
    counts = {}
    for truth, predicted, count in zip(
        confusion["truth"], confusion["predicted"], confusion["n"], strict=True
    ):
        counts[str(truth), str(predicted)] = int(count)
    totals = {}
    for (truth, _), count in counts.items():
        totals[truth] = totals.get(truth, 0) + count
    if len(totals) < _MANY_CLASSES:
        return None
    wrong = [pair for pair, count in counts.items() if count and pair[0] != pair[1]]
    wrong = sorted(wrong, key=lambda pair: -counts[pair])[:_MOST_PAIRS]
    number = sum(totals.values())
    right = sum(count for (truth, guess), count in counts.items() if truth == guess)
    return {
        "pairs": {
            "pair": [f"{truth} \u2192 {guess}" for truth, guess in wrong],
            "n": [counts[pair] for pair in wrong],
            "text": [
                f"{counts[pair]} ({100 * counts[pair] / totals[pair[0]]:.0f}%)"
                for pair in wrong
            ],
        },
        "caption": f"The pairs confused most often, of {len(totals)} classes: true "
        "\u2192 predicted, and the share of the true class\n"
        f"{number:,} images, {100 * right / max(1, number):.1f}% correct",
    }


def bars_of_description(description):
    """Return the layers with weights, and their bars.

    Returns:
        Dict of `names`, and `measures`, a list of dicts with a `title` and `values`.
    """
    parameters, costs = description["parameters"], description["mult_adds"]
    rows = [at for at in range(len(costs)) if parameters[at] > 0 or costs[at] > 0]
    measures = [
        {"title": title, "values": [description[measure][at] for at in rows]}
        for measure, title in _MEASURES.items()
    ]
    return {"names": [description["name"][at] for at in rows], "measures": measures}


def bars_of_ladder(ladder):
    """Return the steps from ResNet-50 to ConvNeXt-T, and their bars.

    Returns:
        Dict of `steps`; `measures`, a list of dicts with a `title`, `values`, `labels`
        and the `start` of the bars; and a `caption`.
    """
    start = math.floor(min(ladder["accuracy"])) - 2
    accuracies, billions = ladder["accuracy"], [n / 1e9 for n in ladder["mult_adds"]]
    return {
        "steps": list(ladder["step"]),
        "measures": [
            {
                "title": "Accuracy on ImageNet (%)",
                "values": list(accuracies),
                "labels": [f"{value:.1f}" for value in accuracies],
                "start": start,
            },
            {
                "title": "Billions of mult-adds",
                "values": billions,
                "labels": [f"{value:.2f}" for value in billions],
                "start": 0,
            },
        ],
        "caption": f"The bars of accuracy start at {start} %.",
    }


def labels_of_boxes(boxes):
    """Return the text of each box of a block diagram, and the colour of its ground.

    Returns:
        Dict of equal-length lists: `label`, three lines with the layer's name, what it
        does and what comes out of it; and `ground`, the box's colour for dark text.
    """
    return {
        "label": ["\n".join(_lines(boxes, at)) for at in range(len(boxes["name"]))],
        "ground": [_mixed(_TINT, 255, colour) for colour in boxes["colour"]],
    }


def _lines(boxes, at):
    count = boxes["parameters"][at]
    number = f"{int(count):,}" if count < 1e6 else short_number(count)
    counted = f" \u00b7 {number}" if count else ""
    text, shape = (
        boxes[key][at].replace(" x ", " \u00d7 ") for key in ("text", "output_shape")
    )
    return boxes["name"][at], text, shape + counted


def short_number(value):
    """Return 2500000 as 2.5M, so that there is room for it."""
    power = min(3, int(math.log10(max(abs(value), 1)) / 3))
    return f"{value / 1000**power:.3g}{('', 'k', 'M', 'G')[power]}"


# Colours


def levels(colour):
    """Return the red, green and blue of a colour, 0 to 255."""
    return np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)])


def _mixed(share, light, colour):
    """Return a colour by its share from 0, a light grey of so much, to 1."""
    mixed = np.rint(light + share * (levels(colour) - light)).astype(int)
    return "#" + "".join(f"{level:02X}" for level in mixed)
