"""Studies: killed, shared by processes, in a database."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from tuning_by_hand import settings_of, tune

import reticnn

HERE = Path(__file__).parent

# What the other process does: it says when a trial is done.
search = """
import sys
sys.path.insert(0, {here!r})
from tuning_by_hand import tune
tune(study=sys.argv[1], trials={trials}, sampler="random",
     progress=lambda state: print(state["trial"], flush=True))
"""


@pytest.fixture
def start():
    """Start a search of a study in another process; all are ended after the test."""
    started = []

    def begin(study, trials):
        core = str(Path(reticnn.__file__).parents[1])
        process = subprocess.Popen(
            [sys.executable, "-c", search.format(here=str(HERE), trials=trials), study],
            env={**os.environ, "PYTHONPATH": core},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def test_kill_loses_at_most_the_trial_in_flight(start, tmp_path):
    study = str(tmp_path / "study.db")
    process = start(study, 50)
    assert process.stdout.readline() == "1\n"
    assert process.stdout.readline() == "2\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    done = tune(study=study, trials=1, sampler="random")
    number = len(done.trials["trial"])
    assert number >= 2
    tuned = tune(study=study, trials=number + 2, sampler="random")
    assert set(tuned.trials["state"]) == {"complete"}
    assert tuned.trials["trial"] == list(range(1, number + 3))
    # As if nothing had happened.
    assert settings_of(tuned) == settings_of(tune(trials=number + 2, sampler="random"))


def shared(start, study):
    """Check that two processes and this one do each trial of a study once."""
    processes = [start(study, 8) for _ in range(2)]
    told = [process.communicate(timeout=240) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], told
    numbers = sorted(int(line) for out, _ in told for line in out.split())
    assert numbers == list(range(1, 9))
    assert all(out for out, _ in told)
    tuned = tune(study=study, trials=8, sampler="random")
    assert settings_of(tuned) == settings_of(tune(trials=8, sampler="random"))


@pytest.mark.slow
def test_two_processes_share_a_journal(start, tmp_path):
    shared(start, str(tmp_path / "study.journal"))


@pytest.fixture(scope="module")
def database():
    """Return the URL of a PostgreSQL of our own on the loopback."""
    pytest.importorskip("psycopg2", reason="no driver for PostgreSQL is installed")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    # Not pytest's folders, which no other user may enter: its programs refuse root.
    folder = Path(tempfile.mkdtemp(prefix="reticnn-postgresql-"))
    run = [] if os.getuid() else ["runuser", "-u", "postgres", "--"]
    if run:
        shutil.chown(folder, "postgres")
    programs, data, port = found[-1].parent, folder / "data", "54329"
    command = [*run, programs / "initdb", "-D", data, "-A", "trust", "-U", "tuner"]
    subprocess.run(command, check=True, capture_output=True, cwd=folder)
    options = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder}"
    control = [*run, programs / "pg_ctl", "-D", data, "-w"]
    start = [*control, "-o", options, "-l", folder / "log", "start"]
    subprocess.run(start, check=True, capture_output=True, cwd=folder)
    yield f"postgresql://tuner@127.0.0.1:{port}/postgres"
    subprocess.run([*control, "-m", "fast", "stop"], capture_output=True, cwd=folder)
    shutil.rmtree(folder)


@pytest.mark.slow
def test_two_processes_share_a_database(start, database):
    shared(start, database)
