"""Training from files against training from memory, on the workshop's CNN.

Prints medians over interleaved epochs and their ratios: JPEG files of 32 x 32 pixels
with each way to cache them, in their second and later epochs, against the same images
in memory. The files are the workshop's cats and dogs where they are available
(`../shared/data/cats-dogs-32.tar.xz` beside the repository), else generated shapes.
"""

import argparse
import os
import statistics
import tarfile
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

import reticnn
from reticnn.runtime.backend import keras

PHOTOS = Path(__file__).parents[2] / "shared" / "data" / "cats-dogs-32.tar.xz"
BATCH = 64
CACHES = ("memory", "disk", "none")


def write_files(folder, count):
    """Write up to `count` JPEG files, one folder per class; return what they are."""
    if PHOTOS.exists():
        with tarfile.open(PHOTOS) as archive:
            archive.extractall(folder, filter="data")
        return "cats and dogs", next(Path(folder).rglob("train"))
    loaded = reticnn.load_images(reticnn.shape_images(count, seed=1))
    for number, (image, label) in enumerate(
        zip(loaded["images"], loaded["labels"], strict=True)
    ):
        path = Path(folder, "train", label)
        path.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path / f"{number}.jpg")
    return "generated shapes", Path(folder, "train")


def table_of(files, count, cache):
    """Return image data of the first `count` files, evenly from all classes."""
    files = files[:: max(1, len(files) // count)][:count]
    labels = [file.parent.name for file in files]
    return reticnn.image_table([str(file) for file in files], labels, 32, cache=cache)


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        what, train = write_files(folder, options.images)
        files = sorted(path for path in train.rglob("*") if path.is_file())
        sources = {
            f"cache={cache!r}": table_of(files, options.images, cache)
            for cache in CACHES
        }
        loaded = reticnn.load_images(sources["cache='memory'"])
        in_memory = reticnn.image_arrays(loaded["images"], loaded["labels"])
        compare(what, {"in memory": in_memory, **sources}, options.rounds)


def compare(what, sources, rounds):
    """Measure and print the time of an epoch from each source."""
    model = reticnn.build_cnn(seed=1)

    def epoch(data):
        start = time.perf_counter()
        reticnn.fit_classifier(
            model, data, epochs=1, batch_size=BATCH, progress="none", seed=1
        )
        return time.perf_counter() - start

    for data in sources.values():
        epoch(data)
    times = {name: [] for name in sources}
    for number in range(rounds):
        for name in list(sources)[:: 1 if number % 2 else -1]:
            times[name].append(epoch(sources[name]))
    count = len(sources["in memory"])
    print(
        f"{keras.backend.backend()}, {os.cpu_count()} processors, {count} {what} "
        f"of 32 x 32, batch {BATCH}, seconds per epoch, after the first"
    )
    for name, values in times.items():
        ratio = np.median(np.array(values) / times["in memory"])
        print(
            f"{name + ':':15} {statistics.median(values):.3f}, {ratio:.3f} times in "
            "memory, median of the pairs (wanted: <= 1.05 where there is a cache)"
        )


if __name__ == "__main__":
    main()
