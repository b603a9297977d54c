"""Folds that are trained in processes of their own, several at the same time."""

import json
import os
import pickle
import queue
import subprocess
import sys
import threading

import numpy as np

import reticnn
from reticnn.classifier import Classifier
from reticnn.coercion import shown
from reticnn.memory import seen_by
from reticnn.notation import in_words
from reticnn.outputs import count_classes, output_kind
from reticnn.runtime.backend import device_name, keras
from reticnn.runtime.keras_internals import adapted_layers, kinds_of_others
from reticnn.runtime.writing import temporary_folder
from reticnn.saving import load_classifier, save_classifier
from reticnn.tuning.fold_jobs import described, drawn_seeds, dumped
from reticnn.tuning.fold_training import tested
from reticnn.tuning.said_once import each_once, tell_once

# How long Ctrl-C may have to wait.
_SECONDS = 0.1

# The working directory may have a file called as one of Python's modules.
_START = (
    "import sys; sys.path[:] = filter(None, sys.path); "
    "import json; sys.path[:] = json.loads(sys.argv[1]); "
    "from reticnn.tuning.fold_worker import work; work(json.loads(sys.argv[2]))"
)


def trained_by_workers(jobs, source, workers, report):
    """Yield the `FoldFound` of each fold, in the order in which they are finished.

    Args:
        jobs: Iterator of `Job`s.
        source: Where the images of all folds are read.
        workers: Whole number of processes.
        report: `FoldProgress`.

    Raises:
        ValueError: If something cannot be sent to another process.
        RuntimeError: If a process comes to an end by itself.
    """
    device = device_name()
    if device.startswith("GPU"):
        raise ValueError(
            f"`workers` is {workers}, which is for training on processors: here it is "
            f"on {device}, which one training has for itself. Use `workers=1`."
        )
    with temporary_folder() as folder:
        sources = os.path.join(folder, "source.pickle")
        with open(sources, "wb") as file:
            file.write(dumped(source, "data"))
        pool = _Pool(folder, sources, source, report)
        try:
            yield from pool.done(jobs, workers)
        finally:
            pool.end()


class _Pool:
    """Processes, each with a fold at a time."""

    def __init__(self, folder, sources, source, report):
        self._folder = folder
        self._sources = sources
        self._source = source
        self._report = report
        self._heard = queue.Queue()
        self._workers = []
        self._said = set()

    def done(self, jobs, count):
        """Yield the folds that are done, with `count` of them at a time in work."""
        for _ in range(count):
            self._send_next(jobs, None)
        while any(worker.job for worker in self._workers):
            try:
                worker, kind, value = self._heard.get(timeout=_SECONDS)
            except queue.Empty:
                continue
            if kind == "state":
                self._report.tell(worker.job.number, value)
            elif kind == "warning":
                tell_once(*value, self._said)
            elif kind == "error":
                raise value
            elif kind == "gone":
                raise worker.loss()
            else:
                job, worker.job = worker.job, None
                # The next one trains while this one is read.
                self._send_next(jobs, worker)
                yield self._result(job)

    def end(self):
        """Let no process go on."""
        for worker in self._workers:
            worker.end()

    def _send_next(self, jobs, worker):
        """Give the next fold, if there is one, to a process, or to a new one."""
        with each_once(self._said):
            job = next(jobs, None)
            if job is None:
                return
            path = os.path.join(self._folder, f"fold-{job.number}")
            _save_model(job, f"{path}.reticnn")
            with open(f"{path}.pickle", "wb") as file:
                file.write(_dumped_job(job, self._source))
        if worker is None:
            number = len(self._workers) + 1
            worker = _Worker(self._folder, number, self._sources, self._heard)
            self._workers.append(worker)
        worker.take(job, path)

    def _result(self, job):
        path = os.path.join(self._folder, f"fold-{job.number}")
        classifier = load_classifier(f"{path}-trained.reticnn")
        with np.load(f"{path}.npz") as arrays:
            predicted = [arrays[name] for name in ("codes", "probabilities", "hashes")]
            found = tested(job, classifier, *predicted)
        for name in (f"{path}-trained.reticnn", f"{path}.npz", f"{path}.pickle"):
            os.remove(name)
        return found


class _Worker:
    """A process that trains one fold after the other.

    Attributes:
        job: The `Job` that it has, or None.
    """

    def __init__(self, folder, number, sources, heard):
        """Start it.

        Args:
            folder: Folder for what it has to say of itself.
            number: Its number.
            sources: File with the source of the images.
            heard: Queue for what it says: (worker, kind, value).
        """
        self.job = None
        self._log = os.path.join(folder, f"worker-{number}.log")
        settings = {"sources": sources, "in_r": in_words("", "R") == "R", **_state()}
        # Ctrl-C is for this process, which ends the others.
        apart = {"start_new_session": True}
        if os.name == "nt":
            apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        # R's copy of this package is on no path, where another one may be.
        paths = [os.path.dirname(os.path.dirname(reticnn.__file__)), *sys.path]
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _START, *map(json.dumps, (paths, settings))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, "KERAS_BACKEND": keras.backend.backend()},
                **apart,
            )
        thread = threading.Thread(target=self._listen, args=(heard,), daemon=True)
        thread.start()

    def take(self, job, path):
        """Give it a fold, whose files begin with a path."""
        self.job = job
        try:
            self._process.stdin.write(json.dumps(path).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            # It has ended, which the listening thread says.
            return

    def loss(self):
        """Return the error that says that it is gone."""
        code = self._process.wait()
        with open(self._log, errors="replace") as log:
            last = " ".join(log.read().split())[-500:]
        return RuntimeError(
            f"A process that trained fold {self.job.number} has ended unexpectedly, "
            f"with the status {code}, perhaps for lack of memory. Use fewer `workers`. "
            f"It said: {last or 'nothing'}"
        )

    def end(self):
        """End it, whatever it does."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            try:
                pipe.close()
            except OSError:
                continue

    def _listen(self, heard):
        """Pass on what it says, until it says no more."""
        try:
            while True:
                kind, value = pickle.load(self._process.stdout)
                heard.put((self, kind, value))
        except Exception:  # Of a message that was cut off, whatever pickle says.
            heard.put((self, "gone", None))


def _state():
    """Return what a process has to know of how Keras computes here."""
    threads = None
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        threading_of = tensorflow.config.threading
        threads = [
            threading_of.get_intra_op_parallelism_threads(),
            threading_of.get_inter_op_parallelism_threads(),
        ]
    return {
        "floatx": keras.config.floatx(),
        "epsilon": keras.config.epsilon(),
        "image_data_format": keras.config.image_data_format(),
        "dtype_policy": keras.config.dtype_policy().name,
        "threads": threads,
    }


def _dumped_job(job, source):
    """Return a job without its model, with the source of the images left out."""
    for name, value in job.options.items():
        dumped(value, name)
    parts = (job.number, job.fold, job.train, job.options, job.seed, job.folder)
    model = drawn_seeds(job.model), described(job.model)
    return dumped((parts, *model), "data", source)


def _save_model(job, path):
    """Write the model of a job, if another process can read it.

    Raises:
        ValueError: If it cannot.
    """
    model = job.model
    kinds = kinds_of_others(model)
    if kinds:
        names = [getattr(kind, "__name__", str(kind)) for kind in kinds]
        raise ValueError(
            f"`workers` are other processes, which do not know {shown(names)}, in the "
            "models that `build` returns. Use `workers=1`, or layers and functions of "
            "Keras and of this package."
        )
    if adapted_layers(model):
        raise ValueError(
            "`workers` are other processes, to which low-rank adapters (LoRA) cannot "
            f"be sent: {shown(adapted_layers(model))}. Use `workers=1`."
        )
    names = [f"class {number}" for number in range(count_classes(model))]
    kind = output_kind(model, job.options.get("output"), "build")
    untrained = Classifier(
        model, names, {"epoch": []}, output=kind, seen=seen_by(model)
    )
    save_classifier(untrained, path, fast_start=False)
