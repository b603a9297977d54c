"""Training step time of our landmarks against the same ones in `keras.applications`.

Prints medians over interleaved steps and their ratio, one model per row: batches of
small random images, compiled alike, in one process. The images are prepared outside
theirs, so both start from the same layers.
"""

import statistics
import time

import numpy as np

import reticnn
from reticnn.runtime.backend import keras

BATCH, SIZE, CLASSES, ROUNDS = 4, 64, 10, 15

PAIRS = {
    "resnet50": ("ResNet50", {"conv_bias": True}, {}),
    "mobilenet": ("MobileNet", {"activation": "relu6"}, {}),
    "convnext_tiny": (
        "ConvNeXtTiny",
        {"drop_rate": 0.0},
        {"include_preprocessing": False},
    ),
}


def compiled(model):
    """Return the model, compiled for steps on codes of classes."""
    optimizer = keras.optimizers.SGD(0.001)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    return model


def step_seconds(model, images, codes):
    """Return the seconds of one training step."""
    start = time.perf_counter()
    model.train_on_batch(images, codes)
    return time.perf_counter() - start


def main():
    """Measure and print."""
    draw = np.random.default_rng(1)
    shape = (SIZE, SIZE, 3)
    images = draw.uniform(-1, 1, (BATCH, *shape)).astype("float32")
    codes = draw.integers(CLASSES, size=BATCH)
    print(
        f"backend {keras.backend.backend()}, {BATCH} images of {SIZE} x {SIZE} per step"
    )
    for name, (reference, our_options, their_options) in PAIRS.items():
        models = {
            "theirs": getattr(keras.applications, reference)(
                weights=None, input_shape=shape, classes=CLASSES, **their_options
            ),
            "ours": reticnn.landmark_model(
                name, shape, CLASSES, rescale=False, **our_options
            ),
        }
        for model in models.values():
            compiled(model).train_on_batch(images, codes)
        times = {"theirs": [], "ours": []}
        for round_number in range(ROUNDS):
            for which in list(times)[:: 1 if round_number % 2 else -1]:
                times[which].append(step_seconds(models[which], images, codes))
        theirs, ours = (statistics.median(times[which]) for which in times)
        ratios = np.array(times["ours"]) / np.array(times["theirs"])
        print(
            f"{name:14} theirs {theirs * 1e3:7.1f} ms  ours {ours * 1e3:7.1f} ms  "
            f"ratio of medians {ours / theirs:.3f}, median of the pairs' ratios "
            f"{np.median(ratios):.3f}  (wanted: <= 1.05)"
        )
        keras.utils.clear_session()


if __name__ == "__main__":
    main()
