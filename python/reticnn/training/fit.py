"""Train a model on image data."""

import numbers

import numpy as np

from reticnn.backend import keras
from reticnn.classifier import Classifier, as_model
from reticnn.coercion import as_choice, as_float, as_int, as_seed, shown
from reticnn.data.images import as_image_data, split_images
from reticnn.outputs import count_classes, loss_and_metric
from reticnn.randomness import generator
from reticnn.training.batches import ImageBatches
from reticnn.training.progress import in_reading_order, progress_reporters


def fit_classifier(
    model,
    data,
    *,
    validation=None,
    epochs=10,
    batch_size=32,
    optimizer=None,
    learning_rate=None,
    progress="auto",
    seed=None,
):
    """Train a model on labelled images.

    The loss follows from the model's output: binary cross-entropy for one unit,
    categorical cross-entropy for one unit a class. A model that is compiled already
    keeps its own loss, metrics and optimizer.

    Args:
        model: Keras model from images (batch, height, width, channels), 0 to 255, to
            classes, such as `build_cnn` makes. It is trained in place. Or a
            classifier, to train it further.
        data: Image data with labels. Files are read at the model's size.
        validation: Image data to measure after each epoch, or the fraction of `data`,
            in (0, 1), to set apart for that, or None. Default None.
        epochs: Whole number of passes over the data. Default 10.
        batch_size: Whole number of images a step. Default 32.
        optimizer: Name of a Keras optimizer, or a Keras optimizer. None means
            `"adam"`, or the model's own if it is compiled. Default None.
        learning_rate: Float above 0, or None for the optimizer's own. Default None.
        progress: `"bar"`, `"epoch"` (a line an epoch), `"none"`, or `"auto"`: a bar
            where someone is watching, else a line an epoch; or a function that is
            called with a dict of the epoch, the step and the metrics so far. Default
            `"auto"`.
        seed: Whole number of at least 0 that fixes the order of the images, the
            validation part and the dropout, or None for new ones each time. The same
            seed gives the same order whatever the batch size. Default None.

    Returns:
        Classifier.

    Raises:
        TypeError: If `model` is not a Keras model, or `data` not image data.
        ValueError: If the data have no labels, if model and data differ in the number
            of classes or, for images in memory, in size, if `validation` has other
            classes, or an argument is outside its range.

    Example:
        >>> data = shape_images(1000, seed=1)
        >>> classifier = fit_classifier(build_cnn(), data, epochs=5)
        >>> classifier
        <Classifier> cnn, 2 classes: circle, square
        input    32 x 32 x 3, values 0 to 255
        trained  5 epochs, loss 0.181, accuracy 0.943

    Source:
        Keras's `Model.fit`.
    """
    earlier = model.history if isinstance(model, Classifier) else None
    model = as_model(model.model if isinstance(model, Classifier) else model)
    seed = as_seed(seed)
    data, validation = _training_data(model, data, validation, seed)
    epochs = as_int(epochs, "epochs")
    batch_size = as_int(batch_size, "batch_size")
    verbose, callbacks = progress_reporters(progress)
    _compile(model, optimizer, learning_rate)
    _reseed_layers(model, seed)
    fitted = model.fit(
        ImageBatches(data, batch_size, seed),
        validation_data=validation and ImageBatches(validation, batch_size),
        epochs=epochs,
        shuffle=False,  # ImageBatches shuffles, by the seed.
        verbose=verbose,
        callbacks=callbacks,
    )
    return Classifier(model, data.class_names, _joined_history(earlier, fitted.history))


def _training_data(model, data, validation, seed):
    """Return training and validation data at the model's size, checked against it."""
    data = _labelled(model, data, "data")
    if isinstance(validation, numbers.Real) and not isinstance(validation, bool):
        share = as_float(validation, "validation", above=0, below=1)
        parts = split_images(data, {"train": 1 - share, "validation": share}, seed=seed)
        return parts["train"], parts["validation"]
    if validation is None:
        return data, None
    validation = _labelled(model, validation, "validation")
    if validation.class_names != data.class_names:
        raise ValueError(
            f"`validation` has the classes {shown(validation.class_names)}, `data` "
            f"{shown(data.class_names)}. Give both the same classes in the same order."
        )
    return data, validation


def _labelled(model, data, name):
    """Return image data that has the labels, and the image size, the model needs."""
    data = as_image_data(data, name)
    if data.codes is None:
        raise ValueError(
            f"`{name}` has no labels to learn from. Give the images' labels, or put "
            "them into one subfolder a class."
        )
    if count_classes(model) != len(data.class_names):
        raise ValueError(
            f"`model` tells {count_classes(model)} classes apart, `{name}` has "
            f"{len(data.class_names)}: {shown(data.class_names)}. Build the model with "
            f"num_classes={len(data.class_names)}."
        )
    return data.fitted_to(model.input_shape[1:], name)


def _compile(model, optimizer, learning_rate):
    """Compile the model unless it is compiled, and set the learning rate if given."""
    if learning_rate is not None:
        learning_rate = as_float(learning_rate, "learning_rate", above=0)
    if model.compiled and optimizer is not None:
        raise ValueError(
            f"`optimizer` is {shown(optimizer)}, but `model` is compiled already and "
            "keeps its own. Leave `optimizer` out, or compile the model with the "
            "optimizer you want."
        )
    if not model.compiled:
        loss, metric = loss_and_metric(model)
        model.compile(_optimizer(optimizer), loss, metrics=[metric])
    if learning_rate is not None:
        model.optimizer.learning_rate = learning_rate


def _optimizer(optimizer):
    """Return a Keras optimizer for a name, for None, or for itself."""
    if isinstance(optimizer, keras.optimizers.Optimizer):
        return optimizer
    wrappers = {"Optimizer", "LossScaleOptimizer", "MultiOptimizer", "OptimizerMap"}
    known = sorted(
        name.lower()
        for name, value in vars(keras.optimizers).items()
        if isinstance(value, type) and name not in wrappers
    )
    return keras.optimizers.get(
        as_choice("adam" if optimizer is None else optimizer, "optimizer", known)
    )


def _reseed_layers(model, seed):
    """Let the dropout and other random layers of the model follow `seed`."""
    states = [var for var in model.variables if var.name == "seed_generator_state"]
    for number, state in enumerate(states):
        draws = generator(seed, number).integers(2**31, size=2)
        state.assign(np.array([draws[0], 0], dtype="uint32"))


def _joined_history(earlier, logs):
    """Return the history as a table, after that of earlier training if there is one."""
    earlier = earlier or {"epoch": []}
    start, count = len(earlier["epoch"]), len(logs["loss"])
    names = dict.fromkeys([*earlier, *in_reading_order(logs)])
    gap = {False: [float("nan")] * start, True: [float("nan")] * count}
    history = {
        name: [*earlier.get(name, gap[False]), *map(float, logs.get(name, gap[True]))]
        for name in names
    }
    return {**history, "epoch": list(range(1, start + count + 1))}
