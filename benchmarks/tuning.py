"""Tuning on a recorded table: how many trials TPE saves, and what a trial costs.

The table `tuning.csv` beside this file is of the workshop's CNN on photos of cats and
dogs, with fewer filters: combinations of 10 learning rates, 4 numbers of filters, 5
rates of dropout, and batch normalisation or none, in random order, each trained once
for 4 epochs on 2,000 photos. It has 192 of all 400. A search's trial is looked up in
the row nearest to it, so that thousands of them cost nothing but what the search itself
does. Prints how many trials random search and TPE need until one has a log loss among
the best 5 % and 1 %, what a trial costs besides its training, and the best learning
rate beside that of `find_learning_rate()`.

With 192 rows, TPE needed 0.77 and 0.61 of the trials of random search (medians of 50
runs): the differences between the good ones are mostly luck, which no search can learn.

    python benchmarks/tuning.py [--record] [--runs N]

`--record` makes what the table lacks, one configuration after the other; it can be cut
off at any moment. It needs `../shared/data/cats-dogs-32.tar.xz` beside the repository,
and takes about an hour of one core.
"""

import argparse
import csv
import itertools
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np

import reticnn
from reticnn.tuning.samplers import sampler_for
from reticnn.tuning.search_space import SearchSpace
from reticnn.tuning.searching import Search
from reticnn.tuning.storing import KeptStudy, optuna_here, quiet_optuna
from reticnn.tuning.trying import Tried

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

# A search is to find one of the best configurations: of this part of all.
PARTS = (0.05, 0.01)


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


class Table:
    """The table, as a function of settings."""

    def __init__(self):
        """Read it."""
        self.rows = rows()
        at = [
            [AXES[name].index(type(AXES[name][0])(eval(row[name]))) for name in AXES]
            for row in self.rows
        ]
        self._at = np.array(at) / [len(values) - 1 for values in AXES.values()]
        self.values = np.array([-float(row["log_loss"]) for row in self.rows])

    def goal(self, part):
        """Return what that part of all configurations reaches."""
        return np.sort(self.values)[-max(1, round(part * len(self.values)))]

    def value(self, settings):
        """Return the negative log loss of the nearest row."""
        rates = AXES["learning_rate"]
        span = np.log(rates[-1] / rates[0])
        at = [np.log(settings["learning_rate"] / rates[0]) / span]
        for name in ("filters", "dropout", "batch_norm"):
            low, high = AXES[name][0], AXES[name][-1]
            at.append((settings[name] - low) / (high - low))
        return self.values[np.argmin(np.abs(self._at - at).sum(axis=1))]


SPACE = {
    "learning_rate": reticnn.log_range(10**-4.5, 10**-1.5),
    "filters": AXES["filters"],
    "dropout": reticnn.real_range(0, 0.6),
    "batch_norm": AXES["batch_norm"],
}


def search(table, sampler, seed, trials, place=None):
    """Return the accuracies of a search's trials in sequence."""
    found = []

    def try_out(values, seed, report):
        found.append(float(table.value(values)))
        return Tried([found[-1]], {})

    space = SearchSpace(SPACE)
    with quiet_optuna():
        study = KeptStudy(place, ["maximize"]).study
        study.sampler = sampler_for(optuna_here(), sampler, space, seed, study)
        study.pruner = optuna_here().pruners.NopPruner()
        Search(
            study, space, try_out, seed, trials, float("inf"), lambda trial: None
        ).run()
    return found


def trials_to_goals(table, sampler, seed, most=150):
    """Return how many trials a search needs until one is among the best of each part.

    It is infinite where that takes more than `most`.
    """
    found = np.array(search(table, sampler, seed, most))
    reached = [np.flatnonzero(found >= table.goal(part)) for part in PARTS]
    return [int(first[0]) + 1 if len(first) else np.inf for first in reached]


def savings(table, runs):
    """Print how many trials TPE and random search need."""
    print(f"{len(table.values)} configurations, {runs} runs")
    needed = {
        sampler: np.array([trials_to_goals(table, sampler, n) for n in range(runs)])
        for sampler in ("random", "tpe")
    }
    for number, part in enumerate(PARTS):
        medians = {}
        for sampler, of_runs in needed.items():
            low, medians[sampler], high = np.percentile(
                of_runs[:, number], (25, 50, 75), method="nearest"
            )
            print(
                f"best {part:.0%}: {sampler:6} median {medians[sampler]:.0f} trials, "
                f"half of the runs from {low:.0f} to {high:.0f}"
            )
        print(f"tpe / random: {medians['tpe'] / medians['random']:.2f}")


def overheads(table, trials=100):
    """Print what a trial costs besides its training."""
    with tempfile.TemporaryDirectory() as folder:
        places = {"memory": None}
        places |= {ending: f"{folder}/study.{ending}" for ending in ("db", "journal")}
        for name, place in places.items():
            start = time.perf_counter()
            search(table, "tpe", 1, trials, place)
            seconds = (time.perf_counter() - start) / trials
            print(f"{name:7} {seconds:.4f} s a trial, of {trials}")


def rates(table):
    """Print the rate that trials find, and the one that the range test suggests.

    With batch normalisation: without it, these few steps teach the network nothing.
    """
    by_rate = {}
    for row, value in zip(table.rows, table.values, strict=True):
        if row["batch_norm"] == "True":
            by_rate.setdefault(float(row["learning_rate"]), []).append(-value)
    for rate in sorted(by_rate):
        print(f"rate {rate:.2g}: mean log loss {statistics.mean(by_rate[rate]):.4f}")
    best = min(by_rate, key=lambda rate: statistics.mean(by_rate[rate]))
    train, _ = photos()
    found = reticnn.find_learning_rate(
        partial(build, filters=16, dropout=0.15, batch_norm=True),
        train,
        steps=300,
        seed=1,
    )["suggestion"]
    ratio = f"{found:.2g}: ratio {found / best:.2f}" if found else "none"
    print(f"best rate {best:.2g}, suggested {ratio}")


def main():
    """Record, or search."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--runs", type=int, default=50)
    options = parser.parse_args()
    if options.record:
        record()
        return
    table = Table()
    savings(table, options.runs)
    overheads(table)
    if PHOTOS.exists():
        rates(table)


if __name__ == "__main__":
    main()
