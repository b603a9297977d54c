"""Tuning on a recorded table: how many trials TPE saves, and what a trial costs.

The table `tuning.csv` beside this file is of the workshop's CNN on photos of cats and
dogs: all 400 combinations of 10 learning rates, 4 numbers of filters, 5 rates of
dropout, and batch normalisation or none, each trained once. Searches look their trials
up there, so that thousands of them cost nothing but what the search itself does.

    python benchmarks/tuning.py [--record] [--runs N]

`--record` makes what the table lacks, one configuration after the other; it can be cut
off at any moment. It needs `../shared/data/cats-dogs-32.tar.xz` beside the repository,
and takes about an hour of one core.
"""

import argparse
import csv
import itertools
import time
from pathlib import Path

import numpy as np

import reticnn

PHOTOS = Path(__file__).parents[2] / "shared" / "data" / "cats-dogs-32.tar.xz"
TABLE = Path(__file__).with_suffix(".csv")

# Each row of the table: images to train on and to validate on, and epochs.
TRAIN, VALIDATION, EPOCHS = 2000, 1000, 4

AXES = {
    "learning_rate": [round(10 ** (-4.5 + n / 3), 7) for n in range(10)],
    "filters": [4, 8, 12, 16],
    "dropout": [0.0, 0.15, 0.3, 0.45, 0.6],
    "batch_norm": [False, True],
}
MEASURES = ("accuracy", "log_loss")


def build(filters, dropout, batch_norm):
    """Return the workshop's CNN."""
    return reticnn.build_cnn(filters=filters, dropout=dropout, batch_norm=batch_norm)


def photos():
    """Return image data to train on, and to validate on, the same every time."""
    data = reticnn.cats_and_dogs(str(PHOTOS))["train"]
    shares = {"train": TRAIN, "validation": VALIDATION}
    shares["rest"] = len(data) - sum(shares.values())
    parts = reticnn.split_images(
        data, {name: count / len(data) for name, count in shares.items()}, seed=1
    )
    arrays = {}
    for name in ("train", "validation"):
        loaded = reticnn.load_images(parts[name])
        arrays[name] = reticnn.image_arrays(loaded["images"], loaded["labels"])
    return arrays["train"], arrays["validation"]


def record():
    """Train what the table lacks, and append it."""
    train, validation = photos()
    done = {tuple(row[name] for name in AXES) for row in rows()}
    wanted = [
        dict(zip(AXES, values, strict=True))
        for values in itertools.product(*AXES.values())
    ]
    for number in np.random.default_rng(1).permutation(len(wanted)):
        settings = wanted[number]
        if tuple(map(str, settings.values())) in done:
            continue
        start = time.perf_counter()
        scores = measured(train, validation, seed=1, **settings)
        seconds = time.perf_counter() - start
        row = [*settings.values(), *(f"{scores[name]:.4f}" for name in MEASURES)]
        new = not TABLE.exists()
        with TABLE.open("a", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            if new:
                writer.writerow([*AXES, *MEASURES])
            writer.writerow(row)
        print(*row, f"{seconds:.1f} s", flush=True)


def measured(train, validation, seed, learning_rate, **settings):
    """Return the measures of one configuration."""
    classifier = reticnn.fit_classifier(
        lambda: build(**settings),
        train,
        epochs=EPOCHS,
        learning_rate=learning_rate,
        progress="none",
        seed=seed,
    )
    return reticnn.evaluate_classifier(classifier, validation, intervals=None)


def rows():
    """Return the rows of the table as dicts of texts."""
    if not TABLE.exists():
        return []
    with TABLE.open(newline="") as file:
        return list(csv.DictReader(file))


def main():
    """Record, or search."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    if options.record:
        record()


if __name__ == "__main__":
    main()
