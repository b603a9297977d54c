"""LeNet-5's optimizer: a learning rate for each weight, by its curvature."""

from reticnn.runtime.backend import keras
from reticnn.runtime.keras_internals import position_of


@keras.saving.register_keras_serializable("reticnn")
class LevenbergMarquardt(keras.optimizers.Optimizer):
    """Stochastic diagonal Levenberg-Marquardt: rate / (mu + curvature) per weight.

    `fit_classifier` estimates the curvatures before each epoch. Until that is done they
    are 1.

    Args:
        learning_rate: Float above 0, or a Keras schedule. In the paper, with one image
            per step, from 5e-4 down to 1e-5; a larger batch has fewer and better steps,
            and takes more. Default 5e-4.
        mu: Float above 0 that bounds the rate of a weight without curvature. Default
            0.02, as in the paper.
        **options: What all Keras optimizers take.

    Source:
        LeCun et al. (1998), section III-A and appendix C. Squared gradients of drawn
        classes: Martens (2020), arXiv:1412.1193.
    """

    def __init__(
        self, learning_rate=5e-4, mu=0.02, name="levenberg_marquardt", **options
    ):
        """Keep the settings."""
        super().__init__(learning_rate=learning_rate, name=name, **options)
        self.mu = mu

    def build(self, variables):
        """Make the curvatures, one per weight."""
        if self.built:
            return
        super().build(variables)
        self.curvatures = [
            self.add_variable_from_reference(
                variable, name="curvature", initializer="ones"
            )
            for variable in variables
        ]

    def update_step(self, gradient, variable, learning_rate):
        """Move a variable."""
        ops = keras.ops
        rate = ops.cast(learning_rate, variable.dtype)
        curvature = self.curvatures[position_of(self, variable)]
        step = rate * ops.cast(gradient, variable.dtype) / (self.mu + curvature)
        self.assign_sub(variable, step)

    def get_config(self):
        """Return what makes the optimizer again."""
        return {**super().get_config(), "mu": self.mu}
