"""Hand a classifier on: one function, and a check that what was handed on agrees."""

import os
from pathlib import Path

import numpy as np

from reticnn.classifier import as_classifier
from reticnn.coercion import as_choice, as_path
from reticnn.export.keras_formats import (
    write_keras,
    write_litert,
    write_saved_model,
)
from reticnn.export.onnx_files import write_onnx, write_r_folder
from reticnn.export.quantizing import probabilities_of, quantized
from reticnn.export.trial_images import MOST_COMPARED, evenly, trial_images
from reticnn.outputs import kind_of_classifier, probabilities
from reticnn.outputs.reference import OF_FEATURES
from reticnn.runtime.conditions import warn_user
from reticnn.runtime.keras_internals import predicted
from reticnn.runtime.writing import as_file_to_write, check_folder_for

_FORMATS = {
    "onnx": write_onnx,
    "litert": write_litert,
    "saved_model": write_saved_model,
    "keras": write_keras,
    "r": write_r_folder,
}
_ENDINGS = {"onnx": ".onnx", "litert": ".tflite", "keras": ".keras"}
_OF_ONNX = ("onnx", "r")

# By how much probabilities may differ from the classifier's.
MOST_DIFFERENT = 1e-3

# With fewer images, 8 bits and what they cost are a matter of chance.
_ENOUGH = 100


def export_classifier(classifier, path, format="onnx", *, images=None, quantize=None):
    """Write a classifier in a format that runs without this package.

    The exported network takes 8-bit pixels, 0 to 255, in the shape (batch, height,
    width, channels), and returns the probability of each class: preprocessing and
    calibration are included. Any number of images can be passed, and of any size if the
    network allows it. Class names, how to resize, the value range, the thresholds of
    prediction sets and novelty, and a format number are in the metadata, as JSON under
    the name `reticnn`.

    The file is run at once and compared with the classifier.

    Args:
        classifier: Classifier from `fit_classifier` or `load_classifier`.
        path: File to write, or folder for the formats `"saved_model"` and `"r"`, which
            must not exist. `~` is expanded.
        format: `"onnx"`, for ONNX Runtime, which starts in a fraction of a second.
            `"litert"`, for phones and small boards (TensorFlow Lite), ending in
            `.tflite`; its metadata are in a zip archive at its end. `"saved_model"`,
            for TensorFlow's own server. `"keras"`, a Keras model, which needs this
            package if it has layers from it. `"r"`, a folder with the ONNX file and an
            R script that needs only reticulate and onnxruntime. Default `"onnx"`.
        images: Images on which to compare the predictions, as `predict_images` takes
            them, and to calibrate `quantize`: a few hundred of the kind to be
            classified, labelled if you want to know the accuracy. None for made-up
            pictures. At most 256 are used, from the first to the last, and without
            `quantize` 32 of them compared. Default None.
        quantize: `"int8"`, for `"onnx"` and `"r"`, stores weights and computes in 8
            bits: a quarter of the size, often faster, but less exact. Needs `images`.
            Default None.

    Returns:
        Dict of `path`; `format`; `bytes`, the size; `difference`, the largest
        difference between its probabilities and the classifier's, about 1e-6 in single
        precision and far more in 8 bits; `images`, the number of images compared; and
        with `quantize`, `quantized`, a table (dict of lists) with one row before and
        one after: `bytes`, `images_per_second`, `accuracy`, NaN without labels, and
        `agreement`, the share of the images with the same most probable class as
        before.

    Raises:
        TypeError: If `classifier` is not a classifier.
        ValueError: If the classifier was trained on images whose pixels are not 0 to
            255; if a layer cannot be written, which is then named; if the probabilities
            differ by more than 0.001; if `path` does not suit the format; or if
            `quantize` is given without images, or for another format.
        FileExistsError: If the folder to write exists.
        MissingPackageError: If a package that the format needs is missing: `pip install
            "reticnn[export]"` installs those for ONNX.
        RuntimeError: In a process forked from the one that started Keras.

    Warns:
        UserWarning: If `quantize` is given with fewer than 100 images, or for a
            classifier with calibration, prediction sets or a novelty threshold; or if
            the format is `"onnx"` or `"r"`, and the classifier has prediction sets from
            a cross-validation or a novelty threshold that needs features, which an ONNX
            file cannot compute; or if a Keras file can be loaded only where another
            package is imported, such as this one.

    Example:
        >>> export_classifier(classifier, "cats-and-dogs.onnx", images=data["test"])
        {'path': 'cats-and-dogs.onnx', 'format': 'onnx', 'bytes': 1893412,
         'difference': 2.4e-07, 'images': 32}
    """
    classifier = as_classifier(classifier)
    format = as_choice(format, "format", tuple(_FORMATS))
    quantize = as_choice(quantize, "quantize", (None, "int8"))
    _check_quantize(quantize, format, images)
    path = _as_target(path, format)
    _check_values(classifier)
    classifier = classifier.changed(output=kind_of_classifier(classifier))
    pixels, codes = trial_images(classifier, images)
    # 8 bits are far off for few images only, so all are looked at.
    some = evenly(pixels, MOST_COMPARED) if quantize is None else pixels
    wanted = _by_classifier(classifier, some)
    result = {"path": path, "format": format, "images": len(some)}

    def check(run):
        result["difference"] = _difference(run(some), wanted, format)

    def prepare(graph):
        if quantize is None:
            return graph
        _warn_of_few(len(pixels))
        _warn_of_what_was_found(classifier)
        graph, result["quantized"] = quantized(graph, pixels, codes)
        # What is written is to be known, not what it was made of.
        result["difference"] = _largest(probabilities_of(graph, some), wanted)
        return graph

    options = {"prepare": prepare} if format in _OF_ONNX else {}
    if format in _OF_ONNX:
        _warn_of_what_is_refused(classifier)
    _FORMATS[format](classifier, path, check, **options)
    return {**result, "bytes": _size(path)}


def _by_classifier(classifier, pixels):
    """Return the probabilities that a classifier gives for images, (n, classes)."""
    model, starts = classifier.model, range(0, len(pixels), MOST_COMPARED)
    outputs = [
        predicted(model, pixels[start : start + MOST_COMPARED]) for start in starts
    ]
    return probabilities(model, classifier.output, np.concatenate(outputs))


def _as_target(path, format):
    """Return the path to write, if it suits the format."""
    if format in _ENDINGS:
        path = as_file_to_write(path)
        if not path.endswith(_ENDINGS[format]):
            raise ValueError(
                f"`path` must end in {_ENDINGS[format]} for the format {format!r}, not "
                f"be {path!r}."
            )
        return path
    path = as_path(path, "path")
    if os.path.lexists(path):
        raise FileExistsError(
            f"`path` must be a folder that does not exist yet for the format "
            f"{format!r}, and {path!r} does. Use another name, or delete it."
        )
    check_folder_for(path)
    return path


def _check_values(classifier):
    """Raise if the pixels of the images are not what an exported network takes."""
    if classifier.value_ends is not None:
        raise ValueError(
            f"`classifier` was trained on images with {classifier.values}, and an "
            "exported network takes pixels of 0 to 255. Train it on these, with "
            '`rescale="standardize"` in `build_cnn()` if they are to be standardised.'
        )


def _check_quantize(quantize, format, images):
    """Raise if a network cannot be stored in 8 bits."""
    if quantize is None:
        return
    if format not in _OF_ONNX:
        raise ValueError(
            f"`quantize` is {quantize!r}, which is for the formats 'onnx' and 'r', not "
            f"for {format!r}. Leave it out, or use `format='onnx'`."
        )
    if images is None:
        raise ValueError(
            f"`quantize` is {quantize!r}, which needs `images` to calibrate by, and "
            "there are none. Give a few hundred of the kind to be classified, such as "
            "the validation images."
        )


def _difference(found, wanted, format):
    """Return the largest difference of probabilities, or raise if it is too large."""
    difference = _largest(found, wanted)
    if difference <= MOST_DIFFERENT:
        return difference
    raise ValueError(
        f"`classifier` is not exported: as {format!r}, its probabilities differ by up "
        f"to {difference:.2g}, and {MOST_DIFFERENT:g} is the most that is accepted. A "
        "model that computes in half precision is rounded differently, and a layer of "
        "your own may do something else than its `call()` says. Use another format, or "
        "a model in single precision."
    )


def _largest(found, wanted):
    return float(np.abs(np.asarray(found, "float64") - wanted).max())


def _warn_of_few(count):
    """Warn of ranges of values and shares that rest on few images."""
    if count < _ENOUGH:
        warn_user(
            f"`images` has {count} to calibrate by, too few to know the ranges of "
            "values within the network, or the accuracy, well. Give a few hundred of "
            "the kind to be classified."
        )


def _warn_of_what_was_found(classifier):
    """Warn of what was found for probabilities that are others in 8 bits."""
    found = {
        "calibration": classifier.calibration,
        "prediction sets": classifier.sets,
        "threshold of novelty": classifier.novelty,
    }
    found = [name for name, value in found.items() if value is not None]
    if found:
        warn_user(
            f"`classifier` has {' and '.join(found)} found for the network in single "
            "precision, which may not hold in 8 bits: evaluate what "
            "`load_classifier()` reads from the file, and have `prediction_sets()` and "
            "`novelty_threshold()` find theirs again for it."
        )


def _warn_of_what_is_refused(classifier):
    """Warn of what a loaded ONNX file refuses, as it needs more than probabilities."""
    sets, novelty = classifier.sets, classifier.novelty
    found, refused = [], "to give sets"
    if sets and sets.get("folds") is not None:
        found.append("prediction sets from a cross-validation")
    if novelty and novelty["method"] in OF_FEATURES:
        found.append(f"a novelty threshold by {novelty['method']!r}")
        refused = "to predict"
    if found:
        warn_user(
            f"`classifier` has {' and '.join(found)}. That needs its Keras model: what "
            f"`load_classifier()` reads from an ONNX file will refuse {refused}. Keep "
            "the file that `save_classifier()` writes as well, or use sets from "
            "held-out images and a threshold by 'energy' or 'softmax'."
        )


def _size(path):
    """Return the size of a file, or of all files in a folder."""
    if os.path.isfile(path):
        return os.path.getsize(path)
    return sum(file.stat().st_size for file in Path(path).rglob("*") if file.is_file())
