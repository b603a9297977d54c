"""Predictions written to a file, against the same predictions as a table in memory.

Prints medians over interleaved runs, in an order drawn at random, and their ratio: PNG
files of 32 x 32 pixels through a small CNN, by `write_predictions()` into a CSV and a
Parquet file, and by `predict_images()`. Then the memory that a run takes at most, for a
tenth of the files and for all of them, each in a process of its own.

    python benchmarks/write_predictions.py [--images N] [--rounds N]
"""

import argparse
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

import reticnn

DIFFERENT = 500


def write_files(folder, count):
    """Write PNG files; copies of some, as what is in them makes no difference."""
    images = reticnn.load_images(reticnn.shape_images(DIFFERENT, seed=1))["images"]
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{number:07}.png")
    contents = [(folder / f"{n:07}.png").read_bytes() for n in range(DIFFERENT)]
    for number in range(DIFFERENT, count):
        (folder / f"{number:07}.png").write_bytes(contents[number % DIFFERENT])


def compare(classifier, folder, out, rounds, count):
    """Time each way, and print medians and ratios."""

    def written(ending):
        path = out / f"{random.random()}.{ending}"
        reticnn.write_predictions(classifier, folder, path, progress="none")

    ways = {
        "table": lambda: reticnn.predict_images(classifier, folder, progress="none"),
        "csv": lambda: written("csv"),
        "parquet": lambda: written("parquet"),
    }
    seconds = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name in random.sample(list(ways), len(ways)):
            start = time.perf_counter()
            ways[name]()
            if number:  # The first of each compiles.
                seconds[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    for name, median in medians.items():
        ratio = medians["table"] / median
        print(f"{name:8} {count / median:8,.0f} images/s, {ratio:.2f} x the table")


def print_memory(saved, folder, path):
    """Write predictions, and print the memory that it took."""
    classifier = reticnn.load_classifier(saved)
    reticnn.write_predictions(classifier, folder, path, progress="none")
    unit = 1 if sys.platform == "darwin" else 1024
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.memory:
        print_memory(*asked.memory)
        return
    classifier = reticnn.fit_classifier(
        reticnn.build_cnn(seed=1),
        reticnn.shape_images(200, seed=1),
        epochs=1,
        progress="none",
        seed=1,
    )
    with tempfile.TemporaryDirectory() as place:
        out = Path(place)
        saved = reticnn.save_classifier(classifier, out / "c.reticnn")
        folders = {"a tenth": asked.images // 10, "all": asked.images}
        for name, count in folders.items():
            (out / name).mkdir()
            write_files(out / name, count)
        compare(classifier, out / "all", out, asked.rounds, asked.images)
        for name, count in folders.items():
            command = [sys.executable, __file__, "--memory", saved]
            command += [str(out / name), str(out / f"{name}.csv")]
            run = subprocess.run(command, capture_output=True, text=True, check=True)
            print(f"{count:9,} images: {int(run.stdout) / 2**20:,.0f} MiB at most")


if __name__ == "__main__":
    main()
