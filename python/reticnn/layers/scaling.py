"""Layers that make the scores of classes mean what they say."""

from reticnn.layers.smallest import ROUNDING, SMALLEST
from reticnn.runtime.backend import keras
from reticnn.runtime.keras_internals import parts_of


class Calibration(keras.layers.Layer):
    """Calibrated scores of the classes, for softmax or sigmoid to follow.

    Input and output (batch, classes), or (batch, 1) for the second of two classes. What
    it computes depends on the probabilities alone that its input stands for. It
    computes in single precision and is never trained.

    Args:
        of_probabilities: Bool, whether the input is probabilities, and not the scores
            before softmax or sigmoid. Default False.
        **options: Keras's `name`.
    """

    # Not a weight that waits to be trained: see `set_flags`.
    stays_frozen = True

    def __init__(self, of_probabilities=False, **options):
        """Take what the input is."""
        super().__init__(**{**options, "dtype": "float32", "trainable": False})
        self.of_probabilities = of_probabilities

    def call(self, inputs):
        """Return the calibrated scores."""
        scores = self.calibrated(self._log_probabilities(inputs))
        if inputs.shape[-1] > 1:
            return scores
        return scores[:, 1:] - scores[:, :1]

    def calibrated(self, log_probabilities):
        """Return scores of all classes, from the logarithms of their probabilities."""
        raise NotImplementedError

    def compute_output_shape(self, input_shape):
        """Return the shape of the input."""
        return input_shape

    def count_mult_adds(self, shape):
        """Return one for each class."""
        return shape[-1]

    def get_config(self):
        """Return what makes the layer again."""
        return {**super().get_config(), "of_probabilities": self.of_probabilities}

    def add_values(self, name, shape):
        """Return a new weight for values that calibration finds."""
        return self.add_weight(
            shape=shape, initializer="ones", trainable=False, name=name
        )

    def _log_probabilities(self, inputs):
        ops, one = keras.ops, inputs.shape[-1] == 1
        if not self.of_probabilities:
            if one:
                both = [-ops.softplus(inputs), -ops.softplus(-inputs)]
                return ops.concatenate(both, axis=-1)
            return ops.log_softmax(inputs, axis=-1)
        if one:
            first = ops.maximum(1 - inputs, ROUNDING)
            inputs = ops.concatenate([first, inputs], axis=-1)
        return ops.log(ops.maximum(inputs, SMALLEST))


@keras.saving.register_keras_serializable("reticnn")
class TemperatureScaling(Calibration):
    """Scores divided by one temperature: above 1, predictions are less sure.

    Source:
        Guo, Pleiss, Sun and Weinberger (2017), arXiv:1706.04599.
    """

    def build(self, input_shape):
        """Make the temperature a weight."""
        self.temperature = self.add_values("temperature", ())

    def calibrated(self, log_probabilities):
        """Return the scores of all classes."""
        return log_probabilities / self.temperature


@keras.saving.register_keras_serializable("reticnn")
class VectorScaling(Calibration):
    """Log probabilities times a factor of each class, and shifted.

    Source:
        Guo et al. (2017), arXiv:1706.04599, which do so with scores before softmax;
        those are known only up to a number that is the same for all classes. With two
        classes it is beta calibration: Kull, Silva Filho and Flach (2017), AISTATS.
    """

    def build(self, input_shape):
        """Make factors and shifts weights."""
        classes = max(2, input_shape[-1])
        self.factors = self.add_values("factors", (classes,))
        self.shifts = self.add_values("shifts", (classes,))

    def calibrated(self, log_probabilities):
        """Return the scores of all classes."""
        return log_probabilities * self.factors + self.shifts


@keras.saving.register_keras_serializable("reticnn")
class IsotonicScaling(Calibration):
    """Probabilities through a rising, piecewise linear function of each class.

    They are divided by their sum.

    Args:
        knots: Whole number of ends of pieces of each function.
        **options: As of `Calibration`.

    Source:
        Zadrozny and Elkan (2002), KDD.
    """

    def __init__(self, knots, **options):
        """Take the number of knots."""
        super().__init__(**options)
        self.knots = knots

    def build(self, input_shape):
        """Make the knots weights."""
        shape = (max(2, input_shape[-1]), self.knots)
        self.places = self.add_values("places", shape)
        self.heights = self.add_values("heights", shape)

    def calibrated(self, log_probabilities):
        """Return the logarithms of the probabilities of all classes."""
        ops = keras.ops
        starts, ends = self.places[:, :-1], self.places[:, 1:]
        # A knot that is there twice has no piece.
        widths = ops.where(ends > starts, ends - starts, ops.ones_like(ends))
        gone = (ops.expand_dims(ops.exp(log_probabilities), -1) - starts) / widths
        # What comes of the image stands first: JAX's arrays take nothing symbolic.
        rises = ops.clip(gone, 0.0, 1.0) * (self.heights[:, 1:] - self.heights[:, :-1])
        chances = ops.sum(rises, axis=-1) + self.heights[:, 0]
        return ops.log(chances / ops.sum(chances, axis=-1, keepdims=True))

    def get_config(self):
        """Return what makes the layer again."""
        return {**super().get_config(), "knots": self.knots}


def has_calibration(model):
    """Return whether a layer of a model, or one within it, is a calibration."""
    return any(isinstance(part, Calibration) for part in parts_of(model))
