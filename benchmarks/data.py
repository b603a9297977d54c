"""Reading a folder of photos against Keras's own reader, and the memory it takes.

Prints medians over interleaved epochs and their ratios: all batches of 32, in a random
order, of JPEGs of 500 x 375 pixels at 224 x 224, input only, through image data against
`keras.utils.image_dataset_from_directory`. Then TIFF files of 13 bands of 16 bits
against a plain loop over `tifffile.imread` on as many threads. Then the peak memory of
two epochs over few and over many files, each in a separate process.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

PHOTOS, BATCH, ROUNDS = 600, 32, 7
FEW, MANY = 2_000, 20_000
SCENES, BANDS, SIDE = 5_000, 13, 64

EPOCHS_AND_PEAK = """
import sys, resource
import numpy as np
import reticnn
folder, cache = sys.argv[1:]
data = reticnn.image_folder(folder, 64, cache=cache)
for epoch in range(2):
    order = np.random.default_rng(epoch).permutation(len(data))
    for start in range(0, len(data), 32):
        data.read(order[start : start + 32])
unit = 1 if sys.platform == "darwin" else 1024
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)
"""


def write_photos(folder, count, size, grain):
    """Write JPEGs that take about as long to decode as photos of that size."""
    rng = np.random.default_rng(1)
    for name in ("cat", "dog"):
        os.makedirs(os.path.join(folder, name))
    for number in range(count):
        blobs = Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8))
        pixels = np.asarray(blobs.resize(size, Image.Resampling.BICUBIC), np.int16)
        noise = rng.integers(-grain, grain + 1, pixels.shape, dtype=np.int16)
        photo = Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8))
        photo.save(os.path.join(folder, ("cat", "dog")[number % 2], f"{number}.jpg"))


def seconds(run):
    """Return the seconds that `run` takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def read_all(data, seed):
    """Read an epoch of image data."""
    order = np.random.default_rng(seed).permutation(len(data))
    for start in range(0, len(data), BATCH):
        data.read(order[start : start + BATCH])


def compare_epochs(folder):
    """Measure and print the times of first and later epochs."""
    import reticnn
    from reticnn.runtime.backend import keras

    dataset = keras.utils.image_dataset_from_directory(
        folder, image_size=(224, 224), batch_size=BATCH, verbose=False
    )

    def keras_epoch():
        for _ in dataset:
            pass

    keras_epoch()
    read_all(reticnn.image_folder(folder, 224, cache="none"), 0)
    times = {"keras": [], "first": [], "memory": [], "disk": []}
    for seed in range(ROUNDS):
        in_memory = reticnn.image_folder(folder, 224, cache="memory")
        on_disk = reticnn.image_folder(folder, 224, cache="disk")
        first = [
            ("keras", keras_epoch),
            ("first", lambda data=in_memory, seed=seed: read_all(data, seed)),
        ]
        for name, run in first[:: 1 if seed % 2 else -1]:
            times[name].append(seconds(run))
        read_all(on_disk, seed)
        times["memory"].append(seconds(lambda: read_all(in_memory, seed)))  # noqa: B023
        times["disk"].append(seconds(lambda: read_all(on_disk, seed)))  # noqa: B023
    print(f"{PHOTOS} JPEGs of 500 x 375 to 224 x 224, batches of {BATCH}, seconds")
    plain = statistics.median(times["keras"])
    print(f"image_dataset_from_directory: {plain:.3f}")
    wanted = {"first": 1, "memory": 5, "disk": 5}
    for name, label in (
        ("first", "first epoch"),
        ("memory", "later, memory"),
        ("disk", "later, disk"),
    ):
        ours = statistics.median(times[name])
        ratio = np.median(np.array(times["keras"]) / times[name])
        print(
            f"image_folder, {label + ':':15} {ours:.3f}, {ratio:.2f} times as fast, "
            f"median of the pairs (wanted: >= {wanted[name]})"
        )


def write_scenes(folder):
    """Write TIFF files of many bands of 16 bits, of which 12 are used."""
    import tifffile

    rng = np.random.default_rng(1)
    for name in ("field", "forest"):
        os.makedirs(os.path.join(folder, name))
    for number in range(SCENES):
        values = rng.integers(0, 4096, (SIDE, SIDE, BANDS), dtype=np.uint16)
        file = os.path.join(folder, ("field", "forest")[number % 2], f"{number}.tif")
        tifffile.imwrite(file, values, photometric="minisblack", planarconfig="contig")


def compare_scenes(folder):
    """Measure and print the images per second of files of many bands."""
    import tifffile

    import reticnn
    from reticnn.data.decoding import _THREADS

    times = {"loop": [], "none": [], "first": [], "later": []}
    for seed in range(ROUNDS):
        unkept, data = (
            reticnn.image_folder(
                folder, SIDE, channels=BANDS, value_range=(0, 4095), cache=cache
            )
            for cache in ("none", "memory")
        )

        def loop(files=data.places):
            with ThreadPoolExecutor(_THREADS) as threads:
                for _ in threads.map(tifffile.imread, files):
                    pass

        runs = [
            ("loop", loop),
            ("none", lambda data=unkept, seed=seed: read_all(data, seed)),
            ("first", lambda data=data, seed=seed: read_all(data, seed)),
        ]
        for name, run in runs[:: 1 if seed % 2 else -1]:
            times[name].append(seconds(run))
        times["later"].append(seconds(lambda: read_all(data, ROUNDS)))  # noqa: B023
    print(f"{SCENES} TIFF files of {SIDE} x {SIDE}, {BANDS} bands of 16 bits")
    print(
        f"tifffile.imread on {_THREADS} threads: {_per_second(times['loop'])} images/s"
    )
    for name, label, wanted in (
        ("none", "read, not kept", 1),
        ("first", "read and kept", 1),
        ("later", "later epochs", 10),
    ):
        ratio = np.median(np.array(times["loop"]) / times[name])
        print(
            f"image_folder, {label + ':':15} {_per_second(times[name])} images/s, "
            f"{ratio:.2f} times as many, median of the pairs (wanted: >= {wanted})"
        )


def _per_second(times):
    return f"{SCENES / statistics.median(times):,.0f}"


def compare_memory(few, many):
    """Measure and print the peak memory over few and over many files."""
    core = str(Path(__file__).parents[1] / "python")
    environment = {**os.environ, "PYTHONPATH": core}
    print(f"Peak memory of two epochs, {FEW} against {MANY} files at 64 x 64, MiB")
    for cache in ("disk", "none", "memory"):
        peaks = [
            int(
                subprocess.run(
                    [sys.executable, "-c", EPOCHS_AND_PEAK, folder, cache],
                    env=environment,
                    check=True,
                    capture_output=True,
                    text=True,
                ).stdout
            )
            / 2**20
            for folder in (few, many)
        ]
        print(f"cache={cache!r:9} {peaks[0]:.0f} and {peaks[1]:.0f}")


def main():
    """Write the files, measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        photos, few, many, scenes = (os.path.join(folder, name) for name in "pfms")
        # First, as a new process inherits the peak of the one that starts it.
        write_photos(few, FEW, (100, 75), 4)
        write_photos(many, MANY, (100, 75), 4)
        compare_memory(few, many)
        write_photos(photos, PHOTOS, (500, 375), 14)
        compare_epochs(photos)
        write_scenes(scenes)
        compare_scenes(scenes)


if __name__ == "__main__":
    main()
