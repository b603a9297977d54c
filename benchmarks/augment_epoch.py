"""Epoch time with augmentation, on the workshop's CNN at 32 x 32.

Prints medians over interleaved epochs, and ratios: `fit_classifier` with the workshop's
six operations, against itself without them, and against `model.fit` with Keras's six
layers in tf.data. Then the losses of three augmented runs with one seed each way.
"""

import statistics
import time

import numpy as np
import tensorflow as tf

import reticnn
from reticnn.runtime.backend import keras

IMAGES, BATCH, ROUNDS = 10_000, 64, 5
POLICY = reticnn.augmentation(
    crop=0.875, translation=0.1, shear=0.1, rotation=0.1, erasing=1.0, color_jitter=0.2
)


def keras_data(images, codes, seed):
    """Return a data set whose images go through Keras's layers, in parallel."""
    layers = [
        keras.layers.RandomCrop(28, 28, seed=seed),
        keras.layers.Resizing(32, 32),
        keras.layers.RandomTranslation(0.1, 0.1, seed=seed),
        keras.layers.RandomShear(0.1, 0.1, fill_mode="reflect", seed=seed),
        keras.layers.RandomRotation(0.1, seed=seed),
        keras.layers.RandomErasing(seed=seed),
        keras.layers.RandomColorJitter(
            brightness_factor=0.2,
            contrast_factor=0.2,
            saturation_factor=(0.4, 0.6),
            seed=seed,
        ),
    ]

    def chain(batch, targets):
        batch = tf.cast(batch, "float32")
        for layer in layers:
            batch = layer(batch, training=True)
        return batch, targets

    data = tf.data.Dataset.from_tensor_slices((images, codes))
    data = data.shuffle(len(images), seed=seed).batch(BATCH)
    data = data.map(chain, num_parallel_calls=tf.data.AUTOTUNE)
    return data.prefetch(tf.data.AUTOTUNE)


def plain_model(seed):
    """Return the CNN, compiled as `fit_classifier` does it."""
    model = reticnn.build_cnn(seed=seed)
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def keras_loss(images, codes):
    """Return the loss after two augmented epochs of plain Keras with a seed."""
    keras.utils.set_random_seed(1)
    fitted = plain_model(1).fit(keras_data(images, codes, 1), epochs=2, verbose=0)
    return fitted.history["loss"][-1]


def our_loss(data):
    """Return the loss after two augmented epochs of `fit_classifier` with a seed."""
    model = reticnn.build_cnn(seed=1)
    fitted = reticnn.fit_classifier(
        model, data, epochs=2, augmentation=POLICY, progress="none", seed=1
    )
    return fitted.history["loss"][-1]


def main():
    """Measure and print."""
    data = reticnn.shape_images(IMAGES, seed=1)
    images = reticnn.load_images(data)["images"]
    models = {name: plain_model(1) for name in ("keras", "ours", "not augmented")}
    augmented = keras_data(images, data.codes, 1)

    def ours(name, policy):
        reticnn.fit_classifier(
            models[name],
            data,
            epochs=1,
            batch_size=BATCH,
            augmentation=policy,
            progress="none",
            seed=1,
        )

    runs = {
        "keras": lambda: models["keras"].fit(augmented, verbose=0),
        "ours": lambda: ours("ours", POLICY),
        "not augmented": lambda: ours("not augmented", None),
    }
    times = {name: [] for name in runs}
    for run in runs.values():
        run()
    for _ in range(ROUNDS):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(values) for name, values in times.items()}
    print(f"{IMAGES} images of 32 x 32, batch {BATCH}, seconds per epoch")
    print(f"fit_classifier, not augmented:        {medians['not augmented']:.2f}")
    print(f"fit_classifier, six operations:       {medians['ours']:.2f}")
    print(f"plain Keras, six layers in tf.data:   {medians['keras']:.2f}")
    faster = np.median(np.array(times["keras"]) / times["ours"])
    slower = np.median(np.array(times["ours"]) / times["not augmented"])
    print(f"plain Keras / fit_classifier:         {faster:.2f} (wanted: >= 1.4)")
    print(f"augmented / not augmented:            {slower:.2f} (wanted: <= 1.15)")
    few = data[:2000]
    pixels = images[:2000]
    theirs = [f"{keras_loss(pixels, few.codes):.6f}" for _ in range(3)]
    print("three runs with one seed, plain Keras:", *theirs)
    mine = [f"{our_loss(few):.6f}" for _ in range(3)]
    print("the same, fit_classifier:             ", *mine)


if __name__ == "__main__":
    main()
