"""Ctrl-C at random moments of all long work, in Python, `Rscript` and R in a terminal.

Says for each phase how long it took at most until the caller had the prompt back. What
took longer than a second fell, and so did sessions that could not be used afterwards,
and work that went on.
"""

import contextlib
import os
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

import reticnn

try:
    import pty
except ImportError:  # Windows.
    pty = None

_HERE = Path(__file__).parent
_LIMIT = 1.0
_PATIENCE = 120.0
# A signal that has led to nothing by then was lost.
_LOST_AFTER = 20.0
_SILENT = "said nothing"

_PHASES = [
    "listing",
    "checking",
    "skipping",
    "decoding",
    "first batch",
    "first batch of files",
    "training",
    "validation",
    "validation on files",
    "feature caching",
    "predicting files",
    "predicting arrays",
    "evaluating",
    "reporting",
    "reporting arrays",
    "augmenting",
    "saving",
    "loading",
    "finding a learning rate",
    "learning augmentation",
    "downloading",
]


def run(say, seconds, seed):
    """Interrupt phases as long as there is time, in each kind of session."""
    rng = random.Random(seed)
    fell = []
    with tempfile.TemporaryDirectory() as root, _deaf_proxy() as proxy:
        _write_photos(Path(root))
        sessions = [_Python, _Rscript, _Terminal] if shutil.which("R") else [_Python]
        for kind in sessions:
            end = time.monotonic() + seconds / len(sessions)
            longest, counts, lost = {}, {}, 0
            with contextlib.closing(_Restarted(kind, root, proxy)) as session:
                for phase in _in_turn(end, rng):
                    delay = rng.uniform(kind.begun, 3)
                    took, problem = session.interrupted(phase, delay)
                    longest[phase] = max(longest.get(phase, 0), took)
                    counts[phase] = counts.get(phase, 0) + 1
                    lost += bool(problem and problem.startswith(_SILENT))
                    if took > _LIMIT:
                        problem = problem or f"{took:.2f} s"
                    if problem:
                        fell.append(f"{kind.name}, {phase}: {problem}")
                        say(fell[-1])
            say(f"{kind.name}: {sum(counts.values())} signals sent, {lost} lost")
            for phase, took in longest.items():
                say(f"{kind.name:10} {phase:24} {took:5.2f} s, {counts[phase]} times")
    return fell


def _in_turn(end, rng):
    """Yield the phases in random order, again and again until the time is up."""
    while True:
        for phase in rng.sample(_PHASES, len(_PHASES)):
            if time.monotonic() > end:
                return
            yield phase


def _write_photos(root):
    """Write photos that take long to decode, and many that are small."""
    rng = np.random.default_rng(1)
    tile = rng.integers(0, 256, (60, 80, 3), np.uint8)
    Image.fromarray(tile).resize((3200, 2400)).save(root / "photo.png")
    Image.fromarray(tile).save(root / "small.png")
    for folder, file, names, count in (
        ("photos", "photo.png", ["cat", "dog"], 400),
        ("many", "small.png", [f"class {number}" for number in range(50)], 200),
    ):
        for name in names:
            place = root / folder / name
            place.mkdir(parents=True)
            for copy in range(count):
                os.link(root / file, place / f"{copy}.png")


@contextlib.contextmanager
def _deaf_proxy():
    """Yield the address of a proxy that takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


class _Restarted:
    """A session of a kind, started anew where one is lost."""

    def __init__(self, kind, root, proxy):
        self._start = lambda: kind(root, proxy)
        self._session = None

    def interrupted(self, phase, delay):
        """Return the seconds until the prompt was back, and what was wrong, or None."""
        self._session = self._session or self._start()
        try:
            return self._session.interrupted(phase, delay)
        except _LostError as lost:
            self.close()
            return 0.0, str(lost)

    def close(self):
        if self._session:
            self._session.close()
        self._session = None


class _LostError(Exception):
    """A session has not said what it should, or ended."""


class _Session:
    """A process whose output is read as it comes."""

    def __init__(self, command, root, proxy, stdin, stdout):
        core = str(Path(reticnn.__file__).parents[1])
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([core, str(_HERE.parent)]),
            "RETICULATE_PYTHON": sys.executable,
            "KERAS_HOME": f"{root}/keras",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            **{name: proxy for name in ("http_proxy", "https_proxy", "HTTPS_PROXY")},
        }
        self._process = subprocess.Popen(
            command,
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.STDOUT,
            env=environment,
            # As a terminal starts a process: the signal is for it and its children.
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        self._text = b""

    def _until(self, *parts, seconds=_PATIENCE):
        """Return what was said up to the first of some parts, which is taken away."""
        end = time.monotonic() + seconds
        while True:
            found = [(self._text.find(part), part) for part in parts]
            found = [pair for pair in found if pair[0] >= 0]
            if found:
                place, part = min(found)
                said, self._text = self._text[:place], self._text[place + len(part) :]
                return said.decode(errors="replace")
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._output], [], [], left)[0]:
                raise _LostError(f"{_SILENT} more than {self._text[-300:]!r}")
            try:
                more = os.read(self._output, 10_000)
            except OSError:
                more = b""
            if not more:
                raise _LostError(f"ended, after {self._text[-300:]!r}")
            self._text += more

    def close(self):
        self._process.kill()
        self._process.wait()
        os.close(self._output)


class _Piped(_Session):
    """A process that reads the names of phases."""

    begun = 0.0

    def __init__(self, command, root, proxy):
        super().__init__(command, root, proxy, subprocess.PIPE, subprocess.PIPE)
        self._output = os.dup(self._process.stdout.fileno())
        self._until(b"ready")

    def interrupted(self, phase, delay):
        self._process.stdin.write(f"{phase}\n".encode())
        self._process.stdin.flush()
        self._until(b"@go")
        time.sleep(delay)
        begin = time.monotonic()
        self._process.send_signal(signal.SIGINT)
        self._until(b"@back ", seconds=_LOST_AFTER)
        took = time.monotonic() - begin
        came = self._until(b"\n").strip()
        self._until(b"@left ")
        return took, _problem(came, self._until(b"\n"))

    def close(self):
        self._process.stdin.close()
        self._process.stdout.close()
        super().close()


class _Python(_Piped):
    name = "Python"

    def __init__(self, root, proxy):
        super().__init__(
            [sys.executable, "-m", "torture._long_work", root], root, proxy
        )


class _Rscript(_Piped):
    name = "Rscript"

    def __init__(self, root, proxy):
        code = f"root <- {root!r}; source({str(_HERE / '_long_work.R')!r}); serve()"
        super().__init__(["Rscript", "-e", code], root, proxy)


class _Terminal(_Session):
    name = "terminal R"
    # Before, the console still hands over the line, and may drop the signal.
    begun = 0.1

    def __init__(self, root, proxy):
        self._output, theirs = pty.openpty()
        super().__init__(["R", "--no-save", "-q"], root, proxy, theirs, theirs)
        os.close(theirs)
        self._type("options(prompt = paste0('PROM', 'PT> '))")
        self._until(b"PROMPT> ")
        self._type(f"root <- {root!r}; source({str(_HERE / '_long_work.R')!r})")
        self._until(b"PROMPT> ")

    def _type(self, line):
        os.write(self._output, f"{line}\n".encode())

    def interrupted(self, phase, delay):
        self._type(f"get_ready({phase!r})")
        self._until(b"@go")
        self._until(b"PROMPT> ")
        self._type(f"invisible(phases[[{phase!r}]][[2]]())")
        self._until(b"()")
        time.sleep(delay)
        begin = time.monotonic()
        # What Ctrl-C does to whatever a terminal runs.
        os.killpg(self._process.pid, signal.SIGINT)
        said = self._until(b"PROMPT> ", seconds=_LOST_AFTER)
        took = time.monotonic() - begin
        came = "error" if "Error" in said else "stopped"
        self._type("look()")
        self._until(b"@left ")
        left = self._until(b"\n")
        self._until(b"PROMPT> ")
        return took, _problem(came, left)


def _problem(came, left):
    """Return what is wrong with how work was left, or None."""
    if came not in ("stopped", "done"):
        return came
    if "busy" in left:
        return "work goes on"
    if "true" not in left.lower():
        return "the session cannot be used"
    return None
