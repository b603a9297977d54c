"""Apply a network of fixed-size images to larger ones, as a convolution of itself."""

import re
import weakref
from dataclasses import dataclass
from functools import partial
from typing import Any

from reticnn.augmenting.layer import AugmentationLayer
from reticnn.graph import graph_of, own_methods, walk
from reticnn.layers.mean_probabilities import mean_in
from reticnn.outputs import meaning_of
from reticnn.runtime.backend import keras
from reticnn.runtime.keras_internals import operation_name

# Layers and operations that give the same size whatever they are given.
_OF_ONE_SIZE = ("AugmentationLayer", "Resizing", "CenterCrop", "RandomCrop", "Reshape")

# Layers that treat each value alone, so that a flattened map may stay a map.
_OF_EACH_VALUE = (
    keras.layers.Activation,
    keras.layers.Dropout,
    keras.layers.GaussianDropout,
    keras.layers.GaussianNoise,
    keras.layers.LeakyReLU,
    keras.layers.ReLU,
)

# The models are not held by what is made of them, only their layers are.
_MADE = weakref.WeakKeyDictionary()


def fully_convolutional(model):
    """Return a model that applies `model`, with its own layers, to images of any size.

    Global pooling goes over the whole of the larger maps. A dense layer behind a
    flattened map becomes a convolution of the map's size, the layers behind it see
    each position of the result, and the class scores, before softmax or sigmoid, are
    averaged over the positions. It is made once per model, and shares its weights.

    Args:
        model: Keras model of images.

    Returns:
        `keras.Model` from images (n, height, width, channels) of any size that the
        network takes, to outputs as those of `model`.

    Raises:
        ValueError: If the model is not built from layers, or one of them gives a fixed
            size.

    Source:
        Sermanet et al. (2013), OverFeat, arXiv:1312.6229; Simonyan and Zisserman
        (2014), arXiv:1409.1556, section 3.2.
    """
    if model not in _MADE:
        _MADE[model] = _made_of(model)
    return _MADE[model]


@dataclass
class _Value:
    """A tensor of the model that is made, and how it differs from its model's.

    Attributes:
        tensor: Keras tensor.
        window: (height, width) of the map that the model has flattened at this point,
            where `tensor` is still a map; else None.
        positions: Where `tensor` has one row per position of each image, in sequence,
            the map with these positions; else None.
    """

    tensor: Any
    window: Any = None
    positions: Any = None


def _made_of(model):
    own = own_methods(model)
    for name in ("predict", "predict_on_batch", "predict_step"):
        if name in own:
            _refuse(f"a {type(model).__name__} with its own `{name}()` is more than it")
    if mean_in(model):
        _refuse("this is an ensemble of several. Predict with its members")
    graph = graph_of(model)
    if graph is None:
        _refuse(f"a {type(model).__name__} with its own `call()` has no list of layers")
    image = keras.Input(
        (None, None, model.input_shape[-1]), dtype=model.inputs[0].dtype
    )
    meaning = meaning_of(model)
    if meaning.kind is None:
        _refuse(f"it ends in {meaning.end}, whose scores nobody knows")
    use = partial(_use, last=meaning.operation)
    (scores,) = walk(graph, [_Value(image)], use)
    if scores.window or scores.positions is not None:
        _refuse(f"{_named(model.layers[-1])} does not give the scores of its classes")
    made = keras.Model(image, scores.tensor, name=f"{model.name}_any_size")
    if keras.backend.backend() == "tensorflow":
        # XLA would compile it anew for each size of image.
        made.jit_compile = False
    return made


def _use(call, name, inputs, last):
    """Return the outputs of a layer, used as in `call` but on values of any size."""
    layer, first = call.layer, inputs[0]
    if _is_open(first) and _flattens(layer, call):
        return [_flattened(first, call.inputs[0].shape[1:3])]
    if _is_for_training_only(layer, call):
        return [first]
    if any(map(_is_open, inputs)) and type(layer).__name__ in _OF_ONE_SIZE:
        _refuse(f"{_named(layer)} gives images or maps of one size")
    if first.window and isinstance(layer, keras.layers.Dense):
        return [_convolved(layer, first, layer is last)]
    if any(value.window for value in inputs) and not _treats_each_value(layer):
        _refuse(f"{_named(layer)} follows a flattened map and is not a dense layer")
    if first.positions is not None and layer is last:
        return [_averaged(layer, first)]
    positions = [value.positions for value in inputs]
    if len({each is None for each in positions}) > 1:
        _refuse(
            f"{_named(layer)} joins values at positions with values of the whole image"
        )
    try:
        outputs = call.on([value.tensor for value in inputs])
    except Exception as error:
        _refuse(f"{_named(layer)} does not take them: {_reason(error)}")
    return [_Value(tensor, first.window, first.positions) for tensor in outputs]


def _is_open(value):
    """Return whether a value is a map of a size that depends on the image."""
    shape = value.tensor.shape
    return value.window is None and len(shape) == 4 and None in shape[1:3]


def _flattens(layer, call):
    """Return whether a layer makes one row of a map."""
    is_flat = len(call.outputs[0].shape) == 2
    return isinstance(layer, keras.layers.Flatten) or (
        isinstance(layer, keras.layers.Reshape) and is_flat
    )


def _is_for_training_only(layer, call):
    """Return whether a layer augments while training, and else does nothing."""
    same = call.inputs[0].shape == call.outputs[0].shape
    return isinstance(layer, AugmentationLayer) and same


def _flattened(value, window):
    """Return a map that the model flattens."""
    if tuple(window) == (1, 1):
        return _by_positions(value.tensor)
    return _Value(value.tensor, window=tuple(window))


def _by_positions(maps):
    """Return maps with a row for each position."""
    return _Value(keras.ops.reshape(maps, (-1, maps.shape[-1])), positions=maps)


def _convolved(dense, value, is_last):
    """Return what a dense layer behind a flattened map gives, at each position."""
    values = _by_positions(_Scores(dense, value.window)(value.tensor))
    if is_last:
        return _Value(
            _activated(dense, _MeanOverPositions()([values.tensor, values.positions]))
        )
    return _Value(_activated(dense, values.tensor), positions=values.positions)


def _averaged(layer, value):
    """Return a last layer's outputs, with scores averaged over the positions."""
    mean = _MeanOverPositions()
    if isinstance(layer, keras.layers.Dense):
        return _Value(
            _activated(layer, mean([_Scores(layer)(value.tensor), value.positions]))
        )
    squashes = isinstance(layer, (keras.layers.Softmax, keras.layers.Activation))
    if squashes or operation_name(layer):
        return _Value(layer(mean([value.tensor, value.positions])))
    return _Value(mean([layer(value.tensor), value.positions]))


def _activated(dense, scores):
    return keras.layers.Activation(dense.activation, dtype=dense.dtype_policy)(scores)


def _treats_each_value(layer):
    across = getattr(layer, "activation", None) is keras.activations.softmax
    return isinstance(layer, _OF_EACH_VALUE) and not across


def _named(layer):
    return f"layer {layer.name!r} ({type(layer).__name__})"


def _reason(error):
    """Return the text of an error without what Keras puts around it."""
    bold = re.search(r"\x1b\[1m(.*?)\x1b\[0m", str(error), re.DOTALL)
    text = bold[1] if bold else str(error)
    text = text.rpartition("Error encountered:")[2]
    return text.partition("\n\nArguments received by")[0].strip().removesuffix(".")


def _refuse(problem):
    raise ValueError(
        "`scales` need a network that can be applied to images of any size, but "
        f"{problem}. Leave `scales` out, or use them with `crops` of 5 or 10."
    )


class _Scores(keras.layers.Layer):
    """A dense layer without its activation, also as a convolution of a window.

    Args:
        dense: The layer, whose weights it uses.
        window: (height, width) of the map that the layer takes flattened, or None for
            a layer of rows.
    """

    def __init__(self, dense, window=None):
        super().__init__(dtype=dense.dtype_policy)
        self.dense = dense
        self.window = window

    def call(self, inputs):
        ops, kernel = keras.ops, self.dense.kernel
        if self.window is None:
            scores = ops.matmul(inputs, kernel)
        else:
            kernel = ops.reshape(kernel, (*self.window, -1, kernel.shape[-1]))
            scores = ops.conv(inputs, kernel, data_format="channels_last")
        return scores if self.dense.bias is None else scores + self.dense.bias

    def compute_output_shape(self, input_shape):
        batch, *sides, _ = input_shape
        for axis, length in enumerate(self.window or ()):
            if sides[axis] is not None:
                sides[axis] -= length - 1
                if sides[axis] < 1:
                    raise ValueError(f"A map of {input_shape} is smaller than a window")
        return (batch, *sides, self.dense.units)


class _MeanOverPositions(keras.layers.Layer):
    """Means over the positions of each image, from their rows and the map they had."""

    def call(self, inputs):
        rows, maps = inputs
        images = keras.ops.shape(maps)[0]
        rows = keras.ops.reshape(rows, (images, -1, rows.shape[-1]))
        return keras.ops.mean(rows, axis=1)

    def compute_output_shape(self, input_shape):
        rows, maps = input_shape
        return (maps[0], rows[-1])
