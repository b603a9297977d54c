"""A process that starts training again and again, in processes that are killed.

`python -m torture._killing FOLDER SECONDS SEED LEAST` goes on for some seconds, and for
the least number of kills. Each line of its output is what fell; the last one counts.
Keras is imported once and not used, so that the processes can be forked.
"""

import hashlib
import json
import os
import random
import shutil
import signal
import sys
import time
import traceback
import zipfile
from pathlib import Path

import numpy as np

import reticnn
from reticnn.runtime import backend
from reticnn.training import fit

# Where files are made, filled, put in place and deleted.
CALLS = [
    (os, "mkdir"),
    (os, "fsync"),
    (os, "replace"),
    (os, "remove"),
    (os, "truncate"),
    (shutil, "rmtree"),
    (shutil, "copyfileobj"),
    (np, "savez"),
    (zipfile.ZipFile, "close"),
    (zipfile._ZipWriteFile, "write"),
]

STAGES = [
    {"train": "head", "epochs": 3},
    {"train": "all", "epochs": 2, "learning_rate": 0.001},
]


def train(folder):
    """Train with all that has a state: stages, kept features, averages, stopping."""
    data = reticnn.shape_images(80, 3, image_size=16, seed=1)
    model = reticnn.build_cnn(
        (16, 16, 3), 3, n_blocks=2, filters=4, units=8, batch_norm=True, dropout=0.3,
        seed=7,
    )  # fmt: skip
    return reticnn.fit_classifier(
        model, data, validation=0.25, batch_size=16, learning_rate=0.01, ema=0.9,
        early_stopping=2, stages=STAGES, checkpoint_dir=folder, progress="none", seed=7,
    )  # fmt: skip


def described(classifier):
    """Return what has to be the same to the last bit."""
    weights = hashlib.sha256()
    for weight in classifier.model.get_weights():
        weights.update(np.ascontiguousarray(weight).tobytes())
    history = json.dumps(classifier.history, sort_keys=True)
    return [
        weights.hexdigest(), history, classifier.stopped, classifier.kept_epoch,
    ]  # fmt: skip


def die_at(owner, name, number, after):
    """Have this process killed before, or after, a function is called once more."""
    function, calls = getattr(owner, name), 0

    def call(*args, **kwargs):
        nonlocal calls
        calls += 1
        if calls == number and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        value = function(*args, **kwargs)
        if calls == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return value

    setattr(owner, name, call)


def started(folder, result, moment=None):
    """Start training in a forked process, that is killed at a call or never."""
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        backend._started_in = os.getpid()
        if moment:
            die_at(*moment)
        result.write_text(json.dumps(described(train(folder))))
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def ended(process):
    """Wait for a process, and return the signal that ended it, or its code negated."""
    status = os.waitpid(process, 0)[1]
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else -os.WEXITSTATUS(status)


def killed(drawn, folder, result, seconds):
    """Start training once, and return whether it was killed, and where, in words."""
    if drawn.random() < 0.3:
        moment = drawn.random() * seconds
        process = started(folder, result)
        time.sleep(moment)
        os.kill(process, signal.SIGKILL)
        where = f"after {moment:.2f} seconds"
    else:
        owner, name = drawn.choice(CALLS)
        number, after = drawn.randint(1, 12), drawn.random() < 0.5
        process = started(folder, result, (owner, name, number, after))
        where = f"{'after' if after else 'before'} call {number} of {name}()"
    outcome = ended(process)
    if outcome < 0:
        raise AssertionError(f"killed {where}, it ended with an error")
    return outcome == signal.SIGKILL, where


def case(drawn, folder, expected, seconds):
    """Kill a run some times, let it end, and return the kills and what fell."""
    result, run = folder / "result.json", folder / "run"
    kills = []
    try:
        for _ in range(drawn.randint(1, 4)):
            was_killed, where = killed(drawn, run, result, seconds)
            if was_killed:
                kills.append(where)
        if ended(started(run, result)) != 0:
            return len(kills), [f"killed {kills}, it did not go on"]
    except AssertionError as error:
        return len(kills), [f"{error}, after it was killed {kills}"]
    fell = []
    if json.loads(result.read_text()) != expected:
        fell.append(f"killed {kills}, it ended otherwise")
    left = sorted(str(path.relative_to(run)) for path in run.rglob("*"))
    wanted = [
        f"stage-{number}{file}"
        for number in (1, 2)
        for file in ("", "/reticnn-checkpoint.npz")
    ]
    if left != wanted:
        fell.append(f"killed {kills}, it left {left}")
    return len(kills), fell


def main(folder, seconds, seed, least):
    """Go on until the time is over and there have been enough kills."""
    drawn = random.Random(seed)
    start = time.monotonic()
    whole = folder / "whole.json"
    assert ended(started(folder / "whole", whole)) == 0
    expected, duration = json.loads(whole.read_text()), time.monotonic() - start
    cases = kills = 0
    while time.monotonic() - start < seconds or kills < least:
        cases += 1
        own = folder / f"case-{cases}"
        own.mkdir()
        count, fell = case(drawn, own, expected, duration)
        kills += count
        for text in fell:
            print(f"seed {seed}, case {cases}: {text}", flush=True)
        shutil.rmtree(own)
    print(json.dumps({"runs": cases, "kills": kills}))


if __name__ == "__main__":
    # Imported before any process is forked.
    assert fit.fit_classifier
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
