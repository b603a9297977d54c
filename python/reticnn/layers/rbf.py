"""Classification by distances to prototypes: the layer, its loss, its accuracy."""

import numpy as np

from reticnn.runtime.backend import keras

# The paper gives no value. At 10, a tenth of what lies between most pairs of its
# digits, an image has to come close to a prototype to be taken for one.
J = 10.0


@keras.saving.register_keras_serializable("reticnn")
class EuclideanRBF(keras.layers.Layer):
    """Squared distance to the prototype of each class: the smallest one wins.

    Input (batch, features), output (batch, classes). The prototypes are weights, which
    training leaves alone unless `trainable` is set, here or on the layer: unfreezing
    layers does not set it.

    Args:
        prototypes: Numbers, (classes, features).
        j: Distance above 0 at which an image is as likely to be of no class at all.
        trainable: Bool, whether training moves the prototypes. Default False.
        **options: Keras's `name` and `dtype`.

    Source:
        LeCun, Bottou, Bengio and Haffner (1998), Gradient-Based Learning Applied to
        Document Recognition, Proceedings of the IEEE.
    """

    # Not a weight that waits to be trained: see `set_flags`.
    stays_frozen = True

    def __init__(self, prototypes, j=J, trainable=False, **options):
        """Keep the first prototypes."""
        super().__init__(trainable=trainable, **options)
        self.j = j
        self._first_prototypes = np.asarray(prototypes, "float32")

    def build(self, input_shape):
        """Make the prototypes weights."""
        first = self._first_prototypes
        self.prototypes = self.add_weight(
            shape=first.shape,
            initializer=lambda shape, dtype=None: keras.ops.cast(first, dtype),
            name="prototypes",
        )

    def call(self, inputs):
        """Return the squared distances."""
        apart = keras.ops.expand_dims(inputs, 1) - self.prototypes
        return keras.ops.sum(keras.ops.square(apart), axis=-1)

    def compute_output_shape(self, input_shape):
        """Return (batch, classes)."""
        return (input_shape[0], len(self._first_prototypes))

    def count_mult_adds(self, shape):
        """Return one for each feature of each prototype."""
        return self._first_prototypes.size

    def get_config(self):
        """Return what makes the layer again."""
        return {
            **super().get_config(),
            "prototypes": self._first_prototypes.tolist(),
            "j": self.j,
        }


@keras.saving.register_keras_serializable("reticnn")
class MAPLoss(keras.losses.Loss):
    """Maximum a posteriori criterion for distances y to the classes' prototypes.

    With D the right class, the mean over the images of
    y_D + log(exp(-j) + sum over the classes i of exp(-y_i)). It pulls the distance to
    the right prototype down and pushes close wrong ones up, where exp(-j) stands for a
    class of images that are none of these, at the same distance j from all. It is the
    cross-entropy of the probabilities exp(-y_i) / (exp(-j) + sum of exp(-y_k)).

    The targets are class codes from 0, (batch,) or (batch, 1); the code after the last
    class means none of them.

    Args:
        j: Distance above 0 of the class of everything else. A small one pulls every
            image close to its prototype and gives few of them a high probability; a
            large one stops pulling where the other prototypes are further. The paper
            gives no value. Default 10.
        **options: Keras's `reduction`, `name` and `dtype`.

    Source:
        LeCun et al. (1998), equation 9.
    """

    def __init__(self, j=J, name="map_loss", **options):
        """Keep the distance."""
        super().__init__(name=name, **options)
        self.j = j

    def call(self, y_true, y_pred):
        """Return the loss of each image."""
        ops = keras.ops
        distances = ops.concatenate(
            [y_pred, ops.full_like(y_pred[:, :1], self.j)], axis=1
        )
        codes = ops.cast(ops.reshape(y_true, (-1,)), "int32")
        right = ops.one_hot(codes, distances.shape[1], dtype=distances.dtype)
        distance = ops.sum(right * distances, axis=1)
        return distance + ops.logsumexp(-distances, axis=1)

    def get_config(self):
        """Return what makes the loss again."""
        return {**super().get_config(), "j": self.j}


@keras.saving.register_keras_serializable("reticnn")
def nearest_is_right(y_true, y_pred):
    """Return whether the nearest prototype is that of the right class."""
    ops = keras.ops
    codes = ops.cast(ops.reshape(y_true, (-1,)), "int32")
    nearest = ops.cast(ops.argmin(y_pred, axis=1), "int32")
    return ops.cast(ops.equal(codes, nearest), "float32")
