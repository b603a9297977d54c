"""What a process does that trains folds for another one."""

import json
import os
import pickle
import queue
import signal
import sys
import threading
import traceback
import warnings

import numpy as np

from reticnn.notation import RNotation, written_in
from reticnn.runtime.backend import keras
from reticnn.saving import load_classifier, save_classifier
from reticnn.tuning.fold_jobs import described, loaded, put_seeds
from reticnn.tuning.fold_training import Job, predictions_of_test, trained


def work(settings):
    """Train the folds that standard input names, and say how it goes.

    The end of the input is the end of whoever wants them, and of this process.

    Args:
        settings: Dict, `"sources"`, a file with the source of the images, whether the
            messages are read `"in_r"`, and how Keras computes.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    say = _Messages()
    paths = queue.Queue()
    threading.Thread(target=_listen, args=(paths,), daemon=True).start()
    _compute_as(settings)
    with open(settings["sources"], "rb") as file:
        source = pickle.load(file)
    if settings["in_r"]:
        with written_in(RNotation()):
            _train_all(paths, source, say)
    _train_all(paths, source, say)


def _train_all(paths, source, say):
    while True:
        path = paths.get()
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.showwarning = say.warning
            try:
                _train(path, source, say)
            except Exception as error:
                say.error(error)
                continue
        say("done")


def _listen(paths):
    """Take the names of folds, and end the process with the input."""
    for line in sys.stdin:
        paths.put(json.loads(line))
    os._exit(0)


class _Messages:
    """What is said to the process that wants the folds, and to it alone."""

    def __init__(self):
        """Keep standard output for this, and let all others write to the log."""
        self._file = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)
        self._lock = threading.Lock()

    def __call__(self, kind, value=None):
        """Say something of a kind."""
        data = pickle.dumps((kind, value))
        with self._lock:
            self._file.write(data)
            self._file.flush()

    def warning(self, message, category, *place, **more):
        """Say a warning, unless it is one of other packages about their own code."""
        if issubclass(category, UserWarning):
            self("warning", (str(message), category))

    def error(self, error):
        """Say an error, with its own class if that can be sent."""
        error.__notes__ = [*getattr(error, "__notes__", ()), traceback.format_exc()]
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:  # Of somebody's own class, whatever it raises.
            error = RuntimeError(f"{type(error).__name__}: {error}")
        self("error", error)


def _compute_as(settings):
    """Let Keras compute as in the process that wants the folds."""
    keras.config.set_floatx(settings["floatx"])
    keras.config.set_epsilon(settings["epsilon"])
    keras.config.set_image_data_format(settings["image_data_format"])
    keras.config.set_dtype_policy(settings["dtype_policy"])
    if settings["threads"]:
        import tensorflow

        within, between = settings["threads"]
        tensorflow.config.threading.set_intra_op_parallelism_threads(within)
        tensorflow.config.threading.set_inter_op_parallelism_threads(between)


def _train(path, source, say):
    """Train and test a fold, and write the classifier and its predictions."""
    with open(f"{path}.pickle", "rb") as file:
        parts, seeds, texts = loaded(file, source)
    number, fold, train, options, seed, folder = parts
    model = load_classifier(f"{path}.reticnn").model
    put_seeds(model, seeds)
    if described(model) != texts:
        raise ValueError(
            "`workers` are other processes, in which the model that `build` returns is "
            "not the same once it is loaded, as Keras does not save all of it, such as "
            "how some models are compiled. Use `workers=1`."
        )
    job = Job(number, fold, train, model, options, seed, folder)
    classifier = trained(job, lambda state: say("state", state))
    codes, probabilities, hashes = predictions_of_test(job, classifier)
    save_classifier(classifier, f"{path}-trained.reticnn", fast_start=False)
    found = {"codes": codes, "probabilities": probabilities, "hashes": hashes}
    np.savez(f"{path}.npz", **found)
