"""Epoch time of `fit_classifier` against plain Keras, on the workshop's CNN.

Prints medians over interleaved epochs and their ratio: in-memory uint8 images through
`fit_classifier` against `model.fit` on float32 arrays, batch 64, in one process.
"""

import statistics
import time

import numpy as np

import reticnn
from reticnn.runtime.backend import keras

IMAGES, BATCH, ROUNDS = 10_000, 64, 9


def epoch_seconds(run):
    """Return the seconds of one epoch."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main():
    """Measure and print."""
    data = reticnn.shape_images(IMAGES, seed=1)
    loaded = reticnn.load_images(data)
    floats = loaded["images"].astype("float32") / 255
    codes = data.codes
    plain = reticnn.build_cnn(rescale=False, seed=1)
    plain.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    ours = reticnn.build_cnn(seed=1)

    def plain_epoch():
        plain.fit(floats, codes, batch_size=BATCH, verbose=0)

    def our_epoch():
        reticnn.fit_classifier(
            ours, data, epochs=1, batch_size=BATCH, progress="none", seed=1
        )

    plain_epoch()
    our_epoch()
    times = {"plain": [], "ours": []}
    for round_number in range(ROUNDS):
        order = [("plain", plain_epoch), ("ours", our_epoch)]
        for name, run in order[:: 1 if round_number % 2 else -1]:
            times[name].append(epoch_seconds(run))
    medians = {name: statistics.median(values) for name, values in times.items()}
    ratios = np.array(times["ours"]) / np.array(times["plain"])
    print(
        f"backend {keras.backend.backend()}, {IMAGES} images of 32 x 32, batch {BATCH}"
    )
    print(f"plain Keras, float32 arrays:  {medians['plain']:.2f} s per epoch")
    print(f"fit_classifier, uint8 images: {medians['ours']:.2f} s per epoch")
    print(f"ratio of medians:             {medians['ours'] / medians['plain']:.3f}")
    print(f"median of the pairs' ratios:  {np.median(ratios):.3f}  (at most 1.05)")
    print(f"times as fast:                {1 / np.median(ratios):.3f}  (wanted: 1.15)")


if __name__ == "__main__":
    main()
