"""Settle the running statistics of batch normalisation.

While a model is trained, they are moving averages over the steps so far, of weights
that were different in each. After few steps, or with a high momentum, they say little
of the weights that are there, and a model that fits its images well can be no better
than chance in inference. What inference wants is the mean and the variance over the
training images with the weights as they are (Wu and Johnson, 2021, arXiv:2105.07576,
"precise batch normalisation"). The images are taken as inference takes them, neither
augmented nor mixed, and nothing is dropped.
"""

import contextlib

import numpy as np

from reticnn.memory import changed_by_training
from reticnn.runtime.backend import keras, without_gradients
from reticnn.runtime.keras_internals import parts_of, takes_training
from reticnn.runtime.randomness import generator
from reticnn.runtime.stopping import StoppedError, assign_in_full, check_wanted
from reticnn.training.calls import calls_by
from reticnn.training.compiling import forget_functions

# More images do not make the statistics better.
_IMAGES = 1024
# This many pixels go through the network at once if a batch of the training has fewer:
# inference has the statistics of all images for each.
_PIXELS_AT_ONCE = 256 * 32 * 32
# Statistics are not settled yet if the initial ones have more than this weight in them.
_SETTLED = 0.01
_STREAM = 6


class Settling(keras.callbacks.Callback):
    """Settle statistics for each validation while steps are few, and at the end.

    What validation found is undone after it, so that it leaves the training alone.
    """

    def __init__(self, model, images, batch_size, seed, first_epoch=0):
        """Take the model, and the images that training shows it.

        Args:
            model: Keras model.
            images: What is read, with a method `read(positions, epoch)`.
            batch_size: Whole number, that of the training.
            seed: Whole number that fixes which images are used, if there are many.
            first_epoch: Number of the first epoch. Default 0.
        """
        super().__init__()
        self._network = model
        self._images = images
        size = max(batch_size, _images_at_once(model))
        self._batches = _batches(len(images), size, seed)
        self._steps = -(-len(images) // batch_size)
        self._first_epoch = first_epoch
        self._before = None

    def settle(self):
        """Settle the statistics of all layers that learn them, as far as wanted."""
        with contextlib.suppress(StoppedError):
            layers = self._learning()
            if layers:
                _settle(layers, self._network, self._wanted())

    def on_epoch_begin(self, epoch, logs=None):
        """Note how many steps there are at the end of the epoch."""
        self._steps_so_far = (epoch + 1 - self._first_epoch) * self._steps

    def on_test_begin(self, logs=None):
        """Settle the statistics unless many steps have done so."""
        layers = _normalisations(self._network)
        if any(layer.momentum**self._steps_so_far > _SETTLED for layer in layers):
            self._before = _statistics(layers)
            self.settle()

    def on_test_end(self, logs=None):
        """Put back the statistics that training goes on with."""
        if self._before is not None:
            assign_in_full(self._before)
            self._before = None

    def _learning(self):
        """Return the layers whose statistics training changes."""
        layers = _normalisations(self._network)
        if not layers:
            return []
        return _in_training(layers, self._network, self._read(self._batches[0][:1]))

    def _wanted(self):
        """Yield the images of each batch, as long as they are wanted."""
        with contextlib.suppress(StoppedError):
            for batch in self._batches:
                check_wanted()
                yield self._read(batch)

    def _read(self, positions):
        images = self._images.read(positions, 0)
        if isinstance(images, tuple):
            return list(map(keras.ops.convert_to_tensor, images))
        return keras.ops.convert_to_tensor(images)


@contextlib.contextmanager
def statistics_kept(model, trained, wanted):
    """Have batch normalisation use the statistics that it has, inside the block.

    It runs as in inference, and its scales and shifts are trained as any weights.

    Args:
        model: Keras model.
        trained: What is trained of it, compiled: itself, or all that is not frozen.
        wanted: Whether that is wanted; if not, nothing is done.
    """
    if not wanted:
        yield
        return

    def in_inference(layer, call, arguments):
        arguments.arguments["training"] = False
        return call(*arguments.args, **arguments.kwargs)

    layers = [
        layer
        for layer in parts_of(model)
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    try:
        with calls_by(layers, in_inference):
            forget_functions(trained)
            yield
    finally:
        forget_functions(trained)


def _images_at_once(model):
    """Return how many images go through a model at once, 0 if that is not known."""
    inputs = getattr(model, "inputs", None)
    sides = inputs[0].shape[1:-1] if inputs else (None,)
    return 0 if None in sides else _PIXELS_AT_ONCE // int(np.prod(sides))


def _batches(count, size, seed):
    """Return arrays of positions, of `size` each or more if there are as many."""
    order = generator(seed, _STREAM).permutation(count)[:_IMAGES]
    return np.array_split(order, max(1, len(order) // size))


def _normalisations(model):
    """Return the layers that may learn statistics."""
    return [
        layer
        for layer in parts_of(model)
        if isinstance(layer, keras.layers.BatchNormalization)
        and layer.trainable
        and layer.built
    ]


def _in_training(layers, model, images):
    """Return those of the layers that run as in training when the model is trained."""
    found = {}

    def note(layer, call, arguments):
        if arguments.arguments.get("training"):
            found[id(layer)] = layer
        arguments.arguments["training"] = False
        return call(*arguments.args, **arguments.kwargs)

    with _state_kept(model), calls_by(layers, note), without_gradients():
        _outputs(model, images, training=True)
    return list(found.values())


def _outputs(model, images, training):
    """Call a model as Keras does in training or in inference."""
    return model(images, training=training) if takes_training(model) else model(images)


def _settle(layers, model, batches):
    """Give layers the means and variances of what comes to them in the batches."""
    sums = {id(layer): _Sums() for layer in layers}

    def measure(layer, call, arguments):
        arguments.arguments["training"] = True
        outputs = call(*arguments.args, **arguments.kwargs)
        # Without momentum, they are those of this batch.
        statistics = map(_as_array, _statistics_of(layer))
        sums[id(layer)].add(*statistics, arguments.arguments["inputs"].shape[0])
        return outputs

    with (
        _state_kept(model),
        _without_momentum(layers),
        calls_by(layers, measure),
        without_gradients(),
    ):
        for images in batches:
            _outputs(model, images, training=False)
    assign_in_full(
        pair
        for layer in layers
        if sums[id(layer)].count
        for pair in zip(_statistics_of(layer), sums[id(layer)].result(), strict=True)
    )


class _Sums:
    """The mean and the variance over batches that have theirs."""

    def __init__(self):
        """Begin with none."""
        self.count = 0
        self._means = self._squares = 0.0

    def add(self, mean, variance, count):
        """Take those of a batch of `count` images."""
        self.count += count
        self._means = self._means + count * mean
        self._squares = self._squares + count * (variance + mean**2)

    def result(self):
        """Return the mean and the variance of all."""
        mean = self._means / self.count
        return mean, (self._squares / self.count - mean**2).clip(0)


def _as_array(variable):
    return keras.ops.convert_to_numpy(variable).astype("float64")


def _statistics_of(layer):
    return layer.moving_mean, layer.moving_variance


def _statistics(layers):
    """Return pairs of the variables of statistics and their values."""
    variables = [variable for layer in layers for variable in _statistics_of(layer)]
    return _values(variables)


def _values(variables):
    return [
        (variable, keras.ops.convert_to_numpy(variable).copy())
        for variable in variables
    ]


@contextlib.contextmanager
def _state_kept(model):
    """Put back all that calls of the model change, such as its random states."""
    trained = set(map(id, model.trainable_variables))
    values = _values(v for v in changed_by_training(model) if id(v) not in trained)
    try:
        yield
    finally:
        assign_in_full(values)


@contextlib.contextmanager
def _without_momentum(layers):
    """Let layers keep the statistics of the last batch alone."""
    before = [
        (layer, layer.momentum, getattr(layer, "renorm", None)) for layer in layers
    ]
    for layer in layers:
        layer.momentum = 0.0
        if getattr(layer, "renorm", False):
            layer.renorm = False
    try:
        yield
    finally:
        for layer, momentum, renorm in before:
            layer.momentum = momentum
            if renorm:
                layer.renorm = renorm
