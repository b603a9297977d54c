"""How well one trains with the rate that `find_learning_rate` suggests.

Twelve cases: new CNNs and MLPs, new heads on a trained backbone, and classifiers that
are trained further. For each of three seeds it prints the suggestion, and the accuracy
on new images after training with it, in proportion to that after training with the best
of nine rates; then how far the three suggestions lie apart. Images are made here:
stripes that differ in direction, for networks that see shapes, and blocks of colour
under much noise, for those that see pixels. Heads need MobileNet's weights in
`../shared/weights` beside the repository; without them it says so. Takes 15 minutes on
two cores.

    python benchmarks/learning_rate.py [--cases NAME ...] [--seeds N]
"""

import argparse
import os
import statistics
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import reticnn
from reticnn.runtime.backend import keras

SHARED = Path(__file__).parents[2] / "shared"
WEIGHTS = SHARED / "weights" / "mobilenet_2_5_224_tf_no_top.h5"
GRID = 10.0 ** np.linspace(-5, -1, 9)
CLASSES = "abcdef"


@dataclass
class Case:
    """A model, the images it learns from, and for how long.

    Attributes:
        build: Function of a seed.
        images: Function of the number of images and a seed.
        epochs: Number of epochs that are compared.
        before: Learning rate and epochs of training before that, if any.
        optimizer: Name, or None.
    """

    build: object
    images: object
    epochs: int
    before: tuple = ()
    optimizer: str | None = None


def data_of(pixels, codes, num_classes):
    """Return image data of pixels as floats."""
    names = list(CLASSES[:num_classes])
    pixels = pixels.clip(0, 255).astype("uint8")
    return reticnn.image_arrays(pixels, np.array(names)[codes], class_names=names)


def stripes(num_classes, size=16):
    """Return a function that makes stripes at an angle for each class, under noise."""

    def images(count, seed):
        rng = np.random.default_rng(seed)
        codes = rng.integers(0, num_classes, count)
        angles, phases = np.pi * codes / num_classes, rng.uniform(0, 2 * np.pi, count)
        y, x = np.indices((size, size))
        along = np.multiply.outer(np.cos(angles), x) + np.multiply.outer(
            np.sin(angles), y
        )
        waves = np.cos(1.2 * along + phases[:, None, None])
        noise = rng.normal(0, 60, (count, size, size, 3))
        return data_of(127 + 50 * waves[..., None] + noise, codes, num_classes)

    return images


def colours(num_classes, size=16):
    """Return a function that makes blocks of colours for each class, under noise."""
    blocks = np.random.default_rng(99).normal(size=(num_classes, 4, 4, 3))
    blocks = blocks.repeat(size // 4, axis=1).repeat(size // 4, axis=2)

    def images(count, seed):
        rng = np.random.default_rng(seed)
        codes = rng.integers(0, num_classes, count)
        noise = rng.normal(0, 60, (count, size, size, 3))
        return data_of(127 + 18 * blocks[codes] + noise, codes, num_classes)

    return images


def cnn(num_classes, batch_norm=False):
    """Return a function that builds a small CNN."""
    return lambda seed: reticnn.build_cnn(
        (16, 16, 3),
        num_classes,
        filters=8,
        n_blocks=2,
        units=32,
        batch_norm=batch_norm,
        seed=seed,
    )


def mlp(num_classes):
    """Return a function that builds an MLP."""
    return lambda seed: reticnn.build_mlp((16, 16, 3), num_classes, units=64, seed=seed)


def head(units=None):
    """Return a function that builds a head on MobileNet."""
    return lambda seed: reticnn.transfer_model(
        "mobilenet_0.25", (32, 32, 3), 4, weights=WEIGHTS, units=units, seed=seed
    )


CASES = {
    "CNN, 2 classes": Case(cnn(2), stripes(2), 8),
    "CNN, 6 classes": Case(cnn(6), stripes(6), 16),
    "CNN, normalised": Case(cnn(6, batch_norm=True), stripes(6), 10),
    "CNN, SGD": Case(cnn(6, batch_norm=True), stripes(6), 10, (), "sgd"),
    "MLP, 2 classes": Case(mlp(2), colours(2), 6),
    "MLP, 6 classes": Case(mlp(6), colours(6), 8),
    "head": Case(head(), stripes(4, 32), 8),
    "head, hidden layer": Case(head(32), stripes(4, 32), 8),
    "CNN, trained": Case(cnn(6), stripes(6), 6, (3e-3, 6)),
    "CNN, 2, trained": Case(cnn(2), stripes(2), 4, (3e-3, 3)),
    "MLP, trained": Case(mlp(6), colours(6), 6, (3e-4, 2)),
    "head, trained": Case(head(), stripes(4, 32), 6, (3e-3, 2)),
}


def trained(model, case, data, rate, epochs, seed):
    """Return a classifier trained with a rate."""
    new = isinstance(model, keras.Model)
    return reticnn.fit_classifier(
        model,
        data,
        epochs=epochs,
        learning_rate=rate,
        optimizer=case.optimizer if new else None,
        progress="none",
        seed=seed,
    )


def start_of(case, data, seed):
    """Return what is trained: a new model, or a classifier."""
    model = case.build(seed)
    return trained(model, case, data, *case.before, seed) if case.before else model


def accuracy(case, data, new, rate, seed):
    """Return the accuracy on new images after training with a rate."""
    start = start_of(case, data, seed)
    classifier = trained(start, case, data, rate, case.epochs, seed)
    return reticnn.evaluate_classifier(classifier, new)["accuracy"]


def suggestion(case, data, seed):
    """Return the rate that is suggested."""
    optimizer = None if case.before else case.optimizer
    start = start_of(case, data, seed)
    return reticnn.find_learning_rate(start, data, optimizer=optimizer, seed=seed)[
        "suggestion"
    ]


def compare(name, case, seeds):
    """Measure and print a case."""
    data, new = case.images(500, 1), case.images(600, 2)
    suggested = [suggestion(case, data, seed) for seed in seeds]
    if None in suggested:
        print(f"{name}: suggestions {suggested}; a flat curve has none", flush=True)
        return
    reached = [
        accuracy(case, data, new, rate, seed)
        for rate, seed in zip(suggested, seeds, strict=True)
    ]
    means = [
        statistics.mean(accuracy(case, data, new, float(rate), seed) for seed in seeds)
        for rate in GRID
    ]
    best = int(np.argmax(means))
    print(
        f"{name + ':':20} suggestions "
        + ", ".join(f"{rate:.1e}" for rate in suggested)
        + f", apart by {max(suggested) / min(suggested):.1f} (wanted: <= 5); accuracy "
        + ", ".join(f"{value:.3f}" for value in reached)
        + f", of the best ({GRID[best]:.0e}) {means[best]:.3f}: ratio "
        + f"{statistics.mean(reached) / means[best]:.2f} (wanted: >= 0.95)",
        flush=True,
    )


def main():
    """Measure and print."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    for name in asked.cases:
        case = CASES[name]
        if name.startswith("head") and not WEIGHTS.exists():
            print(f"{name}: skipped, {WEIGHTS.name} was not found.")
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compare(name, case, range(1, asked.seeds + 1))


if __name__ == "__main__":
    main()
