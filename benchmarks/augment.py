"""The six operations of the workshop, against Keras's layers and bare OpenCV.

Prints images per second, medians over interleaved rounds, and ratios: crop to 7/8,
translation, shear, rotation, erasing and colour jitter on batches, one thread of ours
against Keras's layers in tf.data (all cores), albumentations (one thread; in the Python
of the environment variable PEER_PYTHON, where it is installed there) and a loop of
OpenCV calls that does one warp and one colour matrix per image.
"""

import os
import statistics
import subprocess
import sys
import time

import cv2
import numpy as np
from _augment_operations import compare_operations

ROUNDS = 15
REST = 0.1  # Seconds in which the threads of the run before go to sleep.
BATCHES = {32: (64, 50), 224: (8, 10)}  # Images per batch, batches per round, by size.

ALBUMENTATIONS = """
import sys
import albumentations as A, cv2, numpy as np
side, crop, count, batches = map(int, sys.argv[1:])
cv2.setNumThreads(1)
shape = count, side, side, 3
images = np.random.default_rng(1).integers(0, 256, shape, dtype="uint8")
change = A.Compose([
    A.RandomCrop(crop, crop),
    A.Affine(
        translate_percent=(-0.1, 0.1), shear=(-6, 6), rotate=(-36, 36), p=1,
        border_mode=cv2.BORDER_REFLECT,
    ),
    A.Erasing(p=1),
    A.ColorJitter((0.8, 1.2), (0.8, 1.2), (0.8, 1.2), (0, 0), p=1),
])
for _ in sys.stdin:
    for _ in range(batches):
        for image in images:
            change(image=image)
    print("done", flush=True)
"""


def keras_layers(images, crop, batches):
    """Return a function that takes batches through Keras's chained layers in tf.data.

    All of them are taken, so that nothing goes on behind the others' measurements.
    """
    import tensorflow as tf

    from reticnn.runtime.backend import keras

    layers = [
        keras.layers.RandomCrop(crop, crop),
        keras.layers.RandomTranslation(0.1, 0.1),
        keras.layers.RandomShear(0.1, 0.1, fill_mode="reflect"),
        keras.layers.RandomRotation(0.1),
        keras.layers.RandomErasing(),
        keras.layers.RandomColorJitter(
            brightness_factor=0.2,
            contrast_factor=0.2,
            saturation_factor=(0.4, 0.6),
        ),
    ]

    def chain(batch):
        for layer in layers:
            batch = layer(batch, training=True)
        return batch

    data = tf.data.Dataset.from_tensors(tf.constant(images)).repeat(batches)
    data = data.map(chain, num_parallel_calls=tf.data.AUTOTUNE)

    def run():
        for _ in data:
            pass

    return run


def ours(images, crop, batches):
    """Return a function that takes batches through the host engine, on one thread."""
    from reticnn import augmentation
    from reticnn.augmenting import host

    policy = augmentation(
        crop=(crop, crop),
        translation=0.1,
        shear=0.1,
        rotation=0.1,
        erasing=1,
        color_jitter=0.2,
    )
    positions = np.arange(len(images))

    def run():
        for epoch in range(batches):
            host.apply(policy, images, 1, epoch, positions, threads=1)

    return run


def bare_loop(images, crop, batches):
    """Return a function that warps and colours each image with two OpenCV calls."""
    angles = np.random.default_rng(1).uniform(-0.6, 0.6, len(images))
    centre = crop / 2
    warps = [
        cv2.getRotationMatrix2D((centre, centre), np.degrees(angle), 1)
        for angle in angles
    ]
    colours = np.array(
        [[1.1, -0.05, -0.05, 9], [-0.05, 1.1, -0.05, 9], [-0.05, -0.05, 1.1, 9]],
        "float32",
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP

    def one_batch():
        results = np.empty((len(images), crop, crop, 3), np.uint8)
        for image, warp, result in zip(images, warps, results, strict=True):
            warped = cv2.warpAffine(
                image, warp, (crop, crop), flags=flags, borderMode=cv2.BORDER_REFLECT
            )
            cv2.transform(warped, colours, result)

    def run():
        for _ in range(batches):
            one_batch()

    return run


def albumentations(side, crop, count, batches):
    """Return a function that takes batches through albumentations, or None.

    It runs in a separate process, which waits for a line and answers with one.
    """
    python = os.environ.get("PEER_PYTHON", sys.executable)
    process = subprocess.Popen(
        [python, "-c", ALBUMENTATIONS, *map(str, (side, crop, count, batches))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )

    def run():
        print(file=process.stdin, flush=True)
        return process.stdout.readline()

    try:
        return run if run() else None
    except BrokenPipeError:
        return None


def compare(side):
    """Measure and print the speeds at one size of image."""
    count, batches = BATCHES[side]
    crop = side * 7 // 8
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (count, side, side, 3), dtype=np.uint8)
    runs = {
        "ours": ours(images, crop, batches),
        "bare": bare_loop(images, crop, batches),
        "keras": keras_layers(images, crop, batches),
    }
    peer = albumentations(side, crop, count, batches)
    if peer:
        runs["albumentations"] = peer
    speeds = {name: [] for name in runs}
    for run in runs.values():
        run()
    for _ in range(ROUNDS):
        # In any order, as one leaves the processor in another state than the next.
        for name in rng.permutation(list(runs)):
            time.sleep(REST)
            start = time.perf_counter()
            runs[name]()
            speeds[name].append(count * batches / (time.perf_counter() - start))
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    print(f"\n{side} x {side} to {crop} x {crop}, batches of {count}, images/s")
    labels = {
        "ours": "reticnn, one thread",
        "bare": "OpenCV loop, one warp and one colour matrix",
        "keras": "Keras's layers in tf.data, all cores",
        "albumentations": "albumentations, one thread",
    }
    for name, label in labels.items():
        speed = f"{medians[name]:10,.0f}" if name in medians else " not installed"
        print(f"{label + ':':45}" + speed)
    wanted = {
        "keras": {32: 10, 224: 20},
        "albumentations": {32: 10, 224: 2},
        "bare": {32: 0.85, 224: 0.85},
    }
    for name, by_size in wanted.items():
        if name in speeds:
            ratio = np.median(np.array(speeds["ours"]) / speeds[name])
            print(f"ours / {name}: {ratio:.2f} (wanted: >= {by_size[side]})")


def main():
    """Measure and print."""
    cv2.setNumThreads(1)
    for side in BATCHES:
        compare(side)
    for side in BATCHES:
        compare_operations(side)


if __name__ == "__main__":
    main()
