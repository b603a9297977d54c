"""Augmentation where the model is: our layer against Keras's layers, one by one.

Run as `python benchmarks/augment_device.py`, with `KERAS_BACKEND` for a backend other
than TensorFlow. The goal is a ratio of at least 3. Our layer compiles itself where the
backend can. Keras's geometric layers cannot be compiled by XLA, neither from
TensorFlow, where they run in a plain graph, nor from JAX. Times are medians
per batch, taken in turn, without the first, which compiles.
"""

import statistics
import sys
import time

import numpy as np

import reticnn
from reticnn.runtime.backend import keras

BACKEND = keras.backend.backend()
BATCHES = ((64, 32), (32, 224))
GOAL = 3


def ours(size):
    """Return our layer, with the six operations, as a model."""
    policy = reticnn.augmentation(
        crop=7 / 8,
        translation=0.1,
        shear=0.1,
        rotation=0.1,
        erasing=0.5,
        color_jitter=0.2,
    )
    layer = reticnn.augmentation_layer(policy, seed=1)
    return keras.Sequential([keras.Input((size, size, 3)), layer])


def chained(size):
    """Return Keras's six layers, in sequence, as a model."""
    crop = size * 7 // 8
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((size, size, 3)),
            # Its crop leaves smaller images; ours brings them back to their size.
            layers.RandomCrop(crop, crop, seed=1),
            layers.RandomTranslation(0.1, 0.1, seed=1),
            layers.RandomShear(0.1, 0.1, fill_mode="reflect", seed=1),
            layers.RandomRotation(0.1, seed=1),
            layers.RandomErasing(0.5, value_range=(0, 255), seed=1),
            layers.RandomColorJitter(
                brightness_factor=0.2,
                contrast_factor=0.2,
                saturation_factor=(0.4, 0.6),
                seed=1,
            ),
        ]
    )


def as_function(model, images):
    """Return a function that augments a batch and waits for the result."""

    def call(images):
        return model(images, training=True)

    if BACKEND == "tensorflow":
        import tensorflow

        call = tensorflow.function(call)
    return lambda: keras.ops.convert_to_numpy(call(images))


def milliseconds(*functions):
    """Return the median time of each function, called in turn for 2 seconds or more."""
    for function in functions:
        function()
    times = [[] for _ in functions]
    start = time.perf_counter()
    while time.perf_counter() - start < 2:
        for function, own in zip(functions, times, strict=True):
            before = time.perf_counter()
            function()
            own.append(time.perf_counter() - before)
    return [statistics.median(own) * 1000 for own in times]


def main():
    """Print the times and the ratios; return whether the goal is missed."""
    print(f"{BACKEND}, milliseconds per batch")
    missed = False
    for count, size in BATCHES:
        generator = np.random.default_rng(1)
        images = generator.uniform(0, 255, (count, size, size, 3)).astype("float32")
        images = keras.ops.convert_to_tensor(images)
        own, theirs = milliseconds(
            *(as_function(build(size), images) for build in (ours, chained))
        )
        missed |= theirs < GOAL * own
        print(
            f"{count} of {size} x {size}: ours {own:.1f}, Keras's layers {theirs:.1f}, "
            f"ratio {theirs / own:.1f}"
        )
    return missed


if __name__ == "__main__":
    sys.exit(main())
