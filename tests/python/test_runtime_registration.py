"""Every class that a saved model may need is registered, whoever imports it first."""

import compileall
import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

import reticnn
from reticnn.layers import (
    auxiliary,
    inference,
    lenet,
    mean_probabilities,
    normalization,
    preprocessing,
    rbf as distances,
    scaling,
)
from reticnn.layers.standardization import Standardization
from reticnn.layers.stochastic_depth import StochasticDepth
from reticnn.optimizers.levenberg_marquardt import LevenbergMarquardt
from reticnn.optimizers.momentum_sgd import MomentumSGD
from reticnn.optimizers.schedules import Schedule
from reticnn.outputs.losses import soft_binary_accuracy
from reticnn.runtime.registration import modules_with_classes


def model_of(*layers, kind=keras.Model):
    """Return a model of 8 x 8 RGB images through layers to two numbers."""
    inputs = x = keras.Input((8, 8, 3))
    for layer in layers:
        x = layer(x)
    x = keras.layers.Dense(2)(keras.layers.Flatten()(x))
    return kind(inputs, x)


def compiled(optimizer="sgd", loss="mse", metrics=()):
    """Return a model that holds these in the way it is compiled."""
    model = model_of(keras.layers.AveragePooling2D(4))
    model.compile(optimizer, loss, metrics=list(metrics))
    return model


def to_distances():
    """Return a model that ends in distances to two prototypes."""
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    outputs = distances.EuclideanRBF([[1, 0, 0], [0, 1, 0]])(x)
    return keras.Model(inputs, outputs)


def to_mean():
    """Return a model whose outputs are the mean of two, in different orders."""
    member = {"kind": "softmax", "order": [0, 1, 2], "j": None}
    layer = mean_probabilities.MeanProbabilities(
        [member, {**member, "order": [2, 0, 1]}], [0.25, 0.75]
    )
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    return keras.Model(inputs, layer([x, x]))


def calibrated(layer):
    """Return a model of three scores that a layer of calibration changes."""
    inputs = keras.Input((8, 8, 3))
    outputs = layer(keras.layers.GlobalAveragePooling2D()(inputs))
    layer.set_weights(
        [
            np.linspace(0.2, 0.9, weight.size).reshape(weight.shape)
            for weight in layer.get_weights()
        ]
    )
    return keras.Model(inputs, outputs)


def nearest(metric="nearest"):
    """Return a metric of the function that looks for the nearest prototype."""
    return keras.metrics.MeanMetricWrapper(distances.nearest_is_right, metric)


def mostly():
    """Return a metric of the function that looks for the class mostly shown."""
    return keras.metrics.MeanMetricWrapper(soft_binary_accuracy, "soft", threshold=0.5)


def standardizing():
    layer = Standardization()
    model = model_of(layer)
    layer.set_statistics(100.0, 50.0)
    return model


MAKERS = {
    "AugmentationLayer": lambda: model_of(
        reticnn.augmentation_layer(reticnn.augmentation(rotation=0.1), seed=1)
    ),
    "AuxiliaryModel": lambda: model_of(kind=auxiliary.AuxiliaryModel),
    "EuclideanRBF": to_distances,
    "ImagePreprocessing": lambda: model_of(preprocessing.ImagePreprocessing("unit")),
    "InferenceModel": lambda: model_of(kind=inference.InferenceModel),
    "IsotonicScaling": lambda: calibrated(scaling.IsotonicScaling(4)),
    "LayerScale": lambda: model_of(normalization.LayerScale(0.5)),
    "LevenbergMarquardt": lambda: compiled(LevenbergMarquardt()),
    "LocalResponseNormalization": lambda: model_of(
        normalization.LocalResponseNormalization(3)
    ),
    "MAPLoss": lambda: compiled(loss=distances.MAPLoss(5.0)),
    "MeanProbabilities": to_mean,
    "MomentumSGD": lambda: compiled(MomentumSGD()),
    "PartialConv2D": lambda: model_of(lenet.PartialConv2D([[0, 1], [2]], 3)),
    "Schedule": lambda: compiled(keras.optimizers.SGD(Schedule("cosine", 0.1, 10))),
    "Standardization": standardizing,
    "StochasticDepth": lambda: model_of(StochasticDepth(0.5)),
    "Subsampling2D": lambda: model_of(lenet.Subsampling2D()),
    "TemperatureScaling": lambda: calibrated(scaling.TemperatureScaling()),
    "VectorScaling": lambda: calibrated(scaling.VectorScaling()),
    "nearest_is_right": lambda: compiled(metrics=[nearest()]),
    "scaled_tanh": lambda: model_of(keras.layers.Activation(lenet.scaled_tanh)),
    "soft_binary_accuracy": lambda: compiled(metrics=[mostly()]),
}

LOAD = """
import json, sys
import reticnn
import keras
import numpy as np

images = np.load(sys.argv[1])
for path in sys.argv[2:]:
    model = keras.saving.load_model(path)
    print(json.dumps([type(model).__name__, model.compiled, model.predict(
        images, verbose=0).tolist()]))
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory, run_python):
    """Save one model for each class, and load all of them in a fresh process."""
    folder = tmp_path_factory.mktemp("registered")
    images = np.random.default_rng(1).uniform(0, 255, (2, 8, 8, 3)).astype("float32")
    np.save(folder / "images.npy", images)
    models = {name: make() for name, make in MAKERS.items()}
    paths = [folder / f"{name}.keras" for name in models]
    for path, model in zip(paths, models.values(), strict=True):
        model.save(path)
    result = run_python(LOAD, folder / "images.npy", *paths)
    lines = result.stdout.splitlines()
    assert len(lines) == len(models), result.stderr[-2000:]
    read = dict(zip(models, map(json.loads, lines), strict=True))
    before = {name: model.predict(images, verbose=0) for name, model in models.items()}
    return models, before, read


def test_every_registered_class_is_among_those_tried():
    ours = {
        name.removeprefix("reticnn>")
        for name in keras.saving.get_custom_objects()
        if name.startswith("reticnn>")
    }
    assert ours == set(MAKERS)


@pytest.mark.slow
@pytest.mark.parametrize("name", MAKERS)
def test_fresh_process_loads_a_model_with_it(name, loaded):
    models, before, read = loaded
    kind, is_compiled, predicted = read[name]
    assert kind == type(models[name]).__name__
    assert is_compiled == models[name].compiled
    np.testing.assert_allclose(predicted, before[name], rtol=1e-5, atol=1e-5)


MEANWHILE = """
import sys, threading, time
import reticnn
from reticnn.runtime import backend

load = reticnn.load_classifier
threading.Thread(target=backend.start_keras).start()
while not backend.is_started():
    time.sleep(0.001)
print(load(sys.argv[1]).model.name)
"""


@pytest.mark.slow
def test_threads_know_the_classes_while_another_registers_them(tmp_path, run_python):
    model = model_of(StochasticDepth(0.1))
    known = reticnn.Classifier(model, ["a", "b"], {"epoch": []}, output="logits")
    path = reticnn.save_classifier(known, tmp_path / "a.reticnn")
    result = run_python(MEANWHILE, path)
    assert result.stdout.strip() == model.name, result.stderr[-2000:]


FIND = """
from reticnn.runtime import registration

print(registration.__file__)
print(*registration.modules_with_classes())
"""


def copied_core(folder):
    """Return the folder of a copy of the package, without its caches."""
    source = Path(reticnn.__file__).parent
    ignored = shutil.ignore_patterns("__pycache__")
    return Path(shutil.copytree(source, folder / "reticnn", ignore=ignored))


def without_sources(folder):
    """Return a folder that has the package in compiled form only."""
    compileall.compile_dir(copied_core(folder), quiet=1, legacy=True)
    for source in folder.rglob("*.py"):
        source.unlink()
    return folder


def in_archive(folder):
    """Return a zip archive that has the package."""
    copied_core(folder / "whole")
    return shutil.make_archive(folder / "archive", "zip", folder / "whole")


def beside_others_files(folder):
    """Return a folder with the package, and files that editors and systems leave."""
    layers = copied_core(folder) / "layers"
    (layers / "._rbf.py").write_bytes(b"\0\5\x16\7\xff\xfe")
    (layers / ".ipynb_checkpoints").mkdir()
    shutil.copy(layers / "rbf.py", layers / ".ipynb_checkpoints/rbf-checkpoint.py")
    return folder


@pytest.mark.parametrize("install", [without_sources, in_archive, beside_others_files])
def test_classes_are_found_wherever_the_package_lies(install, tmp_path, run_python):
    core = str(install(tmp_path))
    result = run_python(FIND, PYTHONPATH=core)
    place, *modules = result.stdout.splitlines()
    assert place.startswith(core), result.stderr[-2000:]
    assert modules == [" ".join(modules_with_classes())]
