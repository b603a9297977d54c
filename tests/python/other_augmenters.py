"""Other packages that change images, as oracles in tests, and settings to try."""

import os
import subprocess
import sys

import cv2
import numpy as np
import pytest

# In grey levels; before its version 5 OpenCV rounds coordinates to 32nds of a pixel.
WARPED = 0.4 if int(cv2.__version__.split(".")[0]) >= 5 else 2.5

# Each operation of `augmentation()` that changes values and moves no pixels, but for
# those in `test_augmenting.py`.
CHANGES = {
    "auto_contrast": 0.5,
    "equalization": 0.5,
    "gamma": 2,
    "posterization": [2, 5],
    "solarization": {"threshold_factor": 0.8, "addition_factor": 0.2},
    "invert": 0.5,
    "sharpness": 1,
    "channel_shuffle": 1,
    "color_temperature": [4000, 9000],
    "motion_blur": 7,
    "downscaling": [0.3, 0.8],
    "jpeg_compression": [20, 60],
}

_FRAME = """
import sys
import numpy as np
given = dict(np.load(sys.argv[1]))
{code}
np.savez(sys.argv[2], result=result)
"""


def in_peer(folder, package, code, **arrays):
    """Return the array `result` that code makes of arrays in a dict `given`.

    It runs in the Python of the environment variable PEER_PYTHON, which may have
    packages that ours must not have. Without the package there, the test is skipped.
    """
    python = os.environ.get("PEER_PYTHON", sys.executable)
    there = subprocess.run([python, "-c", f"import {package}"], capture_output=True)
    if there.returncode:
        pytest.skip(f"{package} is not installed in PEER_PYTHON, {python}")
    into, out_of = folder / "given.npz", folder / "result.npz"
    np.savez(into, **arrays)
    code = _FRAME.format(code=code)
    done = subprocess.run(
        [python, "-c", code, into, out_of], capture_output=True, text=True, timeout=120
    )
    assert not done.returncode, done.stderr
    return np.load(out_of)["result"]
