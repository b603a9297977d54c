"""Accuracy of `fit_classifier` against plain Keras, on the workshop's cats and dogs.

The workshop's CNN, Adam, batches of 32, from the same weights for the same seed:
`fit_classifier` on image data against `model.fit` on the same arrays, both with a new
order in each epoch. Keras's own `fit` shuffles arrays in the same way in every epoch
after `keras.utils.set_random_seed`; `--as-keras-shuffles` measures that too. With 4,000
photos and 15 epochs the means of three seeds were 0.672 for plain Keras, 0.683 for
`fit_classifier` and 0.665 for one order, with standard deviations of 0.010, 0.008 and
0.028: three seeds show no difference. Prints the accuracy on the test images for each
seed as it comes, then the means. With
`--augmented`, `fit_classifier` without and with augmentation. Needs
`../shared/data/cats-dogs-32.tar.xz` beside the repository; takes many minutes.
"""

import argparse
import statistics
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np

import reticnn
from reticnn.runtime.backend import keras

PHOTOS = Path(__file__).parents[2] / "shared" / "data" / "cats-dogs-32.tar.xz"
SEEDS = (1, 2, 3)
POLICY = reticnn.augmentation(flip="horizontal", translation=0.06, rotation=0.02)


def part_of(data, count):
    """Return images and codes of up to `count` images, evenly from all classes."""
    loaded = reticnn.load_images(data)
    codes = np.array([data.class_names.index(label) for label in loaded["labels"]])
    rows = np.arange(len(codes))[:: max(1, len(codes) // count)][:count]
    return loaded["images"][rows], codes[rows]


def our_accuracy(train, test, class_names, epochs, seed, policy=None):
    """Return the accuracy that `fit_classifier` reaches."""
    data = reticnn.image_arrays(*train, class_names=class_names)
    classifier = reticnn.fit_classifier(
        reticnn.build_cnn(seed=seed),
        data,
        epochs=epochs,
        augmentation=policy,
        progress="none",
        seed=seed,
    )
    test = reticnn.image_arrays(*test, class_names=class_names)
    return reticnn.evaluate_classifier(classifier, test)["accuracy"]


def plain_accuracy(train, test, epochs, seed, one_order=False):
    """Return the accuracy that Keras's own `fit` reaches.

    With `one_order`, Keras shuffles, which it does once for all epochs.
    """
    model = reticnn.build_cnn(seed=seed)
    keras.utils.set_random_seed(seed)
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    if one_order:
        model.fit(*train, epochs=epochs, batch_size=32, verbose=0)
    else:
        rng = np.random.default_rng(seed)
        for _ in range(epochs):
            order = rng.permutation(len(train[1]))
            shuffled = (part[order] for part in train)
            model.fit(*shuffled, batch_size=32, shuffle=False, verbose=0)
    return model.evaluate(*test, verbose=0, return_dict=True)["accuracy"]


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--augmented", action="store_true")
    parser.add_argument("--as-keras-shuffles", action="store_true")
    options = parser.parse_args()
    if not PHOTOS.exists():
        sys.exit(f"Skipped: {PHOTOS.name} was not found.")
    data = reticnn.cats_and_dogs(str(PHOTOS))
    names = data["train"].class_names
    train = part_of(data["train"], options.images)
    test = part_of(data["test"], 2000)
    print(f"{len(train[1])} images, {options.epochs} epochs, {len(test[1])} to test")
    ours = partial(our_accuracy, train, test, names, options.epochs)
    if options.augmented:
        methods = {"not augmented": ours, "augmented": partial(ours, policy=POLICY)}
        print(POLICY)
    else:
        plain = partial(plain_accuracy, train, test, options.epochs)
        methods = {"plain Keras": plain, "fit_classifier": ours}
        if options.as_keras_shuffles:
            methods["one order"] = partial(plain, one_order=True)
    reached = {name: [] for name in methods}
    for seed in SEEDS:
        start = time.perf_counter()
        for name, accuracy in methods.items():
            reached[name].append(accuracy(seed))
        print(
            f"seed {seed}: "
            + ", ".join(f"{name} {values[-1]:.3f}" for name, values in reached.items())
            + f" ({time.perf_counter() - start:.0f} s)",
            flush=True,
        )
    for name, values in reached.items():
        print(
            f"{name + ':':15} mean {statistics.mean(values):.3f}, "
            f"standard deviation {statistics.stdev(values):.3f}"
        )


if __name__ == "__main__":
    main()
