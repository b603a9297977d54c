"""Files are written as a whole or not at all, and what is held is held by one."""

import errno
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

import reticnn
from reticnn.runtime.locks import FileLock, HeldError
from reticnn.runtime.writing import (
    as_file_to_write,
    deleted_unless_whole,
    replacing,
    sweep,
    temporary_folder,
    unwritten,
)

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")

# Without Keras, so that many processes can be started.
BEGIN = """
import os, sys, time
from reticnn.runtime.writing import replacing, unwritten
from reticnn.runtime.locks import FileLock
"""

WRITE = """
with replacing(sys.argv[1], unwritten(sys.argv[1])) as whole:
    with open(whole, "w") as file:
        file.write("half of it")
        file.flush()
        print("writing", flush=True)
        time.sleep(60)
"""


def write(path, text="new"):
    with replacing(path, unwritten(path)) as whole:
        Path(whole).write_text(text)


def start(code, *arguments):
    """Start a process, and wait for the first thing that it says."""
    core = str(Path(reticnn.__file__).parents[1])
    process = subprocess.Popen(
        [sys.executable, "-c", BEGIN + code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": core},
    )
    process.stdout.readline()
    return process


def kill(process):
    process.kill()
    process.communicate()


@posix
@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664])
def test_a_file_keeps_its_permissions(tmp_path, mode):
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(mode)
    write(path)
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == mode


@posix
def test_a_new_file_has_the_permissions_of_any_new_file(tmp_path):
    write(tmp_path / "ours")
    (tmp_path / "usual").write_text("")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode


@posix
def test_the_file_that_a_link_leads_to_is_replaced(tmp_path):
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
    real, link = tmp_path / "there" / "file", tmp_path / "here" / "link"
    link.symlink_to(Path("..", "there", "file"))
    for text in ("first", "second"):
        write(link, text)
        assert link.is_symlink()
        assert real.read_text() == text
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["link"]
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["file"]


def test_a_file_that_fails_half_way_leaves_the_older_one(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with (
        pytest.raises(KeyError),
        replacing(path, unwritten(path)) as whole,
    ):
        Path(whole).write_text("half")
        raise KeyError("of another kind")
    with (
        pytest.raises(OSError, match=r"`path` could not be written.*unchanged"),
        replacing(path, unwritten(path)) as whole,
    ):
        Path(whole).write_text("half")
        raise OSError(28, "No space left on device")
    assert path.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        RuntimeError("{{node Save}} part-00000; No space left on device [Op:SaveV2]"),
    ],
)
def test_a_folder_that_fails_half_way_is_deleted(tmp_path, error):
    folder = tmp_path / "folder"
    said = r"`path` could not be written \(No space left on device\): .*Free some"
    for raised, wanted in ((error, said), (KeyError("of another kind"), "kind")):
        with (
            pytest.raises(OSError if raised is error else KeyError, match=wanted),
            deleted_unless_whole(folder, unwritten(folder)),
        ):
            folder.mkdir()
            (folder / "half").write_text("half")
            raise raised
        assert not folder.exists()


def test_an_older_full_disk_is_not_why_something_fails_now(tmp_path):
    path = tmp_path / "file"
    try:
        raise OSError(28, "No space left on device")
    except OSError:
        with pytest.raises(KeyError), replacing(path, unwritten(path)):
            {}["of another kind"]


@posix
def test_what_a_killed_process_left_is_swept_and_nothing_else(tmp_path):
    ours = {".reticnn-" + "0" * 15, ".reticnn-notes", "reticnn"}
    for name in ours:
        (tmp_path / name).mkdir()
    path = tmp_path / "file"
    path.write_text("old")
    dead, alive = start(WRITE, path), start(WRITE, path)
    try:
        kill(dead)
        left = {path.name for path in tmp_path.iterdir()} - ours - {"file"}
        assert len(left) == 2
        sweep(tmp_path)
        written = {path.name for path in tmp_path.iterdir()} - ours - {"file"}
        assert len(written) == 1
        write(path)
        assert written < {path.name for path in tmp_path.iterdir()}
    finally:
        kill(alive)
    write(path, "newer")
    assert path.read_text() == "newer"
    assert {path.name for path in tmp_path.iterdir()} == {*ours, "file"}
    # As one is that was killed before it had locked its folder.
    (tmp_path / ".reticnn-0123456789abcdef").mkdir()
    sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*ours, "file"}


@posix
def test_a_process_killed_at_any_moment_leaves_one_whole_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("0" * 100_000)
    again = """
print("writing", flush=True)
number = 0
while True:
    number = (number + 1) % 10
    with replacing(sys.argv[1], unwritten(sys.argv[1])) as whole:
        with open(whole, "w") as file:
            file.write(str(number) * 100_000)
"""
    for seconds in (0.001, 0.004, 0.009, 0.02):
        process = start(again, path)
        time.sleep(seconds)
        kill(process)
        text = path.read_text()
        assert len(text) == 100_000 and len(set(text)) == 1
    write(path)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_is_held_is_named_until_its_holder_ends(tmp_path):
    kept = start(
        "lock = FileLock(sys.argv[1]); print('held', flush=True); time.sleep(60)",
        tmp_path / "kept",
    )
    try:
        with pytest.raises(HeldError, match=f"^process {kept.pid}$"):
            FileLock(tmp_path / "kept")
    finally:
        kill(kept)
    lock = FileLock(tmp_path / "kept")
    with pytest.raises(HeldError, match=r"^this process$"):
        FileLock(tmp_path / "kept")
    lock.release(delete=True)
    assert not (tmp_path / "kept").exists() or os.name == "nt"
    FileLock(tmp_path / "kept").release()


@posix
def test_a_file_that_changes_hands_is_held_by_one(tmp_path):
    # It is deleted each time: none may go on holding a file that is no longer there.
    take = """
print("started", flush=True)
from reticnn.runtime.locks import HeldError
for _ in range(3000):
    try:
        lock = FileLock(sys.argv[1])
    except HeldError:
        continue
    os.mkdir(sys.argv[2])
    os.rmdir(sys.argv[2])
    lock.release(delete=True)
"""
    processes = [start(take, tmp_path / "lock", tmp_path / "alone") for _ in range(3)]
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0


@posix
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_what_is_no_file_is_not_replaced(tmp_path, kind, refused):
    path = Path(os.devnull)
    if kind == "pipe":
        path = tmp_path / "pipe"
        os.mkfifo(path)
    with refused(ValueError, "path", repr(str(path)), "another name"):
        as_file_to_write(path)
    assert not path.is_file()


@posix
def test_what_may_not_be_written_is_said_at_once(tmp_path, monkeypatch, refused):
    path = tmp_path / "file"
    path.write_text("old")
    # The superuser may write everything.
    monkeypatch.setattr(os, "access", lambda name, mode: str(name) != str(path))
    with refused(PermissionError, "path", repr(str(path)), "permissions"):
        as_file_to_write(path)
    monkeypatch.setattr(os, "access", lambda name, mode: str(name) != str(tmp_path))
    for name in ("file", "new"):
        with refused(PermissionError, "path", repr(str(tmp_path)), "permissions"):
            as_file_to_write(tmp_path / name)


# Without a home, and with temporary files where there are none; then without any room.
NOWHERE = """
import os, resource, stat, sys
import numpy as np
import reticnn
from reticnn.training import feature_cache

folder = sys.argv[1]
path, page = os.path.join(folder, "c.reticnn"), os.path.join(folder, "r.html")
data = reticnn.image_folder(os.path.join(folder, "photos"), 8, cache="disk")
model = reticnn.build_cnn((8, 8, 3), n_blocks=1, filters=2, units=4, seed=1)
frozen = reticnn.freeze(model, model.layers[-3].name)
# As if the features did not fit into memory.
feature_cache.kind_with_room = lambda size: "disk"

def everything():
    problems = []
    fitted = reticnn.fit_classifier(frozen, data, epochs=1, progress="none", seed=1)
    assert fitted.history["loss"][-1] > 0
    for write in (
        lambda: reticnn.save_classifier(fitted, path),
        # To predict, the ONNX graph in the file needs no other one.
        lambda: reticnn.load_classifier(path).model,
        lambda: reticnn.report_classifier(fitted, data, page, progress="none"),
        lambda: reticnn.plot_images(data),
        lambda: reticnn.fit_classifier(
            fitted, data, epochs=1, progress="none", checkpoint_dir=folder
        ),
    ):
        try:
            write()
        except OSError as error:
            problems.append(str(error))
    return problems

def contents():
    found = {}
    for name in (path, page):
        with open(name, "rb") as file:
            found[name] = file.read()
    return found, sorted(os.listdir(folder))

problems = everything()
assert problems == [], problems
os.remove(os.path.join(folder, "reticnn-checkpoint.npz"))
before = contents()
resource.setrlimit(resource.RLIMIT_FSIZE, (500, resource.RLIM_INFINITY))
data = reticnn.image_folder(os.path.join(folder, "photos"), 8, cache="disk")
assert reticnn.load_images(data)["images"].mean() > 0
for problem in everything():
    print(problem)
assert contents() == before
"""


@pytest.mark.slow
@posix
def test_without_a_home_and_without_room_all_works_or_says_what_it_lacks(
    tmp_path, run_python, write_image
):
    for name in ("cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png"):
        write_image(tmp_path / "photos" / name)
    done = run_python(
        NOWHERE,
        tmp_path,
        HOME="/dev/null/home",
        TMPDIR=str(tmp_path / "gone"),
        KERAS_HOME=None,
        MPLCONFIGDIR=None,
        XDG_CACHE_HOME=None,
        XDG_CONFIG_HOME=None,
    )
    assert done.returncode == 0, done.stderr
    saved, loaded, reported, checkpoint = done.stdout.splitlines()
    for problem, name in ((saved, "c.reticnn"), (reported, "r.html")):
        assert problem.startswith("`path` could not be written (")
        assert repr(str(tmp_path / name)) in problem
        assert "The older file is unchanged" in problem
    assert loaded.startswith("Temporary files cannot be written in '")
    assert "TMPDIR" in loaded
    assert checkpoint.startswith("`checkpoint_dir`: the state before the first epoch")
    assert f"There is no checkpoint in {str(tmp_path)!r}" in checkpoint


@posix
@pytest.mark.parametrize("link", ["lock", "hard", "folder"])
def test_what_a_link_in_the_folder_leads_to_is_not_touched(tmp_path, link):
    (tmp_path / "elsewhere").mkdir()
    secret = tmp_path / "elsewhere" / "lock"
    secret.write_text("secret")
    (tmp_path / "here").mkdir()
    scratch = tmp_path / "here" / f".reticnn-{'0' * 16}"
    if link == "folder":
        scratch.symlink_to(secret.parent)
    else:
        scratch.mkdir()
        (os.symlink if link == "lock" else os.link)(secret, scratch / "lock")
    write(tmp_path / "here" / "file")
    assert secret.read_text() == "secret"


@pytest.mark.parametrize(
    ("number", "way_out"),
    [
        (errno.ENOSPC, "Free some space"),
        (errno.EACCES, "Allow yourself to write there"),
        (errno.EROFS, "Allow yourself to write there"),
        (errno.EIO, "Put that right"),
    ],
)
def test_what_could_not_be_written_names_the_way_out_of_its_reason(
    tmp_path, number, way_out
):
    path = str(tmp_path / "file")
    with pytest.raises(OSError) as caught, replacing(path, unwritten(path)):
        raise OSError(number, os.strerror(number))
    reason = os.strerror(number)
    assert f"({reason}): {path!r}. {way_out}, or use another" in str(caught.value)
    with pytest.raises(OSError) as caught, temporary_folder():
        raise OSError(number, os.strerror(number))
    assert f"({reason}). {way_out}, or set" in str(caught.value)


NO_TEMPORARY_FILES = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
import reticnn
try:
    reticnn.build_cnn()
except OSError as error:
    # Where there is room again, the same session goes on.
    assert "keras" not in sys.modules
    sys.exit(str(error))
"""


@posix
def test_without_any_temporary_files_it_is_said_before_keras_is_started(run_python):
    done = run_python(NO_TEMPORARY_FILES, TMPDIR="/nowhere")
    assert done.returncode == 1
    assert done.stderr.startswith(
        "Temporary files cannot be written in '/nowhere' or any other folder. Free "
    )
    assert "TMPDIR" in done.stderr and "Traceback" not in done.stderr
