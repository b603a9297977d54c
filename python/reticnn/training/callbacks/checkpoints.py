"""Resume a training run that was interrupted, as if it had not been."""

import json
import os
import zipfile

import numpy as np

from reticnn.coercion import as_path, shown
from reticnn.runtime.backend import keras

_FILE = "reticnn-checkpoint.npz"
_FORMAT = 1


class Checkpoints(keras.callbacks.Callback):
    """Write the whole state of training after each epoch, and read it again.

    It is written before the first epoch too: the initial weights may be unrepeatable.

    A file is written next to the last one and replaces it when complete, so that there
    is one good checkpoint at any moment.
    """

    def __init__(self, folder):
        """Take the folder, which is made if it is not there."""
        super().__init__()
        folder = as_path(folder, "checkpoint_dir")
        os.makedirs(folder, exist_ok=True)
        self.path = os.path.join(folder, _FILE)
        self._record, self._arrays = self._read()

    @property
    def seed(self):
        """The seed of the run that is there, or None."""
        return self._record["seed"] if self._record else None

    @property
    def records(self):
        """The history of the run that is there."""
        return self._record["records"] if self._record else []

    @property
    def stopped(self):
        """Why the run that is there ended, or None."""
        return self._record["stopped"] if self._record else None

    def connect(self, settings, seed, history, best):
        """Take what else is to be kept, and compare the run that is there with it."""
        self._settings = settings
        self._seed = seed
        self._history = history
        self._best = best
        if self._record:
            self._check_settings()

    def restore(self, model):
        """Put the state of the run that is there, if there is one, into the model."""
        if not self._record:
            return
        variables = _variables(model)
        for index, variable in enumerate(variables):
            variable.assign(self._arrays[f"variable_{index}"])
        count = self._record["best_weights"]
        best = [self._arrays[f"best_{index}"] for index in range(count)]
        self._best.weights = best
        self._best.loss = self._record["best_loss"]
        self._best.epoch = self._record["best_epoch"]
        self._best.stopped = self._record["stopped"]
        self._arrays = None

    def on_train_begin(self, logs=None):
        """Write the state before the first epoch."""
        if not self._record:
            self.write()

    def on_epoch_end(self, epoch, logs=None):
        """Write the state of training, unless the loss is NaN."""
        if self._best.stopped != "nan":
            self.write()

    def write(self):
        """Write the state of training in place of the last one."""
        best = self._best.weights
        record = {
            "format": _FORMAT,
            "settings": self._settings,
            "seed": self._seed,
            "records": self._history.records,
            "stopped": self._best.stopped,
            "best_loss": self._best.loss,
            "best_epoch": self._best.epoch,
            "best_weights": len(best),
        }
        arrays = {
            f"variable_{index}": keras.ops.convert_to_numpy(variable)
            for index, variable in enumerate(_variables(self.model))
        }
        arrays.update({f"best_{index}": array for index, array in enumerate(best)})
        arrays["record"] = np.array(json.dumps(record))
        unfinished = f"{self.path}.{os.getpid()}.tmp"
        try:
            with open(unfinished, "wb") as file:
                np.savez(file, **arrays)
                file.flush()
                os.fsync(file.fileno())
            os.replace(unfinished, self.path)
        except OSError as error:
            if os.path.exists(unfinished):
                os.remove(unfinished)
            raise OSError(
                f"`checkpoint_dir`: the state after epoch {len(self._history.records)} "
                f"could not be written ({error.strerror or error}). The last good "
                f"checkpoint, {self.path!r}, is unchanged. Free some space, and run "
                "the same call again."
            ) from error

    def _read(self):
        """Return the record and the arrays of the run that is there, or nothing."""
        if not os.path.exists(self.path):
            return None, None
        try:
            with np.load(self.path, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            record = json.loads(str(arrays.pop("record")))
            if record["format"] > _FORMAT:
                raise ValueError("it comes from a newer reticnn")
        except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(
                f"`checkpoint_dir` has a checkpoint that cannot be used ({error}): "
                f"{self.path!r}. Delete it to start again from the beginning."
            ) from error
        return record, arrays

    def _check_settings(self):
        """Raise if the run in the folder is not the one that was asked for."""
        there = self._record["settings"]
        other = [
            f"{name}: there {shown(there.get(name))}, here {shown(value)}"
            for name, value in self._settings.items()
            if there.get(name) != value
        ]
        if other:
            raise ValueError(
                f"`checkpoint_dir` has the checkpoint of another run, {self.path!r}: "
                f"{'; '.join(other)}. Use another folder, or delete the file."
            )


def _variables(model):
    """Return all variables that training changes, in a fixed order."""
    model.optimizer.build(model.trainable_variables)
    return [*model.variables, *model.optimizer.variables]
