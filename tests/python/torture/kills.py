"""Training killed at any moment, also while it writes, ends as if it had not been."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import reticnn


def run(say, seconds, seed, least=1):
    """Kill training runs with stages, kept features, averages and early stopping."""
    if not hasattr(os, "fork"):
        say("skipped: this system does not fork processes")
        return []
    here = [str(Path(__file__).parents[1]), str(Path(reticnn.__file__).parents[1])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(here)}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "torture._killing", folder]
            + [str(int(number)) for number in (seconds, seed, least)],
            env=environment,
            capture_output=True,
            text=True,
        )
    *fell, last = done.stdout.splitlines() or [""]
    if done.returncode:
        return [*fell, last, done.stderr[-2000:]]
    counts = json.loads(last)
    say(f"{counts['kills']} kills in {counts['runs']} runs")
    return [*fell, *([done.stderr[-2000:]] if fell else [])]
