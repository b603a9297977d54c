"""Each operation that changes values alone, against the other packages that have it.

Microseconds per image on one thread, medians over interleaved rounds: ours on batches,
Keras's layer on batches, and torchvision's and albumentations' operations on one image
after another, in the Python of the environment variable PEER_PYTHON where they are
installed there. "Ratio" is the fastest of these divided by ours, wanted: at least 3,
or, where OpenCV is called once or twice per image, by them as by us, at least 1.
"""

import os
import statistics
import subprocess
import sys
import time

import numpy as np

ROUNDS = 7
IMAGES = {32: 256, 224: 16}

# Ours; Keras's layer; torchvision's and albumentations' code for an image.
OPERATIONS = {
    "auto_contrast": (
        {"auto_contrast": 1},
        "AutoContrast()",
        "F.autocontrast(tensor)",
        "A.AutoContrast(p=1)",
    ),
    "equalization": (
        {"equalization": 1},
        "Equalization()",
        "F.equalize(tensor)",
        "A.Equalize(p=1)",
    ),
    "gamma": (
        {"gamma": 1.5},
        None,
        "F.adjust_gamma(tensor, 1.3)",
        "A.RandomGamma((67, 150), p=1)",
    ),
    "posterization": (
        {"posterization": (2, 6)},
        "RandomPosterization((2, 6))",
        "F.posterize(tensor, 4)",
        "A.Posterize((2, 6), p=1)",
    ),
    "solarization": (
        {"solarization": (0.3, 0.7)},
        "Solarization(0.0, (0.3, 0.7))",
        "F.solarize(tensor, 128)",
        "A.Solarize((0.3, 0.7), p=1)",
    ),
    "invert": (
        {"invert": 1},
        "RandomInvert(1.0)",
        "F.invert(tensor)",
        "A.InvertImg(p=1)",
    ),
    "sharpness": (
        {"sharpness": (0.6, 0.9)},
        "RandomSharpness((0.6, 0.9))",
        "F.adjust_sharpness(tensor, 1.5)",
        "A.Sharpen((0.2, 0.5), p=1)",
    ),
    "channel_shuffle": (
        {"channel_shuffle": 1},
        None,
        "F.permute_channels(tensor, [1, 2, 0])",
        "A.ChannelShuffle(p=1)",
    ),
    "color_temperature": (
        {"color_temperature": (3000, 15000)},
        None,
        None,
        "A.PlanckianJitter(p=1)",
    ),
    "motion_blur": ({"motion_blur": 7}, None, None, "A.MotionBlur((3, 7), p=1)"),
    "downscaling": (
        {"downscaling": (0.3, 0.8)},
        None,
        None,
        "A.Downscale((0.3, 0.8), p=1)",
    ),
    "jpeg_compression": (
        {"jpeg_compression": (30, 95)},
        None,
        None,
        "A.ImageCompression('jpeg', (30, 95), p=1)",
    ),
    "erasing, 8 boxes": (
        {"erasing": {"count": 8, "scale": (0.01, 0.02), "fill_value": 0}},
        None,
        None,
        "A.CoarseDropout((8, 8), (0.1, 0.15), (0.1, 0.15), p=1)",
    ),
    "erasing, by ratio": (
        {"erasing": {"ratio": (0.3, 3.3)}},
        "RandomErasing()",
        "RandomErasing(1)(tensor)",
        "A.Erasing(p=1)",
    ),
}

# Of whole policies, the peers' own.
POLICIES = {
    "aug_mix": (
        "aug_mix",
        "AugMix(all_ops=False)",
        "AugMix(all_ops=False)(tensor)",
        None,
    ),
    "three_augment": ("three_augment", None, None, None),
}

PEER = """
import sys, time, warnings
warnings.simplefilter("ignore")
import cv2, numpy as np
cv2.setNumThreads(1)
package, code = sys.argv[1:3]
side, count = map(int, sys.argv[3:])
shape = count, side, side, 3
images = np.random.default_rng(1).integers(0, 256, shape, dtype="uint8")
if package == "albumentations":
    import albumentations as A
    change = eval(code)
    def run():
        for image in images:
            change(image=image)
else:
    import torch
    torch.set_num_threads(1)
    from torchvision.transforms.v2 import AugMix, RandomErasing
    from torchvision.transforms.v2 import functional as F
    tensors = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    body = compile(code, "peer", "eval")
    def run():
        for tensor in tensors:
            eval(body)
run()
for _ in sys.stdin:
    start = time.perf_counter()
    run()
    print(time.perf_counter() - start, flush=True)
"""


def peer(package, code, side, count):
    """Return a function that gives the seconds a peer takes, or None without it."""
    python = os.environ.get("PEER_PYTHON", sys.executable)
    process = subprocess.Popen(
        [python, "-c", PEER, package, code, str(side), str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )

    def seconds():
        print(file=process.stdin, flush=True)
        return float(process.stdout.readline())

    try:
        seconds()
    except (BrokenPipeError, ValueError):
        return None
    return seconds


def timed(run):
    """Return a function that gives the seconds a call takes."""

    def seconds():
        start = time.perf_counter()
        run()
        return time.perf_counter() - start

    run()
    return seconds


def ours(made, images):
    """Return a function that changes all images, on one thread."""
    import reticnn
    from reticnn.augmenting import host

    named = isinstance(made, str)
    policy = getattr(reticnn, made)() if named else reticnn.augmentation(**made)
    positions = np.arange(len(images))
    return lambda: host.apply(policy, images, 1, 0, positions, threads=1)


def of_keras(code, images):
    """Return a function that changes all images by Keras's layer."""
    import tensorflow as tf

    from reticnn.runtime.backend import keras

    layer = eval(f"keras.layers.{code}", {"keras": keras})
    batch = tf.constant(images)
    run = tf.function(lambda batch: layer(batch, training=True))
    return lambda: run(batch).numpy()


def compare_operations(side):
    """Measure and print each operation at one size of image."""
    count = IMAGES[side]
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (count, side, side, 3), dtype=np.uint8)
    print(f"\n{side} x {side}, one operation, microseconds per image, one thread")
    columns = ("ours", "keras", "torchvision", "albumentations")
    print(f"{'':18}" + "".join(f"{name:>15}" for name in columns) + f"{'ratio':>8}")
    for name, (made, keras_code, torch_code, albumentations_code) in {
        **OPERATIONS,
        **POLICIES,
    }.items():
        runs = {"ours": timed(ours(made, images))}
        if keras_code:
            runs["keras"] = timed(of_keras(keras_code, images))
        for package, code in (
            ("torchvision", torch_code),
            ("albumentations", albumentations_code),
        ):
            found = peer(package, code, side, count) if code else None
            if found:
                runs[package] = found
        times = {
            label: statistics.median(run() for _ in range(ROUNDS)) / count * 1e6
            for label, run in runs.items()
        }
        others = [value for label, value in times.items() if label != "ours"]
        ratio = f"{min(others) / times['ours']:8.1f}" if others else f"{'-':>8}"
        cells = "".join(
            f"{times[label]:15.1f}" if label in times else f"{'-':>15}"
            for label in columns
        )
        print(f"{name:18}{cells}{ratio}", flush=True)


if __name__ == "__main__":
    for each in IMAGES:
        compare_operations(each)
