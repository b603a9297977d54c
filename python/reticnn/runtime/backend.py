"""Keras, started quietly when it is needed: other modules import `keras` from here."""

import contextlib
import importlib
import importlib.util
import logging
import os
import re
import sys
import tempfile
import threading
import types
from functools import cache, partial

from reticnn.notation import in_words, shown
from reticnn.runtime.registration import register_classes, wait_for_keras_no_more
from reticnn.runtime.stopping import done_whole, is_under_way
from reticnn.runtime.writing import check_temporary_files

# What each is installed with; as in pyproject.toml.
_BACKENDS = {
    "tensorflow": "tensorflow>=2.19,<3",
    "jax": "jax>=0.6",
    "torch": "torch>=2.13",
}


def _quiet_keras():
    """Return Keras, imported without the log lines TensorFlow prints at its start.

    They are written below Python, to the process's own stderr, where neither an R
    console nor a knitted page can hold them back. A user who sets
    `TF_CPP_MIN_LOG_LEVEL` lower than 3 wants to see them and does.
    """
    # TensorFlow cannot be started without, nor started again after it has failed.
    check_temporary_files()
    level = os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if level != "3" or not _has_stderr():
        return _whole_keras()
    with _stderr_held_back():
        module = _whole_keras()
    # Advice on retracing, for people who write TensorFlow functions.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    return module


def _whole_keras():
    """Return Keras, whose import goes on if the user stops waiting for it.

    Once cut off, TensorFlow cannot be imported again in the same process.
    """
    if "keras" in sys.modules and not is_under_way("keras"):
        # Perhaps in this very moment, by who imports us.
        return sys.modules["keras"]
    # The thread that imports Keras would wait for locks of ours, as we do for it.
    wait_for_keras_no_more()
    try:
        return done_whole("keras", partial(importlib.import_module, "keras"))
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in _BACKENDS:
            raise
        raise ModuleNotFoundError(_how_to_have(missing), name=missing) from error


def _how_to_have(backend):
    """Return what to do where the backend that Keras is to run on is not installed."""
    text = (
        f"No module named {backend!r}, on which Keras is to run. Install it: "
        f'`{sys.executable} -m pip install "{_BACKENDS[backend]}"`.'
    )
    others = [other for other in _BACKENDS if importlib.util.find_spec(other)]
    if others:
        text += (
            f" Or set the environment variable KERAS_BACKEND to {shown(others[0])}, "
            "which is installed, before Keras starts."
        )
    return text


def _has_stderr():
    """Return whether there is a stderr at all; services may be started without."""
    try:
        os.fstat(2)
    except OSError:
        return False
    return sys.stderr is not None


# What TensorFlow writes at its start, in the two ways that it has.
_TENSORFLOW = re.compile(
    rb"WARNING: All log messages before absl::InitializeLog"
    rb"|([IWEF]\d{4}|\d{4}-\d\d-\d\d) \d\d:\d\d:\d+\.\d+"
    rb"|To enable the following instructions:"
)


@contextlib.contextmanager
def _stderr_held_back():
    """Send the process's stderr to a file, and show it after the block.

    Other threads write there too. What TensorFlow itself has written is only shown if
    the block fails.
    """
    sys.stderr.flush()
    with _new_file() as held:
        stderr = os.dup(2)
        os.dup2(held.fileno(), 2)
        failed = True
        try:
            yield
            failed = False
        except KeyboardInterrupt:
            failed = False
            raise
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
            held.seek(0)
            for line in held:
                if failed or not _TENSORFLOW.match(line):
                    sys.stderr.write(line.decode(errors="replace"))


def _new_file():
    """Return an open file without a name, in memory where there are such.

    Where nothing can be written, it is one that keeps nothing: what Python itself has
    to say of a failure is not held back.
    """
    with contextlib.suppress(OSError, AttributeError):  # Linux alone has it.
        return open(os.memfd_create("stderr"), "w+b")
    with contextlib.suppress(OSError):
        return tempfile.TemporaryFile()
    return open(os.devnull, "w+b")


class _Keras(types.ModuleType):
    """Keras, which starts when something of it is first asked for."""

    def __getattr__(self, name):
        return getattr(start_keras(), name)


keras = _Keras("keras")

_module = _started_in = None
_when_started = []
# Without it, two threads would hold back each other's stderr.
_starting = threading.RLock()


def start_keras():
    """Return Keras itself, started if it has not been, which then knows our classes."""
    global _module
    if _module is None:
        with _starting:
            _module = _quiet_keras()
        _note_process()
        for function in _when_started:
            function()
    # Each time: the thread that has started Keras may not have come that far.
    register_classes()
    return _module


def is_started():
    """Return whether Keras has been started by us."""
    return _module is not None


def when_started(function):
    """Call a function as soon as Keras is started, at once if it is."""
    _when_started.append(function)
    if is_started():
        function()


class NeedingKeras:
    """A function or class of a module that cannot be imported without Keras.

    The module is imported when the function, or the class, is first called. Of a class,
    there are no instances before.
    """

    def __init__(self, module, name):
        """Take the names of both."""
        self._place = module, name

    def __call__(self, *positional, **named):
        """Call it."""
        return _imported(*self._place)(*positional, **named)

    def __instancecheck__(self, value):
        """Tell whether a value is an instance of the class."""
        return "keras" in sys.modules and isinstance(value, _imported(*self._place))


KerasModel = NeedingKeras("keras", "Model")


def is_model(value):
    """Return whether a value is a Keras model, without starting Keras to see that."""
    return isinstance(value, KerasModel)


@cache
def _imported(module, name):
    # First: classes can be registered while none of them is being made.
    start_keras()
    return getattr(importlib.import_module(module), name)


def _note_process():
    global _started_in
    if _started_in is None and "keras" in sys.modules:
        _started_in = os.getpid()


def check_process():
    """Raise in a process forked from the one that started Keras: it would hang.

    Raises:
        RuntimeError: In such a process.
    """
    _note_process()
    if _started_in not in (None, os.getpid()):
        started = in_words(
            "multiprocessing.get_context('spawn')", "parallel::makeCluster()"
        )
        raise RuntimeError(
            f"Keras was started in another process ({_started_in}), from which this "
            f"one ({os.getpid()}) was forked; Keras's threads do not survive a fork, "
            "and it would hang. Use the classifier in the main process, or start "
            f"workers, with `{started}`, that load it themselves with "
            "`load_classifier()`."
        )


def without_gradients():
    """Return a context in which no gradients are prepared, where a backend does so."""
    if keras.backend.backend() != "torch":
        return contextlib.nullcontext()
    import torch

    return torch.no_grad()


def device_name(devices=()):
    """Return what Keras computes on, such as `"GPU (tensorflow)"`.

    Args:
        devices: Names such as `"gpu:0"` of the devices that share the work; with none,
            it is the one device that Keras chooses.
    """
    backend = keras.backend.backend()
    if devices:
        kinds = " and ".join(sorted({name.split(":")[0].upper() for name in devices}))
        several = f"{len(devices)} {kinds}s" if len(devices) > 1 else kinds
        return f"{several} ({backend})"
    if backend == "tensorflow":
        import tensorflow

        gpu = bool(tensorflow.config.list_logical_devices("GPU"))
    elif backend == "jax":
        import jax

        gpu = jax.default_backend() == "gpu"
    else:
        import torch

        gpu = torch.cuda.is_available()
    return f"{'GPU' if gpu else 'CPU'} ({backend})"
