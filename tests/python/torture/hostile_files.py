"""Every kind of hostile file: refused, and at little cost.

What a file takes is compared with what an honest one of its size takes, in memory and
in time. Linux alone tells how much memory a process has had at most.
"""

import gc
import os
import tempfile
import time
import warnings
from pathlib import Path

import hostile

from reticnn import load_classifier
from reticnn.pretrained.loading import put_weights

MOST_MEMORY = 256 * 2**20
MOST_SECONDS = 2
_CLEAR, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


def run(say, seconds, seed):
    """Try all kinds once; return what was not refused, or took too much."""
    fell, memory, times = [], {}, {}
    kinds = hostile.kinds()
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        honest = hostile.Honest(scratch)
        network = honest.network()
        usual = {
            ending: _cost_of_honest(honest, network, scratch, ending)
            for ending in _ENDINGS
        }
        for name, kind in kinds.items():
            folder = Path(tempfile.mkdtemp(dir=scratch))
            path = folder / f"file{kind.ending}"
            path.write_bytes(kind.make(honest, folder))
            size, before = path.stat().st_size, sorted(os.listdir(folder))
            error, took, room = _measured(path, network)
            memory[name] = max(0, room - usual[kind.ending][1] - 3 * size)
            times[name] = took - usual[kind.ending][0]
            fell += _faults(name, error, path, sorted(os.listdir(folder)) != before)
            if memory[name] > MOST_MEMORY or times[name] > MOST_SECONDS:
                fell.append(
                    f"{name}: {memory[name] / 2**20:.0f} MiB, {times[name]:.1f} s"
                )
            path.unlink()
    say(f"{len(kinds)} kinds of files, {len(kinds) - len(fell)} refused as they should")
    _say_most(say, "memory", memory, lambda value: f"{value / 2**20:.0f} MiB")
    _say_most(say, "time", times, lambda value: f"{value:.2f} s")
    return fell


_ENDINGS = (".reticnn", ".keras", ".weights.h5", ".h5")


def _cost_of_honest(honest, network, folder, ending):
    """Return the seconds and the bytes that an honest file takes, the second time."""
    path = folder / f"honest{ending}"
    path.write_bytes(
        {
            ".reticnn": honest.classifier_file,
            ".keras": honest.keras_file,
            ".weights.h5": lambda: honest.weights,
            ".h5": lambda: honest.legacy,
        }[ending]()
    )
    for _ in range(2):
        error, took, room = _measured(path, network)
        assert error is None, error
    return took, room


def _measured(path, network):
    """Return what loading a file raised, or None, its seconds, and bytes at most."""
    gc.collect()
    before = _peak_from_now()
    start = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            load_classifier(path) if path.suffix == ".reticnn" else put_weights(
                network, path
            )
        error = None
    except Exception as raised:
        error = raised
    return error, time.perf_counter() - start, _memory("VmHWM") - before


def _peak_from_now():
    """Forget how much memory the process has had, and return how much it has."""
    if _CLEAR.exists():
        _CLEAR.write_text("5")
    return _memory("VmRSS")


def _memory(what):
    if not _STATUS.exists():
        return 0
    lines = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
    return int(lines[what].split()[0]) * 1024


def _faults(name, error, path, left):
    if error is None:
        return [f"{name}: loaded"]
    if not isinstance(error, ValueError) or str(path) not in str(error):
        return [f"{name}: {type(error).__name__}: {str(error)[:200]}"]
    return [f"{name}: wrote a file"] if left else []


def _say_most(say, what, values, as_text):
    name = max(values, key=values.get)
    say(f"most {what} beyond an honest file: {as_text(values[name])}, {name}")
