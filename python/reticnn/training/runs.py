"""The runs of one training, one after the other: a run per stage."""

from reticnn.graph import set_trainable_flags, trainable_flags
from reticnn.memory import keep_beginning, note_images
from reticnn.runtime.stopping import StoppedError, listening, note_taken, wanted_for
from reticnn.training.callbacks.checkpoints import has_checkpoint
from reticnn.training.callbacks.epoch_progress import (
    in_reading_order,
    progress_reporters,
)
from reticnn.training.run import TrainingRun

# Whoever stops a training waits no longer than that, once for better statistics and
# once for the images to be known again.
_LAST_SECONDS = 0.2


class RunSequence:
    """What is trained by a run per stage, or by a single one.

    Attributes:
        origin: `Origin`, what was known of the model before the first run.
        history: Metrics of all epochs, those of earlier training included.
        run: The latest `TrainingRun`, or None before the first.
        stopped: Why training came to an early end, or None.
        cut: Where it was cut off by the user, in words, or None.
    """

    def __init__(self, origin, data, validation, **common):
        """Take an `Origin`, the data, and what else all runs have in common."""
        self.origin = origin
        self.history = origin.history
        self.run = self.stopped = self.cut = None
        self._data = data, validation
        self._common = common

    @property
    def kept_epoch(self):
        """The epoch whose weights are left, of all that there have been."""
        kept = self.run.kept_epoch
        return self.origin.epochs + kept if kept else self.origin.kept_epoch

    def train(self, stages, settings, folders, progress):
        """Train one stage after the other, until one of them is stopped.

        Args:
            stages: List of `Stage`s, or of None for a run that is not one.
            settings: `TrainingSettings` of a run that is not a stage.
            folders: The folder for the checkpoint of each, or None.
            progress: As `as_progress` returns it.
        """
        with listening():
            for number, (stage, folder) in enumerate(zip(stages, folders, strict=True)):
                self._begin(
                    stage,
                    stage.settings if stage else settings,
                    checkpoint_dir=folder,
                    followed=any(map(has_checkpoint, folders[number + 1 : number + 2])),
                )
                if not self.stopped:
                    self._finish(stage, progress)
                if self.stopped in ("interrupted", "nan"):
                    return

    def seen(self):
        """Return the `SeenImages` of the latest run, at least those it has read."""
        try:
            with wanted_for(self._seconds_left):
                return self.run.seen()
        except StoppedError:
            pass
        except KeyboardInterrupt:
            self._cut_off()
        return self.run.seen(only_read=True)

    @property
    def _seconds_left(self):
        """How long what is left to do may take at most, or None."""
        return _LAST_SECONDS if self.stopped == "interrupted" else None

    def _begin(self, stage, settings, **places):
        """Make the run of a stage ready, unless the user cuts that off."""
        model = self.origin.model
        flags = trainable_flags(model)
        self.stopped = None
        try:
            if stage:
                stage.choose_layers(model)
            keep_beginning(model)
            run = TrainingRun(
                model,
                *self._data,
                settings,
                kind=self.origin.kind,
                class_names=self.origin.class_names,
                resize=self.origin.resize if self.origin.epochs else None,
                reading=self.origin.reading if self.origin.epochs else None,
                stage=stage,
                earlier=self.run,
                before={
                    "history": self.history,
                    "kept_epoch": self.origin.kept_epoch,
                    "seen": self.origin.seen.to_config(),
                },
                **places,
                **self._common,
            )
        except BaseException as error:
            if self.run is None:
                # Nothing has been trained yet, and nothing is frozen by that.
                set_trainable_flags(model, flags)
            if self.run is None or not isinstance(error, KeyboardInterrupt):
                raise
            note_taken()
            self.stopped, self.cut = "interrupted", f"before stage {stage.number}"
            return
        if self.run is None:
            self.origin = self.origin.as_before(run)
            self.history = self.origin.history
            self.origin.warn_if_trained()
        self.run = run

    def _finish(self, stage, progress):
        """Train the run, and leave the model as it is to be."""
        run = self.run
        reporters = progress_reporters(progress, self._common["devices"], run.note)
        try:
            self.stopped = run.train(*reporters)
        except BaseException:
            note_images(self.origin.model, run.seen(only_read=True))
            # Once it is mended, the same call goes on with this model too.
            run.leave()
            raise
        self.cut = run.cut
        self.history = _joined_history(self.history, run.records, stage)
        try:
            with wanted_for(self._seconds_left):
                run.settle()
        except KeyboardInterrupt:
            self._cut_off()
        run.leave()

    def _cut_off(self):
        """Note that the user does not wait for what comes after training."""
        note_taken()
        self.run.cut_off()
        self.stopped, self.cut = "interrupted", self.run.cut


def _joined_history(earlier, records, stage):
    """Return the epochs' records as a table, after that of earlier training."""
    names = in_reading_order({name for record in records for name in record})
    if stage:
        names = ["stage", *names]
        records = [{"stage": stage.number, **record} for record in records]
    before = len(earlier["epoch"])
    history = {
        name: [
            *earlier.get(name, [_missing(name)] * before),
            *(record.get(name, _missing(name)) for record in records),
        ]
        for name in dict.fromkeys(["epoch", *names, *earlier])
    }
    return {**history, "epoch": list(range(1, before + len(records) + 1))}


def _missing(name):
    """Return what stands for a value that an epoch does not have."""
    return None if name == "stage" else float("nan")
