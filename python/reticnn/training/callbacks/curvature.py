"""Estimates of curvature for the optimizer of LeNet-5, before each epoch.

The curvature of a weight is the diagonal of the Gauss-Newton matrix, the mean over
images of J' H J, with J the derivatives of the outputs by the weights and H the second
derivatives of the loss by the outputs. The paper sends second derivatives back through
the layers, leaving out what lies beside each layer's diagonal and between the positions
that share a weight. Here classes are drawn from the model's own probabilities, and the
gradients of the loss for these classes are squared: that is J' H J on average, with
nothing left out, and takes first derivatives only, which every backend has.
"""

import numpy as np

from reticnn.graph import graph_of, own_methods
from reticnn.outputs import meaning_of, probabilities, slopes_of_drawn_classes
from reticnn.runtime.backend import keras
from reticnn.runtime.keras_internals import innermost, position_of
from reticnn.runtime.randomness import generator
from reticnn.training.distributing import count_replicas

# The paper's number of images for an estimate. Images whose gradients are summed before
# they are squared: the fewer, the more squares there are to average.
_IMAGES, _AT_ONCE = 500, 10
_STREAM = 5


class CurvatureEstimates(keras.callbacks.Callback):
    """Give the optimizer new curvatures before each epoch.

    They come from images that depend on the seed and the epoch's number, each of which
    counts as much as in the loss.
    """

    def __init__(self, images, seed, kind, weights=None):
        """Take what the estimates come from.

        Args:
            images: `TrainingImages`.
            seed: Seed of the run.
            kind: What the outputs are, as `output_kind` says it.
            weights: Array, the weight of each image in the loss, or None.
        """
        super().__init__()
        self._images = images
        self._weights = weights
        self._kind = kind
        self._seed = seed

    def on_train_begin(self, logs=None):
        """Make what measures them."""
        self._probe = _probe(self.model, self._kind)

    def on_epoch_begin(self, epoch, logs=None):
        """Measure them on some images."""
        rng = generator(self._seed, epoch, _STREAM)
        at_once = min(_AT_ONCE, len(self._images))
        count = min(_IMAGES, len(self._images)) // at_once * at_once
        positions = rng.permutation(len(self._images))[:count]
        self._probe.optimizer.reset()
        for batch in positions.reshape(-1, at_once):
            images = self._images.read(batch, epoch)
            # Under TensorFlow, each of several devices computes the whole batch.
            outputs = np.asarray(self._probe.predict_on_batch(images))[:at_once]
            slopes = _slopes(self.model, self._kind, outputs, rng)
            if self._weights is not None:
                # They are squared.
                slopes = slopes * np.sqrt(self._weights[batch])[:, None]
            self._probe.train_on_batch(images, slopes)
        optimizer = self.model.optimizer
        optimizer.build(self.model.trainable_variables)
        sums = self._probe.optimizer.sums
        for curvature, squares in zip(optimizer.curvatures, sums, strict=True):
            curvature.assign(squares / count)


def check_measurable(model):
    """Raise if the model's loss is not the one whose curvature is measured."""
    for name in ("compute_loss", "fit", "make_train_function", "train_step"):
        if name in own_methods(model):
            raise ValueError(
                "`optimizer` is 'levenberg_marquardt', which measures the curvature of "
                "the cross-entropy of the model's output, but `model` has its own "
                f"`{name}()`. Use another optimizer."
            )
    if innermost(model.optimizer) is not model.optimizer:
        raise ValueError(
            "`optimizer` is 'levenberg_marquardt', whose curvatures are not measured "
            "where losses are scaled, as for `model`, which computes in float16. Use "
            "another optimizer, or build the model in float32."
        )


def _probe(model, kind):
    """Return a model with the weights of `model` that sums squares of their gradients.

    Where the output is distances, it has the features that these are taken from beside
    them: the loss is a sum of squares in those.
    """
    inner = model
    if kind == "distances":
        layer = meaning_of(model).operation
        # `model.output` is a list where an older Keras saved the model.
        beside = keras.layers.Concatenate()([model.outputs[0], layer.input])
        inner = keras.Model(model.inputs[0], beside)
    # A model with its own `call()` has no inputs before it is called.
    dtype = model.inputs[0].dtype if graph_of(model) else None
    inputs = keras.Input(model.input_shape[1:], dtype=dtype)
    probe = CurvatureProbe(inputs, inner(inputs))
    probe.compile(SquaredGradients(learning_rate=1.0))
    probe.optimizer.build(probe.trainable_variables)
    return probe


def _slopes(model, kind, outputs, rng):
    """Return numbers whose products are on average the loss's second derivatives."""
    if kind != "distances":
        return slopes_of_drawn_classes(model, kind, outputs, rng)
    distances = outputs[:, : model.output_shape[1]]
    features = outputs[:, model.output_shape[1] :]
    # Along each feature the loss has the second derivative of its square, 2, in the
    # part that no class explains.
    unexplained = 1 - probabilities(model, kind, distances).sum(axis=1, keepdims=True)
    signs = rng.choice([-1.0, 1.0], features.shape)
    return np.concatenate(
        [
            slopes_of_drawn_classes(model, kind, distances, rng),
            np.sqrt(2 * unexplained.clip(0)) * signs,
        ],
        axis=1,
    )


class CurvatureProbe(keras.Model):
    """A model whose loss goes along its outputs with the slopes given as targets."""

    def call(self, inputs, training=None, mask=None):
        """Return the outputs as in prediction, whose slopes are given."""
        return super().call(inputs, training=False, mask=mask)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        """Return the sum of slopes times outputs, and of nothing else."""
        total = keras.ops.sum(keras.ops.convert_to_tensor(y, y_pred.dtype) * y_pred)
        # The gradients of the devices, which are the same, are added up.
        return total / count_replicas()


class SquaredGradients(keras.optimizers.Optimizer):
    """Sums the squares of gradients, and leaves the weights as they are."""

    def build(self, variables):
        """Make the sums."""
        if self.built:
            return
        super().build(variables)
        self.sums = [
            self.add_variable_from_reference(variable, name="sum")
            for variable in variables
        ]

    def update_step(self, gradient, variable, learning_rate):
        """Add the square of a gradient."""
        total = self.sums[position_of(self, variable)]
        self.assign_add(total, keras.ops.square(keras.ops.cast(gradient, total.dtype)))

    def reset(self):
        """Set the sums to 0."""
        for total in self.sums:
            total.assign(keras.ops.zeros(total.shape, total.dtype))
