"""Runs that are cut off go on as if they had not been."""

import json
import os
import platform
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest
from torture import kills

import reticnn
from reticnn.runtime.conditions import CheckpointError, InterruptedWarning
from reticnn.runtime.locks import FileLock
from reticnn.training import feature_cache
from reticnn.training.callbacks.checkpoints import Checkpoints

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
@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows does not fork processes")
def test_killed_while_it_writes_in_any_stage_ends_alike():
    said = []
    assert kills.run(said.append, 0, seed=2, least=3) == []
    assert int(said[0].split()[0]) >= 3


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
    assert "InterruptedWarning: Training was interrupted in epoch 3 of 6" in problem


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


def small(seed=1, **arguments):
    """Build a very small model."""
    settings = {"n_blocks": 1, "filters": 2, "units": 4, "seed": seed}
    return reticnn.build_cnn((8, 8, 3), **{**settings, **arguments})


def short_run(folder, model=None, data=None, **arguments):
    """Train a very small model with checkpoints."""
    data = data or reticnn.shape_images(24, image_size=8, seed=1)
    settings = {"epochs": 2, "batch_size": 8, "progress": "none", "seed": 1}
    return reticnn.fit_classifier(
        model or small(), data, checkpoint_dir=folder, **{**settings, **arguments}
    )


def cut_in(epoch):
    """Return a progress function that stops training as Ctrl-C does."""

    def stop(state):
        if state["epoch"] == epoch:
            raise KeyboardInterrupt

    return stop


def assert_same(one, other):
    """Check that two classifiers have the same weights and the same history."""
    np.testing.assert_equal(one.history, other.history)
    assert one.kept_epoch == other.kept_epoch
    pairs = zip(one.model.get_weights(), other.model.get_weights(), strict=True)
    for ours, theirs in pairs:
        np.testing.assert_array_equal(ours, theirs)


def test_the_same_call_after_the_end_returns_the_same_classifier(tmp_path):
    first = short_run(tmp_path / "new" / "folder")
    assert_same(short_run(tmp_path / "new" / "folder"), first)


def test_more_epochs_go_on_from_the_end(tmp_path):
    first = short_run(tmp_path)
    longer = short_run(tmp_path, epochs=4)
    whole = short_run(tmp_path / "other", epochs=4)
    assert longer.history["loss"][:2] == first.history["loss"]
    assert longer.history == whole.history


SCHEDULED = {
    "epochs": 4,
    "learning_rate": 0.05,
    "schedule": "cosine",
    "warmup_epochs": 1,
}


def test_a_cut_run_goes_on_with_the_model_as_it_was_left(tmp_path):
    whole = short_run(tmp_path / "whole", **SCHEDULED)
    model = small()
    with pytest.warns(InterruptedWarning, match="in epoch 2 of 4.*of that moment"):
        short_run(tmp_path / "cut", model, progress=cut_in(2), **SCHEDULED)
    with pytest.warns(InterruptedWarning, match="last checkpoint"):
        short_run(tmp_path / "cut", model, progress=cut_in(3), **SCHEDULED)
    assert_same(short_run(tmp_path / "cut", model, **SCHEDULED), whole)
    # Finished, the same call trains no more, with whichever model.
    again = short_run(tmp_path / "cut", model, **SCHEDULED)
    assert_same(again, whole)
    assert_same(short_run(tmp_path / "cut", again, **SCHEDULED), whole)
    assert_same(short_run(tmp_path / "cut", **SCHEDULED), whole)


def test_a_cut_classifier_goes_on_also_from_its_file(tmp_path):
    settings = {**SCHEDULED, "validation": 0.25, "ema": 0.9, "early_stopping": 9}
    first = short_run(None, epochs=1, validation=0.25)
    path = reticnn.save_classifier(first, tmp_path / "first.reticnn")
    whole = short_run(tmp_path / "whole", first, **settings)
    assert whole.history["epoch"] == [1, 2, 3, 4, 5]
    loaded = reticnn.load_classifier(path)
    with pytest.warns(InterruptedWarning, match=r"in epoch 3 of 4.*of epoch"):
        cut = short_run(tmp_path / "cut", loaded, progress=cut_in(3), **settings)
    assert cut.stopped == "interrupted"
    path = reticnn.save_classifier(cut, tmp_path / "cut.reticnn")
    loaded = reticnn.load_classifier(path)
    assert_same(short_run(tmp_path / "cut", loaded, **settings), whole)


@pytest.mark.slow
def test_cut_stages_go_on_with_the_model_as_it_was_left(tmp_path):
    stages = [{}, {"train": "head"}, {"train": "all", "learning_rate": 0.01}]
    whole = short_run(tmp_path / "whole", stages=stages)
    model = small()
    with pytest.warns(InterruptedWarning):
        short_run(tmp_path / "cut", model, progress=cut_in(5), stages=stages)
    assert_same(short_run(tmp_path / "cut", model, stages=stages), whole)
    assert_same(short_run(tmp_path / "cut", stages=stages), whole)
    # What a later stage began from has to be there still: said before any training.
    with pytest.raises(CheckpointError, match="other stages"):
        short_run(tmp_path / "cut", stages=stages, epochs=3)
    (tmp_path / "cut" / "stage-1" / "reticnn-checkpoint.npz").unlink()
    with pytest.raises(CheckpointError, match="another run of the stage before"):
        short_run(tmp_path / "cut", stages=stages)


def layered(activation="relu", seed=1):
    """Build a model of two layers, named by Keras."""
    weights = keras.initializers.GlorotUniform(seed)
    layers = [
        keras.Input((8, 8, 3)),
        keras.layers.Flatten(),
        keras.layers.Dense(3, activation, kernel_initializer=weights),
        keras.layers.Dense(1, "sigmoid", kernel_initializer=weights),
    ]
    return keras.Sequential(layers)


def labelled(labels):
    """Return the images of the short run with other labels."""
    data = reticnn.shape_images(24, image_size=8, seed=1)
    return reticnn.image_arrays(data.read(np.arange(24)), labels)


def other_images():
    """Return as many images as the short run has, of the same classes."""
    return reticnn.shape_images(24, image_size=8, seed=2)


HALVES = ["circle"] * 12 + ["square"] * 12


@pytest.mark.parametrize(
    ("other", "problem"),
    [
        ({"batch_size": 12}, "batch_size: there '8', here '12'"),
        (
            {"data": partial(reticnn.shape_images, 24, image_size=8, seed=2)},
            "other images",
        ),
        ({"data": partial(labelled, HALVES)}, "other labels"),
        ({"data": partial(labelled, ["a", "b"] * 12)}, "other labels"),
        ({"validation": 0.25}, "other images"),
        ({"seed": 2}, "seed: there '1', here '2'"),
        ({"seed": None}, "seed: there '1', here 'none'"),
        ({"learning_rate": 0.5}, "learning_rate: there '0.001', here '0.5'"),
        ({"optimizer": "sgd"}, "optimizer: there 'Adam', here 'SGD'"),
        ({"class_weight": "balanced"}, "class_weight"),
        ({"epochs": 1}, "epochs: there 2 are done, here 1 asked for"),
        ({"model": partial(layered, "tanh")}, "other layers, loss or frozen layers"),
        ({"model": partial(layered, seed=2)}, "other layers, loss or frozen layers"),
    ],
)
def test_another_runs_checkpoint_is_refused(tmp_path, other, problem):
    made = {name: x() if callable(x) else x for name, x in other.items()}
    short_run(tmp_path, layered())
    with pytest.raises(CheckpointError, match=r"`checkpoint_dir`.*delete") as caught:
        short_run(tmp_path, **{"model": layered(), **made})
    assert problem in str(caught.value)


def test_weights_that_were_learned_are_told_from_those_drawn(tmp_path):
    unseeded = small(seed=None)
    first = short_run(tmp_path, unseeded)
    with pytest.warns(UserWarning, match="other random weights"):
        again = short_run(tmp_path, small(seed=None))
    assert_same(again, first)
    learned = small(seed=None)
    learned.set_weights([weight + 0.01 for weight in learned.get_weights()])
    with pytest.raises(CheckpointError, match="other initial weights"):
        short_run(tmp_path, learned)


def test_files_are_the_same_by_name_size_and_time(tmp_path, cats, write_image):
    def run():
        data = reticnn.image_folder(cats, 8)
        return short_run(tmp_path / "run", layered(), data, epochs=1)

    assert_same(run(), run())
    cats.rename(tmp_path / "moved")
    cats = tmp_path / "moved"
    run()
    os.utime(cats / "cat" / "1.png", (1, 1))
    with pytest.raises(CheckpointError, match="other images"):
        run()


def frozen_beginning(seed=1):
    """Build a model whose first layer is frozen, so that its features are kept."""
    model = small(seed, dropout=0.3)
    kinds = (layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D))
    return reticnn.freeze(model, next(kinds).name)


def test_kept_features_are_not_needed_to_go_on(tmp_path, monkeypatch):
    settings = {**SCHEDULED, "epochs": 3}
    whole = short_run(tmp_path / "whole", frozen_beginning(), **settings)
    for name, rooms in {
        "full": ("memory", "none"),
        "freed": ("none", "memory"),
    }.items():
        monkeypatch.setattr(feature_cache, "kind_with_room", lambda size, r=rooms: r[0])
        with pytest.warns(InterruptedWarning):
            short_run(
                tmp_path / name, frozen_beginning(), progress=cut_in(2), **settings
            )
        monkeypatch.setattr(feature_cache, "kind_with_room", lambda size, r=rooms: r[1])
        resumed = short_run(tmp_path / name, frozen_beginning(), **settings)
        for ours, theirs in zip(
            resumed.model.get_weights(), whole.model.get_weights(), strict=True
        ):
            np.testing.assert_allclose(ours, theirs, atol=1e-6)
    monkeypatch.undo()
    with (
        pytest.warns(UserWarning, match="other random weights"),
        pytest.raises(CheckpointError, match="other weights in the frozen layers"),
    ):
        short_run(tmp_path / "whole", frozen_beginning(seed=2), **settings)


def test_a_checkpoint_of_an_older_version_is_refused_by_name(tmp_path):
    short_run(tmp_path)
    file = tmp_path / "reticnn-checkpoint.npz"
    with np.load(file) as archive:
        arrays = {name: archive[name] for name in archive.files}
    record = {**json.loads(str(arrays["record"])), "format": 1}
    np.savez(file, **{**arrays, "record": np.array(json.dumps(record))})
    with pytest.raises(CheckpointError, match=r"older reticnn.*Delete it"):
        short_run(tmp_path)


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """Return the bytes of a checkpoint, and of one as an older version wrote it."""
    folder = tmp_path_factory.mktemp("written")
    short_run(folder)
    file = folder / "reticnn-checkpoint.npz"
    return {"new": file.read_bytes(), "older": as_older(file).read_bytes()}


def as_older(file):
    """Let a checkpoint be as the version before wrote it, without a seal."""
    with np.load(file) as archive:
        arrays = {name: archive[name] for name in archive.files}
    record = {**json.loads(str(arrays["record"])), "format": 2}
    np.savez(file, **{**arrays, "record": np.array(json.dumps(record))})
    return file


def test_a_checkpoint_of_the_version_before_goes_on(tmp_path):
    whole = short_run(tmp_path / "whole", epochs=3)
    short_run(tmp_path / "cut")
    as_older(tmp_path / "cut" / "reticnn-checkpoint.npz")
    assert_same(short_run(tmp_path / "cut", epochs=3), whole)


def damaged(contents, count):
    """Yield contents with one byte changed, or cut off, at `count` places of each."""
    places = np.linspace(0, len(contents) - 1, count).astype(int)
    for place in places:
        yield contents[:place]
        changed = bytearray(contents)
        changed[place] ^= 1 << place % 8
        yield bytes(changed)


@pytest.mark.parametrize("version", ["new", "older"])
def test_every_damage_to_a_checkpoint_is_recognised(tmp_path, written, version):
    file = tmp_path / "reticnn-checkpoint.npz"
    recognised = 0
    for contents in damaged(written[version], 300):
        file.write_bytes(contents)
        try:
            Checkpoints(tmp_path)
        except CheckpointError as error:
            recognised += 1
            assert str(error).startswith("`checkpoint_dir` has a checkpoint that")
            assert "cannot be used" in str(error) and "Delete it" in str(error)
    # What older versions wrote has bytes that say nothing, such as the time.
    assert recognised == 600 or (version == "older" and recognised > 500)
    file.write_bytes(written[version][:2000])
    with pytest.raises(CheckpointError, match=r"`checkpoint_dir`.*cannot be used"):
        short_run(tmp_path)


@pytest.mark.parametrize("kind", ["folder", "pipe", "link to nothing"])
def test_what_is_no_checkpoint_file_is_refused_by_name(tmp_path, kind):
    file = tmp_path / "reticnn-checkpoint.npz"
    if kind == "folder":
        file.mkdir()
    elif kind == "pipe":
        if not hasattr(os, "mkfifo"):
            pytest.skip("Windows has no pipes of this kind")
        os.mkfifo(file)
    else:
        file.symlink_to(tmp_path / "gone")
    with pytest.raises(CheckpointError, match=r"`checkpoint_dir`.*it is not a file"):
        short_run(tmp_path)


def test_what_was_left_by_killed_processes_is_swept(tmp_path):
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    left = tmp_path / f"reticnn-checkpoint.npz.{process.pid}.tmp"
    left.write_bytes(b"half")
    new = tmp_path / ".reticnn-0123456789abcdef"
    new.mkdir()
    for name in ("whole", "lock"):
        (new / name).write_bytes(b"half")
    written = tmp_path / f"reticnn-checkpoint.npz.{os.getppid()}.tmp"
    others = [written, tmp_path / "reticnn-checkpoint.npz.tmp", tmp_path / "notes.tmp"]
    for path in others:
        path.write_bytes(b"of others")
    short_run(tmp_path)
    assert set(tmp_path.iterdir()) == {*others, tmp_path / "reticnn-checkpoint.npz"}


HOLD = """
import sys, time
from reticnn.runtime.locks import FileLock
lock = FileLock(sys.argv[1])
print("held", flush=True)
time.sleep(60)
"""


def test_another_process_in_the_folder_is_named(tmp_path):
    file = tmp_path / "reticnn-checkpoint.lock"
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(file)], stdout=subprocess.PIPE
    )
    try:
        assert other.stdout.readline().strip() == b"held"
        with pytest.raises(CheckpointError, match="`checkpoint_dir` is in use") as told:
            short_run(tmp_path)
        assert f"of process {other.pid}:" in str(told.value)
    finally:
        other.kill()
        other.communicate()
    short_run(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["reticnn-checkpoint.npz"]


def test_a_run_in_this_process_is_in_nobodys_way_when_it_has_failed(tmp_path):
    def again(state):
        with pytest.raises(CheckpointError, match=r"another run, of this process"):
            short_run(tmp_path)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        short_run(tmp_path, progress=again)
    short_run(tmp_path)


# Another user's lock: the superuser becomes nobody, and others are kept from writing.
WITHOUT_RIGHTS = """
import os, sys
from reticnn.runtime.locks import FileLock, HeldError
if os.geteuid() == 0:
    os.setuid(65534)
try:
    lock = FileLock(sys.argv[1])
except HeldError as holder:
    print(holder)
else:
    print("held")
    lock.release(delete=True)
"""


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows has other rights")
def test_a_lock_of_another_user_is_looked_at_all_the_same(tmp_path, run_python):
    for folder in (tmp_path, *tmp_path.parents):
        if folder == Path(tempfile.gettempdir()).resolve():
            break
        folder.chmod(0o755)
    path = tmp_path / "lock"

    def tried():
        path.chmod(0o444)
        run = run_python(WITHOUT_RIGHTS, path)
        return run.stdout.strip() or run.stderr

    lock = FileLock(path)
    assert tried() == f"process {os.getpid()}"
    # It still says so of a process that has ended without taking the note away.
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    path.chmod(0o644)
    path.write_text(f"{ended.pid} {platform.node()}")
    assert tried() == "another process"
    lock.release(delete=False)
    assert tried() == "held"


def test_a_lock_that_cannot_be_looked_at_is_told_of(tmp_path):
    (tmp_path / "reticnn-checkpoint.lock").symlink_to(tmp_path / "another")
    with pytest.raises(CheckpointError, match="`checkpoint_dir` may be in use"):
        short_run(tmp_path)
    assert not (tmp_path / "another").exists()


def test_a_checkpoint_that_was_damaged_is_not_sealed_anew(tmp_path):
    file = tmp_path / "reticnn-checkpoint.npz"

    def damage(state):
        if state["epoch"] == 2:
            contents = bytearray(file.read_bytes())
            contents[10] ^= 1  # The time of an entry, of which no other digest tells.
            file.write_bytes(contents)
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="`checkpoint_dir`.*has changed since"):
        short_run(tmp_path, progress=damage)
    with pytest.raises(CheckpointError, match="it has changed since it was written"):
        short_run(tmp_path)


def ctrl_c_at(number, within):
    """Return a profiler that interrupts within a function, at some call of assign()."""
    inside, calls = [], []

    def profile(frame, event, _):
        name = frame.f_code.co_name
        if name == within and event in ("call", "return"):
            inside[:] = [name] if event == "call" else []
        if inside and (name, event) == ("assign", "call"):
            calls.append(name)
            if len(calls) == number:
                os.kill(os.getpid(), signal.SIGINT)

    return profile


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals")
@pytest.mark.usefixtures("hears_ctrl_c")
def test_ctrl_c_while_the_state_is_put_into_the_model_leaves_it_as_it_was(tmp_path):
    whole = short_run(tmp_path / "whole")
    with pytest.warns(InterruptedWarning):
        short_run(tmp_path / "cut", progress=cut_in(2))
    model = small()
    before = model.get_weights()
    for number in (1, 3):
        sys.setprofile(ctrl_c_at(number, within="restore"))
        try:
            with pytest.raises(KeyboardInterrupt):
                short_run(tmp_path / "cut", model)
        finally:
            sys.setprofile(None)
        for weight, now in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(weight, now)
    assert_same(short_run(tmp_path / "cut", model), whole)


def test_a_model_that_has_the_state_already_goes_on(tmp_path):
    whole = short_run(tmp_path / "whole")
    with pytest.warns(InterruptedWarning):
        short_run(tmp_path / "cut", progress=cut_in(2))
    model = small()
    with np.load(tmp_path / "cut" / "reticnn-checkpoint.npz") as archive:
        for number, variable in enumerate(model.variables):
            variable.assign(archive[f"variable_{number}"])
    assert_same(short_run(tmp_path / "cut", model), whole)


@pytest.mark.parametrize("inside", [(), ("folder",)])
def test_a_file_for_a_folder_is_refused_by_name(tmp_path, refused, inside):
    path = tmp_path / "file"
    path.write_text("mine")
    kind, fix = (OSError, "another folder") if inside else (ValueError, "another name")
    with refused(kind, "checkpoint_dir", repr(str(path.joinpath(*inside))), fix):
        short_run(path.joinpath(*inside))
    assert path.read_text() == "mine"


def test_a_folder_that_may_not_be_written_is_refused_by_name(
    tmp_path, monkeypatch, refused
):
    whole = short_run(tmp_path)
    # The superuser may write everything.
    monkeypatch.setattr(os, "access", lambda *_: False)
    with refused(PermissionError, "checkpoint_dir", repr(str(tmp_path)), "permissions"):
        short_run(tmp_path, epochs=3)
    assert_same(short_run(tmp_path), whole)


def test_a_folder_that_is_gone_is_named_and_no_checkpoint_is_promised(tmp_path):
    folder = tmp_path / "run"

    def remove(state):
        shutil.rmtree(folder, ignore_errors=True)

    with pytest.raises(OSError, match=r"`checkpoint_dir`.*after epoch 1") as told:
        short_run(folder, progress=remove)
    assert f"The folder is gone: {str(folder)!r}" in str(told.value)
    assert "unchanged" not in str(told.value)


def test_an_interruption_promises_no_checkpoint_that_is_not_there(tmp_path):
    def stop(state):
        shutil.rmtree(tmp_path / "run")
        raise KeyboardInterrupt

    with pytest.warns(InterruptedWarning, match="No checkpoint has been written"):
        short_run(tmp_path / "run", progress=stop)


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
