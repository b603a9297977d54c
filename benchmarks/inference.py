"""Images per second by Keras and by the exported ONNX file, forward pass alone.

Medians of seven passes over 64 images, interleaved; MobileNet with a quarter of the
channels, 224 x 224 pixels, weights as drawn. `predict_on_batch` is Keras's,
`InferenceSession.run` that of ONNX Runtime, with its own choice of threads.
"""

import os
import statistics
import tempfile
import time

import numpy as np
import onnxruntime

import reticnn

_PASSES, _IMAGES, _BATCH = 7, 64, 32


def seconds(run, pixels):
    """Return the time of a pass over images in batches."""
    start = time.perf_counter()
    for first in range(0, len(pixels), _BATCH):
        run(pixels[first : first + _BATCH])
    return time.perf_counter() - start


def main():
    """Measure and print."""
    model = reticnn.landmark_model("mobilenet", num_classes=10, width=0.25)
    names = [f"class {number}" for number in range(10)]
    classifier = reticnn.Classifier(model, names, {"epoch": []})
    pixels = np.random.default_rng(1).integers(0, 256, (_IMAGES, 224, 224, 3), "uint8")
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "classifier.onnx")
        start = time.perf_counter()
        said = reticnn.export_classifier(classifier, file)
        print(f"export_classifier(): {time.perf_counter() - start:.1f} s")
        session = onnxruntime.InferenceSession(file)
    runs = {
        "Keras": model.predict_on_batch,
        "ONNX Runtime": lambda some: session.run(None, {"images": some}),
    }
    times = [
        [seconds(run, pixels) for run in runs.values()] for _ in range(_PASSES + 1)
    ]
    medians = map(statistics.median, zip(*times[1:], strict=True))
    speeds = {
        name: _IMAGES / median for name, median in zip(runs, medians, strict=True)
    }
    for name, speed in speeds.items():
        print(f"{name}: {speed:.0f} images/s")
    print(f"ratio {speeds['ONNX Runtime'] / speeds['Keras']:.2f} (wanted: >= 1.25)")
    print(f"largest difference {said['difference']:.1e} (wanted: <= 1e-5)")


if __name__ == "__main__":
    main()
