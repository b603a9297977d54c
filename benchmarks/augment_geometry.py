"""Each new geometric operation alone against its peers, and crops of photos in files.

First images per second at 32 and 224 pixels, one thread of ours against Keras's layer,
torchvision v2, albumentations (all on one thread, the latter two in the Python of the
environment variable PEER_PYTHON; what does not run there is named), and one bare OpenCV
call for each image: for crops, one that samples the window where it is, as ours, and a
resize of a window of whole pixels, as the peers. Then the time of reading 500 x 375
JPEGs for a network of 224 x 224 with random resized crops and with VGG's jitter, as a
ratio to reading them at 224.
"""

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

ROUNDS = 9
BATCHES = {32: (64, 20), 224: (8, 4)}  # Images per batch, batches per round, by size.
PHOTOS = 128

SETTINGS = {
    "crop": {"scale": (0.08, 1)},
    "perspective": 0.4,
    "elastic": 0.5,
}

PEERS = """
import sys, warnings
warnings.simplefilter("ignore")
name, package, side, count, batches = sys.argv[1:3] + list(map(int, sys.argv[3:]))
import numpy as np
shape = count, side, side, 3
images = np.random.default_rng(1).integers(0, 256, shape, dtype="uint8")
if package == "albumentations":
    import albumentations as A, cv2
    cv2.setNumThreads(1)
    change = {
        "crop": lambda: A.RandomResizedCrop(size=(side, side), scale=(0.08, 1), p=1),
        "perspective": lambda: A.Perspective(scale=(0.1, 0.1), p=1),
        "elastic": lambda: A.ElasticTransform(
            alpha=0.05 * side, sigma=0.05 * side, approximate=False, p=1
        ),
    }[name]()
    def once():
        for image in images:
            change(image=image)
else:
    import torch
    from torchvision.transforms import v2
    torch.set_num_threads(1)
    planes = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    change = {
        "crop": lambda: v2.RandomResizedCrop(side, antialias=True),
        "perspective": lambda: v2.RandomPerspective(0.4, p=1),
        "elastic": lambda: v2.ElasticTransform(alpha=0.05 * side, sigma=0.05 * side),
    }[name]()
    def once():
        for image in planes:
            change(image)
for _ in sys.stdin:
    for _ in range(batches):
        once()
    print("done", flush=True)
"""


def ours(name, images, batches):
    """Return a function that takes batches through the host engine, on one thread."""
    from reticnn import augmentation
    from reticnn.augmenting import host

    policy, positions = augmentation(**{name: SETTINGS[name]}), np.arange(len(images))

    def run():
        for epoch in range(batches):
            host.apply(policy, images, 1, epoch, positions, threads=1)

    return run


def keras_layer(name, images, batches):
    """Return a function that takes batches through Keras's layer, or None."""
    import tensorflow as tf

    from reticnn.runtime.backend import keras

    makers = {
        "perspective": lambda: keras.layers.RandomPerspective(1.0, 0.4),
        "elastic": lambda: keras.layers.RandomElasticTransform(1.0, 0.5),
    }
    if name not in makers:
        return None
    layer = makers[name]()
    data = tf.data.Dataset.from_tensors(tf.constant(images)).repeat(batches)
    data = data.map(lambda batch: layer(batch, training=True))

    def run():
        for _ in data:
            pass

    return run


def bare_loop(name, images, batches):
    """Return a function that samples each image with one OpenCV call, or None."""
    side = images.shape[1]
    row, column = np.indices((side, side), "float32")
    at = column + np.sin(row / 9), row + np.cos(column / 9)
    matrix = np.array([[0.9, 0.1, 2], [0.02, 0.9, 3], [0.01 / side, 0.02 / side, 1]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    part = slice(side // 8, side - side // 8)
    # The same window with the pixels around it: OpenCV is slow where it sees an edge.
    around = slice(part.start - 1, part.stop + 1)
    window = np.array([[0.75, 0, 0.875], [0, 0.75, 0.875]])
    results = np.empty_like(images)

    def cropped(image, result):
        # With three channels, a warp takes OpenCV three times as long.
        rgba = cv2.cvtColor(image[around, around], cv2.COLOR_RGB2RGBA)
        rgba = cv2.warpAffine(
            rgba, window, (side, side), flags=flags, borderMode=cv2.BORDER_REFLECT
        )
        cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB, result)

    sample = {
        "crop": cropped,
        "crop of whole pixels": lambda image, result: cv2.resize(
            image[part, part], (side, side), result
        ),
        "perspective": lambda image, result: cv2.warpPerspective(
            image,
            matrix,
            (side, side),
            result,
            flags=flags,
            borderMode=cv2.BORDER_REFLECT,
        ),
        "elastic": lambda image, result: cv2.remap(
            image, *at, cv2.INTER_LINEAR, result, borderMode=cv2.BORDER_REFLECT
        ),
    }.get(name)
    if not sample:
        return None

    def run():
        for _ in range(batches):
            for image, result in zip(images, results, strict=True):
                sample(image, result)

    return run


def peer(stack, name, package, side, count, batches):
    """Return a function that takes batches through another package, or None.

    It runs in a separate process, which waits for a line and answers with one, until
    the `ExitStack` ends. Why it does not run is printed.
    """
    python = os.environ.get("PEER_PYTHON", sys.executable)

    def run():
        print(file=process.stdin, flush=True)
        return process.stdout.readline()

    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            [python, "-c", PEERS, name, package, *map(str, (side, count, batches))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            if run():
                stack.enter_context(process)
                return run
        except BrokenPipeError:
            pass
        process.wait()
        errors.seek(0)
        reason = errors.read().strip().splitlines()[-1:]
    print(f"  {package} is missing: {''.join(reason) or 'no reason given'}")
    return None


def medians(runs):
    """Return the median seconds of each of some functions, taken in turns."""
    times = {name: [] for name in runs}
    for run in runs.values():
        run()
    for _ in range(ROUNDS):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def compare(name, side):
    """Measure and print the speeds of an operation at one size of image."""
    count, batches = BATCHES[side]
    shape = count, side, side, 3
    images = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    print(f"{name} at {side}")
    with contextlib.ExitStack() as stack:
        runs = {
            "reticnn": ours(name, images, batches),
            "bare OpenCV": bare_loop(name, images, batches),
            "bare OpenCV, whole pixels": bare_loop(
                f"{name} of whole pixels", images, batches
            ),
            "Keras": keras_layer(name, images, batches),
            "torchvision": peer(stack, name, "torchvision", side, count, batches),
            "albumentations": peer(stack, name, "albumentations", side, count, batches),
        }
        if not runs["Keras"]:
            print("  Keras is missing: it has no such layer")
        found = medians({label: run for label, run in runs.items() if run})
    speeds = {label: count * batches / seconds for label, seconds in found.items()}
    texts = [f"{label} {speed:,.0f}" for label, speed in speeds.items()]
    print(f"  images/s: {', '.join(texts)}")
    others = {k: v for k, v in speeds.items() if not k.startswith(("reti", "bare"))}
    if others:
        fastest = max(others, key=others.get)
        ratio = speeds["reticnn"] / others[fastest]
        print(f"  ours / {fastest}, the fastest: {ratio:.2f} (wanted: >= 3)")
    for label in speeds:
        if label.startswith("bare"):
            ratio = speeds["reticnn"] / speeds[label]
            print(f"  ours / {label}: {ratio:.2f}")


def photos(folder):
    """Write JPEGs of 500 x 375 with detail like that of photos, of two classes."""
    rng = np.random.default_rng(1)
    waves = np.hypot(np.fft.fftfreq(375)[:, None], np.fft.fftfreq(500)[None])
    waves[0, 0] = 1
    for number in range(PHOTOS):
        noise = np.fft.fft2(rng.normal(size=(3, 375, 500))) / waves**1.2
        image = np.fft.ifft2(noise).real.transpose(1, 2, 0)
        image = np.clip(image / image.std() * 45 + 127, 0, 255).astype("uint8")
        place = Path(folder, "ab"[number % 2])
        place.mkdir(exist_ok=True)
        Image.fromarray(image).save(place / f"{number}.jpg", quality=90)


def compare_files():
    """Measure and print the time of reading files with crops."""
    import reticnn
    from reticnn.augmenting.from_data import augmented

    crops = {
        "random resized crops": {"scale": (0.08, 1)},
        "VGG's jitter": {"shorter_side": (256, 512)},
    }
    with tempfile.TemporaryDirectory() as folder:
        photos(folder)
        data = reticnn.image_folder(folder, image_size=224, cache="none")
        every = np.arange(len(data))

        def cropping(crop):
            policy = reticnn.augmentation(crop=crop, flip="horizontal")
            return lambda: augmented(policy, data, every, 1, 0)

        found = medians(
            {
                "reading at 224": lambda: data.read(every),
                **{name: cropping(crop) for name, crop in crops.items()},
            }
        )
    print(f"\n{PHOTOS} JPEGs of 500 x 375 for a network of 224 x 224")
    for name, seconds in found.items():
        ratio = seconds / found["reading at 224"]
        print(f"{name}: {seconds / PHOTOS * 1000:.2f} ms per photo, {ratio:.2f}")
    print("(wanted: <= 1.2)")


def main():
    """Measure and print."""
    cv2.setNumThreads(1)
    for name in SETTINGS:
        for side in BATCHES:
            compare(name, side)
    compare_files()


if __name__ == "__main__":
    main()
