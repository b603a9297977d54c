"""Make small saved files, for the tests in which later versions load them.

    PYTHONPATH=CHECKOUT/python python tools/make_saved_files.py [ARCHIVE]

CHECKOUT is that of the version that is to save them, whichever it is. ARCHIVE is
tests/python/saved/VERSION.zip unless given. It must not be there yet: the files of a
version stay as it saved them. They are to be made with the oldest Keras that the
version supports, as a newer one reads what an older one saved, not the other way round:

    pip install --no-deps --target OLDEST keras==3.10.0
    PYTHONPATH=OLDEST:CHECKOUT/python python tools/make_saved_files.py

The archive has classifiers saved by `save_classifier()` (.reticnn) and models saved by
Keras itself (.keras). Between them they hold every class and function that the package
registers with Keras, which is checked, and every kind of policy. With them go
`images.npy`, eight images, and `expected.json`: for each file, what the version that
saved it predicts for these images, enlarged and in grey where the model takes them so,
and what it says of the model and the classifier. Most of a saved model this small is
empty space, which compressing takes off; one version's files are to stay below 300 KB.

Everything follows from seeds. With one thread (OMP_NUM_THREADS,
TF_NUM_INTRAOP_THREADS and TF_NUM_INTEROP_THREADS at 1) the same machine and versions
give the same files again, but for the dates and object ids that Keras writes.

The landmarks themselves are too large. Weights hardly compress, and LeNet-5, by far the
smallest, has 240 KB of them, so it is here with weights rounded to a few values. The
other models have the layers of landmarks with a few filters each. They are put together
from public functions; classes that are not public are looked up by the names under
which they are registered with Keras, which stay the same wherever the classes are
moved.
"""

import json
import sys
import tempfile
import zipfile
from pathlib import Path

import keras
import numpy as np
from PIL import Image

import reticnn
from reticnn import augmentation

SIZE, EPOCHS = 16, 6
SAVED = Path(__file__).resolve().parents[1] / "tests" / "python" / "saved"


def ours(name):
    """Return the class or function that the package has registered with Keras."""
    return keras.saving.get_registered_object(f"reticnn>{name}")


def shapes(num_classes=3, **settings):
    """Return the images to train on."""
    return reticnn.shape_images(48, num_classes, image_size=SIZE, seed=1, **settings)


def fitted(model, data, **settings):
    """Return a classifier, trained quietly and always in the same way."""
    return reticnn.fit_classifier(
        model, data, batch_size=8, progress="none", seed=1, **settings
    )


def image_input(scale=None, channels=3):
    """Return a model's input, and the tensor that its layers start from."""
    inputs = keras.Input((SIZE, SIZE, channels), name="image")
    if scale is None:
        return inputs, inputs
    return inputs, ours("ImagePreprocessing")(scale, name="preprocessing")(inputs)


# Classifiers


def cnn():
    """Train a CNN on files of another size, then once more, in stages."""
    model = reticnn.build_cnn(
        (SIZE, SIZE, 3),
        3,
        filters=(4, 6),
        n_blocks=2,
        units=8,
        batch_norm=True,
        block_dropout=0.1,
        dropout=0.1,
        seed=1,
    )
    policy = augmentation(
        crop=0.9,
        flip="horizontal",
        translation=0.1,
        shear=0.05,
        rotation=0.05,
        zoom=0.1,
        color_jitter=0.2,
        grayscale=0.1,
        pca_color=0.1,
        gaussian_blur=0.2,
        gaussian_noise=0.02,
        erasing=0.2,
        fill_mode="nearest",
    )
    with tempfile.TemporaryDirectory() as folder:
        data = reticnn.shape_images(48, 3, image_size=24, seed=1)
        write_images(data, folder)
        data = reticnn.image_folder(folder, SIZE, resize="pad")
        once = fitted(
            model,
            data,
            epochs=EPOCHS,
            validation=0.25,
            augmentation=policy,
            learning_rate=0.01,
            class_weight="balanced",
        )
        return fitted(
            once,
            data,
            epochs=2,
            early_stopping=1,
            stages=[
                {"train": "head", "learning_rate": 0.003},
                {"train": "all", "learning_rate": 0.001, "schedule": "one_cycle"},
            ],
        )


def write_images(data, folder):
    """Write images as files, a folder for each class, upright and not square."""
    loaded = reticnn.load_images(data)
    for number, (pixels, label) in enumerate(
        zip(loaded["images"], loaded["labels"], strict=True)
    ):
        path = Path(folder, label, f"{number:02}.png")
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels[:, 3:-3].astype("uint8")).save(path)


def transfer():
    """Fine-tune a small network behind an adapter, in the three stages of default."""
    inputs, x = image_input()
    for number, filters in enumerate((4, 8), start=1):
        x = reticnn.conv_block(x, filters, batch_norm=True, name=f"block{number}")
    model = reticnn.transfer_model(
        keras.Model(inputs, x, name="backbone"),
        (SIZE, SIZE, 1),
        3,
        # As by adapter=True, but for the number of filters, 32 and 32 there.
        adapter={"filters": (6, 6)},
        seed=1,
    )
    return reticnn.fine_tune(
        model,
        shapes(channels=1),
        epochs=EPOCHS,
        learning_rate=0.03,
        batch_size=8,
        augmentation=reticnn.trivial_augment(),
        progress="none",
        seed=1,
    )


def lenet():
    """Train the layers of the original LeNet-5 with its loss and its optimizer."""
    layers = keras.layers
    inputs, x = image_input(channels=1)

    def squashed(x, name):
        return layers.Activation(ours("scaled_tanh"), name=f"{name}_tanh")(x)

    x = layers.Rescaling(1.275 / 255, -0.1, name="rescaling")(x)
    x = squashed(layers.Conv2D(4, 3, name="c1")(x), "c1")
    x = squashed(ours("Subsampling2D")(name="s2")(x), "s2")
    sources = [(0, 1), (1, 2), (2, 3), (0, 3), (0, 1, 2), (0, 1, 2, 3)]
    x = squashed(ours("PartialConv2D")(sources, 4, name="c3")(x), "c3")
    x = squashed(ours("Subsampling2D")(name="s4")(x), "s4")
    x = squashed(layers.Conv2D(12, 2, name="c5")(x), "c5")
    x = layers.Flatten(name="flatten")(x)
    x = squashed(layers.Dense(12, name="f6")(x), "f6")
    bitmaps = np.random.default_rng(1).choice([-1.0, 1.0], (3, 12))
    outputs = ours("EuclideanRBF")(bitmaps, name="output")(x)
    return fitted(
        keras.Model(inputs, outputs, name="lenet5"),
        shapes(channels=1),
        epochs=EPOCHS,
        optimizer="levenberg_marquardt",
        learning_rate=0.01,
        schedule="cosine",
    )


def googlenet():
    """Train a model with an auxiliary classifier, which its file does not have."""
    inputs, x = image_input("means")
    x = reticnn.conv_block(x, 6, name="conv1")
    x = ours("LocalResponseNormalization")(name="norm1")(x)
    x = reticnn.inception_module(x, 4, (2, 4), (2, 4), 4, name="inception3a")
    taps = [x]
    x = reticnn.inception_module(x, 4, (2, 4), (2, 4), 4, name="inception3b")
    taps.append(x)
    outputs = reticnn.classifier_head(reticnn.global_pool(x), 3, None, dropout=0.4)
    model = ours("AuxiliaryModel")(inputs, outputs, name="googlenet")
    starts = [keras.Input(tap.shape[1:]) for tap in taps]
    ends = [
        keras.layers.Dense(3, activation="softmax")(reticnn.global_pool(start))
        for start in starts
    ]
    model.set_auxiliary(taps, keras.Model(starts, ends, name="auxiliary"), 0.3)
    return fitted(
        model,
        shapes(),
        epochs=EPOCHS,
        optimizer=ours("MomentumSGD")(0.003, decay=2e-4),
        augmentation=reticnn.auto_augment("cifar10"),
    )


def convnext():
    """Train a block of ConvNeXt by its recipe, for two classes and so one unit."""
    inputs, x = image_input("standard")
    x = keras.layers.Conv2D(6, 4, strides=4, name="stem_conv")(x)
    x = keras.layers.LayerNormalization(epsilon=1e-6, name="stem_norm")(x)
    x = reticnn.convnext_block(
        x, drop_rate=0.1, layer_scale=0.1, kernel_size=3, name="stage1_block1"
    )
    outputs = reticnn.classifier_head(reticnn.global_pool(x), 2, None)
    return fitted(
        keras.Model(inputs, outputs, name="convnext"),
        shapes(2),
        epochs=EPOCHS,
        optimizer="adamw",
        learning_rate=0.03,
        schedule="cosine",
        warmup_epochs=1,
        weight_decay=0.05,
        label_smoothing=0.1,
        mixup=0.8,
        cutmix=1.0,
        ema=0.9,
        augmentation=[
            augmentation(crop=7 / 8, flip="horizontal"),
            reticnn.rand_augment(2, 9, magnitude_std=0.5, probability=0.5),
            augmentation(erasing=0.25),
        ],
    )


# Models saved by Keras


def alexnet():
    """Train a model that augments, as Keras does, with an optimizer of ours."""
    inputs, x = image_input()
    policy = [augmentation(flip="horizontal", rotation=0.1), augmentation(erasing=0.5)]
    x = reticnn.augmentation_layer(policy, seed=1)(x)
    x = ours("ImagePreprocessing")("unit", name="preprocessing")(x)
    x = keras.layers.Conv2D(8, 3, strides=2, activation="relu", name="conv1")(x)
    x = ours("LocalResponseNormalization")(name="norm1")(x)
    x = keras.layers.Conv2D(8, 3, groups=2, activation="relu", name="conv2")(x)
    outputs = reticnn.classifier_head(reticnn.global_pool(x), 3, None, output="logits")
    model = keras.Model(inputs, outputs, name="alexnet")
    rate = ours("Schedule")("one_cycle", 0.03, 6 * EPOCHS, warmup_steps=2)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(ours("MomentumSGD")(rate, use_ema=True), loss, metrics=["accuracy"])
    loaded = reticnn.load_images(shapes())
    codes = np.unique(loaded["labels"], return_inverse=True)[1]
    model.fit(loaded["images"], codes, batch_size=8, epochs=EPOCHS, verbose=0)
    return model


def adapted():
    """Build a model with an adapter of the usual size, too large to be trained here."""
    inputs, x = image_input()
    x = keras.layers.Rescaling(1 / 255, name="rescaling")(x)
    x = keras.layers.Conv2D(8, 4, strides=4, name="stem")(x)
    x = reticnn.residual_block(x, 8, name="block1")
    backbone = keras.Model(inputs, x, name="backbone")
    model = reticnn.transfer_model(backbone, (SIZE, SIZE, 3), 3, adapter=True, seed=1)
    return with_coarse_weights(model)


def lenet5():
    """Build the original LeNet-5."""
    return with_coarse_weights(reticnn.landmark_model("lenet5", seed=1))


def with_coarse_weights(model):
    """Round the weights to a few values, which compress, and return the model."""
    for weight in model.trainable_weights:
        values = keras.ops.convert_to_numpy(weight)
        if values.any():
            step = 2.0 ** np.round(np.log2(np.abs(values).max() / 3))
            weight.assign(np.round(values / step) * step)
    return model


FILES = {
    "cnn.reticnn": cnn,
    "transfer.reticnn": transfer,
    "lenet.reticnn": lenet,
    "googlenet.reticnn": googlenet,
    "convnext.reticnn": convnext,
    "alexnet.keras": alexnet,
    "adapted.keras": adapted,
    "lenet5.keras": lenet5,
}


# What is expected of them


def expected_of(made, images):
    """Return what this version predicts for the images, and says of what it made."""
    model = getattr(made, "model", made)
    height, width, channels = model.input_shape[1:]
    images = images.repeat(height // SIZE, axis=1).repeat(width // SIZE, axis=2)
    images = images[..., :channels]
    table = reticnn.layer_table(model)
    expected = {
        "input_shape": list(model.input_shape[1:]),
        "layers": {"name": table["name"], "type": table["type"]},
        "parameters": sum(reticnn.describe_model(model)["parameters"]),
        "outputs": rounded(model.predict(images, verbose=0)),
        "predictions": {
            name: column if name == ".pred_class" else rounded(column)
            for name, column in reticnn.predict_images(made, images).items()
        },
    }
    if made is model:
        return expected
    policy = made.augmentation
    changed = policy and reticnn.augment(images, policy, seed=1)
    return {
        **expected,
        "class_names": made.class_names,
        "history": made.history,
        "stopped": made.stopped,
        "kept_epoch": made.kept_epoch,
        "resize": made.resize,
        "policy": policy and policy.to_config(),
        # Enough to tell whether the policy still does the same.
        "changed": policy and rounded(changed.mean(axis=(1, 2, 3))),
    }


def rounded(numbers):
    """Return numbers as lists with as many digits as a float32 has."""
    return np.round(np.asarray(numbers, "float64"), 6).tolist()


def registered():
    """Return the names that the package has registered with Keras."""
    names = keras.saving.get_custom_objects()
    return {name for name in names if name.startswith("reticnn>")}


def held(path):
    """Return those of these names that are in a saved file."""
    with zipfile.ZipFile(path) as archive:
        if "model.keras" in archive.namelist():
            with archive.open("model.keras") as model:
                return held(model)
        config = archive.read("config.json").decode()
    return {name for name in registered() if f'"{name}"' in config}


def make_files(folder):
    """Make the files in a folder; return the registered names that none of them has."""
    images = reticnn.load_images(reticnn.shape_images(8, 3, image_size=SIZE, seed=2))
    images = images["images"].astype("uint8")
    np.save(folder / "images.npy", images)
    expected, missing = {}, registered()
    for name, make in FILES.items():
        keras.utils.clear_session()
        keras.utils.set_random_seed(1)
        made = make()
        if name.endswith(".keras"):
            made.save(folder / name)
        else:
            reticnn.save_classifier(made, folder / name)
        expected[name] = expected_of(made, images)
        missing -= held(folder / name)
    (folder / "expected.json").write_text(json.dumps(expected))
    return missing


def main(path):
    """Make the archive."""
    if path.exists():
        sys.exit(f"{path} is there already, and what is saved stays as it is.")
    with tempfile.TemporaryDirectory() as folder:
        missing = make_files(Path(folder))
        if missing:
            sys.exit(f"No file has {', '.join(sorted(missing))}: put it in a model.")
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as files:
            for file in sorted(Path(folder).iterdir()):
                files.write(file, file.name)
                entry = files.getinfo(file.name)
                print(f"{entry.file_size:8,} -> {entry.compress_size:7,}  {file.name}")
    print(f"{path.stat().st_size:,} bytes in all: {path}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else SAVED / f"{reticnn.__version__}.zip")
