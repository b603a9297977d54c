"""Where trials are kept: in memory, in a file, or in a database."""

import contextlib
import json
import numbers
import os
import re
import time
import warnings
from collections.abc import Mapping

import numpy as np

from reticnn.augmenting.policy import Policy
from reticnn.coercion import as_path, as_seed, printable, shown
from reticnn.notation import installing
from reticnn.runtime.backend import keras
from reticnn.runtime.conditions import CheckpointError, MissingPackageError
from reticnn.runtime.randomness import DrawnSeed
from reticnn.tuning.search_space import label_of

# A file or a database holds one study, so that the same call finds it.
_NAME = "reticnn"

# Of these, URLs and Optuna make something else in a path.
_UNSAFE = "?#%{}"

_SQLITE = (".db", ".sqlite", ".sqlite3")
_JOURNAL = (".journal", ".log")

# Several processes write to one file; each waits for its turn.
_SECONDS_TO_WAIT = 60
_TRIES_TO_MAKE = 5
# So long whoever has made a study may take to say what it is of.
_SECONDS_TO_SAY = 30

_IDENTITY = "reticnn"


def optuna_here():
    """Return Optuna.

    Raises:
        ImportError: If it is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise MissingPackageError(
            f"Tuning needs Optuna. Install it: {installing('optuna')}."
        ) from error
    return optuna


@contextlib.contextmanager
def quiet_optuna():
    """Have Optuna say nothing of its own in the block."""
    logging = optuna_here().logging
    before = logging.get_verbosity()
    try:
        logging.set_verbosity(logging.ERROR)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"optuna\b")
            experimental = optuna_here().exceptions.ExperimentalWarning
            warnings.filterwarnings("ignore", category=experimental)
            yield
    finally:
        logging.set_verbosity(before)


class KeptStudy:
    """An Optuna study in its place, made if need be, with what it was made with.

    Attributes:
        study: The Optuna study.
    """

    def __init__(self, place, directions):
        """Open or make it.

        Args:
            place: None for memory, the path of a file, or the URL of a database.
            directions: `"minimize"` or `"maximize"` for each objective.

        Raises:
            ValueError: If a file has an ending of neither kind.
            CheckpointError: If it holds something else than a study.
            ImportError: If the database needs a driver that is not installed.
            OSError: If there is no such folder, or the file cannot be written.
        """
        self._name = None
        if place is not None:
            place = as_path(place, "study")
            self._name = re.sub(r"(://[^/@:]*):[^@]*@", r"\1:***@", place)
            if "://" not in place:
                _check_file(place)
        with self._other_errors():
            self.study, self._is_new = _opened(_storage(place), directions)

    def seed(self, seed):
        """Return the seed of the study, for a new one that given or another."""
        given = None if isinstance(seed, DrawnSeed) else seed
        kept = self._identity()
        if given is None and kept is not None:
            return kept["seed"]
        return as_seed(seed.number if isinstance(seed, DrawnSeed) else seed)

    def check(self, identity):
        """Note what a new study is made with, or raise if that was something else.

        Args:
            identity: Dict by argument, of plain values or dicts of texts.

        Raises:
            CheckpointError: If an argument is not what it was, or something else has
                made the study.
        """
        kept = self._identity()
        if kept is None:
            self.study.set_user_attr(_IDENTITY, identity)
            return
        for argument in {**identity, **kept}:
            before, now = kept.get(argument), identity.get(argument)
            if before != now:
                raise CheckpointError(
                    f"`study` is {shown(self._name)}, which was made with another "
                    f"`{argument}`{_difference(before, now)}. Give a new `study`, or "
                    f"the same `{argument}`."
                )

    def refuse_builder(self):
        """Return the error for a builder that makes other models than it did."""
        return CheckpointError(
            f"`study` is {shown(self._name)}, and `build` makes another model of the "
            "same settings than it did for that study. Give a new `study`, or the "
            "same `build`."
        )

    def _identity(self):
        """Return what the study was made with, or None if it is new."""
        end = time.monotonic() + _SECONDS_TO_SAY
        while True:
            identity = self.study.user_attrs.get(_IDENTITY)
            if identity is not None or self._is_new:
                return identity
            if self.study.get_trials(deepcopy=False):
                raise CheckpointError(
                    f"`study` is {shown(self._name)}, whose trials "
                    "`tune_classifier()` has not made. Give a new file."
                )
            if time.monotonic() > end:
                # Whoever made it was cut off there.
                self._is_new = True
            time.sleep(0.1)

    @contextlib.contextmanager
    def _other_errors(self):
        """Raise what Optuna, SQLAlchemy and drivers do as errors about `study`."""
        try:
            yield
        except ImportError as error:
            raise MissingPackageError(
                f"`study` is {shown(self._name)}, and the driver of that kind of "
                f"database is not installed ({error}). For PostgreSQL, install "
                f"psycopg2-binary: {installing('psycopg2-binary')}."
            ) from error
        except OSError:
            raise
        except Exception as error:
            # They have no kind in common.
            text = printable(str(error).partition("\n")[0])
            raise CheckpointError(
                f"`study` is {shown(self._name)}, which cannot be used as one: {text}. "
                "Give a new file, or the URL of a database that is there."
            ) from error


def _check_file(path):
    ending = os.path.splitext(path)[1].lower()
    if ending not in _SQLITE + _JOURNAL:
        raise ValueError(
            f"`study` must be a file that ends in {shown(_SQLITE)} for SQLite, or in "
            f"{shown(_JOURNAL)} for a journal, or the URL of a database, not "
            f"{shown(path)}."
        )
    if ending in _SQLITE and any(letter in path for letter in _UNSAFE):
        raise ValueError(
            f"`study` must be a path without any of {_UNSAFE}, which mean something in "
            f"addresses of databases, not {shown(path)}. Or take a journal."
        )
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise FileNotFoundError(
            f"`study` is in the folder {shown(folder)}, which does not exist. Create "
            "it first."
        )
    if os.path.isdir(path):
        raise IsADirectoryError(f"`study` is {shown(path)}, which is a folder.")


def _storage(place):
    """Return Optuna's storage for None, a file or a URL."""
    storages = optuna_here().storages
    if place is None:
        return storages.InMemoryStorage()
    is_file = "://" not in place
    if is_file and os.path.splitext(place)[1].lower() in _JOURNAL:
        journal = storages.journal
        lock = journal.JournalFileOpenLock(place)
        backend = journal.JournalFileBackend(place, lock)
        _cut_to_whole_lines(place, lock)
        return storages.JournalStorage(backend)
    arguments = {"pool_pre_ping": True}
    if place.startswith("postgresql://"):
        place = place.replace("postgresql", f"postgresql+{_driver()}", 1)
    if is_file:
        place = f"sqlite:///{os.path.abspath(place)}"
        arguments["connect_args"] = {"timeout": _SECONDS_TO_WAIT}
    return _first_success(lambda: storages.RDBStorage(place, engine_kwargs=arguments))


def _cut_to_whole_lines(path, lock):
    """Take away the end of a line whose writer was stopped before it was written."""
    lock.acquire()
    try:
        with open(path, "rb+") as file:
            kept = file.read()
            file.truncate(kept.rfind(b"\n") + 1)
    finally:
        lock.release()


def _driver():
    """Return the driver for PostgreSQL that is installed, or else the first of two.

    SQLAlchemy has another one for its default in each version.
    """
    for name in ("psycopg2", "psycopg"):
        with contextlib.suppress(ImportError):
            __import__(name)
            return name
    return "psycopg2"


def _first_success(make):
    """Return what a function makes, tried again where others make the same."""
    for left in reversed(range(_TRIES_TO_MAKE)):
        try:
            return make()
        except ImportError:
            raise
        except Exception as error:
            if not left or "exist" not in str(error):
                raise


def _opened(storage, directions):
    """Return the study in a storage, and whether it was made here."""
    optuna = optuna_here()
    given = {"storage": storage, "study_name": _NAME}
    try:
        return optuna.create_study(directions=directions, **given), True
    except optuna.exceptions.DuplicatedStudyError:
        return optuna.load_study(**given), False


def _difference(before, now):
    """Return in words what is different, of dicts, or nothing."""
    if not isinstance(before, dict) or not isinstance(now, dict):
        return ""
    for name in {**before, **now}:
        if before.get(name) != now.get(name):
            if name not in now:
                return f", which had '{name}'"
            if name not in before:
                return f", which had no '{name}'"
            return f": '{name}' was `{before[name]}`, and is `{now[name]}` now"
    return ""


def text_of(value):
    """Return a text of an argument that is the same in each process.

    What has no such text is told by its kind alone.
    """
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, Mapping):
        items = [f"{text_of(name)}: {text_of(item)}" for name, item in value.items()]
        return f"{{{', '.join(items)}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(text_of, value))}]"
    if isinstance(value, Policy):
        return text_of(value.to_config())
    if value is None or isinstance(value, (bool, str, numbers.Real)):
        return json.dumps(label_of(value))
    try:
        return json.dumps(keras.saving.serialize_keras_object(value), sort_keys=True)
    except Exception:
        return type(value).__name__
