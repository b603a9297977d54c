"""Stochastic gradient descent with momentum and weight decay, as papers had it."""

from reticnn.coercion import as_float
from reticnn.runtime.backend import keras


@keras.saving.register_keras_serializable("reticnn")
class MomentumSGD(keras.optimizers.SGD):
    """SGD in which weight decay is part of the gradient and so of the momentum.

    A step is `v = momentum * v - rate * (gradient + decay * w)`, then `w = w +
    v`. Keras's own `weight_decay` subtracts the decay from the weights, without
    momentum.

    Args:
        learning_rate: Float. Default 0.01.
        momentum: Float in [0, 1]. Default 0.9.
        decay: Float of at least 0, for all weights and biases. Default 0.0005.
        name: Name of the optimizer. Default `"momentum_sgd"`.
        **kwargs: Further arguments of Keras's `SGD`.

    Source:
        Krizhevsky, Sutskever and Hinton (2012), section 5.
    """

    def __init__(
        self,
        learning_rate=0.01,
        momentum=0.9,
        decay=5e-4,
        name="momentum_sgd",
        **kwargs,
    ):
        """Keep the decay."""
        super().__init__(learning_rate, momentum=momentum, name=name, **kwargs)
        self.decay = as_float(decay, "decay", minimum=0)

    def update_step(self, gradient, variable, learning_rate):
        """Take a step for one variable."""
        ops = keras.ops
        decayed = ops.cast(gradient, variable.dtype) + self.decay * variable
        super().update_step(decayed, variable, learning_rate)

    def get_config(self):
        """Return what makes the optimizer again."""
        return {**super().get_config(), "decay": self.decay}
