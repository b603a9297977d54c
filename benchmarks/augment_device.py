"""Augmentation where the model is: our layer against Keras's layers, one by one.

Run as `python benchmarks/augment_device.py`, with `KERAS_BACKEND` for another backend
than TensorFlow. The goal is a ratio of at least 3. Both sides are compiled where the
backend can; TensorFlow cannot compile Keras's geometric layers with XLA, so they run in
a plain graph. Times are the median of a batch, without the first, which compiles.
"""

import statistics
import sys
import time

import numpy as np

import reticnn
from reticnn.backend import keras

BACKEND = keras.backend.backend()
BATCHES = ((64, 32), (32, 224))
GOAL = 3


def ours():
    """Return our layer, with the six operations."""
    policy = reticnn.augmentation(
        crop=7 / 8,
        translation=0.1,
        shear=0.1,
        rotation=0.1,
        erasing=0.5,
        color_jitter=0.2,
    )
    return reticnn.augmentation_layer(policy, seed=1)


def chained(size):
    """Return Keras's six layers, one after the other."""
    layers = keras.layers
    steps = [
        # Its crop leaves smaller images; ours brings them back to their size.
        layers.RandomCrop(size * 7 // 8, size * 7 // 8, seed=1),
        layers.RandomTranslation(0.1, 0.1, seed=1),
        layers.RandomShear(0.1, 0.1, seed=1),
        layers.RandomRotation(0.1, seed=1),
        layers.RandomErasing(0.5, value_range=(0, 255), seed=1),
        layers.RandomColorJitter((0, 255), 0.2, 0.2, (0.4, 0.6), None, seed=1),
    ]

    def call(images, training):
        for step in steps:
            images = step(images, training=training)
        return images

    return call


def as_function(augment):
    """Return a function that augments a batch and waits for the result."""

    def call(images):
        return augment(images, training=True)

    if BACKEND == "tensorflow":
        import tensorflow

        call = tensorflow.function(call)
    return lambda images: np.asarray(keras.ops.convert_to_numpy(call(images)))


def milliseconds(function, images):
    """Return the median time of a call, over at least 1 second and 3 calls."""
    function(images)
    times = []
    while len(times) < 3 or sum(times) < 1:
        start = time.perf_counter()
        function(images)
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000


def main():
    """Print the times and the ratios; return whether the goal is missed."""
    print(f"{BACKEND}, milliseconds a batch")
    missed = False
    for count, size in BATCHES:
        generator = np.random.default_rng(1)
        images = generator.uniform(0, 255, (count, size, size, 3)).astype("float32")
        images = keras.ops.convert_to_tensor(images)
        own = milliseconds(as_function(ours()), images)
        theirs = milliseconds(as_function(chained(size)), images)
        missed |= theirs < GOAL * own
        print(
            f"{count} of {size} x {size}: ours {own:.1f}, Keras's layers {theirs:.1f}, "
            f"ratio {theirs / own:.1f}"
        )
    return missed


if __name__ == "__main__":
    sys.exit(main())
