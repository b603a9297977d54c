"""An honest file of a classifier, in its parts."""

import copy
import io
import json
import zipfile

import h5py

import reticnn

SIZE = 16


class Honest:
    """A small trained classifier, as it is saved.

    Attributes:
        record: What `classifier.json` says.
        config: What `config.json` of the model says.
        weights: Bytes of `model.weights.h5`.
        legacy: Bytes of a file of weights as Keras once wrote them.
    """

    def __init__(self, folder):
        """Train it and take it apart, in a folder."""
        model = self.network()
        data = reticnn.shape_images(8, image_size=SIZE, seed=1)
        fitted = reticnn.fit_classifier(
            model, data, epochs=1, progress="none", optimizer="adam", seed=1
        )
        path = str(folder / "honest.reticnn")
        reticnn.save_classifier(fitted, path, fast_start=False)
        with zipfile.ZipFile(path) as archive:
            self.record = json.loads(archive.read("classifier.json"))
            inner = archive.read("model.keras")
        with zipfile.ZipFile(io.BytesIO(inner)) as archive:
            self.config = json.loads(archive.read("config.json"))
            self.weights = archive.read("model.weights.h5")
        self.legacy = _legacy(model)

    @staticmethod
    def network():
        """Return a network that the weights fit."""
        import keras

        return keras.Sequential(
            [
                keras.Input((SIZE, SIZE, 3)),
                keras.layers.Conv2D(4, 3, activation="relu", name="convolution"),
                keras.layers.GlobalAveragePooling2D(name="pool"),
                keras.layers.Dense(2, activation="softmax", name="head"),
            ]
        )

    def keras_file(self, config=None, weights=None, text=None, more=None, **options):
        """Return the bytes of a `.keras` file of these parts.

        Args:
            config: What is to stand in `config.json`.
            weights: Bytes.
            text: The bytes of `config.json` themselves.
            more: Further entries by their names.
            **options: Those of `zipfile.ZipFile`.
        """
        text = json.dumps(config or self.config).encode() if text is None else text
        entries = {
            "metadata.json": b'{"keras_version": "3.15.1"}',
            "config.json": text,
            "model.weights.h5": self.weights if weights is None else weights,
            **(more or {}),
        }
        return packed(entries, **options)

    def classifier_file(self, record=None, model=None, text=None, more=None, **options):
        """Return the bytes of a `.reticnn` file of these parts."""
        text = json.dumps(record or self.record).encode() if text is None else text
        entries = {
            "classifier.json": text,
            "model.keras": self.keras_file() if model is None else model,
            **(more or {}),
        }
        return packed(entries, **options)

    def changed_config(self, change):
        """Return a copy of the configuration after a change to it."""
        config = copy.deepcopy(self.config)
        change(config)
        return config


def packed(entries, **options):
    """Return a zip archive of entries by their names."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **options) as archive:
        for name, contents in entries.items():
            archive.writestr(name, contents)
    return file.getvalue()


def _legacy(model):
    file = io.BytesIO()
    with h5py.File(file, "w") as stored:
        layers = [layer for layer in model.layers if layer.weights]
        stored.attrs["layer_names"] = [layer.name.encode() for layer in layers]
        for layer in layers:
            group = stored.create_group(layer.name)
            names = [f"{layer.name}/{weight.name}:0" for weight in layer.weights]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, weight in zip(names, layer.weights, strict=True):
                group[name] = weight.numpy()
    return file.getvalue()
