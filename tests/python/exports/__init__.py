"""Every landmark and every backbone as an ONNX graph, compared with the Keras model.

The list is that of the package itself, so that what is added to it is checked, too, and
`test_export.py` fails if Keras has a network that is not in it.
"""

import gc
import re

import numpy as np

# What images have at least, where that is not 32 pixels.
_SIDES = {"alexnet": 67, "googlenet": 80}

# How far probabilities may be apart.
MOST = 1e-5


def names():
    """Return the names of all networks, small ones first: ours, and those of Keras."""
    import reticnn

    landmarks, backbones = reticnn.landmark_architectures(), reticnn.backbones()
    sizes = {
        f"{place} {name}": parameters
        for place, table in {"landmark": landmarks, "backbone": backbones}.items()
        for name, parameters in zip(table["name"], table["parameters"], strict=True)
    }
    return sorted(sizes, key=sizes.get)


def built(name):
    """Return a network with weights that are drawn, for the smallest images it takes.

    The last of them are scaled: of probabilities that are 0 and 1, all would agree.
    """
    import keras

    import reticnn

    keras.utils.set_random_seed(1)
    place, _, name = name.partition(" ")
    if place == "backbone":
        table = reticnn.backbones()
        side = max(32, table["min_size"][table["name"].index(name)])
        model = reticnn.transfer_model(name, (side, side, 3), weights=None, seed=1)
    elif name == "lenet5":
        return reticnn.landmark_model(name, variant="original", num_classes=10)
    else:
        side = _SIDES.get(name, 32)
        model = reticnn.landmark_model(name, input_shape=(side, side, 3), num_classes=4)
    _damp_branches(model)
    _scale(model)
    return model


def difference(model, file):
    """Return how far the probabilities of a graph are apart from those of a model."""
    import reticnn

    classes = [f"class {number + 1}" for number in range(max(2, model.output_shape[1]))]
    classifier = reticnn.Classifier(model, classes, {"epoch": []})
    # To trace a deep network takes longer than all else.
    model.run_eagerly = True
    return reticnn.export_classifier(classifier, file)["difference"]


def told(name, folder):
    """Return a line on a network, and whether its graph agrees."""
    import keras

    try:
        apart = difference(built(name), folder / "network.onnx")
        agrees, said = apart <= MOST, f"{apart:.1e}"
    except ValueError as error:
        way = re.search(r"because of (.+?)\. Use layers", str(error))
        agrees, said = False, way[1] if way else str(error)
    keras.utils.clear_session()
    gc.collect()
    return f"{name:<42} {said}{'' if agrees else '  DISAGREES'}", agrees


def _damp_branches(model):
    """Scale the branches of EfficientNet's residual blocks, as after training.

    With those that are drawn, the deepest make so much of rounding that Keras itself is
    off by 0.03 in single precision.
    """
    import keras

    for layer in model._flatten_layers():
        is_batch_norm = isinstance(layer, keras.layers.BatchNormalization)
        if is_batch_norm and layer.name.endswith("project_bn"):
            gamma, *others = layer.get_weights()
            layer.set_weights([0.3 * gamma, *others])


def _scale(model):
    """Scale the weights of the last layer, so that its scores are about 1 at most."""
    import keras

    dense = [one for one in model.layers if isinstance(one, keras.layers.Dense)][-1]
    noise = np.random.default_rng(1).integers(0, 256, (8, *model.input_shape[1:]))
    features = keras.Model(model.inputs, dense.input)
    rows = features(keras.ops.convert_to_tensor(noise.astype("float32")))
    rows = keras.ops.convert_to_numpy(rows)
    kernel, *bias = dense.get_weights()
    dense.set_weights([kernel / np.abs(rows @ kernel).max(), *bias])
