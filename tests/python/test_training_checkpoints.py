"""Runs that are cut off go on as if they had not been."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import reticnn

# A run with everything that has a state: dropout, batch normalisation, mixing, a
# schedule, averaged weights, early stopping. It reports its steps, so that the test can
# cut it off at a known moment.
RUN = """
import json, sys, time
import numpy as np
import reticnn

def tell(state):
    print(state["epoch"], state["step"], flush=True)
    time.sleep(0.05)

folder, result = sys.argv[1:3]
data = reticnn.shape_images(120, 3, image_size=16, seed=1)
model = reticnn.build_cnn(
    (16, 16, 3), 3, n_blocks=2, filters=4, units=8, batch_norm=True, dropout=0.3, seed=7
)
classifier = reticnn.fit_classifier(
    model, data, validation=0.25, epochs=6, batch_size=16, learning_rate=0.01,
    schedule="one_cycle", mixup=0.3, cutmix=0.5, ema=0.9, early_stopping=5,
    checkpoint_dir=folder, progress=tell, seed=7,
)
np.savez(result, *classifier.model.get_weights())
with open(result + ".json", "w") as file:
    json.dump([classifier.history, classifier.stopped], file)
"""


def start(tmp_path, name, code=RUN):
    """Start a run in a separate process."""
    arguments = [str(tmp_path / name), str(tmp_path / f"{name}.npz")]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def result_of(tmp_path, name):
    """Return the weights, the history and why training stopped."""
    with np.load(tmp_path / f"{name}.npz") as archive:
        weights = [archive[key] for key in archive.files]
    return weights, json.loads((tmp_path / f"{name}.npz.json").read_text())


@pytest.mark.slow
def test_killed_at_any_moment_ends_like_a_run_in_one_go(tmp_path):
    whole = start(tmp_path, "whole")
    _, problem = whole.communicate(timeout=120)
    assert whole.returncode == 0, problem

    kills = random.Random(3)
    for epoch in (1, 2, 4):
        run = start(tmp_path, "killed")
        while int(run.stdout.readline().split()[0]) < epoch:
            pass
        time.sleep(kills.random() * 0.2)
        run.send_signal(signal.SIGKILL)
        run.communicate()
        assert run.returncode == -signal.SIGKILL
    run = start(tmp_path, "killed")
    told, problem = run.communicate(timeout=120)
    assert run.returncode == 0, problem
    assert not told.startswith("1 "), "the last run began at the first epoch"

    expected, expected_record = result_of(tmp_path, "whole")
    weights, record = result_of(tmp_path, "killed")
    assert record == expected_record
    for ours, theirs in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
def test_killed_in_its_first_epoch_a_run_without_seeds_keeps_its_weights(tmp_path):
    unseeded = RUN.replace(", seed=7\n)", "\n)").replace("tell, seed=7", "tell")
    assert "seed=7" not in unseeded
    run = start(tmp_path, "killed", unseeded)
    run.stdout.readline()
    run.send_signal(signal.SIGKILL)
    run.communicate()
    beginning = (tmp_path / "killed" / "reticnn-checkpoint.npz").read_bytes()
    results = []
    for name in ("killed", "copied"):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / "reticnn-checkpoint.npz").write_bytes(beginning)
        run = start(tmp_path, name, unseeded)
        _, problem = run.communicate(timeout=120)
        assert run.returncode == 0, problem
        results.append(result_of(tmp_path, name))
    assert results[0][1] == results[1][1]
    for ours, theirs in zip(results[0][0], results[1][0], strict=True):
        np.testing.assert_array_equal(ours, theirs)


# The run sends itself the signal that Ctrl-C sends, at a moment no load can shift.
INTERRUPTED = RUN.replace(
    'print(state["epoch"], state["step"], flush=True)',
    """
    import os, signal
    # Started in the background of a shell, a process begins deaf to the signal.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if state["epoch"] == 3:
        os.kill(os.getpid(), signal.SIGINT)
    """.strip(),
)


@pytest.mark.slow
def test_ctrl_c_returns_the_classifier_so_far(tmp_path):
    run = start(tmp_path, "run", INTERRUPTED)
    _, problem = run.communicate(timeout=120)
    assert run.returncode == 0, problem
    _, (history, stopped) = result_of(tmp_path, "run")
    assert stopped == "interrupted"
    assert history["epoch"] == [1, 2]


FULL_DISK = RUN.replace(
    'print(state["epoch"], state["step"], flush=True)',
    """
    import resource
    if state["epoch"] == 2:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
    """.strip(),
)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file-size limits")
def test_a_full_disk_is_an_error_and_the_last_good_checkpoint_stays(tmp_path):
    # A limit on the size of files stands for a disk with no room left.
    run = start(tmp_path, "run", FULL_DISK)
    _, problem = run.communicate(timeout=120)
    assert run.returncode != 0
    assert "the state after epoch 2 could not be written" in problem
    assert "Free some space, and run the same call again" in problem
    assert [path.name for path in (tmp_path / "run").iterdir()] == [
        "reticnn-checkpoint.npz"
    ]
    again = start(tmp_path, "run")
    told, problem = again.communicate(timeout=120)
    assert again.returncode == 0, problem
    assert told.startswith("2 ")


def short_run(folder, **arguments):
    """Train a very small model with checkpoints."""
    data = reticnn.shape_images(24, image_size=8, seed=1)
    model = reticnn.build_cnn((8, 8, 3), n_blocks=1, filters=2, units=4, seed=1)
    settings = {"epochs": 2, "batch_size": 8, "progress": "none", "seed": 1}
    return reticnn.fit_classifier(
        model, data, checkpoint_dir=folder, **{**settings, **arguments}
    )


def test_the_same_call_after_the_end_returns_the_same_classifier(tmp_path):
    first = short_run(tmp_path / "new" / "folder")
    again = short_run(tmp_path / "new" / "folder")
    assert again.history == first.history
    for ours, theirs in zip(
        again.model.get_weights(), first.model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_more_epochs_go_on_from_the_end(tmp_path):
    first = short_run(tmp_path)
    longer = short_run(tmp_path, epochs=4)
    whole = short_run(tmp_path / "other", epochs=4)
    assert longer.history["loss"][:2] == first.history["loss"]
    assert longer.history == whole.history


def test_another_runs_checkpoint_is_refused(tmp_path):
    short_run(tmp_path)
    with pytest.raises(
        ValueError, match=r"`checkpoint_dir`.*batch_size: there '8', here '12'.*delete"
    ):
        short_run(tmp_path, batch_size=12)


@pytest.mark.parametrize("keep", [0, 100, 2000])
def test_a_damaged_checkpoint_is_recognised(tmp_path, keep):
    short_run(tmp_path)
    file = Path(tmp_path, "reticnn-checkpoint.npz")
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"`checkpoint_dir`.*cannot be used.*Delete"):
        short_run(tmp_path)


def test_a_checkpoint_runs_no_code(tmp_path):
    class Danger:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    np.savez(
        tmp_path / "reticnn-checkpoint.npz",
        record=np.array([Danger()], dtype=object),
    )
    with pytest.raises(ValueError, match="cannot be used"):
        short_run(tmp_path)
    assert not (tmp_path / "ran").exists()
