"""Serve a classifier in a process of its own, which ends with this one.

That is for R, where Python's threads stand still while R is at work, or waits for what
is typed.
"""

import contextlib
import json
import os
import pickle
import subprocess
import sys
import time
import warnings
from pathlib import Path

import reticnn
from reticnn.runtime.conditions import MissingPackageError
from reticnn.runtime.onnx_network import OnnxNetwork
from reticnn.runtime.stopping import check_wanted
from reticnn.runtime.writing import temporary_folder
from reticnn.saving import load_classifier, save_classifier
from reticnn.serving.addresses import listening_at
from reticnn.serving.serve import planned, served_here

# It imports Keras, and loads and tries the classifier.
_SECONDS = 300

_PICKLED = ".pickle"

# Nothing is imported from the working directory, where files may have any name.
_CODE = (
    "import sys; sys.path[:] = filter(None, sys.path); "
    "from reticnn.serving.apart import serve_as_told; serve_as_told()"
)


def served_apart(classifier, port, host, **settings):
    """Return a `ServerApart`, once it answers; arguments are `serve_classifier`'s."""
    plan = planned(classifier, port, host, **settings)
    # What is taken, and what is no host, is known without waiting for the process.
    listening_at(plan.host, plan.port).close()
    with temporary_folder() as folder:
        told = {
            "path": _saved(classifier, folder),
            "port": plan.port,
            "host": plan.host,
            **settings,
        }
        return ServerApart(told, folder)


def _saved(classifier, folder):
    """Return the path of a file that a process loads as fast as it can."""
    network = classifier.network
    if isinstance(network, OnnxNetwork) and not network.record:
        # Of an ONNX file of somebody else's, none of ours can be written.
        return _pickled(classifier, os.path.join(folder, f"classifier{_PICKLED}"))
    path = os.path.join(folder, "classifier.reticnn")
    try:
        return save_classifier(classifier, path, fast_start=True)
    except (MissingPackageError, ValueError):
        # Not every network can be written so.
        return save_classifier(classifier, path, fast_start=False)


def _pickled(classifier, path):
    """Return the path of a file that is for a process of ours alone."""
    with open(path, "wb") as file:
        pickle.dump(classifier, file)
    return path


def _loaded(path):
    if not path.endswith(_PICKLED):
        return load_classifier(path)
    with open(path, "rb") as file:
        return pickle.load(file)


# Servers end with their handles, which nobody has to keep.
_running = set()


class ServerApart:
    """A classifier that is served by a process of its own.

    Attributes:
        address: Where it is, as entered in a browser.
        process: The number of the process.
    """

    __module__ = "reticnn"

    def __init__(self, told, folder):
        """Start, and return once it answers.

        Args:
            told: Dict of what the process is to do.
            folder: Where the process may write what it says until it answers.
        """
        said = os.path.join(folder, "said")
        path = [str(Path(reticnn.__file__).parents[1]), os.environ.get("PYTHONPATH")]
        with open(os.path.join(folder, "errors"), "w+b") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _CODE],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path))},
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                # Ctrl-C is for R.
                start_new_session=True,
            )
            self.process = self._process.pid
            try:
                self._tell({**told, "said": said})
                answer = self._answer(said, errors)
            except BaseException:
                self.stop()
                raise
        self.address = answer["address"]
        _running.add(self)

    @property
    def is_running(self):
        """Whether it is there."""
        return self._process.poll() is None

    def stop(self):
        """Stop, after the answers in progress. The port is then free."""
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        _running.discard(self)

    def _tell(self, told):
        # A process that has ended already says why.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(told).encode() + b"\n")
            self._process.stdin.flush()

    def _answer(self, path, errors):
        """Return what the process says, once it does."""
        end = time.monotonic() + _SECONDS
        while not os.path.exists(path):
            if not self.is_running or time.monotonic() > end:
                errors.seek(0)
                text = errors.read().decode(errors="replace").strip()
                raise RuntimeError(f"The server could not be started:\n{text}")
            check_wanted()
            time.sleep(0.05)
        return json.loads(Path(path).read_text(encoding="utf-8"))


def serve_as_told():
    """Serve what another process says, until that ends or closes its side."""
    told = json.loads(sys.stdin.readline())
    said = told.pop("said")
    with warnings.catch_warnings():
        # The other process has given them.
        warnings.simplefilter("ignore")
        plan = planned(_loaded(told.pop("path")), **told)
        server = served_here(plan, listening_at(plan.host, plan.port))
    # What is written from now on is read by nobody, and would keep a file open.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    _say({"address": server.address}, said)
    sys.stdin.read()
    server.stop()


def _say(answer, path):
    """Write a file that is there only once it is complete."""
    with open(f"{path}-", "w", encoding="utf-8") as file:
        json.dump(answer, file)
    os.replace(f"{path}-", path)
