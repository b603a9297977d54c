"""Whether Python, its packages and this computer are ready for a class.

Imports nothing but what comes with Python, so that it works where all else is missing.
"""

import importlib.metadata
import importlib.util
import json
import math
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

# The module, the package that brings it and the oldest version, as in pyproject.toml.
_NEEDED = (
    ("keras", "keras", "3.12.4"),
    ("numpy", "numpy", "1.26"),
    ("PIL", "pillow", "12.3"),
    ("cv2", "opencv-python-headless", "4.11"),
    ("h5py", "h5py", "3.13"),
)
_BACKENDS = {
    "tensorflow": ("tensorflow", "tensorflow", "2.19"),
    "jax": ("jax", "jax", "0.6"),
    "torch": ("torch", "torch", "2.13"),
}
# OpenCV comes under four names.
_OTHER_NAMES = {
    "opencv-python-headless": (
        "opencv-python",
        "opencv-contrib-python",
        "opencv-contrib-python-headless",
    )
}
_LIMIT = 300
_SLOW = 60
_GIGABYTE = 1e9
_NEW_ENVIRONMENT = "Make a new environment for Python, and try again in that."

# Runs in a process of its own: a library that ends the process ends that one.
_TRAINING = """
import time
start = time.monotonic()
import reticnn
import keras
print("started", keras.__version__, keras.backend.backend(), time.monotonic() - start)
data = reticnn.shape_images(600, seed=1)
model = reticnn.build_cnn(seed=1)
start = time.monotonic()
fitted = reticnn.fit_classifier(
    model, data, epochs=5, learning_rate=0.003, seed=1, progress="none"
)
print("trained", time.monotonic() - start, fitted.history["loss"][-1])
"""


def reticnn_check():
    """Check whether this computer is ready for a class.

    Looks at Python, the packages, free disk space and memory, starts Keras and trains a
    small network for a few seconds. Each printed line says that all is well, or what to
    do. Nothing is installed or downloaded. It works even if packages are missing or
    broken: Keras runs in a process of its own.

    Returns:
        Table (dict of equal-length lists) with one row per line: `check`, what was
        checked; `ok`, True, False, or None where it could not be determined; `found`,
        what was found; and `to_do`, what to do about it, or None.

    Example:
        >>> table = reticnn_check()
        ok  Python: 3.11.7
        ...
        ok  training: 600 images, 5 epochs in 4 s, 750 images per second
        >>> all(table["ok"])
        True
    """
    rows = []
    for row in _rows():
        print(_line(row), flush=True)
        rows.append(row)
    return _table(rows)


def lines_of_check():
    """Return the table of `reticnn_check` without printing it."""
    return _table(list(_rows()))


def _table(rows):
    return {
        key: [row[key] for row in rows] for key in ("check", "ok", "found", "to_do")
    }


def _line(row):
    mark = {True: "ok", False: "!!", None: "??"}[row["ok"]]
    to_do = f"\n    {row['to_do']}" if row["to_do"] else ""
    return f"{mark}  {row['check']}: {row['found']}{to_do}"


def _row(check, ok, found, to_do=None):
    return {"check": check, "ok": ok, "found": found, "to_do": to_do}


def _rows():
    """Yield the rows, one by one as they are known."""
    yield _python()
    packages = [_package(*needed) for needed in _needed()]
    yield from packages
    yield _disk()
    yield _memory()
    if all(row["ok"] for row in packages):
        yield from _training()
    else:
        yield _row("training", None, "not tried", "First do what the lines above say.")


def _needed():
    backend = _BACKENDS.get(os.environ.get("KERAS_BACKEND") or _backend_of_file())
    return (*_NEEDED, backend) if backend else _NEEDED


def _backend_of_file():
    """Return the backend that Keras's own file of settings names."""
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    try:
        settings = json.loads((Path(home) / "keras.json").read_text(encoding="utf-8"))
        return settings["backend"]
    except (OSError, ValueError, KeyError, TypeError):
        return "tensorflow"


def _python():
    """Return the row of Python: an older one than 3.10 does not come this far."""
    version = ".".join(map(str, sys.version_info[:3]))
    return _row("Python", True, f"{version}, {sys.executable}")


def _package(module, package, oldest):
    install = f'Run `"{sys.executable}" -m pip install "{package}>={oldest}"`.'
    try:
        there = importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        there = False
    if not there:
        return _row(package, False, "missing", install)
    version = _version(package)
    if version is None:
        return _row(package, True, "of an unknown version")
    if _numbers(version) < _numbers(oldest):
        return _row(package, False, f"{version} is too old", install)
    return _row(package, True, version)


def _version(package):
    for name in (package, *_OTHER_NAMES.get(package, ())):
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def _numbers(version):
    numbers = []
    for part in version.split("+")[0].split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
    return numbers


def _disk():
    free = shutil.disk_usage(Path.home() if Path.home().exists() else os.getcwd()).free
    enough = free > 2 * _GIGABYTE
    fix = None if enough else "Pretrained weights and photos want 2 GB: make room."
    return _row("disk", enough, f"{free / _GIGABYTE:.1f} GB free", fix)


def _memory():
    free = _free_memory()
    if free is None:
        return _row("memory", None, "how much is free is not known here")
    enough = free > 2 * _GIGABYTE
    fix = None if enough else "Close other programs: 2 GB should be free."
    return _row("memory", enough, f"{free / _GIGABYTE:.1f} GB free", fix)


def _free_memory():
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, AttributeError, ValueError):
        return None


def _training():
    path = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    quiet = {
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
    }
    try:
        done = subprocess.run(
            [sys.executable, "-c", _TRAINING],
            env={**os.environ, **quiet},
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_LIMIT,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        fix = "Close other programs and try again; use fewer images in class."
        yield _row("training", False, f"did not end: {error}", fix)
        return
    said = [line.split() for line in done.stdout.splitlines()]
    told = {words[0]: words[1:] for words in said if words}
    if "started" in told:
        version, backend, seconds = told["started"]
        text = f"{version} on {backend}, started in {float(seconds):.0f} s"
        yield _row("Keras", True, text)
    if done.returncode == 0 and "trained" in told:
        yield _trained(*map(float, told["trained"]))
    else:
        yield _failed("training" if "started" in told else "Keras", done)


def _trained(seconds, loss):
    speed = 600 * 5 / seconds
    text = f"600 images, 5 epochs in {seconds:.0f} s, {speed:,.0f} images per second"
    if not math.isfinite(loss):
        return _row("training", False, f"the loss is {loss}", _NEW_ENVIRONMENT)
    fix = None
    if seconds > _SLOW:
        fix = "This is slow: use a third of the images and epochs in the exercises."
    return _row("training", True, text, fix)


def _failed(check, done):
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    text = lines[-1] if lines else f"Python ended with status {done.returncode}"
    fix = _NEW_ENVIRONMENT
    if done.returncode == -getattr(signal, "SIGILL", 0):
        text = "Python was ended by an instruction that this processor does not have"
        fix = "TensorFlow needs AVX. Use `KERAS_BACKEND=torch`, with PyTorch installed."
    return _row(check, False, text, fix)
