"""Train and test a model on folds of the images."""

import os

from reticnn.coercion import as_int, as_path
from reticnn.evaluation.cross_validated import CrossValidation
from reticnn.evaluation.measuring import as_level
from reticnn.runtime.conditions import InterruptedWarning, warn_user
from reticnn.runtime.randomness import generator
from reticnn.runtime.stopping import note_taken
from reticnn.training.callbacks.checkpoints import held
from reticnn.tuning.building_anew import NewModels, arguments_of, check_told
from reticnn.tuning.fold_plan import labelled, planned_folds
from reticnn.tuning.fold_progress import FoldProgress
from reticnn.tuning.fold_record import FoldRecord
from reticnn.tuning.fold_training import (
    Job,
    as_fit_options,
    options_of_fold,
    trained_here,
)
from reticnn.tuning.fold_workers import trained_by_workers


def cross_validate(
    build,
    data,
    v=5,
    *,
    folds=None,
    workers=1,
    intervals=0.95,
    checkpoint_dir=None,
    progress="auto",
    seed=None,
    **options,
):
    """Train and test a model on folds of the images: cross-validation.

    For each fold, a new model is built and trained on the images of all others, and
    predicts those of the fold, so that each image is predicted by a model that has not
    seen it. Everything that is learned is learned from the training images alone: the
    weights, the part held out for early stopping, balanced class weights, the range of
    values of files that were read with `value_range="data"`, and what the functions
    given as `build` and `augmentation` find in the images that they get.

    The measures of the folds differ by chance and because their models do; those of all
    predictions together describe the training procedure, not one classifier. Their
    intervals say how they would vary with other test images, not with other training
    images.

    Interrupting it (Ctrl-C) returns the finished folds, if there are any.

    Args:
        build: Function that builds a new Keras model, such as `build_cnn` or
            `lambda: build_cnn(filters=8)`. If it has arguments of these names, it is
            passed `input_shape`, (height, width, channels) of the images;
            `num_classes`; `class_names`; `data`, the training images, for example for a
            normalisation that is adapted to them; and a `seed`, a different one for
            each fold. Initial weights follow the seed unless the function sets its own.
        data: Image data with labels, or the path of a folder, as in `fit_classifier`.
        v: Whole number of at least 2, the number of folds; or the folds themselves, as
            positions, as in `fold_images`. Groups of `data` are kept whole. Default 5.
        folds: What `fold_images` returned for `data`, such as for several repeats,
            other groups or strata, or None to draw `v` folds. Default None.
        workers: Whole number, how many processes train folds at the same time, each of
            which needs the memory of one training run. The results are the same. The
            function `build` is called in this process, and models are sent to the
            others: layers and functions of your own cannot be sent. On processors (CPU)
            only. Default 1.
        intervals: Confidence level of the intervals, in (0, 1), or None for no
            intervals. Default 0.95.
        checkpoint_dir: Folder in which the state of each fold is saved after each
            epoch, as in `fit_classifier`; it is created if necessary. The same call
            continues from there, with the folds that were drawn, and finished folds are
            not trained again. None for no checkpoints. Default None.
        progress: As in `fit_classifier`; a function is also passed the `fold`, counted
            from 1 over all repeats, and the number of `folds`. Default `"auto"`.
        seed: Whole number of at least 0 that fixes the folds, the initial weights and
            the training of each, or None for new ones each time. Default None.
        **options: Arguments of `fit_classifier`, such as `epochs`, `early_stopping` and
            `stages`, except `fresh`. `validation` is a fraction of the training images,
            or None. `augmentation` can also be a function that is passed the training
            images, and returns a policy. `callbacks` are the same for all folds.

    Returns:
        CrossValidation, with `folds`, a table (dict of equal-length lists) with one row
        per fold and its measures; `predictions`, a table with one row per image and
        repeat; `measures`, a table with one row per measure, over all predictions and
        over the folds; `evaluation`, that of all predictions, as from
        `evaluate_classifier`; `intervals`, a table of the measures of each fold; and
        `classifiers`, a list, for `ensemble_classifiers`.

    Raises:
        TypeError: If `build` is not a function that builds a Keras model, `data` not
            image data, or an argument unknown.
        ValueError: If `build` returns a model twice, one with weights that another fold
            trains, or one that was already trained; if the training images of a fold
            lack a class; if the folds are not of `data`, or have an image in both
            parts; if `workers` cannot be sent what they need; or as for
            `fit_classifier`.
        CheckpointError: A ValueError, if `checkpoint_dir` has other folds, or as for
            `fit_classifier`.

    Warns:
        InterruptedWarning: If it is interrupted.
        SeenImagesWarning: If test and training images of a fold are the same at the
            model's size, although they come from different files.
        UserWarning: If `build` returns normalisations adapted to images without being
            passed the training images, or as for `fit_classifier` and `fold_images`,
            each text once.

    Example:
        >>> data = shape_images(500, seed=1)
        >>> validated = cross_validate(build_cnn, data, 5, epochs=5, seed=1)
        >>> validated.folds["accuracy"]
        [0.93, 0.95, 0.9, 0.96, 0.94]
        >>> ensemble = ensemble_classifiers(validated)

    Source:
        Stone (1974), Cross-Validatory Choice and Assessment of Statistical Predictions,
        Journal of the Royal Statistical Society B, 36, 111-147. What such intervals
        leave out: Bengio and Grandvalet (2004), Journal of Machine Learning Research 5.
    """
    return cross_validate_told(
        arguments_of(build),
        build,
        data,
        v,
        folds=folds,
        workers=workers,
        intervals=intervals,
        checkpoint_dir=checkpoint_dir,
        progress=progress,
        seed=seed,
        **options,
    )


def cross_validate_told(
    arguments,
    build,
    data,
    v=5,
    *,
    folds=None,
    workers=1,
    intervals=0.95,
    checkpoint_dir=None,
    progress="auto",
    seed=None,
    **options,
):
    """Do what `cross_validate` does, where it is known what the function is told.

    Args:
        arguments: List of the names of what `build` is told.
        build: Function.
        data: As in `cross_validate`, and so are all others.
        v: The same.
        folds: The same.
        workers: The same.
        intervals: The same.
        checkpoint_dir: The same.
        progress: The same.
        seed: The same.
        **options: The same.
    """
    check_told(arguments)
    options = as_fit_options(options)
    workers = as_int(workers, "workers")
    intervals = as_level(intervals)
    report = FoldProgress(progress)
    folder = checkpoint_dir and as_path(checkpoint_dir, "checkpoint_dir")
    data = labelled(data)
    models = NewModels(build, arguments, all_change="stages" in options)
    with held(folder):
        record = FoldRecord(folder)
        seed = record.seed(seed)
        planned = planned_folds(data, v, folds, seed)
        report.folds = len(planned)
        record.keep(seed, planned)
        jobs = _jobs(planned, models, options, seed, folder)
        run = trained_here if workers == 1 else trained_by_workers
        found, stopped = [], None
        try:
            for fold in run(jobs, data.source, min(workers, len(planned)), report):
                found.append(fold)
        except KeyboardInterrupt:
            if not found:
                raise
            note_taken()
            stopped = "interrupted"
    if stopped:
        warn_user(_interruption(found, planned, folder), InterruptedWarning)
    order = [(fold.repeat, fold.fold) for fold in planned]
    found.sort(key=lambda fold: order.index((fold.repeat, fold.fold)))
    return CrossValidation(
        found, data, level=intervals, wanted=len(planned), stopped=stopped
    )


def _jobs(folds, models, options, seed, folder):
    """Yield the `Job` of each fold, whose model is built before the one before trains.

    So a function that returns a model twice is known before anything is trained.
    """
    last = None
    for number, fold in enumerate(folds, 1):
        own_seed = int(generator(seed, fold.repeat, fold.fold).integers(2**31))
        train = fold.train.with_own_range()
        job = Job(
            number,
            fold,
            train,
            models.of_fold(fold, train, own_seed),
            options_of_fold(options, train),
            own_seed,
            folder and os.path.join(folder, fold.folder),
        )
        if last is not None:
            yield last
        last = job
    yield last


def _interruption(found, folds, folder):
    """Return what to tell the user of folds that were cut off."""
    count = f"{len(found)} of {len(folds)} folds"
    text = f"Cross-validation was interrupted. The result has the {count} that are "
    text += "finished."
    return text if folder is None else f"{text} The same call continues from there."
