"""Small networks to transfer from, and what is asked of them."""

import keras

import reticnn
from reticnn import layer_table, transfer_model

SIZE = (32, 32, 3)


def small_transfer(**arguments):
    settled = {"input_shape": SIZE, "weights": None, "seed": 1, **arguments}
    return transfer_model("mobilenet_0.25", **settled)


def small_network():
    """Return a network with blocks and names, as a backbone is."""
    inputs = keras.Input((8, 8, 3))
    x = reticnn.conv_block(inputs, 2, n_conv=2, name="block1")
    x = reticnn.conv_block(x, 2, batch_norm=True, name="block2")
    return keras.Model(inputs, x, name="small")


def trained_names(model):
    table = layer_table(model)
    return [
        name
        for name, trained, parameters in zip(
            table["name"], table["trainable"], table["parameters"], strict=True
        )
        if trained and parameters
    ]


def as_numpy(variables):
    return [keras.ops.convert_to_numpy(variable) for variable in variables]
