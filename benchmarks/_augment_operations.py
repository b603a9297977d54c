"""Each operation that changes values alone, against the other packages that have it.

Microseconds per image on one thread, medians over interleaved rounds: ours on batches,
Keras's layer on batches, and torchvision's and albumentations' operations on one image
after another, in the Python of the environment variable PEER_PYTHON where they are
installed there. "Limit" is a loop of nothing but the calls of OpenCV or NumPy that
change an image, with numbers drawn and tables made before, into an array that is there.
Wanted: the fastest peer takes at least 3 times as long as ours, or else the limit takes
0.85 times as long: then there is nothing left to save.
"""

import contextlib
import os
import statistics
import subprocess
import sys
import time
from functools import partial

import cv2
import numpy as np

ROUNDS = 7
# Images per batch, and batches per round, by size: as in training, one after another.
BATCHES = {32: (64, 20), 224: (32, 4)}
COLUMNS = ("ours", "limit", "keras", "torchvision", "albumentations")
RATIOS = ("peer/ours", "limit/ours")

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
        # By default, it leaves pixels out instead of averaging them.
        "A.Downscale((0.3, 0.8), interpolation_pair={'downscale': cv2.INTER_AREA, "
        "'upscale': cv2.INTER_NEAREST}, p=1)",
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
package = sys.argv[1]
side, count, batches = map(int, sys.argv[2:])
rng = np.random.default_rng(1)
images = np.stack([
    cv2.resize(rng.uniform(30, 220, (8, 8, 3)), (side, side)) for _ in range(count)
])
images = (images + rng.normal(0, 5, images.shape)).clip(0, 255).astype("uint8")
if package == "albumentations":
    import albumentations as A
    def made(code):
        change = eval(code)
        def run():
            for image in images:
                change(image=image)
        return run
else:
    import torch
    torch.set_num_threads(1)
    from torchvision.transforms.v2 import AugMix, RandomErasing
    from torchvision.transforms.v2 import functional as F
    tensors = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    def made(code):
        change = eval("lambda tensor: " + code)
        def run():
            for tensor in tensors:
                change(tensor)
        return run
known = {}
print("ready", flush=True)
for code in sys.stdin:
    if code not in known:
        known[code] = made(code)
        known[code]()
    start = time.perf_counter()
    for _ in range(batches):
        known[code]()
    print(time.perf_counter() - start, flush=True)
"""


_TABLE = np.arange(256, dtype="uint8")[::-1].copy()
_KERNEL = np.full((3, 3), 1 / 9, "float32")
_LINE = np.diag(np.full(5, 0.2, "float32"))
_MATRIX = np.eye(3, 4, dtype="float32")[[1, 2, 0]]


def _in_planes(change, image, result):
    cv2.merge([*map(change, cv2.split(image))], result)


def _spread(plane):
    low, high, _, _ = cv2.minMaxLoc(plane)
    return cv2.convertScaleAbs(plane, plane, 255 / (high - low), -low)


def _solarize(image, result):
    _, above = cv2.threshold(image, 127, 255, cv2.THRESH_BINARY)
    cv2.bitwise_xor(image, above, result)


def _pixelate(image, result):
    side = len(image)
    fewer = side * 11 // 20
    small = cv2.resize(image, (fewer, fewer), interpolation=cv2.INTER_AREA)
    cv2.resize(small, (side, side), result, interpolation=cv2.INTER_NEAREST)


def _compress(image, result):
    image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 62])
    result[...] = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB)


def _equalize(plane):
    # Not `cv2.equalizeHist`, whose tables are others than Pillow's and torchvision's.
    cv2.calcHist([plane], [0], None, [256], [0, 256])
    return cv2.LUT(plane, _TABLE)


def _erase(boxes):
    def erase(image, result):
        side = len(image)
        result[...] = image
        for box in range(boxes):
            start = side * box // 16
            part = slice(start, start + side * (4 if boxes == 1 else 1) // 8)
            result[part, part] = image[part, part]

    return erase


def _by_lines(image):
    return image.reshape(len(image), -1)


# The least that is done to an image.
LIMITS = {
    "auto_contrast": lambda image, result: _in_planes(_spread, image, result),
    "equalization": lambda image, result: _in_planes(_equalize, image, result),
    "gamma": lambda image, result: cv2.LUT(_by_lines(image), _TABLE, _by_lines(result)),
    "posterization": lambda image, result: np.bitwise_and(image, 0xF0, out=result),
    "solarization": _solarize,
    "invert": lambda image, result: cv2.bitwise_not(image, result),
    "sharpness": lambda image, result: cv2.filter2D(image, -1, _KERNEL, result),
    "channel_shuffle": lambda image, result: cv2.transform(image, _MATRIX, result),
    "color_temperature": lambda image, result: cv2.transform(image, _MATRIX, result),
    # A line of 3 to 7 pixels, 5 on average.
    "motion_blur": lambda image, result: cv2.filter2D(image, -1, _LINE, result),
    "downscaling": _pixelate,
    "jpeg_compression": _compress,
    "erasing, 8 boxes": _erase(8),
    "erasing, by ratio": _erase(1),
}


def peer(stack, package, side):
    """Return a function that gives the seconds of a peer's code, or None without it.

    It runs in a separate process until the `ExitStack` ends.
    """
    python = os.environ.get("PEER_PYTHON", sys.executable)
    process = subprocess.Popen(
        [python, "-c", PEER, package, *map(str, (side, *BATCHES[side]))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    if not process.stdout.readline():
        return None
    stack.enter_context(process)

    def seconds(code):
        print(code, file=process.stdin, flush=True)
        return float(process.stdout.readline())

    return seconds


def timed(run, batches):
    """Return a function that gives the seconds that so many calls take."""

    def seconds():
        start = time.perf_counter()
        for _ in range(batches):
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


def photo_like(side, count):
    """Return images with gradients, some noise and no value of 0 or 255, as uint8."""
    rng = np.random.default_rng(1)
    size = side, side
    images = np.stack(
        [cv2.resize(rng.uniform(30, 220, (8, 8, 3)), size) for _ in range(count)]
    )
    images = images + rng.normal(0, 5, images.shape)
    return images.clip(0, 255).astype("uint8")


def limit(change, images):
    """Return a function that changes all images by a function of image and result."""
    results = np.empty_like(images)

    def run():
        for image, result in zip(images, results, strict=True):
            change(image, result)

    return run


def compare_operations(side):
    """Measure and print each operation at one size of image."""
    count, batches = BATCHES[side]
    images = photo_like(side, count)
    print(f"\n{side} x {side}, one operation, microseconds per image, one thread")
    print(f"{'':18}" + "".join(f"{name:>15}" for name in (*COLUMNS, *RATIOS)))
    with contextlib.ExitStack() as stack:
        peers = {
            package: peer(stack, package, side)
            for package in ("torchvision", "albumentations")
        }
        for name, (made, *codes) in {**OPERATIONS, **POLICIES}.items():
            runs = {"ours": timed(ours(made, images), batches)}
            if name in LIMITS:
                runs["limit"] = timed(limit(LIMITS[name], images), batches)
            runs |= _of_peers(peers, *codes, images)
            compare_operation(name, runs, count * batches)


def _of_peers(peers, keras_code, torch_code, albumentations_code, images):
    """Return by name what gives the seconds of each peer that there is."""
    codes = {"torchvision": torch_code, "albumentations": albumentations_code}
    runs = {}
    if keras_code:
        batches = BATCHES[images.shape[1]][1]
        runs["keras"] = timed(of_keras(keras_code, images), batches)
    return runs | {
        package: partial(peers[package], code)
        for package, code in codes.items()
        if code and peers[package]
    }


def compare_operation(name, runs, count):
    """Measure and print an operation, of `count` images."""
    seconds = {label: [] for label in runs}
    for _ in range(ROUNDS):
        for label, run in runs.items():
            seconds[label].append(run())
    found = {
        label: statistics.median(values) / count * 1e6
        for label, values in seconds.items()
    }
    others = [found[label] for label in COLUMNS[2:] if label in found]
    for ratio, value in zip(
        RATIOS, (min(others, default=None), found.get("limit")), strict=True
    ):
        found[ratio] = None if value is None else value / found["ours"]
    cells = "".join(
        f"{'-':>15}"
        if found.get(label) is None
        else f"{found[label]:15.{2 if label in RATIOS else 1}f}"
        for label in (*COLUMNS, *RATIOS)
    )
    wanted = zip(RATIOS, (3, 0.85), strict=True)
    met = any((found[ratio] or 0) >= least for ratio, least in wanted)
    print(f"{name:18}{cells}{'' if met else '  not as wanted'}", flush=True)


if __name__ == "__main__":
    cv2.setNumThreads(1)
    for each in BATCHES:
        compare_operations(each)
