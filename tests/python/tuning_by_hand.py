"""A search of small models that train in no time, in this process and in others."""

import keras

import reticnn


def build(units=2, scale=1.0):
    """Return a model that Keras need not trace, with a loss of its own."""
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Rescaling(scale / 255),
            keras.layers.Flatten(),
            keras.layers.Dense(units),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    return model


def images():
    """Return circles and squares, the same each time."""
    return reticnn.shape_images(40, image_size=8, seed=1)


SPACE = {"units": [2, 3, 4], "learning_rate": reticnn.log_range(1e-3, 1e-1)}


def tune(build=build, space=None, data=None, **arguments):
    """Search with what most tests have in common."""
    given = {"trials": 3, "epochs": 1, "progress": "none", "seed": 1, **arguments}
    data = images() if data is None else data
    return reticnn.tune_classifier(build, data, space or SPACE, **given)


def settings_of(tuned):
    """Return what a search has chosen and found, but not when, by trial."""
    names = [name for name in tuned.trials if name not in ("seconds", "error")]
    return [tuple(row) for row in zip(*map(tuned.trials.get, names), strict=True)]
