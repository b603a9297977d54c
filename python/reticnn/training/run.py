"""One training run: its data, its model made ready, and what it keeps."""

import itertools
import math

from reticnn.coercion import as_seed
from reticnn.data.conversion import read_at_size
from reticnn.data.digest import image_weights_digest, images_digest, labels_digest
from reticnn.data.hashing import hashed, hashes_of
from reticnn.graph import leaves_of
from reticnn.memory import SeenImages, warn_of_seen
from reticnn.optimizers.levenberg_marquardt import LevenbergMarquardt
from reticnn.outputs import takes_one_hot, targets_of_classes
from reticnn.pretrained.freezing import set_flags
from reticnn.runtime.backend import keras
from reticnn.runtime.conditions import warn_user
from reticnn.runtime.keras_internals import (
    averages,
    innermost,
    scopes_kept,
    steps_done,
    sync_weights,
)
from reticnn.runtime.lazy import cached_property
from reticnn.runtime.randomness import DrawnSeed
from reticnn.runtime.stopping import comes_of_nan, comes_of_stopping, done_in_full
from reticnn.saving.fingerprint import (
    initial_digests,
    model_digest,
    optimizer_texts,
    rate_of,
)
from reticnn.training.batches import (
    EpochStarts,
    ImageBatches,
    TrainingImages,
    errors_as_raised,
)
from reticnn.training.callbacks.averaging import (
    AveragedTests,
    begin_averages,
    keep_averages,
    warn_of_young_averages,
)
from reticnn.training.callbacks.best_weights import BestWeights, History
from reticnn.training.callbacks.checkpoints import Checkpoints
from reticnn.training.callbacks.curvature import CurvatureEstimates, check_measurable
from reticnn.training.callbacks.epoch_progress import Position
from reticnn.training.callbacks.given import GivenCallbacks
from reticnn.training.callbacks.plateau import Plateau
from reticnn.training.callbacks.seeds import EpochSeeds, seed_layers, torch_state_kept
from reticnn.training.class_weights import shares_in_loss, weights_of_images
from reticnn.training.compiling import (
    build_optimizer,
    check_updates,
    compile_model,
    follow_trainable,
    set_learning_rate,
)
from reticnn.training.distributing import (
    check_batch_size,
    check_steps_one_by_one,
    check_trains_by_keras,
    distributed,
    placed,
    shared_seed,
)
from reticnn.training.feature_cache import feature_cache
from reticnn.training.fused_normalization import fused_normalization
from reticnn.training.labelled import training_data
from reticnn.training.layer_rates import check_rates, layered_rates
from reticnn.training.mixing import Mixing, metrics_of_main_classes
from reticnn.training.monitoring import monitor_of
from reticnn.training.pixel_values import know_images, unusual_values
from reticnn.training.precision import mixed_bfloat16
from reticnn.training.settling import Settling, statistics_kept


class TrainingRun:
    """A run from the first epoch, or from a checkpoint, to the last.

    Attributes:
        before: What was known of the model's training before the run. A run that
            resumes has kept it, as its model has been trained since.
        cut: Where training was cut off by the user, in words, or None.
        keeps_best: Whether the weights left are those of the best epoch.
        records: List of dicts, the metrics of each epoch.
        class_names: List of the classes.
        resize: How the training images were resized to the model's size, or None if
            they had it.
        reading: How their files were read in other respects, or None if they were none.
        seed: Whole number that fixes all that is random.
    """

    def __init__(
        self,
        model,
        data,
        validation,
        settings,
        *,
        kind,
        class_names=None,
        resize=None,
        reading=None,
        checkpoint_dir=None,
        devices=(),
        seed=None,
        stage=None,
        earlier=None,
        before=None,
        followed=False,
    ):
        """Check the data against the model, and make the model ready.

        Args:
            model: Keras model.
            data: Image data.
            validation: Image data, a fraction of `data`, or None.
            settings: `TrainingSettings`.
            kind: What the model's outputs are, as `output_kind` says it.
            class_names: What the outputs mean already, for a trained model.
            resize: How the images were resized that it has been trained on, or None.
            reading: How their files were read, or None.
            checkpoint_dir: Folder, or None.
            devices: Names of the devices that share the work, or none.
            seed: Whole number, or None.
            stage: `Stage` that the run is, or None if training has only one.
            earlier: The run of the stage before, or None.
            before: What is known of the model's training before the run, as JSON has
                it, or None.
            followed: Whether the next stage has a checkpoint already.
        """
        check_batch_size(settings.batch_size, devices)
        check_trains_by_keras(model, devices)
        check_rates(settings.layer_decay, devices)
        used = settings.optimizer or getattr(model, "optimizer", None)
        check_steps_one_by_one(
            used, settings.gradient_accumulation_steps, model, devices
        )
        given = None if isinstance(seed, DrawnSeed) else seed
        self.seed = earlier.seed if earlier else _seed_of(seed, devices)
        self._rate = None
        self._model = model
        self._kind = kind
        self._settings = settings
        self._policy = _sized(settings.augmentation, model, earlier is None)
        self._devices = devices
        self._stage = stage
        self._earlier = earlier
        self._checkpoints = _checkpoints(checkpoint_dir, settings, stage, given)
        there = self._checkpoints.record if self._checkpoints else None
        if there:
            self.seed = there["seed"]
        self.cut = None
        self.before = there["before"] if there else before
        self._kept_before = earlier.kept_epoch if earlier else 0
        self._first_epoch = earlier.end if earlier else 0
        self.keeps_best = settings.early_stopping is not None
        self._data, self._validation = training_data(
            model,
            data,
            validation,
            self.seed,
            self._policy,
            class_names,
            resize,
            reading,
            self.seen_before,
        )
        self.class_names = self._data.class_names
        self.resize = self._data.resize
        self.reading = self._data.reading
        self._weights = weights_of_images(self._data, settings.class_weight)
        know_images(model, self._data)
        initial = self._initial_weights() if self._checkpoints else None
        begun = {"first_step": there["first_step"]} if there else {}
        if there and initial is None and earlier is None:
            begun.update(_as_begun(model, there))
        # Features that cannot be kept are refused before the model is compiled.
        self._features, self._features_note = feature_cache(
            model, settings, self._images(), self._validation_images(), devices
        )
        self._make_ready(**begun)
        if self._features:
            self._features.compile_like(model)
        self._trained = self._features.rest if self._features else model
        self._history = History(there["records"] if there else ())
        validated = self._validation is not None
        self._monitor = monitor_of(settings, model, validated)
        self._best = BestWeights(
            settings.early_stopping,
            self._monitor,
            settings.min_delta,
            self._first_epoch,
            earlier.cost_as_now if earlier else math.inf,
        )
        if self._checkpoints:
            self._connect(given, initial)
            self._checkpoints.restore(followed)

    @property
    def facts(self):
        """What the classifier remembers of its training, as plain values by name."""
        return {
            "images": len(self._data),
            "validation_images": len(self._validation or ()),
            "batch_size": self._settings.batch_size,
            "learning_rate": None if self._rate is None else float(self._rate),
            "schedule": self._settings.schedule.to_config(),
            "monitor": self._monitor.to_config() if self._settings.monitors else None,
            "seed": self.seed,
            **unusual_values(self._data),
        }

    @property
    def class_shares(self):
        """`ClassShares`, how much of the loss was about each class."""
        return shares_in_loss(self._model, self._data, self._weights, self._settings)

    @property
    def note(self):
        """What a person should know about the run before it starts, or None."""
        notes = (self._stage and self._stage.note, self._features_note, self._resumed)
        return "\n".join(filter(None, notes)) or None

    @property
    def _resumed(self):
        """Say that the run goes on from a checkpoint, if it does."""
        if not self._checkpoints or not self._checkpoints.record or not self.records:
            return None
        return f"Resuming from the checkpoint after epoch {self.end}"

    @property
    def end(self):
        """The number of epochs up to here, those of earlier stages included."""
        return self._first_epoch + len(self.records)

    @property
    def kept_epoch(self):
        """The epoch whose weights are left, 0 for those from before the first one."""
        if not self.keeps_best:
            return self.end
        from_before = self._best.epoch < self._first_epoch
        return self._kept_before if from_before else self._best.epoch + 1

    @property
    def cost_as_now(self):
        """The cost of the weights that are left, infinite if nothing says that.

        A loss has in it what Keras adds for regularised weights if they are trainable:
        of those that are now, and not of those of this run.
        """
        if not self.keeps_best:
            return math.inf
        if not self._monitor.is_loss:
            return self._best.cost
        change = _penalty(self._model) - self._penalty
        return self._best.cost + self._monitor.sign * change

    @property
    def checkpoint(self):
        """What no other run's checkpoint has, or None without one."""
        return self._checkpoints and self._checkpoints.run

    @property
    def records(self):
        """The metrics of each epoch so far."""
        return self._history.records

    @property
    def resumes(self):
        """Whether the run goes on from a checkpoint."""
        return self._checkpoints is not None and self._checkpoints.record is not None

    @property
    def seen_before(self):
        """The `SeenImages` of the model before the run."""
        return SeenImages.from_config((self.before or {}).get("seen"))

    def seen(self, only_read=False):
        """Return the `SeenImages` of the run.

        Args:
            only_read: True looks at no image that training has not read. Default False.
        """
        data = hashed(read_at_size(self._data, self._model.input_shape[1:], "data"))
        # Of images that are cropped in training, it is not known which were read.
        some = only_read or (data is self._data and not self.records)
        trained_on = hashes_of(data, only_read=some)
        held_out = hashes_of(self._validation or data[:0], only_read=only_read)
        return SeenImages() | SeenImages(trained_on, held_out)

    def warn_of_overlap(self, seen):
        """Warn if images for validation are among those for training."""
        if self._validation is not None:
            only_read = self.cut is not None
            warn_of_seen(self._validation, seen, "validation", only_read)

    def train(self, verbose, reporters):
        """Train to the end, and return why it came early, or None."""
        check_updates(self._model, *self._updates)
        last = self._first_epoch + self._settings.epochs
        done = min(self.end, last)
        if self._best.stopped:
            done = last
        batches, held_out = self._batches(), self._validation_batches()
        position = Position()
        callbacks = [
            position,
            EpochStarts(batches),
            EpochSeeds(self.seed),
            *self._curvature_estimates(),
            # As in Keras, what they add to the metrics is seen by all that follow.
            *self._given_callbacks(),
            *reporters,
            self._history,
            *self._rate_changes(),
            self._best,
        ]
        if averages(self._model.optimizer):
            # After the best weights, which are to be seen while they are averages.
            callbacks.append(AveragedTests())
        # After the averages have come in for a validation.
        if self._settings.train_norm:
            callbacks.append(self._settling())
        if self._checkpoints:
            callbacks.append(self._checkpoints)
        stopped = None
        precision = mixed_bfloat16(self._model, self._settings.mixed_precision)
        spread = distributed(self._model, self._devices, batches)
        rates = layered_rates(self._model, self._trained, self._settings.layer_decay)
        norms = statistics_kept(
            self._model, self._trained, not self._settings.train_norm
        )
        fused = fused_normalization(self._trained)
        metrics = metrics_of_main_classes(self._trained, self._settings.mixes)
        # Of an evaluation since, which a part of the model does not know of.
        self._model.reset_metrics()
        errors = errors_as_raised(batches, held_out)
        with (
            errors,
            torch_state_kept(),
            precision,
            fused,
            spread,
            rates,
            norms,
            metrics,
        ):
            try:
                with scopes_kept():
                    self._trained.fit(
                        placed(batches, self._devices),
                        validation_data=placed(held_out, self._devices),
                        epochs=last,
                        initial_epoch=done,
                        shuffle=False,  # ImageBatches shuffles, by the seed.
                        verbose=verbose,
                        callbacks=callbacks,
                    )
            except BaseException as error:
                if comes_of_nan(error):
                    stopped = "nan"
                elif comes_of_stopping(error):
                    stopped = "interrupted"
                    self.cut = str(position)
                else:
                    raise
                if verbose == 1:
                    print()  # Keras's bar does not end its line.
            finally:
                sync_weights(self._trained)
                # The model itself has the same metrics, and does not know of their use.
                self._trained.reset_metrics()
        return self._finished(stopped)

    def settle(self):
        """Let running statistics be those of the weights that are left."""
        if not self._settings.train_norm:
            return
        if self.keeps_best and self._best.epoch < self._first_epoch:
            # They are from before this run, and so are their statistics.
            return
        with scopes_kept():
            self._settling().settle()

    def _settling(self):
        """Return what settles the statistics, on images as inference has them."""
        model, images = self._trained, self._images_to_fit
        if self._policy is not None:
            model, shape = self._model, self._model.input_shape[1:]
            images = TrainingImages(read_at_size(self._data, shape, "data"))
        return Settling(
            model, images, self._settings.batch_size, self.seed, self._first_epoch
        )

    def losses_of_steps(self):
        """Train step by step, without an end, and yield the loss of each.

        A last batch with fewer images than the others is left out, which would weigh as
        much as they do.
        """
        batches = self._batches()
        estimates = self._curvature_estimates()
        for callback in estimates:
            callback.set_model(self._trained)
            callback.on_train_begin()
        whole = max(1, len(self._data) // self._settings.batch_size)
        for epoch in itertools.count():
            batches.start_epoch(epoch)
            for callback in estimates:
                callback.on_epoch_begin(epoch)
            for number in range(whole):
                self._trained.reset_metrics()
                batch = batches[number]
                yield self._loss_of_step(batch)

    def _loss_of_step(self, batch):
        try:
            logs = self._trained.train_on_batch(*batch, return_dict=True)
        except RuntimeError as error:
            if not comes_of_nan(error):
                raise
            return math.nan
        return float(logs["loss"])

    def _curvature_estimates(self):
        """Return the callback that estimates curvatures, if the optimizer needs it."""
        if not isinstance(innermost(self._model.optimizer), LevenbergMarquardt):
            return []
        estimates = CurvatureEstimates(
            self._images(), self.seed, self._kind, self._weights
        )
        return [estimates]

    def _rate_changes(self):
        """Return the callback that changes the learning rate as training goes."""
        schedule = self._settings.schedule
        if schedule.kind != "plateau":
            return []
        warmup_epochs = self._settings.warmup_epochs
        return [Plateau(schedule.settings, self._monitor, self.records, warmup_epochs)]

    def _given_callbacks(self):
        """Return what calls the callbacks of the user's, if there are any."""
        given = self._settings.callbacks
        if not given:
            return []
        if self.resumes and self.records:
            warn_user(
                "`callbacks` start afresh when the run resumes from its checkpoint, "
                "which does not include their own state, such as counts and best "
                "values."
            )
        return [GivenCallbacks(given, self._model, self._best)]

    def _finished(self, stopped):
        """Restore the best weights if wanted, and return why training stopped."""
        stopped = stopped or self._best.stopped
        by_hand = stopped == "interrupted" and self._validation is not None
        self.keeps_best = self.keeps_best or by_hand or stopped == "nan"
        if not done_in_full(self._put_weights) and stopped != "nan":
            stopped = "interrupted"
            self.cut_off()
        self._penalty = _penalty(self._model)
        if stopped == "nan":
            warn_user(
                f"The loss became NaN in epoch {self.end + 1}, and training "
                "stopped. Try a lower `learning_rate`, `warmup_epochs`, or batch "
                "normalisation, and look for wrong pixels in the images. The weights "
                "are those of the best epoch before that."
            )
        return stopped

    def leave(self):
        """Note in the checkpoints of all stages how the model is left."""
        if self._checkpoints:
            self._checkpoints.leave()
        if self._earlier:
            self._earlier.leave()

    def cut_off(self):
        """Note that the user does not wait for what comes after the last epoch."""
        self.cut = self.cut or f"after epoch {self.end}"

    def _put_weights(self):
        """Have the weights in the model that are to be kept."""
        if self.keeps_best and self._best.weights:
            self._best.restore(self._trained)
        else:
            keep_averages(self._trained)

    def _make_ready(self, first_step=None, learning_rate=None):
        """Compile the model, set its learning rate, and seed its random layers.

        Args:
            first_step: The optimizer's step at which the run began, or None for now.
            learning_rate: The one with which it began if the settings have none.
        """
        settings = self._settings
        if self._earlier is None:
            compile_model(self._model, settings, self._kind)
        else:
            follow_trainable(self._model)
        if isinstance(innermost(self._model.optimizer), LevenbergMarquardt):
            check_measurable(self._model)
        # What the loss is given for each class.
        self._targets = targets_of_classes(
            self._model.output_shape[1], takes_one_hot(self._model)
        )
        steps = -(-len(self._data) // settings.batch_size)
        self._updates = steps * settings.epochs, first_step
        self._rate = set_learning_rate(
            self._model,
            settings.learning_rate or learning_rate,
            settings.schedule,
            steps,
            settings.epochs,
            settings.warmup_epochs,
            first_step,
        )
        build_optimizer(self._model)
        begin_averages(self._model)
        warn_of_young_averages(self._model, steps * settings.epochs)
        seed_layers(self._model, self.seed)

    def _connect(self, seed_given, initial):
        """Compare the run with that in the checkpoint, and say what to write there."""
        texts = {
            **_texts(self._settings, self._stage, seed_given),
            **optimizer_texts(self._model.optimizer),
        }
        digests = {
            "images": images_digest(self._data),
            "labels": labels_digest(self._data),
            "weights of images": image_weights_digest(self._data),
            "layers, loss or frozen layers of the model": model_digest(self._model),
        }
        if self._validation is not None:
            digests["validation images"] = images_digest(self._validation)
            digests["labels in validation"] = labels_digest(self._validation)
            digests["weights in validation"] = image_weights_digest(self._validation)
        checkpoints = self._checkpoints
        checkpoints.check(texts, digests)
        if initial and checkpoints.record:
            checkpoints.check_initial(initial)
        facts = checkpoints.record or {
            "texts": texts,
            "digests": digests,
            "initial": initial,
            "seed": self.seed,
            "first_step": steps_done(self._model.optimizer),
            "rate": rate_of(self._model.optimizer),
            "trained_layers": [layer.trainable for layer in leaves_of(self._model)],
            "before": self.before,
            "after": self._earlier and self._earlier.checkpoint,
        }
        checkpoints.connect(
            self._model, self._trained, facts, self._history, self._best
        )

    def _initial_weights(self):
        """Return digests of the weights before the run, or None.

        A stage has those that the one before it has left; and where the run has left
        the model itself, they are no longer there.
        """
        if self._earlier or self._checkpoints.has_left(self._model):
            return None
        return initial_digests(self._model)

    def _images(self):
        return TrainingImages(self._data, self._policy, self.seed)

    def _validation_images(self):
        return self._validation and TrainingImages(self._validation)

    @cached_property
    def _images_to_fit(self):
        """What training reads: images, or their features where those are kept."""
        images = self._images()
        return self._features.training(images) if self._features else images

    def _batches(self):
        settings = self._settings
        return ImageBatches(
            self._data,
            settings.batch_size,
            self.seed,
            targets=self._targets,
            weights=self._weights,
            images=self._images_to_fit,
            mixing=Mixing(settings.mixup, settings.cutmix) if settings.mixes else None,
        )

    def _validation_batches(self):
        if self._validation is None:
            return None
        images = self._validation_images()
        if self._features:
            images = self._features.validation(images)
        return ImageBatches(
            self._validation,
            self._settings.batch_size,
            targets=self._targets,
            weights=weights_of_images(self._validation),
            images=images,
        )


def _seed_of(seed, devices):
    """Return the number for a seed given by the user, drawn by R, or not there."""
    number = seed.number if isinstance(seed, DrawnSeed) else seed
    return shared_seed(as_seed(number), devices)


def _sized(policy, model, is_new):
    """Return a policy, with results of the model's size if it leaves that open.

    What is to be said of a policy that is new is said.
    """
    size = model.input_shape[1:3]
    if policy is None or None in size:
        return policy
    for remark in policy.remarks(size) if is_new else []:
        warn_user(f"`augmentation`: {remark}")
    return policy.at_size(size)


def _checkpoints(folder, settings, stage, seed):
    """Return the checkpoints in a folder, if those there are of such a run, or None."""
    if folder is None:
        return None
    checkpoints = Checkpoints(folder)
    checkpoints.check(_texts(settings, stage, seed), {})
    checkpoints.check_epochs(settings.epochs)
    return checkpoints


def _as_begun(model, there):
    """Let a model that a run has left begin as it did, and return its learning rate.

    Later stages may have trained other layers, at another rate.
    """
    leaves, flags = leaves_of(model), there["trained_layers"]
    if [layer.trainable for layer in leaves] != flags and len(leaves) == len(flags):
        pairs = zip(leaves, flags, strict=True)
        set_flags(model, {id(layer) for layer, trained in pairs if trained})
    return {"learning_rate": there["rate"]}


def _penalty(model):
    """Return what the loss has in it for the sizes of the trainable weights."""
    return sum(
        float(keras.ops.convert_to_numpy(weight.regularizer(weight)))
        for weight in model.trainable_variables
        if weight.regularizer is not None
    )


def _texts(settings, stage, seed):
    """Return what a run was asked for as texts by name."""
    return {
        **settings.fingerprint(),
        "stages": stage.fingerprint if stage else "none",
        "seed": "none" if seed is None else str(as_seed(seed)),
        "backend": keras.backend.backend(),
    }
