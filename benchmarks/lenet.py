"""LeNet-5's own optimizer against plain stochastic gradient descent.

Prints, for the original network and the modern one, the best of a few learning rates
of each: accuracy on unseen digits by epoch, and the seconds per epoch, including the
estimates of the curvature. The digits are scikit-learn's, 8 x 8 pixels
enlarged to 20 x 20 within 32 x 32, as in the paper.
"""

import time

import numpy as np
from sklearn.datasets import load_digits

import reticnn
from reticnn.runtime.backend import keras

EPOCHS, BATCH, SEED = 6, 16, 1
RATES = {"sgd": (0.001, 0.003, 0.01, 0.1), "levenberg_marquardt": (0.001, 0.003, 0.01)}


def digits():
    """Return image data to train on and to test with."""
    scans = load_digits()
    pixels = (scans.images[..., None] * 255 / 16).astype("float32")
    larger = keras.ops.convert_to_numpy(keras.ops.image.resize(pixels, (20, 20)))
    images = np.pad(larger, ((0, 0), (6, 6), (6, 6), (0, 0))).clip(0, 255).round()
    data = reticnn.image_arrays(images.astype("uint8"), scans.target)
    parts = reticnn.split_images(data, {"train": 0.7, "test": 0.3}, seed=SEED)
    return parts["train"], parts["test"]


def trained(variant, optimizer, rate, train, test):
    """Return the accuracies on the test images, and the seconds per epoch."""
    start = time.perf_counter()
    classifier = reticnn.fit_classifier(
        reticnn.landmark_model("lenet5", variant=variant, seed=SEED),
        train,
        validation=test,
        epochs=EPOCHS,
        batch_size=BATCH,
        optimizer=optimizer,
        learning_rate=rate,
        schedule="cosine",
        progress="none",
        seed=SEED,
    )
    seconds = (time.perf_counter() - start) / EPOCHS
    return classifier.history["val_accuracy"], seconds


def main():
    """Measure and print."""
    train, test = digits()
    print(f"{len(train)} digits to train on, {len(test)} to test, batch {BATCH}")
    print(f"{'variant':9} {'optimizer':20} {'rate':>6}  accuracy by epoch, s per epoch")
    for variant in ("original", "modern"):
        for optimizer, rates in RATES.items():
            runs = [
                (*trained(variant, optimizer, rate, train, test), rate)
                for rate in rates
            ]
            accuracies, seconds, rate = max(runs, key=lambda run: run[0][-1])
            table = " ".join(f"{accuracy:.3f}" for accuracy in accuracies)
            print(f"{variant:9} {optimizer:20} {rate:6}  {table}  {seconds:7.1f}")


if __name__ == "__main__":
    main()
