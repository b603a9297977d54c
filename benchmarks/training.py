"""Epoch time of `fit_classifier` against plain Keras, on three networks.

Prints medians over interleaved epochs and their ratio: in-memory uint8 images through
`fit_classifier` against `model.fit` on float32 arrays, batch 64, in one process, for
the workshop's CNN, the same with batch normalisation, and ResNet-20.

Three quarters of a step of the workshop's CNN are its convolutions, and nothing has
been found that makes them faster and leaves the results as they are. Tried: halves of
a batch side by side (no gain), ReLU behind pooling (none, as TensorFlow does it with
the convolution), bias and ReLU behind pooling (1.06 to 1.10 times as fast, but other
roundings in the gradients of all biases). What is gained with batch normalisation is
TensorFlow's own operation for it, in `training/fused_normalization.py`.

    python benchmarks/training.py [--rounds 9]
"""

import argparse
import random
import statistics
import time
from functools import partial

import numpy as np

import reticnn
from reticnn.runtime.backend import keras

BATCH = 64


def resnet(rescale, seed):
    """Return ResNet-20, behind a layer that rescales if wanted."""
    network = reticnn.landmark_model(
        "resnet20", (32, 32, 3), 2, output="sigmoid", seed=seed
    )
    first = [keras.layers.Rescaling(1 / 255)] if rescale else []
    return keras.Sequential([keras.Input((32, 32, 3)), *first, network])


NETWORKS = {
    "the workshop's CNN": (reticnn.build_cnn, 10_000, "wanted: 1.15"),
    "with batch normalisation": (
        partial(reticnn.build_cnn, batch_norm=True),
        10_000,
        "",
    ),
    "ResNet-20": (resnet, 1000, ""),
}


class EpochTimes(keras.callbacks.Callback):
    """Keep the seconds of each epoch."""

    def __init__(self):
        """Begin without any."""
        super().__init__()
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        """Note the time."""
        self._start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        """Keep how long the epoch was."""
        self.seconds.append(time.perf_counter() - self._start)


def compare(network, count, rounds):
    """Return the seconds of epochs with plain Keras, and with `fit_classifier`."""
    data = reticnn.shape_images(count, seed=1)
    floats = reticnn.load_images(data)["images"].astype("float32") / 255
    plain = network(rescale=False, seed=1)
    plain.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    ours = network(rescale=True, seed=1)
    common = {"epochs": 3, "batch_size": BATCH}
    runs = {
        "plain": lambda times: plain.fit(
            floats, data.codes, verbose=0, callbacks=[times], **common
        ),
        "ours": lambda times: reticnn.fit_classifier(
            ours, data, progress="none", seed=1, callbacks=[times], **common
        ),
    }
    seconds = {name: [] for name in runs}
    for _ in range(rounds):
        for name in random.sample(list(runs), 2):
            times = EpochTimes()
            runs[name](times)
            # In the first one, Keras may trace.
            seconds[name].append(statistics.mean(times.seconds[1:]))
    return seconds["plain"], seconds["ours"]


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    print(f"backend {keras.backend.backend()}, images of 32 x 32, batch {BATCH}")
    for name, (network, count, wanted) in NETWORKS.items():
        plain, ours = compare(network, count, rounds)
        faster = np.median(np.array(plain) / np.array(ours))
        print(
            f"{name}, {count} images: plain Keras {statistics.median(plain):.2f} s "
            f"per epoch, fit_classifier {statistics.median(ours):.2f} s; "
            f"{faster:.3f} times as fast  {wanted and f'({wanted})'}",
            flush=True,
        )


if __name__ == "__main__":
    main()
