"""Moving averages of the weights: measured in place of the weights, and kept."""

from reticnn.runtime.backend import keras
from reticnn.runtime.conditions import warn_user
from reticnn.runtime.keras_internals import (
    averages,
    innermost,
    steps_done,
    trained_by,
)
from reticnn.runtime.stopping import assign_in_full


class AveragedTests(keras.callbacks.Callback):
    """Have the averages in the model while it is tested, and the weights afterwards.

    The averages that the optimizer keeps are never touched: whenever training is cut
    off, they are right. Keras's own callback exchanges the two.
    """

    def on_test_begin(self, logs=None):
        """Put the averages into the model."""
        trained = trained_by(self.model.optimizer)
        self._weights = [keras.ops.convert_to_numpy(variable) for variable in trained]
        keep_averages(self.model)

    def on_test_end(self, logs=None):
        """Put the weights back."""
        trained = trained_by(self.model.optimizer)
        assign_in_full(zip(trained, self._weights, strict=True))


def keep_averages(model):
    """Put the averages into the model, if its optimizer has any by now."""
    if steps_done(model.optimizer) == 0:
        return
    pairs = _pairs(model)
    # Copies: what two variables share, JAX cannot update in place.
    assign_in_full((variable, keras.ops.copy(average)) for variable, average in pairs)


def begin_averages(model):
    """Let the averages of an optimizer that has been used begin with the weights."""
    for variable, average in _pairs(model):
        # A copy: what two variables share, JAX cannot update in place.
        average.assign(keras.ops.copy(variable))


def warn_of_young_averages(model, steps):
    """Warn if averages will mostly be the weights that they begin with.

    Keras begins them after the first step.

    Args:
        model: Keras model, compiled.
        steps: Whole number of steps to come.
    """
    if steps < 2 or not averages(model.optimizer):
        return
    momentum = innermost(model.optimizer).ema_momentum
    share = momentum ** (steps - 1)
    if share > 0.5:
        warn_user(
            f"The averages of the weights (`ema`) have the momentum {momentum:g}, and "
            f"{steps} steps to form: {100 * share:.3g} % of them are the initial "
            f"weights. Use a lower momentum, such as {0.01 ** (1 / (steps - 1)):.2g}, "
            "or more `epochs`."
        )


def weights_to_keep(model):
    """Return the weights of a model, averaged where its optimizer keeps averages."""
    average_of = {id(variable): average for variable, average in _pairs(model)}
    return [
        keras.ops.convert_to_numpy(average_of.get(id(weight), weight))
        for weight in model.weights
    ]


def _pairs(model):
    """Return each trained variable with its average, if there are averages."""
    kept = averages(model.optimizer)
    pairs = zip(trained_by(model.optimizer), kept, strict=True) if kept else ()
    return [pair for pair in pairs if pair[1] is not None]
