"""What a network answers when the image is shifted."""

import math

import numpy as np

from reticnn.coercion import as_choice, as_ints
from reticnn.graph import image_graph, named_layers
from reticnn.inspection.filters import first_image, layer_name, output_of_layer
from reticnn.inspection.receptive_field import fields_along
from reticnn.runtime.backend import keras

# The sides along which an image is shifted: to the right, and down.
_AXES = {"right": 1, "down": 0}

# Sums in another order differ by less.
_NOTHING = 1e-6


def shift_response(
    model, image, layer=None, *, shifts=(0, 1, 2, 3, 4, 5, 6, 7, 8), direction="right"
):
    """Measure how a layer's output follows a shift of the image.

    A convolution is equivariant: if the image is shifted by one pixel, so is the
    feature map. After strides or pooling, this holds only for shifts by a multiple of
    their product. Pooling over all positions makes the answer invariant.

    The image is shifted, and the pixels at its edge are repeated to fill the gap.
    Feature maps are compared with those of the unshifted image, shifted by the same
    distance, rounded to whole units. Units that see the border of the image, before or
    after the shift, are left out, because the border does not move. For outputs without
    positions, such as class probabilities, all numbers are compared.

    Args:
        model: Keras model of images, or a classifier.
        image: Image, an array (height, width, channels), 0 to 255, of the size that the
            model takes. Of several images, or image data, the first is used.
        layer: Name of a layer as listed by `describe_model`, with or without the names
            of the models it is in, or None for the last one, the model's output.
            Default None.
        shifts: Whole numbers of pixels of at least 0. Default 0 to 8.
        direction: `"right"` or `"down"`. Default `"right"`.

    Returns:
        Dict of `table`, a table (dict of equal-length lists) with a row for each shift:
        `shift` in pixels; `units`, the same in units of the feature map, which may be a
        fraction, and is NaN without maps; `compared`, the number of positions compared;
        and `difference`, the root mean square of the difference divided by that of the
        unshifted values, where 0 means that the output follows exactly, and NaN that no
        position is left to compare. Also `images`, array (shifts, height, width,
        channels); `outputs`, the layer's outputs for them; `layer`, its full name;
        `stride`, pixels per unit, or None; and `direction`.

    Raises:
        TypeError: If `model` is not a Keras model or a classifier.
        ValueError: If the image does not fit the model, it is not built from layers or
            has no such layer, a shift is as long as the image, or units of the layer
            are not a whole number of pixels apart.

    Example:
        >>> found = shift_response(build_cnn(), shape_images(1), "block1_pool")
        >>> found["stride"], found["table"]["difference"][2]
        (2, 0.0)
    """
    graph = image_graph(model)
    known = named_layers(graph)
    name = list(known)[-1] if layer is None else layer_name(known, layer, "layer")
    along = _AXES[as_choice(direction, "direction", tuple(_AXES))]
    pixels = keras.ops.convert_to_numpy(first_image(graph, image))
    shifts = _as_shifts(shifts, pixels.shape[1 + along])
    images = np.concatenate([_shifted(pixels, shift, along) for shift in shifts])
    start, *outputs = (
        output_of_layer(graph, keras.ops.array(one[None]), name)[0]
        for one in (pixels[0], *images)
    )
    stride, pairs = None, [None] * len(shifts)
    if start.ndim == 3:
        fields = fields_along(graph, name, along, pixels.shape[1:3])
        stride = _stride(fields, name)
        side = pixels.shape[1 + along]
        pairs = [_pairs(fields, stride, shift, side) for shift in shifts]
    rows = [
        (shift, _units(shift, stride), *_compared(start, output, pair, along))
        for shift, output, pair in zip(shifts, outputs, pairs, strict=True)
    ]
    columns = ("shift", "units", "compared", "difference")
    return {
        "table": dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True)),
        "images": images,
        "outputs": np.stack(outputs),
        "layer": name,
        "stride": stride,
        "direction": direction,
    }


def _as_shifts(shifts, side):
    numbers = as_ints(shifts, "shifts", minimum=0)
    if max(numbers) >= side:
        raise ValueError(
            f"`shifts` must be below {side}, the pixels of the image in that "
            f"direction, not {max(numbers)}."
        )
    return numbers


def _shifted(pixels, shift, along):
    """Return images shifted by so many pixels, with those at the edge repeated."""
    places = np.maximum(np.arange(pixels.shape[1 + along]) - shift, 0)
    return np.take(pixels, places, axis=1 + along)


def _stride(fields, name):
    """Return how many pixels lie between the units of a layer, None for one unit."""
    distances = set(np.diff([low for low, _ in fields]).tolist())
    if len(distances) > 1 or (distances and min(distances) < 1):
        raise ValueError(
            f"`layer` is {name!r}, whose units are not a whole number of pixels apart. "
            "Choose a layer before it."
        )
    return distances.pop() if distances else None


def _units(shift, stride):
    return float("nan") if stride is None else shift / stride


def _pairs(fields, stride, shift, side):
    """Return which units are compared: before the shift, and after it.

    They see what the shift moves, and nothing from beyond the border.
    """
    if stride is None:
        return [], []
    moved = math.floor(shift / stride + 0.5)
    inside = [low >= 0 and high <= side for low, high in fields]
    before = [
        unit
        for unit, (_, high) in enumerate(fields[: len(fields) - moved])
        if inside[unit] and inside[unit + moved] and high + shift <= side
    ]
    return before, [unit + moved for unit in before]


def _compared(start, output, pair, along):
    """Return how many places are compared, and by how much they differ."""
    if pair is not None:
        start, output = (
            np.take(one, units, axis=along)
            for one, units in zip((start, output), pair, strict=True)
        )
    places = start.size // start.shape[-1]
    if not places:
        return 0, float("nan")
    gap, size = (
        float(np.sqrt(np.mean(np.square(one.astype("float64")))))
        for one in (output - start, start)
    )
    share = gap / size if size else math.inf if gap else 0.0
    return places, share if share > _NOTHING else 0.0
