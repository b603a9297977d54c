"""ResNet-50 by us, by Keras, by ONNX Runtime and by OpenVINO, where that is installed.

224 x 224 pixels, batches of 16, weights as drawn; medians of passes, interleaved, each
in an order that is drawn. OpenVINO is no dependency of this package:
`pip install --target /tmp/openvino openvino`, and `PYTHONPATH=/tmp/openvino`.

1. Forward pass alone, over 32 images in memory.
2. From a folder of 32 JPEGs of 500 x 375 pixels: `predict_images()`, and for the others
   Keras's `image_dataset_from_directory`.

Where other processes keep the cores busy, only the ratios within a run tell anything.
"""

import os
import random
import tempfile
from pathlib import Path

import keras
import numpy as np
import onnxruntime
from inference import timed, write_photos

import reticnn

_PASSES = 3
_IMAGES, _BATCH, _SIDE = 32, 16, 224


def peers(classifier, file):
    """Return functions from a batch of pixels to probabilities, by what computes."""
    session = onnxruntime.InferenceSession(file)
    found = {
        "Keras": lambda pixels: classifier.model.predict(
            pixels, batch_size=_BATCH, verbose=0
        ),
        "ONNX Runtime": lambda pixels: session.run(None, {"images": pixels})[0],
    }
    try:
        import openvino
    except ImportError:
        print("OpenVINO is not installed, and left out")
        return found
    # Where a processor can, it would compute in bfloat16, and give other answers.
    hints = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.compile_model(file, "CPU", hints)
    found["OpenVINO"] = lambda pixels: compiled([pixels])[0]
    return found


def medians(runs):
    """Return the median seconds of functions, and of the processor, by name."""
    times = {name: [] for name in runs}
    for number in range(_PASSES + 1):
        for name in random.Random(number).sample(sorted(runs), len(runs)):
            times[name].append(timed(runs[name]))
    return {name: np.median(found[1:], axis=0) for name, found in times.items()}


def told(what, seconds, ours):
    """Print the speeds, and the ratio of the fastest of others to ours."""
    print(f"== {what}")
    for name, (wall, of_processor) in seconds.items():
        print(
            f"{name:<16} {_IMAGES / wall:6.1f} images/s, for each of them "
            f"{1000 * of_processor / _IMAGES:.0f} ms of the processor"
        )
    others = {name: both[0] for name, both in seconds.items() if name not in ours}
    fastest = min(others, key=others.get)
    for name in ours:
        print(
            f"{name} / {fastest}: {others[fastest] / seconds[name][0]:.2f} times as "
            "fast (wanted by ONNX: >= 0.95)"
        )


def compare(classifier, folder):
    """Measure and print."""
    file, saved = str(folder / "a.onnx"), str(folder / "a.reticnn")
    reticnn.export_classifier(classifier, file)
    reticnn.save_classifier(classifier, saved)
    fast = reticnn.load_classifier(saved)
    ours = {"ours by Keras": classifier, "ours by ONNX": fast}
    others = peers(classifier, file)

    pixels = np.random.default_rng(1).integers(
        0, 256, (_IMAGES, _SIDE, _SIDE, 3), "uint8"
    )
    batches = np.split(pixels, _IMAGES // _BATCH)
    runs = {name: lambda run=run: [*map(run, batches)] for name, run in others.items()}
    for name, one in ours.items():
        run = one.network.predict_on_batch
        runs[name] = lambda run=run: [*map(run, batches)]
    told("Forward pass", medians(runs), ours)

    photos = str(folder / "photos")
    write_photos(folder / "photos", _IMAGES)
    runs = {}
    for name, run in others.items():
        runs[name] = lambda run=run: [
            run(np.asarray(batch).astype("uint8"))
            for batch in keras.utils.image_dataset_from_directory(
                photos,
                labels=None,
                batch_size=_BATCH,
                image_size=(_SIDE, _SIDE),
                shuffle=False,
                verbose=False,
            )
        ]
    for name, one in ours.items():
        runs[name] = lambda one=one: reticnn.predict_images(
            one, photos, batch_size=_BATCH
        )
    told("From files", medians(runs), ours)


def main():
    """Make the network, and compare."""
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    model = reticnn.landmark_model("resnet50", num_classes=10)
    names = [f"class {number}" for number in range(10)]
    classifier = reticnn.Classifier(model, names, {"epoch": []}, output="softmax")
    with tempfile.TemporaryDirectory() as folder:
        compare(classifier, Path(folder))


if __name__ == "__main__":
    main()
