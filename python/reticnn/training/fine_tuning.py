"""Fine-tuning by default: from the head down to the first layer."""

from reticnn.classifier import as_model, unwrapped
from reticnn.coercion import as_float
from reticnn.pretrained.freezing import last_part
from reticnn.training.building import built
from reticnn.training.fit import fit_classifier


def fine_tune(
    classifier,
    data,
    *,
    validation=0.2,
    epochs=10,
    learning_rate=0.003,
    early_stopping=3,
    monitor=None,
    mode="auto",
    min_delta=0.0,
    batch_size=32,
    augmentation=None,
    train_norm=True,
    metrics=None,
    checkpoint_dir=None,
    progress="auto",
    callbacks=None,
    seed=None,
):
    """Fine-tune a pretrained network in three stages.

    First the head is trained, then the last block of the backbone as well, at a tenth
    of the learning rate, then all layers at a hundredth. Each stage starts from the
    best weights so far, by default those with the lowest validation loss, and the best
    weights overall are kept at the end. For backbones whose last block is not known,
    the last quarter of the layers with weights takes its place.

    Args:
        classifier: Classifier, Keras model such as from `transfer_model` or
            `landmark_model`, or function without arguments that builds one. Its
            backbone is found as for `stages` in `fit_classifier`. It is trained in
            place.
        data: Image data with labels, as in `fit_classifier`.
        validation: Image data to evaluate on after each epoch, or the fraction of
            `data`, in (0, 1), to hold out for this. Default 0.2.
        epochs: Whole number, the largest number of epochs per stage. Default 10.
        learning_rate: Float above 0, the learning rate of the first stage. Default
            0.003.
        early_stopping: Whole number of epochs without an improvement after which a
            stage ends, or None for all epochs. Default 3.
        monitor: Name of the metric by which epochs are compared, as in
            `fit_classifier`. Default None.
        mode: `"min"`, `"max"` or `"auto"`, as in `fit_classifier`. Default `"auto"`.
        min_delta: Float of at least 0, as in `fit_classifier`. Default 0.
        batch_size: Whole number of images per step. Default 32.
        augmentation: Policy or list of policies, as in `fit_classifier`, or None.
            Default None.
        train_norm: False lets batch normalisation keep its means and variances, as in
            `fit_classifier`. Default True.
        metrics: Names or Keras metrics, as in `fit_classifier`. Default None.
        checkpoint_dir: Folder, as in `fit_classifier`, or None. Default None.
        progress: As in `fit_classifier`. Default `"auto"`.
        callbacks: Keras callbacks or a dict of functions, as in `fit_classifier`.
            Default None.
        seed: Whole number of at least 0 that fixes the run, as in `fit_classifier`, or
            None for a new one each time. Default None.

    Returns:
        Classifier, with `stage` in its history. All its layers are trainable.

    Raises:
        TypeError: As for `fit_classifier`.
        ValueError: As for `fit_classifier`, and if the start of the head cannot be
            determined.

    Example:
        >>> # What a network has learned from two shapes helps with three, of which
        >>> # there are few images. For photos, use `transfer_model("vgg16")`, say.
        >>> two = shape_images(600, image_size=16, channels=1, seed=1)
        >>> small = build_cnn((16, 16, 1), n_blocks=2, filters=8, batch_norm=True)
        >>> learned = fit_classifier(small, two, epochs=5, learning_rate=0.006)
        >>> three = shape_images(300, 3, image_size=16, channels=1, seed=2)
        >>> model = transfer_model(
        ...     learned.model, (16, 16, 1), 3, pooling="flatten", units=16
        ... )
        >>> classifier = fine_tune(model, three, epochs=3, learning_rate=0.01)
        >>> classifier.history["stage"], classifier.history["val_accuracy"]

    Source:
        Gradual unfreezing: Howard and Ruder (2018), arXiv:1801.06146.
    """
    classifier = built(classifier, seed, "classifier")
    model = unwrapped(classifier)
    model = as_model(model, "classifier")
    rate = as_float(learning_rate, "learning_rate", above=0)
    return fit_classifier(
        classifier,
        data,
        validation=validation,
        epochs=epochs,
        batch_size=batch_size,
        augmentation=augmentation,
        train_norm=train_norm,
        early_stopping=early_stopping,
        monitor=monitor,
        mode=mode,
        min_delta=min_delta,
        metrics=metrics,
        stages=[
            {"train": "head", "learning_rate": rate},
            {"train": last_part(model), "learning_rate": rate / 10},
            {"train": "all", "learning_rate": rate / 100},
        ],
        checkpoint_dir=checkpoint_dir,
        progress=progress,
        callbacks=callbacks,
        seed=seed,
    )
