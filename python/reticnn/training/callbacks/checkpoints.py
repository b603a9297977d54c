"""Resume a training run that was interrupted, as if it had not been."""

import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
import zipfile

import numpy as np

from reticnn.coercion import shown
from reticnn.runtime.backend import keras
from reticnn.runtime.conditions import CheckpointError, warn_user
from reticnn.runtime.files import opened
from reticnn.runtime.keras_internals import place_of_rate
from reticnn.runtime.locks import FileLock, HeldError, lives
from reticnn.runtime.stopping import assign_in_full
from reticnn.runtime.writing import reason_of, replacing, sweep, way_out_of
from reticnn.saving.fingerprint import weights_digest

_FILE = "reticnn-checkpoint.npz"
_LOCK = "reticnn-checkpoint.lock"
_FORMAT = 3
# Files of this format, without a seal, are still read.
_UNSEALED_FORMAT = 2
# What the file has of the run, beside its arrays, and which models it has left.
_RECORD, _LEFT = "record", "left-"

# The comment at the very end of the file: these words, and a digest of all before it.
_SEAL = b"reticnn checkpoint "
_DIGEST_LENGTH = 32


class Checkpoints(keras.callbacks.Callback):
    """Write the whole state of training after each epoch, and read it again.

    It is written before the first epoch too: the initial weights may be unrepeatable.
    The frozen beginning of a model, whose features are kept, is not written, and has to
    be the same when the run goes on.

    A file is written next to the last one and replaces it when complete, so that there
    is one good checkpoint at any moment.

    Attributes:
        path: The file.
        record: Dict of what the run that is there has noted, or None.
        run: Text that no other run has.
    """

    def __init__(self, folder):
        """Take the folder, which is made if it is not there."""
        super().__init__()
        _make(folder)
        sweep(folder)
        _sweep_older(folder)
        self.path = _path_in(folder)
        self.record, self._arrays, self._left = self._read()
        # Whether the file is to have a seal.
        self._sealed = bool(self.record) and self.record["format"] > _UNSEALED_FORMAT
        self.run = self.record["run"] if self.record else secrets.token_hex(8)

    def check(self, texts, digests):
        """Raise if the run in the folder is not the one that was asked for.

        Args:
            texts: Dict of texts by name, of what can be shown.
            digests: Dict of texts by name, of what can only be told apart.
        """
        if self.record:
            _check(self.record, self.path, texts, digests)

    def check_epochs(self, epochs):
        """Raise if more epochs are done than were asked for, or no more can be noted.

        Raises:
            CheckpointError: If there are more epochs.
            PermissionError: If the folder may not be written, and training goes on.
        """
        done = len(self.record["records"]) if self.record else 0
        if done > epochs:
            problem = f"epochs: there {done} are done, here {epochs} asked for"
            raise _of_another_run(self.path, [problem])
        ended = self.record and (done == epochs or self.record["stopped"])
        folder = os.path.dirname(self.path)
        if not ended and not os.access(folder, os.W_OK):
            raise PermissionError(
                f"`checkpoint_dir` is a folder that may not be written: {folder!r}. "
                "Change its permissions, or use another folder."
            )

    def check_initial(self, digests):
        """Compare the weights of a model with those that the run began with.

        Raises:
            CheckpointError: If they differ in more than what was drawn at random.
        """
        there = self.record["initial"]
        if there["weights"] != digests["weights"]:
            raise _of_another_run(self.path, ["other initial weights"])
        if there["drawn"] != digests["drawn"]:
            warn_user(
                "`model` has other random weights than those with which the run in "
                "`checkpoint_dir` began; training continues from the latter. Build it "
                "with the same seed to be sure that it is the same run, or use another "
                f"folder for a new one: {self.path!r}"
            )

    def has_left(self, model):
        """Return whether a model is as the run left it when it was last cut off.

        That may have been when the state was in the model, and before training began.
        """
        left = bool(self._left) and weights_digest(model.weights) in self._left
        return left or self._has_put_in(model)

    def _has_put_in(self, model):
        """Return whether a model has the trained weights that are in the file."""
        arrays = self._arrays if self.record and self.record["records"] else {}
        places = _places(model.variables, "variable", model.weights)
        places = {name: places[name] for name in places if name in arrays}
        return bool(places) and all(
            np.array_equal(arrays[name], keras.ops.convert_to_numpy(variable))
            for name, variable in places.items()
        )

    def connect(self, model, trained, facts, history, best):
        """Take what is to be written.

        Args:
            model: Keras model.
            trained: The part of it that is trained, a model of the same layers.
            facts: Dict of what the record has of the run from its beginning on.
            history: `History`.
            best: `BestWeights`.
        """
        self._whole, self._trained = model, trained
        self._facts, self._history, self._best = facts, history, best

    def restore(self, followed):
        """Put the state of the run that is there, if there is one, into the model.

        Ctrl-C leaves the model as it was.

        Args:
            followed: Whether a later stage has a checkpoint too. What is frozen now may
                have been trained since, and the later state is put in place of it.
        """
        if not self.record:
            return
        if not followed:
            self._check_frozen()
        arrays = self._arrays
        places = _places(self._whole.variables, "variable")
        places.update(_optimizer_places(self._trained.optimizer, arrays))
        places = {name: places[name] for name in arrays if name in places}
        before = [
            (variable, keras.ops.convert_to_numpy(variable).copy())
            for variable in places.values()
        ]
        try:
            for name, variable in places.items():
                variable.assign(arrays[name])
            self._take_best()
        except KeyboardInterrupt:
            assign_in_full(before)
            raise
        self._arrays = None

    def _take_best(self):
        """Put what is known of the best weights where that is kept."""
        arrays = self._arrays
        self._best.weights = [
            arrays[name] if name in arrays else keras.ops.convert_to_numpy(weight)
            for name, weight in self._kept().items()
        ]
        self._best.cost = self.record["best_loss"]
        self._best.epoch = self.record["best_epoch"]
        self._best.stopped = self.record["stopped"]

    def on_train_begin(self, logs=None):
        """Write the state before the first epoch."""
        if not self.record:
            self.write()

    def on_epoch_end(self, epoch, logs=None):
        """Write the state of training, unless the loss is NaN."""
        if self._best.stopped != "nan":
            self.write()

    def write(self):
        """Write the state of training in place of the last one."""
        places = _places(self._whole.variables, "variable", self._trained.variables)
        frozen = [v for v in self._whole.variables if id(v) not in _ids(places)]
        places.update(_places(self._trained.optimizer.variables, "optimizer"))
        arrays = {
            name: keras.ops.convert_to_numpy(variable)
            for name, variable in places.items()
        }
        arrays.update(zip(self._kept(), self._best.weights, strict=True))
        record = {
            **self._facts,
            "format": _FORMAT,
            "run": self.run,
            "frozen": weights_digest(frozen),
            "records": self._history.records,
            "stopped": self._best.stopped,
            "best_loss": self._best.cost,
            "best_epoch": self._best.epoch,
        }
        arrays[_RECORD] = np.array(json.dumps(record))
        with (
            replacing(self.path, self._unwritten) as whole,
            open(whole, "w+b") as file,
        ):
            np.savez(file, **arrays)
            _seal(file)
        self._left, self._sealed = set(), True

    def _unwritten(self, error):
        """Return what to say where the state of training could not be written."""
        done = len(self._history.records)
        when = f"after epoch {done}" if done else "before the first epoch"
        folder = os.path.dirname(self.path)
        if os.path.exists(self.path):
            rest = (
                f"The last good checkpoint, {self.path!r}, is unchanged. "
                f"{way_out_of(error)}, and run the same call again."
            )
        elif os.path.isdir(folder):
            rest = (
                f"There is no checkpoint in {folder!r}. {way_out_of(error)}, or use "
                "another folder."
            )
        else:
            rest = f"The folder is gone: {folder!r}. Use one that stays."
        return (
            f"`checkpoint_dir`: the state {when} could not be written "
            f"({reason_of(error)}). {rest}"
        )

    def leave(self):
        """Note the weights with which the model is left, to know it again."""
        digest = weights_digest(self._whole.weights)
        if digest in self._left or not os.path.exists(self.path):
            return
        # Not a reason to lose the classifier.
        with (
            contextlib.suppress(OSError),
            replacing(self.path, self._unwritten) as whole,
            open(whole, "w+b") as file,
        ):
            with open(self.path, "rb") as last:
                shutil.copyfileobj(last, file)
            # A new seal would say of damage that it had been written.
            if self._sealed and not _is_sealed(file):
                warn_user(
                    "`checkpoint_dir`: the checkpoint has changed since it was "
                    f"written, and the run cannot continue from it: {self.path!r}"
                )
                return
            _seal(file, _LEFT + digest)
            self._left.add(digest)

    def _kept(self):
        """Return the weights of which the best are kept, by name in the file."""
        return _places(self._whole.weights, "best", self._trained.weights)

    def _check_frozen(self):
        """Raise if what the file does not have is not as it was."""
        places = _places(self._whole.variables, "variable")
        frozen = [v for name, v in places.items() if name not in self._arrays]
        optimizer = _optimizer_places(self._trained.optimizer, self._arrays)
        problems = []
        if weights_digest(frozen) != self.record["frozen"]:
            problems = ["other weights in the frozen layers"]
        elif not optimizer or any(
            self._arrays[name].shape != tuple(variable.shape)
            for name, variable in {**places, **optimizer}.items()
            if name in self._arrays
        ):
            problems = ["another model"]
        if problems:
            raise _of_another_run(self.path, problems)

    def _read(self):
        """Return record and arrays of the run that is there, and how it left models."""
        if not os.path.lexists(self.path):
            return None, None, set()
        with _opened(self.path) as (record, archive):
            names = [name for name in archive.files if name != _RECORD]
            left = [name for name in names if name.startswith(_LEFT)]
            arrays = {name: archive[name] for name in names if name not in left}
        return record, arrays, {name.removeprefix(_LEFT) for name in left}


@contextlib.contextmanager
def held(folder):
    """Keep runs of other processes out of a folder, made if it is not there.

    Args:
        folder: The folder, or None for nothing.

    Raises:
        CheckpointError: If another run is going on in the folder, or that cannot be
            known.
        ValueError: If it is a file.
        OSError: If it cannot be made.
    """
    lock = None
    if folder is not None:
        _make(folder)
        path = os.path.join(folder, _LOCK)
        try:
            lock = FileLock(path)
        except HeldError as other:
            raise CheckpointError(
                f"`checkpoint_dir` is in use by another run, of {other}: {folder!r}. "
                "Wait until that has ended, or use another folder."
            ) from None
        except OSError as error:
            # That nothing can be written is said where something is to be.
            if os.path.lexists(path):
                raise CheckpointError(
                    "`checkpoint_dir` may be in use by another run: its lock cannot be "
                    f"checked ({reason_of(error)}): {path!r}. Delete it if there is no "
                    "such run, or use another folder."
                ) from error
    try:
        yield
    finally:
        if lock:
            lock.release(delete=True)


def _path_in(folder):
    """Return the path of the checkpoint in a folder."""
    return os.path.join(folder, _FILE)


def check_stages(folders, fingerprints):
    """Raise if a later stage has a checkpoint that no longer follows the one before.

    That would show only once the stages before it have been trained.

    Args:
        folders: List of the folders of the stages.
        fingerprints: List of texts that differ where the stages up to each do.
    """
    before = None
    for folder, fingerprint in zip(folders, fingerprints, strict=True):
        path, record = _path_in(folder), None
        if os.path.lexists(path):
            with _opened(path) as (record, _):
                pass
            _check(record, path, {"stages": fingerprint}, {})
            if record["after"] != before:
                raise _of_another_run(path, ["another run of the stage before it"])
        before = record and record["run"]


def has_checkpoint(folder):
    """Return whether there is a checkpoint in a folder, which may be None."""
    return folder is not None and os.path.isfile(_path_in(folder))


def _make(folder):
    """Make a folder, and those that it is in, unless it is there."""
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        if os.path.exists(folder):
            raise ValueError(
                f"`checkpoint_dir` must be a folder, and {folder!r} is a file. Use "
                "another name."
            ) from error
        raise OSError(
            f"`checkpoint_dir` cannot be made ({reason_of(error)}): {folder!r}. Use "
            "another folder."
        ) from error


def _sweep_older(folder):
    """Delete what older versions have left of the files that they were writing."""
    names = []
    with contextlib.suppress(OSError):  # Some may be written and not listed.
        names = os.listdir(folder)
    for name in names:
        writer = re.fullmatch(rf"{re.escape(_FILE)}\.(\d+)\.tmp", name)
        # Windows deletes no file that a process has open.
        if writer and (os.name == "nt" or _is_past(int(writer[1]))):
            with contextlib.suppress(OSError):
                os.remove(os.path.join(folder, name))


def _is_past(process):
    """Return whether a process has ended; this one writes no such files any more."""
    return process == os.getpid() or not lives(process)


def _seal(file, *names):
    """Add empty entries to a file of arrays, and let it end in a digest of it all."""
    with zipfile.ZipFile(file, "a") as archive:
        for name in names:
            archive.writestr(name, b"")
        archive.comment = _SEAL + b"0" * _DIGEST_LENGTH
    end = file.seek(-_DIGEST_LENGTH, os.SEEK_END)
    digest = _digest(file, end)
    file.seek(end)
    file.write(digest)


def _is_sealed(file):
    """Return whether a file ends in a digest of it all."""
    length = file.seek(0, os.SEEK_END)
    end = length - _DIGEST_LENGTH
    file.seek(max(0, end - len(_SEAL)))
    return file.read(len(_SEAL)) == _SEAL and file.read() == _digest(file, end)


def _digest(file, end):
    """Return a text that differs where the first `end` bytes of a file do."""
    digest = hashlib.blake2b(digest_size=_DIGEST_LENGTH // 2)
    file.seek(0)
    while end:
        block = file.read(min(end, 2**20))
        digest.update(block)
        end -= len(block)
    return digest.hexdigest().encode()


@contextlib.contextmanager
def _opened(path):
    """Give the record and the arrays in a file, and say of which it is if that fails.

    A damaged archive raises errors of a dozen kinds, from all of zipfile's depth.
    """
    fix = "Delete it to start again from the beginning."
    try:
        if not os.path.isfile(path):
            raise ValueError("it is not a file")
        with opened(path) as file:
            sealed = _is_sealed(file)
            file.seek(0)
            with np.load(file) as archive:
                yield _record_in(archive, sealed), archive
    except Exception as error:
        if isinstance(error, (OSError, MemoryError)):
            fix = f"Let this process read it, or d{fix[1:]}"
        raise CheckpointError(
            f"`checkpoint_dir` has a checkpoint that cannot be used "
            f"({reason_of(error)}): {path!r}. {fix}"
        ) from error


def _record_in(archive, sealed):
    """Return the record in an open file."""
    record = json.loads(str(archive[_RECORD]))
    if record["format"] > _FORMAT:
        raise ValueError("it comes from a newer reticnn")
    if record["format"] < _UNSEALED_FORMAT:
        raise ValueError(
            "an older reticnn wrote it, without noting for which images and which "
            "model; only that version can continue it"
        )
    if record["format"] > _UNSEALED_FORMAT and not sealed:
        raise ValueError("it has changed since it was written")
    return record


def _check(record, path, texts, digests):
    there = record["texts"]
    problems = [
        # All settings of a stage are too much to read.
        "other stages"
        if name == "stages"
        else f"{name}: there {shown(there.get(name))}, here {shown(value)}"
        for name, value in texts.items()
        if there.get(name) != value
    ]
    there = record["digests"]
    problems += [
        f"other {name}"
        for name, value in digests.items()
        # Older versions knew of no weights of images.
        if there.get(name, "none") != value
    ]
    if problems:
        raise _of_another_run(path, problems)


def _of_another_run(path, problems):
    return CheckpointError(
        f"`checkpoint_dir` has the checkpoint of another run, {path!r}: "
        f"{'; '.join(problems)}. Use another folder, or delete the file."
    )


def _places(variables, kind, only=None):
    """Return variables by the names that they have in the file, all or only some."""
    wanted = None if only is None else {id(variable) for variable in only}
    return {
        f"{kind}_{index}": variable
        for index, variable in enumerate(variables)
        if wanted is None or id(variable) in wanted
    }


def _optimizer_places(optimizer, arrays):
    """Return an optimizer's variables by the names that they have in a file, or none.

    The learning rate is one of them, unless it follows a schedule. That of a model
    which a later stage has left may do so, and where the stage began it did not.

    Args:
        optimizer: Keras optimizer.
        arrays: Dict of the arrays in the file.

    Returns:
        Dict, empty if the file has other variables.
    """
    count = sum(name.startswith("optimizer_") for name in arrays)
    names = [f"optimizer_{number}" for number in range(count)]
    variables = list(optimizer.variables)
    place, has_rate = place_of_rate(optimizer)
    if has_rate and count == len(variables) - 1:
        del variables[place]
    elif not has_rate and count == len(variables) + 1:
        del names[place]
    if len(names) != len(variables):
        return {}
    return dict(zip(names, variables, strict=True))


def _ids(places):
    return {id(variable) for variable in places.values()}
