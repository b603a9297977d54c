"""Train a model on image data."""

import os

from reticnn.classifier import Classifier
from reticnn.coercion import as_bool, as_path, shown
from reticnn.memory import fingerprint, note_images
from reticnn.runtime.conditions import InterruptedWarning, warn_user
from reticnn.training.building import built
from reticnn.training.callbacks.checkpoints import check_stages, has_checkpoint, held
from reticnn.training.callbacks.epoch_progress import as_progress
from reticnn.training.class_weights import shares_after
from reticnn.training.compiling import check_one_schedule
from reticnn.training.distributing import as_devices, is_first_process
from reticnn.training.origin import origin_of
from reticnn.training.runs import RunSequence
from reticnn.training.settings import TrainingSettings
from reticnn.training.stages import as_stages


def fit_classifier(
    model,
    data,
    validation=None,
    *,
    epochs=10,
    batch_size=32,
    augmentation=None,
    optimizer=None,
    learning_rate=None,
    schedule="constant",
    warmup_epochs=0,
    weight_decay=None,
    global_clipnorm=None,
    gradient_accumulation_steps=None,
    label_smoothing=0.0,
    mixup=0.0,
    cutmix=0.0,
    class_weight=None,
    early_stopping=None,
    monitor=None,
    mode="auto",
    min_delta=0.0,
    ema=None,
    mixed_precision=False,
    stages=None,
    layer_decay=None,
    train_norm=True,
    metrics=None,
    checkpoint_dir=None,
    cache_features="auto",
    distribute="auto",
    fresh=False,
    progress="auto",
    callbacks=None,
    seed=None,
    output="auto",
):
    """Train a model on labelled images.

    The loss depends on the model's output: binary cross-entropy for one unit,
    categorical cross-entropy for one unit per class, the maximum a posteriori criterion
    for distances to prototypes. A model that you compiled keeps its own loss, metrics
    and optimizer. One that was trained here before continues with its optimizer and
    learning rate, unless the call asks for others; loss, averaging and schedule are
    those of the call, and a schedule starts again from the beginning.

    The running means and variances of batch normalisation are moving averages over the
    steps, and after few steps they do not match the weights. At the end, and for each
    validation while their initial values still make up more than 1 % of them, they are
    therefore set to those of the training images (at most 1024, drawn with the seed,
    neither augmented nor mixed), unless they are frozen. The weights themselves are
    trained as Keras trains them.

    The targets for a compiled model are what its loss takes: class numbers from 0 for
    sparse losses, one-hot rows for others, and 0 or 1 for a model with one unit. A loss
    that is not Keras's own is tried on a few outputs, and has to be lower where the
    predictions are right; if it takes both kinds of target, it is given class numbers,
    and so is a model with its own `compute_loss()` or `train_step()` and no loss.

    Interrupting training (Ctrl-C) loses nothing: the classifier trained so far is
    returned, with the weights of the best epoch if there are validation images, and a
    warning says where training was cut off. In R, a script that runs unattended ends
    there, because the interrupt is signalled again.

    Args:
        model: Keras model from images (batch, height, width, channels), 0 to 255, to
            classes, such as `build_cnn` makes. It is trained in place: a classifier
            made earlier from the same model then has other weights, and says so when it
            is used. Or a function without arguments that builds a model, with initial
            weights drawn with `seed` unless the function sets its own (in R,
            `build_cnn()` and the like take one from R's random state). Or a classifier,
            to train it further.
        data: Image data with labels, or the path of a folder with a subfolder of images
            per class. If they have `weights`, the loss of each image is multiplied by
            its weight, and a batch's loss is their sum over the number of images, as
            with Keras's `sample_weight`; metrics count every image once. Files are read
            at the model's size, and images in memory are resized to it. The channel of
            grey images is repeated for a model that takes RGB.
        validation: Image data to evaluate on after each epoch, or the fraction of
            `data`, in (0, 1), to hold out for this, or None. With a fraction, images
            that the model was trained on before are not held out, and those held out
            before still are; groups of `data` are kept whole. Their `weights`, if they
            have any, count in the validation loss. Default None.
        epochs: Whole number of passes over the data. Default 10.
        batch_size: Whole number of images per step. Default 32.
        augmentation: Policy, such as from `augmentation()` or `rand_augment()`, which
            changes the training images afresh in each epoch; validation images are not
            changed. If it crops to a number of pixels, these must be the model's size,
            and the training images are read at their own, larger size; a crop by area
            or by scale cuts files as they are, and takes the model's size. A list of
            policies is applied in sequence. The policy is kept in the classifier. None
            for no changes. Default None.
        optimizer: Name of a Keras optimizer, `"levenberg_marquardt"` (LeNet-5's, which
            estimates curvatures before each epoch), or a Keras optimizer. None means
            `"adam"`, or the model's own if it is compiled. Default None.
        learning_rate: Float above 0, or None for the optimizer's own. Default None.
        schedule: How the learning rate changes over the steps: `"constant"`;
            `"cosine"`, which falls to 0 along half a cosine; `"one_cycle"`, which rises
            from 1/25 of the rate over the first 30 % of the steps, then falls to nearly
            0; `"step"`, multiplied by `factor` (default 0.1) after each of the epochs
            `at`, whole numbers or, below 1, parts of all epochs (default 0.5 and 0.75),
            or else after every `every` epochs; `"exponential"`, multiplied by `factor`
            (default 0.94) gradually over every `every` (default 2) epochs;
            `"polynomial"`, which falls to `end_learning_rate` (default 0) like the
            fraction of steps left, raised to `power` (default 1); `"plateau"`,
            multiplied by `factor` (default 0.1), but not below `min_lr` (default 0),
            after `patience` (default 10) epochs in which `monitor` has not improved by
            more than `min_delta` (default 1e-4); the next `cooldown` (default 0) epochs
            then do not count. Settings are given in a dict with the kind, as in
            `{"kind": "step", "at": [30, 60]}`. Or a function of the epoch's number,
            from 1, that returns the learning rate and is called for all epochs before
            the first begins; or a `keras.optimizers.schedules.LearningRateSchedule`,
            whose steps are those of this training. Default `"constant"`.
        warmup_epochs: Whole number of epochs at the start during which the rate rises
            from 0. Schedules begin after them, except that the epochs of `"step"` and
            of a function are counted from the first one. Default 0.
        weight_decay: Float of at least 0; in each step, this fraction of each weight,
            times the learning rate, is subtracted from it. Biases and normalisations
            are excluded. None means the optimizer's own. Default None.
        global_clipnorm: Float above 0; if the norm of the gradient of all weights
            together is larger, the gradient is scaled down to it, as in Keras's
            optimizers. On several devices it is the gradient of the whole batch. None
            means the optimizer's own setting, which is not to clip unless it was
            created with one. Default None.
        gradient_accumulation_steps: Whole number of batches whose mean gradient makes
            one step of the optimizer, as in Keras: without batch normalisation, 4
            batches of 8 images are the same as one of 32. Schedules and averages
            (`ema`) still count batches. Batches left over at the end of an epoch are
            completed by those of the next; those at the end of training are not used.
            Not available on several devices under TensorFlow. 1 for a step per batch;
            None means the optimizer's own setting, which is 1 unless it was created
            with another. Default None.
        label_smoothing: Float in [0, 1), the probability that is spread evenly over all
            classes in the targets, also for one sigmoid unit: 0.1 makes its targets
            0.05 and 0.95. Default 0.
        mixup: Float of at least 0, parameter of MixUp's Beta distribution; 0 for no
            MixUp. Mixed images have mixed targets in the loss; metrics use the class
            that makes up most of an image. Default 0.
        cutmix: Float of at least 0, parameter of CutMix's Beta distribution; 0 for no
            CutMix. With both, each image gets one of them at random. Default 0.
        class_weight: `"balanced"`, which gives every class the same total weight, or a
            dict of weights by class name, or None. The `weights` of images are
            multiplied by those of their classes. A mixed image has the weights of both
            images, in the proportion in which they are mixed. Default None.
        early_stopping: Whole number of epochs without an improvement after which
            training stops; the weights of the best epoch are then restored. None for no
            early stopping. Default None.
        monitor: Name of the metric, as in the history, by which epochs are compared for
            `early_stopping`, for the weights kept after an interruption, and for a
            `"plateau"`, such as `"val_accuracy"`. None for `"val_loss"` if there are
            validation images, else `"loss"`. Default None.
        mode: `"min"` if lower values of `monitor` are better, `"max"` if higher ones
            are, or `"auto"`, to go by the metric itself or its name. Default `"auto"`.
        min_delta: Float of at least 0; `monitor` has to be better by more than this to
            count as an improvement. Default 0.
        ema: Float in (0, 1), momentum of an exponential moving average of the weights,
            which is evaluated and kept instead of the weights themselves. None for no
            averaging. Default None.
        mixed_precision: True computes in bfloat16 and keeps the weights in float32.
            Default False.
        stages: List of dicts, one per stage of training, in sequence, such as
            `[{"train": "head"}, {"train": "last_block", "learning_rate": 1e-4}]`. Each
            may have `train`, the part of the backbone that is trained along with the
            head, as in `transfer_model`; and its own `epochs`, `learning_rate`,
            `schedule`, `warmup_epochs`, `early_stopping`, `layer_decay` and
            `train_norm`; everything else is as in the call. A stage without a learning
            rate keeps that of the stage before, as it was before its schedule lowered
            it. The backbone is the nested model with convolutions, or else the layers,
            before the first pooling or flattening that all feature maps go through; if
            a model leaves that open, give the name of the first layer to train. The
            history covers all stages, with their numbers as `stage`. With
            `early_stopping`, the next stage starts from the best weights so far, and
            only what is better than these counts as an improvement. The layers of the
            last stage remain trainable. None for a single stage with the layers that
            are already trainable. Default None.
        layer_decay: Float in (0, 1], ratio of the learning rate of each trained layer
            to that of the next: with 0.8 the last layer has the full rate, the one
            before it 0.8 of that, the one before that 0.64. In networks that
            `backbones()` or `landmark_architectures()` lists, a residual, dense,
            inception, separable or inverted block counts as one layer, and so does a
            stage of ConvNeXt, or three blocks of its third stage, which makes 12 layers
            of its larger networks and 6 of the smallest; `layer_table` lists the rates.
            VGG's convolutions, and those of Keras's Inception, NASNet and Xception,
            count one by one. Normalisations have the rate of the layer before them.
            None for the same rate everywhere. Default None.
        train_norm: False lets batch normalisation keep its means and variances, and use
            them in training too, as is usual when fine-tuning on few images. Its scales
            and shifts are weights like any others, which `freeze` freezes. A pretrained
            backbone of `transfer_model` is trained in this way in any case, and
            normalisations without such statistics, like ConvNeXt's, are the same either
            way. Default True.
        metrics: Names or Keras metrics, a list or a single one, to measure besides
            accuracy: `"top_5_accuracy"`, or with another number, counts a prediction as
            right if the true class is among the 5 most probable; other names are those
            of Keras's metrics, such as `"auc"`. A metric that cannot judge the model's
            output is refused, and so is one that would lump the outputs of several
            classes together, as precision does unless it has a `class_id`. Default
            None.
        checkpoint_dir: Folder in which the state of training is saved after each epoch.
            After an interruption of any kind, the same call resumes from there, with
            the same result as an uninterrupted run, whether the model is as it was
            before or as it was left; after the end, it returns the same classifier. A
            call with other images, labels, settings, seed or model, or with other
            learned or loaded weights, is refused; with a constant learning rate, more
            `epochs` continue from the end. Files count as the same if name, size and
            modification time agree. Each of `stages` has its own subfolder. None for no
            checkpoints. Default None.
        cache_features: `"auto"` computes the layers before the first trained one only
            once per image, if images are the same in each epoch and the results fit
            into 1 GiB of memory, or else into half of the free space for temporary
            files. A whole number does so with `augmentation` too, for that many altered
            copies of each image, which the epochs use in turn. `"none"` computes all
            layers in each epoch. The result is the same up to rounding: the part
            computed once ends before any layer that may differ from epoch to epoch,
            such as random, `Lambda` and custom layers, or that adds to the loss, and a
            model with its own way of training is not divided. Default `"auto"`.
        distribute: Devices that share the work, each processing part of every batch:
            `"auto"`, all GPUs of the machine if it has several; `"none"`; a number of
            devices; or names of devices, such as `["gpu:0", "gpu:1"]`. The result is
            close to that on one device; under TensorFlow, batch normalisation sees only
            the part on its device, and dropout is drawn separately on each. Several
            hosts can train together under JAX: start the same script on each, with the
            same data and with `keras.distribution.initialize()` before anything else;
            `"auto"` is then all devices of all hosts. Under TensorFlow, Keras trains on
            one host only, under torch on one device. This has been tested on several
            virtual devices of one processor and with two processes on one machine, not
            on several GPUs. Default `"auto"`.
        fresh: True starts again from the weights that the model had before it was first
            trained in this session, with a new optimizer. The values of all variables
            that training may change are kept in main memory for this. Default False.
        progress: `"bar"`, `"epoch"` (one line per epoch), `"none"`, or `"auto"`, a bar
            in an interactive session, else one line per epoch; or a function that is
            called with a dict of the epoch, the step and the metrics so far. Default
            `"auto"`.
        callbacks: Keras callbacks, a list or a single one, or a dict of functions by
            the name of the event they are called on, as in
            `{"on_epoch_end": function}`: `on_train_begin(logs)`, `on_train_end(logs)`,
            `on_epoch_begin(epoch, logs)`, `on_epoch_end(epoch, logs)`,
            `on_train_batch_begin(batch, logs)`, `on_train_batch_end(batch, logs)`, and
            the same with `test` in place of `train`. Functions are given epochs and
            batches counted from 1, as in the history, and the metrics so far as numbers
            by name; Keras callbacks count from 0. Setting the model's `stop_training`
            to true ends training, or the current stage. An error ends it too, and the
            model keeps the weights of that moment. State that callbacks keep is not
            part of a checkpoint: a warning says so when a run resumes. Default None.
        seed: Whole number of at least 0 that fixes the order of the images, the
            validation part, the mixing and the dropout, or None for new ones each time.
            The same seed gives the same order whatever the batch size. A run that
            resumes from a checkpoint keeps its original seed. Default None.
        output: What the model outputs: `"softmax"`, the probability of each class;
            `"sigmoid"`, one unit, that of the second of two; `"logits"`, scores before
            softmax or sigmoid; or `"auto"`, to go by its last layers or operations, or
            else by the loss it is compiled with. A model that ends in a layer of your
            own or a Lambda layer needs one of the first three. The classifier keeps it.
            Default `"auto"`.

    Returns:
        Classifier.

    Raises:
        TypeError: If `model` is not a Keras model, `data` not image data, or
            `augmentation` not a policy.
        ValueError: If the data have no labels, fewer images than classes, or only
            images of weight 0, if model and data differ in the number of classes or in
            channels that cannot be converted without a loss, if `augmentation` does not
            fit the images, if `validation` has other classes, if `model` is compiled
            and an argument contradicts that, or an argument is outside its range.
        CheckpointError: A ValueError, if the checkpoint is damaged, belongs to another
            run, or was written by an older version, or if another run is using
            `checkpoint_dir`.
        OSError: If a checkpoint cannot be written. An earlier one stays as it is.

    Warns:
        InterruptedWarning: If training is interrupted.
        SeenImagesWarning: If the validation images include some that the model is or
            was trained on, or images of the same groups, or if there are too few others
            to hold out.
        StaleClassifierWarning: If the model of a classifier has changed since.
        TrainedModelWarning: If a model, not given as a classifier, was trained before.
        UserWarning: If images in memory are resized, files of `validation` or of
            further training are resized differently than those trained on, the data
            have no image of a class, crops by `shorter_side` show less than a quarter
            of an image, or training stops because the loss became NaN.

    Example:
        >>> data = shape_images(1000, seed=1)
        >>> classifier = fit_classifier(build_cnn(), data, epochs=5)
        >>> classifier
        <Classifier> cnn, 2 classes: circle, square
        input    32 x 32 x 3, values 0 to 255
        trained  5 epochs, loss 0.181, accuracy 0.943

    Source:
        Keras's `Model.fit`. MixUp: Zhang et al. (2018), arXiv:1710.09412. CutMix: Yun
        et al. (2019), arXiv:1905.04899. One cycle: Smith and Topin (2019),
        arXiv:1708.07120. Falls after half and three quarters of the epochs: He et al.
        (2016), arXiv:1512.03385, and Huang et al. (2017), arXiv:1608.06993.
        Exponential: Szegedy et al. (2016), arXiv:1512.00567. Plateau: Keras's
        `ReduceLROnPlateau`. Label smoothing: Szegedy et al. (2016), arXiv:1512.00567.
        Stages and learning rates by layer: Howard and Ruder (2018), arXiv:1801.06146;
        by three blocks of ConvNeXt: Liu et al. (2022), arXiv:2201.03545.
        Statistics of batch normalisation: Wu and Johnson (2021), arXiv:2105.07576.
    """
    settings = TrainingSettings(
        epochs=epochs,
        batch_size=batch_size,
        augmentation=augmentation,
        optimizer=optimizer,
        learning_rate=learning_rate,
        schedule=schedule,
        warmup_epochs=warmup_epochs,
        weight_decay=weight_decay,
        global_clipnorm=global_clipnorm,
        gradient_accumulation_steps=gradient_accumulation_steps,
        label_smoothing=label_smoothing,
        mixup=mixup,
        cutmix=cutmix,
        class_weight=class_weight,
        early_stopping=early_stopping,
        monitor=monitor,
        mode=mode,
        min_delta=min_delta,
        ema=ema,
        mixed_precision=mixed_precision,
        cache_features=cache_features,
        layer_decay=layer_decay,
        train_norm=train_norm,
        metrics=metrics,
        callbacks=callbacks,
    )
    devices = as_devices(distribute)
    progress = as_progress(progress)
    origin = origin_of(built(model, seed), output, as_bool(fresh, "fresh"))
    if stages is None:
        settings.ask_for_rates()
    parts = [None] if stages is None else as_stages(stages, settings, origin.model)
    of_parts = [part.settings if part else settings for part in parts]
    _check_monitors(settings, of_parts)
    check_one_schedule(origin.model, settings.optimizer, of_parts)
    if checkpoint_dir is not None:
        checkpoint_dir = as_path(checkpoint_dir, "checkpoint_dir")
    folders = _folders(checkpoint_dir, parts)
    runs = RunSequence(origin, data, validation, devices=devices, seed=seed)
    with held(checkpoint_dir if is_first_process() else None):
        if stages is not None and checkpoint_dir is not None:
            check_stages(folders, [stage.fingerprint for stage in parts])
        runs.train(parts, settings, folders, progress)
    seen = runs.seen()
    if runs.stopped == "interrupted":
        warn_user(_interruption(runs, folders), InterruptedWarning)
    runs.run.warn_of_overlap(seen)
    return _classifier(runs, settings, seen)


def _check_monitors(settings, of_parts):
    """Raise if a metric is to be monitored, and nothing follows from it."""
    if settings.monitor is None and settings.min_delta == 0:
        return
    if not any(part.monitors for part in of_parts):
        name = "monitor" if settings.monitor else "min_delta"
        raise ValueError(
            f"`{name}` is {shown(getattr(settings, name))}, but there is neither "
            "`early_stopping` nor a plateau to wait for. Give `early_stopping`, the "
            "number of epochs to wait, or leave it out."
        )


def _classifier(runs, settings, seen):
    """Return the classifier that the runs have made, and remember their images."""
    origin, run = runs.origin, runs.run
    seen = origin.seen | seen
    note_images(origin.model, seen)
    return Classifier(
        origin.model,
        run.class_names,
        runs.history,
        runs.stopped,
        kept_epoch=runs.kept_epoch,
        resize=run.resize or origin.resize,
        reading=run.reading or origin.reading,
        augmentation=settings.augmentation or origin.augmentation,
        trained_with=run.facts,
        output=origin.kind,
        seen=seen,
        weights=fingerprint(origin.model),
        class_shares=shares_after(origin, run),
    )


def _interruption(runs, folders):
    """Return what to tell the user of training that was cut off."""
    weights = "of that moment"
    if runs.run.keeps_best:
        kept = runs.run.kept_epoch
        weights = f"of epoch {kept}, the best so far" if kept else "from before it"
    text = f"Training was interrupted {runs.cut}. The classifier has the weights"
    text = f"{text} {weights}."
    if not any(folders):
        return text
    if not any(map(has_checkpoint, folders)):
        return f"{text} No checkpoint has been written."
    return f"{text} The same call resumes from its last checkpoint."


def _folders(checkpoint_dir, parts):
    """Return the folder for the checkpoint of each stage, or of the only one."""
    if checkpoint_dir is None:
        return [None] * len(parts)
    return [
        os.path.join(checkpoint_dir, f"stage-{stage.number}")
        if stage
        else checkpoint_dir
        for stage in parts
    ]
