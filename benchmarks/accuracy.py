"""Accuracy of `fit_classifier` against plain Keras, on the workshop's cats and dogs.

The workshop's CNN, Adam, batches of 32, from the same weights for the same seed:
`fit_classifier` on image data against `model.fit` on the same arrays, both with a new
order in each epoch. Keras's own `fit` shuffles arrays in the same way in every epoch
after `keras.utils.set_random_seed`; `--as-keras-shuffles` measures that too. With 4,000
photos and 15 epochs the means of three seeds were 0.672 for plain Keras, 0.683 for
`fit_classifier` and 0.665 for one order, with standard deviations of 0.010, 0.008 and
0.028: three seeds show no difference. Prints the accuracy on the test images for each
seed as it comes, then the means. With
`--augmented`, `fit_classifier` without and with augmentation.

With `--small`, accuracy per minute: `training_recipe("small")`, from the data to the
predictions with test-time augmentation, and for as many minutes as it takes (or
`--minutes`) plain Keras with the workshop's CNN, and with a residual network of 20
layers, as Keras's examples train one: Adam, a rate that falls twice, flips and shifts
by layers. Other work on the machine makes the minutes longer.

The wanted 0.88 has not been reached. With seed 1, the recipe took 11.4 minutes, with a
small program beside it, and gave 0.8645, and 0.8540 with its test-time augmentation; an
earlier run gave 0.8605 for both. With 2,000 images the standard error is 0.008; other
seeds have not been tried. Tried besides, with seed 1: crops of 45 to 100 % of the area
in place of the moves, 60 epochs, 0.8540 and 0.8500 (in training 0.916, so it is not
time that is lacking); a residual network behind a pooled first convolution, moves of 8
%, 45 epochs, 0.8510 and 0.8595, in more time. In the test, 32 changed copies in place
of 8 gave 0.0005 more. SGD and mixup have not been tried.

    python benchmarks/accuracy.py [--small [--minutes N] [--seeds ...] [--alone]]

Needs `../shared/data/cats-dogs-32.tar.xz` beside the repository; takes many minutes.
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


def recipe_accuracy(data, seed):
    """Return the accuracy of our recipe for small photos, and its minutes."""
    start = time.perf_counter()
    recipe = reticnn.training_recipe("small")
    classifier = reticnn.fit_classifier(
        data=data["train"], progress="none", seed=seed, **recipe
    )
    table = reticnn.predict_images(classifier, data["test"], **recipe.prediction)
    names = data["test"].class_names
    wanted = [names[code] for code in data["test"].codes]
    pairs = zip(table[".pred_class"], wanted, strict=True)
    accuracy = statistics.mean(guess == label for guess, label in pairs)
    minutes = (time.perf_counter() - start) / 60
    without = reticnn.evaluate_classifier(classifier, data["test"])["accuracy"]
    print(f"seed {seed}: without test-time augmentation {without:.4f}", flush=True)
    return accuracy, minutes


class UntilThen(keras.callbacks.Callback):
    """Stop after some minutes, with a rate that falls to a tenth twice on the way."""

    def __init__(self, minutes, falls):
        """Take the minutes, and whether the rate falls."""
        super().__init__()
        self._seconds, self._falls = 60 * minutes, falls

    def on_train_begin(self, logs=None):
        """Note the time and the rate."""
        self._start = time.perf_counter()
        self._rate = float(self.model.optimizer.learning_rate)

    def on_epoch_begin(self, epoch, logs=None):
        """Set the rate that is due."""
        part = (time.perf_counter() - self._start) / self._seconds
        if self._falls:
            tenths = (part > 0.6) + (part > 0.85)
            self.model.optimizer.learning_rate = self._rate / 10**tenths

    def on_train_batch_end(self, batch, logs=None):
        """Stop in time."""
        if time.perf_counter() - self._start > self._seconds:
            self.model.stop_training = True


def timed_accuracy(network, train, test, minutes, seed):
    """Return the accuracy that plain Keras reaches with a network in some minutes."""
    keras.utils.set_random_seed(seed)
    model = network()
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    images, codes = train
    order = np.random.default_rng(seed).permutation(len(codes))
    until = UntilThen(minutes, falls=network is residual_network)
    model.fit(images[order], codes[order], epochs=9999, verbose=0, callbacks=[until])
    return model.evaluate(*test, verbose=0, return_dict=True)["accuracy"]


def residual_network():
    """Return a residual network of 20 layers behind layers that change the images."""
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            keras.layers.RandomFlip("horizontal"),
            keras.layers.RandomTranslation(0.1, 0.1, fill_mode="nearest"),
            reticnn.landmark_model("resnet20", (32, 32, 3), 2, output="sigmoid"),
        ]
    )


def accuracy_per_minute(data, seeds, minutes, alone):
    """Measure and print what our recipe and plain Keras reach in the same time."""
    rivals = (
        {} if alone else {"workshop": reticnn.build_cnn, "ResNet": residual_network}
    )
    train, test = part_of(data["train"], 10_000), part_of(data["test"], 2000)
    reached = {"recipe": []}
    for seed in seeds:
        accuracy, took = recipe_accuracy(data, seed)
        reached["recipe"].append(accuracy)
        print(f"seed {seed}: recipe {accuracy:.4f} in {took:.1f} minutes", flush=True)
        for name, network in rivals.items():
            value = timed_accuracy(network, train, test, minutes or took, seed)
            reached.setdefault(name, []).append(value)
            print(f"seed {seed}: {name} {value:.4f}", flush=True)
    for name, values in reached.items():
        print(f"{name}: mean of {len(values)} seeds {statistics.mean(values):.4f}")
    print("(wanted: recipe >= 0.88 within 10 minutes on two cores)")


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--augmented", action="store_true")
    parser.add_argument("--as-keras-shuffles", action="store_true")
    parser.add_argument("--small", action="store_true", help="accuracy per minute")
    parser.add_argument("--minutes", type=float, help="of each rival of the recipe")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--alone", action="store_true", help="the recipe, no rivals")
    options = parser.parse_args()
    if not PHOTOS.exists():
        sys.exit(f"Skipped: {PHOTOS.name} was not found.")
    data = reticnn.cats_and_dogs(str(PHOTOS))
    if options.small:
        accuracy_per_minute(data, options.seeds, options.minutes, options.alone)
        return
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
