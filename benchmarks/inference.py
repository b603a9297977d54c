"""Prediction by Keras and by ONNX Runtime, with MobileNet of a quarter of the channels.

224 x 224 pixels, weights as drawn; medians, interleaved.

1. Forward pass alone, seven passes over 64 images: `predict_on_batch` of Keras and of
   a classifier from an ONNX file, which gives each core some of the images, and
   `InferenceSession.run` of ONNX Runtime with its own choice of threads.
2. `predict_images()` of a folder of 2,000 JPEGs of 500 x 375 pixels by either, and
   Keras's `image_dataset_from_directory` and `model.predict`.
3. From a saved classifier to the first prediction in a new Python process: wall time,
   processor time and highest memory (Linux says it).
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import keras
import numpy as np
import onnxruntime
from PIL import Image

import reticnn

_PASSES, _IMAGES, _BATCH = 7, 64, 32
_FILES, _PASSES_OF_FILES = 2000, 3
_STARTS = 5

_FIRST_PREDICTION = """
import sys, time
import numpy as np, reticnn
classifier = reticnn.load_classifier(sys.argv[1])
reticnn.predict_images(classifier, np.zeros((1, 224, 224, 3), "uint8"))
peak = "nan"
if sys.platform == "linux":
    (peak,) = [s.split()[1] for s in open("/proc/self/status") if "VmHWM" in s]
print(time.process_time(), float(peak) / 1024)
"""


def write_photos(folder, count=_FILES):
    """Write JPEGs that take as long to read as photos do."""
    rng = np.random.default_rng(1)
    os.mkdir(folder)
    for number in range(count):
        coarse = rng.integers(0, 256, (24, 32, 3), "uint8")
        image = Image.fromarray(coarse).resize((500, 375), Image.Resampling.BICUBIC)
        image.save(folder / f"{number}.jpg", quality=90)


def compare_forward(classifier, file):
    """Measure and print the forward pass alone."""
    pixels = np.random.default_rng(1).integers(0, 256, (_IMAGES, 224, 224, 3), "uint8")
    session = onnxruntime.InferenceSession(file)
    runs = {
        "Keras": classifier.model.predict_on_batch,
        "ours by ONNX Runtime": reticnn.load_classifier(file).network.predict_on_batch,
        "ONNX Runtime alone": lambda some: session.run(None, {"images": some}),
    }
    starts = range(0, _IMAGES, _BATCH)
    batches = [pixels[start : start + _BATCH] for start in starts]
    times = [
        [timed(lambda run=run: [*map(run, batches)]) for run in runs.values()]
        for _ in range(_PASSES + 1)
    ]
    speeds = print_speeds(runs, times[1:], _IMAGES)
    print(f"ratio {speeds[1] / speeds[0]:.2f} (wanted: >= 1.25)\n")


def compare_folders(classifier, file, photos):
    """Measure and print how fast the images of a folder are predicted."""
    fast = reticnn.load_classifier(file)

    def by_keras_alone():
        data = keras.utils.image_dataset_from_directory(
            photos, labels=None, image_size=(224, 224), shuffle=False, verbose=False
        )
        classifier.model.predict(data, verbose=0)

    runs = {
        "predict_images(), ONNX": lambda: reticnn.predict_images(fast, photos),
        "predict_images(), Keras": lambda: reticnn.predict_images(classifier, photos),
        "image_dataset, predict()": by_keras_alone,
    }
    times = [[timed(run) for run in runs.values()] for _ in range(_PASSES_OF_FILES)]
    ours, with_keras, alone = print_speeds(runs, times, _FILES)
    print(f"ratios {ours / with_keras:.2f} (wanted: >= 1.25) and ", end="")
    print(f"{ours / alone:.2f} (wanted: >= 1.4)\n")


def compare_starts(files):
    """Measure and print new processes up to their first prediction."""
    found = {name: [] for name in files}
    for _ in range(_STARTS):
        for name, file in files.items():
            start = time.perf_counter()
            command = [sys.executable, "-c", _FIRST_PREDICTION, file]
            said = subprocess.run(command, capture_output=True, text=True, check=True)
            wall = time.perf_counter() - start
            found[name].append([wall, *map(float, said.stdout.split())])
    for name, values in found.items():
        wall, processor, peak = map(statistics.median, zip(*values, strict=True))
        print(
            f"new process, {name}: {wall:.2f} s, {processor:.2f} s of the processor, "
            f"{peak:.0f} MB"
        )
    print("(wanted with an ONNX graph: <= 0.6 s, <= 150 MB)")


def timed(run):
    """Return the seconds that a function takes, and those of the processor."""
    start, of_processor = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - start, time.process_time() - of_processor


def print_speeds(names, times, count):
    """Print and return the images per second, from the times of each pass.

    Where other processes keep the cores busy, the time of the processor tells more.
    """
    medians = np.median(times, axis=0)
    for name, (wall, of_processor) in zip(names, medians, strict=True):
        print(
            f"{name}: {count / wall:.0f} images/s, for each of them "
            f"{1000 * of_processor / count:.2f} ms of the processor"
        )
    return count / medians[:, 0]


def main():
    """Measure and print."""
    model = reticnn.landmark_model("mobilenet", num_classes=10, width=0.25)
    names = [f"class {number}" for number in range(10)]
    classifier = reticnn.Classifier(model, names, {"epoch": []}, output="softmax")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        files = {
            "Keras": str(place / "keras.reticnn"),
            "fast start": str(place / "fast.reticnn"),
            "ONNX": str(place / "classifier.onnx"),
        }
        start = time.perf_counter()
        said = reticnn.export_classifier(classifier, files["ONNX"])
        print(f"export_classifier(): {time.perf_counter() - start:.1f} s")
        print(f"largest difference {said['difference']:.1e} (wanted: <= 1e-5)")
        reticnn.save_classifier(classifier, files["Keras"], fast_start=False)
        reticnn.save_classifier(classifier, files["fast start"])
        compare_starts(files)
        compare_forward(classifier, files["ONNX"])
        write_photos(place / "photos")
        compare_folders(classifier, files["ONNX"], str(place / "photos"))


if __name__ == "__main__":
    main()
